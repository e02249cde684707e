"""Published figures beside the registry's own, each with what it counts and whether that is the same."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("published_figures.csv")


@dataclass(frozen=True)
class Published:
    """A figure of a publication; not comparable where what it counts differs from the measure by more than words."""

    measure: str
    figure: str
    definition: str
    source: str
    is_comparable: bool


def published(measure: str) -> Sequence[Published]:
    """The published figures of a measure, in the order of the file."""
    return [one for one in _figures() if one.measure == measure]


@cache
def _figures() -> tuple[Published, ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(**row | {"is_comparable": row["is_comparable"] == "yes"}) for row in csv.DictReader(file)
        )
