"""Which accounts share a host, and what they share with it."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from exchstream.core.venue import MINUTE, SECOND, Throttle
from exchstream.shell.hosts import Hosts
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

MOCK = "http://127.0.0.1:1"


def account(kind: type, name: str, **fields: Any) -> Any:
    return kind(name=name, api_key=f"key of {name}", api_secret="secret", **fields)


@pytest.mark.parametrize("kind", [Ftx, BinanceSpot, BinanceFutures])
async def test_accounts_at_one_address_share_a_host(kind: type) -> None:
    """Whatever the account is, its venue and its address make the host: venues count by IP address, not by key."""
    async with Hosts.open() as hosts:
        one, two = account(kind, "one"), account(kind, "two")
        elsewhere = account(kind, "one", rest_url=MOCK)

        assert hosts.host(one) is hosts.host(two)
        assert hosts.host(one) is not hosts.host(elsewhere)
        assert hosts.host(elsewhere) is hosts.host(account(kind, "three", rest_url=f"{MOCK}/"))


async def test_venues_at_one_address_have_hosts_of_their_own() -> None:
    """The mock serves all venues at one address: each has its own clock and limits."""
    async with Hosts.open() as hosts:
        found = {hosts.host(account(kind, "one", rest_url=MOCK)) for kind in (Ftx, BinanceSpot, BinanceFutures)}

        assert len(found) == 3


async def test_what_one_account_spends_another_waits_for(autojump_clock: MockClock) -> None:
    """The budget is the host's: one account empties the bucket, and the other waits until there is room again."""
    async with Hosts.open() as hosts:
        one, two = (hosts.host(account(Ftx, name, requests_per_second=10)) for name in ("one", "two"))
        started = trio.current_time()
        for _ in range(9):  # a tenth is left to others
            await one.spend("rest", 1)
        assert trio.current_time() == started
        await two.spend("rest", 1)

        assert trio.current_time() - started == pytest.approx(1)


async def test_what_one_account_is_told_holds_for_another(autojump_clock: MockClock) -> None:
    """A ban is told to whoever asked, and meant for the address: nobody there asks before it has ended."""
    async with Hosts.open() as hosts:
        one, two = (hosts.host(account(Ftx, name)) for name in ("one", "two"))
        started = trio.current_time()
        one.obey(Throttle("rest", until_ns=one.clock.now().wall_ns + 2 * MINUTE))
        await two.spend("rest", 1)

        assert trio.current_time() - started == pytest.approx(2 * MINUTE / SECOND)
