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
    """Whole hours or minutes, else as many seconds, ms, us or ns as there are, with a fraction if need be."""
    for unit in ("h", "m"):
        if span_ns and span_ns % UNITS[unit] == 0:
            return f"{span_ns // UNITS[unit]}{unit}"
    unit = next((unit for unit in ("s", "ms", "us") if abs(span_ns) >= UNITS[unit]), "ns" if span_ns else "s")
    whole, rest = divmod(abs(span_ns), UNITS[unit])
    fraction = f"{rest:0{len(str(UNITS[unit])) - 1}}".rstrip("0") if rest else ""
    return f"{'-' * (span_ns < 0)}{whole}{'.' * bool(fraction)}{fraction}{unit}"
