"""Was anything lost, doubled or invented, by the consumer's own books, or a secret shown?

Pure: what is true and told in, words out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

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

# What is made anew each time, or given by the venue, and is known by where it stands: signatures and listen keys.
NAMED: Final = re.compile(rb"(?i)(?:signature|listenKey)[\"']?[=:]\s*[\"']?[\w%+/]{16}|/ws/\w{64}")


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


def secrets_in(text: bytes, secrets: Iterable[str]) -> Iterator[str]:
    """What of this text nobody may see (G8)."""
    if any(secret.encode() in text for secret in secrets):
        yield "a key"
    if (found := NAMED.search(text)) is not None:
        yield f"a signature or listen key, after {text[max(0, found.start() - 60) : found.start()]!r}"
