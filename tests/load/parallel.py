"""Many clients at once, each in a world of its own on one process: each must hear its own events, and no other's."""

from __future__ import annotations

import time
from typing import Any

import attrs
import trio

from tests.integration.raw_client import Socket
from tests.load.client import Client, Heard, Seat, ask_last, calling, events_of, seated, truly, truth_of
from tests.load.mock import Mock, running


@attrs.frozen
class Parallel:
    """What many clients were told, and what that took."""

    clients: int
    orders: int
    expected: int
    """Changes of orders by the truth of all worlds; each is one report."""
    delivered: int
    """Reports that came on the socket of their own world."""
    foreign: int
    """Reports that came on another's."""
    wrong: tuple[str, ...]
    """Worlds whose client was not told all fills once and in order, or not one balance for each report."""
    wall_ns: int
    cpu_ns: int
    empty_bytes: int
    """Memory of a world in which nobody has traded."""
    traded_bytes: int
    """Memory of a world with its connections and all that happened in it."""

    @property
    def whole(self) -> bool:
        """Whether everybody was told all of it, and nothing else."""
        return self.delivered == self.expected and not self.foreign and not self.wrong


async def measure(clients: int, orders: int) -> Parallel:
    """Let so many clients place so many orders each."""
    with running() as mock:
        return await _measured(mock, clients, orders)


async def _measured(mock: Mock, clients: int, orders: int) -> Parallel:
    async with calling(mock) as http:
        await seated(http, "warm")
        before = mock.resident
        seats = [await seated(http, f"w{number}") for number in range(clients)]
        empty = mock.resident
        scene = Scene(mock, orders, clients)
        async with trio.open_nursery() as nursery:
            for seat in seats:
                nursery.start_soon(scene.play, seat)
            await scene.all_listen.wait()
            began_ns, cpu_ns = time.monotonic_ns(), mock.cpu_ns
            scene.go.set()
        wall_ns, cpu_ns = time.monotonic_ns() - began_ns, mock.cpu_ns - cpu_ns
        traded = mock.resident
        verdicts = [judged(await truth_of(http, name), heard, name) for name, heard in scene.heard.items()]
    return Parallel(
        clients=clients,
        orders=scene.placed,
        expected=sum(each.expected for each in verdicts),
        delivered=sum(each.own for each in verdicts),
        foreign=sum(each.foreign for each in verdicts),
        wrong=tuple(each.world for each in verdicts if each.wrong),
        wall_ns=wall_ns,
        cpu_ns=cpu_ns,
        empty_bytes=(empty - before) // clients,
        traded_bytes=(traded - before) // clients,
    )


class Scene:
    """Clients that wait for each other, and then trade at once."""

    def __init__(self, mock: Mock, orders: int, clients: int) -> None:
        self.mock, self.orders = mock, orders
        self.all_listen, self.go = trio.Event(), trio.Event()
        self.heard: dict[str, Heard] = {}
        self.placed = 0
        self._awaited = clients

    async def play(self, seat: Seat) -> None:
        """One client: listen, trade, and hear all of it."""
        heard = self.heard[seat.world] = Heard()
        async with (
            calling(self.mock) as http,
            (client := Client(self.mock, seat, http)).listening() as socket,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_hear, socket, heard)
            self._awaited -= 1
            if not self._awaited:
                self.all_listen.set()
            await self.go.wait()
            await self._trade(client)
            await ask_last(socket)
        self.placed += client.placed

    async def _trade(self, client: Client) -> None:
        """Orders that are filled at once, in two parts, or in part and then cancelled, by turns."""
        for number in range(self.orders):
            order_id = await client.place("0.0002")
            if number % 3:
                await client.fill(order_id, "0.0001")
            if number % 3 == 2:
                await client.cancel(order_id)
            else:
                await client.fill(order_id)


async def _hear(socket: Socket, heard: Heard) -> None:
    async for event in events_of(socket):
        heard.take(event)


@attrs.frozen
class Verdict:
    """What one client was told, beside the truth."""

    world: str
    expected: int
    own: int
    foreign: int
    wrong: bool


def judged(truth: Any, heard: Heard, world: str) -> Verdict:
    """Hold what a client was told against its world's truth."""
    own = [each for each in heard.reports if (each["C"] or each["c"]).startswith(f"{world}-")]
    return Verdict(
        world=world,
        expected=truth["sequence"],
        own=len(own),
        foreign=len(heard.reports) - len(own),
        wrong=heard.fills != truly(truth) or heard.positions != truth["sequence"] or heard.others > 0,
    )
