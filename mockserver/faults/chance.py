"""Chance that does not depend on the order in which it is asked: a stable hash of who asks, and about what.

So a fault that is armed beside others decides as it would alone, and a story that is shortened keeps most of its luck.
"""

from __future__ import annotations

import hashlib
from typing import Final

import attrs

_BITS: Final = 64


@attrs.frozen(slots=True)
class Draw:
    """The luck of one fault with one thing: of this seed, the fault's name, and the number of the thing."""

    seed: int
    name: str
    number: int

    def fraction(self, what: str) -> float:
        """A number in [0, 1); always the same for the same question."""
        return (self._hash(what) >> (_BITS - 53)) / (1 << 53)

    def below(self, limit: int, what: str) -> int:
        """A whole number in [0, limit); always the same for the same question."""
        return self._hash(what) * limit >> _BITS

    def _hash(self, what: str) -> int:
        asked = f"{self.seed}/{self.number}/{what}/{self.name}".encode()
        return int.from_bytes(hashlib.blake2b(asked, digest_size=_BITS // 8).digest(), "big")
