"""`python -m tests.gate`: has the path of a message become longer?

    python -m tests.gate            count, and compare with what is stored; 1 if it is more than the tolerance above it;
                                    says so if it is as much below it
    python -m tests.gate --write    store what was counted

A time differs from run to run by a tenth and more; a count of instructions (valgrind's callgrind) by less than one in
a hundred, whatever else the machine does.  Builds of Python differ, so what is stored is a ratio: to the instructions
that msgspec takes, in the same run, to decode the same bytes into a typed struct with Decimals.  Of two runs of
different length the difference counts, so that the start does not.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

FIGURES: Final = Path(__file__).with_name("figures.json")
SHORT, LONG = 200, 1_000
TOLERANCE: Final = 0.05
YARDSTICK: Final = "msgspec"
WAYS: Final = ("msgspec", "exchstream", "journal")
_COUNTED: Final = re.compile(r"Collected\s*:\s*(\d+)")


def counted(way: str, reports: int) -> int:
    """The instructions of the whole process."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    command += [sys.executable, "-m", "tests.gate.work", way, str(reports)]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=600)
    found = _COUNTED.search(done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return int(found[1])


def too_long(found: dict[str, float], stored: dict[str, float]) -> list[str]:
    """Which ways have become longer, or are not stored, in words."""
    return [
        f"{way}: {ratio:.2f} times {YARDSTICK}, and {stored[way]:.2f} is stored"
        if way in stored
        else f"{way}: not stored"
        for way, ratio in found.items()
        if way not in stored or ratio > stored[way] * (1 + TOLERANCE)
    ]


def shorter(found: dict[str, float], stored: dict[str, float]) -> list[str]:
    """Which ways have become so much shorter that what was won could be lost again unseen, in words."""
    return [
        f"{way}: {ratio:.2f} times {YARDSTICK}, and {stored[way]:.2f} is stored: store it with --write"
        for way, ratio in found.items()
        if way in stored and ratio < stored[way] * (1 - TOLERANCE)
    ]


def main() -> int:
    """Count and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.gate")
    parser.add_argument("--write", action="store_true", help="store what was counted")
    write = parser.parse_args().write
    each = {way: (counted(way, LONG) - counted(way, SHORT)) / (LONG - SHORT) for way in WAYS}
    found = {way: round(each[way] / each[YARDSTICK], 3) for way in WAYS if way != YARDSTICK}
    for way, instructions in each.items():
        print(f"{way:<12}{instructions:>10,.0f} instructions a report{each[way] / each[YARDSTICK]:>8.2f} x {YARDSTICK}")
    if write:
        FIGURES.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    stored = json.loads(FIGURES.read_text())
    wrong = too_long(found, stored)
    for line in wrong + shorter(found, stored):
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
