"""What is the second transport's own: who reads, and when.  What every transport must do is in tests/conformance."""

from __future__ import annotations

import random
import ssl
import struct
import sys

import pytest
import trio
import trio.testing

from exchstream.core.limits import LinkLimits
from exchstream.core.venue import SECOND
from exchstream.errors import ConfigError, MissingExtra
from exchstream.shell.fast_transport import connect
from exchstream.shell.layer import Layer
from exchstream.shell.places import Place
from exchstream.shell.seam import LinkLost, LinkOverflow
from exchstream.shell.stream import open_stream
from exchstream.shell.transports import connector
from exchstream.venues.ftx import Ftx
from tests.conformance.test_transport import CLOSE, PING, PONG, TEXT, Peer, ending, frame, linked, refused


class Watched(Layer):
    """A stream that minds two readers, and tells who read."""

    def __init__(self, inner: trio.abc.Stream) -> None:
        super().__init__(inner)
        self.readers: list[trio.lowlevel.Task] = []
        self._busy = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        assert not self._busy, "two readers at once"
        self._busy = True
        self.readers.append(trio.lowlevel.current_task())
        try:
            return await super().receive_some(max_bytes)
        finally:
            self._busy = False


def watched() -> tuple[Watched, trio.abc.Stream]:
    """A pair whose first end is watched."""
    ours, theirs = trio.testing.memory_stream_pair()
    return Watched(ours), theirs


@pytest.mark.parametrize("seconds", [1, 3])
async def test_the_stand_in_reads_when_nobody_has_for_a_while(seconds: int, autojump_clock) -> None:
    """Not at once, and not later than after twice the time, however often it takes over."""
    async with linked(connect, limits=LinkLimits(unread_ns=seconds * SECOND)) as (link, peer):
        for _ in range(3):
            start = trio.current_time()
            await peer.stream.send_all(frame(PING, b"p"))
            assert await peer.frame() == (PONG, b"p")
            assert seconds <= trio.current_time() - start <= 2 * seconds
            await link.receive()
            with trio.move_on_after(seconds / 2):
                await link.receive()


async def test_who_waits_for_messages_reads_at_once(autojump_clock) -> None:
    """A ping is answered without the stand-in, which wakes no more while somebody waits."""
    async with linked(connect) as (link, peer), trio.open_nursery() as nursery:
        nursery.start_soon(ending, link)
        await trio.sleep(10)
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")

        start = trio.current_time()
        await peer.stream.send_all(frame(PING, b"p"))
        assert await peer.frame() == (PONG, b"p")
        assert trio.current_time() == start
        nursery.cancel_scope.cancel()


async def test_the_stand_in_keeps_out_of_the_way(autojump_clock) -> None:
    """A consumer that comes back again and again does all the reading."""
    ours, theirs = watched()
    async with linked(connect, pair=lambda: (ours, theirs)) as (link, peer), trio.open_nursery() as nursery:

        async def send() -> None:
            for _ in range(100):
                await peer.stream.send_all(frame(TEXT, b"x"))
                await trio.sleep(0.3)

        ours.readers.clear()  # of the handshake
        nursery.start_soon(send)
        for _ in range(100):
            await link.receive()

        assert ours.readers == [trio.lowlevel.current_task()] * 100


async def test_one_reader_at_a_time(autojump_clock) -> None:
    """Consumers that come, give up and stay away, a stand-in in between: everything is heard once, in order."""
    chance = random.Random(5)
    told: list[bytes] = []
    async with (
        linked(connect, limits=LinkLimits(unread_ns=SECOND // 50), pair=watched) as (link, peer),
        trio.open_nursery() as nursery,
    ):

        async def send() -> None:
            for i in range(2000):
                await peer.stream.send_all(frame(TEXT, b"%d" % i) + frame(PING) * (i % 7 == 0))
                await trio.sleep(chance.choice([0, 0.001, 0.01]))

        async def consume() -> None:
            while len(told) < 2000:
                with trio.move_on_after(chance.choice([0, 0.001, 0.01, 0.05])):
                    told.extend((await link.receive()).frames)
                await trio.sleep(chance.choice([0, 0, 0.01, 0.1]))

        nursery.start_soon(send)
        nursery.start_soon(consume)

    assert told == [b"%d" % i for i in range(2000)]


async def test_one_read_is_one_batch(autojump_clock) -> None:
    """A burst that one read holds is not looked at twice, and what is left behind it waits for the next."""
    async with linked(connect, limits=LinkLimits(read_size=1000), pair=watched) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"x" * 98) * 20)
        sizes = [len((await link.receive()).frames) for _ in range(2)]

    assert sizes == [10, 10]


async def test_a_pong_that_cannot_get_out(autojump_clock) -> None:
    """What came with the ping is told at once; no more is read, until the peer counts as dead."""
    limits = LinkLimits(send_ns=5 * SECOND)
    async with (
        linked(connect, limits=limits, pair=trio.testing.lockstep_stream_pair) as (link, peer),
        trio.open_nursery() as nursery,
    ):

        async def send() -> None:
            await peer.stream.send_all(frame(TEXT, b"a") + frame(PING, b"p"))
            with pytest.raises(trio.BrokenResourceError):
                await peer.stream.send_all(frame(TEXT, b"b"))

        nursery.start_soon(send)
        assert (await link.receive()).frames == (b"a",)
        with pytest.raises(LinkLost, match="the connection broke"):
            await link.receive()

        assert trio.current_time() == pytest.approx(5)


async def test_a_pong_that_is_going_out_goes_out_whole(autojump_clock) -> None:
    """Also when the block is cancelled meanwhile; the close frame follows it."""
    ours, theirs = trio.testing.lockstep_stream_pair()
    peer = Peer(theirs)

    async def opener(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return ours

    async def live() -> None:
        with scope:
            async with connect("ws://venue.test/", opener=opener) as link:
                await ending(link)

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(live)
        await peer.accept(frame(PING, b"payload"))
        first = await peer.stream.receive_some(1)
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        peer.put_back(first)

        assert [await peer.frame(), await peer.frame()] == [(PONG, b"payload"), (CLOSE, struct.pack("!H", 1000))]
        await peer.stream.aclose()


async def test_the_backlog_has_a_bound_while_nobody_reads(autojump_clock) -> None:
    """The peer is told, and who comes late gets what was kept."""
    async with linked(connect, limits=LinkLimits(max_backlog=10)) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"x") * 6)
        await trio.sleep(3)
        await peer.stream.send_all(frame(TEXT, b"y") * 6)
        assert await peer.frame() == (CLOSE, struct.pack("!H", 1008) + b"messages arrived faster than they were taken")

        frames, lost = await ending(link)
        assert frames == [b"x"] * 6 + [b"y"] * 4
        assert isinstance(lost, LinkOverflow)


async def test_who_reads_at_once_has_no_backlog(autojump_clock) -> None:
    """A read that brings more than the bound goes to who waits for it."""
    async with linked(connect, limits=LinkLimits(max_backlog=10)) as (link, peer):
        await peer.stream.send_all(frame(TEXT, b"x") * 60)

        assert (await link.receive()).frames == (b"x",) * 60


async def test_what_is_no_websocket_is_not_listened_to(autojump_clock) -> None:
    """The dial fails as soon as that is known."""
    await refused(connect, b"hello, who is there?\r\n\r\n")

    assert trio.current_time() == 0


async def test_two_who_close(autojump_clock) -> None:
    """Both wait until it is closed."""
    async with linked(connect, limits=LinkLimits(close_ns=2 * SECOND)) as (link, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.close)
            nursery.start_soon(link.close)

        assert trio.current_time() == pytest.approx(2)


async def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install is said before anything is opened; the default needs nothing."""
    monkeypatch.delitem(sys.modules, "exchstream.shell.fast_transport")
    monkeypatch.delattr("exchstream.shell.fast_transport")
    monkeypatch.setitem(sys.modules, "exchstream.shell.frames", None)
    monkeypatch.setitem(sys.modules, "websockets", None)
    monkeypatch.setitem(sys.modules, "websockets.frames", None)
    with pytest.raises(MissingExtra, match=r"transport='websockets' needs .* pip install 'exchstream\[fast\]'"):
        async with open_stream(Ftx(api_key="k", api_secret="s"), transport="websockets"):
            pass
    assert connector("trio-websocket") is not None


async def test_a_transport_that_is_none() -> None:
    """The two that there are, are named."""
    with pytest.raises(ConfigError, match="must be 'trio-websocket' or 'websockets', not 'aiohttp'"):
        async with open_stream(Ftx(api_key="k", api_secret="s"), transport="aiohttp"):  # type: ignore[arg-type]
            pass
