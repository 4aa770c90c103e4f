"""Stories of the simulation as text, in the one format of all stories and scenarios, and back.

What the format has no place for (limits of memory, the journal) is in its `setup`. How a story begins and ends are
steps: the client is live before the first one, unless that is early, and in the end the faults end. A failure is told
in this form; kept as a file in `kept/`, it is played by every run of the tests, by
`python -m tests.simulation --story FILE`, and against any client by `python -m mockserver run FILE -- command`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from exchstream.core.limits import SessionLimits
from mockserver import story as format_
from mockserver.durations import format_duration, parse_duration
from mockserver.player import shelf
from mockserver.player.verbs import ENDINGS, STEPS
from mockserver.verbs import CLIENTS, WEATHER

from .story import Step, Story

KEPT: Final = Path(__file__).parent / "kept"
# What the simulation plays of all verbs.
PLAYED: Final = frozenset({"trade", "wait", *WEATHER, *CLIENTS})
LIVE: Final[Step] = shelf.of_text("mock: 1\nvenue: ftx\nsteps: [{wait: {client: subscribed}}]").steps[0]
HEALED, BUT_AWAY = Step("heal"), Step("heal", "but_away")
# Who plays a file against a client has no other checkers, and cannot wait for ever.
CHECKED: Final = (Step("check", ("no_fill_lost", "no_fill_duplicated", "no_fill_invented", "right_at_end")),)
SETTLE: Final = "6m"
VENUES: Final = {"binance-spot-listen-key": "binance-spot@2024"}  # by flavour, where it is not the venue's name


def to_text(story: Story, *, name: str = "", comment: str = "") -> str:
    """The story as a file; `comment` may say what it violates."""
    written = format_.Story(
        name=name,
        venue=VENUES.get(story.flavour, story.flavour),
        seed=story.seed,
        setup=_setup(story),
        before=story.before,
        steps=(*(() if story.early else (LIVE,)), *story.steps, BUT_AWAY if story.lasting else HEALED),
        ending=CHECKED,
    )
    return format_.dump(written, {**STEPS, **ENDINGS}, comment=comment)


def of_text(text: str) -> Story:
    """The story of a file. ValueError: there is something in it that the simulation does not play."""
    read = shelf.of_text(text)
    steps, flavours = read.steps, {venue: flavour for flavour, venue in VENUES.items()}
    early = steps[:1] != (LIVE,)
    steps = steps if early else steps[1:]
    lasting = steps[-1:] == (BUT_AWAY,)
    steps = steps[:-1] if steps[-1:] in ((HEALED,), (BUT_AWAY,)) else steps
    for step in (*read.before, *steps):
        if step.what not in PLAYED or (step.what == "wait" and not isinstance(step.arg, int)):
            raise ValueError(f"the simulation does not play {format_.write_step(step, STEPS)}")
    return Story(
        flavour=flavours.get(read.venue, read.venue),
        seed=read.seed or 0,
        steps=steps,
        before=read.before,
        early=early,
        lasting=lasting,
        **_fields(read.setup),
    )


def kept() -> dict[str, Story]:
    """The stories that are kept as files, by the file's name; `judged` are about this simulation's judge alone."""
    return {path.stem: of_text(path.read_text(encoding="utf-8")) for path in sorted(KEPT.rglob("*.yaml"))}


def _setup(story: Story) -> dict[str, Any]:
    usual = SessionLimits()
    limits = {field.name: getattr(story.session_limits, field.name) for field in attrs.fields(SessionLimits)}
    setup = {
        "clock_ahead": format_duration(-story.machine_ns) if story.machine_ns else None,
        "settings": None if story.page_cap is None else {"page_cap": story.page_cap},
        "symbols": None if story.symbols is None else list(story.symbols),
        "markets": story.markets,
        "limits": dict(story.limits) or None,
        "session_limits": {name: given for name, given in limits.items() if given != getattr(usual, name)} or None,
        "journal": story.journal,
        "healthy": story.healthy or None,
        "settle": SETTLE,
    }
    return {name: value for name, value in setup.items() if value is not None}


def _fields(setup: Mapping[str, Any]) -> dict[str, Any]:
    """What the setup says of a story; what is not there is as usual."""
    readers: dict[str, tuple[str, Any]] = {
        "clock_ahead": ("machine_ns", lambda given: -parse_duration(given)),
        "settings": ("page_cap", lambda given: given["page_cap"]),
        "symbols": ("symbols", tuple),
        "limits": ("limits", lambda given: tuple(given.items())),
        "session_limits": ("session_limits", lambda given: SessionLimits(**given)),
    }
    as_it_is = {name: (name, lambda given: given) for name in ("markets", "journal", "healthy")}
    fields = {}
    for key, given in setup.items():
        if key == "settle":  # a player's
            continue
        if key not in readers | as_it_is:
            raise ValueError(f"the simulation has no {key!r} in the setup")
        name, read = (readers | as_it_is)[key]
        fields[name] = read(given)
    return fields


__all__ = ["LIVE", "PLAYED", "kept", "of_text", "to_text"]
