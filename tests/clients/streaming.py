"""Scenarios of what is told: while connected, over interruptions, and to a program that is slow or broken.

A scenario acts on a `Stage` and returns a `Cell`: what the table says, and whether nothing was lost, nothing came
twice, the order was kept and the interruption was told, as far as that is the question.  Nobody is judged here.
"""

from __future__ import annotations

import time
from typing import Final

import trio

from mockserver.engine.types import OrderView

from .cells import ARRIVE_S, CALM_S, COME_BACK_S, SETTLE_S, SOON_S, Cell, come_back, seconds, tally
from .stage import Stage

AWAY_S: Final = 5.0  # beyond the time that the fills themselves take
AWAY_ORDERS: Final = 3_000
READ_S: Final = 90.0  # for what came meanwhile to be read, while others keep the cores busy


# --- while connected ------------------------------------------------------------------------------------------------


def step_by_step(stage: Stage, order: OrderView) -> Cell:
    """How many of an order's four states and three fills were told."""
    states = dict.fromkeys(stage.updates(order))
    true, told = (
        [fill for fill in fills if fill.order_id == str(order.order_id)] for fills in (stage.true_fills, stage.fills)
    )
    fills = tally(true, told)
    return Cell(f"{len(states)}/4 states, {fills.text}", fills.good and len(states) == 4)


async def burst(stage: Stage) -> Cell:
    """Four updates of one order in one write."""
    await stage.start()
    await stage.control()
    order = stage.seat.place("0.9")
    for _ in range(3):
        stage.seat.fill(order, "0.3")
    await stage.until(lambda: step_by_step(stage, order).good, ARRIVE_S)
    return step_by_step(stage, order)


async def between_reads(stage: Stage) -> Cell:
    """The four updates come apart while the program is busy with something else; then another order is placed."""
    await stage.start(pauses=True)
    await stage.control()
    order = stage.seat.place("0.9")
    for _ in range(3):
        await stage.wait(SOON_S)
        stage.seat.fill(order, "0.3")
    await stage.wait(SOON_S)
    stage.go_on()
    await stage.until(lambda: step_by_step(stage, order).good, ARRIVE_S)
    early = step_by_step(stage, order)
    stage.seat.place("0.9")
    await stage.until(lambda: step_by_step(stage, order).good, ARRIVE_S)
    late = step_by_step(stage, order)
    return late if early == late else Cell(f"{late.text}, only with the next event", good=False)


async def duplicate(stage: Stage) -> Cell:
    """The venue tells a trade again."""
    await stage.start()
    order = await stage.control()
    stage.tell_again(stage.frames(order)[-1])
    await stage.wait(SETTLE_S)
    return tally(stage.true_fills, stage.fills)


async def stale(stage: Stage) -> Cell:
    """After FILLED the venue tells the order's NEW again."""
    await stage.start()
    order = await stage.control()
    await stage.until(lambda: any(not is_open for is_open, _ in stage.updates(order)), ARRIVE_S)
    stage.tell_again(stage.frames(order)[0])
    await stage.wait(SETTLE_S)
    is_open, filled = stage.updates(order)[-1]
    return Cell(f"open again, {filled} filled" if is_open else "stays closed", not is_open)


# --- interruptions --------------------------------------------------------------------------------------------------


async def drop(stage: Stage) -> Cell:
    """The connection is reset inside a frame, in the middle of six fills; then the client is let in again."""
    await stage.start()
    await stage.control()
    order = stage.seat.place("0.6")
    for _ in range(2):
        stage.seat.fill(order, "0.1")
    await stage.until(lambda: len(stage.fills) == 3, ARRIVE_S)
    (link,) = stage.seat.links
    link.reset(after_bytes=100)
    for _ in range(4):
        stage.seat.fill(order, "0.1")
    await come_back(stage, frozenset({link.id}))
    return tally(stage.true_fills, stage.fills)


async def kill(stage: Stage) -> Cell:
    """The process is killed; two orders are filled; it is started again, and one more is filled."""
    await stage.start()
    await stage.control()
    await stage.wait(1)
    gone = frozenset(link.id for link in stage.seat.links)
    await stage.kill()
    await stage.until(lambda: not stage.seat.links, ARRIVE_S)
    for _ in range(2):
        stage.seat.fill(stage.seat.place("0.5"))
    await stage.start()
    await come_back(stage, gone)
    return tally(stage.true_fills, stage.fills)


def asked(stage: Stage, what: str) -> int:
    """How often the client asked for this."""
    entries = stage.seat.exchange.world.recorder.journal(kind="rest-in", limit=10_000)
    return sum(what in str(entry["text"]) for entry in entries)


async def expiry(stage: Stage) -> Cell:
    """The listen key expires, which is told twice; an order is filled; one more when the client is back."""
    await stage.start()
    await stage.control()
    (link,) = stage.seat.links
    keys, since = asked(stage, "POST /fapi/v1/listenKey"), time.time()
    assert stage.seat.exchange.face.expire_listen_keys(stage.seat.name, notices=2) == 1
    stage.seat.fill(stage.seat.place("0.5"))
    back = await stage.until(lambda: any(found.id != link.id for found in stage.seat.links), stage.patience_s)
    if back:
        came = time.time()
        await stage.wait(CALM_S)
        stage.seat.fill(stage.seat.place("0.5"))
        await stage.until(stage.all_told, COME_BACK_S)
        await stage.wait(SETTLE_S)
        fills, new = tally(stage.true_fills, stage.fills), asked(stage, "POST /fapi/v1/listenKey") - keys
        often = "once" if new == 1 else f"{new} times"
        text = f"{fills.text}; back after {seconds(since, came)}, asked for a key {often}"
        return Cell(text, fills.good and new == 1)
    fills = tally(stage.true_fills, stage.fills)
    heard = "told at once" if stage.words(since) else "not told"
    return Cell(f"{fills.text}; {heard}, no new key within {stage.patience_s:.0f} s", good=False)


async def stall(stage: Stage) -> Cell:
    """The connection stays up and is pinged, and tells nothing any more; an order is filled."""
    await stage.start()
    await stage.control()
    for link in stage.seat.links:
        link.mute()
    since = time.time()
    stage.seat.fill(stage.seat.place("0.5"))
    noticed = await stage.until(lambda: stage.words(since) or stage.all_told(), stage.patience_s)
    if not noticed:
        return Cell(f"{tally(stage.true_fills, stage.fills).text}; silent for {stage.patience_s:.0f} s", good=False)
    at = time.time()
    await stage.until(stage.all_told, COME_BACK_S)
    fills = tally(stage.true_fills, stage.fills)
    return Cell(f"{fills.text}; told after {seconds(since, at)}", fills.good)


# --- the program ----------------------------------------------------------------------------------------------------


async def slow(stage: Stage) -> Cell:
    """The program takes nothing while thousands of orders are filled in two parts each."""
    await stage.start(pauses=True)
    await stage.control()
    before = stage.memory_mb("VmRSS")
    async with stage.heavy:
        for _ in range(AWAY_ORDERS):
            order = stage.seat.place("0.2")
            stage.seat.fill(order, "0.1")
            stage.seat.fill(order)
            await trio.lowlevel.checkpoint()
        await stage.until(lambda: not any(link.backlog for link in stage.seat.links), COME_BACK_S)
    await stage.wait(AWAY_S)
    since, grown = time.time(), stage.memory_mb("VmHWM") - before
    stage.go_on()
    await stage.wait(SETTLE_S)
    stage.seat.fill(stage.seat.place("0.2"))
    last = time.time()
    await stage.until(lambda: time.time() - max(last, stage.told[-1]["at"]) > ARRIVE_S or stage.all_told(), READ_S)
    fills = tally(stage.true_fills, stage.fills)
    is_loud = bool(stage.words(since))
    loud = "" if fills.good else "; an error is told" if is_loud else "; no error"
    return Cell(f"{fills.text}{loud}; memory +{grown:.0f} MB", fills.good)


async def handler(stage: Stage) -> Cell:
    """The code that handles a fill raises."""
    await stage.start(breaks=True)
    stage.seat.fill(stage.seat.place("0.5"))
    assert stage.process is not None
    ended = await stage.until(lambda: stage.process is None or stage.process.poll() is not None, ARRIVE_S)
    shown = "the handler is broken" in stage.errors
    if ended and shown:
        return Cell("the exception ends the program", good=True)
    return Cell("the exception is shown, the program goes on" if shown else "nothing is seen of it", good=False)
