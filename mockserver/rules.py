"""What a venue changes while clients trade: markets that stop, a new least notional, lower limits, whether it is away.

The engine knows nothing of it; an exchange asks before it hands a client's order on.
What this module does not do: tell anybody; faces show it where the venue does.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mockserver.engine.types import (
    HOUSE,
    Amend,
    Command,
    Instrument,
    Place,
    PlaceAlgo,
    PlaceList,
    Reject,
    RejectReason,
    atoms_to_decimal,
)


@attrs.define(slots=True)
class Rules:
    """The rules of one exchange now."""

    instruments: dict[str, Instrument]
    halted: set[str] = attrs.field(factory=set)  # bounded: by the instruments
    min_notional: dict[str, int] = attrs.field(factory=dict)  # bounded: by the instruments
    """In quote atoms, where it is another than the instrument's."""
    away: bool = False
    """Whether the venue answers nothing but that it is away."""
    down: bool = False
    """Whether there is nothing where the venue was: connections are reset."""
    lowered: dict[str, int] = attrs.field(factory=dict)  # bounded: by the options of a venue
    """Limits that are lower now than the settings have them, by the names of the options."""
    skew_ns: int = 0
    """How far the venue's belief of the time is off, while a request is answered."""

    def halt(self, symbol: str) -> None:
        """Take no new orders in this market."""
        self.halted.add(symbol)

    def resume(self, symbol: str) -> None:
        """Take orders again."""
        self.halted.discard(symbol)

    def be_back(self) -> None:
        """Answer again."""
        self.away = False

    def be_up(self) -> None:
        """Be there again."""
        self.down = False

    def lift(self, limits: Mapping[str, int]) -> None:
        """Let these limits be as before, unless they have been lowered anew."""
        self.lowered = {name: limit for name, limit in self.lowered.items() if limits.get(name) != limit}

    def shown(self, instrument: Instrument) -> Instrument:
        """The instrument as the venue describes it now."""
        atoms = self.min_notional.get(instrument.name)
        return instrument if atoms is None else attrs.evolve(instrument, min_notional=atoms_to_decimal(atoms))

    def refuse(self, command: Command) -> Reject | None:
        """Why a command is refused, if it is; the house may do what it likes."""
        if not self.halted and not self.min_notional:
            return None
        if isinstance(command, PlaceList):
            return next((found for each in command.orders if (found := self.refuse(each)) is not None), None)
        order = command.child if isinstance(command, PlaceAlgo) else command
        if not isinstance(order, Place | Amend) or order.account == HOUSE:
            return None
        if order.instrument in self.halted:
            return Reject(RejectReason.MARKET_CLOSED, order.instrument)
        least = self.min_notional.get(order.instrument)
        if least is None or order.price is None or order.quantity is None:
            return None
        worth = self.instruments[order.instrument].notional(order.price, order.quantity)
        return Reject(RejectReason.MIN_NOTIONAL, str(atoms_to_decimal(least))) if worth < least else None
