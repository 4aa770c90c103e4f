"""One queue of timers for everything in a world that happens later: key expiry, pings, 24-hour closes, liquidity steps.

Nothing here reads the ambient clock: ``Clock`` is given a function that tells the time, ``VirtualClock`` is moved by
hand. Timers with one deadline fire in the order in which they were set, so that a run is decided by its seed alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import attrs

MAX_TIMERS = 100_000
"""More pending timers than this is a runaway loop, not an exchange."""


@attrs.define(slots=True, order=True)
class Timer:
    """One pending timer; ``cancel()`` may be called at any time, also after it fired."""

    when_ns: int
    seq: int
    name: str = attrs.field(order=False)
    callback: Callable[[], None] | None = attrs.field(order=False, repr=False)

    def cancel(self) -> None:
        """Never fire."""
        self.callback = None

    @property
    def pending(self) -> bool:
        """True until it fires or is cancelled."""
        return self.callback is not None


@attrs.frozen(slots=True)
class Fired:
    """A timer that has fired: its deadline and its name."""

    when_ns: int
    name: str


class Clock:
    """Timers over a time that comes from outside (nanoseconds since the Unix epoch)."""

    by_hand = False
    """Whether time moves only by ``advance``: then nobody should wait for its deadlines."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._queue: list[Timer] = []
        self._seq = 0
        self.on_earlier: Callable[[], None] | None = None
        """Called when a timer is set that is due before every other, so that whoever sleeps can sleep shorter."""

    @property
    def now_ns(self) -> int:
        """The time now, in nanoseconds since the Unix epoch."""
        return self._now()

    def at(self, when_ns: int, name: str, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once, at ``when_ns`` (a deadline in the past fires at the next ``fire_due``)."""
        if len(self._queue) >= MAX_TIMERS:
            self._queue = [timer for timer in self._queue if timer.pending]
            heapq.heapify(self._queue)
            if len(self._queue) >= MAX_TIMERS:
                raise OverflowError(f"more than {MAX_TIMERS} pending timers")
        self._seq += 1
        timer = Timer(when_ns, self._seq, name, callback)
        heapq.heappush(self._queue, timer)
        if self._queue[0] is timer and self.on_earlier is not None:
            self.on_earlier()
        return timer

    def after(self, delay_ns: int, name: str, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once, ``delay_ns`` from now."""
        return self.at(self.now_ns + delay_ns, name, callback)

    def next_deadline_ns(self) -> int | None:
        """The deadline of the earliest pending timer, or None."""
        while self._queue and not self._queue[0].pending:
            heapq.heappop(self._queue)
        return self._queue[0].when_ns if self._queue else None

    def pending(self) -> list[Fired]:
        """Every pending timer in the order in which it would fire."""
        return [Fired(timer.when_ns, timer.name) for timer in sorted(self._queue) if timer.pending]

    def clear(self) -> None:
        """Cancel every timer."""
        for timer in self._queue:
            timer.cancel()
        self._queue.clear()

    def fire_due(self) -> list[Fired]:
        """Fire every timer whose deadline has come, including those that the fired ones set for now or earlier."""
        limit = self.now_ns
        fired: list[Fired] = []
        while (deadline := self.next_deadline_ns()) is not None and deadline <= limit:
            fired.append(self._fire_first())
        return fired

    def _fire_first(self) -> Fired:
        timer = heapq.heappop(self._queue)
        callback = timer.callback
        timer.callback = None
        if callback is not None:
            callback()
        return Fired(timer.when_ns, timer.name)


class VirtualClock(Clock):
    """A clock that stands still until it is advanced."""

    by_hand = True

    def __init__(self, start_ns: int) -> None:
        self._time_ns = start_ns
        super().__init__(lambda: self._time_ns)

    def advance(self, by_ns: int) -> list[Fired]:
        """Move the time on, stopping at each deadline in order so that a timer sees its own time; what fired."""
        if by_ns < 0:
            raise ValueError("time does not go back")
        target = self._time_ns + by_ns
        fired: list[Fired] = []
        while (deadline := self.next_deadline_ns()) is not None and deadline <= target:
            self._time_ns = max(self._time_ns, deadline)
            fired.append(self._fire_first())
        self._time_ns = target
        return fired
