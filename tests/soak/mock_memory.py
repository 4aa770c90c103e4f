"""How much memory a mock takes for a million orders: RSS at every tenth of the way.

    python -m tests.soak.mock_memory [--orders 1000000] [--keep 10000] [--journal 20000] [--venue binance-spot]
    python -m tests.soak.mock_memory --defaults

One account places orders that fill, or are cancelled, by turns, and hears of them on its own stream; the journal keeps
what is said. The sockets and the machine's clock are left out, so that days pass in minutes. It fails (1) when RSS has
grown by more than 50 MiB since the first order. What the mock keeps is bounded by ``--keep`` and ``--journal``; the
truth says what it has let go, and this checks that it does. ``--defaults`` keeps what a mock keeps that was told
nothing: that has other bounds, so no growth fails it.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from mockserver.actions import NEAR
from mockserver.engine.orders import KEPT_CLOSED, KEPT_EXECUTIONS
from mockserver.engine.types import Cancel, Deposit, Fill, Place, Side
from mockserver.faces.base import Ping, Text
from mockserver.recorder import MAX_ENTRIES
from mockserver.stage import CLIENT, Stage
from mockserver.truth import MAX_FILLS, MAX_ORDERS
from tests.soak.memory import BOUND, MIB, resident

KEEP: Final = 10_000
EVERY_NS: Final = 50_000_000
STEPS: Final = 10


def grown(venue: str, orders: int, *, keep: int | None, journal: int = MAX_ENTRIES, show: bool = False) -> int:
    """By how many bytes RSS grew from the first order to the last; ``keep`` None: what a mock keeps by itself."""
    stage = Stage(venue, journal=journal, kept=keep)
    link = stage.listen()
    instrument = next(iter(stage.exchange.engine.instruments.values()))
    stage.submit(Deposit(account=CLIENT, asset=instrument.cash, amount=10**24))
    name, quantity = instrument.name, max(instrument.min_steps, 100)
    before = resident()
    for number in range(orders):
        stage.clock.advance(EVERY_NS, wall=True)
        side = Side.BUY if number % 4 < 2 else Side.SELL
        order = stage.submit(
            Place(
                account=CLIENT,
                instrument=name,
                side=side,
                price=instrument.reference_ticks - NEAR * side.sign,
                quantity=quantity,
                client_id=f"order-{number}",
            )
        ).order
        assert order is not None
        order_id = order.order_id
        stage.submit(
            Fill(instrument=name, order_id=order_id)
            if number % 2
            else Cancel(account=CLIENT, instrument=name, order_id=order_id)
        )
        heard = link.take()
        assert sum(isinstance(out, Text) for out in heard) >= 2
        for out in heard:
            if isinstance(out, Ping):
                link.pong(out.payload)
        if show and (number + 1) % (orders // STEPS) == 0:
            print(f"{number + 1:>10,} orders  {(resident() - before) / MIB:7.1f} MiB", flush=True)
    more = resident() - before  # what a report of the truth takes while it is written is not kept
    engine = stage.exchange.engine
    assert len(engine.orders(CLIENT, name)) == min(orders, keep or KEPT_CLOSED)
    assert len(engine.executions(CLIENT, name)) == min(orders // 2, keep or KEPT_EXECUTIONS)
    assert len(stage.worlds.default.recorder.journal(limit=2 * journal)) <= journal
    told = stage.truth()
    assert len(told["orders"]) == min(orders, keep or MAX_ORDERS)
    let_go = {"orders": max(0, orders - (keep or MAX_ORDERS)), "fills": max(0, orders // 2 - (keep or MAX_FILLS))}
    assert told["let_go"] == let_go
    return more


def main() -> int:
    """Measure, and say whether it is too much."""
    options = argparse.ArgumentParser(description="How much memory a mock takes for a million orders.")
    options.add_argument("--orders", type=int, default=1_000_000)
    options.add_argument("--keep", type=int, default=KEEP)
    options.add_argument("--journal", type=int, default=MAX_ENTRIES)
    options.add_argument("--venue", default="binance-spot")
    options.add_argument("--defaults", action="store_true", help="keep what a mock keeps that was told nothing")
    given = options.parse_args()
    if given.defaults:
        more = grown(given.venue, given.orders, keep=None, show=True)
        print(f"{given.venue}: {more / MIB:.1f} MiB more after {given.orders:,} orders, with the defaults")
        return 0
    more = grown(given.venue, given.orders, keep=given.keep, journal=given.journal, show=True)
    print(f"{given.venue}: {more / MIB:.1f} MiB more after {given.orders:,} orders (at most {BOUND // MIB})")
    return int(more > BOUND)


if __name__ == "__main__":
    sys.exit(main())
