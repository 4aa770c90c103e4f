"""`open_stream`'s arguments, and readers of a stream whose accounts are played by hand."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from exchstream.core.venue import SECOND
from exchstream.errors import AccountFailed, ConfigError
from exchstream.events import Event, Unrecognized
from exchstream.journal.memory import InMemory
from exchstream.shell.stream import BATCH, STALLED_SECONDS, OrderStream, open_stream
from exchstream.venues.ftx import Ftx

NOBODY = "127.0.0.1:1"  # refuses, should anybody dial it
ACCOUNT = Ftx(api_key="k" * 40, api_secret="s" * 40, rest_url=f"http://{NOBODY}", ws_url=f"ws://{NOBODY}/ws/")
FAILURE = AccountFailed("ftx", "main", "gone")


class Played:
    """A stream of one account; `tell` brings events, `fail` takes the account down."""

    def __init__(self) -> None:
        self.journal = InMemory(1_000)
        self.runner = SimpleNamespace(failure=None, down=trio.Event())
        runners: Sequence[Any] = [self.runner]
        self.stream = OrderStream(self.journal, runners)

    def tell(self, count: int = 1) -> None:
        """So many events are told."""
        events = [Unrecognized(venue="ftx", account="main", what="x", raw=b"", received_ns=0) for _ in range(count)]
        self.journal.append("main", events, lambda: pytest.fail("memory keeps no checkpoint"))

    def fail(self) -> None:
        """The account goes down, and is told to."""
        self.runner.failure = FAILURE
        self.runner.down.set()
        self.tell()


# ------------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("venues", "options", "expected"),
    [
        ([], {}, "at least one account"),
        ([ACCOUNT], {"on_fatal": "ignore"}, "on_fatal must be 'continue' or 'raise', not 'ignore'"),
        ([ACCOUNT], {"memory_events": 0}, "memory_events must be at least 1"),
        ([ACCOUNT], {"memory_events": "100"}, "memory_events must be a whole number of events, not a value of the"),
        ([ACCOUNT], {"memory_events": 1e4}, "not a value of the type float"),
        ([ACCOUNT], {"memory_events": True}, "not a value of the type bool"),
        ([ACCOUNT], {"since_ns": True}, "not a value of the type bool"),
        ([ACCOUNT], {"since_ns": time.time()}, "since_ns must be a whole number, such as time.time_ns"),
        ([ACCOUNT], {"since_ns": "2026-01-01"}, "not a value of the type str"),
        ([ACCOUNT], {"since_ns": 0}, "since_ns=0 lies before 2010"),
        ([ACCOUNT], {"since_ns": 1_790_000_000}, "did you pass seconds or milliseconds?"),
        ([ACCOUNT], {"since_ns": 1_790_000_000_000}, "did you pass seconds or milliseconds?"),
        ([ACCOUNT], {"since_ns": time.time_ns() + 3_600 * SECOND}, "lies in the future"),
        ([[ACCOUNT]], {}, "write open_stream\\(\\*accounts\\)"),
        ([(ACCOUNT, ACCOUNT)], {}, "write open_stream\\(\\*accounts\\)"),
        (["binance-spot"], {}, "write BinanceSpot.from_env"),
        ([Ftx], {}, "not a class: write Ftx\\(...\\) or Ftx.from_env\\('main'\\)"),
        ([object()], {}, "type object is no account, it has no .*plan"),
        ([None], {}, "type NoneType is no account"),
    ],
)
async def test_arguments_that_cannot_work_are_refused(venues: Any, options: Any, expected: str) -> None:
    """What is wrong and what to write instead is said; a text, which may be a key, is not."""
    with pytest.raises(ConfigError, match=expected) as caught:
        async with open_stream(*venues, **options):
            pytest.fail("it was opened")
    assert "binance-spot" not in str(caught.value)


async def test_the_bounds_of_since_are_within() -> None:
    """Now is no future, also for a clock that is a little ahead."""
    for since_ns in (1_262_304_000 * SECOND, time.time_ns() + 30 * SECOND):
        async with open_stream(ACCOUNT, since_ns=since_ns) as stream:
            assert stream.status()["ftx", "main"].phase == "connecting"


def test_nothing_is_logged_unasked() -> None:
    """Our logger has a handler that is silent, so that Python does not print an error beside its exception."""
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("exchstream").handlers)


def test_asyncio_is_pointed_to_its_page() -> None:
    """Within asyncio.run the error says what to do."""

    async def main() -> None:
        async with open_stream(ACCOUNT):
            pytest.fail("it was opened")

    with pytest.raises(ConfigError, match=r"runs on trio: .* docs/asyncio\.md"):
        asyncio.run(main())


# ------------------------------------------------------------------------------------------------ the block is left


async def test_a_reader_of_a_block_that_was_left_ends() -> None:
    """Neither the stream nor a reader waits for ever; a waiter in an outer nursery is woken too."""
    woken: list[str] = []

    async def wait(stream: OrderStream) -> None:
        reader = stream.follow()
        with pytest.raises(trio.ClosedResourceError, match="block has been left"):
            async for event in reader:
                woken.append(type(event).__name__)
        woken.append("ended")

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery, open_stream(ACCOUNT) as stream:
            await stream.__anext__()
            nursery.start_soon(wait, stream)  # noqa: ASYNC111 (that it outlives the block is what is tested)
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.ClosedResourceError, match="block has been left"):
            async for _ in stream:
                pass
    assert woken[-1] == "ended"


async def test_what_memory_holds_can_still_be_read() -> None:
    """A reader that is behind when the block is left gets all that was told."""
    played = Played()
    played.tell(5)
    played.stream.leave()
    events: list[Event] = []
    with pytest.raises(trio.ClosedResourceError):
        async for event in played.stream:
            events.append(event)
    assert [event.position for event in events] == [1, 2, 3, 4, 5]


async def test_what_memory_holds_no_more_is_closed(tmp_path: Path) -> None:
    """Nobody reads the journal's file after the block: it is closed."""
    async with open_stream(ACCOUNT, journal=tmp_path / "orders.db", memory_events=1) as stream:
        reader = stream.follow(after=0, name="late")
        events = [Unrecognized(venue="ftx", account="main", what="x", raw=b"", received_ns=0) for _ in range(3)]
        (runner,) = stream._runners
        for event in events:
            stream.journal.append(runner.name, [event], runner.session.checkpoint)
        with trio.fail_after(5):
            while stream.journal.visible < len(events):  # noqa: ASYNC110
                await trio.sleep(0.01)
    with pytest.raises(trio.ClosedResourceError, match="block has been left"):
        await reader.__anext__()


async def test_the_stream_says_how_far_each_named_reader_is_behind() -> None:
    """In positions, up to what was acknowledged: what a reader holds in its hand is still to do."""
    played = Played()
    played.tell(5)
    bot, late = (played.stream.follow(after=0, name=name) for name in ("bot", "late"))
    played.stream.follow(after=2)  # without a name nobody keeps its position
    for _ in range(3):
        await bot.__anext__()
    assert played.stream.behind() == {"bot": 3, "late": 5}  # nobody has asked the stream itself for anything
    await bot.ack(3)
    await late.ack(5)
    played.tell(1)
    await played.stream.__anext__()
    assert played.stream.behind() == {"stream": 6, "bot": 3, "late": 1}


async def test_very_many_unused_positions_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole batches of repeats in a row: the next event is found, however far away it is."""
    played = Played()
    played.tell(1)
    (event,) = played.journal.held(0, 1) or ()
    far = 5_000 * BATCH
    monkeypatch.setattr(InMemory, "visible", far)
    monkeypatch.setattr(played.journal, "held", lambda after, limit: [event] if after + limit >= far else [])
    assert await played.stream.after(0) == [event]


# ------------------------------------------------------------------------------------------------ two tasks


async def test_two_tasks_on_one_reader_are_refused() -> None:
    """The second task is told to take a reader of its own; the first one reads on and gets each event once."""
    played = Played()
    events: list[Event] = []

    async def read() -> None:
        async for event in played.stream:
            events.append(event)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError, match=r"stream\.follow\(\)"):
            await played.stream.__anext__()
        played.tell(3)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [event.position for event in events] == [1, 2, 3]


async def test_whoever_waited_has_an_event_in_the_next_step_of_the_loop() -> None:
    """To step aside once more would let every other account's work go first."""
    played, heard = Played(), 0

    async def read() -> None:
        nonlocal heard
        async for _ in played.stream:
            heard += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        for number in range(1, 31):  # two tasks of one step run in either order, by chance
            await trio.testing.wait_all_tasks_blocked()
            played.tell()
            await trio.lowlevel.checkpoint()  # the step after it was told ...
            await trio.lowlevel.checkpoint()  # ... is over now
            assert heard == number
        nursery.cancel_scope.cancel()


async def test_others_run_between_two_batches_of_a_reader_that_is_behind() -> None:
    """However much there is to read, without a word of `await` in the loop's body."""
    played, steps = Played(), 0
    played.tell(3 * BATCH)

    async def others() -> None:
        nonlocal steps
        while True:
            await trio.lowlevel.checkpoint()
            steps += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        async for event in played.stream:
            if event.position == 3 * BATCH:
                break
        assert steps >= 1
        nursery.cancel_scope.cancel()


async def test_a_cancelled_wait_leaves_the_reader_free() -> None:
    """After a wait that was given up the next one is nobody's rival."""
    played = Played()
    with trio.move_on_after(0):
        await played.stream.__anext__()
    played.tell()
    assert (await played.stream.__anext__()).position == 1


# ------------------------------------------------------------------------------------------------ no account is left


@pytest.mark.parametrize("asked", [False, True])
async def test_a_block_that_does_not_read_ends(asked: bool, autojump_clock: trio.testing.MockClock) -> None:
    """With no account left, a reader that nobody asks, or not any more, keeps the block no longer than stated."""
    played = Played()
    played.tell(3)
    if asked:
        await played.stream.__anext__()
    played.fail()
    with pytest.raises(AccountFailed), trio.fail_after(STALLED_SECONDS + 5 if asked else 2.5):
        await played.stream.end()


async def test_a_reader_that_goes_on_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """As long as a reader takes something now and then, the block lives, and the reader gets all."""
    played = Played()
    played.tell(20)
    read = 0

    async def slowly() -> None:
        nonlocal read
        async for _ in played.stream:
            read += 1
            await trio.sleep(STALLED_SECONDS - 3)

    played.fail()
    with pytest.RaisesGroup(AccountFailed):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slowly)
            nursery.start_soon(played.stream.end)
    assert read == 21
