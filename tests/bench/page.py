"""The figures as a page of the documentation: `docs/performance.md` and its plot are written here and nowhere else."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from tempfile import gettempdir
from typing import Final

from exchstream.core.limits import LinkLimits
from exchstream.shell.stream import MEMORY_EVENTS
from tests.bench.bounds import BOUNDS, UNKNOWN
from tests.bench.contestants.lifted import ROOM
from tests.bench.goals import ENDS, Run, growth, rows
from tests.bench.mounts import file_system
from tests.bench.plot import bars
from tests.bench.race import Measure, cpu, flood_before, middle, tail
from tests.bench.reports import COURSE, SIDE_BY_SIDE, blast
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
_FRAME_HEAD: Final = 4  # bytes
_HEAD: Final = """\
# Performance

What a message costs, measured side by side. Read the ratios: from run to run they move by a tenth
where nothing else runs, and by a quarter beside others; the figures move by more. This page is written by the
benchmark itself; to repeat it:

```console
$ {command}
```

Measured on {date}, on {machine}, {python}.
Every client runs once a round in a process of its own, and hears some reports to warm up before those that count; each
section says how many rounds and reports there were. CPU time of all threads is counted, user and system. Shown are
medians over the rounds, the quartiles between which the middle half of them lies, medians of the ratios within one
round, and the share of rounds in which a client took no more than what it is compared to.

*Delivered* is how many of the updates sent reached user code. What `exchstream` tells is compared with what was sent as
well, in every run of every mode: each state of each order and each execution, once, and an order's own in their order.
It notes them for that while its CPU time is counted, as no other client has to.

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
    "blast": "From the socket to user code: everything in one blast, without TLS. It is a young process that is"
    " measured: in the end `exchstream` knows {orders:,} orders. It remembers them, so that no repeat is told: after a"
    " million orders its figure is that of the section *Long* ({long_us:.1f} us in the last blasts here), while what a"
    " peer keeps does not grow.",
    "blast, TLS": "The same with TLS, a record for each message.",
    "blast, FTX": "Messages of FTX's channels `orders` and `fills`, without TLS: each"
    " execution is two messages. The peers are the last versions that knew FTX, on the newest Python that they run on."
    " *Delivered* counts the orders'.",
    "paced": "At 1,000 reports a second, without TLS: microseconds from the server's write to user code. Beyond the"
    " middle it is mostly the machine that is measured.",
    "paced, TLS": "The same with TLS.",
    "decode": "From the bytes of a frame to an event, in memory, without a socket. `exchstream` is all but the"
    " transport: the venue's translation, the join, the search for repeats, scrubbing, the journal and its reader.",
    "journal": 'From the socket to user code with `transport="websockets"`, and a journal on disk{file_system}. A blast'
    " comes faster than a disk takes it, so the memory kept is larger than by default, in all rows: {room:,} events and"
    " not {default:,}.",
    "many": "One stream, many accounts, each with its socket: a blast is shared out among them. The memory kept for the"
    " reader is larger here ({room:,} events) than by default, in all rows."
    " KiB are those of the process when all accounts are live.",
    "fair": "One stream of two accounts. One of them gets 50 reports a second; shown is how long these took while the"
    " other one is silent, and while it is flooded in bursts, one each 97 ms. *Heard before* counts what came of the"
    " flood after a report was sent and before it was heard, 99 of 100: that hardly depends on the machine. The tasks"
    " take turns, and each turn handles what one read brought (64 KiB, {per_read} reports here): a report waited for"
    ' {fast_turns:.1f} such turns with `transport="websockets"`, and for {default_turns:.1f} by default, where'
    " reading is a task of its own. A smaller `link_limits.read_size` makes the turns shorter, and everything dearer."
    " The memory kept is as large as with many accounts. *CPU* is of the whole client, *delivered* counts both"
    " accounts.",
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
    """How cost and memory went along: at the start, and in seven places."""
    laps = run.results[0].laps
    lines = [("reports told", "us per report", "RSS, MiB"), ("--:", "--:", "--:")]
    for first, end in ((0, 1), *((number, number + 4) for number in range(0, len(laps), 4))):
        some = laps[first:end]
        told = sum(lap.orders for lap in laps[:end])
        lines.append((f"{told:,}", f"{mean(lap.us for lap in some):.1f}", f"{some[-1].kib / 1024:.0f}"))
    said = f"by their median the last {ENDS} cost {growth(run):.2f} of it"
    return f"{_markdown(*lines)}\nThe start is the first blast after the warm-up: {said}.\n"


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


def set_up(run: Run) -> str:
    """How often everybody ran, and how much they heard."""
    terms = run.terms
    warm_up = terms.warm_up(max(each.contestant.accounts for each in run.results))
    often = f"One run of {terms.laps} blasts" if terms.laps > 1 else _counted(terms.rounds, "round")
    return f"{often}, {terms.messages:,} reports each, after {warm_up:,} to warm up."


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def start_set_up(starts: Sequence[Start]) -> str:
    """How often each start was made."""
    often = {limited: Counter(start.kind for start in starts if start.limited is limited) for limited in (False, True)}
    told = [
        f"{_counted(max(kinds.values()), 'round')} {'within' if limited else 'without'} limits"
        for limited, kinds in often.items()
        if kinds
    ]
    return f"{', '.join(told)}."


def about(name: str, runs: Mapping[str, Run]) -> str:
    """What a section measures, with what it says of these runs."""
    terms, per_read = runs["blast"].terms, LinkLimits().read_size // (_mean_size() + _FRAME_HEAD)
    turns = {
        each.contestant.argv[0]: each.median(flood_before) / per_read
        for each in runs["fair"].results
        if each.contestant.flood
    }
    disk = file_system(Path(gettempdir()))
    return _ABOUT[name].format(
        orders=(terms.warm_up(1) + terms.messages) * SIDE_BY_SIDE // COURSE,
        long_us=median(lap.us for lap in runs["long"].results[0].laps[-ENDS:]),
        file_system="" if disk is None else f" ({disk})",
        room=ROOM,
        default=MEMORY_EVENTS,
        per_read=per_read,
        fast_turns=turns["websockets"],
        default_turns=turns["trio-websocket"],
    )


def _mean_size() -> int:
    """Bytes of a report."""
    return round(mean(map(len, blast(1_000, 0, 1_795_000_000_000).frames)))


def missed(runs: Mapping[str, Run]) -> str:
    """What bounds each goal that is missed; nothing where all are met."""
    found = [(row.measure, BOUNDS.get(row.measure, UNKNOWN)) for row in rows(runs) if not row.met]
    if not found:
        return ""
    head = ("measure", "what bounds it, and what was tried"), ("---", "---")
    return f"\n## What bounds what is missed\n\n{_markdown(*head, *found)}"


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
    plot = path.with_suffix(".svg")
    text = _HEAD.format(
        plot=plot.name,
        command=COMMAND,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine or f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        size=10 * round(_mean_size() / 10),
    )
    text += goals(runs) + missed(runs)
    for name in SECTIONS:
        title = name[0].upper() + name[1:]
        text += f"\n## {title}\n\n{about(name, runs)}\n\n{set_up(runs[name])}\n\n{shown(name, runs[name])}"
    text += f"\n## {START.capitalize()}\n\n{_START}\n{start_set_up(starts)}\n\n{start_table(starts)}"
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
