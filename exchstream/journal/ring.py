"""The journal in memory: the newest events, a bounded number of them, overwritten from the oldest on.

It is never full: a reader that falls behind what it holds gets `SlowConsumer` (G5).  Nothing survives the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exchstream.core.state import Checkpoint
from exchstream.errors import ConfigError, SlowConsumer
from exchstream.events import Event, place


class Ring:
    """`Journal` in memory for the newest `limit` events."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ConfigError(f"memory_events must be at least 1, not {limit}")
        self.on_visible: Callable[[], None] = _nobody
        self._slots: list[Event | None] = [None] * limit
        self._names: dict[str, int] = {}
        self._visible = 0

    @property
    def visible(self) -> int:
        """The position of the newest event."""
        return self._visible

    @property
    def floor(self) -> int:
        """The position before the oldest event that is still here."""
        return max(0, self._visible - len(self._slots))

    def reserve(self, events: int) -> bool:
        """Always true: the oldest events make room."""
        return True

    def append(self, account: str, events: Sequence[Event], checkpoint: Callable[[], Checkpoint]) -> None:
        """Place the events; they are visible at once."""
        slots, size = self._slots, len(self._slots)
        for event in events:
            slots[self._visible % size] = event
            self._visible += 1
            place(event, self._visible)
        self.on_visible()

    def restore(self, account: str) -> Checkpoint | None:
        """Memory remembers nothing from before."""
        return None

    def held(self, after: int, limit: int) -> Sequence[Event]:
        """Up to `limit` events after this position; empty at the end, or when it has left memory."""
        if after < self.floor:
            return ()
        size = len(self._slots)
        start, stop = after % size, after % size + min(self._visible - after, limit)
        found = self._slots[start:stop] + self._slots[: max(0, stop - size)]
        return [event for event in found if event is not None]

    async def fetch(self, after: int, limit: int) -> Sequence[Event]:
        """What has left memory is gone."""
        raise SlowConsumer(after, self.floor)

    def position(self, name: str) -> int:
        """What the reader of this name has acknowledged, as long as the process lives."""
        return self._names.get(name, 0)

    async def ack(self, name: str, position: int) -> None:
        """Remember the position."""
        self._names[name] = position


def _nobody() -> None:
    """Nobody waits yet."""
