"""Why each label of a patient holds: the patient's records, the answers and the records they rest on.

This shows single records. It is for people who may see them: those with access to the data folder itself.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from outcomes.intake.landing import deliveries_of
from outcomes.intake.manifest import submission_id
from outcomes.intake.reading import is_table_file
from outcomes.release.as_released import attach_patient, explaining, trace_patient
from outcomes.release.open import current_release
from outcomes.release.why_not import JudgedCriterion, Judgements, Way, judge, meaning_of, ways_of
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import LabelDefinition, label_definition, label_definitions
from outcomes.sql.engine import connect as connect_engine

RecordKey = tuple[str, str]
"""The table of a source record, and its key there."""


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
    """A record that an answer rests on, in force in the release.

    `file` is where it was delivered, None when that file is no longer in the landing folder, whatever the reason;
    `is_superseded` says that the site has replaced the submission since the release was made. `says` is what the record
    contributed: the sign that counted where it tells several and what made the answer is known, else all that it tells.
    """

    source_table: str
    record_id: str
    submission_id: str
    file: Path | None
    is_superseded: bool = False
    says: str = ""


@dataclass(frozen=True)
class LabelAnswer:
    """A label's answer for the patient, with the sentence that defines it.

    Of a yes `criteria` and `ways` tell what made it one: all that a yes needs, and of the ways those that the evidence
    took, each criterion with the records of the evidence that met it; `supports` are the records that the evidence is
    judged with, as a diagnosis tells what a fusion was for. They are empty of any other answer, of one that the
    release gave by another version of the definition, and where only `answers` were asked for.
    """

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
    criteria: tuple[JudgedCriterion, ...] = ()
    ways: tuple[Way, ...] = ()
    supports: tuple[Evidence, ...] = ()

    @property
    def meaning(self) -> str | None:
        """The reason in words, None where there is none."""
        return meaning_of(self.reason)


@dataclass(frozen=True)
class Explanation:
    """All that a release knows of a patient; without labels when the patient is not in the cohort."""

    release_id: str
    site_id: str
    patient_id: str
    timeline: tuple[TimelineRecord, ...]
    labels: tuple[LabelAnswer, ...]


@dataclass(frozen=True)
class _Support:
    """A record that another one is judged with, and what it tells."""

    record: RecordKey
    support: RecordKey
    says: str


@dataclass(frozen=True)
class _Trace:
    """What made the answers of a patient: the criteria judged, and how records hang together.

    `supports` is by label; `kinds` is the pain or disability of each assessed visit: what tells persistent from
    recurrent pain; `records` is every record of the timeline, with all that it tells.
    """

    judgements: Judgements
    supports: dict[str, list[_Support]]
    kinds: dict[RecordKey, str]
    records: dict[RecordKey, Evidence]


@dataclass(frozen=True)
class _Attached:
    """A patient as the current release saw them: the open connection, the rows of the timeline, the delivered files."""

    con: duckdb.DuckDBPyConnection
    release_id: str
    site_id: str
    patient_id: str
    timeline: Sequence[tuple[Any, ...]]
    files: dict[tuple[str, str], Path]


def explain(settings: Settings, site_id: str, patient_id: str, label: str | None = None) -> Explanation:
    """Explain a patient's labels as the current release holds them, and what made each yes; `label` names the only one.

    For what made a yes its relations are made again, which takes longer than all else: see `answers`.

    Raises:
        OutcomesError: label_unknown, no_release, or patient_unknown when no accepted submission of the release names
            the patient.
    """
    if label is not None:
        label_definition(label)
    asked = [each for each in label_definitions() if label in {None, each.name}]
    with _attached(settings, site_id, patient_id) as patient:
        return _with_criteria(patient, _released(patient, asked))


def answers(settings: Settings, site_id: str, patient_id: str) -> Explanation:
    """As `explain`, without what made each yes: the release's answers, and all that the records they rest on tell.

    Raises:
        OutcomesError: no_release, or patient_unknown when no accepted submission of the release names the patient.
    """
    with _attached(settings, site_id, patient_id) as patient:
        return _released(patient, label_definitions())


@contextmanager
def _attached(settings: Settings, site_id: str, patient_id: str) -> Iterator[_Attached]:
    release = current_release(settings)
    with connect_engine(settings) as con:
        attach_patient(con, settings, release, site_id, patient_id)
        timeline = con.execute(explaining("timeline").select).fetchall()
        yield _Attached(con, release.id, site_id, patient_id, timeline, _delivered_files(settings, site_id))


def _released(patient: _Attached, definitions: Sequence[LabelDefinition]) -> Explanation:
    """The release's answers, each with the records that it rests on."""
    rows = patient.con.sql(
        """
        select label, status, reason, kind, onset_day, value, value_name, definition_version
        from released_labels
        """
    ).to_arrow_table()
    told = {answer["label"]: answer for answer in rows.to_pylist()}
    evidence = _evidence(patient)
    labels = tuple(
        LabelAnswer(
            **told[each.name], title=each.title, definition=each.definition, evidence=tuple(evidence.get(each.name, ()))
        )
        for each in definitions
        if each.name in told
    )
    return Explanation(
        patient.release_id, patient.site_id, patient.patient_id, _marked(patient.timeline, labels), labels
    )


def _with_criteria(patient: _Attached, found: Explanation) -> Explanation:
    """The same with what made each yes, for which the relations that criteria read are made again."""
    said = [answer for answer in found.labels if answer.status == "yes"]
    if not said:
        return found
    trace = _trace(patient, said)
    labels = tuple(_traced(answer, trace) if answer.status == "yes" else answer for answer in found.labels)
    return replace(found, timeline=_marked(patient.timeline, labels), labels=labels)


def _marked(timeline: Sequence[tuple[Any, ...]], labels: Sequence[LabelAnswer]) -> tuple[TimelineRecord, ...]:
    """The timeline, with those records marked that an answer rests on."""
    cited = {_key(record) for answer in labels for record in (*answer.evidence, *answer.supports)}
    return tuple(
        TimelineRecord(day, table, record, description, submission, (table, record) in cited)
        for day, table, record, description, submission in timeline
    )


def _evidence(patient: _Attached) -> dict[str, list[Evidence]]:
    """The records that each label rests on, by label, with all that they tell."""
    rows = patient.con.execute(
        """
        select
            label, source_table, record_id, submission_id,
            submission_id in (select submission_id from submissions where is_superseded_since) as is_superseded
        from released_evidence
        order by label, source_table, record_id
        """
    ).fetchall()
    told = _told(patient.timeline)
    found: dict[str, list[Evidence]] = {}
    for label, table, record, submission, is_superseded in rows:
        file = patient.files.get((submission, table))
        says = told.get((table, record), "")
        found.setdefault(label, []).append(Evidence(table, record, submission, file, is_superseded, says))
    return found


def _records(patient: _Attached) -> dict[RecordKey, Evidence]:
    """Every record of the timeline, with all that it tells."""
    rows = patient.con.execute("select submission_id from submissions where is_superseded_since").fetchall()
    superseded = {submission for (submission,) in rows}
    told = _told(patient.timeline)
    return {
        (table, record): Evidence(
            table,
            record,
            submission,
            patient.files.get((submission, table)),
            submission in superseded,
            told[table, record],
        )
        for _, table, record, _, submission in patient.timeline
    }


def _told(timeline: Sequence[tuple[Any, ...]]) -> dict[RecordKey, str]:
    """All that each record tells, with its days."""
    says: dict[RecordKey, list[str]] = {}
    for day, table, record, description, _ in timeline:
        says.setdefault((table, record), []).append(_on_day(table, day, description))
    return {key: "; ".join(parts) for key, parts in says.items()}


def _key(record: Evidence) -> RecordKey:
    return record.source_table, record.record_id


def _on_day(source_table: str, day: int | None, says: str) -> str:
    is_before = day is not None and day <= 0 and source_table in {"follow_ups", "imaging"}
    when = "no day" if day is None else f"day {day}"
    return f"{when}{' (before surgery)' if is_before else ''}: {says}"


def _trace(patient: _Attached, said: Sequence[LabelAnswer]) -> _Trace:
    con = patient.con
    trace_patient(con)
    supports: dict[str, list[_Support]] = {}
    rows = con.execute(
        "select label, source_table, record_id, support_table, support_id, says from supports order by all"
    ).fetchall()
    for label, table, record, support_table, support, says in rows:
        supports.setdefault(label, []).append(_Support((table, record), (support_table, support), says))
    pain = con.execute("select source_table, record_id, sign from signs where relation = 'pain_assessments'").fetchall()
    return _Trace(
        judgements=judge(con, [each for answer in said for each in label_definition(answer.label).all_criteria]),
        supports=supports,
        kinds={(table, record): sign for table, record, sign in pain},
        records=_records(patient),
    )


def _traced(answer: LabelAnswer, trace: _Trace) -> LabelAnswer:
    """The yes with what made it one, and of each record of its evidence the sign that counted."""
    definition = label_definition(answer.label)
    if answer.definition_version != definition.version:
        return answer
    cited = {_key(record) for record in answer.evidence}
    criteria = _met_by(cited, [trace.judgements[each] for each in definition.criteria])
    ways = [Way(way.name, _met_by(cited, way.criteria)) for way in ways_of(definition, trace.judgements) if way.holds]
    taken = [way for way in ways if any(criterion.records for criterion in way.criteria)] or ways
    signs: dict[RecordKey, set[str]] = {}
    for criterion in (*criteria, *(each for way in taken for each in way.criteria)):
        for record in criterion.records:
            signs.setdefault((record.source_table, record.record_id), set()).update(record.signs)
    evidence = tuple(_that_counted(record, signs, trace.kinds) for record in answer.evidence)
    return replace(answer, criteria=criteria, ways=tuple(taken), evidence=evidence, supports=_supports(answer, trace))


def _supports(answer: LabelAnswer, trace: _Trace) -> tuple[Evidence, ...]:
    """The records that the evidence is judged with, and those that these are judged with in turn."""
    rows = trace.supports.get(answer.label, [])
    reached = {_key(record) for record in answer.evidence}
    found: dict[RecordKey, str] = {}
    while new := {row.support: row.says for row in rows if row.record in reached and row.support not in reached}:
        found |= new
        reached |= new.keys()
    # In the order of the timeline, by day.
    return tuple(
        replace(record, says=f"{record.says} ({found[key]})") for key, record in trace.records.items() if key in found
    )


def _met_by(cited: set[RecordKey], criteria: Sequence[JudgedCriterion]) -> tuple[JudgedCriterion, ...]:
    """The criteria, each with the cited ones of its records."""
    return tuple(
        replace(each, records=tuple(one for one in each.records if (one.source_table, one.record_id) in cited))
        for each in criteria
    )


def _that_counted(record: Evidence, signs: dict[RecordKey, set[str]], kinds: dict[RecordKey, str]) -> Evidence:
    """The record with its signs that met a criterion; one that met none tells the kind of the yes."""
    key = _key(record)
    day, _, _ = record.says.partition(": ")
    if key not in signs:
        told = f"{day}: {kinds[key]}" if key in kinds else record.says
        return replace(record, says=f"{told} (tells the kind)")
    return replace(record, says=f"{day}: {', '.join(sorted(signs[key]))}") if signs[key] else record


def _delivered_files(settings: Settings, site_id: str) -> dict[tuple[str, str], Path]:
    """The site's delivered files that are still there, by submission and table."""
    return {
        (submission_id(delivery.folder), file.stem.lower()): file
        for delivery in deliveries_of(settings, site_id)
        if delivery.is_complete
        for file in delivery.folder.iterdir()
        if is_table_file(file.name)
    }
