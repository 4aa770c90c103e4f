"""USD-M's calls about the margin of isolated positions: more of it, less of it, and what was moved when.

Pages "Modify Isolated Position Margin" and "Get Position Margin Change History" (2025-11); the codes are those of the
error page and of clients' reports: where there is no position, adding is -4054 and reducing -4051, also in hedge mode
for who names no side (Binance_Futures_python issue 150). `TRADE` rows, and the sign of what came back, are as a client
saw them in 2020.
What this module does not do: the auto-add of margin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from mockserver.engine.types import MoveMargin, PositionSide, RejectReason, decimal_to_atoms
from mockserver.faces.binance import errors, paging, placing
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.routes import Call

MOVE_NAMES: Final = "symbol positionSide amount type"
HISTORY_NAMES: Final = "symbol type startTime endTime limit"
ADD, REDUCE = 1, 2
KEPT_HOURS: Final = 30 * 24  # "histories that are not older than 30 days"
DEFAULT_ROWS: Final = 500
MAX_ROWS: Final = 1_000  # clients' belief; the page names none

_COMMON: Final[Mapping[RejectReason, Refusal]] = {RejectReason.NOT_ISOLATED: errors.MARGIN_OF_CROSS}
_ADD: Final[Mapping[RejectReason, Refusal]] = {
    **_COMMON,
    RejectReason.NO_POSITION: errors.MARGIN_WITHOUT_POSITION,
    RejectReason.POSITION_SIDE: errors.MARGIN_WITHOUT_POSITION,
    RejectReason.INSUFFICIENT_BALANCE: errors.CROSS_BALANCE_INSUFFICIENT,
}
_REDUCE: Final[Mapping[RejectReason, Refusal]] = {
    **_COMMON,
    RejectReason.NO_POSITION: errors.ISOLATED_BALANCE_INSUFFICIENT,
    RejectReason.POSITION_SIDE: errors.ISOLATED_BALANCE_INSUFFICIENT,
    RejectReason.INSUFFICIENT_BALANCE: errors.ISOLATED_BALANCE_INSUFFICIENT,
}


def move(call: Call) -> object:
    """Let more or less of the wallet stand behind an isolated position; the streams hear of it."""
    instrument, params = call.instrument(), call.params
    params.need("amount")
    params.need("type")
    kind, amount = _kind(call), params.number("amount")
    assert amount is not None
    if not amount:
        raise Refused(errors.AMOUNT_NOT_POSITIVE)
    try:
        atoms = decimal_to_atoms(amount)
    except ValueError:
        raise Refused(errors.too_precise("amount")) from None
    reply = call.exchange.submit(
        MoveMargin(
            account=call.account,
            instrument=instrument.name,
            amount=atoms if kind == ADD else -atoms,
            position_side=_side(call),
        )
    )
    if reply.reject is not None:
        raise placing.refused(_ADD if kind == ADD else _REDUCE, reply.reject)
    # A JSON number; written as text, so that no float is made.
    number = views.amount(atoms)
    told = msgspec.Raw((number if "." in number else f"{number}.0").encode())
    return {"amount": told, "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def history(call: Call) -> object:
    """Tell what was moved, by trades and by the account, oldest first."""
    instrument, limit, kind = call.instrument(), call.limit(DEFAULT_ROWS, MAX_ROWS), _kind(call)
    span = paging.span(call.params, KEPT_HOURS)
    first_ns = max(span.start_ns or 0, call.now_ns - KEPT_HOURS * paging.HOUR_NS)
    rows = [
        each
        for each in call.exchange.engine.margin_moves(call.account, call.as_of_ns)
        if each.instrument == instrument.name and each.time_ns >= first_ns
        if span.end_ns is None or each.time_ns <= span.end_ns
        if kind in (None, ADD if each.amount > 0 else REDUCE)
    ]
    return [
        {
            "symbol": each.instrument,
            "type": ADD if each.amount > 0 else REDUCE,
            "deltaType": "TRADE" if each.by_trade else "USER_ADJUST",
            "amount": views.amount(each.amount),
            "asset": instrument.cash,
            "time": call.at(each.time_ns),
            "positionSide": each.side.value,
        }
        for each in paging.page(rows, limit, oldest=span.oldest)
    ]


def _kind(call: Call) -> int | None:
    kind = call.params.integer("type")
    if kind not in (None, ADD, REDUCE):
        raise Refused(errors.not_valid("type"))
    return kind


def _side(call: Call) -> PositionSide:
    try:
        return PositionSide(call.params.text("positionSide") or "BOTH")
    except ValueError:
        raise Refused(errors.BAD_POSITION_SIDE) from None
