"""Waits for what a scenario waits for: the one place of the player that sleeps."""

from __future__ import annotations

from typing import Final

import trio

from mockserver.player.playing import Playing, Verdict
from mockserver.server import Server

POLL_SECONDS: Final = 0.01
"""How often it looks where no journal tells that something has changed."""

QUIET_SECONDS: Final = 0.5
"""How long all must stay well."""

PAUSE_SECONDS: Final = 0.05
"""So much may come before all is judged again."""


async def play(playing: Playing, server: Server) -> Verdict:
    """Play it to its end, then give the client time until all checks hold; how it went."""
    deaf: set[int] = set()
    while True:
        news = trio.Event()
        playing.on_news = news.set
        playing.go()
        machine = playing.machine
        if machine.over:
            break
        if machine.behind:
            await server.let_catch_up(playing.hands.world, deaf)
            machine.caught_up()
            continue
        await _wait(news, None if machine.next_ns is None else machine.next_ns - playing.now_ns, machine.polls)
    return await _settled(playing, playing.now_ns + playing.settle_ns)


async def _settled(playing: Playing, deadline_ns: int) -> Verdict:
    """What is found when all is well and stays so for a moment, or when the time is over."""
    while True:
        news = trio.Event()
        playing.on_news = news.set
        verdict = playing.verdict()
        left_ns = deadline_ns - playing.now_ns
        if verdict.failed is not None or (left_ns <= 0 and not verdict.ok):
            return verdict
        if verdict.ok:  # what is told twice, or too often, comes a little later
            await trio.sleep(QUIET_SECONDS)
            later = playing.verdict()
            if later.ok or left_ns <= 0:
                return later
            continue
        await _wait(news, left_ns, polls=False)
        await trio.sleep(PAUSE_SECONDS)


async def _wait(news: trio.Event, for_ns: int | None, polls: bool) -> None:
    seconds = float("inf") if for_ns is None else max(0.0, for_ns / 1e9)
    with trio.move_on_after(min(seconds, POLL_SECONDS) if polls else seconds):
        await news.wait()
