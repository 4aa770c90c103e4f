"""The scenarios, the same for every client, in the order of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from . import rules, streaming
from .cells import Cell
from .stage import Stage


@attrs.frozen
class Scenario:
    """One row of the table."""

    title: str
    act: Callable[[Stage], Awaitable[Cell]]
    what: str
    """What the mock does, for the page."""
    venue: str = "binance-spot"
    waits: bool = False
    """Whether it takes a minute or more, most of it waiting: such begin first."""


SCENARIOS: Final = (
    Scenario("burst", streaming.burst, "An order is accepted and filled in three parts, all in one write."),
    Scenario(
        "between two reads",
        streaming.between_reads,
        "The same four updates come one by one while the program is busy with something else; later another order is "
        "placed.",
    ),
    Scenario("trade told twice", streaming.duplicate, "The venue tells a trade again."),
    Scenario("late NEW", streaming.stale, "The venue tells an order's first state again after the order was filled."),
    Scenario(
        "lost connection",
        streaming.drop,
        "Of six parts of an order two arrive, then the connection is reset inside a frame and the others happen. "
        "Another order is filled when the client is back.",
        waits=True,
    ),
    Scenario(
        "killed process",
        streaming.kill,
        "The process is killed, two orders are filled, the program is started again and one more is filled.",
        waits=True,
    ),
    Scenario(
        "listen key expires",
        streaming.expiry,
        "The key ends, which is told twice, as Binance may. An order is filled at once, another when the client is "
        "back.",
        "binance-futures",
        waits=True,
    ),
    Scenario(
        "silent stall",
        streaming.stall,
        "The connection stays up and is pinged, and tells nothing more. An order is filled.",
        waits=True,
    ),
    Scenario(
        "slow program",
        streaming.slow,
        f"The program takes nothing while {streaming.AWAY_ORDERS:,} orders are filled, each in two parts. "
        "Then it reads on, and one more is filled.",
        waits=True,
    ),
    Scenario("broken handler", streaming.handler, "The code that handles a fill raises an exception."),
    Scenario("clock 30 s slow", rules.skewed, "So it is from the start. Is accepted what the client signs?"),
    Scenario(
        "clock steps by 30 s",
        rules.stepped,
        "So it does while the client runs. Then the connection is lost: it must sign anew.",
        waits=True,
    ),
    Scenario(
        "too many requests",
        rules.banned,
        "The connection is lost, and for the rest of the minute every request is refused: 429 with `Retry-After`, then "
        "418 for those who go on. When the client is back, another order is filled.",
        waits=True,
    ),
    Scenario(
        "secrets in the log",
        rules.secrets,
        "Everything is logged at the level DEBUG, over a lost connection, and searched for key, secret and signatures: "
        "16 characters of one count.",
    ),
    Scenario("secrets, futures", rules.secrets, "The same, where there is a listen key.", "binance-futures"),
    Scenario("burst, FTX", streaming.burst, "The same on FTX.", "ftx"),
    Scenario("between two reads, FTX", streaming.between_reads, "The same on FTX.", "ftx"),
    Scenario("lost connection, FTX", streaming.drop, "The same on FTX.", "ftx", waits=True),
    Scenario("killed process, FTX", streaming.kill, "The same on FTX.", "ftx", waits=True),
    Scenario("silent stall, FTX", streaming.stall, "The same on FTX.", "ftx", waits=True),
)
