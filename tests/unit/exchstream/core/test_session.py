"""The Session, told by a driver that plays the shell: every path into the gap and out of it."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from msgspec.structs import replace

from exchstream.core.asks import MAX_DROPPED, Asks, Purpose
from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Close,
    Connected,
    Dial,
    Emit,
    Lost,
    MeasureClock,
    Now,
    Obey,
    Overflowed,
    Ping,
    Range,
    Received,
    Send,
    Started,
    Stop,
    Unclocked,
    Woken,
)
from exchstream.core.state import Restored
from exchstream.core.venue import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Accepted,
    Balances,
    CredentialGone,
    CredentialIs,
    Doubt,
    Evidence,
    Fills,
    FillView,
    Holdings,
    MarketList,
    Markets,
    More,
    Moved,
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
    Resubscribe,
    Retire,
    Secret,
    Snapshot,
    Strange,
    Throttle,
    Unreachable,
)
from exchstream.events import (
    AccountDown,
    DownReason,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Unrecognized,
)
from exchstream.model import End, FillKey, FillKind, OrderKey, OrderKind, OrderStatus

from .toy import OPEN_LANE, PLAN, T0, Driver, Toy, execution, order

ORDER = OrderKey("BTCUSDT", "1")


def test_start_is_the_first_gap() -> None:
    """The first event opens a gap, the verdict of the first look-back closes it."""
    driver = Driver()
    driver.go_live()
    opened, closed = driver.told(GapOpened, GapClosed)
    assert isinstance(opened, GapOpened)
    assert isinstance(closed, GapClosed)
    assert (opened.reason, opened.since_ns) == (GapReason.START, T0)
    assert closed.complete
    assert closed.since_ns == T0 <= closed.until_ns
    assert driver.session.status().phase == "live"


def test_from_the_start_on_means_by_the_venues_clock() -> None:
    """A machine whose clock is wrong by an hour loses nothing: the start is set anew when the clock is measured."""
    driver = Driver()
    driver.do(Started())
    assert driver.asks == {}
    assert driver.events == []
    assert driver.session.status().phase == "connecting"
    driver.now = Now(2 * SECOND, T0 - HOUR)
    driver.do(Clocked())
    start_ns = T0 - HOUR - 2 * SECOND
    assert start_ns == driver.session.good_ns == driver.session.ledger.floor_ns
    assert [(gap.since_ns, gap.reason) for gap in driver.told(GapOpened)] == [(start_ns, GapReason.START)]
    assert Markets() in driver.asks.values()


@pytest.mark.parametrize("ahead_ns", [HOUR, -HOUR])
def test_a_start_without_the_venues_clock_is_told_and_mended(ahead_ns: int) -> None:
    """A venue that cannot be asked for the time is told of at once; the gap never begins later than it really did."""
    driver = Driver()
    driver.do(Started())
    driver.do(Unclocked("no route"))
    driver.do(Unclocked("no route"))
    first_ns = T0 - PLAN.lag_ns
    assert [gap.since_ns for gap in driver.told(GapOpened)] == [first_ns]
    driver.now = Now(2 * SECOND, T0 - ahead_ns)
    driver.do(Clocked())
    start_ns = T0 - ahead_ns - 2 * SECOND
    assert driver.session.good_ns == driver.session.status().gap_since_ns == start_ns
    assert min(gap.since_ns for gap in driver.told(GapOpened)) == min(first_ns, start_ns)


def test_an_unknown_time_is_asked_for_again() -> None:
    """Nothing is dialled before the venue's time is known; a failed measurement is tried again, later each time."""
    driver = Driver()
    assert MeasureClock() in driver.do(Started())
    told, again = driver.do(Unclocked("no route"))
    assert isinstance(told, Emit)
    assert isinstance(again, MeasureClock)
    assert again.delay.high_ns > 0


def test_it_listens_before_it_looks_back() -> None:
    """Nothing is asked about orders before the subscription is acknowledged."""
    driver = Driver()
    driver.begin()
    driver.do(Connected(1))
    assert driver.asks == {}
    driver.say(Accepted("sub"))
    assert {OpenOrders, Fills, Orders} == {type(question) for question in driver.asks.values()}


def test_open_orders_are_told_as_recovered() -> None:
    """An order that is open at the start is told, marked as recovered."""
    driver = Driver()
    driver.go_live(order())
    (update,) = driver.told(OrderUpdate)
    assert isinstance(update, OrderUpdate)
    assert (update.recovered, update.status, update.symbol) == (True, OrderStatus.NEW, "BTC/USDT")


def test_older_fills_of_open_orders_are_entered_and_not_told() -> None:
    """A half filled order at the start is balanced by its own fills, which happened before the stream began."""
    driver = Driver()
    driver.begin()
    driver.prove()
    half = order(filled="0.5", at=-100)
    driver.reply(OpenOrders, OrderView(half), Snapshot(OrderKind.ORDER, frozenset({half.key})))
    driver.reply(Fills)
    driver.reply(Orders)
    assert [OrderFills(ORDER)] == list(driver.asks.values())
    driver.reply(OrderFills, FillView(execution(quantity="0.5", at=-100)))
    driver.settle(half)
    assert driver.told(Fill) == []
    assert driver.told(GapClosed)[0].complete


def test_live_facts_are_told_at_once_also_while_looking_back() -> None:
    """A fill that comes during the look-back is told before the verdict."""
    driver = Driver()
    driver.begin()
    driver.prove()
    driver.say(OrderView(order(filled="1", end=End.FILLED)), FillView(execution()))
    assert [OrderUpdate, Fill] == [type(event) for event in driver.told(OrderUpdate, Fill)]
    assert driver.told(GapClosed) == []


def test_a_burst_of_four_updates_is_four_events() -> None:
    """NEW, a partial fill, another, and the last one are told one by one, in order."""
    driver = Driver()
    driver.go_live()
    driver.say(
        OrderView(order()),
        OrderView(order(filled="0.2", at=2)),
        OrderView(order(filled="0.7", at=3)),
        OrderView(order(filled="1", end=End.FILLED, at=4)),
    )
    updates = driver.told(OrderUpdate)
    assert [str(update.filled_quantity) for update in updates] == ["0", "0.2", "0.7", "1"]
    assert [update.status for update in updates] == [
        OrderStatus.NEW,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.FILLED,
    ]


def test_a_duplicate_trade_is_told_once() -> None:
    """The same execution from the stream twice and from REST once more is one fill."""
    driver = Driver()
    driver.go_live()
    driver.say(FillView(execution()), FillView(execution()))
    driver.lose()
    driver.advance(1)
    driver.prove()
    driver.settle(fills=[execution()])
    assert len(driver.told(Fill)) == 1
    assert driver.session.status().duplicates >= 2


def test_a_stale_new_after_filled_tells_nothing() -> None:
    """A view that is behind what is known is no event."""
    driver = Driver()
    driver.go_live()
    driver.say(OrderView(order(filled="1", end=End.FILLED, at=2)), OrderView(order(at=1)))
    assert len(driver.told(OrderUpdate)) == 1


def test_a_lost_link_opens_a_gap_and_its_fills_are_recovered() -> None:
    """What happened while the link was down is told as recovered, and the gap closes complete."""
    driver = Driver()
    driver.go_live()
    driver.say(OrderView(order(at=7)))
    driver.lose()
    (opened,) = [e for e in driver.told(GapOpened) if e.reason is GapReason.LOST]
    assert opened.since_ns <= driver.now.wall_ns
    driver.advance(1)
    driver.prove()
    driver.reply(OpenOrders, Snapshot(OrderKind.ORDER, frozenset()))
    driver.reply(Fills, FillView(execution(at=8)))
    driver.reply(Orders)
    assert OrderById(ORDER) in driver.asks.values()
    driver.reply(OrderById, OrderView(order(filled="1", end=End.FILLED, at=8)))
    driver.settle(fills=[execution(at=8)])
    fills = driver.told(Fill)
    assert [fill.recovered for fill in fills] == [True]
    closed = driver.told(GapClosed)[-1]
    assert isinstance(closed, GapClosed)
    assert closed.complete
    assert closed.recovered >= 2


def test_an_order_that_cannot_be_found_is_named_once() -> None:
    """An authoritative 'no such order' after the lag allowance is named in the verdict, and never asked about again."""
    driver = Driver()
    driver.go_live()
    driver.say(OrderView(order(at=1)))
    driver.lose()
    driver.advance(1)
    driver.prove()
    for _ in range(20):
        for kind in (OpenOrders, Fills, Orders, OrderById):
            while any(isinstance(q, kind) for q in driver.asks.values()):
                if kind is OpenOrders:
                    driver.reply(kind, Snapshot(OrderKind.ORDER, frozenset()))
                elif kind is OrderById:
                    driver.reply(kind, Refused("Order does not exist.", Refusal.GONE))
                else:
                    driver.reply(kind)
        driver.advance(5)
        driver.hear()
        if driver.session.status().phase == "live":
            break
    closed = driver.told(GapClosed)[-1]
    assert isinstance(closed, GapClosed)
    assert not closed.complete
    assert [(u.what, u.name) for u in closed.unresolved] == [("order", "BTCUSDT:1")]
    driver.lose()
    driver.advance(1)
    driver.prove()
    driver.settle()
    assert driver.told(GapClosed)[-1].complete


def test_a_transient_failure_keeps_the_gap_open() -> None:
    """A question without an answer is asked again after a delay; the gap stays open until it is answered."""
    driver = Driver()
    driver.begin()
    driver.prove()
    (again,) = [c for c in driver.fail(OpenOrders) if isinstance(c, Ask)]
    assert again.delay.high_ns > 0
    driver.reply(Fills)
    driver.reply(Orders)
    driver.hear()
    assert driver.told(GapClosed) == []
    driver.settle()
    assert driver.told(GapClosed)[0].complete


def test_a_question_that_is_never_answered_is_given_up_and_named() -> None:
    """After the limit the listing is named as unresolved instead of keeping the gap open for ever."""
    driver = Driver()
    driver.begin()
    driver.prove()
    for _ in range(60):
        while any(isinstance(q, Fills) for q in driver.asks.values()):
            driver.fail(Fills)
            driver.advance(30)
            driver.hear()
        driver.answer_all()
        driver.advance(5)
        driver.hear()
        if driver.told(GapClosed):
            break
    closed = driver.told(GapClosed)[0]
    assert isinstance(closed, GapClosed)
    assert [(u.what, u.name) for u in closed.unresolved] == [("symbol", "BTCUSDT")]


def test_a_second_loss_during_the_look_back_starts_it_anew() -> None:
    """Answers to the old look-back are not waited for; the gap stays one gap."""
    driver = Driver()
    driver.begin()
    driver.prove()
    stale = driver.outstanding(OpenOrders)
    driver.lose()
    assert not driver.session.expects(stale)
    driver.advance(2)
    driver.prove()
    driver.settle()
    assert len(driver.told(GapOpened)) == 1
    assert len(driver.told(GapClosed)) == 1


def test_what_a_dead_link_brings_is_not_heard() -> None:
    """A frame with the number of a link that has ended tells nothing."""
    driver = Driver()
    driver.go_live()
    old = driver.link
    driver.lose()
    driver.say(FillView(execution()), link=old)
    assert driver.told(Fill) == []


def test_a_silent_link_is_ended_and_its_gap_told() -> None:
    """A link on which nothing at all is heard is given up after its limit, in mid-silence."""
    driver = Driver()
    driver.go_live()
    link = driver.link
    driver.advance(61)
    assert Close in {type(c) for c in driver.commands if getattr(c, "link", None) == link}
    assert GapReason.SILENT in {e.reason for e in driver.told(GapOpened)}


def test_heartbeats_are_sent_on_the_lanes_beat() -> None:
    """A lane without a heartbeat frame is pinged."""
    driver = Driver()
    driver.go_live()
    driver.commands.clear()
    driver.advance(21)
    assert [Ping(driver.link)] == driver.sent(Ping)


def test_a_lane_with_a_frame_of_its_own_sends_it() -> None:
    """FTX wants an op-ping: the lane says which text."""
    lane = attrs.evolve(PLAN.lanes[0], heartbeat="op-ping")
    driver = Driver(Toy(plan=attrs.evolve(PLAN, lanes=(lane,))))
    driver.go_live()
    driver.commands.clear()
    driver.advance(21)
    assert [Send(driver.link, ("op-ping",))] == driver.sent(Send, Ping)


def test_retire_overlaps() -> None:
    """A lane that is about to end is replaced first; the old link is heard until it is empty."""
    driver = Driver()
    driver.go_live()
    old = driver.link
    driver.say(Retire("shutdown"))
    assert driver.link == old + 1
    driver.advance(1)
    driver.prove()
    assert [Ping(old)] == driver.sent(Ping)
    driver.say(FillView(execution()))
    driver.say(FillView(execution()), FillView(execution("2")), link=old)
    for _ in range(11):
        driver.do(Received(old, (), driver.now.mono_ns, driver.now.mono_ns))
        driver.hear()
        driver.advance(1)
    assert [Close(old, "replaced by a newer connection")] == driver.sent(Close)
    assert len(driver.told(Fill)) == 2
    assert len(driver.told(GapOpened)) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_a_replaced_link_that_is_not_heard_any_more_owes_a_gap(lost: bool) -> None:
    """What it still carried may be missing, whether it is lost or just stays silent."""
    driver = Driver()
    driver.go_live()
    old = driver.link
    driver.say(Retire("shutdown"))
    driver.advance(1)
    driver.prove()
    if lost:
        driver.do(Lost(old, "reset"))
    for _ in range(11):  # something is heard that was sent before the link was replaced
        driver.do(Received(old, (), driver.now.mono_ns, driver.session.links.live[driver.link].proven_ns - 1))
        driver.hear()
        driver.advance(1)
    assert len(driver.told(GapOpened)) == 2


def test_a_lifetime_ends_in_a_rotation() -> None:
    """A link is replaced when its planned life is over, before the venue cuts it."""
    lane = attrs.evolve(PLAN.lanes[0], lifetime_ns=HOUR)
    driver = Driver(Toy(plan=attrs.evolve(PLAN, lanes=(lane,))))
    driver.go_live()
    old = driver.link
    for _ in range(200):
        driver.advance(20)
        driver.hear()
        driver.answer_all()
        if driver.link != old:
            break
    assert old + 1 == driver.link
    assert len(driver.told(GapOpened)) == 1


def live_for(driver: Driver, span_ns: int) -> None:
    """Let a healthy account live for so long, all of its audits answered."""
    for _ in range(0, span_ns, 5 * SECOND):
        driver.advance(5)
        driver.hear()
        driver.answer_all()


def test_a_subscription_that_ends_at_once_is_dialled_anew_and_later() -> None:
    """Greeting again without a pause would be a storm: the link is given up, and the next one waits."""
    driver = Driver()
    driver.go_live()
    commands = driver.say(Resubscribe("terminated"))
    assert [Close(1, "terminated"), Dial(2, "user", Range(0, SECOND))] == commands[1:]


def test_a_link_that_is_to_end_as_soon_as_it_began_is_replaced_later_each_time() -> None:
    """A server that retires every connection at once is not dialled in a storm, and never on more than two links."""
    driver = Driver()
    driver.go_live()
    delays = []
    for _ in range(4):
        driver.commands.clear()
        driver.say(Retire("shutdown"))
        driver.prove()
        driver.say(Retire("shutdown"))
        assert len(driver.session.links.live) == 2
        driver.advance(11)  # the replaced link has drained
        driver.hear()
        delays += [dial.delay.high_ns // SECOND for dial in driver.sent(Dial)]
    assert delays == sorted(delays)
    assert delays[-1] >= 8


def test_resubscribe_greets_again_on_the_same_link() -> None:
    """A subscription that ends while the socket lives is renewed, and the time between is a gap."""
    driver = Driver()
    driver.go_live()
    live_for(driver, MINUTE)
    commands = driver.say(Resubscribe("terminated"))
    assert Send(driver.link, ("subscribe",)) in commands
    assert GapReason.EXPIRED in {e.reason for e in driver.told(GapOpened)}
    driver.say(Accepted("sub"))
    driver.settle()
    assert driver.session.status().phase == "live"


@pytest.mark.parametrize(("down", "reason"), [(DownReason.CREDENTIALS, "credentials"), (DownReason.RETIRED, "retired")])
def test_a_fatal_refusal_takes_the_account_down(down: DownReason, reason: str) -> None:
    """The account says why and stops; nothing is done or told after."""
    driver = Driver()
    driver.begin()
    driver.do(Connected(1))
    commands = driver.say(Refused("Invalid API-key", Refusal.FATAL, "sub", down), FillView(execution()))
    assert [Emit, Stop] == [type(command) for command in commands]
    told = driver.told(AccountDown)[0]
    assert isinstance(told, AccountDown)
    assert (reason, "Invalid API-key") == (told.reason.value, told.detail)
    assert driver.do(Woken()) == []
    assert driver.session.wake_at_ns is None


def test_a_fatal_answer_takes_the_account_down() -> None:
    """A key that REST refuses is as dead as one that the stream refuses."""
    driver = Driver()
    driver.begin()
    driver.prove()
    driver.reply(OpenOrders, Refused("Invalid API-key", Refusal.FATAL))
    assert len(driver.told(AccountDown)) == 1


def test_a_venue_that_refuses_to_tell_the_time_is_down() -> None:
    """Like any other authoritative no; once the time is known, the signed questions will tell."""
    driver = Driver()
    driver.do(Started())
    driver.do(Unclocked("HTTP 503"))
    assert driver.sent(MeasureClock)[-1].delay.high_ns > 0
    assert [Stop()] == driver.do(Unclocked("HTTP 401", fatal=True))[-1:]
    assert [(down.reason, down.detail) for down in driver.told(AccountDown)] == [(DownReason.CREDENTIALS, "HTTP 401")]
    other = Driver()
    other.go_live()
    other.do(Unclocked("HTTP 401", fatal=True))
    assert other.told(AccountDown) == []


def test_a_refused_clock_is_measured_and_the_link_tried_again() -> None:
    """A complaint about our time ends the attempt, measures, and dials anew with a delay."""
    driver = Driver()
    driver.begin()
    driver.do(Connected(1))
    commands = driver.say(Refused("timestamp", Refusal.CLOCK, "sub"))
    assert [MeasureClock(anew=True), Close(1, "timestamp")] == commands[:2]
    assert isinstance(commands[2], Dial)
    assert commands[2].delay.high_ns > 0


def test_a_dubious_refusal_is_fatal_only_after_the_clock_has_been_measured() -> None:
    """FTX tells a wrong clock and a wrong key in the same words: measure first, dial again, and then believe it."""
    driver = Driver()
    driver.begin()
    driver.do(Connected(1))
    floor_ns = driver.session.ledger.floor_ns
    assert driver.say(Refused("login", Refusal.DUBIOUS)) == [MeasureClock(anew=True), Close(1, "login")]
    (dial,) = driver.do(Clocked())
    assert isinstance(dial, Dial)
    assert driver.session.ledger.floor_ns == floor_ns
    driver.do(Connected(2))
    driver.say(Refused("login", Refusal.DUBIOUS))
    assert len(driver.told(AccountDown)) == 1


def test_dialling_backs_off_and_obeys_retry_after() -> None:
    """Failures in a row wait longer; a venue that says how long to stay away is obeyed."""
    driver = Driver()
    driver.begin()
    highs = []
    for _ in range(4):
        (dial,) = [c for c in driver.lose() if isinstance(c, Dial)]
        highs.append(dial.delay.high_ns)
    assert highs == sorted(highs)
    assert highs[0] < highs[-1]
    (dial,) = [c for c in driver.do(Lost(driver.link, "429", 77 * SECOND)) if isinstance(c, Dial)]
    assert dial.delay.low_ns >= 77 * SECOND


def test_no_room_drops_the_link_and_owes_a_gap() -> None:
    """A batch that was not taken is a gap, never a fact half taken."""
    driver = Driver()
    driver.go_live()
    driver.do(Overflowed(driver.link))
    assert GapReason.OVERFLOW in {e.reason for e in driver.told(GapOpened)}


# ---------------------------------------------------------------------------------------------------- credentials


def credential(value: str = "key-1", at: float = 0) -> CredentialIs:
    """A credential that wants renewal after 24 to 36 minutes."""
    wall_ns = T0 + round(at * SECOND)
    return CredentialIs(Secret(value), wall_ns + 24 * MINUTE, 12 * MINUTE, wall_ns + HOUR)


def keyed() -> Driver:
    """A driver of a venue with keys and a lane that never acknowledges, dialled."""
    driver = Driver(Toy(plan=attrs.evolve(PLAN, lanes=(OPEN_LANE,)), credentials=True))
    driver.begin()
    driver.reply(NewCredential, credential())
    return driver


def go_live_keyed() -> Driver:
    """The same, live."""
    driver = keyed()
    driver.do(Connected(driver.link))
    driver.reply(RenewCredential, credential())
    driver.advance(1)
    driver.settle()
    return driver


def test_an_open_lane_is_proven_by_renewing_and_settling() -> None:
    """After opening: renew the key, settle, and only then look back."""
    driver = keyed()
    driver.do(Connected(driver.link))
    assert [RenewCredential()] == list(driver.asks.values())
    driver.reply(RenewCredential, credential())
    assert driver.asks == {}
    driver.advance(1)
    assert OpenOrders(OrderKind.ORDER) in driver.asks.values()


def test_the_key_is_renewed_in_its_window() -> None:
    """The next renewal is asked for 24 minutes after the last one, at an instant that chance draws from 12 minutes."""
    driver = go_live_keyed()
    driver.commands.clear()
    while not (asked := [a for a in driver.sent(Ask) if isinstance(a.question, RenewCredential)]):
        driver.advance(10)
        driver.hear()
        driver.answer_all()
    assert [Range(0, 12 * MINUTE)] == [ask.delay for ask in asked]
    assert 24 * MINUTE <= driver.now.mono_ns <= 24 * MINUTE + 20 * SECOND


def test_the_status_says_how_old_the_key_is() -> None:
    """When it was given or last renewed, when it is renewed next, and when it would be dead; nothing without one."""

    def times(driver: Driver) -> tuple[int | None, ...]:
        status = driver.session.status()
        return status.credential_since_ns, status.credential_renew_ns, status.credential_expires_ns

    driver = keyed()
    assert times(driver) == (T0, T0 + 24 * MINUTE, T0 + HOUR)
    driver.advance(5)
    driver.do(Connected(driver.link))
    driver.reply(RenewCredential, credential(at=5))
    renewed_ns = T0 + 5 * SECOND
    assert times(driver) == (renewed_ns, renewed_ns + 24 * MINUTE, renewed_ns + HOUR)
    driver.say(CredentialGone("listenKeyExpired"))
    assert times(driver) == (None, None, None)


def test_an_expired_key_told_twice_is_replaced_once() -> None:
    """Two notices of expiry lead to one new key, one new link and one gap."""
    driver = go_live_keyed()
    driver.commands.clear()
    driver.say(CredentialGone("listenKeyExpired"))
    driver.say(CredentialGone("listenKeyExpired"), link=1)
    assert sum(isinstance(q, NewCredential) for q in driver.asks.values()) == 1
    driver.reply(NewCredential, credential("key-2", 10))
    assert len(driver.sent(Dial)) == 1
    assert len([e for e in driver.told(GapOpened) if e.reason is GapReason.EXPIRED]) == 1


def replaced(driver: Driver) -> None:
    """A renewal is answered with another key."""
    driver.commands.clear()
    driver.say(credential("key-2", driver.now.mono_ns / SECOND))


def prove_keyed(driver: Driver, key: str = "key-2") -> None:
    """The newest link opens, its key is renewed, and it settles."""
    driver.do(Connected(driver.link))
    driver.reply(RenewCredential, credential(key, driver.now.mono_ns / SECOND))
    driver.advance(1)


def test_a_key_that_a_renewal_replaced_moves_the_link_over() -> None:
    """The old link tells on until the new one is proven, and for a while after; what both tell is told once."""
    driver = go_live_keyed()
    live_keyed(driver, 70)
    gaps = len(driver.told(GapOpened))
    replaced(driver)
    assert (driver.sent(Close), len(driver.sent(Dial))) == ([], 1)
    old, new = driver.link - 1, driver.link
    driver.say(FillView(execution("1")), link=old)
    prove_keyed(driver)
    for link in (old, new):
        driver.say(FillView(execution("2")), link=link)
    driver.do(Received(old, (), driver.now.mono_ns, driver.now.mono_ns))
    live_keyed(driver, 11)
    assert [old] == [close.link for close in driver.sent(Close)]
    assert [fill.trade_id for fill in driver.told(Fill)] == ["1", "2"]
    assert len(driver.told(GapOpened)) == gaps


def live_keyed(driver: Driver, seconds: float) -> None:
    """Time passes in good health."""
    for _ in range(round(seconds)):
        driver.advance(1)
        for link in list(driver.session.links.live):
            driver.do(Received(link, (), driver.now.mono_ns))
        driver.answer_all(fills=[execution(fill.trade_id) for fill in driver.told(Fill)])


def test_a_replaced_key_is_looked_into_at_once() -> None:
    """Nobody says how long the old key has been deaf, so REST is asked."""
    driver = go_live_keyed()
    live_keyed(driver, 70)
    replaced(driver)
    assert OpenOrders(OrderKind.ORDER) in driver.asks.values()


@pytest.mark.parametrize("proven", [False, True])
def test_a_replaced_key_that_expires_is_a_gap_only_without_a_successor(proven: bool) -> None:
    """The notice comes on the old link: before the new one is proven nobody listens any more."""
    driver = go_live_keyed()
    live_keyed(driver, 70)
    gaps = len(driver.told(GapOpened))
    replaced(driver)
    old = driver.link - 1
    if proven:
        prove_keyed(driver)
        driver.do(Received(old, (), driver.now.mono_ns, driver.now.mono_ns))
    driver.say(CredentialGone("listenKeyExpired"), link=old)
    assert [old] == [close.link for close in driver.sent(Close)]
    assert [GapReason.EXPIRED] * (not proven) == [gap.reason for gap in driver.told(GapOpened)[gaps:]]
    assert driver.session.memory.credential is not None


def test_a_replaced_key_whose_successor_cannot_be_dialled_is_over_in_the_end() -> None:
    """Nobody renews it any more: when its time is over, it is a gap, whatever the old link does."""
    driver = go_live_keyed()
    live_keyed(driver, 70)
    gaps = len(driver.told(GapOpened))
    replaced(driver)
    for _ in range(58):
        driver.do(Lost(driver.link, "refused"))
        live_keyed(driver, 60)
    assert len(driver.told(GapOpened)) == gaps
    live_keyed(driver, 60)
    assert [gap.reason for gap in driver.told(GapOpened)[gaps:]] == [GapReason.EXPIRED]


def test_an_answer_about_the_old_key_says_nothing_of_the_new_one() -> None:
    """A renewal that was asked for before the key was replaced is not waited for."""
    driver = go_live_keyed()
    live_keyed(driver, 24 * 60)
    assert RenewCredential() in driver.asks.values()
    replaced(driver)
    assert RenewCredential() not in driver.asks.values()


def test_a_replaced_key_is_not_shown() -> None:
    """While its link lives, what comes on it may name it."""
    driver = go_live_keyed()
    replaced(driver)
    driver.say(Strange("odd", b"key-1 and key-2"), link=driver.link - 1)
    assert driver.told(Unrecognized)[-1].raw == b"*** and ***"


def test_a_dead_key_found_by_the_proof_is_replaced() -> None:
    """A renewal that is refused as unknown drops the key and asks for a new one."""
    driver = keyed()
    driver.do(Connected(driver.link))
    driver.reply(RenewCredential, CredentialGone("-1125"))
    assert NewCredential() in driver.asks.values()


# ---------------------------------------------------------------------------------------------------- audit


def test_a_healthy_hour_opens_no_gap() -> None:
    """With trading, REST in step and pings heard, no gap is opened after the start."""
    driver = Driver()
    driver.go_live()
    fills = []
    for minute in range(60):
        for beat in range(6):
            driver.advance(10)
            driver.hear()
            if beat == 3:
                number = str(minute)
                at = driver.now.mono_ns / SECOND
                fills.append(execution(number, of=number, at=at))
                driver.say(OrderView(order(number, filled="1", end=End.FILLED, at=at)), FillView(fills[-1]))
            driver.answer_all(fills=fills)
    assert len(driver.told(GapOpened)) == 1
    assert len(driver.told(Fill)) == 60


@pytest.mark.parametrize("lane", [PLAN.lanes[0], OPEN_LANE], ids=["ack", "open"])
def test_a_silent_subscription_is_noticed_within_a_minute(lane: object) -> None:
    """Pings go on, events do not: the audit finds the fill and opens a gap within 60 seconds."""
    driver = Driver(Toy(plan=attrs.evolve(PLAN, lanes=(lane,))))  # type: ignore[arg-type]
    driver.begin()
    driver.do(Connected(driver.link))
    driver.say(Accepted("sub"))
    driver.advance(1)
    driver.settle()
    start_ns = driver.now.mono_ns
    missed = execution(at=start_ns / SECOND + 1)
    while driver.now.mono_ns - start_ns < MINUTE and not driver.told(Fill):
        driver.advance(1)
        driver.hear()
        driver.answer_all(fills=[missed])
        if len(driver.told(GapOpened)) > 1 and driver.link > 1 and not driver.asks:
            driver.do(Connected(driver.link))
            driver.say(Accepted("sub"))
    gap = driver.told(GapOpened)[-1]
    assert isinstance(gap, GapOpened)
    assert GapReason.AUDIT is gap.reason
    assert len(driver.told(Fill)) == 1


def pass_time_without(gone: str, driver: Driver, seconds: int) -> None:
    """Questions about this symbol are refused for good meanwhile; all others are answered."""
    for _ in range(0, seconds, 5):
        driver.advance(5)
        driver.hear()
        for number, question in list(driver.asks.items()):
            if getattr(question, "symbol", None) == gone:
                del driver.asks[number]
                word = driver.word([Refused("invalid symbol", Refusal.GONE)])
                driver.do(Answered(number, Reply(400, {}, word.encode())))
        driver.answer_all()


def test_a_symbol_that_is_gone_is_named_and_leaves_the_audit() -> None:
    """What ended on it can be asked for no more: one verdict says so, the links are kept, and good time moves on."""
    driver = Driver(Toy(symbols=("BTCUSDT", "ETHUSDT")))
    driver.go_live()

    pass_time_without("ETHUSDT", driver, 120)
    verdict = driver.told(GapClosed)[-1]
    assert [(u.what, u.name) for u in verdict.unresolved] == [("symbol", "ETHUSDT")]
    assert (verdict.scope.symbols, driver.sent(Close)) == (("BTCUSDT",), [])
    good_ns = driver.session.good_ns
    pass_time_without("ETHUSDT", driver, 300)
    assert driver.session.good_ns > good_ns
    assert len(driver.told(GapClosed)) == 2


def test_a_symbol_that_was_gone_and_trades_is_known_again() -> None:
    """It was the one used last when the venue said that it is gone; the gap after its next fill is about it, too."""
    driver = Driver(Toy(symbols=("BTCUSDT", "ETHUSDT")))
    driver.go_live()
    pass_time_without("ETHUSDT", driver, 120)
    assert driver.told(GapClosed)[-1].scope.symbols == ("BTCUSDT",)

    driver.say(FillView(execution(symbol="ETHUSDT")))
    driver.lose()
    driver.advance(10)
    driver.prove()
    driver.settle()

    assert driver.told(GapClosed)[-1].scope.symbols == ("BTCUSDT", "ETHUSDT")


def test_an_answer_that_is_needed_is_asked_for_until_it_comes() -> None:
    """A refusal of the market list, however authoritative, is tried again after a delay and not at once."""
    driver = Driver()
    driver.do(Started())
    driver.do(Clocked())
    (again,) = driver.reply(Markets, Refused("no such path", Refusal.GONE))
    assert isinstance(again, Ask)
    assert again.delay.high_ns > 0


def test_an_order_of_an_interrupted_look_back_is_held_against_its_fills_by_the_next() -> None:
    """Its state was told by the first look-back, its fills were not: the second one asks for them."""
    driver = Driver()
    driver.begin()
    driver.prove()
    driver.reply(Orders, OrderView(order(filled="1", end=End.FILLED)))
    driver.lose()
    driver.advance(1)
    driver.prove()
    for kind in (Orders, Fills):
        driver.reply(kind)
    driver.reply(OpenOrders, Snapshot(OrderKind.ORDER, frozenset()))
    assert OrderFills(ORDER) in driver.asks.values()


def test_a_difference_that_the_stream_resolves_in_time_is_no_gap() -> None:
    """REST may be ahead of the stream for a moment: what comes within the grace is no alarm."""
    driver = Driver()
    driver.go_live()
    late = execution(at=31)
    driver.advance(31)
    driver.hear()
    driver.answer_all(fills=[late])
    driver.advance(2)
    driver.say(FillView(late))
    for _ in range(6):
        driver.advance(10)
        driver.hear()
        driver.answer_all(fills=[late])
    assert len(driver.told(GapOpened)) == 1


def test_a_doubt_that_the_stream_resolves_is_no_gap() -> None:
    """TRADE_LITE, then the real update: one fill, no gap."""
    driver = Driver()
    driver.go_live()
    driver.say(Doubt("TRADE_LITE", fill=FillKey("BTCUSDT", "1", "1"), order=ORDER, symbol="BTCUSDT"))
    driver.say(FillView(execution()), OrderView(order(filled="1", end=End.FILLED)))
    driver.advance(15)
    assert len(driver.told(GapOpened)) == 1


def test_a_doubt_that_nothing_resolves_is_named() -> None:
    """A fill that the stream hinted at and that REST does not know either is named in the verdict."""
    driver = Driver()
    driver.go_live()
    driver.say(Doubt("TRADE_LITE", fill=FillKey("BTCUSDT", "9", "4"), symbol="BTCUSDT"))
    driver.advance(10)
    driver.settle()
    closed = driver.told(GapClosed)[-1]
    assert isinstance(closed, GapClosed)
    assert [(u.what, u.name) for u in closed.unresolved] == [("fill", "BTCUSDT:9")]


def test_a_doubt_that_stays_is_looked_into() -> None:
    """TRADE_LITE without the update that should follow: after the grace a look-back finds the fill."""
    driver = Driver()
    driver.go_live()
    driver.say(Doubt("TRADE_LITE", fill=FillKey("ETHUSDT", "9", "4"), order=OrderKey("ETHUSDT", "4"), symbol="ETHUSDT"))
    driver.advance(10)
    assert GapReason.DOUBT is driver.told(GapOpened)[-1].reason
    driver.settle(fills=[execution("9", of="4", symbol="ETHUSDT", at=driver.now.mono_ns / SECOND)])
    assert [e.trade_id for e in driver.told(Fill)] == ["9"]


# ---------------------------------------------------------------------------------------------------- the rest


def test_unknown_messages_are_told_without_secrets() -> None:
    """What we have no word for is told raw, scrubbed of every live credential."""
    driver = Driver()
    driver.go_live()
    driver.say(Strange("event type 'x'", b'{"e":"x","key":"canary-secret"}'))
    told = driver.told(Unrecognized)[0]
    assert isinstance(told, Unrecognized)
    assert told.raw == b'{"e":"x","key":"***"}'


def test_an_unknown_symbol_reads_the_markets_again_and_loses_nothing() -> None:
    """A fact of a market that is not in the list is told without a unified symbol, and the list is read again."""
    driver = Driver()
    driver.go_live()
    driver.say(FillView(execution(symbol="NEWUSDT")))
    fill = driver.told(Fill)[0]
    assert isinstance(fill, Fill)
    assert (fill.symbol, fill.venue_symbol) == (None, "NEWUSDT")
    assert Markets() in driver.asks.values()
    driver.reply(Markets, MarketList({}))
    driver.say(FillView(execution("2", symbol="NEWUSDT")))
    assert Markets() not in driver.asks.values()


def test_the_hosts_budget_hears_what_the_venue_says_of_limits() -> None:
    """A throttle in an answer goes to the shell."""
    driver = Driver()
    driver.begin()
    driver.prove()
    throttle = Throttle("rest", 40)
    assert Obey(throttle) in driver.reply(OpenOrders, throttle, Snapshot(OrderKind.ORDER, frozenset()))


def test_an_answer_that_nobody_waits_for_may_say_to_stay_away() -> None:
    """The look-back that asked was given up: what the venue says of its limits is heeded, and its facts are not."""
    driver = Driver()
    driver.begin()
    driver.prove()
    number, throttle = driver.outstanding(OpenOrders), Throttle("rest", 40)
    driver.lose()
    word = driver.word([throttle, FillView(execution("1"))])
    assert Obey(throttle) in driver.do(Answered(number, Reply(200, {}, word.encode())))
    assert not driver.told(Fill)
    assert not driver.do(Answered(number, Reply(200, {}, word.encode())))


def test_of_questions_that_nobody_waits_for_only_some_are_known() -> None:
    """An answer may never come."""
    asks = Asks()
    for number in range(MAX_DROPPED + 5):
        asks.put(Fills("BTCUSDT", number, number + 1), Purpose.AUDIT, Now(0, 0))
        asks.drop(Purpose.AUDIT)
    assert len(asks.dropped) == MAX_DROPPED
    assert max(asks.dropped) == MAX_DROPPED + 5


def test_pages_are_asked_for_until_there_is_none() -> None:
    """Each `More` is asked for, and the pass is not over before the last page."""
    driver = Driver()
    driver.begin()
    driver.prove()
    driver.reply(OpenOrders, Snapshot(OrderKind.ORDER, frozenset()))
    driver.reply(Orders)
    page = Fills("BTCUSDT", T0, T0 + 1, "page 2")
    driver.reply(Fills, FillView(execution("1")), More(page))
    assert page in driver.asks.values()
    driver.reply(Fills, FillView(execution("2")))
    assert [e.trade_id for e in driver.told(Fill)] == ["1", "2"]


def second(question: Question) -> More:
    """There is a second page."""
    assert isinstance(question, Fills)
    return More(attrs.evolve(question, cursor="2"))


def test_recovered_fills_of_an_order_are_told_from_the_oldest_on() -> None:
    """A listing that is read from its newest page on is told when its last page is there, in the order of the times."""
    driver = Driver()
    driver.go_live(order())
    driver.lose()
    driver.advance(1)
    driver.prove()
    question = driver.asks[driver.outstanding(Fills)]
    driver.reply(Fills, FillView(execution("9", at=9)), FillView(execution("10", at=9)), second(question))
    assert driver.told(Fill) == []
    driver.reply(Fills, FillView(execution("3", at=3)), FillView(execution("2", at=2)))
    assert driver.told(Fill) == []
    driver.reply(Orders, OrderView(replace(order(filled="4"), fill_kind=FillKind.ADL)))
    assert [fill.trade_id for fill in driver.told(Fill)] == ["2", "3", "9", "10"]
    assert {fill.kind for fill in driver.told(Fill)} == {FillKind.ADL}  # as their order says


@pytest.mark.parametrize("end", ["unanswered", "lost", "refused"])
def test_recovered_fills_do_not_wait_for_a_page_that_does_not_come(end: str) -> None:
    """Whatever keeps the last page away, what is known by then is told."""
    driver = Driver()
    driver.go_live(order())
    driver.lose()
    driver.advance(1)
    driver.prove()
    question = driver.asks[driver.outstanding(Fills)]
    driver.reply(Fills, FillView(execution("9", at=9)), FillView(execution("3", at=3)), second(question))
    match end:
        case "unanswered":
            driver.fail(Fills)
        case "lost":
            driver.lose()
        case "refused":
            driver.reply(Orders, Refused("revoked", Refusal.FATAL))
            assert isinstance(driver.events[-1], AccountDown)
    assert [fill.trade_id for fill in driver.told(Fill)] == ["3", "9"]


def test_what_a_later_pass_finds_asks_for_one_more() -> None:
    """REST lags: an order that only the second pass shows, and whose venue tells no times, means that it still does."""
    driver = Driver()
    driver.go_live()
    driver.lose()
    driver.advance(1)
    driver.prove()
    driver.answer_all()
    driver.advance(5)
    driver.hear()
    late = replace(order("7", at=0), updated_ns=None, created_ns=T0)
    driver.reply(Orders, OrderView(late))
    driver.answer_all(late)
    assert driver.session.status().phase == "looking back"
    driver.advance(5)
    driver.hear()
    driver.answer_all(late)
    assert driver.session.status().phase == "live"


@pytest.mark.parametrize(
    ("listing", "what", "named"),
    [(Fills, "span", False), (Fills, "row", True), (Orders, "span", True)],
)
def test_what_the_venue_cannot_give_is_named(listing: type, what: str, named: bool) -> None:
    """A part of a listing that no pass can have is named; hidden fills are not missing if every order balances."""
    driver = Driver()
    driver.begin()
    driver.prove()
    for _ in range(2):
        driver.reply(listing, Unreachable(what, "12:00", "more rows than a page holds"))
        driver.answer_all()
        driver.advance(5)
        driver.hear()
    driver.settle()
    closed = driver.told(GapClosed)[0]
    assert isinstance(closed, GapClosed)
    assert [(what, "12:00")] * named == [(u.what, u.name) for u in closed.unresolved]


def test_a_delisted_symbol_is_named_once() -> None:
    """A symbol that the venue does not know any more is named, and not asked about in the next pass."""
    driver = Driver()
    driver.begin()
    driver.prove()
    driver.reply(Fills, Refused("Invalid symbol.", Refusal.GONE))
    driver.settle()
    closed = driver.told(GapClosed)[0]
    assert isinstance(closed, GapClosed)
    assert [(u.what, u.name) for u in closed.unresolved] == [("symbol", "BTCUSDT")]
    assert sum(isinstance(q, Fills) for q in driver.asks.values()) == 0


def test_an_overflowing_number_of_doubts_is_bounded() -> None:
    """Doubts beyond the limit do not grow memory: the first ones already lead to a look-back."""
    driver = Driver()
    driver.go_live()
    driver.say(*(Doubt("x", fill=FillKey("BTCUSDT", str(n), "1")) for n in range(2_000)))
    driver.advance(10)
    assert GapReason.DOUBT is driver.told(GapOpened)[-1].reason


def test_stale_answers_are_ignored() -> None:
    """An answer to a question that nobody waits for does nothing."""
    driver = Driver()
    driver.begin()
    assert driver.do(Answered(999, Reply(200, {}, b"none"))) == []


def test_a_look_that_finds_nothing_moves_the_checkpoint() -> None:
    """It is to be kept though nothing is told: a restart of a quiet account looks back from there."""
    driver = Driver()
    driver.go_live()
    proven_ns, emitted = driver.session.checkpoint().good_ns, len(driver.sent(Emit))
    next_look(driver)
    assert driver.sent(Emit)[emitted:] == [Emit(())]
    assert driver.session.checkpoint().good_ns == driver.now.wall_ns - PLAN.lag_ns > proven_ns


def test_evidence_slows_the_audit_of_an_open_lane() -> None:
    """Until the first event the audit of a lane that never acknowledges beats fast, after it slowly."""
    driver = go_live_keyed()
    beats = [next_look(driver)]
    driver.say(Evidence())
    beats += [next_look(driver), next_look(driver)]
    # The look that was due when the first event came is still that of the fast beat.
    assert beats == [PLAN.audit.fast_ns, PLAN.audit.fast_ns, PLAN.audit.every_ns]


def next_look(driver: Driver) -> int:
    """How long the audit waits before it asks; it finds that all is well."""
    began_ns = driver.now.mono_ns
    while OpenOrders(OrderKind.ORDER) not in driver.asks.values():
        driver.advance(1)
        driver.hear()
    waited_ns = driver.now.mono_ns - began_ns
    driver.answer_all()
    return waited_ns


# ---------------------------------------------------------------------------------------------------- balances


def spot() -> Driver:
    """A driver whose venue tells balances."""
    return Driver(Toy(plan=attrs.evolve(PLAN, balances=True)))


def settle_with(driver: Driver, holdings: dict[str, str], fills: dict[str, list[object]] | None = None) -> None:
    """Settle, with these balances and these fills by symbol."""
    for _ in range(30):
        while driver.asks:
            number, question = next(iter(driver.asks.items()))
            del driver.asks[number]
            meanings: list[object] = []
            if isinstance(question, Balances):
                meanings = [Holdings({asset: Decimal(amount) for asset, amount in holdings.items()})]
            elif isinstance(question, OpenOrders):
                meanings = [Snapshot(OrderKind.ORDER, frozenset())]
            elif isinstance(question, Fills):
                meanings = [FillView(f) for f in (fills or {}).get(question.symbol or "", [])]  # type: ignore[arg-type]
            elif isinstance(question, OrderById):
                meanings = [
                    OrderView(
                        order(question.key.order_id, filled="1", end=End.FILLED, at=9, symbol=question.key.venue_symbol)
                    )
                ]
            driver.do(Answered(number, Reply(200, {}, driver.word(meanings).encode())))  # type: ignore[arg-type]
        if driver.session.status().phase == "live":
            return
        driver.advance(5)
        driver.hear()
    raise AssertionError("not live")


def test_a_symbol_is_learnt_from_balances() -> None:
    """A trade on a symbol nobody told us of moves two assets: their market is asked about, and its fill told."""
    driver = spot()
    driver.begin()
    driver.prove()
    settle_with(driver, {"BTC": "10", "ETH": "10", "USDT": "1000"})
    driver.lose()
    driver.advance(1)
    driver.prove()
    traded = execution("5", of="5", symbol="ETHBTC", price="0.5", at=9)
    settle_with(driver, {"BTC": "9.5", "ETH": "11", "USDT": "1000"}, {"ETHBTC": [traded]})
    assert [e.venue_symbol for e in driver.told(Fill)] == ["ETHBTC"]
    assert driver.told(GapClosed)[-1].complete


def test_a_balance_that_nothing_explains_is_named() -> None:
    """Money that came or went in the gap without a fill is named in the verdict."""
    driver = spot()
    driver.begin()
    driver.prove()
    settle_with(driver, {"BTC": "10", "USDT": "1000"})
    driver.lose()
    driver.advance(1)
    driver.prove()
    settle_with(driver, {"BTC": "10", "USDT": "900"})
    closed = driver.told(GapClosed)[-1]
    assert isinstance(closed, GapClosed)
    assert [(u.what, u.name) for u in closed.unresolved] == [("asset", "USDT")]


def test_a_transfer_that_the_stream_told_explains_a_balance() -> None:
    """A deposit told live is no mystery later."""
    driver = spot()
    driver.begin()
    driver.prove()
    settle_with(driver, {"USDT": "1000"})
    driver.say(Moved("USDT", Decimal(50)))
    driver.advance(6)
    driver.lose()
    driver.advance(1)
    driver.prove()
    settle_with(driver, {"USDT": "1050"})
    assert driver.told(GapClosed)[-1].complete


def test_the_status_says_how_late_the_last_live_fact_was() -> None:
    """Its receipt less its time at the venue; neither a fact without a time nor what REST recovers changes that."""

    def lag(driver: Driver) -> tuple[int | None, int | None]:
        status = driver.session.status()
        return status.lag_ns, status.fact_ns

    driver = Driver()
    driver.go_live(order(at=0), fills=[execution(at=0.5)])
    assert lag(driver) == (None, None)
    driver.advance(10)
    driver.hear()
    at_s = driver.now.mono_ns / SECOND
    driver.say(OrderView(order(filled="0.5", at=at_s - 0.25)))
    assert lag(driver) == (SECOND // 4, driver.now.wall_ns)
    driver.say(FillView(execution("2", at=at_s - 2)))
    assert lag(driver) == (2 * SECOND, driver.now.wall_ns)
    driver.say(OrderView(replace(order(filled="1", at=at_s), updated_ns=None)))
    assert lag(driver) == (2 * SECOND, driver.now.wall_ns)


def test_restart_from_a_checkpoint() -> None:
    """A session that is given a checkpoint knows its open orders and looks back from where the last one was good."""
    first = Driver()
    first.go_live(order())
    checkpoint = first.session.checkpoint()
    second = Driver()
    second.session.restored = Restored(checkpoint=checkpoint, orders=(order(),))
    second.do(Started())
    opened = second.told(GapOpened)[0]
    assert isinstance(opened, GapOpened)
    assert checkpoint.good_ns == opened.since_ns
    assert ORDER in second.session.ledger.open


@pytest.mark.parametrize(
    ("machine_ns", "set_ns", "since_ns"),
    [
        (0, 0, T0),
        (HOUR, 0, T0),
        (-HOUR, 0, T0),
        (HOUR, -2 * HOUR, T0 + 10 * SECOND),  # the machine's clock was set meanwhile: it seems that no time has passed
        (-HOUR, 400 * DAY, T0 + 10 * SECOND - 7 * DAY),  # ... or that more has than a start can take
    ],
)
def test_a_start_that_never_knew_the_time_is_gone_on_with(machine_ns: int, set_ns: int, since_ns: int) -> None:
    """A process told by its machine's clock that it begins, and was killed: the next one owes what has been since."""
    first, second = Driver(), Driver()
    first.now = Now(0, T0 + machine_ns)
    first.do(Started())
    first.do(Unclocked("no route"))
    assert len(first.told(GapOpened)) == 1
    checkpoint = first.session.checkpoint()
    assert (checkpoint.guessed, checkpoint.good_ns) == (True, T0 + machine_ns - first.session.venue.plan.lag_ns)
    second.session.restored = Restored(checkpoint=checkpoint)
    second.now = Now(0, T0 + 10 * SECOND + machine_ns + set_ns)
    second.do(Started())
    second.now = Now(0, T0 + 10 * SECOND)
    second.do(Clocked())
    assert [gap.since_ns for gap in second.told(GapOpened)] == [since_ns]
    assert not second.session.checkpoint().guessed


@pytest.mark.parametrize("looked_back", [True, False])
def test_a_restart_knows_the_open_orders_only_if_they_were_ever_asked_for(looked_back: bool) -> None:
    """A run that ended before its first verdict did not know which orders were open."""
    first, second = Driver(), Driver()
    first.begin()
    if looked_back:
        first.advance(1)
        first.prove()
        first.settle()
    second.session.restored = Restored(checkpoint=first.session.checkpoint())
    second.go_live()
    scope = second.told(GapClosed)[-1].scope
    assert scope.orders_since_ns == (None if looked_back else T0)


def test_every_happening_before_the_start_is_harmless() -> None:
    """Numbers that were never given are not heard."""
    driver = Driver()
    for happening in (Connected(7), Received(7, (b"x",), 0), Lost(7, "x"), Overflowed(7)):
        driver.session.handle(happening, driver.now)
    assert Range() == Range(0, 0)
