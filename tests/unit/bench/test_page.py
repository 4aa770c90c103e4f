"""The page says what was measured, a missed goal as plainly as a met one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
import pytest

from tests.bench import field
from tests.bench.bounds import BOUNDS, UNKNOWN
from tests.bench.goals import Row, Run, growth, rows
from tests.bench.page import about, fair_table, goals, long_table, missed, set_up, start_set_up, start_table, write
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
    in_order=True,
)

DOCS = Path(__file__).parents[3] / "docs"
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


@pytest.mark.parametrize("in_order", [False, None])
def test_updates_out_of_order_miss_it_too_and_those_that_nobody_compared(monkeypatch, in_order: bool | None):
    runs = everything(monkeypatch)
    runs["blast, TLS"][field.FAST.name].laps[0] = attrs.evolve(LAP, in_order=in_order)

    assert not next(row for row in rows(runs) if row.measure == "updates delivered, every mode").met


def test_the_page_and_its_plot_are_written(monkeypatch, tmp_path: Path):
    write(tmp_path / "page.md", everything(monkeypatch), [STARTED], "a machine")

    page, plot = (tmp_path / "page.md").read_text(), (tmp_path / "page.svg").read_text()
    assert "4 of 13 goals are missed." in page
    assert page.count("**missed**") == 4
    assert "](page.svg)" in page
    assert "## What bounds what is missed" in page
    assert plot.count("<rect") == 1 + 2 * len(field.FLOORS + field.OURS + field.peers())


def test_below_the_goals_stands_what_bounds_each_that_is_missed(monkeypatch):
    found = missed(everything(monkeypatch)).splitlines()

    assert found[1] == "## What bounds what is missed"
    assert found[5].startswith(f"| blast, `websockets`, CPU against {field.CRYPTOFEED} | What is left ")
    assert found[7] == f"| blast, any transport, CPU against {field.CCXT} | {UNKNOWN} |"
    assert len(found) == 5 + 4


def test_where_nothing_is_missed_nothing_is_said(monkeypatch):
    monkeypatch.setattr("tests.bench.page.rows", lambda _: [Row("speed", "<= 1", "1", met=True)])

    assert missed({}) == ""


def test_each_goal_that_the_page_calls_missed_has_a_text():
    lines = [line.split(" | ") for line in (DOCS / "performance.md").read_text().splitlines() if "**missed**" in line]

    assert lines
    assert [measure for measure, *_ in lines if measure.removeprefix("| ") not in BOUNDS] == []


def test_each_text_is_about_a_goal_and_ends_with_a_decision_that_is_there(monkeypatch):
    assert set(BOUNDS) <= {row.measure for row in rows(everything(monkeypatch))}
    for text in BOUNDS.values():
        path = text.rpartition("](")[2]
        assert path in ("decisions/0011-hot-path.md)", "decisions/0020-second-transport.md)")
        assert (DOCS / path[:-1]).exists()
        assert not set("|\n") & set(text)


def long(*us: float) -> Run:
    """One run of so many laps."""
    laps = [attrs.evolve(LAP, us=each) for each in us]
    return Run(results=[Result(field.FAST, laps)], terms=Terms(rounds=1, messages=100, laps=len(us)))


def test_a_long_run_is_compared_with_its_first_blast():
    run = long(10.0, 20.0, 30.0, 40.0, 50.0, 15.0, 16.0, 17.0)

    assert growth(run) == 1.6
    assert long_table(run).splitlines()[2:] == [
        "| 100 | 10.0 | 39 |",
        "| 400 | 25.0 | 39 |",
        "| 800 | 24.5 | 39 |",
        "",
        "The start is the first blast after the warm-up: by their median the last 3 cost 1.60 of it.",
    ]


def test_each_section_says_how_much_there_was(monkeypatch):
    runs = everything(monkeypatch)

    assert set_up(runs["blast"]) == "5 rounds, 100 reports each, after 2,000 to warm up."
    assert set_up(runs["fair"]) == "5 rounds, 100 reports each, after 25 to warm up."
    assert set_up(long(1.0, 2.0)) == "One run of 2 blasts, 100 reports each, after 2,000 to warm up."
    free = attrs.evolve(STARTED, limited=False)
    assert start_set_up([free, free, STARTED]) == "2 rounds without limits, 1 round within limits."


def test_what_a_section_says_of_its_figures_is_computed(monkeypatch):
    runs = everything(monkeypatch)
    runs["fair"].results[1].laps[:] = [attrs.evolve(LAP, before=(580, 580))] * 5
    runs["long"] = long(10.0, 30.0, 31.5, 33.0)

    assert "`exchstream` knows 750 orders." in about("blast", runs)
    assert "(31.5 us in the last blasts here)" in about("blast", runs)
    assert 'turns with `transport="websockets"`, and for 5.0 by default' in about("fair", runs)
    assert "200,000 events and not 10,000." in about("journal", runs)


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
