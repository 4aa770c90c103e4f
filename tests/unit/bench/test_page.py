"""The page says what was measured, a missed goal as plainly as a met one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs

from tests.bench import field
from tests.bench.goals import Run, rows
from tests.bench.page import fair_table, goals, start_table, write
from tests.bench.race import Contestant, Lap, Result, Terms
from tests.bench.start import MARKETS, Start

LAP = Lap(
    us=10.0,
    sent=100,
    trades=50,
    orders=100,
    fills=50,
    version="1",
    idle_kib=40_000,
    kib=40_000,
    delays_us=(100.0, 110.0),
    before=(0, 0),
)

STARTED = Start(
    accounts=3,
    transport="websockets",
    limited=True,
    live_s=(6.1, 6.2, 60.3),
    cpu_s=0.6,
    reconnects=0,
    asked=Counter({MARKETS: 1, "/api/v3/account": 6}),
    refused=Counter({"429": 2}),
)


def made(*contestants: Contestant, rate: int | None = None, lap: Lap = LAP) -> Run:
    """A run in which all took the same."""
    results = [Result(each, [attrs.evolve(lap, idle_kib=40_000 + each.accounts)] * 5) for each in contestants]
    return Run(results=results, terms=Terms(rounds=5, messages=100, rate=rate))


def everything(monkeypatch) -> dict[str, Run]:
    """Runs of all modes; everybody is as quick as everybody else."""
    monkeypatch.setattr(field, "peer", lambda _: "python")
    socket = (*field.FLOORS, *field.OURS, *field.peers())
    return {
        "blast": made(*socket),
        "blast, TLS": made(*socket),
        "blast, FTX": made(*field.FTX, *field.ftx_peers()),
        "paced": made(*socket, rate=1_000),
        "paced, TLS": made(field.FAST, *field.quick_peers(), rate=1_000),
        "decode": made(*field.DECODERS),
        "journal": made(*field.JOURNALS),
        "many": made(*field.MANY),
        "fair": made(*field.FAIR, rate=50),
        "long": made(field.FAST),
    }


def test_equals_meet_some_goals_and_miss_those_that_ask_for_less(monkeypatch):
    found = {row.measure: row.met for row in rows(everything(monkeypatch))}

    assert [measure for measure, met in found.items() if not met] == [
        f"blast, `websockets`, CPU against {field.CRYPTOFEED}",
        f"blast, `websockets`, CPU against {field.UNICORN_PICOWS}",
        f"blast, any transport, CPU against {field.CCXT}",
        f"blast, any transport, CPU against {field.SDK}",
    ]
    assert len(found) == 13


def test_one_lost_fill_in_one_run_misses_the_goal_of_delivery(monkeypatch):
    runs = everything(monkeypatch)
    runs["many"].results[-1].laps[-1] = attrs.evolve(LAP, fills=49)

    assert "| updates delivered, every mode | 100 %, in order, once | 20,999 of 21,000 in 140 runs |" in goals(runs)
    assert not next(row for row in rows(runs) if row.measure == "updates delivered, every mode").met


def test_updates_out_of_order_miss_it_too(monkeypatch):
    runs = everything(monkeypatch)
    runs["paced"][field.FAST.name].laps[0] = attrs.evolve(LAP, in_order=False)

    assert not next(row for row in rows(runs) if row.measure == "updates delivered, every mode").met


def test_the_page_and_its_plot_are_written(monkeypatch, tmp_path: Path):
    write(tmp_path / "page.md", everything(monkeypatch), [STARTED], "a machine")

    page, plot = (tmp_path / "page.md").read_text(), (tmp_path / "page.svg").read_text()
    assert "4 of 13 goals are missed." in page
    assert page.count("**missed**") == 4
    assert "](page.svg)" in page
    assert plot.count("<rect") == 1 + 2 * len(field.FLOORS + field.OURS + field.peers())


def test_a_flood_stands_beside_what_the_quiet_account_waited():
    quiet, flooded = field.FAIR[:2]
    alone = Result(quiet, [LAP])
    beside = Result(flooded, [attrs.evolve(LAP, us=50.0, sent=20_000, delays_us=(100.0, 900.0), before=(0, 300))])

    rows = fair_table(Run(results=[alone, beside], terms=Terms(rounds=1, messages=100, rate=50))).splitlines()

    assert rows[2] == f"| {quiet.name} | 0 | 105 | 120 | 0 | 0% | 100.0% |"
    assert rows[3].startswith(f"| {flooded.name} | {field.FLOOD:,} | 500 | ")
    assert rows[3].endswith(" | 591 | 50% | 0.5% |")


def test_starts_of_one_kind_are_one_row_and_what_was_refused_is_shown():
    slower = attrs.evolve(STARTED, live_s=(8.1, 8.2, 62.3), refused=Counter())
    free = attrs.evolve(STARTED, limited=False)

    rows = start_table([STARTED, slower, free]).splitlines()

    assert rows[2:] == [
        "| as at Binance spot | 3 | websockets | 7.1 | 7.2 | 61.3 | 200.0 | 1 | 7 | 2 |",
        "| none | 3 | websockets | 6.1 | 6.2 | 60.3 | 200.0 | 1 | 7 |  |",
    ]
