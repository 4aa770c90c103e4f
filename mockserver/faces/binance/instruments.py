"""The markets of the two Binance venues: the engine's instruments and what `exchangeInfo` tells about them.

Fees are the venue's first tier: 0.1 % on spot, 0.02 % and 0.05 % on USD-M. Every filter that is published here is also
enforced (prices and quantities by the engine, the rest by the faces); nothing is published that is not.
What this module does not do: trade.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from mockserver.engine.fees import Discount
from mockserver.engine.types import FeeRule, Instrument, InstrumentKind

SPOT_FEE: Final = 100_000
FUTURES_MAKER_FEE: Final = 20_000
FUTURES_TAKER_FEE: Final = 50_000
SPOT_DISCOUNT: Final = Discount("BNB", 25_000_000, "USDT")
# There is no BNB market here: what one costs is the reference price of the spot venue.
FUTURES_DISCOUNT: Final = Discount("BNB", 10_000_000, "USDT", Decimal(600))
MAX_NUM_ORDERS: Final = 200
MAX_NUM_ALGO_ORDERS: Final = 5
# Of 2024 on USD-M: `exchangeInfo` of production said 10 then; the Algo service takes 200 of an account.
MAX_NUM_CONDITIONAL_2024: Final = 10
MAX_NUM_ORDER_LISTS: Final = 20
MIN_TRAILING_DELTA: Final = 10
MAX_TRAILING_DELTA: Final = 2_000
Bounds = tuple[Decimal, Decimal]
"""The least and the greatest share of a price."""
PERCENT_PRICE: Final[Mapping[str, Bounds]] = {
    "wide": (Decimal("0.001"), Decimal(10)),
    "venue": (Decimal("0.2"), Decimal(5)),
}
"""How far below and above the average price a spot order may lie, by the option `percent_price`."""
FUTURES_PERCENT_PRICE: Final[Mapping[str, Bounds]] = {
    "wide": (Decimal("0.5"), Decimal("1.5")),
    "venue": (Decimal("0.85"), Decimal("1.15")),
}
"""How far below the mark price a sell may lie, and how far above it a buy."""
MAX_PRICE: Final = Decimal(1_000_000)
MAX_NOTIONAL: Final = Decimal(9_000_000)
ONBOARD_MS: Final = 1_569_398_400_000
DELIVERY_MS: Final = 4_133_404_800_000
SELF_TRADE_MODES: Final = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER")
"""TRANSFER is allowed on all symbols since 2026-04-02 (spot changelog)."""
FUTURES_SELF_TRADE_MODES: Final = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
DEFAULT_SELF_TRADE: Final = "EXPIRE_MAKER"


def _spot(base: str, quote: str, tick: str, step: str, reference: str, min_notional: str) -> Instrument:
    return Instrument(
        name=base + quote,
        base=base,
        quote=quote,
        tick=Decimal(tick),
        step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=Decimal(9_000),
        reference_price=Decimal(reference),
        min_notional=Decimal(min_notional),
        maker_fee=SPOT_FEE,
        taker_fee=SPOT_FEE,
        fee_rule=FeeRule.RECEIVED,
    )


def _perp(base: str, tick: str, reference: str) -> Instrument:
    return Instrument(
        name=f"{base}USDT",
        base=base,
        quote="USDT",
        settle="USDT",
        kind=InstrumentKind.PERP,
        tick=Decimal(tick),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(1_000),
        reference_price=Decimal(reference),
        min_notional=Decimal(5),
        maker_fee=FUTURES_MAKER_FEE,
        taker_fee=FUTURES_TAKER_FEE,
        fee_rule=FeeRule.QUOTE,
    )


SPOT: Final = (
    _spot("BTC", "USDT", "0.01", "0.00001", "60000", "5"),
    _spot("ETH", "USDT", "0.01", "0.0001", "3000", "5"),
    _spot("BNB", "USDT", "0.01", "0.001", "600", "5"),
    # Production has a step of 0.0001 here; with a tick of 0.00001 a quote amount would need nine decimals.
    _spot("ETH", "BTC", "0.00001", "0.001", "0.05", "0.0001"),
)
FUTURES: Final = (_perp("BTC", "0.1", "60000"), _perp("ETH", "0.01", "3000"))


def decimals(unit: Decimal) -> int:
    """Return how many decimals a tick or a step has."""
    exponent = unit.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
