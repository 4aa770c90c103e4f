"""Do the holdings agree with the executions?  The only trace of a trade on a symbol that nobody told us of.

Holdings (spot: the balances of assets; derivatives: the positions) are compared with a baseline plus what the
executions since then explain; of those that happened while the baseline was being read nobody knows which are in there,
so every instant at which it may have been taken is tried.  It asks nothing and decides nothing: it names the assets
that moved without an explanation, and the markets that could explain them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, combinations, groupby, repeat
from typing import Final

import attrs

from exchstream.core.venue import Holdings
from exchstream.model import ZERO, Execution, Market, Side

MAX_UNCERTAIN: Final = 100  # executions while a baseline was read; with more the balances explain nothing
MAX_TIED: Final = 6  # of one instant, in whatever order; of more the order in which they were heard
MAX_ASSETS: Final = 20_000  # more than any venue has; beyond it the balances explain nothing until they agree again


@attrs.frozen(kw_only=True)
class BalanceState:
    """The last holdings that were known to agree, and what has moved since (last at `last_ns`).

    They are of some instant between `agreed_ns` and `read_ns`; what each execution of that time moved is `uncertain`,
    and when it was `uncertain_ns`.
    """

    baseline: Holdings | None = None
    moved: Mapping[str, Decimal] = attrs.field(factory=dict)
    agreed_ns: int = 0
    read_ns: int = 0
    last_ns: int = 0
    unexplainable: bool = False
    uncertain: tuple[Mapping[str, Decimal], ...] = ()
    uncertain_ns: tuple[int, ...] = ()


@attrs.frozen
class Moves:
    """What an execution of this time moved, an asset perhaps twice; None: its market is not known."""

    time_ns: int
    amounts: Sequence[tuple[str, Decimal]] | None


@attrs.define
class Balances:
    """One account's `BalanceState`, as it changes."""

    baseline: Holdings | None = None
    moved: defaultdict[str, Decimal] = attrs.field(factory=lambda: defaultdict(Decimal))
    agreed_ns: int = 0
    read_ns: int = 0
    last_ns: int = 0
    unexplainable: bool = False
    uncertain: list[Moves] = attrs.field(factory=list)
    _early: list[Moves] = attrs.field(factory=list, eq=False)  # before there is a baseline: the youngest ones
    _early_ns: int = attrs.field(default=0, eq=False)  # of the youngest that is not among them any more
    _within_ns: int = attrs.field(default=0, eq=False)  # of the youngest that is in the baseline already

    def state(self) -> BalanceState:
        """As it stands now."""
        return BalanceState(
            baseline=self.baseline,
            moved=dict(self.moved),
            agreed_ns=self.agreed_ns,
            read_ns=self.read_ns,
            last_ns=self.last_ns,
            unexplainable=self.unexplainable,
            uncertain=tuple(dict(moves.amounts or ()) for moves in self.uncertain),
            uncertain_ns=tuple(moves.time_ns for moves in self.uncertain),
        )

    def restore(self, state: BalanceState, floor_ns: int) -> None:
        """Go on from there.

        What was executed before `floor_ns` was entered and not told, so nothing is kept of it but what it moved: it is
        read again, and must not count twice.
        """
        self.baseline, self.agreed_ns, self.read_ns = state.baseline, state.agreed_ns, state.read_ns
        self.last_ns = state.last_ns
        self.moved = defaultdict(Decimal, state.moved)
        self.unexplainable = state.unexplainable
        times_ns = chain(state.uncertain_ns, repeat(0))
        self.uncertain = [
            Moves(at_ns, tuple(some.items()))
            for some, at_ns in zip(state.uncertain, times_ns, strict=False)
            if not 0 < at_ns < floor_ns
        ]
        self._early_ns = state.last_ns

    def executed(self, execution: Execution, market: Market | None, now_ns: int) -> None:
        """Enter what this execution did to the balances; of an unknown market nothing can be said.

        One from before the holdings agreed is in them already, whenever it comes to our ears; of one that happened
        while they were being asked for, nobody knows.
        """
        if execution.time_ns <= self.agreed_ns:
            self._within_ns = max(self._within_ns, execution.time_ns)
            return
        self.last_ns = now_ns
        if not self.unexplainable:
            self._enter(execution.time_ns, None if market is None else _moves(execution, market))

    def shifted(self, asset: str, amount: Decimal, now_ns: int) -> None:
        """Enter what came or went without an execution."""
        self.last_ns = now_ns
        if self.baseline is None:
            self._enter(now_ns, [(asset, amount)])
        else:
            self._move(asset, amount)

    def _enter(self, time_ns: int, amounts: Sequence[tuple[str, Decimal]] | None) -> None:
        if self.baseline is None:
            self._early.append(Moves(time_ns, amounts))
            if len(self._early) > MAX_UNCERTAIN:
                oldest = min(self._early, key=_time)
                self._early.remove(oldest)
                self._early_ns = max(self._early_ns, oldest.time_ns)
        elif amounts is None:
            self._explain_nothing()
        elif time_ns > self.read_ns:
            for asset, amount in amounts:
                self._move(asset, amount)
        elif len(self.uncertain) < MAX_UNCERTAIN:
            self.uncertain.append(Moves(time_ns, tuple(_summed(amounts).items())))
        else:
            self._explain_nothing()

    def _explain_nothing(self) -> None:
        """Until the holdings agree again; what could have explained something need not be kept meanwhile."""
        self.unexplainable = True
        self.uncertain.clear()

    def _move(self, asset: str, amount: Decimal) -> None:
        if asset not in self.moved and len(self.moved) >= MAX_ASSETS:
            self._explain_nothing()
        else:
            self.moved[asset] += amount

    def forget(self) -> None:
        """Nothing that was known of the holdings is true any more."""
        self.baseline, self.unexplainable = None, False
        self.moved.clear()
        self.uncertain.clear()
        self._early.clear()
        self._early_ns = self.last_ns

    def turned_back(self, by_ns: int) -> None:
        """The clock by which the baseline is dated was so far ahead: it is older than it seemed.

        What was executed since then, and was taken for a part of it, may or may not be one.
        """
        self.agreed_ns -= by_ns
        if self._within_ns > self.agreed_ns:
            self._explain_nothing()

    def agreed_since(self, floor_ns: int) -> int:
        """From when on nothing is proven on a symbol that nobody knows; before the floor nothing is of this stream."""
        return max(self.agreed_ns, floor_ns)

    def quiet_since(self, instant_ns: int) -> bool:
        """True if nothing has moved since: only then can holdings that lag behind be compared at all."""
        return self.last_ns <= instant_ns

    def begin(self, holdings: Holdings, at_ns: int, read_ns: int) -> None:
        """Take the very first holdings, unless more has moved around that time than could be told apart."""
        if self._early_ns > at_ns:
            return
        early = [moves for moves in self._early if moves.time_ns > at_ns]
        self.agree(holdings, at_ns, read_ns)
        for moves in early:
            self._enter(moves.time_ns, moves.amounts)

    def agree(self, holdings: Holdings, at_ns: int, read_ns: int) -> None:
        """Take these holdings as the new baseline: they are of some instant from `at_ns` to when they came."""
        self.baseline, self.agreed_ns, self.read_ns = holdings, at_ns, read_ns
        self.moved.clear()
        self.uncertain.clear()
        self._early.clear()
        self.unexplainable = False

    def unexplained(self, holdings: Holdings) -> Mapping[str, Decimal]:
        """By how much each asset differs from the baseline and what was executed since; empty without a baseline."""
        if self.baseline is None or self.unexplainable:
            return {}
        before, after = self.baseline.assets, holdings.assets
        names = before.keys() | after.keys() | self.moved.keys()
        differences = {n: after.get(n, ZERO) - before.get(n, ZERO) - self.moved.get(n, ZERO) for n in sorted(names)}
        moved = {name: amount for name, amount in differences.items() if amount}
        return min(reversed(list(self._left_of(moved))), key=len)  # of two that leave as much: what explains more

    def _left_of(self, moved: Mapping[str, Decimal]) -> Iterator[Mapping[str, Decimal]]:
        """What would be left of these differences, for every instant at which the baseline may have been taken.

        What happened after it explains them; what had happened by then is in it.
        """
        newest_first = sorted(self.uncertain, key=_time)
        newest_first.reverse()  # of one instant, too
        for _, group in groupby(newest_first, key=_time):
            tied = list(group)
            yield from (_less(moved, some) for some in (_subsets(tied) if len(tied) <= MAX_TIED else _heads(tied)))
            moved = _less(moved, tied)
        yield moved


def _time(moves: Moves) -> int:
    return moves.time_ns


def _moves(execution: Execution, market: Market) -> list[tuple[str, Decimal]]:
    """What an execution does to the holdings; an asset may be moved twice."""
    buys, quantity, quote = execution.side is Side.BUY, execution.quantity, execution.quote_quantity
    if not market.spot:  # its money moves by profit, loss and funding too, so that says nothing
        return [(market.venue_symbol, quantity if buys else -quantity)]
    if quote is None:
        quote = execution.price * quantity
    base, money = market.base, market.quote
    moves = [(base, quantity), (money, -quote)] if buys else [(base, -quantity), (money, quote)]
    if execution.fee is not None and execution.fee_asset is not None:
        moves.append((execution.fee_asset, -execution.fee))
    return moves


def _summed(moves: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums = defaultdict[str, Decimal](Decimal)
    for asset, amount in moves:
        sums[asset] += amount
    return dict(sums)


def _subsets(some: Sequence[Moves]) -> Iterable[Iterable[Moves]]:
    return chain.from_iterable(combinations(some, size) for size in range(len(some) + 1))


def _heads(some: Sequence[Moves]) -> Iterable[Iterable[Moves]]:
    return (some[:size] for size in range(len(some) + 1))


def _less(moved: Mapping[str, Decimal], known: Iterable[Moves]) -> dict[str, Decimal]:
    """What is left of these differences when those are known."""
    left = defaultdict(Decimal, moved)
    for moves in known:
        for asset, amount in moves.amounts or ():
            left[asset] -= amount
    return {asset: amount for asset, amount in left.items() if amount}


def explaining(assets: Collection[str], markets: Mapping[str, Market], known: Collection[str]) -> Iterable[str]:
    """The markets, not yet known, that may have moved these holdings.

    A trade on a spot market moves both its assets, so one of which only one moved cannot explain anything; a trade of
    a derivative moves the position on it.
    """

    def moved(market: Market) -> bool:
        if not market.spot:
            return market.venue_symbol in assets
        return market.base in assets and market.quote in assets

    return (name for name, market in markets.items() if name not in known and moved(market))
