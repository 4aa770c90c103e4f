"""The bounds of connections: how long they may take, how much they may bring.  Times in ns, sizes in bytes."""

from __future__ import annotations

from typing import Final

import attrs

SECOND: Final = 1_000_000_000
KIB: Final = 1 << 10
MIB: Final = 1 << 20


@attrs.frozen(kw_only=True)
class LinkLimits:
    """The bounds of one connection: times in ns, sizes in bytes."""

    open_ns: int = 10 * SECOND  # DNS, TCP, TLS and the WebSocket handshake together
    send_ns: int = 10 * SECOND  # a peer that takes no bytes for so long is dead
    close_ns: int = SECOND  # how long to wait for the other side's close frame
    read_size: int = 64 * KIB  # measured: a fifth faster in bulk than trio-websocket's own 4 KiB
    max_message: int = 8 * MIB  # no venue's order message comes near
    max_pieces: int = 64 * KIB  # of one fragmented message
    max_backlog: int = 100_000  # messages received and not yet taken
    max_backlog_size: int = 32 * MIB  # and all of them together


@attrs.frozen(kw_only=True)
class HttpLimits:
    """The bounds of one host's HTTP: times in ns, sizes in bytes."""

    connect_ns: int = 5 * SECOND
    read_ns: int = 10 * SECOND  # between two pieces of an answer; Binance gives its own back end 10 s (-1007)
    total_ns: int = 30 * SECOND  # a whole answer
    idle_ns: int = 30 * SECOND  # an unused connection is kept for so long
    max_connections: int = 8
    max_body: int = 64 * MIB  # Binance spot's exchangeInfo is about 20 MB
