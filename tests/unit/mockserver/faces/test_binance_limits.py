"""Counting: what is kept of the past is bounded, whoever asks."""

import pytest

from mockserver.faces.binance import limits
from mockserver.faces.binance.errors import Refused

MINUTE_MS = 60_000


def spent(counts: limits.Limits, owner: str, now_ms: int) -> int:
    """The status with which the owner's next request is refused."""
    with pytest.raises(Refused) as caught:
        counts.charge(owner, 1, now_ms)
    return caught.value.refusal.status


def test_counters_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More owners than there is room for: those of an earlier minute are forgotten, then the oldest of this one."""
    monkeypatch.setattr(limits, "MAX_COUNTERS", 3)
    counts = limits.Limits(100, ())
    for owner in ("a", "b"):
        counts.charge(owner, 5, 0)
    for owner in ("c", "d"):
        counts.charge(owner, 7, MINUTE_MS)
    assert [counts.used(owner, MINUTE_MS) for owner in ("c", "d")] == [7, 7]
    for owner in ("e", "f"):
        counts.charge(owner, 9, MINUTE_MS)
    assert [counts.used(owner, MINUTE_MS) for owner in ("f", "e", "d")] == [9, 9, 7]
    assert counts.used("c", MINUTE_MS) == 0


def test_bans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bans than there is room for: those that are over are forgotten, then the oldest."""
    monkeypatch.setattr(limits, "MAX_COUNTERS", 2)
    monkeypatch.setattr(limits, "STUBBORN_REQUESTS", 0)
    counts = limits.Limits(0, (), "ip")
    assert [spent(counts, owner, 0) for owner in ("a", "b")] == [418, 418]
    assert spent(counts, "c", 1) == 418
    counts.weight_limit = 100
    counts.charge("a", 1, 1)  # the oldest ban has made room
    assert [spent(counts, owner, limits.BAN_MS - 1) for owner in ("b", "c")] == [418, 418]
    counts.charge("b", 1, limits.BAN_MS)
    assert spent(counts, "c", limits.BAN_MS) == 418
