"""The newest events in memory, a bounded number of them, overwritten from the oldest on.

Events are placed first (that gives them their positions) and shown later: at once by the journal in memory, after the
commit by the one on disk.  A position whose event turned out to be a repeat can be cleared: it is never shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from exchstream.errors import ConfigError
from exchstream.events import Event, place


class Ring:
    """The newest `limit` events after the position `base`; `last` is the newest placed, `visible` the newest shown."""

    def __init__(self, limit: int, base: int = 0) -> None:
        if limit < 1:
            raise ConfigError(f"memory_events must be at least 1, not {limit}")
        self._slots: list[Event | None] = [None] * limit
        self._base = base
        self.limit = limit
        self.last = base
        self.visible = base

    @property
    def floor(self) -> int:
        """The position before the oldest event that is still here."""
        return max(self._base, self.last - self.limit)

    def place(self, events: Sequence[Event]) -> None:
        """Give these events the next positions, and keep them."""
        slots, size, first = self._slots, self.limit, self.last
        self.last = place(events, first)
        for at, event in enumerate(events, first):
            slots[at % size] = event

    def clear(self, position: int) -> None:
        """Forget the event at this position."""
        if self.floor < position <= self.last:
            self._slots[(position - 1) % self.limit] = None

    def held(self, after: int, limit: int) -> Sequence[Event] | None:
        """The shown events among the next `limit` positions after this one; None if they have left memory."""
        if after < self.floor:
            return None
        size = self.limit
        start = after % size
        stop = start + min(self.visible - after, limit)
        found = self._slots[start:stop] + self._slots[: max(0, stop - size)]
        return [event for event in found if event is not None]
