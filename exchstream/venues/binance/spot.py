"""Binance spot: one account's orders and executions, by the WebSocket API or by the classic listen key.

`user_data="websocket-api"` is how Binance works since 2026-02-20: a signed subscription on the WebSocket API, whose
events come wrapped (`{"subscriptionId":0,"event":{...}}`).  `user_data="listen-key"` is the flow before that; Binance
answers it with 410 today, other systems still speak it.  This module says how to dial, greet, ask and read; what an
order or execution means is in `spot_facts`.  It only reads: the one POST and PUT are those of the listen key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar, Final

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
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Request,
)
from exchstream.errors import ConfigError
from exchstream.events import DownReason
from exchstream.model import OrderKind
from exchstream.venues.binance.account import BinanceAccount, needs_of, preset
from exchstream.venues.binance.listings import asset_rows, markets, open_orders, spot_market
from exchstream.venues.binance.paging import Book, order_query, page
from exchstream.venues.binance.signing import Params, signed_params
from exchstream.venues.binance.spot_facts import (
    allocation_row,
    order_row,
    trade_row,
)
from exchstream.venues.binance.spot_stream import HEARTBEAT, read_event, read_wrapped
from exchstream.venues.binance.wire import (
    CONNECTIONS,
    MILLI,
    is_html,
)
from exchstream.venues.checks import FALSE_ALARM, at_least, flag, path, url, without_slash
from exchstream.venues.numbers import exact

USER_DATA: Final = "user-data"
RETIRED: Final = (
    "this venue no longer offers listen keys for spot (Binance removed them on 2026-02-20): "
    'use user_data="websocket-api"'
)
# A page with one of these comes from a proxy that wants a login, a firewall or a limit: it says nothing of listen keys.
PASSING: Final = (401, 403, 407, 418, 429)
# general-info.md of the spot docs, of testnet and of demo mode.
ENVIRONMENTS: Final = {
    "production": {
        "rest_url": "https://api.binance.com",
        "ws_url": "wss://ws-api.binance.com:443/ws-api/v3",
        "stream_url": "wss://stream.binance.com:9443",
    },
    "testnet": {
        "rest_url": "https://testnet.binance.vision",
        "ws_url": "wss://ws-api.testnet.binance.vision/ws-api/v3",
        "stream_url": "wss://stream.testnet.binance.vision",
    },
    "demo": {
        "rest_url": "https://demo-api.binance.com",
        "ws_url": "wss://demo-ws-api.binance.com/ws-api/v3",
        "stream_url": "wss://demo-stream.binance.com",
    },
}


class _Balance(msgspec.Struct, frozen=True):
    asset: str
    free: str
    locked: str


_BALANCE: Final = msgspec.json.Decoder(_Balance)


def _balance(raw: bytes) -> tuple[str, Decimal]:
    row = _BALANCE.decode(raw)
    return row.asset, exact(row.free) + exact(row.locked)


def _user_data(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value not in ("websocket-api", "listen-key"):
        raise ConfigError('user_data must be "websocket-api" or "listen-key"')


@attrs.frozen(kw_only=True)
class BinanceSpot(BinanceAccount):
    """One Binance spot account.

    `logon=True` logs the session on (Ed25519 only) and subscribes without a signature.  `environment` is
    "production", "testnet", "demo", or a name of your own with all URLs given.  `allocations=True` also asks for
    executions of smart order routing (twice the weight).  All fields can be set from the environment: `from_env`.
    """

    VENUE: ClassVar[str] = "binance-spot"
    PRESETS: ClassVar[Mapping[str, Mapping[str, str]]] = ENVIRONMENTS

    user_data: str = attrs.field(default="websocket-api", validator=_user_data)
    logon: bool = attrs.field(default=False, validator=flag)
    allocations: bool = attrs.field(default=False, validator=flag)
    ws_url: str = attrs.field(default=preset("ws_url"), converter=without_slash, validator=url("wss", "ws", query=True))
    stream_url: str = attrs.field(default=preset("stream_url"), converter=without_slash, validator=url("wss", "ws"))
    # Path of a listen key's socket below `stream_url` (old user-data-stream.md: /ws/<listenKey>).
    stream_path: str = attrs.field(default="/ws/{key}", validator=path("key"))
    # 6000 a minute for each address, REST and WebSocket API together (exchangeInfo, web-socket-api.md).
    weight_per_minute: int = whole(6_000)
    # startTime and endTime may lie 24 hours apart (rest-api.md, myTrades and allOrders; else -1127).
    window_ms: int = whole(86_400_000)
    # Orders that ended unfilled over 90 days ago are archived (rest-api.md; -2026); executions stay.
    orders_reach_ns: int = span(90 * DAY)
    # How long the answer to a subscription may take; our choice.
    ack_ns: int = span(10 * SECOND)
    # How long a fresh socket gets before it is believed, where nothing is acknowledged (listen keys); our choice.
    settle_ns: int = span(SECOND)
    # A silent subscription is to be noticed within 60 s: a look, a grace, a look.  Our choice; 100 weight each.
    audit_ns: int = span(40 * SECOND)
    # The same until the first event proves a listen key's socket; never slower than `audit_ns`.
    audit_fast_ns: int = span(20 * SECOND)
    audit_grace_ns: int = attrs.field(default=10 * SECOND, validator=[lasting, at_least("lag_ns", FALSE_ALARM)])

    def __attrs_post_init__(self) -> None:
        BinanceAccount.__attrs_post_init__(self)
        if self.logon and not (self._signer.is_ed25519 and self.user_data == "websocket-api"):
            raise ConfigError("logon=True needs an Ed25519 private_key: Binance logs no other key on (-2028)")

    # ------------------------------------------------------------------------------------------------ plan

    @cached_property
    def plan(self) -> Plan:
        """One lane; executions are kept for ever, orders that ended unfilled are not."""
        classic = self.user_data == "listen-key"
        lane = Lane(
            name=USER_DATA,
            proof=Proof.OPEN if classic else Proof.ACK,
            silence_ns=self.silence_ns,
            heartbeat_ns=self.heartbeat_ns,
            # A revoked key is told "after the next request" (web-socket-api.md), so a quiet session keeps asking.
            heartbeat=f'{{"id":"{HEARTBEAT}","method":"session.status"}}' if self.logon else None,
            settle_ns=self.settle_ns if classic else 0,
            ack_ns=self.ack_ns,
            lifetime_ns=self.lifetime_ns,
        )
        return Plan(
            lanes=(lane,),
            kinds=(OrderKind.ORDER,),
            fills=Listing(by_symbol=True),
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
        )

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The two limits that reading meets."""
        return self._buckets(self.weight_per_minute)

    # ------------------------------------------------------------------------------------------------ the lane

    def needs(self, memory: Memory, now_ns: int) -> Sequence[Question]:
        """Markets, and a listen key in the classic mode."""
        return needs_of(memory, now_ns, key=self.user_data == "listen-key")

    def dial(self, lane: Lane, memory: Memory) -> Address:
        """The WebSocket API, or the raw stream of the listen key."""
        if self.user_data == "websocket-api":
            return Address(self.ws_url, bucket=CONNECTIONS)
        assert memory.credential is not None, "needs() asks for the listen key first"
        key = memory.credential.value.reveal()
        return Address(self.stream_url + self.stream_path.format(key=key), bucket=CONNECTIONS)

    def greet(self, lane: Lane, memory: Memory, now_ns: int) -> Sequence[tuple[str, str]]:
        """Signed anew for each connection: an old frame is too old (-1021)."""
        if self.user_data == "listen-key":
            return ()
        now_ms = now_ns // MILLI
        params: Params = {"apiKey": self.api_key.reveal(), "recvWindow": self.recv_window_ms, "timestamp": now_ms}
        signed = signed_params(params, self._signer)
        subscribe = f"subscribe-{now_ms}"
        if not self.logon:
            return (_frame(subscribe, "userDataStream.subscribe.signature", signed),)
        # The subscription of a logged-on session takes no parameters at all (any is -1104).
        return (_frame(f"logon-{now_ms}", "session.logon", signed), _frame(subscribe, "userDataStream.subscribe", None))

    def read(self, lane: Lane, frames: Sequence[bytes], memory: Memory) -> list[Meaning]:
        """What these frames mean, in their order.  Never raises."""
        if self.user_data == "listen-key":
            return [meaning for frame in frames for meaning in read_event(frame)]
        logon = self.logon
        return [meaning for frame in frames for meaning in read_wrapped(frame, logon)]

    # ------------------------------------------------------------------------------------------------ questions

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        """The question as a request, with the weight that rest-api.md names."""
        match question:
            case Clock():
                return self._open("/api/v3/time", 1)
            case Markets():
                return self._open("/api/v3/exchangeInfo", 20)
            case NewCredential():
                return self._listen_key("POST", "/api/v3/userDataStream", {}, 2)
            case RenewCredential():
                key = "" if memory.credential is None else memory.credential.value.reveal()
                return self._listen_key("PUT", "/api/v3/userDataStream", {"listenKey": key}, 2)
            case OpenOrders():
                return self._signed("/api/v3/openOrders", {}, 80, now_ns)
            case OrderById(key=key):
                return self._signed("/api/v3/order", order_query(key.venue_symbol, key.order_id), 4, now_ns)
            case Balances():
                return self._signed("/api/v3/account", {"omitZeroBalances": "true"}, 20, now_ns)
            case Fills() | OrderFills() | Orders():
                return self._page(self._books(question), question, now_ns)
        raise ValueError(f"Binance spot has no {type(question).__name__}")

    def _books(self, question: Fills | OrderFills | Orders) -> tuple[Book, ...]:
        if isinstance(question, Orders):
            return (self._order_book,)
        # An order that does not balance may have been routed smartly: asking about one costs little.
        both = self.allocations or isinstance(question, OrderFills)
        return (self._trade_book, self._allocation_book) if both else (self._trade_book,)

    @cached_property
    def _order_book(self) -> Book:
        return self._book("/api/v3/allOrders", "orderId", "orderId", "order", order_row)

    @cached_property
    def _trade_book(self) -> Book:
        book = self._book("/api/v3/myTrades", "fromId", "id", "fill", trade_row)
        return attrs.evolve(book, order_weight=5, twins=True)

    @cached_property
    def _allocation_book(self) -> Book:
        return self._book("/api/v3/myAllocations", "fromAllocationId", "allocationId", "fill", allocation_row)

    def _book(self, path: str, from_param: str, id_field: str, what: str, parse: Any) -> Book:
        return Book(
            path=path,
            weight=20,
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
                return markets(reply.body, spot_market)
            case NewCredential() | RenewCredential():
                return self._retired() if is_html(reply.body) else self._credential(reply, memory)
            case OpenOrders(kind=kind):
                return open_orders(reply.body, kind, self._order_book)
            case OrderById():
                return order_row(reply.body).meanings
            case Balances():
                return asset_rows(reply.body, _balance)
            case Fills() | OrderFills() | Orders():
                return page(self._books(question), question, reply.body)
        return []

    def _refusal(self, question: Question, reply: Reply) -> list[Meaning]:
        if isinstance(question, NewCredential | RenewCredential):
            page_of_client_error = 400 <= reply.status < 500 and reply.status not in PASSING
            if reply.status == 410 or (page_of_client_error and is_html(reply.body)):
                return self._retired()
        return BinanceAccount._refusal(self, question, reply)

    @staticmethod
    def _retired() -> list[Meaning]:
        return [Refused(RETIRED, Refusal.FATAL, down=DownReason.RETIRED)]


def _frame(tag: str, method: str, params: object) -> tuple[str, str]:
    request = {"id": tag, "method": method} if params is None else {"id": tag, "method": method, "params": params}
    return tag, msgspec.json.encode(request).decode()
