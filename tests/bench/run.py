"""`python run.py MODULE …`: a module of this bench, run against the checkout that is the working directory.

So two checkouts are measured by one bench, whatever their own is. The program and `tests.kit` are the checkout's.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

FILE = Path(__file__).resolve()


def command(python: str, module: str, *arguments: str) -> list[str]:
    """The command line that runs such a module."""
    return [python, str(FILE), module, *arguments]


def main() -> None:
    sys.path[0] = str(Path.cwd())
    import tests.bench

    tests.bench.__path__[:] = [str(FILE.parent)]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
