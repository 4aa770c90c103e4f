"""TLS below the transports, against trio's own on the other side."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing
import trustme

from exchstream.shell.tls import TlsStream


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """One for the client, which trusts the other, the server's."""
    authority = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("venue.test").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    return ours, theirs


@asynccontextmanager
async def agreed(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> AsyncIterator[tuple[TlsStream, trio.SSLStream[trio.abc.Stream], trio.testing.MemorySendStream]]:
    """Both ends, after the handshake, and what feeds our end raw bytes."""
    client, server = trio.testing.memory_stream_pair()
    ours = TlsStream(client, contexts[0], "venue.test")
    theirs = trio.SSLStream[trio.abc.Stream](server, contexts[1], server_side=True, https_compatible=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ours.handshake)
        nursery.start_soon(theirs.do_handshake)
    yield ours, theirs, server.send_stream


async def test_what_has_come_is_one_read(contexts, autojump_clock) -> None:
    """Ten records are read at once, and nothing is left behind by a read that takes a part of them."""
    async with agreed(contexts) as (ours, theirs, _):
        for i in range(10):
            await theirs.send_all(b"%d" % i * 1000)
        whole = b"".join(b"%d" % i * 1000 for i in range(10))
        assert await ours.receive_some(65_536) == whole

        await theirs.send_all(b"x" * 100_000)
        got = bytearray()
        while len(got) < 100_000:
            got += await ours.receive_some(7_000)
        assert got == b"x" * 100_000


async def test_both_ways(contexts, autojump_clock) -> None:
    """More than a record goes out whole."""
    async with agreed(contexts) as (ours, theirs, _):
        await ours.wait_send_all_might_not_block()
        await ours.send_all(b"y" * 100_000)
        got = bytearray()
        while len(got) < 100_000:
            got += await theirs.receive_some(65_536)

        assert got == b"y" * 100_000


async def test_cancelled_reads_lose_nothing(contexts, autojump_clock) -> None:
    """Half a record waits for its other half, whoever gave up meanwhile."""
    async with agreed(contexts) as (ours, theirs, _):
        got = bytearray()

        async def send() -> None:
            for i in range(100):
                await theirs.send_all(b"%02d" % i)
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while len(got) < 200:
                with trio.move_on_after(0.003):
                    got += await ours.receive_some(3)

        assert got == b"".join(b"%02d" % i for i in range(100))


@pytest.mark.parametrize("politely", [True, False])
async def test_the_end(contexts, politely: bool, autojump_clock) -> None:
    """What came before it is read first; with a closing alert or without, it is the end."""
    async with agreed(contexts) as (ours, theirs, raw):
        await theirs.send_all(b"last")
        await (theirs.aclose() if politely else raw.aclose())

        assert await ours.receive_some(65_536) == b"last"
        assert [await ours.receive_some(65_536) for _ in range(2)] == [b"", b""]
        await ours.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await ours.send_all(b"late")


async def test_a_closing_alert_is_the_end(contexts, autojump_clock) -> None:
    """Though the connection below stays."""
    async with agreed(contexts) as (ours, theirs, _), trio.open_nursery() as nursery:
        await theirs.send_all(b"last")
        nursery.start_soon(theirs.unwrap)  # which waits for ours
        await trio.testing.wait_all_tasks_blocked()

        assert [await ours.receive_some(65_536) for _ in range(3)] == [b"last", b"", b""]
        nursery.cancel_scope.cancel()


async def test_a_damaged_record(contexts, autojump_clock) -> None:
    """It is an error, after what was whole."""
    async with agreed(contexts) as (ours, theirs, raw):
        await theirs.send_all(b"whole")
        await raw.send_all(b"\x17\x03\x03\x00\x20" + b"?" * 32)

        assert await ours.receive_some(65_536) == b"whole"
        with pytest.raises(trio.BrokenResourceError):
            await ours.receive_some(65_536)


async def test_a_peer_that_hangs_up_while_keys_are_made(contexts, autojump_clock) -> None:
    """Not for ever, and in words."""
    client, server = trio.testing.memory_stream_pair()
    await server.send_stream.aclose()
    with pytest.raises(trio.BrokenResourceError, match="hung up"):
        await TlsStream(client, contexts[0], "venue.test").handshake()


async def test_another_host(contexts, autojump_clock) -> None:
    """A certificate for another name is refused."""
    client, server = trio.testing.memory_stream_pair()
    theirs = trio.SSLStream(server, contexts[1], server_side=True)

    async def answer() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await theirs.do_handshake()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
            await TlsStream(client, contexts[0], "other.test").handshake()
        await client.aclose()
