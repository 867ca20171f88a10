"""Is every tenant table of a statement held to one tenant? By equality with a value, or with a table that is held so.

What a cluster derives is what PostgreSQL derives: equalities of conditions that all must hold, through joins and into
subqueries. A condition beneath OR, or a list of tenants, holds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType

TENANT = "tenant_id"
QUERIES = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
Place: TypeAlias = int
"""One appearance of a table in a statement; VALUE stands for the one tenant that is asked for."""
VALUE: Place = 0


@dataclass(slots=True)
class Scope:
    """What names mean in one query: its relations by alias, those of the queries around it, and named subqueries."""

    around: Scope | None = None
    places: dict[str, Place | None] = field(default_factory=dict[str, "Place | None"])
    named: dict[str, Place | None] = field(default_factory=dict[str, "Place | None"])

    def tables(self) -> list[Place]:
        return [place for place in self.places.values() if place is not None]

    def subquery(self, name: str) -> tuple[bool, Place | None]:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.named:
                return True, scope.named[name]
            scope = scope.around
        return False, None


class Tenancy:
    """The places of one statement, joined where their tenants are equal."""

    def __init__(self, tree: Any, tenant_tables: Collection[str], *, in_function: bool) -> None:
        self._tables = tenant_tables
        self._in_function = in_function
        self._parent: list[int] = [VALUE]
        self._names: list[str] = [""]
        self.query(tree, Scope())

    def unheld(self) -> list[str]:
        """Tables whose rows of all tenants are asked for."""
        return [self._names[place] for place in range(1, len(self._parent)) if self._root(place) != self._root(VALUE)]

    def _root(self, place: Place) -> Place:
        while self._parent[place] != place:
            place = self._parent[place]
        return place

    def _join(self, one: Place | None, other: Place | None) -> None:
        if one is not None and other is not None:
            self._parent[self._root(one)] = self._root(other)

    def _place(self, name: str) -> Place:
        self._parent.append(len(self._parent))
        self._names.append(name)
        return len(self._parent) - 1

    def query(self, tree: Any, around: Scope) -> Place | None:
        """Take up one query. Returns the place its column tenant_id comes from, if it has one."""
        scope = Scope(around)
        if tree.withClause:
            for one in tree.withClause.ctes:
                if tree.withClause.recursive:
                    scope.named[one.ctename] = None
                scope.named[one.ctename] = self.query(one.ctequery, scope)
        if isinstance(tree, ast.SelectStmt):
            return self._select(tree, scope)
        alias = tree.relation.alias.aliasname if tree.relation.alias else tree.relation.relname
        target = self._place(tree.relation.relname) if tree.relation.relname in self._tables else None
        scope.places[alias] = target
        if isinstance(tree, ast.InsertStmt):
            self._insert(tree, target, scope)
        else:
            sources = tree.fromClause if isinstance(tree, ast.UpdateStmt) else tree.usingClause
            for item in sources or ():
                self._relation(item, scope)
            self._condition(tree.whereClause, scope)
            self._below((getattr(tree, "targetList", None), tree.whereClause, tree.returningClause), scope)
        return target

    def _select(self, tree: Any, scope: Scope) -> Place | None:
        if tree.larg is not None:
            left, right = self.query(tree.larg, scope), self.query(tree.rarg, scope)
            self._below((tree.sortClause, tree.limitCount, tree.limitOffset), scope)
            return left if left is not None and right is not None and self._root(left) == self._root(right) else None
        for item in tree.fromClause or ():
            self._relation(item, scope)
        self._condition(tree.whereClause, scope)
        rest = (tree.targetList, tree.whereClause, tree.havingClause, tree.groupClause, tree.sortClause)
        self._below((*rest, tree.limitCount, tree.limitOffset, tree.valuesLists, tree.distinctClause), scope)
        for target in tree.targetList or ():
            if isinstance(target.val, ast.ColumnRef):
                last = target.val.fields[-1]
                if isinstance(last, ast.A_Star) or (target.name or last.sval) == TENANT:
                    return self._column(target.val, scope, star=isinstance(last, ast.A_Star))
            elif target.name == TENANT:
                return self._column(target.val, scope)
        return None

    def _insert(self, tree: Any, target: Place | None, scope: Scope) -> None:
        select = tree.selectStmt
        if select is None:
            return
        names = [column.name for column in tree.cols or ()]
        position = names.index(TENANT) if TENANT in names else 0
        if select.valuesLists:
            for row in select.valuesLists:
                self._join(target, self._column(row[position], scope))
            self._below(select, scope)
        else:
            # Whether the rows go where the tenant is, the rule of INSERT … SELECT says.
            self._join(target, VALUE)
            self.query(select, scope)
        self._below((tree.onConflictClause, tree.returningClause), scope)

    def _relation(self, item: Any, scope: Scope) -> None:
        if isinstance(item, ast.JoinExpr):
            before = scope.tables()
            self._relation(item.larg, scope)
            left = [place for place in scope.tables() if place not in before]
            self._relation(item.rarg, scope)
            right = [place for place in scope.tables() if place not in before and place not in left]
            if any(name.sval == TENANT for name in item.usingClause or ()) and left and right:
                self._join(left[0], right[0])
            self._condition(item.quals, scope)
            self._below(item.quals, scope)
            return
        alias = item.alias.aliasname if item.alias else None
        if isinstance(item, ast.RangeSubselect):
            scope.places[alias or f"subquery {len(scope.places)}"] = self.query(item.subquery, scope)
        elif isinstance(item, ast.RangeVar):
            known, place = scope.subquery(item.relname)
            if not known:
                place = self._place(item.relname) if item.relname in self._tables else None
            scope.places[alias or item.relname] = place
        else:
            scope.places[alias or f"function {len(scope.places)}"] = None
            self._below(item, scope)

    def _condition(self, tree: Any, scope: Scope) -> None:
        """Join what the conditions that must hold say is equal."""
        if isinstance(tree, ast.BoolExpr) and tree.boolop == BoolExprType.AND_EXPR:
            for part in tree.args:
                self._condition(part, scope)
        elif isinstance(tree, ast.A_Expr) and tree.kind == A_Expr_Kind.AEXPR_OP and tree.name[-1].sval == "=":
            for one, other in _pairs(tree.lexpr, tree.rexpr):
                if _names_tenant(one) or _names_tenant(other):
                    self._join(self._column(one, scope), self._column(other, scope))

    def _column(self, tree: Any, scope: Scope, *, star: bool = False) -> Place | None:
        """The place of a column tenant_id; VALUE for what is the same in all rows; None for anything else."""
        if isinstance(tree, ast.TypeCast):
            return self._column(tree.arg, scope)
        if isinstance(tree, ast.A_Indirection) and self._in_function:
            # An element of an array that the function was given, or holds.
            parts = [part for part in _parts(tree) if isinstance(part, ast.ColumnRef)]
            return VALUE if all(self._column(part, scope) == VALUE for part in parts) else None
        if not isinstance(tree, ast.ColumnRef):
            return None if any(isinstance(part, ast.ColumnRef | ast.SubLink) for part in _parts(tree)) else VALUE
        names = [part.sval for part in tree.fields if isinstance(part, ast.String)]
        if not star and names[-1] != TENANT:
            known = len(names) > 1 and self._knows(names[0], scope)
            return VALUE if self._in_function and not known else None
        inner: Scope | None = scope
        while inner is not None:
            if len(names) + star > 1:
                if names[0] in inner.places:
                    return inner.places[names[0]]
            elif inner.tables():
                return inner.tables()[0]
            inner = inner.around
        return VALUE if self._in_function else None

    @staticmethod
    def _knows(alias: str, scope: Scope) -> bool:
        inner: Scope | None = scope
        while inner is not None:
            if alias in inner.places:
                return True
            inner = inner.around
        return False

    def _below(self, tree: Any, scope: Scope) -> None:
        """The subqueries of expressions."""
        if isinstance(tree, tuple):
            for part in tree:
                self._below(part, scope)
        elif isinstance(tree, QUERIES):
            if isinstance(tree, ast.SelectStmt) and tree.valuesLists:
                self._below(tree.valuesLists, scope)
            else:
                self.query(tree, scope)
        elif isinstance(tree, ast.Node):
            for name in tree:
                self._below(getattr(tree, name), scope)


def _pairs(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(one, ast.RowExpr) and isinstance(other, ast.RowExpr):
        yield from zip(one.args, other.args, strict=False)
    else:
        yield one, other


def _names_tenant(tree: Any) -> bool:
    return (
        isinstance(tree, ast.ColumnRef) and isinstance(tree.fields[-1], ast.String) and tree.fields[-1].sval == TENANT
    )


def _parts(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for part in tree:
            yield from _parts(part)
    elif isinstance(tree, ast.Node):
        yield tree
        for name in tree:
            yield from _parts(getattr(tree, name))
