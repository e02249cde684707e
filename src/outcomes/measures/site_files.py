"""The site files that say something of the charts: annotations.csv and targets.csv."""

import csv
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from outcomes.errors import OutcomesError


@dataclass(frozen=True)
class Annotation:
    """A line of annotations.csv; `site_id` is empty when it holds for all sites, together and each."""

    site_id: str
    measure: str
    period: str
    kind: str
    text: str
    author: str
    reason: str


@dataclass(frozen=True)
class Target:
    """A line of targets.csv; `target` is a fraction, or of a rate events per 100 person-years."""

    measure: str
    target: float
    author: str
    reason: str


def load_annotations(path: Path, measures: Collection[str], sites: Collection[str]) -> tuple[Annotation, ...]:
    """Read annotations.csv: notes on charts, and the months from which limits are worked out anew.

    The columns are site_id (empty: all sites, together and each), measure, period (YYYY-MM), kind (`rebase` or
    `note`), text, author and reason. Each line has an author; a note has a text, a rebase a reason.

    Args:
        path: the file; without it there are no annotations.
        measures: the ids that there are.
        sites: the sites that there are.

    Raises:
        OutcomesError: `annotations_malformed`, with the line and what is wrong with it.
    """
    found = []
    for place, cells in _lines_of(path, Annotation, "annotations_malformed"):
        annotation = Annotation(*cells)
        for fault in _faults(annotation, measures, sites):
            raise OutcomesError("annotations_malformed", f"{place}: {fault}")
        found.append(annotation)
    return tuple(found)


def load_targets(path: Path, units: Mapping[str, str]) -> tuple[Target, ...]:
    """Read targets.csv: what measures should reach.

    The columns are measure, target (a fraction from 0 to 1, of a rate events per 100 person-years), author and reason.
    A measure has one target at most; each line has an author and a reason.

    Args:
        path: the file; without it there are no targets.
        units: `share` or `rate`, of each measure that there is.

    Raises:
        OutcomesError: `targets_malformed`, with the line and what is wrong with it.
    """
    found: dict[str, Target] = {}
    for place, (measure, stated, author, reason) in _lines_of(path, Target, "targets_malformed"):
        target = Target(measure, _number(stated), author, reason)
        for fault in _target_faults(target, units, found):
            raise OutcomesError("targets_malformed", f"{place}: {fault}")
        found[measure] = target
    return tuple(found.values())


def _lines_of(path: Path, kind: type[Annotation | Target], code: str) -> Iterator[tuple[str, list[str]]]:
    """The place and the cells of each line of a file whose columns are the fields of `kind`; none without the file."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise OutcomesError(code, f"{path.name} is not a CSV file in UTF-8") from error
    names = [field.name for field in fields(kind)]
    if not rows or rows[0] != names:
        raise OutcomesError(code, f"{path.name}: the columns must be {', '.join(names)}")
    for number, row in enumerate(rows[1:], start=2):
        place = f"{path.name}, row {number}"
        if len(row) != len(names):
            raise OutcomesError(code, f"{place}: not {len(names)} columns")
        yield place, [cell.strip() for cell in row]


def _number(text: str) -> float:
    """The number, or nan when it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _target_faults(target: Target, units: Mapping[str, str], found: Collection[str]) -> Iterable[str]:
    if target.measure not in units:
        yield "there is no such measure"
    if target.measure in found:
        yield "the measure has a target already"
    if not 0 <= target.target < math.inf:
        yield "target is not a number of 0 or more"
    if units.get(target.measure) == "share" and target.target > 1:
        yield "the target of a share is a fraction from 0 to 1"
    if not target.author:
        yield "author is empty"
    if not target.reason:
        yield "reason is empty"


def _faults(annotation: Annotation, measures: Collection[str], sites: Collection[str]) -> Iterable[str]:
    if annotation.measure not in measures:
        yield "there is no such measure"
    if annotation.site_id and annotation.site_id not in sites:
        yield "there is no such site"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", annotation.period):
        yield "period is not YYYY-MM"
    if annotation.kind not in ("rebase", "note"):
        yield "kind is neither rebase nor note"
    if not annotation.author:
        yield "author is empty"
    if annotation.kind == "rebase" and not annotation.reason:
        yield "a rebase needs a reason"
    if annotation.kind == "note" and not annotation.text:
        yield "a note needs a text"
