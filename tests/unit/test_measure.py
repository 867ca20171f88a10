"""The tool that counts what a feature costs to write."""

from __future__ import annotations

import pytest

from tools.measure import Classes, Resource, fields_of, named, operations, resources, used

MODEL = '''
@dataclass(frozen=True, slots=True)
class Gift:
    """A gift; its wrapping is a field."""

    id: UUID
    created_at: datetime
    status: str
    wrapping: str  # the wrapping, once more
    price: Money
    note: str


@dataclass(frozen=True, slots=True)
class Card:
    id: UUID
    created_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Receipt:
    id: UUID
    text: str
'''
STORE = '''
GIFT = "id, wrapping"
ADD = Statement(
    """
    insert into gifts (id,
                       wrapping) values ($1, $2)
    """
)
'''
V1 = '''
def gift_v1(gift):
    """The wrapping as v1 shows it."""
    return {"wrapping": gift["wrapping"], "text": "of the wrapping"}
'''


def test_operations_are_counted_by_their_paths() -> None:
    source = """
_GIFTS, _OTHER = "/gifts", "gifts"
_ONE: str = "/never"
_GIFT = _GIFTS + "/{id}"
ENDPOINTS = [
    Endpoint("GET", "/gifts", "list_gifts"),
    reads(_GIFT, retrieve_gift),
    Endpoint("POST", f"{_GIFTS}/wrap", "wrap"),
    Endpoint(method="PUT", path=_GIFT),
    Event("GIFT.WRAPPED", "gift", _OTHER),
]
"""
    assert operations(source) == 4


def test_names_are_words_of_code_and_of_sql_and_no_prose() -> None:
    assert [line for name, line in named(V1, sql=False) if name == "wrapping"] == [4, 4]
    assert [line for name, line in named(STORE, sql=True) if name == "wrapping"] == [2, 6]
    assert [line for name, line in named(STORE, sql=False) if name == "wrapping"] == []


def test_a_resource_has_the_fields_that_are_its_alone() -> None:
    assert fields_of(MODEL) == {"Gift": ["wrapping"], "Card": []}


def test_a_resource_has_what_it_inherits_from_its_module_and_from_below() -> None:
    below: Classes = {"Thing": {"id": "UUID", "created_at": "datetime", "colour": "str"}}
    model = "class NewGift:\n    ribbon: str\n\nclass Gift(NewGift, Thing):\n    bow: str\n"
    assert fields_of(model, below) == {"Gift": ["ribbon", "colour", "bow"]}


def test_places_are_lines_of_the_folder() -> None:
    found = resources({"model.py": MODEL, "store.py": STORE, "v1.py": V1})
    assert found == [Resource("Gift", {"wrapping": 4}, {})]


def test_a_field_that_something_is_decided_by_is_not_plain() -> None:
    rules = "def fits(gift):\n    return Paper(gift.wrapping)\n"
    found = resources({"model.py": MODEL, "store.py": STORE, "v1.py": V1, "rules.py": rules})
    assert found == [Resource("Gift", {}, {"wrapping": 5})]


@pytest.mark.parametrize(
    ("source", "is_used"),
    [
        ("Gift(wrapping=new.wrapping)", False),
        ('{"wrapping": gift["wrapping"]}', False),
        ("def wrap(wrapping): ...", False),
        ('Query(Gift, "select wrapping from gifts where id = $1")', False),
        ('update("gifts", Gift, "wrapping")', False),
        ("if gift.wrapping: ...", True),
        ("'new' if gift['wrapping'] else 'old'", True),
        ("[gift for gift in gifts if gift.wrapping]", True),
        ("gift.wrapping + 1", True),
        ("gift.wrapping == other", True),
        ("rules.check(gift.wrapping)", True),
        ("rules_boxes.check(box, of=gift.wrapping)", True),
        ('Query(Gift, "select id from gifts where wrapping = $1")', True),
        ('Query(int, "select max(wrapping) from gifts")', True),
        ('Listing(Gift, filters={"paper": "wrapping = {}"})', True),
        ('listing("gifts", Gift, sorts="created_at wrapping")', True),
        ('insert("gifts", Gift, unless="wrapping")', True),
    ],
)
def test_a_place_carries_a_field_or_uses_it(source: str, is_used: bool) -> None:
    assert ("wrapping" in {name for name, _ in used(source)}) == is_used
