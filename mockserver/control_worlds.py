"""The control API's routes for whole worlds: make one, list them, forget one, begin it anew, keep it and bring it back.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

import itertools
from typing import Final

from mockserver import snapshot
from mockserver.control_acts import FLAG, TEXT, WHOLE, Act, Json, Schema, Table, by_name, like, obj, partly, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.exchange import Account
from mockserver.graph import GraphError
from mockserver.world import World

MAX_SNAPSHOTS: Final = 16
"""Snapshots that are kept; the oldest is forgotten first."""


CREDENTIALS: Schema = partly(obj(api_key=TEXT, secret=TEXT, subaccounts=rows(TEXT)), "secret")
_NAMED: Schema = partly(obj(name=TEXT, **CREDENTIALS["properties"]), "secret")
_MADE: Schema = obj(world=TEXT, seed={"type": "integer"}, accounts=by_name(_NAMED))
_BEGUN: Schema = obj(world=TEXT, accounts=by_name(rows(TEXT)))
_WORLD: Schema = obj(**_BEGUN["properties"], seed={"type": "integer"}, repeats=FLAG, connections=WHOLE)
_SNAPSHOT: Schema = like(
    {"type": "object"}, {"format": snapshot.FORMAT}, "A world as JSON; it belongs to the version that wrote it."
)


class WorldControl:
    """What the control API does to whole worlds."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self._numbers = itertools.count(1)
        self._snapshots: dict[str, Json] = {}  # bounded: MAX_SNAPSHOTS
        self.table: Table = {
            ("GET", "/worlds"): Act.of(self._list, gives=obj(worlds=rows(_WORLD))),
            ("POST", "/worlds"): Act.of(
                self._create, "name seed accounts", gives=_MADE, accounts=like(FLAG, True, default=True)
            ),
            ("DELETE", "/worlds/{name}"): Act.of(self._forget, gives=obj(forgotten=TEXT)),
            ("POST", "/reset"): Act.of(
                self._reset,
                "keep_accounts wipe",
                gives=_BEGUN,
                keep_accounts=like(FLAG, True, default=True),
                wipe=like(FLAG, False, "Ids begin where the venue's do.", False),
            ),
            ("POST", "/snapshot"): Act.of(self._take, gives=obj(id=TEXT, left_out=rows(TEXT), snapshot=_SNAPSHOT)),
            ("PUT", "/snapshot"): Act.of(self._restore_given, "snapshot!", gives=_BEGUN, snapshot=_SNAPSHOT),
            ("GET", "/snapshot/{id}"): Act.of(self._show, gives=obj(id=TEXT, snapshot=_SNAPSHOT), id=like(TEXT, "1")),
            ("PUT", "/snapshot/{id}"): Act.of(self._restore, gives=_BEGUN, id=like(TEXT, "1")),
        }

    def _list(self, given: Input) -> Json:
        """Every world."""
        worlds = self.find.worlds
        count = dict.fromkeys(worlds.worlds, 0)
        for link in worlds.links.values():
            count[link.home.name] = count.get(link.home.name, 0) + 1
        return {"worlds": [_row(world) | {"connections": count[name]} for name, world in worlds.worlds.items()]}

    def _create(self, given: Input) -> Json:
        """Make a world with an account at each venue; its API keys choose it, so tests can run side by side."""
        worlds = self.find.worlds
        name = given.text("name", "") or next(f"world-{n}" for n in self._numbers if f"world-{n}" not in worlds.worlds)
        try:
            world = worlds.create(name, given.whole("seed") if given.has("seed") else None)
        except ValueError as error:
            raise BadRequest(str(error), 409) from None
        made = {
            venue: worlds.open_account(exchange, "main")
            for venue, exchange in world.exchanges.items()
            if given.flag("accounts", True)
        }
        accounts = {venue: {"name": account.name} | credentials(account) for venue, account in made.items()}
        return {"world": world.name, "seed": world.seed, "accounts": accounts}

    def _forget(self, given: Input) -> Json:
        """End a world: its connections are closed (1001), its keys are unknown."""
        worlds, name = self.find.worlds, given.text("name")
        if name not in worlds.worlds:
            raise BadRequest(f"no world {name!r}; there are {', '.join(worlds.worlds)}", 404)
        if worlds.worlds[name] is worlds.default:
            raise BadRequest("the default world stays; POST /__mock/reset begins it anew", 409)
        worlds.forget(name)
        return {"forgotten": name}

    def _reset(self, given: Input) -> Json:
        """Begin the world anew; its connections are closed (1001)."""
        keep, wipe = given.flag("keep_accounts", True), given.flag("wipe", False)
        world = self.find.worlds.reset(self.find.world(given).name, keep_accounts=keep, wipe=wipe)
        return {"world": world.name, "accounts": {v: list(e.accounts) for v, e in world.exchanges.items()}}

    def _take(self, given: Input) -> Json:
        """Keep the world as it is; the newest snapshots can be restored by their id, any by its text."""
        try:
            taken = snapshot.take(self.find.world(given))
        except GraphError as error:
            raise BadRequest(f"this world cannot be kept: {error}", 409) from None
        number = f"{next(self._numbers)}"
        self._snapshots[number] = taken
        if len(self._snapshots) > MAX_SNAPSHOTS:
            del self._snapshots[next(iter(self._snapshots))]
        return {"id": number, "left_out": taken["left_out"], "snapshot": taken}

    def _show(self, given: Input) -> Json:
        """A snapshot that is kept."""
        return {"id": given.text("id"), "snapshot": self._kept(given)}

    def _restore(self, given: Input) -> Json:
        """Bring back the world of a snapshot that is kept; its connections are closed (1001)."""
        return self._restored(given, self._kept(given))

    def _restore_given(self, given: Input) -> Json:
        """Bring back the world of this snapshot; its connections are closed (1001)."""
        return self._restored(given, given.mapping("snapshot"))

    def _restored(self, given: Input, kept: Json) -> Json:
        try:
            world = snapshot.restore(self.find.worlds, kept, given.optional_text("world"))
        except snapshot.SnapshotError as error:
            raise BadRequest(str(error), 409) from None
        return {"world": world.name, "accounts": {v: list(e.accounts) for v, e in world.exchanges.items()}}

    def _kept(self, given: Input) -> Json:
        kept = self._snapshots.get(given.text("id"))
        if kept is None:
            raise BadRequest(f"no snapshot {given.text('id')!r}; there are {', '.join(self._snapshots) or 'none'}", 404)
        return kept


def credentials(account: Account) -> Json:
    """What a client needs to act for an account."""
    secret = {} if account.key_type != "hmac" else {"secret": account.secret}
    return {"api_key": account.api_key, **secret, "subaccounts": list(account.subaccounts)}


def _row(world: World) -> Json:
    return {
        "world": world.name,
        "seed": world.seed,
        "repeats": world.repeats,
        "accounts": {venue: list(exchange.accounts) for venue, exchange in world.exchanges.items()},
    }
