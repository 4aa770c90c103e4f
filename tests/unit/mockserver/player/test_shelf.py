"""What a scenario's file says that only the whole of it shows to be wrong, and what it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockserver.player import shelf
from mockserver.story import StoryError

CAPTURE = "wait: {request: POST /api/v3/order, as: o}"


def text(*steps: str, before: str = "[]") -> str:
    """A file whose steps begin on line 5."""
    return "\n".join(
        ["mock: 1", "venue: binance-spot", f"before: {before}", "steps:", *(f"- {step}" for step in steps)]
    )


@pytest.mark.parametrize(
    ("steps", "line", "what"),
    [
        (["fill: {order: $o}"], 5, "fill"),
        (["fill: $o"], 5, "fill"),
        (["cancel: $o"], 5, "cancel"),
        ([CAPTURE, "expire: $p"], 6, "expire"),
        (["cancel: $o", CAPTURE], 5, "cancel"),
        (["fill: {as: maker, order: $maker}"], 5, "fill"),
        ([f"repeat: {{times: 2, steps: [{{cancel: $o}}, {{{CAPTURE}}}]}}"], 5, "cancel"),
        ([f"parallel:\n  - [{{{CAPTURE}}}]\n  - - wait: 1s\n    - cancel: $p"], 8, "cancel"),
    ],
)
def test_an_order_that_nothing_has_captured(steps: list[str], line: int, what: str) -> None:
    """It is the file's mistake and not the client's, so it is refused where it stands, and says what to write."""
    with pytest.raises(StoryError, match=rf"^line {line}: {what}: nothing before it captures \$.* 'as: ") as refused:
        shelf.of_text(text(*steps))
    assert ("did you mean '$o'" in str(refused.value)) == ("$p" in steps[-1])


@pytest.mark.parametrize(
    "steps",
    [
        [CAPTURE, "fill: {order: $o}", "cancel: $o", "expire: $newest", "fill"],
        ["expect: {request: POST /api/v3/order, as: o}", "cancel: $o"],
        [f"repeat: {{times: 2, steps: [{{{CAPTURE}}}, {{cancel: $o}}]}}", "cancel: $o"],
        [f"parallel: [[{{wait: 1s}}, {{cancel: $o}}], [{{{CAPTURE}}}]]", "cancel: $o"],
        [f"parallel: [[{{cancel: $o}}], [{{repeat: {{times: 1, steps: [{{{CAPTURE}}}]}}}}]]"],
        [CAPTURE, "parallel: [[{cancel: $o}], [{wait: 1s}]]", "repeat: {times: 2, steps: [{cancel: $o}]}"],
    ],
)
def test_an_order_that_was_captured(steps: list[str]) -> None:
    """Before it, also in a list inside; side by side the other list may come first."""
    shelf.of_text(text(*steps))


def test_before_the_client_begins() -> None:
    """What stands there comes first, whatever else may be wrong with it."""
    shelf.of_text(text("cancel: $o", before=f"[{{{CAPTURE}}}]"))
    with pytest.raises(StoryError, match=r"^line 3: cancel: nothing before it captures"):
        shelf.of_text(text(CAPTURE, before="[{cancel: $o}]"))


@pytest.mark.parametrize(
    ("venue", "says"),
    [
        ("binance", "no venue 'binance'; did you mean 'binance-spot'?"),
        ("kraken@2024", "no venue 'kraken'; there are binance-futures, binance-spot, ftx"),
        ("binance-spot@2025", "binance-spot has no profile '2025'; "),
    ],
)
def test_a_venue_that_there_is_not(venue: str, says: str) -> None:
    """Its line, and the nearest name."""
    with pytest.raises(StoryError) as refused:
        shelf.of_text(f"mock: 1\nname: x\nvenue: {venue}\nsteps: []")
    assert (refused.value.text[: len(says)], refused.value.line) == (says, 3)


def test_what_a_story_without_a_name_is_called(tmp_path: Path) -> None:
    """As its file."""
    path = tmp_path / "mine.yaml"
    for head, name in (("", "mine.yaml"), ("name: a test\n", "a test")):
        path.write_text(f"mock: 1\nvenue: ftx\n{head}steps: []\n")
        assert shelf.read(str(path)).name == name
