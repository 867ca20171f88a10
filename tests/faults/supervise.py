"""A supervisor or a visitor in a process of its own, for tests that kill it. Run as a program, standard library only.

`serve DATA_DIR BASE BINARIES` supervises a server until killed; `attach …` uses one until its standard input closes,
`alone …` does so as the only one of its kind. All print one JSON line when the database is ready, or one with
`refused`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from openvest.db.address import DatabaseAddress, EmbeddedError
from openvest.db.attach import attach_or_start
from openvest.db.embedded import EmbeddedServer


def say(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def ready(address: DatabaseAddress) -> None:
    say(pid=address.pid, supervisor_pid=address.supervisor_pid, host=str(address.host), app_dsn=address.app_dsn())
    sys.stdin.read()


def main(verb: str, data_dir: str, base: str, binaries: str) -> None:
    named = Path(binaries) if binaries else None
    try:
        if verb == "serve":
            with EmbeddedServer(Path(data_dir), base=Path(base), binaries=named) as server:
                ready(server.address)
        else:
            alone = verb == "alone"
            with attach_or_start(Path(data_dir), base=Path(base), binaries=named, alone=alone) as address:
                ready(address)
    except EmbeddedError as error:
        say(refused=str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
