"""What a mock does, told as one hash: run as a program, in as many processes as one likes, it is always the same.

    python -m tests.unit.mockserver.transcript SEED

Every venue trades under the virtual clock of the command line: its book and its demo traders move, faults happen by
chance, clients ask by REST and hear by WebSocket, timers run ahead. Hashed are the events of the engines and the
entries of the journal, which shows no key, signature or port.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys

from mockserver.actions import LIVELY, Action, command_of
from mockserver.command import DEMO, build, parser
from mockserver.control import Control
from mockserver.engine.enums import Side
from mockserver.engine.types import HOUSE
from mockserver.exchange import Account, Exchange
from mockserver.faces.base import HttpRequest
from mockserver.link import Link, NoTransport
from mockserver.world import Worlds

SECOND = 1_000_000_000
ROUNDS = 40


def transcript(seed: int) -> tuple[str, int, int]:
    """The hash, and how many events and entries are in it."""
    arguments = ["--seed", str(seed), "--clock", "virtual", "--trade-demo", "0.5", "--limits", "account"]
    worlds = build(parser().parse_args(arguments))
    events: list[str] = []
    for exchange in worlds.default.exchanges.values():
        watch(exchange, events)
    links = listen(worlds)
    control(worlds, "POST", "/faults", fault={"frame_delay": {"delay": "30ms"}, "name": "late", "probability": 0.3})
    control(worlds, "POST", "/faults", fault={"http_error": {"status": 503}, "name": "busy", "probability": 0.2})
    for number in range(ROUNDS):
        play(worlds, number)
        control(worlds, "POST", "/clock/advance", by="1s", wall=True, market=True)
        for link in links:
            link.take()
    control(worlds, "POST", "/clock/advance", by="25h")
    told = [json.dumps(row) for row in worlds.default.recorder.journal(limit=10**6)]
    return hashlib.sha256("\n".join([*events, *told]).encode()).hexdigest(), len(events), len(told)


def watch(exchange: Exchange, events: list[str]) -> None:
    told = exchange.face.on_events

    def on_events(new: object) -> None:
        events.extend(map(repr, new))  # type: ignore[call-overload]
        told(new)  # type: ignore[arg-type]

    exchange.face.on_events = on_events  # type: ignore[method-assign, assignment]


def control(worlds: Worlds, method: str, path: str, **body: object) -> None:
    request = HttpRequest(method, f"/__mock{path}", (("host", "127.0.0.1"),), json.dumps(body).encode())
    answer = Control(worlds).handle(request)
    assert answer.status == 200, answer.body


def listen(worlds: Worlds) -> list[Link]:
    """The demo accounts' streams of Binance's two venues."""
    futures = worlds.default.exchanges["binance-futures"]
    asked = HttpRequest("POST", "/fapi/v1/listenKey", (("X-MBX-APIKEY", account_of(futures).api_key),))
    answer = futures.face.http(asked)
    assert answer is not None
    key = json.loads(answer.body)["listenKey"]
    links = [connect(worlds, f"/private/ws?listenKey={key}"), connect(worlds, "/ws-api/v3")]
    spot = worlds.default.exchanges["binance-spot"]
    params = {"apiKey": account_of(spot).api_key, "timestamp": spot.now_ns // 1_000_000}
    payload = "&".join(f"{name}={value}" for name, value in params.items())
    signature = hmac.new(account_of(spot).secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
    login = {"id": 1, "method": "userDataStream.subscribe.signature", "params": params | {"signature": signature}}
    links[1].receive(json.dumps(login))
    assert all(link.sees for link in links)
    return links


def connect(worlds: Worlds, target: str) -> Link:
    opened = worlds.connect(HttpRequest("GET", target), NoTransport())
    assert isinstance(opened, tuple)
    opened[0].start(opened[1])
    return opened[0]


def account_of(exchange: Exchange) -> Account:
    account = exchange.account(DEMO)
    assert account is not None
    return account


def play(worlds: Worlds, number: int) -> None:
    """One act of the demo account and one question by REST at each venue."""
    for exchange in worlds.default.exchanges.values():
        act = LIVELY[number % len(LIVELY)]
        action = Action(act, where=number, which=number, side=list(Side)[number % 2], offset=number % 7 - 3)
        command = command_of(exchange.engine, action, (DEMO, DEMO, HOUSE))
        if command is not None:
            exchange.submit(command)
    for path in ("/api/v3/depth?symbol=BTCUSDT", "/fapi/v1/exchangeInfo", "/api/markets", "/api/v3/time"):
        request = HttpRequest("GET", path)
        worlds.handle(request, worlds.fate(request)[1])


if __name__ == "__main__":
    print(*transcript(int(sys.argv[1])))
