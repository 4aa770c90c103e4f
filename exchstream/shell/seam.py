"""The seam between the shell and a WebSocket library: what a connection can do, and how it ends.

Any transport that behaves as `Transport` says may stand in for the default one; one conformance test holds them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs

from exchstream.core.limits import LinkLimits


@attrs.frozen
class Batch:
    """Everything that arrived since the last one; `frames` is empty when only control frames were heard.

    They are bytes, as they came, whatever kind the peer says they are; of a text frame they are proven UTF-8.

    `heard_ns` is the monotonic time at which the last frame, control frames included, was read; `answered_ns` the one
    at which the newest of our pings that has been answered was sent (0: none has).
    """

    frames: tuple[bytes, ...]
    heard_ns: int
    answered_ns: int = 0


class LinkLost(Exception):
    """The connection has ended; `code` is the close code (1006: without a close frame)."""

    def __init__(self, why: str, code: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class LinkOverflow(LinkLost):
    """The connection was ended here because what it brought was not taken in time."""


class DialFailed(Exception):
    """There is no connection: DNS, TCP, TLS or the handshake failed, or the venue refused with an HTTP `status`.

    `retry_after_ns` is how long the venue asked us to stay away, `body_head` the beginning of its answer.
    """

    def __init__(
        self, why: str, status: int | None = None, retry_after_ns: int | None = None, body_head: str = ""
    ) -> None:
        super().__init__(why)
        self.why = why
        self.status = status
        self.retry_after_ns = retry_after_ns
        self.body_head = body_head


class Transport(Protocol):
    """One open connection.  All but `close` raise LinkLost once it has ended."""

    async def receive(self) -> Batch:
        """Everything that has arrived; waits until something is heard.

        Cancelling it loses nothing.  What arrived before the end is delivered before LinkLost is raised.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one text frame: whole, or (cancelled, or too slow) the connection ends."""
        ...

    async def ping(self) -> None:
        """Send a WebSocket ping; does not wait for the pong, which `receive` reports as something heard."""
        ...

    async def close(self) -> None:
        """End the connection; what arrives from now on is not heard.  May be called at any time, and twice."""
        ...


class Connect(Protocol):
    """How a transport opens a connection; leaving the block closes it.  Raises DialFailed."""

    def __call__(
        self, url: str, headers: Mapping[str, str] | None = None, *, limits: LinkLimits | None = None
    ) -> AbstractAsyncContextManager[Transport]:
        """Open a connection to a ws:// or wss:// URL."""
        ...
