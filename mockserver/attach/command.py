"""``python -m mockserver exec [options] -- COMMAND``: runs a client, unchanged, that comes to the mock.

It comes by a proxy, which a client has to heed; or with ``--isolate`` in a network in which there is nothing but the
mock. Ends when the command ends, with its exit code; 2 wrong arguments or no mock, 126 and 127 as a shell: the command
cannot be run, is not there. What reached the mock is said on standard error; standard output is the command's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from mockserver.again import of_server
from mockserver.arguments import EXIT_USAGE, Parser
from mockserver.attach.authority import Authority, NoAuthority
from mockserver.attach.environment import attached, told
from mockserver.attach.gate import Gate
from mockserver.attach.isolation import CannotIsolate, Cell
from mockserver.attach.isolation import build as build_cell
from mockserver.attach.papers import Papers
from mockserver.attach.running import FORWARDED, run_to_its_end
from mockserver.command import (
    DEMO,
    EXIT_INTERRUPTED,
    CannotStart,
    add_egress,
    add_world_options,
    build,
    demo_key,
    open_port,
    readiness,
)
from mockserver.exchange import Exchange
from mockserver.player.so_far import until_it_ended
from mockserver.server import Server
from mockserver.world import Worlds

EXIT_NOT_RUNNABLE: Final = 126
EXIT_NOT_FOUND: Final = 127
HOST: Final = "127.0.0.1"


@attrs.frozen(slots=True)
class Keys:
    """Variables that the client reads its key and secret from, and the venues where they are to be good."""

    venues: tuple[str, ...]
    key: str
    secret: str

    @classmethod
    def parse(cls, text: str) -> Keys:
        """Read ``VENUE=KEY_VARIABLE,SECRET_VARIABLE``; ``binance`` is both of its venues."""
        from mockserver.venues import VENUES

        wanted, _, names = text.partition("=")
        key, _, secret = names.partition(",")
        venues = tuple(spec.name for spec in VENUES if spec.name == wanted or spec.name.startswith(f"{wanted}-"))
        if not (venues and wanted and key and secret):
            known = ", ".join(["binance", *(spec.name for spec in VENUES)])
            raise argparse.ArgumentTypeError(f"{text!r} is not VENUE=KEY_VARIABLE,SECRET_VARIABLE (venues: {known})")
        return cls(venues, key, secret)

    def open(self, worlds: Worlds) -> dict[str, str]:
        """Make the key good at each of the venues; the variables."""
        homes: list[Exchange] = [worlds.default.exchanges[venue] for venue in self.venues]
        key, secret = demo_key(homes[0].spec, "ApiKey"), demo_key(homes[0].spec, "Secret")
        for home in homes:
            if home.find_key(key) is None:
                worlds.open_account(home, f"{DEMO}-{homes[0].venue}", api_key=key, secret=secret)
        return {self.key: key, self.secret: secret}


def parser() -> Parser:
    """The arguments."""
    made = Parser(
        prog="python -m mockserver exec",
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
        description="Run a client that comes to a mock exchange instead of the real one, without a change to it.",
        epilog="A client that ignores HTTPS_PROXY and its like is NOT held by the proxy and reaches the real exchange; "
        "with --isolate (Linux) no packet can. The client sees the demo keys as MOCKSERVER_<VENUE>_KEY and _SECRET.",
    )
    made.add_argument("command", nargs="*", metavar="COMMAND", help="what to run, behind --")
    made.add_argument("--port", type=int, default=0, help="the mock's port (default: a free one)")
    made.add_argument(
        "--isolate",
        action="store_true",
        help="give the client a network in which there is nothing but the mock (Linux; needs no rights)",
    )
    made.add_argument(
        "--ca-bundle",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="with --isolate: another file of trusted certificates that the client reads, may be repeated",
    )
    made.add_argument(
        "--keys",
        type=Keys.parse,
        action="append",
        default=[],
        metavar="VENUE=KEY,SECRET",
        help="set these variables of the client to a demo key and its secret that are good at this venue "
        "('binance': spot and futures), may be repeated",
    )
    add_egress(made)
    add_world_options(made)
    made.set_defaults(any_key=True)  # the client is unchanged, so it may bring keys of its own
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; its exit code."""
    made = parser()
    options, command = _split(argv)
    args, unknown = made.parse_known_args(options)
    args.command += command
    args.words = ["exec", *options]
    if unknown:
        hint = "" if "--" in argv else "; what is to be run stands behind --"
        made.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    if not args.command:
        made.error("what is to be run? Put it behind --")
    if not 0 <= args.port <= 65_535:
        made.error(f"argument --port: {args.port} is not a port (0 to 65535)")
    if args.isolate and args.egress == "allow":
        made.error("--egress allow is for the proxy: with --isolate there is no way out")
    for path in args.ca_bundle:
        if not path.is_file():
            made.error(f"argument --ca-bundle: there is no file {path}")
    found = shutil.which(args.command[0])
    if found is None:
        there = os.path.exists(args.command[0])
        _say(f"cannot run {args.command[0]}: {'it is no program' if there else 'there is no such program'}")
        return EXIT_NOT_RUNNABLE if there else EXIT_NOT_FOUND
    try:
        with Papers(Authority(), os.environ) as papers:
            return trio.run(_run, args, papers)
    except (CannotStart, CannotIsolate, NoAuthority) as failure:
        _say(str(failure))
        return EXIT_USAGE
    except KeyboardInterrupt:  # before the signal receiver was there
        return EXIT_INTERRUPTED


def _split(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words before the first ``--``, and those behind it, which may hold others."""
    where = list(argv).index("--") if "--" in argv else len(argv)
    return argv[:where], argv[where + 1 :]


async def _run(args: argparse.Namespace, papers: Papers) -> int:
    with trio.open_signal_receiver(*FORWARDED) as signals:
        listeners = await open_port(HOST, args.port)
        worlds = build(args)
        worlds.again = of_server(args.words, args.command)
        server = Server(worlds)
        server.gate = Gate(server.tally, papers.authority, args.egress)
        outcome: int | CannotIsolate | OSError = 0
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(server.serve_on, HOST, listeners)
            ready = readiness(server.worlds, listening)
            environ = _environment(args, server.worlds, ready, papers)
            try:
                outcome = await _client(args, server, environ, papers, nursery, signals, ready)
            except (CannotIsolate, OSError) as error:  # raised below, where the nursery cannot wrap it into a group
                outcome = error
            await server.go_away()
            nursery.cancel_scope.cancel()
    if isinstance(outcome, OSError):
        _say(f"cannot run {args.command[0]}: {outcome.strerror or outcome}")
        return EXIT_NOT_RUNNABLE
    if isinstance(outcome, CannotIsolate):
        raise outcome
    wrong = [line for exchange in worlds.default.exchanges.values() for line in until_it_ended(exchange)]
    for line in [*server.tally.verdict(held=args.isolate), *wrong]:
        _say(line)
    if wrong:
        _say(f"to repeat it: {worlds.again(worlds.default.name, worlds.default.seed)}")
    _say(f"the command ended with {outcome}")
    return outcome


def _environment(args: argparse.Namespace, worlds: Worlds, ready: Mapping[str, Any], papers: Papers) -> dict[str, str]:
    certificate, bundle = str(papers.certificate), str(papers.bundle)
    proxy = None if args.isolate else ready["http"]
    made = attached(os.environ, proxy=proxy, certificate=certificate, bundle=bundle) | told(ready, certificate)
    for keys in args.keys:
        made |= keys.open(worlds)
    return made


async def _client(
    args: argparse.Namespace,
    server: Server,
    environ: Mapping[str, str],
    papers: Papers,
    nursery: trio.Nursery,
    signals: AsyncIterator[int],
    ready: Mapping[str, Any],
) -> int:
    """Run the client, in a cell or beside us."""
    if not args.isolate:
        _say(f"proxy {ready['http']}  control {ready['control']}; a client that ignores proxies is NOT held")
        process = await trio.lowlevel.open_process(args.command, env=environ, start_new_session=True)
        return await run_to_its_end(process, signals)
    cell: Cell = await build_cell(args.command, environ, papers, ready["port"], args.ca_bundle)
    nursery.start_soon(partial(trio.serve_listeners, server.accepted, cell.listeners))
    _say(f"a network of its own, only the mock is in it  control {ready['control']}")
    cell.begin()
    return await run_to_its_end(cell.process, signals)


def _say(text: str) -> None:
    print(f"mockserver: {text}", file=sys.stderr, flush=True)
