"""FTX's request limits as counters: orders per market and time, requests per minute.

Orders were limited to 2 per 200 ms and market ("Do not send more than 2 orders on this market per 200ms", recorded by
bbgo), requests to 1,500 per minute ("Cannot send more than 1500 requests per minute", ccxt's table). Cancels never
counted (rate-limit help page, 2022). What it does not do: the tiers of large customers; bans, of which none is known.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MAX_WINDOWS: Final = 10_000
NS_PER_MS: Final = 1_000_000


class Limiter:
    """At most ``count`` acts of one name within any ``window_ms``."""

    def __init__(self, count: int, window_ms: int) -> None:
        self.count = max(count, 1)
        self.window_ms = window_ms
        self._windows: dict[str, deque[int]] = {}  # bounded: MAX_WINDOWS, the oldest name goes first

    def admit(self, name: str, now_ns: int) -> bool:
        """Count one act, unless it is one too many; a refused act does not count."""
        window = self._windows.get(name)
        if window is None:
            if len(self._windows) >= MAX_WINDOWS:
                del self._windows[next(iter(self._windows))]
            window = self._windows[name] = deque(maxlen=self.count)
        if len(window) == self.count and now_ns - window[0] < self.window_ms * NS_PER_MS:
            return False
        window.append(now_ns)
        return True
