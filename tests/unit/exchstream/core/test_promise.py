"""Ways in which the promise was broken once, each found by somebody who tried to: lost, told twice, or passed over."""

from __future__ import annotations

import decimal
from collections import Counter
from collections.abc import Callable, Sequence

import attrs
import pytest
from msgspec.structs import replace

from exchstream.core import doubts, ledger, lookback
from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Close,
    Dial,
    MeasureClock,
    Now,
    Overflowed,
    Started,
    Unanswered,
    Unclocked,
)
from exchstream.core.scrub import needles, scrub_cut
from exchstream.core.venue import (
    HOUR,
    MINUTE,
    SECOND,
    CredentialIs,
    Doubt,
    Fills,
    FillView,
    Holdings,
    MarketList,
    Markets,
    Meaning,
    NewCredential,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    OrderView,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Retire,
    Secret,
    Snapshot,
    Strange,
    Traced,
    Traces,
)
from exchstream.core.venue import Balances as BalancesQuestion
from exchstream.events import (
    AccountDown,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Unrecognized,
)
from exchstream.model import End, Execution, Market, OrderKey, OrderKind, OrderState

from .toy import MARKETS, OPEN_LANE, PLAN, T0, Driver, Toy, execution, order

Answer = Callable[[Question], Sequence[Meaning] | str]


@attrs.define
class Books:
    """What the venue's REST knows; `away` are the kinds of question that fail, `no` what is refused with authority."""

    orders: list[OrderState] = attrs.field(factory=list)
    fills: list[Execution] = attrs.field(factory=list)
    away: tuple[type, ...] = ()
    no: tuple[OrderKey | str, ...] = ()

    def answer(self, question: Question) -> Sequence[Meaning] | str:
        """The meanings of the answer, or why there is none."""
        if isinstance(question, self.away):
            return "HTTP 503"
        if getattr(question, "symbol", getattr(question, "key", None)) in self.no:
            return [Refused("no such thing", Refusal.GONE)]
        match question:
            case Markets():
                return [MarketList(MARKETS)]
            case OpenOrders(kind=kind):
                open_orders = [state for state in self.orders if state.end is None]
                return [*map(OrderView, open_orders), Snapshot(kind, frozenset(state.key for state in open_orders))]
            case Orders(symbol=symbol, since_ns=since_ns):
                listed = [state for state in self.orders if state.key.venue_symbol == symbol]
                return [OrderView(state) for state in listed if (state.created_ns or 0) >= since_ns]
            case Fills(symbol=symbol, since_ns=since_ns):
                return [FillView(f) for f in self.fills if f.venue_symbol == symbol and f.time_ns >= since_ns]
            case OrderById(key=key):
                known = [OrderView(state) for state in self.orders if state.key == key]
                return known or [Refused("no such order", Refusal.GONE)]
            case OrderFills(key=key):
                return [FillView(f) for f in self.fills if f.order_id == key.order_id]
            case Traces(since_ns=since_ns):
                return [Traced(frozenset(f.venue_symbol for f in self.fills if f.time_ns >= since_ns))]
        return []


def serve(driver: Driver, books: Books) -> None:
    """Answer all that is asked now."""
    for _ in range(200_000):
        pending = [(number, q) for number, q in driver.asks.items() if not isinstance(q, RenewCredential)]
        if not pending:
            return
        for number, question in pending:
            if driver.asks.pop(number, None) is None:
                continue
            meant = books.answer(question)
            if isinstance(meant, str):
                driver.do(Unanswered(number, meant))
                driver.asks = {n: q for n, q in driver.asks.items() if q != question}  # it waits for its next try
            else:
                driver.do(Answered(number, Reply(200, {}, driver.word(meant).encode())))
        driver.venue.words.clear()
    raise AssertionError("it never stops asking")


def live_on(driver: Driver, books: Books, seconds: float, step: float = 5) -> None:
    """Let time pass on a healthy link, all questions answered."""
    until_ns = driver.now.mono_ns + round(seconds * SECOND)
    while driver.now.mono_ns < until_ns:
        driver.advance(step)
        driver.hear()
        serve(driver, books)


def begin(driver: Driver, books: Books) -> None:
    """As far as live."""
    driver.do(Started())
    driver.do(Clocked())
    serve(driver, books)
    driver.prove()
    settle(driver, books)


def settle(driver: Driver, books: Books) -> GapClosed:
    """Answer look-backs until the verdict, and return it."""
    for _ in range(400):
        serve(driver, books)
        if driver.session.status().phase == "live":
            return driver.told(GapClosed)[-1]
        driver.advance(PLAN.lag_ns / SECOND)
        driver.hear()
    raise AssertionError(driver.session.status())


def drop(driver: Driver) -> None:
    """The link ends, and another is proven."""
    driver.lose()
    driver.advance(1)
    driver.prove()


def filled(number: int, at: float) -> tuple[OrderState, Execution]:
    """An order that was placed and filled at once, and its execution."""
    state = replace(order(str(number), filled="1", end=End.FILLED, at=at), created_ns=T0 + round(at * SECOND))
    return state, execution(str(number), of=str(number), at=at)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that is full soon."""
    for name, limit in {"MAX_CLOSED": 10, "MAX_ENDED": 200, "MAX_FILLS": 20, "MAX_FILLS_NEEDED": 100}.items():
        monkeypatch.setattr(ledger, name, limit)


# ---------------------------------------------------------------------------------------------------- memory


@pytest.mark.usefixtures("small")
def test_more_fills_than_memory_holds_are_told_once() -> None:
    """A look-back over more executions than are kept lists them once, and its next pass only what came since."""
    driver, books = Driver(since_ns=T0 - HOUR), Books()
    for number in range(500):
        state, fill = filled(number, at=number - 3000)
        books.orders.append(state)
        books.fills.append(fill)
    begin(driver, books)
    assert Counter(fill.trade_id for fill in driver.told(Fill)) == {str(number): 1 for number in range(500)}
    assert driver.told(GapClosed)[-1].complete


@pytest.mark.usefixtures("small")
def test_fills_that_memory_had_to_forget_are_named_and_not_told_again() -> None:
    """They were told; that REST lists them again must not make them news, and no verdict vouches for that span."""
    driver, books = Driver(), Books(away=(OpenOrders, Fills, Orders))
    begin(driver, Books())
    for number in range(150):
        state, fill = filled(number, at=driver.now.mono_ns / SECOND)
        books.orders.append(state)
        books.fills.append(fill)
        driver.say(FillView(fill), OrderView(state))
        live_on(driver, books, 0.5, step=0.5)
    books.away = ()
    drop(driver)
    verdict = settle(driver, books)
    assert max(Counter(fill.trade_id for fill in driver.told(Fill)).values()) == 1
    assert ("span", "more executions than memory holds") in {(u.what, u.why) for u in verdict.unresolved}


@pytest.mark.usefixtures("small")
def test_an_old_fill_of_an_order_that_is_asked_for_is_not_told_again() -> None:
    """Settled long ago and forgotten for the number of fills since, it is listed with those of its order."""
    old = execution("old", of="keep", quantity="0.1", at=1)
    working = replace(order("keep", filled="0.1", at=1), created_ns=T0)
    driver, books = Driver(), Books([working], [old])
    begin(driver, books)
    driver.say(FillView(old))
    for number in range(40):
        state, fill = filled(number, at=driver.now.mono_ns / SECOND)
        books.orders.append(state)
        books.fills.append(fill)
        driver.say(FillView(fill), OrderView(state))
        live_on(driver, books, 1, step=1)
    live_on(driver, books, 60)
    at = driver.now.mono_ns / SECOND
    books.fills.append(execution("new", of="keep", quantity="0.9", at=at))
    books.orders[0] = replace(order("keep", filled="1", end=End.FILLED, at=at), created_ns=T0)
    drop(driver)

    class Slow(Books):
        """The listing of the symbol does not show the new fill, that of its order does."""

        def answer(self, question: Question) -> Sequence[Meaning] | str:
            hidden = isinstance(question, Fills)
            shown = Books(self.orders, [fill for fill in self.fills if fill.trade_id != "new" or not hidden])
            return shown.answer(question)

    verdict = settle(driver, Slow(books.orders, books.fills))
    told = Counter(fill.trade_id for fill in driver.told(Fill))
    assert (told["old"], told["new"], verdict.complete) == (1, 1, True)


@pytest.mark.usefixtures("small")
def test_orders_that_ended_while_rest_was_away_are_told_once() -> None:
    """Far more than are kept whole, all balanced: nothing is told again, asked for by id, or named."""
    driver, books = Driver(), Books(away=(OpenOrders, Fills, Orders))
    begin(driver, Books())
    for number in range(90):
        state, fill = filled(number, at=driver.now.mono_ns / SECOND)
        books.orders.append(state)
        books.fills.append(fill)
        driver.say(FillView(fill), OrderView(state))
        live_on(driver, books, 0.5, step=0.5)
    books.away = ()
    driver.commands.clear()
    drop(driver)
    assert settle(driver, books).complete
    assert max(Counter(update.order_id for update in driver.told(OrderUpdate)).values()) == 1
    assert not [ask for ask in driver.sent(Ask) if isinstance(ask.question, OrderById | OrderFills)]


def test_by_id_questions_are_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand orders that were cancelled in a gap are asked about by and by."""
    monkeypatch.setattr(lookback, "MAX_FOLLOWED", 20)
    states = [replace(order(str(number)), created_ns=T0) for number in range(1_000)]
    driver, books = Driver(), Books(orders=states)
    begin(driver, books)
    live_on(driver, books, 60)
    books.orders = [replace(s, end=End.CANCELED, updated_ns=driver.now.wall_ns) for s in states]
    drop(driver)
    most = 0
    while driver.session.status().phase != "live":
        serve_one = next(iter(driver.asks), None)
        most = max(most, sum(isinstance(q, OrderById) for q in driver.asks.values()))
        if serve_one is None:
            driver.advance(5)
            driver.hear()
        else:
            meant = books.answer(driver.asks.pop(serve_one))
            assert not isinstance(meant, str)
            driver.do(Answered(serve_one, Reply(200, {}, driver.word(meant).encode())))
    assert most == 20
    assert driver.told(GapClosed)[-1].complete
    assert len(driver.session.ledger.open) == 0


# ---------------------------------------------------------------------------------------------------- verdicts


def test_what_an_interrupted_look_back_was_told_is_named_by_the_next() -> None:
    """An order and a symbol that the venue does not know: the verdict after the interruption still says so."""
    driver = Driver(Toy(symbols=("BTCUSDT", "ETHUSDT")))
    books = Books(orders=[order("7")])
    begin(driver, books)
    live_on(driver, books, 60)
    books.orders, books.no = [], ("ETHUSDT",)
    drop(driver)
    serve(driver, books)
    driver.advance(5.1)
    driver.hear()
    while driver.asks:  # all of the second pass but one answer
        number, question = next(iter(driver.asks.items()))
        if len(driver.asks) == 1 and isinstance(question, OrderById | Fills):
            break
        del driver.asks[number]
        meant = books.answer(question)
        assert not isinstance(meant, str)
        driver.do(Answered(number, Reply(200, {}, driver.word(meant).encode())))
    drop(driver)
    verdict = settle(driver, books)
    assert {("symbol", "ETHUSDT"), ("order", "BTCUSDT:7")} <= {(u.what, u.name) for u in verdict.unresolved}


def test_a_question_that_is_never_answered_is_given_up_once() -> None:
    """The passes that follow do not wait for it another ten minutes each."""
    driver, books = Driver(), Books()
    begin(driver, books)
    books.away = (Fills,)
    drop(driver)
    before_ns = driver.now.mono_ns
    for _ in range(10_000):
        if driver.session.status().phase == "live":
            break
        number = next((n for n, q in driver.asks.items() if isinstance(q, Fills)), None)
        if number is not None:
            del driver.asks[number]
            driver.do(Unanswered(number, "HTTP 503"))
        else:
            serve(driver, Books())
        driver.advance(5)
        driver.hear()
    assert [(u.what, u.name) for u in driver.told(GapClosed)[-1].unresolved] == [("symbol", "BTCUSDT")]
    assert driver.now.mono_ns - before_ns < 12 * MINUTE


def test_a_malformed_question_is_named_at_once_and_takes_nothing_with_it() -> None:
    """It was our fault: the order and its symbol stay, and the next look-back begins where this one did."""
    driver, books = Driver(), Books(orders=[order("7")])
    begin(driver, books)
    live_on(driver, books, 60)
    books.orders = []
    drop(driver)
    good_ns = driver.session.good_ns
    while driver.session.status().phase != "live":
        for number, question in list(driver.asks.items()):
            del driver.asks[number]
            meant = books.answer(question)
            bad = [Refused("Mandatory parameter was not sent", Refusal.MALFORMED)]
            word = driver.word(bad if isinstance(question, OrderById) else meant)  # type: ignore[arg-type]
            driver.do(Answered(number, Reply(200, {}, word.encode())))
        driver.advance(5)
        driver.hear()
    verdict = driver.told(GapClosed)[-1]
    assert [(u.what, u.name) for u in verdict.unresolved] == [("order", "BTCUSDT:7")]
    assert good_ns == driver.session.good_ns
    assert OrderKey("BTCUSDT", "7") in driver.session.ledger.open


def test_an_order_whose_fills_are_out_of_reach_is_named_once() -> None:
    """A difference that no question can mend spoils one verdict, and not every one that follows."""
    driver, books = Driver(), Books(orders=[order("1", filled="0.4", at=-5)])
    begin(driver, books)
    verdicts = [driver.told(GapClosed)[-1]]
    for _ in range(2):
        live_on(driver, books, 60)
        drop(driver)
        verdicts.append(settle(driver, books))
    assert [verdict.complete for verdict in verdicts] == [False, True, True]


def test_what_ended_before_anybody_looked_is_not_vouched_for() -> None:
    """At a start nobody knows what was open before: the scope says of which orders the end is promised."""
    driver, books = Driver(), Books()
    begin(driver, books)
    first = driver.told(GapClosed)[-1]
    drop(driver)
    assert [first.scope.orders_since_ns, settle(driver, books).scope.orders_since_ns] == [first.since_ns, None]


@pytest.mark.parametrize(("symbols", "complete"), [((), False), (("BTC/USDT",), True)])
def test_since_covers_the_symbols_that_are_named(symbols: tuple[str, ...], complete: bool) -> None:
    """Where fills are asked for by symbol, those from before the start are found on the symbols the user names."""
    driver, books = (
        Driver(Toy(symbols=symbols), since_ns=T0 - HOUR),
        Books([order(filled="1", end=End.FILLED, at=-60)], [execution(at=-60)]),
    )
    begin(driver, books)
    verdict = driver.told(GapClosed)[-1]
    assert (verdict.complete, [fill.trade_id for fill in driver.told(Fill)]) == (complete, ["1"] * complete)


TRACING = attrs.evolve(PLAN, traces_reach_ns=HOUR * 2)


def test_where_the_venue_says_what_was_traded_nothing_need_be_named() -> None:
    """Not even what was traded before the start, and is over."""
    driver, books = (
        Driver(Toy(TRACING, symbols=()), since_ns=T0 - HOUR),
        Books([order(filled="1", end=End.FILLED, at=-60)], [execution(at=-60)]),
    )
    begin(driver, books)
    assert driver.told(GapClosed)[-1].complete
    assert [fill.trade_id for fill in driver.told(Fill)] == ["1"]


def test_traces_that_do_not_reach_back_to_the_start_are_named() -> None:
    """What was traded before then on a symbol that nobody named is not found."""
    driver, books = Driver(Toy(TRACING, symbols=()), since_ns=T0 - 3 * HOUR), Books()
    begin(driver, books)
    (unresolved,) = driver.told(GapClosed)[-1].unresolved
    assert (unresolved.what, unresolved.why) == ("span", "older than the venue's traces reach")


def test_what_is_traded_on_a_symbol_that_nobody_knows_is_found() -> None:
    """In a gap, and while a link tells nothing: it is neither open nor held any more when somebody asks."""
    driver, books = Driver(Toy(TRACING)), Books()
    begin(driver, books)
    driver.lose()
    state, fill = filled_on("ETHUSDT", 2, (driver.now.mono_ns + 1) / SECOND)
    books.orders.append(state)
    books.fills.append(fill)
    driver.advance(1)
    driver.prove()
    assert settle(driver, books).scope.symbols == ("BTCUSDT", "ETHUSDT")
    state, fill = filled_on("ETHBTC", 3, (driver.now.mono_ns + SECOND) / SECOND)
    books.orders.append(state)
    books.fills.append(fill)
    until_ns = driver.now.mono_ns + MINUTE
    while driver.told(GapOpened)[-1].reason is not GapReason.AUDIT and driver.now.mono_ns < until_ns:
        live_on(driver, books, 5)
    assert driver.told(GapOpened)[-1].detail == "something was traded on ETHBTC, which nobody knew"
    driver.prove()
    settle(driver, books)
    assert [(told.venue_symbol, told.trade_id) for told in driver.told(Fill)] == [("ETHUSDT", "2"), ("ETHBTC", "3")]


def filled_on(symbol: str, number: int, at: float) -> tuple[OrderState, Execution]:
    """As `filled`, on this symbol."""
    state, fill = filled(number, at)
    return replace(state, key=OrderKey(symbol, str(number))), replace(fill, venue_symbol=symbol)


def test_a_symbol_that_does_not_exist_is_named_once() -> None:
    """A name that the market list does not have is not asked about, and the first verdict says so."""
    driver, books = Driver(Toy(symbols=("BTCUSTD", "ETH/USDT"))), Books()
    begin(driver, books)
    first = driver.told(GapClosed)[-1]
    assert [(u.what, u.name) for u in first.unresolved] == [("symbol", "BTCUSTD")]
    assert first.unresolved[0].why.endswith("did you mean BTCUSDT?")
    assert first.scope.symbols == ("ETHUSDT",)
    drop(driver)
    assert settle(driver, books).complete


# ---------------------------------------------------------------------------------------------------- doubts


def test_all_doubts_are_looked_into() -> None:
    """Two messages about two orders on two unknown symbols could not be read: both orders are asked about."""
    driver, books = Driver(), Books()
    begin(driver, books)
    for symbol, trade in (("ETHUSDT", "a"), ("ETHBTC", "b")):
        key = OrderKey(symbol, f"o{trade}")
        at = driver.now.mono_ns / SECOND
        books.orders.append(order(key.order_id, symbol=symbol, filled="1", end=End.FILLED, at=at))
        books.fills.append(execution(f"t{trade}", of=key.order_id, symbol=symbol, at=at))
        driver.say(Doubt("could not be read", order=key))
    live_on(driver, books, 12)
    settle(driver, books)
    assert {fill.trade_id for fill in driver.told(Fill)} == {"ta", "tb"}


def test_a_doubt_in_a_gap_is_looked_into() -> None:
    """It comes while looking back, about an order on a symbol never heard of."""
    driver, books = Driver(), Books()
    begin(driver, books)
    drop(driver)
    at = driver.now.mono_ns / SECOND
    books.orders = [order("9", symbol="ETHUSDT", filled="1", end=End.FILLED, at=at)]
    books.fills = [execution("t", of="9", symbol="ETHUSDT", at=at)]
    driver.say(Doubt("could not be read", order=OrderKey("ETHUSDT", "9")))
    settle(driver, books)
    assert [fill.trade_id for fill in driver.told(Fill)] == ["t"]


def test_an_order_known_by_a_young_fill_alone_is_not_given_up() -> None:
    """REST lags: it has the fill already, and the order not yet; "no such order" is then no answer with authority."""
    driver, books = Driver(), Books()
    begin(driver, books)
    drop(driver)
    serve(driver, books)
    driver.advance(PLAN.lag_ns // SECOND + 1)
    driver.hear()
    at = driver.now.mono_ns / SECOND - 1
    books.fills = [execution("t", of="9", at=at)]
    closed = settle(driver, books)
    assert (closed.complete, closed.recovered) == (True, 1), closed
    assert closed.until_ns < driver.told(Fill)[-1].time_ns


def test_a_doubt_that_is_said_again_is_as_young_as_the_last_time() -> None:
    """A verdict covers doubts up to its instant, and not one that has been said again since."""
    now, doubt = Now(0, T0), Doubt("could not be read", order=OrderKey("BTCUSDT", "1"))
    held = doubts.Doubts(ledger.Ledger(0), grace_ns=SECOND)
    held.add(doubt, now)
    held.add(doubt, Now(5 * SECOND, T0 + 5 * SECOND))
    held.looked_into(T0 + 3 * SECOND, Now(6 * SECOND, T0 + 6 * SECOND))
    assert held.overdue(Now(7 * SECOND, T0 + 7 * SECOND)) == doubt


def test_more_doubts_than_are_kept_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody asks about what was not kept, so no verdict vouches for it."""
    monkeypatch.setattr(doubts, "MAX_DOUBTS", 3)
    driver, books = Driver(), Books()
    begin(driver, books)
    for number in range(5):
        driver.say(Doubt("could not be read", order=OrderKey("BTCUSDT", str(number))))
    live_on(driver, books, 12)
    assert ("doubts", "2") in {(u.what, u.name) for u in settle(driver, books).unresolved}


# ---------------------------------------------------------------------------------------------------- audits


def test_the_second_look_asks_what_the_first_one_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill is missing on a symbol of the first look; trading moves on to others, and it is found all the same."""
    names = [f"S{number}" for number in range(6)]
    for name in names:
        monkeypatch.setitem(MARKETS, name, Market(name, f"{name}/USDT", name, "USDT"))
    driver, books = Driver(Toy(symbols=tuple(names))), Books()
    begin(driver, books)
    books.fills = [execution("lost", symbol="S5", at=driver.now.mono_ns / SECOND + 1)]
    for number in range(180):
        at = driver.now.mono_ns / SECOND
        told = execution(f"told{number}", of=f"told{number}", symbol=names[number % 2], at=at)
        books.fills.append(told)
        driver.say(FillView(told))
        live_on(driver, books, 1, step=1)
        if driver.session.status().phase != "live":
            break
    assert driver.told(GapOpened)[-1].reason is GapReason.AUDIT
    drop(driver)
    settle(driver, books)
    assert "lost" in {fill.trade_id for fill in driver.told(Fill)}


@pytest.mark.parametrize("kind", [OpenOrders, Fills, Orders])
def test_an_endpoint_that_fails_for_long_is_told(kind: type) -> None:
    """Nobody can say whether facts are missing, so a gap opens within eleven minutes; the link is kept."""
    driver, books = Driver(), Books(away=(kind,))
    begin(driver, Books())
    driver.commands.clear()
    live_on(driver, books, 11 * 60)
    opened = driver.told(GapOpened)[-1]
    assert (opened.reason, "cannot be asked about" in opened.detail) == (GapReason.AUDIT, True)
    assert driver.sent(Close) == []


def test_a_key_that_could_not_be_renewed_has_expired_at_its_end() -> None:
    """The venue need not say so: at the end of its life a new key is asked for, and the time since is a gap."""
    plan = attrs.evolve(PLAN, lanes=(OPEN_LANE,))
    driver = Driver(Toy(plan=plan, credentials=True))
    driver.do(Started())
    driver.do(Clocked())
    driver.reply(Markets, MarketList(MARKETS))
    driver.reply(NewCredential, CredentialIs(Secret("key-one"), T0 + 24 * MINUTE, 0, T0 + 60 * MINUTE))
    driver.advance(60 * 60 + 1)
    assert any(isinstance(question, NewCredential) for question in driver.asks.values())


# ---------------------------------------------------------------------------------------------------- the rest


def test_the_markets_are_asked_for_once_at_a_time() -> None:
    """A fill on a symbol that no list has, and REST away for hours: one question is out, not one more each minute."""
    driver, books = Driver(), Books(away=(Markets,))
    begin(driver, Books())
    driver.say(FillView(execution(symbol="NEWUSDT")))
    for _ in range(120):
        driver.advance(60)
        driver.hear()
        for number, question in list(driver.asks.items()):
            if not isinstance(question, Markets):
                del driver.asks[number]
                driver.do(Answered(number, Reply(200, {}, driver.word(books.answer(question)).encode())))  # type: ignore[arg-type]
    assert sum(isinstance(question, Markets) for question in driver.asks.values()) == 1


def test_a_lane_has_two_links_at_most() -> None:
    """A server that retires every link at once leads to no third one beside the two, and to longer and longer waits."""
    driver, books = Driver(), Books()
    begin(driver, books)
    driver.say(Retire("restart"))
    driver.prove()
    driver.say(Retire("restart"))
    assert len(driver.session.links.live) == 2
    assert len(driver.sent(Dial)) == 2


def test_no_room_on_a_replaced_link_is_a_gap() -> None:
    """What it brought was not taken, whatever the other link may tell."""
    driver, books = Driver(), Books()
    begin(driver, books)
    live_on(driver, books, 60)
    driver.say(Retire("restart"))
    driver.prove()
    driver.do(Overflowed(1))
    assert driver.told(GapOpened)[-1].reason is GapReason.OVERFLOW


def test_the_same_strange_answer_is_told_once() -> None:
    """A row with a word that we do not know is asked for again and again."""
    driver = Driver()
    begin(driver, Books())

    class Odd(Books):
        def answer(self, question: Question) -> Sequence[Meaning] | str:
            meant = super().answer(question)
            odd = [Strange("unknown word", b"row")] if isinstance(question, Orders) else []
            return [*odd, *meant] if not isinstance(meant, str) else meant

    live_on(driver, Odd(), 600)
    assert len(driver.told(Unrecognized)) == 1


def test_sums_do_not_depend_on_the_callers_context() -> None:
    """A user who computes with six digits, or forbids rounding, loses and breaks nothing."""
    driver, books = Driver(), Books()
    with decimal.localcontext(decimal.Context(prec=6, traps=[decimal.Inexact])):
        begin(driver, books)
        parts = [execution(str(n), quantity=f"1000.0000{n}", at=2) for n in range(1, 4)]
        books.fills = parts
        books.orders = [order(filled="3000.00006", end=End.FILLED, quantity="3000.00006", at=2)]
        drop(driver)
        assert settle(driver, books).complete


@pytest.mark.parametrize("ahead", [0, 3])
def test_an_answer_is_held_against_the_clock_that_counts(ahead: int) -> None:
    """The venue's clock is corrected by seconds while looking back: no pass is wasted on it, and nothing is named."""
    driver, books = Driver(), Books()
    begin(driver, books)
    drop(driver)
    serve(driver, books)
    driver.now = Now(driver.now.mono_ns, driver.now.wall_ns - ahead * SECOND)
    driver.do(Clocked())
    assert settle(driver, books).complete


def test_what_was_proven_by_a_clock_that_went_back_is_proven_anew() -> None:
    """A venue's clock ran 50 s ahead for a while: verdicts reached into the future, and are not believed any more."""
    driver, books = Driver(), Books(orders=[order("1")])
    begin(driver, books)
    live_on(driver, books, 60)
    turn(driver, 50)
    drop(driver)
    assert settle(driver, books).until_ns > T0 + driver.now.mono_ns + 30 * SECOND
    true_ns = T0 + driver.now.mono_ns
    state, fill = filled(2, (true_ns - T0) / SECOND - 1)
    books.orders.append(state)
    books.fills.append(fill)
    turn(driver, 0)
    gap = driver.told(GapOpened)[-1]
    assert (gap.reason, gap.since_ns < true_ns) == (GapReason.DOUBT, True)
    settle(driver, books)
    assert "2" in {update.order_id for update in driver.told(OrderUpdate)}


def test_holdings_that_were_read_by_a_clock_that_went_back_name_nothing() -> None:
    """What was executed after them, and dated before them, is no asset that moved for no reason."""
    driver, books = Driver(Toy(attrs.evolve(PLAN, balances=True))), HeldBooks()
    driver.ahead_ns = 50 * SECOND
    driver.at(0)
    begin(driver, books)
    driver.advance(1)
    state, fill = books.trade(2, driver.now.mono_ns / SECOND)
    driver.say(OrderView(state), FillView(fill))
    turn(driver, 0)
    assert settle(driver, books).complete


@attrs.define
class HeldBooks(Books):
    """Books that say what the account holds, too."""

    def trade(self, number: int, at: float) -> tuple[OrderState, Execution]:
        """One coin is bought for a hundred."""
        state, fill = filled(number, at)
        self.orders.append(state)
        self.fills.append(fill)
        return state, fill

    def answer(self, question: Question) -> Sequence[Meaning] | str:
        if isinstance(question, BalancesQuestion):
            bought = len(self.fills)
            return [Holdings({"BTC": decimal.Decimal(bought), "USDT": decimal.Decimal(1_000 - 100 * bought)})]
        return super().answer(question)


def turn(driver: Driver, ahead: int) -> None:
    """The venue's clock is set so many seconds ahead of ours, and is read."""
    driver.ahead_ns = ahead * SECOND
    driver.at(driver.now.mono_ns)
    driver.do(Clocked())


def test_what_the_clock_may_be_off_by_is_allowed_for() -> None:
    """The verdict ends earlier by the error of the clock: what happened since then REST may not have known."""
    driver, books = Driver(), Books()
    driver.do(Started())
    driver.do(Clocked(error_ns=3 * SECOND))
    serve(driver, books)
    driver.prove()
    for _ in range(20):
        serve(driver, books)
        driver.advance(1)
        driver.hear()
    verdict = driver.told(GapClosed)[-1]
    asked = [ask.question for ask in driver.sent(Ask) if isinstance(ask.question, Fills)][1]
    assert asked.until_ns - verdict.until_ns == 2 * (PLAN.lag_ns + 3 * SECOND)


def test_an_error_of_the_clock_that_grows_while_looking_back_is_allowed_for() -> None:
    """What was asked by the former clock is answered by a worse one, which says little of when holdings were read."""
    driver, books = Driver(), Books()
    begin(driver, books)
    drop(driver)
    serve(driver, books)
    driver.do(Clocked(error_ns=3 * SECOND))
    verdict = settle(driver, books)
    asked = [ask.question for ask in driver.sent(Ask) if isinstance(ask.question, Fills)][-1]
    assert asked.until_ns - verdict.until_ns == 2 * (PLAN.lag_ns + 3 * SECOND)
    driver.do(Clocked())
    drop(driver)
    verdict = settle(driver, books)
    asked = [ask.question for ask in driver.sent(Ask) if isinstance(ask.question, Fills)][-1]
    assert asked.until_ns - verdict.until_ns == 2 * PLAN.lag_ns


def test_a_doubtful_key_is_judged_by_a_clock_that_was_really_measured() -> None:
    """The measurement failed, and is asked for anew until it succeeds."""
    driver = Driver()
    driver.begin()
    driver.say(Refused("invalid login", Refusal.DUBIOUS, tag="sub"))
    driver.commands.clear()
    driver.do(Unclocked("no route"))
    assert [measure.anew for measure in driver.sent(MeasureClock)] == [True]
    assert driver.told(AccountDown) == []


def test_no_text_that_leaves_shows_a_secret() -> None:
    """The venue's own words may hold the key: in a verdict, in the reason of a close, in the status."""
    driver, books = Driver(), Books(orders=[order("1")])
    begin(driver, books)
    live_on(driver, books, 60)
    why = "unknown order for canary-secret, and canary-sec"
    driver.commands.clear()
    driver.say(Refused(why, Refusal.TRANSIENT, tag="sub"))
    driver.advance(1)
    driver.prove()
    while driver.session.status().phase != "live":
        for number, question in list(driver.asks.items()):
            del driver.asks[number]
            meant = [Refused(why, Refusal.GONE)] if isinstance(question, OrderById) else Books().answer(question)
            driver.do(Answered(number, Reply(200, {}, driver.word(meant).encode())))  # type: ignore[arg-type]
        driver.advance(5)
        driver.hear()
    assert driver.told(GapClosed)[-1].unresolved != ()
    shown = repr((driver.events, [close.why for close in driver.sent(Close)], driver.session.status()))
    assert "canary" not in shown


def test_what_is_left_of_a_secret_that_was_cut_off_goes_too() -> None:
    """A text that ends in the middle of one, and one that goes on behind it."""
    hidden = needles([Secret("0123456789abcdef")])
    assert scrub_cut(b"key 0123456789a (HTTP 400), 0123456 and 0123456789abcdef!", hidden) == (
        b"key *** (HTTP 400), 0123456 and ***!"
    )


# ---------------------------------------------------------------------------------------------------- wiped venues


WIPES = attrs.evolve(PLAN, wiped_ns=MINUTE)


def told_ids(driver: Driver) -> tuple[list[tuple[str, int]], list[tuple[str, str, int]]]:
    """The fills, and the orders with their states, each with its epoch."""
    fills = [(fill.trade_id, fill.epoch) for fill in driver.told(Fill)]
    orders = [(update.order_id, update.status.value, update.epoch) for update in driver.told(OrderUpdate)]
    return fills, orders


def before_the_wipe() -> tuple[Driver, Books]:
    """An order that was filled, one that is open, and five minutes."""
    driver = Driver(Toy(plan=WIPES))
    books = Books()
    begin(driver, books)
    state, fill = filled(1, at=driver.now.mono_ns / SECOND)
    working = replace(order("2"), created_ns=driver.now.wall_ns)
    books.orders, books.fills = [state, working], [fill]
    driver.say(OrderView(state), FillView(fill), OrderView(working))
    live_on(driver, books, 300)
    return driver, books


@pytest.mark.parametrize("live", [True, False])
def test_a_wiped_venue_has_other_orders_by_the_old_ids(live: bool) -> None:
    """A new order and its execution with the ids of old ones are told, and what nobody can know is named."""
    driver, books = before_the_wipe()
    known = told_ids(driver)
    state, fill = filled(1, at=driver.now.mono_ns / SECOND)
    books.orders, books.fills = [state], [fill]
    if live:
        driver.say(OrderView(state), FillView(fill))
    else:
        drop(driver)
    verdict = settle(driver, books)
    assert told_ids(driver) == ([*known[0], ("1", 1)], [*known[1], ("1", "filled", 1)])
    assert GapReason.WIPED in {gap.reason for gap in driver.told(GapOpened)} or not live
    named = {(u.what, u.name) for u in verdict.unresolved}
    assert ("order", "BTCUSDT:2") in named
    assert {what for what, _ in named} == {"order", "span"}
    live_on(driver, books, 120)
    assert driver.told(GapClosed)[-1] is verdict
    assert driver.session.checkpoint().eras["BTCUSDT"].number == 1


def test_an_old_order_that_was_open_does_not_hide_a_new_one() -> None:
    """The new one has its id, and is open too: both are told of."""
    driver, books = before_the_wipe()
    books.orders = [replace(order("2", at=driver.now.mono_ns / SECOND), created_ns=driver.now.wall_ns)]
    books.fills = []
    drop(driver)
    verdict = settle(driver, books)
    assert told_ids(driver)[1][-1] == ("2", "new", 1)
    assert ("order", "BTCUSDT:2") in {(u.what, u.name) for u in verdict.unresolved}
    assert [key.order_id for key in driver.session.ledger.open] == ["2"]


def test_an_audit_notices_a_wipe() -> None:
    """The stream tells nothing, REST lists an order that cannot be: a gap, without waiting for a second look."""
    driver, books = before_the_wipe()
    state, fill = filled(1, at=driver.now.mono_ns / SECOND)
    books.orders, books.fills = [state], [fill]
    live_on(driver, books, 60)
    assert GapReason.WIPED in {gap.reason for gap in driver.told(GapOpened)}
    settle(driver, books)
    assert told_ids(driver)[0][-1] == ("1", 1)


def test_a_wipe_that_is_noticed_late_takes_nothing_back() -> None:
    """An order above all old ids is told first, then its elders are listed: none is lost, none told twice."""
    driver, books = before_the_wipe()
    at = driver.now.mono_ns / SECOND
    elder, fill = filled(1, at=at)
    young = replace(order("9", at=at + 1), created_ns=driver.now.wall_ns + SECOND)
    books.orders, books.fills = [elder, young], [fill]
    driver.advance(2)
    drop(driver)
    settle(driver, books)
    fills, orders = told_ids(driver)
    assert fills[1:] == [("1", 1)]
    assert [(number, status) for number, status, _ in orders[2:]] == [("9", "new"), ("1", "filled")]


def test_a_wipe_right_after_the_first_orders_loses_nothing_of_the_new_ones() -> None:
    """Nothing was proven since they were told: even so the first new order shows it, and not only the second."""
    driver, books = Driver(Toy(plan=WIPES)), Books()
    begin(driver, books)
    driver.advance(10)
    old = [replace(order(number), created_ns=driver.now.wall_ns) for number in ("5", "7")]
    driver.say(*map(OrderView, old))
    driver.lose()
    driver.advance(200)
    elder, fill = filled(1, at=driver.now.mono_ns / SECOND)
    elder = replace(elder, end=None)
    driver.advance(5)
    books.orders = [elder, replace(order("5", at=driver.now.mono_ns / SECOND), created_ns=driver.now.wall_ns)]
    books.fills = [fill]
    driver.advance(100)
    driver.prove()
    verdict = settle(driver, books)
    assert told_ids(driver)[0] == [("1", 1)]
    assert told_ids(driver)[1][2:] == [("1", "partially_filled", 1), ("5", "new", 1)]
    assert {u.name for u in verdict.unresolved if u.what == "order"} == {"BTCUSDT:5", "BTCUSDT:7"}


def test_ids_that_fall_are_nothing_where_no_venue_is_wiped() -> None:
    """A live venue's ids may do what they like: no gap, and each order as it is told."""
    driver = Driver()
    books = Books()
    begin(driver, books)
    gaps = len(driver.told(GapOpened))
    for number in (9, 4, 1):
        state, fill = filled(number, at=driver.now.mono_ns / SECOND)
        books.orders.append(state)
        books.fills.append(fill)
        driver.say(OrderView(state), FillView(fill))
        live_on(driver, books, 120)
    assert len(driver.told(GapOpened)) == gaps
    assert [fill.trade_id for fill in driver.told(Fill)] == ["9", "4", "1"]


@pytest.mark.parametrize("child_first", [True, False])
def test_a_conditional_order_whose_child_filled_is_told_as_filled(child_first: bool) -> None:
    """In whatever order REST lists the two: the last word is the child's."""
    algo = OrderKey("BTCUSDT", "900", OrderKind.ALGO)
    driver = Driver(Toy(plan=attrs.evolve(PLAN, kinds=(OrderKind.ORDER, OrderKind.ALGO))))
    books = Books()
    begin(driver, books)
    at = driver.now.mono_ns / SECOND
    child, fill = filled(7, at=at)
    finished = OrderState(
        key=algo, end=End.CANCELED, child_order_id="7", created_ns=child.created_ns, updated_ns=child.updated_ns
    )
    books.orders, books.fills = [child, finished] if child_first else [finished, child], [fill]
    drop(driver)
    assert settle(driver, books).complete
    told = [update.status.value for update in driver.told(OrderUpdate) if update.order_kind is OrderKind.ALGO]
    assert told == (["filled"] if child_first else ["canceled", "filled"])
