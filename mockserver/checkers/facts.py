"""What happened and what was told, as plain tuples: all that the checkers know.

Nothing here depends on a client or on the engine, so any bot can be judged.  Times are UTC nanoseconds of the venue's
clock, ids are the venue's own as text.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

MILLI: Final = 1_000_000
TRUNCATED: Final = MILLI  # venues tell times in milliseconds or microseconds, rounded down
# "finished": Binance's word for a conditional order whose child has ended, filled or not.
FINAL: Final = frozenset({"filled", "canceled", "expired", "rejected", "finished"})

OrderId = tuple[str, str, str]  # symbol, order id, kind ("order" or "algo")
FillId = tuple[str, str, str]  # symbol, trade id, order id


class TrueFill(NamedTuple):
    """One side of one trade as it happened."""

    key: FillId
    time_ns: int
    price: Decimal
    quantity: Decimal
    fee: Decimal


class TrueChange(NamedTuple):
    """One change of one order as it happened: the status and the filled quantity after it."""

    key: OrderId
    time_ns: int
    status: str
    filled: Decimal


class ToldFill(NamedTuple):
    """A fill as it was told, at this instant; `recovered` if it was asked for and did not come by itself."""

    at_ns: int
    key: FillId
    time_ns: int
    price: Decimal
    quantity: Decimal
    fee: Decimal | None = None
    recovered: bool = False


class ToldOrder(NamedTuple):
    """An order's state as it was told, at this instant."""

    at_ns: int
    key: OrderId
    status: str
    filled: Decimal
    recovered: bool = False


class Opened(NamedTuple):
    """An interruption was told."""

    at_ns: int
    since_ns: int
    reason: str


class Closed(NamedTuple):
    """A verdict was told; `symbols` None means all; `unresolved` are (what, name).

    `orders_since_ns`: the ends are those of orders created since then, or found open (None: of all orders).
    """

    at_ns: int
    since_ns: int
    until_ns: int
    symbols: frozenset[str] | None
    complete: bool
    unresolved: tuple[tuple[str, str], ...] = ()
    orders_since_ns: int | None = None


class Span(NamedTuple):
    """Something was so from `since_ns` on until `until_ns`; `name` says what, where that matters."""

    since_ns: int
    until_ns: int
    name: str = ""


class Restarted(NamedTuple):
    """The client's process had ended at `died_ns`; from here on another one tells, which knows what that one kept."""

    at_ns: int
    died_ns: int


Told = ToldFill | ToldOrder | Opened | Closed | Restarted


def moment(time_ns: int) -> str:
    """An instant for a human: UTC, to the nanosecond where it is not a whole millisecond."""
    seconds, rest = divmod(time_ns, 10**9)
    try:
        when = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):  # a bot may tell anything
        return f"{time_ns} ns"
    return f"{when:%Y-%m-%dT%H:%M:%S}.{rest // MILLI:03}{f'{rest % MILLI:06}' if rest % MILLI else ''}Z"
