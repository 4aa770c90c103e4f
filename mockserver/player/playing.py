"""One scenario as it is played in a world: what was heard goes in, steps are done, a verdict comes out.

``look`` reads what the journal has had since, ``go`` lets the machine run on, ``verdict`` judges. Nothing waits here
(``play`` does), so the same code plays under a real and under a virtual clock. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from mockserver import verify
from mockserver.durations import UNITS, parse_duration
from mockserver.heard import read_entry
from mockserver.player.checks import Case, Judged, judge
from mockserver.player.hands import WorldHands
from mockserver.player.machine import PATIENCE_NS, Failed, Logged, Machine, StepError
from mockserver.recorder import Recorder
from mockserver.reports import Reports
from mockserver.story import Story
from mockserver.verify import Failure, Journal
from mockserver.world import Worlds

SETTLE_NS: Final = 5 * UNITS["s"]
SETUP: Final = ("patience", "settle", "settings", "clock_ahead")


class SetupError(Exception):
    """The story asks for what the player does not have; the text says what."""


@attrs.frozen(slots=True, kw_only=True)
class Verdict:
    """How it went."""

    scenario: str
    seed: int
    failed: Failed | None = None
    """The step at which it ended, if it did not come to its end."""
    broken: tuple[Failed, ...] = ()
    """What must not have come."""
    judged: tuple[Judged, ...] = ()
    wrong: tuple[Failure, ...] = ()
    """Expectations of ``finally`` that do not hold."""
    log: tuple[Logged, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not (self.failed or self.broken or self.wrong or any(each.wrong for each in self.judged))


class Playing:
    """A story in a world."""

    def __init__(self, story: Story, worlds: Worlds, venue: str, account: str, *, world: str = "default") -> None:
        if unknown := [key for key in story.setup if key not in SETUP]:
            raise SetupError(f"the setup has no {unknown[0]!r}; there are {', '.join(SETUP)}")
        self.story = story
        self.hands = WorldHands(worlds, world, venue, account)
        self.settle_ns = setup_span(story, "settle", SETTLE_NS)
        self.checks = tuple(name for step in story.ending if step.what == "check" for name in step.arg)
        self.expected = tuple(each for step in story.ending if step.what == "verify" for each in step.arg.value)
        self.on_news: Callable[[], None] = lambda: None
        """Called when something was heard or reported, so that whoever waits can wake up."""
        self._recorder: Recorder | None = None
        self._seq = 0
        self._prepare()
        patience_ns = setup_span(story, "patience", PATIENCE_NS)
        self.machine = Machine(story.steps, self.hands, now_ns=self.now_ns, patience_ns=patience_ns)

    @property
    def now_ns(self) -> int:
        """The time by which the story waits."""
        return self.hands.world.clock.now_ns

    @property
    def reports(self) -> Reports:
        """What the client has said so far; a reset of the world begins anew."""
        return self.hands.world.reports

    def go(self) -> None:
        """Read what was heard, and run on as far as possible."""
        self.look()
        while not self.machine.over:
            self.machine.go(self.now_ns)
            if not self.look():
                return

    def look(self) -> bool:
        """Read what the journal has had since; whether there was anything."""
        recorder = self.hands.world.recorder
        if recorder is not self._recorder:
            self._recorder, self._seq = recorder, 0
            recorder.followers.append(self._news)
            self.reports.on_report = self._news
        entries = recorder.entries(since=self._seq)
        if entries:
            self._seq = entries[-1].seq
            self.machine.feed([read_entry(entry) for entry in entries])
        return bool(entries)

    def verdict(self) -> Verdict:
        """How it stands now; what may still come is judged as if it would not."""
        self.look()
        machine, reports, hands = self.machine, self.reports, self.hands
        begun = Verdict(scenario=self.story.name, seed=hands.world.seed, log=tuple(machine.log), failed=machine.failed)
        if machine.failed is not None:
            return begun
        case = Case(
            venue=hands.venue,
            account=hands.account,
            heard=machine.heard,
            truth=self._truth(),
            told=reports.told,
            unreadable=reports.wrong,
            now_ns=self.now_ns,
        )
        journal = Journal(machine.heard, machine.begun_ns, self.now_ns)
        return attrs.evolve(
            begun,
            broken=tuple(machine.forbidden()),
            judged=tuple(judge(self.checks, case)),
            wrong=tuple(verify.failures(self.expected, journal)),
        )

    # -- inside ---------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Do what happens before the client begins."""
        try:
            if "settings" in self.story.setup:
                _do(self.hands.set_up(self.story.setup["settings"]))
            for step in self.story.before:
                _do(self.hands.act(step, {}))
        except StepError as error:
            raise SetupError(f"before the client begins: {error}") from None

    def _truth(self) -> dict[str, Any]:
        world = self.hands.world
        engines = {venue: exchange.engine for venue, exchange in world.exchanges.items()}
        return world.truth.report(lambda venue, symbol: engines[venue].instruments[symbol], self.now_ns)

    def _news(self) -> None:
        self.on_news()


def _do(steps: Iterable[object]) -> None:
    """All of it at once: nobody is there yet for whom the wire would have to catch up."""
    for _ in steps:
        pass


def setup_span(story: Story, key: str, otherwise: int = 0) -> int:
    """A duration of the setup. SetupError: it is none."""
    given = story.setup.get(key)
    if given is None:
        return otherwise
    try:
        return parse_duration(given)
    except (TypeError, ValueError):
        raise SetupError(f"{key} of the setup is a duration such as 5s, not {given!r}") from None
