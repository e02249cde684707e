"""Extracts with dates and record numbers, through a mapping: the labels are those of the registry they were made of."""

import re
import stat

import pytest

from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import LeftOut
from outcomes.intake.sources.engine import Import, import_extract
from outcomes.intake.sources.mapping import read_mapping
from outcomes.intake.sources.table import table_source
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.answers import answers
from tests.support.hospital_dump import Dump, write_dump
from tests.support.synthetic import rows_in_force

PERIOD = "2026-09"
METHODS = {"alder": "limited_data_set", "birch": "expert_determination", "cedar": "safe_harbor"}


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("native"))
    synthesize(settings, seed=5, sites=3, patients=105, months=0, until=PERIOD, faults=False, stories=False)
    return settings


@pytest.fixture(scope="module")
def dumps(native: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dump]:
    folder = tmp_path_factory.mktemp("dumps")
    sites = rows_in_force(native)
    return {site: write_dump(folder / site, tables, METHODS[site]) for site, tables in sites.items()}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("imported"))


@pytest.fixture(scope="module")
def imported(settings: Settings, dumps: dict[str, Dump]) -> dict[str, Import]:
    return {
        site: import_extract(settings, table_source(read_mapping(dump.mapping), dump.folder), site, PERIOD)
        for site, dump in dumps.items()
    }


def test_the_labels_are_those_of_the_native_path_patient_by_patient(
    native: Settings, settings: Settings, dumps: dict[str, Dump], imported: dict[str, Import]
) -> None:
    delivered = answers(native, dumps, PERIOD)
    made = answers(settings, imported, PERIOD)
    keys = {
        site: Crosswalk(one.crosswalk).keys("patient", list(dumps[site].record_numbers.values()))
        for site, one in imported.items()
    }
    assert len(delivered[1]) > 70
    for expected, found in zip(delivered, made, strict=True):
        for (site, patient, label), answer in expected.items():
            key = keys[site][dumps[site].record_numbers[patient]]
            assert found[site, key, label] == answer, (site, label)


def test_no_date_and_no_key_of_the_hospital_is_in_a_submission(
    settings: Settings, dumps: dict[str, Dump], imported: dict[str, Import]
) -> None:
    for site, one in imported.items():
        assert stat.S_IMODE(one.crosswalk.stat().st_mode) == 0o600
        for file in one.folder.glob("*.csv"):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            cells = set(re.split(r"[,\n]", file.read_text(encoding="utf-8")))
            assert cells.isdisjoint(dumps[site].record_numbers.values())
            assert not any(re.search(r"\d{4}-\d\d-\d\d|\d\d[.]\d\d[.]", cell) for cell in cells)
    assert not settings.scratch.exists()


def test_every_row_is_delivered_or_counted(native: Settings, imported: dict[str, Import]) -> None:
    for site, tables in rows_in_force(native).items():
        delivered = {file.table: file.rows for file in imported[site].manifest.files}
        left_out = [one for one in imported[site].left_out if one.column is None]
        assert LeftOut("patients", "repeated", 1) in left_out
        for name, rows in tables.items():
            more = sum(one.rows for one in left_out if one.table == name) - (name == "patients")
            assert delivered[name] + more == len(rows), (site, name)
        assert not [one for one in imported[site].left_out if one.column]


def test_the_same_patient_keeps_the_key_next_month(
    settings: Settings, dumps: dict[str, Dump], imported: dict[str, Import]
) -> None:
    dump = dumps["alder"]
    again = import_extract(settings, table_source(read_mapping(dump.mapping), dump.folder), "alder", "2026-10")
    for name in ("procedures", "follow_ups"):
        file = f"{name}.csv"
        assert (again.folder / file).read_bytes() == (imported["alder"].folder / file).read_bytes()
