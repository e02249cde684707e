"""Label only the patients whose records have changed, and take all others as they were labelled for the last release.

Every relation of the labelling step is a function of the records of one patient and of which tables the patient's site
delivers, or left out up to the submission that gave the patient's row. All enter a fingerprint of each patient; who has
the same as before has the same labels. One fact is of a whole site: whether a label is counted there. It is told anew
for all.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb

from outcomes.contract import TABLES
from outcomes.labelling import kept
from outcomes.labelling.build import Progress, prepare, run
from outcomes.labelling.sensitivity import answer_trials, count_answers, sensitivity_needs
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.engine import materialize

_RESULTS = ("labels", "cited_records", "trial_answers")
_OF_SITES = ("delivered_tables", "delivery_gaps")
"""The relations of the labelling step that are of sites, not of patients."""
_MOST = 0.5
"""Of more patients than this share, all are labelled as quickly."""

# The rows that one judgement wrote of one table are those of its digest, as the lake has checked. So a patient's rows
# in force are known by their keys and by the judgements that wrote them; of a judgement without a digest nothing is.
_FINGERPRINTS = """
create or replace temp table fingerprints as
with tables_in_force as (
    select
        site_id, period, submission_id, coalesce(judgement_id, submission_id) as written_by,
        unnest(tables) as delivered
    from submissions
    where status = 'accepted'
),

marks as (
    select
        site_id, period, delivered.source_table,
        md5(concat(submission_id, chr(31), written_by, chr(31), delivered.digest)) as mark,
        delivered.digest is null as is_unknown
    from tables_in_force
),

sites as (
    select
        site_id,
        cast(md5_number_lower(string_agg(source_table, ';' order by source_table)) as hugeint) as mark
    from delivered_tables
    group by site_id
),

-- What a site leaves out after a patient's own row says nothing of the patient.
gaps as (
    select
        patients.site_id, patients.patient_id,
        sum(cast(
            md5_number_lower(concat_ws(chr(31), gap.source_table, gap.period, gap.sent_until)) as hugeint
        )) as mark
    from patients
    inner join delivery_gaps as gap
        on patients.site_id = gap.site_id and patients.period >= gap.period
    group by patients.site_id, patients.patient_id
),

records as ({records}),

patients_of_records as (
    select
        records.site_id, records.patient_id,
        sum(cast(
            md5_number_lower(concat(records.source_table, chr(31), records.record_id, chr(31), marks.mark)) as hugeint
        )) as mark,
        bool_or(coalesce(marks.is_unknown, true)) as is_unknown
    from records
    left join marks
        on
            records.site_id = marks.site_id
            and records.period = marks.period
            and records.source_table = marks.source_table
    group by records.site_id, records.patient_id
)

select
    patients_of_records.site_id, patients_of_records.patient_id,
    case
        when not patients_of_records.is_unknown then patients_of_records.mark + sites.mark + coalesce(gaps.mark, 0)
    end as fingerprint
from patients_of_records
left join sites
    on patients_of_records.site_id = sites.site_id
left join gaps
    on patients_of_records.site_id = gaps.site_id and patients_of_records.patient_id = gaps.patient_id
"""
_RECORDS = "select site_id, patient_id, period, '{table}' as source_table, {key} as record_id from {table}"

_TOUCHED = """
create or replace temp table touched as
select site_id, patient_id
from fingerprints
full join kept.fingerprints as before using (site_id, patient_id)
where fingerprints.fingerprint is null or fingerprints.fingerprint is distinct from before.fingerprint
"""
_PUT_TOGETHER = """
from kept."{name}" anti join touched using (site_id, patient_id)
union all by name
from again.main."{name}"
"""
_LABELS = """
insert into labels
with put_together as ({rows}),

without_source as (
    select distinct label, site_id
    from put_together
    where reason = 'no_source_data'
)

select
    put_together.* replace (
        put_together.status <> 'not_assessable' and without_source.label is null as is_counted
    )
from put_together
left join without_source
    on put_together.label = without_source.label and put_together.site_id = without_source.site_id
"""


@dataclass(frozen=True)
class Labelled:
    """How a labelling was done: how many patients there are, how many were labelled, and why all, if they were."""

    patients: int
    again: int
    why_all: str | None = None

    def __str__(self) -> str:
        """In one line."""
        if self.why_all:
            return f"full build, {self.patients:,} patients labelled: {self.why_all}"
        return f"labelled again {self.again:,} of {self.patients:,} patients"


@dataclass(frozen=True)
class Increment:
    """A labelling that takes what it can from the one before.

    Attributes:
        folder: where the labelling of the last release is kept; None where none may be used, nor this one be kept.
        rests_on: what all labels rest on beside the records.
        needed: the relations that something later reads.
    """

    folder: Path | None
    rests_on: kept.RestsOn
    needed: frozenset[str]

    def label(
        self, con: duckdb.DuckDBPyConnection, on_progress: Progress | None = None, settings: Settings | None = None
    ) -> Labelled:
        """Label all patients, those without new records as they were labelled before, and make `sensitivity`.

        Leaves what `labelling.build.run` leaves of the relations that are needed later, `trial_answers` and
        `fingerprints`.

        Args:
            con: a connection that has the lake attached, checked against its digests.
            on_progress: told about each step.
            settings: as of `labelling.build.run`.

        Raises:
            OutcomesError: value_set_malformed, engine_missing.
        """
        records = " union all ".join(_RECORDS.format(table=table.name, key=table.key) for table in TABLES.values())
        materialize(con, (file for file in relations_in_order() if file.name in _OF_SITES))
        con.execute(_FINGERPRINTS.format(records=records))
        patients, relations = _count(con, "fingerprints"), _relations(self.needed)
        why_all = self._why_all(con, patients)

        def label_all(on: duckdb.DuckDBPyConnection) -> None:
            for_trials = _relations(sensitivity_needs())
            run(on, on_progress, settings, kept=relations | for_trials)
            answer_trials(on)
            # What only the trials of other conventions read goes again.
            for name in sorted(for_trials - relations):
                on.execute(f'drop table "{name}"')

        if why_all:
            label_all(con)
        else:
            _label_touched(con, label_all)
            prepare(con, settings)
            _put_together(con, relations)
        count_answers(con)
        return Labelled(patients, patients if why_all else _count(con, "touched"), why_all)

    def keep(self, con: duckdb.DuckDBPyConnection) -> None:
        """Keep what `label` has left on a connection for the next release."""
        if self.folder:
            of_patients = sorted(_relations(self.needed).difference(_OF_SITES))
            kept.keep(con, self.folder, self.rests_on, ["fingerprints", *_RESULTS, *of_patients])

    def _why_all(self, con: duckdb.DuckDBPyConnection, patients: int) -> str | None:
        """Why all patients are to be labelled; None when `touched` tells who, and `kept` holds the others."""
        if self.folder is None:
            return "a release of the past"
        if why_not := kept.why_not_usable(self.folder, self.rests_on):
            return why_not
        kept.attach(con, self.folder)
        con.execute(_TOUCHED)
        if _count(con, "touched") > _MOST * patients:
            con.execute("detach kept")
            return "most patients have new records"
        return None


def _relations(needed: Collection[str]) -> set[str]:
    """Those of the needed relations that the labelling step makes."""
    return {file.name for file in relations_in_order()} & set(needed)


def _label_touched(con: duckdb.DuckDBPyConnection, label_all: Callable[[duckdb.DuckDBPyConnection], None]) -> None:
    """Label the touched patients in a database of their own, `again`."""
    con.execute("attach ':memory:' as again")
    con.execute("create table again.main.submissions as from submissions")
    for name in TABLES:
        con.execute(f'create table again.main."{name}" as from "{name}" semi join touched using (site_id, patient_id)')
    with con.cursor() as cursor:
        cursor.execute("use again")
        label_all(cursor)


def _put_together(con: duckdb.DuckDBPyConnection, relations: set[str]) -> None:
    """Make each relation of the kept patients and of those labelled again."""
    for name in sorted({*relations, "trial_answers"}.difference(_OF_SITES)):
        con.execute(f'create or replace table "{name}" as {_PUT_TOGETHER.format(name=name)}')
    con.execute("insert into cited_records by name " + _PUT_TOGETHER.format(name="cited_records"))
    con.execute(_LABELS.format(rows=_PUT_TOGETHER.format(name="labels")))
    con.execute("detach again")
    con.execute("detach kept")


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    ((count,),) = con.execute(f"select count(*) from {table}").fetchall()
    return int(count)
