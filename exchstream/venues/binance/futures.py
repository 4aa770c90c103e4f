"""Binance USD-margined futures: one account's orders and executions by its listen key.

The listen key is the living protocol here.  The socket never acknowledges anything, and a wrong route opens, is
pinged and stays silent for ever, so the lane is proven by asking REST.  This module says how to dial, ask and read;
what an order or execution means is in `futures_facts`.  It only reads: the one POST and PUT are the listen key's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Final, Union, cast

import attrs
import msgspec

from exchstream.core.limits import lasting, span, whole
from exchstream.core.venue import (
    DAY,
    SECOND,
    Address,
    AuditPlan,
    Balances,
    Bucket,
    Clock,
    CredentialGone,
    Evidence,
    Fills,
    Lane,
    Listing,
    Markets,
    Meaning,
    Memory,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    Plan,
    Proof,
    Question,
    RenewCredential,
    Reply,
    Request,
    Retire,
    Traces,
)
from exchstream.model import OrderKind
from exchstream.venues.binance.account import BinanceAccount, needs_of, preset
from exchstream.venues.binance.futures_algo import AlgoUpdate, algo_row, algo_update
from exchstream.venues.binance.futures_facts import (
    ConditionalReject,
    OrderTradeUpdate,
    TradeLite,
    conditional_reject,
    order_row,
    order_trade_update,
    trade_lite,
    trade_row,
)
from exchstream.venues.binance.listings import linear_market, markets, open_orders, position_rows, traced
from exchstream.venues.binance.paging import Book, order_query, page
from exchstream.venues.binance.wire import CONNECTIONS, MILLI, UNREADABLE, unreadable
from exchstream.venues.checks import FALSE_ALARM, at_least, path, url, without_slash
from exchstream.venues.numbers import exact

# The socket's `events` is an allow-list, and without it some routes deliver nothing: all of it, always.
EVENTS: Final = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "STRATEGY_UPDATE",
    "GRID_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "listenKeyExpired",
)
# The notice of the split of 2026 (base wss://fstream.binance.com, /private).  Testnet was seen to take the old form.
QUERY_FORM: Final = "/private/ws?listenKey={key}&events={events}"
ENVIRONMENTS: Final = {
    "production": {
        "rest_url": "https://fapi.binance.com",
        "ws_url": "wss://fstream.binance.com",
        "stream_path": QUERY_FORM,
    },
    "testnet": {
        "rest_url": "https://testnet.binancefuture.com",
        "ws_url": "wss://stream.binancefuture.com",
        "stream_path": "/ws/{key}",
    },
    "demo": {
        "rest_url": "https://demo-fapi.binance.com",
        "ws_url": "wss://demo-fstream.binance.com",
        "stream_path": QUERY_FORM,
    },
}

# Known and not needed: they only show that the stream delivers.
_QUIET: Final = tuple(
    msgspec.defstruct(name, [], tag_field="e", tag=name, frozen=True)
    for name in ("ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "STRATEGY_UPDATE", "GRID_UPDATE")
)
# In the published sample of listenKeyExpired `E` is a string, so no time of it is read.
_SIGNALS: Final = tuple(
    msgspec.defstruct(name, [], tag_field="e", tag=name, frozen=True) for name in ("listenKeyExpired", "serverShutdown")
)
TRACES_PAGE: Final = 1_000  # "limit: default 100; max 1000" (Get Income History page)
TRACES_PAGES: Final = 100  # of one question, 30 weight each: after so many commissions no symbol is looked for any more
_KINDS: Final = (OrderTradeUpdate, TradeLite, AlgoUpdate, ConditionalReject, *_QUIET, *_SIGNALS)
_EVENT: Final = msgspec.json.Decoder(cast(Any, Union[_KINDS]))  # noqa: UP007
_HOT: Final = {
    "ORDER_TRADE_UPDATE": ("o", OrderKind.ORDER, "i"),
    "TRADE_LITE": (None, OrderKind.ORDER, "i"),
    "ALGO_UPDATE": ("o", OrderKind.ALGO, "aid"),
    "CONDITIONAL_ORDER_TRIGGER_REJECT": ("or", OrderKind.ORDER, "i"),
}


class _Position(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    position_amt: str


_POSITION: Final = msgspec.json.Decoder(_Position)


def _position(raw: bytes) -> tuple[str, Decimal]:
    row = _POSITION.decode(raw)
    return row.symbol, exact(row.position_amt)  # negative for what is sold, also in hedge mode (positionRisk page)


@attrs.frozen(kw_only=True)
class BinanceFutures(BinanceAccount):
    """One Binance USD-margined futures account.

    `environment` is "production", "testnet", "demo", or a name of your own with `rest_url` and `ws_url` given.  All
    fields can be set from the environment: `from_env`.
    """

    VENUE: ClassVar[str] = "binance-futures"
    PRESETS: ClassVar[Mapping[str, Mapping[str, str]]] = ENVIRONMENTS

    ws_url: str = attrs.field(default=preset("ws_url"), converter=without_slash, validator=url("wss", "ws"))
    # Path and query of the socket below `ws_url`, with {key} and {events}.
    stream_path: str = attrs.field(default=preset("stream_path", QUERY_FORM), validator=path("key", "events"))
    # 2400 a minute for each address (fapi General Info; exchangeInfo).
    weight_per_minute: int = whole(2_400)
    # startTime and endTime may lie 7 days apart (userTrades, allOrders: "less than 7 days").
    window_ms: int = whole(7 * 86_400_000 - 1)
    # The default page: how large a page of algo orders may be is not documented, so they are read to an empty one.
    algo_page_limit: int = whole(500)
    # userTrades reaches back 3 months (SDK 18; it was 6).
    fills_reach_ns: int = span(90 * DAY)
    # Orders that ended unfilled are not found after 3 days (Query Order page).
    orders_reach_ns: int = span(3 * DAY)
    # "Income history only contains data for the last three months" (Get Income History page).
    traces_reach_ns: int = span(90 * DAY)
    # How long a fresh socket gets before it is believed; our choice.
    settle_ns: int = span(SECOND)
    # A silent socket is to be noticed within 90 s: one look, a grace, a second look.  Our choice; 115 or 145 weight.
    audit_ns: int = span(60 * SECOND)
    # The same until the first event proves the socket; never slower than `audit_ns`.
    audit_fast_ns: int = span(20 * SECOND)
    audit_grace_ns: int = attrs.field(default=10 * SECOND, validator=[lasting, at_least("lag_ns", FALSE_ALARM)])

    # ------------------------------------------------------------------------------------------------ plan

    @cached_property
    def plan(self) -> Plan:
        """One lane that acknowledges nothing; two spaces of order ids."""
        lane = Lane(
            name="user-data",
            proof=Proof.OPEN,
            silence_ns=self.silence_ns,
            heartbeat_ns=self.heartbeat_ns,
            settle_ns=self.settle_ns,
            lifetime_ns=self.lifetime_ns,
        )
        return Plan(
            lanes=(lane,),
            kinds=(OrderKind.ORDER, OrderKind.ALGO),
            fills=Listing(by_symbol=True, reach_ns=self.fills_reach_ns),
            orders=Listing(by_symbol=True, reach_ns=self.orders_reach_ns),
            audit=AuditPlan(
                every_ns=self.audit_ns,
                fast_ns=min(self.audit_ns, self.audit_fast_ns),
                grace_ns=self.audit_grace_ns,
            ),
            balances=True,
            lag_ns=self.lag_ns,
            give_up_ns=self.give_up_ns,
            max_symbols=self.max_symbols,
            wiped_ns=self._wiped_ns,
            traces_reach_ns=self.traces_reach_ns,
        )

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The two limits that reading meets."""
        return self._buckets(self.weight_per_minute)

    # ------------------------------------------------------------------------------------------------ the lane

    def needs(self, memory: Memory, now_ns: int) -> Sequence[Question]:
        """Markets and a living listen key."""
        return needs_of(memory, now_ns, key=True)

    def dial(self, lane: Lane, memory: Memory) -> Address:
        """The private stream, by the listen key and the list of events."""
        assert memory.credential is not None, "needs() asks for the listen key first"
        key = memory.credential.value.reveal()
        url = self.ws_url + self.stream_path.format(key=key, events="/".join(EVENTS))
        return Address(url, bucket=CONNECTIONS)

    def greet(self, lane: Lane, memory: Memory, now_ns: int) -> Sequence[tuple[str, str]]:
        """Nothing: the URL says it all."""
        return ()

    def read(self, lane: Lane, frames: Sequence[bytes], memory: Memory) -> list[Meaning]:
        """What these frames mean, in their order.  Never raises."""
        return [meaning for frame in frames for meaning in self._event(frame)]

    def _event(self, frame: bytes) -> list[Meaning]:
        try:
            event = _EVENT.decode(frame)
            match event:
                case OrderTradeUpdate(o=order):
                    return order_trade_update(order, frame)
                case TradeLite():
                    return trade_lite(event)
                case AlgoUpdate():
                    return algo_update(event, frame)
                case ConditionalReject():
                    return conditional_reject(event, frame)
        except UNREADABLE as error:
            return unreadable(frame, error, _HOT)
        match type(event).__name__:
            case "listenKeyExpired":
                return [CredentialGone("the listen key has expired")]
            case "serverShutdown":
                return [Retire("the server is about to shut down")]
        return [Evidence()]

    # ------------------------------------------------------------------------------------------------ questions

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        """The question as a request, with the weight that the fapi pages name."""
        match question:
            case Clock():
                return self._open("/fapi/v1/time", 1)
            case Markets():
                return self._open("/fapi/v1/exchangeInfo", 1)
            case NewCredential():
                return self._listen_key("POST", "/fapi/v1/listenKey", {}, 1)
            case RenewCredential():
                return self._listen_key("PUT", "/fapi/v1/listenKey", {}, 1)  # the key follows from the API key
            case OpenOrders(kind=OrderKind.ALGO):
                return self._signed("/fapi/v1/openAlgoOrders", {}, 40, now_ns)
            case OpenOrders():
                return self._signed("/fapi/v1/openOrders", {}, 40, now_ns)
            case OrderById(key=key) | OrderFills(key=key) if key.kind is OrderKind.ALGO:
                return self._signed("/fapi/v1/algoOrder", {"algoId": key.order_id}, 1, now_ns)
            case OrderById(key=key):
                return self._signed("/fapi/v1/order", order_query(key.venue_symbol, key.order_id), 1, now_ns)
            case Balances():
                return self._signed("/fapi/v3/positionRisk", {}, 5, now_ns)
            case Traces(since_ns=since_ns, until_ns=until_ns, cursor=cursor):
                span = {"startTime": str(since_ns // MILLI), "endTime": str(until_ns // MILLI)}
                wanted = {"incomeType": "COMMISSION", **span, "limit": str(TRACES_PAGE), "page": cursor or "1"}
                return self._signed("/fapi/v1/income", wanted, 30, now_ns)
            case Fills() | OrderFills() | Orders():
                return self._page(self._books(question), question, now_ns)

    def _books(self, question: Fills | OrderFills | Orders) -> tuple[Book, ...]:
        """Conditional orders are a listing of their own (since 2025-12-09 `allOrders` has none of them)."""
        return (self._order_book, self._algo_book) if isinstance(question, Orders) else (self._trade_book,)

    @cached_property
    def _order_book(self) -> Book:
        return self._book("/fapi/v1/allOrders", "orderId", "orderId", "order", order_row)

    @cached_property
    def _trade_book(self) -> Book:
        return attrs.evolve(self._book("/fapi/v1/userTrades", "fromId", "id", "fill", trade_row), twins=True)

    @cached_property
    def _algo_book(self) -> Book:
        book = self._book("/fapi/v1/allAlgoOrders", "algoId", "algoId", "algo order", algo_row)
        return attrs.evolve(book, limit=self.algo_page_limit)

    def _book(self, path: str, from_param: str, id_field: str, what: str, parse: Any) -> Book:
        return Book(
            path=path,
            weight=5,
            limit=self.page_limit,
            window_ms=self.window_ms,
            from_param=from_param,
            id_field=id_field,
            what=what,
            parse=parse,
        )

    # ------------------------------------------------------------------------------------------------ answers

    def _told(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        match question:
            case Clock():
                return self._server_time(reply.body)
            case Markets():
                return markets(reply.body, linear_market)
            case NewCredential() | RenewCredential():
                return self._credential(reply, memory)
            case OpenOrders(kind=kind):
                return open_orders(reply.body, kind, self._algo_book if kind is OrderKind.ALGO else self._order_book)
            case OrderById(key=key) | OrderFills(key=key) if key.kind is OrderKind.ALGO:
                return algo_row(reply.body).meanings
            case OrderById():
                return order_row(reply.body).meanings
            case Balances():
                return position_rows(reply.body, _position)
            case Traces():
                return traced(reply.body, question, TRACES_PAGES)
            case Fills() | OrderFills() | Orders():
                return page(self._books(question), question, reply.body)
