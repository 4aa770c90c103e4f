"""``--any-key``: a client that nobody gave a key to trades all the same, and is told from others by the key it has."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from mockserver.command import build, parser
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.link import Link, NoTransport
from mockserver.world import Worlds

KEY = "k" * 64


def worlds_of(*options: str) -> Worlds:
    return build(parser().parse_args(["--liquidity", "manual", "--clock", "virtual", "--seed", "1", *options]))


def asked(worlds: Worlds, request: HttpRequest) -> HttpResponse:
    answer = worlds.handle(request)
    assert answer is not None
    return answer


def signed(worlds: Worlds, path: str, key: str = KEY) -> HttpResponse:
    """A request of Binance that is signed with a secret that the mock cannot know."""
    query = urlencode({"timestamp": worlds.default.clock.now_ns // 10**6, "signature": "f" * 64})
    return asked(worlds, HttpRequest("GET", f"{path}?{query}", (("X-MBX-APIKEY", key),)))


def connected(worlds: Worlds, target: str) -> Link:
    made = worlds.connect(HttpRequest("GET", target), NoTransport())
    assert made is not None
    assert not isinstance(made, HttpResponse)
    link, session = made
    link.start(session)
    return link


def of_ftx(worlds: Worlds, key: str) -> HttpResponse:
    stamp = str(worlds.default.clock.now_ns // 10**6)
    headers = (("FTX-KEY", key), ("FTX-TS", stamp), ("FTX-SIGN", "0" * 64))
    return asked(worlds, HttpRequest("GET", "/api/account", headers))


@pytest.mark.parametrize(
    ("venue", "path"), [("binance-spot", "/api/v3/account"), ("binance-futures", "/fapi/v2/account")]
)
def test_each_key_has_an_account_of_its_own(venue: str, path: str) -> None:
    """With demo balances; the key itself is not shown, and is believed after a reset too."""
    worlds = worlds_of("--any-key")
    assert [signed(worlds, path, key * 64).status for key in "kkm"] == [200, 200, 200]
    exchange = worlds.default.exchanges[venue]
    assert sorted(exchange.accounts) == ["demo", "key1", "key2"]
    assert exchange.accounts["key1"].balances == exchange.accounts["demo"].balances
    journal = worlds.default.recorder.journal()
    warnings = [str(row["text"]) for row in journal if row["kind"] == "warning"]
    assert warnings[0].startswith(f"a key that the mock did not make: account key1 of {venue} is opened for it")
    assert KEY not in json.dumps(journal)
    worlds.reset("default")
    assert signed(worlds, path).status == 200


def test_ftx_believes_too() -> None:
    """A request, and a login on the socket."""
    worlds = worlds_of("--any-key")
    assert of_ftx(worlds, "some key").status == 200
    link = connected(worlds, "/ws/")
    login = {"key": "another", "sign": "0", "time": worlds.default.clock.now_ns // 10**6}
    link.receive(json.dumps({"op": "login", "args": login}))
    link.receive(json.dumps({"op": "subscribe", "channel": "fills"}))
    assert [json.loads(each.data)["type"] for each in link.take() if isinstance(each, Text)] == ["subscribed"]
    assert {"key1", "key2"} < set(worlds.default.exchanges["ftx"].accounts)


def test_a_session_may_log_on() -> None:
    """Which only an Ed25519 key may; of what kind this one is nobody knows."""
    worlds = worlds_of("--any-key")
    link = connected(worlds, "/ws-api/v3")
    params = {"apiKey": KEY, "timestamp": worlds.default.clock.now_ns // 10**6, "signature": "x"}
    link.receive(json.dumps({"id": 1, "method": "session.logon", "params": params}))
    (answer,) = link.take()
    assert isinstance(answer, Text)
    assert json.loads(answer.data)["status"] == 200


def test_without_the_option_it_is_refused() -> None:
    """As at the venue."""
    worlds = worlds_of()
    assert json.loads(signed(worlds, "/api/v3/account").body)["code"] == -2015
    assert of_ftx(worlds, "some key").status == 401
    assert [*worlds.default.exchanges["ftx"].accounts] == ["demo"]
