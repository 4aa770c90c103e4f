"""Holds real answers of the control API against the OpenAPI document that it gives of itself."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema import Draft202012Validator

from mockserver.control import Control
from mockserver.faces.base import HttpRequest, HttpResponse


def operation_of(document: dict[str, Any], request: HttpRequest) -> dict[str, Any] | None:
    """What the document says of this request; None: nothing. A path without names comes before one with."""
    for path, operations in sorted(document["paths"].items(), key=lambda row: "{" in row[0]):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, request.path) and request.method.lower() in operations:
            return dict(operations[request.method.lower()])
    return None


def check_answer(control: Control, request: HttpRequest, response: HttpResponse) -> str | None:
    """AssertionError: the document says otherwise. The operation that was checked."""
    operation = operation_of(control.document, request)
    if operation is None:
        assert response.status in (403, 404, 405), f"{request.method} {request.path} is in no document"
        return None
    told = operation["responses"][str(response.status)]
    media = response.content_type.partition(";")[0]
    content = told["content"][media]
    if media == "application/json":
        schema = {**content["schema"], "components": control.document["components"]}
        errors = list(Draft202012Validator(schema).iter_errors(json.loads(response.body)))
        assert not errors, f"{request.method} {request.path}: {errors[0].message} at {list(errors[0].absolute_path)}"
    return str(operation["operationId"])
