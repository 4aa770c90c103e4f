"""The clock of a served mock: a day passes for its timers while its clients live on by their own clocks."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from mockserver import Account, Clock, Link, Recipe, Server, Worlds
from mockserver.venues import VENUES

HOUR_NS = 3_600_000_000_000


class Mock:
    """A served mock with an account at each venue."""

    def __init__(self, worlds: Worlds, http: httpx2.AsyncClient, ws: str) -> None:
        self.worlds = worlds
        self.http = http
        self.ws = ws
        self.accounts = {
            venue: worlds.open_account(exchange, "a") for venue, exchange in worlds.default.exchanges.items()
        }

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"/__mock{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def listen_key(self) -> str:
        headers = {"X-MBX-APIKEY": self.accounts["binance-futures"].api_key}
        return str((await self.http.post("/fapi/v1/listenKey", headers=headers)).json()["listenKey"])


@asynccontextmanager
async def mock() -> AsyncIterator[Mock]:
    """A mock on a free port, by the machine's clock."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: Clock(time.time_ns)))
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(Server(worlds).serve, "127.0.0.1", 0)
        async with httpx2.AsyncClient(base_url=listening.http) as http:
            yield Mock(worlds, http, listening.ws)
        nursery.cancel_scope.cancel()


async def texts_until_closed(connection: WebSocketConnection) -> tuple[list[Any], int]:
    """All that comes, and the code of the close."""
    texts: list[Any] = []
    with suppress(ConnectionClosed):
        while True:
            texts.append(json.loads(await connection.get_message()))
    await trio.aclose_forcefully(connection._stream)  # trio-websocket leaves it open when the peer closes first
    assert connection.closed is not None
    return texts, connection.closed.code


@asynccontextmanager
async def dialled(host: Mock, key: str) -> AsyncIterator[trio.SocketStream]:
    """A stream on a bare socket, where nobody reads or answers pings."""
    async with await trio.open_tcp_stream("127.0.0.1", int(host.ws.rpartition(":")[2])) as stream:
        lines = ["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        head = "\r\n".join((f"GET /private/ws?listenKey={key} HTTP/1.1", *lines))
        await stream.send_all(f"{head}\r\n\r\n".encode())
        await stream.receive_some()
        yield stream


def signed(account: Account, **params: str | int) -> str:
    """A query signed by this machine's clock, as an unmodified client does it."""
    query = "&".join(f"{name}={value}" for name, value in params.items())
    query += f"{'&' * bool(query)}timestamp={time.time_ns() // 1_000_000}"
    return f"{query}&signature={hmac.new(account.secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"


async def test_a_day_passes_for_a_client_that_does_nothing_but_answer_pings() -> None:
    """Its key runs out after an hour and it is told so; it answers every ping, and is closed after 24 hours."""
    async with mock() as host:
        key = await host.listen_key()
        async with open_websocket_url(f"{host.ws}/private/ws?listenKey={key}") as connection:
            answer = await host.post("/clock/advance", by="25h")
            with trio.fail_after(5):
                texts, code = await texts_until_closed(connection)

    assert [text["e"] for text in texts] == ["listenKeyExpired"]
    assert code == 1001
    told = [row for row in answer["fired"] if not row["what"].startswith("ping")]
    assert [(row["what"], row["account"], row["connection"]) for row in told] == [
        ("listen key of a at binance-futures", "a", None),
        ("end of life of connection 1", None, 1),
    ]
    assert [row["when_ns"] for row in answer["fired"]] == sorted(row["when_ns"] for row in answer["fired"])
    apart = told[1]["when_ns"] - told[0]["when_ns"]
    assert abs(apart - 23 * HOUR_NS) < 5_000_000_000
    assert answer["clock"]["ahead_ns"] == 25 * HOUR_NS
    pings = [row for row in answer["fired"] if row["what"] == "ping of connection 1"]
    assert len(pings) in (479, 480)  # each three minutes; the last may be due with the end of life
    assert {row["connection"] for row in pings} == {1}


async def test_a_client_signs_by_its_own_clock_after_a_day_of_timers() -> None:
    """The time that is told did not move, so nobody gets -1021; with "wall" it does, and they do."""
    async with mock() as host:
        account = host.accounts["binance-spot"]
        headers = {"X-MBX-APIKEY": account.api_key}

        async def ask() -> httpx2.Response:
            return await host.http.get(f"/api/v3/account?{signed(account)}", headers=headers)

        await host.post("/clock/advance", by="24h")
        assert (await ask()).status_code == 200
        await host.post("/clock/advance", by="24h", wall=True)
        late = await ask()
        assert (late.status_code, late.json()["code"]) == (400, -1021)


async def test_what_timers_send_is_written_before_the_advance_is_answered() -> None:
    """The notice of the expiry is in the client's socket when the answer is."""
    async with mock() as host:
        key = await host.listen_key()
        async with dialled(host, key) as stream:
            (link,) = host.worlds.links.values()
            host.worlds.default.clock.after(60_000_000_000, "burst", lambda: burst(link))
            await host.post("/clock/advance", by="2m")
            assert (link.backlog, link.open) == (0, True)
            got = b""
            with trio.fail_after(1):
                while got.count(b"told") < 1_000:
                    got += await stream.receive_some(1 << 20)


def burst(link: Link) -> None:
    """More frames than go out in one write."""
    for _ in range(1_000):
        link.tell("told")


@pytest.mark.slow
async def test_a_client_that_pauses_is_waited_for() -> None:
    """One that stops for half a second, as on a busy machine, is not deaf: it loses no connection by an advance."""
    async with mock() as host:
        key = await host.listen_key()
        async with dialled(host, key) as stream, trio.open_nursery() as nursery:

            async def pong_late() -> None:
                """Answer the first ping after a while, whatever it says, and each later one at once."""
                await trio.sleep(0.5)
                while True:
                    for frame in (await stream.receive_some()).split(b"\x89\x0d")[1:]:
                        await stream.send_all(b"\x8a\x8d\0\0\0\0" + frame[:13])

            nursery.start_soon(pong_late)
            fired = (await host.post("/clock/advance", by="30m"))["fired"]
            nursery.cancel_scope.cancel()
    assert {row["what"] for row in fired} == {"ping of connection 1"}


async def test_a_deaf_client_is_cut_off_as_it_would_be() -> None:
    """One that answers no ping has its pong deadline in an advance; the advance does not wait for it at each ping."""
    async with mock() as host:
        key = await host.listen_key()
        async with dialled(host, key):
            before = trio.current_time()
            answer = await host.post("/clock/advance", by="14m")
            assert trio.current_time() - before < 2

    assert [row["what"] for row in answer["fired"]][-1] == "pong deadline of connection 1"


async def test_to_the_next_deadline_and_what_is_pending() -> None:
    """The timers to come are shown, the next is fired, and no other."""
    async with mock() as host:
        await host.listen_key()
        shown = (await host.http.get("/__mock/clock")).json()
        assert [row["what"] for row in shown["pending"]] == ["listen key of a at binance-futures"]
        assert 0 < shown["pending"][0]["in_ns"] <= HOUR_NS
        fired = (await host.post("/clock/next"))["fired"]
        assert [row["what"] for row in fired] == ["listen key of a at binance-futures"]
        assert (await host.post("/clock/next"))["fired"] == []


async def test_rates() -> None:
    """Timers that run a thousand times as fast end a listen key in 3.6 seconds; frozen ones do not end it at all."""
    async with mock() as host:
        await host.listen_key()
        assert (await host.post("/clock/freeze"))["clock"]["mode"] == "frozen"
        left = (await host.http.get("/__mock/clock")).json()["pending"][0]["in_ns"]
        await trio.sleep(0.05)
        shown = (await host.http.get("/__mock/clock")).json()
        assert shown["pending"][0]["in_ns"] == left
        assert (await host.post("/clock/scale", rate="100000"))["clock"]["mode"] == "scaled"
        with trio.fail_after(5):
            while (await host.http.get("/__mock/clock")).json()["pending"]:  # noqa: ASYNC110 (asks over HTTP)
                await trio.sleep(0.01)
        assert (await host.post("/clock/scale", rate=1))["clock"]["mode"] == "real"
        for wrong in (-1, "100001", "0.0000001", "1e9999999"):
            refused = await host.http.post("/__mock/clock/scale", json={"rate": wrong})
            assert refused.status_code == 400, refused.text


async def test_each_world_has_its_own_clock() -> None:
    """An advance of one world leaves the others where they are."""
    async with mock() as host:
        await host.http.post("/__mock/accounts", json={"venue": "ftx", "world": "w"})
        await host.post("/clock/advance", by="1h", world="w")
        ahead = [
            (await host.http.get(f"/__mock/clock?world={name}")).json()["clock"]["ahead_ns"]
            for name in ("w", "default")
        ]

    assert ahead == [HOUR_NS, 0]
