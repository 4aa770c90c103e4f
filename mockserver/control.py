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
from typing import Any
from urllib.parse import urlsplit

from mockserver.control_faults import FaultControl
from mockserver.control_input import BadRequest, Input, key_type_of_pem
from mockserver.control_orders import PREFIX, Act, Finder, Json, OrderControl, Table
from mockserver.control_verify import VerifyControl
from mockserver.exchange import Account, Exchange
from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.link import Link
from mockserver.recorder import KINDS
from mockserver.world import Worlds

__all__ = ["PREFIX", "Control"]

NS_PER_MS = 1_000_000


class Control:
    """The control API of one server."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.hosts = {"127.0.0.1", "localhost", "::1"}
        """Host names a request may be addressed to, beside the address that its connection reached."""
        self._find = Finder(worlds)
        account = "venue name balances api_key secret public_key subaccounts seed"
        verbs = "code reason after_bytes mode"
        settings = "venue profile limits rest_lag_ms page_cap options"
        self._table: Table = {
            ("GET", "/health"): Act.of(self._health),
            ("POST", "/reset"): Act.of(self._reset, "keep_accounts wipe"),
            ("POST", "/accounts"): Act.of(self._open_account, account),
            ("GET", "/connections"): Act.of(self._connections),
            ("POST", "/connections/{verb}"): Act.of(self._act_on_many, f"account venue {verbs}"),
            ("POST", "/connections/{id}/{verb}"): Act.of(self._act_on_one, verbs),
            ("POST", "/listen_keys/expire"): Act.of(self._expire_listen_keys, "venue account notices"),
            ("POST", "/listen_keys/replace"): Act.of(self._replace_listen_keys, "venue account"),
            ("POST", "/keys/{name}/revoke"): Act.of(self._revoke, "venue"),
            ("GET", "/settings"): Act.of(self._show_settings, "venue"),
            ("POST", "/settings"): Act.of(self._settings, settings),
            ("POST", "/shutdown_notice"): Act.of(self._shutdown_notice, "venue account close"),
            ("GET", "/truth"): Act.of(self._truth, "venue account"),
            ("GET", "/journal"): Act.of(self._journal, "since kind limit"),
            **OrderControl(self._find).table,
            **FaultControl(self._find).table,
            **VerifyControl(self._find).table,
        }
        self.routes = list(self.takes())

    def takes(self) -> dict[str, frozenset[str]]:
        """The names that each route takes, beside those in its path."""
        return {f"{method} {PREFIX}{path}": act.takes for (method, path), act in self._table.items()}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request, and keep its method, path and status in the journal of the world it names."""
        named: str | None = None
        try:
            self._check_origin(request)
            act, captured = self._route(request)
            given = Input.of(request, captured)
            named = given.optional_text("world")
            given.allow(act.takes | captured.keys())
            status, answer = 200, act.handler(given)
        except BadRequest as refusal:
            status, answer = refusal.status, {"error": refusal.text, **refusal.more}
        world = self.worlds.worlds.get(named or "", self.worlds.default)
        world.recorder.record("control", f"{request.method} {request.path} {status}")
        return HttpResponse.json(json.dumps(answer), status=status)

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
        raise BadRequest(f"no such route: {request.method} {request.path}", 404, routes=self.routes)

    # -- worlds and accounts --------------------------------------------------------------------------------------

    def _health(self, given: Input) -> Json:
        worlds = self.worlds
        return {
            "status": "ok",
            "venues": list(worlds.default.exchanges),
            "worlds": list(worlds.worlds),
            "connections": len(worlds.links),
            "now_ns": worlds.default.clock.now_ns,
            "seed": worlds.seed,
        }

    def _reset(self, given: Input) -> Json:
        keep, wipe = given.flag("keep_accounts", True), given.flag("wipe", False)
        world = self.worlds.reset(self._find.world(given).name, keep_accounts=keep, wipe=wipe)
        return {"world": world.name, "accounts": {v: list(e.accounts) for v, e in world.exchanges.items()}}

    def _open_account(self, given: Input) -> Json:
        pem = given.optional_text("public_key")
        key_type = "hmac" if pem is None else key_type_of_pem(pem)
        venue, world = given.text("venue"), given.text("world", "default")
        specs = {spec.name: spec for spec in self.worlds.recipe.venues}
        if venue not in specs:
            raise BadRequest(f"no venue {venue!r}; there are {', '.join(specs)}", 404)
        if key_type not in specs[venue].key_types:
            raise BadRequest(f"{venue} takes no {key_type} keys, only {', '.join(specs[venue].key_types)}")
        balances = given.amounts("balances") if given.has("balances") else None
        try:
            if world not in self.worlds.worlds:
                self.worlds.create(world, given.whole("seed") if given.has("seed") else None)
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
        return {"world": world, "venue": venue, "name": account.name, "key_type": key_type} | _credentials(account)

    def _revoke(self, given: Input) -> Json:
        name, revoked = given.text("name"), []
        for exchange in self._find.exchanges(given):
            account = exchange.account(name)
            if account is not None:
                account.revoked = True
                exchange.face.key_revoked(name)
                exchange.note_sight()
                revoked.append(exchange.venue)
        if not revoked:
            raise BadRequest(f"no account {name!r} in this world", 404)
        return {"name": name, "revoked_at": revoked}

    # -- connections ----------------------------------------------------------------------------------------------

    def _connections(self, given: Input) -> Json:
        world = self._find.world(given).name if given.has("world") else None
        links = [link for link in self.worlds.links.values() if world in (None, link.home.name)]
        return {"connections": [_link_row(link) for link in links]}

    def _act_on_one(self, given: Input) -> Json:
        link = self.worlds.links.get(given.whole("id"))
        if link is None:
            raise BadRequest(f"no connection {given.text('id')}; GET {PREFIX}/connections lists them", 404)
        return {"connections": [_act(link, given)]}

    def _act_on_many(self, given: Input) -> Json:
        """Every connection of the world; with "account" (and "venue") those that carry that account's events."""
        given.one_of_texts("verb", VERBS)  # refused also where there is no connection to act on
        world, exchanges = self._find.world(given), self._find.exchanges(given)
        account, venues = self._find.some_account(given, exchanges), {exchange.venue for exchange in exchanges}
        links = [link for link in self.worlds.links.values() if link.home is world and link.venue in venues]
        if account is not None:
            links = [link for link in links if any(carried[2] == account for carried in link.accounts)]
        return {"connections": [_act(link, given) for link in links]}

    # -- the venues' own acts -------------------------------------------------------------------------------------

    def _expire_listen_keys(self, given: Input) -> Json:
        exchanges, notices = self._find.exchanges(given), given.whole("notices", 1)
        account = self._find.some_account(given, exchanges)
        expired = {e.venue: e.face.expire_listen_keys(account, notices=notices) for e in exchanges}
        for exchange in exchanges:
            exchange.note_sight()
        return {"expired": expired}

    def _replace_listen_keys(self, given: Input) -> Json:
        exchanges = self._find.exchanges(given)
        account = self._find.some_account(given, exchanges)
        return {"replaced": {e.venue: e.face.replace_listen_keys(account) for e in exchanges}}

    def _shutdown_notice(self, given: Input) -> Json:
        exchanges, close = self._find.exchanges(given), given.flag("close", False)
        account = self._find.some_account(given, exchanges)
        return {"told": {e.venue: e.face.shutdown_notice(account, close=close) for e in exchanges}}

    def _show_settings(self, given: Input) -> Json:
        return {"settings": {e.venue: _settings_row(e) for e in self._find.exchanges(given)}}

    def _settings(self, given: Input) -> Json:
        exchanges = self._find.exchanges(given)
        changes = [(exchange.settings, _changed(exchange, given)) for exchange in exchanges]
        for settings, values in changes:  # every one was checked before any is made
            for name, value in values.items():
                setattr(settings, name, value)
        return self._show_settings(given)

    # -- what happened --------------------------------------------------------------------------------------------

    def _truth(self, given: Input) -> Json:
        world, exchanges = self._find.world(given), self._find.exchanges(given)
        instruments = {venue: exchange.engine.instruments for venue, exchange in world.exchanges.items()}
        return world.truth.report(
            lambda venue, symbol: instruments[venue][symbol],
            world.clock.now_ns,
            venue=exchanges[0].venue if given.has("venue") else None,
            account=self._find.some_account(given, exchanges),
        )

    def _journal(self, given: Input) -> Json:
        world = self._find.world(given)
        since, limit = given.whole("since", 0), given.whole("limit", 1_000)
        kind = given.one_of_texts("kind", KINDS) if given.has("kind") else None
        return {"entries": world.recorder.journal(since=since, kind=kind, limit=max(1, limit))}


def _host_of(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _credentials(account: Account) -> Json:
    secret = {} if account.key_type != "hmac" else {"secret": account.secret}
    return {"api_key": account.api_key, **secret, "subaccounts": list(account.subaccounts)}


def _link_row(link: Link) -> Json:
    return {
        "id": link.id,
        "world": link.home.name,
        "venue": link.venue,
        "path": link.path.split("/ws/")[0] + "/ws/***" if "/ws/" in link.path else link.path,
        "peer": link.peer,
        "opened_ns": link.opened_ns,
        "last_heard_ns": link.last_heard_ns,
        "open": link.open,
        "silence": link.silence,
        "half_open": link.held,
        "backlog": link.backlog,
        "accounts": sorted({account for *_, account in link.accounts}),
    }


VERBS = ("drop", "reset", "silence", "half_open", "resume", "close")


def _act(link: Link, given: Input) -> Json:
    """Do one of VERBS to a connection; the row shows it as it is afterwards."""
    match given.one_of_texts("verb", VERBS):
        case "drop" if given.has("code"):
            link.close(given.whole("code"), given.text("reason", ""))
        case "drop":
            link.drop()
        case "reset":
            link.reset(given.whole("after_bytes") if given.has("after_bytes") else None)
        case "silence":
            link.mute("all" if given.one_of_texts("mode", ("events", "all"), "events") == "all" else "events")
        case "half_open":
            link.half_open()
        case "resume":
            link.resume()
        case "close":
            link.close(given.whole("code", 1000), given.text("reason", ""))
    return _link_row(link)


def _settings_row(exchange: Exchange) -> Json:
    settings = exchange.settings
    return {
        "profile": settings.profile,
        "limits": settings.limits,
        "rest_lag_ms": settings.rest_lag_ns // NS_PER_MS,
        "page_cap": settings.page_cap,
        "options": dict(settings.options),
    }


def _changed(exchange: Exchange, given: Input) -> dict[str, Any]:
    """The settings' new values, by their names in ``Settings``."""
    settings, spec = exchange.settings, exchange.spec
    options = dict(settings.options)
    for name, value in given.mapping("options").items():
        if name not in spec.options:
            raise BadRequest(f"{exchange.venue} has no option {name!r}; it has {', '.join(spec.options) or 'none'}")
        if type(value) is not type(spec.options[name]):
            raise BadRequest(f"option {name!r} is {type(spec.options[name]).__name__}, not {type(value).__name__}")
        options[name] = value
    values: dict[str, Any] = {
        "profile": given.one_of_texts("profile", spec.profiles, settings.profile),
        "limits": given.one_of_texts("limits", ("off", "account", "ip"), settings.limits),
        "options": options,
    }
    if given.has("rest_lag_ms"):
        values["rest_lag_ns"] = given.whole("rest_lag_ms") * NS_PER_MS
    if given.has("page_cap"):
        values["page_cap"] = None if given.is_null("page_cap") else max(1, given.whole("page_cap"))
    return values
