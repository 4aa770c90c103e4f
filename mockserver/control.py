"""The control API under ``/__mock``: what a test or an operator does to the exchanges that no client of them could.

Every answer is JSON. A refusal is ``{"error": "..."}`` with a 4xx status and says what to do. The API has no CORS
headers and refuses (403) a foreign ``Host`` and any ``Origin`` but its own: a web page that a developer has open cannot
reach it, be it from another port of this machine.

Everything takes an optional ``"world"`` (default: "default") in the JSON body or the query. Numbers of money are JSON
strings or numbers and are never read as floats. Nothing here knows a venue: venue-specific acts are hooks of the face.

Pure: a request in, a response out; the server mounts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from mockserver.control_acts import (
    FLAG,
    MONEY,
    NAMES,
    NS,
    PREFIX,
    TEXT,
    WHOLE,
    Act,
    Json,
    Schema,
    Stop,
    Table,
    by_name,
    like,
    obj,
    one_of,
    open_obj,
    or_null,
    partly,
    rows,
)
from mockserver.control_clock import ClockControl
from mockserver.control_faults import FaultControl
from mockserver.control_input import BadRequest, Input, key_type_of_pem
from mockserver.control_links import LinkControl
from mockserver.control_market import MarketControl
from mockserver.control_orders import ORDER, Finder, OrderControl
from mockserver.control_page import PageControl
from mockserver.control_scenarios import ScenarioControl
from mockserver.control_terms import TermsControl
from mockserver.control_verify import VerifyControl
from mockserver.control_worlds import CREDENTIALS, WorldControl, credentials
from mockserver.exchange import Exchange
from mockserver.faces.base import HttpRequest, HttpResponse, JsonScalar, VenueSpec
from mockserver.forms import nearest, nearest_of
from mockserver.openapi import document, page
from mockserver.recorder import KINDS
from mockserver.world import Worlds

__all__ = ["PREFIX", "Control"]

NS_PER_MS = 1_000_000
MOST = 1_000_000_000_000
"""No setting is a greater number: as milliseconds 31 years."""

_HEALTH: Schema = obj(
    status=one_of(("ok",)),
    venues=rows(TEXT),
    worlds=rows(TEXT),
    connections=WHOLE,
    sockets=WHOLE,
    now_ns=NS,
    seed={"type": "integer"},
)
_ACCOUNT: Schema = partly(obj(world=TEXT, venue=TEXT, name=TEXT, key_type=TEXT, **CREDENTIALS["properties"]), "secret")
_SETTINGS: Schema = obj(
    settings=by_name(
        open_obj(profile=TEXT, limits=TEXT, rest_lag_ms=WHOLE, page_cap=or_null(WHOLE), options={"type": "object"})
    )
)
_TRUTH: Schema = open_obj(
    version=WHOLE,
    world=TEXT,
    now_ns=NS,
    sequence=WHOLE,
    complete=FLAG,
    orders=rows(ORDER),
    fills=rows(open_obj(sequence=WHOLE, venue=TEXT, account=TEXT, order_id=TEXT, price=MONEY, quantity=MONEY)),
    conditional_orders=rows(open_obj(venue=TEXT, account=TEXT, algo_id=TEXT, status=TEXT)),
    sight=rows(open_obj(connection=WHOLE, venue=TEXT, account=TEXT, since_ns=NS, until_ns=or_null(NS))),
    blind=rows(open_obj(venue=TEXT, account=TEXT, since_ns=NS, until_ns=or_null(NS))),
)
_ENTRY: Schema = open_obj(
    seq=WHOLE, time_ns=NS, kind=one_of(KINDS), connection=or_null(WHOLE), of=or_null(WHOLE), text=TEXT
)
_JOURNAL: Schema = open_obj(entries=rows(_ENTRY))


class Control:
    """The control API of one server."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.hosts = {"127.0.0.1", "localhost", "::1"}
        """Host names a request may be addressed to, beside the address that its connection reached."""
        self.sockets: Callable[[], int] = lambda: 0
        """How many TCP connections are open; whoever serves sets it."""
        self._find = Finder(worlds)
        scenarios = ScenarioControl(self._find)
        self._table: Table = {
            ("GET", "/health"): Act.of(self._health, gives=_HEALTH),
            ("GET", "/openapi.json"): Act.of(self._openapi, gives={"type": "object"}),
            ("GET", "/docs"): Act.of(self._docs, gives=TEXT, media="text/html"),
            ("GET", "/metrics"): Act.of(self._metrics, gives=TEXT, media="text/plain"),
            ("POST", "/accounts"): Act.of(
                self._open_account,
                "venue! name balances api_key secret public_key subaccounts seed",
                gives=_ACCOUNT,
                name=like(TEXT, "a2"),
                balances=like(by_name(NAMES["amount"]), {"USDT": "1000"}),
                api_key=like(or_null(TEXT), None),
                secret=like(or_null(TEXT), None),
                public_key=like(or_null(TEXT), None, "PEM: RSA or Ed25519."),
                subaccounts=like(rows(TEXT), ["mm"]),
            ),
            ("GET", "/settings"): Act.of(self._show_settings, "venue", gives=_SETTINGS),
            ("POST", "/settings"): Act.of(
                self._settings,
                "venue profile limits rest_lag_ms page_cap options",
                gives=_SETTINGS,
                profile=like(TEXT, "binance-2026"),
                limits=like(one_of(("off", "account", "ip")), "off"),
                rest_lag_ms=like(WHOLE, 0),
                page_cap=like(or_null(WHOLE), None),
                options=like({"type": "object"}, {}),
            ),
            ("GET", "/truth"): Act.of(self._truth, "venue account", gives=_TRUTH),
            ("GET", "/journal"): Act.of(
                self._journal, "since kind limit", gives=_JOURNAL, kind=like(one_of(KINDS), "timer")
            ),
            **LinkControl(self._find).table,
            **OrderControl(self._find).table,
            **FaultControl(self._find).table,
            **MarketControl(self._find).table,
            **TermsControl(self._find).table,
            **VerifyControl(self._find, scenarios.name_in).table,
            **scenarios.table,
            **ClockControl(self._find).table,
            **WorldControl(self._find).table,
            **PageControl(self._find, _ENTRY).table,
        }
        self.routes = list(self.takes())

    @cached_property
    def document(self) -> Json:
        """This API as an OpenAPI document; made when somebody asks, for it takes longer than all the rest."""
        return document(self._table)

    def takes(self) -> dict[str, frozenset[str]]:
        """The names that each route takes, beside those in its path."""
        return {f"{method} {PREFIX}{path}": act.takes for (method, path), act in self._table.items()}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request at once; an act of many steps does them all without waiting for the wire."""
        steps = self.steps(request)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                answer: HttpResponse = done.value
                return answer

    def steps(self, request: HttpRequest) -> Generator[Stop, None, HttpResponse]:
        """Answer one request, stopping wherever the wire of a world has to catch up before it goes on.

        Its method, path and status are kept in the journal of the world it names, unless it only looked.
        """
        named: str | None = None
        answer: Json | HttpResponse
        try:
            self._check_origin(request)
            act, captured = self._route(request)
            given = Input.of(request, captured)
            named = given.optional_text("world")
            given.allow(act.takes | captured.keys())
            done = act.handler(given)
            if isinstance(done, Generator):
                done = yield from done
            status, answer = 200, done
        except BadRequest as refusal:
            status, answer = refusal.status, {"error": refusal.text, **refusal.more}
        world = self.worlds.worlds.get(named or "", self.worlds.default)
        if request.method != "GET" or status != 200:  # who follows the journal would follow himself
            world.recorder.record("control", f"{request.method} {request.path} {status}")
        return answer if isinstance(answer, HttpResponse) else HttpResponse.json(json.dumps(answer), status=status)

    # -- finding things -------------------------------------------------------------------------------------------

    def _check_origin(self, request: HttpRequest) -> None:
        authority, origin = request.header("host") or "", request.header("origin")
        host = _host_of(authority)
        # An address in digits says that no name was made to point here (DNS rebinding); a name must be one we know.
        if host not in self.hosts and (not host or host != request.local.partition("%")[0]):
            raise BadRequest(f"Host {host!r} may not use the control API; address it as 127.0.0.1", 403)
        if origin is not None and origin.lower() != f"http://{authority}".lower():
            raise BadRequest(f"Origin {origin!r} may not use the control API; only pages of the mock itself may", 403)

    def _route(self, request: HttpRequest) -> tuple[Act, dict[str, str]]:
        parts = request.path.removeprefix(PREFIX).split("/")
        methods = []
        for (method, pattern), act in self._table.items():
            wanted = pattern.split("/")
            if len(wanted) == len(parts) and all(w == p or w[:1] == "{" for w, p in zip(wanted, parts, strict=True)):
                if method == request.method:
                    return act, {w[1:-1]: p for w, p in zip(wanted, parts, strict=True) if w[:1] == "{"}
                methods.append(method)
        if methods:
            raise BadRequest(f"{request.path} wants {' or '.join(methods)}, not {request.method}", 405)
        asked = f"{request.method} {request.path}"
        near = nearest_of(asked, self.routes)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise BadRequest(f"no such route: {asked}{hint}", 404, nearest=near, routes=self.routes)

    # -- about itself ---------------------------------------------------------------------------------------------

    def _openapi(self, given: Input) -> Json:
        """This API as an OpenAPI document."""
        return self.document

    def _docs(self, given: Input) -> HttpResponse:
        """A page that shows this API, and lets it be tried."""
        policy = ("content-security-policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'")
        return HttpResponse(200, page(), (policy,), "text/html; charset=utf-8")

    def _metrics(self, given: Input) -> HttpResponse:
        """What each world holds and has seen, as Prometheus reads it; needs the extra "metrics"."""
        try:
            # Base installs have no prometheus-client, and most runs need none.
            from mockserver.metrics import CONTENT_TYPE, metrics_text
        except ImportError:
            text = "metrics for Prometheus need the extra 'metrics': pip install 'exchstream[metrics]'"
            raise BadRequest(text, 409) from None
        return HttpResponse(200, metrics_text(self.worlds), content_type=CONTENT_TYPE)

    # -- worlds and accounts --------------------------------------------------------------------------------------

    def _health(self, given: Input) -> Json:
        """Whether it lives, and what it holds."""
        worlds = self.worlds
        return {
            "status": "ok",
            "venues": list(worlds.default.exchanges),
            "worlds": list(worlds.worlds),
            "connections": len(worlds.links),
            "sockets": self.sockets(),
            "now_ns": worlds.default.clock.now_ns,
            "seed": worlds.seed,
        }

    def _open_account(self, given: Input) -> Json:
        """A new account with balances; makes the world if there is none of that name."""
        pem = given.optional_text("public_key")
        key_type = "hmac" if pem is None else key_type_of_pem(pem)
        venue, world = given.text("venue"), given.text("world", "default")
        specs = {spec.name: spec for spec in self.worlds.recipe.venues}
        if venue not in specs:
            raise BadRequest(f"no venue {venue!r}; there are {', '.join(specs)}", 404)
        if key_type not in specs[venue].key_types:
            raise BadRequest(f"{venue} takes no {key_type} keys, only {', '.join(specs[venue].key_types)}")
        balances = given.amounts("balances") if given.has("balances") else None
        for asset in balances or ():
            self._find.asset(specs[venue], asset)
        seed, there = given.whole("seed") if given.has("seed") else None, self.worlds.worlds.get(world)
        if there is not None and seed not in (None, there.seed):
            raise BadRequest(f"the world {world!r} is there, and its seed is {there.seed}", 409)
        try:
            if there is None:
                self.worlds.create(world, seed)
            exchange = self.worlds.worlds[world].exchanges[venue]
            account = self.worlds.open_account(
                exchange,
                given.text("name", f"account-{len(exchange.accounts) + 1}"),
                balances=balances,
                api_key=given.optional_text("api_key"),
                secret=given.optional_text("secret"),
                key_type=key_type,
                public_key_pem=pem,
                subaccounts=given.names("subaccounts"),
            )
        except ValueError as error:
            raise BadRequest(str(error), 409) from None
        return {"world": world, "venue": venue, "name": account.name, "key_type": key_type} | credentials(account)

    # -- settings ----------------------------------------------------------------------------------------------------

    def _show_settings(self, given: Input) -> Json:
        """The settings of each venue."""
        return {"settings": {e.venue: _settings_row(e) for e in self._find.exchanges(given)}}

    def _settings(self, given: Input) -> Json:
        """Change settings: all of them or none."""
        exchanges = self._find.exchanges(given)
        if not given.has("venue"):  # of every venue that knows what is to be changed
            exchanges = _meant(exchanges, given)
        changes = [(exchange.settings, _changed(exchange, given)) for exchange in exchanges]
        for settings, values in changes:  # every one was checked before any is made
            for name, value in values.items():
                setattr(settings, name, value)
        return self._show_settings(given)

    # -- what happened --------------------------------------------------------------------------------------------

    def _truth(self, given: Input) -> Json:
        """What really happened, to be compared with what a client was told."""
        world, exchanges = self._find.world(given), self._find.exchanges(given)
        instruments = {venue: exchange.engine.instruments for venue, exchange in world.exchanges.items()}
        return world.truth.report(
            lambda venue, symbol: instruments[venue][symbol],
            world.clock.now_ns,
            venue=exchanges[0].venue if given.has("venue") else None,
            account=self._find.some_account(given, exchanges),
        )

    def _journal(self, given: Input) -> Json:
        """What was sent and received, without secrets."""
        world = self._find.world(given)
        since, limit = given.whole("since", 0), given.whole("limit", 1_000)
        kind = given.one_of_texts("kind", KINDS) if given.has("kind") else None
        return {"entries": world.recorder.journal(since=since, kind=kind, limit=max(1, limit))}


def _host_of(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _settings_row(exchange: Exchange) -> Json:
    settings = exchange.settings
    return {
        "profile": settings.profile,
        "limits": settings.limits,
        "rest_lag_ms": settings.rest_lag_ns // NS_PER_MS,
        "page_cap": settings.page_cap,
        "options": dict(settings.options),
    }


def _meant(exchanges: Sequence[Exchange], given: Input) -> list[Exchange]:
    """The venues that have all of these options, and this profile; a name that none of them has is refused."""
    names = given.mapping("options").keys()
    known = {name for exchange in exchanges for name in exchange.spec.options}
    if unknown := names - known:
        raise BadRequest(f"no venue has an option {min(unknown)!r}; {nearest(min(unknown), known)}")
    profiles = [profile for exchange in exchanges for profile in exchange.spec.profiles]
    profile = given.one_of_texts("profile", profiles) if given.has("profile") else None
    found = [
        exchange
        for exchange in exchanges
        if names <= exchange.spec.options.keys() and profile in (None, *exchange.spec.profiles)
    ]
    if not found:
        raise BadRequest("no venue has all of these at once: give 'venue', and one request for each")
    return found


def _option(spec: VenueSpec, name: str, value: Any) -> JsonScalar:
    """The new value of an option; one by which no venue could live is refused."""
    if name not in spec.options:
        raise BadRequest(f"{spec.name} has no option {name!r}; it has {', '.join(spec.options) or 'none'}")
    usual = spec.options[name]
    if type(value) is not type(usual):
        raise BadRequest(f"option {name!r} is {type(usual).__name__}, not {type(value).__name__}")
    if isinstance(usual, str) and value not in spec.words[name]:
        raise BadRequest(f"option {name!r} is {' | '.join(spec.words[name])}, not {value!r}")
    if type(value) is int and not 0 <= value <= MOST:
        raise BadRequest(f"option {name!r} is 0 to {MOST}, not {value}")
    chosen: JsonScalar = value
    return chosen


def _changed(exchange: Exchange, given: Input) -> dict[str, Any]:
    """The settings' new values, by their names in ``Settings``."""
    settings, spec = exchange.settings, exchange.spec
    profile = given.one_of_texts("profile", spec.profiles, settings.profile)
    options = exchange.options_in(profile)
    for name, value in given.mapping("options").items():
        options[name] = _option(spec, name, value)
    values: dict[str, Any] = {
        "profile": profile,
        "limits": given.one_of_texts("limits", ("off", "account", "ip"), settings.limits),
        "options": options,
    }
    if given.has("rest_lag_ms"):
        lag_ms = given.whole("rest_lag_ms")
        if lag_ms > MOST:
            raise BadRequest(f"'rest_lag_ms' is at most {MOST}")
        values["rest_lag_ns"] = lag_ms * NS_PER_MS
    if given.has("page_cap"):
        values["page_cap"] = None if given.is_null("page_cap") else max(1, given.whole("page_cap"))
    return values
