"""The gate over memory streams: TLS by the first byte, tunnels to the mock, and what does not get through."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from mockserver.attach.authority import Authority
from mockserver.attach.gate import Egress, Gate
from mockserver.attach.listing import main as show_clients
from mockserver.server import Server
from tests.unit.mockserver.toy_venue import toy_worlds


@pytest.fixture(scope="module")
def authority() -> Authority:
    """One for all tests here."""
    return Authority()


class House:
    """A server behind a gate, and a nursery for its connections."""

    def __init__(self, nursery: trio.Nursery, authority: Authority, egress: Egress) -> None:
        self.nursery = nursery
        self.authority = authority
        self.server = Server(toy_worlds())
        self.tally = self.server.tally
        self.server.gate = Gate(self.tally, authority, egress)

    def dial(self) -> trio.StapledStream[Any, Any]:
        """The client's end of a new connection."""
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server.serve_stream, theirs)
        return ours

    def trusting(self, stream: trio.abc.Stream, host: str) -> trio.SSLStream[Any]:
        """TLS as a client speaks it that trusts the authority and checks the name."""
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        return trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)


@asynccontextmanager
async def house(authority: Authority, egress: Egress = "block") -> AsyncIterator[House]:
    """A house, torn down at the end."""
    async with trio.open_nursery() as nursery:
        yield House(nursery, authority, egress)
        nursery.cancel_scope.cancel()


async def ask(stream: trio.abc.Stream, text: str) -> str:
    """Send it, and read what comes first."""
    await stream.send_all(text.encode())
    with trio.fail_after(5):
        return bytes(await stream.receive_some()).decode()


HEALTH = "GET /__mock/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "api.binance.com", "fstream.binance.com", "ftx.com"])
async def test_tls_begins_with_its_first_byte(authority: Authority, host: str) -> None:
    """The same port speaks TLS, with a certificate for the name that was asked for."""
    async with house(authority) as home:
        assert (await ask(home.dial(), HEALTH)).startswith("HTTP/1.1 200")
        secure = home.trusting(home.dial(), host)
        assert (await ask(secure, HEALTH)).startswith("HTTP/1.1 200")
        assert secure.selected_alpn_protocol() is None
        assert secure.getpeercert()["subjectAltName"][0][1] in (host, "127.0.0.1")


async def test_a_certificate_is_given_for_the_venues_only(authority: Authority) -> None:
    """A name of somebody else gets none; a client that does not trust us is counted under the name it wanted."""
    async with house(authority) as home:
        with pytest.raises(trio.BrokenResourceError):
            await home.trusting(home.dial(), "example.com").do_handshake()
        stranger = home.dial()
        with pytest.raises(trio.BrokenResourceError):
            await trio.SSLStream(stranger, ssl.create_default_context(), server_hostname="ftx.com").do_handshake()
        await stranger.aclose()
        await trio.testing.wait_all_tasks_blocked()

        assert home.tally.distrusted == {"a host that the mock does not play": 1, "ftx.com": 1}
        assert home.server.open_connections == 0


async def test_the_authority_can_vouch_for_nobody_else(authority: Authority) -> None:
    """A leaf for a foreign name, were there one, is refused by whoever trusts the authority."""
    leaf = authority._ca.issue_cert("example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    client = ssl.create_default_context(cadata=authority.pem.decode())
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:

        async def serve() -> None:
            with pytest.raises(trio.BrokenResourceError):
                await trio.SSLStream(theirs, context, server_side=True).do_handshake()

        nursery.start_soon(serve)
        with pytest.raises(trio.BrokenResourceError) as refused:
            await trio.SSLStream(ours, client, server_hostname="example.com").do_handshake()
        await ours.aclose()
    assert "permitted subtree violation" in str(refused.value.__cause__)


@pytest.mark.parametrize("inside", ["plain", "tls"])
async def test_a_tunnel_to_a_venue_ends_in_the_mock(authority: Authority, inside: str) -> None:
    """What is in it is TLS or not; a word that comes in pieces is one."""
    async with house(authority) as home:
        wire = home.dial()
        await wire.send_all(b"CONN")
        await trio.testing.wait_all_tasks_blocked()
        answer = await ask(wire, "ECT api.binance.com:443 HTTP/1.1\r\nHost: api.binance.com:443\r\n\r\n")
        assert answer == "HTTP/1.1 200 Connection established\r\n\r\n"
        stream = wire if inside == "plain" else home.trusting(wire, "api.binance.com")
        request = "GET /nowhere HTTP/1.1\r\nHost: api.binance.com\r\n\r\n"
        assert (await ask(stream, request)).startswith("HTTP/1.1 404")
        assert home.tally.requests == {"api.binance.com": 1}
        assert home.tally.unmatched == {"GET /nowhere": 1}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", "HTTP/1.1 403 Refused by mockserver"),
        ("GET http://example.com/x HTTP/1.1\r\nHost: example.com\r\n\r\n", "HTTP/1.1 403"),
        ("GET https://example.com/x HTTP/1.1\r\nHost: example.com\r\n\r\n", "HTTP/1.1 403"),
    ],
)
async def test_other_hosts_are_refused_in_words(authority: Authority, asked: str, status: str) -> None:
    """Nothing is dialled; the answer names the host and the option."""
    async with house(authority) as home:
        answer = await ask(home.dial(), asked)
        assert answer.startswith(status)
        assert "example.com is no host that the mock plays" in answer
        assert "--egress allow" in answer
        assert sum(home.tally.refused.values()) == 1


async def test_a_plain_request_through_the_proxy_is_answered(authority: Authority) -> None:
    """The host stands in the request's target then, also after one that was refused."""
    async with house(authority) as home:
        wire = home.dial()
        assert "403" in await ask(wire, "GET http://example.com/ HTTP/1.1\r\nHost: example.com\r\n\r\n")
        target = "http://127.0.0.1/__mock/health"
        assert (await ask(wire, f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).startswith("HTTP/1.1 200")


@pytest.mark.parametrize("nonsense", ["CONNECT\r\n\r\n", "CONNECT  HTTP/1.1\r\n\r\n", "CONNECT", "\x16\x03", ""])
async def test_nonsense_ends_the_connection_and_no_other(authority: Authority, nonsense: str) -> None:
    """Half a word, half a handshake, nothing: the server lives on, and no connection is left over."""
    async with house(authority) as home:
        wire = home.dial()
        await wire.send_all(nonsense.encode("latin-1"))
        await wire.send_stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert home.server.open_connections == 0
        assert (await ask(home.dial(), HEALTH)).startswith("HTTP/1.1 200")


async def test_egress_hands_bytes_on_and_still_holds_the_venues(authority: Authority) -> None:
    """With "allow" another host is reached unread; a venue's never is."""

    async def echo(stream: trio.SocketStream) -> None:
        async for some in stream:
            await stream.send_all(bytes(some).upper())

    async with house(authority, "allow") as home:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        home.nursery.start_soon(trio.serve_listeners, echo, listeners)
        where = f"127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        wire = home.dial()
        assert "200" in await ask(wire, f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n")
        assert await ask(wire, "hello") == "HELLO"
        assert home.tally.let_through == {where: 1}
        held = home.dial()
        assert "200" in await ask(held, "CONNECT www.binance.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await ask(held, HEALTH)).startswith("HTTP/1.1 200")
        assert "502" in await ask(home.dial(), "CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "502" in await ask(home.dial(), "CONNECT 127.0.0.1:no HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_client_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    """What is near, and where all are."""
    with pytest.raises(SystemExit) as ended:
        show_clients(["foo"])
    assert ended.value.code == 2
    told = "no client 'foo' is known; near: ftx; python -m mockserver clients lists all\n"
    assert capsys.readouterr().err == f"mockserver: {told}"


@pytest.mark.parametrize(
    ("argv", "code", "part"),
    [
        ([], 0, "python-binance"),
        (["python_binance"], 0, 'await MockClient.create("demoBinanceSpotApiKey'),
        (["ccxt", "--url", "http://10.0.0.1:99/"], 0, '"http://10.0.0.1:99", v)'),
        (["ftx"], 0, "ftx.FtxClient("),
        (["node"], 0, "// node-binance-api"),
    ],
)
def test_clients_are_listed(argv: list[str], code: int, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By their names or a part of one, whole names first."""
    assert show_clients(argv) == code
    shown = capsys.readouterr().out
    assert part in shown
    assert "$" not in shown.replace("process.env", "")


@pytest.mark.parametrize(
    ("argv", "part"),
    [(["kraken"], "no client 'kraken' is known"), (["ccxt", "--url", "ftp://x"], "does not begin with http://")],
)
def test_what_is_not_listed(argv: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that nobody knows, an address that is none."""
    with pytest.raises(SystemExit) as ended:
        show_clients(argv)
    assert ended.value.code == 2
    assert part in capsys.readouterr().err
