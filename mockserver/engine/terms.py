"""On which terms an account trades: its fees, whether it pays them in the discount asset, leverage, position mode.

``Terms`` is a value; ``changed`` says what a ``SetTerms`` makes of it. It does not keep them.
"""

from __future__ import annotations

from typing import Final

import attrs

from mockserver.engine.commands import SetTerms
from mockserver.engine.enums import PositionSide, RejectReason
from mockserver.engine.instrument import Instrument
from mockserver.engine.views import Reject

MOST_LEVERAGE: Final = 125


@attrs.frozen(slots=True, kw_only=True)
class Terms:
    """The terms of one account."""

    fees: tuple[int, int] | None = None
    """Maker and taker, in 1e-8; None: each instrument's own."""
    discounted: bool = False
    hedged: bool = False
    leverages: tuple[tuple[str, int], ...] = ()
    """By instrument, where it is not the instrument's own."""
    isolated: tuple[str, ...] = ()
    """The instruments whose positions have a margin of their own."""

    @property
    def sides(self) -> tuple[PositionSide, ...]:
        """Return the positions that an account can have at one market."""
        return (PositionSide.LONG, PositionSide.SHORT) if self.hedged else (PositionSide.BOTH,)

    def rate(self, instrument: Instrument, *, maker: bool) -> int:
        """Return the fee rate of one side of a trade."""
        if self.fees is not None:
            return self.fees[0 if maker else 1]
        return instrument.maker_fee if maker else instrument.taker_fee

    def leverage(self, instrument: Instrument) -> int:
        """Return how many times its margin a position may be worth."""
        return dict(self.leverages).get(instrument.name, instrument.leverage)


ORDINARY: Final = Terms()
"""What an account has that nobody has changed."""


def changed(old: Terms, command: SetTerms, *, pays_on_top: bool, orders: bool, positions: bool) -> Terms | Reject:
    """Return the new terms but those of one instrument, or why they cannot be.

    ``pays_on_top``: open orders hold money for a fee on top; ``orders`` and ``positions``: there are any that are open.
    """
    new = old
    if command.fees is not None:
        if pays_on_top and command.fees != old.fees:
            return Reject(RejectReason.HAS_ORDERS, "open orders hold money for the fees as they are")
        new = attrs.evolve(new, fees=command.fees)
    if command.discounted is not None:
        new = attrs.evolve(new, discounted=command.discounted)
    if command.hedged is not None:
        if command.hedged is old.hedged:
            return Reject(RejectReason.NO_CHANGE)
        if orders or positions:
            return Reject(RejectReason.HAS_ORDERS if orders else RejectReason.HAS_POSITION)
        new = attrs.evolve(new, hedged=command.hedged)
    return new


def changed_at(
    old: Terms, command: SetTerms, instrument: Instrument, *, orders: bool, position: bool
) -> Terms | Reject:
    """Return the new terms of one instrument, or why they cannot be; ``orders``, ``position``: open there."""
    new = old
    if command.leverage is not None:
        if not 1 <= command.leverage <= MOST_LEVERAGE:
            return Reject(RejectReason.NOT_ALLOWED, f"a leverage is 1 to {MOST_LEVERAGE}")
        if position and instrument.name in old.isolated and command.leverage < old.leverage(instrument):
            return Reject(RejectReason.HAS_POSITION, "less leverage would ask an isolated position for more margin")
        leverages = dict(new.leverages) | {instrument.name: command.leverage}
        new = attrs.evolve(new, leverages=tuple(leverages.items()))
    if command.isolated is not None:
        if not instrument.is_perp:
            return Reject(RejectReason.NOT_ALLOWED, "there are no positions at a spot market")
        if command.isolated is (instrument.name in new.isolated):
            return Reject(RejectReason.NO_CHANGE)
        if orders or position:
            return Reject(RejectReason.HAS_ORDERS if orders else RejectReason.HAS_POSITION)
        isolated = set(new.isolated) ^ {instrument.name}
        new = attrs.evolve(new, isolated=tuple(sorted(isolated)))
    return new
