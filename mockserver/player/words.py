"""A verdict for people, and for programs. Pure."""

from __future__ import annotations

from typing import Any

from mockserver.player.checks import CHECKS
from mockserver.player.playing import Verdict
from mockserver.story import Story


def lines(verdict: Verdict, story: Story) -> list[str]:
    """What was found, the worst first; one line if all is well."""
    checks = [*(each.name for each in verdict.judged if not each.wrong)]
    if verdict.ok:
        return [f"well: {verdict.scenario} ({', '.join(checks) or 'every step came'})"]
    said = [f"{'DIED' if verdict.died else 'FAILED'}: {verdict.scenario} (seed {verdict.seed})"]
    if verdict.failed is not None:
        said += [f"  at {verdict.failed.step}:", *(f"    {line}" for line in verdict.failed.lines)]
    for broken in verdict.broken:
        said += [f"  since {broken.step}:", *(f"    {line}" for line in broken.lines)]
    for judged in verdict.judged:
        if judged.wrong:
            said += [f"  {judged.name}: not so that {CHECKS[judged.name].about}"]
            said += [f"    {line}" for line in judged.wrong]
    for failure in verdict.wrong:
        said += [f"  {line}" for line in failure.lines()]
        said += ["    round it:", *(f"      {line}" for line in failure.window)]
    if verdict.log:
        said += ["  steps that were done:"]
        said += [f"    {each.step}: {each.words}" for each in verdict.log]
    if story.must:
        said += [f"  what a client must do: {story.must}"]
    return said


def row(verdict: Verdict) -> dict[str, Any]:
    """It as JSON."""
    failed = verdict.failed
    return {
        "scenario": verdict.scenario,
        "ok": verdict.ok,
        "seed": verdict.seed,
        "died": verdict.died or None,
        "failed": None if failed is None else {"step": failed.step, "lines": list(failed.lines)},
        "broken": [{"step": each.step, "lines": list(each.lines)} for each in verdict.broken],
        "checks": [{"name": e.name, "wrong": list(e.wrong), "unknown": e.unknown} for e in verdict.judged],
        "expectations": [each.row() for each in verdict.wrong],
        "steps": [{"time_ns": each.time_ns, "step": each.step, "words": each.words} for each in verdict.log],
    }
