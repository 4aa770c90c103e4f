"""A day of one account as a story: it trades every two minutes, in good health or with a fault every quarter hour.

The audits look at their usual beat all the time, keys are renewed, and 25 hours take every link past its 24.  In a
rough day all faults that the venue can have strike in turn, and what would last (a mute link, a REST that fails,
refused dials) ends within ten minutes; several may meet.  What a day must come to is judged as for every story.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from exchstream.core.venue import MINUTE

from .chance import action_of, acts_at, faults_of, remembered
from .story import Step, Story

HOURS: Final = 25  # one more than a link of Binance may live
BEAT_NS: Final = 2 * MINUTE
EVERY: Final = 7  # beats between two faults
EASED: Final = (
    Step("unmute"),
    Step("fate", "ok"),
    Step("dials", "ok"),
    Step("away"),
    Step("slow", 80_000_000),
    Step("lag", 0),
    Step("doubled", 0.0),
    Step("broken", 0.0),
    Step("measure", 0),
)
NOT_OF_A_DAY: Final = frozenset({"delist"})  # with a symbol less each time the day would end early


def faults_of_a_day(flavour: str) -> frozenset[str]:
    """The faults of a rough day, by name."""
    return frozenset(faults_of(random.Random(0), flavour)) - NOT_OF_A_DAY


def day(flavour: str, seed: int, *, rough: bool) -> Story:
    """The day of this seed."""
    steps = tuple(remembered(_steps(flavour, seed, rough)))
    return Story(flavour=flavour, seed=seed, steps=steps, healthy=not rough, journal="normal" if rough else None)


def _steps(flavour: str, seed: int, rough: bool) -> Iterator[Step]:
    chance = random.Random(f"day/{flavour}/{seed}")
    acts = acts_at(flavour)
    faults = sorted(faults_of_a_day(flavour))
    chance.shuffle(faults)
    eased_in = 0
    for beat in range(HOURS * 60 * MINUTE // BEAT_NS):
        yield Step("trade", action_of(chance, acts, flavour))
        if rough and beat % EVERY == 0:
            what = faults[beat // EVERY % len(faults)]
            yield Step(what, faults_of(chance, flavour)[what]())
            if chance.random() < 0.3:  # and another one at once
                what = chance.choice(faults)
                yield Step(what, faults_of(chance, flavour)[what]())
            eased_in = chance.randint(1, 5)
        wait_ns = chance.randint(0, BEAT_NS)
        yield Step("wait", wait_ns)
        if rough:  # while the fault lasts, and while it is looked into
            yield Step("trade", action_of(chance, acts, flavour))
        yield Step("wait", BEAT_NS - wait_ns)
        if eased_in:
            eased_in -= 1
            if not eased_in:
                yield from EASED
