"""One account at FTX: its fields, its plan, and its two languages, frames and questions.

FTX closed in November 2022: this venue serves the mock exchange and recordings.  It only reads: all requests are GET.
Conditional (trigger) orders are not seen before they trigger, as an ordinary order with an id of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

import attrs
import msgspec

from exchstream.core.limits import HostLimits, HttpLimits, LinkLimits, SessionLimits, lasting, span, whole
from exchstream.core.venue import (
    MINUTE,
    SECOND,
    Accepted,
    Address,
    AuditPlan,
    Bucket,
    Clock,
    Doubt,
    Lane,
    Listing,
    Markets,
    Meaning,
    Memory,
    Plan,
    Proof,
    Question,
    Reply,
    Request,
    Resubscribe,
    Retire,
    Secret,
    Strange,
)
from exchstream.errors import ConfigError
from exchstream.model import OrderKind
from exchstream.venues.checks import (
    FALSE_ALARM,
    UNHEARD,
    at_least,
    instance_of,
    label,
    longer_than,
    path,
    url,
    without_slash,
    wrong,
)
from exchstream.venues.ftx import refusals, rest, wire
from exchstream.venues.numbers import BadNumber, not_negative
from exchstream.venues.settings import key_text, load, needed_secret, texts

CHANNELS: Final = ("orders", "fills")
# Known and not needed: an order update stream asks for none of these.
_NOT_NEEDED: Final = frozenset({"ticker", "trades", "orderbook", "orderbookGrouped", "markets", "ftxpay"})
_PREFIXES: Final = {"ftx.com": "FTX", "ftx.us": "FTXUS"}  # docs.ftx.us: the headers there begin with FTXUS-
_RESTART: Final = 20001  # "When our servers restart, you may see an info message with code 20001" (FTX docs)


class _Unknown(Exception):
    """A message that we have no word for."""


def _channel_set(value: Any) -> frozenset[str]:
    return frozenset(texts(value, "channels"))


def _channels(instance: object, field: attrs.Attribute[frozenset[str]], value: frozenset[str]) -> None:
    if not value or not value <= set(CHANNELS):
        raise wrong(instance, field, f"be one or both of {', '.join(CHANNELS)}")


def _known_domain(instance: object, field: attrs.Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or value not in _PREFIXES:
        raise wrong(instance, field, f"be one of {', '.join(_PREFIXES)}")


def _subaccount(instance: object, field: attrs.Attribute[str | None], value: Any) -> None:
    if value is not None and not (isinstance(value, str) and value and value.isprintable()):
        raise wrong(instance, field, "be the subaccount's name; leave it out for the main account")


def _exact(value: Decimal | str | int) -> Decimal:
    try:
        return not_negative(value)
    except BadNumber:
        raise ConfigError('Ftx: tolerance must be an exact amount, as in Decimal("1e-9") or "1e-9"') from None


@attrs.frozen(kw_only=True)
class Ftx:
    """An FTX account: the Venue that `open_stream` takes.

    `name` (the attribute `account`) is your name for it, `subaccount` the name of the subaccount as FTX shows it.
    Times are nanoseconds.  Raises ConfigError for fields that cannot work.
    """

    api_key: Secret = attrs.field(converter=key_text, repr=False)
    api_secret: Secret = attrs.field(converter=needed_secret, repr=False)
    account: str = attrs.field(default="main", alias="name", validator=label)
    subaccount: str | None = attrs.field(default=None, validator=_subaccount)
    # Both channels, or the one that suits: "fills" alone tells no order's end, "orders" alone no prices and fees.
    channels: frozenset[str] = attrs.field(default=frozenset(CHANNELS), converter=_channel_set, validator=_channels)
    domain: str = attrs.field(default="ftx.com", validator=_known_domain)  # or ftx.us
    rest_url: str = attrs.field(converter=without_slash, validator=url("https", "http"))
    # With and without the last slash were in use.
    ws_url: str = attrs.field(validator=url("wss", "ws", query=True))
    heartbeat_ns: int = span(15 * SECOND)  # "Send pings at regular intervals (every 15 seconds)" (FTX docs)
    # Two pings without a pong, and some; ccxt 2.1.74 waits for two.
    silence_ns: int = attrs.field(default=35 * SECOND, validator=[lasting, longer_than("heartbeat_ns", UNHEARD)])
    ack_ns: int = span(10 * SECOND)  # QuantConnect waits 10 s for the answer to a login
    lag_ns: int = span(6 * SECOND)  # how far REST may lag behind; no source, our choice
    audit_ns: int = span(40 * SECOND)  # how often open orders are compared; our choice
    # Between the two looks of an audit; our choice.
    audit_grace_ns: int = attrs.field(default=10 * SECOND, validator=[lasting, at_least("lag_ns", FALSE_ALARM)])
    give_up_ns: int = span(10 * MINUTE)  # then an unanswered question is named; our choice
    # Of quantities, which FTX computed with floats; below its smallest step.
    tolerance: Decimal = attrs.field(default=Decimal("1e-9"), converter=_exact)
    unsaid_ns: int = span(SECOND)  # how long to stay away after a 429 that does not say; its one limit is by the second
    requests_per_second: int = whole(30)  # docs.ftx.us: 30 requests per second
    orders_page: int = whole(100)  # default and most of /orders/history (ccxt 2.1.74)
    fills_page: int = whole(5000)  # times "relax the max results per page to 5,000" (FTX docs, pagination)
    sure_page: int = whole(20)  # without hasMoreData, only a shorter page than this is surely the last
    # Documented at otc.ftx.com; the Date header of any answer serves as well.
    clock_path: str = attrs.field(default="/api/time", validator=path())
    link_limits: LinkLimits = attrs.field(default=LinkLimits(), validator=instance_of(LinkLimits))
    http_limits: HttpLimits = attrs.field(default=HttpLimits(), validator=instance_of(HttpLimits))
    session_limits: SessionLimits = attrs.field(default=SessionLimits(), validator=instance_of(SessionLimits))
    host_limits: HostLimits = attrs.field(default=HostLimits(), validator=instance_of(HostLimits))

    @rest_url.default
    def _rest_url(self) -> str:
        return f"https://{self.domain}"

    @ws_url.default
    def _ws_url(self) -> str:
        return f"wss://{self.domain}/ws/"

    @classmethod
    def from_env(cls, name: str = "main", **overrides: object) -> Ftx:
        """The account whose fields stand in EXCHSTREAM_FTX_<NAME>_KEY, _SECRET, _SUBACCOUNT …; arguments win."""
        return load(cls, "ftx", name, overrides)

    # ------------------------------------------------------------------------------------------------ the plan

    @property
    def name(self) -> str:
        """The venue's name, in events and variables."""
        return "ftx"

    @property
    def environment(self) -> str:
        """FTX and FTX US are two exchanges with ids of their own."""
        return self.domain

    @property
    def plan(self) -> Plan:
        """One lane, acknowledged; listings of the whole account.

        Balances are not audited: funding, borrowing and settlement move them without an execution, and the listings
        need no symbols.
        """
        lane = Lane(
            name="private",
            proof=Proof.ACK,
            silence_ns=self.silence_ns,
            heartbeat_ns=self.heartbeat_ns,
            heartbeat='{"op":"ping"}',
            ack_ns=self.ack_ns,
        )
        return Plan(
            lanes=(lane,),
            kinds=(OrderKind.ORDER,),
            fills=Listing(by_symbol=False),
            orders=Listing(by_symbol=False),
            audit=AuditPlan(every_ns=self.audit_ns, fast_ns=self.audit_ns, grace_ns=self.audit_grace_ns),
            balances=False,
            lag_ns=self.lag_ns,
            give_up_ns=self.give_up_ns,
            tolerance=self.tolerance,
            tells_orders="orders" in self.channels,
            tells_fills="fills" in self.channels,
        )

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """The one limit that matters to a reader."""
        return (Bucket("rest", self.requests_per_second, SECOND),)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The key and the secret."""
        return (self.api_key, self.api_secret)

    @property
    def symbols(self) -> tuple[str, ...]:
        """None need to be named: FTX lists fills and orders of all markets at once."""
        return ()

    @property
    def identity(self) -> str:
        """A digest of domain, key and subaccount."""
        text = "\0".join((self.domain, self.api_key.reveal(), self.subaccount or ""))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # ------------------------------------------------------------------------------------------------ the socket

    def needs(self, memory: Memory, now_ns: int) -> Sequence[Question]:
        """The markets."""
        return (Markets(),) if memory.markets is None else ()

    def dial(self, lane: Lane, memory: Memory) -> Address:
        """One address for everything."""
        return Address(self.ws_url)

    def greet(self, lane: Lane, memory: Memory, now_ns: int) -> Sequence[tuple[str, str]]:
        """Log in, then subscribe.

        A login is never acknowledged: that a private channel is says that it worked, so it goes under the first
        channel's tag.  A time that is off is refused in the words for a wrong key: `now_ns` must be the venue's,
        measured before.
        """
        millis = now_ns // 1_000_000
        args: dict[str, object] = {"key": self.api_key.reveal(), "sign": self._sign(f"{millis}websocket_login")}
        args["time"] = millis
        if self.subaccount is not None:
            args["subaccount"] = self.subaccount  # as it is: "(optional) subaccount name" (FTX docs)
        channels = self._asked_for
        login = _frame({"op": "login", "args": args})
        return [(channels[0], login)] + [(name, _frame({"op": "subscribe", "channel": name})) for name in channels]

    @property
    def _asked_for(self) -> list[str]:
        """The channels of this account, in the order in which they are subscribed to."""
        return [channel for channel in CHANNELS if channel in self.channels]

    def read(self, lane: Lane, frames: Sequence[bytes], memory: Memory) -> list[Meaning]:
        """What these frames mean.  Never raises."""
        meanings: list[Meaning] = []
        for frame in frames:
            try:
                meanings += self._message(wire.MESSAGE.decode(frame), memory)
            except wire.UNREADABLE:
                meanings += [Strange("unreadable message", frame), Doubt("a message could not be read")]
            except _Unknown as unknown:
                meanings.append(Strange(str(unknown), frame))
        return meanings

    def _message(self, message: wire.Message, memory: Memory) -> Sequence[Meaning]:
        """Data may come before the acknowledgement of its channel (FTX.Net's author saw it): no state is kept."""
        channel = message.channel
        match message.type:
            case "update" if channel in CHANNELS:
                return self._fact(channel, bytes(message.data), memory)
            case "pong":
                return ()
            case "subscribed" if channel in CHANNELS:
                return (Accepted(channel),)
            case "unsubscribed" if channel in CHANNELS:
                return (Resubscribe(f"unsubscribed from {channel}"),)
            case "info" if message.code == _RESTART:
                return (Retire("the venue's servers restart (20001)"),)
            case "error" if message.msg == refusals.ALREADY_SUBSCRIBED:
                # Errors name no channel, and one error is about one request.  Answers come in the order of the requests
                # (recorded of 90 subscriptions), so the first of them is what the first error can be about; if it was
                # another, that one stays unproven and the link is replaced.
                return (Accepted(self._asked_for[0]),)
            case "error" if message.msg == refusals.ALREADY_LOGGED_IN:
                return ()
            case "error":
                return (refusals.of_link(message.msg),)
            case "subscribed" | "unsubscribed" | "partial" | "update" if channel in _NOT_NEEDED:
                return ()
        raise _Unknown(f"message type {message.type[:40]!r} on channel {(channel or '')[:40]!r}")

    def _fact(self, channel: str, raw: bytes, memory: Memory) -> Sequence[Meaning]:
        try:
            return wire.fill(raw) if channel == "fills" else wire.order(raw, memory.markets, self.tolerance)
        except wire.UNREADABLE:
            what = f"unreadable message on channel {channel!r}"
            return (Strange(what, raw), *wire.doubt(raw, what))

    # ------------------------------------------------------------------------------------------------ REST

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        """The question as a GET, signed where it is about the account.  Raises ValueError for what FTX has not."""
        if isinstance(question, Clock):
            return Request("GET", self.clock_path)
        target = rest.target(question, self._pages, now_ns + self.lag_ns)
        if isinstance(question, Markets):
            return Request("GET", target)
        # FTX signs time, method and the path with its query exactly as sent; a GET has no body.
        millis, prefix = str(now_ns // 1_000_000), _PREFIXES[self.domain]
        headers = {
            f"{prefix}-KEY": self.api_key.reveal(),
            f"{prefix}-TS": millis,
            f"{prefix}-SIGN": self._sign(f"{millis}GET{target}"),
        }
        if self.subaccount is not None:
            headers[f"{prefix}-SUBACCOUNT"] = quote(self.subaccount, safe="")
        return Request("GET", target, headers)

    def answer(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        """What the answer means.  Never raises."""
        return rest.answer(question, reply, memory, self._pages, self.tolerance, self.unsaid_ns)

    @property
    def _pages(self) -> rest.Pages:
        return rest.Pages(self.orders_page, self.fills_page, self.sure_page)

    def _sign(self, text: str) -> str:
        """HMAC-SHA256 in lower-case hex, of REST and of the login alike."""
        return hmac.new(self.api_secret.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def _frame(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
