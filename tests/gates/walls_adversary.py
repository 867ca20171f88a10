"""R46: whoever holds the application role's session is refused by the database itself, statement by statement."""

from __future__ import annotations

from collections import Counter

from openvest.db.connections import STATED, open_pool
from tests.gates.gate import Gate, Run, Verdict
from tests.gates.walls_prey import Prey, outcome, prey
from tests.gates.walls_statements import every_attempt
from tests.gates.walls_words import LASTING
from tests.kit.cluster import APP


async def adversary(run: Run) -> Verdict:
    """Make every attempt; each must be refused, and for the reason that the wall in question gives."""
    findings: list[str] = []
    told: Counter[str] = Counter()
    async with prey() as known:
        for attempt in await every_attempt(known):
            said = await outcome(known.session, attempt)
            right = said.partition(":")[0] == attempt.refusal
            told[attempt.kind] += 1
            if not right:
                findings.append(f"{attempt.kind}: {attempt.sql[:160]} → {said[:160]}, expected {attempt.refusal}")
        lasting = await _what_lasts(known)
    findings += lasting
    assert sum(told.values()) > 60
    refused = sum(told.values()) - len(findings) + len(lasting)
    kinds = ", ".join(f"{count} {kind}" for kind, count in told.items())
    figure = f"{refused} statements refused, {len(findings)} not as they must be ({kinds})"
    return Verdict(f"{figure}; {len(LASTING)} defaults of the role changed, {len(lasting)} last", findings)


async def _what_lasts(prey: Prey) -> list[str]:
    """What no database refuses: a role's defaults for its later sessions. The program's own must be as they were.

    Said of this database alone, so that all of it goes with the database.
    """
    # Of an extension that is not here a role cannot change anything.
    own = {setting for setting in STATED if "." not in setting}
    assert own < set(LASTING), "a setting is stated that nobody tries to change"
    for setting, bad in LASTING.items():
        await prey.session.execute(f"alter role {APP} in database {prey.name} set {setting} = '{bad}'")
    pool = await open_pool(prey.dsn, size=1)
    try:
        said = {setting: await pool.fetchval(f"show {setting}") for setting in LASTING}
    finally:
        await pool.close()
    changed = [setting for setting, bad in LASTING.items() if said[setting].lower() == bad.lower()]
    return [f"a later session has {setting} = {said[setting]}, as the adversary said" for setting in changed]


R46 = Gate(
    "R46 database-adversary",
    "the database itself refuses whoever holds the application's session",
    adversary,
    quick=True,
)
