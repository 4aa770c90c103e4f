"""A stage: one client, a process of its own, follows one account of a mock exchange of its own, over real sockets.

The mock runs in the test's process, so that a scenario can do what its control API cannot: tell a frame again, step the
clock, refuse every request.  The client is one of `scripts/follow_*.py`; it is killed when the stage is left.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import trio

from mockserver.engine.types import OrderView
from mockserver.faces.base import Text
from tests.integration.harness import Mock, Seat, served

ROOT: Final = Path(__file__).parents[2]
STARTED_WITHIN: Final = 60.0
POLL: Final = 0.02


@attrs.frozen
class Client:
    """Who follows: its name in the table, its script, and by venue which environment variable names its Python."""

    name: str
    script: str
    variables: Mapping[str, str]

    def python(self, venue: str) -> str | None:
        """Its Python; None where it does not know the venue, or no Python is named."""
        if not self.variables:
            return sys.executable
        return os.environ.get(self.variables.get(venue, ""))


BINANCE: Final = ("binance-spot", "binance-futures")
CLIENTS: Final = (
    Client("exchstream", "follow_exchstream", {}),
    Client(
        "ccxt",
        "follow_ccxt",
        {**dict.fromkeys(BINANCE, "EXCHSTREAM_CCXT_PYTHON"), "ftx": "EXCHSTREAM_CCXT_FTX_PYTHON"},
    ),
    Client("python-binance", "follow_python_binance", dict.fromkeys(BINANCE, "EXCHSTREAM_PYTHON_BINANCE_PYTHON")),
)


class FillId(NamedTuple):
    """What a fill is known by: the id that the venue gives to the fill is `fill_id` in FTX's truth."""

    order_id: str
    trade_id: str


@attrs.define(eq=False)
class Stage:
    """One client and one account.  Times in seconds are of the wall clock."""

    client: Client
    seat: Seat
    folder: Path
    patience_s: float
    heavy: trio.CapacityLimiter
    """Whoever keeps a core busy does it under this."""
    nursery: trio.Nursery
    skew_ns: int = 0
    told: list[dict[str, Any]] = attrs.field(factory=list)
    """What the client printed; over all its processes."""
    version: str = ""
    process: trio.Process | None = None

    # ------------------------------------------------------------------------------------------------ the client

    async def start(self, **options: object) -> None:
        """Start the client and wait until it follows the account: it says so, and the mock sees it subscribed."""
        asked = {
            "venue": self.seat.exchange.venue,
            "key": self.seat.api_key,
            "secret": self.seat.secret,
            "http": self.seat.mock.http,
            "ws": self.seat.mock.ws,
            **options,
        }
        before = len(self.told)
        python = self.client.python(self.seat.exchange.venue)
        assert python is not None
        argv = [python, "-m", f"tests.clients.scripts.{self.client.script}", json.dumps(asked)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        async with self.heavy:
            with (self.folder / "stderr").open("ab") as errors:
                self.process = await trio.lowlevel.open_process(
                    argv, stdout=subprocess.PIPE, stderr=errors, cwd=self.folder, env=env
                )
            self.nursery.start_soon(self._listen, self.process)
            await self.until(self.is_subscribed, STARTED_WITHIN)
        await self.until(lambda: any("ready" in line for line in self.told[before:]), STARTED_WITHIN)
        self.version = next((line["ready"] for line in self.told if "ready" in line), "")

    def is_subscribed(self) -> bool:
        """Whether the account's events go to the client; FTX has a channel for orders and one for fills."""
        links = {link.id for link in self.seat.links}
        if self.seat.exchange.venue != "ftx":
            return bool(links)
        said = self.seat.exchange.world.recorder.journal(kind="ws-out", limit=10_000)
        texts = [str(entry["text"]) for entry in said if entry["connection"] in links]
        acknowledged = [text for text in texts if '"subscribed"' in text]
        return all(any(channel in text for text in acknowledged) for channel in ("orders", "fills"))

    async def _listen(self, process: trio.Process) -> None:
        assert process.stdout is not None
        rest = b""
        async with process.stdout:
            async for chunk in process.stdout:
                *lines, rest = (rest + chunk).split(b"\n")
                self.told += [json.loads(line) for line in lines]

    def go_on(self) -> None:
        """Let a program that was started with `pauses` read again."""
        (self.folder / "go").touch()

    async def kill(self) -> None:
        """End the client, if there is one, without a word of warning."""
        if self.process is not None:
            self.process.kill()
            await self.process.wait()

    def memory_mb(self, name: str) -> float:
        """What the kernel says of the client's memory, by the name that it bears in /proc/PID/status."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s*(\d+) kB", status)[1]) / 1024  # type: ignore[index]

    @property
    def errors(self) -> str:
        """What the client wrote to standard error."""
        return (self.folder / "stderr").read_text(errors="replace")

    # ------------------------------------------------------------------------------------------------ the account

    async def control(self) -> OrderView:
        """An order is filled while nothing is wrong; fails where the client does not tell it, or never started."""
        order = self.seat.place("0.5")
        self.seat.fill(order)
        if not await self.until(self.all_told, 20):
            raise AssertionError(f"{self.client.name} told nothing of a plain fill:\n{self.errors[-2_000:]}")
        return order

    def frames(self, order: OrderView) -> list[str]:
        """The frames that told of this order."""
        entries = self.seat.exchange.world.recorder.journal(kind="ws-out", limit=10_000)
        return [text for e in entries if f'"i":{order.order_id},' in (text := str(e["text"]))]

    def tell_again(self, frame: str) -> None:
        """Send a frame as if the venue had told of it now."""
        for link in self.seat.links:
            link.push(Text(frame))

    # ------------------------------------------------------------------------------------------------ what was told

    @property
    def fills(self) -> list[FillId]:
        """The fills told so far, in the order in which they came."""
        return [FillId(line["order"], line["fill"]) for line in self.told if "fill" in line]

    def updates(self, order: OrderView) -> list[tuple[bool, str]]:
        """(is open, filled) of every update of this order."""
        return [
            (line["open"], line["filled"])
            for line in self.told
            if "open" in line and line["order"] == str(order.order_id)
        ]

    def words(self, since: float) -> list[dict[str, Any]]:
        """What the client said of an interruption since then."""
        return [line for line in self.told if "word" in line and line["at"] >= since]

    @property
    def true_fills(self) -> list[FillId]:
        """What happened, in the order in which it did."""
        name = "fill_id" if self.seat.exchange.venue == "ftx" else "trade_id"
        return [FillId(row["order_id"], row[name]) for row in self.seat.truth()["fills"]]

    def all_told(self) -> bool:
        """Whether every true fill has been told."""
        return set(self.true_fills) <= set(self.fills)

    # ------------------------------------------------------------------------------------------------ time

    async def until(self, true: Callable[[], object], seconds: float) -> bool:
        """Wait until this is so, at most so long; whether it is."""
        with trio.move_on_after(seconds):
            while not true():  # noqa: ASYNC110 (what a client does tells nobody when)
                await trio.sleep(POLL)
        return bool(true())

    async def wait(self, seconds: float) -> None:
        """Let it go on for so long."""
        await trio.sleep(seconds)


@asynccontextmanager
async def stage_of(
    client: Client, flavour: str, folder: Path, patience_s: float, heavy: trio.CapacityLimiter
) -> AsyncIterator[Stage]:
    """A mock of its own with one account, whose world is the only one: what is asked without a key is asked of it."""
    skew = [lambda: 0]
    async with served(lambda: time.time_ns() + skew[0]()) as mock, trio.open_nursery() as nursery:
        stage = Stage(client, seat_of(mock, flavour), folder, patience_s, heavy, nursery)
        skew[0] = lambda: stage.skew_ns
        try:
            yield stage
        finally:
            with trio.CancelScope(shield=True):
                await stage.kill()
            nursery.cancel_scope.cancel()


def seat_of(mock: Mock, flavour: str) -> Seat:
    """An account in the default world."""
    exchange = mock.worlds.default.exchanges[flavour]
    account = mock.worlds.open_account(exchange, "bot")
    return Seat(mock, flavour, account.name, exchange, account.api_key, account.secret, {})
