"""Every command of the README and the docs that can run against the mock runs; the others stand here, with the reason.

A command that ends only by Ctrl-C is ended so when it has said something.
"""

import ast
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from .conftest import WRITTEN_ADDRESS
from .test_examples import DOCUMENTS, ROOT

CANNOT_RUN = {
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/exchstream demo": "installs; the demo runs below",
    "python3 -m venv .nox-venv && .nox-venv/bin/pip install -q nox && .nox-venv/bin/nox": "runs these tests",
    "nox -s bench -- --write docs/performance.md": "measures for minutes, and writes into the docs",
    "nox -s load": "measures for minutes; tests/load has a short form",
    "nox -s comparison -- --patience 330 --write docs/comparison.md": "waits for minutes, and writes into the docs",
    "read -rs EXCHSTREAM_BINANCE_SPOT_MAIN_KEY && export EXCHSTREAM_BINANCE_SPOT_MAIN_KEY": "waits for a key",
    "read -rs EXCHSTREAM_BINANCE_SPOT_MAIN_SECRET && export EXCHSTREAM_BINANCE_SPOT_MAIN_SECRET": "waits for a secret",
}
ENDLESS = {  # and the exit code after Ctrl-C
    "exchstream demo": 130,
    "exchstream tail binance-spot": 130,
    "python -m mockserver --trade-demo": 0,
}
PORT = {"python -m mockserver --trade-demo": ["--port", "0"]}  # 8080 may be taken on the machine of the tests


def commands() -> list[str]:
    """Each once: the lines of bash blocks, and of console blocks those after a prompt."""
    found: list[str] = []
    for path in DOCUMENTS:
        for kind, block in re.findall(r"^```(bash|console)\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL):
            found.extend(line.removeprefix("$ ") for line in block.splitlines() if kind == "bash" or line[:2] == "$ ")
    return list(dict.fromkeys(found))


def words(command: str, address: str) -> list[str]:
    """The program and its arguments, here and now."""
    name, *arguments = shlex.split(command.replace(WRITTEN_ADDRESS, address))
    programs = {"python": [sys.executable], "exchstream": [sys.executable, "-m", "exchstream"]}
    if name not in programs and shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return [*programs.get(name, [name]), *arguments, *PORT.get(command, [])]


@pytest.mark.parametrize("command", [command for command in commands() if command not in CANNOT_RUN])
def test_the_command_runs(command: str, mock_address: str, mock_variables: dict[str, str]) -> None:
    """It says something and ends well, by itself or by Ctrl-C, without a word on standard error."""
    endless = command in ENDLESS
    with subprocess.Popen(
        words(command, mock_address),
        cwd=ROOT,
        env={**os.environ, **mock_variables, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if command.startswith("curl") else subprocess.PIPE,  # curl draws its progress there
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            if endless:
                process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, errors or "") == (ENDLESS.get(command, 0), "")
    assert first.strip() or rest.strip()


def test_the_exports_lead_to_the_mock(mock_address: str, mock_variables: dict[str, str]) -> None:
    """A reader who copies the tutorial's lines has the environment in which the examples are run here."""
    lines = re.findall(r"^export (\w+)=(.+)$", (ROOT / "docs/tutorial.md").read_text(), re.MULTILINE)
    assert {name: text.replace(WRITTEN_ADDRESS, mock_address) for name, text in lines} == mock_variables


def test_what_cannot_run_is_still_there() -> None:
    """The lists above hold no command that the documents have dropped."""
    assert {*CANNOT_RUN, *ENDLESS} <= set(commands())


def test_what_repeats_a_figure_is_there() -> None:
    """Each session of nox, and each module of the tests, that a page names."""
    text = "".join(path.read_text() for path in DOCUMENTS)
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    assert set(re.findall(r"\bnox -s (\w+)", text)) <= sessions
    places = [ROOT.joinpath(*name.split(".")) for name in re.findall(r"python -m (tests(?:\.\w+)*)", text)]
    assert len(places) > 10
    assert [
        place for place in places if not (place.with_suffix(".py").exists() or (place / "__main__.py").exists())
    ] == []


def test_the_reasons_are_needed_for_few() -> None:
    """Most commands do run."""
    assert len(CANNOT_RUN) <= 7
