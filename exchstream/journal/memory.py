"""The journal in memory: it is never full, and nothing of it survives the process.

A reader that falls behind what it holds gets `SlowConsumer` (G5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exchstream.core.state import Checkpoint, Restored
from exchstream.errors import SlowConsumer
from exchstream.events import Event
from exchstream.journal import nobody
from exchstream.journal.ring import Ring


class InMemory:
    """`Journal` in memory for the newest `limit` events; `memory_events` of `open_stream`."""

    def __init__(self, limit: int) -> None:
        self.on_visible: Callable[[], None] = nobody
        self._ring = Ring(limit)
        self._names: dict[str, int] = {}

    @property
    def visible(self) -> int:
        """The position of the newest event."""
        return self._ring.visible

    @property
    def floor(self) -> int:
        """The position before the oldest event that is still here."""
        return self._ring.floor

    async def write(self) -> None:
        """Nothing has to be written."""

    def reserve(self, events: int) -> bool:
        """Always true: the oldest events make room."""
        return True

    async def room(self) -> None:
        """There always is."""

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Place the events; they are visible at once."""
        self._ring.place(events)
        self._ring.visible = self._ring.last
        self.on_visible()

    async def restore(self, accounts: Mapping[str, str]) -> Mapping[str, Restored]:
        """InMemory remembers nothing from before."""
        return {}

    def held(self, after: int, limit: int) -> Sequence[Event] | None:
        """Up to `limit` events after this position; None when they have left memory."""
        return self._ring.held(after, limit)

    async def fetch(self, after: int, limit: int) -> Sequence[Event]:
        """What has left memory is gone."""
        raise SlowConsumer(after, self._ring.floor)

    def position(self, name: str) -> int | None:
        """What the reader of this name has acknowledged, as long as the process lives."""
        return self._names.get(name)

    def passed(self, name: str, position: int) -> None:
        """Remember the position."""
        self._names[name] = position

    async def ack(self, name: str, position: int) -> None:
        """Remember the position."""
        self._names[name] = position
