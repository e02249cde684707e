"""Why each label of a patient holds: the patient's records, the answers and the records they rest on.

This shows single records. It is for people who may see them: those with access to the data folder itself.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from outcomes.errors import OutcomesError
from outcomes.intake.landing import deliveries
from outcomes.intake.manifest import submission_id
from outcomes.lake import Lake
from outcomes.release.open import Release, current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definition, label_definitions
from outcomes.sql.engine import connect as connect_engine
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped


@dataclass(frozen=True)
class TimelineRecord:
    """A source record in force: what happened, and which submission told it.

    `day` counts from the index fusion; `is_evidence` says whether an answer of the explanation rests on the record.
    """

    day: int | None
    source_table: str
    record_id: str
    description: str
    submission_id: str
    is_evidence: bool


@dataclass(frozen=True)
class Evidence:
    """A record that an answer rests on; `file` is where it was delivered, None once that delivery has been replaced."""

    source_table: str
    record_id: str
    submission_id: str
    file: Path | None


@dataclass(frozen=True)
class LabelAnswer:
    """A label's answer for the patient, with the sentence that defines it."""

    label: str
    title: str
    status: str
    reason: str | None
    kind: str | None
    onset_day: int | None
    value: float | None
    value_name: str | None
    definition_version: int
    definition: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Explanation:
    """All that a release knows of a patient; without labels when the patient is not in the cohort."""

    release_id: str
    site_id: str
    patient_id: str
    timeline: tuple[TimelineRecord, ...]
    labels: tuple[LabelAnswer, ...]


def explain(settings: Settings, site_id: str, patient_id: str, label: str | None = None) -> Explanation:
    """Explain a patient's labels as the current release holds them; `label` names the only one to explain.

    Raises:
        OutcomesError: label_unknown, no_release, or patient_unknown when no accepted submission of the release names
            the patient.
    """
    if label is not None:
        label_definition(label)
    release = current_release(settings)
    with connect_engine(settings) as con:
        attach_as_released(con, settings, release, site_id, patient_id)
        timeline = con.execute(SqlFile(shipped("sql", "relations", "explain", "timeline.sql")).select).fetchall()
        answers = _labels(con, _delivered_files(settings))
    labels = tuple(answer for answer in answers if label in {None, answer.label})
    cited = {(record.source_table, record.record_id) for answer in labels for record in answer.evidence}
    return Explanation(
        release_id=release.id,
        site_id=site_id,
        patient_id=patient_id,
        timeline=tuple(
            TimelineRecord(day, table, record, description, submission, (table, record) in cited)
            for day, table, record, description, submission in timeline
        ),
        labels=labels,
    )


def attach_as_released(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, site_id: str, patient_id: str
) -> None:
    """Attach the release, and the lake as it was then: what came later plays no part in the labels.

    Leaves the patient as the only row of `explained_patient`.

    Raises:
        OutcomesError: patient_unknown when no accepted submission of the release names the patient.
    """
    Lake(settings.lake).attach(con)
    con.execute(f"attach '{str(release.research).replace(chr(39), chr(39) * 2)}' as research (read_only)")
    con.execute(
        """
        create or replace table submissions as
        select submissions.* replace (released.status as status)
        from submissions
        inner join research.submissions as released
            on submissions.site_id = released.site_id and submissions.period = released.submission_period
            and submissions.attempt = released.attempt
        """
    )
    con.execute(
        "create table explained_patient as select site_id, patient_id from patients "
        "where site_id = $site_id and patient_id = $patient_id",
        {"site_id": site_id, "patient_id": patient_id},
    )
    if con.execute("from explained_patient").fetchone() is None:
        raise OutcomesError("patient_unknown", f"release {release.id}")


def _labels(con: duckdb.DuckDBPyConnection, files: dict[tuple[str, str], Path]) -> tuple[LabelAnswer, ...]:
    answers = con.sql(
        """
        select label, status, reason, kind, onset_day, value, value_name, definition_version
        from research.labels
        semi join explained_patient using (site_id, patient_id)
        order by label
        """
    ).to_arrow_table()
    evidence = con.execute(
        """
        select label, source_table, record_id, submission_id
        from research.label_evidence
        semi join explained_patient using (site_id, patient_id)
        order by label, source_table, record_id
        """
    ).fetchall()
    definitions = {label.name: label for label in label_definitions()}
    return tuple(
        LabelAnswer(
            **answer,
            title=definitions[answer["label"]].title,
            definition=definitions[answer["label"]].definition,
            evidence=tuple(
                Evidence(source_table, record_id, submission, files.get((submission, source_table)))
                for label, source_table, record_id, submission in evidence
                if label == answer["label"]
            ),
        )
        for answer in answers.to_pylist()
    )


def _delivered_files(settings: Settings) -> dict[tuple[str, str], Path]:
    """The delivered files that are still there, by submission and table."""
    return {
        (submission_id(delivery.folder), file.stem): file
        for delivery in deliveries(settings)
        if delivery.is_complete
        for file in delivery.folder.iterdir()
        if file.suffix in (".csv", ".parquet")
    }
