"""What a venue's fields may be: validators and converters that raise ConfigError with a text that says what to do.

What cannot work is refused when the account is made, not minutes later in a log.  No value is shown: it may be a
secret that stands in the wrong place.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import attrs

from exchstream.core.limits import Validator
from exchstream.errors import ConfigError

Field: TypeAlias = "attrs.Attribute[Any]"
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443, "ws": 80, "wss": 443}
UNHEARD: Final = "else a link is given up before its first ping can be answered"
FALSE_ALARM: Final = "else what REST tells late looks like a link that does not tell"


def wrong(instance: object, field: Field, must: str) -> ConfigError:
    """The error for a field that must be something else."""
    return ConfigError(f"{type(instance).__name__}: {field.alias} must {must}")


def flag(instance: object, field: Field, value: object) -> None:
    """A validator: True or False; the text "false" would count as true."""
    if not isinstance(value, bool):
        raise wrong(instance, field, "be True or False")


def label(instance: object, field: Field, value: object) -> None:
    """A validator: a text that a human can read."""
    if not (isinstance(value, str) and value.strip() and value.isprintable()):
        raise wrong(instance, field, "be a text, not empty and without line breaks")


def instance_of(cls: type) -> Validator:
    """A validator: an object of this class."""

    def check(instance: object, field: Field, value: object) -> None:
        if not isinstance(value, cls):
            raise wrong(instance, field, f"be of the class {cls.__name__}")

    return check


def longer_than(other: str, why: str) -> Validator:
    """A validator: more than the field `other`, which is defined (and so checked) before this one."""

    def check(instance: object, field: Field, value: Any) -> None:
        if value <= getattr(instance, other):
            raise wrong(instance, field, f"be greater than {other}: {why}")

    return check


def shorter_than(other: str, why: str) -> Validator:
    """A validator: less than the field `other`, which is defined (and so checked) before this one."""

    def check(instance: object, field: Field, value: Any) -> None:
        if value >= getattr(instance, other):
            raise wrong(instance, field, f"be less than {other}: {why}")

    return check


def at_least(other: str, why: str) -> Validator:
    """A validator: not less than the field `other`, which is defined (and so checked) before this one."""

    def check(instance: object, field: Field, value: Any) -> None:
        if value < getattr(instance, other):
            raise wrong(instance, field, f"be at least {other}: {why}")

    return check


def without_slash(value: Any) -> Any:
    """A converter: paths begin with the slash, so base URLs do not end in one."""
    return value.rstrip("/") if isinstance(value, str) else value


def url(*schemes: str, query: bool = False) -> Validator:
    """A validator: a URL of one of these schemes, with a host; `query`: something may stand behind a question mark."""
    begin = " or ".join(f"{scheme}://" for scheme in schemes)

    def check(instance: object, field: Field, value: object) -> None:
        if not (isinstance(value, str) and _sendable(value)):
            raise wrong(instance, field, f"be a URL that begins with {begin}, in ASCII and without blanks")
        try:
            parts = urlsplit(value)
            scheme, host, port = parts.scheme, parts.hostname, parts.port
        except ValueError:
            raise wrong(instance, field, f"be a URL that begins with {begin}") from None
        if scheme not in schemes or not host or port == 0:
            raise wrong(instance, field, f"begin with {begin} and name a host")
        if "@" in parts.netloc:
            raise wrong(instance, field, "hold no user name or password: it would be shown")
        if "#" in value or ("?" in value and not query):
            raise wrong(instance, field, "end with its path: no # and nothing behind a ?" if not query else "hold no #")

    return check


def path(*known: str) -> Validator:
    """A validator: path and query that begin with a slash; placeholders are those known, and the first must be there.

    Without `known` there are none.
    """
    shown = ", ".join(f"{{{name}}}" for name in known)

    def check(instance: object, field: Field, value: object) -> None:
        if not (isinstance(value, str) and value.startswith("/") and _sendable(value)):
            raise wrong(instance, field, "begin with / and hold no blanks and nothing beyond ASCII")
        if not known:
            return
        try:
            parts = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(value)]
        except ValueError:
            raise wrong(instance, field, f"have its braces in pairs: {shown}") from None
        names = {name for name, _, _ in parts if name is not None}
        if not names <= set(known) or any(spec or conversion for _, spec, conversion in parts):
            raise wrong(instance, field, f"have no other placeholders than {shown}")
        if known[0] not in names:
            raise wrong(instance, field, f"say where {{{known[0]}}} goes")

    return check


def origin(address: str) -> str:
    """Scheme, host and port of a URL that was checked, written in one way."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}"


def _sendable(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
