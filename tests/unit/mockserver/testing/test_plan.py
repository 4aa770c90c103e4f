"""What a marker asks for, without pytest."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mockserver.player import shelf
from mockserver.testing.plan import PlanError, read_plan


def test_a_plan_by_default() -> None:
    """Nothing trades but the test, and everything repeats."""
    plan = read_plan({})
    assert (plan.venue.name, plan.profile, plan.supply.word, plan.seed) == ("binance-spot", "binance-2026", "manual", 0)
    assert (plan.balances, plan.story, plan.ahead_ns) == (None, None, 0)


@pytest.mark.parametrize("given", [{"venue": "binance-spot@2024"}, {"profile": "2024"}, {"profile": "binance-2024"}])
def test_an_era_in_every_form(given: dict[str, Any]) -> None:
    """With the venue, by its year, by its name."""
    assert read_plan(given).profile == "binance-2024"


def test_what_wins() -> None:
    """The command line's seed over the marker's, the marker's over the scenario's; its balances over those, too."""
    assert read_plan({"seed": 5}, seed=7).seed == 7
    assert read_plan({"seed": 5, "scenario": "clock-skew"}).seed == 5
    assert read_plan({"scenario": "clock-skew"}).seed == 1
    assert read_plan({"balances": {"USDT": "1.5", "BTC": 2}}).balances == {"USDT": Decimal("1.5"), "BTC": Decimal(2)}


@pytest.mark.parametrize(("line", "seed"), [("", 0), ("seed: 0\n", 0), ("seed: 4\n", 4)])
def test_a_file_with_a_seed_and_one_without(tmp_path: Path, line: str, seed: int) -> None:
    """A test repeats either way."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"mock: 1\nvenue: binance-spot\n{line}steps: []\n")
    assert read_plan({"scenario": str(path)}).seed == seed


@pytest.mark.parametrize("name", shelf.names())
def test_every_scenario_makes_a_plan(name: str) -> None:
    """Of its own venue, with its clock."""
    story = shelf.read(name)
    plan = read_plan({"scenario": name})
    assert plan.venue.name == story.venue.partition("@")[0]
    assert plan.ahead_ns == (30_000_000_000 if name == "clock-skew" else 0)


@pytest.mark.parametrize("amount", ["much", "-1", "nan", True, None, 0.5])
def test_an_amount_that_is_none(amount: object) -> None:
    """It is named with its asset."""
    with pytest.raises(PlanError, match="the balance of USDT is"):
        read_plan({"balances": {"USDT": amount}})


@pytest.mark.parametrize("seed", [-1, True, 1.0])
def test_a_seed_that_is_none(seed: object) -> None:
    """A seed that could not be written on a command line is refused."""
    with pytest.raises(PlanError, match="seed is a whole number"):
        read_plan({"seed": seed})


def test_a_replay(tmp_path: Path) -> None:
    """The trades of the file are there for every world; without a file, or where there is none, it is refused."""
    file = tmp_path / "trades.csv"
    file.write_text("time,price,quantity,side,symbol\n1700000000000,59000,0.5,sell,BTCUSDT\n")
    plan = read_plan({"liquidity": f"replay:{file}"})
    assert (plan.supply.model, [trade.price for trade in plan.supply.trades]) == ("replay", [Decimal(59000)])
    for wrong, says in (("replay", "needs a file"), ("replay:gone.csv", "cannot read gone.csv"), ("touch:x", "no liq")):
        with pytest.raises(PlanError, match=says):
            read_plan({"liquidity": wrong})


def test_balances_that_are_no_mapping() -> None:
    """The form is shown."""
    with pytest.raises(PlanError, match=r"such as \{'USDT': '1000'\}"):
        read_plan({"balances": "1000"})
