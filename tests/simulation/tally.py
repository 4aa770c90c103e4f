"""What a search has met: so many steps, fills, fills inside of gaps, recoveries, and of each fault how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

from exchstream.core.venue import MINUTE
from mockserver.checkers import Closed, Opened, Span, Told, ToldFill, TrueFill

from .judge import Outcome, excused
from .story import Step

CALM: Final = {"fate": "ok", "dials": "ok", "doubled": 0.0, "broken": 0.0, "away": None, "measure": 0}  # no faults
CLOSED_WITHIN_NS: Final = 5 * MINUTE  # of time in which nothing was in the way


@attrs.define
class Tally:
    """Counts of one flavour; two add up."""

    stories: int = 0
    steps: int = 0
    bad: int = 0
    live_after_ns: int = 0
    counts: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)
    forms: Counter[str] = attrs.field(factory=Counter)
    """Of those faults that have several forms."""

    def add(self, outcome: Outcome) -> None:
        """Count one run."""
        story, world, told = outcome.story, outcome.world, outcome.world.told
        self.stories += 1
        self.steps += len(story.before) + len(story.steps)
        self.bad += bool(outcome.violations)
        self.live_after_ns = max(self.live_after_ns, outcome.live_after_ns)
        faults = [step for step in story.steps if _is_fault(step)]
        self.faults.update(step.what for step in faults)
        self.forms.update(f"{step.what} {step.arg}" for step in faults if isinstance(step.arg, str))
        verdicts = [event for event in told if isinstance(event, Closed)]
        closings = list(closed_well(outcome))
        self.counts.update(
            {
                "orders": len({change.key for change in world.changes}),
                "fills": len(world.fills),
                "fills in gaps": in_gaps(world.fills, told),
                "fills recovered": sum(isinstance(event, ToldFill) and event.recovered for event in told),
                "gaps": sum(isinstance(event, Opened) for event in told),
                "verdicts": len(verdicts),
                "incomplete": sum(not verdict.complete for verdict in verdicts),
                "recoverable gaps": len(closings),
                "closed well": sum(closings),
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
        self.forms.update(other.forms)

    @property
    def closed_well(self) -> float:
        """Of the gaps in which everything could be recovered, the share that was closed complete and in time."""
        return self.counts["closed well"] / (self.counts["recoverable gaps"] or 1)

    def __str__(self) -> str:
        counts = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        faults, forms = (
            ", ".join(f"{name} {number:,}" for name, number in sorted(each.items()))
            for each in (self.faults, self.forms)
        )
        live = self.live_after_ns // 10**9
        return (
            f"{self.stories:,} stories, {self.steps:,} steps, {self.bad:,} bad; live again after at most {live} s\n"
            f"  {counts}\n  {self.closed_well:.2%} of the recoverable gaps closed complete and in time\n"
            f"  faults: {faults}\n  in the forms: {forms}"
        )


def _is_fault(step: Step) -> bool:
    """True for a step that lets something go wrong, or mends a muted link."""
    return step.what not in ("trade", "wait") and not (step.what in CALM and step.arg == CALM[step.what])


def in_gaps(fills: Sequence[TrueFill], told: Sequence[Told]) -> int:
    """How many fills happened while a gap was open: after it was told, and before its verdict."""
    spans: list[tuple[int, int | None]] = []
    for event in told:
        if isinstance(event, Opened) and (not spans or spans[-1][1] is not None):
            spans.append((event.at_ns, None))
        elif isinstance(event, Closed) and spans:
            spans[-1] = (spans[-1][0], event.at_ns)
    return sum(any(a <= fill.time_ns and (b is None or fill.time_ns <= b) for a, b in spans) for fill in fills)


def closed_well(outcome: Outcome) -> Iterator[bool]:
    """Of each gap in which everything could be recovered: whether it was closed complete within the bound.

    What stood in the way does not count: a venue that does not answer or is slow to, a process that is dead.  A gap
    that is open when the story ends counts only if it should have been closed by then.
    """
    world, gap = outcome.world, None
    for event in world.told:
        if isinstance(event, Opened):
            gap = gap or event
        elif isinstance(event, Closed):
            begun_ns = event.at_ns if gap is None else gap.at_ns
            if all(excused(world, outcome.story, gap, event, *said) for said in event.unresolved):
                if event.complete:
                    yield clear_ns(world.hindrances, begun_ns, event.at_ns) <= CLOSED_WITHIN_NS
            else:
                yield False
            gap = None
    if gap is not None and clear_ns(world.hindrances, gap.at_ns, world.now_ns) > CLOSED_WITHIN_NS:
        yield False


def clear_ns(spans: Sequence[Span], begun_ns: int, ended_ns: int) -> int:
    """How much of this time lies in none of the spans."""
    clear, at_ns = 0, begun_ns
    for span in sorted(spans):
        if span.since_ns >= ended_ns:
            break
        clear += max(0, span.since_ns - at_ns)
        at_ns = max(at_ns, span.until_ns)
    return clear + max(0, ended_ns - at_ns)
