"""The control API's routes for what accounts trade on and are charged: fees, modes, leverage, funding, margin calls.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from mockserver.control_acts import FLAG, MONEY, NAMES, TEXT, WHOLE, Act, Json, Schema, Table, like, obj, or_null, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder, accepted
from mockserver.engine.types import ATOMS, HOUSE, BalanceCause, Deposit, SetTerms, atoms_to_decimal, decimal_to_atoms
from mockserver.exchange import Exchange
from mockserver.faces.binance import FuturesFace

_TERMS: Schema = obj(
    venue=TEXT,
    account=TEXT,
    maker_fee=or_null(MONEY),
    taker_fee=or_null(MONEY),
    discounted=FLAG,
    hedged=FLAG,
    leverages={"type": "object", "additionalProperties": WHOLE},
    isolated=rows(TEXT),
)
_RATE: Schema = like(NAMES["amount"], "0.001")


class TermsControl:
    """What the control API does to the terms of accounts."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        terms = "/accounts/{venue}/{account}/terms"
        self.table: Table = {
            ("GET", terms): Act.of(self._show, gives=_TERMS),
            ("POST", terms): Act.of(
                self._set,
                "maker_fee taker_fee discounted hedged symbol leverage isolated",
                gives=_TERMS,
                maker_fee=_RATE,
                taker_fee=_RATE,
                discounted=like(FLAG, False),
                hedged=like(FLAG, False),
                leverage=like(WHOLE, 5),
                isolated=like(FLAG, False),
            ),
            ("POST", "/accounts/{venue}/{account}/margin-call"): Act.of(self._margin_call, gives=obj(told=WHOLE)),
            ("POST", "/funding/{venue}/{symbol}"): Act.of(
                self._funding,
                "rate!",
                gives=obj(paid=rows(obj(account=TEXT, asset=TEXT, amount=MONEY))),
                rate=like(NAMES["amount"], "0.0001", "Above zero: longs pay shorts."),
            ),
        }

    def _show(self, given: Input) -> Json:
        """The terms of an account; a fee that is null is each market's own."""
        exchange = self.find.exchange(given)
        return _row(exchange, self.find.ledger(exchange, given))

    def _set(self, given: Input) -> Json:
        """Change the terms of an account: all of them or none. Both fees are given, or none."""
        exchange = self.find.exchange(given)
        name = self.find.ledger(exchange, given)
        fees = None
        if given.has("maker_fee") or given.has("taker_fee"):
            fees = (given.amount("maker_fee", decimal_to_atoms), given.amount("taker_fee", decimal_to_atoms))
        symbol = self.find.instrument(exchange, given).name if given.has("symbol") else None
        if symbol is None and (given.has("leverage") or given.has("isolated")):
            raise BadRequest("leverage and isolated are those of a symbol; give 'symbol'")
        if given.has("isolated") and not isinstance(exchange.face, FuturesFace):
            raise BadRequest(f"{exchange.venue} has no isolated margin", 409)
        command = SetTerms(
            account=name,
            fees=fees,
            discounted=given.flag("discounted", False) if given.has("discounted") else None,
            hedged=given.flag("hedged", False) if given.has("hedged") else None,
            instrument=symbol,
            leverage=given.whole("leverage") if given.has("leverage") else None,
            isolated=given.flag("isolated", False) if given.has("isolated") else None,
        )
        accepted(exchange.submit(command))
        return _row(exchange, name)

    def _margin_call(self, given: Input) -> Json:
        """Tell an account on its streams that its margin runs out; nothing else happens."""
        exchange = self.find.exchange(given)
        name, face = self.find.ledger(exchange, given), exchange.face
        if not isinstance(face, FuturesFace):
            raise BadRequest(f"{exchange.venue} has no margin calls", 409)
        return {"told": face.margin_call(name)}

    def _funding(self, given: Input) -> Json:
        """Let every open position at a market pay, or be paid, its worth at the last price times this rate."""
        exchange = self.find.exchange(given)
        instrument, engine = self.find.instrument(exchange, given), exchange.engine
        if not instrument.is_perp:
            raise BadRequest(f"{instrument.name} is no perpetual", 409)
        rate = given.amount("rate", decimal_to_atoms)
        paid = []
        for name in engine.accounts():
            for position in engine.positions(name):
                worth = instrument.notional(engine.last_price(instrument.name), position.quantity)
                amount = -(worth * rate // ATOMS)
                if position.instrument != instrument.name or name == HOUSE or not amount:
                    continue
                deposit = Deposit(
                    account=name,
                    asset=instrument.cash,
                    amount=amount,
                    cause=BalanceCause.FUNDING,
                    instrument=instrument.name,
                    position_side=position.side,
                )
                accepted(exchange.submit(deposit))
                paid.append({"account": name, "asset": instrument.cash, "amount": f"{atoms_to_decimal(amount):f}"})
        return {"paid": paid}


def _row(exchange: Exchange, name: str) -> Json:
    terms = exchange.engine.terms(name)
    maker, taker = (None, None) if terms.fees is None else (f"{atoms_to_decimal(each):f}" for each in terms.fees)
    return {
        "venue": exchange.venue,
        "account": name,
        "maker_fee": maker,
        "taker_fee": taker,
        "discounted": terms.discounted,
        "hedged": terms.hedged,
        "leverages": dict(terms.leverages),
        "isolated": list(terms.isolated),
    }
