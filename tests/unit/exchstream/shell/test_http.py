"""HTTP over loopback sockets, against a server that is nothing but bytes."""

from __future__ import annotations

import gzip
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
import trio
import trustme

from exchstream.core.limits import HttpLimits
from exchstream.core.venue import SECOND, Reply, Request
from exchstream.errors import ConfigError
from exchstream.shell.http import Http, Unanswered, _Body

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PACKED = gzip.compress(b'{"serverTime":1499827319559}' * 99)
GZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
Stream = trio.abc.Stream


@asynccontextmanager
async def server(handle: Callable[[Stream], Awaitable[None]]) -> AsyncIterator[str]:
    """Serves each connection with `handle`; yields the base URL."""

    async def quietly(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await handle(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, quietly, 0, host="127.0.0.1"))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def client(limits: HttpLimits | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Http]:
    http = Http(limits=limits, ssl_context=tls)
    try:
        yield http
    finally:
        with trio.move_on_after(1, shield=True):
            await http.aclose()


async def request_of(stream: Stream) -> bytes:
    """One request, head and body; empty when the client has hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await stream.receive_some(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += await stream.receive_some(65536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Callable[[Stream], Awaitable[None]]:
    """A connection that gives these answers in turn and then hangs up."""

    async def handle(stream: Stream) -> None:
        for answer in answers:
            request = await request_of(stream)
            if not request:
                return
            if seen is not None:
                seen.append(request)
            await stream.send_all(answer)

    return handle


async def unanswered(http: Http, request: Request, base_url: str) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        await http.ask(request, base_url)
    return caught.value


@pytest.mark.parametrize(
    "target",
    [
        "/api/v3/order?symbol=%EF%BC%91%EF%BC%92&signature=a%2Fb%2Bc%3D%3D",
        "/api?a=%2f&b=%2F&c=~!*'()&d=[x]&e=a+b&f=|^`{}\"<>",
        "/a/../b/./c//d?x=%41",
        "/a?",
        "/a?b=1&b=2&&=",
        "/%zz?%",
    ],
)
async def test_target_as_given(target: str) -> None:
    """Path and query go out byte for byte: they are what was signed."""
    seen: list[bytes] = []
    async with server(answering(OK, seen=seen)) as url, client() as http:
        await http.ask(Request("GET", target), url)

    assert seen[0].split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


async def test_path_of_the_base_url() -> None:
    """It is put before the request's own."""
    seen: list[bytes] = []
    async with server(answering(OK, seen=seen)) as url, client() as http:
        await http.ask(Request("GET", "/api/x?y"), f"{url}/prefix/")

    assert seen[0].startswith(b"GET /prefix/api/x?y HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("POST", b'{"a": 1}', b"8"), ("DELETE", b"{}", b"2"), ("POST", b"", b"0"), ("PUT", b"", b"0"), ("GET", b"", None)],
)
async def test_method_headers_and_body(method: str, body: bytes, length: bytes | None) -> None:
    """They arrive as they are, and nothing is added that tells of us."""
    seen: list[bytes] = []
    async with server(answering(OK, seen=seen)) as url, client() as http:
        reply = await http.ask(Request(method, "/x", {"X-MBX-APIKEY": KEY}, body), url)
    head, _, sent = seen[0].partition(b"\r\n\r\n")
    headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    headers = {name.lower(): value for name, value in headers.items()}

    assert (head.split(b" ")[0].decode(), sent) == (method, body)
    assert headers[b"x-mbx-apikey"] == KEY.encode()
    assert headers.get(b"content-length") == length
    assert headers[b"user-agent"] == b"exchstream"
    assert reply == Reply(200, {"content-length": "2"}, b"{}")


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 410, 418, 429, 500, 503])
async def test_every_status_is_a_reply(status: int) -> None:
    """What it means is the venue's to say; a redirect is not followed, and header names come in lower case."""
    answer = b"HTTP/1.1 %d X\r\nRetry-AFTER: 7\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status
    async with server(answering(answer)) as url, client() as http:
        reply = await http.ask(Request("GET", "/"), url)

    assert (reply.status, reply.headers["retry-after"], reply.body) == (status, "7", b"")


async def test_no_cookies() -> None:
    """A cookie that the venue sets is not sent back; the connection is used again."""
    seen: list[bytes] = []
    cookie = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: id=1; Path=/\r\n\r\n")
    async with server(answering(cookie, OK, seen=seen)) as url, client() as http:
        for _ in range(2):
            await http.ask(Request("GET", "/"), url)

    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()


@pytest.mark.parametrize("sent", [b"x" * 1001, gzip.compress(b"x" * 1_000_000)], ids=["plain", "packed"])
async def test_answer_over_the_bound(sent: bytes) -> None:
    """It is cut off, also when it is small on the wire and large when unpacked; the bound itself is allowed."""
    plain = GZIPPED.replace(b"Content-Encoding: gzip\r\n", b"")
    answer = (GZIPPED if sent[:2] == b"\x1f\x8b" else plain) % (len(sent), sent)
    fits = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    async with client(HttpLimits(max_body=1000)) as http:
        async with server(answering(answer)) as url:
            failed = await unanswered(http, Request("GET", "/"), url)
        async with server(answering(fits)) as url:
            reply = await http.ask(Request("GET", "/"), url)

    assert "larger than 1000 bytes" in failed.why
    assert len(reply.body) == 1000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nplain",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nplai",
        GZIPPED % (len(PACKED) - 4, PACKED[:-4]),
        GZIPPED % (len(PACKED) + 4, PACKED + b"more"),
        b"\x16\x03\x01\x00\x05hello",
    ],
)
async def test_broken_answer(answer: bytes) -> None:
    """Half an answer, or none, is Unanswered; the next question goes through."""
    async with client() as http:
        async with server(answering(answer)) as url:
            failed = await unanswered(http, Request("GET", f"/?signature={KEY}"), url)
        async with server(answering(OK)) as url:
            assert (await http.ask(Request("GET", "/"), url)).status == 200

    assert failed.why.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("packed", [PACKED, b""], ids=["packed", "empty"])  # gzip puts the time into the bytes
async def test_packed_answer(packed: bytes) -> None:
    """A packed answer is unpacked, and an empty one stays empty."""
    async with server(answering(GZIPPED % (len(packed), packed))) as url, client() as http:
        reply = await http.ask(Request("GET", "/"), url)

    assert reply.body == (gzip.decompress(packed) if packed else b"")


def test_body_that_is_done_for() -> None:
    """What comes after the fault changes nothing."""
    body = _Body("identity", 10)

    assert [body.take(piece) for piece in (b"x" * 10, b"x", b"")] == [True, False, False]
    assert body.fault == "the answer is larger than 10 bytes"


async def test_endless_answer() -> None:
    """It is cut off at the bound, not at the time limit."""

    async def handle(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 100_000)

    async with server(handle) as url, client(HttpLimits(max_body=1_000_000)) as http:
        failed = await unanswered(http, Request("GET", "/"), url)

    assert "larger than 1000000 bytes" in failed.why


@pytest.mark.parametrize(
    ("limits", "first"),
    [
        (HttpLimits(read_ns=SECOND // 10), b""),
        (HttpLimits(read_ns=SECOND // 10), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
        (HttpLimits(total_ns=SECOND // 10), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),
    ],
)
async def test_silent_server(limits: HttpLimits, first: bytes) -> None:
    """Each time limit ends the wait."""

    async def handle(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(first)
        await trio.sleep_forever()

    async with server(handle) as url, client(limits) as http:
        failed = await unanswered(http, Request("GET", "/"), url)

    assert "in time" in failed.why


async def test_nobody_listens() -> None:
    """A refused connection says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
    async with client() as http:
        failed = await unanswered(http, Request("GET", "/"), f"http://127.0.0.1:{number}")

    assert failed.why.startswith(f"http://127.0.0.1:{number}: ")


async def test_tls() -> None:
    """https:// checks the certificate against the given context, by default the platform's."""
    authority = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def handle(stream: Stream) -> None:
        tls = trio.SSLStream(stream, theirs, server_side=True, https_compatible=True)
        try:
            await answering(OK)(tls)
        finally:
            await trio.aclose_forcefully(tls)

    async with server(handle) as url:
        url = url.replace("http://", "https://")
        async with client(tls=trusting) as http:
            assert (await http.ask(Request("GET", "/"), url)).status == 200
        async with client() as http:
            failed = await unanswered(http, Request("GET", "/"), url)

    assert "certificate verify failed" in failed.why


async def test_cancelled_questions_leave_the_pool_whole() -> None:
    """Hundreds of questions given up at odd moments; the next one is answered."""
    chance = random.Random(3)
    async with server(answering(*[OK] * 1000)) as url, client(HttpLimits(max_connections=4)) as http:

        async def impatient() -> None:
            for _ in range(15):
                with trio.move_on_after(chance.choice([0, 0.001, 0.003, 0.006])):
                    await http.ask(Request("GET", "/"), url)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(impatient)
        with trio.fail_after(5):
            reply = await http.ask(Request("GET", "/"), url)

    assert reply.status == 200


async def test_outer_cancellation_is_not_unanswered() -> None:
    """A wait that the caller gives up ends as a cancellation."""

    async def handle(stream: Stream) -> None:
        await trio.sleep_forever()

    async with server(handle) as url, client() as http:
        with trio.move_on_after(0.05) as scope:
            await http.ask(Request("GET", "/"), url)

    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("request_", "url"),
    [
        (Request("GET", f"/?a={KEY} "), "http://127.0.0.1:9"),
        (Request("GET", f"/{KEY}é"), "http://127.0.0.1:9"),
        (Request("GET", KEY), "http://127.0.0.1:9"),
        (Request("GET", "/", {"X-MBX-APIKEY": KEY + "é"}), "http://127.0.0.1:9"),
        (Request("GET", "/", {"X-MBX-APIKEY": KEY + "\r\nX: y"}), "http://127.0.0.1:9"),
        (Request("GET", "/"), f"ftp://127.0.0.1/{KEY}"),
        (Request("GET", "/"), f"http://{KEY}@127.0.0.1"),
    ],
)
async def test_what_cannot_be_sent(request_: Request, url: str) -> None:
    """It is the user's mistake, told without showing it."""
    async with client() as http:
        with pytest.raises(ConfigError) as caught:
            await http.ask(request_, url)

    assert KEY not in repr(caught.value)


async def test_nothing_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """No part of a request in any log at any level, nor in what is raised, nor in anything that hangs on it."""
    caplog.set_level(logging.DEBUG)
    secret = Request("POST", f"/x?signature={KEY}", {"X-MBX-APIKEY": KEY}, f'{{"k":"{KEY}"}}'.encode())
    async with server(answering(OK, b"")) as url, client() as http:
        await http.ask(secret, url)
        failed = await unanswered(http, secret, url)

    assert caplog.records != []
    assert [record for record in caplog.records if KEY in record.getMessage()] == []
    assert KEY not in repr((failed, vars(failed), secret))
    assert (failed.__cause__, failed.__context__) == (None, None)
