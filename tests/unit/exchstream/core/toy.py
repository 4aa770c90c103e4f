"""A venue of which a test says every word, and a driver that plays the shell for one session.

What a frame or an answer means is whatever the test put into the table: so the core is tested against meanings alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

import attrs

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
    Now,
    Overflowed,
    Ping,
    Received,
    Send,
    Started,
    Unanswered,
    Woken,
)
from exchstream.core.limits import HostLimits, HttpLimits, LinkLimits, SessionLimits
from exchstream.core.session import Session
from exchstream.core.venue import (
    MINUTE,
    SECOND,
    Address,
    AuditPlan,
    Bucket,
    Fills,
    FillView,
    Lane,
    Listing,
    MarketList,
    Markets,
    Meaning,
    Memory,
    NewCredential,
    OpenOrders,
    OrderView,
    Plan,
    Proof,
    Question,
    Reply,
    Request,
    Secret,
    Snapshot,
)
from exchstream.events import Event
from exchstream.model import (
    Cumulative,
    End,
    Execution,
    Market,
    OrderKey,
    OrderKind,
    OrderState,
    Side,
    Stage,
    Term,
)

T0 = 1_700_000_000 * SECOND
E = TypeVar("E")
C = TypeVar("C")

ACK_LANE = Lane(name="user", proof=Proof.ACK, silence_ns=60 * SECOND, heartbeat_ns=20 * SECOND)
OPEN_LANE = Lane(name="user", proof=Proof.OPEN, silence_ns=60 * SECOND, heartbeat_ns=20 * SECOND, settle_ns=SECOND)
PLAN = Plan(
    lanes=(ACK_LANE,),
    kinds=(OrderKind.ORDER,),
    fills=Listing(by_symbol=True),
    orders=Listing(by_symbol=True),
    audit=AuditPlan(every_ns=30 * SECOND, fast_ns=10 * SECOND, grace_ns=10 * SECOND),
    balances=False,
    lag_ns=5 * SECOND,
)
MARKETS = {
    name: Market(name, f"{base}/{quote}", base, quote)
    for name, base, quote in (("BTCUSDT", "BTC", "USDT"), ("ETHUSDT", "ETH", "USDT"), ("ETHBTC", "ETH", "BTC"))
}


@attrs.define
class Toy:
    """A venue that knows only what the test tells it."""

    plan: Plan = PLAN
    credentials: bool = False
    symbols: tuple[str, ...] = ("BTCUSDT",)
    words: dict[str, Sequence[Meaning]] = attrs.field(factory=dict)
    name: str = "toy"
    account: str = "main"
    environment: str = "toy:test"
    rest_url: str = "http://toy"
    buckets: tuple[Bucket, ...] = ()
    secrets: tuple[Secret, ...] = (Secret("canary-secret"),)
    identity: str = "toy-identity"
    link_limits: LinkLimits = LinkLimits()
    http_limits: HttpLimits = HttpLimits()
    session_limits: SessionLimits = SessionLimits()
    host_limits: HostLimits = HostLimits()

    def needs(self, memory: Memory, now_ns: int) -> Sequence[Question]:
        """The markets, and a key where the toy has keys."""
        needs: list[Question] = [] if memory.markets is not None else [Markets()]
        if self.credentials and memory.credential is None:
            needs.append(NewCredential())
        return needs

    def dial(self, lane: Lane, memory: Memory) -> Address:
        """Nowhere."""
        return Address("ws://toy")

    def greet(self, lane: Lane, memory: Memory, now_ns: int) -> Sequence[tuple[str, str]]:
        """One frame on a lane that acknowledges."""
        return [("sub", "subscribe")] if lane.proof is Proof.ACK else []

    def read(self, lane: Lane, frames: Sequence[bytes], memory: Memory) -> list[Meaning]:
        """What the test said that these frames mean."""
        return [meaning for frame in frames for meaning in self.words[frame.decode()]]

    def request(self, question: Question, memory: Memory, now_ns: int) -> Request:
        """Never asked: the driver answers questions itself."""
        raise AssertionError("the driver plays the shell")

    def answer(self, question: Question, reply: Reply, memory: Memory) -> list[Meaning]:
        """What the test said that this answer means."""
        return list(self.words[reply.body.decode()])


@attrs.define
class Driver:
    """Plays the shell: hands happenings to the session, keeps what it commanded and told."""

    venue: Toy = attrs.field(factory=Toy)
    since_ns: int | None = None
    session: Session = attrs.field(init=False)
    now: Now = Now(0, T0)
    events: list[Event] = attrs.field(factory=list)
    commands: list[Command] = attrs.field(factory=list)
    asks: dict[int, Question] = attrs.field(factory=dict)
    link: int = 0
    ahead_ns: int = 0

    def __attrs_post_init__(self) -> None:
        self.session = Session(self.venue, since_ns=self.since_ns)

    def do(self, happening: Happening) -> list[Command]:
        """One happening; what it led to is also added to `events`, `commands` and `asks`."""
        commands = self.session.handle(happening, self.now)
        for command in commands:
            match command:
                case Emit(events=events):
                    self.events += events
                case Ask(ask=number, question=question):
                    self.asks[number] = question
                case Dial(link=link):
                    self.link = link
                case _:
                    pass
        self.asks = {number: q for number, q in self.asks.items() if self.session.expects(number)}
        self.commands += commands
        return commands

    def word(self, meanings: Sequence[Meaning]) -> str:
        """A new word that means this."""
        name = f"w{len(self.venue.words)}"
        self.venue.words[name] = list(meanings)
        return name

    def say(self, *meanings: Meaning, link: int | None = None) -> list[Command]:
        """The venue says this on the newest (or the given) link, in one batch."""
        number = self.link if link is None else link
        return self.do(Received(number, (self.word(meanings).encode(),), self.now.mono_ns))

    def outstanding(self, kind: type) -> int:
        """The number of an open question of this kind."""
        return next(number for number, question in self.asks.items() if isinstance(question, kind))

    def reply(self, kind: type, *meanings: Meaning) -> list[Command]:
        """Answer the oldest open question of this kind with this."""
        number = self.outstanding(kind)
        del self.asks[number]
        return self.do(Answered(number, Reply(200, {}, self.word(meanings).encode())))

    def fail(self, kind: type, why: str = "time-out") -> list[Command]:
        """The oldest open question of this kind gets no answer."""
        number = self.outstanding(kind)
        del self.asks[number]
        return self.do(Unanswered(number, why))

    def answer_all(self, *open_orders: OrderState, fills: Sequence[Execution] = ()) -> None:
        """Answer everything that is asked: these orders are open, these fills there were, until nothing is asked."""
        for _ in range(100):
            pending = [(n, q) for n, q in self.asks.items() if not _is_timer(q)]
            if not pending:
                return
            number, question = pending[0]
            del self.asks[number]
            meanings: list[Meaning] = []
            if isinstance(question, Markets):
                meanings = [MarketList(MARKETS)]
            elif isinstance(question, OpenOrders):
                meanings = [
                    *map(OrderView, open_orders),
                    Snapshot(question.kind, frozenset(o.key for o in open_orders)),
                ]
            elif isinstance(question, Fills):
                meanings = [FillView(f) for f in fills if f.venue_symbol == question.symbol]
            self.do(Answered(number, Reply(200, {}, self.word(meanings).encode())))
        raise AssertionError("it never stops asking")

    def advance(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asked for it."""
        until_ns = self.now.mono_ns + round(seconds * SECOND)
        for _ in range(10_000):
            wake_ns = self.session.wake_at_ns
            if wake_ns is None or wake_ns > until_ns:
                break
            self.at(max(wake_ns, self.now.mono_ns))
            self.do(Woken())
        else:
            raise AssertionError("it is woken without end")
        self.at(until_ns)

    def at(self, mono_ns: int) -> None:
        """It is now this instant; the venue's clock runs `ahead_ns` ahead."""
        self.now = Now(mono_ns, T0 + mono_ns + self.ahead_ns)

    def begin(self) -> None:
        """Start, and answer what is needed before dialling."""
        self.do(Started())
        self.do(Clocked())
        while any(isinstance(question, Markets) for question in self.asks.values()):
            self.reply(Markets, MarketList(MARKETS))

    def go_live(self, *open_orders: OrderState, fills: Sequence[Execution] = ()) -> None:
        """Start, connect, prove the link and look back until the verdict."""
        self.begin()
        self.prove()
        self.settle(*open_orders, fills=fills)

    def prove(self) -> None:
        """The newest link opens and its subscription is accepted."""
        from exchstream.core.venue import Accepted

        self.do(Connected(self.link))
        self.say(Accepted("sub"))

    def settle(self, *open_orders: OrderState, fills: Sequence[Execution] = ()) -> None:
        """Answer look-backs, pass after pass, until the session is live."""
        for _ in range(20):
            self.answer_all(*open_orders, fills=fills)
            if self.session.status().phase == "live":
                return
            self.advance(self.venue.plan.lag_ns / SECOND)
            self.do(Woken())
            self.hear()
        raise AssertionError(f"not live after 20 passes: {self.session.status()}")

    def hear(self) -> None:
        """A control frame arrives: the link is not silent."""
        self.do(Received(self.link, (), self.now.mono_ns))

    def told(self, *kinds: type[E]) -> list[E]:
        """The events of these kinds so far."""
        return [event for event in self.events if isinstance(event, kinds)]

    def lose(self, why: str = "reset") -> list[Command]:
        """The newest link ends."""
        return self.do(Lost(self.link, why))

    def sent(self, *kinds: type[C]) -> list[C]:
        """The commands of these kinds so far."""
        return [command for command in self.commands if isinstance(command, kinds)]


def _is_timer(question: Question) -> bool:
    return type(question).__name__ == "RenewCredential"


def order(
    number: str = "1",
    *,
    filled: str = "0",
    end: End | None = None,
    symbol: str = "BTCUSDT",
    quantity: str = "1",
    stage: Stage = Stage.NEW,
    at: float = 1.0,
    price: str = "100",
) -> OrderState:
    """A view of an order, `at` seconds after the start."""
    at_ns = T0 + round(at * SECOND)
    return OrderState(
        key=OrderKey(symbol, number),
        stage=stage,
        end=end,
        cumulative=Cumulative(Decimal(filled)),
        side=Side.BUY,
        price=Term(Decimal(price), at_ns),
        quantity=Term(Decimal(quantity), at_ns),
        created_ns=T0,
        updated_ns=at_ns,
    )


def execution(
    trade: str = "1",
    *,
    of: str = "1",
    quantity: str = "1",
    symbol: str = "BTCUSDT",
    at: float = 1.0,
    price: str = "100",
) -> Execution:
    """An execution of an order, `at` seconds after the start."""
    return Execution(
        venue_symbol=symbol,
        trade_id=trade,
        order_id=of,
        side=Side.BUY,
        price=Decimal(price),
        quantity=Decimal(quantity),
        time_ns=T0 + round(at * SECOND),
    )


__all__ = [
    "ACK_LANE", "MARKETS", "MINUTE", "OPEN_LANE", "PLAN", "T0", "Close", "Driver", "Overflowed", "Ping", "Send", "Toy",
    "execution", "order",
]  # fmt: skip
