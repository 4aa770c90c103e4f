"""FTX's JSON as exact text: numbers from `Decimal`, times as ISO text, money never through a float.

What it does: writes values in the order given, the way FTX's Python servers printed them (whole amounts as `38754.0`,
small ones as `5e-06`), and reads requests with `Decimal` for every JSON number.
What it does not do: it knows no message; those are in `render.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, TypeAlias

import attrs

Json: TypeAlias = "bool | int | str | Decimal | Sequence[Json] | Mapping[str, Json] | None"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# FTX computed averages and changes in doubles; 15 digits is what every double can hold, so a client that reads the text
# as a double and prints it again gets the same text.
DOUBLE: Final = Context(prec=15, rounding=ROUND_HALF_EVEN)
# Python's `repr(float)` has an exponent below 1e-4 and from 1e16 on; recorded messages show `5e-06` and `7.5e-05`.
_SMALLEST_PLAIN: Final = -4
_LARGEST_PLAIN: Final = 16
_LARGEST_EXPONENT: Final = 40
# The same few words and numbers come again in every message of a burst; their texts are remembered.
_REMEMBERED: Final = 4_096
_SHORT: Final = 64


@attrs.frozen(slots=True)
class JsonStyle:
    """How the text looks: FTX dropped the blanks after `,` and `:` between the 2021 and the 2022 recordings."""

    compact: bool = True
    exponents: bool = True


COMPACT: Final = JsonStyle()


@lru_cache(maxsize=_REMEMBERED)
def number(value: Decimal, *, exponents: bool = True) -> str:
    """The text Python's `repr(float(value))` would give, computed without a float."""
    if not value.is_finite():
        raise ValueError(f"not a JSON number: {value}")
    if not value:
        return "0.0"
    sign, digits, _ = value.as_tuple()
    lead = value.adjusted()
    figures = "".join(map(str, digits)).rstrip("0")
    minus = "-" if sign else ""
    if exponents and not _SMALLEST_PLAIN <= lead < _LARGEST_PLAIN:
        mantissa = figures[0] + (f".{figures[1:]}" if figures[1:] else "")
        return f"{minus}{mantissa}e{'-' if lead < 0 else '+'}{abs(lead):02d}"
    if lead < 0:
        return f"{minus}0.{'0' * (-lead - 1)}{figures}"
    whole = figures[: lead + 1].ljust(lead + 1, "0")
    return f"{minus}{whole}.{figures[lead + 1 :] or '0'}"


@lru_cache(maxsize=_REMEMBERED)
def _quoted(text: str) -> str:
    return json.dumps(text)


def dumps(value: Json, style: JsonStyle = COMPACT) -> str:
    """JSON text with the keys in the order given; integers stay integers, `Decimal` prints like a float."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _quoted(value) if len(value) <= _SHORT else json.dumps(value)
    if isinstance(value, Decimal):
        return number(value, exponents=style.exponents)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    comma, colon = (",", ":") if style.compact else (", ", ": ")
    if isinstance(value, Mapping):
        return f"{{{comma.join([f'{_quoted(key)}{colon}{dumps(item, style)}' for key, item in value.items()])}}}"
    return f"[{comma.join([dumps(item, style) for item in value])}]"


def loads(text: str | bytes) -> Json:
    """Any JSON text, its numbers exact; raises `ValueError` for anything else, NaN and infinities included."""
    try:
        parsed: Json = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    return parsed


def _refuse_constant(name: str) -> Decimal:
    raise ValueError(f"not a JSON number: {name}")


def decimal(value: Json) -> Decimal | None:
    """A request's number; FTX's clients send numbers, some send them as strings. None when it is no sane number."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        result = Decimal(value)
    except InvalidOperation:
        return None
    sane = result.is_finite() and (not result or abs(result.adjusted()) <= _LARGEST_EXPONENT)
    return result if sane else None


def iso(time_ns: int) -> str:
    """`2022-05-04T08:02:17.497494+00:00`; like Python's `isoformat()` FTX dropped the fraction when it was zero."""
    return (_EPOCH + timedelta(microseconds=time_ns // 1_000)).isoformat()


def seconds(time_ns: int) -> Decimal:
    """Unix seconds with microseconds, as `ticker` and `orderbook` give their time."""
    return Decimal(time_ns // 1_000).scaleb(-6)


def microseconds(text: str) -> int | None:
    """A `start_time` or `end_time`: unix seconds, fractions allowed (pagination docs, 2022); None when it is no number.

    Rounded to the microsecond, since that is all a client can know of a time it has read, and most send it as a double.
    """
    value = decimal(text.strip())
    if value is None:
        return None
    return int((value * 1_000_000).to_integral_value(rounding=ROUND_HALF_EVEN))
