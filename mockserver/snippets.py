"""Lines to copy: how exchstream and ccxt are pointed at a running mock. Text only; nothing is imported from either.

A venue without lines here (a toy, a new one) gets its URLs and its key shown, and no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_WALK: Final = """\
import re, ccxt.pro
def attach(ex):  # every Binance URL -> the mock; ccxt itself is not touched
    def walk(o):
        for k, v in o.items():
            if isinstance(v, dict): walk(v)
            elif isinstance(v, str):
                v = re.sub(r"^https://[^/]*binance\\.com(:\\d+)?", "{http}", v)
                o[k] = re.sub(r"^wss://[^/]*binance\\.com(:\\d+)?", "{ws}", v)
    walk(ex.urls["api"]); return ex
ex = attach(ccxt.pro.{cls}({{"apiKey": "{key}", "secret": "{secret}"}}))"""

_FTX: Final = """\
import ccxt.pro  # ccxt 2.1.74, the last with FTX; aiohttp 3.10.11
ex = ccxt.pro.ftx({{"apiKey": "{key}", "secret": "{secret}", "urls": {{"api":
    {{"public": "{http}", "private": "{http}", "ws": "{ws}/ws"}}}}}})"""

_EXCHSTREAM: Final[dict[str, str]] = {
    "binance-spot": 'BinanceSpot(name="demo", api_key="{key}", api_secret="{secret}", environment="mock", '
    'rest_url="{http}", ws_url="{ws}/ws-api/v3", stream_url="{ws}")',
    "binance-futures": 'BinanceFutures(name="demo", api_key="{key}", api_secret="{secret}", environment="mock", '
    'rest_url="{http}", ws_url="{ws}")',
    "ftx": 'Ftx(name="demo", api_key="{key}", api_secret="{secret}", rest_url="{http}", ws_url="{ws}/ws/")',
}

_CCXT: Final[dict[str, Callable[[dict[str, str]], str]]] = {
    "binance-spot": lambda values: _WALK.format(cls="binance", **values),
    "binance-futures": lambda values: _WALK.format(cls="binanceusdm", **values),
    "ftx": lambda values: _FTX.format(**values),
}


def snippets(venue: str, *, http: str, ws: str, key: str, secret: str) -> dict[str, str]:
    """Client -> lines to copy, for one venue."""
    values = {"http": http, "ws": ws, "key": key, "secret": secret}
    lines = {}
    if venue in _EXCHSTREAM:
        lines["exchstream"] = _EXCHSTREAM[venue].format(**values)
    if venue in _CCXT:
        lines["ccxt"] = _CCXT[venue](values)
    return lines
