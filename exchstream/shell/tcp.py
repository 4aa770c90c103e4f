"""A TCP connection that waits before it reads.

trio tries first, since more may have come already.  Whoever reads messages has just taken all that there was, so the
try fails as a rule; it takes an exception, between a message and the one who waits for it.
"""

from __future__ import annotations

import os
from operator import index
from typing import Final

import trio

from exchstream.shell.layer import Layer

_READ: Final = 65_536  # bytes, where the caller does not say how many


class TcpStream(Layer):
    """trio's own (which nobody may derive from), but for reading."""

    def __init__(self, inner: trio.SocketStream) -> None:
        super().__init__(inner)
        self._socket = inner.socket

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has come, waiting for some.  Cancelled, it has read nothing."""
        size = _READ if max_bytes is None else index(max_bytes)
        if size < 1:
            raise ValueError("max_bytes must be >= 1")
        try:
            while True:
                if self._socket.fileno() < 0:
                    raise trio.ClosedResourceError("this side has hung up")
                await trio.lowlevel.wait_readable(self._socket)
                try:
                    return os.read(self._socket.fileno(), size)
                except BlockingIOError:  # there was something, and the system has thrown it away
                    continue
        except OSError as exc:
            raise trio.BrokenResourceError(f"socket connection broken: {exc}") from exc
