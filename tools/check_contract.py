"""Compare the description this version serves with the reference, where the shared folder is beside the checkout.

    python tools/check_contract.py SHARED_FOLDER

Exit status: that of the comparison, 0 when only the differences listed in docs/contract_differences.txt are left.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from openvest import catalog
from openvest.server.openapi import describe

ROOT = Path(__file__).resolve().parent.parent


def main(shared: Path) -> int:
    """Write the served description to a file and run the comparison on it."""
    with tempfile.TemporaryDirectory() as folder:
        served = Path(folder) / "v1.json"
        served.write_text(json.dumps(describe(catalog.V1_ENDPOINTS, "v1", "check")))
        command = [
            sys.executable,
            str(shared / "tools" / "contract_diff.py"),
            str(shared / "reference" / "v1" / "openapi-1.9.0.yaml"),
            str(served),
            "--expected",
            str(ROOT / "docs" / "contract_differences.txt"),
        ]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
