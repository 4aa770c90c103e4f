"""Events as lines of text, and the way out to standard output."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from msgspec.structs import replace

from exchstream.cli.lines import PIPE_BUF, line, moment, plain, short, verdict, write
from exchstream.events import (
    AccountDown,
    DownReason,
    Event,
    Fill,
    GapClosed,
    GapOpened,
    GapReason,
    OrderUpdate,
    Scope,
    Unrecognized,
    Unresolved,
)
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    FillKind,
    Liquidity,
    OrderKey,
    OrderKind,
    OrderState,
    OrderType,
    Side,
    Stage,
    Term,
)

NOW_NS = 1_790_000_000_123_456_789
WHO: dict[str, Any] = {"venue": "ftx", "account": "mm"}
SCOPE = Scope(symbols=None, kinds=(OrderKind.ORDER,))
STATE = OrderState(
    key=OrderKey("BTC/USD", "71", OrderKind.ORDER),
    stage=Stage.NEW,
    cumulative=Cumulative(Decimal("0.30")),
    price=Term(Decimal("2E+4")),
    quantity=Term(Decimal("0.50")),
    side=Side.BUY,
    type=OrderType.LIMIT,
)
ORDER = OrderUpdate(**WHO, symbol="BTC/USD", received_ns=NOW_NS, state=STATE)
EXECUTION = Execution(
    venue_symbol="ETH-PERP",
    trade_id="9",
    order_id="71",
    side=Side.SELL,
    price=Decimal("1500.5"),
    quantity=Decimal("2"),
    time_ns=NOW_NS,
)
FILL = Fill(**WHO, symbol=None, received_ns=NOW_NS, execution=EXECUTION)
CANCELED = replace(STATE, end=End.CANCELED, reason="by user")
UNKNOWN = OrderState(key=OrderKey("BTC/USD", "8", OrderKind.ALGO))
PAID = replace(EXECUTION, fee=Decimal("-1E-7"), fee_asset="USD", liquidity=Liquidity.MAKER, kind=FillKind.LIQUIDATION)
MISSING = Unresolved(what="symbol", name="ETHBTC", why="no answer")

LINES = [
    (ORDER, "order 71  BTC/USD  buy limit 0.50 @ 20000  partially_filled, filled 0.30"),
    (
        replace(ORDER, state=CANCELED, recovered=True),
        "order 71  BTC/USD  buy limit 0.50 @ 20000  canceled, filled 0.30 (by user)  (recovered)",
    ),
    (replace(ORDER, symbol=None, state=UNKNOWN), "algo order 8  BTC/USD  - - -  unknown, filled 0"),
    (FILL, "fill 9 of order 71  ETH-PERP  sell 2 @ 1500.5"),
    (
        replace(FILL, execution=PAID, symbol="ETH/USD:USD"),
        "fill 9 of order 71  ETH/USD:USD  sell 2 @ 1500.5  maker, fee -0.0000001 USD, liquidation",
    ),
    (
        GapOpened(**WHO, since_ns=NOW_NS, reason=GapReason.LOST, detail="reset"),
        "gap opened: lost, since 2026-09-21 14:13:20.123Z (reset)",
    ),
    (
        GapClosed(**WHO, since_ns=NOW_NS, until_ns=NOW_NS + 5_000_000, scope=SCOPE, complete=True, recovered=2),
        "gap closed: complete for all symbols, 2 recovered, 2026-09-21 14:13:20.123Z to 2026-09-21 14:13:20.128Z",
    ),
    (
        GapClosed(
            **WHO,
            since_ns=0,
            until_ns=0,
            scope=replace(SCOPE, symbols=("BTCUSDT",)),
            complete=False,
            unresolved=(MISSING,),
        ),
        (
            "gap closed: NOT complete for BTCUSDT, 0 recovered (symbol ETHBTC: no answer), "
            "1970-01-01 00:00:00.000Z to 1970-01-01 00:00:00.000Z"
        ),
    ),
    (AccountDown(**WHO, reason=DownReason.CREDENTIALS, detail="bad key"), "ACCOUNT DOWN: credentials: bad key"),
    (
        Unrecognized(**WHO, what="kind x", raw=b'{"a":"\x1b[2J\n"}', received_ns=0),
        'unrecognized: kind x: {"a":"?[2J?"}',
    ),
]


@pytest.mark.parametrize(("event", "expected"), LINES)
def test_each_event_is_one_line(event: Event, expected: str) -> None:
    """Every kind of event says what happened in one line, without control characters."""
    assert f"14:13:20.123  {'ftx/mm':<22}  {expected}" == line(event, NOW_NS)


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (None, "complete for all symbols, 0 recovered"),
        ((), "complete for no symbol, as none is known, 0 recovered"),
        (("BNBUSDT", "ETHUSDT"), "complete for BNBUSDT, ETHUSDT, 0 recovered"),
        (tuple("ABCDEFGHIJ"), "complete for A, B, C, D, E, F, G, H and 2 more, 0 recovered"),
    ],
)
def test_a_verdict_says_what_it_is_about(symbols: tuple[str, ...] | None, expected: str) -> None:
    """Complete is no more than complete for these symbols, of which a long list is cut short."""
    scope = replace(SCOPE, symbols=symbols)
    assert expected == verdict(GapClosed(**WHO, since_ns=0, until_ns=0, scope=scope, complete=True))


def test_a_time_beyond_the_calendar_is_a_number() -> None:
    """A venue that sends an absurd time crashes nothing."""
    assert f"{10**30} ns" == moment(10**30)


def test_numbers_have_no_exponent() -> None:
    """An amount is written out, and absence is a dash."""
    assert (plain(None), plain(Decimal("1.2E-7")), plain(Decimal("1E+3"))) == ("-", "0.00000012", "1000")


@pytest.mark.parametrize(
    ("number", "expected"), [(None, "-"), ("60000", "60000"), ("0.5100", "0.51"), ("7.00", "7"), ("0E-8", "0")]
)
def test_numbers_in_the_table_are_short(number: str | None, expected: str) -> None:
    """Zeros at the end are left out, and no others."""
    assert short(None if number is None else Decimal(number)) == expected


async def test_lines_go_to_files(tmp_path: Path) -> None:
    """A regular file, which epoll does not know, takes the lines as a pipe does."""
    path = tmp_path / "out"
    with path.open("wb") as file:
        await write([b"one", b"two"], file.fileno())
    assert path.read_bytes() == b"one\ntwo\n"


async def test_a_slow_reader_keeps_no_other_task_waiting() -> None:
    """While the pipe is full other tasks run; once it is read, every line arrives whole and in order."""
    lines = [b"%d" % number * 700 for number in range(200)]
    read, written = os.pipe()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, lines, written)
            await trio.testing.wait_all_tasks_blocked()
            received = b""
            while received.count(b"\n") < len(lines):
                received += os.read(read, 1 << 16)
                await trio.testing.wait_all_tasks_blocked()
    finally:
        os.close(read)
        os.close(written)
    assert lines == received.splitlines()


async def test_cancelled_between_lines() -> None:
    """A write that is cancelled while the reader sleeps leaves whole lines behind."""
    read, written = os.pipe()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, [b"x" * (PIPE_BUF // 2)] * 100, written)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert os.read(read, 1 << 20).endswith(b"x\n")
    finally:
        os.close(read)
        os.close(written)


async def test_a_reader_that_has_gone() -> None:
    """Writing to nobody is a BrokenPipeError."""
    read, written = os.pipe()
    os.close(read)
    try:
        with pytest.raises(BrokenPipeError):
            await write([b"x"], written)
    finally:
        os.close(written)
