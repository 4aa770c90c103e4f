"""A world as JSON, and a world made of it: what a crashed exchange would find in its database when it starts again.

Kept: each venue's engine (orders with their past, books, balances, positions, trades, counters of ids, chance), its
liquidity model, accounts with their keys, settings, rate-limit counters and listen keys, and what faults have changed
of its rules (markets that stand, lower limits); the faults that are armed and how often each has happened; the truth,
and what the client has reported; the timers that are to come; the clock's rates and how far it is ahead.
Not kept: connections (they are closed with 1001, as by a restart), the journal, and timers that belong to a connection
or to a request that waits; ``left_out`` names the latter.

The time goes on where a clock runs, and never falls behind the snapshot; a clock that stands is set to the time of the
snapshot. So, by a clock that is moved by hand, the same snapshot and the same commands give the same events.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from mockserver.clock import Clock, Timer, check_rate
from mockserver.engine.engine import Engine
from mockserver.exchange import Exchange, Settings
from mockserver.faults import Faults
from mockserver.graph import GraphError, Reader, Writer
from mockserver.rules import Rules
from mockserver.truth import Truth
from mockserver.world import World, Worlds

FORMAT: Final = 3

Json = dict[str, Any]


class SnapshotError(ValueError):
    """This cannot be restored, and why."""


def take(world: World) -> Json:
    """The snapshot of a world. GraphError: it holds what cannot be written (a liquidity model of your own?)."""
    clock, anchors = world.clock, _surroundings(world)
    for exchange in world.exchanges.values():
        anchors |= _anchors(exchange)
    writer = Writer(anchors)
    venues = {}
    for venue, exchange in world.exchanges.items():
        first = ("engine", "settings", "rules")
        parts = {name: writer.write(getattr(exchange, name), f"{venue}/{name}") for name in first}
        parts["face"] = {name: writer.write(_kept(exchange, name), f"{venue}/{name}") for name in exchange.face.kept}
        parts |= {name: writer.write(getattr(exchange, name), f"{venue}/{name}") for name in ("accounts", "liquidity")}
        venues[venue] = parts
    faults, truth = writer.write(world.faults, "faults"), writer.write(world.truth, "truth")
    reports = {name: writer.write(getattr(world.reports, name), f"reports/{name}") for name in ("told", "wrong")}
    timers, left_out = _timers(clock, writer)
    return {
        "format": FORMAT,
        "world": world.name,
        "seed": world.seed,
        "repeats": world.repeats,
        "clock": {
            "now_ns": clock.now_ns,
            "ahead_ns": clock.ahead_ns,
            "rate": str(clock.rate),
            "told_rate": str(clock.told_rate),
        },
        "venues": venues,
        "faults": faults,
        "truth": truth,
        "reports": reports,
        "tokens": [list(row) for row in world.worlds.tokens(world)],
        "timers": timers,
        "left_out": left_out,
    }


def restore(worlds: Worlds, given: Json, name: str | None = None) -> World:
    """Put the world of a snapshot in the place of the one of its name (or of this name), which ends.

    SnapshotError: it is no snapshot, of another version or of other venues, or its API keys are in use elsewhere; then
    nothing has changed.
    """
    try:
        return _restored(worlds, given, name or str(given["world"]))
    except SnapshotError:
        raise
    except GraphError as error:
        raise SnapshotError(str(error)) from None
    except KeyError as error:
        raise SnapshotError(f"this is no snapshot, or a part of it is missing: {error}") from None
    except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise SnapshotError(f"this is no snapshot ({type(error).__name__}: {error})") from None


def _restored(worlds: Worlds, given: Json, name: str) -> World:
    if given["format"] != FORMAT:
        raise SnapshotError(f"this snapshot has format {given['format']!r}, not {FORMAT}")
    specs = {spec.name: spec for spec in worlds.recipe.venues}
    if given["venues"].keys() != specs.keys():
        raise SnapshotError(f"this snapshot is of {', '.join(given['venues'])}, not of {', '.join(specs)}")
    clock = worlds.recipe.clock()
    rate, told_rate = Fraction(given["clock"]["rate"]), Fraction(given["clock"]["told_rate"])
    then_ns, ahead_ns = int(given["clock"]["now_ns"]), int(given["clock"]["ahead_ns"])
    now_ns = max(clock.now_ns, then_ns) if told_rate else then_ns
    world = World(worlds, name, int(given["seed"]), clock, repeats=bool(given["repeats"]))
    reader = Reader(_surroundings(world))
    for venue, spec in specs.items():
        parts = given["venues"][venue]
        reader.anchors |= {f"{venue} instrument {each.name}": each for each in spec.instruments}
        engine = reader.read(parts["engine"], f"{venue}/engine", Engine)
        settings = reader.read(parts["settings"], f"{venue}/settings", Settings)
        world.exchanges[venue] = exchange = Exchange(spec, world, engine, settings)
        exchange.rules = reader.read(parts["rules"], f"{venue}/rules", Rules)
        reader.anchors |= _anchors(exchange)
        for part, form in sorted(parts["face"].items(), key=lambda row: exchange.face.kept.index(row[0])):
            _keep(exchange, part, reader.read(form, f"{venue}/{part}"))
        exchange.accounts = reader.read(parts["accounts"], f"{venue}/accounts", dict)
        exchange.liquidity = reader.read(parts["liquidity"], f"{venue}/liquidity")
    world.faults = reader.read(given["faults"], "faults", Faults)
    world.truth = reader.read(given["truth"], "truth", Truth)
    world.reports.told = reader.read(given["reports"]["told"], "reports/told", list)
    world.reports.wrong = reader.read(given["reports"]["wrong"], "reports/wrong", list)
    timers = [reader.read(form, f"timers/{number}", Timer) for number, form in enumerate(given["timers"])]
    check_rate(rate)
    check_rate(told_rate)
    world.truth.world = name
    world.truth.cut(now_ns)
    world.faults.shift(now_ns - then_ns)
    try:
        worlds.adopt(world, [(str(venue), str(token), account) for venue, token, account in given["tokens"]])
    except ValueError as error:
        raise SnapshotError(str(error)) from None
    clock.set(now_ns, ahead_ns, rate, told_rate)
    clock.adopt(timers, now_ns - then_ns)
    return world


def _timers(clock: Clock, writer: Writer) -> tuple[list[Json], list[str]]:
    kept: list[Json] = []
    left_out = []
    for timer in clock.timers():
        if timer.link is not None:
            continue
        try:
            kept.append(writer.write(timer, f"timers/{len(kept)}"))
        except GraphError:
            left_out.append(timer.name)
    return kept, left_out


def _surroundings(world: World) -> dict[str, object]:
    return {"world": world, "worlds": world.worlds, "clock": world.clock, "recorder": world.recorder}


def _anchors(exchange: Exchange) -> dict[str, object]:
    venue = exchange.venue
    instruments = {f"{venue} instrument {each.name}": each for each in exchange.spec.instruments}
    return {venue: exchange, f"{venue} face": exchange.face, f"{venue} spec": exchange.spec, **instruments}


def _kept(exchange: Exchange, path: str) -> object:
    found: object = exchange.face
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _keep(exchange: Exchange, path: str, value: object) -> None:
    *owner, name = path.split(".")
    setattr(_kept(exchange, ".".join(owner)) if owner else exchange.face, name, value)
