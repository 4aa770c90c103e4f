"""What a session says of itself: the checkpoint that goes with the journal, and the status that a user sees."""

from __future__ import annotations

import attrs

from exchstream.model import OrderState


@attrs.frozen
class Checkpoint:
    """What a restart needs besides the journal's records; times are the venue's UTC."""

    good_ns: int
    floor_ns: int
    symbols: tuple[str, ...]
    open_orders: tuple[OrderState, ...]


@attrs.frozen
class Status:
    """How one account stands.

    `phase` is "connecting", "looking back", "live" or "down"; `gap_since_ns` is from when on facts may be missing
    (None: nothing is); up to `good_ns` everything has been proven told.  The rest counts since the start.
    """

    phase: str
    gap_since_ns: int | None
    good_ns: int
    reconnects: int
    duplicates: int
    fills_recovered: int
    credential_renew_ns: int | None
