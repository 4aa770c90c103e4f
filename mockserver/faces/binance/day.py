"""What the public trades of the last 24 hours add up to, as far as the mock has kept them.

What this module does not do: format; spot and USD-M write the figures each in their own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from attrs import frozen

from mockserver.engine.engine import Engine
from mockserver.engine.types import Instrument, PublicTrade

MOST_TRADES: Final = 1_000
HOUR_NS: Final = 3_600_000_000_000


@frozen(kw_only=True)
class Day:
    """The trades since `since_ns`, oldest first; prices in ticks (never empty: the last price stands for none)."""

    instrument: Instrument
    since_ns: int
    trades: Sequence[PublicTrade]
    prices: Sequence[int]

    @property
    def change(self) -> Decimal:
        """The last price less the first."""
        return self.instrument.price(self.prices[-1] - self.prices[0])

    @property
    def percent(self) -> Decimal:
        """The change in hundredths of the first price."""
        return self.change / self.instrument.price(self.prices[0]) * 100

    @property
    def volume(self) -> int:
        """What was traded, in steps."""
        return sum(trade.quantity for trade in self.trades)

    @property
    def quote(self) -> int:
        """What was paid for it, in atoms."""
        return sum(trade.quote for trade in self.trades)

    @property
    def average(self) -> Decimal:
        """The average price by volume; 0 where nothing was traded."""
        average = self.instrument.average_price(self.quote, self.volume)
        return Decimal(0) if average is None else average

    @property
    def ids(self) -> tuple[int, int]:
        """The first and the last trade's id; -1 where there is none."""
        return (self.trades[0].trade_id, self.trades[-1].trade_id) if self.trades else (-1, -1)


def day_of(engine: Engine, instrument: Instrument, now_ns: int) -> Day:
    """Return the last day of a market."""
    since = now_ns - 24 * HOUR_NS
    trades = [trade for trade in engine.trades(instrument.name, MOST_TRADES) if trade.time_ns > since]
    prices = [trade.price for trade in trades] or [engine.last_price(instrument.name)]
    return Day(instrument=instrument, since_ns=since, trades=trades, prices=prices)
