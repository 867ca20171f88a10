"""The layout rules as functions over a root folder; `test_layout.py` holds the tree and planted violations to them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.tree import (
    PACKAGE,
    Findings,
    comments,
    dotted,
    imported_names,
    python_sources,
    strings,
    tracked_files,
)

# The SDK imports nothing of ours, so it needs the one clock of its own.
CLOCKS = (f"{PACKAGE}/core/clock.py", f"{PACKAGE}/sdk/clock.py")
WAKE = f"{PACKAGE}/db/wake.py"
ENVIRONMENT_READERS = (f"{PACKAGE}/main/environment.py", f"{PACKAGE}/cli/app.py")
MONEY_PATHS = (
    f"{PACKAGE}/core/money.py",
    f"{PACKAGE}/ledger",
    f"{PACKAGE}/features",
    f"{PACKAGE}/ports",
    f"{PACKAGE}/simulation",
)

WALL_CLOCKS = frozenset(
    """
    datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    time.time time.time_ns time.localtime time.gmtime time.ctime time.clock_gettime
    """.split()
)
SQL_WALL_CLOCK = re.compile(
    r"\bnow\s*\(\s*\)|\b(?:clock|statement|transaction)_timestamp\b|\bcurrent_(?:timestamp|date|time)\b"
    r"|\blocal(?:timestamp|time)\b",
    re.IGNORECASE,
)
WIRE_NOW_DEFINITION = re.compile(
    r"create\s+(?:or\s+replace\s+)?function\s+(?:\w+\.)?wire_now\b.*?(\$\w*\$).*?\1", re.IGNORECASE | re.DOTALL
)
SQL_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
SQL_NOTIFY = re.compile(r"\bpg_notify\s*\(|^\s*notify\s+\w", re.IGNORECASE | re.MULTILINE)
OPENS_TRANSACTION = re.compile(r"^\s*(?:begin|start\s+transaction)\b|\bopen_unit\b", re.IGNORECASE)
SILENCED = re.compile(r"#\s*(?:type|pyright):\s*ignore(.*)")
SILENCED_WITH_REASON = re.compile(r"\s*\[[\w, -]+\]\W*\w+.*")

# Written in pieces, so that this file does not hold what it looks for.
REGISTRY_NAMES = "pypi pythonhosted npmjs yarnpkg debian crates rubygems golang maven anaconda".split()
REGISTRY_HOST = re.compile(
    r"\b(?:[\w-]+\.)*(?:" + "|".join(REGISTRY_NAMES) + r")\.(?:org|com|io|net)\b|\b(?:ghcr|docker|quay)\.io\b"
)
DEVELOPER_PATH = re.compile(
    r"(?<![\w.~-])/(?:root|work)/[\w.-]+|(?<![\w.~-])/(?:home|Users)/[\w.-]+/|\b[A-Z]:\\Users\\"
)


def wall_clock(root: Path) -> Findings:
    """Time comes from the clock that is handed in; only the clocks themselves ask the machine."""
    found = Findings()
    for source in python_sources(root, PACKAGE):
        if source.path in CLOCKS:
            continue
        found.looked_at += 1
        names = imported_names(source.tree)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute | ast.Name) and dotted(node, names) in WALL_CLOCKS:
                found.say(f"{source.path}:{node.lineno}", f"{dotted(node, names)} reads the wall clock")
        for line, text in strings(source):
            if hit := SQL_WALL_CLOCK.search(text):
                found.say(f"{source.path}:{line}", f"{hit.group()} reads the database's wall clock; use wire_now()")
    return found


def sql_wall_clock(root: Path) -> Findings:
    """The same for SQL files: only the definition of wire_now() may ask the database for its clock."""
    found = Findings()
    for file in sorted((root / "migrations").glob("*.sql")) + sorted((root / PACKAGE).rglob("*.sql")):
        found.looked_at += 1
        text = _blanked(WIRE_NOW_DEFINITION, _blanked(SQL_COMMENT, file.read_text(encoding="utf-8")))
        for hit in SQL_WALL_CLOCK.finditer(text):
            line = text.count("\n", 0, hit.start()) + 1
            found.say(f"{file.relative_to(root).as_posix()}:{line}", f"{hit.group()} outside wire_now()")
    return found


def notify_in_migrations(root: Path) -> Findings:
    """A function or trigger runs inside the write that fired it, so none may notify.

    Why: NOTIFY takes a lock of the whole database at commit and would put all writers in one line.
    """
    found = Findings()
    for file in sorted((root / "migrations").glob("*.sql")):
        found.looked_at += 1
        text = _blanked(SQL_COMMENT, file.read_text(encoding="utf-8"))
        for hit in SQL_NOTIFY.finditer(text):
            line = text.count("\n", 0, hit.start()) + 1
            found.say(f"{file.relative_to(root).as_posix()}:{line}", "NOTIFY inside a write transaction")
    return found


def notify_in_python(root: Path) -> Findings:
    """Only the module that wakes workers notifies, and it knows neither units of work nor transactions."""
    found = Findings()
    for source in python_sources(root, PACKAGE):
        found.looked_at += 1
        if source.path != WAKE:
            for line, text in strings(source):
                if SQL_NOTIFY.search(text):
                    found.say(f"{source.path}:{line}", "NOTIFY outside the module that wakes workers")
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and node.attr in ("write", "transaction", "run"):
                found.say(f"{source.path}:{node.lineno}", f"NOTIFY beside {node.attr}, which opens or joins a write")
        for line, text in strings(source):
            if OPENS_TRANSACTION.search(text):
                found.say(f"{source.path}:{line}", "NOTIFY beside a transaction that is opened by hand")
    return found


def floats(root: Path) -> Findings:
    """Money, quantities and prices are Decimal from JSON to ledger."""
    found = Findings()
    for source in python_sources(root, *(path for path in MONEY_PATHS if (root / path).exists())):
        found.looked_at += 1
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Name) and node.id == "float":
                found.say(f"{source.path}:{node.lineno}", "float on a path of money")
            elif isinstance(node, ast.Constant) and isinstance(node.value, float):
                found.say(f"{source.path}:{node.lineno}", f"the float {node.value} on a path of money")
    return found


def environment(root: Path) -> Findings:
    """Only the composition root reads the environment; everything else is handed what it needs."""
    found = Findings()
    for source in python_sources(root, PACKAGE):
        found.looked_at += 1
        if source.path in ENVIRONMENT_READERS:
            continue
        names = imported_names(source.tree)
        for node in ast.walk(source.tree):
            name = dotted(node, names) if isinstance(node, ast.Attribute | ast.Name) else ""
            if name in {"os.environ", "os.environb", "os.getenv", "os.getenvb"}:
                found.say(f"{source.path}:{node.lineno}", f"{name} outside the composition root")
            elif isinstance(node, ast.keyword) and node.arg in {"envvar", "auto_envvar_prefix"}:
                found.say(f"{source.path}:{node.lineno}", f"{node.arg} reads the environment")
    return found


def silenced(root: Path) -> Findings:
    """A silenced type error names its rule and its reason on the same line."""
    found = Findings()
    for source in python_sources(root, "src", "tests", "tools"):
        found.looked_at += 1
        for line, text in comments(source):
            hit = SILENCED.search(text)
            if hit and not SILENCED_WITH_REASON.fullmatch(hit.group(1)):
                found.say(f"{source.path}:{line}", "a type error silenced without its rule and a reason")
    return found


def addresses(root: Path) -> Findings:
    """No tracked file names a package registry or a folder of somebody's machine."""
    found = Findings()
    for file in tracked_files(root):
        found.looked_at += 1
        content = file.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), start=1):
            place = f"{file.relative_to(root).as_posix()}:{number}"
            if REGISTRY_HOST.search(line):
                found.say(place, "the address of a package registry")
            if DEVELOPER_PATH.search(line):
                found.say(place, "a path of somebody's machine")
    return found


def _blanked(pattern: re.Pattern[str], text: str) -> str:
    """The text without what the pattern matches, its lines still counted right."""
    return pattern.sub(lambda hit: "\n" * hit.group().count("\n"), text)
