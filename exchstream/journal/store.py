"""The journal's file: SQLite, synchronous, written by one process at a time.

It keeps what was told (`record`), the key of every fill for ever (`fill`: the judge of what is a repeat, long after
the record has gone), the orders that are open, each account's checkpoint and symbols, and where each reader stands.
One `commit` is one transaction, so what was told and the checkpoint that goes with it are never apart.

It knows no tasks, waits for nobody and keeps no events in memory; `disk.py` does.  Files are WAL databases: read them
with SQLite 3.7 or newer, on a local disk (WAL needs shared memory).
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import attrs

from exchstream.core.balances import BalanceState
from exchstream.core.ledger import Entry
from exchstream.core.state import Checkpoint, Restored
from exchstream.core.venue import MINUTE
from exchstream.errors import JournalError, SlowConsumer
from exchstream.events import Event, Fill, OrderUpdate
from exchstream.journal.records import FILL, KINDS, ORDER_UPDATE, at_ns, decode, decode_balances, decode_state, encode
from exchstream.model import FillKey, OrderKey, OrderKind, OrderState

APPLICATION_ID: Final = 0x45584348  # "EXCH" in the header says whose file it is
# Facts that a restart may be told again are looked for this much further back than its look-back begins.
MARGIN_NS: Final = 10 * MINUTE
CHUNK: Final = 5_000  # records that are let go in one transaction

# One entry a version of the file; what has been released is never changed, only followed by another.
MIGRATIONS: Final = (
    """
    create table account (id integer primary key, name text not null unique, good_ns integer not null,
        floor_ns integer not null, balances blob not null) strict;
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
    """,
)

Synchronous = Literal["normal", "full"]


@attrs.frozen
class Batch:
    """What one transaction brings: events with their positions and accounts, checkpoints, and readers' positions."""

    events: Sequence[tuple[str, Event]] = ()
    checkpoints: Mapping[str, Checkpoint] = attrs.field(factory=dict)
    readers: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class Retention:
    """How long records are kept: `age_ns`, and until every named reader has passed; never more than `size` bytes."""

    age_ns: int
    size: int


class Store:
    """One journal file, open for writing.  Raises JournalError for whatever is wrong, and overwrites nothing then."""

    def __init__(self, path: str | os.PathLike[str], synchronous: Synchronous = "normal") -> None:
        self.path = Path(path)
        with ExitStack() as stack:
            self._lock = stack.enter_context(_locked(self.path))
            try:
                with errors(self.path):
                    self._db = stack.enter_context(closing(_opened(self.path, synchronous)))
                    self._reading = stack.enter_context(closing(_connect(self.path, "ro")))
                    self._load()
            except OSError as error:
                raise JournalError(f"the journal {self.path}: {error}") from error
            self._open = stack.pop_all()

    last: int
    floor: int
    readers: dict[str, int]

    def _load(self) -> None:
        newest = self._one("select position, at_ns from record order by position desc limit 1")
        oldest = self._one("select position from record order by position limit 1")
        last, newest_ns = (0, 0) if newest is None else newest
        self.floor = 0 if oldest is None else oldest[0] - 1
        self.last = last
        self._at_ns: int = newest_ns
        self.readers = dict(self._db.execute("select name, position from reader"))
        self._accounts: dict[str, int] = dict(self._db.execute("select name, id from account"))

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        with errors(self.path):
            self._open.close()

    def _one(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        return self._db.execute(sql, parameters).fetchone()

    # ------------------------------------------------------------------------------------------------ writing

    def commit(self, batch: Batch) -> list[int]:
        """Keep all of this, or (JournalError) nothing.  Returns the positions of fills that were told before."""
        with errors(self.path), self._transaction():
            for name in batch.checkpoints.keys() | {name for name, _ in batch.events}:
                self._account(name)
            refused = self._write(batch)
        self.readers.update(batch.readers)
        if batch.events:
            self.last = batch.events[-1][1].position
        return refused

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        finally:
            if self._db.in_transaction:
                with suppress(sqlite3.Error):  # what went wrong is on its way already
                    self._db.execute("rollback")
                self._accounts = dict(self._db.execute("select name, id from account"))

    def _account(self, name: str) -> int:
        if name not in self._accounts:
            cursor = self._db.execute("insert into account values (null, ?, 0, 0, ?)", (name, encode(BalanceState())))
            assert cursor.lastrowid is not None
            self._accounts[name] = cursor.lastrowid
        return self._accounts[name]

    def _write(self, batch: Batch) -> list[int]:
        db, ids = self._db, self._accounts
        refused = self._enter_fills(batch.events)
        told = [(ids[name], event) for name, event in batch.events if event.position not in refused]
        records = []
        symbols: dict[tuple[int, str], int] = {}
        orders: dict[tuple[int, OrderKey], OrderState] = {}
        for account, event in told:
            self._at_ns = max(self._at_ns, at_ns(event))
            records.append((event.position, account, KINDS[type(event)], self._at_ns, encode(event)))
            if isinstance(event, OrderUpdate):
                orders[account, event.state.key] = event.state
                symbols[account, event.venue_symbol] = event.position
            elif isinstance(event, Fill):
                symbols[account, event.venue_symbol] = event.position
        db.executemany("insert into record values (?, ?, ?, ?, ?)", records)
        db.executemany(
            "insert into symbol values (?, ?, ?) on conflict do update set position = excluded.position",
            [(account, symbol, position) for (account, symbol), position in symbols.items()],
        )
        self._write_orders(orders)
        for name, checkpoint in batch.checkpoints.items():
            self._write_checkpoint(ids[name], checkpoint)
        db.executemany(
            "insert into reader values (?, ?) on conflict do update set position = excluded.position",
            batch.readers.items(),
        )
        return sorted(refused)

    def _enter_fills(self, events: Iterable[tuple[str, Event]]) -> set[int]:
        """The keys of the fills among these; the unique key is the judge of what is a repeat."""
        rows = [
            (self._accounts[name], *_fill_id(event), str(event.quantity), event.time_ns, event.position)
            for name, event in events
            if isinstance(event, Fill)
        ]
        before = self._db.total_changes
        self._db.executemany("insert or ignore into fill values (?, ?, ?, ?, ?, ?, ?)", rows)
        if self._db.total_changes - before == len(rows):
            return set()
        where = "select position from fill where account = ? and symbol = ? and order_id = ? and trade_id = ?"
        return {row[-1] for row in rows if self._one(where, row[:4]) != (row[-1],)}

    def _write_orders(self, orders: Mapping[tuple[int, OrderKey], OrderState]) -> None:
        ended = [(account, *_order_id(key)) for (account, key), state in orders.items() if state.end is not None]
        working = [
            (account, *_order_id(key), encode(state)) for (account, key), state in orders.items() if state.end is None
        ]
        self._forget_orders(ended)
        self._db.executemany(
            "insert into open_order values (?, ?, ?, ?, ?) on conflict do update set state = excluded.state", working
        )

    def _forget_orders(self, ids: Sequence[tuple[int, str, str, str]]) -> None:
        where = "account = ? and symbol = ? and order_id = ? and kind = ?"
        self._db.executemany(f"delete from open_order where {where}", ids)  # noqa: S608 (no text of anybody's)

    def _write_checkpoint(self, account: int, checkpoint: Checkpoint) -> None:
        self._forget_orders([(account, *_order_id(key)) for key in checkpoint.gone])
        self._db.execute(
            "update account set good_ns = ?, floor_ns = ?, balances = ? where id = ?",
            (checkpoint.good_ns, checkpoint.floor_ns, encode(checkpoint.balances), account),
        )

    # ------------------------------------------------------------------------------------------------ letting go

    def trim(self, retention: Retention) -> bool:
        """Let go of some records that are too old or too many; True if there is more to do."""
        with errors(self.path):
            until = max(self._too_much(retention.size), self._too_old(retention.age_ns))
            until = min(until, self.last - 1)  # the newest stays: positions go on from it
            if until <= self.floor:
                return False
            step: int = min(until, self.floor + CHUNK)
            self._db.execute("delete from record where position <= ?", (step,))
            self.floor = step
            return step < until

    def _too_much(self, size: int) -> int:
        """A tenth of the records, if all of it is larger than this: whoever has not read them is too slow."""
        pages, free, page = (
            int(self._one(f"pragma {what}")[0]) for what in ("page_count", "freelist_count", "page_size")
        )
        return self.floor if (pages - free) * page <= size else self.floor + max(1, (self.last - self.floor) // 10)

    def _too_old(self, age_ns: int) -> int:
        """All before this age that every named reader has passed."""
        old = self._before(self._at_ns - age_ns)
        return min([old, *self.readers.values()])

    def _before(self, instant_ns: int) -> int:
        """The newest position from before this instant.  `at_ns` rises with the position, so halving finds it."""
        low, high = self.floor, self.last
        while low < high:
            middle = (low + high + 1) // 2
            row = self._one("select at_ns from record where position <= ? order by position desc limit 1", (middle,))
            if row is None or row[0] < instant_ns:
                low = middle
            else:
                high = middle - 1
        return low

    # ------------------------------------------------------------------------------------------------ reading

    def read(self, after: int, limit: int) -> list[Event]:
        """The events after this position.  Raises SlowConsumer if some of them have been let go."""
        if after < self.floor:
            raise SlowConsumer(after, self.floor)
        with errors(self.path):
            return [event for _, event in _events(self._reading, after, limit)]

    def restore(self, names: Sequence[str]) -> dict[str, Restored]:
        """What is known of these accounts; those that were never here are missing."""
        with errors(self.path):
            found = {name: self._checkpoint(self._accounts[name]) for name in names if name in self._accounts}
            if not found:
                return {}
            told = self._told_since(found)
            return {name: self._restored(name, checkpoint, told[name]) for name, checkpoint in found.items()}

    def _checkpoint(self, account: int) -> Checkpoint:
        good_ns, floor_ns, blob = self._one("select good_ns, floor_ns, balances from account where id = ?", (account,))
        return Checkpoint(good_ns=good_ns, floor_ns=floor_ns, balances=decode_balances(blob))

    def _told_since(self, found: Mapping[str, Checkpoint]) -> dict[str, list[Event]]:
        """The facts of each account that a look-back may bring again, in their order."""
        told: dict[str, list[Event]] = {name: [] for name in found}
        names = {self._accounts[name]: name for name in found}
        since_ns = {self._accounts[name]: checkpoint.good_ns - MARGIN_NS for name, checkpoint in found.items()}
        after = self._before(min(since_ns.values()))
        rows = self._db.execute(
            "select position, account, kind, at_ns, payload from record where position > ? and kind in (?, ?) "
            "and account in (select value from json_each(?)) order by position",
            (after, ORDER_UPDATE, FILL, json.dumps(list(names))),
        )
        for _, account, kind, told_ns, payload in rows:
            if told_ns >= since_ns[account]:
                told[names[account]].append(decode(kind, payload))
        return told

    def _restored(self, name: str, checkpoint: Checkpoint, told: Sequence[Event]) -> Restored:
        account = self._accounts[name]
        orders: dict[OrderKey, OrderState] = {}
        entries: dict[FillKey, Entry] = {}
        for event in told:
            if isinstance(event, OrderUpdate):
                orders[event.state.key] = event.state
            elif isinstance(event, Fill):
                entries[event.execution.key] = Entry(event.execution.key, event.quantity, event.time_ns)
        ended = {key: state for key, state in orders.items() if state.end is not None}
        working = self._db.execute("select state from open_order where account = ?", (account,))
        orders = ended | {state.key: state for state in (decode_state(blob) for (blob,) in working)}
        for key in orders:
            entries |= {entry.key: entry for entry in self._entries(account, key)}
        symbols = self._db.execute("select name from symbol where account = ? order by position", (account,))
        return Restored(
            checkpoint=checkpoint,
            symbols=tuple(symbol for (symbol,) in symbols),
            orders=tuple(orders.values()),
            entries=tuple(sorted(entries.values(), key=lambda entry: entry.time_ns)),
        )

    def _entries(self, account: int, key: OrderKey) -> Iterator[Entry]:
        """All fills of this order, however old."""
        if key.kind is not OrderKind.ORDER:
            return
        rows = self._db.execute(
            "select trade_id, quantity, time_ns from fill where account = ? and symbol = ? and order_id = ?",
            (account, key.venue_symbol, key.order_id),
        )
        for trade_id, quantity, time_ns in rows:
            yield Entry(FillKey(key.venue_symbol, trade_id, key.order_id), Decimal(quantity), time_ns)


# ---------------------------------------------------------------------------------------------------- the file


@contextmanager
def errors(path: Path) -> Iterator[None]:
    """What SQLite says of the file, as JournalError."""
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"the journal {path}: {error}") from error


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """A journal to look at, also while a process writes it.  Raises JournalError."""
    path = Path(path)
    if not path.is_file():
        raise JournalError(f"there is no journal {path}")
    with errors(path):
        connection = _connect(path, "ro")
        try:
            _check(path, connection)
            yield connection
        finally:
            connection.close()


def _events(db: sqlite3.Connection, after: int, limit: int) -> Iterator[tuple[int, Event]]:
    rows = db.execute(
        "select account, kind, payload from record where position > ? order by position limit ?", (after, limit)
    )
    for account, kind, payload in rows:
        yield account, decode(kind, payload)


def events_of(db: sqlite3.Connection, after: int = 0) -> Iterator[tuple[str, Event]]:
    """Every event after this position, with the name of its account."""
    names = dict(db.execute("select id, name from account"))
    for account, event in _events(db, after, -1):
        yield names[account], event


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Each connection is used by one thread at a time; which one may change.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def _locked(path: Path) -> TextIO:
    """Hold the file for this process; the system lets go of it when the process ends, in whatever way."""
    try:
        lock = open(f"{path}-lock", "a+", encoding="utf-8")  # noqa: SIM115 (held as long as the store)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be written here: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise JournalError(
            f"the journal {path} is in use by {holder}: one process at a time may write it; "
            "give each bot a journal of its own (to read it meanwhile: exchstream journal)"
        ) from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


def _opened(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    wal = Path(f"{path}-wal")
    if not path.exists():
        if wal.exists() and wal.stat().st_size:
            raise JournalError(f"the journal {path} is missing, but what belongs to it is there: {wal}")
        db = _connect(path, "rwc")
    else:
        if not path.stat().st_size:
            raise JournalError(f"the journal {path} is empty: it was cut off, or is none; delete it to begin a new one")
        with closing(_connect(path, "ro")) as before:
            _check(path, before)
        db = _connect(path, "rw")
    with ExitStack() as stack:
        stack.enter_context(closing(db))
        (mode,) = db.execute("pragma journal_mode = wal").fetchone()
        if mode != "wal":
            raise JournalError(f"the journal {path} cannot be in WAL mode (it is {mode}): is it on a local disk?")
        db.execute(f"pragma synchronous = {synchronous}")
        _migrate(db)
        stack.pop_all()
    return db


def _check(path: Path, db: sqlite3.Connection) -> None:
    """Is it ours, and can this version read it?  Before anything is written."""
    (application,) = db.execute("pragma application_id").fetchone()
    (version,) = db.execute("pragma user_version").fetchone()
    db.execute("select count(*) from sqlite_schema").fetchone()  # a file that was cut off is found out here
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is no journal of exchstream: nothing was written to it; choose another name")
    if version > len(MIGRATIONS):
        raise JournalError(f"the journal {path} was written by a newer version of exchstream (form {version})")


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("pragma user_version").fetchone()
    if version == len(MIGRATIONS):
        return
    db.execute("begin immediate")
    for migration in MIGRATIONS[version:]:
        for statement in migration.split(";"):
            db.execute(statement)
    db.execute(f"pragma application_id = {APPLICATION_ID}")
    db.execute(f"pragma user_version = {len(MIGRATIONS)}")
    db.execute("commit")


def _fill_id(event: Fill) -> tuple[str, str, str]:
    return event.venue_symbol, event.order_id, event.trade_id


def _order_id(key: OrderKey) -> tuple[str, str, str]:
    return key.venue_symbol, key.order_id, key.kind.value
