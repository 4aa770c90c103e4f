"""UTC by the venue's clock, on a virtual clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from exchstream.core.happenings import Now
from exchstream.core.limits import HostLimits
from exchstream.core.venue import HOUR, MINUTE, SECOND
from exchstream.shell.clock import HostClock, Sample, mono_ns
from exchstream.shell.http import Unanswered

UTC = 1_700_000_000 * SECOND


class Wall:
    """This machine's wall clock, which may be stepped."""

    def __init__(self) -> None:
        self.ahead_ns = UTC - mono_ns()

    def __call__(self) -> int:
        return mono_ns() + self.ahead_ns


def venue(
    wall: Wall, ways: list[tuple[int, int]], *, ahead_ns: int = 0, asked: list[int] | None = None
) -> Callable[[], Awaitable[Sample]]:
    """A venue whose clock is so far ahead of this machine's, behind lines of these lengths there and back (seconds).

    A negative length is no answer.
    """
    asked = [] if asked is None else asked

    async def ask() -> Sample:
        there, back = ways[len(asked) % len(ways)]
        asked.append(there)
        if there < 0:
            raise Unanswered("no answer")
        sent_ns = mono_ns()
        await trio.sleep(there)
        venue_ns = wall() + ahead_ns
        await trio.sleep(back)
        return Sample(sent_ns, mono_ns(), venue_ns)

    return ask


async def test_before_it_is_measured(autojump_clock) -> None:
    """UTC is the machine's own, moves with the monotonic clock, and a step of the machine's clock moves nothing."""
    wall = Wall()
    clock = HostClock(wall=wall)
    start = mono_ns()
    wall.ahead_ns -= HOUR
    await trio.sleep(90)

    assert clock.now() == Now(start + 90 * SECOND, UTC + 90 * SECOND)
    assert (clock.offset_ns, clock.error_ns, clock.due) == (0, None, True)


@pytest.mark.parametrize(
    ("ways", "off_s", "error_s"),
    [
        ([(1, 1)], 0, 1),
        ([(0, 0)], 0, 0),
        ([(2, 0)], 1, 1),
        ([(0, 2)], -1, 1),
        ([(9, 0), (1, 1), (0, 5)], 0, 1),
        ([(4, 0), (-1, 0)], 2, 2),
    ],
)
@pytest.mark.parametrize("ahead_ns", [0, 3 * HOUR, -7 * SECOND])
async def test_measure(autojump_clock, ways: list[tuple[int, int]], off_s: int, error_s: int, ahead_ns: int) -> None:
    """The sample with the shortest way decides, and the truth is never further off than half of that way."""
    wall = Wall()
    clock = HostClock(wall=wall)
    await clock.measure(venue(wall, ways, ahead_ns=ahead_ns))

    assert clock.error_ns == error_s * SECOND
    assert clock.now().wall_ns - (wall() + ahead_ns) == off_s * SECOND
    assert clock.due is False


async def test_no_sample(autojump_clock) -> None:
    """The offset stays as it was, and the next try is not due at once."""
    wall, asked = Wall(), list[int]()
    clock = HostClock(HostLimits(clock_retry_ns=MINUTE), wall=wall)
    with pytest.raises(Unanswered, match="no answer"):
        await clock.measure(venue(wall, [(-1, 0)], asked=asked))

    assert (clock.offset_ns, clock.error_ns, len(asked), clock.due) == (0, None, 1, False)
    await trio.sleep(60)
    assert clock.due


async def test_periodically_due(autojump_clock) -> None:
    """An hour after the last measurement."""
    wall = Wall()
    clock = HostClock(HostLimits(clock_every_ns=HOUR), wall=wall)
    await clock.measure(venue(wall, [(0, 0)]))
    await trio.sleep(3599)

    assert not clock.due
    await trio.sleep(1)
    assert clock.due


@pytest.mark.parametrize(("step_ns", "due"), [(HOUR, True), (2 * SECOND, True), (SECOND // 2, False), (-HOUR, False)])
async def test_suspend(autojump_clock, step_ns: int, due: bool) -> None:
    """A wall clock that ran ahead of the monotonic one makes a measurement due; measuring settles it."""
    wall = Wall()
    clock = HostClock(wall=wall)
    await clock.measure(venue(wall, [(0, 0)]))
    wall.ahead_ns += step_ns

    assert clock.due is due
    await clock.measure(venue(wall, [(0, 0)]))
    assert not clock.due


async def test_measuring_is_shared(autojump_clock) -> None:
    """Ten callers at once make one measurement of three samples."""
    wall, asked = Wall(), list[int]()
    clock = HostClock(wall=wall)
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(clock.measure, venue(wall, [(1, 1)], asked=asked))

    assert len(asked) == 3
