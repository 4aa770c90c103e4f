"""One event as one line of text, and standard output that blocks nobody.

The lines are for people and may change; the form for programs is `exchstream.jsonlines`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import trio

from exchstream.core.venue import SECOND
from exchstream.events import AccountDown, Event, Fill, GapClosed, GapOpened, OrderUpdate, Scope, Unrecognized

STDOUT: Final = 1
# POSIX: a pipe that is ready takes this many bytes at once (PIPE_BUF is 512 or more; Linux has 4096, pipe(7)).
PIPE_BUF: Final = 4_096
MAX_SYMBOLS: Final = 8  # of a verdict's scope; `--json` has all of them
MAX_RAW: Final = 200  # of an unrecognized message; `--json` has all of it

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """Text of a venue without control characters: it must not steer the terminal."""
    return _CONTROL.sub("?", text)


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"exchstream: {clean(text)}\n")


def plain(number: Decimal | None) -> str:
    """A number without an exponent; absence is a dash."""
    return "-" if number is None else format(number, "f")


def short(number: Decimal | None) -> str:
    """`plain` without the zeros at the end, where room is scarce."""
    text = plain(number)
    return text.rstrip("0").removesuffix(".") if "." in text else text


def clock(time_ns: int) -> str:
    """The time of day, UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(time_ns // SECOND, UTC):%H:%M:%S}.{time_ns % SECOND // 1_000_000:03}"


def moment(time_ns: int) -> str:
    """Date and time of day, UTC, to the millisecond; a time of the venue's that no calendar holds is a number."""
    try:
        return f"{datetime.fromtimestamp(time_ns // SECOND, UTC):%Y-%m-%d} {clock(time_ns)}Z"
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns"


def owner(event: Event) -> str:
    """Whose event it is."""
    return f"{event.venue}/{event.account}"


def line(event: Event, now_ns: int) -> str:
    """The event as one line; `now_ns` (UTC) is when it is told."""
    return clean(f"{clock(now_ns)}  {owner(event):<22}  {words(event)}")


def words(event: Event) -> str:
    """What the event says, in words."""
    match event:
        case OrderUpdate():
            return _order(event)
        case Fill():
            return _fill(event)
        case GapOpened(since_ns=since_ns, reason=reason, detail=detail):
            return f"gap opened: {reason.value}, since {moment(since_ns)}" + (f" ({detail})" if detail else "")
        case GapClosed():
            return f"gap closed: {verdict(event)}, {moment(event.since_ns)} to {moment(event.until_ns)}"
        case AccountDown(reason=reason, detail=detail):
            return f"ACCOUNT DOWN: {reason.value}: {detail}"
        case Unrecognized(what=what, raw=raw):
            return f"unrecognized: {what}: {raw[:MAX_RAW].decode(errors='replace')}"


def verdict(event: GapClosed) -> str:
    """What a look-back came to, and about which symbols; what it could not cover is named."""
    facts = f"{_covered(event.scope)}, {event.recovered} recovered"
    if event.complete:
        return f"complete for {facts}"
    missing = "; ".join(f"{item.what} {item.name}: {item.why}" for item in event.unresolved)
    return f"NOT complete for {facts} ({missing})"


def _covered(scope: Scope) -> str:
    """The symbols that a verdict is about."""
    if scope.symbols is None:
        return "all symbols"
    if not scope.symbols:
        return "no symbol, as none is known"
    more = len(scope.symbols) - MAX_SYMBOLS
    return ", ".join(scope.symbols[:MAX_SYMBOLS]) + (f" and {more} more" if more > 0 else "")


def market(event: OrderUpdate | Fill) -> str:
    """The unified symbol, or the venue's own until the market is known."""
    return event.symbol or event.venue_symbol


def _order(event: OrderUpdate) -> str:
    kind = "order" if event.order_kind.value == "order" else f"{event.order_kind.value} order"
    side = "-" if event.side is None else event.side.value
    kind_of = "-" if event.type is None else event.type.value
    price = "" if event.price is None else f" @ {plain(event.price)}"
    text = (
        f"{kind} {event.order_id}  {market(event)}  {side} {kind_of} {plain(event.quantity)}{price}"
        f"  {event.status.value}, filled {plain(event.filled_quantity)}"
    )
    if event.reason is not None and event.status.is_final:
        text += f" ({event.reason})"
    return text + _told_by(event)


def _fill(event: Fill) -> str:
    text = (
        f"fill {event.trade_id} of order {event.order_id}  {market(event)}"
        f"  {event.side.value} {plain(event.quantity)} @ {plain(event.price)}"
    )
    if event.liquidity is not None:
        text += f"  {event.liquidity.value}"
    if event.fee is not None:
        text += f", fee {plain(event.fee)} {event.fee_asset or ''}".rstrip()
    if event.kind.value != "trade":
        text += f", {event.kind.value}"
    return text + _told_by(event)


def _told_by(event: OrderUpdate | Fill) -> str:
    return "  (recovered)" if event.recovered else ""


async def write(lines: Iterable[bytes], fd: int = STDOUT) -> None:
    """Write these lines, each ended with a newline; a reader that is slow keeps no other task waiting.

    Cancelled between lines, if they are short enough for a pipe to take them whole.  Raises BrokenPipeError.
    """
    pending = b""
    for text in lines:
        if pending and len(pending) + len(text) >= PIPE_BUF:
            await _put(pending, fd)
            pending = b""
        pending += text + b"\n"
    await _put(pending, fd)


async def _put(data: bytes, fd: int) -> None:
    while data:
        try:
            await trio.lowlevel.wait_writable(fd)
        except PermissionError:  # epoll knows no regular files; they do not block
            await trio.lowlevel.checkpoint()
        data = data[os.write(fd, data[:PIPE_BUF]) :]
