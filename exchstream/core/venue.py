"""The Venue protocol: all that one exchange does in its own way, as data and pure translation.

A venue says what it needs before dialling, how a lane is dialled and greeted, what a frame or an answer means, and
how a question becomes a signed request.  It never decides when: that is the Session's.  Meanings are the closed list
of what a message can say; a venue that would need an `if` in the core shows that this list lacks a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final, Protocol

import attrs
import msgspec

from exchstream.core.limits import HostLimits, HttpLimits, LinkLimits, SessionLimits
from exchstream.events import DownReason
from exchstream.model import Execution, FillKey, Market, OrderKey, OrderKind, OrderState

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


class Secret:
    """A text that no repr, log or exception shows; `reveal()` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for signing and sending only."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


# ---------------------------------------------------------------------------------------------------- the plan


class Proof(Enum):
    """How a lane shows that it is subscribed."""

    ACK = "ack"  # every tagged greeting frame is accepted
    OPEN = "open"  # nothing is ever said: open, renew the credential, settle, look back, audit quickly


@attrs.frozen(kw_only=True)
class Lane:
    """One socket that the account needs, and how it lives.  `heartbeat` None means WebSocket pings."""

    name: str
    proof: Proof
    silence_ns: int
    heartbeat_ns: int
    heartbeat: str | None = None
    settle_ns: int = 0
    ack_ns: int = 10 * SECOND
    lifetime_ns: int | None = None


@attrs.frozen(kw_only=True)
class Listing:
    """How one REST listing reaches back: by symbol or for the whole account, in windows, so far and no further."""

    by_symbol: bool
    reach_ns: int | None = None


@attrs.frozen(kw_only=True)
class AuditPlan:
    """The beat of the audit: every `every_ns`, `fast_ns` until an OPEN link is proven by its first event."""

    every_ns: int
    fast_ns: int
    grace_ns: int


@attrs.frozen(kw_only=True)
class Plan:
    """What is true of a venue for the whole life of a session; data, not code.

    `lag_ns` is how far its REST may lag behind what happened; `tells` says whether the account hears of orders, of
    fills or of both; `kinds` are the id spaces of its orders.  `wiped_ns` is set where all data may be wiped, so that
    ids begin anew: an order with no higher id than one that is older by so much says that they have.
    `traces_reach_ns` is how far back the venue says which symbols were traded, where fills are listed by symbol and
    holdings do not show it all (None: it does not say).
    """

    lanes: tuple[Lane, ...]
    kinds: tuple[OrderKind, ...]
    fills: Listing
    orders: Listing
    audit: AuditPlan
    balances: bool
    lag_ns: int
    tolerance: Decimal = Decimal(0)
    tells_orders: bool = True
    tells_fills: bool = True
    give_up_ns: int = 10 * MINUTE
    max_symbols: int = 500
    wiped_ns: int | None = None
    traces_reach_ns: int | None = None


# ---------------------------------------------------------------------------------------------------- questions


@attrs.frozen
class Clock:
    """What time is it at the venue?"""


@attrs.frozen
class Markets:
    """Which markets are there?"""


@attrs.frozen
class NewCredential:
    """Give us the key that a lane is dialled with."""


@attrs.frozen
class RenewCredential:
    """Let the key that we have live longer."""


@attrs.frozen
class OpenOrders:
    """Which orders of this kind are open, on all symbols?"""

    kind: OrderKind


@attrs.frozen
class OrderById:
    """How does this one order stand?"""

    key: OrderKey


@attrs.frozen
class OrderFills:
    """All executions of this one order, however old."""

    key: OrderKey
    cursor: str | None = None


@attrs.frozen
class Fills:
    """All executions since then, of one symbol or (None) of all; `cursor` is the venue's own mark of a page."""

    symbol: str | None
    since_ns: int
    until_ns: int
    cursor: str | None = None


@attrs.frozen
class Orders:
    """All orders created since then, of one symbol or (None) of all."""

    symbol: str | None
    since_ns: int
    until_ns: int
    cursor: str | None = None


@attrs.frozen
class Traces:
    """On which symbols was something executed since then?"""

    since_ns: int
    until_ns: int
    cursor: str | None = None


@attrs.frozen
class Balances:
    """What does the account hold, and (for derivatives) on which symbols does it have a position?"""


Question = (
    Clock
    | Markets
    | NewCredential
    | RenewCredential
    | OpenOrders
    | OrderById
    | OrderFills
    | Fills
    | Orders
    | Traces
    | Balances
)


# ---------------------------------------------------------------------------------------------------- meanings


class Refusal(Enum):
    """What a refusal asks of us."""

    FATAL = "fatal"  # a human must act: the account is down
    GONE = "gone"  # an authoritative no: what was asked about does not exist
    TRANSIENT = "transient"  # try again later
    CLOCK = "clock"  # our time is wrong: measure, sign anew, try again
    MALFORMED = "malformed"  # the question was bad, and would be again: it says nothing of what was asked about
    DUBIOUS = "dubious"  # a wrong key or a wrong clock, told in the same words: measure, try once more, then FATAL


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """One look at one order."""

    state: OrderState
    raw: bytes = b""


class FillView(msgspec.Struct, frozen=True, gc=False):
    """One execution."""

    execution: Execution
    raw: bytes = b""


@attrs.frozen
class Doubt:
    """Something may have happened that the stream has not told properly: go and ask if it does not in time."""

    why: str
    fill: FillKey | None = None
    order: OrderKey | None = None
    symbol: str | None = None


@attrs.frozen
class Evidence:
    """The lane delivers events of this account, though this one is not about orders."""


@attrs.frozen
class CredentialIs:
    """The key that lanes are dialled with; renew it at `renew_ns` (UTC), at the latest `spread_ns` after."""

    value: Secret
    renew_ns: int
    spread_ns: int
    expires_ns: int


@attrs.frozen
class CredentialGone:
    """The key is dead: what was dialled with it hears nothing any more."""

    why: str


@attrs.frozen
class Accepted:
    """The greeting frame with this tag was accepted."""

    tag: str


@attrs.frozen
class Refused:
    """A no: to the greeting frame `tag`, to the question that this answers, or (None) to the whole lane."""

    why: str
    how: Refusal
    tag: str | None = None
    down: DownReason = DownReason.CREDENTIALS


@attrs.frozen
class Snapshot:
    """The question for open orders of `kind` is answered in full: these and no others are open."""

    kind: OrderKind
    keys: frozenset[OrderKey]


@attrs.frozen
class Holdings:
    """What executions move, and symbols that the account has a position on.

    Spot: what it holds of each asset, free and locked together.  Derivatives: the position on each venue symbol, bought
    positive and sold negative, in base units (their money moves by profit, loss and funding too).
    """

    assets: Mapping[str, Decimal]
    symbols: frozenset[str] = frozenset()


@attrs.frozen
class Traced:
    """Something was executed on these symbols."""

    symbols: frozenset[str]


@attrs.frozen
class Moved:
    """An asset came or went without an execution: a deposit, a transfer, an interest payment."""

    asset: str
    amount: Decimal


@attrs.frozen
class More:
    """The page was not the last one: this question asks for the next."""

    question: Question


@attrs.frozen
class Unreachable:
    """A part of what was asked for that the venue cannot give, named with the reason."""

    what: str
    name: str
    why: str


@attrs.frozen
class MarketList:
    """The venue's markets by its own names."""

    markets: Mapping[str, Market]


@attrs.frozen
class ServerTime:
    """The venue's clock, UTC."""

    time_ns: int


@attrs.frozen
class Retire:
    """This lane is about to end (24 h, a shutdown notice): replace it."""

    why: str


@attrs.frozen
class Resubscribe:
    """The socket lives, the subscription on it has ended: greet again."""

    why: str


@attrs.frozen
class Throttle:
    """The venue's own count of what we used of a bucket, or until when (UTC) it will not answer."""

    bucket: str
    used: int | None = None
    until_ns: int | None = None


@attrs.frozen
class Strange:
    """A message that we have no word for; `what` says which."""

    what: str
    raw: bytes


Meaning = (
    OrderView
    | FillView
    | Doubt
    | Evidence
    | CredentialIs
    | CredentialGone
    | Accepted
    | Refused
    | Snapshot
    | Holdings
    | Traced
    | Moved
    | More
    | Unreachable
    | MarketList
    | ServerTime
    | Retire
    | Resubscribe
    | Throttle
    | Strange
)


# ---------------------------------------------------------------------------------------------------- the seam


@attrs.frozen
class Request:
    """One HTTP request, signed and ready; `target` is path and query exactly as they go out.  Never shown in logs."""

    method: str
    target: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False, factory=dict)
    body: bytes = attrs.field(repr=False, default=b"")
    bucket: str = "rest"
    weight: int = 1


@attrs.frozen
class Reply:
    """One HTTP answer; header names in lower case.  When it was asked for and when it was here, in the venue's UTC."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)
    asked_ns: int = 0
    got_ns: int = 0

    @property
    def said_ns(self) -> int:
        """The latest instant at which it can have been said: "stay away for so long" counts from here."""
        return max(self.asked_ns, self.got_ns)


@attrs.frozen
class Address:
    """Where a lane is dialled, and what dialling costs of which bucket (None: nothing that we know of).

    The URL may carry a key: never shown in logs.
    """

    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(repr=False, factory=dict)
    bucket: str | None = None
    weight: int = 1


@attrs.frozen
class Bucket:
    """A limit of the venue's: so many units per interval, for all accounts that share the host."""

    name: str
    limit: int
    per_ns: int


@attrs.define
class Memory:
    """What a session knows that a venue needs in order to speak: the credential in force and the markets."""

    credential: CredentialIs | None = None
    markets: Mapping[str, Market] | None = None


class Venue(Protocol):
    """One account at one exchange, seen by the core.  Pure: the same arguments give the same answer.

    `name` is the venue ("binance-spot"), `account` the user's name for the account, `environment` tells production
    from test systems and stands in every identity, `host` is what accounts share budgets, clock and markets by.
    """

    @property
    def name(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def rest_url(self) -> str: ...
    @property
    def plan(self) -> Plan: ...
    @property
    def buckets(self) -> tuple[Bucket, ...]: ...
    @property
    def link_limits(self) -> LinkLimits: ...
    @property
    def http_limits(self) -> HttpLimits: ...
    @property
    def session_limits(self) -> SessionLimits: ...
    @property
    def host_limits(self) -> HostLimits: ...
    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every text that must never be shown, besides the credential in memory."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the user named, unified or as the venue does: asked about even if nobody trades on them."""
        ...

    @property
    def identity(self) -> str:
        """What makes two accounts the same one (a digest of key and subaccount), without showing the key."""
        ...

    def needs(self, memory: Memory, now_ns: int) -> Sequence[Question]:
        """The questions that must be answered before a lane can be dialled; empty when none."""
        ...

    def dial(self, lane: Lane, memory: Memory) -> Address:
        """Where this lane is dialled now."""
        ...

    def greet(self, lane: Lane, memory: Memory, now_ns: int) -> Sequence[tuple[str, str]]:
        """The frames to send on a new link, each with the tag that its acceptance carries; signed with `now_ns`."""
        ...

    def read(self, lane: Lane, frames: Sequence[bytes], memory: Memory) -> list[Meaning]:
        """What these frames of this lane mean, in their order.  Never raises: what is unreadable is `Strange`."""
        ...

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        """The question as a request, signed with the time at which it is sent."""
        ...

    def answer(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        """What the answer means.  Never raises: what is unreadable is `Refused(..., TRANSIENT)`."""
        ...
