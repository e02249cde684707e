"""What options and arguments of several commands have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from outcomes.errors import OutcomesError

if TYPE_CHECKING:
    from pathlib import Path


def month(param: typer.CallbackParam, value: str | None) -> str | None:
    """A month that an option gave, if it did.

    Raises:
        OutcomesError: period_malformed.
    """
    from outcomes.periods import is_month

    if value is not None and not is_month(value):
        raise OutcomesError("period_malformed", param.opts[0])
    return value


def check_new(file: Path, hint: str = "--to") -> None:
    """See that a file can be written and overwrites none; the hint says which option or argument names it.

    Raises:
        typer.BadParameter: else.
    """
    if file.exists():
        raise typer.BadParameter("it is there already; name a new file", param_hint=hint)
    if not file.absolute().parent.is_dir():
        raise typer.BadParameter("its folder is not there", param_hint=hint)


def site_and_period(text: str) -> tuple[str, str]:
    """The parts of `SITE/PERIOD`."""
    site_id, _, period = text.partition("/")
    return site_id, period
