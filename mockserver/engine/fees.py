"""What one side of a trade pays: maker or taker rate of the account, in which asset, with or without the discount.

With the discount a fee is paid in the venue's own asset if enough of it is free, and then less of it; what it comes to
is reckoned at last prices and rounded towards zero, as every fee is. Rebates have no discount.
What it does not do: book anything.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import attrs

from mockserver.engine.enums import Side
from mockserver.engine.instrument import ATOMS, FeeRule, Instrument
from mockserver.engine.terms import Terms


@attrs.frozen(slots=True)
class Fee:
    """What one side of a trade pays: positive costs, negative is a rebate."""

    amount: int
    asset: str
    rate: int


@attrs.frozen(slots=True)
class Discount:
    """An asset that fees may be paid in, and which share (1e-8) of them is let off then."""

    asset: str
    share: int
    unit: str
    """The asset through whose markets it is compared with a quote asset for which there is no market of its own."""
    price: Decimal | None = None
    """What one of it costs in ``unit``, where the venue has no market for it at all."""


PriceOf = Callable[[str, str], Decimal | None]
"""The last price of a base asset in a quote asset, None where there is no such market."""


def plain_fee(terms: Terms, instrument: Instrument, side: Side, quote: int, quantity: int, *, maker: bool) -> Fee:
    """Return the fee without a discount, for so many quote atoms and steps."""
    in_base = instrument.fee_rule is FeeRule.RECEIVED and side is Side.BUY and not instrument.is_perp
    rate = terms.rate(instrument, maker=maker)
    amount = quantity * instrument.step_atoms if in_base else quote
    # Rounded towards zero, so that a fee never exceeds what was reserved for it.
    size = amount * abs(rate) // ATOMS
    return Fee(size if rate >= 0 else -size, instrument.base if in_base else instrument.cash, rate)


def discounted(fee: Fee, discount: Discount, instrument: Instrument, quote: int, free: int, price_of: PriceOf) -> Fee:
    """Return the fee in the discount asset, of which so much is free; the same fee where that cannot be."""
    if fee.rate <= 0:
        return fee
    rate = fee.rate * (ATOMS - discount.share) // ATOMS
    if fee.asset == discount.asset and fee.asset == instrument.base:  # it is taken off what is received
        return Fee(fee.amount * (ATOMS - discount.share) // ATOMS, fee.asset, rate)
    price = _price(discount, instrument.cash, price_of)
    if price is None:
        return fee
    amount = int(quote * rate / (price * ATOMS))
    return Fee(amount, discount.asset, rate) if amount <= free else fee


def _price(discount: Discount, cash: str, price_of: PriceOf) -> Fraction | None:
    """Return what one of the discount asset costs in a quote asset, None where nothing says it."""
    if discount.asset == cash:
        return Fraction(1)
    own = price_of(discount.asset, cash)
    if own is not None:
        return Fraction(own)
    in_unit = price_of(discount.asset, discount.unit) or discount.price
    unit = Decimal(1) if cash == discount.unit else price_of(cash, discount.unit)
    return None if in_unit is None or unit is None else Fraction(in_unit) / Fraction(unit)
