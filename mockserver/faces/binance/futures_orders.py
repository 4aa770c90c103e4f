"""USD-M's calls that place, cancel and change orders, conditional ones too.

Conditional types live in the Algo service since 2025-12-09: on the ordinary endpoint they are refused with -4120. In
the profile of 2024 they are ordinary orders there, which wait under their own ids.
What this module does not do: price match, dates of conditional orders.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import evolve, frozen

from mockserver.engine.types import (
    AlgoOrder,
    Amend,
    Cancel,
    CancelAlgo,
    CancelAll,
    Instrument,
    OnCross,
    OrderStatus,
    OrderType,
    OrderView,
    Place,
    PlaceAlgo,
    PositionSide,
    Reject,
    RejectReason,
    Side,
    Tags,
    TimeInForce,
    Trigger,
    TriggerWhen,
)
from mockserver.faces.binance import errors, instruments, placing
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.good_till import good_till_ns
from mockserver.faces.binance.params import FUTURES_CLIENT_ID, Params
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.spot_orders import find
from mockserver.faces.binance.text import trimmed

PLACE_NAMES: Final = (
    "symbol side positionSide type timeInForce quantity reduceOnly price newClientOrderId stopPrice closePosition "
    "activationPrice callbackRate workingType priceProtect newOrderRespType priceMatch selfTradePreventionMode "
    "goodTillDate"
)
MODIFY_NAMES: Final = "symbol orderId origClientOrderId side quantity price priceMatch"
ALGO_NAMES: Final = (
    "algoType symbol side positionSide type timeInForce quantity price triggerPrice workingType priceMatch "
    "closePosition priceProtect reduceOnly activatePrice callbackRate clientAlgoId newOrderRespType "
    "selfTradePreventionMode goodTillDate"
)
CONDITIONAL: Final = views.ALGO_TYPES
MAX_CLIENT_ID: Final = 36


@frozen
class _Words:
    """What the two endpoints call the same things."""

    trigger: str
    activation: str


ORDER_WORDS: Final = _Words("stopPrice", "activationPrice")
ALGO_WORDS: Final = _Words("triggerPrice", "activatePrice")
# "min 0.1, max 10 where 1 for 1%", in steps of 0.1 (clients' reports of -2007).
LEAST_RATE: Final = Decimal("0.1")
MOST_RATE: Final = Decimal(10)
BAD_QUANTITY: Final = errors.too_precise("quantity")


def place(call: Call) -> object:
    """Place an order; the answer is ACK unless RESULT is asked for."""
    instrument = call.instrument()
    result = _wants_result(call.params)
    command = _order(call, instrument)
    _check_counts(call, command)
    reply = call.exchange.submit(command)
    order = _accepted(reply.reject, reply.order)
    if result:
        return views.order_answer(order, instrument, call.at, sums=True)
    # An acknowledgement is made before the matching: it shows the order as new.
    fresh = evolve(order, status=OrderStatus.NEW, reason=None, filled=0, filled_quote=0)
    return views.order_answer(fresh, instrument, call.at, sums=call.is_old)


def test(call: Call) -> object:
    """Check the parameters of an order and do nothing."""
    _order(call, call.instrument())
    return {}


def _order(call: Call, instrument: Instrument) -> Place:
    """Return the engine's command for the order the parameters describe, or refuse as the venue would."""
    side, kind = placing.side(call.params), call.params.need("type")
    if kind in CONDITIONAL and not call.is_old:
        raise Refused(errors.USE_ALGO_ENDPOINT)
    if kind not in ("LIMIT", "MARKET", *CONDITIONAL):
        raise Refused(errors.BAD_ORDER_TYPE)
    _check_mode(call)
    client_id = _client_id(call.params, "newClientOrderId")
    if kind in CONDITIONAL:
        return evolve(_conditional(call, instrument, side, kind, ORDER_WORDS), client_id=client_id)
    command = _place(call, instrument, side, kind, client_id)
    _check_percent_price(call, instrument, command)
    return command


def _check_counts(call: Call, command: Place) -> None:
    """Refuse orders above the number a symbol may have open, of all and of those that wait for a trigger."""
    found = call.exchange.engine.open_orders(call.account, command.instrument)
    if len(found) >= instruments.MAX_NUM_ORDERS:
        raise Refused(errors.filter_failure("MAX_NUM_ORDERS"))
    waiting = sum(view.waits for view in found)
    if command.trigger is not None and waiting >= instruments.MAX_NUM_CONDITIONAL_2024:
        raise Refused(errors.TOO_MANY_STOPS)


def _accepted(reject: Reject | None, order: OrderView | None) -> OrderView:
    if reject is not None:
        raise placing.refused(placing.FUTURES_REJECTS, reject)
    assert order is not None  # a reply without a reject has its order
    return order


def _wants_result(params: Params) -> bool:
    sent = params.text("newOrderRespType") or "ACK"
    if sent not in ("ACK", "RESULT"):
        raise Refused(errors.not_valid("newOrderRespType"))
    return sent == "RESULT"


def _check_mode(call: Call) -> None:
    """Refuse what the account's mode does not have, and price match."""
    params, hedged = call.params, call.exchange.engine.terms(call.account).hedged
    if (_position_side(params) is not PositionSide.BOTH) is not hedged:
        raise Refused(errors.WRONG_POSITION_SIDE)
    # "cannot be sent in Hedge Mode"; the small letters as nautilus_trader #4231 and go-binance #521 quote the venue.
    if hedged and params.text("reduceOnly") is not None:
        raise Refused(errors.not_required("reduceonly"))
    if (params.text("priceMatch") or "NONE") != "NONE":
        raise Refused(errors.not_valid("priceMatch"))


def _position_side(params: Params) -> PositionSide:
    try:
        return PositionSide(params.text("positionSide") or "BOTH")
    except ValueError:
        raise Refused(errors.BAD_POSITION_SIDE) from None


def _client_id(params: Params, name: str) -> str | None:
    sent = params.text(name)
    if sent is not None and len(sent) > MAX_CLIENT_ID:
        raise Refused(errors.CLIENT_ID_TOO_LONG)
    return params.matching(name, FUTURES_CLIENT_ID)


def _place(
    call: Call,
    instrument: Instrument,
    side: Side,
    kind: str,
    client_id: str | None,
    tags: Tags = (),
) -> Place:
    """Return the engine's command for a LIMIT or MARKET order, perhaps the child of a conditional one."""
    params = call.params
    limit = kind == "LIMIT"
    usual = "GTC" if tags else None
    price, tif, post_only = _limit_terms(params, instrument, usual) if limit else (None, TimeInForce.GTC, False)
    closes = params.flag("closePosition") or False
    if closes and params.text("quantity") is not None:
        raise Refused(errors.not_required("quantity"))
    options = call.exchange.settings.options
    return Place(
        account=call.account,
        instrument=instrument.name,
        side=side,
        type=OrderType.LIMIT if limit else OrderType.MARKET,
        quantity=None if closes else _steps(params, instrument),
        price=price,
        tif=tif,
        client_id=client_id,
        unique_client_id="open",  # on the testnet, 2026-09-12, two MARKET orders of one id were both filled
        post_only=post_only,
        on_cross=OnCross.EXPIRE if options["gtx_crossing"] == "expire" else OnCross.REJECT,
        reduce_only=closes or params.flag("reduceOnly") or False,
        position_side=_position_side(params),
        self_trade=placing.self_trade(params, instruments.DEFAULT_SELF_TRADE, instruments.FUTURES_SELF_TRADE_MODES),
        good_till_ns=good_till_ns(params, call.now_ns) if limit and not tags else None,
        tags=tags,
    )


def _limit_terms(params: Params, instrument: Instrument, usual: str | None) -> tuple[int, TimeInForce, bool]:
    """Price, time in force (of a conditional order GTC, where none is sent) and whether it is post-only."""
    sent = params.text("timeInForce") or usual or params.need("timeInForce")
    price = _needed(params, "price")
    tif = TimeInForce.GTC if sent in ("GTX", "GTD") else placing.time_in_force(sent)
    return _ticks(price, instrument), tif, sent == "GTX"


def _ticks(price: Decimal, instrument: Instrument) -> int:
    if price > instruments.MAX_PRICE:
        raise Refused(errors.PRICE_TOO_HIGH)
    return placing.ticks(instrument, price, errors.PRICE_OFF_TICK, not_positive=errors.PRICE_NOT_POSITIVE)


def _check_percent_price(
    call: Call, instrument: Instrument, order: Place | OrderView, ticks: int | None = None, stop: Decimal | None = None
) -> None:
    """Refuse a buy too far above, or a sell too far below, the last price, which stands for the mark price.

    Of a conditional order it is its own trigger price that counts. An option says how far "too far" is.
    """
    limit = order.price if ticks is None else ticks
    bounds = call.percent_price(instruments.FUTURES_PERCENT_PRICE)
    if limit is None or bounds is None:
        return
    price = instrument.price(limit)
    middle = instrument.price(call.exchange.engine.last_price(instrument.name)) if stop is None else stop
    down, up = bounds
    if order.side is Side.BUY and price > middle * up:
        raise Refused(errors.price_above(middle * up, of_stop=stop is not None))
    if order.side is Side.SELL and price < middle * down:
        raise Refused(errors.price_below(middle * down, of_stop=stop is not None))


def _steps(params: Params, instrument: Instrument) -> int:
    return placing.steps(
        instrument,
        _needed(params, "quantity"),
        BAD_QUANTITY,
        too_large=errors.QUANTITY_TOO_LARGE,
        not_positive=errors.QUANTITY_NOT_POSITIVE,
    )


def _needed(params: Params, name: str) -> Decimal:
    params.need(name)
    value = params.number(name)
    assert value is not None  # it is there
    return value


def cancel(call: Call) -> object:
    """Cancel one order."""
    instrument = call.instrument()
    order = find(call, instrument, "orderId", "origClientOrderId", errors.UNKNOWN_ORDER)
    reply = call.exchange.submit(Cancel(account=call.account, instrument=instrument.name, order_id=order.order_id))
    return views.order_answer(_accepted(reply.reject, reply.order), instrument, call.at, sums=True)


def cancel_all(call: Call) -> object:
    """Cancel every open order of a symbol; that there was none is no error."""
    instrument = call.instrument()
    call.exchange.submit(CancelAll(account=call.account, instrument=instrument.name))
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def modify(call: Call) -> object:
    """Change price and quantity of a LIMIT order, which keeps its id."""
    params, instrument = call.params, call.instrument()
    placing.side(params)
    order = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER)
    steps = _steps(params, instrument)
    ticks = _ticks(_needed(params, "price"), instrument)
    if not order.is_open:
        raise Refused(errors.NO_ORDER)
    if order.waits:  # "currently only LIMIT order modification is supported" (USD-M docs); the code is an assumption
        raise Refused(errors.BAD_ORDER_TYPE)
    if (steps, ticks) == (order.quantity, order.price):
        raise Refused(errors.NO_AMEND_NEEDED)
    _check_percent_price(call, instrument, order, ticks)
    reply = call.exchange.submit(
        Amend(
            account=call.account,
            instrument=instrument.name,
            order_id=order.order_id,
            quantity=steps,
            price=ticks,
        )
    )
    return views.order_answer(_accepted(reply.reject, reply.order), instrument, call.at, sums=True)


# -- conditional orders -----------------------------------------------------------------------------------------------


def place_algo(call: Call) -> object:
    """Store a conditional order."""
    params, instrument = call.params, call.instrument()
    if params.need("algoType") != "CONDITIONAL":
        raise Refused(errors.not_valid("algoType"))
    side, kind = placing.side(params), params.need("type")
    if kind not in CONDITIONAL:
        raise Refused(errors.BAD_ORDER_TYPE)
    _check_mode(call)
    child = _conditional(call, instrument, side, kind, ALGO_WORDS)
    trigger = child.trigger
    assert trigger is not None  # it is conditional
    reply = call.exchange.submit(
        PlaceAlgo(
            child=evolve(child, trigger=None),
            trigger_price=trigger.price,
            when=trigger.when,
            trail_ratio=trigger.trail_ratio,
            client_id=_client_id(params, "clientAlgoId"),
            tags=(("o", kind), *(each for each in child.tags if each[0] in ("wt", "pP"))),
        )
    )
    return views.algo_order(_accepted_algo(reply.reject, reply.algo), instrument, call.at)


def _conditional(call: Call, instrument: Instrument, side: Side, kind: str, words: _Words) -> Place:
    """Return the order that a trigger sends to work, labelled with what it began as."""
    params = call.params
    if params.text("timeInForce") == "GTD":
        raise Refused(errors.BAD_TIME_IN_FORCE)
    trails, at_market = kind == views.TRAILING, kind.endswith("_MARKET")
    price, ratio = _trail(params, words) if trails else (_needed(params, words.trigger), None)
    working = params.text("workingType") or "CONTRACT_PRICE"
    if working not in ("CONTRACT_PRICE", "MARK_PRICE"):
        raise Refused(errors.not_valid("workingType"))
    closes = params.flag("closePosition") or False
    if closes and (trails or not at_market):
        raise Refused(errors.not_required("closePosition"))
    if closes:
        _check_closing(call, instrument, side, kind)
    tags = (
        ("ot", kind),
        ("sp", "0" if trails or price is None else trimmed(price)),
        ("cp", str(closes).lower()),
        ("wt", working),
        ("pP", "true" if params.flag("priceProtect") else "false"),
    )
    order = _place(call, instrument, side, "MARKET" if at_market else "LIMIT", None, tags)
    if price is not None:
        _check_percent_price(call, instrument, order, stop=price)
    # A trail begins where a take-profit would be set off: "BUY: the lowest price <= activatePrice".
    above = (side is Side.BUY) == kind.startswith("STOP")
    when = TriggerWhen.ABOVE if above else TriggerWhen.BELOW
    return evolve(order, trigger=Trigger(when=when, price=price, trail_ratio=ratio))


def _trail(params: Params, words: _Words) -> tuple[Decimal | None, Decimal]:
    """Return where a trailing stop begins to follow the market (None: at once), and by which share it does."""
    if params.text(words.trigger) is not None:
        raise Refused(errors.not_required(words.trigger))
    rate = _needed(params, "callbackRate")
    if not LEAST_RATE <= rate <= MOST_RATE or rate.normalize() != rate.quantize(LEAST_RATE).normalize():
        raise Refused(errors.BAD_CALLBACK_RATE)
    return params.number(words.activation), rate / 100


def _check_closing(call: Call, instrument: Instrument, side: Side, kind: str) -> None:
    """Refuse a second stop, or a second take-profit, that would close the whole position (seen on the testnet)."""
    engine, position = call.exchange.engine, _position_side(call.params)
    found: list[Place | OrderView] = [view for view in engine.open_orders(call.account, instrument.name) if view.waits]
    found += [algo.child for algo in engine.algo_orders(call.account, instrument.name, only_open=True)]
    for each in found:
        same = views.tag(each.tags, "ot").startswith("STOP") == kind.startswith("STOP")
        if views.closes(each) and (each.side, each.position_side) == (side, position) and same:
            raise Refused(errors.ALREADY_CLOSING)


def _accepted_algo(reject: Reject | None, algo: AlgoOrder | None) -> AlgoOrder:
    if reject is not None:
        if reject.reason is RejectReason.TOO_MANY_ORDERS:
            raise Refused(errors.TOO_MANY_STOPS)
        raise placing.refused(placing.FUTURES_REJECTS, reject)
    assert algo is not None  # a reply without a reject has its order
    return algo


def find_algo(call: Call, as_of_ns: int | None = None) -> AlgoOrder | None:
    """Return the account's conditional order named by either id; the newest, if a client id was used twice."""
    number, name = call.params.integer("algoId"), call.params.text("clientAlgoId")
    if number is None and name is None:
        raise Refused(errors.missing_both("algoId", "clientAlgoId"))
    engine = call.exchange.engine
    if number is not None:
        return engine.algo_order(number, account=call.account, as_of_ns=as_of_ns)
    named = [each for each in engine.algo_orders(call.account, as_of_ns=as_of_ns) if each.client_id == name]
    return named[-1] if named else None


def cancel_algo(call: Call) -> object:
    """Cancel a conditional order that still waits."""
    algo = find_algo(call)
    if algo is None:
        raise Refused(errors.UNKNOWN_ORDER)
    reply = call.exchange.submit(CancelAlgo(account=call.account, algo_id=algo.algo_id))
    ended = _accepted_algo(reply.reject, reply.algo)
    return {"algoId": ended.algo_id, "clientAlgoId": ended.client_id, "code": "200", "msg": "success"}


def cancel_all_algos(call: Call) -> object:
    """Cancel every waiting conditional order of a symbol."""
    instrument = call.instrument()
    for algo in call.exchange.engine.algo_orders(call.account, instrument.name, only_open=True):
        call.exchange.submit(CancelAlgo(account=call.account, algo_id=algo.algo_id))
    return {"code": 200, "msg": "The operation of cancel all open order is done."}
