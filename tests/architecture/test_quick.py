"""`make quick` finds the tests that concern a feature, for every feature there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.test_layout import plant
from tools.quick import concerning, features, main


@pytest.mark.parametrize("feature", features())
def test_every_feature_has_tests_that_concern_it(feature: str) -> None:
    assert concerning(feature)


@pytest.mark.parametrize(
    ("path", "text", "concerns"),
    [
        ("features/gifts/test_gift_rules.py", "", True),
        ("features/gifts/sample.py", "", False),
        ("features/giftcards/test_gifts.py", "", False),
        ("unit/test_parcels.py", "from openvest.features.gifts.service import give\n", True),
        ("e2e/test_parcels.py", "from openvest.features import cash, gifts\n", True),
        ("e2e/test_parcels.py", "import openvest.features.gifts.rules\n", True),
        ("e2e/test_parcels.py", "from openvest.features.giftcards import service\n", False),
        ("faults/test_gifts.py", "from openvest.features.gifts import service\n", False),
        ("unit/gifts.py", "", False),
    ],
)
def test_a_test_concerns_the_feature_of_its_folder_and_what_it_imports(
    tmp_path: Path, path: str, text: str, concerns: bool
) -> None:
    plant(tmp_path, f"tests/{path}", text)
    assert concerning("gifts", tmp_path) == ([f"tests/{path}"] if concerns else [])


def test_a_wrong_name_lists_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    for names in ([], ["payment"], ["cash", "users"]):
        assert main(names) == 2
        assert "payments" in capsys.readouterr().out
