"""The tool that compares two descriptions sees through names, and through nothing else."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit.contracts import described
from tools.same_description import differences, main, nameless

SERVED: dict[str, Any] = json.loads(json.dumps(described("v1")))


def compared(changed: dict[str, Any]) -> list[tuple[str, bool]]:
    return list(differences(nameless(SERVED), nameless(changed)))


def test_names_of_components_and_tags_do_not_count() -> None:
    text = json.dumps(SERVED).replace("schemas/Topup", "schemas/Credit").replace('"Topup', '"Credit')
    changed = json.loads(text.replace('"Top-ups"', '"Credits"'))
    assert "CreditPage" in changed["components"]["schemas"] and changed != SERVED
    assert compared(changed) == []


def test_words_are_told_apart_from_what_programs_read() -> None:
    changed = copy.deepcopy(SERVED)
    changed["components"]["schemas"]["Topup"]["properties"]["status"]["description"] = "Where it stands."
    assert {only_words for _, only_words in compared(changed)} == {True}
    changed["components"]["schemas"]["Topup"]["properties"].pop("status")
    assert False in {only_words for _, only_words in compared(changed)}


def test_an_operation_that_is_gone_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = copy.deepcopy(SERVED)
    del changed["paths"]["/payments/topups"]
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(SERVED))
    after.write_text(json.dumps(changed))
    assert main([str(before)]) == main([str(before), str(before)]) == 0
    assert main([str(before), str(after)]) == 1
    assert "differs: /paths//payments/topups" in capsys.readouterr().out
