"""The ring, and the journal in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.core.balances import BalanceState
from exchstream.core.state import Checkpoint
from exchstream.errors import ConfigError, SlowConsumer
from exchstream.events import AccountDown, DownReason, Event
from exchstream.journal.memory import InMemory
from exchstream.journal.ring import Ring


def event() -> Event:
    """Some event."""
    return AccountDown(venue="v", account="a", reason=DownReason.BROKEN, detail="x")


def checkpoint() -> Checkpoint:
    """Some checkpoint."""
    return Checkpoint(good_ns=0, floor_ns=0, balances=BalanceState())


@given(
    st.integers(1, 7),
    st.integers(0, 5),
    st.lists(st.integers(0, 9), max_size=10),
    st.sets(st.integers(1, 60)),
    st.integers(0, 60),
    st.integers(1, 9),
)
def test_it_holds_the_newest_events_in_order(
    limit: int, base: int, batches: list[int], cleared: set[int], after: int, most: int
) -> None:
    """Whatever was placed and cleared, a slice is the shown events after a position, as far as it holds them."""
    ring = Ring(limit, base)
    for size in batches:
        ring.place([event() for _ in range(size)])
    total = base + sum(batches)
    for position in cleared:
        ring.clear(position)
    ring.visible = shown = max(base, total - 2)
    assert (total, max(base, total - limit)) == (ring.last, ring.floor)
    if after > shown:
        return
    held = ring.held(after, most)
    expected = [p for p in range(after + 1, min(after + most, shown) + 1) if p not in cleared]
    assert (expected if after >= ring.floor else None) == (None if held is None else [e.position for e in held])


async def test_what_has_left_memory_is_said_to_be_gone() -> None:
    """A reader below the floor is told where it can resume."""
    journal = InMemory(2)
    journal.append("a", [event() for _ in range(5)], checkpoint)
    assert journal.held(1, 10) is None
    with pytest.raises(SlowConsumer, match=r"resume with stream\.follow") as caught:
        await journal.fetch(1, 10)
    assert (caught.value.position, caught.value.resume_after) == (1, 3)


async def test_names_are_remembered() -> None:
    """A reader's name keeps its position."""
    journal = InMemory(2)
    await journal.ack("bot", 7)
    journal.passed("tail", 3)
    assert [journal.position(name) for name in ("bot", "tail", "other")] == [7, 3, None]


async def test_there_is_always_room_and_nothing_from_before() -> None:
    """InMemory makes room by forgetting, and starts empty."""
    journal = InMemory(1)
    await journal.room()
    await journal.write()
    assert journal.reserve(10**6)
    assert await journal.restore({"a": "whose"}) == {}
    assert (journal.visible, journal.floor) == (0, 0)


def test_a_ring_needs_a_place() -> None:
    """A limit below one cannot work."""
    with pytest.raises(ConfigError, match="at least 1"):
        Ring(0)
