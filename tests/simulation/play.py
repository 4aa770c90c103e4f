"""Plays a story against a `World`, in four phases.

The story with its faults; the faults end; the account must be live again within a bound of virtual time, and then stay
so while the audits look; and what was told is held against the truth by every checker (`judge.py`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

import exchstream.core
from exchstream.core.limits import SessionLimits
from exchstream.core.venue import MINUTE, SECOND
from mockserver.actions import command_of
from mockserver.checkers import Span, too_much

from .judge import QUIET_NS, Outcome, held, judged, live_within_ns, silence_bound_ns, turns_ns
from .story import Step, Story
from .world import TRADERS, Runaway, World

CORE: Final = tuple(
    importlib.import_module(f"exchstream.core.{found.name}") for found in pkgutil.iter_modules(exchstream.core.__path__)
)


def play(story: Story) -> Outcome:
    """Play the story to its end and check it."""
    with limited(story.limits):
        world = world_of(story)
        outcome = Outcome(story, world)
        with closing(world):
            try:
                _phases(story, world, outcome)
            except Runaway as runaway:
                outcome.violations.append(str(runaway))
            outcome.violations += judged(outcome)
    return outcome


def world_of(story: Story) -> World:
    """Where it is played; nothing has happened there yet."""
    options = {} if story.session_limits == SessionLimits() else {"session_limits": story.session_limits}
    return World(
        story.flavour,
        seed=story.seed,
        page_cap=story.page_cap,
        symbols=story.symbols,
        markets=story.markets,
        options=options,
        clock_ns=story.machine_ns,
        journal=story.journal,
    )


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
        world.run(MINUTE, lambda: world.phase == "live")
    for step in story.steps:
        perform(world, step)
        outcome.violations += too_much(held(world))
        if outcome.violations:
            return
    rest(story, world, outcome)


def rest(story: Story, world: World, outcome: Outcome) -> None:
    """The faults end; then it must come to rest, and stay there while the audits look."""
    world.heal(lasting=story.lasting)
    if story.lasting:
        world.run(silence_bound_ns(world) + 5 * MINUTE)
        return
    healed_ns = world.now_ns
    for _ in range(4):  # an audit may still find what a muted link did not tell
        if not world.run(live_within_ns(world), lambda: world.phase in ("live", "down")):
            within = live_within_ns(world) // SECOND
            outcome.violations.append(f"not live {within} s after healing: {world.session.status()}")
            return
        outcome.live_after_ns = max(outcome.live_after_ns, world.now_ns - healed_ns)
        quiet_ns = QUIET_NS + turns_ns(world) + max(0, world.banned_until_ns - world.now_ns)
        if not world.run(quiet_ns, lambda: world.phase != "live"):
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
            world.step_clock(arg)
        case "expire_key":
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
        case "restart":
            world.die(*arg)
        case "heal":
            world.heal(lasting=arg is not None)
        case "interleaving":
            world.exchange.settings.options["interleaving"] = arg
        case _:
            raise ValueError(step.what)
    if step.what not in ("trade", "wait"):
        world.note("STEP ", step)
        world.note_weather()
    world.flush()
