"""The bytes of one TCP connection: the tap through which all of them go, and the frames of a WebSocket on it.

Part of the shell: it moves bytes and makes the faults of the wire, and knows no venue and no route.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence

import trio
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.events import Ping as PingFrame
from wsproto.events import Pong as PongFrame

from mockserver.faces.base import Binary, Close, Out, Ping, Text
from mockserver.link import Link

MAX_MESSAGE = 1 << 20
"""Bytes of one message from the client (no venue takes a tenth of it), and of replies that it does not read."""
BATCH = 512
"""Frames written at once; enough to make a burst cheap, little enough to stop soon when the connection is cut."""


class Tap:
    """Every byte of one TCP connection, and the ``Transport`` of its link. The faults of the wire are made here."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.scope = trio.CancelScope()
        self._reset = False
        self._cut: int | None = None
        self._free = trio.Event()
        self._free.set()
        self._woken = trio.Event()
        self._stirred = trio.Event()
        self.busy = False
        """Whether frames that were taken are not yet written."""
        self._replies = bytearray()

    async def receive(self) -> bytes:
        """Some bytes, or b"" at the end."""
        data = await self.stream.receive_some()
        await self._free.wait()  # what came while half-open stays unheard until it is released
        return bytes(data)

    async def send(self, data: bytes) -> None:
        """Send all of it, or as much as a planned cut allows."""
        await self._free.wait()
        if self._cut is None:
            await self.stream.send_all(data)
            return
        part, self._cut = data[: self._cut], max(0, self._cut - len(data))
        await self.stream.send_all(part)
        if self._cut == 0:
            self.reset()

    async def woken(self) -> None:
        """Wait until there may be something to send."""
        await self._woken.wait()
        self._woken = trio.Event()

    async def stirred(self) -> None:
        """Wait until something was written, or heard."""
        await self._stirred.wait()

    def stir(self) -> None:
        """Something was written, or heard."""
        self._stirred.set()
        self._stirred = trio.Event()

    def replies(self) -> bytes:
        """The frames that go out before the next batch: pongs, answers to a close."""
        taken, self._replies = bytes(self._replies), bytearray()
        return taken

    def reply(self, frame: bytes) -> None:
        """Send these bytes before the next batch; one writer keeps frames whole."""
        if len(self._replies) > MAX_MESSAGE:
            self.reset()  # it pings without reading
            return
        self._replies += frame
        self.wake()

    async def end(self) -> None:
        """Close the TCP connection, by RST if that was asked."""
        if self._reset and isinstance(self.stream, trio.SocketStream):
            self.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self.stream)

    def wake(self) -> None:
        """See ``Transport``."""
        self._woken.set()

    def drop(self) -> None:
        """See ``Transport``."""
        self.scope.cancel()

    def reset(self) -> None:
        """See ``Transport``."""
        self._reset = True
        self.scope.cancel()

    def cut_after(self, count: int) -> None:
        """See ``Transport``."""
        self._cut = count

    def hold(self, held: bool) -> None:
        """See ``Transport``."""
        if not held:
            self._free.set()
        elif self._free.is_set():
            self._free = trio.Event()


async def write_frames(websocket: WSConnection, link: Link, tap: Tap) -> None:
    """Send replies and frames, batch by batch, until one side has closed."""
    while True:
        await tap.woken()
        data = tap.replies()
        if websocket.state is ConnectionState.OPEN:
            data += _encode(websocket, link.take(BATCH))
        if data:
            tap.busy = True
            await tap.send(data)
            tap.busy = False
            tap.stir()
        if websocket.state is not ConnectionState.OPEN:
            if rest := tap.replies():  # the answer to a close that came while we were sending
                await tap.send(rest)
            return
        if link.backlog:
            tap.wake()


def _encode(websocket: WSConnection, outs: Sequence[Out]) -> bytes:
    frames = bytearray()
    for out in outs:
        match out:
            case Text(text):
                frames += websocket.send(TextMessage(text))
            case Binary(data):
                frames += websocket.send(BytesMessage(data))
            case Ping(payload):
                frames += websocket.send(PingFrame(payload))
            case Close(code, reason):
                frames += websocket.send(CloseConnection(code, reason or None))
                break
    return bytes(frames)


class Reader:
    """Hands what the client sends to its link."""

    def __init__(self, websocket: WSConnection, link: Link, tap: Tap, hear: Callable[[str | bytes], None]) -> None:
        self.websocket = websocket
        self.link = link
        self.tap = tap
        self.hear = hear
        self._parts: list[str | bytes | bytearray] = []
        self._size = 0

    async def run(self) -> None:
        """Read until the connection ends; a fault of the client's frames is answered with its close code."""
        while self._hear():
            self.tap.stir()
            data = await self.tap.receive()
            self.websocket.receive_data(data or None)
        self.link.closed()
        self.tap.wake()

    def _hear(self) -> bool:
        """Handle every complete frame; False when no more will come."""
        for event in self.websocket.events():
            match event:
                case TextMessage() | BytesMessage():
                    self._message(event)
                case PingFrame() if self.websocket.state is ConnectionState.OPEN:
                    if self.link.ping(bytes(event.payload)):
                        self.tap.reply(self.websocket.send(event.response()))
                case PongFrame():
                    self.link.pong(bytes(event.payload))
                case CloseConnection():
                    if self.websocket.state is not ConnectionState.OPEN:  # theirs, be it an answer to ours
                        self.link.said_goodbye(event.code, event.reason or "")
                    if self.websocket.state is ConnectionState.REMOTE_CLOSING:
                        self.tap.reply(self.websocket.send(event.response()))
                    elif self.websocket.state is ConnectionState.OPEN:  # wsproto's verdict on a broken frame
                        self.link.close(event.code, event.reason or "")
                    return False
        return True

    def _message(self, event: TextMessage | BytesMessage) -> None:
        self._size += len(event.data)
        if self._size > MAX_MESSAGE:
            self.link.close(1009, "message too big")
            return
        self._parts.append(event.data)
        if event.message_finished:
            texts = [part for part in self._parts if isinstance(part, str)]
            datas = [part for part in self._parts if not isinstance(part, str)]
            frame = "".join(texts) if isinstance(event, TextMessage) else b"".join(datas)
            self._parts, self._size = [], 0
            self.hear(frame)
