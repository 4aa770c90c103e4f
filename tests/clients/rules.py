"""Scenarios of what a venue demands: that requests are signed in time, and few; and that keys stay secret."""

from __future__ import annotations

import re
from typing import Any, Final

from mockserver.faces.base import HttpRequest
from mockserver.faces.binance.routes import BinanceFace
from mockserver.link import Link

from .cells import COME_BACK_S, SETTLE_S, Cell, come_back, tally
from .stage import Stage

SKEW_NS: Final = 30_000_000_000
STORM_S: Final = 30.0
PIECE: Final = 16  # characters of a secret that give it away


async def skewed(stage: Stage) -> Cell:
    """The computer's clock is 30 s slow from the start."""
    stage.skew_ns = SKEW_NS
    await stage.start()
    if not stage.seat.links:
        return Cell("refused", good=False)
    await stage.control()
    return Cell("accepted", good=True)


async def stepped(stage: Stage) -> Cell:
    """The clock steps by 30 s while the client runs; then the connection is lost."""
    await stage.start()
    await stage.control()
    gone = frozenset(link.id for link in stage.seat.links)
    stage.skew_ns = SKEW_NS
    stage.seat.drop()
    await come_back(stage, gone)
    fills = tally(stage.true_fills, stage.fills)
    if not stage.seat.links:
        return Cell(f"not back within {COME_BACK_S:.0f} s", good=False)
    return Cell(f"accepted, {fills.text}", fills.good)


async def banned(stage: Stage) -> Cell:
    """The minute's request weight is used up: 429 with Retry-After, 418 for who goes on; and the connection is lost."""
    await stage.start()
    await stage.control()
    (link,) = stage.seat.links
    await stage.until(lambda: STORM_S < left_of_minute(stage) < 60 - SETTLE_S, 60)
    seen = newest(stage)
    use_up_weight(stage, link.peer)
    stage.seat.drop()
    await stage.wait(STORM_S)
    requests = sum(not text.startswith("<") for text in said(stage, seen, "rest-in", "ws-in"))
    await stage.wait(left_of_minute(stage))
    await come_back(stage, frozenset({link.id}))
    is_banned = any(re.match(r'418 |.*"status":418', text) for text in said(stage, seen, "rest-out", "ws-out"))
    fills = tally(stage.true_fills, stage.fills)
    back = stage.seat.links or len(stage.true_fills) > 1
    then = fills.text if back else f"not back within {COME_BACK_S:.0f} s after the minute"
    text = f"{requests} requests in {STORM_S:.0f} s, {'banned' if is_banned else 'no ban'}; {then}"
    return Cell(text, bool(back) and fills.good and not is_banned)


def use_up_weight(stage: Stage, peer: str) -> None:
    """Leave no request weight in this minute, but let sockets open: no page says what becomes of one without weight."""
    exchange = stage.seat.exchange
    face: Any = exchange.face
    exchange.settings.limits = "ip"
    limits, connect = face.sync_limits(), face.connect

    def let_in(request: HttpRequest, link: Link) -> object:
        now_ms = exchange.now_ns // 1_000_000
        spare = limits.weight_limit - limits.used(peer, now_ms) - BinanceFace.session_weight
        if spare < 0:
            limits.refund(peer, -spare, now_ms)
        return connect(request, link)

    now_ms = exchange.now_ns // 1_000_000
    limits.charge(peer, limits.weight_limit - limits.used(peer, now_ms), now_ms)
    face.connect = let_in


def left_of_minute(stage: Stage) -> float:
    """How many seconds are left of the venue's minute."""
    return 60 - stage.seat.exchange.now_ns / 1e9 % 60


def newest(stage: Stage) -> int:
    """The number of the newest entry in the mock's journal."""
    return int(str(stage.seat.exchange.world.recorder.journal(limit=1)[-1]["seq"]))


def said(stage: Stage, since: int, *kinds: str) -> list[str]:
    """What went over the wire since then."""
    entries = stage.seat.exchange.world.recorder.journal(since=since, limit=20_000)
    return [str(entry["text"]) for entry in entries if entry["kind"] in kinds]


async def secrets(stage: Stage) -> Cell:
    """Everything that the client logs is searched for what must not be there, over a lost connection."""
    await stage.start(debug=True)
    await stage.control()
    gone = frozenset(link.id for link in stage.seat.links)
    stage.seat.drop()
    await come_back(stage, gone)
    wire = "\n".join(entry.text for entry in stage.seat.exchange.world.recorder._ring)
    kinds = {
        "API key": {stage.seat.api_key},
        "secret": {stage.seat.secret},
        "signature": set(re.findall(r'signature["=: ]+([0-9a-f]{64})', wire)),
        "listen key": set(re.findall(r'listenKey["=: ]+([A-Za-z0-9]{40,})', wire)),
    }
    assert kinds["signature"] | kinds["listen key"]
    logged = stage.errors
    leaks = [kind for kind, values in kinds.items() if any(shown(value, logged) for value in values)]
    return Cell(", ".join(leaks) or "none", not leaks)


def shown(secret: str, text: str) -> bool:
    """Whether so much of the secret stands there that it is given away."""
    return any(secret[start : start + PIECE] in text for start in range(len(secret) - PIECE + 1))
