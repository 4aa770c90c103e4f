"""This machine's monotonic clock, and UTC corrected to the venue's.

The wall clock is read once; from then on UTC advances with the monotonic clock, so that a step of the machine's clock
moves nothing.  `measure` finds how far the venue's clock is from that.  What it cannot see by itself is a machine that
was suspended (the monotonic clock stood still meanwhile): then the wall clock has run ahead, and `due` says so.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import trio

from exchstream.core.happenings import Now
from exchstream.core.limits import HostLimits
from exchstream.core.venue import SECOND
from exchstream.shell.flight import Flight
from exchstream.shell.http import Unanswered

# Clocks of two machines that are kept by NTP differ by milliseconds; a second can only be a suspend or a step.
_SUSPENDED_NS: Final = SECOND


def mono_ns() -> int:
    """The monotonic clock in nanoseconds: trio's, so that a virtual clock moves it too."""
    return round(trio.current_time() * SECOND)


@attrs.frozen
class Sample:
    """One question for the venue's time: when it left and when its answer came (monotonic), and what it said (UTC)."""

    sent_ns: int
    got_ns: int
    venue_ns: int


class HostClock:
    """One host's time, made inside trio's run.

    `wall_ns` may step, either way, when it is measured anew; `mono_ns` never does.
    """

    def __init__(
        self,
        limits: HostLimits | None = None,
        *,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._limits = limits or HostLimits()
        self._wall = wall
        self._base_ns = wall() - mono_ns()
        self._ahead_ns = self._base_ns
        self._due_ns: int | None = None
        self._flight: Flight[None] = Flight()
        self.offset_ns = 0
        self._held_ns = 0
        self.error_ns: int | None = None
        # Called after each measurement, whoever asked for it.  One of each account on the host.
        self.listeners: list[Callable[[], None]] = []

    def now(self) -> Now:
        """This instant; UTC as the venue has it, within `error_ns` (None: never measured)."""
        mono = mono_ns()
        return Now(mono, self._base_ns + mono + self.offset_ns)

    @property
    def due(self) -> bool:
        """True when it is time to measure: never done, long ago, or the machine seems to have been suspended.

        False for a while after an attempt that failed: else every question would first wait for the clock.
        """
        mono = mono_ns()
        if mono < self._held_ns:
            return False
        if self._due_ns is None or mono >= self._due_ns:
            return True
        return self._wall() - mono - self._ahead_ns > _SUSPENDED_NS

    async def measure(self, ask: Callable[[], Awaitable[Sample]]) -> None:
        """Find the offset: several samples, of which the one with the shortest way counts.

        The venue is taken to have answered half way, so the error is at most half of that round trip.  A call while a
        measurement is under way shares it.  Raises Unanswered when no sample came; the offset is then as it was.
        """
        await self._flight.run(lambda: self._measured(ask))

    async def _measured(self, ask: Callable[[], Awaitable[Sample]]) -> None:
        self._held_ns = mono_ns() + self._limits.clock_retry_ns
        best: Sample | None = None
        for _ in range(self._limits.clock_samples):
            try:
                sample = await ask()
            except Unanswered:
                if best is None:
                    raise
                break
            if best is None or sample.got_ns - sample.sent_ns < best.got_ns - best.sent_ns:
                best = sample
        assert best is not None
        self.error_ns = (best.got_ns - best.sent_ns) // 2
        self.offset_ns = best.venue_ns - (self._base_ns + best.sent_ns + self.error_ns)
        mono = mono_ns()
        self._held_ns, self._due_ns, self._ahead_ns = 0, mono + self._limits.clock_every_ns, self._wall() - mono
        for listener in tuple(self.listeners):
            listener()
