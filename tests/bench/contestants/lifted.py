"""Limits of an account at the neutral server, which has none; a real one spreads a thousand starts over minutes.

And how many events are kept where the default does not hold a blast, which no venue sends: 10,000.
"""

from __future__ import annotations

from typing import Any, Final

ROOM: Final = 200_000
LIFTED: Final[dict[str, Any]] = {
    "lag_ns": 100_000_000,  # the start takes two looks, this far apart; nothing else depends on it here
    "weight_per_minute": 10_000_000,
    "connections_per_5_minutes": 10_000,
}
