"""What may have happened without being told properly, and how long the stream still has to tell it."""

from __future__ import annotations

from typing import Final

import attrs

from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.venue import Doubt
from exchstream.events import Unresolved
from exchstream.model import OrderKey

MAX_DOUBTS: Final = 1_000  # how many more there were is named in the verdict


@attrs.define
class Doubts:
    """Doubts that wait for the stream to resolve them; each has a grace, then it is looked into.

    Said again, a doubt is as young as when it was said last, and its grace ends where it would have ended.
    """

    ledger: Ledger
    grace_ns: int
    _due: dict[Doubt, tuple[int, int]] = attrs.field(factory=dict)
    _more: int = 0

    def add(self, doubt: Doubt, now: Now) -> bool:
        """Wait for this one; False if it is resolved already."""
        if doubt.fill in self.ledger.fills:
            return False
        if doubt in self._due or len(self._due) < MAX_DOUBTS:
            _, due_ns = self._due.get(doubt, (0, now.mono_ns + self.grace_ns))
            self._due[doubt] = (now.wall_ns, due_ns)
        else:
            self._more += 1
        return True

    @property
    def waiting(self) -> bool:
        """True while there are any."""
        return bool(self._due)

    def overdue(self, now: Now) -> Doubt | None:
        """A doubt whose grace is over and that nothing has resolved."""
        self._due = {doubt: due for doubt, due in self._due.items() if doubt.fill not in self.ledger.fills}
        return next((doubt for doubt, (_, due_ns) in self._due.items() if now.mono_ns >= due_ns), None)

    def orders(self) -> dict[OrderKey, int]:
        """The orders that somebody must ask about, and when there was reason to (by the venue's clock)."""
        return {doubt.order: at_ns for doubt, (at_ns, _) in self._due.items() if doubt.order is not None}

    def looked_into(self, until_ns: int, now: Now) -> list[Unresolved]:
        """A look-back has covered everything up to this instant: what it did not find is named, and let go.

        Younger doubts remain, with a new grace.
        """
        grace_ns = now.mono_ns + self.grace_ns
        old = [doubt for doubt, (at_ns, _) in self._due.items() if at_ns <= until_ns]
        self._due = {doubt: (at_ns, grace_ns) for doubt, (at_ns, _) in self._due.items() if at_ns > until_ns}
        missing = [
            Unresolved(what="fill", name=f"{doubt.fill.venue_symbol}:{doubt.fill.trade_id}", why=doubt.why)
            for doubt in old
            if doubt.fill is not None and doubt.fill not in self.ledger.fills
        ]
        if self._more:
            missing.append(Unresolved(what="doubts", name=str(self._more), why="more than can be looked into at once"))
            self._more = 0
        return missing

    def wake_ns(self) -> list[int]:
        """When the graces end."""
        return [due_ns for _, due_ns in self._due.values()]
