"""Hours of the stream in seconds: exchstream and the mock on one virtual clock, over real loopback sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Final

import pytest
import trio
from trio.testing import MockClock

from exchstream.core.venue import HOUR, MINUTE, SECOND
from exchstream.events import AccountDown, DownReason, Event, GapReason
from exchstream.model import OrderStatus
from exchstream.shell.stream import OrderStream, open_stream
from mockserver.engine.commands import ForceClose
from mockserver.engine.enums import Kind, OnCross, Side
from mockserver.faces.base import HttpRequest, HttpResponse

from .harness import (
    NAMES,
    Mock,
    Seat,
    eventually,
    fills_of,
    gaps_of,
    live,
    served,
    told_fills,
    until,
    updates_of,
    verdicts_of,
)

BOUND = {"binance-spot": 60, "binance-spot-listen-key": 60, "binance-futures": 90, "ftx": 90}


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock` (pytest-trio looks there)."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=NAMES)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue in turn, with the documented time-outs and lag allowances."""
    return mock.seat(request.param, quick=False)


async def watch(stream: OrderStream, seconds: float) -> list[Event]:
    """What is told within so many (virtual) seconds."""
    events: list[Event] = []
    with trio.move_on_after(seconds):
        async for event in stream:
            events.append(event)
    return events


async def test_a_healthy_hour_opens_no_gap(seat: Seat, autojump_clock: MockClock) -> None:
    """An hour with trading, heartbeats, audits and key renewals: one gap at the start and none after."""
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live(), seconds=60)
        assert verdicts_of(events)[0].complete, verdicts_of(events)
        events = []
        for minute in range(60):
            order = seat.place()
            events += await watch(stream, 30)
            if minute % 3:
                seat.fill(order, "0.5")
                seat.fill(order)
            else:
                seat.cancel(order)
            events += await watch(stream, 30)
    assert gaps_of(events) == []
    assert seat.true_fills() == told_fills(events)


@pytest.mark.usefixtures("each_transport")
async def test_a_silent_connection_is_noticed_within_the_bound(seat: Seat, autojump_clock: MockClock) -> None:
    """Pings go on, events do not: the gap is opened within the stated bound, and the fill is recovered."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        await watch(stream, 300)
        order = seat.place()
        events = await watch(stream, 1)
        for link in seat.links:
            link.mute()
        started = trio.current_time()
        seat.fill(order)
        events += await until(stream, lambda told: bool(gaps_of(told)), seconds=300)
        noticed = trio.current_time() - started
        await until(stream, live(), seconds=60, told=events)
    assert noticed <= BOUND[seat.flavour]
    assert GapReason.AUDIT is gaps_of(events)[0].reason
    assert seat.true_fills() == told_fills(events)
    assert verdicts_of(events)[-1].complete, verdicts_of(events)


@pytest.mark.usefixtures("each_transport")
async def test_a_subscription_that_was_never_alive_is_noticed(seat: Seat, autojump_clock: MockClock) -> None:
    """The connection opens and is mute from the first moment on: a fill is told all the same, within the bound."""
    async with open_stream(seat.venue) as stream:
        with trio.fail_after(60):
            await eventually(lambda: bool(seat.links))
        for link in seat.links:
            link.mute()
        events = await until(stream, live(), seconds=120)
        started = trio.current_time()
        seat.fill(seat.place())
        await until(stream, lambda told: bool(fills_of(told)), seconds=300, told=events)
    assert trio.current_time() - started <= BOUND[seat.flavour] + 10
    assert seat.true_fills() == told_fills(events)


async def settled(stream: OrderStream, seat: Seat) -> None:
    """Live, with an order that rests since long before the last instant proven good: no listing by time reaches it."""
    placed_ns = seat.exchange.now_ns
    await watch(stream, 300)
    (status,) = stream.status().values()
    assert placed_ns < status.good_ns - seat.venue.plan.lag_ns - MINUTE


@pytest.mark.parametrize("end", [OrderStatus.CANCELED, OrderStatus.FILLED])
async def test_an_old_order_that_ends_in_a_gap_is_told(seat: Seat, end: OrderStatus, autojump_clock: MockClock) -> None:
    """Created long before the gap and ended in it, an order is in no listing of the gap: it is asked for by its id."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order, _ = seat.place(), seat.place()
        await settled(stream, seat)
        seat.drop()
        (seat.cancel if end is OrderStatus.CANCELED else seat.fill)(order)
        events = await until(stream, live(), seconds=120)
        events += await watch(stream, 120)
    assert [(str(order.order_id), end)] == [(update.order_id, update.status) for update in updates_of(events)]
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.LOST]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]
    assert seat.true_fills() == told_fills(events)


@pytest.mark.parametrize("end", [OrderStatus.CANCELED, OrderStatus.FILLED])
async def test_an_old_order_that_ends_in_a_gap_is_told_without_its_fills(
    mock: Mock, end: OrderStatus, autojump_clock: MockClock
) -> None:
    """The same where no listing of fills gives it away: an FTX account may listen to orders alone."""
    seat = mock.seat("ftx", quick=False, channels={"orders"})
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await settled(stream, seat)
        seat.drop()
        (seat.cancel if end is OrderStatus.CANCELED else seat.fill)(order)
        events = await until(stream, live(), seconds=120)
    assert [(str(order.order_id), end)] == [(update.order_id, update.status) for update in updates_of(events)]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_symbol_that_nobody_named_is_audited(mock: Mock, flavour: str, autojump_clock: MockClock) -> None:
    """No symbol was named and none has traded yet; then a link that is mute hides the first trade, and it is found."""
    seat = mock.seat(flavour, quick=False, **({} if flavour == "ftx" else {"symbols": ()}))
    assert seat.venue.symbols == ()
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        await watch(stream, 300)
        for link in seat.links:
            link.mute()
        started = trio.current_time()
        seat.fill(seat.place())
        events = await until(stream, lambda told: bool(gaps_of(told)), seconds=BOUND[flavour])
        noticed = trio.current_time() - started
        await until(stream, live(), seconds=120, told=events)
    assert noticed <= BOUND[flavour]
    assert GapReason.AUDIT is gaps_of(events)[0].reason
    assert seat.true_fills() == told_fills(events)
    assert verdicts_of(events)[-1].complete, verdicts_of(events)


@pytest.mark.parametrize("kind", [Kind.LIQUIDATION, Kind.ADL, Kind.SETTLEMENT])
async def test_a_forced_close_in_a_gap_is_told_as_such(mock: Mock, kind: Kind, autojump_clock: MockClock) -> None:
    """REST lists its fill like any trade: the order, by its client id, says what was done to the position."""
    seat = mock.seat("binance-futures", quick=False)
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        seat.fill(seat.place())
        await settled(stream, seat)
        seat.drop()
        close = ForceClose(account=seat.name, instrument=seat.symbol, kind=kind, quantity=None, price=None)
        assert seat.exchange.submit(close).reject is None
        events = await until(stream, live(), seconds=120)
    assert [(fill.kind.value, fill.recovered) for fill in fills_of(events)] == [(kind.name.lower(), True)]
    assert verdicts_of(events)[-1].complete


@pytest.mark.usefixtures("each_transport")
async def test_a_half_open_link_is_noticed_by_its_heartbeat(seat: Seat, autojump_clock: MockClock) -> None:
    """The peer neither reads nor writes any more: nothing is heard, the link is replaced, nothing is lost."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await watch(stream, 1)
        for link in seat.links:
            link.half_open()
        seat.fill(order)
        events = await until(stream, live(), seconds=300)
    assert {GapReason.SILENT, GapReason.AUDIT} >= {gap.reason for gap in gaps_of(events)}
    assert seat.true_fills() == told_fills(events)


@pytest.mark.usefixtures("each_transport")
async def test_a_dead_peer_is_noticed_within_the_bound(seat: Seat, autojump_clock: MockClock) -> None:
    """Nothing is traded, so no audit finds anything: that nothing is heard says it alone, and in time."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        await watch(stream, 300)
        for link in seat.links:
            link.half_open()
        started = trio.current_time()
        events = await until(stream, lambda told: bool(gaps_of(told)), seconds=300)
        noticed = trio.current_time() - started
        await until(stream, live(), seconds=60, told=events)
    assert GapReason.SILENT is gaps_of(events)[0].reason
    assert noticed <= (35 if seat.flavour == "ftx" else 60)
    assert verdicts_of(events)[-1].complete, verdicts_of(events)


async def test_rest_that_lags_loses_nothing(seat: Seat, autojump_clock: MockClock) -> None:
    """REST answers as things were five seconds ago: the gap closes complete with everything told, once."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        seat.exchange.settings.rest_lag_ns = 5 * SECOND
        await watch(stream, 20)
        orders = [seat.place() for _ in range(4)]
        seat.fill(orders[0], "0.5")
        await watch(stream, 1)
        seat.drop()
        seat.fill(orders[0])
        seat.fill(orders[1])
        seat.cancel(orders[2])
        blind = seat.place()
        seat.fill(blind)
        events = await until(stream, live(), seconds=120)
    (verdict,) = verdicts_of(events)
    assert verdict.unresolved == ()
    assert sorted(seat.true_fills()[1:]) == sorted(told_fills(events))


async def test_pages_hide_nothing(seat: Seat, autojump_clock: MockClock) -> None:
    """Many more rows than a page holds, all of one instant, and more rows that come between the pages."""
    seat.exchange.settings.page_cap = 5
    if seat.flavour == "ftx":  # its paging by time must know what a full page is
        seat.options |= {"fills_page": 5, "orders_page": 5, "sure_page": 5}
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        orders = []
        for number in range(17):
            orders.append(seat.place("0.2"))
            await watch(stream, 0.001)
            if number == 7:
                await watch(stream, 1)
                seat.drop()
        for order in orders:  # seventeen rows of one instant, where a page holds five
            seat.fill(order)
        events: list[Event] = []
        while not live()(events):
            events += await watch(stream, 0.05)
            if len(seat.true_fills()) < 30:
                seat.fill(seat.place("0.2"))
        events += await watch(stream, 2)
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


async def test_a_gap_of_more_rows_than_the_largest_page(seat: Seat, autojump_clock: MockClock) -> None:
    """One order is filled 5,100 times while nobody hears it: FTX gives 5,000 rows a page, Binance 1,000."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place("52")
        await watch(stream, 1)
        seat.drop()
        for _ in range(5_100):
            seat.fill(order, "0.01")
        events = await until(stream, live(), seconds=300)
        events += await watch(stream, 2)
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


LISTINGS: Final = ("/myTrades", "/allOrders", "/userTrades", "/fills", "/orders/history")
ADDED: Final = 4  # rows of one instant: FTX, which pages by time, can tell them with pages of five


async def test_rows_that_come_between_two_pages_are_told(
    seat: Seat, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the look-back turns its pages, an order and a fill are added behind each: all are told, once.

    Where pages go from old to new, a later one has them; where they go from new to old, they come live.
    """
    seat.exchange.settings.page_cap = 5
    if seat.flavour == "ftx":
        seat.options |= {"fills_page": 5, "orders_page": 5, "sure_page": 5}
    pages: list[str] = []
    added: list[int] = []
    answer = seat.exchange.face.http

    def and_add(request: HttpRequest) -> HttpResponse | None:
        response = answer(request)
        if response is None or not request.path.endswith(LISTINGS):
            return response
        pages.append(request.path)
        if len(added) < ADDED and _rows(response.body) == 5:  # a full page: there will be another
            seat.fill(seat.place("0.2"))
            added.append(len(pages))
        return response

    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        orders = []
        for _ in range(17):
            orders.append(seat.place("0.2"))
            await watch(stream, 0.001)
        seat.drop()
        for order in orders:
            await trio.sleep(0.001)
            seat.fill(order)
        monkeypatch.setattr(seat.exchange.face, "http", and_add)
        events = await until(stream, live(), seconds=300)
        events += await watch(stream, 5)
    assert len(added) == ADDED
    for count in added:
        assert pages[count - 1] in pages[count:]  # the listing went on after that page
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


def _rows(body: bytes) -> int:
    """How many rows a page has."""
    decoded = json.loads(body)
    return len(decoded["result"] if isinstance(decoded, dict) else decoded)


async def test_rows_that_no_page_can_show_are_named(mock: Mock, autojump_clock: MockClock) -> None:
    """FTX pages by time alone: orders of one instant beyond what its pages can show are not known, and it is said."""
    seat = mock.seat("ftx", quick=False, fills_page=5, orders_page=5, sure_page=5)
    seat.exchange.settings.page_cap = 5
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        seat.drop()
        for _ in range(30):
            seat.fill(seat.place("0.2"))
        events = await until(stream, live(), seconds=300)
    (verdict,) = verdicts_of(events)
    assert not verdict.complete
    assert {"span"} <= {unresolved.what for unresolved in verdict.unresolved}
    assert set(told_fills(events)) < set(seat.true_fills())


async def test_a_day_passes_through_rotations(seat: Seat, autojump_clock: MockClock) -> None:
    """Over 24 hours links are replaced before the venue cuts them, keys are renewed, nothing is lost or doubled.

    Audits at their usual beat all day long are in `tests/simulation`, which needs no sockets for it.
    """
    # For speed alone: fewer audits, and fewer pings from both sides.
    seat.options |= {"audit_ns": 20 * MINUTE, "heartbeat_ns": 4 * MINUTE, "silence_ns": 10 * MINUTE}
    if "ping_every_ms" in seat.exchange.settings.options:
        seat.exchange.settings.options["ping_every_ms"] = 300_000
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (first,) = seat.links
        events: list[Event] = []
        ended = {}
        for hour in range(26):
            order = seat.place()
            events += await watch(stream, HOUR / SECOND / 2)
            if hour % 3:
                seat.fill(order, "0.5")
                seat.fill(order)
            else:
                seat.cancel(order)
            ended[str(order.order_id)] = OrderStatus.FILLED if hour % 3 else OrderStatus.CANCELED
            events += await watch(stream, HOUR / SECOND / 2)
        (last,) = seat.links
    assert gaps_of(events) == []
    assert seat.true_fills() == told_fills(events)
    assert [(u.order_id, u.status) for u in updates_of(events) if u.status.is_final] == list(ended.items())
    assert (first is last) == (seat.flavour == "ftx")  # Binance ends a link after 24 hours


@pytest.mark.parametrize("bad", NAMES)
async def test_a_key_revoked_while_live_takes_its_own_account_down(
    mock: Mock, bad: str, autojump_clock: MockClock
) -> None:
    """One of several accounts loses its key: it alone goes down, by its name and soon, and the others go on."""
    seats = {flavour: mock.seat(flavour, quick=False) for flavour in NAMES}
    async with open_stream(*(seat.venue for seat in seats.values())) as stream:
        await until(stream, live(len(seats)), seconds=60)
        revoked = seats[bad]
        revoked.exchange.accounts[revoked.name].revoked = True
        revoked.exchange.face.key_revoked(revoked.name)
        revoked.exchange.note_sight()
        started = trio.current_time()
        events = await until(stream, lambda told: bool(downs_of(told)), seconds=300)
        noticed = trio.current_time() - started
        others = [seat for flavour, seat in seats.items() if flavour != bad]
        for seat in others:
            seat.fill(seat.place())
        await until(stream, lambda told: len(fills_of(told)) == len(others), seconds=300, told=events)
        events += await watch(stream, 120)
    assert [(down.venue, down.account, down.reason) for down in downs_of(events)] == [
        (revoked.exchange.venue, revoked.name, DownReason.CREDENTIALS)
    ]
    assert noticed <= BOUND[bad]
    assert {gap.account for gap in gaps_of(events)} <= {revoked.name}
    assert sorted(told_fills(events)) == sorted(fill for seat in others for fill in seat.true_fills())


def downs_of(events: Sequence[Event]) -> list[AccountDown]:
    """The accounts that went down."""
    return [event for event in events if isinstance(event, AccountDown)]


@pytest.mark.usefixtures("each_transport")
async def test_a_venue_that_is_away_for_long_is_come_back_to(seat: Seat, autojump_clock: MockClock) -> None:
    """Every connection is refused for ten minutes by a clock that runs: the account is live again within the cap."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        with trio.move_on_after(600):
            while True:
                seat.drop()
                await trio.sleep(0.5)
        seat.fill(seat.place())
        events = await until(stream, lambda told: live()(told) and bool(fills_of(told)), seconds=120)
    assert seat.true_fills() == told_fills(events)


@pytest.mark.parametrize("flavour", ["binance-spot", "binance-spot-listen-key", "binance-futures"])
async def test_accounts_of_one_host_share_its_budget_of_dials(
    mock: Mock, flavour: str, autojump_clock: MockClock
) -> None:
    """Room for three dials in five minutes: of two accounts that lose their links one is back at once, the other then.

    The venue counts them by address, so what each account may do alone is no help.
    """
    seats = [mock.seat(flavour, quick=False, connections_per_5_minutes=4) for _ in range(2)]  # a tenth is left unused
    async with open_stream(*(seat.venue for seat in seats)) as stream:
        await until(stream, live(2), seconds=60)
        for seat in seats:
            seat.drop()
        await watch(stream, 240)
        back = [len(seat.links) for seat in seats]
        await watch(stream, 120)
        later = [len(seat.links) for seat in seats]
    assert (sorted(back), later) == ([0, 1], [1, 1])


async def test_a_post_only_order_that_would_cross_is_told_once(mock: Mock, autojump_clock: MockClock) -> None:
    """FTX takes the order, and then says no more than that it is closed: CANCELED, once, and the audits agree."""
    seat = mock.seat("ftx", quick=False)
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        seat.place(price="101", side=Side.SELL)
        await watch(stream, 1)
        order = seat.place(price="102", post_only=True, on_cross=OnCross.EXPIRE)
        events = await watch(stream, 300)
    assert [(str(order.order_id), OrderStatus.CANCELED)] == [(u.order_id, u.status) for u in updates_of(events)]
    assert len(events) == 1


@pytest.mark.parametrize("channel", ["orders", "fills"])
async def test_a_subscription_that_ends_is_a_gap_and_made_anew(
    mock: Mock, channel: str, autojump_clock: MockClock
) -> None:
    """FTX says that one channel is unsubscribed: what happens before it is subscribed again is told, and what follows.

    The new greeting is refused for the channel that is still subscribed, in words that name none.
    """
    seat = mock.seat("ftx", quick=False)
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        one, two = seat.place(), seat.place()
        await watch(stream, 1)
        (link,) = seat.links
        link.receive(f'{{"op":"unsubscribe","channel":"{channel}"}}')
        seat.fill(one)
        events = await until(stream, live(), seconds=120)
        seat.fill(two)
        events += await watch(stream, 120)
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.EXPIRED]
    assert verdicts_of(events)[0].complete, verdicts_of(events)
    assert seat.true_fills() == told_fills(events)
    assert [(str(order.order_id), OrderStatus.FILLED) for order in (one, two)] == [
        (update.order_id, update.status) for update in updates_of(events)
    ]
