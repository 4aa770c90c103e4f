"""Balances against executions."""

from decimal import Decimal

import pytest

from exchstream.core import balances
from exchstream.core.balances import Balances
from exchstream.core.venue import Holdings
from exchstream.model import Market

from .toy import MARKETS, T0, execution


def test_what_happened_before_the_holdings_agreed_is_in_them() -> None:
    """A fill that is listed again after a restart, or that comes late, moves nothing."""
    sheet = Balances()
    sheet.agree(Holdings({"BTC": Decimal(2)}), T0 + 5, T0 + 5)
    for at_ns, moved in ((T0 + 5, {}), (T0 + 6, {"BTC": Decimal(1), "USDT": Decimal(-100)})):
        sheet.executed(execution(at=(at_ns - T0) / 10**9), MARKETS["BTCUSDT"], T0 + 9)
        assert moved == sheet.moved


@pytest.mark.parametrize("had_it", [False, True])
def test_what_happened_while_the_holdings_were_asked_for_may_be_in_them(*, had_it: bool) -> None:
    """Nobody knows whether they had it; what moved besides is noticed either way."""
    sheet = Balances()
    sheet.agree(Holdings({"BTC": Decimal(2), "USDT": Decimal(1_000)}), T0, T0 + 10**9)
    sheet.executed(execution(at=0.5), MARKETS["BTCUSDT"], T0 + 2 * 10**9)
    later = {"BTC": Decimal(2 if had_it else 3), "USDT": Decimal(1_000 if had_it else 900)}
    assert sheet.unexplained(Holdings(later)) == {}
    assert sheet.unexplained(Holdings({**later, "ETH": Decimal(1)})) == {"ETH": Decimal(1)}


@pytest.mark.parametrize("had", [0, 7, 20])
def test_of_many_while_the_holdings_were_asked_for_they_may_have_the_first(had: int) -> None:
    """Holdings are of one instant: what had happened by then is in them, whatever was heard first."""
    sheet = Balances()
    sheet.agree(Holdings({"BTC": Decimal(sum(range(had))), "USDT": Decimal(-100 * sum(range(had)))}), T0, T0 + 10**9)
    for number in reversed(range(20)):
        trade = execution(f"t{number}", quantity=str(number), at=number / 100 + 0.01)
        sheet.executed(trade, MARKETS["BTCUSDT"], T0)
    later = {"BTC": Decimal(190), "USDT": Decimal(-19_000)}
    assert sheet.unexplained(Holdings(later)) == {}
    assert sheet.unexplained(Holdings({**later, "ETH": Decimal(1)})) == {"ETH": Decimal(1)}


def test_what_is_known_to_have_happened_is_held_to_have_come_later() -> None:
    """Where either of two may have moved unseen, it is the one whose executions do not explain what there is."""
    btc, sol = (Market(f"{base}USDT", f"{base}/USDT:USDT", base, "USDT", settle="USDT") for base in ("BTC", "SOL"))
    sheet = Balances()
    sheet.agree(Holdings({}), T0, T0 + 10**9)
    sheet.executed(execution("1", at=0.3), btc, T0)
    sheet.executed(execution("2", symbol="SOLUSDT", at=0.6), sol, T0)
    assert sheet.unexplained(Holdings({"BTCUSDT": Decimal(1)})) == {"SOLUSDT": Decimal(-1)}


def test_of_one_instant_the_holdings_may_have_any() -> None:
    """What happened at the same time may be heard in another order."""
    sheet = Balances()
    sheet.agree(Holdings({"ETH": Decimal(1), "USDT": Decimal(-100)}), T0, T0 + 10**9)
    sheet.executed(execution("first", at=0.5), MARKETS["BTCUSDT"], T0)
    sheet.executed(execution("second", at=0.5, symbol="ETHUSDT"), MARKETS["ETHUSDT"], T0)
    later = {"BTC": Decimal(1), "ETH": Decimal(1), "USDT": Decimal(-200)}
    assert sheet.unexplained(Holdings(later)) == {}


def test_more_of_that_than_can_be_tried_explains_nothing() -> None:
    """Until the holdings are read again."""
    sheet = Balances()
    sheet.agree(Holdings({}), T0, T0 + 10**9)
    for number in range(balances.MAX_UNCERTAIN):
        sheet.executed(execution(f"t{number}", at=0.5), MARKETS["BTCUSDT"], T0)
    assert sheet.unexplained(Holdings({"ETH": Decimal(1)})) == {"ETH": Decimal(1)}
    sheet.executed(execution("more", at=0.5), MARKETS["BTCUSDT"], T0)
    assert sheet.unexplained(Holdings({"ETH": Decimal(1)})) == {}
    assert sheet.state().uncertain == ()  # a checkpoint need not carry them


@pytest.mark.parametrize("had_it", [False, True])
def test_the_first_holdings_may_have_what_was_told_around_then(*, had_it: bool) -> None:
    """So what moves on another symbol right after them is noticed, although trading never paused."""
    sheet = Balances()
    sheet.executed(execution("before", at=-5), MARKETS["BTCUSDT"], T0)
    sheet.executed(execution("around", at=0.5), MARKETS["BTCUSDT"], T0 + 10**9)
    sheet.begin(Holdings({"BTC": Decimal(2), "USDT": Decimal(1_000)}), T0, T0 + 10**9)
    later = {"BTC": Decimal(2 if had_it else 3), "USDT": Decimal(1_000 if had_it else 900)}
    assert sheet.unexplained(Holdings(later)) == {}
    assert sheet.unexplained(Holdings({**later, "ETH": Decimal(1)})) == {"ETH": Decimal(1)}


def test_first_holdings_are_not_taken_while_more_moves_than_can_be_tried() -> None:
    """The youngest are kept; after a restart, and after a wipe, what was before is as unknown."""
    sheet = Balances()
    for second in range(balances.MAX_UNCERTAIN + 1):
        sheet.executed(execution(f"t{second}", at=second), MARKETS["BTCUSDT"], T0 + second * 10**9)
    for at_ns, taken in ((T0 - 1, False), (T0, True)):
        sheet.begin(Holdings({}), at_ns, T0 + 10**9)
        assert (sheet.baseline is not None) is taken
    sheet.forget()
    again = Balances()
    again.restore(sheet.state(), 0)
    for each in (sheet, again):
        each.begin(Holdings({}), sheet.last_ns - 1, T0)
        assert each.baseline is None
        each.begin(Holdings({}), sheet.last_ns, T0)
        assert each.baseline is not None


@pytest.mark.parametrize("meanwhile", [False, True])
def test_holdings_that_were_dated_by_a_clock_that_was_ahead(*, meanwhile: bool) -> None:
    """A minute older than they seemed: what was taken for a part of them may have come after, and explains nothing."""
    sheet = Balances()
    sheet.begin(Holdings({"BTC": Decimal(2), "USDT": Decimal(1_000)}), T0 + 54 * 10**9, T0 + 66 * 10**9)
    if meanwhile:
        sheet.executed(execution("meanwhile", at=20), MARKETS["BTCUSDT"], T0 + 80 * 10**9)
    sheet.turned_back(60 * 10**9)
    sheet.executed(execution("later", at=30), MARKETS["BTCUSDT"], T0 + 31 * 10**9)
    both = Holdings({"BTC": Decimal(3 + meanwhile), "USDT": Decimal(900 - 100 * meanwhile)})
    assert sheet.unexplained(both) == {}
    assert bool(sheet.unexplained(Holdings({**both.assets, "ETH": Decimal(1)}))) is not meanwhile
    sheet.agree(both, T0 + 40 * 10**9, T0 + 50 * 10**9)
    assert sheet.unexplained(Holdings({**both.assets, "ETH": Decimal(1)})) == {"ETH": Decimal(1)}


def test_what_is_read_again_after_a_restart_counts_once() -> None:
    """What was executed before the account's beginning is kept nowhere else, and comes again."""
    sheet, again = Balances(), Balances()
    sheet.begin(Holdings({"BTC": Decimal(2), "USDT": Decimal(1_000)}), T0 - 6 * 10**9, T0 + 6 * 10**9)
    old, young = execution("old", at=-1), execution("young", at=1)
    for each in (old, young):
        sheet.executed(each, MARKETS["BTCUSDT"], T0)
    again.restore(sheet.state(), T0)
    again.executed(old, MARKETS["BTCUSDT"], T0)
    assert again.unexplained(Holdings({"BTC": Decimal(4), "USDT": Decimal(800)})) == {}
    assert again.unexplained(Holdings({"BTC": Decimal(5), "USDT": Decimal(700)})) != {}


def test_a_state_goes_on_where_it_was() -> None:
    """What a checkpoint keeps of the balances is all of them."""
    sheet, other = Balances(), Balances()
    sheet.agree(Holdings({"BTC": Decimal(2)}), T0, T0)
    sheet.executed(execution(at=0), MARKETS["BTCUSDT"], T0)
    sheet.executed(execution(at=7), MARKETS["BTCUSDT"], T0 + 9)
    other.restore(sheet.state(), 0)
    assert other == sheet
    assert other.state() == sheet.state()


def test_assets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nothing is kept and nothing is claimed to be explained, until holdings agree again."""
    monkeypatch.setattr(balances, "MAX_ASSETS", 2)
    sheet = Balances()
    sheet.agree(Holdings({"A": Decimal(1)}), 0, 0)
    for asset in ("A", "B", "A", "C"):
        sheet.shifted(asset, Decimal(1), 0)
    assert {"A": Decimal(2), "B": Decimal(1)} == sheet.moved
    assert sheet.unexplained(Holdings({"A": Decimal(9)})) == {}
    sheet.agree(Holdings({"A": Decimal(9)}), 0, 0)
    assert {"A": Decimal(-1)} == sheet.unexplained(Holdings({"A": Decimal(8)}))
