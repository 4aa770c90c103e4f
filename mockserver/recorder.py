"""Everything sent and received passes here: one bounded ring of entries, shown without secrets.

Entries are kept as they were and cleaned when they are shown (``journal``): cleaning costs more than keeping, and most
entries are never looked at. What is shown has no API key, secret, signature or listen key: fields with such names are
emptied, and so is any run of 40 or more characters of a key's alphabet, wherever it stands.

Not a log, not a metric, not the truth: ``truth`` says what happened at the venue, this says who said what to whom.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable
from itertools import islice
from typing import Literal, get_args

import attrs

from mockserver.faces.base import Binary, Close, Fragments, HttpRequest, HttpResponse, Out, Ping, RawText, Text

MAX_ENTRIES = 20_000
MAX_TEXT = 4_096
"""Characters kept of one entry; a listing of a thousand orders is cut."""

Kind = Literal[
    "rest-in",
    "rest-out",
    "ws-in",
    "ws-out",
    "ws-muted",
    "ws-overflow",
    "client",
    "control",
    "timer",
    "fault",
    "warning",
]
KINDS: tuple[str, ...] = get_args(Kind)

Row = dict[str, str | int | None]

_NAMES = "signature|sign|api_?key|listen_?key|secret|token|passphrase|x-mbx-apikey|ftx(?:us)?-(?:key|sign)"
_FIELD = re.compile(rf'(?i)((?<![a-z])"?(?:{_NAMES})"?\s*[=:]\s*"?)[^"&\s,}}]+')
_LOGIN = re.compile(r'(?i)("(?:key|sign)"\s*:\s*")[^"]+')
_RUN = re.compile(r"[A-Za-z0-9_%+-]{40,}={0,2}")
_CUT = re.compile(r"[A-Za-z0-9_%+/=-]*$")
HIDDEN = "***"


@attrs.frozen(slots=True)
class Entry:
    """One thing sent or received; ``text`` may hold secrets, so it is not in the repr; see ``Recorder.journal``."""

    seq: int
    time_ns: int
    kind: Kind
    text: str = attrs.field(repr=False)
    link: int | None = None
    of: int | None = None
    """For an answer: the ``seq`` of its request."""


def clean(text: str) -> str:
    """The text without secrets."""
    return _RUN.sub(HIDDEN, _LOGIN.sub(rf"\1{HIDDEN}", _FIELD.sub(rf"\1{HIDDEN}", text)))


class Recorder:
    """The ring of one world."""

    def __init__(self, now: Callable[[], int], *, limit: int = MAX_ENTRIES) -> None:
        self._now = now
        self._ring: deque[Entry] = deque(maxlen=limit)
        self._seq = 0
        self.followers: list[Callable[[], None]] = []  # bounded: each takes itself off
        """Called after each new entry, so that who follows can wake up; they must not record anything themselves."""
        self.counts: Counter[Kind] = Counter()  # bounded: by the kinds
        self.statuses: Counter[int] = Counter()  # bounded: by the statuses of HTTP
        self.unmatched = 0
        """Requests that no venue and no route took."""

    def record(self, kind: Kind, text: str, *, link: int | None = None, of: int | None = None) -> int:
        """Keep one entry; its number."""
        self._seq += 1
        self.counts[kind] += 1
        self._ring.append(Entry(self._seq, self._now(), kind, text[: MAX_TEXT + 1], link, of))
        for tell in self.followers:
            tell()
        return self._seq

    @property
    def newest(self) -> int:
        """The number of the newest entry."""
        return self._seq

    def entries(self, *, since: int = 0) -> list[Entry]:
        """The entries with a number above ``since``, oldest first, as they were: with secrets."""
        newest = islice(reversed(self._ring), max(0, self._seq - since))  # the numbers have no holes
        return list(newest)[::-1]

    def record_out(self, out: Out, *, link: int) -> None:
        """Keep a frame that goes out."""
        self.record("ws-out", _frame(out), link=link)

    def record_request(self, request: HttpRequest, *, link: int | None = None) -> int:
        """Keep a request: its line (of a handshake with the method WS), its headers that name a key, its body."""
        keys = "".join(f" [{name}]" for name, _ in request.headers if "key" in name.lower() or "sign" in name.lower())
        body = f" {request.body.decode('latin-1')}" if request.body else ""
        dials = (request.header("upgrade") or "").lower() == "websocket"
        method = "WS" if dials else request.method
        return self.record("rest-in", f"{method} {request.target}{keys}{body}", link=link)

    def record_response(self, response: HttpResponse, *, link: int | None = None, of: int | None = None) -> None:
        """Keep an answer."""
        self.statuses[response.status] += 1
        self.record("rest-out", f"{response.status} {response.body.decode('utf-8', 'replace')}", link=link, of=of)

    def record_refused(self, asked: HttpRequest | str, answer: HttpResponse) -> None:
        """Keep what no venue answered, as a request or in words, and the answer it got."""
        self.unmatched += 1
        seq = self.record("rest-in", asked) if isinstance(asked, str) else self.record_request(asked)
        self.record_response(answer, of=seq)

    def take_back(self, seq: int) -> None:
        """Forget the newest entry, if it is this one: the request was not for this world after all."""
        if self._ring and self._ring[-1].seq == seq:
            self.counts[self._ring.pop().kind] -= 1
            self._seq -= 1

    def journal(self, *, since: int = 0, kind: str | None = None, limit: int = 1_000) -> list[Row]:
        """The newest ``limit`` entries with a number above ``since``, oldest first, without secrets."""
        wanted = [e for e in self._ring if e.seq > since and (kind is None or e.kind == kind)][-limit:]
        return [
            {
                "seq": e.seq,
                "time_ns": e.time_ns,
                "kind": e.kind,
                "connection": e.link,
                "of": e.of,
                "text": _shown(e.text),
            }
            for e in wanted
        ]


def _frame(out: Out) -> str:
    match out:
        case Text(data):
            return data
        case Binary(data):
            return f"<binary {data.decode('latin-1')}>"
        case Fragments(parts):
            return "".join(parts)
        case RawText(data):
            return f"<no text {data.decode('latin-1')}>"
        case Ping(payload):
            return f"<ping {payload.decode('latin-1')}>"
        case Close(code, reason):
            return f"<close {code} {reason}>"


def _shown(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return clean(text)
    # A key cut in two would no longer look like one: the last run of key characters goes with the rest.
    return clean(_CUT.sub("", text[:MAX_TEXT])) + "…"
