"""The control API's document of itself: every route is in it, and what it says is so."""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mockserver.clock import VirtualClock
from mockserver.control import Control
from mockserver.control_acts import NAMES
from mockserver.engine.types import PlaceAlgo, Trigger, TriggerWhen
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.link import NoTransport
from mockserver.server import Server
from mockserver.stage import START_NS
from mockserver.strategies import json_values
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

from .contract import check_answer
from .toy_venue import buy


class Client:
    """Asks the control API of a mock of every venue; each answer is held against the document."""

    def __init__(self) -> None:
        self.worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(START_NS)))
        self.control = Control(self.worlds)
        self.checked: set[str] = set()

    def ask(self, method: str, path: str, /, status: int = 200, **body: Any) -> Any:
        raw = json.dumps(body).encode() if body else b""
        request = HttpRequest(method, f"/__mock{path}", (("host", "127.0.0.1"),), raw)
        response = self.control.handle(request)
        assert response.status == status, response.body
        checked = check_answer(self.control, request, response)
        if status == 200:
            assert checked is not None
            self.checked.add(checked)
        return json.loads(response.body) if response.content_type == "application/json" else response.body


@pytest.fixture
def client() -> Client:
    return Client()


def operations(control: Control) -> dict[str, dict[str, Any]]:
    paths = control.document["paths"].values()
    return {operation["operationId"]: operation for path in paths for operation in path.values()}


def test_every_route_is_in_it(client: Client) -> None:
    """With words, with the schema of its answer, and with all the names it takes."""
    document = client.control.document
    for route, takes in client.control.takes().items():
        method, path = route.split()
        operation = document["paths"][path][method.lower()]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        names = {each["name"] for each in operation["parameters"]} | body.get("properties", {}).keys()
        assert names == takes | set(re.findall(r"\{(\w+)\}", path)), route
        assert operation["summary"], f"{route}: its handler has no docstring"
        contents = operation["responses"]["200"]["content"].values()
        assert contents, route
        assert all(content["schema"] for content in contents), f"{route}: its act has no gives="
    assert len(operations(client.control)) == len(client.control.routes)


def test_every_schema_is_one(client: Client) -> None:
    """And every example is of its schema."""
    for operation in operations(client.control).values():
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for answer in operation["responses"].values():
            for content in answer["content"].values():
                Draft202012Validator.check_schema(content["schema"])
        if body:
            Draft202012Validator.check_schema(body["schema"])
            Draft202012Validator(body["schema"]).validate(body["example"])
        for each in operation["parameters"]:
            Draft202012Validator(each["schema"]).validate(each.get("example", each["schema"].get("default", 1)))


def test_names_that_no_route_takes_have_no_meaning(client: Client) -> None:
    """What is said is said of something."""
    routes = client.control.takes()
    assert NAMES.keys() <= set().union(*routes.values()) | set(re.findall(r"\{(\w+)\}", " ".join(routes)))


def test_real_answers_are_as_it_says(client: Client) -> None:
    """Each route once, in a world where something happened; and refusals."""
    worlds = client.worlds
    exchange = worlds.default.exchanges["binance-futures"]
    account = client.ask("POST", "/accounts", venue="binance-futures", name="a", balances={"USDT": "100000"})
    client.ask("POST", "/accounts", venue="ftx", name="a", balances={"USD": "100000"}, subaccounts=["s"])
    headers = (("X-MBX-APIKEY", account["api_key"]),)
    answer = worlds.handle(HttpRequest("POST", "/fapi/v1/listenKey", headers))
    assert answer is not None
    key = json.loads(answer.body)["listenKey"]
    opened = worlds.connect(HttpRequest("GET", f"/private/ws?listenKey={key}"), NoTransport())
    assert isinstance(opened, tuple)
    opened[0].start(opened[1])
    client.ask("GET", "/connections")
    for method, path in (("GET", "/health"), ("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/metrics")):
        client.ask(method, path)
    order: dict[str, Any] = {"venue": "binance-futures", "account": "a", "symbol": "BTCUSDT"}
    order |= {"side": "BUY", "price": "20000"}
    for path in ("/ui", "/ui/page.js", "/ui/page.css", "/ui/letters.json", "/ui/icon.svg"):
        client.ask("GET", path)
    client.ask("GET", "/ui/control.py", 404)
    client.ask("POST", "/deposit", venue="binance-futures", account="a", asset="USDT", amount="1.5")
    numbers = [client.ask("POST", "/orders", **order, quantity="0.1")["order"]["order_id"] for _ in range(3)]
    for number, act in zip(numbers, ("fill", "cancel", "expire"), strict=True):
        client.ask("POST", f"/orders/binance-futures/BTCUSDT/{number}/{act}")
    market = "/market/BTCUSDT"
    client.ask("GET", "/market")
    client.ask("GET", "/orders", venue="binance-futures", account="a", limit=2)
    client.ask("GET", "/checks", venue="binance-futures", account="a")
    client.ask("GET", market, venue="binance-futures")
    client.ask("POST", f"{market}/book", venue="binance-futures", bids=[["19990", "1"]], asks=[["20010", "1"]])
    client.ask("POST", f"{market}/trade", venue="binance-futures", quantity="0.1")
    client.ask("POST", f"{market}/price", venue="binance-futures", price="20005")
    trigger = exchange.engine.instruments["BTCUSDT"].price(9)
    algo = PlaceAlgo(child=buy("a", quantity=100, price=200_000), trigger_price=trigger, when=TriggerWhen.BELOW)
    placed = exchange.submit(algo)
    assert placed.algo is not None, placed
    client.ask("POST", f"/algo/{placed.algo.algo_id}/trigger")
    client.ask("POST", "/accounts", venue="binance-spot", name="a", balances={"USDT": "100000"})
    spot = worlds.default.exchanges["binance-spot"]
    below = Trigger(when=TriggerWhen.BELOW, price=Decimal(9))
    waiting = spot.submit(attrs.evolve(buy("a", quantity=1_000, price=2_000_000), trigger=below)).order
    assert waiting is not None
    client.ask("POST", f"/orders/binance-spot/BTCUSDT/{waiting.order_id}/trigger")
    client.ask("GET", "/truth")
    client.ask(
        "POST", "/accounts/binance-futures/a/terms", maker_fee="0", taker_fee="0.001", symbol="BTCUSDT", leverage=5
    )
    client.ask("GET", "/accounts/binance-futures/a/terms")
    client.ask("POST", "/accounts/binance-futures/a/margin-call")
    client.ask("POST", "/accounts/ftx/a/margin-call", 409)
    client.ask("POST", "/funding/binance-futures/BTCUSDT", rate="0.0001")
    client.ask("POST", "/positions/binance-futures/BTCUSDT/close", account="a", kind="ADL")
    client.ask("POST", "/faults", fault={"latency": {"delay": "250ms"}, "name": "late"})
    client.ask("GET", "/faults")
    client.ask("GET", "/faults/kinds")
    client.ask("POST", "/faults/late/disarm")
    client.ask("POST", "/faults/clear")
    client.ask("POST", "/listen_keys/replace")
    client.ask("GET", "/clock")
    client.ask("POST", "/clock/advance", by="3m")
    client.ask("POST", "/clock/next")
    client.ask("POST", "/clock/scale", rate="0.5")
    client.ask("POST", "/clock/freeze", wall=True)
    client.ask("POST", "/listen_keys/expire")
    client.ask("POST", "/shutdown_notice")
    client.ask("POST", "/settings", venue="ftx", rest_lag_ms=5)
    client.ask("GET", "/settings")
    client.ask("POST", "/connections/1/silence")
    client.ask("GET", "/connections")
    client.ask("GET", "/journal")
    client.ask("GET", "/events", since=0, wait_ms=5)
    client.ask("GET", "/events", 400, wait_ms=5_001)
    client.ask("POST", "/report", report={"event": "gap_opened", "since_ns": 1, "reason": "start"})
    assert client.ask("POST", "/verify", expect=[{"request": "GET /api/v3/time", "times": ">=1"}])["failures"]
    client.ask("POST", "/connections/drop")
    client.ask("GET", "/scenarios")
    client.ask("GET", "/scenario")
    client.ask("POST", "/scenario/play", 409)
    client.ask("POST", "/scenarios/fill-storm/begin", account="a")
    client.ask("POST", "/scenarios/fill-strom/begin", 404, account="a")
    client.ask("POST", "/scenarios/fill-storm/begin", 404, account="b")
    client.ask("POST", "/scenario/play", steps=1)
    client.ask("POST", "/scenario/play", steps=None)
    client.ask("GET", "/scenario", wait_ms=5)
    client.ask("GET", "/scenario", 400, wait_ms=5_001)
    client.ask("POST", "/scenario/end")
    client.ask("POST", "/worlds", name="w")
    client.ask("GET", "/worlds")
    kept = client.ask("POST", "/snapshot", world="w")
    client.ask("GET", f"/snapshot/{kept['id']}")
    client.ask("PUT", f"/snapshot/{kept['id']}")
    client.ask("PUT", "/snapshot", snapshot=kept["snapshot"])
    client.ask("POST", "/keys/a/revoke")
    client.ask("DELETE", "/worlds/w")
    client.ask("POST", "/reset")
    client.ask("POST", "/reset", 400, wrong=1)
    client.ask("DELETE", "/worlds/default", 409)
    client.ask("GET", "/snapshot/nine", 404)
    client.ask("POST", "/health", 405)
    client.ask("GET", "/nothing", 404)

    assert operations(client.control).keys() - client.checked == set()


def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    """It works without a network, and may load nothing from one."""
    request = HttpRequest("GET", "/__mock/docs", (("host", "localhost"),))
    response = client.control.handle(request)
    text = response.body.decode()
    assert "default-src 'self'" in dict(response.headers)["content-security-policy"]
    assert re.findall(r"https?://", text) == []
    assert 'fetch("openapi.json")' in text


def test_metrics(client: Client) -> None:
    """What Prometheus reads: requests by status, entries by kind, faults by name, connections, timers."""
    worlds = client.worlds
    client.ask("POST", "/accounts", venue="ftx", name="a", world="w")
    client.ask("POST", "/faults", fault={"http_error": {"status": 503}, "name": "broken", "match": {"count": 1}})
    worlds.default.clock.after(5, "t", lambda: None)
    for _ in range(2):
        request = HttpRequest("GET", "/api/v3/ping")
        worlds.handle(request, worlds.fate(request)[1])
    worlds.default.recorder.record_refused("<noise>", HttpResponse(400))
    text = client.ask("GET", "/metrics").decode()
    for line in (
        'mockserver_connections{venue="ftx",world="w"} 0.0',
        'mockserver_requests_total{status="200",world="default"} 1.0',
        'mockserver_requests_total{status="503",world="default"} 1.0',
        'mockserver_fault_hits_total{fault="broken",world="default"} 1.0',
        'mockserver_journal_entries_total{kind="control",world="w"} 1.0',
        'mockserver_timers_pending{world="default"} 1.0',
        'mockserver_clock_ahead_seconds{world="w"} 0.0',
        "mockserver_unmatched_requests_total 1.0",
    ):
        assert line in text.splitlines(), text


def test_metrics_name_their_extra(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where prometheus-client is not installed."""
    monkeypatch.setitem(sys.modules, "mockserver.metrics", None)
    refused = "metrics for Prometheus need the extra 'metrics': pip install 'exchstream[metrics]'"
    assert client.ask("GET", "/metrics", 409)["error"] == refused


@settings(max_examples=30)
@given(data=st.data())
def test_whatever_is_sent_is_answered(data: st.DataObject) -> None:
    """No request of any names and values makes an act fail; refusals have words."""
    client = Client()
    client.ask("POST", "/accounts", venue="ftx", name="a")
    for _ in range(5):
        method, path = data.draw(st.sampled_from(sorted(client.control.takes()))).split()
        takes = sorted(client.control.takes()[f"{method} {path}"])
        values = st.one_of(json_values(), st.sampled_from(["ftx", "a", "default", "1h", "1", "-1", "1e400", "BTC/USD"]))
        body = json.dumps(data.draw(st.dictionaries(st.sampled_from(takes), values))).encode()
        named = data.draw(st.sampled_from(["1", "a", "ftx", "BTC%2FUSD", "drop", "x"]))
        target = re.sub(r"\{\w+\}", named, path)
        request = HttpRequest(method, target, (("host", "127.0.0.1"),), body)
        response = client.control.handle(request)
        assert response.status in (200, 400, 404, 409)
        check_answer(client.control, request, response)


@pytest.mark.parametrize(
    ("path", "venue"),
    [
        ("/api/v3/uiKlines9", "binance-spot"),
        ("/fapi/v9/order", "binance-futures"),
        ("/api/staking", "ftx"),
        ("/private/other", "binance-futures"),
        ("/nowhere", None),
    ],
)
def test_what_a_venue_may_have_is_asked_to_be_reported(path: str, venue: str | None) -> None:
    """A route that the mock lacks is told from one that is nobody's."""
    answer = json.loads(Server(Client().worlds).answer(HttpRequest("GET", path)).body)

    assert answer.get("venue") == venue
    assert ("please report it" in answer.get("report", "")) == (venue is not None)
    assert len(answer["nearest"]) == 3
