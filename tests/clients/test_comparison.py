"""What exchstream, ccxt and python-binance tell of the same events: the one is asserted, the others are recorded.

A new release of a peer must not break this; so of a peer only that is asserted which makes its row worth reading.
"""

from __future__ import annotations

import os
from functools import partial

import pytest
import trio

from .cells import Cell, tally
from .comparison import Outcomes, compare
from .conftest import OUTCOMES
from .scenarios import SCENARIOS, Scenario
from .stage import CLIENTS, FillId

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """All that came of it; run once."""
    needed = {variable for client in CLIENTS for variable in client.variables.values()}
    if missing := needed - {name for name, value in os.environ.items() if value}:
        pytest.fail(f"{', '.join(sorted(missing))} must name Pythons: run these tests by `nox -s clients`")
    patience_s = request.config.getoption("--patience")
    found = trio.run(partial(compare, tmp_path_factory.mktemp("comparison"), patience_s))
    request.config.stash[OUTCOMES] = found
    return found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_exchstream_tells_it_all(scenario: Scenario, outcomes: Outcomes) -> None:
    """All fills, once, each order's in their order; the interruption is told; nothing secret is logged."""
    outcome = outcomes[scenario.title, "exchstream"]
    assert outcome.trouble is None
    assert outcome.good, outcome.text


@pytest.mark.parametrize("client", [client.name for client in CLIENTS])
def test_everybody_took_part(client: str, outcomes: Outcomes) -> None:
    """The client started, followed the account, and told of a plain fill."""
    outcome = outcomes["burst", client]
    assert outcome.trouble is None
    assert outcome.version


A, B, C = FillId("1", "10"), FillId("1", "11"), FillId("2", "12")


@pytest.mark.parametrize(
    ("told", "cell"),
    [
        ([A, B, C], Cell("3/3 fills", good=True)),
        ([C, A, B], Cell("3/3 fills", good=True)),  # another order's fill may come between
        ([A, C], Cell("2/3 fills", good=False)),
        ([A, B, C, B], Cell("3/3 fills (1 twice)", good=False)),
        ([B, A, C], Cell("3/3 fills, out of order", good=False)),
        ([], Cell("0/3 fills", good=False)),
    ],
)
def test_fills_are_counted(told: list[FillId], cell: Cell) -> None:
    """What is missing, what came twice, and whether each order's fills kept their order."""
    assert tally([A, B, C], told) == cell
