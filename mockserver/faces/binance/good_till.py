"""USD-M's orders with a date: `timeInForce=GTD` and `goodTillDate`, and the timer that ends them.

The date keeps whole seconds only, and lies more than 600 s ahead and before 253402300799000 (New Order page, SDK
18.0.1). Which code refuses another date is not documented, nor what ends such an order: EXPIRED is what clients expect.
What this module does not do: let a conditional order have a date.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from mockserver.engine.types import Event, Expire, OrderEvent, OrderView, Reason
from mockserver.faces.binance import errors
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import Params

if TYPE_CHECKING:
    from mockserver.clock import Timer
    from mockserver.exchange import Exchange

LEAST_AHEAD_MS: Final = 600_000
LAST_MS: Final = 253_402_300_799_000
NS_PER_S: Final = 1_000_000_000


def good_till_ns(params: Params, now_ns: int) -> int | None:
    """Return the date of a GTD order, None for any other; such a date is refused where it is not wanted."""
    sent = params.integer("goodTillDate")
    if params.text("timeInForce") != "GTD":
        if sent:  # some clients send 0 with every order
            raise Refused(errors.not_required("goodTillDate"))
        return None
    if sent is None:
        raise Refused(errors.missing("goodTillDate"))
    if not now_ns // 1_000_000 + LEAST_AHEAD_MS < sent < LAST_MS:
        raise Refused(errors.not_valid("goodTillDate"))
    return sent // 1_000 * NS_PER_S


class GoodTill:
    """The timers of the open orders with a date; it follows what is told of them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timers: dict[tuple[str, int], Timer] = {}  # bounded: by the open orders

    def on_events(self, events: Sequence[Event]) -> None:
        """Set a timer for each new order with a date, and take back that of one that has ended."""
        for event in events:
            if isinstance(event, OrderEvent) and event.order.good_till_ns is not None:
                self._mind(event.order, event.order.good_till_ns)

    def _mind(self, order: OrderView, when_ns: int) -> None:
        key = order.instrument, order.order_id
        if not order.is_open:
            timer = self._timers.pop(key, None)
            if timer is not None:
                timer.cancel()
        elif key not in self._timers:
            name = f"good till date of order {order.order_id}"
            self._timers[key] = self._exchange.clock.at(when_ns, name, partial(self._end, key))

    def _end(self, key: tuple[str, int]) -> None:
        self._timers.pop(key, None)
        name, order_id = key
        self._exchange.submit(Expire(instrument=name, order_id=order_id, reason=Reason.GOOD_TILL_DATE))

    def clear(self) -> None:
        """Forget every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
