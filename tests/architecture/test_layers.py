"""Calls go down: the import contracts hold for the tree, and each of them is shown an import it must refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.circles import circles
from tests.architecture.feature_contract import FeatureRules, violations
from tests.architecture.tree import ROOT

LAYERS = "cli server worker catalog simulation features work ledger events declarations db ports core sdk".split()
FEATURES = "tenants instruments users accounts cash orders".split()

RULES = FeatureRules(
    package="app.features",
    layers=(
        frozenset({"feature"}),
        frozenset({"v1", "lite", "sweeps"}),
        *(frozenset({name}) for name in "service store rules model".split()),
    ),
    public=frozenset({"service", "model"}),
    assemblers=frozenset({"app.catalog"}),
    assembled=frozenset({"feature"}),
    pure=frozenset({"rules", "model"}),
    impure_imports=frozenset({"app.db", "asyncpg"}),
)


def linted(folder: Path) -> tuple[int, str]:
    """The verdict of import-linter, with the contracts of this repository, on the package `openvest` in a folder."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def skeleton(folder: Path) -> Path:
    """A package of the planned shape in which nothing imports anything."""
    package = folder / "openvest"
    for part in (*LAYERS, *(f"features/{name}" for name in FEATURES)):
        (package / part).mkdir(parents=True)
        (package / part / "__init__.py").touch()
    (package / "__init__.py").touch()
    for part in ("feature", "v1", "lite", "sweeps", "service", "store", "rules", "model"):
        for feature in FEATURES:
            (package / "features" / feature / f"{part}.py").touch()
    return package


def test_contracts_hold_for_the_tree() -> None:
    status, report = linted(ROOT / "src")
    assert status == 0, report
    assert "7 kept, 0 broken" in report


@pytest.mark.parametrize(
    "back",
    [
        "import openvest.core.money\n",
        "from openvest.core import money\n",
        "if TYPE_CHECKING:\n    from openvest.core.money import Decimal\n",
        "def work() -> None:\n    from openvest.core import money\n",
    ],
)
def test_a_circle_of_imports_is_seen(tmp_path: Path, back: str) -> None:
    core = skeleton(tmp_path / "src") / "core"
    (core / "money.py").write_text("from openvest.core import clock\n")
    (core / "clock.py").write_text("from openvest.core.ids import new\n")
    (core / "ids.py").write_text("import uuid\n")
    assert not circles(tmp_path).sentences
    (core / "ids.py").write_text(back)
    assert "openvest.core.clock is imported by openvest.core.money" in circles(tmp_path).sentences[0]


def test_contracts_hold_for_a_tree_of_allowed_imports(tmp_path: Path) -> None:
    package = skeleton(tmp_path)
    (package / "main.py").write_text("import openvest.server, openvest.worker, openvest.catalog, openvest.simulation\n")
    (package / "cli" / "app.py").write_text("import openvest.main, openvest.sdk, openvest.features.orders.service\n")
    (package / "catalog" / "list.py").write_text("import openvest.features.orders.feature\n")
    (package / "features" / "orders" / "v1.py").write_text("import openvest.features.orders.service\n")
    (package / "features" / "orders" / "service.py").write_text(
        "import openvest.features.cash.service, openvest.features.orders.store, openvest.ledger, openvest.events\n"
    )
    (package / "db" / "query.py").write_text("import asyncpg\n")
    status, report = linted(tmp_path)
    assert status == 0, report


@pytest.mark.parametrize(
    ("file", "imported", "contract"),
    [
        ("core/money.py", "openvest.db", "Calls go down"),
        ("ledger/posting.py", "openvest.events", "Calls go down"),
        ("db/unit.py", "openvest.ports", "Calls go down"),
        ("features/orders/service.py", "openvest.simulation", "Calls go down"),
        ("worker/loop.py", "openvest.server", "Calls go down"),
        ("reports.py", "openvest.core", "Calls go down"),
        ("features/cash/service.py", "openvest.features.orders.service", "Features stand"),
        ("features/gifts/service.py", "openvest.core", "Features stand"),
        ("features/orders/store.py", "openvest.features.orders.service", "Inside a feature"),
        ("features/orders/service.py", "openvest.features.cash.store", "Inside a feature"),
        ("features/orders/rules.py", "openvest.db", "Inside a feature"),
        ("core/ids.py", "socket", "core imports no driver"),
        ("server/app.py", "asyncpg", "db is the only place"),
        ("sdk/client.py", "openvest.core", "sdk imports nothing"),
        ("cli/app.py", "openvest.server", "The CLI starts processes"),
    ],
)
def test_contract_refuses_planted_import(tmp_path: Path, file: str, imported: str, contract: str) -> None:
    target = skeleton(tmp_path) / file
    target.parent.mkdir(exist_ok=True)
    (target.parent / "__init__.py").touch()
    target.write_text(f"import {imported}\n")
    status, report = linted(tmp_path)
    broken = [line for line in report.splitlines() if line.endswith("BROKEN")]
    assert status == 1, report
    assert any(line.startswith(contract) for line in broken), report


@pytest.mark.parametrize(
    ("importer", "imported", "sentence"),
    [
        ("app.features.orders.v1", "app.features.orders.service", None),
        ("app.features.orders.v1_schemas", "app.features.orders.model", None),
        ("app.features.orders.service.place", "app.features.orders.store", None),
        ("app.features.orders.service", "app.features.cash.model", None),
        ("app.features.orders", "app.features.orders.model", None),
        ("app.catalog", "app.features.orders.feature", None),
        ("app.server.app", "app.features.orders.service", None),
        ("app.features.orders.model", "app.features.orders.rules_fees", "model stands below rules"),
        ("app.features.orders.v1", "app.features.orders.lite", "v1 and lite stand side by side"),
        ("app.features.orders.service", "app.features.cash.rules", "rules is private to cash"),
        ("app.server.app", "app.features.orders.v1", "v1 is private to orders"),
        ("app.catalog", "app.features.orders.v1", "v1 is private to orders"),
        ("app.features.orders.rules", "app.db.unit", "rules is pure"),
        ("app.features.orders.model", "asyncpg", "model is pure"),
    ],
)
def test_inside_a_feature(importer: str, imported: str, sentence: str | None) -> None:
    expected = [f"{importer} imports {imported}: {sentence}"] if sentence else []
    assert violations(RULES, [(importer, imported)], [importer]) == expected


def test_module_of_no_part_is_named() -> None:
    assert violations(RULES, [], ["app.features.orders.helpers"]) == [
        "app.features.orders.helpers belongs to no part of a feature"
    ]
