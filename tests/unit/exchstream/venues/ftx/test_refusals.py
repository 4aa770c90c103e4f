"""What each of FTX's error texts asks of us."""

import pytest

from exchstream.core.venue import SECOND, Markets, Memory, Refusal, Refused, Reply, Throttle
from exchstream.venues.ftx import Ftx, refusals

TEXTS = [
    ("Not logged in", 401, Refusal.FATAL),
    ("Not logged in: Invalid API key", 401, Refusal.FATAL),
    ("Not logged in: Timestamp too far from current time", 401, Refusal.CLOCK),
    ("Not logged in: IP not whitelisted", 401, Refusal.FATAL),
    ("Invalid Signature", 401, Refusal.FATAL),
    ("Only have permissions for subaccount *mm*", 401, Refusal.FATAL),
    ("No such subaccount", 400, Refusal.FATAL),
    ("Not authorized for subaccount-specific access", 401, Refusal.FATAL),
    ("Something new about keys", 401, Refusal.FATAL),
    ("Order not found", 404, Refusal.GONE),
    ("Order not found", 400, Refusal.GONE),
    ("Not found", 404, Refusal.GONE),
    ("No such market: BTCUSDT", 404, Refusal.GONE),
    ("No such future", 400, Refusal.GONE),
    ("Invalid parameter start_time", 400, Refusal.MALFORMED),
    ("Missing parameter price", 400, Refusal.MALFORMED),
    ("Please retry request", 400, Refusal.TRANSIENT),
    ("Please try again", 400, Refusal.TRANSIENT),
    ("Try again", 500, Refusal.TRANSIENT),
    ("Internal Error", 500, Refusal.TRANSIENT),
    ("Internal server error", 400, Refusal.TRANSIENT),
    ("Order took too long to process", 400, Refusal.TRANSIENT),
    ("An unexpected error occurred, please try again later(58BC21C795).", 500, Refusal.TRANSIENT),
    ("Slow down", 400, Refusal.TRANSIENT),
    ("Cannot send more than 1500 requests per minute", 400, Refusal.TRANSIENT),
    ("Something new", 400, Refusal.TRANSIENT),
]


@pytest.mark.parametrize(("text", "status", "expected"), TEXTS)
def test_texts_of_rest(text: str, status: int, expected: Refusal) -> None:
    """The text decides, the status only where the text is new."""
    assert [Refused(text, expected)] == refusals.of_answer(text, Reply(status, {}, b""), SECOND)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({}, 1), ({"retry-after": "7"}, 7), ({"retry-after": "soon"}, 1), ({"retry-after": "٧"}, 1)],
)
def test_too_many_requests(headers: dict[str, str], seconds: int) -> None:
    """A 429 stops the host's budget for as long as the venue says, from its answer on, else for a second."""
    text = "Do not send more than 2 orders on this market per 200ms"
    reply = Reply(429, headers, b"", asked_ns=5_000_000_000, got_ns=8_000_000_000)
    throttle, refused = refusals.of_answer(text, reply, SECOND)

    assert throttle == Throttle("rest", until_ns=8_000_000_000 + seconds * 1_000_000_000)
    assert refused == Refused(text, Refusal.TRANSIENT)


def test_how_long_an_unsaid_pause_lasts_is_the_accounts_to_say() -> None:
    """A 429 without a time is obeyed for as long as the field says."""
    account = Ftx(api_key="k", api_secret="s", unsaid_ns=7 * SECOND)
    told = account.answer(
        Markets(), Reply(429, {}, b'{"success":false,"error":"slow down"}', asked_ns=5 * SECOND), Memory()
    )

    assert told[0] == Throttle("rest", until_ns=12 * SECOND)


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500, 502])
def test_a_page_that_is_no_answer(status: int) -> None:
    """HTML in the place of JSON is trouble on the way, never a verdict on the key or the order."""
    (refused,) = refusals.of_answer(None, Reply(status, {}, b"<html>"), SECOND)

    assert isinstance(refused, Refused)
    assert refused.how is Refusal.TRANSIENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Invalid login credentials", Refusal.DUBIOUS),
        ("Not logged in", Refusal.FATAL),
        ("Internal server error", Refusal.TRANSIENT),
        ("No such market: BTCUSDT", Refusal.TRANSIENT),
        ("Unheard of", Refusal.TRANSIENT),
        (None, Refusal.TRANSIENT),
    ],
)
def test_errors_on_the_socket(text: str | None, expected: Refusal) -> None:
    """An error there names no channel: it is about the whole link."""
    refused = refusals.of_link(text)

    assert (expected, None) == (refused.how, refused.tag)


def test_a_wrong_login_says_where_to_look() -> None:
    """A time that is off is refused in the same words as a wrong key, so the reason names both."""
    why = refusals.of_link("Invalid login credentials").why

    assert "key" in why
    assert "time" in why
