"""The command line as users meet it: real child processes, real sockets, real signals."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exchstream.jsonlines import from_json

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "exchstream"]
VENUES = {"ftx", "binance-spot", "binance-futures"}
WS_URL = {
    "ftx": {"WS_URL": "{ws}/ws/"},
    "binance-spot": {"WS_URL": "{ws}/ws-api/v3", "STREAM_URL": "{ws}", "LAG_NS": "100000000"},
    "binance-futures": {"WS_URL": "{ws}", "LAG_NS": "100000000"},
}


def exchstream(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*COMMAND, *words],
        check=False,
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=50,
    )


def last_words(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """The rest of what it says, behind the lines that were read; it is about to end.

    `communicate` would begin behind what `readline` has buffered, inside of a line.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    rest, errors = process.stdout.read(), process.stderr.read()
    process.wait(timeout=30)
    return rest, errors


@contextmanager
def running(
    *words: str, stdout: int = subprocess.PIPE, variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process that is killed if the test leaves it running."""
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """True while the mock exchange answers there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__mock/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def mock() -> Iterator[dict[str, Any]]:
    """A mock exchange of its own on which the demo accounts trade, known by its readiness line."""
    command = [sys.executable, "-m", "mockserver", "--port", "0", "--json", "--trade-demo", "0.1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def variables(mock: dict[str, Any], venue: str, name: str, **changes: str) -> dict[str, str]:
    """The environment by which `tail VENUE` finds the mock's demo account."""
    shown = mock["venues"][venue]
    fields = {"KEY": shown["api_key"], "SECRET": shown["api_secret"], "REST_URL": mock["http"]}
    fields |= {field: url.format(ws=mock["ws"]) for field, url in WS_URL[venue].items()} | changes
    stem = f"EXCHSTREAM_{venue}_{name}_".upper().replace("-", "_")
    return {stem + field: value for field, value in fields.items()}


@pytest.mark.slow
def test_the_demo_tells_all_venues_and_leaves_nothing() -> None:
    """`demo --json --seconds 3` prints events of all three venues, ends with 0, and its mock exchange is gone."""
    port = free_port()
    done = exchstream("demo", "--json", "--seconds", "3", "--port", str(port), "--every", "0.2")
    assert (done.returncode, done.stderr) == (0, "")
    events = [from_json(line.encode()) for line in done.stdout.splitlines()]
    assert list(range(1, len(events) + 1)) == [event.position for event in events]
    assert {event.venue for event in events} == VENUES
    assert not listens(port)


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_demo_cleanly(number: signal.Signals, expected: int) -> None:
    """Once fills of all venues have come, a signal ends the demo without a word, and its mock exchange with it."""
    port, wanted = free_port(), set(VENUES)
    with running("demo", "--json", "--port", str(port), "--every", "0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while wanted:
            event = json.loads(process.stdout.readline())
            wanted -= {event["venue"]} if event["event"] == "fill" else set()
        assert listens(port)
        process.send_signal(number)
        rest, errors = last_words(process)
    assert (expected, b"") == (process.returncode, errors)
    assert all(json.loads(line) for line in rest.splitlines())
    assert not listens(port)


INTERRUPT = """
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)

wanted = sys.argv.pop()
sys.meta_path.insert(0, Interrupt())
runpy.run_module("exchstream", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "module",
    [
        "exchstream.cli.app",
        "trio",
        "cyclopts",
        "exchstream.shell.stream",
        "exchstream.venues.ftx",
        "exchstream.cli.run",
    ],
)
def test_interrupted_while_it_imports_it_says_nothing(module: str) -> None:
    """Ctrl-C in the first moments is as quiet as later: no traceback, and the code of an interrupt."""
    command = [sys.executable, "-c", INTERRUPT, "demo", module]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_lines_where_there_is_no_terminal() -> None:
    """Without a terminal the demo writes lines of text, says where the mock is, and counts at the end."""
    wanted = {f"{venue}/demo".encode() for venue in VENUES}
    with running("demo", "--every", "0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"A mock exchange at http://127.0.0.1:")
        while wanted:
            line = process.stdout.readline()
            wanted = {name for name in wanted if name not in line}
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout.readlines()
        assert (process.wait(timeout=30), process.stderr.read()) == (130, b"")
    assert last.startswith(b"3 accounts: ")


DEMO_VENUES = (b"binance-spot", b"binance-futures", b"ftx")


def test_a_table_on_a_terminal() -> None:
    """On a terminal the demo draws its table until Ctrl-C, and leaves the cursor and the last table behind."""
    ours, theirs = pty.openpty()
    try:
        environment = {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"}
        with running("demo", "--every", "0.1", stdout=theirs, variables=environment) as process:
            os.close(theirs)
            drawn = b""
            while not all(re.search(rb"%s/demo[^\n]*gap opened: start" % venue, drawn) for venue in DEMO_VENUES):
                drawn += os.read(ours, 1 << 16)
            process.send_signal(signal.SIGINT)
            while piece := _read(ours):
                drawn += piece
            assert process.stderr is not None
            assert (process.wait(timeout=30), process.stderr.read()) == (130, b"")
    finally:
        os.close(ours)
    for text in (b"accounts", b"orders", b"fills", b"interruptions", b"ftx/demo", b"\x1b[?25h"):
        assert text in drawn
    assert b"3 accounts: " in drawn.splitlines()[-1]


def _read(terminal: int) -> bytes:
    """What the terminal shows next; nothing once its other end is closed, which Linux tells as EIO."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def test_a_busy_port_is_one_line() -> None:
    """A mock exchange that cannot listen ends the demo with 4 and its own words."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = exchstream("demo", "--port", str(server.getsockname()[1]))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (4, "", 1)
    assert "the mock exchange did not start" in done.stderr
    assert "Address already in use" in done.stderr


def test_a_reader_that_has_gone_ends_the_demo() -> None:
    """`demo --json | head -1` ends quietly, and its mock exchange with it."""
    port = free_port()
    with running("demo", "--json", "--port", str(port), "--every", "0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(timeout=30), process.stderr.read()) == (141, b"")
    assert not listens(port)


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_a_wrong_key_is_one_line(venue: str, mock: dict[str, Any]) -> None:
    """A key that the venue refuses ends `tail` with 3, one line on standard error, and the event in the output."""
    wrong = "W" * 64
    done = exchstream("tail", venue, "--json", **variables(mock, venue, "main", KEY=wrong))
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith(f"exchstream: {venue} account 'main': ")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "account_down"
    assert wrong not in done.stdout + done.stderr


def test_nothing_secret_is_shown(mock: dict[str, Any]) -> None:
    """With --debug, log messages and tracebacks hold neither key, secret nor signature."""
    secret = "not-the-right-one"
    environment = variables(mock, "binance-spot", "main", SECRET=secret)
    done = exchstream("tail", "binance-spot", "--debug", **environment)
    assert done.returncode == 3
    assert "Traceback" in done.stderr
    for text in (secret, environment["EXCHSTREAM_BINANCE_SPOT_MAIN_KEY"], "signature="):
        assert text not in done.stdout + done.stderr


def test_a_missing_key_is_named() -> None:
    """Without its key `tail` ends with 2 and names the variable to set."""
    done = exchstream("tail", "binance-futures", "--name", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert "exchstream: BinanceFutures 'nobody' needs api_key: set EXCHSTREAM_BINANCE_FUTURES_NOBODY_KEY" in done.stderr


def test_one_stream_of_several_accounts(mock: dict[str, Any]) -> None:
    """`tail` of three accounts tells fills of the good ones, while one with a wrong key is told to be down."""
    environment = {
        **variables(mock, "ftx", "mm"),
        **variables(mock, "binance-futures", "main"),
        **variables(mock, "binance-spot", "main", KEY="W" * 64),
    }
    wanted = {("fill", "ftx", "mm"), ("fill", "binance-futures", "main"), ("account_down", "binance-spot", "main")}
    words = ("tail", "ftx:mm", "binance-futures", "binance-spot", "--json")
    with running(*words, variables=environment) as process:
        assert process.stdout is not None
        while wanted:
            event = json.loads(process.stdout.readline())
            wanted.discard((event["event"], event["venue"], event["account"]))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130


def test_what_tail_records_can_be_replayed(mock: dict[str, Any], tmp_path: Path) -> None:
    """`tail --record FILE` prints as ever; `replay FILE` prints the same again, without keys or network."""
    path = tmp_path / "incident.jsonl"
    environment = {**variables(mock, "ftx", "main"), **variables(mock, "binance-futures", "main")}
    words = ("tail", "ftx", "binance-futures", "--json", "--record", str(path))
    lines, wanted = [], {("fill", "ftx"), ("fill", "binance-futures")}
    with running(*words, variables=environment) as process:
        assert process.stdout is not None
        while wanted:
            lines.append(process.stdout.readline())
            event = json.loads(lines[-1])
            wanted.discard((event["event"], event["venue"]))
        process.send_signal(signal.SIGINT)
        rest, errors = last_words(process)
    assert (process.returncode, errors) == (130, b"")
    again = exchstream("replay", str(path), "--json")
    assert (again.returncode, again.stderr) == (0, "")
    told = [*lines, *rest.splitlines(keepends=True)]
    # What was told last may not have been printed any more.
    assert [line.decode() for line in told] == again.stdout.splitlines(keepends=True)[: len(told)]
    for key in ("api_key", "api_secret"):
        assert mock["venues"]["ftx"][key] not in path.read_text()


def test_a_record_that_cannot_be_written_is_one_line(mock: dict[str, Any], tmp_path: Path) -> None:
    """Before anything is dialled."""
    done = exchstream("tail", "ftx", "--record", str(tmp_path / "no" / "file"), **variables(mock, "ftx", "main"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no/file" in done.stderr


@pytest.mark.slow
def test_an_account_that_went_down_is_not_forgotten(mock: dict[str, Any]) -> None:
    """A run that ends by its time limit still says with 3 and a line that one of its accounts is down."""
    environment = {**variables(mock, "ftx", "main"), **variables(mock, "binance-spot", "main", KEY="W" * 64)}
    done = exchstream("tail", "ftx", "binance-spot", "--seconds", "2", **environment)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert done.stderr.startswith("exchstream: binance-spot account 'main': ")
    assert "ACCOUNT DOWN" in done.stdout
