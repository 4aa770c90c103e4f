"""What waits for the client: time that passes while it answers, what must be heard, a scenario that is played.

The same things for three kinds of tests: ``SyncExchange`` waits in the test's thread, ``AsyncioExchange`` and
``TrioExchange`` are awaited. All else is ``MockExchange``'s, and is done at once in each of them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import trio
from trio.testing import MockClock

from mockserver.durations import UNITS, format_duration
from mockserver.heard import read_entry
from mockserver.player.play import play
from mockserver.player.playing import Playing, Verdict
from mockserver.player.words import lines
from mockserver.testing.exchange import Desk, Json, MockExchange, read_answer
from mockserver.testing.plan import Plan
from mockserver.testing.seats import MockError, hidden
from mockserver.testing.stage import Stage
from mockserver.testing.thread import Job, StageThread
from mockserver.verify import Journal, read_expectation

Got = TypeVar("Got")
__tracebackhide__ = hidden
SPANS: Final = {"days": 24 * UNITS["h"], "hours": UNITS["h"], "minutes": UNITS["m"], "seconds": UNITS["s"]}

VIRTUAL_START_NS: Final = 1_795_000_000 * UNITS["s"]
"""What time it is where a test's clock is virtual and begins at nothing."""


class Scenario:
    """A scenario while it is played."""

    def __init__(self, playing: Playing) -> None:
        self._playing = playing
        self.verdict: Verdict | None = None
        """How it went, when it is over."""

    @property
    def waiting(self) -> str:
        """What it waits for, in words."""
        return self._playing.machine.waiting

    def judge(self, verdict: Verdict) -> None:
        """AssertionError: the client did not do what it must."""
        self.verdict = verdict
        if not verdict.ok:
            raise AssertionError("\n".join(lines(verdict, self._playing.story)))


def _span_ns(spans: Mapping[str, Any]) -> int:
    for name, value in spans.items():
        if name not in SPANS:
            raise MockError(f"time is advanced by {', '.join(SPANS)}, not by {name!r}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MockError(f"{name} is a number, not {value!r}")
    if not spans:
        raise MockError(f"by how much is time advanced? By {', '.join(SPANS)}")
    return sum(round(value * SPANS[name]) for name, value in spans.items())


async def _advance(desk: Desk, by_ns: int, wall: bool) -> list[Json]:
    request = desk.request("POST", "/clock/advance", {"by": format_duration(by_ns), "wall": wall})
    fired: list[Json] = read_answer(await desk.stage.server.control_answer(request))["fired"]
    return fired


async def _until_heard(desk: Desk, what: object, within: float, since: int) -> None:
    expectation = read_expectation(what)
    deadline = trio.current_time() + within
    while True:
        news = trio.Event()
        recorder = desk.world.recorder
        heard = [read_entry(entry) for entry in recorder.entries(since=since)]
        now_ns = desk.world.clock.now_ns
        failure = expectation.failure(Journal(heard, heard[0].time_ns if heard else now_ns, now_ns))
        if failure is None:
            return
        if trio.current_time() >= deadline:
            raise AssertionError("\n".join([f"within {within:g} s:", *failure.lines(), "round it:", *failure.window]))
        recorder.followers.append(news.set)
        try:
            with trio.move_on_at(deadline):
                await news.wait()
        finally:
            recorder.followers.remove(news.set)


class SyncExchange(MockExchange):
    """For tests that block: the server has a thread of its own."""

    def __init__(self, desk: Desk, thread: StageThread) -> None:
        super().__init__(desk)
        self._thread = thread

    def advance(self, *, wall: bool = False, **spans: float) -> list[Json]:
        """Move the timers on, such as ``hours=24``, letting the client answer on the way; what fired."""
        by_ns = _span_ns(spans)
        return self._thread.submit(lambda: _advance(self.desk, by_ns, wall)).result()

    def wait_until_heard(self, what: object, *, within: float = 5.0, since: int = 0) -> None:
        """Wait for an expectation, such as ``"rest:POST /api/v3/order"``; AssertionError: it did not come."""
        self._thread.submit(lambda: _until_heard(self.desk, what, within, since)).result()

    @contextmanager
    def scenario(self, name: str | None = None) -> Iterator[Scenario]:
        """Play a scenario against what the block does; at its end wait for the verdict."""
        playing = self._playing(name)
        job = self._thread.submit(lambda: play(playing, self.desk.stage.server))
        played = Scenario(playing)
        try:
            yield played
            played.judge(job.result())
        finally:
            job.stop()


class AsyncioExchange(MockExchange):
    """For asyncio tests, with any plugin or none: the server has a thread of its own, and what waits is awaited."""

    def __init__(self, desk: Desk, thread: StageThread) -> None:
        super().__init__(desk)
        self._thread = thread

    async def advance(self, *, wall: bool = False, **spans: float) -> list[Json]:
        """Move the timers on, such as ``hours=24``, letting the client answer on the way; what fired."""
        by_ns = _span_ns(spans)
        return await self._await(lambda: _advance(self.desk, by_ns, wall))

    async def wait_until_heard(self, what: object, *, within: float = 5.0, since: int = 0) -> None:
        """Wait for an expectation, such as ``"rest:POST /api/v3/order"``; AssertionError: it did not come."""
        await self._await(lambda: _until_heard(self.desk, what, within, since))

    @asynccontextmanager
    async def scenario(self, name: str | None = None) -> AsyncIterator[Scenario]:
        """Play a scenario against what the block does; at its end wait for the verdict."""
        playing = self._playing(name)
        job = self._thread.submit(lambda: play(playing, self.desk.stage.server))
        played = Scenario(playing)
        try:
            yield played
            played.judge(await asyncio.wrap_future(job))
        finally:
            job.stop()

    async def _await(self, act: Callable[[], Awaitable[Got]]) -> Got:
        job: Job[Any] = self._thread.submit(act)
        try:
            found: Got = await asyncio.wrap_future(job)
        finally:
            job.stop()
        return found


class TrioExchange(MockExchange):
    """For trio tests: the server lives in the test's own loop, by its clock."""

    def __init__(self, desk: Desk, nursery: trio.Nursery) -> None:
        super().__init__(desk)
        self._nursery = nursery

    async def advance(self, *, wall: bool = False, **spans: float) -> list[Json]:
        """Move the timers on, such as ``hours=24``, letting the client answer on the way; what fired."""
        return await _advance(self.desk, _span_ns(spans), wall)

    async def wait_until_heard(self, what: object, *, within: float = 5.0, since: int = 0) -> None:
        """Wait for an expectation, such as ``"rest:POST /api/v3/order"``; AssertionError: it did not come."""
        await _until_heard(self.desk, what, within, since)

    @asynccontextmanager
    async def scenario(self, name: str | None = None) -> AsyncIterator[Scenario]:
        """Play a scenario against what the block does; at its end wait for the verdict."""
        playing = self._playing(name)
        played, scope, over = Scenario(playing), trio.CancelScope(), trio.Event()
        verdicts: list[Verdict] = []

        async def go() -> None:
            with scope:
                verdicts.append(await play(playing, self.desk.stage.server))
            over.set()

        self._nursery.start_soon(go)  # and not in one of its own, which would put what the block raises into a group
        try:
            yield played
            await over.wait()
            played.judge(verdicts[0])
        finally:
            scope.cancel()


@asynccontextmanager
async def trio_exchange(name: str, plan: Plan) -> AsyncIterator[TrioExchange]:
    """A server and one world in this loop, by its clock, until the block is left."""
    stage = Stage(_loop_ns())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.server.run_timers)
        served = await nursery.start(stage.serve, name, plan)
        yield TrioExchange(Desk(stage, served, plan, lambda act: act()), nursery)
        nursery.cancel_scope.cancel()


def _loop_ns() -> Callable[[], int]:
    virtual = isinstance(trio.lowlevel.current_clock(), MockClock)
    base_ns = VIRTUAL_START_NS if virtual else time.time_ns() - round(trio.current_time() * 1e9)
    return lambda: base_ns + round(trio.current_time() * 1e9)
