"""A graph of objects is the same after it was written and read, with what is shared still shared."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.checkers import Opened
from mockserver.clock import Fired, Timer
from mockserver.engine.types import Side
from mockserver.engine.versions import Versions
from mockserver.faces.ftx.limits import Limiter
from mockserver.graph import GraphError, Reader, Writer, canonical

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.binary(),
    st.sampled_from(Side),
    st.builds(Fired, st.integers(), st.text()),
    st.builds(Opened, st.integers(), st.integers(), st.text()),
)
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.text(), st.integers()))
THINGS = st.recursive(
    SCALARS,
    lambda each: st.one_of(
        st.lists(each, max_size=4),
        st.lists(each, max_size=4).map(tuple),
        st.lists(each, max_size=4).map(deque),
        st.dictionaries(KEYS, each, max_size=4),
        st.frozensets(KEYS, max_size=4),
        st.sets(KEYS, max_size=4),
        st.builds(Versions, st.integers(), each),
    ),
    max_leaves=12,
)


def through(value: object, anchors: dict[str, object] | None = None) -> Any:
    """Written to text and read from it."""
    text = canonical(Writer(anchors or {}).write(value, "it"))
    return Reader(dict(anchors or {})).read(json.loads(text), "it")


def shown(value: object) -> object:
    """What is compared: versions are compared by identity."""
    if isinstance(value, Versions):
        return "versions", [(when, shown(each)) for when, each in value._items]
    if isinstance(value, dict):
        return type(value), [(key, shown(each)) for key, each in value.items()]
    if isinstance(value, list | tuple | deque):
        return type(value), getattr(value, "maxlen", None), [shown(each) for each in value]
    return type(value), value


@given(THINGS)
def test_what_was_written_is_read(value: object) -> None:
    """Values, containers and objects, with their types and their order."""
    assert shown(through(value)) == shown(value)
    assert canonical(Writer({}).write(through(value), "it")) == canonical(Writer({}).write(value, "it"))


def test_what_is_shared_stays_shared() -> None:
    """Also in a circle."""
    shared: list[Any] = [1]
    circle: dict[str, Any] = {"a": shared, "b": deque([shared], maxlen=3)}
    circle["self"] = circle
    read = through(circle)

    assert read["a"] is read["b"][0]
    assert read["self"] is read
    assert read["b"].maxlen == 3


def test_chance_goes_on_where_it_was() -> None:
    """A generator draws the same afterwards, also between the two halves of a normal draw."""
    chance = random.Random(7)
    chance.gauss(0, 1)
    read = through(chance)

    assert [read.gauss(0, 1) for _ in range(3)] == [chance.gauss(0, 1) for _ in range(3)]


def test_methods_and_anchors() -> None:
    """A bound method keeps its object; an anchor is named, not written."""
    limiter = Limiter(3, 1000)
    limiter.admit("a", 5)
    admit: Any = partial(limiter.admit, "b")
    timer = Timer(7, 1, "t", admit)
    read = through([limiter, timer, Side], {"the limiter": limiter})
    assert read[0] is limiter
    assert (read[1].callback.func.__self__, read[1].callback.args) == (limiter, ("b",))
    assert read[2] is Side

    read = through([limiter, timer])
    assert read[0] is not limiter
    assert read[1].callback.func.__self__ is read[0]
    assert list(read[0]._windows["a"]) == [5]


def test_every_kind_of_dict() -> None:
    """A counter counts, a defaultdict makes."""
    made = through([Counter("aab"), defaultdict(list, {"a": [1]})])
    made[1]["b"].append(2)

    assert made == [Counter("aab"), {"a": [1], "b": [2]}]
    assert isinstance(made[0], Counter)


@pytest.mark.parametrize("what", [lambda: None, object(), print, json.JSONDecoder(), range(3), [st.none()]])
def test_what_cannot_be_written_is_refused_where_it_stands(what: object) -> None:
    """And what was written with it is as if it had never been."""
    writer = Writer({})
    shared = [1]
    with pytest.raises(GraphError, match="it/1"):
        writer.write([shared, what], "it")

    assert writer.write(shared, "other") == [1]


@pytest.mark.parametrize(
    "given",
    [
        {"$object": "builtins:object", "fields": {}},
        {"$object": "mockserver.clock:Nothing", "fields": {}},
        {"$object": "mockserver.clock:Fired", "fields": {"when_ns": 1}},
        {"$object": "mockserver.clock:heapq", "fields": {}},
        {"$object": "mockserver.graph:json.JSONDecoder", "fields": {}},
        {"$named": "mockserver.clock:attrs.define"},
        {"$named": "os:system"},
        {"$named": "eval"},
        {"$method": [{"$decimal": "1"}, "sqrt"]},
        {"$method": [{"$object": "mockserver.engine.versions:Versions", "fields": {}}, "__init__"]},
        {"$ref": "nowhere"},
        {"$anchor": "nowhere"},
        {"$enum": ["mockserver.engine.enums:Side", "UP"]},
        {"$decimal": "x"},
        {"$random": "AAAA", "version": 3, "gauss": None},
        {"$dict": [[[], 1]]},
        {"$row": ["mockserver.checkers.facts:Opened", [1]]},
        {"$row": ["mockserver.clock:Clock", []]},
        {"$strange": 1},
        {},
        1.5,
    ],
)
def test_what_was_not_written_by_us_is_refused(given: Any) -> None:
    """Classes and functions of others above all."""
    with pytest.raises(GraphError):
        Reader({}).read(given, "it")


def test_numbers_stay_exact() -> None:
    """Those that JSON has no form for."""
    values = [Decimal("1.10"), Fraction(1, 3), 10**30, -0.0, float("inf")]
    assert list(map(repr, through(values))) == list(map(repr, values))
