"""Delays grow, are capped, and calm down only after a stable spell."""

from __future__ import annotations

import pytest

from exchstream.core.backoff import MAX_RETRY_AFTER_NS, Backoff, retry_after_ns
from exchstream.core.venue import SECOND

POLICY = Backoff(base_ns=SECOND, cap_ns=60 * SECOND, stable_ns=30 * SECOND)
DATE = "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("failures", "high"), [(-1, 0), (0, 0), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60), (10**9, 60)]
)
def test_delay(failures: int, high: int) -> None:
    """The range begins at 0 and its end doubles up to the cap."""
    assert POLICY.delay(failures) == (0, high * SECOND)


@pytest.mark.parametrize(
    ("failures", "lived_ns", "expected"),
    [(0, 0, 1), (4, 0, 5), (4, 30 * SECOND - 1, 5), (4, 30 * SECOND, 1), (0, 3600 * SECOND, 1)],
)
def test_after(failures: int, lived_ns: int, expected: int) -> None:
    """Only a try that worked for the stable time begins the count anew."""
    assert POLICY.after(failures, lived_ns) == expected


@pytest.mark.parametrize(
    ("value", "date", "expected"),
    [
        ("0", None, 0),
        (" 30 ", None, 30 * SECOND),
        ("259200", None, MAX_RETRY_AFTER_NS),
        ("259201", None, MAX_RETRY_AFTER_NS),
        ("9" * 5000, None, MAX_RETRY_AFTER_NS),
        ("", None, None),
        ("-1", None, None),
        ("1e999", None, None),
        ("NaN", None, None),
        ("٣", None, None),
        ("soon", DATE, None),
        ("Sun, 22 Nov 2026 10:00:07 GMT", DATE, 7 * SECOND),
        ("Sun, 22 Nov 2026 09:00:00 GMT", DATE, 0),
        ("Sun, 22 Nov 2099 09:00:00 GMT", DATE, MAX_RETRY_AFTER_NS),
        ("Sun, 22 Nov 2026 10:00:07 GMT", None, None),
        ("Sun, 22 Nov 2026 10:00:07 GMT", "today", None),
        ("Sun, 22 Nov 2026 10:00:07 -0000", DATE, None),
        ("Sun, 99 Nov 2026 10:00:07 GMT", DATE, None),
    ],
)
def test_retry_after(value: str, date: str | None, expected: int | None) -> None:
    """Seconds or a date, held within bounds; anything else is None."""
    assert retry_after_ns(value, date) == expected
