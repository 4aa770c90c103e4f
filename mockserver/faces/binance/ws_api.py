"""The WebSocket API of both venues: requests and answers, and the session's logon, on one socket.

Rules (spot docs `web-socket-api.md`, 2026-07; USD-M's are the same): one JSON request per text frame; the id is an
integer, a string of up to 36 characters or null and is echoed as it came; a method may be prefixed with the version.
Answers carry `rateLimits` unless the client declined them.
What this module does not do: the calls themselves, which REST shares (`*_orders`, `*_queries`), and spot's
subscriptions (`ws_subscriptions`): USD-M tells no events here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from attrs import define, evolve, field, frozen

from mockserver.faces.base import Close, HttpResponse, Session, Text
from mockserver.faces.binance import auth, errors
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.params import Params, from_json, loads_exact
from mockserver.faces.binance.routes import BinanceFace, Call, Route, Security, TimeUnit, order_limits, weight_limit
from mockserver.faces.binance.signing import KeyKind
from mockserver.faces.binance.text import json_text, ms
from mockserver.faces.binance.ws_fates import FRAME, Question, error_of
from mockserver.forms import nearest_of

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Account, Exchange
    from mockserver.faces.base import HttpRequest
    from mockserver.faces.binance.streams import UserDataFace
    from mockserver.link import Link

MAX_ID_LENGTH: Final = 36
LONGEST_METHOD: Final = 64
"""So much of a method that there is not is looked at."""
BANNED: Final = 418
_VERSION: Final = re.compile(r"^v[0-9]+/")
Id = int | str | None


@frozen
class Asked:
    """One request that could be read."""

    number: Id
    method: str
    params: Params


@frozen
class Logon:
    """Whose session it is, and since when."""

    exchange: Exchange
    account: Account
    since_ns: int


@frozen
class Own:
    """A method that belongs to the socket itself, by the name that the session's class has for it."""

    name: str
    takes: frozenset[str]


def own(name: str, takes: str = "") -> Own:
    """Make a method of the socket; `takes` is a list of names divided by spaces."""
    return Own(name, frozenset(takes.split()))


SIGNATURE: Final = "apiKey timestamp signature recvWindow"
SESSION_METHODS: Final[Mapping[str, Own]] = {
    "session.logon": own("logon", SIGNATURE),
    "session.logout": own("logout"),
    "session.status": own("status"),
}


@define(eq=False, slots=False)
class WsApiSession(Session):
    """One WebSocket API connection, without events."""

    own_methods: ClassVar[Mapping[str, Own]] = SESSION_METHODS

    face: UserDataFace
    link: Link
    methods: Mapping[str, Route]
    at: TimeUnit
    show_limits: bool
    opened_ns: int
    _logon: Logon | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.rhythm = self.face.rhythm()
        self.handshake = self.face.handshake()

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """None: it carries no events."""
        return frozenset()

    def opened(self) -> None:
        """The venue does not greet."""

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """Carry nothing."""

    # -- requests -------------------------------------------------------------------------------------------------

    def receive(self, frame: str | bytes) -> None:
        """Answer one request."""
        number: Id = None
        try:
            request = _request(frame)
            number = _id_of(request)
            self._check_revoked()
            asked = self._asked(number, request)
        except Refused as refused:
            self._answer(number, refused.refusal.status, {"error": refused.refusal.body()}, None)
            return
        exchange, account = self._whose(asked.params)
        Question(
            exchange=exchange,
            account=account,
            link=self.link,
            method=asked.method,
            params=asked.params,
            perform=lambda: self._perform(asked),
            tell=lambda answer: self._tell(asked, answer),
        ).put()

    def _whose(self, params: Params) -> tuple[Exchange, Account | None]:
        """Find out by whose key a request is made, good or not: the parameter's, or the session's."""
        named = params.text("apiKey")
        if named is None and self._logon is not None:
            return self._logon.exchange, self._logon.account
        return (named and self.face.exchange.find_key(named)) or (self.face.exchange, None)

    def _asked(self, number: Id, request: Mapping[str, object]) -> Asked:
        method, params = request.get("method"), request.get("params")
        if not isinstance(method, str) or not isinstance(params, (dict, type(None))):
            raise Refused(errors.BAD_JSON)
        known = method in self.own_methods or method in self.methods  # `v2/account.balance` is a name of its own
        return Asked(number, method if known else _VERSION.sub("", method), from_json(params or {}))

    def _check_revoked(self) -> None:
        """End the logon of a key that lost its rights: "after the next request", with an answer to no request."""
        if self._logon is not None and self._logon.account.revoked:
            self._logout()
            self._answer(None, errors.BAD_KEY.status, {"error": errors.BAD_KEY.body()}, None, shows=False)

    def _perform(self, asked: Asked) -> HttpResponse:
        """Do what is asked, and return the frame that says so."""
        pool, now_ms = self.face.sync_pool(), ms(self.face.exchange.now_ns)
        params, mine, found = asked.params, self.own_methods.get(asked.method), self.methods.get(asked.method)
        owner = self._owner(params.text("apiKey"))
        account: str | None = None
        try:
            # The list of errors has no word for an unknown method; it is answered as a request that cannot be read.
            if mine is None and found is None:
                self._warn_of(asked.method[:LONGEST_METHOD])
                raise Refused(errors.BAD_JSON)
            weight = found.weigh(params) if found is not None else self.face.session_weight
            pool.charge(owner, weight, now_ms)
            if mine is not None:
                params.only(mine.takes)
                body: dict[str, object] = {"result": getattr(self, mine.name)(params)}
            else:
                assert found is not None
                call = self._call(found, params)
                body = {"result": face_of(call.exchange).perform(found, call)}
                account = call.account if found.orders else None
                if found.free and not self.face.is_old:
                    pool.refund(owner, weight, now_ms)
            status = 200
        except Refused as refused:
            status, body = refused.refusal.status, {"error": refused.refusal.body()}
            if refused.refusal.code == errors.TOO_MANY_ORDERS and found is not None:
                who = self._whose(params)[1]
                account = None if who is None else who.name
        text = self._worded(asked.number, status, body, account, self._shows(params))
        return HttpResponse(status, text.encode(), content_type=FRAME)

    def _warn_of(self, method: str) -> None:
        """Tell the journal what the client may have meant; the client is told what the venue tells."""
        near = nearest_of(method, [*self.own_methods, *self.methods])
        self.link.warn(f"no such method: {method}; the nearest: {', '.join(near) or 'none'}")

    def _tell(self, asked: Asked, answer: HttpResponse) -> None:
        """Give an answer, or an error that a fault has put in its place."""
        error = error_of(answer, self.face.exchange.told_ns)
        if error is not None:
            self._answer(asked.number, answer.status, {"error": error}, None, self._shows(asked.params))
        else:
            self.link.push(Text(answer.body.decode("utf-8", "replace")))
        self._answered()
        if answer.status == BANNED:  # "automated IP ban and you will be disconnected" (spot docs)
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
                auth.check_time(params, exchange.told_ns)
        else:
            exchange, account = auth.caller(face.exchange, params.need("apiKey"))
            if found.security is Security.SIGNED:
                auth.check_signed(params, account, exchange.told_ns)
        return Call(exchange, params, self.at, face_of(exchange).sync_limits(), account.name)

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
        self.link.push(Text(self._worded(number, status, body, account, shows)))

    def _worded(
        self, number: Id, status: int, body: Mapping[str, object], account: str | None, shows: bool | None
    ) -> str:
        out: dict[str, object] = {"id": number, "status": status, **body}
        if self.show_limits if shows is None else shows:
            out["rateLimits"] = self._rate_limits(account)
        return json_text(out)

    def _rate_limits(self, account: str | None) -> list[dict[str, object]]:
        pool, now_ms = self.face.pool, ms(self.face.exchange.now_ns)
        weight = weight_limit(pool.weight_limit, pool.used(self._owner(None), now_ms))
        return [weight] if account is None else [*order_limits(self.face.limits, account, now_ms), weight]

    # -- the session's own methods --------------------------------------------------------------------------------

    def logon(self, params: Params) -> object:
        """`session.logon`: Ed25519 keys only; a new logon changes the key of the session."""
        exchange, account = auth.caller(self.face.exchange, params.need("apiKey"))
        if auth.kind_of(account) is not KeyKind.ED25519:
            raise Refused(_unsupported(auth.kind_of(account)))
        auth.check_signed(params, account, exchange.told_ns)
        self._logon = Logon(exchange, account, exchange.now_ns)
        return self.status(params)

    def logout(self, params: Params) -> object:
        """`session.logout`."""
        self._logout()
        return self.status(params)

    def _logout(self) -> None:
        self._logon = None

    def _answered(self) -> None:
        """Whatever comes behind an answer."""

    def status(self, params: Params) -> object:
        """`session.status`."""
        return self.state()

    def state(self) -> dict[str, object]:
        """Return what a session is asked for."""
        logon = self._logon
        return {
            "apiKey": None if logon is None else logon.account.api_key,
            "authorizedSince": None if logon is None else self.at(logon.since_ns),
            "connectedSince": self.at(self.opened_ns),
            "returnRateLimits": self.show_limits,
            "serverTime": self.at(self.face.exchange.now_ns),
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


def face_of(exchange: Exchange) -> BinanceFace:
    """Return the face of an exchange of this venue, in whatever world."""
    assert isinstance(exchange.face, BinanceFace)
    return exchange.face


S = TypeVar("S", bound=WsApiSession)  # Python 3.11 has no other way to write it


def dial(
    kind: type[S], face: UserDataFace, methods: Mapping[str, Route], request: HttpRequest, link: Link, unit: TimeUnit
) -> S:
    """Open a session, which costs weight; may raise `Refused`."""
    owner = face.owner_of(face.credential(request), request.peer)
    face.sync_pool().charge(owner, face.dial_weight, ms(face.exchange.now_ns))
    shows = (query_value(request, "returnRateLimits") or "true").lower() != "false"
    return kind(face, link, methods, unit, shows, face.exchange.now_ns)


def query_value(request: HttpRequest, name: str) -> str | None:
    """Return a parameter of the address."""
    for part in request.query.split("&"):
        key, _, value = part.partition("=")
        if key == name:
            return value
    return None
