"""The auditor on tables that can be followed by hand: what it finds, and where it finds nothing."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from highspy import HighsModelStatus
from pyarrow import parquet

from outcomes.disclosure import audit as auditor
from outcomes.disclosure import linear_program
from outcomes.disclosure.audit import Finding, PublishedTables, audit, audit_all, published_tables, require_safe
from outcomes.disclosure.lattice import KEY, UNNESTED, Nesting
from outcomes.disclosure.measures import Settled, in_order, protected_measures, safe_measures
from outcomes.disclosure.suppression import rounded
from outcomes.errors import OutcomesError
from tests.support.lattices import Answers, Group, by_site, has_small_count, measure_counts, shown_but

MINIMUM = 11
SITES: dict[str, Answers] = {"b": (40, 70, 30), "c": (20, 50, 40), "d": (30, 90, 50)}


def test_all_sites_without_the_shown_ones_are_the_hidden_one() -> None:
    found = _found({"pain": by_site(a=(3, 60, 20), **SITES)}, "a")
    assert _bounds(found, "numerator") == (3, 3)


def test_two_hidden_sites_with_few_patients_between_them_tell_both() -> None:
    sites = SITES | {"c": (4, 50, 40)}
    found = _found({"pain": by_site(a=(3, 60, 20), **sites)}, "ac")
    assert _bounds(found, "numerator") == (0, 7)


class _Confused:
    """A solver that finds no solution whenever it goes on from another one."""

    def __init__(self, solver: Any) -> None:
        self._solver = solver
        self._has_begun = self._goes_on = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._solver, name)

    def clearSolver(self) -> None:  # noqa: N802 - its name
        self._has_begun = False
        self._solver.clearSolver()

    def run(self) -> None:
        self._goes_on, self._has_begun = self._has_begun, True
        self._solver.run()

    def getModelStatus(self) -> HighsModelStatus:  # noqa: N802
        return HighsModelStatus.kInfeasible if self._goes_on else self._solver.getModelStatus()


def test_a_solver_that_loses_its_way_makes_no_contradiction(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"pain": by_site(a=(3, 60, 20), **SITES | {"c": (4, 50, 40)})}
    expected = _found(counts, "ac")
    real = linear_program._solver
    monkeypatch.setattr(linear_program, "_solver", lambda *given: _Confused(real(*given)))
    assert _found(counts, "ac") == expected
    assert not _found({"pain": by_site(a=(3, 60, 20), **SITES)}, "ac")


def test_two_hidden_sites_with_enough_between_them_tell_nothing() -> None:
    assert not _found({"pain": by_site(a=(3, 60, 20), **SITES)}, "ac")


def test_zero_may_be_told() -> None:
    sites = {site: (0, no, excluded) for site, (_, no, excluded) in SITES.items()}
    assert not _found({"pain": by_site(a=(0, 60, 20), **sites)}, "ac")


def test_four_cells_of_two_sites_and_two_years_are_told_by_their_margins() -> None:
    groups: dict[Group, Answers] = {}
    for site, of_years in {"a": (3, 9, 40), "b": (4, 10, 50), "c": (40, 50, 60)}.items():
        for year, yes in zip(("2022", "2023", "2024"), of_years, strict=True):
            groups[site, year, "x"] = (yes, 80, 40)
    corners = {(site, year) for site in "ab" for year in ("2022", "2023")}
    counts = measure_counts({"pain": groups})
    shown = shown_but(counts, lambda row: (row["site_id"], row["index_period"]) in corners)
    found = _audit(shown, counts)
    assert {(finding.cell[1], finding.cell[2][1]) for finding in found if finding.cell} == corners
    assert _bounds(found, "numerator", "a") == (0, 7)  # of 12 in two years, and of 7 in the year at two sites


def test_the_cohort_of_one_measure_tells_the_excluded_of_another() -> None:
    sites = {"a": (20, 60, 3), "b": (40, 70, 30), "c": (20, 50, 40)}
    everybody = {site: (20, sum(answers) - 20, 0) for site, answers in sites.items()}
    found = _found({"pain": by_site(**sites), "revision": by_site(**everybody)}, "a", measure="pain")
    assert _bounds(found, "excluded") == (3, 3)


def test_a_cohort_that_no_measure_shows_is_told_by_the_others() -> None:
    found = _found({"pain": by_site(a=(2, 3, 1), **SITES)}, "a")
    assert _bounds(found, "size") == (6, 6)


def test_hiding_small_counts_alone_is_not_enough() -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    assert _audit(shown_but(counts, has_small_count), counts)
    assert not audit(PublishedTables(MINIMUM, safe_measures(counts, MINIMUM), counts))


def test_a_part_beside_its_whole_tells_what_is_between_them() -> None:
    measures = {"whole": by_site(a=(45, 60, 20), **SITES), "part": by_site(a=(40, 65, 20), **SITES)}
    nesting, counts = Nesting(part_of=frozenset({("part", "whole")})), measure_counts(measures)
    found = _audit(shown_but(counts, lambda _: False), counts, nesting)
    assert {(finding.count, finding.low, finding.high) for finding in found} == {("what whole has more", 5, 5)}


def test_a_whole_bounds_its_hidden_part() -> None:
    sites = {"a": (14, 60, 20), "b": (16, 70, 30), "c": (20, 50, 40)}
    part = {"a": (9, 65, 20), "b": (12, 74, 30), "c": (20, 50, 40)}
    measures = {"whole": by_site(**sites), "part": by_site(**part)}
    nesting = Nesting(part_of=frozenset({("part", "whole")}))
    assert not _found(measures, "ab", measure="part")
    found = _found(measures, "ab", nesting, measure="part")
    assert _bounds(found, "numerator") == (5, 14)  # 21 in both, of which site b has 16 at the most


def test_parts_bound_a_whole_that_is_hidden_in_every_year() -> None:
    years = {"whole": (103, 102), "first": (100, 80), "second": (80, 100)}
    measures: dict[str, dict[Group, Answers]] = {
        name: {("a", year, "x"): (yes, 200 - yes, 0) for year, yes in zip(("2023", "2024"), counts, strict=True)}
        for name, counts in years.items()
    }
    nesting = Nesting(part_of=frozenset({("first", "whole"), ("second", "whole")}))
    counts = measure_counts(measures)
    shown = shown_but(counts, lambda row: row["measure"] == "whole" and row["resolution"] == "year")
    # 205 in both years, of which each has 100 at least.
    assert _bounds(_audit(shown, counts, nesting), "what whole has more") == (0, 5)


def test_hidden_parts_bound_their_whole_by_what_they_add_up_to() -> None:
    whole = by_site(a=(103, 97, 0), b=(60, 90, 0), c=(52, 98, 0), d=(51, 99, 0))
    part = by_site(a=(100, 100, 0), b=(40, 110, 0), c=(50, 100, 0), d=(50, 100, 0))
    hidden = {"whole": "acd", "part": "cd"}
    counts = measure_counts({"whole": whole, "part": part})
    shown = shown_but(counts, lambda row: (row["site_id"] or "all") in [*hidden[row["measure"]]])
    # 206 at three sites, of which c and d have 100 at least.
    found = _audit(shown, counts, Nesting(part_of=frozenset({("part", "whole")})))
    assert _bounds(found, "what whole has more") == (0, 6)


def test_who_is_counted_among_a_whole_lies_in_it_with_yes_and_no() -> None:
    measures = {"revised": by_site(a=(40, 160, 0)), "pain_after": by_site(a=(15, 20, 165))}
    counts, nesting = measure_counts(measures), Nesting(among=frozenset({("pain_after", "revised")}))
    found = _audit(shown_but(counts, lambda _: False), counts, nesting)
    assert _bounds(found, "what revised has more") == (5, 5)


def test_months_add_up_to_their_year() -> None:
    months = {"2024-01": 3, "2024-02": 40, "2024-03": 50}
    groups: dict[Group, Answers] = {("a", month, "x"): (yes, 60, 20) for month, yes in months.items()}
    counts = measure_counts({"pain": groups})
    shown = shown_but(counts, lambda row: row["index_period"] == "2024-01")
    assert _bounds(_audit(shown, counts), "numerator", "a") == (3, 3)


def test_patients_without_a_month_hide_the_hidden_month() -> None:
    months = {"2024-01": 3, "2024-02": 40, "2024": 50}
    groups: dict[Group, Answers] = {("a", month, "x"): (yes, 60, 20) for month, yes in months.items()}
    groups["b", "2024", "x"] = (50, 60, 20)
    counts = measure_counts({"pain": groups})
    assert not _audit(shown_but(counts, lambda row: row["index_period"] == "2024-01"), counts)


def test_two_releases_tell_more_than_each() -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    first = PublishedTables(MINIMUM, _hiding(counts, "ab"), counts, round_to=1)
    second = PublishedTables(MINIMUM, _hiding(counts, "ac"), counts, round_to=1)
    assert not audit(first)
    assert not audit(second)
    assert _bounds(audit(second, previous=[first]), "numerator") == (3, 3)
    assert not audit(second, previous=[second])


def test_all_kept_releases_are_asked_together() -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    oldest, before, newest = (
        PublishedTables(MINIMUM, _hiding(counts, sites), counts, round_to=1) for sites in ("ab", "abc", "ac")
    )
    assert not audit(newest, previous=[before])
    assert _bounds(audit(newest, previous=[before, oldest]), "numerator") == (3, 3)


def test_what_the_releases_before_tell_by_themselves_hinders_no_release() -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    oldest, before = (PublishedTables(MINIMUM, _hiding(counts, sites), counts, round_to=1) for sites in ("ab", "ac"))
    assert audit(before, previous=[oldest])
    assert not audit(PublishedTables(MINIMUM, _hiding(counts, "ad"), counts, round_to=1), previous=[before, oldest])


def test_an_older_release_in_which_a_site_was_another_takes_nothing_from_what_the_newer_ones_tell() -> None:
    # In the oldest two sites had swapped patients: the same total over all sites.
    swapped = measure_counts({"pain": by_site(a=(23, 60, 20), **SITES | {"c": (0, 50, 40)})})
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    oldest = PublishedTables(MINIMUM, _hiding(swapped, "ab"), swapped, round_to=1)
    before, newest = (PublishedTables(MINIMUM, _hiding(counts, sites), counts, round_to=1) for sites in ("ab", "ac"))
    assert _bounds(audit(newest, previous=[before, oldest]), "numerator") == (3, 3)


def test_what_is_the_same_in_all_releases_needs_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES), "revision": by_site(a=(4, 60, 19), **SITES)})
    released = PublishedTables(MINIMUM, _hiding(counts, "ac"), counts, round_to=1)
    monkeypatch.setattr(linear_program, "_Program", None)
    assert not audit(released, previous=[released, released])
    with pytest.raises(TypeError):
        audit(released)


def test_a_table_that_does_not_show_the_counts_behind_it_is_found() -> None:
    counts = measure_counts({"pain": by_site(a=(30, 60, 20), **SITES)})
    others = measure_counts({"pain": by_site(a=(31, 60, 20), **SITES)})
    found = audit(PublishedTables(MINIMUM, shown_but(counts, has_small_count), others, round_to=1))
    assert ("untrue counts", "a") in {(each.count, each.cell[1]) for each in found if each.cell}


def test_several_processes_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    yes = {"one": 3, "two": 5, "three": 30}
    measures = {name: by_site(a=(count, 60, 50 - count), **SITES) for name, count in yes.items()}
    counts = measure_counts(measures)
    leaky = PublishedTables(MINIMUM, shown_but(counts, has_small_count), counts, round_to=1)
    monkeypatch.setattr(auditor, "_MANY", 1)
    assert audit_all([leaky, leaky], processes=2) == sorted([*audit(leaky), *audit(leaky)], key=str)
    assert audit(leaky)


def test_what_did_not_change_tells_what_did() -> None:
    before = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    now = measure_counts({"pain": by_site(a=(9, 80, 40), **SITES)})
    first = PublishedTables(MINIMUM, _hiding(before, "ab"), before, round_to=1)
    found = audit(PublishedTables(MINIMUM, _hiding(now, "ac"), now, round_to=1), previous=[first])
    assert _bounds(found, "numerator") == (9, 9)  # without b and d, and without c as it was


def test_what_is_shown_and_did_not_change_falls_out_of_the_difference_of_two_releases() -> None:
    """75 and then 80 in all, 30 and 40 in the years before: these are as they were, so 2025 has 4 to 9, not to 16."""
    years: dict[Group, Answers] = {("a", "2023", "x"): (32, 60, 20), ("a", "2024", "x"): (41, 60, 20)}
    before, now = (measure_counts({"pain": years | more}) for more in ({}, {("a", "2025", "x"): (5, 60, 20)}))
    first, second = (
        PublishedTables(MINIMUM, shown_but(_all_rounded(counts), lambda row: row["index_period"] == "2025"), counts)
        for counts in (before, now)
    )
    assert not audit(second)
    assert _bounds(audit(second, previous=[first]), "numerator") == (4, 9)


def test_a_release_tells_nothing_of_what_one_before_has_hidden_and_has_changed_since() -> None:
    """Site b did not change, and is shown later: before, site a was what it left."""
    before = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    now = measure_counts({"pain": by_site(a=(23, 60, 20), **SITES)})
    first = PublishedTables(MINIMUM, _hiding(before, "ab"), before, round_to=1)
    found = audit(PublishedTables(MINIMUM, _hiding(now, ""), now, round_to=1), previous=[first])
    assert _bounds(found, "numerator 1 before") == (3, 3)


def test_what_changed_between_releases_is_not_taken_to_be_the_same() -> None:
    before = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    now = measure_counts({"pain": by_site(a=(9, 80, 40), **SITES | {"b": (41, 71, 31), "c": (21, 51, 41)})})
    first = PublishedTables(MINIMUM, _hiding(before, "ab"), before, round_to=1)
    assert not audit(PublishedTables(MINIMUM, _hiding(now, "ac"), now, round_to=1), previous=[first])


def test_totals_of_two_releases_tell_what_was_added_to_one_of_the_hidden_years() -> None:
    """No year is shown in either; the older years stayed as they were."""
    years = {"2023": (30, 60, 20), "2024": (40, 50, 30)}
    of_years: dict[Group, Answers] = {(site, year, "x"): of for site in "ab" for year, of in years.items()}
    before, now = (measure_counts({"pain": of_years | more}) for more in ({}, {("a", "2025", "x"): (5, 20, 15)}))
    first, second = (
        PublishedTables(MINIMUM, shown_but(counts, lambda row: row["resolution"] == "year"), counts, round_to=1)
        for counts in (before, now)
    )
    assert not audit(second)
    found = audit(second, previous=[first])
    assert {(each.low, each.high) for each in found if each.cell and each.count == "numerator"} == {(5, 5)}


def test_what_two_sites_have_swapped_teaches_nothing() -> None:
    # The same total over all sites, but two sites have swapped patients.
    before = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    now = measure_counts({"pain": by_site(a=(23, 60, 20), **SITES | {"c": (0, 50, 40)})})
    first = PublishedTables(MINIMUM, _hiding(before, "a", "b"), before, round_to=1)
    assert not audit(PublishedTables(MINIMUM, _hiding(now, "ac"), now, round_to=1), previous=[first])


def test_a_release_before_may_lack_sites_and_measures() -> None:
    before = measure_counts({"old": by_site(a=(3, 60, 20), b=(40, 70, 30), z=(20, 70, 30))})
    now = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES), "new": by_site(a=(20, 43, 20), **SITES)})
    first = PublishedTables(MINIMUM, protected_measures(before, MINIMUM), before)
    assert not audit(PublishedTables(MINIMUM, safe_measures(now, MINIMUM), now), previous=[first])


def test_after_rounding_only_what_is_surely_small_is_found() -> None:
    counts = measure_counts({"pain": by_site(a=(8, 60, 20), b=(40, 70, 30))})
    shown = protected_measures(counts, MINIMUM)
    rows = [
        row | {"state": "shown", "numerator": 40, "patients": 110, "excluded": 30}
        if row["site_id"] == "b"
        else row | {"state": "shown", "numerator": yes, "patients": yes + 130, "excluded": 50}
        if row["site_id"] is None
        else row
        for yes in (45, 50)
        for row in shown.to_pylist()
    ]
    surely, vaguely = (
        pa.Table.from_pylist(part, schema=shown.schema) for part in (rows[: len(shown)], rows[len(shown) :])
    )
    assert _bounds(audit(PublishedTables(MINIMUM, surely, counts)), "numerator") == (1, 9)
    assert not audit(PublishedTables(MINIMUM, vaguely, counts))  # 6 to 14


def test_a_rounded_count_is_bounded_by_what_the_cohort_leaves_it() -> None:
    """Site b is shown with 15 yes, 15 no and 55 excluded, of 73 to 77: it has 11 to 13 yes and not 11 to 17."""
    answers: dict[str, Answers] = {"a": (8, 6, 74), "b": (12, 11, 53), "d": (4, 7, 51)}
    measures = {"pain": by_site(**answers), "visit": by_site(**{site: (0, 0, sum(of)) for site, of in answers.items()})}
    counts = in_order(measure_counts(measures))
    rounded = _all_rounded(counts)
    shown = shown_but(rounded, lambda row: row["site_id"] == "d" and row["measure"] == "pain")
    known = [
        row | {name: exact[name] for name in ("numerator", "patients", "excluded")} if row["site_id"] == "a" else row
        for row, exact in zip(shown.to_pylist(), counts.to_pylist(), strict=True)
    ]
    found = audit(PublishedTables(MINIMUM, pa.Table.from_pylist(known, schema=shown.schema), counts, contributor="a"))
    assert _bounds(found, "numerator", "d") == (2, 7)


def test_a_rounded_count_is_bounded_by_what_the_other_strata_leave_it() -> None:
    """Of 83 to 87 yes 63 to 67 are anterior: posterior are 16 or 17 and not 11 to 17, of which site b has 15."""
    groups: dict[Group, Answers] = {
        ("a", "2024", "anterior"): (13, 60, 60),
        ("a", "2024", "posterior"): (1, 70, 60),
        ("b", "2024", "anterior"): (27, 60, 40),
        ("b", "2024", "posterior"): (15, 60, 40),
        ("c", "2024", "anterior"): (14, 60, 60),
        ("c", "2024", "posterior"): (0, 0, 0),
        ("d", "2024", "anterior"): (13, 60, 60),
        ("d", "2024", "posterior"): (0, 0, 0),
    }
    counts = in_order(measure_counts({"pain": groups}))
    shown = shown_but(
        _all_rounded(counts),
        lambda row: (
            (row["site_id"] == "a" and row["resolution"] + row["stratum_kind"] != "allall")
            or (row["site_id"] in {"c", "d"} and row["stratum"] != "posterior")
        ),
    )
    known = [
        row | {name: exact[name] for name in ("numerator", "patients", "excluded")} if row["site_id"] == "b" else row
        for row, exact in zip(shown.to_pylist(), counts.to_pylist(), strict=True)
    ]
    found = audit(PublishedTables(MINIMUM, pa.Table.from_pylist(known, schema=shown.schema), counts, contributor="b"))
    posterior = [each for each in found if each.cell and each.cell[1:] == ("a", ("all", None, "approach", "posterior"))]
    assert _bounds(posterior, "numerator", "a") == (1, 2)


@pytest.mark.parametrize(
    ("shown", "bounds"),
    [
        ({"died": None, "lost": 40, "unasked": 60}, (1, 7)),  # 93 to 97 without 35 to 44 and 55 to 64
        ({"died": None, "lost": None, "unasked": 60}, None),
        ({"died": 0, "lost": 40, "unasked": 60}, None),
    ],
)
def test_a_single_hidden_reason_is_told_by_the_sum(
    shown: dict[str, int | None], bounds: tuple[int, int] | None
) -> None:
    counts = measure_counts({"pain": by_site(a=(40, 60, 95))})
    exclusions = _exclusions("pain", shown)
    found = audit(PublishedTables(MINIMUM, protected_measures(counts, MINIMUM), counts, measure_exclusions=exclusions))
    assert [(finding.low, finding.high) for finding in found] == ([bounds] if bounds else [])


def test_a_kind_that_is_a_measure_tells_the_other() -> None:
    measures = measure_counts({"pain": by_site(a=(60, 60, 20)), "pain_persistent": by_site(a=(50, 70, 20))})
    kinds = pa.Table.from_pylist(
        [{"label": "pain", "kind": kind, "episodes": None} for kind in ("persistent", "recurrent")],
        schema=pa.schema({"label": pa.string(), "kind": pa.string(), "episodes": pa.int64()}),
    )
    pain = measures.filter(_is(measures, "measure", "pain"))
    alone = protected_measures(pain, MINIMUM)
    assert not audit(PublishedTables(MINIMUM, alone, pain, label_kinds=kinds))
    both = shown_but(measures, lambda _: False)
    (found,) = audit(PublishedTables(MINIMUM, both, measures, label_kinds=kinds, round_to=1))
    assert (found.table, found.where, found.low, found.high) == ("label_kinds", "pain recurrent", 10, 10)


def test_the_attrition_tells_the_size_of_the_cohort() -> None:
    groups: dict[Group, Answers] = {("a", year, "x"): (20, 60, 20) for year in ("2023", "2024")}
    groups["a", "2025", "x"] = (2, 3, 1)
    counts = measure_counts({"pain": groups})
    shown = shown_but(counts, lambda row: row["index_period"] == "2025" or row["resolution"] == "all")
    attrition = pa.table({"step": [1, 2], "patients_left": [300, 210]})
    assert not _audit(shown, counts)
    found = audit(PublishedTables(MINIMUM, shown, counts, attrition=attrition, round_to=1))
    assert _bounds(found, "size") == (5, 14)


@pytest.mark.parametrize("older", [{}, {"index_period": "period", "minimum_cell_count": "suppression_threshold"}])
def test_the_file_is_what_is_audited_whatever_an_older_release_calls_it(tmp_path: Path, older: dict[str, str]) -> None:
    counts = measure_counts({"pain": by_site(a=(5, 60, 20), b=(42, 70, 30))})
    leaky = shown_but(counts, has_small_count)
    path, exact = _write(
        tmp_path, leaky, counts.rename_columns([older.get(name, name) for name in counts.column_names])
    )
    with duckdb.connect(str(path)) as con:
        for table, name in (("measures", "index_period"), ("release_info", "minimum_cell_count")):
            if name in older:
                con.execute(f"alter table {table} rename column {name} to {older[name]}")
    published = published_tables(path, exact)
    assert (published.minimum_cell_count, published.attrition) == (11, None)
    with pytest.raises(OutcomesError, match="disclosure_risk") as refusal:
        require_safe(published)
    assert "5" not in refusal.value.where.split("first:")[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda shown, exact: (shown.slice(1), exact), "each measure once"),
        (lambda shown, exact: (shown, exact.slice(1)), "each measure once"),
        (
            lambda shown, exact: (shown, exact.filter(pc.not_equal(exact["stratum_kind"], "approach"))),
            "not those behind them",
        ),
        (lambda shown, exact: (shown.drop_columns("state"), exact), "measures has no state"),
        (lambda shown, exact: (shown, exact.drop_columns(["patients", "stratum"])), "true has no patients, stratum"),
    ],
)
def test_an_older_release_of_another_kind_is_said_to_be_so(
    tmp_path: Path, change: Callable[[pa.Table, pa.Table], tuple[pa.Table, pa.Table]], said: str
) -> None:
    counts = measure_counts({"pain": by_site(a=(5, 60, 20), b=(42, 70, 30))})
    with pytest.raises(ValueError, match=said):
        published_tables(*_write(tmp_path, *change(shown_but(counts, has_small_count), counts)))


def test_what_an_older_release_shows_and_is_untrue_teaches_nothing(tmp_path: Path) -> None:
    """A count of 3 was told as 15: taken for true, all else of the releases would contradict it."""
    counts = measure_counts({"pain": by_site(a=(3, 60, 20), **SITES)})
    before = published_tables(*_write(tmp_path, _all_rounded(counts), counts))
    assert before.measures is not None
    hidden = before.measures.filter(pc.equal(before.measures["state"], "suppressed"))
    assert set(hidden["site_id"].to_pylist()) == {"a"}
    now = PublishedTables(MINIMUM, safe_measures(counts, MINIMUM, previous=[before]), counts)
    assert not audit(now, previous=[before])


def _write(folder: Path, shown: pa.Table, exact: pa.Table) -> tuple[Path, Path]:
    """A dashboard.duckdb with measures, and the file of the exact ones."""
    path, behind = folder / "dashboard.duckdb", folder / "measures.parquet"
    parquet.write_table(exact, behind)
    with duckdb.connect(str(path)) as con:
        con.register("shown", shown)
        con.execute("create table measures as from shown")
        con.execute("create table release_info as select 11 as minimum_cell_count, 230 as patient_count_rounded")
    return path, behind


def test_a_registry_of_one_small_site_tells_nothing() -> None:
    counts = measure_counts({"pain": by_site(a=(2, 3, 1))})
    shown = safe_measures(counts, MINIMUM)
    assert set(shown["state"].to_pylist()) == {"suppressed"}


# --- where nobody knows the true counts --------------------------------------------------------------------------


def test_without_true_counts_years_and_strata_are_taken_to_be_all_of_their_total() -> None:
    years = {"2023": (5, 80, 0), "2024": (50, 80, 0)}
    counts = measure_counts({"pain": {("a", year, "x"): answers for year, answers in years.items()}})
    shown = _rounded(shown_but(counts, has_small_count))
    assert audit(PublishedTables(MINIMUM, shown, counts))
    assert audit(PublishedTables(MINIMUM, shown)) == audit(PublishedTables(MINIMUM, shown, counts))


@pytest.mark.parametrize("sites", ["ab", "abc"])
def test_without_true_counts_what_somebody_careless_shows_is_found_all_the_same(sites: str) -> None:
    found = 0
    for seed in range(8):
        counts = measure_counts({"pain": _drawn(np.random.default_rng(seed), sites)})
        shown = _rounded(shown_but(counts, has_small_count))
        known = audit(PublishedTables(MINIMUM, shown, counts))
        assert audit(PublishedTables(MINIMUM, shown)) == known
        found += len(known)
    assert found


@pytest.mark.parametrize("sites", ["a", "ab", "abc"])
def test_without_true_counts_patients_without_a_year_or_a_stratum_are_no_contradiction(sites: str) -> None:
    is_named = {"index_period": "2022", "stratum": "combined"}
    for seed in range(4):
        counts = in_order(measure_counts({"pain": _drawn(np.random.default_rng(seed), sites)}))
        for name, value in is_named.items():
            counts = counts.filter(pc.invert(_is(counts, name, value)))
        assert audit(PublishedTables(MINIMUM, safe_measures(counts, MINIMUM))) == []


def _drawn(random: np.random.Generator, sites: str) -> dict[Group, Answers]:
    groups = itertools.product(sites, ("2022", "2023", "2024"), ("anterior", "combined", "posterior"))
    return {
        group: (int(random.integers(0, 12)), int(random.choice([4, 30, 60])), int(random.choice([0, 0, 3, 20])))
        for group in groups
    }


def _rounded(shown: pa.Table) -> pa.Table:
    yes, patients, excluded = (shown[name].fill_null(0).to_numpy() for name in ("numerator", "patients", "excluded"))
    yes, no, excluded = (rounded(each, MINIMUM) for each in (yes, patients - yes, excluded))
    columns = {"numerator": yes, "patients": yes + no, "excluded": excluded}
    return pa.table({name: columns.get(name, shown[name]) for name in shown.column_names})


def _all_rounded(counts: pa.Table) -> pa.Table:
    everything = [(row["measure"], row["site_id"], tuple(row[name] for name in KEY)) for row in counts.to_pylist()]
    return protected_measures(counts, MINIMUM, settled=Settled(shown=everything))


def _hiding(counts: pa.Table, sites: str, measure: str | None = None) -> pa.Table:
    return shown_but(
        counts, lambda row: (row["site_id"] or "all") in [*sites] and row["measure"] == (measure or row["measure"])
    )


def _found(
    measures: dict[str, dict[Group, Answers]], sites: str, nesting: Nesting = UNNESTED, measure: str | None = None
) -> list[Finding]:
    counts = measure_counts(measures)
    return _audit(_hiding(counts, sites, measure), counts, nesting)


def _audit(shown: pa.Table, counts: pa.Table, nesting: Nesting = UNNESTED) -> list[Finding]:
    return audit(PublishedTables(MINIMUM, shown, counts, round_to=1), nesting)


def _bounds(found: list[Finding], count: str, site: str | None = "a") -> tuple[float, float]:
    return next(
        (finding.low, finding.high)
        for finding in found
        if finding.count == count and finding.cell and finding.cell[1] == site
    )


def _exclusions(measure: str, shown: dict[str, int | None]) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"measure": measure, "reason": reason, "patients": count, "state": "suppressed" if count is None else "shown"}
        for reason, count in shown.items()
    ]
    return pa.Table.from_pylist(rows)


def _is(table: pa.Table, column: str, value: str) -> pa.Array:
    return pa.array([each == value for each in table[column].to_pylist()])
