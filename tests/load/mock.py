"""A mock in a process of its own, and what it has taken so far: processor time, and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from tests.integration.test_mockserver import program, ready

SCHED: Final = 2
"""Linux's clock of the processor time of a process: its id, complemented, above these three bits."""


@attrs.frozen
class Mock:
    """Where it listens, and which process it is."""

    pid: int
    port: int
    http: str

    @property
    def cpu_ns(self) -> int:
        """Processor time of all its threads, user and system."""
        return time.clock_gettime_ns(~self.pid << 3 | SCHED)

    @property
    def resident(self) -> int:
        """Its memory in RAM, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@contextmanager
def running(*options: str) -> Iterator[Mock]:
    """Start one that fills nothing by itself and refuses nobody; ended with the block."""
    with program("--port", "0", "--json", "--limits", "off", "--liquidity", "manual", *options) as started:
        told: dict[str, Any] = ready(started)
        yield Mock(told["pid"], told["port"], told["http"])
