"""The engine's snapshots in FTX's words: orders, fills, the order of their messages, and the book's checksum.

Traps that are FTX's own and kept here on purpose: `remainingSize` is 0 on every closed order, also on a cancelled one;
a market order has `price` null and `ioc` true; `clientId` of an order is `clientOrderId` in a fill; an order has no
time of change; REST orders carry `future`, those of the stream do not. What it does not do: choose who hears a message.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from mockserver.engine.types import (
    Depth,
    Event,
    Execution,
    Instrument,
    Kind,
    OrderEvent,
    OrderType,
    OrderView,
    PublicTrade,
    TimeInForce,
    atoms_to_decimal,
)
from mockserver.faces.ftx.wire import DOUBLE, Json, iso, number

BOOK_LEVELS: Final = 100

Level = tuple[Decimal, Decimal]


def order(view: OrderView, instrument: Instrument, status: str) -> dict[str, Json]:
    """The `data` of an `orders` message; `status` is `new`, `open` or `closed`."""
    size, filled = instrument.quantity(view.quantity), instrument.quantity(view.filled)
    average = instrument.average_price(view.filled_quote, view.filled)
    market = view.type is OrderType.MARKET
    return {
        "id": view.order_id,
        "clientId": view.client_id,
        "market": view.instrument,
        "type": "market" if market else "limit",
        "side": view.side.value.lower(),
        "price": None if view.price is None or market else instrument.price(view.price),
        "size": size,
        "status": status,
        "filledSize": filled,
        "remainingSize": Decimal(0) if status == "closed" else size - filled,
        "reduceOnly": view.reduce_only,
        "liquidation": view.kind is Kind.LIQUIDATION,
        "avgFillPrice": None if average is None else DOUBLE.plus(average),
        "postOnly": view.post_only,
        "ioc": market or view.tif is TimeInForce.IOC,
        "createdAt": iso(view.created_ns),
    }


def rest_order(view: OrderView, instrument: Instrument) -> dict[str, Json]:
    """A row of `GET /orders`: a working order is `open` there even while nothing of it is filled (recorded 2021-09)."""
    row = order(view, instrument, "open" if view.is_open else "closed")
    return {**row, "future": view.instrument if instrument.is_perp else None}


def placed_order(view: OrderView, instrument: Instrument) -> dict[str, Json]:
    """The answer to `POST /orders`: the order as it was taken in, `new` and unfilled, whatever became of it since.

    FTX answered before matching: even a post-only order that would cross got this and then a `closed` in the stream.
    """
    row = order(view, instrument, "new")
    return {
        **row,
        "filledSize": Decimal(0),
        "remainingSize": row["size"],
        "liquidation": None,
        "avgFillPrice": None,
        "future": view.instrument if instrument.is_perp else None,
    }


def fill(execution: Execution, instrument: Instrument) -> dict[str, Json]:
    """The `data` of a `fills` message, also a row of `GET /fills` (keys as recorded 2022-05)."""
    perp = instrument.is_perp
    return {
        "id": execution.fill_id,
        "market": execution.instrument,
        "future": execution.instrument if perp else None,
        "baseCurrency": None if perp else instrument.base,
        "quoteCurrency": None if perp else instrument.quote,
        "type": "order",
        "side": execution.side.value.lower(),
        "price": instrument.price(execution.price),
        "size": instrument.quantity(execution.quantity),
        "orderId": execution.order_id,
        "time": iso(execution.time_ns),
        "tradeId": execution.trade_id,
        "feeRate": atoms_to_decimal(execution.fee_rate),
        "fee": atoms_to_decimal(execution.fee),
        "feeCurrency": execution.fee_asset,
        "liquidity": "maker" if execution.maker else "taker",
        "clientOrderId": execution.client_id,
    }


def public_trade(trade: PublicTrade, instrument: Instrument) -> dict[str, Json]:
    """An element of a `trades` message and a row of `GET /markets/{name}/trades`."""
    return {
        "id": trade.trade_id,
        "price": instrument.price(trade.price),
        "size": instrument.quantity(trade.quantity),
        "side": trade.taker_side.value.lower(),
        "liquidation": trade.kind is Kind.LIQUIDATION,
        "time": iso(trade.time_ns),
    }


def order_messages(events: Iterable[OrderEvent], instruments: Mapping[str, Instrument]) -> list[dict[str, Json]]:
    """What the `orders` channel says of one command: one message for each order, as the command left it.

    A limit order that fills at once and a market order are told by a single `closed`, without `new` or `open` (recorded
    2019 and 2022), so the steps between are not told. One that fills in part and rests is told by one `open` (invented:
    no recording), a resting one by one `new`, and it is never told as `open` while nothing of it is filled.
    """
    last = {event.order.order_id: event.order for event in events}
    return [
        order(view, instruments[view.instrument], ("open" if view.filled else "new") if view.is_open else "closed")
        for view in last.values()
    ]


def fill_messages(events: Iterable[OrderEvent], instruments: Mapping[str, Instrument]) -> list[dict[str, Json]]:
    """What the `fills` channel says of one command: every execution, in order."""
    return [
        fill(event.execution, instruments[event.execution.instrument])
        for event in events
        if event.execution is not None
    ]


def interleave(orders: Sequence[str], fills: Sequence[str], how: str, chance: random.Random) -> list[str]:
    """The two channels' messages in one sequence; FTX promised no order between them, only within each.

    `orders_first` is the one recording there is (2019-11), `fills_first` its reverse, `mixed` any merge of the two.
    """
    if how != "mixed":
        return [*fills, *orders] if how == "fills_first" else [*orders, *fills]
    turns = [True] * len(orders) + [False] * len(fills)
    chance.shuffle(turns)
    left, right = iter(orders), iter(fills)
    return [next(left if turn else right) for turn in turns]


def levels(side: Iterable[tuple[int, int]], instrument: Instrument) -> list[Level]:
    """A side of the book as FTX's numbers, best first."""
    return [(instrument.price(ticks), instrument.quantity(steps)) for ticks, steps in side]


def book_data(depth: Depth, instrument: Instrument) -> tuple[list[Level], list[Level]]:
    """Bids and asks of the first hundred levels."""
    return levels(depth.bids[:BOOK_LEVELS], instrument), levels(depth.asks[:BOOK_LEVELS], instrument)


def checksum(bids: Sequence[Level], asks: Sequence[Level]) -> int:
    """CRC-32 of `bidPrice:bidSize:askPrice:askSize:…` best first, a missing side skipped, numbers as doubles print.

    This rule matches all 4,197 recorded books of FTX, FTX US and FTX TR that were tried against it.
    """
    parts: list[str] = []
    for index in range(BOOK_LEVELS):
        for side in (bids, asks):
            if index < len(side):
                parts += [number(side[index][0]), number(side[index][1])]
    return zlib.crc32(":".join(parts).encode())


def changed_levels(before: Sequence[Level], after: Sequence[Level]) -> list[Level]:
    """The levels an `update` carries: new or changed ones with their size, vanished ones with size 0."""
    old, new = dict(before), dict(after)
    changed = [(price, size) for price, size in after if old.get(price) != size]
    return changed + [(price, Decimal(0)) for price, _ in before if price not in new]


def own_order_events(events: Sequence[Event], account: str) -> list[OrderEvent]:
    """The order events of one account, in order."""
    return [event for event in events if isinstance(event, OrderEvent) and event.account == account]
