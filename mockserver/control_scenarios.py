"""The control API's routes for scenarios: those that are shipped, played in a world that is there, step by step or all.

One at a time in each world. Nothing runs by itself: whoever looks lets it go on, as far as it was allowed to, and may
wait for news. Pure, like ``mockserver.control``, which mounts these routes: to wait is the server's.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

from mockserver.control_acts import (
    FLAG,
    TEXT,
    WHOLE,
    Act,
    Json,
    News,
    Schema,
    Steps,
    Stop,
    Table,
    like,
    obj,
    one_of,
    or_null,
    rows,
)
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.faults import Fault
from mockserver.forms import nearest
from mockserver.liquidity import Manual
from mockserver.player import shelf
from mockserver.player.machine import StepError, shown_step
from mockserver.player.playing import Playing, SetupError, left_out
from mockserver.player.verbs import Branches
from mockserver.player.words import lines, row
from mockserver.story import Step, Story

LONGEST_MS: Final = 5_000
QUIET_NS: Final = 500_000_000
"""All must stay well for so long."""
NS_PER_MS: Final = 1_000_000
STATES: Final = ("done", "now", "failed", "to come")
_STEP: Final[Schema] = obj(step=TEXT, state=one_of(STATES), words=TEXT)
_LISTED: Final[Schema] = obj(name=TEXT, title=TEXT, venue=TEXT, about=TEXT, must=TEXT, steps=rows(TEXT))
_PLAYED: Final[Schema] = obj(
    name=TEXT,
    venue=TEXT,
    account=TEXT,
    steps=rows(_STEP),
    notes=rows(TEXT),
    waiting=TEXT,
    moving=FLAG,
    over=FLAG,
    final=FLAG,
    verdict=or_null({"type": "object"}),
    lines=rows(TEXT),
)
_GIVES: Final[Schema] = obj(playing=or_null(_PLAYED))


class ScenarioControl:
    """What the control API plays."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.playing: dict[str, tuple[str, Playing]] = {}  # bounded: one per world
        name = like(TEXT, "fill-during-reconnect")
        wait = like(WHOLE, 0, f"Wait so many milliseconds for it to go on; at most {LONGEST_MS}.", 0)
        steps = like(or_null(WHOLE), 1, "So many more steps may begin; null: all.")
        self.table: Table = {
            ("GET", "/scenarios"): Act.of(self._list, gives=obj(scenarios=rows(_LISTED), missing=or_null(TEXT))),
            ("POST", "/scenarios/{name}/begin"): Act.of(self._begin, "account!", gives=_GIVES, name=name),
            ("GET", "/scenario"): Act.of(self._look, "wait_ms", gives=_GIVES, wait_ms=wait),
            ("POST", "/scenario/play"): Act.of(self._play, "steps", gives=_GIVES, steps=steps),
            ("POST", "/scenario/end"): Act.of(self._end, gives=_GIVES),
        }

    def _list(self, given: Input) -> Json:
        """The scenarios that are shipped; "missing" says what has to be installed before they can be read."""
        try:
            stories = {name: shelf.read(name) for name in shelf.names()}
        except ModuleNotFoundError as error:
            return {"scenarios": [], "missing": str(error)}
        return {"scenarios": [_listed(name, story) for name, story in stories.items()], "missing": None}

    def _begin(self, given: Input) -> Json:
        """Begin a scenario in this world, for a client of this account; its first step waits until it may begin."""
        world, name = self.find.world(given), given.text("name")
        if name not in shelf.names():
            raise BadRequest(f"no scenario {name!r}; {nearest(name, shelf.names())}", 404)
        try:
            story = shelf.read(name)
        except ModuleNotFoundError as error:
            raise BadRequest(str(error), 409) from None
        venue, _, era = story.venue.partition("@")
        exchange, account = world.exchanges[venue], given.text("account")
        if exchange.account(account) is None:
            raise BadRequest(f"no account {account!r} at {venue}, whose scenario this is", 404)
        self._leave(world.name)
        try:
            made = Playing(story, self.find.worlds, venue, account, world=world.name, joins=True)
            made.machine.allowed = 0
            if era and (profile := exchange.spec.profile(era)) is not None:
                exchange.play_era(profile)
        except (SetupError, StepError) as error:
            raise BadRequest(str(error), 409) from None
        self.playing[world.name] = (name, made)
        return self._state(world.name)

    def _play(self, given: Input) -> Steps:
        """Let so many more steps begin, or all of them, and go on as far as possible at once."""
        world, more = self.find.world(given), None if given.get("steps") is None else given.whole("steps")
        playing = self._played(world.name)
        if playing is None:
            raise BadRequest("no scenario is played in this world; POST /__mock/scenarios/{name}/begin begins one", 409)
        machine = playing.machine
        machine.allowed = None if more is None else max(machine.reached, machine.allowed or 0) + more
        yield from _go_on(playing)
        return self._state(world.name)

    def _look(self, given: Input) -> Steps:
        """How the scenario of this world stands; it goes on as far as it was allowed to."""
        world, wait_ms = self.find.world(given), given.whole("wait_ms", 0)
        if wait_ms > LONGEST_MS:
            raise BadRequest(f"'wait_ms' must be at most {LONGEST_MS}")
        playing = self._played(world.name)
        if playing is not None:
            yield from _go_on(playing)
            if wait_ms and _moves(playing):
                yield News(playing.hands.world, _within_ns(playing, wait_ms * NS_PER_MS))
                yield from _go_on(playing)
        return self._state(world.name)

    def _end(self, given: Input) -> Json:
        """Play it no further; its faults are disarmed."""
        world = self.find.world(given)
        self._leave(world.name)
        return self._state(world.name)

    def name_in(self, world: str) -> str | None:
        """The scenario that is played in a world, if one is."""
        return None if self._played(world) is None else self.playing[world][0]

    # -- inside ---------------------------------------------------------------------------------------------------

    def _played(self, world: str) -> Playing | None:
        """What is played in this world, unless the world has begun anew without its account."""
        _, playing = self.playing.get(world, ("", None))
        if playing is not None and playing.hands.exchange.account(playing.hands.account) is None:
            self._leave(world)
            return None
        return playing

    def _leave(self, world: str) -> None:
        _, playing = self.playing.pop(world, ("", None))
        if playing is not None:
            playing.leave()
            faults = self.find.worlds.worlds[world].faults
            for fault in {*_faults(playing.story.before), *_faults(playing.story.steps)} & faults.hits.keys():
                faults.disarm(fault)

    def _state(self, world: str) -> Json:
        name = self.playing.get(world, ("", None))[0]
        playing = self._played(world)
        return {"playing": None if playing is None else _state(name, playing)}


def _faults(steps: Sequence[Step]) -> Iterator[str]:
    """The names of the faults that these steps arm."""
    for step in steps:
        if isinstance(step.arg, Fault):
            yield step.arg.name
        elif isinstance(step.arg, Branches):
            yield from (name for each in step.arg.lists for name in _faults(each))


def _listed(name: str, story: Story) -> Json:
    told = {"name": name, "title": story.name, "venue": story.venue, "about": story.about, "must": story.must}
    return told | {"steps": [shown_step(step) for step in story.steps]}


def _go_on(playing: Playing) -> Generator[Stop, None, None]:
    """As far as possible now; the wire may have to catch up on the way."""
    playing.go()
    while playing.machine.behind:
        yield playing.hands.world
        playing.machine.caught_up()
        playing.go()


def _moves(playing: Playing) -> bool:
    """Whether something may still come of it without another word."""
    machine = playing.machine
    if machine.over:
        return not _final(playing)
    return machine.allowed is None or machine.allowed > machine.reached or bool(machine.waiting)


def _within_ns(playing: Playing, most_ns: int) -> int:
    """How long to wait at most before it may go on by itself."""
    machine = playing.machine
    if machine.over or machine.polls:
        return min(most_ns, QUIET_NS // 10)
    left_ns = most_ns if machine.next_ns is None else machine.next_ns - playing.now_ns
    return max(NS_PER_MS, min(most_ns, left_ns))


def _final(playing: Playing) -> bool:
    """Whether the verdict stands: it failed, or all stayed well for a while, or there is no more time."""
    machine = playing.machine
    if machine.failed is not None:
        return True
    passed_ns = playing.now_ns - machine.ended_ns
    return passed_ns >= playing.settle_ns or (passed_ns >= QUIET_NS and playing.verdict().ok)


def _state(name: str, playing: Playing) -> Json:
    machine, story = playing.machine, playing.story
    verdict = playing.verdict() if machine.over else None
    final = verdict is not None and _final(playing)
    return {
        "name": name,
        "venue": playing.hands.venue,
        "account": playing.hands.account,
        "steps": [_step(number, shown_step(step), playing) for number, step in enumerate(story.steps, 1)],
        "notes": _notes(playing),
        "waiting": machine.waiting,
        "moving": _moves(playing),
        "over": machine.over,
        "final": final,
        "verdict": None if verdict is None else row(verdict),
        "lines": [] if verdict is None else lines(verdict, story),
    }


def _step(number: int, shown: str, playing: Playing) -> Json:
    machine = playing.machine
    label = f"step {number} ("
    done = number < machine.reached or (number == machine.reached and not machine.waiting) or machine.over
    state = "to come" if number > machine.reached else "done" if done else "now"
    if machine.failed is not None and number == machine.reached:
        state = "failed"
    words = [each.words for each in machine.log if each.step.startswith((label, f"step {number}."))]
    return {"step": shown, "state": state, "words": words[-1] if words else ""}


def _notes(playing: Playing) -> list[str]:
    """What the scenario asks for and this world does not have."""
    story: Any = playing.story
    asked = {"account": story.account, "clock_ahead": story.setup.get("clock_ahead")}
    notes = [f"left out: {line}" for line in left_out(story)]
    notes += [f"{key} is not set in a world that is there already" for key, value in asked.items() if value]
    if story.liquidity == "manual" and not isinstance(playing.hands.exchange.liquidity, Manual | None):
        notes.append(
            "others trade in this world, and the scenario wants nobody to: start the mock with --liquidity manual"
        )
    return notes
