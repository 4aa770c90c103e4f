"""What the market and the network do meanwhile: orders that are placed, filled and cancelled, and faults by chance."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import attrs
import trio

from mockserver.engine.enums import Side
from mockserver.engine.types import OrderView
from mockserver.faces.base import HttpRequest, HttpResponse
from tests.integration.harness import Seat

WHOLE: Final = "0.4"  # of an order
PARTS: Final = 4
PART: Final = "0.1"
PRICES: Final = {Side.BUY: "99", Side.SELL: "101"}  # own orders never meet
MOST_OPEN: Final = 5
BURST: Final = 40  # orders, each filled at once: more events than the bot's memory holds
UNAVAILABLE: Final = HttpResponse(503, b"")

# "eviction": more is told at once than memory holds, so that the reader must turn to the file.
FAULTS: Final = ("reset", "drop", "half-open", "stall", "silence", "503", "close", "eviction", "expired key", "notice")
KEYS: Final = ("binance-spot-listen-key", "binance-futures")


@attrs.define(eq=False)
class Weather:
    """Trades and faults of one account; `struck` counts the faults."""

    seat: Seat
    chance: random.Random
    struck: Counter[str] = attrs.field(factory=Counter)
    quiet: bool = False  # nobody trades for a while
    _open: dict[int, tuple[OrderView, int]] = attrs.field(factory=dict)
    _held: int = 0  # parts bought and not sold: around none, so that no balance runs out
    _failing: int = 0

    @property
    def faults(self) -> tuple[str, ...]:
        """Those that this venue may have."""
        missing = "notice" if self.seat.flavour in KEYS else "expired key"
        return tuple(fault for fault in FAULTS if fault != missing)

    # ------------------------------------------------------------------------------------------------ trading

    async def trade(self) -> None:
        """Trade until cancelled, whoever listens."""
        while True:
            if not self.quiet:
                self.act()
            await trio.sleep(self.chance.choice((0.01, 0.02, 0.05, 0.1)))

    def act(self) -> None:
        """One thing that a trader does."""
        if not self._open or (len(self._open) < MOST_OPEN and self.chance.random() < 0.3):
            side = Side.SELL if self._held > 0 else Side.BUY
            order = self.seat.place(WHOLE, PRICES[side], side)
            self._open[order.order_id] = order, PARTS
            return
        number = self.chance.choice(list(self._open))
        order, parts = self._open.pop(number)
        if self.chance.random() < 0.1:
            self.seat.cancel(order)
            return
        self.seat.fill(order, PART)
        self._held += 1 if order.side is Side.BUY else -1
        if parts > 1:
            self._open[number] = order, parts - 1

    # ------------------------------------------------------------------------------------------------ faults

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Within this, REST answers 503 as often as a fault has said."""
        face = self.seat.exchange.face
        right = face.http

        def http(request: HttpRequest) -> HttpResponse | None:
            if self._failing <= 0:
                return right(request)
            self._failing -= 1
            return UNAVAILABLE

        face.http = http  # type: ignore[method-assign]
        try:
            yield
        finally:
            face.http = right  # type: ignore[method-assign]

    async def strike(self, fault: str) -> None:
        """Let one fault happen, now."""
        face, links, chance = self.seat.exchange.face, self.seat.links, self.chance
        self.struck[fault] += 1
        match fault:
            case "reset":
                for link in links:
                    link.reset(chance.randint(1, 400))  # inside the next frame
            case "drop":
                self.seat.drop()
            case "half-open":
                for link in links:
                    link.half_open()
            case "stall":
                for link in links:
                    link.half_open()
                await trio.sleep(chance.uniform(0.1, 0.8))
                for link in links:
                    link.resume()
            case "silence":
                for link in links:
                    link.mute()
            case "close":
                for link in links:
                    link.close(chance.choice((1001, 1008)), "")
            case "503":
                self._failing = chance.randint(1, 6)
                self.seat.drop()
            case "eviction":
                for _ in range(BURST):
                    self.seat.fill(self.seat.place(PART))
                    self._held += 1
            case "expired key":
                face.expire_listen_keys(self.seat.name, notices=chance.choice((0, 1, 2)))
            case _:
                face.shutdown_notice(self.seat.name, close=chance.choice((False, True)))
