"""A graph of our own objects as plain JSON, and back: what an engine, a book, a limiter or a timer holds.

One mechanism for every class of the mock, so that a new field or a new class needs no word here: an object is written
as its class and its fields, a container as its members in their order. The same object met again is written as the path
where it stood first, so that shared things are still shared when they are read. Values (frozen attrs, enums, numbers,
tuples) are written out each time, which keeps a comparison of two texts short.

``anchors`` are objects of the surroundings that are not written but named: the world, the clock, an instrument. What
cannot be written (a lambda, a socket, an object of a foreign class) is an error that says where it stands. Only classes
and functions of the mock that are imported already are read; nothing is called to make an object.
"""

from __future__ import annotations

import base64
import json
import random
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, Final

import attrs

HOME: Final = "mockserver."
WORD: Final = 4
"""Bytes of one word of the state of a generator."""
_SCALARS: Final = (bool, int, str, type(None))
_CALLABLES: Final = (MethodType, partial, FunctionType, BuiltinFunctionType, type)
_DICTS: Final[dict[str, type[Any]]] = {"dict": dict, "counter": Counter, "defaultdict": defaultdict}
_MAKERS: Final[dict[str, type[Any]]] = {"list": list, "set": set, "int": int, "deque": deque, "dict": dict}
_TEXTS: Final[dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]]] = {
    "float": (float, repr, float),
    "decimal": (Decimal, str, Decimal),
    "fraction": (Fraction, str, Fraction),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}

Json = Any


class GraphError(ValueError):
    """Something cannot be written, or was not written by us; says where it stands."""


def canonical(value: Json) -> str:
    """The one text of a JSON value: sorted names, a line for each thing, so that two can be compared line by line."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


class Writer:
    """Writes objects that may share others; one for everything that is read together."""

    def __init__(self, anchors: Mapping[str, object]) -> None:
        self._anchors = {id(found): name for name, found in anchors.items()}
        self._paths: dict[int, str] = {}  # bounded: by the graph
        self._kept: list[object] = []  # bounded: as _paths; nothing may die, or its id would be given out again

    def write(self, value: object, path: str) -> Json:
        """The JSON of an object; ``path`` is the name under which it will be read. GraphError: it cannot be."""
        known = len(self._kept)
        try:
            return self._write(value, path)
        except GraphError:  # what stood in it was not written
            for dropped in self._kept[known:]:
                del self._paths[id(dropped)]
            del self._kept[known:]
            raise

    def _write(self, value: object, path: str) -> Json:
        if id(value) in self._anchors:
            return {"$anchor": self._anchors[id(value)]}
        if isinstance(value, Enum):
            return {"$enum": [_name_of(type(value), path), value.name]}
        if isinstance(value, _SCALARS):
            return value
        for mark, (kind, write, _) in _TEXTS.items():
            if type(value) is kind:
                return {f"${mark}": write(value)}
        if type(value) is tuple:
            return {"$tuple": self._all(value, path)}
        if isinstance(value, tuple):
            return {"$row": [_name_of(type(value), path), self._all(value, path)]}
        if type(value) is frozenset:
            return {"$frozenset": sorted(self._all(value, path), key=canonical)}
        if isinstance(value, _CALLABLES):
            return self._callable(value, path)
        if not _is_value(value):
            if id(value) in self._paths:
                return {"$ref": self._paths[id(value)]}
            self._paths[id(value)] = path
            self._kept.append(value)
        return self._container(value, path)

    def _container(self, value: Any, path: str) -> Json:
        if type(value) is list:
            return self._all(value, path)
        if type(value) is deque:
            return {"$deque": self._all(value, path), "most": value.maxlen}
        if type(value) is set:
            return {"$set": sorted(self._all(value, path), key=canonical)}
        for mark, kind in _DICTS.items():
            if type(value) is kind:
                rows = [[self._write(k, f"{path}/{n}"), self._write(v, f"{path}/{k}")] for n, (k, v) in _items(value)]
                made = {"make": self._write(value.default_factory, path)} if isinstance(value, defaultdict) else {}
                return {f"${mark}": rows, **made}
        if type(value) is random.Random:
            version, words, gauss = value.getstate()
            packed = b"".join(word.to_bytes(WORD, "big") for word in words)
            return {"$random": base64.b64encode(packed).decode(), "version": version, "gauss": self._write(gauss, path)}
        fields = {name: self._write(getattr(value, name), f"{path}/{name}") for name in _fields(value)}
        return {"$object": _name_of(type(value), path), "fields": fields}

    def _callable(self, value: Any, path: str) -> Json:
        match value:
            case MethodType():
                return {"$method": [self._write(value.__self__, f"{path}/self"), value.__func__.__name__]}
            case partial():
                parts = [value.func, list(value.args), dict(value.keywords)]
                return {"$partial": [self._write(part, f"{path}/{n}") for n, part in enumerate(parts)]}
            case type() if value in _MAKERS.values():
                return {"$named": str(value.__name__)}
            case type() | FunctionType() if "<" not in value.__qualname__:
                return {"$named": _name_of(value, path)}
        raise GraphError(f"{path}: {value!r} has no name by which it could be found again")

    def _all(self, values: Any, path: str) -> list[Json]:
        return [self._write(value, f"{path}/{number}") for number, value in enumerate(values)]


class Reader:
    """Reads what a ``Writer`` wrote, in the same order; anchors may be added as they come to be."""

    def __init__(self, anchors: dict[str, object]) -> None:
        self.anchors = anchors
        self._found: dict[str, object] = {}  # bounded: by the text that is read

    def read(self, given: Json, path: str, kind: type | None = None) -> Any:
        """The object, of that class. GraphError: this was not written by a ``Writer`` of this version."""
        try:
            found = self._read(given, path)
            if kind is not None and not isinstance(found, kind):
                raise GraphError(f"{path}: this is no {kind.__name__}")
            return found
        except GraphError:
            raise
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise GraphError(f"{path}: this cannot be read ({type(error).__name__}: {error})") from None

    def _read(self, given: Json, path: str) -> Any:
        if isinstance(given, _SCALARS):
            return given
        if isinstance(given, list):
            return self._fill(path, made := list[Any](), made.extend, given)
        mark = next((name for name in given if name[:1] == "$"), "") if isinstance(given, dict) else ""
        body: Any = given[mark] if mark else None
        match mark[1:]:
            case "anchor":
                return self.anchors[body]
            case "ref":
                return self._found[body]
            case "enum":
                return _class(body[0], path)[body[1]]
            case "tuple":
                return tuple(self._all(body, path))
            case "row":
                return _row(_class(body[0], path), self._all(body[1], path), path)
            case "frozenset":
                return frozenset(self._all(body, path))
            case "set":
                return self._fill(path, members := set[Any](), members.update, body)
            case "deque":
                return self._fill(path, queue := deque[Any](maxlen=given["most"]), queue.extend, body)
            case "dict" | "counter" | "defaultdict":
                return self._dict(given, mark[1:], path)
            case "random":
                return self._keep(path, _generator(given, self._read(given["gauss"], path)))
            case "object":
                return self._object(body, given["fields"], path)
            case "method":
                return _method(self._read(body[0], f"{path}/self"), body[1], path)
            case "partial":
                function, args, keywords = (self._read(part, f"{path}/{n}") for n, part in enumerate(body))
                return partial(function, *args, **keywords)
            case "named":
                return _class(body, path, functions=True)
            case text if text in _TEXTS:
                return _TEXTS[text][2](body)
        raise GraphError(f"{path}: no such thing as {str(given)[:80]}")

    def _dict(self, given: Json, mark: str, path: str) -> Any:
        if mark == "defaultdict":
            made: dict[Any, Any] = defaultdict(self._read(given["make"], path))
        else:
            made = _DICTS[mark]()
        self._keep(path, made)
        for number, (key, value) in enumerate(given[f"${mark}"]):
            name = self._read(key, f"{path}/{number}")
            made[name] = self._read(value, f"{path}/{name}")
        return made

    def _object(self, name: str, fields: Json, path: str) -> Any:
        kind = _class(name, path)
        made: Any = object.__new__(kind)
        if attrs.has(kind) and fields.keys() != {field.name for field in attrs.fields(kind)}:
            raise GraphError(f"{path}: the fields of {name} are not those of this version")
        self._keep(path, made)
        for field in sorted(fields):
            object.__setattr__(made, field, self._read(fields[field], f"{path}/{field}"))
        return made

    def _fill(self, path: str, made: Any, take: Callable[[list[Any]], None], members: Json) -> Any:
        self._keep(path, made)
        take(self._all(members, path))
        return made

    def _keep(self, path: str, made: Any) -> Any:
        self._found[path] = made
        return made

    def _all(self, members: Json, path: str) -> list[Any]:
        return [self._read(member, f"{path}/{number}") for number, member in enumerate(members)]


def _items(value: Any) -> list[tuple[int, tuple[Any, Any]]]:
    return list(enumerate(value.items()))


def _is_value(value: object) -> bool:
    return getattr(type(value).__setattr__, "__name__", "") == "_frozen_setattrs"


def _fields(value: object) -> list[str]:
    names = set(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    return sorted(name for name in names - {"__weakref__", "__dict__"} if hasattr(value, name))


def _name_of(kind: Any, path: str) -> str:
    if not f"{kind.__module__}.".startswith(HOME) or "<" in kind.__qualname__:
        raise GraphError(f"{path}: {kind.__module__}.{kind.__qualname__} is not of the mock, or has no name")
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str, path: str, *, functions: bool = False) -> Any:
    """A class of the mock by its name, or a function where that may be."""
    if functions and ":" not in name:
        return _MAKERS[name]
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module) if module.startswith(HOME) else None
    for part in qualname.split("."):
        found = None if part.startswith("__") else getattr(found, part, None)
    of_module = getattr(found, "__module__", None) == module
    if not of_module or not isinstance(found, (type, FunctionType) if functions else type):
        raise GraphError(f"{path}: there is no {name!r} in the mock")
    return found


def _row(kind: Any, members: list[Any], path: str) -> Any:
    """A named tuple."""
    if len(members) != len(getattr(kind, "_fields", ())):
        raise GraphError(f"{path}: the fields of {kind.__qualname__} are not those of this version")
    return tuple.__new__(kind, members)


def _method(owner: Any, name: str, path: str) -> Any:
    found = None if name.startswith("__") else getattr(owner, name, None)
    if not isinstance(found, MethodType) or not type(owner).__module__.startswith(HOME):
        raise GraphError(f"{path}: {type(owner).__name__} has no method {name!r}")
    return found


def _generator(given: Json, gauss: float | None) -> random.Random:
    packed = base64.b64decode(given["$random"], validate=True)
    words = tuple(int.from_bytes(packed[at : at + WORD], "big") for at in range(0, len(packed), WORD))
    made = random.Random()  # noqa: S311 (repeatable on purpose)
    made.setstate((given["version"], words, gauss))
    return made
