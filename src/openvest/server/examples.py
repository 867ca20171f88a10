"""Examples of operations: what a life over the simulated outside asked and was answered, as `make docs` writes it.

Why kept and not made when they are asked for: a description is the same bytes on every machine, without a database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from openvest.core.contracts import Contract

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "assets" / "examples"


@cache
def examples_of(contract: Contract) -> Mapping[str, Json]:
    """By operation id: `target`, `request` and `answer` (None without a body), `status`."""
    file = FOLDER / f"{contract}.json"
    found: Mapping[str, Json] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found


def illustrate(operation: Json, path: str, example: Json) -> None:
    """Put an example into a described operation: its parameters, its body, its answer."""
    values = _values(path, example["target"])
    for parameter in operation["parameters"]:
        if parameter.get("name") in values:
            text = values[parameter["name"]]
            parameter["example"] = int(text) if parameter["schema"].get("type") == "integer" else text
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["example"] = example["request"]
    for content in operation["responses"][str(example["status"])].get("content", {}).values():
        content["example"] = example["answer"]


def _values(path: str, target: str) -> dict[str, str]:
    """What a target has in the place of each parameter of the path and of its query."""
    asked = urlsplit(target)
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path))
    found = re.fullmatch(pattern, asked.path)
    in_path = {} if found is None else {name: unquote(value) for name, value in found.groupdict().items()}
    return {**in_path, **dict(parse_qsl(asked.query))}
