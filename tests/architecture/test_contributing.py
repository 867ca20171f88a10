"""What helps at writing and committing fits the checks it stands before."""

from __future__ import annotations

import configparser
import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.architecture.test_packaging import TARGETS
from tests.architecture.tree import ROOT
from tools.commit_subject import MADE_BY_GIT, areas, fault, main

NUMBERED = "migrations/NNNN_verb_noun.sql"


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_editor_agrees_with_ruff() -> None:
    text = (ROOT / ".editorconfig").read_text(encoding="utf-8")
    settings = configparser.ConfigParser()
    settings.read_string("[head]\n" + text)
    general, ruff = settings["*"], project()["tool"]["ruff"]
    assert int(general["max_line_length"]) == ruff["line-length"]
    # ruff's own defaults, which pyproject.toml does not change.
    assert "format" not in ruff and "indent-width" not in ruff
    assert (general["indent_style"], general["indent_size"]) == ("space", "4")
    assert (general["end_of_line"], general["insert_final_newline"]) == ("lf", "true")


def test_hooks_run_what_the_environment_holds_and_fetch_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    hooks = config["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(re.match(r"(env [A-Z_]+=1 )?\.venv/bin/", hook["entry"]) for hook in hooks)
    assert {stage for hook in hooks for stage in hook.get("stages", config["default_stages"])} == set(
        config["default_install_hook_types"]
    )


@pytest.mark.parametrize(
    ("subject", "wrong"),
    [
        ("payments: a top-up says who paid it", None),
        ("orders, street: a cancel reaches the venue", None),
        ("# a comment\n\nworker: sweeps take turns\n\nWhy it is so.", None),
        *((f"{made}something without an area", None) for made in MADE_BY_GIT),
        ("payments: " + "x" * 62, None),
        ("payments: " + "x" * 63, "73 characters"),
        ("A top-up says who paid it", "is not of the form"),
        ("payments:no blank", "is not of the form"),
        ("gifts: they are given", "There is no area gifts; there are accounts, "),
        ("", "is not of the form"),
    ],
)
def test_a_subject_is_short_and_says_where(subject: str, wrong: str | None) -> None:
    said = fault(subject, areas())
    assert (said is None) == (wrong is None)
    assert wrong is None or re.search(re.escape(wrong), said or "")


def test_the_hook_refuses_by_its_status(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    message = tmp_path / "message"
    message.write_text("no area\n")
    assert main([str(message)]) == 1
    assert "is not of the form" in capsys.readouterr().err
    message.write_text("docs: a word is spelt right\n")
    assert main([str(message)]) == 0


def test_what_a_contributor_is_told_to_use_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = re.findall(r"`([^`\n]+)`", text)
    assert {name for one in code for name in re.findall(r"make ([a-z-]+)", one)} <= set(TARGETS)
    paths = {part for one in code for part in one.split() if re.fullmatch(r"(?!\.venv)[\w.]+/[\w./]+", part)} - {
        NUMBERED
    }
    assert len(paths) > 15
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
