"""From the parameters of one spot order, alone or within a list, to the engine's command.

Within a list the names have a prefix (`abovePrice`, `pendingBelowStopPrice`); what they mean is the same. What a type
needs and what it does not take is in the spot docs `rest-api.md` (2026); filters are those of `filters.md`.
What this module does not do: pegged and iceberg orders (`exchangeInfo` offers neither), or send anything.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import frozen

from mockserver.engine.types import (
    Instrument,
    OrderType,
    Place,
    SelfTrade,
    Side,
    Tags,
    TimeInForce,
    Trigger,
    TriggerWhen,
    decimal_to_atoms,
)
from mockserver.faces.binance import errors, instruments, placing, spot_views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import SPOT_CLIENT_ID, Params
from mockserver.faces.binance.routes import Call

# Parameters of orders this exchange does not offer (its `exchangeInfo` says so).
UNSUPPORTED: Final = ("icebergQty", "pegPriceType", "pegOffsetType", "pegOffsetValue")
LEAST_STRATEGY_TYPE: Final = 1_000_000
BASIS_POINT: Final = Decimal("0.0001")
PRICE_FILTER: Final = errors.filter_failure("PRICE_FILTER")
LOT_SIZE: Final = errors.filter_failure("LOT_SIZE")
MARKET_LOT_SIZE: Final = errors.filter_failure("MARKET_LOT_SIZE")
STOPS: Final = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LIMITS: Final = ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
# The parameters of one order of a list, below its prefix.
LEG: Final = "Type Price StopPrice TrailingDelta TimeInForce ClientOrderId StrategyId StrategyType IcebergQty"


@frozen
class Names:
    """What the parameters of one order are called: with a prefix, and side and quantity perhaps of their own.

    Invariants: without a prefix they are those of `POST /api/v3/order`.
    """

    prefix: str = ""
    side: str = "side"
    quantity: str = "quantity"

    def of(self, name: str) -> str:
        """Return the name of a parameter."""
        if not self.prefix:
            return {"clientOrderId": "newClientOrderId"}.get(name, name)
        return self.prefix + name[0].upper() + name[1:]


PLAIN: Final = Names()


@frozen
class _Terms:
    quantity: int | None
    price: int | None = None
    quote: int | None = None
    tif: TimeInForce = TimeInForce.GTC
    trigger: Trigger | None = None


def order_of(
    call: Call, instrument: Instrument, names: Names = PLAIN, *, types: tuple[str, ...] = spot_views.ORDER_TYPES
) -> Place:
    """Return the engine's command for the order the parameters describe, or refuse as the venue would."""
    params = call.params
    side = placing.side(params, names.side)
    kind = params.need(names.of("type"))
    if kind not in types:
        raise Refused(errors.BAD_ORDER_TYPE)
    for name in UNSUPPORTED:
        if params.text(names.of(name)) is not None:
            raise Refused(errors.not_required(names.of(name)))
    terms = _market(params, instrument, names) if kind == "MARKET" else _other(call, instrument, names, kind, side)
    return Place(
        account=call.account,
        instrument=instrument.name,
        side=side,
        type=OrderType.LIMIT if kind in LIMITS else OrderType.MARKET,
        quantity=terms.quantity,
        quote_amount=terms.quote,
        price=terms.price,
        tif=terms.tif,
        client_id=params.matching(names.of("clientOrderId"), SPOT_CLIENT_ID),
        post_only=kind == "LIMIT_MAKER",
        self_trade=_self_trade(params),
        trigger=terms.trigger,
        tags=_tags(params, names, kind),
    )


def _self_trade(params: Params) -> SelfTrade:
    return placing.self_trade(params, instruments.DEFAULT_SELF_TRADE, instruments.SELF_TRADE_MODES)


def _refuse_any(params: Params, names: Names, *unwanted: str) -> None:
    for name in unwanted:
        if params.text(names.of(name)) is not None:
            raise Refused(errors.not_required(names.of(name)))


def _market(params: Params, instrument: Instrument, names: Names) -> _Terms:
    _refuse_any(params, names, "price", "timeInForce", "stopPrice", "trailingDelta")
    quantity, quote = params.number(names.quantity), None if names.prefix else params.number("quoteOrderQty")
    if quantity is None and quote is None:
        raise Refused(
            errors.missing(names.quantity) if names.prefix else errors.missing_both("quantity", "quoteOrderQty")
        )
    if quantity is not None and quote is not None:
        raise Refused(errors.not_required("quoteOrderQty"))
    if quantity is not None:
        return _Terms(placing.steps(instrument, quantity, MARKET_LOT_SIZE))
    assert quote is not None
    try:
        return _Terms(None, quote=decimal_to_atoms(quote))
    except ValueError:
        raise Refused(errors.too_precise("quoteOrderQty")) from None


def _other(call: Call, instrument: Instrument, names: Names, kind: str, side: Side) -> _Terms:
    params = call.params
    if not names.prefix:
        _refuse_any(params, names, "quoteOrderQty")
    tif = TimeInForce.GTC
    if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
        tif = placing.time_in_force(params.need(names.of("timeInForce")))
    else:  # from practice: a LIMIT_MAKER has none
        _refuse_any(params, names, "timeInForce")
    quantity = needed(params, names.quantity)
    price: Decimal | None = None
    ticks: int | None = None
    if kind in LIMITS:
        price = needed(params, names.of("price"))
        ticks = _ticks(instrument, price, names.of("price"))
    else:
        _refuse_any(params, names, "price")
    steps = placing.steps(instrument, quantity, LOT_SIZE, names.quantity)
    if price is not None:
        check_percent_price(call, instrument, price)
        if price * quantity > instruments.MAX_NOTIONAL:
            raise Refused(errors.filter_failure("NOTIONAL"))
    return _Terms(steps, ticks, None, tif, _trigger(params, instrument, names, kind, side))


def _ticks(instrument: Instrument, price: Decimal, name: str) -> int:
    if price > instruments.MAX_PRICE:
        raise Refused(PRICE_FILTER)
    return placing.ticks(instrument, price, PRICE_FILTER, name)


def _trigger(params: Params, instrument: Instrument, names: Names, kind: str, side: Side) -> Trigger | None:
    """Return what sets a stop off; other types have neither of the two parameters."""
    if kind not in STOPS:
        _refuse_any(params, names, "stopPrice", "trailingDelta")
        return None
    stop, delta = params.number(names.of("stopPrice")), params.integer(names.of("trailingDelta"))
    if stop is None and delta is None:
        raise Refused(errors.missing_both(names.of("stopPrice"), names.of("trailingDelta")))
    if stop is not None:
        _ticks(instrument, stop, names.of("stopPrice"))
    if delta is not None and not instruments.MIN_TRAILING_DELTA <= delta <= instruments.MAX_TRAILING_DELTA:
        raise Refused(errors.filter_failure("TRAILING_DELTA"))
    # "Price above market price: STOP_LOSS BUY, TAKE_PROFIT SELL; below: STOP_LOSS SELL, TAKE_PROFIT BUY."
    above = (side is Side.BUY) == kind.startswith("STOP_LOSS")
    return Trigger(
        when=TriggerWhen.ABOVE if above else TriggerWhen.BELOW,
        price=stop,
        trail_ratio=None if delta is None else delta * BASIS_POINT,
    )


def check_percent_price(call: Call, instrument: Instrument, price: Decimal) -> None:
    """Refuse a price too far from the average one, for which the last price stands; an option says how far that is."""
    bounds = call.percent_price(instruments.PERCENT_PRICE)
    if bounds is None:
        return
    last = instrument.price(call.exchange.engine.last_price(instrument.name))
    if not last * bounds[0] <= price <= last * bounds[1]:
        raise Refused(errors.filter_failure("PERCENT_PRICE_BY_SIDE"))


def check_counts(call: Call, orders: tuple[Place, ...]) -> None:
    """Refuse orders above the number a symbol may have open, of all and of those that wait for a trigger."""
    found = call.exchange.engine.open_orders(call.account, orders[0].instrument)
    if len(found) + len(orders) > instruments.MAX_NUM_ORDERS:
        raise Refused(errors.filter_failure("MAX_NUM_ORDERS"))
    waiting = sum(view.trigger is not None and view.waits for view in found)
    new = sum(order.trigger is not None for order in orders)
    if new and waiting + new > instruments.MAX_NUM_ALGO_ORDERS:
        raise Refused(errors.filter_failure("MAX_NUM_ALGO_ORDERS"))


def needed(params: Params, name: str) -> Decimal:
    """Return a number that must be there."""
    params.need(name)
    value = params.number(name)
    assert value is not None  # it is there
    return value


def _tags(params: Params, names: Names, kind: str) -> Tags:
    identity, number = params.integer(names.of("strategyId")), params.integer(names.of("strategyType"))
    if number is not None and number < LEAST_STRATEGY_TYPE:
        raise Refused(errors.not_valid(names.of("strategyType")))
    tags = (("strategyId", identity), ("strategyType", number), ("type", kind if kind in STOPS else None))
    return tuple((name, str(value)) for name, value in tags if value is not None)
