"""Who trades with the clients, by its word: a model of ``liquidity``, or ``replay:FILE`` with the trades of a file.

One reading for the command line, scenarios and pytest's marker.
What this module does not do: say what a model does (``liquidity``), or read a line of a file (``recorded_trades``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from mockserver.exchange import Exchange, Liquidity
from mockserver.liquidity import ALONE, MODELS, REPLAY, make_liquidity
from mockserver.recorded_trades import BadTrades, Recorded, read_trades
from mockserver.venues import VENUES


class NoSupply(ValueError):
    """Why there is no such supply; the text says what there is, or what is wrong with the file."""


@attrs.frozen
class Supply:
    """What a word means: a model, and the trades that a replay plays."""

    word: str
    trades: Sequence[Recorded] = ()

    @property
    def model(self) -> str:
        """The model alone."""
        return self.word.partition(":")[0]

    def make(self, exchange: Exchange) -> Liquidity:
        """Return the model of one exchange."""
        return make_liquidity(self.model, exchange.engine, exchange.random("liquidity"), self.trades)


def checked(text: str) -> str:
    """Return the word as it is, if it is one; no file is opened. NoSupply says what there is."""
    model, _, file = text.partition(":")
    if model == REPLAY and not file.partition("#")[0]:
        raise NoSupply("a replay needs a file of trades: replay:FILE")
    if model not in MODELS or (file and model != REPLAY):
        raise NoSupply(f"no liquidity {text!r}; there are {', '.join(ALONE)}, replay:FILE")
    return text


def read(text: str) -> Supply:
    """Return what a word means; NoSupply says why not. The file of a replay is found from the current directory."""
    model, _, file = checked(text).partition(":")
    return Supply(text, _recorded(file) if model == REPLAY else ())


def _recorded(file: str) -> Sequence[Recorded]:
    """Read the trades of `FILE` or `FILE#SYMBOL`."""
    name, _, symbol = file.partition("#")
    try:
        with Path(name).open(encoding="utf-8") as lines:
            trades = read_trades(lines, name, symbol or None)
    except OSError as error:
        raise NoSupply(f"cannot read {name}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise NoSupply(f"cannot read {name}: it is no text (unpack it first)") from None
    except BadTrades as error:
        raise NoSupply(str(error)) from None
    listed = sorted({instrument.name for spec in VENUES for instrument in spec.instruments})
    if unknown := sorted({trade.symbol for trade in trades} - {*listed}):
        raise NoSupply(f"{name}: no venue here has {unknown[0]}; there are {', '.join(listed)}")
    return trades
