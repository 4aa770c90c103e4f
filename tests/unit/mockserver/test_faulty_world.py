"""A world under faults: its requests, dials and frames meet what was armed, in that world alone, and in good order."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from mockserver.clock import VirtualClock
from mockserver.faces.base import Binary, Close, HttpRequest, HttpResponse, Out, Text
from mockserver.faces.binance.futures import FuturesFace
from mockserver.faults import (
    FAIR,
    Corrupt,
    CrossTypeReorder,
    DialHang,
    DialRefused,
    Disconnect,
    DropEvent,
    Dup,
    EmptyBody,
    ExecStatusUnknown,
    Fault,
    FrameDelay,
    HalfOpen,
    HttpError,
    Kind,
    Latency,
    Lifetime,
    Match,
    Mute,
    NoAnswer,
    Reset,
    SameTypeReorder,
    Silent,
    Stall,
)
from mockserver.link import Link, NoTransport
from mockserver.liquidity import make_liquidity
from mockserver.stage import CLIENT, START_NS, Stage
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

from .toy_venue import SECOND, buy, toy_worlds

PLACE = HttpRequest("POST", "/play/order", (("x-key", "K"),))
TIME = HttpRequest("GET", "/play/time")


@pytest.fixture
def worlds() -> Worlds:
    """The default world with alice (key K), and a world "other" with bob (key B)."""
    made = toy_worlds()
    made.open_account(made.default.exchanges["toy"], "alice", api_key="K")
    made.open_account(made.create("other").exchanges["toy"], "bob", api_key="B")
    return made


def arm(worlds: Worlds, kind: Kind, **match: Any) -> None:
    """Arm a fault in the default world."""
    worlds.default.faults.arm(Fault(kind=kind, match=Match(**match)))


def asked(worlds: Worlds, request: HttpRequest) -> HttpResponse | None:
    """What is answered, as a server without a clock would do it."""
    _, fate = worlds.fate(request)
    answer = worlds.handle(request, fate)
    return answer if fate.heard == "answer" else None


def open_orders(worlds: Worlds) -> int:
    """How many orders alice has."""
    return len(worlds.default.exchanges["toy"].engine.open_orders("alice"))


def kinds_told(worlds: Worlds) -> list[str]:
    """The kinds of the journal's entries."""
    return [str(row["kind"]) for row in worlds.default.recorder.journal()]


def test_503_though_it_was_accepted(worlds: Worlds) -> None:
    """The order is there; without `accepted` it is not."""
    arm(worlds, ExecStatusUnknown(), method="POST", nth=1)
    answer = asked(worlds, PLACE)
    assert answer is not None
    assert (answer.status, open_orders(worlds)) == (503, 1)
    assert kinds_told(worlds) == ["fault", "rest-in", "rest-out"]

    worlds.default.faults.clear()
    arm(worlds, ExecStatusUnknown(accepted=False))
    answer = asked(worlds, PLACE)
    assert answer is not None
    assert (answer.status, open_orders(worlds)) == (503, 1)


def test_an_answer_that_nobody_hears(worlds: Worlds) -> None:
    """The order was placed, the journal has the request and no answer."""
    arm(worlds, NoAnswer())
    assert asked(worlds, PLACE) is None
    assert open_orders(worlds) == 1
    worlds.default.faults.clear()
    arm(worlds, NoAnswer(accepted=False))
    assert asked(worlds, PLACE) is None
    assert open_orders(worlds) == 1
    assert kinds_told(worlds) == ["fault", "rest-in", "fault", "rest-in"]


def test_a_world_has_faults_of_its_own(worlds: Worlds) -> None:
    """Another world's requests do not meet them, nor does what no venue answers; a reset clears them."""
    arm(worlds, HttpError())
    other = asked(worlds, HttpRequest("POST", "/play/order", (("x-key", "B"),)))
    assert other is not None
    assert other.status == 200
    assert asked(worlds, HttpRequest("GET", "/elsewhere")) is None
    assert worlds.default.faults.hits == {"http_error": 0}
    mine = asked(worlds, TIME)
    assert mine is not None
    assert mine.status == 500

    assert worlds.reset("default").faults.armed == []


def test_by_account(worlds: Worlds) -> None:
    """A request without a key is nobody's."""
    arm(worlds, EmptyBody(), account="alice")
    assert [(asked(worlds, request) or HttpResponse(0)).body == b"" for request in (PLACE, TIME)] == [True, False]


def test_delays_are_values(worlds: Worlds) -> None:
    """The world waits for nobody: it says how long, and by whose clock."""
    arm(worlds, Latency(delay_ns=SECOND))
    assert worlds.fate(TIME)[1].after_ns == SECOND
    assert worlds.fate(TIME)[0] is worlds.default
    worlds.default.faults.clear()
    assert worlds.fate(TIME) == (worlds.default, FAIR)


def test_faults_find_the_venue_of_every_route() -> None:
    """Each route of each venue is met by a fault of that venue, keyless too, and a path may name the venue."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(START_NS)))
    shared = {"/ws", "/stream", "/ws/x"}
    for venue, exchange in worlds.default.exchanges.items():
        worlds.default.faults.arm(Fault(kind=HttpError(), match=Match(venue=venue), name=f"{venue} request"))
        worlds.default.faults.arm(Fault(kind=DialHang(), match=Match(venue=venue), name=f"{venue} dial"))
        for route in exchange.face.routes:
            method, _, path = route.partition(" ")
            path = path.replace("{", "").replace("}", "").replace("<listenKey>", "x").rstrip("/")
            prefix = f"/{venue}" if path.partition("?")[0] in shared else ""
            request = HttpRequest("GET" if method == "WS" else method, prefix + path)
            assert not worlds.fate(request, dial=method == "WS")[1].handled, route
        worlds.default.faults.clear()


def test_a_listen_key_says_whose_dial_it_is() -> None:
    """So a fault of one account's dials does not meet another's."""
    stage = Stage("binance-futures")
    stage.worlds.default.faults.arm(Fault(kind=Silent(), match=Match(account=CLIENT)))
    face = stage.exchange.face
    assert isinstance(face, FuturesFace)
    for token, silence in ((face.keys.start(CLIENT), "events"), (face.keys.start("rival"), None)):
        _, fate = stage.worlds.fate(HttpRequest("GET", f"/private/ws?listenKey={token}"), dial=True)
        assert fate.silence == silence


# ------------------------------------------------------------------------------------------------ dials and frames


def dialled(worlds: Worlds, target: str = "/play/ws?key=K") -> Link | HttpResponse:
    """A socket, started if it was opened."""
    request = HttpRequest("GET", target)
    _, fate = worlds.fate(request, dial=True)
    opened = worlds.connect(request, NoTransport(), fate)
    if isinstance(opened, tuple):
        link, session = opened
        link.start(session)
        return link
    assert opened is not None
    return opened


def listening(worlds: Worlds) -> Link:
    """A socket of alice's."""
    link = dialled(worlds)
    assert isinstance(link, Link)
    return link


def place(worlds: Worlds) -> None:
    """A resting order of alice: one NEW event."""
    worlds.default.exchanges["toy"].submit(buy("alice"))


def transport(link: Link) -> NoTransport:
    """What moves no bytes."""
    assert isinstance(link.transport, NoTransport)
    return link.transport


def advance(worlds: Worlds, by_ns: int) -> None:
    """Move the default world's clock."""
    assert isinstance(worlds.default.clock, VirtualClock)
    worlds.default.clock.advance(by_ns, wall=True)


def sent(outs: list[Out]) -> list[str]:
    """The frames in words: what a text or binary frame says of the order, or how it closes."""
    words = []
    for out in outs:
        match out:
            case Text(data):
                words.append("NEW" if data.startswith('{"event": "NEW"') and data.endswith("}") else data)
            case Binary():
                words.append("binary")
            case Close(code, reason):
                words.append(f"close {code} {reason}")
    return words


def test_a_dial_is_refused_once(worlds: Worlds) -> None:
    """429 with the time to stay away, and the next is let in."""
    arm(worlds, DialRefused(retry_after_s=5), count=1)
    refused = dialled(worlds)
    assert isinstance(refused, HttpResponse)
    assert (refused.status, refused.headers) == (429, (("Retry-After", "5"),))
    assert listening(worlds).open
    assert kinds_told(worlds)[:3] == ["fault", "rest-in", "rest-out"]


@pytest.mark.parametrize(("mode", "told"), [("events", ["hello"]), ("all", [])])
def test_a_silent_socket(worlds: Worlds, mode: Any, told: list[str]) -> None:
    """The handshake is fine, the account stays blind."""
    arm(worlds, Silent(mode=mode))
    link = listening(worlds)
    place(worlds)
    link.receive("hello")
    assert sent(link.take()) == told
    assert (link.sees, link.open) == (frozenset(), True)


@pytest.mark.parametrize(
    ("kind", "told", "ended", "is_open"),
    [
        (DropEvent(), [], None, True),
        (DropEvent(then="drop"), [], "drop", False),
        (DropEvent(then="reset"), [], "reset", False),
        (Dup(), ["NEW", "NEW"], None, True),
        (Dup(n=3), ["NEW"] * 4, None, True),
        (Dup(n=3, within_ns=SECOND), ["NEW"], None, True),
        (Corrupt(how="bytes"), ["binary"], None, True),
        (Corrupt(how="cut"), ['{"event": "NEW"'], None, True),
        (Disconnect(code=1001, reason="bye"), ["NEW", "close 1001 bye"], None, False),
        (Disconnect(), [], "drop", False),
        (Disconnect(code=1006), [], "drop", False),
        (Reset(), [], "reset", False),
        (Reset(after_bytes=5), ["NEW"], "cut after 5", True),
        (Reset(delay_ns=SECOND), ["NEW"], None, True),
        (Mute(), [], None, True),
        (HalfOpen(), ["NEW"], None, True),
        (Stall(), ["NEW"], None, True),
    ],
    ids=repr,
)
def test_what_befalls_a_frame(worlds: Worlds, kind: Kind, told: list[str], ended: str | None, is_open: bool) -> None:
    """The second event of three; the first is told, and the third as far as the connection allows."""
    arm(worlds, kind, event="NEW", nth=2)
    link = listening(worlds)
    place(worlds)
    assert sent(link.take()) == ["NEW"]
    place(worlds)
    assert sent(link.take()) == told
    assert (transport(link).ended, link.open) == (ended, is_open)
    assert transport(link).held == isinstance(kind, HalfOpen | Stall)
    place(worlds)
    assert sent(link.take()) == (["NEW"] if is_open and not isinstance(kind, Mute) else [])


def test_after_a_mute_the_account_is_blind_and_pings_go_on(worlds: Worlds) -> None:
    """What was muted is in the journal, and answers come."""
    arm(worlds, Mute(), event="NEW")
    link = listening(worlds)
    assert link.sees
    place(worlds)
    link.receive("hello")
    assert (sent(link.take()), link.sees) == (["hello"], frozenset())
    assert "ws-muted" in kinds_told(worlds)


def test_a_stall_ends_by_itself(worlds: Worlds) -> None:
    """A longer one that begins meanwhile counts, a shorter one does not; a half-open one stays."""
    link = listening(worlds)
    link.stall(10 * SECOND)
    link.stall(5 * SECOND)
    advance(worlds, 9 * SECOND)
    assert transport(link).held
    advance(worlds, SECOND)
    assert not transport(link).held
    assert link.sees

    link.stall(SECOND)
    link.half_open()
    advance(worlds, 60 * SECOND)
    assert transport(link).held


def test_late_frames_keep_their_order(worlds: Worlds) -> None:
    """What comes behind a late frame waits with it: answers, and the close."""
    arm(worlds, FrameDelay(delay_ns=2 * SECOND), event="NEW", nth=1)
    link = listening(worlds)
    place(worlds)
    link.receive("hello")
    place(worlds)
    link.close(1000, "done")
    assert (link.take(), link.open) == ([], False)
    advance(worlds, 2 * SECOND - 1)
    assert link.take() == []
    advance(worlds, 1)
    assert sent(link.take()) == ["NEW", "hello", "NEW", "close 1000 done"]


def test_a_later_frame_may_be_later_still(worlds: Worlds) -> None:
    """Each waits for its own time, and none overtakes."""
    arm(worlds, FrameDelay(delay_ns=2 * SECOND), event="NEW")
    link = listening(worlds)
    place(worlds)
    advance(worlds, SECOND)
    place(worlds)
    advance(worlds, SECOND)
    assert sent(link.take()) == ["NEW"]
    advance(worlds, SECOND)
    assert sent(link.take()) == ["NEW"]


def test_late_frames_of_a_lost_connection_are_lost(worlds: Worlds) -> None:
    """And they count against the outbox, so that it stays bounded."""
    arm(worlds, FrameDelay(delay_ns=SECOND))
    link = listening(worlds)
    place(worlds)
    link.drop()
    advance(worlds, 10 * SECOND)
    assert link.take() == []


def test_late_frames_are_bounded(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which too much waits is reset."""
    monkeypatch.setattr("mockserver.link.OUTBOX_FRAMES", 2)
    arm(worlds, FrameDelay(delay_ns=SECOND))
    link = listening(worlds)
    for _ in range(3):
        place(worlds)
    assert (transport(link).ended, link.open) == ("reset", False)


def played(*faults: Fault) -> tuple[list[Any], str]:
    """A minute of a lively market in which a client trades by REST: its public trades, and the hash of the journal."""
    clock = VirtualClock(START_NS)
    recipe = Recipe(
        venues=VENUES,
        clock=lambda: clock,
        liquidity=lambda exchange: make_liquidity("book", exchange.engine, exchange.random("liquidity")),
    )
    worlds = Worlds(recipe, seed=5)
    spot = worlds.default.exchanges["binance-spot"]
    key = (("X-MBX-APIKEY", worlds.open_account(spot, "bot").api_key),)
    for fault in faults:
        worlds.default.faults.arm(fault)
    market = worlds.connect(HttpRequest("GET", "/binance-spot/ws/btcusdt@trade/btcusdt@depth"), NoTransport())
    assert isinstance(market, tuple)
    market[0].start(market[1])
    for number in range(60):
        clock.advance(SECOND, wall=True)
        target = "/api/v3/time" if number % 2 else "/api/v3/account"
        asked(worlds, HttpRequest("GET", target, key))
    journal = worlds.default.recorder.journal(limit=100_000)
    told = [(row["kind"], row["time_ns"], row["text"]) for row in journal]
    return list(spot.engine.trades("BTCUSDT")), hashlib.sha256(repr(told).encode()).hexdigest()


def test_a_run_repeats_and_faults_do_not_move_the_market() -> None:
    """The same seed gives the same journal, faults and all; arming others changes what is told, never who trades."""
    some = [
        Fault(kind=HttpError(), probability=0.5),
        Fault(kind=Dup(), probability=0.3),
        Fault(kind=FrameDelay(jitter_ns=SECOND), probability=0.3),
        Fault(kind=Corrupt(), probability=0.2),
        Fault(kind=CrossTypeReorder(), probability=0.2),
    ]
    plain, faulty, again = played(), played(*some), played(*some)
    assert faulty == again
    assert plain[0] == faulty[0]
    assert len(plain[0]) > 50
    assert plain[1] != faulty[1]


@pytest.mark.parametrize(("how", "ended"), [("drop", "drop"), ("reset", "reset")])
def test_a_short_life_may_end_without_a_close_frame(worlds: Worlds, how: Any, ended: str) -> None:
    """By the world's clock, and not before."""
    arm(worlds, Lifetime(after_ns=SECOND, code=None, how=how))
    link = listening(worlds)
    clock = worlds.default.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(SECOND - 1)
    assert link.open
    clock.advance(1)
    assert isinstance(link.transport, NoTransport)
    assert (link.open, link.transport.ended) == (False, ended)


def test_copies_come_later(worlds: Worlds) -> None:
    """By chance, each within its time; what goes out meanwhile waits for none; of a muted connection none comes."""
    arm(worlds, Dup(n=20, within_ns=SECOND), event="NEW", nth=1)
    link = listening(worlds)
    place(worlds)
    place(worlds)
    first, second = (each.data for each in link.take() if isinstance(each, Text))
    advance(worlds, SECOND // 2)
    early = [each.data for each in link.take() if isinstance(each, Text)]
    link.mute()
    advance(worlds, SECOND // 4)
    assert link.take() == []
    link.resume()
    advance(worlds, SECOND // 4)
    late = [each.data for each in link.take() if isinstance(each, Text)]
    assert {*early, *late} == {first}
    assert first != second
    assert len(early) > 5 < len(late) + 5 < 20


def test_a_request_comes_again_later(worlds: Worlds) -> None:
    """The client sent it once, and it is answered three times; a connection that has ended hears no more."""
    arm(worlds, Dup(n=2, within_ns=SECOND, of="client"))
    link = listening(worlds)
    link.receive("hello")
    assert sent(link.take()) == ["hello"]
    advance(worlds, SECOND)
    assert sent(link.take()) == ["hello", "hello"]
    link.receive("hello")
    link.drop()
    advance(worlds, SECOND)
    assert link.take() == []


def test_a_reset_so_long_after_a_frame(worlds: Worlds) -> None:
    """Until then all is well."""
    arm(worlds, Reset(delay_ns=2 * SECOND), event="NEW", nth=1)
    link = listening(worlds)
    place(worlds)
    advance(worlds, SECOND)
    place(worlds)
    assert sent(link.take()) == ["NEW", "NEW"]
    advance(worlds, SECOND)
    assert (transport(link).ended, link.open) == ("reset", False)
    with pytest.raises(ValueError, match="without delay"):
        Reset(delay_ns=1, after_bytes=1)


def test_a_frame_behind_several_of_its_own_event(worlds: Worlds) -> None:
    """The first comes third; the fourth where it was."""
    arm(worlds, SameTypeReorder(n=2, within_ns=SECOND), event="NEW", nth=1)
    link = listening(worlds)
    for _ in range(4):
        place(worlds)
    ids = [json.loads(each.data)["id"] for each in link.take() if isinstance(each, Text)]
    usual = sorted(ids)
    assert ids == [usual[1], usual[2], usual[0], usual[3]]


@pytest.mark.parametrize(
    ("types", "told"),
    [
        (None, ["b", "a", "c"]),
        (("a", "c"), ["b", "c", "a"]),
        (("b", "c"), ["a", "c", "b"]),
        (("a", "z"), ["b", "c", "a"]),
    ],
)
def test_which_events_change_places(worlds: Worlds, types: tuple[str, ...] | None, told: list[str]) -> None:
    """Those that are named alone; others pass by."""
    arm(worlds, CrossTypeReorder(within_ns=SECOND, types=types), until=1)
    link = listening(worlds)
    for event in "abc":
        link.tell(json.dumps({"e": event}))
    advance(worlds, SECOND)
    assert [json.loads(each.data)["e"] for each in link.take() if isinstance(each, Text)] == told


def test_a_frame_that_waits_for_no_other_goes_out_in_the_end(worlds: Worlds) -> None:
    """After `within`, and before a close."""
    arm(worlds, CrossTypeReorder(within_ns=SECOND), event="NEW")
    link = listening(worlds)
    toy = worlds.default.exchanges["toy"]
    toy.submit(buy("alice"))
    assert link.take() == []
    clock = worlds.default.clock
    assert isinstance(clock, VirtualClock)
    clock.advance(SECOND)
    assert len(link.take()) == 1
    toy.submit(buy("alice"))
    toy.submit(buy("alice"))  # of the same event: the first goes, the second goes behind it
    link.close(1000)
    out = link.take()
    assert [type(each) for each in out] == [Text, Text, Close]
    ids = [each.data for each in out if isinstance(each, Text)]
    assert ids == sorted(ids)
