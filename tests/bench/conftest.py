"""The benchmark's options, and the page at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.bench.page import Run, page, table

RUNS: Final = pytest.StashKey[dict[str, Run]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is measured, and where it is written."""
    group = parser.getgroup("bench")
    group.addoption("--rounds", type=int, default=7, help="how often every client runs")
    group.addoption("--messages", type=int, default=20_000, help="reports in a blast")
    group.addoption("--write", type=Path, default=None, help="write the figures as a page to this file")
    group.addoption("--machine", default=None, help='what the page calls the machine, e.g. "a shared virtual machine"')


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> dict[str, Run]:
    """What has been measured, by the name of its table."""
    return request.config.stash.setdefault(RUNS, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the tables; write the page when both are there."""
    found = config.stash.get(RUNS, {})
    for name, run in found.items():
        terminalreporter.section(name)
        terminalreporter.write(table(run))
    path: Path | None = config.getoption("--write")
    if path is not None and len(found) == 2:
        path.write_text(page(found["socket"], found["decode"], config.getoption("--machine")), encoding="utf-8")
        terminalreporter.write_line(f"written to {path}")
