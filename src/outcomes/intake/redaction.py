"""Take a patient's rows out of a file; every other byte of a CSV, and every other row of a Parquet file, stays."""

import csv
import io
from collections.abc import Iterator
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.reading import MISSING, as_delivered, as_strings, read_cells, spelled
from outcomes.lake import PatientRows

_PATIENT = "patient_id"


class CannotBeSearched(Exception):  # noqa: N818 - it never leaves this part of the house
    """Nobody can say which of a file's rows are the patient's."""


def keys_of(name: str, content: bytes, site_id: str, patient_id: str) -> frozenset[str]:
    """The keys of the rows of a delivered or quarantined file that name the patient.

    Args:
        name: the file's name: a table of the contract, and the format.
        content: the file's bytes.
        site_id: the patient's site.
        patient_id: the patient.

    Raises:
        CannotBeSearched: the file cannot be read.
    """
    rows, key = _searchable(name, content)
    if not rows.num_rows or key not in rows.column_names:
        return frozenset()
    named = _is_patients(rows[_PATIENT], None, PatientRows(site_id, patient_id, {}), frozenset(), tombstones=False)
    return frozenset(read_cells(rows[key].filter(named)).drop_null().to_pylist())


def count_rows_of(name: str, content: bytes, who: PatientRows, *, tombstones: bool) -> int:
    """How many rows of a file are a patient's.

    Args:
        name: as in `keys_of`.
        content: the file's bytes.
        who: the patient.
        tombstones: of the rows, only those that name no patient; else only those that do.

    Raises:
        CannotBeSearched: the file cannot be read.
    """
    rows, key = _searchable(name, content)
    if not rows.num_rows:
        return 0
    keys = rows[key] if key in rows.column_names else None
    return int(pc.sum(_is_patients(rows[_PATIENT], keys, who, _keys(name, who), tombstones=tombstones)).as_py() or 0)


def without_rows_of(name: str, content: bytes, who: PatientRows, *, tombstones: bool) -> bytes:
    """The file without a patient's rows; arguments as of `count_rows_of`.

    Raises:
        CannotBeSearched: the file cannot be read, or not be taken apart row by row.
    """
    gone = count_rows_of(name, content, who, tombstones=tombstones)
    take_out = _parquet_without if PurePath(name).suffix.lower() == ".parquet" else _csv_without
    left = take_out(name, content, who, tombstones=tombstones)
    if (
        count_rows_of(name, left, who, tombstones=tombstones)
        or as_delivered(name, left).num_rows != as_delivered(name, content).num_rows - gone
    ):
        raise CannotBeSearched
    return left


def _searchable(name: str, content: bytes) -> tuple[pa.Table, str]:
    """A file's rows, and the column that is their key; a file without rows has no columns."""
    try:
        rows = as_delivered(name, content)
    except SubmissionRefused:
        raise CannotBeSearched from None
    if rows.column_names and rows.column_names.count(_PATIENT) != 1:
        raise CannotBeSearched
    table = TABLES.get(PurePath(name).stem)
    key = table.key if table else ""
    if rows.column_names.count(key) > 1:
        raise CannotBeSearched
    return rows, key


def _keys(name: str, who: PatientRows) -> frozenset[str]:
    return who.keys.get(PurePath(name).stem, frozenset())


def _is_patients(
    patients: pa.ChunkedArray,
    keys: pa.ChunkedArray | None,
    who: PatientRows,
    keys_of_patient: frozenset[str],
    *,
    tombstones: bool,
) -> pa.ChunkedArray:
    read = read_cells(patients)
    if not tombstones:
        return pc.fill_null(pc.equal(read, who.patient_id), False)
    if keys is None or not keys_of_patient:
        return pc.and_(pc.is_null(read), False)
    is_key = pc.is_in(read_cells(keys), pa.array(sorted(keys_of_patient), pa.string()))
    return pc.and_(pc.is_null(read), is_key)


def _parquet_without(name: str, content: bytes, who: PatientRows, *, tombstones: bool) -> bytes:
    file = parquet.ParquetFile(pa.BufferReader(content))
    rows = file.read()
    columns = {spelled(column): as_strings(rows[column]) for column in rows.column_names}
    _, key = _searchable(name, content)
    gone = _is_patients(columns[_PATIENT], columns.get(key), who, _keys(name, who), tombstones=tombstones)
    written = pa.BufferOutputStream()
    compression = file.metadata.row_group(0).column(0).compression
    parquet.write_table(rows.filter(pc.invert(gone)), written, compression=compression.lower())
    return bytes(written.getvalue())


def _csv_without(name: str, content: bytes, who: PatientRows, *, tombstones: bool) -> bytes:
    """Row by row, for no reader of whole tables gives back the bytes that a site wrote."""
    _, key = _searchable(name, content)
    keys = _keys(name, who)
    kept: list[str] = []
    header: list[str] | None = None
    try:
        for cells, written in _records(content.decode("utf-8")):
            if header is None:
                kept.append(written)
                names = [spelled(cell.removeprefix("\ufeff")) for cell in cells]
                header = names if _PATIENT in names else None
                continue
            patient, own_key = (_cell(cells, header, column) for column in (_PATIENT, key))
            is_patients = own_key in keys and patient is None if tombstones else patient == who.patient_id
            if not is_patients:
                kept.append(written)
    except csv.Error:
        raise CannotBeSearched from None
    return "".join(kept).encode("utf-8")


def _records(text: str) -> Iterator[tuple[list[str], str]]:
    """The cells of each row, and the row as written."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    for cells in csv.reader(lines()):
        yield cells, "".join(taken)
        taken.clear()


def _cell(cells: list[str], header: list[str], column: str) -> str | None:
    """What a cell means, as `reading.read_cells` has it."""
    place = header.index(column) if column in header else len(cells)
    text = cells[place].strip() if place < len(cells) else ""
    return None if text.lower() in MISSING else text
