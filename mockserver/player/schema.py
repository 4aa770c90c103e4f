"""The JSON Schema of a scenario file, for editors: made from the verbs, so that it knows what the player knows.

    python -m mockserver scenarios --schema

``mockserver/scenarios/schema.json`` is this, and a test keeps it so. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.forms import SPAN_SCHEMA
from mockserver.liquidity import ALONE
from mockserver.player.playing import CLIENTS_SETUP, SETUP
from mockserver.player.verbs import ENDINGS, STEPS
from mockserver.story import HEAD, TEXTS, VERSION
from mockserver.venues import VENUES
from mockserver.verbs import Verb


def schema() -> dict[str, Any]:
    """The whole."""
    text, steps = {"type": "string"}, {"type": "array", "items": {"$ref": "#/$defs/step"}}
    eras = {spec.name: [profile.rpartition("-")[2] for profile in spec.profiles] for spec in VENUES}
    whole = {"type": "integer", "minimum": 1}
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    setup = {
        **dict.fromkeys(("patience", "settle", "clock_ahead"), SPAN_SCHEMA),
        "settings": {"type": "object"},
        "markets": whole,
        "symbols": {"type": "array", "items": text},
        "limits": numbers,
        "session_limits": numbers,
        "journal": text,
        "healthy": {"type": "boolean"},
    }
    assert setup.keys() == {*SETUP, *CLIENTS_SETUP}  # a new key of the setup needs its schema here
    properties = {
        "mock": {"const": VERSION},
        **dict.fromkeys(TEXTS, text),
        "venue": {"enum": [*eras, *(f"{name}@{era}" for name, each in eras.items() for era in each)]},
        "seed": {"type": "integer"},
        "account": {"type": "object", "additionalProperties": {"type": ["string", "integer"]}},
        "liquidity": {"anyOf": [{"enum": list(ALONE)}, {"type": "string", "pattern": "^replay:[^#].*$"}]},
        "setup": {
            "type": "object",
            "properties": setup,
            "additionalProperties": False,
        },
        "before": steps,
        "steps": steps,
        "finally": {"type": "array", "items": {"$ref": "#/$defs/ending"}},
    }
    assert properties.keys() == set(HEAD)  # a new key of the head needs its schema here
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of the mock exchange",
        "type": "object",
        "properties": properties,
        "required": ["mock", "venue", "steps"],
        "additionalProperties": False,
        "$defs": {"step": _one_of(STEPS), "ending": _one_of(ENDINGS)},
    }


def _one_of(verbs: Mapping[str, Verb]) -> dict[str, Any]:
    """A step: a mapping of one verb, or the verb alone where it takes nothing."""
    alone = [word for word, verb in verbs.items() if _takes_nothing(verb.schema)]
    mapping = {
        "type": "object",
        "properties": {word: {"description": verb.takes, **verb.schema} for word, verb in verbs.items()},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [{"enum": alone}, mapping]} if alone else mapping


def _takes_nothing(given: Mapping[str, Any]) -> bool:
    return given.get("type") == "null" or any(map(_takes_nothing, given.get("anyOf", ())))
