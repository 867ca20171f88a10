"""Bugs planted against the gate of backups."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_WRITES, _LOADS = "src/openvest/db/backup.py", "src/openvest/db/restore.py"

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R9",
        "a-table-left-out",
        "no answer under a key is in the backup, and nobody misses the table",
        (
            Edit(
                _WRITES,
                " where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'schema_migrations'\n"
                ' order by c.relname\n"""\nTENANTS',
                " where c.relkind in ('r', 'p') and not c.relispartition\n"
                "   and c.relname not in ('schema_migrations', 'idempotency')\n"
                ' order by c.relname\n"""\nTENANTS',
            ),
        ),
    ),
    Planted(
        "R9",
        "not-of-one-instant",
        "every table is read as it is when its turn comes",
        (Edit(_WRITES, 'isolation="repeatable_read"', 'isolation="read_committed"'),),
        {"acknowledged": 300, "clients": 16},
    ),
    Planted(
        "R9",
        "sequences-begin-again",
        "sequences are not restored, so numbers are given out twice",
        (
            Edit(
                _LOADS,
                '        await connection.execute("select setval($1::regclass, $2)", sequence, value)\n',
                "        assert sequence and value\n",
            ),
        ),
    ),
    Planted(
        "R9",
        "walls-stay-down",
        "after a restore the owner is not held by the walls",
        (
            Edit(
                _LOADS,
                '        await connection.execute(f"alter table {name} force row level security")\n',
                "        assert name\n",
            ),
        ),
    ),
)
