"""What a cluster distributed by tenant asks of the schema: one rule, one function, which gives homes and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pglast
from pglast import ast
from pglast.enums import AlterTableType, ConstrType

from openvest.db.migrate import Migration, read_migrations
from tests.architecture.distribution.facts import Facts, body_statements, nodes, tables_of
from tests.architecture.distribution.tenancy import TENANT

Found = Iterator[tuple[str, str]]
Rule = Callable[[Facts], Found]

FIRST_HELD = 25
"""Migrations before this one ran everywhere before anybody could distribute a database."""
_UNNAMED = (
    ConstrType.CONSTR_CHECK,
    ConstrType.CONSTR_UNIQUE,
    ConstrType.CONSTR_PRIMARY,
    ConstrType.CONSTR_FOREIGN,
    ConstrType.CONSTR_EXCLUSION,
)


def plain_policy(facts: Facts) -> Found:
    """A policy holds no sub-select: it is written into every statement that goes to a node."""
    for row in facts.catalog.policies:
        if any("select" in (text or "").lower() for text in (row["using"], row["checked"])):
            yield f"policy {row['name']} of {row['relation']}", "holds a sub-select"


def function_language(facts: Facts) -> Found:
    """A function in SQL with parameters asks no tenant table: its parameters are unknown where shards are chosen."""
    for row in facts.catalog.functions:
        if "LANGUAGE sql" in row["definition"] and not row["signature"].endswith("()"):
            tables = {table.relname for text in body_statements(row) for table in tables_of(pglast.parse_sql(text))}
            for table in sorted(tables & facts.tenant):
                yield f"function {row['name']}", f"is SQL with parameters and asks {table}: write it in plpgsql"


def planned_with_values(facts: Facts) -> Found:
    """A function that forces generic plans asks no tenant table: without values no shard can be chosen."""
    for row in facts.catalog.functions:
        if "plan_cache_mode=force_generic_plan" in (row["settings"] or ()):
            tables = {table.relname for text in body_statements(row) for table in tables_of(pglast.parse_sql(text))}
            for table in sorted(tables & facts.tenant):
                yield f"function {row['name']}", f"forces generic plans and asks {table}: ask it in another function"


def trigger_one_shard(facts: Facts) -> Found:
    """A query of a trigger that names the new rows names no other tenant table: the rows are the shard's alone."""
    bodies = {row["name"]: row for row in facts.catalog.functions}
    for row in facts.catalog.triggers:
        trigger = pglast.parse_sql(row["definition"])[0].stmt
        fresh = {one.name for one in trigger.transitionRels or ()}
        for text in body_statements(bodies[trigger.funcname[-1].sval]):
            named = {table.relname for table in tables_of(pglast.parse_sql(text))}
            for table in sorted(named & facts.tenant if named & fresh else ()):
                yield f"trigger {row['name']}", f"asks {table} and the new rows in one query: take the keys out first"


def keys_hold_tenant(facts: Facts) -> Found:
    """Every key of a tenant table, exclusions too, holds the tenant: a node cannot see the rows of others."""
    for home, table, constraint in _constraints(facts):
        if table not in facts.tenant or constraint.contype not in (
            ConstrType.CONSTR_PRIMARY,
            ConstrType.CONSTR_UNIQUE,
            ConstrType.CONSTR_EXCLUSION,
        ):
            continue
        columns = [key.sval for key in constraint.keys or ()]
        columns += [part[0].name for part in constraint.exclusions or () if part[1][-1].sval == "="]
        if TENANT not in columns:
            yield home, f"is a key of {table} without tenant_id"
    for row in facts.catalog.indexes:
        index = pglast.parse_sql(row["definition"])[0].stmt
        if index.unique and row["relation"] in facts.tenant and TENANT not in [one.name for one in index.indexParams]:
            yield f"index {index.idxname}", f"is a key of {row['relation']} without tenant_id"


def foreign_keys(facts: Facts) -> Found:
    """A reference leads to the same tenant's row or to a shared table; what is shared or local leads to no tenant's."""
    for home, table, constraint in _constraints(facts):
        if constraint.contype != ConstrType.CONSTR_FOREIGN:
            continue
        target = constraint.pktable.relname
        ours = [key.sval for key in constraint.fk_attrs]
        theirs = [key.sval for key in constraint.pk_attrs or ()]
        if target in facts.tenant:
            if table not in facts.tenant:
                yield home, f"leads from {table}, which knows no tenant, to a tenant's {target}"
            elif (TENANT, TENANT) not in zip(ours, theirs, strict=False):
                yield home, f"leads from {table} to {target} without the tenant"
        elif target in facts.local and table not in facts.local:
            yield home, f"leads from {table} to {target}, which stands on the coordinator alone"


def wide_identity(facts: Facts) -> Found:
    """What a sequence counts is a bigint: each node counts in a range of its own."""
    for row in facts.catalog.columns:
        if row["name"] in facts.counted.get(row["relation"], ()) and row["type"] != "bigint":
            yield (
                f"column {row['relation']}.{row['name']}",
                f"is counted by a sequence and is {row['type']}, not bigint",
            )


def named_constraints(facts: Facts) -> Found:
    """Later migrations add constraints to tables by name, in statements of their own, and change columns one by one."""
    yield from unnamed_constraints(read_migrations()[FIRST_HELD - 1 :])


def unnamed_constraints(migrations: Sequence[Migration]) -> Found:
    for migration in migrations:
        for statement in pglast.parse_sql(migration.sql):
            for change in _changes(statement.stmt):
                home = f"migration {migration.name}"
                what = change.def_
                if change.subtype == AlterTableType.AT_AddColumn:
                    for one in what.constraints or ():
                        if one.contype in _UNNAMED:
                            yield home, f"adds a column {what.colname} with a constraint: add that by name, after it"
                elif change.subtype == AlterTableType.AT_AddConstraint and not what.conname:
                    yield home, "adds a constraint without a name"


def _changes(statement: Any) -> Sequence[Any]:
    return statement.cmds if isinstance(statement, ast.AlterTableStmt) else ()


def _constraints(facts: Facts) -> Iterator[tuple[str, str, Any]]:
    for row in facts.catalog.constraints:
        text = f"alter table {row['relation']} add constraint {row['name']} {row['definition']}"
        (constraint,) = nodes(pglast.parse_sql(text), ast.Constraint)
        yield f"constraint {row['name']}", row["relation"], constraint


SCHEMA_RULES: Mapping[str, Rule] = {
    "plain_policy": plain_policy,
    "function_language": function_language,
    "planned_with_values": planned_with_values,
    "trigger_one_shard": trigger_one_shard,
    "keys_hold_tenant": keys_hold_tenant,
    "foreign_keys": foreign_keys,
    "wide_identity": wide_identity,
    "named_constraints": named_constraints,
}
