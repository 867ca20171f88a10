"""Compare the descriptions this version serves with the references, where the shared folder is beside the checkout.

    python tools/check_contract.py SHARED_FOLDER

What is served and described by no reference must be marked as an addition, and nothing else may be.

Exit status: 0 when only the differences listed in docs/contract_differences*.txt are left, and the marks are right.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from openvest import catalog
from openvest.declarations import Contract
from openvest.server.openapi import describe

ROOT = Path(__file__).resolve().parent.parent
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Comparison:
    """A contract, a description it is held to, how strictly, and the page of the differences that are right."""

    contract: Contract
    reference: str
    expected: str
    options: Sequence[str] = ()
    without: Sequence[str] = ()
    """Codes that are not compared."""


COMPARISONS = (
    Comparison("v1", "reference/v1/openapi-1.9.0.yaml", "contract_differences.txt"),
    Comparison(
        "v1",
        "reference/v1/machine/openapi-newer.yaml",
        "contract_differences_newer.txt",
        ("--strict", "--certain"),
        without=("504",),  # only an intermediary sends it
    ),
    Comparison(
        "lite",
        "reference/lite/openapi-1.0.0.yaml",
        "contract_differences_lite.txt",
        ("--strict", "--skip", "scopes"),  # its description names none per operation
    ),
)


def main(shared: Path) -> int:
    """Make every comparison, and look at the marks."""
    statuses = [_compared(shared, one) for one in COMPARISONS]
    wrong = list(_wrong_marks(shared))
    for line in wrong:
        print(line)
    return max(*statuses, 1 if wrong else 0)


def _compared(shared: Path, one: Comparison) -> int:
    described = describe(catalog.CONTRACTS[one.contract], one.contract, "check")
    with tempfile.TemporaryDirectory() as folder:
        served, reference = Path(folder) / "served.json", Path(folder) / "reference.json"
        served.write_text(json.dumps(described))
        reference.write_text(json.dumps(_without(_read(shared / one.reference), one.without), default=str))
        tool, page = shared / "tools" / "contract_diff.py", ROOT / "docs" / one.expected
        command = [sys.executable, str(tool), str(reference), str(served), *one.options, "--expected", str(page)]
        print(f"{one.contract}, {Path(one.reference).name}:", flush=True)
        return subprocess.run(command, check=False).returncode


def _read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _without(description: Any, codes: Sequence[str]) -> Any:
    for item in description["paths"].values():
        for name in METHODS:
            for code in codes:
                item.get(name, {}).get("responses", {}).pop(code, None)
    return description


def _wrong_marks(shared: Path) -> Iterator[str]:
    for contract, table in catalog.CONTRACTS.items():
        known = {
            (method, _shape(path))
            for one in COMPARISONS
            if one.contract == contract
            for path, item in _read(shared / one.reference)["paths"].items()
            for method in item
        }
        for endpoint in table:
            is_ours = (endpoint.method.lower(), _shape(endpoint.path)) not in known
            if endpoint.addition != is_ours:
                told = "no reference has it: mark it as an addition" if is_ours else "a reference has it: it is none"
                yield f"{contract} {endpoint.method} {endpoint.path}: {told}"


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
