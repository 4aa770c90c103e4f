"""Balances, positions and fees: who owns what after a trade.

Everything is whole atoms and every trade is a zero-sum booking: for each asset, the sum over all accounts (the house
included) of what they own, less the signed cost of open positions, plus the fees collected, only changes by deposits.
The house has unlimited funds (its balances go below zero) and pays no fees.

What it does not do: margin. A PERP wallet may go below zero; whether an order may be placed is decided in ``matching``.
"""

from __future__ import annotations

import attrs

from mockserver.engine.types import (
    ATOMS,
    HOUSE,
    Balance,
    FeeRule,
    Instrument,
    Position,
    Side,
)
from mockserver.engine.versions import Versions


@attrs.frozen(slots=True)
class Fee:
    """What one side of a trade pays: positive costs, negative is a rebate."""

    amount: int
    asset: str
    rate: int


@attrs.define(slots=True)
class _Account:
    name: str
    balances: dict[str, Versions[Balance]] = attrs.field(factory=dict)  # bounded: by the assets of the venue
    positions: dict[str, Versions[Position]] = attrs.field(factory=dict)  # bounded: by the instruments of the venue


class Ledger:
    """The books of one venue."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.fees: dict[str, int] = {}  # bounded: by the assets of the venue
        self._accounts: dict[str, _Account] = {}  # bounded: accounts are opened by the operator only
        self._touched: dict[str, dict[str, None]] = {}  # bounded: emptied by every command
        self._moved: dict[tuple[str, str], None] = {}  # bounded: emptied by every command

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

    def position(self, account: str, instrument: str) -> Position:
        """Return an account's position now; a flat one when it never traded."""
        versions = self._accounts[account].positions.get(instrument)
        if versions is None:
            return Position(account=account, instrument=instrument, quantity=0, entry_quote=0, realized=0)
        return versions.latest

    def positions(self, account: str, as_of_ns: int | None = None) -> tuple[Position, ...]:
        """Return all positions an account ever had, flat ones too, as of a moment, by instrument."""
        mine = self._accounts[account].positions
        found = (mine[name].at(as_of_ns) for name in sorted(mine))
        return tuple(position for position in found if position is not None)

    def touch(self, account: str, assets: tuple[str, ...]) -> None:
        """Mark assets that the coming balance event must list, moved or not."""
        self._touched.setdefault(account, {}).update(dict.fromkeys(assets))

    def take_touched(self) -> tuple[dict[str, dict[str, None]], dict[tuple[str, str], None]]:
        """Return, and forget, the assets by account and the (account, instrument) positions touched by a command."""
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
        self, account: str, instrument: Instrument, side: Side, price: int, quantity: int, *, maker: bool
    ) -> tuple[Fee, int]:
        """Book one side of a trade; return its fee and the profit it realised."""
        quote = instrument.notional(price, quantity)
        realized = 0
        if instrument.is_perp:
            realized = self._book_position(account, instrument, side.sign * quantity, side.sign * quote)
            self.credit(account, instrument.cash, realized)
        else:
            self.credit(account, instrument.base, side.sign * quantity * instrument.step_atoms)
            self.credit(account, instrument.quote, -side.sign * quote)
        fee = self._fee(account, instrument, side, quote, quantity, maker=maker)
        self.credit(account, fee.asset, -fee.amount)
        self.fees[fee.asset] = self.fees.get(fee.asset, 0) + fee.amount
        return fee, realized

    def _fee(self, account: str, instrument: Instrument, side: Side, quote: int, quantity: int, *, maker: bool) -> Fee:
        in_base = instrument.fee_rule is FeeRule.RECEIVED and side is Side.BUY and not instrument.is_perp
        asset = instrument.base if in_base else instrument.cash
        if account == HOUSE:
            return Fee(0, asset, 0)
        rate = instrument.maker_fee if maker else instrument.taker_fee
        amount = quantity * instrument.step_atoms if in_base else quote
        # Rounded towards zero, so that a fee never exceeds what was reserved for it.
        size = amount * abs(rate) // ATOMS
        return Fee(size if rate >= 0 else -size, asset, rate)

    def _book_position(self, account: str, instrument: Instrument, quantity: int, quote: int) -> int:
        """Add signed steps bought for signed quote atoms; return the profit of the part that was closed."""
        old = self.position(account, instrument.name)
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
            instrument=instrument.name,
            quantity=old.quantity + quantity,
            entry_quote=entry,
            realized=old.realized + realized,
        )
        self._put_position(new)
        return realized

    def _put_position(self, position: Position) -> None:
        positions = self._accounts[position.account].positions
        versions = positions.get(position.instrument)
        if versions is None:
            positions[position.instrument] = Versions(self.now_ns, position)
        else:
            versions.put(self.now_ns, position)
        self._moved[position.account, position.instrument] = None

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
