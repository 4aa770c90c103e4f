"""What the shell says to a Session (happenings) and what a Session answers (commands).

Each happening carries the instant at which the shell saw it.  Chance enters as a delay *range* on a command, from
which the shell draws; so a session is a function of its happenings, and a recorded list of them replays it.

What is made for every read is a struct of msgspec, a tenth of the time of an attrs class.
"""

from __future__ import annotations

import attrs
import msgspec

from exchstream.core.venue import Question, Reply, Throttle
from exchstream.events import Event


class Now(msgspec.Struct, frozen=True, gc=False):
    """One instant: monotonic (for deadlines) and UTC corrected to the venue's clock (for stamps), both in ns."""

    mono_ns: int
    wall_ns: int


# ---------------------------------------------------------------------------------------------------- happenings


@attrs.frozen
class Started:
    """The account begins."""


@attrs.frozen
class Connected:
    """This link is open; nothing has been said on it yet."""

    link: int


class Received(msgspec.Struct, frozen=True):
    """Everything that arrived in one read; empty when only control frames were heard at `heard_ns` (monotonic).

    `answered_ns` is when the newest of our pings that has been answered was sent: what the peer said before is here.
    """

    link: int
    frames: tuple[bytes, ...]
    heard_ns: int
    answered_ns: int = 0


@attrs.frozen
class Lost:
    """This link, or the attempt to dial it, has ended; `retry_after_ns` where the venue said how long to stay away."""

    link: int
    why: str
    retry_after_ns: int | None = None


@attrs.frozen
class Answered:
    """The venue answered this ask."""

    ask: int
    reply: Reply


@attrs.frozen
class Unanswered:
    """This ask got no answer at all: a time-out, a broken connection."""

    ask: int
    why: str


@attrs.frozen
class Overflowed:
    """There was no room for what this link brought: it was not taken, so it is owed."""

    link: int


@attrs.frozen
class Woken:
    """The time that the session asked to be woken at has come."""


@attrs.frozen
class Clocked:
    """The host's clock has been measured: from now on `Now.wall_ns` is the venue's UTC, give or take `error_ns`."""

    error_ns: int = 0


@attrs.frozen
class Unclocked:
    """The host's clock could not be measured; `fatal` where the venue refused to tell the time, for good."""

    why: str
    fatal: bool = False


Happening = Started | Connected | Received | Lost | Answered | Unanswered | Overflowed | Woken | Clocked | Unclocked


# ---------------------------------------------------------------------------------------------------- commands


@attrs.frozen
class Range:
    """A delay to be drawn by the shell, evenly, in nanoseconds."""

    low_ns: int = 0
    high_ns: int = 0


NO_DELAY = Range()


@attrs.frozen
class Dial:
    """Open a connection for this lane after the delay, and call it by this number."""

    link: int
    lane: str
    delay: Range = NO_DELAY


@attrs.frozen
class Send:
    """Send these text frames, in order."""

    link: int
    frames: tuple[str, ...] = attrs.field(repr=False)


@attrs.frozen
class Ping:
    """Send a WebSocket ping."""

    link: int


@attrs.frozen
class Close:
    """End this link; nothing that it brings later will be heard."""

    link: int
    why: str


@attrs.frozen
class Ask:
    """Put this question to the venue's REST interface after the delay."""

    ask: int
    question: Question
    delay: Range = NO_DELAY


class Emit(msgspec.Struct, frozen=True):
    """Append these events (perhaps none) to the journal, together with the checkpoint."""

    events: tuple[Event, ...]


@attrs.frozen
class Obey:
    """Tell the host's shared budget what the venue said of its limits."""

    throttle: Throttle


@attrs.frozen
class MeasureClock:
    """Measure the host's clock after the delay; `anew` even if it has been measured of late (the venue complains)."""

    delay: Range = NO_DELAY
    anew: bool = False


@attrs.frozen
class Stop:
    """The account is down: end all of its links and asks."""


Command = Dial | Send | Ping | Close | Ask | Emit | Obey | MeasureClock | Stop
