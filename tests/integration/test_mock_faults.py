"""The mock's faults on real sockets, as a client that is not ours meets them."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest
import trio
from trio_websocket import connect_websocket_url, open_websocket_url

from mockserver.faults import (
    DialHang,
    DialHangUp,
    DialRefused,
    Disconnect,
    DropEvent,
    Dup,
    ExecStatusUnknown,
    Fault,
    FrameDelay,
    HalfOpen,
    HangUp,
    HtmlBody,
    Kind,
    Latency,
    Match,
    NoAnswer,
    Reset,
    Silent,
    Stall,
    TruncatedJson,
)
from tests.integration.test_mockserver import Host, code_of, handshake, hosting
from tests.unit.mockserver.toy_venue import buy

MS = 1_000_000
SHORT = 150 * MS
KEY = {"X-Key": "A"}


def arm(host: Host, kind: Kind, **match: Any) -> None:
    """Arm a fault for the toy venue."""
    host.worlds.default.faults.arm(Fault(kind=kind, match=Match(venue="toy", **match)))


def place(host: Host) -> None:
    """A resting order of alice: one NEW event."""
    host.toy.submit(buy("alice"))


def orders(host: Host) -> int:
    """How many orders alice has."""
    return len(host.toy.engine.open_orders("alice"))


def client(host: Host, read_s: float = 5) -> httpx2.AsyncClient:
    """An HTTP client that waits for so long."""
    return httpx2.AsyncClient(base_url=host.listening.http, timeout=httpx2.Timeout(5, read=read_s))


async def dialled(host: Host) -> bytes:
    """The first bytes that a handshake is answered with."""
    async with await trio.open_tcp_stream("127.0.0.1", host.listening.port) as stream:
        await stream.send_all(handshake("/play/ws"))
        return bytes(await stream.receive_some())


async def nobody_is_left(host: Host) -> None:
    """Wait until the server has seen every client go."""
    with trio.fail_after(5):
        while host.server.open_connections:  # noqa: ASYNC110 (the server tells nobody)
            await trio.sleep(0.005)


async def test_503_though_the_order_was_accepted() -> None:
    """Once: the connection is kept and the next request on it is answered well."""
    async with hosting() as host, client(host) as http:
        arm(host, ExecStatusUnknown(), method="POST", path="/play/order", nth=1)
        first = await http.post("/play/order", headers=KEY)
        second = await http.post("/play/order", headers=KEY)

        assert (first.status_code, second.status_code, orders(host)) == (503, 200, 2)
        assert host.server.open_connections == 1


async def test_bodies_that_are_no_answer() -> None:
    """Half of it and a page come as good HTTP."""
    async with hosting() as host, client(host) as http:
        arm(host, TruncatedJson(), nth=1)
        half = await http.get("/play/time")
        arm(host, HtmlBody(status=403), nth=1)
        page = await http.get("/play/time")

        assert half.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            half.json()
        assert (page.status_code, page.headers["content-type"]) == (403, "text/html")


@pytest.mark.parametrize("accepted", [True, False])
async def test_an_answer_that_never_comes(accepted: bool) -> None:
    """The client's patience ends; the connection was held until it left, and is gone after."""
    async with hosting() as host:
        arm(host, NoAnswer(accepted=accepted), method="POST")
        async with client(host, read_s=0.1) as http:
            with pytest.raises(httpx2.ReadTimeout):
                await http.post("/play/order", headers=KEY)
        await nobody_is_left(host)
        assert orders(host) == accepted


async def test_a_connection_that_ends_without_an_answer() -> None:
    """Though the order was accepted."""
    async with hosting() as host, client(host) as http:
        arm(host, HangUp(), method="POST")
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.post("/play/order", headers=KEY)
        assert orders(host) == 1


@pytest.mark.parametrize("of", ["request", "answer"])
async def test_latency(of: Any) -> None:
    """A late request is handled late, a late answer comes after its event; others are served meanwhile."""
    async with hosting() as host, client(host) as http, open_websocket_url(host.url()) as socket:
        arm(host, Latency(delay_ns=SHORT, of=of), method="POST")
        course: list[str] = []
        began = time.monotonic()

        async def order() -> None:
            await http.post("/play/order", headers=KEY)
            course.append("answer")

        async def event() -> None:
            await socket.get_message()
            course.append("event")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(order)
            nursery.start_soon(event)
            assert (await http.get("/play/time")).status_code == 200
            course.append("time")
        assert time.monotonic() - began >= SHORT / 1e9
        assert sorted(course) == ["answer", "event", "time"]
        assert course.index("time") < course.index("answer")
        if of == "answer":
            assert course[-1] == "answer"
        else:
            assert course[0] == "time"


async def test_a_refused_dial() -> None:
    """429 with Retry-After; the next one is let in."""
    async with hosting() as host:
        arm(host, DialRefused(retry_after_s=7), nth=1)
        refused = await dialled(host)
        assert refused.startswith(b"HTTP/1.1 429")
        assert b"\r\nRetry-After: 7\r\n" in refused
        async with open_websocket_url(host.url()) as connection:
            await connection.send_message("hello")
            assert await connection.get_message() == "hello"


async def test_dials_that_are_not_answered() -> None:
    """One hangs for as long as the client waits, one ends at once; neither leaves anything behind."""
    async with hosting() as host:
        arm(host, DialHangUp(), nth=2)
        arm(host, DialHang(), nth=1)
        with trio.move_on_after(0.1) as patience:
            await dialled(host)
        assert patience.cancelled_caught
        with trio.fail_after(5):
            assert await dialled(host) == b""
        await nobody_is_left(host)
        assert host.worlds.links == {}


async def test_a_silent_socket() -> None:
    """The handshake succeeds and pings are answered; no event ever comes, and the truth says that it is blind."""
    async with hosting() as host:
        arm(host, Silent())
        async with open_websocket_url(host.url()) as connection:
            place(host)
            await connection.send_message("hello")
            assert await connection.get_message() == "hello"
            with trio.fail_after(5):
                await connection.ping(b"alive?")
            (link,) = host.worlds.links.values()
            assert link.sees == frozenset()


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        (Disconnect(code=1001, reason="bye"), 1001, 2),
        (Disconnect(), 1006, 1),
        (Reset(), 1006, 1),
        (Reset(after_bytes=5), 1006, 1),
        (DropEvent(then="reset"), 1006, 1),
    ],
    ids=repr,
)
async def test_a_connection_that_ends_at_the_second_event(kind: Kind, code: int, told: int) -> None:
    """As it was asked: politely, without a word, or inside the frame; another connection loses nothing."""
    async with hosting() as host, trio.open_nursery() as nursery:
        victim = await connect_websocket_url(nursery, host.url())
        witness = await connect_websocket_url(nursery, host.url())
        (number,) = (link.id for link in host.worlds.links.values() if link.id == min(host.worlds.links))
        arm(host, kind, event="NEW", link=number, nth=2)
        place(host)
        seen = [await victim.get_message()]
        place(host)
        if told == 2:
            seen.append(await victim.get_message())
        assert await code_of(victim) == code
        assert len(seen) == told
        assert [json.loads(await witness.get_message())["event"] for _ in range(2)] == ["NEW", "NEW"]
        await witness.aclose()


async def test_a_frame_twice_and_a_late_frame() -> None:
    """Both in order, and the late one not before its time."""
    async with hosting() as host, open_websocket_url(host.url()) as connection:
        arm(host, Dup(), event="NEW", nth=1)
        arm(host, FrameDelay(delay_ns=SHORT), event="NEW", nth=2)
        began = time.monotonic()
        for _ in range(2):
            place(host)
        ids = [json.loads(await connection.get_message())["id"] for _ in range(3)]
        assert ids[0] == ids[1] < ids[2]
        assert time.monotonic() - began >= SHORT / 1e9


@pytest.mark.parametrize("kind", [Stall(for_ns=SHORT), HalfOpen()], ids=repr)
async def test_a_connection_that_stands_still(kind: Kind) -> None:
    """Nothing comes, not even a pong; a stall ends by itself, half-open when it is released. Then all comes."""
    async with hosting() as host, open_websocket_url(host.url()) as connection:
        arm(host, kind, event="NEW", nth=1)
        place(host)
        with trio.move_on_after(0.05) as patience:
            await connection.ping(b"alive?")
        assert patience.cancelled_caught
        if isinstance(kind, HalfOpen):
            (link,) = host.worlds.links.values()
            link.resume()
        with trio.fail_after(5):
            assert json.loads(await connection.get_message())["event"] == "NEW"
            await connection.ping(b"again")
