"""Accounts' decisions as tables: lives, who may open what, numbers, what an order may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import pytest

from openvest.core.ids import deterministic_id
from openvest.core.lifecycle import WrongState
from openvest.features.accounts import rules
from openvest.features.accounts.model import AccountFacts, AccountGroup
from tests.features.users.test_users_rules import USER

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
GROUP = AccountGroup(deterministic_id("group"), 1, AT, AT, USER.id, "PERSONAL", "ACTIVE", "123456789")
FACTS = AccountFacts(
    deterministic_id("account"), "TRADING", "ACTIVE", GROUP.id, "ACTIVE", "123456789", USER.id, "ACTIVE", None
)


@pytest.mark.parametrize("life", [rules.GROUP, rules.ACCOUNT], ids=lambda life: life.noun)
def test_every_verb_exists_only_where_the_table_has_it(life: Any) -> None:
    verbs = {verb for _, verb in life.moves}
    assert verbs <= set(rules.EVENTS)
    for state in life.states:
        for verb in verbs:
            if (state, verb) in life.moves:
                assert life.move(state, verb) == life.moves[state, verb]
            else:
                with pytest.raises(WrongState):
                    life.move(state, verb)
    assert life.ends == {"CLOSED"}
    assert not any(state == "CLOSED" for state, _ in life.moves)


@pytest.mark.parametrize("status", ["LOCKED", "CLOSING", "CLOSED"])
def test_what_is_locked_or_closing_cannot_be_closed_again(status: str) -> None:
    assert not rules.ACCOUNT.can(status, "close")
    assert not rules.GROUP.can(status, "close")


@pytest.mark.parametrize("kind", ["LEGAL_ENTITY", "FRENCH_PEA", "ISA", "CHILD", "JOINT"])
def test_other_kinds_of_groups_are_refused(kind: str) -> None:
    with pytest.raises(rules.GroupTypeUnavailable):
        rules.check_group_type(kind)


@pytest.mark.parametrize(
    ("status", "sound"),
    [("PENDING_APPROVAL", True), ("ACTIVE", True), ("LOCKED", False), ("CLOSING", False), ("CLOSED", False)],
)
def test_which_groups_take_accounts(status: Any, sound: bool) -> None:
    group = replace(GROUP, status=status)
    if sound:
        rules.check_new_account(USER, group)
        return
    with pytest.raises(rules.GroupNotOpen):
        rules.check_new_account(USER, group)


def test_the_group_of_another_user_is_not_found() -> None:
    with pytest.raises(rules.AccountGroupNotFound):
        rules.check_new_account(USER, replace(GROUP, user_id=UUID(int=1)))


def test_numbers_follow_from_the_group_and_have_nine_digits() -> None:
    numbers = list(islice(rules.securities_account_numbers(GROUP.id), 5))
    assert numbers == list(islice(rules.securities_account_numbers(GROUP.id), 5))
    assert len(set(numbers)) == 5
    assert all(len(number) == 9 and number.isdigit() for number in numbers)
    last = UUID(int=899_999_999)
    assert list(islice(rules.securities_account_numbers(last), 2)) == ["999999999", "100000000"]


@pytest.mark.parametrize(
    ("changes", "approved", "fit_failed"),
    [
        ({}, True, False),
        ({"instrument_fit": "PASSED"}, True, False),
        ({"instrument_fit": "FAILED"}, True, True),
        ({"user_status": "INACTIVE"}, False, False),
        ({"group_status": "PENDING_APPROVAL"}, False, False),
        ({"account_status": "PENDING_APPROVAL"}, False, False),
        ({"account_status": "LOCKED"}, True, False),
    ],
)
def test_what_an_order_may_know(changes: dict[str, Any], approved: bool, fit_failed: bool) -> None:
    found = replace(FACTS, **changes)
    assert (found.approved, found.fit_failed) == (approved, fit_failed)
