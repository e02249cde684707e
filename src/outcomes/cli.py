"""The command line, `outcomes`: each command calls one function of the library and prints what it returns.

Results go to standard output; errors and progress go to standard error. A named mistake ends with its own exit
status (docs/exit-codes.md); anything else ends with 1 and names its type and place only, because its message may
carry values of records.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from typer.core import TyperCommand

from outcomes import pipeline
from outcomes.errors import OutcomesError, UnexpectedError
from outcomes.settings import Settings
from outcomes.sql.shipped import shipped

if TYPE_CHECKING:
    from outcomes.pipeline import Ingested
    from outcomes.release.diff import LabelChange, ReleaseDiff
    from outcomes.release.explain import LabelAnswer
    from outcomes.release.why_not import JudgedCriterion, WhyNot

_GUNICORN = ["--workers", "2", "--threads", "4", "--no-control-socket"]
_ROWS_SHOWN = 200
"""Rows of a query's result that are shown as a table; `--csv` gives all."""

app = typer.Typer(
    help="Outcomes after cervical fusion: sites' submissions in, labels that can say why, marts and dashboards out.",
    epilog="A first look: outcomes synthesize, outcomes ingest, outcomes release, outcomes status, outcomes serve",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class _Command(TyperCommand):
    """A command whose failures are one line each, without a value of any record."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; end with the exit status of its mistake."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
            raise
        except OutcomesError as error:
            typer.echo(str(error), err=True)
            status = error.exit_status
        except UnexpectedError as error:
            typer.echo(f"unexpected: {error}", err=True)
            status = 1
        except Exception as error:
            typer.echo(f"unexpected {type(error).__name__} ({_place(error)})", err=True)
            status = 1
        raise typer.Exit(status)


def _place(error: Exception) -> str:
    """The innermost line of this package on the way to an error."""
    package = Path(__file__).parent
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(package)
    ]
    return f"{Path(frames[-1].filename).relative_to(package)}, line {frames[-1].lineno}"


@app.callback()
def main(
    ctx: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="The folder that holds all data (else $OUTCOMES_HOME, else ./data).")
    ] = None,
) -> None:
    """Read the settings that all commands share."""
    try:
        ctx.obj = Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        names = ", ".join(f"OUTCOMES_{problem['loc'][0]}".upper() for problem in error.errors())
        raise typer.BadParameter(f"not a valid value: {names}") from None


def _example(text: str) -> dict[str, Any]:
    """What every command's decorator needs: its failures as lines, and an example in its help."""
    return {"cls": _Command, "epilog": f"Example: {text}"}


@app.command(**_example("outcomes synthesize --patients 500 --seed 7"))
def synthesize(  # noqa: PLR0913 - each option is a choice about the registry
    ctx: typer.Context,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is drawn; the same seed, the same bytes.")] = 1,
    sites: Annotated[int, typer.Option(min=1, help="Sites.")] = 6,
    patients: Annotated[int, typer.Option(min=1, help="Patients over all sites.")] = 5000,
    months: Annotated[int, typer.Option(min=0, help="Monthly submissions of each site after its history.")] = 3,
    until: Annotated[str, typer.Option(metavar="YYYY-MM", help="The last month.")] = "2026-09",
    faults: Annotated[bool, typer.Option(" /--no-faults", help="Plant no faults.")] = True,
) -> None:
    """Invent a registry to try things out: submissions in the landing folder, and beside it the answer key.

    Faults are planted in a share of the rows and in some submissions, which ingest then refuses.
    """
    from outcomes.intake.landing import is_period  # noqa: PLC0415
    from outcomes.synthetic import answer_key_folder  # noqa: PLC0415
    from outcomes.synthetic import synthesize as make  # noqa: PLC0415

    if not is_period(until):
        raise OutcomesError("period_malformed", "--until")
    with _progress() as progress:
        bar = progress.add_task("synthesize", total=None)

        def report(place: str, done: int, submissions: int) -> None:
            progress.update(bar, description=f"synthesize {place}", completed=done, total=submissions)

        made = make(
            ctx.obj,
            seed=seed,
            sites=sites,
            patients=patients,
            months=months,
            until=until,
            faults=faults,
            on_progress=report,
        )
    typer.echo(
        f"{made.patients:,} invented patients of {made.sites} sites in {made.submissions} submissions, "
        f"{made.rows:,} rows: {ctx.obj.landing}"
    )
    typer.echo(
        f"{made.planted_faults:,} faulty rows, {made.submissions_to_refuse} submissions to refuse; "
        f"the answer key: {answer_key_folder(ctx.obj)}"
    )


@app.command(
    **_example("outcomes manifest landing/north/2026-01 --kind full --method safe_harbor --data-cut 2026-01-31")
)
def manifest(  # noqa: PLR0913 - each option is a field of the manifest
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the files of the contract tables.")],
    *,
    kind: Annotated[str, typer.Option(help="full (replaces all that the site sent before) or incremental (adds).")],
    method: Annotated[str, typer.Option(help="safe_harbor, expert_determination or limited_data_set.")],
    data_cut: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The date on which the extract was cut.")],
    site: Annotated[str | None, typer.Option(help="The site; by default the name of the folder above DIR.")] = None,
    period: Annotated[str | None, typer.Option(help="The month, YYYY-MM; by default the name of DIR.")] = None,
) -> None:
    """Write the manifest.json that makes a folder a submission: rows and sha256 of each file."""
    from outcomes.intake.manifest import write_manifest  # noqa: PLC0415

    place = folder.resolve()
    if not place.is_dir():
        raise OutcomesError("submission_unknown", f"{folder} is no folder")
    written = write_manifest(
        place,
        site_id=site or place.parent.name,
        period=period or place.name,
        kind=kind,  # type: ignore[arg-type]  # the manifest itself refuses any other word
        deidentification_method=method,  # type: ignore[arg-type]
        data_cut=data_cut.date(),
    )
    typer.echo(f"{folder / 'manifest.json'}: {len(written.files)} files, {written.rows:,} rows")


@app.command("import", **_example("outcomes import mimic-iv mimiciv/3.1/hosp --site mimic"))
def import_source(
    ctx: typer.Context,
    source_format: Annotated[str, typer.Argument(metavar="FORMAT", help="The format of the source: mimic-iv.")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The folder with the source's files.")],
    site: Annotated[str, typer.Option(help="The site that delivers.")],
    period: Annotated[
        str | None, typer.Option(help="The month, YYYY-MM; by default December of the last year the source names.")
    ] = None,
) -> None:
    """Turn a foreign format into a submission in the landing folder.

    mimic-iv reads patients, admissions, procedures_icd and diagnoses_icd (.csv or .csv.gz) of MIMIC-IV's hospital
    module. Patients get random keys; the crosswalk stays in OUTCOMES_HOME/crosswalks and must never leave the site.
    """
    if source_format != "mimic-iv":
        raise typer.BadParameter("the formats are: mimic-iv", param_hint="FORMAT")
    from outcomes.intake.sources.mimic_iv import import_mimic_iv  # noqa: PLC0415

    with _progress() as progress:
        progress.add_task("import", total=None)
        imported = import_mimic_iv(ctx.obj, source, site, period)
    typer.echo(f"submission: {imported.folder}, {imported.manifest.rows:,} rows")
    typer.echo(f"crosswalk:  {imported.crosswalk} (keep it at the site)")
    if imported.patients_left_out:
        typer.echo(f"left out:   {imported.patients_left_out:,} patients without an admission, so without a day 0")


@app.command(**_example("outcomes ingest north/2026-01 south/2026-01"))
def ingest(
    ctx: typer.Context,
    submissions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SITE/PERIOD]...", help="Which submissions; none given = all that wait."),
    ] = None,
) -> None:
    """Screen, validate and commit submissions from the landing folder to the lake.

    A refused submission does not stop the others; the exit status then says so at the end.
    """
    if submissions:
        pairs = sorted({_submission(ctx.obj, text) for text in submissions})
    else:
        pairs = [(delivery.site_id, delivery.period) for delivery in pipeline.waiting(ctx.obj)]
    _ingest(ctx.obj, pairs)


@app.command(**_example("outcomes backfill --from 2026-01 --to 2026-06"))
def backfill(
    ctx: typer.Context,
    first: Annotated[str, typer.Option("--from", help="The first month, YYYY-MM.")],
    last: Annotated[str, typer.Option("--to", help="The last month, YYYY-MM.")],
) -> None:
    """Run all sites' submissions of these months again, month by month; what has not changed stays as it is."""
    from outcomes.intake.landing import is_period  # noqa: PLC0415

    for option, period in (("--from", first), ("--to", last)):
        if not is_period(period):
            raise OutcomesError("period_malformed", option)
    pairs = [(each.site_id, each.period) for each in pipeline.landed(ctx.obj) if first <= each.period <= last]
    _ingest(ctx.obj, sorted(pairs, key=lambda pair: (pair[1], pair[0])))


@app.command(**_example("outcomes release --as-known-on 2026-06"))
def release(
    ctx: typer.Context,
    as_known_on: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM",
            help="Leave out the submissions of later months: the marts as they were then. `current` stays as it is.",
        ),
    ] = None,
) -> None:
    """Build the marts from all accepted submissions and publish them; without any news nothing changes."""
    with _progress() as progress:
        bar = progress.add_task("release", total=None)

        def report(step: str, done: int, steps: int) -> None:
            progress.update(bar, description=f"release: {step}", completed=done, total=steps)

        published = pipeline.release(ctx.obj, as_known_on, report)
    typer.echo(f"release {published.id}: {published.folder}")
    for mart, rows in published.counts.items():
        typer.echo(f"  {mart:20}{rows:>12,} rows")


@app.command(**_example("outcomes diff 2026-05-0d5f8a1b22c3 2026-06-9ae41c07b6d2 --json"))
def diff(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(metavar="RELEASE_A", help="The id of a release that is still kept.")],
    after: Annotated[str, typer.Argument(metavar="RELEASE_B", help='Another one; "current" is the current release.')],
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show what differs from release A to release B: inputs, columns, rows, and labels with what may have moved them.

    No patient is named, but counts are exact: this is for those who may see the row-level marts. Hide small counts
    before you pass them on.
    """
    found = pipeline.diff(ctx.obj, before, after)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _print_diff(found)


@app.command(**_example("outcomes explain north/p000123 --label suspected_asd --why-not"))
def explain(
    ctx: typer.Context,
    patient: Annotated[str, typer.Argument(metavar="SITE/PATIENT", help="A patient of the current release.")],
    label: Annotated[str | None, typer.Option(help="This label only.")] = None,
    show_criteria: Annotated[
        bool, typer.Option("--why-not", help="Show each criterion of the label, and whether it holds.")
    ] = False,
) -> None:
    """Show a patient's timeline, and of each label what it says, what it means and the records it rests on.

    This shows single records: it is for those who may see the data folder itself.
    """
    site_id, _, patient_id = patient.partition("/")
    if show_criteria:
        if label is None:
            raise typer.BadParameter("needs --label, the label to ask about", param_hint="--why-not")
        from outcomes.release.why_not import why_not  # noqa: PLC0415

        _print_criteria(why_not(ctx.obj, site_id, patient_id, label))
        return
    from outcomes.release.explain import explain as explain_patient  # noqa: PLC0415

    explanation = explain_patient(ctx.obj, site_id, patient_id, label)
    typer.echo(f"{site_id}/{patient_id} in release {explanation.release_id}\n")
    columns = ["day", "what", "table", "record", "submission"]
    timeline = [
        [record.day, record.description, record.source_table, record.record_id, record.submission_id]
        for record in explanation.timeline
    ]
    if label:
        columns.append("evidence")
        for row, record in zip(timeline, explanation.timeline, strict=True):
            row.append("yes" if record.is_evidence else None)
    _print_table(columns, timeline)
    if not explanation.labels:
        typer.echo("not in the cohort: no label")
    for answer in explanation.labels:
        _print_answer(answer)


@app.command(**_example("outcomes status"))
def status(ctx: typer.Context) -> None:
    """Show what came in (accepted, quarantined, refused), what waits, and what is released."""
    from outcomes.release.status import status as read_status  # noqa: PLC0415

    now = read_status(ctx.obj)
    counts = ("rows_in", "rows_accepted", "rows_quarantined")
    columns = ("site_id", "period", "attempt", "status", "code", *counts)
    headings = ("rows in", "accepted", "quarantined")
    _print_table(
        ("site", "period", "attempt", "status", "code", *headings),
        [[getattr(each, name) for name in columns] for each in now.submissions],
    )
    totals = []
    for word in ("accepted", "superseded", "refused"):
        attempts = [each for each in now.submissions if each.status == word]
        sums = (sum(getattr(each, name) for each in attempts) for name in counts)
        totals.append((word, len(attempts), *(f"{rows:,}" for rows in sums)))
    _print_table(("status", "submissions", *headings), totals)
    for delivery in now.waiting:
        state = "waits for ingest" if delivery.is_complete else "has no manifest yet"
        typer.echo(f"{delivery.site_id}/{delivery.period} {state}")
    typer.echo(f"release: {now.release_id or 'none'}")


@app.command(**_example('outcomes query "select label, status, count(*) from labels group by all" --csv'))
def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help='A select on the current release; "show tables" lists its marts.')],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write all rows as CSV.")] = False,
) -> None:
    """Ask the marts of the current release, read-only."""
    import duckdb  # noqa: PLC0415

    from outcomes.release.open import connect  # noqa: PLC0415

    with connect(settings=ctx.obj) as con:
        try:
            result = con.execute(sql)
            columns = [column[0] for column in result.description]
            rows = result.fetchall() if as_csv else result.fetchmany(_ROWS_SHOWN + 1)
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            # These speak of the query's text alone; other messages may quote a value.
            raise OutcomesError("query_failed", str(error).splitlines()[0]) from None
        except duckdb.Error as error:
            raise OutcomesError("query_failed", type(error).__name__) from None
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return
    _print_table(columns, rows[:_ROWS_SHOWN])
    if len(rows) > _ROWS_SHOWN:
        typer.echo(f"the first {_ROWS_SHOWN} rows; --csv writes all")


@app.command(**_example("outcomes serve --port 8050"))
def serve(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8050,
) -> None:
    """Serve the dashboards of the current release on this machine (127.0.0.1) until Ctrl-C."""
    for package in ("dash", "gunicorn"):
        if importlib.util.find_spec(package) is None:
            raise OutcomesError("dashboards_missing", package)
    os.environ["OUTCOMES_HOME"] = str(ctx.obj.home.resolve())
    typer.echo(f"http://127.0.0.1:{port}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", *_GUNICORN]
    os.execv(sys.executable, [*command, "--chdir", str(shipped("dashboards").parent), "dashboards.server:server()"])


@app.command(**_example("outcomes report north --period 2026-01"))
def report(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site, as in sites.csv.")],
    period: Annotated[
        str | None,
        typer.Option(help="The month YYYY-MM up to which the data go; that of the current release if left out."),
    ] = None,
) -> None:
    """Write a site's report: one HTML file that works without a network and prints well. It holds exact numbers."""
    typer.echo(pipeline.report(ctx.obj, site, period))


def _print_diff(found: ReleaseDiff) -> None:
    """What changed, a table for each part that did; the labels with one row each."""
    typer.echo(f"from release {found.before} to {found.after}")
    typer.echo(f"inputs that differ: {_in_words(found.inputs) or 'none'}")
    parts: dict[str, tuple[Sequence[str], list[tuple[Any, ...]]]] = {
        "submissions": (
            ("site", "period", "submission", "before", "after"),
            [(each.site_id, each.period, each.submission_id, each.before, each.after) for each in found.submissions],
        ),
        "definitions": (
            ("kind", "name", "version before", "after"),
            [(each.kind, each.name, each.before, each.after) for each in found.definitions],
        ),
        "columns": (
            ("mart", "column", "type before", "after"),
            [(each.mart, each.column, each.before, each.after) for each in found.columns],
        ),
        "rows": (
            ("mart", "rows before", "after", "difference"),
            [(each.mart, each.before, each.after, (each.after or 0) - (each.before or 0)) for each in found.rows],
        ),
        "labels": (
            ("label", "appeared", "disappeared", "status changed", "otherwise changed", "what differs"),
            [_label_row(label, list(changes)) for label, changes in groupby(found.labels, key=lambda each: each.label)],
        ),
    }
    for title, (columns, rows) in parts.items():
        typer.echo(f"\n{title}" if rows else f"\n{title}: no difference")
        if rows:
            _print_table(columns, rows)


def _label_row(label: str, changes: Sequence[LabelChange]) -> tuple[Any, ...]:
    """One label's changes in one row: how many episodes, and of each set of reasons how many."""
    appeared, disappeared, otherwise = 0, 0, 0
    moved: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for change in changes:
        reasons[_in_words(change.reasons)] += change.episodes
        if change.before is None:
            appeared += change.episodes
        elif change.after is None:
            disappeared += change.episodes
        elif change.before == change.after:
            otherwise += change.episodes
        else:
            moved[f"{change.before} → {change.after}".replace("_", " ")] += change.episodes
    return (label, appeared, disappeared, _counted(moved), otherwise, _counted(reasons))


def _counted(found: Counter[str]) -> str:
    """Each name with its count, a line each."""
    return "\n".join(f"{name}: {count}" for name, count in sorted(found.items()))


def _in_words(names: Iterable[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def _print_answer(answer: LabelAnswer) -> None:
    """One label of one patient, with its definition and its evidence."""
    facts = {
        "reason": answer.reason,
        "kind": answer.kind,
        "onset day": answer.onset_day,
        answer.value_name or "value": None if answer.value is None else f"{answer.value:g}",
    }
    stated = "".join(f", {name} {fact}" for name, fact in facts.items() if fact is not None)
    typer.echo(f"\n{answer.title} ({answer.label}): {answer.status}{stated}")
    typer.echo(f"  Definition {answer.definition_version}: {answer.definition}")
    for record in answer.evidence:
        where = record.file or "a delivery that has been replaced"
        typer.echo(f"  - {record.source_table} {record.record_id}, submission {record.submission_id}: {where}")


def _print_criteria(answer: WhyNot) -> None:
    """Each criterion of one label of one patient, and the records that match it."""
    typer.echo(f"{answer.title} ({answer.label}) in release {answer.release_id}")
    if answer.status is None:
        typer.echo(f"not in the cohort ({answer.reason}): no label")
        return
    because = f" ({answer.reason})" if answer.reason else ""
    ways = ", ".join(way.name for way in answer.ways if way.holds)
    held = f"all criteria hold ({ways})" if ways else "all criteria hold"
    typer.echo(f"{answer.status}{because}: {held if answer.all_hold else 'a criterion fails'}")
    if answer.criteria:
        typer.echo("\nA yes needs all of these:")
        _print_judged(answer.criteria)
    if answer.ways:
        typer.echo("\nand all of one of these:" if answer.criteria else "\nA yes needs all of one of these:")
    for way in answer.ways:
        typer.echo(f"  {way.name}")
        _print_judged(way.criteria, indent="    ")


def _print_judged(criteria: Iterable[JudgedCriterion], indent: str = "  ") -> None:
    """One line per criterion: whether it holds, what it says, and the records that match."""
    for criterion in criteria:
        mark = "✓ holds" if criterion.holds else "✗ fails"
        records = ", ".join(f"{record.source_table} {record.record_id}" for record in criterion.records)
        typer.echo(f"{indent}{mark}  {criterion.says}")
        if records:
            typer.echo(f"{indent}         records ({len(criterion.records)}): {records}")


def _submission(settings: Settings, text: str) -> tuple[str, str]:
    """The (site_id, period) of a `SITE/PERIOD` that has landed."""
    site_id, _, period = text.partition("/")
    if "/" in period or (site_id, period) not in {(each.site_id, each.period) for each in pipeline.landed(settings)}:
        raise OutcomesError("submission_unknown", text)
    return site_id, period


def _ingest(settings: Settings, pairs: Sequence[tuple[str, str]]) -> None:
    """Ingest and report.

    Raises:
        OutcomesError: submissions_refused, after all the others.
    """
    if not pairs:
        typer.echo("no submission is waiting")
        return
    with _progress() as progress:
        bar = progress.add_task("ingest", total=len(pairs))

        def report(result: Ingested) -> None:
            if result.refusal:
                progress.console.print(str(result.refusal), markup=False, highlight=False, soft_wrap=True)
            progress.update(bar, advance=1, description=f"ingest {result.site_id}/{result.period}")

        results = pipeline.ingest_each(settings, pairs, report)
    accepted = [result.record for result in results if result.record]
    typer.echo(
        f"{len(accepted)} accepted, {len(results) - len(accepted)} refused; of the accepted "
        f"{sum(record.rows_in for record in accepted):,} rows "
        f"{sum(record.rows_accepted for record in accepted):,} are in the lake, "
        f"{sum(record.rows_quarantined for record in accepted):,} in quarantine"
    )
    if len(accepted) < len(results):
        raise OutcomesError("submissions_refused", f"{len(results) - len(accepted)} of {len(results)}")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on standard error, none where that is not a terminal."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress


def _print_table(columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)
