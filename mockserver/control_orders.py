"""The control API's acts on orders, balances and positions; the rest of it is in ``control``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockserver.control_acts import (
    MONEY,
    PREFIX,
    TEXT,
    WHOLE,
    Act,
    Json,
    Schema,
    Steps,
    Table,
    like,
    obj,
    one_of,
    open_obj,
    or_null,
    rows,
)
from mockserver.control_input import BadRequest, Input
from mockserver.engine.types import (
    HOUSE,
    Cancel,
    Deposit,
    Expire,
    Fill,
    ForceClose,
    Instrument,
    Kind,
    OrderType,
    OrderView,
    Place,
    PositionSide,
    RejectReason,
    Reply,
    Side,
    TimeInForce,
    TriggerAlgo,
    TriggerOrder,
    atoms_to_decimal,
    decimal_to_atoms,
)
from mockserver.exchange import Exchange
from mockserver.faces.base import VenueSpec
from mockserver.forms import nearest
from mockserver.truth import order_row
from mockserver.world import World, Worlds

__all__ = ["PREFIX", "Act", "Finder", "Json", "OrderControl", "Steps", "Table"]


class Finder:
    """Finds what a control request names, or refuses with the names that exist."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds

    def world(self, given: Input) -> World:
        name = given.text("world", "default")
        found = self.worlds.worlds.get(name)
        if found is None:
            hint = f"GET {PREFIX}/worlds lists them, POST {PREFIX}/accounts makes one"
            raise BadRequest(f"no world {name!r}; {hint}", 404)
        return found

    def exchanges(self, given: Input) -> list[Exchange]:
        """The exchange of "venue", or every one of the world."""
        exchanges = self.world(given).exchanges
        if not given.has("venue"):
            return list(exchanges.values())
        return [self.exchange(given)]

    def exchange(self, given: Input) -> Exchange:
        exchanges = self.world(given).exchanges
        venue = given.text("venue")
        if venue not in exchanges:
            raise BadRequest(f"no venue {venue!r}; there are {', '.join(exchanges)}", 404)
        return exchanges[venue]

    def instrument(self, exchange: Exchange, given: Input) -> Instrument:
        """The instrument of "symbol", also from a path where a slash was written %2F (BTC%2FUSD)."""
        symbol = given.text("symbol").replace("%2F", "/").replace("%2f", "/")
        instruments = exchange.engine.instruments
        if symbol not in instruments:
            raise BadRequest(f"no symbol {symbol!r} at {exchange.venue}; there are {', '.join(instruments)}", 404)
        return instruments[symbol]

    def order(self, given: Input) -> tuple[Exchange, Instrument, OrderView]:
        exchange = self.exchange(given)
        instrument = self.instrument(exchange, given)
        order = exchange.engine.order(instrument.name, given.whole("id"))
        if order is None:
            raise BadRequest(f"no order {given.text('id')} of {instrument.name} at {exchange.venue}", 404)
        return exchange, instrument, order

    def some_account(self, given: Input, exchanges: Sequence[Exchange]) -> str | None:
        """The name of "account" if one of these exchanges has it, as an account or as a ledger; None if not given."""
        name = given.optional_text("account")
        known = {each for exchange in exchanges for each in exchange.engine.accounts()} - {HOUSE}
        if name is not None and name not in known:
            raise BadRequest(f"no account {name!r} there; there are {', '.join(sorted(known)) or 'none'}", 404)
        return name

    def asset(self, spec: VenueSpec, asset: str) -> str:
        """Return an asset that the venue has: money of a misspelt name could buy nothing, and nobody would know."""
        if asset not in spec.assets:
            raise BadRequest(f"no asset {asset!r} at {spec.name}; {nearest(asset, spec.assets)}", 404)
        return asset

    def ledger(self, exchange: Exchange, given: Input) -> str:
        name = given.text("account")
        if not exchange.engine.has_account(name):
            raise BadRequest(f"no account {name!r} at {exchange.venue}; POST {PREFIX}/accounts makes one", 404)
        return name


CLOSES: Final = tuple(kind for kind in Kind if kind is not Kind.TRADE)
"""Why the exchange closes a position."""
_WHOSE: Schema = {"venue": TEXT, "account": TEXT, "symbol": TEXT, "side": one_of(Side), "order_id": TEXT}
ORDER: Schema = open_obj(
    **_WHOSE,
    client_order_id=or_null(TEXT),
    type=TEXT,
    time_in_force=TEXT,
    kind=TEXT,
    price=or_null(MONEY),
    quantity=MONEY,
    filled_quantity=MONEY,
    filled_quote=MONEY,
    status=TEXT,
    reason=or_null(TEXT),
    created_ns=WHOLE,
    updated_ns=WHOLE,
)
"""An order as ``truth.order_row`` tells it."""
_DEPOSITED: Schema = obj(account=TEXT, asset=TEXT, free=MONEY, locked=MONEY)
_TRIGGERED: Schema = obj(venue=TEXT, algo_id=TEXT, status=or_null(TEXT), order_id=or_null(TEXT))


class OrderControl:
    """Acts on orders, balances and positions."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        terms = "type price time_in_force client_order_id post_only reduce_only position_side"
        order = "/orders/{venue}/{symbol}/{id}"
        closes = like(one_of(kind.value for kind in CLOSES), "LIQUIDATION")
        maker = like(one_of(("maker", "taker")), "maker", default="maker")
        self.table: Table = {
            ("POST", "/deposit"): Act.of(self._deposit, "venue! account! asset! amount!", gives=_DEPOSITED),
            ("GET", "/orders"): Act.of(self._open, "venue account limit", gives=obj(orders=rows(ORDER))),
            ("POST", "/orders"): Act.of(
                self._place, f"venue! account! symbol! side! quantity! {terms}", gives=obj(order=ORDER)
            ),
            ("POST", f"{order}/fill"): Act.of(
                self._fill, "quantity price liquidity", gives=obj(order=ORDER), liquidity=maker
            ),
            ("POST", f"{order}/cancel"): Act.of(self._cancel, gives=obj(order=ORDER)),
            ("POST", f"{order}/expire"): Act.of(self._expire, gives=obj(order=ORDER)),
            ("POST", f"{order}/trigger"): Act.of(self._set_off, gives=obj(order=ORDER)),
            ("POST", "/positions/{venue}/{symbol}/close"): Act.of(
                self._force_close, "account! kind! quantity price position_side", gives=obj(order=ORDER), kind=closes
            ),
            ("POST", "/algo/{id}/trigger"): Act.of(self._trigger, "venue", gives=_TRIGGERED),
        }

    def _deposit(self, given: Input) -> Json:
        """Give an account money, or take it away (below zero)."""
        exchange = self.find.exchange(given)
        account, asset = self.find.ledger(exchange, given), self.find.asset(exchange.spec, given.text("asset"))
        amount = given.amount("amount", decimal_to_atoms)
        accepted(exchange.submit(Deposit(account=account, asset=asset, amount=amount)))
        balance = exchange.engine.balance(account, asset)
        free, locked = (f"{atoms_to_decimal(each):f}" for each in (balance.free, balance.locked))
        return {"account": account, "asset": asset, "free": free, "locked": locked}

    def _open(self, given: Input) -> Json:
        """The newest open orders of clients, the oldest first."""
        exchanges = self.find.exchanges(given)
        wanted = self.find.some_account(given, exchanges)
        views = [
            (view.created_ns, exchange.venue, view, exchange.engine.instruments[view.instrument])
            for exchange in exchanges
            for name in exchange.engine.accounts()
            if name != HOUSE and wanted in (None, name)
            for view in exchange.engine.open_orders(name)
        ]
        newest = sorted(views, key=lambda row: row[:2])[-max(1, given.whole("limit", 100)) :]
        return {"orders": [order_row(venue, view, instrument) for _, venue, view, instrument in newest]}

    def _place(self, given: Input) -> Json:
        """Place an order, as its owner would."""
        exchange = self.find.exchange(given)
        instrument = self.find.instrument(exchange, given)
        kind = given.one_of("type", OrderType, OrderType.LIMIT)
        reply = exchange.submit(
            Place(
                account=HOUSE if given.text("account") == HOUSE else self.find.ledger(exchange, given),
                instrument=instrument.name,
                side=given.one_of("side", Side),
                type=kind,
                quantity=given.amount("quantity", instrument.to_steps),
                price=given.amount("price", instrument.to_ticks) if kind is OrderType.LIMIT else None,
                tif=given.one_of("time_in_force", TimeInForce, TimeInForce.GTC),
                client_id=given.optional_text("client_order_id"),
                post_only=given.flag("post_only", False),
                reduce_only=given.flag("reduce_only", False),
                position_side=given.one_of("position_side", PositionSide, PositionSide.BOTH),
            )
        )
        return _order_answer(exchange, instrument, reply)

    def _fill(self, given: Input) -> Json:
        """Fill an order against the house, wholly or in part."""
        exchange, instrument, order = self.find.order(given)
        quantity = given.amount("quantity", instrument.to_steps) if given.has("quantity") else None
        price = given.amount("price", instrument.to_ticks) if given.has("price") else None
        maker = given.one_of_texts("liquidity", ("maker", "taker"), "maker") == "maker"
        command = Fill(instrument=instrument.name, order_id=order.order_id, quantity=quantity, price=price, maker=maker)
        return _order_answer(exchange, instrument, exchange.submit(command))

    def _cancel(self, given: Input) -> Json:
        """Cancel an order, as its owner would."""
        exchange, instrument, order = self.find.order(given)
        command = Cancel(account=order.account, instrument=instrument.name, order_id=order.order_id)
        return _order_answer(exchange, instrument, exchange.submit(command))

    def _expire(self, given: Input) -> Json:
        """Let an order expire, as the exchange would."""
        exchange, instrument, order = self.find.order(given)
        return _order_answer(
            exchange, instrument, exchange.submit(Expire(instrument=instrument.name, order_id=order.order_id))
        )

    def _set_off(self, given: Input) -> Json:
        """Set off an order that waits for a price, whatever the price is."""
        exchange, instrument, order = self.find.order(given)
        command = TriggerOrder(instrument=instrument.name, order_id=order.order_id)
        return _order_answer(exchange, instrument, exchange.submit(command))

    def _force_close(self, given: Input) -> Json:
        """Close a position, as the exchange does it."""
        exchange = self.find.exchange(given)
        instrument = self.find.instrument(exchange, given)
        command = ForceClose(
            account=self.find.ledger(exchange, given),
            instrument=instrument.name,
            kind=given.one_of("kind", CLOSES),
            position_side=given.one_of("position_side", PositionSide, PositionSide.BOTH),
            quantity=given.amount("quantity", instrument.to_steps) if given.has("quantity") else None,
            price=given.amount("price", instrument.to_ticks) if given.has("price") else None,
        )
        return _order_answer(exchange, instrument, exchange.submit(command))

    def _trigger(self, given: Input) -> Json:
        """Trigger a conditional order."""
        for exchange in self.find.exchanges(given):
            reply = exchange.submit(TriggerAlgo(algo_id=given.whole("id")))
            if reply.reject is None or reply.reject.reason is not RejectReason.UNKNOWN_ORDER:
                accepted(reply)
                algo = reply.algo
                child = None if algo is None or algo.child_order_id is None else str(algo.child_order_id)
                status = None if algo is None else algo.status.value
                return {"venue": exchange.venue, "algo_id": given.text("id"), "status": status, "order_id": child}
        raise BadRequest(f"no conditional order {given.text('id')} in this world", 404)


def accepted(reply: Reply) -> None:
    """Refuse, in words, what the engine refused."""
    if reply.reject is not None:
        detail = f": {reply.reject.detail}" if reply.reject.detail else ""
        raise BadRequest(f"the engine refused: {reply.reject.reason.value}{detail}", 409)


def _order_answer(exchange: Exchange, instrument: Instrument, reply: Reply) -> Json:
    accepted(reply)
    assert reply.order is not None  # every command about an order answers with it
    return {"order": order_row(exchange.venue, reply.order, instrument)}
