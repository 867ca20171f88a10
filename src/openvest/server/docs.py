"""The documentation page: the served descriptions as one HTML page that needs no script and asks nobody else.

Why not a published viewer: they are megabytes of script, and a page without any can have the strictest policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, cast

Json = Mapping[str, Any]

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STYLE = (Path(__file__).parent / "assets" / "docs.css").read_bytes()

_METHODS = ("get", "post", "put", "patch", "delete")


def page(descriptions: Mapping[str, Json]) -> str:
    """The page over all contracts. Shape: descriptions by the contract's name, with at least one operation each."""
    nav = "".join(_nav(contract, description) for contract, description in descriptions.items())
    main = "".join(_contract(contract, description) for contract, description in descriptions.items())
    return _whole(nav, main)


def first_page(facts: Json) -> str:
    """What a server says of itself, with a link to everything that has an address. Shape: texts, or texts by name."""
    rows = [f"<tr><td class=name>{escape(name)}</td><td>{_fact(value)}</td></tr>" for name, value in facts.items()]
    return _whole("", f"<h1>OpenVest</h1><table>{''.join(rows)}</table>")


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(name)}: {_fact(one)}" for name, one in cast("dict[str, Any]", value).items())
    text = escape(str(value))
    return f'<a href="{text}">{text}</a>' if text.startswith(("/", "http://")) else text


def _whole(nav: str, main: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>OpenVest</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/docs/docs.css"></head>'
        f"<body><nav><strong>OpenVest</strong>{nav}</nav><main>{main}</main></body></html>"
    )


def _operations(description: Json) -> dict[str, list[tuple[str, str, Json]]]:
    """Operations by tag: (method, path, operation)."""
    found: dict[str, list[tuple[str, str, Json]]] = {tag["name"]: [] for tag in description["tags"]}
    for path, item in description["paths"].items():
        for method in _METHODS:
            if method in item:
                found[item[method]["tags"][0]].append((method, path, item[method]))
    return dict(sorted(found.items()))


def _nav(contract: str, description: Json) -> str:
    parts = [f'<h2>{escape(contract)}</h2><a href="/openapi/{contract}.json">description as JSON</a>']
    for tag, operations in _operations(description).items():
        parts.append(f"<h2>{escape(tag)}</h2>")
        for _, _, operation in operations:
            anchor = f"{contract}-{operation['operationId']}"
            parts.append(f'<a href="#{escape(anchor)}">{escape(operation["summary"])}</a>')
    return "".join(parts)


def _contract(contract: str, description: Json) -> str:
    info = description["info"]
    parts = [f"<h1>{escape(info['title'])} <span class=quiet>{escape(info['version'])}</span></h1>"]
    parts.append(f"<p>{escape(info['description'])}</p>")
    for tag, operations in _operations(description).items():
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts += [_operation(contract, description, *one) for one in operations]
    parts.append("<h2>Schemas</h2>")
    for name, schema in description["components"]["schemas"].items():
        about = escape(schema.get("description", ""))
        table = _fields(contract, schema) if "properties" in schema else f"<p>{_kind(contract, schema)}</p>"
        anchor = f"{contract}-schema-{name}"
        parts.append(
            f'<section class="schema" id="{escape(anchor)}"><h4>{escape(name)}</h4><p>{about}</p>{table}</section>'
        )
    return "".join(parts)


def _operation(contract: str, description: Json, method: str, path: str, operation: Json) -> str:
    scopes = [scope for choice in operation.get("security", []) for names in choice.values() for scope in names]
    parts = [
        f'<details class="operation" id="{escape(contract)}-{escape(operation["operationId"])}"><summary>'
        f'<span class="method {method}">{method.upper()}</span><span class="path">{escape(path)}</span>'
        f'<span class="quiet">{escape(operation["summary"])}</span></summary>'
    ]
    if scopes:
        parts.append(f"<p>Scope: {' or '.join(f'<code>{escape(scope)}</code>' for scope in scopes)}</p>")
    parameters = [_resolved(description, parameter) for parameter in operation["parameters"]]
    rows = [
        _row(contract, f"{p['name']}", p["schema"], bool(p.get("required")), p.get("description", ""), p["in"])
        for p in parameters
    ]
    parts.append(f"<h4>Parameters</h4><table>{''.join(rows)}</table>")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body <span class=quiet>{escape(media)}</span></h4>{_kind(contract, content['schema'])}")
    parts.append("<h4>Answers</h4><table>")
    for status, response in operation["responses"].items():
        whole = _resolved(description, response)
        shown = " ".join(_kind(contract, content["schema"]) for content in whole.get("content", {}).values())
        parts.append(f"<tr><td class=name>{status}</td><td>{escape(whole['description'])} {shown}</td></tr>")
    parts.append("</table></details>")
    return "".join(parts)


def _fields(contract: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = [
        _row(contract, name, field, name in required, field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _row(contract: str, name: str, schema: Json, required: bool, about: str, place: str = "") -> str:
    mark = " required" if required else ""
    where = f'<td class="quiet">{escape(place)}</td>' if place else ""
    return (
        f'<tr><td class="name{mark}">{escape(name)}</td>{where}<td>{_kind(contract, schema)}</td>'
        f"<td>{escape(about)}</td></tr>"
    )


def _kind(contract: str, schema: Json) -> str:
    """A schema in a few words, with links to the ones that have a name."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{contract}-schema-{name}"><code>{name}</code></a>'
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            joint = " and " if key == "allOf" else " or "
            return joint.join(_kind(contract, choice) for choice in cast(Sequence[Json], schema[key]))
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if schema.get("type") == "array":
        return f"list of {_kind(contract, schema.get('items', {}))}"
    if "properties" in schema:
        return _fields(contract, schema)
    words = [str(schema.get("format") or schema.get("type", "any"))]
    words += [f"{label} {schema[key]}" for key, label in _LIMITS.items() if key in schema]
    if "pattern" in schema:
        words.append(f"<code>{escape(schema['pattern'])}</code>")
    return ", ".join(words)


_LIMITS = {
    "minLength": "length at least",
    "maxLength": "length at most",
    "minimum": "at least",
    "maximum": "at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "default": "default",
}


def _resolved(description: Json, part: Json) -> Json:
    if "$ref" not in part:
        return part
    found: Any = description
    for name in str(part["$ref"]).split("/")[1:]:
        found = found[name]
    return cast(Json, found)
