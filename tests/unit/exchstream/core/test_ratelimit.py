"""The budget: no window is ever overdrawn, and everybody gets a turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchstream.core.backoff import MAX_RETRY_AFTER_NS
from exchstream.core.happenings import Now
from exchstream.core.ratelimit import Budget
from exchstream.core.venue import DAY, MINUTE, SECOND, Bucket, Throttle

WALL = 1_700_000_000 * SECOND


def budget(limit: int = 10, per_ns: int = MINUTE, percent: int = 100) -> Budget:
    return Budget([Bucket("rest", limit, per_ns), Bucket("raw", 100, MINUTE)], percent=percent)


def now(mono_ns: int) -> Now:
    return Now(mono_ns, WALL + mono_ns)


def test_grants_up_to_the_limit() -> None:
    """Then it says when the oldest grant leaves the window, and books nothing."""
    rest = budget()

    assert [rest.reserve("rest", 4, at) for at in (0, 5, 9)] == [0, 5, MINUTE]
    assert rest.reserve("rest", 2, 9) == 9
    assert rest.reserve("rest", 5, 9) == MINUTE + 5
    assert rest.reserve("rest", 4, MINUTE) == MINUTE
    assert rest.spent("rest", MINUTE) == 10


def test_percent_of_the_limit() -> None:
    """A part is left for others, but at least 1 is used."""
    nine = budget(10, percent=90)

    assert [nine.reserve("rest", 9, 0), nine.reserve("rest", 1, 0)] == [0, MINUTE]
    assert budget(1, percent=10).reserve("rest", 1, 0) == 0


def test_buckets_are_apart() -> None:
    """An empty bucket does not hold another back, and an unknown one is a mistake."""
    both = budget()

    assert [both.reserve("rest", 10, 0), both.reserve("raw", 100, 0)] == [0, 0]
    with pytest.raises(KeyError):
        both.reserve("orders", 1, 0)


def test_weight_beyond_the_limit() -> None:
    """It waits for an empty window and then goes; a weight of 0 or less costs nothing."""
    rest = budget()
    rest.reserve("rest", 1, 7)

    assert rest.reserve("rest", 99, 8) == 7 + MINUTE
    assert rest.reserve("rest", 99, 7 + MINUTE) == 7 + MINUTE
    assert rest.reserve("rest", -5, 2 * MINUTE) == 2 * MINUTE
    assert rest.spent("rest", 8 * MINUTE) == 0


@pytest.mark.parametrize(("used", "spent"), [(None, 4), (0, 4), (-3, 4), (4, 4), (7, 7), (10, 10), (10**30, 10)])
def test_what_the_venue_counts(used: int | None, spent: int) -> None:
    """A count above ours is believed, up to the limit; one below ours is not."""
    rest = budget()
    rest.reserve("rest", 4, 0)
    rest.obey(Throttle("rest", used), now(SECOND))

    assert rest.spent("rest", SECOND) == spent
    assert rest.spent("rest", MINUTE + SECOND) == 0


def test_count_of_an_unknown_bucket() -> None:
    """It says nothing about those that we have."""
    rest = budget()
    rest.obey(Throttle("orders", 99), now(0))

    assert rest.reserve("rest", 10, 0) == 0


@pytest.mark.parametrize(
    ("bucket", "until_ns", "at_ns"),
    [
        ("rest", 5 * MINUTE, 5 * MINUTE),
        ("ip", 5 * MINUTE, 5 * MINUTE),
        ("rest", -MINUTE, SECOND),
        ("rest", 9999 * DAY, SECOND + MAX_RETRY_AFTER_NS),
    ],
)
def test_ban(bucket: str, until_ns: int, at_ns: int) -> None:
    """Every bucket is shut until the ban ends, and never for longer than any ban: a dial would be banned as well."""
    both = budget()
    both.obey(Throttle(bucket, None, WALL + until_ns), now(SECOND))

    assert [both.reserve("rest", 1, SECOND), both.reserve("raw", 1, SECOND)] == [at_ns, at_ns]


def test_shorter_ban_does_not_open() -> None:
    """The longest of several bans counts."""
    rest = budget()
    rest.obey(Throttle("rest", None, WALL + 5 * MINUTE), now(0))
    rest.obey(Throttle("rest", None, WALL + MINUTE), now(0))

    assert rest.reserve("rest", 1, 0) == 5 * MINUTE


@given(
    st.integers(1, 20),
    st.lists(
        st.tuples(st.integers(0, 25), st.integers(0, 40), st.one_of(st.none(), st.integers(0, 30))),
        max_size=60,
    ),
)
def test_no_window_is_overdrawn_and_all_get_their_turn(limit: int, asks: list[tuple[int, int, int | None]]) -> None:
    """Asks in a queue, each waiting as told: every one is granted, and no span of the interval exceeds the limit."""
    per_ns = 50
    rest = budget(limit, per_ns)
    at, granted = 0, []
    for weight, pause, used in asks:
        at += pause
        rest.obey(Throttle("rest", used), now(at))
        looks = 0
        while (until := rest.reserve("rest", weight, at)) > at:
            at, looks = until, looks + 1
            assert looks <= 2, "the time it names is the right one"
        granted.append((at, min(weight, limit)))

    for start, _ in granted:
        assert sum(weight for when, weight in granted if start <= when < start + per_ns) <= limit
