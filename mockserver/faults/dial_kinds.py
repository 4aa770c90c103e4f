"""Faults of a connection from its birth on: its pings, its life, whether its messages are packed.

What this module does not do: keep a timer or send a byte; the link carries these out. How bytes go is `wire_kinds`.
"""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import ge, in_, le

from mockserver.faults.kinds import MS, End, Kind

DAY: Final = 86_400 * 1_000 * MS


class Birth(Kind):
    """What a new connection is born with; of two of one kind the first prevails."""

    seam = "dial"


@attrs.frozen(kw_only=True)
class PingFlood(Birth):
    """Pings so often, with a payload of so many bytes."""

    every_ns: int = attrs.field(default=10 * MS, validator=ge(1 * MS))
    size: int = attrs.field(default=13, validator=(ge(0), le(125)))


@attrs.frozen(kw_only=True)
class NoPing(Birth):
    """The server never pings."""


@attrs.frozen(kw_only=True)
class Lifetime(Birth):
    """The connection ends so long after it was opened: with a close frame, or (`code` null) by `how`."""

    after_ns: int = attrs.field(default=DAY, validator=ge(0))
    code: int | None = attrs.field(default=1001)
    how: End = attrs.field(default="drop", validator=in_(("drop", "reset")))

    @code.validator
    def _check(self, _: object, code: int | None) -> None:
        if code is not None and not 1000 <= code <= 4999:
            raise ValueError(f"code {code} is none of a close frame (1000 to 4999)")


@attrs.frozen(kw_only=True)
class WsDeflate(Birth):
    """Messages are packed (permessage-deflate, RFC 7692), where the client offered that, or though it did not."""

    context_takeover: bool = True
    """Whether a message may refer to what earlier ones held."""
    uninvited: bool = False
    """Say so to a client that did not offer it, which must then fail the connection (RFC 6455, 4.1)."""

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return not self.uninvited
