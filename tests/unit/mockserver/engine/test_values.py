"""Units, identifiers, versions and stores: the small parts under the engine."""

import itertools
from decimal import Decimal

import attrs
import pytest

from mockserver.engine import orders as orders_module
from mockserver.engine import versions as versions_module
from mockserver.engine.ids import BINANCE_FUTURES_IDS, BINANCE_SPOT_IDS, FTX_IDS, Ids
from mockserver.engine.types import (
    AlgoStatus,
    Cancel,
    Fill,
    Kind,
    Side,
    atoms_to_decimal,
    decimal_to_atoms,
)
from mockserver.engine.versions import Versions
from tests.unit.mockserver.engine.markets import NOW, SPOT, do, engine_of, limit, number, spot


def test_units_convert_exactly() -> None:
    """Prices, quantities and amounts go to integers and back without rounding."""
    instrument = spot()
    assert instrument.to_ticks(Decimal("100.07")) == 10007
    assert instrument.price(10007) == Decimal("100.07")
    assert instrument.to_steps(Decimal("1.5")) == 1500
    assert instrument.quantity(1500) == Decimal("1.5")
    assert atoms_to_decimal(instrument.notional(10007, 1500)) == Decimal("150.105")
    assert decimal_to_atoms(Decimal("-0.00000001")) == -1
    assert decimal_to_atoms(Decimal("123456789012345678901234.5")) == 12345678901234567890123450000000


@pytest.mark.parametrize("text", ["100.001", "1E-30", "NaN", "Infinity", "1" + "0" * 70 + ".001", "1E+999999999"])
def test_what_is_not_on_the_grid_is_refused(text: str) -> None:
    """A price between two ticks, too fine, too large or not a number raises ValueError."""
    with pytest.raises(ValueError):
        spot().to_ticks(Decimal(text))


def test_instrument_whose_lots_are_no_whole_atoms_is_refused() -> None:
    """tick * step below 1e-8 would make trades inexact, so such an instrument cannot be made."""
    terms = {field.name: getattr(spot(), field.name) for field in attrs.fields(type(spot())) if field.init}
    with pytest.raises(ValueError):
        type(spot())(**terms | {"tick": Decimal("0.000001"), "min_notional": Decimal(0)})


def test_average_price() -> None:
    """The average is the quote amount over the quantity; of nothing there is none."""
    assert spot().average_price(30 * 10**8, 200) == Decimal(150)
    assert spot().average_price(0, 0) is None


def test_ids_rise_with_holes_and_repeat_with_the_seed() -> None:
    """One seed gives one sequence, counters rise by at most the hole, each instrument has its own on Binance."""
    first, again, other = Ids(BINANCE_SPOT_IDS, 1), Ids(BINANCE_SPOT_IDS, 1), Ids(BINANCE_SPOT_IDS, 2)
    sequence = [first.order("A") for _ in range(50)]
    assert [again.order("A") for _ in range(50)] == sequence
    assert [other.order("A") for _ in range(50)] != sequence
    steps = {later - earlier for earlier, later in itertools.pairwise(sequence)}
    assert steps == {1, 2, 3}
    assert first.order("B") == BINANCE_SPOT_IDS.order_start
    ftx = Ids(FTX_IDS, 1)
    assert ftx.order("A") < ftx.order("B")
    assert ftx.trade("A") < ftx.trade("B")


def test_other_ids() -> None:
    """Algo ids have their own space; forced orders have the venue's client ids, on FTX none."""
    futures = Ids(BINANCE_FUTURES_IDS, 1)
    assert futures.algo() > 10**15
    assert futures.execution("A") < futures.execution("A")
    assert futures.forced_client(Kind.ADL) == "adl_autoclose"
    assert Ids(FTX_IDS, 1).forced_client(Kind.ADL) is None


def test_versions_answer_for_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value as of a moment is the last one put at or before it; one time keeps its last; old ones may be cut."""
    versions = Versions(10, "a")
    versions.put(20, "b")
    versions.put(20, "c")
    assert [versions.at(moment) for moment in (9, 10, 19, 20, None)] == [None, "a", "a", "c", "c"]
    monkeypatch.setattr(versions_module, "VERSIONS_KEPT", 2)
    versions.put(30, "d")
    assert [versions.at(moment) for moment in (10, 25, 30)] == ["c", "c", "d"]


def test_only_so_many_closed_orders_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit the oldest closed order is forgotten with its client id; open ones stay."""
    monkeypatch.setattr(orders_module, "KEPT_CLOSED", 1)
    engine = engine_of(spot())
    still = number(do(engine, limit("alice", Side.BUY, 9000, 1000)))
    ids = [number(do(engine, limit("alice", Side.BUY, 9000, 1000, client_id=f"c{n % 2}"))) for n in range(2)]
    for order_id in ids:
        do(engine, Cancel(account="alice", instrument=SPOT, order_id=order_id))
    assert [view.order_id for view in engine.orders("alice")] == [still, ids[1]]
    assert engine.order_by_client_id("alice", "c0") is None
    assert engine.order_by_client_id("alice", "c1") is not None


def test_open_orders_of_a_moment_include_those_closed_since() -> None:
    """An order filled at t is open as of t-1 and not as of t."""
    engine = engine_of(spot())
    order_id = number(do(engine, limit("alice", Side.BUY, 9000, 1000)))
    engine.apply(Fill(instrument=SPOT, order_id=order_id), NOW + 10)
    assert [view.filled for view in engine.open_orders("alice", as_of_ns=NOW + 9)] == [0]
    assert engine.open_orders("alice", as_of_ns=NOW + 10) == ()
    assert engine.order(SPOT, order_id, as_of_ns=NOW - 1) is None
    assert AlgoStatus.NEW.is_open
