"""The figures as a page of the documentation: `docs/performance.md` and its plot are written here and nowhere else."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Final

from tests.bench.goals import Run, growth, rows
from tests.bench.plot import bars
from tests.bench.race import Measure, cpu, middle, tail
from tests.bench.reports import blast

COMMAND: Final = "nox -s bench -- --write docs/performance.md"
SECTIONS: Final = ("blast", "blast, TLS", "paced", "paced, TLS", "decode", "journal", "many", "long")
_HEAD: Final = """\
# Performance

What a message costs, measured side by side. Read the ratios: from machine to machine they hold to about a tenth, while
the figure of one run moves by a fifth. This page is written by the benchmark itself; to repeat it:

```console
$ {command}
```

Measured on {date}, on {machine}, {python}: {rounds} rounds,
every client once a round in a process of its own, {messages:,} reports each after some to warm up. CPU time of
all threads is counted, user and system. Shown are medians over the rounds, the quartiles between which the middle half
of them lies, medians of the ratios within one round, and the share of rounds in which a client took no more than what
it is compared to. *Delivered* is how many of the updates sent reached user code.

The reports are Binance spot's `executionReport`s as its WebSocket API wraps them, about {size} bytes each: ten orders
at a time, accepted, filled in part, filled or cancelled, side by side; more than half of the reports tell an execution.
A neutral server, made of nothing but the standard library, in a process and on a core of its own, sends them, framed
beforehand. Every client runs as its own documentation shows it, as `pip` installs it; only addresses are changed.
cryptofeed and pybotters know no other private channel of Binance spot than listen keys, which the venue ended in
February 2026; here they get the same reports on such a socket, without the wrapping.

![CPU per report in a blast, and delay at 1,000 reports a second]({plot})

## Goals

"""
_ABOUT: Final = {
    "blast": "From the socket to user code: everything in one blast, without TLS.",
    "blast, TLS": "The same with TLS, a record for each message.",
    "paced": "At 1,000 reports a second, without TLS: microseconds from the server's write to user code. Beyond the"
    " middle it is mostly the machine that is measured.",
    "paced, TLS": "The same with TLS.",
    "decode": "From the text of a frame to an event, in memory, without a socket. `exchstream` is all but the"
    " transport: the venue's translation, the join, the search for repeats, scrubbing, the journal and its reader.",
    "journal": 'From the socket to user code with `transport="websockets"`, and a journal on disk.',
    "many": "One stream, many accounts, each with its socket: a blast is shared out among them. The memory kept for the"
    " reader is larger here (200,000 events) than by default. KiB are those of the process when all accounts are live.",
    "long": 'One process, `transport="websockets"`, without TLS: blast after blast.',
}
_TAIL: Final = """\

## How to read it

- The clients give different things. A raw loop gives text. python-binance, pybotters and unicorn give a dict of
  strings, and a message that is sent twice arrives twice. ccxt gives dicts of floats and keeps only the latest state of
  each order between two looks, so that states are missing. `exchstream` gives typed, exact, deduplicated events in
  order, and tells every gap.
- A blast measures cost, not delay. At the pace of a real account waking up dominates, for every client.
- The trio-websocket loop reads 4 KiB at a time, which is its default; `exchstream` and the other floors read 64 KiB.
"""


def _markdown(*lines: tuple[str, ...]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def table(run: Run, measure: Measure = cpu, *, version: bool = True) -> str:
    """One row for each contestant, ratios to the first one."""
    base = run.results[0]
    delays = run.terms.rate is not None
    head = ["client", "version", "what user code gets", "us", "quartiles", "ratio", "won", "delivered"]
    head += ["99 of 100", "CPU us"] if delays else ["KiB"]
    lines = [tuple(head), ("---", "---", "---", *["--:"] * (len(head) - 3))]
    for result in run.results:
        low, high = result.quartiles(measure)
        line = [
            result.contestant.name,
            result.laps[-1].version,
            result.contestant.gets,
            f"{result.median(measure):.1f}",
            f"{low:.1f}-{high:.1f}",
            f"{result.ratio(base, measure):.2f}",
            "" if result is base else f"{result.won(base, measure):.0%}",
            f"{result.delivered:.1%}",
        ]
        idle = result.median(lambda lap: lap.idle_kib)
        line += [f"{result.median(tail):.0f}", f"{result.median():.1f}"] if delays else [f"{idle:,.0f}" if idle else ""]
        lines.append(tuple(line))
    return _markdown(*lines)


def long_table(run: Run) -> str:
    """How cost and memory went along, in seven places."""
    laps = run.results[0].laps
    lines = [("reports told", "us per report", "RSS, MiB"), ("--:", "--:", "--:")]
    for number in range(0, len(laps), 4):
        some = laps[number : number + 4]
        told = sum(lap.orders for lap in laps[: number + 4])
        lines.append((f"{told:,}", f"{mean(lap.us for lap in some):.1f}", f"{some[-1].kib / 1024:.0f}"))
    return _markdown(*lines) + f"\nThe last three blasts cost {growth(run):.2f} of the first three.\n"


def shown(name: str, run: Run) -> str:
    """The table of one mode."""
    if name == "long":
        return long_table(run)
    return table(run, cpu if run.terms.rate is None else middle)


def goals(runs: Mapping[str, Run]) -> str:
    """What is to be reached, and what was."""
    found = rows(runs)
    lines = [("measure", "goal", "measured", ""), ("---", "---", "---", "---")]
    lines += [(row.measure, row.goal, row.figure, "met" if row.met else "**missed**") for row in found]
    missed = sum(not row.met for row in found)
    count = f"{missed} of {len(found)} goals are missed." if missed else f"All {len(found)} goals are met."
    return f"{count}\n\n{_markdown(*lines)}"


def write(path: Path, runs: Mapping[str, Run], machine: str | None) -> None:
    """The whole page, and the plot beside it."""
    terms = runs["blast"].terms
    plot = path.with_suffix(".svg")
    text = _HEAD.format(
        plot=plot.name,
        command=COMMAND,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine or f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        rounds=terms.rounds,
        messages=terms.messages,
        size=10 * round(mean(map(len, blast(1_000, 0, 1_795_000_000_000).frames)) / 10),
    )
    text += goals(runs)
    for name in SECTIONS:
        text += f"\n## {name.capitalize().replace('tls', 'TLS')}\n\n{_ABOUT[name]}\n\n{shown(name, runs[name])}"
    path.write_text(text + _TAIL, encoding="utf-8")
    panels = [
        (
            "CPU microseconds per report, blast",
            [(each.contestant.name, each.median()) for each in runs["blast"].results],
        ),
        (
            "Middle delay in microseconds, 1,000 reports a second",
            [(each.contestant.name, each.median(middle)) for each in runs["paced"].results],
        ),
    ]
    plot.write_text(bars(panels), encoding="utf-8")
