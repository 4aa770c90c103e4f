"""The default transport: trio-websocket behind the seam, with its hazards closed.


* a ping that arrives while we close crashes its reader (its issue 184): pings are answered only while open;
* after an abnormal close its socket stays open: `connect` closes the stream whatever happens;
* a cancelled send leaves half a frame on the wire: a frame is sent whole, or the connection ends;
* a slow consumer stops its reader, and the pongs with it: messages go to a buffer with a bound, and passing the bound
  ends the link aloud;
* its ping waits for the pong, for ever: ours waits for nothing, and every batch says when anything was last heard;
* its protocol takes longer over a message than all that is done with it: plain text frames go past it (`shortcut`).

It does not reconnect, send pings by itself, or know what a frame means: silence is the Session's to judge.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import h11
import trio
from trio_websocket import CloseReason, ConnectionClosed, ConnectionRejected, WebSocketConnection
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectData,
    TextMessage,
)
from wsproto.utilities import ProtocolError

from exchstream.core.limits import LinkLimits
from exchstream.core.venue import SECOND
from exchstream.shell.clock import mono_ns
from exchstream.shell.link import (
    ABNORMAL,
    BODY_HEAD,
    NO_WEBSOCKET,
    BaseLink,
    StreamOpener,
    WholeFrames,
    dialled,
    open_stream,
)
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.places import Place, checked_headers, default_tls, place
from exchstream.shell.seam import Batch, LinkLost, Transport
from exchstream.shell.shortcut import ShortCut

_PROTOCOL: Final = 1002
_HEAD_ENDS: Final = b"\r\n\r\n"
_TOO_BIG: Final = 1009


@asynccontextmanager
async def connect(
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    ssl_context: ssl.SSLContext | None = None,
    limits: LinkLimits | None = None,
    opener: StreamOpener = open_stream,
) -> AsyncIterator[Transport]:
    """Open a connection to a ws:// or wss:// URL; leaving the block closes it.

    Raises DialFailed when it cannot be opened, ConfigError when the URL or a header cannot work.  An exception of the
    block comes out as itself.
    """
    where = place(url, ("ws", "wss"))
    sent = checked_headers(headers or {})
    limits = limits or LinkLimits()
    deadline = trio.current_time() + limits.open_ns / SECOND
    stream = await dialled(where, ssl_context or default_tls(), deadline, opener)
    try:
        link = _Link(stream, where, sent, limits)
        async with open_bare_nursery() as nursery:
            nursery.start_soon(link.live)
            try:
                await link.opened(deadline)
                yield link
            finally:
                with trio.move_on_after(2 * limits.close_ns / SECOND, shield=True):
                    await link.close()
                link.stop()
    finally:
        await trio.aclose_forcefully(stream)


class _Link(BaseLink):
    """The default transport: a buffer that trio-websocket's reader fills and `receive` empties."""

    def __init__(
        self, stream: trio.abc.Stream, where: Place, headers: list[tuple[bytes, bytes]], limits: LinkLimits
    ) -> None:
        super().__init__(where, headers, limits)
        self.accepted = False
        self._stream = _Past(self, stream)
        self._conn = _Connection(self, self._stream, where, headers)
        self._news = trio.Event()
        self._settled = trio.Event()
        self._reading = True
        # Only `stop` ends the reader: were it cancelled with the block, it could not finish the close.
        self._life = trio.CancelScope(shield=True)

    # ------------------------------------------------------------------------------------ the reader's side

    def hear(self, pong: bytes = b"") -> None:
        super().hear(pong)
        self._news.set()

    def accept(self) -> None:
        """The handshake is done."""
        self.accepted = True
        self._settled.set()

    def finish(self, end: LinkLost) -> None:
        super().finish(end)
        self._news.set()
        self._settled.set()

    async def keep(self, texts: list[bytes]) -> None:
        """Keep what went past trio-websocket; there is a bound."""
        self.hear()
        for text in texts:
            if self._end is not None:
                return
            if (overflow := self.take(text)) is not None:
                await self._conn.give_up(overflow)

    async def live(self) -> None:
        """Read until the connection ends."""
        with self._life:
            try:
                await self._conn._reader_task()
            except ConnectionRejected:
                pass  # `opened` tells it
            except (ProtocolError, h11.ProtocolError):
                # Also what its reader runs into when it tries to answer a broken handshake as a server would.
                self.finish(LinkLost(NO_WEBSOCKET, _PROTOCOL))
            self._reading = False
            closed = self._conn.closed
            self.finish_closed(ABNORMAL if closed is None else int(closed.code), None)
            await trio.aclose_forcefully(self._stream)

    async def opened(self, deadline: float) -> None:
        """Wait for the handshake.  Raises DialFailed."""
        with trio.move_on_at(deadline):
            await self._settled.wait()
        if self.accepted:
            return
        status, headers, body = self._conn.refusal()
        raise self.refused(status, headers, body) if status else self.unopened()

    def stop(self) -> None:
        """Let go of the reader."""
        self._life.cancel()

    # --------------------------------------------------------------------------------------- the user's side

    async def receive(self) -> Batch:
        if self._news.is_set():
            await trio.lowlevel.checkpoint()
        else:
            await self._news.wait()
        # No waiting from here on: a cancelled call has taken nothing.
        batch = self.batch()
        if self._end is None:
            self._news = trio.Event()
        return batch

    async def send(self, text: str) -> None:
        await self._sent(TextMessage(data=text))

    async def ping(self) -> None:
        await self._sent(Ping(payload=str(mono_ns()).encode()))

    async def _sent(self, event: Event) -> None:
        if self._end is None:
            try:
                await self._conn.put(event)
                return
            except ConnectionClosed:
                self.finish_closed(ABNORMAL, None)
        await trio.lowlevel.checkpoint()
        raise self.lost()

    async def close(self) -> None:
        self.finish(LinkLost("closed by this side", 1000))
        self.forget()
        if self.accepted and self._reading:  # else nobody is there to see the other side's close frame
            with trio.move_on_after(self.limits.close_ns / SECOND, shield=True), suppress(ProtocolError):
                await self._conn.aclose()
        await trio.aclose_forcefully(self._stream)


class _Past(WholeFrames):
    """What trio-websocket reads and writes: all but the plain text frames that come, which go to the link at once."""

    def __init__(self, link: _Link, inner: trio.abc.Stream) -> None:
        super().__init__(inner, link.limits.send_ns)
        self._link = link
        self._short_cut = ShortCut(link.limits.max_message)
        self._head: bytes | None = b""  # the end of what came of the handshake's answer; None: that is over
        self._behind = b""  # came with it

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._head is not None:
            return self._of_the_handshake(await super().receive_some(max_bytes))
        behind, self._behind = self._behind, b""
        if not self._link.accepted:  # a refusal has a body
            return behind or await super().receive_some(max_bytes)
        if behind:
            self._short_cut.add(behind)
        while True:
            texts: list[bytes] = []
            others = self._short_cut.take(texts)
            if texts:
                await self._link.keep(texts)
            if others:
                return others
            data = await super().receive_some(max_bytes)
            if not data:
                return data
            self._short_cut.add(data)

    def _of_the_handshake(self, data: bytes | bytearray) -> bytes:
        """Up to where the answer's head ends, so that its protocol then stands between two frames."""
        assert self._head is not None
        known = len(self._head)
        seen = self._head + data
        end = seen.find(_HEAD_ENDS)
        if end < 0:
            self._head = seen[-len(_HEAD_ENDS) + 1 :]
            return bytes(data)
        self._head, self._behind = None, seen[end + len(_HEAD_ENDS) :]
        return seen[known : end + len(_HEAD_ENDS)]


class _Connection(WebSocketConnection):
    """trio-websocket's connection, with the handlers replaced through which its hazards come."""

    def __init__(self, link: _Link, stream: trio.abc.Stream, where: Place, headers: list[tuple[bytes, bytes]]) -> None:
        self._link = link
        super().__init__(
            stream,
            WSConnection(ConnectionType.CLIENT),
            host=where.authority,
            path=where.target,
            client_extra_headers=headers,
            receive_buffer_size=link.limits.read_size,
        )

    async def put(self, event: Event) -> None:
        """Send a frame.  Raises ConnectionClosed."""
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)
        await self._send(event)

    def refusal(self) -> tuple[int, tuple[tuple[bytes, bytes], ...], bytes]:
        """Status (0: none), headers, and what has been read of the body of a refused handshake."""
        return self._reject_status, tuple(self._reject_headers), bytes(self._reject_body)

    async def _handle_accept_connection_event(self, event: AcceptConnection) -> None:
        await super()._handle_accept_connection_event(event)
        self._link.accept()

    async def _handle_reject_data_event(self, event: RejectData) -> None:
        await super()._handle_reject_data_event(event)
        if len(self._reject_body) >= BODY_HEAD:  # the head is enough: a page may be long, or never end
            raise ConnectionRejected(self._reject_status, self._reject_headers, body=None)

    async def _handle_close_connection_event(self, event: CloseConnection) -> None:
        self._link.hear()
        if self._wsproto.state is ConnectionState.OPEN:  # no close frame came: wsproto could not read on
            self._link.finish(LinkLost(f"{NO_WEBSOCKET}: {event.reason}", int(event.code)))
        self._link.finish_closed(int(event.code), event.reason)
        await super()._handle_close_connection_event(event)

    async def _handle_ping_event(self, event: Ping) -> None:
        self._link.hear()
        if self._wsproto.state is ConnectionState.OPEN:
            await super()._handle_ping_event(event)

    async def _handle_pong_event(self, event: Pong) -> None:
        self._link.hear(bytes(event.payload))

    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        link, limits = self._link, self._link.limits
        if link.ended:
            return
        link.hear()
        if event.data:  # empty fragments add nothing and could come for ever
            data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
            self._message_parts.append(data)
            self._message_size += len(data)
        if self._message_size > limits.max_message or len(self._message_parts) > limits.max_pieces:
            await self.give_up(LinkLost(f"a message is larger than {limits.max_message} bytes", _TOO_BIG))
        elif event.message_finished:
            frame = b"".join(self._message_parts)  # type: ignore[arg-type]  # only the lines above put anything there
            self._message_parts, self._message_size = [], 0
            if (overflow := link.take(frame)) is not None:
                await self.give_up(overflow)

    async def give_up(self, end: LinkLost) -> None:
        """End the connection from this side, telling the peer why if it still listens."""
        self._link.finish(end)
        assert end.code is not None
        self._close_reason = CloseReason(end.code, end.why)
        with trio.move_on_after(self._link.limits.close_ns / SECOND):
            await self._send(CloseConnection(code=end.code, reason=end.why))
        await trio.aclose_forcefully(self._stream)
