"""USD-M's isolated margin in its own words: wallets, positions, ACCOUNT_UPDATE, `positionMargin`, liquidation."""

import json
from decimal import Decimal
from typing import Any

import pytest

from mockserver import snapshot
from mockserver.engine.types import ForceClose, Kind, Side
from tests.unit.mockserver.faces.binance_client import Client
from tests.unit.mockserver.faces.test_binance_money import control, hedged

ORDER, MARGIN, HISTORY = "/fapi/v1/order", "/fapi/v1/positionMargin", "/fapi/v1/positionMargin/history"
MARKET = {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "1"}


def isolated(leverage: str = "10") -> Client:
    """A futures client whose margin of BTCUSDT is isolated, at ten times."""
    client = Client()
    client.good("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    client.good("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=leverage)
    return client


def bought(leverage: str = "10") -> Client:
    """One who has bought 1 at 50000 for 5000 USDT of the 100000, and 10 of fees."""
    client = isolated(leverage)
    client.fill(client.futures, client.buy("futures", quantity="1")["orderId"])
    return client


def price(client: Client, now: str) -> None:
    """Let the market trade at a price."""
    control(client, "POST", "/market/BTCUSDT/trade", venue="binance-futures", price=now)


def account_update(socket: Any) -> Any:
    """The one ACCOUNT_UPDATE since the last look."""
    (update,) = (each["a"] for each in socket.take() if each["e"] == "ACCOUNT_UPDATE")
    return update


def test_a_fill_moves_the_margin_out_of_the_cross_wallet() -> None:
    """`wb` falls by the fee, `cw` by the margin, `iw` is the margin less the fee; closing brings it back."""
    client = isolated()
    placed = client.buy("futures", quantity="1")
    socket = client.listening()
    client.fill(client.futures, placed["orderId"])
    update = account_update(socket)
    assert update["B"] == [{"a": "USDT", "wb": "99990", "cw": "95000", "bc": "0"}]
    assert [(each["mt"], each["iw"], each["pa"]) for each in update["P"]] == [("isolated", "4990", "1")]
    closed = client.buy("futures", side="SELL", price="51000", quantity="0.5")
    socket.take()
    client.fill(client.futures, closed["orderId"])
    update = account_update(socket)
    # 500 won, 5.1 of fees, and half of what stood behind it.
    assert update["B"] == [{"a": "USDT", "wb": "100484.9", "cw": "97989.9", "bc": "0"}]
    assert [(each["iw"], each["pa"]) for each in update["P"]] == [("2495", "0.5")]


def test_positions_and_wallets_tell_it_in_rest() -> None:
    """`isolatedMargin` is the wallet with the profit; what is available knows nothing of it."""
    client = bought()
    price(client, "49000")
    (row,) = client.good("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    assert (row["marginType"], row["isolatedWallet"], row["isolatedMargin"]) == (
        "isolated",
        "4990.00000000",
        "3990.00000000",
    )
    assert row["liquidationPrice"] == "46164.10256410"  # 45010 / 0.975
    (newer,) = client.good("GET", "/fapi/v3/positionRisk")
    assert (newer["isolatedWallet"], newer["isolatedMargin"]) == (row["isolatedWallet"], row["isolatedMargin"])
    for version in ("v2", "v3"):
        told = client.good("GET", f"/fapi/{version}/account")
        names = "totalWalletBalance totalCrossWalletBalance totalUnrealizedProfit totalCrossUnPnl availableBalance"
        assert [Decimal(told[name]) for name in names.split()] == [99990, 95000, -1000, 0, 95000]
        (asset,) = (each for each in told["assets"] if each["asset"] == "USDT")
        assert (asset["crossWalletBalance"], asset["crossUnPnl"]) == ("95000.00000000", "0.00000000")
        (position,) = (each for each in told["positions"] if each["symbol"] == "BTCUSDT")
        assert (position["isolated"], position["isolatedWallet"]) == (True, "4990.00000000")
        (balance,) = client.good("GET", f"/fapi/{version}/balance")
        names = "balance crossWalletBalance crossUnPnl availableBalance"
        assert [Decimal(balance[name]) for name in names.split()] == [99990, 95000, 0, 95000]


def test_a_cross_position_is_told_as_before() -> None:
    """No margin of its own, and no liquidation price."""
    client = Client()
    client.fill(client.futures, client.buy("futures", quantity="1")["orderId"])
    (row,) = client.good("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    names = "marginType isolatedMargin isolatedWallet liquidationPrice"
    assert [row[name] for name in names.split()] == ["cross", "0", "0", "0"]


def test_margin_is_added_and_taken() -> None:
    """Told as a MARGIN_TRANSFER; the wallet as a whole stays."""
    client = bought()
    socket = client.listening()
    answer = client.good("POST", MARGIN, symbol="BTCUSDT", amount="100.5", type="1")
    assert answer == {
        "amount": Decimal("100.5"),
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": 1,
    }
    update = account_update(socket)
    assert (update["m"], update["B"]) == (
        "MARGIN_TRANSFER",
        [{"a": "USDT", "wb": "99990", "cw": "94899.5", "bc": "0"}],
    )
    assert [each["iw"] for each in update["P"]] == ["5090.5"]
    client.good("POST", MARGIN, symbol="BTCUSDT", amount="90", type="2")
    assert [each["iw"] for each in account_update(socket)["P"]] == ["5000.5"]
    body = client.raw("POST", f"{MARGIN}?{client.signed(MARGIN, {'symbol': 'BTCUSDT', 'amount': '0.50', 'type': 2})}")
    assert body.body.startswith(b'{"amount":0.5,')


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"amount": "95000.00000001"}, -4050),
        ({"amount": "0.00000001", "type": "2"}, -4051),
        ({"amount": "0"}, -4055),
        ({"amount": "0.000000001"}, -1111),
        ({"amount": "1", "type": "3"}, -1130),
        ({"amount": "1", "symbol": "ETHUSDT"}, -4049),
        ({"amount": "1", "positionSide": "LONG"}, -4054),
        ({"amount": "1", "positionSide": "UP"}, -4060),
        ({}, -1102),
    ],
)
def test_margin_is_refused(more: dict[str, str], code: int) -> None:
    """Too much either way, nothing, a cross position, none at all, and what no request may say."""
    assert bought().bad("POST", MARGIN, **({"symbol": "BTCUSDT", "type": "1"} | more))[1] == code


def test_margin_of_no_position_is_refused() -> None:
    """Flat; and in hedge mode for who does not say which, as clients met it."""
    client = isolated()
    assert client.bad("POST", MARGIN, symbol="BTCUSDT", amount="1", type="1")[1] == -4054
    both = hedged()
    both.good("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    both.good("POST", ORDER, **MARKET, side="BUY", positionSide="LONG")
    assert both.bad("POST", MARGIN, symbol="BTCUSDT", amount="1", type="1")[1] == -4054
    assert both.bad("POST", MARGIN, symbol="BTCUSDT", amount="1", type="2")[1] == -4051
    both.good("POST", MARGIN, symbol="BTCUSDT", amount="1", type="1", positionSide="LONG")


def test_the_history_tells_what_was_moved() -> None:
    """Oldest first; by kind, by time, and no more rows than asked for."""
    client = bought()
    client.advance(1)
    client.good("POST", MARGIN, symbol="BTCUSDT", amount="100", type="1")
    client.advance(1)
    client.good("POST", MARGIN, symbol="BTCUSDT", amount="40", type="2")
    rows = client.good("GET", HISTORY, symbol="BTCUSDT")
    assert [(row["type"], row["deltaType"], row["amount"]) for row in rows] == [
        (1, "TRADE", "5000"),
        (1, "USER_ADJUST", "100"),
        (2, "USER_ADJUST", "-40"),
    ]
    assert {(row["symbol"], row["asset"], row["positionSide"]) for row in rows} == {("BTCUSDT", "USDT", "BOTH")}
    assert client.good("GET", HISTORY, symbol="BTCUSDT", type="2") == rows[2:]
    assert client.good("GET", HISTORY, symbol="BTCUSDT", limit="1") == rows[2:]
    assert client.good("GET", HISTORY, symbol="BTCUSDT", startTime=rows[1]["time"]) == rows[1:]
    assert client.good("GET", HISTORY, symbol="BTCUSDT", endTime=rows[1]["time"]) == rows[:2]
    assert client.good("GET", HISTORY, symbol="ETHUSDT") == []
    assert client.bad("GET", HISTORY)[1] == -1102
    client.advance(31 * 86_400)
    assert client.good("GET", HISTORY, symbol="BTCUSDT") == []


def test_a_liquidation_leaves_the_cross_wallet_alone() -> None:
    """However far the price has gone; the fill itself tells the true loss, and `bc` what the exchange paid of it."""
    client = bought()
    socket = client.listening()
    close = ForceClose(
        account="alice", instrument="BTCUSDT", kind=Kind.LIQUIDATION, price=client_ticks(client, "40000")
    )
    assert client.futures.submit(close).reject is None
    told = socket.take()
    assert [each["o"]["rp"] for each in told if each["e"] == "ORDER_TRADE_UPDATE"] == ["0", "-10000"]
    assert told[-1]["a"]["B"] == [{"a": "USDT", "wb": "95000", "cw": "95000", "bc": "5030"}]
    assert [(each["pa"], each["iw"]) for each in told[-1]["a"]["P"]] == [("0", "0")]


def client_ticks(client: Client, at: str) -> int:
    """A price in ticks."""
    return client.futures.engine.instruments["BTCUSDT"].to_ticks(Decimal(at))


def test_the_exchange_liquidates_an_isolated_position_by_itself() -> None:
    """Though the account has plenty; a cross position beside it stays."""
    client = bought()
    client.fill(client.futures, client.buy("futures", symbol="ETHUSDT", price="3000")["orderId"], symbol="ETHUSDT")
    client.futures.settings.options["liquidation"] = "margin"
    price(client, "46165")
    assert len(client.good("GET", "/fapi/v3/positionRisk")) == 2
    price(client, "46164")
    assert [row["symbol"] for row in client.good("GET", "/fapi/v3/positionRisk")] == ["ETHUSDT"]


def test_leverage_is_not_reduced_while_a_position_is_isolated() -> None:
    """-4161; more of it is taken, and moves nothing."""
    client = bought()
    assert client.bad("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="9")[1] == -4161
    client.good("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage="20")
    (row,) = client.good("GET", "/fapi/v3/positionRisk")
    assert (row["isolatedWallet"], row["initialMargin"]) == ("4990.00000000", "2500")


def test_funding_of_an_isolated_position_tells_the_position_too() -> None:
    """ "Funding on an isolated one: B and that position"; each of two pays its own."""
    client = hedged()
    client.good("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    client.good("POST", ORDER, **MARKET, side="SELL", positionSide="SHORT")
    socket = client.listening()
    control(client, "POST", "/funding/binance-futures/BTCUSDT", rate="0.0001")
    update = account_update(socket)
    assert update["m"] == "FUNDING_FEE"
    assert [(each["ps"], each["iw"]) for each in update["P"]] == [("SHORT", "2480")]  # 2500 - 25 + 5


def test_a_margin_call_tells_the_isolated_wallet() -> None:
    """`cw` is what the others share."""
    client = bought()
    socket = client.listening("&events=MARGIN_CALL")
    control(client, "POST", "/accounts/binance-futures/alice/margin-call")
    (call,) = socket.take()
    assert (call["cw"], call["p"][0]["mt"], call["p"][0]["iw"]) == ("95000", "ISOLATED", "4990")


def test_a_lagging_answer_tells_the_wallets_of_then() -> None:
    """`crossWalletBalance` and `isolatedWallet` are of one moment."""
    client = bought()
    client.futures.settings.rest_lag_ns = 5_000_000_000
    client.advance(10)
    client.good("POST", MARGIN, symbol="BTCUSDT", amount="100", type="1")
    (balance,) = client.good("GET", "/fapi/v2/balance")
    (row,) = client.good("GET", "/fapi/v3/positionRisk")
    assert (balance["crossWalletBalance"], row["isolatedWallet"]) == ("95000.00000000", "4990.00000000")
    assert len(client.good("GET", HISTORY, symbol="BTCUSDT")) == 1


def test_isolated_wallets_outlive_a_snapshot() -> None:
    """And their history."""
    client = bought()
    client.quote(client.futures, Side.BUY, "49000", "1")
    before = client.futures.engine
    kept = json.loads(json.dumps(snapshot.take(client.worlds.default)))
    after = snapshot.restore(client.worlds, kept).exchanges["binance-futures"].engine
    assert after.positions("alice") == before.positions("alice")
    assert after.margin_moves("alice") == before.margin_moves("alice") != ()
    assert after.balances("alice") == before.balances("alice")
