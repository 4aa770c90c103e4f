"""What a report of Binance spot costs: from the text of a frame to an event, and from the socket to user code.

Nothing fails here for being slow; it fails when exchstream does not deliver everything, once.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.bench.page import Run
from tests.bench.race import Contestant, Result, race

EXCHSTREAM: Final = "exchstream"
TYPED: Final = "typed, exact, deduplicated events"


def peer(variable: str) -> str:
    """The Python that has this peer."""
    python = os.environ.get(variable)
    if python is None:
        pytest.fail(f"{variable} must name a Python that has it: run this by `nox -s bench`")
    return python


def measured(config: pytest.Config, *contestants: Contestant) -> Run:
    """Race them on the terms of the command line."""
    rounds, messages = config.getoption("--rounds"), config.getoption("--messages")
    return Run(results=race(contestants, rounds=rounds, messages=messages), rounds=rounds, messages=messages)


def assert_all_delivered(result: Result) -> None:
    """Every report came out as one update of its order, every execution as one fill, in every round."""
    heard = [(lap.orders, lap.fills) for lap in result.laps]

    assert [(lap.sent, lap.trades) for lap in result.laps] == heard


def test_socket_to_event(pytestconfig: pytest.Config, runs: dict[str, Run]) -> None:
    """exchstream delivers a whole blast, each update once; what it costs stands beside raw trio-websocket and peers."""
    runs["socket"] = run = measured(
        pytestconfig,
        Contestant(name="raw trio-websocket loop", module="raw_trio_websocket", gets="text"),
        Contestant(name=EXCHSTREAM, module="exchstream_stream", gets=TYPED),
        Contestant(
            name=f'{EXCHSTREAM}, `transport="websockets"`',
            module="exchstream_stream",
            gets=TYPED,
            argv=("memory", "websockets"),
        ),
        Contestant(
            name="python-binance `user_socket`",
            module="python_binance",
            gets="dict of strings",
            python=peer("EXCHSTREAM_BENCH_PYTHON_BINANCE"),
        ),
        Contestant(
            name="ccxt.pro `watch_orders`",
            module="ccxt_pro",
            gets="dict of floats",
            python=peer("EXCHSTREAM_BENCH_CCXT"),
        ),
    )

    assert_all_delivered(run.results[1])
    assert_all_delivered(run.results[2])


def test_text_to_event(pytestconfig: pytest.Config, runs: dict[str, Run]) -> None:
    """exchstream makes an event of every text, once; what it costs stands beside a typed decode and a dict."""
    runs["decode"] = run = measured(
        pytestconfig,
        Contestant(
            name="msgspec", module="decode", gets="typed struct, Decimals", argv=("msgspec", "100"), listens=False
        ),
        Contestant(name="stdlib json", module="decode", gets="dict of strings", argv=("json", "100"), listens=False),
        Contestant(
            name="exchstream, 100 texts a read",
            module="decode",
            gets=TYPED,
            argv=("exchstream", "100"),
            listens=False,
        ),
        Contestant(
            name="exchstream, 1 text a read", module="decode", gets=TYPED, argv=("exchstream", "1"), listens=False
        ),
    )

    assert_all_delivered(run.results[2])
    assert_all_delivered(run.results[3])
