"""The commands without a network: usage, configuration, errors and their exit codes."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import trio

from exchstream.cli import main, run
from exchstream.cli.app import _since_ns
from exchstream.cli.mock import MockFailed
from exchstream.errors import AccountFailed, ConfigError, CredentialsRejected, JournalError, SlowConsumer
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
        ("tail", "VENUE requires an argument"),
        ("demo --bogus", "--bogus"),
        ("demo --seconds x", "--seconds"),
        ("demo --seconds 0", "--seconds 0.0"),
        ("demo --seconds nan", "--seconds nan"),
        ("demo --seconds inf", "--seconds inf"),
        ("demo --port 70000", "--port 70000"),
        ("demo --every 0", "--every 0.0"),
        ("demo --plain --json", "--json and --plain exclude each other"),
        ("tail nasdaq", "there is no venue 'nasdaq'; there are binance-futures, binance-spot, ftx"),
        ("tail ftx:", "'ftx:': an account's name is empty"),
        ("tail ftx --environment testnet", "ftx has no environments to choose from"),
        ("tail ftx --since yesterday", "--since 'yesterday'"),
        ("tail ftx --since 2999-01-01", "must lie in the past"),
        ("tail ftx", "EXCHSTREAM_FTX_MAIN_KEY"),
        ("tail ftx --name mm", "EXCHSTREAM_FTX_MM_KEY"),
        ("tail binance-spot:two", "EXCHSTREAM_BINANCE_SPOT_TWO_KEY"),
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
        (CredentialsRejected("ftx", "main", "Not logged in"), 3, "ftx account 'main': Not logged in"),
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
                "1970-01-02",
            ]
        )
        == 0
    )
    spot = BinanceSpot(name="lab", api_key="k2", api_secret="s2", environment="testnet")
    assert [[spot], "json", 2.0, 86_400 * 10**9] == given
    given.clear()
    assert main(["tail", "ftx:mm", "binance-spot:lab"]) == 0
    mm = Ftx(name="mm", api_key="k1", api_secret="s1")
    spot = BinanceSpot(name="lab", api_key="k2", api_secret="s2")
    assert [[mm, spot], "plain", float("inf"), None] == given


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01.000001Z", 1_000_001_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01 00:00:02", 2_000_000_000),
    ],
)
def test_since_is_exact(text: str, expected: int) -> None:
    """A moment is read to the microsecond, in its zone or else in UTC."""
    assert expected == _since_ns(text, 10**18)


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
    """One line for each field that the environment can set, with its default."""
    assert main(["venues", venue, "--name", "lab"]) == 0
    lines = capsys.readouterr().out.splitlines()
    stem = f"EXCHSTREAM_{venue.upper().replace('-', '_')}_LAB_"
    assert all(text.startswith(stem) for text in lines)
    assert f"{stem}KEY".ljust(50) + " needed" in lines
    assert f"{stem}LAG_NS".ljust(50) + " default 6000000000" in lines
    assert f"{stem}LINK_LIMITS_OPEN_NS".ljust(50) + " default 10000000000" in lines
    assert not {f"{stem}NAME", f"{stem}LINK_LIMITS"} & {text.split()[0] for text in lines}


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
