"""What the neutral server sends adds up: a client that counts and sums wrong must not pass for a right one."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.bench import reports, reports_ftx
from tests.bench.contestants.meter import END, Told
from tests.bench.reports import Blast

NOW_MS = 1_795_000_000_000


def data(made: Blast) -> list[tuple[str, dict[str, Any]]]:
    """FTX's messages: the channel, and what it tells."""
    read = [json.loads(text, parse_float=Decimal) for text in made.frames]
    return [(message["channel"], message["data"]) for message in read]


@pytest.mark.parametrize("blast", [reports.blast, reports_ftx.blast], ids=["binance-spot", "ftx"])
@pytest.mark.parametrize("messages", [1, 2, 10, 28, 99, 100, 101, 1_000])
def test_as_many_are_made_as_asked_for(blast: Callable[..., Blast], messages: int) -> None:
    made = blast(messages, 7, NOW_MS)

    assert len(made.frames) == messages
    assert END in made.frames[-1]
    assert sum(END in text for text in made.frames) == 1


def test_what_is_counted_of_ftx_is_there() -> None:
    made = reports_ftx.blast(1_000, 0, NOW_MS)

    told = [channel for channel, _ in data(made)]

    assert (told.count("fills"), told.count("orders")) == (made.trades, made.orders)


def test_what_is_to_be_told_of_binance_is_what_its_reports_say() -> None:
    made, told = reports.blast(1_000, 0, NOW_MS), Told()
    for text in made.frames:
        report = json.loads(text)["event"]
        told.note(str(report["i"]), report["X"].lower(), str(report["t"]) if report["x"] == "TRADE" else "")

    assert (told.states, told.executions) == (made.told.states, made.told.executions)
    assert (made.orders, made.trades) == (1_000, sum('"x":"TRADE"' in text for text in made.frames))


def test_what_is_to_be_told_of_ftx_is_what_its_messages_say() -> None:
    made, told = reports_ftx.blast(1_000, 0, NOW_MS), Told()
    for channel, row in data(made):
        if channel == "fills":
            told.executions += str(row["orderId"]), str(row["id"])
        elif row["status"] == "closed":
            told.note(str(row["id"]), "filled" if row["filledSize"] == row["size"] else "canceled")
        else:
            told.note(str(row["id"]), "partially_filled" if row["filledSize"] else "new")

    assert (told.states, told.executions) == (made.told.states, made.told.executions)


def test_each_order_of_ftx_is_filled_as_its_fills_say() -> None:
    filled = defaultdict[int, Decimal](Decimal)
    ended = set[int]()
    for channel, row in data(reports_ftx.blast(1_000, 0, NOW_MS)):
        if channel == "fills":
            filled[row["orderId"]] += row["size"]
            continue
        assert row["id"] not in ended
        assert row["filledSize"] == filled[row["id"]]
        assert row["remainingSize"] == (0 if row["status"] == "closed" else row["size"] - row["filledSize"])
        if row["status"] == "closed":
            ended.add(row["id"])


def test_two_blasts_of_ftx_share_no_id() -> None:
    first, second = reports_ftx.blast(1_000, 0, NOW_MS), reports_ftx.blast(1_000, 1_001, NOW_MS)

    ids = [{(channel, row["id"]) for channel, row in data(made)} for made in (first, second)]

    assert not ids[0] & ids[1]
