"""What of a run is false: every checker's word on it, and what excuses an incomplete verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import attrs

from exchstream.core import asks, doubts, ledger, teller
from exchstream.core.venue import MINUTE, SECOND
from mockserver import checkers
from mockserver.checkers import Closed, Opened, Span, ToldFill, TrueChange, TrueFill

from .scripts import to_text
from .story import Story
from .world import CLIENT, World

# After healing: a silent link is noticed (60 s) or an audit fails twice (90 s), a wait of the backoff (60 s) ends, a
# dial and a question fail no more, and the look-back takes at most its 8 passes of 6 s.
MILLI: Final = 1_000_000
LIVE_WITHIN_NS: Final = 5 * MINUTE
QUIET_NS: Final = 150 * SECOND  # two looks of the slowest audit, and some
# docs/guarantees.md, G4: connected, answering pings, telling nothing.
NOTICED_NS: Final = {
    "binance-spot": 60 * SECOND,
    "binance-spot-listen-key": 60 * SECOND,
    "binance-futures": 90 * SECOND,
    "ftx": 90 * SECOND,
}


REPLAY: Final = """\
# kept as a file, it is played again by: python -m tests.simulation --story FILE
# and against any client by: python -m mockserver run FILE -- command"""


@attrs.define
class Outcome:
    """What a run came to: the violations (none: all is well), its world and how long it took to be live again."""

    story: Story
    world: World
    violations: list[str] = attrs.field(factory=list)
    live_after_ns: int = 0

    def __str__(self) -> str:
        return "\n".join([to_text(self.story), REPLAY, *self.world.log, *self.violations])


def live_within_ns(world: World) -> int:
    """How long after healing the account may take to be live again: a ban must end first."""
    return LIVE_WITHIN_NS + max(0, world.banned_until_ns - world.now_ns)


def turns_ns(world: World) -> int:
    """How much later than the one asked about first a symbol may be asked about, where the audit takes turns."""
    plan, limits = world.venue.plan, world.venue.session_limits
    if not plan.fills.by_symbol:
        return 0
    others = max(0, world.most_symbols - limits.audit_recent)
    rounds = max(1, -(-others // limits.audit_others))
    return (rounds - 1) * (plan.audit.every_ns + plan.audit.grace_ns + SECOND)


def noticed_ns(world: World) -> int:
    """Within how long it is noticed that a connection tells nothing."""
    return NOTICED_NS[world.flavour] + turns_ns(world) + world.worst_error_ns


def silence_bound_ns(world: World) -> int:
    """Within how long it is said that something cannot be asked about: two rounds of looks, and the patience."""
    plan = world.venue.plan
    look_ns = plan.audit.every_ns + plan.audit.grace_ns + 20 * SECOND
    return plan.give_up_ns + 2 * (look_ns + 2 * turns_ns(world)) + MINUTE


def judged(outcome: Outcome) -> list[str]:
    """Every checker's word on a run that has ended."""
    world, told, story = outcome.world, outcome.world.told, outcome.story
    world.search_disk()
    since_ns = max(_start_ns(world) + _error_ns(world), _begin(told))
    # Nothing can be asked about a symbol that is no more, or that only what a power cut took was about.
    unknown = world.delisted | {symbol for symbol in world.taken_back if not _asked_about(symbol, told)}
    fills = [fill for fill in world.fills if fill.key[0] not in unknown]
    changes = [change for change in world.changes if change.key[0] not in unknown]
    wrong = [
        *judged_so_far(story, world),
        *(() if world.books is None or world.dead else world.books.unsound()),
        *checkers.verdicts_incomplete(told, lambda *said: excused(world, story, *said)),
        *checkers.silences(_outages(world, story), told, bound_ns=silence_bound_ns(world)),
        *checkers.told_late(
            fills,
            world.heard,
            bound_ns=noticed_ns(world),
            orders=changes,
            since_ns=max(since_ns, world.started_ns or 0),
            until_ns=world.now_ns,
            troubles=world.troubles,
        ),
    ]
    if not outcome.violations:  # it came to rest: then all must have been told
        wrong += checkers.too_much(sizes(world))
        if story.lasting:  # what no verdict reaches yet, the next one may
            fills, changes = _before_verdict(fills, changes, told)
        wrong += checkers.fills_lost(fills, told, since_ns=since_ns)
        wrong += checkers.orders_wrong_at_end(changes, told, since_ns=since_ns, error_ns=_error_ns(world))
    return wrong


def judged_so_far(story: Story, world: World) -> list[str]:
    """What must hold at any instant of a run."""
    told, error_ns, start_ns = world.told, _error_ns(world), _start_ns(world)
    wrong = [
        *world.broken,
        *checkers.fills_twice(told),
        *checkers.fills_invented(world.fills, told),
        *(f"fill without its fee: {event.key}" for event in told if isinstance(event, ToldFill) and event.fee is None),
        *checkers.fills_of_old(told, since_ns=start_ns - error_ns),
        *checkers.orders_backward(told),
        *checkers.orders_invented(world.changes, told),
        *checkers.gaps_in_order(told, start_ns=start_ns, error_ns=error_ns),
        *checkers.gaps_untold(world.fills, world.changes, told, lag_ns=world.venue.plan.lag_ns + world.worst_error_ns),
        *checkers.verdicts_false(world.fills, world.changes, told, error_ns=error_ns),
        *checkers.scopes_shrunk(told),
        *checkers.too_much(held(world)),
    ]
    if world.down is not None:
        wrong.append(f"the account went down: {world.down}")
    if world.asked_while_banned:
        wrong.append(f"asked {world.asked_while_banned} questions after being told to stay away")
    if story.healthy:
        wrong += checkers.gaps_needless(told)
    return wrong


FEE_ASSET: Final = "BNB"


def _start_ns(world: World) -> int:
    """From when on facts are wanted."""
    return (world.started_ns or 0) if world.since_ns is None else world.since_ns


def _error_ns(world: World) -> int:
    """What the venue's time, as this machine knows it, may have been off by."""
    return world.worst_error_ns + world.jumped_ns + MILLI


def _begin(told: Sequence[checkers.Told]) -> int:
    """From when on the first verdict vouches (by the venue's clock)."""
    return next((event.since_ns for event in told if isinstance(event, Closed)), 0)


def _asked_about(symbol: str, told: Sequence[checkers.Told]) -> bool:
    """True if the last verdict is about this symbol."""
    scope = next((event.symbols for event in reversed(told) if isinstance(event, Closed)), frozenset())
    return scope is None or symbol in scope


def _before_verdict(
    fills: Sequence[TrueFill], changes: Sequence[TrueChange], told: Sequence[checkers.Told]
) -> tuple[list[TrueFill], list[TrueChange]]:
    """The facts up to the instant that the last verdict reaches, of orders that have not changed since."""
    until_ns = max((event.until_ns for event in told if isinstance(event, Closed)), default=0)
    later = {change.key for change in changes if change.time_ns > until_ns}
    return [fill for fill in fills if fill.time_ns <= until_ns], [c for c in changes if c.key not in later]


def _outages(world: World, story: Story) -> list[Span]:
    """What could not be asked about, of what there is a reason to ask about."""
    unasked = {name for name in world.exchange.engine.instruments if story.symbols is not None} | world.delisted
    return [
        span._replace(until_ns=min(span.until_ns, world.now_ns))
        for span in world.outages
        if span.name.partition(":")[2] not in unasked
    ]


def excused(world: World, story: Story, gap: Opened | None, verdict: Closed, what: str, name: str) -> bool:
    """Whether there is a reason for what this verdict names: nobody could have recovered it."""
    begun_ns = 0 if gap is None else gap.at_ns
    symbol = name.partition(":")[0]
    for at_ns, label in world.gave_up:
        if begun_ns <= at_ns <= verdict.at_ns:
            kind, _, subject = label.partition(":")
            if what == "listing" and kind == "listing" and subject.startswith(f"{name}:"):
                return True
            if what in ("symbol", "order", "fill") and kind == "symbol" and subject.startswith(f"{symbol}:"):
                return True
            if what == "fill" and kind == "listing" and subject.startswith("fills:"):
                return True
            if what == "order" and (kind == "listing" or subject.startswith(f"{name}:")):
                return True
            involved = kind == "listing" or name in subject or name == FEE_ASSET  # where fees may be taken
            if what == "asset" and involved and subject.endswith((":Fills", ":fills")):
                return True
    if what == "symbols":
        return world.since_ns is not None and story.symbols == ()
    if world.evicted and what in ("span", "order", "fill", "asset"):  # executions that are not known any more
        return True
    if what == "doubts":
        return any(limit == "MAX_DOUBTS" for limit, _ in story.limits)
    if what == "span" and world.delisted:  # what it moved is never explained, so that the last pass may bring more
        return True
    if symbol in world.delisted or (what == "asset" and _round_trip(world, verdict, name)):
        return True
    if what != "asset":
        return False
    if world.flavour == "binance-futures":  # which of two positions moved, when one of them cannot be asked about
        return any(("symbol", gone) in verdict.unresolved for gone in world.delisted)
    # The fee of an execution that nobody can ask about may have been taken in a third asset.
    return any(name in gone or name == FEE_ASSET for gone in world.delisted)


def _round_trip(world: World, verdict: Closed, asset: str) -> bool:
    """Whether a symbol that nobody named was bought and sold again: profit and fee are left, and lead to no symbol."""
    if verdict.symbols is None:
        return False
    moved = {name for what, name in verdict.unresolved if what == "asset"}
    traded = Counter(fill.key[0] for fill in world.fills if fill.time_ns <= verdict.until_ns)
    instruments = world.exchange.engine.instruments
    return any(
        times > 1 and symbol not in verdict.symbols and instruments[symbol].base not in moved - {FEE_ASSET}
        for symbol, times in traded.items()
        if asset in (instruments[symbol].quote, FEE_ASSET)
    )


def held(world: World) -> dict[str, tuple[int, int]]:
    """What a session holds at any instant, and the limit of each (G5): docs/guarantees.md lists them."""
    session = world.session
    known = session.ledger
    return {
        "closed orders": (len(known.closed), ledger.MAX_CLOSED),
        "fills": (len(known.fills), max(ledger.MAX_FILLS, ledger.MAX_FILLS_NEEDED)),
        "symbols with forgotten fills": (len(known.forgotten), ledger.MAX_FORGOTTEN),
        "doubts": (len(session._gaps.doubts._due), doubts.MAX_DOUBTS),
        "strange rows": (len(session._teller._strange), teller.MAX_STRANGE),
        "dropped questions": (len(session._asks.dropped), asks.MAX_DROPPED),
        "links": (len(session.links.live), 2 * len(world.venue.plan.lanes)),
    }


def sizes(world: World) -> dict[str, tuple[int, int]]:
    """What a session holds when it is at rest, and how much that may be."""
    session = world.session
    open_orders = len(session.ledger.open)
    return {
        "questions": (len(session._asks.out), 100 + 4 * len(session._teller.symbols)),
        "suspects": (len(session._gaps.suspects), open_orders + 100),
        "open orders": (open_orders, len(world.exchange.engine.open_orders(CLIENT)) + 100),
    }
