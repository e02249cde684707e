"""ViewDefinitions of SQL on FHIR v2, compiled to DuckDB SQL: resources as JSON become rows.

All of a shareable view is read: `select`, `column`, `forEach`, `forEachOrNull`, `repeat`, `unionAll`, `where`,
`constant`, `collection`, `%rowIndex`, with the paths of `fhirpath.py`. A column's `type` decides its SQL type: boolean,
integer and decimal are that, everything else is text. A resource becomes a list of rows by list functions alone, so
that resources are read as a stream, one at a time.

Source: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes.errors import OutcomesError
from outcomes.sql.fhirpath import FhirPathError, Scope, Sql, compile_path, failing, fresh
from outcomes.sql.quoting import literal

_NAME = re.compile(r"[A-Za-z]\w*")
_INTEGERS = {"integer", "positiveInt", "unsignedInt", "integer64"}
_DEEPEST = 8
"""Levels to which `repeat` goes down; below them the query fails, so that nothing is left out unsaid."""


@dataclass(frozen=True)
class ViewDefinition:
    """A view: its name, for errors, and what its JSON says."""

    name: str
    content: Mapping[str, Any]

    @property
    def resource(self) -> str:
        """The type of the resources that it reads.

        Raises:
            OutcomesError: definition_malformed.
        """
        kind = self.content.get("resource")
        if not isinstance(kind, str) or not _NAME.fullmatch(kind):
            raise OutcomesError("definition_malformed", f"{self.name}: resource is not the name of a type")
        return kind

    def select(self, resources: str, resource: str = "resource", columns: Mapping[str, str] | None = None) -> str:
        """The SQL that makes the view's rows.

        Args:
            resources: a relation of resources of the view's type.
            resource: SQL of the resource as JSON.
            columns: SQL of its elements as JSON by name, where the relation has them in columns; others are not read.

        Raises:
            OutcomesError: definition_malformed; names the view and what is wrong.
        """
        rows, kept = self._compiled(resource, columns)
        of_kept = f"from {resources}" + (f" where {' and '.join(kept)}" if kept else "")
        if not rows.lists:
            return f"select {', '.join(f'{sql} as {name}' for name, sql in rows.cells.items())} {of_kept}"
        names = ", ".join(f"one_row.{name} as {name}" for name in rows.names)
        return f"select {names} from (select unnest({rows.as_list}) as one_row {of_kept})"

    def is_readable(self, resource: str, columns: Mapping[str, str] | None = None) -> str:
        """SQL that tells whether a resource has the shape that the view reads; arguments and errors as of `select`."""
        rows, kept = self._compiled(resource, columns)
        return " and ".join(f"try({sql}) is not null" for sql in (*kept, rows.as_list))

    def _compiled(self, resource: str, columns: Mapping[str, str] | None) -> tuple["_Rows", list[str]]:
        """The rows of a resource, and the conditions on which it has any."""
        assert self.resource
        try:
            scope = Scope(resource, resource, "0", _constants(self.content.get("constant", [])), columns)
            rows = _of_selects(_list(self.content, "select"), scope)
            return rows, [_condition(where, scope) for where in self.content.get("where", [])]
        except FhirPathError as error:
            raise OutcomesError("definition_malformed", f"{self.name}: {error}") from None


def read_view(path: Path) -> ViewDefinition:
    """Read a ViewDefinition from its JSON file.

    Raises:
        OutcomesError: definition_malformed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise OutcomesError("definition_malformed", f"{path.name} is not JSON in UTF-8") from None
    if not isinstance(content, dict):
        raise OutcomesError("definition_malformed", f"{path.name} is no ViewDefinition")
    return ViewDefinition(path.name, content)


@dataclass(frozen=True)
class _Rows:
    """Rows of one element: columns with one cell, and lists of rows, each of which goes with each.

    Attributes:
        names: the columns in their order.
        cells: SQL of the columns with one cell.
        lists: SQL of lists of structs, and the columns of each.
    """

    names: tuple[str, ...]
    cells: Mapping[str, str]
    lists: tuple[tuple[tuple[str, ...], str], ...] = ()

    @property
    def as_list(self) -> str:
        """A list of structs of all columns.

        Cells, and lists that are gone through again and again, are worked out once and bound to a name.
        """
        if not self.lists:
            return f"[{_struct({name: self.cells[name] for name in self.names})}]"
        if len(self.lists) == 1 and not self.cells and self.lists[0][0] == self.names:
            return self.lists[0][1]
        bound, lists = fresh("bound"), fresh("lists")
        cells = {name: f"{bound}.{name}" for name in self.cells}
        rows = [fresh("row") for _ in self.lists]
        for row, (names, _) in zip(rows, self.lists, strict=True):
            cells |= {name: f"{row}.{name}" for name in names}
        sql = _struct({name: cells[name] for name in self.names})
        sql = f"list_transform({lists}.{rows[-1]}, lambda {rows[-1]}: {sql})"
        for row in reversed(rows[:-1]):
            sql = f"flatten(list_transform({lists}.{row}, lambda {row}: {sql}))"
        if self.cells:
            sql = f"list_transform([{_struct(self.cells)}], lambda {bound}: {sql})[1]"
        of_lists = {row: of_list for row, (_, of_list) in zip(rows, self.lists, strict=True)}
        return f"list_transform([{_struct(of_lists)}], lambda {lists}: {sql})[1]"


def _struct(cells: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{literal(name)}: {sql}" for name, sql in cells.items()) + "}"


def _list(content: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = content.get(name)
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) for one in found):
        raise FhirPathError(f"{name} is not a list of objects")
    return found


def _constants(given: Iterable[Mapping[str, Any]]) -> dict[str, Sql]:
    constants = {}
    for constant in given:
        values = [value for name, value in constant.items() if name.startswith("value")]
        name = constant.get("name")
        if not isinstance(name, str) or len(values) != 1 or isinstance(values[0], dict | list):
            raise FhirPathError("a constant has a name and one simple value")
        value = values[0]
        if isinstance(value, bool):
            constants[name] = Sql(str(value).lower(), "boolean")
        elif isinstance(value, int | float):
            constants[name] = Sql(repr(value), "number")
        else:
            constants[name] = Sql(literal(str(value)), "text")
    return constants


def _condition(where: Mapping[str, Any], scope: Scope) -> str:
    """Whether a resource is kept; what is neither true, false nor empty is a mistake of the view."""
    found = compile_path(_path(where, "path"), scope)
    if found.kind == "boolean":
        return f"coalesce({found.text}, false)"
    if found.kind != "items":
        raise FhirPathError("where is neither true nor false")
    one = fresh("one")
    return (
        f"list_transform([{found.item}], lambda {one}: case when {one} is null then false "
        f"when json_type({one}) = 'BOOLEAN' then ({one} ->> '$') = 'true' "
        f"else cast({failing('where is neither true nor false', f'json_type({one})')} as boolean) end)[1]"
    )


def _path(content: Mapping[str, Any], name: str) -> str:
    path = content.get(name)
    if not isinstance(path, str):
        raise FhirPathError(f"{name} is not text")
    return path


def _of_selects(selects: Iterable[Mapping[str, Any]], scope: Scope) -> _Rows:
    return _together([_of_select(select, scope) for select in selects])


def _together(parts: Iterable[_Rows]) -> _Rows:
    names: tuple[str, ...] = ()
    cells: dict[str, str] = {}
    lists: tuple[tuple[tuple[str, ...], str], ...] = ()
    for part in parts:
        names, cells, lists = names + part.names, {**cells, **part.cells}, lists + part.lists
    if len(set(names)) < len(names):
        raise FhirPathError(f"several columns {next(name for name in names if names.count(name) > 1)}")
    return _Rows(names, cells, lists)


def _of_select(select: Mapping[str, Any], scope: Scope) -> _Rows:
    if "repeat" in select:
        return _of_each(_repeated(select["repeat"], scope), select, scope)
    if "forEach" in select:
        return _of_each(compile_path(_path(select, "forEach"), scope).items, select, scope)
    if "forEachOrNull" in select:
        items = fresh("items")
        found = compile_path(_path(select, "forEachOrNull"), scope).items
        at_least_one = f"case when len({items}) = 0 then [cast('null' as json)] else {items} end"
        return _of_each(f"list_transform([{found}], lambda {items}: {at_least_one})[1]", select, scope)
    return _inside(select, scope)


def _inside(select: Mapping[str, Any], scope: Scope) -> _Rows:
    """What a select says of one element."""
    parts = [_column(column, scope) for column in select.get("column", [])]
    parts += [_of_select(one, scope) for one in select.get("select", [])]
    if "unionAll" in select:
        branches = [_of_select(one, scope) for one in _list(select, "unionAll")]
        if len({branch.names for branch in branches}) > 1:
            raise FhirPathError("the parts of unionAll have not the same columns in the same order")
        joined = " || ".join(f"({branch.as_list})" for branch in branches)
        parts.append(_Rows(branches[0].names, {}, ((branches[0].names, f"({joined})"),)))
    return _together(parts)


def _of_each(items: str, select: Mapping[str, Any], scope: Scope) -> _Rows:
    each, place = fresh("each"), fresh("place")
    rows = _inside(select, scope.at(each, f"({place} - 1)"))
    if not rows.names:
        raise FhirPathError("a select without columns")
    if rows.lists:
        sql = f"flatten(list_transform({items}, lambda {each}, {place}: {rows.as_list}))"
    else:
        sql = f"list_transform({items}, lambda {each}, {place}: {_struct(rows.cells)})"
    return _Rows(rows.names, {}, ((rows.names, sql),))


def _repeated(paths: Any, scope: Scope) -> str:
    """All elements that the paths lead to, however deep, each before those below it."""
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise FhirPathError("repeat is not a list of paths")

    def children(this: str) -> str:
        return " || ".join(f"({compile_path(path, scope.at(this)).items})" for path in paths)

    def below(this: str, levels: int) -> str:
        if not levels:
            too_deep = failing(f"repeat leads deeper than {_DEEPEST} levels", f"len({children(this)})")
            return f"case when len({children(this)}) > 0 then [{too_deep}] else cast([] as json[]) end"
        each = fresh("each")
        return f"flatten(list_transform({children(this)}, lambda {each}: [{each}] || {below(each, levels - 1)}))"

    return below(scope.this, _DEEPEST)


def _column(column: Mapping[str, Any], scope: Scope) -> _Rows:
    name = column.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise FhirPathError("a column's name is not a letter with letters, digits and underscores")
    try:
        found = compile_path(_path(column, "path"), scope)
    except FhirPathError as error:
        raise FhirPathError(f"column {name}: {error}") from None
    convert = _conversion(str(column.get("type", "string")))
    if column.get("collection"):
        one = fresh("one")
        text = Sql(f"({one} ->> '$')", "text")
        sql = f"list_transform({found.items}, lambda {one}: {convert(text)})"
    else:
        sql = convert(found)
    return _Rows((name,), {name: sql})


def _conversion(kind: str) -> Callable[[Sql], str]:
    if kind == "boolean":
        return lambda sql: sql.as_boolean
    if kind in _INTEGERS:
        return lambda sql: f"try_cast({sql.as_text} as bigint)"
    if kind == "decimal":
        return lambda sql: sql.as_number
    return lambda sql: sql.as_text
