"""exchstream against the mock over real sockets: what is promised, for every venue alike, in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import trio

from exchstream.core.limits import SessionLimits
from exchstream.errors import ConfigError, CredentialsRejected, SlowConsumer
from exchstream.events import AccountDown, Event, Fill, GapClosed, GapReason, OrderUpdate
from exchstream.model import OrderStatus
from exchstream.shell.stream import open_stream
from mockserver.recorder import MAX_ENTRIES

from .harness import (
    NAMES,
    QUICK_NS,
    Mock,
    Seat,
    eventually,
    fills_of,
    gaps_of,
    grown,
    live,
    served,
    told_fills,
    until,
    updates_of,
    verdicts_of,
)

FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=NAMES)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue in turn."""
    return mock.seat(request.param)


def ended(count: int, status: OrderStatus = FILLED) -> Callable[[Sequence[Event]], bool]:
    """So many orders have this final status."""
    return lambda events: sum(update.status is status for update in updates_of(events)) >= count


def filled(count: int) -> Callable[[Sequence[Event]], bool]:
    """So many fills have been told."""
    return lambda events: len(fills_of(events)) >= count


@pytest.mark.usefixtures("each_transport")
async def test_an_orders_life_is_told_and_equals_the_truth(seat: Seat) -> None:
    """Placed, part filled, filled; and another one cancelled: each told once, in order, with exact numbers."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        one = seat.place("1")
        seat.fill(one, "0.25")
        seat.fill(one)
        two = seat.place("2")
        seat.cancel(two)
        events = await until(stream, lambda told: ended(1)(told) and ended(1, CANCELED)(told) and filled(2)(told))
    first = [u for u in updates_of(events) if u.order_id == str(one.order_id)]
    second = [u for u in updates_of(events) if u.order_id == str(two.order_id)]
    assert [u.status for u in first] == [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, FILLED]
    assert [u.status for u in second] == [OrderStatus.NEW, CANCELED]
    assert seat.true_fills() == told_fills(events)
    assert [False] * len(events) == [e.recovered for e in events if isinstance(e, OrderUpdate | Fill)] or not events
    assert all(e.symbol in ("BTC/USDT", "BTC/USDT:USDT", "BTC/USD") for e in events if isinstance(e, Fill))


@pytest.mark.usefixtures("each_transport")
async def test_a_drop_in_mid_burst_loses_nothing(seat: Seat) -> None:
    """Fills before, while and after the link is down: all told once, in order, the gap told and closed complete."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        orders = [seat.place() for _ in range(6)]
        seat.fill(orders[0])
        seat.fill(orders[1], "0.5")
        seat.drop()
        seat.fill(orders[1])
        seat.fill(orders[2], "0.25")
        seat.cancel(orders[2])
        seat.fill(orders[3])
        made_blind = seat.place()
        seat.fill(made_blind)
        events = await until(stream, live())
        seat.fill(orders[4])
        await until(stream, lambda told: filled(7)(told) and ended(5)(told), told=events)
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.LOST]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    for order_id in {fill[0] for fill in seat.true_fills()}:  # among orders a look-back's listings may differ from time
        assert [fill for fill in seat.true_fills() if fill[0] == order_id] == [
            fill for fill in told_fills(events) if fill[0] == order_id
        ]
    last = {update.order_id: update.status for update in updates_of(events)}
    assert CANCELED is last[str(orders[2].order_id)]
    assert {FILLED} == {last[str(order.order_id)] for order in (*orders[:2], orders[3], orders[4], made_blind)}
    for order in orders:
        filled_so_far = [u.filled_quantity for u in updates_of(events) if u.order_id == str(order.order_id)]
        assert sorted(filled_so_far) == filled_so_far


async def test_open_orders_of_the_start_are_told_as_recovered(seat: Seat) -> None:
    """A half filled order that was there before is told with its state; its old fill is not told."""
    order = seat.place()
    seat.fill(order, "0.5")
    await trio.sleep(0.02)
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live())
    (update,) = updates_of(events)
    assert (update.recovered, update.status) == (True, OrderStatus.PARTIALLY_FILLED)
    assert fills_of(events) == []
    assert verdicts_of(events)[0].complete, verdicts_of(events)


async def test_fills_since_an_instant_are_told(seat: Seat) -> None:
    """`since_ns` asks for the fills since then: one after it is told, one before it is not."""
    seat.fill(seat.place("0.5"))
    await trio.sleep(0.05)
    since_ns = seat.exchange.now_ns
    await trio.sleep(0.05)
    seat.fill(seat.place("0.25"))
    async with open_stream(seat.venue, since_ns=since_ns) as stream:
        events = await until(stream, live())
    assert [f"{fill.quantity.normalize()}" for fill in fills_of(events)] == ["0.25"]
    assert verdicts_of(events)[0].complete, verdicts_of(events)


@pytest.mark.usefixtures("each_transport")
async def test_cancelling_a_wait_loses_nothing(seat: Seat) -> None:
    """A thousand waits are cancelled while orders are filled: every fill arrives, once."""
    async with open_stream(seat.venue) as stream:
        events: list[Event] = await until(stream, live())
        for number in range(1_000):
            if number % 20 == 0:
                seat.fill(seat.place("0.2"))
            with trio.move_on_after(0.0005):
                events.append(await stream.__anext__())
        await until(stream, filled(50), told=events)
    assert seat.true_fills() == told_fills(events)


@pytest.mark.usefixtures("each_transport")
async def test_a_handlers_exception_comes_out_as_itself(mock: Mock) -> None:
    """The block raises what the handler raised, at once, not a group and not something else."""
    seat = mock.seat("binance-spot")
    error = ZeroDivisionError("mine")
    with pytest.raises(ZeroDivisionError) as caught:
        async with open_stream(seat.venue) as stream:
            async for _ in stream:
                raise error
    assert error is caught.value
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.usefixtures("each_transport")
async def test_leaving_the_block_leaves_no_connection(mock: Mock) -> None:
    """After the block every socket of the stream is closed."""
    seats = [mock.seat(name) for name in NAMES]
    async with open_stream(*(seat.venue for seat in seats)) as stream:
        await until(stream, live(len(seats)))
        assert len(seats) == len(mock.worlds.links)
    with trio.fail_after(5):
        await eventually(lambda: not mock.worlds.links)


@pytest.mark.usefixtures("each_transport")
async def test_one_account_with_a_revoked_key_goes_down_alone(mock: Mock) -> None:
    """Of three accounts one has a key that is refused: it goes down with its reason, the others go on."""
    seats = [mock.seat(name) for name in ("binance-spot", "binance-futures", "ftx")]
    bad = seats[1]
    bad.exchange.accounts[bad.name].revoked = True

    def done(events: Sequence[Event]) -> bool:
        return any(isinstance(e, AccountDown) for e in events) and live(2)(events)

    async with open_stream(*(seat.venue for seat in seats)) as stream:
        events = await until(stream, done)
        for seat in (seats[0], seats[2]):
            seat.fill(seat.place())
        await until(stream, filled(2), told=events)
        assert stream.status()[(bad.venue.name, bad.name)].phase == "down"
    (down,) = [e for e in events if isinstance(e, AccountDown)]
    assert (bad.venue.name, "credentials") == (down.venue, down.reason.value)


@pytest.mark.parametrize("on_fatal", ["continue", "raise"])
async def test_the_block_raises_when_no_account_is_left(mock: Mock, on_fatal: str) -> None:
    """The only account's key is refused: the reader hears why, then the block raises it."""
    seat = mock.seat("binance-spot")
    seat.exchange.accounts[seat.name].revoked = True
    events = []
    with pytest.raises(CredentialsRejected, match="Invalid API-key"):
        async with open_stream(seat.venue, on_fatal=on_fatal) as stream:  # type: ignore[arg-type]
            async for event in stream:
                events.append(event)
    if on_fatal == "continue":
        assert isinstance(events[-1], AccountDown)


@pytest.mark.parametrize("reads", [False, True])
async def test_a_block_that_does_not_read_is_ended_too(mock: Mock, reads: bool) -> None:
    """Nobody reads, or not any more, and no account is left: the block raises it, and the notes hold the others."""
    seats = [mock.seat("binance-spot"), mock.seat("ftx")]
    for seat in seats:
        seat.exchange.accounts[seat.name].revoked = True
    with pytest.raises(CredentialsRejected) as caught, trio.fail_after(10):
        async with open_stream(*(seat.venue for seat in seats)) as stream:
            if reads:
                await until(stream, lambda told: sum(isinstance(e, AccountDown) for e in told) == len(seats))
            await trio.sleep_forever()
    assert len(caught.value.__notes__) == 1


async def test_two_accounts_that_are_one_are_refused(mock: Mock) -> None:
    """The same key twice, or the same name twice, is an error before anything is dialled."""
    seat = mock.seat("ftx")
    twin = mock.seat("ftx")
    twin.api_key, twin.secret = seat.api_key, seat.secret
    with pytest.raises(ConfigError, match="same key"):
        async with open_stream(seat.venue, twin.venue):
            pass
    twin = mock.seat("ftx")
    twin.name = seat.name
    with pytest.raises(ConfigError, match="give each its own name"):
        async with open_stream(seat.venue, twin.venue):
            pass
    with pytest.raises(ConfigError, match="at least one account"):
        async with open_stream():
            pass
    with pytest.raises(ConfigError, match="on_fatal"):
        async with open_stream(seat.venue, on_fatal="ignore"):  # type: ignore[arg-type]
            pass


def keys_asked_for(seat: Seat) -> int:
    """How many listen keys the account has asked for so far."""
    paths = ("POST /fapi/v1/listenKey", "POST /api/v3/userDataStream")
    return sum(
        str(row["text"]).startswith(paths)
        for row in seat.exchange.world.recorder.journal(kind="rest-in", limit=MAX_ENTRIES)
    )


@pytest.mark.usefixtures("each_transport")
@pytest.mark.parametrize("flavour", ["binance-futures", "binance-spot-listen-key"])
async def test_an_expired_key_told_twice_is_one_new_key_and_no_loss(mock: Mock, flavour: str) -> None:
    """The key expires, the venue says so twice, fills happen meanwhile: one new key, no loss, one gap."""
    seat = mock.seat(flavour)
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        order = seat.place()
        asked = keys_asked_for(seat)
        assert seat.exchange.face.expire_listen_keys(seat.name, notices=2) == 1
        seat.fill(order)
        events = await until(stream, live())
        seat.fill(seat.place())
        await until(stream, filled(2), told=events)
        assert keys_asked_for(seat) == asked + 1
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.EXPIRED]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]
    assert sorted(seat.true_fills()) == sorted(told_fills(events))


@pytest.mark.usefixtures("each_transport")
async def test_a_key_that_is_replaced_while_it_lives_is_followed_without_a_gap(mock: Mock) -> None:
    """The renewal answers with another key: its link is proven before the old one is left, and both are heard."""
    seat = mock.seat(
        "binance-futures",
        listen_key_renew_ns=QUICK_NS,
        listen_key_spread_ns=QUICK_NS,
        session_limits=SessionLimits(drain_ns=5 * QUICK_NS),
    )
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        order = seat.place()
        assert seat.exchange.face.replace_listen_keys(seat.name) == 1
        with trio.fail_after(30):
            await eventually(lambda: len(seat.links) == 2)
        seat.fill(order, "0.5")
        events = await until(stream, filled(1))
        (old, _) = seat.links
        with trio.fail_after(30):
            await eventually(lambda: not old.open)
        seat.fill(order)
        await until(stream, filled(2), told=events)
        assert [link.open for link in seat.links] == [True]
    assert gaps_of(events) == []
    assert seat.true_fills() == told_fills(events)


@pytest.mark.usefixtures("each_transport")
@pytest.mark.parametrize("flavour", ["binance-spot", "ftx"])
async def test_a_shutdown_notice_is_followed_without_a_gap(mock: Mock, flavour: str) -> None:
    """The venue says that it is about to go: the new link is proven before the old one is left."""
    seat = mock.seat(flavour)
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        seat.exchange.face.shutdown_notice(seat.name)
        order = seat.place()
        with trio.fail_after(30):
            await eventually(lambda: len(seat.links) == 2)  # both are heard until the old one is empty
        seat.fill(order)
        events = await until(stream, filled(1))
    assert gaps_of(events) == []
    assert seat.true_fills() == told_fills(events)


async def test_readers_follow_from_any_position(mock: Mock) -> None:
    """A second reader sees the same events; a named one goes on behind what it acknowledged."""
    seat = mock.seat("binance-spot")
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live())
        seat.fill(seat.place())
        await until(stream, filled(1), told=events)
        second = stream.follow(after=0)
        assert events == [await second.__anext__() for _ in events]
        named = stream.follow(after=0, name="bot")
        first = await named.__anext__()
        await named.__anext__()
        assert first.position == stream.journal.position("bot")
        await named.ack(2)
        assert (await stream.follow(name="bot").__anext__()).position == 3
        with pytest.raises(ConfigError, match="no position"):
            stream.follow(after=10_000)
        with pytest.raises(ConfigError, match="name"):
            await second.ack(1)


@pytest.mark.usefixtures("each_transport")
async def test_a_reader_that_sleeps_gets_a_loud_error_and_can_resume(mock: Mock) -> None:
    """A reader that falls behind what memory holds is told so, and goes on where the ring begins."""
    seat = mock.seat("binance-spot")
    async with open_stream(seat.venue, memory_events=50) as stream:
        await until(stream, live())
        for _ in range(100):
            seat.fill(seat.place("0.2"))
        with trio.fail_after(10):
            await eventually(grown(stream, 300))
        with pytest.raises(SlowConsumer) as caught:
            await stream.__anext__()
        reader = stream.follow(after=caught.value.resume_after)
        assert caught.value.resume_after + 1 == (await reader.__anext__()).position


def test_every_verdict_is_about_what_it_says() -> None:
    """A verdict carries the scope it vouches for."""
    assert {"scope", "complete", "unresolved"} <= set(GapClosed.__struct_fields__)
