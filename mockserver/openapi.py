"""The control API as an OpenAPI 3.1 document, written from its one table of routes, and the page that shows it.

Nothing is said here twice: paths, names, answers and words come from the acts.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any, Final

from mockserver.control_acts import PREFIX, TEXT, Act, Json, Schema, Table, open_obj

REFUSALS: Final = {
    "400": "Something in the request is not as it must be.",
    "403": "The Host or the Origin may not use the control API.",
    "404": "Something that it names is not there.",
    "405": "The path wants another method.",
    "409": "It cannot be done as things are.",
}
_TITLE: Final = "Control API of the mock exchange"
_ABOUT: Final = (
    "What a test or an operator does to the exchanges that no client of them could. Names may be given in the JSON "
    "body or the query; one that a route does not take is refused. Numbers of money are strings or JSON numbers and "
    "never become floats."
)


def document(table: Table) -> Json:
    """The OpenAPI document of these routes."""
    paths: dict[str, Json] = {}
    for (method, path), act in table.items():
        paths.setdefault(f"{PREFIX}{path}", {})[method.lower()] = _operation(method, path, act)
    refused = open_obj(error=TEXT | {"description": "What is wrong, and what to do."})
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {"Refusal": refused}},
    }


def page() -> bytes:
    """The page that shows the document; it needs nothing but this server."""
    return files("mockserver").joinpath("pages", "docs.html").read_bytes()


def _operation(method: str, path: str, act: Act) -> Json:
    captured = re.findall(r"\{(\w+)\}", path)
    others = sorted(act.takes - set(captured))
    in_query = method in ("GET", "DELETE")
    parameters = [_parameter(name, act, "path") for name in captured]
    parameters += [_parameter(name, act, "query") for name in others if in_query]
    operation: dict[str, Any] = {
        "operationId": "_".join([method.lower(), *re.findall(r"\w+", path)]),
        "tags": [path.split("/")[1]],
        "summary": act.says,
        "parameters": parameters,
        "responses": {"200": _answer(act)} | {status: _refusal(text) for status, text in REFUSALS.items()},
    }
    if not in_query:
        operation["requestBody"] = {"required": bool(act.needs), "content": {"application/json": _body(act, others)}}
    return operation


def _parameter(name: str, act: Act, where: str) -> Json:
    schema = act.meaning(name)
    shown = {"example": schema["examples"][0]} if "examples" in schema else {}
    return {"name": name, "in": where, "required": where == "path" or name in act.needs, "schema": schema, **shown}


def _body(act: Act, names: list[str]) -> Json:
    schemas: dict[str, Schema] = {name: act.meaning(name) for name in names}
    schema = {"type": "object", "properties": schemas, "required": sorted(act.needs), "additionalProperties": False}
    example = {name: schemas[name]["examples"][0] for name in sorted(act.needs) if "examples" in schemas[name]}
    return {"schema": schema, "example": example}


def _answer(act: Act) -> Json:
    schema = {"schema": act.gives if act.gives is not None else {}}
    return {"description": "Done.", "content": dict.fromkeys(act.media.split(), schema)}


def _refusal(text: str) -> Json:
    schema = {"$ref": "#/components/schemas/Refusal"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
