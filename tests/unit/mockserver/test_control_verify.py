"""``POST /__mock/verify``: the journal of a world is asked, refusals say what to do, no secret comes out."""

from __future__ import annotations

import json
from typing import Any

from mockserver.control import Control
from mockserver.faces.base import HttpRequest
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
    assert "it came never" in answer["text"]
    assert answer["failures"][0]["nearest"]["fields"][0]["got"] == "userDataStream.subscribe.signature"
    assert stage.client.api_key not in json.dumps(answer)
    newest = stage.worlds.default.recorder.entries()[-1].seq
    assert verify(stage, expect=[subscribed], since=newest)[1]["ok"] is False


def test_refusals() -> None:
    """What is missing or cannot be meant is refused in words."""
    stage = Stage("binance-spot")
    assert verify(stage) == (400, {"error": "'expect' is missing: an expectation, or a list of them"})
    status, answer = verify(stage, expect=["subscribed"])
    assert (status, answer["error"][:13]) == (400, "expectation 1")
