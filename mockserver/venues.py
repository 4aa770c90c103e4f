"""The venues the mock can play, in the order in which a request is offered to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mockserver.faces.base import VenueSpec
from mockserver.faces.binance import FUTURES, SPOT
from mockserver.faces.ftx import FTX
from mockserver.forms import FormError, nearest

# FTX first: `/ws` is its one URL, and only the retired way in of Binance spot (which `/binance-spot/ws` still reaches).
VENUES: tuple[VenueSpec, ...] = (FTX, SPOT, FUTURES)
_BY_NAME: Final[Mapping[str, VenueSpec]] = {spec.name: spec for spec in VENUES}


def find(told: str) -> tuple[VenueSpec, str]:
    """The venue of this name, and its profile: the newest, or that of the era behind an ``@``. FormError: none."""
    name, _, era = told.partition("@")
    if name not in _BY_NAME:
        raise FormError(f"no venue {name!r}; {nearest(name, _BY_NAME)}")
    spec = _BY_NAME[name]
    if (profile := spec.profile(era)) is None:
        raise FormError(f"{name} has no profile {era!r}; {nearest(era, spec.profiles)}")
    return spec, profile
