"""The migrated schema keeps the rules of tenants, grants and functions; each rule is shown what it must see."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from openvest.catalog import FEATURES, LIFECYCLES
from openvest.db.catalogue import APPEND_ONLY, WIRE_TABLES
from openvest.db.paging import Listing
from openvest.db.query import Query, Statement
from openvest.main.tenant_moves import ALL_SEALED
from tests.architecture.catalogue import (
    EQUAL_TABLES,
    Rule,
    closing_blocked,
    functions,
    grants,
    homes,
    keys,
    lists,
    lives,
    names_tenant,
    sealed_columns,
    tenant_tables,
    walls,
)
from tests.architecture.test_queries import declared
from tests.kit.cluster import APP, TEMPLATE, Cluster
from tools.schema import read

pytestmark = pytest.mark.anyio

states = lives(LIFECYCLES)
RULES = {
    "lists": lists,
    "walls": walls,
    "keys": keys,
    "grants": grants,
    "functions": functions,
    "states": states,
    "homes": homes(FEATURES),
    "blockers": closing_blocked(FEATURES),
    "sealed": sealed_columns(ALL_SEALED),
}
WALLED = "select isolate_tenant('gifts')"
GIFTS = "create table gifts (tenant_id uuid not null, id uuid not null, primary key (tenant_id, id)); "
TENANTLESS = "create table gifts (id uuid primary key)"
CHANGE_POLICY = "alter policy tenant on topups "
AS_OWNER = "create function gift() returns int language sql security definer "


@pytest.mark.parametrize("name", RULES)
async def test_schema_keeps_rule(owner: asyncpg.Connection, name: str) -> None:
    assert await RULES[name](owner) == []


async def test_the_rules_look_at_something(owner: asyncpg.Connection) -> None:
    catalog = await read(owner)
    assert len(tenant_tables(catalog)) > 35
    assert len(catalog.policies) > 40 and len(catalog.functions) > 15 and len(catalog.grants) > 80
    assert len(EQUAL_TABLES | WIRE_TABLES) + len(tenant_tables(catalog)) == len(catalog.relations)


@pytest.mark.parametrize(
    ("rule", "change", "sentence"),
    [
        (lists, TENANTLESS, "gifts has no tenant and stands in no list"),
        (lists, "alter table bars add column tenant_id uuid", "bars has a tenant and stands in a list"),
        (lists, "drop table quotes", "quotes stands in a list and is no table"),
        (walls, GIFTS, "gifts has no forced row-level security\ngifts has the policies none"),
        (walls, "alter table topups no force row level security", "topups has no forced row-level security"),
        (walls, "alter table topups disable row level security", "topups has no forced row-level security"),
        (walls, "drop policy tenant on topups", "topups has the policies none"),
        (walls, CHANGE_POLICY + "using (true)", "policy tenant of topups lets through what it must not"),
        (walls, CHANGE_POLICY + "with check (true)", "policy tenant of topups lets through what it must not"),
        (walls, CHANGE_POLICY + "to openvest_owner", "policy tenant of topups lets through what it must not"),
        (
            walls,
            "create policy lookup on topups for select to current_user using (true)",
            "policy lookup of topups lets through what it must not\ntopups has the policies lookup, tenant",
        ),
        (walls, "alter policy lookup on webhooks to public", "policy lookup of webhooks lets through what it must not"),
        (walls, "drop policy lookup on webhooks", "webhooks has the policies tenant"),
        (walls, "create policy all_of_it on bars using (true)", "bars has a policy but no tenant"),
        (
            walls,
            "alter table idempotency drop constraint idempotency_pkey, alter column tenant_id drop not null",
            "idempotency.tenant_id may be null or is no uuid",
        ),
        (
            walls,
            "alter view pub_users reset (security_invoker)",
            "view pub_users is not read with the rights of the reader",
        ),
        (keys, f"{GIFTS}alter table gifts add unique (id)", "gifts_id_key of gifts leads with id"),
        (keys, f"{GIFTS}create unique index one on gifts (id) where id is not null", "one of gifts leads with id"),
        (keys, f"{GIFTS}alter table gifts drop constraint gifts_pkey", "gifts has no primary key"),
        (
            keys,
            "create table gifts (id uuid not null, tenant_id uuid not null, primary key (id, tenant_id))",
            "gifts_pkey of gifts leads with id",
        ),
        (
            keys,
            f"{GIFTS}alter table topups add foreign key (id, tenant_id) references gifts (id, tenant_id)",
            "topups_id_tenant_id_fkey of topups leads with id",
        ),
        (
            keys,
            f"{GIFTS}alter table gifts add unique (tenant_id, id), add giver uuid;"
            " alter table gifts add unique (giver);"
            " alter table topups add foreign key (id) references gifts (giver)",
            "gifts_giver_key of gifts leads with giver\ntopups_id_fkey of topups leads with id",
        ),
        (
            keys,
            "alter table bars add t uuid, add foreign key (t) references tenants",
            "bars_t_fkey of bars leads to a tenant's tenants",
        ),
        (grants, "grant update on entries to openvest_app", "openvest_app may update entries"),
        (grants, "grant delete on journals to openvest_app", "openvest_app may delete journals"),
        (grants, "grant truncate on events to openvest_app", "openvest_app may truncate events"),
        (grants, "grant update (snapshot) on events to openvest_app", "openvest_app may update (snapshot) events"),
        (grants, "grant update (events) on event_sets to openvest_app", "openvest_app may update (events) event_sets"),
        (grants, "grant update on event_sets to openvest_app", "openvest_app may update event_sets"),
        (grants, "grant delete on orders to openvest_app", "openvest_app may delete orders"),
        (grants, "grant trigger on orders to openvest_app", "openvest_app may trigger orders"),
        (grants, "grant insert on bars to openvest_app", "openvest_app may insert bars"),
        (grants, "grant select on nonces to openvest_app", "openvest_app may select nonces"),
        (grants, "grant select on nonces_2 to openvest_app", "openvest_app may select nonces_2"),
        (grants, "grant insert on pub_users to openvest_app", "openvest_app may insert pub_users"),
        (grants, "grant select on users to public", "public may select table users"),
        (
            grants,
            "grant execute on function find_key(uuid) to public",
            "public may execute function find_key(key uuid)",
        ),
        (
            functions,
            f"{AS_OWNER}set search_path = public, pg_temp as 'select 1'",
            "gift runs as the owner and is not listed",
        ),
        (
            functions,
            "alter function find_key(uuid) reset search_path",
            "find_key runs as the owner without a search path of its own",
        ),
        (
            functions,
            "alter function find_key(uuid) set search_path = pg_temp, public",
            "find_key runs as the owner without a search path of its own",
        ),
        (
            functions,
            "alter function find_key(uuid) security invoker",
            "find_key is listed and does not run as the owner",
        ),
        (functions, "drop function find_key(uuid)", "find_key is listed and is no function"),
        (
            functions,
            "create function gift() returns timestamptz language sql as 'select now()'",
            "gift reads the wall clock",
        ),
        (functions, "alter table topups alter column created_at set default now()", "topups reads the wall clock"),
        (functions, "create view pub_gifts as select current_date as today", "pub_gifts reads the wall clock"),
        (
            functions,
            "create function gift() returns void language sql as $$ select pg_notify('gifts', '') $$",
            "gift notifies inside a write",
        ),
        (
            states,
            "create table gifts (tenant_id uuid not null, id uuid not null, status text, primary key (tenant_id, id))",
            "gifts.status has no lifecycle table",
        ),
        (states, "alter table topups rename column status to state", "topups.status is no column"),
        (
            homes(FEATURES),
            TENANTLESS,
            "gifts is in the `tables` of no feature: name it in that feature's FEATURE",
        ),
        (homes(FEATURES), "drop table webhook_packages", "webhook_packages of webhooks is no table"),
        (
            homes([*FEATURES, FEATURES[-1]]),
            "select 1",
            "scenario_uses is kept by several\nscenarios is kept by several",
        ),
        (
            sealed_columns(ALL_SEALED),
            "alter table topups add sealed_reference bytea",
            "topups.sealed_reference is sealed: name it in a SealedColumn of its feature's `sealed`",
        ),
        (
            sealed_columns(ALL_SEALED),
            "alter table bank_lines rename column sealed_parties to parties",
            "bank_lines.sealed_parties is sealed and is no column",
        ),
        (
            sealed_columns(ALL_SEALED),
            "alter table bank_lines rename column id to line",
            "bank_lines.sealed_parties is placed by id, which is no column",
        ),
        (
            closing_blocked([replace(one, blockers=()) if one.name == "orders" else one for one in FEATURES]),
            "select 1",
            "orders is under way for accounts: name it in a ClosingBlocker of its feature's `blockers`,"
            " or in SHOWN_BY_BALANCES with the reason",
        ),
        (
            closing_blocked(FEATURES),
            "alter table street_orders rename column account_id to customer",
            "street_orders needs no reason",
        ),
        (
            closing_blocked(FEATURES),
            "alter table users add account_group_id uuid",
            "users is under way for groups: name it in a ClosingBlocker of its feature's `blockers`,"
            " or in SHOWN_BY_BALANCES with the reason",
        ),
    ],
)
async def test_rule_sees_planted_field_error(owner: asyncpg.Connection, rule: Rule, change: str, sentence: str) -> None:
    await owner.execute(change)
    assert "\n".join(await rule(owner)) == sentence


async def test_a_walled_table_with_sound_keys_passes_all_rules(owner: asyncpg.Connection) -> None:
    await owner.execute(f"{GIFTS}{WALLED}; select grant_app('gifts', 'select, insert, update')")
    gifts = replace(FEATURES[-1], tables=(*FEATURES[-1].tables, "gifts"))
    rules = RULES | {"homes": homes([*FEATURES[:-1], gifts])}
    assert {name: await rule(owner) for name, rule in rules.items()} == {name: [] for name in RULES}


@pytest.mark.parametrize("table", sorted(APPEND_ONLY | {"event_sets"} | EQUAL_TABLES | WIRE_TABLES))
async def test_the_application_role_is_refused_what_it_was_not_granted(cluster: Cluster, table: str) -> None:
    connection = await asyncpg.connect(cluster.dsn(TEMPLATE, APP))
    try:
        column = await connection.fetchval(
            "select attname from pg_attribute where attrelid = $1::text::regclass and attnum = 1", table
        )
        for change in (f"update {table} set {column} = {column}", f"delete from {table}", f"truncate {table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    finally:
        await connection.close()


# The first wall: what the program asks


async def test_every_statement_on_tenants_rows_names_the_tenant(owner: asyncpg.Connection) -> None:
    catalog = await read(owner)
    walled = tenant_tables(catalog) | {row["name"] for row in catalog.views}
    wrong: list[str] = []
    looked_at = 0
    for kind in (Query, Statement):
        for place, statement in declared(kind):
            looked_at += 1
            if not names_tenant(statement.sql, walled):
                wrong.append(place)
    for place, listing in declared(Listing):
        looked_at += 1
        if not names_tenant(f"from {listing.source} where {listing.where([])}", walled):
            wrong.append(place)
    assert looked_at > 100
    assert not wrong, "\n".join(wrong)


def test_a_statement_without_the_tenant_is_seen() -> None:
    assert not names_tenant("select id from topups where id = $1", {"topups"})
    assert not names_tenant("update topups set version = 2 where id = $1", {"topups"})
    assert names_tenant("select id from topups where tenant_id = $1", {"topups"})
    assert names_tenant("select id from venues where id = $1", {"topups"})
