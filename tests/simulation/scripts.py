"""Stories of the simulation as text, in the one format of `mockserver.story`, and back.

What the format does not know of a story (pages, limits, how the account began) is in its `setup`; the steps are verbs.
A failure is told in this form; kept as a file in `kept/`, it is played by every run of the tests, and by
`python -m tests.simulation --story FILE`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import attrs

from exchstream.core.limits import SessionLimits
from mockserver import story as format_
from mockserver.durations import format_duration, parse_duration
from mockserver.verbs import COUNT, FLAG, NOTHING, SHARE, SPAN, VERBS, WORD, Verb, optional, pair

from .story import Story

KEPT: Final = Path(__file__).parent / "kept"
# Every step of the simulation, and what it takes.
STEPS: Final[dict[str, Verb]] = {
    "trade": VERBS["trade"],
    "wait": VERBS["wait"],
    "restart": VERBS["restart"],
    "since": NOTHING,
    "drop": WORD,
    "mute": WORD,
    "unmute": NOTHING,
    "lag": SPAN,
    "fate": WORD,
    "dials": WORD,
    "slow": SPAN,
    "stall": SPAN,
    "clock": SPAN,
    "expire": COUNT,
    "rekey": NOTHING,
    "shutdown": FLAG,
    "shutdowns": COUNT,
    "terminate": NOTHING,
    "terminates": COUNT,
    "doubled": SHARE,
    "broken": SHARE,
    "replay": pair(COUNT, SPAN),
    "overflow": NOTHING,
    "ban": pair(SPAN, COUNT),
    "away": optional(pair(WORD, WORD)),
    "measure": SPAN,
    "delist": COUNT,
    "interleaving": WORD,
}
_OWN: Final = ("flavour", "seed", "steps", "before")  # what the format has a place for


def to_text(story: Story, *, name: str = "", comment: str = "") -> str:
    """The story as a file; `comment` may say what it violates."""
    setup = {
        field.name: _plain(field.name, getattr(story, field.name))
        for field in attrs.fields(Story)
        if field.name not in _OWN and getattr(story, field.name) != field.default
    }
    written = format_.Story(
        name=name,
        venue=story.flavour,
        seed=story.seed,
        setup=setup,
        before=story.before,
        steps=story.steps,
    )
    return format_.dump(written, STEPS, comment=comment)


def of_text(text: str) -> Story:
    """The story of a file."""
    read = format_.parse(text, STEPS)
    return Story(
        flavour=read.venue,
        seed=read.seed,
        steps=read.steps,
        before=read.before,
        **{name: _typed(name, value) for name, value in read.setup.items()},
    )


def kept() -> dict[str, Story]:
    """The stories that are kept as files, by the file's name."""
    return {path.stem: of_text(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.yaml"))}


def _plain(name: str, value: Any) -> Any:
    match name:
        case "symbols":
            return list(value)
        case "limits":
            return dict(value)
        case "session_limits":
            usual = SessionLimits()
            changed = {field.name: getattr(value, field.name) for field in attrs.fields(SessionLimits)}
            return {name: number for name, number in changed.items() if number != getattr(usual, name)}
        case "machine_ns":
            return format_duration(value)
        case _:
            return value


def _typed(name: str, value: Any) -> Any:
    match name:
        case "symbols":
            return tuple(value)
        case "limits":
            return tuple(value.items())
        case "session_limits":
            return SessionLimits(**value)
        case "machine_ns":
            return parse_duration(value)
        case _:
            return value


__all__ = ["STEPS", "kept", "of_text", "to_text"]
