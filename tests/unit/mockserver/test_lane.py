"""One way of a connection: what is late holds up what comes behind it."""

from __future__ import annotations

from mockserver.clock import VirtualClock
from mockserver.lane import Lane

START_NS = 1_000_000


class Way:
    """A lane, and what has come out of it."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START_NS)
        self.out: list[str] = []
        self.lane: Lane[str] = Lane(lambda: self.clock, "late", 1, self.out.append)

    def after(self, span_ns: int) -> list[str]:
        """What has come out by then."""
        self.clock.advance(span_ns)
        return self.out


def test_nothing_waits_without_a_reason() -> None:
    """It comes out at once."""
    way = Way()
    way.lane.put("a")
    assert (way.out, len(way.lane)) == (["a"], 0)


def test_order_is_kept() -> None:
    """Of things that are due the other way round too."""
    way = Way()
    way.lane.put("slow", 50)
    way.lane.put("quick", 10)
    way.lane.put("at once")
    assert (way.after(49), len(way.lane)) == ([], 3)
    assert way.after(1) == ["slow", "quick", "at once"]
    way.lane.put("later", 10)
    assert way.after(10)[-1] == "later"


def test_holding() -> None:
    """What is due while it is held comes out at its release, the rest in its time."""
    way = Way()
    way.lane.hold(True)
    way.lane.put("a")
    way.lane.put("b", 10)
    way.lane.put("c", 30)
    assert way.after(20) == []
    way.lane.hold(False)
    assert (way.out, len(way.lane)) == (["a", "b"], 1)
    assert way.after(10) == ["a", "b", "c"]
    assert way.clock.pending() == []


def test_forgetting() -> None:
    """What waited never comes."""
    way = Way()
    way.lane.put("a", 10)
    way.lane.clear()
    assert way.after(10) == []
    way.lane.put("b")
    assert way.out == ["b"]
