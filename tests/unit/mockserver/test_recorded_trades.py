"""Files of recorded trades in the forms in which they come, and why a file is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mockserver.engine.types import Side
from mockserver.recorded_trades import BadTrades, Recorded, read_trades

MS = 10**6
AT_NS = 1_700_000_000_000 * MS
TRADE = Recorded(AT_NS, "BTCUSDT", Decimal("60000.1"), Decimal("0.5"), Side.SELL)


@pytest.mark.parametrize(
    "lines",
    [
        ["time,price,quantity,side,symbol", "1700000000000,60000.1,0.5,sell,BTCUSDT"],
        ["timestamp,symbol,price,qty,is_buyer_maker", "1700000000,BTCUSDT,60000.1,0.5,true", ""],
        ["transact_time , price , quantity , is_buyer_maker , s", "1700000000000000, 60000.1, 0.5, True, BTCUSDT"],
        ['{"T":1700000000000,"s":"BTCUSDT","p":"60000.1","q":"0.5","m":true}'],
        ['{"time":"2023-11-14T22:13:20Z","market":"BTCUSDT","price":60000.1,"size":0.5,"side":"SELL"}'],
        ['{"time":1700000000000000000,"symbol":"BTCUSDT","price":"60000.1","size":"0.5","side":"sell"}'],
    ],
)
def test_forms(lines: list[str]) -> None:
    """CSV with a header, JSON lines; by the usual names, in any unit of time."""
    assert read_trades(lines, "f") == [TRADE]


def test_a_symbol_for_the_whole_file() -> None:
    """Where the file has none; its own wins."""
    lines = ["time,price,quantity,side", "1700000000000,60000.1,0.5,sell"]
    assert read_trades(lines, "f", "BTCUSDT") == [TRADE]
    named = ["time,price,quantity,side,symbol", "1700000000000,60000.1,0.5,sell,BTCUSDT"]
    assert read_trades(named, "f", "ETHUSDT") == [TRADE]


HEADER = "time,price,quantity,side,symbol"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "f has no trades"),
        ([HEADER], "f has no trades"),
        (["time,price,side", "1,2,buy"], "f line 1: the header has no quantity \\(a column named quantity or qty"),
        ([HEADER, "1,2,3"], "f line 2: 3 fields, and the header has 5"),
        ([HEADER, "1,x,3,buy,A"], "f line 2: price 'x' is not a number"),
        ([HEADER, "1,NaN,3,buy,A"], "f line 2: price 'NaN' is not a number"),
        ([HEADER, "1,1e999999999,3,buy,A"], "f line 2: price '1e999999999' is not a number"),
        ([HEADER, "1,2,0,buy,A"], "f line 2: price and quantity are above zero"),
        ([HEADER, "1,2,3,up,A"], "f line 2: side 'up' is not buy or sell"),
        ([HEADER, "1,2,3,buy,"], "f line 2: no symbol"),
        ([HEADER, "soon,2,3,buy,A"], "f line 2: time 'soon' is neither a number nor ISO 8601"),
        ([HEADER, "2023-11-14T22:13:20,2,3,buy,A"], "has no zone; write 2023-11-14T22:13:20Z"),
        ([HEADER, "-1,2,3,buy,A"], "f line 2: time '-1' is not a time"),
        ([HEADER, "2,2,3,buy,A", "", "1,2,3,buy,A"], "f line 4: its time is before that of the line above"),
        (['{"time":1}', "{"], "f line 1: no symbol"),
        (['{"time":1,"symbol":"A"}'], "f line 1: no price \\(a field named price or p\\)"),
        (['{"time":1,"symbol":"A","price":1,"qty":1}'], "f line 1: no side"),
        (['{"m":"perhaps","time":1,"symbol":"A","price":1,"qty":1}'], "f line 1: m 'perhaps' is not true or false"),
        (['{"time":'], "f line 1 is no JSON object"),
    ],
)
def test_what_cannot_be_played_is_refused_with_its_line(lines: list[str], says: str) -> None:
    """And with what to do."""
    with pytest.raises(BadTrades, match=says):
        read_trades(lines, "f")
