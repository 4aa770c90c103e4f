"""Scenarios played by the control API, in a world that is there: step by step, all at once, and judged."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from typing import Any

import pytest

from mockserver.clock import Clock
from mockserver.command import DEMO
from mockserver.control import Control
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.link import Link, NoTransport
from mockserver.liquidity import make_liquidity
from mockserver.player import shelf
from mockserver.stage import START_NS
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

SIGNED = "userDataStream.subscribe.signature"


class Desk:
    """A mock with a demo account of spot; `at` is the time."""

    def __init__(self) -> None:
        self.at = START_NS
        self.worlds = Worlds(Recipe(venues=VENUES, clock=lambda: Clock(lambda: self.at)))
        self.exchange = self.worlds.default.exchanges["binance-spot"]
        self.account = self.worlds.open_account(self.exchange, DEMO)
        self.control = Control(self.worlds)

    def ask(self, method: str, path: str, status: int = 200, **body: Any) -> Any:
        request = HttpRequest(method, f"/__mock{path}", (("host", "127.0.0.1"),), json.dumps(body).encode())
        answer = self.control.handle(request)
        assert answer.status == status, answer.body
        told = json.loads(answer.body)
        return told["playing"] if status == 200 and "playing" in told else told

    def begin(self, name: str) -> Any:
        return self.ask("POST", f"/scenarios/{name}/begin", account=DEMO)

    def play(self, steps: int | None = 1) -> Any:
        return self.ask("POST", "/scenario/play", steps=steps)

    def later(self, seconds: float) -> Any:
        self.at += round(seconds * 10**9)
        self.exchange.clock.fire_due()
        return self.ask("GET", "/scenario")

    def subscribe(self) -> Link:
        """As a client does it that carries the account's events on a listen key."""
        headers = (("X-MBX-APIKEY", self.account.api_key),)
        self.exchange.settings.profile = "binance-2024"
        answer = self.worlds.handle(HttpRequest("POST", "/api/v3/userDataStream", headers))
        assert answer is not None
        opened = self.worlds.connect(HttpRequest("GET", f"/ws/{json.loads(answer.body)['listenKey']}"), NoTransport())
        assert opened is not None
        assert not isinstance(opened, HttpResponse)
        opened[0].start(opened[1])
        return opened[0]

    def report(self, **more: str) -> None:
        """Tell the fills that there are, as a right bot would."""
        for fill in self.ask("GET", "/truth")["fills"]:
            told = {name: fill[name] for name in ("symbol", "order_id", "trade_id", "price", "quantity")}
            self.ask("POST", "/report", report={"event": "fill"} | told | more)


def states(told: Any) -> list[str]:
    return [step["state"] for step in told["steps"]]


def test_what_is_not_played_says_how_to_begin() -> None:
    """By the whole path."""
    refused = Desk().ask("POST", "/scenario/play", 409)["error"]
    assert refused.endswith("; POST /__mock/scenarios/{name}/begin begins one")


def test_the_list() -> None:
    """All that are shipped, with their steps in words."""
    listed = Desk().ask("GET", "/scenarios")
    assert [each["name"] for each in listed["scenarios"]] == shelf.names()
    (storm,) = (each for each in listed["scenarios"] if each["name"] == "fill-storm")
    assert storm["steps"][0] == "wait: {client: subscribed}"
    assert listed["missing"] is None


def test_step_by_step() -> None:
    """A client that is there already counts as subscribed; each step comes when it may, and says what was done."""
    desk = Desk()
    desk.subscribe()
    begun = desk.begin("event-lost-with-link")
    assert set(states(begun)) == {"to come"}
    assert (begun["moving"], begun["over"], begun["verdict"]) == (False, False, None)
    told = desk.play()
    assert states(told)[:2] == ["done", "to come"]
    told = desk.play()
    assert (states(told)[:2], told["moving"]) == (["done", "now"], True)
    assert told["waiting"].startswith("step 2 (wait: ")
    told = desk.later(60)
    assert (states(told)[:3], told["moving"]) == (["done", "done", "to come"], False)
    told = desk.play(2)
    assert told["steps"][2]["state"] == "done"
    assert "new" in told["steps"][2]["words"]


def test_all_at_once_and_the_verdict() -> None:
    """It is not final before all stayed well for a while; a client that is wrong is told what it did."""
    desk = Desk()
    desk.subscribe()
    desk.begin("fill-storm")
    told = desk.play(None)
    while not told["over"]:
        told = desk.later(0.5)
    assert set(states(told)) == {"done"}
    assert not told["verdict"]["ok"]
    assert told["lines"][0].startswith("FAILED: ")
    assert not told["final"]
    desk.report()
    told = desk.later(0.1)
    assert (told["verdict"]["ok"], told["lines"][0][:5]) == (True, "well:")
    assert desk.later(0.5)["final"]
    desk.report()
    told = desk.later(0.1)
    assert "fill told twice" in "\n".join(told["lines"])


def test_a_step_that_fails() -> None:
    """Is marked, and says what came instead; nothing comes after it."""
    desk = Desk()
    desk.begin("fill-storm")
    desk.play(None)
    told = desk.later(31)
    assert states(told)[:2] == ["failed", "to come"]
    assert (told["over"], told["final"], told["moving"]) == (True, True, False)
    assert "waited 31s for client subscribed, in vain" in "\n".join(told["lines"])


def test_what_was_heard_before_is_not_the_story_s() -> None:
    """An order of an hour ago is not the one that a scenario waits for."""
    desk = Desk()
    desk.subscribe()
    desk.worlds.handle(HttpRequest("POST", "/api/v3/order?symbol=BTCUSDT"))
    desk.begin("cancel-race")
    told = desk.play(3)
    assert states(told)[:2] == ["done", "now"]
    assert told["steps"][1]["step"].startswith("wait: {request: POST /api/v3/order")


def test_the_world_fits_as_far_as_it_can() -> None:
    """The era of the scenario is set; what a world that is there cannot have is said."""
    desk = Desk()
    desk.exchange.settings.profile = "binance-2024"
    begun = desk.begin("clock-skew")
    assert desk.exchange.settings.profile == "binance-2026"
    assert begun["notes"] == ["clock_ahead is not set in a world that is there already"]
    for model, notes in (("manual", 0), ("echo", 1)):
        desk.exchange.liquidity = make_liquidity(model, desk.exchange.engine, desk.exchange.random("x"))
        assert len(desk.begin("fill-storm")["notes"]) == notes


def test_another_one_and_the_end() -> None:
    """One at a time; whoever ends it, or begins another, leaves no follower behind."""
    desk = Desk()
    assert desk.ask("GET", "/scenario") is None
    before = len(desk.worlds.default.recorder.followers)
    for name in ("fill-storm", "cancel-race"):
        assert desk.begin(name)["name"] == name
    assert len(desk.worlds.default.recorder.followers) == before + 1
    assert desk.ask("POST", "/scenario/end") is None
    assert len(desk.worlds.default.recorder.followers) == before
    for _ in range(2):  # what it armed is not in the way of the next time
        desk.begin("cancel-race")
        assert [each["name"] for each in desk.ask("GET", "/faults")["faults"]] == ["latency"]
    desk.ask("POST", "/scenario/end")
    assert desk.ask("GET", "/faults")["faults"] == []
    desk.begin("fill-storm")
    desk.ask("POST", "/reset", keep_accounts=False)
    assert desk.ask("GET", "/scenario") is None


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML is not installed the list is empty and says so."""
    known: Callable[..., Any] = builtins.__import__

    def without_yaml(name: str, *given: Any, **more: Any) -> Any:
        if name == "yaml":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return known(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    desk = Desk()
    listed = desk.ask("GET", "/scenarios")
    assert listed["scenarios"] == []
    assert "pip install 'exchstream[test]'" in listed["missing"]
    assert "exchstream[test]" in desk.ask("POST", "/scenarios/fill-storm/begin", 409, account=DEMO)["error"]


def test_the_era_is_played_with_all_that_belongs_to_it() -> None:
    """Pings and limits too, not its name alone; what was set otherwise stays."""
    desk = Desk()
    desk.ask("POST", "/settings", venue="binance-spot", profile="binance-2024", options={"pong_within_ms": 77})
    assert desk.exchange.option("ping_every_ms") == 180_000
    desk.begin("fill-storm")
    settings = desk.ask("GET", "/settings", venue="binance-spot")["settings"]["binance-spot"]
    assert settings["profile"] == "binance-2026"
    assert [settings["options"][name] for name in ("ping_every_ms", "pong_within_ms")] == [20_000, 77]
