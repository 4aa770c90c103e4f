"""Isolated margin: the part of an account's cash that stands behind one position, and that alone answers for it.

What a position needs when it is opened goes there (its quote amount divided by the leverage), and it pays its opening
fees; what closes a part of it brings the same part back. A loss that is larger than the part takes from the rest too.
What the exchange liquidates never costs more than what stood behind it: the house pays what is missing.
What this module does not do: keep or move money (``ledger.py``), or say what may be moved (``margin.py``).
"""

from __future__ import annotations

from decimal import Decimal

from mockserver.engine.instrument import ATOMS, Instrument
from mockserver.engine.views import Position


def wallet_after(old: Position, new: Position, leverage: int, paid: int) -> int:
    """Return what stands behind a position after a trade that cost so much of a fee in cash."""
    if new.quantity == 0:
        return 0
    if old.quantity * new.quantity < 0:
        return max(0, _margin(new.entry_quote, leverage) - paid)
    if abs(new.quantity) > abs(old.quantity):
        return max(0, old.wallet + _margin(new.entry_quote - old.entry_quote, leverage) - paid)
    back = old.wallet * (abs(old.quantity) - abs(new.quantity)) // abs(old.quantity)
    return max(0, old.wallet - back + min(0, back + new.realized - old.realized - paid))


def missing(old: Position, new: Position, paid: int) -> int:
    """Return by how much the loss of a trade exceeds what stood behind the position."""
    return max(0, paid - (new.realized - old.realized) - old.wallet)


def liquidation_price(instrument: Instrument, position: Position) -> Decimal | None:
    """Return the price at which no more is left of an isolated position than it must keep; None: there is none."""
    bought = instrument.average_price(position.entry_quote - position.wallet, position.quantity)
    if bought is None or bought <= 0:
        return None
    keep = Decimal(instrument.maintenance) / ATOMS
    return bought / (1 - keep if position.quantity > 0 else 1 + keep)


def _margin(quote: int, leverage: int) -> int:
    return -(-abs(quote) // leverage)
