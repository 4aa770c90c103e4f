"""Listings that come in one piece: markets, open orders, balances.  One bad row never loses the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from exchstream.core.venue import (
    Holdings,
    MarketList,
    Meaning,
    More,
    OrderView,
    Refusal,
    Refused,
    Snapshot,
    Strange,
    Traced,
    Traces,
    Unreachable,
)
from exchstream.model import Market, OrderKey, OrderKind
from exchstream.venues.binance.paging import Book
from exchstream.venues.binance.wire import UNREADABLE, Millis, lenient
from exchstream.venues.numbers import positive_or_none

NEVER_MS: Final = 4_133_404_800_000  # 2100-12-25: the delivery date of what is never delivered


class _Symbols(msgspec.Struct, frozen=True):
    symbols: list[msgspec.Raw]


class _SpotSymbol(msgspec.Struct, frozen=True, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    filters: list[Any] = []


class _LinearSymbol(_SpotSymbol, frozen=True, rename="camel"):
    contract_type: str = ""
    delivery_date: Millis = NEVER_MS
    margin_asset: str = ""


class _Account(msgspec.Struct, frozen=True):
    balances: list[msgspec.Raw]


_ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def markets(body: bytes, parse: Callable[[bytes], Market]) -> list[Meaning]:
    """All markets of `exchangeInfo`.  Raises what decoding the whole raises."""
    found: dict[str, Market] = {}
    told: list[Meaning] = []
    for row in msgspec.json.decode(body, type=_Symbols).symbols:
        raw = bytes(row)
        try:
            market = parse(raw)
        except UNREADABLE as error:
            told.append(Strange(f"a market that cannot be read: {str(error)[:120]}", raw))
        else:
            found[market.venue_symbol] = market
    return [MarketList(found), *told]


def spot_market(raw: bytes) -> Market:
    """`BTC/USDT`, as in ccxt."""
    row = msgspec.json.decode(raw, type=_SpotSymbol)
    symbol = f"{row.base_asset}/{row.quote_asset}"
    return Market(row.symbol, symbol, row.base_asset, row.quote_asset, step=_step(row.filters))


def linear_market(raw: bytes) -> Market:
    """`BTC/USDT:USDT`; with a delivery date `BTC/USDT:USDT-270326`, as in ccxt."""
    row = msgspec.json.decode(raw, type=_LinearSymbol)
    settle = row.margin_asset or row.quote_asset
    symbol = f"{row.base_asset}/{row.quote_asset}:{settle}"
    if row.contract_type != "PERPETUAL" and row.delivery_date not in (0, NEVER_MS):
        delivered = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=row.delivery_date)
        symbol += f"-{delivered:%y%m%d}"
    return Market(row.symbol, symbol, row.base_asset, row.quote_asset, settle, _step(row.filters))


def _step(filters: list[Any]) -> Decimal | None:
    for entry in filters:
        match entry:
            case {"filterType": "LOT_SIZE", "stepSize": str(step)}:
                return positive_or_none(step)
    return None


def open_orders(body: bytes, kind: OrderKind, book: Book) -> list[Meaning]:
    """All open orders and the word that these are all.

    A row that cannot be read still is an open order if it says which: it stays in the snapshot.  If it does not, the
    snapshot would be a lie, so there is none.
    """
    told: list[Meaning] = []
    keys: set[OrderKey] = set()
    nameless = 0
    for row in _ROWS.decode(body):
        raw = bytes(row)
        meanings = book.row(raw).meanings
        told += meanings
        key = next((m.state.key for m in meanings if isinstance(m, OrderView)), None) or _key(raw, kind, book.id_field)
        if key is None:
            nameless += 1
        else:
            keys.add(key)
    if nameless:
        return [*told, Refused(f"{nameless} open orders that cannot be read", Refusal.TRANSIENT)]
    return [*told, Snapshot(kind, frozenset(keys))]


def _key(raw: bytes, kind: OrderKind, id_field: str) -> OrderKey | None:
    match lenient(raw):
        case {"symbol": str(symbol), **fields} if type(fields.get(id_field)) is int:
            return OrderKey(symbol, str(fields[id_field]), kind)
    return None


def asset_rows(body: bytes, parse: Callable[[bytes], tuple[str, Decimal]]) -> list[Meaning]:
    """The balances of `account` as holdings, and what of them cannot be read."""
    return _held(msgspec.json.decode(body, type=_Account).balances, parse, "asset", symbols=False)


class _Income(msgspec.Struct, frozen=True):
    symbol: str = ""


_INCOME: Final = msgspec.json.Decoder(list[_Income])


def traced(body: bytes, question: Traces, pages: int) -> list[Meaning]:
    """The symbols of a page of `income`, and the question for the next: up to an empty one, or so many.

    A page with fewer rows than were asked for need not be the last.
    """
    rows = _INCOME.decode(body)
    number = int(question.cursor or 1)
    told: list[Meaning] = [Traced(frozenset(row.symbol for row in rows if row.symbol))]
    if rows and number < pages:
        told.append(More(attrs.evolve(question, cursor=str(number + 1))))
    return told


def position_rows(body: bytes, parse: Callable[[bytes], tuple[str, Decimal]]) -> list[Meaning]:
    """The positions of `positionRisk` as holdings, and what of them cannot be read."""
    return _held(_ROWS.decode(body), parse, "symbol", symbols=True)


def _held(
    rows: list[msgspec.Raw], parse: Callable[[bytes], tuple[str, Decimal]], what: str, *, symbols: bool
) -> list[Meaning]:
    """In hedge mode a symbol has two rows, which add up; they may come to nothing and be positions all the same."""
    sums: dict[str, Decimal] = {}
    names: set[str] = set()
    told: list[Meaning] = []
    for row in rows:
        raw = bytes(row)
        try:
            name, size = parse(raw)
        except UNREADABLE as error:
            value = lenient(raw)
            name = str(value.get(what) if isinstance(value, dict) else None)[:40]
            told.append(Strange(f"a balance that cannot be read: {str(error)[:120]}", raw))
            told.append(Unreachable(what, name, "the venue's answer about it cannot be read"))
        else:
            sums[name] = sums.get(name, Decimal(0)) + size
            if size:
                names.add(name)
    held = {name: total for name, total in sums.items() if total}
    return [*told, Holdings(held, frozenset(names) if symbols else frozenset())]
