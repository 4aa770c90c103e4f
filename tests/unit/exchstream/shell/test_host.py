"""What accounts share, on a virtual clock, with a venue and an HTTP of the test's own."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest
import trio

from exchstream.core.limits import HostLimits, HttpLimits
from exchstream.core.venue import (
    MINUTE,
    SECOND,
    Balances,
    Bucket,
    Clock,
    Markets,
    Meaning,
    Memory,
    OpenOrders,
    Question,
    Refusal,
    Refused,
    Reply,
    Request,
    ServerTime,
    Throttle,
)
from exchstream.core.venue import Venue as VenueProtocol
from exchstream.model import OrderKind
from exchstream.shell.clock import HostClock, mono_ns
from exchstream.shell.host import Host
from exchstream.shell.hosts import Hosts
from exchstream.shell.http import Unanswered
from tests.unit.exchstream.core.toy import Toy

MEMORY = Memory()
ORDERS = OpenOrders(OrderKind.ORDER)
WALL = 1_700_000_000 * SECOND


class Account:
    """Just enough of a venue; the target of a request is its question's class and the time it was signed with."""

    name = "test"
    account = "main"
    rest_url = "http://venue.test"
    buckets = (Bucket("rest", 100, MINUTE), Bucket("raw", 10, MINUTE))

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        bucket = "raw" if isinstance(question, Balances) else "rest"
        return Request("GET", f"/{type(question).__name__}?{now_ns}", bucket=bucket, weight=10)

    def answer(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        if reply.status != 200:
            return [Throttle("rest", until_ns=WALL + 9 * MINUTE)]
        return [Throttle("rest", used=0), ServerTime(int(reply.body))]


@attrs.define
class Wire:
    """Takes the place of `Http`: answers after a second, with the time 5 s ahead of ours."""

    limits: HttpLimits = attrs.field(factory=lambda: HttpLimits(max_connections=3))
    sent: list[tuple[float, str]] = attrs.field(factory=list)
    outcome: Callable[[str], int | str] = lambda target: 200
    busy: int = 0
    most: int = 0
    closed: bool = False

    async def ask(self, request: Request, base_url: str) -> Reply:
        assert base_url == Account.rest_url
        self.sent.append((trio.current_time(), request.target))
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await trio.sleep(0.5)  # virtual: every test here is on a MockClock
            said = wall() + 5 * SECOND
            await trio.sleep(0.5)  # virtual: every test here is on a MockClock
        finally:
            self.busy -= 1
        outcome = self.outcome(request.target)
        if isinstance(outcome, str):
            raise Unanswered(outcome)
        return Reply(outcome, {}, str(said).encode())

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        self.closed = True

    def count(self, question: type) -> int:
        return sum(target.startswith(f"/{question.__name__}?") for _, target in self.sent)


def wall() -> int:
    return WALL + mono_ns()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def account() -> VenueProtocol:
    return Account()  # type: ignore[return-value]


def made(wire: Wire, *, measured: bool = True, limits: HostLimits | None = None) -> Host:
    """A host; its clock is taken as measured unless that is what the test is about."""
    clock = HostClock(wall=wall)
    if measured:
        clock._due_ns = 1 << 80
    return Host(wire, Account.buckets, limits=limits, clock=clock)  # type: ignore[arg-type]


async def test_signed_when_sent(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """A question that waited for the budget carries the time at which it goes out, and the reply says it too."""
    host = made(wire)
    host.budget.reserve("rest", 90, mono_ns())
    started_ns = host.clock.now().wall_ns

    reply = await host.ask(account, ORDERS, MEMORY)

    assert reply.asked_ns == started_ns + MINUTE
    assert reply.said_ns == reply.got_ns == started_ns + MINUTE + SECOND
    assert wire.sent[0][1] == f"/OpenOrders?{started_ns + MINUTE}"


async def test_connections_are_not_waited_for_after_signing(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Never more requests under way than there are connections, all answered, in the order of asking."""
    host = made(wire)
    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(host.ask, account, ORDERS, MEMORY)
    start = wire.sent[0][0]

    assert wire.most == 3
    assert [round(at - start) for at, _ in wire.sent] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [int(target.split("?")[1]) - WALL for _, target in wire.sent] == [round(at * SECOND) for at, _ in wire.sent]


async def test_an_empty_bucket_holds_no_other_back(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Twenty questions wait for one bucket; one of another goes out at once."""
    host = made(wire)
    host.budget.reserve("rest", 10_000, mono_ns())
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(host.ask, account, ORDERS, MEMORY)
        await trio.sleep(1)
        started = trio.current_time()
        await host.ask(account, Balances(), MEMORY)
        nursery.cancel_scope.cancel()

    assert trio.current_time() - started == pytest.approx(1)
    assert wire.count(Balances) == 1
    assert wire.count(OpenOrders) == 0


async def test_cancelled_waiters_leave_nothing_behind(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Given up in the queue, in the wait for the budget or while under way: the next question finds its way."""
    host = made(wire)
    host.budget.reserve("rest", 90, mono_ns())
    for patience in (0, 1, 59, 60.5):
        with trio.move_on_after(patience):
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(host.ask, account, ORDERS, MEMORY)

    await host.ask(account, ORDERS, MEMORY)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(host.ask, account, ORDERS, MEMORY)
    assert wire.busy == 0


async def test_ban_while_waiting(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Those who wait when a ban is told wait until it ends."""
    host = made(wire)
    host.budget.reserve("rest", 90, mono_ns())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(host.ask, account, ORDERS, MEMORY)
        await trio.sleep(30)
        host.obey(Throttle("rest", until_ns=host.clock.now().wall_ns + 5 * MINUTE))
        told = trio.current_time()

    assert wire.sent[0][0] - told == pytest.approx(300)


async def test_markets_are_shared(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Asked by many at once and soon after, fetched once; after a minute it is fetched anew."""
    host = made(wire)
    replies: list[Reply] = []

    async def ask() -> None:
        replies.append(await host.ask(account, Markets(), MEMORY))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    await trio.sleep(59)
    await ask()

    assert wire.count(Markets) == 1
    assert len({id(reply) for reply in replies}) == 1
    await trio.sleep(1)
    await ask()
    assert wire.count(Markets) == 2


@pytest.mark.parametrize("outcome", [503, "no answer"])
async def test_failed_market_list_is_not_kept(
    autojump_clock, wire: Wire, account: VenueProtocol, outcome: int | str
) -> None:
    """Who waited for it shares the failure; who asks again asks the venue."""
    wire.outcome = lambda target: outcome
    host = made(wire)
    failures: list[object] = []

    async def ask() -> None:
        try:
            failures.append((await host.ask(account, Markets(), MEMORY)).status)
        except Unanswered as failed:
            failures.append(failed.why)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)
    await ask()

    assert failures == [outcome] * 4
    assert wire.count(Markets) == 2


async def test_clock_is_measured_first(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """The first questions of all accounts share one measurement, and are signed with what it found."""
    host = made(wire, measured=False)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(host.ask, account, ORDERS, MEMORY)

    assert (wire.count(Clock), wire.count(OpenOrders)) == (3, 3)
    assert host.clock.offset_ns == 5 * SECOND
    assert [int(target.split("?")[1]) - WALL for at, target in wire.sent[3:]] == [
        round(at * SECOND) + 5 * SECOND for at, _ in wire.sent[3:]
    ]
    await host.ask(account, Clock(), MEMORY)
    assert wire.count(Clock) == 4


async def test_whoever_measures_the_clock_tells_all(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """Once for each measurement: the first one, and the next that is due when anybody asks anything."""
    host, told = made(wire, measured=False), []
    host.clock.listeners += [lambda: told.append(("a", mono_ns() // SECOND)), lambda: told.append(("b", 0))]
    for _ in range(3):
        await host.ask(account, ORDERS, MEMORY)
        await trio.sleep(1_801)
    assert [who for who, _ in told] == ["a", "b", "a", "b"]


@pytest.mark.parametrize("outcome", [404, "no answer"])
async def test_question_without_a_clock(autojump_clock, wire: Wire, account: VenueProtocol, outcome: int | str) -> None:
    """A venue that does not tell its time is still asked; a ban told on the way is obeyed."""
    wire.outcome = lambda target: outcome if target.startswith("/Clock") else 200
    host = made(wire, measured=False)
    started = trio.current_time()
    reply = await host.ask(account, ORDERS, MEMORY)

    assert reply.status == 200
    assert host.clock.error_ns is None
    assert (wire.sent[-1][0] - started > 400) is (outcome == 404)


@pytest.mark.parametrize("status", [401, 503])
async def test_a_venue_that_refuses_to_tell_its_time(
    autojump_clock, monkeypatch: pytest.MonkeyPatch, wire: Wire, account: VenueProtocol, status: int
) -> None:
    """What kind of no it was reaches all who wait for the measurement."""
    how = Refusal.FATAL if status == 401 else Refusal.TRANSIENT
    monkeypatch.setattr(account, "answer", lambda *_: [Refused("no", how)])
    wire.outcome = lambda target: status
    host, found = made(wire, measured=False), list[Refused | None]()

    async def measure() -> None:
        with pytest.raises(Unanswered, match=str(status)) as caught:
            await host.measure_clock(account, MEMORY)
        found.append(caught.value.refused)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(measure)
        nursery.start_soon(measure)
    assert found == [Refused("no", how)] * 2


async def test_aclose(autojump_clock, wire: Wire) -> None:
    """Connections are closed also when the closing is cancelled."""
    host = made(wire)
    with trio.move_on_after(0):
        await host.aclose()

    assert wire.closed


async def test_an_account_may_share_for_longer_and_use_less(autojump_clock, wire: Wire, account: VenueProtocol) -> None:
    """How old a shared answer may be, and how much of the venue's limits is used, is the account's to say."""
    host = made(wire, limits=HostLimits(shared_age_ns=9 * MINUTE, budget_percent=20))
    for wait, fetched in ((0, 1), (500, 1), (60, 2)):
        await trio.sleep(wait)  # virtual: the clock jumps
        await host.ask(account, Markets(), MEMORY)
        assert wire.count(Markets) == fetched
    started = trio.current_time()
    for _ in range(2):
        await host.ask(account, ORDERS, MEMORY)
    assert trio.current_time() - started > 50  # 20 of 100 a minute: the markets and one question


async def test_a_host_is_made_with_its_first_accounts_limits(autojump_clock) -> None:
    """Clock, budget and HTTP follow the account that comes first; the next one at the address shares them."""
    first = Toy(buckets=Account.buckets, host_limits=HostLimits(budget_percent=50, clock_samples=1))
    async with Hosts.open() as hosts:
        host = hosts.host(first)
        assert host is hosts.host(Toy(buckets=Account.buckets))
        assert host.clock._limits.clock_samples == 1
        assert [mono_ns(), mono_ns() + MINUTE] == [host.budget.reserve("rest", 50, mono_ns()) for _ in range(2)]
