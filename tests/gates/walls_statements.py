"""What an adversary tries with the application role's session: most of it generated from what the schema has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from openvest.catalog import LIFECYCLES
from openvest.db.catalogue import APPEND_ONLY, DELETABLE, UPDATED_COLUMNS, WIRE_TABLES
from tests.architecture.catalogue import EQUAL_TABLES, tenant_tables
from tests.gates.walls_prey import CHECK, DENIED, FINDS_NOTHING, NOWHERE, TWICE, Attempt, Prey
from tests.gates.walls_words import BY_HAND, OWN_BALANCES
from tests.kit.cluster import APP
from tests.kit.samples import each, every
from tools.schema import FILE, Catalog, read

_FOUNDED = each(lambda sample: sample.made_with_tenant)
_FOREIGN_KEYS = """
select k.conname as name, c.relname as relation, t.relname as target,
       array(select a.attname::text from unnest(k.conkey) with ordinality u(n, o)
               join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n order by u.o) as columns,
       array(select a.attname::text from unnest(k.confkey) with ordinality u(n, o)
               join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n order by u.o) as targets
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_class t on t.oid = k.confrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where k.contype = 'f' order by 1
"""
_UNIQUE = """
select c.relname as relation, x.relname as name,
       array(select a.attname::text from unnest(i.indkey::smallint[]) with ordinality u(n, o)
               join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.n order by u.o) as columns
  from pg_index i
  join pg_class c on c.oid = i.indrelid
  join pg_class x on x.oid = i.indexrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where i.indisunique and c.relkind = 'r'
"""
_FREE = 10**15
"""The id of a journal that no block of ids has reached."""
_SOUND = every(lambda sample: sample.sound)


@dataclass(frozen=True, slots=True)
class Schema:
    """What of the schema attempts are made from. Shape: columns of each table with their types, by table."""

    catalog: Catalog
    walled: Sequence[str]
    columns: Mapping[str, Mapping[str, str]]
    made: frozenset[tuple[str, str]]
    updatable: frozenset[str]
    unique: Mapping[str, Sequence[Sequence[str]]]
    foreign: Sequence[asyncpg.Record]


async def every_attempt(prey: Prey) -> list[Attempt]:
    """All attempts. Raises: AssertionError where a table is empty, of which nothing could be said."""
    schema = await _schema(prey.superuser)
    found = [*_privileges(schema), *await _policies(prey, schema), *await _keys(prey, schema)]
    found += [*_states(prey), *_balances(prey), *await _journals(prey)]
    for kind, statements in BY_HAND.items():
        found += [Attempt(kind, sql, DENIED, prey.own, alone=sql.startswith("alter system")) for sql in statements]
    return found


async def _schema(superuser: asyncpg.Connection) -> Schema:
    catalog = await read(superuser)
    columns: dict[str, dict[str, str]] = {}
    for row in catalog.columns:
        columns.setdefault(row["relation"], {})[row["name"]] = row["type"]
    unique: dict[str, list[list[str]]] = {}
    for row in await superuser.fetch(_UNIQUE):
        unique.setdefault(row["relation"], []).append(row["columns"])
    made = frozenset((r["relation"], r["name"]) for r in catalog.columns if r["generated"] or r["identity"])
    walled = sorted(tenant_tables(catalog))
    may = "select relname from pg_class where relkind = 'r' and has_table_privilege($1, oid, 'update')"
    updatable = frozenset(row["relname"] for row in await superuser.fetch(may, APP))
    return Schema(catalog, walled, columns, made, updatable, unique, await superuser.fetch(_FOREIGN_KEYS))


def _privileges(schema: Schema) -> Iterator[Attempt]:
    """What the application role was never to have, from the lists that say so and not from what it was granted."""

    def changes(table: str, verbs: set[str]) -> Iterator[Attempt]:
        columns = [name for name in schema.columns[table] if (table, name) not in schema.made]
        column = next(name for name in reversed(columns) if name not in UPDATED_COLUMNS.get(table, ()))
        texts = {
            "select": f"select * from {table}",
            "insert": f"insert into {table} default values",
            "update": f"update {table} set {column} = {column}",
            "delete": f"delete from {table}",
            "truncate": f"truncate {table} cascade",
        }
        return (Attempt("privileges", texts[verb], DENIED) for verb in sorted(verbs))

    for table in schema.walled:
        kept = table in APPEND_ONLY or table in UPDATED_COLUMNS or table == "tenants"
        yield from changes(table, {"truncate"} | ({"update"} if kept else set()) | ({"delete"} - _deletes(table)))
    for table in sorted(EQUAL_TABLES):
        yield from changes(table, {"insert", "update", "delete", "truncate"})
    for table in sorted(WIRE_TABLES):
        yield from changes(table, {"select", "insert", "update", "delete", "truncate"})
    for table in ("tenants", *_FOUNDED):
        yield Attempt("privileges", f"insert into {table} default values", DENIED)


def _deletes(table: str) -> set[str]:
    return {"delete"} if table in DELETABLE else set()


async def _policies(prey: Prey, schema: Schema) -> list[Attempt]:
    """Rows of another tenant, with a forged setting and without one: not seen, not changed, not made."""
    found: list[Attempt] = []
    for table in schema.walled:
        mine = f"{table} where tenant_id = '{prey.foreign}'"
        template = await _row(prey, table, prey.foreign)
        for setting in (prey.own, None):
            found.append(Attempt("policies", f"select 1 from {mine}", FINDS_NOTHING, setting))
            if table in schema.updatable:
                change = f"update {table} set tenant_id = tenant_id where tenant_id = '{prey.foreign}'"
                found.append(Attempt("policies", change, FINDS_NOTHING, setting))
            if table in DELETABLE:
                found.append(Attempt("policies", f"delete from {mine}", FINDS_NOTHING, setting))
            found.append(_insert("policies", schema, table, _fresh(schema, table, template), DENIED, setting))
        if table in schema.updatable:
            hand_over = f"update {table} set tenant_id = '{prey.foreign}'"
            found.append(Attempt("policies", hand_over, DENIED, prey.own))
    for view in schema.catalog.views:
        own = f"select 1 from {view['name']} where tenant_id = '{prey.foreign}'"
        assert await prey.superuser.fetch(own), f"{view['name']} shows nothing of the other tenant"
        found += [Attempt("policies", own, FINDS_NOTHING, setting) for setting in (prey.own, None)]
    return found


async def _keys(prey: Prey, schema: Schema) -> list[Attempt]:
    """Every foreign key with the row of another tenant at its other end, or nobody's where it names only the tenant."""
    wanted = set(re.findall(r"add constraint (\w+) FOREIGN KEY", FILE.read_text(encoding="utf-8")))
    lacking = wanted - {key["name"] for key in schema.foreign}
    assert not lacking, f"the database lacks keys of schema.sql, so that rows may lead anywhere: {sorted(lacking)}"
    found: list[Attempt] = []
    for key in schema.foreign:
        table = key["relation"]
        if table not in schema.walled or table in _FOUNDED:
            continue
        nobody = uuid4()
        template = await _row(prey, table, prey.own, preferring=key["columns"][-1])
        if key["target"] in EQUAL_TABLES:
            changed: dict[str, Any] = {key["columns"][0]: str(nobody)}
        elif len(key["columns"]) == 1:
            changed = {"tenant_id": str(nobody)}
        else:
            target = await _row(prey, key["target"], prey.foreign)
            changed = {mine: target[theirs] for mine, theirs in zip(key["columns"], key["targets"], strict=True)}
            changed["tenant_id"] = str(prey.own)
        row = _fresh(schema, table, template) | changed | _SOUND.get(key["name"], {})
        setting = nobody if changed.get("tenant_id") == str(nobody) else prey.own
        found.append(_insert("foreign keys", schema, table, row, NOWHERE, setting))
    return found


async def _row(prey: Prey, table: str, tenant_id: UUID, preferring: str = "tenant_id") -> dict[str, Any]:
    """A row of a tenant as JSON, if there is one then such that has something in a column."""
    text = await prey.superuser.fetchval(
        f"select to_jsonb(t)::text from {table} t where tenant_id = $1 order by {preferring} is null limit 1",
        tenant_id,
    )
    assert text is not None, f"{table} is empty, so nothing is shown by what an adversary does not find in it"
    return json.loads(text)


def _fresh(schema: Schema, table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with other keys, so that no key that exists hides what is looked for."""
    new = dict(row)
    for columns in schema.unique.get(table, ()):
        free = [name for name in columns if name != "tenant_id" and row[name] is not None]
        chosen = [name for name in free if schema.columns[table][name] in ("uuid", "bigint", "integer")] or free
        for name in chosen[:1]:
            kind = schema.columns[table][name]
            number = uuid4().int % 10**8 + 10**8
            new[name] = str(uuid4()) if kind == "uuid" else str(number) if kind == "text" else number
            if kind == "bytea":
                new[name] = f"\\x{number:010d}"
    return new


def _insert(
    kind: str, schema: Schema, table: str, row: Mapping[str, Any], refusal: str, setting: UUID | None
) -> Attempt:
    names = [name for name in schema.columns[table] if (table, name) not in schema.made]
    columns = ", ".join(names)
    sql = f"insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, $1::jsonb)"
    return Attempt(kind, sql, refusal, setting, (json.dumps(row),))


def _states(prey: Prey) -> Iterator[Attempt]:
    """A state that no lifecycle has, for every lifecycle there is."""
    for life in LIFECYCLES:
        table, _, column = life.table.partition(".")
        yield Attempt("states", f"update {table} set {column} = 'FORBIDDEN'", CHECK, prey.own)


def _balances(prey: Prey) -> Iterator[Attempt]:
    for change in (*OWN_BALANCES, *each(lambda sample: sample.refused_changes)):
        table = re.split(r"[. ]", change)[0]
        yield Attempt("ranges", f"update {table} set {change.partition(' ')[2]}", CHECK, prey.own)


async def _journals(prey: Prey) -> list[Attempt]:
    """Journals that are out of balance, torn, or there already. Entries without any are the proof's to find."""
    known = await prey.superuser.fetchrow(
        "select id, kind, object_id from journals where tenant_id = $1 and reverses is null limit 1", prey.own
    )
    reversed_by = await prey.superuser.fetchval(
        "select reverses from journals where tenant_id = $1 and reverses is not null limit 1", prey.own
    )
    theirs = await prey.superuser.fetchval("select id from journals where tenant_id = $1 limit 1", prey.foreign)
    assert known and reversed_by and theirs
    journal = "insert into journals (tenant_id, id, kind, object_id, reverses, booking_on, value_on, at) select"
    entry = "insert into entries (tenant_id, journal_id, line, asset, bucket, amount) values"
    day = "'2026-03-02', '2026-03-02', wire_now()"
    made = f"{journal} $1, {_FREE}, 'TOPUP', gen_random_uuid(), null, {day}"

    def whole(first: str, second: str) -> str:
        return f"with j as ({made}) {entry} ($1, {_FREE}, 1, {first}), ($1, {_FREE}, 2, {second})"

    bank = "'EUR', 'bank', -5"
    texts = {
        whole(bank, "'EUR', 'suspense', 4.99"): CHECK,
        whole(bank, "'USD', 'suspense', 5"): CHECK,
        whole(bank, "'EUR', 'memo', 5"): CHECK,
        whole(bank, "'EUR', 'available', 5"): CHECK,
        whole(bank, "'EUR', 'nowhere', 5"): CHECK,
        whole("'EUR', 'bank', 0", "'EUR', 'suspense', 0"): CHECK,
        made: CHECK,
        f"{entry} ($1, {known['id']}, 98, {bank}), ($1, {known['id']}, 99, 'EUR', 'suspense', 5)": CHECK,
        f"{entry} ($1, {known['id']}, 1, {bank}), ($1, {known['id']}, 2, 'EUR', 'suspense', 5)": TWICE,
        f"{journal} $1, {_FREE}, '{known['kind']}', '{known['object_id']}', null, {day}": TWICE,
        f"{journal} $1, {_FREE}, 'TOPUP_CANCELLATION', gen_random_uuid(), {reversed_by}, {day}": TWICE,
        f"{journal} $1, {_FREE}, 'TOPUP_CANCELLATION', gen_random_uuid(), {theirs}, {day}": NOWHERE,
    }
    return [Attempt("journals", sql, code, prey.own, (prey.own,)) for sql, code in texts.items()]
