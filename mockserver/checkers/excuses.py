"""What verdicts excuse: a fact that was named, lies out of their scope, or in a gap that is still open.

A bot that tells no gaps has no excuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from mockserver.checkers.facts import TRUNCATED, Closed, Opened, Told, TrueChange

SPAN: Final = re.compile(r"(\d+)\.\.(\d+)(?: (.+))?")


def named(verdict: Closed, symbol: str, number: str, time_ns: int) -> bool:
    """True if the verdict names what this fact of this order (or trade) could be: it does not vouch for it."""
    for what, name in verdict.unresolved:
        match what:
            case "span":
                found = SPAN.fullmatch(name)
                if found is None:
                    return True  # "from then on": nothing that is known of its end
                inside = int(found[1]) - TRUNCATED <= time_ns <= int(found[2]) + TRUNCATED
                if inside and found[3] in (None, symbol):
                    return True
            case "listing" | "doubts":
                return True
            case "symbols":  # of those that nobody has named
                if verdict.symbols is not None and symbol not in verdict.symbols:
                    return True
            case "asset":  # of a symbol that nobody knew perhaps only the fee is left, in whatever asset
                if name in symbol or (verdict.symbols is not None and symbol not in verdict.symbols):
                    return True
            case _:
                if name in (symbol, f"{symbol}:{number}", number):
                    return True
    return False


class Account:
    """What all verdicts of a run together say of one fact, and what the last gap still owes."""

    def __init__(self, told: Sequence[Told]) -> None:
        self.closed = [event for event in told if isinstance(event, Closed)]
        self.named = [verdict for verdict in self.closed if verdict.unresolved]
        gaps = [event for event in told if isinstance(event, Opened | Closed)]
        self.owed_ns = gaps[-1].since_ns if gaps and isinstance(gaps[-1], Opened) else None
        self.first = self.closed[0] if self.closed else None

    def accounts_for(self, symbol: str, order_id: str, time_ns: int, *, traced: bool) -> bool:
        """True if this fact need not have been told: it was named, is out of every scope, or its gap is still open.

        Out of scope is what happened in a gap on a symbol that the verdict does not list, and left no other trace; at
        the start nothing leaves one, since nobody knows what the account held before.
        """
        if self.owed_ns is not None and (time_ns >= self.owed_ns or not self.closed):
            return True
        if not traced and not self._in_use(symbol, time_ns):
            return True
        for verdict in self.closed:
            # What happens while the first one is reached may be in the first holdings, and then moves nothing.
            until_ns = verdict.at_ns if verdict is self.first else verdict.until_ns
            if not verdict.since_ns - TRUNCATED <= time_ns <= until_ns:
                continue
            if time_ns <= verdict.until_ns and verdict.unresolved and named(verdict, symbol, order_id, time_ns):
                return True
            unknown = verdict.symbols is not None and symbol not in verdict.symbols
            if unknown and (verdict is self.first or not traced):
                return True
        return False

    def _in_use(self, symbol: str, time_ns: int) -> bool:
        """True if the account was known to use this symbol at this time."""
        past = [verdict for verdict in self.closed if verdict.at_ns <= time_ns] or self.closed[:1]
        return not past or past[-1].symbols is None or symbol in past[-1].symbols

    def unpromised(self, end: TrueChange, born_ns: int, error_ns: int) -> bool:
        """True for an order of which the first verdict did not promise the end: old, and over before it could look.

        That is said by the account's clock, which may be wrong by `error_ns`.
        """
        first = self.first
        if first is None or first.orders_since_ns is None:
            return False
        return born_ns - TRUNCATED < first.orders_since_ns and end.time_ns <= first.until_ns + error_ns
