"""Timers fire at their deadline, in order, each seeing its own time."""

from __future__ import annotations

import pytest

from mockserver import clock as clock_module
from mockserver.clock import Clock, Fired, VirtualClock


def test_advance_stops_at_each_deadline() -> None:
    """A timer sees the time of its deadline, not the end of the advance."""
    clock = VirtualClock(100)
    seen: list[int] = []
    clock.after(30, "late", lambda: seen.append(clock.now_ns))
    clock.after(10, "early", lambda: seen.append(clock.now_ns))

    fired = clock.advance(50)

    assert [Fired(110, "early"), Fired(130, "late")] == fired
    assert seen == [110, 130]
    assert clock.now_ns == 150


def test_one_deadline_fires_in_the_order_of_setting() -> None:
    """Two timers of one deadline keep the order in which they were set."""
    clock = VirtualClock(0)
    for name in "cab":
        clock.at(5, name, lambda: None)

    assert [fired.name for fired in clock.advance(5)] == ["c", "a", "b"]


def test_a_timer_set_by_a_timer_fires_in_the_same_advance() -> None:
    """A repeating timer fires as often as its rhythm fits in."""
    clock = VirtualClock(0)

    def again() -> None:
        clock.after(10, "tick", again)

    clock.after(10, "tick", again)

    assert [fired.when_ns for fired in clock.advance(35)] == [10, 20, 30]
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

    assert clock.advance(10) == []
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
    clock.on_earlier = lambda: calls.append(clock.next_deadline_ns())
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
