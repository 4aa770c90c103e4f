"""Every kind of fault is armed once and shows what it does, at a client that is no library's, on real sockets."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import trio
from wsproto.events import BytesMessage, CloseConnection, TextMessage
from wsproto.extensions import PerMessageDeflate

from mockserver.attach.authority import Authority
from mockserver.attach.gate import Gate
from mockserver.engine.types import Fill
from mockserver.faults import KINDS
from tests.integration.raw_client import BOTS, Bot, FuturesBot, Lost, Socket, Told
from tests.integration.test_mockserver import Host, hosting

Show = Callable[[Bot], Awaitable[None]]
SHOWS: dict[tuple[str, str], Show] = {}
"""What shows a fault, by its word and the venue."""
SPOT, FUTURES, FTX = BOTS
SOON = 0.1


def shows(word: str, *venues: str) -> Callable[[Show], Show]:
    """This test shows what that fault does: at these venues, or at every one."""

    def keep(show: Show) -> Show:
        SHOWS.update(((word, venue), show) for venue in venues or BOTS)
        return show

    return keep


def asking(host: Host) -> httpx2.AsyncClient:
    """A client of plain HTTP; to load whom it would trust takes longer than most of these tests."""
    return httpx2.AsyncClient(base_url=host.listening.http, timeout=3, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def until(bot: Bot, true: Callable[[], bool]) -> None:
    """Ask until something is true: each question is a turn of the server's."""
    with trio.fail_after(3):
        while not true():
            await bot.http.get("/__mock/health")


async def lost(socket: Socket) -> str:
    """How the connection ends without a close frame."""
    with pytest.raises(Lost) as error:
        while True:
            await socket.event()
    return str(error.value)


# ------------------------------------------------------------------------------------------------ answers


@shows("latency")
async def latency(bot: Bot) -> None:
    await bot.arm("latency", {"delay": "100ms"})
    began = time.monotonic()
    await bot.http.get(bot.TIME)
    assert time.monotonic() - began >= SOON


@shows("event_before_rest")
async def event_before_rest(bot: Bot) -> None:
    await bot.arm("event_before_rest", None, **bot.placing)
    assert await course(bot) == ["event", "answer"]


async def course(bot: Bot) -> list[str]:
    """What comes first, the answer to an order or its event."""
    seen: list[str] = []
    async with bot.listening() as socket, trio.open_nursery() as nursery:

        async def order() -> None:
            await bot.place()
            seen.append("answer")

        nursery.start_soon(order)
        await bot.told(socket)
        seen.append("event")
    return seen


@shows("rest_after_terminal")
async def rest_after_terminal(bot: Bot) -> None:
    await bot.arm("rest_after_terminal", None, **bot.placing)
    async with bot.listening() as socket, trio.open_nursery() as nursery:
        seen: list[str | None] = []

        async def order() -> None:
            assert (await bot.place()).status_code == 200
            seen.append("answer")

        nursery.start_soon(order)
        (new,) = await bot.reports(socket)
        await trio.sleep(0.05)
        assert (seen, new.status) == ([], "NEW")
        assert new.order_id is not None
        bot.exchange.submit(Fill(instrument=bot.MARKET, order_id=new.order_id))
        seen += [each.status for each in await bot.reports(socket)]
    assert seen == ["FILLED", "answer"]


@shows("http_error")
async def http_error(bot: Bot) -> None:
    await bot.arm("http_error", {"status": 429, "retry_after_s": 7})
    answer = await bot.http.get(bot.TIME)
    assert (answer.status_code, answer.headers["Retry-After"], bot.problem(answer)) == (429, "7", bot.TOO_MANY)


@shows("exec_status_unknown")
async def exec_status_unknown(bot: Bot) -> None:
    await bot.arm("exec_status_unknown", {"late": "100ms"}, **bot.placing)
    answer = await bot.place()
    assert (answer.status_code, bot.problem(answer), bot.orders) == (503, bot.UNKNOWN, 0)
    await until(bot, lambda: bot.orders == 1)


@shows("html_body")
async def html_body(bot: Bot) -> None:
    await bot.arm("html_body")
    answer = await bot.place()
    assert (answer.status_code, answer.text[:6], bot.orders) == (502, "<html>", 0)


@shows("truncated_json")
async def truncated_json(bot: Bot) -> None:
    await bot.arm("truncated_json")
    answer = await bot.place()
    assert (answer.status_code, bot.orders) == (200, 1)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@shows("empty_body")
async def empty_body(bot: Bot) -> None:
    await bot.arm("empty_body")
    answer = await bot.place()
    assert (answer.status_code, answer.content, bot.orders) == (200, b"", 1)


@shows("gzip_lie")
async def gzip_lie(bot: Bot) -> None:
    await bot.arm("gzip_lie", None, path=bot.TIME)
    async with await trio.open_tcp_stream("127.0.0.1", bot.host.listening.port) as stream:
        await stream.send_all(f"GET {bot.TIME} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join([part async for part in stream]).partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head
    assert bot.time_of(httpx2.Response(200, content=body)) > 0  # it is not packed


@shows("answer_add_field")
async def answer_add_field(bot: Bot) -> None:
    await bot.arm("answer_add_field", {"field": "new"})
    answer = await bot.place()
    assert (answer.json()["new"], bot.order_of(answer) > 0) == ("novelty", True)


@shows("no_answer")
async def no_answer(bot: Bot) -> None:
    await bot.arm("no_answer", None, **bot.placing)
    with trio.move_on_after(SOON) as patience:
        await bot.place()
    assert (patience.cancelled_caught, bot.orders) == (True, 1)


@shows("hang_up")
async def hang_up(bot: Bot) -> None:
    await bot.arm("hang_up", None, **bot.placing, nth=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        await bot.place()
    assert bot.orders == 1
    await bot.arm("hang_up", {"how": "reset", "accepted": False}, path=bot.TIME, name="reset")
    async with await trio.open_tcp_stream("127.0.0.1", bot.host.listening.port) as stream:
        await stream.send_all(f"GET {bot.TIME} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with pytest.raises(trio.BrokenResourceError) as error:
            await stream.receive_some()
    assert isinstance(error.value.__cause__, ConnectionResetError)


@shows("stale_snapshot")
async def stale_snapshot(bot: Bot) -> None:
    await bot.arm("stale_snapshot", {"lag": "5s"}, method="GET", path=bot.OPEN, nth=1)
    await bot.place()
    assert [await bot.open_orders() for _ in range(2)] == [0, 1]


@shows("clock_skew")
async def clock_skew(bot: Bot) -> None:
    await bot.arm("clock_skew", {"by": "60s"}, until=2)
    told = bot.time_of(await bot.http.get(bot.TIME))
    assert told - time.time() > 50
    assert bot.problem(await bot.place()) == bot.TOO_OLD
    assert (await bot.place()).status_code == 200


# ------------------------------------------------------------------------------------------------ business


@shows("cancel_race")
async def cancel_race(bot: Bot) -> None:
    await bot.arm("cancel_race", None, method="DELETE")
    order_id = bot.order_of(await bot.place())
    async with bot.listening() as socket:
        answer = await bot.cancel(order_id)
        assert bot.problem(answer) == bot.TOO_LATE
        assert [each.status for each in await bot.reports(socket)] == ["FILLED"]


@shows("partial_fill_storm")
async def partial_fill_storm(bot: Bot) -> None:
    await bot.arm("partial_fill_storm", {"fills": 10, "gap": "1ms"}, **bot.placing)
    async with bot.listening() as socket:
        await bot.place()
        told = [each.status for each in await bot.reports(socket, 11)]
    assert told == ["NEW", *["PARTIALLY_FILLED"] * 9, "FILLED"]
    assert len(bot.exchange.engine.executions("bot")) == 10


@shows("fill_after")
async def fill_after(bot: Bot) -> None:
    await bot.arm("fill_after", {"delay": "50ms"}, **bot.placing)
    async with bot.listening() as socket:
        assert (await bot.place()).status_code == 200
        assert [each.status for each in await bot.reports(socket, 2)] == ["NEW", "FILLED"]


async def status_of(bot: Bot) -> str:
    """What exchangeInfo says of the market."""
    told = (await bot.http.get("/api/v3/exchangeInfo?symbol=BTCUSDT")).json()["symbols"][0]
    return str(told["status"])


@shows("symbol_halt", SPOT)
async def symbol_halt(bot: Bot) -> None:
    order_id = (await bot.place()).json()["orderId"]
    await bot.arm("symbol_halt", {"lasts": "100ms"}, **bot.placing, nth=1)
    refused = (await bot.place()).json()
    assert (refused["code"], refused["msg"], await status_of(bot)) == (-2010, "Market is closed.", "BREAK")
    assert (await bot.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)).status_code == 200
    await until(bot, lambda: not bot.exchange.rules.halted)
    assert await status_of(bot) == "TRADING"
    assert (await bot.place()).status_code == 200


@shows("delist", SPOT)
async def delist(bot: Bot) -> None:
    await bot.arm("delist", {"symbol": "BTCUSDT"}, path=bot.TIME)
    await bot.place()
    async with bot.listening() as socket:
        await bot.http.get(bot.TIME)
        assert (await socket.json())["event"]["X"] == "EXPIRED"
    assert (await bot.place()).json()["code"] == -2010


@shows("filter_change", SPOT)
async def filter_change(bot: Bot) -> None:
    await bot.arm("filter_change", {"min_notional": "1000"}, **bot.placing, nth=1)
    assert "NOTIONAL" in (await bot.place()).json()["msg"]
    told = (await bot.http.get("/api/v3/exchangeInfo?symbol=BTCUSDT")).json()["symbols"][0]["filters"]
    assert "1000.00000000" in {each.get("minNotional") for each in told}
    assert (await bot.place(quantity="0.02")).status_code == 200


@shows("maintenance")
async def maintenance(bot: Bot) -> None:
    await bot.arm("maintenance", {"lasts": "200ms"}, path=bot.TIME, nth=1)
    async with bot.listening() as socket:
        assert (await bot.http.get(bot.TIME)).status_code == 503
        told = await socket.next()
        assert isinstance(told, CloseConnection)
        assert told.code == 1001
    assert (await bot.place()).status_code == 503
    await until(bot, lambda: not bot.exchange.rules.away)
    assert (await bot.http.get(bot.TIME)).status_code == 200


@shows("down")
async def down(bot: Bot) -> None:
    await bot.arm("down", {"lasts": "300ms"}, path=bot.TIME, nth=1)
    async with bot.listening() as socket:
        with pytest.raises(httpx2.ReadError):
            await bot.http.get(bot.TIME)
        assert await lost(socket) == "reset"
    with pytest.raises(httpx2.HTTPError):
        await bot.place()
    with pytest.raises(Lost):
        async with bot.dialled():
            pass
    assert bot.orders == 0
    other = next(each for each in BOTS.values() if each is not type(bot))
    assert (await bot.http.get(other.TIME)).status_code == 200
    await until(bot, lambda: not bot.exchange.rules.down)
    assert (await bot.place()).status_code == 200


@shows("rate_limit")
async def rate_limit(bot: Bot) -> None:
    few = {"weight_per_minute": 3, "requests_per_minute": 3, "lasts": "200ms"}
    await bot.arm("rate_limit", few, path=bot.TIME, nth=1)
    answers = [await bot.http.get(bot.TIME) for _ in range(5)]
    assert [each.status_code for each in answers[:3]] == [200, 200, 200]
    assert answers[4].status_code == 429
    assert bot.exchange.settings.limits == "off"
    await until(bot, lambda: not bot.exchange.rules.lowered)
    assert (await bot.place()).status_code == 200


@shows("listen_key_expire", FUTURES)
async def listen_key_expire(bot: Bot) -> None:
    assert isinstance(bot, FuturesBot)
    listen_key = await bot.listen_key()
    await bot.arm("listen_key_expire", {"notify": True}, method="PUT")
    async with bot.dialled(f"/private/ws?listenKey={listen_key}") as socket:
        key = {"X-MBX-APIKEY": bot.account.api_key}
        assert (await bot.http.put("/fapi/v1/listenKey", headers=key)).json()["code"] == -1125
        assert (await socket.json())["e"] == "listenKeyExpired"


@shows("server_shutdown", SPOT)
async def server_shutdown(bot: Bot) -> None:
    await bot.arm("server_shutdown", {"grace": "50ms"}, path=bot.TIME)
    async with bot.listening() as socket:
        await bot.http.get(bot.TIME)
        assert (await socket.json())["event"]["e"] == "serverShutdown"
        told = await socket.next()
        assert isinstance(told, CloseConnection)


# ------------------------------------------------------------------------------------------------ dials


async def answered(bot: Bot) -> bytes:
    """The first bytes of a handshake's answer."""
    async with await trio.open_tcp_stream("127.0.0.1", bot.host.listening.port) as stream:
        head = f"GET {bot.SOCKET} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        await stream.send_all(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
        return bytes(await stream.receive_some())


@shows("dial_refused")
async def dial_refused(bot: Bot) -> None:
    await bot.arm("dial_refused", {"retry_after_s": 3})
    head = await answered(bot)
    assert head.startswith(b"HTTP/1.1 429")
    assert b"Retry-After: 3" in head


@shows("dial_hang")
async def dial_hang(bot: Bot) -> None:
    await bot.arm("dial_hang")
    with trio.move_on_after(SOON) as patience:
        await answered(bot)
    assert patience.cancelled_caught


@shows("dial_hang_up")
async def dial_hang_up(bot: Bot) -> None:
    await bot.arm("dial_hang_up")
    assert await answered(bot) == b""


@shows("silent")
async def silent(bot: Bot) -> None:
    await bot.arm("silent")
    async with bot.listening() as socket:
        await bot.place()
        assert await socket.next(SOON) is None


@shows("ping_flood")
async def ping_flood(bot: Bot) -> None:
    await bot.arm("ping_flood", {"every": "5ms", "size": 125})
    async with bot.listening() as socket:
        await socket.next(SOON)
    assert len(socket.pings) > 5
    assert {len(payload) for payload in socket.pings} == {125}


@shows("no_ping", SPOT, FUTURES)
async def no_ping(bot: Bot) -> None:
    bot.exchange.settings.options["ping_every_ms"] = 10
    await bot.arm("no_ping", None, nth=1)
    pings = []
    for _ in range(2):
        async with bot.listening() as socket:
            await socket.next(SOON)
            pings.append(len(socket.pings) > 0)
    assert pings == [False, True]


@shows("lifetime")
async def lifetime(bot: Bot) -> None:
    await bot.arm("lifetime", {"after": "50ms", "code": 1008})
    async with bot.listening() as socket:
        told = await socket.next()
        assert isinstance(told, CloseConnection)
        assert told.code == 1008


@shows("bandwidth")
async def bandwidth(bot: Bot) -> None:
    await bot.arm("bandwidth", {"bytes_per_s": 5_000}, method="WS")
    async with bot.listening() as socket:
        began, before = time.monotonic(), socket.received
        await bot.place()
        await bot.reports(socket)
        assert time.monotonic() - began >= (socket.received - before - 100) / 5_000
    await bot.arm("bandwidth", {"bytes_per_s": 2_000, "of": "client"}, name="there", **bot.placing)
    began = time.monotonic()
    await bot.place()
    assert time.monotonic() - began >= SOON


@shows("slicer")
async def slicer(bot: Bot) -> None:
    await bot.arm("slicer", {"size": 10, "delay": "1ms"})
    async with bot.listening() as socket:
        await bot.place()
        await bot.reports(socket)
        reads = len(socket.arrivals)
    assert reads > 10


@shows("limit_data")
async def limit_data(bot: Bot) -> None:
    await bot.arm("limit_data", {"bytes": 1_500}, method="WS")
    async with bot.listening() as socket:
        for _ in range(5):
            await bot.place()
        assert await lost(socket) == "end"
        assert socket.received == 1_500
    await bot.arm("limit_data", {"bytes": 100, "of": "client"}, name="there", **bot.placing)
    with pytest.raises(httpx2.RemoteProtocolError):
        await bot.place()
    assert bot.orders == 5


@shows("slow_close")
async def slow_close(bot: Bot) -> None:
    await bot.arm("slow_close", {"delay": "200ms"})
    async with bot.listening() as socket:
        (link,) = bot.host.worlds.links.values()
        link.drop()
        began = time.monotonic()
        await lost(socket)
        assert time.monotonic() - began >= 0.15


# ------------------------------------------------------------------------------------------------ frames


async def told_of_order(bot: Bot, count: int = 1) -> list[Any]:
    """The frames about an order that rests: its report, its balances."""
    async with bot.listening() as socket:
        await bot.place()
        return [await socket.next() for _ in range(count)]


@shows("frame_delay")
async def frame_delay(bot: Bot) -> None:
    await bot.arm("frame_delay", {"delay": "100ms"}, event=bot.REPORT)
    async with bot.listening() as socket:
        began = time.monotonic()
        await bot.place()
        assert [each.status for each in await bot.told(socket)] == ["NEW"]
        assert time.monotonic() - began >= SOON


@shows("drop_event")
async def drop_event(bot: Bot) -> None:
    await bot.arm("drop_event", {"then": "reset"}, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        assert await lost(socket) == "reset"


@shows("dup")
async def dup(bot: Bot) -> None:
    await bot.arm("dup", None, event=bot.REPORT)
    first, second = await told_of_order(bot, 2)
    assert first.data == second.data


@shows("corrupt")
async def corrupt(bot: Bot) -> None:
    await bot.arm("corrupt", {"how": "cut"}, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    with pytest.raises(json.JSONDecodeError):
        json.loads(told.data)


@shows("ack_race")
async def ack_race(bot: Bot) -> None:
    async with bot.listening() as socket:
        await bot.arm("ack_race", None, nth=1)
        await socket.send(bot.QUESTION)
        assert await socket.next(SOON) is None
        await bot.place()
        assert [each.event for each in await bot.told(socket, 2)] == ["answer", bot.REPORT]
        together = [each for each in socket.arrivals[-1] if isinstance(each, TextMessage)]
        assert len(together) >= 2


async def test_an_event_in_the_segment_of_the_ack() -> None:
    """The answer to the subscription itself waits for the first event that it brings."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        await bot.arm("ack_race", None, path=bot.SOCKET, nth=1)
        async with bot.dialled() as socket:
            params = bot.signed(apiKey=bot.account.api_key)
            await socket.send({"id": 1, "method": "userDataStream.subscribe.signature", "params": params})
            assert await socket.next(SOON) is None
            await bot.place()
            assert (await socket.json())["status"] == 200
            assert (await socket.json())["event"]["e"] == "executionReport"
            assert len([each for each in socket.arrivals[-1] if isinstance(each, TextMessage)]) >= 2


async def filled(bot: Bot, socket: Socket) -> list[str]:
    """The events of an order that rests, and fills then."""
    order_id = bot.order_of(await bot.place())
    bot.exchange.submit(Fill(instrument=bot.MARKET, order_id=order_id))
    await socket.send(bot.QUESTION)
    found: list[str] = []
    while found[-1:] != ["answer"]:
        found += [each.event for each in await bot.told(socket)]
    return found[:-1]


@shows("cross_type_reorder")
async def cross_type_reorder(bot: Bot) -> None:
    async with bot.listening() as socket:
        usual = await filled(bot, socket)
        await bot.arm("cross_type_reorder", None, event=bot.REPORT)
        told = await filled(bot, socket)
    assert told != usual
    assert sorted(told) == sorted(usual)


@shows("same_type_reorder")
async def same_type_reorder(bot: Bot) -> None:
    await bot.arm("same_type_reorder", None, event=bot.REPORT, nth=1)
    async with bot.listening() as socket:
        first = bot.order_of(await bot.place())
        second = bot.order_of(await bot.place())
        told = [each.order_id for each in await bot.reports(socket, 2)]
    assert told == [second, first]


@shows("event_stream_terminated", SPOT)
async def event_stream_terminated(bot: Bot) -> None:
    await bot.arm("event_stream_terminated", None, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        told = [await socket.json(), await socket.json()]
        assert [(each["subscriptionId"], each["event"]["e"]) for each in told] == [
            (0, "executionReport"),
            (0, "eventStreamTerminated"),
        ]
        await bot.place()
        await socket.send({"id": 2, "method": "session.subscriptions"})
        answer = await socket.json()
        truth = (await bot.http.get("/__mock/truth")).json()
    assert (answer["id"], answer["result"]) == (2, [])
    blind = [row["until_ns"] is None for row in truth["blind"] if row["account"] == "bot"]
    assert blind == [False, True]  # before it listened, and since its stream has ended


@shows("ws_deflate")
async def ws_deflate(bot: Bot) -> None:
    await bot.arm("ws_deflate", {"context_takeover": False})
    async with bot.dialled() as socket:  # which offers nothing, and gets nothing
        await socket.send(bot.QUESTION)
        assert await bot.told(socket) == [Told("answer")]
    packed = PerMessageDeflate()
    async with bot.listening([packed]) as socket:
        before = socket.received
        await bot.place()
        told = await socket.json()
    assert (bot.read(told).event, packed.enabled()) == (bot.REPORT, True)
    assert socket.received - before < len(json.dumps(told)) * 0.9


async def test_packing_may_be_claimed_though_nobody_offered_it() -> None:
    """Which no venue may do: a client has to give the connection up, and this one does."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        await bot.arm("ws_deflate", {"uninvited": True}, count=1)
        with pytest.raises(Lost, match="extension"):
            async with bot.dialled():
                pass
        async with bot.listening() as socket:  # once
            await bot.place()
            assert (await socket.json())["event"]["X"] == "NEW"


async def test_log_normal_latency_repeats_and_has_a_tail() -> None:
    """By the control API, with a fraction: of many answers some are late by far more than the median."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        await bot.arm("latency", {"delay": "2ms", "sigma": 1.5})
        taken = []
        for _ in range(40):
            began = time.monotonic()
            await http.get("/api/v3/time")
            taken.append(time.monotonic() - began)
    assert max(taken) > 3 * sorted(taken)[20] > 0.004


@shows("schema_add_field")
async def schema_add_field(bot: Bot) -> None:
    await bot.arm("schema_add_field", {"field": "new"}, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    message = json.loads(told.data)
    assert (bot.data(message)["new"], bot.read(message).status) == ("novelty", "NEW")


@shows("schema_unknown_event")
async def schema_unknown_event(bot: Bot) -> None:
    await bot.arm("schema_unknown_event", {"event": "zz"}, event=bot.REPORT)
    told = [bot.read(json.loads(each.data)).event for each in await told_of_order(bot, 2)]
    assert told == ["zz", bot.REPORT]


@shows("schema_null")
async def schema_null(bot: Bot) -> None:
    await bot.arm("schema_null", {"field": bot.QUANTITY}, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    assert bot.data(json.loads(told.data))[bot.QUANTITY] is None


@shows("number_as_string")
async def number_as_string(bot: Bot) -> None:
    await bot.arm("number_as_string", {"field": bot.ORDER_ID}, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    assert isinstance(bot.data(json.loads(told.data))[bot.ORDER_ID], str)


@shows("ws_fragment")
async def ws_fragment(bot: Bot) -> None:
    await bot.arm("ws_fragment", {"parts": 4}, event=bot.REPORT)
    parts = await told_of_order(bot, 4)
    assert [part.message_finished for part in parts] == [False, False, False, True]
    assert bot.read(json.loads("".join(part.data for part in parts))).status == "NEW"


@shows("ws_big_frame")
async def ws_big_frame(bot: Bot) -> None:
    await bot.arm("ws_big_frame", {"bytes": 200_000}, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        text = ""
        while not text or not text.endswith("}"):
            told = await socket.next()
            assert isinstance(told, TextMessage)
            text += told.data
    assert (len(text), bot.read(json.loads(text)).status) == (200_000, "NEW")


@shows("ws_binary")
async def ws_binary(bot: Bot) -> None:
    await bot.arm("ws_binary", None, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    assert isinstance(told, BytesMessage)
    assert bot.read(json.loads(bytes(told.data))).status == "NEW"


@shows("ws_bad_utf8")
async def ws_bad_utf8(bot: Bot) -> None:
    await bot.arm("ws_bad_utf8", None, event=bot.REPORT)
    (told,) = await told_of_order(bot)
    assert isinstance(told, CloseConnection)  # wsproto's verdict
    assert told.code == 1007


@shows("disconnect")
async def disconnect(bot: Bot) -> None:
    await bot.arm("disconnect", {"code": 1008, "reason": "why"}, event=bot.REPORT)
    report, told = await told_of_order(bot, 2)
    assert isinstance(report, TextMessage)
    assert (told.code, told.reason) == (1008, "why")


@shows("reset")
async def reset(bot: Bot) -> None:
    await bot.arm("reset", None, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        assert await lost(socket) == "reset"


@shows("mute")
async def mute(bot: Bot) -> None:
    await bot.arm("mute", None, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        assert await socket.next(SOON) is None
        await socket.send(bot.QUESTION)
        assert await bot.told(socket) == [Told("answer")]


@shows("half_open")
async def half_open(bot: Bot) -> None:
    await bot.arm("half_open", None, event=bot.REPORT)
    async with bot.listening() as socket:
        await bot.place()
        await socket.send(bot.QUESTION)
        assert await socket.next(SOON) is None


@shows("stall")
async def stall(bot: Bot) -> None:
    await bot.arm("stall", {"for": "100ms"}, event=bot.REPORT)
    async with bot.listening() as socket:
        began = time.monotonic()
        await bot.place()
        assert [each.status for each in await bot.told(socket)] == ["NEW"]
        assert time.monotonic() - began >= SOON


# ------------------------------------------------------------------------------------------------ TLS


def secured(bot: Bot) -> ssl.SSLContext:
    """Let the port speak TLS too; how a client trusts it."""
    authority = Authority()
    bot.host.server.gate = Gate(bot.host.server.tally, authority)
    return ssl.create_default_context(cadata=authority.pem.decode())


async def why_not(bot: Bot, tls: ssl.SSLContext, host: str = "api.binance.com") -> str | None:
    """Why a handshake with this host fails; None: it does not, and a question is answered."""
    async with await trio.open_tcp_stream("127.0.0.1", bot.host.listening.port) as stream:
        secure = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
        try:
            await secure.do_handshake()
        except trio.BrokenResourceError as error:
            return str(error.__cause__)
        await secure.send_all(f"GET /api/v3/ping HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await secure.receive_some()).startswith(b"HTTP/1.1 ")
    return None


async def spoils(bot: Bot, kind: str, how: str, parameters: Any = None) -> None:
    """The first handshake with spot fails so, another venue's is well, and so is the second."""
    tls = secured(bot)
    await bot.arm(kind, parameters, venue="binance-spot", nth=1)
    assert await why_not(bot, tls, "ftx.com") is None
    assert how in str(await why_not(bot, tls))
    assert await why_not(bot, tls) is None
    assert bot.host.server.tally.distrusted == {}  # that was no fault of the client's


@shows("tls_expired", SPOT)
async def tls_expired(bot: Bot) -> None:
    await spoils(bot, "tls_expired", "certificate has expired", {"ago": "1h"})


@shows("tls_wrong_host", SPOT)
async def tls_wrong_host(bot: Bot) -> None:
    await spoils(bot, "tls_wrong_host", "Hostname mismatch")
    await bot.arm("tls_wrong_host", name="here")
    tls = secured(bot)
    assert "IP address mismatch" in str(await why_not(bot, tls, "127.0.0.1"))
    tls.check_hostname = False
    assert await why_not(bot, tls) is None  # who does not look is served


@shows("tls_reset", SPOT)
async def tls_reset(bot: Bot) -> None:
    await spoils(bot, "tls_reset", "Connection reset by peer")


# ------------------------------------------------------------------------------------------------ all of them


def test_every_fault_is_shown() -> None:
    """At one venue or more."""
    assert {word for word, _ in SHOWS} == set(KINDS)


@pytest.mark.parametrize(("word", "venue"), SHOWS)
async def test_every_fault_shows_its_effect(word: str, venue: str) -> None:
    """Armed by the control API; and it has happened."""
    async with hosting() as host, asking(host) as http:
        with trio.fail_after(10):
            await SHOWS[word, venue](BOTS[venue](host, http))
        assert host.worlds.default.faults.hits[word] > 0


# ------------------------------------------------------------------------------------------------ the client's frames

PLACE = {"event": "order.place"}


@asynccontextmanager
async def trading() -> AsyncIterator[tuple[Bot, Socket]]:
    """A bot, and a socket of the WebSocket API by which it places."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        with trio.fail_after(10):
            async with bot.dialled() as socket:
                yield bot, socket
        assert sum(host.worlds.default.faults.hits.values()) > 0


async def test_what_the_client_sends_is_late() -> None:
    """And what it sends behind that comes behind it."""
    async with trading() as (bot, socket):
        await bot.arm("frame_delay", {"delay": "100ms", "of": "client"}, **PLACE)
        began = time.monotonic()
        await bot.place_there(socket)
        await socket.send({"id": 2, "method": "ping"})
        assert await socket.next(SOON / 2) is None
        assert bot.orders == 0
        assert [(await socket.json())["id"] for _ in range(2)] == [9, 2]
        assert time.monotonic() - began >= SOON
        assert bot.orders == 1


async def test_what_the_client_sends_is_lost() -> None:
    """Only that; with `then` the connection too."""
    async with trading() as (bot, socket):
        await bot.arm("drop_event", {"of": "client"}, **PLACE, nth=1)
        await bot.place_there(socket)
        await socket.send({"id": 2, "method": "ping"})
        assert ((await socket.json())["id"], bot.orders) == (2, 0)
        await bot.place_there(socket)
        assert ((await socket.json())["id"], bot.orders) == (9, 1)
    async with trading() as (bot, socket):
        await bot.arm("drop_event", {"of": "client", "then": "reset"}, **PLACE)
        await bot.place_there(socket)
        assert (await lost(socket), bot.orders) == ("reset", 0)


async def test_what_the_client_sends_comes_twice() -> None:
    """Two orders where the client placed one, and two answers."""
    async with trading() as (bot, socket):
        await bot.arm("dup", {"of": "client"}, **PLACE)
        await bot.place_there(socket)
        answers = [await socket.json() for _ in range(2)]
        assert [answer["status"] for answer in answers] == [200, 200]
        assert len({answer["result"]["orderId"] for answer in answers}) == bot.orders == 2


@pytest.mark.parametrize(
    ("how", "code"),
    [("cut", -1135), ("bytes", -1135), ("number", -1022), ("word", -1022)],
)
async def test_what_the_client_sends_cannot_be_read(how: str, code: int) -> None:
    """It is no JSON, or no longer what was signed; the next request is a good one."""
    async with trading() as (bot, socket):
        await bot.arm("corrupt", {"how": how, "of": "client"}, **PLACE, nth=1)
        await bot.place_there(socket)
        assert ((await socket.json())["error"]["code"], bot.orders) == (code, 0)
        await bot.place_there(socket)
        assert ((await socket.json())["status"], bot.orders) == (200, 1)


async def test_a_stall_as_the_client_sends() -> None:
    """Nothing is read for so long, and then everything."""
    async with trading() as (bot, socket):
        await bot.arm("stall", {"for": "100ms", "of": "client"}, **PLACE, nth=1)
        began = time.monotonic()
        await bot.place_there(socket)
        await socket.send({"id": 2, "method": "ping"})
        assert await socket.next(SOON / 2) is None
        assert bot.orders == 0
        assert [(await socket.json())["id"] for _ in range(2)] == [9, 2]
        assert time.monotonic() - began >= SOON


async def test_the_connection_ends_as_the_client_sends() -> None:
    """Without a close frame the request is lost; with one it was done, and answered."""
    async with trading() as (bot, socket):
        await bot.arm("disconnect", {"of": "client"}, **PLACE)
        await bot.place_there(socket)
        assert (await lost(socket), bot.orders) == ("end", 0)
    async with trading() as (bot, socket):
        await bot.arm("disconnect", {"code": 1008, "of": "client"}, **PLACE)
        await bot.place_there(socket)
        assert (await socket.json())["status"] == 200
        told = await socket.next()
        assert isinstance(told, CloseConnection)
        assert (told.code, bot.orders) == (1008, 1)
    async with trading() as (bot, socket):
        await bot.arm("reset", {"after_bytes": 40, "of": "client"}, **PLACE)
        await bot.place_there(socket)
        assert (await lost(socket), bot.orders) == ("reset", 1)


async def test_a_connection_falls_silent_as_the_client_sends() -> None:
    """Half-open, the request is not read until it is resumed; mute, it is done without an answer."""
    async with trading() as (bot, socket):
        await bot.arm("half_open", {"of": "client"}, **PLACE)
        await bot.place_there(socket)
        assert await socket.next(SOON) is None
        assert bot.orders == 0
        (link,) = bot.host.worlds.links.values()
        link.resume()
        assert ((await socket.json())["status"], bot.orders) == (200, 1)
    async with trading() as (bot, socket):
        await bot.arm("mute", {"mode": "all", "of": "client"}, **PLACE)
        await bot.place_there(socket)
        assert await socket.next(SOON) is None
        assert bot.orders == 1


# ------------------------------------------------------------------------------------------------ magic client ids


@pytest.mark.parametrize(
    ("client_id", "status", "code", "orders"),
    [
        ("m-reject-2010", 400, -2010, 0),
        ("x-HNA2TXFJm-reject-5022z", 400, -5022, 0),
        ("m-timeout-accepted", 503, -1007, 1),
        ("m-timeout-lost", 503, -1007, 0),
        ("m-timeout-late", 503, -1007, 0),
        ("m-hello", 200, None, 1),
    ],
)
async def test_magic_client_ids(client_id: str, status: int, code: int | None, orders: int) -> None:
    """Nothing is armed; a client's own prefix and suffix do not matter."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        answer = await bot.place(newClientOrderId=client_id)
        assert (answer.status_code, answer.json().get("code"), bot.orders) == (status, code, orders)


@pytest.mark.parametrize(
    ("client_id", "status", "code", "orders"),
    [
        ("m-reject-2010", 400, -2010, 0),
        ("m-timeout-accepted", 503, -1007, 1),
        ("m-timeout-lost", 503, -1007, 0),
        ("m-hello", 200, None, 1),
    ],
)
async def test_magic_client_ids_on_the_websocket_api(
    client_id: str, status: int, code: int | None, orders: int
) -> None:
    """They ask for the same, and are answered on the socket."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        async with bot.dialled() as socket:
            await bot.place_there(socket, newClientOrderId=client_id)
            answer = await socket.json()
            assert (answer["id"], answer["status"], answer.get("error", {}).get("code")) == (9, status, code)
            assert bot.orders == orders
            await bot.place_there(socket, newClientOrderId="m-never")
            assert await socket.next(SOON) is None
            await bot.place_there(socket, newClientOrderId="m-drop-conn")
            assert await lost(socket) == "end"
            assert bot.orders == orders + 2


async def test_an_order_on_the_websocket_api_whose_answer_is_late() -> None:
    """Its events come first, on the same socket."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        async with bot.listening() as socket:
            await bot.arm("latency", {"delay": "100ms"}, method="WS", path="order.place")
            began = time.monotonic()
            await bot.place_there(socket)
            told = [await socket.json() for _ in range(3)]
            assert time.monotonic() - began >= SOON
            assert ["event" in each for each in told] == [True, True, False]


async def test_magic_fills_and_silence() -> None:
    """`m-partial-3` fills in three parts, `m-never` and `m-drop-conn` answer nothing though the order was taken."""
    async with hosting() as host, asking(host) as http:
        bot = Bot(host, http)
        await bot.place(newClientOrderId="m-partial-3")
        assert len(bot.exchange.engine.executions("bot")) == 3
        with trio.move_on_after(SOON) as patience:
            await bot.place(newClientOrderId="m-never")
        assert patience.cancelled_caught
        with pytest.raises(httpx2.RemoteProtocolError):
            await bot.place(newClientOrderId="m-drop-conn")
        assert bot.orders == 3
