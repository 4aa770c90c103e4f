"""FTX's signatures, against the vectors FTX published."""

import pytest

from mockserver.faces.ftx import auth

BLOG_SECRET = "T4lPid48QtjNxjLUFOcUZghD7CUJ7sTVsfuvQZF2"
BLOG_ORDER = (
    b'{"market": "BTC-PERP", "side": "buy", "price": 8500, "size": 1, "type": "limit", "reduceOnly": false, '
    b'"ioc": false, "postOnly": false, "clientId": null}'
)


def test_the_login_vector_of_the_documentation() -> None:
    """The WebSocket login's sign is that of the authentication page (docs, 2022)."""
    secret = "Y2QTHI23f23f23jfjas23f23To0RfUwX3H42fvN-"

    sign = auth.signature(secret, auth.login_payload(1557246346499))

    assert sign == "d10b5a67a1a941ae9463a60b285ae845cdeac1b11edc7da9977bef0228b96de9"


@pytest.mark.parametrize(
    ("timestamp", "method", "target", "body", "sign"),
    [
        (
            "1588591511721",
            "GET",
            "/api/markets",
            b"",
            "dbc62ec300b2624c580611858d94f2332ac636bb86eccfa1167a7777c496ee6f",
        ),
        (
            "1588591856950",
            "POST",
            "/api/orders",
            BLOG_ORDER,
            "c4fbabaf178658a59d7bbf57678d44c369382f3da29138f04cd46d3d582ba4ba",
        ),
    ],
)
def test_the_rest_vectors_of_the_blog(timestamp: str, method: str, target: str, body: bytes, sign: str) -> None:
    """The two requests of FTX's article on API authentication have the signs it printed."""
    assert sign == auth.signature(BLOG_SECRET, auth.rest_payload(timestamp, method, target, body))


@pytest.mark.parametrize("prefix", ["ftx", "ftxus"])
def test_headers_of_both_venues(prefix: str) -> None:
    """ftx.com's and ftx.us's headers say the same; the subaccount is percent-decoded."""
    headers = {f"{prefix}-key": "k", f"{prefix}-ts": "1", f"{prefix}-sign": "s", f"{prefix}-subaccount": "my%20desk"}

    assert auth.Credentials("k", "1", "s", "my desk") == auth.credentials(headers)


def test_no_headers_is_nobody() -> None:
    """A request without a key header is a public one, one without the others is a bad private one."""
    assert auth.credentials({"accept": "*/*"}) is None
    assert auth.Credentials("k", "", "", None) == auth.credentials({"ftx-key": "k"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1588591511721", 1588591511721), ("", None), ("-1", None), ("1.5", None), ("٣", None), ("9" * 30, None)],
)
def test_timestamps(text: str, expected: int | None) -> None:
    """A timestamp is a plain number of sane length."""
    assert expected == auth.timestamp_ms(text)


def test_the_window_is_thirty_seconds() -> None:
    """Exactly thirty seconds off is still good, one millisecond more is not, in either direction."""
    now_ns = 1_600_000_000_000_000_000
    now_ms = now_ns // 1_000_000

    assert [auth.in_window(now_ms - age, now_ns) for age in (30_000, 30_001)] == [True, False]
    assert [auth.in_window(now_ms + age, now_ns) for age in (30_000, 30_001)] == [True, False]


def test_signatures_are_compared_whole() -> None:
    """Another text, a shorter one and one that is not ASCII are all simply wrong."""
    assert auth.same("abc", "abc")
    assert not any(auth.same("abc", given) for given in ("abd", "ab", "", "äöü", "\ud800"))
