"""Faults and other values as mappings: read, written, read again; what cannot be meant is refused in words."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.durations import format_duration, parse_duration
from mockserver.faults import (
    KINDS,
    AnswerAddField,
    CrossTypeReorder,
    Disconnect,
    DropEvent,
    ExecStatusUnknown,
    Fault,
    HalfOpen,
    HangUp,
    HttpError,
    Kind,
    Latency,
    Lifetime,
    Match,
    RateLimit,
    SchemaAddField,
    read_fault,
    write_fault,
)
from mockserver.faults.facts import HAS
from mockserver.forms import FormError

S = 1_000_000_000

FORMS: list[tuple[Any, Fault]] = [
    ("half_open", Fault(kind=HalfOpen())),
    ({"drop_event": {"then": "reset"}}, Fault(kind=DropEvent(then="reset"))),
    ({"disconnect": {"code": 1006}}, Fault(kind=Disconnect(code=1006))),
    (
        {"latency": {"delay": "250ms", "of": "request"}, "match": {"nth": 3, "lasts": "1h"}, "probability": 0.5},
        Fault(kind=Latency(delay_ns=S // 4, of="request"), match=Match(nth=3, lasts_ns=3600 * S), probability=0.5),
    ),
    (
        {"cross_type_reorder": {"types": ["a", "b"]}, "match": {"event": "a"}},
        Fault(kind=CrossTypeReorder(types=("a", "b")), match=Match(event="a")),
    ),
    ({"exec_status_unknown": {"code": -1006}}, Fault(kind=ExecStatusUnknown(code=-1006))),
    (
        {"http_error": {"status": 429, "accepted": True}, "name": "x"},
        Fault(kind=HttpError(status=429, accepted=True), name="x"),
    ),
]


@pytest.mark.parametrize(("form", "fault"), FORMS)
def test_forms(form: Any, fault: Fault) -> None:
    """The short form is what is written, and what is read."""
    assert read_fault(form) == fault
    assert write_fault(fault) == form


def test_a_form_may_be_longer_than_needed() -> None:
    """Null for no parameters, and defaults that are said."""
    fault = Fault(kind=HalfOpen())
    assert read_fault({"half_open": None}) == fault
    assert (
        read_fault({"half_open": {}, "match": {"after": 0, "venue": None}, "probability": 1, "name": "half_open"})
        == fault
    )


LIMITS = [field.name for field in attrs.fields(RateLimit) if "_per_" in field.name]


def of_kind(kind: type[Kind]) -> st.SearchStrategy[Kind]:
    """Any value of this kind, whatever its fields are."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for field in attrs.fields(kind):  # type: ignore[arg-type]
        by_name: dict[str, st.SearchStrategy[Any]] = {
            "status": st.integers(200, 599),
            "code": st.sampled_from((-1006, -1007))
            if kind is ExecStatusUnknown
            else st.none() | st.integers(1000, 4999),
            "keep_percent": st.integers(0, 99),
            "retry_after_s": st.none() | st.integers(0, 99),
            "after_bytes": st.none(),  # it goes without `delay`
            "n": st.integers(1, 99),
            **dict.fromkeys(LIMITS, st.none() | st.integers(1, 99)),
            "types": st.none() | st.lists(st.text(), min_size=2, max_size=3, unique=True).map(tuple),
            "accepted": st.booleans(),
            "text": st.none() | st.text(),
            "body": st.none() | st.text(),
            "reason": st.text(),
            "of": st.sampled_from(("answer", "request") if kind is Latency else ("server", "client")),
            "mode": st.sampled_from(("events", "own", "all")),
            "then": st.sampled_from((None, "drop", "reset")),
            "how": st.sampled_from(
                ("drop", "reset") if kind in (Lifetime, HangUp) else ("any", "cut", "number", "word", "bytes")
            ),
            "field": st.text(min_size=1) if kind in (SchemaAddField, AnswerAddField) else st.none() | st.text(),
            "event": st.text(),
            "symbol": st.none() | st.text(),
            "min_notional": st.sampled_from(("0", "5.5", "1000")),
            "notify": st.booleans(),
            "context_takeover": st.booleans(),
            "uninvited": st.booleans(),
            "sigma": st.floats(0, 3),
            "size": st.integers(1, 125),
            "every_ns": st.integers(10**6, 10**13),
            **dict.fromkeys(("parts", "percent", "fills", "bytes", "bytes_per_s"), st.integers(2, 100)),
        }
        spans = st.integers(0, 10**13) | st.integers(0, 100).map(lambda number: number * S)
        by_name.setdefault(field.name, spans)
        values[field.name] = by_name[field.name]
    return st.builds(kind, **values)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """Any fault."""
    kind = draw(st.one_of(*map(of_kind, KINDS.values())))
    words = st.none() | st.text(max_size=5)
    known: dict[str, Any] = {
        name: draw(st.none() | st.integers(1, 9) if name == "link" else words) for name in sorted(HAS[kind.seam])
    }
    turn: dict[str, Any] = draw(
        st.fixed_dictionaries({"nth": st.integers(1, 9)})
        | st.fixed_dictionaries({"after": st.integers(0, 9), "until": st.none() | st.integers(1, 9)})
    )
    count, lasts_ns = draw(st.none() | st.integers(1, 9)), draw(st.none() | st.integers(0, 10**13))
    match = Match(**known, **turn, count=count, lasts_ns=lasts_ns)
    odds = draw(st.sampled_from((1.0, 0.5, 0.1)) | st.floats(0, 1))
    return Fault(kind=kind, match=match, probability=odds, name=draw(st.text(max_size=5)))


@given(faults())
def test_what_is_written_is_read_again(fault: Fault) -> None:
    """Exactly."""
    assert read_fault(write_fault(fault)) == fault


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("half-open", "no fault 'half-open'; did you mean 'half_open'?"),
        ("reset_peer", "no fault 'reset_peer'; here it is 'reset'"),
        ("dns_fail", "no fault 'dns_fail': names are resolved before there is any connection"),
        ("adl", "no fault 'adl': POST /__mock/positions/{venue}/{symbol}/close does it"),
        ({"latency": None, "toxicity": 0.5}, "no fault 'toxicity'; here it is 'probability'"),
        (7, "a fault is a kind, or a mapping of a kind and its parameters, not 7"),
        ({"dup": None, "mach": {}}, "no fault 'mach'; did you mean 'match'?"),
        ({"dup": None, "nth": 1}, "'nth' stands inside match: {match: {nth: …}}"),
        ({"disconnect": None, "code": 1006}, "'code' stands inside disconnect: {disconnect: {code: …}}"),
        ({"match": {}}, "a fault is of one kind, not none"),
        ({"dup": None, "corrupt": None}, "a fault is of one kind, not dup and corrupt"),
        ({"zzz": None}, "no fault 'zzz'; there are ack_race, .*, corrupt, .*, dial_hang"),
        ({"disconnect": {"cod": 1}}, "disconnect has no 'cod'; did you mean 'code'?"),
        ({"disconnect": {"code": "1006"}}, "code of disconnect: '1006' is not a whole number or null"),
        ({"disconnect": {"code": True}}, "code of disconnect: True is not a whole number"),
        ({"disconnect": {"code": 5}}, "disconnect: 'code' must be >= 1000"),
        ({"disconnect": [1]}, "disconnect is a mapping, not \\[1\\]"),
        ({"latency": {"delay": 5}}, "delay of latency: 5 is no duration; write 250ms"),
        ({"latency": {"delay": "5 s"}}, "delay of latency: '5 s' is no duration"),
        ({"cross_type_reorder": {"types": "ab"}}, "types of cross_type_reorder: 'ab' is not a list of text or null"),
        ({"cross_type_reorder": {"types": ["a", 1]}}, "types of cross_type_reorder: .* is not a list of text or null"),
        ({"cross_type_reorder": {"types": ["a"]}}, "types are two events or more"),
        ({"exec_status_unknown": {"code": -1000}}, "code of exec_status_unknown: -1000 is not -1006 or -1007"),
        ({"reset": {"after_bytes": 1, "delay": "1s"}}, "reset: after_bytes goes without delay"),
        ({"latency": {"of": "both"}}, "of of latency: 'both' is not 'request' or 'answer'"),
        ({"drop_event": {"then": "stop"}}, "then of drop_event: 'stop' is not 'drop' or 'reset' or null"),
        ({"dup": None, "match": {"nth": 1, "after": 1}}, "nth is this one alone"),
        ({"dup": None, "match": {"nth": 0}}, "match: 'nth' must be >= 1"),
        ({"dup": None, "match": {"method": "GET"}}, "dup is about a frame, which has no method"),
        ({"dup": None, "probability": "often"}, "probability: 'often' is not a number"),
        ({"dup": None, "probability": 2}, "'probability' must be <= 1"),
        ({"dup": None, "name": 3}, "name: 3 is not text"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(form: Any, says: str) -> None:
    """With what was probably meant."""
    with pytest.raises(FormError, match=says):
        read_fault(form)


@given(st.integers(-(10**18), 10**18))
def test_durations_are_exact(span_ns: int) -> None:
    """Whatever their size."""
    assert parse_duration(format_duration(span_ns)) == span_ns


@pytest.mark.parametrize(
    ("span_ns", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5us"),
        (31_381_041, "31.381041ms"),
        (23_811_279_338, "23.811279338s"),
        (90 * S, "90s"),
        (120 * S, "2m"),
        (-7200 * S, "-2h"),
        (-S // 2, "-500ms"),
    ],
)
def test_durations_are_written_as_people_would(span_ns: int, text: str) -> None:
    """No more digits than needed."""
    assert format_duration(span_ns) == text


@pytest.mark.parametrize(
    ("text", "span_ns"),
    [("250ms", S // 4), ("2s", 2 * S), ("1h", 3600 * S), ("1.5s", 3 * S // 2), ("0s", 0), ("-3s", -3 * S)],
)
def test_durations(text: str, span_ns: int) -> None:
    """As people write them."""
    assert parse_duration(text) == span_ns
    assert parse_duration(format_duration(span_ns)) == span_ns


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "1h30m", "0.5ns", "5d", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    """Nor finer than a nanosecond."""
    with pytest.raises(ValueError, match=r"is no duration|finer than a nanosecond"):
        parse_duration(text)
