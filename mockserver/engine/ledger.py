"""Balances, positions and fees: who owns what after a trade.

Everything is whole atoms and every trade is a zero-sum booking: for each asset, the sum over all accounts (the house
included) of what they own, less the signed cost of open positions, plus the fees collected, only changes by deposits.
The house has unlimited funds (its balances go below zero) and pays no fees.

What stands behind isolated positions is locked; how much that is is reckoned in ``isolated.py``.
What it does not do: margin (``margin.py``). A PERP wallet may go below zero.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs

from mockserver.engine.fees import Fee
from mockserver.engine.isolated import missing, wallet_after
from mockserver.engine.terms import ORDINARY, Terms
from mockserver.engine.types import HOUSE, Balance, Instrument, MarginMove, Position, PositionSide, Side
from mockserver.engine.versions import Versions

MOVES_KEPT: Final = 1_000
"""Moves of isolated margin of one account that can be asked for."""


@attrs.define(slots=True)
class _Account:
    name: str
    balances: dict[str, Versions[Balance]] = attrs.field(factory=dict)  # bounded: by the assets of the venue
    positions: dict[tuple[str, PositionSide], Versions[Position]] = attrs.field(factory=dict)  # bounded: as instruments
    terms: Terms = ORDINARY
    moves: deque[MarginMove] = attrs.field(factory=lambda: deque(maxlen=MOVES_KEPT))


class Ledger:
    """The books of one venue."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.fees: dict[str, int] = {}  # bounded: by the assets of the venue
        self._accounts: dict[str, _Account] = {}  # bounded: accounts are opened by the operator only
        self._touched: dict[str, dict[str, None]] = {}  # bounded: emptied by every command
        self._moved: dict[tuple[str, str, PositionSide], None] = {}  # bounded: emptied by every command
        self._covered: dict[str, int] = {}  # bounded: emptied by every command

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

    def take_covered(self) -> dict[str, int]:
        """Return, and forget, what the house paid of the losses of a command, by account."""
        taken, self._covered = self._covered, {}
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
        bounded: bool = False,
    ) -> int:
        """Book one side of a trade and its fee; return the profit it realised.

        ``bounded``: an isolated position loses no more than what stands behind it.
        """
        amounts: dict[str, int] = {}
        if fee is not None:
            self.fees[fee.asset] = self.fees.get(fee.asset, 0) + fee.amount
            amounts[fee.asset] = -fee.amount
        realized = 0
        if instrument.is_perp:
            old = self.position(account, instrument.name, position_side)
            new = _traded(old, side.sign * quantity, side.sign * quote)
            realized, paid = new.realized - old.realized, -amounts.get(instrument.cash, 0)
            amounts[instrument.cash] = realized - paid
            if instrument.name in self.terms(account).isolated:
                new = self._isolate(instrument, old, new, paid, bounded=bounded)
            self._put_position(new)
        else:
            coins = side.sign * quantity * instrument.step_atoms
            amounts[instrument.base] = amounts.get(instrument.base, 0) + coins
            amounts[instrument.quote] = amounts.get(instrument.quote, 0) - side.sign * quote
        for asset, amount in amounts.items():
            self.credit(account, asset, amount)
        return realized

    def back(self, position: Position, cash: str, wallet: int) -> Position:
        """Let so much stand behind an isolated position; return it as it is then, which is not kept yet."""
        self.lock(position.account, cash, wallet - position.wallet)
        return attrs.evolve(position, wallet=wallet)

    def move_margin(self, position: Position, cash: str, amount: int) -> None:
        """Let so much more stand behind an isolated position, since the account asked for it."""
        self._put_position(self.back(position, cash, position.wallet + amount))
        self._note_move(position, amount, by_trade=False)

    def fund(self, position: Position, cash: str, amount: int) -> None:
        """Take funding that has been paid from (or to) the account from what stands behind an isolated position."""
        self._put_position(self.back(position, cash, max(0, position.wallet + amount)))

    def moves(self, account: str, as_of_ns: int | None = None) -> tuple[MarginMove, ...]:
        """Return the moves of isolated margin of an account, oldest first, as of a moment."""
        mine = self._accounts[account].moves
        return tuple(each for each in mine if as_of_ns is None or each.time_ns <= as_of_ns)

    def _isolate(self, instrument: Instrument, old: Position, new: Position, paid: int, *, bounded: bool) -> Position:
        """Lock what stands behind a position after a trade; the house pays what a bounded loss leaves unpaid."""
        unpaid = missing(old, new, paid) if bounded else 0
        if unpaid:
            self.credit(new.account, instrument.cash, unpaid)
            self.credit(HOUSE, instrument.cash, -unpaid)
            self._covered[new.account] = self._covered.get(new.account, 0) + unpaid
        wallet = wallet_after(old, new, self.terms(new.account).leverage(instrument), paid)
        grew = abs(new.quantity) > abs(old.quantity) or old.quantity * new.quantity < 0
        self._note_move(new, wallet - old.wallet + (paid if grew else 0), by_trade=True)
        return self.back(attrs.evolve(new, wallet=old.wallet), instrument.cash, wallet)

    def _note_move(self, position: Position, amount: int, *, by_trade: bool) -> None:
        if amount:
            move = MarginMove(
                instrument=position.instrument,
                side=position.side,
                amount=amount,
                by_trade=by_trade,
                time_ns=self.now_ns,
            )
            self._accounts[position.account].moves.append(move)

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


def _traded(old: Position, quantity: int, quote: int) -> Position:
    """Return a position to which signed steps were added for signed quote atoms; what stands behind it is open."""
    realized, entry = 0, old.entry_quote + quote
    if old.quantity * quantity < 0:
        closed = min(abs(old.quantity), abs(quantity))
        # The part of the old cost that goes with the closed steps, and of the new quote that closes them.
        released = _share(old.entry_quote, closed, abs(old.quantity))
        spent = _share(quote, closed, abs(quantity))
        realized = -spent - released
        entry = old.entry_quote - released + quote - spent
    return Position(
        account=old.account,
        instrument=old.instrument,
        quantity=old.quantity + quantity,
        entry_quote=entry,
        realized=old.realized + realized,
        side=old.side,
    )


def _share(amount: int, part: int, whole: int) -> int:
    """Return amount * part / whole, rounded towards zero."""
    size = abs(amount) * part // whole
    return size if amount >= 0 else -size
