"""How long to wait before the next try: full jitter, capped, calm only after a stable spell.

Nothing is drawn here: a delay is a range, and the shell draws from it.  Nothing counts here either: whoever retries
keeps its own number of failures in a row and asks `after` for the next one.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from exchstream.core.venue import DAY, MINUTE, SECOND

# Doubling further than this passes every cap there could be, and only makes the integers long.
_MAX_DOUBLINGS: Final = 40
# Binance's bans last "from 2 minutes to 3 days" (rest-api.md, IP limits); who asks for more has made a mistake.
MAX_RETRY_AFTER_NS: Final = 3 * DAY


@attrs.frozen(kw_only=True)
class Backoff:
    """The policy; a value that many retriers share.

    Full jitter draws from the whole range [0, high], which spreads clients that failed together better than a
    jitter round a fixed delay (AWS Architecture Blog, "Exponential Backoff And Jitter").
    """

    base_ns: int = SECOND
    # Binance spot allows 300 connection attempts in 5 minutes per IP (web-socket-streams.md): ten accounts that all
    # fail, each tried every 30 s on average, make 100.
    cap_ns: int = MINUTE
    # A link that lives for less than this has not shown that the trouble is over.
    stable_ns: int = MINUTE

    def delay(self, failures: int) -> tuple[int, int]:
        """The range (low_ns, high_ns) to draw from after so many failures in a row; none after none."""
        if failures <= 0:
            return (0, 0)
        return (0, min(self.cap_ns, self.base_ns << min(failures - 1, _MAX_DOUBLINGS)))

    def after(self, failures: int, lived_ns: int) -> int:
        """The number of failures in a row, now that one more try has ended after having worked for `lived_ns`."""
        return 1 if lived_ns >= self.stable_ns else failures + 1


def retry_after_ns(value: str, date: str | None = None) -> int | None:
    """What a Retry-After header asks for, in nanoseconds from the answer on; None when it cannot be read.

    The header holds seconds or a date (RFC 9110, 10.2.3).  A date is read against the answer's own Date header, so
    that this machine's clock plays no part.  Held within [0, MAX_RETRY_AFTER_NS].
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value):
        # The length first: a number of a million digits is not worth converting.
        return min(int(value) * SECOND, MAX_RETRY_AFTER_NS) if len(value) <= 12 else MAX_RETRY_AFTER_NS
    until, at = _date(value), _date(date)
    if until is None or at is None:
        return None
    return min(max(0, int((until - at).total_seconds()) * SECOND), MAX_RETRY_AFTER_NS)


def _date(text: str | None) -> datetime | None:
    """An HTTP date; those without a zone are no HTTP dates."""
    try:
        parsed = None if text is None else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return None if parsed is None or parsed.tzinfo is None else parsed
