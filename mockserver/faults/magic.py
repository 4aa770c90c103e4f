"""Client order ids that ask for a fault, as test cards do: no arming, whatever the client may put around them.

    m-reject-2010 (any code)      refused with that code; on FTX, which had none, in its words for the same
    m-timeout-accepted, -lost     503 "execution status unknown"; the order was taken, or was not
    m-timeout-late                the same, and it is taken four seconds later
    m-never                       no answer at all, and the order was taken
    m-drop-conn                   the connection ends without an answer, and the order was taken
    m-event-first                 events overtake the answer
    m-partial-3 (any number)      fills in so many parts at once
    m-fill-after-2s (any)         fills whole after so many seconds

Clients put prefixes of their own before an id (ccxt, python-binance), so it is looked for anywhere in it.
Any of the ids of a list of orders counts, and that of a conditional order of futures (FTX's have none).
What this module does not do: look at anything but requests that place orders, perhaps in place of another.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mockserver.faults.business_kinds import SECOND, FillAfter, PartialFillStorm
from mockserver.faults.facts import SOCKET
from mockserver.faults.kinds import ExecStatusUnknown, HangUp, HttpError, Kind, NoAnswer
from mockserver.faults.naming import fields_of
from mockserver.faults.request_kinds import EventBeforeRest
from mockserver.faults.texts import STATUSES

if TYPE_CHECKING:
    from mockserver.faces.base import HttpRequest

LATE_NS: Final = 4 * SECOND
PLACES: Final = (
    ("POST", "/api/v3/order"),
    ("POST", "/api/v3/order/cancelReplace"),
    ("POST", "/api/v3/orderList/*"),
    ("POST", "/fapi/v1/order"),
    ("POST", "/fapi/v1/algoOrder"),
    ("POST", "/api/orders"),
    ("POST", "/api/orders/*/modify"),
    (SOCKET, "order.place"),
    (SOCKET, "order.cancelReplace"),
    (SOCKET, "orderList.place.*"),
    (SOCKET, "algoOrder.place"),
)
CLIENT_IDS: Final = (
    *("newClientOrderId", "clientOrderId", "clientId", "clientAlgoId", "listClientOrderId"),
    *(f"{leg}ClientOrderId" for leg in ("above", "below", "working", "pending", "pendingAbove", "pendingBelow")),
)
_MAGIC: Final = re.compile(
    r"m-(?:reject-(?P<code>\d{1,5})|partial-(?P<parts>\d{1,3})|fill-after-(?P<seconds>\d{1,4})s|(?P<word>"
    r"timeout-accepted|timeout-lost|timeout-late|never|drop-conn|event-first))"
)


def magic(request: HttpRequest) -> tuple[str, Kind] | None:
    """Return what a request's client id asks for, and its word; None if it places no order or asks for nothing."""
    if b"m-" not in request.body and "m-" not in request.query:
        return None
    if not any(request.method == method and fnmatchcase(request.path, path) for method, path in PLACES):
        return None
    fields = fields_of(request)
    ids = (fields.get(name) for name in CLIENT_IDS)
    found = next((match for text in ids if isinstance(text, str) and (match := _MAGIC.search(text))), None)
    return None if found is None else (found[0], _kind(found))


def _kind(found: re.Match[str]) -> Kind:
    if found["code"] is not None:
        code = -int(found["code"])
        return HttpError(status=STATUSES.get(code, 400), code=code)
    if found["parts"] is not None:
        return PartialFillStorm(fills=max(1, int(found["parts"])))
    if found["seconds"] is not None:
        return FillAfter(delay_ns=int(found["seconds"]) * SECOND)
    return {
        "timeout-accepted": ExecStatusUnknown(),
        "timeout-lost": ExecStatusUnknown(accepted=False),
        "timeout-late": ExecStatusUnknown(late_ns=LATE_NS),
        "never": NoAnswer(),
        "drop-conn": HangUp(),
        "event-first": EventBeforeRest(),
    }[found["word"]]
