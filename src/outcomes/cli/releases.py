"""Commands about releases: make one, compare, explain, export."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from outcomes import pipeline
from outcomes.cli import printing

app = typer.Typer()


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
    from outcomes.shared_locks import look_into_landing

    look_into_landing(ctx.obj, site_id)
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
