"""What one mock process carries, as figures.

    python -m tests.load [--clients 200] [--orders 10] [--listeners 1,3,10,30,100] [--memory 1000000]
                         [--write docs/mock/load.md]

Fails (1) when a client was not told everything of its own world once, or anything of another's; when a listener missed
or doubled an event; when the memory of a mock with bounds grew by more than 50 MiB. No time fails it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import trio

from tests.load import fanout, parallel
from tests.load.page import Found, Memory, put, shown
from tests.soak.memory import BOUND
from tests.soak.mock_memory import KEEP, grown


def main() -> int:
    """Measure, show, write; 0 if nothing was lost."""
    options = argparse.ArgumentParser(description="What one mock process carries.")
    options.add_argument("--clients", type=int, default=200, help="clients, each in a world of its own")
    options.add_argument("--orders", type=int, default=10, help="orders of each")
    options.add_argument("--listeners", type=_numbers, default=(1, 3, 10, 30, 100), help="sockets of one account")
    options.add_argument("--events", type=int, default=10_000, help="events of a lap, about")
    options.add_argument("--rounds", type=int, default=3, help="laps of each number; the one with least CPU counts")
    options.add_argument("--memory", type=int, default=1_000_000, help="orders over which memory is measured; 0: not")
    options.add_argument("--write", type=Path, help="write the figures into this page")
    options.add_argument("--machine", help='what the page calls the machine, e.g. "a shared virtual machine"')
    given = options.parse_args()
    clients = trio.run(parallel.measure, given.clients, given.orders)
    laps = trio.run(partial(fanout.measure, given.listeners, events=given.events, rounds=given.rounds))
    memory = [*_memory(given.memory)] if given.memory else []
    text = shown(Found(clients, laps, memory), given.machine)
    print(text)
    if given.write is not None:
        put(given.write, text)
    whole = all(lap.whole and lap.delivered == lap.expected for lap in laps)
    bounded = not memory or memory[0].bytes <= BOUND
    return int(not (clients.whole and whole and bounded))


def _memory(orders: int) -> list[Memory]:
    """With bounds, and by itself; each in a process of its own, at once, since nobody asks how long they take."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context, max_tasks_per_child=1) as fresh:
        bounded = fresh.submit(grown, "binance-spot", orders, keep=KEEP)
        usual = fresh.submit(grown, "binance-spot", orders, keep=None)
        return [
            Memory(f"`--keep {KEEP}`", orders, bounded.result()),
            Memory("what a mock keeps by itself", orders, usual.result()),
        ]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
