"""`python -m tests.crash`: kill bots at chosen places, print what came of it, and fail if a promise was broken.

python -m tests.crash --kills 72 --seed 1 --write docs/guarantees.md

`--transport` says what the bots read by; with `both` the lives of each take the two in turn.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import trio

from exchstream.journal.store import Durability
from exchstream.shell.transports import TransportName
from tests.integration.harness import NAMES, served

from .ambush import PHASES, Ambush
from .driver import Campaign, Row, decks, plan
from .page import between, put, table

LANES: Final[tuple[tuple[tuple[str, ...], Durability], ...]] = (
    *(((flavour,), "normal") for flavour in NAMES),
    (("binance-spot", "binance-futures", "ftx"), "full"),  # one journal for all
    (("binance-futures",), "relaxed"),
)
TRANSPORTS: Final[tuple[TransportName, ...]] = get_args(TransportName)  # the default first
AT_ONCE: Final = 2  # bots at a time
FEWEST: Final = 5  # kills in each phase
FEWEST_KILLS: Final = 50
FEWEST_FILLS: Final = 1_000


async def campaign(kills: int, seed: int, folder: Path, transports: Sequence[TransportName]) -> list[Row]:
    """All lanes, some at a time."""
    rows = [Row(flavours, durability) for flavours, durability in LANES]
    room = trio.CapacityLimiter(AT_ONCE)
    async with served() as mock, trio.open_nursery() as nursery:

        async def lane(one: Campaign, places: Sequence[Ambush | None]) -> None:
            async with room:
                await one.run(places)
                print(f"{one.row.name}, {one.row.durability}: {len(places)} kills", flush=True)

        points = decks()
        for number, row in enumerate(rows):
            chance = random.Random(f"{seed}/{number}")
            share = kills // len(rows) + (number < kills % len(rows))
            one = Campaign.at(mock, row, folder / str(number), chance)
            one.transports = transports
            nursery.start_soon(lane, one, plan(share, chance, points))
    return rows


def wanting(rows: Sequence[Row]) -> list[str]:
    """What was wrong, and what was not tried often enough to say so."""
    wrong = [f"{row.name}, {row.durability}: {one}" for row in rows for one in row.wrong]
    strict = [row for row in rows if row.once]
    met = {phase: sum(row.kills[phase] for row in strict) for phase in PHASES}
    wrong += [f"only {count} kills: {phase}" for phase, count in met.items() if count < FEWEST]
    if (kills := sum(row.kills.total() for row in strict)) < FEWEST_KILLS:
        wrong.append(f"only {kills} kills")
    fills = sum(row.fills for row in strict)
    return wrong if fills >= FEWEST_FILLS else [*wrong, f"only {fills} fills"]


def main() -> int:
    """1 if anything was lost, doubled or invented, or not tried often enough."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=72)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put the table between the marks of this page, if all is well")
    parser.add_argument("--transport", choices=(*TRANSPORTS, "both"), default=TRANSPORTS[0])
    parser.add_argument("--keep", type=Path, help="leave journals and books in this folder")
    given = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        transports = TRANSPORTS if given.transport == "both" else (given.transport,)
        rows = trio.run(campaign, given.kills, given.seed, folder, transports)
    print(f"\n{table(rows)}\n{between(rows)}{time.perf_counter() - began:.0f} s")
    wrong = wanting(rows)
    print("".join(f"{one}\n" for one in wrong), end="")
    if given.write is not None and not wrong:
        put(given.write, rows)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
