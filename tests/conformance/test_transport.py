"""What every transport must do, whatever library is under it: run against a peer made of nothing but bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import attrs
import pytest
import trio
import trio.testing
import trustme

from exchstream.core.limits import LinkLimits
from exchstream.core.venue import SECOND
from exchstream.errors import ConfigError
from exchstream.shell import fast_transport, frames, shortcut, transport
from exchstream.shell.frames import Frames
from exchstream.shell.places import Place
from exchstream.shell.seam import Batch, DialFailed, LinkLost, LinkOverflow, Transport
from tests.streams import LIMITS, STREAMS

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
URL = "ws://venue.test/ws"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
LATER = b"Retry-After: Sun, 22 Nov 2026 10:02:00 GMT\r\nContent-Length: 0\r\n\r\n"
KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"


@pytest.fixture(params=[transport.connect, fast_transport.connect], ids=["trio-websocket", "websockets"])
def connect(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Each transport there is."""
    return request.param


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One frame as a server sends it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", opcode | fin << 7, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", opcode | fin << 7, 126, size)
    else:
        head = struct.pack("!BBQ", opcode | fin << 7, 127, size)
    return head + payload


@attrs.define(eq=False)
class Peer:
    """The server's end of a stream, byte by byte."""

    stream: trio.abc.Stream
    head: bytes = b""
    _buffer: bytearray = attrs.field(factory=bytearray)

    async def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = await self.stream.receive_some(65536)
            if not data:
                raise EOFError
            self._buffer += data
        taken, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
        return taken

    def put_back(self, data: bytes | bytearray) -> None:
        """What has been read of a frame is read again."""
        self._buffer[:0] = data

    async def request(self) -> None:
        """Read the head of the handshake."""
        while not self.head.endswith(b"\r\n\r\n"):
            self.head += await self.read(1)

    async def accept(self, also: bytes = b"") -> None:
        """Accept the handshake, sending `also` in the same write."""
        await self.request()
        key = self.head.lower().split(b"sec-websocket-key: ")[1].split(b"\r\n")[0]
        at = self.head.lower().index(key)
        digest = hashlib.sha1(self.head[at : at + len(key)] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = base64.b64encode(digest)
        await self.stream.send_all(UPGRADED + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + also)

    async def frame(self) -> tuple[int, bytes]:
        """The next whole frame of the client, unmasked."""
        first, second = await self.read(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", await self.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.read(8))
        assert second & 128, "a client masks its frames"
        mask = await self.read(4)
        payload = await self.read(size)
        return first & 15, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


@asynccontextmanager
async def linked(
    connect: Callable[..., Any],
    *,
    limits: LinkLimits | None = None,
    url: str = URL,
    headers: dict[str, str] | None = None,
    also: bytes = b"",
    pair: Callable[[], tuple[Any, Any]] = trio.testing.memory_stream_pair,
) -> AsyncIterator[tuple[Transport, Peer]]:
    """A transport and its peer, in one loop, past the handshake."""
    ours, theirs = pair()
    peer = Peer(theirs)

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return ours

    accepting = trio.Event()

    async def accept() -> None:
        await peer.accept(also)
        accepting.set()

    nursery_of_peer: trio.Nursery
    async with trio.open_nursery() as nursery_of_peer:
        nursery_of_peer.start_soon(accept)
        async with connect(url, headers, limits=limits, opener=opener) as link:
            await accepting.wait()
            yield link, peer
        nursery_of_peer.cancel_scope.cancel()


async def refused(connect: Callable[..., Any], answer: bytes, url: str = URL, **how: Any) -> DialFailed:
    """How dialling ends when the peer answers the handshake with these bytes and then stays silent."""
    ours, theirs = trio.testing.memory_stream_pair()

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await theirs.send_all(answer)
        return ours

    with pytest.raises(DialFailed) as caught:
        async with connect(url, opener=opener, **how):
            raise AssertionError("it opened")
    return caught.value


async def ending(link: Transport) -> tuple[list[bytes], LinkLost]:
    """All that is received until the link ends, and how it ends."""
    frames: list[bytes] = []
    try:
        while True:
            frames += (await link.receive()).frames
    except LinkLost as lost:
        return frames, lost


# ------------------------------------------------------------------------------------------------- receiving


async def test_a_burst_is_one_batch(connect, autojump_clock) -> None:
    """What arrived together is delivered together, in order."""
    async with linked(connect) as (link, peer):
        await peer.stream.send_all(b"".join(frame(TEXT, b"%d" % i) for i in range(500)))
        await trio.testing.wait_all_tasks_blocked()

        assert (await link.receive()).frames == tuple(b"%d" % i for i in range(500))


async def test_frames_right_behind_the_handshake(connect, autojump_clock) -> None:
    """A venue that speaks in the very packet of the handshake is heard."""
    async with linked(connect, also=frame(TEXT, b"hello")) as (link, _):
        assert (await link.receive()).frames == (b"hello",)


class NoShortCut:
    """All that was read is the protocol's."""

    def __init__(self, longest: int) -> None:
        self._data = b""

    def add(self, data: bytes | bytearray) -> None:
        self._data += data

    def take(self, texts: list[bytes]) -> bytes:
        data, self._data = self._data, b""
        return data


# trio-websocket takes what one read brings of a frame for a piece.
ENOUGH = attrs.evolve(LIMITS, max_pieces=1_000)
Outcome = tuple[list[bytes], list[tuple[int, bytes]], int | None]


async def read_as(connect: Callable[..., Any], first: bytes, *pieces: bytes) -> Outcome:
    """Messages, our answers and the close code; the first piece comes in the packet of the handshake."""
    ends: list[tuple[list[bytes], LinkLost]] = []

    async def read() -> None:
        ends.append(await ending(link))

    async with linked(connect, limits=ENOUGH, also=first) as (link, peer), trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        with suppress(trio.BrokenResourceError):  # it has hung up
            for piece in pieces:
                await peer.stream.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()
        assert isinstance(peer.stream, trio.abc.HalfCloseableStream)
        await peer.stream.send_eof()
    answers = []
    with suppress(EOFError):
        while True:
            answers.append(await peer.frame())
    ((messages, lost),) = ends
    return messages, answers, lost.code


@pytest.mark.parametrize(("name", "long"), [*((name, shortcut.LONG) for name in STREAMS), ("texts", 100)])
async def test_what_is_read_in_pieces(connect, autojump_clock, monkeypatch, name: str, long: int) -> None:
    """Cut at every place, the short cut leads to what the library's protocol alone makes of byte after byte."""
    data = STREAMS[name]
    monkeypatch.setattr(shortcut, "LONG", long)
    with monkeypatch.context() as patched:
        for module in (transport, frames):
            patched.setattr(module, "ShortCut", NoShortCut)
        alone = await read_as(connect, b"", *(data[at : at + 1] for at in range(len(data))))
    messages = Frames(ENOUGH, short_cut=False).feed(data)
    if connect is transport.connect and name == "longer lengths than needed":
        assert alone == ([], [], 1002)  # wsproto alone is so strict
        alone = (messages, [], 1006)
    for cut in range(len(data) + 1):
        assert await read_as(connect, data[:cut], data[cut:]) == alone, cut
    assert alone[0] == messages  # on which both libraries agree


async def test_control_frames_are_heard(connect, autojump_clock) -> None:
    """A ping and a pong bring an empty batch that says when they came."""
    async with linked(connect) as (link, peer):
        for control in (PING, PONG):
            await trio.sleep(10)
            await peer.stream.send_all(frame(control, b"x"))
            sent_ns = round(trio.current_time() * SECOND)
            await trio.sleep(5)

            assert await link.receive() == Batch((), sent_ns)


async def test_the_newest_ping_that_was_answered_is_known(connect, autojump_clock) -> None:
    """A batch says when it was sent; a pong of somebody else's making says nothing."""
    async with linked(connect) as (link, peer):
        await trio.sleep(3)
        await link.ping()
        opcode, payload = await peer.frame()
        assert (opcode, (await told(link, peer, b"hello")).answered_ns) == (PING, 0)
        await trio.sleep(1)
        asked_ns = round(trio.current_time() * 10**9) - 10**9
        known = [(await told(link, peer, pong)).answered_ns for pong in (b"", b"x" * 9, b"9" * 19, payload, b"0")]
        assert [0, 0, 0, asked_ns, asked_ns] == known


async def told(link, peer, pong: bytes):
    """What the link says once this pong has come."""
    await peer.stream.send_all(frame(PONG, pong))
    return await link.receive()


async def test_pong_copies_the_payload(connect, autojump_clock) -> None:
    """Binance demands the ping's own payload in the pong, also while nobody receives."""
    async with linked(connect) as (_, peer):
        await peer.stream.send_all(frame(TEXT, b"unread") * 1000 + frame(PING, b"1755555555555"))

        assert await peer.frame() == (PONG, b"1755555555555")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (frame(TEXT, "Zürich €".encode()), "Zürich €".encode()),
        (frame(BINARY, b"\x00\xff"), b"\x00\xff"),
        (frame(TEXT), b""),
        (frame(TEXT, b"a" * 70_000), b"a" * 70_000),
        (frame(TEXT, b"one ", fin=False) + frame(PING) + frame(0, b"two ", fin=False) + frame(0, b"3"), b"one two 3"),
        (frame(TEXT, b"\xe2", fin=False) + frame(0, b"\x82\xac"), "€".encode()),
        (frame(BINARY, b"\x01", fin=False) + frame(0, fin=False) + frame(0, b"\x02"), b"\x01\x02"),
    ],
)
async def test_messages(connect, autojump_clock, sent: bytes, expected: bytes) -> None:
    """They are bytes, as they came; fragments are one message, however the bytes are cut."""
    async with linked(connect) as (link, peer):
        for step in (1, 7, len(sent)):
            if len(sent) > 1000 and step < 1000:
                continue
            for i in range(0, len(sent), step):
                await peer.stream.send_all(sent[i : i + step])
            frames: tuple[bytes, ...] = ()
            while not frames:
                frames = (await link.receive()).frames

            assert frames == (expected,)


async def test_cancelled_receive_loses_nothing(connect, autojump_clock) -> None:
    """A thousand waits with a time limit, most of them too short."""
    chance = random.Random(7)
    told: list[bytes] = []
    async with linked(connect) as (link, peer), trio.open_nursery() as nursery:

        async def send() -> None:
            for i in range(1000):
                await peer.stream.send_all(frame(TEXT, b"%d" % i))
                await trio.sleep(chance.choice([0, 0.001, 0.01]))

        nursery.start_soon(send)
        for _ in range(1000):
            with trio.move_on_after(chance.choice([0, 0.001, 0.005, 0.02])):
                told += (await link.receive()).frames
        while len(told) < 1000:
            told += (await link.receive()).frames

    assert told == [b"%d" % i for i in range(1000)]


# ---------------------------------------------------------------------------------------------------- sending


async def test_send(connect, autojump_clock) -> None:
    """Text goes out as one masked text frame, a ping as a ping, and neither waits for an answer."""
    async with linked(connect) as (link, peer):
        await link.send('{"op":"ping"}')
        await link.ping()
        await link.ping()

        assert [await peer.frame() for _ in range(3)] == [(TEXT, b'{"op":"ping"}'), (PING, b"0"), (PING, b"0")]


@pytest.mark.parametrize("taken", [0, 1, 3, 100])
async def test_cancelled_send_leaves_no_half_frame(connect, autojump_clock, taken: int) -> None:
    """Either the peer has the frame whole, or the connection ends and nothing follows the half."""
    async with linked(connect, pair=trio.testing.lockstep_stream_pair) as (link, peer):
        with trio.move_on_after(1) as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(link.send, "x" * 200)
                if taken:
                    await peer.stream.receive_some(taken)

        assert scope.cancelled_caught
        with pytest.raises(LinkLost):
            await link.send("y")
        with pytest.raises(LinkLost):
            await link.receive()


async def test_send_that_is_cancelled_before_it_begins(connect, autojump_clock) -> None:
    """Nothing was written, so the connection lives."""
    async with linked(connect) as (link, peer):
        with trio.move_on_after(0) as scope:
            await link.send("never")
        await link.send("later")

        assert scope.cancelled_caught
        assert await peer.frame() == (TEXT, b"later")


async def test_cancelled_send_on_a_socket(connect) -> None:
    """The same with the kernel's buffers: after the half comes the end, not the next frame."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        got = bytearray()
        ended = trio.Event()
        cancelled = trio.Event()

        async def serve() -> None:
            stream = await listener.accept()
            peer = Peer(stream)
            await peer.accept()
            await cancelled.wait()
            try:
                while data := await stream.receive_some(1 << 20):
                    got.extend(data)
            except trio.BrokenResourceError:
                pass
            await stream.aclose()
            ended.set()

        nursery.start_soon(serve)
        async with connect(f"ws://127.0.0.1:{port(listener)}/") as link:
            async with trio.open_nursery() as sending:
                sending.start_soon(link.send, "x" * 16_000_000)
                await trio.testing.wait_all_tasks_blocked(0.05)
                sending.cancel_scope.cancel()
            cancelled.set()
            with pytest.raises(LinkLost):
                await link.send("after")
            await ended.wait()
        await listener.aclose()

    assert 0 < len(got) < 16_000_000


async def test_peer_that_takes_no_bytes(connect, autojump_clock) -> None:
    """A send ends the link when its time is up."""
    limits = LinkLimits(send_ns=3 * SECOND)
    async with linked(connect, limits=limits, pair=trio.testing.lockstep_stream_pair) as (link, _):
        start = trio.current_time()
        with pytest.raises(LinkLost):
            await link.send("x")

        assert trio.current_time() - start == pytest.approx(3)
        with pytest.raises(LinkLost):
            await link.ping()


# ------------------------------------------------------------------------------------------------ how it ends


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        (struct.pack("!H", 1000), 1000, ""),
        (struct.pack("!H", 1001) + b"going away", 1001, "going away"),
        (struct.pack("!H", 1008) + b"Pong timeout", 1008, "Pong timeout"),
        (struct.pack("!H", 1012), 1012, ""),
        (struct.pack("!H", 4000) + b"own", 4000, "own"),
        (b"", 1005, ""),
    ],
)
async def test_close_codes(connect, autojump_clock, payload: bytes, code: int, words: str) -> None:
    """The code and the reason are told after what came before them, and the close is answered."""
    async with linked(connect) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"last") + frame(CLOSE, payload))

        frames, lost = await ending(link)
        assert frames == [b"last"]
        assert lost.code == code
        assert words in lost.why
        assert (await peer.frame())[0] == CLOSE
        with pytest.raises(LinkLost):
            await link.send("too late")


async def test_abnormal_end(connect, autojump_clock) -> None:
    """TCP ends in the middle of a frame: what was whole is delivered, the rest is not, and the code is 1006."""
    async with linked(connect) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"whole") + frame(TEXT, b"half of this")[:7])
        await peer.stream.aclose()

        frames, lost = await ending(link)
        assert (frames, lost.code) == ([b"whole"], 1006)
        assert [(await ending(link))[1].code for _ in range(2)] == [1006, 1006]


@pytest.mark.parametrize("text", [b"x" * 10_000_000, b"x" * (8 * 1024 * 1024 + 1), "é".encode() * (5 << 20)])
async def test_huge_message(connect, autojump_clock, text: bytes) -> None:
    """A message over the bound (in bytes, not letters) ends the link with 1009; an earlier one is not lost with it."""
    async with linked(connect) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"before") + frame(TEXT, text) + frame(TEXT, b"behind"))

        frames, lost = await ending(link)
        assert (frames, lost.code) == ([b"before"], 1009)
        assert "8388608 bytes" in lost.why
        opcode, payload = await peer.frame()
        assert (opcode, payload[:2]) == (CLOSE, struct.pack("!H", 1009))


@pytest.mark.parametrize("size", [1, 1024])
async def test_largest_message(connect, autojump_clock, size: int) -> None:
    """The bound itself is allowed."""
    async with linked(connect, limits=LinkLimits(max_message=1024)) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"x" * size))

        assert (await link.receive()).frames == (b"x" * size,)


async def test_too_many_pieces(connect, autojump_clock) -> None:
    """A message in endless fragments ends the link before it fills memory; empty fragments do not count."""
    async with linked(connect, limits=LinkLimits(max_pieces=10)) as (link, peer):
        await peer.stream.send_all(frame(TEXT, fin=False) + frame(0, fin=False) * 50 + frame(0, b"fine"))
        await peer.stream.send_all(frame(TEXT, b"x", fin=False) + frame(0, b"x", fin=False) * 50)

        frames, lost = await ending(link)
        assert (frames, lost.code) == ([b"fine"], 1009)


@pytest.mark.parametrize("limits", [LinkLimits(max_backlog=100), LinkLimits(max_backlog_size=500)])
async def test_slow_consumer(connect, autojump_clock, limits: LinkLimits) -> None:
    """Passing the bound ends the link aloud; what was taken up to there is delivered first, in order."""
    async with linked(connect, limits=limits) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"12345") * 1000)
        await trio.sleep(5)

        frames, lost = await ending(link)
        assert frames == [b"12345"] * 100
        assert isinstance(lost, LinkOverflow)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x83\x00",  # a reserved opcode
        b"\xf1\x01x",  # reserved bits without an extension
        frame(TEXT, b"\xff\xfe"),  # no UTF-8
        frame(CLOSE, b"\x03"),  # half a code
        frame(CLOSE, struct.pack("!H", 1006)),  # a code that may not be sent
        frame(0, b"continues nothing"),
        frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
        frame(PING, b"x" * 126),  # too long for a control frame
        frame(PING, fin=False),
        b"\x81\x81mask\x00",  # a masked frame from a server
    ],
)
async def test_broken_frames(connect, autojump_clock, garbage: bytes) -> None:
    """A peer that breaks the protocol ends the link after what was whole, and nothing else is raised."""
    async with linked(connect) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"fine") + garbage + frame(TEXT, b"behind"))

        frames, lost = await ending(link)
        assert frames == [b"fine"]
        assert "does not speak the WebSocket protocol" in lost.why


async def test_random_bytes_never_crash(connect, autojump_clock) -> None:
    """Whatever the peer sends, a link gives messages or ends with LinkLost."""
    chance = random.Random(11)
    for _ in range(100):
        async with linked(connect, limits=LinkLimits(max_message=1000)) as (link, peer):
            await peer.stream.send_all(chance.randbytes(chance.randint(1, 300)))
            await trio.testing.wait_all_tasks_blocked()
            await peer.stream.aclose()
            await ending(link)


async def test_close_here(connect, autojump_clock) -> None:
    """The peer is told, a waiting receive ends, nothing is heard afterwards, and closing twice is fine."""
    async with linked(connect) as (link, peer), trio.open_nursery() as nursery:
        ends: list[LinkLost] = []

        async def wait() -> None:
            ends.append((await ending(link))[1])

        async def answer() -> None:
            assert await peer.frame() == (CLOSE, struct.pack("!H", 1000))
            await peer.stream.send_all(frame(TEXT, b"unheard") + frame(PING, b"p") + frame(CLOSE, b"\x03\xe8"))

        nursery.start_soon(wait)
        nursery.start_soon(answer)
        await trio.testing.wait_all_tasks_blocked()
        await link.close()
        await link.close()

        frames, lost = await ending(link)
        assert (frames, lost.why) == ([], "closed by this side")
    assert [end.why for end in ends] == ["closed by this side"]


LAST = frame(CLOSE, b"\x03\xe8")


@pytest.mark.parametrize(
    "answer",
    [
        [LAST],
        [frame(PING, b"p") + LAST],
        [frame(PING, b"p"), LAST],
        [frame(PING, b"p")[:1], frame(PING, b"p")[1:], frame(TEXT, b"unheard") + frame(PING) * 3, LAST],
        [frame(PONG, b"p"), frame(PING, b"p"), LAST],
    ],
)
async def test_a_ping_while_closing(connect, autojump_clock, answer: list[bytes]) -> None:
    """A peer that pings before it has seen our close frame gets no pong, and closing ends when its own close comes."""
    async with linked(connect, limits=LinkLimits(close_ns=60 * SECOND)) as (link, peer), trio.open_nursery() as nursery:
        got: list[tuple[int, bytes]] = []

        async def reply() -> None:
            got.append(await peer.frame())
            for data in answer:
                await peer.stream.send_all(data)
                await trio.testing.wait_all_tasks_blocked()

        await link.ping()
        assert await peer.frame() == (PING, b"0")
        nursery.start_soon(reply)
        start = trio.current_time()
        await link.close()

        assert (got, trio.current_time() - start) == ([(CLOSE, struct.pack("!H", 1000))], 0)
        with pytest.raises(EOFError):
            await peer.frame()


async def test_closing_while_a_ping_is_under_way(connect, autojump_clock) -> None:
    """A ping that has begun goes out whole before the close frame, and closing waits for no pong."""
    limits, pair = LinkLimits(close_ns=60 * SECOND), trio.testing.lockstep_stream_pair
    async with linked(connect, limits=limits, pair=pair) as (link, peer), trio.open_nursery() as nursery:
        nursery.start_soon(link.ping)
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        nursery.start_soon(link.close)
        await trio.testing.wait_all_tasks_blocked()
        frames = [await peer.frame(), await peer.frame()]
        await peer.stream.send_all(frame(PONG) + LAST)
        with pytest.raises(EOFError):
            await peer.frame()

    assert frames == [(PING, b"0"), (CLOSE, struct.pack("!H", 1000))]
    assert trio.current_time() == start


@pytest.mark.parametrize("pinging", ["we ping", "the peer pings"])
async def test_closing_while_a_ping_cannot_get_out(connect, autojump_clock, pinging: str) -> None:
    """A peer that takes no bytes holds up a ping or a pong, and closing no longer than its own limit."""
    limits, pair = LinkLimits(close_ns=2 * SECOND, send_ns=60 * SECOND), trio.testing.lockstep_stream_pair
    ends: list[LinkLost] = []

    async def ping() -> None:
        try:
            await link.ping()
        except LinkLost as lost:
            ends.append(lost)

    async with linked(connect, limits=limits, pair=pair) as (link, peer), trio.open_nursery() as nursery:
        if pinging == "we ping":
            nursery.start_soon(ping)
        else:
            await peer.stream.send_all(frame(PING, b"p"))
        await trio.testing.wait_all_tasks_blocked()
        start = trio.current_time()
        await link.close()
        took = trio.current_time() - start

    assert took == pytest.approx(2)
    assert [end.why for end in ends] == ["closed by this side"] * (pinging == "we ping")


async def test_half_open_peer(connect, autojump_clock) -> None:
    """A peer that is gone without a word: pings go out, receive waits, and closing takes no longer than its limit."""
    async with linked(connect, limits=LinkLimits(close_ns=2 * SECOND)) as (link, _):
        for _ in range(10):
            await link.ping()
        with trio.move_on_after(3600) as scope:
            await link.receive()
        start = trio.current_time()
        await link.close()

        assert scope.cancelled_caught
        assert trio.current_time() - start == pytest.approx(2)


# ------------------------------------------------------------------------------------------------ the block


async def test_the_blocks_exception_is_itself(connect, autojump_clock) -> None:
    """Neither wrapped nor stripped of its cause."""
    cause = KeyError("cause")
    with pytest.raises(ValueError, match="mine") as caught:
        async with connect_only(connect):
            raise ValueError("mine") from cause

    assert caught.value.__cause__ is cause


async def test_the_blocks_group_is_itself(connect, autojump_clock) -> None:
    """A group that the block raises keeps its members."""
    with pytest.RaisesGroup(ValueError, KeyError, match="mine"):
        async with connect_only(connect):
            raise ExceptionGroup("mine", [ValueError("1"), KeyError("2")])


async def test_cancelled_block(connect, autojump_clock) -> None:
    """A time limit round the block ends it, closing politely on the way."""
    ours, theirs = trio.testing.memory_stream_pair()
    peer = Peer(theirs)

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return ours

    with trio.move_on_after(60) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.accept)
            async with connect(URL, opener=opener) as link:
                await link.receive()

    assert scope.cancelled_caught
    assert await peer.frame() == (CLOSE, struct.pack("!H", 1000))


@asynccontextmanager
async def connect_only(connect: Callable[..., Any]) -> AsyncIterator[Transport]:
    """A link whose peer has already accepted: no nursery of the test round it."""
    ours, theirs = trio.testing.memory_stream_pair()

    class Accepting(trio.abc.Stream):
        """The client's end; its peer answers within the first write."""

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            await ours.send_all(data)
            if bytes(data[:3]) == b"GET":
                await Peer(theirs).accept()

        async def wait_send_all_might_not_block(self) -> None:
            await trio.lowlevel.checkpoint()

        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            return await ours.receive_some(max_bytes)

        async def aclose(self) -> None:
            await ours.aclose()

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return Accepting()

    async with connect(URL, opener=opener) as link:
        yield link


# ------------------------------------------------------------------------------------------------ the handshake


async def test_request_as_given(connect, autojump_clock) -> None:
    """Path, query and headers go out byte for byte; the Host header names the port that is not the default."""
    url = "ws://venue.test:9443/private/ws?listenKey=a%2Fb%20c&events=X/Y"
    async with linked(connect, url=url, headers={"X-MBX-APIKEY": "k"}) as (_, peer):
        lines = peer.head.split(b"\r\n")

        assert lines[0] == b"GET /private/ws?listenKey=a%2Fb%20c&events=X/Y HTTP/1.1"
        assert {b"host: venue.test:9443", b"x-mbx-apikey: k"} <= {line.lower() for line in lines}


@pytest.mark.parametrize(
    ("answer", "status", "retry_after_ns", "head"),
    [
        (b"401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 401, None, ""),
        (b"403 Forbidden\r\nContent-Length: 4\r\n\r\nwaf!", 403, None, "waf!"),
        (b"410 Gone\r\nContent-Length: 13\r\n\r\n<html></html>", 410, None, "<html></html>"),
        (b"418 Teapot\r\nRetry-After: 259200\r\nContent-Length: 0\r\n\r\n", 418, 259_200 * SECOND, ""),
        (b"429 Slow Down\r\nRetry-After: 30\r\nContent-Length: 2\r\n\r\n{}", 429, 30 * SECOND, "{}"),
        (
            b"503 Unavailable\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n%s" % LATER,
            503,
            120 * SECOND,
            "",
        ),
        (b"429 Slow Down\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", 429, None, ""),
        (b"200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, None, "hello"),
        (b"302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, None, ""),
        (b"500 Oops\r\n\r\nnever ends", 500, None, "never ends"),
        (b"500 Oops\r\nContent-Length: 9999999\r\n\r\n" + b"y" * 100_000, 500, None, "y" * 500),
    ],
)
async def test_refused_handshake(
    connect, autojump_clock, answer: bytes, status: int, retry_after_ns: int | None, head: str
) -> None:
    """The status, the time to stay away and the beginning of the page are told, even of a page that never ends."""
    failed = await refused(connect, b"HTTP/1.1 " + answer)

    assert (failed.status, failed.retry_after_ns, failed.body_head) == (status, retry_after_ns, head)
    assert f"HTTP {status}" in failed.why


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 101",
        b"hello, who is there?\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        UPGRADED + b"Sec-WebSocket-Accept: d3Jvbmc=\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: pear\r\n\r\n",
        b"X" * 200_000,
    ],
)
async def test_broken_handshake(connect, autojump_clock, answer: bytes) -> None:
    """No WebSocket server, or no answer at all, is DialFailed within the time for opening."""
    start = trio.current_time()
    failed = await refused(connect, answer, limits=LinkLimits(open_ns=5 * SECOND))

    assert failed.status is None
    assert "ws://venue.test" in failed.why
    assert trio.current_time() - start <= 5 + 1


async def test_handshake_cut_short(connect, autojump_clock) -> None:
    """A peer that hangs up is DialFailed at once."""
    ours, theirs = trio.testing.memory_stream_pair()
    await theirs.aclose()

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return ours

    with pytest.raises(DialFailed, match="the connection broke"):
        async with connect(URL, opener=opener):
            pass


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("all attempts failed"), "all attempts failed"),
        (trio.BrokenResourceError("tls"), "tls"),
        (UnicodeError("label too long"), "label too long"),
        (TimeoutError(), "TimeoutError"),
    ],
)
async def test_no_connection(connect, trouble: Exception, words: str) -> None:
    """DNS, TCP and TLS failures say in words what failed and where."""

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        raise trouble

    with pytest.raises(DialFailed, match=words):
        async with connect(URL, opener=opener):
            pass


async def test_no_connection_in_time(connect, autojump_clock) -> None:
    """A dial that hangs ends with the time for opening."""

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.sleep_forever()

    with pytest.raises(DialFailed, match="in time"):
        async with connect(URL, opener=opener):
            pass


# ---------------------------------------------------------------------------------------------------- sockets


def port(listener: trio.SocketListener) -> int:
    number = listener.socket.getsockname()[1]
    assert isinstance(number, int)
    return number


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@asynccontextmanager
async def server(handle: Callable[[trio.SocketStream], Any]) -> AsyncIterator[int]:
    """A server on loopback; yields its port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handle, 0, host="127.0.0.1"))
        yield port(listeners[0])
        nursery.cancel_scope.cancel()


async def test_no_descriptor_is_left(connect) -> None:
    """After resets, refusals, hang-ups and clean closes, every descriptor is closed without the garbage collector."""
    turns = iter(range(100))

    async def handle(stream: trio.SocketStream) -> None:
        peer = Peer(stream)
        turn = next(turns) % 4
        if turn == 0:
            await peer.accept()
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif turn == 1:
            await peer.request()
            await stream.send_all(b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n")
        elif turn == 2:
            await peer.accept(frame(TEXT, b"x"))
        else:
            await peer.accept(frame(CLOSE, b"\x03\xe8"))
            await peer.frame()
        await stream.aclose()

    async with server(handle) as number:
        before = descriptors()
        for _ in range(20):
            try:
                async with connect(f"ws://127.0.0.1:{number}/") as link:
                    await ending(link)
            except DialFailed:
                pass
        await trio.testing.wait_all_tasks_blocked()

        assert descriptors() == before


async def test_refused_port(connect) -> None:
    """Nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
    with pytest.raises(DialFailed, match=rf"cannot connect to ws://127.0.0.1:{number}: .*refused"):
        async with connect(f"ws://127.0.0.1:{number}/ws/{KEY}"):
            pass


async def test_tls(connect) -> None:
    """wss:// speaks TLS, checks the certificate, and says what is wrong with it."""
    authority = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def handle(stream: trio.SocketStream) -> None:
        tls = trio.SSLStream(stream, theirs, server_side=True, https_compatible=True)
        try:
            peer = Peer(tls)
            await peer.accept(frame(TEXT, b"secret") * 3)
            await peer.frame()
        except (trio.BrokenResourceError, EOFError):
            pass
        finally:
            await trio.aclose_forcefully(tls)

    async with server(handle) as number:
        before = descriptors()
        async with connect(f"wss://127.0.0.1:{number}/", ssl_context=trusting) as link:
            frames: tuple[bytes, ...] = ()
            while len(frames) < 3:
                frames += (await link.receive()).frames
            assert frames == (b"secret",) * 3
        with pytest.raises(DialFailed, match="certificate verify failed"):
            async with connect(f"wss://127.0.0.1:{number}/"):
                pass
        await trio.testing.wait_all_tasks_blocked()

        assert descriptors() == before


async def test_tls_on_a_plain_port(connect) -> None:
    """A server that does not speak TLS is DialFailed."""

    async def handle(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    async with server(handle) as number:
        with pytest.raises(DialFailed):
            async with connect(f"wss://127.0.0.1:{number}/"):
                pass


# ---------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "url", ["http://venue.test/", "venue.test", "wss://", f"ws://user:{KEY}@venue.test/", "ws://v:x"]
)
async def test_urls_that_cannot_work(connect, url: str) -> None:
    """They are the user's mistake, and not shown."""
    with pytest.raises(ConfigError) as caught:
        async with connect(url):
            pass

    assert KEY not in str(caught.value)


async def test_keys_are_not_shown(connect, autojump_clock) -> None:
    """Not in a refusal that repeats the request, not in a close reason, not in a repr."""
    url = f"ws://venue.test/ws/{KEY}?signature={KEY[::-1]}"
    body = f"Cannot GET /ws/{KEY}?signature={KEY[::-1]}".encode()
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    failed = await refused(connect, answer, url)
    shown = [str(failed), repr(failed), failed.body_head]
    async with linked(connect, url=url, headers={"X-MBX-APIKEY": KEY.upper()}) as (link, peer):
        await peer.stream.send_all(frame(CLOSE, b"\x03\xf0no " + KEY.upper().encode() + b" " + KEY.encode()))
        _, lost = await ending(link)
        shown += [str(lost), repr(lost), repr(link)]

    assert failed.body_head.startswith("Cannot GET ")
    assert "closed by the venue with 1008: no *** ***" in shown
    assert [text for text in shown for key in (KEY, KEY[::-1], KEY.upper()) if key in text] == []


async def test_key_that_a_header_cannot_carry(connect) -> None:
    """It is named as such, without being shown."""
    with pytest.raises(ConfigError, match="X-MBX-APIKEY") as caught:
        async with connect(URL, {"X-MBX-APIKEY": f"{KEY}\n"}):
            pass

    assert KEY not in str(caught.value)
