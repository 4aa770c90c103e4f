"""Published clients come to the mock unchanged (`exec`), and by the lines that are printed for them (`clients`).

ccxt's printed lines are executed by `test_ccxt.py`, which takes them from the readiness of the mock that it starts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from .harness import SCRIPT, mock_of

ROOT: Final = Path(__file__).parents[2]
SCRIPTS: Final = SCRIPT.parent
CCXT: Final = ("EXCHSTREAM_CCXT_PYTHON", "attached_ccxt.py")
PYTHON_BINANCE: Final = ("EXCHSTREAM_PYTHON_BINANCE_PYTHON", "attached_python_binance.py")
BLOCKING: Final = ("EXCHSTREAM_CCXT_PYTHON", "attached_ccxt_blocking.py")
SPOT, FUTURES = "binance-spot", "binance-futures"
HEARD: Final = {
    CCXT: [[True, "canceled"]] * 2,
    BLOCKING: [[True, "canceled"]] * 2,
    PYTHON_BINANCE: [["executionReport", True, "CANCELED"], ["ORDER_TRADE_UPDATE", True, "CANCELED"]],
}


def run(*argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    env = {**os.environ, **variables}
    return subprocess.run(argv, check=False, cwd=ROOT, env=env, capture_output=True, text=True, timeout=100)


def python_of(variable: str) -> str:
    """The Python that has the client."""
    python = os.environ.get(variable)
    if not python:
        pytest.fail(f"{variable} must name a Python that has the client: run these tests by `nox -s clients`")
    return python


@pytest.mark.parametrize("isolate", [False, True], ids=["proxy", "isolate"])
@pytest.mark.parametrize("client", [CCXT, BLOCKING, PYTHON_BINANCE], ids=["ccxt", "ccxt-blocking", "python-binance"])
def test_an_unchanged_client_trades_and_hears_of_it(client: tuple[str, str], isolate: bool) -> None:
    """On both Binance venues with one key, at the real addresses; the verdict names the hosts."""
    variable, script = client
    options = ["--liquidity", "manual", "--keys", "binance=KEY,SECRET"]
    if isolate:
        unshare = shutil.which("unshare")
        if unshare is None or (asked := run(unshare, "-Urnm", "true")).returncode != 0:
            pytest.skip(f"this machine allows no namespaces: {'no unshare' if unshare is None else asked.stderr}")
        options.append("--isolate")
    command = [python_of(variable), str(SCRIPTS / script)]
    done = run(sys.executable, "-m", "mockserver", "exec", *options, "--", *command, VENUES=f"{SPOT} {FUTURES}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == HEARD[client]
    streams = () if client is BLOCKING else ("fstream.binance.com", "ws-api.binance.com")
    for host in ("api.binance.com", "fapi.binance.com", *streams):
        assert f"reached the mock as {host}: " in done.stderr
    assert not re.search("refused|unmatched|did not trust", done.stderr), done.stderr


@pytest.mark.parametrize("venue", [SPOT, FUTURES])
async def test_the_printed_lines_of_python_binance_work(venue: str) -> None:
    """As they are printed, for a mock that runs: an order is placed, heard of and cancelled."""
    async with mock_of(venue) as mock:
        printed = run(sys.executable, "-m", "mockserver", "clients", "python-binance", "--url", mock.ready["http"])
        lines = printed.stdout.partition(f"# {venue}\n")[2].partition("\n\n#")[0]
        python, script = PYTHON_BINANCE
        done = run(python_of(python), str(SCRIPTS / script), VENUES=venue, LINES=lines)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [HEARD[PYTHON_BINANCE][venue == FUTURES]]
