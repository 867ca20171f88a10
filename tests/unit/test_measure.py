"""The tool that counts what a feature costs to write."""

from __future__ import annotations

from tools.measure import Resource, named, operations, plain_fields, resources

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


def test_a_resource_has_the_plain_fields_that_are_its_alone() -> None:
    assert plain_fields(MODEL) == {"Gift": ["wrapping"], "Card": []}


def test_places_are_lines_of_the_folder() -> None:
    found = resources({"model.py": MODEL, "store.py": STORE, "v1.py": V1})
    assert found == [Resource("Gift", {"wrapping": 4})]
