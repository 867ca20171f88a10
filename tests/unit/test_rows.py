"""Statements derived from a row's dataclass: their text, and what has none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, cast
from uuid import UUID

import pytest

from openvest.core.money import Money
from openvest.core.snapshots import Json
from openvest.db.query import Query, text_array
from openvest.db.rows import column_of, columns, insert, save, update
from openvest.db.unit import Database, Unit

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class Gift:
    id: UUID
    version: int
    amount: Decimal | None
    tags: list[str]
    details: dict[str, Any]


GIFT = UUID(int=7)


@pytest.mark.parametrize(
    ("annotation", "array", "value"),
    [
        (UUID, "text::uuid[]", ""),
        (UUID | None, "text::uuid[]", ""),
        (str, "text::text[]", ""),
        (Literal["NEW", "DONE"], "text::text[]", ""),
        (Literal["NEW"] | None, "text::text[]", ""),
        (int, "text::bigint[]", ""),
        (bool, "text::boolean[]", ""),
        (datetime, "timestamptz[]", ""),
        (date | None, "date[]", ""),
        (bytes, "bytea[]", ""),
        (Decimal, "text::numeric[]", ""),
        (list[str], "text[]", "::text[]"),
        (list[str] | None, "text[]", "::text[]"),
        (dict[str, Any], "text[]", "::jsonb"),
        (Json, "text[]", "::jsonb"),
    ],
    ids=str,
)
def test_a_field_travels_as_its_annotation_says(annotation: Any, array: str, value: str) -> None:
    column = column_of(annotation)
    assert (column.array, column.value) == (array, value)


@pytest.mark.parametrize("annotation", [Money, float, list[UUID], Literal[1], str | int, tuple[str, ...]], ids=str)
def test_what_has_no_column_is_written_out(annotation: Any) -> None:
    with pytest.raises(TypeError, match="no column"):
        column_of(annotation)


def test_the_columns_are_the_fields_in_order() -> None:
    assert columns(Gift) == "id, version, amount, tags, details"


def test_an_insert_takes_an_array_for_each_field() -> None:
    assert insert("gifts", Gift).sql == (
        "insert into gifts (tenant_id, id, version, amount, tags, details)"
        " select o.tenant_id, t.id, t.version, t.amount, t.tags::text[], t.details::jsonb"
        " from tenants o cross join"
        " unnest($2::text::uuid[], $3::text::bigint[], $4::text::numeric[], $5::text[], $6::text[])"
        " as t(id, version, amount, tags, details) where o.tenant_id = $1"
    )


def test_an_insert_takes_more_columns_and_leaves_out_what_is_there() -> None:
    sql = insert("gifts", Gift, also={"status": "'NEW'", "tenth": "t.amount / 10"}, unless="version").sql
    assert sql.startswith(
        "insert into gifts (tenant_id, id, version, amount, tags, details, status, tenth) select o.tenant_id, "
    )
    assert ", t.details::jsonb, 'NEW', t.amount / 10 from tenants o cross join unnest(" in sql
    assert sql.endswith(" on conflict (tenant_id, version) do nothing")


def test_an_update_finds_rows_by_id_and_sets_the_fields_that_are_named() -> None:
    assert update("gifts", Gift, "version tags", also="held = false").sql == (
        "update gifts r set version = t.version, tags = t.tags::text[], held = false"
        " from unnest((select $2::text::uuid[]), $3::text::bigint[], $4::text[]) as t(id, version, tags)"
        " where r.tenant_id = $1 and r.id = t.id"
    )


def test_an_update_that_names_none_sets_all() -> None:
    assert update("gifts", Gift).sql == update("gifts", Gift, "version amount tags details").sql


def test_rows_become_one_array_for_each_column() -> None:
    rows = [
        Gift(GIFT, 1, Decimal("1.50"), ["a", 'b"\\,'], {"price": Decimal("2.0")}),
        Gift(GIFT, 2, None, [], {}),
    ]
    assert list(insert("gifts", Gift).arrays(rows)) == [
        f"{{{GIFT},{GIFT}}}",
        "{1,2}",
        "{1.50,null}",
        ['{"a","b\\"\\\\,"}', "{}"],
        ['{"price":"2"}', "{}"],
    ]


@pytest.mark.parametrize(
    "values",
    [[], ["a"], ["", "b"], ["null", "NULL"], ['"', "\\"], ["a,b", "{c}", " d "], [None], ["a", None, '"x"'], ["ä\n"]],
)
async def test_texts_arrive_as_they_were(database: Database, tenant_id: UUID, values: list[str | None]) -> None:
    asked = Query(Json, "select to_jsonb($1::text::text[])")
    assert await database.read(tenant_id, lambda unit: unit.one(asked, text_array(values))) == values


async def test_without_rows_nothing_is_sent() -> None:
    assert await save(cast(Unit, None), insert("gifts", Gift)) == 0
