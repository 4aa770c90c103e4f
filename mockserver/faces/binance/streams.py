"""Sockets that carry user data by listen key, and what both venues share about user data.

A stream socket takes `SUBSCRIBE`, `UNSUBSCRIBE` and `LIST_SUBSCRIPTIONS`, and answers any name that could be one with
success, as the venue does: a listen key that is unknown, dead, or used at the wrong entry is acknowledged and stays
silent for ever (measured on production after 2026-04-23), and so does a stream of a market that does not exist
(Binance.Net issue 620). The client is told nothing; the journal has a warning, once for each such socket.
Errors are those of the spot docs `web-socket-streams.md` (2026-07), wrapped as in every recorded frame:
`{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":2}` (Krypto-trading-bot issue 1121).
A name with `@` is a market stream; `hub` carries those.
What this module does not do: render events or market data.
"""

from __future__ import annotations

import re
import uuid
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import define, field, frozen

from mockserver.faces.base import Close, HttpRequest, Rhythm, Session, Text
from mockserver.faces.binance.feeds import Style
from mockserver.faces.binance.hub import Category, Hub, category
from mockserver.faces.binance.listen_keys import ListenKey, ListenKeys
from mockserver.faces.binance.params import loads_exact
from mockserver.faces.binance.routes import BinanceFace, TimeUnit
from mockserver.faces.binance.text import json_text

if TYPE_CHECKING:
    from mockserver.engine.types import Event
    from mockserver.exchange import Exchange
    from mockserver.link import Link

Told: TypeAlias = tuple[str, str]
"""The name of an event and its text."""

# "streams per connection: 1024" (spot docs `web-socket-streams.md`).
MAX_STREAMS: Final = 1_024
NS_PER_MS: Final = 1_000_000
NS_PER_SECOND: Final = 1_000_000_000
# A listen key, `btcusdt@trade`, `!ticker@arr`, `btcusdt@kline_1d@+08:00`. Anything else is refused.
STREAM_NAME: Final = re.compile(r"!?[A-Za-z0-9_.]+(@[A-Za-z0-9_.:+]+)*")
# "Connection with id … closed due to 1008: Too many requests" (binance-connector-js issue 530).
TOO_MANY_FRAMES: Final = Close(1008, "Too many requests")
MOST_FRAMES: Final = 10_000
"""So many of a second are counted: a limit from there on is never reached."""
EVERY_CATEGORY: Final[frozenset[Category]] = frozenset({"public", "market"})
NO_STREAM: Final = "no such market stream here (in small letters, of a symbol that is traded), nothing will come: {}"
NO_SUCH_KEY: Final = "no account has this listen key: it was never given, has expired, or its API key was revoked"
NO_EVENTS: Final = "no events are named in the address, and the setting events_default reads that as none"


class UserDataFace(BinanceFace):
    """A Binance face with listen keys and user data; subclasses say how events read and how expiry is told."""

    keys: ListenKeys
    style: Style
    """How it writes market data."""
    kept: tuple[str, ...] = ("limits", "keys", "hub._aggregates", "hub._spans")
    _last: tuple[Sequence[Event], str, TimeUnit, list[Told]] | None = None

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._uuids = exchange.random("handshakes")
        self.hub = Hub(exchange, self.style)

    def on_events(self, events: Sequence[Event]) -> None:
        """Let those hear of it who listen to the market."""
        self.hub.on_events(events)

    def handshake(self) -> tuple[tuple[str, str], ...]:
        """Return the headers of a handshake's answer; the official clients read this one."""
        return (("x-mbx-uuid", str(uuid.UUID(int=self._uuids.getrandbits(128), version=4))),)

    @abstractmethod
    def render(self, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
        """Return what an account hears of one command."""

    @abstractmethod
    def expiry_text(self, key: str) -> str:
        """Return the notice that a listen key has run out."""

    def user_data(self, events: Sequence[Event], account: str, at: TimeUnit) -> list[Told]:
        """Return what an account hears; rendered once, however many sockets carry it."""
        last = self._last
        if last is not None and last[0] is events and last[1] == account and last[2] is at:
            return last[3]
        told = self.render(events, account, at)
        self._last = (events, account, at, told)
        return told

    def credential(self, request: HttpRequest) -> str | None:
        """The key of the header, or the listen key in a socket's address."""
        return super().credential(request) or next(iter(listen_keys_of(request)), None)

    def rhythm(self) -> Rhythm:
        """Return the heartbeats of a socket as the settings have them now; 0 switches one off."""
        return Rhythm(
            ping_every_ns=self.after("ping_every_ms"),
            pong_within_ns=self.after("pong_within_ms"),
            lifetime_ns=self.after("lifetime_ms"),
        )

    def after(self, name: str) -> int | None:
        """Return a time of the settings in ns; None where it is switched off."""
        return self.option(name) * NS_PER_MS or None

    def shutdown_text(self) -> str:
        """Return the notice that the server is about to go; no such notice of futures is documented."""
        return json_text({"e": "serverShutdown", "E": self.exchange.now_ns // NS_PER_MS})

    def expire_listen_keys(self, account: str | None, *, notices: int = 1) -> int:
        """Expire the listen keys of one account, or all."""
        return self.keys.expire(account, notices=notices)

    def replace_listen_keys(self, account: str | None) -> int:
        """Give one account, or all, another listen key; the old one lives on until its time is over."""
        return self.keys.replace(account)

    def key_expired(self, key: ListenKey, notices: int) -> None:
        """Tell the sockets of a listen key that has just died; they stay open and carry nothing more."""
        text = self.expiry_text(key.value)
        for link in tuple(self.exchange.links):
            if isinstance(link.session, StreamSession):
                link.session.key_expired(key.value, text, notices)
        self.exchange.note_sight()

    def reset(self) -> None:
        """Forget counters and listen keys."""
        super().reset()
        self.keys.reset()


@frozen
class Entry:
    """What an address means: `wrapped` puts events into {"stream","data"}; `deaf` says why it carries no user data."""

    wrapped: bool
    deaf: str | None
    keys: Mapping[str, frozenset[str] | None] = field(factory=dict)
    """The listen keys and streams in the address, each with the only events it wants, or None for all."""
    market: frozenset[Category] = EVERY_CATEGORY
    """What market data it carries."""


def listen_keys_of(request: HttpRequest) -> dict[str, frozenset[str] | None]:
    """Return the listen keys and market streams in an address, each with its list of events.

    Forms in use (2026): `/private/ws?listenKey=K&events=A/B`, several such pairs on `/private/stream`, `/ws/K` (of
    market streams more than one, `/ws/A/B`), and `/stream?streams=K/A`.
    """
    out: dict[str, frozenset[str] | None] = {}
    last: str | None = None
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        match name:
            case "listenKey" if value:
                last = value
                out[value] = None
            case "events" if last is not None:
                out[last] = frozenset(value.replace("%2F", "/").replace("%2f", "/").split("/"))
            case "streams":
                out.update(dict.fromkeys((stream for stream in value.split("/") if stream), None))
            case _:
                pass
    head, marked, tail = request.path.rpartition("/ws/")
    if marked and head in ("", "/private", "/public", "/market"):
        out.update(dict.fromkeys((name for name in tail.split("/") if name), None))
    return out


@define(eq=False, slots=False)
class StreamSession(Session):
    """One stream socket.

    Invariants: `_streams` are the names subscribed to; a name that is a live listen key of some account carries that
    account's events, any other name is silent.
    """

    face: UserDataFace
    link: Link
    entry: Entry
    at: TimeUnit
    _streams: dict[str, frozenset[str] | None] = field(factory=dict, init=False)  # bounded: MAX_STREAMS
    _combined: bool | None = field(default=None, init=False)
    _warned: bool = field(default=False, init=False)
    _frames: deque[int] = field(factory=lambda: deque(maxlen=MOST_FRAMES), init=False)
    """When the client's frames of the last second came."""

    def __attrs_post_init__(self) -> None:
        self.rhythm = self.face.rhythm()
        self.handshake = self.face.handshake()

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """The accounts whose order events this socket carries."""
        if self.entry.deaf:
            return frozenset()
        return frozenset(
            (exchange.world.name, exchange.venue, owner)
            for name, wanted in self._streams.items()
            for exchange, owner in self._owners(name)
            if wanted is None or wanted & {"ORDER_TRADE_UPDATE", "executionReport"}
        )

    def _owners(self, name: str) -> list[tuple[Exchange, str]]:
        """Return the exchange and the account of a live listen key, if the name is one."""
        exchange = self.face.exchange.find_token(name)
        if exchange is None or not isinstance(exchange.face, UserDataFace):
            return []
        owner = exchange.face.keys.owner(name)
        account = None if owner is None else exchange.account(owner)
        return [] if account is None or account.revoked else [(exchange, account.name)]

    def opened(self) -> None:
        """Take up the listen keys of the address."""
        for name, wanted in self.entry.keys.items():
            self._add(name, wanted)

    def _add(self, name: str, wanted: frozenset[str] | None) -> None:
        if len(self._streams) >= MAX_STREAMS and name not in self._streams:
            return
        self._streams[name] = wanted
        if is_market_stream(name):
            self._warn(self._listen(name))
            return
        if not self.entry.deaf:
            for exchange, _ in self._owners(name):
                self.link.join(exchange)
        self._warn(self._why_silent(name, wanted))

    def _listen(self, name: str) -> str | None:
        """Subscribe to a market stream; None, or why nothing will ever come."""
        if category(name) not in self.entry.market:
            carried = " and ".join(f"/{each}" for each in sorted(self.entry.market)) or "no market data"
            return f"the stream {name} is carried at /{category(name)}, and this address is for {carried}"
        return None if self.face.hub.subscribe(name, self, self.at) else NO_STREAM.format(name)

    def market_data(self, stream: str, text: str) -> None:
        """See `hub.Listener`."""
        self.link.tell(self._wrapped(stream, text), market=True)

    def closed(self) -> None:
        """Listen to no market any more; this may come in the middle of an event."""
        for name in self._streams:
            self.face.hub.unsubscribe(name, self, self.at)

    def _why_silent(self, name: str, wanted: frozenset[str] | None) -> str | None:
        if name.isdecimal():  # ccxt opens `/ws/0` and subscribes to streams of the market there
            return None
        if self.entry.deaf:
            return f"no user data will ever come on this socket: {self.entry.deaf}"
        if not self._owners(name):
            return NO_SUCH_KEY
        return NO_EVENTS if wanted == frozenset() else None

    def _warn(self, text: str | None) -> None:
        """Tell the journal, once, that this socket is a silent one."""
        if text is not None and not self._warned:
            self._warned = True
            self.link.warn(text)

    def heard(self) -> None:
        """Close a socket that sends too many frames in a second, where limits are kept."""
        now_ns, frames = self.face.exchange.now_ns, self._frames
        while frames and now_ns - frames[0] >= NS_PER_SECOND:
            frames.popleft()
        frames.append(now_ns)
        if len(frames) > max(1, self.face.option("frames_per_second")) and self.face.sync_limits().mode != "off":
            self.link.push(TOO_MANY_FRAMES)

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """Carry the events of the accounts whose keys are subscribed here."""
        if self.entry.deaf:
            return
        for name, wanted in self._streams.items():
            for owned, account in self._owners(name):
                if owned is not exchange:
                    continue
                face = exchange.face
                assert isinstance(face, UserDataFace)
                for event, text in face.user_data(events, account, self.at):
                    if wanted is None or event in wanted:
                        self.link.tell(self._wrapped(name, text))

    def _wrapped(self, stream: str, text: str) -> str:
        wrapped = self.entry.wrapped if self._combined is None else self._combined
        return f'{{"stream":{json_text(stream)},"data":{text}}}' if wrapped else text

    def key_expired(self, key: str, text: str, notices: int) -> None:
        """Tell that a listen key has run out, if it is subscribed here and its notice is wanted."""
        wanted = self._streams.get(key, frozenset[str]())
        if self.entry.deaf or (wanted is not None and "listenKeyExpired" not in wanted):
            return
        for _ in range(notices):
            self.link.tell(self._wrapped(key, text))

    def notice(self, exchange: Exchange, account: str, event: str, text: str) -> bool:
        """Tell an account of this event, which no command made; False if nobody listens to it here."""
        told = False
        for name, wanted in () if self.entry.deaf else tuple(self._streams.items()):
            if (exchange, account) in self._owners(name) and (wanted is None or event in wanted):
                self.link.tell(self._wrapped(name, text))
                told = True
        return told

    def ending(self) -> None:
        """Tell that the server is about to go; combined streams have it under a name of its own."""
        self.link.tell(self._wrapped("!serverShutdown", self.face.shutdown_text()))

    def receive(self, frame: str | bytes) -> None:
        """Answer a request of the stream protocol."""
        try:
            request = loads_exact(frame if isinstance(frame, str) else frame.decode())
        except (ValueError, RecursionError):
            self._error(3, "Invalid JSON: expected value at line 1 column 1", None)
            return
        if not isinstance(request, dict):
            self._error(2, "Invalid request: request must be an object", None)
            return
        number, params = request.get("id"), request.get("params")
        match request.get("method"):
            case "SUBSCRIBE" | "UNSUBSCRIBE" as method:
                names = _names(params)
                if names is None:
                    self._error(2, "Invalid request: params must be a list of streams", number)
                    return
                if not all(STREAM_NAME.fullmatch(name) for name in names):
                    self._error(2, "Invalid request: invalid stream", number)
                    return
                self._change(method == "SUBSCRIBE", names)
                self._answer(None, number)
            case "LIST_SUBSCRIPTIONS":
                self._answer(list(self._streams), number)
            case "SET_PROPERTY" | "GET_PROPERTY" as method:
                self._property(method, params, number)
            case _:
                self._error(2, "Invalid request: unknown method", number)

    def _change(self, add: bool, names: list[str]) -> None:
        for name in names:
            if add:
                self._add(name, None)
            else:
                self._streams.pop(name, None)
                self.face.hub.unsubscribe(name, self, self.at)

    def _property(self, method: str, params: object, number: object) -> None:
        if not isinstance(params, list) or not params or params[0] != "combined":
            self._error(0, "Unknown property", number)
        elif method == "GET_PROPERTY":
            self._answer(self.entry.wrapped if self._combined is None else self._combined, number)
        elif len(params) != 2 or not isinstance(params[1], bool):
            self._error(1, "Invalid value type: expected Boolean", number)
        else:
            self._combined = params[1]
            self._answer(None, number)

    def _answer(self, result: object, number: object) -> None:
        self.link.push(Text(json_text({"result": result, "id": number})))

    def _error(self, code: int, msg: str, number: object) -> None:
        self.link.push(Text(json_text({"error": {"code": code, "msg": msg}, "id": number})))


def is_market_stream(name: str) -> bool:
    """Whether a name is a market stream's and not a listen key."""
    return "@" in name or name.startswith("!")


def _names(params: object) -> list[str] | None:
    if isinstance(params, list) and all(isinstance(name, str) for name in params):
        return params
    return None


def tell_shutdown(face: UserDataFace, account: str | None, tell: Callable[[Session], bool], *, close: bool) -> int:
    """Let `tell` give the notice to each session of the venue (of one account, if named); how many were told."""
    told = 0
    for link in tuple(face.exchange.world.worlds.links.values()):
        session = link.session
        if session is None or link.venue != face.exchange.venue or link.home is not face.exchange.world:
            continue
        if account is not None and all(name != account for _, _, name in link.accounts):
            continue
        if tell(session):
            told += 1
            if close:
                link.push(Close(1001, ""))
    return told
