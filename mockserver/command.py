"""The command line: ``python -m mockserver`` is an exchange on this machine until it gets SIGINT or SIGTERM.

Exit codes: 0 ended as asked; 2 wrong arguments, a port that cannot be opened, or nowhere to say that it is ready;
130 interrupted before it listened.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from mockserver import demo_traders, supply
from mockserver.again import of_server
from mockserver.arguments import EXIT_USAGE, Parser
from mockserver.clock import FASTEST, Clock
from mockserver.control import PREFIX
from mockserver.faces.base import VenueSpec
from mockserver.forms import nearest
from mockserver.hosts import PORTS
from mockserver.recorder import MAX_ENTRIES
from mockserver.server import Listening, Server, listen
from mockserver.snippets import snippets
from mockserver.venues import VENUES
from mockserver.world import Recipe, World, Worlds

if TYPE_CHECKING:
    from mockserver.attach.papers import Papers

DEMO = "demo"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EXIT_INTERRUPTED = 130
WORDS = ("exec", "clients", "run", "scenarios")
IDS_SINCE_NS = 1_767_225_600_000_000_000
"""2026-01-01: ids begin where a count of 10 µs since then stands, later at each start than those of any earlier one."""
ID_STEP_NS = 10_000
MOST_KEPT = 10_000_000
VIRTUAL_START_NS = IDS_SINCE_NS
"""Where a virtual clock begins: the same in every run."""


def demo_key(spec: VenueSpec, what: str) -> str:
    """A fixed key or secret of the venue's production shape that nobody takes for a real one."""
    length = spec.secret_length if what == "Secret" else spec.key_length
    return f"demo{spec.name.title().replace('-', '')}{what}".ljust(length, "0")[:length]


def parser() -> Parser:
    """The arguments."""
    made = Parser(
        prog="python -m mockserver",
        description="A mock exchange on one local port, REST and WebSocket: Binance spot and USD-M futures, FTX.",
        epilog="Instead of options, a word: 'exec' runs a client that comes to the mock unchanged; 'clients' shows how "
        "each client is pointed at it; 'run' plays a scenario against a bot, and 'scenarios' lists them. "
        "'python -m mockserver WORD --help' says more.",
    )
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    made.add_argument("--port", type=_port, default=8080, help="port; 0 picks a free one (default: %(default)s)")
    add_world_options(made)
    made.add_argument(
        "--tls",
        nargs="?",
        type=Path,
        const=Path(),
        metavar="FOLDER",
        help="speak TLS on the same port too, and be a proxy to the venues' hosts; the certificate to trust is written "
        "into this folder (default when given without one: a temporary one)",
    )
    add_egress(made)
    made.add_argument(
        "--real-ports",
        action="store_true",
        help=f"listen on {', '.join(map(str, PORTS))} too, where the real hosts do: for a container with their names",
    )
    made.add_argument("--ready-file", type=Path, metavar="F", help="write the readiness line here once listening")
    made.add_argument("--json", action="store_true", help="print JSON, one object a line; the first is the readiness")
    return made


def add_world_options(made: argparse.ArgumentParser) -> None:
    """The arguments that ``build`` reads."""
    profiles = sorted({profile for spec in VENUES for profile in spec.profiles})
    made.add_argument(
        "--seed",
        type=int,
        help="all chance comes from this number, and ids begin anew at each start and reset; "
        "without it both are new each time (the readiness tells the number)",
    )
    made.add_argument(
        "--liquidity",
        type=_liquidity,
        default="book",
        metavar="MODEL",
        help="who trades with the clients: manual (only the control API), echo (every order fills at once), "
        "touch (an order fills when the price touches it), book (a book that moves), "
        "replay:FILE or replay:FILE#SYMBOL (recorded trades, CSV or JSON lines) (default: %(default)s)",
    )
    made.add_argument(
        "--profile",
        choices=profiles,
        action="append",
        default=[],
        help="era of a venue, may be repeated (default: each venue's newest)",
    )
    made.add_argument(
        "--journal", type=_count, default=MAX_ENTRIES, metavar="N", help="entries kept (default: %(default)s)"
    )
    made.add_argument(
        "--keep",
        type=_count,
        metavar="N",
        help="keep at most N closed orders, and fills, of each account, and tell as many in the truth (default: "
        "200,000 of an account; in the truth 500,000 orders and 1,000,000 fills)",
    )
    made.add_argument(
        "--clock",
        type=_clock,
        default="real",
        metavar="KIND",
        help="real; scaled:60 (timers run 60 times as fast, the time that is told as usual); "
        "virtual (all stands until it is advanced) (default: %(default)s)",
    )
    made.add_argument(
        "--any-key",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="an API key that the mock did not make gets an account with demo balances, if it has the form of "
        "the venue's (Binance: 64 letters and digits); what it signs is not checked",
    )
    made.add_argument(
        "--limits", choices=("off", "account", "ip"), default="off", help="rate limits (default: %(default)s)"
    )
    made.add_argument(
        "--trade-demo",
        "--simulate",
        nargs="?",
        type=_seconds,
        const=1.0,
        metavar="SECONDS",
        help="the demo accounts trade by themselves, one act each so many seconds (default when given: 1)",
    )


def add_egress(made: argparse.ArgumentParser) -> None:
    """What the proxy does with hosts that are not the mock's."""
    made.add_argument(
        "--egress",
        choices=("block", "allow"),
        default="block",
        help="what the proxy does with hosts that the mock does not play: refuse them, or let https through "
        "(default: %(default)s)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run until told to stop, or do what the first word says; the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _do(words)
    except CannotStart as failure:
        print(f"mockserver: {failure}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:  # before the signal receiver was there
        return EXIT_INTERRUPTED


def _do(words: list[str]) -> int:
    if words[:1] == ["exec"]:
        from mockserver.attach.command import main as run_client

        return run_client(words[1:])
    if words[:1] == ["clients"]:
        from mockserver.attach.listing import main as show_clients

        return show_clients(words[1:])
    if words[:1] in (["run"], ["scenarios"]):
        from mockserver.player import command as player

        return {"run": player.main, "scenarios": player.scenarios}[words[0]](words[1:])
    made = parser()
    if words[:1] and not words[0].startswith("-"):
        made.error(f"no word {words[0]!r}; {nearest(words[0], WORDS)}")
    args = made.parse_args(words)
    args.words = words
    if args.egress == "allow" and args.host not in LOOPBACK:
        made.error(f"--egress allow is for loopback: on {args.host} it would be a proxy for everybody")
    if args.egress == "allow" and args.tls is None:
        made.error("--egress allow is for the proxy, which --tls makes")
    with _ready_file(args.ready_file), _papers(args.tls) as papers:
        return trio.run(_run, args, papers)


class CannotStart(Exception):
    """Why there is no mock, in words for whoever started it."""


@contextlib.contextmanager
def _ready_file(path: Path | None) -> Iterator[None]:
    """No ready file from before stands there while we are not ready, and ours goes when we go."""
    if path is None:
        yield
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStart(f"cannot use the ready file {path}: {_why(error)}") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _papers(folder: Path | None) -> Iterator[Papers | None]:
    """The certificates of this run, if there are to be any."""
    if folder is None:
        yield None
        return
    from mockserver.attach.authority import Authority, NoAuthority
    from mockserver.attach.papers import Papers

    with contextlib.ExitStack() as stack:
        try:
            papers = Papers(Authority(), os.environ, None if folder == Path() else folder)
            stack.enter_context(papers)
        except NoAuthority as error:
            raise CannotStart(str(error)) from None
        except OSError as error:
            raise CannotStart(f"cannot write the certificates into {folder}: {_why(error)}") from None
        yield papers


def _why(error: OSError) -> str:
    return error.strerror or str(error)


async def open_port(host: str, port: int) -> list[trio.SocketListener]:
    """Listen there. CannotStart when that cannot be."""
    try:
        return await listen(host, port)
    except OSError as error:
        raise CannotStart(
            f"cannot listen on {host}:{port}: {_why(error)}; "
            "choose another with --host and --port (0 picks a free port)"
        ) from None


async def _run(args: argparse.Namespace, papers: Papers | None) -> int:
    worlds = build(args)  # before there is a port to close again
    worlds.again = of_server(args.words)
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        listeners = await open_port(args.host, args.port)
        for port in PORTS if args.real_ports else ():
            listeners += await open_port(args.host, port)
        if args.host not in LOOPBACK:
            print(
                f"mockserver: WARNING: {args.host} is not loopback; whoever reaches it has the control API",
                file=sys.stderr,
            )
        server = Server(worlds)
        if papers is not None:
            from mockserver.attach.gate import Gate

            server.gate = Gate(server.tally, papers.authority, args.egress)
        failure: CannotStart | None = None
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(server.serve_on, args.host, listeners)
            try:
                announce(args, worlds, listening, papers)
            except CannotStart as error:  # raised below, where the nursery cannot wrap it into a group
                failure = error
            else:
                async for _ in signals:
                    break
                await server.go_away()
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if args.json:
        with contextlib.suppress(CannotStart):  # it has ended as asked; that nobody reads this any more is no failure
            say(json.dumps({"event": "stopped"}))
    return 0


def build(args: argparse.Namespace) -> Worlds:
    """The worlds the arguments ask for, with a demo account at each venue. CannotStart: no trades to replay."""
    try:
        found = supply.read(args.liquidity)
    except supply.NoSupply as error:
        raise CannotStart(str(error)) from None
    recipe = Recipe(
        venues=VENUES,
        clock=args.clock,
        liquidity=found.make,
        profiles=_eras(args.profile),
        limits=args.limits,
        journal=args.journal,
        kept=args.keep,
        any_key=args.any_key,
        id_offset=_id_offset if args.seed is None else None,
    )
    worlds = Worlds(recipe, seed=secrets.randbelow(2**32) if args.seed is None else args.seed)
    for exchange in worlds.default.exchanges.values():
        worlds.open_account(
            exchange,
            DEMO,
            api_key=demo_key(exchange.spec, "ApiKey"),
            secret=demo_key(exchange.spec, "Secret"),
        )
    if args.trade_demo is not None:
        worlds.on_reset = partial(_trade_demo, int(args.trade_demo * 1_000_000_000))
        worlds.on_reset(worlds.default)
    return worlds


def _eras(given: Sequence[str]) -> dict[str, str]:
    """The profile of each venue that got one. CannotStart: a venue got two."""
    eras: dict[str, str] = {}
    for spec in VENUES:
        found = [profile for profile in given if profile in spec.profiles]
        if len(set(found)) > 1:
            raise CannotStart(f"{spec.name} plays one era, not {' and '.join(found)}")
        if found:
            eras[spec.name] = found[0]
    return eras


def _trade_demo(interval_ns: int, world: World) -> None:
    """Let the demo accounts trade, from the beginning of the default world and after each reset of it."""
    for exchange in world.exchanges.values():
        if world is world.worlds.default and exchange.account(DEMO) is not None:
            demo_traders.start(exchange, DEMO, interval_ns)


def _id_offset() -> int:
    return (time.time_ns() - IDS_SINCE_NS) // ID_STEP_NS


def announce(args: argparse.Namespace, worlds: Worlds, listening: Listening, papers: Papers | None = None) -> None:
    """Tell that it listens: to the ready file, and on standard output. Raises CannotStart where it cannot be told."""
    ready = readiness(worlds, listening)
    if papers is not None:
        ready["tls"] = {
            "https": listening.http.replace("http", "https", 1),
            "wss": listening.ws.replace("ws", "wss", 1),
            "certificate": str(papers.certificate),
            "bundle": str(papers.bundle),
        }
    line = json.dumps(ready)
    if args.ready_file is not None:
        draft = args.ready_file.with_name(f".{args.ready_file.name}.{os.getpid()}")
        try:
            draft.write_text(line + "\n")
            draft.replace(args.ready_file)  # whoever waits for the file never sees half of it
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise CannotStart(f"cannot write the ready file {args.ready_file}: {_why(error)}") from None
    say(line if args.json else _for_people(ready))


def _for_people(ready: dict[str, Any]) -> str:
    lines = [f"mockserver ready: REST {ready['http']}  WebSocket {ready['ws']}  control {ready['control']}"]
    lines.append(f"A page to play with it, in a browser: {ready['http']}/")
    if (tls := ready.get("tls")) is not None:
        lines.append(f"TLS {tls['https']}  {tls['wss']}; trust {tls['certificate']}, with all others {tls['bundle']}")
    for venue, shown in ready["venues"].items():
        lines += ["", f"{venue} ({shown['profile']})", f"  key     {shown['api_key']}"]
        lines.append(f"  secret  {shown['api_secret']}")
        for client, snippet in shown["snippets"].items():
            lines += [f"  # {client}", *(f"  {part}" for part in snippet.splitlines())]
    return "\n".join([*lines, "", "Other clients: python -m mockserver clients. Ctrl-C ends it."])


def say(text: str) -> None:
    """Print it now. Raises CannotStart when standard output takes nothing (a full disk, a closed pipe)."""
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer would be tried again, and complained about, when the interpreter ends.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CannotStart(f"cannot write to standard output: {_why(error)}") from None


def readiness(worlds: Worlds, listening: Listening) -> dict[str, Any]:
    """The readiness object: URLs, demo keys, lines to copy."""
    venues = {}
    for name, exchange in worlds.default.exchanges.items():
        key, secret = demo_key(exchange.spec, "ApiKey"), demo_key(exchange.spec, "Secret")
        venues[name] = {
            "profile": exchange.settings.profile,
            "account": DEMO,
            "api_key": key,
            "api_secret": secret,
            "symbols": list(exchange.engine.instruments),
            "snippets": snippets(name, http=listening.http, ws=listening.ws, key=key, secret=secret),
        }
    return {
        "event": "ready",
        "pid": os.getpid(),
        "host": listening.host,
        "port": listening.port,
        "http": listening.http,
        "ws": listening.ws,
        "control": listening.http + PREFIX,
        "seed": worlds.seed,
        "venues": venues,
    }


def _liquidity(text: str) -> str:
    try:
        return supply.checked(text)
    except supply.NoSupply as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return number


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= MOST_KEPT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_KEPT}")
    return int(text)


def _clock(text: str) -> Callable[[], Clock]:
    kind, _, rate = text.partition(":")
    try:
        if kind == "scaled" and 0 < (scaled := Fraction(rate)) <= FASTEST:
            return lambda: Clock(time.time_ns, rate=scaled)
    except (ValueError, ZeroDivisionError):
        pass
    match text:
        case "real":
            return lambda: Clock(time.time_ns)
        case "virtual":
            return lambda: Clock(time.time_ns, start_ns=VIRTUAL_START_NS, rate=0, wall=True)
    raise argparse.ArgumentTypeError(f"{text!r} is none of real, scaled:60 (above 0, at most {FASTEST}), virtual")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.001 <= seconds <= 3_600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds between 0.001 and 3600")
    return seconds
