"""The client's process: started in a session of its own, told of our signals, and ended with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from typing import Final

import trio

FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SIGNALLED: Final = 128
"""The exit code of a shell for a program that signal n has ended is this and n."""
GRACE_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.02


async def run_to_its_end(process: trio.Process, signals: AsyncIterator[int]) -> int:
    """Wait for the process, handing our signals on to its group; its exit code as a shell would tell it."""
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_forward, signals, process.pid)
            code = await process.wait()
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await end_group(process.pid)
            if process.returncode is None:
                await process.wait()
    return SIGNALLED - code if code < 0 else code


async def end_group(group: int) -> None:
    """End what is left of a process group, and see it gone: asked first, then not asked."""
    if _tell(group, signal.SIGTERM) and not await _gone(group):
        _tell(group, signal.SIGKILL)
        await _gone(group)


async def _gone(group: int) -> bool:
    """Whether nobody is left of it within the grace."""
    with trio.move_on_after(GRACE_SECONDS):
        while _tell(group, 0):  # noqa: ASYNC110 (nobody tells when a grandchild ends)
            await trio.sleep(POLL_SECONDS)
        return True
    return False


async def _forward(signals: AsyncIterator[int], group: int) -> None:
    async for number in signals:
        _tell(group, number)


def _tell(group: int, number: int) -> bool:
    """Whether there was somebody to tell."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False
