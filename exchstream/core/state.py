"""What a session says of itself: what goes with the journal, what comes back from it, and the status that a user sees.

Times are the venue's UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from exchstream.core.balances import BalanceState
from exchstream.core.epochs import Era
from exchstream.core.ledger import Entry
from exchstream.model import OrderKey, OrderState


@attrs.frozen(kw_only=True)
class Checkpoint:
    """What a restart needs besides the facts that were told.

    Up to `good_ns` everything has been proven told; facts from before `floor_ns` are not of this stream.  `guessed`:
    both are the instant of the start by the machine's clock, because the venue's is not known yet.  `gone` are the open
    orders that have been let go since the last checkpoint: the venue does not know them any more.  `eras`
    say how often the ids of each symbol have begun anew, where that can be.  `late` are symbols that came to light
    after the holdings last agreed, and since when all on them has been told.
    """

    good_ns: int
    floor_ns: int
    guessed: bool = False
    balances: BalanceState
    gone: tuple[OrderKey, ...] = ()
    eras: Mapping[str, Era] = attrs.field(factory=dict)
    late: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Restored:
    """What a former process left of an account: its last checkpoint, and the facts that could come again.

    `orders` are the last told states of all open orders and of those that ended lately, `entries` the executions of
    these orders and the latest ones; `symbols` are those of all facts ever told, the most recently used last.
    """

    checkpoint: Checkpoint
    symbols: tuple[str, ...] = ()
    orders: tuple[OrderState, ...] = ()
    entries: tuple[Entry, ...] = ()


PHASES: Final = ("connecting", "looking back", "live", "down")


@attrs.frozen
class Status:
    """How one account stands.

    `phase` is one of PHASES; `gap_since_ns` is from when on facts may be missing
    (None: nothing is); up to `good_ns` everything has been proven told.  `last_error` is why the account is not live,
    as far as it is known (None: it is live, or nothing has failed).

    `reconnects` counts the links that have ended since the start, `duplicates` the facts that came again and were not
    told, `fills_recovered` the executions that REST brought.  `lag_ns` is how long after its time at the venue the last
    live fact was here, which came at `fact_ns` (None: there was none yet); our clock may be off by its error, so a
    small one may be negative.  What REST recovers is late by nature and does not count.

    Where a lane is dialled with a key of its own (a listen key), `credential_since_ns` is when the venue gave it or
    last renewed it, `credential_renew_ns` when it is renewed next, and at `credential_expires_ns` it would be dead.
    """

    phase: str
    gap_since_ns: int | None
    good_ns: int
    reconnects: int
    duplicates: int
    fills_recovered: int
    credential_renew_ns: int | None
    last_error: str | None = None
    lag_ns: int | None = None
    fact_ns: int | None = None
    credential_since_ns: int | None = None
    credential_expires_ns: int | None = None
