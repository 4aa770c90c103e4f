"""Chance that does not depend on the order in which it is asked: a stable hash of who asks, and about what.

So a fault that is armed beside others decides as it would alone, and a story that is shortened keeps most of its luck.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import Final

import attrs

_BITS: Final = 64
_NORMAL: Final = NormalDist()
_LEAST: Final = 2.0**-53


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

    def spread(self, median: int, sigma: float, what: str) -> int:
        """A log-normal whole number: half lie below the median, and of the others some far above it."""
        if not sigma:
            return median
        fraction = min(max(self.fraction(what), _LEAST), 1 - _LEAST)
        return round(median * math.exp(sigma * _NORMAL.inv_cdf(fraction)))

    def _hash(self, what: str) -> int:
        asked = f"{self.seed}/{self.number}/{what}/{self.name}".encode()
        return int.from_bytes(hashlib.blake2b(asked, digest_size=_BITS // 8).digest(), "big")
