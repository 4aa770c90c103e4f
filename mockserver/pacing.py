"""How the shell waits by a world's clock, and how a connection's bytes go as faults had it when it was dialled.

Part of the shell: it moves no byte itself.
"""

from __future__ import annotations

from functools import partial

import trio
from wsproto.extensions import Extension, PerMessageDeflate

from mockserver.clock import Clock
from mockserver.faults import Bandwidth, LimitData, Slicer, SlowClose, WsDeflate
from mockserver.link import Link
from mockserver.wire import Pace, Tap


async def pass_time(clock: Clock, for_ns: int) -> None:
    """Wait for so long by the timers of a world's clock, which may be moved by hand."""
    if not for_ns:
        return
    done = trio.Event()
    timer = clock.after(for_ns, "delay of a request", done.set)
    clock.on_clear.append(done.set)
    try:
        await done.wait()
    finally:
        timer.cancel()
        clock.on_clear.remove(done.set)


def extensions(link: Link, offered: str) -> tuple[list[Extension], list[tuple[bytes, bytes]]]:
    """What a handshake is accepted with: extensions, which come to bear if they were offered, and false claims."""
    for birth in link.births:
        if isinstance(birth, WsDeflate):
            packed = PerMessageDeflate(server_no_context_takeover=not birth.context_takeover)
            claims = birth.uninvited and packed.name not in offered
            return [packed], [(b"Sec-WebSocket-Extensions", packed.name.encode())] if claims else []
    return [], []


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
