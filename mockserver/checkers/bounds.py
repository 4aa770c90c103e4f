"""Bounds: nothing grows without limit, and nothing is done too often or too seldom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from mockserver.checkers.facts import moment


def too_much(sizes: Mapping[str, tuple[int, int]]) -> list[str]:
    """Nothing has grown beyond its bound: sizes are (how many, at most)."""
    return [f"{name} has grown to {size}, more than {bound}" for name, (size, bound) in sizes.items() if size > bound]


def too_often(times: Mapping[str, Sequence[int]], limits: Mapping[str, tuple[int, int]]) -> list[str]:
    """Nothing was done more often than it may be: limits are (how often, within how many ns).

    Times rise.  They may be those of requests, of dials, of requests for a new key: whatever the names say.
    """
    wrong = []
    for name, (most, within_ns) in limits.items():
        done = times.get(name, ())
        for first_ns, last_ns in zip(done, done[most:], strict=False):
            if last_ns - first_ns < within_ns:
                wrong.append(f"{name}: more than {most} within {within_ns / 10**9:g} s from {moment(first_ns)} on")
                break
    return wrong


def too_seldom(times: Sequence[int], *, every_ns: int, since_ns: int, until_ns: int) -> list[str]:
    """What must be done again and again (a listen key renewed, say) never waited for longer than `every_ns`."""
    done = [since_ns, *(time_ns for time_ns in times if since_ns < time_ns < until_ns), until_ns]
    return [
        f"not done for {(after_ns - before_ns) / 10**9:g} s from {moment(before_ns)} on"
        for before_ns, after_ns in pairwise(done)
        if after_ns - before_ns > every_ns
    ]
