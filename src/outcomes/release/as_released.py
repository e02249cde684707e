"""One patient as the current release saw them: the records in force then, and the labels made of them again.

This shows single records. It is for people who may see them: those with access to the data folder itself.
"""

import duckdb

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.labelling.build import run
from outcomes.lake import Lake
from outcomes.release.open import Release
from outcomes.settings import Settings
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped


def attach_patient(
    con: duckdb.DuckDBPyConnection, settings: Settings, release: Release, site_id: str, patient_id: str
) -> None:
    """Attach the release, and of the lake as it was then one patient: what came later plays no part in the labels.

    Leaves the release's marts in `research`, the patient's rows in each contract table, the patient as the only row of
    `explained_patient`, and `submissions` with `is_superseded_since`: superseded after the release was made.

    Raises:
        OutcomesError: patient_unknown when no accepted submission of the release names the patient.
    """
    Lake(settings.lake).attach(con)
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
    con.execute(
        "create table explained_patient as select site_id, patient_id from patients "
        "where site_id = $site_id and patient_id = $patient_id",
        {"site_id": site_id, "patient_id": patient_id},
    )
    if con.execute("from explained_patient").fetchone() is None:
        raise OutcomesError("patient_unknown", f"release {release.id}")
    for name in TABLES:
        # The site by its value: only then are the files of the other sites left alone.
        con.execute(
            f"create table rows_kept as from {name} where site_id = $site_id and patient_id = $patient_id",
            {"site_id": site_id, "patient_id": patient_id},
        )
        con.execute(f"drop view {name}")
        con.execute(f"alter table rows_kept rename to {name}")


def label_patient(con: duckdb.DuckDBPyConnection) -> None:
    """Run the labelling step on the attached patient; `submissions` still tells what the site delivers.

    Leaves what `labelling.build.run` leaves, `signs`: what of a visit a relation has read, and `supports`: which
    records another one is judged with.
    """
    # Of one patient's rows the plan does not matter, and to think about it takes longer than the work.
    con.execute("pragma disable_optimizer")
    try:
        run(con)
        materialize(con, [explaining("signs"), explaining("supports")])
    finally:
        con.execute("pragma enable_optimizer")


def explaining(name: str) -> SqlFile:
    """The relation of this name that explains a patient."""
    return SqlFile(shipped("sql", "relations", "explain", f"{name}.sql"))
