"""Binance spot: its REST calls, its WebSocket API, and the listen keys it had until 2026-02-20.

Profiles: `binance-2026` answers the listen-key paths with 410 and an HTML page, as production does since that day
(measured 2026-07-31); `binance-2024` serves them as they were.
What this module does not do: any call itself; it says which call is where, what it weighs and who may send it
(weights: spot docs `rest-api.md`, 2026-07).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import attrs

from mockserver.engine.types import OrderChange, OrderEvent
from mockserver.faces.base import HttpRequest, HttpResponse, Rhythm, Session
from mockserver.faces.binance import aggregates, errors, klines, limits, spot_events, spot_views
from mockserver.faces.binance import spot_lists as lists
from mockserver.faces.binance import spot_orders as orders
from mockserver.faces.binance import spot_queries as queries
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.feeds import Style
from mockserver.faces.binance.listen_keys import ListenKeys
from mockserver.faces.binance.params import Params
from mockserver.faces.binance.routes import Call, Route, Security, TimeUnit, by_symbol, route, time_unit
from mockserver.faces.binance.streams import Entry, StreamSession, Told, UserDataFace, listen_keys_of, tell_shutdown
from mockserver.faces.binance.text import json_text, ms
from mockserver.faces.binance.ws_api import dial, query_value
from mockserver.faces.binance.ws_subscriptions import SubscribingSession

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Exchange
    from mockserver.link import Link

PROFILES: Final = ("binance-2026", "binance-2024")
OPEN, KEY = Security.NONE, Security.KEY
GONE: Final = (
    "<html>\r\n<head><title>410 Gone</title></head>\r\n<body>\r\n<center><h1>410 Gone</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
LISTEN_KEY_PATHS: Final = ("/api/v3/userDataStream", "/api/v1/userDataStream")
WS_API_PATH: Final = "/ws-api/v3"


def _trades_weight(params: Params) -> int:
    return 5 if params.text("orderId") else 20


def _prevented_weight(params: Params) -> int:
    return 2 if params.text("preventedMatchId") else 20


def _keys(call: Call) -> ListenKeys:
    face = call.exchange.face
    assert isinstance(face, SpotFace)
    return face.keys


def start_stream(call: Call) -> object:
    """Return the account's listen key, extended, or a new one."""
    return {"listenKey": _keys(call).start(call.account)}


def keep_stream(call: Call) -> object:
    """Extend a listen key by 60 minutes."""
    _keys(call).keep_alive(call.account, _own_key(call))
    return {}


def end_stream(call: Call) -> object:
    """End a listen key."""
    _own_key(call)
    _keys(call).end(call.account)
    return {}


def _own_key(call: Call) -> str:
    key = call.params.need("listenKey")
    if _keys(call).owner(key) != call.account:
        raise Refused(errors.NO_LISTEN_KEY)
    return key


_QUERY = "symbol orderId origClientOrderId"
_PLACE = route(orders.place, orders.PLACE_NAMES, 1, free=True, orders=1)
_CANCEL = route(orders.cancel, orders.CANCEL_NAMES, 1, free=True)
_CANCEL_ALL = route(orders.cancel_all, "symbol", 1, free=True)
_REPLACE = route(orders.cancel_replace, orders.REPLACE_NAMES, 1, free=True, orders=1, counts=True)
_AMEND = route(orders.amend, "symbol orderId origClientOrderId newClientOrderId newQty", 4)
_TEST = route(orders.test, orders.PLACE_NAMES + " computeCommissionRates", orders.test_weight)
_ORDER = route(queries.order, _QUERY, 4)
_OPEN = route(queries.open_orders, "symbol", by_symbol(6, 80))
_ALL = route(queries.all_orders, "symbol orderId startTime endTime limit", 20)
_TRADES = route(queries.my_trades, "symbol orderId startTime endTime fromId limit", _trades_weight)
_ACCOUNT = route(queries.account, "omitZeroBalances", 20)
_COMMISSION = route(queries.commission, "symbol", 20)
_RATES = route(queries.order_rates, "", 40)
_PREVENTED = route(
    queries.prevented_matches, "symbol preventedMatchId orderId fromPreventedMatchId limit", _prevented_weight
)
_AMENDMENTS = route(queries.amendments, "symbol orderId fromExecutionId limit", 4)
_ALLOCATIONS = route(queries.nothing, "symbol startTime endTime fromAllocationId limit orderId", 20)
_OCO = route(lists.place_oco, lists.OCO_NAMES, 1, free=True, orders=2)
_OTO = route(lists.place_oto, lists.OTO_NAMES, 1, free=True, orders=2)
_OTOCO = route(lists.place_otoco, lists.OTOCO_NAMES, 1, free=True, orders=3)
_CANCEL_LIST = route(lists.cancel, "symbol orderListId listClientOrderId newClientOrderId", 1, free=True)
_LIST = route(lists.order_list, "orderListId origClientOrderId", 4)
_ALL_LISTS = route(lists.all_lists, "fromId startTime endTime limit", 20)
_OPEN_LISTS = route(lists.open_lists, "", 6)
_PING = route(queries.ping, "", 1, OPEN)
_TIME = route(queries.time, "", 1, OPEN)
_INFO_NAMES = "symbol symbols permissions showPermissionSets symbolStatus"
_DEPTH = route(queries.depth, "symbol limit symbolStatus", queries.depth_weight, OPEN)
_PUBLIC_TRADES = route(queries.trades, "symbol limit", 25, OPEN)
_AGGREGATES = route(aggregates.spot, "symbol fromId startTime endTime limit", 4, OPEN)
_AVERAGE = route(queries.average_price, "symbol", 2, OPEN)
_KLINES = route(klines.spot, "symbol interval startTime endTime limit timeZone", 2, OPEN)
_TICKER_NAMES = "symbol symbols symbolStatus"
_PRICE = route(queries.ticker_price, _TICKER_NAMES, by_symbol(2, 4), OPEN)
_BOOK = route(queries.ticker_book, _TICKER_NAMES, by_symbol(2, 4), OPEN)
_DAY = route(queries.ticker_day, _TICKER_NAMES + " type", queries.ticker_day_weight, OPEN)
_START = route(start_stream, "", 2, KEY)
_KEEP = route(keep_stream, "listenKey", 2, KEY)
_END = route(end_stream, "listenKey", 2, KEY)

REST: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/api/v3/ping"): _PING,
    ("GET", "/api/v3/time"): _TIME,
    ("GET", "/api/v3/exchangeInfo"): route(queries.exchange_info, _INFO_NAMES, 20, OPEN),
    ("GET", "/api/v3/depth"): _DEPTH,
    ("GET", "/api/v3/trades"): _PUBLIC_TRADES,
    ("GET", "/api/v3/aggTrades"): _AGGREGATES,
    ("GET", "/api/v3/avgPrice"): _AVERAGE,
    ("GET", "/api/v3/klines"): _KLINES,
    ("GET", "/api/v3/ticker/price"): _PRICE,
    ("GET", "/api/v3/ticker/bookTicker"): _BOOK,
    ("GET", "/api/v3/ticker/24hr"): _DAY,
    ("GET", "/api/v3/account"): _ACCOUNT,
    ("GET", "/api/v3/account/commission"): _COMMISSION,
    ("POST", "/api/v3/order"): _PLACE,
    ("GET", "/api/v3/order"): _ORDER,
    ("DELETE", "/api/v3/order"): _CANCEL,
    ("POST", "/api/v3/order/test"): _TEST,
    ("POST", "/api/v3/order/cancelReplace"): _REPLACE,
    ("PUT", "/api/v3/order/amend/keepPriority"): _AMEND,
    ("GET", "/api/v3/order/amendments"): _AMENDMENTS,
    ("GET", "/api/v3/openOrders"): _OPEN,
    ("DELETE", "/api/v3/openOrders"): _CANCEL_ALL,
    ("GET", "/api/v3/allOrders"): _ALL,
    ("GET", "/api/v3/myTrades"): _TRADES,
    ("GET", "/api/v3/rateLimit/order"): _RATES,
    ("GET", "/api/v3/myPreventedMatches"): _PREVENTED,
    ("GET", "/api/v3/myAllocations"): _ALLOCATIONS,
    ("POST", "/api/v3/orderList/oco"): _OCO,
    ("POST", "/api/v3/orderList/oto"): _OTO,
    ("POST", "/api/v3/orderList/otoco"): _OTOCO,
    ("DELETE", "/api/v3/orderList"): _CANCEL_LIST,
    ("GET", "/api/v3/orderList"): _LIST,
    ("GET", "/api/v3/allOrderList"): _ALL_LISTS,
    ("GET", "/api/v3/openOrderList"): _OPEN_LISTS,
    # The rest of the wallet API is not mocked; clients ask these at start and are content with an empty list. Whoever
    # asks gets it: on the venue one key opens both products, here each has its own, and a futures client asks with the
    # other one.
    ("GET", "/sapi/v1/capital/config/getall"): route(queries.nothing, "", 10, OPEN, lenient=True),
    ("GET", "/sapi/v1/bnbBurn"): route(queries.bnb_burn, "", 1),
    ("POST", "/sapi/v1/bnbBurn"): route(queries.set_bnb_burn, "spotBNBBurn interestBNBBurn", 1),
    ("GET", "/sapi/v1/system/status"): route(queries.system_status, "", 1, OPEN),
    ("GET", "/sapi/v1/asset/tradeFee"): route(queries.trade_fees, "symbol", 1, Security.SIGNED_IF_KNOWN, lenient=True),
    ("GET", "/sapi/v1/margin/allPairs"): route(queries.nothing, "", 1, OPEN, lenient=True),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): route(queries.nothing, "", 10, OPEN, lenient=True),
}
REST_2024: Final[Mapping[tuple[str, str], Route]] = {
    **REST,
    **{("POST", path): _START for path in LISTEN_KEY_PATHS},
    **{("PUT", path): _KEEP for path in LISTEN_KEY_PATHS},
    **{("DELETE", path): _END for path in LISTEN_KEY_PATHS},
}
WS: Final[Mapping[str, Route]] = {
    "ping": _PING,
    "time": _TIME,
    "exchangeInfo": route(queries.ws_exchange_info, _INFO_NAMES, 20, OPEN),
    "depth": _DEPTH,
    "trades.recent": _PUBLIC_TRADES,
    "trades.aggregate": _AGGREGATES,
    "avgPrice": _AVERAGE,
    "klines": _KLINES,
    "ticker.price": _PRICE,
    "ticker.book": _BOOK,
    "ticker.24hr": _DAY,
    "account.status": _ACCOUNT,
    "account.commission": _COMMISSION,
    "account.rateLimits.orders": _RATES,
    "order.place": _PLACE,
    "order.test": _TEST,
    "order.status": _ORDER,
    "order.cancel": _CANCEL,
    "order.cancelReplace": _REPLACE,
    "order.amend.keepPriority": _AMEND,
    "order.amendments": _AMENDMENTS,
    "orderList.place.oco": _OCO,
    "orderList.place.oto": _OTO,
    "orderList.place.otoco": _OTOCO,
    "orderList.cancel": _CANCEL_LIST,
    "orderList.status": _LIST,
    "allOrderLists": _ALL_LISTS,
    "openOrderLists.status": _OPEN_LISTS,
    "openOrders.status": _OPEN,
    "openOrders.cancelAll": _CANCEL_ALL,
    "allOrders": _ALL,
    "myTrades": _TRADES,
    "myPreventedMatches": _PREVENTED,
    "myAllocations": _ALLOCATIONS,
}
WS_2024: Final[Mapping[str, Route]] = {
    **WS,
    "userDataStream.start": _START,
    "userDataStream.ping": _KEEP,
    "userDataStream.stop": _END,
}


class SpotFace(UserDataFace):
    """Binance spot in one world."""

    routes = (
        *(f"{method} {path}" for method, path in REST_2024),
        f"WS {WS_API_PATH}",
        "WS /ws/<listenKey>",
        "WS /ws/<symbol>@<stream>",
        "WS /stream?streams=<listenKey>",
    )
    style = Style(spot_views.price, spot_views.quantity, spot_views.amount, speeds_ms=(1_000, 100), is_futures=False)

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self.limits = limits.Limits(
            limits.SPOT_WEIGHT,
            limits.SPOT_ORDERS,
            raw_limit=limits.SPOT_RAW_REQUESTS,
            connection_limit=limits.SPOT_CONNECTIONS,
        )
        self.keys = ListenKeys(exchange, self.key_expired)
        self.table = REST_2024  # for the keys of requests; what is answered is decided by the profile

    def http(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a REST request; listen-key paths are gone in the profile of 2026."""
        if not self.is_old and request.path in LISTEN_KEY_PATHS:
            return HttpResponse(status=410, body=GONE.encode(), content_type="text/html")
        return super().http(request)

    def connect(self, request: HttpRequest, link: Link) -> Session | HttpResponse | None:
        """Open the WebSocket API or a stream socket."""
        path = request.path.rstrip("/")
        is_stream = path == "/stream" or path == "/ws" or path.startswith("/ws/")
        if path != WS_API_PATH and not is_stream:
            return None
        owner = self.owner_of(self.credential(request), request.peer)
        try:
            self.sync_limits().count_connection(owner, ms(self.exchange.now_ns))
            unit = time_unit(query_value(request, "timeUnit"))
            if path == WS_API_PATH:
                return dial(SubscribingSession, self, WS_2024 if self.is_old else WS, request, link, unit)
        except Refused as refused:
            return self.refused_dial(refused.refusal)
        # Since listen keys are gone every key is an unknown one, and an unknown key is answered with silence.
        deaf = None if self.is_old else f"listen keys ended on 2026-02-20: subscribe at {WS_API_PATH}"
        entry = Entry(wrapped=path == "/stream", deaf=deaf, keys=listen_keys_of(request))
        return StreamSession(self, link, entry, unit)

    def render(self, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
        """Return what an account hears of one command."""
        return spot_events.render(self.exchange, events, account, at)

    def expiry_text(self, key: str) -> str:
        """Return the notice of 2024: `E` is a number on spot."""
        return json_text({"e": "listenKeyExpired", "E": ms(self.exchange.now_ns), "listenKey": key})

    def on_events(self, events: Sequence[Event]) -> None:
        """Tell the market, and give an order back to the account's order rate at its first fill."""
        super().on_events(events)
        for event in events:
            if not isinstance(event, OrderEvent) or event.change is not OrderChange.TRADE:
                continue
            if event.execution is not None and event.order.filled == event.execution.quantity:
                self.limits.uncount_order(event.order.account, ms(event.time_ns))

    def rhythm(self) -> Rhythm:
        """Return the heartbeats of a socket; spot tells of its end before it comes."""
        return attrs.evolve(super().rhythm(), notice_ns=self.after("shutdown_notice_ms"))

    def shutdown_notice(self, account: str | None = None, *, close: bool = False) -> int:
        """Send `serverShutdown` to the venue's sockets."""

        def tell(session: Session) -> bool:
            if isinstance(session, (SubscribingSession, StreamSession)):
                session.ending()
                return True
            return False

        return tell_shutdown(self, account, tell, close=close)
