"""What a refusal asks of us, and for how long we stay away."""

from collections.abc import Callable

import attrs
import pytest

from exchstream.core.venue import (
    DAY,
    MINUTE,
    SECOND,
    Clock,
    CredentialGone,
    CredentialIs,
    Fills,
    Memory,
    NewCredential,
    OrderById,
    Question,
    Refusal,
    Refused,
    RenewCredential,
    Reply,
    Secret,
    ServerTime,
    Throttle,
)
from exchstream.events import DownReason
from exchstream.model import OrderKey
from exchstream.venues.binance import BinanceFutures, BinanceSpot

Make = Callable[..., Reply]
ASK = OrderById(OrderKey("BTCUSDT", "1"))
HTML = "<html><head><title>410 Gone</title></head></html>"


@pytest.mark.parametrize(
    ("status", "body", "how"),
    [
        (400, '{"code":-1121,"msg":"Invalid symbol."}', Refusal.GONE),
        (400, '{"code":-2013,"msg":"Order does not exist."}', Refusal.GONE),
        (400, '{"code":-2026,"msg":"archived"}', Refusal.GONE),
        (400, '{"code":-1021,"msg":"outside of the recvWindow"}', Refusal.CLOCK),
        (400, '{"code":-1022,"msg":"Signature"}', Refusal.FATAL),
        (401, '{"code":-2014,"msg":"API-key format invalid."}', Refusal.FATAL),
        (401, '{"code":-2015,"msg":"Invalid API-key"}', Refusal.FATAL),
        (401, "", Refusal.FATAL),
        (401, HTML, Refusal.TRANSIENT),
        (400, HTML, Refusal.TRANSIENT),
        (407, HTML, Refusal.TRANSIENT),
        (400, '{"code":-1003,"msg":"Too much"}', Refusal.TRANSIENT),
        (429, '{"code":-1003,"msg":"Too much"}', Refusal.TRANSIENT),
        (418, "", Refusal.TRANSIENT),
        (403, HTML, Refusal.TRANSIENT),
        (500, '{"code":-2015,"msg":"confused"}', Refusal.TRANSIENT),
        (502, HTML, Refusal.TRANSIENT),
        (400, '{"code":-1007,"msg":"Timeout"}', Refusal.TRANSIENT),
        (404, HTML, Refusal.TRANSIENT),
        (200, HTML, Refusal.TRANSIENT),
        (200, "", Refusal.TRANSIENT),
        (200, "{}", Refusal.TRANSIENT),
        (200, '{"code":-1121,"msg":"Invalid symbol."}', Refusal.TRANSIENT),
        (301, "", Refusal.TRANSIENT),
    ],
)
def test_kinds_of_no(
    spot: BinanceSpot, futures: BinanceFutures, reply: Make, status: int, body: str, how: Refusal
) -> None:
    """Both products classify alike, and the text never repeats a page."""
    for venue in (spot, futures):
        told = venue.answer(ASK, reply(body, status), Memory())
        refusals = [meaning for meaning in told if isinstance(meaning, Refused)]
        assert [how] == [meaning.how for meaning in refusals]
        assert "<" not in refusals[0].why


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait_ns"),
    [
        (429, {"retry_after": "30"}, "", 31 * SECOND),
        (418, {"retry_after": "120"}, '{"code":-1003,"msg":"IP banned until 1700000050000."}', 121 * SECOND),
        (418, {}, '{"code":-1003,"msg":"Way too much; IP banned until 1700000050000. Please"}', 50 * SECOND),
        (429, {}, "", MINUTE),
        (429, {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", MINUTE),
        (418, {"retry_after": "999999999"}, "", 3 * DAY),
        (403, {}, HTML, 5 * MINUTE),
    ],
)
def test_how_long_to_stay_away(
    spot: BinanceSpot, reply: Make, status: int, headers: dict[str, str], body: str, wait_ns: int
) -> None:
    """Retry-After counts seconds, a ban names its end, and no end is further away than the longest ban."""
    answer = reply(body, status, **headers)
    waits = [m.until_ns for m in spot.answer(ASK, answer, Memory()) if isinstance(m, Throttle) and m.until_ns]
    assert [answer.asked_ns + wait_ns] == waits


@pytest.mark.parametrize(
    ("status", "headers", "wait_ns"),
    [
        (429, {}, 7 * SECOND),
        (429, {"retry_after": "1"}, 2 * SECOND),
        (418, {"retry_after": "99"}, 9 * SECOND),
        (403, {}, 8 * SECOND),
    ],
)
def test_how_long_to_stay_away_is_the_accounts_to_say(
    futures: BinanceFutures, reply: Make, status: int, headers: dict[str, str], wait_ns: int
) -> None:
    """Where the venue says nothing, and at the longest where it does."""
    account = attrs.evolve(futures, unsaid_ns=7 * SECOND, forbidden_ns=8 * SECOND, longest_ban_ns=9 * SECOND)
    answer = reply("", status, **headers)
    waits = [m.until_ns for m in account.answer(ASK, answer, Memory()) if isinstance(m, Throttle)]
    assert [answer.asked_ns + wait_ns] == waits


@pytest.mark.parametrize(("status", "headers"), [(429, {"retry_after": "30"}), (429, {}), (403, {})])
def test_a_pause_counts_from_the_answer(
    spot: BinanceSpot, futures: BinanceFutures, reply: Make, status: int, headers: dict[str, str]
) -> None:
    """It was not said before the question was on its way for a while: counted from there it would end too early."""
    early = reply("", status, **headers)
    late = attrs.evolve(early, got_ns=early.asked_ns + 7 * SECOND)
    for venue in (spot, futures):
        ends = [
            next(m.until_ns for m in venue.answer(ASK, answer, Memory()) if isinstance(m, Throttle))
            for answer in (early, late)
        ]
        assert ends[1] == (ends[0] or 0) + 7 * SECOND


def test_used_weight_is_told_with_every_answer(spot: BinanceSpot, reply: Make) -> None:
    """The venue's own count comes first, with good and bad answers; a broken header is no count."""
    used = Throttle("REQUEST_WEIGHT", used=77)
    good = reply('{"serverTime":1499827319559}', x_mbx_used_weight_1m="77")
    assert [used, ServerTime(1499827319559_000_000)] == spot.answer(Clock(), good, Memory())
    assert used == spot.answer(ASK, reply("", 500, x_mbx_used_weight_1m="77"), Memory())[0]
    broken = reply('{"serverTime":1}', x_mbx_used_weight_1m="many")
    assert [ServerTime(1_000_000)] == spot.answer(Clock(), broken, Memory())


def credential(value: str, asked_ns: int) -> CredentialIs:
    return CredentialIs(Secret(value), asked_ns + 24 * MINUTE, 12 * MINUTE, asked_ns + 60 * MINUTE)


@pytest.mark.parametrize("question", [NewCredential(), RenewCredential()])
def test_a_listen_key_lives_an_hour(
    classic: BinanceSpot, futures: BinanceFutures, reply: Make, memory: Memory, question: Question
) -> None:
    """It is to be renewed 24 to 36 minutes after it was asked for, and may turn out to be another one."""
    for venue in (classic, futures):
        answer = reply('{"listenKey":"another"}')
        assert [credential("another", answer.asked_ns)] == venue.answer(question, answer, memory)


def test_an_empty_renewal_keeps_the_key(classic: BinanceSpot, reply: Make, memory: Memory) -> None:
    """Spot renews with `{}`: the key in memory lives on; without one there is nothing to keep."""
    answer = reply("{}")
    assert memory.credential is not None
    kept = credential(memory.credential.value.reveal(), answer.asked_ns)
    assert [kept] == classic.answer(RenewCredential(), answer, memory)
    assert [m.how for m in classic.answer(RenewCredential(), answer, Memory()) if isinstance(m, Refused)] == [
        Refusal.TRANSIENT
    ]


def test_a_dead_listen_key_is_gone(classic: BinanceSpot, futures: BinanceFutures, reply: Make, memory: Memory) -> None:
    """-1125 on a renewal means that the key is dead, not that the account is."""
    dead = reply('{"code":-1125,"msg":"This listenKey does not exist."}', 400)
    for venue in (classic, futures):
        assert [CredentialGone] == [type(meaning) for meaning in venue.answer(RenewCredential(), dead, memory)]


@pytest.mark.parametrize(
    ("status", "body"), [(410, HTML), (410, ""), (404, HTML), (200, HTML), (410, '{"code":0,"msg":"Gone"}')]
)
def test_listen_keys_that_are_retired_are_fatal(classic: BinanceSpot, reply: Make, status: int, body: str) -> None:
    """410, or a page where a key was due, ends the account with a text that names what to use instead."""
    for question in (NewCredential(), RenewCredential()):
        told = classic.answer(question, reply(body, status), Memory())
        assert [(m.how, m.down) for m in told if isinstance(m, Refused)] == [(Refusal.FATAL, DownReason.RETIRED)]
        assert 'user_data="websocket-api"' in getattr(told[0], "why", "")


@pytest.mark.parametrize("status", [500, 502, 503, 401, 403, 407, 429, 418])
def test_a_passing_fault_is_no_retirement(classic: BinanceSpot, reply: Make, status: int) -> None:
    """A gateway's, proxy's or firewall's page does not mean that listen keys are gone."""
    told = classic.answer(NewCredential(), reply(HTML, status), Memory())
    assert [meaning.how for meaning in told if isinstance(meaning, Refused)] == [Refusal.TRANSIENT]


def test_a_410_elsewhere_is_no_retirement(spot: BinanceSpot, reply: Make) -> None:
    """Only the listen key's path speaks for listen keys."""
    told = spot.answer(Fills("BTCUSDT", 0, 1), reply(HTML, 410), Memory())
    assert [meaning.how for meaning in told if isinstance(meaning, Refused)] == [Refusal.TRANSIENT]
