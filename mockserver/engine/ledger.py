"""Balances, positions and fees: who owns what after a trade.

Everything is whole atoms and every trade is a zero-sum booking: for each asset, the sum over all accounts (the house
included) of what they own, less the signed cost of open positions, plus the fees collected, only changes by deposits.
The house has unlimited funds (its balances go below zero) and pays no fees.

What it does not do: margin (``margin.py``). A PERP wallet may go below zero.
"""

from __future__ import annotations

import attrs

from mockserver.engine.fees import Fee
from mockserver.engine.terms import ORDINARY, Terms
from mockserver.engine.types import Balance, Instrument, Position, PositionSide, Side
from mockserver.engine.versions import Versions


@attrs.define(slots=True)
class _Account:
    name: str
    balances: dict[str, Versions[Balance]] = attrs.field(factory=dict)  # bounded: by the assets of the venue
    positions: dict[tuple[str, PositionSide], Versions[Position]] = attrs.field(factory=dict)  # bounded: as instruments
    terms: Terms = ORDINARY


class Ledger:
    """The books of one venue."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.fees: dict[str, int] = {}  # bounded: by the assets of the venue
        self._accounts: dict[str, _Account] = {}  # bounded: accounts are opened by the operator only
        self._touched: dict[str, dict[str, None]] = {}  # bounded: emptied by every command
        self._moved: dict[tuple[str, str, PositionSide], None] = {}  # bounded: emptied by every command

    def open(self, name: str) -> None:
        """Open an account with nothing in it; opening it again changes nothing."""
        self._accounts.setdefault(name, _Account(name))

    def knows(self, name: str) -> bool:
        """Whether there is such an account."""
        return name in self._accounts

    def names(self) -> tuple[str, ...]:
        """Return all accounts, the house too, in order of opening."""
        return tuple(self._accounts)

    def balance(self, account: str, asset: str) -> Balance:
        """Return what an account owns of an asset now."""
        versions = self._accounts[account].balances.get(asset)
        return Balance(asset=asset, free=0, locked=0) if versions is None else versions.latest

    def balances(self, account: str, as_of_ns: int | None = None) -> tuple[Balance, ...]:
        """Return all balances of an account as of a moment, by asset."""
        mine = self._accounts[account].balances
        found = (mine[asset].at(as_of_ns) for asset in sorted(mine))
        return tuple(balance for balance in found if balance is not None)

    def terms(self, account: str) -> Terms:
        """Return on which terms an account trades."""
        return self._accounts[account].terms

    def set_terms(self, account: str, terms: Terms) -> None:
        """Change on which terms an account trades."""
        self._accounts[account].terms = terms

    def position(self, account: str, instrument: str, side: PositionSide = PositionSide.BOTH) -> Position:
        """Return an account's position now; a flat one when it never traded."""
        versions = self._accounts[account].positions.get((instrument, side))
        if versions is None:
            return Position(account=account, instrument=instrument, quantity=0, entry_quote=0, realized=0, side=side)
        return versions.latest

    def positions(self, account: str, as_of_ns: int | None = None) -> tuple[Position, ...]:
        """Return all positions an account ever had, flat ones too, as of a moment, by instrument."""
        mine = self._accounts[account].positions
        keys = sorted(mine, key=lambda key: (key[0], key[1].value))
        found = (mine[key].at(as_of_ns) for key in keys)
        return tuple(position for position in found if position is not None)

    def touch(self, account: str, assets: tuple[str, ...]) -> None:
        """Mark assets that the coming balance event must list, moved or not."""
        self._touched.setdefault(account, {}).update(dict.fromkeys(assets))

    def take_touched(self) -> tuple[dict[str, dict[str, None]], dict[tuple[str, str, PositionSide], None]]:
        """Return, and forget, the assets by account and the positions touched by a command."""
        taken = self._touched, self._moved
        self._touched, self._moved = {}, {}
        return taken

    def credit(self, account: str, asset: str, amount: int) -> None:
        """Add to (or, negative, take from) what is free."""
        if amount:
            self._move(account, asset, amount, 0)

    def lock(self, account: str, asset: str, amount: int) -> None:
        """Move so much from free to locked (negative: back)."""
        if amount:
            self._move(account, asset, -amount, amount)

    def trade(
        self,
        account: str,
        instrument: Instrument,
        side: Side,
        quote: int,
        quantity: int,
        position_side: PositionSide = PositionSide.BOTH,
        *,
        fee: Fee | None = None,
    ) -> int:
        """Book one side of a trade and its fee; return the profit it realised."""
        amounts: dict[str, int] = {}
        if fee is not None:
            self.fees[fee.asset] = self.fees.get(fee.asset, 0) + fee.amount
            amounts[fee.asset] = -fee.amount
        realized = 0
        if instrument.is_perp:
            key = (instrument.name, position_side)
            realized = self._book_position(account, key, side.sign * quantity, side.sign * quote)
            amounts[instrument.cash] = amounts.get(instrument.cash, 0) + realized
        else:
            coins = side.sign * quantity * instrument.step_atoms
            amounts[instrument.base] = amounts.get(instrument.base, 0) + coins
            amounts[instrument.quote] = amounts.get(instrument.quote, 0) - side.sign * quote
        for asset, amount in amounts.items():
            self.credit(account, asset, amount)
        return realized

    def _book_position(self, account: str, key: tuple[str, PositionSide], quantity: int, quote: int) -> int:
        """Add signed steps bought for signed quote atoms; return the profit of the part that was closed."""
        old = self.position(account, *key)
        if old.quantity * quantity >= 0:
            realized = 0
            entry = old.entry_quote + quote
        else:
            closed = min(abs(old.quantity), abs(quantity))
            # The part of the old cost that goes with the closed steps, and of the new quote that closes them.
            released = _share(old.entry_quote, closed, abs(old.quantity))
            spent = _share(quote, closed, abs(quantity))
            realized = -spent - released
            entry = old.entry_quote - released + quote - spent
        new = Position(
            account=account,
            instrument=old.instrument,
            quantity=old.quantity + quantity,
            entry_quote=entry,
            realized=old.realized + realized,
            side=old.side,
        )
        self._put_position(new)
        return realized

    def _put_position(self, position: Position) -> None:
        positions = self._accounts[position.account].positions
        key = (position.instrument, position.side)
        versions = positions.get(key)
        if versions is None:
            positions[key] = Versions(self.now_ns, position)
        else:
            versions.put(self.now_ns, position)
        self._moved[position.account, *key] = None

    def _move(self, account: str, asset: str, free: int, locked: int) -> None:
        balances = self._accounts[account].balances
        versions = balances.get(asset)
        if versions is None:
            balances[asset] = Versions(self.now_ns, Balance(asset=asset, free=free, locked=locked))
            return
        old = versions.latest
        versions.put(self.now_ns, Balance(asset=asset, free=old.free + free, locked=old.locked + locked))


def _share(amount: int, part: int, whole: int) -> int:
    """Return amount * part / whole, rounded towards zero."""
    size = abs(amount) * part // whole
    return size if amount >= 0 else -size
