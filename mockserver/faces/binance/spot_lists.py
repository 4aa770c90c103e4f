"""Spot's calls about order lists: OCO, OTO and OTOCO, asking about them, and cancelling them.

Shapes and parameters: spot docs `rest-api.md`, order lists (2026); the codes -1158 and -1159 were measured on the
testnet. Which of ACK, RESULT and FULL a list answers with unasked is not documented: RESULT is assumed, as in samples.
What this module does not do: read the terms of an order (`spot_terms`), or cancel one order of a list (`spot_orders`).
"""

from __future__ import annotations

from typing import Final

from mockserver.engine.types import CancelList, Instrument, ListKind, OrderList, Place, PlaceList
from mockserver.faces.binance import errors, instruments, paging, placing, spot_views
from mockserver.faces.binance.errors import Refused
from mockserver.faces.binance.params import SPOT_CLIENT_ID
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.spot_orders import of_era
from mockserver.faces.binance.spot_terms import LEG, Names, check_counts, order_of
from mockserver.faces.binance.spot_views import Object

MAX_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 500
SPAN_HOURS: Final = 24
ABOVE, BELOW = Names("above"), Names("below")
WORKING = Names("working", "workingSide", "workingQuantity")
PENDING = Names("pending", "pendingSide", "pendingQuantity")
PENDING_ABOVE = Names("pendingAbove", "pendingSide", "pendingQuantity")
PENDING_BELOW = Names("pendingBelow", "pendingSide", "pendingQuantity")
PAIR_TYPES: Final = ("LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
FIRST_TYPES: Final = ("LIMIT", "LIMIT_MAKER")
_COMMON: Final = "symbol listClientOrderId newOrderRespType selfTradePreventionMode "


def _legs(*names: Names) -> str:
    return " ".join(each.prefix + part for each in names for part in LEG.split())


OCO_NAMES: Final = f"{_COMMON} side quantity {_legs(ABOVE, BELOW)}"
OTO_NAMES: Final = f"{_COMMON} workingSide workingQuantity pendingSide pendingQuantity {_legs(WORKING, PENDING)}"
OTOCO_NAMES: Final = (
    f"{_COMMON} workingSide workingQuantity pendingSide pendingQuantity {_legs(WORKING, PENDING_ABOVE, PENDING_BELOW)}"
)


def place_oco(call: Call) -> object:
    """Place a pair of which one ends the other."""
    instrument = call.instrument()
    return _placed(call, instrument, ListKind.OCO, _pair(call, instrument, ABOVE, BELOW))


def place_oto(call: Call) -> object:
    """Place an order and one that is placed when the first is filled."""
    instrument = call.instrument()
    return _placed(call, instrument, ListKind.OTO, (_first(call, instrument), order_of(call, instrument, PENDING)))


def place_otoco(call: Call) -> object:
    """Place an order and a pair that is placed when the first is filled."""
    instrument = call.instrument()
    pair = _pair(call, instrument, PENDING_ABOVE, PENDING_BELOW)
    return _placed(call, instrument, ListKind.OTOCO, (_first(call, instrument), *pair))


def _first(call: Call, instrument: Instrument) -> Place:
    if call.params.need("workingType") not in FIRST_TYPES:
        raise Refused(errors.BAD_FIRST_TYPE)
    return order_of(call, instrument, WORKING)


def _pair(call: Call, instrument: Instrument, above: Names, below: Names) -> tuple[Place, Place]:
    """Return both of a pair: one must be a stop loss and the other must not."""
    kinds = [call.params.need(names.of("type")) for names in (above, below)]
    stops = [kind.startswith("STOP_LOSS") for kind in kinds]
    if any(kind not in PAIR_TYPES for kind in kinds) or sum(stops) != 1:
        raise Refused(errors.BAD_PAIR_TYPE)
    return order_of(call, instrument, above), order_of(call, instrument, below)


def _placed(call: Call, instrument: Instrument, kind: ListKind, orders: tuple[Place, ...]) -> object:
    answer = call.params.text("newOrderRespType") or "RESULT"
    if answer not in ("ACK", "RESULT", "FULL"):
        raise Refused(errors.not_valid("newOrderRespType"))
    check_counts(call, orders)
    mine = call.exchange.engine.order_lists(call.account, only_open=True)
    if sum(each.instrument == instrument.name for each in mine) >= instruments.MAX_NUM_ORDER_LISTS:
        raise Refused(errors.filter_failure("MAX_NUM_ORDER_LISTS"))
    reply = call.exchange.submit(
        PlaceList(
            account=call.account,
            instrument=instrument.name,
            kind=kind,
            orders=orders,
            client_id=call.params.matching("listClientOrderId", SPOT_CLIENT_ID),
        )
    )
    if reply.reject is not None:
        raise placing.refused(placing.SPOT_REJECTS, reply.reject)
    assert reply.order_list is not None  # a reply without a reject has it
    reports: list[Object] = []
    for order in reply.orders:
        match answer:
            case "ACK":
                reports.append(spot_views.order_ack(order, call.at))
            case "RESULT":
                reports.append(of_era(call, spot_views.order_result(order, instrument, call.at)))
            case _:
                reports.append(of_era(call, spot_views.order_full(order, instrument, call.at, reply)))
    return {**spot_views.order_list(reply.order_list, call.at), "orderReports": reports}


def cancel(call: Call) -> object:
    """Cancel what is open of a list."""
    instrument = call.instrument()
    found = _find(call, "listClientOrderId", errors.UNKNOWN_ORDER)
    if found.instrument != instrument.name:
        raise Refused(errors.UNKNOWN_ORDER)
    request_id = call.params.matching("newClientOrderId", SPOT_CLIENT_ID)
    reply = call.exchange.submit(CancelList(account=call.account, list_id=found.list_id, request_id=request_id))
    if reply.reject is not None:
        raise placing.refused(placing.SPOT_REJECTS, reply.reject)
    return spot_views.list_canceled(reply, instrument, call.at)


def _find(call: Call, client_id: str, absent: errors.Refusal, as_of_ns: int | None = None) -> OrderList:
    """Return the account's list of either id; of several with one client id the newest."""
    number, name = call.params.integer("orderListId"), call.params.text(client_id)
    if number is None and name is None:
        raise Refused(errors.missing_both("orderListId", client_id))
    engine = call.exchange.engine
    if number is not None:
        found = engine.order_list(number, account=call.account, as_of_ns=as_of_ns)
    else:
        named = [each for each in engine.order_lists(call.account, as_of_ns=as_of_ns) if each.client_id == name]
        found = named[-1] if named else None
    if found is None:
        raise Refused(absent)
    return found


def order_list(call: Call) -> object:
    """Tell one list; that an unknown one is refused as an unknown order is an assumption."""
    return spot_views.order_list(_find(call, "origClientOrderId", errors.NO_ORDER, call.as_of_ns), call.at)


def all_lists(call: Call) -> object:
    """Tell the account's lists: from an id on, or within 24 hours, or the newest."""
    params, limit = call.params, call.limit(DEFAULT_ROWS, MAX_ROWS)
    from_id = params.integer("fromId")
    if from_id is not None and (params.text("startTime") or params.text("endTime")):
        raise Refused(errors.BAD_COMBINATION)
    span = paging.span(params, SPAN_HOURS)
    rows = [
        each
        for each in call.exchange.engine.order_lists(call.account, as_of_ns=call.as_of_ns)
        if (from_id is None or each.list_id >= from_id)
        and (span.start_ns is None or each.created_ns >= span.start_ns)
        and (span.end_ns is None or each.created_ns <= span.end_ns)
    ]
    cut = paging.page(rows, limit, oldest=span.oldest or from_id is not None)
    return [spot_views.order_list(each, call.at) for each in cut]


def open_lists(call: Call) -> object:
    """Tell the lists that have open orders."""
    rows = call.exchange.engine.order_lists(call.account, only_open=True, as_of_ns=call.as_of_ns)
    return [spot_views.order_list(each, call.at) for each in rows]
