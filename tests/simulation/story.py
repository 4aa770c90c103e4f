"""Stories: lists of steps (trade, fault, wait), told by chance from a seed, played against a `World`, and shortened.

A run has four phases: the story with its faults; the faults end; the account must be live again within a bound of
virtual time, and then stay so while the audits look; and what was told is held against the truth by every checker.  A
story may begin with trading before the account starts, may arm only some of the faults (so that rare ones meet), may
end with one fault that never does, and may be played with small limits of memory.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs

import exchstream.core
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import HOUR, MINUTE, SECOND
from mockserver.actions import LIVELY, NEAR, USUAL, Act, Action, command_of
from mockserver.engine.types import HOUSE, SelfTrade, Side

from . import checkers
from .checkers import Closed, Opened, Span, TrueChange, TrueFill
from .world import CLIENT, RIVAL, Runaway, World

CORE: Final = tuple(
    importlib.import_module(f"exchstream.core.{found.name}") for found in pkgutil.iter_modules(exchstream.core.__path__)
)
TRADERS: Final = (CLIENT, CLIENT, CLIENT, RIVAL, HOUSE)
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
ALWAYS_ASKED: Final = ("openorders", "fills", "orders", "balances")
SOMETIMES_ASKED: Final = ("orderbyid", "orderfills", "clock", "markets", "newcredential", "renewcredential")
# What a limit of the core may be set to: so low that it is reached.
LIMITS: Final[dict[str, tuple[int, ...]]] = {
    "MAX_CLOSED": (2, 5, 10),
    "MAX_ENDED": (10, 30),
    "MAX_FILLS": (2, 5, 15),
    "MAX_FILLS_NEEDED": (15, 30),
    "MAX_FORGOTTEN": (1, 2),
    "MAX_FOLLOWED": (2, 5),
    "MAX_HELD": (2, 5),
    "MAX_SUSPECTS": (1, 3),
    "MAX_STRANGE": (1, 3),
    "MAX_DOUBTS": (1, 2),
}

_ALGO: Final = frozenset({Act.ALGO, Act.ALGO_CANCEL, Act.ALGO_TRIGGER})
_NEVER: Final = frozenset({Act.DEPOSIT})  # money that moves unseen in a gap is named, and would spoil every verdict
NOT_AT: Final = {
    "binance-spot": _NEVER | _ALGO | {Act.FORCE_CLOSE, Act.REDUCE_ONLY, Act.AMEND},
    "binance-spot-listen-key": _NEVER | _ALGO | {Act.FORCE_CLOSE, Act.REDUCE_ONLY, Act.AMEND},
    "binance-futures": _NEVER | {Act.SHRINK, Act.QUOTE},
    "ftx": _NEVER | _ALGO | {Act.FORCE_CLOSE, Act.AMEND, Act.SHRINK, Act.QUOTE, Act.FOK},
}


@attrs.frozen
class Step:
    """One thing that happens: `trade` (with its action), `wait` (ns), or a fault by its name and number or word."""

    what: str
    arg: Any = None

    def __str__(self) -> str:
        if isinstance(self.arg, Action):
            a = self.arg
            return f"trade({a.act.name}, {a.who}, {a.where}, {a.which}, {a.side.name}, {a.offset}, {a.size}, ...)"
        return self.what if self.arg is None else f"{self.what}({self.arg})"


@attrs.frozen(kw_only=True)
class Story:
    """What a run is decided by."""

    flavour: str
    seed: int
    steps: tuple[Step, ...]
    before: tuple[Step, ...] = ()  # what happens before the account starts; `since` there is from when on it wants all
    page_cap: int | None = None
    symbols: tuple[str, ...] | None = None  # those that the user names; None: all
    markets: int | None = None
    limits: tuple[tuple[str, int], ...] = ()  # of memory, by name
    session_limits: SessionLimits = SessionLimits()
    machine_ns: int = 0  # what this machine's clock is off by at the start
    healthy: bool = False  # no fault in it: then no gap after the start either
    early: bool = False  # the first steps happen while the account is starting
    lasting: bool = False  # what is away at the end of the steps stays away

    def __str__(self) -> str:
        shown = {
            field.name: getattr(self, field.name)
            for field in attrs.fields(Story)
            if field.name not in ("steps", "before") and getattr(self, field.name) != field.default
        }
        head = " ".join(f"{name}={value}" for name, value in shown.items())
        return "\n".join(
            [head, *(f"    before: {step}" for step in self.before), *(f"    {step}" for step in self.steps)]
        )


# ------------------------------------------------------------------------------------------------ telling by chance


def told_by_chance(
    flavour: str, seed: int, length: int = 40, *, faults: bool = True, without: frozenset[str] = frozenset()
) -> Story:
    """A story of this seed; `without` leaves out faults (and the features of `FEATURES`) by name."""
    chance = random.Random(f"{flavour}/{seed}")
    acts = tuple(act for act in LIVELY if act not in NOT_AT[flavour])
    busy, rough = chance.choice((0.3, 0.6, 0.8)), chance.choice((0.1, 0.25, 0.4)) if faults else 0.0
    armed = sorted(name for name in _faults(chance, flavour) if name not in without and chance.random() < 0.4)
    has = {name for name in FEATURES if faults and name not in without and chance.random() < FEATURES[name]}
    markets = chance.randint(3, 14) if "markets" in has else None
    steps: list[Step] = []
    length *= 1 + 2 * ("limits" in has)  # what is full must first be filled
    while len(steps) < length:
        draw = chance.random()
        if draw < busy:
            steps.append(Step("trade", _action(chance, acts, flavour)))
        elif draw < busy + rough * (1 - busy) and armed:
            what = chance.choice(armed)
            steps.append(Step(what, _faults(chance, flavour)[what]()))
        else:
            wait_ns = _wait(chance, patient="patience" in has)
            if wait_ns > 100 * SECOND and "patience" not in has:
                steps += [Step("fate", "ok"), Step("dials", "ok"), Step("away", None)]
            steps.append(Step("wait", wait_ns))
    if "limits" in has:  # what memory must have let go of cannot be known again
        steps = [Step("replay", (step.arg[0], 5 * SECOND)) if step.what == "replay" else step for step in steps]
    if "lasting" in has:
        steps.append(Step("away", _away(chance, flavour)))
    return Story(
        flavour=flavour,
        seed=seed,
        steps=tuple(steps),
        before=_before(chance, acts, flavour, since="since" in has) if "before" in has or "since" in has else (),
        page_cap=chance.choice((None, None, 12, 5 if flavour == "ftx" else 2)) if faults else None,
        symbols=_named(chance, flavour) if "unnamed" in has else None,
        markets=markets,
        limits=_limits(chance, without) if "limits" in has else (),
        session_limits=_session_limits(chance) if "limits" in has else SessionLimits(),
        machine_ns=chance.choice((-HOUR, -3 * SECOND, 3 * SECOND, HOUR)) if "machine" in has else 0,
        healthy=not faults,
        early=chance.random() < 0.3,
        lasting="lasting" in has,
    )


# What a story may have besides its faults, and how often.
FEATURES: Final = {
    "markets": 0.5,
    "unnamed": 0.2,
    "before": 0.5,
    "since": 0.3,
    "limits": 0.3,
    "machine": 0.2,
    "patience": 0.1,
    "lasting": 0.05,
}


def _limits(chance: random.Random, without: frozenset[str]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (name, chance.choice(LIMITS[name])) for name in LIMITS if name not in without and chance.random() < 0.5
    )


def _session_limits(chance: random.Random) -> SessionLimits:
    return SessionLimits(
        audit_recent=chance.randint(1, 3), audit_others=chance.randint(1, 3), audit_absent=chance.choice((1, 10))
    )


def _named(chance: random.Random, flavour: str) -> tuple[str, ...] | None:
    return None if flavour == "ftx" else chance.choice(((), ("BTCUSDT",), ("BTCUSDT", "ETHUSDT")))


def _before(chance: random.Random, acts: Sequence[Act], flavour: str, *, since: bool) -> tuple[Step, ...]:
    """Trading before the start, with pauses; somewhere in it the instant from which on all is wanted."""
    steps = [
        Step("wait", chance.randint(0, chance.choice((SECOND, MINUTE, HOUR))))
        if chance.random() < 0.3
        else Step("trade", _action(chance, acts, flavour))
        for _ in range(chance.randint(1, 20))
    ]
    if since:
        steps.insert(chance.randrange(len(steps)), Step("since"))
    return tuple(steps)


def _wait(chance: random.Random, *, patient: bool) -> int:
    spans = [50_000_000, 50_000_000, 500_000_000, 500_000_000, 8 * SECOND, 8 * SECOND, 100 * SECOND]
    if patient:
        spans += [100 * SECOND, 20 * MINUTE]
    return chance.randint(0, chance.choice(spans) if chance.random() < 0.999 else 3 * HOUR)


def _action(chance: random.Random, acts: Sequence[Act], flavour: str) -> Action:
    return Action(
        act=chance.choice(acts),
        who=chance.randrange(len(TRADERS)),
        where=chance.randrange(15),
        which=chance.randrange(8),
        side=chance.choice((Side.BUY, Side.SELL)),
        offset=chance.randint(-NEAR, NEAR),
        size=chance.randint(1, 9),
        self_trade=SelfTrade.NONE if flavour == "ftx" else chance.choice(USUAL),
        flag=chance.random() < 0.5,
        after_ns=chance.choice((0, 1_000_000, 250_000_000)),
    )


def _faults(chance: random.Random, flavour: str) -> dict[str, Callable[[], Any]]:
    """Every fault that this venue can have, and how to draw what it is about."""
    faults: dict[str, Callable[[], Any]] = {
        "drop": lambda: chance.choice(("reset", "reset", "reset", "half", "late", "late", "close", "close")),
        "mute": lambda: chance.choice(("events", "events", "all")),
        "unmute": lambda: None,
        "lag": lambda: chance.randint(0, 5 * SECOND),
        "fate": lambda: chance.choice(("ok",) * 6 + ("mixed",) * 6 + ("lost", "500", "429", "html", "cut", "unheard")),
        "dials": lambda: chance.choice(("ok", "ok", "mixed", "refused", "hang")),
        "slow": lambda: chance.choice((80_000_000, 80_000_000, 1 * SECOND, 3 * SECOND)),
        "stall": lambda: chance.randint(SECOND, 12 * SECOND),
        "shutdown": lambda: chance.choice((False, True)),
        "shutdowns": lambda: chance.randint(2, 5),
        "clock": lambda: chance.randint(-SECOND // 2, SECOND // 2),
        "doubled": lambda: chance.choice((0.0, 0.1, 0.5, 1.0)),
        "broken": lambda: chance.choice((0.0, 0.05, 0.2)),
        "replay": lambda: (chance.randint(1, 30), HOUR),
        "overflow": lambda: None,
        "ban": lambda: (chance.randint(2, 150) * SECOND, 429 if flavour == "ftx" else chance.choice((418, 429))),
        "away": lambda: _away(chance, flavour) if chance.random() < 0.6 else None,
        "measure": lambda: chance.choice((0, 0, SECOND, 4 * SECOND, 8 * SECOND)),
    }
    if flavour in ("binance-spot-listen-key", "binance-futures"):
        faults["expire"] = lambda: chance.choice((0, 1, 2))
    if flavour == "binance-spot":
        faults["terminate"] = lambda: None
        faults["terminates"] = lambda: chance.randint(2, 6)
    if flavour == "ftx":
        faults["interleaving"] = lambda: chance.choice(("orders_first", "fills_first", "mixed"))
    else:
        faults["delist"] = lambda: chance.randrange(8)
    return faults


def _away(chance: random.Random, flavour: str) -> tuple[str, str]:
    """One kind of question that fails while others do not (of one symbol, or of all), and how."""
    kind = chance.choice((*ALWAYS_ASKED, *ALWAYS_ASKED, *SOMETIMES_ASKED))
    symbol = chance.choice((None, "BTCUSDT", "ETHUSDT")) if kind in ("fills", "orders") and flavour != "ftx" else None
    return kind if symbol is None else f"{kind}:{symbol}", chance.choice(("503", "lost", "html", "odd"))


# ------------------------------------------------------------------------------------------------ playing


@attrs.define
class Outcome:
    """What a run came to: the violations (none: all is well), its world and how long it took to be live again."""

    story: Story
    world: World
    violations: list[str] = attrs.field(factory=list)
    live_after_ns: int = 0

    def __str__(self) -> str:
        return "\n".join([str(self.story), *self.world.log, *self.violations])


def play(story: Story) -> Outcome:
    """Play the story to its end and check it."""
    with limited(story.limits):
        options = {} if story.session_limits == SessionLimits() else {"session_limits": story.session_limits}
        world = World(
            story.flavour,
            seed=story.seed,
            page_cap=story.page_cap,
            symbols=story.symbols,
            markets=story.markets,
            options=options,
            clock_ns=story.machine_ns,
        )
        outcome = Outcome(story, world)
        try:
            _phases(story, world, outcome)
        except Runaway as runaway:
            outcome.violations.append(str(runaway))
        outcome.violations += judged(outcome)
    return outcome


@contextmanager
def limited(limits: Sequence[tuple[str, int]]) -> Iterator[None]:
    """Let these limits of the core be smaller for a while, in whatever module they stand."""
    places = [
        (module, name, value, getattr(module, name))
        for name, value in limits
        for module in CORE
        if name in vars(module)
    ]
    if {name for name, _ in limits} != {name for _, name, _, _ in places}:
        raise ValueError(f"not all of these are limits of the core: {limits}")
    try:
        for module, name, value, _ in places:
            setattr(module, name, value)
        yield
    finally:
        for module, name, _, usual in places:
            setattr(module, name, usual)


def _phases(story: Story, world: World, outcome: Outcome) -> None:
    for step in story.before:
        perform(world, step)
    world.start()
    if not story.early:
        world.run(MINUTE, lambda: world.session.status().phase == "live")
    for step in story.steps:
        perform(world, step)
    world.heal(lasting=story.lasting)
    if story.lasting:
        world.run(silence_bound_ns(world) + 5 * MINUTE)
        return
    healed_ns = world.now_ns
    for _ in range(4):  # an audit may still find what a muted link did not tell
        if not world.run(live_within_ns(world), lambda: world.session.status().phase in ("live", "down")):
            within = live_within_ns(world) // SECOND
            outcome.violations.append(f"not live {within} s after healing: {world.session.status()}")
            return
        outcome.live_after_ns = max(outcome.live_after_ns, world.now_ns - healed_ns)
        quiet_ns = QUIET_NS + turns_ns(world) + max(0, world.banned_until_ns - world.now_ns)
        if not world.run(quiet_ns, lambda: world.session.status().phase != "live"):
            return
        healed_ns = world.now_ns
    outcome.violations.append("gaps without end after healing")


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


def perform(world: World, step: Step) -> None:
    """Let one step happen."""
    arg = step.arg
    match step.what:
        case "trade":
            world.run(arg.after_ns)
            command = command_of(world.exchange.engine, arg, TRADERS)
            if command is not None and not world.is_delisted(command):
                world.exchange.submit(command)
                world.flush()
        case "since":
            world.since_ns = world.now_ns
        case "wait":
            world.run(arg)
        case "drop":
            world.drop(arg)
        case "mute":
            world.mute(arg)
        case "unmute":
            world.mute(None)
        case "lag":
            world.weather.rest_lag_ns = arg
        case "fate":
            world.weather.fate = arg
        case "dials":
            world.weather.dials = arg
        case "slow":
            world.weather.slowest_ns = arg
        case "stall":
            world.stall(arg)
        case "clock":
            world.machine_ns = arg
            world.jumped_ns = max(world.jumped_ns, abs(arg))
            # A question may be refused for its time, and then the audit asks anew a beat later.
            world.troubles.append(Span(world.now_ns, world.now_ns + 2 * MINUTE))
        case "expire":
            world.exchange.face.expire_listen_keys(None, notices=arg)
        case "rekey":
            world.exchange.face.replace_listen_keys(None)
        case "shutdown":
            world.exchange.face.shutdown_notice(close=arg)
        case "terminate":
            world.terminate()
        case "shutdowns":
            for number in range(arg):
                world.after(number * SECOND // 5, world.shutdown)
        case "terminates":
            for number in range(arg):
                world.after(number * SECOND // 10, world.terminate)
        case "doubled":
            world.weather.doubled = arg
        case "broken":
            world.weather.broken = arg
        case "replay":
            world.replay(*arg)
        case "overflow":
            world.overflow()
        case "ban":
            world.ban(*arg)
        case "away":
            world.weather.away = {} if arg is None else {**world.weather.away, arg[0]: arg[1]}
        case "measure":
            world.weather.clock_ns = arg
            world._measure()
            world.troubles.append(Span(world.now_ns, world.now_ns + 2 * MINUTE))
        case "delist":
            world.delist(arg)
        case "interleaving":
            world.exchange.settings.options["interleaving"] = arg
        case _:
            raise ValueError(step.what)
    if step.what not in ("trade", "wait"):
        world.note("STEP ", step)
        world.note_weather()
    world.flush()


def judged(outcome: Outcome) -> list[str]:
    """Every checker's word on a run."""
    world, told, story = outcome.world, outcome.world.told, outcome.story
    lag_ns = world.venue.plan.lag_ns + world.worst_error_ns
    error_ns = world.worst_error_ns + world.jumped_ns + MILLI
    start_ns = world.started_ns if world.since_ns is None else world.since_ns
    since_ns = max((start_ns or 0) + error_ns, _begin(told))
    # Nothing can be asked about a symbol that is no more.
    fills = [fill for fill in world.fills if fill.key[0] not in world.delisted]
    changes = [change for change in world.changes if change.key[0] not in world.delisted]
    nets = story.flavour == "binance-futures" and story.symbols is not None
    wrong = [
        *checkers.fills_twice(told),
        *checkers.fills_invented(world.fills, told),
        *checkers.fills_of_old(told, since_ns=(start_ns or 0) - error_ns),
        *checkers.orders_backward(told),
        *checkers.orders_invented(world.changes, told),
        *checkers.gaps_in_order(told, start_ns=start_ns, error_ns=error_ns),
        *checkers.gaps_untold(world.fills, world.changes, told, lag_ns=lag_ns),
        *checkers.verdicts_false(world.fills, world.changes, told),
        *checkers.verdicts_incomplete(told, lambda *said: excused(world, story, *said)),
        *checkers.scopes_shrunk(told),
        *checkers.silences(_outages(world, story), told, bound_ns=silence_bound_ns(world)),
        *checkers.told_late(
            fills,
            told,
            bound_ns=noticed_ns(world),
            orders=changes,
            since_ns=max(since_ns, world.started_ns or 0),
            until_ns=world.now_ns,
            troubles=world.troubles,
        ),
    ]
    if world.down is not None:
        wrong.append(f"the account went down: {world.down}")
    if world.asked_while_banned:
        wrong.append(f"asked {world.asked_while_banned} questions after being told to stay away")
    if not outcome.violations:  # it came to rest: then all must have been told
        wrong += checkers.too_much(sizes(world))
        if story.lasting:  # what no verdict reaches yet, the next one may
            fills, changes = _before_verdict(fills, changes, told)
        wrong += checkers.fills_lost(fills, told, since_ns=since_ns, nets=nets)
        wrong += checkers.orders_wrong_at_end(changes, told, since_ns=since_ns, nets=nets)
    if story.healthy:
        wrong += checkers.gaps_needless(told)
    return wrong


def _begin(told: Sequence[checkers.Told]) -> int:
    """From when on the first verdict vouches (by the venue's clock)."""
    return next((event.since_ns for event in told if isinstance(event, Closed)), 0)


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
            if what in ("symbol", "order") and kind == "symbol" and subject.startswith(f"{symbol}:"):
                return True
            if what == "order" and (kind == "listing" or subject.startswith(f"{name}:")):
                return True
            if what == "asset" and subject.endswith((":Fills", ":fills")) and (kind == "listing" or name in subject):
                return True
    if what == "symbols":
        return world.since_ns is not None and story.symbols == ()
    if world.evicted and what in ("span", "order", "fill", "asset"):  # executions that are not known any more
        return True
    if what == "doubts":
        return any(limit == "MAX_DOUBTS" for limit, _ in story.limits)
    return symbol in world.delisted or (what == "asset" and any(name in gone for gone in world.delisted))


def sizes(world: World) -> dict[str, tuple[int, int]]:
    """What a session holds when it is at rest, and how much that may be."""
    session = world.session
    open_orders = len(session.ledger.open)
    return {
        "questions": (len(session._asks.out), 100 + 4 * len(session._teller.symbols)),
        "doubts": (len(session._gaps.doubts._due), 1_000),
        "suspects": (len(session._gaps.suspects), open_orders + 100),
        "links": (len(session.links.live), 4),
        "open orders": (open_orders, len(world.exchange.engine.open_orders(CLIENT)) + 100),
    }


# ------------------------------------------------------------------------------------------------ shortening


def violations_of_playing(story: Story) -> list[str]:
    """What every checker says of this story."""
    return play(story).violations


def shortened(
    story: Story,
    *,
    violations_of: Callable[[Story], list[str]] = violations_of_playing,
    kind: str | None = None,
    tries: int = 400,
) -> Story:
    """A shorter and plainer story with a violation of the same kind (None: of the first), by leaving things out."""
    wanted = kind or kind_of(violations_of(story)[0])

    def still(shorter: Story) -> bool:
        return wanted in {kind_of(violation) for violation in violations_of(shorter)}

    best = story
    for field in attrs.fields(Story):
        default = field.default
        if field.name not in ("flavour", "seed", "steps", "healthy") and getattr(best, field.name) != default:
            plainer: Story = attrs.evolve(best, **{field.name: default})  # type: ignore[arg-type]
            if still(plainer):
                best = plainer
    for name in ("before", "steps", "limits"):
        best = _with_fewer(best, name, still, tries)
    return best


def _with_fewer(story: Story, name: str, still: Callable[[Story], bool], tries: int) -> Story:
    best, size = story, max(1, len(getattr(story, name)) // 2)
    while size >= 1 and tries > 0:
        start = 0
        while start < len(getattr(best, name)) and tries > 0:
            tries -= 1
            items = getattr(best, name)
            shorter = attrs.evolve(best, **{name: items[:start] + items[start + size :]})
            if still(shorter):
                best = shorter
            else:
                start += size
        size //= 2
    return best


_DETAIL: Final = re.compile(r"[0-9]+|'[^']*'|[(\[].*")


def kind_of(violation: str) -> str:
    """What kind of violation this is: its first words, without numbers."""
    return " ".join(_DETAIL.sub("", violation).split()[:4])
