"""The transports there are, by name."""

from __future__ import annotations

from typing import Literal, get_args

from exchstream.errors import ConfigError, MissingExtra
from exchstream.shell import transport
from exchstream.shell.seam import Connect

TransportName = Literal["trio-websocket", "websockets"]


def connector(name: str) -> Connect:
    """How the transport of this name connects.  Raises MissingExtra without its library, ConfigError for no name."""
    match name:
        case "trio-websocket":
            return transport.connect
        case "websockets":
            try:
                from exchstream.shell import fast_transport
            except ImportError:
                raise MissingExtra("transport='websockets'", "fast") from None
            return fast_transport.connect
        case _:
            names = " or ".join(map(repr, get_args(TransportName)))
            raise ConfigError(f"transport must be {names}, not {name!r}")
