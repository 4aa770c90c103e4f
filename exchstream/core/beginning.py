"""From when on an account's facts are wanted, and by whose clock that is known.

A stream that is to tell everything "from now on" means now by the venue's clock.  Until that has been read, this
machine's is taken, with an allowance for what it may be off by: the start is a guess, and put right later.  What a
former process had told goes on where it ended.  Nothing is told or asked here.
"""

from __future__ import annotations

from typing import Final

import attrs

from exchstream.core.happenings import Now
from exchstream.core.state import Restored
from exchstream.core.venue import DAY

# Longer than that a start does not take; a machine's clock that was set meanwhile may look like it.
MAX_STARTING: Final = 7 * DAY


@attrs.define
class Beginning:
    """`since_ns`: the instant that was asked for (None: the start); `knows_time`: the venue's clock has been read.

    It is `over` when that has been read for the first time; it may be doubted again later.
    """

    since_ns: int | None
    restored: Restored | None
    allowance_ns: int
    started: Now = Now(0, 0)
    knows_time: bool = False
    over: bool = False

    def __attrs_post_init__(self) -> None:
        if self.restored is not None and not self.restored.checkpoint.good_ns:
            self.restored = None  # it ended before it began

    @property
    def guesses(self) -> bool:
        """True while nobody knows, by the venue's clock, from when on it is to be told."""
        if self.over:
            return False
        return self.since_ns is None if self.restored is None else self.restored.checkpoint.guessed

    @property
    def told_ns(self) -> int | None:
        """Up to when everything has been told before, or is not wanted; None: up to the start."""
        return self.since_ns if self.restored is None else self.restored.checkpoint.good_ns

    def begin(self, now: Now) -> int:
        """It starts now; from when on facts are wanted, as far as that is known."""
        self.started = now
        return now.wall_ns - self.allowance_ns if self.told_ns is None else self.told_ns

    def start_ns(self, now: Now) -> int:
        """When it started, by the venue's clock: `now` is by that."""
        return now.wall_ns - (now.mono_ns - self.started.mono_ns) - self._lived_ns()

    def _lived_ns(self) -> int:
        """For how long former processes had been starting, without ever knowing the venue's time, before this one."""
        if self.restored is None:
            return 0
        began_ns = self.restored.checkpoint.good_ns + self.allowance_ns
        return min(max(0, self.started.wall_ns - began_ns), MAX_STARTING)
