"""Arming a crash point in this process, for the tests that see what a crash or a long pause there leaves behind."""

from __future__ import annotations

import os
import signal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from openvest.core.failpoints import UnknownFailpoint, arm
from openvest.db.checks import StartRefused
from openvest.db.connections import connect

if TYPE_CHECKING:
    from openvest.main import Mode

KILLED = 137
"""The status of a process that got SIGKILL, as a shell has it."""
PAUSE = "pause "
"""What stands before the name of a place at which the process is to stop, until it gets SIGCONT, instead of ending."""
_MODE = "select mode from installation"
_IS_THERE = "select to_regclass('installation') is not null"


def arm_failpoint(text: str | None) -> None:
    """Let this process end, or stop, where OPENVEST_FAILPOINT says. Raises: StartRefused for a place there is not."""
    if text is None:
        return
    _import_all()
    try:
        arm(text.removeprefix(PAUSE), _stop if text.startswith(PAUSE) else _end)
    except UnknownFailpoint as error:
        raise StartRefused(f"OPENVEST_FAILPOINT: {error}.") from None


def refuse_failpoint(text: str | None, mode: Mode | None) -> None:
    """Raises: StartRefused in production."""
    if text is not None and mode == "production":
        raise StartRefused("Production is not made to crash; start it without OPENVEST_FAILPOINT.")


async def refuse_failpoint_of(text: str | None, url: str) -> None:
    """The same for the mode a database was made in, before anything is done in it. Raises: StartRefused, OSError."""
    if text is None:
        return
    connection: Any = await connect(url)
    try:
        if await connection.fetchval(_IS_THERE):
            refuse_failpoint(text, await connection.fetchval(_MODE))
    finally:
        await connection.close()


def _import_all() -> None:
    """Every module that declares a place, so that each command knows the same names."""
    import_module("openvest.main.processes")


def _end() -> None:
    os._exit(KILLED)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
