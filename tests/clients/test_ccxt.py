"""ccxt, as it is published, trades on the mock while exchstream watches the same account: all who tell must agree.

Four tell what happened: the mock's truth, exchstream's events, ccxt's `fetch_*`, and what ccxt's own `watch_*` heard.
Meanwhile exchstream's socket is half-open for a while and is then cut.  ccxt's is not: it recovers nothing by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, Final

import attrs
import pytest
import trio

from exchstream.core.venue import SECOND, Venue
from exchstream.events import Event, Fill, GapClosed, GapOpened, GapReason, OrderUpdate
from exchstream.shell.stream import OrderStream, open_stream
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

from .harness import (
    CCXT_STATUS,
    Ccxt,
    FillRow,
    Mock,
    OrderRow,
    Refused,
    ccxt_fills,
    ccxt_of,
    ccxt_orders,
    eventually,
    mock_of,
    told_fills,
    told_orders,
    true_fills,
    true_orders,
)

BOT, OTHER = "bot", "other"
LAG_NS: Final = SECOND // 5  # the mock's REST does not lag here


@attrs.frozen(kw_only=True)
class Case:
    """One venue, and the ccxt that trades there."""

    venue: str
    python: str
    text_numbers: bool
    symbol: str
    price: int
    trade_id: str = "trade_id"
    """The truth's name of the id that the venue gives to a fill."""
    statuses: dict[str, str] = CCXT_STATUS
    refusals: dict[str, tuple[str, str]]
    """For a wrong key or secret, want of funds, an order that is gone: what ccxt raises, and a part of its text."""


CASES: Final = (
    Case(
        venue="binance-spot",
        python="EXCHSTREAM_CCXT_PYTHON",
        text_numbers=True,
        symbol="BTC/USDT",
        price=60_000,
        refusals={
            "key": ("AuthenticationError", "-2015"),
            "secret": ("AuthenticationError", "-1022"),
            "funds": ("InsufficientFunds", "insufficient balance"),
            "gone": ("OrderNotFound", "-2011"),
        },
    ),
    Case(
        venue="binance-futures",
        python="EXCHSTREAM_CCXT_PYTHON",
        text_numbers=True,
        symbol="BTC/USDT:USDT",
        price=60_000,
        refusals={
            "key": ("AuthenticationError", "-2015"),
            "secret": ("AuthenticationError", "-1022"),
            "funds": ("ExchangeError", "-2019"),  # ccxt knows this code only at its own host names
            "gone": ("OrderNotFound", "-2011"),
        },
    ),
    Case(
        venue="ftx",
        python="EXCHSTREAM_CCXT_FTX_PYTHON",
        text_numbers=False,
        symbol="BTC/USD",
        price=38_500,
        trade_id="fill_id",
        statuses={**CCXT_STATUS, "EXPIRED": "canceled"},  # FTX has one word for every end: closed
        refusals={
            "key": ("AuthenticationError", "Invalid API key"),
            "secret": ("ExchangeError", "Invalid Signature"),  # ccxt has no word of its own for this one
            "funds": ("InsufficientFunds", "Not enough balances"),
            "gone": ("InvalidOrder", "Order already closed"),
        },
    ),
)


@attrs.define(eq=False)
class Desk:
    """The bot's hands (ccxt) and another account to trade with, at one venue of a mock."""

    case: Case
    mock: Mock
    ccxt: Ccxt

    async def order(self, amount: str, offset: int = 0, *, side: str = "buy", who: str = BOT, **params: object) -> Any:
        """Place a limit order so far from the case's price."""
        price = self.case.price + offset
        args = (self.case.symbol, "limit", side, float(amount), price, params)
        return await self.ccxt.call(who, "create_order", *args)

    async def market(self, amount: str, side: str, who: str) -> Any:
        """Place a market order."""
        return await self.ccxt.call(who, "create_order", self.case.symbol, "market", side, float(amount))

    async def cancel(self, order: dict[str, Any]) -> None:
        """Cancel an order of the bot."""
        await self.ccxt.call(BOT, "cancel_order", order["id"], self.case.symbol)

    async def edit(self, order: dict[str, Any], amount: str, offset: int) -> Any:
        """Change a bid of the bot in ccxt's way: amended, or replaced by another, as the venue does it."""
        price = self.case.price + offset
        args = (order["id"], self.case.symbol, "limit", "buy", float(amount), price)
        return await self.ccxt.call(BOT, "edit_order", *args)


@asynccontextmanager
async def desk_of(case: Case) -> AsyncIterator[Desk]:
    """A mock of its own and a ccxt of its own."""
    async with mock_of(case.venue) as mock, ccxt_of(case.python, text_numbers=case.text_numbers) as ccxt:
        yield Desk(case, mock, ccxt)


def account(mock: Mock) -> Venue:
    """The account as exchstream is told of it: by the line that the mock prints for it."""
    names = {cls.__name__: partial(cls, lag_ns=LAG_NS) for cls in (BinanceSpot, BinanceFutures, Ftx)}
    venue: Venue = eval(mock.shown["snippets"]["exchstream"], names)
    return venue


# --- what the bot does ----------------------------------------------------------------------------------------------


async def trade_before(desk: Desk) -> Any:
    """Part fills by the house and by another client, an edit, two cancels; a half filled bid, which is returned."""
    left = await desk.order("0.04", -30, clientOrderId="bot-first")
    await desk.mock.fill(left, "0.01")
    crossed = await desk.order("0.05")
    await desk.mock.fill(crossed, "0.02")
    await desk.market("0.03", "sell", OTHER)
    part = await desk.order("0.02", -10)
    await desk.mock.fill(part, "0.005")
    await desk.cancel(part)
    untouched = await desk.order("0.02", -20)
    await desk.cancel(await desk.edit(untouched, "0.03", -21))
    return left


UNSEEN_FILLS: Final = 4


async def trade_unseen(desk: Desk, left: Any) -> None:
    """Of the old bid another part; one order is born and cancelled, one is born and filled by two others."""
    await desk.mock.fill(left, "0.01")
    part = await desk.order("0.03", -5)
    await desk.mock.fill(part, "0.012")
    await desk.cancel(part)
    await desk.order("0.02", side="sell")
    await desk.order("0.015", who=OTHER)
    await desk.market("0.005", "buy", OTHER)


async def trade_after(desk: Desk) -> None:
    """The bot takes: two fills of one market order, an IOC that finds less than it wants; and a bid is left open."""
    for amount, offset in (("0.01", 2), ("0.02", 3)):
        await desk.order(amount, offset, side="sell", who=OTHER)
    await desk.market("0.03", "buy", BOT)
    await desk.order("0.01", 1, side="sell", who=OTHER)
    ioc = {"ioc": True} if desk.case.venue == "ftx" else {"timeInForce": "IOC"}
    await desk.order("0.04", 1, **ioc)
    last = await desk.order("0.02", -40)
    await desk.mock.fill(last, "0.001")


# --- the tests ------------------------------------------------------------------------------------------------------


async def listening(desk: Desk, others: set[int]) -> bool:
    """Whether ccxt's own stream is subscribed: its connection carries the account; on FTX both channels are."""
    links = await desk.mock.links() - others
    if desk.case.venue != "ftx" or not links:
        return bool(links)
    said = (await desk.mock.get("/journal", kind="ws-out"))["entries"]
    texts = [entry["text"] for entry in said if entry["connection"] in links and "subscribed" in entry["text"]]
    return any("orders" in text for text in texts) and any("fills" in text for text in texts)


async def collect(stream: OrderStream, events: list[Event]) -> None:
    """Read all that is told."""
    async for event in stream:
        events.append(event)


def gaps(events: list[Event]) -> list[tuple[GapReason, GapClosed | None]]:
    """Each gap's reason with its verdict, None while it is open."""
    verdicts = [event for event in events if isinstance(event, GapClosed)]
    reasons = [event.reason for event in events if isinstance(event, GapOpened)]
    return [(reason, verdicts[n] if n < len(verdicts) else None) for n, reason in enumerate(reasons)]


def fills_of(events: list[Event]) -> list[Fill]:
    """The fills among the events."""
    return [event for event in events if isinstance(event, Fill)]


def orders_of(events: list[Event]) -> dict[str, OrderRow]:
    """The last row of each order among the events."""
    return told_orders(event for event in events if isinstance(event, OrderUpdate))


@attrs.frozen(kw_only=True)
class Told:
    """What each of the four told at the end of the story."""

    version: str
    fills: list[FillRow]
    orders: dict[str, OrderRow]
    events: list[Event]
    heard_trades: list[dict[str, Any]]
    heard_orders: list[dict[str, Any]]
    fetched_trades: list[dict[str, Any]]
    fetched_orders: list[dict[str, Any]]
    troubles: list[str]

    def all_heard(self) -> bool:
        """Whether nothing is under way any more."""
        told = (
            len(fills_of(self.events)),
            orders_of(self.events),
            len(self.heard_trades),
            ccxt_orders(self.heard_orders),
        )
        return told == (len(self.fills), self.orders, len(self.fills), self.orders)


async def story(desk: Desk, stream: OrderStream, nursery: trio.Nursery) -> Told:
    """The bot trades; exchstream's connection goes dumb, more trades; it is cut and comes back, more trades."""
    case, mock, ccxt, events = desk.case, desk.mock, desk.ccxt, list[Event]()
    nursery.start_soon(collect, stream, events)
    version = await ccxt.open(BOT, mock.shown["snippets"]["ccxt"])
    await ccxt.open(OTHER, await mock.lines_for(OTHER))
    await eventually(lambda: [reason for reason, verdict in gaps(events) if verdict] == [GapReason.START], "live")
    watched = await mock.links()
    for method in ("watch_orders", "watch_my_trades"):
        await ccxt.watch(BOT, method)
    await eventually(partial(listening, desk, watched), "ccxt's own stream subscribes")

    left = await trade_before(desk)
    (link,) = watched
    await mock.post(f"/connections/{link}/half_open")
    await trade_unseen(desk, left)
    await mock.post(f"/connections/{link}/drop")
    await eventually(lambda: len(gaps(events)) == 2 and gaps(events)[1][1], "the gap is closed")
    await trade_after(desk)

    truth = await mock.truth()
    told = Told(
        version=version,
        fills=sorted(true_fills(truth, case.trade_id)),
        orders=true_orders(truth, case.statuses),
        events=events,
        heard_trades=ccxt.heard[BOT, "watch_my_trades"],
        heard_orders=ccxt.heard[BOT, "watch_orders"],
        fetched_trades=await ccxt.call(BOT, "fetch_my_trades", case.symbol),
        fetched_orders=await ccxt.call(BOT, "fetch_orders", case.symbol),
        troubles=ccxt.troubles,
    )
    with suppress(pytest.fail.Exception):  # what is missing is better shown by the comparisons
        await eventually(told.all_heard, "all is heard", 5)
    nursery.cancel_scope.cancel()
    return told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue)
async def test_ccxt_trades_and_all_agree(case: Case, results: list[tuple[str, ...]]) -> None:
    """Over a lost link exchstream tells every order and fill of an unmodified ccxt once; ccxt and truth agree."""
    async with desk_of(case) as desk, open_stream(account(desk.mock)) as stream, trio.open_nursery() as nursery:
        told = await story(desk, stream, nursery)
    fills = fills_of(told.events)
    recovered = [fill for fill in fills if fill.recovered]
    row = (f"{len(orders_of(told.events))}/{len(told.orders)}", f"{len(fills)}/{len(told.fills)}", f"{len(recovered)}")
    results.append((f"ccxt {told.version}", case.venue, *row, f"{len(told.heard_trades)}/{len(told.fills)} fills"))
    assert told.fills == sorted(told_fills(fills))
    assert told.fills == sorted(ccxt_fills(told.fetched_trades))
    assert told.fills == sorted(ccxt_fills(told.heard_trades))
    assert told.orders == orders_of(told.events)
    assert told.orders == ccxt_orders(told.fetched_orders)
    assert told.orders == ccxt_orders(told.heard_orders)
    assert [(r, v and v.unresolved) for r, v in gaps(told.events)] == [(GapReason.START, ()), (GapReason.LOST, ())]
    assert len(recovered) == UNSEEN_FILLS
    assert told.troubles == []
    for order_id in told.orders:
        updates = [event for event in told.events if isinstance(event, OrderUpdate) and event.order_id == order_id]
        assert updates == sorted(updates, key=lambda update: update.filled_quantity)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue)
async def test_ccxt_understands_what_the_mock_refuses(case: Case) -> None:
    """A key or a secret that is wrong, an account without money, an order that is gone: ccxt knows each refusal."""
    raised = {}
    async with desk_of(case) as desk:
        key, secret = desk.mock.shown["api_key"], desk.mock.shown["api_secret"]
        lines = {
            BOT: desk.mock.shown["snippets"]["ccxt"],
            "poor": await desk.mock.lines_for("poor", balances={}),
        }
        lines |= {"key": lines[BOT].replace(key, key[::-1]), "secret": lines[BOT].replace(secret, secret[::-1])}
        for who in (BOT, "poor"):
            await desk.ccxt.open(who, lines[who])
        order = await desk.order("0.01")
        assert [row["id"] for row in await desk.ccxt.call(BOT, "fetch_open_orders", case.symbol)] == [order["id"]]
        await desk.cancel(order)
        attempts = {
            "key": partial(ask_balance, desk, "key", lines["key"]),
            "secret": partial(ask_balance, desk, "secret", lines["secret"]),
            "funds": partial(desk.order, "0.01", who="poor"),
            "gone": partial(desk.cancel, order),
        }
        for what, attempt in attempts.items():
            with pytest.raises(Refused) as caught:
                await attempt()
            raised[what] = caught.value
    for what, (error, text) in case.refusals.items():
        assert raised[what].error == error, what
        assert text in str(raised[what])


async def ask_balance(desk: Desk, who: str, lines: str) -> None:
    """Make an exchange object, if it can load its markets, and ask for its balance."""
    await desk.ccxt.open(who, lines)
    await desk.ccxt.call(who, "fetch_balance")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue)
async def test_ccxt_sees_its_balance_move(case: Case) -> None:
    """What ccxt reads of its balance after a trade is what it had, less the price and the fee."""
    settle = case.symbol.rpartition("/")[2].partition(":")[0]
    async with desk_of(case) as desk:
        await desk.ccxt.open(BOT, desk.mock.shown["snippets"]["ccxt"])
        before = await desk.ccxt.call(BOT, "fetch_balance")
        await desk.mock.fill(await desk.order("0.02"), "0.02")
        after = await desk.ccxt.call(BOT, "fetch_balance")
        (fill,) = true_fills(await desk.mock.truth(), case.trade_id)
    moved = {a: Decimal(str(after["total"][a])) - Decimal(str(n)) for a, n in before["total"].items()}
    assert expected_move(case, fill, settle) == {asset: change for asset, change in moved.items() if change}


def expected_move(case: Case, fill: FillRow, settle: str) -> dict[str, Decimal]:
    """How a buy moves the balances; a future moves nothing but the fee."""
    spot = ":" not in case.symbol
    moved = {"BTC": fill.quantity if spot else Decimal(0), settle: -fill.price * fill.quantity if spot else Decimal(0)}
    moved[fill.fee_asset] -= fill.fee
    return {asset: change for asset, change in moved.items() if change}


# Of a market stream at any other address than Binance's own, ccxt takes BTCUSDT for the perpetual if it knows that one.
ONLY: Final = {"binance-spot": '\nex.options["fetchMarkets"] = {"types": ["spot"]}'}


@asynccontextmanager
async def again_and_again(act: Callable[[int], Awaitable[object]]) -> AsyncIterator[None]:
    """Meanwhile do something five times a second: whoever listens only to what is new hears it."""

    async def repeat() -> None:
        for number in count():
            await act(number)
            await trio.sleep(0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(repeat)
        yield
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.venue)
async def test_the_market_as_ccxt_hears_it(case: Case) -> None:
    """Its own order book, kept from the venue's stream, becomes the mock's; trades are those that happened."""
    async with desk_of(case) as desk:
        route = f"/market/{desk.mock.shown['symbols'][0].replace('/', '%2F')}"
        await desk.ccxt.open(BOT, desk.mock.shown["snippets"]["ccxt"] + ONLY.get(case.venue, ""))

        async def move(step: int) -> None:
            """The best bid changes for a while, the ask for ever."""
            bids = [[case.price - 10 - min(step, 15), "0.5"], [case.price - 50, "1"]]
            asks = [[case.price + 10, str(1 + step % 7)]]
            await desk.mock.post(f"{route}/book", venue=case.venue, bids=bids, asks=asks)

        async def bids() -> list[list[Decimal]]:
            told = await desk.ccxt.call(BOT, "watch_order_book", case.symbol)
            return [[Decimal(str(value)) for value in row[:2]] for row in told["bids"]]

        expected = [[Decimal(case.price - 25), Decimal("0.5")], [Decimal(case.price - 50), Decimal(1)]]
        with trio.fail_after(30):
            async with again_and_again(move):
                seen = [await bids()]
                while seen[-1] != expected:
                    seen.append(await bids())
        assert len(seen) > 3

        async def trade(_: int) -> None:
            await desk.mock.post(f"{route}/trade", venue=case.venue, price=str(case.price), side="BUY")

        async with again_and_again(trade):
            trades = await desk.ccxt.call(BOT, "watch_trades", case.symbol)
        assert {(Decimal(str(row["price"])), row["side"]) for row in trades} == {(Decimal(case.price), "buy")}
