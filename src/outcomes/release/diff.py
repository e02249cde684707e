"""What differs between two releases: inputs, schema, rows, and the answers of the labels with what may have moved them.

Counts are exact: this is for those who may see the row-level marts. No patient's key or value leaves the comparison.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from outcomes.sql.quoting import literal

INPUTS = {
    "thresholds": "thresholds_sha256",
    "sql": "definitions_sha256",
    "code": "code_version",
    "engine": "engine",
    "value_set": "eq5d_value_set_sha256",
}
"""What may move a label at every site, and where the manifest says which it was. `sql` holds the thresholds too."""

REASONS = (
    "label_added",
    "label_removed",
    "definition_version",
    "definition_changed",
    "new_submission",
    "superseded_submission",
    "patient_data",
    *INPUTS,
)
"""What may have moved an answer, in the order in which it is told."""

PATIENT_MARTS = ("episodes", "follow_ups", "revisions", "label_evidence")
"""Marts that show the records of a patient."""

_KEY = ("site_id", "patient_id", "label")


@dataclass(frozen=True)
class RowChange:
    """Rows of a mart in both releases; None where a release lacks it."""

    mart: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class ColumnChange:
    """A column that came, went or has another type; `before` and `after` are its types, None where there is none."""

    mart: str
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class SubmissionChange:
    """A submission whose status is not the same in both; None where a release does not know it."""

    submission_id: str
    site_id: str
    period: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class DefinitionChange:
    """A label, measure or code list of another version, or of another meaning where both versions are the same.

    None where a release lacks it. Of releases that tell no meaning, only the versions of labels are compared.
    """

    kind: str
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True)
class LabelChange:
    """Episodes whose answer to a label changed in the same way.

    `before` and `after` are the status, None where the episode or the label is not there. Where both are the same,
    something beside the status changed: reason, kind, onset day, value or whether it counts. `reasons` is all that
    differs and may have caused the change, in the order of `REASONS`; where it names several, any of them may have.
    """

    label: str
    before: str | None
    after: str | None
    reasons: tuple[str, ...]
    episodes: int


@dataclass(frozen=True)
class ReleaseDiff:
    """What differs between the releases `before` and `after`; `rows` tells of every mart, all else of changes only."""

    before: str
    after: str
    inputs: tuple[str, ...]
    submissions: tuple[SubmissionChange, ...]
    definitions: tuple[DefinitionChange, ...]
    rows: tuple[RowChange, ...]
    columns: tuple[ColumnChange, ...]
    labels: tuple[LabelChange, ...]


def diff(before: Release, after: Release, settings: Settings | None = None) -> ReleaseDiff:
    """Compare two releases by their manifests and their marts' Parquet files."""
    inputs = tuple(name for name, entry in INPUTS.items() if before.manifest.get(entry) != after.manifest.get(entry))
    definitions = _definition_changes(before, after)
    submissions = _submission_changes(before, after)
    with connect(settings or Settings()) as con:
        _view_marts(con, "before", before)
        _view_marts(con, "after", after)
        columns = tuple(
            ColumnChange(*place, *types)
            for place, *types in _changes(_columns(con, "before", before), _columns(con, "after", after))
        )
        labels = _label_changes(con, definitions, submissions, inputs)
    return ReleaseDiff(
        before=before.id,
        after=after.id,
        inputs=inputs,
        submissions=submissions,
        definitions=definitions,
        rows=tuple(
            RowChange(mart, before.counts.get(mart), after.counts.get(mart))
            for mart in sorted({*before.counts, *after.counts})
        ),
        columns=columns,
        labels=labels,
    )


def _changes(before: dict[Any, Any], after: dict[Any, Any]) -> list[tuple[Any, Any, Any]]:
    """The keys, in order, whose value is not the same in both; None where a key is missing."""
    return [
        (key, before.get(key), after.get(key)) for key in sorted({*before, *after}) if before.get(key) != after.get(key)
    ]


def _definition_changes(before: Release, after: Release) -> tuple[DefinitionChange, ...]:
    if all("definitions_lock" in release.manifest for release in (before, after)):
        changes = _changes(before.manifest["definitions_lock"], after.manifest["definitions_lock"])
    else:
        changes = _changes(_label_versions(before), _label_versions(after))
    return tuple(
        DefinitionChange(*key.split(), *(side and side["version"] for side in sides)) for key, *sides in changes
    )


def _label_versions(release: Release) -> dict[str, dict[str, int]]:
    return {f"label {name}": {"version": version} for name, version in release.definitions.items()}


def _submission_changes(before: Release, after: Release) -> tuple[SubmissionChange, ...]:
    def statuses(release: Release) -> dict[tuple[str, ...], str]:
        # The same files may have been delivered twice; the last attempt says what became of them.
        return {(row["site_id"], row["period"], row["submission_id"]): row["status"] for row in release.submissions}

    return tuple(
        SubmissionChange(submission_id, site_id, period, *status)
        for (site_id, period, submission_id), *status in _changes(statuses(before), statuses(after))
    )


def _view_marts(con: duckdb.DuckDBPyConnection, side: str, release: Release) -> None:
    for mart in release.counts:
        con.execute(f'create view "{side}_{mart}" as from read_parquet({literal(release.parquet(mart))})')


def _columns(con: duckdb.DuckDBPyConnection, side: str, release: Release) -> dict[tuple[str, str], str]:
    """The type of each (mart, column)."""
    return {
        (mart, column): column_type
        for mart in release.counts
        for column, column_type, *_ in con.execute(f'describe "{side}_{mart}"').fetchall()
    }


def _shared_columns(con: duckdb.DuckDBPyConnection, mart: str, without: Iterable[str]) -> list[str]:
    """Columns that a mart has in both releases; none when a release lacks the mart."""
    names = con.execute(
        "select column_name from duckdb_columns() where table_name in (?, ?) group by column_name "
        "having count(*) = 2 order by column_name",
        [f"before_{mart}", f"after_{mart}"],
    ).fetchall()
    return [f'"{name}"' for (name,) in names if name not in without]


def _label_changes(
    con: duckdb.DuckDBPyConnection,
    definitions: Iterable[DefinitionChange],
    submissions: Iterable[SubmissionChange],
    inputs: tuple[str, ...],
) -> tuple[LabelChange, ...]:
    labels = [each for each in definitions if each.kind == "label"]
    _table(con, "versions", {"name": "varchar", "before": "bigint", "after": "bigint"}, labels)
    _table(con, "statuses", {"site_id": "varchar", "before": "varchar", "after": "varchar"}, submissions)
    con.execute(
        """
        create temp table sites as
        select
            site_id,
            bool_or(after is not distinct from 'accepted') as has_new,
            bool_or(before is not distinct from 'accepted') as has_superseded
        from statuses
        where 'accepted' in (before, after)
        group by site_id
        """
    )
    _find_changed_patients(con)
    answer = _shared_columns(con, "labels", without=(*_KEY, "definition_version"))
    rows = con.execute(
        f"""
        with changes as (
            select
                label,
                site_id,
                patient_id,
                before_labels.status as before,
                after_labels.status as after
            from before_labels
            full join after_labels using ({", ".join(_KEY)})
            where
                ({", ".join(f"before_labels.{column}" for column in answer)})
                is distinct from ({", ".join(f"after_labels.{column}" for column in answer)})
        )
        select
            changes.label,
            changes.before,
            changes.after,
            versions.name is not null and versions.before is null as label_added,
            versions.name is not null and versions.after is null as label_removed,
            versions.before <> versions.after as definition_version,
            versions.before = versions.after as definition_changed,
            sites.has_new as new_submission,
            sites.has_superseded as superseded_submission,
            sites.site_id is not null and changed_patients.patient_id is not null as patient_data,
            count(*) as episodes
        from changes
        left join versions on changes.label = versions.name
        left join sites on changes.site_id = sites.site_id
        left join changed_patients
            on changes.site_id = changed_patients.site_id and changes.patient_id = changed_patients.patient_id
        group by all
        order by all
        """
    ).fetchall()
    return tuple(
        LabelChange(label, before, after, _reasons(differs, inputs), episodes)
        for label, before, after, *differs, episodes in rows
    )


def _reasons(differs: list[bool | None], inputs: tuple[str, ...]) -> tuple[str, ...]:
    """The names of what differs; a label that only one release has needs no other reason."""
    of_the_episode = [reason for reason, is_so in zip(REASONS, differs, strict=False) if is_so]
    if {"label_added", "label_removed"} & set(of_the_episode):
        return tuple(of_the_episode[:1])
    return (*of_the_episode, *inputs)


def _find_changed_patients(con: duckdb.DuckDBPyConnection) -> None:
    """Make `changed_patients`: those whose rows in the marts are not the same in both releases.

    A row that both releases hold cancels itself out. A record delivered again, unchanged, is no change.
    """
    con.execute("create temp table changed_patients (site_id varchar, patient_id varchar)")
    hashed = [
        f"select site_id, patient_id, hash('{mart}', {', '.join(columns)}) as digest from {side}_{mart}"
        for mart in PATIENT_MARTS
        if (columns := _shared_columns(con, mart, without=("submission_id",)))
        for side in ("before", "after")
    ]
    con.execute(
        f"""
        insert into changed_patients
        select
            site_id,
            patient_id
        from ({" union all ".join(hashed)})
        group by site_id, patient_id
        having bit_xor(digest) <> 0
        """
    )


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str], rows: Iterable[object]) -> None:
    """Make a table of these columns of the rows, which are dataclasses."""
    con.execute(f"create temp table {name} ({', '.join(f'{column} {type_}' for column, type_ in columns.items())})")
    values = [[getattr(row, column) for column in columns] for row in rows]
    if values:
        con.executemany(f"insert into {name} values ({', '.join('?' * len(columns))})", values)
