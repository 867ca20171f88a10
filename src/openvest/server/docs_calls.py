"""Examples of a description as people would type them: `openvest api`, which signs, or plain curl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

Json = Mapping[str, Any]

_FORM = "application/x-www-form-urlencoded"


def call_shown(method: str, path: str, operation: Json, *, signed: bool) -> str | None:
    """The command that sends the example, None where there is none. A form, which no command of ours sends, is shown as
    its fields."""
    contents: Json = operation.get("requestBody", {}).get("content", {})
    example: Any = _of(contents)
    if example is None and answer_shown(operation)[1] is None and not _values(operation, "path"):
        return None
    target = _target(path, operation)
    if _FORM in contents and example is not None:
        form: Mapping[str, str] = example
        fields = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in form.items()]
        return f"POST {path}\n\n" + urlencode(form).replace("&", "\n&") if signed else _curl(path, fields)
    body = None if example is None else shlex.quote(_pretty(example))
    if signed:
        return f"openvest api {method.upper()} {shlex.quote(target)}" + ("" if body is None else f" -d {body}")
    parts = [] if method in ("get", "post") and (method == "get" or body is not None) else [f"-X {method.upper()}"]
    parts.append('-H "authorization: Bearer $TOKEN"')
    parts += [] if body is None else ['-H "content-type: application/json"', f"-d {body}"]
    return _curl(target, parts)


def answer_shown(operation: Json) -> tuple[str, str | None]:
    """Status and body of the example that was answered."""
    for status, response in operation["responses"].items():
        example = _of(response.get("content", {}))
        if example is not None:
            return status, _pretty(example)
    return next(iter(operation["responses"])), None


def _curl(target: str, parts: list[str]) -> str:
    return " \\\n  ".join([f'curl -s "$URL{target}"', *parts])


def _of(contents: Json) -> Any:
    return next((content["example"] for content in contents.values() if content.get("example") is not None), None)


def _target(path: str, operation: Json) -> str:
    """The path and query of the example."""
    for name, value in _values(operation, "path").items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=":"))
    query = _values(operation, "query")
    return f"{path}?{urlencode(query)}" if query else path


def _values(operation: Json, place: str) -> dict[str, Any]:
    found = (one for one in operation["parameters"] if one.get("in") == place and "example" in one)
    return {one["name"]: one["example"] for one in found}


def _pretty(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
