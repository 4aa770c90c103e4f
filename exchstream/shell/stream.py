"""`open_stream`: one typed stream over many accounts, and the readers that follow it.

This is the composition root: it builds hosts, sessions, runners and the journal, and owns their one nursery.  It
decides nothing about venues or gaps.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Literal, Self

import trio

from exchstream.core.session import Session
from exchstream.core.state import Status
from exchstream.core.venue import Venue
from exchstream.errors import AccountFailed, ConfigError
from exchstream.events import Event
from exchstream.journal import Journal
from exchstream.journal.ring import Ring
from exchstream.shell.hosts import Hosts
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.runner import Runner

MEMORY_EVENTS: Final = 10_000  # about 20 MB of order updates
BATCH: Final = 256  # events that a reader takes in one go before it lets other tasks run

PATIENCE_SECONDS: Final = 1.0  # how long a block that does not read may go on without any account

OnFatal = Literal["continue", "raise"]


class Reader:
    """Follows the journal from a position on; an async iterator of events.

    Cancelling a wait loses nothing: the position moves only when an event is handed over.  A reader with a name has
    its position kept by the journal: an event is acknowledged when the next one is asked for, or by `ack`.
    """

    def __init__(self, stream: OrderStream, after: int, name: str | None = None) -> None:
        self._stream = stream
        self._batch: Sequence[Event] = ()
        self._next = 0
        self.name = name
        self.position = after
        stream.readers.add(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self.name is not None and self.position > self._stream.journal.position(self.name):
            await self._stream.journal.ack(self.name, self.position)
        if self._next >= len(self._batch):
            self._batch, self._next = await self._stream.after(self.position), 0
        event = self._batch[self._next]
        self._next += 1
        self.position = event.position
        return event

    async def ack(self, position: int) -> None:
        """Keep this position for the reader's name: after a restart, reading begins behind it."""
        if self.name is None:
            raise ConfigError("only a reader with a name can acknowledge: stream.follow(name='...')")
        await self._stream.journal.ack(self.name, position)


class OrderStream:
    """The abstract order-update stream: an async iterator of events, of one account or of many.

    `async for event in stream` reads from the beginning of this stream, once; `follow` gives further readers.
    """

    def __init__(self, journal: Journal, runners: Sequence[Runner]) -> None:
        self.journal = journal
        self._runners = runners
        self._moved = trio.Event()
        self.readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._own = Reader(self, journal.visible)
        journal.on_visible = self._wake

    def __aiter__(self) -> Reader:
        return self._own

    async def __anext__(self) -> Event:
        return await self._own.__anext__()

    def follow(self, *, after: int | None = None, name: str | None = None) -> Reader:
        """A reader of its own: from `after` on, or from where the reader of this name stopped, or from here.

        Raises ConfigError for a position that does not exist yet.
        """
        if after is None:
            after = self._own.position if name is None else self.journal.position(name)
        if not 0 <= after <= self.journal.visible:
            raise ConfigError(f"there is no position {after} yet: the newest is {self.journal.visible}")
        return Reader(self, after, name)

    def status(self) -> Mapping[tuple[str, str], Status]:
        """How each account stands, by (venue, account)."""
        return {(r.venue.name, r.venue.account): r.session.status() for r in self._runners}

    async def after(self, position: int) -> Sequence[Event]:
        """The next events, waiting for at least one.

        Raises SlowConsumer when they have left memory, and AccountFailed when no account is left to bring any.
        """
        journal = self.journal
        await trio.lowlevel.checkpoint_if_cancelled()
        while position >= journal.visible:
            if (failure := self._failure()) is not None:
                raise failure
            await self._moved.wait()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return journal.held(position, BATCH) or await journal.fetch(position, BATCH)

    async def end(self) -> None:
        """Wait until no account is left and every reader has read all, then raise AccountFailed.

        A reader that waits for more raises it by itself; this is for a block that does not read.
        """
        while (failure := self._failure()) is None:
            await self._moved.wait()
        while any(reader.position < self.journal.visible for reader in self.readers):  # noqa: ASYNC110
            await trio.sleep(PATIENCE_SECONDS)
        await trio.sleep(PATIENCE_SECONDS)
        raise failure

    def _failure(self) -> AccountFailed | None:
        """What to raise when every account is down: the last failure, with the others told in its notes."""
        failures = [runner.failure for runner in self._runners if runner.failure is not None]
        if len(failures) < len(self._runners):
            return None
        *others, last = failures
        if not hasattr(last, "__notes__"):
            for other in others:
                last.add_note(str(other))
        return last

    def _wake(self) -> None:
        if self._moved.statistics().tasks_waiting:
            self._moved.set()
            self._moved = trio.Event()


@asynccontextmanager
async def open_stream(
    *venues: Venue,
    since_ns: int | None = None,
    on_fatal: OnFatal = "continue",
    memory_events: int = MEMORY_EVENTS,
) -> AsyncIterator[OrderStream]:
    """Stream the own orders and fills of these accounts until the block is left.

    `since_ns` (UTC) asks for the fills since then; without it the stream begins now.  A fatal fault of one account is
    an `AccountDown` event; with `on_fatal="raise"` it ends the block at once.  `memory_events` bounds how far a slow
    reader may fall behind.  Raises ConfigError for arguments that cannot work, AccountFailed when no account is left.
    """
    _check(venues, on_fatal)
    journal = Ring(memory_events)
    async with Hosts.open() as hosts, open_bare_nursery() as nursery:
        runners = [
            Runner(
                venue=venue,
                host=hosts.host(venue),
                session=Session(venue, since_ns=since_ns),
                journal=journal,
                raise_fatal=on_fatal == "raise",
            )
            for venue in venues
        ]
        stream = OrderStream(journal, runners)
        for runner in runners:
            nursery.start_soon(runner.run)
        nursery.start_soon(stream.end)
        try:
            yield stream
        finally:
            nursery.cancel_scope.cancel()


def _check(venues: Sequence[Venue], on_fatal: str) -> None:
    if not venues:
        raise ConfigError("open_stream needs at least one account, e.g. open_stream(BinanceSpot(...))")
    if on_fatal not in ("continue", "raise"):
        raise ConfigError(f"on_fatal must be 'continue' or 'raise', not {on_fatal!r}")
    names: set[tuple[str, str]] = set()
    identities: dict[str, Venue] = {}
    for venue in venues:
        if (venue.name, venue.account) in names:
            raise ConfigError(f"two {venue.name} accounts are named {venue.account!r}: give each its own name=")
        names.add((venue.name, venue.account))
        twin = identities.setdefault(venue.identity, venue)
        if twin is not venue:
            raise ConfigError(
                f"{venue.name} accounts {twin.account!r} and {venue.account!r} have the same key: "
                "every event would be told twice"
            )
