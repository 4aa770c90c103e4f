"""FTX's listings: filters, times, paging, and REST that lags."""

from decimal import Decimal
from typing import Any

import pytest

from mockserver.engine.types import Side
from tests.unit.mockserver.faces.ftx_client import SECOND, START_NS, Client

T0 = Decimal(START_NS // 1_000) / 1_000_000


def ids(rows: list[dict[str, Any]]) -> list[int]:
    """The ids of rows."""
    return [row["id"] for row in rows]


def history(count: int, *, every: float = 1) -> tuple[Client, list[int]]:
    """A client that placed so many orders, one after the other, and their ids, newest first."""
    client = Client()
    placed = []
    for _ in range(count):
        placed.append(client.placed()["id"])
        client.advance(every)
    return client, placed[::-1]


def test_the_history_is_newest_first_and_says_if_there_is_more() -> None:
    """A page of the asked size and `hasMoreData`; the last page says there is none."""
    client, placed = history(3)
    page = client.send(client.request("GET", "/orders/history?limit=2")).body
    rest = client.send(client.request("GET", "/orders/history?limit=3")).body

    assert ids(client.get("/orders/history?limit=2")) == placed[:2]
    assert page.endswith(b'"hasMoreData":true}')
    assert rest.endswith(b'"hasMoreData":false}')


def test_a_hundred_orders_at_most() -> None:
    """More than a hundred are never given, whatever is asked."""
    client, placed = history(101, every=0)

    assert ids(client.get("/orders/history?limit=5000")) == placed[:100]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (None, None, [2, 1, 0]),
        ("1", None, [2, 1]),
        (None, "1", [1, 0]),
        ("1", "1", [1]),
        ("1.000001", None, [2]),
        (None, "0.999999", [0]),
        ("3", None, []),
    ],
)
def test_both_bounds_belong_to_the_range(start: str | None, end: str | None, found: list[int]) -> None:
    """Fractions of a second count to the microsecond, and a row at a bound is in the range."""
    client, placed = history(3)
    client.exchange.settings.limits = "off"
    bounds = {"start_time": start, "end_time": end}
    query = "&".join(f"{name}={T0 + Decimal(value)}" for name, value in bounds.items() if value is not None)

    assert ids(client.get(f"/orders/history?{query}")) == [placed[::-1][index] for index in found]


def test_the_history_is_of_creation() -> None:
    """An order made before the start and ended after it is not found by time."""
    client, placed = history(1, every=10)
    client.call("DELETE", f"/orders/{placed[0]}")

    assert client.get(f"/orders/history?start_time={T0 + 5}") == []
    assert client.get(f"/orders/{placed[0]}")["status"] == "closed"


def test_paging_backwards_by_the_last_time_finds_everything() -> None:
    """Moving `end_time` to the oldest row's time and dropping repeats by id visits every order once."""
    client, placed = history(7, every=0.25)
    client.exchange.settings.page_cap = 3
    seen: dict[int, None] = {}
    end = T0 + 100
    while True:
        rows = client.get(f"/orders/history?end_time={end}")
        seen.update(dict.fromkeys(ids(rows)))
        oldest = min(placed.index(row["id"]) for row in rows[-1:])
        end = T0 + Decimal("0.25") * (len(placed) - 1 - oldest)
        if len(rows) < 3:
            break

    assert list(seen) == placed


def test_filters_of_the_history() -> None:
    """By market, side and type."""
    client = Client()
    client.quote(Side.SELL, "38500", "1")
    limit = client.placed()["id"]
    market = client.placed(type="market", price=None)["id"]
    spot = client.placed("BTC/USD", "sell", price=50000)["id"]

    assert ids(client.get("/orders/history?orderType=market")) == [market]
    assert ids(client.get("/orders/history?side=sell")) == [spot]
    assert ids(client.get("/orders/history?market=BTC-PERP")) == [market, limit]
    assert ids(client.get("/orders?market=BTC/USD")) == ids(client.get("/orders?market=BTC%2FUSD")) == [spot]


def test_an_order_is_found_by_either_id() -> None:
    """Open and closed, by its id and by its client's; a stranger's is not found."""
    client = Client()
    order = client.placed(clientId="mine")
    targets = (f"/orders/{order['id']}", "/orders/by_client_id/mine")

    assert [client.get(target)["status"] for target in targets] == ["open", "open"]
    client.call("DELETE", targets[0])
    assert [client.get(target)["status"] for target in targets] == ["closed", "closed"]
    client.account = client.worlds.open_account(client.exchange, "stranger")
    assert {client.call("GET", target) for target in targets} == {(404, "Order not found")}


# -- fills -------------------------------------------------------------------------------------------------------------


def filled(count: int, *, every: float = 1) -> tuple[Client, int]:
    """A client with one order that was filled in so many parts."""
    client = Client()
    order: int = client.placed(size=1)["id"]
    for _ in range(count):
        client.fill(order, "0.001")
        client.advance(every)
    return client, order


def test_fills_come_newest_first_or_ascending() -> None:
    """`order=asc` turns them round, and then a page is the oldest ones."""
    client, _ = filled(5)
    newest = ids(client.get("/fills"))

    assert newest == sorted(newest, reverse=True)
    assert ids(client.get("/fills?order=asc")) == newest[::-1]
    assert ids(client.get("/fills?limit=2")) == newest[:2]
    assert ids(client.get("/fills?order=asc&limit=2")) == newest[:-3:-1]


def test_the_page_is_small_unless_times_are_given() -> None:
    """Twenty fills by default, a hundred at most, and all of them as soon as a time is given."""
    client, _ = filled(120, every=0)

    assert [len(client.get(f"/fills{query}")) for query in ("", "?limit=5000", f"?start_time={T0}")] == [20, 100, 120]
    client.exchange.settings.options["fills_default_limit"] = 50
    assert len(client.get("/fills")) == 50
    client.exchange.settings.page_cap = 7
    assert len(client.get(f"/fills?start_time={T0}&limit=5000")) == 7


def test_filters_of_fills() -> None:
    """By time, market and order; a fill at a bound is in the range."""
    client, order = filled(4)
    other = client.placed("BTC/USD")["id"]
    client.fill(other, market="BTC/USD")

    assert len(client.get(f"/fills?start_time={T0 + 1}&end_time={T0 + 2}")) == 2
    assert {row["orderId"] for row in client.get("/fills?market=BTC-PERP")} == {order}
    assert [row["orderId"] for row in client.get(f"/fills?orderId={other}")] == [other]


def test_more_fills_of_one_time_than_a_page_holds() -> None:
    """Their times are equal to the microsecond, and by time alone a client sees only the first page of them."""
    client, order = filled(5, every=0)
    client.exchange.settings.page_cap = 2
    rows = client.get(f"/fills?orderId={order}&start_time={T0}&end_time={T0}")

    assert len(rows) == 2
    assert len({row["time"] for row in rows}) == 1


# -- lag ---------------------------------------------------------------------------------------------------------------


def test_rest_may_lag_behind_the_stream() -> None:
    """With a lag, listings, single orders, fills and balances are as they were; the stream is not."""
    client = Client()
    client.exchange.settings.rest_lag_ns = 5 * SECOND
    client.advance(10)
    socket = client.socket("orders", "fills")
    order = client.placed("BTC/USD")
    client.fill(order["id"], market="BTC/USD")

    def known() -> list[object]:
        status, _ = client.call("GET", f"/orders/{order['id']}")
        btc = next(coin["total"] for coin in client.get("/wallet/balances") if coin["coin"] == "BTC")
        return [status, len(client.get("/orders/history")), len(client.get("/fills")), btc]

    assert len(socket.take()) == 3
    assert known() == [404, 0, 0, 20]
    client.advance(5)
    assert known() == [200, 1, 1, Decimal("20.01")]


# -- account -----------------------------------------------------------------------------------------------------------


def test_balances_tell_what_is_locked() -> None:
    """A resting spot order takes its cost out of `free`, not out of `total`; coins are valued at their market."""
    client = Client()
    client.placed("BTC/USD", size=1, price=30000)
    rows = {row["coin"]: row for row in client.get("/wallet/balances")}

    assert (rows["USD"]["total"], rows["BTC"]["usdValue"]) == (1_000_000, 770_000)
    assert Decimal(969_900) < rows["USD"]["free"] <= Decimal(970_000)


def test_a_coin_without_a_market_is_worth_nothing() -> None:
    """A coin that cannot be sold for dollars here has a total and no value."""
    client = Client()
    client.account = client.worlds.open_account(client.exchange, "holder", balances={"FTT": Decimal(25)})

    assert [(row["coin"], row["total"], row["usdValue"]) for row in client.get("/wallet/balances")] == [("FTT", 25, 0)]


def test_positions_follow_the_fills() -> None:
    """Size, side, average price and profit of a short position, with the sizes of open orders."""
    client = Client()
    for price in ("38600", "38500"):
        client.quote(Side.BUY, price, "1")
    client.placed(side="sell", type="market", price=None, size=2)
    client.placed(size=3, price=30000)
    (row,) = client.get("/positions?showAvgPrice=true")

    assert (row["side"], row["size"], row["netSize"], row["longOrderSize"]) == ("sell", 2, -2, 3)
    assert (row["recentAverageOpenPrice"], row["entryPrice"], row["unrealizedPnl"]) == (38550, 38500, 100)
    assert "recentAverageOpenPrice" not in client.get("/positions")[0]


def test_the_account_adds_up() -> None:
    """Collateral is the wallet with what positions gained; margin of positions and orders is not free."""
    client = Client()
    before = client.get("/account")
    client.quote(Side.SELL, "38500", "1")
    client.placed(type="market", price=None, size=1)
    after = client.get("/account")

    assert (before["totalPositionSize"], before["marginFraction"], before["positions"]) == (0, None, [])
    assert before["collateral"] == 1_000_000 + 20 * 38_500 + 200 * 2_860
    assert after["collateral"] == before["collateral"] - Decimal("26.95")
    assert after["freeCollateral"] == after["collateral"] - 3_850
    assert after["username"] == "alice@example.com"


def test_books_and_trades_have_depth_and_limits() -> None:
    """Twenty levels unless more are asked, newest trades first, by time if asked."""
    client = Client()
    for step in range(30):
        client.quote(Side.SELL, str(38500 + step), "0.01")
    book = client.get("/markets/BTC-PERP/orderbook")
    deeper = client.get("/markets/BTC-PERP/orderbook?depth=25")
    for _ in range(3):
        client.advance(1)
        client.placed(type="market", price=None)
    trades = client.get("/markets/BTC-PERP/trades?limit=2")

    assert (len(book["asks"]), len(deeper["asks"]), book["bids"]) == (20, 25, [])
    assert [trade["price"] for trade in trades] == [38502, 38501]
    assert len(client.get(f"/markets/BTC-PERP/trades?start_time={T0 + 2}&end_time={T0 + 3}")) == 2


def test_the_price_stays_between_bid_and_ask() -> None:
    """A market's price is its last one, moved to the nearer quote when it lies outside."""
    client = Client()
    prices = []
    for side, price in ((Side.SELL, "38400"), (Side.BUY, "38300")):
        client.quote(side, price, "1")
        prices.append(client.get("/markets/BTC-PERP")["price"])
    client.placed(type="market", price=None, size=1)
    client.quote(Side.BUY, "38450", "1")

    assert [*prices, client.get("/markets/BTC-PERP")["price"]] == [38400, 38400, 38450]
