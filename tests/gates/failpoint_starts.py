"""First starts that crash: one data directory, started again and again, each time to a later death."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence

from openvest.db.migrate import read_migrations
from openvest.main.failpoints import KILLED
from tests.kit.stage import DidNotStart, Stage, free_ports

STARTS = (
    "database.before_pointer",
    "database.before_published",
    "migrations.before_record",
    "migrations.between_files",
    "start.before_instruments",
    "start.before_master_key",
    "start.after_tenant",
    "start.before_topup",
    "start.after_customer",
    "start.after_key_file",
    "start.before_profile",
)
"""In the order in which a first start passes them."""


async def crash_while_starting(stage: Stage, chance: random.Random, names: Sequence[str]) -> list[str]:
    """Die at each place, then start for good, prove the books and use what was furnished. Leaves nothing running."""
    serve = ("serve", "--port", str(free_ports(1)[0]), "--pace", "instant")
    half = len(read_migrations()) // 2
    findings: list[str] = []
    for name in (name for name in STARTS if name in names):
        hit = chance.randint(1, half) if name.startswith("migrations.") else 1
        try:
            await stage.start("serve", *serve, also={"OPENVEST_FAILPOINT": f"{name}:{hit}"})
            findings.append(f"a first start never passes {name}")
            stage.stop()
        except DidNotStart as error:
            status = stage.running.pop("serve").process.returncode
            if status != KILLED:
                findings.append(f"after a crash before {name} the start failed: {error}")
    try:
        await stage.start("serve", *serve)
        findings += _what_is_furnished(stage)
    except DidNotStart as error:
        findings.append(f"after all these crashes: {error}")
    stage.stop()
    return findings


def _what_is_furnished(stage: Stage) -> list[str]:
    """The profile's customer is there with money, and the books of every tenant are sound."""
    stage.run("ledger", "prove")
    profile = tomllib.loads((stage.data_dir / "profile.toml").read_text(encoding="utf-8"))
    customer = profile["customer"]
    account = stage.run("api", "GET", f"/accounts/{customer['account_id']}")
    money = stage.run("api", "GET", f"/account_groups/{customer['account_group_id']}/payments/cash_balance")
    found: list[str] = []
    if '"ACTIVE"' not in account:
        found.append(f"the first customer's account is not active: {account}")
    if '"10000.00"' not in money:
        found.append(f"the first customer has no money: {money}")
    return found
