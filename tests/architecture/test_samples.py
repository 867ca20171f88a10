"""Every feature has a sample that fits it; where a part is missing, a sentence says which, where, and what to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openvest.catalog import FEATURES
from openvest.declarations import Endpoint, Feature
from openvest.features.payments.v1 import ENDPOINTS
from tests.kit import contracts, operations, samples
from tests.kit.operations import asked_of, begun, body_of, different_ones
from tests.kit.sample import Life, Sample
from tests.kit.samples import SAMPLES, load, missing

PAYMENTS = next(one for one in FEATURES if one.name == "payments")
TOPUP = next(one for one in ENDPOINTS if (one.method, one.path) == ("POST", "/payments/topups"))
FILE = "tests/features/payments/sample.py"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_sample_has_all_that_its_feature_needs_and_nothing_else(feature: Feature) -> None:
    assert list(missing(feature, SAMPLES[feature.name])) == []


@pytest.mark.parametrize(
    ("field", "key", "told"),
    [
        ("bodies", "POST /payments/topups", "has no body for POST /payments/topups: give one that fits"),
        ("makers", "POST /payments/topups", "has nothing for POST /payments/topups, which takes a key: say how many"),
        ("occasions", "bank.book", "has nothing for bank.book: say what makes it due, or in never_stopped"),
    ],
)
def test_what_is_left_out_is_told(field: str, key: str, told: str) -> None:
    feature = next(one for one in FEATURES if key in getattr(SAMPLES[one.name], field))
    whole = SAMPLES[feature.name]
    left = {name: value for name, value in getattr(whole, field).items() if name != key}
    sentence, *of_lite = missing(feature, replace(whole, **{field: left}))
    assert sentence.startswith(f"tests/features/{feature.name}/sample.py: SAMPLE.{field} {told}")
    assert all("lite POST /payments/topups" in one for one in of_lite)


def test_what_is_said_of_nothing_is_told() -> None:
    more = replace(SAMPLES["payments"], unkeyed={"POST /gifts": "is given"}, never_due={"gifts.give": "at Christmas"})
    assert list(missing(PAYMENTS, more)) == [
        f"{FILE}: SAMPLE.unkeyed names POST /gifts, which is no operation of payments: take it out",
        f"{FILE}: SAMPLE.never_due names gifts.give, which is no work of payments: take it out",
    ]


def test_a_feature_without_a_sample_is_told() -> None:
    with pytest.raises(AssertionError, match=r"tests/features/gifts/sample\.py: is missing, or has no SAMPLE\. Write"):
        load(["gifts"])


async def test_whoever_asks_for_what_is_left_out_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gates meet the same sentences, not a KeyError."""
    monkeypatch.setattr(samples, "SAMPLES", {**SAMPLES, "payments": Sample()})
    with pytest.raises(
        AssertionError, match=rf"{FILE}: SAMPLE\.bodies has no body for POST /payments/topups: give one"
    ):
        body_of(TOPUP)
    with pytest.raises(AssertionError, match=rf"{FILE}: SAMPLE\.makers has nothing for POST /payments/topups: say how"):
        await different_ones(None, None, TOPUP, 1)  # pyright: ignore[reportArgumentType] - nobody gets that far


async def test_an_object_that_nobody_makes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(life: Life) -> dict[str, str]:
        return {}

    monkeypatch.setattr(operations, "SAMPLES", {"payments": Sample(objects=nothing)})
    monkeypatch.setattr(operations, "SERVED", [one for one in ENDPOINTS if one.path == "/payments/topups/{topup_id}"])
    with pytest.raises(AssertionError, match=rf"{FILE}: SAMPLE\.objects makes nothing called topup_id, which GET /pay"):
        await begun(None, None, None)  # pyright: ignore[reportArgumentType] - nobody gets that far


def test_an_operation_of_lite_has_a_body_of_its_own_or_that_of_v1(monkeypatch: pytest.MonkeyPatch) -> None:
    lite: Endpoint = replace(TOPUP)
    monkeypatch.setattr(contracts, "TABLES", {"v1": ENDPOINTS, "lite": [lite]})
    monkeypatch.setattr(samples, "_OWNERS", {**samples._OWNERS, "lite POST /payments/topups": "payments"})
    assert asked_of(lite, {"account_group_id": "mine"}).body == asked_of(TOPUP, {"account_group_id": "mine"}).body
    known = SAMPLES["payments"]
    other = replace(known, bodies={**known.bodies, "lite POST /payments/topups": {"amount": "1.00"}})
    monkeypatch.setattr(samples, "SAMPLES", {**SAMPLES, "payments": other})
    assert asked_of(lite, {}).body == {"amount": "1.00"}
    assert asked_of(TOPUP, {}).body != {"amount": "1.00"}
