"""Identifiers in production shape, from counters and a seed: the same seed and the same calls give the same ids.

Clients route and validate by the *shape* of ids (a 64-letter listen key, 22-letter Binance client ids, FTX order ids
above 2**31), and adapters must not take holes for gaps: so counters rise with seeded holes. It does not remember ids.
"""

from __future__ import annotations

import random
from typing import Final

import attrs

from mockserver.engine.types import Kind

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LETTER_OF: Final = bytes(ord(_LETTERS[byte % len(_LETTERS)]) for byte in range(256))


@attrs.frozen(slots=True, kw_only=True)
class IdScheme:
    """Where a venue's counters start, how far they jump, and whether each instrument has counters of its own."""

    order_start: int
    trade_start: int
    execution_start: int = 1
    fill_start: int = 1
    algo_start: int = 1
    prevented_start: int = 1
    list_start: int = 1
    hole: int = 3
    """A counter jumps by 1 to this many."""
    per_instrument: bool = True
    client_ids: bool = True
    """Whether the venue makes a client id when none was sent (Binance does; FTX leaves it null)."""

    def later(self, offset: int) -> IdScheme:
        """Return the scheme with every counter so much further on."""
        return attrs.evolve(
            self,
            order_start=self.order_start + offset,
            trade_start=self.trade_start + offset,
            execution_start=self.execution_start + offset,
            fill_start=self.fill_start + offset,
            algo_start=self.algo_start + offset,
            prevented_start=self.prevented_start + offset,
            list_start=self.list_start + offset,
        )


# Binance samples: spot order ids are per-symbol counters, client ids have 22 letters (spot user-data docs, 2026-07).
# A recorded list of December 2020 has the id 10717037; lists are asked for without a symbol.
BINANCE_SPOT_IDS: Final = IdScheme(
    order_start=4_293_153, trade_start=28_457, execution_start=8_641_984, list_start=10_717_037
)
# Recorded USD-M order ids of 2024-2026 lie around 2e11; algo ids have a space of their own (about 1e15 on testnet).
BINANCE_FUTURES_IDS: Final = IdScheme(
    order_start=215_456_450_616, trade_start=109_100_866, algo_start=1_000_000_202_490_585, hole=97
)
# Recorded FTX ids of May 2022: order 142505221156, fill 7840169726, trade 3887024143; one counter for all markets. A
# trigger order of June 2022 has the id 215826320.
FTX_IDS: Final = IdScheme(
    order_start=142_505_221_156,
    trade_start=3_887_024_143,
    fill_start=7_840_169_726,
    algo_start=215_826_320,
    hole=41,
    per_instrument=False,
    client_ids=False,
)


class Ids:
    """The counters and the letters of one engine."""

    def __init__(self, scheme: IdScheme, seed: int) -> None:
        self.scheme = scheme
        self._random = random.Random(f"ids:{seed}")  # noqa: S311 (shape, not secrecy)
        self._counters: dict[tuple[str, str], int] = {}  # bounded: seven kinds by the instruments of the venue

    def space(self, instrument: str) -> str:
        """Return the name of the id space of an instrument: its own, or one for the whole venue."""
        return instrument if self.scheme.per_instrument else ""

    def order(self, instrument: str) -> int:
        """Return the next order id."""
        return self._next("order", self.space(instrument), self.scheme.order_start)

    def trade(self, instrument: str) -> int:
        """Return the next trade id."""
        return self._next("trade", self.space(instrument), self.scheme.trade_start)

    def fill(self) -> int:
        """Return the next fill id; global on every venue."""
        return self._next("fill", "", self.scheme.fill_start)

    def execution(self, instrument: str) -> int:
        """Return the next execution id."""
        return self._next("execution", self.space(instrument), self.scheme.execution_start)

    def prevented(self, instrument: str) -> int:
        """Return the next id of a prevented match."""
        return self._next("prevented", self.space(instrument), self.scheme.prevented_start)

    def order_list(self) -> int:
        """Return the next id of an order list; global."""
        return self._next("list", "", self.scheme.list_start)

    def algo(self) -> int:
        """Return the next id of a conditional order; global."""
        return self._next("algo", "", self.scheme.algo_start)

    def client(self) -> str | None:
        """Return a client id as the venue makes them (22 letters), or None where it makes none."""
        return self.letters(22) if self.scheme.client_ids else None

    def forced_client(self, kind: Kind) -> str | None:
        """Return the client id of an order the exchange itself makes.

        USD-M user-data docs: "autoclose-..." liquidation, "adl_autoclose" ADL, "settlement_autoclose-..." settlement.
        """
        if not self.scheme.client_ids:
            return None
        match kind:
            case Kind.ADL:
                return "adl_autoclose"
            case Kind.SETTLEMENT:
                return f"settlement_autoclose-{self._random.randrange(10**12, 10**13)}"
            case _:
                return f"autoclose-{self._random.randrange(10**12, 10**13)}"

    def letters(self, length: int) -> str:
        """Return so many letters and digits (listen keys: 64)."""
        return self._random.randbytes(length).translate(_LETTER_OF).decode()

    def _next(self, kind: str, space: str, start: int) -> int:
        key = (kind, space)
        last = self._counters.get(key)
        # Every order, trade and event takes one: randint would be six times as slow.
        value = start if last is None else last + 1 + int(self._random.random() * self.scheme.hole)
        self._counters[key] = value
        return value
