"""From bytes to checked values: JSON, forms, queries and paths, with every field error named.

Messages never repeat a value that was sent, since it may be personal.

Source: CONTRACTS.md rule 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, cast, get_origin
from urllib.parse import parse_qsl
from uuid import UUID

from pydantic import BaseModel, ValidationError

from openvest.core.problems import FieldError, InvalidRequest, NotFound
from openvest.core.schema import ValidationContext
from openvest.declarations import Endpoint
from openvest.server.authentication import as_uuid
from openvest.server.field_errors import explain

MAX_DEPTH = 32
MAX_VALUES = 2_000
"""Values in one document. Why: what does not fit is judged value by value, while everybody else waits; a megabyte of
them took seconds, and no operation needs nearly as many."""
MAX_MISFITS = 100
"""Field errors that one refusal names, however many there are."""
MAX_QUERY_FIELDS = 100
ROOT = "(root)"
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKET = re.compile(r"[][{}]")
_ODD = re.compile("[\0\ud800-\udfff]")


class _Duplicate(ValueError):
    """An object names a field twice."""


class _Constant(ValueError):
    """NaN or an infinity, which JSON does not have."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Duplicate
    return found


def _constant(_: str) -> Any:
    raise _Constant


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def parse_json(body: bytes) -> Any:
    """One JSON document. Raises: InvalidRequest."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_json("is not UTF-8") from None
    _check_extent(text)
    try:
        value = _DECODER.decode(text)
    except _Duplicate:
        raise _not_json("names a field twice in one object") from None
    except _Constant:
        raise _not_json("holds a number that JSON does not have") from None
    except ValueError:
        raise _not_json("is not JSON") from None
    if "\\u" in text:
        _check_escapes(value)
    return value


def _check_extent(text: str) -> None:
    """Raises: InvalidRequest for what is too deep or too much, judged by brackets and commas.

    Why before it is decoded: a megabyte of empty objects took half a second, while everybody else waits.
    """
    openings = text.count("{") + text.count("[")
    if openings <= MAX_DEPTH and openings + text.count(",") <= MAX_VALUES:
        return
    bare, depth = _STRING.sub("", text), 0
    for bracket in islice(_BRACKET.finditer(bare), 2 * MAX_VALUES):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise _not_json(f"is nested more than {MAX_DEPTH} deep")
    if bare.count("{") + bare.count("[") + bare.count(",") > MAX_VALUES:
        raise _not_json(f"holds more than {MAX_VALUES} values")


def _not_json(what: str) -> InvalidRequest:
    return InvalidRequest(f"The body {what}.", errors=[FieldError(ROOT, what)])


def _children(value: Any) -> Sequence[tuple[str, Any]]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).items())
    if isinstance(value, list):
        return [(str(n), item) for n, item in enumerate(cast("list[Any]", value))]
    return ()


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path or ROOT, value
    for name, child in _children(value):
        yield (path or ROOT), name
        if not _odd(name):  # What is under such a name is refused with it; a refusal could not write the path.
            yield from _texts(child, f"{path}.{name}" if path else name)


def _check_escapes(value: Any) -> None:
    """Raises: InvalidRequest for what can be escaped in JSON but not stored as text."""
    errors = [FieldError(path, "holds a character that is not text") for path, text in _texts(value, "") if _odd(text)]
    if errors:
        raise field_error("body", errors)


def _odd(text: str) -> bool:
    return _ODD.search(text) is not None


def field_error(part: str, errors: Sequence[FieldError]) -> InvalidRequest:
    """The refusal that names every field error, the first three of them in its sentence."""
    named = [f"{error.field} {error.message}" for error in errors[:3]]
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return InvalidRequest(f"The {part} does not fit: {'; '.join(named)}{more}.", errors=errors[:MAX_MISFITS])


def parse_body(endpoint: Endpoint, body: bytes, context: ValidationContext | None = None) -> tuple[Any, Any]:
    """The body as an instance of the endpoint's model, and the plain value it was made from.

    An empty body counts as an empty object, and so does null where nothing is required. Raises: InvalidRequest.
    """
    model = endpoint.body
    if model is None:
        if body.strip() not in (b"", b"{}", b"null", b'""'):
            raise field_error("body", [FieldError(ROOT, "is not taken by this operation")])
        return None, None
    value = _form(body) if endpoint.form else parse_json(body) if body.strip() else {}
    if value is None and not any(field.is_required() for field in model.model_fields.values()):
        value = {}
    return _validated(model, value, "body", context), value


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError:
        raise InvalidRequest("The body is not a form.", errors=[FieldError(ROOT, "is not a form")]) from None
    return _single(pairs, frozenset(), "body")


def parse_query(endpoint: Endpoint, query: bytes) -> Any:
    """The query as an instance of the endpoint's model.

    The empty value of a parameter with a default counts as absent. Raises: InvalidRequest.
    """
    model = endpoint.query
    if not query:
        return None if model is None else _empty(model) or _validated(model, {}, "query")
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except ValueError:
        raise InvalidRequest("The query is not percent-encoded UTF-8 text.") from None
    if any("\0" in value for _, value in pairs):
        raise InvalidRequest("The query holds a character that is not text.")
    if model is None:
        if not pairs:
            return None
        raise field_error("query", [FieldError(name, "is not a known field") for name in dict(pairs)])
    optional, lists = _shape(model)
    kept = [(name, value) for name, value in pairs if value or name not in optional]
    return _validated(model, _single(kept, lists, "query"), "query")


def _single(pairs: Sequence[tuple[str, str]], lists: frozenset[str], part: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    repeated: list[FieldError] = []
    for name, value in pairs:
        if name in lists:
            cast("list[str]", values.setdefault(name, [])).append(value)
        elif name in values:
            repeated.append(FieldError(name, "is given more than once"))
        else:
            values[name] = value
    if repeated:
        raise field_error(part, repeated)
    return values


@lru_cache(maxsize=1024)
def _shape(model: type[BaseModel]) -> tuple[frozenset[str], frozenset[str]]:
    """Parameters with a default, and those that may be repeated."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    optional = frozenset(name for name, field in fields.items() if not field.is_required())
    lists = frozenset(name for name, field in fields.items() if _is_list(field.annotation))
    return optional, lists


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple) or any(
        get_origin(one) in (list, tuple) for one in getattr(annotation, "__args__", ())
    )


@lru_cache(maxsize=1024)
def _empty(model: type[BaseModel]) -> Any:
    """The query without parameters; made once, since models are frozen."""
    try:
        return model.model_validate({})
    except ValidationError:
        return None


def _validated(model: type[BaseModel], value: Any, part: str, context: ValidationContext | None = None) -> Any:
    try:
        return model.model_validate(value, context=context)
    except ValidationError as error:
        raise field_error(part, explain(error, value)) from None


def parse_path(endpoint: Endpoint, names: Sequence[str], values: Sequence[str]) -> Mapping[str, Any]:
    """The path's parameters. Raises: NotFound, as for an id that nobody has."""
    parsed: dict[str, Any] = {}
    for name, text in zip(names, values, strict=True):
        try:
            parsed[name] = _parser(endpoint, name)(text)
        except ValueError:
            raise NotFound("No object has this id.") from None
    return parsed


def _parser(endpoint: Endpoint, name: str) -> Callable[[str], Any]:
    value = endpoint.path_types.get(name)
    return _uuid if value is None else value.parse


def _uuid(text: str) -> UUID:
    found = as_uuid(text)
    if found is None:
        raise ValueError
    return found
