"""What comes first for each episode and outcome, situation by situation."""

import duckdb
import pytest

from outcomes.contract import TABLES
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped
from tests.support.situations import Row, complete, label

CENSORED, EVENT, COMPETING = range(3)


def _patient(*procedures: Row, with_disease: bool = False, **facts: int) -> dict[str, list[Row]]:
    """A patient observed for 730 days unless stated otherwise, with disease on day 310 if so."""
    found = {"imaging": [_BEFORE, _IMAGE], "follow_ups": [_PAIN]} if with_disease else {}
    return complete({"patients": [dict(facts)], "procedures": list(procedures), **found})


def _fusion(day: int, levels: str | None = "C5-6", **more: str) -> Row:
    return {"day": day, "code_system": "CPT", "code": "22551", "levels": levels} | more


def _foraminotomy(day: int, levels: str | None = "C5-6") -> Row:
    return {"day": day, "code_system": "CPT", "code": "63020", "levels": levels}


_BEFORE: Row = {"day": -10, "modality": "mri", "finding": "normal"}
_IMAGE: Row = {"day": 300, "modality": "mri", "level": "C6-7", "finding": "stenosis"}
_PAIN: Row = {"day": 310, "neck_pain_nrs": 6.0}

Expected = dict[str, tuple[int, int]]
"""Day and cause by outcome."""

SITUATIONS: dict[str, tuple[dict[str, list[Row]], Expected]] = {
    "nothing happens": (
        _patient(), {"revision": (730, CENSORED), "revision_nonunion": (730, CENSORED), "asd": (730, CENSORED)}
    ),
    "never seen after surgery": (
        _patient(last_contact_day=0), {"revision": (0, CENSORED), "asd": (0, CENSORED)}
    ),
    "died": (
        _patient(death_day=200, last_contact_day=200), {"revision": (200, COMPETING), "asd": (200, COMPETING)}
    ),
    "died on the day of surgery": (
        _patient(death_day=0, last_contact_day=0), {"revision": (0, COMPETING), "asd": (0, COMPETING)}
    ),
    "died after the data cut": (
        _patient(data_cut_day=150, last_contact_day=150, death_day=200), {"revision": (150, CENSORED)}
    ),
    "revised at the same level": (
        _patient(_fusion(100)),
        {"revision": (100, EVENT), "revision_nonunion": (100, EVENT), "revision_other": (100, COMPETING),
         "asd": (730, CENSORED)},
    ),
    "revised and died on one day": (
        _patient(_fusion(100), death_day=100, last_contact_day=100),
        {"revision": (100, EVENT), "revision_nonunion": (100, EVENT), "asd": (100, COMPETING)},
    ),
    "revised, then died": (
        _patient(_fusion(100), death_day=200, last_contact_day=200),
        {"revision": (100, EVENT), "revision_other": (100, COMPETING), "asd": (200, COMPETING)},
    ),
    "revised on the last day": (
        _patient(_fusion(730), last_contact_day=700), {"revision": (730, EVENT)}
    ),
    "revised on the day after surgery": (
        _patient(_fusion(1, modifier="78")), {"revision": (1, EVENT), "revision_nonunion": (1, EVENT)}
    ),
    "again on the day of surgery": (
        _patient(_fusion(0), _fusion(0, "C6-7", modifier="78")), {"revision": (0, EVENT), "asd": (0, EVENT)}
    ),
    "twice on the day of surgery is one surgery": (
        _patient(_fusion(0), _fusion(0, "C6-7")), {"revision": (730, CENSORED)}
    ),
    "a planned stage is no revision": (
        _patient(_fusion(7, "C6-7", modifier="58")), {"revision": (730, CENSORED), "asd": (730, CENSORED)}
    ),
    "revised twice: the first decides": (
        _patient(_foraminotomy(100), _fusion(200)),
        {"revision": (100, EVENT), "revision_foraminotomy": (100, EVENT), "revision_nonunion": (100, COMPETING)},
    ),
    "two types on one day: the leading one": (
        _patient(_foraminotomy(100), _fusion(100)),
        {"revision": (100, EVENT), "revision_foraminotomy": (100, COMPETING), "revision_nonunion": (100, EVENT)},
    ),
    "fused next to the fusion": (
        _patient(_fusion(100, "C6-7")),
        {"revision_adjacent_segment_fusion": (100, EVENT), "revision_nonunion": (100, COMPETING), "asd": (100, EVENT)},
    ),
    "revised, the joints not recorded": (
        _patient(_fusion(100, None)),
        {"revision_fusion_level_unknown": (100, EVENT), "revision_nonunion": (100, COMPETING), "asd": (100, CENSORED)},
    ),
    "disease found after a revision whose joints are not recorded": (
        _patient(_fusion(100, None), with_disease=True), {"asd": (100, CENSORED)}
    ),
    "disease found before a revision whose joints are not recorded": (
        _patient(_fusion(400, None), with_disease=True), {"asd": (310, EVENT)}
    ),
    "disease found, no revision": (
        _patient(with_disease=True), {"asd": (310, EVENT), "revision": (730, CENSORED)}
    ),
    "disease found on the day of death": (
        _patient(with_disease=True, death_day=310, last_contact_day=310),
        {"asd": (310, EVENT), "revision": (310, COMPETING)},
    ),
    "the fused joints not recorded": (
        _patient(_fusion(0, None), with_disease=True),
        {"asd": (0, CENSORED), "revision": (730, CENSORED)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    """Every situation as a site of its own, and a site without images, where an operation was seen nevertheless."""
    sites = {name: records for name, (records, _) in SITUATIONS.items()}
    operated = _patient(_fusion(100, "C6-7"))
    well = {
        table: [row | {TABLES[table].key: f"q-{number}", "patient_id": "q"} for number, row in enumerate(rows)]
        for table, rows in _patient().items()
    }
    sites["no images"] = {table: operated[table] + well[table] for table in operated}
    con = label(sites, delivered={"no images": ["patients", "procedures", "follow_ups"]})
    materialize(con, [SqlFile(shipped("sql", "relations", "measures", "time_to_event.sql"))])
    return con


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(con: duckdb.DuckDBPyConnection, name: str) -> None:
    _, expected = SITUATIONS[name]
    rows = con.execute("select outcome, day, cause from time_to_event where site_id = ?", [name]).fetchall()
    found = {outcome: (day, cause) for outcome, day, cause in rows}
    assert {outcome: found[outcome] for outcome in expected} == expected


def test_a_site_without_images_has_no_row_for_disease(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute(
        "select outcome = 'asd', count(distinct patient_id) from time_to_event where site_id = 'no images' group by all"
    ).fetchall()
    assert found == [(False, 2)]


def test_each_episode_has_each_outcome_once(con: duckdb.DuckDBPyConnection) -> None:
    (rows, distinct, expected) = con.execute(
        """
        select
            count(*), count(distinct (site_id, patient_id, outcome)),
            (select count(*) from episodes) * (select count(*) + 1 from revision_types)
        from time_to_event
        where outcome <> 'asd'
        """
    ).fetchall()[0]
    assert rows == distinct == expected


def test_the_types_add_up_to_all_revisions(con: duckdb.DuckDBPyConnection) -> None:
    unlike = con.execute(
        """
        select site_id
        from time_to_event
        where outcome <> 'asd'
        group by site_id, patient_id
        having count(distinct day) > 1
            or count(*) filter (where cause = 1 and outcome = 'revision')
            <> count(*) filter (where cause = 1 and outcome <> 'revision')
        """
    ).fetchall()
    assert unlike == []


def test_outcomes_of_types_are_named_as_their_labels(con: duckdb.DuckDBPyConnection) -> None:
    outcomes = {name for (name,) in con.execute("select distinct outcome from time_to_event").fetchall()}
    labels = {each.name for each in label_definitions() if each.name.startswith("revision_")} - {"revision_performed"}
    unknown = {"revision_fusion_level_unknown", "revision_hardware_removal_region_unknown"}
    assert outcomes == labels | unknown | {"revision", "asd"}


def test_the_same_relation_from_rows_in_another_order(con: duckdb.DuckDBPyConnection) -> None:
    everything = "from time_to_event order by all"
    before = con.execute(everything).fetchall()
    for table in ("episodes", "revisions", "labels"):
        con.execute(f"create or replace table {table} as from {table} order by all desc")
    materialize(con, [SqlFile(shipped("sql", "relations", "measures", "time_to_event.sql"))])
    assert con.execute(everything).fetchall() == before
