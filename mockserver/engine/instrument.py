"""Markets and units: exact conversion between a venue's decimals and the engine's integers; no float, no rounding.

Prices are whole ticks, quantities whole steps, amounts of an asset whole *atoms* of 1e-8, fee rates whole 1e-8.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from typing import Final

import attrs

ATOMS: Final = 100_000_000
"""Atoms in one unit of an asset, and fee-rate units in 100 %."""

MOST_ATOMS: Final = 10**26
"""More than there is of any asset."""
MOST_DIGITS: Final = 60
"""What is longer would take a whole number so large that nobody can wait for it: 1e999999999."""

_WIDE: Final = Context(prec=60)
_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])


def atoms_to_decimal(amount: int) -> Decimal:
    """Return an amount of atoms as the Decimal it stands for."""
    return Decimal(amount).scaleb(-8, context=_WIDE)


def decimal_to_atoms(value: Decimal) -> int:
    """Return a Decimal as atoms; ValueError when it has more than eight decimals."""
    return _whole(value, Decimal("1E-8"), "an amount of atoms")


def _whole(value: Decimal, unit: Decimal, what: str) -> int:
    try:
        ratio = _EXACT.divide(value, unit)
    except (Inexact, InvalidOperation):
        raise ValueError(f"{value} is not {what}") from None
    if not ratio.is_finite() or ratio.adjusted() > MOST_DIGITS or ratio != ratio.to_integral_value():
        raise ValueError(f"{value} is not {what}")
    return int(ratio)


class InstrumentKind(Enum):
    """SPOT exchanges two assets; PERP keeps a position and pays profit and loss in the settlement asset."""

    SPOT = "SPOT"
    PERP = "PERP"


class FeeRule(Enum):
    """RECEIVED: fee in the asset received (Binance spot). QUOTE: in the quote or settlement asset (futures, FTX)."""

    RECEIVED = "RECEIVED"
    QUOTE = "QUOTE"


@attrs.frozen(slots=True)
class Instrument:
    """One market. ``tick * step`` must be a whole number of atoms, so that every trade's quote amount is exact."""

    name: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    reference_price: Decimal
    """Where liquidity models start and what "last price" is before the first trade."""
    kind: InstrumentKind = InstrumentKind.SPOT
    settle: str | None = None
    """The asset of profit, loss and fees of a PERP; defaults to the quote asset."""
    min_notional: Decimal = Decimal(0)
    maker_fee: int = 0
    taker_fee: int = 0
    fee_rule: FeeRule = FeeRule.RECEIVED
    leverage: int = 20
    """How many times its margin a PERP position may be worth, until the account sets another."""
    maintenance: int = 2_500_000
    """The share (1e-8) of a PERP position's worth below which the margin may not fall."""
    lot_atoms: int = attrs.field(init=False)
    """Quote atoms of one step at one tick."""
    step_atoms: int = attrs.field(init=False)
    """Base atoms of one step."""
    min_steps: int = attrs.field(init=False)
    max_steps: int = attrs.field(init=False)
    min_notional_atoms: int = attrs.field(init=False)
    reference_ticks: int = attrs.field(init=False)

    @lot_atoms.default
    def _lot_atoms(self) -> int:
        return decimal_to_atoms(self.tick * self.step)

    @step_atoms.default
    def _step_atoms(self) -> int:
        return decimal_to_atoms(self.step)

    @min_steps.default
    def _min_steps(self) -> int:
        return self.to_steps(self.min_quantity)

    @max_steps.default
    def _max_steps(self) -> int:
        return self.to_steps(self.max_quantity)

    @min_notional_atoms.default
    def _min_notional_atoms(self) -> int:
        return decimal_to_atoms(self.min_notional)

    @reference_ticks.default
    def _reference_ticks(self) -> int:
        return self.to_ticks(self.reference_price)

    @property
    def is_perp(self) -> bool:
        """Whether this market keeps positions instead of exchanging assets."""
        return self.kind is InstrumentKind.PERP

    @property
    def pays_on_top(self) -> bool:
        """Whether a buy costs a fee on top of its price, instead of receiving less."""
        return self.fee_rule is FeeRule.QUOTE and not self.is_perp

    @property
    def cash(self) -> str:
        """The asset that pays and receives quote amounts: the settlement asset of a PERP, else the quote asset."""
        return self.settle if self.is_perp and self.settle is not None else self.quote

    def to_ticks(self, price: Decimal) -> int:
        """Return a price in ticks; ValueError when it is not a multiple of the tick."""
        return _whole(price, self.tick, f"a multiple of the tick {self.tick}")

    def to_steps(self, quantity: Decimal) -> int:
        """Return a quantity in steps; ValueError when it is not a multiple of the step."""
        return _whole(quantity, self.step, f"a multiple of the step {self.step}")

    def price(self, ticks: int) -> Decimal:
        """Return ticks as a price."""
        return self.tick * ticks

    def quantity(self, steps: int) -> Decimal:
        """Return steps as a quantity."""
        return self.step * steps

    def notional(self, ticks: int, steps: int) -> int:
        """Return price times quantity in quote atoms, exactly."""
        return ticks * steps * self.lot_atoms

    def average_price(self, quote_atoms: int, steps: int) -> Decimal | None:
        """Return the average price of so many steps for so many quote atoms (60 digits), None for no quantity."""
        if steps == 0:
            return None
        return _WIDE.divide(atoms_to_decimal(quote_atoms), self.quantity(steps))
