"""Every story of the simulation can be kept as text, and is the same story again."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from mockserver.player import shelf
from mockserver.story import StoryError

from .__main__ import Bad, export, tell
from .chance import told_by_chance
from .play import play
from .scripts import KEPT, PLAYED, of_text, to_text
from .stories import PINNED
from .story import Story
from .world import FLAVOURS, World


@pytest.mark.parametrize("name", PINNED)
def test_a_pinned_story_as_text(name: str) -> None:
    """Its name goes with it."""
    text = to_text(PINNED[name], name=name, comment="what was wrong")
    assert text.startswith("# what was wrong\nmock: 1\nname: ")
    assert of_text(text) == PINNED[name]


def test_stories_by_chance_as_text() -> None:
    """Some of every flavour; all together have every step, and nearly every field, that a story may have."""
    told = [told_by_chance(flavour, seed) for flavour in FLAVOURS for seed in range(60)]
    some = told[::12]
    assert [of_text(to_text(story)) for story in some] == some
    assert {step.what for story in told for step in (*story.before, *story.steps)} == PLAYED - {"heal"}
    changed = {
        field.name
        for story in told
        for field in attrs.fields(Story)
        if field.default is not attrs.NOTHING and getattr(story, field.name) != field.default
    }
    assert {field.name for field in attrs.fields(Story) if field.default is not attrs.NOTHING} - changed == {"healthy"}


@pytest.mark.parametrize("path", sorted(KEPT.rglob("*.yaml")), ids=lambda path: path.stem)
def test_a_kept_story_is_as_it_would_be_written(path: Path) -> None:
    """With its beginning and its end: one that lacks them would be another story."""
    text = path.read_text()
    comment = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    assert to_text(of_text(text), name=shelf.of_text(text).name, comment=comment) == text


def test_a_failure_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file with what is wrong above it, of the form that `run` plays."""
    monkeypatch.setattr(World, "_note_sizes", lambda self: self.told.extend(self.told[:1]))  # told again and again
    story = told_by_chance("ftx", 3, 10)
    bad = [Bad("ftx", 3, play(story).violations)]
    assert bad[0].violations
    told = tell(bad, 1, lambda _: story)
    export(told, tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.read_text().startswith(f"# {told[0].violations[0][:60]}")
    assert of_text(path.read_text()) == told[0].story
    assert shelf.read(str(path)).venue == "ftx"


def test_a_wrong_step_names_its_line() -> None:
    """With what was probably meant."""
    with pytest.raises(StoryError, match="line 4: no verb 'dorp'; did you mean 'drop'"):
        of_text("mock: 1\nvenue: ftx\nsteps:\n- dorp: reset\n")


def test_what_only_a_player_plays_is_refused() -> None:
    """In words: the simulation has no journal of a client to wait for."""
    with pytest.raises(ValueError, match=r"does not play .*'request': 'GET /x'"):
        of_text("mock: 1\nvenue: ftx\nsteps:\n- wait: {request: GET /x}\n")
    with pytest.raises(ValueError, match=r"does not play .*'fill'"):
        of_text("mock: 1\nvenue: ftx\nsteps:\n- fill: {qty: '1'}\n")
