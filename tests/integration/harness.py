"""The mock exchange and exchstream in one trio loop, over real loopback sockets, for every venue alike.

`Mock` serves; `Seat` is one account at one venue: it trades by the mock's engine (as another program of the same user
would), knows the truth, and gives the `Venue` for `open_stream`.  Under a MockClock both ends share virtual time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final

import attrs
import trio

from exchstream.core.venue import SECOND, Venue
from exchstream.events import Event, Fill, GapClosed, GapOpened, OrderUpdate
from exchstream.shell.stream import OrderStream
from mockserver import Clock, Exchange, Recipe, Server, Worlds
from mockserver.attach.gate import Gate
from mockserver.engine.commands import Cancel, Place
from mockserver.engine.commands import Fill as ForceFill
from mockserver.engine.enums import OrderType, Side, TimeInForce
from mockserver.engine.types import OrderView
from mockserver.server import listen
from mockserver.venues import VENUES

from .accounts import FLAVOURS, SYMBOLS, account, venue_of

BASE_NS: Final = 1_795_000_000 * SECOND
NAMES: Final = FLAVOURS
QUICK_NS: Final = SECOND // 5  # a lag allowance for tests in real time, where REST does not lag


def mock_now_ns() -> int:
    """The mock's UTC: trio's clock, so that a virtual clock moves it."""
    return BASE_NS + round(trio.current_time() * SECOND)


@attrs.define(eq=False)
class Seat:
    """One account at one venue of the mock.  `flavour` is one of NAMES."""

    mock: Mock
    flavour: str
    name: str
    exchange: Exchange
    api_key: str
    secret: str
    options: dict[str, Any]

    @property
    def symbol(self) -> str:
        """The market that the seat trades."""
        return SYMBOLS[self.exchange.venue]

    @property
    def venue(self) -> Venue:
        """The account as exchstream is told of it."""
        return account(self.flavour, self.mock.http, self.mock.ws, **self.keys | self.options)

    @property
    def keys(self) -> dict[str, str]:
        """How the account is named, and what it signs with."""
        return {"name": self.name, "api_key": self.api_key, "api_secret": self.secret}

    # ------------------------------------------------------------------------------------------------ trading

    def place(self, quantity: str = "1", price: str = "100", side: Side = Side.BUY, **more: Any) -> OrderView:
        """Place a limit order that rests."""
        instrument = self.exchange.engine.instruments[self.symbol]
        reply = self.exchange.submit(
            Place(
                account=self.name,
                instrument=self.symbol,
                side=side,
                type=OrderType.LIMIT,
                quantity=instrument.to_steps(Decimal(quantity)),
                price=instrument.to_ticks(Decimal(price)),
                tif=TimeInForce.GTC,
                **more,
            )
        )
        assert reply.order is not None, reply.reject
        return reply.order

    def fill(self, order: OrderView, quantity: str | None = None) -> None:
        """Fill (a part of) the order against the house."""
        steps = None
        if quantity is not None:
            steps = self.exchange.engine.instruments[order.instrument].to_steps(Decimal(quantity))
        reply = self.exchange.submit(
            ForceFill(instrument=order.instrument, order_id=order.order_id, quantity=steps, price=None, maker=True)
        )
        assert reply.reject is None, reply.reject

    def cancel(self, order: OrderView) -> None:
        """Cancel the order."""
        reply = self.exchange.submit(
            Cancel(account=self.name, instrument=order.instrument, order_id=order.order_id, request_id=None)
        )
        assert reply.reject is None, reply.reject

    def wipe(self) -> None:
        """The venue forgets all orders and counts its ids from the start; the key lives on."""
        settings = self.exchange.settings
        self.exchange = self.mock.worlds.reset(self.exchange.world.name, wipe=True).exchanges[self.exchange.venue]
        self.exchange.settings = settings

    # ------------------------------------------------------------------------------------------------ the truth

    def truth(self) -> dict[str, Any]:
        """What the mock says happened to this account."""
        engine = self.exchange.engine
        return self.exchange.world.truth.report(
            lambda venue, symbol: engine.instruments[symbol],
            self.exchange.now_ns,
            venue=self.exchange.venue,
            account=self.name,
        )

    def true_fills(self) -> list[tuple[str, Decimal, Decimal, Decimal]]:
        """(order id, price, quantity, fee) of every true fill, in the order in which they happened."""
        rows = self.truth()["fills"]
        return [(r["order_id"], Decimal(r["price"]), Decimal(r["quantity"]), Decimal(r["fee"])) for r in rows]

    # ------------------------------------------------------------------------------------------------ links

    @property
    def links(self) -> list[Any]:
        """The user-data connections of this account that are open."""
        wanted = (self.exchange.world.name, self.exchange.venue, self.name)
        return [link for link in self.mock.worlds.links.values() if wanted in link.accounts]

    def drop(self) -> None:
        """Cut every user-data connection of the account without a word."""
        for link in self.links:
            link.drop()


@attrs.define(eq=False)
class Mock:
    """A served mock exchange with manual liquidity."""

    worlds: Worlds
    http: str
    ws: str
    _seats: int = 0

    def seat(self, flavour: str, *, quick: bool = True, **options: Any) -> Seat:
        """A new account in a world of its own; `quick` shortens the lag allowance (real time, no REST lag)."""
        self._seats += 1
        name = f"a{self._seats}"
        world = self.worlds.create(f"world-{name}", seed=self._seats)
        exchange = world.exchanges[venue_of(flavour)]
        if flavour == "binance-spot-listen-key":
            exchange.settings.profile = "binance-2024"
        opened = self.worlds.open_account(exchange, name)
        if quick:
            options.setdefault("lag_ns", QUICK_NS)
        return Seat(self, flavour, name, exchange, opened.api_key, opened.secret, options)


@asynccontextmanager
async def served(
    now_ns: Callable[[], int] = mock_now_ns, gate: Callable[[Server], Gate] | None = None
) -> AsyncIterator[Mock]:
    """A mock exchange on a free loopback port until the block is left; `now_ns` is its UTC, by `gate` it has TLS."""
    worlds = Worlds(Recipe(venues=VENUES, clock=lambda: Clock(now_ns)), seed=1)
    server = Server(worlds)
    server.gate = None if gate is None else gate(server)
    listeners = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(server.serve_on, "127.0.0.1", listeners)
        yield Mock(worlds, listening.http, listening.ws)
        nursery.cancel_scope.cancel()


async def until(
    stream: OrderStream,
    done: Callable[[Sequence[Event]], bool],
    *,
    seconds: float = 10,
    told: list[Event] | None = None,
) -> list[Event]:
    """Read until the events so far satisfy `done`; fails with what was told when that takes too long."""
    events: list[Event] = [] if told is None else told
    with trio.move_on_after(seconds):
        while not done(events):
            events.append(await stream.__anext__())
        return events
    raise AssertionError("not told in time:\n" + "\n".join(map(repr, events)))


async def eventually(true: Callable[[], bool], *, every: float = 0.01) -> None:
    """Wait until this is true; what the other side does tells nobody when."""
    while not true():  # noqa: ASYNC110
        await trio.sleep(every)


def grown(stream: OrderStream, position: int) -> Callable[[], bool]:
    """Readers can see the event at this position."""
    return lambda: stream.journal.visible >= position


def live(count: int = 1) -> Callable[[Sequence[Event]], bool]:
    """So many gaps have closed."""
    return lambda events: sum(isinstance(event, GapClosed) for event in events) >= count


def fills_of(events: Sequence[Event]) -> list[Fill]:
    """The fills among these events."""
    return [event for event in events if isinstance(event, Fill)]


def updates_of(events: Sequence[Event]) -> list[OrderUpdate]:
    """The order updates among these events."""
    return [event for event in events if isinstance(event, OrderUpdate)]


def gaps_of(events: Sequence[Event]) -> list[GapOpened]:
    """The gaps that were opened."""
    return [event for event in events if isinstance(event, GapOpened)]


def verdicts_of(events: Sequence[Event]) -> list[GapClosed]:
    """The verdicts."""
    return [event for event in events if isinstance(event, GapClosed)]


def told_fills(events: Sequence[Event]) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """The same four values of every fill that was told, in the order told."""
    return [(f.order_id, f.price, f.quantity, f.fee or Decimal(0)) for f in fills_of(events)]
