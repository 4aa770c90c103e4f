"""The venues the mock can play, in the order in which a request is offered to them."""

from __future__ import annotations

from mockserver.faces.base import VenueSpec
from mockserver.faces.binance import BINANCE_FUTURES, BINANCE_SPOT
from mockserver.faces.ftx import FTX

VENUES: tuple[VenueSpec, ...] = (BINANCE_SPOT, BINANCE_FUTURES, FTX)
