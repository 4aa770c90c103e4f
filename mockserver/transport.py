"""What a connection needs from whoever moves its bytes, and a transport that moves none."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """What a link needs from whoever moves its bytes. Every call returns at once."""

    def wake(self) -> None:
        """The outbox has something to send."""

    def drop(self) -> None:
        """End the TCP connection without a close frame (the client sees 1006); unsent frames are lost."""

    def reset(self) -> None:
        """Reset the TCP connection (RST); unsent frames are lost."""

    def cut_after(self, count: int) -> None:
        """Send only ``count`` more bytes, then reset: the client is left inside a frame."""

    def hold(self, held: bool) -> None:
        """Half-open: neither read nor write until released; the TCP connection stays."""


class NoTransport:
    """A transport that moves nothing: tests and simulations read ``Link.take()`` themselves."""

    def __init__(self) -> None:
        self.ended: str | None = None
        self.held = False

    def wake(self) -> None:
        """Nothing sleeps here."""

    def drop(self) -> None:
        """Remember how it ended."""
        self.ended = "drop"

    def reset(self) -> None:
        """Remember how it ended."""
        self.ended = "reset"

    def cut_after(self, count: int) -> None:
        """Remember how it ended."""
        self.ended = f"cut after {count}"

    def hold(self, held: bool) -> None:
        """Remember the state."""
        self.held = held
