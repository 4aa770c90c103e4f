"""The command line's pure parts: arguments, demo keys, what it prints."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import trio

import mockserver
from mockserver import command
from mockserver.server import Listening
from mockserver.snippets import snippets
from mockserver.venues import VENUES
from mockserver.world import Worlds

from .toy_venue import buy

LISTENING = Listening("127.0.0.1", 4321)


@pytest.mark.parametrize(
    ("argv", "part"),
    [
        (["--port", "70000"], "not a port"),
        (["--port", "abc"], "'abc' is not a port (0 to 65535)"),
        (["--port", "-1"], "'-1' is not a port"),
        (["--liquidity", "deep"], "manual"),
        (["--profile", "kraken-2020"], "ftx-2022"),
        (["--limits", "some"], "account"),
        (["--trade-demo", "0"], "'0' is not a number of seconds between 0.001 and 3600"),
        (["--trade-demo", "abc"], "'abc' is not a number of seconds"),
        (["--wrong"], "unrecognized arguments: --wrong (python -m mockserver --help)"),
        (["--prot=7"], "unrecognized arguments: --prot=7; did you mean '--port'?"),
        (["scenarois"], "no word 'scenarois'; did you mean 'scenarios'?"),
        (["serve"], "there are clients, exec, run, scenarios"),
        (["exec", "python", "-V"], "unrecognized arguments: -V; what is to be run stands behind --"),
        (["exec", "--wrong", "--", "true"], "unrecognized arguments: --wrong (python -m mockserver exec --help)"),
        (["exec", "--keys", "kraken=A,B", "--", "true"], "venues: binance,"),
        (["run"], "required: scenario"),
        (["clients", "--url", "ftp://here"], "does not begin with http://"),
    ],
)
def test_wrong_arguments(argv: list[str], part: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong argument ends with exit code 2 and one line that says what is right."""
    with pytest.raises(SystemExit) as ended:
        command.main(argv)

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith("mockserver: ")
    assert part in line


@pytest.mark.parametrize("argv", [["scenarios"], ["run", "silent-socket", "--", "true"]])
def test_scenarios_without_their_library(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where PyYAML is not installed one line names the extra that has it."""
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert command.main(argv) == 2
    assert capsys.readouterr() == (
        "",
        "mockserver: scenarios and stories are YAML, which needs the extra 'test': pip install 'exchstream[test]'\n",
    )


def test_it_is_no_proxy_for_everybody(capsys: pytest.CaptureFixture[str]) -> None:
    """Other hosts are let through for this machine only."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--host", "0.0.0.0", "--tls", "--egress", "allow", "--port", "0"])

    assert ended.value.code == 2
    assert "it would be a proxy for everybody" in capsys.readouterr().err


def test_what_contradicts_itself_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Two eras of one venue, and what the proxy lets through where there is none; two of the same era are one."""
    with pytest.raises(SystemExit) as ended:
        command.main(["--egress", "allow", "--port", "0"])
    assert ended.value.code == 2
    assert "--egress allow is for the proxy, which --tls makes" in capsys.readouterr().err
    assert command.main(["--profile", "binance-2024", "--profile", "binance-2026", "--port", "0"]) == 2
    assert "binance-spot plays one era, not binance-2024 and binance-2026" in capsys.readouterr().err
    args = command.parser().parse_args(["--profile", "binance-2024", "--profile", "binance-2024"])
    assert command.build(args).default.exchanges["binance-spot"].settings.profile == "binance-2024"


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

    assert "in a browser: http://127.0.0.1:4321/\n" in shown
    for venue in command.readiness(worlds, LISTENING)["venues"].values():
        assert venue["api_key"] in shown
        assert set(venue["snippets"]) == {"exchstream", "ccxt"}
        for lines in venue["snippets"].values():
            compile(lines, "snippet", "exec")
            assert "127.0.0.1:4321" in lines


def test_a_venue_without_lines_shows_none() -> None:
    """A venue nobody wrote lines for is no error."""
    assert snippets("toy", http="http://h", ws="ws://h", key="k", secret="s") == {}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("fe80::1", "http://[fe80::1]:80"),
        ("box.local", "http://box.local:80"),
    ],
)
def test_the_urls_that_are_shown_work(host: str, url: str) -> None:
    """Bound to every address it shows one that a client can connect to."""
    assert Listening(host, 80).http == url


def next_id(worlds: Worlds) -> int:
    """The id of a new order on spot."""
    exchange = worlds.default.exchanges["binance-spot"]
    order = exchange.submit(buy("demo", price=1_000_000)).order
    assert order is not None
    return order.order_id


def test_ids_are_new_at_each_start_unless_a_seed_is_given() -> None:
    """A bot that goes on running must not take the trades of a new start, or of a reset, for those it has seen."""
    manual = command.parser().parse_args(["--liquidity", "manual"])
    first, second = command.build(manual), command.build(manual)
    ids = [next_id(first), next_id(second), next_id(first)]
    first.reset("default")
    ids.append(next_id(first))
    first.open_account(first.create("seeded", 3).exchanges["binance-spot"], "x")
    seeded = command.parser().parse_args(["--liquidity", "manual", "--seed", "3"])
    again = command.build(seeded)
    repeated = [next_id(again), next_id(command.build(seeded))]
    again.reset("default")
    repeated.append(next_id(again))

    assert len({*ids}) == 4
    assert ids[3] > ids[2] > ids[0]
    assert ids[1] > ids[0]
    assert len({*repeated}) == 1
    assert first.seed != second.seed
    assert first.worlds["seeded"].repeats
    assert all(number < 2**53 for number in ids)


def test_the_demo_accounts_trade_on_after_a_reset() -> None:
    """As from the beginning; not in other worlds, and not where the accounts have gone with the reset."""
    given = ["--liquidity", "manual", "--seed", "3", "--clock", "virtual", "--trade-demo", "1"]
    worlds = command.build(command.parser().parse_args(given))
    worlds.create("other")

    def orders() -> int:
        worlds.default.clock.advance(5_000_000_000, wall=True)
        instruments = worlds.default.exchanges["ftx"].engine.instruments
        return len(worlds.default.truth.report(lambda _, symbol: instruments[symbol], 0, venue="ftx")["orders"])

    first = orders()
    assert first > 1
    worlds.reset("default")
    worlds.reset("other")
    assert orders() == first
    assert not worlds.worlds["other"].clock.pending()
    worlds.reset("default", keep_accounts=False)
    assert orders() == 0


def test_what_cannot_be_told_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ready file that cannot be, or standard output that takes nothing, ends it with code 2 and one line."""
    nowhere = tmp_path / "no" / "ready"
    (tmp_path / "directory").mkdir()
    for path in (nowhere, tmp_path / "directory"):
        assert command.main(["--port", "0", "--liquidity", "manual", "--ready-file", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("mockserver: cannot ")
        assert str(path) in err


def test_certificates_that_cannot_be_written_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder for them that is a file, or inside one, ends it with code 2 and one line."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "folder"):
        assert command.main(["--port", "0", "--liquidity", "manual", "--tls", str(path)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith(f"mockserver: cannot write the certificates into {path}: ")


def test_the_public_names_are_there() -> None:
    """Every name the package promises is one, though none is imported before it is used; no other name is."""
    assert all(getattr(mockserver, name).__name__ == name for name in mockserver.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = mockserver.Nothing  # type: ignore[attr-defined]


def test_interrupted_before_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the imports and the signal receiver ends it with the code of an interrupt, and without files."""

    def interrupted(*args: object) -> int:
        raise KeyboardInterrupt

    ready_file = tmp_path / "ready"
    ready_file.write_text("stale")
    monkeypatch.setattr(trio, "run", interrupted)

    assert command.main(["--ready-file", str(ready_file)]) == 130
    assert not ready_file.exists()


TRADES = "time,price,quantity,side,symbol\n1700000000000,59000,0.5,sell,BTCUSDT\n1700000000100,59001,0.5,buy,BTCUSDT\n"


def test_a_replay_from_the_command_line(tmp_path: Path) -> None:
    """Every venue with that symbol opens where the recording does."""
    file = tmp_path / "trades.csv"
    file.write_text(TRADES)
    worlds = command.build(command.parser().parse_args(["--liquidity", f"replay:{file}"]))
    engines = [worlds.default.exchanges[venue].engine for venue in ("binance-spot", "binance-futures")]
    prices = [engine.instruments["BTCUSDT"].price(engine.last_price("BTCUSDT")) for engine in engines]
    assert [int(price) for price in prices] == [59000, 59000]
    assert [each.name for each in worlds.default.clock.pending()].count("liquidity of binance-spot") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot read"),
        ("", "has no trades"),
        ("time,price,quantity,side\n1,2,3,buy\n", "line 2: no symbol"),
        (TRADES.replace("BTCUSDT", "DOGEUSDT"), "no venue here has DOGEUSDT"),
        ("\x00\xff", "no text"),
    ],
)
def test_a_file_that_cannot_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, says: str
) -> None:
    """One line, and code 2."""
    file = tmp_path / "trades.csv"
    if text is not None:
        file.write_text(text, encoding="latin-1")
    assert command.main(["--port", "0", "--liquidity", f"replay:{file}"]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["replay", "replay:", "replay:#BTCUSDT", "touch:x", "deep"])
def test_a_liquidity_that_is_none(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused with those that there are."""
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--liquidity", wrong])
    assert "replay:FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "mode", "rates"),
    [("real", "real", (1, 1)), ("scaled:60", "scaled", (60, 1)), ("virtual", "virtual", (0, 0))],
)
def test_the_clock_of_the_command_line(given: str, mode: str, rates: tuple[int, int]) -> None:
    """Each kind runs as it says; a scaled one tells the time that clients sign by."""
    clock = command.build(command.parser().parse_args(["--clock", given, "--seed", "1"])).default.clock

    assert (clock.mode, int(clock.rate), int(clock.told_rate)) == (mode, *rates)


WRONG = ["scaled", "scaled:", "scaled:0", "scaled:-1", "scaled:1/0", "scaled:1e9", "fast", "virtual:2"]


@pytest.mark.parametrize("given", WRONG)
def test_clocks_that_there_are_not(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock that is none of the three is refused in words."""
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--clock", given])
    assert "none of real, scaled:60" in capsys.readouterr().err


def test_what_is_kept() -> None:
    """The journal and the truth of a mock hold as many as they are told to."""
    world = command.build(command.parser().parse_args(["--journal", "3", "--keep", "5", "--seed", "1"])).default
    for number in range(9):
        world.recorder.record("warning", str(number))

    assert [row["text"] for row in world.recorder.journal()] == ["6", "7", "8"]
    assert world.truth.report(lambda venue, symbol: pytest.fail("there are no orders"), 0)["let_go"] == {
        "orders": 0,
        "fills": 0,
    }
    with pytest.raises(SystemExit):
        command.parser().parse_args(["--keep", "0"])
