"""Shorter and plainer stories that end as badly."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs

from .play import play
from .story import Story


def violations_of_playing(story: Story) -> list[str]:
    """What every checker says of this story."""
    return play(story).violations


def shortened(
    story: Story,
    *,
    violations_of: Callable[[Story], list[str]] = violations_of_playing,
    kind: str | None = None,
    tries: int = 400,
) -> Story:
    """A shorter and plainer story with a violation of the same kind (None: of the first), by leaving things out."""
    wanted = kind or kind_of(violations_of(story)[0])

    def still(shorter: Story) -> bool:
        return wanted in {kind_of(violation) for violation in violations_of(shorter)}

    best = story
    for field in attrs.fields(Story):
        default = field.default
        if field.name not in ("flavour", "seed", "steps", "healthy") and getattr(best, field.name) != default:
            plainer: Story = attrs.evolve(best, **{field.name: default})  # type: ignore[arg-type]
            if still(plainer):
                best = plainer
    for name in ("before", "steps", "limits"):
        best = _with_fewer(best, name, still, tries)
    return best


def _with_fewer(story: Story, name: str, still: Callable[[Story], bool], tries: int) -> Story:
    best, size = story, max(1, len(getattr(story, name)) // 2)
    while size >= 1 and tries > 0:
        start = 0
        while start < len(getattr(best, name)) and tries > 0:
            tries -= 1
            items = getattr(best, name)
            shorter = attrs.evolve(best, **{name: items[:start] + items[start + size :]})
            if still(shorter):
                best = shorter
            else:
                start += size
        size //= 2
    return best


_DETAIL: Final = re.compile(r"[0-9]+|'[^']*'|[(\[].*")


def kind_of(violation: str) -> str:
    """What kind of violation this is: its first words, without numbers."""
    return " ".join(_DETAIL.sub("", violation).split()[:4])
