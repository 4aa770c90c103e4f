"""The command line's pure parts: arguments, demo keys, what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mockserver import __main__ as command
from mockserver.server import Listening
from mockserver.snippets import snippets
from mockserver.venues import VENUES

LISTENING = Listening("127.0.0.1", 4321)


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["--port", "70000"], "not a port"),
        (["--port", "x"], "invalid"),
        (["--liquidity", "deep"], "manual"),
        (["--profile", "kraken-2020"], "ftx-2022"),
        (["--limits", "some"], "account"),
        (["--trade-demo", "0"], "not between"),
        (["--wrong"], "unrecognized"),
    ],
)
def test_wrong_arguments(argv: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong argument ends with exit code 2 and a line that says what is right."""
    with pytest.raises(SystemExit) as ended:
        command.parser().parse_args(argv)

    assert ended.value.code == 2
    assert part in capsys.readouterr().err


def test_profiles_and_limits_reach_their_venues() -> None:
    """A profile goes to the venues that have it, the others keep their newest; limits go to all."""
    args = command.parser().parse_args(["--profile", "binance-2024", "--limits", "ip", "--liquidity", "manual"])
    exchanges = command.build(args).default.exchanges

    assert {name: exchange.settings.profile for name, exchange in exchanges.items()} == {
        "binance-spot": "binance-2024",
        "binance-futures": "binance-2024",
        "ftx": "ftx-2022",
    }
    assert {exchange.settings.limits for exchange in exchanges.values()} == {"ip"}
    assert [exchange.clock.pending() for exchange in exchanges.values()] == [[], [], []]


def test_demo_keys_have_the_production_shape() -> None:
    """The fixed demo keys are as long as real ones, say what they are, and are registered."""
    worlds = command.build(command.parser().parse_args(["--liquidity", "manual"]))
    for spec in VENUES:
        key = command.demo_key(spec, "ApiKey")
        found = worlds.find_key(spec.name, key)

        assert (len(key), key[:4], key.isalnum()) == (spec.key_length, "demo", True)
        assert found is not None
        assert found[1].secret == command.demo_key(spec, "Secret")


def test_readiness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The readiness is one JSON line on standard output and the same line in the ready file."""
    ready_file = tmp_path / "ready"
    args = command.parser().parse_args(["--json", "--ready-file", str(ready_file), "--seed", "5"])
    command.announce(args, command.build(args), LISTENING)
    line = capsys.readouterr().out
    ready = json.loads(line)

    assert ready_file.read_text() == line
    assert list(tmp_path.iterdir()) == [ready_file]
    assert (ready["event"], ready["port"], ready["seed"]) == ("ready", 4321, 5)
    assert (ready["http"], ready["ws"]) == ("http://127.0.0.1:4321", "ws://127.0.0.1:4321")
    assert set(ready["venues"]) == {spec.name for spec in VENUES}


def test_lines_to_copy(capsys: pytest.CaptureFixture[str]) -> None:
    """A person is shown URLs, keys, and lines for each client that are Python."""
    args = command.parser().parse_args([])
    worlds = command.build(args)
    command.announce(args, worlds, LISTENING)
    shown = capsys.readouterr().out

    for venue in command.readiness(worlds, LISTENING)["venues"].values():
        assert venue["api_key"] in shown
        assert set(venue["snippets"]) == {"exchstream", "ccxt"}
        for lines in venue["snippets"].values():
            compile(lines, "snippet", "exec")
            assert "127.0.0.1:4321" in lines


def test_a_venue_without_lines_shows_none() -> None:
    """A venue nobody wrote lines for is no error."""
    assert snippets("toy", http="http://h", ws="ws://h", key="k", secret="s") == {}
