"""The figures as a page of the documentation: `docs/performance.md` and its plot are written here and nowhere else."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Final

from tests.bench.goals import Run, growth, rows
from tests.bench.plot import bars
from tests.bench.race import Measure, cpu, flood_before, middle, tail
from tests.bench.reports import blast
from tests.bench.start import MARKETS, Start

COMMAND: Final = "nox -s bench -- --write docs/performance.md"
SECTIONS: Final = (
    "blast",
    "blast, TLS",
    "blast, FTX",
    "paced",
    "paced, TLS",
    "decode",
    "journal",
    "many",
    "fair",
    "long",
)
START: Final = "start"
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
    "blast, FTX": "Messages of FTX's channels `orders` and `fills`, without TLS: each"
    " execution is two messages. The peers are the last versions that knew FTX, on the newest Python that they run on."
    " *Delivered* counts the orders'.",
    "paced": "At 1,000 reports a second, without TLS: microseconds from the server's write to user code. Beyond the"
    " middle it is mostly the machine that is measured.",
    "paced, TLS": "The same with TLS.",
    "decode": "From the text of a frame to an event, in memory, without a socket. `exchstream` is all but the"
    " transport: the venue's translation, the join, the search for repeats, scrubbing, the journal and its reader.",
    "journal": 'From the socket to user code with `transport="websockets"`, and a journal on disk.',
    "many": "One stream, many accounts, each with its socket: a blast is shared out among them. The memory kept for the"
    " reader is larger here (200,000 events) than by default. KiB are those of the process when all accounts are live.",
    "fair": "One stream of two accounts. One of them gets 50 reports a second; shown is how long these took while the"
    " other one is silent, and while it is flooded in bursts, one each 97 ms. *Heard before* counts what came of the"
    " flood after a report was sent and before it was heard, 99 of 100: that hardly depends on the machine. The tasks"
    " take turns, and each turn handles what one read brought (64 KiB, 116 reports here): a report waits for three such"
    ' turns with `transport="websockets"`, and for five by default, where reading is a task of its own. A smaller'
    " `link_limits.read_size` makes the turns shorter, and everything dearer: by 6 to 8 % with half of it. *CPU* is of"
    " the whole client, *delivered* counts both accounts.",
    "long": 'One process, `transport="websockets"`, without TLS: blast after blast.',
}
_START: Final = """\
From `open_stream` in a process that has just begun to each account's verdict; what happens is told as soon as its link
is up. At the neutral server, which limits nothing, it is the machine that is measured: REST is allowed a lag of 0.1 s
there, so that the two looks of a look-back need not be further apart. *As at Binance spot* is mockserver with that
venue's limits for one address, and accounts with their default limits.

There it is pacing that is measured. A start takes two looks, and each asks for the open orders (80 weight) and the
holdings (20). Of 6,000 weight a minute nine tenths are used, so 27 accounts start at once, and of more the last one
waits for `accounts x 200 / 5,400` whole minutes: 100 of them for three. Questions are asked as they come up, so all
first looks come before the second ones. All accounts share one list of the markets. Look-backs further back weigh
more: 20 for each page of a symbol's fills or orders. Sockets bound only starts of more than 270 accounts, nine tenths
of what Binance opens for one address in five minutes.

Once live, an account's audit looks each 40 s. That is 150 weight a minute, of which one address has enough for 36
accounts; with more of them looks wait for their turn, unless `audit_ns` is longer.
"""
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


def fair_table(run: Run) -> str:
    """The quiet account's delays: alone, and beside a flood."""
    head = (
        "two accounts",
        "flood, reports/s",
        "half, us",
        "99 of 100, us",
        "heard before",
        "CPU, of a core",
        "delivered",
    )
    lines = [head, ("---", *["--:"] * (len(head) - 1))]
    assert run.terms.rate is not None
    seconds = run.terms.messages / run.terms.rate
    for result in run.results:
        busy = result.median(lambda lap: lap.us * lap.sent / 1e6 / seconds)
        line = (
            result.contestant.name,
            f"{result.contestant.flood or 0:,}",
            f"{result.median(middle):.0f}",
            f"{result.median(tail):.0f}",
            f"{result.median(flood_before):.0f}",
            f"{busy:.0%}",
            f"{result.delivered:.1%}",
        )
        lines.append(line)
    return _markdown(*lines)


def start_table(starts: Sequence[Start]) -> str:
    """When the first, half and all of the accounts were live; medians where there were rounds."""
    head = ["limits", "accounts", "transport", "first, s", "half, s", "all, s", "CPU, ms each"]
    head += ["market lists", "requests", "refused"]
    lines = [tuple(head), ("---", "--:", "---", *["--:"] * (len(head) - 3))]
    for limited, accounts, transport in dict.fromkeys(start.kind for start in starts):
        some = [start for start in starts if start.kind == (limited, accounts, transport)]
        live = [median(start.live_s[place] for start in some) for place in (0, (accounts - 1) // 2, -1)]
        line = [
            "as at Binance spot" if limited else "none",
            f"{accounts:,}",
            transport,
            *(f"{seconds:.1f}" for seconds in live),
            f"{median(start.cpu_s for start in some) * 1e3 / accounts:.1f}",
            f"{max(start.asked[MARKETS] for start in some)}",
            f"{median(start.asked.total() for start in some):,.0f}",
            f"{max(start.refused.total() for start in some)}" if limited else "",
        ]
        lines.append(tuple(line))
    return _markdown(*lines)


def shown(name: str, run: Run) -> str:
    """The table of one mode."""
    if name == "long":
        return long_table(run)
    if name == "fair":
        return fair_table(run)
    return table(run, cpu if run.terms.rate is None else middle)


def goals(runs: Mapping[str, Run]) -> str:
    """What is to be reached, and what was."""
    found = rows(runs)
    lines = [("measure", "goal", "measured", ""), ("---", "---", "---", "---")]
    lines += [(row.measure, row.goal, row.figure, "met" if row.met else "**missed**") for row in found]
    missed = sum(not row.met for row in found)
    count = f"{missed} of {len(found)} goals are missed." if missed else f"All {len(found)} goals are met."
    return f"{count}\n\n{_markdown(*lines)}"


def write(path: Path, runs: Mapping[str, Run], starts: Sequence[Start], machine: str | None) -> None:
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
        title = name[0].upper() + name[1:]
        text += f"\n## {title}\n\n{_ABOUT[name]}\n\n{shown(name, runs[name])}"
    text += f"\n## {START.capitalize()}\n\n{_START}\n{start_table(starts)}"
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
