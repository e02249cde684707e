"""Commands that make submissions or look at them: invented ones, and those of a site."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from outcomes.cli import printing
from outcomes.cli.options import check_new, month
from outcomes.errors import OutcomesError

app = typer.Typer()


@app.command(epilog="Example: outcomes synthesize --patients 500 --seed 7")
def synthesize(  # noqa: PLR0913 - each option is a choice about the registry
    ctx: typer.Context,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is drawn; the same seed, the same bytes.")] = 1,
    sites: Annotated[int, typer.Option(min=1, help="Sites.")] = 6,
    patients: Annotated[int, typer.Option(min=1, help="Patients over all sites.")] = 5000,
    months: Annotated[int, typer.Option(min=0, help="Monthly submissions of each site after its history.")] = 3,
    until: Annotated[str, typer.Option(metavar="YYYY-MM", help="The last month.", callback=month)] = "2026-09",
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

    check_new(to)
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
