"""Which order a request names, and which one an answer is about, in the words of any venue here.

What this module does not do: check anything; whoever asks for an order that is not there gets None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from mockserver.engine.types import OrderView
    from mockserver.exchange import Account, Exchange
    from mockserver.faces.base import HttpRequest, HttpResponse

ORDER_IDS: Final = ("orderId", "order_id", "cancelOrderId")
OLD_CLIENT_IDS: Final = ("origClientOrderId", "cancelOrigClientOrderId")
_PATH: Final = re.compile(r"/orders/(?P<by_client>by_client_id/)?(?P<id>[^/]+)(/modify)?")


def fields_of(request: HttpRequest) -> dict[str, Any]:
    """Return what a request brings in its query and its body, be that a form or JSON."""
    fields: dict[str, Any] = dict(parse_qsl(request.query))
    body = request.body.decode("latin-1")
    if not body.startswith("{"):
        return {**fields, **dict(parse_qsl(body))}
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return fields
    return {**fields, **given} if isinstance(given, dict) else fields


def only_asks(request: HttpRequest) -> bool:
    """Whether a request wants to know something, and changes nothing."""
    return request.method == "GET" or request.path.endswith(".status")


def symbol_of(exchange: Exchange, request: HttpRequest, named: str | None = None) -> str | None:
    """Return the market that is named, or that the request is about; None if it is about none that there is."""
    fields = fields_of(request)
    symbol = named or fields.get("symbol") or fields.get("market")
    return symbol if isinstance(symbol, str) and symbol in exchange.engine.instruments else None


def sender_of(exchange: Exchange, request: HttpRequest) -> Account | None:
    """Return whose key a request bears, good or not; None if it bears none that is known."""
    token = exchange.face.credential(request) or fields_of(request).get("apiKey")
    found = exchange.find_key(token) if isinstance(token, str) else None
    return None if found is None else found[1]


def order_of_request(exchange: Exchange, request: HttpRequest) -> OrderView | None:
    """Return the order of the sender's that a request to cancel, replace, change or show one is about."""
    fields = fields_of(request)
    found = _PATH.search(request.path)
    number = next((fields[name] for name in ORDER_IDS if name in fields), found["id"] if found else None)
    client_id = next((fields[name] for name in OLD_CLIENT_IDS if name in fields), None)
    if found is not None and found["by_client"]:
        number, client_id = None, unquote(found["id"])
    sender, symbol = sender_of(exchange, request), symbol_of(exchange, request)
    if sender is None:
        return None
    if number is not None:
        order = _order(exchange, symbol, number)
        return order if order is not None and order.account in sender.ledgers else None
    if client_id is None:
        return None
    mine = (view for ledger in sender.ledgers for view in exchange.engine.open_orders(ledger, symbol))
    return next((view for view in mine if view.client_id == client_id), None)


def order_of_answer(exchange: Exchange, answer: HttpResponse) -> OrderView | None:
    """Return the order that an answer tells of, of a list the first that can trade; None if it was refused."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if isinstance(told, Mapping) and isinstance(told.get("result"), Mapping):
        told = told["result"]
    if isinstance(told, Mapping) and isinstance(told.get("newOrderResponse"), Mapping):  # of a cancel-replace
        told = told["newOrderResponse"]
    if answer.status != 200 or not isinstance(told, Mapping):
        return None
    named = told.get("symbol") or told.get("market")
    symbol = named if isinstance(named, str) else None
    if isinstance(told.get("orders"), list):
        views = (_order(exchange, symbol, each.get("orderId")) for each in told["orders"] if isinstance(each, Mapping))
        return next((view for view in views if view is not None and view.is_open and not view.waits), None)
    return _order(exchange, symbol, told.get("orderId") or told.get("id"))


def _order(exchange: Exchange, symbol: str | None, number: Any) -> OrderView | None:
    text = str(number)
    if not (text.isascii() and text.isdigit()):
        return None
    engine = exchange.engine
    names = [symbol] if symbol is not None and symbol in engine.instruments else list(engine.instruments)
    views = (engine.order(name, int(text)) for name in names)
    return next((view for view in views if view is not None), None)
