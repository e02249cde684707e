"""The commands that the dashboards add to `outcomes`: serve, report, verify-log, end-sessions.

They are light until they run, and say `dashboards_missing` where a package that they need is not installed.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from outcomes.errors import OutcomesError

app = typer.Typer()


@app.command(epilog="Example: outcomes serve --port 8050")
def serve(
    ctx: typer.Context, port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8050
) -> None:
    """Serve the dashboards of the current release on this machine (127.0.0.1) until Ctrl-C."""
    _need("flask", "gunicorn")
    os.environ["OUTCOMES_HOME"] = str(ctx.obj.home.resolve())
    typer.echo(f"http://127.0.0.1:{port}")
    sys.stdout.flush()
    options = f"--bind 127.0.0.1:{port} --workers 2 --threads 4 --no-control-socket"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *options.split(), "dashboards.server:server()"])


@app.command(epilog="Example: outcomes report north --period 2026-01 --pdf")
def report(  # noqa: PLR0913 - what a user may ask for
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site, as in sites.csv.")],
    period: Annotated[
        str | None,
        typer.Option(help="The month YYYY-MM up to which the data go; that of the current release if left out."),
    ] = None,
    *,
    pdf: Annotated[bool, typer.Option("--pdf", help="As PDF, printed by a browser of this machine.")] = False,
    paper: Annotated[Literal["A4", "letter"], typer.Option(help="The paper of the PDF.")] = "A4",
    tiles: Annotated[
        bool,
        typer.Option(
            "--tiles", help="The headline outcomes as SVG in a zip file, and as PNG where a browser is found."
        ),
    ] = False,
) -> None:
    """Write a site's report: one HTML file that works without a network and prints well. It holds exact numbers."""
    _need("jinja2")
    from dashboards.reports import Paper, write_pdf, write_report, write_tiles

    if not pdf and not tiles:
        typer.echo(write_report(ctx.obj, site, period))
    if pdf:
        typer.echo(write_pdf(ctx.obj, site, period, Paper(paper)))
    if tiles:
        typer.echo(write_tiles(ctx.obj, site, period))


@app.command(epilog="Example: outcomes verify-log")
def verify_log(
    ctx: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="The log; OUTCOMES_HOME/logs/access.jsonl if left out.")] = None,
) -> None:
    """Check that no line of the dashboards' access log was changed or taken out, and print the last line's chain.

    Note that chain elsewhere: only such a note tells of lines taken off the end.
    """
    _need("flask")
    from dashboards.access.log import verify

    lines, chain = verify(file or ctx.obj.access_log)
    typer.echo(f"{lines} lines, each follows from the line before; last chain {chain}")


@app.command("end-sessions", epilog="Example: outcomes end-sessions b.jones")
def end_sessions(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Argument(metavar="USER", help="As in access.csv.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="End the sessions of all users.")] = False,
) -> None:
    """End the sessions of a user of the dashboards: whoever holds their cookie has to log in again."""
    if (user is None) is not everybody:
        raise typer.BadParameter("name a user, or say --all", param_hint="USER")
    _need("flask")
    from dashboards.access.login.ended import EndedSessions

    EndedSessions(ctx.obj.ended_sessions_file).end_all(user)
    typer.echo(f"ended: the sessions of {user or 'everybody'} that have begun by now")


def _need(*packages: str) -> None:
    """See that the packages are installed.

    Raises:
        OutcomesError: dashboards_missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise OutcomesError("dashboards_missing", package)
