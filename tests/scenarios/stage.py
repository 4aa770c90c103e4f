"""Scenarios played against the bot, and against exchstream, in one loop under a virtual clock, over real sockets."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio

from exchstream import open_stream
from exchstream.core.limits import SessionLimits
from exchstream.jsonlines import to_json
from mockserver.command import DEMO
from mockserver.player.play import play
from mockserver.player.playing import Playing, Verdict
from mockserver.player.shell import values, worlds_for
from mockserver.server import Server, listen
from mockserver.story import Story
from tests.canaries import canaries
from tests.integration.accounts import account

from .bot import Bot
from .ftx_bot import FtxBot

BASE_NS: Final = 1_795_000_000_000_000_000
SEED: Final = 7
BOTS: Final = {"ftx": FtxBot}
Client = Callable[[Playing, dict[str, str]], Awaitable[None]]


def now_ns() -> int:
    """The bot's clock, and the venue's but for what a story says."""
    return BASE_NS + round(trio.current_time() * 1e9)


async def _perform(story: Story, client: Client) -> Verdict:
    worlds, venue = worlds_for(story, SEED, now_ns)
    playing = Playing(story, worlds, venue, DEMO)
    server = Server(worlds)
    listeners = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(server.serve_on, "127.0.0.1", listeners)
        nursery.start_soon(client, playing, values(playing, listening))
        verdict = await play(playing, server)
        nursery.cancel_scope.cancel()
    return verdict


async def perform(story: Story, do: str = "", flaw: str = "") -> Verdict:
    """Play the story against the bot."""

    async def client(playing: Playing, told: dict[str, str]) -> None:
        bot = BOTS.get(told["venue"], Bot)(
            http=told["http"],
            ws=told["ws"],
            key=told["key"],
            secret=told["secret"],
            venue=told["venue"],
            symbol=told["symbol"],
            report=lambda row: playing.reports.take(row, playing.now_ns),
            now_ms=lambda: now_ns() // 10**6,
            do=do,
            flaw=flaw,
        )
        await bot.run()

    return await _perform(story, client)


async def perform_exchstream(story: Story, **options: Any) -> Verdict:
    """Play a story of listening against exchstream, which reports in its own JSON lines, and shows no key (G8)."""

    async def client(playing: Playing, told: dict[str, str]) -> None:
        keys = {"name": DEMO, "api_key": told["key"], "api_secret": told["secret"]}
        secrets.extend((told["key"], told["secret"]))
        given = keys | _told(story, told["symbols"]) | options
        venue = account(_flavour(story.venue), told["http"], told["ws"], **given)
        async with open_stream(venue, record=record) as stream:
            async for event in stream:
                playing.reports.line(to_json(event).decode(), playing.now_ns)

    secrets: list[str] = []
    with tempfile.TemporaryDirectory() as folder, canaries(lambda: secrets, Path(folder)):
        record = Path(folder) / "incident.jsonl"
        return await _perform(story, client)


def _flavour(venue: str) -> str:
    """Spot of the older era tells its events on a listen key's address."""
    return "binance-spot-listen-key" if venue == "binance-spot@2024" else venue.partition("@")[0]


def _told(story: Story, symbols: str) -> dict[str, Any]:
    """What the client is told of the story: what it follows, how it looks, how long pages are."""
    limits = (
        {"session_limits": SessionLimits(**story.setup["session_limits"])} if "session_limits" in story.setup else {}
    )
    if story.venue.partition("@")[0] != "ftx":
        return limits | {"symbols": tuple(symbols.split(",")) if symbols else ()}
    page = story.setup.get("settings", {}).get("page_cap")
    return limits if page is None else limits | {"sure_page": page}
