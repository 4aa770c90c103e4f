"""What requests name that are about several orders, or conditional ones: cancel-all, bulks, order lists, algo orders.

What this module does not do: a request about one order is read by `naming`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from mockserver.engine.types import AlgoOrder, OrderView, Side
from mockserver.faults.facts import SOCKET
from mockserver.faults.naming import fields_of, order_of_request, sender_of, symbol_of

if TYPE_CHECKING:
    from mockserver.exchange import Exchange
    from mockserver.faces.base import HttpRequest

ALL_ORDERS: Final = (
    ("DELETE", "/api/v3/openOrders"),
    (SOCKET, "openOrders.cancelAll"),
    ("DELETE", "/fapi/v1/allOpenOrders"),
    ("DELETE", "/api/orders"),
)
LISTS: Final = (("DELETE", "/api/v3/orderList"), (SOCKET, "orderList.cancel"))
ALL_ALGOS: Final = (("DELETE", "/fapi/v1/algoOpenOrders"), ("DELETE", "/api/orders"))
BULKS: Final = {"/api/bulk_orders": "orderIds", "/api/bulk_orders_by_client_id": "clientOrderIds"}
BATCH: Final = "/fapi/v1/batchOrders"
ONE_ALGO: Final = (("DELETE", "/fapi/v1/algoOrder"), (SOCKET, "algoOrder.cancel"))
_PATH: Final = re.compile(r"/api/conditional_orders/(?P<id>\d+)(/modify)?")


def orders_of_request(exchange: Exchange, request: HttpRequest) -> tuple[OrderView, ...]:
    """Return the orders of the sender's that a request to cancel, replace or change some is about."""
    one = order_of_request(exchange, request)
    if one is not None:
        return (one,)
    fields = fields_of(request)
    ledger, symbol = _ledger_of(exchange, request), symbol_of(exchange, request)
    if ledger is None:
        return ()
    mine = exchange.engine.open_orders(ledger, symbol)
    if (request.method, request.path) in ALL_ORDERS and _is_whole(fields, symbol, "conditionalOrdersOnly"):
        return tuple(view for view in mine if _of_side(fields, view.side))
    if (request.method, request.path) in LISTS:
        ids = _ids_of_lists(exchange, ledger, fields)
        return tuple(view for view in mine if (view.instrument, view.order_id) in ids and not view.waits)
    if request.path == BATCH:
        ids_and_names = _of_batch(fields)
        return tuple(view for view in mine if {str(view.order_id), view.client_id} & ids_and_names)
    given = fields.get(BULKS.get(request.path, ""))
    named = {str(each) for each in given} if isinstance(given, list) else set()
    by_client = request.path.endswith("client_id")
    return tuple(view for view in mine if str(view.client_id if by_client else view.order_id) in named)


def algos_of_request(exchange: Exchange, request: HttpRequest) -> tuple[AlgoOrder, ...]:
    """Return the conditional orders that wait, and that a request to cancel or change some is about."""
    fields, asked = fields_of(request), (request.method, request.path)
    ledger, symbol = _ledger_of(exchange, request), symbol_of(exchange, request)
    if ledger is None:
        return ()
    mine = exchange.engine.algo_orders(ledger, only_open=True)
    if asked in ALL_ALGOS and _is_whole(fields, symbol, "limitOrdersOnly"):
        return tuple(
            algo for algo in mine if symbol in (None, algo.child.instrument) and _of_side(fields, algo.child.side)
        )
    found = _PATH.fullmatch(request.path)
    if found is None and asked not in ONE_ALGO:
        return ()
    number = found["id"] if found else str(fields.get("algoId", fields.get("algoid")))
    name = fields.get("clientAlgoId", fields.get("clientalgoid"))
    return tuple(algo for algo in mine if str(algo.algo_id) == number or (name is not None and algo.client_id == name))


def _ledger_of(exchange: Exchange, request: HttpRequest) -> str | None:
    """Return whose orders a request is about, FTX's subaccounts apart."""
    sender = sender_of(exchange, request)
    nickname = request.header("ftx-subaccount") or request.header("ftxus-subaccount")
    return None if sender is None else sender.ledger(unquote(nickname) if nickname else None)


def _of_batch(fields: Mapping[str, Any]) -> set[str | None]:
    """Return the ids and old client ids in a batch that changes orders, or the lists of one that cancels some."""
    found: set[str | None] = set()
    for name, text in fields.items():
        if name.lower() not in ("batchorders", "orderidlist", "origclientorderidlist"):
            continue
        try:
            given = json.loads(text)
        except (TypeError, ValueError, RecursionError):
            continue
        for each in given if isinstance(given, list) else ():
            named = [each.get("orderId"), each.get("origClientOrderId")] if isinstance(each, dict) else [each]
            found |= {str(one) for one in named if one is not None}
    return found


def _ids_of_lists(exchange: Exchange, ledger: str, fields: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Return market and id of the orders in the open lists that a request names."""
    number, name = fields.get("orderListId"), fields.get("listClientOrderId")
    return {
        (each.instrument, order_id)
        for each in exchange.engine.order_lists(ledger, only_open=True)
        if str(each.list_id) == str(number) or (number is None and name is not None and each.client_id == name)
        for order_id in each.order_ids
    }


def _is_whole(fields: Mapping[str, Any], symbol: str | None, spared: str) -> bool:
    """Whether a request to cancel all is about these at all: no market that there is not, and not only about others."""
    named = fields.get("symbol") or fields.get("market")
    return (symbol is not None or not named) and not fields.get(spared)


def _of_side(fields: Mapping[str, Any], side: Side) -> bool:
    return fields.get("side") in (None, side.value.lower())
