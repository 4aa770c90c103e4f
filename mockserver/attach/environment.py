"""The variables of the client's process: where the proxy is, whom to trust, and the demo keys.

Pure: a mapping in, a mapping out. What a client does with them is its own affair: one that ignores ``HTTPS_PROXY`` goes
to the real exchange, and nothing here can hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockserver.hosts import LOCAL

PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "WSS_PROXY", "WS_PROXY", "ALL_PROXY")
"""Each in capitals and in small letters: some clients read the one, some the other."""
BUNDLES: Final = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "WEBSOCKET_CLIENT_CA_BUNDLE")
"""OpenSSL (and httpx), requests, curl, websocket-client: these replace what is trusted, so it is a whole bundle."""


def attached(base: Mapping[str, str], *, proxy: str | None, certificate: str, bundle: str) -> dict[str, str]:
    """The variables of a client that is to come by this proxy; by none, where it has a network of its own."""
    made = dict(base)
    for name in (*PROXIES, "NO_PROXY"):
        for spelt in (name, name.lower()):
            made.pop(spelt, None)
            if proxy is not None:
                made[spelt] = ",".join(LOCAL) if name == "NO_PROXY" else proxy
    made.update(dict.fromkeys(BUNDLES, bundle))
    made["NODE_EXTRA_CA_CERTS"] = certificate
    if proxy is not None:
        made["NODE_USE_ENV_PROXY"] = "1"  # Node 24, and 22 from 22.21: fetch and http(s) obey the variables then
    return made


def told(ready: Mapping[str, Any], certificate: str) -> dict[str, str]:
    """What the readiness object says, as variables: addresses, and key and secret of each venue's demo account."""
    made = {
        "MOCKSERVER_HTTP": ready["http"],
        "MOCKSERVER_WS": ready["ws"],
        "MOCKSERVER_CONTROL": ready["control"],
        "MOCKSERVER_CA": certificate,
    }
    for venue, shown in ready["venues"].items():
        stem = f"MOCKSERVER_{venue.upper().replace('-', '_')}"
        made |= {f"{stem}_KEY": shown["api_key"], f"{stem}_SECRET": shown["api_secret"]}
    return made
