"""One account from the first start of its bot to the last: killed at chosen places while trades and faults go on.

The driver serves the mock in its own process, starts the bot as a child, hears where it dies, and starts it again.  At
the end trading stops, the bot is left alone until its verdict, and the books are compared with the truth.
"""

from __future__ import annotations

import itertools
import pickle
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from exchstream import JournalFile
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import SECOND, Venue
from exchstream.events import Event, Fill
from exchstream.journal.file import reading
from exchstream.journal.store import Durability, events_of
from exchstream.shell.transports import TransportName
from exchstream.venues.binance.account import BinanceAccount
from mockserver.checkers import FillId, true_fills, true_orders
from tests.integration.harness import QUICK_NS, Mock
from tests.simulation.records import told_of

from .ambush import PHASES, POINTS, Ambush
from .books import Books, entered
from .bot import LOG, Orders
from .verdict import Verdict, judged, judged_orders, secrets_in
from .weather import Weather

ROOT: Final = Path(__file__).parents[2]
ANY: Final = "any moment"
ANY_SECONDS: Final = (0.1, 3.0)  # from the start of the process on
# The documented times are minutes; so short, a life of seconds sees its silence, its audits and its 24 hours.
QUICK: Final[dict[str, Any]] = {
    "silence_ns": 3 * SECOND,
    "heartbeat_ns": SECOND,
    "audit_ns": 2 * SECOND,
    "audit_grace_ns": SECOND // 2,
    "session_limits": SessionLimits(retry_base_ns=SECOND // 10, retry_cap_ns=SECOND),
}
# So many starts and audits in a minute would use up the budget of an account, and wait for the next one.
BUDGET: Final[dict[str, Any]] = {"weight_per_minute": 1_000_000}
LIFETIME_NS: Final = 3 * SECOND // 2
AGAIN_SECONDS: Final = (2.0, 4.0)
PATIENCE_SECONDS: Final = 120.0
QUIET_SECONDS: Final = QUICK_NS / SECOND  # a verdict's end lies so long before its last questions


@attrs.define
class Row:
    """What happened to one bot, which has an account of each flavour, and what came of it."""

    flavours: tuple[str, ...]
    durability: Durability
    kills: Counter[str] = attrs.field(factory=Counter)
    points: Counter[str] = attrs.field(factory=Counter)
    faults: Counter[str] = attrs.field(factory=Counter)
    lives: Counter[str] = attrs.field(factory=Counter)  # by transport
    fills: int = 0
    told: int = 0
    recovered: int = 0
    verdict: Verdict = attrs.field(factory=Verdict)
    trouble: list[str] = attrs.field(factory=list)

    @property
    def name(self) -> str:
        """Where it trades."""
        return " + ".join(self.flavours)

    @property
    def starts(self) -> int:
        """How often the bot was started."""
        return self.lives.total()

    @property
    def once(self) -> bool:
        """False where the last moments before a kill may be told again under new positions."""
        return self.durability != "relaxed"

    @property
    def wrong(self) -> list[str]:
        """Whatever broke a promise."""
        if not self.once:
            return [*self.trouble, *self.verdict.lost, *self.verdict.invented, *self.verdict.orders]
        return [*self.trouble, *self.verdict.wrong]


def decks() -> dict[str, Iterator[str]]:
    """The points of each phase, to be dealt in turn."""
    return {phase: itertools.cycle(POINTS.get(phase, ("",))) for phase in PHASES}


def plan(kills: int, chance: random.Random, points: Mapping[str, Iterator[str]]) -> list[Ambush | None]:
    """Where the bot dies, each time; None: at any moment."""
    turns = [*PHASES, None]
    chosen = [turns[number % len(turns)] for number in range(kills)]
    chance.shuffle(chosen)
    return [
        None if phase is None else Ambush(phase, next(points[phase]), chance.randrange(12), chance.randrange(1 << 30))
        for phase in chosen
    ]


@attrs.define(eq=False)
class Campaign:
    """The lives of one bot."""

    row: Row
    folder: Path
    chance: random.Random
    weathers: Sequence[Weather]
    since_ns: int
    keeps: type[Books] = Books
    transports: Sequence[TransportName] = ("trio-websocket",)  # which the lives take in turn

    @classmethod
    def at(cls, mock: Mock, row: Row, folder: Path, chance: random.Random) -> Campaign:
        """New accounts, with nothing in the folder yet."""
        seats = [mock.seat(name, **QUICK, **(BUDGET if name != "ftx" else {})) for name in row.flavours]
        weathers = [Weather(seat, chance, row.faults) for seat in seats]
        folder.mkdir()
        return cls(row, folder, chance, weathers, since_ns=weathers[0].seat.exchange.now_ns)

    async def run(self, ambushes: Sequence[Ambush | None]) -> Row:
        """One life for each of these, and a last one."""
        with ExitStack() as stack:
            for weather in self.weathers:
                stack.enter_context(weather.failing())
            async with trio.open_nursery() as nursery:
                for weather in self.weathers:
                    nursery.start_soon(weather.trade)
                for place in ambushes:
                    await self.killed(place)
                    await self.while_dead()
                nursery.cancel_scope.cancel()
        await self.last_life()
        await self.judge()
        return self.row

    async def killed(self, place: Ambush | None) -> None:
        """One life, from the start to SIGKILL."""
        async with self.bot(place) as process:
            phase, point = ANY, ""
            with trio.move_on_after(PATIENCE_SECONDS if place else self.chance.uniform(*ANY_SECONDS)) as patience:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.disturb, place)
                    phase, point = await where_it_dies(process)
                    nursery.cancel_scope.cancel()
            if patience.cancelled_caught:
                process.kill()
                if place is not None:
                    self.row.trouble.append(f"the bot never came to {place}")
            code = await process.wait()
        if code != -signal.SIGKILL:
            self.row.trouble.append(f"the bot ended by itself, with {code}, on its way to {place}")
        self.row.kills[phase] += 1
        if point:
            self.row.points[f"{phase} {point}"] += 1

    async def disturb(self, place: Ambush | None) -> None:
        """A fault, at any time; and then what the bot needs to come to its place, however often."""
        await trio.sleep(self.chance.uniform(0.3, 2))
        weather = self.chance.choice(self.weathers)
        await weather.strike(self.chance.choice(weather.faults))
        while place is not None:
            await trio.sleep(self.chance.uniform(*AGAIN_SECONDS))
            if place.phase == "look-back":
                weather.seat.drop()
            elif place.phase == "rotation" and "notice" in weather.faults:
                await weather.strike("notice")
            for each in self.weathers:
                each.quiet = place.phase == "idle"

    async def while_dead(self) -> None:
        """The market goes on; keys may run out."""
        for weather in self.weathers:
            weather.quiet = False
            if "expired key" in weather.faults and self.chance.random() < 0.3:
                await weather.strike("expired key")
        await trio.sleep(self.chance.uniform(0, 0.5))

    async def last_life(self) -> None:
        """Left alone until it vouches for everything of every account, and then sent home.

        Its first words may be of verdicts that a former life came to and that were not in the books yet.
        """
        ends_ns = {weather.seat.name: weather.seat.exchange.now_ns for weather in self.weathers}
        await trio.sleep(QUIET_SECONDS)
        async with self.bot(None) as process:
            assert process.stdin is not None
            with trio.move_on_after(PATIENCE_SECONDS) as patience:
                async for line in lines(process):
                    _, account, until_ns, unresolved = line.split(" ", 3)
                    if account in ends_ns and int(until_ns) >= ends_ns[account]:
                        del ends_ns[account]
                        if unresolved != "()":
                            self.row.trouble.append(f"not all could be told of {account}: {unresolved}")
                    if not ends_ns:
                        await process.stdin.aclose()
            if patience.cancelled_caught:
                self.row.trouble.append(f"the last life came to no verdict on {sorted(ends_ns)}")
                process.kill()
            code = await process.wait()
        if code != 0:
            self.row.trouble.append(f"the last life ended with {code}")

    @asynccontextmanager
    async def bot(self, place: Ambush | None) -> AsyncIterator[trio.Process]:
        """A bot that has its orders; at the end of the block it must have ended."""
        venues = tuple(venue_of(weather, place) for weather in self.weathers)
        journal = JournalFile(self.journal, self.row.durability)
        transport = self.transports[self.row.starts % len(self.transports)]
        orders = Orders(venues, self.since_ns, journal, self.folder / "books.db", place, self.keeps, transport)
        self.row.lives[transport] += 1
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "tests.crash.bot"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await process.stdin.send_all(pickle.dumps(orders))
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.stdin.aclose()
            await process.stdout.aclose()

    # ------------------------------------------------------------------------------------------------ the end

    @property
    def journal(self) -> Path:
        """The bot's journal."""
        return self.folder / "orders.db"

    async def judge(self) -> None:
        """Compare, account by account; and let the command say whether the file is sound."""
        row = self.row
        books, journal = entered(self.folder / "books.db"), list(events_in(self.journal))
        for weather in self.weathers:
            account, report = weather.seat.name, weather.seat.truth()
            of = {"venue": weather.seat.exchange.venue, "account": account}
            truth = true_fills(report, **of)
            mine = {position: fill for position, (whose, fill) in books.items() if whose == account}
            kept = fills_among(journal, account) if row.once else None
            said = (told_of(event, event.position) for event in journal if event.account == account)
            told = [fact for fact in said if fact is not None]
            row.fills, row.told = row.fills + len(truth), row.told + len(mine)
            row.recovered += sum(fill.recovered for fill in mine.values())
            row.verdict.add(judged(truth, mine, kept))
            row.verdict.orders.extend(judged_orders(true_orders(report, **of), told))
        command = [sys.executable, "-m", "exchstream", "journal", "verify", str(self.journal)]
        verified = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False, cwd=ROOT)
        if verified.returncode != 0:
            row.trouble.append(f"exchstream journal verify: {verified.stdout!r} {verified.stderr!r}")
        secrets = [secret for weather in self.weathers for secret in (weather.seat.api_key, weather.seat.secret)]
        assert (self.folder / LOG).stat().st_size > 0
        for file in sorted(self.folder.iterdir()):
            row.trouble.extend(f"{found} in {file.name}" for found in secrets_in(file.read_bytes(), secrets))


def venue_of(weather: Weather, place: Ambush | None) -> Venue:
    """The account; one whose venue never says that it is about to go has short-lived links if they are to overlap."""
    venue = weather.seat.venue
    if place is None or place.phase != "rotation" or "notice" in weather.faults:
        return venue
    assert isinstance(venue, BinanceAccount)
    return attrs.evolve(venue, lifetime_ns=LIFETIME_NS)


async def where_it_dies(process: trio.Process) -> tuple[str, str]:
    """Phase and point, by its last word; it may have died without one."""
    place = f"{ANY}: "
    async for line in lines(process):
        if line.startswith("killed "):
            place = line.removeprefix("killed ")
    phase, _, point = place.partition(": ")
    return phase, point


async def lines(process: trio.Process) -> AsyncIterator[str]:
    """What it says, until it has no more to say."""
    assert process.stdout is not None
    rest = b""
    async for piece in process.stdout:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


def events_in(journal: Path) -> Iterator[Event]:
    """All that a journal tells."""
    with reading(journal) as db:
        yield from (event for _, event in events_of(db))


def fills_among(events: Iterable[Event], account: str) -> dict[int, FillId]:
    """The fills of this account by position."""
    return {
        event.position: (event.venue_symbol, event.trade_id, event.order_id)
        for event in events
        if isinstance(event, Fill) and event.account == account
    }
