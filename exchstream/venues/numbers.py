"""Numbers of money: exact, finite and of a sane size, or refused (G7).

`exact` reads the venue's own digits, never through a float.  The bounds are far outside of what any market trades and
far inside of what arithmetic on the result could choke on: 1e999 is a finite Decimal, and adding 1 to it is not cheap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

MAX_DIGITS: Final = 40
MAX_MAGNITUDE: Final = 40  # 1e-40 < |value| < 1e41
# Decimal() itself would also take blanks, underscores, NaN and the digits of every script.
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?([eE][+-]?[0-9]{{1,3}})?").fullmatch
# What nearly every amount looks like; without an exponent, so many digits cannot spell an absurd size.
_PLAIN: Final = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?").fullmatch
MAX_REMEMBERED: Final = 1_024


class BadNumber(ValueError):
    """Not a finite decimal number of sane size."""


def exact(value: object) -> Decimal:
    """The number that `value` (text, integer or Decimal) spells.  Raises BadNumber; a float is refused too."""
    if isinstance(value, str):
        if _PLAIN(value) is not None:
            return Decimal(value)
        if _NUMBER(value) is None:
            raise BadNumber(f"not a finite number of sane size: {value[:40]!r}")
        return _sane(Decimal(value), value)
    if isinstance(value, Decimal):
        return _sane(value, value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _sane(Decimal(value), "an integer")
    raise BadNumber(f"a number is due, not {type(value).__name__}")


def _sane(number: Decimal, value: object) -> Decimal:
    if not number.is_finite():
        raise BadNumber(f"not a finite number: {value}")
    if not (-MAX_MAGNITUDE <= number.adjusted() <= MAX_MAGNITUDE and len(number.as_tuple().digits) <= 2 * MAX_DIGITS):
        raise BadNumber(f"a number of absurd size: {str(value)[:40]}")
    return number


def not_negative(value: object) -> Decimal:
    """`exact`, and not negative.  Raises BadNumber."""
    number = exact(value)
    if number.is_signed() and number:
        raise BadNumber(f"a negative amount: {number}")
    return number


class _Amounts(dict[str, Decimal]):
    """Amounts by their text: an order's reports repeat its price and quantity, and every one has its zeros."""

    def __missing__(self, text: str) -> Decimal:
        """Read it and remember it; when there is no more room, only it."""
        number = Decimal(text) if _PLAIN(text) is not None else not_negative(text)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[text] = number
        return number


amount: Final[Callable[[str], Decimal]] = _Amounts().__getitem__
"""`not_negative` of a text, remembered.  Raises BadNumber."""


def positive_or_none(text: str | None) -> Decimal | None:
    """`amount`, where the venue writes "there is none" as null, an empty text or zero.  Raises BadNumber."""
    return (amount(text) or None) if text else None
