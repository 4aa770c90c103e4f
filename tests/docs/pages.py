"""Writes what is generated of two pages of the mock: the scenarios, and the heads of the sections of the faults.

    python -m tests.docs.pages

A scenario's section is its file in words. A fault's section begins with the kind's own docstring, whether it is legal,
and the scenarios that use it; what stands below that is written by hand and kept. `test_pages` holds the pages to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mockserver.faults import KINDS, Fault
from mockserver.faults.kinds import EitherWay
from mockserver.player import shelf
from mockserver.player.machine import shown_step
from mockserver.story import Step, Story

DOCS: Final = Path(__file__).parents[2] / "docs" / "mock"
SCENARIOS: Final = DOCS / "scenarios.md"
FAULTS: Final = DOCS / "faults.md"
BEGIN: Final = "## The scenarios\n"
LEGAL: Final = {True: "It can happen at the real venue.", False: "It cannot happen at the real venue."}
SEAMS: Final = {
    "request": "a request",
    "dial": "a handshake",
    "frame": "a frame to the client",
    "tls": "a TLS handshake",
}
MISSING: Final = "(to be written: what it finds)"


def scenario_section(name: str) -> str:
    """The file in words."""
    story = shelf.read(name)
    steps = [f"    {'before: ' if step in story.before else ''}{shown_step(step)}" for step in _all(story)]
    checks = [each for step in story.ending if step.what == "check" for each in step.arg]
    return "\n".join(
        [
            f"### {name}",
            "",
            f"{_sentence(story.about)}",
            "",
            f"What a client must do: {_sentence(story.must)}",
            "",
            f"Who says so: {_sentence(story.source)}",
            "",
            *steps,
            "",
            f"`{story.venue}`; in the end: {', '.join(f'`{each}`' for each in checks)}"
            + (", and expectations." if any(step.what == "verify" for step in story.ending) else "."),
            "",
        ]
    )


def _all(story: Story) -> list[Step]:
    return [*story.before, *story.steps]


def _sentence(text: str) -> str:
    return text if text.endswith((".", '"')) else f"{text}."


def scenarios_page() -> str:
    """The page with every section as it must be."""
    above = SCENARIOS.read_text().partition(BEGIN)[0]
    return above + BEGIN + "\n" + "\n".join(scenario_section(name) for name in shelf.names())


def fault_head(word: str) -> str:
    """What is generated of a fault's section."""
    kind: Any = KINDS[word]
    said = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    users = [name for name in shelf.names() if word in _faults_of(shelf.read(name))]
    used = [f"Scenarios: {', '.join(f'[{name}](scenarios.md#{name})' for name in users)}.", ""] if users else []
    what = SEAMS[kind.seam] + (", or one from it (`of: client`)" if issubclass(kind, EitherWay) else "")
    return "\n".join([f"## `{word}`", "", f"{said} {LEGAL[kind().legal]} It befalls {what}.", "", *used])


def _faults_of(story: Story) -> set[str]:
    return {word for step in _all(story) if isinstance(step.arg, Fault) for word in KINDS if _is(step.arg, word)}


def _is(fault: Fault, word: str) -> bool:
    return type(fault.kind) is KINDS[word]


def fault_sections() -> dict[str, str]:
    """Of each section of the page what was written by hand."""
    found = re.split(r"^## `(\w+)`\n", FAULTS.read_text(), flags=re.MULTILINE)
    return {word: _own(text) for word, text in zip(found[1::2], found[2::2], strict=True)}


def _own(text: str) -> str:
    """A section without what is generated: the first paragraph, and the one of scenarios."""
    _, *parts = text.strip().split("\n\n")
    return "\n\n".join(part for part in parts if not part.startswith("Scenarios: "))


def faults_page() -> str:
    """The page with every head as it must be, and a mark where words of one's own are missing."""
    above = re.split(r"^## `", FAULTS.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
    own = fault_sections()
    return above + "\n".join(f"{fault_head(word)}\n{own.get(word) or MISSING}\n" for word in KINDS)


if __name__ == "__main__":
    SCENARIOS.write_text(scenarios_page())
    FAULTS.write_text(faults_page())
