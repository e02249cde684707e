"""The whole line through the command line: two sites' submissions in, a release and its answers out."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from outcomes import pipeline
from outcomes.cli import app
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake.rules import rules
from outcomes.settings import Settings
from tests.support.submissions import follow_up, fusion, patient, write_submission

PERIOD = "2025-05"


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), *arguments])


def asked(home: Path, query: str) -> list[dict[str, str]]:
    result = run(home, "query", query, "--csv")
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """North delivers two patients, one with pain at a year; south's checksum is wrong."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home)
    tables = {
        "patients": [patient("p000001"), patient("p000002")],
        "procedures": [fusion("p000001"), fusion("p000002")],
        "follow_ups": [follow_up("p000001", neck_pain_nrs=6), follow_up("p000002", neck_pain_nrs=1)],
    }
    write_submission(settings, "north", PERIOD, tables)
    folder = write_submission(settings, "south", PERIOD, tables)
    with (folder / "patients.csv").open("a", encoding="utf-8") as lines:
        lines.write("\n")
    return home


@pytest.fixture(scope="module")
def ingested(home: Path) -> Any:
    return run(home, "ingest")


@pytest.fixture(scope="module")
def released(home: Path, ingested: Any) -> Any:
    return run(home, "release")


def test_one_site_is_accepted_and_the_other_named(ingested: Any) -> None:
    assert ingested.exit_code == MISTAKES["submissions_refused"].exit_status
    assert "1 accepted, 1 refused; of the accepted 6 rows 6 are in the lake, 0 in quarantine" in ingested.stdout
    assert ingested.stderr.startswith(
        f"checksum_mismatch: a file's sha256 is not the one of the manifest (south/{PERIOD}"
    )


def test_only_what_is_not_in_the_lake_is_tried_again(home: Path, ingested: Any) -> None:
    again = run(home, "ingest")
    assert "0 accepted, 1 refused" in again.stdout
    assert run(home, "ingest", f"north/{PERIOD}").exit_code == 0
    assert asked_status(home)[0] == ["north", PERIOD, "1", "accepted", "6", "6", "0", "0"]


def asked_status(home: Path) -> list[list[str]]:
    """The rows of the table that `status` prints, without their empty cells."""
    lines = [line for line in run(home, "status").stdout.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│") if cell.strip()] for line in lines]


def test_status_counts_every_row_once(home: Path, released: Any) -> None:
    assert asked_status(home) == [
        ["north", PERIOD, "1", "accepted", "6", "6", "0", "0"],
        ["south", PERIOD, "1", "refused", "checksum_mismatch", "6", "0", "6", "0"],
        ["accepted", "1", "6", "6", "0", "0"],
        ["superseded", "0", "0", "0", "0", "0"],
        ["refused", "1", "6", "0", "6", "0"],
        ["withdrawn", "0", "0", "0", "0", "0"],
        *([table, *map(str, _rules_of(table))] for table in ("follow_ups", "patients", "procedures")),
    ]


def _rules_of(table: str) -> tuple[int, int, int]:
    """Of a table without a fault: the rules passed, failed, and not applicable to anything in it."""
    not_applicable = {"follow_ups": 50, "patients": 7, "procedures": 7}[table]
    return len(rules(table)) - not_applicable, 0, not_applicable


def test_a_release_is_made_once(home: Path, released: Any) -> None:
    assert released.exit_code == 0
    assert run(home, "release").stdout == released.stdout
    assert released.stdout.splitlines()[0].removeprefix("release ").startswith(f"{PERIOD}-")


def test_the_pipeline_knows_what_landed_and_whether_the_release_is_current(home: Path, released: Any) -> None:
    settings = Settings(home=home)
    today = date(2026, 1, 1)
    assert sorted(pipeline.sites_with_delivery(settings, PERIOD, today)) == ["north", "south"]
    with pytest.raises(OutcomesError, match="nothing_delivered"):
        pipeline.sites_with_delivery(settings, "2025-06", today)
    assert pipeline.release_is_current(settings)
    assert not pipeline.release_is_current(Settings(home=home, minimum_cell_count=20))


def test_the_marts_can_be_asked(home: Path, released: Any) -> None:
    assert asked(home, "select patient_id, status, onset_day from labels where label = 'pain_past_3_months'") == [
        {"patient_id": "p000001", "status": "yes", "onset_day": "365"},
        {"patient_id": "p000002", "status": "no", "onset_day": ""},
    ]
    shown = run(home, "query", "select count(*) as episodes from episodes").stdout
    assert "episodes" in shown
    assert "│ 2 " in shown


@pytest.mark.parametrize(
    "query",
    [
        "selec 1",
        "select nothing from labels",
        "select cast(patient_id as integer) from labels",
        "drop table labels",
        "/* nothing */",
    ],
)
def test_a_query_that_cannot_run_gives_its_code_and_no_value(home: Path, released: Any, query: str) -> None:
    result = run(home, "query", query)
    assert result.exit_code == MISTAKES["query_failed"].exit_status
    assert result.stderr.startswith("query_failed: ")
    assert "p000001" not in result.output


@pytest.mark.parametrize("query", ["", "  "])
def test_an_empty_query_is_answered_by_how_to_write_one(home: Path, query: str) -> None:
    result = run(home, "query", query)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert "write a select" in result.stderr


def test_explain_names_the_records_that_a_label_rests_on(home: Path, released: Any) -> None:
    result = run(home, "explain", "north/p000001", "--label", "pain_past_3_months")
    assert result.exit_code == 0
    assert "CPT 22551 anterior C5-6" in result.stdout
    assert "(pain_past_3_months): yes" in result.stdout
    assert "onset day 365" in result.stdout
    assert f"- follow_ups p000001-visit365, submission north-{PERIOD}-" in result.stdout
    assert str(home / "landing" / "north" / PERIOD / "follow_ups.csv") in result.stdout
    assert "  ✓ at such a visit neck pain of 4 or more" in result.stdout
    assert ": follow_ups p000001-visit365 (neck pain 6 of 10)\n" in result.stdout
    assert "\n      day 365: neck pain 6 of 10\n" in result.stdout
    assert "revision_performed" not in result.stdout
    marked = [line.split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    assert [cells[4].strip() for cells in marked if cells[6].strip() == "yes"] == ["p000001-visit365"]


def test_explain_calls_nothing_replaced_that_is_in_force(home: Path, released: Any, tmp_path: Path) -> None:
    landing = home / "landing"
    landing.rename(tmp_path / "landing")
    try:
        result = run(home, "explain", "north/p000001", "--label", "pain_past_3_months")
    finally:
        (tmp_path / "landing").rename(landing)
    assert ": its delivered file is no longer in the landing folder\n" in result.stdout
    assert "replaced" not in result.stdout


def test_explain_says_which_criterion_fails(home: Path, released: Any) -> None:
    result = run(home, "explain", "north/p000002", "--label", "pain_past_3_months", "--why-not")
    assert result.exit_code == 0, result.stderr
    assert "no: a criterion fails" in result.stdout
    assert "  ✓ holds  neck pain assessed at a visit on day 92 or later" in result.stdout
    assert "records (1): follow_ups p000002-visit365" in result.stdout
    assert "  ✗ fails  at such a visit neck pain of 4 or more" in result.stdout


@pytest.mark.parametrize("options", [(), ("--why-not",)])
def test_explain_says_in_words_why_a_label_is_not_assessable(
    home: Path, released: Any, options: tuple[str, ...]
) -> None:
    result = run(home, "explain", "north/p000001", "--label", "late_pain_20_years", *options)
    assert "not_assessable" in result.stdout
    assert "window_not_closed" in result.stdout
    assert "\n  Not assessable: The data end before the question can be answered.\n" in result.stdout


def test_explain_says_that_all_criteria_of_a_yes_hold(home: Path, released: Any) -> None:
    result = run(home, "explain", "north/p000001", "--label", "pain_past_3_months", "--why-not")
    assert "yes: all criteria hold" in result.stdout
    assert "fails" not in result.stdout


def test_explain_shows_the_ways_to_a_yes(home: Path, released: Any) -> None:
    result = run(home, "explain", "north/p000001", "--label", "opioid_supply_past_day_90", "--why-not")
    assert "A yes needs all of one of these:\n  supplied\n    ✗ fails  an opioid supply" in result.stdout
    assert "\n  said at a visit\n    ✗ fails  a visit past day 90" in result.stdout


def test_explain_names_what_it_does_not_know(home: Path, released: Any) -> None:
    unknown = run(home, "explain", "north/p000009")
    assert unknown.exit_code == MISTAKES["patient_unknown"].exit_status
    for options in ((), ("--why-not",)):
        unknown = run(home, "explain", "north/p000001", "--label", "happiness", *options)
        assert unknown.exit_code == MISTAKES["label_unknown"].exit_status


def test_nothing_can_be_asked_before_a_release(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    assert run(tmp_path, "query", "from labels").exit_code == MISTAKES["no_release"].exit_status
    assert run(tmp_path, "release").exit_code == MISTAKES["nothing_to_release"].exit_status
    assert "release: none" in run(tmp_path, "status").stdout


def test_synthesize_then_ingest_one_submission(tmp_path: Path) -> None:
    options = ("--patients", "30", "--sites", "1", "--months", "1", "--until", "2026-02", "--no-faults")
    made = run(tmp_path, "synthesize", *options)
    assert made.exit_code == 0, made.stderr
    assert "30 invented patients of 1 sites in 2 submissions" in made.stdout
    assert run(tmp_path, "synthesize", *options).exit_code == MISTAKES["folder_not_empty"].exit_status
    places = sorted(str(path.parent.relative_to(tmp_path / "landing")) for path in tmp_path.glob("landing/*/*/*.json"))
    assert [place.split("/")[1] for place in places] == ["2026-01", "2026-02"]
    assert run(tmp_path, "ingest", *places).exit_code == 0
