"""The figures as tables, and their place in docs/mock/load.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from tests.load.fanout import EVENTS, Lap, fitted
from tests.load.parallel import Parallel
from tests.soak.memory import MIB

BEGIN: Final = "<!-- `python -m tests.load` writes what follows -->\n"
END: Final = "<!-- until here -->\n"
KIB: Final = 1 << 10


@attrs.frozen
class Memory:
    """By how much a mock grew over so many orders."""

    kept: str
    orders: int
    bytes: int


@attrs.frozen
class Found:
    """What was measured; what was left out is None or empty."""

    parallel: Parallel
    laps: Sequence[Lap]
    memory: Sequence[Memory]


def shown(found: Found, machine: str | None) -> str:
    """Everything, as Markdown."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    where = machine or f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    parts = [f"Measured on {datetime.now(UTC).date().isoformat()}, on {where}, {python}.\n", _parallel(found.parallel)]
    parts.append(_fanout(found.laps))
    if found.memory:
        rows = [(each.kept, f"{each.orders:,}", f"{each.bytes / MIB:.1f} MiB") for each in found.memory]
        parts.append("### Memory\n\n" + _table(("kept", "orders", "grown by"), rows))
    return "\n".join(parts)


def _parallel(found: Parallel) -> str:
    seconds = found.wall_ns / 1e9
    rows = [
        ("clients, each in a world of its own", f"{found.clients}"),
        ("orders, some of them filled in parts or cancelled", f"{found.orders:,}"),
        ("reports delivered, of those expected", f"{found.delivered:,} of {found.expected:,}"),
        ("reports of another world", f"{found.foreign}"),
        ("clients that missed or doubled a fill or a balance", f"{len(found.wrong)}"),
        ("time", f"{seconds:.1f} s"),
        ("processor time of the mock", f"{found.cpu_ns / 1e9:.1f} s"),
        ("memory of a world, new", f"{found.empty_bytes / KIB:.0f} KiB"),
        ("memory of a world, traded, with its connections", f"{found.traded_bytes / KIB:.0f} KiB"),
    ]
    return "### Clients at once\n\n" + _table(("", ""), rows)


def _fanout(laps: Sequence[Lap]) -> str:
    line = fitted(laps)
    rows = [
        (
            f"{lap.listeners}",
            f"{lap.fills:,}",
            f"{lap.delivered:,} of {lap.expected:,}" + ("" if lap.whole else ", wrong"),
            f"{lap.per_fill_ns / 1e3:,.0f} µs",
            f"{lap.per_event_ns / 1e3:,.0f} µs",
            f"{lap.deviation_from(line):+.1%}",
        )
        for lap in laps
    ]
    heads = ("listeners", "fills", "events delivered", "CPU a fill", "CPU an event", "off the line")
    said = (
        f"The line is {line.base_ns / 1e3:,.0f} µs for a fill and its request, and {line.slope_ns / 1e3:,.0f} µs for "
        f"each listener, who is told {EVENTS} events."
    )
    return f"### Listeners of one account\n\n{_table(heads, rows)}\n{said}\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---", *["--:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def put(page: Path, text: str) -> None:
    """Replace what stands between the marks of this page. ValueError: it has none."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the figures")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
