"""Stories of the simulation as files, in the mock's one format: a failure is kept as one, and played again.

    python -m tests.simulation --story tests/simulation/kept/example.yaml

What the format has no word for (limits of memory, the user's symbols, the machine's clock ...) stands in its `setup`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from exchstream.core.limits import SessionLimits
from mockserver import story as form
from mockserver.verbs import COUNT, FLAG, NOTHING, SHARE, SPAN, VERBS, WORD, Verb, optional, pair

from .story import Story
from .world import FLAVOURS

KEPT: Final = Path(__file__).parent / "kept"
STEPS: Final[Mapping[str, Verb]] = {
    **{name: VERBS[name] for name in ("trade", "wait", "restart")},
    "away": optional(pair(WORD, WORD)),
    "ban": pair(SPAN, COUNT),
    "broken": SHARE,
    "clock": SPAN,
    "delist": COUNT,
    "dials": WORD,
    "doubled": SHARE,
    "drop": WORD,
    "expire": COUNT,
    "fate": WORD,
    "interleaving": WORD,
    "lag": SPAN,
    "measure": SPAN,
    "mute": WORD,
    "overflow": NOTHING,
    "rekey": NOTHING,
    "replay": pair(COUNT, SPAN),
    "shutdown": FLAG,
    "shutdowns": COUNT,
    "since": NOTHING,
    "slow": SPAN,
    "stall": SPAN,
    "terminate": NOTHING,
    "terminates": COUNT,
    "unmute": NOTHING,
}
_OF_THE_FORM: Final = ("flavour", "seed", "steps", "before")


def text_of(story: Story, *, comment: str = "") -> str:
    """The file of this story."""
    setup: dict[str, Any] = {}
    for field in attrs.fields(Story):
        value = getattr(story, field.name)
        if field.name in _OF_THE_FORM or value == field.default:
            continue
        match value:
            case SessionLimits():
                usual = SessionLimits()
                shown: Any = {
                    each.name: getattr(value, each.name)
                    for each in attrs.fields(SessionLimits)
                    if getattr(value, each.name) != getattr(usual, each.name)
                }
            case tuple() if field.name == "limits":
                shown = dict(value)
            case tuple():
                shown = list(value)
            case _:
                shown = value
        setup[field.name] = shown
    told = form.Story(venue=story.flavour, seed=story.seed, setup=setup, before=story.before, steps=story.steps)
    return form.dump(told, STEPS, comment=comment)


def story_of(text: str) -> Story:
    """The story of this file.  ValueError says what cannot be meant."""
    told = form.parse(text, STEPS)
    if told.venue not in FLAVOURS:
        raise ValueError(f"no venue {told.venue!r}; there are {', '.join(FLAVOURS)}")
    setup = dict(told.setup)
    known = {field.name for field in attrs.fields(Story)} - set(_OF_THE_FORM)
    if unknown := sorted(setup.keys() - known):
        raise ValueError(f"setup has no {unknown[0]!r}; there are {', '.join(sorted(known))}")
    if "limits" in setup:
        setup["limits"] = tuple(setup["limits"].items())
    if "session_limits" in setup:
        setup["session_limits"] = SessionLimits(**setup["session_limits"])
    if setup.get("symbols") is not None:
        setup["symbols"] = tuple(setup["symbols"])
    return Story(flavour=told.venue, seed=told.seed, before=told.before, steps=told.steps, **setup)


def kept() -> dict[str, Story]:
    """The stories that failed once and are kept as files, by the file's name."""
    return {path.stem: story_of(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob("*.yaml"))}
