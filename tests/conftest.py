"""What every test shares: Hypothesis without deadlines, and a virtual clock that no thread can be late for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import settings
from trio.testing import MockClock

settings.register_profile("exchstream", deadline=None, print_blob=True)
settings.load_profile("exchstream")


@pytest.fixture
def autojump_clock(monkeypatch: pytest.MonkeyPatch) -> MockClock:
    """Virtual time for one test: what works in a thread takes none of it.

    A MockClock jumps whenever every task waits, also for a thread: a commit or a write to the record would then end
    seconds late, or after the test's own time-out, as the machine's load would have it.  So the work is done at once.
    """

    async def run_sync(act: Callable[..., Any], *args: Any, limiter: trio.CapacityLimiter | None = None) -> Any:
        async with limiter or trio.CapacityLimiter(1):
            return act(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    return MockClock(autojump_threshold=0)
