"""Real processes are killed in each phase, and nothing is lost; and the checkers find what careless books lose.

`nox -s crash` does the same for minutes, with more kills, and writes the table of docs/guarantees.md.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from exchstream.journal.store import Durability
from mockserver.checkers import ToldFill, ToldOrder, TrueChange, TrueFill
from tests.crash.__main__ import LANES, TRANSPORTS, wanting
from tests.crash.ambush import PHASES, POINTS, Ambush
from tests.crash.books import CarelessBooks
from tests.crash.driver import ANY, Campaign, Row, decks, plan
from tests.crash.page import BEGIN, END, put, table
from tests.crash.verdict import judged, judged_orders, secrets_in
from tests.integration.harness import served

# ------------------------------------------------------------------------------------------------ real processes

FEW: Final[Mapping[tuple[tuple[str, ...], Durability], tuple[Ambush | None, ...]]] = {
    (("binance-spot",), "normal"): (Ambush("look-back", skip=2), Ambush("opening", skip=9), Ambush("rotation")),
    (("ftx",), "normal"): (Ambush("commit", "before COMMIT"), Ambush("idle")),
    (("binance-spot-listen-key", "binance-futures"), "full"): (Ambush("handler", "before its COMMIT", skip=3), None),
}


@pytest.mark.slow
async def test_what_is_killed_in_each_phase_loses_nothing(tmp_path: Path) -> None:
    """Seven kills, each where it was meant to be; then the books are as true as the journal, which is sound.

    One life reads by one transport, the next by the other.
    """
    rows = [Row(flavours, durability) for flavours, durability in FEW]
    async with served() as mock, trio.open_nursery() as nursery:
        for row, places in zip(rows, FEW.values(), strict=True):
            campaign = Campaign.at(mock, row, tmp_path / row.name, random.Random(1))
            campaign.transports = TRANSPORTS
            nursery.start_soon(campaign.run, places)
    assert [row.wrong for row in rows] == [[], [], []]
    assert Counter((*PHASES, ANY)) == sum((row.kills for row in rows), Counter[str]())
    assert [tuple(row.lives.values()) for row in rows] == [(2, 2), (2, 1), (2, 1)]
    assert [row.told for row in rows] == [row.fills for row in rows]
    assert min(row.fills for row in rows) > 10


@pytest.mark.slow
async def test_careless_books_are_found_out(tmp_path: Path) -> None:
    """Position first, effect afterwards, and a kill between: one fill is lost, and nothing is wrong with the stream."""
    async with served() as mock:
        campaign = Campaign.at(mock, Row(("ftx",), "normal"), tmp_path / "ftx", random.Random(1))
        campaign.keeps = CarelessBooks
        row = await campaign.run([Ambush("handler", "before its COMMIT", skip=3)])
    verdict = row.verdict
    assert (len(verdict.lost), len(verdict.moved)) == (1, 1)
    assert (row.trouble, verdict.doubled, verdict.invented, verdict.orders) == ([], [], [], [])
    assert row.told == row.fills - 1


# ------------------------------------------------------------------------------------------------ the comparison

KEY: Final = ("BTCUSDT", "7", "42")
TRUE: Final = TrueFill(KEY, 1_000_000_000, Decimal("99"), Decimal("0.1"), Decimal("0.01"))
TOLD: Final = ToldFill(0, KEY, 1_000_000_000, Decimal("99"), Decimal("0.1"), Decimal("0.01"), False)


def told(**changed: object) -> ToldFill:
    """The true fill, with a change."""
    return TOLD._replace(**changed)  # type: ignore[arg-type]


def test_true_books_are_right() -> None:
    """Nothing to complain of."""
    assert judged([TRUE], {5: TOLD}, {5: KEY}).wrong == []


@pytest.mark.parametrize(
    ("books", "wrong"),
    [
        ({}, "lost"),
        ({5: TOLD, 9: TOLD}, "doubled"),  # as of a bot that forgot how far it was and heard it under another position
        ({5: TOLD, 6: told(key=("BTCUSDT", "8", "42"))}, "invented"),
        ({5: told(quantity=Decimal("0.2"))}, "invented"),
        ({5: told(price=Decimal("98"))}, "invented"),
        ({5: told(fee=Decimal("0.02"))}, "invented"),
    ],
)
def test_false_books_are_found_out(books: Mapping[int, ToldFill], wrong: str) -> None:
    """Each in its own column."""
    verdict = judged([TRUE], books)
    assert [name for name in ("lost", "doubled", "invented") if getattr(verdict, name)] == [wrong]


@pytest.mark.parametrize("journal", [{}, {6: KEY}, {5: ("BTCUSDT", "8", "42")}, {5: KEY, 6: KEY}])
def test_books_that_differ_from_the_journal_are_found_out(journal: Mapping[int, tuple[str, str, str]]) -> None:
    """What was told at a position stands there for ever, and all that stands there was told."""
    assert judged([TRUE], {5: TOLD}, journal).moved != []


def test_orders_that_end_otherwise_are_found_out() -> None:
    """The last that the journal says of an order is how it ended."""
    order = ("BTCUSDT", "42", "order")
    truth = [TrueChange(order, 1_000_000_000, "filled", Decimal("0.4"))]
    working = ToldOrder(1, order, "partially_filled", Decimal("0.3"), False)
    filled = ToldOrder(2, order, "filled", Decimal("0.4"), False)
    assert judged_orders(truth, [working, filled]) == []
    assert judged_orders(truth, [working]) != []
    assert judged_orders(truth, [filled, working]) != []


# ------------------------------------------------------------------------------------------------ plan and page


def rows_of(fills: int) -> list[Row]:
    """What a run could have brought."""
    rows = [Row(flavours, durability) for flavours, durability in LANES]
    points = decks()
    for number, row in enumerate(rows):
        row.kills.update(
            "any moment" if place is None else place.phase for place in plan(12, random.Random(number), points)
        )
        row.fills = row.told = fills
    return rows


def test_a_plan_meets_every_phase() -> None:
    """Sixty kills of bots that promise everything once are enough; the points are known ones."""
    points = decks()
    places = [place for number in range(5) for place in plan(12, random.Random(number), points) if place is not None]
    assert {place.phase for place in places} == set(PHASES)
    assert {place.point for place in places} == {"", *(point for points in POINTS.values() for point in points)}
    assert wanting(rows_of(200)) == []


def test_too_little_is_not_enough() -> None:
    """Few fills, few kills of a phase, and whatever was wrong: each is said."""
    assert wanting(rows_of(199)) == ["only 995 fills"]
    rows = rows_of(200)
    for row in rows:
        del row.kills["rotation"]
    assert wanting(rows) == ["only 0 kills: rotation"]
    rows[-1].trouble.append("it ended by itself")
    assert wanting(rows)[0] == "binance-futures, relaxed: it ended by itself"
    assert wanting(rows_of(300)[:4])[-1] == "only 48 kills"


def test_only_relaxed_may_tell_again() -> None:
    """A fill that was told twice breaks the promise of "normal", and not that of "relaxed"; one that was lost, both."""
    twice, lost = judged([TRUE], {5: TOLD, 9: TOLD}), judged([TRUE], {})
    normal, relaxed = Row(("ftx",), "normal", verdict=twice), Row(("ftx",), "relaxed", verdict=twice)
    assert (len(normal.wrong), relaxed.wrong) == (1, [])
    assert len(attrs.evolve(relaxed, verdict=lost).wrong) == 1


@pytest.mark.parametrize(
    "text",
    [
        b'{"key": "canaryCanaryCanary"}',
        b"GET /api/v3/account?timestamp=1&signature=0123456789abcdef0123",
        b'{"listenKey": "abcdefghijklmnopqrst"}',
        b"wss://stream.binance.com/ws/" + b"aB3" * 22,
    ],
)
def test_a_secret_in_a_file_is_found_out(text: bytes) -> None:
    """A key by itself; signatures and listen keys, which nobody knows before, by where they stand."""
    assert len(list(secrets_in(b"before " + text, ["canaryCanaryCanary"]))) == 1
    assert list(secrets_in(b"?timestamp=1&signature=*** /ws/*** listenKey: ***", ["canaryCanaryCanary"])) == []


def test_the_table_goes_between_the_marks(tmp_path: Path) -> None:
    """What stood there goes, the rest of the page stays; a page without marks is refused."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}former figures\n{END}after\n")
    rows = rows_of(200)
    put(page, rows)
    put(page, rows)
    text = page.read_text()
    assert (text[:7], text[-6:], text.count(BEGIN), text.count("| ftx |")) == ("before\n", "after\n", 1, 1)
    assert table(rows) in text
    assert "former figures" not in text
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no place"):
        put(page, rows)
