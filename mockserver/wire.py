"""The bytes of one TCP connection: the tap through which all of them go, and the frames of a WebSocket on it.

Part of the shell: it moves bytes and makes the faults of the wire, and knows no venue and no route.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

import trio
from wsproto import WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.events import Ping as PingFrame
from wsproto.events import Pong as PongFrame

from mockserver.faces.base import Binary, Close, Fragments, Out, Ping, RawText, Text
from mockserver.faults import FREE, Flow, Wire, flow_of, linger_ns_of
from mockserver.link import Link

MAX_MESSAGE = 1 << 20
"""Bytes of one message from the client (no venue takes a tenth of it), and of replies that it does not read."""
ANSWER_GRACE_SECONDS = 1.0
"""How long an advance of the clock waits for what it made a client send or take, before it goes on without."""
BATCH = 512
"""Frames written at once; enough to make a burst cheap, little enough to stop soon when the connection is cut."""


Waits = Callable[[int], Awaitable[None]]
"""Lets so many nanoseconds pass, by some clock."""


class Bore:
    """One way of a connection's bytes: they go as a ``Flow`` has it, and perhaps no more than so many of them."""

    def __init__(self, flow: Flow = FREE, wait: Waits | None = None) -> None:
        self.flow = flow
        self.left = flow.most
        """How many more may go; None: any number."""
        self._wait = wait

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The data in the pieces in which it goes."""
        size = self.flow.piece or len(data) or 1
        return (data[start : start + size] for start in range(0, len(data), size))

    async def passing(self, count: int) -> None:
        """Wait for as long as so many bytes are on their way."""
        if self._wait is not None and (taken_ns := self.flow.takes_ns(count)):
            await self._wait(taken_ns)

    def spend(self, count: int) -> int:
        """How many of so many bytes may still go; these have gone then."""
        if self.left is None:
            return count
        may = min(count, self.left)
        self.left -= may
        return may


class Tap:
    """Every byte of one TCP connection, and the ``Transport`` of its link. The faults of the wire are made here."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.scope = trio.CancelScope()
        self._reset = False
        self._cut_resets = False
        self._out = Bore()
        self._in = Bore()
        self._linger: Callable[[], Awaitable[None]] | None = None
        self._free = trio.Event()
        self._free.set()
        self._woken = trio.Event()
        self._stirred = trio.Event()
        self.busy = False
        """Whether frames that were taken are not yet written."""
        self._replies = bytearray()

    async def receive(self) -> bytes:
        """Some bytes, or b"" at the end."""
        if self._in.left == 0:
            self.drop()
        data = bytes(await self.stream.receive_some(self._in.flow.piece))
        await self._in.passing(len(data))
        await self._free.wait()  # what came while half-open stays unheard until it is released
        return data[: self._in.spend(len(data))]

    async def send(self, data: bytes) -> None:
        """Send all of it, or as much as a planned cut allows."""
        for piece in self._out.pieces(data):
            await self._out.passing(len(piece))
            await self._free.wait()
            await self.stream.send_all(piece[: self._out.spend(len(piece))])
            if self._out.left == 0:
                self._reset = self._cut_resets
                self.drop()

    async def carry(self, wires: Sequence[Wire], wait: Waits, heard: int) -> None:
        """Let the bytes go as these faults will have it from now on, and those that were heard just now have come so.

        What was heard is a whole request; if that is more than may come, the connection ends here.
        """
        self._out, self._in = (Bore(flow_of(wires, way), wait) for way in ("server", "client"))
        linger_ns = linger_ns_of(wires)
        self._linger = partial(wait, linger_ns) if linger_ns else None
        await self._in.passing(heard)
        if self._in.spend(heard) < heard:
            self.drop()
            await trio.lowlevel.checkpoint()

    def free(self) -> None:
        """Let the bytes go as they do without a fault; TCP may stay after the end all the same."""
        self._out, self._in = Bore(), Bore()

    async def linger(self) -> None:
        """Wait as long as the TCP connection stays after its end."""
        if self._linger is not None:
            await self._linger()

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
        lowest = self.stream
        while (below := getattr(lowest, "transport_stream", None)) is not None:  # TLS, or what was read ahead
            lowest = below
        if self._reset and isinstance(lowest, trio.SocketStream):
            lowest.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
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
        self._out.left, self._cut_resets = count, True

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


async def catch_up(links: Sequence[Link], deaf: set[int]) -> None:
    """Wait until what these connections have to send is written, and their clients have answered pings.

    A client that takes too long is ``deaf``, and not waited for again.
    """
    for link in links:
        if link.id in deaf or not isinstance(link.transport, Tap):
            continue
        with trio.move_on_after(ANSWER_GRACE_SECONDS) as grace:
            while link.transport.busy or link.awaits_pong or (link.backlog and not link.held):
                await link.transport.stirred()
        if grace.cancelled_caught:
            deaf.add(link.id)
    await trio.lowlevel.checkpoint()


def _encode(websocket: WSConnection, outs: Sequence[Out]) -> bytes:
    frames = bytearray()
    for out in outs:
        match out:
            case Text(text):
                frames += websocket.send(TextMessage(text))
            case Binary(data):
                frames += websocket.send(BytesMessage(data))
            case Fragments(parts):
                for number, part in enumerate(parts, 1):
                    frames += websocket.send(TextMessage(part, message_finished=number == len(parts)))
            case RawText(data):
                frames += _text_frame(data)
            case Ping(payload):
                frames += websocket.send(PingFrame(payload))
            case Close(code, reason):
                frames += websocket.send(CloseConnection(code, reason or None))
                break
    return bytes(frames)


def _text_frame(data: bytes) -> bytes:
    """A whole text frame of a server around any bytes; wsproto would insist on text."""
    if len(data) < 126:
        return struct.pack("!BB", 0x81, len(data)) + data
    short = len(data) < 1 << 16
    return struct.pack("!BBH" if short else "!BBQ", 0x81, 126 if short else 127, len(data)) + data


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
