"""The journal with a file: when events are shown and durable, how readers follow, what an end of any kind leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import attrs
import pytest
import trio
import trio.testing

from exchstream.core.state import Checkpoint
from exchstream.core.venue import MINUTE
from exchstream.errors import ConfigError, JournalError, SlowConsumer
from exchstream.events import Event
from exchstream.journal import disk as module
from exchstream.journal import store as store_module
from exchstream.journal.disk import Disk, JournalFile
from exchstream.journal.file import reading
from exchstream.journal.store import Durability, Store
from exchstream.model import OrderKey
from exchstream.shell.nursery import open_bare_nursery
from exchstream.shell.stream import STREAM, OrderStream, open_stream
from exchstream.venues.ftx import Ftx

from .told import SYMBOL, T0, checkpoint, everything, fill, gap, left_by_a_kill, update

pytestmark = pytest.mark.timeout(60)  # whoever waits for ever is told so
DURABILITIES: Final[tuple[Durability, ...]] = ("normal", "full", "relaxed")
NOBODY: Final = "127.0.0.1:1"  # refuses, should anybody dial it
ACCOUNT: Final = Ftx(api_key="k" * 40, api_secret="s" * 40, rest_url=f"http://{NOBODY}", ws_url=f"ws://{NOBODY}/ws/")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no journal is yet."""
    return tmp_path / "orders.db"


@asynccontextmanager
async def written(
    path: Path, durability: Durability = "normal", memory_events: int = 100, **options: Any
) -> AsyncIterator[Disk]:
    """A journal whose writer runs."""
    async with (
        Disk.open(JournalFile(path, durability, **options), memory_events) as journal,
        open_bare_nursery() as nursery,
    ):
        nursery.start_soon(journal.write)
        yield journal
        nursery.cancel_scope.cancel()


def append(journal: Disk, *events: Event, good_ns: int = T0) -> None:
    """An account tells something."""
    journal.append("a", events, lambda: checkpoint(good_ns))


def gaps(count: int) -> list[Event]:
    """So many events, a minute apart."""
    return [gap(T0 + number * MINUTE) for number in range(count)]


async def shown(journal: Disk, position: int) -> None:
    """Wait until readers may see this position."""
    moved = trio.Event()

    def look() -> None:
        if journal.visible >= position:
            moved.set()

    journal.on_visible = look
    look()
    await moved.wait()


def left(path: Path, durability: Durability = "normal") -> Store:
    """The journal as it was left, opened anew."""
    return Store(path, durability)


def positions_left(path: Path) -> list[int]:
    """Where there are records in it."""
    store = left(path)
    found = [event.position for event in everything(store)]
    store.close()
    return found


class Gate:
    """Holds each commit until it is opened; `entered` says that one waits at it."""

    def __init__(self, journal: Disk) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self._commit = journal._store.commit
        journal._store.commit = self  # type: ignore[method-assign]

    def __call__(self, batch: Any) -> Any:
        self.entered.set()
        assert self.open.wait(20)
        return self._commit(batch)


# ------------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"durability": "paranoid"}, "durability must be 'normal', 'full' or 'relaxed', not 'paranoid'"),
        ({"keep_ns": 0}, "JournalFile: keep_ns must be a whole number of nanoseconds"),
        ({"keep_ns": 30}, "a second is"),
        ({"keep_ns": True}, "keep_ns"),
        ({"max_bytes": 1e9}, "JournalFile: max_bytes must be a positive whole number"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], expected: str) -> None:
    """At once, with the name of the option."""
    with pytest.raises(ConfigError, match=expected):
        JournalFile("orders.db", **options)


async def test_a_refused_memory_leaves_the_file_free(path: Path) -> None:
    """The next one who opens it may."""
    with pytest.raises(ConfigError, match="memory_events"):
        async with Disk.open(JournalFile(path), 0):
            pytest.fail("it was opened")
    assert positions_left(path) == []


# ------------------------------------------------------------------------------------------------ showing


@pytest.mark.parametrize("durability", DURABILITIES)
async def test_events_are_shown_when_they_may_be(path: Path, durability: Durability) -> None:
    """Relaxed: at once, durable a moment later.  Else: once they are committed, and not before."""
    async with written(path, durability) as journal:
        append(journal, gap())
        await shown(journal, 1)
        gate = Gate(journal)
        append(journal, gap(), gap())
        assert (3 if durability == "relaxed" else 1) == journal.visible
        await trio.to_thread.run_sync(gate.entered.wait)
        assert (3 if durability == "relaxed" else 1) == journal.visible
        gate.open.set()
        await shown(journal, 3)
        await journal.ack("bot", 3)
        store = left(left_by_a_kill(path, path.parent / "left"), durability)
        assert (len(everything(store)), store.readers) == (3, {"bot": 3})
        store.close()


async def test_relaxed_is_durable_within_50_ms(path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """However quiet it is behind the event; and so is how far a reader is, whatever the durability."""
    async with written(path, "relaxed") as journal:
        append(journal, gap())
        await shown(journal, 1)
        append(journal, gap())
        journal.passed("bot", 1)
        await trio.sleep(0.051)
        store = left(left_by_a_kill(path, path.parent / "left"), "relaxed")
        assert (len(everything(store)), store.readers) == (2, {"bot": 1})
        store.close()


async def test_of_a_new_account_nothing_is_told_that_could_be_lost(path: Path) -> None:
    """Relaxed too: a process that dies leaves from when on it was to be told, or nobody has heard of it."""
    async with written(path, "relaxed") as journal:
        append(journal, gap())
        await shown(journal, 1)
        gate = Gate(journal)
        journal.append("new", [gap()], lambda: checkpoint(T0))
        append(journal, gap())
        assert journal.visible == 1
        gate.open.set()
        await shown(journal, 3)
        append(journal, gap())
        assert journal.visible == 4


async def test_relaxed_shows_no_more_than_is_reserved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position that could be given again after a crash waits for the next commit."""
    monkeypatch.setattr(store_module, "AHEAD", 10)
    async with written(path, "relaxed") as journal:
        append(journal, gap())
        await shown(journal, 1)
        gate = Gate(journal)
        append(journal, *gaps(25))
        assert journal.visible == journal._store.reserved == 10
        gate.open.set()
        await shown(journal, 26)


@pytest.mark.parametrize(("durability", "expected"), [("normal", [1, 3]), ("relaxed", [1, 2, 3])])
async def test_a_repeat_that_only_the_file_knows(path: Path, durability: Durability, expected: list[int]) -> None:
    """It is not shown; relaxed durability has shown it already, and does not keep it."""
    async with written(path) as journal:
        append(journal, fill("1"))
    async with written(path, durability) as journal:
        base = journal.visible
        append(journal, gap(), fill("1"), gap())
        held = journal.held(base, 10) if durability == "relaxed" else None
        await shown(journal, base + 3)
        await journal.ack("bot", base)
        held = held or journal.held(base, 10)
        assert held is not None
        assert expected == [event.position - base for event in held]
    assert positions_left(path) == [1, 2, 4]


async def test_many_appends_are_one_commit(path: Path) -> None:
    """While one is under way, more gathers for the next."""
    async with written(path) as journal:
        gate = Gate(journal)
        append(journal, gap())
        await trio.to_thread.run_sync(gate.entered.wait)
        for _ in range(50):
            append(journal, gap())
        gate.open.set()
        await shown(journal, 51)
        assert journal._pending.picked == 2


# ------------------------------------------------------------------------------------------------ the end


async def test_what_is_pending_at_the_end_is_committed(path: Path) -> None:
    """Also what nobody had time to look at."""
    async with written(path) as journal:
        append(journal, gap())
        journal.passed("bot", 1)
    store = left(path)
    assert ([event.position for event in everything(store)], store.readers) == ([1], {"bot": 1})
    store.close()


@pytest.mark.parametrize("durability", DURABILITIES)
async def test_a_cancelled_block_commits_what_is_pending(path: Path, durability: Durability) -> None:
    """The writer is cancelled in the moment in which it would begin."""
    with trio.CancelScope() as scope:
        async with written(path, durability) as journal:
            await trio.testing.wait_all_tasks_blocked()
            append(journal, gap(), gap())
            scope.cancel()
            await trio.sleep_forever()
    assert positions_left(path) == [1, 2]


async def test_a_writer_that_is_cancelled_between_two_steps_keeps_all(path: Path) -> None:
    """It is awake and has taken nothing yet; or it has taken all, and the thread has not begun."""
    async with Disk.open(JournalFile(path), 10) as journal:
        for _ in range(2):
            append(journal, gap())
            with trio.CancelScope() as scope:
                scope.cancel()
                await journal._commit()
            assert scope.cancelled_caught
        assert journal.visible == 0
    assert positions_left(path) == [1, 2]


async def test_an_exception_in_the_block_comes_out_as_itself(path: Path) -> None:
    """And what is pending is committed."""
    with pytest.raises(ZeroDivisionError):
        async with written(path) as journal:
            append(journal, gap())
            raise ZeroDivisionError
    assert positions_left(path) == [1]


async def test_a_cancelled_commit_is_finished(path: Path) -> None:
    """What is on its way to the file gets there, once."""
    async with written(path) as journal:
        gate = Gate(journal)
        append(journal, fill("1"), fill("2"))
        await trio.to_thread.run_sync(gate.entered.wait)
        append(journal, fill("3"))
        gate.open.set()
    assert positions_left(path) == [1, 2, 3]


# ------------------------------------------------------------------------------------------------ failures


class Broken:
    """Commits fail until it is mended."""

    def __init__(self, journal: Disk) -> None:
        self._commit = journal._store.commit
        self.left = 1
        journal._store.commit = self  # type: ignore[method-assign]

    def __call__(self, batch: Any) -> Any:
        if self.left:
            self.left -= 1
            raise JournalError("the journal x: database or disk is full")
        return self._commit(batch)


async def test_a_failed_commit_ends_the_block_and_is_tried_once_more(path: Path) -> None:
    """With room again at the end nothing is lost, not even which orders the venue did not know."""
    gone = OrderKey(SYMBOL, "1")
    asked = iter([checkpoint(T0), checkpoint(T0, gone), checkpoint(T0)])
    with pytest.raises(JournalError, match=r"disk is full \(1 events are not kept; they will be recovered\)"):
        async with written(path) as journal:
            journal.append("a", [update("1"), update("2")], lambda: next(asked))
            await shown(journal, 2)
            Broken(journal)
            journal.append("a", [gap()], lambda: next(asked))
            await trio.sleep_forever()
    store = left(path)
    assert [event.position for event in everything(store)] == [1, 2, 3]
    assert [state.key.order_id for state in store.restore(["a"])["a"].orders] == ["2"]
    store.close()


async def test_an_account_that_cannot_say_how_it_stands_loses_nothing(path: Path) -> None:
    """Its mistake comes out; what was told is kept with the next word."""

    def fails() -> Checkpoint:
        raise ZeroDivisionError

    async with Disk.open(JournalFile(path), 10) as journal:
        journal.append("a", [gap()], fails)
        with pytest.raises(ZeroDivisionError):
            await journal._commit()
        append(journal, gap())
    assert positions_left(path) == [1, 2]


@pytest.mark.parametrize("reading", [True, False])
async def test_a_full_disk_comes_out_of_the_stream_as_itself(path: Path, reading: bool) -> None:
    """One error, no group, whether the block reads or not; what was there before is there."""
    with pytest.raises(JournalError, match=r"full \(\d+ events are not kept") as caught:
        async with open_stream(ACCOUNT, journal=path) as stream:
            first = await stream.__anext__()
            assert isinstance(stream.journal, Disk)
            stream.journal._store._db.execute("pragma max_page_count = 1")
            stream.journal.append("a", gaps(2_000), lambda: checkpoint(T0))
            async for _ in stream if reading else _never():
                pass
    assert type(caught.value) is JournalError
    assert [first.position] == positions_left(path)


async def test_a_full_disk_that_takes_no_event_names_none(path: Path) -> None:
    """Where nothing but a reader's position could not be kept, no number of events is told."""
    with pytest.raises(JournalError, match=r"full$"):
        async with written(path) as journal:
            append(journal, gap())
            await shown(journal, 1)
            journal._store._db.execute("pragma max_page_count = 1")
            for number in range(1_000):
                journal.passed(f"reader {number:0100}", 1)
            await journal.ack("books", 1)


async def _never() -> AsyncIterator[Event]:
    await trio.sleep_forever()
    yield gap()


async def test_an_error_does_not_leave_waiters_behind(path: Path) -> None:
    """Whoever waits from outside for what will never come is told that the block is over."""
    async with trio.open_nursery() as nursery:

        async def wait(act: Callable[[], Any]) -> None:
            with pytest.raises(trio.ClosedResourceError):
                await act()

        with pytest.raises(JournalError):
            async with written(path, "relaxed", 2) as journal:
                append(journal, gap())
                await shown(journal, 1)
                broken = Broken(journal)
                broken.left = 9
                append(journal, *gaps(4))
                for act in (lambda: journal.ack("bot", 1), lambda: journal.fetch(2, 9), journal.room):
                    nursery.start_soon(wait, act)  # noqa: ASYNC111 (they outlive the block)
                await trio.sleep_forever()
    with pytest.raises(trio.ClosedResourceError):
        await journal.fetch(0, 9)


# ------------------------------------------------------------------------------------------------ readers


@pytest.mark.parametrize("durability", DURABILITIES)
async def test_a_reader_reads_behind_memory_from_the_file(path: Path, durability: Durability) -> None:
    """However slow it is, everything comes, in order and once."""
    async with written(path, durability, 10) as journal:
        for start in range(0, 300, 7):
            append(journal, *gaps(7))
            await shown(journal, start + 7)
        found: list[int] = []
        while (after := found[-1] if found else 0) < 301:
            held = journal.held(after, 16)
            found += [e.position for e in (held if held is not None else await journal.fetch(after, 16))]
        assert list(range(1, 302)) == found


async def test_what_left_memory_before_it_was_committed_is_waited_for(path: Path) -> None:
    """Relaxed durability shows it, the ring is small, and the file does not have it yet."""
    async with written(path, "relaxed", 3) as journal:
        append(journal, gap())
        await shown(journal, 1)
        gate = Gate(journal)
        append(journal, *gaps(9))
        assert (journal.visible, journal.held(1, 9)) == (10, None)
        found: list[Event] = []

        async def fetch() -> None:
            found.extend(await journal.fetch(1, 4))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch)
            await trio.to_thread.run_sync(gate.entered.wait)
            assert found == []
            gate.open.set()
        assert [event.position for event in found] == [2, 3, 4, 5]


async def test_what_was_let_go_is_said_to_be_gone(path: Path) -> None:
    """Old records go little by little, and who wants one is told where to go on."""
    async with written(path, "normal", 1, keep_ns=30 * MINUTE) as journal:
        append(journal, *gaps(61), good_ns=T0 + 60 * MINUTE)
        await shown(journal, 61)
        with trio.fail_after(5):
            while journal.floor < 30:  # noqa: ASYNC110
                await trio.sleep(0.01)
        with pytest.raises(SlowConsumer) as caught:
            await journal.fetch(0, 9)
        assert (caught.value.position, caught.value.resume_after) == (0, 30)
        assert [event.position for event in await journal.fetch(30, 2)] == [31, 32]


async def test_a_process_that_runs_for_long_looks_again_and_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has grown old since its start goes too."""
    monkeypatch.setattr(module, "LOOK_EVERY", 50)
    async with written(path, keep_ns=30 * MINUTE) as journal:
        for end in (60, 120, 180):
            append(journal, *(gap(T0 + at * MINUTE) for at in range(end - 60, end)), good_ns=T0 + end * MINUTE)
            with trio.fail_after(5):
                while journal.floor < end - 31 or journal._since_look:  # until it looks no more  # noqa: ASYNC110
                    await trio.sleep(0.01)
        assert journal.floor == 149


async def test_a_stream_that_nobody_reads_by_itself_holds_nothing_back(path: Path) -> None:
    """Its own reader counts from its first use on; then it begins with the oldest event that is kept."""

    def stream_of(journal: Disk) -> OrderStream:
        return OrderStream(journal, [SimpleNamespace(failure=None)])  # type: ignore[list-item]

    async with written(path, "normal", 1, keep_ns=30 * MINUTE) as journal:
        append(journal, *gaps(61), good_ns=T0 + 60 * MINUTE)
        await shown(journal, 61)
        stream = stream_of(journal)
        await stream.follow(after=60, name="bot").ack(61)
        with trio.fail_after(5):
            while journal.floor < 30:  # noqa: ASYNC110
                await trio.sleep(0.01)
        assert stream.behind() == {"bot": 0}
    async with written(path, "normal", 1) as journal:
        stream = stream_of(journal)
        assert (await stream.__anext__()).position == 31
        assert stream.behind() == {"stream": 31}
    async with written(path, "normal", 1) as journal:  # the first was not done
        stream = stream_of(journal)
        assert [(await stream.__anext__()).position for _ in range(2)] == [31, 32]
    async with written(path, "normal", 1) as journal:
        stream = stream_of(journal)
        assert stream.behind() == {"stream": 30}
        assert (await stream.__anext__()).position == 32


async def test_letting_go_does_not_keep_commits_waiting(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit comes between two steps."""
    monkeypatch.setattr(store_module, "CHUNK", 5)
    monkeypatch.setattr(module, "LOOK_EVERY", 50)
    async with written(path, "normal", 100, keep_ns=10**6) as journal:
        append(journal, *gaps(60), good_ns=T0 + 59 * MINUTE)
        await shown(journal, 60)
        append(journal, gap(T0 + 60 * MINUTE), good_ns=T0 + 60 * MINUTE)
        await shown(journal, 61)
        assert journal.floor < 45
        while journal.floor < 45:  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_without_room_nothing_is_taken(path: Path) -> None:
    """As much as memory holds may wait for the writer; a batch that is larger waits alone."""
    async with written(path, "normal", 10) as journal:
        gate = Gate(journal)
        assert journal.reserve(50)
        append(journal, *gaps(8))
        assert [journal.reserve(2), journal.reserve(3)] == [True, False]
        await journal.room()
        append(journal, *gaps(8))
        entered = trio.Event()

        async def wait() -> None:
            await journal.room()
            entered.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            assert not entered.is_set()
            gate.open.set()
        assert journal.reserve(10)


async def test_positions_of_named_readers_are_kept(path: Path) -> None:
    """What was passed soon, what was acknowledged at once; going back is possible, going ahead is not."""
    async with written(path) as journal:
        append(journal, *gaps(3))
        await shown(journal, 3)
        assert journal.position("bot") is None
        journal.passed("tail", 3)
        await journal.ack("bot", 2)
        store = left(left_by_a_kill(path, path.parent / "left"))
        assert store.readers == {"bot": 2, "tail": 3}
        store.close()
        await journal.ack("bot", 1)
        for position in (-1, 4, 2**70):
            with pytest.raises(ConfigError, match="there is no position"):
                await journal.ack("bot", position)
    async with written(path) as journal:
        assert (journal.position("bot"), journal.position("tail")) == (1, 3)


async def test_a_stream_goes_on_where_its_reader_stood(path: Path) -> None:
    """The event that was handed over last is handed over again: nobody said that it was done."""
    async with open_stream(ACCOUNT, journal=path) as stream:
        stream.journal.append("a", gaps(5), lambda: checkpoint(T0))
        first = [await stream.__anext__() for _ in range(3)]
        bot = stream.follow(after=0, name="bot")
        await bot.__anext__()
        await bot.ack(4)
    async with open_stream(ACCOUNT, journal=path) as stream:
        again = await stream.__anext__()
        assert (first[-1].position, first[-1]) == (again.position, again)
        assert (await stream.follow(name="bot").__anext__()).position == 5
        assert (await stream.follow(name="new").__anext__()).position == 1


async def test_after_a_crash_a_consumer_may_name_a_position_that_was_lost(path: Path) -> None:
    """Relaxed durability has shown it: what comes now comes behind it, and so is not taken for what was done."""
    async with written(path, "relaxed") as journal:
        append(journal, gap())
        await shown(journal, 1)
        await journal.ack("bot", 1)
        gate = Gate(journal)
        append(journal, gap(), gap())
        seen = journal.visible
        copy = left_by_a_kill(path, path.parent / "left")
        gate.open.set()
    async with open_stream(ACCOUNT, journal=copy) as stream:
        reader = stream.follow(after=seen)
        stream.journal.append("a", gaps(1), lambda: checkpoint(T0))
        event = await reader.__anext__()
        assert event.position > seen == 3


# ------------------------------------------------------------------------------------------------ kill -9

ACKS: Final = """
import sys, trio
from exchstream.journal.disk import Disk, JournalFile
from tests.unit.exchstream.journal.told import T0, checkpoint, fill

async def main(path, durability):
    async with Disk.open(JournalFile(path, durability), 100) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(journal.write)
        number = journal.visible
        while True:
            number += 1
            journal.append("a", [fill(str(number))], lambda: checkpoint(T0))
            while journal.visible < number:
                await trio.sleep(0.001)
            await journal.ack("bot", number)
            print(number, flush=True)

trio.run(main, *sys.argv[1:])
"""
READS: Final = """
import sys, trio
from exchstream import open_stream
from tests.unit.exchstream.journal.test_disk import ACCOUNT, checkpoint, gaps, T0

async def main(path, count):
    async with open_stream(ACCOUNT, journal=path) as stream:
        stream.journal.append("a", gaps(int(count)), lambda: checkpoint(T0))
        async for event in stream:
            print(event.position, type(event).__name__, flush=True)
            await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)

trio.run(main, *sys.argv[1:])
"""


@contextmanager
def killed(script: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, killed at the end of the block."""
    command = [sys.executable, "-c", script, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("durability", DURABILITIES)
def test_what_was_acknowledged_survives_a_kill(path: Path, durability: Durability) -> None:
    """`ack` has returned: the position is kept, and every event up to it."""
    with killed(ACKS, str(path), durability) as process:
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(20)][-1]
    store = left(path, durability)
    assert store.readers["bot"] >= last
    told = [event.position for event in everything(store)]
    assert list(range(1, len(told) + 1)) == told
    assert len(told) >= store.readers["bot"]
    store.close()


def test_after_a_kill_what_was_not_done_is_delivered_again(path: Path) -> None:
    """Plain `async for`, killed in the handler: the same event at the same position, and then on."""

    def read(process: subprocess.Popen[str], handled: int) -> Sequence[str]:
        assert process.stdout is not None
        assert process.stdin is not None
        lines = []
        for _ in range(handled):
            lines.append(process.stdout.readline())
            process.stdin.write("\n")
            process.stdin.flush()
        return [*lines, process.stdout.readline()]

    with killed(READS, str(path), "8") as process:
        first = read(process, 4)
        # It works on the fifth; that it is through with the fourth is noted within the gathering time of the writer.
        while noted(path) < 4:
            pass
    with killed(READS, str(path), "0") as process:
        again = read(process, 2)
    assert [int(line.split()[0]) for line in first] == [1, 2, 3, 4, 5]
    assert first[-1] == again[0]
    assert [int(line.split()[0]) for line in again] == [5, 6, 7]


def noted(path: Path) -> int:
    """What the stream's own reader has acknowledged, as far as the file knows."""
    with reading(path) as db:
        row = db.execute("select position from reader where name = ?", (STREAM,)).fetchone()
        return 0 if row is None else int(row[0])


def test_frozen() -> None:
    """A file's options do not change under a running stream."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        JournalFile("orders.db").durability = "full"  # type: ignore[misc]
