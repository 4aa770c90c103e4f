"""Binance USD-M futures: its REST calls, its WebSocket API, its listen keys, and the private, public, market sockets.

Profiles: in `binance-2026` only `/private` carries user data; the old addresses `/ws/<listenKey>` and `/stream` still
open, are pinged, and stay silent for ever (measured on production after 2026-04-23), and so does the path form
`/private/ws/<listenKey>` (reports disagree; the setting `private_path_form` brings it to life). In `binance-2024` the
old addresses are the living ones and the split ones do not exist.
What this module does not do: any call itself; it says which call is where, what it weighs and who may send it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from mockserver.engine.types import ForceClose, Kind, TradeEvent
from mockserver.faces.base import HttpRequest, HttpResponse, Session
from mockserver.faces.binance import aggregates, errors, futures_events, futures_views, klines, limits
from mockserver.faces.binance import futures_account as wallet
from mockserver.faces.binance import futures_batches as batches
from mockserver.faces.binance import futures_income as income
from mockserver.faces.binance import futures_margin as margin
from mockserver.faces.binance import futures_orders as orders
from mockserver.faces.binance import futures_queries as queries
from mockserver.faces.binance import futures_tickers as tickers
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.feeds import Style
from mockserver.faces.binance.good_till import GoodTill
from mockserver.faces.binance.hub import Category
from mockserver.faces.binance.listen_keys import ListenKeys
from mockserver.faces.binance.routes import Call, Route, Security, TimeUnit, by_symbol, route
from mockserver.faces.binance.streams import (
    EVERY_CATEGORY,
    Entry,
    StreamSession,
    Told,
    UserDataFace,
    listen_keys_of,
)
from mockserver.faces.binance.text import json_text, ms
from mockserver.faces.binance.ws_api import WsApiSession, dial

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Exchange
    from mockserver.link import Link

PROFILES: Final = ("binance-2026", "binance-2024")
OPEN, KEY = Security.NONE, Security.KEY
LIVING_FORM: Final = "/private/ws?listenKey=…&events=…"
LISTEN_KEY_PATH: Final = "/fapi/v1/listenKey"
AT: Final[Mapping[str, frozenset[Category]]] = {
    "private": frozenset(),
    "public": frozenset({"public"}),
    "market": frozenset({"market"}),
}
"""What market data the split addresses carry."""


def _keys(call: Call) -> ListenKeys:
    face = call.exchange.face
    assert isinstance(face, FuturesFace)
    return face.keys


def start_stream(call: Call) -> object:
    """Return the account's listen key, extended, or a new one."""
    return {"listenKey": _keys(call).start(call.account)}


def keep_stream(call: Call) -> object:
    """Extend the account's listen key; the key follows from the API key, and is the answer."""
    key = _keys(call).keep_alive(call.account)
    if key is None:
        raise Refused(errors.NO_LISTEN_KEY)
    return {"listenKey": key}


def end_stream(call: Call) -> object:
    """End the account's listen key, for every program that shares it."""
    if not _keys(call).end(call.account):
        raise Refused(errors.NO_LISTEN_KEY)
    return {}


_QUERY = "symbol orderId origClientOrderId"
_ALGO = "algoId clientAlgoId algoid clientalgoid symbol"
REST: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/fapi/v1/ping"): route(queries.ping, "", 1, OPEN),
    ("GET", "/fapi/v1/time"): route(queries.time, "", 1, OPEN),
    ("GET", "/fapi/v1/exchangeInfo"): route(queries.exchange_info, "", 1, OPEN, lenient=True),
    ("GET", "/dapi/v1/exchangeInfo"): route(queries.coin_exchange_info, "", 1, OPEN, lenient=True),
    # Clients send the listen key along, though the page names no parameter.
    ("POST", LISTEN_KEY_PATH): route(start_stream, "", 1, KEY, lenient=True),
    ("PUT", LISTEN_KEY_PATH): route(keep_stream, "", 1, KEY, lenient=True),
    ("DELETE", LISTEN_KEY_PATH): route(end_stream, "", 1, KEY, lenient=True),
    ("POST", "/fapi/v1/order"): route(orders.place, orders.PLACE_NAMES, 0, orders=1),
    ("POST", "/fapi/v1/order/test"): route(orders.test, orders.PLACE_NAMES, 1),
    ("GET", "/fapi/v1/order"): route(queries.order, _QUERY, 1),
    ("DELETE", "/fapi/v1/order"): route(orders.cancel, _QUERY, 1),
    ("PUT", "/fapi/v1/order"): route(orders.modify, orders.MODIFY_NAMES, 1, orders=1),
    ("POST", "/fapi/v1/batchOrders"): route(batches.place, "batchOrders", 5, orders=batches.MOST, counts=True),
    ("PUT", "/fapi/v1/batchOrders"): route(batches.modify, "batchOrders", 5, orders=batches.MOST, counts=True),
    ("DELETE", "/fapi/v1/batchOrders"): route(batches.cancel, batches.CANCEL_NAMES, 1),
    ("GET", "/fapi/v1/rateLimit/order"): route(queries.order_rates, "", 1),
    ("GET", "/fapi/v1/openOrder"): route(queries.open_order, _QUERY, 1),
    ("GET", "/fapi/v1/openOrders"): route(queries.open_orders, "symbol", by_symbol(1, 40)),
    ("DELETE", "/fapi/v1/allOpenOrders"): route(orders.cancel_all, "symbol", 1),
    ("GET", "/fapi/v1/allOrders"): route(queries.all_orders, "symbol orderId startTime endTime limit", 5),
    ("GET", "/fapi/v1/userTrades"): route(queries.user_trades, "symbol orderId startTime endTime fromId limit", 5),
    ("POST", "/fapi/v1/algoOrder"): route(orders.place_algo, orders.ALGO_NAMES, 0, orders=1),
    ("GET", "/fapi/v1/algoOrder"): route(queries.algo_order, _ALGO, 1),
    ("DELETE", "/fapi/v1/algoOrder"): route(orders.cancel_algo, _ALGO, 1),
    ("DELETE", "/fapi/v1/algoOpenOrders"): route(orders.cancel_all_algos, "symbol", 1),
    ("GET", "/fapi/v1/openAlgoOrders"): route(queries.open_algo_orders, "symbol algoType algoId", by_symbol(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): route(queries.all_algo_orders, "symbol algoId startTime endTime page limit", 5),
    ("GET", "/fapi/v2/account"): route(wallet.account_2, "", 5),
    ("GET", "/fapi/v3/account"): route(wallet.account_3, "", 5),
    ("GET", "/fapi/v2/balance"): route(wallet.balance, "", 5),
    ("GET", "/fapi/v3/balance"): route(wallet.balance, "", 5),
    ("GET", "/fapi/v2/positionRisk"): route(wallet.position_risk_2, "symbol", 5),
    ("GET", "/fapi/v3/positionRisk"): route(wallet.position_risk_3, "symbol", 5),
    ("GET", "/fapi/v1/leverageBracket"): route(wallet.leverage_bracket, "symbol", 1),
    ("GET", "/fapi/v1/symbolConfig"): route(wallet.symbol_config, "symbol", 5),
    ("GET", "/fapi/v1/positionSide/dual"): route(wallet.position_side, "", 30),
    ("GET", "/fapi/v1/multiAssetsMargin"): route(wallet.multi_assets, "", 30),
    ("POST", "/fapi/v1/leverage"): route(wallet.set_leverage, "symbol leverage", 1),
    ("POST", "/fapi/v1/marginType"): route(wallet.set_margin_type, "symbol marginType", 1),
    ("POST", "/fapi/v1/positionMargin"): route(margin.move, margin.MOVE_NAMES, 1),
    ("GET", "/fapi/v1/positionMargin/history"): route(margin.history, margin.HISTORY_NAMES, 1),
    ("POST", "/fapi/v1/positionSide/dual"): route(wallet.set_position_side, "dualSidePosition", 1),
    ("GET", "/fapi/v1/feeBurn"): route(wallet.fee_burn, "", 30),
    ("POST", "/fapi/v1/feeBurn"): route(wallet.set_fee_burn, "feeBurn", 1),
    ("GET", "/fapi/v1/accountConfig"): route(wallet.account_config, "", 5),
    ("GET", "/fapi/v1/income"): route(income.income, income.NAMES, 30),
    ("GET", "/fapi/v1/commissionRate"): route(wallet.commission_rate, "symbol", 20),
    ("GET", "/fapi/v1/depth"): route(queries.depth, "symbol limit", queries.depth_weight, OPEN),
    ("GET", "/fapi/v1/trades"): route(queries.trades, "symbol limit", 5, OPEN),
    ("GET", "/fapi/v1/aggTrades"): route(aggregates.futures, "symbol fromId startTime endTime limit", 20, OPEN),
    ("GET", "/fapi/v1/klines"): route(
        klines.futures, "symbol interval startTime endTime limit", klines.futures_weight, OPEN
    ),
    ("GET", "/fapi/v1/premiumIndex"): route(tickers.premium_index, "symbol", by_symbol(1, 10), OPEN),
    ("GET", "/fapi/v1/ticker/price"): route(tickers.ticker_price, "symbol", by_symbol(1, 2), OPEN),
    ("GET", "/fapi/v2/ticker/price"): route(tickers.ticker_price, "symbol", by_symbol(1, 2), OPEN),
    ("GET", "/fapi/v1/ticker/24hr"): route(tickers.ticker_day, "symbol", by_symbol(1, 40), OPEN),
    ("GET", "/fapi/v1/ticker/bookTicker"): route(tickers.ticker_book, "symbol", by_symbol(2, 5), OPEN),
}
WS_API_PATH: Final = "/ws-fapi/v1"
# The methods that the official SDK knows (18.1, 2026-10). `ping` and `time` are none of them: spot alone has these.
WS: Final[Mapping[str, Route]] = {
    "depth": REST["GET", "/fapi/v1/depth"],
    "ticker.price": REST["GET", "/fapi/v1/ticker/price"],
    "ticker.book": REST["GET", "/fapi/v1/ticker/bookTicker"],
    "account.balance": REST["GET", "/fapi/v2/balance"],
    "v2/account.balance": REST["GET", "/fapi/v3/balance"],
    "account.status": REST["GET", "/fapi/v2/account"],
    "v2/account.status": REST["GET", "/fapi/v3/account"],
    "account.position": REST["GET", "/fapi/v2/positionRisk"],
    "v2/account.position": REST["GET", "/fapi/v3/positionRisk"],
    "order.place": REST["POST", "/fapi/v1/order"],
    "order.modify": REST["PUT", "/fapi/v1/order"],
    "order.cancel": REST["DELETE", "/fapi/v1/order"],
    "order.status": REST["GET", "/fapi/v1/order"],
    "algoOrder.place": REST["POST", "/fapi/v1/algoOrder"],
    "algoOrder.cancel": REST["DELETE", "/fapi/v1/algoOrder"],
    "userDataStream.start": REST["POST", LISTEN_KEY_PATH],
    "userDataStream.ping": REST["PUT", LISTEN_KEY_PATH],
    "userDataStream.stop": REST["DELETE", LISTEN_KEY_PATH],
}


class FuturesFace(UserDataFace):
    """Binance USD-M in one world."""

    routes = (
        *(f"{method} {path}" for method, path in REST),
        f"WS {WS_API_PATH}",
        "WS /private/ws?listenKey=<listenKey>&events=<names>",
        "WS /private/stream?listenKey=<listenKey>",
        "WS /public/ws",
        "WS /public/stream",
        "WS /market/ws",
        "WS /market/stream",
        "WS /ws/<listenKey>",
        "WS /stream?streams=<listenKey>",
    )
    kept = (*UserDataFace.kept, "good_till", "ws_limits")
    table = REST
    dial_weight = 5  # in older pages; today's have no figure
    style = Style(
        futures_views.price, futures_views.quantity, futures_views.amount, speeds_ms=(250, 500, 100), is_futures=True
    )

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self.limits = limits.Limits(limits.FUTURES_WEIGHT, limits.FUTURES_ORDERS)
        self.ws_limits = limits.Limits(limits.FUTURES_WEIGHT, ())
        self.keys = ListenKeys(exchange, self.key_expired)
        self.good_till = GoodTill(exchange)

    @property
    def pool(self) -> limits.Limits:
        """The weight of the WebSocket API, whose pool REST does not share (USD-M docs, 2025-11)."""
        return self.ws_limits

    def sync_pool(self) -> limits.Limits:
        """Return it with the mode and the limit of the settings."""
        self.ws_limits.mode = self.exchange.limits
        self.ws_limits.weight_limit = self.option("weight_per_minute")
        return self.ws_limits

    def connect(self, request: HttpRequest, link: Link) -> Session | HttpResponse | None:
        """Open the WebSocket API, or a stream socket at any address the venue has or had."""
        if request.path == WS_API_PATH:
            try:
                return dial(WsApiSession, self, WS, request, link, ms)
            except Refused as refused:
                return self.refused_dial(refused.refusal)
        entry = self._entry(request)
        return None if entry is None else StreamSession(self, link, entry, ms)

    def _entry(self, request: HttpRequest) -> Entry | None:
        head, _, rest = request.path.strip("/").partition("/")
        keys = listen_keys_of(request)
        if head in AT and not self.is_old:
            mode, _, name = rest.partition("/")
            if mode not in ("ws", "stream"):
                return None
            deaf = None if head == "private" else f"/{head} carries market data only: use {LIVING_FORM}"
            if deaf is None and name and self.exchange.settings.options["private_path_form"] != "works":
                deaf = f"a listen key in the path is not heard (setting private_path_form): use {LIVING_FORM}"
            return Entry(wrapped=mode == "stream", deaf=deaf, keys=self._wanted(keys), market=AT[head])
        if head in ("ws", "stream"):
            deaf = None if self.is_old else f"this address fell silent on 2026-04-23: use {LIVING_FORM}"
            # "any connections not migrated will ONLY be able to receive data from … /public" (USD-M notice, 2026-03).
            market = EVERY_CATEGORY if self.is_old else AT["public"]
            return Entry(wrapped=head == "stream", deaf=deaf, keys=keys, market=market)
        return None

    def _wanted(self, keys: dict[str, frozenset[str] | None]) -> dict[str, frozenset[str] | None]:
        """Read an absent `events` list as all or as nothing: clients disagree on what production does."""
        if self.exchange.settings.options["events_default"] == "all":
            return keys
        return {key: frozenset() if events is None else events for key, events in keys.items()}

    def on_events(self, events: Sequence[Event]) -> None:
        """Mind the orders with a date, beside what every venue does."""
        super().on_events(events)
        self.good_till.on_events(events)
        if self.exchange.settings.options["liquidation"] == "margin":
            self._liquidate(events)

    def _liquidate(self, events: Sequence[Event]) -> None:
        """Close what an account can no longer keep, once these events have been told."""
        engine = self.exchange.engine
        if not any(isinstance(event, TradeEvent) for event in events):
            return
        for name in engine.accounts()[1:]:  # the first is the house
            for each in engine.gone(name, wallet.CASH):
                kind = Kind.LIQUIDATION
                self.exchange.later(
                    ForceClose(account=name, instrument=each.instrument, kind=kind, position_side=each.side)
                )

    def margin_call(self, name: str) -> int:
        """Tell an account that its margin runs out; how many streams were told."""
        return wallet.tell(self, name, futures_events.margin_call(self.exchange, name))

    def reset(self) -> None:
        """Forget counters and timers."""
        super().reset()
        self.ws_limits.reset()
        self.good_till.clear()

    def render(self, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
        """Return what an account hears of one command."""
        return futures_events.render(self.exchange, events, account, at)

    def expiry_text(self, key: str) -> str:
        """Return the notice: `E` is a *string* in the official sample."""
        return json_text({"e": "listenKeyExpired", "E": str(ms(self.exchange.now_ns)), "listenKey": key})
