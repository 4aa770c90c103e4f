"""What another process knows of a test system that was wiped: what a session told goes through a real journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from exchstream.core.venue import SECOND, FillView, OrderView
from exchstream.events import Fill, GapOpened, GapReason, OrderUpdate, place
from exchstream.journal.store import Batch, Store
from exchstream.model import End, OrderState

from .test_promise import WIPES, Books, begin, drop, filled, live_on, serve, settle, told_ids
from .toy import Driver, Toy, order


def restarted(first: Driver, path: Path) -> tuple[Driver, Store]:
    """Another process, which knows what the journal kept of the first one."""
    store = Store(path)
    place(first.events, 0)
    batch = Batch([("main", event) for event in first.events], {"main": first.session.checkpoint()})
    assert store.commit(batch) == []
    second = Driver(Toy(plan=WIPES))
    second.session.restored = store.restore(["main"])["main"]
    second.at(first.now.mono_ns)
    return second, store


def before_the_wipe(done: str, working: str) -> tuple[Driver, Books]:
    """An order that was filled, one that is open, and five minutes."""
    driver, books = Driver(Toy(plan=WIPES)), Books()
    begin(driver, books)
    state, fill = filled(int(done), at=driver.now.mono_ns / SECOND)
    books.orders, books.fills = [state, resting(driver, working)], [fill]
    driver.say(OrderView(state), FillView(fill), OrderView(books.orders[1]))
    live_on(driver, books, 300)
    return driver, books


def resting(driver: Driver, number: str) -> OrderState:
    """An order that is placed now."""
    return replace(order(number, at=driver.now.mono_ns / SECOND), created_ns=driver.now.wall_ns)


def test_a_restart_knows_which_ids_are_old(tmp_path: Path) -> None:
    """What was told before a wipe is not taken for what has the ids now."""
    first, books = before_the_wipe("1", "2")
    state, fill = filled(1, at=first.now.mono_ns / SECOND)
    books.orders, books.fills = [state], [fill]
    drop(first)
    settle(first, books)
    second, store = restarted(first, tmp_path / "orders.db")
    begin(second, books)
    assert told_ids(second) == ([], [])
    live_on(second, books, 100)
    at = second.now.mono_ns / SECOND
    again, other = filled(1, at=at)
    books.orders, books.fills = [again], [other]
    second.say(OrderView(again), FillView(other))
    settle(second, books)
    assert told_ids(second) == ([("1", 2)], [("1", "filled", 2)])
    store.close()


@pytest.mark.parametrize("proven", [True, False])
def test_a_restart_knows_the_elders_of_the_order_that_showed_a_wipe(tmp_path: Path, proven: bool) -> None:
    """The stream tells a young order, REST then those that were placed while nobody listened: all are of this epoch."""
    first, books = before_the_wipe("5", "6")
    elder = resting(first, "1")
    first.advance(1)
    done, fill = filled(2, at=first.now.mono_ns / SECOND)
    first.advance(1)
    sign = resting(first, "3")
    books.orders, books.fills = [elder, done, sign], [fill]
    first.say(OrderView(sign))
    serve(first, books)
    assert {(u.order_id, u.epoch) for u in first.told(OrderUpdate)} >= {("1", 1), ("2", 1), ("3", 1)}
    assert [fill.epoch for fill in first.told(Fill)] == [0, 1]
    if proven:
        settle(first, books)
        live_on(first, books, 60)

    second, store = restarted(first, tmp_path / "orders.db")
    second.advance(3600 if proven else 1)
    books.orders[0] = replace(elder, end=End.CANCELED, updated_ns=second.now.wall_ns)
    begin(second, books)
    assert [(u.order_id, u.state.end) for u in second.told(OrderUpdate)] == [("1", End.CANCELED)]
    assert second.told(Fill) == []
    store.close()


def test_a_false_sign_tells_nothing_twice_after_a_restart(tmp_path: Path) -> None:
    """A venue that gives an order another time of creation shows a wipe where none was: what was told, was told."""
    first, books = before_the_wipe("5", "6")
    done, fill = filled(7, at=first.now.mono_ns / SECOND)
    books.orders.append(done)
    books.fills.append(fill)
    first.say(OrderView(done), FillView(fill))
    first.advance(1)
    later = replace(books.orders[1], created_ns=first.now.wall_ns, updated_ns=first.now.wall_ns)
    first.say(OrderView(later))
    assert first.told(GapOpened)[-1].reason is GapReason.WIPED
    second, store = restarted(first, tmp_path / "orders.db")
    begin(second, books)
    assert second.told(Fill) == []
    assert [u.order_id for u in second.told(OrderUpdate) if u.order_id != "6"] == []
    store.close()


def test_the_first_id_of_all_is_an_id() -> None:
    """An order with the id 0 shows no wipe by that alone, again and again."""
    driver, books = Driver(Toy(plan=WIPES)), Books()
    books.orders = [resting(driver, "0")]
    begin(driver, books)
    assert [gap.reason for gap in driver.told(GapOpened)] == [GapReason.START]
