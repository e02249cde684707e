"""A second copy of every record of a judgement: a file each, by site, named by the record's digest.

The record of submissions says which rows count. Were it damaged, or an older one put in its place, nothing else could
tell: what lies where it landed tells neither a withdrawal nor when something was known.
"""

import shutil
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from outcomes.lake.records import SUBMISSIONS


def copied(folder: Path, site_id: str | None = None) -> set[str]:
    """The digests of the records of one site, or of all, that have a copy."""
    folders = folder.glob("*") if site_id is None else [folder / site_id]
    return {file.stem for each in folders for file in each.glob("*.parquet")}


def copy_records(folder: Path, records: pa.Table, digests: pa.ChunkedArray) -> None:
    """Copy the records that have no copy yet."""
    for place, (site_id, digest) in enumerate(zip(records["site_id"].to_pylist(), digests.to_pylist(), strict=True)):
        file = folder / site_id / f"{digest}.parquet"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(".unfinished")
            parquet.write_table(records.slice(place, 1), unfinished, compression="zstd")
            unfinished.replace(file)


def remove_copies(folder: Path, site_id: str) -> None:
    """Remove the copies of a site's records."""
    shutil.rmtree(folder / site_id, ignore_errors=True)


def is_sound(copy: Path) -> bool:
    """Whether a copy holds the record that its name says."""
    records = readable_records([copy])
    return records.num_rows == 1 and records["record_digest"][0].as_py() in (None, copy.stem)


def readable_records(files: list[Path]) -> pa.Table:
    """The records of those files, of the table or of copies, that can be read at all."""
    found = [SUBMISSIONS.empty_table()]
    for file in files:
        try:
            rows = parquet.read_table(file, schema=SUBMISSIONS)
            rows.validate(full=True)
        except (OSError, ValueError, pa.ArrowException):
            continue
        found.append(rows)
    return pa.concat_tables(found)
