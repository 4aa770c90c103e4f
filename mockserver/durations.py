"""Spans of time as people write them, ``250ms``, ``2s``, ``1h``, and as integer nanoseconds. Exact both ways."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

UNITS: Final = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
_FORM: Final = re.compile(r"(-?[0-9]{1,19}(?:\.[0-9]{1,9})?)(h|m|s|ms|us|ns)")


def parse_duration(text: str) -> int:
    """Nanoseconds. ValueError says what a duration looks like."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write 250ms, 2s, 1.5s, 10m or 1h")
    amount = Decimal(found[1]) * UNITS[found[2]]
    if amount != int(amount):
        raise ValueError(f"{text!r} is finer than a nanosecond")
    return int(amount)


def format_duration(span_ns: int) -> str:
    """Whole units, the largest that will do."""
    if span_ns == 0:
        return "0s"
    unit = next(unit for unit, size in UNITS.items() if span_ns % size == 0)
    return f"{span_ns // UNITS[unit]}{unit}"
