"""Public-key accounts of Binance spot: RSA and Ed25519, by signed subscription and by logging the session on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from trio.testing import MockClock

from exchstream.events import AccountDown, DownReason
from exchstream.shell.stream import open_stream
from exchstream.venues.binance import BinanceSpot

from .harness import QUICK_NS, Mock, Seat, fills_of, live, served, told_fills, until, verdicts_of


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


def keyed(mock: Mock, kind: str, *, logon: bool) -> tuple[Seat, BinanceSpot]:
    """An account that the mock knows by its public key alone, and the venue that holds the private one."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    exchange = mock.worlds.default.exchanges["binance-spot"]
    name = f"{kind}-{logon}"
    account = mock.worlds.open_account(exchange, name, key_type=kind, public_key_pem=public.decode())  # type: ignore[arg-type]
    seat = Seat(mock, "binance-spot", name, exchange, account.api_key, "", {})
    venue = BinanceSpot(
        name=name,
        api_key=account.api_key,
        private_key=private,
        logon=logon,
        symbols=("BTCUSDT",),
        rest_url=mock.http,
        ws_url=f"{mock.ws}/ws-api/v3",
        lag_ns=QUICK_NS,
    )
    return seat, venue


@pytest.mark.parametrize(("kind", "logon"), [("rsa", False), ("ed25519", False), ("ed25519", True)])
async def test_a_public_key_account_streams_and_recovers(mock: Mock, kind: str, logon: bool) -> None:
    """Subscribed with a signature that only the private key can make; a drop in the middle loses nothing."""
    seat, venue = keyed(mock, kind, logon=logon)
    async with open_stream(venue) as stream:
        await until(stream, live())
        seat.fill(seat.place())
        seat.drop()
        seat.fill(seat.place())
        events = await until(stream, lambda told: live()(told) and len(fills_of(told)) == 2)
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


@pytest.mark.parametrize("logon", [True, False])
async def test_a_key_revoked_while_live_is_noticed(mock: Mock, logon: bool, autojump_clock: MockClock) -> None:
    """A session that is logged on hears it with its next heartbeat, a signed subscription by the next audit."""
    seat, venue = keyed(mock, "ed25519", logon=logon)
    async with open_stream(venue) as stream:
        await until(stream, live())
        seat.exchange.accounts[seat.name].revoked = True
        seat.exchange.face.key_revoked(seat.name)
        started = trio.current_time()
        events = await until(stream, lambda told: any(isinstance(e, AccountDown) for e in told), seconds=300)
    (down,) = [event for event in events if isinstance(event, AccountDown)]
    assert DownReason.CREDENTIALS is down.reason
    assert trio.current_time() - started < 60
