"""Whatever the answers, the cube has every cell once, and its margins add up to what was answered."""

from collections import Counter
from itertools import product
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.sql.engine import materialize
from outcomes.sql.files import in_order, load
from outcomes.sql.shipped import shipped
from tests.support.examples import examples

Row = dict[str, Any]

SITES = ("east", "north", "silent")
STRATA = ("approach", "levels_band", "age_band", "indication")
ANSWERS = ("yes", "no", "no_follow_up", "window_not_closed")
MEASURES = {"pain": "share", "revision": "share", "rate": "rate"}
_CUBE = ("measure_groups", "measure_totals", "measure_counts", "measure_exclusions")
_TEXT, _NUMBER = pa.string(), pa.int64()
_EPISODES = pa.schema([(name, _TEXT) for name in ("site_id", "patient_id", "index_period", *STRATA)])
_RESULTS = pa.schema(
    [*((name, _TEXT) for name in ("measure", "site_id", "patient_id", "status", "reason")), ("days", _NUMBER)]
)


@st.composite
def _registries(draw: st.DrawFn) -> list[Row]:
    """Episodes with the answers to each measure; the site `silent` has none."""
    episode = st.fixed_dictionaries(
        {
            "site_id": st.sampled_from(["east", "north"]),
            "index_period": st.sampled_from(["2019", "2019-11", "2020-02", "2021", "2021-12", "2022-01"]),
            "approach": st.sampled_from(["anterior", "posterior", None]),
            "levels_band": st.sampled_from(["1", "2", "unknown"]),
            "age_band": st.sampled_from(["under 45", "45-64"]),
            "indication": st.sampled_from(["myelopathy", None]),
            "answers": st.tuples(*[st.sampled_from(ANSWERS)] * len(MEASURES)),
            "days": st.integers(1, 4000),
        }
    )
    episodes = draw(st.lists(episode, max_size=40))
    return [row | {"patient_id": f"p{number}"} for number, row in enumerate(episodes)]


def _results(episodes: list[Row]) -> list[Row]:
    return [
        {
            "measure": measure,
            "site_id": row["site_id"],
            "patient_id": row["patient_id"],
            "status": answer if answer in ("yes", "no") else "excluded",
            "reason": None if answer in ("yes", "no") else answer,
            "days": row["days"] if unit == "rate" and answer in ("yes", "no") else None,
        }
        for row in episodes
        for (measure, unit), answer in zip(MEASURES.items(), row["answers"], strict=True)
    ]


def _cube(episodes: list[Row]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    tables = {
        "episodes": pa.Table.from_pylist(episodes, schema=_EPISODES),
        "measure_results": pa.Table.from_pylist(_results(episodes), schema=_RESULTS),
        "measure_definitions": pa.table({"measure": list(MEASURES), "unit": list(MEASURES.values())}),
        "submissions": pa.table({"site_id": [*SITES, "refused"], "status": [*["accepted"] * len(SITES), "refused"]}),
    }
    for name, rows in tables.items():
        con.register(name, rows)
    con.execute("create table reasons as from read_csv(?)", [str(shipped("sql", "reference", "reasons.csv"))])
    materialize(con, in_order(file for file in load(shipped("sql", "relations", "measures")) if file.name in _CUBE))
    return con


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[Row]:
    rows: list[Row] = con.sql(f"from {relation}").to_arrow_table().to_pylist()
    return rows


@settings(max_examples=examples(15), deadline=None, derandomize=True, database=None)
@given(_registries())
def test_the_cube_counts_what_was_answered(episodes: list[Row]) -> None:
    with _cube(episodes) as con:
        counts, exclusions = _rows(con, "measure_counts"), _rows(con, "measure_exclusions")
    cells = {_cell(row): row for row in counts}
    assert len(cells) == len(counts), "each cell once"
    answers: dict[str, list[tuple[Row, Row]]] = {measure: [] for measure in MEASURES}
    for result, episode in zip(_results(episodes), [row for row in episodes for _ in MEASURES], strict=True):
        answers[result["measure"]].append((result, episode))
    for row in counts:
        inside = [result for result, episode in answers[row["measure"]] if _is_in(episode, row)]
        status = Counter(result["status"] for result in inside)
        assert row["numerator"] == status["yes"]
        assert row["patients"] == status["yes"] + status["no"]
        assert row["excluded"] == status["excluded"]
        days = sum(result["days"] or 0 for result in inside)
        assert row["days"] == (days if MEASURES[row["measure"]] == "rate" else None)
    for row in exclusions:
        inside = [result for result, _ in answers[row["measure"]] if row["site_id"] in (None, result["site_id"])]
        assert row["patients"] == sum(result["reason"] == row["reason"] for result in inside)
    seen = {(result["measure"], result["reason"]) for result in _results(episodes) if result["reason"]}
    assert {(row["measure"], row["site_id"], row["reason"]) for row in exclusions} == {
        (measure, site, reason) for (measure, reason), site in product(seen, (*SITES, None))
    }


@settings(max_examples=examples(15), deadline=None, derandomize=True, database=None)
@given(_registries())
def test_every_cell_is_there_and_the_margins_add_up(episodes: list[Row]) -> None:
    with _cube(episodes) as con:
        counts = _rows(con, "measure_counts")
    assert {_cell(row) for row in counts} == set(product(MEASURES, (*SITES, None), _slots(episodes)))
    sums = {
        name: {_cell(row): row[name] or 0 for row in counts} for name in ("numerator", "patients", "excluded", "days")
    }
    for name, values in sums.items():
        for (measure, site, slot), value in values.items():
            assert value >= 0
            if site is None:
                assert value == sum(values[measure, each, slot] for each in SITES), name
    everybody = ("all", None, "all", None)
    for measure, site in product(MEASURES, (*SITES, None)):
        at_site = [row for row in counts if (row["measure"], row["site_id"]) == (measure, site)]
        members = sum(site in (None, row["site_id"]) for row in episodes)
        for row in at_site:
            assert row["numerator"] <= row["patients"]
        assert sums["patients"][measure, site, everybody] + sums["excluded"][measure, site, everybody] == members
        for name, values in sums.items():
            total = values[measure, site, everybody]
            assert total == sum(row[name] or 0 for row in at_site if row["resolution"] == "year")
            for stratum in STRATA if episodes else ():
                assert total == sum(row[name] or 0 for row in at_site if row["stratum_kind"] == stratum)
            for year in {row["index_period"] for row in at_site if row["resolution"] == "year"}:
                in_year = values[measure, site, ("year", year, "all", None)]
                months = sum(
                    row[name] or 0
                    for row in at_site
                    if row["resolution"] == "month" and row["index_period"].startswith(year)
                )
                only_year = any(row["index_period"] == year and site in (None, row["site_id"]) for row in episodes)
                assert months <= in_year if only_year else months == in_year


def _cell(row: Row) -> tuple[Any, ...]:
    return row["measure"], row["site_id"], (row["resolution"], row["index_period"], row["stratum_kind"], row["stratum"])


def _is_in(episode: Row, cell: Row) -> bool:
    return (
        cell["site_id"] in (None, episode["site_id"])
        and (cell["resolution"] != "year" or episode["index_period"][:4] == cell["index_period"])
        and (cell["resolution"] != "month" or episode["index_period"] == cell["index_period"])
        and (cell["stratum_kind"] == "all" or (episode[cell["stratum_kind"]] or "unknown") == cell["stratum"])
    )


def _slots(episodes: list[Row]) -> set[tuple[Any, ...]]:
    """The periods and strata that must be there: years and months without gaps, and every stratum seen."""
    years = [int(row["index_period"][:4]) for row in episodes]
    months = [
        12 * int(row["index_period"][:4]) + int(row["index_period"][5:]) - 1
        for row in episodes
        if len(row["index_period"]) == 7
    ]
    return {
        ("all", None, "all", None),
        *(("year", str(year), "all", None) for year in _without_gaps(years)),
        *(("month", f"{month // 12}-{month % 12 + 1:02}", "all", None) for month in _without_gaps(months)),
        *(("all", None, kind, row[kind] or "unknown") for kind in STRATA for row in episodes),
    }


def _without_gaps(numbers: list[int]) -> range:
    return range(min(numbers), max(numbers) + 1) if numbers else range(0)
