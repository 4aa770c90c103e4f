"""URLs taken apart, and texts without what we sent."""

from __future__ import annotations

import itertools
import ssl

import pytest
import trio

from exchstream.errors import ConfigError
from exchstream.shell.places import Place, checked_headers, checked_target, cleaned, default_tls, place, system_words

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"
WS = ("ws", "wss")


@pytest.mark.parametrize(
    ("url", "expected", "authority"),
    [
        ("wss://fstream.binance.com/ws/x", Place("wss", "fstream.binance.com", 443, "/ws/x"), "fstream.binance.com"),
        ("ws://127.0.0.1:8080", Place("ws", "127.0.0.1", 8080, "/"), "127.0.0.1:8080"),
        ("ws://[::1]:9/a?b=%2F&c", Place("ws", "::1", 9, "/a?b=%2F&c"), "[::1]:9"),
        ("WS://Host:80/#part", Place("ws", "host", 80, "/"), "host"),
        ("ws://h?q=1", Place("ws", "h", 80, "/?q=1"), "h"),
    ],
)
def test_place(url: str, expected: Place, authority: str) -> None:
    """Path and query stay as they are; the port is named where it is not the default."""
    assert place(url, WS) == expected
    assert place(url, WS).authority == authority
    assert place(url, WS).secure == (expected.scheme == "wss")


@pytest.mark.parametrize(
    "url",
    [
        f"http://h/{KEY}",
        f"//h/{KEY}",
        f"ws:///{KEY}",
        f"ws://h:99999/{KEY}",
        f"ws://h:x/{KEY}",
        f"ws://[::1/{KEY}",
        f"ws://{KEY}@h/",
        f"ws://u:{KEY}@h/",
        f"ws://h/ {KEY}",
        f"ws://h/{KEY}\r\nX: y",
        f"ws://hé/{KEY}",
        "",
    ],
)
def test_unusable_url(url: str) -> None:
    """It is refused in words that do not repeat it."""
    with pytest.raises(ConfigError) as caught:
        place(url, WS)

    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_place_shows_no_target() -> None:
    """Neither str nor repr."""
    shown = place(f"wss://h/ws/{KEY}", WS)

    assert str(shown) == "wss://h"
    assert KEY not in repr(shown)


def test_headers() -> None:
    """They become bytes; a value with a stray character names its header only."""
    assert checked_headers({"FTX-KEY": KEY}) == [(b"FTX-KEY", KEY.encode())]
    for value in (f"{KEY}\n", f"{KEY}é", "\x00"):
        with pytest.raises(ConfigError, match="FTX-KEY") as caught:
            checked_headers({"FTX-KEY": value})
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("target", ["", "x", "/a b", "/a\r\n", "/é", "http://h/"])
def test_unusable_target(target: str) -> None:
    """What a request line cannot carry is refused."""
    with pytest.raises(ConfigError):
        checked_target(target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Cannot GET /ws/{KEY}", "Cannot GET /ws/***"),
        (f"{KEY}{KEY} and sig", "****** and sig"),
        ("abc/def+g=h== was wrong", "*** was wrong"),
        ("abc%2Fdef%2Bg%3Dh%3D%3D was wrong", "*** was wrong"),
        ("header-secret", "***"),
        ("api v3 events", "api v3 events"),
    ],
)
def test_cleaned(text: str, expected: str) -> None:
    """Long pieces of path, query (also decoded) and headers are hidden; short words are not."""
    target = f"/api/v3/{KEY}?signature=abc%2Fdef%2Bg%3Dh%3D%3D&events=x"

    assert cleaned(text, target, ["header-secret", ""]) == expected


def test_default_tls() -> None:
    """It checks certificates and host names, and is made once."""
    tls = default_tls()

    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert default_tls() is tls


def raised(*chain: BaseException) -> BaseException:
    """The first, with each of the others as the cause of the one before."""
    for upper, lower in itertools.pairwise(chain):
        upper.__cause__ = lower
    return chain[0]


@pytest.mark.parametrize(
    ("exc", "expected"),
    [
        (OSError("all attempts failed"), "all attempts failed"),
        (TimeoutError(), "TimeoutError"),
        (raised(OSError("all failed"), ExceptionGroup("", [OSError("refused"), OSError("other")])), "refused"),
        (raised(trio.BrokenResourceError(), ssl.SSLError("certificate verify failed")), "certificate verify failed"),
    ],
)
def test_system_words(exc: BaseException, expected: str) -> None:
    """The last cause speaks; one without words gives its name."""
    assert expected in system_words(exc)


def test_system_words_of_a_nameless_cause() -> None:
    """A connection's failure that was being handled counts as the cause; anything else that was, does not."""
    for handled, expected in ((ConnectionError("reset"), "reset"), (ValueError(KEY), "above")):
        exc = RuntimeError("above")
        exc.__context__ = handled
        assert system_words(exc) == expected
