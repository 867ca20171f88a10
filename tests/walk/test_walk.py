"""Who follows `docs/add-a-feature.md` has a feature that fits, and who leaves a part out is told which and where."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import asyncpg
import pytest

from openvest.db.migrate import apply_migrations, read_folder
from tests.architecture.feature_parts import PARTS
from tests.controls.planting import Edit
from tests.kit.cluster import APP, OWNER, Cluster
from tests.walk.lesson import lesson
from tests.walk.scratch import CHECKS, FEATURE, FOLDER, TESTS, changed, run, walked

SAMPLE = f"{TESTS}/sample.py"


@pytest.fixture(scope="module")
def copy() -> Generator[Path]:
    with walked() as root:
        yield root


def test_the_page_shows_every_part_of_a_feature() -> None:
    files = {edit.file for edit in lesson()}
    assert {f"{FOLDER}/{part}.py" for part in ("__init__", *PARTS)} <= files
    assert {SAMPLE, f"{TESTS}/test_{FEATURE}.py", "src/openvest/catalog.py"} <= files


@pytest.mark.parametrize("check", CHECKS)
def test_the_walk_passes(copy: Path, check: str) -> None:
    done = run(copy, *CHECKS[check])
    assert done.returncode == 0, done.stdout


# Parts left out


@pytest.fixture(scope="module")
def dsn(copy: Path, cluster: Cluster) -> str:
    """A database with the migrations of the copy."""

    async def migrated() -> str:
        name = await cluster.create()
        owner = await asyncpg.connect(cluster.dsn(name, OWNER))
        await apply_migrations(owner, APP, migrations=read_folder(copy / "migrations"))
        await owner.close()
        return cluster.dsn(name, OWNER)

    return asyncio.run(migrated())


def told(root: Path, dsn: str) -> list[str]:
    done = run(root, sys.executable, "-m", "tests.walk.told", dsn)
    assert done.returncode == 0, done.stdout
    return done.stdout.splitlines()


BODY = '"POST /roles": {"user_id": "{trader_id}", "account_id": "{account_id}", "role_type": "TRADER"}'
UNNAMED = "openvest.features.{}: no feature has it; name it in the {} of its FEATURE"


@pytest.mark.parametrize(
    ("edits", "sentences"),
    [
        pytest.param(
            [Edit(f"{FOLDER}/v1.py", '= {"role": Representation(role_v1, RoleView)}', "= {}")],
            [
                f"ROLE.{name}: v1 does not show a role; give REPRESENTATIONS in features/roles/v1.py its mapper and its"
                " schema, or say in UNTOLD why not"
                for name in ("CREATED", "ACTIVATED", "DEACTIVATED")
            ],
            id="mapper",
        ),
        pytest.param(
            [Edit(f"{FOLDER}/feature.py", "    lifecycles=(rules.ROLE,),\n", "")],
            [UNNAMED.format("roles.rules.ROLE", "lifecycles"), "roles.status has no lifecycle table"],
            id="lifecycle",
        ),
        pytest.param(
            [
                Edit(f"{FOLDER}/feature.py", "    blockers=(store.UNDER_WAY,),\n", ""),
                Edit(f"{FOLDER}/store.py", "UNDER_WAY = ClosingBlocker(", "UNDER_WAY = str("),
            ],
            [
                "roles is under way for accounts: name it in a ClosingBlocker of its feature's `blockers`, or in"
                " SHOWN_BY_BALANCES with the reason"
            ],
            id="blocker",
        ),
        pytest.param(
            [Edit(SAMPLE, f"        {BODY},\n", "")],
            [f"{SAMPLE}: SAMPLE.bodies has no body for POST /roles: give one that fits, with ids of objects in braces"],
            id="sample body",
        ),
        pytest.param(
            [Edit("src/openvest/features/cash/feature.py", "    publishers=(service.publish_cash,),\n", "")],
            [UNNAMED.format("cash.service.publish_cash", "publishers")],
            id="publisher",
        ),
    ],
)
def test_what_is_left_out_is_told_with_its_place(
    copy: Path, dsn: str, edits: Sequence[Edit], sentences: Sequence[str]
) -> None:
    with changed(copy, edits):
        assert told(copy, dsn) == sentences
