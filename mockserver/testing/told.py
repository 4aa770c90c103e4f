"""What a test says its client heard, as rows of ``mockserver.reports``.

A fill may be a mapping, an object with such attributes, a tuple, or a line of JSON. The names are those of exchstream's
JSON lines; beside them those that ccxt and Binance's REST use. A fill's tuple is (symbol, trade id, order id, price,
quantity), an order's (symbol, order id, status, filled quantity). Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from mockserver.reports import ReportError

FILL: Final[Mapping[str, Sequence[str]]] = {
    "symbol": ("venue_symbol", "symbol", "market"),
    "trade_id": ("trade_id", "tradeId", "id"),
    "order_id": ("order_id", "orderId", "order"),
    "price": ("price",),
    "quantity": ("quantity", "amount", "qty", "size"),
    "time_ns": ("time_ns",),
    "recovered": ("recovered",),
}
"""What a report needs, and what it may be called."""
ORDER: Final[Mapping[str, Sequence[str]]] = {
    "symbol": ("venue_symbol", "symbol", "market"),
    "order_id": ("order_id", "orderId", "id"),
    "status": ("status",),
    "filled_quantity": ("filled_quantity", "executedQty", "filled", "filledSize"),
    "order_kind": ("order_kind",),
    "recovered": ("recovered",),
}
TUPLES: Final = {
    "fill": ("symbol", "trade_id", "order_id", "price", "quantity"),
    "order_update": ("symbol", "order_id", "status", "filled_quantity"),
}
_NAMES: Final = {"fill": FILL, "order_update": ORDER}


def rows(told: object, event: str, symbols: Iterable[str]) -> list[Mapping[str, Any]]:
    """The rows of what was told; ``event`` is what a thing is that does not say so, ``symbols`` those of the venue."""
    if isinstance(told, bytes):
        told = told.decode()
    if isinstance(told, str):
        told = [line for line in told.splitlines() if line.strip()]
    if isinstance(told, Mapping) or not isinstance(told, Iterable):
        told = [told]
    plain = {_plain(symbol): symbol for symbol in symbols}
    return [_row(each, event, plain) for each in told]


def _row(given: object, event: str, plain: Mapping[str, str]) -> Mapping[str, Any]:
    if isinstance(given, str | bytes):
        given = _read(given)
    if isinstance(given, Mapping) and given.get("event", event) not in _NAMES:
        return given  # a gap, or what the checkers leave out
    if isinstance(given, Mapping) and given.get("event") in _NAMES:
        event = str(given["event"])
    row: dict[str, Any] = {"event": event}
    if isinstance(given, tuple) and not hasattr(given, "_fields"):
        if len(given) != len(TUPLES[event]):
            raise ReportError(f"a tuple of a {event} is ({', '.join(TUPLES[event])}), not {given!r}")
        row |= dict(zip(TUPLES[event], given, strict=True))
    else:
        row |= {name: _get(given, words) for name, words in _NAMES[event].items()}
    row = {name: _value(value) for name, value in row.items() if value is not None}
    if isinstance(row.get("symbol"), str) and row["symbol"] not in plain.values():
        row["symbol"] = plain.get(_plain(row["symbol"]), row["symbol"])
    return row


def _read(line: str | bytes) -> object:
    try:
        return json.loads(line, parse_float=Decimal)
    except ValueError:
        raise ReportError(f"this is no line of JSON: {line[:80]!r}") from None


def _get(given: object, words: Sequence[str]) -> object:
    for word in words:
        found = given.get(word) if isinstance(given, Mapping) else getattr(given, word, None)
        if found is not None:
            return found
    return None


def _value(value: object) -> object:
    """What a report may hold: no float, which is written as Python shows it."""
    if isinstance(value, Enum):
        value = value.value
    return str(value) if isinstance(value, float) else value


def _plain(symbol: str) -> str:
    """BTC/USDT:USDT and BTCUSDT are one market."""
    return symbol.partition(":")[0].replace("/", "").replace("-", "").upper()
