"""The trio side of the commands: what a stream tells goes out, until time, a signal or an error ends it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import trio

from exchstream.cli import DOWN, OK
from exchstream.cli.board import Board
from exchstream.cli.lines import STDOUT, complain, line, write
from exchstream.cli.mock import mock_exchange
from exchstream.core.venue import Venue
from exchstream.events import AccountDown, Event
from exchstream.jsonlines import to_json
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.stream import OrderStream, open_stream
from exchstream.shell.transports import TransportName

Mode = Literal["live", "plain", "json"]
REDRAW_S: Final = 0.2
CONNECT_S: Final = 5.0  # without a connection for so long, about three attempts, an account is spoken of


async def demo(mode: Mode, seconds: float, port: int, every_s: float) -> int:
    """Three accounts on a mock exchange of its own; the exit code.  Raises MockFailed, AccountFailed."""

    async def show() -> int:
        async with mock_exchange(port, every_s) as (address, venues):
            if mode == "json":
                return await _follow(venues, mode, seconds, Board())
            await _say(f"A mock exchange at {address}, three accounts trading by themselves; Ctrl-C ends it.")
            board = Board()
            try:
                return await _follow(venues, mode, seconds, board)
            finally:
                with trio.move_on_after(1, shield=True):  # after Ctrl-C too, unless nobody reads
                    await _say(board.summary())

    return await _until_signal(show)


async def _say(text: str) -> None:
    await write([text.encode()])


async def tail(
    venues: Sequence[Venue],
    mode: Mode,
    seconds: float,
    since_ns: int | None,
    record: Path | None = None,
    transport: TransportName = "trio-websocket",
) -> int:
    """These accounts, as lines, and into a record; the exit code.  Raises ConfigError, AccountFailed."""

    async def show() -> int:
        return await _follow(venues, mode, seconds, Board(), since_ns, record, transport)

    return await _until_signal(show)


async def _until_signal(show: Callable[[], Awaitable[int]]) -> int:
    """What `show` returns, or 128 and the number of the signal that ended it."""
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: the user wants us to outlive the terminal
        wanted.append(signal.SIGHUP)
    code = OK
    with trio.open_signal_receiver(*wanted) as signals:
        async with open_bare_nursery() as nursery:

            async def listen() -> None:
                nonlocal code
                async for number in signals:
                    code = 128 + number
                    nursery.cancel_scope.cancel()

            nursery.start_soon(listen)
            code = await show()
            nursery.cancel_scope.cancel()
    return code


async def _follow(
    venues: Sequence[Venue],
    mode: Mode,
    seconds: float,
    board: Board,
    since_ns: int | None = None,
    record: Path | None = None,
    transport: TransportName = "trio-websocket",
) -> int:
    """Show the stream for so long; 3 if an account went down meanwhile."""
    downs: list[AccountDown] = []  # one for each account at most
    async with open_stream(*venues, since_ns=since_ns, record=record, transport=transport) as stream:
        with trio.move_on_after(seconds):
            if mode == "live":
                await _live(stream, board, downs)
            else:
                await _lines(stream, mode, board, downs)
    for down in downs:
        complain(f"{down.venue} account {down.account!r}: {down.detail}")
    return DOWN if downs else OK


async def _told(stream: OrderStream, downs: list[AccountDown]) -> AsyncIterator[Event]:
    """Everything that the stream tells, as it comes."""
    async for event in stream:
        if isinstance(event, AccountDown):
            downs.append(event)
        yield event


async def _lines(stream: OrderStream, mode: Mode, board: Board, downs: list[AccountDown]) -> None:
    async with open_bare_nursery() as nursery:
        nursery.start_soon(_warn, stream)
        async for event in _told(stream, downs):
            now_ns = time.time_ns()
            board.take(event, now_ns)
            await write([to_json(event) if mode == "json" else line(event, now_ns).encode()])


async def _warn(stream: OrderStream) -> None:
    """Say once of each outage on standard error that an account does not get through; the stream itself just waits."""
    since: dict[tuple[str, str], float] = {}
    warned: set[tuple[str, str]] = set()
    while True:
        now = trio.current_time()
        for owner, status in stream.status().items():
            waits = status.phase == "connecting" or (status.phase == "looking back" and status.last_error is not None)
            if not waits:
                since.pop(owner, None)
                warned.discard(owner)
            elif owner not in warned and now - since.setdefault(owner, now) >= CONNECT_S:
                warned.add(owner)
                cause = status.last_error or "no answer yet"
                complain(f"{'/'.join(owner)} is not live, and tries again: {cause}")
        await trio.sleep(CONNECT_S / 10)


async def _live(stream: OrderStream, board: Board, downs: list[AccountDown]) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()

    async def listen() -> None:
        async for event in _told(stream, downs):
            board.take(event, time.time_ns())

    def draw() -> None:
        live.update(board.draw(stream.status(), time.time_ns(), console.height, console.width), refresh=True)

    # auto_refresh would draw from a thread, while a task here changes what is drawn
    with Live(console=console, auto_refresh=False) as live:
        try:
            async with open_bare_nursery() as nursery:
                nursery.start_soon(listen)
                while True:
                    draw()
                    await trio.sleep(REDRAW_S)
        finally:
            draw()


def terminal() -> bool:
    """True where a live table can be drawn."""
    return os.isatty(STDOUT) and os.environ.get("TERM", "dumb") != "dumb"
