"""A soak on the clock of the wall: four accounts trade and are ill-treated, and nothing of the bot's process may grow.

    python -m tests.soak [--minutes 10] [--rate 5] [--fault-every 20] [--transport websockets]

The mock exchange, the trading and the faults are here; the bot (`tests.soak.bot`) is a process of its own that streams
over real sockets into a journal on disk.  Every account places `--rate` orders a second, and fills or cancels them.
Now and then one of them has its connection dropped, cut in mid-frame, stalled or muted, its listen key expired, or a
shutdown noticed.  In the end all is well again, and what the bot was told is held against what happened.

Fails (1) when a fill was lost, doubled or changed, when an end was not told, when the journal is not sound, or when
RSS, descriptors, threads or tasks have grown (`tests.soak.judge` has the bounds).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args

import attrs
import trio

from exchstream.shell.transports import TransportName
from mockserver.engine.enums import Side
from mockserver.engine.types import OrderView
from tests.integration.accounts import FLAVOURS
from tests.integration.harness import Seat, served
from tests.soak.judge import BOUNDS, MIB, ends_wrong, fills_wrong, grown, growth

ROOT: Final = Path(__file__).parents[2]
SAMPLES: Final = 90  # over the whole time
SHOWN: Final = 3  # every so many samples a row
START_SECONDS: Final = 60.0
# A link that was muted last is found out by an audit (90 s), and the look-back takes some seconds.
SETTLE_SECONDS: Final = 180.0
STALL_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 1.0
ENDS: Final = ("FILLED", "CANCELED")
COLUMNS: Final = ("rss", "files", "threads", "tasks", "journal", "events", "reconnects")


@attrs.define
class Heard:
    """What the bot has said."""

    fills: dict[str, list[tuple[object, ...]]] = attrs.field(factory=dict)
    ends: dict[str, dict[str, str]] = attrs.field(factory=dict)
    gaps: Counter[str] = attrs.field(factory=Counter)
    closed: Counter[str] = attrs.field(factory=Counter)
    samples: list[dict[str, int]] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)

    def line(self, text: str) -> None:
        """One line of the bot's."""
        match json.loads(text):
            case ["fill", account, *rest]:
                order_id, *numbers = rest
                self.fills.setdefault(account, []).append((order_id, *map(Decimal, numbers)))
            case ["end", account, order_id, status]:
                self.ends.setdefault(account, {})[order_id] = status
            case ["gap", _, reason]:
                self.gaps[reason] += 1
            case ["closed", account, complete, unresolved]:
                self.closed[account] += 1
                self.wrong += [] if complete else [f"{account}: not complete: {unresolved}"]
            case ["down", account, detail]:
                self.wrong.append(f"{account} went down: {detail}")
            case ["sample", values]:
                self.samples.append(values)


# ------------------------------------------------------------------------------------------------ trading, faults


async def trade(seat: Seat, rate: float, chance: random.Random) -> None:
    """Place orders, and end each of them a moment later; one of ten rests for a while."""
    resting: list[OrderView] = []
    bought = 0
    while True:
        side = Side.BUY if bought <= 0 else Side.SELL  # so that neither side runs out of money
        resting.append(seat.place("0.2", price="100" if side is Side.BUY else "101", side=side))
        await trio.sleep(chance.uniform(0, 2 / rate))
        if chance.random() < 0.1 and len(resting) < 10:
            continue
        order = resting.pop(chance.randrange(len(resting)))
        how = chance.randrange(3)
        if how == 0:
            seat.cancel(order)
            continue
        if how == 1:
            seat.fill(order, "0.1")
        seat.fill(order)
        bought += 1 if order.side is Side.BUY else -1


async def stall(seat: Seat) -> None:
    """For a while nothing is sent or read, then all of it at once."""
    links = seat.links
    for link in links:
        link.half_open()
    await trio.sleep(STALL_SECONDS)
    for link in links:
        link.resume()


def links_of(seat: Seat, strike: Callable[[Any], None]) -> None:
    """Do this to every connection of the account."""
    for link in seat.links:
        strike(link)


FAULTS: Final[dict[str, Callable[[Seat], Any]]] = {
    "drop": Seat.drop,
    "cut": lambda seat: links_of(seat, lambda link: link.reset(after_bytes=20)),
    "mute": lambda seat: links_of(seat, lambda link: link.mute()),
    "expire": lambda seat: seat.exchange.face.expire_listen_keys(seat.name),
    "notice": lambda seat: seat.exchange.face.shutdown_notice(seat.name, close=False),
}
WITHOUT: Final = {  # what a venue does not do
    "binance-spot": "expire",
    "binance-spot-listen-key": "notice",
    "binance-futures": "notice",
    "ftx": "expire",
}


async def trouble(seats: list[Seat], every: float, chance: random.Random, struck: Counter[str]) -> None:
    """A fault on each beat, of one account after the other."""
    for seat in itertools.cycle(seats):
        await trio.sleep(every)
        name = chance.choice(sorted({*FAULTS, "stall"} - {WITHOUT[seat.flavour]}))
        struck[name] += 1
        if name == "stall":
            await stall(seat)
        else:
            FAULTS[name](seat)
            seat.exchange.note_sight()


# ------------------------------------------------------------------------------------------------ the bot


async def listen(process: trio.Process, heard: Heard) -> None:
    """Everything that the bot says, and shows a row of its samples now and then."""
    assert process.stdout is not None
    rest = b""
    async for some in process.stdout:
        *lines, rest = (rest + some).split(b"\n")
        for line in lines:
            before = len(heard.samples)
            heard.line(line.decode())
            if len(heard.samples) > before and before % SHOWN == SHOWN - 1:
                show(heard.samples)


def show(samples: list[dict[str, int]]) -> None:
    """One row of the table."""
    last, before = samples[-1], samples[-SHOWN - 1] if len(samples) > SHOWN else None
    seconds = last["seconds"] - (before["seconds"] if before else 0)
    speed = (last["events"] - (before["events"] if before else 0)) / max(1, seconds)
    values = [f"{last[name] / MIB:.1f}" if name in ("rss", "journal") else f"{last[name]:,}" for name in COLUMNS]
    print(f"{last['seconds']:>8}" + "".join(f"{value:>11}" for value in values) + f"{speed:>10.1f}", flush=True)


async def eventually(true: Callable[[], bool], seconds: float) -> bool:
    """True once it is so; False if it is not so after that time."""
    with trio.move_on_after(seconds):
        while not true():  # noqa: ASYNC110  (the bot tells when it likes)
            await trio.sleep(LOOK_SECONDS)
        return True
    return False


# ------------------------------------------------------------------------------------------------ all of it


def wrong(seats: list[Seat], heard: Heard) -> list[str]:
    """What was not told as it happened."""
    found = []
    for seat in seats:
        truth = seat.truth()
        assert truth["complete"], "the mock has forgotten some of what happened: soak for less long, or at a lower rate"
        found += fills_wrong(seat.name, seat.true_fills(), heard.fills.get(seat.name, []))
        ends = {row["order_id"]: row["status"].lower() for row in truth["orders"] if row["status"] in ENDS}
        found += ends_wrong(seat.name, ends, heard.ends.get(seat.name, {}))
    return found


async def ill_treated(seats: list[Seat], options: argparse.Namespace) -> Counter[str]:
    """Trade and strike until the time is over, then let all be well again; what struck how often."""
    struck, chance = Counter[str](), random.Random(options.seed)
    with trio.move_on_after(60 * options.minutes):
        async with trio.open_nursery() as nursery:
            for seat in seats:
                nursery.start_soon(trade, seat, options.rate, random.Random(chance.random()))
            nursery.start_soon(trouble, seats, options.fault_every, chance, struck)
    for seat in seats:
        for link in seat.links:
            if link.held:  # a stall that was cut short
                link.resume()
    return struck


async def soak(options: argparse.Namespace, journal: Path) -> list[str]:
    """The whole session; what was wrong."""
    heard = Heard()
    struck, samples, settled = Counter[str](), list[dict[str, int]](), 0.0
    found = ["the accounts were not live in time"]
    async with served() as mock, trio.open_nursery() as nursery:
        seats = [mock.seat(flavour) for flavour in FLAVOURS]
        command = [sys.executable, "-m", "tests.soak.bot"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT}
        process: trio.Process = await nursery.start(partial(trio.run_process, command, **pipes))
        assert process.stdin is not None
        nursery.start_soon(listen, process, heard)
        accounts = [{"flavour": s.flavour, "http": mock.http, "ws": mock.ws, **s.options, **s.keys} for s in seats]
        every = 60 * options.minutes / SAMPLES
        await process.stdin.send_all(
            json.dumps(
                {"accounts": accounts, "journal": str(journal), "every": every, "transport": options.transport}
            ).encode()
            + b"\n"
        )
        live = await eventually(lambda: len(heard.closed) == len(seats), START_SECONDS)
        if live:
            struck = await ill_treated(seats, options)
            samples, began = list(heard.samples), trio.current_time()
            await eventually(lambda: not wrong(seats, heard), SETTLE_SECONDS)
            settled = trio.current_time() - began
            await process.stdin.aclose()  # and the bot leaves
            found = wrong(seats, heard)
        else:
            nursery.cancel_scope.cancel()
    if not live:
        return found
    fills, ends = sum(map(len, heard.fills.values())), sum(map(len, heard.ends.values()))
    print(f"\n{fills:,} fills and {ends:,} ends of orders, told {settled:.0f} s after the last order")
    print(f"faults: {dict(struck)}; gaps: {dict(heard.gaps)}")
    print("growth: " + ", ".join(f"{name} {growth(samples, name):,.0f} (at most {BOUNDS[name]:,})" for name in BOUNDS))
    return [*found, *heard.wrong, *grown(samples)]


def main() -> int:
    """Soak, print, and say whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=float, default=5, help="orders of each account in a second")
    parser.add_argument("--fault-every", type=float, default=20, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transport", choices=get_args(TransportName), default="trio-websocket")
    options = parser.parse_args()
    print(f"{'seconds':>8}" + "".join(f"{name:>11}" for name in COLUMNS) + f"{'events/s':>10}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "orders.db"
        found = trio.run(soak, options, journal)
        verify = [sys.executable, "-m", "exchstream", "journal", "verify", str(journal)]
        if subprocess.run(verify, cwd=ROOT, check=False).returncode:
            found.append("the journal is not sound")
    for line in found[:20]:
        print(line)
    print("FAILED" if found else "all was told once, and nothing grew")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
