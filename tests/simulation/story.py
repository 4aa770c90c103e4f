"""Stories: lists of steps (trade, fault, wait), told by chance from a seed, played against a `World`, and shortened.

A run has four phases: the story with its faults; the faults end; the account must be live again within a bound of
virtual time, and then stay so while the audits look; and what was told is held against the truth by every checker.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from exchstream.core.venue import HOUR, MINUTE, SECOND
from mockserver.actions import LIVELY, NEAR, USUAL, Act, Action, command_of
from mockserver.engine.types import HOUSE, SelfTrade, Side

from . import checkers
from .world import CLIENT, RIVAL, Runaway, World

TRADERS: Final = (CLIENT, CLIENT, CLIENT, RIVAL, HOUSE)
# After healing: a silent link is noticed (60 s) or an audit fails twice (90 s), a wait of the backoff (60 s) ends, a
# dial and a question fail no more, and the look-back takes at most its 8 passes of 6 s.
LIVE_WITHIN_NS: Final = 5 * MINUTE
QUIET_NS: Final = 150 * SECOND  # two looks of the slowest audit, and some

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
    page_cap: int | None = None
    symbols: tuple[str, ...] | None = None
    healthy: bool = False  # no fault in it: then no gap after the start either
    early: bool = False  # the first steps happen while the account is starting
    gives_up: bool = False  # REST is away for longer than it is asked: what was named then is not held against it

    def __str__(self) -> str:
        head = f"{self.flavour} seed={self.seed} page_cap={self.page_cap} early={self.early} healthy={self.healthy}"
        return "\n".join([head, *(f"    {step}" for step in self.steps)])


# ------------------------------------------------------------------------------------------------ telling by chance


def told_by_chance(
    flavour: str, seed: int, length: int = 40, *, faults: bool = True, without: frozenset[str] = frozenset()
) -> Story:
    """A story of this seed; `without` leaves out faults by name."""
    chance = random.Random(f"{flavour}/{seed}")
    acts = tuple(act for act in LIVELY if act not in NOT_AT[flavour])
    busy, rough = chance.choice((0.3, 0.6, 0.8)), chance.choice((0.1, 0.25, 0.4)) if faults else 0.0
    steps: list[Step] = []
    while len(steps) < length:
        draw = chance.random()
        if draw < busy:
            steps.append(Step("trade", _action(chance, acts, flavour)))
        elif draw < busy + rough * (1 - busy):
            step = _fault(chance, flavour)
            if step.what not in without:
                steps.append(step)
        else:
            wait_ns = _wait(chance)
            if wait_ns > 100 * SECOND:  # a question is given up after 10 minutes: that is another story
                steps += [Step("fate", "ok"), Step("dials", "ok")]
            steps.append(Step("wait", wait_ns))
    return Story(
        flavour=flavour,
        seed=seed,
        steps=tuple(steps),
        page_cap=chance.choice((None, None, 12, 5 if flavour == "ftx" else 2)) if faults else None,
        healthy=not faults,
        early=chance.random() < 0.3,
    )


def _wait(chance: random.Random) -> int:
    spans = (50_000_000, 50_000_000, 500_000_000, 500_000_000, 8 * SECOND, 8 * SECOND, 100 * SECOND)
    return chance.randint(0, chance.choice(spans) if chance.random() < 0.999 else 3 * HOUR)


def _action(chance: random.Random, acts: Sequence[Act], flavour: str) -> Action:
    return Action(
        act=chance.choice(acts),
        who=chance.randrange(len(TRADERS)),
        where=chance.randrange(8),
        which=chance.randrange(8),
        side=chance.choice((Side.BUY, Side.SELL)),
        offset=chance.randint(-NEAR, NEAR),
        size=chance.randint(1, 9),
        self_trade=SelfTrade.NONE if flavour == "ftx" else chance.choice(USUAL),
        flag=chance.random() < 0.5,
        after_ns=chance.choice((0, 1_000_000, 250_000_000)),
    )


def _fault(chance: random.Random, flavour: str) -> Step:
    faults: list[tuple[str, Callable[[], Any]]] = [
        ("drop", lambda: chance.choice(("reset", "reset", "half", "late", "close"))),
        ("drop", lambda: chance.choice(("reset", "late", "close"))),
        ("mute", lambda: chance.choice(("events", "events", "all"))),
        ("unmute", lambda: None),
        ("lag", lambda: chance.randint(0, 5 * SECOND)),
        ("fate", lambda: chance.choice(("ok", "ok", "mixed", "mixed", "lost", "500", "429", "html", "unheard"))),
        ("dials", lambda: chance.choice(("ok", "ok", "mixed", "refused", "hang"))),
        ("slow", lambda: chance.choice((80_000_000, 80_000_000, 1 * SECOND, 3 * SECOND))),
        ("stall", lambda: chance.randint(SECOND, 12 * SECOND)),
        ("shutdown", lambda: chance.choice((False, True))),
        ("clock", lambda: chance.randint(-SECOND // 2, SECOND // 2)),
    ]
    if flavour in ("binance-spot-listen-key", "binance-futures"):
        faults.append(("expire", lambda: chance.choice((0, 1, 2))))
    if flavour == "binance-spot":
        faults.append(("terminate", lambda: None))
    if flavour == "ftx":
        faults.append(("interleaving", lambda: chance.choice(("orders_first", "fills_first", "mixed"))))
    what, arg = chance.choice(faults)
    return Step(what, arg())


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
    world = World(story.flavour, seed=story.seed, page_cap=story.page_cap, symbols=story.symbols)
    outcome = Outcome(story, world)
    try:
        _phases(story, world, outcome)
    except Runaway as runaway:
        outcome.violations.append(str(runaway))
    outcome.violations += judged(outcome)
    return outcome


def _phases(story: Story, world: World, outcome: Outcome) -> None:
    world.start()
    if not story.early:
        world.run(MINUTE, lambda: world.session.status().phase == "live")
    for step in story.steps:
        perform(world, step)
    world.heal()
    healed_ns = world.now_ns
    for _ in range(3):  # an audit may still find what a muted link did not tell
        if not world.run(LIVE_WITHIN_NS, lambda: world.session.status().phase in ("live", "down")):
            outcome.violations.append(f"not live {LIVE_WITHIN_NS // SECOND} s after healing: {world.session.status()}")
            return
        outcome.live_after_ns = max(outcome.live_after_ns, world.now_ns - healed_ns)
        if not world.run(QUIET_NS, lambda: world.session.status().phase != "live"):
            return
        healed_ns = world.now_ns
    outcome.violations.append("gaps without end after healing")


def perform(world: World, step: Step) -> None:
    """Let one step happen."""
    arg = step.arg
    match step.what:
        case "trade":
            world.run(arg.after_ns)
            command = command_of(world.exchange.engine, arg, TRADERS)
            if command is not None:
                world.exchange.submit(command)
                world.flush()
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
        case "expire":
            world.exchange.face.expire_listen_keys(None, notices=arg)
        case "shutdown":
            world.exchange.face.shutdown_notice(close=arg)
        case "terminate":
            for wire in world.up():
                if wire.link is not None and wire.link.accounts:
                    wire.link.receive('{"id":"sim","method":"userDataStream.unsubscribe"}')
        case "interleaving":
            world.exchange.settings.options["interleaving"] = arg
        case _:
            raise ValueError(step.what)
    if step.what not in ("trade", "wait"):
        world.note(f"STEP {step}")
    world.flush()


def judged(outcome: Outcome) -> list[str]:
    """Every checker's word on a run whose faults could all be recovered from."""
    world, told, story = outcome.world, outcome.world.told, outcome.story
    lag_ns = world.venue.plan.lag_ns
    wrong = [
        *checkers.fills_twice(told),
        *checkers.fills_invented(world.fills, told),
        *checkers.orders_backward(told),
        *checkers.orders_invented(world.changes, told),
        *checkers.gaps_in_order(told),
        *checkers.verdicts_false(world.fills, world.changes, told),
        *checkers.scopes_shrunk(told),
        *checkers.too_much(sizes(world)),
    ]
    if world.down is not None:
        wrong.append(f"the account went down: {world.down}")
    if not story.gives_up:
        wrong += checkers.gaps_untold(world.fills, world.changes, told, lag_ns=lag_ns)
        wrong += checkers.verdicts_incomplete(told)
    if not outcome.violations:  # it came to rest: then all must have been told
        since_ns = _promised_since(told)
        wrong += checkers.fills_lost(world.fills, told, since_ns=since_ns)
        wrong += checkers.orders_wrong_at_end(world.changes, told, since_ns=since_ns)
    if story.healthy:
        wrong += checkers.gaps_needless(told)
    return wrong


def _promised_since(told: Sequence[checkers.Told]) -> int:
    """From the start (by the venue's clock), or from the end of the last verdict that named something."""
    verdicts = [event for event in told if isinstance(event, checkers.Closed)]
    named = [verdict.until_ns for verdict in verdicts if not verdict.complete]
    return max([*named, *(verdict.since_ns for verdict in verdicts[:1])], default=0)


def sizes(world: World) -> dict[str, tuple[int, int]]:
    """What a session holds when it is at rest, and how much that may be."""
    session = world.session
    open_orders = len(session.ledger.open)
    return {
        "questions": (len(session._asks.out), 100),
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
    story: Story, *, violations_of: Callable[[Story], list[str]] = violations_of_playing, tries: int = 400
) -> Story:
    """A shorter story with a violation of the same kind (its first words), by leaving out steps."""
    kind = _kind(violations_of(story))
    best, size = story, max(1, len(story.steps) // 2)
    while size >= 1 and tries > 0:
        start = 0
        while start < len(best.steps) and tries > 0:
            tries -= 1
            shorter = attrs.evolve(best, steps=best.steps[:start] + best.steps[start + size :])
            if kind in {_kind([violation]) for violation in violations_of(shorter)}:
                best = shorter
            else:
                start += size
        size //= 2
    return best


def _kind(violations: Sequence[str]) -> str:
    return " ".join(violations[0].split()[:2]) if violations else ""
