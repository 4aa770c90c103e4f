"""`python -m tests.mutants`: each deliberate bug must be caught by the simulation's default profile, on every seed.

The shipped code itself plays the same seeds, to the end of the profile, and must pass them.  Each bug stands in a copy
of the source tree, and is looked for by other processes, until the first story that ends badly.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import attrs

from .bugs import MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("exchstream", "mockserver", "tests/simulation")
APART: Final = 1_000_000  # between two first seeds: more than the stories of a profile
AT_MOST_S: Final = 3_600  # for one search; a bug that makes it hang is not caught
_PLAYED: Final = re.compile(r"^([\d,]+) steps in ([\d.]+) s", re.MULTILINE)
_KIND: Final = re.compile(r"^\d+ x (.+?: [a-z-]+/\d+)", re.MULTILINE)


@attrs.frozen
class Search:
    """How one search ended: after so many steps and seconds, with these kinds of violations (none: all was well).

    Behind each kind stands the first story that had it.
    """

    steps: str
    seconds: str
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.steps} steps, {self.seconds} s: {'; '.join(self.kinds) or 'nothing'}"


class Broken(Exception):
    """A search that did not even begin, or did not end: that says nothing of what the simulation sees."""


def main() -> int:
    """Print a table; 1 if a bug was not caught on one of the seeds, or the shipped code did not pass one."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--seeds", type=int, default=5, help="how many searches for each bug, from other seeds each")
    parser.add_argument("--base-seed", type=int, help="where the first search begins (default: a fresh one)")
    parser.add_argument("--only", action="append", help="the bug of this name, or `none` for the shipped code")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes of one search")
    given = parser.parse_args()
    base = secrets.randbelow(10**9) if given.base_seed is None else given.base_seed
    seeds = [base + number * APART for number in range(given.seeds)]
    named = {mutant.name: mutant for mutant in MUTANTS} | {"none": None}
    unknown = set(given.only or ()) - named.keys()
    if unknown or not seeds:
        parser.error(f"there is no {sorted(unknown)}" if unknown else "at least one seed is needed")
    print(f"base seed {base}", flush=True)
    failed = [name for name in given.only or named if not _passes(name, named[name], seeds, given.jobs)]
    print(f"wrong: {', '.join(failed)}" if failed else "every bug was caught on every seed")
    return int(bool(failed))


def _passes(name: str, mutant: Mutant | None, seeds: list[int], jobs: int) -> bool:
    """Print how each seed's search ended; True if all ended as they should."""
    right = 0
    with tree(mutant) as home:
        for seed in seeds:
            search = searched(home, seed, jobs)
            right += bool(search.kinds) is (mutant is not None)
            print(f"    {name}, seed {seed}: {search}", flush=True)
    print(f"{name}: {right}/{len(seeds)} {'passed' if mutant is None else 'caught'}", flush=True)
    return right == len(seeds)


@contextmanager
def tree(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the source tree, with the bug in it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant is not None:
            place = home / mutant.file
            place.write_text(mutant.of(place.read_text(encoding="utf-8")), encoding="utf-8")
        yield home


def searched(home: Path, seed: int, jobs: int, *more: str) -> Search:
    """One search in this tree, until the first bad story.  Raises Broken."""
    command = [sys.executable, "-m", "tests.simulation", "--profile", "default", "--until-bad", "--most", "0"]
    done = subprocess.run(
        [*command, "--seeds", f"{seed}:", "--jobs", str(jobs), *more],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(home)},  # before an installed exchstream
        capture_output=True,
        text=True,
        timeout=AT_MOST_S,
        check=False,
    )
    played, kinds = _PLAYED.search(done.stdout), tuple(_KIND.findall(done.stdout))
    if played is None or done.returncode != bool(kinds):
        raise Broken(f"{done.stdout}{done.stderr}")
    return Search(played[1], played[2], kinds)


if __name__ == "__main__":
    sys.exit(main())
