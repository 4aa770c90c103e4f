"""One account of exchstream and the mock's exchange, joined in memory by a lossy network under a virtual clock.

The real Session and the real venue talk to the mock's real faces byte for byte, without sockets and without tasks: this
module plays the shell on one side and the server on the other.  Everything that can wait lies in one queue, all chance
comes from one seeded generator, so a seed and a story decide a run.  It decides nothing about what is right: `truth`
and `told` are for the checkers.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from exchstream.core.happenings import (
    Answered,
    Ask,
    Clocked,
    Close,
    Connected,
    Dial,
    Emit,
    Happening,
    Lost,
    MeasureClock,
    Now,
    Obey,
    Ping,
    Range,
    Received,
    Send,
    Started,
    Stop,
    Unanswered,
    Unclocked,
    Woken,
)
from exchstream.core.session import Session
from exchstream.core.venue import SECOND, Clock, Question, Reply, ServerTime, Venue
from exchstream.events import AccountDown, Event
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from mockserver.clock import VirtualClock
from mockserver.faces.base import Close as CloseFrame
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.faces.base import Ping as PingFrame
from mockserver.link import Link, NoTransport
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

from .checkers import Told, TrueChange, TrueFill
from .records import told_of, truth_of

START_NS: Final = 1_790_000_000_123_456_000
FLAVOURS: Final = ("binance-spot", "binance-spot-listen-key", "binance-futures", "ftx")
CLIENT: Final = "client"
RIVAL: Final = "rival"
LOST_AFTER_NS: Final = 10 * SECOND  # a question without an answer: the shell's own time-out
MAX_WAKES: Final = 50  # at one instant; more is a loop


class Runaway(Exception):
    """The session asks, dials or is woken without end."""


@attrs.define
class Weather:
    """How the network and the venue behave at the moment; the default is fair."""

    fastest_ns: int = 5_000_000
    slowest_ns: int = 80_000_000
    rest_lag_ns: int = 0  # each answer is as of an instant up to so long ago, as of another replica each time
    fate: str = "ok"  # of questions: ok, lost, unheard, 500, 429, html, or mixed
    dials: str = "ok"  # or refused, hang, mixed
    splits: bool = True


FAIR: Final = Weather()


@attrs.define(eq=False)
class Wire:
    """One connection; `cut` swallows everything both ways while both ends believe in it."""

    number: int
    link: Link | None = None
    up: bool = True
    cut: bool = False
    to_client_ns: int = 0
    to_server_ns: int = 0


@attrs.define(eq=False, slots=False)
class World:
    """The two sides and the network between them.  `machine_ns` is what this machine's clock is off by."""

    flavour: str
    seed: int = 0
    page_cap: int | None = None
    symbols: tuple[str, ...] | None = None
    options: dict[str, Any] = attrs.field(factory=dict)
    weather: Weather = attrs.field(factory=Weather)
    machine_ns: int = 0
    events: list[tuple[int, Event]] = attrs.field(factory=list, init=False)
    told: list[Told] = attrs.field(factory=list, init=False)
    fills: list[TrueFill] = attrs.field(factory=list, init=False)
    changes: list[TrueChange] = attrs.field(factory=list, init=False)
    log: list[str] = attrs.field(factory=list, init=False)
    asked: int = attrs.field(default=0, init=False)
    dialled: int = attrs.field(default=0, init=False)
    most_asks: int = attrs.field(default=0, init=False)
    wires: dict[int, Wire] = attrs.field(factory=dict, init=False)
    down: str | None = attrs.field(default=None, init=False)
    chance: random.Random = attrs.field(init=False)
    clock: VirtualClock = attrs.field(init=False)
    session: Session = attrs.field(init=False)
    _queue: list[tuple[int, int, Callable[[], None]]] = attrs.field(factory=list, init=False)
    _entries: int = attrs.field(default=0, init=False)
    _offset_ns: int = attrs.field(default=0, init=False)
    _shut_until_ns: int = attrs.field(default=0, init=False)
    _minute: tuple[int, int] = attrs.field(default=(0, 0), init=False)

    def __attrs_post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = VirtualClock(START_NS)
        name = "binance-spot" if self.flavour.startswith("binance-spot") else self.flavour
        (spec,) = (spec for spec in VENUES if spec.name == name)
        self.worlds = Worlds(Recipe(venues=(spec,), clock=lambda: self.clock), seed=0)
        self.exchange = self.worlds.default.exchanges[name]
        if self.flavour == "binance-spot-listen-key":
            self.exchange.settings.profile = "binance-2024"
        if self.page_cap is not None:
            self.exchange.settings.page_cap = self.page_cap
        truth = self.worlds.default.truth
        noted = truth.note

        def note(venue: str, happened: Sequence[Any]) -> None:
            noted(venue, happened)
            self._note(happened)

        truth.note = note  # type: ignore[method-assign, assignment]
        self.client = self.worlds.open_account(self.exchange, CLIENT)
        self.worlds.open_account(self.exchange, RIVAL)
        self.venue = self._venue()
        self.session = Session(self.venue)

    def _venue(self) -> Venue:
        key: dict[str, Any] = {
            "api_key": self.client.api_key,
            "api_secret": self.client.secret,
            "rest_url": "http://mock",
            **self.options,
        }
        symbols = tuple(self.exchange.engine.instruments) if self.symbols is None else self.symbols
        match self.flavour:
            case "binance-spot":
                return BinanceSpot(ws_url="ws://mock/ws-api/v3", symbols=symbols, **key)
            case "binance-spot-listen-key":
                return BinanceSpot(user_data="listen-key", stream_url="ws://mock", symbols=symbols, **key)
            case "binance-futures":
                return BinanceFutures(ws_url="ws://mock", symbols=symbols, **key)
            case _:
                sure = 20 if self.page_cap is None else self.page_cap
                return Ftx(ws_url="ws://mock/ws/", sure_page=sure, **key)

    # ------------------------------------------------------------------------------------------------ time

    @property
    def now_ns(self) -> int:
        """The venue's time."""
        return self.clock.now_ns

    @property
    def now(self) -> Now:
        """This instant as the session sees it."""
        return Now(self.now_ns - START_NS, self.now_ns + self.machine_ns + self._offset_ns)

    def run(self, for_ns: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass, or until `done`; True if it was."""
        until_ns = self.now_ns + for_ns
        wakes = 0
        while done is None or not done():
            due_ns = self._next_ns()
            if due_ns is None or due_ns > until_ns:
                self.clock.advance(until_ns - self.now_ns)
                return False
            wakes = 0 if due_ns > self.now_ns else wakes + 1
            self.clock.advance(max(0, due_ns - self.now_ns))
            self.flush()
            while self._queue and self._queue[0][0] <= self.now_ns:
                heapq.heappop(self._queue)[2]()
                self.flush()
                wakes = 0
            wake_ns = self.session.wake_at_ns
            if wake_ns is not None and wake_ns <= self.now.mono_ns:
                self.do(Woken())
                if wakes > MAX_WAKES:
                    raise Runaway("it is woken without end")
        return True

    def _next_ns(self) -> int | None:
        wake_ns = self.session.wake_at_ns
        instants = [self._queue[0][0] if self._queue else None, self.clock.next_deadline_ns()]
        instants.append(None if wake_ns is None else START_NS + wake_ns)
        return min((at_ns for at_ns in instants if at_ns is not None), default=None)

    def after(self, delay_ns: int, call: Callable[[], None]) -> None:
        """Do this later."""
        self._entries += 1
        heapq.heappush(self._queue, (self.now_ns + delay_ns, self._entries, call))

    def note(self, text: str) -> None:
        """A line of the story."""
        self.log.append(f"{(self.now_ns - START_NS) / SECOND:9.3f}  {text}")

    def way_ns(self) -> int:
        """How long something is on its way now."""
        return self.chance.randint(self.weather.fastest_ns, self.weather.slowest_ns)

    # ------------------------------------------------------------------------------------------------ the shell

    def start(self) -> None:
        """Begin the account."""
        self.do(Started())

    def do(self, happening: Happening) -> None:
        """Let the session react, and carry out what it says."""
        for command in self.session.handle(happening, self.now):
            match command:
                case Emit(events=events):
                    for event in events:
                        self._tell(event)
                case Dial():
                    self._dial(command)
                case Send(link=number, frames=frames):
                    for frame in frames:
                        self._send(number, frame)
                case Ping(link=number):
                    self._send(number, None)
                case Close(link=number, why=why):
                    self.note(f"link {number} closed by us: {why}")
                    self._closed_by_us(self.wires.pop(number, None))
                case Ask():
                    self.after(self._drawn(command.delay), lambda ask=command: self._ask(ask))  # type: ignore[misc]
                case MeasureClock(delay=delay):
                    self.after(self._drawn(delay), self._measure)
                case Obey(throttle=throttle):
                    if throttle.until_ns is not None:
                        self._shut_until_ns = max(self._shut_until_ns, throttle.until_ns)
                case Stop():
                    for wire in self.wires.values():
                        self._closed_by_us(wire)
                    self.wires.clear()

        self.most_asks = max(self.most_asks, len(self.session._asks.out))

    def _drawn(self, delay: Range) -> int:
        return self.chance.randint(delay.low_ns, delay.high_ns)

    def _tell(self, event: Event) -> None:
        self.events.append((self.now_ns, event))
        told = told_of(event, self.now_ns)
        self.note(f"told {event if told is None else told}")
        if told is not None:
            self.told.append(told)
        elif isinstance(event, AccountDown):
            self.down = event.detail

    # ------------------------------------------------------------------------------------------------ links

    def _dial(self, dial: Dial) -> None:
        self.dialled += 1
        wire = self.wires[dial.link] = Wire(dial.link)
        self.after(self._drawn(dial.delay) + self.way_ns(), lambda: self._arrive(wire, dial))

    def _arrive(self, wire: Wire, dial: Dial) -> None:
        if not wire.up:
            return
        how = self.weather.dials
        if how == "mixed":
            how = self.chance.choice(("ok", "refused", "hang", "busy"))
        if how == "hang":
            return
        if how in ("refused", "busy"):
            retry_ns = 5 * SECOND if how == "busy" else None
            self.after(self.way_ns(), lambda: self._lost(wire, "refused", retry_ns))
            return
        lane = next(lane for lane in self.venue.plan.lanes if lane.name == dial.lane)
        address = self.venue.dial(lane, self.session.memory)
        target = "/" + address.url.split("/", 3)[3]
        opened = self.worlds.connect(HttpRequest("GET", target, tuple(address.headers.items())), NoTransport())
        if opened is None or isinstance(opened, HttpResponse):
            self.after(self.way_ns(), lambda: self._lost(wire, "the handshake was refused", None))
            return
        wire.link, session = opened
        wire.to_client_ns = wire.to_server_ns = self.now_ns
        self._to_client(wire, lambda: self._connected(wire))
        wire.link.start(session)
        self.flush()

    def _connected(self, wire: Wire) -> None:
        self.note(f"link {wire.number} connected")
        self.do(Connected(wire.number))

    def _lost(self, wire: Wire, why: str, retry_ns: int | None = None) -> None:
        if wire.up:
            wire.up = False
            self.wires.pop(wire.number, None)
            self._server_ends(wire)
            self.note(f"link {wire.number} lost: {why}")
            self.do(Lost(wire.number, why, retry_ns))

    def _closed_by_us(self, wire: Wire | None) -> None:
        if wire is not None:
            wire.up = False
            self.after(self.way_ns(), lambda: self._server_ends(wire))

    def _server_ends(self, wire: Wire) -> None:
        if wire.link is not None:
            self.worlds.disconnected(wire.link)

    def _send(self, number: int, frame: str | None) -> None:
        wire = self.wires.get(number)
        if wire is None:
            return
        wire.to_server_ns = max(wire.to_server_ns, self.now_ns + self.way_ns())
        sent_ns = self.now.mono_ns
        self.after(wire.to_server_ns - self.now_ns, lambda: self._served(wire, frame, sent_ns))

    def _served(self, wire: Wire, frame: str | None, sent_ns: int) -> None:
        """A frame of ours arrives; a ping (None) is answered by the server's WebSocket layer."""
        if wire.link is None or wire.cut or not wire.up or not wire.link.open:
            return
        if frame is not None:
            wire.link.receive(frame)
        else:
            self._to_client(wire, lambda: self.do(Received(wire.number, (), self.now.mono_ns, sent_ns)))

    def flush(self) -> None:
        """Put what the server has said on its way."""
        for wire in tuple(self.wires.values()):
            if wire.link is None:
                continue
            texts: list[str] = []
            for out in wire.link.take():
                if isinstance(out, Text):
                    texts.append(out.data)
                    if self.weather.splits and self.chance.random() < 0.5:
                        self._frames(wire, tuple(texts))
                        texts.clear()
                    continue
                if texts:
                    self._frames(wire, tuple(texts))
                    texts.clear()
                if isinstance(out, PingFrame):
                    self._to_client(wire, lambda w=wire, p=out.payload: self._ponged(w, p))  # type: ignore[misc]
                elif isinstance(out, CloseFrame):
                    self._to_client(wire, lambda w=wire, c=out: self._lost(w, f"closed {c.code}"))  # type: ignore[misc]
            if texts:
                self._frames(wire, tuple(texts))

    def _frames(self, wire: Wire, texts: tuple[str, ...]) -> None:
        self._to_client(wire, lambda: self.do(Received(wire.number, texts, self.now.mono_ns)))

    def _to_client(self, wire: Wire, call: Callable[[], None]) -> None:
        """Deliver in order, and only while the link is what both believe it to be."""
        if wire.cut:
            return
        wire.to_client_ns = max(wire.to_client_ns, self.now_ns + self.way_ns())
        self.after(wire.to_client_ns - self.now_ns, lambda: call() if wire.up and not wire.cut else None)

    def _ponged(self, wire: Wire, payload: bytes) -> None:
        self.do(Received(wire.number, (), self.now.mono_ns))
        link = wire.link
        if link is not None:
            self.after(self.way_ns(), lambda: None if wire.cut or not link.open else link.pong(payload))

    # ------------------------------------------------------------------------------------------------ questions

    def _ask(self, ask: Ask) -> None:
        if not self.session.expects(ask.ask):
            return
        if self.now.wall_ns < self._shut_until_ns:
            self.after(self._shut_until_ns - self.now.wall_ns, lambda: self._ask(ask))
            return
        self.asked += 1
        minute = self.now_ns // (60 * SECOND)
        self._minute = (minute, self._minute[1] + 1 if self._minute[0] == minute else 1)
        if self._minute[1] > 3_000:
            raise Runaway(f"more than 3000 questions in a minute, the last was {ask.question}")
        wall_ns, request = self.now.wall_ns, self._request(ask.question)
        fate = self.weather.fate
        if fate == "mixed":
            fate = self.chance.choice(("ok", "ok", "lost", "unheard", "500", "429", "html"))
        if fate == "lost":
            self.after(LOST_AFTER_NS, lambda: self._unanswered(ask))
        else:
            self.after(self.way_ns(), lambda: self._serve(ask, request, wall_ns, fate))

    def _request(self, question: Question) -> HttpRequest:
        request = self.venue.request(question, self.session.memory, self.now.wall_ns)
        return HttpRequest(request.method, request.target, tuple(request.headers.items()), request.body)

    def _serve(self, ask: Ask, request: HttpRequest, wall_ns: int, fate: str) -> None:
        match fate:
            case "500":
                reply = Reply(500, {}, b'{"success":false,"error":"Internal server error"}', wall_ns)
            case "429":
                reply = Reply(429, {"retry-after": "7"}, b'{"code":-1003,"msg":"Too many requests."}', wall_ns)
            case "html":
                reply = Reply(502, {}, b"<html><body>Bad gateway</body></html>", wall_ns)
            case _:
                reply = self._answer(request, wall_ns)
        if fate == "unheard":
            self.after(LOST_AFTER_NS, lambda: self._unanswered(ask))
        else:
            self.after(self.way_ns(), lambda: self._answered(ask, reply))

    def _answer(self, request: HttpRequest, wall_ns: int) -> Reply:
        lag_ns = self.weather.rest_lag_ns
        self.exchange.settings.rest_lag_ns = self.chance.randint(0, lag_ns) if lag_ns else 0
        response = self.worlds.handle(request)
        assert response is not None, request.path
        headers = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, headers, response.body, wall_ns)

    def _answered(self, ask: Ask, reply: Reply) -> None:
        if reply.status != 200:
            self.note(f"{type(ask.question).__name__} answered {reply.status} {reply.body[:100]!r}")
        self.do(Answered(ask.ask, reply))

    def _unanswered(self, ask: Ask) -> None:
        self.do(Unanswered(ask.ask, "no answer in time"))

    def _measure(self) -> None:
        """The venue's clock by one question, as the shell's HostClock does it."""
        if self.weather.fate not in ("ok", "mixed"):
            self.after(LOST_AFTER_NS, lambda: self.do(Unclocked("no answer in time")))
            return
        there_ns, back_ns = self.way_ns(), self.way_ns()
        machine_ns = self.now_ns + self.machine_ns
        request = self._request(Clock())

        def serve() -> None:
            reply = self._answer(request, 0)
            (time,) = (m for m in self.venue.answer(Clock(), reply, self.session.memory) if isinstance(m, ServerTime))
            self.after(back_ns, lambda: measured(time.time_ns))

        def measured(venue_ns: int) -> None:
            self._offset_ns = venue_ns - (machine_ns + (there_ns + back_ns) // 2)
            self.do(Clocked())

        self.after(there_ns, serve)

    # ------------------------------------------------------------------------------------------------ the truth

    def _note(self, happened: Sequence[Any]) -> None:
        for row in truth_of(happened, CLIENT, self.exchange.engine.instruments, ftx=self.flavour == "ftx"):
            self.note(f"TRUE {row}")
            if isinstance(row, TrueFill):
                self.fills.append(row)
            else:
                self.changes.append(row)

    # ------------------------------------------------------------------------------------------------ faults

    def up(self) -> list[Wire]:
        """The connections that reach a server now."""
        return [wire for wire in self.wires.values() if wire.link is not None and wire.up]

    def drop(self, how: str) -> None:
        """End every connection of the account, in one of several ways."""
        for wire in self.up():
            self.note(f"FAULT {how} of link {wire.number}")
            match how:
                case "reset":  # at both ends at once; what was on its way is lost
                    self._lost(wire, "reset")
                case "half":  # nobody is told: each end finds out by its own means
                    wire.cut = True
                case "late":  # the server has gone; the client is told later
                    wire.cut = True
                    self._server_ends(wire)
                    self.after(self.chance.randint(SECOND // 10, 20 * SECOND), lambda w=wire: self._lost(w, "late"))  # type: ignore[misc]
                case _:  # the server goes, after all that it has said
                    self._server_ends(wire)
                    self._to_client(wire, lambda w=wire: self._lost(w, "closed"))  # type: ignore[misc]

    def mute(self, silence: Any) -> None:
        """The connections stay and answer pings, but tell no events (or again do)."""
        for wire in self.up():
            assert wire.link is not None
            self.note(f"FAULT mute {silence} of link {wire.number}")
            wire.link.silence = silence
            wire.link.note_sight()

    def stall(self, for_ns: int) -> None:
        """The connections of now bring nothing for a while, and then all at once (a lost packet is sent again)."""
        for wire in self.up():
            self.note(f"FAULT stall of link {wire.number}")
            wire.to_client_ns = max(wire.to_client_ns, self.now_ns + for_ns)

    def heal(self) -> None:
        """From now on the network is fair; REST keeps the lag that the venue allows itself."""
        self.weather = Weather(rest_lag_ns=self.weather.rest_lag_ns)
        self.note("HEALED")


__all__ = ["CLIENT", "FAIR", "FLAVOURS", "RIVAL", "START_NS", "Runaway", "Weather", "World"]
