"""Questions and answers over REST, and listings that are read to their end against a small server of rows."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exchstream.core.venue import (
    Balances,
    Clock,
    Fills,
    FillView,
    Holdings,
    MarketList,
    Markets,
    Meaning,
    Memory,
    More,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Question,
    Refusal,
    Refused,
    Reply,
    Request,
    ServerTime,
    Snapshot,
    Strange,
    Unreachable,
)
from exchstream.model import Market, OrderKey, OrderKind
from exchstream.venues.ftx import Ftx

MEMORY = Memory()
KEY = OrderKey("BTC/USD", "9")
SECOND = 1_000_000_000
START = 1_651_651_337 * SECOND  # 2022-05-04T08:02:17Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def account(**fields: Any) -> Ftx:
    return Ftx(**{"api_key": "k", "api_secret": "s"} | fields)


def answer(question: Question, body: Any, status: int = 200, **fields: Any) -> list[Meaning]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return account(**fields).answer(question, Reply(status, {}, content, asked_ns=START), MEMORY)


def iso(micros: int) -> str:
    """FTX's text for this many microseconds after START."""
    return (EPOCH + timedelta(microseconds=START // 1000 + micros)).isoformat()


def order_row(number: int, micros: int = 0, market: str = "BTC/USD", **changes: Any) -> dict[str, Any]:
    row = {"id": number, "market": market, "status": "closed", "size": 1.0, "filledSize": 1.0, "createdAt": iso(micros)}
    return row | changes


def fill_row(number: int, micros: int = 0, market: str = "BTC/USD", **changes: Any) -> dict[str, Any]:
    row = {"id": number, "market": market, "side": "buy", "price": 1.0, "size": 1.0, "orderId": 9, "time": iso(micros)}
    return row | changes


# ---------------------------------------------------------------------------------------------------- answers


def test_clock() -> None:
    """The venue's time is the answer to the clock, and no time is a refusal to be tried again."""
    assert [ServerTime(START)] == answer(Clock(), {"success": True, "result": iso(0)})
    (refused,) = answer(Clock(), b"<html>")
    assert isinstance(refused, Refused)
    assert refused.how is Refusal.TRANSIENT


def test_markets() -> None:
    """The markets are kept by the venue's names; a row that cannot be read is told and loses no other."""
    rows = [{"name": "ETH-PERP", "type": "future"}, {"name": None}]

    assert [
        MarketList({"ETH-PERP": Market("ETH-PERP", "ETH/USD:USD", "ETH", "USD", "USD")}),
        Strange("unreadable row of the markets", b'{"name": null}'),
    ] == answer(Markets(), {"success": True, "result": rows})


def test_balances() -> None:
    """Totals of every coin that there is; one bad row and there is no sheet, lest it look like a withdrawal."""
    rows = [{"coin": "USD", "total": -5.5, "free": 0}, {"coin": "BTC", "total": 0.0}]

    assert [Holdings({"USD": Decimal("-5.5")})] == answer(Balances(), {"success": True, "result": rows})
    assert [Refused("balances that cannot be read", Refusal.TRANSIENT)] == answer(
        Balances(), {"success": True, "result": [*rows, {"coin": "ETH", "total": "NaN"}]}
    )


def test_open_orders() -> None:
    """The open orders are told, and that there are no others."""
    rows = [order_row(1, status="open"), order_row(2, status="new", filledSize=0)]
    *views, snapshot = answer(OpenOrders(OrderKind.ORDER), {"success": True, "result": rows})

    assert [OrderView, OrderView] == [type(each) for each in views]
    assert Snapshot(OrderKind.ORDER, frozenset({OrderKey("BTC/USD", "1"), OrderKey("BTC/USD", "2")})) == snapshot
    assert [Snapshot(OrderKind.ORDER, frozenset())] == answer(
        OpenOrders(OrderKind.ORDER), {"success": True, "result": []}
    )


def test_order_by_id() -> None:
    """One order, as a row of its own."""
    (view,) = answer(OrderById(KEY), {"success": True, "result": order_row(9)})

    assert isinstance(view, OrderView)
    assert view.state.key == KEY


@pytest.mark.parametrize(
    "question", [OrderById(OrderKey("BTC/USD", "otc:7")), OrderFills(OrderKey("BTC/USD", "otc:7"))]
)
def test_an_otc_fill_has_no_order_to_miss(question: Question) -> None:
    """Whatever the venue says of an order that never was, nothing is missing."""
    assert answer(question, {"success": False, "error": "Order not found"}, 404) == []


@pytest.mark.parametrize(
    ("body", "status", "how"),
    [
        ({"success": False, "error": "Order not found"}, 404, Refusal.GONE),
        (
            {"success": False, "error": "Not logged in: Invalid API key", "errorCode": "not_logged_in"},
            401,
            Refusal.FATAL,
        ),
        ({"success": False, "error": "Order not found"}, 200, Refusal.GONE),
        ({"success": False}, 500, Refusal.TRANSIENT),
        ({"success": True, "result": order_row(9)}, 503, Refusal.TRANSIENT),
        ({"success": True, "result": None}, 200, Refusal.TRANSIENT),
        ({"success": True}, 200, Refusal.TRANSIENT),
        ({"result": order_row(9)}, 200, Refusal.TRANSIENT),
        (b"<html>502</html>", 502, Refusal.TRANSIENT),
        (b"<html>banned</html>", 401, Refusal.TRANSIENT),
        (b"", 200, Refusal.TRANSIENT),
        ([], 200, Refusal.TRANSIENT),
    ],
)
def test_refusals(body: Any, status: int, how: Refusal) -> None:
    """What is no good answer is a refusal of the right kind."""
    (refused,) = answer(OrderById(KEY), body, status)

    assert isinstance(refused, Refused)
    assert how is refused.how


@pytest.mark.parametrize(
    ("question", "row", "bad", "what"),
    [
        (Fills(None, START, START), fill_row(1), fill_row(2, price="NaN"), "fill"),
        (Orders(None, START, START), order_row(1), order_row(2, size=None), "order"),
        (OpenOrders(OrderKind.ORDER), order_row(1), order_row(2, filledSize=-1), "order"),
    ],
)
def test_a_bad_row_takes_no_other_with_it(question: Question, row: Any, bad: Any, what: str) -> None:
    """A row that cannot be read is told raw and named, so that no verdict passes it over."""
    meanings = answer(question, {"success": True, "result": [bad, row]})

    assert Strange(f"unreadable row of a listing of {what}s", json.dumps(bad).encode()) == meanings[0]
    assert Unreachable(what, "2", "its row in the venue's listing cannot be read") == meanings[1]
    assert isinstance(meanings[2], FillView | OrderView)


def test_an_open_order_that_cannot_be_read_is_still_open() -> None:
    """It stays in the snapshot if it says which it is; if it does not, there is no snapshot."""
    bad = {**order_row(1), "id": 77, "size": None}
    told = answer(OpenOrders(OrderKind.ORDER), {"success": True, "result": [order_row(1), bad]})
    keys = {OrderKey("BTC/USD", "1"), OrderKey("BTC/USD", "77")}
    assert told[-1] == Snapshot(OrderKind.ORDER, frozenset(keys))
    told = answer(OpenOrders(OrderKind.ORDER), {"success": True, "result": [order_row(1), {**bad, "id": None}]})
    assert isinstance(told[-1], Refused)
    assert told[-1].how is Refusal.TRANSIENT


def test_a_bad_row_without_an_id_has_a_name_too() -> None:
    """Two unreadable rows have two names."""
    first, second = (
        each
        for each in answer(Fills(None, START, START), {"success": True, "result": [1, 2]})
        if isinstance(each, Unreachable)
    )

    assert first.name != second.name


# ---------------------------------------------------------------------------------------------------- listings


def query(request: Request) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(request.target).query).items()}


def test_bounds_of_time() -> None:
    """Times are seconds with fractions, rounded outwards to FTX's microseconds, and in the query."""
    ftx = account()
    request = ftx.request(Fills(None, START + 1999, START + 2001), MEMORY, START + SECOND)

    assert query(request) == {"start_time": "1651651337.000001", "end_time": "1651651337.000003", "limit": "5000"}


def test_no_listing_asks_beyond_now() -> None:
    """The end of a listing is at most the lag allowance ahead of the venue's clock."""
    request = account(lag_ns=SECOND).request(Orders("BTC-PERP", START, START + 99 * SECOND), MEMORY, START)

    assert query(request) == {
        "market": "BTC-PERP",
        "start_time": "1651651337.000000",
        "end_time": "1651651338.000000",
        "limit": "100",
    }


def test_fills_of_an_order() -> None:
    """All fills of an order, however old, are asked for by its id and from the beginning of time."""
    found = query(account().request(OrderFills(KEY), MEMORY, START))

    assert (found["orderId"], found["start_time"], found["market"]) == ("9", "1.000000", "BTC/USD")


@pytest.mark.parametrize(
    ("rows", "has_more", "ends"),
    [(0, None, True), (0, True, True), (1, None, True), (2, None, False), (2, False, True), (1, True, False)],
)
def test_the_end_of_a_listing(rows: int, has_more: bool | None, ends: bool) -> None:
    """hasMoreData decides where it is sent; else a page that is shorter than any known limit is the last."""
    body = {"success": True, "result": [fill_row(each, -each) for each in range(rows)]}
    body |= {} if has_more is None else {"hasMoreData": has_more}
    meanings = answer(Fills(None, START - SECOND, START), body, sure_page=2)

    assert ends == (not any(isinstance(each, More) for each in meanings))


def test_a_page_without_a_readable_row() -> None:
    """A full page of which nothing can be read is named, and the walk ends."""
    meanings = answer(Fills(None, START, START), {"success": True, "result": [1], "hasMoreData": True})

    assert Unreachable("span", f"{START}..{START}", "a page without one readable row") == meanings[-1]


def test_a_venue_that_ignores_the_end() -> None:
    """Rows after the end of the span would come again for ever: the span is named."""
    body = {"success": True, "result": [fill_row(1, 5)], "hasMoreData": True}

    assert (
        Unreachable("span", f"{START}..{START}", "the venue does not keep to the end of the span")
        == (answer(Fills(None, START, START), body)[-1])
    )


@attrs.define
class Listing:
    """A server of rows: newest first within inclusive bounds, by market, and from the other end if it knows how."""

    rows: list[dict[str, Any]]
    time: str
    page: int
    turns: bool = True  # order=asc is obeyed
    says_more: bool = True
    requests: int = 0
    arrive: Callable[[], None] = lambda: None

    def reply(self, request: Request) -> Reply:
        self.requests += 1
        asked = query(request)
        low, high = Decimal(asked["start_time"]), Decimal(asked["end_time"])

        def moment(row: dict[str, Any]) -> Decimal:
            return Decimal((datetime.fromisoformat(row[self.time]) - EPOCH) // timedelta(microseconds=1)) / 1_000_000

        rows = [
            row
            for row in self.rows
            if low <= moment(row) <= high and asked.get("market", row["market"]) == row["market"]
        ]
        rows.sort(key=lambda row: (moment(row), row["id"]), reverse=not (self.turns and asked.get("order") == "asc"))
        page = min(self.page, int(asked["limit"]))
        body = {"success": True, "result": rows[:page]} | ({"hasMoreData": len(rows) > page} if self.says_more else {})
        self.arrive()
        return Reply(200, {}, json.dumps(body).encode())


def walk(ftx: Ftx, question: Question, server: Listing, memory: Memory) -> tuple[set[str], list[Unreachable]]:
    """Ask, and ask on, until nothing more is to be asked: the ids that were told, and what is named as missing."""
    owed, told, missing = [question], set(), []
    while owed:
        assert server.requests < 2000, "the walk does not end"
        asked = owed.pop()
        for meaning in ftx.answer(asked, server.reply(ftx.request(asked, memory, START + SECOND)), memory):
            match meaning:
                case FillView():
                    told.add(meaning.execution.trade_id)
                case OrderView():
                    told.add(meaning.state.key.order_id)
                case More():
                    owed.append(meaning.question)
                case Unreachable():
                    missing.append(meaning)
                case _:
                    raise AssertionError(meaning)
    return told, missing


MARKETS = ["BTC/USD", "ETH/USD", "SOL/USD"]
KNOWN = Memory(markets={name: Market(name, name, name[:3], "USD") for name in MARKETS})
ROWS = st.lists(st.tuples(st.integers(-6, 0), st.sampled_from(MARKETS)), max_size=14)
LISTINGS = [
    (Fills(None, START - SECOND, START), fill_row, "time"),
    (Orders(None, START - SECOND, START), order_row, "createdAt"),
]


@pytest.mark.parametrize(("question", "row", "time"), LISTINGS)
@given(ROWS, st.integers(1, 5), st.booleans(), st.booleans())
@example([(0, "BTC/USD")] * 3, 1, True, True)
@example([(0, "BTC/USD")] * 6, 3, True, False)
@example([(0, "BTC/USD"), (0, "ETH/USD"), (0, "SOL/USD"), (-1, "BTC/USD")], 2, False, True)
def test_a_listing_is_read_to_its_end(
    question: Question, row: Any, time: str, rows: list[tuple[int, str]], page: int, turns: bool, says_more: bool
) -> None:
    """Whatever rows share a time: all are told, or the instant of each that is not is named; and the walk ends."""
    server = Listing([row(n, micros, market) for n, (micros, market) in enumerate(rows)], time, page, turns, says_more)
    ftx = account(fills_page=page, orders_page=page)

    told, missing = walk(ftx, question, server, KNOWN)

    named = {each.name.split(" ")[0].split("..")[0] for each in missing}
    for number, (micros, _) in enumerate(rows):
        assert str(number) in told or str(START + micros * 1000) in named
    crowd = max((sum(other == one for other in rows) for one in rows), default=0)
    assert not missing or crowd >= page, "only more rows of one time and market than a page holds may be named"


@pytest.mark.parametrize(("count", "markets", "whole"), [(4, 1, True), (8, 2, True), (7, 1, True), (9, 1, False)])
def test_more_fills_of_one_instant_than_a_page(count: int, markets: int, whole: bool) -> None:
    """Looks from both ends, then market by market, cover up to two pages each; beyond that the instant is named."""
    rows = [fill_row(number, 0, MARKETS[number % markets]) for number in range(count)]
    rows += [fill_row(100 + number, -1 - number) for number in range(10)]
    server = Listing(rows, "time", 4)

    told, missing = walk(account(fills_page=4), Fills(None, START - SECOND, START), server, KNOWN)

    assert {str(100 + number) for number in range(10)} <= told
    assert whole == ({str(number) for number in range(count)} <= told and not missing)


def test_a_venue_that_knows_no_other_end() -> None:
    """If order=asc is ignored the two looks agree, which proves nothing: the markets are asked one by one."""
    rows = [fill_row(number, 0, MARKETS[number % 3]) for number in range(6)]
    server = Listing(rows, "time", 3, turns=False)

    told, missing = walk(account(fills_page=3), Fills(None, START - SECOND, START), server, KNOWN)

    assert ({str(number) for number in range(6)}, []) == (told, missing)


def test_without_a_market_list_the_instant_is_named() -> None:
    """Where nothing can be split, the verdict says so."""
    server = Listing([order_row(number) for number in range(5)], "createdAt", 2)

    _, missing = walk(account(orders_page=2), Orders(None, START - SECOND, START), server, MEMORY)

    assert [Unreachable("span", f"{START}..{START}", "more rows with one time than a page holds")] == missing


def test_rows_added_between_pages_shift_nothing() -> None:
    """New fills come in at the front while the pages are read; those of before are all told."""
    rows = [fill_row(number, -number) for number in range(12)]
    added = iter(range(100, 1000))

    def arrive() -> None:
        server.rows.extend(fill_row(next(added), 0) for _ in range(3))

    server = Listing(rows, "time", 4, arrive=arrive)
    told, missing = walk(account(fills_page=4), Fills(None, START - SECOND, START), server, KNOWN)

    assert {str(number) for number in range(12)} <= told
    assert all(each.name.startswith(str(START)) for each in missing), "only the instant that kept growing may be named"


@pytest.mark.parametrize("cap", [20, 100, 5000])
def test_a_lower_limit_than_we_ask_for_loses_nothing(cap: int) -> None:
    """The page that FTX really gave is not known; without hasMoreData every known limit is told from the last page."""
    rows = [fill_row(number, -number) for number in range(250)]
    server = Listing(rows, "time", cap, says_more=False)

    told, missing = walk(account(), Fills(None, START - SECOND, START), server, KNOWN)

    assert (len(told), missing) == (250, [])
    assert server.requests < 20


def test_fills_of_an_order_are_paged() -> None:
    """The fills of one order come in pages as well."""
    rows = [fill_row(number, -number) for number in range(9)]

    told, missing = walk(account(fills_page=2), OrderFills(KEY), Listing(rows, "time", 2), KNOWN)

    assert (len(told), missing) == (9, [])
