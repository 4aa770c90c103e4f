"""The results of the client tests as tables at the end of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from . import compatibility
from .comparison import Outcomes, page, rows, versions

RESULTS: Final = pytest.StashKey[list[tuple[str, ...]]]()
TITLES: Final = ("client", "venue", "orders told/truth", "fills told/truth", "of them recovered", "client heard")
DELIVERED: Final = pytest.StashKey[list[compatibility.Delivered]]()
OUTCOMES: Final = pytest.StashKey[Outcomes]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the comparison waits for a client, and where it is written."""
    group = parser.getgroup("clients")
    group.addoption("--patience", type=float, default=75, help="seconds in which a client may notice something")
    group.addoption("--write", type=Path, default=None, help="write what was found as a page to this file")


@pytest.fixture
def results(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Rows for the table; one text for each of TITLES."""
    return request.config.stash.setdefault(RESULTS, [])


@pytest.fixture
def delivered(request: pytest.FixtureRequest) -> list[compatibility.Delivered]:
    """What each client's own stream delivered, for the page."""
    return request.config.stash.setdefault(DELIVERED, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the tables; write the page where it is wanted."""
    found = config.stash.get(RESULTS, [])
    if found:
        show(terminalreporter, "third-party clients", [TITLES, *found])
    path: Path | None = config.getoption("--write")
    heard = config.stash.get(DELIVERED, [])
    if heard:
        show(terminalreporter, "what clients' own streams delivered", compatibility.rows(heard))
        if path is not None:
            path.write_text(compatibility.page(heard), encoding="utf-8")
    outcomes = config.stash.get(OUTCOMES, None)
    if outcomes is None:
        return
    names = ", ".join(f"{client} {version}" for client, version in versions(outcomes).items())
    show(terminalreporter, f"the same events, told by {names}", rows(outcomes))
    if path is not None:
        path.write_text(page(outcomes, config.getoption("--patience")), encoding="utf-8")
        terminalreporter.write_line(f"written to {path}")


def show(terminalreporter: pytest.TerminalReporter, title: str, table: list[tuple[str, ...]]) -> None:
    """Print one table, its columns in line."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    terminalreporter.section(title)
    for row in table:
        terminalreporter.write_line("  ".join(map(str.ljust, row, widths)).rstrip())
