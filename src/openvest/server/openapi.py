"""The served description: OpenAPI 3.1 made from an endpoint table, the same bytes for the same table.

Source: CONTRACTS.md rule 6.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from openvest.core.contracts import RULES, Contract, ContractRules
from openvest.core.schema import UUID_PATTERN, published_name
from openvest.declarations import Endpoint, PathValue
from openvest.features.tenants.model import SCOPES
from openvest.server.examples import examples_of, illustrate
from openvest.server.standard_errors import PROBLEM_SCHEMA, RESPONSES, statuses

Json = dict[str, Any]
_Model = tuple[type[BaseModel], Literal["validation"]]

_REFERENCES = "#/components/schemas/"
_REF = _REFERENCES + "{model}"
_SECURITY = "oauth-client-credentials"
_REQUEST_ID = {"upvest-request-id": {"$ref": "#/components/headers/upvest-request-id"}}
_UUID = {"type": "string", "format": "uuid"}

_HEADERS: Mapping[str, Json] = {
    "clientID": {
        "name": "upvest-client-id",
        "description": "The client that sends the request.",
        "schema": _UUID,
        "required": True,
    },
    "authorization": {
        "name": "authorization",
        "description": "The access token as a bearer token.",
        "schema": {"type": "string", "pattern": r"^Bearer [a-zA-Z0-9\-\._~+/]*=*"},
        "required": True,
    },
    "signature": {
        "name": "signature",
        "description": "The HTTP message signature of the request.",
        "schema": {"type": "string"},
        "required": True,
    },
    "signatureInput": {
        "name": "signature-input",
        "description": "What the signature covers, when it was made and with which key.",
        "schema": {"type": "string"},
        "required": True,
    },
    "signatureVersion": {
        "name": "upvest-signature-version",
        "description": "Generation of the signature; absent means 6.",
        "schema": {"type": "string", "enum": ["6", "15"], "default": "6"},
    },
    "apiVersion": {
        "name": "upvest-api-version",
        "description": "Major version of this contract.",
        "schema": {"type": "string", "enum": ["1"], "default": "1"},
    },
    "idempotencyKey": {
        "name": "idempotency-key",
        "description": "Names this request, so that sending it again has no second effect. Kept for seven days.",
        "schema": {"type": "string", "format": "uuid", "pattern": UUID_PATTERN},
        "required": True,
    },
}
_SIGNED = ("clientID", "signature", "signatureInput", "signatureVersion")


def describe(endpoints: Iterable[Endpoint], contract: Contract, version: str) -> Json:
    """The whole description of one contract."""
    table = sorted(endpoints, key=lambda e: (e.path, e.method))
    rules = RULES[contract]
    models: set[type[BaseModel]] = set()
    for endpoint in table:
        models |= {model for model in (endpoint.body, endpoint.answer, endpoint.query) if model is not None}
    names, schemas = components_of(models)
    paths: Json = {}
    examples = examples_of(contract)
    for endpoint in table:
        operation = _operation(endpoint, rules, names, schemas)
        if endpoint.operation_id in examples:
            illustrate(operation, endpoint.path, examples[endpoint.operation_id])
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    used = {endpoint.query for endpoint in table} - {e.body for e in table} - {e.answer for e in table}
    for model in used:
        if model is not None:
            schemas.pop(names[model], None)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenVest " + contract,
            "version": version,
            "description": rules.about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name} for name in dict.fromkeys(endpoint.tag for endpoint in table)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**schemas, "Problem": PROBLEM_SCHEMA}.items())),
            "parameters": _header_parameters(rules),
            "headers": {"upvest-request-id": {"required": True, "description": "Id of this request.", "schema": _UUID}},
            "responses": {name: response for name, response in RESPONSES.items()},
            "securitySchemes": {_SECURITY: _security_scheme(table)},
        },
    }


def components_of(models: Iterable[type[BaseModel]]) -> tuple[Mapping[type[BaseModel], str], Json]:
    """The published name of each class, and the schemas of all of them and of what they hold, by that name.

    Why names are refused and not made unique: a client generated from the description names its types after them, so a
    class added in one feature must not rename what another has published.

    Raises: ValueError with a sentence where two classes would be published under one name.
    """
    ordered: list[_Model] = [(model, "validation") for model in sorted(models, key=_full_name)]
    refs, definitions = models_json_schema(ordered, ref_template=_REF)
    found: Json = definitions.get("$defs", {})
    named: dict[str, list[str]] = {}
    for key in sorted(found):
        named.setdefault(_published(key), []).append(key.replace("__", "."))
    for name, classes in named.items():
        if len(classes) > 1:
            both = " and ".join(classes)
            raise ValueError(f"{both} would be published under one name, {name}: share a class, or name what differs")
    schemas: Json = {_published(key): _clean(schema) for key, schema in found.items()}
    return {model: _name(refs[model, "validation"]) for model, _ in ordered}, schemas


def _published(key: str) -> str:
    """The name behind a key of the schema library, which writes the module before a class name that is not unique."""
    return published_name(key.rpartition("__")[2])


def _full_name(model: type[BaseModel]) -> str:
    return f"{model.__module__}.{model.__qualname__}"


def _name(reference: Json) -> str:
    return _published(str(reference["$ref"]).removeprefix(_REFERENCES))


def _published_reference(reference: str) -> str:
    return _REFERENCES + _published(reference.removeprefix(_REFERENCES))


def _security_scheme(table: Sequence[Endpoint]) -> Json:
    used = sorted({scope for endpoint in table for scope in endpoint.scopes})
    flow = {"tokenUrl": "/auth/token", "scopes": {scope: SCOPES.get(scope, scope) for scope in used}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _header_parameters(rules: ContractRules) -> Json:
    """The headers that operations of this contract refer to."""
    listed = {name: header for name, header in _HEADERS.items() if rules.signed or name not in _SIGNED}
    if rules.key_optional:
        listed["idempotencyKey"] = {**listed["idempotencyKey"], "required": False}
    return {name: {**header, "in": "header"} for name, header in listed.items()}


def _operation(endpoint: Endpoint, rules: ContractRules, names: Mapping[type[BaseModel], str], schemas: Json) -> Json:
    operation: Json = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint, rules, names, schemas),
        "responses": _responses(endpoint, rules, names),
    }
    if endpoint.addition:
        operation["x-openvest"] = "addition"
    if endpoint.scopes:
        # Each alternative stands alone: one of the scopes is enough.
        operation["security"] = [{_SECURITY: [scope]} for scope in endpoint.scopes]
    if endpoint.body is not None:
        media = "application/x-www-form-urlencoded" if endpoint.form else "application/json"
        reference = {"$ref": _REF.format(model=names[endpoint.body])}
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {media: {"schema": reference}}}
    return operation


def _parameters(
    endpoint: Endpoint, rules: ContractRules, names: Mapping[type[BaseModel], str], schemas: Json
) -> list[Json]:
    headers = [*_SIGNED] if rules.signed else []
    if not endpoint.form:
        headers.insert(0, "authorization")
    headers.append("apiVersion")
    if endpoint.takes_key(rules):
        headers.append("idempotencyKey")
    found: list[Json] = [{"$ref": f"#/components/parameters/{name}"} for name in headers]
    for name in re.findall(r"\{([^}]+)\}", endpoint.path):
        found.append(_path_parameter(name, endpoint.path_types.get(name)))
    if endpoint.query is not None:
        schema = schemas[names[endpoint.query]]
        required = schema.get("required", [])
        for name, field in schema.get("properties", {}).items():
            found.append(_query_parameter(name, field, name in required))
    return found


def _path_parameter(name: str, value: PathValue | None) -> Json:
    described: Json = {"name": name, "in": "path", "required": True, "schema": _UUID, "description": "A UUID."}
    if value is None:
        return described
    forms = [{"type": "string", "pattern": pattern} for pattern in value.patterns]
    if forms:
        described["schema"] = forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {**described, "description": value.description}


def _query_parameter(name: str, schema: Json, required: bool) -> Json:
    schema = dict(schema)
    description = schema.pop("description", None)
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema = {**choices[0], **schema}
    elif choices:
        schema["anyOf"] = choices
    parameter: Json = {"name": name, "in": "query", "required": required, "schema": schema}
    if description:
        parameter["description"] = description
    if not required:
        parameter["allowEmptyValue"] = True
    return parameter


def _responses(endpoint: Endpoint, rules: ContractRules, names: Mapping[type[BaseModel], str]) -> Json:
    responses: Json = {}
    for status in sorted({endpoint.status, *(code for code in endpoint.errors if code < 400)}):
        success: Json = {
            "description": "Done." if status == 200 else _SUCCESS.get(status, "Done."),
            "headers": _REQUEST_ID,
        }
        if endpoint.answer is not None and status != 204:
            reference = {"$ref": _REF.format(model=names[endpoint.answer])}
            success["content"] = {"application/json": {"schema": reference}}
        responses[str(status)] = success
    for status in statuses(endpoint, rules):
        responses[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    return responses


_SUCCESS: Mapping[int, str] = {
    201: "Created.",
    202: "Accepted; what follows is told by events.",
    204: "Done; there is nothing to say.",
}


def _clean(schema: Any) -> Any:
    """With published names, without the titles that only repeat names, and without defaults of null."""
    if isinstance(schema, str) and schema.startswith(_REFERENCES):
        return _published_reference(schema)
    if isinstance(schema, list):
        return [_clean(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    cleaned: Json = {}
    for name, value in cast(Json, schema).items():
        if (name == "title" and isinstance(value, str)) or (name == "default" and value is None):
            continue
        if name in ("properties", "patternProperties", "$defs"):
            cleaned[name] = {key: _clean(one) for key, one in cast(Json, value).items()}
        elif name in ("enum", "const", "default", "example", "examples", "required"):
            cleaned[name] = value
        else:
            cleaned[name] = _clean(value)
    return cleaned
