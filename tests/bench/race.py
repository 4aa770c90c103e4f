"""Rounds in which every contestant runs once, each in a process of its own, and what they come to.

CPU time is counted, not time on the wall: machines are shared.  A figure of one round moves by a fifth, a ratio within
one round by about a tenth, so contestants take turns, round by round, and medians of ratios are what is shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
import trustme

from tests.bench.processes import PATIENCE, answer_of, line_of, started
from tests.bench.reports import blast

WARM_UP: Final = 2_000  # reports before those that count
PATIENCE_LAP: Final = 60.0  # seconds that a run is given for each lap, besides


@attrs.frozen(kw_only=True)
class Contestant:
    """A client, which module of `contestants` runs it in which Python, and what user code gets of it."""

    name: str
    module: str
    gets: str
    argv: tuple[str, ...] = ()
    python: str = sys.executable
    listens: bool = True
    accounts: int = 1
    """How many it follows; a blast is shared out among them."""
    flood: int | None = None
    """Reports a second to the second of two accounts, while the first is paced."""

    def command(self, *argv: str) -> tuple[str, ...]:
        """How to run it."""
        return (self.python, "-m", f"tests.bench.contestants.{self.module}", *argv, *self.argv)


@attrs.frozen(kw_only=True)
class Terms:
    """On which terms a race is run."""

    rounds: int
    messages: int
    rate: int | None = None
    """Reports a second; without it all come in one blast."""
    tls: bool = False
    laps: int = 1
    """How many times so many messages, one after the other, to one process."""

    def warm_up(self, accounts: int) -> int:
        """Reports before those that count: the same number for every account, at a pace half a second of them."""
        return max(WARM_UP, 2 * accounts) if self.rate is None else self.rate // 2


@attrs.frozen(kw_only=True)
class Lap:
    """One contestant in one round: CPU microseconds per report, and what was heard of how much.

    `sent` are those reports that tell of an order; at Binance all do, at FTX an execution is told by itself.
    """

    us: float
    sent: int
    trades: int
    orders: int
    fills: int
    version: str
    idle_kib: int
    kib: int
    delays_us: tuple[float, ...] = ()
    """From the server's write to user code, of every paced report that was heard."""
    before: tuple[int, ...] = ()
    """Beside a flood: how many reports of it user code heard after such a report was sent, and before it was heard."""
    in_order: bool | None = None
    """Whether each order's updates were told as they were sent, once and in order, by a client that notes them; at a
    pace, by every client, whether every report was heard in the order in which it was sent.  None: nobody looked."""


Measure = Callable[[Lap], float]


def cpu(lap: Lap) -> float:
    """CPU microseconds per report."""
    return lap.us


def middle(lap: Lap) -> float:
    """The delay that half of the reports do not exceed."""
    return median(lap.delays_us)


def tail(lap: Lap) -> float:
    """The delay that 99 of 100 reports do not exceed."""
    return quantiles(lap.delays_us, n=100)[-1]


def flood_before(lap: Lap) -> float:
    """So many reports of the flood came first, of 99 of 100 that were paced."""
    return quantiles(lap.before, n=100)[-1]


@attrs.define
class Result:
    """All laps of one contestant."""

    contestant: Contestant
    laps: list[Lap] = attrs.field(factory=list)

    def median(self, measure: Measure = cpu) -> float:
        """The median of its rounds."""
        return median(map(measure, self.laps))

    def quartiles(self, measure: Measure = cpu) -> tuple[float, float]:
        """Between them lies the middle half of the laps."""
        if len(self.laps) < 2:
            return self.median(measure), self.median(measure)
        low, _, high = quantiles(map(measure, self.laps), n=4, method="inclusive")
        return low, high

    @property
    def delivered(self) -> float:
        """The share of the reports sent that user code heard of, over all rounds."""
        return sum(lap.orders for lap in self.laps) / sum(lap.sent for lap in self.laps)

    def ratio(self, base: Result, measure: Measure = cpu) -> float:
        """The median of the ratios within one round."""
        return median(measure(mine) / measure(its) for mine, its in zip(self.laps, base.laps, strict=True))

    def won(self, other: Result, measure: Measure = cpu, below: float = 1.0) -> float:
        """The share of rounds in which this one took less than so much of the other's."""
        pairs = list(zip(self.laps, other.laps, strict=True))
        return sum(measure(mine) <= below * measure(its) for mine, its in pairs) / len(pairs)


def race(contestants: Sequence[Contestant], terms: Terms) -> list[Result]:
    """Let everybody run once a round, beginning with another one each round."""
    results = [Result(contestant) for contestant in contestants]
    for number in range(terms.rounds):
        turn = number % len(results)
        for result in results[turn:] + results[:turn]:
            contestant = result.contestant
            (lap,) = run(contestant, terms) if contestant.listens else (_dry(contestant, terms.messages),)
            result.laps.append(lap)
            paced = "" if terms.rate is None else f"{middle(lap):9.1f} us delay"
            print(f"round {number + 1}/{terms.rounds}  {contestant.name:<44}{lap.us:9.2f} us{paced}", flush=True)
    return results


def run(contestant: Contestant, terms: Terms) -> list[Lap]:
    """One client on a socket of a server of its own."""
    certificate, env = _certificates() if terms.tls else ((), os.environ)
    patience = PATIENCE + PATIENCE_LAP * terms.laps
    with started(sys.executable, "-m", "tests.bench.server", *certificate, patience=patience) as server:
        told = {
            "port": int(line_of(server)),
            "tls": terms.tls,
            "paced": terms.rate is not None,
            "accounts": contestant.accounts,
            "laps": terms.laps,
        }
        with started(*contestant.command(json.dumps(told)), env=env, patience=patience) as client:
            _expect(client, "ready")
            _send(server, contestant, terms, terms.warm_up(contestant.accounts))
            _expect(client, "warm")
            laps = []
            for _ in range(terms.laps):
                sent = _send(server, contestant, terms, terms.messages)
                laps.append(_lap(json.loads(line_of(client)), terms.messages, sent))
            return laps


def _dry(contestant: Contestant, messages: int) -> Lap:
    """One way of reading texts that are in memory already."""
    made = blast(messages, WARM_UP + 1, 0)  # the same that the contestant makes
    with started(*contestant.command(str(WARM_UP), str(messages))) as client:
        _expect(client, "warm")
        sent = {"trades": made.trades, "orders": made.orders, "told": made.told.digest()}
        return _lap(json.loads(line_of(client)), messages, sent)


def _lap(said: dict[str, Any], messages: int, sent: dict[str, Any]) -> Lap:
    went, flood = dict(sent.get("sent", ())), sent.get("flood", [])
    heard = [(number, at_ns) for number, at_ns in said["moments"] if number in went]
    others = [(number, at_ns) for number, at_ns in said["moments"] if number not in went]
    others_ns = [at_ns for _, at_ns in others]
    messages += len(flood)
    right = [said["told"] == sent["told"]] if said["told"] else []
    if went:
        right.append([number for number, _ in heard + others] == [*went, *flood])
    return Lap(
        us=said["cpu_s"] * 1e6 / messages,
        sent=sent["orders"],
        trades=sent["trades"],
        orders=said["orders"],
        fills=said["fills"],
        version=said["version"],
        idle_kib=said["idle_kib"],
        kib=said["kib"],
        delays_us=tuple((at_ns - went[number]) / 1e3 for number, at_ns in heard),
        before=tuple(bisect(others_ns, at_ns) - bisect(others_ns, went[number]) for number, at_ns in heard),
        in_order=all(right) if right else None,
    )


# --- processes ------------------------------------------------------------------------------------------------------


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="exchstream-bench-")


@cache
def _certificates() -> tuple[tuple[str], Mapping[str, str]]:
    """A certificate for the server, and the environment in which clients trust it."""
    folder, authority = Path(_folder().name), trustme.CA()
    certificate, trusted = folder / "server.pem", folder / "ca.pem"
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(trusted)
    trust = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(trusted))
    return (str(certificate),), {**os.environ, **trust}


def _send(server: subprocess.Popen[str], contestant: Contestant, terms: Terms, messages: int) -> dict[str, Any]:
    if terms.rate is None:
        return answer_of(server, f"blast {messages}")
    if contestant.flood is None:
        return answer_of(server, f"pace {messages} {terms.rate}")
    return answer_of(server, f"fair {messages} {terms.rate} {contestant.flood}")


def _expect(process: subprocess.Popen[str], word: str) -> None:
    while (said := line_of(process)) != word:  # a client may print what it likes before
        print(said, file=sys.stderr)
