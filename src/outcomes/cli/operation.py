"""Commands that look after an installation, and ask its marts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from outcomes import pipeline
from outcomes.cli import printing
from outcomes.errors import OutcomesError

app = typer.Typer()


_ROWS_SHOWN = 200
"""Rows of a query's result that are shown as a table; `--csv` gives all."""


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
