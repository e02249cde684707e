"""Quarantine as a workflow: count what was kept out, give it to the site with the reasons, take it back mended.

A mended file comes back as a delivery of the same month: the delivered files with the mended rows in place of the
quarantined ones. From then on it is a submission like any other, which supersedes the former whole.
"""

import csv
import hashlib
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.errors import OutcomesError
from outcomes.intake.facts import columns_of_rule
from outcomes.intake.manifest import MANIFEST, FileEntry, Manifest, read_manifest, submission_id, write_manifest
from outcomes.intake.quarantine import quarantine_folder, read_quarantine
from outcomes.intake.reading import as_cells, read_table
from outcomes.intake.rules import CELL_FACTS, rules
from outcomes.intake.spreadsheet import guarded, read_rows, unguarded, written
from outcomes.intake.submission import ingest_submission
from outcomes.intake.typed import cells_null_already, typed_rows
from outcomes.lake import Lake, SubmissionRecord
from outcomes.settings import Settings
from outcomes.shared_locks import look_into_landing, look_into_quarantine, site_lock
from outcomes.sql.engine import connect

_REASON = "__reason"
_PLACE = ("submission_id", "table", "row_number")
_ABOUT = ("outcome", "rules", "reasons")
_DIGEST = 12
"""So many letters at the end of a submission_id are of its manifest's digest."""

Cells = dict[str, str | None]


@dataclass(frozen=True)
class QuarantineCount:
    """Rows of a submission in force that one rule cost their place or a cell, or that wait: outcome says which."""

    site_id: str
    period: str
    source_table: str
    rule: str
    outcome: str
    rows: int


@dataclass(frozen=True)
class Exported:
    """What was written for the site: a file of so many rows."""

    file: Path
    rows: int


@dataclass(frozen=True)
class Mended:
    """What became of a mended file: rows changed and rows taken out, and the record of the new submission."""

    changed: int
    taken_out: int
    record: SubmissionRecord


@dataclass(frozen=True)
class _InForce:
    """The submission in force of a site and period, and its rows in quarantine by table."""

    site_id: str
    period: str
    submission_id: str
    rows: dict[str, pa.Table]


def count_quarantine(
    settings: Settings,
    *,
    site_id: str | None = None,
    period: str | None = None,
    table: str | None = None,
    rule: str | None = None,
) -> list[QuarantineCount]:
    """Count what is in quarantine of the submissions in force; never a value. A row counts for each of its rules.

    Args:
        settings: paths and thresholds.
        site_id: this site alone.
        period: this month alone.
        table: this contract table alone.
        rule: this rule alone.
    """
    look_into_quarantine(settings, site_id)
    counts = Counter[tuple[str, str, str, str, str]]()
    for one in _in_force(settings, site_id, period):
        for name, rows in one.rows.items():
            for codes, outcome in zip(rows["rules"].to_pylist(), rows["outcome"].to_pylist(), strict=True):
                counts.update((one.site_id, one.period, name, code, outcome) for code in codes.split(";"))
    return [
        QuarantineCount(*place, rows)
        for place, rows in sorted(counts.items())
        if table in (None, place[2]) and rule in (None, place[3])
    ]


def export_quarantine(  # noqa: PLR0913 - each argument narrows what is exported
    settings: Settings,
    site_id: str,
    period: str,
    file: Path,
    *,
    table: str | None = None,
    rule: str | None = None,
) -> Exported:
    """Write the quarantined rows of a submission in force as delivered, for the site itself to mend them.

    A line per row: what it is, then each column of its table, and beside a column why its cell broke a rule. The file
    is for the reader's own eyes (mode 0600), and no file is written over.

    Args:
        settings: paths and thresholds.
        site_id: the site.
        period: the month.
        file: what to write, a CSV.
        table: rows of this contract table alone.
        rule: rows that broke this rule alone.

    Raises:
        OutcomesError: quarantine_empty.
        FileExistsError: there is such a file already.
    """
    one = _of_month(settings, site_id, period)
    codes = _missing_codes(settings, one)
    chosen = [_Row(name, row) for name, rows in one.rows.items() if table in (None, name) for row in rows.to_pylist()]
    chosen = sorted(
        (row for row in chosen if rule is None or rule in row.rules),
        key=lambda row: (list(TABLES).index(row.table), row.place[1]),
    )
    if not chosen:
        raise OutcomesError("quarantine_empty", f"{site_id}/{period}")
    reasons = _reasons_by_cell(settings, one, codes)
    columns = list(dict.fromkeys(column for name in {row.table: 0 for row in chosen} for column in _names(name)))
    with_reason = {column for row in chosen for column in reasons[row.place]}
    head = [*_PLACE, *_ABOUT]
    for column in columns:
        head += [column, column + _REASON] if column in with_reason else [column]
    lines = [_line(head, one.submission_id, row, reasons[row.place]) for row in chosen]
    _write_privately(file, written(head, lines))
    return Exported(file, len(chosen))


def mend(settings: Settings, site_id: str, period: str, file: Path) -> Mended:
    """Take the mended rows of a submission in force back as a new delivery of its month, and take that in.

    The former delivery stays until the new one stands whole in its place, and comes back when the new one is refused.
    A row all of whose cells are emptied is taken out; a row that the file leaves out stays as it is.

    Args:
        settings: paths and thresholds.
        site_id: the site.
        period: the month.
        file: what `export_quarantine` wrote, with the cells mended.

    Raises:
        OutcomesError: quarantine_empty, mended_file_malformed, delivery_not_in_force.
        SubmissionRefused: the new delivery was refused; nothing has changed.
    """
    one = _of_month(settings, site_id, period)
    mended = _read_mended(file, one)
    folder = settings.landing / site_id / period
    fresh = folder.with_name(f".{period}.mended")
    with site_lock(settings, site_id):
        _bring_back(folder, one)
        manifest = _delivered_manifest(folder, one)
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _write_delivery(folder, fresh, manifest, mended)
            former = _replace(folder, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    record = _ingested_or_undone(settings, one, folder, former)
    taken_out = sum(row is None for rows in mended.values() for row in rows.values())
    return Mended(sum(map(len, mended.values())) - taken_out, taken_out, record)


@dataclass(frozen=True)
class _Row:
    """One row in quarantine: its table, its cells as delivered, and what the quarantine says of it."""

    table: str
    fields: dict[str, str | int | None]

    @property
    def place(self) -> tuple[str, int]:
        """Table and row number, which no other row of the submission has."""
        return self.table, int(self.fields["row_number"] or 0)

    @property
    def rules(self) -> list[str]:
        """The codes of the rules that it broke."""
        return str(self.fields["rules"]).split(";")

    def cell(self, column: str) -> str | None:
        """A cell as delivered; None where the table has no such column."""
        found = self.fields.get(column)
        return None if found is None else str(found)


def _in_force(settings: Settings, site_id: str | None = None, period: str | None = None) -> Iterator[_InForce]:
    with connect(settings) as con:
        Lake.of(settings).attach(con)
        places = con.execute(
            """
            select site_id, period, submission_id
            from submissions
            where
                status = 'accepted'
                and ($site_id is null or site_id = $site_id)
                and ($period is null or period = $period)
            order by site_id, period
            """,
            {"site_id": site_id, "period": period},
        ).fetchall()
    for site, month, submission in places:
        rows = read_quarantine(quarantine_folder(settings, site, month, submission))
        yield _InForce(site, month, submission, rows)


def _of_month(settings: Settings, site_id: str, period: str) -> _InForce:
    look_into_landing(settings, site_id)
    look_into_quarantine(settings, site_id)
    found = next(_in_force(settings, site_id, period), None)
    if found is None or not found.rows:
        raise OutcomesError("quarantine_empty", f"{site_id}/{period}")
    return found


def _names(table: str) -> list[str]:
    return list(TABLES[table].schema.names)


def _missing_codes(settings: Settings, one: _InForce) -> tuple[str, ...]:
    """The codes for missing of the submission, where its manifest is still in the landing folder."""
    folder = settings.landing / one.site_id / one.period
    if (folder / MANIFEST).is_file() and submission_id(folder) == one.submission_id:
        return read_manifest(folder).missing_codes
    return ()


def _reasons_by_cell(
    settings: Settings, one: _InForce, missing_codes: Sequence[str]
) -> defaultdict[tuple[str, int], dict[str, str]]:
    """Of each row in quarantine the reasons by column."""
    found: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for name, rows in one.rows.items():
        listed = {rule.code: rule for rule in rules(name)}
        by_fact = _cells_by_fact(TABLES[name], rows, missing_codes)
        for row in (_Row(name, fields) for fields in rows.to_pylist()):
            # A rule of an earlier version of the pipeline may be gone: the row's own reasons still tell it.
            for rule in (listed[code] for code in row.rules if code in listed):
                fact = rule.columns[0]
                columns = by_fact[row.place[1], fact] if fact in CELL_FACTS else columns_of_rule(name, rule.code)
                for column in columns:
                    said = found[row.place].get(column)
                    found[row.place][column] = "; ".join(filter(None, [said, f"{rule.code}: {rule.reason}"]))
    return found


def _cells_by_fact(
    table: Table, rows: pa.Table, missing_codes: Sequence[str]
) -> defaultdict[tuple[int, str], list[str]]:
    """Of each row number and fact about single cells the columns of these cells."""
    numbers = rows["row_number"].to_pylist()
    delivered = rows.select([name for name in table.schema.names if name in rows.column_names])
    cells = as_cells(table, delivered, missing_codes)
    found: defaultdict[tuple[int, str], list[str]] = defaultdict(list)
    for cell in cells_null_already(cells, typed_rows(table, cells)).to_pylist():
        found[numbers[cell["row_number"] - 1], cell["fact"]].append(cell["column"])
    return found


def _line(head: Sequence[str], submission: str, row: _Row, reasons: Mapping[str, str]) -> list[str]:
    stated = {"submission_id": submission, "table": row.table}
    stated |= {column + _REASON: reason for column, reason in reasons.items()}
    return [guarded(stated[name] if name in stated else row.cell(name)) for name in head]


def _write_privately(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all, and never over another."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as lines:
            lines.write(text)
        unfinished.replace(file)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        file.unlink()
        raise


def _read_mended(file: Path, one: _InForce) -> dict[str, dict[int, Cells | None]]:
    """The cells that differ from the quarantine, by table and row number; None of a row that is to be taken out."""
    known = {_Row(name, row).place: _Row(name, row) for name, rows in one.rows.items() for row in rows.to_pylist()}
    mended: defaultdict[str, dict[int, Cells | None]] = defaultdict(dict)
    seen = set[tuple[str, int]]()
    for number, line in enumerate(_lines(file), 2):
        place = (line["table"] or "", int(line["row_number"] or 0) if (line["row_number"] or "").isdecimal() else 0)
        if line["submission_id"] != one.submission_id:
            raise OutcomesError("mended_file_malformed", f"row {number} is of another submission")
        if place not in known:
            raise OutcomesError("mended_file_malformed", f"row {number} is not in this quarantine")
        if place in seen:
            raise OutcomesError("mended_file_malformed", f"row {number} is there twice")
        seen.add(place)
        cells = {name: line[name] for name in _names(place[0]) if name in line}
        changed = {name: cell for name, cell in cells.items() if cell != known[place].cell(name)}
        if not any(cells.values()):
            mended[place[0]][place[1]] = None
        elif changed:
            mended[place[0]][place[1]] = changed
    if not mended:
        raise OutcomesError("mended_file_malformed", "no cell differs from the quarantine")
    return dict(mended)


def _lines(file: Path) -> Iterator[Cells]:
    """The lines of a mended file by column."""
    try:
        head, *rows = read_rows(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise OutcomesError("mended_file_malformed", "not a CSV in UTF-8") from None
    contract = {name for table in TABLES for name in _names(table)}
    ours = {*_PLACE, *_ABOUT, *contract, *(name + _REASON for name in contract)}
    foreign = [str(place) for place, name in enumerate(head, 1) if name not in ours or head.index(name) < place - 1]
    if foreign:
        raise OutcomesError("mended_file_malformed", f"column {', '.join(foreign)} is foreign or there twice")
    if missing := [name for name in _PLACE if name not in head]:
        raise OutcomesError("mended_file_malformed", f"no column {', '.join(missing)}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise OutcomesError("mended_file_malformed", f"row {number} has not as many cells as the head")
        yield dict(zip(head, map(unguarded, row), strict=True))


def _bring_back(folder: Path, one: _InForce) -> None:
    """After a crash: the delivery in force takes its place again, where that is empty or a mended one stands in it."""
    present, in_force = _digest(folder), one.submission_id[-_DIGEST:]
    for former in folder.parent.glob(f".{folder.name}.former-*"):
        is_own = present == former.name[-_DIGEST:] != in_force
        if _digest(former) == in_force and (is_own or not folder.exists()):
            shutil.rmtree(folder, ignore_errors=True)
            former.rename(folder)
        elif present == in_force:
            shutil.rmtree(former)


def _digest(folder: Path) -> str | None:
    """What a delivery's manifest is recognized by, wherever the folder stands; None without one."""
    return submission_id(folder)[-_DIGEST:] if (folder / MANIFEST).is_file() else None


def _delivered_manifest(folder: Path, one: _InForce) -> Manifest:
    """The manifest of the delivery in force, as it stands in the landing folder.

    Raises:
        OutcomesError: delivery_not_in_force.
    """
    if _digest(folder) != one.submission_id[-_DIGEST:]:
        raise OutcomesError("delivery_not_in_force", f"{one.site_id}/{one.period}")
    return read_manifest(folder)


def _write_delivery(
    folder: Path, fresh: Path, manifest: Manifest, mended: Mapping[str, Mapping[int, Cells | None]]
) -> None:
    """Write the delivery anew beside the old one: its files with the mended rows, a manifest of the same kind last."""
    shutil.copytree(folder, fresh, ignore=shutil.ignore_patterns(MANIFEST, ".*"))
    for entry in manifest.files:
        content = (folder / entry.name).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            raise OutcomesError("delivery_not_in_force", f"{folder.parent.name}/{folder.name}: {entry.table}")
        if entry.table in mended:
            _write_table(fresh / entry.name, _with_mended(entry, content, manifest, mended[entry.table]))
    write_manifest(
        fresh,
        site_id=manifest.site_id,
        period=manifest.period,
        kind=manifest.kind,
        deidentification_method=manifest.deidentification_method,
        data_cut=manifest.data_cut,
        contract_version=manifest.contract_version,
        is_synthetic=manifest.is_synthetic,
        patients_without_index=manifest.patients_without_index,
        missing_codes=manifest.missing_codes,
        key_method=manifest.key_method,
    )
    shutil.copymode(folder / MANIFEST, fresh / MANIFEST)


def _with_mended(entry: FileEntry, content: bytes, manifest: Manifest, mended: Mapping[int, Cells | None]) -> pa.Table:
    """A delivered table as strings with the mended cells, without the rows that are taken out."""
    table, version = TABLES[entry.table], manifest.contract_version
    delivered = read_table(table, entry.name, content, version).delivered.select(table.names(version))
    rows: list[Cells] = delivered.to_pylist()
    for number, cells in mended.items():
        if later := sorted({*(cells or ())} - {*table.names(version)}):
            raise OutcomesError("mended_file_malformed", f"contract version {version} has no {', '.join(later)}")
        rows[number - 1] |= cells or {}
    taken_out = {number for number, cells in mended.items() if cells is None}
    kept = [row for number, row in enumerate(rows, 1) if number not in taken_out]
    return pa.Table.from_pylist(kept, schema=delivered.schema)


def _write_table(path: Path, rows: pa.Table) -> None:
    if path.suffix == ".parquet":
        parquet.write_table(rows, path)
    else:
        arrow_csv.write_csv(rows, path)


def _replace(folder: Path, fresh: Path) -> Path:
    """Let the new delivery take the place of the old, and give where that is kept."""
    former = folder.with_name(f".{folder.name}.former-{_digest(fresh)}")
    folder.rename(former)
    try:
        fresh.rename(folder)
    except OSError:
        former.rename(folder)
        raise
    return former


def _ingested_or_undone(settings: Settings, one: _InForce, folder: Path, former: Path) -> SubmissionRecord:
    """Take the new delivery in; where that fails the former comes back."""
    try:
        record = ingest_submission(settings, one.site_id, one.period)
    except BaseException:
        with site_lock(settings, one.site_id):
            if next(_in_force(settings, one.site_id, one.period)).submission_id == one.submission_id:
                _bring_back(folder, one)
        raise
    with site_lock(settings, one.site_id):
        shutil.rmtree(former)
    return record
