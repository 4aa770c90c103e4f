"""The hosts that the mock plays: which venue answers under which name, and which names never leave this machine.

A client that was told nothing of the mock names the real host: in the ``Host`` of its requests, in the SNI of its
handshakes, in the CONNECT of its proxy. Whoever sees the name asks here. Names only: nothing is resolved or opened.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

_SPOT: Final = """\
api.binance.com api1.binance.com api2.binance.com api3.binance.com api4.binance.com api-gcp.binance.com
data-api.binance.vision data-stream.binance.vision stream.binance.com ws-api.binance.com
testnet.binance.vision api.testnet.binance.vision api1.testnet.binance.vision stream.testnet.binance.vision
ws-api.testnet.binance.vision demo-api.binance.com demo-stream.binance.com demo-ws-api.binance.com"""

_FUTURES: Final = """\
fapi.binance.com fapi1.binance.com fapi2.binance.com fapi3.binance.com fstream.binance.com fstream-auth.binance.com
ws-fapi.binance.com dapi.binance.com testnet.binancefuture.com stream.binancefuture.com fstream.binancefuture.com
dstream.binancefuture.com demo-fapi.binance.com demo-fstream.binance.com demo-dapi.binance.com
testnet-ws-fapi.binance.com"""

_FTX: Final = "ftx.com ftx.us www.ftx.com www.ftx.us"

VENUE_OF_HOST: Final[dict[str, str]] = {
    **dict.fromkeys(_SPOT.split(), "binance-spot"),
    **dict.fromkeys(_FUTURES.split(), "binance-futures"),
    **dict.fromkeys(_FTX.split(), "ftx"),
}
"""COIN-M's REST is there because clients load its markets: the futures venue answers that there are none."""

DOMAINS: Final = ("binance.com", "binance.vision", "binancefuture.com", "ftx.com", "ftx.us")
"""The venues' domains: a name below one of these is held by the mock, which answers 404 where it plays no such host."""

PORTS: Final = (443, 9443, 80)
"""Where the real hosts listen."""

LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def host_of(authority: str) -> str:
    """The name in ``host``, ``host:port`` or ``[::1]:port``, in small letters; empty when there is none."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def venue_of(authority: str | None) -> str | None:
    """The venue that answers under this name, or None: then the path says which it is."""
    return VENUE_OF_HOST.get(host_of(authority or ""))


def is_played(host: str) -> bool:
    """Whether the mock stands in for this host."""
    return any(host == domain or host.endswith(f".{domain}") for domain in DOMAINS)


def foreign_host(target: str) -> str | None:
    """The host in the target of a request that a proxy is given (``GET http://host/path``), or None.

    axios gives even ``https://`` addresses so, unencrypted, and leaves the TLS to the proxy.
    """
    return target.partition("://")[2].partition("/")[0] if target.startswith(("http", "ws")) else None


def origin_form(target: str, here: Collection[str] = LOCAL) -> str:
    """The target without the host, where that is one of ours; as it stands where it is not."""
    authority = foreign_host(target)
    if authority is None or not (is_played(host_of(authority)) or host_of(authority) in here):
        return target
    return "/" + target.partition("://")[2].partition("/")[2]


def refusal(host: str) -> str:
    """Why a request for this host goes nowhere."""
    return (
        f"mockserver: {host or 'this'} is no host that the mock plays, and nothing else leaves this machine "
        "(--egress allow lets https to other hosts through)"
    )
