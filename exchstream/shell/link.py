"""What every transport needs below and beside its protocol: the dial, whole writes, how a link and a dial end.

Which library speaks the protocol is not known here, and nothing is read.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import trio

from exchstream.core.backoff import retry_after_ns
from exchstream.core.limits import KIB, LinkLimits
from exchstream.core.venue import SECOND
from exchstream.shell.clock import mono_ns
from exchstream.shell.layer import Layer
from exchstream.shell.places import Place, cleaned, system_words
from exchstream.shell.seam import Batch, DialFailed, LinkLost, LinkOverflow
from exchstream.shell.tcp import TcpStream
from exchstream.shell.tls import TlsStream

ABNORMAL: Final = 1006  # RFC 6455, 7.4.1: no close frame was seen
POLICY: Final = 1008
NO_WEBSOCKET: Final = "the peer does not speak the WebSocket protocol"
BODY_HEAD: Final = 4 * KIB  # of a refusal's body; a page may be long, or never end
_SHOWN: Final = 500

StreamOpener = Callable[[Place, ssl.SSLContext], Awaitable[trio.abc.Stream]]


async def open_stream(where: Place, tls: ssl.SSLContext) -> trio.abc.Stream:
    """A TCP connection, with TLS on it where the URL says so."""
    stream = TcpStream(await trio.open_tcp_stream(where.host, where.port))
    if not where.secure:
        return stream
    secured = TlsStream(stream, tls, where.host)
    done = False
    try:
        await secured.handshake()
        done = True
    finally:
        if not done:
            await trio.aclose_forcefully(stream)
    return secured


async def dialled(where: Place, tls: ssl.SSLContext, deadline: float, opener: StreamOpener) -> trio.abc.Stream:
    try:
        with trio.fail_at(deadline):
            return await opener(where, tls)
    except trio.TooSlowError:
        why = "no connection in time"
    except (OSError, trio.BrokenResourceError, UnicodeError) as exc:
        why = system_words(exc)
    raise DialFailed(f"cannot connect to {where}: {why}")


class WholeFrames(Layer):
    """A stream on which a write is done whole, or ends the stream."""

    def __init__(self, inner: trio.abc.Stream, send_ns: int) -> None:
        super().__init__(inner)
        self._send_s = send_ns / SECOND

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()  # the last moment at which nothing has been written
        whole = False
        try:
            with trio.move_on_after(self._send_s):
                await self._inner.send_all(data)
                whole = True
        finally:
            if not whole:
                await trio.aclose_forcefully(self._inner)
        if not whole:
            raise trio.BrokenResourceError("the peer takes no bytes")


class BaseLink:
    """What one link keeps for `receive`, what it has heard, and how it ended."""

    def __init__(self, where: Place, headers: list[tuple[bytes, bytes]], limits: LinkLimits) -> None:
        self.limits = limits
        self._where = where
        self._secrets = [value.decode("ascii") for _, value in headers]
        self._frames: list[bytes] = []
        self._size = 0
        self._heard_ns = mono_ns()
        self._answered_ns = 0
        self._end: LinkLost | None = None

    @property
    def ended(self) -> bool:
        """True once nothing more will be heard."""
        return self._end is not None

    def hear(self, pong: bytes = b"") -> None:
        """Something was read; the payload of ours that a pong brings back says when its ping was sent."""
        if self._end is None:
            self._heard_ns = mono_ns()
            if pong.isdigit() and len(pong) < 20 and int(pong) <= self._heard_ns:
                self._answered_ns = max(self._answered_ns, int(pong))

    def take(self, frame: bytes) -> LinkOverflow | None:
        """Keep this message for `receive`; how the link ends when there is no room."""
        limits = self.limits
        if len(self._frames) >= limits.max_backlog or self._size + len(frame) > limits.max_backlog_size:
            return LinkOverflow("messages arrived faster than they were taken", POLICY)
        self._frames.append(frame)
        self._size += len(frame)
        return None

    def finish(self, end: LinkLost) -> None:
        """The connection has ended; the first reason stays."""
        if self._end is None:
            self._end = end

    def finish_closed(self, code: int, reason: str | None) -> None:
        """A close frame, or the end of the TCP connection without one."""
        if code == ABNORMAL:
            self.finish(LinkLost("the connection broke", code))
        else:
            words = f": {self._clean(reason)}" if reason else ""
            self.finish(LinkLost(f"closed by the venue with {code}{words}", code))

    def batch(self) -> Batch:
        """All that is kept, now the caller's.  Raises LinkLost when nothing is and nothing will be."""
        if self._end is not None and not self._frames:
            raise self.lost()
        batch = Batch(tuple(self._frames), self._heard_ns, self._answered_ns)
        self.forget()
        return batch

    def forget(self) -> None:
        """Keep nothing."""
        self._frames, self._size = [], 0

    def lost(self) -> LinkLost:
        """How it ended, anew each time: an exception that is raised twice grows its traceback."""
        assert self._end is not None
        return type(self._end)(self._end.why, self._end.code)

    def refused(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> DialFailed:
        """The venue's answer to the handshake, as an error; its body may still be coming."""
        fields = {name.lower(): value.decode("latin-1") for name, value in headers}
        after = fields.get(b"retry-after")
        return DialFailed(
            f"{self._where} refused the connection: HTTP {status}",
            status,
            None if after is None else retry_after_ns(after, fields.get(b"date")),
            self._clean(body[:BODY_HEAD].decode("utf-8", "replace"))[:_SHOWN],
        )

    def unopened(self) -> DialFailed:
        """No answer to the handshake, or none that is one."""
        why = "no handshake in time" if self._end is None else self._end.why
        return DialFailed(f"cannot connect to {self._where}: {why}")

    def _clean(self, text: str) -> str:
        return cleaned(text, self._where.target, self._secrets)
