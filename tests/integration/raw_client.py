"""A client of the mock that is no library's: signed requests, and a socket that shows every frame as it came."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import trio
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


class Bot:
    """An account on Binance spot, its REST and its sockets."""

    def __init__(self, host: Host, http: httpx2.AsyncClient) -> None:
        self.host, self.http = host, http
        self.spot = host.worlds.default.exchanges["binance-spot"]
        self.account = host.worlds.open_account(self.spot, "bot")

    async def arm(self, kind: str, parameters: Any = None, name: str | None = None, **match: Any) -> None:
        """Arm a fault by the control API."""
        fault = {kind: parameters, "name": name or kind, **({"match": match} if match else {})}
        answer = await self.http.post("/__mock/faults", json={"fault": fault})
        assert answer.status_code == 200, answer.text

    def signed(self, **params: Any) -> dict[str, Any]:
        """Parameters with time and signature."""
        sent = {**params, "timestamp": time.time_ns() // 1_000_000}
        payload = urlencode(sent).encode()
        return {**sent, "signature": hmac.new(self.account.secret.encode(), payload, hashlib.sha256).hexdigest()}

    async def call(self, method: str, path: str, **params: Any) -> httpx2.Response:
        """A signed request."""
        headers = {"X-MBX-APIKEY": self.account.api_key}
        return await self.http.request(method, f"{path}?{urlencode(self.signed(**params))}", headers=headers)

    async def place(self, **more: Any) -> httpx2.Response:
        """A bid that rests."""
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        return await self.call("POST", "/api/v3/order", **{**terms, "price": "50000", **more})

    async def ask(self, socket: Socket, method: str, **params: Any) -> None:
        """Send a signed request of the WebSocket API."""
        sent = {**params, "apiKey": self.account.api_key, "timestamp": time.time_ns() // 1_000_000}
        payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent)).encode()
        signature = hmac.new(self.account.secret.encode(), payload, hashlib.sha256).hexdigest()
        await socket.send({"id": 9, "method": method, "params": {**sent, "signature": signature}})

    async def place_there(self, socket: Socket, **more: Any) -> None:
        """Send a bid that rests by the WebSocket API."""
        terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        await self.ask(socket, "order.place", **{**terms, "price": "50000", **more})

    @property
    def orders(self) -> int:
        """How many orders the account has ever had."""
        return len(self.spot.engine.orders("bot"))

    @asynccontextmanager
    async def dialled(self, target: str = "/ws-api/v3", extensions: Sequence[Extension] = ()) -> AsyncIterator[Socket]:
        """A socket that is open, or was refused."""
        async with await trio.open_tcp_stream("127.0.0.1", self.host.listening.port) as stream:
            socket = Socket(stream, target, extensions)
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
