"""What a face is: one venue's HTTP and WebSocket dialect in front of the engine, without any I/O.

A *face* belongs to one venue in one world. It answers HTTP requests, opens WebSocket sessions and renders the engine's
events as the venue's exact JSON text. It never touches a socket, a clock or chance of its own: the time is
``exchange.now_ns``, chance is ``exchange.random(name)``, timers are ``exchange.clock.after(...)``.

How a request finds its face
    ``Worlds`` asks the faces of the default world in a fixed order. It first reads ``Face.credential(request)``; if
    that key (or listen key) is known in some world, the face *of that world* answers. A face answers ``None`` for a
    route that is not its own.

How a session speaks
    A session is made by ``Face.connect(request, link)`` and holds its ``Link``. It speaks by ``link.push(...)``
    (answers, pings, closes) and ``link.tell(text)`` (events and other unasked data: what a silenced socket does not
    carry). Methods of a session return nothing. A session hears the events of an exchange after
    ``link.join(exchange)``, from ``opened()`` on; a socket that logs in with a key of another world joins *that*
    world's exchange.

This module does not match orders, keep accounts, or move bytes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from mockserver.engine.fees import Discount
    from mockserver.engine.ids import IdScheme
    from mockserver.engine.types import Event, Instrument
    from mockserver.world import Account, Exchange, Link

JsonScalar = str | int | bool | None
"""What a venue option may hold; no floats, so that nothing is ever rounded."""


@attrs.frozen(slots=True)
class HttpRequest:
    """One HTTP request as it stood on the wire: nothing decoded, nothing reordered (signatures are over raw bytes)."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    peer: str = "127.0.0.1"
    local: str = "127.0.0.1"
    """The address of ours that the client connected to."""
    world: str | None = None
    """The world that answers where no key says whose it is: that of the port it came by. None: the default one."""

    @property
    def path(self) -> str:
        """The target before ``?``, not percent-decoded, without the trailing slash some clients put there."""
        return self.target.partition("?")[0].rstrip("/") or "/"

    @property
    def query(self) -> str:
        """The target after the first ``?``, raw; empty when there is none."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The first header of this name (case does not matter), or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@attrs.frozen(slots=True)
class HttpResponse:
    """One HTTP answer; ``content-length`` and ``date`` are added by the server."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    cut: bool = False
    """Nothing is answered: the connection is reset."""

    @classmethod
    def json(cls, text: str, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> HttpResponse:
        """An answer whose body is this exact JSON text."""
        return cls(status=status, body=text.encode(), headers=headers)


@attrs.frozen(slots=True)
class Text:
    """A text frame to the client."""

    data: str


@attrs.frozen(slots=True)
class Binary:
    """A binary frame to the client: no venue here sends one, a fault may."""

    data: bytes


@attrs.frozen(slots=True)
class Fragments:
    """One text message to the client in several frames."""

    parts: tuple[str, ...]


@attrs.frozen(slots=True)
class RawText:
    """A text frame to the client of bytes that need not be text: only a fault sends one."""

    data: bytes


@attrs.frozen(slots=True)
class Ping:
    """A ping frame; the client must copy the payload into its pong."""

    payload: bytes = b""


@attrs.frozen(slots=True)
class Close:
    """A close frame; whatever was pushed before it is sent first, whatever comes after it is not."""

    code: int = 1000
    reason: str = ""


Out = Text | Binary | Fragments | RawText | Ping | Close


@attrs.frozen(slots=True)
class Rhythm:
    """The heartbeats and the life of one WebSocket connection; None switches that part off.

    The link keeps these timers itself: a ping (payload: the venue's milliseconds) each ``ping_every_ns``, close 1008
    "Pong timeout" when no pong copied the payload within ``pong_within_ns``, close 1001 after ``lifetime_ns``;
    ``notice_ns`` before that the session may tell (``Session.ending``).
    """

    ping_every_ns: int | None = None
    pong_within_ns: int | None = None
    lifetime_ns: int | None = None
    notice_ns: int | None = None


class Session(ABC):
    """The protocol state of one WebSocket connection (see the module's text for how it speaks)."""

    rhythm: Rhythm = Rhythm()
    handshake: tuple[tuple[str, str], ...] = ()
    """Headers of the venue's own in the answer to the handshake."""

    @property
    @abstractmethod
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        """(world, venue, account) of every account whose private order events this socket would carry right now.

        An account with no such live, un-silenced socket is *blind*, which the truth reports.
        """

    @abstractmethod
    def opened(self) -> None:
        """The handshake is done; greet, if the venue does."""

    @abstractmethod
    def receive(self, frame: str | bytes) -> None:
        """One complete frame from the client (text as str, binary as bytes); must never raise for bad input."""

    def heard(self) -> None:
        """A frame of any kind arrived (also a ping or a pong), before it is looked at: a venue may count them."""
        return None

    @abstractmethod
    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        """All events of one engine command, in order, of an exchange this link has joined (all accounts: filter)."""

    def terminate(self) -> None:
        """End every subscription that the venue can end by itself, and tell so; the socket stays."""
        return None

    def ending(self) -> None:
        """The venue will soon end this connection; tell the client, if the venue does."""
        return None

    def closed(self) -> None:
        """The connection is gone (already left every exchange)."""
        return None


class Face(ABC):
    """One venue in one world. The hooks have defaults: a venue overrides what it has."""

    routes: tuple[str, ...] = ()
    """Every route as ``"GET /api/v3/time"`` or ``"WS /ws-api/v3"``, for the 404 that names the nearest ones."""

    kept: tuple[str, ...] = ()
    """The attributes that a snapshot keeps (``keys``, or ``hub.counts``); the others are as in a new face."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    @abstractmethod
    def credential(self, request: HttpRequest) -> str | None:
        """The API key or listen key the request carries, if it is a request of this venue; else None."""

    @abstractmethod
    def http(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a request, or None when the route is not this venue's."""

    @abstractmethod
    def connect(self, request: HttpRequest, link: Link) -> Session | HttpResponse | None:
        """Open a WebSocket session, refuse with an HTTP answer, or None when the path is not this venue's."""

    def on_events(self, events: Sequence[Event]) -> None:
        """All events of one command, before any session hears them (a venue's own counters)."""
        return None

    def check_account(self, account: Account) -> None:
        """Refuse, by a ValueError that says what to do, an account whose kind of key cannot be verified here."""
        return None

    # Hooks for the control API: acts a venue performs on its own clients.

    def expire_listen_keys(self, account: str | None, *, notices: int = 1) -> int:
        """Expire the listen keys (of one account, or all), telling it ``notices`` times; how many keys died."""
        return 0

    def replace_listen_keys(self, account: str | None) -> int:
        """Give out another listen key (to one account, or all) while the old one lives; how many were replaced."""
        return 0

    def shutdown_notice(self, account: str | None = None, *, close: bool = False) -> int:
        """Tell the venue's sockets that the server is about to go (and close them, if asked); how many were told."""
        return 0

    def key_revoked(self, account: str) -> None:
        """The account's key was revoked just now; ``Account.revoked`` is already true."""
        return None

    def reset(self) -> None:
        """Forget face state that belongs to one test (rate-limit counters, listen keys)."""
        return None


@attrs.frozen(slots=True)
class VenueSpec:
    """Everything a world needs to build one venue: data and two factories."""

    name: str
    instruments: tuple[Instrument, ...]
    ids: IdScheme
    """Where the engine's counters start and how they jump (``mockserver.engine.ids`` has one per venue)."""
    face: Callable[[Exchange], Face]
    profiles: tuple[str, ...]
    """The era profiles this venue can play; the first is the default."""
    options: Mapping[str, JsonScalar] = attrs.field(factory=dict)
    """The venue's own settings with their defaults; ``POST /__mock/settings`` accepts these names and types only."""
    words: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Of each option that is a word, the words that it may be."""
    eras: Mapping[str, Mapping[str, JsonScalar]] = attrs.field(factory=dict)
    """Of a profile, the options whose defaults were others then."""
    questions: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    """What a client may ask, in the words of stories -> method and path, with ``*``, of each route that answers it."""
    key_types: tuple[str, ...] = ("hmac",)
    """What keys the venue registers: "hmac", "rsa", "ed25519"."""
    discount: Discount | None = None
    """The asset that fees may be paid in."""
    demo_balances: Mapping[str, str] = attrs.field(factory=dict)
    """Asset -> amount that a new account gets when it asks for nothing else."""
    key_length: int = 64
    """Characters of a new API key, in the venue's production shape."""
    secret_length: int = 64
    key_shape: re.Pattern[str] | None = None
    """What every API key looks like, whoever made it; None: the venue looks at no shape."""
    key_alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    @property
    def assets(self) -> frozenset[str]:
        """What its markets trade and settle in, and what fees may be paid in."""
        traded = {asset for each in self.instruments for asset in (each.base, each.quote, each.cash)}
        return frozenset(traded | (set() if self.discount is None else {self.discount.asset}))

    def profile(self, wanted: str) -> str | None:
        """The profile of this name or of this year; of no name the first; None: there is none."""
        return next((each for each in self.profiles if wanted in ("", each) or each.endswith(f"-{wanted}")), None)

    def options_of(self, profile: str) -> dict[str, JsonScalar]:
        """The options as they are by default under a profile."""
        return {**self.options, **self.eras.get(profile, {})}
