"""``POST /__mock/verify``: the journal of a world is asked, refusals say what to do, no secret comes out."""

from __future__ import annotations

import json
from typing import Any

from mockserver.again import of_scenario, of_server
from mockserver.command import build, parser
from mockserver.control import Control
from mockserver.faces.base import HttpRequest
from mockserver.player.checks import CHECKS
from mockserver.stage import Stage


def verify(stage: Stage, **body: Any) -> tuple[int, dict[str, Any]]:
    request = HttpRequest("POST", "/__mock/verify", (("Host", "127.0.0.1"),), json.dumps(body).encode())
    answer = Control(stage.worlds).handle(request)
    return answer.status, json.loads(answer.body)


def test_what_the_client_did() -> None:
    """A subscription is there, an order is not; the failure names what came nearest, and the seed."""
    stage = Stage("binance-spot", seed=7)
    stage.listen()
    subscribed = "ws:userDataStream.subscribe.signature"
    status, answer = verify(stage, expect=[subscribed, "subscribe", {"order": ["reconnect", subscribed]}])
    assert (status, answer["ok"], answer["checked"], answer["failures"]) == (200, True, 3, [])
    status, answer = verify(stage, expect={"ws": "userDataStream.subscribe", "times": "==1"})
    assert (status, answer["ok"], answer["seed"]) == (200, False, 7)
    assert answer["again"] == "python -m mockserver --seed 7"
    assert "it came never" in answer["text"]
    assert answer["failures"][0]["nearest"]["fields"][0]["got"] == "userDataStream.subscribe.signature"
    assert stage.client.api_key not in json.dumps(answer)
    newest = stage.worlds.default.recorder.entries()[-1].seq
    assert verify(stage, expect=[subscribed], since=newest)[1]["ok"] is False


def test_the_line_that_repeats_the_run() -> None:
    """What the mock was started with, the seed, and a world that is made again; or the scenario that is played."""
    words = ["--liquidity", "manual", "--seed", "7"]
    worlds = build(parser().parse_args(words))
    worlds.again = of_server(words)
    control = Control(worlds)

    def again(world: str = "default") -> str:
        body = json.dumps({"world": world, "expect": ["rest:GET /nowhere"]}).encode()
        answer = control.handle(HttpRequest("POST", "/__mock/verify", (("Host", "127.0.0.1"),), body))
        line: str = json.loads(answer.body)["again"]
        return line

    started = "python -m mockserver --liquidity manual --seed"
    assert again() == f"{started} 7"
    worlds.create("other", 8)
    assert again("other") == f'{started} 8, then POST /__mock/worlds {{"name": "other", "seed": 8}}'
    begin = HttpRequest("POST", "/__mock/scenarios/ban-418/begin", (("Host", "127.0.0.1"),), b'{"account": "demo"}')
    assert control.handle(begin).status == 200
    assert again() == "python -m mockserver run ban-418 --seed 7 -- '<your command>'"


def test_the_line_around_a_command() -> None:
    """Of `exec`: the seed stands before what is run."""
    again = of_server(["exec", "--seed=3", "--isolate"], ["python", "my bot.py"])
    assert again("default", 4) == "python -m mockserver exec --isolate --seed 4 -- python 'my bot.py'"
    assert of_scenario("mine.yaml", 3, ["./bot"]) == "python -m mockserver run mine.yaml --seed 3 -- ./bot"


def test_refusals() -> None:
    """What is missing or cannot be meant is refused in words."""
    stage = Stage("binance-spot")
    assert verify(stage) == (400, {"error": "'expect' is missing: an expectation, or a list of them"})
    status, answer = verify(stage, expect=["subscribed"])
    assert (status, answer["error"][:13]) == (400, "expectation 1")


def test_a_report_of_an_event_that_there_is_not() -> None:
    """It is refused, with the nearest; one that says nothing of orders is taken."""
    control = Control(Stage("binance-spot").worlds)

    def told(event: str) -> tuple[int, dict[str, Any]]:
        body = json.dumps({"report": {"event": event}}).encode()
        answer = control.handle(HttpRequest("POST", "/__mock/report", (("Host", "127.0.0.1"),), body))
        return answer.status, json.loads(answer.body)

    assert told("account_down") == (200, {"told": 0})
    assert told("fil") == (400, {"error": """no event 'fil'; did you mean 'fill'?: {"event": "fil"}"""})
    assert told("heartbeat")[0] == 400


def test_the_checks_of_a_client_that_trades_as_it_likes() -> None:
    """All of them but those that take a scenario's script for granted."""
    stage = Stage("binance-spot")
    path = f"/__mock/checks?venue=binance-spot&account={stage.client.name}"
    answer = Control(stage.worlds).handle(HttpRequest("GET", path, (("Host", "127.0.0.1"),), b""))
    names = [each["name"] for each in json.loads(answer.body)["checks"]]
    assert set(CHECKS) - set(names) == {"no_order_doubled"}
