"""Small recipes for what traders and the exchange do, that mean something in whatever state the engine is in.

An ``Action`` holds picks (which account, which of its open orders, how far from the reference price) that are read
against the engine's state at its turn; ``command_of`` turns it into a command, ``drive`` runs a list. So most commands
are accepted, every history is one that the venue could have had, and a list can be shortened and still makes sense.
Pure: chance is whoever makes the actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Final

import attrs

from mockserver.engine.engine import Engine
from mockserver.engine.types import (
    HOUSE,
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
    ListKind,
    MoveMargin,
    OnCross,
    OrderType,
    OrderView,
    Place,
    PlaceAlgo,
    PlaceList,
    PositionSide,
    Result,
    SelfTrade,
    SetTerms,
    Side,
    TimeInForce,
    Trigger,
    TriggerAlgo,
    TriggerOrder,
    TriggerWhen,
)

NEAR: Final = 5
"""Prices lie at most this many ticks from the reference price, so that orders often meet."""
RIVAL: Final = "rival"
"""The account beside the client's in stories; where there is none, the house trades in its place."""
TRAIL: Final = Decimal("0.0001")
"""How far a price that trails lies behind: the least that Binance spot could take, one basis point."""


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
    SHRINK = "SHRINK"
    """Amend to a smaller quantity only, as Binance spot allows it."""
    FILL = "FILL"
    EXPIRE = "EXPIRE"
    DEPOSIT = "DEPOSIT"
    FORCE_CLOSE = "FORCE_CLOSE"
    ALGO = "ALGO"
    ALGO_CANCEL = "ALGO_CANCEL"
    ALGO_TRIGGER = "ALGO_TRIGGER"
    STOP = "STOP"
    """An order that waits for a trade price under its own id, sometimes one that trails, as Binance spot has them."""
    STOP_TRIGGER = "STOP_TRIGGER"
    LIST = "LIST"
    """A list of orders: OCO, OTO or OTOCO."""
    TERMS = "TERMS"
    """Other fees, the discount, another leverage, position mode or margin mode."""
    MARGIN = "MARGIN"
    """Move cash to or from an isolated position."""


PLACING: Final = frozenset({Act.LIMIT, Act.MARKET, Act.QUOTE, Act.IOC, Act.FOK, Act.POST_ONLY, Act.REDUCE_ONLY})
LIVELY: Final = (
    (Act.LIMIT,) * 8
    + (Act.FILL,) * 2
    + (Act.FORCE_CLOSE, Act.ALGO, Act.ALGO, Act.ALGO_TRIGGER, Act.STOP, Act.STOP_TRIGGER, Act.LIST)
    + tuple(Act)
)
"""Every act; mostly orders that rest and trade, since a thin book leads to dull histories."""
USUAL: Final = (SelfTrade.NONE,) * 4 + tuple(SelfTrade)


@attrs.frozen(slots=True)
class Action:
    """One recipe. ``who``, ``where`` and ``which`` are picks modulo what is there; ``after_ns`` passes before it.

    What is not said: the first account buys on the first market, below the reference price.
    """

    act: Act
    who: int = 0
    where: int = 0
    which: int = 0
    side: Side = Side.BUY
    offset: int = -3
    size: int = 3
    self_trade: SelfTrade = SelfTrade.NONE
    flag: bool = False
    after_ns: int = 0


def traders(client: str, *, rival: str = RIVAL) -> tuple[str, ...]:
    """Who ``who`` of an action is, in every story: mostly the client, then a rival, then the house."""
    return client, client, client, rival, HOUSE


def command_of(engine: Engine, action: Action, accounts: Sequence[str]) -> Command | None:
    """Return the command an action means in the engine's present state; None when it means nothing there."""
    account = accounts[action.who % len(accounts)]
    instruments = tuple(engine.instruments.values())
    instrument = instruments[action.where % len(instruments)]
    if action.act in PLACING:
        return _placed(engine, action, account, instrument)
    if action.act in (Act.CANCEL, Act.AMEND, Act.SHRINK, Act.FILL, Act.EXPIRE, Act.STOP_TRIGGER):
        waiting = action.act in (Act.CANCEL, Act.EXPIRE, Act.STOP_TRIGGER, Act.SHRINK)
        mine = [view for view in engine.open_orders(account) if waiting or not view.waits]
        return _changed(action, mine[action.which % len(mine)]) if mine else None
    match action.act:
        case Act.CANCEL_ALL:
            return CancelAll(account=account, instrument=instrument.name if action.flag else None)
        case Act.DEPOSIT:
            return Deposit(account=account, asset=instrument.cash, amount=action.offset * action.size * 10**8)
        case Act.FORCE_CLOSE:
            return _forced(engine, action, account)
        case Act.ALGO:
            return _conditional(engine, action, account, instrument)
        case Act.STOP:
            return _stop(engine, action, account, instrument)
        case Act.LIST:
            return _list(engine, action, account, instrument)
        case Act.TERMS:
            return _terms(engine, action, account, instrument)
        case Act.MARGIN:
            return _margin(engine, action, account)
        case _:
            return _algo_act(engine, action)


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
        position_side=_position_side(engine, action, account, instrument),
        self_trade=action.self_trade,
    )


def _position_side(engine: Engine, action: Action, account: str, instrument: Instrument) -> PositionSide:
    """Return which of two positions an order is about, where there are two: oftener one that it opens."""
    if not (instrument.is_perp and engine.terms(account).hedged):
        return PositionSide.BOTH
    opens = PositionSide.LONG if action.side is Side.BUY else PositionSide.SHORT
    closes = PositionSide.SHORT if action.side is Side.BUY else PositionSide.LONG
    return closes if action.which >= 5 or action.act is Act.REDUCE_ONLY else opens


def _terms(engine: Engine, action: Action, account: str, instrument: Instrument) -> SetTerms:
    match action.which % 5:
        case 0:
            return SetTerms(account=account, fees=(action.offset * 10_000, action.size * 10_000))
        case 1:
            return SetTerms(account=account, discounted=action.flag)
        case 2 if instrument.is_perp:
            return SetTerms(account=account, instrument=instrument.name, leverage=action.size)
        case 4 if instrument.is_perp:
            return SetTerms(
                account=account,
                instrument=instrument.name,
                isolated=instrument.name not in engine.terms(account).isolated,
            )
        case _:
            has_perp = any(each.is_perp for each in engine.instruments.values())
            return SetTerms(account=account, hedged=not engine.terms(account).hedged and has_perp)


def _margin(engine: Engine, action: Action, account: str) -> MoveMargin | None:
    """Return a move of up to so many units, which is sometimes too much."""
    held = [position for position in engine.positions(account) if position.wallet]
    if not held:
        return None
    position = held[action.where % len(held)]
    return MoveMargin(
        account=account,
        instrument=position.instrument,
        amount=action.offset * action.size * 10**6,
        position_side=position.side,
    )


def _changed(action: Action, view: OrderView) -> Command | None:
    name, number = view.instrument, view.order_id
    part = max(1, view.remaining * action.size // 9)
    match action.act:
        case Act.CANCEL:
            return Cancel(account=view.account, instrument=name, order_id=number)
        case Act.EXPIRE:
            return Expire(instrument=name, order_id=number)
        case Act.STOP_TRIGGER:
            return TriggerOrder(instrument=name, order_id=number)
        case Act.FILL:
            return Fill(instrument=name, order_id=number, quantity=part, maker=action.flag)
        case Act.SHRINK:
            smaller = view.filled + view.prevented + part
            if smaller == view.quantity:
                return None
            return Amend(account=view.account, instrument=name, order_id=number, quantity=smaller)
        case _:
            assert view.price is not None  # only limit orders rest
            price = view.price + action.offset if action.flag else None
            quantity = view.filled + view.prevented + part
            return Amend(account=view.account, instrument=name, order_id=number, quantity=quantity, price=price)


def _forced(engine: Engine, action: Action, account: str) -> ForceClose | None:
    held = [position for position in engine.positions(account) if position.quantity]
    if not held:
        return None
    kinds = (Kind.LIQUIDATION, Kind.ADL, Kind.SETTLEMENT)
    position = held[action.where % len(held)]
    return ForceClose(
        account=account,
        instrument=position.instrument,
        kind=kinds[action.which % len(kinds)],
        position_side=position.side,
    )


def _conditional(engine: Engine, action: Action, account: str, instrument: Instrument) -> PlaceAlgo:
    """Return a stop or take-profit, labelled as Binance's USD-M face labels its own (the one venue that has them)."""
    closing = action.which == 0 and action.flag
    above = action.offset > 0
    trigger = instrument.price(engine.last_price(instrument.name) + action.offset)
    name = "STOP" if above == (action.side is Side.BUY) else "TAKE_PROFIT"
    label = f"{name}_MARKET" if action.flag else name
    child = Place(
        account=account,
        instrument=instrument.name,
        side=action.side,
        type=OrderType.MARKET if action.flag else OrderType.LIMIT,
        price=None if action.flag else instrument.reference_ticks + action.offset,
        quantity=None if closing else action.size * _round_lot(instrument),
        reduce_only=closing,
        position_side=_position_side(engine, action, account, instrument),
        tags=(("ot", label), ("sp", f"{trigger.normalize():f}"), ("cp", str(closing).lower())),
    )
    return PlaceAlgo(
        child=child,
        trigger_price=trigger,
        when=TriggerWhen.ABOVE if above else TriggerWhen.BELOW,
        tags=(("o", label), ("cp", str(closing).lower())),
    )


def _stop(engine: Engine, action: Action, account: str, instrument: Instrument) -> Place:
    """Return an order that waits, labelled as Binance's spot face labels its own."""
    last = engine.last_price(instrument.name)
    above = action.offset > 0
    name = "STOP_LOSS" if above == (action.side is Side.BUY) else "TAKE_PROFIT"
    market = action.flag
    return Place(
        account=account,
        instrument=instrument.name,
        side=action.side,
        type=OrderType.MARKET if market else OrderType.LIMIT,
        quantity=action.size * _round_lot(instrument),
        price=None if market else instrument.reference_ticks + action.offset,
        position_side=_position_side(engine, action, account, instrument),
        self_trade=action.self_trade,
        trigger=Trigger(
            when=TriggerWhen.ABOVE if above else TriggerWhen.BELOW,
            price=None if action.which == 0 else instrument.price(last + action.offset),
            trail_ratio=TRAIL if action.which <= 1 else None,
        ),
        tags=(("type", name if market else f"{name}_LIMIT"),),
    )


def _list(engine: Engine, action: Action, account: str, instrument: Instrument) -> PlaceList:
    """Return a list; of a pair the stop is a market order or not, and on the side where the first order would lose."""
    kind = tuple(ListKind)[action.which % len(ListKind)]
    first = Place(
        account=account,
        instrument=instrument.name,
        side=action.side if kind is ListKind.OCO else action.side.opposite,
        quantity=action.size * _round_lot(instrument),
        price=instrument.reference_ticks + action.offset,
        position_side=_position_side(engine, attrs.evolve(action, which=0), account, instrument),
        self_trade=action.self_trade,
    )
    last = engine.last_price(instrument.name)
    away = abs(action.offset) + 1
    maker = attrs.evolve(first, side=action.side, price=last - action.side.sign * away, post_only=True)
    stop = _stop(engine, attrs.evolve(action, offset=action.side.sign * away, which=2), account, instrument)
    pair = (stop, maker) if action.side is Side.BUY else (maker, stop)
    orders = {ListKind.OCO: pair, ListKind.OTO: (first, stop if action.flag else maker)}
    return PlaceList(account=account, instrument=instrument.name, kind=kind, orders=orders.get(kind, (first, *pair)))


def _algo_act(engine: Engine, action: Action) -> Command | None:
    waiting = [algo for account in engine.accounts() for algo in engine.algo_orders(account, only_open=True)]
    if not waiting:
        return None
    algo = waiting[action.which % len(waiting)]
    if action.act is Act.ALGO_CANCEL:
        return CancelAlgo(account=algo.child.account, algo_id=algo.algo_id)
    return TriggerAlgo(algo_id=algo.algo_id)


def _round_lot(instrument: Instrument) -> int:
    """Return a quantity of steps that is above the smallest quantity and notional at any price near the reference."""
    one = instrument.notional(max(1, instrument.reference_ticks - NEAR), 1)
    return max(instrument.min_steps, -(-instrument.min_notional_atoms // one))
