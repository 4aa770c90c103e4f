"""What FTX's rows mean: every trap of its orders, fills, markets and times."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchstream.core.venue import Doubt, FillView, Meaning, OrderView, Reply, ServerTime, Strange
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKey,
    FillKind,
    Liquidity,
    Market,
    OrderKey,
    OrderState,
    OrderStatus,
    OrderType,
    Side,
    Stage,
    Term,
    TimeInForce,
    join,
)
from exchstream.venues.ftx import wire

FIXTURES = Path(__file__).parents[4] / "fixtures" / "ftx"
TOLERANCE = Decimal("1e-9")
ORDER: dict[str, Any] = {
    "id": 142505221156,
    "clientId": "mine-1",
    "market": "ETH/USD",
    "type": "limit",
    "side": "sell",
    "price": 2100.5,
    "size": 0.3,
    "status": "open",
    "filledSize": 0.0,
    "remainingSize": 0.3,
    "reduceOnly": False,
    "liquidation": False,
    "avgFillPrice": None,
    "postOnly": False,
    "ioc": False,
    "createdAt": "2022-05-03T13:18:33.330373+00:00",
}
FILL: dict[str, Any] = {
    "id": 7840169,
    "market": "ETH/USD",
    "future": None,
    "baseCurrency": "ETH",
    "quoteCurrency": "USD",
    "type": "order",
    "side": "sell",
    "price": 2100.5,
    "size": 0.1,
    "orderId": 142505221156,
    "time": "2022-05-04T08:02:17.497494+00:00",
    "tradeId": 38870,
    "feeRate": 0.0007,
    "fee": 0.147035,
    "feeCurrency": "USD",
    "liquidity": "taker",
    "clientOrderId": "mine-1",
}


def body(row: dict[str, Any], **changes: Any) -> bytes:
    """The row as JSON with some fields changed; a field set to `...` is left out."""
    return json.dumps({key: value for key, value in (row | changes).items() if value is not ...}).encode()


def view(meanings: list[Meaning]) -> OrderState:
    """The state of the one order there; nothing else may be."""
    (only,) = meanings
    assert isinstance(only, OrderView)
    return only.state


def order(**changes: Any) -> OrderState:
    return view(wire.order(body(ORDER, **changes), None, TOLERANCE))


def execution(raw: bytes) -> Execution:
    (only,) = wire.fill(raw)
    assert isinstance(only, FillView)
    return only.execution


def data(name: str) -> bytes:
    """The inner event of a recorded message."""
    return json.dumps(json.loads((FIXTURES / name).read_text())["data"]).encode()


def test_a_resting_order() -> None:
    """All that a row tells is in the state, exactly."""
    raw = body(ORDER)

    assert [
        OrderView(
            OrderState(
                key=OrderKey("ETH/USD", "142505221156"),
                stage=Stage.NEW,
                cumulative=Cumulative(Decimal(0)),
                price=Term(Decimal("2100.5")),
                quantity=Term(Decimal("0.3")),
                client_order_id=Term("mine-1"),
                side=Side.SELL,
                type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                reduce_only=False,
                created_ns=1_651_583_913_330_373_000,
            ),
            raw,
        )
    ] == wire.order(raw, None, TOLERANCE)
    assert order().status is OrderStatus.NEW


STATUSES = [
    ("new", 0.0, OrderStatus.NEW),
    ("open", 0.0, OrderStatus.NEW),
    ("open", 0.1, OrderStatus.PARTIALLY_FILLED),
    ("closed", 0.3, OrderStatus.FILLED),
    ("closed", 0.0, OrderStatus.CANCELED),
    ("closed", 0.1, OrderStatus.CANCELED),
    ("closed", 0.30000000000000004, OrderStatus.FILLED),  # a sum of floats
    ("closed", 0.29999999999999993, OrderStatus.FILLED),
    ("closed", 0.299999, OrderStatus.CANCELED),  # GCT's 1e-6 would call it filled
]


@pytest.mark.parametrize(("status", "filled", "expected"), STATUSES)
@pytest.mark.parametrize("remaining", [0.0, 0.3, None])
def test_status(status: str, filled: float, expected: OrderStatus, remaining: float | None) -> None:
    """Status and filled size say how an order stands; remainingSize, 0 on every closed order, is not believed."""
    assert expected is order(status=status, filledSize=filled, remainingSize=remaining).status


def test_half_a_step_decides_where_the_market_is_known() -> None:
    """An order that lacks less than half of its market's step is filled, one that lacks a step is not."""
    markets = {"ETH/USD": Market("ETH/USD", "ETH/USD", "ETH", "USD", step=Decimal("0.001"))}

    def status(filled: float) -> OrderStatus:
        raw = body(ORDER, status="closed", filledSize=filled)
        return view(wire.order(raw, markets, TOLERANCE)).status

    assert [status(0.2996), status(0.299)] == [OrderStatus.FILLED, OrderStatus.CANCELED]


def test_nothing_of_an_empty_order_is_not_filled() -> None:
    """A closed order of size zero did not fill."""
    assert order(status="closed", size=0).end is End.CANCELED


RECORDED = [
    ("ws_order_new.json", OrderStatus.NEW, Decimal(300), Decimal("0.1"), OrderType.LIMIT, TimeInForce.GTC),
    (
        "ws_order_cancelled.json",
        OrderStatus.CANCELED,
        Decimal(30000),
        Decimal("0.001"),
        OrderType.LIMIT,
        TimeInForce.GTC,
    ),
    ("ws_order_market_filled.json", OrderStatus.FILLED, None, Decimal("0.001"), OrderType.MARKET, TimeInForce.IOC),
]


@pytest.mark.parametrize(("name", "status", "price", "size", "kind", "in_force"), RECORDED)
def test_recorded_orders(
    name: str, status: OrderStatus, price: Decimal | None, size: Decimal, kind: OrderType, in_force: TimeInForce
) -> None:
    """Messages of the real FTX are read as what happened; a market order's price is null."""
    state = view(wire.order(data(name), None, TOLERANCE))

    assert (status, kind, in_force) == (state.status, state.type, state.time_in_force)
    assert (None if price is None else Term(price), Term(size)) == (state.price, state.quantity)


def test_a_cancelled_row_of_rest() -> None:
    """A recorded row of the history, with its `future` key, is a cancelled order."""
    state = view(wire.order((FIXTURES / "rest_order_cancelled_row.json").read_bytes(), None, TOLERANCE))

    assert (state.status, state.key.order_id, state.client_order_id) == (OrderStatus.CANCELED, "8553541288", None)


def test_average_price() -> None:
    """avgFillPrice is the mean of what is filled, and nothing where nothing is (an old example has both)."""
    assert Cumulative(Decimal("0.1"), Decimal("2100.25")) == order(filledSize=0.1, avgFillPrice=2100.25).cumulative
    assert Cumulative() == order(filledSize=0.0, avgFillPrice=0.2978).cumulative


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"postOnly": True}, TimeInForce.PO),
        ({"ioc": True}, TimeInForce.IOC),
        ({"ioc": ...}, None),
    ],
)
def test_time_in_force(changes: dict[str, Any], expected: TimeInForce | None) -> None:
    """Two flags say how long an order works; a missing one says nothing."""
    assert expected is order(**changes).time_in_force


def test_reason_of_an_end() -> None:
    """FTX has one word for every end that is not a fill; that an immediate order ended says why."""
    closed = {"status": "closed", "filledSize": 0.1}

    assert (
        order(**closed, ioc=True).reason,
        order(**closed, postOnly=True).reason,
        order(status="closed", filledSize=0.3, ioc=True).reason,
    ) == ("ioc", None, None)


def test_liquidation_orders_are_named() -> None:
    """An order that the venue placed to liquidate is of that type."""
    assert order(liquidation=True, type="market").type is OrderType.LIQUIDATION
    assert order(liquidation=None).type is OrderType.LIMIT


@pytest.mark.parametrize(
    "missing", ["liquidation", "createdAt", "clientId", "postOnly", "reduceOnly", "avgFillPrice", "remainingSize"]
)
def test_old_orders_lack_fields(missing: str) -> None:
    """Messages of 2019 have no liquidation and no createdAt: what is absent is None, never a guess."""
    state = order(**{missing: ...})

    assert state.key == order().key
    attribute = {"createdAt": "created_ns", "clientId": "client_order_id", "reduceOnly": "reduce_only"}.get(missing)
    assert attribute is None or getattr(state, attribute) is None


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"status": "frozen"}, "order status 'frozen'"),
        ({"side": "both"}, "order side 'both'"),
        ({"type": "stop"}, "order type 'stop'"),
        ({"createdAt": "yesterday"}, "order createdAt"),
    ],
)
def test_unknown_words_do_not_lose_the_order(changes: dict[str, Any], what: str) -> None:
    """A word that we do not know is told raw, beside the order."""
    raw = body(ORDER, **changes)
    first, *rest = wire.order(raw, None, TOLERANCE)

    assert isinstance(first, OrderView)
    assert first.state.key == OrderKey("ETH/USD", "142505221156")
    assert [Strange(what, raw)] == rest


def test_an_unknown_status_keeps_the_filled_quantity() -> None:
    """What is filled counts, whatever the status is called; no end is invented."""
    first, _ = wire.order(body(ORDER, status="frozen", filledSize=0.2), None, TOLERANCE)

    assert isinstance(first, OrderView)
    assert (Decimal("0.2"), None) == (first.state.cumulative.filled, first.state.end)


BAD_NUMBERS = ["1e999", "-1", '"NaN"', '"Infinity"', "1e99999999999999999999", "null", '"x"', "[]", "true", "1" * 400]


@pytest.mark.parametrize("bad", BAD_NUMBERS)
@pytest.mark.parametrize("field", ["size", "filledSize"])
def test_bad_numbers_are_refused(field: str, bad: str) -> None:
    """An absurd amount is no order; it is for the caller to tell it as strange."""
    raw = body(ORDER, **{field: "@"}).replace(b'"@"', bad.encode())

    with pytest.raises(wire.UNREADABLE):
        wire.order(raw, None, TOLERANCE)


def test_numbers_are_exact() -> None:
    """Digits and exponents are taken from the text, never through a float."""
    raw = body(FILL, price="@", size=5e-06, fee=-1e-08).replace(b'"@"', b"0.10000000000000000001")

    assert execution(raw).price == Decimal("0.10000000000000000001")
    assert (Decimal("0.000005"), Decimal("-0.00000001")) == (execution(raw).quantity, execution(raw).fee)


def test_a_fill() -> None:
    """All that a fill tells is in the execution."""
    assert Execution(
        venue_symbol="ETH/USD",
        trade_id="7840169",
        order_id="142505221156",
        side=Side.SELL,
        price=Decimal("2100.5"),
        quantity=Decimal("0.1"),
        time_ns=1_651_651_337_497_494_000,
        fee=Decimal("0.147035"),
        fee_asset="USD",
        liquidity=Liquidity.TAKER,
        client_order_id="mine-1",
    ) == execution(body(FILL))


def test_recorded_fills() -> None:
    """Recorded fills of three ages are read, a maker's rebate with its sign."""
    perp = execution(data("ws_fill_perp.json"))
    spot = execution((FIXTURES / "ws_fill_spot_data_2021.json").read_bytes())
    rebate = execution((FIXTURES / "rest_fill_maker_rebate.json").read_bytes())

    assert FillKey("BTC-PERP", "7840169726", "142505221156") == perp.key
    assert (None, Decimal("0.012773852")) == (spot.client_order_id, spot.fee)
    assert (Decimal("-0.0000713875"), Liquidity.MAKER) == (rebate.fee, rebate.liquidity)


def test_an_otc_fill() -> None:
    """An over-the-counter fill has no market, trade or order: its currencies and its id stand for them."""
    otc = execution((FIXTURES / "rest_fill_otc.json").read_bytes())

    assert FillKey("BTC/USD", "664079556", "otc:664079556") == otc.key
    assert (FillKind.OTC, Decimal(0), Decimal("0.0005996")) == (otc.kind, otc.fee, otc.quantity)


def test_fills_are_known_by_their_own_id() -> None:
    """Both fills of a self-trade share the trade, not the id; where the id is missing the trade stands for it."""
    one, two = execution(body(FILL)), execution(body(FILL, id=7840170, orderId=9, side="buy"))

    assert one.key != two.key
    assert FillKey("ETH/USD", "trade:38870", "142505221156") == execution(body(FILL, id=None)).key


@pytest.mark.parametrize(
    "missing",
    ["tradeId", "feeCurrency", "clientOrderId", "fee", "feeRate", "liquidity", "type", "baseCurrency", "future"],
)
def test_old_fills_lack_fields(missing: str) -> None:
    """Every field that came later, or is missing in the documentation's example, may be absent."""
    assert execution(body(FILL, **{missing: ...})).key == execution(body(FILL)).key


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None, "tradeId": None},
        {"orderId": None},
        {"market": None, "baseCurrency": None},
        {"side": "both"},
        {"price": None},
        {"size": -1},
        {"time": "noon"},
        {"time": None},
        {"id": "7"},
    ],
)
def test_unreadable_fills_are_refused(changes: dict[str, Any]) -> None:
    """A fill without identity, amount or time is none."""
    with pytest.raises(wire.UNREADABLE):
        wire.fill(body(FILL, **changes))


def test_unknown_words_do_not_lose_the_fill() -> None:
    """A new kind of fill or liquidity is told raw, beside the fill."""
    raw = body(FILL, type="gift", liquidity="both")
    first, *rest = wire.fill(raw)

    assert isinstance(first, FillView)
    assert (first.execution.kind, first.execution.liquidity) == (FillKind.TRADE, None)
    assert [Strange("fill type 'gift'", raw), Strange("liquidity 'both'", raw)] == rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-05-04T08:02:17.497494+00:00", 1_651_651_337_497_494_000),
        ("2019-06-24T17:15:00+00:00", 1_561_396_500_000_000_000),  # a fraction of zero is left out
        ("2019-06-24T17:15:00.000001+00:00", 1_561_396_500_000_001_000),
        ("2019-06-24T17:15:00Z", 1_561_396_500_000_000_000),
        ("2019-06-24T17:15:00", 1_561_396_500_000_000_000),
    ],
)
def test_times(text: str, expected: int) -> None:
    """Times are exact nanoseconds, with a fraction and without."""
    assert expected == wire.time_ns(text)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59+00:00", "2262-04-12T00:00:00+00:00", "0001-01-01T00:00:00+00:00"]
)
def test_times_that_no_venue_can_have_seen(text: str) -> None:
    """They fit no 64 bits, and so no journal: a fill of then is told raw, an order without its time of creation."""
    with pytest.raises(ValueError, match="out of all bounds"):
        wire.time_ns(text)
    with pytest.raises(ValueError, match="out of all bounds"):
        wire.fill(json.dumps({**FILL, "time": text}).encode())
    order, *strange = wire.order(json.dumps({**ORDER, "createdAt": text}).encode(), None, TOLERANCE)
    assert isinstance(order, OrderView)
    assert (order.state.created_ns, [type(meaning) for meaning in strange]) == (None, [Strange])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"name": "BTC/USD", "type": "spot", "baseCurrency": "BTC", "quoteCurrency": "USD", "sizeIncrement": 0.0001},
            Market("BTC/USD", "BTC/USD", "BTC", "USD", None, Decimal("0.0001")),
        ),
        ({"name": "BTC-PERP", "type": "future"}, Market("BTC-PERP", "BTC/USD:USD", "BTC", "USD", "USD")),
        ({"name": "BTC-1230", "type": "future"}, Market("BTC-1230", "BTC/USD:USD-221230", "BTC", "USD", "USD")),
        ({"name": "BTC-0331", "type": "future"}, Market("BTC-0331", "BTC/USD:USD-230331", "BTC", "USD", "USD")),
        ({"name": "BTC-20230331", "type": "future"}, Market("BTC-20230331", "BTC/USD:USD-230331", "BTC", "USD", "USD")),
        (
            {"name": "BTC-MOVE-WK-1007", "type": "future"},
            Market("BTC-MOVE-WK-1007", "BTC-MOVE-WK/USD:USD-221007", "BTC-MOVE-WK", "USD", "USD"),
        ),
        (
            {"name": "BTC-MOVE-2022Q4", "type": "future"},
            Market("BTC-MOVE-2022Q4", "BTC-MOVE/USD:USD-2022Q4", "BTC-MOVE", "USD", "USD"),
        ),
        ({"name": "TRUMP2024", "type": "future"}, Market("TRUMP2024", "TRUMP2024/USD:USD", "TRUMP2024", "USD", "USD")),
    ],
)
def test_markets(row: dict[str, Any], expected: Market) -> None:
    """Markets have ccxt's names; a date without a year is the next such day (asked on 2022-10-01)."""
    assert expected == wire.market(json.dumps(row).encode(), 1_664_582_400_000_000_000)


@pytest.mark.parametrize("name", ["rest_market_perp.json", "rest_market_spot_2020.json"])
def test_recorded_markets(name: str) -> None:
    """Recorded rows of the market list are read with their step."""
    market = wire.market((FIXTURES / name).read_bytes(), 0)

    assert market.symbol in ("BTC/USD:USD", "ETH/USD")
    assert market.step in (Decimal("0.0001"), Decimal("0.001"))


def test_a_spot_market_needs_its_currencies() -> None:
    """A row that does not say what is traded is no market."""
    with pytest.raises(wire.UNREADABLE):
        wire.market(b'{"name":"X","type":"spot"}', 0)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b'{"success":true,"result":"2022-05-04T08:02:17.5+00:00"}', {}, 1_651_651_337_500_000_000),
        (b'{"success":true,"result":1651651337.5}', {}, 1_651_651_337_500_000_000),
        (b"<html>", {"date": "Wed, 04 May 2022 08:02:17 GMT"}, 1_651_651_337_500_000_000),
        (b'{"success":false}', {"date": "Wed, 04 May 2022 08:02:17 GMT"}, 1_651_651_337_500_000_000),
        (b"", {"date": "soon"}, None),
        (b"", {"date": "Fri, 31 Dec 9999 23:59:59 GMT"}, None),
        (b'{"success":true,"result":1e30}', {}, None),
        (b'{"success":true,"result":"9999-12-31T23:59:59+00:00"}', {}, None),
        (b"", {}, None),
    ],
)
def test_server_time(content: bytes, headers: dict[str, str], expected: int | None) -> None:
    """The clock is read from the answer, else from the Date header to half a second."""
    found = wire.server_time(Reply(200, headers, content))

    assert found == (None if expected is None else ServerTime(expected))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'{"id":7,"market":"A/B","size":"NaN"}', OrderKey("A/B", "7")),
        (b'{"id":7,"orderId":9,"market":"A/B","size":null}', OrderKey("A/B", "9")),
        (b'{"id":7}', None),
        (b'{"id":true,"market":"A/B"}', None),
        (b"[]", None),
    ],
)
def test_doubt_about_what_cannot_be_read(raw: bytes, expected: OrderKey | None) -> None:
    """An unreadable row casts doubt on the order that it still names, or on all."""
    assert wire.doubt(raw, "why") == [Doubt("why", order=expected)]


@pytest.mark.parametrize(("raw", "expected"), [(b'{"id":7}', "7"), (b'{"id":"7"}', None), (b"7", None)])
def test_row_id(raw: bytes, expected: str | None) -> None:
    """The id of an unreadable row names it where it can."""
    assert expected == wire.row_id(raw)


def test_a_modified_order_is_two_orders() -> None:
    """A modify closes the old id and opens a new one, so versions are not needed: no view of one id is newer."""
    old, new = order(status="closed"), order(id=142505221157, price=2000)

    assert old.key != new.key
    assert Term(Decimal(2000), 0, -1) == new.price


def test_views_of_rest_and_socket_are_one_state() -> None:
    """ "new" on the socket and "open" in REST join to a state that tells nothing new."""
    live, asked = order(status="new"), order(status="open")

    assert live.visible() == join(live, asked).visible()


def test_a_closed_order_stays_closed_when_a_stale_open_follows() -> None:
    """A stale REST view after the end changes nothing."""
    closed, stale = order(status="closed", filledSize=0.3), order(status="open", filledSize=0.1)

    assert closed.visible() == join(closed, stale).visible()
