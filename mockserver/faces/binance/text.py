"""Numbers, times and JSON as Binance writes them.

Spot pads money to eight decimals ("0.00000000"); USD-M writes the shortest form ("0", "0.001"). Ids and times are JSON
integers, money is a JSON string. Everything comes from integers through `Decimal`; no float is ever made.
What this module does not do: know what a field means.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import msgspec

# Wide enough for 1e18 units of 1e-8 multiplied by a price; the default context of 28 digits would round silently.
WIDE: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)
# The legal range that the venue prints in its refusal.
NUMBER_RANGE: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_NUMBER: Final = re.compile(NUMBER_RANGE, re.ASCII)


def json_text(value: object) -> str:
    """Return compact JSON with the keys in the order given and non-ASCII letters as themselves."""
    return msgspec.json.encode(value).decode()


def padded(value: Decimal, decimals: int = 8) -> str:
    """Return the number with exactly so many decimals, as spot writes it."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), context=WIDE):f}"


def trimmed(value: Decimal) -> str:
    """Return the shortest plain form, as USD-M writes it: "0", "0.001", "20000"."""
    if not value:
        return "0"
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal_or_none(text: str) -> Decimal | None:
    """Return the number a client sent, or None for anything but digits with at most one point between them.

    `1`, `1.0` and `1.00000000` are alike to the venue; signs, exponents, NaN and infinities are not numbers to it.
    """
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def ms(time_ns: int) -> int:
    """Return a time in milliseconds, rounded down as the venue's clock does."""
    return time_ns // 1_000_000


def microseconds(time_ns: int) -> int:
    """Return a time in microseconds, for clients that asked for them."""
    return time_ns // 1_000
