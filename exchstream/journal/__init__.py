"""The journal: the stream *is* the journal, and readers follow it by position.

One interface, so that memory and disk differ in nothing but how long they remember: room is reserved before a batch
is taken, events are appended together with the session's checkpoint (positions are given here), readers slice from a
position on, a reader with a name has its position kept.

    ring.py      the newest events in memory, shown when they may be seen
    memory.py    the journal without a file
    records.py   events as bytes, and back
    file.py      the file itself: made, held, checked, brought up to date
    store.py     what stands in it: SQLite, synchronous, one process
    pending.py   what waits for the writer, and up to where readers may see
    disk.py      the journal with a file: the writer's thread, the readers
    verify.py    what must be true of a file
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from exchstream.core.state import Checkpoint, Restored
from exchstream.events import Event


class Journal(Protocol):
    """Where events live between the Session and the readers.

    `visible` is the position of the newest event that readers may see; `on_visible` is called after it has moved.
    Positions rise; a number stays unused where an event turned out to be a repeat.
    """

    on_visible: Callable[[], None]

    @property
    def visible(self) -> int: ...
    @property
    def floor(self) -> int:
        """The position before the oldest event that is kept."""
        ...

    async def write(self) -> None:
        """Keep what is appended, until cancelled; to be run beside everything else.  Raises JournalError."""
        ...

    def reserve(self, events: int) -> bool:
        """True if there is room for so many events now; False means: do not take the batch."""
        ...

    async def room(self) -> None:
        """Wait until there is room for an answer's events, whose number nobody knows before."""
        ...

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Give the events (perhaps none) their positions and keep them, with the state of the account they led to.

        `checkpoint` may be called later, and then speaks for all that was appended until then.
        """
        ...

    async def restore(self, accounts: Mapping[str, str]) -> Mapping[str, Restored]:
        """What a former process left of these accounts (by name, with their identities); nothing of one that is new.

        Raises JournalError if it knows another account under one of the names.
        """
        ...

    def held(self, after: int, limit: int) -> Sequence[Event] | None:
        """The events among the next `limit` positions that memory holds; None if these have left memory."""
        ...

    async def fetch(self, after: int, limit: int) -> Sequence[Event]:
        """The events after a position that has left memory.  Raises SlowConsumer if they are nowhere any more."""
        ...

    def position(self, name: str) -> int | None:
        """The position that the reader of this name has acknowledged, None if there never was one."""
        ...

    def passed(self, name: str, position: int) -> None:
        """The reader of this name is past this position; kept soon, not at once."""
        ...

    async def ack(self, name: str, position: int) -> None:
        """Keep this position for the reader of this name, for good when it returns; going back reads again."""
        ...


def nobody() -> None:
    """Nobody waits yet."""
