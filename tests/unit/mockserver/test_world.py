"""Worlds are chosen by key, never see each other, and begin anew as they began."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import attrs
import pytest

from mockserver import exchange as exchange_module
from mockserver import world as world_module
from mockserver.clock import VirtualClock
from mockserver.engine.types import Command, Event, Fill, OrderEvent, OrderStatus
from mockserver.faces.base import Face, HttpRequest, HttpResponse, VenueSpec
from mockserver.link import NoTransport
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

from .toy_venue import SECOND, SPEC, START_NS, ToyFace, ToySession, buy, toy_worlds


@pytest.fixture
def worlds() -> Worlds:
    """The default world, with alice (key A), and a world "other", with bob (key B)."""
    made = toy_worlds()
    made.open_account(made.default.exchanges["toy"], "alice", api_key="A")
    made.open_account(made.create("other", 5).exchanges["toy"], "bob", api_key="B")
    return made


def get(worlds: Worlds, target: str, key: str | None = None, method: str = "GET") -> Any:
    """The JSON of an answer; None when no venue has the route."""
    headers = () if key is None else (("x-key", key),)
    response = worlds.handle(HttpRequest(method, target, headers))
    return None if response is None else json.loads(response.body)


@pytest.mark.parametrize(("key", "world"), [("A", "default"), ("B", "other"), ("nobody", "default"), (None, "default")])
def test_the_key_chooses_the_world(worlds: Worlds, key: str | None, world: str) -> None:
    """A request goes to the world of its key, and without a known key to the default one."""
    assert get(worlds, "/play/time", key)["world"] == world


@pytest.mark.parametrize("target", ["/play/time/", "/play/time?x=/", "/toy/play/time"])
def test_forms_of_a_path(worlds: Worlds, target: str) -> None:
    """A trailing slash does not matter, and a path may begin with the venue's name."""
    assert get(worlds, target)["now"] == START_NS


def test_an_unknown_route_is_nobodys_and_leaves_no_trace(worlds: Worlds) -> None:
    """Where no venue has the route the answer is None, and the journal does not show the request."""
    assert get(worlds, "/elsewhere") is None
    assert worlds.default.recorder.journal() == []
    assert worlds.routes() == list(worlds.default.exchanges["toy"].face.routes)


def test_orders_stay_in_their_world(worlds: Worlds) -> None:
    """An order of one world is in that world's engine, truth and journal, and in no other's."""
    answer = get(worlds, "/play/order", "B", method="POST")
    default, other = worlds.default, worlds.worlds["other"]

    assert [view.order_id for view in other.exchanges["toy"].engine.open_orders("bob")] == [answer["id"]]
    assert (default.truth.sequence, other.truth.sequence) == (0, 1)
    assert default.recorder.journal() == []
    assert [row["kind"] for row in other.recorder.journal()] == ["rest-in", "rest-out"]


def test_a_token_is_found_until_it_is_disclaimed(worlds: Worlds) -> None:
    """A listen key leads to the world that claimed it."""
    other = worlds.worlds["other"].exchanges["toy"]
    other.claim("listen-key")
    assert get(worlds, "/play/time", "listen-key")["world"] == "other"
    other.disclaim("listen-key")

    assert get(worlds, "/play/time", "listen-key")["world"] == "default"


def test_connect(worlds: Worlds) -> None:
    """A WebSocket is opened, refused with an answer, or nobody's; only open ones are listed."""
    opened = worlds.connect(HttpRequest("GET", "/play/ws", (("x-key", "B"),)), NoTransport())
    refused = worlds.connect(HttpRequest("GET", "/play/closed"), NoTransport())
    assert isinstance(opened, tuple)
    link, session = opened
    assert isinstance(session, ToySession)
    assert (link.home.name, link.venue) == ("other", "toy")
    assert isinstance(refused, HttpResponse)
    assert refused.status == 410
    assert worlds.connect(HttpRequest("GET", "/elsewhere"), NoTransport()) is None
    assert list(worlds.links) == [link.id]

    worlds.disconnected(link)
    assert worlds.links == {}


def test_new_accounts() -> None:
    """A new account gets a key and a secret of the venue's shape and the demo balances; one seed, one key."""
    first, second = (toy_worlds(seed=3) for _ in range(2))
    accounts = [made.open_account(made.default.exchanges["toy"], "a") for made in (first, second)]
    balances = first.default.exchanges["toy"].engine.balances("a")

    assert accounts[0] == accounts[1]
    assert (len(accounts[0].api_key), len(accounts[0].secret)) == (64, 64)
    assert {b.asset: b.free for b in balances} == {"USDT": 1_000_000 * 10**8, "BTC": 10 * 10**8}
    assert accounts[0].secret not in repr(accounts[0])
    assert accounts[0].api_key not in repr(accounts[0])


def test_subaccounts_have_ledgers_of_their_own(worlds: Worlds) -> None:
    """A nickname stands for an engine account of its own; an unknown nickname for none."""
    exchange = worlds.default.exchanges["toy"]
    account = worlds.open_account(exchange, "fund", subaccounts=("mm",), balances={"USDT": Decimal(5)})

    assert [account.ledger(name) for name in (None, "", "mm", "xx")] == ["fund", "fund", "fund/mm", None]
    assert exchange.engine.balance("fund/mm", "USDT").free == 5 * 10**8


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("alice", {}, "already has an account"),
        ("new", {"api_key": "A"}, "already in use"),
        ("house", {}, "cannot be the name"),
        ("a/b", {}, "cannot be the name"),
        ("", {}, "cannot be the name"),
        ("new", {"subaccounts": ("a/b",)}, "subaccount"),
        ("new", {"balances": {"BTC": Decimal("0.000000001")}}, "atoms"),
        ("new", {"balances": {"BTC": Decimal(-1)}}, "below zero"),
        ("new", {"balances": {"BTC": Decimal("1e19")}}, "more than there is"),
    ],
)
def test_refused_accounts(worlds: Worlds, name: str, more: dict[str, Any], why: str) -> None:
    """What cannot be opened is refused with its reason, and nothing of it stays."""
    exchange = worlds.default.exchanges["toy"]
    with pytest.raises(ValueError, match=why):
        worlds.open_account(exchange, name, **more)

    assert list(exchange.accounts) == ["alice"]


def test_limits(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds and accounts have a named limit, and a world's name is its own."""
    with pytest.raises(ValueError, match="already a world"):
        worlds.create("other")
    monkeypatch.setattr(world_module, "MAX_WORLDS", 2)
    monkeypatch.setattr(world_module, "MAX_ACCOUNTS", 1)
    with pytest.raises(ValueError, match="already 2 worlds"):
        worlds.create("third")
    with pytest.raises(ValueError, match="already has 1 accounts"):
        worlds.open_account(worlds.default.exchanges["toy"], "carol")


@pytest.mark.parametrize(("keep", "names"), [(True, ["alice"]), (False, [])])
def test_reset(worlds: Worlds, keep: bool, names: list[str]) -> None:
    """A reset closes the world's sockets (1001) and begins anew; accounts keep keys and first balances, if kept."""
    opened = worlds.connect(HttpRequest("GET", "/play/ws", (("x-key", "A"),)), NoTransport())
    assert isinstance(opened, tuple)
    link, session = opened
    link.start(session)
    worlds.default.exchanges["toy"].claim("token")
    get(worlds, "/play/order", "A", method="POST")
    before = worlds.default
    after = worlds.reset("default", keep_accounts=keep)

    assert not link.open
    assert worlds.default is after is not before
    assert list(after.exchanges["toy"].accounts) == names
    assert (get(worlds, "/play/order", "A", method="POST") == {"error": "key"}) is not keep
    assert after.truth.sequence == len(names)
    assert worlds.find_key("toy", "B") is not None


@pytest.mark.parametrize("wipe", [False, True])
def test_a_wiped_world_counts_its_ids_from_the_start(wipe: bool) -> None:
    """Any other reset goes on above all that there was, so that nobody takes new orders for old ones."""
    offsets = itertools.count(1_000, 1_000)
    worlds = Worlds(attrs.evolve(toy_worlds().recipe, id_offset=lambda: next(offsets)))
    worlds.open_account(worlds.default.exchanges["toy"], "alice", api_key="A", secret="s")
    before = get(worlds, "/play/order", "A", method="POST")["id"]
    worlds.reset("default", wipe=wipe)
    after = get(worlds, "/play/order", "A", method="POST")["id"]
    assert (after < before) is wipe


class Twice:
    """A model that fills whatever rests, in two halves, and steps each second."""

    interval_ns = SECOND

    def __init__(self) -> None:
        self.steps: list[int] = []

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        for event in events:
            if isinstance(event, OrderEvent) and event.order.is_open:
                half = max(1, event.order.quantity // 2)
                yield Fill(instrument="BTCUSDT", order_id=event.order.order_id, quantity=half)

    def step(self, now_ns: int) -> Iterable[Command]:
        self.steps.append(now_ns - START_NS)
        return ()


def test_liquidity_reacts_after_the_reply_and_steps_by_a_timer() -> None:
    """The reply shows the order as its command left it; the model's fills come after it, its steps by the clock."""
    model = Twice()
    made = Worlds(Recipe(venues=(SPEC,), clock=lambda: VirtualClock(START_NS), liquidity=lambda exchange: model))
    exchange = made.default.exchanges["toy"]
    made.open_account(exchange, "alice")
    reply = exchange.submit(buy("alice"))
    assert reply.order is not None
    final = exchange.engine.order("BTCUSDT", reply.order.order_id)
    assert isinstance(exchange.clock, VirtualClock)
    exchange.clock.advance(2 * SECOND, wall=True)

    assert reply.order.status is OrderStatus.NEW
    assert final is not None
    assert final.status is OrderStatus.FILLED
    assert model.steps == [0, SECOND, 2 * SECOND]


def test_a_liquidity_model_that_never_rests_is_stopped(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that answers its own answers without end is an error, not a hang."""

    class Endless(Twice):
        def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
            yield buy("alice", quantity=10)

    monkeypatch.setattr(exchange_module, "MAX_REACTIONS", 20)
    exchange = worlds.default.exchanges["toy"]
    exchange.liquidity = Endless()
    with pytest.raises(OverflowError, match="did not come to rest"):
        exchange.submit(buy("alice", quantity=10))


def test_rest_lag_and_pages(worlds: Worlds) -> None:
    """REST answers for the past when it lags; a page cap bounds every listing."""
    exchange = worlds.default.exchanges["toy"]
    assert (exchange.as_of_ns, exchange.page(500)) == (None, 500)
    exchange.settings.rest_lag_ns, exchange.settings.page_cap = 5 * SECOND, 3

    assert (exchange.as_of_ns, exchange.page(500), exchange.page(2)) == (START_NS - 5 * SECOND, 3, 2)


def test_chance_is_the_worlds_own(worlds: Worlds) -> None:
    """A component's chance depends on the world's seed, the venue and its name, and on nothing else."""
    exchange, other = worlds.default.exchanges["toy"], worlds.worlds["other"].exchanges["toy"]
    draws = [source.random(name).random() for source, name in ((exchange, "a"), (exchange, "b"), (other, "a"))]

    assert len(set(draws)) == 3
    assert toy_worlds().default.exchanges["toy"].random("a").random() == draws[0]


def test_a_face_without_hooks(worlds: Worlds) -> None:
    """The hooks a venue does not have do nothing and say so."""

    class Bare(ToyFace):
        expire_listen_keys = Face.expire_listen_keys
        replace_listen_keys = Face.replace_listen_keys
        shutdown_notice = Face.shutdown_notice
        key_revoked = Face.key_revoked

    face = Bare(worlds.default.exchanges["toy"])
    face.key_revoked("alice")
    face.reset()

    assert (face.expire_listen_keys(None), face.replace_listen_keys(None), face.shutdown_notice()) == (0, 0, 0)


@pytest.mark.parametrize("spec", VENUES, ids=lambda spec: spec.name)
def test_the_words_of_options_are_known(spec: VenueSpec) -> None:
    """Of each option that is a word the words are declared, its defaults among them."""
    for profile in spec.profiles:
        words = {name: value for name, value in spec.options_of(profile).items() if isinstance(value, str)}

        assert words.keys() == spec.words.keys()
        assert all(value in spec.words[name] for name, value in words.items())
