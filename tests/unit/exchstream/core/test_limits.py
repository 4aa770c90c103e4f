"""The groups of limits: what they refuse, and that the core does what they say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from msgspec.structs import replace

from exchstream.core.backoff import Backoff
from exchstream.core.happenings import Close, Connected, Dial
from exchstream.core.limits import MOST, HostLimits, HttpLimits, LinkLimits, SessionLimits
from exchstream.core.ratelimit import DEFAULT_PERCENT
from exchstream.core.venue import (
    SECOND,
    Accepted,
    Fills,
    FillView,
    MarketList,
    Markets,
    Orders,
    OrderView,
    Retire,
)
from exchstream.errors import ConfigError
from exchstream.events import GapClosed
from exchstream.model import Execution, Market

from .toy import MARKETS, PLAN, Driver, Toy, execution, order

GROUPS = (LinkLimits, HttpLimits, SessionLimits, HostLimits)
VALUES: dict[tuple[type, str], Any] = {
    (LinkLimits, "read_size"): 1 << 40,
    (SessionLimits, "passes"): 1,
    (HostLimits, "budget_percent"): 101,
}


@pytest.mark.parametrize("bad", [0, -1, True, 1.0, "1", None, Decimal(1), MOST + 1], ids=repr)
@pytest.mark.parametrize(("group", "name"), [(group, field.name) for group in GROUPS for field in attrs.fields(group)])
def test_what_is_no_positive_whole_number_is_refused(group: type, name: str, bad: object) -> None:
    """Each value of each group, with a text that names both."""
    with pytest.raises(ConfigError, match=f"{group.__name__}: {name} must be"):
        group(**{name: bad})


@pytest.mark.parametrize(("group", "name"), VALUES)
def test_what_is_out_of_its_bounds_is_refused(group: type, name: str) -> None:
    """A read that takes all memory, a look-back that proves nothing, more than the whole budget."""
    with pytest.raises(ConfigError, match=r"must be from \d+ to \d+"):
        group(**{name: VALUES[group, name]})


def test_defaults_stand_in_one_place() -> None:
    """The parts that have a default of their own have the same."""
    limits = SessionLimits()
    retry = Backoff(base_ns=limits.retry_base_ns, cap_ns=limits.retry_cap_ns, stable_ns=limits.retry_stable_ns)
    assert (Backoff(), DEFAULT_PERCENT) == (retry, HostLimits().budget_percent)


def driver(link: LinkLimits | None = None, host: HostLimits | None = None, **session: int) -> Driver:
    return Driver(
        Toy(
            link_limits=link or LinkLimits(),
            host_limits=host or HostLimits(),
            session_limits=SessionLimits(**session),
        )
    )


def test_retries_wait_as_long_as_the_account_says() -> None:
    """From the base, doubling, to the cap."""
    play = driver(retry_base_ns=3 * SECOND, retry_cap_ns=10 * SECOND)
    play.begin()
    dials = [command for _ in range(4) for command in play.lose() if isinstance(command, Dial)]
    assert [dial.delay.high_ns // SECOND for dial in dials] == [3, 6, 10, 10]


def test_a_dial_may_take_as_long_as_all_its_steps() -> None:
    """A time-out of the connection beyond the usual bound is not defeated by the session's own."""
    host = HostLimits(time_wait_ns=2 * SECOND, budget_wait_ns=3 * SECOND)
    play = driver(LinkLimits(open_ns=60 * SECOND), host)
    play.begin()
    play.advance(64)
    assert play.sent(Close) == []
    play.advance(1)
    assert [Close(1, "the connection did not open in time")] == play.sent(Close)


def test_by_default_a_dial_is_given_up_after_half_a_minute() -> None:
    """10 s to connect, 5 for the time, 15 for the budget."""
    play = driver()
    play.begin()
    play.advance(29)
    assert play.sent(Close) == []
    play.do(Connected(1))
    play.say(Accepted("sub"))
    play.advance(2)
    assert play.sent(Close) == []


def test_a_replaced_link_drains_as_long_as_the_account_says() -> None:
    """Then it is closed."""
    play = driver(drain_ns=4 * SECOND)
    play.go_live()
    old = play.link
    play.say(Retire("shutdown"))
    play.advance(1)
    play.prove()
    play.advance(3)
    assert play.sent(Close) == []
    play.advance(1)
    assert [Close(old, "replaced by a newer connection")] == play.sent(Close)


def test_a_look_back_makes_as_many_passes_as_the_account_says() -> None:
    """What does not balance by then is named."""
    for passes in (2, 3):
        play = driver(passes=passes)
        play.begin()
        play.prove()
        play.say(OrderView(order(filled="0.5")))
        for _ in range(passes):
            assert play.told(GapClosed) == []
            play.answer_all(order(filled="0.5"))
            play.advance(5)
            play.hear()
        (closed,) = play.told(GapClosed)
        assert [part.what for part in closed.unresolved] == ["order"]


@pytest.mark.parametrize(("dated", "named"), [(True, ["span"]), (False, [])])
def test_what_still_moves_in_the_last_pass_is_named(dated: bool, named: list[str]) -> None:
    """REST that brings more of the gap in each pass may have more still; not so what may have happened since."""
    play = driver(passes=3)
    play.go_live(order())
    play.lose()
    play.advance(2)
    play.prove()
    gap_s, fills = play.now.mono_ns / SECOND - 0.5, list[Execution]()
    for number in (1, 2, 3):
        if dated:
            fills.append(execution(str(number), quantity="0.1", at=gap_s))
        seen = order(price=str(100 + number), filled=str(sum(fill.quantity for fill in fills)), at=gap_s + number / 100)
        play.answer_all(seen if dated else replace(seen, updated_ns=None), fills=fills)
        assert len(play.told(GapClosed)) == 1 + (number == 3)
        play.advance(5)
        play.hear()
    assert [part.what for part in play.told(GapClosed)[-1].unresolved] == named


def test_markets_are_read_again_as_often_as_the_account_says() -> None:
    """An unknown symbol may make us read the list again, and not on every message."""
    play = driver(reload_ns=20 * SECOND)
    play.go_live()
    for second, asked in ((0, True), (19, False), (1, True)):
        play.advance(second)
        play.hear()
        play.say(FillView(execution(str(play.now.mono_ns), symbol="NEWUSDT")))
        assert (Markets() in play.asks.values()) is asked
        if asked:
            play.reply(Markets, MarketList({}))


def test_an_audit_asks_about_as_many_symbols_as_the_account_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest ones and some of the others, in turn."""
    symbols = tuple(f"S{n}" for n in range(9))
    for symbol in symbols:
        monkeypatch.setitem(MARKETS, symbol, Market(symbol, f"{symbol}/USDT", symbol, "USDT"))
    venue = Toy(symbols=symbols, session_limits=SessionLimits(audit_recent=1, audit_others=3))
    play = Driver(venue)
    play.go_live()
    looks = []
    for _ in range(3):
        play.advance(30)
        play.hear()
        looks.append([question.symbol for question in play.asks.values() if isinstance(question, Fills)])
        play.answer_all()
    assert looks == [["S8", "S0", "S1", "S2"], ["S8", "S3", "S4", "S5"], ["S8", "S6", "S7", "S0"]]


def test_a_look_back_asks_about_as_many_symbols_as_the_account_says() -> None:
    """Those used last; the others are named, and not passed over."""
    play = Driver(Toy(symbols=("BTCUSDT", "ETHUSDT", "ETHBTC"), plan=attrs.evolve(PLAN, max_symbols=2)))
    play.begin()
    play.prove()
    asked = {question.symbol for question in play.asks.values() if isinstance(question, Fills | Orders)}
    play.settle()
    (closed,) = play.told(GapClosed)
    assert (asked, closed.complete) == ({"ETHUSDT", "ETHBTC"}, False)
    assert [(part.what, part.name) for part in closed.unresolved] == [("symbol", "BTCUSDT")]
