"""One account heard by many sockets: what a fill costs the mock, and whether that grows evenly with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import httpx2
import trio

from tests.integration.raw_client import Socket
from tests.load.client import PATIENCE_S, Client, Heard, ask_last, calling, events_of, good, seated, truly, truth_of
from tests.load.mock import Mock, running

WARM: Final = 20
"""Fills before the first that is measured."""
EVENTS: Final = 2
"""What a fill tells: a report, and the balances."""
MOST: Final = 1_000
"""Fills of a lap, however few listen."""
WHOLE: Final = "1"
PART: Final = "0.00001"


@attrs.frozen
class Lap:
    """So many fills with so many listeners."""

    listeners: int
    fills: int
    delivered: int
    """Events that came, of all fills and listeners."""
    whole: bool
    """Whether every listener was told every fill once, in order, and the balances of each."""
    cpu_ns: int

    @property
    def expected(self) -> int:
        """Events that had to come."""
        return self.fills * self.listeners * EVENTS

    @property
    def per_fill_ns(self) -> float:
        """Processor time of the mock for a fill and all who hear of it."""
        return self.cpu_ns / self.fills

    @property
    def per_event_ns(self) -> float:
        """The same for each event that it sent."""
        return self.cpu_ns / self.expected

    def deviation_from(self, line: Line) -> float:
        """By what part of the line this lies above it."""
        return self.per_fill_ns / (line.base_ns + line.slope_ns * self.listeners) - 1


@attrs.frozen
class Line:
    """Processor time of a fill as ``base + slope * listeners``, with the least sum of squared relative deviations."""

    base_ns: float
    slope_ns: float


def fitted(laps: Sequence[Lap]) -> Line:
    """The line through these."""
    rows = [(1 / lap.per_fill_ns, lap.listeners / lap.per_fill_ns) for lap in laps]  # a row times the line is to be 1
    aa, ab, bb = (sum(x[i] * x[j] for x in rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    a, b = (sum(x[i] for x in rows) for i in (0, 1))
    scale = aa * bb - ab * ab
    return Line((a * bb - b * ab) / scale, (b * aa - a * ab) / scale)


async def measure(counts: Sequence[int], *, events: int, rounds: int) -> list[Lap]:
    """For each number of listeners the lap of the rounds that took the least; each has about so many events."""
    laps: list[list[Lap]] = []
    with running() as mock:
        async with calling(mock) as http:
            for number in range(rounds):
                laps.append([await _lap(mock, http, f"{number}-{count}", count, events) for count in counts])
    best = [min(each, key=lambda lap: lap.cpu_ns) for each in zip(*laps, strict=True)]
    wholes = [all(lap.whole for lap in each) for each in zip(*laps, strict=True)]
    return [attrs.evolve(lap, whole=whole) for lap, whole in zip(best, wholes, strict=True)]


class Hall:
    """Those who listen, and how many events they still wait for."""

    def __init__(self, client: Client, listeners: int) -> None:
        self.client = client
        self.heard = [Heard() for _ in range(listeners)]
        self._missing = 0
        self._all_told = trio.Event()

    async def attend(self, heard: Heard, *, task_status: trio.TaskStatus[Socket]) -> None:
        """Keep all that one socket tells, up to the answer to its last question."""
        async with self.client.listening() as socket:
            task_status.started(socket)
            async for event in events_of(socket):
                heard.take(event)
                self._missing -= 1
                if self._missing == 0:
                    self._all_told.set()

    async def fill(self, order_id: int, times: int) -> None:
        """Fill so often, a little each time, and wait until everybody has heard of it."""
        self._missing += times * len(self.heard) * EVENTS
        self._all_told = trio.Event()
        for _ in range(times):
            await self.client.fill(order_id, PART)
        with trio.fail_after(PATIENCE_S):
            if self._missing > 0:
                await self._all_told.wait()


async def _lap(mock: Mock, http: httpx2.AsyncClient, name: str, listeners: int, events: int) -> Lap:
    fills = min(MOST, max(WARM, events // (listeners * EVENTS)))
    client = Client(mock, await seated(http, name), http)
    order_id = await client.place(WHOLE)
    hall = Hall(client, listeners)
    async with trio.open_nursery() as nursery:
        sockets: list[Socket] = [await nursery.start(hall.attend, heard) for heard in hall.heard]
        await hall.fill(order_id, WARM)
        before_ns = mock.cpu_ns
        await hall.fill(order_id, fills)
        cpu_ns = mock.cpu_ns - before_ns
        for socket in sockets:
            await ask_last(socket)
    told = truly(await truth_of(http, name))
    good(await http.delete(f"/__mock/worlds/{name}"))
    whole = all(each.fills == told and each.positions == len(told) and not each.others for each in hall.heard)
    delivered = sum(len(each.reports) + each.positions for each in hall.heard) - WARM * EVENTS * listeners
    return Lap(listeners, fills, delivered, whole, cpu_ns)
