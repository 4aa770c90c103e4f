"""The budget that all accounts on one host share: how much may be asked, and when.

Each bucket is a sliding window: whatever was granted in any span of `per_ns` stays within the limit.  A venue that
counts by intervals of the clock (Binance resets its minute on the minute) is obeyed too, since each of its intervals
is such a span; the price is that the first seconds of a new interval are not used at once.

A grant books its weight; a "not yet" books nothing and says when to ask again.  So the callers of one bucket must
stand in a queue (the shell's lock): the first of them is the only one that asks, nobody passes it, and since windows
empty by themselves it gets its turn, however heavy it is.  What a venue reports only ever adds to what we count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import attrs

from exchstream.core.backoff import MAX_RETRY_AFTER_NS
from exchstream.core.happenings import Now
from exchstream.core.venue import Bucket, Throttle

# Requests cross the network at uneven speed and other programs share the address, so a tenth is left unused.
DEFAULT_PERCENT: Final = 90


@attrs.define
class _Window:
    """One bucket's grants of the last `per_ns`, oldest first, and until when it is shut."""

    limit: int
    per_ns: int
    shut_until_ns: int = 0
    spent: int = 0
    grants: deque[tuple[int, int]] = attrs.field(factory=deque)  # bounded: each weighs 1 or more of `limit`

    def forget(self, now_ns: int) -> None:
        """Let go of what is older than the window."""
        while self.grants and self.grants[0][0] <= now_ns - self.per_ns:
            self.spent -= self.grants.popleft()[1]

    def book(self, weight: int, now_ns: int) -> None:
        """Count this weight from now on."""
        if weight > 0:
            self.grants.append((now_ns, weight))
            self.spent += weight

    def room_ns(self, weight: int, now_ns: int) -> int:
        """The first instant at which this weight fits, if nothing else is granted before."""
        missing = self.spent + weight - self.limit
        at_ns = now_ns
        for granted_ns, granted in self.grants:
            if missing <= 0:
                break
            missing -= granted
            at_ns = granted_ns + self.per_ns
        return max(at_ns, self.shut_until_ns)


class Budget:
    """The buckets of one host.

    `percent` of each limit is used.  Times are monotonic nanoseconds; the calls must come in order of time.
    """

    def __init__(self, buckets: Iterable[Bucket], *, percent: int = DEFAULT_PERCENT) -> None:
        self._windows = {
            bucket.name: _Window(limit=max(1, bucket.limit * percent // 100), per_ns=bucket.per_ns)
            for bucket in buckets
        }

    def reserve(self, bucket: str, weight: int, now_ns: int) -> int:
        """Ask for `weight` of `bucket`: `now_ns` means granted and booked; a later instant means ask again then.

        A weight beyond the whole limit waits for an empty window and is then let through: the venue may still refuse
        it, but it does not wait for ever.  Raises KeyError for a bucket that the host does not have.
        """
        window = self._windows[bucket]
        window.forget(now_ns)
        weight = min(max(0, weight), window.limit)
        at_ns = window.room_ns(weight, now_ns)
        if at_ns <= now_ns:
            window.book(weight, now_ns)
        return at_ns

    def obey(self, throttle: Throttle, now: Now) -> None:
        """Take in what the venue said of its limits.

        `used` above our own count is the use of others (or of our past life) and is added; below it, it is left: the
        venue may have begun a new interval where our window still remembers.  `until_ns` shuts every bucket, for at
        most MAX_RETRY_AFTER_NS: who is told to stay away and comes by another door is banned for longer.
        """
        named = self._windows.get(throttle.bucket)
        if named is not None and throttle.used is not None:
            named.forget(now.mono_ns)
            named.book(min(throttle.used, named.limit) - named.spent, now.mono_ns)
        if throttle.until_ns is not None:
            wait_ns = min(throttle.until_ns - now.wall_ns, MAX_RETRY_AFTER_NS)
            for window in self._windows.values():
                window.shut_until_ns = max(window.shut_until_ns, now.mono_ns + wait_ns)

    def spent(self, bucket: str, now_ns: int) -> int:
        """How much of the bucket counts as used at this instant."""
        window = self._windows[bucket]
        window.forget(now_ns)
        return window.spent
