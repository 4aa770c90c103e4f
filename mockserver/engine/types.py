"""The values of the engine, all importable from here: instruments, commands, snapshots, replies and events.

Units: prices are whole ticks, quantities whole steps of their instrument; amounts of an asset are *atoms* of 1e-8; fee
rates are whole 1e-8 (0.1 % is 100_000); times are nanoseconds since 1970. ``Instrument`` converts to and from Decimal,
exactly. A fee is positive when it costs and negative when the venue pays a rebate. Absence is None.

Every value is frozen. This module holds no behaviour: matching is in ``engine.py``.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from mockserver.engine.commands import (
    HOUSE,
    Amend,
    Cancel,
    CancelAlgo,
    CancelAll,
    CancelList,
    Command,
    Deposit,
    Expire,
    Fill,
    ForceClose,
    MoveMargin,
    Place,
    PlaceAlgo,
    PlaceList,
    SetTerms,
    Tags,
    TriggerAlgo,
    TriggerOrder,
)
from mockserver.engine.enums import (
    AlgoStatus,
    BalanceCause,
    Kind,
    ListChange,
    ListKind,
    OnCross,
    OrderChange,
    OrderStatus,
    OrderType,
    PositionSide,
    Reason,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerWhen,
)
from mockserver.engine.instrument import (
    ATOMS,
    MOST_ATOMS,
    FeeRule,
    Instrument,
    InstrumentKind,
    atoms_to_decimal,
    decimal_to_atoms,
)
from mockserver.engine.triggers import Trigger
from mockserver.engine.views import (
    AlgoOrder,
    Amendment,
    Balance,
    Execution,
    MarginMove,
    OrderList,
    OrderView,
    Position,
    Prevention,
    PublicTrade,
    Reject,
)

__all__ = [
    "ATOMS",
    "HOUSE",
    "MOST_ATOMS",
    "AlgoEvent",
    "AlgoOrder",
    "AlgoStatus",
    "Amend",
    "Amendment",
    "Balance",
    "BalanceCause",
    "BalanceEvent",
    "Cancel",
    "CancelAlgo",
    "CancelAll",
    "CancelList",
    "Command",
    "Deposit",
    "Depth",
    "Event",
    "Execution",
    "Expire",
    "FeeRule",
    "Fill",
    "ForceClose",
    "Instrument",
    "InstrumentKind",
    "Kind",
    "ListChange",
    "ListEvent",
    "ListKind",
    "MarginMove",
    "MoveMargin",
    "OnCross",
    "OrderChange",
    "OrderEvent",
    "OrderList",
    "OrderStatus",
    "OrderType",
    "OrderView",
    "Place",
    "PlaceAlgo",
    "PlaceList",
    "Position",
    "PositionEvent",
    "PositionSide",
    "Prevention",
    "PublicTrade",
    "Reason",
    "Reject",
    "RejectReason",
    "Reply",
    "Result",
    "SelfTrade",
    "SetTerms",
    "Side",
    "Tags",
    "TimeInForce",
    "TradeEvent",
    "Trigger",
    "TriggerAlgo",
    "TriggerOrder",
    "TriggerWhen",
    "atoms_to_decimal",
    "decimal_to_atoms",
]


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """What the client that sent the command learns: either a reject, or snapshots after the whole command."""

    order: OrderView | None = None
    orders: tuple[OrderView, ...] = ()
    """The orders a CancelAll cancelled, or all of a list; of a new list as the first order left them."""
    order_list: OrderList | None = None
    """The list that was placed, or cancelled with one of its orders."""
    executions: tuple[Execution, ...] = ()
    """The executions of ``order``, or of the first of ``orders``, made by this command."""
    algo: AlgoOrder | None = None
    request_id: str | None = None
    """The id of the cancel request, given or made."""
    execution_id: int | None = None
    """Of the last OrderEvent about ``order`` (the spot amend answers with it)."""
    preventions: tuple[Prevention, ...] = ()
    """The matches of ``order`` with the account's own orders that this command did not make."""
    reject: Reject | None = None


@attrs.frozen(slots=True, kw_only=True)
class OrderEvent:
    """An order changed. ``order`` is the snapshot right after this change, not after the whole command."""

    seq: int
    time_ns: int
    change: OrderChange
    order: OrderView
    execution_id: int
    """Rises by instrument (or globally), with holes."""
    execution: Execution | None = None
    cancel_request_id: str | None = None
    previous_client_id: str | None = None
    """Of an AMENDED whose client id changed."""
    prevention: Prevention | None = None
    """Of a PREVENTED, and of an EXPIRED for SELF_TRADE: the match that would have been."""
    refused: RejectReason | None = None
    """Of a REJECTED."""

    @property
    def account(self) -> str:
        """Whose order it is."""
        return self.order.account


@attrs.frozen(slots=True, kw_only=True)
class BalanceEvent:
    """Balances of one account that this command touched (both assets of a spot instrument, moved or not).

    The house's balances and positions are not told: they change with every trade of a liquidity model.
    """

    seq: int
    time_ns: int
    account: str
    balances: tuple[Balance, ...]
    cause: BalanceCause
    delta: int | None = None
    """The amount that was moved in (or out: negative); for the cause ORDER what the house paid of a loss, if it did."""
    instrument: str | None = None
    """Of funding: the market that it is for."""


@attrs.frozen(slots=True, kw_only=True)
class PositionEvent:
    """A position changed; comes once per account and command, after the BalanceEvent."""

    seq: int
    time_ns: int
    account: str
    position: Position


@attrs.frozen(slots=True, kw_only=True)
class TradeEvent:
    """A trade happened, as the public hears it; comes before the two OrderEvents it caused."""

    seq: int
    time_ns: int
    trade: PublicTrade


@attrs.frozen(slots=True, kw_only=True)
class AlgoEvent:
    """A conditional order changed; TRIGGERED comes right before the child's own NEW."""

    seq: int
    time_ns: int
    account: str
    algo: AlgoOrder


@attrs.frozen(slots=True, kw_only=True)
class ListEvent:
    """A list of orders changed; comes after the OrderEvents it tells of."""

    seq: int
    time_ns: int
    account: str
    order_list: OrderList


Event: TypeAlias = OrderEvent | BalanceEvent | PositionEvent | TradeEvent | AlgoEvent | ListEvent


@attrs.frozen(slots=True)
class Result:
    """What one command did."""

    reply: Reply
    events: tuple[Event, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class Depth:
    """The book's levels, best first, as (ticks, steps); ``update_id`` rises with every change of the book."""

    instrument: str
    update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
