"""Spot's JSON objects: orders, trades, accounts, markets; fields and their order as in the REST docs (2026-07).

The REST and WebSocket API doors answer with the same objects. Numbers are padded to eight decimals; the docs' samples
are not always, and clients must take both.
What this module does not do: find the things it writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from mockserver.engine.fees import Discount
from mockserver.engine.terms import Terms
from mockserver.engine.types import (
    ATOMS,
    Amendment,
    Balance,
    Execution,
    Instrument,
    ListKind,
    OrderStatus,
    OrderView,
    Prevention,
    Reason,
    Side,
    atoms_to_decimal,
)
from mockserver.faces.binance import instruments
from mockserver.faces.binance.routes import TimeUnit
from mockserver.faces.binance.text import padded, trimmed

if TYPE_CHECKING:
    from mockserver.engine.types import Depth, OrderList, PublicTrade, Reply

ORDER_TYPES: Final = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
EXPIRY_REASONS: Final = {
    Reason.IOC_REMAINDER: "UNFILLED_IOC_QUANTITY_EXPIRED",
    Reason.FOK_UNFILLED: "UNFILLED_FOK_ORDER_EXPIRED",
    Reason.NO_LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
    Reason.EXCHANGE: "EXCHANGE_CANCELED",
    Reason.DELISTED: "EXCHANGE_CANCELED",
    Reason.OTHER_ORDER: "OCO_TRIGGER",
    Reason.FIRST_ORDER: "OTO_PHASE_ONE_EXPIRED",
    Reason.REFUSED: "REJECTED",
}
BASIS_POINT: Final = 10_000
"""Of a rate in 1e-8: what `makerCommission` counts."""
Object = dict[str, object]


def status(order: OrderView) -> str:
    """Return the order's status in the venue's words."""
    if order.status is OrderStatus.EXPIRED and order.reason is Reason.SELF_TRADE:
        return "EXPIRED_IN_MATCH"
    return order.status.value


def order_type(order: OrderView) -> str:
    """Return the order's type: a post-only order is a type of its own on spot, a stop is labelled with its own."""
    stop = next((value for name, value in order.tags if name == "type"), None)
    return stop or ("LIMIT_MAKER" if order.post_only else order.type.value)


def list_id(order: OrderView) -> int:
    """Return the id of the order's list, -1 for none."""
    return -1 if order.list_id is None else order.list_id


def stop_price(order: OrderView) -> str:
    """Return the price that sets an order off, "0.00000000" for none."""
    return padded(Decimal(0) if order.trigger is None or order.trigger.price is None else order.trigger.price)


def trailing_delta(order: OrderView) -> int | None:
    """Return by how many basis points an order trails, None if it does not."""
    ratio = None if order.trigger is None else order.trigger.trail_ratio
    return None if ratio is None else int(ratio * 10_000)


def _when(time_ns: int | None, at: TimeUnit) -> int:
    return -1 if time_ns is None else at(time_ns)


def price(instrument: Instrument, ticks: int | None) -> str:
    """Return a price, "0.00000000" for none (a MARKET order)."""
    return padded(Decimal(0) if ticks is None else instrument.price(ticks))


def quantity(instrument: Instrument, steps: int) -> str:
    """Return a quantity."""
    return padded(instrument.quantity(steps))


def amount(atoms: int) -> str:
    """Return an amount of an asset."""
    return padded(atoms_to_decimal(atoms))


def order_query(order: OrderView, instrument: Instrument, at: TimeUnit) -> Object:
    """Return an order as `GET order`, `openOrders` and `allOrders` show it."""
    out: Object = {
        "symbol": order.instrument,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": order.client_id,
        **_terms(order, instrument),
        "stopPrice": stop_price(order),
        "icebergQty": padded(Decimal(0)),
        "time": at(order.created_ns),
        "updateTime": at(order.updated_ns),
        "isWorking": order.working_ns is not None,
        "workingTime": _when(order.working_ns, at),
        "origQuoteOrderQty": amount(order.quote_amount or 0),
        "selfTradePreventionMode": order.self_trade.value,
    }
    return {**out, **_prevented(order, instrument), **_strategy(order), **_trailing(order, at)}


def _trailing(order: OrderView, at: TimeUnit) -> Object:
    """Return the fields of an order that trails; `trailingTime` is -1 until it follows the market."""
    delta = trailing_delta(order)
    return {} if delta is None else {"trailingDelta": delta, "trailingTime": _when(order.looking_ns, at)}


def _stop(order: OrderView, at: TimeUnit) -> Object:
    """Return the fields that only orders with a trigger have in answers to those who place and cancel them."""
    return {} if order.trigger is None else {"stopPrice": stop_price(order), **_trailing(order, at)}


def _prevented(order: OrderView, instrument: Instrument) -> Object:
    """Return the fields of an order that a prevented match has ended or made smaller (stp_faq)."""
    if order.prevented_id is None:
        return {}
    return {"preventedMatchId": order.prevented_id, "preventedQuantity": quantity(instrument, order.prevented)}


def _terms(order: OrderView, instrument: Instrument, *, quote_order: bool = False) -> Object:
    out: Object = {
        "price": price(instrument, order.price),
        "origQty": quantity(instrument, order.quantity),
        "executedQty": quantity(instrument, order.filled),
    }
    if quote_order:
        out["origQuoteOrderQty"] = amount(order.quote_amount or 0)
    out["cummulativeQuoteQty"] = amount(order.filled_quote)
    out["status"] = status(order)
    out["timeInForce"] = order.tif.value
    out["type"] = order_type(order)
    out["side"] = order.side.value
    return out


def _strategy(order: OrderView) -> Object:
    return {name: int(value) for name, value in order.tags if name in ("strategyId", "strategyType")}


def order_ack(order: OrderView, at: TimeUnit) -> Object:
    """Return the ACK answer to a new order."""
    return {
        "symbol": order.instrument,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": order.client_id,
        "transactTime": at(order.updated_ns),
    }


def order_result(
    order: OrderView, instrument: Instrument, at: TimeUnit, preventions: Iterable[Prevention] = ()
) -> Object:
    """Return the RESULT answer to a new order."""
    out: Object = {
        **order_ack(order, at),
        **_terms(order, instrument, quote_order=True),
        **_stop(order, at),
        "workingTime": _when(order.working_ns, at),
        "selfTradePreventionMode": order.self_trade.value,
        **_strategy(order),
    }
    matches = [
        {
            "preventedMatchId": match.prevented_id,
            "makerOrderId": match.maker_order_id,
            "price": price(instrument, match.price),
            **_prevented_quantities(match, instrument),
        }
        for match in preventions
    ]
    if matches:
        # "preventedQuantity" and "preventedMatches" are there "if there was a prevented match" (changelog, 2022-12).
        out.update({"preventedQuantity": quantity(instrument, order.prevented), "preventedMatches": matches})
    reason = expiry_reason(order)
    # "expiryReason" is for orders that have expired, since 2026-03-26 (spot changelog).
    return out if reason is None else {**out, "expiryReason": reason}


def _prevented_quantities(match: Prevention, instrument: Instrument) -> Object:
    """Return what each of the two lost by a prevented match, and only those that lost something (stp_faq)."""
    open_steps = {"takerPreventedQuantity": match.taker_quantity, "makerPreventedQuantity": match.maker_quantity}
    return {name: quantity(instrument, steps) for name, steps in open_steps.items() if steps is not None}


def prevented_match(match: Prevention, instrument: Instrument, at: TimeUnit) -> Object:
    """Return one row of `myPreventedMatches`."""
    return {
        "symbol": match.instrument,
        "preventedMatchId": match.prevented_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.instrument,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": -1,  # "-1 if account has no trade group" (stp_faq)
        "selfTradePreventionMode": match.mode.value,
        "price": price(instrument, match.price),
        **_prevented_quantities(match, instrument),
        "transactTime": at(match.time_ns),
    }


def amendment(each: Amendment, instrument: Instrument, at: TimeUnit) -> Object:
    """Return one row of `order/amendments`."""
    return {
        "symbol": each.instrument,
        "orderId": each.order_id,
        "executionId": each.execution_id,
        "origClientOrderId": each.old_client_id,
        "newClientOrderId": each.new_client_id,
        "origQty": quantity(instrument, each.old_quantity),
        "newQty": quantity(instrument, each.new_quantity),
        "time": at(each.time_ns),
    }


def order_full(order: OrderView, instrument: Instrument, at: TimeUnit, reply: Reply) -> Object:
    """Return the FULL answer to a new order: RESULT and the fills it made."""
    return {
        **order_result(order, instrument, at, reply.preventions),
        "fills": [
            {
                "price": price(instrument, fill.price),
                "qty": quantity(instrument, fill.quantity),
                "commission": amount(fill.fee),
                "commissionAsset": fill.fee_asset,
                "tradeId": fill.trade_id,
            }
            for fill in reply.executions
            if fill.order_id == order.order_id
        ],
    }


def order_list(each: OrderList, at: TimeUnit) -> Object:
    """Return an order list; an OTOCO is an OTO to the venue."""
    return {
        "orderListId": each.list_id,
        "contingencyType": "OCO" if each.kind is ListKind.OCO else "OTO",
        "listStatusType": "ALL_DONE" if each.is_done else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if each.is_done else "EXECUTING",
        "listClientOrderId": each.client_id,
        "transactionTime": at(each.updated_ns),
        "symbol": each.instrument,
        "orders": [
            {"symbol": each.instrument, "orderId": number, "clientOrderId": name}
            for number, name in zip(each.order_ids, each.client_ids, strict=True)
        ],
    }


def list_canceled(reply: Reply, instrument: Instrument, at: TimeUnit) -> Object:
    """Return the answer to whoever cancelled a list, or one order of it."""
    assert reply.order_list is not None  # the caller knows
    reports = [order_canceled(each, instrument, at, reply.request_id) for each in reply.orders]
    return {**order_list(reply.order_list, at), "orderReports": reports}


def order_canceled(order: OrderView, instrument: Instrument, at: TimeUnit, request_id: str | None) -> Object:
    """Return the answer to a cancel: `clientOrderId` is the request's id, `origClientOrderId` the order's."""
    return {
        "symbol": order.instrument,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": list_id(order),
        "clientOrderId": request_id,
        "transactTime": at(order.updated_ns),
        **_terms(order, instrument, quote_order=True),
        **_stop(order, at),
        "selfTradePreventionMode": order.self_trade.value,
    }


def order_amended(
    order: OrderView, instrument: Instrument, at: TimeUnit, execution_id: int | None, old_client_id: str | None
) -> Object:
    """Return the answer to an amend; here, and only here, the name is `cumulativeQuoteQty` (spot docs, 2026-07)."""
    return {
        "transactTime": at(order.updated_ns),
        "executionId": execution_id,
        "amendedOrder": {
            "symbol": order.instrument,
            "orderId": order.order_id,
            "orderListId": list_id(order),
            "origClientOrderId": old_client_id,
            "clientOrderId": order.client_id,
            "price": price(instrument, order.price),
            "qty": quantity(instrument, order.quantity),
            "executedQty": quantity(instrument, order.filled),
            "preventedQty": quantity(instrument, order.prevented),
            "quoteOrderQty": amount(order.quote_amount or 0),
            "cumulativeQuoteQty": amount(order.filled_quote),
            "status": status(order),
            "timeInForce": order.tif.value,
            "type": order_type(order),
            "side": order.side.value,
            "workingTime": _when(order.working_ns, at),
            "selfTradePreventionMode": order.self_trade.value,
        },
    }


def expiry_reason(order: OrderView) -> str | None:
    """Return why an order expired, or None if it did not (or the venue has no word for it)."""
    return None if order.reason is None else EXPIRY_REASONS.get(order.reason)


def my_trade(fill: Execution, order: OrderView | None, instrument: Instrument, at: TimeUnit) -> Object:
    """Return one row of `myTrades`; of an order that is forgotten (None) nobody knows the list."""
    return {
        "symbol": fill.instrument,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": -1 if order is None else list_id(order),
        "price": price(instrument, fill.price),
        "qty": quantity(instrument, fill.quantity),
        "quoteQty": amount(fill.quote),
        "commission": amount(fill.fee),
        "commissionAsset": fill.fee_asset,
        "time": at(fill.time_ns),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
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
        "isBestMatch": True,
    }


def depth(book: Depth, instrument: Instrument) -> Object:
    """Return the book."""

    def levels(side: Iterable[tuple[int, int]]) -> list[list[str]]:
        return [[price(instrument, ticks), quantity(instrument, steps)] for ticks, steps in side]

    return {"lastUpdateId": book.update_id, "bids": levels(book.bids), "asks": levels(book.asks)}


def rates(maker: int, taker: int) -> Object:
    """Return commission rates as text."""
    none = padded(Decimal(0))
    return {**_trade_rates(maker, taker), "buyer": none, "seller": none}


def _trade_rates(maker: int, taker: int) -> Object:
    return {"maker": padded(atoms_to_decimal(maker)), "taker": padded(atoms_to_decimal(taker))}


def commission(instrument: Instrument, terms: Terms, discount: Discount) -> Object:
    """Return `account/commission`."""
    return {
        "symbol": instrument.name,
        "standardCommission": rates(*_fees(instrument, terms)),
        "specialCommission": rates(0, 0),
        "taxCommission": rates(0, 0),
        "discount": _discount(terms, discount),
    }


def trade_fee(instrument: Instrument, terms: Terms) -> Object:
    """Return one row of the wallet API's `tradeFee`."""
    maker, taker = (trimmed(atoms_to_decimal(rate)) for rate in _fees(instrument, terms))
    return {"symbol": instrument.name, "makerCommission": maker, "takerCommission": taker}


def order_commission(instrument: Instrument, terms: Terms, discount: Discount) -> Object:
    """Return what `order/test` tells of an order's rates: those of a side of its own are in them already."""
    return {
        "standardCommissionForOrder": _trade_rates(*_fees(instrument, terms)),
        "specialCommissionForOrder": _trade_rates(0, 0),
        "taxCommissionForOrder": _trade_rates(0, 0),
        "discount": _discount(terms, discount),
    }


def _fees(instrument: Instrument, terms: Terms) -> tuple[int, int]:
    return terms.rate(instrument, maker=True), terms.rate(instrument, maker=False)


def _discount(terms: Terms, discount: Discount) -> Object:
    """Return the discount of those who pay in BNB; `discount` is what is left, as the official SDK describes it."""
    return {
        "enabledForAccount": terms.discounted,
        "enabledForSymbol": True,
        "discountAsset": discount.asset,
        "discount": padded(atoms_to_decimal(ATOMS - discount.share)),
    }


def account(balances: Sequence[Balance], fees: tuple[int, int], updated_ns: int, at: TimeUnit) -> Object:
    """Return the account; `fees` are those of maker and taker."""
    return {
        "makerCommission": fees[0] // BASIS_POINT,
        "takerCommission": fees[1] // BASIS_POINT,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates(*fees),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": at(updated_ns),
        "accountType": "SPOT",
        "balances": [{"asset": b.asset, "free": amount(b.free), "locked": amount(b.locked)} for b in balances],
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def symbol(instrument: Instrument, *, percent_price: instruments.Bounds | None) -> Object:
    """Return a market as `exchangeInfo` describes it; offered is what the mock can do."""
    return {
        "symbol": instrument.name,
        "status": "TRADING",
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(instrument, percent_price=percent_price),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": instruments.DEFAULT_SELF_TRADE,
        "allowedSelfTradePreventionModes": list(instruments.SELF_TRADE_MODES),
    }


def _filters(instrument: Instrument, *, percent_price: instruments.Bounds | None) -> list[Object]:
    lot: Object = {
        "minQty": padded(instrument.min_quantity),
        "maxQty": padded(instrument.max_quantity),
        "stepSize": padded(instrument.step),
    }
    tick = padded(instrument.tick)
    highest = padded(instruments.MAX_PRICE)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": highest, "tickSize": tick},
        {"filterType": "LOT_SIZE", **lot},
        {"filterType": "MARKET_LOT_SIZE", **lot},
        {
            "filterType": "NOTIONAL",
            "minNotional": padded(instrument.min_notional),
            "applyMinToMarket": True,
            "maxNotional": padded(instruments.MAX_NOTIONAL),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": instruments.MAX_NUM_ORDERS},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": instruments.MAX_NUM_ALGO_ORDERS},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": instruments.MAX_NUM_ORDER_LISTS},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": instruments.MIN_TRAILING_DELTA,
            "maxTrailingAboveDelta": instruments.MAX_TRAILING_DELTA,
            "minTrailingBelowDelta": instruments.MIN_TRAILING_DELTA,
            "maxTrailingBelowDelta": instruments.MAX_TRAILING_DELTA,
        },
        *_percent_price(percent_price),
    ]


def _percent_price(bounds: instruments.Bounds | None) -> list[Object]:
    if bounds is None:
        return []
    out: Object = {"filterType": "PERCENT_PRICE_BY_SIDE"}
    for side in ("bid", "ask"):
        out.update({f"{side}MultiplierUp": trimmed(bounds[1]), f"{side}MultiplierDown": trimmed(bounds[0])})
    return [{**out, "avgPriceMins": 5}]
