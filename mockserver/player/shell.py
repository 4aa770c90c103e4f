"""Runs a command against a mock of its own while a scenario is played.

The command finds the mock by its environment (``ENVIRONMENT`` below), or by placeholders in its arguments: ``{http}``,
``{ws}``, ``{key}``. It is started in a process group of its own, which is ended when the scenario is over. What it
prints on standard output is passed on to standard error; lines that are reports are read.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

import trio

from mockserver import supply
from mockserver.actions import RIVAL
from mockserver.clock import Clock
from mockserver.command import DEMO, demo_key
from mockserver.control import PREFIX
from mockserver.forms import FormError
from mockserver.markets import widened
from mockserver.player.play import play
from mockserver.player.playing import (
    Playing,
    SetupError,
    Verdict,
    ahead_ns,
    setup_markets,
    setup_symbols,
)
from mockserver.server import Listening, Server, listen
from mockserver.story import Story
from mockserver.venues import VENUES, find
from mockserver.world import Recipe, Worlds

ENVIRONMENT: Final[Mapping[str, str]] = {
    "MOCKSERVER_HTTP": "http",
    "MOCKSERVER_WS": "ws",
    "MOCKSERVER_CONTROL": "control",
    "MOCKSERVER_REPORT": "report",
    "MOCKSERVER_API_KEY": "key",
    "MOCKSERVER_API_SECRET": "secret",
    "MOCKSERVER_VENUE": "venue",
    "MOCKSERVER_SYMBOL": "symbol",
    "MOCKSERVER_SYMBOLS": "symbols",
    "MOCKSERVER_SEED": "seed",
}
"""Variable -> placeholder."""
GRACE_SECONDS: Final = 3.0
"""How long the command may take to end when it is asked to."""
DRAIN_SECONDS: Final = 0.5
"""How long it is read on when the command has died: what it printed last, what its connections had for the journal."""
MAX_LINE: Final = 1 << 20
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def worlds_for(story: Story, seed: int, now: Callable[[], int]) -> tuple[Worlds, str]:
    """The worlds a story asks for, with its account, and the name of its venue; ``now`` is the client's clock.

    SetupError says what is not there.
    """
    late_ns = ahead_ns(story)
    try:
        plain, profile = find(story.venue)
        found = supply.read(story.liquidity or "manual")
    except (FormError, supply.NoSupply) as error:
        raise SetupError(str(error)) from None
    spec, balances = widened(plain, setup_markets(story))
    venue = spec.name
    recipe = Recipe(
        venues=tuple(spec if each.name == venue else each for each in VENUES),
        clock=lambda: Clock(lambda: now() + late_ns),
        liquidity=found.make,
        profiles={venue: profile},
    )
    worlds = Worlds(recipe, seed=seed)
    exchange = worlds.default.exchanges[venue]
    try:
        key, secret = demo_key(spec, "ApiKey"), demo_key(spec, "Secret")
        worlds.open_account(
            exchange, DEMO, balances=balances if story.account is None else story.account, api_key=key, secret=secret
        )
        worlds.open_account(exchange, RIVAL, balances=balances)
    except ValueError as error:
        raise SetupError(f"account: {error}") from None
    return worlds, venue


def values(playing: Playing, listening: Listening) -> dict[str, str]:
    """What the command is told, by placeholder."""
    exchange = playing.hands.exchange
    account, instruments = exchange.accounts[DEMO], list(exchange.engine.instruments)
    symbols = setup_symbols(playing.story)
    return {
        "http": listening.http,
        "ws": listening.ws,
        "control": listening.http + PREFIX,
        "report": f"{listening.http}{PREFIX}/report",
        "key": account.api_key,
        "secret": account.secret,
        "venue": exchange.venue,
        "symbol": instruments[0],
        "symbols": ",".join(instruments if symbols is None else symbols),
        "seed": str(exchange.world.seed),
    }


def filled(argument: str, known: Mapping[str, str]) -> str:
    """An argument with its placeholders replaced; braces round anything else stay."""
    return _PLACEHOLDER.sub(lambda found: known.get(found[1], found[0]), argument)


async def run(story: Story, command: Sequence[str], seed: int, again: str) -> Verdict | None:
    """Play the story against the command; None: interrupted. SetupError: the story cannot be played.

    ``again`` is the line that repeats it.
    """
    worlds, venue = worlds_for(story, seed, time.time_ns)
    worlds.again = lambda _world, _seed: again
    playing = Playing(story, worlds, venue, DEMO)
    server = Server(worlds)
    listeners = await listen("127.0.0.1", 0)
    outcome: Verdict | None = None

    async def watch(signals: AsyncIterator[int]) -> None:
        async for _ in signals:
            nursery.cancel_scope.cancel()

    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, signals)
            listening = await nursery.start(server.serve_on, "127.0.0.1", listeners)
            outcome = await _with_command(playing, server, command, values(playing, listening))
            nursery.cancel_scope.cancel()
    return outcome


async def _with_command(playing: Playing, server: Server, command: Sequence[str], known: Mapping[str, str]) -> Verdict:
    environment = {variable: known[name] for variable, name in ENVIRONMENT.items()}
    try:
        process = await trio.lowlevel.open_process(
            [filled(argument, known) for argument in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    except OSError as error:
        return playing.died(f"cannot start {command[0]}: {error.strerror or error}")
    outcomes: list[Verdict] = []
    going_on, read = trio.CancelScope(), trio.Event()

    async def watch() -> None:
        code = await process.wait()
        if code != 0 and not playing.machine.over:
            going_on.cancel()
            with trio.move_on_after(DRAIN_SECONDS):  # a child of it may hold its output
                await read.wait()
            outcomes.append(playing.died(f"the command {_ended(code)}"))
            nursery.cancel_scope.cancel()
        playing.machine.end(f"the command {_ended(code)}")
        playing.on_news()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, process, playing, read)
            nursery.start_soon(watch)
            with going_on:
                outcomes.append(await play(playing, server))
                nursery.cancel_scope.cancel()
    finally:
        with trio.move_on_after(2 * GRACE_SECONDS, shield=True):  # killed, it ends at once
            await _end(process)
    return outcomes[0]


async def _read(process: trio.Process, playing: Playing, read: trio.Event) -> None:
    """Pass on what the command prints, and take its reports; then say so."""
    assert process.stdout is not None  # a pipe, see above
    rest = b""
    async for chunk in process.stdout:
        sys.stderr.buffer.write(chunk)
        sys.stderr.flush()
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest if len(rest) <= MAX_LINE else b""
        for line in whole:
            playing.reports.line(line.decode("utf-8", "replace"), playing.now_ns)
    read.set()


async def _end(process: trio.Process) -> None:
    """End the command and whatever it has started."""
    _signal_group(process, signal.SIGTERM)
    with trio.move_on_after(GRACE_SECONDS):
        await process.wait()
    _signal_group(process, signal.SIGKILL)
    await process.wait()
    if process.stdout is not None:
        await process.stdout.aclose()


def _signal_group(process: trio.Process, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
