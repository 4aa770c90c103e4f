"""Paging against a small venue that keeps the documented rules: nothing lost, nothing endless."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest

from exchstream.core.venue import (
    Fills,
    FillView,
    Memory,
    More,
    OrderFills,
    Orders,
    OrderView,
    Question,
    Refused,
    Reply,
    Strange,
    Unreachable,
)
from exchstream.model import OrderKey, OrderKind
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.binance.paging import place

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
ID_OF = {"fromId": "id", "orderId": "orderId", "algoId": "algoId", "fromAllocationId": "allocationId"}


def trade(number: int, time_ms: int) -> dict[str, Any]:
    row = {"symbol": "S", "id": number, "orderId": 1, "price": "2", "qty": "1", "quoteQty": "2", "time": time_ms}
    row |= {
        "commission": "0",
        "commissionAsset": "BNB",
        "isBuyer": True,
        "isMaker": True,
        "side": "BUY",
        "allocationId": number,
    }
    return row


def order(number: int, time_ms: int) -> dict[str, Any]:
    row = {"symbol": "S", "orderId": number, "side": "BUY", "status": "NEW", "type": "LIMIT", "origQty": "1"}
    row |= {"executedQty": "0", "price": "1", "time": time_ms, "updateTime": time_ms, "cummulativeQuoteQty": "0"}
    row |= {"algoId": number, "algoStatus": "NEW", "orderType": "STOP", "createTime": time_ms}
    return row


@attrs.define
class Listed:
    """Rows that the venue has, and the rules by which it gives them."""

    rows: dict[str, list[dict[str, Any]]]
    longest_ms: int
    asked: list[dict[str, str]] = attrs.field(factory=list)
    cap: int = 1000

    def get(self, target: str) -> list[dict[str, Any]]:
        split = urlsplit(target)
        params = dict(parse_qsl(split.query))
        self.asked.append({"path": split.path, **params})
        rows = self.rows.get(split.path, [])
        by_order = "orderId" in params and split.path.endswith(("Trades", "Allocations"))
        if by_order:
            rows = [row for row in rows if row["orderId"] == int(params["orderId"])]
        ids = [name for name in ID_OF if name in params and not (name == "orderId" and by_order)]
        assert not (ids and "startTime" in params), "ids and times do not go together"
        if "startTime" in params:
            start, end = int(params["startTime"]), int(params["endTime"])
            assert 0 <= end - start <= self.longest_ms, "-1127"
            rows = [row for row in rows if start <= row["time"] <= end]
        for name in ids:
            rows = [row for row in rows if row[ID_OF[name]] >= int(params[name])]
        limit = min(int(params["limit"]), self.cap)
        return rows[:limit] if ids or "startTime" in params else rows[-limit:]  # "most recent trades are returned"


def ask_all(
    venue: BinanceSpot | BinanceFutures,
    listed: Listed,
    first: Question,
    between: Callable[[int], None] = lambda page: None,
) -> list[str]:
    """Ask until there is no more; the ids told, in order, without the repeats at the seams of pages."""
    told: list[str] = []
    owed = [first]
    for page in range(500):
        if not owed:
            return told
        question = owed.pop()
        request = venue.request(question, Memory(), 0)
        reply = Reply(200, {}, json.dumps(listed.get(request.target)).encode())
        for meaning in venue.answer(question, reply, Memory()):
            match meaning:
                case FillView(execution=execution):
                    if told[-1:] != [execution.trade_id]:
                        told.append(execution.trade_id)
                case OrderView(state=state):
                    told.append(
                        state.key.order_id if state.key.kind is OrderKind.ORDER else f"algo{state.key.order_id}"
                    )
                case More(question=following):
                    owed.append(following)
                case _:
                    raise AssertionError(meaning)
        between(page)
    raise AssertionError("endless")


def ns(time_ms: int) -> int:
    return time_ms * 1_000_000


def spot_of(limit: int, **fields: Any) -> BinanceSpot:
    return BinanceSpot(api_key="k", api_secret="s", page_limit=limit, **fields)


def futures_of(limit: int) -> BinanceFutures:
    return BinanceFutures(api_key="k", api_secret="s", page_limit=limit, algo_page_limit=limit)


TRADES, ORDERS = "/api/v3/myTrades", "/api/v3/allOrders"
SPAN = (ns(START_MS), ns(START_MS + 3 * DAY_MS))


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "times",
    [
        [],
        [0],
        [0] * 7,  # more rows with one time than a page holds
        [5] * 3 + [6] * 5,
        [DAY_MS - 1, DAY_MS, DAY_MS + 1],
        [2 * DAY_MS + 5, 3 * DAY_MS],
        [0, 3 * DAY_MS],
        list(range(0, 3 * DAY_MS, 10_000_000)),
    ],
)
def test_every_row_is_told_once(limit: int, times: list[int]) -> None:
    """Whatever the page and wherever the rows lie in the span, each is told exactly once and in order."""
    expected = [str(100 + 3 * number) for number in range(len(times))]
    rows = [trade(100 + 3 * number, START_MS + offset) for number, offset in enumerate(times)]
    listed = Listed({TRADES: rows}, DAY_MS)
    assert expected == ask_all(spot_of(limit), listed, Fills("S", *SPAN))
    rows = [order(100 + 3 * number, START_MS + offset) for number, offset in enumerate(times)]
    assert expected == ask_all(spot_of(limit), Listed({ORDERS: rows}, DAY_MS), Orders("S", *SPAN))


@pytest.mark.parametrize(
    ("venue", "path", "question", "row", "prefix"),
    [
        (spot_of(2), TRADES, Fills("S", *SPAN), trade, ""),
        (spot_of(2), ORDERS, Orders("S", *SPAN), order, ""),
        (futures_of(2), "/fapi/v1/userTrades", Fills("S", *SPAN), trade, ""),
        (futures_of(2), "/fapi/v1/allOrders", Orders("S", *SPAN), order, ""),
        (futures_of(2), "/fapi/v1/allAlgoOrders", Orders("S", *SPAN), order, "algo"),
    ],
    ids=["spot-trades", "spot-orders", "futures-trades", "futures-orders", "futures-algo-orders"],
)
def test_rows_that_come_between_two_pages_are_met(
    venue: BinanceSpot | BinanceFutures,
    path: str,
    question: Question,
    row: Callable[[int, int], dict[str, Any]],
    prefix: str,
) -> None:
    """Paging goes by ids, which do not move: a row added meanwhile shifts nothing and is told by a later page."""
    rows = [row(number, START_MS + number) for number in range(10, 14)]
    listed = Listed({path: rows}, DAY_MS if isinstance(venue, BinanceSpot) else 7 * DAY_MS - 1)
    added: list[int] = []

    def add(page: int) -> None:
        if listed.asked[-1]["path"] == path and len(added) < 3:
            added.append(20 + page)
            rows.append(row(20 + page, START_MS + 100 + page))

    told = ask_all(venue, listed, question, add)
    assert len(added) == 3
    assert [f"{prefix}{number}" for number in (*range(10, 14), *added)] == told


@pytest.mark.parametrize("limit", [2, 3, 4, 1000])
def test_both_sides_of_a_self_trade_are_told(limit: int) -> None:
    """They are two rows of one id: neither is lost where a page ends between them."""
    sides = [(number, order) for number in range(1, 6) for order in ("7", "8")]
    rows = [trade(number, START_MS) | {"orderId": int(order)} for number, order in sides]
    for venue, path in ((spot_of(limit), TRADES), (futures_of(limit), "/fapi/v1/userTrades")):
        listed = Listed({path: rows}, 7 * DAY_MS - 1)
        owed, told = [Fills("S", *SPAN)], set()
        while owed:
            question = owed.pop()
            reply = Reply(200, {}, json.dumps(listed.get(venue.request(question, Memory(), 0).target)).encode())
            meanings = venue.answer(question, reply, Memory())
            owed += [m.question for m in meanings if isinstance(m, More) and isinstance(m.question, Fills)]
            told |= {(int(m.execution.trade_id), m.execution.order_id) for m in meanings if isinstance(m, FillView)}
        assert set(sides) == told


def test_paging_ends_past_the_span() -> None:
    """Rows after the span are told as they come, but not looked for."""
    rows = [trade(number, START_MS + number * DAY_MS) for number in range(30)]
    listed = Listed({TRADES: rows}, DAY_MS)
    told = ask_all(spot_of(2), listed, Fills("S", *SPAN))
    assert told[:4] == ["0", "1", "2", "3"]
    assert len(told) <= 6


def test_an_empty_span_is_asked_in_windows(spot: BinanceSpot) -> None:
    """No window is longer than the venue allows, and together they cover the span."""
    listed = Listed({}, DAY_MS)
    assert ask_all(spot, listed, Fills("S", *SPAN)) == []
    windows = [(int(asked["startTime"]), int(asked["endTime"])) for asked in listed.asked]
    assert (windows[0][0], windows[-1][1]) == (START_MS, START_MS + 3 * DAY_MS)
    assert [end + 1 for _, end in windows[:-1]] == [start for start, _ in windows[1:]]


def test_futures_pages_both_kinds_of_order() -> None:
    """Orders come first, then algo orders, also where the venue gives smaller pages of them than asked for."""
    rows = {
        "/fapi/v1/allOrders": [order(number, START_MS + number) for number in range(5)],
        "/fapi/v1/allAlgoOrders": [order(number, START_MS + number) for number in range(7)],
    }
    for cap in (1000, 3):
        listed = Listed(rows, 7 * DAY_MS - 1, cap=cap)
        venue = attrs.evolve(futures_of(1000), page_limit=cap)
        told = ask_all(venue, listed, Orders("S", SPAN[0], SPAN[0] + ns(20 * DAY_MS)))
        assert [*map(str, range(5)), *(f"algo{number}" for number in range(7))] == told


def test_futures_executions_in_windows_of_seven_days() -> None:
    """A month without a row is five windows, and the row at its end is found."""
    rows = {"/fapi/v1/userTrades": [trade(9, START_MS + 29 * DAY_MS)]}
    listed = Listed(rows, 7 * DAY_MS - 1)
    assert ask_all(futures_of(10), listed, Fills("S", SPAN[0], SPAN[0] + ns(30 * DAY_MS))) == ["9"]
    assert len(listed.asked) <= 7


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_executions_of_one_order(limit: int) -> None:
    """All of them, however old, and those of smart order routing as well: it may be why the order does not balance."""
    rows = {TRADES: [trade(n, 5) for n in range(4)], "/api/v3/myAllocations": [trade(n, 5) for n in range(2)]}
    question = OrderFills(OrderKey("S", "1"))
    for allocations in (False, True):
        both = ask_all(spot_of(limit, allocations=allocations), Listed(rows, DAY_MS), question)
        assert both == ["0", "1", "2", "3", "alloc:0", "alloc:1"]


def test_a_bad_row_loses_no_other() -> None:
    """It is told raw and named as unreachable, the others are told, and paging goes on past it."""
    rows = [trade(1, START_MS), {**trade(2, START_MS), "qty": "NaN"}, trade(3, START_MS)]
    question = Fills("S", *SPAN)
    told = spot_of(3).answer(question, Reply(200, {}, json.dumps(rows).encode()), Memory())
    assert [FillView, Strange, Unreachable, FillView, More] == [type(meaning) for meaning in told]
    assert getattr(told[2], "name", None) == "S:2"
    assert [More(attrs.evolve(question, cursor="0:i3"))] == told[-1:]


def test_a_page_that_leads_nowhere_is_not_asked_for_ever() -> None:
    """Rows without ids, or a venue that ignores the id asked from, are a refusal and not a loop."""
    question = Fills("S", *SPAN, "0:i50")
    pages: list[list[dict[str, Any]]] = [[{}], [trade(7, START_MS)]]
    for rows in pages:
        told = spot_of(1).answer(question, Reply(200, {}, json.dumps(rows).encode()), Memory())
        assert isinstance(told[-1], Refused)
        assert not [meaning for meaning in told if isinstance(meaning, More)]


@pytest.mark.parametrize("cursor", ["", "x", "0:z1", "0:i", "a:i1"])
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    """A cursor that this venue did not write raises ValueError."""
    with pytest.raises(ValueError):
        place(Fills("S", 0, 1, cursor))
