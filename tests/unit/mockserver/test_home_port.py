"""A port may be that of one world: who brings no key is at home there, and a key still wins."""

from __future__ import annotations

import json

import trio
import trio.testing

from mockserver.server import Server
from mockserver.world import Worlds

from .test_server import request
from .toy_venue import toy_worlds


async def talk(server: Server, world: str | None, data: bytes) -> bytes:
    """Send raw bytes to the port of this world, and read all that comes back."""
    ours, theirs = trio.testing.memory_stream_pair()
    got = bytearray()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.serve_stream, theirs, "127.0.0.1", "127.0.0.1", world)
        await ours.send_all(data)
        await ours.send_eof()
        while chunk := await ours.receive_some():
            got += chunk
    return bytes(got)


def asked(worlds: Worlds, name: str) -> list[str]:
    """The requests that a world has heard."""
    return [str(row["text"]) for row in worlds.worlds[name].recorder.journal(kind="rest-in")]


async def test_who_brings_no_key_is_at_home() -> None:
    """Also a request that nobody knows, and one of the control API that names no world."""
    worlds = toy_worlds()
    worlds.create("mine", 1)
    server = Server(worlds)
    for path in ("/play/time", "/nowhere"):
        await talk(server, "mine", request(path))
    answer = await talk(server, "mine", request("/__mock/journal"))
    assert asked(worlds, "mine") == ["GET /play/time", "GET /nowhere"]
    assert asked(worlds, "default") == []
    entries = json.loads(answer.partition(b"\r\n\r\n")[2])["entries"]
    assert [row["text"] for row in entries if row["kind"] == "rest-in"] == asked(worlds, "mine")


async def test_a_key_wins_over_the_port() -> None:
    """A client of another world that came by the wrong port is where its key is."""
    worlds = toy_worlds()
    theirs = worlds.create("theirs", 1)
    worlds.create("mine", 2)
    worlds.open_account(theirs.exchanges["toy"], "bob", api_key="B")
    await talk(Server(worlds), "mine", request("/play/time", x_key="B"))
    assert (asked(worlds, "mine"), len(asked(worlds, "theirs"))) == ([], 1)


async def test_a_port_without_its_world_is_the_default_ones() -> None:
    """The world has ended, and its port is not closed yet."""
    worlds = toy_worlds()
    await talk(Server(worlds), "gone", request("/play/time"))
    assert asked(worlds, "default") == ["GET /play/time"]
