"""The venues the mock can play, in the order in which a request is offered to them."""

from __future__ import annotations

from mockserver.faces.base import VenueSpec
from mockserver.faces.binance import FUTURES, SPOT
from mockserver.faces.ftx import FTX

# FTX first: `/ws` is its one URL, and only the retired way in of Binance spot (which `/binance-spot/ws` still reaches).
VENUES: tuple[VenueSpec, ...] = (FTX, SPOT, FUTURES)
