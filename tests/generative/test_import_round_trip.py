"""Whatever a patient's history, each source brings back its days, codes and answers as they were drawn."""

import csv
import datetime
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import Source
from outcomes.intake.sources.engine import make_tables
from outcomes.intake.sources.fhir import fhir_source
from outcomes.intake.sources.fhir_mapping import FhirMapping
from outcomes.intake.sources.mapping import parse_mapping
from outcomes.intake.sources.omop import omop_source
from outcomes.intake.sources.table import table_source
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.examples import examples, few

PERIOD = "2025-06"
MAPPING, _ = parse_mapping("""
method = "limited_data_set"
date_format = "%d.%m.%Y"
[[patients]]
file = "patients.csv"
columns = { patient_id = "mrn", birth_year = "born" }
[[procedures]]
file = "procedures.csv"
columns = { patient_id = "mrn", date = "date", code = "code", code_system = { constant = "CPT" } }
[[follow_ups]]
file = "visits.csv"
columns = { patient_id = "mrn", date = "date", neck_pain_nrs = { from = "comfort", reverse = 10 } }
""")


@dataclass(frozen=True)
class History:
    """A patient: the day of the index fusion, and by days since then other procedures and pain."""

    index: datetime.date
    procedures: dict[int, str]
    pain: dict[int, int]

    def date(self, day: int) -> datetime.date:
        return self.index + datetime.timedelta(days=day)


DAYS = st.integers(-400, 700)
HISTORIES = st.lists(
    st.builds(
        History,
        st.dates(datetime.date(2020, 1, 1), datetime.date(2023, 6, 30)),
        st.dictionaries(DAYS.filter(bool), st.sampled_from(["22845", "99213", "72040"]), max_size=4),
        st.dictionaries(DAYS, st.integers(0, 10), max_size=4),
    ),
    min_size=1,
    max_size=5,
)


def _csv(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([header.split(), *rows])


def _as_table(folder: Path, histories: dict[str, History]) -> Source:
    done = [[key, f"{one.date(day):%d.%m.%Y}", code] for key, one in histories.items() for day, code in _done(one)]
    seen = [
        [key, f"{one.date(day):%d.%m.%Y}", 10 - pain]
        for key, one in histories.items()
        for day, pain in one.pain.items()
    ]
    _csv(folder / "patients.csv", "mrn born", [[key, 1960] for key in histories])
    _csv(folder / "procedures.csv", "mrn date code", done)
    _csv(folder / "visits.csv", "mrn date comfort", seen)
    assert MAPPING
    return table_source(MAPPING, folder)


def _as_omop(folder: Path, histories: dict[str, History]) -> Source:
    done = [[key, f"{one.date(day):%Y%m%d}", code] for key, one in histories.items() for day, code in _done(one)]
    seen = [[key, one.date(day), "PAIN", pain] for key, one in histories.items() for day, pain in one.pain.items()]
    _csv(folder / "person.csv", "person_id year_of_birth", [[key, 1960] for key in histories])
    _csv(
        folder / "procedure_occurrence.csv",
        "procedure_occurrence_id person_id procedure_date procedure_source_value",
        [[number, *row] for number, row in enumerate(done)],
    )
    _csv(
        folder / "measurement.csv",
        "measurement_id person_id measurement_date measurement_source_value value_as_number",
        [[number, *row] for number, row in enumerate(seen)],
    )
    (folder / "concepts.csv").write_text("source_value,to,value\nPAIN,follow_ups.neck_pain_nrs,\n")
    return omop_source(folder, "limited_data_set", folder / "concepts.csv")


def _as_fhir(folder: Path, histories: dict[str, History]) -> Source:
    lines: list[dict[str, Any]] = [{"resourceType": "Patient", "id": key, "birthDate": "1960"} for key in histories]
    for key, one in histories.items():
        subject = {"reference": f"Patient/{key}"}
        for day, code in _done(one):
            coding = {"system": "http://www.ama-assn.org/go/cpt", "code": code}
            said = {"status": "completed", "subject": subject, "performedDateTime": f"{one.date(day)}"}
            lines.append({"resourceType": "Procedure", "id": f"{key}.{day}", "code": {"coding": [coding]}} | said)
        for day, pain in one.pain.items():
            coding = {"system": "http://loinc.org", "code": "72514-3"}
            said = {"status": "final", "subject": subject, "effectiveDateTime": f"{one.date(day)}T23:30:00-08:00"}
            told = {"bodySite": {"text": "Neck"}, "valueInteger": pain, "code": {"coding": [coding]}}
            lines.append({"resourceType": "Observation", "id": f"{key}.{day}"} | said | told)
    (folder / "all.ndjson").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return fhir_source(folder, FhirMapping(method="limited_data_set"))


def _done(one: History) -> list[tuple[int, str]]:
    return [(0, "22551"), *one.procedures.items()]


def _rows(con: duckdb.DuckDBPyConnection, table: str, cell: str) -> set[tuple[object, ...]]:
    """The rows of a table by patient and day; none where an import has nothing for it."""
    if (table,) not in con.execute("select table_name from duckdb_tables()").fetchall():
        return set()
    return set(con.execute(f"select patient_id, cast(day as int), {cell} from {table}").fetchall())


@pytest.mark.parametrize("write", few(2, [_as_table, _as_omop, _as_fhir]))
@settings(max_examples=examples(5), deadline=None)
@given(drawn=HISTORIES)
def test_what_goes_into_a_source_comes_out_of_its_import(
    write: Callable[[Path, dict[str, History]], Source], drawn: list[History]
) -> None:
    histories = {str(7001 + number): one for number, one in enumerate(drawn)}
    with TemporaryDirectory() as temporary:
        folder, scratch = Path(temporary) / "source", Path(temporary) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        crosswalk = Crosswalk(Path(temporary) / "keys.csv")
        with connect(Settings(home=Path(temporary))) as con:
            make_tables(con, write(folder, histories), crosswalk, PERIOD, scratch)
            keys = crosswalk.keys("patient", list(histories))
            made = {
                "procedures": _rows(con, "procedures", "code"),
                "follow_ups": _rows(con, "follow_ups", "cast(neck_pain_nrs as int)"),
            }
    assert made == {
        "procedures": {(keys[key], *row) for key, one in histories.items() for row in _done(one)},
        "follow_ups": {(keys[key], *row) for key, one in histories.items() for row in one.pain.items()},
    }
