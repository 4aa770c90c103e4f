"""From the parameters of a new order to the engine's command, and from the engine's refusal to the venue's words.

What spot and USD-M have in common.
What this module does not do: send the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from mockserver.engine.types import Instrument, Reject, RejectReason, SelfTrade, Side, TimeInForce
from mockserver.faces.binance import errors
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.params import Params

# "Parameter '%s' has too much precision." is for more decimals than any asset has; a wrong step is a filter's matter.
MOST_DECIMALS: Final = -8
SPOT_REJECTS: Final[Mapping[RejectReason, Refusal]] = {
    RejectReason.UNKNOWN_ORDER: errors.UNKNOWN_ORDER,
    RejectReason.ORDER_CLOSED: errors.UNKNOWN_ORDER,
    RejectReason.DUPLICATE_CLIENT_ID: errors.DUPLICATE_ORDER,
    RejectReason.BAD_PRICE: errors.filter_failure("PRICE_FILTER"),
    RejectReason.BAD_QUANTITY: errors.filter_failure("LOT_SIZE"),
    RejectReason.MIN_NOTIONAL: errors.filter_failure("NOTIONAL"),
    RejectReason.INSUFFICIENT_BALANCE: errors.INSUFFICIENT_BALANCE,
    RejectReason.WOULD_MATCH: errors.WOULD_TAKE,
    RejectReason.TOO_MANY_ORDERS: errors.filter_failure("MAX_NUM_ORDERS"),
    RejectReason.UNKNOWN_INSTRUMENT: errors.BAD_SYMBOL,
    RejectReason.WOULD_TRIGGER: errors.STOP_WOULD_TRIGGER,
    RejectReason.LIST_PRICES: errors.LIST_PRICES_WRONG,
    RejectReason.UNKNOWN_LIST: errors.UNKNOWN_ORDER,
    RejectReason.MARKET_CLOSED: errors.MARKET_CLOSED,
}
FUTURES_REJECTS: Final[Mapping[RejectReason, Refusal]] = {
    **SPOT_REJECTS,
    RejectReason.BAD_PRICE: errors.PRICE_OFF_TICK,
    RejectReason.BAD_QUANTITY: errors.too_precise("quantity"),
    RejectReason.MIN_NOTIONAL: errors.NOTIONAL_TOO_SMALL,
    RejectReason.INSUFFICIENT_BALANCE: errors.MARGIN_INSUFFICIENT,
    RejectReason.WOULD_MATCH: errors.POST_ONLY_REJECTED,
    RejectReason.REDUCE_ONLY: errors.REDUCE_ONLY_REJECTED,
    RejectReason.WOULD_TRIGGER: errors.WOULD_TRIGGER,
    RejectReason.MARKET_CLOSED: errors.SYMBOL_CLOSED,
    RejectReason.POSITION_SIDE: errors.WRONG_POSITION_SIDE,
    RejectReason.NO_CHANGE: errors.MODE_AS_IT_IS,
    RejectReason.HAS_ORDERS: errors.MODE_WITH_ORDERS,
    RejectReason.HAS_POSITION: errors.MODE_WITH_POSITION,
    RejectReason.DUPLICATE_CLIENT_ID: errors.CLIENT_ID_IN_USE,
}


def refused(table: Mapping[RejectReason, Refusal], reject: Reject) -> Refused:
    """Return the venue's refusal for the engine's."""
    return Refused(table.get(reject.reason, errors.UNKNOWN))


def side(params: Params, name: str = "side") -> Side:
    """Return the side; refused with -1117 if it is none."""
    match params.need(name):
        case "BUY":
            return Side.BUY
        case "SELL":
            return Side.SELL
        case _:
            raise Refused(errors.BAD_SIDE)


def time_in_force(sent: str) -> TimeInForce:
    """Return GTC, IOC or FOK; refused with -1115 for anything else."""
    try:
        return TimeInForce(sent)
    except ValueError:
        raise Refused(errors.BAD_TIME_IN_FORCE) from None


def self_trade(params: Params, default: str, allowed: tuple[str, ...]) -> SelfTrade:
    """Return the self-trade prevention; a mode the symbol does not allow is refused with -1013."""
    sent = params.text("selfTradePreventionMode") or default
    if sent not in allowed:
        raise Refused(errors.BAD_SELF_TRADE)
    return SelfTrade(sent)


def ticks(
    instrument: Instrument,
    price: Decimal,
    off_tick: Refusal,
    name: str = "price",
    not_positive: Refusal | None = None,
) -> int:
    """Return a price in ticks; refused if it is not a multiple of the tick, or not above zero.

    At or below zero the refusal is `not_positive`, where the venue has one.
    """
    _check_precision(name, price)
    if price <= 0:
        raise Refused(not_positive or off_tick)
    try:
        return instrument.to_ticks(price)
    except ValueError:
        raise Refused(off_tick) from None


def steps(
    instrument: Instrument,
    quantity: Decimal,
    off_step: Refusal,
    name: str = "quantity",
    too_large: Refusal | None = None,
    not_positive: Refusal | None = None,
) -> int:
    """Return a quantity in steps; refused if it is zero, out of bounds or not a multiple of the step.

    Above the maximum, and at or below zero, the refusal is one of its own where the venue has one.
    """
    _check_precision(name, quantity)
    if quantity <= 0:
        raise Refused(not_positive or off_step)
    try:
        counted = instrument.to_steps(quantity)
    except ValueError:
        raise Refused(off_step) from None
    if counted > instrument.max_steps:
        raise Refused(too_large or off_step)
    if counted < instrument.min_steps:
        raise Refused(off_step)
    return counted


def _check_precision(name: str, value: Decimal) -> None:
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < MOST_DECIMALS:
        raise Refused(errors.too_precise(name))
