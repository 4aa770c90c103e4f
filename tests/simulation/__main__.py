"""`python -m tests.simulation`: search for bad histories, and tell the shortest one of each kind.

python -m tests.simulation --seeds 0:200 --length 60 --without mute,lag
"""

from __future__ import annotations

import argparse
import sys
import time

from .story import Outcome, play, shortened, told_by_chance
from .world import FLAVOURS


def main() -> int:
    """Play; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="0:50", help="first:last, the last left out")
    parser.add_argument("--length", type=int, default=40, help="steps of a story")
    parser.add_argument("--flavour", choices=FLAVOURS, action="append", help="default: all")
    parser.add_argument("--without", default="", help="faults to leave out, with commas")
    parser.add_argument("--healthy", action="store_true", help="no faults at all")
    parser.add_argument("--most", type=int, default=3, help="bad stories to tell in full")
    given = parser.parse_args()
    first, _, last = given.seeds.partition(":")
    without, steps, wrong, began = frozenset(given.without.split(",")), 0, 0, time.perf_counter()
    slowest_ns = 0
    for flavour in given.flavour or FLAVOURS:
        for seed in range(int(first), int(last)):
            story = told_by_chance(flavour, seed, given.length, faults=not given.healthy, without=without)
            outcome = play(story)
            steps += len(story.steps)
            slowest_ns = max(slowest_ns, outcome.live_after_ns)
            if outcome.violations:
                wrong += 1
                _tell(outcome, in_full=wrong <= given.most)
    seconds = time.perf_counter() - began
    print(f"{steps} steps in {seconds:.1f} s ({60 * steps / seconds:,.0f} a minute), {wrong} bad stories,")
    print(f"live again after at most {slowest_ns / 10**9:.0f} s")
    return int(wrong > 0)


def _tell(outcome: Outcome, *, in_full: bool) -> None:
    print(f"{outcome.story.flavour} seed {outcome.story.seed}: {outcome.violations[0]}")
    if in_full:
        print(play(shortened(outcome.story)), end="\n\n")


if __name__ == "__main__":
    sys.exit(main())
