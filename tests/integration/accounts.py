"""An account at the mock as exchstream is told of it, by its flavour; without the mock, for programs of their own."""

from __future__ import annotations

from typing import Any, Final

from exchstream.core.venue import Venue
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx

FLAVOURS: Final = ("binance-spot", "binance-spot-listen-key", "binance-futures", "ftx")
SYMBOLS: Final = {"binance-spot": "BTCUSDT", "binance-futures": "BTCUSDT", "ftx": "BTC/USD"}  # by venue


def venue_of(flavour: str) -> str:
    """The venue of this flavour: spot has two."""
    return "binance-spot" if flavour.startswith("binance-spot") else flavour


def account(flavour: str, http: str, ws: str, **options: Any) -> Venue:
    """The account of this flavour (one of FLAVOURS) at a mock with these URLs."""
    common: dict[str, Any] = {"rest_url": http}
    if flavour != "ftx":  # which needs none
        common["symbols"] = (SYMBOLS[venue_of(flavour)],)
    common |= options
    match flavour:
        case "binance-spot":
            return BinanceSpot(ws_url=f"{ws}/ws-api/v3", stream_url=ws, **common)
        case "binance-spot-listen-key":
            return BinanceSpot(user_data="listen-key", stream_url=ws, **common)
        case "binance-futures":
            return BinanceFutures(ws_url=ws, **common)
        case _:
            return Ftx(ws_url=f"{ws}/ws/", **common)
