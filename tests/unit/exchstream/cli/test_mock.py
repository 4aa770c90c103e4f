"""The child process that is the mock exchange, played by small scripts that misbehave."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from exchstream.cli import mock
from exchstream.cli.mock import MockFailed, mock_exchange

Play = Callable[[str], None]
READY = """
    import json, os, sys, time
    def ready():
        shown = {"account": "demo", "api_key": "k", "api_secret": "s"}
        venues = dict.fromkeys(["ftx", "binance-spot", "binance-futures"], shown)
        print(json.dumps({"event": "ready", "http": "http://h:1", "ws": "ws://h:1", "venues": venues}), flush=True)
"""


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Make `python -m mockserver` run this script instead."""
    monkeypatch.chdir(tmp_path)  # -m looks in the working directory first
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # or a report looks for the script's source

    def write(script: str) -> None:
        (tmp_path / "mockserver.py").write_text(textwrap.dedent(READY) + textwrap.dedent(script))

    return write


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("sys.exit('port in use')", "did not start (exit code 1): port in use"),
        ("sys.exit(3)", "did not start (exit code 3): it said nothing"),
        ("print('one\\ntwo', file=sys.stderr); sys.exit(2)", "did not start (exit code 2): one | two"),
        ("raise RuntimeError('boom')", "did not start (exit code 1): RuntimeError: boom"),
        ("print('hello', flush=True); time.sleep(60)", "did not say that it is ready, but: b'hello"),
        ('print(\'{"event": "x"}\', flush=True); time.sleep(60)', "did not say that it is ready"),
        ("print('[]', flush=True); time.sleep(60)", "did not say that it is ready"),
        ("ready(); sys.stderr.write('tired'); sys.exit(7)", "ended by itself (exit code 7): tired"),
        ("sys.stderr.write('thinking'); sys.stderr.flush(); time.sleep(60)", "was not ready after 0.2 s"),
    ],
)
async def test_failures_are_told(script: str, expected: str, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mock that does not start, says something else, or ends, is a MockFailed with what it said."""
    if "thinking" in script:
        monkeypatch.setattr(mock, "READY_S", 0.2)
    play(script)
    with trio.fail_after(30), pytest.raises(MockFailed, match="the mock exchange") as caught:
        async with mock_exchange(0, 1.0):
            await trio.sleep_forever()
    assert expected in str(caught.value)


async def test_the_child_is_ended_whatever_happens(play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An error of ours ends a child even if it ignores SIGTERM, and comes out as itself."""
    monkeypatch.setattr(mock, "END_S", 0.2)
    play(
        """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("pid", "w").write(str(os.getpid()))
        ready()
        time.sleep(60)
        """
    )
    with pytest.raises(ZeroDivisionError):
        async with mock_exchange(0, 1.0) as (address, venues):
            raise ZeroDivisionError
    assert address == "http://h:1"
    assert [venue.name for venue in venues] == ["ftx", "binance-spot", "binance-futures"]
    pid = int(await trio.Path(tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
