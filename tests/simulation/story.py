"""What a run of the simulation is decided by: a story, which is a list of steps (trade, fault, wait).

A story may begin with trading before the account starts, may arm only some of the faults (so that rare ones meet), may
end with one fault that never does, and may be played with small limits of memory.
"""

from __future__ import annotations

import attrs

from exchstream.core.limits import SessionLimits
from exchstream.journal.store import Durability
from mockserver.story import Step


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


__all__ = ["Step", "Story"]
