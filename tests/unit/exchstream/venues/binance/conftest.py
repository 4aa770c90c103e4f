"""Accounts, and answers to their questions."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exchstream.core.venue import CredentialIs, Memory, Reply, Secret
from exchstream.venues.binance import BinanceFutures, BinanceSpot

FIXTURES = Path(__file__).parents[4] / "fixtures"
LISTEN_KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"
NOW_NS = 1_700_000_000_000_000_000


@pytest.fixture
def spot() -> BinanceSpot:
    return BinanceSpot(api_key="key-of-spot", api_secret="secret-of-spot")


@pytest.fixture
def classic() -> BinanceSpot:
    return BinanceSpot(api_key="key-of-spot", api_secret="secret-of-spot", user_data="listen-key")


@pytest.fixture
def futures() -> BinanceFutures:
    return BinanceFutures(api_key="key-of-futures", api_secret="secret-of-futures")


@pytest.fixture
def memory() -> Memory:
    return Memory(credential=CredentialIs(Secret(LISTEN_KEY), 0, 0, NOW_NS * 2), markets={})


@pytest.fixture
def fixture() -> Callable[[str], str]:
    return lambda path: (FIXTURES / path).read_text()


@pytest.fixture
def reply() -> Callable[..., Reply]:
    def make(body: str | bytes, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, named, body.encode() if isinstance(body, str) else body, NOW_NS)

    return make
