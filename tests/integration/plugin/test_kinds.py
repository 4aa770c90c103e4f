"""The fixture of each kind of test, what its exchange can do, and what its marker asks for."""

from __future__ import annotations

import re

from .conftest import Run

pytest_plugins = ["pytester"]


def test_a_sync_client_with_nothing_but_the_standard_library(run: Run) -> None:
    """It orders over HTTP, is filled by hand, and is judged by what it asked for; its market is its own."""
    run("""
def test_fills(mock_exchange):
    mock_exchange.price("52000")
    assert call(mock_exchange, "GET", "/api/v3/ticker/price", symbol="BTCUSDT")["price"] == "52000.00000000"
    placed = buy(mock_exchange, "c1")
    assert mock_exchange.order("c1").fill("0.004").status == "partially_filled"
    assert mock_exchange.order(placed["orderId"]).fill().status == "filled"
    trades = call(mock_exchange, "GET", "/api/v3/myTrades", signed=True, symbol="BTCUSDT")
    assert len(trades) == 2
    mock_exchange.assert_fills_right(trades)
    with pytest.raises(AssertionError, match="fill lost"):
        mock_exchange.assert_no_fill_lost(trades[:1])
    with pytest.raises(AssertionError, match="told twice"):
        mock_exchange.assert_no_fill_duplicated(trades + trades[:1])
    with pytest.raises(AssertionError, match="fill told wrong"):
        mock_exchange.assert_no_fill_invented([trades[0] | {"price": "1"}])
    with pytest.raises(AssertionError, match="fill invented"):
        mock_exchange.assert_no_fill_invented([trades[0] | {"id": 7}])
    orders = call(mock_exchange, "GET", "/api/v3/allOrders", signed=True, symbol="BTCUSDT")
    mock_exchange.assert_orders_right(orders)
    with pytest.raises(AssertionError, match="order ends as"):
        mock_exchange.assert_orders_right([orders[0] | {"status": "NEW", "executedQty": "0"}])

def test_ends(mock_exchange):
    buy(mock_exchange, "c1"), buy(mock_exchange, "c2")
    assert mock_exchange.order("c1").cancel().status == "canceled"
    assert mock_exchange.order("c2").expire().status == "expired"
    assert [order.client_id for order in mock_exchange.orders] == ["c1", "c2"]
    with pytest.raises(Exception, match="no order 'c3'.*did you mean"):
        mock_exchange.order("c3")

def test_begins_anew(mock_exchange):
    assert call(mock_exchange, "GET", "/api/v3/ticker/price", symbol="BTCUSDT")["price"] == "60000.00000000"
    assert mock_exchange.orders == []
""").assert_outcomes(passed=3)


def test_faults_time_and_what_was_heard(run: Run) -> None:
    """A fault holds as long as its block; a day passes; what was not heard is told with what came nearest."""
    run("""
def test_faults(mock_exchange):
    with mock_exchange.fault("http_error", status=503, path="/api/v3/time", after_n=1) as fault:
        call(mock_exchange, "GET", "/api/v3/time")
        with pytest.raises(urllib.error.HTTPError):
            call(mock_exchange, "GET", "/api/v3/time")
        assert fault.hits == 1
    call(mock_exchange, "GET", "/api/v3/time")
    first, second = mock_exchange.fault("disconnect", code=1001), mock_exchange.fault("disconnect", nth=3)
    assert (first.name, second.name) == ("disconnect", "disconnect-2")
    with pytest.raises(Exception, match="no fault 'disconect'; did you mean 'disconnect'"):
        mock_exchange.fault("disconect")
    with pytest.raises(Exception, match="has no 'cod'; did you mean 'code'"):
        mock_exchange.fault("disconnect", cod=1001)

def test_time(mock_exchange):
    mock_exchange.control("POST", "/settings", profile="binance-2024", venue="binance-spot")
    asked = urllib.request.Request(
        f"{mock_exchange.http}/api/v3/userDataStream", method="POST", headers={"X-MBX-APIKEY": mock_exchange.api_key}
    )
    urllib.request.urlopen(asked).close()
    assert mock_exchange.advance(minutes=30) == []
    assert [each["what"] for each in mock_exchange.advance(hours=24)] == ["listen key of demo at binance-spot"]
    with pytest.raises(Exception, match="not by 'hour'"):
        mock_exchange.advance(hour=1)
    for spans, says in (({"hours": "1"}, "hours is a number, not '1'"), ({}, "by how much")):
        with pytest.raises(Exception, match=says):
            mock_exchange.advance(**spans)

def test_heard(mock_exchange):
    buy(mock_exchange, "c1")
    mock_exchange.wait_until_heard("rest:POST /api/v3/order")
    mock_exchange.verify({"request": "POST /api/v3/order", "times": "==1"})
    wanted = {"request": "POST /api/v3/order", "params": {"newClientOrderId": "c2"}}
    with pytest.raises(AssertionError, match=r"newClientOrderId  c1   \\(wanted c2\\)"):
        mock_exchange.verify(wanted)
    with pytest.raises(AssertionError, match=r"within 0.05 s(.|\\n)*\\(wanted c2\\)"):
        mock_exchange.wait_until_heard(wanted, within=0.05)

def test_kept(mock_exchange):
    order = mock_exchange.place("buy", "0.01", client_id="c1")
    kept = mock_exchange.snapshot()
    order.cancel()
    mock_exchange.restore(kept)
    assert mock_exchange.order("c1").status == "new"
    assert [row["status"] for row in mock_exchange.truth["orders"]] == ["NEW"]
    other = mock_exchange.account("second", venue="ftx", balances={"USD": "1000"})
    fill = other.place("buy", "0.01").fill()
    with pytest.raises(AssertionError, match="fill lost"):
        other.assert_no_fill_lost([])
    (row,) = mock_exchange.truth["fills"]
    told = (row["symbol"], row["fill_id"], fill.id, row["price"], row["quantity"])
    other.assert_fills_right([told])
    mock_exchange.assert_no_fill_lost([])
""").assert_outcomes(passed=4)


def test_asyncio_without_a_plugin_and_a_websocket(run: Run) -> None:
    """What waits for the client leaves the loop to it; a WebSocket of wsproto lives through an hour of pings."""
    run("""
import asyncio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Ping, Request

async def pong(mock, opened):
    host, _, port = mock.ws.removeprefix("ws://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ws = WSConnection(ConnectionType.CLIENT)
    writer.write(ws.send(Request(host=host, target="/ws-api/v3")))
    pings = 0
    while data := await reader.read(4096):
        ws.receive_data(data)
        for event in ws.events():
            if isinstance(event, AcceptConnection):
                opened.set()
            elif isinstance(event, Ping):
                pings += 1
                writer.write(ws.send(event.response()))
            else:
                writer.close()
                await writer.wait_closed()
                return pings

def test_pings(amock_exchange):
    async def main():
        opened = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            client = tasks.create_task(pong(amock_exchange, opened))
            await opened.wait()
            await amock_exchange.wait_until_heard("dial:/ws-api/v3")
            await amock_exchange.advance(hours=1)
            assert len(amock_exchange.connections) == 1
            amock_exchange.connections.close(code=1001)
        assert client.result() > 100
    asyncio.run(main())
    amock_exchange.place("buy", "0.01").fill()
    with pytest.raises(AssertionError, match="fill lost"):
        amock_exchange.assert_no_fill_lost("")
""").assert_outcomes(passed=1)


def test_exchstream_for_a_day_of_virtual_time(run: Run) -> None:
    """The server is in the test's own loop, so a MockClock moves both; the stream's own lines are what is judged."""
    run("""
import trio
from exchstream import BinanceSpot, GapClosed, OrderUpdate, Fill, open_stream, to_json

HOUR = 3_600_000_000_000

@pytest.mark.mock(balances={"USDT": "100000"})
async def test_day(trio_mock_exchange, autojump_clock):
    mock = trio_mock_exchange
    mock.settings(options={"ping_every_ms": 300_000})
    account = BinanceSpot(
        name="main", api_key=mock.api_key, api_secret=mock.api_secret, symbols=["BTCUSDT"], rest_url=mock.http,
        ws_url=f"{mock.ws}/ws-api/v3", stream_url=mock.ws, audit_ns=HOUR // 3, heartbeat_ns=HOUR // 15,
        silence_ns=HOUR // 6,
    )
    lines, seen = [], set()
    async with open_stream(account) as stream:
        async def read(seconds):
            with trio.move_on_after(seconds):
                async for event in stream:
                    lines.append(to_json(event))
        await read(60)
        (first,) = mock.connections
        for hour in range(25):
            mock.place("buy", "0.01", "50000", client_id=f"c{hour}")
            await read(1800)
            mock.order(f"c{hour}").fill("0.004")
            if hour == 5:
                mock.connections.drop()
            mock.order(f"c{hour}").fill()
            await read(1800)
        (last,) = mock.connections
    assert trio.current_time() > 24 * 3600
    assert first["id"] != last["id"]
    assert len(mock.truth["fills"]) == 50
    mock.assert_fills_right(lines)
    mock.assert_orders_right(lines)
    lost = [line for line in lines if b'"fill"' not in line or b"recovered\\":true" not in line]
    assert len(lost) < len(lines)
    with pytest.raises(AssertionError, match="fill lost"):
        mock.assert_no_fill_lost(lost)

async def test_real_time(trio_mock_exchange):
    await trio_mock_exchange.advance(minutes=1)
    told = call  # a blocking client would stop the loop, and the server with it
    answer = await trio.to_thread.run_sync(lambda: told(trio_mock_exchange, "GET", "/api/v3/time"))
    assert abs(answer["serverTime"] - time.time() * 1000) < 5000
    await trio_mock_exchange.wait_until_heard("rest:GET /api/v3/time")
""").assert_outcomes(passed=2)


def test_the_marker_makes_the_world(run: Run) -> None:
    """Its arguments are those of the nearest marker, one by one."""
    run("""
pytestmark = pytest.mark.mock(seed=7, venue="ftx")

def test_module(mock_exchange):
    assert (mock_exchange.venue, mock_exchange.seed) == ("ftx", 7)

@pytest.mark.mock(venue="binance-spot", profile="2024", liquidity="echo", balances={"USDT": 100000})
def test_own(mock_exchange):
    assert (mock_exchange.venue, mock_exchange.seed) == ("binance-spot", 7)
    balances = call(mock_exchange, "GET", "/api/v3/account", signed=True)["balances"]
    assert {each["asset"]: each["free"] for each in balances if float(each["free"])} == {"USDT": "100000.00000000"}
    assert mock_exchange.settings()["profile"] == "binance-2024"
    buy(mock_exchange, "c1")
    assert mock_exchange.order("c1").status == "filled"
""").assert_outcomes(passed=2)


def test_an_error_stands_at_the_line_of_the_test(run: Run) -> None:
    """And not below frames of the mock's own, or of what it is made of."""
    result = run("""
def test_no_order(mock_exchange):
    mock_exchange.order("nope")

def test_not_heard(mock_exchange):
    mock_exchange.wait_until_heard("rest:GET /api/v3/time", within=0.1)

def test_no_report(mock_exchange):
    mock_exchange.assert_no_fill_lost([("a",)])
""")
    result.assert_outcomes(failed=3)
    ends = [line.partition(": ")[2] for line in result.outlines if re.match(r"\S+\.py:\d+: ", line)]
    assert ends == ["MockError", "AssertionError", "ReportError"]


REFUSED = {
    "venu='ftx'": "no argument 'venu'; did you mean 'venue'?",
    "'ftx'": "its arguments have names, such as venue='ftx'",
    "venue='binance'": "no venue 'binance'; did you mean 'binance-spot'?",
    "profile='2023'": "binance-spot has no profile '2023'",
    "liquidity='manuel'": "no liquidity 'manuel'; did you mean 'manual'?",
    "seed='7'": "seed is a whole number, 0 or above, not '7'",
    "balances={'USDT': 1.5}": "the balance of USDT is a text, a whole number or a Decimal, not 1.5",
    "scenario='half-opn'": "did you mean 'half-open'?",
    "scenario='ftx-restart', venue='binance-spot'": "is of ftx",
}


def test_markers_that_cannot_be_meant(run: Run) -> None:
    """Each is refused before its test begins, with the nearest name."""
    marked = (f"@pytest.mark.mock({marker})\ndef test_{number}(mock_exchange)" for number, marker in enumerate(REFUSED))
    result = run("".join(f"{each}: pass\n\n" for each in marked))
    result.assert_outcomes(errors=len(REFUSED))
    for number, said in enumerate(REFUSED.values()):
        begins = f"test_it.py::test_{number}: pytest.mark.mock: "
        assert [said in line for line in result.outlines if line.startswith(begins)] == [True]
