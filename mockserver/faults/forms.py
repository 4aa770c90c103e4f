"""A fault as a mapping of YAML or JSON: ``{disconnect: {code: 1006}, match: {event: fills, nth: 3}}``.

The one key that is a kind has its parameters; beside it there may be ``match``, ``probability`` and ``name``. A word
alone is a kind without parameters: ``half_open``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import attrs

from mockserver.faults.catalogue import ELSEWHERE, KINDS, NO_FAULTS, WORDS
from mockserver.faults.deciding import Fault
from mockserver.faults.facts import Match
from mockserver.forms import FormError, nearest, read_value, shown, value_schema, write_value

BESIDE: Final = ("match", "probability", "name")


def read_fault(given: object) -> Fault:
    """The fault that is meant. FormError says what cannot be."""
    mapping = {given: None} if isinstance(given, str) else given
    if not isinstance(mapping, Mapping):
        raise FormError(f"a fault is a kind, or a mapping of a kind and its parameters, not {shown(given)}")
    words = [word for word in mapping if word in KINDS]
    unknown = [word for word in mapping if word not in KINDS and word not in BESIDE]
    if unknown:
        raise FormError(_unknown(unknown[0], words), mapping, unknown[0])
    if len(words) != 1:
        raise FormError(f"a fault is of one kind, not {' and '.join(words) or 'none'}", mapping)
    kind: Any = read_value(KINDS[words[0]], mapping[words[0]], words[0])
    more: dict[str, Any] = {}
    if "match" in mapping:
        more["match"] = read_value(Match, mapping["match"], "match")
    if "probability" in mapping:
        if type(mapping["probability"]) not in (int, float, Decimal):
            raise FormError(f"probability: {shown(mapping['probability'])} is not a number", mapping, "probability")
        more["probability"] = float(mapping["probability"])
    if "name" in mapping:
        if not isinstance(mapping["name"], str):
            raise FormError(f"name: {shown(mapping['name'])} is not text", mapping, "name")
        more["name"] = mapping["name"]
    try:
        return Fault(kind=kind, **more)
    except ValueError as error:
        raise FormError(str(error.args[0]), mapping) from None


def _unknown(word: object, kinds: list[str]) -> str:
    """What is wrong with a word that can stand nowhere beside a kind: it stands a level too high, or is misspelt."""
    places: dict[str, type] = {**{kind: KINDS[kind] for kind in kinds}, "match": Match}
    for place, cls in places.items():
        if word in value_schema(cls)["properties"]:
            return f"{word!r} stands inside {place}: {{{place}: {{{word}: …}}}}"
    return no_fault(word)


def no_fault(word: object) -> str:
    """What to say of a word that is no kind: what was probably meant."""
    if word in NO_FAULTS:
        return f"no fault {shown(word)}: {NO_FAULTS[str(word)]}"
    if word in ELSEWHERE:
        return f"no fault {shown(word)}; here it is {ELSEWHERE[str(word)]!r}"
    beside = difflib.get_close_matches(str(word), BESIDE, n=1, cutoff=0.75)
    return f"no fault {shown(word)}; {nearest(word, beside or KINDS)}"


def fault_schema() -> dict[str, Any]:
    """The JSON Schema of what ``read_fault`` reads."""
    kinds = {word: {"anyOf": [value_schema(kind), {"type": "null"}]} for word, kind in KINDS.items()}
    beside = {"match": value_schema(Match), "probability": {"type": "number"}, "name": {"type": "string"}}
    mapping = {
        "type": "object",
        "properties": {**kinds, **beside},
        "oneOf": [{"required": [word]} for word in KINDS],
        "additionalProperties": False,
    }
    return {"anyOf": [{"enum": list(KINDS)}, mapping]}


def write_fault(fault: Fault) -> dict[str, Any] | str:
    """The shortest form that ``read_fault`` reads as this fault."""
    word = WORDS[type(fault.kind)]
    assert attrs.has(type(fault.kind))
    written: dict[str, Any] = {word: write_value(fault.kind) or None}  # type: ignore[arg-type]
    if fault.match != Match():
        written["match"] = write_value(fault.match)
    if fault.probability != 1:
        written["probability"] = fault.probability
    if fault.name != word:
        written["name"] = fault.name
    return word if written == {word: None} else written
