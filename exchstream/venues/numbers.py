"""Numbers of money: exact, finite and of a sane size, or refused (G7).

`exact` reads the venue's own digits, never through a float.  The bounds are far outside of what any market trades and
far inside of what arithmetic on the result could choke on: 1e999 is a finite Decimal, and adding 1 to it is not cheap.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Final

MAX_DIGITS: Final = 40
MAX_MAGNITUDE: Final = 40  # 1e-40 < |value| < 1e41
# Decimal() itself would also take blanks, underscores, NaN and the digits of every script.
_NUMBER: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?([eE][+-]?[0-9]{{1,3}})?").fullmatch
# What nearly every amount looks like; without an exponent, so many digits cannot spell an absurd size.
_PLAIN: Final = re.compile(rf"[0-9]{{1,{MAX_DIGITS}}}(\.[0-9]{{1,{MAX_DIGITS}}})?").fullmatch
_DIVISION: Final = Context(prec=28)
MAX_REMEMBERED: Final = 4_096


class BadNumber(ValueError):
    """Not a finite decimal number of sane size."""


class _Amounts(dict[str, Decimal]):
    """Amounts by their text: an order's reports repeat its price and quantity, and every one has its zeros."""

    def __missing__(self, text: str) -> Decimal:
        if _PLAIN(text) is None:
            raise KeyError(text)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        number = self[text] = Decimal(text)
        return number


_AMOUNTS: Final = _Amounts()


def exact(value: object) -> Decimal:
    """The number that `value` (text, integer or Decimal) spells.  Raises BadNumber; a float is refused too."""
    if isinstance(value, str):
        try:
            return _AMOUNTS[value]
        except KeyError:
            text = value
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


def amount(value: object) -> Decimal:
    """`exact`, and not negative.  Raises BadNumber."""
    if isinstance(value, str):  # all but a few have no sign: nothing more to ask
        try:
            return _AMOUNTS[value]
        except KeyError:
            pass
    number = exact(value)
    if number < 0:
        raise BadNumber(f"a negative amount: {number}")
    return number


def positive_or_none(value: object) -> Decimal | None:
    """`amount`, where the venue writes "there is none" as null, an empty text or zero.  Raises BadNumber."""
    if value is None or value == "":
        return None
    return amount(value) or None


def quotient(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part / whole` to 28 digits whatever the caller's decimal context; None where `whole` is zero."""
    return _DIVISION.divide(part, whole) if whole else None
