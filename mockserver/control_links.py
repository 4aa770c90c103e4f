"""The control API's routes for connections, and for what a venue does to its own clients: keys, listen keys, notices.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from mockserver.control_acts import (
    FLAG,
    NS,
    PREFIX,
    TEXT,
    WHOLE,
    Act,
    Json,
    Schema,
    Table,
    by_name,
    like,
    obj,
    one_of,
    or_null,
    rows,
)
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.link import Link, Silence

TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "drop": ("code", "reason"),
    "reset": ("after_bytes",),
    "silence": ("mode",),
    "half_open": (),
    "resume": (),
    "close": ("code", "reason"),
    "send": ("text",),
}
"""What can be done to a connection, and what each of it takes."""
VERBS = tuple(TAKES)

_LINKS: Schema = obj(
    connections=rows(
        obj(
            id=WHOLE,
            world=TEXT,
            venue=TEXT,
            path=TEXT,
            peer=TEXT,
            opened_ns=NS,
            last_heard_ns=NS,
            open=FLAG,
            silence=or_null(one_of(get_args(Silence))),
            half_open=FLAG,
            backlog=WHOLE,
            accounts=rows(TEXT),
        )
    )
)
_VERB: Schema = like(one_of(VERBS), "drop")
_COUNTS: Schema = by_name(WHOLE)


class LinkControl:
    """What the control API does to connections and keys."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.table: Table = {
            ("POST", "/keys/{name}/revoke"): Act.of(
                self._revoke, "venue", gives=obj(name=TEXT, revoked_at=rows(TEXT)), name=like(TEXT, "demo")
            ),
            ("GET", "/connections"): Act.of(self._connections, gives=_LINKS),
            ("POST", "/connections/{verb}"): Act.of(
                self._act_on_many, "account venue code reason after_bytes mode text", gives=_LINKS, verb=_VERB
            ),
            ("POST", "/connections/{id}/{verb}"): Act.of(
                self._act_on_one, "code reason after_bytes mode text", gives=_LINKS, verb=_VERB
            ),
            ("POST", "/listen_keys/expire"): Act.of(
                self._expire_listen_keys, "venue account notices", gives=obj(expired=_COUNTS), notices=like(WHOLE, 1)
            ),
            ("POST", "/listen_keys/replace"): Act.of(
                self._replace_listen_keys, "venue account", gives=obj(replaced=_COUNTS)
            ),
            ("POST", "/shutdown_notice"): Act.of(
                self._shutdown_notice, "venue account close", gives=obj(told=_COUNTS), close=like(FLAG, False)
            ),
        }

    def _revoke(self, given: Input) -> Json:
        """Refuse the account's key from now on."""
        name, revoked = given.text("name"), []
        for exchange in self.find.exchanges(given):
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
        """The open WebSockets; with "world" only those of that one."""
        world = self.find.world(given).name if given.has("world") else None
        links = [link for link in self.find.worlds.links.values() if world in (None, link.home.name)]
        return {"connections": [_link_row(link) for link in links]}

    def _act_on_one(self, given: Input) -> Json:
        """Do something to one connection."""
        link = self.find.worlds.links.get(given.whole("id"))
        if link is None:
            raise BadRequest(f"no connection {given.text('id')}; GET {PREFIX}/connections lists them", 404)
        _check(given)
        return {"connections": [_act(link, given)]}

    def _act_on_many(self, given: Input) -> Json:
        """Every connection of the world; with "account" (and "venue") those that carry that account's events."""
        _check(given)  # refused also where there is no connection to act on
        world, exchanges = self.find.world(given), self.find.exchanges(given)
        account, venues = self.find.some_account(given, exchanges), {exchange.venue for exchange in exchanges}
        links = [link for link in self.find.worlds.links.values() if link.home is world and link.venue in venues]
        if account is not None:
            links = [link for link in links if any(carried[2] == account for carried in link.accounts)]
        return {"connections": [_act(link, given) for link in links]}

    # -- the venues' own acts -------------------------------------------------------------------------------------

    def _expire_listen_keys(self, given: Input) -> Json:
        """End listen keys."""
        exchanges, notices = self.find.exchanges(given), given.whole("notices", 1)
        account = self.find.some_account(given, exchanges)
        expired = {e.venue: e.face.expire_listen_keys(account, notices=notices) for e in exchanges}
        for exchange in exchanges:
            exchange.note_sight()
        return {"expired": expired}

    def _replace_listen_keys(self, given: Input) -> Json:
        """Give out another listen key from now on; the old one still carries events until its time is over."""
        exchanges = self.find.exchanges(given)
        account = self.find.some_account(given, exchanges)
        return {"replaced": {e.venue: e.face.replace_listen_keys(account) for e in exchanges}}

    def _shutdown_notice(self, given: Input) -> Json:
        """Tell that the server is about to go."""
        exchanges, close = self.find.exchanges(given), given.flag("close", False)
        account = self.find.some_account(given, exchanges)
        return {"told": {e.venue: e.face.shutdown_notice(account, close=close) for e in exchanges}}


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


def _check(given: Input) -> None:
    """Refuse what no verb, or this one, can do to any connection."""
    verb = given.one_of_texts("verb", VERBS)
    takes = [name for names in TAKES.values() for name in names]
    if foreign := [name for name in takes if given.has(name) and name not in TAKES[verb]]:
        raise BadRequest(f"{verb!r} takes {' and '.join(TAKES[verb]) or 'nothing'}, not {foreign[0]!r}")
    match verb:
        case "drop" | "close":
            _code(given)
            given.text("reason", "")
        case "reset" if given.has("after_bytes"):
            given.whole("after_bytes")
        case "silence":
            given.one_of_texts("mode", get_args(Silence), "events")
        case "send":
            given.text("text")


def _act(link: Link, given: Input) -> Json:
    """Do one of VERBS to a connection; the row shows it as it is afterwards."""
    match given.one_of_texts("verb", VERBS):
        case "drop" if given.has("code"):
            link.close(_code(given), given.text("reason", ""))
        case "drop":
            link.drop()
        case "reset":
            link.reset(given.whole("after_bytes") if given.has("after_bytes") else None)
        case "silence":
            mode = given.one_of_texts("mode", get_args(Silence), "events")
            link.mute(next(each for each in get_args(Silence) if each == mode))
        case "half_open":
            link.half_open()
        case "resume":
            link.resume()
        case "send":
            link.tell(given.text("text"))
        case "close":
            link.close(_code(given), given.text("reason", ""))
    return _link_row(link)


def _code(given: Input) -> int:
    code = given.whole("code", 1000)
    if not 1000 <= code <= 4999:
        raise BadRequest(f"'code' must be that of a close frame (1000 to 4999), not {code}")
    return code
