"""What a test says its client heard, in every form that is taken."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

import attrs
import pytest

from mockserver.checkers import ToldFill, ToldOrder
from mockserver.reports import ReportError, Reports
from mockserver.testing.told import rows

SYMBOLS = ("BTCUSDT", "BTC/USD", "BTC-PERP")
FILL = ToldFill(1, ("BTCUSDT", "3", "7"), 0, Decimal("99.9"), Decimal("0.5"))


class State(Enum):
    """A status as a bot may hold it."""

    FILLED = "FILLED"


@attrs.frozen
class Trade:
    """A fill as a bot may hold it."""

    symbol: str = "BTC/USDT"
    trade_id: str = "3"
    order_id: int = 7
    price: Decimal = Decimal("99.9")
    quantity: Decimal = Decimal("0.5")


class Row(NamedTuple):
    """The same with names."""

    order: str = "7"
    id: str = "3"
    symbol: str = "BTC/USDT"
    amount: str = "0.5"
    price: str = "99.9"


def read(given: object, event: str = "fill") -> list[Any]:
    """What the checkers are shown."""
    reports = Reports()
    for row in rows(given, event, SYMBOLS):
        reports.take(row, 1)
    return list(reports.told)


@pytest.mark.parametrize(
    "given",
    [
        {"symbol": "BTCUSDT", "trade_id": "3", "order_id": "7", "price": "99.9", "quantity": "0.5"},
        {"symbol": "BTC/USDT", "id": "3", "order": "7", "price": 99.9, "amount": 0.5, "info": {"x": 1}},
        {"symbol": "BTCUSDT", "id": 3, "orderId": 7, "price": "99.9", "qty": "0.5", "isBuyer": True},
        {"symbol": "BTC/USDT:USDT", "venue_symbol": "BTCUSDT", "trade_id": "3", "order_id": "7"}
        | {"price": "99.9", "quantity": "0.5"},
        ("BTCUSDT", 3, 7, "99.9", Decimal("0.5")),
        Trade(),
        Row(),
        '{"event":"fill","symbol":"BTCUSDT","trade_id":"3","order_id":"7","price":99.9,"quantity":"0.5"}\n\n',
        b'{"symbol":"BTCUSDT","trade_id":"3","order_id":"7","price":"99.9","quantity":"0.5"}',
    ],
    ids=["names", "ccxt", "rest", "both symbols", "tuple", "object", "named tuple", "line", "bytes"],
)
def test_a_fill_in_every_form(given: object) -> None:
    """It is the same fill, alone or in a list, and no float is read as one."""
    listed = [given] if isinstance(given, tuple) else given
    assert read(listed) == [FILL]
    assert read([given, given]) == [FILL, FILL]


@pytest.mark.parametrize(
    "given",
    [
        {"symbol": "BTCUSDT", "orderId": 7, "status": "FILLED", "executedQty": "0.5"},
        {"market": "BTC/USDT", "id": 7, "status": State.FILLED, "filledSize": 0.5},
        ("BTCUSDT", "7", "filled", "0.5"),
    ],
)
def test_an_order_in_every_form(given: object) -> None:
    """As REST lists it, and as a bot may hold it."""
    assert read([given], "order_update") == [ToldOrder(1, ("BTCUSDT", "7", "order"), "filled", Decimal("0.5"))]


def test_markets_that_are_named_alike() -> None:
    """A name that the venue has is taken as it is."""
    fill = {"trade_id": 1, "order_id": 2, "price": 3, "quantity": 4}
    assert [told.key[0] for told in read([fill | {"symbol": name} for name in SYMBOLS])] == list(SYMBOLS)


def test_lines_say_what_they_are() -> None:
    """Gaps and order updates among fills; what the checkers do not know is left out."""
    lines = [
        '{"event":"gap_opened","since_ns":1,"reason":"start"}',
        '{"event":"order_update","symbol":"BTCUSDT","order_id":"7","status":"new","filled_quantity":"0"}',
        '{"event":"balance","asset":"USDT"}',
    ]
    assert [type(told).__name__ for told in read("\n".join(lines))] == ["Opened", "ToldOrder"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("BTCUSDT", 3), r"a tuple of a fill is \(symbol, trade_id, order_id, price, quantity\)"),
        ("no json", "this is no line of JSON: 'no json'"),
        ({"symbol": "BTCUSDT"}, "needs 'trade_id'"),
        (7, "needs 'symbol'"),
    ],
)
def test_what_cannot_be_meant(given: object, said: str) -> None:
    """It is refused, and not taken for a fill that was lost."""
    with pytest.raises(ReportError, match=said):
        read([given])
