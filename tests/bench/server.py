"""A neutral Binance spot, and FTX: canned REST answers, subscriptions, and reports on command.

Nothing but the standard library, so that no contestant meets code of its own.  What is sent is made and framed before
its first byte is.  Run as `python -m tests.bench.server [CERTIFICATE]`, with TLS if there is one: prints its port, then
reads commands, one a line, and answers each with a line of JSON:

    blast MESSAGES        all at once, shared out evenly among all subscribers
    pace MESSAGES RATE    so many a second, to the last subscriber; `sent` tells when each went out
    fair MESSAGES RATE FLOOD
                          the same to the first subscriber, and FLOOD a second in bursts to the second; `flood` tells
                          the numbers of its reports
    asked                 how often each path was asked for over HTTP

A subscriber of the WebSocket API gets reports wrapped as there, one on a listen key's socket (`/ws/...`) bare, and one
of FTX's channels `orders` and `fills` (at `/ws` or `/ws/`) gets its messages, from when both are subscribed to.
With TLS every message is a record of its own, as venues send them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Final, Literal, NamedTuple

from tests.bench import reports_ftx
from tests.bench.answers import answer, said
from tests.bench.contestants.meter import SERVER_CORE, Told, pin
from tests.bench.reports import Blast, bare, blast

Command = Callable[..., Awaitable[dict[str, object]]]

_AT_ONCE: Final = 500  # frames between two looks at whether the socket takes more
_SECOND: Final = 1_000_000_000
_APART_NS: Final = 97_000_000  # between two bursts: they fall between the paced reports at ever other places
_DOZE_NS: Final = 1_000_000  # what a socket has not taken waits no longer than this for the next try
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_PRIVATE: Final = {"orders", "fills"}  # FTX's channels
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


def framed(payload: bytes, opcode: int = _TEXT) -> bytes:
    """One whole, unmasked frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    assert size < 1 << 16
    return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload


class Subscriber(NamedTuple):
    """Where reports go, and in which shape."""

    writer: asyncio.StreamWriter
    shape: Literal["wrapped", "bare", "ftx"]

    def made(self, messages: int, first: int, time_ms: int) -> Blast:
        """So many messages of its venue."""
        return (reports_ftx.blast if self.shape == "ftx" else blast)(messages, first, time_ms)

    def frames(self, made: Blast) -> list[bytes]:
        """What is sent to it."""
        return [framed((bare(text) if self.shape == "bare" else text).encode()) for text in made.frames]

    async def send(self, frames: Sequence[bytes]) -> None:
        """Hand them to the system, as fast as it takes them."""
        records: ssl.SSLObject | None = self.writer.get_extra_info("ssl_object")
        if records is None:
            self.writer.write(b"".join(frames))
        else:
            for frame in frames[:-1]:
                records.write(frame)  # a record each, which go out with the last one
            self.writer.write(frames[-1])
        await self.writer.drain()


class Turn(NamedTuple):
    """What is to be sent when (from the start on), and the number of the report, if it is one by itself."""

    due_ns: int
    subscriber: Subscriber
    data: bytes
    number: int | None = None


def _paced(subscriber: Subscriber, made: Blast, rate: int) -> list[Turn]:
    """One after the other."""
    due_ns = count(_SECOND // rate, _SECOND // rate)
    return [
        Turn(next(due_ns), subscriber, frame, number)
        for frame, number in zip(subscriber.frames(made), made.numbers, strict=True)
    ]


async def _sent(turns: Iterable[Turn]) -> list[tuple[int, int]]:
    """Send each when it is due; when those with a number went."""
    start_ns, sent = time.monotonic_ns(), []
    for turn in turns:
        await asyncio.sleep(0)  # answer what has come; asyncio's own timer is too coarse for the rest
        while (left_ns := start_ns + turn.due_ns - time.monotonic_ns()) > 0:
            time.sleep(min(left_ns, _DOZE_NS) / _SECOND)  # noqa: ASYNC251
            await asyncio.sleep(0)
        if turn.number is not None:
            sent.append((turn.number, time.monotonic_ns()))
        turn.subscriber.writer.write(turn.data)
    return sent


class Server:
    """The connections, and who subscribed."""

    def __init__(self) -> None:
        self.subscribers: list[Subscriber] = []
        self.subscribed = asyncio.Event()
        self.asked = Counter[str]()
        self._sent = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP requests, until one of them asks for a WebSocket, and then its frames."""
        try:
            while True:
                asked = await reader.readuntil(b"\r\n\r\n")
                request, *lines = asked.decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                if "sec-websocket-key" in fields:
                    writer.write(_switched(fields["sec-websocket-key"]))
                    path = request.split(" ")[1]
                    if path.startswith("/ws/") and path != "/ws/":
                        self._subscribe(Subscriber(writer, "bare"))
                    await self._frames(reader, writer)
                    return
                await reader.readexactly(int(fields.get("content-length", "0")))
                target = request.split(" ")[1]
                self.asked[target.partition("?")[0]] += 1
                status, body = answer(target)
                head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channels = set[str]()
        while True:
            opcode, payload = await _frame(reader)
            if opcode == _PING:
                writer.write(framed(payload, _PONG))
            elif opcode == _CLOSE:
                writer.write(framed(payload, _CLOSE))
                return
            elif opcode == _TEXT:
                request = json.loads(payload)
                if (answer_to := said(request)) is not None:
                    writer.write(framed(json.dumps(answer_to).encode()))
                if request.get("method", "").startswith("userDataStream.subscribe"):
                    self._subscribe(Subscriber(writer, "wrapped"))
                if request.get("op") == "subscribe" and not channels >= _PRIVATE:
                    channels.add(request["channel"])
                    if channels >= _PRIVATE:
                        self._subscribe(Subscriber(writer, "ftx"))

    def _subscribe(self, subscriber: Subscriber) -> None:
        self.subscribers.append(subscriber)
        self.subscribed.set()

    async def blast(self, messages: int) -> dict[str, object]:
        """Send so many reports; how many of them tell an execution, and how many an order."""
        made = [self._made(each, messages // len(self.subscribers)) for each in self.subscribers]
        answer_to = _told(made)
        framed_for = [subscriber.frames(each) for subscriber, each in zip(self.subscribers, made, strict=True)]
        at_once = max(1, _AT_ONCE // len(self.subscribers))
        for start in range(0, len(framed_for[0]), at_once):
            for subscriber, frames in zip(self.subscribers, framed_for, strict=True):
                await subscriber.send(frames[start : start + at_once])
        return answer_to

    async def pace(self, messages: int, rate: int) -> dict[str, object]:
        """Send so many reports at this rate; the same, and when each report went, by its number."""
        subscriber = self.subscribers[-1]
        made = self._made(subscriber, messages)
        answer_to = _told([made])
        return {**answer_to, "sent": await _sent(_paced(subscriber, made, rate))}

    async def fair(self, messages: int, rate: int, flood: int) -> dict[str, object]:
        """The same to one account, while another one is flooded (or hears of one order, if there is no flood).

        Nobody waits for the flooded account to read: what its socket does not take is sent when it does.
        """
        quiet, flooded = self.subscribers[:2]
        made, more = self._made(quiet, messages), self._made(flooded, max(1, flood * messages // rate))
        answer_to = _told([made, more])
        burst, frames = max(1, flood * _APART_NS // _SECOND), flooded.frames(more)
        turns = [
            Turn(number * _APART_NS, flooded, b"".join(frames[start : start + burst]))
            for number, start in enumerate(range(0, len(frames), burst))
        ]
        sent = await _sent(sorted([*_paced(quiet, made, rate), *turns], key=lambda turn: turn.due_ns))
        return {**answer_to, "sent": sent, "flood": more.numbers}

    def _made(self, subscriber: Subscriber, messages: int) -> Blast:
        made = subscriber.made(messages, self._sent, time.time_ns() // 1_000_000)
        self._sent += messages + 1
        return made


def _told(blasts: Iterable[Blast]) -> dict[str, object]:
    """How many tell an execution, how many an order, and what is to be told of each order."""
    trades, orders, told = 0, 0, Told()
    for made in blasts:
        trades += made.trades
        orders += made.orders
        told.states += made.told.states
        told.executions += made.told.executions
    return {"trades": trades, "orders": orders, "told": told.digest()}


def _switched(key: str) -> bytes:
    proof = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One short, masked frame of a client."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    masked = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))


async def main(certificate: str | None = None) -> None:
    """Serve until standard input ends."""
    server, tls = Server(), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    listener = await asyncio.start_server(server.connection, "127.0.0.1", 0, ssl=tls, backlog=1_024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command, *numbers = line.split()
        if command == "asked":
            print(json.dumps(server.asked), flush=True)
            continue
        commands: dict[str, Command] = {"blast": server.blast, "pace": server.pace, "fair": server.fair}
        await server.subscribed.wait()  # not every client tells when it has
        print(json.dumps(await commands[command](*map(int, numbers))), flush=True)


if __name__ == "__main__":
    pin(SERVER_CORE)
    asyncio.run(main(*sys.argv[1:]))
