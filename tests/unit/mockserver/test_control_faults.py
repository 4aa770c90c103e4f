"""Faults by the control API: armed, listed with what they did, disarmed; nonsense is refused with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.control import Control
from mockserver.faces.base import HttpRequest

from .toy_venue import toy_worlds

HOST = (("host", "127.0.0.1"),)


class Client:
    """The control API of toy worlds."""

    def __init__(self) -> None:
        self.worlds = toy_worlds()
        self.control = Control(self.worlds)

    def call(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """Status and answer."""
        answer = self.control.handle(HttpRequest(method, f"/__mock{path}", HOST, json.dumps(body).encode()))
        return answer.status, json.loads(answer.body)


def test_a_fault_from_arming_to_disarming() -> None:
    """It happens in its world until it is disarmed, and the list says how often."""
    client = Client()
    form = {"http_error": {"status": 429}, "probability": 0.5, "match": {"until": 2}, "name": "limit"}
    status, told = client.call("POST", "/faults", fault=form)
    assert (status, told["seed"]) == (200, 7)
    assert told["faults"] == [{"name": "limit", "fault": form, "legal": True, "hits": 0}]

    client.call("POST", "/faults", fault="dup")
    client.worlds.create("other")
    assert client.call("POST", "/faults", fault="mute", world="other")[0] == 200
    asked = [client.worlds.fate(HttpRequest("GET", "/play/time"))[1].by is not None for _ in range(4)]
    _, told = client.call("GET", "/faults")
    assert [(row["name"], row["hits"]) for row in told["faults"]] == [("limit", sum(asked)), ("dup", 0)]
    assert asked[2:] == [False, False]

    assert client.call("POST", "/faults/limit/disarm")[1]["faults"][0]["name"] == "dup"
    assert client.call("POST", "/faults/clear")[1]["faults"] == []
    assert [row["name"] for row in client.call("GET", "/faults", world="other")[1]["faults"]] == ["mute"]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/faults", {}, 400, "'fault' is missing"),
        ("/faults", {"fault": "dupp"}, 400, "no fault 'dupp'; did you mean 'dup'?"),
        ("/faults", {"fault": {"dup": {"x": 1}}}, 400, "dup has no 'x'"),
        ("/faults", {"fault": "mute"}, 409, "already a fault 'mute'"),
        ("/faults", {"fault": {"dup": None, "match": {"venue": "tpy"}}}, 404, "no venue 'tpy'; did you mean 'toy'?"),
        ("/faults", {"fault": {"dup": None, "match": {"account": "bob"}}}, 404, "no account 'bob'; there are none yet"),
        (
            "/faults",
            {"fault": {"dup": None, "match": {"symbol": "BTCUSD"}}},
            404,
            "no symbol 'BTCUSD'; did you mean 'BTCUSDT'?",
        ),
        (
            "/faults",
            {"fault": {"symbol_halt": {"symbol": "BTCUSD"}}},
            404,
            "no symbol 'BTCUSD'; did you mean 'BTCUSDT'?",
        ),
        ("/faults", {"fault": {"filter_change": {"min_notional": "1e99"}}}, 400, "a number from 0 to 1e18"),
        ("/faults", {"fault": {"filter_change": {"min_notional": "1e-30"}}}, 400, "of at most 8 decimals"),
        ("/faults", {"fault": "dup", "match": {}}, 400, "no such name here: 'match'"),
        ("/faults/dup/disarm", {}, 404, "no fault 'dup'; there are mute"),
        ("/faults/clear", {"world": "nowhere"}, 404, "no world 'nowhere'"),
    ],
)
def test_refusals(path: str, body: dict[str, Any], status: int, says: str) -> None:
    """And nothing has changed."""
    client = Client()
    client.call("POST", "/faults", fault="mute")
    got, told = client.call("POST", path, **body)
    assert (got, says in told["error"]) == (status, True), told
    assert [fault.name for fault in client.worlds.default.faults.armed] == ["mute"]
