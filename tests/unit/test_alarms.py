"""What a first screen names: the rule case by case, and how seldom and how surely it names in simulated registries."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.alarms import STORIES, lost_sentence, stories_table
from outcomes.measures.alarms import alarms_table
from tests.support import marts
from tests.support.examples import examples
from tests.support.registries import HEADLINES, PAIN, REVISION, SITES, Registry, Story, simulated

Row = dict[str, Any]

_DIRECTIONS = {"pain": "lower_is_better", "better": "higher_is_better", "early": "neutral"}
FIGURES = {"observed": 60, "expected": 47.0, "ratio": 1.28, "ratio_low": 1.12, "ratio_high": 1.46}


def alarms(
    comparison: list[Row] | None = None, cusum: list[Row] | None = None, charts: list[Row] | None = None
) -> list[Row]:
    """What is named of a site; what a row does not state is that of pain at the north."""
    of = {"measure": "pain", "site_id": "north"}
    given: dict[str, list[Row]] = {
        "site_comparison": [of | {"marking": "compared"} | FIGURES | row for row in comparison or []],
        "cusum_points": [of | {"index_period": "2020-01"} | row for row in cusum or []],
        "control_chart_points": [
            of | {"months": 3, "chart": "p", "is_judged": True, "centre": 0.2, "value": 0.5} | row
            for row in charts or []
        ],
    }
    names = {"cusum_points": "cusum", "control_chart_points": "control_charts"}
    with duckdb.connect() as con:
        for name, rows in given.items():
            con.register(name, marts.table(marts.exact(names.get(name, name)), rows))
        definitions = {"measure": list(_DIRECTIONS), "direction": list(_DIRECTIONS.values())}
        con.register("measure_definitions", pa.table(definitions))
        named: list[Row] = alarms_table(con).to_pylist()
    return named


@pytest.mark.parametrize(
    ("position", "signals", "reason"),
    [
        ("above_99_8", [], "beyond_99_8"),
        ("below_99_8", [], "beyond_99_8"),
        ("above_99_8", ["upper"], "beyond_99_8"),
        ("above_95", ["upper"], "beyond_95_and_cusum"),
        ("above_95", ["both"], "beyond_95_and_cusum"),
        ("below_95", ["lower", None], "beyond_95_and_cusum"),
        ("above_95", [], "beyond_95"),
        ("above_95", ["lower"], "beyond_95"),
        ("below_95", ["upper"], None),
        ("below_95", [], None),
        ("inside", ["upper", "both"], None),
        (None, ["upper"], None),
    ],
)
def test_the_sum_over_time_names_a_measure(position: str | None, signals: list[str | None], reason: str | None) -> None:
    rows = alarms([{"position": position}], [{"signal": signal} for signal in signals])
    assert [row["reason"] for row in rows] == ([reason] if reason else [])


def test_a_sentence_has_its_numbers() -> None:
    (row,) = alarms([{"position": "above_99_8"}])
    assert (row["side"], row["variation"]) == ("more", "special_concerning")
    assert {name: row[name] for name in FIGURES} == FIGURES
    assert row["index_period"] is None


@pytest.mark.parametrize(
    ("measure", "position", "variation"),
    [
        ("pain", "above_99_8", "special_concerning"),
        ("pain", "below_99_8", "special_improving"),
        ("better", "above_99_8", "special_improving"),
        ("better", "below_99_8", "special_concerning"),
        ("early", "above_99_8", "special_neutral"),
    ],
)
def test_what_is_named_has_a_direction(measure: str, position: str, variation: str) -> None:
    (row,) = alarms([{"measure": measure, "position": position}])
    assert row["variation"] == variation


def test_among_many_sites_the_widened_limits_count() -> None:
    assert alarms([{"position": "above_99_8", "widened_position": "inside"}]) == []
    (row,) = alarms([{"position": "above_99_8", "widened_position": "above_95"}], [{"signal": "upper"}])
    assert row["reason"] == "beyond_95_and_cusum"


def test_a_period_that_the_next_confirms_names_a_measure() -> None:
    quarters = [{"index_period": f"2025-{month:02d}", "is_confirmed": month == 4} for month in (1, 4, 7, 10)]
    (row,) = alarms(charts=quarters)
    assert (row["reason"], row["index_period"], row["months"], row["value"]) == ("confirmed", "2025-04", 3, 0.5)
    assert (row["side"], row["variation"], row["observed"]) == ("more", "special_concerning", None)


def test_on_a_g_chart_higher_values_are_fewer_outcomes() -> None:
    (row,) = alarms(charts=[{"index_period": "2025-01", "chart": "g", "value": 90, "centre": 30, "is_confirmed": True}])
    assert (row["side"], row["variation"]) == ("fewer", "special_improving")


@pytest.mark.parametrize(("months", "later", "is_named"), [(3, 3, True), (3, 4, False), (1, 11, True), (1, 12, False)])
def test_what_was_confirmed_more_than_a_year_ago_is_not_named(months: int, later: int, is_named: bool) -> None:
    first = {"index_period": "2020-01", "is_confirmed": True}
    rest = [{"index_period": f"2021-{number:02d}", "is_confirmed": False} for number in range(1, later + 1)]
    immature = {"index_period": "2029-01", "is_confirmed": False, "is_judged": False}
    rows = alarms(charts=[row | {"months": months} for row in (first, *rest, immature)])
    assert bool(rows) == is_named


def test_all_sites_together_are_named_on_no_screen() -> None:
    assert alarms(charts=[{"site_id": None, "index_period": "2025-01", "is_confirmed": True}]) == []


def test_a_measure_is_named_once_for_the_strongest_reason() -> None:
    charts = [{"index_period": "2025-01", "is_confirmed": True, "value": 0.1}]
    (row,) = alarms([{"position": "above_99_8"}], charts=charts)
    assert (row["reason"], row["side"]) == ("beyond_99_8", "more")


def test_the_mart_describes_the_table() -> None:
    declared = marts.exact("alarms")
    (row,) = alarms([{"position": "above_99_8"}])
    assert list(row) == marts.names(declared)


# Registries of 6 sites with 830 patients each, 5 headlines and 60 further charts.
_REGISTRIES = examples(6)


@cache
def registries(kind: str) -> list[Registry]:
    """Simulated registries whose first site has one story."""
    stories = {
        "unchanged": Story(),
        "pain": Story({PAIN: 1.25}, charted=0),
        "revision": Story({REVISION: 2.0}, charted=0),
        "lost": Story(lost_by_horizon=0.7, charted=0),
    }
    return [simulated(stories[kind], seed) for seed in range(_REGISTRIES)]


def test_where_nothing_changed_hardly_any_measure_is_named() -> None:
    named = sum(len(registry.alarms) for registry in registries("unchanged"))
    measures = _REGISTRIES * SITES * (len(HEADLINES) + Story().charted)
    assert named / measures <= 0.01, "the budget is 2 %"


@pytest.mark.parametrize(("kind", "measure"), [("pain", PAIN), ("revision", REVISION)])
def test_a_lasting_excess_is_named(kind: str, measure: str) -> None:
    named = [registry.named("site-0", measure) for registry in registries(kind)]
    # Nine in ten of many registries; of few, chance has its part.
    assert np.mean(named) >= 0.9 - 1 / _REGISTRIES


def test_a_site_that_loses_its_patients_looks_neither_better_nor_worse() -> None:
    ratios = [
        row["ratio"]
        for registry in registries("lost")
        for row in registry.comparison.to_pylist()
        if (row["site_id"], row["measure"]) == ("site-0", REVISION)
    ]
    error = np.std(ratios) / np.sqrt(len(ratios))
    assert abs(np.mean(ratios) - 1) < 2.5 * error
    assert not [
        row
        for registry in registries("lost")
        for row in registry.alarms
        if (row["site_id"], row["measure"], row["reason"]) == ("site-0", REVISION, "beyond_99_8")
    ]


def test_the_docs_have_a_row_of_each_simulated_story() -> None:
    table = list(stories_table({told.title: registries("pain") for told in STORIES}))
    page = (Path(__file__).parents[2] / "docs" / "quality-teams.md").read_text(encoding="utf-8")
    assert table[0] in page
    for told, row in zip(STORIES, table[2:], strict=True):
        title, count, share = row.strip("| ").split(" | ")
        assert (title, count) == (told.title, str(_REGISTRIES))
        assert re.search(rf"{re.escape(told.title)} \| [0-9]+ \| [0-9]+%", page)
        assert (float(share.rstrip("%")) >= 50) == (PAIN in told.measures)


def test_the_figure_of_the_site_that_loses_its_patients_is_a_mean_of_all_registries() -> None:
    said = lost_sentence(registries("lost"))
    assert said.startswith(f"In {_REGISTRIES} simulated registries")
    mean, error = map(float, re.findall(r"(?:had|error) ([0-9.]+[0-9])", said))
    assert abs(mean - 1) < 3 * error
