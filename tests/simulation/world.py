"""One account of exchstream and the mock's exchange, joined in memory by a lossy network under a virtual clock.

The real Session and the real venue talk to the mock's real faces byte for byte, without sockets and without tasks: this
module plays the shell on one side and the server on the other.  Everything that can wait lies in one queue, all chance
comes from one seeded generator, so a seed and a story decide a run.  It decides nothing about what is right: `truth`
and `told` are for the checkers.
"""

from __future__ import annotations

import heapq
import random
import re
from collections import deque
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
    Overflowed,
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
from exchstream.core.venue import (
    HOUR,
    MINUTE,
    SECOND,
    Balances,
    Clock,
    OpenOrders,
    OrderById,
    OrderFills,
    Orders,
    Question,
    Reply,
    ServerTime,
    Traces,
    Venue,
)
from exchstream.core.venue import Fills as FillsSince
from exchstream.events import AccountDown, Event, Fill, OrderUpdate
from exchstream.journal.store import Durability
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from mockserver.actions import RIVAL, traders
from mockserver.checkers import Restarted, Span, Told, ToldFill, ToldOrder, TrueChange, TrueFill
from mockserver.clock import VirtualClock
from mockserver.engine.commands import ForceClose
from mockserver.engine.enums import Kind
from mockserver.engine.types import CancelAll, Command
from mockserver.faces.base import Close as CloseFrame
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from mockserver.faces.base import Ping as PingFrame
from mockserver.link import Link, NoTransport
from mockserver.markets import widened
from mockserver.venues import VENUES
from mockserver.world import Recipe, Worlds

from .books import Books, Death
from .faults import ASKED, BODIES, broken, mentioned
from .records import told_of, truth_of

SIGNED: Final = re.compile(rb"signature=[0-9a-f]{8}")
START_NS: Final = 1_790_000_000_123_456_000
NEVER_NS: Final = 1 << 63
FLAVOURS: Final = ("binance-spot", "binance-spot-listen-key", "binance-futures", "ftx")
CLIENT: Final = "client"
TRADERS: Final = traders(CLIENT)
LOST_AFTER_NS: Final = 10 * SECOND  # a question without an answer: the shell's own time-out
MAX_WAKES: Final = 50  # at one instant; more is a loop
FAST_NS: Final = SECOND // 2  # a slower way makes answers so late that nobody can promise when silence is noticed
COMMIT_NS: Final = (20_000_000, 500_000_000)  # a disk may be slow
TOO_FAST_OR_SLOW: Final = b"imestamp"  # of all refusals only that of this machine's time; it may last
AUDITED: Final = (OpenOrders, Balances, FillsSince, Orders)  # the questions of an audit


class Runaway(Exception):
    """The session asks, dials or is woken without end."""


@attrs.define
class Weather:
    """How the network and the venue behave at the moment; the default is fair.

    `away` are questions that fail while others do not, by the name of their class in small letters, if need be with a
    symbol behind a colon, and how they fail: "lost", or a key of `BODIES`.  `doubled` and `broken` are shares of the
    reads that come twice, or with a frame that cannot be read.
    """

    fastest_ns: int = 5_000_000
    slowest_ns: int = 80_000_000
    rest_lag_ns: int = 0  # each answer is as of an instant up to so long ago, as of another replica each time
    fate: str = "ok"  # of questions: ok, lost, unheard, cut, a key of BODIES, or mixed
    dials: str = "ok"  # or refused, hang, mixed
    splits: bool = True
    away: dict[str, str] = attrs.field(factory=dict)
    doubled: float = 0.0
    broken: float = 0.0
    clock_ns: int = 0  # how long each way of a question for the time may take; 0: as any other


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
    markets: int | None = None  # how many there are
    clock_ns: int = 0  # what this machine's clock is off by for good, besides `machine_ns`
    options: dict[str, Any] = attrs.field(factory=dict)
    journal: Durability | None = None  # None: there is none, and no restart
    weather: Weather = attrs.field(factory=Weather)
    machine_ns: int = 0
    events: list[tuple[int, Event]] = attrs.field(factory=list, init=False)
    heard: list[Told] = attrs.field(factory=list, init=False)  # whatever was told
    told: list[Told] = attrs.field(factory=list, init=False)  # ... and that no death of the process has taken back
    fills: list[TrueFill] = attrs.field(factory=list, init=False)
    changes: list[TrueChange] = attrs.field(factory=list, init=False)
    gave_up: list[tuple[int, str]] = attrs.field(factory=list, init=False)
    troubles: list[Span] = attrs.field(factory=list, init=False)
    unreachable: list[Span] = attrs.field(factory=list, init=False)
    outages: list[Span] = attrs.field(factory=list, init=False)
    delisted: set[str] = attrs.field(factory=set, init=False)
    evicted: bool = attrs.field(default=False, init=False)
    asked_while_banned: int = attrs.field(default=0, init=False)
    most_symbols: int = attrs.field(default=0, init=False)
    _asks_by_symbol: bool = attrs.field(default=False, init=False)
    _stepped: list[int] = attrs.field(factory=lambda: [0, 0], init=False)  # between these the machine's clock stepped
    worst_error_ns: int = attrs.field(default=0, init=False)
    started_ns: int | None = attrs.field(default=None, init=False)
    since_ns: int | None = attrs.field(default=None, init=False)
    asked: int = attrs.field(default=0, init=False)
    dialled: int = attrs.field(default=0, init=False)
    most_asks: int = attrs.field(default=0, init=False)
    wires: dict[int, Wire] = attrs.field(factory=dict, init=False)
    down: str | None = attrs.field(default=None, init=False)
    books: Books | None = attrs.field(default=None, init=False)
    dead: bool = attrs.field(default=False, init=False)
    restarts: int = attrs.field(default=0, init=False)
    broken: list[str] = attrs.field(factory=list, init=False)
    lost_tail: int = attrs.field(default=0, init=False)  # so many events a death of the process has taken back
    taken_back: set[str] = attrs.field(factory=set, init=False)  # ... about these symbols
    chance: random.Random = attrs.field(init=False)
    clock: VirtualClock = attrs.field(init=False)
    session: Session = attrs.field(init=False)
    _queue: list[tuple[int, int, Callable[[], None]]] = attrs.field(factory=list, init=False)
    _entries: int = attrs.field(default=0, init=False)
    _offset_ns: int = attrs.field(default=0, init=False)
    _shut_until_ns: int = attrs.field(default=0, init=False)
    _minute: tuple[int, int] = attrs.field(default=(0, 0), init=False)
    _notes: list[tuple[int, str, object]] = attrs.field(factory=list, init=False)
    _failing: dict[tuple[str, str | None], int] = attrs.field(factory=dict, init=False)
    _banned: tuple[int, int] = attrs.field(default=(0, 418), init=False)
    _forbidden_ns: int | None = attrs.field(default=None, init=False)
    _measured_ns: int | None = attrs.field(default=None, init=False)
    _error_ns: int = attrs.field(default=0, init=False)
    _past: deque[tuple[int, str]] = attrs.field(factory=lambda: deque(maxlen=300), init=False)
    _overflows: bool = attrs.field(default=False, init=False)
    _commits: bool = attrs.field(default=False, init=False)
    _died_ns: int = attrs.field(default=0, init=False)
    _positions: list[int] = attrs.field(factory=list, init=False)  # of what was told
    _position: int = attrs.field(default=0, init=False)  # the newest

    def __attrs_post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = VirtualClock(START_NS)
        name = "binance-spot" if self.flavour.startswith("binance-spot") else self.flavour
        (spec,) = (spec for spec in VENUES if spec.name == name)
        spec, balances = widened(spec, self.markets)
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
        self.client = self.worlds.open_account(self.exchange, CLIENT, balances=balances)
        self.worlds.open_account(self.exchange, RIVAL, balances=balances)
        self.clock.advance(10 * SECOND, wall=True)  # so that a REST that lags does not know a time without the account
        self.venue = self._venue()
        self.session = Session(self.venue)
        if self.journal is not None:
            account = f"{self.venue.name}/{self.venue.account}"
            self.books = Books(account, self.venue.identity, self.journal, random.Random(f"books {self.seed}"))
            self.books.open()

    def close(self) -> None:
        """Delete what lies on a disk."""
        if self.books is not None:
            self.books.close()

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
        now_ns = self.clock.now_ns
        return Now(now_ns - START_NS, now_ns + self.clock_ns + self.machine_ns + self._offset_ns)

    def run(self, for_ns: int, done: Callable[[], bool] | None = None) -> bool:
        """Let time pass, or until `done`; True if it was."""
        until_ns = self.now_ns + for_ns
        wakes = 0
        while done is None or not done():
            due_ns = self._next_ns()
            if due_ns is None or due_ns > until_ns:
                self.clock.advance(until_ns - self.now_ns, wall=True)
                return False
            wakes = 0 if due_ns > self.now_ns else wakes + 1
            self.clock.advance(max(0, due_ns - self.now_ns), wall=True)
            self.flush()
            while self._queue and self._queue[0][0] <= self.now_ns:
                heapq.heappop(self._queue)[2]()
                self.flush()
                wakes = 0
            wake_ns = self._wake_ns()
            if wake_ns is not None and wake_ns <= self.now.mono_ns:
                self.do(Woken())
                if wakes > MAX_WAKES:
                    raise Runaway("it is woken without end")
        return True

    def _wake_ns(self) -> int | None:
        return None if self.dead else self.session.wake_at_ns

    def _next_ns(self) -> int | None:
        wake_ns = self._wake_ns()
        instants = [self._queue[0][0] if self._queue else None, self.clock.next_deadline_ns()]
        instants.append(None if wake_ns is None else START_NS + wake_ns)
        return min((at_ns for at_ns in instants if at_ns is not None), default=None)

    def after(self, delay_ns: int, call: Callable[[], None]) -> None:
        """Do this later."""
        self._entries += 1
        heapq.heappush(self._queue, (self.now_ns + delay_ns, self._entries, call))

    def note(self, text: str, what: object = "") -> None:
        """A line of the story."""
        self._notes.append((self.now_ns, text, what))

    @property
    def log(self) -> list[str]:
        """The story, line by line."""
        return [f"{(at_ns - START_NS) / SECOND:9.3f}  {text}{what}" for at_ns, text, what in self._notes]

    def way_ns(self) -> int:
        """How long something is on its way now."""
        return self.chance.randint(self.weather.fastest_ns, self.weather.slowest_ns)

    # ------------------------------------------------------------------------------------------------ the shell

    def start(self) -> None:
        """Begin the account; with `since_ns`, from then on."""
        self.started_ns = self.now_ns
        self.session = Session(self.venue, since_ns=self.since_ns)
        self.do(Started())

    def do(self, happening: Happening) -> None:
        """Let the session react, and carry out what it says."""
        if self.dead:
            return
        for command in self.session.handle(happening, self.now):
            match command:
                case Emit(events=events):
                    self._append(events)
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
                    self._failing.setdefault(_label(command.question), self.now_ns)
                    self.after(self._drawn(command.delay), lambda ask=command: self._ask(ask))  # type: ignore[misc]
                case MeasureClock(delay=delay, anew=anew):
                    self.after(self._drawn(delay), lambda anew=anew: self._measure(anew))  # type: ignore[misc]
                case Obey(throttle=throttle):
                    if throttle.until_ns is not None:
                        shut_ns = self.now_ns + throttle.until_ns - self.now.wall_ns
                        self._shut_until_ns = max(self._shut_until_ns, shut_ns)
                case Stop():
                    for wire in self.wires.values():
                        self._closed_by_us(wire)
                    self.wires.clear()

        self._note_sizes()

    def _note_sizes(self) -> None:
        self.most_asks = max(self.most_asks, len(self.session._asks.out))
        symbols = len(self.session._teller.symbols)
        if symbols and self.venue.plan.fills.by_symbol and not self._asks_by_symbol:
            self.note_weather()  # what is asked by symbol is asked from now on
        self.most_symbols = max(self.most_symbols, symbols)
        self.evicted = self.evicted or bool(self.session.ledger.forgotten)

    def _drawn(self, delay: Range) -> int:
        return self.chance.randint(delay.low_ns, delay.high_ns)

    @property
    def phase(self) -> str:
        """How the account stands; "dead" while there is no process."""
        return "dead" if self.dead else self.session.status().phase

    def _append(self, events: Sequence[Event]) -> None:
        if self.books is None:
            for event in events:
                self._tell(event)
            return
        self._show(self.books.append(events, self.session.checkpoint))
        if not self._commits:
            self._commits = True
            self.after(self.chance.randint(0, self.chance.choice(COMMIT_NS)), self._commit)

    def _commit(self) -> None:
        assert self.books is not None
        self._commits = False
        self._show(self.books.commit())

    def _show(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.position <= self._position:
                self.broken.append(f"position given twice: {event.position} after {self._position}, {event}")
            self._position = event.position
            self._tell(event)

    def _tell(self, event: Event) -> None:
        self.events.append((self.now_ns, event))
        told = told_of(event, self.now_ns)
        self.note("told ", event if told is None else told)
        if told is not None:
            self.told.append(told)
            self.heard.append(told)
            self._positions.append(event.position)
        elif isinstance(event, AccountDown):
            self.down = event.detail
        shown = event.raw if isinstance(event, OrderUpdate | Fill) else repr(event).encode()
        self._look_for_secrets(shown, f"{type(event).__name__} at {event.position}")

    def _look_for_secrets(self, shown: bytes, where: str) -> None:
        """Nothing that is told holds a credential, a signature or a listen key, whatever the venue says (G8)."""
        credential = self.session.memory.credential
        keys = () if credential is None else (credential.value.reveal(),)
        for secret in (self.client.secret, self.client.api_key, *keys):
            if secret.encode() in shown:
                self.broken.append(f"a secret is shown: {where}")
        if SIGNED.search(shown):
            self.broken.append(f"a signature is shown: {where}")

    def search_disk(self) -> None:
        """The same of every byte that the journal has left on the disk."""
        if self.books is not None:
            self._look_for_secrets(self.books.left_on_disk(), "in the journal")

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
        if address.bucket is not None and self.now_ns < self._shut_until_ns:
            self.after(self._shut_until_ns - self.now_ns, lambda: self._arrive(wire, dial))
            return
        if self.now_ns < self._banned[0]:
            left_ns = self._banned[0] - self.now_ns
            self.after(self.way_ns(), lambda: self._lost(wire, "banned", left_ns))
            return
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
            if wire.link is None or not wire.link.backlog:
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
        """What the server has said in one write; on its way it may be spoilt, or come twice."""
        weather = self.weather
        self._past += [(self.now_ns, text) for text in texts if mentioned(text)]
        spoilt = weather.broken and self.chance.random() < weather.broken
        frames = tuple(broken(text, self.chance) if spoilt else text.encode() for text in texts)
        self._to_client(wire, lambda: self._received(wire, frames))
        if weather.doubled and self.chance.random() < weather.doubled:
            self._to_client(wire, lambda: self._received(wire, frames))

    def _received(self, wire: Wire, frames: tuple[bytes, ...]) -> None:
        if self._overflows and frames:
            self._overflows = False
            self.do(Overflowed(wire.number))
            if self.phase == "live":
                self.broken.append("not a word of what there was no room for")
        else:
            self.do(Received(wire.number, frames, self.now.mono_ns))

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
            self._fails_no_more(ask)
            return
        if self.now_ns < self._shut_until_ns:
            self.after(self._shut_until_ns - self.now_ns, lambda: self._ask(ask))
            return
        self.asked += 1
        if (
            self._forbidden_ns is not None
            and self._forbidden_ns < self.now_ns < self._banned[0] - 2 * self.worst_error_ns
        ):
            self.asked_while_banned += 1
        minute = self.now_ns // (60 * SECOND)
        self._minute = (minute, self._minute[1] + 1 if self._minute[0] == minute else 1)
        if self._minute[1] > 3_000:
            raise Runaway(f"more than 3000 questions in a minute, the last was {ask.question}")
        wall_ns, request = self.now.wall_ns, self._request(ask.question)
        fate = self._fate(ask.question)
        if fate == "lost":
            self.after(LOST_AFTER_NS, lambda: self._unanswered(ask))
        else:
            self.after(self.way_ns(), lambda: self._serve(ask, request, wall_ns, fate))

    def _fate(self, question: Question) -> str:
        """What becomes of this question now."""
        away = self.weather.away
        if away:
            kind, symbol = _subject(question)
            how = away.get(f"{kind}:{symbol}") or away.get(kind)
            if how is not None:
                return how
        fate = self.weather.fate
        if fate == "mixed":
            fate = self.chance.choice(("ok", "ok", "lost", "unheard", "500", "429", "html"))
        return fate

    def _request(self, question: Question) -> HttpRequest:
        request = self.venue.request(question, self.session.memory, self.now.wall_ns)
        return HttpRequest(request.method, request.target, tuple(request.headers.items()), request.body)

    def _serve(self, ask: Ask, request: HttpRequest, wall_ns: int, fate: str) -> None:
        if self.now_ns < self._banned[0]:
            left = -(-(self._banned[0] - self.now_ns) // SECOND)
            reply, fate = Reply(self._banned[1], {"retry-after": str(left)}, BODIES["429"][1], wall_ns), "banned"
        elif fate in BODIES:
            status, body = BODIES[fate]
            asked = f"{self.client.api_key} asked for {request.target[-100:]}"  # of a long reason the head is told
            body = body.replace(ASKED, asked.encode())
            reply = Reply(status, {"retry-after": "7"} if status == 429 else {}, body, wall_ns)
        elif self.delisted and getattr(ask.question, "symbol", None) in self.delisted:
            reply = Reply(400, {}, BODIES["gone"][1], wall_ns)
        else:
            reply = self._answer(request, wall_ns)
            if fate == "cut":
                reply = attrs.evolve(reply, body=reply.body[: len(reply.body) // 2])
        if fate == "unheard":
            self.after(LOST_AFTER_NS, lambda: self._unanswered(ask))
        else:
            self.after(self.way_ns(), lambda: self._answered(ask, reply, fate))

    def _answer(self, request: HttpRequest, wall_ns: int) -> Reply:
        lag_ns = self.weather.rest_lag_ns
        self.exchange.settings.rest_lag_ns = self.chance.randint(0, lag_ns) if lag_ns else 0
        response = self.worlds.handle(request)
        assert response is not None, request.path
        headers = {name.lower(): value for name, value in response.headers}
        return Reply(response.status, headers, response.body, wall_ns)

    def _answered(self, ask: Ask, reply: Reply, fate: str) -> None:
        if reply.status != 200:
            self.note(f"{type(ask.question).__name__} answered {reply.status} ", reply.body[:100])
        if fate == "banned" and self._forbidden_ns is None:
            self._forbidden_ns = self.now_ns
        if fate == "ok" and not (reply.status != 200 and TOO_FAST_OR_SLOW in reply.body):
            self._fails_no_more(ask)
        else:
            self._fails(ask.question)
        self.do(Answered(ask.ask, attrs.evolve(reply, got_ns=self.now.wall_ns)))
        if reply.status != 200:
            self._look_for_secrets(str(self.session.status().last_error).encode(), "the last error")

    def _unanswered(self, ask: Ask) -> None:
        self._fails(ask.question)
        self.do(Unanswered(ask.ask, "no answer in time"))

    def _fails(self, question: Question) -> None:
        """Note what has been failing for so long that it may be given up."""
        label = _label(question)
        if self.now_ns - self._failing.get(label, self.now_ns) >= self.venue.plan.give_up_ns:
            self.gave_up.append((self.now_ns, label[0]))

    def _fails_no_more(self, ask: Ask) -> None:
        """It is answered, or dropped; but the session may still wait for another of the same kind."""
        label, out = _label(ask.question), self.session._asks.out
        if all(_label(asked.question) != label for number, asked in out.items() if number != ask.ask):
            self._failing.pop(label, None)

    def _measure(self, anew: bool = True) -> None:
        """The venue's clock by one question, as the shell's HostClock does it."""
        if not anew and self._measured_ns is not None and self.now_ns < self._measured_ns + HOUR:
            self.do(Clocked(self._error_ns))
            return
        fate = self._fate(Clock())
        if fate != "ok" or self.now_ns < self._banned[0]:
            self.after(LOST_AFTER_NS, lambda: self.do(Unclocked("no answer in time")))
            return
        there_ns, back_ns = self._clock_way_ns(), self._clock_way_ns()
        machine_ns = self.now_ns + self.clock_ns + self.machine_ns
        request = self._request(Clock())

        def serve() -> None:
            reply = self._answer(request, 0)
            (time,) = (m for m in self.venue.answer(Clock(), reply, self.session.memory) if isinstance(m, ServerTime))
            self.after(back_ns, lambda: measured(time.time_ns))

        def measured(venue_ns: int) -> None:
            self._error_ns = (there_ns + back_ns) // 2
            self._offset_ns = venue_ns - (machine_ns + self._error_ns)
            self._measured_ns = self.now_ns
            self.worst_error_ns = max(self.worst_error_ns, self._error_ns)
            self.do(Clocked(self._error_ns))

        self.after(there_ns, serve)

    def _clock_way_ns(self) -> int:
        return self.chance.randint(0, self.weather.clock_ns) if self.weather.clock_ns else self.way_ns()

    # ------------------------------------------------------------------------------------------------ the truth

    def _note(self, happened: Sequence[Any]) -> None:
        for row in truth_of(happened, CLIENT, self.exchange.engine.instruments, ftx=self.flavour == "ftx"):
            self.note("TRUE ", row)
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

    @property
    def banned_until_ns(self) -> int:
        """Until when the venue answers nothing, or we believe so."""
        return max(self._banned[0], self._shut_until_ns)

    def is_delisted(self, command: Command) -> bool:
        """True for a command about a symbol that is no more."""
        name = getattr(command, "instrument", None)
        if name is None and (child := getattr(command, "child", None)) is not None:
            name = child.instrument
        return name in self.delisted

    def shutdown(self) -> None:
        """The venue says that it is about to go, and stays."""
        self.exchange.face.shutdown_notice(close=False)

    def terminate(self) -> None:
        """The subscription ends, the socket stays (Binance spot's WebSocket API)."""
        for wire in self.up():
            if wire.link is not None and wire.link.accounts:
                wire.link.receive('{"id":"sim","method":"userDataStream.unsubscribe"}')

    def replay(self, count: int, within_ns: int) -> None:
        """Frames that were sent lately come again, on the connections of now."""
        for wire in self.up():
            texts = [text for at_ns, text in self._past if at_ns >= self.now_ns - within_ns][-count:]
            self.note(f"FAULT {len(texts)} frames again on link {wire.number}")
            for text in texts:
                self._to_client(wire, lambda w=wire, t=text: self._received(w, (t.encode(),)))  # type: ignore[misc]

    def overflow(self) -> None:
        """There is no room for the next thing that comes."""
        self._overflows = True

    def ban(self, for_ns: int, status: int) -> None:
        """The venue answers nothing but "stay away" for a while."""
        if self.now_ns < self._banned[0]:
            return
        self._banned = (self.now_ns + for_ns, status)
        self._forbidden_ns = None
        self.troubles.append(Span(self.now_ns, self._banned[0] + MINUTE))

    def delist(self, which: int) -> None:
        """A symbol is no more: its orders are cancelled, and nothing of it can be asked for (Binance)."""
        names = [name for name in self.exchange.engine.instruments if name not in self.delisted]
        if len(names) < 2 or self.flavour == "ftx":
            return
        name = names[which % len(names)]
        for account in (CLIENT, RIVAL):
            self.exchange.submit(CancelAll(account=account, instrument=name))
            if self.flavour == "binance-futures":  # a contract that ends is settled
                self.exchange.submit(ForceClose(account=account, instrument=name, kind=Kind.SETTLEMENT))
        self.delisted.add(name)

    def die(self, how: Death, for_ns: int) -> None:
        """The process ends; after a while another one goes on with its journal."""
        if self.books is None or self.dead:
            return
        self.note(f"FAULT {how}, for {for_ns / SECOND} s")
        self.dead, self._died_ns = True, self.now_ns
        for wire in self.wires.values():
            wire.up = False
        self._queue.clear()  # whatever was on its way to the process, and what it was about to do
        for wire in self.wires.values():
            self.after(self.way_ns(), lambda w=wire: self._server_ends(w))  # type: ignore[misc]
        self.wires.clear()
        self.books.die(how)
        self.search_disk()
        self.troubles.append(Span(self.now_ns, self.now_ns + for_ns + MINUTE))
        self._end_outages()
        self.after(for_ns, self._live_again)

    def _live_again(self) -> None:
        """A new process: it knows what the journal knows, and nothing else."""
        if not self.dead or self.books is None:
            return
        self.dead, self._commits, self._measured_ns, self._offset_ns = False, False, None, 0
        self._shut_until_ns, self._forbidden_ns = 0, None
        self._failing.clear()
        self.restarts += 1
        restored = self.books.open()
        self.session = Session(self.venue, since_ns=self.since_ns, restored=restored)
        self._reread(self.books)
        if restored is None:
            self.started_ns = self.now_ns
        self.note_weather()
        self.do(Started())

    def _reread(self, books: Books) -> None:
        """Whoever reads on where it stood is told what it did not see, and of what it saw the same again."""
        lost = books.lost()
        if lost:
            self.lost_tail += len(lost)
            if not books.may_lose:
                self.broken.append(f"positions lost: {sorted(lost)}")
            pairs = list(zip(self._positions, self.told, strict=True))
            self.taken_back |= {
                told.key[0] for at, told in pairs if at in lost and isinstance(told, ToldFill | ToldOrder)
            }
            kept = [pair for pair in pairs if pair[0] not in lost]
            self.told = [told for _, told in kept]
            self._positions = [position for position, _ in kept]
            books.forget(lost)
        new, wrong = books.found()
        self.broken += wrong
        if self.chance.random() < 0.2:
            books.trim()
        self._show(new)
        if self.heard:
            self.told.append(Restarted(self.now_ns, self._died_ns))
            self._positions.append(0)

    def note_weather(self) -> None:
        """Keep account of when REST could not be trusted, and of what could not be asked about."""
        if self.dead:
            return
        weather, now_ns = self.weather, self.now_ns
        kinds = [kind.__name__.lower() for kind in AUDITED if self.venue.plan.balances or kind is not Balances]
        failing = {name for name in weather.away if name.partition(":")[0] in kinds}
        self._asks_by_symbol = bool(self.session._teller.symbols)
        if self.venue.plan.fills.by_symbol and not self._asks_by_symbol:
            failing -= {"orders", "fills"}  # nothing can be asked about no symbol
        if weather.fate not in ("ok", "mixed"):
            failing.add("*")
        self.outages = [
            span if span.until_ns < NEVER_NS or span.name in failing else span._replace(until_ns=now_ns)
            for span in self.outages
        ]
        known = {span.name for span in self.outages if span.until_ns == NEVER_NS}
        self.outages += [Span(now_ns, NEVER_NS, name) for name in sorted(failing - known)]
        # What failed may only be asked, or dialled, again after the longest pause between two tries.
        troubled = bool(weather.away) or weather.fate != "ok" or weather.slowest_ns > FAST_NS
        self.troubles = _held(self.troubles, now_ns, lasts=troubled, after_ns=2 * MINUTE)
        self.unreachable = _held(self.unreachable, now_ns, lasts=weather.dials != "ok", after_ns=MINUTE)

    def step_clock(self, machine_ns: int) -> None:
        """Step this machine's clock; a question may be refused for its time, and the audit asks anew a beat later."""
        self.machine_ns = machine_ns
        low_ns, high_ns = self._stepped
        self._stepped = [min(low_ns, machine_ns), max(high_ns, machine_ns)]
        self.troubles.append(Span(self.now_ns, self.now_ns + 2 * MINUTE))

    @property
    def jumped_ns(self) -> int:
        """What may lie between the time by which the venue's clock was measured and any other of this machine's."""
        low_ns, high_ns = self._stepped
        return high_ns - low_ns

    @property
    def hindrances(self) -> list[Span]:
        """When a gap could not be closed, whatever anybody did."""
        return self.troubles + self.unreachable

    def _end_outages(self) -> None:
        now_ns = self.now_ns
        self.outages = [span._replace(until_ns=min(span.until_ns, now_ns)) for span in self.outages]

    def heal(self, *, lasting: bool = False) -> None:
        """From now on the network is fair; REST keeps the lag that the venue allows itself.

        `lasting`: what is away stays away.
        """
        self._live_again()
        away = self.weather.away if lasting else {}
        self.weather = Weather(rest_lag_ns=self.weather.rest_lag_ns, away=away)
        self._overflows = False
        self.note_weather()
        self.note("HEALED")


def _held(spans: Sequence[Span], now_ns: int, *, lasts: bool, after_ns: int) -> list[Span]:
    """These spans, of which one is open as long as it `lasts`, and for a while after."""
    if not lasts:
        return [span if span.until_ns < NEVER_NS else span._replace(until_ns=now_ns + after_ns) for span in spans]
    if any(span.until_ns == NEVER_NS for span in spans):
        return list(spans)
    return [*spans, Span(now_ns, NEVER_NS)]


def _subject(question: Question) -> tuple[str, str | None]:
    """What the question is called in `Weather.away`, and the symbol that it is about."""
    key = getattr(question, "key", None)
    return type(question).__name__.lower(), getattr(question, "symbol", None) if key is None else key.venue_symbol


def _label(question: Question) -> tuple[str, str | None]:
    """What would be named if this question were given up, and the page."""
    match question:
        case FillsSince(symbol=symbol) | Orders(symbol=symbol):
            name = f"listing:{type(question).__name__.lower()}" if symbol is None else f"symbol:{symbol}"
            return f"{name}:{type(question).__name__}", question.cursor
        case OrderById(key=key) | OrderFills(key=key):
            kind = type(question).__name__
            return f"order:{key.venue_symbol}:{key.order_id}:{kind}{key.kind.value}", getattr(question, "cursor", None)
        case OpenOrders(kind=kind):
            return f"listing:open {kind.value}s:", None
        case Traces(cursor=cursor):
            return "listing:traces:", cursor
    return f"listing:{type(question).__name__.lower()}:", None


__all__ = ["CLIENT", "FAIR", "FLAVOURS", "RIVAL", "START_NS", "Runaway", "Weather", "World"]
