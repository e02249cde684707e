"""The lock of the definitions: what each label, measure and code list of a version means, as a digest.

A digest covers the statement with everything below it (relations, code lists, thresholds, reference tables), not its
comments, layout and texts. A definition that changed under the same version is refused until its version is raised.
"""

import csv
import hashlib
import io
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import sqlglot

from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import LabelDefinition, label_definition, label_definitions, relations_in_order
from outcomes.sql.catalog.measures import MeasureDefinition, measure_definitions
from outcomes.sql.files import SqlFile, load, parse_yaml
from outcomes.sql.lineage import code_lists_of, references_of, thresholds_of
from outcomes.sql.reference import code_list_names, code_list_rows, reference_rows, thresholds
from outcomes.sql.shipped import shipped

_TEXTS = {"category", "title", "why", "numerator", "denominator", "exclusions"}
_FIELDS_WITHOUT_MEANING = {
    *_TEXTS,
    *("owner", "next_review", "version", "headline", "class_of", "exposure", "baseline_score"),
}
_NAMED = 10
"""Definitions that a refusal names; of more it tells how many."""


class Locked(NamedTuple):
    """A definition's version, and the digest of what it means."""

    kind: str
    name: str
    version: int
    sha256: str

    @property
    def key(self) -> str:
        """Kind and name, which no other definition has."""
        return f"{self.kind} {self.name}"


def lock_file() -> Path:
    """Where the lock stands: a line per definition."""
    return shipped("sql", "definitions", "lock")


@cache
def definitions_now() -> tuple[Locked, ...]:
    """Every definition as its files state it now, by kind and name."""
    lists = (
        Locked("code_list", name, int(code_list_rows(name)[0]["version"]), _code_list(name))
        for name in code_list_names()
    )
    labels = (Locked("label", label.name, label.version, _label(label)) for label in label_definitions())
    measures = (Locked("measure", each.id, each.version, _measure(each)) for each in measure_definitions())
    return tuple(sorted((*lists, *labels, *measures)))


def locked_definitions() -> tuple[Locked, ...]:
    """Every definition as the lock holds it."""
    lines = lock_file().read_text(encoding="utf-8").splitlines() if lock_file().is_file() else []
    return tuple(Locked(kind, name, int(version), sha256) for kind, name, version, sha256 in map(str.split, lines))


def changed_definitions() -> list[str]:
    """Kind and name of the definitions that are not as the lock holds them, new and lost ones too."""
    return sorted({each.key for each in {*definitions_now()} ^ {*locked_definitions()}})


def check_lock() -> None:
    """Hold the definitions against the lock.

    Raises:
        OutcomesError: definition_changed.
    """
    if changed := changed_definitions():
        more = [f"and {len(changed) - _NAMED} more"] if len(changed) > _NAMED else []
        raise OutcomesError("definition_changed", ", ".join([*changed[:_NAMED], *more]))


@cache
def definitions_sha256() -> str:
    """A digest of all that `sql/` says: the definitions, every other statement, and the texts; not of comments."""
    root = shipped("sql")
    files = (path for path in root.rglob("*") if path.is_file() and path != lock_file())
    said = {path.relative_to(root).as_posix(): _said_in(path) for path in sorted(files)}
    return _digest([definitions_now(), said])


def _said_in(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql" and text.startswith("/*"):
        file = SqlFile(path)
        return [_unwrapped(file.header), _tokens(file.select)]
    if path.suffix == ".sql":
        return _tokens(text)
    return _unwrapped(parse_yaml(text, path.name)) if path.suffix == ".yaml" else list(csv.reader(io.StringIO(text)))


def _unwrapped(value: Any) -> Any:
    """The same without the line breaks in its texts, whose layout says nothing."""
    if isinstance(value, dict):
        return {str(name): _unwrapped(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_unwrapped(each) for each in value]
    return " ".join(value.split()) if isinstance(value, str) else value


@cache
def _tokens(sql: str) -> tuple[str, ...]:
    """The words of a statement without comments and layout; only what stands in quotes keeps its case."""
    quoted = (sqlglot.TokenType.STRING, sqlglot.TokenType.IDENTIFIER)
    return tuple(
        f"{token.token_type.name} {token.text}" if token.token_type in quoted else token.text.lower()
        for token in sqlglot.tokenize(sql, read="duckdb")
    )


@cache
def _relations() -> dict[str, SqlFile]:
    return {file.name: file for file in (*relations_in_order(), *load(shipped("sql", "relations", "measures")))}


@cache
def _relation(name: str) -> str:
    """A relation with everything below it."""
    file = _relations()[name]
    tokens = _tokens(file.select)
    labels = [each for each in label_definitions() if "labels" in file.needs and f"STRING {each.name}" in tokens]
    return _digest(
        [
            tokens,
            {needed: _relation(needed) for needed in file.needs if needed in _relations()},
            {used: thresholds()[used] for used in thresholds_of(file)},
            {used: _code_list(used) for used in code_lists_of(file)},
            {used: sorted(json.dumps(row) for row in reference_rows(used)) for used in references_of(file)},
            {label.name: _label(label) for label in labels},
        ]
    )


def _label(label: LabelDefinition) -> str:
    return _digest([label.rows, _relation(label.file.name)])


def _measure(measure: MeasureDefinition) -> str:
    fields = measure.model_dump(exclude=_FIELDS_WITHOUT_MEANING, exclude_none=True)
    below = [_relation(measure.relation)] if measure.relation else []
    if measure.label:
        below = [_label(label_definition(measure.label)), _relation("label_answers")]
    return _digest([fields, below])


@cache
def _code_list(name: str) -> str:
    """The codes of a list in any order, with dots or without; neither its version nor the words for a code."""
    return _digest(
        sorted(
            json.dumps({field: value.replace(".", "") if field == "code" else value for field, value in row.items()})
            for row in ({k: v for k, v in row.items() if k not in {"version", "label"}} for row in code_list_rows(name))
        )
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
