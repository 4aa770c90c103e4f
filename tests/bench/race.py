"""Rounds in which every contestant runs once, each in a process of its own, and what they come to.

CPU time is counted, not time on the wall: machines are shared.  A figure of one round moves by a fifth, a ratio within
one round by about a tenth, so contestants take turns, round by round, and medians of ratios are what is shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import IO, Any, Final

import attrs

from tests.bench.reports import blast

ROOT: Final = Path(__file__).parents[2]
WARM_UP: Final = 2_000  # reports before those that count
PATIENCE: Final = 300.0  # seconds after which a run is given up; the slowest needs a few


@attrs.frozen(kw_only=True)
class Contestant:
    """A client, which module of `contestants` runs it in which Python, and what user code gets of it."""

    name: str
    module: str
    gets: str
    argv: tuple[str, ...] = ()
    python: str = sys.executable
    listens: bool = True

    def command(self, *argv: str) -> tuple[str, ...]:
        """How to run it."""
        return (self.python, "-m", f"tests.bench.contestants.{self.module}", *argv, *self.argv)


@attrs.frozen(kw_only=True)
class Lap:
    """One contestant in one round: CPU microseconds per report that was sent, and what was heard of how much."""

    us: float
    sent: int
    trades: int
    orders: int
    fills: int
    version: str


@attrs.define
class Result:
    """All laps of one contestant."""

    contestant: Contestant
    laps: list[Lap] = attrs.field(factory=list)

    @property
    def us(self) -> float:
        """The median."""
        return median(lap.us for lap in self.laps)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between them lies the middle half of the laps."""
        if len(self.laps) < 2:
            return self.us, self.us
        low, _, high = quantiles((lap.us for lap in self.laps), n=4, method="inclusive")
        return low, high

    @property
    def delivered(self) -> float:
        """The share of the reports sent that user code heard of, over all rounds."""
        return sum(lap.orders for lap in self.laps) / sum(lap.sent for lap in self.laps)

    def ratio(self, base: Result) -> float:
        """The median of the ratios within one round."""
        return median(mine.us / its.us for mine, its in zip(self.laps, base.laps, strict=True))

    def won(self, other: Result) -> int:
        """In how many rounds this one took less."""
        return sum(mine.us < its.us for mine, its in zip(self.laps, other.laps, strict=True))


def race(contestants: Sequence[Contestant], *, rounds: int, messages: int) -> list[Result]:
    """Let everybody run once a round, beginning with another one each round."""
    results = [Result(contestant) for contestant in contestants]
    for number in range(rounds):
        turn = number % len(results)
        for result in results[turn:] + results[:turn]:
            lap = _live(result.contestant, messages) if result.contestant.listens else _dry(result.contestant, messages)
            result.laps.append(lap)
            print(f"round {number + 1}/{rounds}  {result.contestant.name:<32}{lap.us:9.2f} us", flush=True)
    return results


def _live(contestant: Contestant, messages: int) -> Lap:
    """One client on a socket of a server of its own."""
    with _process(sys.executable, "-m", "tests.bench.server") as server:
        port = _line(server)
        with _process(*contestant.command(port)) as client:
            _expect(client, "ready")
            _blast(server, WARM_UP)
            _expect(client, "warm")
            trades = _blast(server, messages)
            return _lap(json.loads(_line(client)), messages, trades)


def _dry(contestant: Contestant, messages: int) -> Lap:
    """One way of reading texts that are in memory already."""
    trades = blast(messages, WARM_UP + 1, 0).trades  # the same that the contestant makes
    with _process(*contestant.command(str(WARM_UP), str(messages))) as client:
        _expect(client, "warm")
        return _lap(json.loads(_line(client)), messages, trades)


def _lap(said: dict[str, Any], messages: int, trades: int) -> Lap:
    return Lap(
        us=said["cpu_s"] * 1e6 / messages,
        sent=messages,
        trades=trades,
        orders=said["orders"],
        fills=said["fills"],
        version=said["version"],
    )


# --- processes ------------------------------------------------------------------------------------------------------


@contextmanager
def _process(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """A child with pipes, ended with the block, and at the latest when patience is."""
    process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def _blast(server: subprocess.Popen[str], messages: int) -> int:
    assert server.stdin is not None
    server.stdin.write(f"blast {messages}\n")
    server.stdin.flush()
    return int(_line(server))


def _line(process: subprocess.Popen[str]) -> str:
    stdout: IO[str] | None = process.stdout
    assert stdout is not None
    if not (line := stdout.readline()):
        raise RuntimeError(f"{process.args!r} ended or said nothing for {PATIENCE:.0f} s: what it wrote stands above")
    return line.rstrip("\n")


def _expect(process: subprocess.Popen[str], word: str) -> None:
    while (said := _line(process)) != word:  # a client may print what it likes before
        print(said, file=sys.stderr)
