"""Commands of a federated study: make and run its package, merge what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from outcomes.cli import printing
from outcomes.cli.options import check_new

app = typer.Typer()
package = typer.Typer(
    help="The package of a federated study: what its sites run, each on its own lake.",
    epilog="Example: outcomes package run asd-2026.zip --key study.pub --to north.zip",
    no_args_is_help=True,
)
app.add_typer(package, name="package")

_PUBLIC_KEY = typer.Option("--key", help="The coordinator's public key (Ed25519, PEM), which came by another way.")


@package.command(epilog="Example: outcomes package make asd-2026.zip --study asd-2026 --key study.pem")
def make(
    ctx: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; there must be none.")],
    study: Annotated[str, typer.Option(help="The study's name: lower-case letters, digits, `-` and `_`.")],
    key: Annotated[Path, typer.Option(help="Your private key (Ed25519, PEM).")],
) -> None:
    """Write and sign a package that asks for the code, definitions and thresholds that are installed here.

    The smallest count that results may show is that of OUTCOMES_MINIMUM_CELL_COUNT. Nothing of a home is read.
    """
    from outcomes.federated.package import make_package

    check_new(to, "FILE")
    made = make_package(ctx.obj, study, key, to)
    typer.echo(f"package {made.study} ({made.code_version}): {to}")


@package.command(epilog="Example: outcomes package run asd-2026.zip --key study.pub --to north.zip")
def run(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The package.")],
    key: Annotated[Path, _PUBLIC_KEY],
    to: Annotated[Path, typer.Option(metavar="FILE", help="The result to write; there must be none.")],
) -> None:
    """Release what is in the lake, if it is not released, and write its protected marts as the answer to a package.

    Nothing runs unless the package is signed with the key and asks for what is installed here. The result holds the
    tables of dashboard.duckdb and nothing else: look at it before you send it.
    """
    from outcomes.federated.package import open_package
    from outcomes.federated.result import run_package

    check_new(to)
    asked = open_package(file, key)
    with printing.progress("release") as show:
        release = run_package(ctx.obj, asked, to, show, ctx.obj.threads)
    typer.echo(f"result of release {release.id} for {asked.study}: {to}")


@app.command(epilog="Example: outcomes merge north.zip south.zip --package asd-2026.zip --key study.pub --to merged")
def merge(
    results: Annotated[list[Path], typer.Argument(metavar="RESULT...", help="What the sites sent, in any order.")],
    package_file: Annotated[Path, typer.Option("--package", help="The package that they answer.")],
    key: Annotated[Path, _PUBLIC_KEY],
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write; there must be none.")],
) -> None:
    """Audit the results of a package and merge them: their protected marts side by side, and totals with bounds."""
    from outcomes.federated.merge import merge as merge_results
    from outcomes.federated.package import open_package

    merged = merge_results(open_package(package_file, key), results, to)
    typer.echo(
        f"{merged.results} results of {merged.sites} sites: {merged.folder}\n"
        f"{merged.totals:,} totals, {merged.suppressed:,} of them with a part that is suppressed"
    )
