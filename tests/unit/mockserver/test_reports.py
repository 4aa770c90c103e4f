"""What a client says it heard: lines that are reports, lines that are none, and those that only say so."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from mockserver.checkers import Closed, Opened, ToldFill, ToldOrder
from mockserver.forms import nearest
from mockserver.reports import EVENTS, ReportError, Reports

FILL = '{"event": "fill", "symbol": "BTCUSDT", "order_id": 7, "trade_id": "3", "price": "99.90", "quantity": 0.50}'
ORDER = '{"event": "order_update", "symbol": "X", "order_id": "7", "status": "FILLED", "filled_quantity": "1"}'


def test_the_least_that_is_needed() -> None:
    """Ids may be numbers, amounts may be JSON numbers and keep their digits."""
    reports = Reports()
    assert reports.silent
    assert reports.line(FILL, 5)
    assert reports.line(f"  {ORDER}\n", 6)
    assert reports.told == [
        ToldFill(5, ("BTCUSDT", "3", "7"), 0, Decimal("99.90"), Decimal("0.50")),
        ToldOrder(6, ("X", "7", "order"), "filled", Decimal(1)),
    ]
    assert not reports.silent


def test_exchstreams_own_lines() -> None:
    """Gaps, verdicts, the venue's symbol, what was recovered; events that mean nothing here are left out."""
    reports = Reports()
    scope = '{"symbols":["X"],"orders_since_ns":null}'
    unresolved = '[{"what":"symbol","name":"Y","why":"z"}]'
    verdict = '{"event":"gap_closed","since_ns":1,"until_ns":2,"complete":false,"recovered":0'
    fill = '{"event":"fill","symbol":"BTC/USDT","venue_symbol":"BTCUSDT","order_id":"7","trade_id":"3","price":"1"'
    lines = [
        '{"event":"gap_opened","since_ns":1,"reason":"start","detail":""}',
        f'{verdict},"scope":{scope},"unresolved":{unresolved}}}',
        f'{fill},"quantity":"2","fee":"0.1","time_ns":4,"recovered":true}}',
        '{"event":"unrecognized","what":"x"}',
        '{"event":"account_down","what":"x"}',
    ]
    assert all(reports.line(line, 9) for line in lines)
    assert reports.told == [
        Opened(9, 1, "start"),
        Closed(9, 1, 2, frozenset({"X"}), False, (("symbol", "Y"),), None),
        ToldFill(9, ("BTCUSDT", "3", "7"), 4, Decimal(1), Decimal(2), Decimal("0.1"), True),
    ]


@pytest.mark.parametrize("line", ["", "hello", "{", "[1]", '{"a": 1}', "{'event': 'fill'}", "{" * 5000])
def test_other_output_is_no_report(line: str) -> None:
    """And no error."""
    reports = Reports()
    assert not reports.line(line, 0)
    assert reports.silent


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (FILL.replace('"trade_id"', '"tradeId"'), "a report of a fill needs 'trade_id'"),
        (FILL.replace('"99.90"', '"many"'), "'price' of a report is a decimal number"),
        (FILL.replace('"99.90"', '"NaN"'), "'price' of a report is a decimal number"),
        (FILL.replace("0.50", "null"), "needs 'quantity'"),
        (ORDER.replace('"FILLED"', "true"), "needs 'status'"),
        ('{"event":"gap_opened","since_ns":"1","reason":"x"}', "needs 'since_ns', a whole number"),
    ],
)
def test_a_report_that_cannot_be_read(line: str, words: str) -> None:
    """Is kept as wrong, not passed over: a bot whose reports are lost would look well."""
    reports = Reports()
    assert reports.line(line, 0)
    assert words in reports.wrong[0]
    assert not reports.silent


@pytest.mark.parametrize("event", ["fil", "Fill", "fills", "orderUpdate", "order_updated", "gap_close"])
def test_a_misspelt_event(event: str) -> None:
    """A line of output that nearly is a report cannot be read: a bot whose reports are lost would look wrong."""
    row = json.loads(FILL) | {"event": event}
    reports = Reports()
    assert reports.line(json.dumps(row), 0)
    assert [line.partition(": ")[0] for line in reports.wrong] == [f"no event {event!r}; {nearest(event, EVENTS)}"]
    with pytest.raises(ReportError, match=f"no event '{event}'; did you mean"):
        reports.take(row, 0)


@pytest.mark.parametrize("event", ["heartbeat", "order", "trade", 5, None, ["fill"], {}])
def test_a_bots_own_events(event: object) -> None:
    """Its lines may have events of any name; what must be a report may not."""
    reports = Reports()
    reports.line(json.dumps({"event": event}), 0)
    assert reports.silent
    with pytest.raises(ReportError, match="no event"):
        reports.take({"event": event}, 0, known=True)


def test_whoever_waits_is_told() -> None:
    """Of each report, also of one that is wrong."""
    reports, heard = Reports(), []
    reports.on_report = lambda: heard.append(len(reports.told) + len(reports.wrong))
    for line in (FILL, ORDER, '{"event":"fill"}', "nothing"):
        reports.line(line, 0)
    assert heard == [1, 2, 3]


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot in a loop does not fill the memory."""
    monkeypatch.setattr("mockserver.reports.MAX_TOLD", 1)
    reports = Reports()
    reports.take({"event": "gap_opened", "since_ns": 1, "reason": "x"}, 0)
    with pytest.raises(ReportError, match="more than 1 reports"):
        reports.take({"event": "gap_opened", "since_ns": 1, "reason": "x"}, 0)
