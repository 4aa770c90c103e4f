"""What must be true of a journal: a sound one is found to be sound, and each fault is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from exchstream.events import Event
from exchstream.journal import verify as module
from exchstream.journal.file import reading
from exchstream.journal.records import FILL, ORDER_UPDATE, encode
from exchstream.journal.store import Batch, Store
from exchstream.journal.verify import Findings, verify
from exchstream.model import End, OrderKey, OrderKind

from .told import SYMBOL, T0, checkpoint, fill, gap, placed, tell, update


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with something of everything, closed."""
    path = tmp_path / "orders.db"
    store = Store(path)
    tell(store, gap(), update("1"), update("2"), update("1", kind=OrderKind.ALGO), update("gone"))
    tell(store, fill("1", "1", quantity="0.1"), update("1", filled="0.1"), fill("1", "1"), fill("2", "2"))
    tell(store, update("2", end=End.CANCELED), update("2", end=End.FILLED, filled="0.1"), account="a")
    tell(store, update("1"), fill("1", "1"), account="b")
    store.commit(Batch(checkpoints={"a": checkpoint(T0, OrderKey(SYMBOL, "gone"))}, readers={"bot": 3}))
    store.close()
    return path


def findings(path: Path) -> Findings:
    """What the check says."""
    with reading(path) as db:
        return verify(db)


def tampered(path: Path, *statements: tuple[str, tuple[object, ...]] | str) -> Findings:
    """What it says after somebody has changed the file by hand."""
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(*((statement,) if isinstance(statement, str) else statement))
    db.commit()
    db.close()
    return findings(path)


def test_a_sound_journal_is_sound(path: Path) -> None:
    """Also while a process writes it."""
    assert findings(path) == Findings(12, 3, ())
    store = Store(path)
    tell(store, update("1", filled="0.2"), fill("3"))
    assert findings(path) == Findings(14, 4, ())
    store.close()


def test_another_epochs_orders_and_fills_have_the_same_ids(path: Path) -> None:
    """An order that works under the id of one that has ended is another one, and so is its fill."""
    store = Store(path)
    works, part = (replace(update("2", filled=filled), epoch=1) for filled in ("0", "0.1"))
    assert tell(store, works, part, replace(fill("2", "2"), epoch=1)) == []
    store.close()
    assert findings(path).faults == ()


def test_a_journal_of_which_much_was_let_go_is_sound(path: Path) -> None:
    """Keys without records, orders of whose life a part is missing."""
    assert tampered(path, "delete from record where position <= 7", "update span set floor = 7") == Findings(5, 3, ())


def test_an_empty_journal_is_sound(tmp_path: Path) -> None:
    """Nothing contradicts itself in it."""
    Store(tmp_path / "x").close()
    assert findings(tmp_path / "x") == Findings(0, 0, ())


def record(event: Event, position: int, kind: int, account: int = 1) -> tuple[str, tuple[object, ...]]:
    """A record as nobody would have written it."""
    placed([event], position - 1)
    return "insert or replace into record values (?, ?, ?, ?, ?)", (position, account, kind, T0, encode(event))


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("update record set payload = x'c1' where position = 1", "position 1: a record of the journal cannot be read"),
        ("update record set kind = 9 where position = 1", "position 1: a record of kind 9"),
        ("update record set position = 14 where position = 1", "position 14: it is outside of what is kept, 1 to 13"),
        ("update record set position = 14 where position = 1", "position 14: the event says that it stands at 1"),
        ("update record set account = 77 where position = 1", "position 1: it belongs to no account"),
        ("update record set at_ns = 0 where position = 4", "position 4: time goes back"),
        ("delete from fill where account = 1", "position 6: fill 1 of order 1 on BTCUSDT has no key"),
        (
            "update fill set quantity = '7' where trade_id = '2'",
            "position 9: fill 2 of order 2 on BTCUSDT and its key differ",
        ),
        (
            record(fill("1", "1"), 8, FILL),
            "position 8: fill 1 of order 1 on BTCUSDT was told at position 6 too (G2)",
        ),
        ("delete from record where position = 9", "1 fills have a key, and no record though theirs is not old"),
        (
            record(update("1", filled="0.05"), 8, ORDER_UPDATE),
            "position 8: order 1 on BTCUSDT of a has 0.05 filled, and had 0.1 at position 7 (G3)",
        ),
        (
            record(update("2", filled="0.3"), 13, ORDER_UPDATE),
            "position 13: order 2 on BTCUSDT of a works, and had ended at position 11 (G3)",
        ),
        (
            ("insert into open_order values (1, 'BTCUSDT', '2', 'order', ?)", (encode(update("2").state),)),
            "order 2 on BTCUSDT of a is among the open ones, and its end was told at position 11 (G3)",
        ),
        (
            ("update open_order set state = ?", (encode(update("1", end=End.FILLED).state),)),
            "order 1 on BTCUSDT of a is among the open ones, and has ended",
        ),
        (
            ("update open_order set state = ?", (encode(update("1", filled="0.7").state),)),
            "order 1 on BTCUSDT of a is among the open ones with another state than was told at position 7",
        ),
        ("update open_order set state = x'c1'", "an open order of the journal cannot be read"),
        ("update account set balances = x'c1'", "account a: an account's balances of the journal cannot be read"),
        ("update account set floor_ns = good_ns + 1", "account a: it is proven until before it began"),
        ("update reader set position = 99", "reader 'bot' stands at 99, behind the last position, 13"),
        ("drop table span", "it cannot be read: no such table: span"),
    ],
)
def test_a_fault_is_named(path: Path, statement: tuple[str, tuple[object, ...]] | str, expected: str) -> None:
    """Where it is, what it is, and against which promise."""
    faults = tampered(path, statement).faults
    assert [fault for fault in faults if fault.startswith(expected)], faults


def test_damage_is_told_in_the_words_of_sqlite(path: Path) -> None:
    """A page that is no page any more is a fault of the file, and no crash of the check."""
    with path.open("r+b") as file:
        file.seek(2 * 4_096)
        file.write(b"\xff" * 4_096)
    assert any("SQLite finds" in fault or "cannot be read" in fault for fault in findings(path).faults)


def test_many_faults_are_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads a million lines."""
    monkeypatch.setattr(module, "MAX_FAULTS", 3)
    found = tampered(path, "update record set payload = x'c1'")
    assert (len(found.faults), found.more) == (3, 10)


def test_a_kind_and_its_numbers_stay_together(path: Path) -> None:
    """An event that is decoded as another kind is no event."""
    event = replace(gap(), position=0)
    assert tampered(path, record(event, 1, FILL)).faults
