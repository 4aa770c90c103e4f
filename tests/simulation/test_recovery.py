"""Rules of recovery that chance meets too rarely: each is led to its place, and every checker looks on.

What chance does meet is in `test_simulation.py`.
"""

from __future__ import annotations

import random
from contextlib import closing
from typing import Any, Final

import attrs
import pytest

from exchstream.core.venue import DAY, HOUR, MINUTE, SECOND, Fills
from mockserver.actions import Act
from mockserver.checkers import Closed

from .chance import faults_of
from .judge import Outcome, judged
from .play import perform, play, rest, world_of
from .stories import CANCEL, FILL_ALL, FILL_PART, FTX, FUTURES, LISTEN_KEY, PLACE, SPOT, trade, wait
from .story import Step, Story
from .world import FLAVOURS, World

MILLI: Final = 1_000_000
NEW_KEY: Final = {"listen_key_renew_ns": 10 * SECOND, "listen_key_spread_ns": SECOND}
PROVEN_BY: Final = {SPOT: "GREETING", LISTEN_KEY: "SETTLING", FUTURES: "SETTLING", FTX: "GREETING"}


def wrong_at_rest(story: Story, world: World) -> list[str]:
    """The faults end, it comes to rest: what any checker says then."""
    outcome = Outcome(story, world)
    rest(story, world, outcome)
    return [*outcome.violations, *judged(outcome)]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_link_may_end_before_while_and_after_its_subscription_is_proven(flavour: str) -> None:
    """An order is placed before the end, and filled behind it: at whatever instant of the greeting that was."""
    met: set[str] = set()
    for at_ns in (*range(0, 600 * MILLI, 12 * MILLI), 10 * SECOND):
        story = Story(flavour=flavour, seed=at_ns // MILLI, early=True, steps=())
        with closing(world_of(story)) as world:
            world.start()
            for step in (wait(at_ns), PLACE):
                perform(world, step)
            met |= {link.phase.name for link in world.session.links.live.values()}
            for step in (Step("drop", "reset"), FILL_PART, wait(SECOND // 5), FILL_ALL, wait(MINUTE)):
                perform(world, step)
            assert wrong_at_rest(story, world) == [], world.log
            assert len(world.fills) == 2
    assert met == {"DIALING", PROVEN_BY[flavour], "PROVEN"}


@pytest.mark.parametrize(
    ("flavour", "why", "options"),
    [
        *((flavour, "notice", {}) for flavour in (SPOT, LISTEN_KEY, FTX)),  # futures have no such notice
        *((flavour, "age", {"lifetime_ns": 15 * SECOND}) for flavour in (SPOT, LISTEN_KEY, FUTURES)),
        (FUTURES, "key", NEW_KEY),  # spot renews its key by name, and is never given another one
    ],
)
def test_a_rotation_in_the_midst_of_fills_needs_no_gap(flavour: str, why: str, options: dict[str, Any]) -> None:
    """A fill every twentieth of a second, before, while and after two links are heard: each is told once."""
    story = Story(flavour=flavour, seed=1, healthy=True, steps=())
    with closing(World(flavour, seed=1, options=options)) as world:
        world.start()
        assert world.run(MINUTE, lambda: world.phase == "live")
        if why != "age":
            perform(world, Step("shutdown", False) if why == "notice" else Step("rekey"))
        overlapped = 0
        while not overlapped or len(world.session.links.live) > 1:
            for step in (PLACE, FILL_ALL, wait(SECOND // 20)):
                perform(world, step)
            overlapped += len(world.session.links.live) > 1
            assert len(world.fills) < 2_000
        dialled = world.dialled
        assert wrong_at_rest(story, world) == [], world.log
    assert dialled == 2
    assert overlapped > 2


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_nine_days_away_are_read_in_windows_and_pages(flavour: str) -> None:
    """Binance takes 24 hours of spot's history at a time, and 7 days of futures'; here a page holds five rows.

    Futures forget orders that ended unfilled after three days: the time before that is named, and the fills are told.
    """
    day = (FILL_PART, wait(4 * HOUR), *(PLACE,) * 3, CANCEL, FILL_ALL, wait(20 * HOUR))
    steps = (PLACE, PLACE, wait(SECOND), Step("restart", ("kill", 9 * DAY)), *day * 9, wait(5 * MINUTE))
    outcome = play(Story(flavour=flavour, seed=1, journal="normal", page_cap=5, steps=steps))
    verdict = [event for event in outcome.world.told if isinstance(event, Closed)][-1]
    assert verdict.until_ns - verdict.since_ns > 9 * DAY
    assert len(outcome.world.fills) >= 18
    if flavour != FUTURES:
        assert outcome.violations == []
        return
    ((what, span),) = verdict.unresolved
    assert what == "span"
    assert verdict.until_ns - int(span.partition("..")[2]) < 3 * DAY + MINUTE
    assert [text for text in outcome.violations if not text.startswith("verdict ")] == []


@pytest.mark.parametrize("flavour", [SPOT, LISTEN_KEY, FUTURES])
def test_a_symbol_that_is_delisted_in_a_gap_is_named_and_hides_no_other(flavour: str) -> None:
    """Its order was open, and its position, which is settled; of another symbol a fill in the same gap is told."""
    gone = (PLACE, FILL_PART, wait(SECOND), Step("drop", "late"), FILL_PART, Step("delist", 0))
    other = (trade(Act.LIMIT, where=1), FILL_ALL, wait(MINUTE))
    outcome = play(Story(flavour=flavour, seed=1, steps=(*gone, *other)))
    assert outcome.violations == []
    (name,) = outcome.world.delisted
    named = [event.unresolved for event in outcome.world.told if isinstance(event, Closed)]
    assert any(("symbol", name) in unresolved for unresolved in named)
    moved = {("asset", name)} if flavour == FUTURES else set()
    assert {what for unresolved in named for what in unresolved} == {("symbol", name), *moved}


@pytest.mark.parametrize(
    ("flavour", "fault"),
    [
        *((flavour, ("ban", (2 * MINUTE, 429 if flavour == FTX else 418))) for flavour in FLAVOURS),  # FTX has no 418
        *((flavour, ("fate", fate)) for flavour in FLAVOURS for fate in ("429", "503", "html")),
    ],
)
def test_a_look_back_that_is_refused_in_the_middle_goes_on(flavour: str, fault: tuple[str, Any]) -> None:
    """Of a gap with several pages the first is read, then REST refuses for a minute: all is told, once."""
    cap = 5 if flavour == FTX else 2  # FTX pages by time: what one instant holds must fit into a page
    story = Story(flavour=flavour, seed=1, page_cap=cap, steps=())
    with closing(world_of(story)) as world:
        world.start()
        assert world.run(MINUTE, lambda: world.phase == "live")
        fills = (FILL_ALL, wait(MILLI)) * 8
        for step in (*(PLACE, wait(MILLI)) * 8, wait(SECOND), Step("drop", "reset"), *fills):
            perform(world, step)
        assert world.run(MINUTE, lambda: asks_for_a_next_page(world))
        for step in (Step(*fault), wait(MINUTE)):
            perform(world, step)
        assert world.phase == "looking back"
        assert wrong_at_rest(story, world) == [], world.log
        assert len(world.fills) == 8


def asks_for_a_next_page(world: World) -> bool:
    """Whether a page of fills has been read and the one after it is asked for."""
    asked = [each.question for each in world.session._asks.out.values()]
    return any(isinstance(question, Fills) and question.cursor is not None for question in asked)


def logged(story: Story) -> list[str]:
    """What happens in it, but for the steps themselves."""
    with closing(world_of(story)) as world:
        world.start()
        world.run(MINUTE, lambda: world.phase == "live")
        for step in story.steps:
            perform(world, step)
        return [line for line in world.log if "STEP" not in line]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_no_fault_is_idle(flavour: str) -> None:
    """Each fault that is drawn, and counted, for this venue changes what happens there."""
    for name in faults_of(random.Random(0), flavour):
        before = (PLACE, wait(SECOND), *((Step("mute", "events"),) if name == "unmute" else ()))
        rest_ns = 40 * MINUTE if name == "rekey" else MINUTE  # as late as the key is renewed
        after = (*(PLACE, FILL_PART, wait(SECOND)) * 3, Step("drop", "reset"), FILL_ALL, wait(rest_ns))
        for seed in range(6):
            fault = Step(name, faults_of(random.Random(seed), flavour)[name]())
            without = Story(flavour=flavour, seed=seed, journal="normal", steps=(*before, *after))
            if logged(without) != logged(attrs.evolve(without, steps=(*before, fault, *after))):
                break
        else:
            pytest.fail(f"{name} changes nothing at {flavour}")
