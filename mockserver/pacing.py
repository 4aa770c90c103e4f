"""How the shell waits by a world's clock, and how a connection's bytes go as faults had it when it was dialled.

Part of the shell: it moves no byte itself.
"""

from __future__ import annotations

from functools import partial

import trio

from mockserver.clock import Clock
from mockserver.faults import Bandwidth, LimitData, Slicer, SlowClose
from mockserver.link import Link
from mockserver.wire import Pace, Tap


async def pass_time(clock: Clock, for_ns: int) -> None:
    """Wait for so long by a world's clock, which may be moved by hand."""
    if not for_ns:
        return
    if not clock.by_hand:
        await trio.sleep(for_ns / 1e9)
        return
    done = trio.Event()
    clock.after(for_ns, "delay of a request", done.set)
    await done.wait()


def shape(tap: Tap, link: Link) -> None:
    """Let the bytes of a connection go as faults had it when it was dialled."""
    for birth in reversed(link.births):  # of two the first prevails
        match birth:
            case Bandwidth(bytes_per_s=rate):
                size = max(1, rate // 100)
                tap.pace = Pace(size, partial(pass_time, link.home.clock, size * 1_000_000_000 // rate))
            case Slicer(size=size, delay_ns=delay_ns):
                tap.pace = Pace(size, partial(pass_time, link.home.clock, delay_ns))
            case LimitData(bytes=count):
                tap.cut_after(count, resets=False)
            case SlowClose(delay_ns=delay_ns):
                tap.slow_close_ns = delay_ns
