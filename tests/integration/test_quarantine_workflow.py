"""Quarantine as a workflow: rows go out with their reasons, come back mended, and nothing is lost on the way."""

import csv
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet
from typer.testing import CliRunner

from outcomes import cli, pipeline
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake import mending
from outcomes.intake.manifest import read_manifest, submission_id
from outcomes.intake.mending import count_quarantine, export_quarantine, mend
from outcomes.intake.submission import ingest_submission
from outcomes.labelling.build import run
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.files import snapshot
from tests.support.submissions import Row, diagnosis, follow_up, fusion, patient, restate, write_submission

PLACE = ("north", "2026-01")
Line = dict[str, str]


def sound() -> dict[str, list[Row]]:
    """Two patients with their operation, visits and a diagnosis."""
    visits = [
        follow_up(name, day, neck_pain_nrs=pain, ndi_unit="percent", ndi_total=40)
        for name in ("p000001", "p000002")
        for day, pain in ((42, 5), (180, 6), (365, 7.5))
    ]
    return {
        "patients": [patient(), patient("p000002", data_cut_day=800, last_contact_day=790)],
        "procedures": [fusion(), fusion("p000002")],
        "diagnoses": [diagnosis(code="M96.0"), diagnosis("p000002")],
        "follow_ups": visits,
    }


FAULTS: tuple[tuple[str, int, Row], ...] = (
    ("patients", 0, {"bmi": 400}),
    ("patients", 1, {"asa_class": "three"}),
    ("procedures", 1, {"approach": "=lateral", "day": "20000"}),
    ("diagnoses", 0, {"code_system": "SNOMED"}),
    ("follow_ups", 0, {"neck_pain_nrs": 11, "ndi_total": -3}),
    ("follow_ups", 2, {"day": "one year"}),
    ("follow_ups", 5, {"patient_id": "p000009"}),
)


def faulty() -> dict[str, list[Row]]:
    """The same with faults that cost rows, cells, and both."""
    tables = sound()
    for table, place, cells in FAULTS:
        tables[table][place] |= cells
    return tables


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("taken_in") / "home"
    settings = Settings(home=home, max_critical_share=1.0)
    write_submission(settings, *PLACE, faulty())
    ingest_submission(settings, *PLACE)
    return home


@pytest.fixture
def settings(taken_in: Path, tmp_path: Path) -> Settings:
    shutil.copytree(taken_in, tmp_path / "home")
    return Settings(home=tmp_path / "home", max_critical_share=1.0)


def exported(settings: Settings, **narrowed: str) -> tuple[Path, list[Line]]:
    """The exported file and its lines."""
    file = settings.home / "out.csv"
    file.unlink(missing_ok=True)
    export_quarantine(settings, *PLACE, file, **narrowed)
    with file.open(encoding="utf-8", newline="") as lines:
        return file, list(csv.DictReader(lines))


def rewrite(file: Path, lines: list[Line], delimiter: str = ",") -> Path:
    """Write the lines as a spreadsheet would."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(lines[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(lines)
    return file


def mended_by_hand(lines: list[Line]) -> list[Line]:
    """The lines with what a person knows in place of the faults."""
    truth = sound()
    for line in lines:
        for table, place, cells in FAULTS:
            if (line["table"], int(line["row_number"])) == (table, place + 1):
                line |= {name: str(truth[table][place].get(name, "")) for name in cells}
    return lines


def mend_all(settings: Settings) -> mending.Mended:
    file, lines = exported(settings)
    return mend(settings, *PLACE, rewrite(file, mended_by_hand(lines)))


def labels(settings: Settings) -> list[tuple[Any, ...]]:
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        run(con)
        return con.sql("select * exclude (definition_version) from labels order by all").fetchall()


def test_counts_are_by_site_period_table_rule_and_outcome(settings: Settings) -> None:
    counts = [tuple(vars(one).values()) for one in count_quarantine(settings)]
    assert counts == [
        (*PLACE, "diagnoses", "DIA-010", "quarantined", 1),
        (*PLACE, "follow_ups", "FUP-003", "pending", 1),
        (*PLACE, "follow_ups", "FUP-004", "quarantined", 1),
        (*PLACE, "follow_ups", "FUP-008", "blanked", 1),
        (*PLACE, "follow_ups", "FUP-013", "blanked", 1),
        (*PLACE, "follow_ups", "follow_ups.type", "quarantined", 1),
        (*PLACE, "patients", "PAT-009", "blanked", 1),
        (*PLACE, "patients", "patients.type", "blanked", 1),
        (*PLACE, "procedures", "PRO-006", "quarantined", 1),
        (*PLACE, "procedures", "PRO-008", "quarantined", 1),
        (*PLACE, "procedures", "PRO-015", "quarantined", 1),
    ]


def test_counts_can_be_narrowed(settings: Settings) -> None:
    write_submission(settings, "south", "2026-02", faulty())
    ingest_submission(settings, "south", "2026-02")
    found = count_quarantine(settings, site_id="south", period="2026-02", table="patients", rule="PAT-009")
    assert [(one.site_id, one.rule, one.rows) for one in found] == [("south", "PAT-009", 1)]
    assert count_quarantine(settings, site_id="south", period="2026-01") == []


def test_reasons_stand_beside_the_cells_that_the_rules_name(settings: Settings) -> None:
    _, lines = exported(settings)
    reasons = {
        (line["table"], int(line["row_number"]), name.removesuffix("__reason")): text.split(":")[0]
        for line in lines
        for name, text in line.items()
        if name.endswith("__reason") and text
    }
    assert reasons == {
        ("patients", 1, "bmi"): "PAT-009",
        ("patients", 2, "asa_class"): "patients.type",
        ("procedures", 2, "day"): "PRO-006",
        ("procedures", 2, "approach"): "PRO-015",
        ("diagnoses", 1, "code_system"): "DIA-010",
        ("follow_ups", 1, "neck_pain_nrs"): "FUP-008",
        ("follow_ups", 1, "ndi_total"): "FUP-013",
        ("follow_ups", 3, "day"): "follow_ups.type",
        ("follow_ups", 6, "patient_id"): "FUP-003",
    }
    names = list(lines[0])
    assert names[names.index("bmi") + 1] == "bmi__reason"


def test_an_export_is_private_narrowed_and_never_written_over(settings: Settings) -> None:
    file, lines = exported(settings, table="follow_ups", rule="FUP-003")
    assert [(line["table"], line["row_number"]) for line in lines] == [("follow_ups", "6")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        export_quarantine(settings, *PLACE, file)
    assert list(file.parent.glob(".out*")) == []


def test_no_cell_of_an_export_is_a_formula_or_a_date(settings: Settings) -> None:
    _, lines = exported(settings)
    cells = {cell for line in lines for cell in line.values() if cell}
    assert "'=xxxxxxx" in cells
    assert "'2023-05" in cells
    assert all(cell[0].isalnum() or cell[0] == "'" or cell.lstrip("-").isdecimal() for cell in cells)
    assert "'7.5" in cells


def test_what_was_mended_comes_back_as_if_it_had_never_been_faulty(settings: Settings, tmp_path: Path) -> None:
    never = Settings(home=tmp_path / "never", max_critical_share=1.0)
    write_submission(never, *PLACE, sound())
    ingest_submission(never, *PLACE)
    before = labels(settings)
    mended = mend_all(settings)
    assert (mended.changed, mended.taken_out) == (7, 0)
    record = mended.record
    assert (record.outcome, record.attempt) == ("accepted", 2)
    assert (record.rows_in, record.rows_accepted, record.rows_quarantined) == (12, 12, 0)
    assert record.rows_in == sum(len(rows) for rows in sound().values())
    assert record.blanked == ()
    assert count_quarantine(settings) == []
    assert labels(settings) == labels(never) != before
    assert ingest_submission(settings, *PLACE) == Lake(settings.lake).recorded(*PLACE)[-1]
    assert pipeline.waiting(settings) == []
    assert [folder.name for folder in (settings.landing / "north").iterdir()] == ["2026-01"]


def test_the_new_manifest_is_of_the_same_kind(settings: Settings) -> None:
    folder = settings.landing / "north" / "2026-01"
    before = read_manifest(folder)
    mend_all(settings)
    after = read_manifest(folder)
    assert after.model_dump(exclude={"files"}) == before.model_dump(exclude={"files"})
    assert [(file.name, file.rows) for file in after.files] == [(file.name, file.rows) for file in before.files]


def test_parquet_comes_back_as_parquet(settings: Settings) -> None:
    folder = settings.landing / "north" / "2026-01"
    rows = arrow_csv.read_csv(folder / "patients.csv")
    (folder / "patients.csv").unlink()
    parquet.write_table(rows, folder / "patients.parquet")
    stated = (folder / "manifest.json").read_text(encoding="utf-8").replace("patients.csv", "patients.parquet")
    (folder / "manifest.json").write_text(stated, encoding="utf-8")
    restate(folder)
    ingest_submission(settings, *PLACE)
    assert mend_all(settings).record.rows_quarantined == 0
    assert sorted(path.name for path in folder.glob("patients.*")) == ["patients.parquet"]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_file_may_come_from_a_spreadsheet_of_any_country(settings: Settings, delimiter: str) -> None:
    file, lines = exported(settings)
    rewrite(file, mended_by_hand(lines), delimiter)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert mend(settings, *PLACE, file).record.rows_quarantined == 0


def test_a_row_that_is_left_out_stays_and_one_that_is_emptied_goes(settings: Settings) -> None:
    file, lines = exported(settings, table="follow_ups")
    kept, emptied, _ = lines
    about = ("submission_id", "table", "row_number")
    emptied |= {name: "" for name in emptied if name not in about}
    mended = mend(settings, *PLACE, rewrite(file, [kept | {"neck_pain_nrs": "5", "ndi_total": ""}, emptied]))
    assert (mended.changed, mended.taken_out) == (1, 1)
    assert (mended.record.rows_in, mended.record.rows_quarantined, mended.record.rows_pending) == (11, 2, 1)
    left = count_quarantine(settings, table="follow_ups")
    assert [(one.rule, one.outcome) for one in left] == [("FUP-003", "pending")]


def _another_month(lines: list[Line]) -> None:
    lines[0]["submission_id"] = "north-2026-02-0123456789ab"


def _an_accepted_row(lines: list[Line]) -> None:
    lines[0]["row_number"] = "3"


def _no_number(lines: list[Line]) -> None:
    lines[0]["row_number"] = "1.5"


def _a_row_twice(lines: list[Line]) -> None:
    lines.append(lines[0] | {"bmi": "27"})


def _a_foreign_column(lines: list[Line]) -> None:
    for line in lines:
        line["name"] = ""


def _no_row_numbers(lines: list[Line]) -> None:
    for line in lines:
        del line["row_number"]


def _nothing(lines: list[Line]) -> None:
    """Leave all as it was."""


@pytest.mark.parametrize(
    "spoil",
    [_another_month, _an_accepted_row, _no_number, _a_row_twice, _a_foreign_column, _no_row_numbers, _nothing],
)
def test_a_file_that_does_not_fit_is_refused_and_changes_nothing(
    settings: Settings, spoil: Callable[[list[Line]], None]
) -> None:
    file, lines = exported(settings)
    if spoil is not _nothing:
        mended_by_hand(lines)
    spoil(lines)
    rewrite(file, lines)
    before = snapshot(settings.landing)
    with pytest.raises(OutcomesError) as refused:
        mend(settings, *PLACE, file)
    assert (refused.value.code, refused.value.exit_status) == ("mended_file_malformed", 92)
    assert "p00000" not in str(refused.value)
    assert snapshot(settings.landing) == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'submission_id,table,row_number\n"a', b"a,b\n1\n"])
def test_what_is_no_table_is_refused(settings: Settings, content: bytes) -> None:
    file = settings.home / "out.csv"
    file.write_bytes(content)
    with pytest.raises(OutcomesError, match="mended_file_malformed"):
        mend(settings, *PLACE, file)


def test_where_nothing_is_in_quarantine_there_is_nothing_to_export(settings: Settings) -> None:
    for place, narrowed in ((PLACE, {"rule": "PAT-001"}), (("north", "2026-02"), {}), (("nowhere", "2026-01"), {})):
        with pytest.raises(OutcomesError) as refused:
            export_quarantine(settings, *place, settings.home / "out.csv", **narrowed)
        assert (refused.value.code, refused.value.exit_status) == ("quarantine_empty", 91)
    assert not (settings.home / "out.csv").exists()


def test_a_delivery_that_took_the_place_of_the_one_in_force_is_never_written_over(settings: Settings) -> None:
    file, lines = exported(settings)
    rewrite(file, mended_by_hand(lines))
    write_submission(settings, *PLACE, faulty() | {"diagnoses": [diagnosis()]})
    before = snapshot(settings.landing)
    with pytest.raises(OutcomesError) as refused:
        mend(settings, *PLACE, file)
    assert (refused.value.code, refused.value.exit_status) == ("delivery_not_in_force", 93)
    assert snapshot(settings.landing) == before


def test_a_file_that_changed_since_it_was_taken_in_is_never_mended(settings: Settings) -> None:
    file, lines = exported(settings)
    rewrite(file, mended_by_hand(lines))
    with (settings.landing / "north" / "2026-01" / "patients.csv").open("a", encoding="utf-8") as out:
        out.write("\r\n")
    before = snapshot(settings.landing)
    with pytest.raises(OutcomesError, match="delivery_not_in_force"):
        mend(settings, *PLACE, file)
    assert snapshot(settings.landing) == before


def test_a_mended_delivery_that_is_refused_loses_nothing(settings: Settings) -> None:
    file, lines = exported(settings)
    lines[0] |= {"bmi": "27", "indication": "Jane Doe"}
    before = snapshot(settings.landing)
    with pytest.raises(SubmissionRefused, match="identifier_found"):
        mend(settings, *PLACE, rewrite(file, lines))
    assert snapshot(settings.landing) == before
    assert len(count_quarantine(settings)) == 11
    assert [one.outcome for one in Lake(settings.lake).recorded(*PLACE)] == ["accepted", "refused"]
    assert pipeline.waiting(settings) == []
    assert mend_all(settings).record.outcome == "accepted"


class Crash(BaseException):
    """The process ends."""


@pytest.mark.parametrize("rename", [1, 2])
def test_a_crash_between_the_renames_is_made_good(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rename: int
) -> None:
    file, lines = exported(settings)
    rewrite(file, mended_by_hand(lines))
    renamed, original = iter(range(1, 9)), Path.rename

    def crash(path: Path, target: Path) -> Path:
        if next(renamed) == rename:
            raise Crash
        return original(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(Crash):
            mend(settings, *PLACE, file)
    assert mend(settings, *PLACE, file).record.rows_quarantined == 0
    assert [folder.name for folder in (settings.landing / "north").iterdir()] == ["2026-01"]


@pytest.mark.parametrize("ingested", [False, True])
def test_a_crash_before_the_new_delivery_is_taken_in_is_made_good(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, ingested: bool
) -> None:
    file, lines = exported(settings)
    rewrite(file, mended_by_hand(lines)[:3])
    with monkeypatch.context() as patched:
        patched.setattr(mending, "_ingested_or_undone", _crash)
        with pytest.raises(Crash):
            mend(settings, *PLACE, file)
    if ingested:
        ingest_submission(settings, *PLACE)
        rest, lines = exported(settings)
        mended_by_hand(lines)
        file = rewrite(rest, lines)
    mend(settings, *PLACE, file)
    assert [folder.name for folder in (settings.landing / "north").iterdir()] == ["2026-01"]
    folder = settings.landing / "north" / "2026-01"
    assert Lake(settings.lake).recorded(*PLACE)[-1].submission_id == submission_id(folder)


def _crash(*_: object) -> None:
    raise Crash


def test_the_three_commands(settings: Settings) -> None:
    def command(*arguments: str) -> Any:
        return CliRunner().invoke(cli.app, ["--home", str(settings.home), "quarantine", *arguments])

    file = settings.home / "out.csv"
    listed = command("list", "--site", "north", "--rule", "PAT-009")
    assert "PAT-009" in listed.stdout
    assert "400" not in listed.stdout
    told = command("export", "north/2026-01", "--to", str(file))
    assert (told.exit_code, "for the site itself" in told.stdout) == (0, True)
    assert command("export", "north/2026-01", "--to", str(file)).exit_code == 2
    assert command("mend", "north/2026-01", str(file)).exit_code == 92
    assert command("export", "north/2026-02", "--to", str(settings.home / "x.csv")).exit_code == 91
    with file.open(encoding="utf-8", newline="") as lines:
        rewrite(file, mended_by_hand(list(csv.DictReader(lines))))
    assert (
        "7 rows mended, 0 taken out; 12 rows in, 12 accepted, 0 pending, 0 quarantined"
        in command("mend", "north/2026-01", str(file)).stdout
    )
    assert "no such row is in quarantine" in command("list").stdout


def test_a_pending_row_is_exported_like_the_others(settings: Settings) -> None:
    _, lines = exported(settings, rule="FUP-003")
    assert [(line["row_number"], line["outcome"]) for line in lines] == [("6", "pending")]
