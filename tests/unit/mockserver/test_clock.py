"""Timers fire at their deadline, in order, each seeing its own time."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import clock as clock_module
from mockserver.clock import Clock, Fired, VirtualClock


def test_advance_stops_at_each_deadline() -> None:
    """A timer sees the time of its deadline, not the end of the advance."""
    clock = VirtualClock(100)
    seen: list[int] = []
    clock.after(30, "late", lambda: seen.append(clock.now_ns))
    clock.after(10, "early", lambda: seen.append(clock.now_ns))

    fired = clock.advance(50, wall=True)

    assert [Fired(110, "early"), Fired(130, "late")] == fired
    assert seen == [110, 130]
    assert clock.now_ns == 150


def test_one_deadline_fires_in_the_order_of_setting() -> None:
    """Two timers of one deadline keep the order in which they were set."""
    clock = VirtualClock(0)
    for name in "cab":
        clock.at(5, name, lambda: None)

    assert [fired.name for fired in clock.advance(5, wall=True)] == ["c", "a", "b"]


def test_a_timer_set_by_a_timer_fires_in_the_same_advance() -> None:
    """A repeating timer fires as often as its rhythm fits in."""
    clock = VirtualClock(0)

    def again() -> None:
        clock.after(10, "tick", again)

    clock.after(10, "tick", again)

    assert [fired.when_ns for fired in clock.advance(35, wall=True)] == [10, 20, 30]
    assert clock.next_deadline_ns() == 40


def test_cancelled_timers_do_not_fire() -> None:
    """Neither a cancelled timer nor any timer of a cleared clock fires, and neither is a deadline."""
    clock = VirtualClock(0)
    timer = clock.after(1, "no", lambda: pytest.fail("it fired"))
    assert timer.pending
    timer.cancel()
    assert not timer.pending
    assert clock.next_deadline_ns() is None
    clock.after(2, "no", lambda: pytest.fail("it fired"))
    clock.clear()

    assert clock.advance(10, wall=True) == []
    assert clock.pending() == []


def test_time_from_outside() -> None:
    """A clock of somebody else's time fires what is due when it is asked to."""
    times = [0]
    clock = Clock(lambda: times[0])
    clock.after(10, "a", lambda: None)
    clock.after(20, "b", lambda: None)
    assert clock.fire_due() == []
    times[0] = 15

    assert [Fired(10, "a")] == clock.fire_due()
    assert [Fired(20, "b")] == clock.pending()


def test_the_sleeper_is_told_of_an_earlier_deadline() -> None:
    """Only a timer that is due before all others wakes whoever sleeps until the next deadline."""
    clock = VirtualClock(0)
    calls: list[int | None] = []
    clock.on_change = lambda: calls.append(clock.next_deadline_ns())
    clock.after(20, "a", lambda: None)
    clock.after(30, "b", lambda: None)
    clock.after(10, "c", lambda: None)

    assert calls == [20, 10]


def test_time_does_not_go_back() -> None:
    """A negative advance is refused."""
    with pytest.raises(ValueError, match="back"):
        VirtualClock(0).advance(-1)


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled timers make room; pending ones beyond the limit are refused."""
    monkeypatch.setattr(clock_module, "MAX_TIMERS", 3)
    clock = VirtualClock(0)
    timers = [clock.after(n, "t", lambda: None) for n in range(3)]
    with pytest.raises(OverflowError):
        clock.after(9, "t", lambda: None)
    timers[1].cancel()
    clock.after(9, "t", lambda: None)

    assert [fired.when_ns for fired in clock.pending()] == [0, 2, 9]


def test_the_timers_run_ahead_of_the_time_that_is_told() -> None:
    """An advance moves the timers only; what is set afterwards is due so long after the advanced timeline."""
    times = [1_000]
    clock = Clock(lambda: times[0])
    seen: list[tuple[int, int]] = []
    clock.after(60, "key", lambda: seen.append((clock.now_ns, clock.timeline_ns)))
    clock.after(
        10, "market", lambda: pytest.fail("the market does not trade through time that nobody sees"), market=True
    )

    assert clock.advance(100) == [Fired(1_060, "key")]

    assert (seen, clock.now_ns, clock.timeline_ns, clock.ahead_ns) == ([(1_000, 1_060)], 1_000, 1_100, 100)
    clock.after(5, "next", lambda: None, account="a", link=3)
    clock.at(1_007, "at a time that is told", lambda: None)
    assert clock.pending() == [
        Fired(1_105, "next", "a", 3),
        Fired(1_107, "at a time that is told"),
        Fired(1_110, "market"),
    ]
    times[0] = 1_006
    assert clock.fire_due() == [Fired(1_105, "next", "a", 3)]


def test_the_market_trades_where_the_time_that_is_told_moves() -> None:
    """With ``wall`` both times move together; the market can be kept out, and is then overdue once."""
    clock = VirtualClock(0)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(clock.now_ns)
        clock.after(10, "tick", tick, market=True)

    tick()
    clock.advance(25, wall=True)
    assert ticks == [0, 10, 20]
    assert clock.advance(100, wall=True, market=False) == []
    assert clock.fire_due() == [Fired(30, "tick")]
    assert (ticks, clock.now_ns) == ([0, 10, 20, 125], 125)


def test_to_the_next_deadline() -> None:
    """It fires all that is due at that moment, and nothing where nothing is to come."""
    clock = VirtualClock(0)
    for name, when in (("a", 10), ("b", 10), ("c", 11)):
        clock.after(when, name, lambda: None)

    assert [fired.name for fired in clock.advance_to_next()] == ["a", "b"]
    assert [fired.name for fired in clock.advance_to_next()] == ["c"]
    assert clock.advance_to_next() == []
    assert (clock.now_ns, clock.timeline_ns) == (0, 11)


def test_a_clock_that_stands_begins_where_it_is_told_to() -> None:
    """However long it takes to make one, and whatever its source says."""
    times = iter(range(100, 200))
    clock = Clock(lambda: next(times), start_ns=7, rate=0, wall=True)

    assert (clock.now_ns, clock.timeline_ns) == (7, 7)


def test_rates() -> None:
    """Timers run as fast as they are told to, apart from the time that is told; what was passed stays passed."""
    times = [0]
    clock = Clock(lambda: times[0], rate=60)
    clock.after(600, "timer", lambda: None)
    clock.after(600, "market", lambda: None, market=True)
    assert (clock.mode, clock.wait_ns()) == ("scaled", 10)
    times[0] = 5
    assert (clock.now_ns, clock.timeline_ns, clock.wait_ns()) == (5, 300, 5)
    clock.run_at(0)
    times[0] = 50
    assert (clock.mode, clock.now_ns, clock.timeline_ns, clock.wait_ns()) == ("frozen", 50, 300, 550)
    clock.run_at(Fraction(1, 2), wall=True)
    assert clock.wait_ns() == 600
    times[0] = 650
    assert (clock.now_ns, clock.timeline_ns) == (350, 600)
    assert [fired.name for fired in clock.fire_due()] == ["timer"]
    clock.run_at(0, wall=True)
    assert (clock.mode, clock.wait_ns()) == ("virtual", None)
    with pytest.raises(ValueError, match="rate"):
        clock.run_at(-1)


def test_watchers_hear_of_a_timer_before_it_acts() -> None:
    """So that a journal has the timer before what it did."""
    clock = VirtualClock(0)
    heard: list[str] = []
    clock.watchers.append(lambda fired: heard.append(fired.name))
    clock.after(1, "timer", lambda: heard.append("did it"))
    clock.after(1, "market", lambda: None, market=True)
    clock.advance(1, wall=True)

    assert heard == ["timer", "did it"]


@given(
    delays=st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=8),
    parts=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    wall=st.booleans(),
)
def test_one_advance_is_as_good_as_many(delays: list[tuple[int, bool]], parts: list[int], wall: bool) -> None:
    """However an advance is cut, the same timers fire at the same deadlines, those that timers set included."""

    def made() -> Clock:
        clock = VirtualClock(7)

        def again(left: int) -> None:
            if left:
                clock.after(left, f"again {left}", lambda: again(left // 2))

        for number, (delay, repeats) in enumerate(delays):
            clock.after(delay, f"{number}", partial(again, delay if repeats else 0))
        return clock

    whole, cut = made(), made()
    assert whole.advance(sum(parts), wall=wall) == [fired for part in parts for fired in cut.advance(part, wall=wall)]
    assert (whole.now_ns, whole.timeline_ns) == (cut.now_ns, cut.timeline_ns)
    assert whole.pending() == cut.pending()
