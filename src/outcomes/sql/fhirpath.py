"""A subset of FHIRPath, compiled to DuckDB SQL over resources as JSON.

It is what SQL on FHIR v2 asks of a shareable ViewDefinition: elements, `$this`, `%constant`, `%rowIndex`, literals of
text, numbers and true/false, indexes, `where`, `exists`, `empty`, `first`, `join`, `not`, `extension`, `ofType`,
`getResourceKey`, `getReferenceKey`, `=`, `!=`, `<`, `<=`, `>`, `>=`, `and`, `or`, `+`, `-`, `*`, `/`.

A choice element is read as `value.ofType(Quantity)`; its bare name finds nothing. Dates and times are compared as they
are written, so only those of one precision and one time zone compare as they should. Boundaries of dates and numbers
are not in the subset: what a source leaves open is not guessed.

Source: https://hl7.org/fhirpath/ and https://sql-on-fhir.org/ig/latest/, the shareable profile.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from outcomes.sql.quoting import literal

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|'(?P<text>(?:[^'\\]|\\.)*)'|(?P<name>[A-Za-z_]\w*)|`(?P<quoted>[^`]+)`"
    r"|(?P<sign><=|>=|!=|\$this|%\w+|[.()\[\],=<>+*/-]))"
)
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
"""Operators, those that bind least first."""

_NUMBERS = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"
_KEY = r"(?:^|/){type}/([A-Za-z0-9.-]{{1,64}})(?:/_history/.*)?$|^urn:(?:uuid|oid):(.+)$"


class FhirPathError(ValueError):
    """The expression is not one of the subset; says why."""


@dataclass(frozen=True)
class Lone:
    """Names in a row below an element: as long as none of them is repeated, one JSON path reads the last.

    Attributes:
        base: SQL of the element, a column or a lambda's parameter.
        path: the JSON path.
        repeated: SQL that tells whether one is repeated.
    """

    base: str
    path: str
    repeated: str

    def below(self, name: str) -> "Lone":
        """With one name more."""
        path = f'{self.path}."{name}"'
        return Lone(self.base, path, f"{self.repeated} or json_type({self.base}, {literal(path)}) = 'ARRAY'")


@dataclass(frozen=True)
class Sql:
    """Compiled SQL: of kind `items` a list of JSON, else one value, null when there is none."""

    text: str
    kind: str
    lone: Lone | None = None

    @property
    def items(self) -> str:
        """A list of JSON."""
        if self.kind == "items":
            return self.text
        return f"list_filter([to_json({self.text})], lambda one: one is not null)"

    @property
    def item(self) -> str:
        """The only item as JSON; the query fails where there are several."""
        several = failing("an element is repeated where one is asked for", "len(found)")
        only = f"case when len(found) > 1 then {several} else found[1] end"
        return f"list_transform([{self.items}], lambda found: {only})[1]"

    @property
    def as_text(self) -> str:
        """The only item as text."""
        if self.lone:
            quickly = f"json_extract_string({self.lone.base}, {literal(self.lone.path)})"
            return f"(case when {self.lone.repeated} then {self.item} ->> '$' else {quickly} end)"
        if self.kind == "items":
            return f"({self.item} ->> '$')"
        return self.text if self.kind == "text" else f"cast({self.text} as varchar)"

    @property
    def as_number(self) -> str:
        """The only item as a number; null when it is none."""
        return self.text if self.kind == "number" else f"try_cast({self.as_text} as double)"

    @property
    def as_boolean(self) -> str:
        """The only item as true or false."""
        return self.text if self.kind == "boolean" else f"({self.as_text} = 'true')"


def failing(what: str, cell: str) -> str:
    """SQL of JSON that fails with these words and a cell, which is no value of a record; `try` catches it.

    It cannot catch `error`.
    """
    return f"cast({literal(what)} || ': ' || {cell} as json)"


_FRESH = count(1)


@dataclass(frozen=True)
class Scope:
    """Where an expression is evaluated.

    Attributes:
        this: SQL of the element it starts from; a column, as it is repeated.
        resource: SQL of the resource around it.
        row_index: SQL of the element's place among those that are gone through, from 0.
        constants: values of `%name`.
        columns: SQL of the resource's elements, where they stand in columns of their own: what has none is not there.
        is_resource: whether `this` is the resource.
    """

    this: str
    resource: str
    row_index: str
    constants: Mapping[str, Sql]
    columns: Mapping[str, str] | None = None
    is_resource: bool = True

    def at(self, this: str, row_index: str | None = None) -> "Scope":
        """The scope of another element of the resource."""
        return replace(self, this=this, row_index=row_index or self.row_index, is_resource=False)

    def elements(self, name: str) -> Sql:
        """The elements of this name of `this`."""
        return self.of_resource(name) if self.is_resource else _below(self.this, name)

    def of_resource(self, name: str) -> Sql:
        """The elements of this name of the resource."""
        if self.columns is None:
            return _below(self.resource, name)
        if name not in self.columns:
            return Sql("cast([] as json[])", "items")
        column = self.columns[name]
        return Sql(_in_column(column), "items", Lone(column, "$", f"starts_with({column}, '[')"))


def fresh(name: str) -> str:
    """A name for a lambda's parameter that no other has."""
    return f"{name}_{next(_FRESH)}"


def compile_path(path: str, scope: Scope) -> Sql:
    """Compile an expression.

    Raises:
        FhirPathError: it is not of the subset.
    """
    return _compile(_Parser(path).parsed(), scope)


@dataclass(frozen=True)
class _Node:
    """A part of an expression: its kind, what it says, and what it is made of."""

    kind: str
    word: str = ""
    of: "_Node | None" = None
    args: tuple["_Node", ...] = ()


class _Parser:
    def __init__(self, path: str) -> None:
        self.tokens = list(_tokens(path))
        self.place = 0

    def parsed(self) -> _Node:
        node = self._binary(0)
        if self._next() is not None:
            raise FhirPathError(f"not expected: {self._next()}")
        return node

    def _next(self) -> str | None:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else None

    def _accept(self, *words: str) -> str | None:
        if self.place < len(self.tokens) and self.tokens[self.place][0] in {"sign", "name"} and self._next() in words:
            self.place += 1
            return self.tokens[self.place - 1][1]
        return None

    def _expect(self, word: str) -> None:
        if self._accept(word) is None:
            raise FhirPathError(f"{word} is missing")

    def _binary(self, level: int) -> _Node:
        if level == len(_LEVELS):
            return self._path()
        node = self._binary(level + 1)
        while sign := self._accept(*_LEVELS[level]):
            node = _Node("operator", sign, args=(node, self._binary(level + 1)))
        return node

    def _path(self) -> _Node:
        node = self._term()
        while True:
            if self._accept("."):
                node = self._invocation(node)
            elif self._accept("["):
                node = _Node("index", of=node, args=(self._binary(0),))
                self._expect("]")
            else:
                return node

    def _term(self) -> _Node:
        if self._accept("("):
            node = self._binary(0)
            self._expect(")")
            return node
        kind, word = self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")
        if kind == "name" and word in {"true", "false"}:
            kind = "boolean"
        if kind == "sign" and word[0] in "$%":
            kind = {"$this": "this", "%rowIndex": "row_index"}.get(word, "constant")
        if kind in {"number", "text", "boolean", "this", "row_index", "constant"}:
            self.place += 1
            return _Node(kind, word)
        return self._invocation(None)

    def _invocation(self, of: _Node | None) -> _Node:
        kind, word = self.tokens[self.place] if self.place < len(self.tokens) else ("end", "the end")
        if kind not in {"name", "quoted"}:
            raise FhirPathError(f"not expected: {word}")
        self.place += 1
        if kind == "quoted" or not self._accept("("):
            return _Node("member", word, of)
        args = []
        if not self._accept(")"):
            args.append(self._binary(0))
            while self._accept(","):
                args.append(self._binary(0))
            self._expect(")")
        return _Node("call", word, of, tuple(args))


def _tokens(path: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    text = path.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise FhirPathError(f"not readable from {text[place:].strip()!r}")
        word = found[found.lastgroup]
        tokens.append((found.lastgroup, re.sub(r"\\(.)", r"\1", word) if found.lastgroup == "text" else word))
        place = found.end()
    return tokens


def _compile(node: _Node, scope: Scope) -> Sql:
    if node.kind in _COMPILED:
        return _COMPILED[node.kind](node, scope)
    if node.word not in _FUNCTIONS or not _FUNCTIONS[node.word][0] <= len(node.args) <= _FUNCTIONS[node.word][1]:
        raise FhirPathError(f"{node.word}() with {len(node.args)} arguments is not in the subset")
    return _FUNCTIONS[node.word][2](node, scope)


def _constant(node: _Node, scope: Scope) -> Sql:
    if node.word[1:] not in scope.constants:
        raise FhirPathError(f"there is no constant {node.word}")
    return scope.constants[node.word[1:]]


def _index(node: _Node, scope: Scope) -> Sql:
    place = f"cast({_compile(node.args[0], scope).as_number} as bigint) + 1"
    return Sql(f"({_of(node, scope).items})[{place}:{place}]", "items")


def _this(scope: Scope) -> Sql:
    return Sql(f"list_filter([{scope.this}], lambda one: json_type(one) <> 'NULL')", "items")


def _of(node: _Node, scope: Scope) -> Sql:
    return _this(scope) if node.of is None else _compile(node.of, scope)


def _member(node: _Node, scope: Scope) -> Sql:
    if node.of is None:
        return scope.elements(node.word)
    each = fresh("each")
    parents = _compile(node.of, scope)
    found = f"flatten(list_transform({parents.items}, lambda {each}: {_children(each, node.word)}))"
    return Sql(found, "items", parents.lone and parents.lone.below(node.word))


def _below(parent: str, name: str) -> Sql:
    return Sql(_children(parent, name), "items", Lone(parent, "$", "false").below(name))


def _children(parent: str, name: str) -> str:
    """The elements of this name, repeated or not."""
    path, all_of = literal(f'$."{name}"'), literal(f'$."{name}"[*]')
    return (
        f"case coalesce(json_type({parent}, {path}), 'NULL') when 'NULL' then cast([] as json[]) "
        f"when 'ARRAY' then list_filter(json_extract({parent}, {all_of}), lambda one: json_type(one) <> 'NULL') "
        f"else [json_extract({parent}, {path})] end"
    )


def _in_column(column: str) -> str:
    """The elements in a column of JSON, repeated or not."""
    return (
        f"case when {column} is null or {column} = 'null' then cast([] as json[]) when starts_with({column}, '[') "
        f"then list_filter(json_extract({column}, '$[*]'), lambda one: json_type(one) <> 'NULL') else [{column}] end"
    )


def _operator(sign: str, left: Sql, right: Sql) -> Sql:
    if sign in {"and", "or"}:
        return Sql(f"({left.as_boolean} {sign} {right.as_boolean})", "boolean")
    if sign in {"+", "-", "*", "/"}:
        return Sql(f"({left.as_number} {sign} {right.as_number})", "number")
    sql_sign = "<>" if sign == "!=" else sign
    kinds = {left.kind, right.kind}
    if "number" in kinds:
        return Sql(f"({left.as_number} {sql_sign} {right.as_number})", "boolean")
    if kinds != {"items"}:
        return Sql(f"({left.as_text} {sql_sign} {right.as_text})", "boolean")
    pair = fresh("pair")
    texts = f"({pair}[1] ->> '$')", f"({pair}[2] ->> '$')"
    numbers = [f"try_cast({text} as double)" for text in texts]
    are_numbers = f"json_type({pair}[1]) in {_NUMBERS} and json_type({pair}[2]) in {_NUMBERS}"
    compared = (
        f"case when {are_numbers} then {numbers[0]} {sql_sign} {numbers[1]} else {texts[0]} {sql_sign} {texts[1]} end"
    )
    return Sql(f"list_transform([[{left.item}, {right.item}]], lambda {pair}: {compared})[1]", "boolean")


def _where(node: _Node, scope: Scope) -> Sql:
    each = fresh("each")
    kept = _compile(node.args[0], scope.at(each)).as_boolean
    return Sql(f"list_filter({_of(node, scope).items}, lambda {each}: coalesce({kept}, false))", "items")


def _extension(node: _Node, scope: Scope) -> Sql:
    each = fresh("each")
    url = _compile(node.args[0], scope).as_text
    extensions = _member(_Node("member", "extension", node.of), scope).items
    return Sql(f"list_filter({extensions}, lambda {each}: ({each} ->> '$.url') = {url})", "items")


def _join(node: _Node, scope: Scope) -> Sql:
    separator = _compile(node.args[0], scope).as_text if node.args else "''"
    texts = f"list_transform({_of(node, scope).items}, lambda one: one ->> '$')"
    return Sql(f"array_to_string({texts}, {separator})", "text")


def _of_type(node: _Node, scope: Scope) -> Sql:
    """A choice element bears its type in its name."""
    choice, kind = node.of, node.args[0]
    if choice is None or choice.kind != "member" or kind.kind != "member":
        raise FhirPathError("ofType() goes with an element, as value.ofType(string)")
    return _member(_Node("member", choice.word + kind.word[0].upper() + kind.word[1:], choice.of), scope)


def _reference_key(node: _Node, scope: Scope) -> Sql:
    """The id that references name, whether they are relative, absolute or a URN; null of another type."""
    each = fresh("each")
    pattern = literal(_KEY.format(type=node.args[0].word if node.args else "[A-Za-z]+"))
    keys = ", ".join(f"nullif(regexp_extract({each} ->> '$.reference', {pattern}, {group}), '')" for group in (1, 2))
    found = f"list_transform({_of(node, scope).items}, lambda {each}: to_json(coalesce({keys})))"
    return Sql(f"list_filter({found}, lambda one: one is not null)", "items")


_Compiled = Callable[[_Node, Scope], Sql]

_COMPILED: dict[str, _Compiled] = {
    "text": lambda node, scope: Sql(literal(node.word), "text"),
    "number": lambda node, scope: Sql(node.word, "number"),
    "boolean": lambda node, scope: Sql(node.word, "boolean"),
    "row_index": lambda node, scope: Sql(scope.row_index, "number"),
    "this": lambda node, scope: _this(scope),
    "constant": _constant,
    "member": _member,
    "index": _index,
    "operator": lambda node, scope: _operator(node.word, *(_compile(arg, scope) for arg in node.args)),
}

_FUNCTIONS: dict[str, tuple[int, int, _Compiled]] = {
    "where": (1, 1, _where),
    "exists": (0, 0, lambda node, scope: Sql(f"(len({_of(node, scope).items}) > 0)", "boolean")),
    "empty": (0, 0, lambda node, scope: Sql(f"(len({_of(node, scope).items}) = 0)", "boolean")),
    "first": (0, 0, lambda node, scope: Sql(f"({_of(node, scope).items})[1:1]", "items")),
    "not": (0, 0, lambda node, scope: Sql(f"(not {_of(node, scope).as_boolean})", "boolean")),
    "join": (0, 1, _join),
    "extension": (1, 1, _extension),
    "ofType": (1, 1, _of_type),
    "getResourceKey": (0, 0, lambda node, scope: scope.of_resource("id")),
    "getReferenceKey": (0, 1, _reference_key),
}
"""Functions with the fewest and the most arguments they take."""
