"""What a fault does: one small value for each kind, with its parameters and what they come to.

A kind is about a request, a dial (the handshake of a WebSocket), the wire by which either comes, a frame or a TLS
handshake, and it is legal if it can happen at the real venue.  Illegal ones test robustness only: a client that
stumbles there would not stumble in earnest.
Nothing here decides when a fault happens, and nothing moves a byte: a request's fault says what is answered, a frame's
what becomes of the frame, and what befalls a connection is carried out by the link.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal, get_args

import attrs
from attrs.validators import ge, in_, le, optional

from mockserver.faces.base import Fragments, HttpResponse, RawText
from mockserver.faults.chance import Draw
from mockserver.faults.refusals import Site, refusal

Seam = Literal["request", "dial", "wire", "frame", "tls"]
Heard = Literal["answer", "never", "hang_up"]
"""What the client hears: an answer, nothing while the connection stays, or the end of the connection."""
Frame = str | bytes | Fragments | RawText
Way = Literal["request", "answer"]
Side = Literal["server", "client"]
"""Who sends a frame."""
Silence = Literal["events", "own", "all"]
"""What a connection does not tell: events of any kind, those of accounts (market data goes on), or answers too."""
End = Literal["drop", "reset"]
Damage = Literal["any", "cut", "number", "word", "bytes"]

MS: Final = 1_000_000
UNHEARD: Final = HttpResponse(204)
"""Stands for an answer that nobody makes, since nobody hears it."""
MOST_COPIES: Final = 1_000
_STATUS: Final = (ge(200), le(599))
_SIGMA: Final = (ge(0.0), le(3.0))


class Kind:
    """What all kinds have."""

    seam: ClassVar[Seam]
    on_socket: ClassVar[bool] = True
    """Whether it can befall a request of the WebSocket API; what is of HTTP alone cannot."""

    @property
    def legal(self) -> bool:
        """Whether it can happen at the real venue."""
        return True

    @property
    def side(self) -> Side:
        """Whose frames it is about."""
        return "server"

    def is_about(self, event: str | None) -> bool:
        """Whether it can befall a frame of this event, whatever is matched."""
        return True


# ------------------------------------------------------------------------------------------------ requests and dials


class Answering(Kind):
    """Decides what is answered: whether the request reaches the venue, and what the client hears of it."""

    seam: ClassVar[Seam] = "request"
    heard: ClassVar[Heard] = "answer"

    @property
    def handled(self) -> bool:
        """Whether the venue does what it was asked."""
        return True

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """What is answered where the venue would have answered this (None: it was not asked)."""
        return UNHEARD if given is None else given


@attrs.frozen(kw_only=True)
class Latency(Kind):
    """The request or its answer (which events may then overtake) is on its way for so long."""

    seam = "request"
    delay_ns: int = attrs.field(default=100 * MS, validator=ge(0))
    jitter_ns: int = attrs.field(default=0, validator=ge(0))
    """Up to so much more, evenly."""
    sigma: float = attrs.field(default=0.0, validator=_SIGMA)
    """Log-normal: `delay` is the median, and this the spread of its logarithm; of 1, a sixth is late 2.7 times that."""
    of: Way = attrs.field(default="answer", validator=in_(get_args(Way)))


@attrs.frozen(kw_only=True)
class HttpError(Answering):
    """An error in the venue's form; `accepted`: after it did what it was asked."""

    status: int = attrs.field(default=500, validator=_STATUS)
    code: int | None = None
    text: str | None = None
    body: str | None = None
    """These very bytes, in place of code and text."""
    retry_after_s: int | None = attrs.field(default=None, validator=optional(ge(0)))
    accepted: bool = False

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return self.accepted

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        return refusal(self.status, site, self.code, self.text, body=self.body, retry_after_s=self.retry_after_s)


@attrs.frozen(kw_only=True)
class ExecStatusUnknown(Answering):
    """503: nobody knows whether it was done; `accepted` decides whether it was, or, if `late`, will be."""

    accepted: bool = True
    late_ns: int | None = attrs.field(default=None, validator=optional(ge(0)))
    code: Literal[-1006, -1007] = attrs.field(default=-1007, validator=in_((-1006, -1007)))
    """Of Binance: an unexpected answer from within, or none in time. FTX has the one text."""

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return self.accepted and self.late_ns is None

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        return refusal(503, site, self.code, None)


@attrs.frozen(kw_only=True)
class HtmlBody(Answering):
    """A page of some proxy before the venue, which is not asked."""

    on_socket = False
    status: int = attrs.field(default=502, validator=_STATUS)

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return False

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        page = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"
        return HttpResponse(self.status, page.format(f"{self.status} Error").encode(), content_type="text/html")


@attrs.frozen(kw_only=True)
class TruncatedJson(Answering):
    """The answer ends before it is over, in good HTTP."""

    keep_percent: int = attrs.field(default=50, validator=(ge(0), le(99)))

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        assert given is not None  # it is handled
        return attrs.evolve(given, body=given.body[: len(given.body) * self.keep_percent // 100])


@attrs.frozen(kw_only=True)
class EmptyBody(Answering):
    """The status and the headers of the answer, and nothing else."""

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        assert given is not None  # it is handled
        return attrs.evolve(given, body=b"")


@attrs.frozen(kw_only=True)
class NoAnswer(Answering):
    """Nothing comes back while the connection stays; `accepted`: the venue did what it was asked."""

    heard: ClassVar[Heard] = "never"
    accepted: bool = True

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return self.accepted


@attrs.frozen(kw_only=True)
class HangUp(NoAnswer):
    """The connection ends without an answer; `accepted`: the venue did what it was asked."""

    heard: ClassVar[Heard] = "hang_up"
    how: End = attrs.field(default="drop", validator=in_(get_args(End)))
    """Whether it just ends, or is reset."""
    delay_ns: int = attrs.field(default=0, validator=ge(0))
    """So long after the answer was due."""


@attrs.frozen(kw_only=True)
class DialRefused(Answering):
    """The handshake is refused, with `Retry-After` if it is given."""

    seam = "dial"
    status: int = attrs.field(default=429, validator=_STATUS)
    retry_after_s: int | None = attrs.field(default=None, validator=optional(ge(0)))

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return False

    def answer(self, given: HttpResponse | None, site: Site) -> HttpResponse:
        """See `Answering`."""
        return refusal(self.status, site, None, None, retry_after_s=self.retry_after_s)


@attrs.frozen(kw_only=True)
class DialHang(Answering):
    """The handshake is never answered."""

    seam = "dial"
    heard: ClassVar[Heard] = "never"

    @property
    def handled(self) -> bool:
        """See `Answering`."""
        return False


@attrs.frozen(kw_only=True)
class DialHangUp(DialHang):
    """The connection ends before the handshake is answered."""

    heard: ClassVar[Heard] = "hang_up"


@attrs.frozen(kw_only=True)
class Silent(Kind):
    """The handshake succeeds, the socket pings, and tells no events (`own`: but the market's; `all`: nor answers)."""

    seam = "dial"
    mode: Silence = attrs.field(default="events", validator=in_(get_args(Silence)))


# ------------------------------------------------------------------------------------------------ frames


@attrs.frozen(kw_only=True)
class EitherWay(Kind):
    """About frames to the client, or (`of: client`) about those that the client sends."""

    seam = "frame"
    of: Side = attrs.field(default="server", validator=in_(get_args(Side)))

    @property
    def side(self) -> Side:
        """See `Kind`."""
        return self.of


@attrs.frozen(kw_only=True)
class FrameDelay(EitherWay):
    """The frame, and with it all that comes after it that way on that connection, is late by so much."""

    delay_ns: int = attrs.field(default=100 * MS, validator=ge(0))
    jitter_ns: int = attrs.field(default=0, validator=ge(0))
    sigma: float = attrs.field(default=0.0, validator=_SIGMA)
    """As of `Latency`."""


@attrs.frozen(kw_only=True)
class DropEvent(EitherWay):
    """The frame is lost; that is legal only if the connection ends with it (`then`)."""

    then: End | None = attrs.field(default=None, validator=optional(in_(get_args(End))))

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return self.then is not None


@attrs.frozen(kw_only=True)
class Dup(EitherWay):
    """The frame comes twice on one connection, or so many times more, and perhaps later."""

    n: int = attrs.field(default=1, validator=(ge(1), le(MOST_COPIES)))
    """How many more."""
    within_ns: int = attrs.field(default=0, validator=ge(0))
    """Each of them comes by chance up to so much later, behind others then."""

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False


@attrs.frozen(kw_only=True)
class Corrupt(EitherWay):
    """The frame cannot be read: cut, a number that is none, a word that nobody knows, bytes that are no text."""

    how: Damage = attrs.field(default="any", validator=in_(get_args(Damage)))

    @property
    def legal(self) -> bool:
        """See `Kind`."""
        return False

    def damaged(self, text: str, draw: Draw) -> Frame:
        """The frame as it must not be; cut where there is no number or word to spoil."""
        how = self.how if self.how != "any" else get_args(Damage)[1 + draw.below(4, "damage")]
        match how:
            case "number":
                spoilt = _NUMBER.sub(r'\1"NaN"', text, count=1)
            case "word":
                spoilt = _WORD.sub(r'\1"NOVELTY"', text, count=1)
            case "bytes":
                return text.encode()[:-1] + b"\xff"
            case _:
                spoilt = text
        return spoilt if spoilt != text else text[: len(text) // 2]


# ------------------------------------------------------------------------------------------------ connections


@attrs.frozen(kw_only=True)
class LinkKind(EitherWay):
    """Befalls the connection on which the frame would go out, or has come in."""


@attrs.frozen(kw_only=True)
class Disconnect(LinkKind):
    """The connection ends: with a close frame behind this frame, or (`code` None) without, and this frame is lost."""

    code: int | None = attrs.field(default=None, validator=optional((ge(1000), le(4999))))
    reason: str = ""


@attrs.frozen(kw_only=True)
class EventStreamTerminated(LinkKind):
    """Behind this frame the subscriptions of spot's WebSocket API end, by `eventStreamTerminated`; the socket stays."""


@attrs.frozen(kw_only=True)
class Reset(LinkKind):
    """The TCP connection is reset: before this frame, after so many bytes of what is sent next, or so long after it."""

    after_bytes: int | None = attrs.field(default=None, validator=optional(ge(1)))
    delay_ns: int = attrs.field(default=0, validator=ge(0))
    """The connection goes on for so long; it goes without `after_bytes`."""

    @delay_ns.validator
    def _check(self, _: object, delay_ns: int) -> None:
        if delay_ns and self.after_bytes is not None:
            raise ValueError("after_bytes goes without delay")


@attrs.frozen(kw_only=True)
class Mute(LinkKind):
    """From this frame on the connection tells nothing (`own`: but the market's events), though it stays and pings."""

    mode: Silence = attrs.field(default="events", validator=in_(get_args(Silence)))


@attrs.frozen(kw_only=True)
class HalfOpen(LinkKind):
    """From this frame on nothing is read or written, though TCP stays."""


@attrs.frozen(kw_only=True)
class Stall(LinkKind):
    """For so long nothing is read or written; then everything at once."""

    for_ns: int = attrs.field(default=1_000 * MS, validator=ge(0))


_NUMBER: Final = re.compile(r'("(?:l|z|size|filledSize|price|quantity|L)": ?)"?-?[0-9][0-9.]*"?')
_WORD: Final = re.compile(r'("(?:X|x|status|side|S)": ?)"[A-Za-z_]+"')
