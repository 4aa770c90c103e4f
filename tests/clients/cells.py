"""What a scenario comes to: the words for the table, and how fills are counted.  Also how long things may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from .stage import FillId, Stage

SOON_S: Final = 0.3
CALM_S: Final = 2.0  # between a client's return and what happens next, so that it may settle
ARRIVE_S: Final = 10.0  # for what was sent to be told, on a busy machine
SETTLE_S: Final = 3.0  # for what must not come, or not twice
COME_BACK_S: Final = 45.0  # for a client to be connected again, and then for what it looks up


@attrs.frozen
class Cell:
    """What the table says; `good` when it is all that one may wish for."""

    text: str
    good: bool


def tally(true: Sequence[FillId], told: Sequence[FillId]) -> Cell:
    """How many of the true fills were told, how often, and whether those of each order in their order."""
    counts = Counter(told)
    missing = Counter(true).keys() - counts.keys()
    twice = sum(count > 1 for count in counts.values())
    first = sorted(dict.fromkeys(told), key=by_order)
    in_order = first == sorted((fill for fill in true if fill in counts), key=by_order)
    text = f"{len(true) - len(missing):,}/{len(true):,} fills"
    text += f" ({twice} twice)" if twice else ""
    text += "" if in_order else ", out of order"
    return Cell(text, good=not missing and not twice and in_order)


def by_order(fill: FillId) -> str:
    """Sorts the fills of one order together, and leaves them in the order in which they came."""
    return fill.order_id


def seconds(since: float, until: float) -> str:
    """A span for the table."""
    return f"{until - since:.0f} s"


async def come_back(stage: Stage, gone: frozenset[int]) -> None:
    """Wait for a connection that is not one of these, let an order be filled on it, and then for all to be told."""
    if await stage.until(lambda: any(link.id not in gone for link in stage.seat.links), COME_BACK_S):
        await stage.wait(CALM_S)
        stage.seat.fill(stage.seat.place("0.5"))
    await stage.until(stage.all_told, COME_BACK_S)
    await stage.wait(SETTLE_S)
