"""Servers and clients as processes with pipes: each is ended with its block, and at the latest when patience is."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 300.0  # seconds after which a run is given up; the slowest needs a few


@contextmanager
def started(
    *argv: str, env: Mapping[str, str] | None = None, patience: float = PATIENCE
) -> Iterator[subprocess.Popen[str]]:
    """A child."""
    process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    timer = threading.Timer(patience, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that it writes."""
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    if not (line := stdout.readline()):
        raise RuntimeError(f"{process.args!r} ended, or was ended for being too slow: what it wrote stands above")
    return line.rstrip("\n")


def answer_of(server: subprocess.Popen[str], command: str) -> dict[str, Any]:
    """What the neutral server answers to a command."""
    assert server.stdin is not None
    server.stdin.write(f"{command}\n")
    server.stdin.flush()
    answer: dict[str, Any] = json.loads(line_of(server))
    return answer
