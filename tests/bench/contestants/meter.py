"""What every contestant does alike: sit on its own core, find the server, say when it is ready, and count.

Only the standard library of any Python: peers run in environments of their own.  A contestant prints `ready` when it
listens.  Then it gets a first blast, to warm up, and others that count, and says after each what that took.  It calls
`hear` for every report, in the order in which they come; at a pace it is remembered when that was.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import defaultdict
from hashlib import sha256
from typing import Any, Final

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


def resident_kib() -> int:
    """How much memory of this process is in RAM now; -1 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return -1


class Told:
    """What was told of each order.  Its digest is another one if anything is missing, repeated, changed or too early.

    Both lists hold ids of orders, each followed by a status or by an execution's id.  How the news of different orders
    fall between each other makes no difference, nor whether an execution comes before the state that counts it.
    """

    def __init__(self) -> None:
        self.states: list[Any] = []
        self.executions: list[Any] = []

    def note(self, order: str, status: str, trade: str = "") -> None:
        """A state of an order, and the execution that led to it, if there is one."""
        self.states += order, status
        if trade:
            self.executions += order, trade

    def digest(self) -> str:
        """One word for each order's news, in their order."""
        kinds = []
        for flat in (self.states, self.executions):
            of_order, one_by_one = defaultdict[str, list[Any]](list), iter(flat)
            for order, news in zip(one_by_one, one_by_one, strict=True):
                of_order[order].append(news)
            kinds.append(of_order)
        return sha256(json.dumps(kinds, sort_keys=True, default=lambda status: status.value).encode()).hexdigest()

    def clear(self) -> None:
        """Begin anew."""
        self.states.clear()
        self.executions.clear()


class Meter:
    """Counts of one contestant, and what they cost.

    Its first argument, JSON, says where the server is (`port`, `tls`), how often a blast counts (`laps`), at how many
    accounts one comes (`accounts`), and whether moments are wanted (`paced`).

    A client that promises each update once, and each order's in order, notes in `told` what came of which order: two
    ids or words an event, two hundredths of its CPU time.  That is counted, in its time and memory and in nobody
    else's; what is made of it to compare, when a lap is over, is not.
    """

    def __init__(self, version: str, terms: dict[str, Any] | None = None) -> None:
        pin(CLIENT_CORE)
        terms = json.loads(sys.argv[1]) if terms is None else terms
        secure = "s" if terms.get("tls") else ""
        place = f"127.0.0.1:{terms.get('port', 0)}"
        self.http, self.ws = f"http{secure}://{place}", f"ws{secure}://{place}"
        self.port: int = terms.get("port", 0)
        self.secure = bool(secure)
        self.accounts: int = terms.get("accounts", 1)
        self.orders = self.fills = 0
        self.told = Told()
        self._laps: int = terms.get("laps", 1)
        self._left = self.accounts
        self._moments: list[tuple[int, Any]] | None = [] if terms.get("paced") else None
        self._version = version
        self._kib = 0
        self._from = -1.0

    def ready(self) -> None:
        """The subscription stands."""
        self._kib = resident_kib()
        print("ready", flush=True)

    def hear(self, report: Any, last: bool) -> bool:
        """One more report, and whether it is the last one of a blast at its account; True when all is done."""
        self.orders += 1
        if self._moments is not None:
            self._moments.append((time.monotonic_ns(), report))
        if last:
            self._left -= 1
            return self._left == 0 and self.lap()
        return False

    def number(self, report: Any) -> int:
        """The number of the report, by which the server knows when it was sent; by default it is text or a dict."""
        if isinstance(report, (str, bytes)):
            report = json.loads(report)
        return int(report.get("event", report)["I"])

    def start(self) -> None:
        """What has been until now was for warming up."""
        self._from = cpu_seconds()
        print("warm", flush=True)

    def lap(self) -> bool:
        """The last order of a blast was heard; True if there is no other to come."""
        used = cpu_seconds() - self._from
        kib, moments, orders, fills = resident_kib(), self._moments, self.orders, self.fills
        told = self.told.digest() if self.told.states else None
        self.told.clear()
        self.orders = self.fills = 0
        self._left = self.accounts
        if self._moments is not None:
            self._moments = []
        if self._from < 0:
            self.start()
            return False
        print(
            json.dumps(
                {
                    "cpu_s": used,
                    "orders": orders,
                    "fills": fills,
                    "version": self._version,
                    "idle_kib": self._kib,
                    "kib": kib,
                    "told": told,
                    "moments": [(self.number(report), at_ns) for at_ns, report in moments or ()],
                }
            ),
            flush=True,
        )
        self._laps -= 1
        self._from = cpu_seconds()
        return self._laps == 0
