"""Commands that change what the lake holds, and its quarantine."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from outcomes import pipeline
from outcomes.cli import printing
from outcomes.cli.options import check_new, month, site_and_period
from outcomes.errors import WITHDRAWAL_REASONS, OutcomesError
from outcomes.settings import Settings

if TYPE_CHECKING:
    from outcomes.intake.reprocessing import JudgedAgain
    from outcomes.lake import SubmissionRecord
    from outcomes.pipeline import Ingested

app = typer.Typer()


@app.command(epilog="Example: outcomes ingest north/2026-01 south/2026-01")
def ingest(
    ctx: typer.Context,
    submissions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SITE/PERIOD]...", help="Which submissions; none given: all that are waiting."),
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


@app.command(epilog="Example: outcomes backfill --from 2026-01 --to 2026-06")
def backfill(
    ctx: typer.Context,
    first: Annotated[str, typer.Option("--from", help="The first month, YYYY-MM.", callback=month)],
    last: Annotated[str, typer.Option("--to", help="The last month, YYYY-MM.", callback=month)],
) -> None:
    """Take in all sites' submissions of these months, month by month, and judge those again whose rules are old.

    What has not changed stays the same.
    """
    if first > last:
        raise OutcomesError("periods_reversed", f"--from {first} --to {last}")
    pairs = [(each.site_id, each.period) for each in pipeline.landed(ctx.obj) if first <= each.period <= last]
    _ingest(ctx.obj, sorted(pairs, key=lambda pair: (pair[1], pair[0])))
    if old := pipeline.judged_by_old_rules(ctx.obj, None, first, last):
        _reprocess(ctx.obj, old, dry_run=False)


@app.command(epilog="Example: outcomes reprocess --site north --from 2026-01 --to 2026-06 --dry-run")
def reprocess(
    ctx: typer.Context,
    *,
    site: Annotated[str | None, typer.Option(help="This site only.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="From this month.", callback=month)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Up to this month.", callback=month)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would move.")] = False,
) -> None:
    """Judge accepted submissions again, from where they landed, under the present rules.

    `outcomes status` says of how many the rules are old. What the site's other months rest on is judged again too.
    """
    if first and last and first > last:
        raise OutcomesError("periods_reversed", f"--from {first} --to {last}")
    _reprocess(ctx.obj, pipeline.standing(ctx.obj, site, first, last), dry_run=dry_run)


@app.command(epilog="Example: outcomes withdraw north 2026-02 --reason wrong_data")
def withdraw(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(help="The site.")],
    period: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.", callback=month)],
    *,
    reason: Annotated[str, typer.Option(help=f"Why: {', '.join(WITHDRAWAL_REASONS)}.")] = "wrong_data",
    undo: Annotated[bool, typer.Option("--undo", help="Put the withdrawn submission in force again.")] = False,
) -> None:
    """Put a submission out of force; the next release goes without it, and what rested on it is judged again.

    Nothing is deleted: the rows stay in the lake, read by none, and `--undo` brings them back. The submission before
    does not come back in its place.
    """
    if reason not in WITHDRAWAL_REASONS:
        raise typer.BadParameter(f"the reasons are: {', '.join(WITHDRAWAL_REASONS)}", param_hint="--reason")
    if undo:
        record = pipeline.take_back_withdrawal(ctx.obj, site, period)
        typer.echo(f"{site}/{period} is in force again: {record.rows_accepted:,} rows in the lake")
    else:
        record = pipeline.withdraw(ctx.obj, site, period, reason)
        typer.echo(f"{site}/{period} is withdrawn ({reason}): {record.rows_accepted:,} rows are out of force")


@app.command(epilog="Example: outcomes repair")
def repair(ctx: typer.Context) -> None:
    """Compare the lake with what was committed to it, and write damaged rows again from where they landed."""
    failed: list[OutcomesError] = []

    def report(result: SubmissionRecord | OutcomesError) -> None:
        if isinstance(result, OutcomesError):
            print(result, file=sys.stderr)
            failed.append(result)
        else:
            typer.echo(f"{result.site_id}/{result.period} is whole again")

    pipeline.repair(ctx.obj, report)
    if failed:
        raise failed[0]
    typer.echo("the lake holds what was committed to it")


@app.command(epilog="Example: outcomes forget north/p000123 --dry-run")
def forget(
    ctx: typer.Context,
    patient: Annotated[
        str, typer.Argument(metavar="SITE/PATIENT", help="The patient, as the site's extract names it.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show how many rows would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a patient on the patient's request: from landing, quarantine, lake and releases, without a way back.

    The site's submissions that held the patient are rewritten and taken in again, a new release is published, and those
    that hold the patient are removed. Later submissions that name the patient are refused. Backups, crosswalks and the
    site's own extract are not touched. Should it end half-way, run it again.
    """
    site_id, _, patient_id = patient.partition("/")
    held = pipeline.find_patient(ctx.obj, site_id, patient_id)
    printing.print_table(("place", "rows of the patient"), held.rows.items())
    for unsearched in held.not_searched:
        typer.echo(f"{unsearched} cannot be searched", err=True)
    if dry_run:
        return
    if not yes:
        typer.confirm("Erase the patient? There is no way back.", abort=True)
    with printing.progress("forget"):
        done = pipeline.forget(ctx.obj, site_id, patient_id)
    for result in done.taken_in:
        if result.refusal:
            print(result.refusal, file=sys.stderr)
    typer.echo(f"erased: {', '.join(f'{rows:,} in {place}' for place, rows in done.rows.items())}")
    typer.echo(f"release: {done.release_id or 'none'}")


@app.command(epilog="Example: outcomes vacuum --keep-days 400 --dry-run")
def vacuum(
    ctx: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would go.")] = False,
    keep_days: Annotated[
        int, typer.Option(min=0, help="How long rows stay that are superseded, withdrawn or judged otherwise.")
    ] = 400,
) -> None:
    """Remove what nothing needs any more, and write the lake's small files as few. The marts stay as they are.

    `release --as-known-on` a time before rows that were removed is then no longer possible (history_removed); months
    still are. Files that were rewritten go 24 hours later, so that nobody who reads them is cut off.
    """
    gone = pipeline.vacuum(ctx.obj, keep_days, dry_run=dry_run)
    printing.print_table(
        ("would go" if dry_run else "gone", "count", "bytes"),
        [(one.what, f"{one.count:,}", "" if one.size is None else f"{one.size:,}") for one in gone],
    )


quarantine = typer.Typer(
    help="Quarantine as a workflow: see what was kept out, give it to the site, take it back mended.",
    epilog="Example: outcomes quarantine list --site north",
    no_args_is_help=True,
)
app.add_typer(quarantine, name="quarantine")


_TableName = Annotated[str | None, typer.Option("--table", help="Rows of this contract table only.")]
_RuleCode = Annotated[str | None, typer.Option("--rule", help="Rows that broke this rule only.")]
_OfMonth = Annotated[str, typer.Argument(metavar="SITE/PERIOD", help="A submission in force.")]


@quarantine.command("list", epilog="Example: outcomes quarantine list --site north --table follow_ups")
def quarantine_list(
    ctx: typer.Context,
    site: Annotated[str | None, typer.Option(help="This site only.")] = None,
    rule: _RuleCode = None,
    table: _TableName = None,
    period: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="This month only.", callback=month)] = None,
) -> None:
    """Count the rows of the submissions in force that rules kept out, or cost a cell, or that wait; never a value."""
    counts = pipeline.count_quarantine(ctx.obj, site, period, table, rule)
    if not counts:
        typer.echo("no such row is in quarantine")
        return
    head = ("site", "period", "table", "rule", "outcome", "rows")
    printing.print_table(
        head, [(one.site_id, one.period, one.source_table, one.rule, one.outcome, one.rows) for one in counts]
    )


@quarantine.command("export", epilog="Example: outcomes quarantine export north/2026-01 --to north-2026-01.csv")
def quarantine_export(
    ctx: typer.Context,
    submission: _OfMonth,
    to: Annotated[Path, typer.Option(metavar="FILE.csv", help="The file to write; it must not be there yet.")],
    rule: _RuleCode = None,
    table: _TableName = None,
) -> None:
    """Write quarantined rows as delivered, with the reason beside each cell that a rule names.

    The file holds records of patients. It is for the site itself.
    """
    check_new(to)
    exported = pipeline.export_quarantine(ctx.obj, *site_and_period(submission), to, table, rule)
    typer.echo(f"{exported.file}: {exported.rows:,} rows of {submission} as delivered, the reason beside each cell")
    typer.echo("It holds records of patients: for the site itself, and to be deleted once mended.")


@quarantine.command("mend", epilog="Example: outcomes quarantine mend north/2026-01 north-2026-01.csv")
def quarantine_mend(
    ctx: typer.Context,
    submission: _OfMonth,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="An exported file, with mended cells."),
    ],
) -> None:
    """Take mended rows back as a new delivery of the month, which replaces the former; refused, nothing changes.

    A row whose cells are all emptied is taken out of the delivery.
    """
    with printing.progress("mend"):
        mended = pipeline.mend(ctx.obj, *site_and_period(submission), file)
    record = mended.record
    typer.echo(
        f"{submission}: {mended.changed:,} rows mended, {mended.taken_out:,} taken out; "
        f"{record.rows_in:,} rows in, {record.rows_accepted:,} accepted, {record.rows_pending:,} pending, "
        f"{record.rows_quarantined:,} quarantined"
    )


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
    done = count(1)
    with printing.progress("ingest") as show:

        def report(result: Ingested) -> None:
            if result.refusal:
                print(result.refusal, file=sys.stderr)
            show(f"{result.site_id}/{result.period}", next(done), len(pairs))

        again: list[JudgedAgain] = []
        results = pipeline.ingest_each(settings, pairs, report, again.append, processes=settings.threads)
    if results:
        printing.print_ingested(results, pipeline.superseded(settings, results))
    if again:
        printing.print_judged_again(again)
    if refused := sum(result.refusal is not None for result in results):
        raise OutcomesError("submissions_refused", f"{refused} of {len(results)}")


def _reprocess(settings: Settings, records: Sequence[SubmissionRecord], *, dry_run: bool) -> None:
    """Judge again and report.

    Raises:
        OutcomesError: submissions_refused, after all the others.
    """
    judged: list[JudgedAgain] = []
    failed: list[OutcomesError] = []
    done = count(1)
    with printing.progress("reprocess") as show:

        def report(result: JudgedAgain | OutcomesError) -> None:
            if isinstance(result, OutcomesError):
                print(result, file=sys.stderr)
                failed.append(result)
            else:
                judged.append(result)
            show("", next(done), len(records))

        pipeline.reprocess(settings, records, report, dry_run=dry_run)
    printing.print_judged_again(judged)
    if failed:
        raise failed[0]
