"""Where we connect to, and how to speak of it without showing a key.

URLs and headers carry listen keys, tokens and signatures, so nothing of a URL but scheme, host and port ever enters a
message, and texts that a venue wrote are cleaned of whatever we sent it.  Nothing is connected here.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import attrs
import trio

from exchstream.errors import ConfigError

_PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}
# Shorter pieces of a URL ("api", "v3", "events") are words, not keys; listen keys and signatures have 60 and more.
_MIN_SECRET: Final = 8


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The platform's own trust, TLS 1.2 and newer; made once, since reading the certificates takes long."""
    return ssl.create_default_context()


@attrs.frozen
class Place:
    """A URL taken apart; `target` is path and query exactly as given, and never shown."""

    scheme: str
    host: str
    port: int
    target: str = attrs.field(repr=False)

    @property
    def secure(self) -> bool:
        """True where TLS is spoken."""
        return self.scheme in ("wss", "https")

    @property
    def authority(self) -> str:
        """What a Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def place(url: str, schemes: tuple[str, ...]) -> Place:
    """Take a URL apart.  Raises ConfigError, without showing the URL, for one that cannot be connected to."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    # The parser would silently drop line breaks; what we sign and what we send must be the same bytes.
    if not _plain(url):
        raise ConfigError("a URL holds a blank, a control character or a letter beyond ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"a URL cannot be read; it should begin with {wanted}") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(f"a URL should begin with {wanted} and a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"the URL of {parts.hostname} holds a user name or password; it would be shown")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port, target)


def checked_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The headers as bytes.  Raises ConfigError for a value (a key with a stray character) that cannot be sent."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"the value of the header {name} holds a character that HTTP cannot carry; check the key")
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]


def checked_target(target: str) -> bytes:
    """Path and query as bytes, unchanged.  Raises ConfigError for what a request line cannot carry."""
    if not (target.startswith("/") and _plain(target)):
        raise ConfigError("a request's path and query must begin with / and be percent-encoded ASCII")
    return target.encode("ascii")


def cleaned(text: str, target: str, headers: Iterable[str] = ()) -> str:
    """A text that the other side wrote, without the pieces of path, query and header values that we sent it."""
    path, _, query = target.partition("?")
    pieces = {target, *path.split("/"), *query.split("&"), *(value for _, value in parse_qsl(query)), *headers}
    pieces.update(part.partition("=")[2] for part in query.split("&"))
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _MIN_SECRET:
            text = text.replace(piece, "***")
    return text


def system_words(exc: BaseException) -> str:
    """What the system said at the bottom of a failed connection: the last cause, or its class where it has no words."""
    while True:
        if isinstance(exc, BaseExceptionGroup):
            below: BaseException | None = exc.exceptions[0]
        else:
            # The HTTP library names no cause, but raises while it handles it.
            seen = exc.__context__ if isinstance(exc.__context__, OSError | trio.BrokenResourceError) else None
            below = exc.__cause__ or seen
        if below is None:
            return str(exc) or type(exc).__name__
        exc = below


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
