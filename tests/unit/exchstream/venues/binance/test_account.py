"""The fields that spot and futures share, presets, identity, and what is never shown."""

import hashlib
import subprocess
from typing import Any

import pytest

from exchstream.core.limits import LinkLimits
from exchstream.core.venue import SECOND, CredentialIs, Markets, Memory, NewCredential, Reply, Secret
from exchstream.errors import ConfigError
from exchstream.shell.stream import open_stream
from exchstream.venues.binance import BinanceFutures, BinanceSpot

KEYS: dict[str, Any] = {"api_key": "the-key", "api_secret": "the-secret"}


def ed25519() -> str:
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ED25519"], capture_output=True, check=True, text=True)
    return made.stdout


@pytest.mark.parametrize(
    ("venue", "arguments", "words"),
    [
        (BinanceSpot, {"api_key": "k"}, "either api_secret or private_key"),
        (BinanceSpot, {**KEYS, "private_key": "x"}, "not both"),
        (BinanceSpot, {**KEYS, "api_key": ""}, "empty"),
        (BinanceSpot, {**KEYS, "environment": "mock"}, "environment 'mock' needs rest_url"),
        (BinanceSpot, {**KEYS, "user_data": "carrier pigeon"}, "websocket-api"),
        (BinanceSpot, {**KEYS, "logon": True}, "Ed25519"),
        (BinanceSpot, {**KEYS, "recv_window_ms": 60_001}, "60000"),
        (BinanceSpot, {**KEYS, "page_limit": 0}, "page_limit"),
        (BinanceSpot, {**KEYS, "rest_url": "api.binance.com"}, "rest_url"),
        (BinanceFutures, {**KEYS, "ws_url": "http://x"}, "ws_url"),
        (BinanceFutures, {**KEYS, "lag_ns": "6"}, "lag_ns"),
    ],
)
def test_what_cannot_work_is_refused_at_once(venue: type, arguments: dict[str, object], words: str) -> None:
    """Each wrong field raises ConfigError with a text that says what to change."""
    with pytest.raises(ConfigError, match=words):
        venue(**arguments)


@pytest.mark.parametrize(
    ("venue", "environment", "rest", "ws"),
    [
        (BinanceSpot, "production", "https://api.binance.com", "wss://ws-api.binance.com:443/ws-api/v3"),
        (BinanceSpot, "testnet", "https://testnet.binance.vision", "wss://ws-api.testnet.binance.vision/ws-api/v3"),
        (BinanceSpot, "demo", "https://demo-api.binance.com", "wss://demo-ws-api.binance.com/ws-api/v3"),
        (BinanceFutures, "production", "https://fapi.binance.com", "wss://fstream.binance.com"),
        (BinanceFutures, "testnet", "https://testnet.binancefuture.com", "wss://stream.binancefuture.com"),
        (BinanceFutures, "demo", "https://demo-fapi.binance.com", "wss://demo-fstream.binance.com"),
    ],
)
def test_presets(venue: type, environment: str, rest: str, ws: str) -> None:
    """Each environment has the documented base URLs."""
    account = venue(**KEYS, environment=environment)
    assert (environment, rest, ws) == (account.environment, account.rest_url, account.ws_url)


def test_urls_can_be_overridden() -> None:
    """An environment of one's own needs its URLs, and a slash at their end does no harm."""
    account = BinanceFutures(**KEYS, environment="mock", rest_url="http://127.0.0.1:1/", ws_url="ws://127.0.0.1:1/")
    assert (account.rest_url, account.ws_url) == ("http://127.0.0.1:1", "ws://127.0.0.1:1")


def test_identity_is_of_key_and_system() -> None:
    """The name does not count, the key, the product and the environment do; the key cannot be read from it."""
    same = [BinanceSpot(**KEYS, name=name).identity for name in ("a", "b")]
    others = [
        BinanceSpot(**{**KEYS, "api_key": "other"}).identity,
        BinanceSpot(**KEYS, environment="testnet").identity,
        BinanceFutures(**KEYS).identity,
    ]
    assert same[0] == same[1]
    assert len({same[0], *others}) == 4
    assert "the-key" not in same[0]


async def test_two_names_for_one_system_are_one_account() -> None:
    """In an environment of the user's own the address counts, and a preset's address counts as the preset."""
    here: dict[str, Any] = {"ws_url": "ws://127.0.0.1:1"}
    mine = [
        BinanceFutures(**KEYS, **here, environment=environment, rest_url=url).identity
        for environment, url in (
            ("mock", "http://127.0.0.1:80"),
            ("lab", "http://127.0.0.1/path/"),
            ("lab", "HTTP://127.0.0.1"),
            ("lab", "http://127.0.0.1:81"),
            ("lab", "https://127.0.0.1:80"),
        )
    ]
    assert (len(set(mine[:3])), len(set(mine))) == (1, 3)
    assert BinanceFutures(**KEYS).identity == (
        BinanceFutures(**KEYS, **here, environment="mine", rest_url="https://fapi.binance.com:443").identity
    )
    with pytest.raises(ConfigError, match="the same key"):
        async with open_stream(
            *(BinanceFutures(**KEYS, **here, environment=n, rest_url="http://x", name=n) for n in "ab")
        ):
            pytest.fail("it was opened")


def test_identities_of_presets_stay() -> None:
    """They are part of what is kept of an account: a new release must not take it for another one."""
    assert BinanceSpot(**KEYS).identity == hashlib.sha256(b"binance-spot\nproduction\nthe-key").hexdigest()[:32]
    moved = BinanceSpot(**KEYS, rest_url="https://api1.binance.com")
    assert moved.identity == BinanceSpot(**KEYS).identity


def test_nothing_secret_is_shown() -> None:
    """Neither repr nor str of an account or of its requests holds key, secret or signature."""
    account = BinanceSpot(**KEYS, user_data="listen-key")
    request = account.request(NewCredential(), Memory(), 0)
    assert "the-key" not in f"{account!r}{account}{request!r}"
    assert "the-secret" not in f"{account!r}{account}"
    assert {"the-key", "the-secret"} == {secret.reveal() for secret in account.secrets}


def test_from_env(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field can come from the environment, an argument wins, and either kind of key will do."""
    monkeypatch.setenv("EXCHSTREAM_BINANCE_SPOT_MAIN_KEY", "k")
    with pytest.raises(
        ConfigError, match="EXCHSTREAM_BINANCE_SPOT_MAIN_SECRET or EXCHSTREAM_BINANCE_SPOT_MAIN_PRIVATE_KEY"
    ):
        BinanceSpot.from_env("main")
    monkeypatch.setenv("EXCHSTREAM_BINANCE_SPOT_MAIN_PRIVATE_KEY", ed25519().replace("\n", "\\n"))
    monkeypatch.setenv("EXCHSTREAM_BINANCE_SPOT_MAIN_LOGON", "true")
    monkeypatch.setenv("EXCHSTREAM_BINANCE_SPOT_MAIN_SYMBOLS", "BTCUSDT,ETHUSDT")
    account = BinanceSpot.from_env("main", page_limit=7)
    assert (
        account.account,
        account.logon,
        account.symbols,
        account.page_limit,
    ) == ("main", True, ("BTCUSDT", "ETHUSDT"), 7)
    monkeypatch.setenv("EXCHSTREAM_BINANCE_FUTURES_PERPS_KEY", "k")
    assert getattr(BinanceFutures.from_env("perps", api_secret="s").api_secret, "reveal", str)() == "s"
    monkeypatch.setenv("EXCHSTREAM_BINANCE_FUTURES_PERPS_LINK_LIMITS_OPEN_NS", "5000000")
    assert BinanceFutures.from_env("perps", api_secret="s").link_limits == LinkLimits(open_ns=5_000_000)


def test_the_kind_of_key_that_is_passed_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that is passed beside a private key in the environment, and the other way round."""
    pem = ed25519()
    for kind, other, passed in (("PRIVATE_KEY", "api_secret", "s"), ("SECRET", "private_key", pem)):
        with monkeypatch.context() as patch:
            patch.setenv("EXCHSTREAM_BINANCE_SPOT_MAIN_KEY", "k")
            patch.setenv(f"EXCHSTREAM_BINANCE_SPOT_MAIN_{kind}", pem if kind == "PRIVATE_KEY" else "s")
            account = BinanceSpot.from_env("main", **{other: passed})
        assert [getattr(account, other)] == [key for key in (account.api_secret, account.private_key) if key]


def test_the_listen_keys_life_is_the_accounts_to_say(memory: Memory) -> None:
    """How long it lives, when it is renewed, within which spread, and below which path it is heard."""
    account = BinanceSpot(
        **KEYS,
        user_data="listen-key",
        listen_key_ns=90 * SECOND,
        listen_key_renew_ns=40 * SECOND,
        listen_key_spread_ns=10 * SECOND,
        stream_path="/stream?streams={key}",
        settle_ns=3 * SECOND,
        audit_fast_ns=7 * SECOND,
    )
    (told,) = account.answer(NewCredential(), Reply(200, {}, b'{"listenKey":"x"}', SECOND), memory)
    assert told == CredentialIs(Secret("x"), 41 * SECOND, 10 * SECOND, 91 * SECOND)
    lane = account.plan.lanes[0]
    assert account.dial(lane, Memory(told)).url == "wss://stream.binance.com:9443/stream?streams=x"
    assert (lane.settle_ns, account.plan.audit.fast_ns) == (3 * SECOND, 7 * SECOND)


def test_the_plan_follows_the_fields() -> None:
    """An acknowledgement's time-out, how far orders reach back, and a fast beat that is never the slower one."""
    plan = BinanceSpot(**KEYS, ack_ns=5 * SECOND, orders_reach_ns=6 * SECOND).plan
    lane = plan.lanes[0]
    assert (lane.ack_ns, lane.settle_ns) == (5 * SECOND, 0)
    assert (plan.orders.reach_ns, plan.fills.reach_ns) == (6 * SECOND, None)
    for venue in (BinanceSpot, BinanceFutures):
        assert venue(**KEYS, audit_ns=2 * SECOND, audit_fast_ns=3 * SECOND).plan.audit.fast_ns == 2 * SECOND


def test_needs(spot: BinanceSpot, classic: BinanceSpot, futures: BinanceFutures, memory: Memory) -> None:
    """Markets always, a listen key where one is dialled with and there is none that lives."""
    assert [Markets()] == list(spot.needs(Memory(), 0))
    assert [Markets(), NewCredential()] == list(classic.needs(Memory(), 0))
    assert list(futures.needs(memory, 0)) == []
    assert memory.credential is not None
    assert [NewCredential()] == list(futures.needs(memory, memory.credential.expires_ns))
