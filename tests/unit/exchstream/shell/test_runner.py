"""The runner carries out what it is told, whatever the connection does: a scripted session, links that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import attrs
import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Close,
    Command,
    Connected,
    Dial,
    Emit,
    Happening,
    Lost,
    MeasureClock,
    Now,
    Overflowed,
    Ping,
    Range,
    Received,
    Send,
    Started,
    Stop,
    Unclocked,
    Woken,
)
from exchstream.core.limits import HostLimits
from exchstream.core.state import Checkpoint, Status
from exchstream.core.venue import SECOND, Address, Clock, CredentialIs, Lane, Memory, Reply, Secret
from exchstream.events import AccountDown, DownReason, GapClosed, GapOpened, GapReason, Scope
from exchstream.journal.memory import InMemory
from exchstream.shell import transport
from exchstream.shell.http import Unanswered
from exchstream.shell.runner import MAX_UNSENT, Runner
from exchstream.shell.seam import Batch, DialFailed, LinkLost
from tests.unit.exchstream.core.toy import Toy

Script = Callable[[Happening], Sequence[Command]]


@attrs.define
class Play:
    """A session that answers each happening as the script says, and keeps them."""

    script: Script
    heard: list[Happening] = attrs.field(factory=list)
    asked_at: list[float] = attrs.field(factory=list)
    memory: Memory = attrs.field(factory=Memory)
    wake_at_ns: int | None = None

    def handle(self, happening: Happening, now: Now) -> Sequence[Command]:
        self.heard.append(happening)
        return self.script(happening)

    def status(self) -> Status:
        return Status("connecting", None, 0, 0, 0, 0, None, "nobody there")

    def checkpoint(self) -> Checkpoint:
        raise AssertionError("the journal in memory keeps none")

    def expects(self, ask: int) -> bool:
        self.asked_at.append(trio.current_time())
        return False


class Away:
    """A host whose venue answers nothing; anything that was not foreseen fails.  It notes when it was turned to."""

    due = True
    error_ns: int | None = None
    away_ns: int | None = None

    def __init__(self) -> None:
        self.dialled_at: list[float] = []
        self.measured_at: list[float] = []
        self.listeners: list[Callable[[], None]] = []

    @property
    def clock(self) -> Away:
        return self

    def now(self) -> Now:
        return Now(0, 0)

    async def keep_time(self, venue: object, memory: object) -> None:
        self.dialled_at.append(trio.current_time())

    async def measure_clock(self, venue: object, memory: object) -> None:
        self.measured_at.append(trio.current_time())
        raise Unanswered("nobody there")

    def stay_away(self, for_ns: int) -> None:
        self.away_ns = for_ns


class Link:
    """A connection that sends and receives as the test says."""

    def __init__(self, send: Callable[[], Any], receive: Callable[[], Any]) -> None:
        self.ping, self._send, self.receive = send, send, receive

    async def send(self, text: str) -> None:
        await self._send()


async def ended() -> Any:
    await trio.lowlevel.checkpoint()
    raise LinkLost("reset by peer")


async def played(
    script: Script,
    link: Link | None = None,
    *,
    room: bool = True,
    session: Play | None = None,
    host: Away | None = None,
    venue: Toy | None = None,
) -> list[Happening]:
    """What the session hears in a minute."""

    @asynccontextmanager
    async def connect(*_: object, **__: object) -> AsyncIterator[Link | None]:
        yield link

    session = session or Play(script)
    with pytest.MonkeyPatch.context() as patched, trio.move_on_after(60):
        patched.setattr(InMemory, "reserve", lambda self, events: room)
        await Runner(venue or Toy(), host or Away(), session, InMemory(10), connect).run()  # type: ignore[arg-type]
    return session.heard


def dialling(*then: Command) -> Script:
    """Dial at the start, and do this once connected."""

    def script(happening: Happening) -> Sequence[Command]:
        match happening:
            case Started():
                return [Dial(1, "user")]
            case Connected():
                return then
            case _:
                return []

    return script


async def test_a_link_that_takes_no_frames_is_ended(autojump_clock: MockClock) -> None:
    """Frames for a peer that takes none do not pile up: past the bound the link is lost, and the session told why."""
    link = Link(trio.sleep_forever, trio.sleep_forever)
    heard = await played(dialling(Send(1, ("frame",) * (MAX_UNSENT + 2))), link)
    assert heard == [Started(), Connected(1), Lost(1, "the peer takes no frames")]


async def test_what_came_before_the_end_is_read(autojump_clock: MockClock) -> None:
    """Sending fails first, and what the peer had said is read all the same, before its end."""
    batches = [Batch((b"one",), 1), Batch((b"two",), 2)]

    async def receive() -> Batch:
        await trio.sleep(1)
        return batches.pop(0) if batches else await ended()

    heard = await played(dialling(Ping(1)), Link(ended, receive))
    assert heard[2:] == [Received(1, (b"one",), 1), Received(1, (b"two",), 2), Lost(1, "reset by peer")]


async def test_all_accounts_stay_away_when_the_dial_of_one_was_told_to(autojump_clock: MockClock) -> None:
    """What a handshake's Retry-After asks for binds the whole host, and the session hears of it too."""

    async def refuse() -> Batch:
        await trio.lowlevel.checkpoint()
        raise DialFailed("HTTP 429", 429, 7_000_000_000)

    host = Away()
    assert await played(dialling(), Link(ended, refuse), host=host) == [
        Started(),
        Connected(1),
        Lost(1, "HTTP 429", 7_000_000_000),
    ]
    assert host.away_ns == 7_000_000_000


async def test_a_batch_without_room_is_owed(autojump_clock: MockClock) -> None:
    """Where the journal has no room nothing of the batch is taken, and the session knows."""
    batches = [Batch((b"one", b"two"), 1)]

    async def receive() -> Batch:
        return batches.pop(0) if batches else await trio.sleep_forever()

    heard = await played(dialling(), Link(ended, receive), room=False)
    assert heard == [Started(), Connected(1), Overflowed(1)]


async def test_an_answer_waits_until_there_is_room(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-back may bring more than the disk takes: of an answer nobody knows how many events it holds."""
    reply, heard_at = Reply(200, {}, b"rows"), list[float]()

    class Awaiting(Play):
        def expects(self, ask: int) -> bool:
            return True

    class Answering(Away):
        async def ask(self, *_: object) -> Reply:
            return reply

    def script(happening: Happening) -> Sequence[Command]:
        heard_at.append(trio.current_time())
        return [Ask(1, Clock())] if happening == Started() else []

    async def room(journal: InMemory) -> None:
        await trio.sleep(7)  # virtual

    monkeypatch.setattr(InMemory, "room", room)
    heard = await played(script, session=Awaiting(script), host=Answering())
    assert (heard, heard_at[1] - heard_at[0]) == ([Started(), Answered(1, reply)], 7)


async def test_frames_for_a_link_that_is_gone_are_dropped(autojump_clock: MockClock) -> None:
    """A command that crosses the end of its link harms nothing."""
    assert await played(lambda happening: [Send(7, ("late",)), Ping(7)]) == [Started()]


async def test_a_question_that_nobody_awaits_is_not_asked(autojump_clock: MockClock) -> None:
    """What was settled while a question waited its turn costs no weight: the host is not asked."""
    assert await played(lambda happening: [Ask(1, Clock())]) == [Started()]


async def test_a_clock_that_cannot_be_measured_is_told(autojump_clock: MockClock) -> None:
    """The session hears that the venue did not say the time, and why."""
    heard = await played(lambda happening: [MeasureClock()] if happening == Started() else [])
    assert heard == [Started(), Unclocked("nobody there")]


async def test_a_measurement_that_somebody_else_asked_for_is_told(autojump_clock: MockClock) -> None:
    """The clock is measured each hour for a question of any account: all of them hear how far it may be off now."""
    host, heard = Away(), list[Happening]()
    host.error_ns = 7
    down = replace(DOWN, position=0)
    session = Play(lambda happening: [Emit((down,)), Stop()] if happening == Woken() else [])
    session.wake_at_ns = 3 * SECOND
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Runner(Toy(), host, session, InMemory(10), transport.connect).run)  # type: ignore[arg-type]
        await trio.sleep(1)
        for listener in host.listeners:
            listener()
        await trio.sleep(1)
        heard += session.heard
    assert heard == [Started(), Clocked(7)]
    assert host.listeners == []


@pytest.mark.parametrize(
    "command",
    [
        lambda number, delay: Dial(number, "user", delay),
        lambda number, delay: Ask(number, Clock(), delay),
        lambda number, delay: MeasureClock(delay),
    ],
    ids=["dial", "ask", "measure"],
)
async def test_delays_are_spread_over_their_range(
    autojump_clock: MockClock, command: Callable[[int, Range], Command]
) -> None:
    """Two hundred tries that failed together are not made together: each tenth of the range gets some of them."""
    delay = Range(20 * SECOND, 40 * SECOND)

    def script(happening: Happening) -> Sequence[Command]:
        return [command(number, delay) for number in range(200)] if happening == Started() else []

    session, host = Play(script), Away()
    started = trio.current_time()
    await played(script, Link(ended, trio.sleep_forever), session=session, host=host)
    waited = [at - started for at in (*session.asked_at, *host.dialled_at, *host.measured_at)]
    assert len(waited) == 200
    assert (min(waited) >= 20, max(waited) <= 40) == (True, True)
    assert {int(seconds - 20) // 2 for seconds in waited} == set(range(10))


async def test_a_dial_waits_for_the_hosts_budget(autojump_clock: MockClock) -> None:
    """A lane whose address has a bucket is not dialled before the host has room in it for the address's weight."""

    class Paced(Toy):
        def dial(self, lane: Lane, memory: Memory) -> Address:
            return Address("ws://toy", bucket="connections", weight=5)

    class Full(Away):
        async def spend(self, bucket: str, weight: int) -> None:
            spent.append((bucket, weight))
            await trio.sleep(30)

    spent: list[tuple[str, int]] = []
    connected: list[float] = []

    def script(happening: Happening) -> Sequence[Command]:
        if happening == Connected(1):
            connected.append(trio.current_time() - started)
        return [Dial(1, "user")] if happening == Started() else []

    started = trio.current_time()
    await played(script, Link(ended, trio.sleep_forever), host=Full(), venue=Paced())
    assert spent == [("connections", 5)]
    assert connected == [pytest.approx(30)]


class Slow(Away):
    """A host that is asked for the time for ever."""

    async def keep_time(self, venue: object, memory: object) -> None:
        await trio.sleep_forever()


@pytest.mark.parametrize("seconds", [1, 50, 70])
async def test_a_dial_waits_for_the_time_as_long_as_the_account_says(autojump_clock: MockClock, seconds: int) -> None:
    """Then it dials all the same: live facts are worth more than an offset."""
    venue = Toy(host_limits=HostLimits(time_wait_ns=seconds * SECOND))
    heard = await played(dialling(), Link(trio.sleep_forever, trio.sleep_forever), host=Slow(), venue=venue)
    assert (Connected(1) in heard) is (seconds < 60)


# ------------------------------------------------------------------------------------------------ what is noted

OPENED = GapOpened(venue="toy", account="main", since_ns=1, reason=GapReason.LOST, detail="reset")
CLOSED = GapClosed(
    venue="toy",
    account="main",
    since_ns=1,
    until_ns=2,
    scope=Scope(symbols=None, kinds=()),
    complete=True,
    unresolved=(),
    recovered=3,
)
DOWN = AccountDown(venue="toy", account="main", reason=DownReason.CREDENTIALS, detail="HTTP 401")


async def test_every_log_record_says_of_whom_and_what_it_is(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """In fields of their own, for who formats records as JSON: venue, account, link and event are always there."""

    def script(happening: Happening) -> Sequence[Command]:
        match happening:
            case Started():
                return [Emit((OPENED, CLOSED)), Dial(1, "user"), Dial(2, "user"), Close(2, "silent"), MeasureClock()]
            case Lost() | Unclocked():
                return [MeasureClock(Range(SECOND, SECOND))] if len(session.heard) < 6 else [Emit((DOWN,)), Stop()]
            case _:
                return []

    session = Play(script)
    caplog.set_level("INFO", "exchstream")
    await played(script, Link(ended, ended), session=session)
    fields = [(r.levelname, r.venue, r.account, r.link, r.event) for r in caplog.records]  # type: ignore[attr-defined]
    assert set(fields) == {
        ("INFO", "toy", "main", None, "gap_opened"),
        ("INFO", "toy", "main", None, "gap_closed"),
        ("INFO", "toy", "main", 2, "link_closed"),
        ("INFO", "toy", "main", 1, "link_lost"),
        ("INFO", "toy", "main", None, "clock_unknown"),
        ("WARNING", "toy", "main", None, "not_live"),
        ("ERROR", "toy", "main", None, "account_down"),
    }
    texts = {r.event: r.getMessage() for r in caplog.records}  # type: ignore[attr-defined]
    assert texts["gap_opened"] == "toy main: gap opened: lost reset"
    assert texts["gap_closed"] == "toy main: gap closed, complete, recovered 3"


async def test_what_the_session_is_told_is_noted_even_if_it_breaks(autojump_clock: MockClock) -> None:
    """With its instant and the credential that the session has then; most of all the happening that it broke on."""
    key = CredentialIs(Secret("key"), 1, 1, 1)
    noted: list[object] = []

    def script(happening: Happening) -> Sequence[Command]:
        if happening == Connected(1):
            session.memory.credential = key
            raise ZeroDivisionError
        return [Dial(1, "user")]

    session = Play(script)

    def connect(*_: object, **__: object) -> Any:
        return nullcontext(Link(ended, ended))

    runner = Runner(Toy(), Away(), session, InMemory(10), connect, note=lambda *told: noted.append(told))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        await runner.run()
    assert noted == [(Started(), Now(0, 0), None), (Connected(1), Now(0, 0), key)]
