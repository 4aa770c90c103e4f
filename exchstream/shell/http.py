"""One host's HTTP: a request goes out byte for byte as it was signed, and its answer, whatever it says, is a Reply.

No redirects (a signed request must not go elsewhere), no cookies, no proxies or passwords from the environment, and no
retries: whether to ask again is the Session's to say.  What httpx2 is told as the URL is the host alone, the rest goes
round it: it would encode it anew, and it writes the URLs that it knows to its log.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
import trio

from exchstream.core.limits import HttpLimits
from exchstream.core.venue import SECOND, Refused, Reply, Request
from exchstream.shell.places import checked_headers, checked_target, default_tls, place, system_words


class Unanswered(Exception):
    """There was no answer, or not a whole one; whether the venue acted on the request is unknown.

    `refused` is what the venue said where it was asked for something that needs no key, and had none (the time).
    """

    def __init__(self, why: str, refused: Refused | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.refused = refused


class Http:
    """The connections to one host."""

    def __init__(self, *, limits: HttpLimits | None = None, ssl_context: ssl.SSLContext | None = None) -> None:
        self.limits = limits = limits or HttpLimits()
        self._client = httpx2.AsyncClient(
            verify=ssl_context or default_tls(),
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "exchstream", "Accept-Encoding": "gzip"},
            timeout=httpx2.Timeout(limits.read_ns / SECOND, connect=limits.connect_ns / SECOND),
            limits=httpx2.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_connections,
                keepalive_expiry=limits.idle_ns / SECOND,
            ),
        )

    async def ask(self, request: Request, base_url: str) -> Reply:
        """Send the request and read the whole answer, of whatever status.

        A path in `base_url` is put before the request's.  Raises Unanswered, and ConfigError for a URL, target or
        header that cannot be sent; neither shows any of them.
        """
        where = place(base_url, ("http", "https"))
        target = checked_target(where.target.rstrip("/") + request.target)
        headers = checked_headers(request.headers)
        built = self._client.build_request(
            request.method,
            str(where),
            headers=headers,
            content=request.body or None,
            extensions={"target": target},
        )
        why = "no whole answer in time"
        with trio.move_on_after(self.limits.total_ns / SECOND):
            # Raised outside the handler: the library's exception holds the request, and must not hang on ours.
            try:
                return await self._answer(built)
            except (httpx2.RequestError, _Unusable) as exc:
                why = _reason(exc)
        raise Unanswered(f"{where}: {why}")

    async def _answer(self, built: httpx2.Request) -> Reply:
        response = await self._client.send(built, stream=True)
        body = _Body(response.headers.get("content-encoding", "identity"), self.limits.max_body)
        try:
            async for piece in response.aiter_raw():
                if not body.take(piece):
                    # The loop then ends by itself: left early, the library's generators would be left to the collector.
                    await response.aclose()
        except httpx2.RequestError:
            if body.fault is None:
                raise
        finally:
            await response.aclose()
        headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, body.whole())

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class _Unusable(Exception):
    """The answer came, but not in a form that can be read."""


class _Body:
    """An answer's body as it comes, unpacked, up to the bound; `fault` says why it cannot be used."""

    def __init__(self, encoding: str, limit: int) -> None:
        self.fault: str | None = None
        self._limit = limit
        self._data = bytearray()
        # 47 unpacks gzip and zlib alike, the two that the word "deflate" stands for in the wild included.
        self._unpacker = None if encoding == "identity" else zlib.decompressobj(47)

    def take(self, piece: bytes) -> bool:
        """Add a piece; False when the body is not worth reading on."""
        if self.fault is None:
            try:
                # One byte more than fits is enough to know, however much is packed in the piece.
                room = self._limit + 1 - len(self._data)
                self._data += piece if self._unpacker is None else self._unpacker.decompress(piece, room)
            except zlib.error:
                self.fault = "the answer cannot be unpacked"
            if len(self._data) > self._limit:
                self.fault = f"the answer is larger than {self._limit} bytes"
        return self.fault is None

    def whole(self) -> bytes:
        """The body.  Raises _Unusable."""
        packed = self._unpacker
        if self.fault is None and packed is not None and self._data and (not packed.eof or packed.unused_data):
            self.fault = "the answer cannot be unpacked to its end"
        if self.fault is not None:
            raise _Unusable(self.fault)
        return bytes(self._data)


def _reason(exc: Exception) -> str:
    """What went wrong, in words that hold nothing of the request."""
    if isinstance(exc, httpx2.TimeoutException):
        return f"no answer in time ({type(exc).__name__})"
    if isinstance(exc, httpx2.ConnectError | _Unusable):
        return system_words(exc)
    return f"the connection failed ({type(exc).__name__})"
