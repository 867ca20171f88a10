"""`make walk`: the walk is done in a scratch copy, and the copy is held to every rule and every quick gate, for which
`make test` has no time."""

from __future__ import annotations

import sys
from subprocess import CompletedProcess

from openvest.core.clock import monotonic_ns
from tests.walk.scratch import CHECKS, EVERYTHING, run, walked


def main() -> int:
    failed: list[CompletedProcess[str]] = []
    with walked() as root:
        for name, command in {**CHECKS, "everything": EVERYTHING}.items():
            begun = monotonic_ns()
            done = run(root, *command)
            failed += [done] if done.returncode else []
            print(
                f"{'failed' if done.returncode else 'ok':9}{name:14}{(monotonic_ns() - begun) / 1e9:.1f} s", flush=True
            )
    print("".join(done.stdout for done in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
