"""Runs every scenario with every client, and writes what came of it as a page: `docs/comparison.md` is written here.

All run side by side; each has a mock of its own.  Whatever keeps a core busy, the start of a client above all, takes
turns, so that no client is measured while others starve it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs
import trio

from .scenarios import SCENARIOS, Scenario
from .stage import CLIENTS, Client, stage_of

COMMAND: Final = "nox -s comparison -- --patience 330 --write docs/comparison.md"
AT_ONCE: Final = 2  # clients that start, or are fed in bulk, at the same time


@attrs.frozen
class Outcome:
    """What came of one scenario with one client; `trouble` when it could not be run to its end."""

    text: str
    good: bool
    version: str
    trouble: str | None = None


Outcomes = Mapping[tuple[str, str], Outcome]


async def compare(folder: Path, patience_s: float) -> Outcomes:
    """Every scenario with every client."""
    outcomes: dict[tuple[str, str], Outcome] = {}
    heavy = trio.CapacityLimiter(AT_ONCE)

    async def compare_one(
        number: int,
        scenario: Scenario,
        client: Client,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        place = folder / f"{number}-{client.name}"
        place.mkdir()
        async with stage_of(client, scenario.venue, place, patience_s, heavy) as stage:
            task_status.started()
            try:
                cell = await scenario.act(stage)
            except Exception as error:  # noqa: BLE001 (a peer's trouble must not end the others)
                outcome = Outcome("not measured", False, stage.version, repr(error))
            else:
                outcome = Outcome(cell.text, cell.good, stage.version)
        outcomes[scenario.title, client.name] = outcome
        print(f"{scenario.title:24}{client.name:16}{outcome.text} {outcome.trouble or ''}", flush=True)

    async with trio.open_nursery() as nursery:
        for number, scenario in sorted(enumerate(SCENARIOS), key=lambda each: not each[1].waits):
            for client in CLIENTS:
                if client.python(scenario.venue):
                    await nursery.start(compare_one, number, scenario, client)
    return outcomes


# --- the page -------------------------------------------------------------------------------------------------------

_HEAD: Final = """\
# Comparison

What three clients told of the same events. The mock exchange plays each scenario once for every client, over real
sockets, and knows what is true; a small program on the client prints what it is told. This page is written by that run;
to repeat it:

```console
$ {command}
```

Measured on {date}, exchstream and the mock on {python}: {versions}.
"Within {patience:.0f} s" is how long a client was given to notice.

"""
_SCENARIOS: Final = """\

## The scenarios

All but the broken handler begin with an order that is filled while nothing is wrong; it counts among the fills.

"""
_TAIL: Final = """\

## How to read it

- Each client is used as its own documentation shows it, by the programs `tests/clients/scripts/follow_*.py`; nothing
  but addresses is changed. ccxt: `watch_orders` and `watch_my_trades` in loops that go on after an exception, with
  `adjustForTimeDifference`. python-binance: `user_socket` and `futures_user_socket`, closed and opened again at an
  error message. exchstream: one loop over `open_stream`, with a journal. Where a peer's loop has no pause after an
  error, here it waits a second.
- The peers' streams pass on what arrives, and do not claim to look up what happened meanwhile. A program can do that
  itself: ask `fetch_my_trades` or `get_my_trades` after each interruption, keep what it has seen, and join both.
  exchstream is that program. The table shows what one has without writing it.
- python-binance gives the venue's messages as they are, and keeps no state of an order: a message that is sent twice
  is passed on twice. A program that knows this can tell them apart.
- ccxt keeps the latest state of each order, and a bounded number of trades, between two reads. For a program that only
  wants the present state that is enough.
- By their sources, ccxt renews a listen key every 20 minutes, python-binance every five. A key that has ended is
  replaced then at the latest.
- A restart of ccxt and python-binance begins anew by design: neither has a store.
- Too many requests: how many python-binance sends is decided by the pause of the program, one second here. How soon a
  venue bans is the mock's choice: after ten more requests.
- The memory is what the process grew by while the program took nothing. It is one measurement, and proves no bound.
- The peers do much that exchstream does not: they place orders, ccxt at a hundred exchanges, and both have been used
  with real accounts for years. exchstream only reads, at three venues, and has not been tried with a real account yet.
- Binance may behave otherwise than its mock. What the mock takes from the venue's documentation, and what is assumed,
  is said on the [venues' pages](venues/binance-spot.md).
"""


def versions(outcomes: Outcomes) -> dict[str, str]:
    """The versions of every client that took part; the last ccxt with FTX is an old one."""
    found: dict[str, dict[str, None]] = {client.name: {} for client in CLIENTS}
    for (_, client), outcome in sorted(outcomes.items()):
        if outcome.version:
            found[client][outcome.version] = None
    return {client: " and ".join(sorted(names, reverse=True)) for client, names in found.items()}


def rows(outcomes: Outcomes) -> list[tuple[str, ...]]:
    """The table: one row for each scenario, one column for each client."""
    table = [("scenario", *(client.name for client in CLIENTS))]
    for scenario in SCENARIOS:
        found = (outcomes.get((scenario.title, client.name)) for client in CLIENTS)
        table.append((scenario.title, *("–" if outcome is None else outcome.text for outcome in found)))
    return table


def markdown(table: Sequence[tuple[str, ...]]) -> str:
    """A table, its first row being the head."""
    head, *others = table
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *others))


def page(outcomes: Outcomes, patience_s: float) -> str:
    """The whole page."""
    head = _HEAD.format(
        command=COMMAND,
        date=datetime.now(UTC).date().isoformat(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions=", ".join(f"{client} {version}" for client, version in versions(outcomes).items()),
        patience=patience_s,
    )
    what = [("scenario", "what happens"), *((scenario.title, scenario.what) for scenario in SCENARIOS)]
    return head + markdown(rows(outcomes)) + _SCENARIOS + markdown(what) + _TAIL
