"""The journal on disk over the mock, for every venue alike: what one run told, the next one knows."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import trio

from exchstream.events import Event, Fill, GapClosed, GapReason, OrderUpdate
from exchstream.journal.disk import JournalFile
from exchstream.journal.store import Durability
from exchstream.model import OrderStatus
from exchstream.shell.stream import OrderStream, open_stream

from .harness import NAMES, Mock, Seat, fills_of, gaps_of, live, served, told_fills, until, updates_of, verdicts_of

FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=NAMES)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue in turn."""
    return mock.seat(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no journal is yet."""
    return tmp_path / "orders.db"


def told(fills: int, ended: int) -> Callable[[Sequence[Event]], bool]:
    """So many fills and ends have been told."""
    return lambda events: len(fills_of(events)) >= fills and sum(u.status.is_final for u in updates_of(events)) >= ended


async def acknowledged(stream: OrderStream, event: Event) -> None:
    """All of it is done: nothing of it is to be delivered again."""
    await stream.journal.ack("stream", event.position)


def as_killed(path: Path) -> Path:
    """The files as a process that is killed now would leave them."""
    folder = path.parent / "left"
    folder.mkdir()
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", folder / f"{path.name}{end}")
    return folder / path.name


@pytest.mark.parametrize("end", ["left", "killed"])
async def test_a_second_run_goes_on_where_the_first_ended(seat: Seat, path: Path, end: str) -> None:
    """Trades before, while nobody listens and after: each fill and each end once over both runs, all of it proven."""
    async with open_stream(seat.venue, journal=path) as stream:
        first = await until(stream, live())
        whole, part, rest, canceled = (seat.place() for _ in range(4))
        seat.fill(whole)
        seat.fill(part, "0.25")
        await until(stream, lambda events: told(2, 1)(events) and len(updates_of(events)) >= 6, told=first)
        await acknowledged(stream, first[-1])
        journal = as_killed(path) if end == "killed" else path
    seat.fill(part, "0.5")
    seat.fill(part)
    seat.cancel(canceled)
    blind = seat.place()
    seat.fill(blind)
    async with open_stream(seat.venue, journal=journal) as stream:
        second = await until(stream, live())
        seat.fill(rest)
        await until(stream, told(4, 4), told=second)

    events = [*first, *second]
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    positions = [event.position for event in events]
    assert list(range(1, len(events) + 1)) == positions
    ends = {u.order_id: u.status for u in updates_of(events) if u.status.is_final}
    assert ends == {
        **{str(order.order_id): FILLED for order in (whole, part, rest, blind)},
        str(canceled.order_id): CANCELED,
    }
    assert len(ends) == sum(u.status.is_final for u in updates_of(events))
    statuses = [(update.order_id, update.status) for update in updates_of(second)]
    assert str(whole.order_id) not in dict(statuses)  # the first run told of its end
    assert [status for order_id, status in statuses if order_id == str(rest.order_id)] == [FILLED]
    assert [
        (gap.reason, verdict.complete) for gap, verdict in zip(gaps_of(second), verdicts_of(second), strict=True)
    ] == [(GapReason.START, True)]


async def test_it_looks_back_from_the_last_proof(seat: Seat, path: Path) -> None:
    """The gap of the start reaches back to the first run's verdict, whatever `since_ns` says, and covers all orders."""
    async with open_stream(seat.venue, journal=path) as stream:
        first = await until(stream, live())
        seat.fill(seat.place())
        await until(stream, told(1, 1), told=first)
        await acknowledged(stream, first[-1])
    proven_ns = verdicts_of(first)[-1].until_ns
    async with open_stream(seat.venue, journal=path, since_ns=seat.exchange.now_ns) as stream:
        second = await until(stream, live())
    (gap,), (verdict,) = gaps_of(second), verdicts_of(second)
    assert (gap.reason, gap.since_ns) == (GapReason.START, verdict.since_ns)
    assert gap.since_ns >= proven_ns
    assert (verdict.complete, verdict.recovered, verdict.scope.orders_since_ns) == (True, 0, None), verdict
    assert [type(event) for event in second] == [type(gap), type(verdict)]
    assert seat.symbol in (verdict.scope.symbols or (seat.symbol,))


@pytest.mark.parametrize("durability", ["normal", "full", "relaxed"])
async def test_many_short_runs_tell_everything_once(mock: Mock, path: Path, durability: Durability) -> None:
    """Ten runs, some of them too short to prove anything, with trades in and between them."""
    seat = mock.seat("binance-spot")
    file = JournalFile(path, durability)
    async with open_stream(seat.venue, journal=file) as stream:
        events = await until(stream, live())
        order = seat.place("10")
        await until(stream, lambda found: len(updates_of(found)) == 1, told=events)
        await acknowledged(stream, events[-1])
    for run in range(10):
        seat.fill(order, "0.5")
        async with open_stream(seat.venue, journal=file) as stream:
            with trio.move_on_after(0.04 * run):
                while True:
                    events.append(await stream.__anext__())
            seat.fill(order, "0.25")
            await acknowledged(stream, events[-1])
    true = sorted(seat.true_fills())
    async with open_stream(seat.venue, journal=file) as stream:  # a verdict of the run before may still be unread
        await until(
            stream, lambda found: sorted(told_fills(found)) == true and isinstance(found[-1], GapClosed), told=events
        )

    assert verdicts_of(events)[-1].complete, verdicts_of(events)
    positions = [event.position for event in events]
    assert list(range(1, len(events) + 1)) == positions
    filled = [update.filled_quantity for update in updates_of(events)]
    assert sorted(set(filled)) == filled


async def test_symbols_of_a_former_run_are_asked_about(mock: Mock, path: Path) -> None:
    """The second run names no symbol, and knows what the first one traded."""
    seat = mock.seat("binance-spot")
    async with open_stream(seat.venue, journal=path) as stream:
        events = await until(stream, live())
        seat.fill(seat.place())
        await until(stream, told(1, 1), told=events)
        await acknowledged(stream, events[-1])
    seat.options["symbols"] = ()
    seat.fill(seat.place("2"))
    async with open_stream(seat.venue, journal=path) as stream:
        second = await until(stream, live())
    assert (len(fills_of(second)), verdicts_of(second)[0].complete) == (1, True), second
    assert "BTCUSDT" in (verdicts_of(second)[0].scope.symbols or ())


async def test_accounts_share_a_journal_and_keep_apart(mock: Mock, path: Path) -> None:
    """One file for all; an account that joins later begins now, one that leaves is missed by nobody."""
    spot, ftx = mock.seat("binance-spot"), mock.seat("ftx")
    async with open_stream(spot.venue, journal=path) as stream:
        events = await until(stream, live())
        spot.fill(spot.place())
        await until(stream, told(1, 1), told=events)
        await acknowledged(stream, events[-1])
    ftx.fill(ftx.place())
    spot.fill(spot.place("2"))
    await trio.sleep(0.05)
    async with open_stream(spot.venue, ftx.venue, journal=path) as stream:
        events = await until(stream, live(2))
        await acknowledged(stream, events[-1])
        assert [fill.venue for fill in fills_of(events)] == ["binance-spot"]
    ftx.fill(ftx.place("3"))
    spot.fill(spot.place("3"))
    async with open_stream(ftx.venue, journal=path) as stream:
        events = await until(stream, live())
    assert [(fill.venue, str(fill.quantity.normalize())) for fill in fills_of(events)] == [("ftx", "3")]


async def test_no_secret_is_in_the_files(seat: Seat, path: Path) -> None:
    """Neither key nor secret, nor what was signed with them, in whatever file stands there (G8)."""
    async with open_stream(seat.venue, journal=path) as stream:
        events = await until(stream, live())
        seat.fill(seat.place())
        await until(stream, told(1, 1), told=events)
        found = b"".join(file.read_bytes() for file in path.parent.iterdir())
    found += b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert any(isinstance(event, Fill | OrderUpdate) and event.raw in found for event in events)
    for secret in (seat.api_key, seat.secret):
        assert secret.encode() not in found
