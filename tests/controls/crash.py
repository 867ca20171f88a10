"""Bugs planted against the gates of kills."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

# The server's settings, and the look at them that would refuse to start.
_DOES_NOT_WAIT = (
    Edit(
        "src/openvest/db/cluster.py",
        '"synchronous_commit": "on",\n',
        '"synchronous_commit": "off",\n        "wal_writer_delay": "10s",\n',
    ),
    Edit("src/openvest/db/checks.py", '        if row["is_off"]:\n', '        if row["is_off"] and False:\n'),
)

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R1",
        "commits-do-not-wait",
        "commits do not wait for the disk, and the start does not look",
        _DOES_NOT_WAIT,
        {"kills": 3, "acknowledged": 500},
    ),
    Planted(
        "R2",
        "answer-before-commit",
        "a flush answers its requests before it commits",
        (
            Edit(
                "src/openvest/server/flush.py",
                "            _BEFORE_COMMIT()\n",
                "            asked.spend()\n"
                "            for one, position in zip(waiting, range(len(items)), strict=True):\n"
                "                self._settle(key, one, plan.outcomes[position])\n"
                "            await asyncio.sleep(0.05)\n"
                "            _BEFORE_COMMIT()\n",
            ),
        ),
        {"kills": 4, "acknowledged": 500},
    ),
    Planted(
        "R3",
        "numbered-side-by-side",
        "two workers number the events of a tenant at once, since the lock that keeps them apart is ignored",
        (
            Edit(
                "src/openvest/events/sequencer.py",
                "        if not await unit.one(_LOCK, tenant_id):\n",
                "        if await unit.one(_LOCK, tenant_id) is None:\n",
            ),
        ),
        {"kills": 2, "acknowledged": 1_000},
    ),
    Planted(
        "R7",
        "broken-connection-is-a-fault",
        "a connection that broke is taken for a fault of the program, not for a database that is away",
        (
            Edit(
                "src/openvest/db/unit.py",
                "        except DOWN as error:\n            if is_misuse(error)",
                "        except ZeroDivisionError as error:\n            if is_misuse(error)",
            ),
        ),
        {"cuts": 60, "acknowledged": 500},
    ),
    Planted(
        "R7",
        "unknown-outcome-is-told-as-done",
        "a write whose connection broke in its commit is answered as if it were done",
        (
            Edit(
                "src/openvest/db/connections.py",
                '        await connection.execute("commit")\n'
                "    except (TimeoutError, asyncio.CancelledError):\n        connection.terminate()\n        raise\n",
                '        await asyncio.sleep(0.05)\n        await connection.execute("commit")\n'
                "    except DOWN:\n        connection.terminate()\n",
            ),
        ),
        {"cuts": 150, "acknowledged": 1_000},
    ),
)
