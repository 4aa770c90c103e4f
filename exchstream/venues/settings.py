"""A venue's fields from the environment: an argument wins over a variable, a variable over the default.

Every field of a venue's class has a variable, `EXCHSTREAM_<VENUE>_<NAME>_<FIELD>`; the two that everybody sets are
short: `..._KEY` is `api_key` and `..._SECRET` is `api_secret`.  Texts are taken as they are, flags as 1/0, true/false,
yes/no or on/off, lists with commas.  A group of limits has one variable for each of its own fields, as in
`..._LINK_LIMITS_OPEN_NS`; the others keep their defaults, and a group that is passed wins as a whole.

In <NAME> every character but letters and digits counts as `_`: accounts named "my-bot" and "my_bot" share their
variables.  No value is ever shown in an error: it may be a secret.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import attrs

from exchstream.core.venue import Secret
from exchstream.errors import ConfigError
from exchstream.venues.numbers import exact

V = TypeVar("V")
_SHORT: Final = {"api_key": "KEY", "api_secret": "SECRET"}
_WORDS: Final = {bool: "true or false", int: "a whole number", Decimal: "an exact amount"}
_FLAGS: Final = {**dict.fromkeys(("1", "true", "yes", "on"), True), **dict.fromkeys(("0", "false", "no", "off"), False)}


def variable(venue: str, name: str, field: str) -> str:
    """The environment variable of one field: variable("binance-spot", "main", "api_key") ends in _SPOT_MAIN_KEY."""
    return re.sub(r"[^A-Z0-9]", "_", f"EXCHSTREAM_{venue}_{name}_".upper()) + _SHORT.get(field, field.upper())


@attrs.frozen
class Leaf:
    """What one variable sets: `field` as the class takes it, or one `part` of that field's group."""

    variable: str
    field: str
    part: str | None
    kind: Any
    default: Any


def leaves(cls: type, venue: str, name: str) -> Iterator[Leaf]:
    """Every variable of an account of this name, in the order of the fields."""
    hints = get_type_hints(cls)
    for definition in attrs.fields(cls):
        field = definition.alias or definition.name
        if not definition.init or field == "name":
            continue
        kind, place = _kind(hints[definition.name]), variable(venue, name, field)
        if not attrs.has(kind):
            yield Leaf(place, field, None, kind, definition.default)
            continue
        parts = get_type_hints(kind)
        for part in attrs.fields(kind):
            default = getattr(definition.default, part.name)
            yield Leaf(f"{place}_{part.name.upper()}", field, part.name, parts[part.name], default)


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

    `one_of` names fields of which at least one must be given; an argument for one of them stands for them all.
    Raises ConfigError that names the variable.
    """
    environ = os.environ if environ is None else environ
    known = {field.alias or field.name: field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]
    if unknown := sorted(set(arguments) - set(known)):
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(sorted(known))}"
        raise ConfigError(f"{cls.__name__} has no field {unknown[0]!r}; {hint}")
    given = any(arguments.get(field) is not None for field in one_of)
    values: dict[str, Any] = {**(dict.fromkeys(one_of) if given else {}), **arguments, "name": name}
    groups: dict[str, dict[str, Any]] = {}
    for leaf in leaves(cls, venue, name):
        if leaf.part is not None and environ.get(variable(venue, name, leaf.field), "") != "":
            whole = variable(venue, name, leaf.field)
            raise ConfigError(
                f"{whole} cannot be set as a whole: set {leaf.variable} and the like, or pass {leaf.field}="
            )
        if leaf.field in values or environ.get(leaf.variable, "") == "":
            continue
        value = _converted(environ[leaf.variable], leaf.kind, leaf.variable)
        if leaf.part is None:
            values[leaf.field] = value
        else:
            groups.setdefault(leaf.field, {})[leaf.part] = value
    values.update((field, attrs.evolve(known[field].default, **parts)) for field, parts in groups.items())
    for field, definition in known.items():
        if field not in values and definition.default is attrs.NOTHING:
            raise ConfigError(f"{cls.__name__} {name!r} needs {field}: set {variable(venue, name, field)} or pass it")
    if one_of and all(values.get(field) is None for field in one_of):
        places = " or ".join(variable(venue, name, field) for field in one_of)
        raise ConfigError(f"{cls.__name__} {name!r} needs {' or '.join(one_of)}: set {places} or pass it")
    return cls(**values)


def texts(value: Any, field: str = "symbols") -> tuple[str, ...]:
    """A converter for lists of names.  Raises ConfigError for one text, whose letters nobody means."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(f"{field} must be a list of texts, not one text or anything else")
    names = tuple(value)
    if not all(isinstance(name, str) and name and name.isprintable() for name in names):
        raise ConfigError(f"{field} must be a list of texts, and holds something that is none, or an empty one")
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
        raise ConfigError(f"{place} must be {_WORDS[kind]}") from None
    return text
