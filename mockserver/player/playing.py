"""One scenario as it is played in a world: what was heard goes in, steps are done, a verdict comes out.

``look`` reads what the journal has had since, ``go`` lets the machine run on, ``verdict`` judges. Nothing waits here
(``play`` does), so the same code plays under a real and under a virtual clock. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from mockserver import verify
from mockserver.actions import Action
from mockserver.durations import UNITS, parse_duration
from mockserver.heard import read_entry
from mockserver.markets import widened
from mockserver.plain_yaml import dump_flow
from mockserver.player.checks import Case, Judged, judge
from mockserver.player.hands import WorldHands
from mockserver.player.machine import PATIENCE_NS, Failed, Logged, Machine, StepError, shown_step
from mockserver.player.verbs import Branches
from mockserver.recorder import Recorder
from mockserver.reports import Reports
from mockserver.story import Step, Story
from mockserver.verbs import CLIENTS
from mockserver.verify import Failure, Journal
from mockserver.world import Worlds

SETTLE_NS: Final = 5 * UNITS["s"]
APART_NS: Final = 2 * UNITS["ms"]
"""So much lies between what was before the client and what it is judged by: the venues tell milliseconds."""
SETUP: Final = ("patience", "settle", "settings", "clock_ahead", "markets", "symbols")
CLIENTS_SETUP: Final = ("limits", "session_limits", "journal", "healthy")
"""What is the client's own: nothing that a mock could see to."""


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
    died: str = ""
    """How the client ended before the story did, if it did not end well, or why it never began."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not (self.died or self.failed or self.broken or self.wrong or any(each.wrong for each in self.judged))


class Playing:
    """A story in a world."""

    def __init__(
        self, story: Story, worlds: Worlds, venue: str, account: str, *, world: str = "default", joins: bool = False
    ) -> None:
        """``joins``: the client is there already, and what was heard before is not the story's."""
        known = (*SETUP, *CLIENTS_SETUP)
        if unknown := [key for key in story.setup if key not in known]:
            raise SetupError(f"the setup has no {unknown[0]!r}; there are {', '.join(known)}")
        self.story = story
        self.hands = WorldHands(worlds, world, venue, account)
        wanted = widened(self.hands.exchange.spec, setup_markets(story))[0].instruments
        if "markets" in story.setup and len(wanted) != len(self.hands.exchange.engine.instruments):
            raise SetupError(f"the story is of {len(wanted)} markets: python -m mockserver run makes them")
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
        if joins:
            self._join()

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
            self._listen(0)
        entries = recorder.entries(since=self._seq)
        if entries:
            self._seq = entries[-1].seq
            self.machine.feed([read_entry(entry) for entry in entries])
        return bool(entries)

    def verdict(self) -> Verdict:
        """How it stands now; what may still come is judged as if it would not."""
        begun, machine = self._begun(), self.machine
        if machine.failed is not None:
            return begun
        journal = Journal(machine.heard, machine.begun_ns, self.now_ns)
        return attrs.evolve(
            begun,
            broken=tuple(machine.forbidden()),
            judged=tuple(judge(self.checks, self._case())),
            wrong=tuple(verify.failures(self.expected, journal)),
        )

    def died(self, why: str) -> Verdict:
        """How it stood when the client died. That it hears nothing any more is no fault of its own.

        Nothing is said of what is expected by the end, nor of what nobody knows.
        """
        self.machine.die(why)
        begun, case = self._begun(), self._case()
        spans = [row for row in case.truth["blind"] if row["until_ns"] is not None]
        judged = judge(self.checks, attrs.evolve(case, truth={**case.truth, "blind": spans}))
        known = tuple(each for each in judged if not each.unknown)
        return attrs.evolve(begun, broken=tuple(self.machine.forbidden()), judged=known, died=why)

    def leave(self) -> None:
        """Listen no more."""
        if self._recorder is not None and self._news in self._recorder.followers:
            self._recorder.followers.remove(self._news)
        if self.reports.on_report == self._news:
            self.reports.on_report = None

    # -- inside ---------------------------------------------------------------------------------------------------

    def _begun(self) -> Verdict:
        """What is known before anything is judged."""
        self.look()
        machine, seed = self.machine, self.hands.world.seed
        return Verdict(scenario=self.story.name, seed=seed, log=tuple(machine.log), failed=machine.failed)

    def _case(self) -> Case:
        machine, reports, hands = self.machine, self.reports, self.hands
        return Case(
            venue=hands.venue,
            account=hands.account,
            heard=machine.heard,
            truth=self._truth(),
            told=reports.told,
            unreadable=reports.wrong,
            now_ns=self.now_ns,
            begun_ns=machine.begun_ns,
        )

    def _join(self) -> None:
        """Begin behind what was heard; a client that is subscribed is known to be."""
        heard = [read_entry(entry) for entry in self.hands.world.recorder.entries()]
        mine = {"venue": self.hands.venue, "account": self.hands.account}
        words = [each for each in heard if each.word == "client" and each.params == mine]
        self._listen(heard[-1].seq if heard else 0)
        self.machine.feed([each for each in words[-1:] if each.name == "subscribed"])

    def _listen(self, seq: int) -> None:
        """Take what the journal has behind this entry."""
        self._recorder, self._seq = self.hands.world.recorder, seq
        self._recorder.followers.append(self._news)
        self.reports.on_report = self._news

    def _prepare(self) -> None:
        """Do what happens before the client begins."""
        try:
            if "settings" in self.story.setup:
                _do(self.hands.set_up(self.story.setup["settings"]))
            for step in self.story.before:
                if step.what == "goto":
                    raise SetupError("before the client begins nothing is repeated")
                self.hands.world.clock.advance(span_before(step), wall=True)
                if step.what not in ("wait", "label"):
                    _do(self.hands.act(step, {}))
            self.hands.world.clock.advance(_apart_ns(self.story), wall=True)
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


def span_before(step: Step) -> int:
    """How long a step takes by which the story begins. SetupError: nothing can be waited for yet."""
    if step.what == "wait":
        if not isinstance(step.arg, int):
            raise SetupError("before the client begins a wait is a duration")
        return step.arg
    return step.arg.after_ns if isinstance(step.arg, Action) else 0


def ahead_ns(story: Story) -> int:
    """How far the venue's clock is ahead of the client's when it is made: what comes before the client moves it on."""
    return setup_span(story, "clock_ahead") - sum(map(span_before, story.before)) - _apart_ns(story)


def _apart_ns(story: Story) -> int:
    """How long before the client its orders were last traded."""
    trades = any(step.what in ("trade", "fill", "cancel", "expire", "price") for step in story.before)
    return APART_NS if trades else 0


def left_out(story: Story) -> list[str]:
    """What of a story is played without: what befalls the client's own process, which no mock can see to."""
    lines = [f"setup {key} ({dump_flow(story.setup[key])})" for key in story.setup if key in CLIENTS_SETUP]
    for what, steps in (("before, step", story.before), ("step", story.steps)):
        lines += [f"{what} {n} ({shown_step(step)})" for n, step in enumerate(steps, 1) if step.what in CLIENTS]
        inner = [each for step in steps if isinstance(step.arg, Branches) for each in step.arg.lists]
        lines += [line for each in inner for line in left_out(attrs.evolve(story, setup={}, before=(), steps=each))]
    return lines


def setup_markets(story: Story) -> int | None:
    """How many markets the venue has. SetupError: it is no such number."""
    given = story.setup.get("markets")
    if given is not None and (type(given) is not int or given < 1):
        raise SetupError(f"markets of the setup is a whole number, 1 or above, not {given!r}")
    return given


def setup_symbols(story: Story) -> list[str] | None:
    """The symbols that the client is to follow; None: all that there are. SetupError: it is no list of names."""
    given = story.setup.get("symbols")
    if given is not None and (not isinstance(given, list) or any(not isinstance(each, str) for each in given)):
        raise SetupError(f"symbols of the setup is a list of names, not {given!r}")
    return given


def setup_span(story: Story, key: str, otherwise: int = 0) -> int:
    """A duration of the setup. SetupError: it is none."""
    given = story.setup.get(key)
    if given is None:
        return otherwise
    try:
        return parse_duration(given)
    except (TypeError, ValueError):
        raise SetupError(f"{key} of the setup is a duration such as 5s, not {given!r}") from None
