"""The simulation's stories are of the format of all scenarios: ``run`` plays each of them against a client."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import pytest
from trio.testing import MockClock

from mockserver.player import shelf
from mockserver.player.words import lines
from mockserver.verbs import CLIENTS, WEATHER
from tests.simulation.chance import faults_of, told_by_chance
from tests.simulation.scripts import KEPT, to_text
from tests.simulation.stories import FILL_ALL, FILL_PART, PLACE, wait
from tests.simulation.story import Step, Story
from tests.simulation.world import FLAVOURS

from .stage import perform, perform_exchstream

SECOND: Final = 1_000_000_000
# A run of the player ends after its six minutes; that holdings cannot be asked for is told after ten.
LATER: Final = {"holdings-that-nobody-can-ask-for-had-not-agreed-for-long"}
FILES: Final = sorted({path.stem for path in KEPT.glob("*.yaml")} - LATER)


@pytest.mark.parametrize("name", FILES)
async def test_exchstream_passes(name: str, autojump_clock: MockClock) -> None:
    """A kept story ends well for the library over real sockets, too, and with other chances."""
    story = shelf.read(str(KEPT / f"{name}.yaml"))
    verdict = await perform_exchstream(story)
    assert lines(verdict, story)[0].startswith("well: "), "\n".join(lines(verdict, story))


def each_verb() -> Iterator[tuple[str, str]]:
    for flavour in FLAVOURS:
        for verb in (*faults_of(random.Random(0), flavour), "heal", "since"):
            yield flavour, verb


@pytest.mark.parametrize(("flavour", "verb"), list(each_verb()))
async def test_every_verb_is_played(flavour: str, verb: str, autojump_clock: MockClock) -> None:
    """Of a story that the simulation tells, written down: what befalls the client's process is said to be left out."""
    arg = faults_of(random.Random(1), flavour).get(verb, lambda: None)()
    befalls = Step(verb, arg)
    before = (PLACE, befalls) if verb == "since" else ()
    steps = (PLACE, wait(SECOND), befalls, FILL_PART, wait(5 * SECOND), FILL_ALL)
    told = Story(flavour=flavour, seed=1, before=before, steps=(*steps[:2], *steps[3:]) if before else steps)
    story = shelf.of_text(to_text(told, name=f"{verb}, {flavour}"))
    verdict = await perform_exchstream(story)
    assert lines(verdict, story)[0].startswith("well: "), "\n".join(lines(verdict, story))
    done = {logged.step.split("(")[1].split(":")[0].rstrip(")"): logged.words for logged in verdict.log}
    if not before:
        assert ("left out" in done[verb]) == (verb in CLIENTS)


def test_no_verb_is_forgotten() -> None:
    """What befalls the network, the venue or the client's process: some venue has it."""
    assert {verb for _, verb in each_verb()} == WEATHER.keys() | CLIENTS.keys()


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_story_by_chance_is_played(flavour: str, autojump_clock: MockClock) -> None:
    """As the search writes it down when it ends badly."""
    story = shelf.of_text(to_text(told_by_chance(flavour, 7)))
    verdict = await perform_exchstream(story)
    assert lines(verdict, story)[0].startswith("well: "), "\n".join(lines(verdict, story))


@pytest.mark.parametrize("flavour", [flavour for flavour in FLAVOURS if flavour != "binance-spot-listen-key"])
async def test_a_bot_that_does_wrong_is_caught(flavour: str, autojump_clock: MockClock) -> None:
    """One that does not ask what it missed loses the fill that the right one finds."""
    seen = (PLACE, wait(SECOND), FILL_PART, wait(SECOND))
    steps = (*seen, Step("drop", "reset"), FILL_PART, wait(5 * SECOND))
    story = shelf.of_text(to_text(Story(flavour=flavour, seed=1, steps=steps), name="a fill in a gap"))
    right, wrong = await perform(story), await perform(story, flaw="no_lookback")
    assert right.ok, lines(right, story)
    assert "fill lost" in "\n".join(lines(wrong, story))
