"""What a connection is before it is HTTP: TLS by its first byte, or a tunnel that a client of a proxy asks for.

A tunnel to a host that the mock plays ends inside the mock. Any other is refused, unless ``egress`` is ``"allow"``:
then bytes are handed on unread, to anything but the venues' own domains. A plain-HTTP request for another host is
always refused (the server does it; this module only says in what words).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, Literal

import h11
import trio

from mockserver.attach.authority import Authority, named
from mockserver.faults import Handshake, TlsExpired, TlsReset, TlsWrongHost
from mockserver.hosts import host_of, is_played, refusal
from mockserver.tally import Tally
from mockserver.wire import Tap

Egress = Literal["block", "allow"]

FIRST_BYTE_SECONDS: Final = 120.0
HANDSHAKE_SECONDS: Final = 20.0
DIAL_SECONDS: Final = 20.0
MAX_HEAD: Final = 64 << 10
TLS: Final = 0x16
"""The first byte of a TLS handshake; no HTTP method begins with it."""
PIECE: Final = 64 << 10
Befalls = Callable[[str], Handshake | None]
"""What befalls a handshake by a client that names this host."""


class Ahead(trio.abc.HalfCloseableStream):
    """A stream of which some bytes have been read already."""

    def __init__(self, stream: trio.abc.Stream, ahead: bytes) -> None:
        self.transport_stream = stream
        self._ahead = ahead

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """What was read ahead, then what comes."""
        if not self._ahead:
            return await self.transport_stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        some, self._ahead = self._ahead[:max_bytes], b"" if max_bytes is None else self._ahead[max_bytes:]
        return some

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send it."""
        await self.transport_stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """See trio."""
        await self.transport_stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """End our side, where that can be."""
        if isinstance(self.transport_stream, trio.abc.HalfCloseableStream):
            await self.transport_stream.send_eof()

    async def aclose(self) -> None:
        """Close it."""
        await self.transport_stream.aclose()


class Gate:
    """What the connections of one server pass first."""

    def __init__(self, tally: Tally, authority: Authority, egress: Egress = "block") -> None:
        self.tally = tally
        self.authority = authority
        self.egress = egress

    async def admit(self, tap: Tap, befalls: Befalls) -> bool:
        """Make plain HTTP of the connection; False when there is nothing left to serve."""
        with trio.move_on_after(FIRST_BYTE_SECONDS) as patience:
            first = await self._peek(tap)
            if first[:1] == bytes([TLS]):
                return await self._unwrap(tap, "", first, befalls)
            if not b"CONNECT ".startswith(first[:8]) or not first:
                return bool(first)
            return await self._tunnel(tap, patience, befalls)
        return False

    async def _peek(self, tap: Tap) -> bytes:
        first = bytes(await tap.stream.receive_some())
        while first and first != b"CONNECT " and b"CONNECT ".startswith(first):  # the word itself may come in pieces
            more = bytes(await tap.stream.receive_some())
            if not more:
                break
            first += more
        tap.stream = Ahead(tap.stream, first)
        return first

    async def _unwrap(self, tap: Tap, host: str, hello: bytes, befalls: Befalls) -> bool:
        """Do the handshake; a client that breaks it off is counted by the name it wanted, unless a fault had it so."""
        wanted = named(hello) or host
        fault = befalls(wanted)
        if isinstance(fault, TlsReset):
            tap.reset()
            return False
        context = self.authority.server_context()
        if isinstance(fault, TlsExpired | TlsWrongHost):
            context = self.authority.spoilt(fault, wanted)
        secure = trio.SSLStream(tap.stream, context, server_side=True, https_compatible=True)
        tap.stream = secure
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                await secure.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError):
            name = self.authority.name_of(secure.context) or host or "a host that the mock does not play"
            if fault is None:
                self.tally.count(self.tally.distrusted, name)
            return False
        return True

    async def _tunnel(self, tap: Tap, patience: trio.CancelScope, befalls: Befalls) -> bool:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        asked = await _head(http, tap)
        if asked is None:
            return False
        authority = asked.target.decode("latin-1")
        host = host_of(authority)
        if is_played(host):
            await tap.stream.send_all(_established(http))
            tap.stream = Ahead(tap.stream, bytes(http.trailing_data[0]))
            first = await self._peek(tap)
            return await self._unwrap(tap, host, first, befalls) if first[:1] == bytes([TLS]) else bool(first)
        if self.egress == "allow":
            there = await self._dial(tap, http, host, authority)
            if there is not None:
                patience.deadline = float("inf")  # a tunnel may last
                async with there:
                    await self._let_through(tap, http, there)
        else:
            self.tally.count(self.tally.refused, authority)
            await tap.stream.send_all(_answer(http, 403, refusal(host)))
        return False

    async def _dial(self, tap: Tap, http: h11.Connection, host: str, authority: str) -> trio.SocketStream | None:
        port = authority.rpartition(":")[2]
        try:
            with trio.fail_after(DIAL_SECONDS):
                there = await trio.open_tcp_stream(host, int(port))
        except (OSError, ValueError, trio.TooSlowError) as error:
            await tap.stream.send_all(
                _answer(http, 502, f"cannot reach {authority}: {str(error) or 'it takes too long'}")
            )
            return None
        self.tally.count(self.tally.let_through, authority)
        return there

    async def _let_through(self, tap: Tap, http: h11.Connection, there: trio.SocketStream) -> None:
        """Hand the bytes of a tunnel on, both ways, until both sides have ended."""
        await tap.stream.send_all(_established(http))
        here = Ahead(tap.stream, bytes(http.trailing_data[0]))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, here, there)
            await _pump(there, here)


async def _head(http: h11.Connection, tap: Tap) -> h11.Request | None:
    while True:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError:
            return None
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await tap.stream.receive_some()))
        elif isinstance(event, h11.Request):
            return event
        else:
            return None


def _established(http: h11.Connection) -> bytes:
    while http.next_event() is not h11.PAUSED:  # the end of a request that has no body
        pass
    return http.send(h11.Response(status_code=200, headers=[], reason=b"Connection established")) or b""


def _answer(http: h11.Connection, status: int, text: str) -> bytes:
    body = f"{text}\n".encode()
    headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    reason = b"Refused by mockserver" if status == 403 else b"No such host"
    sent = [h11.Response(status_code=status, headers=headers, reason=reason), h11.Data(data=body), h11.EndOfMessage()]
    return b"".join(http.send(event) or b"" for event in sent)


async def _pump(source: trio.abc.Stream, sink: trio.abc.HalfCloseableStream) -> None:
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await source.receive_some(PIECE):
            await sink.send_all(data)
        await sink.send_eof()
