"""The pages of scenarios and faults are what the files and the kinds say; no fault goes without words of its own."""

from __future__ import annotations

import re

import pytest

from mockserver import plain_yaml
from mockserver.faults import KINDS, read_fault
from mockserver.player import shelf
from mockserver.player.checks import CHECKS
from mockserver.player.shell import ENVIRONMENT
from mockserver.player.verbs import ENDINGS, STEPS, VERBS
from mockserver.story import parse

from .pages import FAULTS, MISSING, SCENARIOS, fault_head, fault_sections, scenario_section, scenarios_page
from .test_tables import names, tables


@pytest.mark.parametrize("name", shelf.names())
def test_a_scenario_has_its_section(name: str) -> None:
    """As its file says; `python -m tests.docs.pages` writes it."""
    assert scenario_section(name) in SCENARIOS.read_text()


def test_no_section_is_left_over() -> None:
    """Of a scenario that is gone, or written in another order."""
    assert SCENARIOS.read_text() == scenarios_page()


@pytest.mark.parametrize("word", KINDS)
def test_a_fault_has_its_section(word: str) -> None:
    """What it does, as the code says; below it what it finds, in words, with an example that is this fault."""
    own = fault_sections().get(word, "")
    hint = f"docs/mock/faults.md says nothing of {word}; python -m tests.docs.pages makes its head, the words are yours"
    assert own, hint
    assert MISSING not in own, hint
    assert fault_head(word) in FAULTS.read_text()
    examples = re.findall(r"^    - fault: (.+)$", own, re.MULTILINE)
    assert examples, f"{word} has no example: a line '    - fault: …'"
    for example in examples:
        assert type(read_fault(plain_yaml.load(example)).kind) is KINDS[word]


def test_no_fault_is_left_over() -> None:
    """Of a kind that is gone."""
    assert fault_sections().keys() <= KINDS.keys()


def test_the_verbs_are_listed() -> None:
    """Each has a row, with what it takes; the examples beside it can be read."""
    rows = {names(row[0])[0]: row for row in tables("mock/scenarios.md", "step", "what it takes")}
    assert rows.keys() == VERBS.keys()
    for word, row in rows.items():
        assert row[1] == VERBS[word].takes
        place = "finally" if word in ENDINGS else "steps"
        for example in names(row[2]):
            text = f"mock: 1\nvenue: ftx\n{'' if place == 'steps' else 'steps: []'}\n{place}:\n- {example}\n"
            story = parse(text, STEPS, ENDINGS)
            assert (story.steps or story.ending)[0].what == word


def test_the_checks_are_listed() -> None:
    """Each with what it says, and whether the client must report."""
    rows = {names(row[0])[0]: row for row in tables("mock/scenarios.md", "check", "is it true that")}
    assert rows.keys() == CHECKS.keys()
    for name, row in rows.items():
        assert row[1:] == [CHECKS[name].about, "yes" if CHECKS[name].reported else "no"]


def test_the_environment_is_listed() -> None:
    """Each variable and its placeholder."""
    rows = tables("mock/scenarios.md", "variable", "placeholder")
    assert {names(row[0])[0]: names(row[1])[0].strip("{}") for row in rows} == dict(ENVIRONMENT)
