"""The figures as a table, and its place in docs/guarantees.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .ambush import PHASES
from .driver import ANY, Row

BEGIN: Final = "<!-- the crash tests write what follows -->\n"
END: Final = "<!-- until here -->\n"
HEAD: Final = (
    *("venue", "durability", "kills", *PHASES, ANY, "restarts"),
    *("fills", "told", "of them by REST", "lost", "doubled", "invented"),
)


def table(rows: Sequence[Row]) -> str:
    """Markdown: each account, the sum of those that promise to tell everything once, and below it the others."""
    strict = [row for row in rows if row.once]
    lines = [list(HEAD), ["---", "---", *["--:"] * (len(HEAD) - 2)]]
    lines += [[row.name, f'"{row.durability}"', *_figures([row])] for row in strict]
    lines.append(["**all of these**", "", *_figures(strict)])
    lines += [[row.name, f'"{row.durability}"', *_figures([row])] for row in rows if not row.once]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _figures(rows: Sequence[Row]) -> list[str]:
    kills = sum((row.kills for row in rows), Counter[str]())
    verdicts = [row.verdict for row in rows]
    figures = [
        kills.total(),
        *(kills[phase] for phase in (*PHASES, ANY)),
        sum(row.starts - 1 for row in rows),
        sum(row.fills for row in rows),
        sum(row.told for row in rows),
        sum(row.recovered for row in rows),
        sum(len(verdict.lost) for verdict in verdicts),
        sum(len(verdict.doubled) for verdict in verdicts),
        sum(len(verdict.invented) for verdict in verdicts),
    ]
    return [f"{figure:,}" for figure in figures]


def between(rows: Sequence[Row]) -> str:
    """What happened between the kills, where some of them struck, and what the bots read by, in a sentence each."""
    faults = sum((row.faults for row in rows), Counter[str]())
    points = sum((row.points for row in rows), Counter[str]())
    lives = sum((row.lives for row in rows), Counter[str]())
    return (
        f"Between the kills: {_counted(faults)}. Points of kills: {_counted(points)}. "
        f"Lives by transport: {_counted(lives)}.\n"
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


def put(page: Path, rows: Sequence[Row]) -> None:
    """Replace what stands between the marks of this page.  Raises ValueError if it has none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table")
    page.write_text(f"{before}{BEGIN}\n{table(rows)}\n{between(rows)}\n{END}{after}", encoding="utf-8")
