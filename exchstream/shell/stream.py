"""`open_stream`: one typed stream over many accounts, and the readers that follow it.

This is the composition root: it builds hosts, sessions, runners and the journal, and owns their one nursery.  It
decides nothing about venues or gaps.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from os import PathLike
from typing import Final, Literal, Self, TypeGuard

import trio

from exchstream.core.session import Session
from exchstream.core.state import Status
from exchstream.core.venue import MINUTE, SECOND, Venue
from exchstream.errors import AccountFailed, ConfigError
from exchstream.events import Event
from exchstream.journal import Journal
from exchstream.journal.disk import Disk, JournalFile
from exchstream.journal.memory import InMemory
from exchstream.shell.hosts import Hosts
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.recorder import Record, Recorder
from exchstream.shell.runner import Runner
from exchstream.shell.transports import TransportName, connector

# What is logged is for who asks for it: without a handler Python would print our errors beside the exceptions.
logging.getLogger("exchstream").addHandler(logging.NullHandler())

MEMORY_EVENTS: Final = 10_000  # about 20 MB of order updates
BATCH: Final = 256  # events that a reader takes in one go before it lets other tasks run

STREAM: Final = "stream"  # the name under which a journal keeps the position of the stream's own reader
PATIENCE_SECONDS: Final = 1.0  # twice as long a block that does not read may go on without any account
STALLED_SECONDS: Final = 10.0  # ... and so long one whose readers have more to read, and take nothing
EARLIEST_NS: Final = 1_262_304_000 * SECOND  # 2010: no venue is older, and no number of milliseconds is as large

OnFatal = Literal["continue", "raise"]


class Reader:
    """Follows the journal from a position on; an async iterator of events.

    Cancelling a wait loses nothing: the position moves only when an event is handed over.  A reader with a name has
    its position kept by the journal: an event is acknowledged when the next one is asked for, or by `ack`.

    Raises SlowConsumer and AccountFailed as they come, trio.BusyResourceError when another task waits here, and
    trio.ClosedResourceError when the stream's block has been left and everything is read.
    """

    def __init__(self, stream: OrderStream, after: int, name: str | None = None) -> None:
        self._stream = stream
        self._batch: Sequence[Event] = ()
        self._next = 0
        self._busy = False
        self.name = name
        self.position = self._noted = after

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        if self.name is not None and self.position > self._noted:
            self._stream.journal.passed(self.name, self.position)
            self._noted = self.position
        if self._next >= len(self._batch):
            self._batch, self._next = await self._more(), 0
        event = self._batch[self._next]
        self._next += 1
        self.position = event.position
        return event

    async def _more(self) -> Sequence[Event]:
        if self._busy:
            raise trio.BusyResourceError("another task is reading here; give each its own: stream.follow()")
        self._busy = True
        try:
            self._stream.readers.add(self)
            return await self._stream.after(self.position)
        finally:
            self._busy = False

    async def ack(self, position: int) -> None:
        """Keep this position for the reader's name, for good when it returns: a restart reads on behind it."""
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
        self._waiting = trio.lowlevel.ParkingLot()  # for what comes next
        self._left = False
        self._names: dict[str, None] = {}
        self.readers: weakref.WeakSet[Reader] = weakref.WeakSet()  # those that have been asked for an event
        # It goes on where it was left, in this process or in a former one.  Before it is used it holds nothing back.
        kept = journal.position(STREAM)
        self._own = Reader(self, journal.floor if kept is None else kept, STREAM)
        journal.on_visible = self._wake

    def __aiter__(self) -> Reader:
        return self._own

    async def __anext__(self) -> Event:
        return await self._own.__anext__()

    def follow(self, *, after: int | None = None, name: str | None = None) -> Reader:
        """A reader of its own: from `after` on, or from where the reader of this name stopped, or from here.

        A new name begins at the oldest event that is kept.  Raises ConfigError for a position that does not exist yet.
        """
        if name == STREAM:
            raise ConfigError(f"the name {STREAM!r} is that of the stream's own reader: choose another")
        if after is None and name is not None:
            after = self.journal.position(name)
            after = self.journal.floor if after is None else after
        if after is None:
            after = self._own.position
        if not 0 <= after <= self.journal.visible:
            raise ConfigError(f"there is no position {after} yet: the newest is {self.journal.visible}")
        if name is not None:
            self._names[name] = None
        return Reader(self, after, name)

    def status(self) -> Mapping[tuple[str, str], Status]:
        """How each account stands, by (venue, account)."""
        return {(r.venue.name, r.venue.account): r.session.status() for r in self._runners}

    def behind(self) -> Mapping[str, int]:
        """How many positions each named reader of this stream has still to acknowledge.

        Its own is named "stream", and is among them if it has ever been used.
        """
        visible, floor = self.journal.visible, self.journal.floor
        used = self._own in self.readers or self.journal.position(STREAM) is not None
        positions = {name: self.journal.position(name) for name in ((STREAM,) if used else ()) + tuple(self._names)}
        return {name: visible - (floor if position is None else position) for name, position in positions.items()}

    async def after(self, position: int) -> Sequence[Event]:
        """The next events, waiting for at least one.

        Raises SlowConsumer when they have left memory, AccountFailed when no account is left to bring any, and
        trio.ClosedResourceError when the block has been left.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        found: Sequence[Event] = ()
        while not found:  # positions stay unused where an event turned out to be a repeat; there may be many such
            await self._news(position)
            held = self.journal.held(position, BATCH)
            if held is None and self._left:  # the journal's file is closed too
                raise _closed()
            found = await self.journal.fetch(position, BATCH) if held is None else held
            position = min(position + BATCH, self.journal.visible)
        return found

    async def _news(self, position: int) -> None:
        """Wait until something may be read after this position; others run meanwhile in any case, once."""
        if position < self.journal.visible:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        while position >= self.journal.visible:
            if (failure := self._failure()) is not None:
                raise failure
            if self._left:
                raise _closed()
            await self._waiting.park()

    async def end(self) -> None:
        """Wait until no account is left and no reader reads on, then raise AccountFailed.

        A reader that waits for more raises it by itself; this is for a block that does not read, or not any more.
        """
        for runner in self._runners:  # not `_waiting`: every event ends that
            await runner.down.wait()
        failure = self._failure()
        assert failure is not None
        await trio.sleep(PATIENCE_SECONDS)
        before, deadline = None, trio.current_time() + STALLED_SECONDS
        while (behind := self._behind()) and trio.current_time() < deadline:
            if behind != before:
                before, deadline = behind, trio.current_time() + STALLED_SECONDS
            await trio.sleep(PATIENCE_SECONDS)
        await trio.sleep(PATIENCE_SECONDS)
        raise failure

    def leave(self) -> None:
        """The block is left: whoever still waits for an event waits for nothing."""
        self._left = True
        self._wake()

    def _behind(self) -> list[int]:
        """Where the readers stand that have more to read."""
        return sorted(reader.position for reader in self.readers if reader.position < self.journal.visible)

    def _failure(self) -> AccountFailed | None:
        """What to raise when every account is down: the last failure, with the others told in its notes."""
        if any(runner.failure is None for runner in self._runners):  # nearly always the first one already
            return None
        *others, last = (runner.failure for runner in self._runners if runner.failure is not None)
        if not hasattr(last, "__notes__"):
            for other in others:
                last.add_note(str(other))
        return last

    def _wake(self) -> None:
        if self._waiting:
            self._waiting.unpark_all()


@asynccontextmanager
async def open_stream(
    *venues: Venue,
    since_ns: int | None = None,
    on_fatal: OnFatal = "continue",
    memory_events: int = MEMORY_EVENTS,
    journal: str | PathLike[str] | JournalFile | None = None,
    record: str | PathLike[str] | Record | None = None,
    transport: TransportName = "trio-websocket",
) -> AsyncIterator[OrderStream]:
    """Stream the own orders and fills of these accounts until the block is left.

    `since_ns` (UTC) asks for the fills since then; without it the stream begins now.  A fatal fault of one account is
    an `AccountDown` event; with `on_fatal="raise"` it ends the block at once.  `memory_events` bounds how far a slow
    reader may fall behind (with a journal: before it reads from the disk).

    `journal` is the file that keeps all of it over restarts: positions, what was told, how far it was proven, and where
    each reader stood.  An account that it knows goes on from there, whatever `since_ns` says.

    `record` is the file to which all that the accounts' sessions are told is written, without secrets:
    `exchstream replay` tells from it again what was told.

    `transport` is the library that carries the WebSockets.  "websockets" has no task between the socket and the reader,
    and needs the extra `fast`; what the stream tells is the same.

    Raises ConfigError for arguments that cannot work, AccountFailed when no account is left, and JournalError when the
    file cannot be read or written.
    """
    _check_options(since_ns, on_fatal, memory_events)
    _check_venues(venues)
    connect = connector(transport)
    async with (
        _open_journal(journal, memory_events) as store,
        _open_recorder(record) as recorder,
        Hosts.open() as hosts,
        open_bare_nursery() as nursery,
    ):
        nursery.start_soon(store.write)
        runners = [
            Runner(
                venue=venue,
                host=hosts.host(venue),
                session=Session(venue, since_ns=since_ns),
                journal=store,
                connect=connect,
                raise_fatal=on_fatal == "raise",
            )
            for venue in venues
        ]
        restored = await store.restore({runner.name: runner.venue.identity for runner in runners})
        stream = OrderStream(store, runners)
        for runner in runners:
            runner.session.restored = restored.get(runner.name)
        if recorder is not None:
            await recorder.begin([runner.session for runner in runners], store.visible)
            nursery.start_soon(recorder.write)
            for number, runner in enumerate(runners):
                runner.note = partial(recorder.note, number)
        for runner in runners:
            nursery.start_soon(runner.run)
        nursery.start_soon(stream.end)
        try:
            yield stream
        finally:
            nursery.cancel_scope.cancel()
            stream.leave()


@asynccontextmanager
async def _open_journal(
    journal: str | PathLike[str] | JournalFile | None, memory_events: int
) -> AsyncIterator[Journal]:
    if journal is None:
        yield InMemory(memory_events)
        return
    if not isinstance(journal, str | PathLike | JournalFile):
        raise ConfigError(f"journal must be the path of a file or a JournalFile, not {_kind(journal)}")
    file = journal if isinstance(journal, JournalFile) else JournalFile(journal)
    async with Disk.open(file, memory_events) as disk:
        yield disk


@asynccontextmanager
async def _open_recorder(record: str | PathLike[str] | Record | None) -> AsyncIterator[Recorder | None]:
    if record is None:
        yield None
        return
    async with Recorder.open(record if isinstance(record, Record) else Record(record)) as recorder:
        yield recorder


def _closed() -> trio.ClosedResourceError:
    return trio.ClosedResourceError("the stream's block has been left")


def _check_options(since_ns: object, on_fatal: object, memory_events: object) -> None:
    if not trio.lowlevel.in_trio_run():
        raise ConfigError(
            "open_stream runs on trio: start the program with trio.run(main); in an asyncio program see docs/asyncio.md"
        )
    if on_fatal not in ("continue", "raise"):
        raise ConfigError(f"on_fatal must be 'continue' or 'raise', not {on_fatal!r}")
    if not _whole(memory_events):
        raise ConfigError(f"memory_events must be a whole number of events, not {_kind(memory_events)}")
    if since_ns is None:
        return
    if not _whole(since_ns):
        raise ConfigError(f"since_ns must be a whole number, such as time.time_ns() gives, not {_kind(since_ns)}")
    if since_ns < EARLIEST_NS:
        raise ConfigError(
            f"since_ns={since_ns} lies before 2010: it counts nanoseconds; did you pass seconds or milliseconds?"
        )
    if since_ns > time.time_ns() + MINUTE:
        raise ConfigError(f"since_ns={since_ns} lies in the future: it counts UTC nanoseconds since 1970")


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: object) -> str:
    """What was given instead; never the value, which may be a key."""
    return f"a value of the type {type(value).__name__}"


def _check_venues(venues: Sequence[Venue]) -> None:
    if not venues:
        raise ConfigError("open_stream needs at least one account, e.g. open_stream(BinanceSpot(...))")
    for venue in venues:
        _check_venue(venue)
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


def _check_venue(venue: object) -> None:
    """Raises ConfigError, with what to write instead, for what is no account."""
    if isinstance(venue, type):
        name = venue.__name__
        raise ConfigError(f"open_stream takes accounts, not a class: write {name}(...) or {name}.from_env('main')")
    if isinstance(venue, str):
        raise ConfigError("open_stream takes accounts, not texts: write BinanceSpot.from_env('main')")
    if isinstance(venue, Iterable):
        raise ConfigError("open_stream takes one account after the other: write open_stream(*accounts)")
    missing = [name for name in vars(Venue) if not name.startswith("_") and not hasattr(venue, name)]
    if missing:
        what = f"{_kind(venue)} is no account, it has no {', '.join(missing)}"
        raise ConfigError(f"{what}: write open_stream(BinanceSpot(...)), or see docs/writing-a-venue.md")
