"""What a release suppresses: how many cells of measures each state has."""

from collections import Counter
from dataclasses import dataclass

from dashboards.data.reader import Reader


@dataclass(frozen=True)
class MeasureCells:
    """Cells of measures of one kind; `state` is one of `outcomes.sql.catalog.marts.STATE`."""

    is_of_all_sites: bool
    breakdown: str
    state: str
    cells: int


_BREAKDOWN = """
case when stratum_kind <> 'all' then 'stratum' when resolution = 'year' then 'year' else 'whole' end
"""


def cells_of_measures(reader: Reader) -> dict[tuple[bool, str], Counter[str]]:
    """How many cells have each state, by whether they are of all sites and what they break down (whole, year, stratum).

    Cells are counted, never patients.
    """
    derived = {"is_of_all_sites": "site_id is null", "breakdown": _BREAKDOWN, "cells": "count(*)"}
    counted: dict[tuple[bool, str], Counter[str]] = {}
    for one in reader.protected(MeasureCells, "measures", "true group by all", derived=derived):
        counted.setdefault((one.is_of_all_sites, one.breakdown), Counter())[one.state] += one.cells
    return counted
