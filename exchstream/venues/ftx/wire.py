"""FTX's rows and what they mean: orders, fills, markets, balances, times.

The same rows come over the WebSocket (in `data`) and from REST.  Fields that appeared over the years
(`clientOrderId`, `liquidation`, `createdAt`, `feeCurrency`) are optional, for recordings of every age.
Every function raises one of `UNREADABLE` for a row that it cannot read; a word that it does not know (a status, a
side) leaves the fact whole and adds a `Strange`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, TypeVar

import msgspec

from exchstream.core.venue import SECOND, Doubt, FillView, Meaning, OrderView, Reply, ServerTime, Strange
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKind,
    Liquidity,
    Market,
    OrderKey,
    OrderState,
    OrderType,
    Side,
    Stage,
    Term,
    TimeInForce,
)
from exchstream.venues.numbers import amount, exact, not_negative

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
OTC: Final = "otc:"  # an over-the-counter fill has no order: this and its id stand in the place of one
MARKETS = Mapping[str, Market] | None
NOTHING: Final = msgspec.Raw()
V = TypeVar("V")


class Message(msgspec.Struct):
    """The envelope of every WebSocket message."""

    type: str
    channel: str | None = None
    code: int | str | None = None
    msg: str | None = None
    data: msgspec.Raw = NOTHING


class Answer(msgspec.Struct, rename="camel"):
    """The envelope of every REST answer."""

    success: bool
    result: msgspec.Raw = NOTHING
    error: str | None = None
    has_more_data: bool | None = None


class _Order(msgspec.Struct, rename="camel", kw_only=True):
    """The fields stand in the order in which they are sent: so msgspec finds each at once."""

    id: int
    client_id: str | int | None = None
    market: str
    type: str | None = None
    side: str | None = None
    price: Decimal | None = None
    size: Decimal
    status: str
    filled_size: Decimal
    remaining_size: Any = None
    reduce_only: bool | None = None
    liquidation: bool | None = None
    avg_fill_price: Decimal | None = None
    post_only: bool | None = None
    ioc: bool | None = None
    created_at: str | None = None


class _Fill(msgspec.Struct, rename="camel", kw_only=True):
    """As above."""

    id: int | None = None
    market: str | None = None
    future: Any = None
    base_currency: str | None = None
    quote_currency: str | None = None
    type: str | None = None
    side: Literal["buy", "sell"]
    price: Decimal
    size: Decimal
    order_id: int | None = None
    time: str
    trade_id: int | None = None
    fee_rate: Any = None
    fee: Decimal | None = None
    fee_currency: str | None = None
    liquidity: str | None = None
    client_order_id: str | int | None = None


class _Market(msgspec.Struct, rename="camel"):
    name: str
    type: str
    base_currency: str | None = None
    quote_currency: str | None = None
    size_increment: Decimal | None = None


class _Balance(msgspec.Struct):
    coin: str
    total: Decimal


class _Name(msgspec.Struct, rename="camel"):
    """What of a row may still be readable when the row is not."""

    id: object = None
    order_id: object = None
    market: object = None


MESSAGE: Final = msgspec.json.Decoder(Message)
ANSWER: Final = msgspec.json.Decoder(Answer)
ROWS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ORDER: Final = msgspec.json.Decoder(_Order)
_FILL: Final = msgspec.json.Decoder(_Fill)
_MARKET: Final = msgspec.json.Decoder(_Market)
_BALANCE: Final = msgspec.json.Decoder(_Balance)
_NAME: Final = msgspec.json.Decoder(_Name)
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_TYPES: Final = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
_LIQUIDITY: Final = {"maker": Liquidity.MAKER, "taker": Liquidity.TAKER}
_KINDS: Final = {"order": FillKind.TRADE, "otc": FillKind.OTC}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_NS: Final = 9_000_000_000 * SECOND  # in the year 2255; what is added to it still fits 64 bits


def time_ns(text: str) -> int:
    """An ISO 8601 time as UTC nanoseconds, exactly; FTX drops the fraction when it is zero.

    Raises ValueError for what is no time, or one that no clock of the venue can have shown.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return _sane((since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000)


def _sane(instant_ns: int) -> int:
    """Nanoseconds since 1970 that fit 64 bits.  Raises ValueError for others."""
    if not 0 <= instant_ns <= _LATEST_NS:
        raise ValueError(f"a time out of all bounds: {str(instant_ns)[:40]} ns since 1970")
    return instant_ns


def _positive(number: Decimal | None) -> Decimal | None:
    """An amount; null and zero say that there is none."""
    return None if number is None else not_negative(number) or None


def order(raw: bytes, markets: MARKETS, tolerance: Decimal) -> list[Meaning]:
    """One order.  `remainingSize` is not read: FTX sets it to 0 on every closed order, cancelled ones too."""
    row = _ORDER.decode(raw)
    size, filled, strange = not_negative(row.size), not_negative(row.filled_size), list[str]()
    average, price = _positive(row.avg_fill_price), _positive(row.price)
    known = (markets or {}).get(row.market)
    # Half a step tells a full order from one that lacks a step, whatever the float arithmetic of the venue did.
    slack = known.step / 2 if known is not None and known.step else tolerance
    stage, end, reason = None, None, None
    if row.status in ("new", "open"):
        # A resting order says "new" on the WebSocket, and "open" in REST, for one and the same state.
        stage = Stage.NEW
    elif row.status == "closed":
        # "filled or cancelled": FTX has no word for rejected or expired, so all that is not filled is cancelled.
        end = End.FILLED if filled > 0 and filled >= size - slack else End.CANCELED
        reason = "ioc" if end is End.CANCELED and row.ioc else None
    else:
        strange.append(f"order status {row.status[:40]!r}")
    kind = _word(row.type, _TYPES, "order type", strange, OrderType.UNKNOWN)
    state = OrderState(
        key=OrderKey(row.market, str(row.id)),
        stage=stage,
        end=end,
        reason=reason,
        cumulative=Cumulative(filled, average if filled else None),
        price=None if price is None else Term(price),
        quantity=Term(size),
        client_order_id=None if row.client_id is None else Term(str(row.client_id)),
        side=_word(row.side, _SIDES, "order side", strange, None),
        type=OrderType.LIQUIDATION if row.liquidation else kind,
        time_in_force=_time_in_force(row),
        reduce_only=row.reduce_only,
        created_ns=_created(row.created_at, strange),
    )
    return [OrderView(state, raw), *(Strange(what, raw) for what in strange)]


def fill(raw: bytes) -> list[Meaning]:
    """One fill, known by `id`: `tradeId` is shared by the two sides of a self-trade, and absent in 2019."""
    row, strange = _FILL.decode(raw), list[str]()
    if row.id is None and row.trade_id is None:
        raise ValueError("a fill without an id")
    kind = _word(row.type, _KINDS, "fill type", strange, FillKind.TRADE) or FillKind.TRADE
    trade_id = f"trade:{row.trade_id}" if row.id is None else str(row.id)
    if row.order_id is None and kind is not FillKind.OTC:
        raise ValueError("a fill of no order")
    if row.market is None and (row.base_currency is None or row.quote_currency is None):
        raise ValueError("a fill on no market")
    execution = Execution(
        venue_symbol=f"{row.base_currency}/{row.quote_currency}" if row.market is None else row.market,
        trade_id=trade_id,
        order_id=f"{OTC}{trade_id}" if row.order_id is None else str(row.order_id),
        side=_SIDES[row.side],
        price=not_negative(row.price),
        quantity=not_negative(row.size),
        time_ns=time_ns(row.time),
        fee=None if row.fee is None else exact(row.fee),  # negative for a maker's rebate, as in our own events
        fee_asset=row.fee_currency,
        liquidity=_word(row.liquidity, _LIQUIDITY, "liquidity", strange, None),
        kind=kind,
        client_order_id=None if row.client_order_id is None else str(row.client_order_id),
    )
    return [FillView(execution, raw), *(Strange(what, raw) for what in strange)]


def row_id(raw: bytes) -> str | None:
    """The id of a row that could not be read, if at least that can be."""
    try:
        name = _NAME.decode(raw)
        return str(name.id) if type(name.id) is int else None
    except UNREADABLE:
        return None


def order_of(raw: bytes) -> OrderKey | None:
    """Which order a row that could not be read is about, if it says so."""
    try:
        name = _NAME.decode(raw)
    except UNREADABLE:
        return None
    order_id = name.id if name.order_id is None else name.order_id
    named = type(order_id) is int and isinstance(name.market, str)
    return OrderKey(str(name.market), str(order_id)) if named else None


def doubt(raw: bytes, why: str) -> list[Meaning]:
    """What an unreadable order or fill of the stream is about, to be asked for: an order, or any if it names none."""
    return [Doubt(why, order=order_of(raw))]


def market(raw: bytes, asked_ns: int) -> Market:
    """One market by its ccxt name: BTC/USD, BTC/USD:USD (perpetual), BTC/USD:USD-221230 (dated), BTC-MOVE/USD:USD-…"""
    row = _MARKET.decode(raw)
    step = _positive(row.size_increment)
    if row.type == "spot":
        if not row.base_currency or not row.quote_currency:
            raise ValueError("a spot market of no currencies")
        return Market(
            row.name, f"{row.base_currency}/{row.quote_currency}", row.base_currency, row.quote_currency, step=step
        )
    base, _, term = row.name.rpartition("-")
    if not base:
        base, term = term, "PERP"
    symbol = f"{base}/USD:USD" + ("" if term == "PERP" else f"-{_expiry(term, asked_ns)}")
    return Market(row.name, symbol, base, "USD", "USD", step)


def balance(raw: bytes) -> tuple[str, Decimal]:
    """A coin, and how much of it there is, free and locked together; negative where it is borrowed."""
    row = _BALANCE.decode(raw)
    return row.coin, exact(row.total)


def server_time(reply: Reply) -> ServerTime | None:
    """The venue's clock: from the answer, else (to half a second) from the `Date` that every HTTP answer carries."""
    try:
        result = bytes(ANSWER.decode(reply.body).result)
        if result.startswith(b'"'):
            return ServerTime(time_ns(msgspec.json.decode(result, type=str)))
        return ServerTime(_sane(int(amount(result.decode()) * SECOND)))
    except UNREADABLE:
        pass
    try:
        moment = parsedate_to_datetime(reply.headers["date"])
        return ServerTime(time_ns(moment.isoformat()) + SECOND // 2)
    except (KeyError, *UNREADABLE):
        return None


def _word(value: str | None, words: Mapping[str, V], what: str, strange: list[str], unknown: V | None) -> V | None:
    """The enum's member for the venue's word; None where it says nothing; an unknown word is noted in `strange`."""
    if value is None:
        return None
    if value not in words:
        strange.append(f"{what} {value[:40]!r}")
        return unknown
    return words[value]


def _time_in_force(row: _Order) -> TimeInForce | None:
    if row.post_only:
        return TimeInForce.PO
    if row.ioc:
        return TimeInForce.IOC
    return TimeInForce.GTC if row.ioc is False else None


def _created(text: str | None, strange: list[str]) -> int | None:
    """`createdAt` never changes: it says when the order was accepted, not when anything happened to it."""
    try:
        return None if text is None else time_ns(text)
    except UNREADABLE:
        strange.append("order createdAt")
        return None


def _expiry(term: str, asked_ns: int) -> str:
    """YYMMDD from 1230 or 20231230; an MMDD of the market list is the first such day since a week ago."""
    if len(term) == 8 and term.isdecimal():
        return term[2:]
    if not (len(term) == 4 and term.isdecimal()):
        return term
    today = _EPOCH + timedelta(seconds=asked_ns // SECOND)
    start = f"{today - timedelta(days=7):%y%m%d}"
    year = int(start[:2]) + (term < start[2:])
    return f"{year % 100:02d}{term}"
