"""How a command ends when it cannot do what it was asked: a sentence, one next step, an exit status."""

from __future__ import annotations

import sys

REFUSED, USAGE, NETWORK = 1, 2, 3
# SQLSTATE: authorisation, an unknown database, privileges.
_OF_ROLES = ("28", "3D", "42501")


class Failed(Exception):
    """A refusal. `sentence` says what is wrong, `next_step` what to do; it may be part of the sentence already."""

    def __init__(self, sentence: str, next_step: str = "", status: int = REFUSED) -> None:
        super().__init__(sentence)
        self.sentence, self.next_step, self.status = sentence, next_step, status


def tell(failure: Failed) -> int:
    """Write it to the console. Returns the exit status."""
    print(f"openvest: {failure.sentence}", file=sys.stderr)
    if failure.next_step:
        print(f"next: {failure.next_step}", file=sys.stderr)
    return failure.status


def failure_of(error: BaseException) -> Failed | None:
    """What an exception of the program says to whoever typed the command; None for a fault of ours.

    Why the imports inside: a command that succeeds does not pay for them.
    """
    from openvest.core.problems import Problem
    from openvest.db.address import EmbeddedError
    from openvest.db.backup import BackupRefused
    from openvest.db.checks import StartRefused
    from openvest.db.faults import DOWN
    from openvest.db.migrate import SchemaRefused
    from openvest.db.tenant_file import MoveRefused
    from openvest.db.unit import DatabaseDown

    if isinstance(error, Failed):
        return error
    if isinstance(error, EmbeddedError | StartRefused | SchemaRefused | BackupRefused | MoveRefused):
        return Failed(str(error))  # their sentences end with what to do
    if isinstance(error, Problem):
        listed = "".join(f"\n  {field_error.field}: {field_error.message}" for field_error in error.errors)
        return Failed(error.detail + listed, "correct it and run the command again; --help shows an example")
    if isinstance(error, OSError) and error.filename is not None:
        return Failed(
            f"{error.filename}: {error.strerror or type(error).__name__}.",
            "mend that, or choose another folder with --data-dir",
        )
    if isinstance(error, (DatabaseDown, *DOWN)):
        return Failed(
            f"The database does not answer ({_short(error)}).",
            "start it, or correct DATABASE_URL; `openvest doctor` shows what is there",
            NETWORK,
        )
    if type(error).__module__.startswith("asyncpg"):
        if not str(getattr(error, "sqlstate", "")).startswith(_OF_ROLES):
            return Failed(
                f"The database refused ({_short(error)}).",
                "look at what was asked of it; `openvest doctor` and the log of the database say more",
            )
        return Failed(
            f"The database refused ({_short(error)}).",
            "check the roles and passwords of DATABASE_URL and DATABASE_ADMIN_URL, then run the command again",
        )
    return None


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
