"""The commands without a network: usage, configuration, errors and their exit codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from exchstream.cli import main, run
from exchstream.cli.app import _since_ns
from exchstream.cli.mock import MockFailed
from exchstream.errors import AccountFailed, ConfigError, CredentialsRejected, JournalError, SlowConsumer, VenueRetired
from exchstream.venues.binance import BinanceSpot
from exchstream.venues.ftx import Ftx

KEYS = {"EXCHSTREAM_FTX_MAIN_KEY": "k", "EXCHSTREAM_FTX_MAIN_SECRET": "s"}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No keys from outside, and loggers as they were."""
    loggers = [logging.getLogger(), logging.getLogger("exchstream")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("frob", "frob"),
        ("tail", "VENUE requires an argument. (exchstream tail --help)"),
        ("demo --bogus", "--bogus"),
        ("demo --seconds x", "--seconds"),
        ("demo --seconds 0", "--seconds 0.0"),
        ("demo --seconds nan", "--seconds nan"),
        ("demo --seconds inf", "--seconds inf: leave the option out"),
        ("demo --port 70000", "--port 70000"),
        ("demo --every 0", "--every 0.0"),
        ("demo --plain --json", "--json and --plain exclude each other"),
        ("tail nasdaq", "there is no venue 'nasdaq'; there are binance-futures, binance-spot, ftx"),
        (
            "tail binance_sport",
            "there is no venue 'binance_sport'; did you mean 'binance-spot'? there are binance-futures,",
        ),
        ("tail ftx:", "'ftx:': an account's name is empty"),
        ("tail ftx --environment testnet", "ftx has no environments to choose from"),
        ("tail ftx --since yesterday", "--since 'yesterday'"),
        ("tail ftx --since 2999-01-01", "must lie in the past"),
        ("tail ftx --since 2009-12-31", "not before 2010"),
        ("tail ftx", "EXCHSTREAM_FTX_MAIN_KEY"),
        ("tail ftx --name mm", "EXCHSTREAM_FTX_MM_KEY"),
        ("tail binance-spot:two", "EXCHSTREAM_BINANCE_SPOT_TWO_KEY"),
        ("tail BINANCE_SPOT", "EXCHSTREAM_BINANCE_SPOT_MAIN_KEY"),
        ("venues nasdaq", "there is no venue 'nasdaq'"),
    ],
)
def test_wrong_usage_is_one_line(words: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage and wrong configuration end with 2 and one line that says what is wrong."""
    code = main(words.split())
    out, err = capsys.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("exchstream: ")
    assert expected in err


@pytest.mark.parametrize(
    ("error", "expected", "text"),
    [
        (ConfigError("a\nb"), 2, "a?b"),
        (
            CredentialsRejected("ftx", "main", "Not logged in"),
            3,
            "ftx account 'main': Not logged in; check EXCHSTREAM_FTX_MAIN_KEY, its secret, and its list of addresses",
        ),
        (VenueRetired("ftx", "main", "closed"), 3, "ftx account 'main': closed"),
        (MockFailed("no mock"), 4, "no mock"),
        (SlowConsumer(5, 12), 5, "the output is read too slowly: 7 events have left memory unread"),
        (JournalError("disk"), 1, "disk"),
        (OSError(28, "No space left on device"), 1, "[Errno 28] No space left on device"),
    ],
)
def test_errors_have_codes(
    error: Exception, expected: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each foreseen error ends the command with its own code and one line, and with --debug a traceback besides."""

    async def fail(*_: object) -> int:
        await trio.lowlevel.checkpoint()
        raise error

    monkeypatch.setattr(run, "tail", fail)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert (expected, f"exchstream: {text}\n") == (main(["tail", "ftx"]), capsys.readouterr().err)
    assert expected == main(["tail", "ftx", "--debug"])
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith(f"exchstream: {text}\n")


def test_all_accounts_that_failed_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The notes of the last failure, which hold the others, stand in the line too."""
    error = AccountFailed("ftx", "b", "gone")
    error.add_note("ftx account 'a': gone before")

    async def fail(*_: object) -> int:
        await trio.lowlevel.checkpoint()
        raise error

    monkeypatch.setattr(run, "demo", fail)
    assert main(["demo"]) == 3
    assert capsys.readouterr().err == "exchstream: ftx account 'b': gone; ftx account 'a': gone before\n"


@pytest.mark.parametrize(("error", "expected"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_quiet_ends(
    error: BaseException, expected: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C at any moment, and a reader that has gone, end without a word."""

    async def fail(*_: object) -> int:
        await trio.lowlevel.checkpoint()
        raise error

    monkeypatch.setattr(run, "demo", fail)
    assert (expected, ("", "")) == (main(["demo"]), tuple(capsys.readouterr()))


def test_accounts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`VENUE:NAME` wins over --name, options reach the accounts, and one stream takes them all."""
    for name, value in {
        "EXCHSTREAM_FTX_MM_KEY": "k1",
        "EXCHSTREAM_FTX_MM_SECRET": "s1",
        "EXCHSTREAM_BINANCE_SPOT_LAB_KEY": "k2",
        "EXCHSTREAM_BINANCE_SPOT_LAB_SECRET": "s2",
    }.items():
        monkeypatch.setenv(name, value)
    given: list[object] = []

    async def tail(*arguments: object) -> int:
        await trio.lowlevel.checkpoint()
        given.extend(arguments)
        return 0

    monkeypatch.setattr(run, "tail", tail)
    assert (
        main(
            [
                "tail",
                "binance-spot",
                "--name",
                "lab",
                "--environment",
                "testnet",
                "--json",
                "--seconds",
                "2",
                "--since",
                "2026-01-02",
                "--record",
                "incident.jsonl",
                "--transport",
                "websockets",
            ]
        )
        == 0
    )
    spot = BinanceSpot(name="lab", api_key="k2", api_secret="s2", environment="testnet")
    assert [[spot], "json", 2.0, 1_767_312_000 * 10**9, Path("incident.jsonl"), "websockets"] == given
    given.clear()
    assert main(["tail", "ftx:mm", "binance-spot:lab"]) == 0
    mm = Ftx(name="mm", api_key="k1", api_secret="s1")
    spot = BinanceSpot(name="lab", api_key="k2", api_secret="s2")
    assert [[mm, spot], "plain", float("inf"), None, None, "trio-websocket"] == given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2010-01-01T00:00:01.000001Z", 1_262_304_001_000_001_000),
        ("2010-01-01T02:00:00+02:00", 1_262_304_000_000_000_000),
        ("2010-01-01 00:00:02", 1_262_304_002_000_000_000),
    ],
)
def test_since_is_exact(text: str, expected: int) -> None:
    """A moment is read to the microsecond, in its zone or else in UTC."""
    assert expected == _since_ns(text, 2 * 10**18)


def test_venues_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each venue is there with its variables and an honest status."""
    assert main(["venues"]) == 0
    out = capsys.readouterr().out
    for text in (
        "EXCHSTREAM_BINANCE_SPOT_<NAME>_KEY and _SECRET (or _PRIVATE_KEY)",
        "EXCHSTREAM_BINANCE_FUTURES_<NAME>_KEY",
        "EXCHSTREAM_FTX_<NAME>_KEY and _SECRET\n",
        "tried against the mock exchange only, not with a real account yet",
        "the exchange closed in November 2022",
    ):
        assert text in out


@pytest.mark.parametrize("venue", ["ftx", "binance-spot", "binance-futures"])
def test_every_variable_is_listed(venue: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each field that the environment can set, with its default; none for a group as a whole."""
    assert main(["venues", venue.upper(), "--name", "lab"]) == 0
    lines = capsys.readouterr().out.splitlines()
    stem = f"EXCHSTREAM_{venue.upper().replace('-', '_')}_LAB_"
    assert all(text.startswith(stem) for text in lines)
    told = {place.removeprefix(stem): default.strip() for place, _, default in (text.partition(" ") for text in lines)}
    assert (told["KEY"], told["LAG_NS"]) == ("needed", "default 6000000000")
    assert told["LINK_LIMITS_OPEN_NS"] == "default 10000000000"
    assert told.keys().isdisjoint({"NAME", "LINK_LIMITS", "HTTP_LIMITS"})
    if venue != "ftx":
        assert told["SECRET"] == "this or _PRIVATE_KEY, one of the two"
        assert told["PRIVATE_KEY"] == "this or _SECRET, one of the two"
        assert told["SYMBOLS"] == "none; with commas, such as BTCUSDT,ETHUSDT"


@pytest.mark.parametrize(
    ("venue", "options", "field", "value"),
    [
        ("binance-spot", ["--environment", "x"], "REST_URL", ""),
        ("binance-futures", [], "RECV_WINDOW_MS", "0"),
        ("binance-spot", [], "ENVIRONMENT", "lab"),
    ],
)
def test_a_field_that_is_wrong_is_named_by_its_variable(
    venue: str,
    options: list[str],
    field: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What the class says of its field is followed by where a user of the command line sets it."""
    stem = f"EXCHSTREAM_{venue.upper().replace('-', '_')}_MAIN_"
    for name, text in {"KEY": "k", "SECRET": "s", field: value}.items():
        monkeypatch.setenv(stem + name, text)
    assert main(["tail", venue, *options]) == 2
    err = capsys.readouterr().err
    assert "(to set: " in err
    assert stem + field in err


def test_a_variable_that_nobody_reads_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt variable is a warning with the right name; that of another account is none."""
    for name in ("API_KEY", "SUBACOUNT", "COLOUR", "TWO_KEY", "SECRET"):
        monkeypatch.setenv(f"EXCHSTREAM_FTX_MAIN_{name}", "a value")
    monkeypatch.setenv("EXCHSTREAM_FTX_LAB_COLOUR", "a value")
    assert main(["tail", "ftx"]) == 2
    *warnings, error = capsys.readouterr().err.splitlines()
    assert warnings == [
        "exchstream: EXCHSTREAM_FTX_MAIN_API_KEY is no variable of ftx: did you mean EXCHSTREAM_FTX_MAIN_KEY?",
        "exchstream: EXCHSTREAM_FTX_MAIN_COLOUR is no variable of ftx",
        "exchstream: EXCHSTREAM_FTX_MAIN_SUBACOUNT is no variable of ftx: did you mean EXCHSTREAM_FTX_MAIN_SUBACCOUNT?",
    ]
    assert "needs api_key" in error


def test_ftx_channels_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A default is written as the variable would be."""
    assert main(["venues", "ftx"]) == 0
    assert "default fills,orders" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["demo", "--help"], ["tail", "--help"], ["venues", "--help"], []])
def test_help_says_the_exit_codes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help goes to standard output, names the command and explains the exit codes."""
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert (err, "Usage: exchstream" in out, "130 interrupted" in " ".join(out.split())) == ("", True, True)
