"""Frozen values as plain mappings (of YAML or JSON), and back; what cannot be meant is refused in words.

A field ``delay_ns`` is written ``delay: 250ms``; a field that has its default is left out. So the mapping of a value is
short, and reading it gives that value again.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from mockserver.durations import format_duration, parse_duration

Value = TypeVar("Value")
NS: Final = "_ns"
SPAN_SCHEMA: Final[dict[str, Any]] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?(h|m|s|ms|us|ns)$"}


class FormError(ValueError):
    """Something in a mapping cannot be meant; `given` and `key` say where."""

    def __init__(self, text: str, given: object = None, key: object = None) -> None:
        super().__init__(text)
        self.text = text
        self.given = given
        self.key = key


def nearest(word: object, words: Collection[str]) -> str:
    """Which of the words was probably meant, or all of them."""
    close = difflib.get_close_matches(str(word), words, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(words))}"


def nearest_of(asked: str, known: Collection[str]) -> list[str]:
    """Up to three of these that come nearest to what was asked for, which is none of them."""
    return difflib.get_close_matches(asked, known, n=3, cutoff=0.1)


def expect_mapping(given: object, what: str, at: object = None, key: object = None) -> Mapping[str, Any]:
    """The mapping that this must be."""
    if not isinstance(given, Mapping):
        raise FormError(f"{what} is a mapping, not {shown(given)}", at, key)
    return given


def read_value(cls: type[Value], given: object, what: str) -> Value:
    """A value of this attrs class; ``what`` it is called in errors."""
    mapping = expect_mapping({} if given is None else given, what)
    fields = {_word(field.name): field for field in attrs.fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for name, written in mapping.items():
        if name not in fields:
            raise FormError(f"{what} has no {name!r}; {nearest(name, fields)}", mapping, name)
        try:
            values[fields[name].name] = _read(written, hints[fields[name].name], fields[name].name)
        except ValueError as error:
            raise FormError(f"{name} of {what}: {error}", mapping, name) from None
    missing = [name for name, field in fields.items() if field.default is attrs.NOTHING and field.name not in values]
    if missing:
        raise FormError(f"{what} needs {', '.join(missing)}", mapping)
    try:
        return cls(**values)
    except ValueError as error:
        raise FormError(f"{what}: {error.args[0]}", mapping) from None


def write_value(value: attrs.AttrsInstance) -> dict[str, Any]:
    """The mapping that ``read_value`` reads as this value."""
    written: dict[str, Any] = {}
    for field in attrs.fields(type(value)):
        held = getattr(value, field.name)
        if held != field.default:
            written[_word(field.name)] = _written(held, field.name)
    return written


def value_schema(cls: type) -> dict[str, Any]:
    """The JSON Schema of what ``read_value`` reads as this class."""
    hints, fields = get_type_hints(cls), attrs.fields(cls)
    return {
        "type": "object",
        "properties": {_word(field.name): _schema(hints[field.name], field.name) for field in fields},
        "required": [_word(field.name) for field in fields if field.default is attrs.NOTHING],
        "additionalProperties": False,
    }


def _schema(hint: Any, name: str) -> dict[str, Any]:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if name.endswith(NS):
        known = [SPAN_SCHEMA]
    else:
        known = [_option_schema(option) for option in options if option is not NoneType]
    known += [{"type": "null"}] if NoneType in options else []
    return known[0] if len(known) == 1 else {"anyOf": known}


def _option_schema(option: Any) -> dict[str, Any]:
    if get_origin(option) is Literal:
        return {"enum": list(get_args(option))}
    if get_origin(option) is tuple:
        return {"type": "array", "items": {"type": "string"}}
    if issubclass(option, Enum):
        return {"enum": [member.name.lower() for member in option]}
    return {"type": {int: "integer", str: "string", bool: "boolean", float: "number"}[option]}


def shown(given: object) -> str:
    """A value in an error: short."""
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _word(name: str) -> str:
    return name.removesuffix(NS)


def _written(held: object, name: str) -> object:
    if name.endswith(NS) and isinstance(held, int):
        return format_duration(held)
    if isinstance(held, tuple):
        return list(held)
    return held.name.lower() if isinstance(held, Enum) else held


def _read(written: Any, hint: Any, name: str) -> Any:
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if written is None and NoneType in options:
        return None
    if name.endswith(NS):
        if not isinstance(written, str):
            raise ValueError(f"{shown(written)} is no duration; write 250ms, 2s, 1.5s, 10m or 1h")
        return parse_duration(written)
    for option in options:
        if (reader := _READERS.get(option)) is not None and type(written) in reader:
            return float(written) if option is float else written
        if get_origin(option) is Literal and written in get_args(option):
            return written
        if get_origin(option) is tuple and isinstance(written, list) and all(type(each) is str for each in written):
            return tuple(written)
        if isinstance(option, type) and issubclass(option, Enum) and isinstance(written, str):
            members = {member.name.lower(): member for member in option}
            if written in members:
                return members[written]
            raise ValueError(f"no {written!r}; {nearest(written, members)}")
    raise ValueError(f"{shown(written)} is not {' or '.join(map(_kind, options))}")


_READERS: Final[dict[Any, tuple[type, ...]]] = {int: (int,), str: (str,), bool: (bool,), float: (float, int, Decimal)}


def _kind(option: Any) -> str:
    if get_origin(option) is Literal:
        return " or ".join(map(repr, get_args(option)))
    if get_origin(option) is tuple:
        return "a list of text"
    return {int: "a whole number", str: "text", bool: "true or false", float: "a number", NoneType: "null"}.get(
        option, str(option)
    )
