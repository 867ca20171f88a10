"""The report: one JSON file for programs, one page for people."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.controls.planted import PLANTED
from tests.gates.catalog import GATES
from tests.gates.scratch import ROOT

CONTROLS = "reliability-controls.json"
"""What `make gates-controls` saw last, by planted bug, beside the report; the digest tells for which bug exactly."""


def commit(root: Path = ROOT) -> str:
    """The commit of the tree, and whether the tree differs from it."""
    head = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{head}, with changes" if changed else head


def _git(root: Path, *arguments: str) -> str:
    """What git says, which may be nothing."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def machine() -> dict[str, Any]:
    """Units: memory in GiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "python": platform.python_version(),
    }


def read_caught(folder: Path) -> dict[str, Any]:
    """What was seen of planted bugs, where somebody looked; an output like the report, and no part of the tree."""
    seen = folder / CONTROLS
    return json.loads(seen.read_text(encoding="utf-8")) if seen.exists() else {}


def control_of(gate: str, caught: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bugs planted against a gate, each with the proof that it was caught; None: not seen for this very bug."""
    told: list[dict[str, Any]] = []
    for planted in PLANTED:
        if planted.gate == gate:
            seen = caught.get(planted.name)
            proof = seen["figure"] if seen and seen["digest"] == planted.digest else None
            told.append({"name": planted.name, "planted": planted.what, "caught": proof})
    return told


def write_report(folder: Path, verdicts: Sequence[Mapping[str, Any]], size: str) -> list[Path]:
    """Write both files. Returns their paths."""
    caught = read_caught(folder)
    gates = [
        {
            **{name: told[name] for name in ("gate", "figure", "seed", "passed", "seconds")},
            "control": control_of(told["gate"], caught),
            "findings": told["findings"],
        }
        for told in verdicts
    ]
    document = {"commit": commit(), "size": size, "machine": machine(), "gates": gates}
    data, page = folder / "reliability-report.json", folder / "reliability-report.md"
    data.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    page.write_text(_page(document), encoding="utf-8")
    return [data, page]


def _page(document: Mapping[str, Any]) -> str:
    facts = document["machine"]
    passed = sum(gate["passed"] for gate in document["gates"])
    lines = [
        "# Reliability report",
        "",
        f"{passed} of {len(document['gates'])} gates passed at size {document['size']}, on commit"
        f" `{document['commit']}` ({facts['cores']} cores, {facts['memory_gib']} GiB, Python {facts['python']},"
        f" {facts['system']}).",
        "Made by `make gates`, or `make gates-night` for size night; `make gates-controls` plants the bugs.",
        "",
        "| gate | what must hold | figure | seed | seconds | passed |",
        "|---|---|---|---|---|---|",
    ]
    for gate in document["gates"]:
        declared = GATES[gate["gate"]]
        verdict = "yes" if gate["passed"] else "**no**"
        lines.append(
            f"| {declared.name} | {declared.title} | {_cell(gate['figure'])} | {gate['seed']} | {gate['seconds']} |"
            f" {verdict} |"
        )
    lines += ["", "## Planted bugs", "", "| gate | what was planted | what the gate said |", "|---|---|---|"]
    for gate in document["gates"]:
        for control in gate["control"]:
            said = _cell(control["caught"]) if control["caught"] else "not shown for this bug yet"
            lines.append(f"| {GATES[gate['gate']].name} | {control['planted']} | {said} |")
    for gate in document["gates"]:
        if gate["findings"]:
            lines += [
                "",
                f"## Findings of {GATES[gate['gate']].name}",
                "",
                *(f"- {_cell(text)}" for text in gate["findings"]),
            ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
