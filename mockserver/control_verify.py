"""The control API's routes about what the client did: expectations over the journal, and the client's own report.

Pure, like ``mockserver.control``, which mounts these routes.
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.again import of_scenario
from mockserver.control_acts import FLAG, TEXT, WHOLE, Act, Json, Schema, Table, like, obj, one_of, or_null, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.forms import FormError
from mockserver.heard import read_entry
from mockserver.player.checks import CHECKS
from mockserver.player.so_far import so_far
from mockserver.reports import ReportError
from mockserver.verify import Journal, failures, read_expectations, report

_EXPECT: Schema = like({"type": ["array", "object", "string"]}, [{"request": "GET /api/v3/time", "times": ">=1"}])
_REPORT: Schema = like({"type": ["array", "object"]}, {"event": "gap_opened", "since_ns": 1, "reason": "start"})
_FIELD: Schema = obj(field=TEXT, wanted=TEXT, got=TEXT)
_FAILURE: Schema = obj(
    expected=TEXT, said=TEXT, nearest=or_null(obj(seq=WHOLE, text=TEXT, fields=rows(_FIELD))), window=rows(TEXT)
)
_JUDGED: Schema = obj(name=one_of(CHECKS), about=TEXT, reported=FLAG, unknown=FLAG, wrong=rows(TEXT))
_CHECKED: Schema = obj(reported=WHOLE, checks=rows(_JUDGED))
_GIVES: Schema = obj(ok=FLAG, checked=WHOLE, seed={"type": "integer"}, again=TEXT, failures=rows(_FAILURE), text=TEXT)


class VerifyControl:
    """What the control API asks of the journal of a world."""

    def __init__(self, find: Finder, scenario_of: Callable[[str], str | None]) -> None:
        self.find = find
        self.scenario_of = scenario_of
        """The name of the scenario that is played in a world, if one is."""
        self.table: Table = {
            ("POST", "/verify"): Act.of(self._verify, "expect! since", gives=_GIVES, expect=_EXPECT),
            ("GET", "/checks"): Act.of(
                self._checks, "venue! account!", gives=obj(reported=WHOLE, checks=rows(_JUDGED))
            ),
            ("POST", "/report"): Act.of(self._report, "report!", gives=obj(told=WHOLE), report=_REPORT),
        }

    def _verify(self, given: Input) -> Json:
        """Whether expectations hold over what was sent and received, what came nearest where they do not, and a line
        that repeats the run.
        """
        world = self.find.world(given)
        if not given.has("expect"):
            raise BadRequest("'expect' is missing: an expectation, or a list of them")
        try:
            wanted = read_expectations(given.get("expect"))
        except FormError as error:
            raise BadRequest(error.text) from None
        heard = [read_entry(entry) for entry in world.recorder.entries(since=given.whole("since", 0))]
        now_ns = world.clock.now_ns
        wrong = failures(wanted, Journal(heard, heard[0].time_ns if heard else now_ns, now_ns))
        scenario = self.scenario_of(world.name)
        again = self.find.worlds.again(world.name, world.seed)
        if scenario is not None:
            again = of_scenario(scenario, world.seed)
        return report(wrong, checked=len(wanted), seed=world.seed, again=again)

    def _checks(self, given: Input) -> Json:
        """Whether the client did well so far; what it heard is known only as far as it reported."""
        world, exchange = self.find.world(given), self.find.exchange(given)
        judged = so_far(exchange, self.find.ledger(exchange, given))
        found = [
            {"name": each.name, "unknown": each.unknown, "wrong": list(each.wrong)}
            | {"about": CHECKS[each.name].about, "reported": CHECKS[each.name].reported}
            for each in judged
        ]
        return {"reported": len(world.reports.told), "checks": found}

    def _report(self, given: Input) -> Json:
        """Take what the client says it has heard."""
        world, rows = self.find.world(given), given.get("report")
        rows = rows if isinstance(rows, list) else [rows]
        if not all(isinstance(row, dict) and "event" in row for row in rows):
            raise BadRequest("'report' must be an object with 'event', or a list of such")
        for row in rows:
            try:
                world.reports.take(row, world.clock.now_ns, known=True)
            except ReportError as error:
                raise BadRequest(str(error)) from None
        return {"told": len(world.reports.told)}
