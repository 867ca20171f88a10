"""The documentation page: the served descriptions as one HTML page that needs no script and asks nobody else.

Why not a published viewer: they are megabytes of script, and a page without any can have the strictest policy.

One contract is seen at a time: the one that the address names, `/docs#lite` or `/docs#lite-createUser`, else the first.
The style sheet does that alone; where a browser cannot, both follow one another. Each carries the switch to the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, cast

from openvest.core.contracts import RULES, Contract
from openvest.server.docs_calls import answer_shown, call_shown

Json = Mapping[str, Any]

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
STYLE = (Path(__file__).parent / "assets" / "docs.css").read_bytes()

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_METHODS = ("get", "post", "put", "patch", "delete")
_TOGETHER = (
    "Several contracts to one system: what is made through one is read through the other, and a tenant may use all,"
    " each with clients of its own (<code>openvest client create --contract …</code>). Refusals are the same documents"
    " in all, and webhooks are signed alike."
)


def page(descriptions: Mapping[str, Json]) -> str:
    """The page over all contracts. Shape: descriptions by the contract's name, with at least one operation each."""
    apart = f"<p>{_TOGETHER}</p>{''.join(map(_apart, descriptions))}" if len(descriptions) > 1 else ""
    intro = f'<div class="intro"><h1>OpenVest</h1>{apart}</div>'
    parts = [_contract(contract, description, list(descriptions)) for contract, description in descriptions.items()]
    return _whole(f"{intro}<main>{''.join(parts)}</main>")


def _apart(contract: str) -> str:
    """What tells this contract from others."""
    rules = RULES[cast(Contract, contract)]
    lists = f"A list shows {rules.page.default} items unless asked and {rules.page.most} at most."
    return f"<p><b>{escape(contract)}</b>: {escape(f'{rules.about} {lists}')}</p>"


def first_page(facts: Json) -> str:
    """What a server says of itself, with a link to everything that has an address. Shape: texts, or texts by name."""
    rows = [_named(escape(name), _fact(value)) for name, value in facts.items()]
    return _whole(f'<main class="intro"><h1>OpenVest</h1><table>{"".join(rows)}</table></main>')


def _fact(value: Any) -> str:
    if isinstance(value, dict):
        return "<br>".join(f"{escape(name)}: {_fact(one)}" for name, one in cast("dict[str, Any]", value).items())
    text = escape(str(value))
    return f'<a href="{text}">{text}</a>' if text.startswith(("/", "http://")) else text


def _whole(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>OpenVest</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/docs/docs.css"></head><body>{body}</body></html>'
    )


Operation = tuple[str, str, Json]
"""Method, path and what is described of it."""


def _operations(description: Json) -> dict[str, list[Operation]]:
    """Operations by tag."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in description["tags"]}
    for path, item in description["paths"].items():
        for method in _METHODS:
            if method in item:
                found[item[method]["tags"][0]].append((method, path, item[method]))
    return dict(sorted(found.items()))


def _contract(contract: str, description: Json, contracts: Sequence[str]) -> str:
    info, by_tag = description["info"], _operations(description)
    parts = [
        f'<section class="contract" id="{contract}" aria-labelledby="{contract}-title">',
        f'<div class="side"><a class="skip" href="#{contract}-title">Skip to the operations</a>',
        f'{_switch(contract, contracts)}{_contents(contract, by_tag)}</div><div class="text">',
        f'<h2 id="{contract}-title">{escape(info["title"])} <small>{escape(info["version"])}</small></h2>',
        f'<p>{escape(info["description"])} <a href="/openapi/{contract}.json">The description as JSON</a></p>',
    ]
    for tag, operations in by_tag.items():
        parts.append(f"<h3>{escape(tag)}</h3>")
        parts += [_operation(contract, description, *one) for one in operations]
    parts += _shared(contract, description["components"])
    parts.append(f'<h3 id="{contract}-schemas">Schemas</h3>')
    for name, schema in description["components"]["schemas"].items():
        about = escape(schema.get("description", ""))
        table = _fields(contract, schema) if "properties" in schema else f"<p>{_kind(contract, schema)}</p>"
        anchor = escape(f"{contract}-schema-{name}")
        parts.append(f'<div class="schema" id="{anchor}"><h4>{escape(name)}</h4><p>{about}</p>{table}</div>')
    return "".join([*parts, "</div></section>"])


def _switch(contract: str, contracts: Sequence[str]) -> str:
    """Links to all contracts, of which this one is marked as the one that is seen."""
    if len(contracts) == 1:
        return ""
    links = [
        f'<a href="#{one}"{" aria-current=true" if one == contract else ""}>{escape(one)}</a>' for one in contracts
    ]
    return f'<nav class="switch" aria-label="Contracts">{"".join(links)}</nav>'


def _contents(contract: str, by_tag: Mapping[str, Sequence[Operation]]) -> str:
    parts = [f'<nav class="contents" aria-label="Operations of {contract}">']
    for tag, operations in by_tag.items():
        links = [
            f'<li><a href="#{escape(contract)}-{escape(one["operationId"])}">{escape(one["summary"])}</a></li>'
            for _, _, one in operations
        ]
        parts.append(f"<p>{escape(tag)}</p><ul>{''.join(links)}</ul>")
    return "".join([*parts, f'<p><a href="#{contract}-schemas">Schemas</a></p></nav>'])


def _operation(contract: str, description: Json, method: str, path: str, operation: Json) -> str:
    scopes = [scope for choice in operation.get("security", []) for names in choice.values() for scope in names]
    added = '<span class="addition">addition</span>' if operation.get("x-openvest") == "addition" else ""
    parts = [
        f'<details class="operation" id="{escape(contract)}-{escape(operation["operationId"])}"><summary>'
        f'<h4><span class="method {method}">{method.upper()}</span> <span class="path">{escape(path)}</span>'
        f' <span class="quiet">{escape(operation["summary"])}</span> {added}</h4></summary>'
    ]
    if added:
        parts.append("<p>An addition of ours: the published contract has no such operation.</p>")
    if scopes:
        parts.append(f"<p>Scope: {' or '.join(f'<code>{escape(scope)}</code>' for scope in scopes)}</p>")
    own = [one for one in operation["parameters"] if "$ref" not in one]
    headers = [_resolved(description, one)["name"] for one in operation["parameters"] if "$ref" in one]
    parts.append(f'<p>Headers: <a href="#{contract}-headers">{escape(", ".join(headers))}</a></p>')
    if own:
        rows = [_row(contract, p["name"], p["schema"], bool(p["required"]), p.get("description", "")) for p in own]
        parts.append(f"<h5>Path and query</h5><table>{''.join(rows)}</table>")
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h5>Body <small>{escape(media)}</small></h5><p>{_kind(contract, content['schema'])}</p>")
    parts.append("<h5>Answers</h5><table>")
    refused = [status for status, response in operation["responses"].items() if "$ref" in response]
    for status, response in operation["responses"].items():
        if status not in refused:
            shown = " ".join(_kind(contract, content["schema"]) for content in response.get("content", {}).values())
            parts.append(_named(status, f"{escape(response['description'])} {shown}"))
    parts.append(_named("refusals", f'<a href="#{contract}-refusals">{" ".join(refused)}</a>') + "</table>")
    signed = "signature" in description["components"]["parameters"]
    call, (status, answer) = call_shown(method, path, operation, signed=signed), answer_shown(operation)
    parts.append(f"{_example('Example', call)}{_example(f'Answered {status}', answer)}</details>")
    return "".join(parts)


def _shared(contract: str, components: Json) -> list[str]:
    """What many operations have in common, said once."""
    headers = [
        _row(contract, one["name"], one["schema"], bool(one.get("required")), one.get("description", ""))
        for one in components["parameters"].values()
    ]
    refusals = [
        _named(name.removeprefix("Error"), escape(one["description"])) for name, one in components["responses"].items()
    ]
    return [
        f'<h3 id="{contract}-headers">Headers</h3><table>{"".join(headers)}</table>',
        f'<h3 id="{contract}-refusals">Refusals</h3><p>All are {_kind(contract, _PROBLEM)}.</p>',
        f"<table>{''.join(refusals)}</table>",
    ]


def _named(name: str, shown: str) -> str:
    return f'<tr><th scope="row" class="name">{name}</th><td>{shown}</td></tr>'


def _example(title: str, text: str | None) -> str:
    """What may be wider than the page can be reached with the keyboard, and scrolled."""
    if text is None:
        return ""
    return f'<h5>{title}</h5><pre tabindex="0" role="group" aria-label="{title}">{escape(text)}</pre>'


def _fields(contract: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = [
        _row(contract, name, field, name in required, field.get("description", ""))
        for name, field in schema["properties"].items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _row(contract: str, name: str, schema: Json, required: bool, about: str) -> str:
    mark = ' <span class="required">required</span>' if required else ""
    return (
        f'<tr><th scope="row" class="name">{escape(name)}{mark}</th><td>{_kind(contract, schema)}</td>'
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
