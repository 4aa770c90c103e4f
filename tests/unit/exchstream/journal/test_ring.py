"""The journal in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.core.balances import BalanceState
from exchstream.core.state import Checkpoint
from exchstream.errors import ConfigError, SlowConsumer
from exchstream.events import AccountDown, DownReason, Event
from exchstream.journal.ring import Ring


def event() -> Event:
    """Some event."""
    return AccountDown(venue="v", account="a", reason=DownReason.BROKEN, detail="x")


def checkpoint() -> Checkpoint:
    """Some checkpoint."""
    return Checkpoint(good_ns=0, floor_ns=0, balances=BalanceState())


@given(st.integers(1, 7), st.lists(st.integers(0, 9), max_size=10), st.integers(0, 60), st.integers(1, 9))
def test_it_holds_the_newest_events_in_order(limit: int, batches: list[int], after: int, most: int) -> None:
    """Whatever was appended, a slice is the events after a position, in order, as far as memory holds them."""
    ring = Ring(limit)
    for size in batches:
        ring.append("a", [event() for _ in range(size)], checkpoint)
    total = sum(batches)
    assert (total, max(0, total - limit)) == (ring.visible, ring.floor)
    held = [e.position for e in ring.held(after, most)] if after <= total else []
    expected = list(range(after + 1, total + 1))[:most] if ring.floor <= after <= total else []
    assert expected == held


async def test_what_has_left_memory_is_said_to_be_gone() -> None:
    """A reader below the floor is told where it can resume."""
    ring = Ring(2)
    ring.append("a", [event() for _ in range(5)], checkpoint)
    with pytest.raises(SlowConsumer, match=r"resume with stream\.follow") as caught:
        await ring.fetch(1, 10)
    assert (caught.value.position, caught.value.resume_after) == (1, 3)


async def test_names_are_remembered() -> None:
    """A reader's name keeps its position."""
    ring = Ring(2)
    await ring.ack("bot", 7)
    assert (ring.position("bot"), ring.position("other")) == (7, 0)


def test_there_is_always_room_and_nothing_from_before() -> None:
    """Memory makes room by forgetting, and starts empty."""
    ring = Ring(1)
    assert ring.reserve(10**6)
    assert ring.restore("a") is None


def test_a_ring_needs_a_place() -> None:
    """A limit below one cannot work."""
    with pytest.raises(ConfigError, match="at least 1"):
        Ring(0)
