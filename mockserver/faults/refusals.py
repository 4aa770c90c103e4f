"""An error that a fault asks for, in the words and the form of the venue that tells it.

Binance has a code and a text, FTX a text. Where the venue's words hold a time or a limit (until when an address is
banned, how much weight it may use) these are the venue's own, since clients read them out of the text.
What this module does not do: know when an error is due; the faces refuse by rules of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import attrs

from mockserver.faces.base import HttpResponse
from mockserver.faults.texts import (
    BAN_S,
    BANNED,
    FTX_BY_CODE,
    FTX_BY_STATUS,
    SPOT_TEXTS,
    TEXTS,
    TOO_MANY_ORDERS,
    TOO_MUCH_WEIGHT,
)

_BANNED: Final = 418
_USUAL_CODE: Final = {418: -1003, 429: -1003, 500: -1001, 503: -1008}


@attrs.frozen(slots=True)
class Site:
    """Where an error is told: the venue, its time, and what it lets an address and an account do."""

    venue: str
    now_ms: int = 0
    weight_per_minute: int = 6_000
    orders_per_10s: int = 50


def refusal(
    status: int,
    site: Site,
    code: int | None,
    text: str | None,
    *,
    body: str | None = None,
    retry_after_s: int | None = None,
) -> HttpResponse:
    """An error in the form of this venue; what is not given is what the venue says with that status or code."""
    if body is None:
        told = _binance if site.venue.startswith("binance") else _ftx
        body = json.dumps(told(status, site, code, text, retry_after_s), separators=(",", ":"))
    headers = () if retry_after_s is None else (("Retry-After", str(retry_after_s)),)
    return HttpResponse.json(body, status=status, headers=headers)


def _binance(
    status: int, site: Site, code: int | None, text: str | None, retry_after_s: int | None
) -> Mapping[str, object]:
    code = _USUAL_CODE.get(status, -1000) if code is None else code
    until_ms = site.now_ms + (BAN_S if retry_after_s is None else retry_after_s) * 1_000
    match code:
        case -1003 if status == _BANNED:
            usual = BANNED.format(until_ms)
        case -1003:
            usual = TOO_MUCH_WEIGHT.format(site.weight_per_minute)
        case -1015:
            usual = TOO_MANY_ORDERS.format(site.orders_per_10s)
        case _:
            theirs = SPOT_TEXTS if site.venue == "binance-spot" else {}
            usual = theirs.get(code) or TEXTS.get(code, TEXTS[-1000])
    return {"code": code, "msg": usual if text is None else text}


def _ftx(
    status: int, site: Site, code: int | None, text: str | None, retry_after_s: int | None
) -> Mapping[str, object]:
    usual = FTX_BY_CODE.get(code or 0) or FTX_BY_STATUS.get(status, FTX_BY_STATUS[500])
    return {"success": False, "error": usual if text is None else text}
