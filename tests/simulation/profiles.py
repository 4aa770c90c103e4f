"""How much a search plays, and what it must have met by then: the one place that says so.

`default` is what plain `nox` plays, and what every deliberate bug must be caught by (`tests.mutants`); `full` is a
million steps and more, with floors under what they met.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import attrs

from .chance import faults_of
from .tally import Tally


@attrs.frozen
class Profile:
    """So many steps, over all flavours; `floors`: whether what was met is held against the floors."""

    steps: int
    floors: bool = False


PROFILES: Final = {"default": Profile(100_000), "full": Profile(1_750_000, floors=True)}

# Each of these for each flavour.
LEAST_FILLS_IN_GAPS: Final = 10_000
LEAST_OF_EACH_FAULT: Final = 1_000
# Of the gaps in which everything could be recovered, so many are closed complete, and in time.
LEAST_CLOSED_WELL: Final = 0.99


def missed(flavour: str, tally: Tally) -> Iterator[str]:
    """The floors under which this flavour's search has stayed."""
    if tally.counts["fills in gaps"] < LEAST_FILLS_IN_GAPS:
        yield f"{flavour}: {tally.counts['fills in gaps']:,} fills in gaps, and not {LEAST_FILLS_IN_GAPS:,}"
    counts = {**tally.faults, "restart": tally.counts["restarts"]}  # nobody dies who is dead
    for fault in faults_of(random.Random(0), flavour):
        if (count := counts.get(fault, 0)) < LEAST_OF_EACH_FAULT:
            yield f"{flavour}: {fault} {count:,} times, and not {LEAST_OF_EACH_FAULT:,}"
    if tally.closed_well < LEAST_CLOSED_WELL:
        yield f"{flavour}: {tally.closed_well:.2%} of the recoverable gaps closed complete and in time"
