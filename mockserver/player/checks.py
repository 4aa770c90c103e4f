"""What is judged when a scenario is over, by name: what the client said it heard, and what it did.

Those marked as reported need the client's own words (``reports``): what it heard is held against the truth by
``mockserver.checkers``. The others read the journal and the truth alone, so they judge any client. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from mockserver import checkers
from mockserver.checkers import Told, ToldFill, TrueChange, TrueFill, moment, too_often, too_seldom
from mockserver.checkers.facts import TRUNCATED
from mockserver.heard import Heard, Pattern

SECOND: Final = 1_000_000_000
STORMS: Final[Mapping[str, tuple[int, int]]] = {
    "dials": (10, 10 * SECOND),
    "requests for a listen key": (5, 60 * SECOND),
    "questions of one kind": (50, 10 * SECOND),
}
"""More often than so is a storm: (how often, within). The venues ban for less than a hundred times as much."""
KEY_LIFE_NS: Final = 3_600 * SECOND
LOOKS_BACK_NS: Final = 10 * SECOND
"""A client asks further back than its gap by what REST may lag, at most so much."""
CLOCK_ERROR_NS: Final = SECOND
"""By which a client may misjudge the venue's clock: more than half of a request's way."""
ORDERS: Final = (
    Pattern("request", r"POST /(api/v3|fapi/v1)/order|POST /api/orders"),
    Pattern("ws", "order[.]place"),
)
QUESTIONS: Final = (
    Pattern("request", r"GET /(api/v3|fapi/v1)/(myTrades|userTrades|allOrders|openOrders|openOrder|order)"),
    Pattern("request", r"GET /api/(fills|orders|orders/.+)"),
    Pattern("ws", r"(myTrades|allOrders|openOrders[.]status|order[.]status)"),
)
"""By which a client learns what happened while it heard nothing."""


@attrs.frozen(slots=True, kw_only=True)
class Case:
    """All that a check may look at."""

    venue: str
    account: str
    heard: Sequence[Heard]
    truth: Mapping[str, Any]
    told: Sequence[Told]
    unreadable: Sequence[str] = ()
    now_ns: int
    begun_ns: int = 0
    """When the client began; what was before need not have been reported."""

    @property
    def since_ns(self) -> int:
        """From when on facts must have been reported, as the checkers count it: what begins with the client, too."""
        return self.begun_ns - TRUNCATED

    @property
    def fills(self) -> list[TrueFill]:
        """What was filled."""
        return checkers.true_fills(self.truth, venue=self.venue, account=self.account)

    @property
    def orders(self) -> list[TrueChange]:
        """What became of the orders."""
        return checkers.true_orders(self.truth, venue=self.venue, account=self.account)

    def times(self, *patterns: Pattern) -> list[int]:
        """When one of these was heard."""
        return [each.time_ns for each in self.heard if any(pattern.agrees(each) for pattern in patterns)]


@attrs.frozen(slots=True)
class Check:
    """One property: what it says, who judges it, and whether the client must report for it."""

    about: str
    judge: Callable[[Case], list[str]]
    reported: bool = True
    scripted: bool = False
    """Whether it takes a scenario's script for granted, and so says nothing of a client that trades as it likes."""


def _timed(case: Case) -> list[Told]:
    """What was told; a fill without a time of its own gets the true one, which is all that could be held against it."""
    times = {fill.key: fill.time_ns for fill in case.fills}
    return [
        each._replace(time_ns=times.get(each.key, 0)) if isinstance(each, ToldFill) and not each.time_ns else each
        for each in case.told
    ]


def _storms(case: Case) -> list[str]:
    names = Counter(each.name for each in case.heard if each.word == "request")
    kinds = {name: case.times(Pattern("request", _exact(name))) for name in names}
    keys = Pattern("request", r"POST /.*(listenKey|userDataStream)")
    wrong = too_often(
        {"dials": case.times(Pattern("dial", ".*")), "requests for a listen key": case.times(keys)}, STORMS
    )
    return wrong + too_often(kinds, dict.fromkeys(kinds, STORMS["questions of one kind"]))


def _exact(name: str) -> str:
    return "".join(each if each.isalnum() or each in "/ _" else f"[{each}]" for each in name)


def _kept_alive(case: Case) -> list[str]:
    closes = [each for each in case.heard if each.word == "event" and each.name == "<close>"]
    wrong = [f"a ping was not answered: {each.shown.strip()}" for each in closes if "Pong timeout" in each.entry.text]
    given = case.times(Pattern("request", r"(POST|PUT) /.*(listenKey|userDataStream)"))
    if given:
        late = too_seldom(given, every_ns=KEY_LIFE_NS, since_ns=given[0], until_ns=case.now_ns)
        wrong += [f"the listen key was not renewed: {each}" for each in late]
    return wrong


def _subscribed_first(case: Case) -> list[str]:
    subscribed = next((each for each in case.heard if each.word == "client" and each.name == "subscribed"), None)
    placed = next((each for each in case.heard if any(pattern.agrees(each) for pattern in ORDERS)), None)
    if placed is None or (subscribed is not None and subscribed.seq < placed.seq):
        return []
    return [f"an order was placed while nobody listened for what becomes of it: {placed.shown.strip()}"]


def _resynced(case: Case) -> list[str]:
    asked = case.times(*QUESTIONS)
    spans = [row for row in case.truth["blind"] if (row["venue"], row["account"]) == (case.venue, case.account)]
    wrong = []
    for row in spans[1:]:  # everybody is born blind
        if row["until_ns"] is None:
            wrong.append(f"the client has heard nothing since {moment(row['since_ns'])}")
        elif not any(time_ns >= row["until_ns"] for time_ns in asked):
            wrong.append(f"nobody asked what happened from {moment(row['since_ns'])} to {moment(row['until_ns'])}")
    return wrong


def _doubled(case: Case) -> list[str]:
    mine = [row for row in case.truth["orders"] if (row["venue"], row["account"]) == (case.venue, case.account)]
    same = Counter((row["symbol"], row["side"], row["quantity"], row["price"]) for row in mine)
    return [
        f"one order was placed {count} times: {symbol} {side} {quantity}" + (f" at {price}" if price else "")
        for (symbol, side, quantity, price), count in same.items()
        if count > 1
    ]


def _listening(case: Case) -> list[str]:
    spans = [row for row in case.truth["blind"] if (row["venue"], row["account"]) == (case.venue, case.account)]
    return [f"the client hears nothing, since {moment(row['since_ns'])}" for row in spans if row["until_ns"] is None]


CHECKS: Final[Mapping[str, Check]] = {
    "no_fill_lost": Check(
        "every fill was reported (or is excused by a gap that was reported)",
        lambda case: checkers.fills_lost(case.fills, case.told, since_ns=case.since_ns),
    ),
    "no_fill_duplicated": Check("no fill was reported twice", lambda case: checkers.fills_twice(case.told)),
    "no_fill_invented": Check(
        "every fill that was reported happened, as it was reported",
        lambda case: checkers.fills_invented(case.fills, _timed(case)),
    ),
    "sums_agree": Check(
        "the fills of an order that has ended add up",
        lambda case: checkers.sums_differ(case.fills, case.orders, case.told, since_ns=case.since_ns),
    ),
    "fills_in_order": Check(
        "the fills of each order were reported in the order in which they happened; a recovered one may come late",
        lambda case: checkers.fills_out_of_order(case.fills, case.told),
    ),
    "states_monotonic": Check(
        "what is filled never falls, what is final stays final", lambda case: checkers.orders_backward(case.told)
    ),
    "no_order_invented": Check(
        "no order was reported to be further than it was",
        lambda case: checkers.orders_invented(case.orders, case.told),
    ),
    "right_at_end": Check(
        "the last that was reported of each order is how it stands",
        lambda case: checkers.orders_wrong_at_end(case.orders, case.told, since_ns=case.since_ns),
    ),
    "gaps_in_order": Check(
        "a gap is opened, then closed, once, and its verdict reaches from its beginning forward",
        lambda case: checkers.gaps_in_order(case.told),
    ),
    "gaps_told": Check(
        "what was reported as recovered lies in a gap that had been reported",
        lambda case: checkers.gaps_untold(case.fills, case.orders, case.told, lag_ns=LOOKS_BACK_NS),
    ),
    "verdicts_true": Check(
        "what a gap that was closed vouches for had been reported by then",
        lambda case: checkers.verdicts_false(case.fills, case.orders, case.told, error_ns=CLOCK_ERROR_NS),
    ),
    "no_storm": Check("neither dials nor requests come in a storm", _storms, reported=False),
    "keeps_alive": Check("pings are answered, and listen keys renewed within the hour", _kept_alive, reported=False),
    "subscribes_first": Check("the client listens before it places its first order", _subscribed_first, reported=False),
    "resyncs": Check("after each interruption the client asks what happened meanwhile", _resynced, reported=False),
    "no_order_doubled": Check(
        "no order was placed twice: no two have one market, side, quantity and price",
        _doubled,
        reported=False,
        scripted=True,
    ),
    "listens": Check("in the end some connection carries the client's events", _listening, reported=False),
}

BY_THE_TRUTH: Final = frozenset(
    {
        "no_fill_lost",
        "no_fill_invented",
        "sums_agree",
        "no_order_invented",
        "right_at_end",
        "no_order_doubled",
        "verdicts_true",
    }
)
"""Those that hold what was reported against the truth, and so accuse wrongly where it does not tell all."""
TOO_LITTLE: Final = (
    "the truth does not tell all of it any more ({orders} orders and {fills} fills were let go), so nobody knows; "
    "the mock's option --keep says how much is kept"
)


@attrs.frozen(slots=True)
class Judged:
    """What one check found: nothing, or what is wrong; unknown where the client or the truth did not tell enough."""

    name: str
    wrong: tuple[str, ...] = ()
    unknown: bool = False


def judge(names: Sequence[str], case: Case) -> list[Judged]:
    """Every check by name, in this order."""
    return [_judged(name, case) for name in names]


def _judged(name: str, case: Case) -> Judged:
    check = CHECKS[name]
    if check.reported and not case.told and not case.unreadable:
        return Judged(name, ("the client has reported nothing, so nobody knows what it heard",), unknown=True)
    if name in BY_THE_TRUTH and not case.truth["complete"]:
        return Judged(name, (TOO_LITTLE.format(**case.truth["let_go"]),), unknown=True)
    unreadable = tuple(case.unreadable) if check.reported else ()
    return Judged(name, (*unreadable, *check.judge(case)))
