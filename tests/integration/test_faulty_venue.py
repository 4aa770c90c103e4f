"""The stream against a venue where every legal fault of the mock happens, by chance: in the end nothing is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, get_args

import pytest
import trio
from trio.testing import MockClock

from exchstream.core.venue import SECOND
from exchstream.shell.stream import OrderStream, open_stream
from exchstream.shell.transports import TransportName
from mockserver import checkers
from mockserver.checkers import Told, true_fills, true_orders
from mockserver.faults import (
    KINDS,
    DropEvent,
    Fault,
    Faults,
    FrameDelay,
    HttpError,
    Kind,
    Latency,
    Lifetime,
    Maintenance,
    RateLimit,
    Stall,
)
from tests.simulation.records import told_of

from .harness import NAMES, Mock, Seat, mock_now_ns, served

SEEDS: Final = (1, 4)
# What has parameters of its own, and how likely each is; every other legal kind stands as it is.
HOW: Final[dict[str, Kind]] = {
    "latency": Latency(delay_ns=SECOND // 5, jitter_ns=2 * SECOND),
    "http_error": HttpError(status=429, retry_after_s=3),
    "frame_delay": FrameDelay(jitter_ns=2 * SECOND),
    "drop_event": DropEvent(then="reset"),
    "stall": Stall(for_ns=9 * SECOND),
    "maintenance": Maintenance(lasts_ns=20 * SECOND),
    "rate_limit": RateLimit(lasts_ns=20 * SECOND),
    "lifetime": Lifetime(after_ns=60 * SECOND),
}
WITHOUT: Final = ("symbol_halt", "delist", "filter_change")
"""They hit whoever places orders, and this test's orders are to be the same under every seed."""
# A TLS handshake is met below: here all is plain.
OFTEN: Final = {"request": 0.06, "dial": 0.15, "wire": 0.03, "frame": 0.02}


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


def arm(faults: Faults) -> None:
    """Every legal kind of fault."""
    for word, kind in KINDS.items():
        fault = Fault(kind=HOW.get(word, kind()), probability=OFTEN.get(kind.seam, 0))
        if kind.seam in OFTEN and fault.legal and word not in WITHOUT:
            faults.arm(fault)


async def hear(stream: OrderStream, told: list[Told], seconds: float) -> None:
    """Keep what is told within so many (virtual) seconds."""
    with trio.move_on_after(seconds):
        async for event in stream:
            if (one := told_of(event, mock_now_ns())) is not None:
                told.append(one)


async def trade(seat: Seat, number: int) -> None:
    """An order that is filled in two parts, or cancelled after one."""
    order = seat.place()
    await trio.sleep(2 + number % 7)
    seat.fill(order, "0.5")
    await trio.sleep(number % 3)
    if number % 4:
        seat.fill(order)
    else:
        seat.cancel(order)


@pytest.mark.parametrize("transport", get_args(TransportName))
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("flavour", NAMES)
async def test_every_legal_fault_by_chance(
    mock: Mock, flavour: str, seed: int, transport: TransportName, autojump_clock: MockClock
) -> None:
    """Ten minutes of it with an order every few seconds, then peace: each fill told once, each order as it stands."""
    seat = mock.seat(flavour, quick=False)
    # A dial without a key (spot's WebSocket API, FTX), and a question for the time, is of the default world.
    worlds = (seat.exchange.world, mock.worlds.default)
    for world in worlds:
        world.faults = Faults(seed)
        arm(world.faults)
    told: list[Told] = []
    async with open_stream(seat.venue, transport=transport) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(hear, stream, told, 1_200)
        for number in range(100):
            nursery.start_soon(trade, seat, number)
            await trio.sleep(6)
        hits = {word: sum(world.faults.hits.get(word, 0) for world in worlds) for word in KINDS}
        for world in worlds:
            world.faults.clear()

    truth = seat.truth()
    fills = true_fills(truth, venue=seat.exchange.venue, account=seat.name)
    orders = true_orders(truth, venue=seat.exchange.venue, account=seat.name)
    assert len(fills) == 175
    assert sum(hits.values()) > 50, hits
    assert [
        *checkers.fills_lost(fills, told),
        *checkers.fills_twice(told),
        *checkers.fills_invented(fills, told),
        *checkers.fills_out_of_order(fills, told),
        *checkers.sums_differ(fills, orders, told),
        *checkers.orders_backward(told),
        *checkers.orders_wrong_at_end(orders, told),
        *checkers.gaps_in_order(told, error_ns=61 * SECOND),  # `clock_skew`: whoever asks then believes it
    ] == []
    gaps = [one for one in told if isinstance(one, checkers.Opened | checkers.Closed)]
    assert isinstance(gaps[-1], checkers.Closed), hits
    assert {what for one in gaps if isinstance(one, checkers.Closed) for what, _ in one.unresolved} == set()
