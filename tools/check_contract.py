"""Compare the descriptions this version serves with the references, where the shared folder is beside the checkout.

    python tools/check_contract.py SHARED_FOLDER

Exit status: that of the comparisons, 0 when only the differences listed in docs/contract_differences*.txt are left.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from openvest import catalog
from openvest.declarations import Contract, Endpoint
from openvest.server.openapi import describe

ROOT = Path(__file__).resolve().parent.parent


REFERENCES: Mapping[Contract, tuple[str, str]] = {
    "v1": ("reference/v1/openapi-1.9.0.yaml", "contract_differences.txt"),
    "lite": ("reference/lite/openapi-1.0.0.yaml", "contract_differences_lite.txt"),
}
"""The reference description of each contract, and the page of the differences that are right."""


def main(shared: Path) -> int:
    """Write each served description to a file and run the comparison on it."""
    return max(_compared(shared, contract, table) for contract, table in catalog.CONTRACTS.items() if table)


def _compared(shared: Path, contract: Contract, table: Sequence[Endpoint]) -> int:
    reference, expected = REFERENCES[contract]
    with tempfile.TemporaryDirectory() as folder:
        served = Path(folder) / f"{contract}.json"
        served.write_text(json.dumps(describe(table, contract, "check")))
        command = [
            sys.executable,
            str(shared / "tools" / "contract_diff.py"),
            str(shared / reference),
            str(served),
            "--expected",
            str(ROOT / "docs" / expected),
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
