"""What the sections have in common."""

from dashboards import wording
from dashboards.cards import Cell
from dashboards.charts import style
from dashboards.data.deliveries import (
    BlankedCells,
    BrokenRule,
    FailingRule,
    RuleFailure,
    Submission,
    TableRows,
)

ROWS = 60
"""The latest of longer lists."""
ROW_COUNTS = ("Rows in", "Accepted", "Quarantined", "Pending")
COUNTED = {"color": style.GREY}
OWN = {"color": style.BLUE}


def attempt(
    one: Submission | RuleFailure | TableRows | BrokenRule | BlankedCells | FailingRule,
) -> tuple[str, int]:
    """Which attempt of its site a row is about."""
    return one.submission_period, one.attempt


def latest_only(number: int) -> str:
    """That a list of so many rows is cut; nothing where it is not."""
    return f"The latest {ROWS} of {wording.count(number)}." if number > ROWS else ""


def share(part: int, whole: int) -> Cell:
    """A part of rows in percent; a dash of none."""
    return Cell(f"{100 * part / whole:.1f}{wording.NBSP}%", round(part / whole, 5)) if whole else Cell(wording.DASH)


def fraction(share: float | None, n: int) -> Cell:
    """A share of so many patients in percent; a dash where there is none."""
    return Cell(wording.DASH) if share is None else Cell(wording.percent(share, n), round(share, 5))
