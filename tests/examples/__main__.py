"""`python -m tests.examples` writes the examples of the served descriptions, `--check` only says which are stale."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence

from openvest.core.contracts import Contract
from openvest.server.examples import FOLDER
from tests.examples.life import examples

SHOWN = "src/openvest/server/assets/examples"


def written(found: Mapping[Contract, object]) -> dict[str, str]:
    """What each file must hold."""
    return {f"{name}.json": json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in found.items()}


def stale(files: Mapping[str, str]) -> list[str]:
    """The files that are missing or hold something else."""
    kept = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.json")}
    return [name for name, text in files.items() if kept.get(name) != text]


def main(arguments: Sequence[str]) -> int:
    """Write what is stale, or only name it. Returns the exit status."""
    files = written(asyncio.run(examples()))
    found = stale(files)
    for name in found:
        if "--check" in arguments:
            print(f"{SHOWN}/{name} is stale; run `make docs`.")
        else:
            (FOLDER / name).write_text(files[name], encoding="utf-8")
            print(f"wrote {SHOWN}/{name}")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
