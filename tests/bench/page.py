"""The figures as a page of the documentation: `docs/performance.md` is written here and nowhere else."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import mean
from typing import Final

import attrs

from tests.bench.race import WARM_UP, Result
from tests.bench.reports import blast

COMMAND: Final = "nox -s bench -- --write docs/performance.md"
_HEAD: Final = """\
# Performance

What a message costs, measured side by side. Read the ratios: from machine to machine they hold to about a tenth, while
the figure of one run moves by a fifth. This page is written by the benchmark itself; to repeat it:

```console
$ {command}
```

Measured on {date}, on {machine}, {python}: {rounds} rounds,
every client once a round in a process of its own, {messages:,} reports each after {warm_up:,} to warm up. CPU time of
all threads is counted, user and system. Shown are medians over the rounds, the quartiles between which the middle half
of them lies, and medians of the ratios within one round. *Delivered* is how many of the updates sent reached user code.

The reports are Binance spot's `executionReport`s as its WebSocket API wraps them, about {size} bytes each: ten orders
at a time, accepted, filled in part, filled or cancelled, side by side; more than half of the reports tell an execution.
"""
_SOCKET: Final = """\

## From the socket to user code

A neutral server, made of nothing but the standard library, in a process and on a core of its own, sends everything in
one blast, framed beforehand, on a connection without TLS. Every client runs as its own documentation shows it, as `pip`
installs it; only addresses are changed.

"""
_DECODE: Final = """\

## From the text of a frame to an event

The same reports in memory, without a socket. `exchstream` is all but the transport: the venue's translation, the join,
the search for repeats, scrubbing, the journal and its reader. One report often makes two events, an `OrderUpdate` and
a `Fill`. What python-binance makes of a text is what the standard library's json makes of it; ccxt makes nothing of one
without its client and socket, so it stands in the table above alone.

"""
_TAIL: Final = """\

## How to read it

- The clients give different things. A raw loop gives text. python-binance gives a dict of strings, and a message that
  is sent twice arrives twice. ccxt gives dicts of floats and keeps only the latest state of each order between two
  looks, so that in a burst states are missing. `exchstream` gives typed, exact, deduplicated events in order, and tells
  every gap.
- A blast measures cost, not delay. At the pace of a real account waking up dominates, for every client.
- The raw loop reads 4 KiB at a time, which is trio-websocket's default; `exchstream` reads 64 KiB.
"""


@attrs.frozen(kw_only=True)
class Run:
    """One table's results, and the terms on which they came about.  The first result is what others are compared to."""

    results: Sequence[Result]
    rounds: int
    messages: int


def table(run: Run) -> str:
    """Markdown: one row for each contestant, ratios to the first one."""
    base = run.results[0]
    rows = [("client", "version", "what user code gets", "us per report", "quartiles", "ratio", "delivered")]
    for result in run.results:
        low, high = result.quartiles
        rows.append(
            (
                result.contestant.name,
                result.laps[-1].version,
                result.contestant.gets,
                f"{result.us:.1f}",
                f"{low:.1f}-{high:.1f}",
                f"{result.ratio(base):.2f}",
                f"{result.delivered:.1%}",
            )
        )
    rows.insert(1, ("---", "---", "---", "--:", "--:", "--:", "--:"))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page(socket: Run, decode: Run, machine: str | None) -> str:
    """The whole page."""
    head = _HEAD.format(
        command=COMMAND,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine or f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        rounds=socket.rounds,
        messages=socket.messages,
        warm_up=WARM_UP,
        size=10 * round(mean(map(len, blast(1_000, 0, 1_795_000_000_000).frames)) / 10),
    )
    return head + _SOCKET + table(socket) + _DECODE + table(decode) + _TAIL
