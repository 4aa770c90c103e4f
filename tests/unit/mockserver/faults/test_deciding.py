"""A fault decides by its seed, its name and the number of the thing; what is armed beside it changes nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.faults import (
    Corrupt,
    DialHang,
    Disconnect,
    Draw,
    DropEvent,
    Dup,
    Fault,
    Faults,
    FrameDelay,
    Hit,
    HttpError,
    Kind,
    Latency,
    Match,
    NoAnswer,
    Reset,
    Silent,
    Thing,
    fate_of,
    frame_fate_of,
)
from mockserver.faults.deciding import MAX_FAULTS

S = 1_000_000_000
PATHS = ("/api/v3/order", "/api/v3/time", "/fapi/v1/order")
SYMBOLS = ("BTCUSDT", "ETHUSDT", None)


def request(path: str = PATHS[0], **known: Any) -> Thing:
    """A request to spot."""
    return Thing(seam="request", venue="binance-spot", method="POST", path=path, **known)


def happened(fault: Fault, things: list[Thing], seed: int = 7, now_ns: int = 0) -> list[bool]:
    """For each thing whether the fault, armed alone, happens to it."""
    faults = Faults(seed)
    faults.arm(fault)
    return [bool(faults.decide(thing, now_ns)) for thing in things]


things = st.lists(
    st.builds(
        Thing,
        seam=st.sampled_from(("request", "dial", "frame")),
        path=st.sampled_from(PATHS),
        symbol=st.sampled_from(SYMBOLS),
    ),
    max_size=30,
)
kinds: st.SearchStrategy[Kind] = st.sampled_from(
    (HttpError(), Latency(jitter_ns=9), NoAnswer(), DialHang(), Silent(), Dup(), Corrupt(), FrameDelay(), Disconnect())
)
matches = st.builds(
    Match,
    path=st.sampled_from((None, "/api/*", PATHS[2])),
    after=st.integers(0, 3),
    until=st.sampled_from((None, 4, 9)),
    count=st.sampled_from((None, 1, 3)),
    lasts_ns=st.sampled_from((None, 5, 20)),
)


@st.composite
def armed(draw: st.DrawFn) -> list[Fault]:
    """Faults with names of their own."""
    each = st.tuples(kinds, matches, st.sampled_from((0.0, 0.3, 0.7, 1.0)))
    return [
        Fault(kind=kind, match=match, probability=odds, name=f"fault {number}")
        for number, (kind, match, odds) in enumerate(draw(st.lists(each, min_size=1, max_size=5)))
    ]


@given(st.data(), armed(), things, st.integers(0, 99))
@settings(deadline=None)
def test_a_decision_does_not_depend_on_what_else_is_armed(
    data: st.DataObject, faults: list[Fault], course: list[Thing], seed: int
) -> None:
    """The same seed and the same things: each fault happens to the same ones, with the same luck, alone or not."""
    one = data.draw(st.sampled_from(faults))
    alone, together = Faults(seed), Faults(seed)
    alone.arm(one)
    for fault in data.draw(st.permutations(faults)):
        together.arm(fault)
    for now_ns, thing in enumerate(course):
        mine = [hit for hit in together.decide(thing, now_ns) if hit.fault is one]
        assert mine == alone.decide(thing, now_ns)
    assert together.hits[one.name] == alone.hits[one.name]


@given(faults=armed(), course=things, seed=st.integers(0, 99))
@settings(deadline=None)
def test_the_same_seed_decides_the_same(faults: list[Fault], course: list[Thing], seed: int) -> None:
    """Everything repeats."""
    runs = []
    for _ in range(2):
        world = Faults(seed)
        for fault in faults:
            world.arm(fault)
        runs.append([world.decide(thing, now_ns) for now_ns, thing in enumerate(course)])
    assert runs[0] == runs[1]


def test_luck_is_pinned() -> None:
    """A seed of today means the same tomorrow, in whatever process."""
    draw = Draw(7, "latency", 1)
    assert [draw.below(1_000, "jitter"), Draw(7, "latency", 2).below(1_000, "jitter")] == [109, 415]
    assert 0 <= draw.fraction("happens") < 1
    assert draw.fraction("happens") != draw.fraction("else") != Draw(8, "latency", 1).fraction("happens")


@pytest.mark.parametrize("odds", [0.1, 0.5, 0.9])
def test_odds(odds: float) -> None:
    """Of many things about so many are met; 0 is never and 1 always."""
    met = sum(happened(Fault(kind=HttpError(), probability=odds), [request()] * 2_000))
    assert abs(met / 2_000 - odds) < 0.05
    assert not any(happened(Fault(kind=HttpError(), probability=0.0), [request()] * 200))
    assert all(happened(Fault(kind=HttpError(), probability=1.0), [request()] * 200))


@pytest.mark.parametrize(
    ("match", "numbers"),
    [
        (Match(), [1, 2, 3, 4, 5, 6]),
        (Match(nth=3), [3]),
        (Match(after=4), [5, 6]),
        (Match(until=2), [1, 2]),
        (Match(after=1, until=3), [2, 3]),
        (Match(count=2), [1, 2]),
        (Match(after=1, count=2), [2, 3]),
    ],
)
def test_which_of_them(match: Match, numbers: list[int]) -> None:
    """They are counted from 1, and only those that agree."""
    met = happened(Fault(kind=HttpError(), match=match), [request()] * 6)
    assert [number for number, hit in enumerate(met, 1) if hit] == numbers

    mixed = [thing for _ in range(6) for thing in (request(symbol="ETHUSDT"), request(symbol="BTCUSDT"))]
    met = happened(Fault(kind=HttpError(), match=Match(symbol="BTCUSDT", nth=2)), mixed)
    assert [number for number, hit in enumerate(met) if hit] == [3]


@pytest.mark.parametrize(
    ("match", "meets"),
    [
        (Match(venue="binance-spot"), True),
        (Match(venue="ftx"), False),
        (Match(method="POST"), True),
        (Match(method="GET"), False),
        (Match(path="/api/v3/*"), True),
        (Match(path="/api/v3"), False),
        (Match(account="bot"), True),
        (Match(account="other"), False),
        (Match(symbol="BTCUSDT"), True),
        (Match(symbol="ETHUSDT"), False),
    ],
)
def test_what_it_is_about(match: Match, meets: bool) -> None:
    """All that is given must agree."""
    thing = request(accounts=frozenset({"bot"}), symbol="BTCUSDT")
    assert happened(Fault(kind=HttpError(), match=match), [thing]) == [meets]


def test_what_is_not_known_agrees_with_nothing_that_is_given() -> None:
    """A request without a key is nobody's, one without a symbol is of none; another seam is never met."""
    for match in (Match(account="bot"), Match(symbol="BTCUSDT")):
        assert happened(Fault(kind=HttpError(), match=match), [request()]) == [False]
    assert happened(Fault(kind=DialHang()), [request()]) == [False]


def test_it_lasts_for_so_long() -> None:
    """From when it was armed; what comes later is not even counted."""
    faults = Faults(7)
    faults.arm(Fault(kind=HttpError(), match=Match(lasts_ns=10 * S)), now_ns=100 * S)
    assert [bool(faults.decide(request(), at * S)) for at in (100, 109, 110)] == [True, True, False]
    assert faults.hits == {"http_error": 2}


def test_arming() -> None:
    """Names differ; what is disarmed happens no more, and a name may be used again."""
    faults = Faults(7)
    assert not faults.watches("request")
    faults.arm(Fault(kind=HttpError()))
    faults.arm(Fault(kind=HttpError(status=429), name="limit"))
    assert [fault.name for fault in faults.armed] == ["http_error", "limit"]
    assert (faults.watches("request"), faults.watches("frame")) == (True, False)
    with pytest.raises(ValueError, match="already a fault 'limit'"):
        faults.arm(Fault(kind=Dup(), name="limit"))
    faults.disarm("limit")
    with pytest.raises(ValueError, match="no fault 'limit'; there are http_error"):
        faults.disarm("limit")
    assert len(faults.decide(request(), 0)) == 1
    faults.clear()
    assert (faults.decide(request(), 0), faults.armed, faults.watches("request")) == ([], [], False)


def test_there_is_a_limit() -> None:
    """Whoever arms in a loop is told."""
    faults = Faults(7)
    for number in range(MAX_FAULTS):
        faults.arm(Fault(kind=Dup(), name=str(number)))
    with pytest.raises(ValueError, match="already 1000 faults"):
        faults.arm(Fault(kind=Dup(), name="one more"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Fault(kind=HttpError(), probability=1.1), "probability"),
        (
            lambda: Fault(kind=HttpError(), match=Match(event="fills")),
            "http_error is about a request, which has no event",
        ),
        (lambda: Fault(kind=Dup(), match=Match(method="GET")), "dup is about a frame, which has no method"),
        (lambda: Fault(kind=Dup(), match=Match(nth=1, after=2)), "nth is this one alone"),
        (lambda: Match(nth=0), "nth"),
        (lambda: HttpError(status=99), "status"),
        (lambda: Latency(delay_ns=-1), "delay_ns"),
        (lambda: Latency(of="both"), "of"),  # type: ignore[arg-type]
        (lambda: Corrupt(how="badly"), "how"),  # type: ignore[arg-type]
        (lambda: Disconnect(code=5), "code"),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Any, says: str) -> None:
    """When it is made, and not when it should happen."""
    with pytest.raises(ValueError, match=says):
        make()


def test_what_is_legal() -> None:
    """A lost event is legal only if its connection ends."""
    legal = {
        kind: Fault(kind=kind).legal for kind in (HttpError(), DropEvent(), DropEvent(then="drop"), Dup(), Corrupt())
    }
    assert list(legal.values()) == [True, False, True, False, False]


def hits(*kinds: Kind) -> Any:
    """What happens if all of these are armed, in this order."""
    found = []
    for seam in ("request", "dial", "frame"):
        faults = Faults(7)
        for number, kind in enumerate(kinds):
            faults.arm(Fault(kind=kind, name=str(number)))
        found += faults.decide(Thing(seam=seam), 0)
    return found


def test_together() -> None:
    """Ways add up, each in its own direction; of two answers the first prevails."""
    fate = fate_of(
        hits(Latency(delay_ns=5, of="request"), Latency(delay_ns=7), Latency(delay_ns=1), NoAnswer(), HttpError())
    )
    assert (fate.before_ns, fate.after_ns, fate.heard, fate.handled) == (5, 8, "never", True)
    assert fate_of(hits(HttpError(), NoAnswer())).heard == "answer"
    assert fate_of(hits(Silent(mode="all"), Silent())).silence == "all"
    assert (fate_of([]).handled, fate_of([]).heard) == (True, "answer")


def test_jitter_is_within_its_bounds_and_differs() -> None:
    """Evenly from nothing to all of it."""
    faults = Faults(7)
    faults.arm(Fault(kind=Latency(delay_ns=100, jitter_ns=10)))
    ways = {fate_of(faults.decide(request(), 0)).after_ns for _ in range(300)}
    assert ways == set(range(100, 111))


def test_frames_together() -> None:
    """A damaged frame comes twice damaged, a lost one not at all; delays add up."""
    fate = frame_fate_of(hits(Dup(), Corrupt(how="cut"), FrameDelay(delay_ns=3), FrameDelay(delay_ns=4)), "abcdef")
    assert (fate.frames, fate.delay_ns, fate.link) == (("abc", "abc"), 7, None)
    assert frame_fate_of(hits(Dup(), DropEvent()), "abc").frames == ()
    assert frame_fate_of(hits(DropEvent(then="reset"), Disconnect()), "abc").link == Reset()
    assert frame_fate_of([], "abc").frames == ("abc",)


def test_a_frame_is_of_one_side() -> None:
    """A fault of the server's frames does not count the client's, and the other way round."""
    course = [Thing(seam="frame", side="client"), Thing(seam="frame")]
    assert happened(Fault(kind=Dup(), match=Match(nth=1)), course) == [False, True]
    assert happened(Fault(kind=Dup(of="client"), match=Match(nth=1)), course) == [True, False]


def test_log_normal_delays_have_their_median_and_their_tail() -> None:
    """Half are below the median; of sigma 1 one in six is beyond e times it, and the same seed gives the same ones."""
    draws = [Draw(7, "latency", number) for number in range(1, 4_001)]
    kind = Latency(delay_ns=S, sigma=1.0, of="request")
    late = [fate_of([Hit(Fault(kind=kind), draw)]).before_ns for draw in draws]

    assert late == [fate_of([Hit(Fault(kind=kind), draw)]).before_ns for draw in draws]
    assert abs(sum(each < S for each in late) / len(late) - 0.5) < 0.03
    assert abs(sum(each > S * math.e for each in late) / len(late) - 0.159) < 0.02


@pytest.mark.parametrize("fraction", [0.0, 1 - 2.0**-53])
def test_the_ends_of_luck_are_finite(fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The inverse of the normal distribution has none at 0 and 1."""
    monkeypatch.setattr(Draw, "fraction", lambda self, what: fraction)

    assert 0 <= Draw(1, "a", 1).spread(S, 3.0, "delay") < 10**21
