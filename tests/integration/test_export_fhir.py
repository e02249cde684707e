"""The protected measures as FHIR: valid by a validator of others, and no number that the marts hide."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fhir.resources.R4B.measure import Measure
from fhir.resources.R4B.measurereport import MeasureReport
from typer.testing import CliRunner

from outcomes.cli import app
from outcomes.errors import OutcomesError
from outcomes.release.fhir_measures import export_fhir
from outcomes.release.open import open_release
from outcomes.settings import Settings
from tests.support.dashboard_release import FIRST_ID, leaked, write_release

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    write_release(home)
    return Settings(home=home)


@pytest.fixture(scope="module")
def exported(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Resource]]:
    folder = tmp_path_factory.mktemp("fhir") / "measures"
    export_fhir(settings, folder)
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in folder.iterdir()
    }


def test_every_measure_and_report_is_valid(exported: dict[str, list[Resource]]) -> None:
    for measure in exported["Measure"]:
        assert Measure.model_validate(measure).url == measure["url"]
    for report in exported["MeasureReport"]:
        MeasureReport.model_validate(report)
    told = [f"{measure['url']}|{measure['version']}" for measure in exported["Measure"]]
    assert [report["measure"] for report in exported["MeasureReport"]] == told


def test_a_share_is_its_numerator_by_its_denominator(exported: dict[str, list[Resource]]) -> None:
    """As FHIR reckons it, to the rounding; who is excluded is in the initial population alone."""
    shares = [one["id"] for one in exported["Measure"] if one["guidance"].startswith("The score is the numerator by")]
    groups = {report["id"]: report["group"][0] for report in exported["MeasureReport"]}
    told = 0
    for key in shares:
        initial, denominator, numerator = (one.get("count") for one in groups[key].get("population", [{}] * 3))
        score = groups[key].get("measureScore", {}).get("value")
        if score is not None:
            assert score * denominator == pytest.approx(numerator, abs=2.5)
            assert initial >= denominator
            told += 1
    assert told > 100


def test_reports_say_how_to_read_them(exported: dict[str, list[Resource]]) -> None:
    for measure, report in zip(exported["Measure"], exported["MeasureReport"], strict=True):
        assert measure.get("improvementNotation") == report.get("improvementNotation")
        declared = [one["code"] for one in measure["group"][0].get("stratifier", [])]
        assert declared == [one["code"][0] for one in report["group"][0].get("stratifier", [])]
        assert report["meta"]["tag"][0]["code"] == "HTEST"
    identifiers = {report["identifier"][0]["value"] for report in exported["MeasureReport"]}
    assert len(identifiers) == len(exported["MeasureReport"])


def test_what_the_marts_hide_is_absent_and_says_why(settings: Settings, exported: dict[str, list[Resource]]) -> None:
    with duckdb.connect(str(open_release(None, settings).dashboard), read_only=True) as con:
        hidden = con.execute(
            "select measure, site_id from measures where state = 'suppressed' and site_id is not null "
            "and resolution = 'all' and stratum is null order by all"
        ).fetchall()
    reports = {report["id"]: report for report in exported["MeasureReport"]}
    assert hidden
    for measure, site in hidden:
        (stratum,) = [
            one
            for stratifier in reports[measure.replace("_", "-")]["group"][0]["stratifier"]
            for one in stratifier["stratum"]
            if stratifier["code"] == [{"text": "site"}] and one["value"] == {"text": site}
        ]
        assert "value" not in stratum["measureScore"]
        for population in stratum["population"]:
            assert "count" not in population
            assert population["_count"]["extension"][0]["valueCode"] == "masked"
    assert leaked(json.dumps(exported)) == []


def test_the_command_names_the_release_and_never_writes_over_a_folder(settings: Settings, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--home", str(settings.home), "export", "fhir", str(tmp_path / "measures")])
    assert (done.exit_code, FIRST_ID in done.output) == (0, True), done.output
    with pytest.raises(OutcomesError, match="folder_not_empty"):
        export_fhir(settings, tmp_path / "measures")
