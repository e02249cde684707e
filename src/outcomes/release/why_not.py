"""Which criteria of a label a patient meets: the labelling step, run on that patient's records alone.

This shows single records, as `explain` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

from outcomes.release.as_released import attach_patient, label_patient
from outcomes.release.open import current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import Criterion, LabelDefinition, label_definition
from outcomes.sql.engine import connect
from outcomes.sql.quoting import literal
from outcomes.sql.reference import reference_rows


@dataclass(frozen=True)
class SourceRecord:
    """A record of the contract by its table and key, and which of its signs matched where it tells several."""

    source_table: str
    record_id: str
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class JudgedCriterion:
    """A criterion and the records that match it, those that contradict it where it demands absence.

    `records` is empty where what matches is no single record.
    """

    says: str
    holds: bool
    records: tuple[SourceRecord, ...]


Judgements = Mapping[Criterion, JudgedCriterion]


@dataclass(frozen=True)
class Way:
    """One of several ways to a yes: all of its criteria must hold."""

    name: str
    criteria: tuple[JudgedCriterion, ...]

    @property
    def holds(self) -> bool:
        """Whether all of its criteria hold."""
        return all(criterion.holds for criterion in self.criteria)


@dataclass(frozen=True)
class WhyNot:
    """A label's answer for a patient and its criteria: all of `criteria`, and where there are `ways` all of one.

    `status` is None for a patient outside the cohort, and `reason` says why; there are no criteria then.
    """

    release_id: str
    label: str
    title: str
    status: str | None
    reason: str | None
    criteria: tuple[JudgedCriterion, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def meaning(self) -> str | None:
        """The reason in words; None where there is none, as of a patient outside the cohort."""
        return meaning_of(self.reason)

    @property
    def all_hold(self) -> bool:
        """Whether all that a yes needs holds."""
        return all(each.holds for each in self.criteria) and (not self.ways or any(way.holds for way in self.ways))


def why_not(settings: Settings, site_id: str, patient_id: str, label: str) -> WhyNot:
    """Judge each criterion of a label on the patient's records as the current release saw them.

    Raises:
        OutcomesError: label_unknown, no_release, or patient_unknown when no accepted submission of the release names
            the patient.
    """
    definition = label_definition(label)
    release = current_release(settings)
    with connect(settings) as con:
        attach_patient(con, settings, release, site_id, patient_id)
        label_patient(con)
        answer = con.execute("select status, reason from labels where label = $label", {"label": label}).fetchone()
        if answer is None:
            left = con.execute("select reason from cohort").fetchone()
            return WhyNot(release.id, label, definition.title, None, left[0] if left else None)
        status, reason = answer
        judgements = judge(con, definition.all_criteria)
        return WhyNot(
            release_id=release.id,
            label=label,
            title=definition.title,
            status=status,
            reason=reason,
            criteria=tuple(judgements[each] for each in definition.criteria),
            ways=ways_of(definition, judgements),
        )


def meaning_of(reason: str | None) -> str | None:
    """Why a label is not assessable, in words; None of a reason that only an older release knew."""
    return next((row["meaning"] for row in reference_rows("reasons") if row["reason"] == reason), None)


def judge(con: duckdb.DuckDBPyConnection, criteria: Iterable[Criterion]) -> Judgements:
    """The criteria, judged on the patient whom the connection has labelled: all in one statement, for speed."""
    asked = list(dict.fromkeys(criteria))
    if not asked:
        return {}
    selects = (
        f"select {place} as place, {literal(each.relation)} as relation, source_table, record_id, topic "
        f"from ({each.select})"
        for place, each in enumerate(asked)
    )
    found = con.execute(
        f"""
        select distinct matched.place, matched.source_table, matched.record_id, signs.sign
        from ({" union all ".join(selects)}) as matched
        left join signs
            on signs.relation = matched.relation
            and signs.topic is not distinct from matched.topic
            and signs.source_table = matched.source_table
            and signs.record_id = matched.record_id
        order by matched.place, matched.source_table, matched.record_id, signs.sign
        """
    ).fetchall()
    matches = {place: list(rows) for place, rows in groupby(found, key=itemgetter(0))}
    return {each: _judged(each, matches.get(place, [])) for place, each in enumerate(asked)}


def ways_of(definition: LabelDefinition, judgements: Judgements) -> tuple[Way, ...]:
    """The label's ways to a yes, with the judgements of their criteria."""
    return tuple(Way(name, tuple(judgements[each] for each in criteria)) for name, criteria in definition.ways.items())


def _judged(criterion: Criterion, matches: Sequence[tuple[Any, ...]]) -> JudgedCriterion:
    records = tuple(
        SourceRecord(table, record, tuple(sign for *_, sign in rows if sign is not None))
        for (table, record), rows in groupby(matches, key=itemgetter(1, 2))
        if record is not None
    )
    return JudgedCriterion(criterion.says, bool(matches) != criterion.is_absent, records)
