"""Faults of how bytes go: those of a WebSocket's whole connection, or of one request by REST and its answer.

A request by REST is counted for itself, however many of them a client sends by one connection, so that what happens
does not depend on which connections it keeps. ``flow_of`` says what faults come to for one way of the bytes.
What this module does not do: move a byte, or wait; the tap does (`mockserver.wire`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, get_args

import attrs
from attrs.validators import ge, in_

from mockserver.faults.kinds import MS, Kind, Side

SECOND: Final = 1_000 * MS
PIECES_PER_S: Final = 100
"""In how many pieces a second the bytes of a slow line come."""


class Wire(Kind):
    """How the bytes of a connection go."""

    seam = "wire"


@attrs.frozen(kw_only=True)
class OneWay(Wire):
    """How the bytes go that the server sends, or (`of: client`) those that the client sends."""

    of: Side = attrs.field(default="server", validator=in_(get_args(Side)))


@attrs.frozen(kw_only=True)
class Bandwidth(OneWay):
    """What the server sends, or the client (`of: client`), takes its time."""

    bytes_per_s: int = attrs.field(default=10_000, validator=ge(1))


@attrs.frozen(kw_only=True)
class Slicer(OneWay):
    """What the server sends, or the client (`of: client`), comes in small pieces, so long apart."""

    size: int = attrs.field(default=16, validator=ge(1))
    delay_ns: int = attrs.field(default=1 * MS, validator=ge(0))


@attrs.frozen(kw_only=True)
class LimitData(OneWay):
    """The connection ends once the server, or the client (`of: client`), has sent so many bytes, be it inside a frame.

    What the client sent before them whole has reached the venue, and what it sent beyond them has not.
    """

    bytes: int = attrs.field(default=4_096, validator=ge(1))


@attrs.frozen(kw_only=True)
class SlowClose(Wire):
    """After its end by the server the TCP connection stays for so long."""

    delay_ns: int = attrs.field(default=1_000 * MS, validator=ge(0))


@attrs.frozen(kw_only=True)
class Flow:
    """How the bytes of one way go: in pieces, each of which takes its time, and no more than so many."""

    piece: int | None = None
    """None: all at once."""
    gap_ns: int = 0
    bytes_per_s: int | None = None
    most: int | None = None

    def takes_ns(self, count: int) -> int:
        """How long so many bytes are on their way."""
        pieces = 0 if self.piece is None else -(-count // self.piece)
        return pieces * self.gap_ns + (0 if self.bytes_per_s is None else count * SECOND // self.bytes_per_s)


FREE: Final = Flow()


def flow_of(kinds: Iterable[Wire], way: Side) -> Flow:
    """What these come to for the bytes that one side sends; of two of one kind the first prevails."""
    found: dict[type[Wire], Wire] = {}
    for kind in kinds:
        if isinstance(kind, OneWay) and kind.of == way:
            found.setdefault(type(kind), kind)
    slow, sliced, limit = found.get(Bandwidth), found.get(Slicer), found.get(LimitData)
    flow = FREE
    if isinstance(slow, Bandwidth):
        flow = Flow(piece=max(1, slow.bytes_per_s // PIECES_PER_S), bytes_per_s=slow.bytes_per_s)
    if isinstance(sliced, Slicer):
        flow = attrs.evolve(flow, piece=sliced.size, gap_ns=sliced.delay_ns)
    return attrs.evolve(flow, most=limit.bytes) if isinstance(limit, LimitData) else flow


def linger_ns_of(kinds: Iterable[Wire]) -> int:
    """For how long TCP stays after the end of the connection; of two the first prevails."""
    return next((kind.delay_ns for kind in kinds if isinstance(kind, SlowClose)), 0)
