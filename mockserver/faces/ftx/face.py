"""FTX in front of the engine: routes, limits, and the acts of the control API.

`FTX` is what a world needs to build it. The same face answers ftx.us: only the names of the headers differ. What it
does not do: move bytes, or keep anything but rate-limit counters and cancels on their way.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import attrs

from mockserver.engine.ids import FTX_IDS
from mockserver.faces.base import Close, Face, HttpRequest, HttpResponse, Session, VenueSpec
from mockserver.faces.ftx import auth, errors, history, orders, public, rest, triggers, wallet
from mockserver.faces.ftx import render as render_
from mockserver.faces.ftx.limits import Limiter
from mockserver.faces.ftx.markets import MARKETS, Market, coin_rows, future_row, market_row
from mockserver.faces.ftx.rest import Call, RefusedError, Result
from mockserver.faces.ftx.stream import FtxSession, style_of
from mockserver.faces.ftx.wire import Json, iso

if TYPE_CHECKING:
    from mockserver.exchange import Exchange
    from mockserver.link import Link

SOCKETS: Final = frozenset({"/ws", "/ws/"})  # both were in use: the docs with the slash, ccxt without
BOOK_DEPTH: Final = (20, 100)  # default and maximum of `depth` (ccxt)
TRADES_LIMIT: Final = (20, 100)  # invented: default and maximum without times
MINUTE_MS: Final = 60_000
REQUESTS_PER_MINUTE: Final = 1_500


@attrs.frozen(slots=True)
class Route:
    """One REST route: a method, a pattern of its path after `/api/`, and whether it must be signed."""

    method: str
    shape: str
    """As shown to people: `orders/{id}`."""
    handler: Callable[..., Result]
    private: bool = True
    places: bool = False
    """Whether it counts as an order for the limits."""
    cancels: bool = False
    """Cancels never count for the limits."""
    pattern: re.Pattern[str] = attrs.field(init=False)

    @pattern.default
    def _pattern(self) -> re.Pattern[str]:
        # A market's name may have a slash of its own (`/markets/BTC/USD/orderbook`), an order's number has none.
        # `/markets/BTC-PERP/candles` is a route that the mock lacks, and no market.
        named = re.sub(r"\{name\}", r"(?P<name>[^/]+(?:/(?!candles$|stats$)[^/]+)?)", self.shape)
        named = re.sub(r"\{client_id\}", r"(?P<client_id>.+)", named)
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", named))


class FtxFace(Face):
    """One FTX in one world."""

    kept = ("_requests", "_orders", "_queue")

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._queue = orders.CancelQueue()
        self._requests = Limiter(REQUESTS_PER_MINUTE, MINUTE_MS)
        self._orders: Limiter | None = None
        self._table = self._routes()
        self.routes = (
            *(f"{route.method} /api/{route.shape}" for route in self._table),
            *(f"WS {path}" for path in sorted(SOCKETS)),
        )

    # -- what a face must do --------------------------------------------------------------------------------------

    def credential(self, request: HttpRequest) -> str | None:
        """The key of either header family; a socket shows its key only when it logs in."""
        given = auth.credentials({name.lower(): value for name, value in request.headers})
        return None if given is None else given.key

    def connect(self, request: HttpRequest, link: Link) -> Session | None:
        """One URL for everything, public or private."""
        return FtxSession(self.exchange, link) if request.path in SOCKETS else None

    def http(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a call under `/api/`; None for a route FTX does not have here."""
        path = request.path.rstrip("/")
        if not path.startswith("/api/"):
            return None
        for route in self._table:
            found = route.pattern.fullmatch(path.removeprefix("/api/")) if route.method == request.method else None
            if found is not None:
                values = {name: unquote(value) for name, value in found.groupdict().items()}
                return self._respond(route, request, values)
        return None

    # -- what the control API does --------------------------------------------------------------------------------

    def shutdown_notice(self, account: str | None = None, *, close: bool = False) -> int:
        """`info` 20001 on every socket, or on those logged in as this account."""
        told = [session for session in self._sessions() if account in (None, session.logged_in_as)]
        for session in told:
            session.restart_notice(close=close)
        return len(told)

    def key_revoked(self, account: str) -> None:
        """Close the sockets of a dead key (invented); the next login is refused as any wrong key is."""
        for link in tuple(self.exchange.links):
            session = link.session
            if isinstance(session, FtxSession) and session.logged_in_as == account:
                link.push(Close(1001, ""))

    def reset(self) -> None:
        """Forget counters and cancels on their way."""
        self._requests = Limiter(REQUESTS_PER_MINUTE, MINUTE_MS)
        self._orders = None
        self._queue.clear()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _sessions(self) -> list[FtxSession]:
        return [link.session for link in self.exchange.links if isinstance(link.session, FtxSession)]

    def _respond(self, route: Route, request: HttpRequest, values: dict[str, str]) -> HttpResponse:
        style = style_of(self.exchange)
        try:
            sender = rest.prove(self.exchange, request) if route.private else None
            call = Call(self.exchange, request, sender)
            self._count(route, call)
            return rest.success(route.handler(call, **values), style)
        except RefusedError as error:
            return rest.failure(error.refusal, style)

    def _count(self, route: Route, call: Call) -> None:
        """Hold the call against the limits, if the settings have any."""
        limits = self.exchange.limits
        if limits == "off" or route.cancels:
            return
        who = call.sender.account.name if call.sender is not None and limits == "account" else call.request.peer
        most = int(self.exchange.option("requests_per_minute") or 1)
        if self._requests.count != most:
            self._requests = Limiter(most, MINUTE_MS)
        if not self._requests.admit(who, self.exchange.now_ns):
            rest.refuse(errors.too_many_requests(most))
        if route.places:
            self._count_order(call)

    def _count_order(self, call: Call) -> None:
        option = self.exchange.option
        count, window_ms = int(option("orders_per_window") or 1), int(option("order_window_ms") or 1)
        if self._orders is None or (self._orders.count, self._orders.window_ms) != (count, window_ms):
            self._orders = Limiter(count, window_ms)
        traded = call.body().get("market")
        if not self._orders.admit(f"{call.ledger} {traded}", self.exchange.now_ns):
            rest.refuse(errors.too_many_orders(count, window_ms))

    def _routes(self) -> tuple[Route, ...]:
        """Every route, those with a fixed word before those with a placeholder in its place."""
        return (
            Route("GET", "time", _time, private=False),
            Route("GET", "coins", _coins, private=False),
            Route("GET", "markets", _markets, private=False),
            Route("GET", "markets/{name}/orderbook", _orderbook, private=False),
            Route("GET", "markets/{name}/trades", _trades, private=False),
            Route("GET", "markets/{name}", _market, private=False),
            Route("GET", "futures", _futures, private=False),
            Route("GET", "futures/{name}", _future, private=False),
            Route("GET", "account", wallet.account),
            Route("POST", "account/leverage", wallet.set_leverage),
            Route("GET", "positions", wallet.positions),
            Route("GET", "wallet/balances", wallet.balances),
            Route("GET", "wallet/all_balances", wallet.all_balances),
            Route("GET", "fills", history.fills),
            Route("GET", "orders", history.open_orders),
            Route("GET", "orders/history", history.orders),
            Route("GET", "orders/by_client_id/{client_id}", history.order),
            Route("GET", "orders/{order_id}", history.order),
            Route("GET", "conditional_orders", triggers.open_ones),
            Route("GET", "conditional_orders/history", triggers.history),
            Route("GET", "conditional_orders/{order_id}/triggers", triggers.triggered),
            Route("POST", "conditional_orders", triggers.place, places=True),
            Route("POST", "conditional_orders/{order_id}/modify", triggers.modify, places=True),
            Route("DELETE", "conditional_orders/{order_id}", triggers.cancel, cancels=True),
            Route("POST", "orders", orders.place, places=True),
            Route("POST", "orders/by_client_id/{client_id}/modify", self._modify, places=True),
            Route("POST", "orders/{order_id}/modify", self._modify, places=True),
            Route("DELETE", "orders", self._cancel_all, cancels=True),
            Route("DELETE", "orders/by_client_id/{client_id}", self._cancel, cancels=True),
            Route("DELETE", "orders/{order_id}", self._cancel, cancels=True),
            Route("DELETE", "bulk_orders", self._cancel_bulk, cancels=True),
            Route("DELETE", "bulk_orders_by_client_id", self._cancel_bulk_by_client_id, cancels=True),
        )

    def _modify(self, call: Call, **named: str) -> Result:
        return orders.modify(call, orders.find(call, **named), self._queue)

    def _cancel(self, call: Call, **named: str) -> Result:
        return orders.cancel(call, orders.find(call, **named), self._queue)

    def _cancel_all(self, call: Call) -> Result:
        return orders.cancel_all(call, self._queue)

    def _cancel_bulk(self, call: Call) -> Result:
        return orders.cancel_bulk(call, self._queue)

    def _cancel_bulk_by_client_id(self, call: Call) -> Result:
        return orders.cancel_bulk_by_client_id(call, self._queue)


# -- public calls ------------------------------------------------------------------------------------------------------


def _time(call: Call) -> Result:
    return Result(iso(call.exchange.told_ns))


def _coins(call: Call) -> Result:
    return Result(coin_rows())


def _markets(call: Call) -> Result:
    return Result([_market_row(call, each) for each in MARKETS.values()])


def _market(call: Call, name: str) -> Result:
    found = rest.market(name)
    return Result(_market_row(call, found))


def _market_row(call: Call, market: Market) -> dict[str, Json]:
    row = market_row(market, public.quote(call.exchange, market.name))
    return {**row, "enabled": market.name not in call.exchange.rules.halted}


def _futures(call: Call) -> Result:
    return Result([_future_row(call, each) for each in MARKETS.values() if each.is_future])


def _future(call: Call, name: str) -> Result:
    found = MARKETS.get(name)
    if found is None or not found.is_future:
        rest.refuse(errors.NO_SUCH_FUTURE)
    return Result(_future_row(call, found))


def _future_row(call: Call, market: Market) -> dict[str, Json]:
    row = future_row(market, public.quote(call.exchange, market.name))
    return {**row, "enabled": market.name not in call.exchange.rules.halted}


def _orderbook(call: Call, name: str) -> Result:
    instrument = rest.market(name).instrument
    usual, most = BOOK_DEPTH
    depth = call.exchange.engine.depth(name, min(call.whole("depth") or usual, most))
    bids, asks = render_.book_data(depth, instrument)
    return Result({"asks": asks, "bids": bids})


def _trades(call: Call, name: str) -> Result:
    instrument = rest.market(name).instrument
    start_ns, end_ns = call.time_range()
    usual, most = TRADES_LIMIT
    rows: list[Json] = [
        render_.public_trade(trade, instrument)
        for trade in reversed(call.exchange.engine.trades(name, limit=1_000))
        if (start_ns is None or trade.time_ns >= start_ns) and (end_ns is None or trade.time_ns <= end_ns)
    ]
    timed = start_ns is not None or end_ns is not None
    return Result(rows if timed else rows[: min(call.whole("limit") or usual, most)])


FTX: Final = VenueSpec(
    name="ftx",
    instruments=tuple(market.instrument for market in MARKETS.values()),
    ids=FTX_IDS,
    face=FtxFace,
    profiles=("ftx-2022",),
    options={
        "interleaving": "orders_first",  # FTX promised no order between the channels
        "compact": True,  # False: blanks in the JSON as in 2021
        "exponents": True,  # 5e-06 rather than 0.000005
        "fills_default_limit": 20,
        "idle_limit_ms": 0,
        "cancel_delay_ms": 0,
        "requests_per_minute": REQUESTS_PER_MINUTE,
        "orders_per_window": 2,
        "order_window_ms": 200,
    },
    words={"interleaving": ("orders_first", "fills_first", "mixed")},
    questions={
        "openorders": ("GET /api/orders", "GET /api/conditional_orders"),
        "fills": ("GET /api/fills",),
        "orders": ("GET /api/orders/history", "GET /api/conditional_orders/history"),
        "balances": ("GET /api/wallet/balances", "GET /api/positions", "GET /api/account"),
        "orderbyid": ("GET /api/orders/[0-9]*", "GET /api/orders/by_client_id/*"),
        "clock": ("GET /api/time",),
        "markets": ("GET /api/markets*",),
        "traces": (),
        "newcredential": (),
        "renewcredential": (),
    },
    demo_balances={"USD": "1000000", "BTC": "20", "ETH": "200"},
    # Recorded keys and secrets have 40 characters of this alphabet (documentation and blog samples).
    key_length=40,
    secret_length=40,
    key_alphabet=string.ascii_letters + string.digits + "-_",
)
