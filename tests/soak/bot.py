"""The bot of a soak: it streams all accounts into a journal, and says on its standard output what it is told.

It is a process of its own, so that its memory is the stream's.  It knows nothing of the mock but addresses and keys,
which come as one line of JSON on its standard input; when that ends, it leaves.  Each line that it prints is a JSON
list, the first item says of what: `live`, `fill`, `end` (of an order), `gap`, `closed`, `down`, `sample`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, Final

import trio

from exchstream import AccountDown, Fill, GapClosed, GapOpened, OrderUpdate, open_stream
from exchstream.core import ledger
from exchstream.events import Event
from exchstream.shell.stream import OrderStream
from tests.integration.accounts import account

# What may be kept is kept within minutes, and not within days: what grows after that is a leak.
LIMITS: Final = {"MAX_CLOSED": 100, "MAX_ENDED": 1_000, "MAX_FILLS": 1_000, "MAX_SUMS": 1_000}
MEMORY_EVENTS: Final = 1_000


def say(*items: object) -> None:
    """One line."""
    print(json.dumps(items), flush=True)


def tell(event: Event) -> None:
    """What the judge needs of an event."""
    match event:
        case Fill():
            say("fill", event.account, event.order_id, str(event.price), str(event.quantity), str(event.fee or 0))
        case OrderUpdate() if event.status.is_final:
            say("end", event.account, event.order_id, event.status.value)
        case GapOpened():
            say("gap", event.account, event.reason.value)
        case GapClosed():
            say("closed", event.account, event.complete, [repr(part) for part in event.unresolved])
        case AccountDown():
            say("down", event.account, event.detail)


def sample(stream: OrderStream, journal: Path, began: float) -> dict[str, int]:
    """What this process holds now."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    files = [journal, journal.with_name(f"{journal.name}-wal")]
    return {
        "seconds": round(trio.current_time() - began),
        "rss": resident,
        "files": len(os.listdir("/proc/self/fd")) - 1,  # the one of the listing
        "threads": threading.active_count(),
        "tasks": trio.lowlevel.current_statistics().tasks_living,
        "journal": sum(file.stat().st_size for file in files if file.exists()),
        "events": stream.journal.visible,
        "reconnects": sum(status.reconnects for status in stream.status().values()),
    }


async def sampling(stream: OrderStream, journal: Path, every: float) -> None:
    """A sample on each beat."""
    began = trio.current_time()
    while True:
        await trio.sleep(every)
        say("sample", sample(stream, journal, began))


async def until_the_end(scope: trio.CancelScope) -> None:
    """End it all when standard input does."""
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stdin:
        while await stdin.receive_some():
            pass
    scope.cancel()


async def main(given: dict[str, Any]) -> None:
    """Stream."""
    for name, few in LIMITS.items():
        assert isinstance(getattr(ledger, name), int)
        setattr(ledger, name, few)
    venues, journal = [account(**options) for options in given["accounts"]], Path(given["journal"])
    async with (
        open_stream(*venues, journal=journal, memory_events=MEMORY_EVENTS, transport=given["transport"]) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(until_the_end, nursery.cancel_scope)
        nursery.start_soon(sampling, stream, journal, given["every"])
        async for event in stream:
            tell(event)


if __name__ == "__main__":
    trio.run(main, json.loads(sys.stdin.readline()))
