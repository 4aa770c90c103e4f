"""What a soak must come to: nothing of the bot's process grows once it is warm, and all was told once.

Plain figures in, words out: no process, no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import median
from typing import Final

MIB: Final = 1 << 20
# By how much the median of the last third of the time may exceed that of the middle third; the first is for warming up.
BOUNDS: Final = {"rss": 8 * MIB, "files": 4, "threads": 2, "tasks": 8}
LEAST: Final = 9  # samples; of fewer nothing can be said


def growth(samples: Sequence[Mapping[str, int]], name: str) -> float:
    """From the middle third to the last; medians, so that one moment counts for nothing."""
    third = len(samples) // 3
    values = [sample[name] for sample in samples]
    return median(values[-third:]) - median(values[third:-third])


def grown(samples: Sequence[Mapping[str, int]]) -> list[str]:
    """What has grown too much."""
    if len(samples) < LEAST:
        return [f"only {len(samples)} samples: nothing can be said of growth"]
    return [
        f"{name} grew by {growth(samples, name):,.0f} from the middle third of the time to the last, bound {bound:,}"
        for name, bound in BOUNDS.items()
        if growth(samples, name) > bound
    ]


def fills_wrong(account: str, truth: Iterable[Hashable], told: Iterable[Hashable]) -> list[str]:
    """Each true fill was told once, as it was."""
    true, heard = Counter(truth), Counter(told)
    return [
        *(f"{account}: fill lost: {fill}" for fill in (true - heard)),
        *(f"{account}: fill told twice or wrong: {fill}" for fill in (heard - true)),
    ]


def ends_wrong(account: str, truth: Mapping[str, str], told: Mapping[str, str]) -> list[str]:
    """How each order ended was told."""
    return [
        f"{account}: order {order_id} is {truth.get(order_id, 'open')}, told was {told.get(order_id, 'nothing')}"
        for order_id in truth.keys() | told.keys()
        if truth.get(order_id) != told.get(order_id)
    ]
