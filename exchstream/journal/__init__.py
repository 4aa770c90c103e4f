"""The journal: the stream *is* the journal, and readers follow it by position.

One interface, so that memory and disk differ in nothing but how long they remember: room is reserved before a batch
is taken, events are appended together with the session's checkpoint (positions are given here), readers slice from a
position on, a reader with a name has its position kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from exchstream.core.state import Checkpoint
from exchstream.events import Event


class Journal(Protocol):
    """Where events live between the Session and the readers.

    `visible` is the position of the newest event that readers may see, `floor` the one before the oldest that memory
    still holds.  `on_visible` is called after `visible` has moved.
    """

    on_visible: Callable[[], None]

    @property
    def visible(self) -> int: ...
    @property
    def floor(self) -> int: ...

    def reserve(self, events: int) -> bool:
        """True if there is room for so many events now; False means: do not take the batch."""
        ...

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Give the events their positions and keep them, with the state of the account that they led to."""
        ...

    def restore(self, account: str) -> Checkpoint | None:
        """The checkpoint that a former process left for this account."""
        ...

    def held(self, after: int, limit: int) -> Sequence[Event]:
        """The events after this position that memory holds; empty if there are none, or none any more."""
        ...

    async def fetch(self, after: int, limit: int) -> Sequence[Event]:
        """The events after a position below `floor`.  Raises SlowConsumer if they are nowhere any more."""
        ...

    def position(self, name: str) -> int:
        """The position that the reader of this name has acknowledged, 0 at first."""
        ...

    async def ack(self, name: str, position: int) -> None:
        """Keep this position for the reader of this name; going back is allowed and reads again."""
        ...
