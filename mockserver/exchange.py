"""One venue in one world: the engine, its accounts and settings, and the links that hear its events.

Pure: the time is the world's clock, chance is seeded. The venue's protocol is its face; matching is in ``engine``.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

import attrs

from mockserver.clock import Clock
from mockserver.engine.types import Deposit, OrderEvent, OrderView, Reply, decimal_to_atoms
from mockserver.faces.base import Face, JsonScalar, VenueSpec
from mockserver.faults.refusals import Site
from mockserver.link import Link
from mockserver.rules import Rules

if TYPE_CHECKING:
    from mockserver.engine.engine import Engine
    from mockserver.engine.types import Command, Event
    from mockserver.world import World

MAX_REACTIONS = 10_000
"""Commands that a liquidity model may issue in answer to one client command; more would be a loop."""

KeyType = Literal["hmac", "rsa", "ed25519", "any"]
"""``any``: the client's secret is not known here, so whatever it signs is believed."""
Limits = Literal["off", "account", "ip"]


@attrs.define(slots=True)
class Account:
    """One API key of a venue and the ledger behind it."""

    name: str
    """The engine's account name."""
    api_key: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)
    """The HMAC secret; empty where there is none, or it is not known."""
    key_type: KeyType = "hmac"
    public_key_pem: str | None = attrs.field(default=None, repr=False)
    balances: Mapping[str, Decimal] = attrs.field(factory=dict)
    """What every ledger of the account was given at its birth (and gets again after a reset)."""
    revoked: bool = False
    subaccounts: tuple[str, ...] = ()
    """Nicknames the key may act for (FTX); the ledger of ``mm`` of account ``a`` is the engine account ``a/mm``."""

    def ledger(self, subaccount: str | None = None) -> str | None:
        """The engine account of a subaccount's nickname (None or "" = the main one); None if there is no such one."""
        if not subaccount:
            return self.name
        return f"{self.name}/{subaccount}" if subaccount in self.subaccounts else None

    @property
    def believed(self) -> bool:
        """Whether its signatures cannot be checked, and so are taken for good."""
        return self.key_type == "any"

    @property
    def ledgers(self) -> tuple[str, ...]:
        """Every engine account that the key may act for."""
        return (self.name, *(f"{self.name}/{subaccount}" for subaccount in self.subaccounts))


@attrs.define(slots=True)
class Settings:
    """What may be changed while the exchange runs; ``options`` are the venue's own, declared in its ``VenueSpec``."""

    profile: str
    limits: Limits = "off"
    rest_lag_ns: int = 0
    """REST queries answer as things were this long ago; the stream does not lag."""
    page_cap: int | None = None
    """No listing returns more rows than this, whatever limit was asked: lets a test page with few rows."""
    options: dict[str, JsonScalar] = attrs.field(factory=dict)


class Liquidity(Protocol):
    """The counterparty of an exchange's clients: reacts to events, and acts by itself at a given rhythm."""

    @property
    def interval_ns(self) -> int | None:
        """How often ``step`` wants to be called; None = never."""

    def react(self, events: Sequence[Event], now_ns: int) -> Iterable[Command]:
        """Commands in answer to what just happened."""

    def step(self, now_ns: int) -> Iterable[Command]:
        """Commands out of its own will."""


class Exchange:
    """One venue in one world. Compared by identity."""

    def __init__(self, spec: VenueSpec, world: World, engine: Engine, settings: Settings) -> None:
        self.spec = spec
        self.venue = spec.name
        self.world = world
        self.engine = engine
        self.settings = settings
        self.accounts: dict[str, Account] = {}  # bounded: MAX_ACCOUNTS, see Worlds.open_account
        self.links: list[Link] = []  # bounded: the server's limit of connections
        self.liquidity: Liquidity | None = None
        self.rules = Rules(engine.instruments)
        # bounded: one per request that waits
        self._ends: dict[tuple[str, int], list[Callable[[], None]]] = {}
        self._sees: frozenset[tuple[int, str]] = frozenset()
        self._reactions: deque[Command] = deque()  # bounded: MAX_REACTIONS per command, see _drain()
        self.face: Face = spec.face(self)

    # -- what faces use -------------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The world's clock; every timer of a face goes there."""
        return self.world.clock

    @property
    def now_ns(self) -> int:
        """The venue's time in nanoseconds."""
        return self.world.clock.now_ns

    @property
    def told_ns(self) -> int:
        """The time as the venue tells it and judges requests by, which a fault may put off."""
        return self.now_ns + self.rules.skew_ns

    @property
    def site(self) -> Site:
        """What the words of an error need to know."""
        names = ("weight_per_minute", "orders_per_10s")
        given = {name: self.option(name) for name in names if name in self.settings.options}
        known = {name: value for name, value in given.items() if isinstance(value, int)}
        return Site(self.venue, self.told_ns // 1_000_000, **known)

    @property
    def limits(self) -> Limits:
        """How limits are kept; where a fault has lowered one, they are kept as the venue does it."""
        return "ip" if self.rules.lowered and self.settings.limits == "off" else self.settings.limits

    def option(self, name: str) -> JsonScalar:
        """An option of the venue as it is now."""
        return self.rules.lowered.get(name, self.settings.options[name])

    def options_in(self, profile: str) -> dict[str, JsonScalar]:
        """The options under a profile: those that are now as they are by default become what they were then."""
        usual = self.spec.options_of(self.settings.profile)
        chosen = {name: value for name, value in self.settings.options.items() if value != usual[name]}
        return self.spec.options_of(profile) | chosen

    def play_era(self, profile: str) -> None:
        """Be the venue of another era."""
        self.settings.options = self.options_in(profile)
        self.settings.profile = profile

    @property
    def as_of_ns(self) -> int | None:
        """The moment REST queries answer for: None for now, or so long ago as the REST lag is set to."""
        return self.now_ns - self.settings.rest_lag_ns if self.settings.rest_lag_ns else None

    def page(self, asked: int) -> int:
        """The number of rows a listing may return when ``asked`` were asked for."""
        cap = self.settings.page_cap
        return asked if cap is None else min(asked, cap)

    def random(self, name: str) -> random.Random:
        """A generator of its own for one component, so that a new one does not shift the others (keep it)."""
        # With the world's name: two worlds of one seed must not make the same listen key.
        return random.Random(f"{self.world.seed}/{self.world.name}/{self.venue}/{name}")  # noqa: S311 (repeatable)

    def account(self, name: str) -> Account | None:
        """The account of this name (main accounts, not subaccount ledgers)."""
        return self.accounts.get(name)

    def find_key(self, api_key: str) -> tuple[Exchange, Account] | None:
        """The exchange (perhaps of another world, same venue) and account of an API key; revoked accounts too."""
        return self.world.worlds.find_key(self.venue, api_key)

    def caller(self, api_key: str) -> tuple[Exchange, Account] | None:
        """As ``find_key``, for whoever signs with this key: one that nobody made may get an account (``--any-key``)."""
        return self.find_key(api_key) or self.world.worlds.believe(self.venue, api_key)

    def claim(self, token: str, account: str | None = None) -> None:
        """Let requests that carry this token (a listen key, of this account) find this exchange's world."""
        self.world.worlds.claim(self.venue, token, self, account)

    def find_token(self, token: str) -> Exchange | None:
        """The exchange (perhaps of another world, same venue) that claimed this token, or None."""
        return self.world.worlds.find_token(self.venue, token)

    def disclaim(self, token: str) -> None:
        """Forget a token."""
        self.world.worlds.disclaim(self.venue, token)

    def submit(self, command: Command) -> Reply:
        """Apply a command now; every link has the events in its outbox before this returns.

        The liquidity model's answers are applied afterwards, so the reply shows the order as its own command left it.
        """
        refused = self.rules.refuse(command)
        if refused is not None:
            return Reply(reject=refused)
        reply = self._apply(command)
        self._drain()
        return reply

    def later(self, command: Command) -> None:
        """Apply a command once the events of the present one have been told."""
        self._reactions.append(command)

    def when_ended(self, order: OrderView, then: Callable[[], None]) -> None:
        """Call this once the order has ended; at once if it has."""
        now = self.engine.order(order.instrument, order.order_id)
        if now is None or not now.is_open:
            then()
        else:
            self._ends.setdefault((order.instrument, order.order_id), []).append(then)

    # -- inside ---------------------------------------------------------------------------------------------------

    def step_liquidity(self) -> None:
        """Let the liquidity model act once, of its own will."""
        if self.liquidity is not None:
            for command in self.liquidity.step(self.now_ns):
                self.submit(command)

    def note_sight(self) -> None:
        """Recompute which accounts are seen by which live link, and tell the truth when that changed."""
        mine = (self.world.name, self.venue)
        seen = frozenset(
            (link.id, account) for link in self.links for *where, account in link.sees if tuple(where) == mine
        )
        if seen != self._sees:
            self.world.truth.sight(self.venue, self._sees, seen, self.now_ns)
            for word, changed in (("unsubscribed", self._sees - seen), ("subscribed", seen - self._sees)):
                for link, account in sorted(changed):
                    self.world.recorder.record("client", f"{word} {self.venue} {account}", link=link)
            self._sees = seen

    def open_ledger(self, name: str, balances: Mapping[str, Decimal]) -> None:
        """Give a new engine account its first balances; nobody looks at it yet, so it is born blind."""
        self.engine.open_account(name)
        self.world.truth.born(self.venue, name, self.now_ns)
        for asset, amount in balances.items():
            self.submit(Deposit(account=name, asset=asset, amount=decimal_to_atoms(amount)))

    def begin(self) -> None:
        """Start the liquidity model: its first act now, the next ones by a timer."""
        self.step_liquidity()
        if self.liquidity is not None and self.liquidity.interval_ns is not None:
            self.clock.after(self.liquidity.interval_ns, f"liquidity of {self.venue}", self.begin, market=True)

    def _apply(self, command: Command) -> Reply:
        result = self.engine.apply(command, self.now_ns)
        if result.events:
            self.world.truth.note(self.venue, result.events)
            self.face.on_events(result.events)
            for link in tuple(self.links):
                if link.open and link.session is not None:
                    link.session.on_events(self, result.events)
            self._note_ends(result.events)
            if self.liquidity is not None:
                self._reactions.extend(self.liquidity.react(result.events, self.now_ns))
        return result.reply

    def _note_ends(self, events: Sequence[Event]) -> None:
        for event in events if self._ends else ():
            if isinstance(event, OrderEvent) and not event.order.is_open:
                for then in self._ends.pop((event.order.instrument, event.order.order_id), ()):
                    then()

    def _drain(self) -> None:
        for _ in range(MAX_REACTIONS):
            if not self._reactions:
                return
            self._apply(self._reactions.popleft())
        self._reactions.clear()
        raise OverflowError(f"{self.venue}: the liquidity model did not come to rest")
