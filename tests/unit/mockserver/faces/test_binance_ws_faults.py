"""Faults of requests and magic client order ids on the WebSocket API, as REST has them and in that API's own form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import link as link_module
from mockserver.faces.base import Close
from mockserver.faults import (
    AnswerAddField,
    CancelRace,
    ClockSkew,
    EmptyBody,
    EventBeforeRest,
    ExecStatusUnknown,
    Fault,
    FrameDelay,
    GzipLie,
    HangUp,
    HtmlBody,
    HttpError,
    Kind,
    Latency,
    ListenKeyExpire,
    Maintenance,
    Match,
    NoAnswer,
    RestAfterTerminal,
    TruncatedJson,
)
from tests.unit.mockserver.faces.binance_client import START_NS, Client, Socket

MS = 1_000_000
NOW_MS = START_NS // MS
TERMS = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
PATHS = {"binance-spot": "/ws-api/v3", "binance-futures": "/ws-fapi/v1"}
UNKNOWN = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."


class Desk:
    """A client of one venue's WebSocket API."""

    def __init__(self, venue: str) -> None:
        self.client = Client()
        self.account = self.client.accounts[venue]
        self.exchange = self.client.worlds.default.exchanges[venue]
        self.socket: Socket = self.client.socket(PATHS[venue])

    def arm(self, kind: Kind, **match: Any) -> None:
        """Let it befall requests of the WebSocket API."""
        self.client.worlds.default.faults.arm(Fault(kind=kind, match=Match(**{"method": "WS", **match})))

    def ask(self, method: str, **params: object) -> list[Any]:
        """What is answered at once."""
        sent = self.client.ws_params(self.account, **params)
        return self.socket.ask({"id": 5, "method": method, "params": sent})

    def place(self, client_id: str = "mine", **more: object) -> list[Any]:
        """What is answered at once to a bid."""
        return self.ask("order.place", **{**TERMS, "price": "50000", "newClientOrderId": client_id, **more})

    def later(self, after_ms: int) -> list[Any]:
        """What has come so much later."""
        self.client.clock.advance(after_ms * MS, wall=True)
        return self.socket.take()

    @property
    def orders(self) -> list[str | None]:
        """The client ids of the orders that there have been."""
        return [order.client_id for order in self.exchange.engine.orders("alice")]

    @property
    def fills(self) -> int:
        """How many there have been."""
        return len(self.exchange.engine.executions("alice"))


@pytest.fixture(params=PATHS)
def desk(request: pytest.FixtureRequest) -> Desk:
    """One at each venue."""
    return Desk(request.param)


@pytest.mark.parametrize(
    ("client_id", "status", "code", "text", "taken"),
    [
        ("m-reject-2010", 400, -2010, "Account has insufficient balance for requested action.", False),
        ("x-HNA2TXFJm-reject-5022z", 400, -5022, None, False),
        ("m-reject-2015", 401, -2015, None, False),
        ("m-timeout-accepted", 503, -1007, UNKNOWN, True),
        ("m-timeout-lost", 503, -1007, UNKNOWN, False),
    ],
)
def test_magic_ids_that_refuse(
    desk: Desk, client_id: str, status: int, code: int, text: str | None, taken: bool
) -> None:
    """In an answer with the request's id, its status and the limits; whether the order stands is another matter."""
    (answer,) = desk.place(client_id)
    assert (answer["id"], answer["status"], answer["error"]["code"]) == (5, status, code)
    assert answer["error"].keys() == {"code", "msg"}
    assert text in (None, answer["error"]["msg"])
    assert answer["rateLimits"][-1]["rateLimitType"] == "REQUEST_WEIGHT"
    assert desk.orders == ([client_id] if taken else [])
    journal = desk.client.worlds.default.recorder.journal(kind="fault")
    assert [row["connection"] for row in journal] == [desk.socket.link.id]


def test_magic_ids_that_wait(desk: Desk) -> None:
    """Accepted late, filled late, filled in parts, unanswered, and without a connection."""
    (unknown,) = desk.place("m-timeout-late")
    assert (unknown["status"], desk.orders) == (503, [])
    assert (desk.later(4_000), desk.orders) == ([], ["m-timeout-late"])
    (placed,) = desk.place("m-fill-after-2s")
    assert (placed["status"], desk.fills) == (200, 0)
    desk.later(2_000)
    assert desk.fills == 1
    desk.place("m-partial-3")
    assert desk.fills == 4
    assert (desk.place("m-never"), desk.later(60_000), desk.socket.link.open) == ([], [], True)
    assert desk.place("m-drop-conn") == []
    assert not desk.socket.link.open
    assert desk.orders[-2:] == ["m-never", "m-drop-conn"]


def test_what_is_no_magic(desk: Desk) -> None:
    """Other requests, and other words."""
    assert desk.place("m-hello")[0]["status"] == 200
    (answer,) = desk.ask("order.status", symbol="BTCUSDT", origClientOrderId="m-reject-2010")
    assert answer["error"]["code"] == -2013


def test_an_answer_that_is_late(desk: Desk) -> None:
    """The order stands at once; on its way to the venue it does not yet."""
    desk.arm(Latency(delay_ns=300 * MS), path="order.place", nth=1)
    assert (desk.place("first"), desk.orders) == ([], ["first"])
    assert desk.later(299) == []
    assert desk.later(1)[0]["result"]["clientOrderId"] == "first"
    desk.client.worlds.default.faults.clear()
    desk.arm(Latency(delay_ns=300 * MS, of="request"), path="order.place")
    assert (desk.place("second"), desk.orders) == ([], ["first"])
    assert desk.later(300)[0]["result"]["clientOrderId"] == "second"


def test_a_request_that_is_too_long_on_its_way(desk: Desk) -> None:
    """Then the venue finds it too old."""
    desk.arm(Latency(delay_ns=6_000 * MS, of="request"))
    assert desk.place() == []
    assert [answer["error"]["code"] for answer in desk.later(6_000)] == [-1021]
    assert desk.orders == []


def test_errors_say_when_to_come_back(desk: Desk) -> None:
    """As an epoch in milliseconds, in the text of a ban too; a banned one is disconnected."""
    desk.arm(HttpError(status=429, retry_after_s=7), path="order.*", nth=1)
    (busy,) = desk.place()
    assert busy["error"]["data"] == {"serverTime": NOW_MS, "retryAfter": NOW_MS + 7_000}
    assert busy["error"]["msg"].startswith("Too much request weight used; current limit is ")
    desk.client.worlds.default.faults.clear()
    desk.arm(HttpError(status=418, retry_after_s=120))
    sent = desk.client.ws_params(desk.account, **TERMS, price="50000")
    desk.socket.link.receive(json.dumps({"id": 1, "method": "order.place", "params": sent}))
    text, close = desk.socket.link.take()
    assert f"IP banned until {NOW_MS + 120_000}." in getattr(text, "data", "")
    assert close == Close(1008, "")
    assert desk.orders == []


def test_an_error_after_it_was_done(desk: Desk) -> None:
    """`accepted`; and bytes of one's own are told as they are."""
    desk.arm(HttpError(status=500, accepted=True), nth=1)
    (told,) = desk.place("done")
    assert (told["status"], told["error"]["code"], desk.orders) == (500, -1001, ["done"])
    desk.client.worlds.default.faults.clear()
    desk.arm(HttpError(status=500, body="oops"))
    desk.socket.link.receive(json.dumps({"id": 1, "method": "ticker.book"}))
    assert desk.socket.texts() == ["oops"]


def test_answers_that_cannot_be_read_or_have_more(desk: Desk) -> None:
    """The frame is cut, or empty, or has a field that nobody knows."""
    for kind in (TruncatedJson(), EmptyBody()):
        desk.arm(kind, path="order.place")
        sent = desk.client.ws_params(desk.account, **TERMS, price="50000")
        desk.socket.link.receive(json.dumps({"id": 1, "method": "order.place", "params": sent}))
        (text,) = desk.socket.texts()
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
        desk.client.worlds.default.faults.clear()
    desk.arm(TruncatedJson(keep_percent=10))
    desk.socket.link.receive('{"id":"ééééééé","method":"ping"}')
    assert len(desk.socket.texts()) == 1  # be it cut inside of a letter
    desk.client.worlds.default.faults.clear()
    desk.arm(AnswerAddField())
    (answer,) = desk.place()
    assert (answer["zzNovel"], answer["result"]["zzNovel"]) == ("novelty", "novelty")


@pytest.mark.parametrize("kind", [HtmlBody(), GzipLie()])
def test_what_only_http_has(desk: Desk, kind: Kind) -> None:
    """A page or a packed answer befalls no request here, and is not counted."""
    desk.arm(kind)
    assert desk.place()[0]["status"] == 200
    assert set(desk.client.worlds.default.faults.hits.values()) == {0}


def test_no_answer_and_no_order(desk: Desk) -> None:
    """`accepted: false`."""
    desk.arm(NoAnswer(accepted=False), nth=1)
    assert (desk.place(), desk.later(60_000), desk.orders) == ([], [], [])
    desk.client.worlds.default.faults.clear()
    desk.arm(HangUp(accepted=False))
    assert (desk.place(), desk.socket.link.open, desk.orders) == ([], False, [])


def test_an_answer_after_the_end_of_the_order(desk: Desk) -> None:
    """Or after a while; a refusal is answered at once."""
    desk.arm(RestAfterTerminal(within_ns=5_000 * MS), path="order.place")
    assert desk.place("one") == []
    (order,) = desk.exchange.engine.open_orders("alice")
    desk.client.fill(desk.exchange, order.order_id)
    assert [answer["result"]["clientOrderId"] for answer in desk.socket.take()] == ["one"]
    assert (desk.place("two"), desk.later(4_999)) == ([], [])
    assert [answer["result"]["clientOrderId"] for answer in desk.later(1)] == ["two"]
    assert desk.later(5_000) == []
    assert desk.place("three", quantity="-1")[0]["status"] == 400


def test_events_before_the_answer() -> None:
    """On the very socket that the order went by."""
    desk = Desk("binance-spot")
    desk.socket = desk.client.subscribed()
    desk.arm(EventBeforeRest(delay_ns=50 * MS), path="order.place")
    assert [message["event"]["e"] for message in desk.place()] == ["executionReport", "outboundAccountPosition"]
    assert [message["status"] for message in desk.later(50)] == [200]


def test_a_cancel_that_comes_too_late(desk: Desk) -> None:
    """The order has filled; a question about it fills nothing."""
    number = {"symbol": "BTCUSDT", "orderId": desk.place()[0]["result"]["orderId"]}
    desk.arm(CancelRace())
    assert desk.ask("order.status", **number)[0]["result"]["status"] == "NEW"
    assert desk.ask("order.cancel", **number)[0]["error"]["code"] == -2011
    assert desk.fills == 1


def test_a_venue_whose_clock_is_off(desk: Desk) -> None:
    """What is in time is judged by it."""
    desk.arm(ClockSkew(by_ns=60_000 * MS))
    assert desk.place()[0]["error"]["code"] == -1021


def test_a_venue_that_goes_away(desk: Desk) -> None:
    """The socket closes, and the order was not taken."""
    desk.arm(Maintenance(lasts_ns=1_000 * MS))
    sent = desk.client.ws_params(desk.account, **TERMS, price="50000")
    desk.socket.link.receive(json.dumps({"id": 1, "method": "order.place", "params": sent}))
    assert [close.code for close in desk.socket.closes()] == [1001]
    assert desk.orders == []


def test_which_requests_a_fault_is_about(desk: Desk) -> None:
    """By venue, account, symbol and method; those of REST are others."""
    name = desk.exchange.venue
    desk.arm(ExecStatusUnknown(), venue=name, account="alice", symbol="BTCUSDT", path="order.place", nth=2)
    assert [desk.place(each)[0]["status"] for each in ("one", "two", "three")] == [200, 503, 200]
    assert desk.ask("account.status")[0]["status"] == 200
    desk.client.worlds.default.faults.clear()
    desk.arm(ExecStatusUnknown(), method="POST")
    assert desk.place("four")[0]["status"] == 200
    desk.client.worlds.default.faults.clear()
    desk.arm(ExecStatusUnknown(), account="bob")
    assert desk.place("five")[0]["status"] == 200


def test_a_listen_key_that_runs_out_as_it_is_kept_alive() -> None:
    """By whosever key the request is made."""
    desk = Desk("binance-futures")
    listening = desk.client.listening()
    desk.arm(ListenKeyExpire(), path="userDataStream.ping")
    sent = {"id": 1, "method": "userDataStream.ping", "params": {"apiKey": desk.account.api_key}}
    assert [answer["error"]["code"] for answer in desk.socket.ask(sent)] == [-1125]
    assert [event["e"] for event in listening.take()] == ["listenKeyExpired"]


def test_what_is_late_to_come_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that sends too much into a delay is cut off, and what was on its way never comes."""
    monkeypatch.setattr(link_module, "INBOX_FRAMES", 3)
    desk.client.worlds.default.faults.arm(Fault(kind=FrameDelay(delay_ns=MS, of="client")))
    assert [desk.place(each) for each in ("one", "two", "three")] == [[], [], []]
    assert desk.socket.link.open
    desk.place("four")
    assert not desk.socket.link.open
    assert (desk.later(10), desk.orders) == ([], [])
