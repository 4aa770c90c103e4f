"""What the profile of 2024 has otherwise: pings, limits, and fields that came later."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.faces.base import Ping
from tests.unit.mockserver.faces.binance_client import Client, Socket, fixture, shape

SPOT = "binance_spot"
MINUTE = 60


def pings(profile: str, seconds: float) -> int:
    """How many pings a socket of spot gets that answers each."""
    client = Client(profile, pings=True)
    socket = client.socket("/ws-api/v3")
    count = 0
    for _ in range(int(seconds)):
        client.advance(1)
        for out in socket.link.take():
            if isinstance(out, Ping):
                count += 1
                socket.link.pong(out.payload)
    return count


def test_pings_came_each_three_minutes() -> None:
    """Since February 2025 each 20 s."""
    assert pings("binance-2026", 6 * MINUTE) == 18
    assert pings("binance-2024", 6 * MINUTE) == 2


@pytest.mark.parametrize(("profile", "within_s"), [("binance-2026", 80), ("binance-2024", 3 * MINUTE + 10 * MINUTE)])
def test_how_long_a_pong_may_take(profile: str, within_s: int) -> None:
    """A minute after the first ping, or ten."""
    client = Client(profile, pings=True)
    socket = client.socket("/ws-api/v3")
    client.advance(within_s - 1)
    assert socket.link.open
    client.advance(1)
    assert not socket.link.open


def _expired(client: Client, socket: Socket) -> tuple[Any, Any]:
    """The answer to an IOC order that nobody takes, and its last report."""
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "quantity": "0.01"}
    answer = client.good("POST", "/api/v3/order", **terms, price="50000")
    reports = [message["event"] for message in socket.take() if message["event"]["e"] == "executionReport"]
    return answer, reports[-1]


def test_an_expiry_had_no_reason() -> None:
    """Neither in the event nor in the answer, until March 2026."""
    new, old = Client(), Client("binance-2024")
    answer, report = _expired(new, new.subscribed())
    assert (answer["status"], "expiryReason" in answer, "eR" in report) == ("EXPIRED", True, True)
    answer, report = _expired(old, old.subscribed())
    assert (answer["status"], "expiryReason" in answer, "eR" in report) == ("EXPIRED", False, False)
    assert shape(report) == shape(fixture(SPOT, "execution_report_expired"))


def test_usdm_reports_of_2024_are_those_that_were_recorded() -> None:
    """Without `er`."""
    old = Client("binance-2024")
    key = old.raw("POST", "/fapi/v1/listenKey").body.decode().split('"')[3]
    socket = old.socket(f"/binance-futures/ws/{key}")
    old.buy("futures")
    (report,) = [event for event in socket.take() if event["e"] == "ORDER_TRADE_UPDATE"]
    assert shape(report) == shape(fixture("binance_futures", "order_trade_update_new_2024"))


@pytest.mark.parametrize(("profile", "limit"), [("binance-2026", 300_000), ("binance-2024", 61_000)])
def test_raw_requests(profile: str, limit: int) -> None:
    """Told by exchangeInfo, and kept."""
    client = Client(profile, limits="ip")
    told = client.public("/api/v3/exchangeInfo?symbol=BTCUSDT")["rateLimits"]
    assert [row["limit"] for row in told if row["rateLimitType"] == "RAW_REQUESTS"] == [limit]
    client.spot.settings.options["requests_per_5m"] = 3
    assert [client.raw("GET", "/api/v3/ping").status for _ in range(3)] == [200, 200, 429]


def test_a_change_of_the_profile_brings_its_options() -> None:
    """But for those that were set."""
    client = Client()
    client.spot.settings.options["pong_within_ms"] = 5
    client.spot.play_era("binance-2024")
    options = client.spot.settings.options
    assert (client.spot.settings.profile, options["requests_per_5m"]) == ("binance-2024", 61_000)
    assert (options["pong_within_ms"], options["ping_every_ms"]) == (5, 0)
    client.spot.play_era("binance-2026")
    assert client.spot.settings.options["requests_per_5m"] == 300_000


def test_an_acknowledgement_of_futures_had_its_sums() -> None:
    """`avgPrice` and `cumQuote`, of nothing filled yet, until July 2026; whoever asks for RESULT has them still."""
    for profile, told in (("binance-2024", True), ("binance-2026", False)):
        client = Client(profile)
        answer = client.buy("futures", price="40000", quantity="0.01")
        assert ("avgPrice" in answer, "cumQuote" in answer) == (told, told)
        assert (answer.get("avgPrice", "0.00000"), answer.get("cumQuote", "0")) == ("0.00000", "0")
        assert "cumQuote" in client.buy("futures", price="40000", quantity="0.01", newOrderRespType="RESULT")
