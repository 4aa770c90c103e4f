"""USD-M's JSON objects: orders, trades, conditional orders, the account, markets.

Numbers have the shortest form in orders and streams ("0", "0.001"); accounts and balances have eight decimals, as on
the official pages (2025-11). One asset is margin.
What this module does not do: find the things it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from mockserver.engine.isolated import liquidation_price
from mockserver.engine.margin import Margin, Need
from mockserver.engine.terms import Terms
from mockserver.engine.types import (
    AlgoOrder,
    AlgoStatus,
    Balance,
    Execution,
    Instrument,
    Kind,
    OrderStatus,
    OrderView,
    Place,
    Position,
    PublicTrade,
    Reason,
    Side,
    atoms_to_decimal,
)
from mockserver.faces.binance import instruments
from mockserver.faces.binance.routes import TimeUnit
from mockserver.faces.binance.text import padded, trimmed

Object = dict[str, object]
TRAILING: Final = "TRAILING_STOP_MARKET"
ALGO_TYPES: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", TRAILING)
CENTS: Final = Decimal("0.00001")


def tag(tags: Sequence[tuple[str, str]], name: str, default: str = "") -> str:
    """Return a label of an order."""
    return next((value for key, value in tags if key == name), default)


def price(instrument: Instrument, ticks: int | None) -> str:
    """Return a price, "0" for none."""
    return "0" if ticks is None else trimmed(instrument.price(ticks))


def quantity(instrument: Instrument, steps: int) -> str:
    """Return a quantity."""
    return trimmed(instrument.quantity(steps))


def amount(atoms: int) -> str:
    """Return an amount of an asset in the shortest form."""
    return trimmed(atoms_to_decimal(atoms))


def status(order: OrderView) -> str:
    """Return the order's status in the venue's words."""
    if order.status is OrderStatus.EXPIRED and order.reason is Reason.SELF_TRADE:
        return "EXPIRED_IN_MATCH"
    return order.status.value


def tif(order: OrderView) -> str:
    """Return the time in force; a post-only order has one of its own, and so has one with a date."""
    if order.post_only:
        return "GTX"
    return order.tif.value if order.good_till_ns is None else "GTD"


def good_till(order: OrderView, at: TimeUnit) -> int:
    """Return the date of an order that has one, else 0."""
    return 0 if order.good_till_ns is None else at(order.good_till_ns)


def order_type(order: OrderView) -> str:
    """Return the order's type; what the exchange does to a position in need is a LIQUIDATION.

    A conditional order of 2024 becomes a MARKET or LIMIT order when it is set off.
    """
    if never_worked(order):
        return tag(order.tags, "ot")
    return "LIQUIDATION" if order.kind is Kind.LIQUIDATION else order.type.value


def never_worked(order: OrderView) -> bool:
    """Whether it is a conditional order that was not set off, or not yet."""
    return order.trigger is not None and order.working_ns is None


def closes(order: OrderView | Place) -> bool:
    """Whether it closes the whole position."""
    return tag(order.tags, "cp") == "true"


def is_protected(order: OrderView) -> bool:
    """Return `priceProtect`, which a conditional order of 2024 loses when it is set off (a capture of June 2021)."""
    return tag(order.tags, "pP") == "true" and (order.trigger is None or never_worked(order))


def trail(order: OrderView) -> tuple[str, str] | None:
    """Return activation price and callback rate in percent, None for an order that does not trail."""
    trigger = order.trigger
    if trigger is None or trigger.trail_ratio is None:
        return None
    return trimmed(trigger.price or Decimal(0)), f"{trigger.trail_ratio * 100:.1f}"


def average(order: OrderView, instrument: Instrument) -> Decimal:
    """Return the average price of what is filled, 0 for nothing, with at most five decimals."""
    found = instrument.average_price(order.filled_quote, order.filled)
    return Decimal(0) if found is None else found.quantize(CENTS)


def order_query(order: OrderView, instrument: Instrument, at: TimeUnit) -> Object:
    """Return an order as `GET order`, `openOrders` and `allOrders` show it."""
    follows = trail(order)
    return {
        "avgPrice": padded(average(order, instrument), 5),
        "clientOrderId": order.client_id,
        "cumQuote": amount(order.filled_quote),
        "executedQty": quantity(instrument, order.filled),
        "orderId": order.order_id,
        "origQty": quantity(instrument, order.quantity),
        "origType": tag(order.tags, "ot", order_type(order)),
        "price": price(instrument, order.price),
        "reduceOnly": order.reduce_only,
        "side": order.side.value,
        "positionSide": order.position_side.value,
        "status": status(order),
        "stopPrice": tag(order.tags, "sp", "0"),
        "closePosition": closes(order),
        "symbol": order.instrument,
        "time": at(order.created_ns),
        "timeInForce": tif(order),
        "type": order_type(order),
        **({} if follows is None else {"activatePrice": follows[0], "priceRate": follows[1]}),
        "updateTime": at(order.updated_ns),
        "workingType": tag(order.tags, "wt", "CONTRACT_PRICE"),
        "priceProtect": is_protected(order),
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.self_trade.value,
        "goodTillDate": good_till(order, at),
    }


def order_answer(order: OrderView, instrument: Instrument, at: TimeUnit, *, sums: bool) -> Object:
    """Return the answer to a new, cancelled or modified order.

    An acknowledgement has lost `avgPrice` and `cumQuote` since 2026-07 (official SDK 14.0.0); RESULT keeps them.
    """
    out: Object = {
        "clientOrderId": order.client_id,
        "cumQty": quantity(instrument, order.filled),
        "executedQty": quantity(instrument, order.filled),
        "orderId": order.order_id,
    }
    if sums:
        out["cumQuote"] = amount(order.filled_quote)
        out["avgPrice"] = padded(average(order, instrument), 5)
    query = order_query(order, instrument, at)
    wanted = (
        "origQty price reduceOnly side positionSide status stopPrice closePosition symbol timeInForce type origType "
        "activatePrice priceRate updateTime workingType priceProtect priceMatch selfTradePreventionMode goodTillDate"
    )
    return {**out, **{name: query[name] for name in wanted.split() if name in query}}


def user_trade(fill: Execution, instrument: Instrument, at: TimeUnit) -> Object:
    """Return one row of `userTrades`.

    A cost is positive, as in live streams; the official page shows a negative commission, which nobody has measured.
    """
    return {
        "buyer": fill.side is Side.BUY,
        "commission": amount(fill.fee),
        "commissionAsset": fill.fee_asset,
        "id": fill.trade_id,
        "maker": fill.maker,
        "orderId": fill.order_id,
        "price": price(instrument, fill.price),
        "qty": quantity(instrument, fill.quantity),
        "quoteQty": amount(fill.quote),
        "realizedPnl": amount(fill.realized),
        "side": fill.side.value,
        "positionSide": fill.position_side.value,
        "symbol": fill.instrument,
        "time": at(fill.time_ns),
    }


def public_trade(trade: PublicTrade, instrument: Instrument, at: TimeUnit) -> Object:
    """Return one row of `trades`."""
    return {
        "id": trade.trade_id,
        "price": price(instrument, trade.price),
        "qty": quantity(instrument, trade.quantity),
        "quoteQty": amount(trade.quote),
        "time": at(trade.time_ns),
        "isBuyerMaker": trade.taker_side is Side.SELL,
    }


def algo_order(algo: AlgoOrder, instrument: Instrument, at: TimeUnit) -> Object:
    """Return a conditional order; the names follow the event's, spelt out (the pages were not at hand)."""
    child = algo.child
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": tag(algo.tags, "o"),
        "symbol": child.instrument,
        "side": child.side.value,
        "positionSide": child.position_side.value,
        "timeInForce": "GTX" if child.post_only else child.tif.value,
        "quantity": "0" if child.quantity is None else quantity(instrument, child.quantity),
        "algoStatus": algo.status.value,
        "actualOrderId": "" if algo.child_order_id is None else str(algo.child_order_id),
        "triggerPrice": trigger_price(algo),
        "price": price(instrument, child.price),
        "workingType": tag(algo.tags, "wt", "CONTRACT_PRICE"),
        "priceMatch": "NONE",
        "selfTradePreventionMode": child.self_trade.value,
        "closePosition": child.quantity is None,
        "priceProtect": tag(algo.tags, "pP") == "true",
        "reduceOnly": child.reduce_only,
        **_trailing(algo),
        "createTime": at(algo.created_ns),
        "updateTime": at(algo.updated_ns),
        "triggerTime": 0 if algo.triggered_ns is None else at(algo.triggered_ns),
        "goodTillDate": 0,
    }


def trigger_price(algo: AlgoOrder) -> str:
    """Return the trigger price, "0" for an order that trails: that has an activation price."""
    return "0" if algo.trigger.trails or algo.trigger.price is None else trimmed(algo.trigger.price)


def _trailing(algo: AlgoOrder) -> Object:
    ratio = algo.trigger.trail_ratio
    if ratio is None:
        return {}
    return {
        "activatePrice": trimmed(algo.trigger.price or Decimal(0)),
        "callbackRate": trimmed((ratio * 100).normalize()),
    }


def algo_is_shown(algo: AlgoOrder) -> bool:
    """Return whether `openAlgoOrders` shows it: while it waits or works."""
    return algo.status in (AlgoStatus.NEW, AlgoStatus.TRIGGERING, AlgoStatus.TRIGGERED)


def entry_price(position: Position, instrument: Instrument) -> Decimal:
    """Return the average entry price of an open position, 0 for a flat one."""
    found = instrument.average_price(abs(position.entry_quote), abs(position.quantity))
    return Decimal(0) if found is None else found.quantize(Decimal("1E-8"))


def unrealized(position: Position, instrument: Instrument, last: int) -> int:
    """Return the profit of a position if it were closed at the last price, in atoms."""
    return instrument.notional(last, position.quantity) - position.entry_quote


def money(atoms: int) -> str:
    """Return an amount with eight decimals."""
    return padded(atoms_to_decimal(atoms))


def position_risk(
    position: Position, instrument: Instrument, last: int, need: Need, terms: Terms, times: tuple[TimeUnit, int]
) -> Object:
    """Return one row of `positionRisk`, with the fields of versions 2 and 3 together; `need` is the position's own."""
    at, updated_ns = times
    isolated, behind = position.instrument in terms.isolated, position.wallet
    gained = unrealized(position, instrument, last)
    liquidated_at = liquidation_price(instrument, position) if behind else None
    return {
        "symbol": position.instrument,
        "positionSide": position.side.value,
        "positionAmt": quantity(instrument, position.quantity),
        "entryPrice": trimmed(entry_price(position, instrument)),
        "breakEvenPrice": trimmed(entry_price(position, instrument)),
        "markPrice": padded(instrument.price(last)),
        "unRealizedProfit": padded(atoms_to_decimal(gained)),
        "liquidationPrice": "0" if liquidated_at is None else padded(liquidated_at),
        "leverage": str(terms.leverage(instrument)),
        "maxNotionalValue": "1000000",
        "marginType": "isolated" if isolated else "cross",
        "isolatedMargin": money(behind + gained) if isolated and position.quantity else "0",
        "isAutoAddMargin": "false",
        "notional": amount(instrument.notional(last, position.quantity)),
        "isolatedWallet": money(behind) if behind else "0",
        "marginAsset": instrument.cash,
        "initialMargin": amount(need.initial),
        "maintMargin": amount(need.maintenance),
        "positionInitialMargin": amount(need.positions),
        "openOrderInitialMargin": amount(need.orders),
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": at(updated_ns),
    }


def balance(each: Balance, margin: Margin, at: TimeUnit, now_ns: int) -> Object:
    """Return one row of `balance`; `margin` is that of this asset."""
    wallet, free = money(each.total), money(max(0, margin.available))
    return {
        "accountAlias": "SgsR",
        "asset": each.asset,
        "balance": wallet,
        "crossWalletBalance": money(each.free),
        "crossUnPnl": money(margin.shared.gained),
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "marginAvailable": True,
        "updateTime": at(now_ns),
    }


def account_asset(each: Balance, margin: Margin, at: TimeUnit, now_ns: int) -> Object:
    """Return one asset of `account`."""
    need = margin.need
    wallet, free = money(each.total), money(max(0, margin.available))
    return {
        "asset": each.asset,
        "walletBalance": wallet,
        "unrealizedProfit": money(need.gained),
        "marginBalance": money(each.total + need.gained),
        "maintMargin": money(need.maintenance),
        "initialMargin": money(need.initial),
        "positionInitialMargin": money(need.positions),
        "openOrderInitialMargin": money(need.orders),
        "crossWalletBalance": money(each.free),
        "crossUnPnl": money(margin.shared.gained),
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "marginAvailable": True,
        "updateTime": at(now_ns),
    }


def symbol(instrument: Instrument, *, percent_price: instruments.Bounds | None, conditional: int) -> Object:
    """Return a market as `exchangeInfo` describes it; `conditional` is how many such orders it takes."""
    return {
        "symbol": instrument.name,
        "pair": instrument.name,
        "contractType": "PERPETUAL",
        "deliveryDate": instruments.DELIVERY_MS,
        "onboardDate": instruments.ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.cash,
        "pricePrecision": instruments.decimals(instrument.tick),
        "quantityPrecision": instruments.decimals(instrument.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": _filters(instrument, percent_price, conditional),
        "orderTypes": ["LIMIT", "MARKET", *ALGO_TYPES],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _filters(
    instrument: Instrument, percent_price: instruments.Bounds | None, conditional: int
) -> list[Mapping[str, object]]:
    lot: Object = {
        "minQty": trimmed(instrument.min_quantity),
        "maxQty": trimmed(instrument.max_quantity),
        "stepSize": trimmed(instrument.step),
    }
    tick = trimmed(instrument.tick)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": trimmed(instruments.MAX_PRICE),
            "tickSize": tick,
        },
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": instruments.MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": conditional},
        {"filterType": "MIN_NOTIONAL", "notional": trimmed(instrument.min_notional)},
        *_percent_price(percent_price),
    ]


def _percent_price(bounds: instruments.Bounds | None) -> list[Mapping[str, object]]:
    if bounds is None:
        return []
    down, up = (f"{bound:.4f}" for bound in bounds)
    return [{"filterType": "PERCENT_PRICE", "multiplierUp": up, "multiplierDown": down, "multiplierDecimal": "4"}]
