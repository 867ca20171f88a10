"""A cluster distributed by tenant would take every statement and the schema; each rule is shown what it must see."""

from __future__ import annotations

import asyncpg
import pglast
import pytest

from openvest.db.migrate import Migration
from tests.architecture.distribution.facts import Facts, facts
from tests.architecture.distribution.lint import Finding, exceptions, judged, kind, look, of_statement
from tests.architecture.distribution.rules import STATEMENT_RULES, Asked
from tests.architecture.distribution.schema_rules import SCHEMA_RULES, unnamed_constraints
from tests.architecture.statements import declared_statements

pytestmark = pytest.mark.anyio

OF_ONE = "from topups t where t.tenant_id = $1"
NEW_LOCKS = "insert into locks (tenant_id, object_id, balance_id, amount) "
GIFTS = "create table gifts (tenant_id uuid not null, id uuid not null, n bigint, "

REFUSED = [
    ("one_tenant", "select id from topups"),
    ("one_tenant", "select id from topups where id = $1"),
    ("one_tenant", "select id from topups where tenant_id = $1 or id = $2"),
    ("one_tenant", "select id from topups where tenant_id = any($1)"),
    ("one_tenant", "select o.id from orders o join users u on u.id = o.user_id where o.tenant_id = $1"),
    ("one_tenant", "select o.id from orders o join users u using (tenant_id)"),
    ("one_tenant", f"select t.id, (select max(o.id::text) from orders o where o.id = t.id) {OF_ONE}"),
    ("one_tenant", f"with all_of_them as (select id from orders) select t.id {OF_ONE}"),
    ("one_tenant", "update topups t set version = 2 from unnest($1::uuid[]) as u(tenant_id) where true"),
    ("one_tenant", "delete from access_tokens where hash = $1"),
    ("tenant_from_row", f"{NEW_LOCKS} select $1, o, 1, 1 from unnest($2::uuid[]) o"),
    ("tenant_from_row", f"{NEW_LOCKS} select u.tenant_id, o, 1, 1 from unnest($1::uuid[], $2::uuid[]) u(tenant_id, o)"),
    ("pushed_insert", f"{NEW_LOCKS} select tenant_id, id, 1, 1 from topups where tenant_id = $1 limit 5"),
    ("pushed_insert", f"{NEW_LOCKS} select tenant_id, id, row_number() over (), 1 from topups where tenant_id = $1"),
    (
        "pushed_insert",
        "insert into event_sets (tenant_id, events) select tenant_id, 1 from tenants where tenant_id = $1",
    ),
    ("plain_values", f"{NEW_LOCKS} values ($1, $2, (select max(sequence) from instrument_changes), 1)"),
    ("one_insert", f"with a as ({NEW_LOCKS} values ($1, $2, 1, 1)) {NEW_LOCKS} values ($1, $3, 1, 1)"),
    ("no_volatile_write", "update topups set updated_at = clock_timestamp() where tenant_id = $1"),
    ("no_volatile_write", "delete from access_tokens where tenant_id = $1 and created_at < clock_timestamp()"),
    ("no_volatile_write", "update instruments set isin = gen_random_uuid()::text"),
    ("no_stable_over_column", "update topups set due_at = created_at + interval '1 day' where tenant_id = $1"),
    ("no_stable_over_column", "update topups set due_at = coalesce(due_at, now()) where tenant_id = $1"),
    ("no_stable_over_column", "update topups set status = concat_ws(' ', status, id) where tenant_id = $1"),
    ("immutable_upsert", f"{NEW_LOCKS} values ($1, $2, 1, 1) on conflict (tenant_id) do update set amount = random()"),
    ("sequence_alone", f"select nextval('journal_blocks') {OF_ONE}"),
    ("no_local_join", f"select t.id {OF_ONE} and exists (select from rate_leases r where r.client_id = t.id)"),
    ("known_on_nodes", f"select nonce_slot(1) {OF_ONE}"),
    ("set_local", "select set_config('app.tenant', $1, true)"),
]
TAKEN = [
    f"select t.id {OF_ONE}",
    "select o.id from orders o left join users u on u.tenant_id = o.tenant_id where o.tenant_id = $1",
    "select o.id from orders o join users u using (tenant_id) where o.tenant_id = $1",
    "select o.id from orders o, lateral (select from users u where u.tenant_id = o.tenant_id) u where o.tenant_id = $1",
    "select o.id from (select tenant_id from users where tenant_id = $1) u join orders o on o.tenant_id = u.tenant_id",
    "with u as (select * from users where tenant_id = $1) select o.id from u join orders o using (tenant_id)",
    "select id from orders where (tenant_id, id) = ($1, $2) union all select id from users where tenant_id = $1",
    f"{NEW_LOCKS} values ($1, $2, 1, 1) on conflict (tenant_id) do update set amount = excluded.amount",
    f"{NEW_LOCKS} select o.tenant_id, u, 1, 1 from tenants o cross join unnest($2::uuid[]) u where o.tenant_id = $1",
    "update topups t set due_at = u.at from unnest($2::uuid[], $3::timestamptz[]) u(id, at)"
    " where t.tenant_id = $1 and t.id = u.id",
    "select nextval('journal_blocks')",
    "select i.isin from instruments i",
]
BAD_SCHEMA = {
    "plain_policy": f"{GIFTS} primary key (tenant_id, id));"
    "create policy tenant on gifts using (tenant_id = (select current_setting('app.tenant')::uuid))",
    "function_language": "create function count_topups(tenant uuid) returns bigint language sql"
    " as 'select count(*) from topups where tenant_id = tenant'",
    "planned_with_values": "create function count_topups(tenant uuid) returns bigint language plpgsql"
    " set plan_cache_mode = force_generic_plan as 'begin return (select count(*) from topups where tenant_id = tenant);"
    " end'",
    "trigger_one_shard": "create function look() returns trigger language plpgsql as $$ begin"
    " perform from fresh f join orders o on o.tenant_id = f.tenant_id; return null; end $$;"
    "create trigger looks after insert on topups referencing new table as fresh for each statement"
    " execute function look()",
    "keys_hold_tenant": f"{GIFTS} primary key (id))",
    "foreign_keys": "alter table venues add column owner_id uuid references tenants",
    "wide_identity": f"{GIFTS} m integer generated always as identity, primary key (tenant_id, id))",
}
BAD_MIGRATIONS = [
    "alter table topups add check (version > 0)",
    "alter table topups add column gift uuid references instruments (id)",
    "alter table topups add column gift integer check (gift > 0)",
]


def found(known: Facts, sql: str) -> set[str]:
    return {one.rule for one in of_statement("here", Asked(pglast.parse_sql(sql)[0].stmt, known))}


async def test_the_tree_distributes(owner: asyncpg.Connection) -> None:
    statements = declared_statements()
    report = look(await facts(owner), statements)
    assert not judged(report.findings, exceptions())
    assert report.kinds["router"] > 250 and report.kinds["shared"] > 20 and report.in_functions > 50
    assert sum(report.kinds.values()) >= sum(map(len, statements.values()))


async def test_what_cannot_be_distributed_is_found(owner: asyncpg.Connection) -> None:
    known = await facts(owner)
    assert {rule for rule, _ in REFUSED} == {*STATEMENT_RULES}
    missed = [f"{rule}: {sql}" for rule, sql in REFUSED if rule not in found(known, sql)]
    assert not missed, "\n".join(missed)
    wrong = [f"{sql}: {said}" for sql in TAKEN if (said := found(known, sql))]
    assert not wrong, "\n".join(wrong)


async def test_kinds_are_told_apart(owner: asyncpg.Connection) -> None:
    known = await facts(owner)
    kinds = [
        kind(Asked(pglast.parse_sql(sql)[0].stmt, known))
        for sql in (TAKEN[0], "select from instruments", "select from rate_leases", "select wire_now()")
    ]
    assert kinds == ["router", "shared", "shared", "coordinator"]


@pytest.mark.parametrize("rule", [*BAD_SCHEMA])
async def test_a_schema_that_cannot_be_distributed_is_found(owner: asyncpg.Connection, rule: str) -> None:
    before = {*SCHEMA_RULES[rule](await facts(owner))}
    await owner.execute(BAD_SCHEMA[rule])
    assert {*SCHEMA_RULES[rule](await facts(owner))} - before


def test_every_rule_of_the_schema_is_shown_something() -> None:
    assert {*BAD_SCHEMA, "named_constraints"} == {*SCHEMA_RULES}
    for sql in BAD_MIGRATIONS:
        assert len([*unnamed_constraints([Migration(99, "0099_gifts", sql, "")])]) == 1, sql
    fine = "alter table topups add column gift integer; alter table topups add constraint gifts_check check (gift > 0)"
    assert not [*unnamed_constraints([Migration(99, "0099_gifts", fine, "")])]


def test_an_exception_is_needed_and_has_a_reason() -> None:
    findings = [Finding("here", "one_tenant", "asks all nodes")]
    assert judged(findings, {}) == ["here: asks all nodes (one_tenant)"]
    assert not judged(findings, {"here": {"one_tenant": "once a day"}})
    assert judged(findings, {"here": {"one_tenant": " "}}) == ["here: is excepted from one_tenant without a reason"]
    assert judged([], {"here": {"one_tenant": "once a day"}}) == ["here: needs no exception from one_tenant any more"]
