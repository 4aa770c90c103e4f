"""What a run of the simulation is decided by: a story, which is a list of steps (trade, fault, wait).

A story may begin with trading before the account starts, may arm only some of the faults (so that rare ones meet), may
end with one fault that never does, and may be played with small limits of memory.
"""

from __future__ import annotations

from typing import Any

import attrs

from exchstream.core.limits import SessionLimits
from exchstream.journal.store import Durability
from mockserver.actions import Action


@attrs.frozen
class Step:
    """One thing that happens: `trade` (with its action), `wait` (ns), or a fault by its name and number or word."""

    what: str
    arg: Any = None

    def __str__(self) -> str:
        if isinstance(self.arg, Action):
            a = self.arg
            return f"trade({a.act.name}, {a.who}, {a.where}, {a.which}, {a.side.name}, {a.offset}, {a.size}, ...)"
        return self.what if self.arg is None else f"{self.what}({self.arg})"


@attrs.frozen(kw_only=True)
class Story:
    """What a run is decided by."""

    flavour: str
    seed: int
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()  # what happens before the account starts; `since` there is from when on it wants all
    page_cap: int | None = None
    symbols: tuple[str, ...] | None = None  # those that the user names; None: all
    markets: int | None = None
    limits: tuple[tuple[str, int], ...] = ()  # of memory, by name
    session_limits: SessionLimits = SessionLimits()
    machine_ns: int = 0  # what this machine's clock is off by at the start
    healthy: bool = False  # no fault in it: then no gap after the start either
    early: bool = False  # the first steps happen while the account is starting
    lasting: bool = False  # what is away at the end of the steps stays away
    journal: Durability | None = None  # of the file in which it is kept (None: in memory, and no restart)

    def __str__(self) -> str:
        shown = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(Story)
            if field.name not in ("steps", "before") and getattr(self, field.name) != field.default
        }
        head = " ".join(f"{name}={value}" for name, value in shown.items())
        return "\n".join(
            [head, *(f"    before: {step}" for step in self.before), *(f"    {step}" for step in self.steps)]
        )
