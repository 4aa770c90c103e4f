"""One run, many askers."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from exchstream.shell.flight import Flight
from exchstream.shell.http import Unanswered


async def asked(flight: Flight[int], work, outcomes: list[object]) -> None:
    try:
        outcomes.append(await flight.run(work))
    except Unanswered as exc:
        outcomes.append(exc.why)


@pytest.mark.parametrize("fails", [False, True])
async def test_shared(autojump_clock, fails: bool) -> None:
    """All who ask during a run get its outcome, value or failure; who asks later starts a new one."""
    flight: Flight[int] = Flight()
    runs: list[int] = []
    outcomes: list[object] = []

    async def work() -> int:
        runs.append(1)
        await trio.sleep(1)
        if fails:
            raise Unanswered(f"no {len(runs)}")
        return len(runs)

    for _ in range(2):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(asked, flight, work, outcomes)

    assert len(runs) == 2
    assert outcomes == (["no 1"] * 3 + ["no 2"] * 3 if fails else [1] * 3 + [2] * 3)


async def test_cancelled_leader(autojump_clock) -> None:
    """The next in the queue runs it anew."""
    flight: Flight[int] = Flight()
    runs: list[int] = []
    outcomes: list[object] = []

    async def work() -> int:
        runs.append(1)
        await trio.sleep(10)
        return len(runs)

    async with trio.open_nursery() as nursery:

        async def leader() -> None:
            with trio.move_on_after(5):
                await flight.run(work)

        nursery.start_soon(leader)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(3):
            nursery.start_soon(asked, flight, work, outcomes)

    assert outcomes == [2, 2, 2]


async def test_other_errors_are_the_leaders(autojump_clock) -> None:
    """A mistake in the work comes out of the one who ran it, and does not stop the others from trying."""
    flight: Flight[int] = Flight()

    async def broken() -> int:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    async def work() -> int:
        await trio.lowlevel.checkpoint()
        return 7

    with pytest.raises(ZeroDivisionError):
        await flight.run(broken)
    assert await flight.run(work) == 7
