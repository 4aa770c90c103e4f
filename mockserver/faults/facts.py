"""What a fault may be about: a request, a dial, the wire of either, a frame or a TLS handshake; what is known of it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import parse_qs

import attrs
from attrs.validators import ge, optional

from mockserver.faces.base import HttpRequest
from mockserver.faults.kinds import Seam, Side

SOCKET: Final = "WS"
"""The method of a request of the WebSocket API; its path is what the venue calls the method: `order.place`."""
FTX_ANSWERS: Final = ("subscribed", "unsubscribed", "pong", "error")
"""The types of FTX's messages that answer one of the client's; a good login is not answered."""
HAS: Final[dict[Seam, frozenset[str]]] = {
    "request": frozenset({"venue", "account", "method", "path", "symbol"}),
    "dial": frozenset({"venue", "account", "path"}),
    "wire": frozenset({"venue", "account", "method", "path", "symbol"}),
    "frame": frozenset({"venue", "account", "path", "event", "symbol", "link"}),
    "tls": frozenset({"venue"}),
}
"""What is known of a thing; an account of a dial only where the address or a header carries a key, a venue
of a TLS handshake only where the client names one of its hosts."""


@attrs.frozen(slots=True, kw_only=True)
class Thing:
    """One request, dial, wire, frame or TLS handshake; what is not known of it is None."""

    seam: Seam
    venue: str | None = None
    accounts: frozenset[str] = frozenset()
    method: str | None = None
    path: str | None = None
    event: str | None = None
    symbol: str | None = None
    link: int | None = None
    side: Side = "server"
    """Who sends a frame."""


@attrs.frozen(slots=True, kw_only=True)
class Match:
    """Which things a fault is about: all that agree with everything given, and which of those, counted from 1.

    Everything is counted since the fault was armed, among the things that agree.
    """

    venue: str | None = None
    account: str | None = None
    method: str | None = None
    """`POST`; of a request of the WebSocket API, and of a WebSocket's wire, `WS`."""
    path: str | None = None
    """With `*` for anything: `/api/v3/*`. Of a request of the WebSocket API the venue's method: `order.place`."""
    event: str | None = None
    """Binance: the `e` of the event; FTX: the channel; `answer` for what was asked for on the socket.

    Of a frame of the client's: Binance's `method`, FTX's `op`."""
    symbol: str | None = None
    link: int | None = None
    nth: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """This one alone."""
    after: int = attrs.field(default=0, validator=ge(0))
    """Not the first so many."""
    until: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """None beyond this one."""
    count: int | None = attrs.field(default=None, validator=optional(ge(1)))
    """At most so many times."""
    lasts_ns: int | None = attrs.field(default=None, validator=optional(ge(0)))
    """Only for so long."""

    def agrees(self, thing: Thing) -> bool:
        """Whether the thing is one of those."""
        return (
            self.venue in (None, thing.venue)
            and (self.account is None or self.account in thing.accounts)
            and self.method in (None, thing.method)
            and (self.path is None or (thing.path is not None and fnmatchcase(thing.path, self.path)))
            and self.event in (None, thing.event)
            and self.symbol in (None, thing.symbol)
            and self.link in (None, thing.link)
        )

    def admits(self, number: int) -> bool:
        """Whether it is the turn of the thing of this number."""
        if self.nth is not None:
            return number == self.nth
        return number > self.after and (self.until is None or number <= self.until)


def request_thing(seam: Seam, request: HttpRequest, venue: str, account: str | None, link: int | None = None) -> Thing:
    """What is known of a request or a dial before it is handled; `link` is the socket that it came by, if it did."""
    return Thing(
        seam=seam,
        link=link,
        venue=venue,
        accounts=frozenset() if account is None else frozenset({account}),
        method=request.method,
        path=request.path,
        symbol=_asked_symbol(request),
    )


def wire_thing(thing: Thing) -> Thing:
    """The wire by which a request of REST or a dial comes."""
    return attrs.evolve(thing, seam="wire", method=SOCKET if thing.seam == "dial" else thing.method)


def frame_thing(
    text: str, *, venue: str, accounts: frozenset[str], path: str, link: int, side: Side = "server"
) -> Thing:
    """What is known of a frame to the client, or from it."""
    event, symbol = read_frame(text) if side == "server" else read_sent(text)
    return Thing(
        seam="frame", venue=venue, accounts=accounts, path=path, event=event, symbol=symbol, link=link, side=side
    )


def read_sent(text: str) -> tuple[str, str | None]:
    """What the client wants by a frame, and the symbol if it names one."""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(message, dict):
        return "", None
    told = message["params"] if isinstance(message.get("params"), dict) else message
    symbol = told.get("symbol", told.get("market"))
    return str(message.get("method", message.get("op", ""))), symbol if isinstance(symbol, str) else None


def read_frame(text: str) -> tuple[str, str | None]:
    """The kind of event that a frame tells of, and its symbol if it has one."""
    try:
        message: Any = json.loads(text)
    except ValueError:
        return "", None
    if isinstance(message, dict):
        for envelope in ("event", "data"):  # of Binance's WebSocket API, of its combined streams
            if isinstance(inner := message.get(envelope), dict) and "e" in inner:
                message = inner
    if not isinstance(message, dict):
        return "", None
    if _answers(message):
        return "answer", None
    event = next((message[name] for name in ("e", "channel", "type", "event") if name in message), "")
    data = next((message[name] for name in ("o", "data") if isinstance(message.get(name), dict)), message)
    symbol = data.get("s", data.get("market", message.get("market")))  # FTX's public channels name it outside
    return str(event), symbol if isinstance(symbol, str) else None


def _answers(message: Any) -> bool:
    """Whether a message tells what was asked for on the socket: Binance's have an id, FTX's a type of their own."""
    if "id" in message and "e" not in message:
        return "result" in message or "status" in message or "error" in message
    return message.get("type") in FTX_ANSWERS


def _asked_symbol(request: HttpRequest) -> str | None:
    body = request.body.decode("latin-1")
    try:
        given: Any = json.loads(body) if body.startswith("{") else None
    except ValueError:
        given = None
    if isinstance(given, dict):
        named = given.get("market", given.get("symbol"))
        return named if isinstance(named, str) else None
    fields = parse_qs(f"{request.query}&{body}")
    found = fields.get("symbol") or fields.get("market")
    return found[0] if found else None
