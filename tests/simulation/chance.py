"""Stories told by chance, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import attrs

from exchstream.core.limits import SessionLimits
from exchstream.core.venue import HOUR, MINUTE, SECOND
from mockserver.actions import LIVELY, NEAR, USUAL, Act, Action
from mockserver.engine.types import SelfTrade, Side

from .books import DEATHS
from .story import Step, Story
from .world import TRADERS

ALWAYS_ASKED: Final = ("openorders", "fills", "orders", "balances")
SOMETIMES_ASKED: Final = ("orderbyid", "orderfills", "clock", "markets", "newcredential", "renewcredential")
# What a limit of the core may be set to: so low that it is reached.
LIMITS: Final[dict[str, tuple[int, ...]]] = {
    "MAX_CLOSED": (2, 5, 10),
    "MAX_ENDED": (80, 120),  # fewer, and orders may be told again from their beginning (docs/guarantees.md, G5)
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
_WAITING: Final = frozenset({Act.STOP, Act.STOP_TRIGGER, Act.LIST})
_NEVER: Final = frozenset({Act.DEPOSIT})  # money that moves unseen in a gap is named, and would spoil every verdict
NOT_AT: Final = {
    "binance-spot": _NEVER | _ALGO | {Act.FORCE_CLOSE, Act.REDUCE_ONLY, Act.AMEND},
    "binance-spot-listen-key": _NEVER | _ALGO | {Act.FORCE_CLOSE, Act.REDUCE_ONLY, Act.AMEND},
    "binance-futures": _NEVER | _WAITING | {Act.SHRINK, Act.QUOTE},
    "ftx": _NEVER | _ALGO | _WAITING | {Act.FORCE_CLOSE, Act.AMEND, Act.SHRINK, Act.QUOTE, Act.FOK},
}
SELF_TRADES: Final = {
    "binance-spot": USUAL,
    "binance-spot-listen-key": USUAL,
    "binance-futures": tuple(mode for mode in USUAL if not mode.shrinks),
    "ftx": (SelfTrade.NONE,),
}


def told_by_chance(
    flavour: str, seed: int, length: int = 40, *, faults: bool = True, without: frozenset[str] = frozenset()
) -> Story:
    """A story of this seed; `without` leaves out faults (and the features of `FEATURES`) by name."""
    chance = random.Random(f"{flavour}/{seed}")
    has = {name for name in FEATURES if faults and name not in without and chance.random() < FEATURES[name]}
    without |= frozenset() if "journal" in has else {"restart"}
    acts = acts_at(flavour)
    busy, rough = chance.choice((0.3, 0.6, 0.8)), chance.choice((0.15, 0.3, 0.5)) if faults else 0.0
    armed = armed_by(chance, flavour, without)
    markets = chance.randint(3, 14) if "markets" in has else None
    steps: list[Step] = []
    length *= 1 + 2 * ("limits" in has)  # what is full must first be filled
    while len(steps) < length:
        draw = chance.random()
        if draw < busy:
            steps += traded(chance, acts, flavour)
        elif draw < busy + rough * (1 - busy) and "unheard" in has and chance.random() < 0.2:
            steps += unheard(chance, acts, flavour)
        elif draw < busy + rough * (1 - busy) and armed:
            what = chance.choice(armed)
            if what == "restart" and chance.random() < 0.7:  # while something is told, and is not kept yet
                steps += [Step("trade", action_of(chance, acts, flavour)), Step("wait", chance.randint(0, SECOND // 5))]
            steps.append(Step(what, faults_of(chance, flavour)[what]()))
            if chance.random() < 0.4:  # what happens in the gap that it may open
                steps += [Step("trade", action_of(chance, acts, flavour)) for _ in range(chance.randint(1, 4))]
        else:
            wait_ns = wait_of(chance, patient="patience" in has)
            if wait_ns > 100 * SECOND and "patience" not in has:
                steps += [Step("fate", "ok"), Step("dials", "ok"), Step("away", None)]
            steps.append(Step("wait", wait_ns))
    if has & {"limits", "journal"}:
        steps = list(remembered(steps))
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
        journal=chance.choice(("normal", "normal", "full", "relaxed")) if "journal" in has else None,
    )


def armed_by(chance: random.Random, flavour: str, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The faults that a run may meet: a part of those that this venue can have."""
    return tuple(
        sorted(
            name
            for name in faults_of(chance, flavour)
            if name not in without and (chance.random() < 0.4 or name == "restart")
        )
    )


def remembered(steps: Iterable[Step]) -> Iterator[Step]:
    """The same steps, but only young frames come again: what memory has let go of cannot be known again."""
    for step in steps:
        yield Step("replay", (step.arg[0], 5 * SECOND)) if step.what == "replay" else step


# What a story may have besides its faults, and how often.
FEATURES: Final = {
    "markets": 0.5,
    "unnamed": 0.3,
    "before": 0.5,
    "since": 0.3,
    "limits": 0.3,
    "machine": 0.2,
    "patience": 0.1,
    "lasting": 0.05,
    "journal": 0.4,
    "unheard": 0.15,
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
        else Step("trade", action_of(chance, acts, flavour))
        for _ in range(chance.randint(1, 20))
    ]
    if since:
        steps.insert(chance.randrange(len(steps)), Step("since"))
    return tuple(steps)


def wait_of(chance: random.Random, *, patient: bool) -> int:
    """How long to let time pass: often an instant, sometimes minutes, rarely hours."""
    spans = [50_000_000, 50_000_000, 500_000_000, 500_000_000, 8 * SECOND, 8 * SECOND, 100 * SECOND]
    if patient:
        spans += [100 * SECOND, 20 * MINUTE]
    return chance.randint(0, chance.choice(spans) if chance.random() < 0.999 else 3 * HOUR)


def acts_at(flavour: str) -> tuple[Act, ...]:
    """What can be done at this venue."""
    return tuple(act for act in LIVELY if act not in NOT_AT[flavour])


def action_of(chance: random.Random, acts: Sequence[Act], flavour: str) -> Action:
    """Something that a trader does."""
    return Action(
        act=chance.choice(acts),
        who=chance.randrange(len(TRADERS)),
        where=chance.randrange(15),
        which=chance.randrange(8),
        side=chance.choice((Side.BUY, Side.SELL)),
        offset=chance.randint(-NEAR, NEAR),
        size=chance.randint(1, 9),
        self_trade=chance.choice(SELF_TRADES[flavour]),
        flag=chance.random() < 0.5,
        after_ns=chance.choice((0, 1_000_000, 250_000_000)),
    )


def traded(chance: random.Random, acts: Sequence[Act], flavour: str) -> list[Step]:
    """One act; at FTX sometimes a modify, which is a cancel and a new order in one instant."""
    action = action_of(chance, acts, flavour)
    modify = flavour == "ftx" and chance.random() < 0.1
    both = [attrs.evolve(action, act=Act.CANCEL), attrs.evolve(action, act=Act.LIMIT, after_ns=0)]
    return [Step("trade", each) for each in (both if modify else [action])]


def unheard(chance: random.Random, acts: Sequence[Act], flavour: str) -> list[Step]:
    """While a gap is looked into, the new connection tells nothing either, and REST tells the latest late."""
    steps = [
        Step("drop", "reset"),
        Step("wait", chance.randint(SECOND, 4 * SECOND)),
        Step("mute", "events"),
        Step("lag", chance.randint(2 * SECOND, 5 * SECOND)),
    ]
    for _ in range(chance.randint(4, 8)):
        steps += [*traded(chance, acts, flavour), Step("wait", chance.randint(0, 3 * SECOND))]
    return [*steps, Step("lag", 0)]


def faults_of(chance: random.Random, flavour: str) -> dict[str, Callable[[], Any]]:
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
        "restart": lambda: (chance.choice(DEATHS), wait_of(chance, patient=True)),
    }
    if flavour in ("binance-spot-listen-key", "binance-futures"):
        faults["expire_key"] = lambda: chance.choice((0, 1, 2))
    if flavour == "binance-futures":
        faults["rekey"] = lambda: None  # spot renews its key by name, and is never given another one
        del faults["shutdown"], faults["shutdowns"]  # no such notice is documented
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
    always = (*ALWAYS_ASKED, "traces") if flavour == "binance-futures" else ALWAYS_ASKED
    kind = chance.choice((*always, *always, *SOMETIMES_ASKED))
    symbol = chance.choice((None, "BTCUSDT", "ETHUSDT")) if kind in ("fills", "orders") and flavour != "ftx" else None
    return kind if symbol is None else f"{kind}:{symbol}", chance.choice(("503", "lost", "html", "odd"))
