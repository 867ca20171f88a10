"""The tree holds to the plan, and every rule that says so is shown a violation it must see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.architecture.circles import circles
from tests.architecture.rules import (
    WAKE,
    addresses,
    environment,
    floats,
    notify_in_migrations,
    notify_in_python,
    silenced,
    sql_wall_clock,
    wall_clock,
)
from tests.architecture.sizes import RECORD, lower, sizes
from tests.architecture.tree import ROOT, Rule

RULES = (
    sizes,
    wall_clock,
    sql_wall_clock,
    notify_in_migrations,
    notify_in_python,
    floats,
    environment,
    silenced,
    addresses,
    circles,
)

SOURCE = "src/openvest/features/orders/service.py"
LONG_FUNCTION = "def place():\n" + "    pass\n" * 60
WIRE_NOW = "create function wire_now() returns timestamptz language sql as $$ select {} $$;\n"

# Pieces that must not stand in this file as a whole.
HOST = "files." + "pythonhosted" + ".org"
HOME = "/" + "home/ada/openvest"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_tree_keeps_rule(rule: Rule) -> None:
    found = rule(ROOT)
    assert found.looked_at > 0, "the rule read no file, so it says nothing"
    assert not found.sentences, "\n".join(found.sentences)


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (sizes, SOURCE, "x = 1\n" * 401),
        (sizes, SOURCE, LONG_FUNCTION),
        (sizes, "tests/unit/test_orders.py", "class Place:\n" + "    async def sell():\n" + "        pass\n" * 60),
        (circles, SOURCE, "import openvest.features.orders.service\n"),
        (wall_clock, SOURCE, "from datetime import datetime\nat = datetime.now()\n"),
        (wall_clock, SOURCE, "import datetime as dt\nat = dt.datetime.utcnow()\n"),
        (wall_clock, SOURCE, "import datetime\non = datetime.date.today()\n"),
        (wall_clock, SOURCE, "from time import time as clock\nat = clock()\n"),
        (wall_clock, SOURCE, "import time\nread = time.time_ns\n"),
        (wall_clock, SOURCE, 'SQL = "select now()"\n'),
        (wall_clock, SOURCE, 'SQL = f"select {1} where at < CURRENT_TIMESTAMP"\n'),
        (wall_clock, SOURCE, 'SQL = "select clock_timestamp()"\n'),
        (sql_wall_clock, "migrations/0001_create_orders.sql", "create table o (at timestamptz default now());\n"),
        (sql_wall_clock, "migrations/0001_create_clock.sql", WIRE_NOW.format("now()") + "select current_date;\n"),
        (notify_in_migrations, "migrations/0001_create_orders.sql", "select pg_notify('orders', '');\n"),
        (notify_in_migrations, "migrations/0001_create_orders.sql", "begin\n  NOTIFY orders;\nend\n"),
        (notify_in_python, SOURCE, "SQL = \"select pg_notify('orders', '')\"\n"),
        (notify_in_python, SOURCE, 'SQL = "notify orders"\n'),
        (notify_in_python, WAKE, "async def tell(database): await database.write(None, None)\n"),
        (notify_in_python, WAKE, "async def tell(unit): await unit.run(None)\n"),
        (notify_in_python, WAKE, 'SQL = "begin; select 1"\n'),
        (floats, SOURCE, "half = 0.5\n"),
        (floats, SOURCE, "def price(raw: str):\n    return float(raw)\n"),
        (floats, "src/openvest/core/money.py", "def add(one: float): ...\n"),
        (floats, "src/openvest/ledger/lots.py", "SHARE = 1e-9\n"),
        (environment, SOURCE, 'import os\nmode = os.environ["MODE"]\n'),
        (environment, SOURCE, 'from os import getenv\nmode = getenv("MODE")\n'),
        (environment, "src/openvest/cli/orders.py", 'import typer\nmode = typer.Option(envvar="MODE")\n'),
        (silenced, SOURCE, "x = 1  # type" + ": ignore\n"),
        (silenced, SOURCE, "x = 1  # pyright" + ": ignore[reportUnknownMemberType]\n"),
        (addresses, "requirements/runtime.txt", f"--index-url https://{HOST}/simple\n"),
        (addresses, "docs/guide.md", f"Open {HOME}/README.md.\n"),
        (addresses, "docs/guide.md", "See `/" + "root/openvest`.\n"),
    ],
)
def test_rule_sees_planted_field_error(tmp_path: Path, rule: Rule, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert len(rule(tmp_path).sentences) == 1


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (sizes, SOURCE, "x = 1\n" * 400),
        (wall_clock, "src/openvest/core/clock.py", "from datetime import datetime\nat = datetime.now()\n"),
        (wall_clock, SOURCE, "from openvest.core import clock\nat = clock.now()\n"),
        (wall_clock, SOURCE, '"""Never now()."""\nimport time\nSQL = "select wire_now()"\nspent = time.monotonic()\n'),
        (sql_wall_clock, "migrations/0001_create_clock.sql", "-- now()\n" + WIRE_NOW.format("clock_timestamp()")),
        (notify_in_python, WAKE, "SQL = \"select pg_notify('wake', '')\"\n"),
        (notify_in_python, SOURCE, '"""It would notify nobody.\n\nnotify nobody."""\nTEXT = "we notify nobody"\n'),
        (floats, "src/openvest/server/app.py", "timeout_seconds = 0.5\n"),
        (environment, "src/openvest/main/environment.py", 'import os\nmode = os.environ["MODE"]\n'),
        (silenced, SOURCE, "x = 1  # type" + ": ignore[assignment] the driver returns what the query names\n"),
        (addresses, "docs/guide.md", "Call /orders/work/1 and src/openvest/work/runner.py.\n"),
    ],
)
def test_rule_leaves_the_allowed_alone(tmp_path: Path, rule: Rule, path: str, text: str) -> None:
    plant(tmp_path, path, text)
    assert rule(tmp_path).sentences == []


def test_feature_over_its_size_is_seen(tmp_path: Path) -> None:
    for number in range(5):
        plant(tmp_path, f"src/openvest/features/orders/rules_{number}.py", "x = 1\n" * 301)
    assert sizes(tmp_path).sentences == ["feature orders: 1505 lines; split it by what it does"]


@pytest.mark.parametrize(
    ("lines", "recorded", "sentence"),
    [
        (450, 450, None),
        (451, 450, "grew from 450 to 451 lines; the ratchet only shrinks"),
        (449, 450, None),
        (399, 450, None),
    ],
)
def test_ratchet_refuses_growth_only(tmp_path: Path, lines: int, recorded: int, sentence: str | None) -> None:
    plant(tmp_path, SOURCE, "x = 1\n" * lines)
    plant(tmp_path, RECORD.as_posix(), json.dumps({f"file {SOURCE}": recorded}))
    assert sizes(tmp_path).sentences == ([f"file {SOURCE}: {sentence}"] if sentence else [])


@pytest.mark.parametrize(("lines", "left"), [(399, None), (449, 449), (450, 450), (451, 450)])
def test_ratchet_is_lowered_and_never_raised(tmp_path: Path, lines: int, left: int | None) -> None:
    plant(tmp_path, SOURCE, "x = 1\n" * lines)
    plant(tmp_path, RECORD.as_posix(), json.dumps({f"file {SOURCE}": 450}))
    assert lower(tmp_path) == ({f"file {SOURCE}": left} if left else {})
    assert json.loads((tmp_path / RECORD).read_text(encoding="utf-8")) == lower(tmp_path)


def plant(root: Path, path: str, text: str) -> None:
    """Write one file of a tree that a rule is to look at."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
