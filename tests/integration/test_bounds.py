"""Nothing grows without a bound: memory under 100,000 updates, every map and queue, descriptors, tasks."""

from __future__ import annotations

import gc
import json
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock

from exchstream.core import balances, doubts, gaps, ledger, lookback, teller
from exchstream.core.limits import HttpLimits
from exchstream.core.venue import HOUR
from exchstream.errors import SlowConsumer
from exchstream.events import Event
from exchstream.shell.stream import OrderStream, open_stream

from .harness import NAMES, Mock, Seat, eventually, fills_of, grown, live, mock_now_ns, served, told_fills, until

ORDERS: Final = 25_000
UPDATES_EACH: Final = 4  # NEW, two parts, FILLED
CHUNK: Final = 50  # orders in one write
MEBIBYTE: Final = 1 << 20
GROWTH: Final = 50 * MEBIBYTE


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock`, as pytest-trio demands."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=NAMES)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue in turn."""
    return mock.seat(request.param, quick=False)


def text_frame(text: str) -> bytes:
    """One WebSocket frame of a server with less than 64 KiB of text."""
    payload = text.encode()
    head = (
        struct.pack("!BB", 0x81, len(payload)) if len(payload) < 126 else struct.pack("!BBH", 0x81, 126, len(payload))
    )
    return head + payload


# --- memory ----------------------------------------------------------------------------------------------------------

REPORT: Final[dict[str, Any]] = {
    "e": "executionReport", "E": 0, "s": "BTCUSDT", "c": "", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.00000000",
    "p": "100.00000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "NEW", "X": "NEW", "r": "NONE",
    "i": 0, "l": "0.00000000", "z": "0.00000000", "L": "0.00000000", "n": "0", "N": None, "T": 0, "t": -1, "I": 0,
    "w": True, "m": False, "M": False, "O": 0, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "W": 0,
    "V": "NONE",
}  # fmt: skip


def history(order: int, number: int, time_ms: int) -> Iterator[str]:
    """The four reports of one order; `number` counts executions."""
    for step, (status, last, filled) in enumerate(
        (("NEW", 0, 0), ("PARTIALLY_FILLED", 25, 25), ("PARTIALLY_FILLED", 25, 50), ("FILLED", 50, 100))
    ):
        traded: dict[str, Any] = {"x": "TRADE", "L": "100.00000000", "t": number + step} if step else {}
        report = {**REPORT, "E": time_ms, "T": time_ms, "O": time_ms, "W": time_ms, "i": order, "X": status, **traded}
        report |= {"c": f"bench-{order}", "I": number + step, "l": f"{last / 100:.8f}", "z": f"{filled / 100:.8f}"}
        report |= {"Z": f"{filled:.8f}", "Y": f"{last:.8f}"}
        yield json.dumps({"subscriptionId": 0, "event": report}, separators=(",", ":"))


def resident() -> int:
    """This process's resident memory in bytes."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def pour(seat: Seat, stream: OrderStream, first: int, count: int) -> None:
    """Send the updates of `count` orders over the account's socket, never faster than they are read."""
    (link,) = seat.links
    for start in range(first, first + count, CHUNK):
        time_ms = mock_now_ns() // 1_000_000
        orders = range(start, min(start + CHUNK, first + count))
        before = stream.journal.visible
        link.transport.reply(
            b"".join(text_frame(text) for n in orders for text in history(10_000_000 + n, 4 * n, time_ms))
        )
        await eventually(grown(stream, before + 7 * len(orders)), every=0.001)  # four updates, three fills each


async def measure() -> dict[str, int]:
    """Pour 100,000 updates while the reader sleeps; what memory did, and how the reader woke."""
    async with served() as mock:
        seat = mock.seat("binance-spot", audit_ns=HOUR)  # the mock knows nothing of these orders
        async with open_stream(seat.venue) as stream:
            await until(stream, live())
            started = resident()
            await pour(seat, stream, 0, ORDERS)
            grown = resident() - started
            await pour(seat, stream, ORDERS, ORDERS // 4)
            after = resident() - started
            try:
                await stream.__anext__()
            except SlowConsumer as slow:
                resume, floor = slow.resume_after, stream.journal.floor
            else:
                resume, floor = -1, -2
            reader = stream.follow(after=resume)
            read = [(await reader.__anext__()).position for _ in range(stream.journal.visible - resume)]
            whole = read == list(range(resume + 1, stream.journal.visible + 1))
            return {
                "told": stream.journal.visible,
                "grown": grown,
                "later": after,
                "resume": resume,
                "floor": floor,
                "whole": whole,
            }


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_100_000_updates_while_the_reader_sleeps() -> None:
    """RSS grows by less than 50 MiB, more add nothing to speak of, and the reader resumes at the ring's floor."""
    # What coverage keeps of its own is not what the stream keeps.
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.test_bounds"],
        env=bare,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["told"] >= 7 * ORDERS
    assert (found["floor"], True) == (found["resume"], found["whole"])
    assert found["grown"] < GROWTH, f"{found['grown'] / MEBIBYTE:.1f} MiB"
    assert found["later"] - found["grown"] < GROWTH / 4, f"{found['later'] / MEBIBYTE:.1f} MiB"


# --- maps and queues -------------------------------------------------------------------------------------------------

FEW: Final = 50
LIMITS: Final[tuple[tuple[ModuleType, str], ...]] = (
    (ledger, "MAX_OPEN"),
    (ledger, "MAX_CLOSED"),
    (ledger, "MAX_ENDED"),
    (ledger, "MAX_FILLS"),
    (ledger, "MAX_FILLS_NEEDED"),
    (ledger, "MAX_FORGOTTEN"),
    (ledger, "MAX_SUMS"),
    (lookback, "MAX_HELD"),
    (gaps, "MAX_SUSPECTS"),
    (teller, "MAX_STRANGE"),
    (doubts, "MAX_DOUBTS"),
    (teller, "MAX_SYMBOLS"),
    (balances, "MAX_ASSETS"),
    (balances, "MAX_UNCERTAIN"),
)


def containers(thing: object, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Every container that can be reached from this object of ours, by its path, with its length."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping | set | frozenset | list | tuple | deque):
        yield path, len(thing)
        for inner in [*thing.values(), *thing.keys()] if isinstance(thing, Mapping) else list(thing):
            yield from containers(inner, f"{path}[]", seen)
    elif type(thing).__module__.startswith("exchstream"):
        slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        for name in [*slots, *getattr(thing, "__dict__", {})]:
            if hasattr(thing, name):
                yield from containers(getattr(thing, name), f"{path}.{name}", seen)


def flood(flavour: str, number: int) -> list[str]:
    """Frames about an order, a symbol, an asset and a doubt that nobody has heard of before."""
    time_ms = mock_now_ns() // 1_000_000
    symbol, order = f"S{number}USDT", 50_000_000 + number
    if flavour == "ftx":
        row = {"id": order, "market": f"S{number}/USD", "side": "buy", "size": 1, "price": 1, "type": "limit"}
        state = {**row, "status": "new", "filledSize": 0.5, "avgFillPrice": 1}
        closed = {**row, "id": -order, "status": "closed", "filledSize": 0}
        fill = {**row, "orderId": order, "time": "2026-11-22T00:00:00+00:00", "fee": 1, "feeCurrency": f"A{number}"}
        broken = {**state, "id": 2 * order, "size": None}
        rows: list[tuple[str, dict[str, Any]]] = [("orders", state), ("orders", closed), ("fills", fill)]
        rows += [("orders", broken), ("fills", {**fill, "orderId": 3 * order, "price": None})]
        return [json.dumps({"type": "update", "channel": channel, "data": data}) for channel, data in rows]
    report = {**REPORT, "T": time_ms, "O": time_ms, "s": symbol, "i": order}
    traded = {
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "l": "0.5",
        "z": "0.5",
        "Z": "0.5",
        "Y": "0.5",
        "L": "1",
        "t": number,
    }
    traded |= {"n": "1", "N": f"A{number}"}
    events: list[dict[str, Any]] = [
        report,
        report | traded,
        {**report, "i": 2 * order, "x": "CANCELED", "X": "CANCELED"},
    ]
    events.append({**report, "i": 3 * order, "q": None})
    if flavour == "binance-futures":
        more = {"ap": "1", "sp": "0", "ot": "LIMIT", "R": False, "ps": "BOTH"}
        inner = [{name: event[name] for name in event if name != "M"} | more for event in events]
        orders = [json.dumps({"e": "ORDER_TRADE_UPDATE", "E": time_ms, "T": time_ms, "o": event}) for event in inner]
        lite = {"e": "TRADE_LITE", "E": time_ms, "T": time_ms, "s": symbol, "q": "1", "p": "1", "m": False, "c": "c"}
        return [*orders, json.dumps(lite | {"S": "BUY", "L": "1", "l": "1", "t": 2 * number, "i": 4 * order})]
    events.append({"e": "balanceUpdate", "E": time_ms, "a": f"B{number}", "d": "1", "T": time_ms})
    bare = flavour == "binance-spot-listen-key"
    return [json.dumps(event if bare else {"subscriptionId": 0, "event": event}) for event in events]


async def test_every_map_and_queue_is_bounded(
    seat: Seat, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of orders, symbols, assets and doubts never heard of: nothing that we keep is longer than its limit."""
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, FEW)
    async with open_stream(seat.venue, memory_events=FEW) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        (runner,) = stream._runners
        start = dict(containers(runner, "", set()))
        for number in range(1, 6 * FEW):
            link.transport.reply(b"".join(text_frame(text) for text in flood(seat.flavour, number)))
            if number % 20 == 0:
                await trio.sleep(0.01)
        await trio.sleep(0.1)
        assert stream.journal.visible > 6 * FEW
        assert len(runner.session.ledger.open) == FEW  # what was sent was understood
        found = [(path, n) for path, n in containers(runner, "", set()) if n > max(FEW + 1, start.get(path, 0))]
    assert found == []


# --- descriptors and tasks -------------------------------------------------------------------------------------------


def descriptors() -> int:
    """How many files and sockets are open."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def tasks() -> int:
    """How many tasks live."""
    return trio.lowlevel.current_statistics().tasks_living


async def settled(count: Callable[[], int], at_most: int) -> int:
    """The count once it is no more than this; as it is after a minute."""
    with trio.move_on_after(60):
        await eventually(lambda: count() <= at_most, every=0.05)
    return count()


@pytest.mark.usefixtures("each_transport")
async def test_50_reconnects_leave_nothing_behind(seat: Seat, autojump_clock: MockClock) -> None:
    """Dropped, reset, closed, cut in mid-frame, fifty times: descriptors and tasks stay few, and no fill is lost."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        events: list[Event] = []
        await reconnect(seat, stream, 1, events)  # by now each connection that is kept alive has been made
        files, alive = descriptors(), tasks()
        for number in range(50):
            await reconnect(seat, stream, number, events)
        # Each HTTP connection that is kept alive is a task of the mock's and two descriptors; a leak would be fifty.
        kept = HttpLimits().max_connections
        assert await settled(tasks, alive + kept) <= alive + kept
        assert await settled(descriptors, files + 2 * kept) <= files + 2 * kept
        assert sum(status.reconnects for status in stream.status().values()) == 51
    assert sorted(seat.true_fills()) == sorted(told_fills(events))


async def reconnect(seat: Seat, stream: OrderStream, number: int, events: list[Event]) -> None:
    """End the link in one of four ways, fill an order meanwhile, and wait till the stream is live with it."""
    (link,) = seat.links
    order = seat.place("0.2")
    match number % 4:
        case 0:
            link.drop()
        case 1:
            link.reset()
        case 2:
            link.close(1001, "going away")
        case _:
            link.reset(after_bytes=20)
    seat.fill(order)
    told = await until(stream, live(), seconds=600)
    events += await until(
        stream, lambda _: len(fills_of(events)) + len(fills_of(told)) == len(seat.true_fills()), told=told
    )


async def test_20_streams_leave_nothing_behind(seat: Seat, autojump_clock: MockClock) -> None:
    """Opened, live with an order in flight, and left, twenty times: no descriptor, task or connection remains."""
    found = []
    for _ in range(21):  # the first one makes what is made once: certificates, resolver threads
        async with open_stream(seat.venue) as stream:
            await until(stream, live(), seconds=600)  # the venue's own count of weight fills up
            seat.fill(seat.place("0.2"))
        await trio.sleep(30)  # the mock takes its leave too
        found.append((descriptors(), tasks(), len(seat.mock.worlds.links)))
    assert [found[0]] * 21 == found


@pytest.mark.usefixtures("each_transport")
@pytest.mark.parametrize("flavour", NAMES)
async def test_streams_left_while_they_connect_leave_nothing_behind(mock: Mock, flavour: str) -> None:
    """Left at whatever moment of the start, twenty times: no descriptor, task or connection remains."""
    seat = mock.seat(flavour)
    async with open_stream(seat.venue) as stream:  # makes what is made once: certificates, resolver threads
        await until(stream, live(), seconds=30)
    with trio.fail_after(5):
        await eventually(lambda: not seat.mock.worlds.links)
    files, alive = descriptors(), tasks()
    for number in range(20):
        with trio.move_on_after(0.004 * number):
            async with open_stream(seat.venue) as stream:
                async for _ in stream:
                    pass
    with trio.fail_after(5):
        await eventually(lambda: not seat.mock.worlds.links and tasks() <= alive and descriptors() <= files)


if __name__ == "__main__":
    print(json.dumps(trio.run(measure)))
