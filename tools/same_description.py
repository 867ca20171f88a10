"""Whether two served descriptions say the same but for the names of their components and tags.

`python -m tools.same_description BEFORE [AFTER]` takes files of `/openapi/<contract>.json`; without AFTER the one this
tree serves is compared. Every reference is replaced by what it stands for, so what is left has no names. Words that
people read (`description`, `title`) may differ: they are listed, since a shape that now stands once says one thing
where several said their own; anything else that differs is the exit status 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from openvest import catalog
from openvest.server.openapi import describe

Json = dict[str, Any]
_PREFIX = "#/components/"
_WORDS = ("description", "title")


def nameless(description: Json) -> Json:
    """The description without tags and components, every reference replaced by what it stands for."""
    used = {name: description["components"][name] for name in ("parameters", "securitySchemes")}
    kept = {name: part for name, part in description.items() if name not in ("tags", "components")}
    whole = cast(Json, _expanded({**kept, "used": used}, description, ()))
    for methods in whole["paths"].values():
        for operation in methods.values():
            operation.pop("tags")
    return whole


def _expanded(part: Any, description: Json, above: tuple[str, ...]) -> Any:
    if isinstance(part, str) and part.startswith(_PREFIX):
        if part in above:
            return f"itself, {len(above) - above.index(part)} levels up"
        found: Any = description
        for step in part.removeprefix("#/").split("/"):
            found = found[step]
        return _expanded(found, description, (*above, part))
    if isinstance(part, list):
        return [_expanded(one, description, above) for one in cast("list[Any]", part)]
    if isinstance(part, dict):
        return {name: _expanded(one, description, above) for name, one in cast(Json, part).items()}
    return part


def differences(before: Any, after: Any, at: str = "") -> Iterator[tuple[str, bool]]:
    """Every place that differs, and whether only words differ there."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        one, other = cast(Json, before), cast(Json, after)
        for name in sorted({*one, *other}):
            # A field may be called `description` too; the words of a schema are text.
            words = name in _WORDS and not isinstance(one.get(name, other.get(name)), Mapping)
            if words and one.get(name) != other.get(name):
                yield f"{at}/{name}: {one.get(name)!r} → {other.get(name)!r}", True
            elif not words:
                yield from differences(one.get(name), other.get(name), f"{at}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(cast("list[Any]", after)):
        for place, (one, other) in enumerate(zip(cast("list[Any]", before), cast("list[Any]", after), strict=True)):
            yield from differences(one, other, f"{at}/{place}")
    elif before != after:
        yield f"{at}: {str(before)[:120]} → {str(after)[:120]}", False


def main(arguments: Sequence[str]) -> int:
    """Compare and print. Returns the exit status."""
    if len(arguments) not in (1, 2):
        print("Give the file of the description before and, if it is not this tree's, the one after.")
        return 2
    before: Json = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    contract = next(name for name in catalog.CONTRACTS if before["info"]["title"].endswith(f" {name}"))
    after: Json = (
        json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
        if len(arguments) == 2
        else json.loads(json.dumps(describe(catalog.CONTRACTS[contract], contract, before["info"]["version"])))
    )
    found = list(differences(nameless(before), nameless(after)))
    words = sorted({place.partition(": ")[2] for place, only_words in found if only_words})
    others = [place for place, only_words in found if not only_words]
    for text in words:
        print(f"words: {text}")
    for place in others:
        print(f"differs: {place}")
    operations = sum(len(methods) for methods in after["paths"].values())
    schemas = " → ".join(str(len(one["components"]["schemas"])) for one in (before, after))
    print(f"{operations} operations, {schemas} schemas, {len(words)} changed texts, {len(others)} other differences.")
    return 1 if others else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
