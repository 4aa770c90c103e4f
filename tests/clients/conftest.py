"""The results of the client tests as a table at the end of the run."""

from __future__ import annotations

from typing import Final

import pytest

RESULTS: Final = pytest.StashKey[list[tuple[str, ...]]]()
TITLES: Final = ("client", "venue", "orders told/truth", "fills told/truth", "of them recovered", "client heard")


@pytest.fixture
def results(request: pytest.FixtureRequest) -> list[tuple[str, ...]]:
    """Rows for the table; one text for each of TITLES."""
    return request.config.stash.setdefault(RESULTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(RESULTS, [])
    if rows:
        widths = [max(map(len, column)) for column in zip(TITLES, *rows, strict=True)]
        terminalreporter.section("third-party clients")
        for row in (TITLES, *rows):
            terminalreporter.write_line("  ".join(map(str.ljust, row, widths)).rstrip())
