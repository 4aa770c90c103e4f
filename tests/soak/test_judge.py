"""The judge of a soak sees what grows and what was lost, and is content with what only wavers."""

from __future__ import annotations

import pytest

from .judge import BOUNDS, MIB, ends_wrong, fills_wrong, grown

STEADY = {"rss": 60 * MIB, "files": 20, "threads": 3, "tasks": 40}


def samples(count: int = 60, **more: int) -> list[dict[str, int]]:
    """So many; each of these grows by so much from one to the next."""
    return [STEADY | {name: STEADY[name] + each * step for name, each in more.items()} for step in range(count)]


def test_what_wavers_is_no_growth() -> None:
    """Warming up, and an odd moment at the end, are none."""
    warm = [STEADY | {"rss": MIB * (20 + step), "files": step} for step in range(20)]
    assert grown([*warm, *samples(39), STEADY | {"rss": 900 * MIB, "tasks": 900}]) == []


@pytest.mark.parametrize("name", BOUNDS)
def test_what_grows_is_seen(name: str) -> None:
    """Each of the figures by itself; a twentieth of the time between two samples brings one bound."""
    (said,) = grown(samples(**{name: -(-BOUNDS[name] // 19)}))
    assert said.startswith(f"{name} grew")


def test_too_few_samples_prove_nothing() -> None:
    """A bot that has said next to nothing was not well."""
    assert grown(samples(8)) != []


def test_fills_lost_doubled_or_changed() -> None:
    """Each of them is named."""
    one, two, three = ("1", "100", "0.5"), ("1", "100", "0.6"), ("2", "101", "0.5")
    assert fills_wrong("a", [one, two], [two, one]) == []
    assert fills_wrong("a", [one, two], [one]) == [f"a: fill lost: {two}"]
    assert fills_wrong("a", [one], [one, one]) == [f"a: fill told twice or wrong: {one}"]
    assert len(fills_wrong("a", [one], [three])) == 2


def test_ends_untold_or_false() -> None:
    """An end that was not told, one that was not, and another one."""
    assert ends_wrong("a", {"1": "filled"}, {"1": "filled"}) == []
    assert len(ends_wrong("a", {"1": "filled", "2": "canceled"}, {"1": "canceled", "3": "filled"})) == 3
