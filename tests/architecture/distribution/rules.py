"""What a cluster distributed by tenant asks of a statement: one rule, one function, each says what it found.

A rule gets the parse tree of one statement that names a tenant table, a shared one, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pglast import ast

from openvest.db.catalogue import NODE_FUNCTIONS
from tests.architecture.distribution.facts import Facts, nodes, tables_of
from tests.architecture.distribution.tenancy import TENANT, Tenancy

WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


@dataclass(frozen=True, slots=True)
class Asked:
    """One statement that is looked at."""

    tree: Any
    facts: Facts
    in_function: bool = False

    @property
    def named(self) -> frozenset[str]:
        return frozenset(table.relname for table in tables_of(self.tree))

    def inserts(self) -> Iterator[Any]:
        """Inserts into tenant tables."""
        return (one for one in nodes(self.tree, ast.InsertStmt) if one.relation.relname in self.facts.tenant)

    def changes(self) -> Iterator[Any]:
        """Updates and deletes of what stands on the nodes."""
        on_nodes = self.facts.tenant | self.facts.shared
        return (one for one in nodes(self.tree, ast.UpdateStmt, ast.DeleteStmt) if one.relation.relname in on_nodes)


Rule = Callable[[Asked], Iterator[str]]


def functions(tree: Any) -> set[str]:
    return {call.funcname[-1].sval for call in nodes(tree, ast.FuncCall)}


def has_column(tree: Any) -> bool:
    return any(True for _ in nodes(tree, ast.ColumnRef))


def selects_rows(insert: Any) -> bool:
    """INSERT … SELECT, as opposed to INSERT … VALUES."""
    return insert.selectStmt is not None and not insert.selectStmt.valuesLists


def one_tenant(asked: Asked) -> Iterator[str]:
    """Every tenant table is held to one tenant, or all nodes are asked."""
    for table in sorted(set(Tenancy(asked.tree, asked.facts.tenant, in_function=asked.in_function).unheld())):
        yield f"asks all nodes for {table}: hold its tenant_id to a value or to another table's"


def tenant_from_row(asked: Asked) -> Iterator[str]:
    """Rows that are inserted from a SELECT take their tenant from a row of a tenant table.

    Elsewhere the rows are fetched by the coordinator and sent by COPY, which row-level security refuses.
    """
    for insert in filter(selects_rows, asked.inserts()):
        names = [column.name for column in insert.cols or ()]
        targets = insert.selectStmt.targetList or ()
        position = names.index(TENANT) if TENANT in names else 0
        value = targets[position].val if position < len(targets) else None
        aliases = {
            (table.alias.aliasname if table.alias else table.relname): table.relname
            for table in tables_of(insert.selectStmt.fromClause)
        }
        if not (
            isinstance(value, ast.ColumnRef)
            and value.fields[-1].sval == TENANT
            and (
                aliases.get(value.fields[0].sval) in asked.facts.tenant
                if len(value.fields) > 1
                else set(aliases.values()) & asked.facts.tenant
            )
        ):
            yield f"takes the tenant of new {insert.relation.relname} from no row: select o.tenant_id from tenants o"


def pushed_insert(asked: Asked) -> Iterator[str]:
    """INSERT … SELECT goes to the node as it is only without what would be worked out over all nodes."""
    for insert in filter(selects_rows, asked.inserts()):
        select = insert.selectStmt
        for found, what in (
            (select.limitCount or select.limitOffset, "LIMIT"),
            (select.distinctClause, "DISTINCT"),
            (select.groupClause or select.havingClause, "GROUP BY"),
            (select.larg, "UNION"),
            (any(call.over for call in nodes(select.targetList, ast.FuncCall)), "a window function"),
        ):
            if found:
                yield f"inserts {insert.relation.relname} from a SELECT with {what}: work it out in a subquery of a row"
        written = {column.name for column in insert.cols or ()}
        for column in sorted(asked.facts.counted.get(insert.relation.relname, frozenset()) - written):
            yield f"inserts {insert.relation.relname} from a SELECT and lets a sequence count {column}: hand numbers in"


def plain_values(asked: Asked) -> Iterator[str]:
    """VALUES hold no subquery."""
    for insert in asked.inserts():
        if insert.selectStmt is not None and list(nodes(insert.selectStmt.valuesLists, ast.SubLink)):
            yield f"a subquery in the VALUES of {insert.relation.relname}: ask before"


def one_insert(asked: Asked) -> Iterator[str]:
    """An INSERT holds no other in its CTEs."""
    if isinstance(asked.tree, ast.InsertStmt) and asked.tree.withClause:
        for one in asked.tree.withClause.ctes:
            if isinstance(one.ctequery, ast.InsertStmt):
                yield f"an INSERT within an INSERT ({one.ctename}): make two statements"


def no_volatile_write(asked: Asked) -> Iterator[str]:
    """Nothing volatile stands in UPDATE, DELETE and INSERT … SELECT: nodes decide alike."""
    for write in (*asked.changes(), *filter(selects_rows, asked.inserts())):
        for name in sorted(functions(write)):
            if asked.facts.is_volatile(name) and name != "nextval":
                yield f"{name}() is volatile in a write of {write.relation.relname}: hand its value in"


def _is_interval(tree: Any) -> bool:
    return any(kind.names[-1].sval == "interval" for kind in nodes(tree, ast.TypeName))


def _is_moment(tree: Any, facts: Facts) -> bool:
    columns = {column.fields[-1].sval for column in nodes(tree, ast.ColumnRef) if hasattr(column.fields[-1], "sval")}
    return bool(columns & facts.stamps) or "wire_now" in functions(tree)


def no_stable_over_column(asked: Asked) -> Iterator[str]:
    """In UPDATE and DELETE, what is not immutable is the same for all rows, and stands in no CASE and no COALESCE."""
    for write in asked.changes():
        table = write.relation.relname
        for call in nodes(write, ast.FuncCall):
            name = call.funcname[-1].sval
            if not asked.facts.is_immutable(name) and not asked.facts.is_volatile(name) and has_column(call.args):
                yield f"{name}() is stable and depends on a column in a write of {table}"
        for sum_ in nodes(write, ast.A_Expr):
            if sum_.name[-1].sval not in ("+", "-") or sum_.lexpr is None:
                continue
            for moment, interval in ((sum_.lexpr, sum_.rexpr), (sum_.rexpr, sum_.lexpr)):
                is_sum = _is_interval(interval) and not _is_interval(moment) and _is_moment(moment, asked.facts)
                if is_sum and (has_column(moment) or has_column(interval)):
                    yield f"an instant ± interval of a column in a write of {table}: it is not immutable"
        for choice in nodes(write, ast.CoalesceExpr, ast.CaseExpr):
            for name in sorted(functions(choice)):
                if not asked.facts.is_immutable(name):
                    yield f"{name}() within CASE or COALESCE in a write of {table}: hand its value in"


def immutable_upsert(asked: Asked) -> Iterator[str]:
    """ON CONFLICT DO UPDATE holds immutable functions alone."""
    for insert in asked.inserts():
        for name in sorted(functions(insert.onConflictClause)):
            if not asked.facts.is_immutable(name):
                yield f"{name}() in DO UPDATE of {insert.relation.relname}: use excluded's"


def sequence_alone(asked: Asked) -> Iterator[str]:
    """A sequence is asked in a statement of its own: it does not stand where the tenant's rows do."""
    if asked.named & asked.facts.tenant and functions(asked.tree) & {"nextval", "currval", "setval"}:
        yield "a sequence is asked beside a tenant's table: ask it alone"


def no_local_join(asked: Asked) -> Iterator[str]:
    """What only the coordinator has is not joined with what stands on the nodes."""
    for table in sorted(asked.named & asked.facts.local):
        if asked.named & asked.facts.tenant:
            yield f"{table} stands on the coordinator alone: ask it in a statement of its own"


def set_local(asked: Asked) -> Iterator[str]:
    """The tenant is set by SET LOCAL, which goes to the nodes; what set_config sets stays where it was called."""
    for call in nodes(asked.tree, ast.FuncCall):
        if call.funcname[-1].sval == "set_config":
            name = getattr(getattr(call.args[0], "val", None), "sval", "")
            if name.startswith("app."):
                yield f"set_config sets {name} for the coordinator alone: SET LOCAL goes to the nodes"


def known_on_nodes(asked: Asked) -> Iterator[str]:
    """A function of ours that is called on a node is one that `openvest db distribute` makes known there."""
    ours = {row["name"] for row in asked.facts.catalog.functions}
    if asked.named & (asked.facts.tenant | asked.facts.shared):
        for name in sorted(functions(asked.tree) & ours - NODE_FUNCTIONS):
            yield f"{name}() is called on a node: name it in NODE_FUNCTIONS (db/catalogue.py)"


STATEMENT_RULES: Mapping[str, Rule] = {
    "one_tenant": one_tenant,
    "tenant_from_row": tenant_from_row,
    "pushed_insert": pushed_insert,
    "plain_values": plain_values,
    "one_insert": one_insert,
    "no_volatile_write": no_volatile_write,
    "no_stable_over_column": no_stable_over_column,
    "immutable_upsert": immutable_upsert,
    "sequence_alone": sequence_alone,
    "no_local_join": no_local_join,
    "set_local": set_local,
    "known_on_nodes": known_on_nodes,
}
