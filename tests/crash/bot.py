"""A bot as docs/journal.md tells one to write it, run as a child process.

    python -m tests.crash.bot       with a pickled `Orders` on its standard input; it goes home when that ends

It says `live` of an account when a verdict is in its books, and where it dies.  All that anything logs is in a file
beside the books.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from functools import partial
from pathlib import Path

import attrs
import trio

from exchstream import GapClosed, JournalFile, open_stream
from exchstream.core.venue import Venue
from exchstream.shell.transports import TransportName

from .ambush import Ambush, say
from .books import Books, nobody

MEMORY_EVENTS = 100  # so few that a burst is read from the file
LOG = "bot.log"


@attrs.frozen
class Orders:
    """What the bot is told at its start."""

    venues: tuple[Venue, ...]
    since_ns: int
    journal: JournalFile
    books: Path
    ambush: Ambush | None = None
    keeps: type[Books] = Books
    transport: TransportName = "trio-websocket"


async def main(orders: Orders) -> None:
    """Keep books until killed, or sent home."""
    logging.basicConfig(filename=orders.books.with_name(LOG), level=logging.DEBUG)
    ambush = orders.ambush
    books = orders.keeps(orders.books, nobody if ambush is None else partial(ambush.here, "handler"))
    if ambush is not None:
        ambush.lay()
    async with (
        open_stream(
            *orders.venues,
            since_ns=orders.since_ns,
            journal=orders.journal,
            memory_events=MEMORY_EVENTS,
            transport=orders.transport,
        ) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(go_home, nursery.cancel_scope)
        reader = stream.follow(after=books.position, name="books")
        if ambush is not None and ambush.phase == "idle":
            nursery.start_soon(ambush.wait_idle, stream, reader)
        async for event in reader:
            books.enter(event)
            if isinstance(event, GapClosed):
                say(f"live {event.account} {event.until_ns} {event.unresolved}")


async def go_home(scope: trio.CancelScope) -> None:
    """Nobody gives orders any more."""
    await trio.to_thread.run_sync(os.read, sys.stdin.fileno(), 1, abandon_on_cancel=True)
    scope.cancel()


if __name__ == "__main__":
    trio.run(main, pickle.load(sys.stdin.buffer))
