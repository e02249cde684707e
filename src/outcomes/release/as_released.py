"""One patient as the current release saw them: the records in force then, and the labels made of them again.

This shows single records. It is for people who may see them: those with access to the data folder itself.
"""

from functools import cache

import duckdb

from outcomes.errors import OutcomesError
from outcomes.labelling.build import prepare, run
from outcomes.lake import Lake
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions, relations_in_order
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile, with_needs
from outcomes.sql.shipped import shipped


def attach_patient(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, site_id: str, patient_id: str
) -> None:
    """Attach the release, and of the lake as it was then one patient: what came later plays no part in the labels.

    Leaves the patient's rows of the release in `released_labels` and `released_evidence`, those of the lake in each
    contract table, the patient as the only row of `explained_patient`, and `submissions` with `is_superseded_since`:
    superseded after the release was made.

    Raises:
        OutcomesError: patient_unknown when no accepted submission of the release names the patient.
    """
    lake = Lake.of(settings)
    lake.attach_submissions(con, site_id=site_id)
    con.execute(f"attach '{str(release.research).replace(chr(39), chr(39) * 2)}' as research (read_only)")
    con.execute(
        """
        create or replace temp table submissions as
        select
            submissions.* replace (released.status as status),
            submissions.status = 'superseded' and released.status <> 'superseded' as is_superseded_since
        from submissions
        inner join research.submissions as released
            on submissions.site_id = released.site_id and submissions.period = released.submission_period
            and submissions.attempt = released.attempt
        """
    )
    for name, mart in {"released_labels": "labels", "released_evidence": "label_evidence"}.items():
        con.execute(
            f"create table {name} as from research.{mart} where site_id = $site_id and patient_id = $patient_id",
            {"site_id": site_id, "patient_id": patient_id},
        )
    # Of one patient's rows neither another thread nor the plan matters: to wake it, or to think, takes longer. Only
    # the plan spares reading the columns of all other patients of the site.
    con.execute("set threads = 1")
    lake.load_patient(con, site_id, patient_id)
    con.execute("pragma disable_optimizer")
    con.execute("create table explained_patient as select site_id, patient_id from patients")
    if con.execute("from explained_patient").fetchone() is None:
        raise OutcomesError("patient_unknown", f"release {release.id}")


def label_patient(con: duckdb.DuckDBPyConnection) -> None:
    """Run the labelling step on the attached patient; `submissions` still tells what the site delivers.

    Leaves what `labelling.build.run` leaves, `signs`: what of a visit a relation has read, and `supports`: which
    records another one is judged with.
    """
    run(con)
    materialize(con, _told_beside())


def trace_patient(con: duckdb.DuckDBPyConnection) -> None:
    """As `label_patient`, without deciding: the answers in `labels` are those of the release.

    Leaves the relations that criteria of labels name, and those beside them.
    """
    prepare(con)
    con.execute("create or replace table labels as from released_labels")
    materialize(con, [*_relations_of_criteria(), *_told_beside()])


def _told_beside() -> list[SqlFile]:
    return [explaining("signs"), explaining("supports")]


@cache
def _relations_of_criteria() -> tuple[SqlFile, ...]:
    """In order, the relations of the labelling step that criteria name, and all that they and `signs` rest on."""
    named = {criterion.relation for label in label_definitions() for criterion in label.all_criteria}
    beside = {need for file in _told_beside() for need in file.needs}
    return tuple(with_needs(named | beside, relations_in_order()))


def explaining(name: str) -> SqlFile:
    """The relation of this name that explains a patient."""
    return SqlFile(shipped("sql", "relations", "explain", f"{name}.sql"))
