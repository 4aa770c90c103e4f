"""What a venue, a proxy or a machine may do wrong, over real sockets: what is told, and that no fill is lost by it."""

from __future__ import annotations

import re
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock

from exchstream.core.venue import MINUTE
from exchstream.errors import ConfigError, CredentialsRejected, SlowConsumer, VenueRetired
from exchstream.events import AccountDown, DownReason, Event, GapOpened, GapReason, OrderUpdate, Unrecognized
from exchstream.model import OrderStatus
from exchstream.shell.clock import HostClock
from exchstream.shell.stream import OrderStream, open_stream
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from mockserver.faces.base import HttpRequest, HttpResponse, Text

from .harness import (
    NAMES,
    Mock,
    Seat,
    eventually,
    fills_of,
    gaps_of,
    grown,
    live,
    mock_now_ns,
    served,
    told_fills,
    until,
    updates_of,
    verdicts_of,
)

pytestmark = pytest.mark.usefixtures("each_transport")

PAGE: Final = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
FOREVER: Final = 3_600.0
TEXT, BINARY = 0x81, 0x82


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock`, as pytest-trio demands."""
    async with served() as serving:
        yield serving


@pytest.fixture(params=NAMES)
async def seat(mock: Mock, request: pytest.FixtureRequest) -> Seat:
    """An account at each venue in turn, with the documented time-outs and lag allowances."""
    return mock.seat(request.param, quick=False)


async def watch(stream: OrderStream, seconds: float) -> list[Event]:
    """What is told within so many seconds."""
    events: list[Event] = []
    with trio.move_on_after(seconds):
        async for event in stream:
            events.append(event)
    return events


def strange_of(events: list[Event]) -> list[Unrecognized]:
    """What was told raw."""
    return [event for event in events if isinstance(event, Unrecognized)]


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole WebSocket frame of a server (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", opcode, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload


async def goes_on(seat: Seat, stream: OrderStream, events: list[Event]) -> None:
    """An order is placed and filled: all of it is told by the stream itself, and every fill so far was told once."""
    order = seat.place()
    seat.fill(order)

    def done(told: object) -> bool:
        final = [u for u in updates_of(events) if u.order_id == str(order.order_id)][-1:]
        return bool(final) and final[0].status is OrderStatus.FILLED and len(fills_of(events)) == len(seat.true_fills())

    await until(stream, done, seconds=300, told=events)
    assert sorted(seat.true_fills()) == sorted(told_fills(events))


# --- frames that say nothing we know ---------------------------------------------------------------------------------

MALFORMED: Final = {
    "cut": b'{"e":"executionReport","s":"BTCUSDT","i":',
    "not-json": b"service temporarily unavailable",
    "html": PAGE,
    "empty": b"",
    "bare-nan": b'{"e":"ORDER_TRADE_UPDATE","type":"update","z":NaN}',
    "deep": b"[" * 100_000,
    "a-number": b"42",
    "null": b"null",
    "an-array": b'[{"e":"executionReport"}]',
    "name-is-a-number": b'{"e":7,"type":7}',
}
STRANGERS: Final = {
    "unknown-event": b'{"e":"aBrandNewEvent","E":1795000000000,"type":"aBrandNewType"}',
    "unknown-channel": b'{"e":"aBrandNewEvent","type":"update","channel":"weather","data":{"e":"x"}}',
}


@pytest.mark.parametrize("kind", STRANGERS)
async def test_a_message_without_a_word_is_told_raw(seat: Seat, kind: str, autojump_clock: MockClock) -> None:
    """A message that we have no word for is told as it came, once; no gap, and the next fill is told live."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        link.push(Text(STRANGERS[kind].decode()))
        events: list[Event] = []
        await goes_on(seat, stream, events)
        events += await watch(stream, 60)
    assert [STRANGERS[kind]] == [strange.raw for strange in strange_of(events)]
    assert gaps_of(events) == []


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("kind", MALFORMED)
async def test_a_malformed_frame_is_told_raw_and_looked_into(
    seat: Seat, kind: str, opcode: int, autojump_clock: MockClock
) -> None:
    """What has no name is told raw; the link lives, the next fill is told live, and REST is asked what it was about."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        link.transport.reply(frame(opcode, MALFORMED[kind]))
        events: list[Event] = []
        await goes_on(seat, stream, events)
        assert not any(update.recovered for update in updates_of(events))
        events += await watch(stream, 120)
        assert [link] == seat.links
    assert [MALFORMED[kind]] == [strange.raw for strange in strange_of(events)]
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.DOUBT]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


@pytest.mark.parametrize("payload", [b"\xff\xfe\x00{}", bytes(range(256))], ids=["bad-utf8", "all-bytes"])
async def test_a_binary_frame_is_told_raw(seat: Seat, payload: bytes, autojump_clock: MockClock) -> None:
    """Bytes that are no text are told as they are; nothing is lost and the link lives."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        link.transport.reply(frame(BINARY, payload))
        events: list[Event] = []
        await goes_on(seat, stream, events)
        assert [link] == seat.links
    assert [payload] == [strange.raw for strange in strange_of(events)]


async def test_an_event_in_a_binary_frame_is_read_like_a_text(
    seat: Seat, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that sends its JSON in binary frames is understood."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        monkeypatch.setattr(link, "tell", lambda text: link.transport.reply(frame(BINARY, text.encode())))
        events: list[Event] = []
        await goes_on(seat, stream, events)
    assert (strange_of(events), gaps_of(events)) == ([], [])


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("flavour", NAMES)
async def test_a_frame_of_10_mb_ends_the_link(mock: Mock, flavour: str, opcode: int) -> None:
    """More than the bound: the link ends, the gap is told, and the fills round it are told once.

    In real time: a frame that fills the sockets' buffers takes the kernel a while, and a virtual clock would not wait.
    """
    seat = mock.seat(flavour)
    async with open_stream(seat.venue) as stream:
        await until(stream, live())
        (link,) = seat.links
        order = seat.place()
        link.transport.reply(frame(opcode, b'{"e":"' + b"x" * 10_000_000 + b'"}'))
        seat.fill(order)
        events = await until(stream, live(), seconds=30)
        await goes_on(seat, stream, events)
        assert link not in seat.links
    (gap,) = gaps_of(events)
    assert (gap.reason, "larger than" in gap.detail) == (GapReason.LOST, True)
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 64,
        frame(TEXT, b"\xff\xfe"),
        struct.pack("!BBQ", TEXT, 127, 1 << 63),
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    ],
    ids=["noise", "bad-utf8-text", "impossible-length", "http"],
)
async def test_bytes_that_are_no_websocket_end_the_link(seat: Seat, raw: bytes, autojump_clock: MockClock) -> None:
    """A peer that breaks the protocol is left and dialled anew; the fills meanwhile are recovered."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        (link,) = seat.links
        link.transport.reply(raw)
        seat.fill(seat.place())
        events = await until(stream, live(), seconds=120)
        await goes_on(seat, stream, events)
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.LOST]
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


# --- known events with bad values ------------------------------------------------------------------------------------

ABSURD: Final = "1" + "0" * 60
VALUES: Final = {
    "nan": "NaN",
    "infinity": "-Infinity",
    "1e999": "1e999",
    "negative": "-1",
    "absurd": ABSURD,
    "words": "many",
    "null": None,
}
QUANTITIES: Final = {"binance-spot": ("l", "z"), "binance-futures": ("l", "z"), "ftx": ("size", "filledSize")}
NAMING: Final = {"binance-spot": ("s", "i", "X"), "binance-futures": ("s", "i", "X"), "ftx": ("market", "id", "status")}


def damaged(seat: Seat, field: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """From now on the first private event that tells of the fill has this value in this field; what was sent."""
    sent: list[str] = []
    literal = "null" if value is None else value if seat.flavour == "ftx" else f'"{value}"'

    def damage(text: str) -> str:
        trade = '"x":"TRADE"' in text if seat.flavour != "ftx" else f'"{field}"' in text
        changed, count = re.subn(rf'"{field}":\s*("[^"]*"|[^",}}]+)', f'"{field}":{literal}', text, count=1)
        if sent or not trade or not count:
            return text
        sent.append(changed)
        return changed

    for link in seat.links:
        tell: Callable[[str], None] = link.tell
        monkeypatch.setattr(link, "tell", lambda text, tell=tell: tell(damage(text)))
    return sent


async def check_damage(seat: Seat, field: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """One bad value in the event of a fill: told raw, no half fact, and the truth comes from REST, once."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place("1")
        events = await watch(stream, 1)
        sent = damaged(seat, field, value, monkeypatch)
        seat.fill(order, "0.5")
        await watch_into(stream, 90, events)
        assert len(sent) == 1, "the event was not found"
        await goes_on(seat, stream, events)
        await watch_into(stream, 30, events)
    assert strange_of(events)
    assert {GapReason.DOUBT, GapReason.AUDIT} >= {gap.reason for gap in gaps_of(events)}
    assert all(verdict.complete for verdict in verdicts_of(events)), verdicts_of(events)
    assert sorted(seat.true_fills()) == sorted(told_fills(events))
    states = [u for u in updates_of(events) if u.order_id == str(order.order_id)]
    assert [update.status for update in states] == [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED]
    return events


async def watch_into(stream: OrderStream, seconds: float, events: list[Event]) -> None:
    """`watch`, added to what was told before."""
    events += await watch(stream, seconds)


@pytest.mark.parametrize("which", [0, 1], ids=["executed", "cumulative"])
@pytest.mark.parametrize("kind", VALUES)
async def test_a_bad_quantity_is_no_fact(
    seat: Seat, kind: str, which: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NaN, infinities, 1e999, negative, absurd, words and null: the event is told raw, and the fill comes from REST."""
    field = QUANTITIES[seat.exchange.venue][which]
    events = await check_damage(seat, field, VALUES[kind], monkeypatch)
    assert any(f'"{field}":' in strange.raw.decode() for strange in strange_of(events))


@pytest.mark.parametrize("which", [0, 1, 2], ids=["symbol", "id", "status"])
async def test_null_for_a_text_is_no_fact(
    seat: Seat, which: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No symbol, no id, no status: the event is told raw, and what it was about is found by asking."""
    await check_damage(seat, NAMING[seat.exchange.venue][which], None, monkeypatch)


# --- REST that answers something else --------------------------------------------------------------------------------


def answering(seat: Seat, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[HttpRequest], HttpResponse | None]) -> None:
    """Let the exchange answer what `wrong` says, where it says something."""
    right = seat.exchange.face.http
    monkeypatch.setattr(seat.exchange.face, "http", lambda request: wrong(request) or right(request))


WRONG_ANSWERS: Final = {
    "html-200": HttpResponse(200, PAGE, content_type="text/html"),
    "html-502": HttpResponse(502, PAGE, content_type="text/html"),
    "html-403": HttpResponse(403, PAGE, content_type="text/html"),
    "empty": HttpResponse(200, b""),
    "cut": HttpResponse(200, b'[{"symbol":"BTCUSDT","orderId":'),
    "another-type": HttpResponse(200, b'"hello"'),
    "nan": HttpResponse(200, b'{"success":true,"result":[NaN]}'),
    "bad-utf8": HttpResponse(200, b'{"msg":"\xff\xfe"}'),
    "deep": HttpResponse(200, b"[" * 100_000),
    "unknown-error": HttpResponse(400, b'{"code":-9999,"msg":"A brand new error","success":false,"error":"brand new"}'),
}


@pytest.mark.parametrize("kind", WRONG_ANSWERS)
async def test_a_wrong_answer_is_asked_again(
    seat: Seat, kind: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTML, cut or foreign JSON from every path while looking back: the gap stays open till REST is itself again."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await watch(stream, 1)
        with monkeypatch.context() as patched:
            answering(seat, patched, lambda request: None if "serData" in request.path else WRONG_ANSWERS[kind])
            seat.drop()
            seat.fill(order)
            events = await watch(stream, 60)
            assert verdicts_of(events) == []
            assert [gap.reason for gap in gaps_of(events)] == [GapReason.LOST]
        await until(stream, live(), seconds=1_000, told=events)
        await goes_on(seat, stream, events)
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]
    assert [event for event in events if isinstance(event, AccountDown)] == []


@pytest.mark.parametrize("status", [200, 404, 410])
async def test_a_retired_listen_key_is_said_plainly(mock: Mock, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """410 or a page on the listen key's path of spot: the account ends with the successor's name, and no retries."""
    seat = mock.seat("binance-spot-listen-key")
    asked: list[HttpRequest] = []

    def retired(request: HttpRequest) -> HttpResponse | None:
        if request.path != "/api/v3/userDataStream":
            return None
        asked.append(request)
        return HttpResponse(status, PAGE, content_type="text/html")

    answering(seat, monkeypatch, retired)
    events: list[Event] = []
    with pytest.raises(VenueRetired, match="websocket-api"):
        async with open_stream(seat.venue) as stream:
            async for event in stream:
                events.append(event)
    down = events[-1]
    assert isinstance(down, AccountDown)
    assert (down.reason, len(asked)) == (DownReason.RETIRED, 1)
    assert "<" not in down.detail


async def test_the_venue_of_today_has_no_listen_keys(mock: Mock) -> None:
    """The mock as Binance is today answers 410 in its own words: the same plain end."""
    seat = mock.seat("binance-spot-listen-key")
    seat.exchange.settings.profile = "binance-2026"
    with pytest.raises(VenueRetired, match="websocket-api"):
        async with open_stream(seat.venue) as stream:
            async for _ in stream:
                pass


# --- keys and clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", NAMES)
@pytest.mark.parametrize("which", ["api_key", "secret"])
async def test_a_wrong_key_is_fatal_and_told(mock: Mock, flavour: str, which: str) -> None:
    """An unknown key, or a secret of another: the reader is told, the block raises, nothing of the key is shown."""
    seat = mock.seat(flavour)
    if flavour == "binance-spot-listen-key":  # the default world answers for keys that nobody has
        mock.worlds.default.exchanges["binance-spot"].settings.profile = "binance-2024"
    wrong = "Q" * len(getattr(seat, which))
    setattr(seat, which, wrong)
    events: list[Event] = []
    with pytest.raises(CredentialsRejected) as caught:
        async with open_stream(seat.venue) as stream:
            with trio.fail_after(10):
                async for event in stream:
                    events.append(event)
    down = events[-1]
    assert isinstance(down, AccountDown)
    assert DownReason.CREDENTIALS is down.reason
    assert down.detail == caught.value.detail
    assert wrong not in down.detail


async def test_a_key_that_cannot_be_sent_is_told_and_not_shown(seat: Seat, autojump_clock: MockClock) -> None:
    """A key with a letter that no header can carry ends the block with an error that does not show it."""
    seat.api_key = "kéy-with-accents"
    with pytest.raises((ConfigError, CredentialsRejected)) as caught:
        async with open_stream(seat.venue) as stream:
            await watch(stream, 60)
    assert "accents" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("make", [BinanceSpot, BinanceFutures, Ftx])
def test_an_empty_key_is_your_error(make: Callable[..., Any]) -> None:
    """A key of blanks is a ConfigError before anything is dialled."""
    with pytest.raises(ConfigError, match="empty"):
        make(api_key=" ", api_secret="s")


def skewed(seat: Seat, by_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's clock is off by so much from now on; unsigned questions are answered by the default world."""
    for world in seat.mock.worlds.worlds.values():
        monkeypatch.setattr(world.clock, "_source", lambda: mock_now_ns() + by_ns)


@pytest.mark.parametrize("minutes", [-7, 7])
async def test_a_clock_that_is_wrong_from_the_start_is_measured(
    seat: Seat, minutes: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's clock is minutes off: everything is signed with the venue's time, and the account goes live."""
    skewed(seat, minutes * MINUTE, monkeypatch)
    async with open_stream(seat.venue) as stream:
        events = await until(stream, live(), seconds=60)
        assert verdicts_of(events)[0].complete
        await goes_on(seat, stream, events)
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.START]


@pytest.mark.parametrize("minutes", [-3, 3])
async def test_a_clock_that_steps_is_measured_again(
    seat: Seat, minutes: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clocks part while the stream runs: the venue complains, the clock is measured anew, no fill is lost."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await watch(stream, 1)
        skewed(seat, minutes * MINUTE, monkeypatch)
        events = await watch(stream, 120)  # an audit is refused for its time
        seat.drop()
        seat.fill(order)
        await until(
            stream,
            lambda told: live(len(gaps_of(told)) or 1)(told) and bool(fills_of(told)),
            seconds=300,
            told=events,
        )
        await goes_on(seat, stream, events)
    assert [event for event in events if isinstance(event, AccountDown)] == []
    # A venue whose time goes back lists what is new as old: then the verdict may name it, and the audit finds it.
    assert minutes < 0 or all(verdict.complete for verdict in verdicts_of(events))


@pytest.mark.parametrize("silently", [True, False], ids=["half-open", "closed"])
async def test_a_machine_that_slept_goes_on(
    seat: Seat, silently: bool, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Suspended for 20 minutes: the wall clock went on, the monotonic did not, the link is dead; yet all is told."""
    slept = [0]
    defaults = HostClock.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "wall", lambda: mock_now_ns() + slept[0])
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await watch(stream, 1)
        slept[0] = 20 * MINUTE
        skewed(seat, slept[0], monkeypatch)
        for link in seat.links:
            link.half_open() if silently else link.drop()
        seat.fill(order)
        events = await until(stream, live(), seconds=120)
        await goes_on(seat, stream, events)
    assert [event for event in events if isinstance(event, AccountDown)] == []
    assert [verdict.unresolved for verdict in verdicts_of(events)] == [()]


@pytest.mark.parametrize("minutes", [-3, 3])
async def test_a_clock_that_steps_while_the_link_is_down(
    seat: Seat, minutes: int, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The very first thing said after the step is the greeting of a new link: it is refused, and said again."""
    async with open_stream(seat.venue) as stream:
        await until(stream, live(), seconds=60)
        order = seat.place()
        await watch(stream, 1)
        skewed(seat, minutes * MINUTE, monkeypatch)
        seat.drop()
        seat.fill(order)
        # What FTX, set back, stamps before the start is not of this stream: its listings know only times.
        before_start = seat.flavour == "ftx" and minutes < 0
        events = await until(stream, lambda told: live()(told) and bool(before_start or fills_of(told)), seconds=120)
        if not before_start:
            await goes_on(seat, stream, events)
    assert [event for event in events if isinstance(event, AccountDown)] == []


# --- no network ------------------------------------------------------------------------------------------------------


class Resolver(trio.abc.HostnameResolver):
    """A DNS that fails `failures` times and then knows every name."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.asked = 0

    async def getaddrinfo(self, host: bytes | None, port: Any, *rest: int, **more: int) -> list[Any]:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if self.asked <= self.failures:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise NotImplementedError


@pytest.mark.parametrize("failures", [1, 30])
async def test_dns_that_fails_at_the_start_is_retried(seat: Seat, failures: int, autojump_clock: MockClock) -> None:
    """No name resolves: the gap of the start is told, the status says so, and once DNS is back the account is live."""
    resolver = Resolver(failures)
    trio.socket.set_custom_hostname_resolver(resolver)
    seat.mock.http, seat.mock.ws = (url.replace("127.0.0.1", "venue.test") for url in (seat.mock.http, seat.mock.ws))
    async with open_stream(seat.venue) as stream:
        first = await stream.__anext__()
        assert isinstance(first, GapOpened)
        (status,) = stream.status().values()
        assert (first.reason, status.phase) == (GapReason.START, "connecting")
        events = await until(stream, live(), seconds=FOREVER)
        await goes_on(seat, stream, events)
        (status,) = stream.status().values()
        assert status.phase == "live"
    assert resolver.asked > failures
    # Told again if the venue's clock, once it could be asked, puts the start further back (here it stood still).
    assert {gap.reason for gap in gaps_of(events)} <= {GapReason.START}
    assert verdicts_of(events)[0].complete


async def test_nobody_listens_at_the_start(autojump_clock: MockClock) -> None:
    """Refused connections are retried for ever, never faster than the backoff, and leaving the block ends it."""
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        venues = (
            BinanceSpot(api_key="k" * 64, api_secret="s" * 64, rest_url=f"http://{where}", ws_url=f"ws://{where}/x"),
            Ftx(api_key="k" * 40, api_secret="s" * 40, rest_url=f"http://{where}", ws_url=f"ws://{where}/ws/"),
        )
        async with open_stream(*venues) as stream:
            events = await watch(stream, FOREVER)
            assert [status.phase for status in stream.status().values()] == ["connecting", "connecting"]
    assert [gap.reason for gap in gaps_of(events)] == [GapReason.START] * 2
    assert len(events) == 2


# --- a reader that sleeps --------------------------------------------------------------------------------------------


async def test_a_full_ring_is_told_to_the_reader_that_slept(seat: Seat, autojump_clock: MockClock) -> None:
    """A reader behind the ring gets SlowConsumer, resumes where the ring begins, and hears the next fill."""
    async with open_stream(seat.venue, memory_events=20) as stream:
        await until(stream, live(), seconds=60)
        for _ in range(20):
            seat.fill(seat.place("0.2"))
        with trio.fail_after(60):
            await eventually(grown(stream, 40), every=0.1)
        with pytest.raises(SlowConsumer) as caught:
            await stream.__anext__()
        reader = stream.follow(after=caught.value.resume_after)
        events = [await reader.__anext__() for _ in range(20)]
        order = seat.place()
        seat.fill(order)
        with trio.fail_after(60):
            while not any(fill.order_id == str(order.order_id) for fill in fills_of(events)):
                events.append(await reader.__anext__())
    positions = [event.position for event in events]
    assert list(range(caught.value.resume_after + 1, positions[-1] + 1)) == positions
    assert gaps_of(events) == []
    assert all(isinstance(event, OrderUpdate) or event in fills_of(events) for event in events)
