"""The manifest: what a site says that it delivers. It is written last, so a folder without one is no submission yet."""

import datetime
import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from outcomes.contract import CONTRACT_VERSION, TABLES, VERSIONS_READ
from outcomes.errors import SubmissionRefused
from outcomes.intake.reading import codes_for_missing, count_rows, is_table_file, read_bytes
from outcomes.periods import MONTH
from outcomes.places import stat_of
from outcomes.site_files import SiteId
from outcomes.working_copy import WRITTEN_LAST

MANIFEST = WRITTEN_LAST
_MOST_BYTES = 2**20
_LEFT_BY_SYSTEMS = (".", "~$", "thumbs.db", "desktop.ini")
"""How the names of files begin that operating systems and office programs leave in a folder, in lower case."""

Kind = Literal["full", "incremental"]
"""`full` replaces all that the site sent before; `incremental` adds to it."""

Method = Literal["safe_harbor", "expert_determination", "limited_data_set"]
"""How the site de-identified the extract (45 CFR 164.514)."""

KeyMethod = Literal["random", "salted_hash"]
"""How the site made the patients' keys: drawn at random, or a keyed hash (HMAC) whose secret never leaves the site."""

Period = Annotated[str, Field(pattern=rf"^{MONTH}$")]

MissingCode = Annotated[str, Field(pattern=r"^(?:[a-z0-9_]+\*?=)?[^\s=]{1,16}$")]
"""What stands for a missing value: `99`, or of one column `eq_vas=999`, or of several `ndi_item_*=9`."""


class FileEntry(BaseModel):
    """One delivered file: its name inside the folder, its data rows and its checksum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    rows: Annotated[int, Field(ge=0, le=10**9)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def table(self) -> str:
        """The contract table that the file is meant to hold."""
        return Path(self.name).stem.lower()


class Manifest(BaseModel):
    """What `manifest.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract_version: Annotated[int, Field(ge=VERSIONS_READ[0], le=VERSIONS_READ[-1])]
    site_id: SiteId
    period: Period
    kind: Kind
    deidentification_method: Method
    data_cut: datetime.date
    """The date on which the extract was cut. It stays in the landing folder, since beside a patient's data_cut_day it
    would give back the date of surgery. The period still tells it roughly: a site whose method allows no such guess
    shifts or rounds data_cut_day and last_contact_day."""
    files: Annotated[tuple[FileEntry, ...], Field(min_length=1)]
    is_synthetic: StrictBool = False
    """Whether the patients are invented. A manifest of real ones need not say so."""
    patients_without_index: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Patients of the site's source who have no index fusion and so are not delivered; null where it is not known."""
    key_method: KeyMethod | None = None
    """How the patients' keys were made; keys that look like hashes pass only where it is stated."""
    missing_codes: tuple[MissingCode, ...] = ()
    """The site's codes for missing; one without a column holds in every column but keys and days."""

    @model_validator(mode="after")
    def _one_file_per_table(self) -> "Manifest":
        tables = [file.table for file in self.files]
        if len(set(tables)) < len(tables):
            raise ValueError
        return self

    @field_validator("missing_codes")
    @classmethod
    def _of_some_column(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        if not all(any(codes_for_missing(table, [code]) for table in TABLES.values()) for code in codes):
            raise ValueError
        return codes

    @property
    def rows(self) -> int:
        """All data rows of the submission, as stated."""
        return sum(file.rows for file in self.files)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a submission folder.

    Raises:
        SubmissionRefused: manifest_missing, manifest_malformed, contract_version_unknown, file_special, file_denied or
            file_too_large.
    """
    text = _as_text(_manifest_bytes(folder))
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise SubmissionRefused("manifest_malformed", "not JSON") from None
    version = fields.get("contract_version") if isinstance(fields, dict) else None
    if isinstance(version, int) and version not in VERSIONS_READ:
        raise SubmissionRefused("contract_version_unknown", "another version")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise SubmissionRefused("manifest_malformed", _fields_at_fault(error)) from None


def write_manifest(  # noqa: PLR0913 - each argument is a field of the manifest
    folder: Path,
    *,
    site_id: str,
    period: str,
    kind: Kind,
    deidentification_method: Method,
    data_cut: datetime.date,
    contract_version: int | None = None,
    is_synthetic: bool = False,
    patients_without_index: int | None = None,
    missing_codes: Sequence[str] = (),
    key_method: KeyMethod | None = None,
) -> Manifest:
    """Describe the CSV and Parquet files of a folder in its `manifest.json`; writing it makes the folder a submission.

    `contract_version` is the newest unless stated.

    Raises:
        SubmissionRefused: manifest_malformed when a field or the set of files is not allowed, file_unreadable,
            file_encoding, file_format, file_special or file_denied.
    """
    try:
        manifest = Manifest(
            contract_version=contract_version or CONTRACT_VERSION,
            site_id=site_id,
            period=period,
            kind=kind,
            deidentification_method=deidentification_method,
            data_cut=data_cut,
            files=tuple(_entry(path) for path in delivered_files(folder)),
            is_synthetic=is_synthetic,
            patients_without_index=patients_without_index,
            missing_codes=tuple(missing_codes),
            key_method=key_method,
        )
    except ValidationError as error:
        raise SubmissionRefused("manifest_malformed", _fields_at_fault(error)) from None
    unfinished = folder / f".{MANIFEST}"
    unfinished.write_text(manifest.model_dump_json(indent=2, exclude_defaults=True) + "\n", encoding="utf-8")
    unfinished.replace(folder / MANIFEST)
    return manifest


def submission_id(folder: Path) -> str:
    """Name a submission by its place and the content of its manifest, which holds the files' checksums.

    Raises:
        SubmissionRefused: manifest_missing.
    """
    try:
        content = _manifest_bytes(folder)
    except SubmissionRefused as refusal:
        if refusal.code == "manifest_missing":
            raise
        content = refusal.code.encode()  # so that it has a name under which to record the refusal
    return submission_id_of(folder, content)


def submission_id_of(folder: Path, manifest: bytes) -> str:
    """As `submission_id`, were this the folder's manifest."""
    return f"{folder.parent.name}-{folder.name}-{hashlib.sha256(manifest).hexdigest()[:12]}"


def delivered_files(folder: Path) -> list[Path]:
    """The tables' files of a folder, by name.

    Anything else but the manifest is refused, since passing over it might lose what it holds: a table in another
    format, a folder, a link. Hidden files, which systems and programs leave, are none of the delivery.

    Raises:
        SubmissionRefused: file_special or file_format.
    """
    files, special, foreign = [], 0, Counter[str]()
    for entry in os.scandir(folder):
        if entry.name.lower().startswith(_LEFT_BY_SYSTEMS):
            continue
        if (told := stat_of(entry)) is None:
            continue
        if stat.S_ISDIR(told.st_mode):
            foreign["a folder"] += 1
        elif not stat.S_ISREG(told.st_mode):
            special += 1
        elif is_table_file(entry.name):
            files.append(Path(entry.path))
        elif entry.name != MANIFEST:
            foreign[_meant(entry.name)] += 1
    if special or folder.is_symlink() or folder.parent.is_symlink():
        raise SubmissionRefused("file_special", f"{special} of the files" if special else "the folder")
    if foreign:
        raise SubmissionRefused("file_format", ", ".join(f"{what} {count}" for what, count in sorted(foreign.items())))
    return sorted(files)


def _meant(name: str) -> str:
    """What a file in another format is: the table that it is named as, whose name is ours, else just a file."""
    table = name.lower().partition(".")[0]
    return table if table in TABLES else "another file"


def check_as_stated(folder: Path) -> None:
    """See that a folder's files are those of its manifest: each is there, no other is, and what they hold is as stated.

    Raises:
        SubmissionRefused: file_unlisted, file_missing, checksum_mismatch, or one of `read_manifest` and
            `delivered_files`.
    """
    _check_as_stated(folder, changed_after=0)


def is_as_stated(folder: Path) -> bool:
    """Whether `check_as_stated` finds nothing; files that have not changed since the manifest came are not read."""
    try:
        _check_as_stated(folder, changed_after=(folder / MANIFEST).lstat().st_ctime_ns)
    except (SubmissionRefused, FileNotFoundError):
        return False
    return True


def _check_as_stated(folder: Path, changed_after: int) -> None:
    stated = {file.name: file for file in read_manifest(folder).files}
    delivered = {path.name: path for path in delivered_files(folder)}
    if unlisted := delivered.keys() - stated.keys():
        raise SubmissionRefused("file_unlisted", f"{len(unlisted)} of the folder's files")
    for file in stated.values():
        if file.name not in delivered:
            raise SubmissionRefused("file_missing", file.table)
        path = delivered[file.name]
        # The time of the last change is the file system's own; that of the content comes along with `cp -p`.
        if path.lstat().st_ctime_ns <= changed_after:
            continue
        if hashlib.sha256(read_bytes(path)).hexdigest() != file.sha256:
            raise SubmissionRefused("checksum_mismatch", f"{file.table}, since the manifest was written")


def place(folder: Path) -> str:
    """A submission folder in words: `site/period`."""
    return f"{folder.parent.name}/{folder.name}"


def _as_text(content: bytes) -> str:
    """The text of a manifest; the mark of UTF-8 may come first.

    Raises:
        SubmissionRefused: manifest_malformed.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # so does UTF-16 without its mark read
        raise SubmissionRefused("manifest_malformed", "not UTF-8")
    return text


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return read_bytes(folder / MANIFEST, _MOST_BYTES)
    except FileNotFoundError:
        raise SubmissionRefused("manifest_missing", place(folder)) from None


def _entry(path: Path) -> FileEntry:
    content = read_bytes(path)
    return FileEntry(name=path.name, rows=count_rows(path.name, content), sha256=hashlib.sha256(content).hexdigest())


def _fields_at_fault(error: ValidationError) -> str:
    """The manifest's own fields that are wrong; never what they hold, nor the name of a field that is not ours."""
    ours = Manifest.model_fields.keys() | FileEntry.model_fields.keys()
    places = sorted(
        ".".join(str(part) if isinstance(part, int) or part in ours else "a foreign field" for part in problem["loc"])
        for problem in error.errors(include_input=False, include_context=False)
    )
    return ", ".join(place or "files: two of one table" for place in places)
