"""What every contestant does alike: sit on its own core, say when it is ready, and count.

Only the standard library of any Python: peers run in environments of their own.  A contestant prints `ready` when it
listens; then it gets a first blast, to warm up, and a second one, which counts.  After each it calls `lap`.
"""

from __future__ import annotations

import json
import os
import resource
from typing import Final

END: Final = "end-"  # how the client id of the last order of a blast begins
SERVER_CORE: Final = 0
CLIENT_CORE: Final = 1


def pin(core: int) -> None:
    """Stay on this core, where there is one to spare: server and client must not take turns on one."""
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, {cores[core]})


def cpu_seconds() -> float:
    """User and system time of all threads of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Meter:
    """Counts of one contestant, and what they cost."""

    def __init__(self, version: str) -> None:
        pin(CLIENT_CORE)
        self._version = version
        self._from = -1.0

    def ready(self) -> None:
        """The subscription stands."""
        print("ready", flush=True)

    def start(self) -> None:
        """What has been until now was for warming up."""
        self._from = cpu_seconds()
        print("warm", flush=True)

    def lap(self, orders: int, fills: int = 0) -> bool:
        """The last order of a blast was heard, after so many updates of orders and executions; True if it counted."""
        used = cpu_seconds() - self._from
        if self._from < 0:
            self.start()
            return False
        print(json.dumps({"cpu_s": used, "orders": orders, "fills": fills, "version": self._version}), flush=True)
        return True
