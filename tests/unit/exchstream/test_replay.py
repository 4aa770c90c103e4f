"""The replay of files: whole, torn, cut, foreign, newer; of classes that it knows and of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from exchstream.cli.app import run_command
from exchstream.core.happenings import Clocked, Happening, Lost, Now, Started, Unclocked
from exchstream.core.record import Begin, Tokens, account_line, encode, happened_line
from exchstream.core.venue import Venue
from exchstream.errors import ConfigError
from exchstream.events import GapOpened
from exchstream.replay import MAKERS, Replay, remade
from exchstream.venues.binance import BinanceFutures, BinanceSpot
from exchstream.venues.ftx import Ftx
from tests.unit.exchstream.core.toy import T0, Toy

PEM = (
    ed25519.Ed25519PrivateKey.generate()
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)
FTX = Ftx(api_key="key-of-ftx", api_secret="secret-of-ftx")
BEGIN = Begin(form=1, exchstream="0.1.0", run=T0, part=1, position=0)
PART2 = encode(Begin(form=1, exchstream="0.1.0", run=T0, part=2, position=0))
PART3 = encode(Begin(form=1, exchstream="0.1.0", run=T0, part=3, position=0))


def happened(happening: Happening, mono_ns: int = 0, account: int = 0) -> bytes:
    return encode(happened_line(account, happening, Now(mono_ns, T0 + mono_ns), Tokens()))


def account(venue: Venue = FTX, number: int = 0) -> bytes:
    return encode(account_line(number, venue, None, None, Tokens()))


STARTED, CLOCKED = happened(Started()), happened(Clocked())
RUN = [encode(BEGIN), account(), STARTED, CLOCKED]  # it tells one event: the gap of the start
NEXT_RUN = [encode(Begin(form=1, exchstream="0.1.0", run=T0 + 9, part=1, position=5)), *RUN[1:]]


def told(path: Path, **options: Any) -> tuple[list[int], list[str]]:
    """The positions of what is told, and the notes."""
    record = Replay(path, **options)
    events = [told.event for told in record]
    assert all(isinstance(event, GapOpened) for event in events)
    return [event.position for event in events], record.notes


def written(path: Path, lines: Sequence[bytes], *, end: bytes = b"\n") -> Path:
    path.write_bytes(b"\n".join(lines) + end)
    return path


@pytest.mark.parametrize(
    ("older", "lines", "end", "positions", "note"),
    [
        (None, RUN, b"\n", [1], None),
        (None, RUN, b"", [1], None),
        (None, RUN + NEXT_RUN, b"\n", [1, 6], None),
        (None, [*RUN, CLOCKED[:20]], b"", [1], "line 5.*was ended"),
        (None, [*RUN, CLOCKED[:20], *NEXT_RUN], b"\n", [1, 6], "line 5.*was ended"),
        (RUN[:2], [PART2, *RUN[2:]], b"\n", [1], None),
        (NEXT_RUN, RUN, b"\n", [1], None),  # a run that begins this file needs no other
        (RUN + NEXT_RUN[:3], [PART2, CLOCKED, *RUN], b"\n", [1, 1], "overwritten"),  # the .1 of another run
        ([PART2, CLOCKED], [PART3, CLOCKED, *NEXT_RUN], b"\n", [6], "overwritten.*next start"),
        ([PART2, *NEXT_RUN[:1]], [PART3, *NEXT_RUN], b"\n", [6], "overwritten.*next start"),
        (None, [PART2, CLOCKED, *NEXT_RUN], b"\n", [6], "overwritten.*next start"),
    ],
)
def test_what_can_be_replayed_is(
    tmp_path: Path,
    older: list[bytes] | None,
    lines: list[bytes],
    end: bytes,
    positions: list[int],
    note: str | None,
) -> None:
    """From the first start that the files hold; positions are the stream's; what is missing is noted."""
    if older is not None:
        written(tmp_path / "incident.jsonl.1", older)
    path = written(tmp_path / "incident.jsonl", lines, end=end)
    actual, notes = told(path)
    assert positions == actual
    assert len(notes) == (note is not None)
    assert all(re.search(str(note), text) for text in notes)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b""], "incident.jsonl: no line of a record"),
        ([b"SQLite format 3\x00"], "incident.jsonl: no line of a record"),
        ([b'{"event":"fill"}'], "incident.jsonl: no line of a record"),
        ([encode(BEGIN).replace(b'"form":1', b'"form":2')], "incident.jsonl: it is of form 2.*use a newer one"),
        (RUN[1:], "does not begin as a record does"),
        ([PART2, CLOCKED], "overwritten.*nothing to replay"),
        ([*RUN, b"{}"], "line 5: no line of a record"),
        ([*RUN, b"{}", CLOCKED], "line 5: no line of a record"),
        ([*RUN, b"{}", b"{}"], "line 5: no line of a record"),
        ([*RUN, encode(BEGIN).replace(b'"form":1', b'"form":2')], "line 5: it is of form 2"),
        ([*RUN, happened(Clocked(), account=1)], "line 5: a happening of account 1"),
        ([RUN[0], CLOCKED], "line 2: a happening of account 0"),
        ([*RUN, CLOCKED.replace(b"clocked", b"blocked")], "line 5: a happening 'blocked'"),
        ([RUN[0], account().replace(b"Ftx", b"Mtx")], "line 2: an account of the class 'Mtx': pass a maker"),
        ([RUN[0], account().replace(b"lag_ns", b"leg_ns")], "line 2: this version cannot make .* no field 'leg_ns'"),
        ([RUN[0], account().replace(b"ftx.com", b"mtx.com")], "line 2: this version cannot make .* domain"),
        ([RUN[0], account().replace(b"open_ns", b"shut_ns")], "line 2: this version cannot make"),
    ],
)
def test_what_cannot_be_replayed_is_one_clear_line(
    tmp_path: Path, lines: list[bytes], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and the line are named; on the command line it is wrong usage."""
    path = written(tmp_path / "incident.jsonl", lines)
    with pytest.raises(ConfigError, match=expected):
        told(path)
    assert run_command(["replay", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is a folder a file."""
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(ConfigError, match=r"No such file|Is a directory"):
            told(path)
        assert run_command(["replay", str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_another_version_is_noted(tmp_path: Path) -> None:
    """Its sessions may have told otherwise."""
    line = encode(Begin(form=1, exchstream="0.0.9", run=T0, part=1, position=0))
    positions, notes = told(written(tmp_path / "incident.jsonl", [line, *RUN[1:]]))
    assert positions == [1]
    assert "recorded by exchstream 0.0.9" in notes[0]


@pytest.mark.parametrize(
    "venue",
    [
        FTX,
        attrs.evolve(FTX, name="two", subaccount="mm", channels=["fills"], tolerance="1e-8"),
        BinanceSpot(api_key="key-of-spot", api_secret="secret-of-spot", symbols=["A", "B"], allocations=True),
        BinanceSpot(api_key="key-of-spot", api_secret="secret-of-spot", environment="testnet", user_data="listen-key"),
        BinanceFutures(api_key="key-of-futures", api_secret="secret-of-futures", lag_ns=7 * 10**9),
        BinanceSpot(api_key="key-of-spot", private_key=PEM, logon=True),
    ],
    ids=["ftx", "ftx-subaccount", "spot", "spot-listen-key", "futures", "spot-logon"],
)
def test_an_account_is_made_again_from_its_line(venue: Any) -> None:
    """Equal but for its keys, in whose place tokens stand; a private key that the venue reads, an example."""
    tokens = Tokens()
    line = account_line(0, venue, None, None, tokens)
    again: Any = MAKERS[line.venue](line.fields)
    keys = ("api_key", "api_secret", "private_key")
    known = [name for name in keys if getattr(venue, name, None) is not None]
    assert attrs.evolve(venue, **{name: getattr(again, name) for name in known}) == again
    assert [getattr(again, name).reveal() for name in known if name != "private_key"] == [
        tokens.token(getattr(venue, name)) for name in known if name != "private_key"
    ]


def test_a_class_of_ones_own_needs_a_maker(tmp_path: Path) -> None:
    """By the name of the class, from the recorded fields."""
    lines = [RUN[0], account(Toy()), *RUN[2:]]
    path = written(tmp_path / "incident.jsonl", lines)
    with pytest.raises(ConfigError, match="class 'Toy': pass a maker"):
        told(path)
    assert told(path, makers={"Toy": lambda fields: Toy()}) == ([1], [])
    assert remade(Ftx, {"api_key": "a", "api_secret": "b"}) == Ftx(api_key="a", api_secret="b")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["ftx/main", "ftx/two"]),
        (["--account", "two"], ["ftx/two"]),
        (["--account", "ftx:main"], ["ftx/main"]),
    ],
)
def test_the_command_prints_lines(
    tmp_path: Path, options: list[str], expected: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Of all accounts, or of one; their times are those of the record."""
    two = [account(attrs.evolve(FTX, name="two"), 1), happened(Started(), account=1), happened(Unclocked("x"), 1, 1)]
    path = written(tmp_path / "incident.jsonl", [*RUN, *two])
    assert run_command(["replay", str(path), *options]) == 0
    out, err = capfd.readouterr()
    assert [line.split()[1] for line in out.splitlines()] == expected
    assert err == ""


def test_the_command_names_the_accounts_that_there_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the one that was asked for is none of them; notes are lines on standard error."""
    path = written(tmp_path / "incident.jsonl", [*RUN, happened(Lost(1, "x"))[:9]], end=b"")
    assert run_command(["replay", str(path), "--account", "three"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.partition(": ")[0] for line in err.splitlines()] == ["exchstream"] * 2
    assert "'three': the record is of ftx:main" in err
