"""The benchmark's options, and the page at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.bench.goals import Run
from tests.bench.page import SECTIONS, START, goals, shown, start_table, write
from tests.bench.start import Start

RUNS: Final = pytest.StashKey[dict[str, Run]]()
STARTS: Final = pytest.StashKey[list[Start]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is measured, and where it is written."""
    group = parser.getgroup("bench")
    group.addoption("--rounds", type=int, default=5, help="how often every client runs")
    group.addoption("--messages", type=int, default=20_000, help="reports in a blast")
    group.addoption("--accounts", type=int, default=1_000, help="the most accounts of one stream")
    group.addoption("--orders", type=int, default=1_000_000, help="orders of the long run")
    group.addoption("--write", type=Path, default=None, help="write the figures as a page to this file")
    group.addoption("--machine", default=None, help='what the page calls the machine, e.g. "a shared virtual machine"')


@pytest.fixture
def runs(request: pytest.FixtureRequest) -> dict[str, Run]:
    """What has been measured, by the name of its table."""
    return request.config.stash.setdefault(RUNS, {})


@pytest.fixture
def starts(request: pytest.FixtureRequest) -> list[Start]:
    """What has been started."""
    return request.config.stash.setdefault(STARTS, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the tables; write the page when all are there."""
    found, starts = config.stash.get(RUNS, {}), config.stash.get(STARTS, [])
    for name, run in found.items():
        terminalreporter.section(name)
        terminalreporter.write(shown(name, run))
    if starts:
        terminalreporter.section(START)
        terminalreporter.write(start_table(starts))
    here = {*found, START} if starts else set(found)
    if missing := [name for name in (*SECTIONS, START) if name not in here]:
        terminalreporter.write_line(f"no page: not measured are {', '.join(missing)}")
        return
    terminalreporter.section("goals")
    terminalreporter.write(goals(found))
    path: Path | None = config.getoption("--write")
    if path is not None:
        write(path, found, starts, config.getoption("--machine"))
        terminalreporter.write_line(f"written to {path}")
