"""Bugs planted against the gates of pools."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R8",
        "no-room-is-a-fault",
        "a database without room is taken for a fault of the program",
        (Edit("src/openvest/db/faults.py", '"08", "40", "53", "55"', '"08", "40", "55"'),),
    ),
    Planted(
        "R43",
        "drain-lock-beside-its-work",
        "the lock of a drain lies on one connection of the pool and its work asks for another, without any limit",
        (
            Edit(
                "src/openvest/work/runner.py",
                "await attempt.enter_async_context(self.database.reserved())",
                "await attempt.enter_async_context(self.database.pool.acquire())",
            ),
            Edit(
                "src/openvest/db/lending.py",
                "limit = asyncio.timeout(self.acquire_seconds)",
                "limit = asyncio.timeout(None)",
            ),
        ),
    ),
    Planted(
        "ends",
        "takes-its-time",
        "a process that is to end gives what hangs ten times as long",
        (Edit("src/openvest/db/ending.py", "END_SECONDS = 9.5\n", "END_SECONDS = 95.0\n"),),
    ),
)
