"""What a release depends on: the same inputs make the same release."""

import ast
import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from outcomes.errors import OutcomesError
from outcomes.release.verify import file_sha256
from outcomes.settings import Settings
from outcomes.site_files import site_names
from outcomes.sql.lock import definitions_sha256


@dataclass(frozen=True)
class Inputs:
    """All that a release depends on: the same inputs make the same release."""

    submissions: list[dict[str, Any]]
    site_names: dict[str, str]
    minimum_cell_count: int
    code_version: str
    definitions_sha256: str
    eq5d_value_set_sha256: str | None
    annotations_sha256: str | None
    targets_sha256: str | None

    @property
    def data_to(self) -> str:
        """The latest accepted period."""
        return max(str(row["period"]) for row in self.submissions if row["status"] == "accepted")

    @property
    def is_synthetic(self) -> bool:
        """Whether every accepted submission, superseded ones included, is of invented patients."""
        return all(row["is_synthetic"] for row in self.submissions if row["status"] != "refused")

    @property
    def release_id(self) -> str:
        """The latest accepted period and a digest of all inputs."""
        digest = hashlib.sha256(json.dumps(vars(self), sort_keys=True).encode()).hexdigest()
        return f"{self.data_to}-{digest[:12]}"


_SUBMISSIONS = """
    select
        submission_id, site_id, period, attempt, status, code, is_synthetic,
        case
            when status = 'accepted'
                then md5(array_to_string([
                    t.source_table || ' ' || t.rows_accepted || ' ' || coalesce(t.digest, '') for t in tables
                ], ';'))
        end as digest
    from submissions
    order by site_id, period, attempt
"""
"""The digest is of the rows in force: the same submissions judged otherwise make another release."""


def read_inputs(con: duckdb.DuckDBPyConnection, settings: Settings) -> Inputs:
    """The inputs of a release made now.

    Args:
        con: a connection that holds the lake, or at least its submissions.
        settings: paths and thresholds.

    Raises:
        OutcomesError: nothing_to_release, sites_malformed, value_set_malformed.
    """
    columns = ("submission_id", "site_id", "period", "attempt", "status", "code", "is_synthetic", "digest")
    rows = con.execute(_SUBMISSIONS).fetchall()
    submissions = [dict(zip(columns, row, strict=True)) for row in rows]
    if not any(row["status"] == "accepted" for row in submissions):
        raise OutcomesError("nothing_to_release", settings.lake_url or str(settings.lake))
    return Inputs(
        submissions=submissions,
        site_names=site_names(settings.sites_file) or {},
        minimum_cell_count=settings.minimum_cell_count,
        code_version=code_version(),
        definitions_sha256=definitions_sha256(),
        eq5d_value_set_sha256=_value_set_sha256(settings.eq5d_value_set),
        annotations_sha256=_sha256_if_any(settings.annotations_file),
        targets_sha256=_sha256_if_any(settings.targets_file),
    )


@cache
def code_version() -> str:
    """The package's version and a digest of its code, without comments, docstrings and layout."""
    package = Path(__file__).parents[1]
    code = {
        path.relative_to(package).as_posix(): syntax(ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(package.rglob("*.py"))
        if "_shipped" not in path.parts
    }
    digest = hashlib.sha256(json.dumps(code).encode()).hexdigest()
    return f"{importlib.metadata.version('outcomes')}+{digest[:12]}"


def syntax(node: Any) -> Any:
    """The syntax tree of code in lists, the same in every version of Python; without texts that stand by themselves."""
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in node._fields if name != "ctx"]
        return [type(node).__name__, *((name, syntax(value)) for name, value in fields if value not in (None, []))]
    if isinstance(node, list):
        return [syntax(each) for each in node if not (isinstance(each, ast.Expr) and _is_text(each.value))]
    return repr(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def thresholds_sha256(values: dict[str, Any]) -> str:
    """A digest of the conventions by name and value."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _value_set_sha256(value_set: Path | None) -> str | None:
    if value_set is None:
        return None
    if not value_set.is_file():
        raise OutcomesError("value_set_malformed", value_set.name)
    return file_sha256(value_set)


def _sha256_if_any(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None
