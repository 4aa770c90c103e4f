"""A world that is brought back goes on as it did."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import snapshot
from mockserver.actions import USUAL, Action
from mockserver.clock import Clock
from mockserver.engine.types import HOUSE, Event
from mockserver.faces.base import HttpRequest
from mockserver.faults import Fault, FilterChange, Latency, Match, RateLimit, SymbolHalt
from mockserver.graph import canonical
from mockserver.liquidity import make_liquidity
from mockserver.stage import CLIENT, RIVAL, START_NS, Stage
from mockserver.strategies import actions, stories
from mockserver.world import Recipe, Worlds

SECOND = 1_000_000_000
VENUE_NAMES = ["binance-spot", "binance-futures", "ftx"]


def watched(stage: Stage) -> list[Event]:
    """Every event of the venue from now on."""
    events: list[Event] = []
    face, told = stage.exchange.face, stage.exchange.face.on_events

    def on_events(new: Any) -> None:
        events.extend(new)
        told(new)

    face.on_events = on_events  # type: ignore[assignment,method-assign]
    return events


def brought_back(stage: Stage, kept: dict[str, Any]) -> None:
    """Restore it, and let the stage play on in the world that is there then."""
    stage.clock.clear()
    world = snapshot.restore(stage.worlds, json.loads(canonical(kept)))
    stage.exchange = world.exchanges[stage.exchange.venue]
    found = stage.exchange.account(CLIENT)
    assert found is not None
    stage.client = found


@pytest.mark.parametrize("venue", VENUE_NAMES)
@settings(max_examples=15)
@given(data=st.data())
def test_the_same_commands_give_the_same_events(venue: str, data: st.DataObject) -> None:
    """Run k commands, keep the world, run m; bring it back, run the m again: nothing differs, the truth neither."""
    modes = USUAL if venue == "binance-spot" else [mode for mode in USUAL if not mode.shrinks]  # others know no such
    before, after = (data.draw(stories(actions(self_trades=modes), 12)) for _ in range(2))
    stage = Stage(venue)
    link = stage.listen()
    for action in before:
        stage.play(action)
    kept = snapshot.take(stage.worlds.default)
    told: list[tuple[list[Event], dict[str, Any]]] = []
    for _ in range(2):
        brought_back(stage, kept)
        assert not link.open
        assert canonical(snapshot.take(stage.worlds.default)) == canonical(as_restored(kept, stage))
        events = watched(stage)
        for action in after:
            stage.play(action)
        told.append((events, stage.truth()))

    assert told[0] == told[1]


def as_restored(kept: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """A snapshot as it is after a restart: all is as it was, but nobody looks at the accounts any more."""
    restored = json.loads(canonical(kept))
    restored["truth"] = snapshot.take(stage.worlds.default)["truth"]
    return dict(restored)


@settings(max_examples=30)
@given(before=stories(actions(), 10), after=stories(actions(), 10))
def test_a_world_that_was_kept_goes_on_as_one_that_was_not(before: list[Action], after: list[Action]) -> None:
    """To keep and bring back a world changes nothing of what comes."""
    told = []
    for keep in (False, True):
        stage = Stage("binance-spot")
        for action in before:
            stage.play(action)
        if keep:
            brought_back(stage, snapshot.take(stage.worlds.default))
        events = watched(stage)
        for action in after:
            stage.play(action)
        told.append(events)

    assert told[0] == told[1]


@pytest.mark.parametrize("model", ["manual", "echo", "book"])
def test_the_market_goes_on(model: str) -> None:
    """With its model, its rhythm and its chance."""
    stage = Stage("ftx")
    exchange = stage.exchange
    exchange.liquidity = make_liquidity(model, exchange.engine, exchange.random("liquidity"))
    exchange.begin()
    stage.clock.advance(3 * SECOND, wall=True)
    kept = snapshot.take(stage.worlds.default)
    told = []
    for _ in range(2):
        brought_back(stage, kept)
        stage.clock = stage.worlds.default.clock  # type: ignore[assignment]
        assert stage.exchange.engine.open_orders(HOUSE, "BTC/USD") or model != "book"
        events = watched(stage)
        stage.clock.advance(3 * SECOND, wall=True)
        told.append(events)

    assert told[0] == told[1]
    assert bool(told[0]) == (model == "book")


def test_keys_and_listen_keys_live_on_and_run_out_when_they_would_have() -> None:
    """A client that comes back after the restart finds its key, its listen key and the rest of its hour."""
    stage = Stage("binance-futures")
    headers = (("X-MBX-APIKEY", stage.client.api_key),)

    def key(method: str = "POST") -> str:
        answer = stage.worlds.handle(HttpRequest(method, "/fapi/v1/listenKey", headers))
        assert answer is not None
        return str(json.loads(answer.body).get("listenKey"))

    first = key()
    stage.clock.advance(1800 * SECOND)
    kept = snapshot.take(stage.worlds.default)
    brought_back(stage, kept)
    clock = stage.worlds.default.clock
    (timer,) = clock.pending()
    assert (timer.when_ns - clock.timeline_ns, timer.account) == (1800 * SECOND, CLIENT)
    assert clock.ahead_ns == 1800 * SECOND
    assert key() == first
    assert stage.worlds.find_token("binance-futures", first) is stage.exchange
    assert len(clock.advance(3600 * SECOND)) == 1
    assert stage.worlds.find_token("binance-futures", first) is None
    assert key() != first


def test_faults_settings_and_counts_live_on() -> None:
    """A fault that was armed for a time is armed for the rest of it, and has happened as often."""
    stage = Stage("binance-spot")
    world = stage.worlds.default
    fault = Fault(kind=Latency(delay_ns=1), name="late", match=Match(lasts_ns=10 * SECOND))
    world.faults.arm(fault, world.clock.timeline_ns)
    stage.exchange.settings.page_cap = 7
    ping = HttpRequest("GET", "/api/v3/ping")
    assert stage.worlds.fate(ping)[1].after_ns == 1
    stage.clock.advance(9 * SECOND)
    brought_back(stage, snapshot.take(world))
    world = stage.worlds.default
    assert (world.faults.hits, stage.exchange.settings.page_cap) == ({"late": 1}, 7)
    assert stage.worlds.fate(ping)[1].after_ns == 1
    world.clock.advance(SECOND)
    assert stage.worlds.fate(ping)[1].after_ns == 0


def test_what_faults_have_changed_lives_on_and_ends_when_it_would_have() -> None:
    """A market that stands, another least notional, lower limits."""
    stage = Stage("binance-spot")
    kinds = (
        SymbolHalt(symbol="BTCUSDT", lasts_ns=10 * SECOND),
        FilterChange(symbol="ETHUSDT", min_notional="5000"),
        RateLimit(weight_per_minute=2, lasts_ns=20 * SECOND),
    )
    for kind in kinds:
        kind.before(stage.exchange, HttpRequest("GET", "/api/v3/ping"))
    stage.clock.advance(4 * SECOND)
    kept = snapshot.take(stage.worlds.default)
    assert kept["left_out"] == []
    for halt in list(stage.exchange.rules.halted):
        stage.exchange.rules.resume(halt)
    brought_back(stage, kept)
    exchange, clock = stage.exchange, stage.worlds.default.clock
    assert exchange.rules.instruments == exchange.engine.instruments
    assert (exchange.rules.halted, exchange.rules.min_notional) == ({"BTCUSDT"}, {"ETHUSDT": 5000 * 10**8})
    assert (exchange.option("weight_per_minute"), exchange.limits) == (2, "ip")
    fired = [(row.name, row.when_ns - clock.timeline_ns) for row in clock.pending() if row.link is None]
    assert fired == [("BTCUSDT trades again", 6 * SECOND), ("limits of binance-spot as before", 16 * SECOND)]
    clock.advance(6 * SECOND)
    assert not exchange.rules.halted
    clock.advance(10 * SECOND)
    assert (exchange.option("weight_per_minute"), exchange.limits) == (6000, "off")


def test_what_the_client_has_reported_lives_on() -> None:
    """Else the checks would miss what it has told of the fills that the truth still has."""
    stage = Stage("binance-spot")
    world = stage.worlds.default
    fill = {"event": "fill", "symbol": "BTCUSDT", "order_id": 7, "trade_id": 3, "price": "99.9", "quantity": "0.5"}
    world.reports.take(fill, 5)
    world.reports.line('{"event": "fill"}', 5)
    told, wrong = list(world.reports.told), list(world.reports.wrong)
    kept = snapshot.take(world)
    world.reports.take(fill | {"trade_id": 4}, 6)
    brought_back(stage, kept)

    assert (stage.worlds.default.reports.told, stage.worlds.default.reports.wrong) == (told, wrong)
    assert (len(told), len(wrong)) == (1, 1)


def test_timers_that_cannot_be_kept_are_named() -> None:
    """And those of connections are not: they end with them."""
    stage = Stage("binance-futures")
    stage.listen()
    stage.clock.after(5, "somebody's own", lambda: None)
    kept = snapshot.take(stage.worlds.default)

    assert kept["left_out"] == ["somebody's own"]
    assert len(kept["timers"]) == 1


def test_a_running_clock_never_falls_behind() -> None:
    """A snapshot of the future is restored to its time, one of the past to now; timers keep what is left of them."""
    now = [START_NS]
    worlds = Worlds(Recipe(venues=Stage("ftx").worlds.recipe.venues, clock=lambda: Clock(lambda: now[0])))
    worlds.default.clock.after(50, "t", worlds.default.exchanges["ftx"].begin)
    kept = snapshot.take(worlds.default)
    for at, expected in ((START_NS + 30, START_NS + 30), (START_NS - 30, START_NS)):
        now[0] = at
        clock = snapshot.restore(worlds, kept).clock
        assert clock.now_ns == expected
        assert [timer.when_ns for timer in clock.pending()] == [expected + 50]


def test_another_name_and_keys_in_use() -> None:
    """A snapshot may come back under another name, once the keys in it are free."""
    stage = Stage("ftx")
    worlds = stage.worlds
    other = worlds.create("w")
    account = worlds.open_account(other.exchanges["ftx"], "a", balances={"USD": Decimal(5)})
    kept = snapshot.take(other)
    with pytest.raises(snapshot.SnapshotError, match=r"in use in w; forget that world first: DELETE /__mock/worlds/w$"):
        snapshot.restore(worlds, kept, "copy")
    worlds.open_account(worlds.default.exchanges["ftx"], "b")
    first = snapshot.take(worlds.default)
    with pytest.raises(snapshot.SnapshotError, match=r'so restore it as that one: \{"world": "default"\}'):
        snapshot.restore(worlds, first, "copy")
    assert "copy" not in worlds.worlds
    worlds.forget("w")
    copy = snapshot.restore(worlds, kept, "copy")
    found = worlds.find_key("ftx", account.api_key)
    assert found is not None
    assert found[0] is copy.exchanges["ftx"]
    assert worlds.default.exchanges["ftx"] is stage.exchange
    assert snapshot.restore(worlds, first, "default") is worlds.default
    assert stage.exchange.account(RIVAL) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"venues": {}},
        {"clock": {}},
        {"clock": {"now_ns": 1, "ahead_ns": 0, "rate": "1/0", "told_rate": "1"}},
        {"seed": "x"},
        {"tokens": [["ftx"]]},
        {"tokens": [["elsewhere", "t", None]]},
        {"clock": {"now_ns": 1, "ahead_ns": 0, "rate": "-1", "told_rate": "1"}},
        {"timers": [{"$anchor": "world"}]},
        {"truth": 5},
        {"reports": {"told": {}, "wrong": []}},
        {"faults": None},
    ],
)
def test_what_is_no_snapshot_is_refused_and_changes_nothing(change: dict[str, Any]) -> None:
    """The world that is there stays."""
    stage = Stage("ftx")
    kept = snapshot.take(stage.worlds.default)
    with pytest.raises(snapshot.SnapshotError):
        snapshot.restore(stage.worlds, kept | change)

    assert stage.worlds.default.exchanges["ftx"] is stage.exchange
    assert stage.worlds.worlds["default"] is stage.worlds.default


def test_a_snapshot_with_a_part_missing_is_named() -> None:
    """By the part."""
    stage = Stage("ftx")
    kept = snapshot.take(stage.worlds.default)
    del kept["world"]
    with pytest.raises(snapshot.SnapshotError, match="this is no snapshot, or a part of it is missing: 'world'"):
        snapshot.restore(stage.worlds, kept)
