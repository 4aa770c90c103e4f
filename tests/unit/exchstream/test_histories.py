"""Every legal history of the mock's engine, in the venues' own words, read by exchstream's venues and its ledger.

The truth is the mock's: nobody who wrote the one side read the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import attrs
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from exchstream.core.ledger import Ledger
from exchstream.core.venue import FillView, Memory, OrderView, Strange, Venue
from exchstream.model import Execution, FillKey, OrderKey, OrderKind, OrderState
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from mockserver.strategies import History, arbitrary_json, bent, damaged, histories

EXAMPLES: Final = settings(max_examples=40)
VENUES: Final[dict[str, Venue]] = {
    "binance-spot": BinanceSpot(api_key="k" * 64, api_secret="s" * 64),
    "binance-futures": BinanceFutures(api_key="k" * 64, api_secret="s" * 64),
    "ftx": Ftx(api_key="k" * 40, api_secret="s" * 40),
}
# The mock's words for an end, and ours: FTX says no more than "closed" (ftx docs, order status).
ENDS: Final = {"NEW": "new", "PARTIALLY_FILLED": "partially_filled", "FILLED": "filled", "CANCELED": "canceled"}


@attrs.define
class Read:
    """What a ledger knows after these frames, and what it found to be news, in order."""

    ledger: Ledger
    states: list[OrderState]
    executions: list[Execution]
    strange: list[Strange]


def read(venue: Venue, frames: Iterable[str | bytes]) -> Read:
    """Read the frames one by one."""
    found = Read(Ledger(floor_ns=0, tolerance=Decimal("1e-9")), [], [], [])
    for frame in frames:
        for meaning in venue.read(
            venue.plan.lanes[0], (frame if isinstance(frame, bytes) else frame.encode(),), Memory()
        ):
            if isinstance(meaning, OrderView):
                state = found.ledger.view(meaning.state)
                found.states += [state] if state is not None else []
            elif isinstance(meaning, FillView):
                found.executions += [meaning.execution] if found.ledger.fill(meaning.execution) else []
            elif isinstance(meaning, Strange):
                found.strange.append(meaning)
    return found


def true_orders(history: History) -> dict[tuple[str, str], tuple[str, Decimal]]:
    """(symbol, id) -> (status, filled) of every ordinary order of the truth."""
    return {
        (o.symbol, o.order_id): (ENDS.get(o.status, o.status.lower()), Decimal(o.filled_quantity))
        for o in history.orders
        if o.kind != "ALGO"
    }


def told_orders(history: History, ledger: Ledger) -> dict[tuple[str, str], tuple[str, Decimal]]:
    """The same of the ledger."""
    known = {**ledger.open, **ledger.closed}
    return {
        (key.venue_symbol, key.order_id): (state.status.value, state.cumulative.filled)
        for key, state in known.items()
        if key.kind is OrderKind.ORDER
    }


def softened(history: History, orders: dict[tuple[str, str], tuple[str, Decimal]]) -> object:
    """FTX cannot tell an expiry or a rejection from a cancel: all three are `closed`."""
    if history.venue != "ftx":
        return orders
    return {key: ("canceled" if status == "expired" else status, filled) for key, (status, filled) in orders.items()}


@pytest.mark.parametrize("name", VENUES)
@pytest.mark.parametrize("told", ["as it was", "mixed and repeated"])
def test_a_legal_history_is_read_as_it_was(name: str, told: str) -> None:
    """Every order ends as in the truth, every fill is news once with its exact numbers, nothing is strange."""

    @EXAMPLES
    @given(histories(name, reorder=told != "as it was", repeats=told != "as it was"))
    def check(history: History) -> None:
        found = read(VENUES[name], history.frames)
        assert found.strange == []
        assert softened(history, true_orders(history)) == softened(history, told_orders(history, found.ledger))
        fills = sorted(
            (e.venue_symbol, e.order_id, e.price, e.quantity, e.fee or Decimal(0), e.side.value.upper())
            for e in found.executions
        )
        truth = sorted(
            (f.symbol, f.order_id, Decimal(f.price), Decimal(f.quantity), Decimal(f.fee), f.side) for f in history.fills
        )
        assert truth == fills
        for state in found.ledger.closed.values():
            if state.key.kind is OrderKind.ORDER:
                assert found.ledger.difference(state.key) == 0

    check()


@pytest.mark.parametrize("name", VENUES)
def test_each_orders_history_is_in_order(name: str) -> None:
    """Whatever the interleaving and the repeats: filled never falls, a final status stays final (G3)."""

    @EXAMPLES
    @given(histories(name, reorder=True, repeats=True))
    def check(history: History) -> None:
        last: dict[OrderKey, OrderState] = {}
        for state in read(VENUES[name], history.frames).states:
            before = last.get(state.key)
            if before is not None:
                assert state.cumulative.filled >= before.cumulative.filled
                assert not (before.status.is_final and not state.status.is_final)
                assert state.visible() != before.visible()
            last[state.key] = state

    check()


@pytest.mark.parametrize("name", VENUES)
def test_any_order_of_arrival_gives_the_same_facts(name: str) -> None:
    """All frames of a history shuffled at will: the ledger ends in the same state with the same executions."""

    @EXAMPLES
    @given(histories(name), st.randoms(use_true_random=False))
    def check(history: History, chance: object) -> None:
        frames = list(history.frames)
        straight = read(VENUES[name], frames)
        chance.shuffle(frames)  # type: ignore[attr-defined]
        mixed = read(VENUES[name], frames)
        assert {**straight.ledger.open, **straight.ledger.closed} == {**mixed.ledger.open, **mixed.ledger.closed}
        assert straight.ledger.fills.keys() == mixed.ledger.fills.keys()

    check()


@pytest.mark.parametrize("name", VENUES)
def test_reading_never_crashes_and_never_drops_in_silence(name: str) -> None:
    """Bent, damaged and arbitrary frames among good ones: no exception, and the good ones lose nothing."""

    @EXAMPLES
    @given(st.data(), histories(name, most=6))
    def check(data: st.DataObject, history: History) -> None:
        frames: list[str | bytes] = list(history.frames)
        for _ in range(data.draw(st.integers(1, 4))):
            victim = data.draw(st.sampled_from(history.frames)) if history.frames else "{}"
            bad = data.draw(arbitrary_json() | bent(victim) | damaged(victim))
            frames.insert(data.draw(st.integers(0, len(frames))), bad)
        ids = {f: f.fill_id if name == "ftx" else f.trade_id for f in history.fills}
        true_keys = {FillKey(f.symbol, ids[f], f.order_id) for f in history.fills}
        event(f"{len(true_keys)} fills")
        assert true_keys <= read(VENUES[name], frames).ledger.fills.keys()

    check()
