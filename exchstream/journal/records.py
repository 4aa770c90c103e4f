"""Events and checkpoints as bytes for the journal's file, and back, losing nothing.

Unlike the JSON lines (`exchstream.jsonlines`), which show an order's state, a record keeps all of its registers and
versions: the joins go on after a restart as if there had been none.  The form is MessagePack, by field names, so that
a field with a default can be added without a new version of the file.  What has its default is left out, so a default
must never change.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from exchstream.core.balances import BalanceState
from exchstream.core.epochs import Era
from exchstream.core.ledger import Entry
from exchstream.errors import JournalError
from exchstream.events import AccountDown, Event, Fill, GapClosed, GapOpened, OrderUpdate, Unrecognized
from exchstream.model import End, FillKey, OrderKey, OrderState

ORDER_UPDATE: Final = 1
FILL: Final = 2
# The numbers stand in files: a new kind takes a new one.
KINDS: Final[dict[type, int]] = {
    OrderUpdate: ORDER_UPDATE,
    Fill: FILL,
    GapOpened: 3,
    GapClosed: 4,
    AccountDown: 5,
    Unrecognized: 6,
}


class _Order(msgspec.Struct, gc=False):
    key: OrderKey
    end: End | None = None
    created_ns: int | None = None
    updated_ns: int | None = None


class _Update(msgspec.Struct, gc=False):
    state: _Order
    epoch: int = 0


class _Execution(msgspec.Struct, gc=False):
    venue_symbol: str
    trade_id: str
    order_id: str
    quantity: Decimal
    time_ns: int


class _Fill(msgspec.Struct, gc=False):
    execution: _Execution
    epoch: int = 0


encode: Final = msgspec.msgpack.Encoder().encode
_DECODERS: Final[dict[int, msgspec.msgpack.Decoder[Any]]] = {
    number: msgspec.msgpack.Decoder(kind) for kind, number in KINDS.items()
}
# A part of a record, where there are very many to look through: a restart.
_UPDATE: Final = msgspec.msgpack.Decoder(_Update)
_FILL: Final = msgspec.msgpack.Decoder(_Fill)
_STATE: Final = msgspec.msgpack.Decoder(OrderState)
_ERAS: Final = msgspec.msgpack.Decoder(dict[str, Era])
_LATE: Final = msgspec.msgpack.Decoder(dict[str, int])
_BALANCES: Final = msgspec.msgpack.Decoder(BalanceState)


def decode(kind: int, payload: bytes) -> Event:
    """The event that was encoded.  Raises JournalError for bytes that are none."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise JournalError(f"a record of kind {kind}, which this version does not know: a newer one wrote it")
    event: Event = _decoded(decoder, payload, "a record")
    return event


def decode_order(payload: bytes) -> tuple[OrderKey, bool, int, int]:
    """Which order an encoded update is about, whether that has ended, its epoch, and when it changed.

    Raises JournalError for other bytes.
    """
    update = _decoded(_UPDATE, payload, "a record")
    state = update.state
    return state.key, state.end is not None, update.epoch, state.updated_ns or state.created_ns or 0


def decode_entry(payload: bytes) -> tuple[Entry, int]:
    """What the ledger needs of an encoded fill, and its epoch.  Raises JournalError for other bytes."""
    fill = _decoded(_FILL, payload, "a record")
    e = fill.execution
    return Entry(FillKey(e.venue_symbol, e.trade_id, e.order_id), e.quantity, e.time_ns), fill.epoch


def decode_state(payload: bytes) -> OrderState:
    """The order's state that was encoded.  Raises JournalError for bytes that are none."""
    state: OrderState = _decoded(_STATE, payload, "an open order")
    return state


def decode_balances(payload: bytes) -> BalanceState:
    """The balances that were encoded.  Raises JournalError for bytes that are none."""
    balances: BalanceState = _decoded(_BALANCES, payload, "an account's balances")
    return balances


def decode_eras(payload: bytes | None) -> dict[str, Era]:
    """The symbols' eras that were encoded; none where nothing was.  Raises JournalError for bytes that are none."""
    eras: dict[str, Era] = {} if payload is None else _decoded(_ERAS, payload, "the symbols' eras")
    return eras


def decode_late(payload: bytes | None) -> dict[str, int]:
    """Since when these symbols are known; none where nothing was encoded.  Raises JournalError."""
    late: dict[str, int] = {} if payload is None else _decoded(_LATE, payload, "since when symbols are known")
    return late


def _decoded(decoder: msgspec.msgpack.Decoder[Any], payload: bytes, what: str) -> Any:
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise JournalError(f"{what} of the journal cannot be read: {error}") from error


def at_ns(event: Event) -> int:
    """When an event was told, roughly, by the venue's clock."""
    if isinstance(event, (OrderUpdate, Fill, Unrecognized)):
        return event.received_ns
    match event:
        case GapOpened(since_ns=since_ns):
            return since_ns
        case GapClosed(until_ns=until_ns):
            return until_ns
    return 0
