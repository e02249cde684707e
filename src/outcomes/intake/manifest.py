"""The manifest: what a site says that it delivers. It is written last, so a folder without one is no submission yet."""

import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from outcomes.contract import CONTRACT_VERSION, TABLES, VERSIONS_READ
from outcomes.errors import SubmissionRefused
from outcomes.intake.reading import SUFFIXES, codes_for_missing, count_rows
from outcomes.periods import MONTH
from outcomes.site_files import SiteId

MANIFEST = "manifest.json"

Kind = Literal["full", "incremental"]
"""`full` replaces all that the site sent before; `incremental` adds to it."""

Method = Literal["safe_harbor", "expert_determination", "limited_data_set"]
"""How the site de-identified the extract (45 CFR 164.514)."""

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
        return Path(self.name).stem


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
        SubmissionRefused: manifest_missing, manifest_malformed or contract_version_unknown.
    """
    text = _manifest_bytes(folder)
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
    missing_codes: Sequence[str] = (),
) -> Manifest:
    """Describe the CSV and Parquet files of a folder in its `manifest.json`; writing it makes the folder a submission.

    `contract_version` is the newest unless stated.

    Raises:
        SubmissionRefused: manifest_malformed when a field or the set of files is not allowed, file_unreadable.
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
            missing_codes=tuple(missing_codes),
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
    digest = hashlib.sha256(_manifest_bytes(folder)).hexdigest()
    return f"{folder.parent.name}-{folder.name}-{digest[:12]}"


def delivered_files(folder: Path) -> list[Path]:
    """The CSV and Parquet files of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)


def place(folder: Path) -> str:
    """A submission folder in words: `site/period`."""
    return f"{folder.parent.name}/{folder.name}"


def _manifest_bytes(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise SubmissionRefused("manifest_missing", place(folder)) from None


def _entry(path: Path) -> FileEntry:
    content = path.read_bytes()
    return FileEntry(name=path.name, rows=count_rows(path.name, content), sha256=hashlib.sha256(content).hexdigest())


def _fields_at_fault(error: ValidationError) -> str:
    """The manifest's own fields that are wrong; never what they hold, nor the name of a field that is not ours."""
    ours = Manifest.model_fields.keys() | FileEntry.model_fields.keys()
    places = sorted(
        ".".join(str(part) if isinstance(part, int) or part in ours else "a foreign field" for part in problem["loc"])
        for problem in error.errors(include_input=False, include_context=False)
    )
    return ", ".join(place or "files: two of one table" for place in places)
