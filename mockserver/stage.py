"""One venue on a stage: a world of its own, a clock moved by hand, a client that listens, and a rival to trade with.

For tests, simulations and strategies: no sockets, no tasks. ``Stage.listen`` does a real client's handshake (signature,
listen key or login), so what comes out of the link is what would be on the wire, byte for byte; ``play`` lets an action
happen. What it does not do: lose, delay or repeat anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any, Final

from mockserver.actions import Action, command_of
from mockserver.clock import VirtualClock
from mockserver.engine.types import HOUSE, Command, Reply
from mockserver.exchange import Account, Exchange
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.link import Link, NoTransport
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

START_NS: Final = 1_790_000_000_123_456_000
"""When every play begins: in September 2026, at a microsecond that is not round."""
CLIENT: Final = "client"
RIVAL: Final = "rival"


class Stage:
    """A venue, its client and its rival. Compared by identity."""

    def __init__(self, venue: str, *, seed: int = 0) -> None:
        (spec,) = (spec for spec in VENUES if spec.name == venue)
        self.clock = VirtualClock(START_NS)
        self.worlds = Worlds(Recipe(venues=(spec,), clock=lambda: self.clock), seed=seed)
        self.exchange: Exchange = self.worlds.default.exchanges[venue]
        self.client: Account = self.worlds.open_account(self.exchange, CLIENT)
        self.worlds.open_account(self.exchange, RIVAL)

    def play(self, action: Action) -> Reply | None:
        """Let time pass and an action happen; None when it meant nothing now."""
        self.clock.advance(action.after_ns, wall=True)
        command = command_of(self.exchange.engine, action, (CLIENT, RIVAL, HOUSE))
        return None if command is None else self.submit(command)

    def submit(self, command: Command) -> Reply:
        """Let a command happen."""
        return self.exchange.submit(command)

    def listen(self) -> Link:
        """Connect the client's private stream and return its link, with nothing left in it."""
        link = {"binance-spot": self._listen_spot, "binance-futures": self._listen_futures, "ftx": self._listen_ftx}[
            self.exchange.venue
        ]()
        answers = heard(link)
        if not link.sees:
            raise RuntimeError(f"the client's stream was refused: {answers}")
        return link

    def truth(self) -> dict[str, Any]:
        """Return what really happened to the client (``mockserver.truth`` tells the form)."""
        instruments = self.exchange.engine.instruments
        truth = self.worlds.default.truth
        return truth.report(lambda venue, symbol: instruments[symbol], self.clock.now_ns, account=CLIENT)

    # -- handshakes -----------------------------------------------------------------------------------------------

    def _listen_spot(self) -> Link:
        link = self._connect("/ws-api/v3")
        payload = f"apiKey={self.client.api_key}&timestamp={self._now_ms}"
        params = {"apiKey": self.client.api_key, "timestamp": self._now_ms, "signature": self._sign(payload)}
        link.receive(json.dumps({"id": 1, "method": "userDataStream.subscribe.signature", "params": params}))
        return link

    def _listen_futures(self) -> Link:
        headers = (("X-MBX-APIKEY", self.client.api_key),)
        answer = self.worlds.handle(HttpRequest("POST", "/fapi/v1/listenKey", headers))
        assert answer is not None  # the venue has this route
        return self._connect(f"/private/ws?listenKey={json.loads(answer.body)['listenKey']}")

    def _listen_ftx(self) -> Link:
        link = self._connect("/ws/")
        proof = {
            "key": self.client.api_key,
            "time": self._now_ms,
            "sign": self._sign(f"{self._now_ms}websocket_login"),
        }
        link.receive(json.dumps({"op": "login", "args": proof}))
        for channel in ("orders", "fills"):
            link.receive(json.dumps({"op": "subscribe", "channel": channel}))
        return link

    def _connect(self, target: str) -> Link:
        opened = self.worlds.connect(HttpRequest("GET", target), NoTransport())
        assert opened is not None  # the venue has this path
        assert not isinstance(opened, HttpResponse)
        link, session = opened
        link.start(session)
        return link

    def _sign(self, payload: str) -> str:
        return hmac.new(self.client.secret.encode(), payload.encode(), hashlib.sha256).hexdigest()

    @property
    def _now_ms(self) -> int:
        return self.clock.now_ns // 1_000_000


def heard(link: Link) -> Sequence[str]:
    """Take the text frames that wait to be sent on a link; pings are left out."""
    return [out.data for out in link.take() if isinstance(out, Text)]
