"""Answers held against the description the server serves."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from openvest.sdk.client import Response

Json = dict[str, Any]


class Description:
    """An OpenAPI document, as far as answers go. `deviations` are sentences about answers that did not fit."""

    def __init__(self, document: Json) -> None:
        self._document = document
        self._validators: dict[tuple[str, str, str], Draft202012Validator] = {}
        self.held = 0
        self.deviations: list[str] = []

    def look(self, method: str, target: str, answer: Response) -> None:
        """Hold one answer against what is described for its operation and status."""
        path = urlsplit(target).path
        template = self._template(path)
        self.held += 1
        if template is None:
            self.deviations.append(f"{method} {path} is not described")
            return
        deviation = self._deviation(method.lower(), template, answer)
        if deviation is not None:
            self.deviations.append(f"{method} {template} {answer.status}: {deviation}")

    def _deviation(self, method: str, template: str, answer: Response) -> str | None:
        operation: Json = self._document["paths"][template].get(method, {})
        response = self._resolved(operation.get("responses", {}).get(str(answer.status)))
        if response is None:
            return "this status is not described"
        media = answer.headers.get("content-type", "").partition(";")[0]
        contents: Json = response.get("content", {})
        if not contents:
            return None if not answer.body else "a body where none is described"
        if media not in contents:
            return f"{media} is not described"
        key = (template, method, f"{answer.status} {media}")
        if key not in self._validators:
            schema = {**contents[media]["schema"], "components": self._document["components"]}
            self._validators[key] = Draft202012Validator(schema)
        errors: list[ValidationError] = list(cast(Any, self._validators[key]).iter_errors(json.loads(answer.body)))
        return f"{errors[0].json_path}: {errors[0].message}" if errors else None

    def _resolved(self, node: Json | None) -> Json | None:
        while node is not None and "$ref" in node:
            found: Any = self._document
            for part in str(node["$ref"]).removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _template(self, path: str) -> str | None:
        """The described path that a request's path fits; words before parameters."""
        parts = path.split("/")
        fitting: list[str] = []
        for template in self._document["paths"]:
            pieces = str(template).split("/")
            if len(pieces) == len(parts) and all(
                piece.startswith("{") or piece == part for piece, part in zip(pieces, parts, strict=True)
            ):
                fitting.append(template)
        return min(fitting, key=lambda template: template.count("{")) if fitting else None
