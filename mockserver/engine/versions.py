"""A value with its past, so that a REST answer can lag behind the stream: the state *as of* an earlier moment.

The moment counts whole commands: several changes within one command share its time, and only the last is kept.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

VERSIONS_KEPT: Final = 1_000
"""Versions of one value; asked about an older moment, the oldest version that is left answers."""


class Versions(Generic[T]):
    """The latest value and how it came to be."""

    __slots__ = ("_items",)

    def __init__(self, time_ns: int, value: T) -> None:
        self._items: list[tuple[int, T]] = [(time_ns, value)]  # bounded: VERSIONS_KEPT, see put()

    @property
    def latest(self) -> T:
        """The value now."""
        return self._items[-1][1]

    def put(self, time_ns: int, value: T) -> None:
        """Change the value at this time; times never fall."""
        if self._items[-1][0] == time_ns:
            self._items[-1] = (time_ns, value)
            return
        self._items.append((time_ns, value))
        if len(self._items) > VERSIONS_KEPT:
            del self._items[0]

    def at(self, as_of_ns: int | None) -> T | None:
        """Return the value as of a moment (None = now); None when it did not exist yet."""
        if as_of_ns is None:
            return self.latest
        for time_ns, value in reversed(self._items):
            if time_ns <= as_of_ns:
                return value
        return self._items[0][1] if len(self._items) == VERSIONS_KEPT else None
