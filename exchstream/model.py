"""What an order and an execution are, and the laws by which two views of one order join.

An `OrderState` is a product of registers, each with its own maximum, so `join` is commutative,
associative and idempotent: the same facts give the same state in whatever order, and however often,
they arrive.  Status is derived from the registers, never stored.  Executions never feed `filled`:
orders and executions are two ledgers, and that they agree is checked, not assumed.

This module decodes nothing and knows no venue; it says what the words mean, once, for all of them.
"""

from __future__ import annotations

from decimal import Context, Decimal
from enum import Enum, IntEnum
from typing import Final, Generic, TypeVar

import attrs
import msgspec
from msgspec.structs import replace


class Side(Enum):
    """The side of the account's own order."""

    BUY = "buy"
    SELL = "sell"


class OrderType(Enum):
    """What the order asks for, in ccxt's words; UNKNOWN for a type that we have no word for."""

    LIMIT = "limit"
    MARKET = "market"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    TRAILING_STOP = "trailing_stop"
    LIQUIDATION = "liquidation"
    UNKNOWN = "unknown"


class TimeInForce(Enum):
    """How long the order works; PO is post-only (Binance LIMIT_MAKER and GTX, FTX postOnly)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"
    PO = "PO"
    UNKNOWN = "unknown"


class PositionSide(Enum):
    """The position that the order belongs to in hedge mode; BOTH in one-way mode."""

    BOTH = "both"
    LONG = "long"
    SHORT = "short"


class OrderStatus(Enum):
    """Where an order stands; derived from the registers of `OrderState`."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRIGGERED = "triggered"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """True when the order can never work again (a late fill may still raise its quantity)."""
        return self in _FINAL


_FINAL: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class Liquidity(Enum):
    """Whether the execution made or took liquidity."""

    MAKER = "maker"
    TAKER = "taker"


class FillKind(Enum):
    """Why the execution happened; only TRADE was asked for by an order of yours."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"
    OTC = "otc"


class OrderKind(Enum):
    """The id space of an order: Binance's algo orders count from their own zero."""

    ORDER = "order"
    ALGO = "algo"

    # It is part of every order's key; Enum's own hash runs as Python code, and members are one of a kind anyway.
    __hash__ = object.__hash__


class OrderKey(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, cache_hash=True):
    """Names one order of one account, for ever; client ids repeat and identify nothing."""

    venue_symbol: str
    order_id: str
    kind: OrderKind = OrderKind.ORDER


class FillKey(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """Names one execution; the order id is in it because a self-trade is two executions of one trade."""

    venue_symbol: str
    trade_id: str
    order_id: str


class Stage(IntEnum):
    """How far a working order has come; an order never goes back."""

    PENDING_NEW = 0
    NEW = 1
    TRIGGERED = 2


class End(IntEnum):
    """How an order ended.  The order of the members is the join: a later one sharpens an earlier one."""

    REJECTED = 1
    EXPIRED = 2
    CANCELED = 3
    FILLED = 4


_STAGE_STATUS: Final = {
    Stage.PENDING_NEW: OrderStatus.PENDING_NEW,
    Stage.NEW: OrderStatus.NEW,
    Stage.TRIGGERED: OrderStatus.TRIGGERED,
}
_END_STATUS: Final = {
    End.REJECTED: OrderStatus.REJECTED,
    End.EXPIRED: OrderStatus.EXPIRED,
    End.CANCELED: OrderStatus.CANCELED,
    End.FILLED: OrderStatus.FILLED,
}
ZERO: Final = Decimal(0)
_DIVISION: Final = Context(prec=28, traps=[])  # whatever the context of the user's own thread


class Cumulative(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What has been executed of an order so far; compared by `rank`, most filled first.

    `told_average` is the mean price where it is that which the venue tells, and not the quote quantity.
    """

    filled: Decimal = ZERO
    told_average: Decimal | None = None
    quote: Decimal | None = None

    @property
    def average(self) -> Decimal | None:
        """The mean price, to 28 digits where it has to be divided; None where nobody knows it."""
        if self.told_average is not None or self.quote is None or not self.filled:
            return self.told_average
        return _DIVISION.divide(self.quote, self.filled)

    @property
    def rank(self) -> tuple[Decimal, bool, Decimal, bool, Decimal]:
        """The total order of this register: filled, then the better known average and quote."""
        average, quote = self.told_average, self.quote
        return (self.filled, average is not None, average or ZERO, quote is not None, quote or ZERO)


V = TypeVar("V")


class Term(msgspec.Struct, Generic[V], frozen=True, array_like=True, gc=False):
    """A changeable term of an order: the venue's time (ns) and execution id (-1: none) say which value is newest.

    A venue whose orders never change under one id (FTX) leaves both at their defaults.
    """

    value: V
    time_ns: int = 0
    execution_id: int = -1

    @property
    def rank(self) -> tuple[int, int, V]:
        """The total order of this register."""
        return (self.time_ns, self.execution_id, self.value)


T = TypeVar("T")


class OrderState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """All that is known of one order; an element of a join-semilattice whose bottom is "nothing known".

    Quantities are in base units (contracts' base for linear futures), prices in quote per base, times in UTC
    nanoseconds of the venue's clock.  None means that no view has told it.  `fill_kind` is why the order's executions
    happen, where it is the order that says so.
    """

    key: OrderKey
    stage: Stage | None = None
    end: End | None = None
    reason: str | None = None
    cumulative: Cumulative = Cumulative()
    price: Term[Decimal] | None = None
    quantity: Term[Decimal] | None = None
    stop_price: Term[Decimal] | None = None
    client_order_id: Term[str] | None = None
    side: Side | None = None
    type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool | None = None
    position_side: PositionSide | None = None
    child_order_id: str | None = None
    fill_kind: FillKind | None = None
    created_ns: int | None = None
    updated_ns: int | None = None

    @property
    def status(self) -> OrderStatus:
        """The end if there is one, else PARTIALLY_FILLED if anything is filled, else the stage."""
        if self.end is not None:
            return _END_STATUS[self.end]
        if self.cumulative.filled > 0:
            return OrderStatus.PARTIALLY_FILLED
        return OrderStatus.UNKNOWN if self.stage is None else _STAGE_STATUS[self.stage]

    def visible(self) -> tuple[object, ...]:
        """The modelled values, without the versions that decided them: what two updates are compared by."""
        price, quantity, stop, client = self.price, self.quantity, self.stop_price, self.client_order_id
        return (
            self.key,
            self.status,
            self.reason,
            self.cumulative.filled,
            self.cumulative.average,
            self.cumulative.quote,
            None if price is None else price.value,
            None if quantity is None else quantity.value,
            None if stop is None else stop.value,
            None if client is None else client.value,
            self.side,
            self.type,
            self.time_in_force,
            self.reduce_only,
            self.position_side,
            self.child_order_id,
            self.created_ns,
        )

    def differs_from(self, known: OrderState) -> bool:
        """True if any modelled value differs from what was known; the most telling ones are compared first."""
        filled, before = self.cumulative.filled, known.cumulative.filled
        return filled != before or self.end != known.end or self.visible() != known.visible()


def join(a: OrderState, b: OrderState) -> OrderState:
    """The state that knows all that `a` and `b` know; commutative, associative and idempotent.

    Raises ValueError for states of two different orders.
    """
    if a.key != b.key:
        raise ValueError(f"cannot join two different orders: {a.key} and {b.key}")
    if b.stage is None:  # as of an order that has ended
        b = replace(b, stage=a.stage)
    return b if _knows_all(b, a) else _merged(a, b)  # the next message about an order nearly always does


def _merged(a: OrderState, b: OrderState) -> OrderState:
    """The join, register by register."""
    end, reason = max((a.end or 0, a.reason or ""), (b.end or 0, b.reason or ""))
    return OrderState(
        key=a.key,
        stage=_known(a.stage, b.stage),
        end=End(end) if end else None,
        reason=reason or None,
        cumulative=a.cumulative if a.cumulative.rank >= b.cumulative.rank else b.cumulative,
        price=_newer(a.price, b.price),
        quantity=_newer(a.quantity, b.quantity),
        stop_price=_newer(a.stop_price, b.stop_price),
        client_order_id=_newer(a.client_order_id, b.client_order_id),
        side=_named(a.side, b.side),
        type=_named(a.type, b.type),
        time_in_force=_named(a.time_in_force, b.time_in_force),
        reduce_only=_known(a.reduce_only, b.reduce_only),
        position_side=_named(a.position_side, b.position_side),
        child_order_id=_known(a.child_order_id, b.child_order_id),
        fill_kind=_named(a.fill_kind, b.fill_kind),
        created_ns=_known(a.created_ns, b.created_ns),
        updated_ns=_known(a.updated_ns, b.updated_ns),
    )


def _knows_all(new: OrderState, old: OrderState) -> bool:
    """True if the join of these two is `new`; False where that takes a closer look."""
    return (
        (old.stage is None or old.stage == new.stage)
        and old.end is None
        and old.reason is None
        and (old.cumulative.filled < new.cumulative.filled or old.cumulative == new.cumulative)
        and _not_older(new.price, old.price)
        and _not_older(new.quantity, old.quantity)
        and _not_older(new.stop_price, old.stop_price)
        and _not_older(new.client_order_id, old.client_order_id)
        and old.side is new.side
        and old.type is new.type
        and old.time_in_force is new.time_in_force
        and old.reduce_only is new.reduce_only
        and old.position_side is new.position_side
        and old.child_order_id == new.child_order_id
        and old.fill_kind is new.fill_kind
        and old.created_ns == new.created_ns
        and (old.updated_ns is None or (new.updated_ns is not None and old.updated_ns <= new.updated_ns))
    )


def _not_older(new: Term[V] | None, old: Term[V] | None) -> bool:
    if old is None or new is None:
        return old is None
    if old.time_ns != new.time_ns:
        return old.time_ns < new.time_ns
    return old.execution_id < new.execution_id or old.rank <= new.rank


def _known(a: T | None, b: T | None) -> T | None:
    """Known beats None; two known values that differ are settled by their own order, so that the join stays one."""
    if a is b or b is None:
        return a
    if a is None:
        return b
    return b if b > a else a  # type: ignore[operator]


def _named(a: T | None, b: T | None) -> T | None:
    """`_known` for enums, which have no order of their own: their words are compared."""
    if a is b or b is None:
        return a
    if a is None:
        return b
    return b if b.value > a.value else a  # type: ignore[attr-defined]


def _newer(a: Term[V] | None, b: Term[V] | None) -> Term[V] | None:
    if a is b or b is None:
        return a
    if a is None:
        return b
    return b if b.rank > a.rank else a


class Execution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One execution as a venue told it: the fact inside a `Fill`.

    `fee` is positive for a cost and negative for a rebate, in `fee_asset`; `order_id` and `trade_id` are the
    venue's ids as text (an allocation of smart order routing is `alloc:<id>`); `time_ns` is the venue's.
    """

    venue_symbol: str
    trade_id: str
    order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    time_ns: int
    quote_quantity: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str | None = None
    liquidity: Liquidity | None = None
    kind: FillKind = FillKind.TRADE
    client_order_id: str | None = None
    position_side: PositionSide | None = None

    @property
    def key(self) -> FillKey:
        """The identity by which a repeat is known."""
        return FillKey(self.venue_symbol, self.trade_id, self.order_id)


@attrs.frozen
class Market:
    """One instrument of a venue's own market list: `symbol` is the unified name, as in ccxt.

    `spot` says whether an execution moves the balances of `base` and `quote` (a derivative moves neither).
    `step` is the smallest change of a quantity, None where the venue does not say.
    """

    venue_symbol: str
    symbol: str
    base: str
    quote: str
    settle: str | None = None
    step: Decimal | None = None

    @property
    def spot(self) -> bool:
        """True for a market that is settled by delivering base against quote."""
        return self.settle is None
