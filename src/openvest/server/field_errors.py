"""Field errors of a schema in our own words: a dotted path and a sentence without its subject, for example "is
required"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from openvest.core.problems import FieldError

ROOT = "(root)"

# Facts of a rule, in braces, come from the schema and never from what was sent.
_SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "decimal_type": "must be a decimal number",
    "decimal_parsing": "must be a decimal number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "const_error": "must be {expected}",
    "none_required": "must be null",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must fit the pattern {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is required",
}
_NAMED = re.compile(r"([a-z_][a-z0-9_.]*): (.+)", re.DOTALL)
_MUST = (("is not ", "must not be "), ("is ", "must be "), ("has ", "must have "))
_KEPT = ("is required", "is not a known field", "is given more than once")


def explain(error: ValidationError, value: Any) -> list[FieldError]:
    """Every field error once, in the order the schema found them."""
    found: dict[tuple[str, str], FieldError] = {}
    for detail in error.errors(include_url=False, include_input=False):
        location = _path(detail["loc"], value, detail["type"] == "missing")
        for field, message in _messages(detail["type"], detail.get("ctx", {}), location):
            found.setdefault((field, message), FieldError(field, message))
    return list(found.values())


def _messages(kind: str, facts: Mapping[str, Any], location: str) -> list[tuple[str, str]]:
    if kind == "value_error":
        return [_own(line, location) for line in str(facts["error"]).splitlines()]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tag = str(facts["discriminator"]).strip("'")
        location = tag if location == ROOT else f"{location}.{tag}"
    sentence = _SENTENCES.get(kind, "is not valid")
    return [(location, sentence.format_map(facts))]


def _own(line: str, location: str) -> tuple[str, str]:
    """A message of one of our validators; one that judges several fields begins with the name of the one at fault."""
    named = _NAMED.fullmatch(line)
    if named:
        prefix = "" if location == ROOT else f"{location}."
        location, line = prefix + named[1], named[2]
    line = line.rstrip(".")
    if line.startswith(_KEPT):
        return location, line
    for told, wanted in _MUST:
        if line.startswith(told):
            return location, wanted + line.removeprefix(told)
    return location, line


def _path(location: Sequence[int | str], value: Any, lacks_last: bool) -> str:
    """The dotted path of a field error; names of alternatives that a schema chose between are left out.

    Only what is missing may end in a name that was not sent (`lacks_last`).
    """
    parts: list[str] = []
    for position, part in enumerate(location):
        if isinstance(value, dict) and part in value:
            parts.append(str(part))
            value = cast("dict[Any, Any]", value)[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(cast("list[Any]", value)):
            parts.append(str(part))
            value = cast("list[Any]", value)[part]
        elif lacks_last and position == len(location) - 1 and isinstance(value, dict):
            parts.append(str(part))
    return ".".join(parts) or ROOT
