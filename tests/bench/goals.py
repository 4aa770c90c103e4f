"""What exchstream is to reach, and what it reached: one row for each goal, whichever way it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

import attrs

from tests.bench import field
from tests.bench.race import Measure, Result, Terms, cpu, middle

ENDS: Final = 3  # laps at the end of a long run that are compared with its first one


@attrs.frozen(kw_only=True)
class Run:
    """One table's results, and the terms on which they came about."""

    results: Sequence[Result]
    terms: Terms

    def __getitem__(self, name: str) -> Result:
        return next(result for result in self.results if result.contestant.name == name)


@attrs.frozen
class Row:
    """One goal."""

    measure: str
    goal: str
    figure: str
    met: bool


def rows(runs: Mapping[str, Run]) -> list[Row]:
    """All of them."""
    return list(_rows(runs))


def _rows(runs: Mapping[str, Run]) -> Iterator[Row]:
    blast, paced = runs["blast"], runs["paced"]
    fast, default = blast[field.FAST.name], blast[field.DEFAULT.name]
    for peer in (field.CRYPTOFEED, field.UNICORN_PICOWS):
        ratio, won = fast.ratio(blast[peer]), fast.won(blast[peer], below=0.9)
        yield Row(
            f"blast, `websockets`, CPU against {peer}",
            "<= 0.9, in >= 80 % of the rounds",
            f"{ratio:.2f}, in {won:.0%} of the rounds",
            ratio <= 0.9 and won >= 0.8,
        )
    yield _at_most("blast, default transport, CPU against " + field.PYTHON_BINANCE, 1.0, [default], blast, cpu)
    yield _at_most("blast, any transport, CPU against " + field.CCXT, 0.35, [fast, default], blast, cpu)
    yield _at_most("blast, any transport, CPU against " + field.SDK, 0.7, [fast, default], blast, cpu)
    for peer in (field.UNICORN, field.CRYPTOFEED):
        ours = [paced[field.FAST.name]]
        yield _at_most(f"1,000/s, `websockets`, middle delay against {peer}", 1.1, ours, paced, middle)
    pipeline = runs["decode"]["exchstream, 100 frames a read"].ratio(runs["decode"]["msgspec"])
    yield _bounded("pipeline without a socket against msgspec's typed decode", 3.0, pipeline)
    yield _delivered(runs)
    yield _bounded("cost after all orders of the long run / at its start", 1.1, growth(runs["long"]))
    yield _memory(runs["many"])
    journal = runs["journal"]
    for durability, bound in (("relaxed", 1.6), ("normal", 2.0)):
        ratio = journal[f"journal: {durability}"].ratio(journal["no journal"])
        yield _bounded(f"journal, `{durability}`, CPU against none", bound, ratio)


def _bounded(measure: str, bound: float, ratio: float) -> Row:
    return Row(measure, f"<= {bound}", f"{ratio:.2f}", ratio <= bound)


def _at_most(name: str, bound: float, ours: Sequence[Result], run: Run, measure: Measure) -> Row:
    """The better one of ours against the peer whose name ends the row's."""
    peer = run[name.rpartition("against ")[2]]
    return _bounded(name, bound, min(each.ratio(peer, measure) for each in ours))


def _delivered(runs: Mapping[str, Run]) -> Row:
    ours = [each for run in runs.values() for each in run.results if each.contestant.gets == field.TYPED]
    laps = [lap for each in ours for lap in each.laps]
    whole = all((lap.orders, lap.fills) == (lap.sent, lap.trades) and lap.in_order is True for lap in laps)
    heard, sent = sum(lap.orders + lap.fills for lap in laps), sum(lap.sent + lap.trades for lap in laps)
    figure = f"{heard:,} of {sent:,} in {len(laps)} runs"  # a share would round a loss away
    return Row("updates delivered, every mode", "100 %, in order, once", figure, whole)


def growth(long: Run) -> float:
    """Cost per message in the last laps, over that in the first one after the warm-up: what is young is cheapest."""
    costs = [lap.us for lap in long.results[0].laps]
    return median(costs[-ENDS:]) / costs[0]


def added_kib(many: Run, transport: str) -> float:
    """RSS per account that was added to the first, all idle."""
    ours = [each for each in many.results if each.contestant.argv[0] == transport]
    one, most = ours[0], ours[-1]
    more = most.contestant.accounts - one.contestant.accounts
    return (most.median(lambda lap: lap.idle_kib) - one.median(lambda lap: lap.idle_kib)) / more


def _memory(many: Run) -> Row:
    figures = {transport: added_kib(many, transport) for transport in ("trio-websocket", "websockets")}
    shown = ", ".join(f"{kib:.0f} KiB ({transport})" for transport, kib in figures.items())
    return Row("RSS per added idle account, without TLS", "<= 200 KiB", shown, max(figures.values()) <= 200)
