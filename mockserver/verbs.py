"""The verbs of a story: what each takes, how that is written and read. Whoever plays stories may add verbs of its own.

    VERBS | {"drop": WORD, "ban": pair(SPAN, COUNT), "away": optional(pair(WORD, WORD))}

An argument is None, a number, a word, a pair of these, an action or a fault; spans of time are nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from mockserver.actions import Action
from mockserver.durations import format_duration, parse_duration
from mockserver.faults import fault_schema, read_fault, write_fault
from mockserver.forms import SPAN_SCHEMA, FormError, read_value, shown, value_schema, write_value


@attrs.frozen(slots=True)
class Verb:
    """What a verb takes, in words, how it is read from plain data and written as such, and its JSON Schema."""

    takes: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    schema: Mapping[str, Any] = attrs.field(factory=dict)


def _exactly(takes: str, kind: str, *types: type) -> Verb:
    def read(given: Any) -> Any:
        if type(given) not in types or (isinstance(given, float) and not math.isfinite(given)):
            raise FormError(f"it takes {takes}, not {shown(given)}")
        return given

    return Verb(takes, read, read, {"type": kind})


def _read_span(given: Any) -> int:
    if not isinstance(given, str):
        raise FormError(f"it takes {SPAN.takes}, not {shown(given)}")
    try:
        return parse_duration(given)
    except ValueError as error:
        raise FormError(str(error)) from None


def _read_action(given: Any) -> Action:
    return read_value(Action, {"act": given} if isinstance(given, str) else given, "trade")


def _write_action(action: Action) -> Any:
    written = write_value(action)
    return written["act"] if written.keys() == {"act"} else written


def _action_schema() -> dict[str, Any]:
    """An action, or its act alone."""
    whole = value_schema(Action)
    return {"anyOf": [whole["properties"]["act"], whole]}


NOTHING: Final = _exactly("nothing", "null", type(None))
WORD: Final = _exactly("a word", "string", str)
COUNT: Final = _exactly("a whole number", "integer", int)
SHARE: Final = _exactly("a number", "number", float, int)
FLAG: Final = _exactly("true or false", "boolean", bool)
SPAN: Final = Verb("a duration, such as 250ms, 2s or 1h", _read_span, format_duration, SPAN_SCHEMA)
TRADE: Final = Verb("an action", _read_action, _write_action, _action_schema())
FAULT: Final = Verb("a fault", read_fault, write_fault, fault_schema())


def pair(first: Verb, second: Verb) -> Verb:
    """A verb that takes two things, written as a list."""
    takes = f"[{first.takes}, {second.takes}]"

    def read(given: Any) -> tuple[Any, Any]:
        if not isinstance(given, list) or len(given) != 2:
            raise FormError(f"it takes {takes}, not {shown(given)}")
        return first.read(given[0]), second.read(given[1])

    both = {"type": "array", "prefixItems": [first.schema, second.schema], "minItems": 2, "maxItems": 2}
    return Verb(takes, read, lambda given: [first.write(given[0]), second.write(given[1])], both)


def optional(verb: Verb) -> Verb:
    """A verb that takes this or nothing."""
    return Verb(
        f"{verb.takes}, or nothing",
        lambda given: None if given is None else verb.read(given),
        lambda held: None if held is None else verb.write(held),
        {"anyOf": [verb.schema, NOTHING.schema]},
    )


VERBS: Final[Mapping[str, Verb]] = {
    "trade": TRADE,
    "wait": SPAN,
    "advance": SPAN,
    "fault": FAULT,
    "clear": optional(WORD),
    "restart": pair(WORD, SPAN),
}
"""``wait`` lets time pass, ``advance`` moves the venue's clock alone; ``clear`` disarms the fault of this name, or all;
``restart`` says how the program dies, which decides how much of its journal survives, and for how long it is away."""
