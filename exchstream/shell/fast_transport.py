"""The second transport: websockets' protocol without its I/O, read by whoever waits for messages (extra `fast`).

A task between the socket and the reader costs more than all the rest, so `receive` reads by itself: one read, and all
that it brought is one batch.  Only when nobody has been in `receive` for a while does a stand-in read, so that pings
are answered and the backlog has its bound however slow the consumer is.  Nobody waits for a pong to get out, but no
more is read until it has.

It does not reconnect, send pings by itself, or know what a frame means: silence is the Session's to judge.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import trio
from wsproto.utilities import ProtocolError

from exchstream.core.limits import LinkLimits
from exchstream.core.venue import SECOND
from exchstream.shell import frames
from exchstream.shell.clock import mono_ns
from exchstream.shell.frames import Frames
from exchstream.shell.handshake import Handshake
from exchstream.shell.link import (
    ABNORMAL,
    NO_WEBSOCKET,
    POLICY,
    BaseLink,
    StreamOpener,
    WholeFrames,
    dialled,
    open_stream,
)
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.places import Place, checked_headers, default_tls, place
from exchstream.shell.seam import Batch, LinkLost, Transport

_TOO_BIG: Final = 1009
_GONE: Final = (trio.BrokenResourceError, trio.ClosedResourceError)


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
        async with open_bare_nursery() as nursery:
            link = _Link(WholeFrames(stream, limits.send_ns), where, sent, limits, nursery)
            await link.open(sent, deadline)
            nursery.start_soon(link.stand_in)
            try:
                yield link
            finally:
                with trio.move_on_after(2 * limits.close_ns / SECOND, shield=True):
                    await link.close()
                nursery.cancel_scope.cancel()
    finally:
        await trio.aclose_forcefully(stream)


class _Link(BaseLink):
    """A connection that is read by one task at a time: a consumer, the stand-in, or who closes it."""

    def __init__(
        self,
        stream: trio.abc.Stream,
        where: Place,
        headers: list[tuple[bytes, bytes]],
        limits: LinkLimits,
        nursery: trio.Nursery,
    ) -> None:
        super().__init__(where, headers, limits)
        self._stream = stream
        self._nursery = nursery
        self._proto = Frames(limits)
        self._opened = False
        self._gone = False  # the stream brings nothing more
        self._heard = False  # since the last batch
        self._reading = trio.Lock()
        self._sending = trio.Lock()
        self._answered: trio.Event | None = None  # an answer is on its way until it is set
        self._turns = 0  # calls of `receive`
        self._inside = 0  # of these, how many wait
        self._left: trio.Event | None = None  # the stand-in waits until nobody does
        self._standing_in: trio.CancelScope | None = None
        self._parted = trio.Event()

    # -------------------------------------------------------------------------------------------------- opening

    async def open(self, headers: list[tuple[bytes, bytes]], deadline: float) -> None:
        """The handshake.  Raises DialFailed."""
        shake = Handshake(self._where, headers)
        try:
            with trio.move_on_at(deadline):
                await self._stream.send_all(shake.request)
                while not shake.settled:
                    data = await self._stream.receive_some(self.limits.read_size)
                    if not data:
                        self.finish_closed(ABNORMAL, None)
                        break
                    shake.feed(data)
        except _GONE:
            self.finish_closed(ABNORMAL, None)
        except ProtocolError:
            self.finish(LinkLost(NO_WEBSOCKET))
        if not shake.accepted:
            raise self.refused(shake.status, shake.headers, shake.body) if shake.status else self.unopened()
        self._opened = True
        if shake.behind:
            self._take_in(shake.behind)

    # -------------------------------------------------------------------------------------------------- reading

    async def receive(self) -> Batch:
        self._turns += 1
        if self._heard or self._end is not None:
            await trio.lowlevel.checkpoint()
            return self._all()
        self._inside += 1
        try:
            await self._read()
        finally:
            self._inside -= 1
            if self._left is not None:
                self._left.set()
        return self._all()

    def _all(self) -> Batch:
        self._heard = False
        return self.batch()

    async def _read(self) -> None:
        """Read once, unless another reader has, or the link has ended."""
        if self._standing_in is not None:
            self._standing_in.cancel()
        try:
            self._reading.acquire_nowait()
        except trio.WouldBlock:
            await self._reading.acquire()
        try:
            if not self._heard and self._end is None:
                await self._more(direct=True)
        finally:
            self._reading.release()

    async def _more(self, *, direct: bool = False) -> None:
        """One read, by who holds `_reading`.  Cancelled, it has read nothing."""
        if self._answered is not None:
            await self._answered.wait()
        try:
            data = await self._stream.receive_some(self.limits.read_size)
        except _GONE:
            data = b""
        if data:
            self._take_in(data, direct=direct)
        else:
            self._gone = True
            self.finish_closed(ABNORMAL, None)

    def _take_in(self, data: bytes | bytearray, *, direct: bool = False) -> None:
        """Keep what was read; there is a bound, unless it goes to the reader directly."""
        proto = self._proto
        messages = proto.feed(data)
        if self._end is None:
            self._heard = True
            self.hear()
            for pong in proto.pongs:
                self.hear(pong)
            if direct:
                self._frames = messages
            else:
                self._keep(messages)
        if proto.ended:
            self._told(proto)
        elif proto.wants_to_send and self._answered is None:
            self._answered = trio.Event()
            self._nursery.start_soon(self._answer)

    def _keep(self, messages: list[bytes]) -> None:
        for message in messages:
            if (overflow := self.take(message)) is not None:
                self._proto.close(POLICY, overflow.why)
                self.finish(overflow)
                return

    def _told(self, proto: Frames) -> None:
        """The protocol says how it ended."""
        assert proto.code is not None
        if not proto.fault:
            self.finish_closed(proto.code, proto.reason)
        elif proto.code == _TOO_BIG:
            self.finish(LinkLost(proto.fault, proto.code))
        else:
            self.finish(LinkLost(f"{NO_WEBSOCKET}: {proto.fault}", proto.code))

    async def stand_in(self) -> None:
        """Read while nobody else has for a while."""
        while self._end is None:
            turns = self._turns
            if self._inside:
                self._left = trio.Event()
                await self._left.wait()
                self._left = None
            await trio.sleep(self.limits.unread_ns / SECOND)
            if self._inside or self._turns != turns:
                continue
            with trio.CancelScope() as self._standing_in:
                while self._end is None:
                    async with self._reading:
                        await self._more()
            self._standing_in = None

    # -------------------------------------------------------------------------------------------------- writing

    async def send(self, text: str) -> None:
        await self._sent(lambda: frames.text(text))

    async def ping(self) -> None:
        await self._sent(lambda: frames.ping(str(mono_ns()).encode()))

    async def _sent(self, made: Callable[[], bytes]) -> None:
        async with self._sending:
            if self._end is None:
                try:
                    await self._stream.send_all(made())
                    return
                except _GONE:
                    self.finish_closed(ABNORMAL, None)
        raise self.lost()

    async def _answer(self) -> None:
        """Send what the protocol wants to; shielded, since half a frame would end the link."""
        with trio.CancelScope(shield=True):
            try:
                await self._flush()
            except _GONE:
                self.finish_closed(ABNORMAL, None)
            finally:
                if self._answered is not None:
                    self._answered.set()
                    self._answered = None

    async def _flush(self) -> None:
        async with self._sending:
            if data := self._proto.data_to_send():
                await self._stream.send_all(data)

    # --------------------------------------------------------------------------------------------------- ending

    def finish(self, end: LinkLost) -> None:
        first = self._end is None
        super().finish(end)
        if first and self._opened:
            self._nursery.start_soon(self._leave)

    async def _leave(self) -> None:
        """Say what is still to be said, hear the other side out if we spoke first, and hang up."""
        with trio.CancelScope(shield=True):
            with trio.move_on_after(self.limits.close_ns / SECOND), suppress(*_GONE):
                await self._flush()
                while not self._is_quiet():
                    async with self._reading:
                        if not self._is_quiet():  # somebody else may have read meanwhile
                            await self._more()
            await trio.aclose_forcefully(self._stream)
            self._parted.set()

    def _is_quiet(self) -> bool:
        return self._proto.ended or self._gone

    async def close(self) -> None:
        if self._end is None:
            self._proto.close(1000)
            self.finish(LinkLost("closed by this side", 1000))
        self.forget()
        with trio.CancelScope(shield=True):
            await self._parted.wait()
