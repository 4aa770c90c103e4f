"""Worlds: isolated universes of exchanges, chosen by API key.

``Worlds`` is the directory a server holds: it finds the world of a request, hands it to the right face, and knows
every connection. A ``World`` has one clock, one recorder, one truth, one seed and one ``Exchange`` per venue; two
worlds never see each other. Requests without a known key go to the default world.

Pure: no sockets, no ambient clock, no ambient chance. The protocols of the venues are in ``faces``, matching is in
``engine``.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Literal

import attrs

from mockserver.again import Again, of_server
from mockserver.clock import Clock, Fired
from mockserver.engine.engine import Engine
from mockserver.engine.types import HOUSE, MOST_ATOMS, OrderView, decimal_to_atoms
from mockserver.exchange import Account, Exchange, KeyType, Limits, Liquidity, Settings
from mockserver.faces.base import HttpRequest, HttpResponse, Session, VenueSpec
from mockserver.faults import (
    FAIR,
    WORDS,
    Draw,
    Fate,
    Fault,
    Faults,
    Handshake,
    Hit,
    Kind,
    Thing,
    TlsReset,
    fate_of,
    magic,
    request_thing,
    wire_thing,
)
from mockserver.faults.carrying import CUT, ask
from mockserver.faults.naming import order_of_answer
from mockserver.faults.refusals import Site, refusal
from mockserver.hosts import venue_of
from mockserver.link import Link, NoTransport, Transport
from mockserver.recorder import MAX_ENTRIES, Recorder
from mockserver.reports import Reports
from mockserver.truth import Truth

__all__ = [
    "Account",
    "Exchange",
    "Link",
    "Liquidity",
    "NoTransport",
    "Recipe",
    "Settings",
    "Transport",
    "World",
    "Worlds",
]

MAX_WORLDS = 1_000
MAX_ACCOUNTS = 10_000
BELIEVED = "a key that the mock did not make: account {name} of {venue} is opened for it; what it signs is not checked"
NAME = re.compile(r"<[^>]*>|\{[^}]*\}")
"""A name that stands for anything in a route."""


class World:
    """One isolated universe. Made by ``Worlds.create``."""

    def __init__(self, worlds: Worlds, name: str, seed: int, clock: Clock, *, repeats: bool) -> None:
        self.worlds = worlds
        self.name = name
        self.seed = seed
        self.repeats = repeats
        """Whether it begins with the same ids and the same chance after every start and reset."""
        self.clock = clock
        self.recorder = Recorder(lambda: clock.now_ns, limit=worlds.recipe.journal)
        self.truth = Truth(name, kept=worlds.recipe.kept)
        self.reports = Reports()
        self.faults = Faults(seed)
        self.exchanges: dict[str, Exchange] = {}  # bounded: one per venue
        clock.watchers.append(self._note_timer)

    def end(self) -> None:
        """No timer fires any more."""
        self.clock.clear()
        self.clock.watchers.remove(self._note_timer)

    def _note_timer(self, fired: Fired) -> None:
        self.recorder.record("timer", fired.name, link=fired.link)

    def arm(self, fault: Fault) -> None:
        """Let a fault happen from now on. ValueError: one of its name does already, or it could never happen here."""
        if isinstance(fault.kind, Handshake) and not self.worlds.speaks_tls():
            word = WORDS[type(fault.kind)]
            raise ValueError(
                f"{word} befalls TLS handshakes, and this mock speaks no TLS: start it with --tls, or by exec"
            )
        self.faults.arm(fault, self.clock.timeline_ns)

    def fate(self, thing: Thing, magic: tuple[str, Kind] | None = None, wire: Thing | None = None) -> Fate:
        """What faults make of a request or a dial, which may have asked for one itself by its client order id.

        `wire` is how it came; None: by a connection of which that was decided before.
        """
        hits = [hit for each in (thing, wire) if each for hit in self.faults.decide(each, self.clock.timeline_ns)]
        if magic is not None:
            hits.insert(0, Hit(Fault(kind=magic[1], name=magic[0]), Draw(self.seed, magic[0], 1)))
        self.note_faults(hits, link=thing.link)
        return fate_of(hits)

    def note_faults(self, hits: Sequence[Hit], *, link: int | None = None) -> None:
        """Keep in the journal what happened."""
        for hit in hits:
            self.recorder.record("fault", f"{hit.fault.name} {hit.draw.number}", link=link)


@attrs.frozen(slots=True)
class Recipe:
    """How a server makes its worlds: venues, profile per venue, limits, and who trades there."""

    venues: tuple[VenueSpec, ...]
    clock: Callable[[], Clock]
    liquidity: Callable[[Exchange], Liquidity | None] = lambda exchange: None
    profiles: Mapping[str, str] = attrs.field(factory=dict)
    limits: Limits = "off"
    journal: int = MAX_ENTRIES
    """Entries that a journal keeps."""
    kept: int | None = None
    """Closed orders, and fills, of an account that an engine keeps, and of a world that the truth tells."""
    any_key: bool = False
    """Whether an API key that nobody made gets an account, instead of a refusal."""
    id_offset: Callable[[], int] | None = None
    """How far on the ids of a world that is made now begin. None: they begin where the venue's do, every time, so that
    everything repeats; a client that goes on running then takes the new trades of a new start for those it has seen."""


class Worlds:
    """The directory of a server: every world, every key, every connection."""

    def __init__(self, recipe: Recipe, *, seed: int = 0) -> None:
        self.recipe = recipe
        self.seed = seed
        self.worlds: dict[str, World] = {}  # bounded: MAX_WORLDS, see create()
        self.links: dict[int, Link] = {}  # bounded: the server's limit of connections
        self.again: Again = of_server()
        """What repeats a run; whoever started this says so."""
        self.on_world: Callable[[World], None] | None = None
        """Called for each new world, so that the server minds its clock."""
        self.on_reset: Callable[[World], None] | None = None
        """Called for a world that has begun anew, so that who acted in it by himself can go on."""
        self.speaks_tls: Callable[[], bool] = lambda: True
        """Whether handshakes of TLS come here; a server says so. Without one whoever asks for their fate has some."""
        self._numbers = itertools.count(1)
        self._random = random.Random(f"{seed}/keys")  # noqa: S311 (repeatable on purpose)
        self._keys: dict[tuple[str, str], tuple[Exchange, Account]] = {}  # bounded: MAX_WORLDS * MAX_ACCOUNTS
        self._tokens: dict[tuple[str, str], tuple[Exchange, str | None]] = {}  # bounded: one live key per account
        self._routes: dict[str, re.Pattern[str]] = {}  # bounded: one per venue
        self.default = self.create("default")

    # -- worlds and accounts --------------------------------------------------------------------------------------

    def create(self, name: str, seed: int | None = None) -> World:
        """A new, empty world; one with a seed of its own repeats. ValueError: the name is taken, or too many."""
        if seed is None:
            return self._create(name, self.seed, repeats=self.recipe.id_offset is None)
        return self._create(name, seed, repeats=True)

    def _create(self, name: str, seed: int, *, repeats: bool, wiped: bool = False) -> World:
        if name in self.worlds:
            raise ValueError(f"there is already a world {name!r}")
        if len(self.worlds) >= MAX_WORLDS:
            raise ValueError(f"there are already {MAX_WORLDS} worlds")
        world = World(self, name, seed, self.recipe.clock(), repeats=repeats)
        offset = 0 if repeats or wiped or self.recipe.id_offset is None else self.recipe.id_offset()
        for spec in self.recipe.venues:
            profile = self.recipe.profiles.get(spec.name, spec.profiles[0])
            settings = Settings(profile=profile, limits=self.recipe.limits, options=spec.options_of(profile))
            engine = Engine(spec.instruments, ids=spec.ids.later(offset), seed=seed, discount=spec.discount)
            exchange = Exchange(spec, world, engine, settings)
            world.exchanges[spec.name] = exchange
            if self.recipe.kept is not None:
                exchange.engine.keep(self.recipe.kept)
            exchange.liquidity = self.recipe.liquidity(exchange)
            exchange.begin()
        self._enter(world)
        return world

    def _enter(self, world: World) -> None:
        self.worlds[world.name] = world
        if self.on_world is not None:
            self.on_world(world)

    def forget(self, name: str) -> None:
        """End a world: its links are closed (1001), its keys are unknown, its timers never fire."""
        world = self.worlds.pop(name)
        for link in tuple(self.links.values()):
            if link.home is world:
                link.close(1001, "")
        self._keys = {key: found for key, found in self._keys.items() if found[0].world is not world}
        self._tokens = {token: found for token, found in self._tokens.items() if found[0].world is not world}
        world.end()

    def adopt(self, world: World, tokens: Iterable[tuple[str, str, str | None]]) -> None:
        """Put a world that was made elsewhere in the place of the one of its name, which ends.

        ``tokens`` are (venue, token, account). ValueError, and nothing has changed: an API key or a token is in use in
        another world, or there are too many worlds.
        """
        old = self.worlds.get(world.name)
        keys = {(e.venue, a.api_key): (e, a) for e in world.exchanges.values() for a in e.accounts.values()}
        claims = {(venue, token): (world.exchanges[venue], account) for venue, token, account in tokens}
        taken = [self._keys[key][0].world for key in keys if key in self._keys]
        taken += [self._tokens[claim][0].world for claim in claims if claim in self._tokens]
        if others := sorted({found.name for found in taken if found is not old}):
            raise ValueError(f"its API keys are in use in {', '.join(others)}; {self._freed(others[0])}")
        if old is None and len(self.worlds) >= MAX_WORLDS:
            raise ValueError(f"there are already {MAX_WORLDS} worlds")
        if old is not None:
            self.forget(world.name)
        self._keys |= keys
        self._tokens |= claims
        self._enter(world)
        if old is self.default:
            self.default = world

    def _freed(self, name: str) -> str:
        """What to do so that the keys of this world are free."""
        if self.worlds[name] is self.default:
            return f'the default world stays, so restore it as that one: {{"world": "{name}"}}'
        return f"forget that world first: DELETE /__mock/worlds/{name}"

    def tokens(self, world: World) -> list[tuple[str, str, str | None]]:
        """The tokens that belong to a world: venue, token, account."""
        return [(v, token, account) for (v, token), (e, account) in self._tokens.items() if e.world is world]

    def reset(self, name: str, *, keep_accounts: bool = True, wipe: bool = False) -> World:
        """Begin a world anew; accounts keep their keys and get their first balances again.

        A world that repeats has the same seed and the same ids again; any other has new ones, or (``wipe``, as Binance
        does it to its testnet) ids that begin where the venue's do.
        """
        old = self.worlds[name]
        kept = [(venue, a) for venue, exchange in old.exchanges.items() for a in exchange.accounts.values()]
        self.forget(name)
        world = self._create(name, old.seed if old.repeats else old.seed + 1, repeats=old.repeats, wiped=wipe)
        if old is self.default:
            self.default = world
        for venue, account in kept if keep_accounts else ():
            self._register(world.exchanges[venue], attrs.evolve(account, revoked=False))
        if self.on_reset is not None:
            self.on_reset(world)
        return world

    def open_account(
        self,
        exchange: Exchange,
        name: str,
        *,
        balances: Mapping[str, Decimal] | None = None,
        api_key: str | None = None,
        secret: str | None = None,
        key_type: KeyType = "hmac",
        public_key_pem: str | None = None,
        subaccounts: tuple[str, ...] = (),
    ) -> Account:
        """A new account with balances; key and secret are made up unless given. ValueError says what is wrong."""
        spec = exchange.spec
        given = {a: Decimal(n) for a, n in spec.demo_balances.items()} if balances is None else dict(balances)
        account = Account(
            name=name,
            api_key=api_key or self._token(spec.key_alphabet, spec.key_length),
            secret="" if key_type != "hmac" else secret or self._token(spec.key_alphabet, spec.secret_length),
            key_type=key_type,
            public_key_pem=public_key_pem,
            balances=given,
            subaccounts=subaccounts,
        )
        self._register(exchange, account)
        return account

    def find_key(self, venue: str, api_key: str) -> tuple[Exchange, Account] | None:
        """The exchange and account of an API key of this venue, in whatever world; revoked ones too."""
        return self._keys.get((venue, api_key))

    def believe(self, venue: str, api_key: str) -> tuple[Exchange, Account] | None:
        """An account for a key that nobody made, in the default world; None if it is not wanted, or one too many."""
        if not self.recipe.any_key:
            return None
        home = self.default.exchanges[venue]
        name = next(name for number in itertools.count(1) if (name := f"key{number}") not in home.accounts)
        try:
            account = self.open_account(home, name, api_key=api_key, key_type="any")
        except ValueError:
            return None
        self.default.recorder.record("warning", BELIEVED.format(venue=venue, name=name))
        return home, account

    def claim(self, venue: str, token: str, exchange: Exchange, account: str | None = None) -> None:
        """Requests of this venue with this token (a listen key) belong to this exchange, and to this account."""
        self._tokens[venue, token] = (exchange, account)

    def find_token(self, venue: str, token: str) -> Exchange | None:
        """The exchange that claimed this token, or None."""
        found = self._tokens.get((venue, token))
        return None if found is None else found[0]

    def disclaim(self, venue: str, token: str) -> None:
        """Forget a token."""
        self._tokens.pop((venue, token), None)

    # -- requests -------------------------------------------------------------------------------------------------

    def fate(self, request: HttpRequest, *, dial: bool = False) -> tuple[World, Fate]:
        """What faults make of this request or handshake, and the world whose clock their delays go by.

        Whoever asks carries it out: the delays, whether ``handle`` or ``connect`` is called, what is heard of it.
        """
        seam: Literal["request", "dial"] = "dial" if dial else "request"
        asked = None if dial else magic(request)
        if asked is None and not any(w.faults.watches(seam, "wire") for w in self.worlds.values()):
            return self.at_home(request), FAIR
        request, home, account = self._home(request, dial=dial)
        if home is None:
            return self.at_home(request), FAIR
        thing = request_thing(seam, request, home.venue, account)
        return home.world, home.world.fate(thing, asked, wire=wire_thing(thing))

    def handshake(self, host: str, world: str | None = None) -> Handshake | None:
        """What befalls a TLS handshake by a client that names this host; no key is known yet."""
        home = self.worlds.get(world or "", self.default)
        venue = venue_of(host)
        if venue is not None and venue in home.exchanges and home.exchanges[venue].rules.down:
            return TlsReset()
        hits = home.faults.decide(Thing(seam="tls", venue=venue), home.clock.timeline_ns)
        home.note_faults(hits)
        return next((hit.fault.kind for hit in hits if isinstance(hit.fault.kind, Handshake)), None)

    def at_home(self, request: HttpRequest) -> World:
        """The world of a request that no key says anything about: that of its port, or the default one."""
        return self.worlds.get(request.world or "", self.default)

    def handle(self, request: HttpRequest, fate: Fate = FAIR) -> HttpResponse | None:
        """Answer an HTTP request by the right face of the right world; None when no venue has such a route."""
        if not fate.handled:
            return self._spare(request, fate, dial=False)
        request, candidates = self._candidates(request)
        for exchange in candidates:
            seq = exchange.world.recorder.record_request(request)
            response = self._asked(exchange, request, fate)
            if response is not None:
                response = response if response.cut else fate.answer(response, exchange.site)
                if fate.heard == "answer" and not response.cut:
                    exchange.world.recorder.record_response(response, of=seq)
                return response
            exchange.world.recorder.take_back(seq)
        return None

    def connect(
        self, request: HttpRequest, transport: Transport, fate: Fate = FAIR
    ) -> tuple[Link, Session] | HttpResponse | None:
        """Open a WebSocket by the right face; the caller does the handshake and then calls ``Link.start(session)``."""
        if not fate.handled:
            return self._spare(request, fate, dial=True)
        request, candidates = self._candidates(request)
        for exchange in candidates:
            link = Link(next(self._numbers), exchange.world, request, transport)
            answer = exchange.face.connect(request, link)
            if answer is None:
                continue
            link.venue = exchange.venue
            exchange.world.recorder.record_request(request, link=link.id)
            if isinstance(answer, HttpResponse):
                exchange.world.recorder.record_response(answer, link=link.id)
                return answer
            if exchange.rules.down:
                return CUT
            if exchange.rules.away:
                return refusal(503, exchange.site, None, None)
            self.links[link.id] = link
            link.silence = fate.silence
            link.births = fate.births
            return link, answer
        return None

    def order_of(self, request: HttpRequest, answer: HttpResponse) -> tuple[Exchange, OrderView] | None:
        """The order that an answer tells of, and where it is."""
        _, home, _ = self._home(request, dial=False)
        order = None if home is None else order_of_answer(home, answer)
        return None if home is None or order is None else (home, order)

    def disconnected(self, link: Link) -> None:
        """The server is done with a connection."""
        link.closed()
        self.links.pop(link.id, None)
        link.home.recorder.record("client", f"gone {link.venue}", link=link.id)

    def routes(self) -> list[str]:
        """Every route of every venue, for the 404 that names the nearest."""
        return [route for exchange in self.default.exchanges.values() for route in exchange.face.routes]

    def venue_of(self, path: str) -> str | None:
        """The venue whose addresses begin most as this one does (``/fapi/...``), or None."""
        wanted, found = path.strip("/").split("/"), (0, "")
        for venue, exchange in self.default.exchanges.items():
            for route in exchange.face.routes:
                parts = route.partition(" ")[2].strip("/").split("/")
                pairs = zip(parts, wanted, strict=False)
                same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
                found = max(found, (same, venue), key=lambda row: row[0])
        return found[1] or None

    # -- inside ---------------------------------------------------------------------------------------------------

    def _candidates(self, request: HttpRequest) -> tuple[HttpRequest, list[Exchange]]:
        """The exchanges to ask, best first: those that know the request's key, then those at home in order.

        The host that was asked says which venue is meant; where it is none of the venues', a path may begin with
        ``/<venue>`` to say it where two share a path (``/ws``).
        """
        known: list[Exchange] = []
        others: list[Exchange] = []
        exchanges = self.at_home(request).exchanges
        named = exchanges.get(venue_of(request.header("host")) or "")
        first, _, rest = request.target[1:].partition("/")
        if named is None and first in exchanges:
            named = exchanges[first]
            request = attrs.evolve(request, target=f"/{rest}")
        for exchange in [named] if named is not None else exchanges.values():
            token = exchange.face.credential(request)
            found = self._find(exchange.venue, token) if token else None
            (known if found is not None else others).append(found or exchange)
        return request, known + others

    def _home(self, request: HttpRequest, *, dial: bool) -> tuple[HttpRequest, Exchange | None, str | None]:
        """The exchange that a request is for, by its key or its route, and whose key it is; None: nobody's."""
        request, candidates = self._candidates(request)
        wanted = f"{'WS' if dial else request.method} {request.path}"
        for exchange in candidates:
            token = exchange.face.credential(request)
            account = self._owner(exchange.venue, token) if token else None
            if account is not None or self._serves(exchange, wanted):
                return request, exchange, account
        return request, None, None

    def _spare(self, request: HttpRequest, fate: Fate, *, dial: bool) -> HttpResponse:
        """Answer without asking the venue, which may be asked later."""
        request, home, _ = self._home(request, dial=dial)
        answer = fate.answer(None, Site("") if home is None else home.site)
        if home is not None and fate.late_ns is not None:
            late = f"late {request.method} {request.path}"
            home.clock.after(fate.late_ns, late, partial(self._do_late, home, request))
        if home is not None:
            seq = home.world.recorder.record_request(request)
            if fate.heard == "answer":
                home.world.recorder.record_response(answer, of=seq)
        return answer

    def _do_late(self, exchange: Exchange, request: HttpRequest) -> None:
        """Do what was asked, and keep for the journal what would have been answered."""
        answer = self._asked(exchange, request, FAIR)
        if answer is not None:
            exchange.world.recorder.record("control", f"late {request.method} {request.path} {answer.status}")

    def _asked(self, exchange: Exchange, request: HttpRequest, fate: Fate) -> HttpResponse | None:
        """Let a venue answer, with what faults make it do around that."""
        rules = exchange.rules
        if (fate.acts or rules.away or rules.down) and not self._serves(exchange, f"{request.method} {request.path}"):
            return exchange.face.http(request)  # it is another venue's, most likely
        return ask(exchange, request, fate, lambda: exchange.face.http(request))

    def _serves(self, exchange: Exchange, wanted: str) -> bool:
        """Whether the venue has this route; a name in it stands for anything."""
        if exchange.venue not in self._routes:
            paths = (route.partition("?")[0].rstrip("/") for route in exchange.face.routes)
            parts = (NAME.split(path) for path in paths)
            self._routes[exchange.venue] = re.compile("|".join(".+".join(map(re.escape, each)) for each in parts))
        return self._routes[exchange.venue].fullmatch(wanted) is not None

    def _owner(self, venue: str, token: str) -> str | None:
        by_key = self._keys.get((venue, token))
        return by_key[1].name if by_key is not None else self._tokens.get((venue, token), (None, None))[1]

    def _find(self, venue: str, token: str) -> Exchange | None:
        by_key = self._keys.get((venue, token))
        return by_key[0] if by_key is not None else self.find_token(venue, token)

    def _token(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def _register(self, exchange: Exchange, account: Account) -> None:
        if not account.name or account.name == HOUSE or "/" in account.name:
            raise ValueError(f"{account.name!r} cannot be the name of an account")
        if any(not nickname or "/" in nickname for nickname in account.subaccounts):
            raise ValueError("a subaccount has a name, without '/'")
        shape = exchange.spec.key_shape
        if shape is not None and not shape.fullmatch(account.api_key):
            raise ValueError(f"an API key of {exchange.venue} has {exchange.spec.key_length} letters and digits")
        for amount in account.balances.values():
            if not 0 <= decimal_to_atoms(amount) <= MOST_ATOMS:
                raise ValueError(f"a balance of {amount} is {'below zero' if amount < 0 else 'more than there is'}")
        if account.name in exchange.accounts:
            raise ValueError(f"{exchange.venue} already has an account {account.name!r} in this world")
        if len(exchange.accounts) >= MAX_ACCOUNTS:
            raise ValueError(f"{exchange.venue} already has {MAX_ACCOUNTS} accounts in this world")
        if (exchange.venue, account.api_key) in self._keys:
            raise ValueError(f"this API key is already in use at {exchange.venue}")
        exchange.face.check_account(account)
        exchange.accounts[account.name] = account
        self._keys[exchange.venue, account.api_key] = (exchange, account)
        for nickname in (None, *account.subaccounts):
            ledger = account.ledger(nickname)
            assert ledger is not None  # a nickname of its own list
            exchange.open_ledger(ledger, account.balances)
