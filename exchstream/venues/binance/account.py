"""What every Binance account has, whatever the product: keys, limits, signed requests, and its identity."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import attrs
import msgspec

from exchstream.core.backoff import MAX_RETRY_AFTER_NS
from exchstream.core.limits import (
    MILLISECOND,
    HostLimits,
    HttpLimits,
    LinkLimits,
    SessionLimits,
    lasting,
    span,
    whole,
    within,
)
from exchstream.core.venue import (
    DAY,
    MINUTE,
    SECOND,
    Bucket,
    CredentialGone,
    CredentialIs,
    Fills,
    Markets,
    Meaning,
    Memory,
    NewCredential,
    OrderFills,
    Orders,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Request,
    Secret,
    ServerTime,
)
from exchstream.errors import ConfigError
from exchstream.venues.binance.paging import Book, page_params, place
from exchstream.venues.binance.signing import HmacSigner, Params, Signer, encoded, private_key_signer, signed_query
from exchstream.venues.binance.wire import (
    CONNECTIONS,
    LISTEN_KEY_GONE,
    MILLI,
    UNREADABLE,
    WEIGHT,
    Away,
    Millis,
    error_of,
    refused,
    used_weight,
    wording,
)
from exchstream.venues.checks import UNHEARD, flag, instance_of, label, origin, shorter_than, url, without_slash, wrong
from exchstream.venues.settings import key_text, load, secret, texts

WIPED_NS: Final = MINUTE  # a wipe takes longer, and ids that are given in turn are never so late; our choice


class _Time(msgspec.Struct, frozen=True):
    serverTime: Millis


class _ListenKey(msgspec.Struct, frozen=True):
    """The answer to POST and PUT of a listen key; a PUT may answer `{}`."""

    listenKey: str = ""


def preset(name: str, otherwise: str | None = None) -> Any:
    """A default: this text of the account's environment; `otherwise` in an environment of the user's own."""

    def look_up(self: BinanceAccount) -> str:
        urls = next((urls for known, urls in self.PRESETS.items() if known == self.environment), None)
        if urls is not None:
            return urls[name]
        if otherwise is not None:
            return otherwise
        known = ", ".join(sorted(self.PRESETS))
        raise ConfigError(f"environment {self.environment!r} needs {name}; the ones known are {known}")

    return attrs.Factory(look_up, takes_self=True)


def _is_for_tests(self: BinanceAccount) -> bool:
    return self.environment in ("testnet", "demo")


def _within_the_keys_life(instance: BinanceAccount, field: attrs.Attribute[Any], value: int) -> None:
    if instance.listen_key_renew_ns + value >= instance.listen_key_ns:
        raise wrong(instance, field, "end, counted from listen_key_renew_ns, before listen_key_ns")


@attrs.frozen(kw_only=True)
class BinanceAccount:
    """The fields and requests that spot and futures share; not a venue by itself.

    Either `api_secret` (HMAC) or `private_key` (PEM text, RSA or Ed25519; needs the extra `keys`) must be given.
    A key that may only read is enough.  `symbols` are venue symbols to look back on besides those that events,
    open orders, balances and the journal show.  Raises ConfigError.
    """

    account: str = attrs.field(default="main", alias="name", validator=label)
    environment: str = attrs.field(default="production", validator=label)
    rest_url: str = attrs.field(default=preset("rest_url"), converter=without_slash, validator=url("https", "http"))
    api_key: Secret = attrs.field(converter=key_text)
    api_secret: Secret | None = attrs.field(default=None, converter=secret)
    private_key: Secret | None = attrs.field(default=None, converter=secret)
    symbols: tuple[str, ...] = attrs.field(default=(), converter=texts)
    # How old a request may be when it arrives: default 5000, at most 60000 (rest-api.md, Timing security).
    recv_window_ms: int = attrs.field(default=5_000, validator=within(1, 60_000))
    # REST may lag behind the matching engine ("some delay in the response is normal", rest-api.md); our allowance.
    lag_ns: int = span(6 * SECOND)
    # The most rows that one page of orders or executions may have (rest-api.md, fapi pages).  Not more: a page that
    # the venue cuts where we do not expect it would look like the last one.
    page_limit: int = attrs.field(default=1_000, validator=within(1, 1_000))
    # Nothing heard, not even a pong to our own pings: the link is dead.  Our choice; pings come each 20 s (spot).
    silence_ns: int = span(60 * SECOND)
    heartbeat_ns: int = attrs.field(default=20 * SECOND, validator=[lasting, shorter_than("silence_ns", UNHEARD)])
    # A connection is closed after 24 hours (web-socket-api.md, fapi connect page): replace it an hour before.
    lifetime_ns: int = span(23 * 60 * MINUTE)
    # How long questions that fail for a passing reason are tried before what they would cover is named.  Our choice.
    give_up_ns: int = span(10 * MINUTE)
    # The firewall's 403 says nothing of its end; our choice.
    forbidden_ns: int = span(5 * MINUTE)
    # Nor does a 429 or 418 without `Retry-After`; limits count by the minute (exchangeInfo).
    unsaid_ns: int = span(MINUTE)
    # Bans last "from 2 minutes to 3 days" (rest-api.md, IP limits): a later end that REST names is a slip.
    longest_ban_ns: int = attrs.field(default=3 * DAY, validator=within(MILLISECOND, MAX_RETRY_AFTER_NS))
    # A listen key lives an hour without a keepalive (old user-data-stream.md, fapi page) ...
    listen_key_ns: int = span(60 * MINUTE)
    # ... and "about every 30 minutes" is recommended: from 20 % earlier to 20 % later, since processes that share a
    # key must not renew it in step.
    listen_key_renew_ns: int = attrs.field(
        default=24 * MINUTE, validator=[lasting, shorter_than("listen_key_ns", "it would be dead by then")]
    )
    listen_key_spread_ns: int = attrs.field(default=12 * MINUTE, validator=[lasting, _within_the_keys_life])
    # Beyond so many symbols a look-back would eat the weight of minutes: the rest is named as unresolved.
    max_symbols: int = whole(500)
    # "300 connections per attempt every 5 minutes per IP" (web-socket-streams.md); futures say nothing, so the same.
    connections_per_5_minutes: int = whole(300)
    # Only test systems are: "about once a month" without notice, while keys live on (testnet/general-info.md).
    wipes: bool = attrs.field(default=attrs.Factory(_is_for_tests, takes_self=True), validator=flag)
    link_limits: LinkLimits = attrs.field(default=LinkLimits(), validator=instance_of(LinkLimits))
    http_limits: HttpLimits = attrs.field(default=HttpLimits(), validator=instance_of(HttpLimits))
    session_limits: SessionLimits = attrs.field(default=SessionLimits(), validator=instance_of(SessionLimits))
    host_limits: HostLimits = attrs.field(default=HostLimits(), validator=instance_of(HostLimits))
    _signer: Signer = attrs.field(init=False, repr=False, eq=False)

    VENUE: ClassVar[str] = ""
    PRESETS: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def __attrs_post_init__(self) -> None:
        if (self.api_secret is None) == (self.private_key is None):
            raise ConfigError(f"{type(self).__name__} needs either api_secret or private_key, and not both")
        signer = HmacSigner(self.api_secret) if self.api_secret is not None else private_key_signer(self._pem)
        object.__setattr__(self, "_signer", signer)

    @classmethod
    def from_env(cls, name: str = "main", /, **overrides: object) -> Self:
        """The account `name` from EXCHSTREAM_<VENUE>_<NAME>_KEY, _SECRET, ...; arguments win.  Raises ConfigError.

        An argument for one of `api_secret` and `private_key` wins over the variables of both.
        """
        return load(cls, cls.VENUE, name, overrides, one_of=("api_secret", "private_key"))

    @property
    def name(self) -> str:
        """The venue's name."""
        return self.VENUE

    @property
    def _wiped_ns(self) -> int | None:
        return WIPED_NS if self.wipes else None

    @property
    def _pem(self) -> Secret:
        assert self.private_key is not None
        return self.private_key

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every text that must never be shown."""
        return tuple(text for text in (self.api_key, self.api_secret, self.private_key) if text is not None)

    @property
    def identity(self) -> str:
        """A digest: the same key on the same system is the same account, whatever the user calls it."""
        text = f"{self.VENUE}\n{self._system}\n{self.api_key.reveal()}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def _system(self) -> str:
        """A preset's name; of an environment of the user's own its address: two names for one place are one system."""
        if self.environment in self.PRESETS:
            return self.environment
        here = origin(self.rest_url)
        return next((name for name, urls in self.PRESETS.items() if origin(urls["rest_url"]) == here), here)

    # ------------------------------------------------------------------------------------------------ requests

    def _open(self, path: str, weight: int) -> Request:
        """A question that needs no key."""
        return Request("GET", path, bucket=WEIGHT, weight=weight)

    def _signed(self, path: str, params: Params, weight: int, now_ns: int) -> Request:
        """A question about the account."""
        timed = {**params, "recvWindow": self.recv_window_ms, "timestamp": now_ns // MILLI}
        target = f"{path}?{signed_query(timed, self._signer)}"
        return Request("GET", target, self._headers(), bucket=WEIGHT, weight=weight)

    def _listen_key(self, method: str, path: str, params: Params, weight: int) -> Request:
        """Create or keep a listen key: the header, no signature, no timestamp (old user-data-stream.md, fapi page)."""
        target = f"{path}?{encoded(params)}" if params else path
        return Request(method, target, self._headers(), bucket=WEIGHT, weight=weight)

    def _headers(self) -> dict[str, str]:
        return {"X-MBX-APIKEY": self.api_key.reveal()}

    def _page(self, books: tuple[Book, ...], question: Fills | Orders | OrderFills, now_ns: int) -> Request:
        book = books[place(question).book]
        weight = book.weight if book.order_weight is None or not isinstance(question, OrderFills) else book.order_weight
        return self._signed(book.path, page_params(books, question), weight, now_ns)

    # ------------------------------------------------------------------------------------------------ answers

    def answer(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        """What the answer means.  Never raises: what cannot be read is refused for now."""
        told = used_weight(reply)
        if not 200 <= reply.status < 300:
            return told + self._refusal(question, reply)
        try:
            return told + self._told(question, reply, memory)
        except UNREADABLE as error:
            why = f"an answer that cannot be read: {wording(reply.status, error_of(reply.body), reply.body)}"
            return [*told, Refused(f"{why}: {str(error)[:120]}", Refusal.TRANSIENT)]

    def _told(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        raise NotImplementedError

    def _refusal(self, question: Question, reply: Reply) -> list[Meaning]:
        error = error_of(reply.body)
        if isinstance(question, RenewCredential) and error is not None and error.code == LISTEN_KEY_GONE:
            return [CredentialGone(wording(reply.status, error))]
        away = Away(forbidden_ns=self.forbidden_ns, unsaid_ns=self.unsaid_ns, longest_ns=self.longest_ban_ns)
        return refused(reply, away)

    def _credential(self, reply: Reply, memory: Memory) -> list[Meaning]:
        """A new listen key, or the one we have, for another hour.  A renewal may answer `{}`."""
        key = msgspec.json.decode(reply.body, type=_ListenKey).listenKey
        value = Secret(key) if key else memory.credential.value if memory.credential is not None else None
        if value is None:
            return [Refused("the venue gave no listen key", Refusal.TRANSIENT)]
        now_ns = reply.asked_ns
        renew_ns, expires_ns = now_ns + self.listen_key_renew_ns, now_ns + self.listen_key_ns
        return [CredentialIs(value, renew_ns, self.listen_key_spread_ns, expires_ns)]

    @staticmethod
    def _server_time(body: bytes) -> list[Meaning]:
        return [ServerTime(msgspec.json.decode(body, type=_Time).serverTime * MILLI)]

    def _buckets(self, limit: int) -> tuple[Bucket, ...]:
        return (Bucket(WEIGHT, limit, MINUTE), Bucket(CONNECTIONS, self.connections_per_5_minutes, 5 * MINUTE))


def needs_of(memory: Memory, now_ns: int, *, key: bool) -> list[Question]:
    """What must be known before dialling: the markets, and a living listen key where lanes are dialled with one."""
    needs: list[Question] = [Markets()] if memory.markets is None else []
    if key and (memory.credential is None or now_ns >= memory.credential.expires_ns):
        needs.append(NewCredential())
    return needs
