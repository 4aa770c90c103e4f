"""Histories of orders as the WebSocket API of Binance spot tells them: wrapped `executionReport`s of about 560 bytes.

Ten orders at a time work side by side: all are accepted, eight are filled in part, seven of these to the end, and
three are cancelled.  Prices and quantities vary from order to order and add up.  The last report is of an order of
its own, whose client id begins with END, so that a client knows that it has heard everything.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from tests.bench.contestants.meter import END, Told

T = TypeVar("T")  # Python 3.11 has no other way to write it
SYMBOL: Final = "BTCUSDT"
FIRST_TRADE: Final = 5_000_000_000
SIDE_BY_SIDE: Final = 10
PARTLY_FILLED: Final = (0, 1, 2, 3, 4, 5, 6, 9)
COURSE: Final = 2 * SIDE_BY_SIDE + len(PARTLY_FILLED)  # reports after which all ten have ended
_TEMPLATE: Final = (
    '{{"subscriptionId":0,"event":{{"e":"executionReport","E":{time},"s":"BTCUSDT","c":"{client}","S":"{side}",'
    '"o":"LIMIT","f":"GTC","q":"{quantity}","p":"{price}","P":"0.00000000","F":"0.00000000","g":-1,"C":"{original}",'
    '"x":"{execution}","X":"{status}","r":"NONE","i":{order},"l":"{last}","z":"{filled}","L":"{last_price}",'
    '"n":"{fee}","N":{fee_asset},"T":{time},"t":{trade},"I":{number},"w":{works},"m":{maker},"M":false,"O":{created},'
    '"Z":"{quote}","Y":"{last_quote}","Q":"0.00000000","W":{created},"V":"EXPIRE_MAKER"}}}}'
)


_HEAD, _TAIL = '{"subscriptionId":0,"event":', "}"


def bare(text: str) -> str:
    """The report alone, as it comes on a listen key's socket."""
    assert text.startswith(_HEAD)
    return text[len(_HEAD) : -len(_TAIL)]


class Blast(NamedTuple):
    """What is sent in one go: the texts of the frames, and what a client is to be told of each order in them."""

    frames: list[str]
    told: Told

    @property
    def encoded(self) -> list[bytes]:
        """The texts, as the bytes that come."""
        return [text.encode() for text in self.frames]

    @property
    def trades(self) -> int:
        """How many tell an execution."""
        return len(self.told.executions) // 2

    @property
    def orders(self) -> int:
        """How many tell of an order."""
        return len(self.told.states) // 2

    @property
    def numbers(self) -> list[int]:
        """Those of the reports, in order."""
        return [json.loads(text)["event"]["I"] for text in self.frames]


class _Order:
    """One order; quantities count in 0.00001 BTC, prices in 0.01 USDT."""

    def __init__(self, number: int, chance: random.Random, time_ms: int, client: str = "") -> None:
        self.id = 40_000_000_000 + number
        self.client = client or f"x-R4BD3S82{number:022d}"
        self.side = "BUY" if chance.random() < 0.5 else "SELL"
        self.quantity = chance.randrange(20, 500_000)
        self.price = chance.randrange(6_000_000, 7_000_000)
        self.created = time_ms
        self.filled = 0

    def report(self, number: int, time_ms: int, execution: str, status: str, last: int = 0) -> str:
        """The next report about it."""
        self.filled += last
        cancel = execution == "CANCELED"
        return _TEMPLATE.format(
            time=time_ms,
            client=f"cancel-{number:029d}" if cancel else self.client,
            original=self.client if cancel else "",
            side=self.side,
            quantity=_fixed(self.quantity, 5),
            price=_fixed(self.price, 2),
            execution=execution,
            status=status,
            order=self.id,
            last=_fixed(last, 5),
            filled=_fixed(self.filled, 5),
            last_price=_fixed(self.price if last else 0, 2),
            fee=_fixed(last, 8) if last else "0",
            fee_asset='"BNB"' if last else "null",
            trade=FIRST_TRADE + number if last else -1,
            number=90_000_000_000 + number,
            works="false" if self.filled == self.quantity or cancel else "true",
            maker="true" if last else "false",
            created=self.created,
            quote=_fixed(self.filled * self.price, 7),
            last_quote=_fixed(last * self.price, 7),
        )


def blast(messages: int, first: int, time_ms: int) -> Blast:
    """So many reports: orders, trades and reports are numbered from `first` on, and
    `time_ms` (UTC) is when the first ten orders were placed; the next ten come a millisecond later."""
    frames, told = list[str](), Told()
    for frame, order, status, trade in _endless(first, time_ms):
        if len(frames) == messages - 1:
            break
        frames.append(frame)
        told.note(order, status, trade)
    last = _Order(first + messages, random.Random(first), time_ms, f"{END}{first}")
    frames.append(last.report(first + messages, time_ms, "NEW", "NEW"))
    told.note(str(last.id), "new")
    return Blast(frames, told)


def _endless(first: int, time_ms: int) -> Iterator[tuple[str, str, str, str]]:
    """Frames, each with the order's id, the status, and the execution's id if it tells one."""
    chance = random.Random(first)
    number = first
    while True:
        orders = [_Order(number + k, chance, time_ms) for k in range(SIDE_BY_SIDE)]
        for order, execution, status, share in course(orders):
            last = order.quantity - order.filled if share == 1 else round(order.quantity * share)
            trade = str(FIRST_TRADE + number) if share else ""
            yield order.report(number, time_ms, execution, status, last), str(order.id), status.lower(), trade
            number += 1
        time_ms += 1


def course(orders: list[T]) -> Iterator[tuple[T, str, str, float]]:
    """What happens to ten orders: (order, execution type, status, share of it that is filled)."""
    for order in orders:
        yield order, "NEW", "NEW", 0
    for place, order in enumerate(orders):
        if place in PARTLY_FILLED:
            yield order, "TRADE", "PARTIALLY_FILLED", 0.4
        else:
            yield order, "CANCELED", "CANCELED", 0
    for place in PARTLY_FILLED[:-1]:
        yield orders[place], "TRADE", "FILLED", 1
    yield orders[PARTLY_FILLED[-1]], "CANCELED", "CANCELED", 0


def _fixed(units: int, scale: int) -> str:
    """`units` of ten to the minus `scale` with eight decimals, as Binance writes amounts."""
    whole, rest = divmod(units * 10 ** (8 - scale), 10**8)
    return f"{whole}.{rest:08d}"
