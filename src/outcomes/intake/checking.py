"""Check a submission where it is made, before it is sent: screened and validated by itself, without a lake."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from outcomes.errors import SubmissionRefused
from outcomes.home import private_files
from outcomes.intake.manifest import read_manifest, submission_id
from outcomes.intake.reading import is_table_file, rows_of_file
from outcomes.intake.submission import Attempt, judge
from outcomes.intake.validation import Judgement
from outcomes.lake import BlankedCells, RuleResult, TableCounts
from outcomes.settings import Settings


@dataclass(frozen=True)
class Checked:
    """How a submission would be judged, were it the first of its site.

    Attributes:
        place: site and period, as its manifest names them; the folder's name where it has none that can be read.
        kind: full or incremental; None where no manifest says so.
        refusal: why it would be refused, if it would.
        tables: the rows of each table, and where they would go; of a refused submission none would be accepted.
        rules: the rules that rows break, with how many do.
        cells: the cells that accepted rows would lose, by rule and column.
        first_rows: of each broken rule the first rows that break it, by its code, as a spreadsheet numbers them: the
            header of a CSV file is row 1, and blank rows count too.
    """

    place: str
    kind: str | None
    refusal: SubmissionRefused | None
    tables: tuple[TableCounts, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    cells: tuple[BlankedCells, ...] = ()
    first_rows: dict[str, tuple[int, ...]] | None = None


@dataclass(frozen=True)
class _Here(Attempt):
    """An attempt at a submission that has not landed."""

    here: Path

    @property
    def folder(self) -> Path:
        """Where it is made."""
        return self.here


@private_files()
def check_submission(settings: Settings, folder: Path) -> Checked:
    """Screen and validate the submission in a folder; nothing is written that stays.

    An incremental submission is judged without what the site sent before: rows of patients who came earlier wait.

    Args:
        settings: limits, and who was forgotten; the home need not be there.
        folder: with the files of the contract tables and `manifest.json`.

    Raises:
        OutcomesError: rows_not_conserved or rule_not_evaluated.
    """
    folder = folder.resolve()
    try:
        manifest = read_manifest(folder)
    except SubmissionRefused as refusal:
        return Checked(folder.name, None, refusal)
    with tempfile.TemporaryDirectory() as home:
        judged = judge(
            _Here(_alone(settings, Path(home)), manifest.site_id, manifest.period, submission_id(folder), 1, folder)
        )
    return Checked(
        place=f"{manifest.site_id}/{manifest.period}",
        kind=manifest.kind,
        refusal=judged.refusal,
        tables=judged.record.tables,
        rules=tuple(rule for rule in judged.record.rules if rule.rows_failed),
        cells=judged.record.blanked,
        first_rows=_first_rows(folder, judged.judgements),
    )


def _alone(settings: Settings, home: Path) -> Settings:
    """The same settings with a home that knows who was forgotten and nothing else."""
    urls = dict.fromkeys(("lake_url", "releases_url", "landing_url", "quarantine_url"))
    alone = settings.model_copy(update={"home": home, **urls})
    for known, copy in (
        (settings.forgotten_file, alone.forgotten_file),
        (settings.forgotten_key, alone.forgotten_key),
    ):
        if known.is_file():
            shutil.copyfile(known, copy)
    return alone


def _first_rows(folder: Path, judgements: Sequence[Judgement]) -> dict[str, tuple[int, ...]]:
    files = {file.stem.lower(): file for file in folder.iterdir() if is_table_file(file.name)}
    return {
        code: rows
        for one in judgements
        if one.first_rows
        for code, rows in _in_file(files[one.table.name], one.first_rows).items()
    }


def _in_file(file: Path, first_rows: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The rows by their numbers in the file; of it no more is read than needed."""
    last = max(row for rows in first_rows.values() for row in rows)
    in_file = list(islice(rows_of_file(file), last))
    return {code: tuple(in_file[row - 1] for row in rows) for code, rows in first_rows.items()}
