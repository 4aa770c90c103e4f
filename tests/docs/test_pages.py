"""The pages of scenarios and faults are what the files and the kinds say; every link of the documents has its end."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mockserver import plain_yaml
from mockserver.faults import KINDS, read_fault
from mockserver.player.checks import CHECKS
from mockserver.player.shell import ENVIRONMENT
from mockserver.player.verbs import ENDINGS, STEPS, VERBS
from mockserver.story import parse
from mockserver.testing.exchange import MockExchange
from mockserver.testing.seats import MockError

from .pages import FAULTS, MISSING, SCENARIOS, arming, own_words, pages
from .test_examples import DOCUMENTS, ROOT
from .test_tables import names, tables


@pytest.mark.parametrize(("path", "text"), [pytest.param(*page, id=page[0].stem) for page in pages()])
def test_the_page_is_what_the_code_says(path: Path, text: str) -> None:
    """`python -m tests.docs.pages` writes it; of a fault the words by hand are kept."""
    assert path.exists(), f"{path.name} is not there: python -m tests.docs.pages makes it"
    assert path.read_text() == text
    assert MISSING not in text, f"{path.name}: words are missing that are yours to write"


def test_no_page_is_left_over() -> None:
    """Of a kind or a scenario that is gone."""
    made = {path for path, _ in pages()}
    there = {path for page in (FAULTS, SCENARIOS) for path in page.with_suffix("").glob("*.md")}
    assert there == made - {FAULTS, SCENARIOS}


@pytest.mark.parametrize("word", KINDS)
def test_every_way_arms_the_same_fault(word: str, mock_exchange: MockExchange) -> None:
    """The example is of this kind; what is sent to the control API, and the call in pytest, come to the same."""
    example = own_words(word).example
    fault = read_fault(plain_yaml.load(example))
    assert type(fault.kind) is KINDS[word]
    said = "\n".join(arming(example))
    (sent,) = re.findall(r"curl -d '(.+)' ", said)
    assert read_fault(json.loads(sent)["fault"]) == fault
    calls = re.findall(r"with mock_exchange\.(.+):", said)
    if KINDS[word].seam == "tls":
        assert calls == []
        with pytest.raises(MockError, match="speaks no TLS"):
            mock_exchange.fault(word)
        return
    eval(f"mock_exchange.{calls[0]}", {"mock_exchange": mock_exchange})
    (armed,) = mock_exchange.control("GET", "/faults")["faults"]
    assert read_fault(armed["fault"]) == fault


def test_the_tables_lead_to_the_pages() -> None:
    """Each row of a kind to its own."""
    for row in tables("mock.md", "fault", "about a"):
        (word,) = names(row[0])
        assert row[0] in (f"[`{word}`](mock/faults/{word}.md)", f"[`{word}`](faults/{word}.md)")


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in DOCUMENTS])
def test_links_lead_to_files(path: Path) -> None:
    """Every link of a document to another one, or to a picture, has its end."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


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
