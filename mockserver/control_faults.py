"""The control API's routes for faults: arm one, see what happened, disarm.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from mockserver.control_acts import FLAG, TEXT, WHOLE, Act, Json, Schema, Table, like, obj, one_of, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.engine.types import HOUSE
from mockserver.faults import HAS, KINDS, Fault, Match, read_fault, write_fault
from mockserver.faults.facts import SOCKET
from mockserver.forms import FormError, nearest, nearest_of, value_schema
from mockserver.world import NAME, World

_FAULT: Schema = like({"type": ["object", "string"]}, {"latency": {"delay": "250ms"}, "name": "late"})
_ARMED: Schema = obj(name=TEXT, fault={"type": ["object", "string"]}, legal=FLAG, hits=WHOLE)
_KIND: Schema = obj(kind=one_of(KINDS), seam=one_of(HAS), legal=FLAG, about=TEXT, parameters={"type": "object"})
_GIVES: Schema = obj(seed={"type": "integer"}, faults=rows(_ARMED))


class FaultControl:
    """What the control API does to the faults of a world."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.table: Table = {
            ("GET", "/faults"): Act.of(self._list, gives=_GIVES),
            ("GET", "/faults/kinds"): Act.of(self._kinds, gives=obj(kinds=rows(_KIND), match={"type": "object"})),
            ("POST", "/faults"): Act.of(self._arm, "fault!", gives=_GIVES, fault=_FAULT),
            ("POST", "/faults/{name}/disarm"): Act.of(self._disarm, gives=_GIVES, name=like(TEXT, "late")),
            ("POST", "/faults/clear"): Act.of(self._clear, gives=_GIVES),
        }

    def _list(self, given: Input) -> Json:
        """The faults that are armed, the first first, and how often each has happened."""
        return _rows(self.find.world(given))

    def _kinds(self, given: Input) -> Json:
        """Every kind of fault, what it is about, what it takes, and whether it can happen at the real venue."""
        kinds = [
            {
                "kind": word,
                "seam": kind.seam,
                "legal": kind().legal,
                "about": " ".join((kind.__doc__ or "").split()),
                "parameters": value_schema(kind),
            }
            for word, kind in KINDS.items()
        ]
        return {"kinds": kinds, "match": value_schema(Match)}

    def _arm(self, given: Input) -> Json:
        """Let a fault happen from now on."""
        world = self.find.world(given)
        if not given.has("fault"):
            raise BadRequest("'fault' is missing")
        try:
            fault = read_fault(given.get("fault"))
            _look_up(world, fault)
            world.arm(fault)
        except FormError as error:
            raise BadRequest(error.text) from None
        except ValueError as error:
            raise BadRequest(str(error), 409) from None
        return _rows(world)

    def _disarm(self, given: Input) -> Json:
        """Let a fault happen no more."""
        world = self.find.world(given)
        try:
            world.faults.disarm(given.text("name"))
        except ValueError as error:
            raise BadRequest(str(error), 404) from None
        return _rows(world)

    def _clear(self, given: Input) -> Json:
        """Let no fault happen any more."""
        world = self.find.world(given)
        world.faults.clear()
        return _rows(world)


def _look_up(world: World, fault: Fault) -> None:
    """Refuse names that nothing here has: a fault of a misspelt name would never happen, and nobody would know."""
    match, parameter = fault.match, getattr(fault.kind, "symbol", None)
    if match.venue is not None and match.venue not in world.exchanges:
        raise BadRequest(f"match: no venue {match.venue!r}; {nearest(match.venue, world.exchanges)}", 404)
    exchanges = [each for name, each in world.exchanges.items() if match.venue in (None, name)]
    accounts = {name for each in exchanges for name in each.engine.accounts()} - {HOUSE}
    symbols = {name for each in exchanges for name in each.engine.instruments}
    if match.account is not None and match.account not in accounts:
        known = nearest(match.account, accounts) if accounts else "there are none yet"
        raise BadRequest(f"match: no account {match.account!r}; {known}", 404)
    if match.symbol is not None and match.symbol not in symbols:
        raise BadRequest(f"match: no symbol {match.symbol!r}; {nearest(match.symbol, symbols)}", 404)
    if parameter is not None and parameter not in symbols:
        raise BadRequest(f"no symbol {parameter!r}; {nearest(parameter, symbols)}", 404)
    routes = [route.split(" ", 1) for each in exchanges for route in each.face.routes]
    methods = {method for method, _ in routes}
    if match.method is not None and match.method not in methods:
        raise BadRequest(f"match: no method {match.method!r}; {nearest(match.method, methods)}", 404)
    # A socket's path may be anything, a listen key too; whatever begins like a path of REST is meant as one.
    paths = {NAME.sub("*", path) for method, path in routes if method != SOCKET}
    path = match.path
    if path is None or path.split("/")[1:2] not in [each.split("/")[1:2] for each in paths]:
        return
    if not any(fnmatchcase(each, path) or fnmatchcase(path, each) for each in paths):
        raise BadRequest(f"match: no path {path!r}; did you mean {nearest_of(path, paths)[0]!r}?", 404)


def _rows(world: World) -> Json:
    faults, hits = world.faults, world.faults.hits
    return {
        "seed": faults.seed,
        "faults": [
            {"name": fault.name, "fault": write_fault(fault), "legal": fault.legal, "hits": hits[fault.name]}
            for fault in faults.armed
        ],
    }
