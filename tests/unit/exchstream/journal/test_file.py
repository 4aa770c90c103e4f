"""Which files are opened as a journal, and which are refused: nothing is overwritten, nothing is lost in silence."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from exchstream.core.balances import BalanceState
from exchstream.errors import JournalError, SlowConsumer
from exchstream.events import Event
from exchstream.journal import file as module
from exchstream.journal import store as store_module
from exchstream.journal.file import reading
from exchstream.journal.records import KINDS, encode
from exchstream.journal.store import Retention, Store, events_of
from exchstream.journal.verify import verify

from .told import T0, batch, everything, fill, gap, left_by_a_kill, placed, tell, update

NOBODY: Final = 65_534
FRAME: Final = 24 + 4_096  # bytes of a page in the WAL: walformat.html, 2


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no journal is yet."""
    return tmp_path / "orders.db"


def contents(path: Path) -> dict[str, bytes]:
    """What is on the disk, but for what any look at a WAL database may leave: its lock and its shared memory."""
    found = {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}
    return {name: data for name, data in found.items() if not name.endswith(("-shm", "-lock")) and data}


def made(path: Path, *batches: Sequence[Event]) -> Path:
    """A journal that was closed."""
    store = Store(path)
    for events in batches:
        tell(store, *events)
    store.close()
    return path


def opened(path: Path) -> list[Event]:
    """What an opened journal tells.  Raises JournalError."""
    store = Store(path)
    try:
        return everything(store)
    finally:
        store.close()


# ------------------------------------------------------------------------------------------------ what is none


def a_text(path: Path) -> None:
    path.write_text("my notes\n" * 100)


def a_short_text(path: Path) -> None:
    path.write_text("x")


def nothing(path: Path) -> None:
    path.touch()


def another_database(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("create table record (position)")
    db.execute("insert into record values (1)")
    db.commit()
    db.close()


def another_database_in_wal_mode(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode = wal")
    db.execute("create table record (position)")
    db.close()


def a_newer_journal(path: Path) -> None:
    made(path, [fill()])
    db = sqlite3.connect(path)
    db.execute(f"pragma user_version = {len(module.MIGRATIONS) + 1}")
    db.close()


def only_a_wal(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"x" * FRAME)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (a_text, "is no journal of exchstream, or was cut off: nothing was written to it; choose another name"),
        (a_short_text, "is no journal of exchstream"),
        (nothing, "is empty: it was cut off, or is none; delete it to begin a new one"),
        (another_database, "is no journal of exchstream"),
        (another_database_in_wal_mode, "is no journal of exchstream"),
        (a_newer_journal, rf"was written by a newer version of exchstream \(form {len(module.MIGRATIONS) + 1}\)"),
        (only_a_wal, "is missing, but what belongs to it is there: .*orders.db-wal"),
        (os.mkfifo, "is no regular file: choose another name"),
        (Path.mkdir, "it is a directory: name a file in it"),
    ],
)
def test_what_is_no_journal_of_ours_is_refused(path: Path, there: Callable[[Path], None], expected: str) -> None:
    """With the name of the file and what to do, and no byte of it is changed."""
    there(path)
    before = contents(path)
    with pytest.raises(JournalError, match=expected) as caught:
        Store(path)
    assert str(path) in str(caught.value)
    assert before == contents(path)
    if there is not Path.mkdir and there is not only_a_wal:
        with pytest.raises(JournalError, match=expected), reading(path):
            pytest.fail("it was read")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No folder is made for a name that may be misspelt."""
    with pytest.raises(JournalError, match=r"cannot be written here: there is no folder \S*typo: make it first"):
        Store(tmp_path / "typo" / "orders.db")
    with pytest.raises(JournalError, match="there is no journal"), reading(tmp_path / "typo" / "orders.db"):
        pytest.fail("it was read")
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_lost_its_end_says_what_to_do(path: Path) -> None:
    """SQLite's word for it alone helps nobody."""
    made(path, [fill()])
    with path.open("r+b") as file:
        file.truncate(4096 * 2 + 100)
    for open_it in (lambda: Store(path).close(), lambda: reading(path).__enter__()):
        with pytest.raises(JournalError, match=r"; bring a copy back, with the -wal that belongs to it$"):
            open_it()


# ------------------------------------------------------------------------------------------------ making one


def test_a_new_journal_is_whole_or_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is interrupted while it is made leaves a name that can be taken, and no journal."""

    def fail(db: sqlite3.Connection) -> None:
        db.execute("create table half (made)")
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_migrate", fail)
        with pytest.raises(JournalError, match="disk is full"):
            Store(path)
    assert contents(path) == {}
    Path(f"{path}-unfinished").write_bytes(b"of a process that was killed")
    copy = Path(f"{path}-new")
    copy.write_bytes(b"what somebody wants to keep")
    assert opened(path) == []
    assert [path.name, f"{path.name}-lock", copy.name] == sorted(file.name for file in path.parent.iterdir())


def test_a_name_may_hold_anything_that_a_file_may(tmp_path: Path) -> None:
    """Also what means something in a URI."""
    for name in ("a b", "50%", "what?mode=memory", "#1", "ü", ":memory:"):
        folder = tmp_path / name
        folder.mkdir()
        made(folder / name, [fill()])
        assert len(opened(folder / name)) == 1
        assert (folder / name).is_file()


# ------------------------------------------------------------------------------------------------ versions


def test_an_older_journal_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, all steps or none, with everything in it."""
    made(path, [fill(), update()])
    before = contents(path)
    broken = "create table more (x integer) strict; insert into more values (7); insert into nowhere values (1)"
    with monkeypatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, broken))
        with pytest.raises(JournalError, match="nowhere"):
            Store(path)
    assert before == contents(path)
    steps = ("create table more (x integer) strict; insert into more values (7)", "update more set x = x + 1")
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, *steps))
    for _ in range(2):
        store = Store(path)
        assert (len(everything(store)), store._one("select x from more")) == (2, (8,))
        assert store._one("pragma user_version") == (len(module.MIGRATIONS),)
        store.close()


def of_an_old_form(path: Path, form: int) -> None:
    """A journal as a former version wrote it, before there were epochs: a fill, an open order and an account."""
    told = placed([fill("1", "1"), update("1", filled="0.1")])
    with closing(sqlite3.connect(path)) as db:
        db.executescript("".join(module.MIGRATIONS[:form]))
        db.execute("pragma journal_mode = wal")
        db.execute(f"pragma application_id = {module.APPLICATION_ID}")
        db.execute(f"pragma user_version = {form}")
        columns = "(id, name, identity, good_ns, floor_ns, balances)"
        db.execute(f"insert into account {columns} values (1, 'a', '', ?, ?, ?)", (T0, T0, encode(BalanceState())))
        epoch = "0, " if form >= 3 else ""
        db.execute(f"insert into fill values (1, 'BTCUSDT', '1', '1', {epoch}'0.1', ?, 1)", (T0,))
        state = told[1].state  # type: ignore[union-attr]
        db.execute("insert into open_order values (1, 'BTCUSDT', '1', 'order', ?)", (encode(state),))
        rows = [(e.position, 1, KINDS[type(e)], T0, encode(e)) for e in told]
        assert not any(b"epoch" in row[-1] for row in rows)
        db.executemany("insert into record values (?, ?, ?, ?, ?)", rows)
        db.execute("update span set last = 2")
        db.commit()


@pytest.mark.parametrize("form", [1, 2, 3])
def test_a_journal_of_an_old_form_goes_on(path: Path, form: int) -> None:
    """It is sound as it is; once opened, what it knows is of epoch 0, and the same ids may come in another one."""
    of_an_old_form(path, form)
    for _ in range(2):
        with reading(path) as db:
            assert verify(db).faults == ()
            assert [event.position for _, event in events_of(db)] == [1, 2]
        store = Store(path)
        restored = store.restore(["a"])["a"]
        assert ([state.key.order_id for state in restored.orders], len(restored.entries)) == (["1"], 1)
        assert (restored.checkpoint.eras, restored.checkpoint.late) == ({}, {})
        store.close()
    store = Store(path)
    assert tell(store, fill("1", "1")) == [3]
    assert tell(store, replace(fill("1", "1"), epoch=1)) == []
    store.close()


# ------------------------------------------------------------------------------------------------ cut off

BATCHES: Final[list[list[Event]]] = [[update(str(n)), fill(str(n), str(n)), gap(T0 + n)] for n in range(12)]


@pytest.fixture(scope="module")
def left() -> Iterator[Path]:
    """A journal of twelve commits whose process was killed: the first six are in its file, all but those in the WAL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.db"
        store = Store(path)
        told = placed(event for events in BATCHES for event in events)
        for number in range(12):
            store.commit(batch(told[3 * number : 3 * number + 3]))
            if number == 5:
                store._db.execute("pragma wal_checkpoint(truncate)")
        yield left_by_a_kill(path, Path(folder) / "left")
        store.close()


def test_all_that_was_committed_survives_a_kill(left: Path, tmp_path: Path) -> None:
    """Nobody closed the file, and nothing of it is missing."""
    told = opened(left_by_a_kill(left, tmp_path))
    assert list(range(1, 37)) == [event.position for event in told]


@settings(max_examples=60)
@given(st.data())
def test_of_a_wal_that_was_cut_the_whole_commits_survive(left: Path, data: st.DataObject) -> None:
    """Wherever it was cut: a prefix of what was told, of whole commits, and the orders that go with it."""
    wal = Path(f"{left}-wal").read_bytes()
    edges = [edge + step for edge in range(32, len(wal), FRAME) for step in (-1, 0, 1)]
    cut = data.draw(st.integers(0, len(wal)) | st.sampled_from([0, 1, 31, *edges, len(wal) - 1]))
    with tempfile.TemporaryDirectory() as folder:
        path = left_by_a_kill(left, Path(folder))
        os.truncate(f"{path}-wal", cut)
        store = Store(path)
        told = [event.position for event in everything(store)]
        assert list(range(1, len(told) + 1)) == told
        assert len(told) % 3 == 0
        assert 18 <= len(told) <= 36
        assert len(told) // 3 == len(store.restore(["a"])["a"].orders) == len(store.restore(["a"])["a"].entries)
        tell(store, gap())
        store.close()


@settings(max_examples=60)
@given(st.data())
def test_a_file_that_was_cut_is_refused(left: Path, data: st.DataObject) -> None:
    """Wherever it was cut, with the WAL beside it and without: nothing is changed; or all of it is still there."""
    size = left.stat().st_size
    edges = [edge + step for edge in range(4_096, size, 4_096) for step in (-1, 0, 1)]
    cut = data.draw(st.integers(0, size - 1) | st.sampled_from([0, 1, 99, 100, 101, *edges]))
    with_wal = data.draw(st.booleans())
    with tempfile.TemporaryDirectory() as folder:
        path = left_by_a_kill(left, Path(folder))
        if not with_wal:
            Path(f"{path}-wal").unlink()
        os.truncate(path, cut)
        before = contents(path)
        try:
            told = opened(path)
        except JournalError:
            assert before == contents(path)
        else:  # what was cut off stands in the WAL too
            assert with_wal
            assert list(range(1, 37)) == [event.position for event in told]


def test_pages_that_are_free_are_not_missed(left: Path, tmp_path: Path) -> None:
    """Many were taken and given back in one transaction, and the process was killed before they reached the file."""
    path = left_by_a_kill(left, tmp_path)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("create table t (x blob)")
    db.execute("begin")
    db.execute("insert into t values (zeroblob(200000))")
    db.execute("delete from t")
    db.execute("commit")
    again = left_by_a_kill(path, tmp_path / "again")
    db.close()
    assert len(opened(again)) == 36


def test_a_file_with_a_hole_is_found_out_when_it_is_read(left: Path, tmp_path: Path) -> None:
    """What is damaged in its middle is an error of the journal, and no other."""
    path = made(tmp_path / "orders.db", *([fill(str(n)) for n in range(start, start + 200)] for start in (0, 200, 400)))
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (path.stat().st_size - 4_096))
    with pytest.raises(JournalError, match="malformed"):
        opened(path)


# ------------------------------------------------------------------------------------------------ rights


def as_nobody(act: Callable[[], object]) -> str:
    """What the act says when a process without rights does it (tests may run as root, whom nobody stops)."""
    if os.getuid() != 0:
        return said(act)
    receiving, sending = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads; the child needs none of them
        child = os.fork()
    if child == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            os.write(sending, said(act).encode())
        finally:
            os._exit(0)
    os.close(sending)
    os.waitpid(child, 0)
    with os.fdopen(receiving, encoding="utf-8") as text:
        return text.read()


def said(act: Callable[[], object]) -> str:
    try:
        act()
    except JournalError as error:
        return f"refused: {error}"
    return "done"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        found = Path(name)
        found.chmod(0o755)
        yield found
        found.chmod(0o755)


def test_a_file_that_may_only_be_read_is_refused_at_once(folder: Path) -> None:
    """Not with the first event that it could not take; and whoever may read may look at it."""
    path = made(folder / "orders.db", [fill()])
    path.chmod(0o444)
    Path(f"{path}-lock").chmod(0o666)
    before = contents(path)
    folder.chmod(0o777)
    assert "readonly database" in as_nobody(lambda: Store(path))
    assert before == contents(path)
    folder.chmod(0o555)

    def look() -> None:
        with reading(path) as db:
            assert len(list(events_of(db))) == 1

    assert as_nobody(look) in ("done", f"refused: the journal {path}: unable to open database file")


def test_a_folder_that_may_only_be_read_is_refused_at_once(folder: Path) -> None:
    """A new journal has no place there."""
    folder.chmod(0o555)
    assert "cannot be written here: [Errno 13] Permission denied" in as_nobody(lambda: Store(folder / "orders.db"))
    assert list(folder.iterdir()) == []


def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    """Somebody else's."""
    path = made(folder / "orders.db", [fill()])
    path.chmod(0)
    folder.chmod(0o777)
    Path(f"{path}-lock").chmod(0o666)
    assert "Permission denied" in as_nobody(lambda: Store(path))


# ------------------------------------------------------------------------------------------------ no room

ON_A_FULL_DISK: Final = """
import resource, sys
from exchstream.errors import JournalError
from exchstream.journal.store import Store
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))  # no file may grow
try:
    Store(sys.argv[1])
except JournalError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))  # whoever measures this process writes a file
"""


@pytest.mark.parametrize("there", [True, False])
def test_a_disk_that_is_full_at_the_start_is_a_journal_error(path: Path, there: bool) -> None:
    """Whether the journal is there or is to be made: not even the holder's number finds room."""
    if there:
        made(path, [fill()])
    before = contents(path)
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.stderr, found.returncode) == ("", 0)
    assert found.stdout.startswith(f"the journal {path}: ")
    assert contents(path) == before


# ------------------------------------------------------------------------------------------------ one process

HOLDER: Final = """
import sys
from exchstream.journal.store import Store
store = Store(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_has_gone(path: Path) -> None:
    """With the number of the process that holds it; killed, it holds nothing any more."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        expected = f"is in use by process {holder.pid}: one process at a time .* exchstream journal"
        with pytest.raises(JournalError, match=expected):
            Store(path)
        link = path.with_name("link.db")
        link.symlink_to(path)
        with pytest.raises(JournalError, match=expected):
            Store(link)
        with reading(path) as db:
            assert list(events_of(db)) == []
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert opened(path) == []


def test_the_holder_may_be_nameless(path: Path) -> None:
    """It was asked between taking the lock and writing its name."""
    with open(f"{path}-lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(JournalError, match="in use by another process"):
            Store(path)


def test_two_stores_of_one_process_are_two(path: Path) -> None:
    """The same journal for two streams is a mistake too."""
    store = Store(path)
    with pytest.raises(JournalError, match=f"in use by process {os.getpid()}"):
        Store(path)
    store.close()


# ------------------------------------------------------------------------------------------------ reading along


@given(st.integers(0, 8), st.integers(1, 5))
@example(0, 5)
@settings(max_examples=20)
def test_all_events_are_read_in_steps(after: int, step: int) -> None:
    """Whatever the step, with the names of their accounts."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "CHUNK", step)
        path = Path(folder) / "orders.db"
        store = Store(path)
        for account in ("a", "b"):
            tell(store, *(fill(str(n)) for n in range(4)), account=account)
        with reading(path) as db:
            found = [(account, event.position) for account, event in events_of(db, after)]
        store.close()
    assert [("a" if position <= 4 else "b", position) for position in range(after + 1, 9)] == found


def test_who_reads_along_too_slowly_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is let go meanwhile is not passed over in silence; who names no position begins with what is kept."""
    monkeypatch.setattr(store_module, "CHUNK", 2)
    store = Store(path)
    minute = 60 * 10**9
    tell(store, *(gap(T0 + n * minute) for n in range(40)), good_ns=T0 + 39 * minute)
    with reading(path) as db:
        events = events_of(db)
        assert [next(events)[1].position for _ in range(2)] == [1, 2]
        while store.trim(Retention(20 * minute, 10**12)):
            pass
        with pytest.raises(SlowConsumer) as caught:
            next(events)
        assert (2, store.floor) == (caught.value.position, caught.value.resume_after)
        with pytest.raises(SlowConsumer):
            next(events_of(db, 0))
        assert next(events_of(db))[1].position == store.floor + 1
    store.close()


def test_a_copy_can_be_opened_elsewhere(left: Path, tmp_path: Path) -> None:
    """The file and what belongs to it, taken together."""
    path = left_by_a_kill(left, tmp_path / "copy")
    shutil.move(path, path.with_name("moved.db"))
    shutil.move(f"{path}-wal", path.with_name("moved.db-wal"))
    assert len(opened(path.with_name("moved.db"))) == 36
