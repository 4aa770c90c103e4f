"""A test system that is wiped: its ids go back to small numbers, and new orders must not look like old ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from exchstream.events import Event
from exchstream.journal.file import reading
from exchstream.journal.verify import verify
from exchstream.shell.stream import open_stream

from .harness import Mock, Seat, fills_of, gaps_of, live, served, told_fills, until, updates_of, verdicts_of

WIPED = ("binance-spot", "binance-spot-listen-key", "binance-futures")
AFTER = 180.0  # seconds; no test system is wiped at once


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock` (pytest-trio looks there)."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=WIPED)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue that has a test system."""
    return mock.seat(request.param, quick=False, wipes=True)


def named(events: Sequence[Event]) -> set[tuple[str, str]]:
    """What the verdicts could not vouch for."""
    return {(u.what, u.name) for verdict in verdicts_of(events) for u in verdict.unresolved}


async def test_a_venue_that_is_wiped_while_connected(seat: Seat, autojump_clock: MockClock) -> None:
    """The same ids again: all is told as new, what was open is named, and afterwards all is well."""
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live(), seconds=60)
        done, rest = seat.place(), seat.place()
        seat.fill(done)
        await until(stream, lambda told: len(fills_of(told)) == 1 and len(updates_of(told)) >= 3, told=events)
        await trio.sleep(AFTER)
        truth = seat.true_fills()
        seat.wipe()
        again = seat.place()
        assert again.order_id == done.order_id
        seat.fill(again)
        lost = ("order", f"{seat.symbol}:{rest.order_id}")
        await until(stream, lambda told: lost in named(told) and len(fills_of(told)) == 2, seconds=AFTER, told=events)
        seat.fill(seat.place())
        await until(stream, lambda told: len(fills_of(told)) == 3, told=events)
        gaps = len(gaps_of(events))
        with trio.move_on_after(AFTER):
            async for event in stream:
                events.append(event)
    assert sorted([*truth, *seat.true_fills()]) == sorted(told_fills(events))
    assert [fill.epoch for fill in fills_of(events)] == [0, 1, 1]
    assert gaps == len(gaps_of(events))  # afterwards all is well


@pytest.mark.parametrize("reused", [False, True])
async def test_a_venue_that_is_wiped_between_two_runs(
    seat: Seat, tmp_path: Path, reused: bool, autojump_clock: MockClock
) -> None:
    """The journal keeps the old ids for ever, and takes none of the new ones for them."""
    path = tmp_path / "orders.db"
    async with open_stream(seat.venue, journal=path) as stream:
        events = await until(stream, live(), seconds=60)
        done, rest = seat.place(), seat.place()
        seat.fill(done)
        await until(stream, lambda told: len(fills_of(told)) == 1 and len(updates_of(told)) >= 3, told=events)
        await trio.sleep(AFTER)
        await stream.journal.ack("stream", events[-1].position)
    truth = seat.true_fills()
    seat.wipe()
    again = seat.place()
    if reused:
        assert seat.place().order_id == rest.order_id
    seat.fill(again)
    async with open_stream(seat.venue, journal=path) as stream:
        second = await until(stream, live(), seconds=60)
        await stream.journal.ack("stream", second[-1].position)
    async with open_stream(seat.venue, journal=path) as stream:
        third = await until(stream, live(), seconds=60)
    events += second
    assert sorted([*truth, *seat.true_fills()]) == sorted(told_fills(events))
    assert [fill.epoch for fill in fills_of(events)] == [0, 1]
    assert ("order", f"{seat.symbol}:{rest.order_id}") in named(second)
    assert [update.order_id for update in updates_of(second) if not update.status.is_final] == [
        str(rest.order_id)
    ] * reused
    assert (fills_of(third), updates_of(third)) == ([], [])
    assert [verdict.unresolved for verdict in verdicts_of(third)] == [()]
    with reading(path) as db:
        assert verify(db).faults == ()
