"""Events as JSON lines: one object per event, without a newline inside, and back.

The form is version 1 and documented in docs/events.md: `event` names the class, the other names are the attributes of
the event.  Decimals are texts, enums their values, times integers, absence is null.  An order's registers and
versions do not survive, what can be seen of it does: `from_json(to_json(event)) == event`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import asdict, replace

from exchstream.events import (
    AccountDown,
    DownReason,
    Event,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Scope,
    Unrecognized,
    Unresolved,
)
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKind,
    Liquidity,
    OrderKey,
    OrderKind,
    OrderState,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    Stage,
    Term,
    TimeInForce,
    V,
)

VERSION: Final[Literal[1]] = 1


class _Base64(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base64: str


_Raw: TypeAlias = str | _Base64


class _Line(msgspec.Struct, kw_only=True, tag_field="event"):
    v: Literal[1]
    venue: str
    account: str
    position: int


class _OrderUpdate(_Line, kw_only=True, tag="order_update"):
    symbol: str | None
    venue_symbol: str
    order_id: str
    order_kind: OrderKind
    client_order_id: str | None
    status: OrderStatus
    reason: str | None
    side: Side | None
    type: OrderType | None
    time_in_force: TimeInForce | None
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal | None
    filled_quantity: Decimal
    average_price: Decimal | None
    quote_quantity: Decimal | None
    reduce_only: bool | None
    position_side: PositionSide | None
    child_order_id: str | None
    created_ns: int | None
    updated_ns: int | None
    received_ns: int
    recovered: bool
    raw: _Raw
    epoch: int = 0


class _Fill(_Line, kw_only=True, tag="fill"):
    symbol: str | None
    venue_symbol: str
    trade_id: str
    order_id: str
    client_order_id: str | None
    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal | None
    fee: Decimal | None
    fee_asset: str | None
    liquidity: Liquidity | None
    kind: FillKind
    position_side: PositionSide | None
    time_ns: int
    received_ns: int
    recovered: bool
    raw: _Raw
    epoch: int = 0


class _GapOpened(_Line, kw_only=True, tag="gap_opened"):
    since_ns: int
    reason: GapReason
    detail: str


class _GapClosed(_Line, kw_only=True, tag="gap_closed"):
    since_ns: int
    until_ns: int
    scope: Scope
    complete: bool
    unresolved: tuple[Unresolved, ...]
    recovered: int


class _AccountDown(_Line, kw_only=True, tag="account_down"):
    reason: DownReason
    detail: str


class _Unrecognized(_Line, kw_only=True, tag="unrecognized"):
    what: str
    received_ns: int
    raw: _Raw


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_OrderUpdate | _Fill | _GapOpened | _GapClosed | _AccountDown | _Unrecognized)
_PLAIN: Final[dict[type, Callable[..., _Line]]] = {
    GapOpened: _GapOpened,
    GapClosed: _GapClosed,
    AccountDown: _AccountDown,
}
_STAGES: Final = {
    OrderStatus.PENDING_NEW: Stage.PENDING_NEW,
    OrderStatus.NEW: Stage.NEW,
    OrderStatus.TRIGGERED: Stage.TRIGGERED,
}
_ENDS: Final = {
    OrderStatus.REJECTED: End.REJECTED,
    OrderStatus.EXPIRED: End.EXPIRED,
    OrderStatus.CANCELED: End.CANCELED,
    OrderStatus.FILLED: End.FILLED,
}


def to_json(event: Event) -> bytes:
    """One event as one JSON object, in UTF-8 and without a newline."""
    return _ENCODER.encode(_line(event))


def from_json(line: bytes) -> Event:
    """The event that `to_json` wrote.  Raises ValueError for anything else, another version included."""
    try:
        return _event(_DECODER.decode(line))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not an event of version {VERSION}: {error}") from error


def _line(event: Event) -> _Line:
    match event:
        case OrderUpdate():
            return _order_line(event)
        case Fill():
            return _fill_line(event)
        case GapOpened() | AccountDown() | GapClosed():
            return _PLAIN[type(event)](v=VERSION, **asdict(event))
        case Unrecognized():
            fields = asdict(event) | {"raw": _raw_text(event.raw)}
            return _Unrecognized(v=VERSION, **fields)


def _order_line(event: OrderUpdate) -> _OrderUpdate:
    state = event.state
    return _OrderUpdate(
        v=VERSION,
        venue=event.venue,
        account=event.account,
        position=event.position,
        symbol=event.symbol,
        venue_symbol=state.key.venue_symbol,
        order_id=state.key.order_id,
        order_kind=state.key.kind,
        client_order_id=event.client_order_id,
        status=state.status,
        reason=state.reason,
        side=state.side,
        type=state.type,
        time_in_force=state.time_in_force,
        price=event.price,
        stop_price=event.stop_price,
        quantity=event.quantity,
        filled_quantity=state.cumulative.filled,
        average_price=state.cumulative.average,
        quote_quantity=state.cumulative.quote,
        reduce_only=state.reduce_only,
        position_side=state.position_side,
        child_order_id=state.child_order_id,
        created_ns=state.created_ns,
        updated_ns=state.updated_ns,
        received_ns=event.received_ns,
        recovered=event.recovered,
        raw=_raw_text(event.raw),
        epoch=event.epoch,
    )


def _fill_line(event: Fill) -> _Fill:
    execution = event.execution
    return _Fill(
        v=VERSION,
        venue=event.venue,
        account=event.account,
        position=event.position,
        symbol=event.symbol,
        venue_symbol=execution.venue_symbol,
        trade_id=execution.trade_id,
        order_id=execution.order_id,
        client_order_id=execution.client_order_id,
        side=execution.side,
        price=execution.price,
        quantity=execution.quantity,
        quote_quantity=execution.quote_quantity,
        fee=execution.fee,
        fee_asset=execution.fee_asset,
        liquidity=execution.liquidity,
        kind=execution.kind,
        position_side=execution.position_side,
        time_ns=execution.time_ns,
        received_ns=event.received_ns,
        recovered=event.recovered,
        raw=_raw_text(event.raw),
        epoch=event.epoch,
    )


def _event(line: object) -> Event:
    match line:
        case _OrderUpdate():
            return _order_update(line)
        case _Fill():
            return _fill(line)
        case _GapOpened():
            return GapOpened(**_fields(line))
        case _GapClosed():
            return GapClosed(**_fields(line))
        case _AccountDown():
            return AccountDown(**_fields(line))
        case _Unrecognized():
            return Unrecognized(**_fields(line) | {"raw": _raw_bytes(line.raw)})
    raise AssertionError(f"the decoder made a {type(line).__name__}")


def _cumulative(line: _OrderUpdate) -> Cumulative:
    """As the venue told it: an average that follows from the rest was not told."""
    derived = Cumulative(line.filled_quantity, quote=line.quote_quantity)
    return derived if derived.average == line.average_price else replace(derived, told_average=line.average_price)


def _order_update(line: _OrderUpdate) -> OrderUpdate:
    _finite((line.filled_quantity, line.average_price, line.quote_quantity, line.price, line.stop_price, line.quantity))
    state = OrderState(
        key=OrderKey(line.venue_symbol, line.order_id, line.order_kind),
        stage=_STAGES.get(line.status),
        end=_ENDS.get(line.status),
        reason=line.reason,
        cumulative=_cumulative(line),
        price=_term(line.price),
        quantity=_term(line.quantity),
        stop_price=_term(line.stop_price),
        client_order_id=_term(line.client_order_id),
        side=line.side,
        type=line.type,
        time_in_force=line.time_in_force,
        reduce_only=line.reduce_only,
        position_side=line.position_side,
        child_order_id=line.child_order_id,
        created_ns=line.created_ns,
        updated_ns=line.updated_ns,
    )
    if state.status is not line.status:
        raise ValueError(f"status {line.status.value!r} with {line.filled_quantity} filled contradict each other")
    return OrderUpdate(
        venue=line.venue,
        account=line.account,
        position=line.position,
        symbol=line.symbol,
        received_ns=line.received_ns,
        recovered=line.recovered,
        raw=_raw_bytes(line.raw),
        epoch=line.epoch,
        state=state,
    )


def _fill(line: _Fill) -> Fill:
    _finite((line.price, line.quantity, line.quote_quantity, line.fee))
    execution = Execution(
        venue_symbol=line.venue_symbol,
        trade_id=line.trade_id,
        order_id=line.order_id,
        side=line.side,
        price=line.price,
        quantity=line.quantity,
        time_ns=line.time_ns,
        quote_quantity=line.quote_quantity,
        fee=line.fee,
        fee_asset=line.fee_asset,
        liquidity=line.liquidity,
        kind=line.kind,
        client_order_id=line.client_order_id,
        position_side=line.position_side,
    )
    return Fill(
        venue=line.venue,
        account=line.account,
        position=line.position,
        symbol=line.symbol,
        received_ns=line.received_ns,
        recovered=line.recovered,
        raw=_raw_bytes(line.raw),
        epoch=line.epoch,
        execution=execution,
    )


def _fields(line: _Line) -> dict[str, Any]:
    fields = msgspec.structs.asdict(line)
    del fields["v"]
    return fields


def _term(value: V | None) -> Term[V] | None:
    return None if value is None else Term(value)


def _finite(numbers: Iterable[Decimal | None]) -> None:
    for number in numbers:
        if number is not None and not number.is_finite():
            raise ValueError(f"{number} is no amount")


def _raw_text(raw: bytes) -> _Raw:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _Base64(base64.b64encode(raw).decode())


def _raw_bytes(raw: _Raw) -> bytes:
    return raw.encode() if isinstance(raw, str) else base64.b64decode(raw.base64, validate=True)
