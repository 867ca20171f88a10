"""The refusals every operation can answer with, as the description names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openvest.core.contracts import ContractRules
from openvest.declarations import Endpoint

Json = dict[str, Any]

PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "A refusal or a fault, in the form of RFC 9457.",
    "properties": {
        "type": {"type": "string", "description": "Stable name of the kind of refusal, as a URL."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "title": {"type": "string", "description": "The kind of refusal in a few words."},
        "detail": {"type": "string", "description": "One sentence about this case."},
        "instance": {"type": "string", "description": "Path of the request."},
        "request_id": {"type": "string", "format": "uuid", "description": "Id of the request."},
        "errors": {
            "type": "array",
            "description": "Every field of a body or a query that does not fit.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string", "description": "Dotted path of the field; (root) for the whole."},
                    "message": {"type": "string", "description": "What the field must be."},
                },
                "required": ["field", "message"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "status"],
    "additionalProperties": False,
}

_MEANINGS: Mapping[int, str] = {
    400: "A header, the query or the body does not fit.",
    401: "The token, the signature or the credentials are not valid.",
    403: "No scope that was granted permits this.",
    404: "No such object.",
    405: "The path does not take this method.",
    406: "The request does not accept JSON.",
    408: "The body did not arrive in time.",
    409: "The state of the object does not permit this, or a request with the same idempotency key is running.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "The request fits its schema but not the facts, or its idempotency key was used for another request.",
    429: "The client sent too many requests.",
    431: "The headers are too large.",
    500: "A fault of this server.",
    503: "The server cannot work now; send the request again.",
}
_WAIT = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def _response(status: int, meaning: str) -> Json:
    headers: Json = {"upvest-request-id": {"$ref": "#/components/headers/upvest-request-id"}}
    if status in (429, 503):
        headers.update(_WAIT)
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": meaning, "headers": headers, "content": content}


RESPONSES: Mapping[str, Json] = {f"Error{status}": _response(status, text) for status, text in _MEANINGS.items()}


def statuses(endpoint: Endpoint, rules: ContractRules) -> list[int]:
    """Every refusal this operation can answer with: its own and those its shape brings along."""
    found = {400, 401, 429, 431, 500, 503}
    found.update(code for code in endpoint.errors if code >= 400)
    if endpoint.scopes:
        found.add(403)
    if endpoint.status != 204:
        found.add(406)
    if endpoint.body is not None:
        found.update((408, 413, 415))
    if "{" in endpoint.path:
        found.add(404)
    if endpoint.takes_key(rules):
        found.update((409, 422))
    return sorted(found)
