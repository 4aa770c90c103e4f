"""The control API's routes for a world's clock: look at it, advance it, let it run faster, let it stand.

An advance stops at each deadline, in order, and lets the wire catch up before it goes on: what a timer sends is
written, and a client that answers its pings is given the time to. So a healthy client lives through 24 hours, and one
that is deaf is cut off as it would be.

Pure, like ``mockserver.control``, which mounts these routes: an advance is a generator that stops where the wire has to
catch up, and a server waits there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Final

from mockserver.clock import FASTEST, Clock, Fired
from mockserver.control_acts import (
    FLAG,
    MONEY,
    NS,
    TEXT,
    WHOLE,
    Act,
    Json,
    Schema,
    Steps,
    Table,
    like,
    obj,
    one_of,
    or_null,
    rows,
)
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.durations import UNITS, format_duration, parse_duration
from mockserver.world import World

LONGEST_NS: Final = 366 * 24 * UNITS["h"]
LONGEST_TRADED_NS: Final = UNITS["m"]
"""With the market trading on the way: a minute of it takes a second or two."""
MAX_FIRED: Final = 100_000
"""Timers that one advance may fire."""


_FACE: Schema = obj(
    mode=one_of(("real", "scaled", "frozen", "virtual")),
    now_ns=NS,
    timeline_ns=NS,
    ahead_ns=NS,
    rate=MONEY,
    told_rate=MONEY,
    next_ns=or_null(NS),
)
_FIRED: Schema = obj(what=TEXT, when_ns=NS, account=or_null(TEXT), connection=or_null(WHOLE))
_PENDING: Schema = obj(**_FIRED["properties"], in_ns=NS, market=FLAG)
_SHOWN: Schema = obj(clock=_FACE, pending=rows(_PENDING), pending_count=WHOLE)
_MOVED: Schema = obj(clock=_FACE, fired=rows(_FIRED))
_SPAN: Schema = like(TEXT, "1h", "A span of time: 250ms, 90s, 24h.")
_MARKET: Schema = like(FLAG, False, "Let the market trade on the way; at most a minute.", False)
_RATE: Schema = like({"type": ["string", "number"]}, "60", "1 is as usual, 0 stands.")


class ClockControl:
    """What the control API does to the clock of a world."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.table: Table = {
            ("GET", "/clock"): Act.of(self._show, "limit", gives=_SHOWN),
            ("POST", "/clock/advance"): Act.of(
                self._advance, "by! wall market", gives=_MOVED, by=_SPAN, market=_MARKET
            ),
            ("POST", "/clock/next"): Act.of(self._next, "wall", gives=_MOVED),
            ("POST", "/clock/scale"): Act.of(self._scale, "rate! wall", gives=obj(clock=_FACE), rate=_RATE),
            ("POST", "/clock/freeze"): Act.of(self._freeze, "wall", gives=obj(clock=_FACE)),
        }

    def _show(self, given: Input) -> Json:
        """The clock of the world, and the timers that are to come, the next first."""
        clock = self.find.world(given).clock
        pending, now_ns = clock.pending(), clock.timeline_ns
        first = pending[: _limit(given)]
        shown = [_row(each) | {"in_ns": each.when_ns - now_ns, "market": each.market} for each in first]
        return {"clock": _face(clock), "pending": shown, "pending_count": len(pending)}

    def _advance(self, given: Input) -> Steps:
        """Move the timers on by a span of time, and with "wall" the time that is told, too; what fired, in order."""
        world, wall, market = self.find.world(given), given.flag("wall", False), given.flag("market", False)
        if market and not wall:
            raise BadRequest("'market' goes by the time that is told: it needs 'wall'")
        left_ns = _span(given, LONGEST_TRADED_NS if market else LONGEST_NS)
        with _watched(world) as fired:
            while True:
                moved_ns, one = world.clock.step(left_ns, wall=wall, market=market)
                left_ns -= moved_ns
                yield world
                if one is None:
                    return {"clock": _face(world.clock), "fired": fired}
                if len(fired) >= MAX_FIRED:
                    raise BadRequest(f"stopped after {MAX_FIRED} timers, {left_ns} ns before the end", 409)

    def _next(self, given: Input) -> Steps:
        """Move the timers on to the next deadline; what fired: nothing when there is none."""
        world, wall = self.find.world(given), given.flag("wall", False)
        with _watched(world) as fired:
            world.clock.advance_to_next(wall=wall)
            yield world
        return {"clock": _face(world.clock), "fired": fired}

    def _scale(self, given: Input) -> Json:
        """Let the timers run at this rate, and with "wall" the time that is told, too; 1 is as usual."""
        clock, rate = self.find.world(given).clock, given.decimal("rate")
        if not 0 <= rate <= FASTEST or rate != round(rate, 6):
            raise BadRequest(f"'rate' must be between 0 and {FASTEST}, with at most 6 decimals")
        clock.run_at(Fraction(round(rate, 6)), wall=given.flag("wall", False))
        return {"clock": _face(clock)}

    def _freeze(self, given: Input) -> Json:
        """Let the timers stand, and with "wall" the time that is told, too, until they are scaled to 1 again."""
        clock = self.find.world(given).clock
        clock.run_at(0, wall=given.flag("wall", False))
        return {"clock": _face(clock)}


@contextmanager
def _watched(world: World) -> Iterator[list[Json]]:
    """The rows of every timer of the world that fires inside, whoever lets it fire."""
    rows: list[Json] = []

    def watch(fired: Fired) -> None:
        rows.append(_row(fired, world))

    world.clock.watchers.append(watch)
    try:
        yield rows
    finally:
        world.clock.watchers.remove(watch)


def _row(fired: Fired, world: World | None = None) -> Json:
    account = fired.account
    if account is None and world is not None and fired.link is not None:  # whose connection it is, while it still is
        link = world.worlds.links.get(fired.link)
        accounts = {name for *_, name in link.accounts} if link is not None else set[str]()
        account = accounts.pop() if len(accounts) == 1 else None
    return {"what": fired.name, "when_ns": fired.when_ns, "account": account, "connection": fired.link}


def _face(clock: Clock) -> Json:
    return {
        "mode": clock.mode,
        "now_ns": clock.now_ns,
        "timeline_ns": clock.timeline_ns,
        "ahead_ns": clock.ahead_ns,
        "rate": _number(clock.rate),
        "told_rate": _number(clock.told_rate),
        "next_ns": clock.next_deadline_ns(),
    }


def _number(rate: Fraction) -> str:
    return f"{rate.numerator / rate.denominator:g}"


def _limit(given: Input) -> int:
    return given.whole("limit", 100)


def _span(given: Input, longest_ns: int) -> int:
    try:
        span_ns = parse_duration(given.text("by"))
    except ValueError as error:
        raise BadRequest(f"'by': {error}") from None
    if not 0 <= span_ns <= longest_ns:
        raise BadRequest(f"'by' must be between 0s and {format_duration(longest_ns)}")
    return span_ns
