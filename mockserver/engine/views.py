"""Snapshots: orders, executions, lists, balances and positions as they are at a moment. Units as in ``instrument.py``.

Every value is frozen; no behaviour beyond what follows from its own fields.
"""

from __future__ import annotations

from decimal import Decimal

import attrs

from mockserver.engine.commands import Place, Tags
from mockserver.engine.enums import (
    AlgoStatus,
    Kind,
    ListChange,
    ListKind,
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
from mockserver.engine.triggers import Trigger


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
    working_ns: int | None
    """When it went to work; None while it waits for its trigger or for the first order of its list."""
    tags: Tags
    prevented_id: int | None = None
    """Of the last prevented match that took something off it."""
    prevented: int = 0
    """Steps that self-trade prevention took off it."""
    trigger: Trigger | None = None
    looking_ns: int | None = None
    """When its trigger began to follow the market; None if it does not."""
    list_id: int | None = None
    good_till_ns: int | None = None
    position_side: PositionSide = PositionSide.BOTH

    @property
    def reduces(self) -> bool:
        """Whether it may only make a position smaller."""
        return self.reduce_only or self.position_side.closes(self.side)

    @property
    def remaining(self) -> int:
        """Steps neither filled nor prevented (also of an order that has ended)."""
        return self.quantity - self.filled - self.prevented

    @property
    def waits(self) -> bool:
        """Whether it is open and does not work yet."""
        return self.is_open and self.working_ns is None

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status.is_open

    @property
    def on_book(self) -> bool:
        """Whether it stands in the book, or will if the command that made it leaves something of it."""
        resting = self.type is OrderType.LIMIT and self.tif is TimeInForce.GTC
        return self.is_open and not self.waits and resting


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
    position_side: PositionSide = PositionSide.BOTH


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
    """A match of two orders of one account that did not happen; the quantities are what each of the two lost by it."""

    account: str
    instrument: str
    prevented_id: int
    taker_order_id: int
    maker_order_id: int
    mode: SelfTrade
    price: int
    quantity: int
    """Steps that would have traded."""
    taker_quantity: int | None
    maker_quantity: int | None
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class OrderList:
    """A snapshot of one order list; its orders in the order in which they were given."""

    account: str
    instrument: str
    list_id: int
    client_id: str | None
    kind: ListKind
    order_ids: tuple[int, ...]
    client_ids: tuple[str | None, ...]
    is_done: bool
    """Whether none of its orders is open."""
    change: ListChange
    """The last that was told of it."""
    created_ns: int
    updated_ns: int


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
    """One asset of one account, in atoms. ``free + locked`` is all there is.

    A PERP wallet locks nothing but what stands behind isolated positions: ``free`` is what the others share.
    """

    asset: str
    free: int
    locked: int

    @property
    def total(self) -> int:
        """Free and locked together."""
        return self.free + self.locked


@attrs.frozen(slots=True, kw_only=True)
class Position:
    """A position: signed steps, and the signed quote atoms that were paid for what is still open."""

    account: str
    instrument: str
    quantity: int
    entry_quote: int
    realized: int
    """Profit realised so far, before fees."""
    side: PositionSide = PositionSide.BOTH
    wallet: int = 0
    """What of the account's cash stands behind this position alone, in atoms; 0 where the margin is cross."""


@attrs.frozen(slots=True, kw_only=True)
class MarginMove:
    """Cash that went to stand behind an isolated position, or (negative) came back."""

    instrument: str
    side: PositionSide
    amount: int
    by_trade: bool
    """Or because the account asked for it."""
    time_ns: int


@attrs.frozen(slots=True, kw_only=True)
class AlgoOrder:
    """A snapshot of one conditional order."""

    algo_id: int
    client_id: str | None
    child: Place
    trigger: Trigger
    status: AlgoStatus
    child_order_id: int | None
    reject: Reject | None
    created_ns: int
    updated_ns: int
    triggered_ns: int | None
    tags: Tags

    @property
    def trigger_price(self) -> Decimal | None:
        """The price of its trigger."""
        return self.trigger.price

    @property
    def when(self) -> TriggerWhen:
        """On which side of its price the trigger lies."""
        return self.trigger.when


@attrs.frozen(slots=True)
class Reject:
    """Why a command was refused; the face finds the venue's words for it."""

    reason: RejectReason
    detail: str = ""
