"""A call of the venue's API: what it takes, what it weighs, who may send it, and how a REST request becomes one.

Spot's REST and WebSocket API are two doors to the same calls, so a call knows nothing of either: it gets a `Call` and
returns the object to be written as JSON, or raises `Refused`.
What this module does not do: any call itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from mockserver.faces.base import Face, HttpRequest, HttpResponse
from mockserver.faces.binance import auth, errors
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.instruments import Bounds
from mockserver.faces.binance.limits import Limits
from mockserver.faces.binance.params import Params, from_http
from mockserver.faces.binance.text import json_text, microseconds, ms

if TYPE_CHECKING:
    from mockserver.engine.types import Instrument
    from mockserver.exchange import Account, Exchange

UNIT_HEADER: Final = "X-MBX-TIME-UNIT"
JSON: Final = "application/json;charset=UTF-8"
TimeUnit = Callable[[int], int]


class Security(Enum):
    """What a call asks of its sender."""

    NONE = "nothing"
    KEY = "an API key"
    SIGNED = "an API key, a timestamp and a signature"
    SIGNED_IF_KNOWN = "these, or a key that is not of this venue, or none"


@frozen
class Call:
    """One request after everything about its sender was found in order.

    Invariants: `account` is the name of a ledger of `exchange` unless the call is public; `at` writes a time in the
    unit the client asked for; `limits` are the counters of the exchange whose account it is.
    """

    exchange: Exchange
    params: Params
    at: TimeUnit
    limits: Limits
    account: str = ""

    @property
    def now_ns(self) -> int:
        """The venue's time."""
        return self.exchange.now_ns

    @property
    def is_old(self) -> bool:
        """Whether the era is that of 2024."""
        return is_old(self.exchange)

    @property
    def as_of_ns(self) -> int | None:
        """The moment queries answer for, or None for now: REST can lag behind the stream."""
        return self.exchange.as_of_ns if self.exchange.settings.rest_lag_ns else None

    def instrument(self, name: str = "symbol") -> Instrument:
        """Return the market the call is about; refused with -1102 if none is named, -1121 if there is no such one."""
        return self._listed(self.params.need(name))

    def instrument_or_none(self) -> Instrument | None:
        """Return the market the call is about, or None if none is named."""
        symbol = self.params.text("symbol")
        return None if symbol is None else self._listed(symbol)

    def _listed(self, symbol: str) -> Instrument:
        for instrument in self.exchange.spec.instruments:
            if instrument.name == symbol:
                return instrument
        raise Refused(errors.BAD_SYMBOL)

    def percent_price(self, table: Mapping[str, Bounds]) -> Bounds | None:
        """Return how far from the market an order may lie, by an option; None: as far as it likes."""
        return table.get(str(self.exchange.option("percent_price")))

    def limit(self, default: int, largest: int) -> int:
        """Return how many rows to answer with; refused with -1130 outside of 1 to `largest`."""
        asked = self.params.integer("limit")
        if asked is not None and not 1 <= asked <= largest:
            raise Refused(errors.not_valid("limit"))
        return self.exchange.page(default if asked is None else asked)


Handler = Callable[[Call], object]
Weigh = Callable[[Params], int]
SIGNED_NAMES: Final = frozenset({"timestamp", "recvWindow", "signature"})


@frozen
class Route:
    """One call: its handler, the parameters it takes beside those of the signature, its weight, its security.

    `free` calls cost no weight when they succeed; `orders` is how many of them count against the account's order rate,
    which the handler minds where it `counts`; `lenient` calls ignore what they do not know.
    """

    handle: Handler
    takes: frozenset[str]
    security: Security
    weigh: Weigh
    free: bool = False
    orders: int = 0
    lenient: bool = False
    counts: bool = False

    def check_names(self, params: Params, also: frozenset[str] = frozenset(), *, counted: bool = False) -> None:
        """Refuse parameters the call does not take; `counted`: by their number first, as REST does."""
        if not self.lenient:
            common = SIGNED_NAMES if self.security is Security.SIGNED else frozenset[str]()
            params.only(self.takes | common | also, counted=counted)


def route(
    handle: Handler,
    takes: str = "",
    weight: int | Weigh = 1,
    security: Security = Security.SIGNED,
    *,
    free: bool = False,
    orders: int = 0,
    lenient: bool = False,
    counts: bool = False,
) -> Route:
    """Make a route; `takes` is a list of names divided by spaces."""
    if isinstance(weight, int):
        fixed = weight
        return Route(handle, frozenset(takes.split()), security, lambda params: fixed, free, orders, lenient, counts)
    return Route(handle, frozenset(takes.split()), security, weight, free, orders, lenient, counts)


def counted(call: Call, orders: int, act: Handler) -> object:
    """Do this with so many orders counted; one that is refused is not, and what is filled at once is given back."""
    now_ms = ms(call.now_ns)
    for _ in range(orders):
        call.limits.count_order(call.account, now_ms)
    try:
        return act(call)
    except Refused:
        for _ in range(orders):
            call.limits.uncount_order(call.account, now_ms)
        raise


def by_symbol(one: int, every: int) -> Weigh:
    """Return the weight of a listing that costs more without a symbol."""
    return lambda params: one if params.text("symbol") else every


Routes = Mapping[tuple[str, str], Route]


def time_unit(asked: str | None) -> TimeUnit:
    """Return how to write times; refused with -1194 for anything but the two units, in either case."""
    match asked:
        case None | "MILLISECOND" | "millisecond":
            return ms
        case "MICROSECOND" | "microsecond":
            return microseconds
        case _:
            raise Refused(errors.BAD_TIME_UNIT)


def is_old(exchange: Exchange) -> bool:
    """Whether a venue plays the era of 2024."""
    return exchange.settings.profile == "binance-2024"


class BinanceFace(Face):
    """What both Binance venues share: REST dispatch, counters, headers.

    Subclasses set `table` (method and path to route) before the first request.
    """

    table: Routes
    limits: Limits
    dial_weight = session_weight = 2
    """What dialling the WebSocket API costs, and each method of the session's own (spot docs)."""

    @property
    def is_old(self) -> bool:
        """Whether the era is that of 2024: spot has listen keys, futures one address, and good orders their weight."""
        return is_old(self.exchange)

    def owner_of(self, api_key: str | None, peer: str) -> str:
        """Return whom request weight is counted for: the address, or in the mode `account` the key."""
        return api_key if self.exchange.limits == "account" and api_key else peer

    def option(self, name: str) -> int:
        """Return a number of the settings, which may change while the exchange runs."""
        value = self.exchange.option(name)
        assert isinstance(value, int)  # the control API keeps the types of the options
        return value

    def sync_limits(self) -> Limits:
        """Return the counters with the mode and the numbers of the settings."""
        self.limits.mode = self.exchange.limits
        self.limits.weight_limit = self.option("weight_per_minute")
        self.limits.limit_orders(self.option("orders_per_10s"))
        if self.limits.connection_limit is not None:
            self.limits.connection_limit = self.option("connections_per_5m")
        if self.limits.raw_limit is not None:
            self.limits.raw_limit = self.option("requests_per_5m")
        return self.limits

    @property
    def pool(self) -> Limits:
        """The counters of the WebSocket API's weight: spot has one pool for both doors."""
        return self.limits

    def sync_pool(self) -> Limits:
        """Return these with the mode and the numbers of the settings."""
        return self.sync_limits()

    def credential(self, request: HttpRequest) -> str | None:
        """The key of the header or, for sockets, the listen key in the address."""
        return request.header(auth.API_KEY_HEADER) if (request.method, request.path) in self.table else None

    def http(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a REST request, or None if the path is not this venue's."""
        found = self.table.get((request.method, request.path))
        if found is None:
            return None
        api_key = request.header(auth.API_KEY_HEADER)
        owner = self.owner_of(api_key, request.peer)
        status, account = 200, ""
        extra: tuple[tuple[str, str], ...] = ()
        try:
            self.sync_limits().count_request(owner, ms(self.exchange.now_ns))
            unit = time_unit(request.header(UNIT_HEADER))
            params = from_http(request)
            weight = found.weigh(params)
            self.limits.charge(owner, weight, ms(self.exchange.now_ns))
            account = self._authenticated(found, params, api_key)
            found.check_names(params, counted=True)
            result = self.perform(found, Call(self.exchange, params, unit, self.limits, account))
            if found.free and not self.is_old:
                self.limits.refund(owner, weight, ms(self.exchange.now_ns))
            if found.orders:
                extra = self._order_headers(account)
        except Refused as refused:
            status, result, extra = self._refusal(refused.refusal)
        return HttpResponse(
            status=status,
            body=json_text(result).encode(),
            headers=self._weight_headers(owner) + extra,
            content_type=JSON,
        )

    def perform(self, found: Route, call: Call) -> object:
        """Run a call, minding the account's order rate."""
        if not found.orders or found.counts:
            return found.handle(call)
        call.limits.check_order(call.account, ms(call.now_ns))
        return counted(call, found.orders, found.handle)

    def _authenticated(self, found: Route, params: Params, api_key: str | None) -> str:
        if found.security is Security.NONE:
            return ""
        if found.security is Security.SIGNED_IF_KNOWN and (not api_key or self.exchange.find_key(api_key) is None):
            return ""
        exchange, account = auth.caller(self.exchange, api_key)
        assert exchange is self.exchange  # `Worlds` has a key of another world answered there
        if found.security is not Security.KEY:
            auth.check_signed(params, account, self.exchange.told_ns)
        return account.name

    def _refusal(self, refusal: Refusal) -> tuple[int, object, tuple[tuple[str, str], ...]]:
        body = refusal.body()
        if refusal.headers:  # REST says when to come back in the header, not in the body
            body.pop("data", None)
        return refusal.status, body, refusal.headers

    def refused_dial(self, refusal: Refusal) -> HttpResponse:
        """Return the answer to a handshake that is refused."""
        status, body, headers = self._refusal(refusal)
        return HttpResponse.json(json_text(body), status=status, headers=headers)

    def _weight_headers(self, owner: str) -> tuple[tuple[str, str], ...]:
        # The docs name only the second; production sends the first too and a wide-spread client needs it.
        used = str(self.limits.used(owner, ms(self.exchange.now_ns)))
        return (("x-mbx-used-weight", used), ("x-mbx-used-weight-1m", used))

    def _order_headers(self, account: str) -> tuple[tuple[str, str], ...]:
        counts = self.limits.order_counts(account, ms(self.exchange.now_ns))
        return tuple((f"x-mbx-order-count-{rule.name.lower()}", str(count)) for rule, count in counts)

    def check_account(self, account: Account) -> None:
        """Refuse a public key that is not one, or that needs a package this installation has not."""
        auth.check_of(account)

    def reset(self) -> None:
        """Forget the counters."""
        self.limits.reset()


def weight_limit(limit: int, count: int | None = None) -> dict[str, object]:
    """Return the request-weight limit as `exchangeInfo` and the WebSocket API write it, with a count if given."""
    out: dict[str, object] = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": limit,
    }
    return out if count is None else {**out, "count": count}


def order_limits(limits: Limits, account: str | None = None, now_ms: int = 0) -> list[dict[str, object]]:
    """Return the order limits, with an account's counts if one is given."""
    out: list[dict[str, object]] = []
    counts = dict(limits.order_counts(account, now_ms)) if account is not None else {}
    for rule in limits.order_limits:
        row: dict[str, object] = {
            "rateLimitType": "ORDERS",
            "interval": rule.rest_interval,
            "intervalNum": rule.interval_num,
            "limit": rule.limit,
        }
        out.append({**row, "count": counts[rule]} if account is not None else row)
    return out
