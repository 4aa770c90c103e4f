"""How long things may take, how much they may bring, how often they are tried.  Times in ns, sizes in bytes.

Each group is one field of every venue.  What a group's values are for, and where they come from, stands beside them;
the pages of the venues list them all with their environment variables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import attrs

from exchstream.errors import ConfigError

MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000 * MILLISECOND
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
KIB: Final = 1 << 10
MIB: Final = 1 << 20
MOST: Final = (1 << 63) - 1  # 292 years of nanoseconds; what is larger is a slip, and no timer takes it

Validator: TypeAlias = "Callable[[object, attrs.Attribute[Any], object], None]"


def within(least: int, most: int, wanted: str = "") -> Validator:
    """A validator: a whole number from `least` to `most` (`wanted`, in words).  ConfigError names class and field."""
    words = wanted or ("a positive whole number" if (least, most) == (1, MOST) else f"from {least} to {most}")

    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ConfigError(f"{type(instance).__name__}: {attribute.alias} must be {words}")

    return check


# What is below a millisecond was meant in another unit.
lasting: Final = within(
    MILLISECOND, MOST, "a whole number of nanoseconds, a millisecond (10**6) or more; a second is 10**9"
)


def whole(default: int, least: int = 1, most: int = MOST) -> int:
    """A field for a whole number from `least` to `most`."""
    return attrs.field(default=default, validator=within(least, most))


def span(default: int) -> int:
    """A field for a time in nanoseconds."""
    return attrs.field(default=default, validator=lasting)


@attrs.frozen(kw_only=True)
class LinkLimits:
    """The bounds of one connection: times in ns, sizes in bytes.  Raises ConfigError for what cannot be."""

    open_ns: int = span(10 * SECOND)  # DNS, TCP, TLS and the WebSocket handshake together
    send_ns: int = span(10 * SECOND)  # a peer that takes no bytes for so long is dead
    close_ns: int = span(SECOND)  # how long to wait for the other side's close frame
    # Measured: a fifth faster in bulk than trio-websocket's own 4 KiB.  A read takes so much memory whatever comes.
    read_size: int = whole(64 * KIB, most=64 * MIB)
    # Only of the transport "websockets", which is read by who waits for messages: after so long it reads by itself.
    unread_ns: int = span(SECOND)
    max_message: int = whole(8 * MIB)  # no venue's order message comes near
    max_pieces: int = whole(64 * KIB)  # of one fragmented message
    max_backlog: int = whole(100_000)  # messages received and not yet taken
    max_backlog_size: int = whole(32 * MIB)  # and all of them together


@attrs.frozen(kw_only=True)
class HttpLimits:
    """The bounds of one host's HTTP: times in ns, sizes in bytes.  Raises ConfigError for what cannot be."""

    connect_ns: int = span(5 * SECOND)
    read_ns: int = span(10 * SECOND)  # between two pieces of an answer; Binance gives its own back end 10 s (-1007)
    total_ns: int = span(30 * SECOND)  # a whole answer
    idle_ns: int = span(30 * SECOND)  # an unused connection is kept for so long
    max_connections: int = whole(8)
    max_body: int = whole(64 * MIB)  # Binance spot's exchangeInfo is about 20 MB


@attrs.frozen(kw_only=True)
class SessionLimits:
    """How patient one account's session is: times in ns.  Raises ConfigError for what cannot be."""

    # A retry waits a random time up to this, twice this, four times this ...
    retry_base_ns: int = span(SECOND)
    # ... and never longer.  Binance spot allows 300 connection attempts in 5 minutes per IP (web-socket-streams.md):
    # ten accounts that all fail, each tried every 30 s on average, make 100.
    retry_cap_ns: int = span(MINUTE)
    retry_stable_ns: int = span(MINUTE)  # a link that lives for less has not shown that the trouble is over
    drain_ns: int = span(10 * SECOND)  # how long a link that has been replaced may bring what it still carries
    reload_ns: int = span(MINUTE)  # how often an unknown symbol may make us read the market list again
    # Passes of a look-back; then what still moves or does not balance is named instead.  One pass proves nothing.
    passes: int = whole(8, least=2)
    audit_recent: int = whole(2)  # symbols that every look asks about, where the venue wants one symbol at a time
    audit_others: int = whole(2)  # and of the rest so many, in turn
    audit_absent: int = whole(10)  # missing orders asked for by id; one that has ended is enough for a gap


@attrs.frozen(kw_only=True)
class HostLimits:
    """What the accounts on one host share: clock, market list, budget.  Raises ConfigError for what cannot be."""

    clock_samples: int = whole(3)  # the quickest of three is seldom held up on its way
    clock_every_ns: int = span(HOUR)  # quartz drifts by some 50 ppm: 180 ms in an hour, far within any recvWindow
    clock_retry_ns: int = span(MINUTE)  # after a measurement that failed
    shared_age_ns: int = span(MINUTE)  # how long a market list is handed out again
    # Requests cross the network at uneven speed and other programs share the address, so a tenth is left unused.
    budget_percent: int = whole(90, most=100)
    time_wait_ns: int = span(5 * SECOND)  # a dial does not wait longer for the venue's time: live facts are worth more
    budget_wait_ns: int = span(15 * SECOND)  # a dial that has waited longer for its turn is given up, and tried anew
