"""What can be asked of the engine: the closed union ``Command``. Units as in ``instrument.py``; no behaviour."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeAlias

import attrs

from mockserver.engine.enums import (
    BalanceCause,
    Kind,
    ListKind,
    OnCross,
    OrderType,
    PositionSide,
    Reason,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerWhen,
)
from mockserver.engine.triggers import Trigger

HOUSE: Final = "house"
"""The account with unlimited funds: the other side of liquidity models and of forced fills. It pays no fees."""

Tags: TypeAlias = tuple[tuple[str, str], ...]
"""Labels a face hangs on an order and reads back from its snapshots; the engine never looks at them."""


@attrs.frozen(slots=True, kw_only=True)
class Place:
    """Place an order. Exactly one of ``quantity`` (steps) and ``quote_amount`` (atoms, MARKET only) is given.

    ``client_id`` None: the engine makes one if the venue does. ``unique_client_id`` is which duplicates are refused:
    "open" (among the account's open orders of this instrument: Binance spot), "ever" (FTX: unique for all time in one
    subaccount) or "no" (USD-M takes the same id twice).

    With a ``trigger`` the order waits under its own id until the trigger sets it off, as on Binance spot; an order that
    gets another id then is a ``PlaceAlgo``. One that may only reduce may come without a quantity: it closes the whole
    position, however large that is then. ``good_till_ns`` is told again and never looked at: whoever has a clock sends
    the ``Expire``.

    ``tells_refusal``: if the account's funds or the market refuse it, it is kept and told as an order that is REJECTED.
    """

    account: str
    instrument: str
    side: Side
    type: OrderType = OrderType.LIMIT
    quantity: int | None = None
    quote_amount: int | None = None
    price: int | None = None
    tif: TimeInForce = TimeInForce.GTC
    client_id: str | None = None
    unique_client_id: str = "open"
    post_only: bool = False
    on_cross: OnCross = OnCross.REJECT
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.BOTH
    self_trade: SelfTrade = SelfTrade.NONE
    trigger: Trigger | None = None
    good_till_ns: int | None = None
    tells_refusal: bool = False
    tags: Tags = ()

    @property
    def reduces(self) -> bool:
        """Whether it may only make a position smaller."""
        return self.reduce_only or self.position_side.closes(self.side)

    @property
    def closes_all(self) -> bool:
        """Whether it waits to close a position, however large that is when it is set off."""
        sized = self.quantity is not None or self.quote_amount is not None
        return self.trigger is not None and self.reduces and not sized


@attrs.frozen(slots=True, kw_only=True)
class PlaceList:
    """Place several orders that hang together, all or none of them.

    ``orders`` are, for OCO: the one above and the one below the last price; OTO: the first and the second; OTOCO: the
    first, and the pair as for OCO.
    """

    account: str
    instrument: str
    kind: ListKind
    orders: tuple[Place, ...]
    client_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class CancelList:
    """Cancel every open order of a list; all share one request id."""

    account: str
    list_id: int
    request_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class TriggerOrder:
    """Set off an order that waits for its trigger, by force."""

    instrument: str
    order_id: int


@attrs.frozen(slots=True, kw_only=True)
class Cancel:
    """Cancel one open order, with all of its list; ``request_id`` None: the engine makes one if the venue does."""

    account: str
    instrument: str
    order_id: int
    request_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class CancelAll:
    """Cancel the account's open orders (of one instrument and side, if given); all share one request id."""

    account: str
    instrument: str | None = None
    side: Side | None = None
    request_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class Amend:
    """Change the total quantity and/or the price of a resting order.

    A smaller quantity at the same price keeps the place in the queue; anything else goes to its end and may trade.
    ``client_id`` is the order's id from now on (spot amend), None keeps it.
    """

    account: str
    instrument: str
    order_id: int
    quantity: int | None = None
    price: int | None = None
    client_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class Fill:
    """Fill an open order against the house, by force. ``quantity`` None: all that is open. ``price`` None: its own."""

    instrument: str
    order_id: int
    quantity: int | None = None
    price: int | None = None
    maker: bool = True


@attrs.frozen(slots=True, kw_only=True)
class Expire:
    """End an open order as EXPIRED, by force."""

    instrument: str
    order_id: int
    reason: Reason = Reason.EXCHANGE


@attrs.frozen(slots=True, kw_only=True)
class ForceClose:
    """Liquidate, deleverage or settle a PERP position: an order of the exchange's making, filled by the house.

    ``quantity`` None: the whole position. ``price`` None: the last price.
    """

    account: str
    instrument: str
    kind: Kind
    quantity: int | None = None
    price: int | None = None
    position_side: PositionSide = PositionSide.BOTH


@attrs.frozen(slots=True, kw_only=True)
class Deposit:
    """Move money into an account (negative: out of it); ``amount`` in atoms."""

    account: str
    asset: str
    amount: int
    cause: BalanceCause = BalanceCause.DEPOSIT
    instrument: str | None = None
    """Whose funding it is."""
    position_side: PositionSide = PositionSide.BOTH
    """Of funding: which position's; an isolated one pays it by itself."""


@attrs.frozen(slots=True, kw_only=True)
class MoveMargin:
    """Let so much more of an account's cash stand behind an isolated position (negative: less), in atoms."""

    account: str
    instrument: str
    amount: int
    position_side: PositionSide = PositionSide.BOTH


@attrs.frozen(slots=True, kw_only=True)
class SetTerms:
    """Change on which terms an account trades; None leaves a thing as it is. Nothing is told of it.

    ``fees`` are (maker, taker) in 1e-8, on every market of the venue; ``discounted``: whether fees are paid in the
    venue's discount asset. ``leverage`` and ``isolated`` (a position has its own margin) are those of ``instrument``.
    ``hedged``: a long and a short position at each market instead of one.
    """

    account: str
    fees: tuple[int, int] | None = None
    discounted: bool | None = None
    hedged: bool | None = None
    instrument: str | None = None
    leverage: int | None = None
    isolated: bool | None = None


@attrs.frozen(slots=True, kw_only=True)
class PlaceAlgo:
    """Store a conditional order. ``child`` is what its trigger places; its quantity None closes the whole position.

    ``trigger_price`` is a Decimal: Binance does not check it against the tick. With a trail it is where looking begins,
    None for at once (see ``triggers.py``).
    """

    child: Place
    trigger_price: Decimal | None
    when: TriggerWhen
    trail_ratio: Decimal | None = None
    trail_distance: Decimal | None = None
    client_id: str | None = None
    tags: Tags = ()


@attrs.frozen(slots=True, kw_only=True)
class CancelAlgo:
    """Cancel a conditional order that still waits."""

    account: str
    algo_id: int


@attrs.frozen(slots=True, kw_only=True)
class TriggerAlgo:
    """Trigger a conditional order now, by force."""

    algo_id: int


Command: TypeAlias = (
    Place
    | PlaceList
    | Cancel
    | CancelAll
    | CancelList
    | Amend
    | Fill
    | Expire
    | TriggerOrder
    | ForceClose
    | Deposit
    | MoveMargin
    | SetTerms
    | PlaceAlgo
    | CancelAlgo
    | TriggerAlgo
)
