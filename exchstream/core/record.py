"""The record of a stream's happenings as JSON lines, without secrets, and back: what a session heard replays it.

Form 1.  A file is a sequence of runs.  A run begins with a `begin` line and one `account` line for each account, and
goes on with one `happened` line for each happening, in the order in which the sessions were told.  A file that goes on
where a full one ended begins with a `begin` line whose `part` is greater than 1.

    {"line":"begin","form":1,"exchstream":"0.1.0","run":1795000000000000000,"part":1,"position":0}
    {"line":"account","account":0,"venue":"Ftx","fields":{"name":"main","api_key":"***1***",...},...}
    {"line":"happened","account":0,"mono_ns":1,"wall_ns":1795000000000000000,"what":"connected","it":{"link":1}}

Secrets are cut out before a line is made.  Each has a token of its own (`***1***`), so that what was equal is equal:
sessions compare keys.  What is only named as a signature or a listen key becomes `***`, as everywhere (`scrub`).
"""

from __future__ import annotations

import base64
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from exchstream.core.happenings import (
    Answered,
    Clocked,
    Connected,
    Happening,
    Lost,
    Now,
    Overflowed,
    Received,
    Started,
    Unanswered,
    Unclocked,
    Woken,
)
from exchstream.core.scrub import needles, scrub, scrub_cut
from exchstream.core.state import Restored
from exchstream.core.venue import Reply, Secret, Venue

FORM: Final = 1
MAX_CREDENTIALS: Final = 1_000  # listen keys whose tokens are kept: an older one has been dead for weeks
_UNWANTED: Final = frozenset({"set-cookie"})  # headers that are keys of another kind, and no venue reads them


class BadRecord(ValueError):
    """A line that this version cannot read; the text says why, and shows nothing of it."""


# ---------------------------------------------------------------------------------------------------- secrets


@attrs.define
class Tokens:
    """Secrets and what stands for each; `own` ones are never forgotten, credentials from the oldest on."""

    _own: dict[bytes, bytes] = attrs.field(factory=dict, repr=False)
    _credentials: dict[bytes, bytes] = attrs.field(factory=dict, repr=False)
    _longest_first: tuple[tuple[bytes, bytes], ...] = attrs.field(default=(), repr=False)
    _given: int = 0

    def learn(self, secret: Secret, *, own: bool = False) -> None:
        """From now on this is cut."""
        for text in needles((secret,)):
            if text in self._own or text in self._credentials:
                return
            (self._own if own else self._credentials)[text] = self._new()
            if len(self._credentials) > MAX_CREDENTIALS:
                del self._credentials[next(iter(self._credentials))]
            known = (self._own | self._credentials).items()
            self._longest_first = tuple(sorted(known, key=lambda item: -len(item[0])))

    def token(self, secret: Secret) -> str:
        """What stands for the secret; one that is too short to be looked for gets another each time."""
        self.learn(secret, own=True)
        text = secret.reveal().encode()
        return (self._own.get(text) or self._credentials.get(text) or self._new()).decode()

    def cut(self, text: bytes) -> bytes:
        """What a venue sent, with tokens in place of secrets."""
        return scrub(self._replaced(text), ())

    def cut_text(self, text: str) -> str:
        """The same of a text."""
        return self.cut(text.encode(errors="replace")).decode(errors="replace")

    def cut_words(self, text: str) -> str:
        """The same of words that may have been cut off in the middle of a secret: what is left of one goes too."""
        replaced = self._replaced(text.encode(errors="replace"))
        return scrub_cut(replaced, (secret for secret, _ in self._longest_first)).decode(errors="replace")

    def _replaced(self, text: bytes) -> bytes:
        for secret, token in self._longest_first:
            if secret in text:
                text = text.replace(secret, token)
        return text

    def _new(self) -> bytes:
        self._given += 1
        return b"***%d***" % self._given  # closed, so that no digit behind it can belong to it


# ---------------------------------------------------------------------------------------------------- lines


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="begin"):
    """A run, or (`part` > 1) its next file.  `run` is its name: when it began, UTC; `position` is the newest then."""

    form: int
    exchstream: str
    run: int
    part: int
    position: int


class Account(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="account"):
    """An account by its number: the class of its venue, what that was made with, and what the session began with."""

    account: int
    venue: str
    fields: dict[str, Any]
    since_ns: int | None = None
    restored: Restored | None = None


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="happened"):
    """A happening and its instant, as the session of this account was told."""

    account: int
    mono_ns: int
    wall_ns: int
    what: str
    it: msgspec.Raw


Line: TypeAlias = Begin | Account | Happened


class _Bytes(msgspec.Struct, frozen=True, omit_defaults=True):
    """Bytes: as a text where they are UTF-8."""

    utf8: str | None = None
    base64: str | None = None


class _Received(msgspec.Struct, frozen=True):
    link: int
    frames: tuple[str | _Bytes, ...]
    heard_ns: int
    answered_ns: int


class _Answered(msgspec.Struct, frozen=True):
    ask: int
    status: int
    headers: dict[str, str]
    body: _Bytes
    asked_ns: int
    got_ns: int = 0


# The names stand in files.
_NAMES: Final[dict[type, str]] = {
    Started: "started",
    Connected: "connected",
    Received: "received",
    Lost: "lost",
    Answered: "answered",
    Unanswered: "unanswered",
    Overflowed: "overflowed",
    Woken: "woken",
    Clocked: "clocked",
    Unclocked: "unclocked",
}
_FORMS: Final[dict[type, type]] = {Received: _Received, Answered: _Answered}
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(_FORMS.get(kind, kind)) for kind, name in _NAMES.items()
}
_LINE: Final = msgspec.json.Decoder(Line)
encode: Final = msgspec.json.Encoder().encode


def account_line(number: int, venue: Venue, since_ns: int | None, restored: Restored | None, tokens: Tokens) -> Account:
    """What another process needs to make this session again, without its keys."""
    for secret in venue.secrets:
        tokens.learn(secret, own=True)
    return Account(
        account=number,
        venue=type(venue).__name__,
        fields=_fields(venue, tokens),
        since_ns=since_ns,
        restored=restored,
    )


def _fields(venue: Venue, tokens: Tokens) -> dict[str, Any]:
    """What the venue was made with; empty for a class of the user's own that attrs did not make."""
    cls: type[Any] = type(venue)
    definitions = attrs.fields(cls) if attrs.has(cls) else ()
    values = {str(field.alias): getattr(venue, field.name) for field in definitions if field.init}

    def plain(value: object) -> str:
        return tokens.token(value) if isinstance(value, Secret) else repr(value)

    fields: dict[str, Any] = _cut_all(msgspec.to_builtins(values, enc_hook=plain), tokens)
    return fields


def _cut_all(value: Any, tokens: Tokens) -> Any:
    """Whoever keeps a secret in a field that is a plain text has named it in `secrets`."""
    match value:
        case str():
            return tokens.cut_text(value)
        case dict():
            return {name: _cut_all(part, tokens) for name, part in value.items()}
        case list() | tuple():
            return [_cut_all(part, tokens) for part in value]
    return value


def happened_line(account: int, happening: Happening, now: Now, tokens: Tokens) -> Happened:
    """The happening without what is secret in it; `tokens` must know the credential that it brings."""
    it: object
    match happening:
        case Received(link=link, frames=frames, heard_ns=heard_ns, answered_ns=answered_ns):
            it = _Received(link, tuple(_frame(frame, tokens) for frame in frames), heard_ns, answered_ns)
        case Answered(ask=ask, reply=reply):
            headers = {name: tokens.cut_text(text) for name, text in reply.headers.items() if name not in _UNWANTED}
            it = _Answered(ask, reply.status, headers, _bytes(tokens.cut(reply.body)), reply.asked_ns, reply.got_ns)
        case Lost(why=why) | Unanswered(why=why) | Unclocked(why=why):
            it = attrs.evolve(happening, why=tokens.cut_words(why))
        case _:
            it = happening
    return Happened(
        account=account,
        mono_ns=now.mono_ns,
        wall_ns=now.wall_ns,
        what=_NAMES[type(happening)],
        it=msgspec.Raw(encode(it)),
    )


def _frame(frame: bytes, tokens: Tokens) -> str | _Bytes:
    written = _bytes(tokens.cut(frame))
    return written if written.utf8 is None else written.utf8  # nearly every one is a text


def _bytes(raw: bytes) -> _Bytes:
    try:
        return _Bytes(utf8=raw.decode())
    except UnicodeDecodeError:
        return _Bytes(base64=base64.b64encode(raw).decode())


# ---------------------------------------------------------------------------------------------------- and back


class _Probe(msgspec.Struct, frozen=True):
    line: str = ""
    form: int = FORM


_PROBE: Final = msgspec.json.Decoder(_Probe)


def read_line(raw: bytes) -> Line:
    """One line of a record.  Raises BadRecord for what is none, or of a newer form."""
    try:
        probe = _PROBE.decode(raw)
        if probe.line == "begin" and probe.form > FORM:
            newer = f"it is of form {probe.form}, and this version of exchstream reads up to {FORM}: use a newer one"
            raise BadRecord(newer)
        line: Line = _LINE.decode(raw)
        return line
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadRecord(f"no line of a record of exchstream: {error if raw.strip() else 'it is empty'}") from None


def happening_of(line: Happened) -> tuple[Happening, Now]:
    """What the session was told, and when.  Raises BadRecord."""
    try:
        it = _DECODERS[line.what].decode(line.it)
        happening = _whole(it)
    except KeyError:
        raise BadRecord(f"a happening {line.what[:40]!r}, which this version of exchstream does not know") from None
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise BadRecord(f"a happening that cannot be read: {error}") from None
    return happening, Now(line.mono_ns, line.wall_ns)


def _whole(it: Any) -> Happening:
    match it:
        case _Received(link=link, frames=frames, heard_ns=heard_ns, answered_ns=answered_ns):
            heard = tuple(frame.encode() if isinstance(frame, str) else _raw(frame) for frame in frames)
            return Received(link, heard, heard_ns, answered_ns)
        case _Answered(ask=ask, status=status, headers=headers, body=body):
            return Answered(ask, Reply(status, headers, _raw(body), it.asked_ns, it.got_ns))
    happening: Happening = it
    return happening


def _raw(written: _Bytes) -> bytes:
    if written.utf8 is not None:
        return written.utf8.encode()
    return base64.b64decode(written.base64 or "", validate=True)
