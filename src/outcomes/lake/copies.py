"""A second copy of every record of a judgement: a file each, by site, named by the record's digest.

The record of submissions says which rows count. Were it damaged, or an older one put in its place, nothing else could
tell: what lies where it landed tells neither a withdrawal nor when something was known.
"""

import io
from collections.abc import Iterable
from pathlib import PurePath

import pyarrow as pa
from pyarrow import parquet

from outcomes.lake.records import SUBMISSIONS
from outcomes.places import Place

COPIES = "records"
"""The folder of the lake that holds the copies."""


def copied(place: Place, site_id: str | None = None) -> dict[str, str]:
    """The copies of the records of one site, or of all: by name, the digest."""
    below = COPIES if site_id is None else f"{COPIES}/{site_id}"
    files = [PurePath(name) for name in place.entries(below) if name.endswith(".parquet")]
    # Of no name, the folder would be that of all sites.
    return {file.as_posix(): file.stem for file in files if site_id in {None, file.parent.name}}


def copy_records(place: Place, records: pa.Table, digests: pa.ChunkedArray) -> None:
    """Copy the records that have no copy yet."""
    sites = records["site_id"].to_pylist()
    there = {name for site_id in set(sites) for name in copied(place, site_id)}
    for row, (site_id, digest) in enumerate(zip(sites, digests.to_pylist(), strict=True)):
        name = f"{COPIES}/{site_id}/{digest}.parquet"
        if name not in there:
            content = io.BytesIO()
            parquet.write_table(records.slice(row, 1), content, compression="zstd")
            place.write(name, content.getvalue())


def remove_copies(place: Place, site_id: str) -> None:
    """Remove the copies of a site's records."""
    place.remove(place.entries(f"{COPIES}/{site_id}"))


def is_sound(place: Place, copy: str, digest: str) -> bool:
    """Whether a copy holds the record that its name says."""
    records = readable_records(place, [copy])
    return records.num_rows == 1 and records["record_digest"][0].as_py() in (None, digest)


def readable_records(place: Place, files: Iterable[str]) -> pa.Table:
    """The records of those files, of the table or of copies, that can be read at all."""
    found = [SUBMISSIONS.empty_table()]
    for file in files:
        try:
            rows = parquet.read_table(io.BytesIO(place.read(file)), schema=SUBMISSIONS)
            rows.validate(full=True)
        except (OSError, ValueError, pa.ArrowException):
            continue
        found.append(rows)
    return pa.concat_tables(found)
