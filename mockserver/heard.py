"""The journal as words: what each entry was about, by name and parameters, so that it can be asked for.

    GET /api/v3/order?symbol=BTCUSDT            request  GET /api/v3/order      {symbol: BTCUSDT}
    {"id":1,"method":"order.place","params":…}  ws       order.place            {symbol: …}
    {"op":"subscribe","channel":"fills"}        ws       subscribe fills        {}
    a handshake                                 dial     /ws-api/v3             {}
    {"e":"executionReport","X":"NEW",…}         event    executionReport        {X: NEW, …}
    a connection begins to carry events         client   subscribed             {account: demo}

``Pattern`` is such a thing asked for; ``read_pattern`` reads one as people write it. Pure; nothing here decides whether
what was heard is right (``verify``), and texts keep their secrets until ``Heard.shown``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from mockserver.faults import read_frame
from mockserver.forms import FormError, expect_mapping, nearest, shown
from mockserver.recorder import Entry, clean

Word = Literal["request", "ws", "dial", "event", "client", "answer", "note"]
ASKED: Final = ("request", "ws", "dial", "event", "client")
"""What a pattern may be about."""
CLIENT_WORDS: Final = ("subscribed", "unsubscribed", "gone")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH")
MAX_SHOWN: Final = 160
_REST_IN: Final = re.compile(r"(\S+) (\S+)((?: \[[^\]]*\])*) ?(.*)", re.DOTALL)
_CONTROL: Final = re.compile(r"<(\w+) ?(.*)>", re.DOTALL)
_SHORT: Final[Mapping[str, tuple[Word, str]]] = {
    "disconnect": ("client", "gone"),
    "reconnect": ("dial", ".*"),
    "connect": ("dial", ".*"),
    "subscribe": ("client", "subscribed"),
}
SHORT_FORM: Final = rf"^({'|'.join(_SHORT)}|(rest|req|{'|'.join(ASKED)}):.+)$"
"""The short forms, as a regular expression."""


@attrs.frozen(slots=True)
class Heard:
    """One entry of the journal, read."""

    entry: Entry
    word: Word
    name: str
    params: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def seq(self) -> int:
        """Its number in the journal."""
        return self.entry.seq

    @property
    def time_ns(self) -> int:
        """When it was."""
        return self.entry.time_ns

    @property
    def shown(self) -> str:
        """It on one line, without secrets."""
        text = clean(self.entry.text)
        text = text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
        link = "" if self.entry.link is None else f" #{self.entry.link}"
        return f"{self.seq:>5} {self.entry.kind:<11}{link} {text}"


def read_entry(entry: Entry) -> Heard:
    """What the entry was about."""
    match entry.kind:
        case "rest-in":
            return _request(entry)
        case "ws-in":
            return _sent(entry)
        case "ws-out":
            return _told(entry)
        case "client":
            name, _, rest = entry.text.partition(" ")
            venue, _, account = rest.partition(" ")
            return Heard(entry, "client", name, {"venue": venue, "account": account})
        case "rest-out":
            return Heard(entry, "answer", entry.text.partition(" ")[0])
        case _:
            return Heard(entry, "note", entry.text)


def _request(entry: Entry) -> Heard:
    found = _REST_IN.match(entry.text)
    if found is None:  # no HTTP
        return Heard(entry, "note", entry.text)
    method, target, _, body = found.groups()
    parts = urlsplit(target)
    path, params = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
    if method == "WS" or entry.link is not None:
        return Heard(entry, "dial", path, params)
    return Heard(entry, "request", f"{method} {path}", params | _body(body))


def _body(body: str) -> dict[str, str]:
    if body[:1] not in ("{", "["):
        return dict(parse_qsl(body, keep_blank_values=True))
    return _flat(_json(body))


def _sent(entry: Entry) -> Heard:
    if (control := _CONTROL.fullmatch(entry.text)) is not None:
        return Heard(entry, "ws", f"<{control[1]}>", {"payload": control[2]})
    message = _json(entry.text)
    if not isinstance(message, dict):
        return Heard(entry, "note", entry.text)
    if "op" in message:
        name = f"{message['op']} {message['channel']}" if "channel" in message else f"{message['op']}"
        return Heard(entry, "ws", name, _flat({k: v for k, v in message.items() if k not in ("op", "channel")}))
    params = message.get("params")
    told = _flat(params) if isinstance(params, dict) else {"params": _text(params)}
    return Heard(entry, "ws", str(message.get("method")), told)


def _told(entry: Entry) -> Heard:
    if (control := _CONTROL.fullmatch(entry.text)) is not None:
        return Heard(entry, "event", f"<{control[1]}>", {"payload": control[2]})
    name, _ = read_frame(entry.text)
    message = _json(entry.text)
    for envelope in ("event", "data"):
        if isinstance(message, dict) and isinstance(message.get(envelope), dict):
            message = message[envelope]
    if isinstance(message, dict) and isinstance(message.get("o"), dict):  # what futures tell of an order
        message = {**message["o"], **{k: v for k, v in message.items() if k != "o"}}
    return Heard(entry, "event", name, _flat(message))


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _flat(value: Any) -> dict[str, str]:
    return {str(key): _text(item) for key, item in value.items()} if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A value as it would stand in a query."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | int | Decimal):
        return "null" if value is None else f"{value}"
    return json.dumps(value, default=str)


# ------------------------------------------------------------------------------------------------ what is asked for


@attrs.frozen(slots=True)
class Pattern:
    """What is asked for: a word, a name, and parameters (None: it must not be there; ``*`` stands for anything)."""

    word: Word
    name: str
    params: Mapping[str, str | None] = attrs.field(factory=dict)

    def __str__(self) -> str:
        more = ", ".join(f"{name} {'absent' if value is None else value}" for name, value in self.params.items())
        return f"{self.word} {self.name}" + (f" with {more}" if more else "")

    def agrees(self, heard: Heard) -> bool:
        """Whether this is one."""
        return self.names(heard) and not self.differences(heard)

    def names(self, heard: Heard) -> bool:
        """Whether the name is right, whatever the parameters."""
        return heard.word == self.word and re.fullmatch(self.name, heard.name) is not None

    def differences(self, heard: Heard) -> list[tuple[str, str, str]]:
        """(parameter, wanted, got) of each that is not as wanted."""
        return [
            (name, "absent" if wanted is None else wanted, heard.params.get(name, "absent"))
            for name, wanted in self.params.items()
            if not _same(wanted, heard.params.get(name))
        ]


def _same(wanted: str | None, got: str | None) -> bool:
    if wanted is None or got is None:
        return wanted is got
    if fnmatchcase(got, wanted):
        return True
    try:
        return Decimal(wanted) == Decimal(got)
    except InvalidOperation:
        return False


def read_pattern(given: object, beside: Collection[str] = ()) -> Pattern:
    """What is asked for: a mapping of one word, perhaps with ``params`` (and keys of others beside), or a short form.

    Short forms are ``ws:order.place``, ``rest:GET /api/v3/time``, ``disconnect``, ``reconnect``. FormError says what
    cannot be meant.
    """
    if isinstance(given, str):
        return _short(given)
    mapping = expect_mapping(given, "what is asked for")
    known = (*ASKED, "req", "params", *beside)
    if unknown := [key for key in mapping if key not in known]:
        raise FormError(f"nothing can be asked for by {shown(unknown[0])}; {nearest(unknown[0], known)}", mapping)
    words = [key for key in mapping if key in (*ASKED, "req")]
    if len(words) != 1:
        raise FormError(f"ask for one of {', '.join(ASKED)}, not {' and '.join(words) or 'none'}", mapping)
    word = _word({"req": "request"}.get(words[0], words[0]))
    params = expect_mapping(mapping.get("params", {}), "params", mapping, "params")
    values = {str(name): _wanted(name, value, mapping) for name, value in params.items()}
    return Pattern(word, _named(word, mapping[words[0]], mapping, words[0]), values)


def _short(given: str) -> Pattern:
    if given in _SHORT:
        return Pattern(*_SHORT[given])
    kind, colon, name = given.partition(":")
    word = {"rest": "request", "req": "request"}.get(kind, kind)
    if not (colon and word in ASKED):
        forms = ", ".join((*_SHORT, "rest:GET /path", "ws:method", "dial:/path", "event:name", "client:subscribed"))
        raise FormError(f"{shown(given)} asks for nothing; write one of {forms}, or a mapping")
    asked = _word(word)
    return Pattern(asked, _named(asked, name, given, None))


def _word(given: str) -> Word:
    word: Word = next(each for each in get_args(Word) if each == given)
    return word


def _named(word: Word, name: object, at: object, key: str | None) -> str:
    """The name as a regular expression that must match in full."""
    if not isinstance(name, str) or not name:
        raise FormError(f"{word} is a text, not {shown(name)}", at, key)
    if word == "client":
        if name not in CLIENT_WORDS:
            raise FormError(f"a client is never {name!r}; {nearest(name, CLIENT_WORDS)}", at, key)
        return name
    if word == "request":
        method, _, path = name.partition(" ")
        if not path.startswith(("/", ".*", "(")) or not (method in METHODS or re.search(r"[.*|(]", method)):
            text = f"a request is a method and a path, such as 'POST /api/v3/order', not {shown(name)}"
            raise FormError(text, at, key)
    try:
        re.compile(name)
    except re.error as error:
        raise FormError(f"{shown(name)} is no regular expression: {error}", at, key) from None
    return name


def _wanted(name: object, value: object, at: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | int | float | Decimal):
        raise FormError(f"{name} of params is a text or a number, not {shown(value)}", at, "params")
    return _text(Decimal(repr(value)) if isinstance(value, float) else value)
