"""What a failure shows, what is replayed, several workers, the page, and what it costs whoever does not use it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver.testing.plan import ARGUMENTS

from .conftest import ROOT, Run

pytest_plugins = ["pytester"]

FAILS = """
def test_fails(mock_exchange):
    call(mock_exchange, "GET", "/api/v3/account", signed=True)
    print("KEY", mock_exchange.api_key)
    assert not mock_exchange.place("buy", "0.01")

def test_passes(mock_exchange):
    mock_exchange.place("buy", "0.01")

async def test_fails_in_trio(trio_mock_exchange):
    assert not trio_mock_exchange.place("buy", "0.01")
"""


def test_a_failure_shows_the_seed_and_the_recording(run: Run, pytester: pytest.Pytester) -> None:
    """And the whole recording is written where it was asked for; a key is in neither."""
    result = run(FAILS, "--mock-seed", "11", "--mock-recordings", "kept")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*- mock exchange -*",
            "seed 11, binance-spot, profile binance-2026, liquidity manual",
            "repeat: python -m pytest test_it.py::test_fails --mock-seed 11",
            "recording: *kept/test_it.py-test_fails.jsonl",
            "*- mock recording -*",
            "*rest-in*GET /api/v3/account?*signature=[*][*][*]*",
            "*rest-out*200*",
            "*control*POST /__mock/orders 200",
            "repeat: python -m pytest test_it.py::test_fails_in_trio --mock-seed 11",
            "*control*POST /__mock/orders 200",
        ]
    )
    files = {path.name: path.read_text() for path in (pytester.path / "kept").iterdir()}
    assert sorted(files) == ["test_it.py-test_fails.jsonl", "test_it.py-test_fails_in_trio.jsonl"]
    head, *rows = map(json.loads, files["test_it.py-test_fails.jsonl"].splitlines())
    assert (head["test"], head["seed"]) == ("test_it.py::test_fails", 11)
    assert [row["kind"] for row in rows] == ["rest-in", "rest-out", "control"]
    (key,) = [line.split()[1] for line in result.outlines if line.startswith("KEY")]
    assert not any(key in text for text in files.values())
    assert sum(key in line for line in result.outlines) == 1  # where the test itself has printed it


def test_a_test_whose_world_has_gone_is_reported_too(run: Run) -> None:
    """An interrupted test may lose its world before it is reported; what was recorded is not lost."""
    ends = """
def test_ends_its_world(mock_exchange):
    mock_exchange.place("buy", "0.01")
    assert len(mock_exchange.journal) == 1
    worlds = mock_exchange.desk.stage.worlds
    mock_exchange.desk.run(lambda: worlds.forget(mock_exchange.desk.served.name))
    assert False
"""
    result = run(ends)
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*control*POST /__mock/orders 200"])


def test_a_recording_is_replayed(run: Run, pytester: pytest.Pytester) -> None:
    """That test alone, with its seed; what differs from the recording is told, what is told by clocks is not."""
    run(FAILS, "--mock-seed", "11", "--mock-recordings", "kept")
    file = pytester.path / "kept" / "test_it.py-test_fails.jsonl"
    result = run(FAILS, "--mock-replay", str(file))
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["repeat: *--mock-seed 11", "*= mock replay =*", "the same, in all 3 entries"])
    other = FAILS.replace("/api/v3/account", "/api/v3/openOrders")
    result = run(other, "--mock-replay", str(file))
    result.stdout.fnmatch_lines(["it differs from entry 1 on", "*recorded:*v3/account*", "*now:*v3/openOrders*"])


def test_a_file_of_another_test_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    """In words, and no test is run."""
    (pytester.path / "file.jsonl").write_text('{"mock_recording": 1, "test": "x.py::test_y", "seed": 1}')
    result = run("def test_it(mock_exchange): pass", "--mock-replay", "file.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*file.jsonl is of x.py::test_y, which is not among these tests"])


def test_two_workers_and_nothing_is_left(run: Run) -> None:
    """Each worker has a server of its own, each test a world and a port; no thread is left at the end of a session."""
    result = run(
        """
import asyncio, threading

@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    yield
    assert [each.name for each in threading.enumerate() if each.name == "mock exchange"] == []

@pytest.mark.parametrize("number", range(12))
def test_many(mock_exchange, amock_exchange, number):
    assert mock_exchange.http != amock_exchange.http
    buy(mock_exchange, "c1")
    assert [order.client_id for order in mock_exchange.orders] == ["c1"]
    assert amock_exchange.orders == []
    assert threading.active_count() < 8
""",
        "-n",
        "2",
    )
    result.assert_outcomes(passed=12)


def test_the_examples_of_the_page(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows is a file of tests that pass."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = (ROOT / "docs" / "mock" / "pytest.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(test_page="\n".join(blocks))
    result = pytester.runpytest_subprocess("-p", "mockserver.pytest_plugin", "-p", "no:anyio", "-W", "error")
    result.assert_outcomes(passed=sum(block.count("def test_") for block in blocks))


def test_the_options_of_the_page(run: Run) -> None:
    """Every option and every argument of the marker is in its tables."""
    page = (ROOT / "docs" / "mock" / "pytest.md").read_text()
    told = run("", "--help").stdout.str()
    options = set(re.findall(r"--mock-[a-z]+", told))
    assert len(options) == 3
    assert options == set(re.findall(r"^\| `(--mock-[a-z]+)", page, re.MULTILINE))
    arguments = re.findall(r"^\| `(\w+)` \|", page.partition("## The marker")[2].partition("## ")[0], re.MULTILINE)
    assert sorted(arguments) == sorted(ARGUMENTS)


def test_whoever_does_not_use_it_does_not_pay(tmp_path: Path) -> None:
    """pytest reads the plugin in every project: it imports nothing that pytest has not."""
    script = "import pytest, sys; before = set(sys.modules); import mockserver.pytest_plugin as it; "
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["mockserver", "mockserver.pytest_plugin"]
