"""The same worlds, driven by Hypothesis: it tries steps, judges after each, and shortens what it finds.

`python -m tests.simulation` plays more stories in the same time; this one looks after every step, and finds its way to
places by the shape of the story.
"""

from __future__ import annotations

import random

import attrs
import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from exchstream.core.venue import MINUTE
from exchstream.journal.store import Durability
from mockserver.checkers import ToldFill

from .chance import acts_at, armed_by, faults_of, remembered, traded, wait_of
from .judge import Outcome, judged, judged_so_far
from .play import perform, rest, world_of
from .story import Step, Story
from .world import FLAVOURS, World

OPTIONS = settings(stateful_step_count=25, suppress_health_check=list(HealthCheck))
CHANCES = st.randoms(use_true_random=False)
JOURNALS = st.sampled_from((None, "normal", "full", "relaxed"))


class Account(RuleBasedStateMachine):
    """One account at one venue: it trades, time passes, faults come; and in the end they end."""

    flavour: str
    story: Story
    world: World
    armed: tuple[str, ...]

    @initialize(seed=st.integers(0, 1 << 16), journal=JOURNALS, early=st.booleans(), chance=CHANCES)
    def start(self, seed: int, journal: Durability | None, chance: random.Random, *, early: bool) -> None:
        """The account's stream begins.  Only some of the faults will strike it, so that rare ones meet."""
        self.armed = armed_by(chance, self.flavour)
        self.story = Story(flavour=self.flavour, seed=seed, journal=journal, early=early, steps=())
        self.world = world_of(self.story)
        self.world.start()
        if not early:
            self.world.run(MINUTE, lambda: self.world.phase == "live")

    def _do(self, step: Step) -> None:
        self.story = attrs.evolve(self.story, steps=(*self.story.steps, step))
        perform(self.world, step)

    @rule(chance=CHANCES)
    def trade(self, chance: random.Random) -> None:
        """Somebody trades."""
        for step in traded(chance, acts_at(self.flavour), self.flavour):
            self._do(step)

    @rule(chance=CHANCES, patient=st.booleans())
    def wait(self, chance: random.Random, *, patient: bool) -> None:
        """Time passes."""
        self._do(Step("wait", wait_of(chance, patient=patient)))

    @rule(chance=CHANCES, which=st.integers(0, 1_000))
    def fault(self, chance: random.Random, which: int) -> None:
        """Something goes wrong."""
        name = self.armed[which % len(self.armed)]
        (step,) = remembered([Step(name, faults_of(chance, self.flavour)[name]())])
        self._do(step)

    @invariant()
    def nothing_false_was_told(self) -> None:
        """What holds at every instant."""
        self._judge(judged_so_far(self.story, self.world))

    def teardown(self) -> None:
        """The faults end: it comes to rest, and everything has been told."""
        outcome = Outcome(self.story, self.world)
        try:
            rest(self.story, self.world, outcome)
            self._judge([*outcome.violations, *judged(outcome)])
        finally:
            self.world.close()

    def _judge(self, violations: list[str]) -> None:
        if violations:
            note(str(Outcome(self.story, self.world)))
        assert not violations


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_whatever_happens_nothing_false_is_told(flavour: str) -> None:
    """Judged after every step by all that can be said then, and by all the rest at the end."""
    machine = type("Account", (Account,), {"flavour": flavour})
    run_state_machine_as_test(machine, settings=settings(OPTIONS, max_examples=15))


def test_a_false_history_is_found() -> None:
    """A stream that tells a fill twice does not pass."""

    class Forgetful(Account):
        flavour = "ftx"

        def _do(self, step: Step) -> None:
            super()._do(step)
            self.world.told += [told for told in self.world.told if isinstance(told, ToldFill)][:1]

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Forgetful, settings=settings(OPTIONS, max_examples=200, phases=[Phase.generate]))
