"""A hand-held Binance client for tests: signs requests, opens sockets without bytes, and lets the market move."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from mockserver.clock import VirtualClock
from mockserver.engine.types import HOUSE, Fill, Place, Side
from mockserver.exchange import Account, Exchange, Limits
from mockserver.faces.base import Close, HttpRequest, HttpResponse, Text
from mockserver.faces.binance import FUTURES, SPOT
from mockserver.link import Link, NoTransport
from mockserver.world import Recipe, Worlds

START_NS = 1_779_367_929_401_000_000
SECOND = 1_000_000_000
FIXTURES = Path(__file__).parents[3] / "fixtures"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}
"""A resting order."""


def fixture(folder: str, name: str) -> Any:
    """A fixture as JSON."""
    return json.loads((FIXTURES / folder / f"{name}.json").read_text(), parse_float=Decimal)


def shape(value: Any) -> Any:
    """The kinds of JSON a value is made of, and the order of its keys."""
    match value:
        case dict():
            return [(name, shape(item)) for name, item in value.items()]
        case [first, *_]:
            return [shape(first)]
        case None | bool() | int() | Decimal() | str() | list():
            return type(value).__name__
        case _:
            raise AssertionError(value)


class Socket:
    """One WebSocket of the client."""

    def __init__(self, worlds: Worlds, target: str) -> None:
        answer = worlds.connect(HttpRequest("GET", target), NoTransport())
        assert isinstance(answer, tuple), answer
        self.link: Link = answer[0]
        self.link.start(answer[1])

    def texts(self) -> list[str]:
        """What came since the last look, as text."""
        return [out.data for out in self.link.take() if isinstance(out, Text)]

    def take(self) -> list[Any]:
        """What came since the last look."""
        return [json.loads(text, parse_float=Decimal) for text in self.texts()]

    def closes(self) -> list[Close]:
        """The close frames since the last look."""
        return [out for out in self.link.take() if isinstance(out, Close)]

    def ask(self, message: object) -> list[Any]:
        """Send JSON, or text and bytes as they are; what came of it."""
        self.link.receive(message if isinstance(message, str | bytes) else json.dumps(message))
        return self.take()


class Client:
    """One account on spot and one on futures, with the means to be their market too.

    Its sockets are pinged only if asked for: it never answers, and an unanswered ping ends a socket.
    """

    def __init__(
        self, profile: str = "binance-2026", limits: Limits = "off", *, pings: bool = False, seed: int = 0
    ) -> None:
        self.clock = VirtualClock(START_NS)
        recipe = Recipe(
            venues=(SPOT, FUTURES),
            clock=lambda: self.clock,
            profiles={SPOT.name: profile, FUTURES.name: profile},
            limits=limits,
        )
        self.worlds = Worlds(recipe, seed=seed)
        self.spot: Exchange = self.worlds.default.exchanges[SPOT.name]
        self.futures: Exchange = self.worlds.default.exchanges[FUTURES.name]
        self.accounts: dict[str, Account] = {
            exchange.venue: self.worlds.open_account(exchange, "alice") for exchange in (self.spot, self.futures)
        }
        if not pings:
            for exchange in (self.spot, self.futures):
                exchange.settings.options["ping_every_ms"] = 0

    def exchange_of(self, path: str) -> Exchange:
        """The exchange a path belongs to."""
        return self.futures if path.startswith(("/fapi", "/dapi")) else self.spot

    def account_of(self, path: str) -> Account:
        """The client's account at the exchange a path belongs to."""
        return self.accounts[self.exchange_of(path).venue]

    # -- REST -----------------------------------------------------------------------------------------------------

    def stamp(self) -> int:
        """The client's clock, which is right, in milliseconds."""
        return self.clock.now_ns // 1_000_000

    def signed(self, path: str, params: Mapping[str, object]) -> str:
        """The query of a signed request."""
        query = urlencode({**params, "timestamp": self.stamp()})
        secret = self.account_of(path).secret.encode()
        return f"{query}&signature={hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()}"

    def raw(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
        """Send a request as it is, with the account's key unless another is given."""
        sent = {"X-MBX-APIKEY": self.account_of(target).api_key, **(headers or {})}
        request = HttpRequest(method, target, tuple(sent.items()))
        response = self.worlds.handle(request)
        assert response is not None, target
        return response

    def call(self, method: str, path: str, **params: object) -> tuple[int, Any]:
        """A signed call: status and body."""
        response = self.raw(method, f"{path}?{self.signed(path, params)}")
        return response.status, json.loads(response.body, parse_float=Decimal)

    def good(self, method: str, path: str, **params: object) -> Any:
        """The body of a signed call that succeeds."""
        status, body = self.call(method, path, **params)
        assert status == 200, body
        return body

    def bad(self, method: str, path: str, **params: object) -> tuple[int, int, str]:
        """Status, code and words of a signed call that is refused."""
        status, body = self.call(method, path, **params)
        assert status >= 400, body
        return status, body["code"], body["msg"]

    def public(self, path: str) -> Any:
        """The body of an unsigned GET."""
        response = self.raw("GET", path)
        assert response.status == 200, response.body
        return json.loads(response.body, parse_float=Decimal)

    def buy(self, venue: str = "spot", **params: object) -> Any:
        """The answer to a resting order (BTCUSDT at 50000 unless told otherwise) that is accepted."""
        path = "/api/v3/order" if venue == "spot" else "/fapi/v1/order"
        return self.good("POST", path, **{**LIMIT, **params})

    # -- the market -----------------------------------------------------------------------------------------------

    def quote(self, exchange: Exchange, side: Side, price: str, size: str, symbol: str = "BTCUSDT") -> None:
        """Let the house stand in the book."""
        instrument = exchange.engine.instruments[symbol]
        reply = exchange.submit(
            Place(
                account=HOUSE,
                instrument=symbol,
                side=side,
                quantity=instrument.to_steps(Decimal(size)),
                price=instrument.to_ticks(Decimal(price)),
            )
        )
        assert reply.reject is None

    def fill(self, exchange: Exchange, order_id: int, size: str | None = None, symbol: str = "BTCUSDT") -> None:
        """Fill an order by force."""
        steps = None if size is None else exchange.engine.instruments[symbol].to_steps(Decimal(size))
        assert exchange.submit(Fill(instrument=symbol, order_id=order_id, quantity=steps)).reject is None

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(int(seconds * SECOND), wall=True)

    # -- sockets --------------------------------------------------------------------------------------------------

    def socket(self, target: str) -> Socket:
        """A socket at an address."""
        return Socket(self.worlds, target)

    def ws_params(self, account: Account | None = None, /, **params: object) -> dict[str, object]:
        """Signed parameters of the WebSocket API."""
        account = account or self.accounts[SPOT.name]
        sent = {**params, "apiKey": account.api_key, "timestamp": self.stamp()}
        payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent))
        return {**sent, "signature": hmac.new(account.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()}

    def subscribed(self) -> Socket:
        """A WebSocket API socket that carries the spot account."""
        socket = self.socket("/ws-api/v3")
        method = "userDataStream.subscribe.signature"
        (answer,) = socket.ask({"id": 1, "method": method, "params": self.ws_params()})
        assert answer["status"] == 200, answer
        return socket

    def listening(self, query: str = "") -> Socket:
        """A futures socket that carries the futures account."""
        key = json.loads(self.raw("POST", "/fapi/v1/listenKey").body)["listenKey"]
        return self.socket(f"/private/ws?listenKey={key}{query}")


class Signer:
    """An account with an Ed25519 key, at spot unless told otherwise."""

    def __init__(self, client: Client, exchange: Exchange | None = None) -> None:
        self.client, self.key = client, ed25519.Ed25519PrivateKey.generate()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = self.key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
        at = exchange or client.spot
        self.account: Account = client.worlds.open_account(at, "eddy", key_type="ed25519", public_key_pem=pem)

    def params(self, **params: object) -> dict[str, object]:
        """Signed parameters."""
        sent = {**params, "apiKey": self.account.api_key, "timestamp": self.client.stamp()}
        payload = "&".join(f"{name}={sent[name]}" for name in sorted(sent))
        return {**sent, "signature": base64.b64encode(self.key.sign(payload.encode())).decode()}
