"""The same course of ten orders side by side as FTX told it: messages of the channels `orders` and `fills`.

Each execution is two messages, the fill and then the order as it stands (nobody documented which came first).  Prices
and sizes are JSON numbers, as they were there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from tests.bench.contestants.meter import END, Told
from tests.bench.reports import SIDE_BY_SIDE, Blast, course

_ORDER: Final = (
    '{{"channel":"orders","type":"update","data":{{"id":{order},"clientId":"{client}","market":"BTC/USD",'
    '"type":"limit","side":"{side}","price":{price}.0,"size":{size},"status":"{status}","filledSize":{filled},'
    '"remainingSize":{remaining},"reduceOnly":false,"liquidation":false,"avgFillPrice":{average},"postOnly":false,'
    '"ioc":false,"createdAt":"{created}"}}}}'
)
_FILL: Final = (
    '{{"channel":"fills","type":"update","data":{{"id":{fill},"market":"BTC/USD","future":null,"baseCurrency":"BTC",'
    '"quoteCurrency":"USD","type":"order","side":"{side}","price":{price}.0,"size":{size},"orderId":{order},'
    '"time":"{time}","tradeId":{trade},"feeRate":0.0002,"fee":{fee},"feeCurrency":"USD","liquidity":"maker"}}}}'
)
FIRST_FILL: Final = 7_840_000_000
_SCALE: Final = 4  # decimals of a size


class _Order:
    """One order; sizes count in 0.0001 BTC, prices in dollars."""

    def __init__(self, number: int, chance: random.Random, time_ms: int, client: str = "") -> None:
        self.id = 142_000_000_000 + number
        self.client = client or f"bench-{number:022d}"
        self.side = "buy" if chance.random() < 0.5 else "sell"
        self.quantity = chance.randrange(20, 50_000)
        self.price = chance.randrange(30_000, 40_000)
        self.created = _time(time_ms)
        self.filled = 0

    def message(self, status: str) -> str:
        """As it stands."""
        return _ORDER.format(
            order=self.id,
            client=self.client,
            side=self.side,
            price=self.price,
            size=_decimal(self.quantity, _SCALE),
            status=status,
            filled=_decimal(self.filled, _SCALE),
            remaining=_decimal(self.quantity - self.filled if status != "closed" else 0, _SCALE),
            average=f"{self.price}.0" if self.filled else "null",
            created=self.created,
        )

    def fill(self, number: int, time_ms: int, last: int) -> str:
        """An execution."""
        self.filled += last
        return _FILL.format(
            fill=FIRST_FILL + number,
            side=self.side,
            price=self.price,
            size=_decimal(last, _SCALE),
            order=self.id,
            time=_time(time_ms),
            trade=3_887_000_000 + number,
            fee=_decimal(last * self.price * 2, _SCALE + 4),
        )


def blast(messages: int, first: int, time_ms: int) -> Blast:
    """So many messages, with ids from `first` on; an execution's two are never parted."""
    frames, told = list[str](), Told()
    for step, order, status, fill in _endless(first, time_ms):
        if len(frames) + len(step) > messages - 1:
            break
        frames += step
        told.note(order, status, fill)
    ends = range(first + len(frames), first + messages)  # one order of its own, or two to make up the number
    for number in ends:
        client = f"{END}{first}" if number == ends[-1] else ""
        last = _Order(number, random.Random(number), time_ms, client)
        frames.append(last.message("new"))
        told.note(str(last.id), "new")
    return Blast(frames, told)


def _endless(first: int, time_ms: int) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    """What each step of the course brings: texts, the order's id, its status, and the fill's id if there is one."""
    chance = random.Random(first)
    number = first
    while True:
        orders = [_Order(number + k, chance, time_ms) for k in range(SIDE_BY_SIDE)]
        for order, _, status, share in course(orders):
            if share:
                last = order.quantity - order.filled if share == 1 else round(order.quantity * share)
                fill = order.fill(number, time_ms, last)
                texts: tuple[str, ...] = fill, order.message("closed" if status == "FILLED" else "open")
            else:
                texts = (order.message("new" if status == "NEW" else "closed"),)
            yield texts, str(order.id), status.lower(), str(FIRST_FILL + number) if share else ""
            number += 1
        time_ms += 1


def _time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1e3, UTC).isoformat(timespec="microseconds")


def _decimal(units: int, scale: int) -> str:
    """`units` of ten to the minus `scale`, as Python's floats were written there."""
    whole, rest = divmod(units, 10**scale)
    return f"{whole}.{str(rest).zfill(scale).rstrip('0') or '0'}"
