"""How much memory a million events take: RSS of one account that trades without end, at every tenth of the way.

    python -m tests.soak.memory [--events 1000000] [--durability memory|relaxed|normal|full] [--unproven] [--trace]

The whole way from the frame to the reader is taken: the venue, the Session with its audits, the journal (in memory, or
SQLite with its writer) and a reader; the socket and the clock are not, so that hours pass in minutes.  50 events a
second come, as `tests.bench.reports` tells them, and the exchange's answers are canned: nothing is open when it is
asked (a read is always of whole orders), and a listing that is empty contradicts nobody.

It fails (1) when RSS has grown by more than 50 MiB since the account was live.  `--unproven` lets no question be
answered, so that all that could be listed again must be kept, as far as the limits allow: it has no bound but these.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from exchstream import Fill, JournalFile, OrderUpdate
from exchstream.core.venue import SECOND
from exchstream.journal import Journal
from exchstream.journal.disk import Disk
from exchstream.journal.memory import InMemory
from exchstream.shell.stream import MEMORY_EVENTS, OrderStream
from tests.bench.contestants.decode import Pipeline
from tests.bench.reports import COURSE, blast

MIB: Final = 1 << 20
BOUND: Final = 50 * MIB
APART_NS: Final = SECOND // 50
TOGETHER: Final = 25  # reads of the socket before the reader must have caught up
PATIENCE: Final = 60.0  # seconds within which the reader has what was sent
SHOWN: Final = 25  # lines of a trace


def resident() -> int:
    """This process's resident memory in bytes, without what only waits to be collected."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@asynccontextmanager
async def opened(folder: Path, durability: Any) -> AsyncIterator[Journal]:
    """The journal, of the size that a stream gives it."""
    if durability == "memory":
        yield InMemory(MEMORY_EVENTS)
        return
    async with Disk.open(JournalFile(folder / "orders.db", durability), MEMORY_EVENTS) as journal:
        yield journal


@attrs.define
class Read:
    """What the reader has had."""

    orders: int = 0
    fills: int = 0
    others: int = 0

    @property
    def facts(self) -> int:
        """Events of orders and fills."""
        return self.orders + self.fills


async def measure(folder: Path, options: argparse.Namespace) -> int:
    """Pour so many events through; the growth in bytes."""
    read = Read()
    async with opened(folder, options.durability) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(journal.write)
        pipeline = Pipeline(journal, silent_rest=options.unproven)
        stream = OrderStream(journal, [attrs.make_class("Nobody", {"failure": attrs.field(default=None)})()])
        nursery.start_soon(count, stream, read)
        if options.trace:
            tracemalloc.start()
        began, base, sent, trades, marks = time.perf_counter(), resident(), 0, 0, 1
        print(f"{'events':>10}{'RSS, MiB':>10}{'grown':>8}{'events/s':>10}  kept by the ledger", flush=True)
        while read.facts < options.events:
            pipeline.let_pass(APART_NS * COURSE)
            course = blast(COURSE + 1, sent, pipeline.wall_ns // 1_000_000)
            while not journal.reserve(3 * COURSE):
                await journal.room()
            pipeline.receive(course.encoded[:-1])  # the last one is of an order that would stay open
            await trio.lowlevel.checkpoint()
            sent, trades = sent + len(course.frames), trades + course.trades
            if sent // len(course.frames) % TOGETHER:
                continue
            await caught_up(read, trades)
            if read.facts >= marks * options.events // 10:
                marks += 1
                speed = read.facts / (time.perf_counter() - began)
                print(row(read.facts, base, speed, pipeline), flush=True)
        await caught_up(read, trades)
        grown = resident() - base
        if options.trace:
            tell_trace()
        assert read.fills == trades, f"{trades:,} executions were sent, {read.fills:,} fills were told"
        nursery.cancel_scope.cancel()
    return grown


async def caught_up(read: Read, fills: int) -> None:
    """Wait until the reader has so many fills; fails if it takes too long."""
    with trio.fail_after(PATIENCE):
        while read.fills < fills:  # noqa: ASYNC110  (the reader tells nobody how far it is)
            await trio.sleep(0.001)


def row(events: int, base: int, speed: float, pipeline: Pipeline) -> str:
    """One line of the table."""
    now, ledger = resident(), pipeline.session.ledger
    kept = {name: len(getattr(ledger, name)) for name in ("open", "closed", "ended", "fills", "sums")}
    shown = ", ".join(f"{count:,} {name}" for name, count in kept.items())
    return f"{events:>10,}{now / MIB:>10.1f}{(now - base) / MIB:>8.1f}{speed:>10,.0f}  {shown}"


async def count(stream: OrderStream, read: Read) -> None:
    """The reader."""
    async for event in stream:
        match event:
            case OrderUpdate():
                read.orders += 1
            case Fill():
                read.fills += 1
            case _:
                read.others += 1


def tell_trace() -> None:
    """What holds the memory."""
    for statistic in tracemalloc.take_snapshot().statistics("lineno")[:SHOWN]:
        print(statistic)


def main() -> int:
    """Measure, print, and say whether it is too much."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--durability", choices=("memory", "relaxed", "normal", "full"), default="memory")
    parser.add_argument("--unproven", action="store_true", help="no question is answered")
    parser.add_argument("--trace", action="store_true", help="tell what holds the memory (slow, and takes memory)")
    parser.add_argument("--folder", type=Path, default=None, help="where the journal is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        grown = trio.run(measure, Path(name), options)
    print(f"grown by {grown / MIB:.1f} MiB over {options.events:,} events")
    return int(not options.unproven and grown > BOUND)


if __name__ == "__main__":
    sys.exit(main())
