"""FTX's markets in the mock, and what `/markets`, `/futures` and `/coins` say of them.

Two spot markets in USD, one in BTC, two perpetuals. Increments are like those FTX listed for BTC-PERP (1.0 and 0.0001,
recorded 2021), except that ETH/BTC has a coarser tick so that a trade's value is a whole number of 1e-8.
What it does not do: dated futures, MOVE contracts, leveraged tokens. Statistics of the last hour and day are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import attrs

from mockserver.engine.types import FeeRule, Instrument, InstrumentKind
from mockserver.faces.ftx.wire import DOUBLE, Json

# Both recorded: taker 0.0007 (2022-05), maker -0.000005, the rebate of accounts that staked FTT (bbgo, ccxt 2021).
# The rebate is the default so that every client meets a negative fee.
TAKER_FEE: Final = 70_000
MAKER_FEE: Final = -500
LEVERAGE: Final = 10
MAX_SIZE: Final = Decimal(99_999_999)  # "Size too large" beyond it (help page "400 Bad Request", 2022)
ZERO: Final = Decimal(0)

COINS: Final[Mapping[str, str]] = {"USD": "USD", "BTC": "Bitcoin", "ETH": "Ethereum"}


@attrs.frozen(slots=True, kw_only=True)
class Market:
    """One market: the engine's instrument and what only FTX says of it."""

    instrument: Instrument
    min_provide: Decimal
    """The smallest limit order that may rest ("Size too small for provide")."""

    @property
    def name(self) -> str:
        """`BTC/USD` or `BTC-PERP`."""
        return self.instrument.name

    @property
    def is_future(self) -> bool:
        """Whether this is a perpetual."""
        return self.instrument.is_perp


@attrs.frozen(slots=True, kw_only=True)
class Quote:
    """The top of a book and the last trade; what is not there is None."""

    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None
    ask_size: Decimal | None
    last: Decimal

    @property
    def price(self) -> Decimal:
        """The last price kept between bid and ask, FTX's `price` of a market."""
        price = self.last
        if self.bid is not None:
            price = max(price, self.bid)
        if self.ask is not None:
            price = min(price, self.ask)
        return price


def _market(name: str, tick: str, step: str, provide: str, reference: str) -> Market:
    perp = name.endswith("-PERP")
    base, _, quote = name.partition("-" if perp else "/")
    instrument = Instrument(
        name=name,
        base=base,
        quote="USD" if perp else quote,
        tick=Decimal(tick),
        step=Decimal(step),
        min_quantity=Decimal(step),
        max_quantity=MAX_SIZE,
        reference_price=Decimal(reference),
        kind=InstrumentKind.PERP if perp else InstrumentKind.SPOT,
        settle="USD" if perp else None,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
        fee_rule=FeeRule.QUOTE,
        leverage=LEVERAGE,
        maintenance=3_000_000,
    )
    return Market(instrument=instrument, min_provide=Decimal(provide))


MARKETS: Final[Mapping[str, Market]] = {
    market.name: market
    for market in (
        _market("BTC/USD", "1", "0.0001", "0.0001", "38500"),
        _market("ETH/USD", "0.1", "0.001", "0.001", "2860"),
        _market("ETH/BTC", "0.00001", "0.001", "0.001", "0.07429"),
        _market("BTC-PERP", "1", "0.0001", "0.001", "38500"),
        _market("ETH-PERP", "0.1", "0.001", "0.001", "2860"),
    )
}


def market_row(market: Market, quote: Quote) -> dict[str, Json]:
    """One row of `GET /markets` (keys as recorded 2021-07, and two more of 2022)."""
    instrument, future = market.instrument, market.is_future
    return {
        "name": market.name,
        "enabled": True,
        "postOnly": False,
        "priceIncrement": instrument.tick,
        "sizeIncrement": instrument.step,
        "minProvideSize": market.min_provide,
        "last": quote.last,
        "bid": quote.bid,
        "ask": quote.ask,
        "price": quote.price,
        "type": "future" if future else "spot",
        "futureType": "perpetual" if future else None,
        "baseCurrency": None if future else instrument.base,
        "isEtfMarket": False,
        "quoteCurrency": None if future else instrument.quote,
        "underlying": instrument.base if future else None,
        "restricted": False,
        "highLeverageFeeExempt": True,
        "largeOrderThreshold": Decimal(5_000),
        "change1h": ZERO,
        "change24h": ZERO,
        "changeBod": ZERO,
        "quoteVolume24h": ZERO,
        "volumeUsd24h": ZERO,
    }


def future_row(market: Market, quote: Quote) -> dict[str, Json]:
    """One row of `GET /futures` (keys as in ccxt 2.1.74)."""
    instrument, mark = market.instrument, quote.price
    coin = COINS[instrument.base]
    return {
        "name": market.name,
        "underlying": instrument.base,
        "description": f"{coin} Perpetual Futures",
        "type": "perpetual",
        "expiry": None,
        "perpetual": True,
        "expired": False,
        "enabled": True,
        "postOnly": False,
        "priceIncrement": instrument.tick,
        "sizeIncrement": instrument.step,
        "last": quote.last,
        "bid": quote.bid,
        "ask": quote.ask,
        "index": mark,
        "mark": mark,
        "imfFactor": Decimal("0.002"),
        "lowerBound": DOUBLE.multiply(mark, Decimal("0.95")),
        "upperBound": DOUBLE.multiply(mark, Decimal("1.05")),
        "underlyingDescription": coin,
        "expiryDescription": "Perpetual",
        "moveStart": None,
        "marginPrice": mark,
        "positionLimitWeight": Decimal(1),
        "group": "perpetual",
        "change1h": ZERO,
        "change24h": ZERO,
        "changeBod": ZERO,
        "volumeUsd24h": ZERO,
        "volume": ZERO,
        "openInterest": ZERO,
        "openInterestUsd": ZERO,
    }


def stream_row(market: Market) -> dict[str, Json]:
    """One entry of the `markets` channel, which has the future's facts nested (keys as in FTX.Net)."""
    instrument, future = market.instrument, market.is_future
    return {
        "name": market.name,
        "enabled": True,
        "postOnly": False,
        "priceIncrement": instrument.tick,
        "sizeIncrement": instrument.step,
        "type": "future" if future else "spot",
        "baseCurrency": None if future else instrument.base,
        "quoteCurrency": None if future else instrument.quote,
        "restricted": False,
        "underlying": instrument.base if future else None,
        "highLeverageFeeExempt": True,
        "future": _stream_future(market) if future else None,
    }


def _stream_future(market: Market) -> dict[str, Json]:
    coin = COINS[market.instrument.base]
    return {
        "name": market.name,
        "underlying": market.instrument.base,
        "description": f"{coin} Perpetual Futures",
        "type": "perpetual",
        "expiry": None,
        "perpetual": True,
        "expired": False,
        "enabled": True,
        "postOnly": False,
        "imfFactor": Decimal("0.002"),
        "underlyingDescription": coin,
        "expiryDescription": "Perpetual",
        "moveStart": None,
        "positionLimitWeight": Decimal(1),
        "group": "perpetual",
    }


def coin_rows() -> list[Json]:
    """The rows of `GET /coins`; ccxt reads `id` and `name`."""
    return [{"id": coin, "name": name} for coin, name in COINS.items()]
