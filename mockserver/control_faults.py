"""The control API's routes for faults: arm one, see what happened, disarm.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from mockserver.control_acts import FLAG, TEXT, WHOLE, Act, Json, Schema, Table, like, obj, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.faults import read_fault, write_fault
from mockserver.forms import FormError
from mockserver.world import World

_FAULT: Schema = like({"type": ["object", "string"]}, {"latency": {"delay": "250ms"}, "name": "late"})
_ARMED: Schema = obj(name=TEXT, fault={"type": ["object", "string"]}, legal=FLAG, hits=WHOLE)
_GIVES: Schema = obj(seed={"type": "integer"}, faults=rows(_ARMED))


class FaultControl:
    """What the control API does to the faults of a world."""

    def __init__(self, find: Finder) -> None:
        self.find = find
        self.table: Table = {
            ("GET", "/faults"): Act.of(self._list, gives=_GIVES),
            ("POST", "/faults"): Act.of(self._arm, "fault!", gives=_GIVES, fault=_FAULT),
            ("POST", "/faults/{name}/disarm"): Act.of(self._disarm, gives=_GIVES, name=like(TEXT, "late")),
            ("POST", "/faults/clear"): Act.of(self._clear, gives=_GIVES),
        }

    def _list(self, given: Input) -> Json:
        """The faults that are armed, the first first, and how often each has happened."""
        return _rows(self.find.world(given))

    def _arm(self, given: Input) -> Json:
        """Let a fault happen from now on."""
        world = self.find.world(given)
        if not given.has("fault"):
            raise BadRequest("'fault' is missing")
        try:
            world.faults.arm(read_fault(given.get("fault")), world.clock.timeline_ns)
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


def _rows(world: World) -> Json:
    faults, hits = world.faults, world.faults.hits
    return {
        "seed": faults.seed,
        "faults": [
            {"name": fault.name, "fault": write_fault(fault), "legal": fault.legal, "hits": hits[fault.name]}
            for fault in faults.armed
        ],
    }
