"""The values of the engine, all importable from here: instruments, commands, snapshots, replies and events.

Units: prices are whole ticks, quantities whole steps of their instrument; amounts of an asset are *atoms* of 1e-8; fee
rates are whole 1e-8 (0.1 % is 100_000); times are nanoseconds since 1970. ``Instrument`` converts to and from Decimal,
exactly. A fee is positive when it costs and negative when the venue pays a rebate. Absence is None.

Every value is frozen. This module holds no behaviour: matching is in ``engine.py``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import attrs

from mockserver.engine.commands import (
    HOUSE,
    Amend,
    Cancel,
    CancelAlgo,
    CancelAll,
    Command,
    Deposit,
    Expire,
    Fill,
    ForceClose,
    Place,
    PlaceAlgo,
    Tags,
    TriggerAlgo,
)
from mockserver.engine.enums import (
    AlgoStatus,
    BalanceCause,
    Kind,
    OnCross,
    OrderChange,
    OrderStatus,
    OrderType,
    Reason,
    RejectReason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerWhen,
)
from mockserver.engine.instrument import (
    ATOMS,
    FeeRule,
    Instrument,
    InstrumentKind,
    atoms_to_decimal,
    decimal_to_atoms,
)

__all__ = [
    "ATOMS",
    "HOUSE",
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
    "OnCross",
    "OrderChange",
    "OrderEvent",
    "OrderStatus",
    "OrderType",
    "OrderView",
    "Place",
    "PlaceAlgo",
    "Position",
    "PositionEvent",
    "Prevention",
    "PublicTrade",
    "Reason",
    "Reject",
    "RejectReason",
    "Reply",
    "Result",
    "SelfTrade",
    "Side",
    "Tags",
    "TimeInForce",
    "TradeEvent",
    "TriggerAlgo",
    "TriggerWhen",
    "atoms_to_decimal",
    "decimal_to_atoms",
]


@attrs.frozen(slots=True, kw_only=True)
class OrderView:
    """A snapshot of one order after a change. ``filled_quote`` is in quote atoms; ``quantity`` and ``filled`` in steps.

    For a quote-sized order ``quantity`` is what its amount could buy when it came.
    """

    account: str
    instrument: str
    order_id: int
    client_id: str | None
    side: Side
    type: OrderType
    tif: TimeInForce
    price: int | None
    quantity: int
    quote_amount: int | None
    filled: int
    filled_quote: int
    status: OrderStatus
    reason: Reason | None
    post_only: bool
    reduce_only: bool
    self_trade: SelfTrade
    kind: Kind
    created_ns: int
    updated_ns: int
    working_ns: int
    """When it went to work; later than its creation only for orders that wait first."""
    tags: Tags
    prevented_id: int | None = None
    """Of the prevented match that ended it."""

    @property
    def remaining(self) -> int:
        """Steps not filled (also of an order that has ended)."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status.is_open

    @property
    def on_book(self) -> bool:
        """Whether it stands in the book, or will if the command that made it leaves something of it."""
        return self.is_open and self.type is OrderType.LIMIT and self.tif is TimeInForce.GTC


@attrs.frozen(slots=True, kw_only=True)
class Execution:
    """One side of one trade. A self-trade is two of these with one ``trade_id``."""

    account: str
    instrument: str
    order_id: int
    client_id: str | None
    trade_id: int
    fill_id: int
    """Own id of this side (FTX calls it the fill's id)."""
    side: Side
    price: int
    quantity: int
    quote: int
    """Price times quantity in quote atoms."""
    fee: int
    """Atoms of ``fee_asset``; negative is a rebate."""
    fee_asset: str
    fee_rate: int
    maker: bool
    kind: Kind
    realized: int
    """Profit realised by this side, in atoms of the settlement asset; 0 on spot."""
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class Amendment:
    """One change of an order's terms, as the history tells it."""

    account: str
    instrument: str
    order_id: int
    execution_id: int
    old_client_id: str | None
    new_client_id: str | None
    old_quantity: int
    new_quantity: int
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class Prevention:
    """A match of two orders of one account that did not happen; the quantities are what was open of those it ended."""

    account: str
    instrument: str
    prevented_id: int
    taker_order_id: int
    maker_order_id: int
    mode: SelfTrade
    price: int
    taker_quantity: int | None
    maker_quantity: int | None
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class PublicTrade:
    """One trade as the public sees it; ``taker_side`` is the side that took."""

    instrument: str
    trade_id: int
    price: int
    quantity: int
    quote: int
    taker_side: Side
    kind: Kind
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class Balance:
    """One asset of one account, in atoms. ``free + locked`` is all there is (a PERP wallet locks nothing)."""

    asset: str
    free: int
    locked: int

    @property
    def total(self) -> int:
        """Free and locked together."""
        return self.free + self.locked


@attrs.frozen(slots=True, kw_only=True)
class Position:
    """A one-way cross position: signed steps, and the signed quote atoms that were paid for what is still open."""

    account: str
    instrument: str
    quantity: int
    entry_quote: int
    realized: int
    """Profit realised so far, before fees."""


@attrs.frozen(slots=True, kw_only=True)
class AlgoOrder:
    """A snapshot of one conditional order."""

    algo_id: int
    client_id: str | None
    child: Place
    trigger_price: Decimal
    when: TriggerWhen
    status: AlgoStatus
    child_order_id: int | None
    reject: Reject | None
    created_ns: int
    updated_ns: int
    triggered_ns: int | None
    tags: Tags


@attrs.frozen(slots=True)
class Reject:
    """Why a command was refused; the face finds the venue's words for it."""

    reason: RejectReason
    detail: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """What the client that sent the command learns: either a reject, or snapshots after the whole command."""

    order: OrderView | None = None
    orders: tuple[OrderView, ...] = ()
    """The orders a CancelAll cancelled."""
    executions: tuple[Execution, ...] = ()
    """The executions of ``order`` made by this command."""
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
    """Of an EXPIRED for SELF_TRADE: the match that would have been."""

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
    """The amount that was moved in (or out: negative), for every cause but ORDER."""


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


Event: TypeAlias = OrderEvent | BalanceEvent | PositionEvent | TradeEvent | AlgoEvent


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
