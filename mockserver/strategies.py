"""Hypothesis strategies: legal histories of a venue, and text that is not legal at all.

Hypothesis is imported only here.

``actions()`` are small recipes (place, cancel, fill by force, ...) whose picks are read against the engine's state at
their turn, so that most commands are accepted and every history is one that the venue could have had; ``command_of``
turns one into an engine command, ``drive`` runs a list. They shrink to short stories.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

import attrs
from hypothesis import strategies as st

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    AlgoStatus,
    Amend,
    Cancel,
    CancelAlgo,
    CancelAll,
    Command,
    Deposit,
    Expire,
    Fill,
    ForceClose,
    Instrument,
    Kind,
    OnCross,
    OrderType,
    OrderView,
    Place,
    PlaceAlgo,
    Result,
    SelfTrade,
    Side,
    TimeInForce,
    TriggerAlgo,
    TriggerWhen,
)

NEAR: Final = 5
"""Prices lie at most this many ticks from the reference price, so that orders often meet."""


class Act(Enum):
    """What an action does."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    QUOTE = "QUOTE"
    IOC = "IOC"
    FOK = "FOK"
    POST_ONLY = "POST_ONLY"
    REDUCE_ONLY = "REDUCE_ONLY"
    CANCEL = "CANCEL"
    CANCEL_ALL = "CANCEL_ALL"
    AMEND = "AMEND"
    FILL = "FILL"
    EXPIRE = "EXPIRE"
    DEPOSIT = "DEPOSIT"
    FORCE_CLOSE = "FORCE_CLOSE"
    ALGO = "ALGO"
    ALGO_CANCEL = "ALGO_CANCEL"
    ALGO_TRIGGER = "ALGO_TRIGGER"


PLACING: Final = frozenset({Act.LIMIT, Act.MARKET, Act.QUOTE, Act.IOC, Act.FOK, Act.POST_ONLY, Act.REDUCE_ONLY})
LIVELY: Final = (Act.LIMIT,) * 8 + (Act.FILL,) * 2 + (Act.MARKET, Act.REDUCE_ONLY) + tuple(Act)
"""Every act; mostly orders that rest and trade, since a thin book leads to dull histories."""
USUAL: Final = (SelfTrade.NONE,) * 4 + tuple(SelfTrade)


@attrs.frozen(slots=True)
class Action:
    """One recipe. ``who``, ``where`` and ``which`` are picks modulo what is there; ``after_ns`` passes before it."""

    act: Act
    who: int
    where: int
    which: int
    side: Side
    offset: int
    size: int
    self_trade: SelfTrade
    flag: bool
    after_ns: int


def actions(acts: Sequence[Act] = LIVELY, self_trades: Sequence[SelfTrade] = USUAL) -> st.SearchStrategy[Action]:
    """Return recipes of these acts; time may stand still between two of them (equal timestamps)."""
    return st.builds(
        Action,
        act=st.sampled_from(acts),
        who=st.integers(0, 3),
        where=st.integers(0, 3),
        which=st.integers(0, 7),
        side=st.sampled_from(Side),
        offset=st.integers(-NEAR, NEAR),
        size=st.integers(1, 9),
        self_trade=st.sampled_from(self_trades),
        flag=st.booleans(),
        after_ns=st.sampled_from((0, 1_000_000, 250_000_000)),
    )


def command_of(engine: Engine, action: Action, accounts: Sequence[str]) -> Command | None:
    """Return the command an action means in the engine's present state; None when it means nothing there."""
    account = accounts[action.who % len(accounts)]
    instruments = tuple(engine.instruments.values())
    instrument = instruments[action.where % len(instruments)]
    if action.act in PLACING:
        return _placed(engine, action, account, instrument)
    if action.act in (Act.CANCEL, Act.AMEND, Act.FILL, Act.EXPIRE):
        mine = engine.open_orders(account)
        return _changed(action, mine[action.which % len(mine)]) if mine else None
    match action.act:
        case Act.CANCEL_ALL:
            return CancelAll(account=account, instrument=instrument.name if action.flag else None)
        case Act.DEPOSIT:
            return Deposit(account=account, asset=instrument.cash, amount=action.offset * action.size * 10**8)
        case Act.FORCE_CLOSE:
            return _forced(action, account, instrument)
        case Act.ALGO:
            return _conditional(engine, action, account, instrument)
        case _:
            return _algo_act(engine, action, account)


def drive(
    engine: Engine, recipes: Iterable[Action], accounts: Sequence[str], *, start_ns: int
) -> list[tuple[int, Command, Result]]:
    """Run recipes; return (time, command, result) of each that meant something."""
    now_ns, done = start_ns, []
    for action in recipes:
        now_ns += action.after_ns
        command = command_of(engine, action, accounts)
        if command is not None:
            done.append((now_ns, command, engine.apply(command, now_ns)))
    return done


def _placed(engine: Engine, action: Action, account: str, instrument: Instrument) -> Place:
    steps = action.size * max(instrument.min_steps, _round_lot(instrument))
    price = instrument.reference_ticks + action.offset
    market = action.act in (Act.MARKET, Act.QUOTE) or (action.act is Act.REDUCE_ONLY and action.flag)
    quoted = action.act is Act.QUOTE and not instrument.is_perp
    post_only = action.act is Act.POST_ONLY
    tifs = {Act.IOC: TimeInForce.IOC, Act.FOK: TimeInForce.FOK}
    return Place(
        account=account,
        instrument=instrument.name,
        side=action.side,
        type=OrderType.MARKET if market else OrderType.LIMIT,
        quantity=None if quoted else steps,
        quote_amount=instrument.notional(price, steps) if quoted else None,
        price=None if market else price,
        tif=tifs.get(action.act, TimeInForce.GTC),
        post_only=post_only,
        on_cross=OnCross.EXPIRE if action.flag else OnCross.REJECT,
        reduce_only=action.act is Act.REDUCE_ONLY,
        self_trade=action.self_trade,
    )


def _changed(action: Action, view: OrderView) -> Command:
    name, number = view.instrument, view.order_id
    part = max(1, view.remaining * action.size // 9)
    match action.act:
        case Act.CANCEL:
            return Cancel(account=view.account, instrument=name, order_id=number)
        case Act.EXPIRE:
            return Expire(instrument=name, order_id=number)
        case Act.FILL:
            return Fill(instrument=name, order_id=number, quantity=part, maker=action.flag)
        case _:
            assert view.price is not None  # only limit orders rest
            price = view.price + action.offset if action.flag else None
            return Amend(
                account=view.account, instrument=name, order_id=number, quantity=view.filled + part, price=price
            )


def _forced(action: Action, account: str, instrument: Instrument) -> ForceClose:
    kinds = (Kind.LIQUIDATION, Kind.ADL, Kind.SETTLEMENT)
    return ForceClose(account=account, instrument=instrument.name, kind=kinds[action.which % len(kinds)])


def _conditional(engine: Engine, action: Action, account: str, instrument: Instrument) -> PlaceAlgo:
    child = Place(
        account=account,
        instrument=instrument.name,
        side=action.side,
        type=OrderType.MARKET if action.flag else OrderType.LIMIT,
        price=None if action.flag else instrument.reference_ticks + action.offset,
        quantity=None if action.which == 0 else action.size * _round_lot(instrument),
        reduce_only=action.which == 0,
    )
    above = action.offset > 0
    trigger = instrument.price(engine.last_price(instrument.name) + action.offset)
    return PlaceAlgo(child=child, trigger_price=trigger, when=TriggerWhen.ABOVE if above else TriggerWhen.BELOW)


def _algo_act(engine: Engine, action: Action, account: str) -> Command | None:
    waiting = [algo for algo in engine.algo_orders(account) if algo.status is AlgoStatus.NEW]
    if not waiting:
        return None
    algo = waiting[action.which % len(waiting)]
    if action.act is Act.ALGO_CANCEL:
        return CancelAlgo(account=account, algo_id=algo.algo_id)
    return TriggerAlgo(algo_id=algo.algo_id)


def _round_lot(instrument: Instrument) -> int:
    """Return a quantity of steps that is above the smallest quantity and notional at any price near the reference."""
    one = instrument.notional(max(1, instrument.reference_ticks - NEAR), 1)
    return max(instrument.min_steps, -(-instrument.min_notional_atoms // one))
