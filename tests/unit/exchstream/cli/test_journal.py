"""`exchstream journal`: what it shows, writes and finds, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchstream import jsonlines
from exchstream.cli import journal as module
from exchstream.cli import main
from exchstream.core.state import Checkpoint
from exchstream.events import Event
from exchstream.journal.store import Batch, Retention, Store
from exchstream.jsonlines import from_json
from exchstream.model import End, OrderKind
from tests.unit.exchstream.journal.told import T0, batch, checkpoint, fill, gap, placed, tell, update

HOUR = 3_600 * 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A journal that a process has open."""
    made = Store(tmp_path / "orders.db")
    tell(made, gap(), update("7"), update("8", kind=OrderKind.ALGO), account="production:toy:main")
    tell(made, fill("1", "9"), update("9", end=End.FILLED, filled="0.1"), fill("1", "9"), account="production:toy:mm")
    made.commit(Batch(readers={"bot": 2, "stream": 6}))
    yield made
    made.close()


@pytest.fixture
def run(store: Store, capfdbinary: pytest.CaptureFixture[bytes]):
    """Run one command on the journal: its code and the lines of its output."""

    def running(command: str, *options: str) -> tuple[int, list[str]]:
        code = main(["journal", command, str(store.path), *options])
        out, err = capfdbinary.readouterr()
        return code, (out or err).decode().splitlines()

    return running


def events(lines: list[str]) -> list[Event]:
    """The events in the JSON form."""
    return [from_json(line.encode()) for line in lines]


# ------------------------------------------------------------------------------------------------ show


def test_show(run, store: Store) -> None:
    """Events, positions, times, keys, accounts with their open orders, readers with their lag, sizes."""
    code, lines = run("show")
    assert (code, lines[:-1]) == (
        0,
        [
            "events    5: 3 order_update, 1 fill, 1 gap_opened",
            "positions 1 to 6",
            "times     2026-11-18 11:06:40.000Z to 2026-11-18 11:06:40.000Z",
            "fills     1 known by key",
            "account   production:toy:main: proven until 2026-11-18 11:06:40.000Z, 1 symbols, 2 open orders",
            "          order 7  BTCUSDT  - - @ 100  new, filled 0",
            "          algo order 8  BTCUSDT  - - @ 100  new, filled 0",
            "account   production:toy:mm: proven until 2026-11-18 11:06:40.000Z, 1 symbols, 0 open orders",
            "reader    bot: at 2, 4 behind",
            "reader    stream: at 6, 0 behind",
        ],
    )
    assert lines[-1].startswith("size      ")
    assert lines[-1].endswith(" in orders.db-wal")


def test_show_of_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A journal to which nothing was told yet."""
    Store(tmp_path / "new.db").close()
    assert main(["journal", "show", str(tmp_path / "new.db")]) == 0
    assert capfd.readouterr().out.splitlines()[:2] == ["events    0", "positions none kept, the last was 0"]


def test_show_names_few_orders(run, store: Store) -> None:
    """Of many open orders some, and how many more there are."""
    tell(store, *(update(str(number)) for number in range(100, 130)), account="production:toy:mm")
    _, lines = run("show")
    assert "          and 10 more" in lines


def test_show_says_what_was_let_go(run, store: Store) -> None:
    """The positions are those that are kept."""
    tell(store, gap(T0 + HOUR), good_ns=T0 + HOUR, account="production:toy:main")
    store.commit(
        Batch(
            checkpoints={name: checkpoint(T0 + HOUR) for name in ("production:toy:main", "production:toy:mm")},
            readers={"bot": 7, "stream": 7},
        )
    )
    store.trim(Retention(1, 10**12))
    assert run("show")[1][1] == "positions 7 to 7"


# ------------------------------------------------------------------------------------------------ export


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("--after 0", [1, 2, 3, 4, 5]),
        ("--after 3", [4, 5]),
        ("--after 6", []),
        ("--after 99", []),
        ("--kind fill", [4]),
        ("--kind fill --kind gap_opened", [1, 4]),
        ("--kind order_update --after 2", [3, 5]),
        ("--account main", [1, 2, 3, 4, 5]),
        ("--account toy:main", [1, 2, 3, 4, 5]),
        ("--account mm", []),
        ("--format jsonl", [1, 2, 3, 4, 5]),
    ],
)
def test_export(run, store: Store, options: str, expected: list[int]) -> None:
    """All events or some, in the JSON form, exactly as they were told."""
    code, lines = run("export", *options.split())
    assert (code, expected) == (0, [event.position for event in events(lines)])
    told = {event.position: event for event in store.read(0, 100)}
    assert [told[position] for position in expected] == events(lines)


def test_export_as_a_table(run) -> None:
    """Every line has every column; what has parts is JSON, what is absent is empty."""
    code, lines = run("export", "--format", "csv")
    rows = list(csv.DictReader(lines))
    assert (code, len(rows)) == (0, 5)
    assert list(module.COLUMNS) == list(rows[0])
    assert [row["event"] for row in rows] == ["gap_opened", "order_update", "order_update", "fill", "order_update"]
    assert (rows[3]["quantity"], rows[3]["fee"], rows[3]["recovered"], rows[3]["time_ns"]) == (
        "0.1",
        "",
        "false",
        str(T0),
    )


def test_the_columns_are_the_names_of_the_json_form() -> None:
    """None is missing but those that fit no cell, and none is invented."""
    fields = {name for line in jsonlines._Line.__subclasses__() for name in line.__struct_fields__}
    assert fields - {"v", "raw"} | {"event"} == set(module.COLUMNS)
    assert len(module.COLUMNS) == len(set(module.COLUMNS))
    assert set(module.NAMES.values()) == {line.__struct_config__.tag for line in jsonlines._Line.__subclasses__()}


def test_cells_that_have_parts() -> None:
    """They are JSON."""
    assert [module._cell(value) for value in (True, [1], {"a": None}, None, "x", 1)] == [
        "true",
        "[1]",
        '{"a": null}',
        None,
        "x",
        1,
    ]


def test_export_of_much(run, store: Store) -> None:
    """More than is written at once."""
    store.commit(batch(placed((gap() for _ in range(3_000)), store.last), account="production:toy:main"))
    code, lines = run("export")
    assert (code, len(lines)) == (0, 3_005)


def test_what_was_let_go_is_not_passed_over(run, store: Store) -> None:
    """Whoever names a position that is gone is told so; whoever names none begins with what is there."""
    store.trim(Retention(10**18, 1))
    code, lines = run("export", "--after", "0")
    assert code == 5
    assert lines == [f"exchstream: the output is read too slowly: {store.floor} events have left memory unread"]
    assert run("export")[0] == 0


def test_who_stops_reading_ends_it(store: Store) -> None:
    """`exchstream journal export FILE | head -1` ends quietly."""
    store.commit(batch(placed((gap() for _ in range(9_000)), store.last), account="production:toy:main"))
    command = [sys.executable, "-m", "exchstream", "journal", "export", str(store.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["position"] == 1
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (141, b"")


def test_a_full_disk_is_an_error_of_the_output(store: Store) -> None:
    """And not of the journal."""
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "exchstream", "journal", "export", str(store.path)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"exchstream: [Errno 28] {os.strerror(28)}\n")


# ------------------------------------------------------------------------------------------------ verify


def test_verify(run, store: Store) -> None:
    """Sound; and after somebody has meddled with it, not."""
    assert run("verify") == (0, ["sound: 5 records, 1 keys of fills"])
    db = sqlite3.connect(store.path)
    db.execute("update reader set position = 99 where name = 'bot'")
    db.execute("delete from fill")
    db.commit()
    db.close()
    code, lines = run("verify")
    assert (code, lines) == (
        6,
        [
            "position 4: fill 1 of order 9 on BTCUSDT has no key",
            "reader 'bot' stands at 99, behind the last position, 6",
            "NOT sound, 2 faults: 5 records, 0 keys of fills",
        ],
    )


def test_verify_of_many_faults(run, store: Store) -> None:
    """The first hundred are told."""
    tell(store, *(gap() for _ in range(150)), account="production:toy:main")
    store._db.execute("update record set kind = 9")
    code, lines = run("verify")
    assert (code, len(lines)) == (6, 102)
    assert lines[-2:] == ["and 56 faults more", "NOT sound, 156 faults: 155 records, 1 keys of fills"]


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize("command", ["show", "export", "verify"])
def test_what_is_no_journal_is_one_line(command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, and one that is something else."""
    notes = tmp_path / "notes.txt"
    notes.write_text("my notes")
    for path, expected in ((tmp_path / "typo.db", "there is no journal"), (notes, "is no journal of exchstream")):
        assert main(["journal", command, str(path)]) == 1
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("exchstream: ")
        assert expected in err


def test_a_folder_is_no_journal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In our words, not in the system's."""
    assert main(["journal", "show", str(tmp_path)]) == 1
    assert capfd.readouterr().err == f"exchstream: {tmp_path} is no journal but a directory: name a file in it\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--after -1", "--after -1: positions begin with 1"),
        ("--after x", "--after"),
        ("--kind trade", "--kind"),
        ("--format xml", "--format"),
    ],
)
def test_wrong_usage(run, options: str, expected: str) -> None:
    """One line, and what is wrong in it."""
    code, (line,) = run("export", *options.split())
    assert code == 2
    assert expected in line


@pytest.mark.parametrize("account", ["typo", "toy:typo", "production:toy:main"])
def test_an_account_that_is_not_there_is_said(run, account: str) -> None:
    """It is not taken for one of which nothing was told."""
    code, (line,) = run("export", "--account", account)
    assert code == 1
    assert f"has no account '{account}'; it has toy:main, toy:mm" in line


def test_checkpoints_are_needed_for_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An account whose times no calendar holds is shown all the same."""
    store = Store(tmp_path / "odd.db")
    told = Checkpoint(good_ns=2**62, floor_ns=0, balances=checkpoint().balances)
    store.commit(Batch(checkpoints={"a\x1b[2J": told}))
    store.close()
    assert main(["journal", "show", str(store.path)]) == 0
    assert "account   a?[2J: proven until 2116-" in capfd.readouterr().out


# ------------------------------------------------------------------------------------------------ handover


def test_handover(run, store: Store) -> None:
    """While a bot writes the file it is refused; then an account goes on under a new key, and no other name does."""
    store.recognise({"production:toy:main": "the old key"})
    code, lines = run("handover", "production:toy:main")
    assert (code != 0, "in use by" in lines[0]) == (True, True)
    store.close()
    assert run("handover", "production:toy:main") == (0, ["production:toy:main goes on under the key that comes next"])
    code, lines = run("handover", "nobody")
    assert (code != 0, lines[0].endswith("it has production:toy:main, production:toy:mm")) == (True, True)
    again = Store(store.path)
    again.recognise({"production:toy:main": "the new key"})
    again.close()


def test_handover_of_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A journal that is not there is not begun."""
    path = tmp_path / "none.db"
    assert main(["journal", "handover", str(path), "a"]) == 2
    assert f"there is no journal {path}" in capfd.readouterr().err
    assert not path.exists()
