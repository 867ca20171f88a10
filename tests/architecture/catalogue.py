"""The rules of the database as functions over a migrated one; each gives a sentence for every violation it finds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from string import Formatter

import asyncpg

from openvest.catalog import SHARED_TABLES
from openvest.core.lifecycle import Lifecycle
from openvest.core.sealing import SealedColumn
from openvest.db.catalogue import (
    APPEND_ONLY,
    DELETABLE,
    INSTALLATION_TABLES,
    LOOKUP_POLICIES,
    OWNERS_FUNCTIONS,
    UPDATED_COLUMNS,
    WIRE_TABLES,
)
from openvest.declarations import Feature
from tests.architecture.rules import SQL_NOTIFY, SQL_WALL_CLOCK
from tests.kit.cluster import APP, OWNER
from tests.kit.samples import every
from tools.schema import Catalog, read

EQUAL_TABLES = SHARED_TABLES | INSTALLATION_TABLES
"""Equal for every tenant and read-only for the application role."""

Rule = Callable[[asyncpg.Connection], Awaitable[list[str]]]

TENANT = "(tenant_id = (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid)"
"""The condition of the one policy, as PostgreSQL prints it."""
SEARCH_PATH = "search_path=public, pg_temp"
WITHOUT_LIFE = {
    "idempotency.status": "the HTTP status of a stored answer",
    **every(lambda sample: sample.without_life),
}
"""Columns called status that no lifecycle table stands behind, and why."""

OF_LAYERS: Mapping[str, str] = {
    "db": "installation list_marks schema_migrations",
    "events": "event_counters event_sets events",
    "ledger": "balances entries house_balances journals locks lot_sums lot_uses lots",
    "server": "idempotency nonces nonces_0 nonces_1 nonces_2 nonces_3 rate_leases",
    "work": "dead_letters",
}
"""Tables that no feature keeps, by the layer that does."""
SHOWN_BY_BALANCES = {
    "executions": "what is not settled stands in the balances of the account",
    "street_orders": "it works for an order, and reserves what the order would",
    "accounts": "a group waits for all of its accounts",
    "withdrawals": "an account is where one was asked for; the money is the group's, which waits for it",
    "credit_fundings": "it is in the balance; a recall of it, however late, is a debt",
    "portfolio_configurations": "it ends with its account",
    "topups": "what is still to come of one is the client firm's wire, and nothing of the group's",
}
"""Tables of what is under way for accounts and groups that need no blocker to keep them open, and why."""

_LEADING = """
select c.relname as relation, x.relname as name, i.indisprimary as is_primary, a.attname as first
  from pg_index i
  join pg_class c on c.oid = i.indrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
  join pg_class x on x.oid = i.indexrelid
  left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
 where i.indisunique
"""
_FOREIGN = """
select c.relname as relation, k.conname as name, t.relname as target, a.attname as first, b.attname as target_first
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
  join pg_class t on t.oid = k.confrelid
  join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
  join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
 where k.contype = 'f'
"""
_STATUS = """
select c.relname || '.' || a.attname
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
  join pg_namespace s on s.oid = c.relnamespace and s.nspname = 'public'
 where a.attname = 'status' and not a.attisdropped
"""


def tenant_tables(catalog: Catalog) -> set[str]:
    """Every table with a column tenant_id."""
    return {row["relation"] for row in catalog.columns if row["name"] == "tenant_id"}


async def lists(connection: asyncpg.Connection) -> list[str]:
    """A table has a tenant, or stands in exactly one of the two lists; the lists name nothing else."""
    catalog = await read(connection)
    tables, walled = {row["name"] for row in catalog.relations}, tenant_tables(catalog)
    said = [f"{name} has no tenant and stands in no list" for name in tables - walled - EQUAL_TABLES - WIRE_TABLES]
    said += [f"{name} has a tenant and stands in a list" for name in walled & (EQUAL_TABLES | WIRE_TABLES)]
    named = EQUAL_TABLES | WIRE_TABLES | {*LOOKUP_POLICIES} | APPEND_ONLY | DELETABLE | {*UPDATED_COLUMNS}
    said += [f"{name} stands in a list and is no table" for name in named - tables]
    return sorted(said)


async def walls(connection: asyncpg.Connection) -> list[str]:
    """Every tenant table has forced row-level security, the policy of tenants, and a lookup only where listed."""
    catalog = await read(connection)
    walled = tenant_tables(catalog)
    said: list[str] = []
    policies: defaultdict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in catalog.policies:
        policies[row["relation"]].append(row)
    for row in catalog.relations:
        name = row["name"]
        if name not in walled:
            said += [f"{name} has a policy but no tenant" for _ in policies[name]]
            continue
        if not (row["secured"] and row["forced"]):
            said.append(f"{name} has no forced row-level security")
        said += [sentence for one in policies[name] if (sentence := _policy_field_error(one))]
        names = sorted(one["name"] for one in policies[name])
        if names != (["lookup", "tenant"] if name in LOOKUP_POLICIES else ["tenant"]):
            said.append(f"{name} has the policies {', '.join(names) or 'none'}")
    for row in catalog.columns:
        if row["name"] == "tenant_id" and not (row["required"] and row["type"] == "uuid"):
            said.append(f"{row['relation']}.tenant_id may be null or is no uuid")
    for view in catalog.views:
        if "security_invoker=true" not in (view["options"] or []):
            said.append(f"view {view['name']} is not read with the rights of the reader")
    return sorted(said)


def _policy_field_error(row: asyncpg.Record) -> str | None:
    """Why a policy is not the one of tenants, nor the listed lookup of the owner."""
    told = (row["permissive"], row["command"], list(row["roles"]), row["using"], row["checked"])
    if row["name"] == "tenant":
        fits = told == (True, "all", ["public"], TENANT, TENANT)
    else:
        command = LOOKUP_POLICIES.get(row["relation"])
        fits = told[:4] == (True, command, [OWNER], "true") and told[4] in (None, "true")
    return None if fits else f"policy {row['name']} of {row['relation']} lets through what it must not"


async def keys(connection: asyncpg.Connection) -> list[str]:
    """Every primary, unique and foreign key of a tenant table leads with the tenant, on both of its sides."""
    walled = tenant_tables(await read(connection))
    said: list[str] = []
    primary: set[str] = set()
    for row in await connection.fetch(_LEADING):
        if row["is_primary"]:
            primary.add(row["relation"])
        if row["relation"] in walled and row["first"] != "tenant_id":
            said.append(f"{row['name']} of {row['relation']} leads with {row['first']}")
    said += [f"{name} has no primary key" for name in walled - primary]
    for row in await connection.fetch(_FOREIGN):
        if row["relation"] in walled and row["target"] not in EQUAL_TABLES:
            if (row["first"], row["target_first"]) != ("tenant_id", "tenant_id"):
                said.append(f"{row['name']} of {row['relation']} leads with {row['first']}")
        elif row["relation"] not in walled and row["target"] in walled:
            said.append(f"{row['name']} of {row['relation']} leads to a tenant's {row['target']}")
    return sorted(said)


async def grants(connection: asyncpg.Connection) -> list[str]:
    """The application role may do what its kind of table allows; nobody else may do anything."""
    catalog = await read(connection)
    walled = tenant_tables(catalog)
    views = {row["name"] for row in catalog.views}
    said: list[str] = []
    for row in catalog.grants:
        kind, _, name = row["object"].partition(" ")
        privilege, _, column = row["privilege"].lower().partition(" ")
        if row["grantee"] != APP:
            if not (
                kind == "function" and row["grantee"] == "public" and name.partition("(")[0] not in OWNERS_FUNCTIONS
            ):
                said.append(f"{row['grantee']} may {privilege} {row['object']}")
        elif kind == "table" and privilege not in _allowed(name, column.strip("()"), walled, views):
            said.append(f"{APP} may {privilege}{' ' + column if column else ''} {name}")
    return sorted(said)


def _allowed(name: str, column: str, walled: set[str], views: set[str]) -> set[str]:
    """What the application role may do with a table, or with one column of it."""
    if column:
        return {"update"} if column in UPDATED_COLUMNS.get(name, ()) else set()
    if name in WIRE_TABLES:
        return set()
    if name in EQUAL_TABLES or name in views or name not in walled:
        return {"select"}
    removes = {"delete"} if name in DELETABLE else set[str]()
    if name in APPEND_ONLY or name in UPDATED_COLUMNS:
        return {"select", "insert"} | removes
    return {"select", "insert", "update"} | removes


async def functions(connection: asyncpg.Connection) -> list[str]:
    """Functions of the owner are listed and pin their search path; none but wire_now reads the clock, none notifies."""
    catalog = await read(connection)
    said: list[str] = []
    for row in catalog.functions:
        name = row["name"]
        if row["definer"]:
            if name not in OWNERS_FUNCTIONS:
                said.append(f"{name} runs as the owner and is not listed")
            if SEARCH_PATH not in (row["settings"] or []):
                said.append(f"{name} runs as the owner without a search path of its own")
        elif name in OWNERS_FUNCTIONS:
            said.append(f"{name} is listed and does not run as the owner")
        if SQL_WALL_CLOCK.search(row["body"]) and name != "wire_now":
            said.append(f"{name} reads the wall clock")
        if SQL_NOTIFY.search(row["body"]):
            said.append(f"{name} notifies inside a write")
    said += [
        f"{name} is listed and is no function" for name in OWNERS_FUNCTIONS - {f["name"] for f in catalog.functions}
    ]
    texts = [(row["relation"], row["expression"]) for row in catalog.columns if row["expression"]]
    texts += [(row["relation"], row["definition"]) for row in (*catalog.constraints, *catalog.indexes)]
    texts += [(row["name"], row["definition"]) for row in catalog.views]
    said += [f"{place} reads the wall clock" for place, text in texts if SQL_WALL_CLOCK.search(text)]
    return sorted(said)


def lives(known: Iterable[Lifecycle]) -> Rule:
    """Every status column has a lifecycle table, or a reason to have none."""
    tables = {life.table for life in known}

    async def rule(connection: asyncpg.Connection) -> list[str]:
        columns = {column for (column,) in await connection.fetch(_STATUS)}
        said = [f"{column} has no lifecycle table" for column in columns - tables - {*WITHOUT_LIFE}]
        said += [f"{column} is no column" for column in (tables | {*WITHOUT_LIFE}) - columns]
        return sorted(said)

    return rule


def homes(features: Iterable[Feature]) -> Rule:
    """Every table is kept by one feature, whose `tables` name it, or by a layer."""
    kept = [(name, one.name) for one in features for name in (*one.tables, *one.shared_tables)]
    kept += [(table, layer) for layer, tables in OF_LAYERS.items() for table in tables.split()]

    async def rule(connection: asyncpg.Connection) -> list[str]:
        tables = {row["name"] for row in (await read(connection)).relations}
        known = Counter(table for table, _ in kept)
        said = [
            f"{table} is in the `tables` of no feature: name it in that feature's FEATURE"
            for table in tables - {*known}
        ]
        said += [f"{table} of {home} is no table" for table, home in kept if table not in tables]
        said += [f"{table} is kept by several" for table, times in known.items() if times > 1]
        return sorted(said)

    return rule


def sealed_columns(sealed: Iterable[SealedColumn]) -> Rule:
    """Every column that holds values only sealed says where they stand, since a tenant that moves takes a new key."""
    declared = {f"{one.table}.{one.column}": one for one in sealed}

    async def rule(connection: asyncpg.Connection) -> list[str]:
        columns = (await read(connection)).columns
        known = {f"{row['relation']}.{row['name']}" for row in columns}
        by_name = {name for name in known if name.partition(".")[2].startswith("sealed_")}
        said = [
            f"{name} is sealed: name it in a SealedColumn of its feature's `sealed`" for name in by_name - {*declared}
        ]
        said += [f"{name} is sealed and is no column" for name in declared.keys() - known]
        for name, one in declared.items():
            fields = {field for _, field, _, _ in Formatter().parse(one.named) if field}
            said += [
                f"{name} is placed by {field}, which is no column"
                for field in fields
                if f"{one.table}.{field}" not in known
            ]
        return sorted(said)

    return rule


def closing_blocked(features: Iterable[Feature]) -> Rule:
    """What is under way for an account or a group keeps it from being closed: a blocker names its table, or balances
    show it. What holds an account holds its group, which waits for it."""
    lives = {life.table.partition(".")[0] for one in features for life in one.lifecycles}
    blockers = [blocker for one in features for blocker in one.blockers]

    async def rule(connection: asyncpg.Connection) -> list[str]:
        catalog = await read(connection)
        missing, known = dict[str, str](), set[str]()
        for owner, column in (("account", "account_id"), ("group", r"(\w+_)?account_group_id")):
            named = " ".join(blocker.open for blocker in blockers if blocker.of == owner)
            tables = {row["relation"] for row in catalog.columns if re.fullmatch(column, row["name"])} & lives - known
            missing |= {table: owner for table in tables if not re.search(rf"\b{table}\b", named)}
            known |= tables
        said = [
            f"{table} is under way for {owner}s: name it in a ClosingBlocker of its feature's `blockers`,"
            " or in SHOWN_BY_BALANCES with the reason"
            for table, owner in missing.items()
            if table not in SHOWN_BY_BALANCES
        ]
        said += [f"{table} needs no reason" for table in {*SHOWN_BY_BALANCES} - {*missing}]
        return sorted(said)

    return rule


def names_tenant(sql: str, walled: Iterable[str]) -> bool:
    """Whether a statement that touches a table or published view of tenants names the tenant."""
    touched = re.findall(r"\b(?:from|join|into|update)\s+(?:only\s+)?(\w+)", sql, re.IGNORECASE)
    return not set(touched) & set(walled) or re.search(r"\btenant_id\b", sql) is not None
