"""Gates and planted bugs fit each other and the tree; quick gates run here too."""

from __future__ import annotations

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from tests.controls.planted import PLANTED
from tests.gates.catalog import GATES
from tests.gates.gate import Gate
from tests.gates.ground import standing_on
from tests.gates.one import judged
from tests.gates.report import CONTROLS, commit, control_of, read_caught
from tests.gates.scratch import ROOT
from tests.kit.cluster import Cluster

QUICK = [gate for gate in GATES.values() if gate.quick]


def test_every_gate_has_a_planted_bug() -> None:
    assert {planted.gate for planted in PLANTED} == set(GATES)
    assert len({planted.name for planted in PLANTED}) == len(PLANTED)


def test_every_planted_bug_still_fits_the_tree() -> None:
    """Each text that a bug replaces stands exactly once in its file, so that planting it changes what it says."""
    for planted in PLANTED:
        assert set(planted.sizes) <= set(GATES[planted.gate].push), planted.name
        for edit in planted.edits:
            file = ROOT / edit.file
            assert edit.old != edit.new, planted.name
            times = file.read_text(encoding="utf-8").count(edit.old) if edit.old else int(not file.exists())
            assert times == 1, f"{planted.name}: {edit.file} has {times} places for {edit.old!r}"
            # A whole line of a function that a later migration defines anew is in force there alone.
            later = [one for one in file.parent.glob("[0-9]*.sql") if one.name > file.name and edit.old.endswith("\n")]
            again = [one.name for one in later if edit.old in one.read_text(encoding="utf-8")]
            assert not again, f"{planted.name}: what {file.name} says is in force in {again}"


def test_full_sizes_are_no_smaller() -> None:
    for gate in GATES.values():
        assert all(gate.sizes("night")[name] >= count for name, count in gate.push.items()), gate.name


def test_a_report_names_its_commit_and_whether_the_tree_differs(tmp_path: Path) -> None:
    """The files the gates write are no part of the tree, so they make no other one."""
    program = tmp_path / "program.py"
    program.write_text("1\n", encoding="utf-8")

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    git("init")
    git("add", ".")
    git("commit", "--no-gpg-sign", "-m", "first")
    head = git("rev-parse", "HEAD").strip()
    assert commit(tmp_path) == head
    (tmp_path / CONTROLS).write_text("{}\n", encoding="utf-8")
    assert commit(tmp_path) == head
    program.write_text("2\n", encoding="utf-8")
    assert commit(tmp_path) == f"{head}, with changes"


def test_a_report_takes_what_was_seen_of_this_very_bug(tmp_path: Path) -> None:
    """A bug that reads otherwise than the one that was seen has no proof, nor has one where nobody looked."""
    planted = PLANTED[0]

    def proof() -> str | None:
        return control_of(planted.gate, read_caught(tmp_path))[0]["caught"]

    assert proof() is None
    for digest, said in ((planted.digest, "3 lost"), ("another", None)):
        seen = {planted.name: {"gate": planted.gate, "digest": digest, "figure": "3 lost", "commit": "1234"}}
        (tmp_path / CONTROLS).write_text(json.dumps(seen), encoding="utf-8")
        assert proof() == said


@pytest.mark.parametrize("gate", QUICK, ids=lambda gate: gate.name)
def test_a_quick_gate_passes(gate: Gate, cluster: Cluster) -> None:
    with standing_on(cluster):
        told = judged(gate, "test", secrets.randbelow(1_000_000), {})
    assert told["passed"], "\n".join([f"seed {told['seed']}: {told['figure']}", *told["findings"]])
