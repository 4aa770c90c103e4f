"""Every scenario that is shipped: a bot that does right passes, and one with the flaw it is about is caught, in words.

The mock and the bot share one loop and a virtual clock, over real loopback sockets; an hour takes a second.
"""

from __future__ import annotations

from typing import Final

import attrs
import pytest
from trio.testing import MockClock

from mockserver.player import shelf
from mockserver.player.words import lines

from .bot import FLAWS
from .stage import perform, perform_exchstream


@attrs.frozen
class Case:
    """Who is caught, what the bot does beside listening, and what the verdict says."""

    flaw: str
    words: str
    do: str = ""


TABLE: Final = {
    "ack-race": Case("deaf_until_ack", "fill lost"),
    "answer-after-the-end": Case("answer_wins", "final, then new", "place"),
    "ban-418": Case("ignores_ban", "expected never request"),
    "cancel-race": Case("assumes_canceled", "order ends as canceled", "cancel"),
    "clock-skew": Case("no_clock", "waited 30s for client subscribed, in vain"),
    "cut-inside-frame": Case("no_lookback", "fill lost"),
    "day-24h": Case("gives_up", "waited 1m for client subscribed, in vain"),
    "dial-refused": Case("hammers", "dials: more than 10 within 10 s"),
    "duplicate-on-overlap": Case("no_dedup", "fill told twice"),
    "event-before-answer": Case("unknown_dropped", "fill lost", "place"),
    "event-lost-with-link": Case("no_lookback", "nobody asked what happened"),
    "fill-during-reconnect": Case("no_lookback", "fill lost"),
    "fill-storm": Case("small_queue", "fill lost"),
    "ftx-restart": Case("no_lookback", "fill lost"),
    "ftx-silent": Case("no_audit", "waited 90s for dial /ws/?, in vain"),
    "half-open": Case("no_watchdog", "waited 2m for dial /ws-api/v3, in vain"),
    "html-answer": Case("chokes", "fill lost"),
    "hung-up-but-accepted": Case("resends", "one order was placed 2 times", "place"),
    "key-expired": Case("ignores_expiry", "waited 10s for request POST /fapi/v1/listenKey, in vain"),
    "key-expired-silently": Case("no_audit", "waited 2m for client subscribed, in vain"),
    "key-hour": Case("no_keepalive", "waited 1h for request PUT /fapi/v1/listenKey, in vain"),
    "key-replaced": Case("keeps_old_key", "waited 30s for dial /private/.+, in vain"),
    "listen-first": Case("places_deaf", "an order was placed while nobody listened", "place"),
    "post-only-reject": Case("retries_rejects", "expected request POST /api/v3/order <=3 times", "maker"),
    "rate-limit-429": Case("ignores_ban", "expected never request"),
    "shutdown-notice": Case("ignores_notice", "waited 30s for client subscribed, in vain"),
    "silent-socket": Case("no_audit", "waited 90s for dial /ws-api/v3, in vain"),
    "silent-stream": Case("no_audit", "waited 90s for dial /ws-api/v3, in vain"),
    "stale-snapshot": Case("answer_wins", "final, then new"),
    "truncated-answer": Case("trusts_200", "fill lost"),
    "unknown-and-lost": Case("assumes_placed", "waited 30s for request POST /api/v3/order, in vain", "place"),
    "unknown-but-accepted": Case("resends", "one order was placed 2 times", "place"),
    "wiped": Case("ids_forever", "fill lost"),
}


@pytest.mark.parametrize("name", [name for name, case in TABLE.items() if not case.do])
async def test_exchstream_passes(name: str, autojump_clock: MockClock) -> None:
    """Where nothing is to be placed, the library itself is a bot that does right."""
    story = shelf.read(name)
    verdict = await perform_exchstream(story, **({"wipes": True} if name == "wiped" else {}))
    assert lines(verdict, story)[0].startswith("well: "), "\n".join(lines(verdict, story))


@pytest.mark.parametrize("name", TABLE)
async def test_a_bot_that_does_right_passes(name: str, autojump_clock: MockClock) -> None:
    """Nothing is held against it."""
    story = shelf.read(name)
    verdict = await perform(story, TABLE[name].do, "")
    assert lines(verdict, story)[0].startswith("well: "), "\n".join(lines(verdict, story))


@pytest.mark.parametrize("name", TABLE)
async def test_a_bot_with_the_flaw_is_caught(name: str, autojump_clock: MockClock) -> None:
    """The verdict says what it did, and what a client must do."""
    story, case = shelf.read(name), TABLE[name]
    verdict = await perform(story, case.do, case.flaw)
    said = "\n".join(lines(verdict, story))
    assert not verdict.ok, said
    assert case.words in said, said
    assert story.must in said


def test_the_table_is_whole() -> None:
    """Every scenario is played, and every flaw is caught by one."""
    assert sorted(TABLE) == shelf.names()
    assert {case.flaw for case in TABLE.values()} == FLAWS.keys()
