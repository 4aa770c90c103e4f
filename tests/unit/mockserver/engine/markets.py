"""What the engine's tests share: one spot market, one perpetual, engines of them, and short ways to act and to read."""

from decimal import Decimal
from typing import Any

import attrs

from mockserver.engine.engine import Engine
from mockserver.engine.fees import Discount
from mockserver.engine.ids import BINANCE_SPOT_IDS, IdScheme
from mockserver.engine.types import (
    AlgoEvent,
    BalanceEvent,
    Command,
    Deposit,
    Event,
    FeeRule,
    Instrument,
    InstrumentKind,
    OrderEvent,
    OrderType,
    Place,
    PositionEvent,
    RejectReason,
    Reply,
    Side,
    TradeEvent,
    decimal_to_atoms,
)

NOW = 1_790_000_000_000_000_000
SPOT, PERP = "ABCUSD", "ABC-PERP"
UNIT = 10**8


def spot(fee_rule: FeeRule = FeeRule.RECEIVED, *, maker_fee: int = 100_000, taker_fee: int = 100_000) -> Instrument:
    """Return a spot market at about 100 with a step of 0.001."""
    return Instrument(
        name="ABCUSD",
        base="ABC",
        quote="USD",
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal("9000"),
        min_notional=Decimal("0.1"),
        reference_price=Decimal("100"),
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        fee_rule=fee_rule,
    )


def perp(*, maker_fee: int = -5_000, taker_fee: int = 70_000) -> Instrument:
    """Return a perpetual at about 100 whose makers are paid a rebate."""
    return Instrument(
        name="ABC-PERP",
        base="ABC",
        quote="USD",
        tick=Decimal("0.01"),
        step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal("9000"),
        reference_price=Decimal("100"),
        kind=InstrumentKind.PERP,
        settle="USD",
        maker_fee=maker_fee,
        taker_fee=taker_fee,
        fee_rule=FeeRule.QUOTE,
    )


def engine_of(
    *instruments: Instrument, ids: IdScheme = BINANCE_SPOT_IDS, seed: int = 0, discount: Discount | None = None
) -> Engine:
    """Return an engine where alice and bob own 1,000 USD and 10 ABC each, and 0.01 of a discount asset."""
    engine = Engine(instruments, ids=ids, seed=seed, discount=discount)
    for account in ("alice", "bob"):
        engine.open_account(account)
        owned = [("USD", "1000"), ("ABC", "10")]
        for asset, amount in owned if discount is None else [*owned, (discount.asset, "0.01")]:
            engine.apply(Deposit(account=account, asset=asset, amount=decimal_to_atoms(Decimal(amount))), NOW)
    return engine


def limit(account: str, side: Side, price: int, quantity: int, instrument: str = SPOT, **more: Any) -> Place:
    """Return a limit order at ``price`` ticks of 0.01 for ``quantity`` steps of 0.001."""
    order = Place(account=account, instrument=instrument, side=side, price=price, quantity=quantity)
    return attrs.evolve(order, **more)


def market(account: str, side: Side, quantity: int | None, instrument: str = SPOT, **more: Any) -> Place:
    """Return a market order."""
    return Place(account=account, instrument=instrument, side=side, type=OrderType.MARKET, quantity=quantity, **more)


def do(engine: Engine, command: Command) -> Reply:
    """Apply a command that must be accepted."""
    reply = engine.apply(command, NOW).reply
    assert reply.reject is None
    return reply


def refusal(engine: Engine, command: Command) -> RejectReason | None:
    """Apply a command and return why it was refused."""
    reject = engine.apply(command, NOW).reply.reject
    return None if reject is None else reject.reason


def number(reply: Reply) -> int:
    """Return the id of the order a reply is about."""
    assert reply.order is not None
    return reply.order.order_id


def story(events: tuple[Event, ...]) -> list[tuple[str, ...]]:
    """Return what events tell, in short."""
    told: list[tuple[str, ...]] = []
    for event in events:
        match event:
            case OrderEvent():
                told.append((event.account, event.change.value, event.order.status.value))
            case TradeEvent():
                told.append(("public", str(event.trade.price), str(event.trade.quantity)))
            case BalanceEvent():
                told.append((event.account, *(f"{b.asset} {b.free} {b.locked}" for b in event.balances)))
            case PositionEvent():
                told.append((event.account, "position", str(event.position.quantity)))
            case AlgoEvent():
                told.append((event.account, "algo", event.algo.status.value))
    return told
