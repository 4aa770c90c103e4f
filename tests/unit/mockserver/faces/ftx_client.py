"""A hand-held FTX client for tests: signs requests, opens sockets without bytes, and lets the market move."""

import json
from decimal import Decimal
from typing import Any

from mockserver.clock import VirtualClock
from mockserver.engine.types import HOUSE, Fill, Place, Side
from mockserver.exchange import Account, Exchange
from mockserver.faces.base import Close, HttpRequest, HttpResponse, Text
from mockserver.faces.ftx import FTX, auth
from mockserver.link import Link, NoTransport
from mockserver.world import Recipe, Worlds

START_NS = 1_651_651_337_497_494_123
SECOND = 1_000_000_000


class Socket:
    """One WebSocket of the client."""

    def __init__(self, worlds: Worlds, path: str = "/ws") -> None:
        answer = worlds.connect(HttpRequest("GET", path), NoTransport())
        assert isinstance(answer, tuple)
        self.link: Link = answer[0]
        self.link.start(answer[1])

    def send(self, message: object) -> None:
        """Send JSON, or text and bytes as they are."""
        self.link.receive(message if isinstance(message, str | bytes) else json.dumps(message))

    def texts(self) -> list[str]:
        """What came since the last look, as text."""
        return [out.data for out in self.link.take() if isinstance(out, Text)]

    def take(self) -> list[dict[str, Any]]:
        """What came since the last look."""
        return [json.loads(text, parse_float=Decimal) for text in self.texts()]

    def closes(self) -> list[Close]:
        """The close frames since the last look."""
        return [out for out in self.link.take() if isinstance(out, Close)]

    def ask(self, message: object) -> list[dict[str, Any]]:
        """Send, and what came of it."""
        self.send(message)
        return self.take()


class Client:
    """One account on one FTX, with the means to be its market too."""

    def __init__(self, *, subaccounts: tuple[str, ...] = (), seed: int = 0, liquidity: Any = None) -> None:
        self.clock = VirtualClock(START_NS)
        self.worlds = Worlds(Recipe(venues=(FTX,), clock=lambda: self.clock), seed=seed)
        self.exchange: Exchange = self.worlds.default.exchanges["ftx"]
        self.account: Account = self.worlds.open_account(self.exchange, "alice", subaccounts=subaccounts)

    # -- REST -----------------------------------------------------------------------------------------------------

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send any request."""
        response = self.worlds.handle(request)
        assert response is not None
        return response

    def request(
        self, method: str, target: str, body: object = None, *, prefix: str = "FTX", **changed: Any
    ) -> HttpRequest:
        """A signed request; ``changed`` replaces (or, None, leaves out) the headers key, ts, sign and subaccount."""
        payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        target = f"/api{target}"
        timestamp = str(self.clock.now_ns // 1_000_000)
        sign = auth.signature(self.account.secret, auth.rest_payload(timestamp, method, target, payload))
        headers = {"key": self.account.api_key, "ts": timestamp, "sign": sign, **changed}
        sent = tuple((f"{prefix}-{name.upper()}", value) for name, value in headers.items() if value is not None)
        return HttpRequest(method, target, headers=sent, body=payload)

    def call(self, method: str, target: str, body: object = None, **changed: Any) -> tuple[int, Any]:
        """A signed call: its status, and its `result` or `error`."""
        response = self.send(self.request(method, target, body, **changed))
        answer = json.loads(response.body, parse_float=Decimal)
        return response.status, answer["result"] if answer["success"] else answer["error"]

    def get(self, target: str, **changed: Any) -> Any:
        """The result of a good GET."""
        status, result = self.call("GET", target, **changed)
        assert status == 200, result
        return result

    def place(self, market: str = "BTC-PERP", side: str = "buy", **fields: Any) -> tuple[int, Any]:
        """Place an order: by default a limit order of 0.01 at 30000."""
        body = {"market": market, "side": side, "type": "limit", "price": 30000, "size": 0.01, **fields}
        return self.call("POST", "/orders", body)

    def placed(self, market: str = "BTC-PERP", side: str = "buy", **fields: Any) -> dict[str, Any]:
        """The answer to an order that is accepted."""
        status, result = self.place(market, side, **fields)
        assert status == 200, result
        return dict(result)

    # -- the market -----------------------------------------------------------------------------------------------

    def quote(self, side: Side, price: str, size: str, market: str = "BTC-PERP") -> None:
        """Let the house stand in the book."""
        instrument = self.exchange.engine.instruments[market]
        reply = self.exchange.submit(
            Place(
                account=HOUSE,
                instrument=market,
                side=side,
                quantity=instrument.to_steps(Decimal(size)),
                price=instrument.to_ticks(Decimal(price)),
            )
        )
        assert reply.reject is None

    def fill(self, order_id: int, size: str | None = None, market: str = "BTC-PERP", maker: bool = True) -> None:
        """Fill an order by force."""
        steps = None if size is None else self.exchange.engine.instruments[market].to_steps(Decimal(size))
        reply = self.exchange.submit(Fill(instrument=market, order_id=order_id, quantity=steps, maker=maker))
        assert reply.reject is None

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(int(seconds * SECOND), wall=True)

    # -- sockets --------------------------------------------------------------------------------------------------

    def login(self, **changed: Any) -> dict[str, object]:
        """A login message; ``changed`` replaces its arguments."""
        time_ms = self.clock.now_ns // 1_000_000
        sign = auth.signature(self.account.secret, auth.login_payload(time_ms))
        args = {"key": self.account.api_key, "sign": sign, "time": time_ms, **changed}
        return {"op": "login", "args": args}

    def socket(self, *channels: str, **login: Any) -> Socket:
        """A logged-in socket with these private channels, their acknowledgements read."""
        socket = Socket(self.worlds)
        socket.send(self.login(**login))
        for channel in channels:
            socket.send({"op": "subscribe", "channel": channel})
        assert [message["type"] for message in socket.take()] == ["subscribed"] * len(channels)
        return socket
