"""Spot's WebSocket API: requests and answers, and user data subscriptions, on one socket.

Rules (spot docs `web-socket-api.md`, 2026-07): one JSON request per text frame; the id is an integer, a string of up to
36 characters or null and is echoed as it came; a method may be prefixed with the version. Answers carry `rateLimits`
unless the client declined them; events are told from answers by the key `event`.
What this module does not do: the calls themselves, which REST shares (`spot_orders`, `spot_queries`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from attrs import define, evolve, field, frozen

from mockserver.faces.base import Close, Session, Text
from mockserver.faces.binance import auth, errors
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.params import Params, from_json, loads_exact
from mockserver.faces.binance.routes import Call, Route, Security, TimeUnit, order_limits, weight_limit
from mockserver.faces.binance.signing import KeyKind
from mockserver.faces.binance.text import json_text, ms

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Account, Exchange
    from mockserver.faces.binance.spot import SpotFace
    from mockserver.link import Link

# "At most 1,000 active subscriptions and 65,535 over the life of a connection" (spot docs).
MAX_ACTIVE: Final = 1_000
MAX_SUBSCRIPTION_ID: Final = 65_535
MAX_ID_LENGTH: Final = 36
SESSION_WEIGHT: Final = 2
BANNED: Final = 418
_VERSION: Final = re.compile(r"^v[0-9]+/")
Id = int | str | None


@frozen
class Subscription:
    """A user data subscription; one `by_logon` ends with the session's logon."""

    exchange: Exchange
    account: Account
    by_logon: bool


@frozen
class Logon:
    """Whose session it is, and since when."""

    exchange: Exchange
    account: Account
    since_ns: int


@frozen
class Own:
    """A method that belongs to the socket itself."""

    handle: Callable[[WsApiSession, Params], object]
    takes: frozenset[str]


@define(eq=False, slots=False)
class WsApiSession(Session):
    """One WebSocket API connection.

    Invariants: subscription ids count from 0 and are never used twice on one connection; at most one active
    subscription per account.
    """

    face: SpotFace
    link: Link
    methods: Mapping[str, Route]
    at: TimeUnit
    show_limits: bool
    opened_ns: int
    _logon: Logon | None = field(default=None, init=False)
    _subscriptions: dict[int, Subscription] = field(factory=dict, init=False)  # bounded: MAX_ACTIVE
    _next_id: int = field(default=0, init=False)
    _ended: list[int] = field(factory=list, init=False)  # bounded: MAX_ACTIVE, emptied by each request

    def __attrs_post_init__(self) -> None:
        self.rhythm = self.face.rhythm()
        self.handshake = self.face.handshake()

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """The accounts with an active subscription; a revoked key's subscription carries nothing."""
        return frozenset(
            (each.exchange.world.name, each.exchange.venue, each.account.name)
            for each in self._subscriptions.values()
            if not each.account.revoked
        )

    def opened(self) -> None:
        """The venue does not greet."""

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """Carry the events of subscribed accounts."""
        for number, each in tuple(self._subscriptions.items()):
            if each.exchange is exchange and not each.account.revoked:
                for _, text in self.face.of(exchange).user_data(events, each.account.name, self.at):
                    if number in self._subscriptions:  # a fault may end it behind each of its frames
                        self.link.tell(f'{{"subscriptionId":{number},"event":{text}}}')

    def shutdown_notice(self, text: str) -> None:
        """Tell that the server is about to go: an event without a subscription id."""
        self.link.tell(f'{{"event":{text}}}')

    # -- requests -------------------------------------------------------------------------------------------------

    def receive(self, frame: str | bytes) -> None:
        """Answer one request."""
        number: Id = None
        try:
            request = _request(frame)
            number = _id_of(request)
            self._check_revoked()
            method, params = _method_of(request)
        except Refused as refused:
            self._answer(number, refused.refusal.status, {"error": refused.refusal.body()}, None)
            return
        self._perform(number, method, params)
        self._tell_ended()

    def _check_revoked(self) -> None:
        """End the logon of a key that lost its rights: "after the next request", with an answer to no request."""
        if self._logon is not None and self._logon.account.revoked:
            self._logout()
            self._answer(None, errors.BAD_KEY.status, {"error": errors.BAD_KEY.body()}, None, shows=False)

    def _perform(self, number: Id, method: str, params: Params) -> None:
        limits, now_ms = self.face.sync_limits(), ms(self.face.exchange.now_ns)
        own, found = OWN_METHODS.get(method), self.methods.get(method)
        owner = self._owner(params.text("apiKey"))
        account: str | None = None
        try:
            # The list of errors has no word for an unknown method; it is answered as a request that cannot be read.
            if own is None and found is None:
                raise Refused(errors.BAD_JSON)
            weight = found.weigh(params) if found is not None else SESSION_WEIGHT
            limits.charge(owner, weight, now_ms)
            if own is not None:
                params.only(own.takes)
                body: dict[str, object] = {"result": own.handle(self, params)}
            else:
                assert found is not None
                call = self._call(found, params)
                body = {"result": self.face.of(call.exchange).perform(found, call)}
                account = call.account if found.orders else None
                if found.free and not self.face.is_old:
                    limits.refund(owner, weight, now_ms)
            status = 200
        except Refused as refused:
            status, body = refused.refusal.status, {"error": refused.refusal.body()}
            if refused.refusal.code == errors.TOO_MANY_ORDERS and found is not None:
                account = self._named(params)
        self._answer(number, status, body, account, self._shows(params))
        if status == BANNED:  # "automated IP ban and you will be disconnected" (spot docs)
            self.link.push(Close(1008, ""))

    def _call(self, found: Route, params: Params) -> Call:
        """Find out on whose behalf a request is made: explicit parameters override the session's key."""
        found.check_names(params, frozenset({"apiKey", "returnRateLimits"}))
        face = self.face
        if found.security is Security.NONE:
            return Call(face.exchange, params, self.at, face.sync_limits())
        named = params.text("apiKey")
        if named is None and self._logon is not None:
            exchange, account = self._logon.exchange, self._logon.account
            if found.security is Security.SIGNED:
                auth.check_time(params, face.exchange.now_ns)
        else:
            exchange, account = auth.caller(face.exchange, params.need("apiKey"))
            if found.security is Security.SIGNED:
                auth.check_signed(params, account, exchange.now_ns)
        return Call(exchange, params, self.at, face.of(exchange).sync_limits(), account.name)

    def _named(self, params: Params) -> str | None:
        """The account that a request is for, by its key or the session's."""
        named = params.text("apiKey")
        if named is None:
            return None if self._logon is None else self._logon.account.name
        found = self.face.exchange.find_key(named)
        return None if found is None else found[1].name

    def _shows(self, params: Params) -> bool:
        asked = params.text("returnRateLimits")
        return self.show_limits if asked is None else asked.lower() == "true"

    def _owner(self, api_key: str | None) -> str:
        if api_key is None and self._logon is not None:
            api_key = self._logon.account.api_key
        return self.face.owner_of(api_key, self.link.peer)

    def _answer(
        self, number: Id, status: int, body: Mapping[str, object], account: str | None, shows: bool | None = None
    ) -> None:
        out: dict[str, object] = {"id": number, "status": status, **body}
        if self.show_limits if shows is None else shows:
            out["rateLimits"] = self._rate_limits(account)
        self.link.push(Text(json_text(out)))

    def _rate_limits(self, account: str | None) -> list[dict[str, object]]:
        limits, now_ms = self.face.limits, ms(self.face.exchange.now_ns)
        weight = weight_limit(limits.weight_limit, limits.used(self._owner(None), now_ms))
        return [weight] if account is None else [*order_limits(limits, account, now_ms), weight]

    # -- the session's own methods --------------------------------------------------------------------------------

    def subscribe_signature(self, params: Params) -> object:
        """`userDataStream.subscribe.signature`: any kind of key, no logon needed."""
        exchange, account = auth.caller(self.face.exchange, params.need("apiKey"))
        auth.check_signed(params, account, exchange.now_ns)
        return self._subscribe(Subscription(exchange, account, by_logon=False))

    def subscribe(self, params: Params) -> object:
        """`userDataStream.subscribe`: for the key that has logged on."""
        if self._logon is None:
            raise Refused(errors.NOT_LOGGED_ON)
        return self._subscribe(Subscription(self._logon.exchange, self._logon.account, by_logon=True))

    def _subscribe(self, new: Subscription) -> object:
        active = self._subscriptions.values()
        if any(each.exchange is new.exchange and each.account.name == new.account.name for each in active):
            raise Refused(errors.ALREADY_SUBSCRIBED)
        if self._next_id >= MAX_SUBSCRIPTION_ID or len(self._subscriptions) >= MAX_ACTIVE:
            raise Refused(errors.SUBSCRIPTIONS_SPENT)
        number = self._next_id
        self._next_id += 1
        self._subscriptions[number] = new
        self.link.join(new.exchange)
        return {"subscriptionId": number}

    def unsubscribe(self, params: Params) -> object:
        """`userDataStream.unsubscribe`: one subscription, or all; each is told `eventStreamTerminated` afterwards."""
        number = params.integer("subscriptionId")
        if number is None:
            ended = list(self._subscriptions)
        elif number in self._subscriptions:
            ended = [number]
        else:
            raise Refused(errors.NOT_SUBSCRIBED)
        self._end(ended)
        return {}

    def _end(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self._subscriptions[number]
        self._ended.extend(numbers)
        self.link.note_sight()

    def _tell_ended(self) -> None:
        ended, self._ended = self._ended, []
        now = self.at(self.face.exchange.now_ns)
        for number in ended:
            event = {"e": "eventStreamTerminated", "E": now}
            self.link.tell(json_text({"subscriptionId": number, "event": event}))

    def terminate(self) -> None:
        """End every subscription, as the venue does when what it rests on has run out."""
        self._end(tuple(self._subscriptions))
        self._tell_ended()

    def subscriptions(self, params: Params) -> object:
        """`session.subscriptions`."""
        return [{"subscriptionId": number} for number in self._subscriptions]

    def logon(self, params: Params) -> object:
        """`session.logon`: Ed25519 keys only; a new logon changes the key of the session."""
        exchange, account = auth.caller(self.face.exchange, params.need("apiKey"))
        if auth.kind_of(account) is not KeyKind.ED25519:
            raise Refused(_unsupported(auth.kind_of(account)))
        auth.check_signed(params, account, exchange.now_ns)
        self._logon = Logon(exchange, account, exchange.now_ns)
        return self.status(params)

    def logout(self, params: Params) -> object:
        """`session.logout`: ends what `userDataStream.subscribe` opened, and nothing else."""
        self._logout()
        return self.status(params)

    def _logout(self) -> None:
        self._logon = None
        self._end([number for number, each in self._subscriptions.items() if each.by_logon])

    def status(self, params: Params) -> object:
        """`session.status`."""
        logon = self._logon
        return {
            "apiKey": None if logon is None else logon.account.api_key,
            "authorizedSince": None if logon is None else self.at(logon.since_ns),
            "connectedSince": self.at(self.opened_ns),
            "returnRateLimits": self.show_limits,
            "serverTime": self.at(self.face.exchange.now_ns),
            "userDataStream": bool(self._subscriptions),
        }


def _own(handle: Callable[[WsApiSession, Params], object], takes: str = "") -> Own:
    return Own(handle, frozenset(takes.split()))


_SIGNATURE: Final = "apiKey timestamp signature recvWindow"
OWN_METHODS: Final[Mapping[str, Own]] = {
    "userDataStream.subscribe.signature": _own(WsApiSession.subscribe_signature, _SIGNATURE),
    "userDataStream.subscribe": _own(WsApiSession.subscribe),
    "userDataStream.unsubscribe": _own(WsApiSession.unsubscribe, "subscriptionId"),
    "session.subscriptions": _own(WsApiSession.subscriptions),
    "session.logon": _own(WsApiSession.logon, _SIGNATURE),
    "session.logout": _own(WsApiSession.logout),
    "session.status": _own(WsApiSession.status),
}


def _unsupported(kind: KeyKind) -> Refusal:
    """Return the refusal of a logon with a key that is not Ed25519; only the one for HMAC has been seen."""
    if kind is KeyKind.HMAC:
        return errors.HMAC_NOT_SUPPORTED
    return evolve(errors.HMAC_NOT_SUPPORTED, msg=f"{kind.value} API key is not supported")


def _request(frame: str | bytes) -> Mapping[str, object]:
    try:
        request = loads_exact(frame if isinstance(frame, str) else frame.decode())
    except (ValueError, RecursionError):
        raise Refused(errors.BAD_JSON) from None
    if not isinstance(request, dict):
        raise Refused(errors.BAD_JSON)
    return request


def _id_of(request: Mapping[str, object]) -> Id:
    number = request.get("id")
    if number is None or (isinstance(number, int) and not isinstance(number, bool)):
        return number
    if isinstance(number, str) and len(number) <= MAX_ID_LENGTH:
        return number
    raise Refused(errors.BAD_JSON)


def _method_of(request: Mapping[str, object]) -> tuple[str, Params]:
    method, params = request.get("method"), request.get("params")
    if not isinstance(method, str) or not isinstance(params, (dict, type(None))):
        raise Refused(errors.BAD_JSON)
    return _VERSION.sub("", method), from_json(params or {})
