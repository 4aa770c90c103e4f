"""Which names are the mock's, and what a proxy's client asks for."""

from __future__ import annotations

import pytest

from mockserver.clock import VirtualClock
from mockserver.faces.base import HttpRequest
from mockserver.hosts import foreign_host, host_of, is_played, origin_form, venue_of
from mockserver.server import Server
from mockserver.tally import MAX_NAMES, OTHERS, Tally
from mockserver.venues import VENUES
from mockserver.world import NoTransport, Recipe, Worlds
from tests.unit.mockserver.faces.binance_client import Client


@pytest.mark.parametrize(
    ("authority", "venue"),
    [
        ("api.binance.com", "binance-spot"),
        ("API.Binance.com:443", "binance-spot"),
        ("stream.binance.com:9443", "binance-spot"),
        ("ws-api.testnet.binance.vision", "binance-spot"),
        ("fstream.binance.com.", "binance-futures"),
        ("testnet.binancefuture.com:443", "binance-futures"),
        ("ftx.us", "ftx"),
        ("127.0.0.1:8080", None),
        ("www.binance.com", None),
        ("api.binance.com.example.com", None),
        ("[not an address", None),
        (None, None),
    ],
)
def test_a_host_names_its_venue(authority: str | None, venue: str | None) -> None:
    """Ports, capitals and a last dot do not matter; a name that only looks like one is none."""
    assert venue_of(authority) == venue


@pytest.mark.parametrize(
    ("host", "played"),
    [
        ("api.binance.com", True),
        ("anything.at.all.binance.com", True),
        ("ftx.com", True),
        ("notbinance.com", False),
        ("binance.com.example.com", False),
        ("binance.us", False),
        ("", False),
    ],
)
def test_all_of_a_domain_is_held(host: str, played: bool) -> None:
    """Whatever lies below a venue's domain never leaves the machine; a name that ends alike is not below it."""
    assert is_played(host) is played


@pytest.mark.parametrize(
    ("target", "origin"),
    [
        ("/api/v3/time?x=http://y", "/api/v3/time?x=http://y"),
        ("http://api.binance.com/api/v3/time?a=1", "/api/v3/time?a=1"),
        ("https://ftx.com", "/"),
        ("http://localhost:8080/x", "/x"),
        ("http://example.com/x", "http://example.com/x"),
    ],
)
def test_a_proxys_request_loses_its_host_where_it_is_ours(target: str, origin: str) -> None:
    """A request for another host keeps it, and is refused by it."""
    assert origin_form(target) == origin


@pytest.mark.parametrize(
    ("host", "path", "venue"),
    [
        ("stream.binance.com:9443", "/ws", "binance-spot"),
        ("fstream.binance.com", "/ws", "binance-futures"),
        ("ftx.com", "/ws", "ftx"),
        ("127.0.0.1:8080", "/ws", "ftx"),
        ("127.0.0.1:8080", "/binance-futures/ws", "binance-futures"),
        ("stream.binance.com", "/binance-futures/ws", None),
        ("fapi.binance.com", "/api/v3/time", None),
    ],
)
def test_the_host_says_which_venue_is_meant(host: str, path: str, venue: str | None) -> None:
    """Where two share a path, and where a host has not got it; the mock's own address says nothing."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: VirtualClock(0)))
    found = worlds.connect(HttpRequest("GET", path, (("Host", host), ("Upgrade", "websocket"))), NoTransport())
    if venue is None:
        assert not isinstance(found, tuple)
    else:
        assert isinstance(found, tuple)
        assert found[0].venue == venue


def test_hosts_are_read_from_what_clients_write() -> None:
    """Addresses of the sixth version stand in brackets."""
    assert host_of("[::1]:443") == "::1"
    assert foreign_host("/x") is None
    assert foreign_host("http://[::1]:80/x") == "[::1]:80"


def test_the_verdict_says_what_was_reached_refused_and_distrusted() -> None:
    """By host, in words; nothing at all is a word too."""
    tally = Tally()
    assert tally.verdict(held=True) == ["nothing reached the mock"]
    assert "is not held" in tally.verdict(held=False)[0]
    came = Tally()
    came.count(came.distrusted, "ftx.com")
    assert came.verdict(held=False)[0] == "nothing reached the mock"  # it did heed the proxy
    for target in ("/api/v3/time", "/api/v3/time", "http://example.com/x"):
        tally.request(HttpRequest("GET", target, (("Host", "api.binance.com"),)))
    tally.link(HttpRequest("GET", "/ws", (("Host", "stream.binance.com:9443"),)))
    tally.request(HttpRequest("GET", "/"))
    tally.count(tally.refused, "example.com:443")
    tally.count(tally.distrusted, "ftx.com")

    assert tally.verdict(held=True) == [
        "reached the mock as (no host): 1 requests, 0 WebSockets",
        "reached the mock as api.binance.com: 2 requests, 0 WebSockets",
        "reached the mock as stream.binance.com: 0 requests, 1 WebSockets",
        "refused, the mock does not play this host: example.com:443 (1 times)",
        "did not trust the certificate of: ftx.com (1 times)",
    ]


def test_a_key_that_the_mock_does_not_know_is_told() -> None:
    """A client that brought its own key is refused as by the venue; the verdict says what to do."""
    server, named = Server(Client().worlds), ("Host", "api.binance.com")
    for path in ("/api/v3/account", "/api/v3/time"):
        server.answer(HttpRequest("GET", path, (named, ("X-MBX-APIKEY", "k" * 64))))
    assert server.tally.verdict(held=True) == [
        "reached the mock as api.binance.com: 2 requests, 0 WebSockets",
        "the key, its form or what it signed was refused (401), see --keys: api.binance.com (1 times)",
    ]


def test_a_count_has_an_end() -> None:
    """A client that makes up names fills no memory."""
    tally = Tally()
    for number in range(MAX_NAMES + 10):
        tally.count(tally.unmatched, f"GET /{number}")
    assert len(tally.unmatched) == MAX_NAMES + 1
    assert tally.unmatched[OTHERS] == 10
