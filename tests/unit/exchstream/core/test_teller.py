"""What an account has to tell, and what the teller remembers of it."""

import pytest

from exchstream.core import teller
from exchstream.core.balances import Balances
from exchstream.core.ledger import Ledger
from exchstream.core.teller import Teller
from exchstream.core.venue import Memory
from exchstream.venues.binance import BinanceSpot


def test_symbols_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The symbol unused for longest is forgotten, never one that the user named."""
    monkeypatch.setattr(teller, "MAX_SYMBOLS", 3)
    venue = BinanceSpot(api_key="k" * 64, api_secret="s" * 64, symbols=("MINE",))
    told = Teller(venue, Memory(), Ledger(0), Balances(), symbols={"MINE": 0}, named={"MINE"})
    for symbol in ("A", "B", "A", "C", "C"):
        told.use(symbol, 0)
    assert list(told.symbols) == ["MINE", "A", "C"]
