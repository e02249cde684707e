"""Which columns of which relations decide each column of a statement, read from the statement itself.

A column is decided by what its expression names and by what chooses the rows: joins, conditions and groups. So the
answer may hold more than what changes a value in practice, but never less.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify

Sources = frozenset[tuple[str, str]]
"""Relations, each with one of its columns."""

_NOTHING: Sources = frozenset()
_CHOOSES_ROWS = ("where", "group", "having", "qualify", "distinct")


@dataclass(frozen=True)
class Decided:
    """What decides the columns of a statement, and which rows it has."""

    columns: dict[str, Sources]
    rows: Sources

    @property
    def everything(self) -> Sources:
        """What decides anything of it."""
        return self.rows.union(*self.columns.values())


def decided_by(select: str, relations: Mapping[str, Sequence[str]]) -> Decided:
    """What decides the columns of a select statement in DuckDB's SQL.

    Args:
        select: the statement.
        relations: the columns of each relation that it names.
    """
    qualified = qualify(
        _parsed(select).copy(),
        dialect="duckdb",
        schema={name: dict.fromkeys(relations[name], "unknown") for name in relations_named(select) & relations.keys()},
        quote_identifiers=False,
        validate_qualify_columns=False,
    )
    return _query(qualified, {}, {})


def relations_named(select: str) -> set[str]:
    """The names of all relations that a statement reads, those of its own common table expressions too."""
    return {table.name for table in _parsed(select).find_all(exp.Table)}


@lru_cache(maxsize=1)
def _parsed(select: str) -> exp.Expr:
    """The statement that was asked for last is asked for again: parsing is most of the work."""
    return parse_one(select, read="duckdb")


def _query(query: exp.Expr, above: Mapping[str, Decided], outer: Mapping[str, Decided | str]) -> Decided:
    """A query or a part of one.

    Args:
        query: the query.
        above: the common table expressions that it may name.
        outer: what the names of a query around it stand for.
    """
    named = dict(above)
    for part in query.ctes if isinstance(query, exp.Query) else ():
        named[part.alias] = _query(part.this, named, outer)
    if isinstance(query, exp.SetOperation):
        left, right = _query(query.left, named, outer), _query(query.right, named, outer)
        both = zip(left.columns.items(), right.columns.values(), strict=True)
        return Decided({name: one | other for (name, one), other in both}, left.rows | right.rows)
    if isinstance(query, exp.Subquery):
        return _query(query.this, named, outer)
    return _select(query, named, outer)


def _select(query: exp.Expr, named: Mapping[str, Decided], outer: Mapping[str, Decided | str]) -> Decided:
    joins = query.args.get("joins") or []
    start = query.args.get("from_")
    read = [start.this, *(join.this for join in joins)] if start else []
    stand_for = dict(outer) | {part.alias_or_name: _relation(part, named, outer) for part in read}
    conditions = [join.args.get("on") for join in joins] + [query.args.get(name) for name in _CHOOSES_ROWS]
    # Of a function that makes rows (unnest) the arguments choose them.
    functions = [part for part in read if not isinstance(part, exp.Table | exp.Subquery)]
    rows = _NOTHING.union(
        *(_named(part, named, stand_for) for part in (*conditions, *functions) if part is not None),
        *(each.rows for each in stand_for.values() if isinstance(each, Decided)),
    )
    return Decided({part.alias_or_name: _named(part, named, stand_for) for part in query.expressions}, rows)


def _relation(part: exp.Expr, named: Mapping[str, Decided], outer: Mapping[str, Decided | str]) -> Decided | str:
    """What stands in a from clause: a query that was read already, or the name of a relation."""
    if isinstance(part, exp.Subquery):
        return _query(part, named, outer)
    if isinstance(part, exp.Table):
        return named.get(part.name, part.name)
    return Decided({}, _NOTHING)


def _named(part: exp.Expr, named: Mapping[str, Decided], stand_for: Mapping[str, Decided | str]) -> Sources:
    """All that an expression names, the queries within it too."""
    found = set[tuple[str, str]]()
    for one in _leaves(part):
        if isinstance(one, exp.Column):
            relation = stand_for.get(one.table)
            if isinstance(relation, Decided):
                found |= relation.columns.get(one.name, _NOTHING)
            elif relation:
                found.add((relation, one.name))
        else:
            found |= _query(one, named, stand_for).everything
    return frozenset(found)


def _leaves(part: exp.Expr) -> Iterator[exp.Expr]:
    """The columns of an expression, and its queries as wholes."""
    if isinstance(part, exp.Column | exp.Query):
        yield part
        return
    for child in part.iter_expressions():
        yield from _leaves(child)
