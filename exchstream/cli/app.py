"""The commands, their options and their help; errors become one line and an exit code here."""

from __future__ import annotations

import logging
import math
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import trio
from cyclopts import App, CycloptsError, Parameter

import exchstream
from exchstream.cli import DOWN, FAILED, NO_MOCK, OK, SLOW, USAGE, catalogue, run
from exchstream.cli.journal import journal
from exchstream.cli.lines import complain
from exchstream.cli.mock import MockFailed
from exchstream.cli.replay import replay as replay_file
from exchstream.errors import AccountFailed, ConfigError, CredentialsRejected, ExchstreamError, SlowConsumer
from exchstream.shell.stream import EARLIEST_NS
from exchstream.shell.transports import TransportName
from exchstream.venues.settings import variable

DEBUG: Final = "--debug"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXIT_CODES: Final = (
    "Exit codes: 0 ended as asked, 1 another error, 2 wrong usage or configuration, 3 an account is down, 4 the mock "
    "exchange did not start or ended, 5 the output was read too slowly, 6 a journal is not sound, 130 interrupted, 129 "
    "and 143 told to end, 141 nobody reads the output any more."
)

app = App(
    name="exchstream",
    help="Every fill, and the outcome of every order, of your exchange accounts, in one typed stream. It only reads: "
    "it never places or cancels an order.",
    help_epilogue=_EXIT_CODES,
    help_format="markdown",
    version=exchstream.__version__,
    default_parameter=Parameter(negative=()),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(journal)

Json = Annotated[bool, Parameter(help="JSON lines: one event a line, in the documented form.", show_default=False)]
Plain = Annotated[bool, Parameter(help="Lines of text.", show_default=False)]
Seconds = Annotated[float | None, Parameter(help="End after so many seconds; without it, Ctrl-C ends.")]
Debug = Annotated[bool, Parameter(help="Show log messages, and tracebacks of errors.", show_default=False)]


@app.command
def demo(
    *,
    plain: Plain = False,
    json: Json = False,
    seconds: Seconds = None,
    port: Annotated[int, Parameter(help="The mock exchange's port; 0 takes a free one.")] = 0,
    every: Annotated[float, Parameter(help="Seconds between two acts of each account.")] = 1.0,
    debug: Debug = False,
) -> int:
    """Watch three accounts trade on a mock exchange: FTX, Binance spot and Binance futures in one stream.

    Starts `python -m mockserver` for itself and ends it again; nothing leaves this machine. Draws a live table on a
    terminal, writes lines elsewhere. Each account begins with a gap, as every stream does: its events come at once,
    and some seconds later, when REST has been asked twice, the gap is closed.
    """
    if not 0 <= port <= 65_535:
        raise ConfigError(f"--port {port}: a port lies between 0 and 65535")
    if not 0.001 <= every <= 3_600:
        raise ConfigError(f"--every {every}: between 0.001 and 3600 seconds")
    mode = _mode(json, plain, "live" if run.terminal() else "plain")
    return trio.run(run.demo, mode, _limit(seconds), port, every)


@app.command(usage="Usage: exchstream tail VENUE... [OPTIONS]")
def tail(
    venue: Annotated[str, Parameter(help="binance-spot, binance-futures or ftx; VENUE:NAME for an account's name.")],
    /,
    *more: Annotated[str, Parameter(help="More accounts, in the same stream.")],
    name: Annotated[str, Parameter(help="The account's name, for those that give none.")] = catalogue.DEFAULT_NAME,
    json: Json = False,
    plain: Annotated[bool, Parameter(help="Lines of text (the default).", show_default=False)] = False,
    since: Annotated[
        str | None,
        Parameter(
            help="Also tell the fills since then: 2026-11-22T08:00:00Z; without a zone, UTC. Binance must be asked "
            "symbol by symbol: those that are known, or named in the variable that ends in _SYMBOLS. Each line "
            "`gap closed` says for which symbols it is complete."
        ),
    ] = None,
    environment: Annotated[
        str | None, Parameter(help="Binance: production, testnet or demo, or one of your own with its URLs.")
    ] = None,
    record: Annotated[
        Path | None,
        Parameter(help="Also write what the accounts hear to this file, without secrets, for `exchstream replay`."),
    ] = None,
    transport: Annotated[
        TransportName, Parameter(help="The library under the WebSockets; websockets needs the extra `fast`.")
    ] = "trio-websocket",
    seconds: Seconds = None,
    debug: Debug = False,
) -> int:
    """Print the orders and fills of real accounts as they happen.

    Keys come from the environment, such as EXCHSTREAM_BINANCE_SPOT_MAIN_KEY and EXCHSTREAM_BINANCE_SPOT_MAIN_SECRET
    for `exchstream tail binance-spot`; `exchstream venues VENUE` lists every variable. A key that may only read is
    enough. If one of several accounts goes down, the others go on.
    """
    since_ns = None if since is None else _since_ns(since, time.time_ns())
    mode, limit = _mode(json, plain, "plain"), _limit(seconds)
    for warning in catalogue.misspelt([venue, *more], name):
        complain(warning)
    accounts = catalogue.accounts([venue, *more], name, environment)
    return trio.run(run.tail, accounts, mode, limit, since_ns, record, transport)


@app.command
def replay(
    file: Annotated[str, Parameter(help="What open_stream(record=...) wrote; FILE.1 beside it is read first.")],
    /,
    *,
    account: Annotated[str | None, Parameter(help="Only this account: NAME or VENUE:NAME.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Tell again what a recorded stream told: the events that its accounts' happenings lead to.

    Needs neither network nor keys. Secrets were cut out when the record was written, so `raw` and texts of the venue
    may hold `***` where they had one.
    """
    return trio.run(partial(replay_file, Path(file), account, json=json))


@app.command
def venues(
    venue: Annotated[str | None, Parameter(help="List every environment variable of this venue.")] = None,
    /,
    *,
    name: Annotated[str, Parameter(help="The account's name in the variables.")] = catalogue.DEFAULT_NAME,
    debug: Debug = False,
) -> int:
    """List the venues: their modes, how far they have been tried, and the environment variables of their keys."""
    lines = catalogue.overview() if venue is None else catalogue.fields(venue, name)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return OK


def run_command(words: list[str]) -> int:
    """Run one command; the exit code.  Foreseen errors are one line on standard error."""
    debug = DEBUG in words  # not the parsed one: parsing may be what fails
    _set_up_logging(debug)
    try:
        result = app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        where = " ".join(["exchstream", *(error.command_chain or ()), "--help"])
        return _told(error, USAGE, debug, f"{' '.join(str(error).split())} ({where})")
    except ConfigError as error:
        return _told(error, USAGE, debug)
    except CredentialsRejected as error:
        key = variable(error.venue, error.account, "api_key")
        return _told(error, DOWN, debug, f"{error}; check {key}, its secret, and its list of addresses")
    except AccountFailed as error:
        return _told(error, DOWN, debug)
    except MockFailed as error:
        return _told(error, NO_MOCK, debug)
    except SlowConsumer as error:
        missed = error.resume_after - error.position
        return _told(error, SLOW, debug, f"the output is read too slowly: {missed} events have left memory unread")
    except BrokenPipeError:
        raise
    except (ExchstreamError, OSError) as error:
        return _told(error, FAILED, debug)
    return result if isinstance(result, int) else OK


def _told(error: Exception, code: int, debug: bool, text: str | None = None) -> int:
    if debug:
        traceback.print_exception(error)
    notes = getattr(error, "__notes__", ())
    complain("; ".join([text or str(error), *notes]))
    return code


def _set_up_logging(debug: bool) -> None:
    """Quiet unless asked: what matters is in the stream, and the error in one line.

    Only our own messages are shown, because other libraries log whole URLs, in which signatures stand.
    """
    logging.getLogger().addHandler(logging.NullHandler())
    if debug:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        ours = logging.getLogger("exchstream")
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)


def _mode(json: bool, plain: bool, otherwise: run.Mode) -> run.Mode:
    if json and plain:
        raise ConfigError("--json and --plain exclude each other")
    return "json" if json else "plain" if plain else otherwise


def _limit(seconds: float | None) -> float:
    if seconds is None:
        return math.inf
    if seconds == math.inf:
        raise ConfigError("--seconds inf: leave the option out; without it, Ctrl-C ends")
    if not seconds > 0:
        raise ConfigError(f"--seconds {seconds}: a positive number of seconds")
    return seconds


def _since_ns(text: str, now_ns: int) -> int:
    """The moment in ns, exactly: whole numbers only."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--since {text!r}: a moment such as 2026-11-22T08:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1_000
    if not EARLIEST_NS <= since_ns <= now_ns:
        raise ConfigError(f"--since {text!r}: the moment must lie in the past, and not before 2010")
    return since_ns
