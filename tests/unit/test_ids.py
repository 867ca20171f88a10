"""Ids: what the contract's pattern takes, in time order where they are random, the same again where they are caused."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID, uuid4

import pytest

from openvest.core.ids import deterministic_id, parse_id, random_id, random_text

PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-5])[0-9a-f]{3}-[089ab][0-9a-f]{3}-[0-9a-f]{12}")
"""Of the reference description."""
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "version"),
    [(random_text, 4), (lambda: str(random_id(AT)), 4), (lambda: str(deterministic_id("a", uuid4())), 5)],
    ids=["random-text", "random", "caused"],
)
def test_an_id_fits_the_pattern_and_says_its_version(made: Callable[[], str], version: int) -> None:
    texts = {made() for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        assert PATTERN.fullmatch(text)
        assert (UUID(text).version, UUID(text).variant) == (version, RFC_4122)


def test_random_ids_are_in_order_of_time() -> None:
    ids = [random_id(AT + timedelta(milliseconds=n)) for n in range(50)]
    assert ids == sorted(ids)


def test_what_was_caused_alike_has_one_id() -> None:
    assert deterministic_id("a", "bc") == deterministic_id("a", "bc") != deterministic_id("ab", "c")


@pytest.mark.parametrize("text", ["", "{" + str(UUID(int=1)) + "}", "urn:uuid:" + str(UUID(int=1)), "0" * 31, "١" * 32])
def test_only_plain_digits_are_an_id(text: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        parse_id(text)


def test_a_process_that_was_forked_does_not_give_its_parents_ids() -> None:
    random_id(AT)  # so that random bytes are at hand
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, random_id(AT).bytes)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 16) != random_id(AT).bytes
    os.close(reading)
    os.close(writing)
