"""``python -m mockserver run``: real processes, exit codes, verdicts, and commands that end well, badly or never."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulation.scripts import to_text
from tests.simulation.stories import FILL_PART, PLACE
from tests.simulation.story import Step, Story

ROOT = Path(__file__).parents[2]
BOT = (sys.executable, "-m", "tests.scenarios")
HEAD = "mock: 1\nname: a test\nvenue: binance-spot\n"


def run(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockserver", "run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "story.yaml"
        path.write_text(HEAD + text)
        return str(path)

    return write


def test_a_bot_that_does_right() -> None:
    """Exit code 0 and one line; what the bot prints is passed on to standard error."""
    done = run("fill-during-reconnect", "--", *BOT)
    assert (done.returncode, done.stdout[:5]) == (0, "well:"), done.stdout + done.stderr
    assert '"event": "fill"' in done.stderr


def test_a_bot_that_fails() -> None:
    """Exit code 1, what is wrong, the seed, and the line that does it again."""
    done = run("fill-during-reconnect", "--seed", "5", "--json", "--", *BOT, "--flaw", "no_lookback")
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["ok"], verdict["seed"]) == (1, False, 5)
    assert {check["name"] for check in verdict["checks"] if check["wrong"]} >= {"no_fill_lost", "resyncs"}
    assert verdict["again"].startswith("python -m mockserver run fill-during-reconnect --seed 5 -- ")


def test_exchstream_tail_is_a_bot_as_it_is() -> None:
    """The command line that the page shows, which is told all by placeholders."""
    page = (ROOT / "docs" / "mock" / "scenarios.md").read_text()
    shown = page.partition("python -m mockserver run fill-during-reconnect -- env ")[2].partition("\n\n")[0]
    words = shown.replace("\\\n", " ").split()
    place = words.index("exchstream")
    command = ["env", *words[:place], sys.executable, "-m", *words[place:]]
    done = run("fill-during-reconnect", "--", *command)
    assert (done.returncode, done.stdout[:5]) == (0, "well:"), done.stdout + done.stderr


def test_the_command_is_told_where_the_mock_is(written) -> None:
    """By its environment, and by placeholders; other braces stay."""
    text = "seed: 3\nsteps: [{wait: {request: GET /api/v3/time}}]\n"
    code = (
        "import os, sys, urllib.request; e = os.environ; "
        "print('args', sys.argv[1:]); "
        "print('same', sys.argv[1] == e['MOCKSERVER_HTTP'], e['MOCKSERVER_SYMBOL'], e['MOCKSERVER_SEED']); "
        "urllib.request.urlopen(e['MOCKSERVER_HTTP'] + '/api/v3/time')"
    )
    done = run(written(text), "--", sys.executable, "-c", code, "{http}", "{nothing}", "{ws}/ws")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "same True BTCUSDT 3" in done.stderr
    assert re.search(r"'\{nothing\}', 'ws://127.0.0.1:[0-9]+/ws'", done.stderr)


def test_a_file_without_a_name_or_a_seed(tmp_path: Path) -> None:
    """It is called as the file is; its seed is another one each time, and 0 is a seed like any other."""
    path = tmp_path / "mine.yaml"
    told = []
    for seed in ("", "", "seed: 0\n", "seed: 0\n"):
        path.write_text(f"mock: 1\nvenue: binance-spot\n{seed}steps: []\n")
        done = run(str(path), "--json", "--", "true")
        told.append(json.loads(done.stdout))
    assert {verdict["scenario"] for verdict in told} == {"mine.yaml"}
    seeds = [verdict["seed"] for verdict in told]
    assert (len({*seeds[:2]} - {0}), seeds[2:]) == (2, [0, 0])


def test_a_venue_that_there_is_not(tmp_path: Path) -> None:
    """It is told as any other mistake: the file, the line, the nearest."""
    path = tmp_path / "mine.yaml"
    path.write_text("mock: 1\nname: x\nvenue: binance-spt\nsteps: []\n")
    done = run(str(path), "--", "true")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mockserver: {path}: line 3: no venue 'binance-spt'; did you mean 'binance-spot'?\n"


def test_a_report_by_the_control_api(written) -> None:
    """For a bot whose standard output is not its own; a report that is none is refused in words."""
    text = (
        "steps: [{trade: limit}, fill, {wait: {request: GET /api/v3/time}}]\nfinally: [{check: [no_fill_invented]}]\n"
    )
    code = (
        "import json, os, urllib.request as u; e = os.environ; "
        "fill = {'event': 'fill', 'symbol': 'X', 'order_id': 1, 'trade_id': 2, 'price': '3', 'quantity': '4'}; "
        "u.urlopen(u.Request(e['MOCKSERVER_REPORT'], json.dumps({'report': fill}).encode(), method='POST')); "
        "u.urlopen(e['MOCKSERVER_HTTP'] + '/api/v3/time')"
    )
    done = run(written(text), "--", sys.executable, "-c", code)
    assert done.returncode == 1
    assert "fill invented: ('X', '2', '1')" in done.stdout


def test_a_story_of_the_simulation(tmp_path: Path) -> None:
    """As it writes a failure down. What befalls the client's own process is left out, and that is said."""
    path = tmp_path / "story.yaml"
    steps = (PLACE, Step("wait", 10**8), Step("restart", ("kill", 10**9)), Step("drop", "reset"), FILL_PART)
    path.write_text(to_text(Story(flavour="binance-spot", seed=1, steps=steps, journal="full"), name="a fill in a gap"))
    done = run(str(path), "--", *BOT)
    assert (done.returncode, done.stdout[:5]) == (0, "well:"), done.stdout + done.stderr
    out = [line for line in done.stderr.splitlines() if "left out" in line]
    assert out == [
        "mockserver: left out: setup journal (full) befalls the client's own process",
        "mockserver: left out: step 4 (restart: [kill, 1s]) befalls the client's own process",
    ]
    done = run(str(path), "--strict", "--", *BOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert "setup journal (full) befalls the client's own process: not played" in done.stderr
    path.write_text(path.read_text().replace("settle: 6m", "settle: 1s"))  # nobody waits for what does not come
    done = run(str(path), "--json", "--", *BOT, "--flaw", "no_lookback")
    verdict = json.loads(done.stdout)
    assert (done.returncode, len(verdict["left_out"])) == (1, 2)
    assert [check["name"] for check in verdict["checks"] if check["wrong"]] == ["no_fill_lost", "right_at_end"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fill-during-reconect", "--", "true"), "did you mean 'fill-during-reconnect'"),
        (("nowhere.yaml", "--", "true"), "cannot read the scenario nowhere.yaml: No such file"),
        (("silent-socket",), "what is to be run?"),
        (("silent-socket", "--"), "what is to be run?"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, one line, nothing on standard output."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [{wiat: 1s}]", "line 4: no verb 'wiat'; did you mean 'wait'?"),
        ("steps: [{check: [no_fill_lost]}]", "line 4: no verb 'check'"),
        ("steps: []\nfinally: [{check: [no_fill_los]}]", "line 5: check: no check 'no_fill_los'; did you mean"),
        ("setup: {patients: 1s}\nsteps: []", "story.yaml: the setup has no 'patients'"),
        ("setup: {patience: 1}\nsteps: []", "patience of the setup is a duration"),
        ("liquidity: echoes\nsteps: []", "no liquidity 'echoes'; there are manual,"),
        ("liquidity: replay\nsteps: []", "a replay needs a file of trades: replay:FILE"),
        ("liquidity: replay:gone.csv\nsteps: []", "cannot read gone.csv: No such file or directory"),
        ("account: {USDT: '-1'}\nsteps: []", "account: a balance of -1 is below zero"),
        ("steps:\n- fill:\n    qty: 30%\n    order: $o\n", "story.yaml: line 7: fill: nothing before it captures $o"),
        ("steps: [{goto: {label: x, max: 2}}]", "line 4: goto: no label 'x' before it in steps"),
        ("before: [{label: x}, {goto: {label: x, max: 2}}]\nsteps: []", "before the client begins nothing is repeated"),
        ("before: [fill]\nsteps: []", "before the client begins: the client has no open order"),
        ("setup: {settings: {limit: ip}}\nsteps: []", "no such name here: 'limit'"),
    ],
)
def test_a_story_that_cannot_be_played(written, text: str, words: str) -> None:
    """Exit code 2, and what is wrong with it."""
    done = run(written(text), "--", "true")
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/bot",), "at the beginning:\n    cannot start /nowhere/bot: No such file"),
        (("sh", "-c", "exit 7"), "step 1 (wait: {client: subscribed}):\n    the command ended with exit code 7\n"),
        (("sh", "-c", "kill -9 $$"), "step 1 (wait: {client: subscribed}):\n    the command was ended by SIGKILL\n"),
    ],
)
def test_a_command_that_dies(command: tuple[str, ...], words: str) -> None:
    """Exit code 3, and what the story was waiting for."""
    done = run("fill-during-reconnect", "--seed", "5", "--", *command)
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "DIED: a fill during a reconnect (seed 5)")
    assert words in done.stdout
    assert "  again: python -m mockserver run fill-during-reconnect --seed 5 -- " in done.stdout
    done = run("fill-during-reconnect", "--json", "--", *command)
    verdict = json.loads(done.stdout)
    assert (done.returncode, verdict["ok"]) == (3, False)
    assert words.partition(":\n    ")[2].strip() in verdict["died"]


def test_what_a_command_did_before_it_died(written) -> None:
    """What was done and heard, and what it reported with its last breath; nothing that is only due by the end."""
    ending = "finally: [{check: [no_fill_invented, listens]}, {verify: [reconnect]}]\n"
    text = f"steps: [{{trade: limit}}, {{wait: {{request: GET /api/v3/time}}}}, {{wait: 30s}}]\n{ending}"
    fill = {"event": "fill", "symbol": "X", "order_id": 1, "trade_id": 2, "price": "3", "quantity": "4"}
    code = (
        "import os, sys, urllib.request as u; u.urlopen(os.environ['MOCKSERVER_HTTP'] + '/api/v3/time'); "
        f"print({json.dumps(fill)!r}); sys.exit('out of breath')"
    )
    done = run(written(text), "--", sys.executable, "-c", code)
    assert (done.returncode, done.stdout.splitlines()[0][:12]) == (3, "DIED: a test"), done.stdout + done.stderr
    parts = (
        "  at step 3 (wait: 30s):\n    the command ended with exit code 1\n      what came last:\n",
        "GET /api/v3/time",
        "fill invented: ('X', '2', '1')",
        "    step 2 (wait: {request: GET /api/v3/time}): it came\n",
    )
    assert [part for part in parts if part not in done.stdout] == []
    assert not re.search("hears nothing|expected", done.stdout)


def test_a_command_that_ends_too_early() -> None:
    """It ended well, so it is the bot that failed: exit code 1, and at once."""
    begun = time.monotonic()
    done = run("fill-during-reconnect", "--", "true")
    assert (done.returncode, time.monotonic() - begun < 15) == (1, True)
    assert "the command ended with exit code 0" in done.stdout


def test_nothing_is_left_of_the_command(written, tmp_path: Path) -> None:
    """Children of it, and those that will not hear of SIGTERM, are ended too."""
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 600 & echo $$ $! > {pids}; wait"
    done = run(written("steps: [{wait: 500ms}]"), "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert [pid for pid in pids.read_text().split() if runs(pid)] == []


def runs(pid: str) -> bool:
    """Whether this process runs; one that has ended and that nobody asks about is still listed."""
    stat = Path("/proc", pid, "stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_an_interrupt(written, tmp_path: Path) -> None:
    """Ctrl-C ends the command too, with exit code 130."""
    flag = tmp_path / "flag"
    command = [sys.executable, "-m", "mockserver", "run", written("steps: [{wait: 60s}]"), "--"]
    with subprocess.Popen(
        [*command, "sh", "-c", f"touch {flag}; sleep 600"], cwd=ROOT, stderr=subprocess.PIPE
    ) as process:
        for _ in range(600):
            if flag.exists():
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")


def test_the_list_of_scenarios() -> None:
    """Each with its venue and what it is."""
    command = [sys.executable, "-m", "mockserver", "scenarios"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    assert re.search(r"^silent-socket +binance-spot@2026 +a socket that opens and stays silent$", done.stdout, re.M)
