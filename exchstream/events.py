"""What a stream tells: the closed union `Event`, and its JSON-lines form.

Events are frozen; promised are their attributes, equality, hash and `match`.  `position` is given by the journal
when the event is appended (1, 2, 3 …, one count for all accounts of a stream).  `received_ns` is this machine's UTC
clock (corrected to the venue's), `recovered` is True when REST told the fact and not the stream, `raw` is the
venue's own JSON of this fact, free of credentials.

The fields of facts stand once, in `model.Execution` and `model.OrderState`; the events here add who told them and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import Enum

import msgspec

from exchstream.model import (
    Execution,
    FillKind,
    Liquidity,
    OrderKind,
    OrderState,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)

UNPLACED = 0


class GapReason(Enum):
    """Why facts may be missing from `GapOpened.since_ns` on."""

    START = "start"
    LOST = "lost"
    SILENT = "silent"
    EXPIRED = "expired"
    AUDIT = "audit"
    DOUBT = "doubt"
    OVERFLOW = "overflow"
    WIPED = "wiped"


class DownReason(Enum):
    """Why an account cannot go on; each has an exception of its own in `errors`."""

    CREDENTIALS = "credentials"
    RETIRED = "retired"
    BROKEN = "broken"


class _Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event carries: its place in the journal and whose account it is about."""

    venue: str
    account: str
    position: int = UNPLACED


class _Fact(_Told, frozen=True, kw_only=True, gc=False):
    """What every fact of a venue carries besides.

    `epoch` counts how often the venue's ids of this symbol have begun anew: 0, but for test systems that are wiped.
    """

    symbol: str | None
    received_ns: int
    recovered: bool = False
    raw: bytes = b""
    epoch: int = 0


class OrderUpdate(_Fact, frozen=True, kw_only=True, gc=False, eq=False):
    """The state of one order after a view that changed it.

    `filled_quantity` only rises and a final status stays final (G3).  `price` and `stop_price` are None for orders
    that have none; `average_price` is None until something is filled; `quote_quantity` is what the fills came to in
    quote currency, None where the venue does not say.  `symbol` is None until the market list knows the market.
    """

    state: OrderState

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OrderUpdate):
            return NotImplemented
        return self._compared() == other._compared()

    def __ne__(self, other: object) -> bool:  # the inherited one would compare field by field
        return not self == other

    def __hash__(self) -> int:
        return hash(self._compared())

    def _compared(self) -> tuple[object, ...]:
        """Everything, and of the state what can be seen."""
        told = (self.venue, self.account, self.position, self.symbol, self.received_ns, self.recovered, self.raw)
        return (*told, self.epoch, self.state.visible())

    @property
    def venue_symbol(self) -> str:
        """The venue's own name of the market."""
        return self.state.key.venue_symbol

    @property
    def order_id(self) -> str:
        """The venue's id of the order, as text."""
        return self.state.key.order_id

    @property
    def order_kind(self) -> OrderKind:
        """The id space of `order_id`: an ordinary order, or an algo order with ids of its own."""
        return self.state.key.kind

    @property
    def status(self) -> OrderStatus:
        """Where the order stands."""
        return self.state.status

    @property
    def reason(self) -> str | None:
        """Why the order ended, in the venue's own word, where it gives one."""
        return self.state.reason

    @property
    def client_order_id(self) -> str | None:
        """The id that whoever placed the order gave it."""
        return None if self.state.client_order_id is None else self.state.client_order_id.value

    @property
    def price(self) -> Decimal | None:
        """The limit price, in quote per base."""
        return None if self.state.price is None else self.state.price.value

    @property
    def stop_price(self) -> Decimal | None:
        """The price at which a conditional order triggers."""
        return None if self.state.stop_price is None else self.state.stop_price.value

    @property
    def quantity(self) -> Decimal | None:
        """The ordered quantity in base units; None for an order sized in quote currency."""
        return None if self.state.quantity is None else self.state.quantity.value

    @property
    def filled_quantity(self) -> Decimal:
        """The executed quantity so far, in base units."""
        return self.state.cumulative.filled

    @property
    def average_price(self) -> Decimal | None:
        """The mean price of what is filled."""
        return self.state.cumulative.average

    @property
    def quote_quantity(self) -> Decimal | None:
        """What the fills came to in quote currency."""
        return self.state.cumulative.quote

    @property
    def side(self) -> Side | None:
        """Buy or sell."""
        return self.state.side

    @property
    def type(self) -> OrderType | None:
        """What the order asks for."""
        return self.state.type

    @property
    def time_in_force(self) -> TimeInForce | None:
        """How long the order works."""
        return self.state.time_in_force

    @property
    def reduce_only(self) -> bool | None:
        """True for an order that may only shrink a position."""
        return self.state.reduce_only

    @property
    def position_side(self) -> PositionSide | None:
        """The position that the order belongs to in hedge mode."""
        return self.state.position_side

    @property
    def child_order_id(self) -> str | None:
        """The order that a triggered algo order placed."""
        return self.state.child_order_id

    @property
    def created_ns(self) -> int | None:
        """When the venue accepted the order."""
        return self.state.created_ns

    @property
    def updated_ns(self) -> int | None:
        """When the venue last changed the order; None where it does not say (FTX)."""
        return self.state.updated_ns


class Fill(_Fact, frozen=True, kw_only=True, gc=False):
    """One execution of one of the account's orders, told once (G2).

    `fee` is positive for a cost and negative for a rebate.  Fills may come before or after the `OrderUpdate` that
    counts them.
    """

    execution: Execution

    @property
    def venue_symbol(self) -> str:
        """The venue's own name of the market."""
        return self.execution.venue_symbol

    @property
    def trade_id(self) -> str:
        """The venue's id of the execution; with symbol, `order_id` and `epoch` it identifies the fill for ever."""
        return self.execution.trade_id

    @property
    def order_id(self) -> str:
        """The venue's id of the order that was executed."""
        return self.execution.order_id

    @property
    def client_order_id(self) -> str | None:
        """The order's client id where this message carried it."""
        return self.execution.client_order_id

    @property
    def side(self) -> Side:
        """The side of the account's order."""
        return self.execution.side

    @property
    def price(self) -> Decimal:
        """The price of this execution, in quote per base."""
        return self.execution.price

    @property
    def quantity(self) -> Decimal:
        """The quantity of this execution, in base units."""
        return self.execution.quantity

    @property
    def quote_quantity(self) -> Decimal | None:
        """The quote amount of this execution where the venue says it."""
        return self.execution.quote_quantity

    @property
    def fee(self) -> Decimal | None:
        """The fee of this execution in `fee_asset`: positive for a cost, negative for a rebate."""
        return self.execution.fee

    @property
    def fee_asset(self) -> str | None:
        """The asset that the fee was taken in."""
        return self.execution.fee_asset

    @property
    def liquidity(self) -> Liquidity | None:
        """Maker or taker."""
        return self.execution.liquidity

    @property
    def kind(self) -> FillKind:
        """A trade of yours, or something that was done to the position."""
        return self.execution.kind

    @property
    def position_side(self) -> PositionSide | None:
        """The position that the execution changed, in hedge mode."""
        return self.execution.position_side

    @property
    def time_ns(self) -> int:
        """When it was executed, by the venue's clock."""
        return self.execution.time_ns


class GapOpened(_Told, frozen=True, kw_only=True, gc=False):
    """From `since_ns` on (the venue's UTC) facts may be missing; a `GapClosed` will say what was found (G4).

    It is told again within a gap only when the gap turns out to reach further back.
    """

    since_ns: int
    reason: GapReason
    detail: str = ""


class Scope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a verdict is about: these symbols (None: every symbol of the account) and these kinds of order.

    `orders_since_ns` is None where it was known which orders were open when the gap began.  At a start without a
    journal it was not: then the final states are those of orders that were created since that instant, or found open.
    """

    symbols: tuple[str, ...] | None
    kinds: tuple[OrderKind, ...]
    orders_since_ns: int | None = None


class Unresolved(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a look-back could not cover: an order, a symbol, an asset or a span of time, and why."""

    what: str
    name: str
    why: str


class GapClosed(_Told, frozen=True, kw_only=True, gc=False):
    """Within `scope`, every fill in [since_ns, until_ns] and every final state at `until_ns` has been told (G1).

    `complete` is True when `unresolved` is empty; what could not be covered is named there, never passed over.
    `recovered` counts the facts that the look-back told.
    """

    since_ns: int
    until_ns: int
    scope: Scope
    complete: bool
    unresolved: tuple[Unresolved, ...] = ()
    recovered: int = 0


class AccountDown(_Told, frozen=True, kw_only=True, gc=False):
    """This account has ended and will not come back by itself; the others go on (G6)."""

    reason: DownReason
    detail: str


class Unrecognized(_Told, frozen=True, kw_only=True, gc=False):
    """A message, or a part of one, that we have no word for: told raw, never dropped (G7)."""

    what: str
    raw: bytes
    received_ns: int


Event = OrderUpdate | Fill | GapOpened | GapClosed | AccountDown | Unrecognized


def place(events: Iterable[Event], last: int) -> int:
    """Give events the positions behind `last`, once, at the moment the journal appends them; returns the new last.

    The one write to a frozen object in this package: a copy of every event, for one integer that nobody has seen
    yet, would cost more than the rest of its way through the journal.
    """
    for event in events:
        last += 1
        if event.position != UNPLACED:
            raise ValueError(f"this event already stands at position {event.position}")
        msgspec.structs.force_setattr(event, "position", last)
    return last
