"""Each kind of fault does what it says: to an answer, to a frame, to what a request is known by."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from mockserver.faces.base import HttpRequest, HttpResponse
from mockserver.faces.binance import errors as binance
from mockserver.faces.binance.limits import BAN_MS
from mockserver.faces.ftx import errors as ftx
from mockserver.faults import (
    HAS,
    KINDS,
    WORDS,
    Corrupt,
    DialHang,
    DialHangUp,
    DialRefused,
    Draw,
    EmptyBody,
    ExecStatusUnknown,
    Fate,
    HangUp,
    HtmlBody,
    HttpError,
    NoAnswer,
    TruncatedJson,
    frame_thing,
    read_frame,
    request_thing,
)
from mockserver.faults.kinds import Answering
from mockserver.faults.refusals import Site, refusal
from mockserver.faults.texts import FTX_BY_CODE, FTX_BY_STATUS, SPOT_TEXTS, STATUSES, TEXTS
from mockserver.stage import Stage, heard
from mockserver.strategies import VENUES

from mockserver.actions import Act, Action  # isort: skip
from mockserver.engine.types import SelfTrade, Side

GOOD = HttpResponse.json('{"orderId":1}', headers=(("x-weight", "1"),))
NOW_MS = 1_700_000_000_000
BANNED = binance.banned(NOW_MS, NOW_MS + 7_000).msg
TOO_MUCH = binance.too_much_weight(6_000, NOW_MS, NOW_MS).msg
FILL = '{"e":"executionReport","E":1,"s":"BTCUSDT","X":"FILLED","l":"0.5","L":"100"}'


def answer(kind: Answering, venue: str = "binance-spot") -> HttpResponse:
    """What comes of a good answer, if the venue is asked at all."""
    fate = Fate(by=kind)
    return fate.answer(GOOD if fate.handled else None, Site(venue, NOW_MS))


@pytest.mark.parametrize(
    ("kind", "handled", "heard"),
    [
        (HttpError(), False, "answer"),
        (HttpError(accepted=True), True, "answer"),
        (ExecStatusUnknown(), True, "answer"),
        (ExecStatusUnknown(accepted=False), False, "answer"),
        (HtmlBody(), False, "answer"),
        (TruncatedJson(), True, "answer"),
        (EmptyBody(), True, "answer"),
        (NoAnswer(), True, "never"),
        (NoAnswer(accepted=False), False, "never"),
        (HangUp(), True, "hang_up"),
        (DialRefused(), False, "answer"),
        (DialHang(), False, "never"),
        (DialHangUp(), False, "hang_up"),
    ],
    ids=repr,
)
def test_whether_it_is_done_and_what_is_heard(kind: Answering, handled: bool, heard: str) -> None:
    """Of each kind both, independently."""
    assert (kind.handled, kind.heard) == (handled, heard)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        (HttpError(status=418, retry_after_s=7), 418, {"code": -1003, "msg": BANNED}),
        (HttpError(status=429), 429, {"code": -1003, "msg": TOO_MUCH}),
        (HttpError(status=400, code=-2010, text="No."), 400, {"code": -2010, "msg": "No."}),
        (HttpError(status=400, code=-2011), 400, {"code": -2011, "msg": "Unknown order sent."}),
        (ExecStatusUnknown(), 503, None),
        (DialRefused(), 429, {"code": -1003, "msg": TOO_MUCH}),
    ],
    ids=repr,
)
def test_errors_are_in_the_venues_form(kind: Answering, status: int, body: Any) -> None:
    """Binance has a code and a text, FTX a text of its own."""
    given = answer(kind)
    told = json.loads(given.body)
    assert given.status == status
    assert body in (None, told)
    assert set(told) == {"code", "msg"}
    theirs = json.loads(answer(kind, "ftx").body)
    assert (theirs.keys(), theirs["success"]) == ({"success", "error"}, False)
    assert theirs["error"] == "No." or theirs["error"] != told["msg"]


def test_a_code_brings_the_words_that_the_venue_has_for_it() -> None:
    """Those that the faces refuse with; none of them says -1001 or -1006, and none is without its words."""
    refusals = [each for each in vars(binance).values() if isinstance(each, binance.Refusal)]
    made = [binance.filter_failure("PRICE_FILTER"), binance.too_precise("quantity")]
    theirs = {(each.code, each.msg) for each in [*refusals, *made]}
    assert {(code, text) for code, text in TEXTS.items() if code not in (-1001, -1006)} <= theirs
    assert {*SPOT_TEXTS.items()} <= theirs
    assert {each.code for each in refusals} <= TEXTS.keys()
    known = {code: {each.status for each in refusals if each.code == code} for code in STATUSES}
    assert {code: status for code, status in STATUSES.items() if known[code]} == {
        -1007: 504,
        -1008: 503,
        -2014: 401,
        -2015: 401,
    }
    assert all(known[code] <= {status} for code, status in STATUSES.items())
    half = HttpError(status=409, code=-2021)
    assert b"cancel-replace" in answer(half, "binance-spot").body
    assert b"immediately trigger" in answer(half, "binance-futures").body


def test_words_with_numbers_are_those_of_the_limits() -> None:
    """Of the venue that tells them: how much it allows, and until when it is closed to an address."""
    site = Site("binance-futures", NOW_MS, weight_per_minute=2_400, orders_per_10s=300)
    told = [json.loads(refusal(429, site, code, None).body) for code in (-1003, -1015)]
    assert told == [
        {"code": -1003, "msg": binance.too_much_weight(2_400, NOW_MS, NOW_MS).msg},
        {"code": -1015, "msg": binance.too_many_orders(300, "10 SECOND", NOW_MS, NOW_MS).msg},
    ]
    first_ban = json.loads(refusal(418, site, None, None).body)["msg"]
    assert first_ban == binance.banned(NOW_MS, NOW_MS + BAN_MS).msg


def test_ftx_has_words_of_its_own_for_a_code() -> None:
    """Those of its face, but for three that only its clients' tables had."""
    theirs = {each.text for each in vars(ftx).values() if isinstance(each, ftx.Refusal)} | {
        ftx.too_many_orders(2, 200).text,
        ftx.too_many_requests(1_500).text,
    }
    recorded = {"Order took too long to process", "Please try again", "Internal Error"}
    assert {*FTX_BY_CODE.values(), *FTX_BY_STATUS.values()} - theirs == recorded
    assert not {*FTX_BY_CODE.values(), *FTX_BY_STATUS.values()} & set(TEXTS.values())


def test_retry_after() -> None:
    """Only if it is given."""
    assert answer(HttpError(status=429, retry_after_s=7)).headers == (("Retry-After", "7"),)
    assert answer(DialRefused(retry_after_s=0)).headers == (("Retry-After", "0"),)
    assert answer(HttpError(status=429)).headers == ()


def test_bodies_that_are_no_answer() -> None:
    """A page, half of it, nothing, or whatever is wanted."""
    page = answer(HtmlBody(status=403))
    assert (page.status, page.content_type, page.body[:6]) == (403, "text/html", b"<html>")
    assert answer(TruncatedJson()) == attrs.evolve(GOOD, body=b'{"orde')
    assert answer(TruncatedJson(keep_percent=0)).body == b""
    assert answer(EmptyBody()) == attrs.evolve(GOOD, body=b"")
    assert answer(HttpError(status=500, body="oops")).body == b"oops"


@pytest.mark.parametrize(
    ("how", "frame"),
    [
        ("cut", FILL[: len(FILL) // 2]),
        ("number", FILL.replace('"0.5"', '"NaN"')),
        ("word", FILL.replace('"FILLED"', '"NOVELTY"')),
        ("bytes", FILL.encode()[:-1] + b"\xff"),
    ],
)
def test_damage(how: Any, frame: str | bytes) -> None:
    """Each in its own way, and where there is nothing to spoil the frame is cut."""
    assert Corrupt(how=how).damaged(FILL, Draw(1, "x", 1)) == frame
    if how in ("number", "word"):
        assert Corrupt(how=how).damaged("abcd", Draw(1, "x", 1)) == "ab"


def test_any_damage_is_each_of_them_sometimes() -> None:
    """By the luck of the frame."""
    seen = {Corrupt().damaged(FILL, Draw(1, "x", number)) for number in range(60)}
    assert seen == {Corrupt(how=how).damaged(FILL, Draw(1, "x", 1)) for how in ("cut", "number", "word", "bytes")}


def test_every_kind_has_a_word_and_stands_without_arguments() -> None:
    """What is not given has a default; equal values are equal."""
    assert {KINDS[word]: word for word in KINDS} == WORDS
    for kind in KINDS.values():
        assert kind() == kind()
        assert kind.seam in HAS
    assert HangUp() != NoAnswer()


@pytest.mark.parametrize("venue", VENUES)
def test_real_frames_are_known_by_their_event_and_symbol(venue: str) -> None:
    """An order's frames of each venue name their event and symbol; an answer is an answer."""
    stage = Stage(venue)
    link = stage.listen()
    buy = Action(Act.LIMIT, 0, 0, 0, Side.BUY, 0, 8, SelfTrade.NONE, False, 0)
    reply = stage.play(buy)
    assert reply is not None
    assert reply.order is not None
    known = {read_frame(frame) for frame in heard(link)}
    event = {"binance-spot": "executionReport", "binance-futures": "ORDER_TRADE_UPDATE", "ftx": "orders"}[venue]
    assert (event, reply.order.instrument) in known


@pytest.mark.parametrize(
    ("frame", "event", "symbol"),
    [
        (FILL, "executionReport", "BTCUSDT"),
        (f'{{"subscriptionId":0,"event":{FILL}}}', "executionReport", "BTCUSDT"),
        (f'{{"stream":"k","data":{FILL}}}', "executionReport", "BTCUSDT"),
        ('{"e":"TRADE_LITE","s":"ETHUSDT"}', "TRADE_LITE", "ETHUSDT"),
        ('{"e":"ORDER_TRADE_UPDATE","o":{"s":"ETHUSDT"}}', "ORDER_TRADE_UPDATE", "ETHUSDT"),
        ('{"channel": "fills", "type": "update", "data": {"market": "BTC/USD"}}', "fills", "BTC/USD"),
        ('{"channel": "ticker", "type": "update", "market": "BTC/USD", "data": {}}', "ticker", "BTC/USD"),
        ('{"type": "subscribed", "channel": "fills"}', "answer", None),
        ('{"type": "unsubscribed", "channel": "trades", "market": "BTC/USD"}', "answer", None),
        ('{"type": "error", "code": 400, "msg": "Invalid request"}', "answer", None),
        ('{"type": "pong"}', "answer", None),
        ('{"type": "info", "code": 20001, "msg": "again"}', "info", None),
        ('{"result":null,"id":1}', "answer", None),
        ('{"id":1,"status":200,"result":{}}', "answer", None),
        ("[1]", "", None),
        ("not json", "", None),
    ],
)
def test_frames(frame: str, event: str, symbol: str | None) -> None:
    """In whatever envelope."""
    assert read_frame(frame) == (event, symbol)
    thing = frame_thing(frame, venue="v", accounts=frozenset({"bot"}), path="/ws", link=3)
    assert (thing.seam, thing.venue, thing.event, thing.link) == ("frame", "v", event, 3)


@pytest.mark.parametrize(
    ("frame", "event", "symbol"),
    [
        ('{"id":1,"method":"order.place","params":{"symbol":"BTCUSDT"}}', "order.place", "BTCUSDT"),
        ('{"id":1,"method":"SUBSCRIBE","params":["btcusdt@trade"]}', "SUBSCRIBE", None),
        ('{"op": "subscribe", "channel": "trades", "market": "BTC/USD"}', "subscribe", "BTC/USD"),
        ('{"op": "ping"}', "ping", None),
        ("[1]", "", None),
        ("not json", "", None),
    ],
)
def test_frames_of_the_client(frame: str, event: str, symbol: str | None) -> None:
    """By what it wants."""
    thing = frame_thing(frame, venue="v", accounts=frozenset(), path="/ws", link=3, side="client")
    assert (thing.event, thing.symbol, thing.side) == (event, symbol, "client")


@pytest.mark.parametrize(
    ("target", "body", "symbol"),
    [
        ("/api/v3/order?symbol=BTCUSDT&x=1", b"", "BTCUSDT"),
        ("/api/v3/order", b"side=BUY&symbol=ETHUSDT", "ETHUSDT"),
        ("/api/orders?market=BTC%2FUSD", b"", "BTC/USD"),
        ("/api/orders", b'{"market": "BTC/USD"}', "BTC/USD"),
        ("/api/orders", b'{"market": 1}', None),
        ("/api/orders", b"{broken", None),
        ("/api/v3/time", b"", None),
    ],
)
def test_requests_are_known_by_their_symbol(target: str, body: bytes, symbol: str | None) -> None:
    """From the query, a form or JSON."""
    thing = request_thing("request", HttpRequest("POST", target, body=body), "v", "bot")
    assert (thing.symbol, thing.accounts, thing.path) == (symbol, frozenset({"bot"}), target.partition("?")[0])
