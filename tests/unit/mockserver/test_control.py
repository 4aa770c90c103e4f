"""The control API: every act does what it says, and every refusal says what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.control import Control
from mockserver.engine.ids import BINANCE_FUTURES_IDS
from mockserver.engine.types import HOUSE, OrderType, Place, PlaceAlgo, Side, Trigger, TriggerWhen
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.link import NoTransport
from mockserver.world import Link, Worlds

from .contract import check_answer
from .toy_venue import INSTRUMENT, START_NS, ToyFace, ToySession, buy, toy_worlds

ED25519_PEM = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
RSA_HEAD = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0/IzW7yW"
)


class Client:
    """Asks a control API as an HTTP client would."""

    def __init__(self) -> None:
        self.worlds: Worlds = toy_worlds()
        self.control = Control(self.worlds)
        self.exchange = self.worlds.default.exchanges["toy"]
        self.worlds.open_account(self.exchange, "alice", api_key="A")

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"host": "127.0.0.1:8080", **headers}
        request = HttpRequest(method, f"/__mock{path}", tuple(given.items()), raw)
        response = self.control.handle(request)
        check_answer(self.control, request, response)
        return response

    def get(self, path: str) -> Any:
        response = self.ask("GET", path)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def post(self, path: str, **body: Any) -> Any:
        response = self.ask("POST", path, body)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        response = self.ask(method, path, body, **headers)
        return response.status, json.loads(response.body)["error"]

    def connect(self) -> tuple[Link, NoTransport]:
        transport = NoTransport()
        opened = self.worlds.connect(HttpRequest("GET", "/play/ws?key=A"), transport)
        assert isinstance(opened, tuple)
        link, session = opened
        assert isinstance(session, ToySession)
        link.start(session)
        return link, transport

    def place(self) -> int:
        reply = self.exchange.submit(buy("alice"))
        assert reply.order is not None
        return reply.order.order_id

    @property
    def hooks(self) -> list[Any]:
        assert isinstance(self.exchange.face, ToyFace)
        return self.exchange.face.hooks


@pytest.fixture
def client() -> Client:
    """A toy world with alice (key A), and its control API."""
    return Client()


def test_health(client: Client) -> None:
    """Health names venues and worlds."""
    assert client.get("/health") == {
        "status": "ok",
        "venues": ["toy"],
        "worlds": ["default"],
        "connections": 0,
        "sockets": 0,
        "now_ns": START_NS,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:1"}, 200),
        ({"host": "127.0.0.1:9", "origin": "http://127.0.0.1:9"}, 200),
        ({"host": "LOCALHOST:80", "origin": "http://localhost:80"}, 200),
        ({"host": "127.0.0.1:9", "origin": "http://127.0.0.1:3000"}, 403),
        ({"host": "localhost:9", "origin": "http://127.0.0.1:9"}, 403),
        ({"host": "localhost:9", "origin": "https://localhost:9"}, 403),
        ({"host": "192.168.7.5:9"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": ""}, 403),
        ({"host": "[bad"}, 403),
        ({"host": "127.0.0.1", "origin": "https://evil.example"}, 403),
        ({"host": "127.0.0.1", "origin": "null"}, 403),
    ],
)
def test_a_web_page_cannot_reach_it(client: Client, headers: dict[str, str], status: int) -> None:
    """Only loopback hosts and origins may use the API, and no answer invites another origin."""
    response = client.ask("GET", "/health", **headers)

    assert response.status == status
    assert not [name for name, _ in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("host", "local", "status"),
    [
        ("192.168.7.5:9", "192.168.7.5", 200),
        ("[fe80::1]:9", "fe80::1%eth0", 200),
        ("evil.example:9", "192.168.7.5", 403),
        ("192.168.7.6:9", "192.168.7.5", 403),
        ("unknown", "unknown-not", 403),
    ],
)
def test_it_answers_at_the_address_that_was_reached(client: Client, host: str, local: str, status: int) -> None:
    """Bound to every address, it may be used at each of them; a name that somebody made to point there may not."""
    request = HttpRequest("GET", "/__mock/health", (("host", host),), local=local)

    assert client.control.handle(request).status == status


def test_accounts(client: Client) -> None:
    """A new account has key, secret and balances, in a world that is made when it is new."""
    made = client.post(
        "/accounts", venue="toy", world="w", balances={"USDT": "5.5", "BTC": 1}, subaccounts=["mm"], seed=3
    )
    exchange = client.worlds.worlds["w"].exchanges["toy"]

    assert {name: made[name] for name in ("world", "venue", "name", "key_type", "subaccounts")} == {
        "world": "w",
        "venue": "toy",
        "name": "account-1",
        "key_type": "hmac",
        "subaccounts": ["mm"],
    }
    assert client.worlds.find_key("toy", made["api_key"]) == (exchange, exchange.accounts["account-1"])
    assert exchange.accounts["account-1"].secret == made["secret"]
    assert exchange.engine.balance("account-1/mm", "USDT").free == 550_000_000
    assert exchange.world.seed == 3


def test_public_keys(client: Client) -> None:
    """A public key is known by its kind and needs no secret; a kind the venue does not take is refused."""
    made = client.post("/accounts", venue="toy", name="ed", public_key=ED25519_PEM)
    rsa = f"-----BEGIN PUBLIC KEY-----\n{RSA_HEAD}\n-----END PUBLIC KEY-----"

    assert made["key_type"] == "ed25519"
    assert "secret" not in made
    assert client.refused("POST", "/accounts", {"venue": "toy", "public_key": rsa}) == (
        400,
        "toy takes no rsa keys, only hmac, ed25519",
    )


def test_forced_acts_on_orders(client: Client) -> None:
    """An order can be placed, filled in part, filled, cancelled and expired by force."""
    placed = client.post(
        "/orders", venue="toy", account="alice", symbol="BTCUSDT", side="buy", quantity="0.01", price="49000"
    )["order"]
    path = f"/orders/toy/BTCUSDT/{placed['order_id']}"
    part = client.post(f"{path}/fill", quantity="0.004", price="48000.5", liquidity="taker")["order"]
    rest = client.post(f"{path}/fill")["order"]
    cancelled = client.post(f"/orders/toy/BTCUSDT/{client.place()}/cancel")["order"]
    expired = client.post(f"/orders/toy/BTCUSDT/{client.place()}/expire")["order"]

    assert (placed["status"], placed["price"]) == ("NEW", "49000.00")
    assert (part["status"], part["filled_quantity"], part["filled_quote"]) == (
        "PARTIALLY_FILLED",
        "0.00400",
        "192.00200000",
    )
    assert (rest["status"], rest["filled_quote"]) == ("FILLED", "486.00200000")
    assert (cancelled["status"], expired["status"], expired["reason"]) == ("CANCELED", "EXPIRED", "EXCHANGE")


def test_the_house_trades_too(client: Client) -> None:
    """An order of the house gives a client's market order its other side."""
    client.post("/orders", venue="toy", account=HOUSE, symbol="BTCUSDT", side="SELL", quantity="1", price="50000")
    taken = client.post(
        "/orders", venue="toy", account="alice", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5"
    )

    assert (taken["order"]["status"], taken["order"]["filled_quote"]) == ("FILLED", "25000.00000000")


def test_deposit(client: Client) -> None:
    """Money can be moved into an account."""
    assert client.post("/deposit", venue="toy", account="alice", asset="BTC", amount="2.5") == {
        "account": "alice",
        "asset": "BTC",
        "free": "12.50000000",
        "locked": "0.00000000",
    }


def test_trigger(client: Client) -> None:
    """A waiting conditional order can be triggered; one that is not there cannot."""
    child = Place(
        account="alice", instrument="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=1_000, price=4_900_000
    )
    reply = client.exchange.submit(
        PlaceAlgo(child=child, trigger_price=INSTRUMENT.price(6_000_000), when=TriggerWhen.ABOVE)
    )
    assert reply.algo is not None
    triggered = client.post(f"/algo/{reply.algo.algo_id}/trigger")
    (order,) = client.exchange.engine.open_orders("alice")

    assert triggered["order_id"] == str(order.order_id)
    assert client.refused("POST", f"/algo/{BINANCE_FUTURES_IDS.algo_start}/trigger")[0] == 404


def test_an_order_that_waits_can_be_set_off(client: Client) -> None:
    """Once; then it works like any other."""
    trigger = Trigger(when=TriggerWhen.ABOVE, price=INSTRUMENT.price(6_000_000))
    order = client.exchange.submit(
        Place(account="alice", instrument="BTCUSDT", side=Side.BUY, quantity=1_000, price=4_900_000, trigger=trigger)
    ).order
    assert order is not None
    path = f"/orders/toy/BTCUSDT/{order.order_id}/trigger"
    told = client.post(path)["order"]
    assert (told["status"], told["trigger_price"], told["working_ns"]) == ("NEW", "60000.00", client.exchange.now_ns)
    assert client.refused("POST", path)[0] == 409


def test_force_close_is_refused_where_there_is_no_position(client: Client) -> None:
    """A spot market has no position to liquidate, and the engine's refusal is told."""
    body = {"account": "alice", "kind": "liquidation"}
    status, error = client.refused("POST", "/positions/toy/BTCUSDT/close", body)

    assert (status, error.startswith("the engine refused")) == (409, True)


@pytest.mark.parametrize("kind", ["liq", "TRADE"])
def test_why_a_position_is_closed(client: Client, kind: str) -> None:
    """What may be said is offered, and no more; what was said is quoted as it was."""
    told = client.refused("POST", "/positions/toy/BTCUSDT/close", {"account": "alice", "kind": kind})
    assert told == (400, f"'kind' must be LIQUIDATION | ADL | SETTLEMENT, not {kind!r}")


def test_connections(client: Client) -> None:
    """Each verb changes its connection as the row shows afterwards."""
    link, transport = client.connect()
    path = f"/connections/{link.id}"
    silent = client.post(f"{path}/silence")["connections"][0]
    own = client.post(f"{path}/silence", mode="own")["connections"][0]
    mute = client.post(f"{path}/silence", mode="all")["connections"][0]
    held = client.post(f"{path}/half_open")["connections"][0]
    live = client.post(f"{path}/resume")["connections"][0]
    client.post(f"{path}/reset", after_bytes=3)
    cut = transport.ended
    dead = client.post(f"{path}/reset")["connections"][0]

    assert client.get("/connections?world=default")["connections"] == [dead]
    assert (silent["silence"], own["silence"], mute["silence"], held["half_open"]) == ("events", "own", "all", True)
    assert (live["silence"], live["half_open"], live["accounts"]) == (None, False, ["alice"])
    assert (cut, transport.ended, dead["open"]) == ("cut after 3", "reset", False)


def test_a_connection_is_told_any_text(client: Client) -> None:
    """Even what no venue tells: the client has to bear it. A text is needed, and one that can be written."""
    link, _ = client.connect()
    client.post("/connections/send", account="alice", text='{"e":"novelty"}')

    assert link.take()[-1] == Text('{"e":"novelty"}')
    assert client.refused("POST", f"/connections/{link.id}/send")[0] == 400
    assert client.refused("POST", f"/connections/{link.id}/send", {"text": "\ud800"})[0] == 400


def test_codes_of_close_frames(client: Client) -> None:
    """One that no close frame may bear ends the connection without; one that is none at all is refused."""
    link, transport = client.connect()
    assert client.refused("POST", f"/connections/{link.id}/close", {"code": 70_000})[0] == 400
    assert client.refused("POST", f"/connections/{link.id}/drop", {"code": 0})[0] == 400
    client.post(f"/connections/{link.id}/close", code=1006)

    assert (transport.ended, link.take(), link.open) == ("drop", [], False)


def test_connections_by_account(client: Client) -> None:
    """Without an id the verb goes to every connection of the account, and to no other."""
    first, _ = client.connect()
    other = client.worlds.connect(HttpRequest("GET", "/play/ws"), NoTransport())
    assert isinstance(other, tuple)
    other[0].start(other[1])
    acted = client.post("/connections/drop", account="alice", code=1012)["connections"]

    assert [row["id"] for row in acted] == [first.id]
    assert (first.open, other[0].open) == (False, True)
    third, transport = client.connect()
    client.post("/connections/drop", account="alice", venue="toy")
    assert (third.open, transport.ended) == (False, "drop")
    client.post("/connections/close")
    assert other[0].open is False


def test_hooks_of_the_venue(client: Client) -> None:
    """Expired listen keys, shutdown notices and revoked keys are the face's acts."""
    assert client.post("/listen_keys/expire", account="alice", notices=2) == {"expired": {"toy": 1}}
    assert client.post("/listen_keys/replace", account="alice") == {"replaced": {"toy": 1}}
    assert client.post("/shutdown_notice", venue="toy", close=True) == {"told": {"toy": 2}}
    assert client.post("/keys/alice/revoke") == {"name": "alice", "revoked_at": ["toy"]}

    assert client.hooks == [
        ("expire", "alice", 2),
        ("replace", "alice"),
        ("shutdown", None, True),
        ("revoked", "alice"),
    ]
    assert client.exchange.accounts["alice"].revoked


def test_settings(client: Client) -> None:
    """Settings change in place, all of them or none."""
    settings = client.exchange.settings
    body = {"rest_lag_ms": 5000, "page_cap": 3, "limits": "ip", "profile": "toy-2024", "options": {"mode": "b"}}
    changed = client.post("/settings", **body)["settings"]["toy"]
    refused = client.refused("POST", "/settings", {"rest_lag_ms": 1, "options": {"mode": 1}})
    unknown = client.refused("POST", "/settings", {"options": {"x": 1}})

    assert changed == {**body, "options": {"mode": "b", "count": 1}}
    assert client.get("/settings")["settings"]["toy"] == changed
    assert (settings.rest_lag_ns, settings.page_cap) == (5_000_000_000, 3)
    assert refused == (400, "option 'mode' is str, not int")
    assert unknown == (400, "no venue has an option 'x'; there are count, mode")
    assert client.post("/settings", page_cap=None)["settings"]["toy"]["page_cap"] is None


def test_truth_and_journal(client: Client) -> None:
    """The truth and the journal of a world can be read, in part."""
    link, _ = client.connect()
    link.receive("hello")
    client.place()

    assert client.get("/truth?venue=toy&account=alice")["sequence"] == 1
    assert [entry["text"] for entry in client.get("/journal?kind=ws-in")["entries"]] == ["hello"]
    assert len(client.get("/journal?since=1&limit=2")["entries"]) == 2


def test_reset(client: Client) -> None:
    """After a reset the world is new and the accounts have their first balances."""
    client.place()

    assert client.post("/reset") == {"world": "default", "accounts": {"toy": ["alice"]}}
    assert client.get("/truth")["orders"] == []
    assert client.post("/reset", keep_accounts=False)["accounts"] == {"toy": []}


DEPOSIT = {"venue": "toy", "account": "alice", "amount": "1"}
ORDER = {"venue": "toy", "account": "alice", "symbol": "BTCUSDT", "side": "BUY", "quantity": "1", "price": "1"}


@pytest.mark.parametrize(
    ("path", "body", "status", "part"),
    [
        ("/accounts", b"{", 400, "not JSON"),
        ("/accounts", b"[]", 400, "not a JSON object"),
        ("/accounts", {}, 400, "'venue' is missing"),
        ("/accounts", {"venue": "nyse"}, 404, "there are toy"),
        ("/accounts", {"venue": "toy", "name": "alice"}, 409, "already has"),
        ("/accounts", {"venue": "toy", "seed": "x"}, 400, "'seed' must be a whole number"),
        ("/accounts", {"venue": "toy", "seed": 8}, 409, "the world 'default' is there, and its seed is 7"),
        ("/accounts", {"venue": "toy", "name": 5}, 400, "'name' must be a string, not 5"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": "x"}}, 400, "'balances.BTC' must be a decimal number"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": "NaN"}}, 400, "a finite number"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": True}}, 400, "a decimal number"),
        ("/accounts", {"venue": "toy", "balances": []}, 400, "an object"),
        ("/accounts", {"venue": "toy", "balances": {"USTD": "1"}}, 404, "no asset 'USTD' at toy; did you mean 'USDT'?"),
        ("/deposit", DEPOSIT | {"asset": "EUR"}, 404, "no asset 'EUR' at toy; there are BTC, USDT"),
        ("/accounts", {"venue": "toy", "subaccounts": [1]}, 400, "a list of strings"),
        ("/accounts", {"venue": "toy", "public_key": "ssh-rsa x"}, 400, "openssl pkey -pubout"),
        (
            "/accounts",
            {"venue": "toy", "public_key": "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"},
            400,
            "base64",
        ),
        (
            "/accounts",
            {"venue": "toy", "public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
            400,
            "neither",
        ),
        ("/reset", {"world": "nowhere"}, 404, "no world 'nowhere'"),
        ("/reset", {"keep_accounts": 1}, 400, "true or false"),
        ("/orders", ORDER | {"symbol": "X"}, 404, "there are BTCUSDT"),
        ("/orders", ORDER | {"account": "zed"}, 404, "no account 'zed'"),
        ("/orders", ORDER | {"side": "UP"}, 400, "'side' must be BUY | SELL"),
        ("/orders", ORDER | {"price": "1.001"}, 400, "multiple of the tick"),
        ("/orders", ORDER | {"quantity": "100000"}, 409, "BAD_QUANTITY"),
        ("/orders/toy/BTCUSDT/1/fill", {}, 404, "no order 1"),
        ("/orders/toy/BTCUSDT/x/fill", {}, 400, "'id' must be a whole number"),
        ("/keys/zed/revoke", {}, 404, "no account 'zed'"),
        ("/connections/99/drop", {}, 404, "no connection 99"),
        ("/connections/explode", {"account": "alice"}, 400, "'verb' must be drop"),
        ("/connections/close", {"code": 999}, 400, "'code' must be that of a close frame"),
        ("/connections/send", {"text": 5}, 400, "'text' must be a string"),
        ("/connections/send", {}, 400, "'text' is missing"),
        ("/connections/silence", {"mode": "loud"}, 400, "'mode' must be events"),
        ("/connections/half_open", {"code": 1000}, 400, "'half_open' takes nothing, not 'code'"),
        ("/connections/close", {"after_bytes": 5}, 400, "'close' takes code and reason, not 'after_bytes'"),
        ("/settings", {"limits": "some"}, 400, "off | account | ip"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": "1e19"}}, 400, "at most 18 digits before the point"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": "1e-99999"}}, 400, "and behind it"),
        ("/accounts", {"venue": "toy", "balances": {"BTC": "\u0666"}}, 400, "a decimal number"),
        ("/settings", {"rest_lag_ms": -1}, 400, "0 or above"),
        ("/settings", {"rest_lag_ms": 10**30}, 400, "at most"),
        ("/settings", {"options": {"count": -1}}, 400, "option 'count' is 0 to"),
        ("/settings", {"options": {"count": 10**30}}, 400, "option 'count' is 0 to"),
        ("/settings", {"options": {"mode": "c"}}, 400, "option 'mode' is a | b, not 'c'"),
        ("/health", {}, 405, "wants GET, not POST"),
        ("/accounts", {"venue": "toy", "balance": {"BTC": 1}}, 400, "no such name here: 'balance'; this route takes"),
        ("/accounts", {"venue": "toy", "balance": {"BTC": 1}}, 400, "balances"),
        ("/settings", {"rest_lag": 1}, 400, "'rest_lag'; this route takes limits, options"),
        ("/settings?page_caps=2", {}, 400, "'page_caps'"),
        ("/orders", ORDER | {"tif": "GTC"}, 400, "time_in_force"),
        ("/connections/drop", {"account": "nope"}, 404, "no account 'nope' there; there are alice"),
        ("/connections/drop", {"venue": "nope"}, 404, "there are toy"),
        ("/listen_keys/expire", {"account": "nope"}, 404, "there are alice"),
        ("/shutdown_notice", {"account": "nope"}, 404, "there are alice"),
        ("/shutdown_notice", {"account": HOUSE}, 404, "no account"),
        ("/nothing", {}, 404, "no such route"),
        ("/fault", {}, 404, "no such route: POST /__mock/fault; the nearest is POST /__mock/faults"),
    ],
)
def test_refusals(client: Client, path: str, body: Any, status: int, part: str) -> None:
    """Bad input is refused with a status and a text that says what is wrong."""
    got = client.refused("POST", path, body)

    assert got[0] == status
    assert part in got[1]


def test_an_unknown_route_names_the_nearest(client: Client) -> None:
    """First those that may be meant, then all."""
    told = json.loads(client.ask("POST", "/acounts").body)

    assert told["nearest"][0] == "POST /__mock/accounts"
    assert set(told["nearest"]) < set(told["routes"])


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/truth?account=nope", 404, "no account 'nope' there; there are alice"),
        ("/truth?venue=nope", 404, "there are toy"),
        ("/truth?accounts=alice", 400, "'accounts'; this route takes account, venue, world"),
        ("/connections?world=nope", 404, "no world 'nope'"),
        ("/journal?kind=nope", 400, "rest-in | rest-out"),
        ("/settings?venue=nope", 404, "there are toy"),
        ("/health?x=1", 400, "'x'"),
    ],
)
def test_questions_about_what_is_not_there(client: Client, path: str, status: int, part: str) -> None:
    """A misspelt name gets no empty answer that looks like a true one."""
    got = client.refused("GET", path)

    assert got[0] == status
    assert part in got[1]
