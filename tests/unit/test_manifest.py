"""The manifest: what is read back is what was written, and a wrong one is refused without repeating what it holds."""

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes.contract import CONTRACT_VERSION
from outcomes.errors import SubmissionRefused
from outcomes.intake.manifest import MANIFEST, read_manifest, submission_id, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site-a" / "2026-01"
    folder.mkdir(parents=True)
    (folder / "patients.csv").write_text('patient_id,sex\np1,female\np2,"fe\nmale"\n')
    parquet.write_table(pa.table({"procedure_id": ["a", "b", "c"]}), folder / "procedures.parquet")
    return folder


def write(folder: Path, **changes: Any) -> None:
    stated: dict[str, Any] = {
        "site_id": "site-a",
        "period": "2026-01",
        "kind": "full",
        "deidentification_method": "safe_harbor",
        "data_cut": datetime.date(2026, 1, 31),
    }
    write_manifest(folder, **(stated | changes))


def test_counts_hashes_and_reads_back(folder: Path) -> None:
    write(folder)
    manifest = read_manifest(folder)
    assert [(file.name, file.table, file.rows) for file in manifest.files] == [
        ("patients.csv", "patients", 2),
        ("procedures.parquet", "procedures", 3),
    ]
    assert manifest.files[0].sha256 == hashlib.sha256((folder / "patients.csv").read_bytes()).hexdigest()
    assert manifest.rows == 5
    assert (manifest.kind, manifest.data_cut) == ("full", datetime.date(2026, 1, 31))


def test_the_name_follows_the_content(folder: Path) -> None:
    write(folder)
    first = submission_id(folder)
    write(folder)
    assert submission_id(folder) == first
    assert first.startswith("site-a-2026-01-")
    (folder / "patients.csv").write_text("patient_id\np1\n")
    write(folder)
    assert submission_id(folder) != first


def test_a_manifest_that_does_not_say_so_is_not_synthetic(folder: Path) -> None:
    write(folder)
    assert "is_synthetic" not in json.loads((folder / MANIFEST).read_text())
    assert not read_manifest(folder).is_synthetic
    write(folder, is_synthetic=True)
    assert read_manifest(folder).is_synthetic


def test_how_keys_were_made_is_stated_or_left_out(folder: Path) -> None:
    write(folder)
    assert "key_method" not in json.loads((folder / MANIFEST).read_text())
    write(folder, key_method="salted_hash")
    assert read_manifest(folder).key_method == "salted_hash"


def test_missing(folder: Path) -> None:
    for read in (read_manifest, submission_id):
        with pytest.raises(SubmissionRefused, match=r"^manifest_missing: "):
            read(folder)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "Jane Doe"}, "kind"),
        ({"site_id": "../Jane Doe"}, "site_id"),
        ({"period": "2026-13"}, "period"),
        ({"contract_version": str(CONTRACT_VERSION + 1)}, "contract_version"),
        ({"data_cut": "Jane Doe"}, "data_cut"),
        ({"deidentification_method": None}, "deidentification_method"),
        ({"Jane Doe": 1}, "a foreign field"),
        ({"is_synthetic": "true"}, "is_synthetic"),
        ({"is_synthetic": 1}, "is_synthetic"),
        ({"key_method": "Jane Doe"}, "key_method"),
        ({"missing_codes": "99"}, "missing_codes"),
        ({"missing_codes": ["Jane Doe"]}, "missing_codes"),
        ({"missing_codes": ["no_such_column=99"]}, "missing_codes"),
        ({"files": []}, "files"),
        ({"files": [{"name": "../Jane Doe.csv", "rows": 1, "sha256": "0" * 64}]}, "files.0.name"),
        ({"files": [{"name": "patients.csv", "rows": -1, "sha256": "0" * 64}]}, "files.0.rows"),
        ({"files": [{"name": f"patients{s}", "rows": 1, "sha256": "0" * 64} for s in (".csv", ".parquet")]}, "files"),
    ],
)
def test_malformed_names_the_field_and_not_what_it_holds(folder: Path, changes: dict[str, Any], field: str) -> None:
    write(folder)
    fields = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(fields | changes))
    with pytest.raises(SubmissionRefused) as refused:
        read_manifest(folder)
    assert refused.value.code == "manifest_malformed"
    assert field in refused.value.where
    assert "Jane" not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "\udcff"])
def test_not_a_manifest_at_all(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SubmissionRefused, match=r"^manifest_malformed: "):
        read_manifest(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_manifest_that_is_not_utf8_says_so(folder: Path, encoding: str) -> None:
    write(folder)
    path = folder / MANIFEST
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    with pytest.raises(SubmissionRefused) as refused:
        read_manifest(folder)
    assert (refused.value.code, refused.value.where) == ("manifest_malformed", "not UTF-8")


def test_the_mark_of_utf8_may_begin_a_manifest(folder: Path) -> None:
    write(folder)
    path = folder / MANIFEST
    stated = read_manifest(folder)
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-8-sig"))
    assert read_manifest(folder) == stated


def test_a_manifest_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / MANIFEST).open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(SubmissionRefused) as refused:
        read_manifest(folder)
    assert (refused.value.code, refused.value.where) == ("file_too_large", "manifest: bytes, 1,048,576 at most")


@pytest.mark.parametrize("version", [0, CONTRACT_VERSION + 1, 99])
def test_another_version_is_named_whatever_else_it_holds(folder: Path, version: int) -> None:
    (folder / MANIFEST).write_text(f'{{"contract_version": {version}, "anything": []}}')
    with pytest.raises(SubmissionRefused, match=r"^contract_version_unknown: "):
        read_manifest(folder)


def test_each_version_up_to_the_one_written_is_read(folder: Path) -> None:
    write(folder)
    assert read_manifest(folder).contract_version == CONTRACT_VERSION == 2
    for version in (1, 2):
        write(folder, contract_version=version)
        assert read_manifest(folder).contract_version == version


def test_writing_refuses_what_reading_would(folder: Path) -> None:
    with pytest.raises(SubmissionRefused, match=r"^manifest_malformed: "):
        write(folder, period="January")
    assert not (folder / MANIFEST).exists()


def test_writing_refuses_an_unreadable_file(folder: Path) -> None:
    (folder / "procedures.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(SubmissionRefused, match=r"^file_unreadable: "):
        write(folder)
