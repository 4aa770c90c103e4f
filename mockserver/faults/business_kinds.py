"""Faults of the business: what the venue itself does around a request, in its own words and with all its events.

Each is a small act on the exchange, done before the venue is asked (a fill that beats a cancel) or after it has
answered (a fill soon after an order). They are legal: every one of them has happened at a venue.
What this module does not do: know how a venue names an order in a request or an answer (`naming`).
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs.validators import ge, le, optional

from mockserver.engine.types import (
    MOST_ATOMS,
    Expire,
    Fill,
    OrderView,
    Reason,
    TriggerAlgo,
    TriggerOrder,
    decimal_to_atoms,
)
from mockserver.faults.kinds import MS, Kind
from mockserver.faults.naming import only_asks, order_of_answer, sender_of, symbol_of
from mockserver.faults.naming_many import algos_of_request, orders_of_request

if TYPE_CHECKING:
    from mockserver.exchange import Exchange
    from mockserver.faces.base import HttpRequest, HttpResponse
    from mockserver.link import Link

SECOND: Final = 1_000 * MS


class Business(Kind):
    """An act of the venue around a request."""

    seam = "request"

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """What happens before the venue is asked."""

    def after(self, exchange: Exchange, request: HttpRequest, answer: HttpResponse) -> None:
        """What happens once it has answered."""


@attrs.frozen(kw_only=True)
class CancelRace(Business):
    """The orders that a request is to cancel or change fill first, conditional ones set off; so it comes too late."""

    percent: int = attrs.field(default=100, validator=(ge(1), le(100)))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        if only_asks(request):
            return
        orders = [view for view in orders_of_request(exchange, request) if view.is_open]
        for algo in algos_of_request(exchange, request):
            exchange.submit(TriggerAlgo(algo_id=algo.algo_id))
            orders += _child_of(exchange, algo.algo_id)
        for order in orders:
            if order.waits:
                exchange.submit(TriggerOrder(instrument=order.instrument, order_id=order.order_id))
            _fill(exchange, order, max(1, order.remaining * self.percent // 100))


@attrs.frozen(kw_only=True)
class PartialFillStorm(Business):
    """The order that was placed fills in so many parts, so long apart."""

    fills: int = attrs.field(default=50, validator=(ge(1), le(10_000)))
    gap_ns: int = attrs.field(default=0, validator=ge(0))

    def after(self, exchange: Exchange, request: HttpRequest, answer: HttpResponse) -> None:
        """See `Business`."""
        order = None if only_asks(request) else order_of_answer(exchange, answer)
        if order is None:
            return
        parts = min(self.fills, order.remaining)
        for number in range(1, parts + 1):
            share = order.remaining * number // parts - order.remaining * (number - 1) // parts
            _later(exchange, order, share, self.gap_ns * number)


@attrs.frozen(kw_only=True)
class FillAfter(Business):
    """The order that was placed fills whole so long afterwards."""

    delay_ns: int = attrs.field(default=2 * SECOND, validator=ge(0))

    def after(self, exchange: Exchange, request: HttpRequest, answer: HttpResponse) -> None:
        """See `Business`."""
        order = None if only_asks(request) else order_of_answer(exchange, answer)
        if order is not None:
            _later(exchange, order, order.remaining, self.delay_ns)


@attrs.frozen(kw_only=True)
class SymbolHalt(Business):
    """The market stops (the request's, or `symbol`): no new orders, cancels go on; for so long, or for good."""

    symbol: str | None = None
    lasts_ns: int | None = attrs.field(default=None, validator=optional(ge(0)))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        symbol = symbol_of(exchange, request, self.symbol)
        if symbol is None:
            return
        exchange.rules.halt(symbol)
        if self.lasts_ns is not None:
            exchange.clock.after(self.lasts_ns, f"{symbol} trades again", partial(exchange.rules.resume, symbol))


@attrs.frozen(kw_only=True)
class Delist(Business):
    """The market ends (the request's, or `symbol`): its open orders expire, and no new ones are taken."""

    symbol: str | None = None

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        symbol = symbol_of(exchange, request, self.symbol)
        if symbol is not None:
            delist(exchange, symbol)


@attrs.frozen(kw_only=True)
class FilterChange(Business):
    """The least notional of a market (the request's, or `symbol`) changes: orders that were good are refused."""

    min_notional: str = attrs.field(default="100")
    symbol: str | None = None

    @min_notional.validator
    def _check(self, _: object, text: str) -> None:
        try:
            good = 0 <= decimal_to_atoms(Decimal(text)) <= MOST_ATOMS
        except (InvalidOperation, ValueError):
            good = False
        if not good:
            raise ValueError(f"min_notional {text!r} is not a number from 0 to 1e18, of at most 8 decimals")

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        symbol = symbol_of(exchange, request, self.symbol)
        if symbol is not None:
            exchange.rules.min_notional[symbol] = decimal_to_atoms(Decimal(self.min_notional))


@attrs.frozen(kw_only=True)
class Maintenance(Business):
    """The venue is away for so long: sockets close (1001), everything is answered 503."""

    lasts_ns: int = attrs.field(default=60 * SECOND, validator=ge(0))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        exchange.rules.away = True
        for link in _links_of(exchange):
            link.close(1001, "")
        exchange.clock.after(self.lasts_ns, f"{exchange.venue} is back", exchange.rules.be_back)


@attrs.frozen(kw_only=True)
class Down(Business):
    """The venue is not there for so long: its connections are reset, and so is whatever comes, this request too."""

    lasts_ns: int = attrs.field(default=10 * SECOND, validator=ge(0))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        exchange.rules.down = True
        for link in _links_of(exchange):
            link.reset()
        exchange.clock.after(self.lasts_ns, f"{exchange.venue} is up", exchange.rules.be_up)


_LIMIT: Final[Any] = optional((ge(1), le(1_000_000)))


@attrs.frozen(kw_only=True)
class RateLimit(Business):
    """The venue's limits are lower for so long, and are kept though the settings say otherwise.

    Whoever is above one is refused as the venue does it: 429 with its headers, and 418 if he goes on.
    """

    weight_per_minute: int | None = attrs.field(default=50, validator=_LIMIT)
    """Of Binance."""
    orders_per_10s: int | None = attrs.field(default=None, validator=_LIMIT)
    """Of Binance."""
    requests_per_5m: int | None = attrs.field(default=None, validator=_LIMIT)
    """Of Binance spot."""
    connections_per_5m: int | None = attrs.field(default=None, validator=_LIMIT)
    """Of Binance spot."""
    frames_per_second: int | None = attrs.field(default=None, validator=_LIMIT)
    """Of Binance, on a stream socket."""
    requests_per_minute: int | None = attrs.field(default=50, validator=_LIMIT)
    """Of FTX."""
    orders_per_window: int | None = attrs.field(default=None, validator=_LIMIT)
    """Of FTX, in one market within 200 ms."""
    lasts_ns: int = attrs.field(default=60 * SECOND, validator=ge(0))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        given = attrs.asdict(self, filter=lambda field, value: field.name in exchange.settings.options)
        limits = {name: limit for name, limit in given.items() if limit is not None}
        exchange.rules.lowered |= limits
        name = f"limits of {exchange.venue} as before"
        exchange.clock.after(self.lasts_ns, name, partial(exchange.rules.lift, limits))


@attrs.frozen(kw_only=True)
class ListenKeyExpire(Business):
    """The listen key of whoever asks runs out, with its notice or without."""

    notify: bool = True

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        sender = sender_of(exchange, request)
        if sender is not None:
            exchange.face.expire_listen_keys(sender.name, notices=int(self.notify))


@attrs.frozen(kw_only=True)
class ServerShutdown(Business):
    """The venue's sockets are told that the server is about to go, and close so long afterwards."""

    grace_ns: int = attrs.field(default=10 * SECOND, validator=ge(0))

    def before(self, exchange: Exchange, request: HttpRequest) -> None:
        """See `Business`."""
        exchange.face.shutdown_notice()
        going = _links_of(exchange)

        def close() -> None:
            for link in going:
                link.close(1001, "")

        exchange.clock.after(self.grace_ns, f"shutdown of {exchange.venue}", close)


def delist(exchange: Exchange, symbol: str) -> None:
    """End a market: open orders expire, and no new ones are taken."""
    exchange.rules.halt(symbol)
    for account in exchange.engine.accounts():
        for view in exchange.engine.open_orders(account, symbol):
            exchange.submit(Expire(instrument=symbol, order_id=view.order_id, reason=Reason.DELISTED))


def _links_of(exchange: Exchange) -> list[Link]:
    """Every connection to the venue in this world, also those that hear no events."""
    links = exchange.world.worlds.links.values()
    return [link for link in links if link.home is exchange.world and link.venue == exchange.venue]


def _child_of(exchange: Exchange, algo_id: int) -> list[OrderView]:
    """The order that a conditional order has placed, if it did."""
    algo = exchange.engine.algo_order(algo_id)
    if algo is None or algo.child_order_id is None:
        return []
    child = exchange.engine.order(algo.child.instrument, algo.child_order_id)
    return [] if child is None else [child]


def _fill(exchange: Exchange, order: OrderView, quantity: int) -> None:
    """Fill so much of it, or what is open of it; nothing if it has ended meanwhile."""
    now = exchange.engine.order(order.instrument, order.order_id)
    if now is not None and now.is_open:
        share = min(quantity, now.remaining)
        exchange.submit(Fill(instrument=order.instrument, order_id=order.order_id, quantity=share))


def _later(exchange: Exchange, order: OrderView, quantity: int, delay_ns: int) -> None:
    name = f"fill of order {order.order_id}"
    if delay_ns:
        exchange.clock.after(delay_ns, name, partial(_fill, exchange, order, quantity), account=order.account)
    else:
        _fill(exchange, order, quantity)
