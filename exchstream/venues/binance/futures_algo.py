"""Binance USD-margined futures' conditional orders: algo orders since 2025-12-09, whose ids are a space of their own.

What of one executes is an ordinary child order, named in `child_order_id`: its updates and fills are told of the
child, so an algo order's own filled quantity stays 0.
Sources: the page "Event: Algo Order Update" and the REST pages of the algo service.
"""

from __future__ import annotations

from typing import Final

import msgspec

from exchstream.core.venue import Meaning, OrderView
from exchstream.model import End, OrderKey, OrderKind, OrderState, OrderType, Stage, TimeInForce
from exchstream.venues.binance.futures_facts import TIMES_IN_FORCE, TRAILING, TYPES
from exchstream.venues.binance.paging import Row
from exchstream.venues.binance.wire import MILLI, POSITION_SIDES, SIDES, Id, Millis, Odd, amount_term, term
from exchstream.venues.numbers import amount, positive_or_none

ALGO_STAGES: Final = {"NEW": Stage.NEW, "TRIGGERING": Stage.TRIGGERED, "TRIGGERED": Stage.TRIGGERED}
ALGO_ENDS: Final = {"CANCELED": End.CANCELED, "EXPIRED": End.EXPIRED, "REJECTED": End.REJECTED}


class Algo(
    msgspec.Struct,
    frozen=True,
    rename={
        "symbol": "s",
        "algo_id": "aid",
        "client_id": "caid",
        "status": "X",
        "type": "o",
        "side": "S",
        "position_side": "ps",
        "time_in_force": "f",
        "quantity": "q",
        "price": "p",
        "trigger_price": "tp",
        "child_id": "ai",
        "child_average": "ap",
        "child_filled": "aq",
        "reduce_only": "R",
        "reason": "rm",
    },
):
    """The conditional order in an ALGO_UPDATE; what of it executes is told of its child."""

    symbol: str
    algo_id: Id
    status: str
    side: str
    type: str
    client_id: str | None = None
    position_side: str | None = None
    time_in_force: str | None = None
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    child_id: int | str | None = None
    child_average: str | None = None
    child_filled: str | None = None
    reduce_only: bool | None = None
    reason: str | None = None


class AlgoUpdate(msgspec.Struct, frozen=True, tag_field="e", tag="ALGO_UPDATE"):
    """A new state of a conditional order."""

    o: Algo
    T: Millis


class AlgoRow(msgspec.Struct, frozen=True, rename="camel"):
    """The same as `algoOrder`, `openAlgoOrders` and `allAlgoOrders` tell it."""

    symbol: str
    algo_id: Id
    algo_status: str
    side: str
    order_type: str
    create_time: Millis
    update_time: Millis | None = None
    client_algo_id: str | None = None
    position_side: str | None = None
    time_in_force: str | None = None
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    actual_order_id: int | str | None = None
    actual_price: str | None = None
    actual_qty: str | None = None
    reduce_only: bool | None = None

    def as_told(self) -> Algo:
        """The row in the words of the stream."""
        return Algo(
            symbol=self.symbol,
            algo_id=self.algo_id,
            status=self.algo_status,
            side=self.side,
            type=self.order_type,
            client_id=self.client_algo_id,
            position_side=self.position_side,
            time_in_force=self.time_in_force,
            quantity=self.quantity,
            price=self.price,
            trigger_price=self.trigger_price,
            child_id=self.actual_order_id,
            child_average=self.actual_price,
            child_filled=self.actual_qty,
            reduce_only=self.reduce_only,
        )


ALGO_ROW: Final = msgspec.json.Decoder(AlgoRow)


def algo_order(order: Algo, time_ns: int, raw: bytes) -> list[Meaning]:
    """A conditional order.  It executes nothing itself: its child's updates and fills are told of the child."""
    odd = Odd()
    state = OrderState(
        key=OrderKey(order.symbol, str(order.algo_id), OrderKind.ALGO),
        stage=None if order.status in ALGO_ENDS or order.status == "FINISHED" else _algo_stage(order.status, odd),
        end=_finished(order) if order.status == "FINISHED" else ALGO_ENDS.get(order.status),
        reason=(order.reason or None) if order.status in ALGO_ENDS else None,
        price=amount_term(order.price, time_ns),
        quantity=amount_term(order.quantity, time_ns),  # 0 or empty where it closes a whole position
        stop_price=None if order.type == TRAILING else amount_term(order.trigger_price, time_ns),
        client_order_id=term(order.client_id, time_ns),
        side=odd.word(SIDES, order.side, "side", None),
        type=odd.word(TYPES, order.type, "order type", OrderType.UNKNOWN),
        time_in_force=odd.word(TIMES_IN_FORCE, order.time_in_force, "time in force", TimeInForce.UNKNOWN),
        reduce_only=order.reduce_only,
        position_side=odd.word(POSITION_SIDES, order.position_side, "position side", None),
        child_order_id=_child(order.child_id),
        updated_ns=time_ns,
    )
    return [OrderView(state, raw), *odd.strange("algo order", raw)]


def _algo_stage(status: str, odd: Odd) -> Stage | None:
    return odd.word(ALGO_STAGES, status, "algo status", None)


def _child(order_id: int | str | None) -> str | None:
    return None if order_id in (None, "", 0, "0") else str(order_id)


def _finished(order: Algo) -> End:
    """FINISHED says "filled *or cancelled* in the matching engine"; the child's quantity says which.

    FILLED if the child executed all that was wanted (anything, where a whole position was to be closed or the listing
    gives no quantity but a price), else CANCELED: the lesser claim, which a later view may still raise to FILLED.
    """
    if order.child_filled is None:
        return End.FILLED if positive_or_none(order.child_average) else End.CANCELED
    done, wanted = amount(order.child_filled), positive_or_none(order.quantity)
    return End.FILLED if done and (wanted is None or done >= wanted) else End.CANCELED


def algo_update(event: AlgoUpdate, raw: bytes) -> list[Meaning]:
    """A conditional order as the stream tells it.  Raises BadNumber."""
    return algo_order(event.o, event.T * MILLI, raw)


def algo_row(raw: bytes) -> Row:
    """One conditional order of a listing.  Raises what decoding raises."""
    row = ALGO_ROW.decode(raw)
    time_ns = (row.update_time or row.create_time) * MILLI
    return Row(row.algo_id, row.create_time, algo_order(row.as_told(), time_ns, raw))
