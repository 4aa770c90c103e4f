"""The lines of a record: every happening comes back as it was, secrets do not, and what is no line is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import msgspec
import pytest

from exchstream.core import record
from exchstream.core.balances import BalanceState
from exchstream.core.epochs import Era
from exchstream.core.happenings import (
    Answered,
    Clocked,
    Connected,
    Happening,
    Lost,
    Now,
    Overflowed,
    Received,
    Started,
    Unanswered,
    Unclocked,
    Woken,
)
from exchstream.core.ledger import Entry
from exchstream.core.record import (
    BadRecord,
    Begin,
    Happened,
    Tokens,
    account_line,
    encode,
    happened_line,
    happening_of,
    read_line,
)
from exchstream.core.state import Checkpoint, Restored
from exchstream.core.venue import Holdings, Reply, Secret
from exchstream.model import End, FillKey, OrderKey
from exchstream.venues.binance import BinanceSpot
from exchstream.venues.ftx import Ftx

from .toy import T0, order

NOW = Now(5, T0)
KEY, OTHER = Secret("k" * 20), Secret("listenKeyOfToday")
BEGIN = Begin(form=1, exchstream="0.1.0", run=T0, part=1, position=7)


def tokens() -> Tokens:
    """Tokens that know the two secrets: the key is 1, the other 2."""
    known = Tokens()
    known.learn(KEY, own=True)
    known.learn(OTHER)
    return known


def again(happening: Happening) -> Happening:
    """The happening, written and read."""
    line = read_line(encode(happened_line(3, happening, NOW, tokens())))
    assert isinstance(line, Happened)
    assert line.account == 3
    happened, now = happening_of(line)
    assert now == NOW
    return happened


@pytest.mark.parametrize(
    "happening",
    [
        Started(),
        Connected(1),
        Received(1, (), 4),
        Received(2, ('{"a":"é\\n"}'.encode(), b"", b"bytes", b"\xff\x00"), 4, 3),
        Lost(1, "reset by peer"),
        Lost(1, "503", 60_000_000_000),
        Answered(9, Reply(200, {"date": "today", "x-mbx-used-weight-1m": "5"}, b'{"a":[]}', T0, T0 + 7)),
        Answered(9, Reply(502, {}, b"\xff\xfe", 0)),
        Unanswered(9, "time-out"),
        Overflowed(4),
        Woken(),
        Clocked(),
        Clocked(1_500_000),
        Unclocked("HTTP 418"),
    ],
    ids=repr,
)
def test_a_happening_comes_back_as_it_was(happening: Happening) -> None:
    """Of every kind, whatever is in it."""
    assert happening == again(happening)


def test_frames_of_older_records_are_read() -> None:
    """They tell texts from bytes, which no transport does any more."""
    it = b'{"link":1,"frames":["a",{"utf8":"b"},{"base64":"/w=="}],"heard_ns":2,"answered_ns":0}'
    line = read_line(b'{"line":"happened","account":0,"mono_ns":1,"wall_ns":2,"what":"received","it":%s}' % it)
    assert isinstance(line, Happened)
    assert happening_of(line)[0] == Received(1, (b"a", b"b", b"\xff"), 2)


def test_every_kind_of_happening_can_be_written() -> None:
    """A new kind needs a name in the files."""
    assert set(record._NAMES) == set(Happening.__args__)


@pytest.mark.parametrize(
    ("happening", "expected"),
    [
        (Received(1, (f'{{"k":"{KEY.reveal()}"}}'.encode(),), 0), Received(1, (b'{"k":"***1***"}',), 0)),
        (Received(1, (OTHER.reveal().encode() + b"7",), 0), Received(1, (b"***2***7",), 0)),
        (Received(1, (b"\xff" + KEY.reveal().encode(),), 0), Received(1, (b"\xff***1***",), 0)),
        (Lost(1, f"cut off: {OTHER.reveal()[:10]}"), Lost(1, "cut off: ***")),
        (Received(1, (b"?signature=0123456789abcdef",), 0), Received(1, (b"?signature=***",), 0)),
        (Lost(1, f"GET /ws/{OTHER.reveal()}"), Lost(1, "GET /ws/***2***")),
        (Unanswered(1, KEY.reveal()), Unanswered(1, "***1***")),
        (Unclocked(KEY.reveal()), Unclocked("***1***")),
        (
            Answered(1, Reply(200, {"echo": KEY.reveal()}, f'{{"listenKey":"{OTHER.reveal()}"}}'.encode())),
            Answered(1, Reply(200, {"echo": "***1***"}, b'{"listenKey":"***2***"}')),
        ),
        (
            Answered(1, Reply(200, {"set-cookie": "session=1"}, b'{"listenKey":"nobodyKnowsIt"}')),
            Answered(1, Reply(200, {}, b'{"listenKey":"***"}')),
        ),
    ],
)
def test_secrets_are_cut_out_wherever_they_are(happening: Happening, expected: Happening) -> None:
    """Equal ones become equal tokens; what is left of one that was cut off, or only named as one, becomes ***."""
    assert expected == again(happening)


def test_a_lone_surrogate_does_no_harm() -> None:
    """No text that a socket brings, but one that an error may: it is written as a question mark."""
    assert again(Lost(1, "bad \udcff")) == Lost(1, "bad ?")


def test_the_longest_secret_is_cut_first() -> None:
    """One that contains another one is not left half cut."""
    known = Tokens()
    known.learn(Secret("abcd"), own=True)
    known.learn(Secret("xabcdx"), own=True)
    assert known.cut(b"abcd xabcdx") == b"***1*** ***2***"


def test_old_credentials_are_forgotten_and_keys_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is bounded; a token is never given twice."""
    monkeypatch.setattr(record, "MAX_CREDENTIALS", 2)
    known = Tokens()
    known.learn(KEY, own=True)
    for number in range(4):
        known.learn(Secret(f"listen-{number}"))
    assert known.cut(b"listen-0 listen-2 listen-3") == b"listen-0 ***4*** ***5***"
    assert known.cut(KEY.reveal().encode()) == b"***1***"


def test_no_repr_shows_a_secret() -> None:
    """Of what knows them all."""
    assert KEY.reveal() not in repr(tokens())


# ------------------------------------------------------------------------------------------------ accounts


@attrs.frozen
class Careless:
    """A venue of somebody's own, who keeps a secret in a plain text and something that no file can hold."""

    password: str
    helper: object
    secrets: tuple[Secret, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "secrets", (Secret(self.password),))


class Plain:
    """A venue that attrs did not make."""

    secrets = ()


@pytest.mark.parametrize(
    ("venue", "expected"),
    [
        (Ftx(api_key="key-of-ftx", api_secret="secret-of-ftx"), {"api_key": "***1***", "api_secret": "***2***"}),
        (BinanceSpot(api_key="k", api_secret="s", symbols=["A"]), {"api_key": "***1***", "symbols": ["A"]}),
        (Careless("a-password", Plain), {"password": "***1***", "helper": repr(Plain)}),
        (Plain(), {}),
    ],
)
def test_an_account_is_written_without_its_keys(venue: Any, expected: dict[str, object]) -> None:
    """All that it was made with; a key as its token, also one that is too short to be looked for."""
    line = account_line(0, venue, None, None, Tokens())
    assert read_line(encode(line)) == line
    assert line.venue == type(venue).__name__
    assert {name: line.fields[name] for name in expected} == expected
    assert not any(secret.reveal().encode() in encode(line) for secret in venue.secrets if len(secret.reveal()) > 3)


def test_what_a_journal_restored_comes_back_as_it_was() -> None:
    """With every register of the orders, so that joins go on as they did."""
    restored = Restored(
        checkpoint=Checkpoint(
            good_ns=T0,
            floor_ns=T0 - 1,
            balances=BalanceState(
                baseline=Holdings({"BTC": Decimal("0.10")}, frozenset({"BTCUSDT"})), moved={"USDT": Decimal("-1E-8")}
            ),
            gone=(OrderKey("BTCUSDT", "7"),),
            eras={"BTCUSDT": Era(2, T0, {"order": (10**17, T0 + 1)})},
        ),
        symbols=("BTCUSDT", "ETHUSDT"),
        orders=(order(filled="0.50"), order("2", end=End.CANCELED)),
        entries=(Entry(FillKey("BTCUSDT", "1", "1"), Decimal("0.50"), T0),),
    )
    line = account_line(0, Ftx(api_key="key", api_secret="secret"), T0, restored, Tokens())
    written = read_line(encode(line))
    assert written == line
    assert repr(written) == repr(line)


# ------------------------------------------------------------------------------------------------ what is no line


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "no line of a record of exchstream: it is empty"),
        (b"\x00\xff", "no line of a record"),
        (b"[1, 2]", "no line of a record"),
        (b'{"event":"fill","v":1}', "no line of a record"),
        (b'{"line":"fill"}', "no line of a record"),
        (b'{"line":"begin"}', "no line of a record"),
        (b'{"line":"happened","account":0}', "no line of a record"),
        (b"[" * 100_000, "no line of a record"),
        (encode(BEGIN).replace(b'"form":1', b'"form":2'), "form 2, and this version of exchstream reads up to 1"),
        (b'{"line":"begin","form":3,"all":"else"}', "form 3.*use a newer one"),
    ],
)
def test_what_is_no_line_is_refused(raw: bytes, expected: str) -> None:
    """With a reason, and nothing of its content."""
    with pytest.raises(BadRecord, match=expected):
        read_line(raw)


@pytest.mark.parametrize(
    ("what", "it", "expected"),
    [
        ("exploded", b"{}", "'exploded', which this version"),
        ("connected", b"{}", "cannot be read"),
        ("connected", b'{"link":"1"}', "cannot be read"),
        ("received", b'{"link":1,"frames":[{"base64":"?"}],"heard_ns":1,"answered_ns":0}', "cannot be read"),
        ("received", b'{"link":1,"frames":[1],"heard_ns":1,"answered_ns":0}', "cannot be read"),
    ],
)
def test_a_happening_that_is_none_is_refused(what: str, it: bytes, expected: str) -> None:
    """Of an unknown kind, or not with what its kind has."""
    line = Happened(account=0, mono_ns=0, wall_ns=0, what=what, it=msgspec.Raw(it))
    with pytest.raises(BadRecord, match=expected):
        happening_of(line)
