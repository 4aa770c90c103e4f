"""What a search has met: so many steps, fills, fills inside of gaps, recoveries, and of each fault how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from mockserver.checkers import Closed, Opened, Told, ToldFill, TrueFill

from .judge import Outcome


@attrs.define
class Tally:
    """Counts of one flavour; two add up."""

    stories: int = 0
    steps: int = 0
    bad: int = 0
    live_after_ns: int = 0
    counts: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        story, world, told = outcome.story, outcome.world, outcome.world.told
        self.stories += 1
        self.steps += len(story.before) + len(story.steps)
        self.bad += bool(outcome.violations)
        self.live_after_ns = max(self.live_after_ns, outcome.live_after_ns)
        self.faults.update(step.what for step in story.steps if step.what not in ("trade", "wait"))
        verdicts = [event for event in told if isinstance(event, Closed)]
        self.counts.update(
            {
                "orders": len({change.key for change in world.changes}),
                "fills": len(world.fills),
                "fills in gaps": in_gaps(world.fills, told),
                "fills recovered": sum(isinstance(event, ToldFill) and event.recovered for event in told),
                "gaps": sum(isinstance(event, Opened) for event in told),
                "verdicts": len(verdicts),
                "incomplete": sum(not verdict.complete for verdict in verdicts),
                "given up": len(world.gave_up),
                "outages": len(world.outages),
                "memory ran out": world.evicted,
                "restarts": world.restarts,
                "events taken back": world.lost_tail,
                "questions": world.asked,
                "dials": world.dialled,
            }
        )

    def join(self, other: Tally) -> None:
        """Take in the counts of another search."""
        self.stories += other.stories
        self.steps += other.steps
        self.bad += other.bad
        self.live_after_ns = max(self.live_after_ns, other.live_after_ns)
        self.counts.update(other.counts)
        self.faults.update(other.faults)

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        faults = ", ".join(f"{name} {number:,}" for name, number in sorted(self.faults.items()))
        live = self.live_after_ns // 10**9
        return (
            f"{self.stories:,} stories, {self.steps:,} steps, {self.bad:,} bad; live again after at most {live} s\n"
            f"  {counts}\n  faults: {faults}"
        )


def in_gaps(fills: Sequence[TrueFill], told: Sequence[Told]) -> int:
    """How many fills happened while a gap was open: after it was told, and before its verdict."""
    spans: list[tuple[int, int | None]] = []
    for event in told:
        if isinstance(event, Opened) and (not spans or spans[-1][1] is not None):
            spans.append((event.at_ns, None))
        elif isinstance(event, Closed) and spans:
            spans[-1] = (spans[-1][0], event.at_ns)
    return sum(any(a <= fill.time_ns and (b is None or fill.time_ns <= b) for a, b in spans) for fill in fills)
