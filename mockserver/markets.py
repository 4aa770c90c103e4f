"""A venue with more markets than it has by itself, or with fewer: for clients that follow many.

What this module does not do: change FTX, whose face has a list of its own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import attrs

from mockserver.engine.types import Instrument
from mockserver.faces.base import VenueSpec

BASES: Final = ("SOL", "XRP", "ADA", "DOT", "LTC", "LINK", "AVAX", "UNI", "ATOM", "ETC")
"""What is traded on the further markets."""


def widened(spec: VenueSpec, markets: int | None) -> tuple[VenueSpec, dict[str, Decimal] | None]:
    """The venue with so many markets, and what an account needs to trade on them (None: as usual)."""
    if markets is None or spec.name == "ftx":
        return spec, None
    kept = spec.instruments[:markets]
    if markets <= len(spec.instruments):
        return attrs.evolve(spec, instruments=kept), None
    like = next(each for each in spec.instruments if each.base == "ETH" and each.quote == "USDT")
    cross = next((each for each in spec.instruments if each.quote == "BTC"), None)
    more: list[Instrument] = []
    for base in BASES:
        more.append(attrs.evolve(like, name=f"{base}USDT", base=base))
        if cross is not None and base in BASES[:2]:
            more.append(attrs.evolve(cross, name=f"{base}BTC", base=base))
    balances = {asset: Decimal(amount) for asset, amount in spec.demo_balances.items()}
    if like.settle is None:
        balances |= {base: Decimal(100) for base in BASES}
    return attrs.evolve(spec, instruments=(*kept, *more)[:markets]), balances
