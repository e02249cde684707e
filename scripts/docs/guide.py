"""The items of the patient guide, as `docs/guide_items.csv` lists them."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parents[2] / "docs" / "guide_items.csv"


@dataclass(frozen=True)
class GuideItem:
    """One item: its section, its name, the labels that say it and, where it is one kind of a label, that kind."""

    section: str
    item: str
    labels: tuple[str, ...]
    kind: str | None


@cache
def guide_items() -> tuple[GuideItem, ...]:
    """All items, in the order of the guide."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            GuideItem(row["section"], row["item"], tuple(filter(None, row["labels"].split(";"))), row["kind"] or None)
            for row in csv.DictReader(file)
        )


def guide_order() -> list[str]:
    """The labels in the order in which the guide first comes to them."""
    return list(dict.fromkeys(label for item in guide_items() for label in item.labels))
