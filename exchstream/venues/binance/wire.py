"""What spot and futures write alike: times, words, unreadable messages and the meaning of a refusal.

Nothing here knows an endpoint or an event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import attrs
import msgspec

from exchstream.core.venue import SECOND, Doubt, Meaning, Refusal, Refused, Reply, Strange, Throttle
from exchstream.model import FillKey, Liquidity, OrderKey, OrderKind, PositionSide, Side, Term
from exchstream.venues.numbers import amount

MILLI: Final = 1_000_000
# Milliseconds that still fit 64 bits as nanoseconds; microseconds (16 digits) are never asked for, so they are refused.
Millis = Annotated[int, msgspec.Meta(ge=0, le=9_000_000_000_000)]
Id = Annotated[int, msgspec.Meta(ge=-1, le=9_223_372_036_854_775_807)]
# All that decoding somebody else's text can raise: JSON, its shape, bad numbers and bad UTF-8, nesting without end.
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
WEIGHT: Final = "REQUEST_WEIGHT"
CONNECTIONS: Final = "CONNECTIONS"

SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
LIQUIDITY: Final[Mapping[bool | None, Liquidity]] = {True: Liquidity.MAKER, False: Liquidity.TAKER}
POSITION_SIDES: Final = {"BOTH": PositionSide.BOTH, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}

V = TypeVar("V")
D = TypeVar("D")


class Odd(list[str]):
    """Collects the values of one message that we have no word for, so that they are told and nothing is lost."""

    __slots__ = ()

    def word(self, table: Mapping[str, V], text: str | None, field: str, unknown: D) -> V | D | None:
        """The word for `text`; None where the venue says none; `unknown`, and noted, where we have no word."""
        if text is None or text == "":
            return None
        known = table.get(text)
        if known is None:
            self.append(f"{field} {text[:40]!r}")
            return unknown
        return known

    def strange(self, what: str, raw: bytes) -> list[Meaning]:
        """What was odd, told; empty when nothing was."""
        return [Strange(f"{what}: unknown {', '.join(self)}", raw)] if self else []


def term(value: V | None, time_ns: int, execution_id: int = -1) -> Term[V] | None:
    """A versioned term of an order; None for a value that is absent (or empty, or zero)."""
    return Term(value, time_ns, execution_id) if value else None


def amount_term(text: str | None, time_ns: int, execution_id: int = -1) -> Term[Decimal] | None:
    """The same of a price or quantity, whose absence the venue writes as null, an empty text or zero.

    Raises BadNumber.
    """
    return Term(number, time_ns, execution_id) if text and (number := amount(text)) else None


def lenient(raw: bytes) -> Any:
    """The JSON value, or None where it is not JSON."""
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def unreadable(raw: bytes, why: BaseException, hot: Mapping[str, tuple[str | None, OrderKind, str]]) -> list[Meaning]:
    """An event that cannot be read: told as strange, and doubted where it may have been about an order.

    `hot` says, by event type, where its order is (None: at the top), of which kind, and which field has its id.  What
    has no name that we can read may have been about any order: a doubt that names none.
    """
    value = lenient(raw)
    kind = value.get("e") if isinstance(value, dict) else None
    if not isinstance(kind, str):
        return [Strange("a message that is no event", raw), Doubt("a message could not be read")]
    if kind not in hot:
        return [Strange(f"event {kind[:60]!r}", raw)]
    where, space, id_field = hot[kind]
    order = value if where is None else value.get(where)
    key = None
    if isinstance(order, dict) and isinstance(order.get("s"), str) and type(order.get(id_field)) is int:
        key = OrderKey(order["s"], str(order[id_field]), space)
    strange = Strange(f"{kind} that cannot be read: {str(why)[:120]}", raw)
    return [strange, Doubt(f"{kind} could not be read", order=key)]


def unkept_fill(what: str, symbol: str, trade_id: str, order_id: str, raw: bytes) -> list[Meaning]:
    """An execution that the stream told in a way that makes no fill: strange, and to be asked about."""
    doubt = Doubt(what, fill=FillKey(symbol, trade_id, order_id), order=OrderKey(symbol, order_id))
    return [Strange(what, raw), doubt]


# ---------------------------------------------------------------------------------------------------- refusals


class Error(msgspec.Struct, frozen=True):
    """`{"code":-1121,"msg":"Invalid symbol."}`; the WebSocket API adds `data` to limits."""

    code: int = 0
    msg: str = ""
    data: Any = None


# spot errors.md; -1193 and -2028 were measured, they are not in it.
_HOW: Final = {
    -1002: Refusal.FATAL,  # not authorized
    -1022: Refusal.FATAL,  # signature not valid: a wrong secret does not become right
    -1193: Refusal.FATAL,  # session not logged on
    -2014: Refusal.FATAL,  # API-key format
    -2015: Refusal.FATAL,  # API-key, IP or permissions
    -2028: Refusal.FATAL,  # this kind of key cannot log on
    -1021: Refusal.CLOCK,
    **dict.fromkeys(
        (-1100, -1101, -1102, -1104, -1105, -1106, -1127, -1128, -1130), Refusal.MALFORMED
    ),  # our own fault
    -1121: Refusal.GONE,  # invalid symbol
    -2013: Refusal.GONE,  # order does not exist
    -2026: Refusal.GONE,  # archived: cancelled without a fill over 90 days ago
}
LISTEN_KEY_GONE: Final = -1125
ALREADY_ACTIVE: Final = -2035
_BANNED_UNTIL: Final = re.compile(r"until ([0-9]{13})\b")


def how(status: int, code: int) -> Refusal:
    """What a refusal asks of us; what we do not know is worth another try, later."""
    if status in (418, 429) or status >= 500 or code == -1003:
        return Refusal.TRANSIENT
    if status == 401:
        return Refusal.FATAL
    return _HOW.get(code, Refusal.TRANSIENT)


def wording(status: int, error: Error | None, body: bytes = b"") -> str:
    """One line for a human; never the body of a page."""
    if error is not None and (error.msg or error.code):
        return f"{error.msg[:200]} (HTTP {status}, code {error.code})"
    page = "an HTML page" if is_html(body) else "no reason"
    return f"HTTP {status} with {page}"


def is_html(body: bytes) -> bool:
    """True for a page where JSON was due: a proxy, a firewall or a retired path answered."""
    return body.lstrip()[:1] == b"<"


def error_of(body: bytes) -> Error | None:
    """The venue's own error, None where the body holds none."""
    try:
        return msgspec.json.decode(body, type=Error)
    except UNREADABLE:
        return None


@attrs.frozen(kw_only=True)
class Away:
    """How long to stay away: after a 403, after a limit that names no end, and at the longest after one that does."""

    forbidden_ns: int
    unsaid_ns: int
    longest_ns: int


def refused(reply: Reply, away: Away) -> list[Meaning]:
    """The meanings of an HTTP answer that is not a success: when to come back, and what kind of no it was.

    429 and 418 say in `Retry-After` (seconds) how long to stay away; going on is punished by a ban of the address.
    403 is the firewall's (rest-api.md): it says nothing of its end.  A page is a proxy's or a firewall's, and never a
    verdict on the key or the order, whatever its status.
    """
    error = error_of(reply.body)
    code = 0 if error is None else error.code
    told: list[Meaning] = []
    if reply.status in (418, 429) or code == -1003:
        told.append(Throttle(WEIGHT, until_ns=_stay_away_until(reply, error, away)))
    elif reply.status == 403:
        told.append(Throttle(WEIGHT, until_ns=reply.said_ns + away.forbidden_ns))
    kind = Refusal.TRANSIENT if is_html(reply.body) else how(reply.status, code)
    told.append(Refused(wording(reply.status, error, reply.body), kind))
    return told


def _stay_away_until(reply: Reply, error: Error | None, away: Away) -> int:
    """UTC ns; a second is added, since what is left of one may have been cut off."""
    seconds = reply.headers.get("retry-after", "")
    latest = reply.said_ns + away.longest_ns
    if re.fullmatch(r"[0-9]{1,9}", seconds):
        return min(reply.said_ns + (int(seconds) + 1) * SECOND, latest)
    banned = _BANNED_UNTIL.search(error.msg) if error is not None else None
    return min(int(banned[1]) * MILLI, latest) if banned else reply.said_ns + away.unsaid_ns


def used_weight(reply: Reply) -> list[Meaning]:
    """The venue's own count of this minute's weight, where it is sent."""
    used = reply.headers.get("x-mbx-used-weight-1m", "")
    return [Throttle(WEIGHT, used=int(used))] if re.fullmatch(r"[0-9]{1,9}", used) else []


def used_weights(limits: Iterable[Any]) -> list[Meaning]:
    """The same count as the WebSocket API sends it with every answer."""
    for limit in limits:
        match limit:
            case {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "count": int(count)}:
                return [Throttle(WEIGHT, used=count)]
    return []
