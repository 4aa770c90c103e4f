"""Things on their way through one connection: some are late, and what comes behind one that is late waits with it.

Pure. What this module does not do: bound how many wait; whoever puts them in does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from mockserver.clock import Clock, Timer

T = TypeVar("T")  # Python 3.11 has no other way to write it


class Lane(Generic[T]):
    """One way of a connection; ``emit`` is called for each thing in its turn."""

    def __init__(self, clock: Callable[[], Clock], name: str, link: int, emit: Callable[[T], None]) -> None:
        self._clock = clock
        self._name = name
        self._link = link
        self._emit = emit
        self._waiting: deque[tuple[int, T]] = deque()  # bounded: OUTBOX_FRAMES or INBOX_FRAMES, by link.py
        self._timer: Timer | None = None
        self._held = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, thing: T, delay_ns: int = 0) -> None:
        """Emit it now, or so much later, and not before what it comes behind."""
        if not delay_ns and not self._waiting and not self._held:
            self._emit(thing)
            return
        due_ns = self._clock().timeline_ns + delay_ns
        self._waiting.append((max(due_ns, self._waiting[-1][0]) if self._waiting else due_ns, thing))
        if len(self._waiting) == 1:
            self._await()

    def hold(self, held: bool) -> None:
        """Emit nothing until it is released; then what is due."""
        self._held = held
        if not held:
            self._flush()

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    def _await(self) -> None:
        clock = self._clock()
        self._timer = clock.after(self._waiting[0][0] - clock.timeline_ns, self._name, self._flush, link=self._link)

    def _flush(self) -> None:
        while self._waiting and not self._held and self._waiting[0][0] <= self._clock().timeline_ns:
            self._emit(self._waiting.popleft()[1])
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting and not self._held:
            self._await()
