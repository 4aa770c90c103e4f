"""How faults let the bytes of a connection go, both ways, over REST and a WebSocket, by an exact clock."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from mockserver.faults import (
    Bandwidth,
    Fault,
    Flow,
    HangUp,
    LimitData,
    Match,
    Slicer,
    SlowClose,
    Wire,
    flow_of,
    linger_ns_of,
)
from mockserver.faults.kinds import MS, Side

from .test_server import Host, hosting, request, statuses
from .toy_venue import SECOND

TIME = request("/play/time")
PLACE = request("/play/order", "POST", x_key="A")
WAYS: tuple[Side, ...] = ("server", "client")


def arm(host: Host, kind: Wire, **match: Any) -> None:
    """Arm a fault in the default world, under a name of its own."""
    faults = host.worlds.default.faults
    faults.arm(Fault(kind=kind, match=Match(**match), name=str(len(faults.armed))))


async def talk(host: Host, sent: bytes) -> tuple[bytes, float]:
    """What is answered to this, and how long it took."""
    began = trio.current_time()
    return await host.talk(sent), trio.current_time() - began


def orders(host: Host) -> int:
    """How many orders alice has had."""
    return len(host.exchange.engine.orders("alice"))


@pytest.mark.parametrize(
    ("kinds", "way", "flow"),
    [
        ([], "server", Flow()),
        ([Bandwidth(bytes_per_s=1_000)], "server", Flow(piece=10, bytes_per_s=1_000)),
        ([Bandwidth(bytes_per_s=1_000)], "client", Flow()),
        ([Bandwidth(bytes_per_s=5, of="client"), Bandwidth(of="client")], "client", Flow(piece=1, bytes_per_s=5)),
        ([Slicer(size=7, delay_ns=3), LimitData(bytes=9)], "server", Flow(piece=7, gap_ns=3, most=9)),
        ([Slicer(size=7), Bandwidth(bytes_per_s=99)], "server", Flow(piece=7, gap_ns=MS, bytes_per_s=99)),
        ([LimitData(bytes=9), LimitData(bytes=1), SlowClose()], "server", Flow(most=9)),
    ],
)
def test_what_faults_come_to(kinds: list[Wire], way: Side, flow: Flow) -> None:
    """Those of one way are taken together, and of two of one kind the first prevails."""
    assert flow_of(kinds, way) == flow


def test_how_long_bytes_take() -> None:
    """Every piece that was begun has its gap, and every byte its share of a second."""
    assert Flow().takes_ns(1_000) == 0
    assert Flow(piece=10, gap_ns=MS).takes_ns(21) == 3 * MS
    assert Flow(piece=10, gap_ns=MS, bytes_per_s=1_000).takes_ns(20) == 22 * MS
    assert linger_ns_of([SlowClose(delay_ns=2), Bandwidth(), SlowClose(delay_ns=1)]) == 2


@pytest.mark.parametrize("way", WAYS)
async def test_a_slow_line_by_rest(way: Side, autojump_clock: MockClock) -> None:
    """Each byte takes its time, and the next request, which is none of the fault's, takes none."""
    async with hosting() as host:
        arm(host, Bandwidth(bytes_per_s=100, of=way), method="POST")
        answer, took = await talk(host, PLACE)
        assert statuses(answer) == [200]
        assert took == pytest.approx(len(answer if way == "server" else PLACE) / 100, rel=0.01)
        two, longer = await talk(host, PLACE + TIME)
        assert statuses(two) == [200, 200]
        assert longer == pytest.approx(took, rel=0.05)


@pytest.mark.parametrize("way", WAYS)
async def test_pieces_by_rest(way: Side, autojump_clock: MockClock) -> None:
    """They come so long apart; what comes is whole."""
    async with hosting() as host:
        arm(host, Slicer(size=10, delay_ns=SECOND, of=way))
        answer, took = await talk(host, TIME)
        assert statuses(answer) == [200]
        assert took == pytest.approx(-(-len(answer if way == "server" else TIME) // 10))


async def test_the_end_inside_an_answer(autojump_clock: MockClock) -> None:
    """The order was taken, and its answer is cut; what another request is answered does not count."""
    async with hosting() as host:
        arm(host, LimitData(bytes=50), method="POST")
        answer, _ = await talk(host, TIME + PLACE + TIME)
        assert (len(answer.partition(b"HTTP/1.1 200")[2].partition(b"HTTP")[2]), orders(host)) == (46, 1)


@pytest.mark.parametrize(("most", "answers", "taken"), [(len(PLACE) - 1, [], 0), (len(PLACE), [200, 200], 2)])
async def test_the_end_inside_a_request(most: int, answers: list[int], taken: int, autojump_clock: MockClock) -> None:
    """What came no more has not reached the venue; each request is counted for itself."""
    async with hosting() as host:
        arm(host, LimitData(bytes=most, of="client"))
        answer, _ = await talk(host, PLACE + PLACE)
        assert (statuses(answer), orders(host)) == (answers, taken)


async def test_tcp_stays_behind_an_answer(autojump_clock: MockClock) -> None:
    """The end that the client awaits comes so much later."""
    async with hosting() as host:
        arm(host, SlowClose(delay_ns=7 * SECOND))
        answer, took = await talk(host, request("/play/time", connection="close"))
        assert statuses(answer) == [200]
        assert took == pytest.approx(7)


@pytest.mark.parametrize("way", WAYS)
async def test_a_slow_line_by_a_socket(way: Side, autojump_clock: MockClock) -> None:
    """A hundred bytes and what is around them, one way; the other is as it was."""
    async with hosting() as host:
        arm(host, Bandwidth(bytes_per_s=100, of=way), method="WS")
        assert (await talk(host, TIME))[1] == 0
        socket = await host.socket()
        began = trio.current_time()
        await socket.send_message("x" * 100)
        assert await socket.get_message() == "x" * 100
        assert trio.current_time() - began == pytest.approx(1.06 if way == "client" else 1.02, abs=0.011)


@pytest.mark.parametrize(("way", "after"), [("server", 12), ("client", 16)])
async def test_the_end_inside_a_frame(way: Side, after: int, autojump_clock: MockClock) -> None:
    """Ten bytes of text with what is around them pass, and not one more; the handshake counts."""
    async with hosting() as host:
        handshake = len(request_of_dial()) if way == "client" else len(await answer_to_dial(host))
        arm(host, LimitData(bytes=handshake + after, of=way))
        stream = host.dial()
        await stream.send_all(request_of_dial())
        await trio.testing.wait_all_tasks_blocked()
        frame = b"\x81\x8a\x00\x00\x00\x00" + b"0123456789"
        await stream.send_all(frame)
        await stream.send_all(frame)
        with trio.fail_after(60):
            got = b"".join([part async for part in stream])
        echoes = {"server": 1, "client": 0}[way]
        assert got.count(b"0123456789") == echoes


def request_of_dial() -> bytes:
    """The handshake of a client."""
    head = "GET /play/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode()


async def answer_to_dial(host: Host) -> bytes:
    """What is answered to it."""
    return await host.talk(request_of_dial())


async def test_a_hang_up_so_long_after(autojump_clock: MockClock) -> None:
    """The order was taken; the connection ends when the fault has it so, and not before."""
    async with hosting() as host:
        host.worlds.default.faults.arm(Fault(kind=HangUp(delay_ns=5 * SECOND), match=Match(method="POST")))
        assert await talk(host, PLACE) == (b"", 5)
        assert orders(host) == 1


async def test_a_cut_inside_pieces_is_a_reset(autojump_clock: MockClock) -> None:
    """What befalls a link counts on what faults made of its wire."""
    async with hosting() as host:
        arm(host, Slicer(size=4))
        socket = await host.socket()
        (link,) = host.worlds.links.values()
        link.reset(after_bytes=6)
        await socket.send_message("0123456789")
        with trio.fail_after(60), pytest.raises(ConnectionClosed):
            await socket.get_message()
