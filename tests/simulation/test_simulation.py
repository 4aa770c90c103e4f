"""The account and the exchange without sockets: pinned stories, stories by chance, and that a seed decides them.

`python -m tests.simulation` searches further.
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from exchstream.core.venue import HOUR, MINUTE, SECOND
from mockserver.checkers import Opened, too_much

from .chance import LIMITS, faults_of, told_by_chance
from .days import day, faults_of_a_day
from .judge import Outcome, held, judged
from .play import CORE, limited, play, world_of
from .scripts import kept
from .shorten import shortened
from .stories import PINNED
from .story import Story
from .world import FLAVOURS, START_NS

SEEDS: Final = range(100, 108)


@pytest.mark.parametrize("name", PINNED)
def test_a_pinned_story_ends_well(name: str) -> None:
    """Every checker is content with a story that once told of a bug."""
    outcome = play(PINNED[name])
    assert not outcome.violations, str(outcome)


@pytest.mark.parametrize("name", kept())
def test_a_kept_story_ends_well(name: str) -> None:
    """The same of those that are kept as files."""
    outcome = play(kept()[name])
    assert not outcome.violations, str(outcome)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_story_by_chance_ends_well(flavour: str, seed: int) -> None:
    """Trading under faults: after healing the account is live in time, and everything has been told, once."""
    outcome = play(told_by_chance(flavour, seed))
    assert not outcome.violations, str(outcome)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_healthy_day_needs_no_gap(flavour: str) -> None:
    """25 hours of trading, audits, renewals and a rotation: no gap after the start, every fill and every end told."""
    outcome = play(day(flavour, 1, rough=False))
    world = outcome.world
    assert not outcome.violations, str(outcome)
    assert world.now_ns - START_NS > 24 * HOUR
    assert world.asked > 24 * 60  # the audits looked all day
    assert world.dialled == (1 if flavour == "ftx" else 2)  # Binance ends a link after 24 hours
    assert len(world.fills) > 100


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_rough_day_ends_well(flavour: str) -> None:
    """A fault every quarter of an hour, of every kind that the venue can have: in the end everything has been told."""
    story = day(flavour, 1, rough=True)
    outcome = play(story)
    world = outcome.world
    assert not outcome.violations, str(outcome)
    assert faults_of_a_day(flavour) <= {step.what for step in story.steps}
    assert len([event for event in world.told if isinstance(event, Opened)]) > 10
    assert len(world.fills) > 300


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_fault_is_armed_now_and_then(flavour: str) -> None:
    """Stories by chance have every fault that the venue can have, and none has all of them."""
    stories = [told_by_chance(flavour, seed) for seed in range(300)]
    armed = [{step.what for step in story.steps} - {"trade", "wait"} for story in stories]
    every = set(faults_of(random.Random(0), flavour))
    assert set().union(*armed) == every
    assert not any(some == every for some in armed)
    for field in ("before", "limits", "machine_ns", "markets", "symbols", "page_cap", "lasting", "early"):
        if flavour != "ftx" or field != "symbols":
            assert any(getattr(story, field) for story in stories), field
    assert any(step.what == "since" for story in stories for step in story.before)


def test_a_limit_that_is_no_limit_is_refused() -> None:
    """A limit of the core that has been renamed is not passed over."""
    with pytest.raises(ValueError), limited([("MAX_NOTHING", 1)]):
        pass
    for name, values in LIMITS.items():
        with limited([(name, values[0])]):
            assert any(vars(module).get(name) == values[0] for module in CORE)


def test_what_is_held_beyond_a_limit_is_found_out() -> None:
    """Of whatever a session holds after a story the limit is looked at."""
    story = next(story for seed in range(100) if (story := told_by_chance(FLAVOURS[0], seed)).limits == ())
    world = play(story).world
    assert too_much(held(world)) == []
    with limited([("MAX_CLOSED", 0), ("MAX_FILLS", 0), ("MAX_FILLS_NEEDED", 0)]):
        assert [found.partition(" has")[0] for found in too_much(held(world))] == ["closed orders", "fills"]


def test_a_key_in_the_journal_is_found_out() -> None:
    """Every byte is searched, whatever stands there."""
    with closing(world_of(Story(flavour="ftx", seed=1, journal="normal", steps=()))) as world:
        world.start()
        world.search_disk()
        assert world.broken == []
        assert world.books is not None
        Path(world.books.folder.name, "leak").write_text(f"x{world.client.api_key}y")
        world.search_disk()
        assert world.broken == ["a secret is shown: in the journal"]


def test_false_positions_are_found_out() -> None:
    """One that is given twice; and after a death one whose event is lost, and one that tells another event."""
    with closing(world_of(Story(flavour="ftx", seed=1, journal="normal", steps=()))) as world:
        world.start()
        assert world.run(MINUTE, lambda: world.phase == "live")
        world.run(SECOND)  # until that is shown, too
        books = world.books
        assert books is not None
        one, two = sorted(books.shown)
        assert world.broken == []
        world._show([books.shown[two]])
        world.die("kill", SECOND)
        books.shown[one] = books.shown[two]
        with closing(sqlite3.connect(books._path)) as db:
            db.execute("delete from record where position = ?", (two,))
            db.commit()
        world.heal()
        told = [text.partition(",")[0] for text in world.broken]
    assert told[:2] == [f"position given twice: {two} after {two}", f"positions lost: [{two}]"]
    assert told[2].startswith(f"position {one} tells ")


def test_a_journal_that_is_not_sound_is_found_out() -> None:
    """In the end the file is verified, and has all that was shown."""
    story = Story(flavour="ftx", seed=1, journal="normal", steps=())
    with closing(world_of(story)) as world:
        world.start()
        assert world.run(MINUTE, lambda: world.phase == "live")
        world.run(SECOND)
        outcome = Outcome(story, world)
        assert judged(outcome) == []
        assert world.books is not None
        world.books.store._db.execute("insert into reader values ('nobody', 99)")
        world.books.shown[77] = world.books.shown[1]
        assert judged(outcome) == [
            "the journal: reader 'nobody' stands at 99, behind the last position, 2",
            "shown and not in the journal: [77]",
        ]


def test_a_seed_decides_the_run() -> None:
    """The same story gives the same log, line by line."""
    story = told_by_chance(FLAVOURS[0], 7)
    assert play(story).world.log == play(story).world.log


def test_a_bad_story_is_found_and_shortened() -> None:
    """A run with a fill that was never told is told in few steps (the fault is ours: the story's end is cut off)."""
    story = told_by_chance("ftx", 3, 30, faults=False)

    def forgetful(story: Story) -> list[str]:
        outcome = play(story)
        return [f"fill lost: {fill.key}" for fill in outcome.world.fills]

    assert forgetful(story)
    short = shortened(story, violations_of=forgetful)
    assert forgetful(short)
    assert len(short.steps) <= 4
