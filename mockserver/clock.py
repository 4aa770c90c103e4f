"""One clock for everything in a world: the time the venue tells, and a timeline of timers that may run ahead of it.

``now_ns`` is what the venue says as time (``/time``, ``E``, ``T``, the ``recvWindow`` test). Clients sign by their own
clocks, so it must stay near theirs. Timers (key expiry, pings, 24-hour closes, delays) go by the *timeline*, which
``advance`` moves without the time that is told: a day passes for the server, and an unmodified client still signs
rightly. Timers set with ``market=True`` go by the time that is told: a market that traded through a day which clients
do not see would show them a day of trades in one moment, and take an hour to do it.

Either runs at a rate of its own (1: as the source does, 0: it stands), so real, scaled, frozen and virtual are one
class. Nothing here reads the ambient clock: ``Clock`` is given a function that tells the time. Timers with one deadline
fire in the order in which they were set, so that a run is decided by its seed alone. This module sleeps for nobody: a
server asks ``wait_ns`` and calls ``fire_due``.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Final

import attrs

MAX_TIMERS: Final = 100_000
"""More pending timers than this is a runaway loop, not an exchange."""
FASTEST: Final = 100_000
"""The highest rate: a day in less than a second."""


@attrs.define(slots=True, order=True)
class Timer:
    """One pending timer; ``cancel()`` may be called at any time, also after it fired."""

    when_ns: int
    """On the timeline, or, for one of the market, as the venue tells the time."""
    seq: int
    name: str = attrs.field(order=False)
    callback: Callable[[], None] | None = attrs.field(order=False, repr=False)
    account: str | None = attrs.field(order=False, default=None)
    link: int | None = attrs.field(order=False, default=None)
    market: bool = attrs.field(order=False, default=False)

    def cancel(self) -> None:
        """Never fire."""
        self.callback = None

    @property
    def pending(self) -> bool:
        """True until it fires or is cancelled."""
        return self.callback is not None


@attrs.frozen(slots=True)
class Fired:
    """A timer that has fired, or will: its deadline on the timeline, its name, and whom it is about, where known."""

    when_ns: int
    name: str
    account: str | None = None
    link: int | None = None
    market: bool = attrs.field(default=False, eq=False)
    """It is one of the market's, at which no advance to the next deadline stops."""


@attrs.define(slots=True)
class _Hand:
    """A time that runs at a rate beside a source."""

    base_ns: int
    anchor_ns: int
    rate: Fraction

    def at(self, reading_ns: int) -> int:
        passed = reading_ns - self.anchor_ns
        return self.base_ns + (passed if self.rate == 1 else passed * self.rate.numerator // self.rate.denominator)

    def run(self, reading_ns: int, rate: Fraction) -> None:
        self.base_ns, self.anchor_ns, self.rate = self.at(reading_ns), reading_ns, rate


class Clock:
    """Timers over a source of time (nanoseconds since the Unix epoch, or any that begins at ``start_ns``)."""

    def __init__(
        self, source: Callable[[], int], *, start_ns: int | None = None, rate: Fraction | int = 1, wall: bool = False
    ) -> None:
        """``rate`` is that of the timers; with ``wall`` also that of the time that is told."""
        self._source = source
        self._held: int | None = None
        reading = source()
        start = reading if start_ns is None else start_ns
        check_rate(rate)
        self._told = _Hand(start, reading, Fraction(rate if wall else 1))
        self._line = _Hand(start, reading, Fraction(rate))
        self._timers: list[Timer] = []  # bounded: MAX_TIMERS
        self._market: list[Timer] = []  # bounded: MAX_TIMERS
        self._seq = 0
        self.on_change: Callable[[], None] | None = None
        """Called when a timer is set that is due before every other, or the rates change, so that whoever sleeps can
        sleep shorter."""
        self.watchers: list[Callable[[Fired], None]] = []  # bounded: the world's journal, and one per advance
        """Each is told of a timer that fires, just before it does what it was set for; not of the market's."""
        self.on_clear: list[Callable[[], None]] = []  # bounded: by the requests that wait
        """Each is called when all timers are cancelled, because the world ends."""

    # -- reading it -----------------------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The time as the venue tells it, in nanoseconds since the Unix epoch."""
        return self._told.at(self._reading())

    @property
    def timeline_ns(self) -> int:
        """The time by which timers fire; never shown to clients."""
        return self._line.at(self._reading())

    @property
    def ahead_ns(self) -> int:
        """How far the timers are ahead of the time that is told."""
        reading = self._reading()
        return self._line.at(reading) - self._told.at(reading)

    @property
    def rate(self) -> Fraction:
        """How fast the timers run; 0: only as far as they are advanced."""
        return self._line.rate

    @property
    def told_rate(self) -> Fraction:
        """How fast the time runs that is told."""
        return self._told.rate

    @property
    def mode(self) -> str:
        """What kind of clock it is: real, scaled, frozen (the timers stand) or virtual (all stands)."""
        if not self.rate:
            return "frozen" if self.told_rate else "virtual"
        return "real" if self.rate == self.told_rate == 1 else "scaled"

    # -- setting timers -------------------------------------------------------------------------------------------

    def at(
        self,
        when_ns: int,
        name: str,
        callback: Callable[[], None],
        *,
        account: str | None = None,
        link: int | None = None,
        market: bool = False,
    ) -> Timer:
        """Call ``callback`` once, when ``now_ns`` would be this if nobody moved the timeline (in the past: next)."""
        delay_ns = when_ns - self.now_ns
        return self.after(delay_ns, name, callback, account=account, link=link, market=market)

    def after(
        self,
        delay_ns: int,
        name: str,
        callback: Callable[[], None],
        *,
        account: str | None = None,
        link: int | None = None,
        market: bool = False,
    ) -> Timer:
        """Call ``callback`` once, ``delay_ns`` from now; the account and the connection are told when it fires."""
        queue, now_ns = (self._market, self.now_ns) if market else (self._timers, self.timeline_ns)
        if len(queue) >= MAX_TIMERS:
            queue[:] = [timer for timer in queue if timer.pending]
            heapq.heapify(queue)
            if len(queue) >= MAX_TIMERS:
                raise OverflowError(f"more than {MAX_TIMERS} pending timers")
        self._seq += 1
        timer = Timer(now_ns + delay_ns, self._seq, name, callback, account, link, market)
        heapq.heappush(queue, timer)
        if queue[0] is timer:
            self._changed()
        return timer

    def clear(self) -> None:
        """Cancel every timer, and wake whoever waits for one."""
        for queue in (self._timers, self._market):
            for timer in queue:
                timer.cancel()
            queue.clear()
        for wake in tuple(self.on_clear):
            wake()

    # -- what is to come ------------------------------------------------------------------------------------------

    def next_deadline_ns(self) -> int | None:
        """The deadline on the timeline of the earliest pending timer, or None."""
        first = self._first(market=True)
        return None if first is None else self.timeline_ns + first[0]

    def wait_ns(self) -> int | None:
        """How long until a timer is due if all goes on as it does, by the source; None: never."""
        waits = [
            -(-timer_left * hand.rate.denominator // hand.rate.numerator)
            for queue, hand in ((self._timers, self._line), (self._market, self._told))
            if hand.rate and (timer_left := self._left(queue, hand)) is not None
        ]
        return min(waits, default=None)

    def pending(self) -> list[Fired]:
        """Every pending timer in the order in which it would fire if all were advanced."""
        reading = self._reading()
        line, told = self._line.at(reading), self._told.at(reading)
        market = [(timer.when_ns - told + line, timer) for timer in self._market if timer.pending]
        timers = [(timer.when_ns, timer) for timer in self._timers if timer.pending]
        return [_fired(timer, when) for when, timer in sorted(timers + market, key=lambda row: (row[0], row[1].seq))]

    def timers(self) -> list[Timer]:
        """Every pending timer, in the order in which they were set."""
        return sorted((t for t in (*self._timers, *self._market) if t.pending), key=lambda timer: timer.seq)

    # -- moving it ------------------------------------------------------------------------------------------------

    def run_at(self, rate: Fraction | int, *, wall: bool = False) -> None:
        """Let the timers run at this rate from now on, and with ``wall`` the time that is told, too; 0: stand."""
        check_rate(rate)
        reading = self._reading()
        self._line.run(reading, Fraction(rate))
        if wall:
            self._told.run(reading, Fraction(rate))
        self._changed()

    def set(self, now_ns: int, ahead_ns: int, rate: Fraction, told_rate: Fraction) -> None:
        """Begin anew at this time, with no timer."""
        check_rate(rate)
        check_rate(told_rate)
        self.clear()
        reading = self._reading()
        self._told, self._line = _Hand(now_ns, reading, told_rate), _Hand(now_ns + ahead_ns, reading, rate)

    def adopt(self, timers: Iterable[Timer], shift_ns: int) -> None:
        """Take over timers of another clock, in their order, each so much later."""
        for timer in timers:
            self._seq = max(self._seq, timer.seq)
            timer.when_ns += shift_ns
            heapq.heappush(self._market if timer.market else self._timers, timer)
        self._changed()

    def advance(self, by_ns: int, *, wall: bool = False, market: bool | None = None) -> list[Fired]:
        """Move the timers on, stopping at each deadline in order so that a timer sees its own time; what fired.

        The time that is told stays, unless ``wall``. The market trades on the way if the time that is told moves; it
        may be told not to, and is then overdue, once, at the end.
        """
        if by_ns < 0:
            raise ValueError("time does not go back")
        fired: list[Fired] = []
        with self._hold():
            while True:
                moved_ns, one = self.step(by_ns, wall=wall, market=wall if market is None else market)
                by_ns -= moved_ns
                if one is None:
                    return fired
                fired.append(one)

    def advance_to_next(self, *, wall: bool = False) -> list[Fired]:
        """Move the timers on to the next deadline; what fired: every timer that is due then, or nothing at all."""
        with self._hold():
            first = self._first(market=wall)
            return [] if first is None else self.advance(max(0, first[0]), wall=wall)

    def step(self, most_ns: int, *, wall: bool = False, market: bool = False) -> tuple[int, Fired | None]:
        """Advance to the next deadline and fire that timer, or by ``most_ns`` if none is due so soon; how far."""
        with self._hold():
            first = self._first(market=market)
            timer = first[1] if first is not None and first[0] <= most_ns else None
            by_ns = most_ns if first is None or timer is None else max(0, first[0])
            self._line.base_ns += by_ns
            self._told.base_ns += by_ns if wall else 0
            fired = None if timer is None else self._fire(timer)
        self._changed()
        return by_ns, fired

    def fire_due(self) -> list[Fired]:
        """Fire every timer whose deadline has come, including those that the fired ones set for now or earlier."""
        fired: list[Fired] = []
        with self._hold():
            while (first := self._first(market=True)) is not None and first[0] <= 0:
                fired.append(self._fire(first[1]))
        return fired

    # -- inside ---------------------------------------------------------------------------------------------------

    def _reading(self) -> int:
        return self._source() if self._held is None else self._held

    @contextlib.contextmanager
    def _hold(self) -> Iterator[None]:
        """Let no time pass but what is moved, so that a timer that fires sees its own deadline."""
        before = self._held
        self._held = self._reading()
        try:
            yield
        finally:
            self._held = before

    def _left(self, queue: list[Timer], hand: _Hand) -> int | None:
        while queue and not queue[0].pending:
            heapq.heappop(queue)
        return queue[0].when_ns - hand.at(self._reading()) if queue else None

    def _first(self, *, market: bool) -> tuple[int, Timer] | None:
        """How long until the first timer is due, and that timer; those of the market only if asked."""
        found = [(left, self._timers[0])] if (left := self._left(self._timers, self._line)) is not None else []
        if market and (left := self._left(self._market, self._told)) is not None:
            found.append((left, self._market[0]))
        return min(found, key=lambda row: (row[0], row[1].seq), default=None)

    def _fire(self, timer: Timer) -> Fired:
        """Fire the first timer of its queue."""
        heapq.heappop(self._market if timer.market else self._timers)
        callback, timer.callback = timer.callback, None
        fired = _fired(timer, timer.when_ns + self.ahead_ns if timer.market else timer.when_ns)
        for watcher in () if timer.market else tuple(self.watchers):
            watcher(fired)
        if callback is not None:
            callback()
        return fired

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


class VirtualClock(Clock):
    """A clock that stands still until it is advanced."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(lambda: 0, start_ns=start_ns, rate=0, wall=True)


def check_rate(rate: Fraction | int) -> None:
    """ValueError: no clock runs so."""
    if not 0 <= rate <= FASTEST:
        raise ValueError(f"a rate is between 0 and {FASTEST}")


def _fired(timer: Timer, when_ns: int) -> Fired:
    return Fired(when_ns, timer.name, timer.account, timer.link, timer.market)
