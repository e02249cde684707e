"""The commands; those of other packages come by entry points of the group `outcomes.commands`.

A named mistake ends with its own exit status (docs/exit-codes.md); anything else ends with 1 and names its type and
place only, because its message may carry values of records.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from outcomes import pipeline
from outcomes.cli import printing
from outcomes.errors import WITHDRAWAL_REASONS, OutcomesError, UnexpectedError, fault_of_the_machine
from outcomes.home import check_home, check_writable, private_files
from outcomes.settings import Settings

if TYPE_CHECKING:
    from outcomes.intake.reprocessing import JudgedAgain
    from outcomes.lake import SubmissionRecord
    from outcomes.pipeline import Ingested

_ROWS_SHOWN = 200
"""Rows of a query's result that are shown as a table; `--csv` gives all."""
_OTHERS = entry_points(group="outcomes.commands")


class _Group(TyperGroup):
    """Commands whose failures are one line each, without a value of any record."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; end with the exit status of its mistake."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
            raise
        except OutcomesError as error:
            typer.echo(str(error), err=True)
            status = error.exit_status
        except UnexpectedError as error:
            typer.echo(f"unexpected: {error}", err=True)
            status = 1
        except Exception as error:
            fault = fault_of_the_machine(error, ctx.invoked_subcommand or "outcomes")
            typer.echo(str(fault) if fault else f"unexpected {type(error).__name__} ({_place(error)})", err=True)
            status = fault.exit_status if fault else 1
        raise typer.Exit(status)


class _OnHome(TyperCommand):
    """A command that works on a home that is there: one that is missing is a mistake, not an empty registry."""

    def invoke(self, ctx: Any) -> Any:
        """See to the home, then run.

        Raises:
            OutcomesError: home_missing, not_writable.
        """
        check_home(ctx.obj)
        if self.name in _WRITE:
            check_writable(ctx.obj)
        return super().invoke(ctx)


def _place(error: Exception) -> str:
    """The innermost line, on the way to an error, of a package that has commands."""
    ours = {"outcomes", *(other.module.partition(".")[0] for other in _OTHERS)}
    lines = [(frame.f_globals["__name__"], line) for frame, line in traceback.walk_tb(error.__traceback__)]
    module, line = [each for each in lines if each[0].partition(".")[0] in ours][-1]
    return f"{module}, line {line}"


app = typer.Typer(
    cls=_Group,
    help="Outcomes after cervical fusion: from sites' submissions to labels with their evidence, marts and dashboards.",
    epilog="A first look: outcomes synthesize, outcomes ingest, outcomes release, outcomes status, outcomes serve",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def main(
    ctx: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="The folder that holds all data (else $OUTCOMES_HOME, else ./data).")
    ] = None,
) -> None:
    """Read the settings that all commands share; what the command writes is for this user alone."""
    ctx.with_resource(private_files())
    try:
        ctx.obj = Settings() if home is None else Settings(home=home)
    except ValidationError as error:
        names = ", ".join(f"OUTCOMES_{problem['loc'][0]}".upper() for problem in error.errors())
        raise typer.BadParameter(f"not a valid value: {names}") from None


def _month(param: typer.CallbackParam, value: str | None) -> str | None:
    """A month that an option gave, if it did.

    Raises:
        OutcomesError: period_malformed.
    """
    from outcomes.periods import is_month

    if value is not None and not is_month(value):
        raise OutcomesError("period_malformed", param.opts[0])
    return value


@app.command(epilog="Example: outcomes synthesize --patients 500 --seed 7")
def synthesize(  # noqa: PLR0913 - each option is a choice about the registry
    ctx: typer.Context,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is drawn; the same seed, the same bytes.")] = 1,
    sites: Annotated[int, typer.Option(min=1, help="Sites.")] = 6,
    patients: Annotated[int, typer.Option(min=1, help="Patients over all sites.")] = 5000,
    months: Annotated[int, typer.Option(min=0, help="Monthly submissions of each site after its history.")] = 3,
    until: Annotated[str, typer.Option(metavar="YYYY-MM", help="The last month.", callback=_month)] = "2026-09",
    faults: Annotated[bool, typer.Option(" /--no-faults", help="Plant no faults.")] = True,
    stories: Annotated[bool, typer.Option(" /--no-stories", help="Let sites differ by chance only.")] = True,
) -> None:
    """Invent a registry to try things out: submissions in the landing folder, and beside it the answer key.

    Faults are planted in a share of the rows and in some submissions, which ingest then refuses; stories at some
    sites: more pain, more revisions, a change from some quarter on.
    """
    from outcomes.synthetic import synthesize as make

    with printing.progress("synthesize") as show:
        made = make(
            ctx.obj,
            seed=seed,
            sites=sites,
            patients=patients,
            months=months,
            until=until,
            faults=faults,
            stories=stories,
            on_progress=show,
        )
    typer.echo(
        f"{made.patients:,} invented patients of {made.sites} sites in {made.submissions} submissions, "
        f"{made.rows:,} rows: {ctx.obj.landing}"
    )
    typer.echo(
        f"{made.planted_faults:,} faulty rows, {made.submissions_to_refuse} submissions to refuse, "
        f"{made.planted_stories} stories; the answer key: {ctx.obj.answer_key}"
    )


@app.command(
    epilog="Example: outcomes manifest landing/north/2026-01 --kind full --method safe_harbor --data-cut 2026-01-31"
)
def manifest(  # noqa: PLR0913 - each option is a field of the manifest
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the files of the contract tables.")],
    *,
    kind: Annotated[str, typer.Option(help="full (replaces all that the site sent before) or incremental (adds).")],
    method: Annotated[str, typer.Option(help="safe_harbor, expert_determination or limited_data_set.")],
    data_cut: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The date on which the extract was cut.")],
    site: Annotated[str | None, typer.Option(help="The site; by default the name of the folder above DIR.")] = None,
    period: Annotated[str | None, typer.Option(help="The month, YYYY-MM; by default the name of DIR.")] = None,
    contract_version: Annotated[
        int | None, typer.Option(min=1, help="The version whose columns the files hold; by default the newest.")
    ] = None,
    missing_code: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[COLUMN=]CODE",
            help="What stands for a missing value: 99 in every column but keys and days, eq_vas=999 in one, "
            "'ndi_item_*=9' in several. May be given several times.",
        ),
    ] = None,
    key_method: Annotated[
        str | None,
        typer.Option(
            help="How the patients' keys were made: random, or salted_hash (keyed with a secret that stays at the "
            "site). Keys that look like hashes need it."
        ),
    ] = None,
) -> None:
    """Write the manifest.json that makes a folder a submission: rows and sha256 of each file."""
    from outcomes.intake.manifest import write_manifest

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
        contract_version=contract_version,
        missing_codes=missing_code or (),
        key_method=key_method,  # type: ignore[arg-type]
    )
    typer.echo(f"{folder / 'manifest.json'}: {len(written.files)} files, {written.rows:,} rows")


@app.command(epilog="Example: outcomes check landing/north/2026-01 --report check.html")
def check(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the tables and the manifest.json.")],
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Where to write the report; by default the folder's name.")
    ] = None,
) -> None:
    """Check a submission before it is sent: screening and validation without a lake, and a report of what they find.

    The report holds counts by rule and row numbers, no value of a record. The exit status is that of the refusal.
    """
    from outcomes.intake.check_report import report_html
    from outcomes.intake.checking import check_submission

    if not folder.is_dir():
        raise OutcomesError("submission_unknown", f"{folder} is no folder")
    # Not beside the tables: there it would be one file too many.
    place = (report or Path("check.html")).resolve()
    if place.is_dir() or not place.parent.is_dir() or place.parent == folder.resolve():
        raise typer.BadParameter("name a file in a folder that is there, but not in DIR", param_hint="--report")
    with printing.progress("check"):
        checked = check_submission(ctx.obj, folder)
    file = report or Path(f"check-{checked.place.replace('/', '-')}.html")
    file.write_text(report_html(checked), encoding="utf-8")
    printing.print_checked(checked)
    typer.echo(f"report: {file}")
    if checked.refusal:
        raise checked.refusal


@app.command(epilog='Example: outcomes init north --name "North Clinic" --extract dump')
def init(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site: lower-case letters, digits, - and _.")],
    name: Annotated[str, typer.Option(help="Its name for people, for the register.")] = "",
    extract: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Files of the site's own: the mapping is guessed from their headers."),
    ] = None,
) -> None:
    """Make what a new site needs: a line in sites.csv, its folders, a mapping to complete and a checklist.

    What is there already stays as it is.
    """
    from outcomes.intake.site_kit import make_site_kit

    kit = make_site_kit(ctx.obj, site, name, extract)
    typer.echo(f"sites.csv: {'a line more' if kit.is_new else 'has the site already'}")
    for word, path in (("landing", kit.landing), ("mapping", kit.mapping), ("checklist", kit.checklist)):
        typer.echo(f"{word}: {path}")


@app.command("import", epilog="Example: outcomes import table dump --site north --period 2026-01 --mapping map.toml")
def import_source(  # noqa: PLR0913 - each option is a choice about the import
    ctx: typer.Context,
    source_format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="The format of the source: fhir, mimic-iv, omop, redcap or table.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="The folder with the source's files; of omop also a DuckDB file, or the address of a database.",
        ),
    ],
    *,
    site: Annotated[str, typer.Option(help="The site that delivers.")],
    period: Annotated[
        str | None,
        typer.Option(
            help="The month, YYYY-MM, at the end of which the extract is cut; of mimic-iv by default its last."
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            help="The mapping, a TOML file: redcap and table need one, fhir may have one. Of omop: what the site's own "
            "concepts mean, a CSV."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Of omop: how what is delivered is de-identified, limited_data_set or expert_determination; without "
            "it safe_harbor, which tells only the year of surgery."
        ),
    ] = None,
    drugs: Annotated[
        Path | None,
        typer.Option(help="The site's list of drugs, a CSV: code_system, code and atc or treatment_class."),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(help="Of omop, from a database: the schema of tables of which there are several."),
    ] = None,
    strip_identifiers: Annotated[
        bool, typer.Option("--strip-identifiers", help="Of fhir: drop what identifies persons as it is read.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing: say what would be delivered, and how it would be judged.")
    ] = False,
) -> None:
    """Turn a foreign format into a submission in the landing folder.

    mimic-iv reads patients, admissions, procedures_icd and diagnoses_icd (.csv or .csv.gz) of MIMIC-IV's hospital
    module; fhir NDJSON and Bundles of R4 and R4B (docs/sources/fhir.md); omop the OMOP CDM (docs/sources/omop.md);
    redcap a project's export with its data dictionary (docs/sources/redcap.md); table whatever files a mapping names
    (docs/sources/table.md). Dates become days since the index fusion. Patients get random keys; the crosswalk stays in
    OUTCOMES_HOME/crosswalks and must never leave the site.
    """
    from outcomes.intake.manifest import Method
    from outcomes.intake.sources.databases import Database, is_address
    from outcomes.intake.sources.dry_run import try_import
    from outcomes.intake.sources.engine import import_extract
    from outcomes.intake.sources.formats import FORMATS, NEED_MAPPING, TAKE_MAPPING, TAKE_METHOD, Choices, source_of

    if source_format not in FORMATS:
        raise typer.BadParameter(f"the formats are: {', '.join(FORMATS)}", param_hint="FORMAT")
    if source_format in (NEED_MAPPING if mapping is None else FORMATS - TAKE_MAPPING):
        raise typer.BadParameter(
            f"{'needed' if mapping is None else 'not taken'} by {source_format}", param_hint="--mapping"
        )
    if method is not None and (source_format not in TAKE_METHOD or method not in get_args(Method)):
        raise typer.BadParameter(
            f"one of {', '.join(get_args(Method))}, with {', '.join(sorted(TAKE_METHOD))}", param_hint="--method"
        )
    if strip_identifiers and source_format != "fhir":
        raise typer.BadParameter("it goes with: fhir", param_hint="--strip-identifiers")
    if source_format != "omop" and (schema is not None or is_address(source)):
        raise typer.BadParameter("a database goes with: omop", param_hint="SRC" if schema is None else "--schema")
    place = Database(source) if is_address(source) else Path(source)
    choices = Choices(mapping, cast("Method | None", method), drugs, strip_identifiers, schema)
    made = source_of(source_format, place, choices)
    if dry_run:
        with printing.progress("import"):
            tried = try_import(ctx.obj, made, site, period)
        printing.print_tried(tried)
        if tried.refusal:
            raise typer.Exit(tried.refusal.exit_status)
        return
    with printing.progress("import"):
        imported = import_extract(ctx.obj, made, site, period)
    typer.echo(f"submission: {imported.folder}, {imported.manifest.rows:,} rows")
    typer.echo(f"crosswalk:  {imported.crosswalk} (keep it at the site)")
    printing.print_left_out(imported.left_out)


mapping = typer.Typer(
    help="Mappings of table extracts, for `outcomes import table`.",
    epilog="Example: outcomes mapping init dump --to map.toml",
    no_args_is_help=True,
)
app.add_typer(mapping, name="mapping")


@mapping.command("init", epilog="Example: outcomes mapping init dump --to map.toml")
def mapping_init(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the extract's files.")],
    to: Annotated[Path, typer.Option(metavar="FILE.toml", help="The file to write; it must not be there yet.")],
    redcap: Annotated[
        Path | None,
        typer.Option(metavar="DICTIONARY", help="REDCap's data dictionary, where it is not in the folder."),
    ] = None,
) -> None:
    """Write a mapping from the headers of the files, with the best guesses marked, to be completed by a person.

    A REDCap data dictionary in the folder is known by its header; the mapping is then of the project's export.
    """
    from outcomes.intake.sources.templates import mapping_template

    _check_new(to)
    text = mapping_template(ctx.obj, source, redcap)
    to.write_text(text, encoding="utf-8")
    typer.echo(f"{to}: {text.count('# guess')} guesses to read; choose the method, then outcomes mapping check {to}")


@mapping.command("check", epilog="Example: outcomes mapping check map.toml")
def mapping_check(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The mapping.")],
) -> None:
    """Check a mapping by itself, without the extract; every mistake is told by line and field."""
    from outcomes.intake.sources.mapping import read_mapping

    read_mapping(file)
    typer.echo("the mapping can be read")


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
    first: Annotated[str, typer.Option("--from", help="The first month, YYYY-MM.", callback=_month)],
    last: Annotated[str, typer.Option("--to", help="The last month, YYYY-MM.", callback=_month)],
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
        str | None, typer.Option("--from", metavar="YYYY-MM", help="From this month.", callback=_month)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="YYYY-MM", help="Up to this month.", callback=_month)
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
    period: Annotated[str, typer.Argument(metavar="YYYY-MM", help="The month.", callback=_month)],
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


@app.command(epilog="Example: outcomes release --as-known-on 2026-06")
def release(
    ctx: typer.Context,
    as_known_on: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM|TIME",
            help="Leave out the submissions of later months, or what was recorded after a time such as "
            "2026-06-30T12:00: the marts as they were then. `current` stays as it is.",
        ),
    ] = None,
) -> None:
    """Build the marts from all accepted submissions and publish them; without new submissions nothing changes.

    A damaged release of the same submissions is built anew. One that was rolled back stays so until the submissions,
    settings or definitions change: `current` does not move, and this is said.

    Only patients with new records are labelled again; all of them where the code or a definition has changed, and where
    nothing is kept of the last release.
    """
    with printing.progress("release") as show:
        said: list[str] = []
        published = pipeline.release(
            ctx.obj, as_known_on, show, lambda labelled: said.append(str(labelled)), ctx.obj.threads
        )
    for line in said:
        typer.echo(line, err=True)
    typer.echo(f"release {published.id}: {published.folder}")
    for mart, rows in published.counts.items():
        typer.echo(f"  {mart:20}{rows:>12,} rows")
    if published.could_not_be_compared_with:
        typer.echo(
            "its protected tables could not be compared with those of damaged releases that readers may have seen: "
            + ", ".join(published.could_not_be_compared_with),
            err=True,
        )


@app.command(epilog='Example: outcomes rollback 2026-05-0d5f8a1b22c3 --reason "a wrong export of one site"')
def rollback(
    ctx: typer.Context,
    release_id: Annotated[str, typer.Argument(metavar="RELEASE", help="The id of a release that is still kept.")],
    reason: Annotated[
        str | None, typer.Option(help="Why, for releases/history.jsonl; name no patient and quote no record.")
    ] = None,
) -> None:
    """Point `current` at another kept release, after all its files have been verified; the dashboards follow.

    It holds until the submissions, settings or definitions change: `outcomes release` publishes what is new then, but
    does not bring the same release back. To undo it, roll back to the release that was current.
    """
    before = pipeline.rollback(ctx.obj, release_id, reason)
    if before == release_id:
        typer.echo(f"release {release_id} is current already")
    else:
        typer.echo(f"current: release {release_id} (until now {before or 'none'})")


@app.command(epilog="Example: outcomes diff 2026-05-0d5f8a1b22c3 2026-06-9ae41c07b6d2 --json")
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
        printing.print_diff(found)


@app.command(epilog="Example: outcomes sensitivity --set pain_nrs=5 --set symptom_image_days=90")
def sensitivity(
    ctx: typer.Context,
    settings: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="A threshold and the value to try; repeatable.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Label the current release's patients again with other thresholds, and show which answers change.

    The answers go to a scratch release that `current` never points at. Counts are exact, as of `outcomes diff`.
    """
    changed = dict(_name_and_value(text) for text in settings)
    with printing.progress("sensitivity") as show:
        trial = pipeline.try_thresholds(ctx.obj, changed, show)
    if as_json:
        typer.echo(json.dumps({"folder": str(trial.folder)} | asdict(trial.diff), indent=2))
        return
    printing.print_diff(trial.diff)
    typer.echo(f"\nscratch release: {trial.folder}")


def _name_and_value(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise typer.BadParameter("write NAME=VALUE", param_hint="--set")
    return name, value


@app.command(epilog="Example: outcomes explain north/p000123 --label suspected_asd --why-not")
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
        from outcomes.release.why_not import why_not

        printing.print_criteria(why_not(ctx.obj, site_id, patient_id, label))
        return
    from outcomes.release.explain import explain as explain_patient

    explanation = explain_patient(ctx.obj, site_id, patient_id, label)
    printing.print_explanation(explanation, marks_evidence=label is not None)


export = typer.Typer(
    help="Give results in the formats of others: measures as FHIR reports, labels as OMOP cohorts.",
    epilog="Example: outcomes export fhir measures",
    no_args_is_help=True,
)
app.add_typer(export, name="export")


@export.command("fhir", epilog="Example: outcomes export fhir measures")
def export_measures(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="A folder that is empty or not there yet.")],
    *,
    release_id: Annotated[str | None, typer.Option("--release", help="A kept release; by default the current.")] = None,
) -> None:
    """Write a FHIR R4 Measure and MeasureReport of each measure, from the protected marts alone."""
    from outcomes.release.fhir_measures import export_fhir

    exported = export_fhir(ctx.obj, folder, release_id)
    typer.echo(f"{exported.folder}: {exported.measures} measures of release {exported.release_id}")


@export.command("omop", epilog="Example: outcomes export omop cohorts --keys subjects.csv")
def export_omop(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="A new or empty folder.")],
    keys: Annotated[
        Path,
        typer.Option(
            metavar="FILE.csv", help="Which patient is which subject, and the dates of surgery if the site has them."
        ),
    ],
    as_parquet: Annotated[bool, typer.Option("--parquet", help="Write Parquet and not CSV.")] = False,
) -> None:
    """Write the labels' cohorts as the tables cohort and cohort_definition of the OMOP CDM 5.4.

    They hold single patients: for those who may see the data folder itself. Patients whom the key file does not name
    are added to it with a random number; it is private, and must not go with the cohorts (docs/sources/omop.md).
    """
    from outcomes.release.omop_cohorts import EPOCH, export_cohorts

    if not keys.absolute().parent.is_dir() or keys.absolute().is_relative_to(folder.absolute()):
        raise typer.BadParameter("name a file in a folder that is there, and not in DEST", param_hint="--keys")
    exported = export_cohorts(ctx.obj, folder, keys, as_parquet=as_parquet)
    typer.echo(f"{folder}: {exported.rows:,} rows of {exported.definitions} cohorts, {exported.subjects:,} subjects")
    if exported.is_dated:
        typer.echo(f"dates: of the key file; {exported.without_date:,} patients without one are left out")
    else:
        typer.echo(f"dates: none are known; day 0 of each patient is {EPOCH}")
    typer.echo(f"key file: {keys} (keep it at the site)")


@app.command(epilog="Example: outcomes status --site north --since 2026-01 --json")
def status(
    ctx: typer.Context,
    *,
    site: Annotated[str | None, typer.Option(help="This site only.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM|TIME",
            help="This month and later ones only, or only what was recorded from a time such as 2026-06-30T12:00 on.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show the submissions (accepted, quarantined, refused), those waiting, and the current release."""
    from outcomes.release.status import status as read_status

    now = read_status(ctx.obj, site, pipeline.month_or_time(since, "--since") if since else None)
    if as_json:
        typer.echo(json.dumps(asdict(now), indent=2, default=str))
    else:
        printing.print_status(now)


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
    period: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="This month only.", callback=_month)] = None,
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
    _check_new(to)
    exported = pipeline.export_quarantine(ctx.obj, *_site_and_period(submission), to, table, rule)
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
        mended = pipeline.mend(ctx.obj, *_site_and_period(submission), file)
    record = mended.record
    typer.echo(
        f"{submission}: {mended.changed:,} rows mended, {mended.taken_out:,} taken out; "
        f"{record.rows_in:,} rows in, {record.rows_accepted:,} accepted, {record.rows_pending:,} pending, "
        f"{record.rows_quarantined:,} quarantined"
    )


def _check_new(file: Path) -> None:
    """See that a file can be written and overwrites none.

    Raises:
        typer.BadParameter: else.
    """
    if file.exists():
        raise typer.BadParameter("it is there already; name a new file", param_hint="--to")
    if not file.absolute().parent.is_dir():
        raise typer.BadParameter("its folder is not there", param_hint="--to")


def _site_and_period(text: str) -> tuple[str, str]:
    """The parts of `SITE/PERIOD`."""
    site_id, _, period = text.partition("/")
    return site_id, period


@app.command(epilog="Example: outcomes doctor --json")
def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
) -> None:
    """Check the installation: packages, space, who can read the data, locks, leftovers, and what waits or is late.

    Each line says ok, warning or failure, and what to do. A failure ends with an exit status of its own.
    """
    from outcomes.release.doctor import examine

    findings = examine(ctx.obj)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        printing.print_findings(findings)
    if failed := [finding.check for finding in findings if finding.level == "failure"]:
        raise OutcomesError("doctor_failed", ", ".join(failed))


@app.command(epilog="Example: outcomes metrics")
def metrics(ctx: typer.Context) -> None:
    """Write counts, times and ages in the text format of Prometheus: submissions, rows, what waits, the release."""
    from outcomes.release.metrics import metrics as read_metrics

    typer.echo(read_metrics(ctx.obj), nl=False)


@app.command(epilog='Example: outcomes query "select label, status, count(*) from labels group by all" --csv')
def query(
    ctx: typer.Context,
    sql: Annotated[str, typer.Argument(help='A select on the current release; "show tables" lists its marts.')],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write all rows as CSV.")] = False,
) -> None:
    """Query the marts of the current release, read-only."""
    from outcomes.release.open import query as ask

    if not sql.strip():
        raise typer.BadParameter("write a select", param_hint="SQL")
    columns, rows = ask(sql, ctx.obj, None if as_csv else _ROWS_SHOWN + 1)
    if as_csv:
        printing.print_csv(columns, rows)
        return
    printing.print_table(columns, rows[:_ROWS_SHOWN])
    if len(rows) > _ROWS_SHOWN:
        typer.echo(f"the first {_ROWS_SHOWN} rows; --csv writes all")


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


_NEED_NO_HOME = {"synthesize", "import", "init", "manifest", "check", "verify-log", "doctor"}
"""Commands that make a home (synthesize, import, init), that name a folder or file of their own, and that look whether
it is there (doctor)."""
_WRITE = {
    *("ingest", "backfill", "reprocess", "withdraw", "repair", "forget", "vacuum", "mend"),
    *("release", "rollback", "sensitivity", "report"),
}

_others = [other.load() for other in _OTHERS]
for _other in _others:
    app.add_typer(_other)
for _command in [each for part in (app, quarantine, export, *_others) for each in part.registered_commands]:
    _name = _command.name or _command.callback.__name__.replace("_", "-")
    if _name not in _NEED_NO_HOME:
        _command.cls = _OnHome
