"""How the shell waits by a world's clock, and what a handshake is accepted with as faults have it.

Part of the shell: it moves no byte itself.
"""

from __future__ import annotations

import trio
from wsproto.extensions import Extension, PerMessageDeflate

from mockserver.clock import Clock
from mockserver.faults import WsDeflate
from mockserver.link import Link


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
