"""What the steps of a scenario do to a world, and how the end is judged; all without sockets."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mockserver.checkers import moment
from mockserver.command import DEMO
from mockserver.engine.types import HOUSE, OrderStatus, Place, Side
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.link import Link, NoTransport
from mockserver.player.playing import Playing, SetupError, left_out
from mockserver.player.shell import worlds_for
from mockserver.player.verbs import ENDINGS, STEPS
from mockserver.player.weather import faults_of
from mockserver.player.words import lines, row
from mockserver.story import Step, parse
from mockserver.verbs import QUESTIONS

START_NS = 1_790_000_000_000_000_000
HOUR_NS = 3_600 * 10**9


class Scene:
    """A story, played by hand; `at` is the time."""

    def __init__(self, steps: str, *, venue: str = "binance-spot", head: str = "", ending: str = "") -> None:
        text = f"mock: 1\nname: a scene\nvenue: {venue}\nseed: 7\n{head}\nsteps:\n{steps}\n"
        self.story = parse(text + (f"finally:\n{ending}\n" if ending else ""), STEPS, ENDINGS)
        self.at = START_NS
        self.worlds, name = worlds_for(self.story, 7, lambda: self.at)
        self.playing = Playing(self.story, self.worlds, name, DEMO)
        self.exchange = self.playing.hands.exchange

    def go(self, seconds: float = 0) -> Scene:
        self.at += round(seconds * 10**9)
        self.playing.go()
        while self.playing.machine.behind:
            self.playing.machine.caught_up()
            self.playing.go()
        return self

    def place(self, quantity: str = "1", price: str = "50000", client_id: str | None = None, **more: Any) -> int:
        instrument = self.exchange.engine.instruments["BTCUSDT"]
        reply = self.exchange.submit(
            Place(
                account=DEMO,
                instrument="BTCUSDT",
                side=Side.BUY,
                quantity=instrument.to_steps(Decimal(quantity)),
                price=instrument.to_ticks(Decimal(price)),
                client_id=client_id,
                **more,
            )
        )
        assert reply.order is not None, reply.reject
        return reply.order.order_id

    def status(self, order_id: int) -> tuple[OrderStatus, Decimal]:
        order = self.exchange.engine.order("BTCUSDT", order_id)
        assert order is not None
        return order.status, self.exchange.engine.instruments["BTCUSDT"].quantity(order.filled)

    def dial(self) -> Link:
        opened = self.worlds.connect(HttpRequest("GET", "/ws-api/v3"), NoTransport())
        assert opened is not None
        assert not isinstance(opened, HttpResponse)
        opened[0].start(opened[1])
        return opened[0]

    def ask(self, target: str, method: str = "GET") -> None:
        self.worlds.handle(HttpRequest(method, target))

    @property
    def said(self) -> str:
        return "\n".join(lines(self.playing.verdict(), self.story))


RICH = "account: {USDT: '1000000', BTC: '10'}"


def test_fills_of_a_captured_order() -> None:
    """A share of the whole, an amount, the rest; at another price, as taker."""
    steps = """\
- wait: {request: POST /api/v3/order, as: o}
- fill: {order: $o, qty: 30%}
- wait: 1s
- fill: {order: $o, qty: '0.1', price: '49000', as: taker}
- wait: 1s
- fill: {order: $o}"""
    scene = Scene(steps, head=RICH).go()
    other = scene.place(client_id="other")
    order_id = scene.place(client_id="mine")
    scene.ask("/api/v3/order?symbol=BTCUSDT&newClientOrderId=mine", "POST")
    scene.place(client_id="later")
    scene.go()
    assert scene.status(order_id) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.3"))
    scene.go(1)
    assert scene.status(order_id) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.4"))
    scene.go(1)
    assert scene.status(order_id) == (OrderStatus.FILLED, Decimal(1))
    assert scene.status(other) == (OrderStatus.NEW, Decimal(0))
    (_, second, _) = scene.exchange.engine.executions(DEMO, "BTCUSDT")
    assert (second.maker, second.price) == (False, 4_900_000)


def test_the_newest_order() -> None:
    """Is meant where none is named; and where a request does not say which."""
    scene = Scene(
        "- wait: 1s\n- cancel: $newest\n- wait: {request: POST /api/v3/order, as: o}\n- expire: $o", head=RICH
    )
    first, second = scene.place(), scene.place()
    scene.go().go(1)
    assert [scene.status(each)[0] for each in (first, second)] == [OrderStatus.NEW, OrderStatus.CANCELED]
    scene.exchange.world.clock.clear()
    third = scene.place()
    scene.ask("/api/v3/order", "POST")
    scene.go()
    assert scene.status(third)[0] is OrderStatus.EXPIRED


def test_the_price_takes_what_stands_in_its_way() -> None:
    """Orders at the price and beyond it are filled, others are not."""
    scene = Scene("- wait: 1s\n- price: '50000'", head=RICH)
    orders = [scene.place(price=price) for price in ("50001", "50000", "49999")]
    scene.go().go(1)
    assert [scene.status(each)[0] for each in orders] == [OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.NEW]


def test_the_house_has_what_stands_in_the_book() -> None:
    """In place of what it had; an order of the client meets it."""
    deep = "- book: {bids: [['49000', '1'], ['48000', '2']], asks: [['51000', '1']]}"
    scene = Scene(f"{deep}\n- wait: 1s\n- book: {{asks: [['50000', '0.4']]}}", head=RICH).go()
    book = scene.exchange.engine.open_orders(HOUSE, "BTCUSDT")
    assert sorted(order.price or 0 for order in book) == [4_800_000, 4_900_000, 5_100_000]
    scene.go(1)
    mine = scene.place(price="50000")
    assert scene.status(mine) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.4"))
    assert not scene.exchange.engine.open_orders(HOUSE, "BTCUSDT")
    assert Scene("- book: {symbol: NONE}").go().playing.machine.failed is not None


def test_what_was_before_the_client() -> None:
    """Its waits have passed when the client begins, by the client's clock; its fills are nobody's to report."""
    before = "before: [{trade: limit}, {wait: 42m}, {trade: {act: fill, size: 9, after: 250ms}}]"
    scene = Scene("- wait: 1s\n- trade: limit\n- fill", head=before, ending="- check: [no_fill_lost, right_at_end]")
    assert scene.exchange.now_ns == START_NS
    (old,) = scene.exchange.engine.orders(DEMO, "BTCUSDT")
    assert START_NS - old.created_ns == 42 * 60 * 10**9 + 252_000_000
    scene.go().go(1)
    scene.playing.reports.line('{"event":"gap_opened","since_ns":1,"reason":"start"}', 0)
    scene.playing.reports.line('{"event":"gap_closed","since_ns":1,"until_ns":2,"complete":true}', 0)
    (_, fill) = scene.exchange.engine.executions(DEMO, "BTCUSDT")
    lost = [line for judged in scene.playing.verdict().judged if judged.name == "no_fill_lost" for line in judged.wrong]
    assert lost == [f"fill lost: ('BTCUSDT', '{fill.trade_id}', '{fill.order_id}') of {moment(fill.time_ns)}"]
    with pytest.raises(SetupError, match="before the client begins a wait is a duration"):
        Scene("- wait: 1s", head="before: [{wait: {client: subscribed}}]")


def test_recorded_trades_are_the_market(tmp_path: Path) -> None:
    """A story whose market is a replay opens where the recording does, and its trades fill the client's orders."""
    file = tmp_path / "trades.csv"
    rows = ("1,BTCUSDT,60000,1,buy", "2,BTCUSDT,49999,0.25,sell")
    file.write_text("\n".join(("time,symbol,price,quantity,side", *rows)))
    scene = Scene("- wait: 1s", head=f"liquidity: 'replay:{file}'")
    clock = scene.playing.hands.world.clock
    clock.fire_due()
    order_id = scene.place()
    scene.at += 2 * 10**9
    clock.fire_due()
    order = scene.exchange.engine.order("BTCUSDT", order_id)
    assert order is not None
    assert order.status is OrderStatus.FILLED


def test_markets_and_symbols() -> None:
    """More markets than the venue has by itself; who is not made for them refuses the story."""
    scene = Scene("- trade: {act: limit, where: 8}", head="setup: {markets: 9, symbols: [BTCUSDT]}").go()
    assert len(scene.exchange.engine.instruments) == 9
    (order,) = (
        order for name in scene.exchange.engine.instruments for order in scene.exchange.engine.orders(DEMO, name)
    )
    assert order.instrument == list(scene.exchange.engine.instruments)[8]
    other = Scene("- wait: 1s")
    with pytest.raises(SetupError, match="the story is of 9 markets"):
        Playing(scene.story, other.worlds, "binance-spot", DEMO)
    for head in ("setup: {markets: 0}", "setup: {markets: '9'}"):
        with pytest.raises(SetupError, match="markets of the setup is a whole number"):
            Scene("- wait: 1s", head=head)


def test_what_is_left_out() -> None:
    """What befalls the client's own process, wherever it stands."""
    steps = "- overflow\n- repeat: {times: 2, steps: [{restart: [kill, 1s]}]}\n- drop: reset"
    scene = Scene(steps, head="setup: {journal: full}\nbefore: [since]").go()
    assert left_out(scene.story) == [
        "setup journal (full)",
        "before, step 1 (since)",
        "step 1 (overflow)",
        "step 1 (restart: [kill, 1s])",
    ]
    assert scene.playing.machine.over
    assert scene.playing.machine.log[0].words == "left out: it befalls the client's own process"


def test_the_weather_changes_and_heals() -> None:
    """A word replaces what it armed before, `away` adds; `heal` ends it all, or all but what is away."""
    steps = ["fate: mixed", "fate: '503'", "away: [fills:BTCUSDT, lost]", "away: [orders, html]", "doubled: 0.5"]
    steps += ["heal: but_away", "heal"]
    scene = Scene("\n".join(f"- wait: 1s\n- {step}" for step in steps))
    armed = []
    scene.go()
    for _ in steps:
        scene.go(1)
        armed.append([fault.name for fault in scene.exchange.world.faults.armed])
    away = ["away fills:BTCUSDT 1", "away orders 1"]
    assert armed == [
        ["fate", "fate 2", "fate 3", "fate 4", "fate 5"],
        ["fate"],
        ["fate", *away[:1]],
        ["fate", *away],
        ["fate", *away, "doubled"],
        away,
        [],
    ]


def test_a_number_that_no_fault_takes() -> None:
    """Ends the story in words."""
    for step, words in (("doubled: 2.5", "probability"), ("ban: [1s, 99]", "status"), ("broken: -0.5", "probability")):
        scene = Scene(f"- {step}").go()
        assert f"at step 1 ({step})" in scene.said
        assert words in scene.said


def test_notices_one_after_another() -> None:
    """At once and then every fifth of a second, to whoever is there then."""
    scene = Scene("- wait: 1s\n- shutdowns: 3")
    scene.go()
    link = scene.dial()
    link.take()
    scene.go(1)
    told = [len([out for out in link.take() if isinstance(out, Text)])]
    for _ in range(3):
        scene.at += 200_000_000
        scene.exchange.clock.fire_due()
        told.append(len([out for out in link.take() if isinstance(out, Text)]))
    assert told == [1, 1, 1, 0]


def test_faults_connections_and_frames() -> None:
    """Armed, disarmed, told, closed."""
    scene = Scene('- fault: half_open\n- clear: half_open\n- send: \'{"e":"x"}\'\n- close: {code: 1012}')
    link = scene.dial()
    scene.go()
    assert scene.exchange.world.faults.armed == []
    assert [out for out in link.take() if isinstance(out, Text)][-1] == Text('{"e":"x"}')
    assert not link.open
    assert [each.words for each in scene.playing.machine.log][:3] == [
        "armed half_open",
        "disarmed half_open",
        "told 1 connections",
    ]


def test_a_fault_that_cannot_happen_here() -> None:
    """Ends the story in words."""
    scene = Scene("- wait: 1s\n- fault: tls_reset")
    scene.worlds.speaks_tls = lambda: False
    scene.go().go(1)
    assert "this mock speaks no TLS: start it with --tls, or by exec" in scene.said


def test_the_timers_move_and_the_time_does_not() -> None:
    """An hour passes for a listen key, and the client still signs rightly."""
    scene = Scene("- wait: {request: POST /fapi/v1/listenKey}\n- advance: 61m", venue="binance-futures")
    account = scene.exchange.accounts[DEMO]
    scene.worlds.handle(HttpRequest("POST", "/fapi/v1/listenKey", (("X-MBX-APIKEY", account.api_key),)))
    names = [each.name for each in scene.exchange.clock.pending()]
    assert names
    scene.go()
    assert scene.exchange.now_ns == START_NS
    assert "1h" not in scene.playing.machine.log[-1].words
    assert "listen key of demo" in scene.playing.machine.log[-1].words
    assert "listen key of demo" not in [each.name for each in scene.exchange.clock.pending()]


def test_a_reset_begins_anew() -> None:
    """The story goes on in the new world; what was reported of the old one is forgotten."""
    reset = "- wait: 1s\n- control: {POST /reset: {wipe: true}}"
    scene = Scene(f"- trade: limit\n{reset}\n- wait: {{request: GET /api/v3/time}}\n- trade: limit").go()
    scene.playing.reports.line('{"event":"gap_opened","since_ns":1,"reason":"start"}', 0)
    assert not scene.playing.reports.silent
    scene.go(1)
    assert scene.playing.reports.silent
    scene.ask("/api/v3/time")
    scene.go()
    assert scene.playing.machine.over
    assert scene.playing.machine.failed is None
    assert len(scene.playing.hands.exchange.engine.open_orders(DEMO)) == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("fill", "the client has no open order"),
        ("fill: {order: $o}", "nothing was captured as $o; there is nothing"),
        ("clear: cut", "no fault 'cut'"),
        ("price: {NONE: '1'}", "no symbol 'NONE'; there are BTCUSDT"),
        ("price: '0.0000001'", "tick"),
        ("control: {POST /nowhere: {}}", "POST /nowhere answers 404: no such route"),
        ("control: {POST /settings: {profile: x}}", "answers 400"),
    ],
)
def test_what_cannot_be_done(step: str, words: str) -> None:
    """The story ends with the step and the reason."""
    scene = Scene(f"- {step}").go()
    assert scene.playing.machine.failed is not None
    assert words in scene.said
    assert "at step 1 (" in scene.said


def test_settings_before_the_client_begins() -> None:
    """As the control API would set them; what it refuses ends in an error."""
    scene = Scene("- wait: 1s", head="setup: {settings: {rest_lag_ms: 500, page_cap: 2}, clock_ahead: 3s}")
    assert (scene.exchange.settings.rest_lag_ns, scene.exchange.settings.page_cap) == (500_000_000, 2)
    assert scene.exchange.now_ns == START_NS + 3 * 10**9
    for head in ("setup: {settings: {page_cup: 2}}", "setup: {settle: soon}", "liquidity: x"):
        with pytest.raises(SetupError):
            Scene("- wait: 1s", head=head)
    for venue in ("binance", "ftx@2024"):
        with pytest.raises(SetupError, match=r"^no venue 'binance'; did|^ftx has no profile '2024'"):
            Scene("- wait: 1s", venue=venue)


@pytest.mark.parametrize(
    ("venue", "profile"), [("binance-spot@2024", "binance-2024"), ("binance-spot", "binance-2026")]
)
def test_the_era(venue: str, profile: str) -> None:
    """Behind the venue's name; the newest if there is none."""
    assert Scene("- wait: 1s", venue=venue).exchange.settings.profile == profile


def test_checks_without_a_report() -> None:
    """What needs one is unknown, and that is said; the others judge by the journal and the truth."""
    ending = "- check: [no_fill_lost, no_order_doubled, listens, no_storm]"
    scene = Scene("- trade: limit\n- trade: limit\n- fill", ending=ending).go()
    verdict = scene.playing.verdict()
    assert [(each.name, bool(each.wrong), each.unknown) for each in verdict.judged] == [
        ("no_fill_lost", True, True),
        ("no_order_doubled", True, False),
        ("listens", True, False),
        ("no_storm", False, False),
    ]
    assert re.search(r"one order was placed 2 times: BTCUSDT BUY [0-9.]+ at [0-9.]+$", scene.said, re.MULTILINE)
    assert json.loads(json.dumps(row(verdict)))["checks"][1]["wrong"]


def test_expectations_at_the_end() -> None:
    """They fail with the nearest miss, the window and the steps that were done."""
    ending = "- verify: [{request: GET /api/v3/openOrders, times: '==1'}, reconnect]"
    scene = Scene("- send: hello", ending=ending)
    scene.dial()
    scene.ask("/api/v3/time")
    scene.go()
    assert "expected request GET /api/v3/openOrders ==1 times: it came never" in scene.said
    assert "nearest: 2 rest-in     GET /api/v3/time" in scene.said
    assert "steps that were done:" in scene.said
    assert "dial" not in scene.said.split("round it")[0]
    scene.ask("/api/v3/openOrders")
    assert scene.said == "well: a scene (every step came)"


def test_a_report_that_cannot_be_read_is_held_against_the_client() -> None:
    """Even if all that could be read is right."""
    scene = Scene("- send: x", ending="- check: [no_fill_duplicated]").go()
    scene.playing.reports.line('{"event": "fill"}', 0)
    assert "a report of a fill needs" in scene.said


NOT_ASKED = {("ftx", "newcredential"), ("ftx", "renewcredential"), ("ftx", "traces"), ("binance-spot", "traces")}


@pytest.mark.parametrize("venue", ["binance-spot@2024", "binance-futures", "ftx"])
def test_what_may_be_away_is_a_route_of_the_venue(venue: str) -> None:
    """Each question of a story is one that the venue answers; a misspelt path would be away from nothing."""
    scene = Scene("- wait: 1s", venue=venue)
    name = venue.partition("@")[0]
    for question in QUESTIONS:
        faults = faults_of(Step("away", (question, "lost")), scene.worlds.default.exchanges[name].spec)
        assert faults or (name, question) in NOT_ASKED
        for fault in faults or ():
            path = (fault.match.path or "").replace("v*", "v3").replace("[0-9]*", "1").replace("*", "")
            answer = scene.worlds.handle(HttpRequest(fault.match.method or "", f"{path}?symbol=BTCUSDT"))
            assert answer is not None, path
            assert answer.status != 404, (path, answer.body)


@pytest.mark.parametrize("how", ["reset", "half", "late", "close"])
def test_connections_end_in_each_way(how: str) -> None:
    """At once, or later, or not as far as anybody is told."""
    scene = Scene(f"- wait: 1s\n- drop: {how}").go()
    link = scene.dial()
    scene.go(1)
    assert (link.open, link.held) == {
        "reset": (False, False),
        "half": (True, True),
        "late": (True, True),
        "close": (False, False),
    }[how]
    scene.at += 20 * 10**9
    scene.exchange.clock.fire_due()
    assert link.open == (how == "half")
