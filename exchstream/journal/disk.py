"""The journal with a file: events wait in memory until they are committed, and are shown when they are.

One writer commits everything that is pending, with the checkpoints of the accounts it came from, in one transaction
on one thread; while it does, more gathers for the next.  So a busy stream pays for few commits, and a quiet one waits
for one.  What has left memory is read from the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from exchstream.core.limits import span, whole
from exchstream.core.state import Checkpoint, Restored
from exchstream.core.venue import DAY
from exchstream.errors import ConfigError, JournalError
from exchstream.events import Event
from exchstream.journal.pending import Pending
from exchstream.journal.store import Durability, Retention, Store

GATHER_SECONDS: Final = 0.05  # how late relaxed durability makes events durable, and how late what was read is noted
LOOK_EVERY: Final = 10_000  # events and commits between two looks at what is too old or too much


def _known(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value not in ("normal", "full", "relaxed"):
        raise ConfigError(f"durability must be 'normal', 'full' or 'relaxed', not {value!r}")


@attrs.frozen
class JournalFile:
    """Where a stream keeps its journal, and how.

    `durability`: "normal" shows events once they are committed, and survives the end of the process (a power cut may
    lose the last moments, which are then told again under new positions); "full" survives that too, at the price of
    waiting for the disk; "relaxed" shows events at once and commits within 50 ms, so that a crash may tell the lost
    tail again under new positions.  Records are kept for `keep_ns`, and until every named reader has passed them, but
    never more than `max_bytes` of file: a reader that is slower gets SlowConsumer.  The keys of fills stay for ever
    (some 100 bytes each), so that nothing old is told again.
    """

    path: Path = attrs.field(converter=Path)
    durability: Durability = attrs.field(default="normal", validator=_known)
    keep_ns: int = span(30 * DAY)
    max_bytes: int = whole(4 << 30)


class Disk:
    """`Journal` on disk, with the newest `memory_events` in memory."""

    def __init__(self, store: Store, file: JournalFile, memory_events: int) -> None:
        self._store = store
        self._pending = Pending(store, memory_events, relaxed=file.durability == "relaxed")
        self._ring = self._pending.ring
        self._retention = Retention(file.keep_ns, file.max_bytes)
        self._positions = dict(store.readers)
        self._work, self._hurry, self._done = trio.Event(), trio.Event(), trio.Event()
        self._since_look = LOOK_EVERY
        self._closed = False
        # One thread at a time for each of the file's two connections, never given up in the middle.
        self._writing, self._reading = trio.CapacityLimiter(1), trio.CapacityLimiter(1)

    @classmethod
    @asynccontextmanager
    async def open(cls, file: JournalFile, memory_events: int) -> AsyncIterator[Disk]:
        """The journal of this file; `write` must run meanwhile.  What is pending at the end is committed."""
        store = await trio.to_thread.run_sync(partial(Store, file.path, file.durability))
        try:
            journal = cls(store, file, memory_events)
        except ConfigError:
            store.close()
            raise
        try:
            yield journal
        finally:
            with trio.CancelScope(shield=True):
                await journal._end()

    async def _end(self) -> None:
        """Commit what is pending, and let go of the file when nobody uses it."""
        try:
            while self._pending.pick() is not None:
                await self._commit()
        finally:
            self._closed = True
            self._tell_done()
            async with self._reading, self._writing:  # noqa: ASYNC102 (`open` shields all of it)
                await trio.to_thread.run_sync(self._store.close)  # noqa: ASYNC102

    # ------------------------------------------------------------------------------------------------ appending

    @property
    def on_visible(self) -> Callable[[], None]:
        """What is called when `visible` has moved."""
        return self._pending.on_visible

    @on_visible.setter
    def on_visible(self, call: Callable[[], None]) -> None:
        self._pending.on_visible = call

    @property
    def visible(self) -> int:
        """The position of the newest event that readers may see."""
        return self._ring.visible

    @property
    def floor(self) -> int:
        """The position before the oldest event that the file still has."""
        return self._store.floor

    def reserve(self, events: int) -> bool:
        """True if so many more may wait for the writer; a batch that is larger than memory waits alone."""
        waiting = self._pending.waiting
        return not waiting or waiting + events <= self._ring.limit

    async def room(self) -> None:
        """Wait until no more are waiting than memory holds."""
        while self._pending.waiting > self._ring.limit:
            await self._wait_for_commit()
        await trio.lowlevel.checkpoint()

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Place the events; the writer commits them, and then (or, relaxed, at once) they are shown."""
        self._pending.append(account, events, checkpoint)
        self._work.set()
        if self._pending.urgent or not self._pending.relaxed:
            self._hurry.set()

    # ------------------------------------------------------------------------------------------------ the writer

    async def write(self) -> None:
        """Commit whatever comes, until cancelled.  Raises JournalError when the file cannot be written."""
        while True:
            if self._since_look < LOOK_EVERY:  # else there may be something to let go
                await self._work.wait()
            with trio.move_on_after(GATHER_SECONDS):
                await self._hurry.wait()
            await self._commit()
            await self._trim()

    async def _commit(self) -> None:
        """Commit everything that is pending now, in one transaction.  Raises JournalError.

        However it ends, cancelled too, what is not committed yet is what the next call commits.
        """
        batch = self._pending.pick()
        if batch is None:
            return
        self._work, self._hurry = trio.Event(), trio.Event()
        try:
            refused = await trio.to_thread.run_sync(self._store.commit, batch, limiter=self._writing)
        except JournalError as error:
            if not (waiting := self._pending.waiting):  # how far a reader or a proof has come: it comes again
                raise
            raise JournalError(f"{error} ({waiting} events are not kept; they will be recovered)") from error
        self._since_look += 1 + len(batch.events)
        self._pending.committed(refused)
        self._tell_done()

    def _tell_done(self) -> None:
        self._done.set()
        self._done = trio.Event()

    async def _trim(self) -> None:
        """Let go of a few records, if it is time; between two commits, so that none waits for long."""
        if self._since_look < LOOK_EVERY:
            return
        if not await trio.to_thread.run_sync(self._store.trim, self._retention, limiter=self._writing):
            self._since_look = 0

    # ------------------------------------------------------------------------------------------------ reading

    async def restore(self, accounts: Mapping[str, str]) -> Mapping[str, Restored]:
        """What a former process left of these accounts."""
        return await trio.to_thread.run_sync(self._restored, accounts, limiter=self._writing)

    def _restored(self, accounts: Mapping[str, str]) -> Mapping[str, Restored]:
        self._store.recognise(accounts)
        return self._store.restore(list(accounts))

    def held(self, after: int, limit: int) -> Sequence[Event] | None:
        """The events among the next positions that memory holds; None if these have left it."""
        return self._ring.held(after, limit)

    async def fetch(self, after: int, limit: int) -> Sequence[Event]:
        """The events after this position, from the file.  Raises SlowConsumer if some of them have been let go."""
        while self._pending.kept <= after:
            await self._wait_for_commit()
        return await trio.to_thread.run_sync(self._read, after, limit, limiter=self._reading)

    def _read(self, after: int, limit: int) -> Sequence[Event]:
        if self._closed:
            raise _closed()
        return self._store.read(after, limit)

    def position(self, name: str) -> int | None:
        """What the reader of this name has acknowledged, in whatever process."""
        return self._positions.get(name)

    def passed(self, name: str, position: int) -> None:
        """Note it with the next commit, or soon."""
        self._positions[name] = position
        self._pending.passed(name, position)
        self._work.set()

    async def ack(self, name: str, position: int) -> None:
        """Note it, and wait until that is durable.  Raises ConfigError for a position that does not exist yet."""
        if not 0 <= position <= self.visible:
            raise ConfigError(f"there is no position {position} yet: the newest is {self.visible}")
        self.passed(name, position)
        self._hurry.set()
        number = self._pending.picked + 1  # the commit that will bring it
        while self._pending.done < number:
            await self._wait_for_commit()

    async def _wait_for_commit(self) -> None:
        if self._closed:
            raise _closed()
        await self._done.wait()


def _closed() -> trio.ClosedResourceError:
    return trio.ClosedResourceError("the stream's block has been left")
