"""The same seed and the same commands give the same events and the same journal, in whatever process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def started(seed: int, hash_seed: str) -> subprocess.Popen[str]:
    """A process of its own, with its own order of sets."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.unit.mockserver.transcript", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_tell_the_same() -> None:
    """However Python orders its sets; and another seed tells something else."""
    processes = [started(seed, hash_seed) for seed, hash_seed in ((7, "1"), (7, "2"), (8, "1"))]
    told = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert told[0] == told[1]
    assert told[0][0] != told[2][0]
    assert int(told[0][1]) > 5_000  # events
    assert int(told[0][2]) > 500  # entries of the journal
