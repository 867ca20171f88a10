"""How the tests are dealt to the workers, and what they cost: the slowest, and what one operation more would add.

Nothing is recorded from run to run, so a first run in a new clone is dealt like any other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from openvest.server.router import Hit, Router
from tests.kit.contracts import SERVED

COSTLY = ("faults", "walk", "repeat", "stateful", "gates", "e2e")
"""Folders whose tests take seconds each, the slowest first; those of the others take milliseconds."""
MOST = 0.75
"""A test that asks this share of the served operations grows with each that is added."""
_FOUND = pytest.StashKey[set[tuple[str, str, str]]]()
_OPERATIONS = "operations"


def collected_from(root: Path, worker: int, workers: int) -> list[str]:
    """All folders of tests, beginning where only this worker begins.

    Why: pytest compiles each test file once and keeps that. In a new clone all workers would compile all files at the
    same time; so they find most of them done.
    """
    folders = sorted({str(file.parent.relative_to(root)) for file in (root / "tests").rglob("test_*.py")})
    first = len(folders) * worker // workers
    return folders[first:] + folders[:first]


def dealt(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Costly tests first, one by one to each worker in turn; then the files of the others in the same way.

    Tests on the served sandbox go to one worker together, since each that has one starts it for itself.
    Why: xdist's `worksteal` gives each worker one stretch of this list and lets who is done take from the end of
    another's. So all begin with what is costly, and what is taken at the end is small. A file stays together, since
    its tests may share what they stand on.
    """
    costly, others = list[list[pytest.Item]](), defaultdict[str, list[pytest.Item]](list)
    for item in sorted(items, key=lambda item: (_rank(item), _file(item))):
        if "served" in getattr(item, "fixturenames", ()):
            others["served"].append(item)
        elif _rank(item) < len(COSTLY):
            costly.append([item])
        else:
            others[_file(item)].append(item)
    stretches: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for number, group in enumerate([*costly, *others.values()]):
        stretches[number % workers] += group
    return [item for stretch in stretches for item in stretch]


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _rank(item: pytest.Item) -> int:
    folder = item.nodeid.split("/")[1]
    return COSTLY.index(folder) if folder in COSTLY else len(COSTLY)


@contextmanager
def watched(item: pytest.Item) -> Generator[None]:
    """Inside, notes which operations the applications in this process are asked by this test."""
    find, found = Router.find, item.stash.setdefault(_FOUND, set())

    def noted(router: Router, raw_path: bytes, method: str) -> list[Hit]:
        hits = find(router, raw_path, method)
        found.update((hit.contract, method, hit.route.path) for hit in hits if method in hit.route.endpoints)
        return hits

    with patch.object(Router, "find", noted):
        yield


def noted(item: pytest.Item) -> None:
    """Hand what was asked to the report that is made next."""
    item.user_properties.append((_OPERATIONS, len(item.stash[_FOUND])))


def slope(reports: Iterable[pytest.TestReport]) -> str:
    """What a run cost per served operation: the worker seconds of the tests that ask most operations, by their number.

    An upper bound of what an operation more adds to them: a share of what such a test stands on is in it too.
    """
    seconds, each = Counter[str](), set[str]()
    for report in reports:
        seconds[report.nodeid] += report.duration
        asked = dict(report.user_properties).get(_OPERATIONS, 0)
        if isinstance(asked, int) and asked >= MOST * len(SERVED):
            each.add(report.nodeid)
    part = sum(seconds[name] for name in each)
    return (
        f"{part:.1f} worker seconds in the {len(each)} tests that ask most of the {len(SERVED)} operations:"
        f" {part / len(SERVED):.2f} s per operation (all tests: {sum(seconds.values()):.1f} worker seconds)"
    )
