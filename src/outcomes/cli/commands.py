"""All commands in one program; those of other packages come by entry points of the group `outcomes.commands`.

A named mistake ends with its own exit status (docs/exit-codes.md); anything else ends with 1 and names its type and
place only, because its message may carry values of records.
"""

from __future__ import annotations

import traceback
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from outcomes.cli import federated, lake, operation, releases, submissions
from outcomes.errors import OutcomesError, UnexpectedError, fault_of_the_machine
from outcomes.home import check_home, check_writable, private_files
from outcomes.settings import Settings

_OTHERS = entry_points(group="outcomes.commands")
_NEED_NO_HOME = {"synthesize", "import", "init", "manifest", "check", "verify-log", "doctor", "make", "merge"}
"""Commands that make a home (synthesize, import, init), that name a folder or file of their own, and that look whether
it is there (doctor)."""
_WRITE = {
    *("ingest", "backfill", "reprocess", "withdraw", "repair", "forget", "vacuum", "mend"),
    *("release", "rollback", "sensitivity", "report", "run"),
}


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


def _see_to_home(part: typer.Typer) -> None:
    """Let the commands of a part, and of its groups, begin by looking whether the home is there."""
    for command in part.registered_commands:
        assert command.callback
        name = command.name or command.callback.__name__.replace("_", "-")
        if name not in _NEED_NO_HOME:
            command.cls = _OnHome
    for group in part.registered_groups:
        assert group.typer_instance
        _see_to_home(group.typer_instance)


for _part in (
    submissions.app,
    lake.app,
    releases.app,
    federated.app,
    operation.app,
    *(other.load() for other in _OTHERS),
):
    _see_to_home(_part)
    app.add_typer(_part)
