"""What exchstream tells of fees and of two positions is what the mock charged and booked, live and after a cut link."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest

from exchstream.events import Event
from exchstream.model import PositionSide
from exchstream.shell.stream import open_stream
from mockserver.engine import types as engine

from .harness import Mock, Seat, fills_of, live, served, until, updates_of


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


def set_terms(seat: Seat, *, fees: tuple[int, int] | None = None, burns: bool = False, hedged: bool = False) -> None:
    """Change the terms of the account."""
    terms = engine.SetTerms(account=seat.name, fees=fees, discounted=burns, hedged=hedged or None)
    assert seat.exchange.submit(terms).reject is None


def charged(seat: Seat) -> Counter[tuple[str, Decimal, str]]:
    """(order id, fee, asset) of every true fill."""
    return Counter((row["order_id"], Decimal(row["fee"]), row["fee_asset"]) for row in seat.truth()["fills"])


def told(events: Sequence[Event]) -> Counter[tuple[str, Decimal | None, str | None]]:
    """The same of every fill that was told."""
    return Counter((fill.order_id, fill.fee, fill.fee_asset) for fill in fills_of(events))


@pytest.mark.parametrize("flavour", ["binance-spot", "binance-spot-listen-key", "binance-futures", "ftx"])
async def test_fees_are_told_as_they_were_charged(mock: Mock, flavour: str) -> None:
    """Of two tiers, in BNB and not, one fill live and one while the link was down."""
    seat = mock.seat(flavour)
    if flavour != "ftx":
        deposit = engine.Deposit(account=seat.name, asset="BNB", amount=10**10)
        seat.exchange.submit(deposit)
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live())
        for fees, burns in (((10_000, 90_000), False), ((20_000, 40_000), flavour != "ftx")):
            set_terms(seat, fees=fees, burns=burns)
            first, second = seat.place("0.1", "50000"), seat.place("0.1", "50000")
            seat.cancel(seat.place("0.1", "49000"))
            seat.fill(first, "0.03")
            await until(stream, lambda events: told(events) == charged(seat), told=events)
            seat.drop()
            seat.fill(second)
            seat.fill(first)
            await until(stream, lambda events: told(events) == charged(seat), told=events)
    assert told(events) == charged(seat)
    assets = {fill.fee_asset for fill in fills_of(events)}
    assert ("BNB" in assets) is (flavour != "ftx")


async def test_two_positions_are_told_apart(mock: Mock) -> None:
    """Hedge mode: orders and fills name the position they are about, also those that REST had to tell."""
    seat = mock.seat("binance-futures")
    set_terms(seat, hedged=True)
    sides = {PositionSide.LONG: engine.PositionSide.LONG, PositionSide.SHORT: engine.PositionSide.SHORT}
    expected: dict[str, PositionSide] = {}

    def place(side: engine.Side, position: PositionSide) -> engine.OrderView:
        order = seat.place("0.1", "50000", side, position_side=sides[position])
        expected[str(order.order_id)] = position
        return order

    async with open_stream(seat.venue) as stream:
        events = await until(stream, live())
        seat.fill(place(engine.Side.BUY, PositionSide.LONG))
        seat.drop()
        seat.fill(place(engine.Side.BUY, PositionSide.LONG))
        # The other position does not touch the first: both are open at once.
        short = seat.place("0.1", "51000", engine.Side.SELL, position_side=engine.PositionSide.SHORT)
        expected[str(short.order_id)] = PositionSide.SHORT
        seat.fill(short)
        await until(stream, lambda events: len(fills_of(events)) == 3, told=events)
        seat.fill(place(engine.Side.SELL, PositionSide.LONG))
        await until(stream, lambda events: len(fills_of(events)) == 4, told=events)
    assert {fill.order_id: fill.position_side for fill in fills_of(events)} == expected
    assert {update.position_side for update in updates_of(events)} == set(sides)
    held = {each.side.value: each.quantity for each in seat.exchange.engine.positions(seat.name)}
    assert held == {"LONG": 100, "SHORT": -100}
