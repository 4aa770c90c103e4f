"""The live table, drawn into text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from msgspec.structs import replace
from rich.console import Console

from exchstream.cli.board import KEPT, Board
from exchstream.core.state import Status
from exchstream.core.venue import SECOND
from exchstream.events import (
    AccountDown,
    DownReason,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Scope,
    Unrecognized,
    Unresolved,
)
from exchstream.model import Cumulative, End, Execution, OrderKey, OrderKind, OrderState, Side, Stage, Term

NOW_NS = 1_790_000_000 * SECOND
WHO: dict[str, Any] = {"venue": "ftx", "account": "mm"}
ALIVE = Status("live", None, NOW_NS, 0, 0, 0, None)
CATCHING_UP = attrs.evolve(ALIVE, phase="looking back", gap_since_ns=NOW_NS - 7 * SECOND)
DOWN = attrs.evolve(ALIVE, phase="down")
OPENED = GapOpened(**WHO, since_ns=NOW_NS, reason=GapReason.SILENT, detail="60 s")
CLOSED = GapClosed(
    **WHO, since_ns=NOW_NS, until_ns=NOW_NS + 2 * SECOND, scope=Scope(symbols=None, kinds=()), complete=True
)
PARTLY = replace(CLOSED, complete=False, unresolved=(Unresolved(what="order", name="5", why="gone"),))
FILL = Fill(
    **WHO,
    symbol=None,
    received_ns=0,
    execution=Execution(
        venue_symbol="[red]X[/red]",
        trade_id="t1",
        order_id="o1",
        side=Side.SELL,
        price=Decimal("10"),
        quantity=Decimal("3"),
        time_ns=0,
        fee=Decimal("0.5"),
        fee_asset="USD",
    ),
)


def order(number: int, filled: str = "0", end: End | None = None) -> OrderUpdate:
    """One update of order `number`."""
    key = OrderKey("BTC/USD", f"order-{number}", OrderKind.ORDER)
    state = OrderState(key=key, stage=Stage.NEW, end=end, cumulative=Cumulative(Decimal(filled)), side=Side.BUY)
    return OrderUpdate(**WHO, symbol="BTC/USD", received_ns=0, recovered=True, state=state)


def drawn(board: Board, status: Status = ALIVE, height: int = 60, width: int = 160) -> str:
    """What a terminal shows, a wide one unless told otherwise."""
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(board.draw({("ftx", "mm"): status}, NOW_NS, height, width))
    return capture.get()


def test_an_order_has_one_row() -> None:
    """A later update replaces the row of its order, and every update is counted."""
    board = Board()
    for update in (order(1), order(2), order(1, "4", End.FILLED)):
        board.take(update, NOW_NS)
    text = drawn(board)
    (row,) = [row for row in text.splitlines() if "order-1" in row]
    assert row.split()[-2:] == ["4", "filled"]
    assert text.index("order-2") < text.index("order-1")
    assert "ftx/mm live - 3 0 3 0" in " ".join(text.split())


def test_names_are_no_markup() -> None:
    """What a venue calls a market is shown as it is."""
    board = Board()
    board.take(FILL, NOW_NS)
    assert "[red]X[/red]" in drawn(board)


def test_interruptions_are_listed() -> None:
    """Gaps, accounts that went down and unrecognized messages are told with time and account."""
    board = Board()
    down = AccountDown(**WHO, reason=DownReason.BROKEN, detail="no such thing")
    for event in (OPENED, CLOSED, PARTLY, down, Unrecognized(**WHO, what="odd", raw=b"", received_ns=0)):
        board.take(event, NOW_NS)
    rows = [" ".join(row.split()) for row in drawn(board).splitlines()[-5:]]
    assert rows == [
        "14:13:20.000 ftx/mm gap opened: silent 60 s",
        "14:13:20.000 ftx/mm gap closed: complete for all symbols, 0 recovered, 2.0 s covered",
        "14:13:20.000 ftx/mm gap closed: NOT complete for all symbols, 0 recovered (order 5: gone), 2.0 s covered",
        "14:13:20.000 ftx/mm account down: no such thing",
        "14:13:20.000 ftx/mm unrecognized: odd",
    ]


@pytest.mark.parametrize(
    ("event", "status", "expected"),
    [
        (CLOSED, ALIVE, "Every gap is closed: all that happened has been told."),
        (PARTLY, ALIVE, "Every gap is closed, 1 of them not completely: see below what is missing."),
        (OPENED, CATCHING_UP, "Live events come at once."),
        (OPENED, DOWN, "does not come back by itself"),
    ],
)
def test_the_state_is_explained(event: GapOpened | GapClosed, status: Status, expected: str) -> None:
    """A sentence below the accounts says what an open, a closed or an incomplete gap means."""
    board = Board()
    board.take(event, NOW_NS)
    assert expected in drawn(board, status)


def test_an_open_gap_shows_its_age() -> None:
    """How long facts may have been missing stands beside the account."""
    assert "looking back 7 s" in " ".join(drawn(Board(), CATCHING_UP).split())


def test_the_table_fits_the_terminal() -> None:
    """However much was told, the table is not longer than the terminal, and memory is bounded."""
    board = Board()
    for number in range(5 * KEPT):
        board.take(order(number), NOW_NS)
        board.take(FILL, NOW_NS)
        board.take(OPENED, NOW_NS)
    for height in (24, 30, 50):  # the cursor's line is not drawn
        assert len(drawn(board, height=height).splitlines()) < height
    assert f"order-{5 * KEPT - 1} " in drawn(board)
    assert len(board._orders) == KEPT


def many_digits() -> Board:
    """An order and a fill with long names and numbers."""
    board = Board()
    whose: dict[str, Any] = {"venue": "binance-futures", "account": "demo", "symbol": "BTC/USDT:USDT"}
    key = OrderKey("BTCUSDT", "215456454333", OrderKind.ORDER)
    state = replace(order(1, "0.00123456").state, key=key, quantity=Term(Decimal("0.01234")))
    board.take(replace(order(1), **whose, state=replace(state, price=Term(Decimal("60030.12")))), NOW_NS)
    execution = replace(FILL.execution, trade_id="7840180937", price=Decimal("60031.25"))
    board.take(replace(FILL, **whose, execution=execution), NOW_NS)
    board.take(PARTLY, NOW_NS)
    return board


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_no_number_is_cut(width: int) -> None:
    """A narrow terminal lacks columns; what it shows of a number is the whole number."""
    text = drawn(many_digits(), width=width)
    assert max(map(len, text.splitlines())) <= width
    numbers = ("0.00123456", "0.01234", "60030.12", "60031.25", "0.5", "215456454333", "7840180937", "3", "10")
    for word in text.partition("orders\n")[2].partition("interruptions\n")[0].split():
        if word[:1].isdigit():
            assert word in numbers


def test_an_ordinary_terminal_shows_what_matters() -> None:
    """At 80 columns market, side, amounts and status are there, and the account can be told."""
    text = drawn(many_digits(), width=80)
    for word in (
        "binance-futures",
        "BTC/USDT:USDT",
        "buy",
        "0.01234",
        "0.00123456",
        "partially_filled",
        "sell",
        "60031.25",
    ):
        assert word in text
    assert "…" in next(line for line in text.splitlines() if "gap closed" in line)


def test_the_summary_counts() -> None:
    """One line says what the run has told, and which gaps are still open."""
    board = Board()
    for event in (OPENED, OPENED, OPENED, CLOSED, PARTLY, order(1), FILL):
        board.take(event, NOW_NS)
    assert (
        board.summary()
        == "1 accounts: 1 order updates, 1 fills; gaps: 3 opened, 1 closed complete, 1 not complete, 1 still open"
    )
