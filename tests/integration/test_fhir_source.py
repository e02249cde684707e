"""FHIR exports: the labels are those of the registry they were made of, and identified ones are refused."""

import json
import re

import pytest
from fhir.resources.R4B import get_fhir_model_class

from outcomes.errors import OutcomesError
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import LeftOut
from outcomes.intake.sources.engine import Import, import_extract
from outcomes.intake.sources.fhir import fhir_source
from outcomes.intake.sources.fhir_mapping import read_fhir_mapping
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from tests.support.answers import answers
from tests.support.fhir_export import Export, sayable, write_export
from tests.support.submissions import write_submission
from tests.support.synthetic import Row, rows_in_force

PERIOD = "2026-09"
METHODS = {"alder": "limited_data_set", "birch": "expert_determination", "cedar": "safe_harbor"}

Sites = dict[str, dict[str, list[Row]]]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    settings = Settings(home=tmp_path_factory.mktemp("registry"))
    synthesize(settings, seed=5, sites=3, patients=105, months=0, until=PERIOD, faults=False, stories=False)
    return {site: sayable(tables) for site, tables in rows_in_force(settings).items()}


@pytest.fixture(scope="module")
def native(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("native"))
    for site, tables in sites.items():
        write_submission(settings, site, PERIOD, tables, deidentification_method=METHODS[site])  # type: ignore[arg-type]
    return settings


@pytest.fixture(scope="module")
def exports(sites: Sites, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Export]:
    folder = tmp_path_factory.mktemp("exports")
    return {site: write_export(folder / site, tables, METHODS[site]) for site, tables in sites.items()}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("imported"))


@pytest.fixture(scope="module")
def imported(settings: Settings, exports: dict[str, Export]) -> dict[str, Import]:
    return {
        site: import_extract(
            settings,
            fhir_source(export.folder, read_fhir_mapping(export.mapping), strip_identifiers=True),
            site,
            PERIOD,
        )
        for site, export in exports.items()
    }


def test_the_labels_are_those_of_the_native_path_patient_by_patient(
    native: Settings, settings: Settings, exports: dict[str, Export], imported: dict[str, Import]
) -> None:
    delivered = answers(native, exports, PERIOD)
    made = answers(settings, imported, PERIOD)
    keys = {
        site: Crosswalk(one.crosswalk).keys("patient", list(exports[site].ids.values()))
        for site, one in imported.items()
    }
    assert len(delivered[1]) > 70
    for expected, found in zip(delivered, made, strict=True):
        for (site, patient, label), answer in expected.items():
            key = keys[site][exports[site].ids[patient]]
            assert found[site, key, label] == answer, (site, label)


def test_the_exports_are_valid_fhir(exports: dict[str, Export]) -> None:
    for path in exports["alder"].folder.glob("*.ndjson"):
        for line in path.read_text(encoding="utf-8").splitlines()[:40]:
            resource = json.loads(line)
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_every_row_is_delivered_or_counted(sites: Sites, imported: dict[str, Import]) -> None:
    for site, tables in sites.items():
        delivered = {file.table: file.rows for file in imported[site].manifest.files}
        left_out = [one for one in imported[site].left_out if one.column is None]
        for name, rows in tables.items():
            more = sum(one.rows for one in left_out if one.table == name)
            assert delivered[name] + more == len(rows), (site, name)


def test_no_date_no_id_and_no_name_is_in_a_submission(exports: dict[str, Export], imported: dict[str, Import]) -> None:
    for site, one in imported.items():
        for file in one.folder.glob("*.csv"):
            text = file.read_text(encoding="utf-8")
            assert set(re.split(r"[,\n]", text)).isdisjoint(exports[site].ids.values())
            assert not re.search(r"\d{4}-\d\d-\d\d|Somebody", text)


def test_what_was_stripped_is_said_by_kind_and_count(sites: Sites, imported: dict[str, Import]) -> None:
    patients = len(sites["alder"]["patients"])
    stripped = [one for one in imported["alder"].left_out if one.reason == "stripped"]
    assert LeftOut("Patient", "stripped", patients, "name") in stripped
    assert LeftOut("Patient", "stripped", patients, "telecom") in stripped
    assert LeftOut("Procedure", "stripped", len(sites["alder"]["procedures"]), "subject.display") in stripped


def test_an_identified_export_is_refused_by_kind_and_count(
    settings: Settings, sites: Sites, exports: dict[str, Export]
) -> None:
    export = exports["alder"]
    with pytest.raises(OutcomesError, match="source_identified") as refused:
        import_extract(settings, fhir_source(export.folder, read_fhir_mapping(export.mapping)), "alder", "2026-10")
    assert f"Patient: name {len(sites['alder']['patients'])}, telecom" in refused.value.where
    assert "Somebody" not in str(refused.value)
    assert not (settings.landing / "alder" / "2026-10").exists()
