"""The demo traders place, fill and cancel, within what their accounts hold, the same way for the same seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mockserver import demo_traders
from mockserver.clock import VirtualClock
from mockserver.faces.base import VenueSpec
from mockserver.liquidity import make_liquidity
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

SECOND = 1_000_000_000


def some_time(spec: VenueSpec, seed: int) -> dict[str, Any]:
    """The truth of twenty seconds of demo trading against a living book."""
    recipe = Recipe(
        venues=(spec,),
        clock=lambda: VirtualClock(1_700_000_000 * SECOND),
        liquidity=lambda exchange: make_liquidity("book", exchange.engine, exchange.random("liquidity")),
    )
    worlds = Worlds(recipe, seed=seed)
    exchange = worlds.default.exchanges[spec.name]
    worlds.open_account(exchange, "demo")
    demo_traders.start(exchange, "demo", SECOND // 4)
    assert isinstance(exchange.clock, VirtualClock)
    exchange.clock.advance(10 * SECOND, wall=True)
    instruments = exchange.engine.instruments
    return worlds.default.truth.report(lambda venue, symbol: instruments[symbol], exchange.now_ns)


@pytest.mark.parametrize("spec", VENUES, ids=lambda spec: spec.name)
def test_some_time_shows_life(spec: VenueSpec) -> None:
    """Soon a watcher sees fills and cancels in every market, and a seed tells the same story twice."""
    told = some_time(spec, 1)
    statuses = Counter(order["status"] for order in told["orders"])

    assert statuses["FILLED"] >= 5
    assert statuses["CANCELED"] >= 5
    assert {order["symbol"] for order in told["orders"]} == {instrument.name for instrument in spec.instruments}
    assert told == some_time(spec, 1)
    assert told != some_time(spec, 2)
