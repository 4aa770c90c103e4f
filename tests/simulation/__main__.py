"""`python -m tests.simulation`: search for bad histories, and tell the shortest one of each kind.

python -m tests.simulation --steps 1000000 --length 60 --without mute,lag
python -m tests.simulation --profile default
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import attrs

from .chance import told_by_chance
from .judge import Outcome
from .play import play
from .profiles import PROFILES, missed
from .scripts import of_text, to_text
from .shorten import kind_of, shortened
from .story import Story
from .tally import Tally
from .world import FLAVOURS

CHUNK = 10  # stories that a process plays at a time


@attrs.frozen
class Bad:
    """A story that ended badly: where it comes from, and what every checker says of it."""

    flavour: str
    seed: int
    violations: list[str]


Chunk: TypeAlias = "tuple[str, tuple[int, ...]]"
Result: TypeAlias = "tuple[str, Tally, list[Bad]]"
Search: TypeAlias = "Callable[[Chunk], Result]"


def main() -> int:
    """Play; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", help="first:last, the last left out (default: 0:50; with a profile fresh ones)")
    parser.add_argument("--steps", type=int, help="so many steps at least, from the first seed on, however many seeds")
    parser.add_argument("--profile", choices=PROFILES, help="so many steps, and floors under what they meet")
    parser.add_argument("--length", type=int, default=40, help="steps of a story")
    parser.add_argument("--flavour", choices=FLAVOURS, action="append", help="default: all")
    parser.add_argument("--without", default="", help="faults and features to leave out, with commas")
    parser.add_argument("--healthy", action="store_true", help="no faults at all")
    parser.add_argument("--until-bad", action="store_true", help="stop at the first story that ends badly")
    parser.add_argument("--most", type=int, default=3, help="bad stories to shorten and tell in full, of each kind one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--export", type=Path, help="write those stories into this folder, a file of each")
    parser.add_argument("--story", type=Path, help="play this file, and tell what happens")
    given = parser.parse_args()
    if given.story is not None:
        outcome = play(of_text(given.story.read_text(encoding="utf-8")))
        print(outcome)
        return int(bool(outcome.violations))
    profile = PROFILES.get(given.profile)
    first, _, last = (given.seeds or (f"{secrets.randbelow(10**9)}:" if profile else "0:50")).partition(":")
    wanted = given.steps or (profile.steps if profile else None)
    flavours = tuple(given.flavour or FLAVOURS)
    without = frozenset(given.without.split(","))
    search = partial(_search, length=given.length, faults=not given.healthy, without=without)
    seeds: Iterable[int] = range(int(first), int(last)) if wanted is None else itertools.count(int(first))
    print(f"seeds from {first} on", flush=True)
    tallies = {flavour: Tally() for flavour in flavours}
    bad: list[Bad] = []
    began = time.perf_counter()
    for flavour, tally, found in _results(search, _chunks(seeds, flavours), given.jobs):
        tallies[flavour].join(tally)
        for one in found:
            bad.append(one)
            print(f"{one.flavour} seed {one.seed}: {one.violations[0][:300]}", flush=True)
        if bad and given.until_bad:
            break
        if wanted is not None and sum(tally.steps for tally in tallies.values()) >= wanted:
            break
    seconds = time.perf_counter() - began
    steps = sum(tally.steps for tally in tallies.values())
    for flavour, tally in tallies.items():
        print(f"{flavour}: {tally}")
    print(f"{steps:,} steps in {seconds:.1f} s by {given.jobs} processes: {steps / seconds:,.0f} a second")
    told = tell(bad, given.most, lambda one: _story(one.flavour, one.seed, given.length, not given.healthy, without))
    if given.export is not None:
        export(told, given.export)
    short = (
        [line for name, tally in tallies.items() for line in missed(name, tally)] if profile and profile.floors else []
    )
    print(*(f"too little: {line}" for line in short), sep="\n", end="\n" if short else "")
    return int(bool(bad or short))


def _story(flavour: str, seed: int, length: int, faults: bool, without: frozenset[str]) -> Story:
    return told_by_chance(flavour, seed, length, faults=faults, without=without)


def _chunks(seeds: Iterable[int], flavours: tuple[str, ...]) -> Iterator[Chunk]:
    """Work of the same size, the flavours in turn."""
    rest = iter(seeds)
    while some := tuple(itertools.islice(rest, CHUNK)):
        yield from ((flavour, some) for flavour in flavours)


def _results(search: Search, chunks: Iterable[Chunk], jobs: int) -> Iterator[Result]:
    if jobs <= 1:
        yield from map(search, chunks)
        return
    with multiprocessing.Pool(jobs) as pool:
        ahead = []  # not more than the processes can take: the chunks may have no end
        for chunk in chunks:
            ahead.append(pool.apply_async(search, (chunk,)))
            if len(ahead) > 2 * jobs:
                yield ahead.pop(0).get()
        for result in ahead:
            yield result.get()


def _search(chunk: Chunk, *, length: int, faults: bool, without: frozenset[str]) -> Result:
    flavour, seeds = chunk
    tally, bad = Tally(), []
    for seed in seeds:
        try:
            outcome = play(_story(flavour, seed, length, faults, without))
        except Exception as error:  # noqa: BLE001  (a search goes on, and tells which story it was)
            bad.append(Bad(flavour, seed, [f"raised {type(error).__name__}: {error}"]))
            continue
        tally.add(outcome)
        if outcome.violations:
            bad.append(Bad(flavour, seed, outcome.violations))
    return flavour, tally, bad


def tell(bad: list[Bad], most: int, story_of: Callable[[Bad], Story]) -> list[Outcome]:
    """How often each kind of violation was found, and the shortest story of the first of some of them, played."""
    kinds: dict[str, list[Bad]] = {}
    for one in bad:
        for kind in {kind_of(violation) for violation in one.violations}:
            kinds.setdefault(kind, []).append(one)
    for kind, some in sorted(kinds.items(), key=lambda item: -len(item[1])):
        print(f"{len(some)} x {kind}: {', '.join(f'{one.flavour}/{one.seed}' for one in some[:8])}")
    told = []
    for kind, some in itertools.islice(kinds.items(), most):
        print(f"\n--- {kind}")
        told.append(play(shortened(story_of(some[0]), kind=kind)))
        print(told[-1])
    return told


def export(told: Iterable[Outcome], folder: Path) -> None:
    """Write each story as a file, with what is wrong above it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, outcome in enumerate(told, 1):
        story = outcome.story
        path = folder / f"{story.flavour}-{story.seed}-{number}.yaml"
        path.write_text(to_text(story, comment="\n".join(outcome.violations)), encoding="utf-8")
        print(f"written: {path}")


if __name__ == "__main__":
    sys.exit(main())
