"""Fees and margin as Binance tells them: tiers, the discount, leverage, two positions, liquidation, funding."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mockserver import snapshot
from mockserver.control import Control
from mockserver.engine.types import (
    BalanceCause,
    Deposit,
    ForceClose,
    Kind,
    PositionSide,
    SetTerms,
    Side,
    decimal_to_atoms,
)
from mockserver.faces.base import HttpRequest
from tests.unit.mockserver.faces.binance_client import Client

ORDER = "/fapi/v1/order"
MARKET = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "1"}


def control(client: Client, method: str, path: str, **body: object) -> Any:
    """The answer of the control API."""
    request = HttpRequest(method, f"/__mock{path}", (("host", "127.0.0.1"),), json.dumps(body).encode())
    response = Control(client.worlds).handle(request)
    assert response.status == 200, response.body
    return json.loads(response.body)


def paid(client: Client, event: dict[str, Any]) -> tuple[str, str]:
    """The commission of a report, which `myTrades` must show too."""
    (row,) = client.good("GET", "/api/v3/myTrades", symbol=event["s"], orderId=event["i"])
    assert (row["commission"], row["commissionAsset"]) == (event["n"], event["N"])
    return event["n"], event["N"]


def hedged() -> Client:
    """A futures client with two positions at each market, which stands at 50000 with room on both sides."""
    client = Client()
    client.good("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    client.quote(client.futures, Side.BUY, "50000", "20")
    client.quote(client.futures, Side.SELL, "50000.1", "20")
    return client


# -- fees -------------------------------------------------------------------------------------------------------------


def test_a_tier_is_charged_and_told() -> None:
    """Rates set by the control API hold for maker and taker, in fills, the account and the commission call."""
    client = Client()
    control(client, "POST", "/accounts/binance-spot/alice/terms", maker_fee="0.0002", taker_fee="0.0009")
    socket = client.subscribed()
    client.fill(client.spot, client.buy()["orderId"])
    client.quote(client.spot, Side.SELL, "50000", "1")
    answer = client.buy()
    reports = [m["event"] for m in socket.take() if m["event"]["e"] == "executionReport" and m["event"]["x"] == "TRADE"]
    assert [paid(client, each) for each in reports] == [("0.00000200", "BTC"), ("0.00000900", "BTC")]
    assert answer["fills"][0]["commission"] == "0.00000900"
    account = client.good("GET", "/api/v3/account")
    assert (account["makerCommission"], account["takerCommission"]) == (2, 9)
    assert account["commissionRates"]["taker"] == "0.00090000"
    told = client.good("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert (told["standardCommission"]["maker"], told["discount"]["enabledForAccount"]) == ("0.00020000", False)


def test_bnb_pays_less() -> None:
    """25 % are let off, at BNB's last price; the report, the answer, `myTrades` and the balance agree."""
    client = Client()
    assert client.good("POST", "/sapi/v1/bnbBurn", spotBNBBurn="true")["spotBNBBurn"] is True
    assert client.good("GET", "/sapi/v1/bnbBurn")["spotBNBBurn"] is True
    socket = client.subscribed()
    client.fill(client.spot, client.buy()["orderId"])
    *_, trade, balances = [message["event"] for message in socket.take()]
    # 500 USDT at 0.075 % are 0.375 USDT, at 600 for a BNB.
    assert paid(client, trade) == ("0.00062500", "BNB")
    free = {row["a"]: row["f"] for row in balances["B"]}
    assert (free["BNB"], free["BTC"]) == ("99.99937500", "10.01000000")


def test_without_enough_bnb_the_received_asset_pays_in_full() -> None:
    """And a market without a price in BNB goes through the markets in USDT."""
    client = Client()
    client.good("POST", "/sapi/v1/bnbBurn", spotBNBBurn="true")
    socket = client.subscribed()
    client.fill(client.spot, client.buy(symbol="ETHBTC", price="0.05", quantity="1")["orderId"], symbol="ETHBTC")
    (trade,) = [m["event"] for m in socket.take() if m["event"].get("x") == "TRADE"]
    assert paid(client, trade) == ("0.00375000", "BNB")  # 0.05 BTC at 60000, 0.075 % of it, at 600
    left = client.spot.engine.balance("alice", "BNB").free
    client.spot.submit(Deposit(account="alice", asset="BNB", amount=1 - left))
    client.fill(client.spot, client.buy()["orderId"])
    (trade,) = [m["event"] for m in socket.take() if m["event"].get("x") == "TRADE"]
    assert paid(client, trade) == ("0.00001000", "BTC")


def test_bought_bnb_pays_for_itself() -> None:
    """At the discount, whatever else is there."""
    client = Client()
    client.good("POST", "/sapi/v1/bnbBurn", spotBNBBurn="true")
    client.fill(client.spot, client.buy(symbol="BNBUSDT", price="500", quantity="1")["orderId"], symbol="BNBUSDT")
    (row,) = client.good("GET", "/api/v3/myTrades", symbol="BNBUSDT")
    assert (row["commission"], row["commissionAsset"]) == ("0.00075000", "BNB")


def test_futures_pay_in_bnb_too() -> None:
    """10 % are let off; the wallet of BNB is in the ACCOUNT_UPDATE."""
    client = Client()
    client.good("POST", "/fapi/v1/feeBurn", feeBurn="true")
    client.futures.submit(Deposit(account="alice", asset="BNB", amount=decimal_to_atoms(Decimal(1))))
    socket = client.listening()
    client.fill(client.futures, client.buy("futures")["orderId"])
    *_, update, account = socket.take()
    # 500 USDT at 0.018 % are 0.09 USDT, at 600 for a BNB.
    assert (update["o"]["n"], update["o"]["N"]) == ("0.00015", "BNB")
    assert {row["a"]: row["wb"] for row in account["a"]["B"]} == {"USDT": "100000", "BNB": "0.99985"}
    (row,) = client.good("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert (row["commission"], row["commissionAsset"]) == ("0.00015", "BNB")
    assert client.good("GET", "/fapi/v1/feeBurn") == {"feeBurn": True}


def test_the_rate_of_futures_is_the_account_s() -> None:
    """As the control API set it; a rebate may be one."""
    client = Client()
    control(client, "POST", "/accounts/binance-futures/alice/terms", maker_fee="-0.00005", taker_fee="0.0004")
    told = client.good("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
    assert (told["makerCommissionRate"], told["takerCommissionRate"]) == ("-0.00005", "0.0004")


def test_income_is_what_fills_cost_and_brought() -> None:
    """Of every symbol, oldest first, in pages; a fill without a profit has a cost alone."""
    client = Client()
    for symbol, side, price in (("ETHUSDT", "BUY", "3000"), ("BTCUSDT", "BUY", "50000"), ("BTCUSDT", "SELL", "50100")):
        placed = client.buy("futures", symbol=symbol, side=side, price=price)
        client.fill(client.futures, placed["orderId"], symbol=symbol)
        client.advance(1)
    rows = client.good("GET", "/fapi/v1/income")
    assert [(row["symbol"], row["incomeType"]) for row in rows] == [
        ("ETHUSDT", "COMMISSION"),
        ("BTCUSDT", "COMMISSION"),
        ("BTCUSDT", "COMMISSION"),
        ("BTCUSDT", "REALIZED_PNL"),
    ]
    assert [row["income"] for row in rows] == ["-0.006", "-0.1", "-0.1002", "1"]
    assert [row["asset"] for row in rows] == ["USDT"] * 4
    costs = client.good("GET", "/fapi/v1/income", incomeType="COMMISSION")
    assert [row["symbol"] for row in costs] == ["ETHUSDT", "BTCUSDT", "BTCUSDT"]
    assert len({row["tranId"] for row in costs}) == 3
    paged = [client.good("GET", "/fapi/v1/income", incomeType="COMMISSION", limit="2", page=str(n)) for n in (1, 2, 3)]
    assert paged == [costs[:2], costs[2:], []]
    assert client.good("GET", "/fapi/v1/income", incomeType="COMMISSION", startTime=str(costs[1]["time"])) == costs[1:]
    assert client.good("GET", "/fapi/v1/income", incomeType="TRANSFER") == []
    assert client.bad("GET", "/fapi/v1/income", page="0")[1] == -1130


# -- margin -----------------------------------------------------------------------------------------------------------


def test_margin_blocks_orders_and_is_told() -> None:
    """100000 USDT at 20 times carry 2 million; open orders count, and what reduces needs nothing."""
    client = Client()
    client.buy("futures", quantity="20")
    told = client.good("GET", "/fapi/v3/account")
    assert (told["totalOpenOrderInitialMargin"], told["availableBalance"]) == ("50000.00000000", "50000.00000000")
    assert client.bad("POST", ORDER, **order(quantity="21"))[1] == -2019
    client.buy("futures", quantity="20")
    assert client.good("GET", "/fapi/v2/balance")[0]["availableBalance"] == "0.00000000"
    assert client.bad("POST", ORDER, **order(quantity="0.001"))[1] == -2019
    client.good("POST", ORDER, **order(quantity="20", side="SELL", price="50001"))  # the other side needs no more


def order(**more: str) -> dict[str, str]:
    """The terms of a limit order at 50000."""
    terms = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "50000"}
    return terms | more


def test_a_position_is_told_with_its_margin() -> None:
    """Initial and maintenance margin at the last price, in `positionRisk` and `account`."""
    client = Client()
    client.good("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="10")
    client.fill(client.futures, client.buy("futures", quantity="1")["orderId"])
    (row,) = client.good("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    assert (row["initialMargin"], row["maintMargin"], row["leverage"]) == ("5000", "1250", "10")
    (newer,) = client.good("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
    assert row.keys() - newer.keys() == {"leverage", "maxNotionalValue", "marginType", "isAutoAddMargin"}
    told = client.good("GET", "/fapi/v2/account")
    assert (told["totalMaintMargin"], told["totalPositionInitialMargin"]) == ("1250.00000000", "5000.00000000")
    assert told["availableBalance"] == "94990.00000000"  # less the fee, too


def test_leverage_and_margin_type_are_kept() -> None:
    """The stream hears of the leverage; the same margin type twice is refused."""
    client = Client()
    socket = client.listening("&events=ACCOUNT_CONFIG_UPDATE")
    answer = client.good("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage="7")
    assert answer == {"leverage": 7, "maxNotionalValue": "1000000", "symbol": "ETHUSDT"}
    (update,) = socket.take()
    assert update["ac"] == {"s": "ETHUSDT", "l": 7}
    assert client.bad("POST", "/fapi/v1/leverage", symbol="ETHUSDT", leverage="126")[1] == -4028
    client.good("POST", "/fapi/v1/marginType", symbol="ETHUSDT", marginType="ISOLATED")
    assert client.bad("POST", "/fapi/v1/marginType", symbol="ETHUSDT", marginType="ISOLATED")[1] == -4046
    (row,) = client.good("GET", "/fapi/v1/symbolConfig", symbol="ETHUSDT")
    assert (row["leverage"], row["marginType"]) == (7, "ISOLATED")


def test_the_margin_type_stays_while_there_are_orders_or_a_position() -> None:
    """-4047 and -4048; what it is already is told as such before."""
    client = Client()
    order_id = client.buy("futures", quantity="1")["orderId"]
    assert client.bad("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")[1] == -4047
    assert client.bad("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED")[1] == -4046
    client.fill(client.futures, order_id)
    assert client.bad("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")[1] == -4048
    client.good("POST", "/fapi/v1/marginType", symbol="ETHUSDT", marginType="ISOLATED")


# -- two positions ----------------------------------------------------------------------------------------------------


def test_hedge_mode_keeps_two_positions() -> None:
    """Each with its own size, entry and orders; streams, trades and listings name the side."""
    client = hedged()
    socket = client.listening()
    client.good("POST", ORDER, **MARKET, side="BUY", positionSide="LONG")
    client.good("POST", ORDER, **MARKET, side="SELL", positionSide="SHORT")
    updates = [each["o"]["ps"] for each in socket.take() if each["e"] == "ORDER_TRADE_UPDATE"]
    assert updates == ["LONG", "LONG", "SHORT", "SHORT"]
    rows = client.good("GET", "/fapi/v3/positionRisk")
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [("LONG", "1"), ("SHORT", "-1")]
    assert [row["positionSide"] for row in client.good("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")] == [
        "LONG",
        "SHORT",
    ]
    client.good("POST", ORDER, **MARKET, side="SELL", positionSide="LONG")
    *_, account = socket.take()
    assert [(row["ps"], row["pa"]) for row in account["a"]["P"]] == [("LONG", "0")]
    rows = client.good("GET", "/fapi/v3/positionRisk")
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [("SHORT", "-1")]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"side": "BUY"}, -4061),
        ({"side": "BUY", "positionSide": "BOTH"}, -4061),
        ({"side": "BUY", "positionSide": "UP"}, -4060),
        ({"side": "SELL", "positionSide": "LONG"}, -2022),
        ({"side": "BUY", "positionSide": "LONG", "reduceOnly": "true"}, -1106),
    ],
)
def test_hedge_mode_refuses(more: dict[str, str], code: int) -> None:
    """Orders about another mode's position, and what would close a position that is not there."""
    assert hedged().bad("POST", ORDER, **MARKET, **more)[1] == code


def test_the_mode_changes_only_while_nothing_is_open() -> None:
    """Neither with orders nor with a position, nor to what it is."""
    client = hedged()
    dual = "/fapi/v1/positionSide/dual"
    assert client.bad("POST", dual, dualSidePosition="true")[1] == -4059
    placed = client.good("POST", ORDER, **order(quantity="1", price="40000"), positionSide="LONG")
    assert client.bad("POST", dual, dualSidePosition="false")[1] == -4067
    client.good("DELETE", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    client.good("POST", ORDER, **MARKET, side="BUY", positionSide="LONG")
    assert client.bad("POST", dual, dualSidePosition="false")[1] == -4068
    client.good("POST", ORDER, **MARKET, side="SELL", positionSide="LONG")
    client.good("POST", dual, dualSidePosition="false")
    assert client.good("GET", dual) == {"dualSidePosition": False}


# -- what the exchange does -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "named", "execution"),
    [(Kind.LIQUIDATION, "autoclose-", "CALCULATED"), (Kind.ADL, "adl_autoclose", "CALCULATED")],
)
def test_the_exchange_closes_one_of_two_positions(kind: Kind, named: str, execution: str) -> None:
    """By an order of its own, with the client id that says so, on the side that is meant."""
    client = hedged()
    for side, position in (("BUY", "LONG"), ("SELL", "SHORT")):
        client.good("POST", ORDER, **MARKET, side=side, positionSide=position)
    socket = client.listening()
    close = ForceClose(account="alice", instrument="BTCUSDT", kind=kind, position_side=PositionSide.SHORT)
    assert client.futures.submit(close).reject is None
    update = [each["o"] for each in socket.take() if each["e"] == "ORDER_TRADE_UPDATE"][-1]
    assert update["c"].startswith(named)
    assert (update["S"], update["ps"], update["x"], update["X"]) == ("BUY", "SHORT", execution, "FILLED")
    assert [row["positionSide"] for row in client.good("GET", "/fapi/v3/positionRisk")] == ["LONG"]


def test_the_exchange_liquidates_if_asked_to() -> None:
    """Once less is left than the position must keep; by default it does not."""
    for option, left in (("manual", 1), ("margin", 0)):
        client = Client()
        client.futures.settings.options["liquidation"] = option
        client.fill(client.futures, client.buy("futures", quantity="30")["orderId"])
        control(client, "POST", "/market/BTCUSDT/trade", venue="binance-futures", price="48000")
        assert len(client.good("GET", "/fapi/v3/positionRisk")) == 1
        socket = client.listening()
        control(client, "POST", "/market/BTCUSDT/trade", venue="binance-futures", price="47000")
        assert len(client.good("GET", "/fapi/v3/positionRisk")) == left
        names = [each["o"]["c"] for each in socket.take() if each["e"] == "ORDER_TRADE_UPDATE"]
        assert all(name.startswith("autoclose-") for name in names)
        assert bool(names) is (option == "margin")


@pytest.mark.parametrize(
    ("profile", "target", "market"),
    [("binance-2026", "/private/ws?listenKey=", "BTCUSDT"), ("binance-2024", "/binance-futures/ws/", None)],
)
def test_funding_is_paid_on_command(profile: str, target: str, market: str | None) -> None:
    """Longs pay shorts at a rate above zero; the wallet alone is told, with its cause and, since 2026, its market."""
    client = Client(profile=profile)
    client.fill(client.futures, client.buy("futures", quantity="1")["orderId"])
    socket = client.socket(target + json.loads(client.raw("POST", "/fapi/v1/listenKey").body)["listenKey"])
    paid = control(client, "POST", "/funding/binance-futures/BTCUSDT", rate="0.0001")["paid"]
    assert paid == [{"account": "alice", "asset": "USDT", "amount": "-5.00000000"}]
    (update,) = socket.take()
    assert (update["a"]["m"], update["a"]["P"]) == ("FUNDING_FEE", [])
    assert update["a"].get("S") == market
    assert update["a"]["B"] == [{"a": "USDT", "wb": "99985", "cw": "99985", "bc": "-5"}]


def test_funding_is_owed_even_by_an_empty_wallet() -> None:
    """It is no withdrawal."""
    client = Client()
    owed = Deposit(account="alice", asset="USDT", amount=-(10**14), cause=BalanceCause.FUNDING)
    assert client.futures.submit(owed).reject is None


def test_a_margin_call_is_told_on_command() -> None:
    """As in the official sample, with what the position must keep."""
    client = hedged()
    client.good("POST", ORDER, **MARKET, side="BUY", positionSide="LONG")
    socket = client.listening("&events=MARGIN_CALL")
    assert control(client, "POST", "/accounts/binance-futures/alice/margin-call") == {"told": 1}
    (call,) = socket.take()
    assert call["p"] == [
        {
            "s": "BTCUSDT",
            "ps": "LONG",
            "pa": "1",
            "mt": "CROSSED",
            "iw": "0",
            "mp": "50000.1",
            "up": "0",
            "mm": "1250.0025",
        }
    ]


def test_terms_outlive_a_snapshot() -> None:
    """Fees, the discount, leverage and both positions of a world are there again when it is restored."""
    client = hedged()
    client.good("POST", ORDER, **MARKET, side="BUY", positionSide="LONG")
    client.futures.submit(SetTerms(account="alice", fees=(1, 2), discounted=True, instrument="BTCUSDT", leverage=3))
    before = client.futures.engine
    kept = json.loads(json.dumps(snapshot.take(client.worlds.default)))
    restored = snapshot.restore(client.worlds, kept).exchanges["binance-futures"].engine
    assert restored is not before
    assert restored.terms("alice") == before.terms("alice")
    assert restored.positions("alice") == before.positions("alice")
    assert restored.margin("alice", "USDT") == before.margin("alice", "USDT")


def test_the_wallet_api_tells_the_fees_of_an_account() -> None:
    """Of one symbol or all; who has no key of spot is told what anybody pays, and who has one must sign."""
    client = Client()
    path = "/sapi/v1/asset/tradeFee"
    client.spot.submit(SetTerms(account="alice", fees=(20_000, 75_000)))
    mine = {"symbol": "BTCUSDT", "makerCommission": "0.0002", "takerCommission": "0.00075"}
    assert client.good("GET", path, symbol="BTCUSDT") == [mine]
    assert [row["symbol"] for row in client.good("GET", path)] == [each.name for each in client.spot.spec.instruments]
    other = client.raw("GET", f"{path}?symbol=BTCUSDT", {"X-MBX-APIKEY": client.accounts["binance-futures"].api_key})
    assert json.loads(other.body) == [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}]
    unsigned = client.raw("GET", path)
    assert (unsigned.status, json.loads(unsigned.body)["code"]) == (400, -1102)


def test_the_asset_of_the_discount_is_one_of_futures() -> None:
    """No market of futures has it; fees are paid in it."""
    client = Client()
    control = Control(client.worlds)
    for asset, status in (("BNB", 200), ("USDT", 200), ("BUSD", 404)):
        sent = {"venue": "binance-futures", "account": "alice", "asset": asset, "amount": "1"}
        deposit = HttpRequest("POST", "/__mock/deposit", (("Host", "127.0.0.1"),), json.dumps(sent).encode())
        assert control.handle(deposit).status == status, asset
