"""A whole run with canary keys: no key, secret, signature or listen key is in anything that can be seen (G8)."""

from __future__ import annotations

import inspect
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import trio
from trio.testing import MockClock

from exchstream.core.record import Happened, happening_of, read_line
from exchstream.errors import AccountFailed, ConfigError, CredentialsRejected
from exchstream.events import AccountDown, Event
from exchstream.jsonlines import to_json
from exchstream.metrics import metrics_text
from exchstream.shell.http import Unanswered
from exchstream.shell.stream import OrderStream, open_stream
from mockserver.faces.base import HttpRequest, HttpResponse, Text
from tests.canaries import canaries

from .accounts import account
from .harness import NAMES, Mock, Seat, gaps_of, live, served, until

SHORTEST = 12  # a piece of a secret as long as this gives it away


class Seen(logging.Handler):
    """Everything that is logged, with arguments and tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(pathname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("mockserver"):
            self.lines += [self.format(record), repr(record.args), repr(record.__dict__)]


@pytest.fixture
def seen() -> Iterator[Seen]:
    """All loggers at DEBUG, and what they say."""
    handler, root = Seen(), logging.getLogger()
    levels = {logger: logger.level for logger in [root, *_loggers()]}
    for logger in levels:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)


def _loggers() -> list[logging.Logger]:
    return [found for found in logging.Logger.manager.loggerDict.values() if isinstance(found, logging.Logger)]


@pytest.fixture
async def mock() -> AsyncIterator[Mock]:
    """A served mock exchange; virtual where the test itself asks for `autojump_clock`, as pytest-trio demands."""
    async with served() as serving:
        yield serving


class Wire:
    """What the mock was sent: every key, signature and listen key that went over the wire."""

    def __init__(self, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: set[str] = set()
        self._worlds = mock.worlds
        handle, connect = mock.worlds.handle, mock.worlds.connect
        monkeypatch.setattr(mock.worlds, "handle", lambda request, *more: handle(self.note(request), *more))
        monkeypatch.setattr(mock.worlds, "connect", lambda request, *more: connect(self.note(request), *more))

    def note(self, request: HttpRequest) -> HttpRequest:
        """Remember what of this request is secret."""
        self.secrets |= {
            v
            for name, v in request.headers
            if re.search("(?i)(apikey|-key|-sign)$", name) and "sec-" not in name.lower()
        }
        self._note(f"{request.target} {request.body!r}")
        return request

    def _note(self, text: str) -> None:
        named = r'(?i)(?:signature|sign|listenKey|apiKey|key)"?[=:]\s*"?([A-Za-z0-9%+/=_-]{20,})'
        for found in [*re.findall(named, text), *re.findall(r"/ws/([A-Za-z0-9]{40,})", text)]:
            self.secrets |= {found, unquote(found)}

    def all(self, *seats: Seat) -> set[str]:
        """Every secret of this run: the accounts', and what was made of them on the wire."""
        for world in self._worlds.worlds.values():
            for entry in world.recorder._ring:
                self._note(entry.text)
        named = {text for seat in seats for text in (seat.api_key, seat.secret)}
        return {secret for secret in self.secrets | named if len(secret) >= SHORTEST}


def echoes(stream: OrderStream, seat: Seat, wire: Wire) -> Iterator[str]:
    """Frames that no venue should send: unknown, broken and refusing ones, with the account's secrets in them."""
    (runner,) = (runner for runner in stream._runners if runner.venue.account == seat.name)
    credential = runner.session.memory.credential
    mine = [seat.api_key, seat.secret, *([] if credential is None else [credential.value.reveal()])]
    for secret in mine:
        yield json.dumps({"e": "brandNew", "type": "brandNew", "data": {"echo": secret, "deep": [f"x{secret}y"]}})
        yield json.dumps({"type": "error", "code": 400, "msg": f"Invalid {secret} request"})
        yield json.dumps({"id": None, "status": 400, "error": {"code": -1, "msg": f"bad key {secret}"}})
        yield f"broken {secret} {quote(secret)}"
        yield json.dumps({"e": f"new{secret}", "type": f"new{secret}", "channel": secret})
        yield json.dumps({"e": "executionReport", "s": f"S{secret}", "i": secret, "c": secret})
        yield json.dumps({"e": "ORDER_TRADE_UPDATE", "o": {"s": secret, "i": None, "c": secret}})
        yield json.dumps({"type": "update", "channel": "fills", "data": {"market": secret, "id": secret}})
    for signature in sorted(wire.all()):  # made anew for each request, so only known by its name
        for text in (f"?a=1&signature={signature}", f"FTX-SIGN: {signature}", json.dumps({"sign": signature})):
            yield json.dumps({"e": "brandNew", "type": "brandNew", "request": text})
            yield text
        yield repr({"listenKey": signature, "signature": signature})


def seen_of(stream: OrderStream, events: list[Event], seats: list[Seat]) -> Iterator[tuple[str, str]]:
    """Everything that can be printed of a stream, with where it was found."""
    for event in events:
        yield "repr of event", repr(event) + str(event)
        yield "line of event", to_json(event).decode()
        raw = getattr(event, "raw", b"")
        yield "raw", raw.decode("utf-8", "replace")
    yield "status", repr(stream.status()) + str(stream.status()) + repr(stream.behind())
    yield "metrics", metrics_text(stream).decode()
    yield "stream", repr(stream) + repr(vars(stream)) + repr(stream.journal)
    for runner in stream._runners:
        for thing in (runner, runner.venue, runner.session, runner.session.memory, runner.session.links, runner.host):
            yield type(thing).__name__, repr(thing) + str(thing)
        yield "checkpoint", repr(runner.session.checkpoint())
    for seat in seats:
        yield "venue", repr(seat.venue) + str(seat.venue)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Every byte of every file."""
    for path in folder.iterdir():
        yield path.name, path.read_bytes().decode(errors="replace")


def recorded(path: Path) -> Iterator[tuple[str, str]]:
    """What the lines of a record say, also where they say it as base64."""
    for line in path.read_bytes().splitlines():
        if isinstance(found := read_line(line), Happened):
            happening = happening_of(found)[0]  # some of its fields are not in its repr
            yield (
                "happening",
                repr({name: getattr(happening, name) for name in inspect.signature(type(happening)).parameters}),
            )


def check(secrets: set[str], found: Iterable[tuple[str, str]]) -> None:
    """No secret, nor its percent-encoded form, is in any of these texts."""
    needles = secrets | {quote(secret, safe="") for secret in secrets}
    leaks = {
        (where, text[max(0, text.find(n) - 80) : text.find(n)]) for where, text in found for n in needles if n in text
    }
    assert not leaks, "\n".join(sorted(f"{where}: {text!r}" for where, text in leaks))


async def test_a_whole_run_shows_no_secret(
    mock: Mock, seen: Seen, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Four accounts and a refused one, reconnects, expired keys, venues that echo what we sent: nothing is shown.

    Nor kept: neither in the record of the incident nor in the journal.
    """
    wire = Wire(mock, monkeypatch)
    seats = [mock.seat(flavour, quick=False) for flavour in NAMES]
    refused = mock.seat("binance-futures", quick=False)
    refused.secret = "wrongSecretWrongSecretWrongSecretWrongSecretWrongSecretWrongSecr"
    assert all(len(text) >= 40 for seat in seats for text in (seat.api_key, seat.secret))
    events: list[Event] = []
    record, journal = tmp_path / "incident.jsonl", tmp_path / "orders.db"
    accounts = [seat.venue for seat in [*seats, refused]]
    async with open_stream(*accounts, record=record, journal=journal) as stream:
        await until(stream, live(4), seconds=120, told=events)
        for seat in seats:
            seat.fill(seat.place())
            (link,) = seat.links
            for frame in echoes(stream, seat, wire):
                link.push(Text(frame))
        await watch(stream, 60, events)
        for seat in seats[1:3]:
            assert seat.exchange.face.expire_listen_keys(seat.name, notices=2) == 1
        with monkeypatch.context() as patched:
            for seat in seats:
                echo_requests(seat, patched)
                seat.drop()
            await watch(stream, 60, events)
        await until(stream, live(len(gaps_of(events)) - 1), seconds=1_000, told=events)
        secrets = wire.all(*seats, refused)
        assert len(secrets) > 30
        check(secrets, seen_of(stream, events, [*seats, refused]))
        check(secrets, files(tmp_path))  # the journal's log too, which is gone when it is closed
    check(secrets, files(tmp_path))
    check(secrets, recorded(record))
    assert [refused.name] == [event.account for event in events if isinstance(event, AccountDown)]
    assert any("exchstream" in line for line in seen.lines)
    check(secrets, (("log", line) for line in seen.lines))


async def test_what_any_test_shows_is_found_out(mock: Mock, tmp_path: Path, autojump_clock: MockClock) -> None:
    """A word that stands wherever it can, the account's name, is found in all of these places."""
    word = "canaryNameCanaryName"
    folder = tmp_path / "found"
    folder.mkdir()
    with pytest.raises(AssertionError) as caught, canaries(lambda: [word], folder):
        seat = mock.seat("ftx")
        venue = account("ftx", mock.http, mock.ws, **seat.keys | {"name": word})
        async with open_stream(venue, journal=folder / "orders.db", record=folder / "incident.jsonl") as stream:
            await until(stream, live(), seconds=60)
            logging.getLogger("exchstream").info("a line about %s", word)
            Unanswered(f"no answer to {word}")
    for where in ("log", "errors", "status", "metrics", "events", "orders.db", "incident.jsonl"):
        assert f"a key in {where}" in str(caught.value), where


async def watch(stream: OrderStream, seconds: float, events: list[Event]) -> None:
    """Add what is told within so many seconds."""
    with trio.move_on_after(seconds):
        async for event in stream:
            events.append(event)


def echo_requests(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    """REST and the WebSocket handshake refuse, and send back all that they were sent."""
    face = seat.exchange.face

    def refuse(request: HttpRequest) -> HttpResponse:
        echo = f"{request.method} {request.target} {dict(request.headers)} {request.body!r}"
        body = json.dumps({"code": -1000, "msg": echo, "success": False, "error": echo})
        # Not in a header: the HTTP library itself logs those of answers, at DEBUG.
        return HttpResponse(500, body.encode())

    monkeypatch.setattr(face, "http", refuse)
    monkeypatch.setattr(face, "connect", lambda request, link: refuse(request))


@pytest.mark.parametrize("flavour", NAMES)
async def test_the_error_of_a_refused_key_shows_none(
    mock: Mock, seen: Seen, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue echoes what it refuses: neither the exception, its traceback, its notes nor the log shows a secret."""
    wire = Wire(mock, monkeypatch)
    seat = mock.seat(flavour)
    face = seat.exchange.face
    right = face.http

    def refuse(request: HttpRequest) -> HttpResponse | None:
        if not any(name.lower() in ("x-mbx-apikey", "ftx-key") for name, _ in request.headers):
            return right(request)
        echo = f"{request.target} {dict(request.headers)}"
        body = json.dumps(
            {
                "code": -2015,
                "msg": f"Invalid API-key {echo}",
                "success": False,
                "error": f"Not logged in: Invalid signature {echo}",
            }
        )
        return HttpResponse(401, body.encode())

    monkeypatch.setattr(face, "http", refuse)
    with pytest.raises(CredentialsRejected) as caught:
        await run_to_the_end(seat)
    texts = [("exception", text) for text in shown(caught.value)] + [("log", line) for line in seen.lines]
    check(wire.all(seat), iter(texts))


async def run_to_the_end(seat: Seat) -> None:
    """Read until the block raises."""
    async with open_stream(seat.venue, on_fatal="raise") as stream:
        with trio.fail_after(10):
            async for _ in stream:
                pass


def shown(error: BaseException) -> list[str]:
    """All that can be printed of an exception, with its causes and the values of its fields."""
    fields = [repr(vars(error))] if isinstance(error, AccountFailed) else []
    return [str(error), repr(error), "".join(traceback.format_exception(error)), *fields]


@pytest.mark.parametrize("flavour", NAMES)
async def test_a_key_with_a_stray_character_is_not_shown(
    mock: Mock, seen: Seen, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break or a letter beyond ASCII in a key: the error names the header and not the key."""
    seat = mock.seat(flavour)
    if flavour == "binance-spot-listen-key":  # the default world answers for keys that nobody has
        mock.worlds.default.exchanges["binance-spot"].settings.profile = "binance-2024"
    for stray in ("\r\nX-Evil: 1", "ü"):
        seat.api_key = f"canaryKeyCanaryKey{stray}CanaryKeyCanaryKeyCanaryKeyCanaryKey"
        with pytest.raises((ConfigError, CredentialsRejected)) as caught:
            await run_to_the_end(seat)
        texts = [("exception", text) for text in shown(caught.value)] + [("log", line) for line in seen.lines]
        check({"canaryKeyCanaryKey", "CanaryKeyCanaryKeyCanaryKeyCanaryKey", seat.secret}, iter(texts))
