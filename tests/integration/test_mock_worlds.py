"""Worlds over the control API: made for a test, kept, brought back, forgotten; and none sees another."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import trio
from trio_websocket import open_websocket_url

from mockserver.engine.types import HOUSE
from tests.integration.test_mock_clock import Mock, mock, texts_until_closed


async def world(host: Mock, **given: Any) -> dict[str, Any]:
    """A new world and the FTX key of its account."""
    return await host.post("/worlds", **given)


async def listen_key(host: Mock, made: dict[str, Any]) -> str:
    headers = {"X-MBX-APIKEY": made["accounts"]["binance-futures"]["api_key"]}
    return str((await host.http.post("/fapi/v1/listenKey", headers=headers)).json()["listenKey"])


async def rest(host: Mock, made: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A resting order of a world's account."""
    order = {"venue": "binance-futures", "account": "main", "symbol": "BTCUSDT", "side": "BUY"}
    answer = await host.post("/orders", world=made["world"], **order, price="10000", quantity="1", **more)
    return dict(answer["order"])


async def test_two_worlds_never_see_each_other() -> None:
    """Events, clock, faults, book, journal and truth of one are nothing to the other."""
    async with mock() as host:
        one, two = await world(host, name="one"), await world(host, name="two")
        keys = [await listen_key(host, made) for made in (one, two)]
        addresses = [f"{host.ws}/private/ws?listenKey={key}" for key in keys]
        async with open_websocket_url(addresses[0]) as first, open_websocket_url(addresses[1]) as second:
            await host.post("/faults", world="one", fault={"http_error": {"status": 503}, "name": "refuse"})
            await host.post("/clock/advance", world="one", by="30m")
            placed = await rest(host, one, client_order_id="of-one")
            with trio.fail_after(5):
                heard = json.loads(await first.get_message())
            after = await rest(host, two, client_order_id="of-two")
            with trio.fail_after(5):
                other = json.loads(await second.get_message())
            assert (heard["o"]["c"], other["o"]["c"]) == ("of-one", "of-two")
            assert placed["order_id"] == after["order_id"]  # each has its own counters

            statuses = []
            for made in (one, two):
                headers = {"X-MBX-APIKEY": made["accounts"]["binance-futures"]["api_key"]}
                statuses.append((await host.http.post("/fapi/v1/listenKey", headers=headers)).status_code)
            assert statuses == [503, 200]
            crossing = {"side": "SELL", "price": "10000", "quantity": "1", "venue": "binance-futures"}
            sold = await host.post("/orders", world="two", account=HOUSE, symbol="BTCUSDT", **crossing)
            assert sold["order"]["status"] == "FILLED"

        shown = {name: await everything(host, name) for name in ("one", "two")}
        assert [row["status"] for row in shown["one"]["truth"]["orders"]] == ["NEW"]
        assert [row["status"] for row in shown["two"]["truth"]["orders"]] == ["FILLED"]
        assert shown["one"]["clock"]["clock"]["ahead_ns"] > 0 == shown["two"]["clock"]["clock"]["ahead_ns"]
        assert [len(shown[name]["faults"]["faults"]) for name in shown] == [1, 0]
        texts = {name: json.dumps(shown[name]["journal"]) for name in shown}
        assert ("of-one" in texts["one"], "of-one" in texts["two"]) == (True, False)
        assert ("of-two" in texts["one"], "of-two" in texts["two"]) == (False, True)


async def everything(host: Mock, name: str) -> dict[str, Any]:
    return {
        part: (await host.http.get(f"/__mock/{part}?world={name}")).json()
        for part in ("truth", "clock", "faults", "journal")
    }


async def test_a_world_is_kept_and_brought_back() -> None:
    """Its connections are closed (1001) as by a restart; orders, keys and listen keys are as they were."""
    async with mock() as host:
        made = await world(host, name="w", seed=3)
        key = await listen_key(host, made)
        first = await rest(host, made)
        kept = await host.post("/snapshot", world="w")
        async with open_websocket_url(f"{host.ws}/private/ws?listenKey={key}") as connection:
            await rest(host, made)
            answer = await host.http.put(f"/__mock/snapshot/{kept['id']}")
            assert answer.status_code == 200
            with trio.fail_after(5):
                texts, code = await texts_until_closed(connection)
        assert ([text["e"] for text in texts], code) == (["ORDER_TRADE_UPDATE"], 1001)
        truth = (await host.http.get("/__mock/truth?world=w")).json()
        assert [row["order_id"] for row in truth["orders"]] == [first["order_id"]]
        assert await listen_key(host, made) == key

        assert (await host.http.delete("/__mock/worlds/w")).status_code == 200
        text = (await host.http.get(f"/__mock/snapshot/{kept['id']}")).json()["snapshot"]
        assert text == kept["snapshot"]
        answer = await host.http.put("/__mock/snapshot", json={"snapshot": text, "world": "again"})
        assert answer.json() == {
            "world": "again",
            "accounts": {"binance-spot": ["main"], "binance-futures": ["main"], "ftx": ["main"]},
        }
        assert await listen_key(host, made) == key


async def test_worlds_are_made_listed_and_forgotten() -> None:
    """Each has its seed and its accounts; what is not there, or must stay, is said so."""
    async with mock() as host:
        named, nameless = await world(host, name="w", seed=3), await world(host, accounts=False)
        assert (named["world"], named["seed"], nameless["world"], nameless["accounts"]) == ("w", 3, "world-1", {})
        assert {len(account["api_key"]) for account in named["accounts"].values()} == {64, 40}
        listed = (await host.http.get("/__mock/worlds")).json()["worlds"]
        assert [(row["world"], row["connections"]) for row in listed] == [("default", 0), ("w", 0), ("world-1", 0)]
        again = await host.http.post("/__mock/worlds", json={"name": "w"})
        gone = [await host.http.delete(f"/__mock/worlds/{name}") for name in ("w", "w", "default")]
        assert (again.status_code, [answer.status_code for answer in gone]) == (409, [200, 404, 409])
        assert await refused(host, named) == 401


async def refused(host: Mock, made: dict[str, Any]) -> int:
    """What its key is worth now."""
    headers = {"X-MBX-APIKEY": made["accounts"]["binance-futures"]["api_key"]}
    answer: httpx2.Response = await host.http.post("/fapi/v1/listenKey", headers=headers)
    return answer.status_code


async def test_what_is_no_snapshot_is_refused() -> None:
    """With a word of why; snapshots beyond the limit are forgotten, the oldest first."""
    async with mock() as host:
        for body in ({}, {"snapshot": {"format": 9}}, {"snapshot": {"format": 3, "venues": 5}}):
            assert (await host.http.put("/__mock/snapshot", json=body)).status_code == 409
        ids = [(await host.post("/snapshot"))["id"] for _ in range(17)]
        statuses = [(await host.http.get(f"/__mock/snapshot/{each}")).status_code for each in (ids[0], ids[1], ids[-1])]
        assert statuses == [404, 200, 200]
