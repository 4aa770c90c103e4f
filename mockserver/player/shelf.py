"""The scenarios that come with the package, and any file: read, and refused in words if they cannot be played."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from mockserver import venues
from mockserver.forms import nearest
from mockserver.player.verbs import ENDINGS, STEPS, check_captures, check_jumps
from mockserver.story import Story, parse

SHELF: Final = Path(__file__).parents[1] / "scenarios"


class NoScenario(Exception):
    """There is none of this name, or its file cannot be read; the text says what to do."""


def names() -> list[str]:
    """The scenarios that come with the package."""
    return sorted(path.stem for path in SHELF.glob("*.yaml"))


def read(name: str) -> Story:
    """A scenario by its name, or the path of a file, whose name it has if it says none.

    NoScenario or StoryError say what is wrong.
    """
    path = SHELF / f"{name}.yaml" if name in names() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        hint = "" if path.suffix else f"; {nearest(name, names())}"
        raise NoScenario(f"cannot read the scenario {name}: {why}{hint}") from None
    story = of_text(text)
    return story if story.name else attrs.evolve(story, name=path.name)


def of_text(text: str) -> Story:
    """The scenario of this text. StoryError says what is wrong with it."""
    story = parse(text, STEPS, ENDINGS, check_jumps, venues.find)
    check_captures((*story.before, *story.steps))
    return story
