"""A venue's fields from the environment: an argument wins over a variable, a variable over the default.

Every field of a venue's class has a variable, `EXCHSTREAM_<VENUE>_<NAME>_<FIELD>`; the two that everybody sets are
short: `..._KEY` is `api_key` and `..._SECRET` is `api_secret`.  Texts are taken as they are, flags as 1/0, true/false,
yes/no or on/off, lists with commas.  A field that is an object (`link_limits`) can only be passed, and its variable is
refused.  No value is ever shown in an error: it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import attrs

from exchstream.core.venue import Secret
from exchstream.errors import ConfigError
from exchstream.venues.numbers import exact

V = TypeVar("V")
_SHORT: Final = {"api_key": "KEY", "api_secret": "SECRET"}
_FLAGS: Final = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}


def variable(venue: str, name: str, field: str) -> str:
    """The environment variable of one field: variable("binance-spot", "main", "api_key") ends in _SPOT_MAIN_KEY."""
    return re.sub(r"[^A-Z0-9]", "_", f"EXCHSTREAM_{venue}_{name}_".upper()) + _SHORT.get(field, field.upper())


def load(
    cls: type[V],
    venue: str,
    name: str,
    arguments: Mapping[str, object],
    *,
    one_of: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> V:
    """Build `cls(name=name, ...)` from `arguments`, else the environment, else the class's defaults.

    `one_of` names fields of which at least one must be given.  Raises ConfigError that names the variable.
    """
    environ = os.environ if environ is None else environ
    hints = get_type_hints(cls)
    known = {field.alias or field.name: field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]
    if unknown := sorted(set(arguments) - set(known)):
        raise ConfigError(f"{cls.__name__} has no field {unknown[0]!r}; it has {', '.join(sorted(known))}")
    values: dict[str, Any] = {**arguments, "name": name}
    for field in known:
        place = variable(venue, name, field)
        if field not in values and environ.get(place, "") != "":
            kind = _kind(hints[known[field].name])
            if attrs.has(kind):
                raise ConfigError(f"{place} cannot be set: a {kind.__name__} is passed as an argument, {field}=")
            values[field] = _converted(environ[place], kind, place)
    for field, definition in known.items():
        if field not in values and definition.default is attrs.NOTHING:
            raise ConfigError(f"{cls.__name__} {name!r} needs {field}: set {variable(venue, name, field)} or pass it")
    if one_of and all(values.get(field) is None for field in one_of):
        places = " or ".join(variable(venue, name, field) for field in one_of)
        raise ConfigError(f"{cls.__name__} {name!r} needs {' or '.join(one_of)}: set {places} or pass it")
    return cls(**values)


def texts(value: Any) -> tuple[str, ...]:
    """A converter for lists of names.  Raises ConfigError for one text, whose letters nobody means."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError("a list of texts is needed, not one text or anything else")
    names = tuple(value)
    if not all(isinstance(name, str) and name and name.isprintable() for name in names):
        raise ConfigError("a list of texts holds something that is no text, or an empty one")
    return names


def secret(value: str | Secret | None) -> Secret | None:
    """A converter for attrs: the text, hidden from every repr; blanks round a pasted key are not part of it.

    Raises ConfigError for an empty one, and for what is no text.
    """
    return None if value is None else needed_secret(value)


def needed_secret(value: str | Secret) -> Secret:
    """`secret` for a field that must be given."""
    hidden = Secret(value.strip()) if isinstance(value, str) else value
    if not isinstance(hidden, Secret):
        raise ConfigError("a key or secret must be a text")
    if not hidden.reveal():
        raise ConfigError("a key or secret is empty")
    try:
        hidden.reveal().encode()
    except UnicodeEncodeError:  # how the system passes on bytes of a variable that are no text
        raise ConfigError("a key or secret holds something that is no text: copy it again") from None
    return hidden


def key_text(value: str | Secret) -> Secret:
    """`needed_secret` for a key, which goes into a header.  Raises ConfigError for one that would end it."""
    hidden = needed_secret(value)
    if not hidden.reveal().isprintable():
        raise ConfigError("api_key holds a line break or another control character: copy it again")
    return hidden


def _kind(hint: Any) -> Any:
    """The type that the field wants, `None` aside."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if type(None) in get_args(hint) else [hint]
    return kinds[0]


def _converted(text: str, kind: Any, place: str) -> Any:
    """The text of a variable as this type; a type that we cannot read is a text."""
    try:
        if kind is bool:
            return _FLAGS[text.strip().lower()]
        if kind is int:
            return int(text)
        if kind is Decimal:
            return exact(text.strip())
        if get_origin(kind) in (tuple, frozenset):
            return get_origin(kind)(part.strip() for part in text.split(",") if part.strip())
    except (ValueError, KeyError):
        raise ConfigError(f"{place} cannot be read as {getattr(kind, '__name__', kind)}") from None
    return text
