"""What may have happened without being told properly, and how long the stream still has to tell it."""

from __future__ import annotations

from typing import Final

import attrs

from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.venue import Doubt

MAX_DOUBTS: Final = 1_000  # more change nothing: the first of them already leads to a look-back


@attrs.define
class Doubts:
    """Doubts that wait for the stream to resolve them; each has a grace, then it is looked into."""

    ledger: Ledger
    grace_ns: int
    _due: dict[Doubt, tuple[int, int]] = attrs.field(factory=dict)

    def add(self, doubt: Doubt, now: Now) -> bool:
        """Wait for this one; False if it is resolved already."""
        if doubt.fill in self.ledger.fills:
            return False
        if len(self._due) < MAX_DOUBTS:
            self._due.setdefault(doubt, (now.wall_ns, now.mono_ns + self.grace_ns))
        return True

    def overdue(self, now: Now) -> Doubt | None:
        """A doubt whose grace is over and that nothing has resolved."""
        self._due = {doubt: due for doubt, due in self._due.items() if doubt.fill not in self.ledger.fills}
        return next((doubt for doubt, (_, due_ns) in self._due.items() if now.mono_ns >= due_ns), None)

    def looked_into(self, until_ns: int, now: Now) -> list[Doubt]:
        """A look-back has covered everything up to this instant: what it did not find is returned, and let go.

        Younger doubts remain, with a new grace.
        """
        grace_ns = now.mono_ns + self.grace_ns
        old = [doubt for doubt, (at_ns, _) in self._due.items() if at_ns <= until_ns]
        self._due = {doubt: (at_ns, grace_ns) for doubt, (at_ns, _) in self._due.items() if at_ns > until_ns}
        return [doubt for doubt in old if doubt.fill is not None and doubt.fill not in self.ledger.fills]

    def wake_ns(self) -> list[int]:
        """When the graces end."""
        return [due_ns for _, due_ns in self._due.values()]
