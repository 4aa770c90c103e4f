"""A file of recorded trades: CSV with a header, or JSON lines; read once, and refused in words with the line's number.

Columns, by any of their usual names: time (`time`, `timestamp`, `transact_time`, `T`, `E`), `price` (`p`), quantity
(`quantity`, `qty`, `size`, `q`), the taker's side (`side`, or `is_buyer_maker`, `m`), and `symbol` (`s`, `market`)
unless it was named for the whole file. A time is a number since 1970 in seconds, milliseconds, microseconds or
nanoseconds, told apart by its size, or an ISO 8601 text with its zone. Times may repeat and never go back.
What this module does not do: open files, or know which symbols there are.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from attrs import frozen

from mockserver.engine.types import Side

MAX_TRADES: Final = 2_000_000
MOST_DIGITS: Final = 18
"""Of a price or a quantity, before the point."""
NAMES: Final = {
    "time": ("time", "timestamp", "transact_time", "T", "E"),
    "price": ("price", "p"),
    "quantity": ("quantity", "qty", "size", "q"),
    "side": ("side", "is_buyer_maker", "m"),
    "symbol": ("symbol", "s", "market"),
}
_UNITS: Final = ((Decimal(10) ** 11, 10**9), (Decimal(10) ** 14, 10**6), (Decimal(10) ** 17, 10**3))
"""Below so much a number of 1973 to 5138 is in such units; what is above all of them is nanoseconds."""


@frozen
class Recorded:
    """One trade that happened once."""

    time_ns: int
    symbol: str
    price: Decimal
    quantity: Decimal
    taker: Side


class BadTrades(ValueError):
    """Why a file cannot be played; the text names it and the line."""


def read_trades(lines: Iterable[str], name: str, symbol: str | None = None) -> list[Recorded]:
    """Read a file's lines; `symbol` is that of every trade where the file does not say it. BadTrades says why not."""
    trades: list[Recorded] = []
    for number, row in _rows(lines, name):
        try:
            trade = _trade(row, symbol)
            if trades and trade.time_ns < trades[-1].time_ns:
                raise ValueError("its time is before that of the line above; sort the file by time")
        except ValueError as error:
            raise BadTrades(f"{name} line {number}: {error}") from None
        trades.append(trade)
        if len(trades) > MAX_TRADES:
            raise BadTrades(f"{name} has more than {MAX_TRADES} trades; play a part of it")
    if not trades:
        raise BadTrades(f"{name} has no trades")
    return trades


def _rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield each line's number and fields; which of the two forms it is the first line shows."""
    numbered = ((number, line.strip()) for number, line in enumerate(lines, 1))
    filled = ((number, line) for number, line in numbered if line)
    header: list[str] | None = None
    for number, line in filled:
        if header is None and line.startswith("{"):
            yield number, _json(line, f"{name} line {number}")
            continue
        (fields,) = csv.reader([line])
        if header is None:
            header = [field.strip() for field in fields]
            if missing := [what for what in ("time", "price", "quantity", "side") if not set(NAMES[what]) & {*header}]:
                wanted = " or ".join(NAMES[missing[0]])
                raise BadTrades(f"{name} line {number}: the header has no {missing[0]} (a column named {wanted})")
        elif len(fields) != len(header):
            raise BadTrades(f"{name} line {number}: {len(fields)} fields, and the header has {len(header)}")
        else:
            yield number, dict(zip(header, (field.strip() for field in fields), strict=True))


def _json(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise BadTrades(f"{where} is no JSON object") from None
    if not isinstance(row, dict):
        raise BadTrades(f"{where} is no JSON object")
    return row


def _trade(row: Mapping[str, Any], symbol: str | None) -> Recorded:
    named = _field(row, "symbol", symbol)
    if not isinstance(named, str) or not named:
        raise ValueError("no symbol; name it in a column 'symbol', or for the whole file")
    price, quantity = _number(row, "price"), _number(row, "quantity")
    if price <= 0 or quantity <= 0:
        raise ValueError("price and quantity are above zero")
    return Recorded(_time_ns(_field(row, "time")), named, price, quantity, _side(row))


def _field(row: Mapping[str, Any], what: str, default: Any = None) -> Any:
    found = next((row[name] for name in NAMES[what] if name in row), default)
    if found is None and what != "symbol":
        raise ValueError(f"no {what} (a field named {' or '.join(NAMES[what])})")
    return found


def _number(row: Mapping[str, Any], what: str) -> Decimal:
    value = _field(row, what)
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or number.adjusted() > MOST_DIGITS:
        raise ValueError(f"{what} {value!r} is not a number")
    return number


def _side(row: Mapping[str, Any]) -> Side:
    name = next((name for name in NAMES["side"] if name in row), None)
    if name is None:
        raise ValueError("no side (a field named side: buy or sell of the taker; or is_buyer_maker)")
    word = str(row[name]).lower()
    if name == "side" and word in ("buy", "sell"):
        return Side(word.upper())
    if name != "side" and word in ("true", "false", "1", "0"):
        return Side.SELL if word in ("true", "1") else Side.BUY
    raise ValueError(f"{name} {row[name]!r} is not {'buy or sell' if name == 'side' else 'true or false'}")


def _time_ns(value: Any) -> int:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return _iso_ns(str(value))
    if not number.is_finite() or number < 0 or isinstance(value, bool):
        raise ValueError(f"time {value!r} is not a time")
    factor = next((factor for below, factor in _UNITS if number < below), 1)
    return int(number * factor)


def _iso_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time {text!r} is neither a number nor ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no zone; write {text}Z")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
