"""What a report of Binance spot costs: from the bytes of a frame to an event, and from the socket to user code.

Nothing fails here for being slow; it fails when exchstream does not deliver everything, once.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.bench import field
from tests.bench.goals import Run
from tests.bench.race import Contestant, Result, Terms, race, run
from tests.bench.reports import COURSE, SIDE_BY_SIDE
from tests.bench.start import MARKETS, PACED, Start, limited, unlimited

RATE = 1_000
QUIET = 50
LAPS = 28


@pytest.fixture
def terms(pytestconfig: pytest.Config) -> Terms:
    """Those of the command line."""
    return Terms(rounds=pytestconfig.getoption("--rounds"), messages=pytestconfig.getoption("--messages"))


def measured(contestants: Sequence[Contestant], terms: Terms) -> Run:
    """Race them."""
    return Run(results=race(contestants, terms), terms=terms)


def assert_all_delivered(run: Run) -> None:
    """exchstream told every report as one update of its order, every execution as one fill, in every round."""
    ours = [result for result in run.results if result.contestant.gets == field.TYPED]
    assert ours
    for result in ours:
        heard = [(lap.orders, lap.fills) for lap in result.laps]
        assert [(lap.sent, lap.trades) for lap in result.laps] == heard, result.contestant.name
        assert all(lap.in_order is True for lap in result.laps), result.contestant.name


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_blast(terms: Terms, runs: dict[str, Run], tls: bool) -> None:
    """exchstream delivers a whole blast, each update once; what it costs stands beside floors and peers."""
    terms = Terms(rounds=terms.rounds, messages=terms.messages, tls=tls)
    name = "blast, TLS" if tls else "blast"
    runs[name] = measured((*field.FLOORS, *field.OURS, *field.peers()), terms)

    assert_all_delivered(runs[name])


def test_blast_of_ftx(terms: Terms, runs: dict[str, Run]) -> None:
    """The same of FTX's orders and fills, of which an execution takes two messages."""
    runs["blast, FTX"] = measured((*field.FTX, *field.ftx_peers()), terms)

    assert_all_delivered(runs["blast, FTX"])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_paced(terms: Terms, runs: dict[str, Run], tls: bool) -> None:
    """At a pace every update comes once and in order; how long it took since the server wrote it is measured."""
    terms = Terms(rounds=terms.rounds, messages=min(terms.messages, 3 * RATE), rate=RATE, tls=tls)
    name = "paced, TLS" if tls else "paced"
    contestants = (field.FAST, *field.quick_peers()) if tls else (*field.FLOORS, *field.OURS, *field.peers())
    runs[name] = measured(contestants, terms)

    assert_all_delivered(runs[name])


def test_decode(terms: Terms, runs: dict[str, Run]) -> None:
    """exchstream makes an event of every text, once; what it costs stands beside a typed decode and a dict."""
    runs["decode"] = measured(field.DECODERS, terms)

    assert_all_delivered(runs["decode"])


def test_journal(terms: Terms, runs: dict[str, Run]) -> None:
    """With a journal on disk everything is delivered as well; each durability has its price."""
    runs["journal"] = measured(field.JOURNALS, terms)

    assert_all_delivered(runs["journal"])


def test_many(terms: Terms, runs: dict[str, Run], pytestconfig: pytest.Config) -> None:
    """One stream follows many accounts; a blast is shared out among them."""
    most = pytestconfig.getoption("--accounts")
    contestants = [each for each in field.MANY if each.accounts <= most]
    messages = max(terms.messages // most, COURSE) * most
    runs["many"] = measured(contestants, Terms(rounds=terms.rounds, messages=messages))

    assert_all_delivered(runs["many"])


def test_fair(terms: Terms, runs: dict[str, Run]) -> None:
    """One account's flood loses and disorders nothing of another's; how long the other's updates take is measured."""
    terms = Terms(rounds=terms.rounds, messages=min(terms.messages // 20, 10 * QUIET), rate=QUIET)
    runs["fair"] = measured(field.FAIR, terms)

    assert_all_delivered(runs["fair"])


def test_start(terms: Terms, starts: list[Start], pytestconfig: pytest.Config) -> None:
    """All accounts of a stream become live with one list of the markets between them."""
    most = pytestconfig.getoption("--accounts")
    for _ in range(min(terms.rounds, 3)):
        for accounts in field.ACCOUNTS:
            if accounts <= most:
                starts += [unlimited(accounts, transport) for transport in field.TRANSPORTS]

    assert_all_live(starts)


def test_start_within_limits(starts: list[Start], pytestconfig: pytest.Config) -> None:
    """A start of more accounts than a minute's weight allows goes on for minutes, and the venue refuses nothing."""
    starts.append(limited(min(pytestconfig.getoption("--accounts"), PACED), field.TRANSPORTS[0]))

    assert_all_live(starts[-1:])
    assert not starts[-1].refused
    assert starts[-1].asked["/ws-api/v3"] == starts[-1].accounts


def assert_all_live(starts: Sequence[Start]) -> None:
    """Each account was live, none had to be dialled again, and the markets were asked for once."""
    assert starts
    for start in starts:
        assert len(start.live_s) == start.accounts
        assert (start.asked[MARKETS], start.reconnects) == (1, 0)


def test_long(runs: dict[str, Run], pytestconfig: pytest.Config) -> None:
    """After many orders a message costs what it cost, and nothing has been lost."""
    reports = pytestconfig.getoption("--orders") * COURSE // SIDE_BY_SIDE
    terms = Terms(rounds=1, messages=max(reports // LAPS, 1_000), laps=LAPS)
    runs["long"] = Run(results=[Result(field.FAST, run(field.FAST, terms))], terms=terms)

    assert_all_delivered(runs["long"])
