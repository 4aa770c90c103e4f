"""The shell over memory streams under a virtual clock: HTTP and WebSocket on one stream, and a day in a second."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from mockserver import server as server_module
from mockserver import wire
from mockserver.attach.authority import Authority
from mockserver.attach.gate import Gate
from mockserver.clock import Clock, VirtualClock
from mockserver.faces.base import HttpRequest, Rhythm
from mockserver.faults import Fault, HttpError, Latency, Match
from mockserver.server import Listening, Server
from mockserver.world import Worlds

from .toy_venue import SECOND, START_NS, ToyFace, buy, toy_worlds


def trio_clock() -> Clock:
    """A world's clock that runs with trio's, real or virtual."""
    return Clock(lambda: START_NS + int(trio.current_time() * 1e9))


class Host:
    """A server and a nursery for its streams."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.worlds: Worlds = toy_worlds(clock=trio_clock())
        self.exchange = self.worlds.default.exchanges["toy"]
        self.worlds.open_account(self.exchange, "alice", api_key="A")
        self.server = Server(self.worlds)
        nursery.start_soon(self.server.run_timers)

    def dial(self) -> trio.StapledStream[Any, Any]:
        """The client's end of a new connection."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server.serve_stream, theirs)
        return ours

    async def socket(self, target: str = "/play/ws") -> WebSocketConnection:
        """An open WebSocket."""
        stream: Any = self.dial()  # any stream will do, whatever its signature says
        return await wrap_client_stream(self.nursery, stream, "127.0.0.1", target)

    async def talk(self, data: bytes) -> bytes:
        """Send raw bytes on a new connection, say no more, and read all that comes back."""
        stream = self.dial()
        await stream.send_all(data)
        await stream.send_eof()
        got = bytearray()
        with trio.move_on_after(300):
            while chunk := await stream.receive_some():
                got += chunk
        return bytes(got)


@asynccontextmanager
async def hosting() -> AsyncIterator[Host]:
    """A server that is gone, with all its tasks, when the block ends."""
    async with trio.open_nursery() as nursery:
        yield Host(nursery)
        nursery.cancel_scope.cancel()


def request(target: str, method: str = "GET", body: bytes = b"", **headers: Any) -> bytes:
    """An HTTP request."""
    given = {"host": "127.0.0.1", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


def statuses(answer: bytes) -> list[int]:
    """The statuses of all answers in these bytes."""
    return [int(part[:3]) for part in answer.decode("latin-1").split("HTTP/1.1 ")[1:]]


async def test_keep_alive_and_pipelining(autojump_clock: trio.testing.MockClock) -> None:
    """Several requests on one connection are answered in turn: venue, control API, unknown route, method unknown."""
    async with hosting() as host:
        sent = [request("/play/time"), request("/__mock/health"), request("/play/tim"), request("/x", "PUT", b"{}")]
        answer = await host.talk(b"".join(sent))

    assert statuses(answer) == [200, 200, 404, 404]
    assert b'"nearest": ["GET /play/time"' in answer
    assert b"date: Tue, 14 Nov 2023 22:13:20 GMT" in answer


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
        (b"GET /\r\n\r\n", [400]),
        (b"GET /play/time HTTP/1.1\r\n\r\n", [400]),
        (b"\x00\xff" * 5000 + b"\r\n\r\n", [400]),
        (b"GET /" + b"a" * 100_000, [400]),
        (request("/play/time", "POST", b"x" * (server_module.MAX_BODY + 1)), [413]),
        (b"GET /play/time HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc", [400]),
        (b"", []),
    ],
    ids=["tls", "version", "no-host", "noise", "long-head", "long-body", "half-body", "nothing"],
)
async def test_bad_bytes(autojump_clock: trio.testing.MockClock, data: bytes, expected: list[int]) -> None:
    """What is no HTTP is refused or dropped, and the server goes on."""
    async with hosting() as host:
        answer = await host.talk(data)
        after = await host.talk(request("/play/time"))

    assert statuses(answer) == expected
    assert statuses(after) == [200]
    assert host.server.open_connections == 0


async def test_a_bug_in_a_face(autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A face that fails on a request answers 500 and on a frame closes 1011; both are logged, nothing else suffers."""
    async with hosting() as host:
        with caplog.at_level(logging.ERROR, logger="mockserver.server"):
            answer = await host.talk(request("/play/boom") + request("/play/time"))
            socket = await host.socket()
            await socket.send_message("boom")
            with pytest.raises(ConnectionClosed) as closed:
                await socket.get_message()

    assert statuses(answer) == [500, 200]
    assert closed.value.reason is not None
    assert closed.value.reason.code == 1011
    assert len(caplog.records) == 2


async def test_a_connection_too_many(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit a connection ends without an answer; when one has gone, the next is served."""
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 1)
    async with hosting() as host:
        socket = await host.socket()
        refused = host.dial()
        with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
            await refused.send_all(request("/play/time"))
            await refused.receive_some()
            await refused.send_all(request("/play/time"))
        await socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        answer = await host.talk(request("/play/time"))

    assert statuses(answer) == [200]


async def test_a_bug_in_a_connection(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake of the server's own ends that connection, with a line in the log, and no other."""

    async def fail(connection: object) -> None:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError("mine")

    async with hosting() as host:
        with monkeypatch.context() as patched, caplog.at_level(logging.ERROR, logger="mockserver.server"):
            patched.setattr(server_module._Connection, "run", fail)
            assert await host.dial().receive_some() == b""
        answer = await host.talk(request("/play/time"))

    assert [record.getMessage() for record in caplog.records] == ["connection from 127.0.0.1 failed"]
    assert statuses(answer) == [200]
    assert host.server.open_connections == 0


async def test_a_bug_in_a_timer(autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """A timer that fails is logged, and the timers after it fire; the journal shows those that did."""

    def fail() -> None:
        raise RuntimeError("a bug in a timer")

    async with hosting() as host:
        clock, fired = host.worlds.default.clock, trio.Event()
        clock.after(SECOND, "bad", fail)
        clock.after(2 * SECOND, "good", fired.set)
        with caplog.at_level(logging.ERROR, logger="mockserver.server"):
            await fired.wait()
        await trio.testing.wait_all_tasks_blocked()

        assert [row["text"] for row in host.worlds.default.recorder.journal(kind="timer")] == ["bad", "good"]
    assert len(caplog.records) == 1


async def test_expect_continue(autojump_clock: trio.testing.MockClock) -> None:
    """A client that waits for 100 Continue before its body gets it."""
    async with hosting() as host:
        stream = host.dial()
        await stream.send_all(request("/play/order", "POST", b"{}", x_key="A", expect="100-continue")[:-2])
        first = await stream.receive_some()
        await stream.send_all(b"{}")
        second = await stream.receive_some()

    assert first.startswith(b"HTTP/1.1 100")
    assert second.startswith(b"HTTP/1.1 200")


async def test_answers_without_a_body(autojump_clock: trio.testing.MockClock) -> None:
    """HEAD, 204 and 304 are answered by their headers alone, and the connection goes on."""
    async with hosting() as host:
        for nth, status in enumerate((204, 304), 1):
            match = Match(method="GET", path="/play/time", nth=nth)
            host.worlds.default.faults.arm(Fault(kind=HttpError(status=status), match=match, name=str(status)))
        stream = host.dial()
        answers = []
        for method in ("HEAD", "GET", "GET", "GET"):
            await stream.send_all(request("/play/time", method))
            answers.append((await stream.receive_some()).split(b"\r\n\r\n"))

    assert [head[9:12] for head, _ in answers] == [b"404", b"204", b"304", b"200"]
    assert [body == b"" for _, body in answers] == [True, True, True, False]


async def test_idle_connections_end(autojump_clock: trio.testing.MockClock) -> None:
    """A connection on which nothing comes is closed after a while."""
    async with hosting() as host:
        stream = host.dial()
        start = trio.current_time()

        assert await stream.receive_some() == b""
        assert trio.current_time() - start == pytest.approx(server_module.IDLE_SECONDS)


async def test_websocket_echo_and_big_messages(autojump_clock: trio.testing.MockClock) -> None:
    """Text and binary go both ways; a message beyond the limit closes 1009."""
    async with hosting() as host:
        socket = await host.socket("/play/ws/")
        await socket.send_message("héllo")
        text = await socket.get_message()
        await socket.send_message(b"123")
        binary = await socket.get_message()
        with trio.fail_after(10):
            await socket.ping(b"are you there")
        await socket.send_message(b"x" * (wire.MAX_MESSAGE + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.get_message()

    assert (text, binary) == ("héllo", "3 bytes")
    assert closed.value.reason is not None
    assert closed.value.reason.code == 1009


@pytest.mark.parametrize(("target", "status"), [("/nowhere", 404), ("/play/closed", 410)])
async def test_refused_upgrades(autojump_clock: trio.testing.MockClock, target: str, status: int) -> None:
    """An upgrade nobody wants is refused with HTTP, and the connection goes on."""
    upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    key: dict[str, Any] = {"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with hosting() as host:
        answer = await host.talk(request(target, **upgrade, **key) + request("/play/time"))
        malformed = await host.talk(request("/play/ws", **upgrade))

    assert statuses(answer) == [status, 200]
    assert statuses(malformed) == [400]


async def test_frames_that_come_with_the_handshake(autojump_clock: trio.testing.MockClock) -> None:
    """A client that does not wait for the handshake's answer loses nothing."""
    upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    head = request("/play/ws", **upgrade, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==")
    head = head.replace(b"content-length: 0\r\n", b"")
    frame = b"\x81\x82\x00\x00\x00\x00hi"
    async with hosting() as host:
        stream = host.dial()
        await stream.send_all(head + frame)
        answer = b""
        with trio.fail_after(10):
            while not answer.endswith(b"hi"):  # in one write or in two
                answer += await stream.receive_some()

    assert statuses(answer) == [101]
    assert answer.endswith(b"\r\n\r\n\x81\x02hi")
    assert b"permessage-deflate" not in answer


async def test_a_broken_frame_is_told(autojump_clock: trio.testing.MockClock) -> None:
    """A frame that breaks the protocol is answered with its close code."""
    upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    head = request("/play/ws", **upgrade, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==")
    async with hosting() as host:
        answer = await host.talk(head.replace(b"content-length: 0\r\n", b"") + b"\x81\x02hi")  # not masked

    frame = answer.split(b"\r\n\r\n", 1)[1]
    assert (frame[:1], frame[2:4]) == (b"\x88", (1002).to_bytes(2, "big"))


async def test_a_burst_goes_out_in_few_writes(autojump_clock: trio.testing.MockClock) -> None:
    """All frames that wait go out together, and arrive whole and in order."""
    async with hosting() as host:
        socket = await host.socket("/play/ws?key=A")
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(1_000):
            host.exchange.submit(buy("alice", quantity=1))
        ids = [json.loads(await socket.get_message())["id"] for _ in range(1_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == 1_000


async def test_a_day_of_pings(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that answers pings lives for 24 hours, gets its events, and is closed 1001 at their end."""
    rhythm = Rhythm(ping_every_ns=180 * SECOND, pong_within_ns=600 * SECOND, lifetime_ns=86_400 * SECOND)
    monkeypatch.setattr(ToyFace, "rhythm", rhythm)
    events = 0
    async with hosting() as host:

        def hourly() -> None:
            host.exchange.submit(buy("alice", quantity=1))
            host.worlds.default.clock.after(3_600 * SECOND, "hourly order", hourly)

        socket = await host.socket("/play/ws?key=A")
        start = trio.current_time()
        host.worlds.default.clock.after(1_800 * SECOND, "hourly order", hourly)
        while socket.closed is None:
            with suppress(ConnectionClosed):
                await socket.get_message()
                events += 1

        assert trio.current_time() - start == pytest.approx(86_400, abs=1)
    assert (events, socket.closed.code) == (24, 1001)


async def test_a_client_without_pongs_is_closed(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that reads nothing and pongs nothing is cut off at the pong deadline and the close's grace."""
    monkeypatch.setattr(ToyFace, "rhythm", Rhythm(ping_every_ns=20 * SECOND, pong_within_ns=60 * SECOND))
    async with hosting() as host:
        await host.socket()
        (link,) = host.worlds.links.values()
        link.pong = lambda payload: None  # type: ignore[method-assign]  # it is as if none came
        await trio.sleep(79)
        alive = host.server.open_connections
        await trio.sleep(3)

        assert (alive, host.server.open_connections) == (1, 0)


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda link: link.close(1012, "restart"), 1012),
        (lambda link: link.drop(), 1006),
        (lambda link: link.reset(), 1006),
    ],
    ids=["close", "drop", "reset"],
)
async def test_ends(autojump_clock: trio.testing.MockClock, act: Callable[[Any], None], code: int) -> None:
    """Each end of a connection is seen by the client for what it is, and leaves no task behind."""
    async with hosting() as host:
        socket = await host.socket("/play/ws?key=A")
        (link,) = host.worlds.links.values()
        act(link)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.get_message()
        await trio.sleep(2)

        assert (host.server.open_connections, host.worlds.links) == (0, {})
    assert closed.value.reason is not None
    assert closed.value.reason.code == code


async def test_half_open(autojump_clock: trio.testing.MockClock) -> None:
    """A half-open connection neither answers nor sends; released, it goes on where it stood."""
    async with hosting() as host:
        socket = await host.socket("/play/ws?key=A")
        (link,) = host.worlds.links.values()
        link.half_open()
        link.half_open()
        await socket.send_message("anybody?")
        host.exchange.submit(buy("alice"))
        with trio.move_on_after(3_600) as silence:
            await socket.get_message()
        link.resume()
        answers = [await socket.get_message() for _ in range(2)]

    assert silence.cancelled_caught
    assert answers[1] == "anybody?"
    assert json.loads(answers[0])["event"] == "NEW"


async def test_cut_inside_a_frame(autojump_clock: trio.testing.MockClock) -> None:
    """A planned cut lets so many bytes of the next frame through, and no more."""
    async with hosting() as host:
        upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
        stream = host.dial()
        await stream.send_all(request("/play/ws", **upgrade, sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ=="))
        await stream.receive_some()
        (link,) = host.worlds.links.values()
        link.reset(after_bytes=5)
        link.receive("a long frame")

        assert await stream.receive_some() == b"\x81\x0ca l"
        assert await stream.receive_some() == b""
        await trio.testing.wait_all_tasks_blocked()
        assert host.server.open_connections == 0


async def test_too_many_connections(autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit a connection is closed at once."""
    monkeypatch.setattr(server_module, "MAX_CONNECTIONS", 1)
    async with hosting() as host:
        await host.socket()
        assert await host.dial().receive_some() == b""

        assert host.server.open_connections == 1


async def test_a_client_that_pings_without_reading_is_cut_off(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replies that are not read are bounded too."""
    monkeypatch.setattr(wire, "MAX_MESSAGE", 10)
    tap = wire.Tap(host_stream := trio.testing.memory_stream_pair()[0])
    with tap.scope:
        for _ in range(3):
            tap.reply(b"123456789")
        await trio.lowlevel.checkpoint()

    assert tap.scope.cancelled_caught
    await tap.end()
    with pytest.raises(trio.ClosedResourceError):
        await host_stream.send_all(b"x")


async def test_go_away(autojump_clock: trio.testing.MockClock) -> None:
    """A server that goes away closes every WebSocket with 1001 and waits until the clients have answered."""
    async with hosting() as host:
        sockets = [await host.socket() for _ in range(2)]
        start = trio.current_time()
        await host.server.go_away()
        took = trio.current_time() - start

        assert host.worlds.links == {}
        assert took < server_module.CLOSE_GRACE_SECONDS
    assert [socket.closed and socket.closed.code for socket in sockets] == [1001, 1001]


def test_listening_urls() -> None:
    """An IPv6 host stands in brackets."""
    assert Listening("127.0.0.1", 80).http == "http://127.0.0.1:80"
    assert Listening("::1", 80).ws == "ws://[::1]:80"


async def test_what_no_venue_answered_is_in_the_journal(autojump_clock: trio.testing.MockClock) -> None:
    """Unknown routes, bytes that are no HTTP, bodies and handshakes that are refused, control calls, control frames."""
    upgrade: dict[str, Any] = {"connection": "Upgrade", "upgrade": "websocket", "sec_websocket_version": "13"}
    key: dict[str, Any] = {"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with hosting() as host:
        sent = [
            request("/nowhere"),
            b"nonsense\r\n\r\n",
            request("/play/time", "POST", b"x" * (server_module.MAX_BODY + 1)),
            request("/play/ws", **upgrade),
            request("/nowhere", **upgrade, **key),
            request("/play/boom"),
            request("/__mock/health"),
            request("/__mock/keys/zed/revoke?world=default", "POST"),
        ]
        for data in sent:
            await host.talk(data)
        socket = await host.socket()
        await socket.ping(b"here?")
        await socket.aclose()
        await trio.testing.wait_all_tasks_blocked()
        journal = host.worlds.default.recorder.journal()

    shown = [(row["kind"], str(row["text"])[:30]) for row in journal]
    assert [(kind, text[:3]) for kind, text in shown if kind == "rest-out"] == [
        ("rest-out", status) for status in ("404", "400", "413", "400", "404", "500", "101")
    ]
    assert [text for kind, text in shown if kind == "control"] == [
        "POST /__mock/keys/zed/revoke 4",
    ]
    assert [text[:12].strip() for kind, text in shown if kind == "rest-in"] == [
        "GET /nowhere",
        "<not HTTP: i",
        "POST /play/t",
        "WS /play/ws",
        "WS /nowhere",
        "GET /play/bo",
        "GET /play/bo",
        "WS /play/ws",
    ]
    frames = [(kind, text) for kind, text in shown if kind in ("ws-in", "ws-out")]
    assert frames == [("ws-in", "<ping here?>"), ("ws-out", "<pong here?>"), ("ws-in", "<close 1000 >")]


async def test_a_delay_by_a_clock_moved_by_hand() -> None:
    """A late answer waits for its world's clock, not for the machine's."""
    async with trio.open_nursery() as nursery:
        server = Server(toy_worlds())
        world = server.worlds.default
        world.faults.arm(Fault(kind=Latency(delay_ns=3600 * SECOND)))
        ours, theirs = trio.testing.memory_stream_pair()
        nursery.start_soon(server.serve_stream, theirs)
        await ours.send_all(request("/play/time"))
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(world.clock, VirtualClock)
        assert [timer.name for timer in world.clock.pending()] == ["delay of a request"]
        world.clock.advance(3600 * SECOND, wall=True)
        with trio.fail_after(5):
            assert statuses(bytes(await ours.receive_some())) == [200]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["tls_expired", "tls_wrong_host", "tls_reset"])
def test_a_fault_of_tls_is_armed_only_where_there_is_some(kind: str) -> None:
    """It would never happen, and who armed it would take that for a client that stands it."""
    server = Server(toy_worlds())
    sent = json.dumps({"fault": kind}).encode()
    arm = HttpRequest("POST", "/__mock/faults", (("Host", "127.0.0.1"),), sent)
    refused = server.control.handle(arm)
    assert (refused.status, json.loads(refused.body)["error"]) == (
        409,
        f"{kind} befalls TLS handshakes, and this mock speaks no TLS: start it with --tls, or by exec",
    )
    assert server.worlds.default.faults.armed == []
    server.gate = Gate(server.tally, Authority())
    assert server.control.handle(arm).status == 200
