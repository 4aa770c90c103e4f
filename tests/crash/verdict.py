"""Was anything lost, doubled or invented, by the consumer's own books?  Pure: what is true and told in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from mockserver.checkers import (
    FillId,
    Told,
    ToldFill,
    TrueChange,
    TrueFill,
    fills_invented,
    fills_lost,
    fills_twice,
    orders_backward,
    orders_wrong_at_end,
)


@attrs.frozen
class Verdict:
    """What is wrong, in words; `moved` is what the books have and the journal has not at the same position."""

    lost: list[str] = attrs.field(factory=list)
    doubled: list[str] = attrs.field(factory=list)
    invented: list[str] = attrs.field(factory=list)
    moved: list[str] = attrs.field(factory=list)
    orders: list[str] = attrs.field(factory=list)

    @property
    def wrong(self) -> list[str]:
        """All of it."""
        return [*self.lost, *self.doubled, *self.invented, *self.moved, *self.orders]

    def add(self, other: Verdict) -> None:
        """Take in what is wrong with another account."""
        for mine, more in zip(attrs.astuple(self, recurse=False), attrs.astuple(other, recurse=False), strict=True):
            mine.extend(more)


def judged(
    truth: Sequence[TrueFill], books: Mapping[int, ToldFill], journal: Mapping[int, FillId] | None = None
) -> Verdict:
    """Compare the books with the truth; and, if it is given, with what the journal has at the same positions."""
    told = list(books.values())
    moved = []
    if journal is not None:
        mine = {position: fill.key for position, fill in books.items()}
        moved = [f"the books and the journal differ: {row}" for row in sorted(mine.items() ^ journal.items())]
    return Verdict(fills_lost(truth, told), fills_twice(told), fills_invented(truth, told), moved)


def judged_orders(truth: Sequence[TrueChange], told: Sequence[Told]) -> list[str]:
    """Each order went forward, and ended as it really did."""
    return [*orders_backward(told), *orders_wrong_at_end(truth, told)]
