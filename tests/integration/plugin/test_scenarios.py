"""Scenarios that are played against the code of a test."""

from __future__ import annotations

import pytest

from .conftest import Run

pytest_plugins = ["pytester"]

SHORT = """
mock: 1
name: nobody knows
venue: binance-spot@2026
seed: 3
account: {USDT: '1000'}
setup: {patience: 5s, settle: 100ms}
before:
- fault: {exec_status_unknown: {accepted: true}, match: {method: POST, path: /api/v3/order, count: 1}}
steps:
- wait: {request: POST /api/v3/order, as: o}
- fill: {order: $o, qty: 50%}
finally:
- check: [no_order_doubled]
"""


def test_a_scenario_judges_the_code_of_a_test(run: Run, pytester: pytest.Pytester) -> None:
    """A careful client passes, a hasty one is told what it did; a world that does not fit is refused."""
    (pytester.path / "short.yaml").write_text(SHORT)
    run("""
import asyncio
from decimal import Decimal

@pytest.mark.mock(scenario="short.yaml")
def test_careful(mock_exchange):
    with mock_exchange.scenario() as played:
        with pytest.raises(urllib.error.HTTPError):
            buy(mock_exchange, "c1")
        asked = dict(symbol="BTCUSDT", origClientOrderId="c1")
        assert call(mock_exchange, "GET", "/api/v3/order", signed=True, **asked)["orderId"]
    assert played.verdict.ok
    assert (mock_exchange.seed, mock_exchange.order("c1").filled) == (3, Decimal("0.005"))

@pytest.mark.mock(scenario="short.yaml")
def test_hasty(mock_exchange):
    with pytest.raises(AssertionError, match="no_order_doubled"):
        with mock_exchange.scenario():
            with pytest.raises(urllib.error.HTTPError):
                buy(mock_exchange, "c1")
            buy(mock_exchange, "c2")

@pytest.mark.mock(scenario="short.yaml")
def test_asyncio(amock_exchange):
    async def main():
        async with amock_exchange.scenario() as played:
            with pytest.raises(urllib.error.HTTPError):
                await asyncio.to_thread(buy, amock_exchange, "c1")
        return played.verdict.ok
    assert asyncio.run(main())

def test_what_the_block_raises_ends_it(mock_exchange):
    with pytest.raises(ZeroDivisionError):
        with mock_exchange.scenario("half-open"):
            1 / 0

@pytest.mark.mock(venue="ftx")
def test_of_another_venue(mock_exchange):
    with pytest.raises(Exception, match="mark the test with mock.scenario='half-open'"):
        with mock_exchange.scenario("half-open"):
            pass
    with pytest.raises(Exception, match="no scenario is named here, nor by the marker"):
        with mock_exchange.scenario():
            pass
""").assert_outcomes(passed=5)


def test_what_is_left_out_is_said(run: Run, pytester: pytest.Pytester) -> None:
    """A story that kills the client's process is played without that, with a warning."""
    text = SHORT.replace("- fill:", "- restart: [kill, 1s]\n- drop: reset\n- fill:")
    (pytester.path / "killed.yaml").write_text(text)
    run("""
@pytest.mark.mock(scenario="killed.yaml")
def test_it(mock_exchange):
    with pytest.warns(match="left out: step 2 .restart: .kill, 1s.. befalls the client's own process"):
        with mock_exchange.scenario() as played:
            with pytest.raises(urllib.error.HTTPError):
                buy(mock_exchange, "c1")
    assert played.verdict.ok
""").assert_outcomes(passed=1)


def test_a_shipped_scenario_with_exchstream(run: Run) -> None:
    """What the stream tells is reported line by line; nobody who reports nothing is taken to have heard all."""
    run("""
import trio
from exchstream import BinanceSpot, open_stream, to_json

@pytest.mark.mock(scenario="fill-during-reconnect")
@pytest.mark.parametrize("reports", [True, False])
async def test_stream(trio_mock_exchange, autojump_clock, reports):
    mock = trio_mock_exchange
    account = BinanceSpot(
        name="main", api_key=mock.api_key, api_secret=mock.api_secret, symbols=["BTCUSDT"], rest_url=mock.http,
        ws_url=f"{mock.ws}/ws-api/v3", stream_url=mock.ws,
    )
    said = []

    async def read(stream):
        async for event in stream:
            if reports:
                mock.report(to_json(event))

    async with open_stream(account) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(read, stream)
        try:
            async with mock.scenario() as played:
                pass
        except AssertionError as error:
            said.append(str(error))
        nursery.cancel_scope.cancel()
    assert played.verdict.ok == reports
    assert reports or "the client has reported nothing" in said[0]
""").assert_outcomes(passed=2)
