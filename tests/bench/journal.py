"""What the journal on disk costs: CPU per report and delay per event for each durability, and how long a restart takes.

    python -m tests.bench.journal [--rounds 5] [--messages 20000] [--events 1000000] [--folder DIR]

`--messages 0` leaves out the first part, `--events 0` the last.

CPU is counted from the socket to user code, as in `test_bench.py`.  The delay is from `append` to the reader, at a pace
of one event in 5 ms.  A restart opens a file in which so many events stand, 50 a second, and restores the account:
from what was told in the last minutes, as usual, and then a whole stream until it is live; as if nothing had been
proven, from all of it; and with many open orders.  Beside it stands what it takes to read the file once.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import attrs
import trio

from exchstream import BinanceSpot, GapClosed, JournalFile, Unrecognized, open_stream
from exchstream.core.balances import BalanceState
from exchstream.core.ledger import Ledger
from exchstream.core.state import Checkpoint, Restored
from exchstream.core.venue import MINUTE, SECOND, FillView, Memory, OrderView
from exchstream.events import Event, Fill, OrderUpdate, place
from exchstream.journal import Journal
from exchstream.journal.disk import Disk
from exchstream.journal.memory import InMemory
from exchstream.journal.store import Batch, Store
from exchstream.shell.stream import OrderStream
from tests.bench.mounts import file_system
from tests.bench.processes import ROOT
from tests.bench.race import Contestant, Lap, Terms, race
from tests.bench.reports import COURSE, blast

DURABILITIES: Final = ("memory", "relaxed", "normal", "full")
PACE_S: Final = 0.005
APART_NS: Final = 20 * SECOND // 1_000  # between two events of the journal that is restarted: 50 a second
ACCOUNT: Final = BinanceSpot(api_key="k" * 64, api_secret="s" * 64)
NAME: Final = "production:binance-spot:default"
MIB: Final = 1 << 20


def cpu(rounds: int, messages: int) -> None:
    """From the socket to user code."""
    contestants = [
        Contestant(
            name=f"journal: {durability}",
            module="exchstream_stream",
            gets="events",
            argv=("trio-websocket", durability),
        )
        for durability in DURABILITIES
    ]
    results = race(contestants, Terms(rounds=rounds, messages=messages))
    print(f"\n{'CPU us per report':<24}{'median':>10}{'ratio':>8}{'events/s':>10}")
    for result in results:
        figures = f"{result.median():>10.1f}{result.ratio(results[0]):>8.2f}{result.median(events_a_second):>10,.0f}"
        print(f"{result.contestant.name:<24}{figures}")


def events_a_second(lap: Lap) -> float:
    """How many events one core is busy with for a second."""
    return 1e6 / lap.us * (lap.orders + lap.fills) / lap.sent


# ------------------------------------------------------------------------------------------------ delay


def state(good_ns: int = 0, floor_ns: int = 0) -> Checkpoint:
    """A checkpoint of an account without holdings."""
    return Checkpoint(good_ns=good_ns, floor_ns=floor_ns, balances=BalanceState())


async def delays(journal: Journal, events: int) -> list[float]:
    """Seconds from `append` until the reader has the event, one after the other."""
    stream = OrderStream(journal, [_nobody()])
    found = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.write)

        async def read() -> None:
            async for event in stream:
                assert isinstance(event, Unrecognized)
                found.append(time.perf_counter() - event.received_ns / SECOND)
                if len(found) == events:
                    nursery.cancel_scope.cancel()

        nursery.start_soon(read)
        while True:
            await trio.sleep(PACE_S)
            now_ns = round(time.perf_counter() * SECOND)
            event = Unrecognized(venue="v", account="a", what="x", raw=b"x" * 560, received_ns=now_ns)
            journal.append("a", [event], state)
    return found


def _nobody() -> Any:
    """An account that does nothing."""
    return attrs.make_class("Nobody", {"failure": attrs.field(default=None)})()


async def delay(folder: Path, events: int) -> None:
    """The delay of each durability."""
    print(f"\n{'delay, us':<24}{'median':>10}{'99 of 100':>12}")
    for durability in DURABILITIES:
        if durability == "memory":
            found = await delays(InMemory(1_000), events)
        else:
            file: Any = JournalFile(folder / f"{durability}.db", durability)  # type: ignore[arg-type]
            async with Disk.open(file, 1_000) as journal:
                found = await delays(journal, events)
        print(f"{'journal: ' + durability:<24}{median(found) * 1e6:>10.0f}{quantiles(found, n=100)[-1] * 1e6:>12.0f}")


# ------------------------------------------------------------------------------------------------ restart


def told(now_ns: int, number: int = 0, position: int = 0, *, ends: bool = True) -> Iterator[list[Event]]:
    """Events of an account that trades for ever, 50 a second, from this instant on: whole histories of 200 orders.

    Reports are numbered from `number` on, events after `position`.  Without `ends` orders are placed, and no more.
    """
    ledger, memory, lane = Ledger(floor_ns=0), Memory(), ACCOUNT.plan.lanes[0]
    facts: dict[str, Any] = {"venue": ACCOUNT.name, "account": ACCOUNT.account, "symbol": "BTC/USDT"}
    while True:
        events: list[Event] = []
        for frame in blast(20 * COURSE + 1, number, now_ns // 1_000_000).encoded[:-1]:
            for view in ACCOUNT.read(lane, (frame,), memory):
                event: Event | None = None
                if isinstance(view, OrderView) and (known := ledger.view(view.state, live=True)) is not None:
                    if ends or (known.cumulative.filled == 0 and known.end is None):
                        event = OrderUpdate(**facts, received_ns=now_ns, raw=view.raw, state=known)
                elif isinstance(view, FillView) and ledger.fill(view.execution, live=True) and ends:
                    event = Fill(**facts, received_ns=now_ns, raw=view.raw, execution=view.execution)
                if event is not None:
                    now_ns += APART_NS
                    events.append(event)
        position = place(events, position)
        yield events
        number += 20 * COURSE + 1


def restart(path: Path, events: int, open_orders: int) -> None:
    """Write so many events up to now, then open what is there."""
    began, began_ns = time.perf_counter(), time.time_ns() - events * APART_NS
    store, source, good_ns = Store(path), told(began_ns), 0
    while store.last < events:
        some = next(source)
        good_ns = getattr(some[-1], "received_ns", 0) - MINUTE
        store.commit(Batch([(NAME, event) for event in some], {NAME: state(good_ns, began_ns)}))
    store.close()
    print(
        f"\n{store.last:,} events, {path.stat().st_size / MIB:,.0f} MiB, written in {time.perf_counter() - began:.1f} s"
    )
    for what, since_ns in (("proven until a minute before the end", good_ns), ("nothing proven", began_ns)):
        store = Store(path)
        store.commit(Batch(checkpoints={NAME: state(since_ns, began_ns)}))
        store.close()
        opened_again(path, what)
        if since_ns == good_ns:
            trio.run(live_again, path)
    store = Store(path)
    source = told(time.time_ns(), 10 * events, store.last, ends=False)
    left = open_orders
    while left > 0:
        some = next(source)[:left]
        left -= len(some)
        store.commit(Batch([(NAME, event) for event in some], {NAME: state(good_ns, began_ns)}))
    store.close()
    opened_again(path, f"proven as in the first case, {open_orders:,} orders open")


def opened_again(path: Path, what: str) -> None:
    """What it takes to open and restore it, and to read the file once: its bytes, and its records by SQLite."""
    known = Restored(checkpoint=state())
    read, scanned, restored = list[float](), list[float](), list[float]()
    for _ in range(3):
        began = time.perf_counter()
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
        read.append(time.perf_counter() - began)
        began = time.perf_counter()
        with closing(sqlite3.connect(path)) as db:
            for _ in db.execute("select payload from record order by position"):
                pass
        scanned.append(time.perf_counter() - began)
        began = time.perf_counter()
        store = Store(path)
        known = store.restore([NAME])[NAME]
        ledger = Ledger(floor_ns=0)
        ledger.restore(known.orders, known.entries)
        restored.append(time.perf_counter() - began)
        store.close()
    print(
        f"{what}: restored in {median(restored):.2f} s ({len(known.orders):,} orders, {len(known.entries):,} fills); "
        f"its bytes read once {median(read):.2f} s, its records {median(scanned):.2f} s",
        flush=True,
    )


async def live_again(path: Path) -> None:
    """How long a stream takes that begins with this file until the account is live, over real sockets."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT}
    command = [sys.executable, "-m", "tests.bench.server"]
    async with trio.open_nursery() as nursery:
        server: trio.Process = await nursery.start(partial(trio.run_process, command, **pipes))
        assert server.stdout is not None
        port = int(await server.stdout.receive_some())
        http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        account = attrs.evolve(ACCOUNT, rest_url=http, ws_url=f"{ws}/ws-api/v3", stream_url=ws)
        began = time.perf_counter()
        async with open_stream(account, journal=path) as stream:
            async for event in stream.follow(after=stream.journal.visible):
                if isinstance(event, GapClosed):
                    break
        lag_s = account.plan.lag_ns / SECOND
        print(f"    live after {time.perf_counter() - began:.2f} s, of which {lag_s:.0f} s wait for what REST may lag")
        nursery.cancel_scope.cancel()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--open-orders", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        print(f"file system: {file_system(Path(name)) or 'unknown'}")
        if options.messages:
            cpu(options.rounds, options.messages)
        trio.run(delay, Path(name), 1_000)
        if options.events:
            restart(Path(name) / "restart.db", options.events, options.open_orders)


if __name__ == "__main__":
    main()
