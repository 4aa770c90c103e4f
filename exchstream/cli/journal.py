"""`exchstream journal show|export|verify FILE`: look at a journal, also while a bot writes it; nothing is changed.

`handover FILE ACCOUNT` is the one command that changes a file: it lets an account go on under a new key.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from cyclopts import App, Parameter

from exchstream import jsonlines
from exchstream.cli import OK, UNSOUND
from exchstream.cli.lines import STDOUT, clean, moment, plain
from exchstream.errors import ConfigError, JournalError
from exchstream.events import Event
from exchstream.journal.file import reading
from exchstream.journal.records import KINDS, decode_state
from exchstream.journal.store import Store, events_of
from exchstream.journal.verify import verify as checked
from exchstream.model import OrderState

MAX_ORDERS: Final = 20  # open orders that `show` names of each account
BLOCK: Final = 1 << 16  # bytes that are written at once
Kind = Literal["order_update", "fill", "gap_opened", "gap_closed", "account_down", "unrecognized"]
NAMES: Final[dict[int, str]] = dict(zip(KINDS.values(), get_args(Kind), strict=True))
# The names of the JSON form, but `v` and `raw`; docs/events.md lists them.
COLUMNS: Final = (
    *("event", "position", "venue", "account", "symbol", "venue_symbol", "order_id", "order_kind", "trade_id"),
    *("client_order_id", "status", "reason", "side", "type", "time_in_force", "price", "stop_price", "quantity"),
    *("filled_quantity", "average_price", "quote_quantity", "fee", "fee_asset", "liquidity", "kind", "reduce_only"),
    *("position_side", "child_order_id", "created_ns", "updated_ns", "time_ns", "received_ns", "recovered"),
    "epoch",
    *("since_ns", "until_ns", "scope", "complete", "unresolved", "detail", "what"),
)

journal = App(name="journal", help="Look at a journal: what it holds, its events as text, whether it is sound.")

File = Annotated[Path, Parameter(help="The file that open_stream(journal=...) writes; a bot may be writing it.")]
Debug = Annotated[bool, Parameter(help="Show tracebacks of errors.", show_default=False)]


@journal.command
def show(file: File, /, *, debug: Debug = False) -> int:
    """Say what a journal holds: events, times, accounts and their open orders, readers, sizes.

    An account is proven until some moment: everything that happened to it until then has been told. A reader's lag is
    how many positions it has not passed yet; a named reader that lags keeps old events in the file.
    """
    with reading(file) as db:
        _write(line.encode() for line in _summary(file, db))
    return OK


@journal.command
def export(
    file: File,
    /,
    *,
    form: Annotated[
        Literal["jsonl", "csv"],
        Parameter(
            name="--format", help="jsonl: all of an event, in the documented form; csv: what fits a table, without raw."
        ),
    ] = "jsonl",
    after: Annotated[
        int | None, Parameter(help="Begin behind this position; without it, with the oldest event that is kept.")
    ] = None,
    account: Annotated[str | None, Parameter(help="Only this account: NAME, or VENUE:NAME.")] = None,
    kind: Annotated[
        tuple[Kind, ...], Parameter(help="Only events of this kind; may be given more than once.", show_default=False)
    ] = (),
    debug: Debug = False,
) -> int:
    """Write a journal's events to standard output, in the order of their positions, one a line."""
    if after is not None and after < 0:
        raise ConfigError(f"--after {after}: positions begin with 1; 0 stands for all of them")
    with reading(file) as db:
        _check_account(db, file, account)
        wanted = (event for _, event in events_of(db, after) if _wanted(event, account, kind))
        _write(_table(wanted) if form == "csv" else map(jsonlines.to_json, wanted))
    return OK


@journal.command
def verify(file: File, /, *, debug: Debug = False) -> int:
    """Check a journal: the file itself, every record, that no fill is told twice and no order goes back.

    Writes each fault as a line. Exit codes: 0 it is sound, 6 it is not, 1 there is no journal that could be checked.
    """
    with reading(file) as db:
        found = checked(db)
    lines = [clean(fault) for fault in found.faults]
    if found.more:
        lines.append(f"and {found.more:,} faults more")
    verdict = "sound" if not lines else f"NOT sound, {len(found.faults) + found.more:,} faults"
    lines.append(f"{verdict}: {found.records:,} records, {found.fills:,} keys of fills")
    _write(line.encode() for line in lines)
    return UNSOUND if found.faults else OK


@journal.command
def handover(
    file: File,
    account: Annotated[str, Parameter(help="The account as `show` names it, such as production:binance-spot:main.")],
    /,
    *,
    debug: Debug = False,
) -> int:
    """Let an account go on under a new key: whoever comes next under its name is taken for the same account.

    No bot may be writing the journal meanwhile.
    """
    if not file.is_file():
        raise ConfigError(f"there is no journal {file}")
    with closing(Store(file)) as store:
        store.hand_over(account)
    _write([f"{account} goes on under the key that comes next".encode()])
    return OK


# ---------------------------------------------------------------------------------------------------- what is shown


def _summary(file: Path, db: sqlite3.Connection) -> Iterator[str]:
    def one(sql: str, *parameters: object) -> Any:
        return db.execute(sql, parameters).fetchone()

    db.execute("begin")  # all of it of one moment
    floor, last = one("select floor, last from span")
    kinds = dict(db.execute("select kind, count(*) from record group by kind"))
    parts = ", ".join(f"{count:,} {NAMES.get(kind, f'of kind {kind}')}" for kind, count in sorted(kinds.items()))
    yield f"events    {sum(kinds.values()):,}" + (f": {parts}" if parts else "")
    yield f"positions {floor + 1:,} to {last:,}" if last > floor else f"positions none kept, the last was {last:,}"
    if kinds:
        (first_ns,) = one("select at_ns from record order by position limit 1")
        (last_ns,) = one("select at_ns from record order by position desc limit 1")
        yield f"times     {moment(first_ns)} to {moment(last_ns)}"
    (fills,) = one("select count(*) from fill")
    yield f"fills     {fills:,} known by key"
    for account, name, good_ns in db.execute("select id, name, good_ns from account order by name").fetchall():
        (symbols,) = one("select count(*) from symbol where account = ?", account)
        (orders,) = one("select count(*) from open_order where account = ?", account)
        yield clean(f"account   {name}: proven until {moment(good_ns)}, {symbols:,} symbols, {orders:,} open orders")
        rows = db.execute("select state from open_order where account = ? limit ?", (account, MAX_ORDERS))
        yield from (clean(f"          {_order(decode_state(blob))}") for (blob,) in rows)
        if orders > MAX_ORDERS:
            yield f"          and {orders - MAX_ORDERS:,} more"
    for name, position in db.execute("select name, position from reader order by name"):
        yield clean(f"reader    {name}: at {position:,}, {max(last - position, 0):,} behind")
    pages, free, size = (one(f"pragma {what}")[0] for what in ("page_count", "freelist_count", "page_size"))
    wal = Path(f"{file}-wal")
    yield (
        f"size      {pages * size:,} bytes, of which {free * size:,} free; "
        f"{wal.stat().st_size if wal.exists() else 0:,} in {clean(wal.name)}"
    )


def _order(state: OrderState) -> str:
    quantity = None if state.quantity is None else state.quantity.value
    price = "" if state.price is None else f" @ {plain(state.price.value)}"
    side = "-" if state.side is None else state.side.value
    kind = "" if state.key.kind.value == "order" else f"{state.key.kind.value} "
    return (
        f"{kind}order {state.key.order_id}  {state.key.venue_symbol}  {side} {plain(quantity)}{price}  "
        f"{state.status.value}, filled {plain(state.cumulative.filled)}"
    )


# ---------------------------------------------------------------------------------------------------- what is written


def _check_account(db: sqlite3.Connection, file: object, account: str | None) -> None:
    """A misspelt account must not look like one of which nothing was told."""
    known = [name.partition(":")[2] for (name,) in db.execute("select name from account order by name")]
    if account is not None and not any(account in (name, name.partition(":")[2]) for name in known):
        raise JournalError(f"the journal {file} has no account {account!r}; it has {', '.join(known) or 'none'}")


def _wanted(event: Event, account: str | None, kinds: Iterable[str]) -> bool:
    if account is not None and account not in (event.account, f"{event.venue}:{event.account}"):
        return False
    return not kinds or NAMES[KINDS[type(event)]] in kinds


def _table(events: Iterable[Event]) -> Iterator[bytes]:
    """CSV, one line after the other; what has parts is JSON in its cell."""
    rows = (json.loads(jsonlines.to_json(event)) for event in events)
    for cells in itertools.chain([COLUMNS], ([_cell(row.get(name)) for name in COLUMNS] for row in rows)):
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(cells)
        yield text.getvalue().encode()


def _cell(value: object) -> object:
    match value:
        case bool() | list() | dict():
            return json.dumps(value)
    return value


def _write(lines: Iterable[bytes]) -> None:
    """Write the lines to standard output.  Raises BrokenPipeError."""
    block = bytearray()
    for line in lines:
        block += line + b"\n"
        if len(block) >= BLOCK:
            _put(bytes(block))
            block.clear()
    _put(bytes(block))


def _put(data: bytes) -> None:
    while data:
        data = data[os.write(STDOUT, data) :]
