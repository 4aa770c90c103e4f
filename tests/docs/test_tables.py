"""What the documents list is what the code has: fields and defaults, limits, errors, options, routes, names, tests."""

import pkgutil
import re
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args, get_type_hints

import attrs
import pytest

import exchstream
from exchstream import (
    BinanceFutures,
    BinanceSpot,
    DownReason,
    Ftx,
    GapReason,
    Scope,
    Unresolved,
    cli,
    errors,
    jsonlines,
)
from exchstream.core.state import Status
from exchstream.core.venue import MINUTE, SECOND
from exchstream.metrics import StreamCollector
from exchstream.venues.binance import futures, spot
from exchstream.venues.settings import Leaf, leaves
from mockserver import VirtualClock, checkers, plain_yaml, truth
from mockserver.actions import Act, Action
from mockserver.command import parser
from mockserver.control import Control
from mockserver.control_links import VERBS
from mockserver.durations import parse_duration
from mockserver.engine.types import Reason
from mockserver.faults import KINDS, Match
from mockserver.reports import EVENTS
from mockserver.snippets import snippets
from mockserver.venues import VENUES
from mockserver.verbs import VERBS as STORY_VERBS
from mockserver.world import Recipe, Worlds
from tests.clients.scenarios import SCENARIOS
from tests.clients.table import CASES
from tests.crash import __main__ as crash
from tests.mutants.bugs import MUTANTS
from tests.simulation import judge, profiles, tally

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
UNITS_NS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3_600 * 10**9, "days": 86_400 * 10**9}


def tables(page: str, *header: str) -> list[list[str]]:
    """The rows of every table of the page, and of the pages below it, whose first columns are these."""
    rows: list[list[str]] = []
    inside = False
    below = sorted((DOCS / page).with_suffix("").glob("*.md"))
    for line in (line for part in (DOCS / page, *below) for line in part.read_text().splitlines()):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            inside = False
        elif cells[: len(header)] == list(header):
            inside = True
        elif inside and not cells[0].startswith("---"):
            rows.append(cells)
    return rows


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# ------------------------------------------------------------------------------------------------ venues' fields

ACCOUNTS: dict[str, Any] = {
    "venues/binance-spot.md": BinanceSpot(api_key="k", api_secret="s"),
    "venues/binance-futures.md": BinanceFutures(api_key="k", api_secret="s"),
    "venues/ftx.md": Ftx(api_key="k", api_secret="s"),
}


WORDS: dict[str, Any] = {
    "`False`": False,
    "`None`": None,
    "`()`": (),
    "both": frozenset({"orders", "fills"}),
}


def shown(cell: str, field: str) -> Any:
    """The value that a cell stands for."""
    number = re.fullmatch(r"([\d.e-]+)(?: (ms|s|min|h|days))?", cell)
    if number is None:
        return WORDS.get(cell, cell.strip('`"').replace("<domain>", "ftx.com"))
    value, unit = Decimal(number[1]), number[2]
    if unit is None:
        return value
    return value * UNITS_NS[unit] / (10**6 if field.endswith("_ms") else 1)


COLUMNS = ("field", "default", "unit", "variable", "meaning, and where the default comes from")


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of the page's one table of fields, by the field's name."""
    rows = tables(page, *COLUMNS)
    assert len(rows) == len({row[0] for row in rows}), "a field that has two rows"
    return {names(row[0])[0]: row for row in rows}


def fields_of(account: Any, name: str) -> dict[str, Leaf]:
    """All that can be set, each value of a group by itself."""
    found = leaves(type(account), account.name, name)
    return {leaf.field if leaf.part is None else f"{leaf.field}.{leaf.part}": leaf for leaf in found}


@pytest.mark.parametrize("page", ACCOUNTS)
def test_every_field_stands_in_the_one_table_with_its_default(page: str) -> None:
    """No field or value of a group is missing, none is invented, and each default is the class's own."""
    account, rows = ACCOUNTS[page], rows_of(page)
    assert {"name", *fields_of(account, "main")} == rows.keys()
    assert rows.pop("name")[1] == f'`"{account.account}"`'
    for name, leaf in fields_of(account, "main").items():
        cell = rows[name][1]
        if cell == "needed":
            assert leaf.default is attrs.NOTHING, name
        elif cell == "by environment":
            assert isinstance(leaf.default, attrs.Factory), name  # type: ignore[arg-type]
        else:
            actual = getattr(account, leaf.field) if isinstance(leaf.default, attrs.Factory) else leaf.default  # type: ignore[arg-type]
            assert shown(cell, name) == actual, name


@pytest.mark.parametrize("page", ACCOUNTS)
def test_every_field_has_its_variable_its_unit_and_its_reason(page: str) -> None:
    """The variable is the one that is read; a number says of what; none goes without a word."""
    account, rows = ACCOUNTS[page], rows_of(page)
    stem = f"EXCHSTREAM_{account.name.upper().replace('-', '_')}_MAIN"
    assert f"`{stem.replace('MAIN', '<NAME>')}`" in (DOCS / page).read_text()
    for name, leaf in fields_of(account, "main").items():
        _, _, unit, variable, meaning = rows[name]
        assert f"`{leaf.variable.replace(stem, '…')}`" == variable
        suffix = name.rpartition("_")[2]
        expected = suffix if suffix in ("ns", "ms") else unit
        assert (unit, bool(unit)) == (expected, leaf.kind in (int, Decimal)), name
        assert meaning, name


def test_the_groups_are_told_alike_on_every_page() -> None:
    """What all venues share is explained in the same words."""
    told = [[row for name, row in rows_of(page).items() if "." in name] for page in ACCOUNTS]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    ("page", "known"), [("binance-spot", spot.ENVIRONMENTS), ("binance-futures", futures.ENVIRONMENTS)]
)
def test_environments_stand_in_the_table(page: str, known: dict[str, dict[str, str]]) -> None:
    """Every preset with its addresses."""
    rows = tables(f"venues/{page}.md", "environment", "REST")
    assert {name: list(urls.values()) for name, urls in known.items()} == {
        row[0]: [text for cell in row[1:] for text in names(cell)] for row in rows
    }


# ------------------------------------------------------------------------------------------------ limits and errors


def test_limits_are_as_stated() -> None:
    """Each named limit of the guarantees has the value that the table gives."""
    rows = tables("guarantees.md", "limit", "value")
    assert rows
    for cell, value, _ in rows:
        place, _, name = names(cell)[0].rpartition(".")
        owner = pkgutil.resolve_name(place)
        assert int(value) == getattr(owner() if isinstance(owner, type) else owner, name), cell


BOUND_NO_MEMORY = {
    "exchstream.core.backoff.MAX_RETRY_AFTER_NS",
    "exchstream.core.balances.MAX_TIED",
    "exchstream.core.beginning.MAX_STARTING",
    "exchstream.core.epochs.MAX_DIGITS",
    "exchstream.journal.verify.MAX_FAULTS",  # of a command, that ends
    "exchstream.shell.recorder.MAX_BEGIN",
    "exchstream.shell.runner.MAX_FRAMES",
    "exchstream.venues.numbers.MAX_DIGITS",
    "exchstream.venues.numbers.MAX_MAGNITUDE",
}


def test_no_limit_is_left_out() -> None:
    """Whatever a running stream's module calls MAX_ stands in the table, but for what bounds no memory."""
    found = {
        f"{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}.{name}"
        for part in ("core", "journal", "shell", "venues")
        for path in (ROOT / "exchstream" / part).rglob("*.py")
        for name in re.findall(r"^(MAX_\w+)\b.* = ", path.read_text(), re.MULTILINE)
    }
    told = {names(row[0])[0] for row in tables("guarantees.md", "limit", "value")}
    assert found - told == BOUND_NO_MEMORY


def test_the_planted_bugs_are_as_stated() -> None:
    """The table of what the simulation caught has each bug that there is, in the same words."""
    rows = tables("guarantees.md", "bug", "what it does")
    assert [(names(name)[0], why) for name, why, *_ in rows] == [(bug.name, bug.why) for bug in MUTANTS]


def test_what_the_searches_are_held_to_is_as_stated() -> None:
    """Steps, floors and bounds of the simulation and the crash tests have the values that the guarantees give."""
    text = (DOCS / "guarantees.md").read_text()
    minutes = {"live again": judge.LIVE_WITHIN_NS // MINUTE, "gap closed": tally.CLOSED_WITHIN_NS // MINUTE}
    for stated in (
        f"the default profile, {profiles.PROFILES['default'].steps:,} steps",
        f"{profiles.PROFILES['full'].steps:,} steps from a fresh seed",
        f"{profiles.LEAST_FILLS_IN_GAPS:,} fills inside gaps and each fault {profiles.LEAST_OF_EACH_FAULT:,} times",
        f"close {profiles.LEAST_CLOSED_WELL * 100:.0f} % of the gaps",
        f"as complete within {minutes['gap closed']} minutes in which nothing stands in the way",
        f"live again within {minutes['live again']} minutes, or within {minutes['live again']} minutes of the end",
        *(f"{bound_ns // SECOND} s" for bound_ns in judge.NOTICED_NS.values()),
    ):
        assert stated in text, stated
    assert crash.FEWEST == 5
    assert "if a phase was met less than five times" in text


def test_the_catalogue_of_errors_is_complete() -> None:
    """Every class of error, every reason of a gap and of an end, and every exit code has its row."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert classes == {name for row in tables("errors.md", "class", "cause") for name in names(row[0])}
    assert {reason.value for reason in GapReason} == {
        names(row[0])[0] for row in tables("errors.md", "reason", "what happened")
    }
    assert {reason.value for reason in DownReason} == {
        names(row[0])[0] for row in tables("errors.md", "reason", "exception")
    }
    codes = {name: value for name, value in vars(cli).items() if name.isupper() and isinstance(value, int)}
    rows = tables("errors.md", "code", "name")
    assert codes == {names(row[1])[0]: int(row[0]) for row in rows if row[1]}


def told_of(kind: str) -> str:
    """What the page of the JSON form says of one kind of event."""
    found = re.search(rf"^`{kind}`\n: (.*?)\n\n", (DOCS / "events.md").read_text() + "\n", re.MULTILINE | re.DOTALL)
    assert found is not None, kind
    return found[1]


def test_the_events_that_the_mock_takes() -> None:
    """Those of exchstream's lines; the page says which of them are left out."""
    assert {*EVENTS} == {str(line.__struct_config__.tag) for line in jsonlines._Line.__subclasses__()}
    page = (DOCS / "mock" / "scenarios.md").read_text()
    assert [event for event in EVENTS if f"`{event}`" not in page and f'"event": "{event}"' not in page] == []


def test_every_name_of_the_json_form_is_listed() -> None:
    """Of each kind of event the names that its lines have, and no others; the words of its enums too."""
    common = set(jsonlines._Line.__struct_fields__)
    page = set(re.findall(r"\w+", (DOCS / "events.md").read_text()))
    for line in jsonlines._Line.__subclasses__():
        text = told_of(str(line.__struct_config__.tag))
        parts = [Scope, Unresolved] if line is jsonlines._GapClosed else []
        inner = {name for part in parts for name in part.__struct_fields__}
        assert set(names(text)) - inner == set(line.__struct_fields__) - common - inner, text
        assert inner <= set(re.findall(r"\w+", text))
        for hint in get_type_hints(line).values():
            for enum in (kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Enum)):
                assert {str(member.value) for member in enum} <= page, enum


def test_every_public_name_is_documented() -> None:
    """`__all__` and the API page hold the same names."""
    text = (DOCS / "api.md").read_text()
    assert set(exchstream.__all__) == set(re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE))


def test_operations_are_told_in_full() -> None:
    """Every field of a status, every metric with its type, every event of the log with its level."""
    fields = {names(row[0])[0] for row in tables("operations.md", "field", "what it says")}
    assert {field.name for field in attrs.fields(Status)} == fields
    status = Status("live", 1, 1, 1, 1, 1, 1, None, 1, 1, 1, 1)
    stream: Any = SimpleNamespace(
        status=lambda: {("ftx", "a"): status}, behind=dict, journal=SimpleNamespace(visible=1)
    )
    metrics = {
        metric.name + "_total" * (metric.type == "counter"): metric.type for metric in StreamCollector(stream).collect()
    }
    assert metrics == {names(row[0])[0]: row[1] for row in tables("operations.md", "metric", "type")}
    source = "".join(path.read_text() for path in (ROOT / "exchstream" / "shell").glob("*.py"))
    events = set(re.findall(r'_fields\("(\w+)"|"event": "(\w+)"', source))
    assert {"".join(found) for found in events} == {
        names(row[0])[0] for row in tables("operations.md", "event", "level")
    }


def test_every_test_that_is_named_exists() -> None:
    """A document that cites a test as proof cites one that is there."""
    cited = {
        found for path in DOCS.rglob("*.md") for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", path.read_text())
    }
    assert len(cited) > 40
    missing = [f"{path}::{name}" for path, name in sorted(cited) if f"def {name}(" not in _text(ROOT / path)]
    assert missing == []


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# ------------------------------------------------------------------------------------------------ the mock


def test_the_mocks_options_are_listed() -> None:
    """Every option of the command line, and every option of a venue with its defaults."""
    options = {text for action in parser()._actions for text in action.option_strings if text not in ("-h", "--help")}
    assert options == {name for row in tables("mock.md", "option", "default") for name in names(row[0])}
    listed = {names(row[0])[0]: row[2] for row in tables("mock.md", "option", "venue", "default")}
    assert {name for spec in VENUES for name in spec.options} == listed.keys()
    for spec in VENUES:
        for name, value in spec.options.items():
            assert _json(value) in listed[name].replace("`", "").replace("futures ", "").split(", "), name


def _json(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize("venue", [spec.name for spec in VENUES])
def test_the_lines_that_the_mock_prints_make_an_account(venue: str) -> None:
    """What a reader copies from the mock's output into a bot is right."""
    lines = snippets(venue, http="http://127.0.0.1:1", ws="ws://127.0.0.1:1", key="k", secret="s")["exchstream"]
    account = eval(lines, {name: getattr(exchstream, name) for name in exchstream.__all__})
    assert (venue, "demo", "http://127.0.0.1:1") == (account.name, account.account, account.rest_url)


def test_the_control_api_is_listed() -> None:
    """Every route, every verb and every profile."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(0)))
    assert set(Control(worlds).routes) == {names(row[0])[0] for row in tables("mock.md", "route", "takes")}
    assert set(VERBS) == {names(row[0])[0] for row in tables("mock.md", "verb", "takes")}
    text = (DOCS / "mock.md").read_text()
    missing = [profile for spec in VENUES for profile in spec.profiles if f"`{profile}`" not in text]
    assert missing == []


def test_the_names_that_a_route_takes_are_listed() -> None:
    """What a reader finds in the tables is let in, and nothing else is."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(0)))
    listed = {
        names(row[0])[0]: {name for name in names(row[1]) if name.islower()}
        for row in tables("mock.md", "route", "takes")
    }
    of_verbs = {name for row in tables("mock.md", "verb", "takes") for name in names(row[1])} - {"events", "own", "all"}
    of_settings = {name for row in tables("mock.md", "setting", "meaning") for name in names(row[0])}
    for route, takes in Control(worlds).takes().items():
        more = {"POST /__mock/settings": of_settings, "{verb}": of_verbs}
        expected = {"world", *listed[route]}.union(*(given for end, given in more.items() if route.endswith(end)))
        assert takes == expected, route


def test_the_truths_names_are_specified() -> None:
    """The specification of the truth names what the module's own text names, and the version."""
    told = truth.Truth("w").report(_nothing, 0)
    assert told.keys() == {names(row[0])[0] for row in tables("mock.md", "name", "meaning")}
    assert f"The truth, version {told['version']}" in (DOCS / "mock.md").read_text()
    words = re.findall(r"\b[a-z]+_[a-z_]+\b", truth.__doc__ or "")
    text = (DOCS / "mock.md").read_text()
    missing = [word for word in words if f"`{word}`" not in text]
    assert missing == []


def test_the_truths_reasons_are_listed() -> None:
    """Every reason for which an order may end, and no other."""
    assert {reason.value for reason in Reason} == {
        names(row[0])[0] for row in tables("mock.md", "reason", "why the order ended")
    }


def _nothing(venue: str, symbol: str) -> Any:
    raise AssertionError("an empty truth has no instruments")


def test_checkers() -> None:
    """Each checker of the mock has a row, and no row is without one."""
    functions = {name for name in checkers.__all__ if callable(getattr(checkers, name)) and name.islower()}
    shown = [names(row[0])[0] for row in tables("mock.md", "checker", "is it true that")]
    assert sorted(shown) == sorted(functions - {"moment", "named", "true_fills", "true_orders"})


def test_the_comparison_is_of_these_scenarios() -> None:
    """The page, which a run of minutes writes, has every scenario that there is now, in the words of now."""
    text = (DOCS / "comparison.md").read_text()
    described = [f"| {scenario.title} | {scenario.what} |" for scenario in SCENARIOS]
    assert [line for line in text.splitlines() if line in described] == described
    measured = [line.split(" | ")[0] for line in text.partition("## ")[0].splitlines()[2:] if line.startswith("| ")]
    assert measured[2:] == [f"| {scenario.title}" for scenario in SCENARIOS]


def test_the_compatibility_page_has_these_clients() -> None:
    """The page, which `nox -s clients_all` writes, has every case of the table, attached and annotated as it is now."""
    shown = [(row[0], row[1], row[3], row[4], row[8]) for row in tables("mock.md", "client", "from", "version")]
    assert shown == [(case.package, case.registry, case.venue, case.attach, case.note) for case in CASES]


def test_faults() -> None:
    """Each kind of fault with what it is about, whether it is legal, its parameters and their defaults."""
    rows = {names(row[0])[0]: row for row in tables("mock.md", "fault", "about a")}
    assert rows.keys() == KINDS.keys()
    for word, kind in KINDS.items():
        _, seam, legal, parameters, _ = rows[word]
        assert seam == kind.seam
        assert legal == ("only with `then`" if word == "drop_event" else "yes" if kind().legal else "no")
        fields = {field.name.removesuffix("_ns"): field for field in attrs.fields(kind)}  # type: ignore[arg-type]
        assert [name for name in names(parameters) if not name.startswith('"')] == list(fields), word
        defaults = dict(re.findall(r"`(\w+)` \(([^)]*)\)", parameters))
        for name, field in fields.items():
            if field.default in (None, ""):
                assert name not in defaults or word == "drop_event"
            elif isinstance(field.default, str):
                assert defaults[name].startswith(f'`"{field.default}"`')
            elif field.name.endswith("_ns"):
                assert parse_duration(defaults[name]) == field.default
            else:
                assert defaults[name] == str(field.default).lower()


def test_what_a_fault_is_about() -> None:
    """Each field of a match has a row."""
    listed = {name for row in tables("mock.md", "in `match`", "meaning") for name in names(row[0])}
    assert listed == {field.name.removesuffix("_ns") for field in attrs.fields(Match)}


def test_the_fields_of_an_action() -> None:
    """Each has a row with its default; every act is named."""
    rows = {names(row[0])[0]: row for row in tables("mock.md", "of an action", "default")}
    assert rows.keys() == {field.name.removesuffix("_ns") for field in attrs.fields(Action)}
    assert names(rows["act"][2]) == [act.name.lower() for act in Act]
    written = {name: plain_yaml.load(row[1]) for name, row in rows.items() if row[1]}
    assert STORY_VERBS["trade"].read({"act": "limit"} | written) == Action(Act.LIMIT)
