"""A loss and a repeat do not make up for each other, and in each order's history every update has its place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.bench.contestants.decode import Pipeline
from tests.bench.contestants.meter import Told
from tests.bench.race import _lap
from tests.bench.reports import blast

NOW_MS = 1_795_000_000_000
SAID = {"cpu_s": 1.0, "orders": 2, "fills": 0, "version": "1", "idle_kib": 1, "kib": 1, "moments": [], "told": None}


def told(*states: str, executions: Sequence[str] = ()) -> Told:
    """Orders and statuses in turn."""
    made = Told()
    made.states += states
    made.executions += executions
    return made


SENT = told("1", "new", "2", "new", "1", "filled", executions=("1", "100"))


def test_how_orders_fall_between_each_other_makes_no_difference():
    other = told("2", "new", "1", "new", "1", "filled", executions=("1", "100"))

    assert other.digest() == SENT.digest()


@pytest.mark.parametrize(
    "other",
    [
        told("1", "new", "1", "new", "1", "filled", executions=("1", "100")),
        told("1", "filled", "2", "new", "1", "new", executions=("1", "100")),
        told("1", "new", "2", "filled", "1", "filled", executions=("1", "100")),
        told("1", "new", "2", "new", "1", "filled", executions=("1", "101")),
        told("1", "new", "2", "new", "1", "filled", executions=("2", "100")),
        told("1", "new", "2", "new", "1", "filled", executions=("1", "100", "1", "100")),
    ],
    ids=["lost and doubled", "out of order", "changed", "another fill", "another order's fill", "doubled fill"],
)
def test_what_differs_is_another_digest(other: Told):
    assert other.digest() != SENT.digest()


@pytest.mark.parametrize(
    ("heard", "moments", "sent", "in_order"),
    [
        ("a", [], [], True),
        ("b", [], [], False),
        (None, [], [], None),
        (None, [(1, 5), (2, 6)], [(1, 4), (2, 5)], True),
        ("a", [(2, 5), (1, 6)], [(1, 4), (2, 5)], False),
        ("b", [(1, 5), (2, 6)], [(1, 4), (2, 5)], False),
    ],
    ids=["noted", "noted otherwise", "nobody looked", "paced", "paced, out of order", "paced, noted otherwise"],
)
def test_a_lap_is_in_order_when_all_that_was_looked_at_is(heard: Any, moments: Any, sent: Any, in_order: bool | None):
    lap = _lap({**SAID, "told": heard, "moments": moments}, 2, {"orders": 2, "trades": 0, "told": "a", "sent": sent})

    assert lap.in_order is in_order


def keep(texts: list[str]) -> None:
    """As sent."""


def double(texts: list[str]) -> None:
    """A repeat, which is not told."""
    texts[50:50] = texts[40:50]


def lose(texts: list[str]) -> None:
    """One is missing."""
    del texts[15]


@pytest.mark.parametrize(("spoil", "same"), [(keep, True), (double, True), (lose, False)])
def test_what_exchstream_tells_of_each_order_is_compared_with_what_was_sent(
    spoil: Callable[[list[str]], None], same: bool
):
    made, pipeline = blast(300, 0, NOW_MS), Pipeline(wall_ns=NOW_MS * 1_000_000)
    texts = copy.copy(made.frames)
    spoil(texts)
    pipeline.told = Told()

    pipeline.read([text.encode() for text in texts])

    assert (pipeline.told.digest() == made.told.digest()) is same
