"""A client of Binance spot that is no library's: it trades by REST and keeps what its own socket tells, in order."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import httpx2
import trio

from tests.integration.raw_client import Socket
from tests.load.mock import Mock

VENUE: Final = "binance-spot"
SYMBOL: Final = "BTCUSDT"
PATIENCE_S: Final = 60.0
LAST: Final = "last"
"""The id of the request whose answer comes behind everything that was told before."""


@attrs.frozen
class Seat:
    """A world of its own, and the account in it."""

    world: str
    api_key: str
    secret: str = attrs.field(repr=False)

    def signed(self, **params: Any) -> dict[str, Any]:
        """Parameters with time and signature."""
        sent = {**params, "timestamp": time.time_ns() // 1_000_000}
        proof = hmac.new(self.secret.encode(), urlencode(sent).encode(), hashlib.sha256).hexdigest()
        return {**sent, "signature": proof}


@attrs.define
class Heard:
    """What one socket told."""

    reports: list[dict[str, Any]] = attrs.field(factory=list)
    positions: int = 0
    others: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Keep one event."""
        match event.get("e"):
            case "executionReport":
                self.reports.append(event)
            case "outboundAccountPosition":
                self.positions += 1
            case _:
                self.others += 1

    @property
    def fills(self) -> list[tuple[str, str, Decimal]]:
        """Order, trade and quantity of every execution, in the order in which they were told."""
        told = [each for each in self.reports if each["x"] == "TRADE"]
        return [(str(each["i"]), str(each["t"]), Decimal(each["l"])) for each in told]


async def truth_of(http: httpx2.AsyncClient, world: str) -> Any:
    """What happened in a world."""
    return good(await http.get("/__mock/truth", params={"world": world}))


def truly(truth: Any) -> list[tuple[str, str, Decimal]]:
    """The same by the truth."""
    fills = truth["fills"]
    return [(str(each["order_id"]), str(each["trade_id"]), Decimal(each["quantity"])) for each in fills]


class Client:
    """A seat, its REST, and what its socket told."""

    def __init__(self, mock: Mock, seat: Seat, http: httpx2.AsyncClient) -> None:
        self.mock, self.seat, self.http = mock, seat, http
        self.placed = 0

    async def place(self, quantity: str) -> int:
        """A bid that rests, named after the world; its order id."""
        name = f"{self.seat.world}-{self.placed}"
        self.placed += 1
        terms = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": "50000"}
        return int((await self.call("POST", newClientOrderId=name, **terms))["orderId"])

    async def cancel(self, order_id: int) -> None:
        """Cancel it."""
        await self.call("DELETE", orderId=order_id)

    async def call(self, method: str, **params: Any) -> Any:
        """A signed request about an order."""
        query = urlencode(self.seat.signed(symbol=SYMBOL, **params))
        headers = {"X-MBX-APIKEY": self.seat.api_key}
        return good(await self.http.request(method, f"/api/v3/order?{query}", headers=headers))

    async def fill(self, order_id: int, quantity: str | None = None) -> None:
        """Let the venue fill it, wholly or so much of it."""
        asked = {"world": self.seat.world} | ({} if quantity is None else {"quantity": quantity})
        good(await self.http.post(f"/__mock/orders/{VENUE}/{SYMBOL}/{order_id}/fill", json=asked))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Socket]:
        """A socket that carries the account."""
        async with await trio.open_tcp_stream("127.0.0.1", self.mock.port) as stream:
            socket = Socket(stream, "/ws-api/v3")
            await socket.open()
            params = self.seat.signed(apiKey=self.seat.api_key)
            await socket.send({"id": 1, "method": "userDataStream.subscribe.signature", "params": params})
            assert (await socket.json(PATIENCE_S))["status"] == 200
            yield socket


async def events_of(socket: Socket) -> AsyncIterator[dict[str, Any]]:
    """All that comes, up to the answer to the last question."""
    while True:
        told = await socket.json(PATIENCE_S)
        if told.get("id") == LAST:
            return
        yield told["event"]


async def ask_last(socket: Socket) -> None:
    """Ask what is answered behind everything that was told before."""
    await socket.send({"id": LAST, "method": "time"})


def calling(mock: Mock) -> httpx2.AsyncClient:
    """REST on connections of one's own: a pool of hundreds would cost more than the mock does."""
    return httpx2.AsyncClient(base_url=mock.http, timeout=PATIENCE_S, verify=False, trust_env=False)


async def seated(http: httpx2.AsyncClient, name: str) -> Seat:
    """A new world, and the account in it."""
    made = good(await http.post("/__mock/worlds", json={"name": name}))
    account = made["accounts"][VENUE]
    return Seat(name, account["api_key"], account["secret"])


def good(answer: httpx2.Response) -> Any:
    """What was answered, which must be no refusal."""
    assert answer.status_code == 200, answer.text
    return answer.json()
