"""The commands that the dashboards add to `outcomes`: serve, report, verify-log.

They are light until they run, and say `dashboards_missing` where a package that they need is not installed.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from outcomes.errors import OutcomesError

app = typer.Typer()


@app.command(epilog="Example: outcomes serve --port 8050")
def serve(
    ctx: typer.Context, port: Annotated[int, typer.Option(min=1, max=65535, help="The port on 127.0.0.1.")] = 8050
) -> None:
    """Serve the dashboards of the current release on this machine (127.0.0.1) until Ctrl-C."""
    _need("dash", "gunicorn")
    os.environ["OUTCOMES_HOME"] = str(ctx.obj.home.resolve())
    typer.echo(f"http://127.0.0.1:{port}")
    sys.stdout.flush()
    options = f"--bind 127.0.0.1:{port} --workers 2 --threads 4 --no-control-socket"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *options.split(), "dashboards.server:server()"])


@app.command(epilog="Example: outcomes report north --period 2026-01")
def report(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The site, as in sites.csv.")],
    period: Annotated[
        str | None,
        typer.Option(help="The month YYYY-MM up to which the data go; that of the current release if left out."),
    ] = None,
) -> None:
    """Write a site's report: one HTML file that works without a network and prints well. It holds exact numbers."""
    _need("dash")
    from dashboards.reports import write_report

    typer.echo(write_report(ctx.obj, site, period))


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


def _need(*packages: str) -> None:
    """See that the packages are installed.

    Raises:
        OutcomesError: dashboards_missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise OutcomesError("dashboards_missing", package)
