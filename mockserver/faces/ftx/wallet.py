"""FTX's account, positions and wallet.

The figures a client reads to size its orders are the engine's: collateral is the wallet at last prices and what open
positions gained; a position needs its size divided by the account's leverage. What it does not do: borrowing, haircuts
on coins, margin that grows with size, daily settlement of profit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from mockserver.engine.types import Balance, Instrument, OrderView, Position, SetTerms, Side, atoms_to_decimal
from mockserver.faces.ftx import errors
from mockserver.faces.ftx.markets import MAKER_FEE, MARKETS, TAKER_FEE, ZERO
from mockserver.faces.ftx.rest import Call, Result, amount, refuse
from mockserver.faces.ftx.wire import DOUBLE, Json

MAINTENANCE_MARGIN: Final = Decimal("0.03")
MOST_LEVERAGE: Final = 20
"""An assumption, like the answer to a change of it: no recording of FTX shows either."""
POSITION_LIMIT: Final = Decimal(1_000_000)


def account(call: Call) -> Result:
    """`GET /account` (keys as recorded 2022)."""
    assert call.sender is not None  # the router demands a signature
    rows = [_position(call, position) for position in _positions(call)]
    size = sum((abs(_decimal(row["cost"])) for row in rows), ZERO)
    gained = sum((_decimal(row["unrealizedPnl"]) for row in rows), ZERO)
    wallet = sum((_worth(call, balance.asset, balance.total) for balance in _balances(call, call.ledger)), ZERO)
    locked = sum((_worth(call, balance.asset, balance.locked) for balance in _balances(call, call.ledger)), ZERO)
    value = wallet + gained
    fraction = DOUBLE.divide(value, size) if size else None
    leverage = _leverage(call)
    fees = call.exchange.engine.terms(call.ledger).fees or (MAKER_FEE, TAKER_FEE)
    margin = call.exchange.engine.margin(call.ledger, "USD")
    return Result(
        {
            "accountIdentifier": 1_000_000 + call.exchange.engine.accounts().index(call.ledger),
            "username": f"{call.sender.account.name}@example.com",
            "collateral": value,
            "freeCollateral": value - locked - atoms_to_decimal(margin.need.initial),
            "totalAccountValue": value,
            "totalPositionSize": size,
            "initialMarginRequirement": DOUBLE.divide(Decimal(1), leverage),
            "maintenanceMarginRequirement": MAINTENANCE_MARGIN,
            "marginFraction": fraction,
            "openMarginFraction": fraction,
            "liquidating": False,
            "backstopProvider": False,
            "positions": [{key: row[key] for key in row if key not in _ONLY_POSITIONS} for row in rows],
            "takerFee": atoms_to_decimal(fees[1]),
            "makerFee": atoms_to_decimal(fees[0]),
            "leverage": leverage,
            "futuresLeverage": leverage,
            "positionLimit": POSITION_LIMIT,
            "positionLimitUsed": size,
            "useFttCollateral": True,
            "chargeInterestOnNegativeUsd": True,
            "spotMarginEnabled": False,
            "spotLendingEnabled": False,
        }
    )


def set_leverage(call: Call) -> Result:
    """`POST /account/leverage`: one for all perpetuals of the account."""
    leverage = amount(call.body(), "leverage")
    if leverage is None or leverage != leverage.to_integral_value() or not 1 <= leverage <= MOST_LEVERAGE:
        refuse(errors.invalid("leverage"))
    for each in _perpetuals():
        call.exchange.submit(SetTerms(account=call.ledger, instrument=each.name, leverage=int(leverage)))
    return Result(None)


def positions(call: Call) -> Result:
    """`GET /positions`, with the average prices when `showAvgPrice=true`."""
    rows = [_position(call, position) for position in _positions(call)]
    if call.query.get("showAvgPrice", "").lower() != "true":
        return Result([{key: row[key] for key in row if not key.startswith("recent")} for row in rows])
    return Result(list(rows))


def balances(call: Call) -> Result:
    """`GET /wallet/balances`: the coins of the ledger the key acts for."""
    return Result(_balance_rows(call, call.ledger))


def all_balances(call: Call) -> Result:
    """`GET /wallet/all_balances`: the coins of the main account and of every subaccount."""
    assert call.sender is not None  # the router demands a signature
    mine = call.sender.account
    rows: dict[str, Json] = {"main": _balance_rows(call, mine.name)}
    for nickname in mine.subaccounts:
        rows[nickname] = _balance_rows(call, f"{mine.name}/{nickname}")
    return Result(rows)


# Keys of a `/positions` row that the positions inside `/account` do not have (ccxt's samples).
_ONLY_POSITIONS: Final = frozenset(
    {"estimatedLiquidationPrice", "recentAverageOpenPrice", "recentPnl", "recentBreakEvenPrice", "collateralUsed"}
)


def _positions(call: Call) -> Iterable[Position]:
    return call.exchange.engine.positions(call.ledger, call.exchange.as_of_ns)


def _balances(call: Call, ledger: str) -> Iterable[Balance]:
    return call.exchange.engine.balances(ledger, call.exchange.as_of_ns)


def _position(call: Call, position: Position) -> dict[str, Json]:
    instrument = MARKETS[position.instrument].instrument
    engine = call.exchange.engine
    net = instrument.quantity(position.quantity)
    mark = instrument.price(engine.last_price(position.instrument))
    paid = atoms_to_decimal(position.entry_quote)
    entry = instrument.average_price(abs(position.entry_quote), abs(position.quantity))
    gained = net * mark - paid
    longs, shorts = _open_sizes(engine.open_orders(call.ledger, position.instrument, as_of_ns=call.exchange.as_of_ns))
    long_size, short_size = instrument.quantity(longs), instrument.quantity(shorts)
    average = None if entry is None else DOUBLE.plus(entry)
    return {
        "future": position.instrument,
        "side": "sell" if net < 0 else "buy",
        "size": abs(net),
        "netSize": net,
        "longOrderSize": long_size,
        "shortOrderSize": short_size,
        "openSize": max(abs(net + long_size), abs(net - short_size)),
        "cost": net * mark,
        "entryPrice": None if average is None else mark,  # FTX settled daily: the entry price is the mark's (invented)
        "unrealizedPnl": gained,
        "realizedPnl": atoms_to_decimal(position.realized),
        "initialMarginRequirement": DOUBLE.divide(Decimal(1), _leverage(call)),
        "maintenanceMarginRequirement": MAINTENANCE_MARGIN,
        "estimatedLiquidationPrice": None if average is None else ZERO,
        "recentAverageOpenPrice": average,
        "recentPnl": None if average is None else gained,
        "recentBreakEvenPrice": average,
        "collateralUsed": atoms_to_decimal(engine.need(call.ledger, position.instrument).positions),
    }


def _perpetuals() -> list[Instrument]:
    return [each.instrument for each in MARKETS.values() if each.instrument.is_perp]


def _leverage(call: Call) -> Decimal:
    return Decimal(call.exchange.engine.terms(call.ledger).leverage(_perpetuals()[0]))


def _open_sizes(views: Iterable[OrderView]) -> tuple[int, int]:
    sizes = {Side.BUY: 0, Side.SELL: 0}
    for view in views:
        sizes[view.side] += view.remaining
    return sizes[Side.BUY], sizes[Side.SELL]


def _balance_rows(call: Call, ledger: str) -> list[Json]:
    return [
        {
            "coin": balance.asset,
            "total": atoms_to_decimal(balance.total),
            "free": atoms_to_decimal(balance.free),
            "availableWithoutBorrow": atoms_to_decimal(max(balance.free, 0)),
            "usdValue": _worth(call, balance.asset, balance.total),
            "spotBorrow": ZERO,
        }
        for balance in _balances(call, ledger)
    ]


def _worth(call: Call, asset: str, amount: int) -> Decimal:
    """What so many atoms of a coin are worth in USD at the last price of its spot market; 0 without such a market."""
    if asset == "USD":
        return atoms_to_decimal(amount)
    traded = MARKETS.get(f"{asset}/USD")
    if traded is None:
        return ZERO
    return atoms_to_decimal(amount) * traded.instrument.price(call.exchange.engine.last_price(traded.name))


def _decimal(value: Json) -> Decimal:
    assert isinstance(value, Decimal)
    return value
