"""The pytest plugin in a pytest of its own process: each fixture, the marker, what a failure shows, several workers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mockserver.testing.plan import ARGUMENTS

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
TRIO = "-p no:anyio -o trio_mode=true"
CLIENT = """
import hashlib, hmac, json, time, urllib.error, urllib.parse, urllib.request
import pytest

def call(mock, method, path, signed=False, **params):
    if signed:
        params["timestamp"] = int(time.time() * 1000)
    query = urllib.parse.urlencode(params)
    if signed:
        query += "&signature=" + hmac.new(mock.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    headers = {"X-MBX-APIKEY": mock.api_key} if signed else {}
    asked = urllib.request.Request(f"{mock.http}{path}?{query}", method=method, headers=headers)
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)

def buy(mock, client_id, quantity="0.01", price="50000"):
    terms = dict(symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity=quantity, price=price)
    return call(mock, "POST", "/api/v3/order", signed=True, newClientOrderId=client_id, **terms)
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run these tests with the plugin, in a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def go(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=CLIENT + source)
        warnings = ("-W", "error", "-p", "no:cacheprovider")
        return pytester.runpytest_subprocess("-p", "mockserver.pytest_plugin", *TRIO.split(), *warnings, *arguments)

    return go


# -- the kinds of tests -----------------------------------------------------------------------------------------------


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


# -- scenarios --------------------------------------------------------------------------------------------------------

SHORT = """
mock: 1
name: nobody knows
venue: binance-spot@2026
seed: 3
account: {USDT: '1000'}
setup: {patience: 5s, settle: 100ms}
before:
- fault: {exec_status_unknown: {accepted: true}, match: {method: POST, path: /api/v3/order, count: 1}}
steps:
- wait: {request: POST /api/v3/order, as: o}
- fill: {order: $o, qty: 50%}
finally:
- check: [no_order_doubled]
"""


def test_a_scenario_judges_the_code_of_a_test(run: Run, pytester: pytest.Pytester) -> None:
    """A careful client passes, a hasty one is told what it did; a world that does not fit is refused."""
    (pytester.path / "short.yaml").write_text(SHORT)
    run("""
import asyncio
from decimal import Decimal

@pytest.mark.mock(scenario="short.yaml")
def test_careful(mock_exchange):
    with mock_exchange.scenario() as played:
        with pytest.raises(urllib.error.HTTPError):
            buy(mock_exchange, "c1")
        asked = dict(symbol="BTCUSDT", origClientOrderId="c1")
        assert call(mock_exchange, "GET", "/api/v3/order", signed=True, **asked)["orderId"]
    assert played.verdict.ok
    assert (mock_exchange.seed, mock_exchange.order("c1").filled) == (3, Decimal("0.005"))

@pytest.mark.mock(scenario="short.yaml")
def test_hasty(mock_exchange):
    with pytest.raises(AssertionError, match="no_order_doubled"):
        with mock_exchange.scenario():
            with pytest.raises(urllib.error.HTTPError):
                buy(mock_exchange, "c1")
            buy(mock_exchange, "c2")

@pytest.mark.mock(scenario="short.yaml")
def test_asyncio(amock_exchange):
    async def main():
        async with amock_exchange.scenario() as played:
            with pytest.raises(urllib.error.HTTPError):
                await asyncio.to_thread(buy, amock_exchange, "c1")
        return played.verdict.ok
    assert asyncio.run(main())

def test_what_the_block_raises_ends_it(mock_exchange):
    with pytest.raises(ZeroDivisionError):
        with mock_exchange.scenario("half-open"):
            1 / 0

@pytest.mark.mock(venue="ftx")
def test_of_another_venue(mock_exchange):
    with pytest.raises(Exception, match="mark the test with mock.scenario='half-open'"):
        with mock_exchange.scenario("half-open"):
            pass
    with pytest.raises(Exception, match="no scenario is named here, nor by the marker"):
        with mock_exchange.scenario():
            pass
""").assert_outcomes(passed=5)


def test_a_shipped_scenario_with_exchstream(run: Run) -> None:
    """What the stream tells is reported line by line; nobody who reports nothing is taken to have heard all."""
    run("""
import trio
from exchstream import BinanceSpot, open_stream, to_json

@pytest.mark.mock(scenario="fill-during-reconnect")
@pytest.mark.parametrize("reports", [True, False])
async def test_stream(trio_mock_exchange, autojump_clock, reports):
    mock = trio_mock_exchange
    account = BinanceSpot(
        name="main", api_key=mock.api_key, api_secret=mock.api_secret, symbols=["BTCUSDT"], rest_url=mock.http,
        ws_url=f"{mock.ws}/ws-api/v3", stream_url=mock.ws,
    )
    said = []

    async def read(stream):
        async for event in stream:
            if reports:
                mock.report(to_json(event))

    async with open_stream(account) as stream, trio.open_nursery() as nursery:
        nursery.start_soon(read, stream)
        try:
            async with mock.scenario() as played:
                pass
        except AssertionError as error:
            said.append(str(error))
        nursery.cancel_scope.cancel()
    assert played.verdict.ok == reports
    assert reports or "the client has reported nothing" in said[0]
""").assert_outcomes(passed=2)


# -- the marker -------------------------------------------------------------------------------------------------------


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


# -- failures ---------------------------------------------------------------------------------------------------------

FAILS = """
def test_fails(mock_exchange):
    call(mock_exchange, "GET", "/api/v3/account", signed=True)
    print("KEY", mock_exchange.api_key)
    assert not mock_exchange.place("buy", "0.01")

def test_passes(mock_exchange):
    mock_exchange.place("buy", "0.01")

async def test_fails_in_trio(trio_mock_exchange):
    assert not trio_mock_exchange.place("buy", "0.01")
"""


def test_a_failure_shows_the_seed_and_the_recording(run: Run, pytester: pytest.Pytester) -> None:
    """And the whole recording is written where it was asked for; a key is in neither."""
    result = run(FAILS, "--mock-seed", "11", "--mock-recordings", "kept")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*- mock exchange -*",
            "seed 11, binance-spot, profile binance-2026, liquidity manual",
            "repeat: python -m pytest test_it.py::test_fails --mock-seed 11",
            "recording: *kept/test_it.py-test_fails.jsonl",
            "*- mock recording -*",
            "*rest-in*GET /api/v3/account?*signature=[*][*][*]*",
            "*rest-out*200*",
            "*control*POST /__mock/orders 200",
            "repeat: python -m pytest test_it.py::test_fails_in_trio --mock-seed 11",
            "*control*POST /__mock/orders 200",
        ]
    )
    files = {path.name: path.read_text() for path in (pytester.path / "kept").iterdir()}
    assert sorted(files) == ["test_it.py-test_fails.jsonl", "test_it.py-test_fails_in_trio.jsonl"]
    head, *rows = map(json.loads, files["test_it.py-test_fails.jsonl"].splitlines())
    assert (head["test"], head["seed"]) == ("test_it.py::test_fails", 11)
    assert [row["kind"] for row in rows] == ["rest-in", "rest-out", "control"]
    (key,) = [line.split()[1] for line in result.outlines if line.startswith("KEY")]
    assert not any(key in text for text in files.values())
    assert sum(key in line for line in result.outlines) == 1  # where the test itself has printed it


def test_a_recording_is_replayed(run: Run, pytester: pytest.Pytester) -> None:
    """That test alone, with its seed; what differs from the recording is told, what is told by clocks is not."""
    run(FAILS, "--mock-seed", "11", "--mock-recordings", "kept")
    file = pytester.path / "kept" / "test_it.py-test_fails.jsonl"
    result = run(FAILS, "--mock-replay", str(file))
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["repeat: *--mock-seed 11", "*= mock replay =*", "the same, in all 3 entries"])
    other = FAILS.replace("/api/v3/account", "/api/v3/openOrders")
    result = run(other, "--mock-replay", str(file))
    result.stdout.fnmatch_lines(["it differs from entry 1 on", "*recorded:*v3/account*", "*now:*v3/openOrders*"])


def test_a_file_of_another_test_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    """In words, and no test is run."""
    (pytester.path / "file.jsonl").write_text('{"mock_recording": 1, "test": "x.py::test_y", "seed": 1}')
    result = run("def test_it(mock_exchange): pass", "--mock-replay", "file.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*file.jsonl is of x.py::test_y, which is not among these tests"])


# -- sessions ---------------------------------------------------------------------------------------------------------


def test_two_workers_and_nothing_is_left(run: Run) -> None:
    """Each worker has a server of its own, each test a world and a port; no thread is left at the end of a session."""
    result = run(
        """
import asyncio, threading

@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    yield
    assert [each.name for each in threading.enumerate() if each.name == "mock exchange"] == []

@pytest.mark.parametrize("number", range(12))
def test_many(mock_exchange, amock_exchange, number):
    assert mock_exchange.http != amock_exchange.http
    buy(mock_exchange, "c1")
    assert [order.client_id for order in mock_exchange.orders] == ["c1"]
    assert amock_exchange.orders == []
    assert threading.active_count() < 8
""",
        "-n",
        "2",
    )
    result.assert_outcomes(passed=12)


def test_the_examples_of_the_page(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page shows is a file of tests that pass."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    page = (ROOT / "docs" / "mock" / "pytest.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    pytester.makepyfile(test_page="\n".join(blocks))
    result = pytester.runpytest_subprocess("-p", "mockserver.pytest_plugin", "-p", "no:anyio", "-W", "error")
    result.assert_outcomes(passed=sum(block.count("def test_") for block in blocks))


def test_the_options_of_the_page(run: Run) -> None:
    """Every option and every argument of the marker is in its tables."""
    page = (ROOT / "docs" / "mock" / "pytest.md").read_text()
    told = run("", "--help").stdout.str()
    options = set(re.findall(r"--mock-[a-z]+", told))
    assert len(options) == 3
    assert options == set(re.findall(r"^\| `(--mock-[a-z]+)", page, re.MULTILINE))
    arguments = re.findall(r"^\| `(\w+)` \|", page.partition("## The marker")[2].partition("## ")[0], re.MULTILINE)
    assert sorted(arguments) == sorted(ARGUMENTS)


def test_whoever_does_not_use_it_does_not_pay(tmp_path: Path) -> None:
    """pytest reads the plugin in every project: it imports nothing that pytest has not."""
    script = "import pytest, sys; before = set(sys.modules); import mockserver.pytest_plugin as it; "
    script += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["mockserver", "mockserver.pytest_plugin"]
