"""What the journal on disk costs: CPU per report and delay per event for each durability, and how long a restart takes.

    python -m tests.bench.journal [--rounds 5] [--messages 20000] [--events 1000000] [--folder DIR]

CPU is counted from the socket to user code, as in `test_spot.py`.  The delay is from `append` to the reader, at a pace
of one event in 5 ms.  A restart opens a file in which so many events stand, 50 a second, and restores the account:
first from what was told in the last minutes, as usual, then, as if nothing had been proven, from all of it.  Beside it
stands what it takes to read the file once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import attrs
import trio

from exchstream import BinanceSpot, JournalFile, Unrecognized
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
from tests.bench.race import Contestant, race
from tests.bench.reports import blast

DURABILITIES: Final = ("memory", "relaxed", "normal", "full")
PACE_S: Final = 0.005
APART_NS: Final = 20 * SECOND // 1_000  # between two events of the journal that is restarted: 50 a second
ACCOUNT: Final = BinanceSpot(api_key="k" * 64, api_secret="s" * 64)


def cpu(rounds: int, messages: int) -> None:
    """From the socket to user code."""
    contestants = [
        Contestant(name=f"journal: {durability}", module="exchstream_stream", gets="events", argv=(durability,))
        for durability in DURABILITIES
    ]
    results = race(contestants, rounds=rounds, messages=messages)
    print(f"\n{'CPU us per report':<24}{'median':>10}{'ratio':>8}")
    for result in results:
        print(f"{result.contestant.name:<24}{result.us:>10.1f}{result.ratio(results[0]):>8.2f}")


# ------------------------------------------------------------------------------------------------ delay


def state(good_ns: int = 0) -> Checkpoint:
    """A checkpoint of an account without holdings."""
    return Checkpoint(good_ns=good_ns, floor_ns=0, balances=BalanceState())


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


def told() -> Iterator[Event]:
    """Events of an account that trades for ever, 50 a second."""
    ledger, memory, lane = Ledger(floor_ns=0), Memory(), ACCOUNT.plan.lanes[0]
    position, now_ns, number = 0, 1_700_000_000 * SECOND, 0
    facts: dict[str, Any] = {"venue": ACCOUNT.name, "account": ACCOUNT.account, "symbol": "BTC/USDT"}
    while True:
        for frame in blast(20_000, number, now_ns // 1_000_000).frames:
            for view in ACCOUNT.read(lane, (frame,), memory):
                event: Event | None = None
                if isinstance(view, OrderView) and (known := ledger.view(view.state, live=True)) is not None:
                    event = OrderUpdate(**facts, received_ns=now_ns, raw=view.raw, state=known)
                elif isinstance(view, FillView) and ledger.fill(view.execution, live=True):
                    event = Fill(**facts, received_ns=now_ns, raw=view.raw, execution=view.execution)
                if event is not None:
                    position, now_ns = position + 1, now_ns + APART_NS
                    place(event, position)
                    yield event
        number += 20_001


def restart(path: Path, events: int) -> None:
    """Write so many events, then open what is there."""
    began = time.perf_counter()
    store, source, good_ns = Store(path), told(), 0
    for _ in range(0, events, 1_000):
        batch = list(islice(source, 1_000))
        good_ns = getattr(batch[-1], "received_ns", good_ns)
        store.commit(Batch([("a", event) for event in batch], {"a": state(good_ns - MINUTE)}))
    store.close()
    size = path.stat().st_size
    print(f"\n{events:,} events, {size / 2**20:,.0f} MiB, written in {time.perf_counter() - began:.1f} s")
    opened_again(path, "proven until a minute before the end")
    store = Store(path)
    store.commit(Batch(checkpoints={"a": state()}))
    store.close()
    opened_again(path, "nothing proven")


def opened_again(path: Path, what: str) -> None:
    """What it takes to open and restore it."""
    known = Restored(checkpoint=state())
    read, opened, restored = list[float](), list[float](), list[float]()
    for _ in range(3):
        began = time.perf_counter()
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
        read.append(time.perf_counter() - began)
        began = time.perf_counter()
        store = Store(path)
        opened.append(time.perf_counter() - began)
        began = time.perf_counter()
        known = store.restore(["a"])["a"]
        ledger = Ledger(floor_ns=0)
        ledger.restore(known.orders, known.entries)
        restored.append(time.perf_counter() - began)
        store.close()
    print(
        f"{what}: read once {median(read):.2f} s; open {median(opened):.3f} s, restore {median(restored):.2f} s "
        f"({len(known.orders):,} orders, {len(known.entries):,} fills)"
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        if options.messages:
            cpu(options.rounds, options.messages)
        trio.run(delay, Path(name), 1_000)
        if options.events:
            restart(Path(name) / "restart.db", options.events)


if __name__ == "__main__":
    main()
