"""A site's list of drugs: codes that the contract does not know become ATC or a class, of whatever source."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from outcomes.errors import OutcomesError
from outcomes.intake.sources.engine import import_extract
from outcomes.intake.sources.mapping import read_mapping
from outcomes.intake.sources.table import table_source
from outcomes.settings import Settings

MAPPING = """
method = "limited_data_set"
[[patients]]
file = "patients.csv"
columns = { patient_id = "mrn", birth_year = "yob" }
[[procedures]]
file = "surgery.csv"
columns = { patient_id = "mrn", date = "date", code = "cpt", code_system = { constant = "CPT" } }
[[treatments]]
file = "drugs.csv"
columns = { patient_id = "mrn", start_date = "date", code = "code", code_system = "system" }
"""


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    (folder / "patients.csv").write_text("mrn,yob\n4471,1961\n")
    (folder / "surgery.csv").write_text("mrn,date,cpt\n4471,2023-05-17,22551\n")
    (folder / "drugs.csv").write_text(
        "mrn,date,system,code\n4471,2023-09-01,ndc,0573-0164-70\n4471,2023-09-02,NDC,00573016470\n"
        "4471,2023-09-03,RxNorm,310965\n4471,2023-09-04,NDC,99999999999\n4471,2023-09-05,ATC,N02AA05\n"
    )
    (tmp_path / "map.toml").write_text(MAPPING)
    return folder


def _treatments(dump: Path, drugs: str) -> list[tuple[str, str, str]]:
    path = dump.parent / "drugs.csv"
    path.write_text(f"code_system,code,atc,treatment_class\n{drugs}", encoding="utf-8")
    source = replace(table_source(read_mapping(dump.parent / "map.toml"), dump), drugs=path)
    imported = import_extract(Settings(home=dump.parent / "home"), source, "north", "2025-06")
    with (imported.folder / "treatments.csv").open(encoding="utf-8", newline="") as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["start_day"]))
    return [(row["code_system"], row["code"], row["treatment_class"]) for row in rows]


def test_packages_and_products_become_atc_or_a_class(dump: Path) -> None:
    assert _treatments(dump, "NDC,00573-0164-70,M01AE01,\nRXNORM,310965,,nsaid\n") == [
        ("ATC", "M01AE01", ""),
        ("ATC", "M01AE01", ""),
        ("", "", "nsaid"),
        ("ATC", "N02AA05", ""),
    ]


@pytest.mark.parametrize(
    ("drugs", "what"),
    [
        ("NDC,1,,\n", "line 2, treatment_class: either atc or treatment_class"),
        ("NDC,1,M01AE01,nsaid\n", "line 2, treatment_class: either atc or treatment_class"),
        ("NDC,,M01AE01,\n", "line 2, code: "),
        ("NDC,1,,painkiller\n", "line 2, treatment_class: no treatment_class of the contract"),
        ("NDC,1,M01AE01,\nndc,1,M01AE01,\n", "1 codes are named twice"),
    ],
)
def test_a_mistake_is_told_by_line(drugs: str, what: str, dump: Path) -> None:
    with pytest.raises(OutcomesError, match=what) as error:
        _treatments(dump, drugs)
    assert error.value.code == "mapping_malformed"
