"""The verbs of a story: what each takes, how that is written and read. Whoever plays stories may add verbs of its own.

    VERBS | {"knock": COUNT, "call": optional(pair(WORD, SPAN))}

An argument is None, a number, a word, a pair of these, an action or a fault; spans of time are nanoseconds. What a verb
does is decided where it is played: ``mockserver.player`` against any client, the simulation of the tests in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

import attrs

from mockserver.actions import Action
from mockserver.durations import format_duration, parse_duration
from mockserver.faults import fault_schema, read_fault, write_fault
from mockserver.faults.kinds import Silence
from mockserver.forms import SPAN_SCHEMA, FormError, nearest, read_value, shown, value_schema, write_value


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


def _read_onward(given: Any) -> int:
    span_ns = _read_span(given)
    if span_ns < 0:
        raise FormError(f"time does not go back: {shown(given)}")
    return span_ns


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
ONWARD: Final = attrs.evolve(SPAN, read=_read_onward)
"""A span of time that is not below zero."""
TRADE: Final = Verb("an action", _read_action, _write_action, _action_schema())
FAULT: Final = Verb("a fault", read_fault, write_fault, fault_schema())


def choice(*words: str) -> Verb:
    """A verb that takes one of these words."""

    def read(given: Any) -> str:
        if not isinstance(given, str) or given not in words:
            raise FormError(f"it takes {takes}, not {shown(given)}; {nearest(given, words)}")
        return given

    takes = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return Verb(takes, read, read, {"enum": list(words)})


def _read_question(given: Any) -> str:
    kind, _, symbol = given.partition(":") if isinstance(given, str) else ("", "", "")
    if kind not in QUESTIONS or (symbol and kind not in OF_A_SYMBOL):
        raise FormError(f"it takes {QUESTION.takes}, not {shown(given)}; {nearest(kind, QUESTIONS)}")
    return str(given)


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


QUESTIONS: Final = (
    "openorders",
    "fills",
    "orders",
    "balances",
    "orderbyid",
    "orderfills",
    "clock",
    "markets",
    "traces",
    "newcredential",
    "renewcredential",
)
"""What a client may ask for by REST; `traces` is on which symbols it traded, the last two are listen keys."""
OF_A_SYMBOL: Final = ("fills", "orders")
FATES: Final = ("lost", "unheard", "cut", "500", "503", "429", "html", "odd")
"""What may become of a question; unheard: it was done, and nobody hears of it; odd: a refusal of a new kind."""
QUESTION: Final = Verb(
    f"one of {', '.join(QUESTIONS)} ({' and '.join(OF_A_SYMBOL)} perhaps with a symbol behind a colon)",
    _read_question,
    str,
    {"type": "string", "pattern": rf"^({'|'.join(QUESTIONS)}|({'|'.join(OF_A_SYMBOL)}):.+)$"},
)

COMMON: Final[Mapping[str, Verb]] = {
    "trade": TRADE,
    "wait": ONWARD,
    "advance": ONWARD,
    "fault": FAULT,
    "clear": optional(WORD),
}
"""``wait`` lets time pass, ``advance`` moves the venue's timers alone; ``clear`` disarms the fault of this name, or
all."""

WEATHER: Final[Mapping[str, Verb]] = {
    "drop": choice("reset", "half", "late", "close"),
    "mute": choice(*get_args(Silence)),
    "unmute": NOTHING,
    "stall": ONWARD,
    "replay": pair(COUNT, ONWARD),
    "doubled": SHARE,
    "broken": SHARE,
    "dials": choice("ok", "refused", "hang", "mixed"),
    "fate": choice("ok", "mixed", *FATES),
    "away": optional(pair(QUESTION, choice(*FATES))),
    "ban": pair(ONWARD, COUNT),
    "lag": ONWARD,
    "slow": ONWARD,
    "measure": ONWARD,
    "clock": SPAN,
    "expire_key": COUNT,
    "rekey": NOTHING,
    "shutdown": FLAG,
    "shutdowns": COUNT,
    "terminate": NOTHING,
    "terminates": COUNT,
    "delist": COUNT,
    "interleaving": choice("orders_first", "fills_first", "mixed"),
    "heal": optional(choice("but_away")),
}
"""What befalls the network and the venue, in one word; docs/mock/scenarios.md says what each means."""

CLIENTS: Final[Mapping[str, Verb]] = {
    "restart": pair(choice("exit", "kill", "power"), ONWARD),
    "since": NOTHING,
    "overflow": NOTHING,
}
"""What befalls the client's own process: ``restart`` says how it dies, which decides how much of its journal survives,
and for how long it is away; ``since``: from when on it wants all; ``overflow``: there is no room for the next thing."""

VERBS: Final[Mapping[str, Verb]] = {**COMMON, **WEATHER, **CLIENTS}
