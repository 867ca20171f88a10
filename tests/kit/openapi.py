"""Hold a served description against OpenAPI 3.1, and answers against the description."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
from jsonschema import Draft202012Validator

Json = dict[str, Any]

_TEXT = {"type": "string"}
_SCHEMA = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
_REFERENCE: Json = {
    "type": "object",
    "required": ["$ref"],
    "properties": {"$ref": {"type": "string", "pattern": "^#/components/"}},
    "additionalProperties": False,
}


def _object(needed: str, /, **properties: Any) -> Json:
    return {
        "type": "object",
        "required": needed.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def _map(pattern: str, values: Json) -> Json:
    return {"type": "object", "patternProperties": {pattern: values}, "additionalProperties": False}


_CONTENT = _map("^[a-z]+/[a-z0-9.+-]+$", _object("schema", schema=_SCHEMA, example={}))
_HEADER = _object("schema", description=_TEXT, required={"type": "boolean"}, schema=_SCHEMA)
_PARAMETER: Json = {
    **_object(
        "name in schema",
        name=_TEXT,
        description=_TEXT,
        required={"type": "boolean"},
        schema=_SCHEMA,
        example={},
        allowEmptyValue={"type": "boolean"},
        **{"in": {"enum": ["query", "path", "header", "cookie"]}},
    ),
    "if": {"properties": {"in": {"const": "path"}}},
    "then": {"properties": {"required": {"const": True}}, "required": ["required"]},
}
_RESPONSE = _object(
    "description", description=_TEXT, headers=_map(".", {"anyOf": [_HEADER, _REFERENCE]}), content=_CONTENT
)
_OPERATION = _object(
    "operationId summary tags responses",
    operationId=_TEXT,
    summary={"type": "string", "pattern": "^[A-Z].*[^.]$"},
    description=_TEXT,
    tags={"type": "array", "items": _TEXT},
    security={"type": "array", "items": _map(".", {"type": "array", "items": _TEXT})},
    parameters={"type": "array", "items": {"anyOf": [_PARAMETER, _REFERENCE]}},
    requestBody=_object("content", required={"type": "boolean"}, content=_CONTENT),
    responses={**_map("^[1-5][0-9]{2}$", {"anyOf": [_RESPONSE, _REFERENCE]}), "minProperties": 1},
    **{"x-openvest": {"const": "addition"}},
)
_DESCRIPTION = _object(
    "openapi info paths components",
    openapi={"const": "3.1.0"},
    info=_object(
        "title version",
        title=_TEXT,
        version=_TEXT,
        description=_TEXT,
        license=_object("name", name=_TEXT, identifier=_TEXT),
    ),
    servers={"type": "array", "items": _object("url", url=_TEXT, description=_TEXT)},
    tags={"type": "array", "items": _object("name", name=_TEXT)},
    paths=_map("^/", _map("^(get|put|post|delete|patch)$", _OPERATION)),
    components=_object(
        "schemas",
        schemas=_map("^[a-zA-Z0-9._-]+$", _SCHEMA),
        parameters=_map(".", _PARAMETER),
        headers=_map(".", _HEADER),
        responses=_map(".", _RESPONSE),
        securitySchemes=_map(".", {"type": "object", "required": ["type", "flows"]}),
    ),
)
"""The part of OpenAPI 3.1 that we use, stricter than the published schema: nothing else is accepted."""


def check_description(description: Json) -> None:
    """Raises: ValidationError, or AssertionError for what a schema cannot say."""
    jsonschema.validate(description, _DESCRIPTION, cls=Draft202012Validator)
    for reference in _references(description):
        _resolve(description, reference)
    operations = [op for item in description["paths"].values() for op in item.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names), "an operation id is used twice"
    for path, item in description["paths"].items():
        wanted = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for operation in item.values():
            found = {p["name"] for p in operation["parameters"] if p.get("in") == "path"}
            assert found == wanted, f"{path} names other parameters than it describes"


def check_answer(description: Json, answer: httpx.Response) -> None:
    """Hold one answer against what is described for its operation. Raises: ValidationError, AssertionError."""
    method, path = answer.request.method.lower(), answer.request.url.path
    template = _template(description, path)
    operation = description["paths"][template][method]
    response = operation["responses"].get(str(answer.status_code))
    assert response is not None, f"{method} {template} is not described to answer {answer.status_code}"
    response = _resolve(description, response["$ref"]) if "$ref" in response else response
    contents = response.get("content")
    if not contents:
        assert answer.content == b"", f"{method} {template} {answer.status_code} is described without a body"
        return
    media = answer.headers["content-type"].partition(";")[0]
    assert media in contents, f"{method} {template} {answer.status_code} answers {media}"
    if media.endswith("json"):
        _validator(contents[media]["schema"], description["components"]).validate(answer.json())


_VALIDATORS: dict[tuple[int, int], tuple[Json, Json, Draft202012Validator]] = {}
"""By the identity of a schema and its components, which are kept so that no other thing can have it."""


def _validator(schema: Json, components: Json) -> Draft202012Validator:
    """The validator of a schema; what it has resolved, it need not resolve again."""
    known = _VALIDATORS.get((id(schema), id(components)))
    if known is None:
        whole = {**schema, "components": components}
        made = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
        known = _VALIDATORS[id(schema), id(components)] = (schema, components, made)
    return known[2]


def _template(description: Json, path: str) -> str:
    """The path of the description that a request's path fits; literal segments before parameters."""
    parts = path.split("/")
    fitting: list[str] = []
    for template in description["paths"]:
        pieces = template.split("/")
        if len(pieces) == len(parts) and all(
            piece.startswith("{") or piece == part for piece, part in zip(pieces, parts, strict=True)
        ):
            fitting.append(template)
    assert fitting, f"{path} is not described"
    return min(fitting, key=lambda template: template.count("{"))


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for one in node for found in _references(one)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for one in node.values() for found in _references(one)]


def _resolve(description: Json, reference: str) -> Any:
    node: Any = description
    for part in reference.removeprefix("#/").split("/"):
        assert part in node, f"{reference} leads nowhere"
        node = node[part]
    return node
