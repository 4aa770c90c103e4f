"""Spot's calls that place, cancel, replace and amend orders.

What they answer is in `spot_views`; that the events of a call may be on the wire before its answer is the exchange's
doing, as it is the venue's.
What this module does not do: order lists (`spot_lists`), or read the terms of an order (`spot_terms`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from mockserver.engine.types import (
    Amend,
    Cancel,
    CancelAll,
    Instrument,
    OrderStatus,
    OrderView,
    Place,
    Reply,
)
from mockserver.faces.binance import errors, placing, spot_views
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.params import SPOT_CLIENT_ID, Params
from mockserver.faces.binance.routes import Call, counted
from mockserver.faces.binance.spot_terms import LOT_SIZE, check_counts, needed, order_of
from mockserver.faces.binance.text import ms

PLACE_NAMES: Final = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId stopPrice trailingDelta icebergQty "
    "newOrderRespType selfTradePreventionMode strategyId strategyType pegPriceType pegOffsetType pegOffsetValue"
)
CANCEL_NAMES: Final = "symbol orderId origClientOrderId newClientOrderId cancelRestrictions"
REPLACE_NAMES: Final = (
    f"{PLACE_NAMES} cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)


def place(call: Call) -> object:
    """Place an order; MARKET and LIMIT answer FULL unless asked otherwise, LIMIT_MAKER answers ACK."""
    answer = _answer_type(call.params)
    command = place_command(call, call.instrument())
    return _placed(call, command, answer)


def test(call: Call) -> object:
    """Check an order's parameters and do nothing; with `computeCommissionRates` tell what its trades would cost."""
    instrument = call.instrument()
    place_command(call, instrument)
    if not call.params.flag("computeCommissionRates"):
        return {}
    engine = call.exchange.engine
    assert engine.discount is not None  # the venue's own
    return spot_views.order_commission(instrument, engine.terms(call.account), engine.discount)


def test_weight(params: Params) -> int:
    """Return 20 where the commission rates are asked for, else 1."""
    return 20 if params.flag("computeCommissionRates") else 1


def _placed(call: Call, command: Place, answer: str) -> object:
    reply = call.exchange.submit(command)
    if reply.reject is not None:
        raise placing.refused(placing.SPOT_REJECTS, reply.reject)
    order = _order_of(reply)
    instrument = call.instrument()
    match answer:
        case "ACK":
            return spot_views.order_ack(order, call.at)
        case "RESULT":
            return of_era(call, spot_views.order_result(order, instrument, call.at, reply.preventions))
        case _:
            return of_era(call, spot_views.order_full(order, instrument, call.at, reply))


def of_era(call: Call, out: spot_views.Object) -> spot_views.Object:
    """Return the answer to an order without what the venue did not yet tell."""
    told = call.exchange.settings.options["expiry_reason"]
    return out if told else {name: value for name, value in out.items() if name != "expiryReason"}


def _order_of(reply: Reply) -> OrderView:
    assert reply.order is not None  # a reply without a reject has its order
    return reply.order


def _answer_type(params: Params) -> str:
    sent = params.text("newOrderRespType")
    if sent is None:
        return "FULL" if params.text("type") in ("MARKET", "LIMIT") else "ACK"
    if sent not in ("ACK", "RESULT", "FULL"):
        raise Refused(errors.not_valid("newOrderRespType"))
    return sent


def place_command(call: Call, instrument: Instrument) -> Place:
    """Return the engine's command for the order the parameters describe, or refuse as the venue would."""
    command = order_of(call, instrument)
    check_counts(call, (command,))
    return command


def find(
    call: Call,
    instrument: Instrument,
    order_id: str,
    client_id: str,
    absent: Refusal,
    as_of_ns: int | None = None,
) -> OrderView:
    """Return the account's order named by either id, as of a moment; `absent` is the refusal if there is none."""
    number, name = call.params.integer(order_id), call.params.text(client_id)
    if number is None and name is None:
        raise Refused(errors.missing_both(order_id, client_id))
    engine = call.exchange.engine
    if number is not None:
        order = engine.order(instrument.name, number, account=call.account, as_of_ns=as_of_ns)
    else:
        assert name is not None
        order = engine.order_by_client_id(call.account, name, instrument=instrument.name, as_of_ns=as_of_ns)
    if order is None:
        raise Refused(absent)
    if name is not None and order.client_id != name:
        raise Refused(errors.WRONG_CLIENT_ID)
    return order


def cancel(call: Call) -> object:
    """Cancel one order."""
    instrument = call.instrument()
    order = find(call, instrument, "orderId", "origClientOrderId", errors.UNKNOWN_ORDER)
    return _cancelled(call, instrument, order, "newClientOrderId")


def _cancelled(call: Call, instrument: Instrument, order: OrderView, request_name: str) -> object:
    _check_restrictions(call.params, order)
    request_id = call.params.matching(request_name, SPOT_CLIENT_ID)
    reply = call.exchange.submit(
        Cancel(account=call.account, instrument=instrument.name, order_id=order.order_id, request_id=request_id)
    )
    if reply.reject is not None:
        raise placing.refused(placing.SPOT_REJECTS, reply.reject)
    if reply.order_list is not None:  # "Canceling an individual order from an order list will cancel the entire list"
        return spot_views.list_canceled(reply, instrument, call.at)
    return spot_views.order_canceled(_order_of(reply), instrument, call.at, reply.request_id)


def _check_restrictions(params: Params, order: OrderView) -> None:
    match params.text("cancelRestrictions"), order.status:
        case None, _:
            return
        case "ONLY_NEW", OrderStatus.PARTIALLY_FILLED:
            raise Refused(errors.CANCEL_RESTRICTED)
        case "ONLY_PARTIALLY_FILLED", OrderStatus.NEW:
            raise Refused(errors.CANCEL_RESTRICTED)
        case (("ONLY_NEW" | "ONLY_PARTIALLY_FILLED"), _):
            return
        case _:
            raise Refused(errors.BAD_CANCEL_RESTRICTIONS)


def cancel_all(call: Call) -> object:
    """Cancel every open order of a symbol; all answers bear one common request id. Nothing open: -2011 (practice)."""
    instrument = call.instrument()
    reply = call.exchange.submit(CancelAll(account=call.account, instrument=instrument.name))
    if reply.reject is not None or not reply.orders:
        raise Refused(errors.UNKNOWN_ORDER)
    rows: list[object] = []
    lists: dict[int, list[OrderView]] = {}
    for order in reply.orders:
        if order.list_id is None:
            rows.append(spot_views.order_canceled(order, instrument, call.at, reply.request_id))
        else:
            lists.setdefault(order.list_id, []).append(order)
    for list_id, orders in lists.items():
        ended = call.exchange.engine.order_list(list_id)
        rows.append(
            spot_views.list_canceled(evolve(reply, order_list=ended, orders=tuple(orders)), instrument, call.at)
        )
    return rows


def cancel_replace(call: Call) -> object:
    """Cancel an order and place another; 409 when one half failed, 400 when the whole did.

    Above the order rate nothing is done, or with `CANCEL_ONLY` the first half; 429 by the table of the page, where the
    sample below it has 409. "If new order placement is not attempted, your order count is still incremented."
    """
    params, instrument = call.params, call.instrument()
    stops = _one_of(params, "cancelReplaceMode", "STOP_ON_FAILURE", "ALLOW_FAILURE") == "STOP_ON_FAILURE"
    too_many = _above_rate(call)
    answer = _answer_type(params)
    command = place_command(call, instrument)  # bad parameters of either half are refused before anything is done
    cancelled = _half(lambda: _cancel_half(call, instrument))
    failed = isinstance(cancelled, Refusal)
    placed: object | None = too_many
    if failed and stops:
        placed = None
        call.limits.count_order(call.account, ms(call.now_ns))
    elif too_many is None:
        told = evolve(command, tells_refusal=not failed)
        placed = _half(lambda: counted(call, 1, lambda call: _placed(call, told, answer)))
    data = _halves(cancelled, placed)
    if not failed and not isinstance(placed, Refusal):
        return data
    whole = failed and (placed is None or isinstance(placed, Refusal))
    refusal = evolve(errors.REPLACE_FAILED if whole else errors.REPLACE_HALF_DONE, data=data)
    if too_many is not None and stops:
        refusal = evolve(refusal, status=too_many.status)
    raise Refused(refusal)


def _one_of(params: Params, name: str, *allowed: str) -> str:
    sent = params.need(name)
    if sent not in allowed:
        raise Refused(errors.not_valid(name))
    return sent


def _above_rate(call: Call) -> Refusal | None:
    """Return why there may be no more orders now, None if there may; raised unless a cancel is wanted all the same."""
    sent = call.params.text("orderRateLimitExceededMode")
    if sent is not None:
        _one_of(call.params, "orderRateLimitExceededMode", "DO_NOTHING", "CANCEL_ONLY")
    try:
        call.limits.check_order(call.account, ms(call.now_ns))
    except Refused as refused:
        if sent == "CANCEL_ONLY":
            return evolve(refused.refusal, data=None)
        raise
    return None


def _cancel_half(call: Call, instrument: Instrument) -> object:
    order = find(call, instrument, "cancelOrderId", "cancelOrigClientOrderId", errors.UNKNOWN_ORDER)
    return _cancelled(call, instrument, order, "cancelNewClientOrderId")


def _half(act: Callable[[], object]) -> object:
    try:
        return act()
    except Refused as refused:
        return refused.refusal


def _halves(cancelled: object, placed: object | None) -> dict[str, object]:
    def result(half: object | None) -> str:
        if half is None:
            return "NOT_ATTEMPTED"
        return "FAILURE" if isinstance(half, Refusal) else "SUCCESS"

    def response(half: object | None) -> object:
        return half.body() if isinstance(half, Refusal) else half

    return {
        "cancelResult": result(cancelled),
        "newOrderResult": result(placed),
        "cancelResponse": response(cancelled),
        "newOrderResponse": response(placed),
    }


def amend(call: Call) -> object:
    """Lower the quantity of an order, which keeps its place in the queue.

    "By default, amended orders get a random new client order ID" unless `newClientOrderId` repeats the old one (spot
    docs `faqs/order_amend_keep_priority.md`).
    """
    instrument = call.instrument()
    order = find(call, instrument, "orderId", "origClientOrderId", errors.NO_ORDER)
    steps = placing.steps(instrument, needed(call.params, "newQty"), LOT_SIZE, "newQty")
    new_id = call.params.matching("newClientOrderId", SPOT_CLIENT_ID)
    if not order.is_open:
        raise Refused(errors.NO_ORDER)
    if not order.filled + order.prevented < steps < order.quantity:
        raise Refused(errors.BAD_AMEND)
    reply = call.exchange.submit(
        Amend(
            account=call.account,
            instrument=instrument.name,
            order_id=order.order_id,
            quantity=steps,
            client_id=new_id or call.exchange.engine.ids.client(),
        )
    )
    if reply.reject is not None:
        raise placing.refused(placing.SPOT_REJECTS, reply.reject)
    return spot_views.order_amended(_order_of(reply), instrument, call.at, reply.execution_id, order.client_id)
