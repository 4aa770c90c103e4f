"""What a search has met is counted right, and held against the floors."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from exchstream.core.venue import MINUTE, SECOND
from mockserver.checkers import Closed, Span

from .chance import faults_of
from .judge import Outcome
from .play import play
from .profiles import LEAST_FILLS_IN_GAPS, LEAST_OF_EACH_FAULT, PROFILES, missed
from .stories import FILL_ALL, PLACE, wait
from .story import Step, Story
from .tally import Tally, clear_ns, closed_well
from .world import FLAVOURS


def dropped(*more: Step) -> Outcome:
    """An account that lost its connections once."""
    steps = (PLACE, wait(SECOND), Step("drop", "reset"), FILL_ALL, *more, wait(6 * MINUTE))
    return play(Story(flavour="ftx", seed=1, steps=steps))


def ample(flavour: str) -> Tally:
    """What is enough for this flavour, and no more."""
    counts = {"fills in gaps": LEAST_FILLS_IN_GAPS, "restarts": LEAST_OF_EACH_FAULT}
    closings = {"recoverable gaps": 100, "closed well": 99}
    faults = dict.fromkeys(faults_of(random.Random(0), flavour), LEAST_OF_EACH_FAULT)
    return Tally(counts=Counter(counts | closings), faults=Counter(faults))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_what_is_enough_passes(flavour: str) -> None:
    """Just as much as is wanted misses nothing."""
    assert not list(missed(flavour, ample(flavour)))


def test_what_is_too_little_is_named() -> None:
    """One less of anything is told."""
    tally = ample("ftx")
    tally.counts["fills in gaps"] -= 1
    tally.counts["closed well"] -= 1
    tally.counts["restarts"] -= 1
    del tally.faults["drop"]
    assert [line.split(": ")[1].split()[0] for line in missed("ftx", tally)] == ["9,999", "drop", "restart", "98.00%"]


def test_only_the_million_steps_are_held_against_the_floors() -> None:
    """The short profile is too short for them."""
    assert PROFILES["full"].floors
    assert PROFILES["full"].steps >= 1_000_000
    assert not PROFILES["default"].floors


def test_a_gap_that_is_closed_counts() -> None:
    """That of the start and that of the loss."""
    assert list(closed_well(dropped())) == [True, True]


def test_a_gap_that_stays_open_counts_against_it() -> None:
    """It should have been closed long ago."""
    outcome = dropped()
    verdicts = [event for event in outcome.world.told if isinstance(event, Closed)]
    outcome.world.told.remove(verdicts[-1])
    assert list(closed_well(outcome)) == [True, False]


def test_a_gap_that_nothing_could_close_does_not_count() -> None:
    """REST was away for so long that what it would have told is named; the next verdict is complete again."""
    away = dropped(Step("away", ("orders", "503")), wait(20 * MINUTE), Step("away", None))
    verdicts = [event.complete for event in away.world.told if isinstance(event, Closed)]
    assert verdicts.count(False) >= 1
    assert list(closed_well(away)) == [True] * verdicts.count(True)


def test_what_stands_in_the_way_is_time_of_no_account() -> None:
    """Spans may overlap, and reach beyond both ends."""
    assert clear_ns([], 10, 20) == 10
    assert clear_ns([Span(12, 14), Span(13, 15), Span(18, 99)], 10, 20) == 5
    assert clear_ns([Span(0, 11), Span(30, 40)], 10, 20) == 9


def test_weather_that_is_calm_is_no_fault() -> None:
    """A fault that is put to an end does not count as one more."""
    tally = Tally()
    tally.add(dropped(Step("fate", "500"), Step("fate", "ok")))
    assert tally.faults == {"drop": 1, "fate": 1}
