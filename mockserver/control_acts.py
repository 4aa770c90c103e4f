"""What a route of the control API is: what it does, takes and gives; said once, checked and documented from there.

``takes`` are names divided by spaces, with ``!`` behind those that must be given; what a name means is in ``NAMES``, or
given with the act where it means something else there. ``gives`` is the JSON Schema of the answer, made of the small
words below. The first lines of the handler's docstring say what it does.

This module does nothing by itself: ``control`` finds and runs acts, ``openapi`` writes them down.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from enum import Enum
from typing import Any, Final

import attrs

from mockserver.control_input import Input
from mockserver.engine.types import OrderType, PositionSide, Side, TimeInForce
from mockserver.faces.base import HttpResponse
from mockserver.world import World

PREFIX: Final = "/__mock"

Json = dict[str, Any]
Schema = dict[str, Any]


@attrs.frozen(slots=True)
class News:
    """What an act may wait for: the next entry in the journal of a world, and no longer than this."""

    world: World
    within_ns: int


Stop = World | News
"""Where an act stops: until the wire of this world has caught up, or until there is news."""
Steps = Generator[Stop, None, Json]
"""An act that stops on its way."""
Handler = Callable[[Input], "Json | Steps | HttpResponse"]

# -- the words of schemas ---------------------------------------------------------------------------------------------

TEXT: Final[Schema] = {"type": "string"}
WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
NS: Final[Schema] = {"type": "integer", "description": "Nanoseconds."}
FLAG: Final[Schema] = {"type": "boolean"}
MONEY: Final[Schema] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
ANY: Final[Schema] = {}


def obj(**fields: Schema) -> Schema:
    """An object with exactly these names."""
    return {"type": "object", "required": sorted(fields), "properties": fields, "additionalProperties": False}


def open_obj(**fields: Schema) -> Schema:
    """An object with these names, and perhaps more."""
    return obj(**fields) | {"additionalProperties": True}


def partly(schema: Schema, *missing: str) -> Schema:
    """The same object, where these names may be missing."""
    return schema | {"required": [name for name in schema["required"] if name not in missing]}


def rows(each: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": each}


def by_name(each: Schema) -> Schema:
    """An object of any names."""
    return {"type": "object", "additionalProperties": each}


def or_null(schema: Schema) -> Schema:
    """That, or null."""
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def one_of(values: Iterable[str] | type[Enum]) -> Schema:
    """One of these texts."""
    return {"enum": [each.value if isinstance(each, Enum) else each for each in values]}


def like(schema: Schema, example: object, text: str = "", default: object = None) -> Schema:
    """With an example, and perhaps words and a default."""
    more = {"description": text} if text else {}
    return schema | {"examples": [example]} | more | ({} if default is None else {"default": default})


# -- what the names mean that routes take -----------------------------------------------------------------------------

_AMOUNT: Final[Schema] = {"anyOf": [MONEY, {"type": "number"}], "description": "A decimal number; never a float."}

NAMES: Final[dict[str, Schema]] = {
    "world": like(TEXT, "default", "The world.", "default"),
    "venue": like(TEXT, "binance-spot", "Where it may be left out: every venue."),
    "account": like(TEXT, "demo", "Where it may be left out: every account."),
    "symbol": like(TEXT, "BTCUSDT", "In a path, a slash is written %2F."),
    "id": like(WHOLE, 1),
    "name": like(TEXT, "w"),
    "limit": like(WHOLE, 100, "At most so many."),
    "since": like(WHOLE, 0, "Only what has a higher number.", 0),
    "wall": like(FLAG, False, "Move the time that is told, too.", False),
    "asset": like(TEXT, "USDT"),
    "amount": like(_AMOUNT, "100"),
    "side": like(one_of(Side), "BUY"),
    "type": like(one_of(OrderType), "LIMIT", default="LIMIT"),
    "time_in_force": like(one_of(TimeInForce), "GTC", default="GTC"),
    "quantity": like(_AMOUNT, "0.01"),
    "price": like(_AMOUNT, "20000"),
    "client_order_id": like(or_null(TEXT), "mine"),
    "post_only": like(FLAG, False, default=False),
    "reduce_only": like(FLAG, False, default=False),
    "position_side": like(one_of(PositionSide), "BOTH", default="BOTH"),
    "seed": like(WHOLE, 7, "All chance of a new world comes from it, and its ids repeat."),
    "code": like(WHOLE, 1001, "Code of the close frame."),
    "reason": like(TEXT, "maintenance"),
    "after_bytes": like(WHOLE, 5, "Of reset: send so many bytes first."),
    "mode": like(one_of(("events", "own", "all")), "events", "Of silence.", "events"),
    "text": like(TEXT, '{"e":"novelty"}', "Of send: what is told."),
}
"""A name without an entry here takes anything."""


@attrs.frozen(slots=True)
class Act:
    """What a route does, the names it takes beside those in its path, and what it gives."""

    handler: Handler
    takes: frozenset[str]
    needs: frozenset[str] = frozenset()
    gives: Schema | None = None
    """The JSON Schema of the answer; None: somebody has still to say it."""
    media: str = "application/json"
    """What it answers with; of several that are divided by spaces, one."""
    means: Schema = attrs.field(factory=dict)
    """What a name means here, where it is not what it means in ``NAMES``."""

    @classmethod
    def of(
        cls,
        handler: Handler,
        takes: str = "",
        *,
        gives: Schema | None = None,
        media: str = "application/json",
        **means: Schema,
    ) -> Act:
        """``takes`` is a list of names divided by spaces, with ``!`` behind a needed one; every route takes "world"."""
        names = takes.split()
        needs = frozenset(name[:-1] for name in names if name[-1] == "!")
        return cls(handler, frozenset(["world", *(name.rstrip("!") for name in names)]), needs, gives, media, means)

    @property
    def says(self) -> str:
        """What the route does."""
        return " ".join((self.handler.__doc__ or "").split())

    def meaning(self, name: str) -> Schema:
        """The schema of a name it takes."""
        found: Schema = self.means.get(name) or NAMES.get(name, ANY)
        return found


Table = dict[tuple[str, str], Act]
