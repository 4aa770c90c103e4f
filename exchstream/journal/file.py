"""The journal's file itself: whose it is, whether it is whole, how it is made, held and brought up to date.

Files are WAL databases on a local disk (WAL needs shared memory).  Nothing here knows what the tables are for;
`store.py` does.  Raises JournalError for whatever is wrong, and overwrites nothing then.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from exchstream.errors import JournalError

APPLICATION_ID: Final = 0x45584348  # "EXCH" in the header says whose file it is
LOCK_BYTE: Final = 1 << 30  # where SQLite has its locks, and no page: fileformat2.html, 1.4
# Twice SQLite's own: records have some 900 bytes, and four of them in a page of 4 KiB leave much of it empty.  Larger
# pages spare more in bulk, but each commit writes some six of them, whatever it brings.
PAGE_SIZE: Final = 8_192
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")  # another one after each start of the machine: proc(5)

# One entry a version of the file; what has been released is never changed, only followed by another.
MIGRATIONS: Final = (
    """
    create table account (id integer primary key, name text not null unique, identity text not null,
        good_ns integer not null, floor_ns integer not null, balances blob not null) strict;
    create table symbol (account integer not null, name text not null, position integer not null,
        primary key (account, name)) strict, without rowid;
    create table record (position integer primary key, account integer not null, kind integer not null,
        at_ns integer not null, payload blob not null) strict;
    create table fill (account integer not null, symbol text not null, order_id text not null, trade_id text not null,
        quantity text not null, time_ns integer not null, position integer not null,
        primary key (account, symbol, order_id, trade_id)) strict, without rowid;
    create table open_order (account integer not null, symbol text not null, order_id text not null,
        kind text not null, state blob not null, primary key (account, symbol, order_id, kind)) strict, without rowid;
    create table reader (name text primary key, position integer not null) strict, without rowid;
    create table span (one integer primary key check (one = 1), floor integer not null, last integer not null,
        reserved integer not null, boot text not null) strict;
    insert into span values (1, 0, 0, 0, '');
    """,
    """
    alter table account add column guessed integer not null default 0;
    """,
    # Ids that begin anew (a wiped test system) are others: each has its epoch.
    """
    alter table account add column eras blob;
    create table fill_of_epoch (account integer not null, symbol text not null, order_id text not null,
        trade_id text not null, epoch integer not null, quantity text not null, time_ns integer not null,
        position integer not null, primary key (account, symbol, order_id, trade_id, epoch)) strict, without rowid;
    insert into fill_of_epoch select account, symbol, order_id, trade_id, 0, quantity, time_ns, position from fill;
    drop table fill;
    alter table fill_of_epoch rename to fill;
    """,
    """
    alter table account add column late blob;
    """,
)


@contextmanager
def errors(path: Path, *more: type[Exception]) -> Iterator[None]:
    """What SQLite says of the file, or of what should stand in it, as JournalError; `more` kinds of errors too."""
    kinds: tuple[type[Exception], ...] = (sqlite3.Error, OverflowError, UnicodeError, *more)
    try:
        yield
    except kinds as error:
        torn = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT
        advice = "; bring a copy back, with the -wal that belongs to it" if torn else ""
        raise JournalError(f"the journal {path}: {error}{advice}") from error


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """A journal to look at, also while a process writes it.  Raises JournalError."""
    path = Path(path)
    if not path.exists():
        raise JournalError(f"there is no journal {path}")
    if path.is_dir():
        raise JournalError(f"{path} is no journal but a directory: name a file in it")
    with errors(path, OSError):
        _check_header(path)
    with errors(path), closing(connect(path, "ro")) as connection:
        _check_version(path, connection)
        yield connection


def connect(path: Path, mode: str) -> sqlite3.Connection:
    # Each connection is used by one thread at a time; which one may change.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def boot() -> str:
    """Which start of the machine this is; empty where the system does not say."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file for this process; the system lets go of it when the process ends, in whatever way."""
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a directory: name a file in it")
        if not path.parent.exists():
            raise FileNotFoundError(f"there is no folder {path.parent}: make it first, or name another")
        # Without a buffer: on a full disk its close would raise again, and as OSError.
        lock = open(f"{path}-lock", "ab+", buffering=0)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written here: {error}") from error
    with lock, errors(path, OSError):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().decode(errors="replace").strip() or "another process"
            raise JournalError(
                f"the journal {path} is in use by {holder}: one process at a time may write it; "
                "give each bot a journal of its own (to read it meanwhile: exchstream journal)"
            ) from error
        lock.truncate(0)
        lock.write(b"process %d" % os.getpid())
        yield


def opened(path: Path) -> sqlite3.Connection:
    wal = Path(f"{path}-wal")
    if path.exists():
        _check_header(path)
        with closing(connect(path, "ro")) as before:
            _check_version(path, before)
            _check_length(path, before)
    elif wal.exists() and wal.stat().st_size:
        raise JournalError(f"the journal {path} is missing, but what belongs to it is there: {wal}")
    else:
        _create(path)
    db = connect(path, "rw")
    with ExitStack() as stack:
        stack.enter_context(closing(db))
        _migrate(db)
        stack.pop_all()
    return db


def _create(path: Path) -> None:
    """Make a new journal beside, and give it its name when it is whole: there is none or all of it.

    What a killed process left of one is deleted, so its name must be one that nobody gives to a copy.
    """
    new = Path(f"{path}-unfinished")
    try:
        new.unlink(missing_ok=True)
        with closing(connect(new, "rwc")) as db:
            db.execute(f"pragma page_size = {PAGE_SIZE}")
            _migrate(db)
            (mode,) = db.execute("pragma journal_mode = wal").fetchone()
            if mode != "wal":
                raise JournalError(f"the journal {path} cannot be in WAL mode (it is {mode}): is it on a local disk?")
        new.rename(path)
    finally:
        new.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_header(path: Path) -> None:
    """Is it ours?  Before anything else touches it.  (The format: https://sqlite.org/fileformat2.html, 1.3)"""
    if not path.is_file():  # a pipe would be waited for
        raise JournalError(f"the journal {path} is no regular file: choose another name")
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise JournalError(f"the journal {path} is empty: it was cut off, or is none; delete it to begin a new one")
    ours = header[:16] == b"SQLite format 3\0" and int.from_bytes(header[68:72], "big") == APPLICATION_ID
    if len(header) < 100 or not ours:
        raise JournalError(
            f"{path} is no journal of exchstream, or was cut off: nothing was written to it; choose another name"
        )


def _check_version(path: Path, db: sqlite3.Connection) -> None:
    """Can this version read it?"""
    (version,) = db.execute("pragma user_version").fetchone()
    if version > len(MIGRATIONS):
        raise JournalError(f"the journal {path} was written by a newer version of exchstream (form {version})")


def _check_length(path: Path, db: sqlite3.Connection) -> None:
    """Is every page in the file, or in its WAL?  SQLite itself does not ask that of each."""
    (size,), (count,) = (db.execute(f"pragma {what}").fetchone() for what in ("page_size", "page_count"))
    whole = path.stat().st_size // size
    missing = set(range(whole + 1, count + 1)) - {LOCK_BYTE // size + 1}
    if not missing <= _pages(Path(f"{path}-wal"), size):
        raise JournalError(
            f"the journal {path} was cut off, it has {whole} of {count} pages: nothing was written to it"
        )


def _pages(wal: Path, size: int) -> set[int]:
    """The pages that this WAL has committed.  (https://sqlite.org/walformat.html, 2)"""
    pages: set[int] = set()
    transaction: set[int] = set()
    with suppress(FileNotFoundError), wal.open("rb") as file:
        salt = file.read(32)[16:24]
        while len(frame := file.read(24)) == 24 and frame[8:16] == salt:
            transaction.add(int.from_bytes(frame[:4], "big"))
            if any(frame[4:8]):  # it ends here, and the file has so many pages
                pages |= transaction
                transaction.clear()
            file.seek(size, os.SEEK_CUR)
    return pages


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("pragma user_version").fetchone()
    if version == len(MIGRATIONS):
        return
    db.execute("begin immediate")
    for migration in MIGRATIONS[version:]:
        for statement in filter(str.strip, migration.split(";")):
            db.execute(statement)
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    db.execute(f"pragma user_version = {len(MIGRATIONS)}")
    db.execute("commit")
