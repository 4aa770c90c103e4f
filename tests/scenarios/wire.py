"""HTTP and WebSocket for the bots, on trio, h11 and wsproto alone: nothing of exchstream, small enough to be read."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import attrs
import h11
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage

TIMEOUT = 10.0


class Lost(Exception):
    """The connection could not be opened, or ended, or did not answer in time."""


@attrs.frozen
class Answer:
    status: int
    body: bytes
    retry_after: float


async def _open(url: str) -> tuple[trio.SocketStream, str, str]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    try:
        stream = await trio.open_tcp_stream(parts.hostname, parts.port or 80)
    except OSError as error:
        raise Lost(str(error)) from None
    return stream, parts.netloc, parts.path + (f"?{parts.query}" if parts.query else "")


async def ask(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Answer:
    """One request on a connection of its own. Lost: no whole answer came in time."""
    try:
        with trio.fail_after(TIMEOUT):
            stream, host, target = await _open(url)
            async with stream:
                return await _exchange(stream, method, target, {"Host": host, **headers}, body)
    except (trio.TooSlowError, trio.BrokenResourceError, h11.RemoteProtocolError) as error:
        raise Lost(repr(error)) from None


async def _exchange(
    stream: trio.SocketStream, method: str, target: str, headers: dict[str, str], body: bytes
) -> Answer:
    http = h11.Connection(h11.CLIENT)
    sent = [*headers.items(), ("Content-Length", str(len(body))), ("Connection", "close")]
    data = http.send(h11.Request(method=method, target=target, headers=sent)) or b""
    data += (http.send(h11.Data(body)) or b"") + (http.send(h11.EndOfMessage()) or b"")
    await stream.send_all(data)
    status, retry, got = 0, 0.0, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await stream.receive_some())
        elif isinstance(event, h11.Response):
            status = event.status_code
            retry = float(dict(event.headers).get(b"retry-after", b"0"))
        elif isinstance(event, h11.Data):
            got += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, got, retry)
        else:
            raise Lost(f"no answer: {event!r}")


class Socket:
    """One WebSocket: texts in and out; pings are answered, and counted as signs of life."""

    def __init__(self, stream: trio.SocketStream, ws: WSConnection) -> None:
        self.stream = stream
        self.ws = ws
        self.last_life = trio.current_time()

    @classmethod
    async def dial(cls, url: str) -> Socket:
        """Lost: refused, or no answer in time."""
        with trio.move_on_after(TIMEOUT):
            stream, host, target = await _open(url)
            try:
                ws = WSConnection(ConnectionType.CLIENT)
                await stream.send_all(ws.send(Request(host=host, target=target)))
                await cls._accepted(stream, ws)
            except trio.BrokenResourceError as error:
                await trio.aclose_forcefully(stream)
                raise Lost(repr(error)) from None
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return cls(stream, ws)
        raise Lost("no answer to the handshake")

    @staticmethod
    async def _accepted(stream: trio.SocketStream, ws: WSConnection) -> None:
        while True:
            for event in ws.events():
                if isinstance(event, AcceptConnection):
                    return
                if isinstance(event, RejectConnection):
                    raise Lost(f"refused: {event.status_code}")
            data = await stream.receive_some()
            if not data:
                raise Lost("hung up")
            ws.receive_data(data)

    async def send(self, text: str) -> None:
        try:
            await self.stream.send_all(self.ws.send(TextMessage(data=text)))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Lost(repr(error)) from None

    async def read(self, on_text: Callable[[str], None]) -> None:
        """Take texts until the connection ends, which is Lost."""
        text = ""
        try:
            while True:
                for event in self.ws.events():
                    self.last_life = trio.current_time()
                    if isinstance(event, TextMessage):
                        text += event.data
                        if event.message_finished:
                            on_text(text)
                            text = ""
                    elif isinstance(event, Ping):
                        await self.stream.send_all(self.ws.send(event.response()))
                    elif isinstance(event, CloseConnection):
                        await self.stream.send_all(self.ws.send(event.response()))
                        raise Lost(f"closed: {event.code}")
                data = await self.stream.receive_some()
                if not data:
                    raise Lost("hung up")
                self.ws.receive_data(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Lost(repr(error)) from None

    async def close(self) -> None:
        await trio.aclose_forcefully(self.stream)
