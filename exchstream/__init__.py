"""exchstream: one typed stream of your own order updates and fills, over many exchanges.

The map of the package:

    model.py       what an order and an execution are, and the laws by which two views join
    events.py      what a stream tells: the closed union `Event`
    jsonlines.py   the events as JSON lines
    errors.py      the tree of errors: whose act each one was
    core/          PURE: the Session (one account's state machine) and its parts; the Venue protocol
    venues/        PURE: what each exchange does in its own way (ftx, binance/)
    journal/       where events live between the Session and the readers
    shell/         trio: sockets, HTTP, clocks, tasks; `open_stream`
    replay.py      a stream's events again, from the record of its happenings
    metrics.py     the status as Prometheus text (extra `metrics`)
    testing.py     check_venue(): the conformance suite for authors of venues
    cli/           the command line

Imports point one way: model, events <- core <- venues; core <- journal <- shell.  Nothing pure imports trio.
What stands in `__all__` is public; SemVer holds for it and for nothing else.  These names are imported when the first
of them is used: the command begins with this file, and must be where Ctrl-C is quiet before the long imports begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchstream.core.limits import HostLimits, HttpLimits, LinkLimits, SessionLimits
    from exchstream.errors import (
        AccountFailed,
        ConfigError,
        CredentialsRejected,
        ExchstreamError,
        JournalError,
        MissingExtra,
        SlowConsumer,
        VenueBroken,
        VenueRetired,
    )
    from exchstream.events import (
        AccountDown,
        DownReason,
        Event,
        Fill,
        GapClosed,
        GapOpened,
        GapReason,
        OrderUpdate,
        Scope,
        Unrecognized,
        Unresolved,
    )
    from exchstream.journal.disk import JournalFile
    from exchstream.jsonlines import from_json, to_json
    from exchstream.model import (
        FillKind,
        Liquidity,
        OrderKind,
        OrderStatus,
        OrderType,
        PositionSide,
        Side,
        TimeInForce,
    )
    from exchstream.shell.recorder import Record
    from exchstream.shell.stream import OrderStream, Reader, open_stream
    from exchstream.venues.binance import BinanceFutures, BinanceSpot
    from exchstream.venues.ftx import Ftx

__version__ = "0.1.0"

__all__ = [
    "AccountDown",
    "AccountFailed",
    "BinanceFutures",
    "BinanceSpot",
    "ConfigError",
    "CredentialsRejected",
    "DownReason",
    "Event",
    "ExchstreamError",
    "Fill",
    "FillKind",
    "Ftx",
    "GapClosed",
    "GapOpened",
    "GapReason",
    "HostLimits",
    "HttpLimits",
    "JournalError",
    "JournalFile",
    "LinkLimits",
    "Liquidity",
    "MissingExtra",
    "OrderKind",
    "OrderStatus",
    "OrderStream",
    "OrderType",
    "OrderUpdate",
    "PositionSide",
    "Reader",
    "Record",
    "Scope",
    "SessionLimits",
    "Side",
    "SlowConsumer",
    "TimeInForce",
    "Unrecognized",
    "Unresolved",
    "VenueBroken",
    "VenueRetired",
    "from_json",
    "open_stream",
    "to_json",
]

if not TYPE_CHECKING:  # a type checker reads the imports above, and would take this for "any name will do"

    def __getattr__(name: str) -> object:
        """Import the public names, all at once."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from exchstream import errors, events, jsonlines, model
        from exchstream.core import limits
        from exchstream.journal import disk
        from exchstream.shell import recorder, stream
        from exchstream.venues import binance, ftx

        for module in (errors, events, jsonlines, model, limits, disk, recorder, stream, binance, ftx):
            globals().update((public, vars(module)[public]) for public in __all__ if public in vars(module))
        return globals()[name]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
