"""The mock exchange as a child process: started, awaited until it is ready, and always ended.

It is started as `python -m mockserver` and known by its readiness line alone: the two packages share no code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import trio

from exchstream.core.venue import Venue
from exchstream.errors import ExchstreamError
from exchstream.shell.nursery import open_bare_nursery
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

READY_S: Final = 60.0  # from the start of the process to its readiness line; about 1 s on an idle machine
END_S: Final = 5.0  # from SIGTERM to SIGKILL
MAX_LINE: Final = 1 << 20
KEPT_LINES: Final = 50  # of its standard error


class MockFailed(ExchstreamError):
    """The mock exchange did not start, or ended by itself; the text holds what it said."""


@attrs.define
class _Said:
    """What the child wrote to its standard error, the last lines of it; `whole` once it can write no more."""

    lines: deque[str] = attrs.field(factory=lambda: deque(maxlen=KEPT_LINES))
    whole: trio.Event = attrs.field(factory=trio.Event)

    def summary(self) -> str:
        """Its words in one line; of a traceback the last line, which names the error."""
        lines = [line for line in self.lines if line.strip()]
        if any(line.startswith("Traceback") for line in lines):
            lines = lines[-1:]
        return " | ".join(lines) or "it said nothing"


@asynccontextmanager
async def mock_exchange(port: int, every_s: float) -> AsyncIterator[tuple[str, tuple[Venue, ...]]]:
    """Run a mock exchange on which demo accounts trade; its address and one account at each of its venues.

    `port` 0 takes a free one; each account acts every `every_s` seconds.  Raises MockFailed.
    """
    command = [sys.executable, "-m", "mockserver", "--port", str(port), "--json", "--trade-demo", str(every_s)]
    # A process group of its own: Ctrl-C is for us alone, and the mock ends when we say so, not before the stream does.
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    said = _Said()
    try:
        async with open_bare_nursery() as nursery:
            nursery.start_soon(_keep, process, said)
            ready = await _ready(process, said)
            nursery.start_soon(_watch, process, said)
            yield ready["http"], accounts(ready)
            nursery.cancel_scope.cancel()
    finally:
        with trio.move_on_after(3 * END_S, shield=True):
            await _end(process)


def accounts(ready: dict[str, Any]) -> tuple[Venue, ...]:
    """The mock's demo accounts, made from its readiness line."""
    rest, ws = ready["http"], ready["ws"]
    common = {
        venue: {"name": shown["account"], "api_key": shown["api_key"], "api_secret": shown["api_secret"]}
        for venue, shown in ready["venues"].items()
    }
    return (
        Ftx(**common["ftx"], rest_url=rest, ws_url=f"{ws}/ws/"),
        BinanceSpot(
            **common["binance-spot"], environment="mock", rest_url=rest, ws_url=f"{ws}/ws-api/v3", stream_url=ws
        ),
        BinanceFutures(**common["binance-futures"], environment="mock", rest_url=rest, ws_url=ws),
    )


async def _ready(process: trio.Process, said: _Said) -> dict[str, Any]:
    """The readiness object: the child's first line."""
    assert process.stdout is not None
    line = b""
    with trio.move_on_after(READY_S):
        while b"\n" not in line and len(line) < MAX_LINE:
            if not (piece := await process.stdout.receive_some()):
                raise await _failure(process, said, "did not start")
            line += piece
        try:
            ready = json.loads(line.partition(b"\n")[0])
        except ValueError:
            ready = None
        if not isinstance(ready, dict) or ready.get("event") != "ready":
            raise MockFailed(f"the mock exchange did not say that it is ready, but: {line[:200]!r}")
        return ready
    raise MockFailed(f"the mock exchange was not ready after {READY_S:g} s: {said.summary()}")


async def _watch(process: trio.Process, said: _Said) -> None:
    """A mock that ends by itself ends the demo: without it there is nothing to show."""
    await process.wait()
    raise await _failure(process, said, "ended by itself")


async def _failure(process: trio.Process, said: _Said, what: str) -> MockFailed:
    """The error, with the child's last words."""
    code = await process.wait()
    with trio.move_on_after(1):  # a grandchild could hold the pipe open
        await said.whole.wait()
    return MockFailed(f"the mock exchange {what} (exit code {code}): {said.summary()}")


async def _keep(process: trio.Process, said: _Said) -> None:
    """Read its standard error, so that it never blocks on it."""
    assert process.stderr is not None
    rest = b""
    async for piece in process.stderr:
        *lines, rest = (rest + piece)[-MAX_LINE:].split(b"\n")
        said.lines.extend(line.decode(errors="replace") for line in lines)
    said.lines.append(rest.decode(errors="replace"))
    said.whole.set()


async def _end(process: trio.Process) -> None:
    """End the child: politely, then not."""
    with trio.move_on_after(END_S):
        process.terminate()
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        await pipe.aclose()
