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
from mockserver.faults import read_fault, write_fault
from mockserver.forms import FormError, read_value, shown, write_value


@attrs.frozen(slots=True)
class Verb:
    """What a verb takes, in words, and how it is read from plain data and written as such."""

    takes: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _exactly(takes: str, *types: type) -> Verb:
    def read(given: Any) -> Any:
        if type(given) not in types or (isinstance(given, float) and not math.isfinite(given)):
            raise FormError(f"it takes {takes}, not {shown(given)}")
        return given

    return Verb(takes, read, read)


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


NOTHING: Final = _exactly("nothing", type(None))
WORD: Final = _exactly("a word", str)
COUNT: Final = _exactly("a whole number", int)
SHARE: Final = _exactly("a number", float, int)
FLAG: Final = _exactly("true or false", bool)
SPAN: Final = Verb("a duration, such as 250ms, 2s or 1h", _read_span, format_duration)
TRADE: Final = Verb("an action", _read_action, _write_action)
FAULT: Final = Verb("a fault", read_fault, write_fault)


def pair(first: Verb, second: Verb) -> Verb:
    """A verb that takes two things, written as a list."""
    takes = f"[{first.takes}, {second.takes}]"

    def read(given: Any) -> tuple[Any, Any]:
        if not isinstance(given, list) or len(given) != 2:
            raise FormError(f"it takes {takes}, not {shown(given)}")
        return first.read(given[0]), second.read(given[1])

    return Verb(takes, read, lambda both: [first.write(both[0]), second.write(both[1])])


def optional(verb: Verb) -> Verb:
    """A verb that takes this or nothing."""
    return Verb(
        f"{verb.takes}, or nothing",
        lambda given: None if given is None else verb.read(given),
        lambda held: None if held is None else verb.write(held),
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
