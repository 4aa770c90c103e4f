"""Numbers of money: exact, finite and of a sane size, or refused (G7).

`exact` reads the venue's own digits, never through a float.  The bounds are far outside of what any market trades and
far inside of what arithmetic on the result could choke on: 1e999 is a finite Decimal, and adding 1 to it is not cheap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

Number: TypeAlias = str | int | Decimal
MAX_DIGITS: Final = 40
MAX_MAGNITUDE: Final = 40  # 1e-40 < |value| < 1e41
# Decimal() itself would also take blanks, underscores, NaN and the digits of every script.
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?([eE][+-]?[0-9]{{1,3}})?").fullmatch
# What nearly every amount looks like; without an exponent, so many digits cannot spell an absurd size.
_PLAIN: Final = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?").fullmatch
MAX_REMEMBERED: Final = 4_096


class BadNumber(ValueError):
    """Not a finite decimal number of sane size."""


def exact(value: object) -> Decimal:
    """The number that `value` (text, integer or Decimal) spells.  Raises BadNumber; a float is refused too."""
    if isinstance(value, str):
        text = value
        if _PLAIN(text) is not None:
            return Decimal(text)
    elif isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            text = str(value)
        except ValueError:  # an integer of thousands of digits
            raise BadNumber("a number of absurd size") from None
    else:
        raise BadNumber(f"a number is due, not {type(value).__name__}")
    if _NUMBER(text) is None:
        raise BadNumber(f"not a finite number of sane size: {text[:40]!r}")
    number = Decimal(text)
    if not -MAX_MAGNITUDE <= number.adjusted() <= MAX_MAGNITUDE:
        raise BadNumber(f"a number of absurd size: {text[:40]!r}")
    return number


def _amount(value: object) -> Decimal:
    number = exact(value)
    if number.is_signed() and number:
        raise BadNumber(f"a negative amount: {number}")
    return number


class _Amounts(dict[object, Decimal]):
    """Amounts by their text: an order's reports repeat its price and quantity, and every one has its zeros."""

    def __missing__(self, value: object) -> Decimal:
        if type(value) is not str:  # 1 and 1.0 are one key, and must not give one number
            return _amount(value)
        number = Decimal(value) if _PLAIN(value) is not None else _amount(value)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[value] = number
        return number


class _Positives(dict[object, Decimal | None]):
    """The same, where None stands for "there is none"."""

    def __missing__(self, value: object) -> Decimal | None:
        number = None if value is None or value == "" else amount(value) or None  # type: ignore[arg-type]
        if type(value) is str:
            if len(self) >= MAX_REMEMBERED:
                self.clear()
            self[value] = number
        return number


amount: Final[Callable[[Number], Decimal]] = _Amounts().__getitem__
"""`exact`, and not negative.  Raises BadNumber."""

positive_or_none: Final[Callable[[Number | None], Decimal | None]] = _Positives().__getitem__
"""`amount`, where the venue writes "there is none" as null, an empty text or zero.  Raises BadNumber."""
