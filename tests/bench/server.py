"""A neutral Binance spot for one client at a time: canned REST answers, one subscription, blasts on command.

Nothing but the standard library, so that no contestant meets code of its own.  A blast is made and framed before its
first byte is sent.  Run as `python -m tests.bench.server`: prints its port, then reads commands, one a line:
`blast MESSAGES` sends so many reports to whoever subscribed last and prints how many of them are executions.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
import time
from typing import Final

from tests.bench.answers import answer
from tests.bench.contestants.meter import SERVER_CORE, pin
from tests.bench.reports import blast

_CHUNK: Final = 1 << 18
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA


def framed(payload: bytes, opcode: int = _TEXT) -> bytes:
    """One whole, unmasked frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    assert size < 1 << 16
    return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload


class Server:
    """The connections; `subscriber` is where a blast goes."""

    def __init__(self) -> None:
        self.subscriber: asyncio.StreamWriter | None = None
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
                    await self._frames(reader, writer)
                    return
                await reader.readexactly(int(fields.get("content-length", "0")))
                status, body = answer(request.split(" ")[1])
                head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            opcode, payload = await _frame(reader)
            if opcode == _PING:
                writer.write(framed(payload, _PONG))
            elif opcode == _CLOSE:
                writer.write(framed(payload, _CLOSE))
                return
            elif opcode == _TEXT:
                request = json.loads(payload)
                writer.write(framed(_accepted(request["id"])))
                if request["method"].startswith("userDataStream.subscribe"):
                    self.subscriber = writer

    async def blast(self, messages: int) -> int:
        """Send so many reports; the number of executions among them."""
        made = blast(messages, self._sent, time.time_ns() // 1_000_000)
        self._sent += messages + 1
        data = b"".join(framed(frame.encode()) for frame in made.frames)
        assert self.subscriber is not None
        for start in range(0, len(data), _CHUNK):
            self.subscriber.write(data[start : start + _CHUNK])
            await self.subscriber.drain()
        return made.trades


def _switched(key: str) -> bytes:
    proof = base64.b64encode(hashlib.sha1(key.encode() + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n"
    )


def _accepted(tag: object) -> bytes:
    return json.dumps({"id": tag, "status": 200, "result": {"subscriptionId": 0}, "rateLimits": []}).encode()


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One short, masked frame of a client."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    masked = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked))


async def main() -> None:
    """Serve until standard input ends."""
    server = Server()
    listener = await asyncio.start_server(server.connection, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await server.blast(int(line.removeprefix("blast "))), flush=True)


if __name__ == "__main__":
    pin(SERVER_CORE)
    asyncio.run(main())
