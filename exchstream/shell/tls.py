"""TLS on a stream, for a client that lets one task read and one task write at a time.

trio's own gives one record a read, at a price that a small message feels; this one gives all that has come.  The end of
the TCP connection is the end, with a closing alert or without: whether all was there, the protocol above knows.  An
answer that TLS itself owes (to a new key, in TLS 1.3) goes out before the next write, as it may.
"""

from __future__ import annotations

import ssl
from typing import Final

import trio

from exchstream.shell.layer import Layer

_RECORD: Final = 16_384  # bytes of plain text at most (RFC 8446, 5.1)


class TlsStream(Layer):
    """The stream below, encrypted: `handshake` comes first."""

    def __init__(self, inner: trio.abc.Stream, context: ssl.SSLContext, host: str) -> None:
        super().__init__(inner)
        self._come = ssl.MemoryBIO()
        self._go = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._come, self._go, server_hostname=host)
        self._ended = False  # the other side has said that nothing more will come

    async def handshake(self) -> None:
        """Agree on keys, and check who the other side is.  Raises ssl.SSLError, BrokenResourceError."""
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            if self._go.pending:
                await self._inner.send_all(self._go.read())
            if not done and not await self._fill(_RECORD):
                raise trio.BrokenResourceError("the peer hung up in the TLS handshake")

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """All that has come, of one read of so many encrypted bytes."""
        while not (text := self._decrypted()):
            if self._ended or not await self._fill(max_bytes):
                return b""
        return text

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with memoryview(data) as rest:
            at = 0
            while at < len(rest):
                at += self._tls.write(rest[at:])
        await self._inner.send_all(self._go.read())

    async def _fill(self, size: int | None) -> bool:
        """Read once; False at the end."""
        data = await self._inner.receive_some(size)
        self._come.write(data)
        return bool(data)

    def _decrypted(self) -> bytes:
        """Every whole record.  Raises BrokenResourceError for one that is wrong, once those before it are read."""
        records = []
        try:
            while record := self._tls.read(_RECORD):
                records.append(record)
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            if not records:
                raise trio.BrokenResourceError(str(exc)) from exc
        return b"".join(records)
