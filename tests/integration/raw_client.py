"""Clients of the mock that are no library's: signed requests, and a socket that shows every frame as it came."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx2
import trio
from attrs import frozen
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)
from wsproto.extensions import Extension
from wsproto.utilities import RemoteProtocolError

from tests.integration.test_mockserver import Host

PATIENCE_S = 3.0


class Lost(Exception):
    """The connection ended; the bytes of it that nobody could read are kept."""


class Socket:
    """One WebSocket. `next` gives frames one by one; pings are answered unless `pongs` is false."""

    def __init__(self, stream: trio.abc.Stream, target: str, extensions: Sequence[Extension] = ()) -> None:
        self.stream = stream
        self.target = target
        self.offers = list(extensions)
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.waiting: list[Event] = []
        self.received = 0
        self.pings: list[bytes] = []
        self.arrivals: list[list[Event]] = []
        """The events of each read: what came in one segment is together."""

    async def open(self) -> Event:
        """Do the handshake; what it was answered with."""
        await self.stream.send_all(self.ws.send(Request(host="127.0.0.1", target=self.target, extensions=self.offers)))
        answer = await self.event()
        assert isinstance(answer, AcceptConnection | RejectConnection)
        return answer

    async def event(self) -> Event:
        """The next event of any kind. Lost: there is none."""
        while not self.waiting:
            try:
                data = await self.stream.receive_some()
            except trio.BrokenResourceError:
                raise Lost("reset") from None
            if not data:
                raise Lost("end")
            self.received += len(data)
            try:
                self.ws.receive_data(bytes(data))
                self.waiting = list(self.ws.events())
            except RemoteProtocolError as error:
                raise Lost(str(error)) from None
            self.arrivals.append(list(self.waiting))
        return self.waiting.pop(0)

    async def next(self, seconds: float = PATIENCE_S) -> Message | CloseConnection | None:
        """The next piece of a message or the close; None if nothing came in time."""
        with trio.move_on_after(seconds):
            while True:
                match await self.event():
                    case Ping() as ping:
                        self.pings.append(bytes(ping.payload))
                        await self.stream.send_all(self.ws.send(ping.response()))
                    case (TextMessage() | BytesMessage() | CloseConnection()) as told:
                        return told
                    case _:
                        pass
        return None

    async def json(self, seconds: float = PATIENCE_S) -> Any:
        """The next whole message, read."""
        text = ""
        while True:
            told = await self.next(seconds)
            assert isinstance(told, TextMessage), told
            text += told.data
            if told.message_finished:
                return json.loads(text)

    async def send(self, message: object) -> None:
        """Send JSON."""
        await self.stream.send_all(self.ws.send(TextMessage(json.dumps(message))))


@frozen
class Told:
    """What a frame tells of an order, in Binance's words for how it stands."""

    event: str
    order_id: int | None = None
    status: str | None = None


class Bot:
    """An account on Binance spot, its REST and its sockets; those of the other venues have the same means."""

    VENUE: ClassVar[str] = "binance-spot"
    MARKET: ClassVar[str] = "BTCUSDT"
    PLACE: ClassVar[str] = "/api/v3/order"
    OPEN: ClassVar[str] = "/api/v3/openOrders"
    TIME: ClassVar[str] = "/api/v3/time"
    SOCKET: ClassVar[str] = "/ws-api/v3"
    REPORT: ClassVar[str] = "executionReport"
    QUESTION: ClassVar[dict[str, Any]] = {"id": 2, "method": "ping"}
    QUANTITY: ClassVar[str] = "q"
    ORDER_ID: ClassVar[str] = "i"
    TOO_MANY: ClassVar[object] = -1003
    UNKNOWN: ClassVar[object] = -1007
    TOO_OLD: ClassVar[object] = -1021
    TOO_LATE: ClassVar[object] = -2011

    def __init__(self, host: Host, http: httpx2.AsyncClient) -> None:
        self.host, self.http = host, http
        self.exchange = host.worlds.default.exchanges[self.VENUE]
        self.account = host.worlds.open_account(self.exchange, "bot")

    async def arm(self, kind: str, parameters: Any = None, name: str | None = None, **match: Any) -> None:
        """Arm a fault by the control API."""
        fault = {kind: parameters, "name": name or kind, **({"match": match} if match else {})}
        answer = await self.http.post("/__mock/faults", json={"fault": fault})
        assert answer.status_code == 200, answer.text

    @property
    def placing(self) -> dict[str, str]:
        """What matches a request that places an order."""
        return {"method": "POST", "path": self.PLACE}

    @property
    def orders(self) -> int:
        """How many orders the account has ever had."""
        return len(self.exchange.engine.orders("bot"))

    # -- REST -----------------------------------------------------------------------------------------------------

    def _sign(self, payload: str) -> str:
        return hmac.new(self.account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    def signed(self, **params: Any) -> dict[str, Any]:
        """Parameters with time and signature."""
        sent = {**params, "timestamp": now_ms()}
        return {**sent, "signature": self._sign(urlencode(sent))}

    async def call(self, method: str, path: str, **params: Any) -> httpx2.Response:
        """A signed request."""
        headers = {"X-MBX-APIKEY": self.account.api_key}
        return await self.http.request(method, f"{path}?{urlencode(self.signed(**params))}", headers=headers)

    async def place(self, **more: Any) -> httpx2.Response:
        """A bid that rests."""
        terms = {"symbol": self.MARKET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        return await self.call("POST", self.PLACE, **{**terms, "price": "50000", **more})

    async def cancel(self, order_id: int) -> httpx2.Response:
        """Cancel an order."""
        return await self.call("DELETE", self.PLACE, symbol=self.MARKET, orderId=order_id)

    async def open_orders(self) -> int:
        """How many orders the venue says are open."""
        return len((await self.call("GET", self.OPEN, symbol=self.MARKET)).json())

    def order_of(self, answer: httpx2.Response) -> int:
        """The order that an answer tells of."""
        return int(answer.json()["orderId"])

    def problem(self, answer: httpx2.Response) -> object:
        """Why it was refused."""
        return answer.json().get("code")

    def time_of(self, answer: httpx2.Response) -> float:
        """The venue's time, in seconds."""
        return float(answer.json()["serverTime"]) / 1_000

    # -- sockets --------------------------------------------------------------------------------------------------

    async def ask(self, socket: Socket, method: str, **params: Any) -> None:
        """Send a signed request of the WebSocket API."""
        sent = {**params, "apiKey": self.account.api_key, "timestamp": now_ms()}
        signature = self._sign("&".join(f"{name}={sent[name]}" for name in sorted(sent)))
        await socket.send({"id": 9, "method": method, "params": {**sent, "signature": signature}})

    async def place_there(self, socket: Socket, **more: Any) -> None:
        """Send a bid that rests by the WebSocket API."""
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        await self.ask(socket, "order.place", **{**terms, "price": "50000", **more})

    @asynccontextmanager
    async def dialled(self, target: str | None = None, extensions: Sequence[Extension] = ()) -> AsyncIterator[Socket]:
        """A socket that is open, or was refused."""
        async with await trio.open_tcp_stream("127.0.0.1", self.host.listening.port) as stream:
            socket = Socket(stream, target or self.SOCKET, extensions)
            await socket.open()
            yield socket

    @asynccontextmanager
    async def listening(self, extensions: Sequence[Extension] = ()) -> AsyncIterator[Socket]:
        """A socket that carries the account."""
        async with self.dialled(extensions=extensions) as socket:
            params = self.signed(apiKey=self.account.api_key)
            await socket.send({"id": 1, "method": "userDataStream.subscribe.signature", "params": params})
            assert (await socket.json())["status"] == 200
            yield socket

    def data(self, message: Any) -> dict[str, Any]:
        """The fields of an order in a frame that tells of one."""
        return dict(message["event"])

    def read(self, message: Any) -> Told:
        """What a frame tells."""
        event = message.get("event", {})
        return Told(event.get("e", "answer"), event.get("i"), event.get("X"))

    async def told(self, socket: Socket, count: int = 1) -> list[Told]:
        """What the next frames tell."""
        return [self.read(await socket.json()) for _ in range(count)]

    async def reports(self, socket: Socket, count: int = 1) -> list[Told]:
        """What the next frames of an order's own event tell."""
        found: list[Told] = []
        while len(found) < count:
            found += [each for each in await self.told(socket) if each.event == self.REPORT]
        return found


class FuturesBot(Bot):
    """An account on Binance USD-M futures."""

    VENUE = "binance-futures"
    PLACE = "/fapi/v1/order"
    OPEN = "/fapi/v1/openOrders"
    TIME = "/fapi/v1/time"
    SOCKET = "/private/ws"
    REPORT = "ORDER_TRADE_UPDATE"
    QUESTION: ClassVar[dict[str, Any]] = {"id": 2, "method": "LIST_SUBSCRIPTIONS"}

    async def listen_key(self) -> str:
        """The account's listen key."""
        answer = await self.http.post("/fapi/v1/listenKey", headers={"X-MBX-APIKEY": self.account.api_key})
        return str(answer.json()["listenKey"])

    @asynccontextmanager
    async def listening(self, extensions: Sequence[Extension] = ()) -> AsyncIterator[Socket]:
        """A socket that carries the account."""
        async with self.dialled(f"{self.SOCKET}?listenKey={await self.listen_key()}", extensions) as socket:
            yield socket

    def data(self, message: Any) -> dict[str, Any]:
        """The fields of an order in a frame that tells of one."""
        return dict(message["o"])

    def read(self, message: Any) -> Told:
        """What a frame tells."""
        order = message.get("o", {})
        return Told(message.get("e", "answer"), order.get("i"), order.get("X"))


class FtxBot(Bot):
    """An account on FTX."""

    VENUE = "ftx"
    MARKET = "BTC/USD"
    PLACE = "/api/orders"
    OPEN = "/api/orders"
    TIME = "/api/time"
    SOCKET = "/ftx/ws"
    REPORT = "orders"
    QUESTION: ClassVar[dict[str, Any]] = {"op": "ping"}
    QUANTITY = "size"
    ORDER_ID = "id"
    TOO_MANY = "Cannot send more than 1500 requests per minute"
    UNKNOWN = "Order took too long to process"
    TOO_OLD = "Not logged in: Timestamp too far from current time"
    TOO_LATE = "Order already closed"

    async def call(self, method: str, path: str, **params: Any) -> httpx2.Response:
        """A signed request."""
        target = f"{path}?{urlencode(params)}" if params and method == "GET" else path
        body = json.dumps(params) if params and method != "GET" else ""
        headers = {"FTX-KEY": self.account.api_key, "FTX-TS": str(now_ms())}
        headers["FTX-SIGN"] = self._sign(f"{headers['FTX-TS']}{method}{target}{body}")
        return await self.http.request(method, target, content=body, headers=headers)

    async def place(self, **more: Any) -> httpx2.Response:
        """A bid that rests."""
        terms = {"market": self.MARKET, "side": "buy", "type": "limit", "size": 0.01, "price": 50_000}
        return await self.call("POST", self.PLACE, **{**terms, **more})

    async def cancel(self, order_id: int) -> httpx2.Response:
        """Cancel an order."""
        return await self.call("DELETE", f"{self.PLACE}/{order_id}")

    async def open_orders(self) -> int:
        """How many orders the venue says are open."""
        return len((await self.call("GET", self.OPEN, market=self.MARKET)).json()["result"])

    def order_of(self, answer: httpx2.Response) -> int:
        """The order that an answer tells of."""
        return int(answer.json()["result"]["id"])

    def problem(self, answer: httpx2.Response) -> object:
        """Why it was refused."""
        return answer.json().get("error")

    def time_of(self, answer: httpx2.Response) -> float:
        """The venue's time, in seconds."""
        return datetime.fromisoformat(answer.json()["result"]).timestamp()

    @asynccontextmanager
    async def listening(self, extensions: Sequence[Extension] = ()) -> AsyncIterator[Socket]:
        """A socket that carries the account."""
        async with self.dialled(extensions=extensions) as socket:
            at_ms = now_ms()
            proof = {"key": self.account.api_key, "time": at_ms, "sign": self._sign(f"{at_ms}websocket_login")}
            await socket.send({"op": "login", "args": proof})
            for channel in ("orders", "fills"):
                await socket.send({"op": "subscribe", "channel": channel})
                assert (await socket.json())["type"] == "subscribed"
            yield socket

    def data(self, message: Any) -> dict[str, Any]:
        """The fields of an order in a frame that tells of one."""
        return dict(message["data"])

    def read(self, message: Any) -> Told:
        """What a frame tells."""
        if message.get("type") != "update":
            return Told("answer")
        order = message["data"] if message["channel"] == self.REPORT else {}
        if not order:
            return Told(message["channel"])
        filled, size = order["filledSize"], order["size"]
        is_open = order["status"] != "closed"
        status = "FILLED" if filled == size else ("PARTIALLY_FILLED" if filled else "NEW") if is_open else "CANCELED"
        return Told(message["channel"], order["id"], status)


BOTS: dict[str, type[Bot]] = {bot.VENUE: bot for bot in (Bot, FuturesBot, FtxBot)}


def now_ms() -> int:
    """Now, in Unix milliseconds."""
    return time.time_ns() // 1_000_000
