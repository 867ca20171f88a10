"""What a machine must give before so many connections can be tried on it."""

from __future__ import annotations

import resource
from pathlib import Path

import psutil

from tests.faults.overload.attack import Attack

SPARE = 1_000
"""Files and ports beside those of the connections."""
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_CONNECTION_BYTES = 40_000
"""Of one connection: both of its ends, and what the kernel keeps of it."""


def missing(attack: Attack) -> list[str]:
    """What is not enough here, a sentence each. The limit of open files is raised as far as it may be."""
    wanted = attack.standing + attack.bodies + SPARE
    said: list[str] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != hard < wanted:
        said.append(f"A process may open {hard} files here, and {wanted} are needed: raise `ulimit -Hn`.")
    elif resource.RLIM_INFINITY != soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if _PORTS.exists():
        first, last = map(int, _PORTS.read_text(encoding="ascii").split())
        if last - first < wanted:
            said.append(f"Clients have {last - first} ports here, and {wanted} are needed: widen {_PORTS}.")
    room, needed = psutil.virtual_memory().available, wanted * _CONNECTION_BYTES + 3 * attack.bodies * attack.body_bytes
    if room < needed:
        said.append(f"{room >> 20} MB of memory are free, and {needed >> 20} MB are needed.")
    return said
