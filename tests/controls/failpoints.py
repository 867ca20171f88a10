"""Bugs planted against the gate of crash points."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R4",
        "delivered-before-sent",
        "a package is recorded as delivered when it is leased, before it is sent",
        (
            Edit(
                "src/openvest/worker/deliveries.py",
                "            look = await webhooks.next_look(unit, left)\n",
                "            await webhooks.record_outcomes(unit, [Outcome(package, None) for package in packages])\n"
                "            look = await webhooks.next_look(unit, left)\n",
            ),
        ),
        {"part": 1},
    ),
    Planted(
        "R4",
        "events-after-commit",
        "events are written in a transaction of their own, after the commit of what they tell",
        (
            Edit(
                "src/openvest/db/unit.py",
                "        if self._events:\n            _BEFORE_EVENTS()\n            await self._write_events()\n",
                "        if self._events:\n            _BEFORE_EVENTS()\n"
                "            for statement, args in self._late:\n"
                "                await self.run(statement, *args)\n"
                "            self._late.clear()\n",
            ),
            Edit(
                "src/openvest/db/unit.py",
                "            _AFTER_COMMIT()\n",
                "            _AFTER_COMMIT()\n"
                "            if unit.event_count:\n"
                '                await connection.execute("begin")\n'
                "                await self._open(connection, tenant_id, 0, None, True)\n"
                "                await unit._write_events()\n"
                '                await connection.execute("commit")\n',
            ),
        ),
        {"part": 2},
    ),
    Planted(
        "R4",
        "left-with-the-dead",
        "what was leased to the bank by a process that died is handed over by nobody",
        (
            Edit(
                "src/openvest/features/bank/store.py",
                "(leased_until is null or leased_until < wire_now() or $5)",
                "(leased_until is null or $5)",
            ),
        ),
        {"part": 3},
    ),
)
