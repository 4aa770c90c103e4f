"""A venue as small as can be, to test the world and the server without any real venue's protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from mockserver.clock import Clock, VirtualClock
from mockserver.engine.ids import BINANCE_SPOT_IDS
from mockserver.engine.types import (
    Event,
    Instrument,
    OrderEvent,
    OrderType,
    Place,
    Side,
)
from mockserver.faces.base import Face, HttpRequest, HttpResponse, Rhythm, Session, Text, VenueSpec
from mockserver.world import Exchange, Link, Recipe, Worlds

START_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000

INSTRUMENT = Instrument(
    name="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.01"),
    step=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    reference_price=Decimal(50_000),
    maker_fee=100_000,
    taker_fee=100_000,
)


class ToySession(Session):
    """Echoes frames; ``{"login": key}`` joins the key's world; events come as ``{"event": change, "id": order}``."""

    def __init__(self, face: ToyFace, link: Link, key: str | None) -> None:
        self.face = face
        self.link = link
        self.rhythm = face.rhythm
        self.carried: set[tuple[str, str, str]] = set()
        self.key = key
        self.was_closed = 0

    @property
    def accounts(self) -> frozenset[tuple[str, str, str]]:
        return frozenset(self.carried)

    def opened(self) -> None:
        if self.key is not None:
            self.login(self.key)

    def login(self, key: str) -> None:
        found = self.face.exchange.find_key(key)
        if found is not None:
            exchange, account = found
            self.carried.add((exchange.world.name, exchange.venue, account.name))
            self.link.join(exchange)

    def receive(self, frame: str | bytes) -> None:
        if isinstance(frame, str) and frame.startswith('{"login"'):
            self.login(json.loads(frame)["login"])
            self.reply("ok")
        elif frame == "boom":
            raise RuntimeError("a bug in the face")
        else:
            self.reply(frame if isinstance(frame, str) else f"{len(frame)} bytes")

    def reply(self, text: str) -> None:

        self.link.push(Text(text))

    def on_events(self, exchange: Exchange, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, OrderEvent) and (exchange.world.name, exchange.venue, event.account) in self.carried:
                self.link.tell(json.dumps({"event": event.change.value, "id": event.order.order_id}))

    def closed(self) -> None:
        self.was_closed += 1


class ToyFace(Face):
    """GET /play/time, POST /play/order?key=K, GET /play/boom; WS /play/ws[?key=K]."""

    routes = ("GET /play/time", "POST /play/order", "GET /play/boom", "WS /play/ws")
    rhythm = Rhythm()

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self.hooks: list[Any] = []

    def credential(self, request: HttpRequest) -> str | None:
        return request.header("X-Key") if request.path.startswith("/play/") else None

    def http(self, request: HttpRequest) -> HttpResponse | None:
        match request.method, request.path:
            case "GET", "/play/time":
                answer = {"now": self.exchange.now_ns, "world": self.exchange.world.name}
                return HttpResponse.json(json.dumps(answer))
            case "POST", "/play/order":
                found = self.exchange.find_key(request.header("X-Key") or "")
                if found is None:
                    return HttpResponse.json('{"error":"key"}', status=401)
                reply = found[0].submit(buy(found[1].name))
                assert reply.order is not None
                return HttpResponse.json(json.dumps({"id": reply.order.order_id}))
            case "GET", "/play/boom":
                raise RuntimeError("a bug in the face")
        return None

    def connect(self, request: HttpRequest, link: Link) -> Session | HttpResponse | None:
        if request.path == "/play/closed":
            return HttpResponse.json('{"error":"gone"}', status=410)
        if request.path != "/play/ws":
            return None
        return ToySession(self, link, request.query.removeprefix("key=") or None)

    def expire_listen_keys(self, account: str | None, *, notices: int = 1) -> int:
        self.hooks.append(("expire", account, notices))
        return 1

    def replace_listen_keys(self, account: str | None) -> int:
        self.hooks.append(("replace", account))
        return 1

    def shutdown_notice(self, account: str | None = None, *, close: bool = False) -> int:
        self.hooks.append(("shutdown", account, close))
        return 2

    def key_revoked(self, account: str) -> None:
        self.hooks.append(("revoked", account))


SPEC = VenueSpec(
    name="toy",
    instruments=(INSTRUMENT,),
    ids=BINANCE_SPOT_IDS,
    face=ToyFace,
    profiles=("toy-2026", "toy-2024"),
    options={"mode": "a", "count": 1},
    words={"mode": ("a", "b")},
    key_types=("hmac", "ed25519"),
    demo_balances={"USDT": "1000000", "BTC": "10"},
)


def buy(account: str, *, price: int = 4_900_000, quantity: int = 1_000) -> Place:
    """A resting limit order: far below the reference price, nobody on the other side."""
    return Place(
        account=account, instrument="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=quantity, price=price
    )


def toy_worlds(*, clock: Clock | None = None, seed: int = 7) -> Worlds:
    """Worlds with the toy venue alone, on one virtual clock per world unless a clock is given."""
    return Worlds(Recipe(venues=(SPEC,), clock=lambda: clock or VirtualClock(START_NS)), seed=seed)
