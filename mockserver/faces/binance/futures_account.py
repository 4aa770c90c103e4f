"""USD-M's calls about the account: wallet, margin, positions, fees, and the settings of leverage and modes.

What is shown of margin is what the engine reckons with: initial and maintenance, one bracket. It is of now, also where
REST lags behind the stream; wallets and positions are not.
What this module does not do: position margin (`futures_margin`), multi-assets mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from mockserver.engine.types import Reject, RejectReason, SetTerms
from mockserver.faces.binance import errors, placing
from mockserver.faces.binance import futures_events as events
from mockserver.faces.binance import futures_views as views
from mockserver.faces.binance.errors import Refusal, Refused
from mockserver.faces.binance.routes import Call
from mockserver.faces.binance.streams import StreamSession, UserDataFace
from mockserver.faces.binance.text import json_text

CASH: Final = "USDT"
MAX_NOTIONAL: Final = "1000000"
# Ratios are JSON numbers here; written as text, so that no float is made.
BRACKET: Final = msgspec.Raw(
    b'{"bracket":1,"initialLeverage":125,"notionalCap":1000000,"notionalFloor":0,"maintMarginRatio":0.025,"cum":0.0}'
)
# What of version 2 the page of version 3 (2024-11) has no more.
NOT_IN_3: Final = ("leverage", "maxNotionalValue", "marginType", "isAutoAddMargin")
DONE: Final = {"code": 200, "msg": "success"}
MARGIN_TYPE_REJECTS: Final[Mapping[RejectReason, Refusal]] = {
    RejectReason.NO_CHANGE: errors.MARGIN_TYPE_AS_IT_IS,
    RejectReason.HAS_ORDERS: errors.MARGIN_TYPE_WITH_ORDERS,
    RejectReason.HAS_POSITION: errors.MARGIN_TYPE_WITH_POSITION,
}


# -- what there is ----------------------------------------------------------------------------------------------------


def _risks(call: Call, *, flat: bool) -> list[dict[str, object]]:
    engine, named = call.exchange.engine, call.instrument_or_none()
    terms = engine.terms(call.account)
    out: list[dict[str, object]] = []
    for instrument in call.exchange.spec.instruments:
        for side in terms.sides:
            position = engine.position(call.account, instrument.name, call.as_of_ns, side)
            if named not in (None, instrument) or not (flat or position.quantity):
                continue
            need = engine.need(call.account, instrument.name, side)
            times = (call.at, call.now_ns if position.quantity else 0)
            last = engine.last_price(instrument.name)
            out.append(views.position_risk(position, instrument, last, need, terms, times))
    return out


def position_risk_2(call: Call) -> object:
    """Tell the positions of every market, flat ones too (version 2)."""
    return _risks(call, flat=True)


def position_risk_3(call: Call) -> object:
    """Tell the positions that are open (version 3), without how they are set: that is `symbolConfig`'s."""
    return [{name: row[name] for name in row if name not in NOT_IN_3} for row in _risks(call, flat=False)]


def balance(call: Call) -> object:
    """Tell the wallet."""
    engine = call.exchange.engine
    rows = engine.balances(call.account, call.as_of_ns)
    return [views.balance(each, engine.margin(call.account, each.asset), call.at, call.now_ns) for each in rows]


def account_2(call: Call) -> object:
    """Tell the account with every market's position (version 2)."""
    fees = {"feeTier": 0, "canTrade": True, "canDeposit": True, "canWithdraw": True, "tradeGroupId": -1}
    return {**fees, "updateTime": 0, "multiAssetsMargin": False, **_account(call, flat=True)}


def account_3(call: Call) -> object:
    """Tell the account with its open positions (version 3)."""
    return _account(call, flat=False)


def _account(call: Call, *, flat: bool) -> dict[str, object]:
    engine = call.exchange.engine
    balances = engine.balances(call.account, call.as_of_ns)
    margin = engine.margin(call.account, CASH)
    need, wallet = margin.need, sum(each.total for each in balances if each.asset == CASH)
    shared = sum(each.free for each in balances if each.asset == CASH)
    free = views.money(max(0, margin.available))
    isolated = engine.terms(call.account).isolated
    positions = [
        {
            **each,
            "unrealizedProfit": each["unRealizedProfit"],
            "isolated": each["symbol"] in isolated,
            "maxNotional": MAX_NOTIONAL,
        }
        for each in _risks(call, flat=flat)
    ]
    return {
        "totalInitialMargin": views.money(need.initial),
        "totalMaintMargin": views.money(need.maintenance),
        "totalWalletBalance": views.money(wallet),
        "totalUnrealizedProfit": views.money(need.gained),
        "totalMarginBalance": views.money(wallet + need.gained),
        "totalPositionInitialMargin": views.money(need.positions),
        "totalOpenOrderInitialMargin": views.money(need.orders),
        "totalCrossWalletBalance": views.money(shared),
        "totalCrossUnPnl": views.money(margin.shared.gained),
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "assets": [
            views.account_asset(each, engine.margin(call.account, each.asset), call.at, call.now_ns)
            for each in balances
        ],
        "positions": positions,
    }


def commission_rate(call: Call) -> object:
    """Tell the account's fees for a symbol."""
    instrument, terms = call.instrument(), call.exchange.engine.terms(call.account)
    return {
        "symbol": instrument.name,
        "makerCommissionRate": views.amount(terms.rate(instrument, maker=True)),
        "takerCommissionRate": views.amount(terms.rate(instrument, maker=False)),
    }


def symbol_config(call: Call) -> object:
    """Tell margin mode and leverage of one market or all."""
    named, terms = call.instrument_or_none(), call.exchange.engine.terms(call.account)
    return [
        {
            "symbol": instrument.name,
            "marginType": "ISOLATED" if instrument.name in terms.isolated else "CROSSED",
            "isAutoAddMargin": False,  # the docs' sample has text; the venue answers so, and clients insist on it
            "leverage": terms.leverage(instrument),
            "maxNotionalValue": MAX_NOTIONAL,
        }
        for instrument in call.exchange.spec.instruments
        if named in (None, instrument)
    ]


def leverage_bracket(call: Call) -> object:
    """Tell the notional brackets: one for every market."""
    named = call.instrument_or_none()
    rows = [
        {"symbol": instrument.name, "brackets": [BRACKET]}
        for instrument in call.exchange.spec.instruments
        if named in (None, instrument)
    ]
    return rows[0] if named is not None else rows


def position_side(call: Call) -> object:
    """Tell whether there are two positions at a market, or one."""
    return {"dualSidePosition": call.exchange.engine.terms(call.account).hedged}


def multi_assets(call: Call) -> object:
    """Tell that margin is in one asset."""
    return {"multiAssetsMargin": False}


def fee_burn(call: Call) -> object:
    """Tell whether fees are paid in BNB."""
    return {"feeBurn": call.exchange.engine.terms(call.account).discounted}


def account_config(call: Call) -> object:
    """Tell what the account may do, and how it is set."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": call.exchange.engine.terms(call.account).hedged,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


# -- what can be set --------------------------------------------------------------------------------------------------


def set_leverage(call: Call) -> object:
    """Set the leverage of a market; the streams hear of it."""
    instrument = call.instrument()
    call.params.need("leverage")
    leverage = call.params.integer("leverage") or 0
    reply = call.exchange.submit(SetTerms(account=call.account, instrument=instrument.name, leverage=leverage))
    if reply.reject is not None and reply.reject.reason is RejectReason.HAS_POSITION:
        raise Refused(errors.LESS_LEVERAGE_WHILE_ISOLATED)
    if reply.reject is not None:
        raise Refused(errors.bad_leverage(leverage))
    update = events.leverage_changed(call.exchange, instrument.name, leverage)
    tell(call.exchange.face, call.account, update)
    return {"leverage": leverage, "maxNotionalValue": MAX_NOTIONAL, "symbol": instrument.name}


def set_margin_type(call: Call) -> object:
    """Set whether the margin of a market's positions is cross or isolated; not while there are orders or positions."""
    instrument, kind = call.instrument(), call.params.need("marginType")
    if kind not in ("ISOLATED", "CROSSED"):
        raise Refused(errors.not_valid("marginType"))
    command = SetTerms(account=call.account, instrument=instrument.name, isolated=kind == "ISOLATED")
    return _done(call.exchange.submit(command).reject, MARGIN_TYPE_REJECTS)


def set_position_side(call: Call) -> object:
    """Set whether there are two positions at every market, or one; not while there are orders or positions."""
    call.params.need("dualSidePosition")
    hedged = call.params.flag("dualSidePosition") or False
    return _done(call.exchange.submit(SetTerms(account=call.account, hedged=hedged)).reject)


def set_fee_burn(call: Call) -> object:
    """Set whether fees are paid in BNB."""
    call.params.need("feeBurn")
    burns = call.params.flag("feeBurn") or False
    return _done(call.exchange.submit(SetTerms(account=call.account, discounted=burns)).reject)


def _done(reject: Reject | None, table: Mapping[RejectReason, Refusal] = placing.FUTURES_REJECTS) -> object:
    if reject is not None:
        raise placing.refused(table, reject)
    return DONE


def tell(face: object, account: str, message: dict[str, object]) -> int:
    """Tell an account on its streams of what no order caused; return how many were told."""
    assert isinstance(face, UserDataFace)
    told, text = 0, json_text(message)
    for link in tuple(face.exchange.links):
        session = link.session
        if link.open and isinstance(session, StreamSession):
            told += session.notice(face.exchange, account, str(message["e"]), text)
    return told
