"""`make gates-controls`: plant every bug, one at a time, in a scratch copy, and see its gate turn red.

What was seen is kept in `reliability-controls.json`, from where the report of `make gates` takes it. Bugs that were not
planted this time keep what was seen of them before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.controls.planted import PLANTED
from tests.controls.planting import Planted, plant
from tests.gates.catalog import GATES
from tests.gates.report import CONTROLS, commit, read_caught
from tests.gates.scratch import ROOT, NoVerdict, run_gate, scratch_copy

SEED = 1


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    names = [planted.name for planted in PLANTED]
    parser = argparse.ArgumentParser(prog="python -m tests.gates.controls", description=__doc__)
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"bugs or gates; none: all of {', '.join(names)}")
    parser.add_argument("--report", type=Path, default=ROOT, help="folder of the report")
    asked = parser.parse_args(arguments)
    known = {*names, *(planted.gate for planted in PLANTED)}
    if unknown := [name for name in asked.only if name not in known]:
        parser.error(f"there is no bug or gate {', '.join(unknown)}")
    return asked


async def seen(planted: Planted) -> dict[str, Any]:
    """What the gate says of the bug. `caught` is False where it stays green, or fails for another reason."""
    with scratch_copy() as root:
        plant(planted, root)
        try:
            told = await run_gate(GATES[planted.gate], "push", SEED, root=root, changed=planted.sizes)
        except NoVerdict as error:
            return {"caught": False, "figure": str(error)}
    first = told["findings"][0] if told["findings"] else ""
    figure = f"{told['figure']}; {first}" if first else told["figure"]
    return {"caught": not told["passed"] and told["fault"] is None, "figure": figure[:600]}


async def main(asked: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    chosen = [p for p in PLANTED if not asked.only or p.name in asked.only or p.gate in asked.only]
    caught, missed = read_caught(asked.report), list[str]()
    for planted in chosen:
        head = commit()
        told = await seen(planted)
        mark = "[green]caught[/]" if told["caught"] else "[red]MISSED[/]"
        console.print(f"{mark} {GATES[planted.gate].name:24} {planted.name}: ", end="")
        console.print(f"{planted.what} → {told['figure']}", markup=False)
        if told["caught"]:
            caught[planted.name] = {
                "gate": planted.gate, "digest": planted.digest, "figure": told["figure"], "commit": head,
            }  # fmt: skip
        else:
            missed.append(planted.name)
            caught.pop(planted.name, None)
        kept = {p.name: caught[p.name] for p in PLANTED if p.name in caught}
        (asked.report / CONTROLS).write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    if missed:
        console.print(f"[red]{len(missed)} planted bugs were not caught[/]: {', '.join(missed)}")
        return 1
    console.print(f"[green]all {len(chosen)} planted bugs were caught[/]")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(options())))
