"""Every kind of bad submission: its own code, a message without a value, and nothing half-written."""

import datetime
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.intake.manifest import MANIFEST
from outcomes.intake.submission import ingest_submission
from outcomes.lake import Lake
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.files import snapshot
from tests.support.submissions import (
    Row,
    drawn,
    follow_up,
    fusion,
    image,
    patient,
    restate,
    write_csv,
    write_submission,
)

SITE, PERIOD = "site-a", "2026-02"
SECRET = "123-45-6789"
"""A value that no message, record or log may repeat."""

Tables = dict[str, list[Row]]


def tables(**more: list[Row]) -> Tables:
    return {"patients": [patient(), patient("p000002")], "procedures": [fusion(), fusion("p000002")]} | more


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that already holds a submission with quarantined rows, and a register of one site."""
    settings = Settings(home=tmp_path_factory.mktemp("earlier"), max_critical_share=0.5)
    settings.sites_file.write_text(f"site_id,name\n{SITE},Site A\n")
    write_submission(settings, SITE, "2026-01", tables(imaging=[image(), image(patient_id="p-unknown")]))
    ingest_submission(settings, SITE, "2026-01")
    return settings.home


@pytest.fixture
def settings(earlier: Path, tmp_path: Path) -> Settings:
    """A copy of that lake for the test alone."""
    return Settings(home=shutil.copytree(earlier, tmp_path / "data"), max_critical_share=0.5)


def append(name: str, content: bytes) -> Callable[[Path], None]:
    """Add bytes to a file behind the manifest's back."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes() + content)

    return change


def stating(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """Make the change, then state the file's new checksum and one row more."""

    def changed_and_stated(folder: Path) -> None:
        change(folder)
        restate(folder, more_rows=1)

    return changed_and_stated


def replace(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def drop_column(folder: Path) -> None:
    text = (folder / "patients.csv").read_text()
    (folder / "patients.csv").write_text(text.replace(",bmi,", ",", 1).replace(",27.4,", ","))
    restate(folder)


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def state(**fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        stated = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps(stated | fields))

    return change


def rename(folder: Path) -> None:
    """A file whose name is no table's, listed as it is called."""
    (folder / "imaging.csv").rename(folder / f"{SECRET}.csv")
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace("imaging.csv", f"{SECRET}.csv"))


def cut_on_one_day(count: int) -> list[Row]:
    """Patients operated on seventeen days apart, with the days from surgery to one date."""
    cut, days = datetime.date(2026, 2, 28), [30 + 17 * number for number in range(count)]
    return [
        patient(
            drawn(number),
            index_period=f"{cut - datetime.timedelta(days=day):%Y-%m}",
            data_cut_day=day,
            last_contact_day=day // 2,
        )
        for number, day in enumerate(days, 1)
    ]


def nothing(_: Path) -> None:
    """The tables themselves are at fault."""


BAD: dict[str, tuple[str, Tables, Callable[[Path], None]]] = {
    "not JSON": ("manifest_malformed", tables(), replace(MANIFEST, f'{{"site_id": "{SECRET}"'.encode())),
    "nested without end": ("manifest_malformed", tables(), replace(MANIFEST, b"[" * 200_000)),
    "more rows than can be": (
        "manifest_malformed",
        tables(),
        state(files=[{"name": "patients.csv", "rows": 10**30, "sha256": "0" * 64}]),
    ),
    "a foreign field": ("manifest_malformed", tables(), state(note=SECRET)),
    "another contract": ("contract_version_unknown", tables(), state(contract_version=3)),
    "another site": ("site_unknown", tables(), state(site_id="site-b")),
    "another period": ("period_mismatch", tables(), state(period="2026-03")),
    "no procedures": ("table_missing", {"patients": [patient()]}, nothing),
    "no such table": ("table_unknown", tables(imaging=[image()]), rename),
    "a file too many": ("file_unlisted", tables(), replace("imaging.csv", b"imaging_id\n1\n")),
    "another format": ("file_format", tables(), replace("imaging.xlsx", b"PK")),
    "a link": ("file_special", tables(), lambda folder: (folder / "imaging.csv").symlink_to(folder / "patients.csv")),
    "a file too few": ("file_missing", tables(), remove("patients.csv")),
    "changed after the manifest": ("checksum_mismatch", tables(), append("patients.csv", b"\n")),
    "a header alone": ("file_empty", tables(imaging=[]), nothing),
    "nothing at all": ("file_empty", tables(), stating(replace("patients.csv", b""))),
    "Latin-1": ("file_encoding", tables(), stating(append("patients.csv", f"{SECRET}\xe9".encode("latin-1")))),
    "a ragged row": ("file_unreadable", tables(), stating(append("patients.csv", f"{SECRET},1\n".encode()))),
    "not CSV": ("file_unreadable", tables(), stating(replace("patients.csv", b"\x00\x01".replace(b"\x00", b'"')))),
    "a thousand columns": (
        "file_too_large",
        tables(),
        stating(replace("patients.csv", ",".join(f"c{number}" for number in range(1001)).encode() + b"\n")),
    ),
    "a column too few": ("column_missing", tables(), drop_column),
    "a column too many": ("column_extra", tables(imaging=[image(note=SECRET)]), nothing),
    "rows miscounted": ("row_count_mismatch", tables(), lambda folder: restate(folder, more_rows=1)),
    "an identifier in a key": ("identifier_found", tables(imaging=[image(SECRET)]), nothing),
    "an identifier in a measure": ("identifier_found", tables(follow_ups=[follow_up(ndi_total=SECRET)]), nothing),
    "an age of 91": ("age_over_89", tables(patients=[patient(age_years=91)]), nothing),
    "a day of surgery": ("index_period_too_fine", tables(patients=[patient(index_period="2023-05-17")]), nothing),
    "an age of 90 in a year": (
        "age_over_89",
        tables(patients=[patient(age_years=89, data_cut_day=400, last_contact_day=400)]),
        nothing,
    ),
    "one cut for all": ("data_cut_common", tables(patients=cut_on_one_day(40)), nothing),
    "many bad rows": ("too_many_critical_rows", tables(imaging=[image(day=f"day{d}") for d in range(9)]), nothing),
}


def in_force(settings: Settings) -> list[list[tuple[Any, ...]]]:
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        return [
            con.sql(f"select * from {name} order by all").fetchall() for name in ("patients", "procedures", "imaging")
        ]


def submissions(settings: Settings) -> list[tuple[Any, ...]]:
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        columns = "period, attempt, status, code, rows_in, rows_accepted, rows_quarantined"
        return con.sql(f"select {columns} from submissions order by all").fetchall()


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_refused_by_its_code_and_leaves_nothing_behind(
    settings: Settings, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    code, rows, spoil = BAD[kind]
    folder = write_submission(settings, SITE, PERIOD, rows)
    spoil(folder)
    rows_before, files_before = in_force(settings), snapshot(settings.quarantine)
    tables_before = snapshot(*(settings.lake / name for name in ("patients", "procedures", "imaging")))
    with caplog.at_level(logging.DEBUG), pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, SITE, PERIOD)

    assert refused.value.code == code
    assert refused.value.exit_status == MISTAKES[code].exit_status != 0
    assert refused.value.where.startswith(f"{SITE}/{PERIOD}: ")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__

    assert in_force(settings) == rows_before
    assert snapshot(*(settings.lake / name for name in ("patients", "procedures", "imaging"))) == tables_before
    added = snapshot(settings.quarantine).keys() - files_before.keys()
    assert [Path(path).name for path in added] == ["refusal.json"]
    assert files_before.items() <= snapshot(settings.quarantine).items()
    assert not list(settings.quarantine.rglob(".*")), "no unfinished folder is left"

    told = str(refused.value) + caplog.text + "".join(capfd.readouterr())
    told += "".join(path.read_text() for path in settings.quarantine.rglob("refusal.json"))
    assert SECRET not in told

    (recorded,) = [row for row in submissions(settings) if row[0] == PERIOD]
    assert recorded[1:4] == (1, "refused", code)
    rows_in, rows_accepted, rows_quarantined = recorded[4:]
    assert rows_in == rows_quarantined
    assert rows_accepted == 0
    assert rows_in > 0 or code in ("manifest_malformed", "contract_version_unknown")


def test_every_code_of_a_refusal_is_tried() -> None:
    refusals = {code for code, mistake in MISTAKES.items() if 10 <= mistake.exit_status < 40}
    # Elsewhere: what is no fault of the files, and (test_landing) a right that the superuser has all the same.
    assert {code for code, _, _ in BAD.values()} == refusals - {
        "manifest_missing",
        "submission_withdrawn",
        "patient_forgotten",
        "file_denied",
    }


def test_a_folder_without_manifest_is_not_a_submission_yet(settings: Settings) -> None:
    before = snapshot(settings.lake, settings.quarantine)
    folder = write_submission(settings, SITE, PERIOD, tables())
    (folder / MANIFEST).unlink()
    for period in (PERIOD, "2026-03"):
        with pytest.raises(SubmissionRefused, match=r"^manifest_missing: "):
            ingest_submission(settings, SITE, period)
    assert snapshot(settings.lake, settings.quarantine) == before


def test_a_site_that_the_register_does_not_name(settings: Settings) -> None:
    write_submission(settings, "site-x", PERIOD, tables())
    with pytest.raises(SubmissionRefused, match=r"^site_unknown: "):
        ingest_submission(settings, "site-x", PERIOD)
    settings.sites_file.unlink()
    assert ingest_submission(settings, "site-x", PERIOD).attempt == 2


@pytest.mark.parametrize(
    ("site_id", "period"), [("../site-a", PERIOD), ("", PERIOD), (SITE, "../2026-01"), (SITE, "2026-13")]
)
def test_no_way_out_of_the_landing_folder(settings: Settings, site_id: str, period: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, site_id, period)
    assert refused.value.code in ("site_unknown", "period_mismatch")


def test_safe_harbor_allows_a_year_only(settings: Settings) -> None:
    write_submission(settings, SITE, PERIOD, tables(), deidentification_method="safe_harbor")
    with pytest.raises(SubmissionRefused, match=r"^index_period_too_fine: "):
        ingest_submission(settings, SITE, PERIOD)
    by_year = tables(patients=[patient(index_period="2023"), patient("p000002", index_period="2022")])
    write_submission(settings, SITE, PERIOD, by_year, deidentification_method="safe_harbor")
    assert ingest_submission(settings, SITE, PERIOD).deidentification_method == "safe_harbor"


def test_the_same_refusal_is_recorded_once_and_a_mended_file_is_taken_in(settings: Settings) -> None:
    folder = write_submission(settings, SITE, PERIOD, tables())
    sound = (folder / "patients.csv").read_bytes()
    append("patients.csv", b"\n")(folder)
    for _ in range(2):
        with pytest.raises(SubmissionRefused):
            ingest_submission(settings, SITE, PERIOD)
    assert [row[1:4] for row in submissions(settings) if row[0] == PERIOD] == [(1, "refused", "checksum_mismatch")]
    (folder / "patients.csv").write_bytes(sound)
    record = ingest_submission(settings, SITE, PERIOD)
    assert (record.attempt, record.outcome) == (2, "accepted")
    assert not (settings.quarantine / SITE / PERIOD / record.submission_id).exists(), "the refusal is settled"


def test_a_refused_resubmission_leaves_the_accepted_one_in_force(settings: Settings) -> None:
    write_submission(settings, SITE, "2026-01", tables(patients=[patient(age_years=99)]))
    before = in_force(settings)
    with pytest.raises(SubmissionRefused):
        ingest_submission(settings, SITE, "2026-01")
    assert in_force(settings) == before
    assert [row[2] for row in submissions(settings)] == ["accepted", "refused"]


def test_the_refusal_tells_which_rules_were_broken_how_often(settings: Settings) -> None:
    _, rows, _ = BAD["many bad rows"]
    write_submission(settings, SITE, PERIOD, rows)
    with pytest.raises(SubmissionRefused):
        ingest_submission(settings, SITE, PERIOD)
    (path,) = settings.quarantine.rglob("refusal.json")
    account = json.loads(path.read_text())
    assert account["code"] == "too_many_critical_rows"
    assert account["where"] == (f"{SITE}/{PERIOD}: imaging: 9 of 9 rows, 50% allowed, IMG-004 9 (day is missing)")
    assert account["broken_rules"][-1] == {
        "table": "imaging",
        "rule": "IMG-004",
        "reason": "day is missing",
        "rows": 9,
    }


def test_a_csv_whose_first_row_stands_where_the_header_should_repeats_none_of_it(settings: Settings) -> None:
    folder = write_submission(settings, SITE, PERIOD, tables())
    write_csv(folder / "patients.csv", "patients", [patient(SECRET)])
    text = (folder / "patients.csv").read_text()
    (folder / "patients.csv").write_text(text.split("\n", 1)[1] * 2)
    restate(folder)
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, SITE, PERIOD)
    assert refused.value.code == "column_missing"
    assert SECRET not in str(refused.value)
