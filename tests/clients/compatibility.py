"""Writes `docs/mock/compatibility.md`: which clients trade on the mock, and what their own streams delivered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import attrs

from .comparison import markdown
from .table import CASES, Case

COMMAND: Final = "nox -s clients_all -- --write docs/mock/compatibility.md"
TITLES: Final = ("client", "from", "version", "venue", "attached by", "orders", "fills", "updates", "peculiar")

_HEAD: Final = """\
# Compatibility

Published clients that trade on the mock, each as it is installed, in an environment of its own. Each places three bids:
one is filled in two parts, one is filled in part and cancelled, one rests. It hears of them on its own user stream, by
its own documented calls, and what that stream delivered is held to the mock's truth. This page is written by
`{command}`.

Run on {date}, with the newest versions that PyPI and npm gave; the versions for FTX are the last that know it.

"Orders" are those whose every status was told, in order and once. "Fills" are those that were told once, with their ids
and quantities. "Updates" counts what was told of orders, and what a stream that leaves nothing out tells. "Attached by"
is what was changed: addresses and keys, by the [lines that `python -m mockserver clients` prints](attach.md), or
nothing under `python -m mockserver exec`.

"""


@attrs.frozen(kw_only=True)
class Delivered:
    """What came of one case, as the page has it."""

    case: Case
    version: str
    orders: str
    fills: str
    updates: str

    @property
    def row(self) -> tuple[str, ...]:
        """One text for each of TITLES."""
        case = self.case
        told = (self.orders, self.fills, self.updates)
        return (case.package, case.registry, self.version, case.venue, case.attach, *told, case.note)


def rows(delivered: Iterable[Delivered]) -> list[tuple[str, ...]]:
    """The table, in the order of the cases."""
    return [TITLES, *(each.row for each in sorted(delivered, key=lambda each: CASES.index(each.case)))]


def page(delivered: Sequence[Delivered]) -> str:
    """The whole page."""
    head = _HEAD.format(command=COMMAND, date=datetime.now(UTC).date().isoformat())
    return head + markdown(rows(delivered))
