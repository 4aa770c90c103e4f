"""What the frames of a spot user-data lane say: answers of the WebSocket API and events, wrapped or raw."""

from __future__ import annotations

from typing import Any, Final, Union, cast

import msgspec

from exchstream.core.venue import (
    Accepted,
    CredentialGone,
    Evidence,
    Meaning,
    Moved,
    Refusal,
    Refused,
    Resubscribe,
    Retire,
    Throttle,
)
from exchstream.model import OrderKind
from exchstream.venues.binance.spot_facts import ExecutionReport, execution_report
from exchstream.venues.binance.wire import (
    ALREADY_ACTIVE,
    MILLI,
    UNREADABLE,
    WEIGHT,
    Error,
    how,
    unreadable,
    used_weights,
    wording,
)
from exchstream.venues.numbers import exact

HEARTBEAT: Final = "heartbeat"


class BalanceUpdate(
    msgspec.Struct, frozen=True, tag_field="e", tag="balanceUpdate", rename={"asset": "a", "delta": "d"}
):
    """A deposit, withdrawal or transfer; never sent for trades."""

    asset: str
    delta: str


# Known and not needed: they only show that the stream delivers.
_QUIET: Final = tuple(
    msgspec.defstruct(name, [], tag_field="e", tag=name, frozen=True)
    for name in ("outboundAccountPosition", "listStatus", "externalLockUpdate")
)
_SIGNALS: Final = tuple(
    msgspec.defstruct(name, [], tag_field="e", tag=name, frozen=True)
    for name in ("eventStreamTerminated", "serverShutdown", "listenKeyExpired")
)
_EVENT: Final = msgspec.json.Decoder(cast(Any, Union[(ExecutionReport, BalanceUpdate, *_QUIET, *_SIGNALS)]))
_HOT: Final = {"executionReport": (None, OrderKind.ORDER, "i"), "balanceUpdate": (None, OrderKind.ORDER, "i")}


class _Frame(msgspec.Struct, frozen=True):
    """A frame of the WebSocket API: an answer has an `id`, an event has `event`; they come on one socket."""

    event: msgspec.Raw = msgspec.Raw(b"")
    id: Any = None
    status: int | None = None
    error: Error | None = None
    rateLimits: list[Any] | None = None


_FRAME: Final = msgspec.json.Decoder(_Frame)
_WRAPPING: Final = b'{"subscriptionId":'
_WRAPPED: Final = b',"event":'


def read_wrapped(raw: bytes, logon: bool) -> list[Meaning]:
    """A frame of the WebSocket API.  Never raises."""
    if (inner := _unwrapped(raw)) is not None:
        try:
            return _event(_EVENT.decode(inner), inner)
        except UNREADABLE:
            pass  # what is wrong with the whole of it is said below
    try:
        frame = _FRAME.decode(raw)
    except UNREADABLE as error:
        return unreadable(raw, error, _HOT)
    if event := bytes(frame.event):
        return read_event(event)
    if frame.status is None:
        return unreadable(raw, ValueError("neither an event nor an answer"), _HOT)
    return used_weights(frame.rateLimits or ()) + _answered(frame, frame.status, logon)


def _unwrapped(frame: bytes) -> bytes | None:
    """The event in a frame as Binance writes it, which need not be decoded twice; None for any other frame.

    A frame that only looks like one has an inside that is no JSON.
    """
    if not frame.startswith(_WRAPPING):
        return None
    start = frame.find(_WRAPPED, len(_WRAPPING), len(_WRAPPING) + 32)
    return None if start < 0 else frame[start + len(_WRAPPED) : -1]


def _answered(frame: _Frame, status: int, logon: bool) -> list[Meaning]:
    """An answer to a greeting or heartbeat; `"id":null` with 401 says that the key was revoked."""
    tag = frame.id if isinstance(frame.id, str) and frame.id != HEARTBEAT else None
    error = frame.error or Error()
    if status == 200 or error.code == ALREADY_ACTIVE:
        return [] if tag is None else [Accepted(tag)]
    told: list[Meaning] = []
    match error.data:
        case {"retryAfter": int(until_ms)} if 0 <= until_ms < 9_000_000_000_000:  # UTC ms, where REST counts seconds
            told.append(Throttle(WEIGHT, until_ns=until_ms * MILLI))
    kind = how(status, error.code)
    if error.code == -1193 and logon:
        kind = Refusal.TRANSIENT  # the logon before it was refused, and its own answer says why
    return [*told, Refused(wording(status, error), kind, tag)]


def read_event(raw: bytes) -> list[Meaning]:
    """An event, as the listen key's socket sends it or out of its wrapper.  Never raises."""
    try:
        return _event(_EVENT.decode(raw), raw)
    except UNREADABLE as error:
        return unreadable(raw, error, _HOT)


def _event(event: Any, raw: bytes) -> list[Meaning]:
    """What an event means.  Raises BadNumber."""
    if type(event) is ExecutionReport:
        return execution_report(event, raw)
    if type(event) is BalanceUpdate:
        return [Moved(event.asset, exact(event.delta)), Evidence()]
    match type(event).__name__:
        case "eventStreamTerminated":
            return [Resubscribe("the venue ended the subscription")]
        case "serverShutdown":
            return [Retire("the server is about to shut down")]
        case "listenKeyExpired":
            return [CredentialGone("the listen key has expired")]
    return [Evidence()]
