"""The audit by itself: what two looks at REST must show before the stream is not believed any more."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from msgspec.structs import replace

from exchstream.core.audit import Audit, Finding
from exchstream.core.balances import Balances as Sheet
from exchstream.core.happenings import Now
from exchstream.core.ledger import Ledger
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import SECOND, FillView, Holdings, Meaning, OrderById, OrderView, Question, Snapshot
from exchstream.model import End, Market, OrderKey, OrderKind, Stage

from .toy import PLAN, T0, execution, order

BEAT_NS = 30 * SECOND
NONE_OPEN = Snapshot(OrderKind.ORDER, frozenset())


@attrs.define
class Auditor:
    """An audit that is given its answers, look by look."""

    ledger: Ledger = attrs.field(factory=lambda: Ledger(floor_ns=T0))
    sheet: Sheet = attrs.field(factory=Sheet)
    seconds: int = 100
    asked: list[Question] = attrs.field(factory=list)
    audit: Audit = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        plan = attrs.evolve(PLAN, balances=True)
        self.audit = Audit(plan=plan, ledger=self.ledger, sheet=self.sheet, next_ns=0, lag_ns=plan.lag_ns)

    def look(self, *answers: Meaning, gone: tuple[OrderKey, ...] = ()) -> str | None:
        """One look: what is asked, these answers, and the word on it."""
        self.seconds += 30
        now = Now(self.seconds * SECOND, T0 + self.seconds * SECOND)
        self.asked = self.audit.begin(now, ["BTCUSDT"])
        for meaning in answers:
            self.audit.heard(meaning)
        for key in gone:
            self.audit.refused(OrderById(key))
        assert self.audit.look is not None
        self.audit.look.owed.clear()
        found = self.audit.answered(now, BEAT_NS)
        return None if found is None else found.why

    def by_id(self) -> list[OrderKey]:
        """The orders that the last look asked for by id."""
        return [question.key for question in self.asked if isinstance(question, OrderById)]


def with_open(*numbers: str) -> Auditor:
    """An auditor whose ledger has these open orders."""
    auditor = Auditor()
    for number in numbers:
        auditor.ledger.view(order(number))
    return auditor


def test_who_wants_a_look_at_once_takes_no_grace_from_the_second() -> None:
    """What one look showed may still be on its way, however much somebody wishes to know."""
    auditor = Auditor()
    assert auditor.look() is None
    at_once = Now(auditor.seconds * SECOND + 1, T0)
    auditor.audit.hasten(at_once)
    assert auditor.audit.next_ns == at_once.mono_ns
    assert auditor.look(FillView(execution("7"))) is None
    auditor.audit.hasten(Now(auditor.seconds * SECOND + 1, T0))
    assert auditor.audit.next_ns == auditor.seconds * SECOND + PLAN.audit.grace_ns


def test_what_one_look_shows_may_still_be_on_its_way() -> None:
    """A fill that nobody told is a gap when a second look shows it too, and none if it was told meanwhile."""
    fill = FillView(execution("7"))
    one, two = Auditor(), Auditor()
    assert one.look(fill) is None
    assert two.look(fill) is None
    two.ledger.fill(fill.execution, live=True)
    assert one.look(fill) == "fill 7 of BTCUSDT is new"
    assert two.look(fill) is None


def test_what_only_the_second_look_shows_is_looked_at_once_more() -> None:
    """After a grace, not a beat: what came to nothing in the first look must not hide what was lost since."""
    auditor, fill, told = Auditor(), FillView(execution("8")), FillView(execution("7"))
    assert auditor.look(told) is None
    auditor.ledger.fill(told.execution, live=True)
    assert auditor.look(told, fill) is None
    assert auditor.audit.next_ns == auditor.seconds * SECOND + PLAN.audit.grace_ns
    assert auditor.look(told, fill) == "fill 8 of BTCUSDT is new"


def test_an_order_that_only_the_second_look_misses_is_asked_for_by_the_third() -> None:
    """That of the first has been asked for, and is open."""
    auditor = with_open("1", "2")
    still, ended = OrderView(order("1")), OrderView(order("2", end=End.CANCELED, at=50))
    assert auditor.look(Snapshot(OrderKind.ORDER, frozenset({ended.state.key}))) is None
    assert auditor.look(NONE_OPEN, still) is None
    assert auditor.look(NONE_OPEN, ended) == "order 2 has moved"
    assert auditor.by_id() == [ended.state.key]


def test_a_look_across_a_measurement_allows_for_the_worse_clock() -> None:
    """It was asked by the one and is judged by the other; the next one knows only the new clock."""
    auditor = Auditor()
    young = FillView(execution("7", at=125 - PLAN.lag_ns / SECOND))
    now = Now(130 * SECOND, T0 + 130 * SECOND)
    auditor.audit.allow(PLAN.lag_ns + 9 * SECOND)
    auditor.audit.begin(now, ["BTCUSDT"])
    auditor.audit.allow(PLAN.lag_ns)
    auditor.audit.heard(young)
    assert auditor.audit.look is not None
    assert not auditor.audit.look.fills
    auditor.audit.look.owed.clear()
    assert auditor.audit.answered(now, BEAT_NS) is None
    assert auditor.audit.proven_ns([]) == now.wall_ns - PLAN.lag_ns - 9 * SECOND
    assert auditor.look(young) is None
    assert auditor.look(young) == "fill 7 of BTCUSDT is new"


def test_that_a_young_order_is_missing_says_nothing() -> None:
    """REST that lags does not know it yet."""
    auditor = Auditor()
    created_ns = T0 + 130 * SECOND - PLAN.lag_ns
    for number, late_ns in (("1", 0), ("2", 1)):
        auditor.ledger.view(replace(order(number), created_ns=created_ns + late_ns))
    assert auditor.look(NONE_OPEN) is None
    auditor.look(NONE_OPEN)
    assert auditor.by_id() == [order("1").key]


def test_a_missing_order_is_asked_for_by_id() -> None:
    """Missing from the open ones in both looks, and by its own answer as open as ever: nothing is wrong."""
    auditor = Auditor()
    triggered = order("1", stage=Stage.TRIGGERED)
    auditor.ledger.view(triggered)
    for _ in range(4):  # look, look by id, and again
        assert auditor.look(NONE_OPEN) is None
        assert auditor.by_id() == []
        assert auditor.look(NONE_OPEN, OrderView(triggered)) is None
        assert auditor.by_id() == [triggered.key]


@pytest.mark.parametrize(("before", "after"), [(Stage.PENDING_NEW, Stage.NEW), (Stage.NEW, Stage.TRIGGERED)])
def test_an_order_that_has_come_further_is_a_gap(before: Stage, after: Stage) -> None:
    """The leg of a list that was set free, a conditional order that has triggered; the other way round REST is late."""
    auditor = Auditor()
    auditor.ledger.view(order("1", stage=before))
    assert auditor.look(OrderView(order("1", stage=after, at=50))) is None
    assert auditor.look(OrderView(order("1", stage=after, at=50))) == "order 1 has moved"
    auditor = Auditor()
    auditor.ledger.view(order("1", stage=after, at=50))
    for _ in range(2):
        assert auditor.look(OrderView(order("1", stage=before))) is None


def test_a_missing_order_that_has_ended_is_a_gap() -> None:
    """Its own answer says that it has ended."""
    auditor = with_open("1")
    assert auditor.look(NONE_OPEN) is None
    assert auditor.look(NONE_OPEN, OrderView(order("1", end=End.CANCELED, at=50))) == "order 1 has moved"


def test_a_missing_order_that_nobody_knows_is_a_gap() -> None:
    """The venue does not know it any more."""
    auditor = with_open("1")
    assert auditor.look(NONE_OPEN) is None
    assert auditor.look(NONE_OPEN, gone=(order("1").key,)) == "order 1 is not open any more"


def test_so_many_missing_orders_are_asked_for_and_no_more() -> None:
    """A thousand orders that were cancelled at once do not become a thousand questions."""
    auditor = with_open(*map(str, range(100, 1_100)))
    auditor.look(NONE_OPEN)
    auditor.look(NONE_OPEN)
    assert len(auditor.by_id()) == SessionLimits().audit_absent


def test_a_position_that_moved_is_a_gap() -> None:
    """The fill was on a symbol that nobody named, so that no listing could show it: its position does."""
    auditor = Auditor()
    auditor.sheet.agree(Holdings({}), T0, T0)
    held = Holdings({"SOLUSDT": Decimal(-3)}, frozenset({"SOLUSDT"}))
    assert auditor.look(held) is None
    assert auditor.look(held) == "SOLUSDT has moved"


def test_a_position_that_executions_explain_is_none() -> None:
    """What was bought and sold is the position; profit, fees and funding say nothing."""
    auditor = Auditor()
    market = Market("SOLUSDT", "SOL/USDT:USDT", "SOL", "USDT", settle="USDT")
    auditor.sheet.agree(Holdings({"SOLUSDT": Decimal(-3)}), T0, T0)
    bought = replace(execution("1", symbol="SOLUSDT", quantity="3"), fee=Decimal(1), fee_asset="USDT")
    auditor.sheet.executed(bought, market, T0)
    assert [auditor.look(Holdings({})), auditor.look(Holdings({}))] == [None, None]


def test_a_look_by_a_wrong_clock_is_put_off() -> None:
    """Its answers would be judged by the wrong time: another look follows soon, and what the first one saw counts."""
    auditor = Auditor()
    fill = FillView(execution("7"))
    auditor.look(fill)
    now = Now(200 * SECOND, T0 + 200 * SECOND)
    auditor.audit.begin(now, ["BTCUSDT"])
    assert auditor.audit.put_off("too early", now) is None
    assert (auditor.audit.look, auditor.audit.next_ns) == (None, 210 * SECOND)
    assert auditor.look(fill) == "fill 7 of BTCUSDT is new"


def test_a_clock_that_stays_wrong_is_told() -> None:
    """Where every look is put off, nobody knows whether all is well: elsewhere since the holdings agreed."""
    auditor = Auditor()
    auditor.audit.sheet.agreed_ns = T0 + 5 * SECOND
    found = []
    for second in range(0, 601, 10):
        now = Now(second * SECOND, T0 + second * SECOND)
        auditor.audit.begin(now, ["BTCUSDT"])
        found.append(auditor.audit.put_off("too early", now))
    assert found[:-1] == [None] * 60
    why = "the account cannot be asked about for 10 minutes: too early"
    assert found[-1] == Finding(why, blind=True, since_ns=T0 + 5 * SECOND)
