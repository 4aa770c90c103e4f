"""What the slow engine keeps of orders: one order, one side of a trade. No rules but what follows from the numbers."""

from __future__ import annotations

from decimal import Decimal

import attrs

from mockserver.engine.types import HOUSE, OrderType, Place, Side

ATOM = Decimal("1E-8")
NOTHING = Decimal(0)


class Refused(Exception):
    """A command is not carried out, and nothing has changed."""


@attrs.frozen
class Fill:
    """One side of a trade."""

    number: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool


@attrs.define(eq=False)
class Order:
    """One order; numbers as people write them."""

    number: int
    terms: Place
    price: Decimal | None
    level: Decimal | None
    """The price that sets it off, or from which on it follows the market; None when there is none."""
    quantity: Decimal
    waits: bool
    filled: Decimal = NOTHING
    prevented: Decimal = NOTHING
    status: str = "NEW"
    reason: str | None = None
    other: Order | None = None
    """The other order of its pair."""
    first: Order | None = None
    """The order that must be filled before this one is placed."""
    later: list[Order] = attrs.field(factory=list)
    """The orders that wait until this one is filled."""
    since: int = 0
    """How many trades there were when it began to wait."""
    met: list[Decimal] = attrs.field(factory=list)
    """The prices it has followed so far, if it trails."""
    reckoned: Decimal | None = None
    """The price it is reckoned at while it waits, where it has none of its own."""

    @property
    def account(self) -> str:
        """Whose it is."""
        return self.terms.account

    @property
    def by_house(self) -> bool:
        """Whether it is the house's, which owns without end."""
        return self.account == HOUSE

    @property
    def buys(self) -> bool:
        """Whether it buys."""
        return self.terms.side is Side.BUY

    @property
    def sign(self) -> int:
        """What it does to what its account has."""
        return 1 if self.buys else -1

    @property
    def is_market(self) -> bool:
        """Whether it takes any price."""
        return self.terms.type is OrderType.MARKET

    @property
    def left(self) -> Decimal:
        """What is open of it."""
        return self.quantity - self.gone

    @property
    def gone(self) -> Decimal:
        """What is not open any more."""
        return self.filled + self.prevented

    @property
    def is_open(self) -> bool:
        """Whether it can still trade, if only later."""
        return self.status in ("PENDING_NEW", "NEW", "PARTIALLY_FILLED")

    def accepts(self, price: Decimal) -> bool:
        """Whether it would trade at a price."""
        return self.price is None or (price <= self.price if self.buys else price >= self.price)

    def sets_off(self, price: Decimal) -> bool:
        """Show a price to an order that waits; whether it goes to work."""
        trigger = self.terms.trigger
        assert trigger is not None
        if not trigger.trails:
            return self.is_beyond(price)
        if not self.met:
            if self.level is None or self.is_beyond(price):
                self.met.append(price)
            return False
        self.met.append(price)
        best = min(self.met) if self.buys else max(self.met)
        distance = trigger.trail_distance if trigger.trail_ratio is None else best * trigger.trail_ratio
        assert distance is not None
        return price >= best + distance if self.buys else price <= best - distance

    def is_beyond(self, price: Decimal) -> bool:
        """Whether a price has come to this order's."""
        trigger = self.terms.trigger
        if trigger is None or self.level is None:
            return False
        return price >= self.level if trigger.when.value == "ABOVE" else price <= self.level
