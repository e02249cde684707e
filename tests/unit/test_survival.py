"""Cumulative incidence against hand-worked and published examples and against two independent implementations."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm
from sksurv.nonparametric import (  # type: ignore[import-untyped]
    cumulative_incidence_competing_risks,
    kaplan_meier_estimator,
    nelson_aalen_estimator,
)
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from outcomes.arrays import Counts, Ints
from outcomes.disclosure.curves import protected_curves
from outcomes.measures.curves import cumulative_incidence_table, grid_days
from outcomes.statistics.survival import Curves, aalen_johansen, aalen_johansen_at, nelson_aalen, one_minus_kaplan_meier
from tests.support import marts

CENSORED, EVENT, COMPETING = range(3)
Ends = Ints
"""Patients by day and cause, shape (patients, 2)."""

BY_HAND = np.array([(2, 1), (3, 0), (5, 1), (5, 2), (7, 0), (8, 1), (9, 2), (10, 0), (12, 1), (12, 0)], dtype=np.int64)

# Satagopan 2004, Br J Cancer 91:1229 (https://doi.org/10.1038/sj.bjc.6602102), table 2: months, of 305 patients the
# first nine to leave.
BREAST_CANCER = np.array(
    [(7, 0), (10, 1), (14, 0), (16, 1), (18, 2), (23, 1), (24, 0), (26, 2), (27, 1), *[(28, 0)] * 296], dtype=np.int64
)

# Freireich 1963, Blood 21:699: weeks of remission under 6-MP; the estimates are those of Gehan 1965, which every
# textbook repeats.
REMISSION = np.array(
    [
        *[(week, 1) for week in (6, 6, 6, 7, 10, 13, 16, 22, 23)],
        *[(week, 0) for week in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)],
    ],
    dtype=np.int64,
)


def counts(ends: Ends, days: int | None = None) -> tuple[Counts, Counts, Counts]:
    """Patients with the event, a competing one and neither, on each day."""
    day, cause = ends.T
    length = days or int(day.max()) + 1
    return tuple(np.bincount(day[cause == each], minlength=length) for each in (EVENT, COMPETING, CENSORED))  # type: ignore[return-value]


def registry(seed: int, patients: int = 200, days: int = 60) -> Ends:
    """Random ends with ties, some on day 0, each cause among them, the last patients censored."""
    draw = np.random.default_rng(seed)
    ends = np.column_stack([draw.integers(0, days, patients), draw.choice(3, patients, p=(0.5, 0.3, 0.2))])
    return np.concatenate([ends, [(days, CENSORED), (days, CENSORED)]]).astype(np.int64)


def test_by_hand() -> None:
    curves = aalen_johansen(*counts(BY_HAND))
    days = [1, 2, 4, 5, 7, 8, 9, 12]
    assert curves.at_risk[[2, 5, 8, 9, 12]].tolist() == [10, 8, 5, 4, 2]
    assert curves.incidence[days] == pytest.approx(
        [0, 1 / 10, 1 / 10, 17 / 80, 17 / 80, 139 / 400, 139 / 400, 11 / 20], abs=1e-12
    )
    sensitivity = one_minus_kaplan_meier(*counts(BY_HAND))
    assert sensitivity.incidence[days] == pytest.approx([0, 0.1, 0.1, 0.2125, 0.2125, 0.37, 0.37, 0.685], abs=1e-12)


def test_the_variance_by_hand() -> None:
    """Three patients: an event, a competing event, censoring; the variance of 1/3 is the binomial one, and stays."""
    curves = aalen_johansen(*counts(np.array([(1, 1), (2, 2), (3, 0)])))
    half = norm.ppf(0.975) * np.sqrt((1 / 3) * (2 / 3) / 3) / ((1 / 3) * np.log(1 / 3))
    assert curves.low[1:4] == pytest.approx([(1 / 3) ** np.exp(-half)] * 3, abs=1e-12)
    assert curves.high[1:4] == pytest.approx([(1 / 3) ** np.exp(half)] * 3, abs=1e-12)


def test_a_published_table_of_competing_risks() -> None:
    curves = aalen_johansen(*counts(BREAST_CANCER))
    assert curves.at_risk[[10, 16, 18, 23, 26, 27]].tolist() == [304, 302, 301, 300, 298, 297]
    steps = np.diff(curves.incidence[[9, 10, 16, 23, 27]])
    assert np.round(steps * 100, 1).tolist() == [0.3, 0.3, 0.3, 0.3]
    # The table adds its rounded steps up to 1.2.
    assert curves.incidence[27] * 100 == pytest.approx(1.2, abs=4 * 0.05)


def test_a_published_kaplan_meier_curve() -> None:
    weeks = [6, 7, 10, 13, 16, 22, 23]
    curves = one_minus_kaplan_meier(*counts(REMISSION))
    assert curves.at_risk[weeks].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert np.round(1 - curves.incidence[weeks], 3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    # The log-log limits of R's survfit.
    assert np.round(1 - curves.high[weeks], 3).tolist() == [0.620, 0.563, 0.503, 0.432, 0.368, 0.268, 0.188]
    assert np.round(1 - curves.low[weeks], 3).tolist() == [0.952, 0.923, 0.889, 0.849, 0.805, 0.747, 0.680]


@pytest.mark.parametrize("seed", range(5))
def test_aalen_johansen_agrees_with_scikit_survival(seed: int) -> None:
    ends = registry(seed)
    curves = aalen_johansen(*counts(ends))
    days, incidence, limits = cumulative_incidence_competing_risks(
        ends[:, 1], ends[:, 0], conf_type="log-log", var_type="Dinse_Approx"
    )
    days = days.astype(int)
    np.testing.assert_allclose(curves.incidence[days], incidence[EVENT], atol=1e-9, rtol=0)
    known = incidence[EVENT] > 0
    np.testing.assert_allclose(curves.low[days][known], limits[EVENT, 0][known], atol=1e-9, rtol=0)
    np.testing.assert_allclose(curves.high[days][known], limits[EVENT, 1][known], atol=1e-9, rtol=0)
    # Where nobody has had the event it gives an interval of no width, we give none.
    assert np.isnan(curves.low[days][~known]).all()


@pytest.mark.parametrize("seed", range(5))
def test_aalen_johansen_agrees_with_statsmodels(seed: int) -> None:
    ends = registry(seed)
    curves = aalen_johansen(*counts(ends))
    fitted = CumIncidenceRight(ends[:, 0], ends[:, 1])
    days, share, error = fitted.times.astype(int), fitted.cinc[0], fitted.cinc_se[0]
    np.testing.assert_allclose(curves.incidence[days], share, atol=1e-9, rtol=0)
    known = share > 0
    exponent = norm.ppf(0.975) * error[known] / (share[known] * np.log(share[known]))
    np.testing.assert_allclose(curves.low[days][known], share[known] ** np.exp(-exponent), atol=1e-9, rtol=0)
    np.testing.assert_allclose(curves.high[days][known], share[known] ** np.exp(exponent), atol=1e-9, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_kaplan_meier_agrees_with_both(seed: int) -> None:
    ends = registry(seed)
    curves = one_minus_kaplan_meier(*counts(ends))
    days, survival, limits = kaplan_meier_estimator(ends[:, 1] == EVENT, ends[:, 0], conf_type="log-log")
    days = days.astype(int)
    np.testing.assert_allclose(1 - curves.incidence[days], survival, atol=1e-9, rtol=0)
    known = survival < 1
    np.testing.assert_allclose(1 - curves.high[days][known], limits[0][known], atol=1e-9, rtol=0)
    np.testing.assert_allclose(1 - curves.low[days][known], limits[1][known], atol=1e-9, rtol=0)
    fitted = SurvfuncRight(ends[:, 0], ends[:, 1] == EVENT)
    days, share, error = fitted.surv_times.astype(int), fitted.surv_prob, fitted.surv_prob_se
    np.testing.assert_allclose(1 - curves.incidence[days], share, atol=1e-9, rtol=0)
    exponent = norm.ppf(0.975) * error / (share * np.log(share))
    np.testing.assert_allclose(1 - curves.high[days], share ** np.exp(-exponent), atol=1e-9, rtol=0)


def test_where_the_last_patients_have_an_event_the_limits_stay_known() -> None:
    """Both other implementations divide by nobody there; the estimate no longer depends on that day's other share."""
    ends = np.array([(1, 1), (2, 0), (3, 2), (4, 1), (4, 2)])
    curves = aalen_johansen(*counts(ends))
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = CumIncidenceRight(ends[:, 0], ends[:, 1])
    np.testing.assert_allclose(curves.incidence[1:], fitted.cinc[0], atol=1e-9, rtol=0)
    assert np.isnan(fitted.cinc_se[0][-1])
    assert 0 < curves.low[4] < curves.incidence[4] < curves.high[4] < 1


def test_an_estimate_of_0_or_1_has_no_limits() -> None:
    curves = aalen_johansen(*counts(np.array([(1, 0), (2, 1), (3, 1)])))
    assert curves.incidence.tolist() == [0, 0, 0.5, 1]
    assert np.isnan(curves.low).tolist() == [True, True, False, True]
    assert np.isnan(curves.high).tolist() == [True, True, False, True]


@pytest.mark.parametrize("estimate", [aalen_johansen, one_minus_kaplan_meier])
def test_many_groups_at_once_are_each_as_alone(estimate: Any) -> None:
    alone = [counts(registry(seed, days=20 + 10 * seed), days=71) for seed in range(4)]
    together: Curves = estimate(*(np.stack(each) for each in zip(*alone, strict=True)))
    for group, each in enumerate(alone):
        for curve, expected in zip(together, estimate(*each), strict=True):
            np.testing.assert_array_equal(curve[group], expected)


def test_after_the_last_patient_nothing_is_said() -> None:
    curves = aalen_johansen(*counts(BY_HAND, days=20))
    assert curves.at_risk[13:].tolist() == [0] * 7
    assert np.isnan(curves.incidence[13:]).all()


def test_the_grid_reaches_the_last_day_and_holds_the_horizons_before_it() -> None:
    assert grid_days(0).tolist() == [0]
    assert grid_days(100).tolist() == [0, 30, 60, 90, 120]
    assert {90, 365, 730, 1826, 3652, 7305} <= set(grid_days(7306).tolist())
    assert grid_days(355).tolist()[-2:] == [330, 365]
    assert grid_days(366).tolist()[-3:] == [330, 365, 390]


def test_the_grid_has_no_other_day_within_15_days_of_a_horizon() -> None:
    grid = grid_days(7400)
    for horizon in (90, 365, 730, 1826, 3652, 7305):
        assert grid[np.abs(grid - horizon) <= 15].tolist() == [horizon]
    assert np.diff(grid).max() <= 45


def connection(patients: list[tuple[str, str, Ends]]) -> duckdb.DuckDBPyConnection:
    """Episodes given by site, approach and, in one group, the ends for the outcome `revision`."""
    con = duckdb.connect()
    rows = [
        {"site_id": site, "patient_id": f"p{group}-{number}", "approach": approach}
        | {"day": int(day), "cause": int(cause)}
        for group, (site, approach, ends) in enumerate(patients)
        for number, (day, cause) in enumerate(ends)
    ]
    con.register("rows", pa.Table.from_pylist(rows))
    con.execute(
        "create table episodes as select site_id, patient_id, nullif(approach, '') as approach, "
        "'1' as levels_band, '45-64' as age_band, 'other' as indication from rows"
    )
    con.execute("create table time_to_event as select site_id, patient_id, 'revision' as outcome, day, cause from rows")
    return con


def rows_of(table: pa.Table, **equal: object) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in equal.items())]


def test_the_table_reads_off_what_the_days_say() -> None:
    north, south = registry(1, days=400), registry(2, days=900)
    table = cumulative_incidence_table(connection([("north", "anterior", north), ("south", "", south)]))
    assert set(table["stratum"].to_pylist()) == {None, "anterior", "unknown", "1", "45-64", "other"}
    for estimator, estimate in (("aalen_johansen", aalen_johansen), ("one_minus_km", one_minus_kaplan_meier)):
        for site, ends in ((None, np.concatenate([north, south])), ("north", north)):
            curves = estimate(*counts(ends, days=901))
            found = rows_of(table, estimator=estimator, site_id=site, stratum_kind="all")
            days = [row["day"] for row in found]
            assert days == grid_days(900).tolist()
            np.testing.assert_array_equal([row["at_risk"] for row in found], curves.at_risk[days])
            for name in ("incidence", "low", "high"):
                got = np.array([row[name] for row in found], dtype=float)
                np.testing.assert_array_equal(got, getattr(curves, name)[days])
            so_far = [
                int(((ends[:, 0] <= 365) & (ends[:, 1] == cause)).sum()) for cause in (EVENT, COMPETING, CENSORED)
            ]
            at_365 = found[days.index(365)]
            assert [at_365[name] for name in ("events", "competing", "censored")] == so_far


def test_the_tables_have_the_columns_and_the_rows_of_their_marts() -> None:
    con = connection([(site, "anterior", registry(seed)) for seed, site in enumerate(("south", "east", "north"))])
    exact = cumulative_incidence_table(con)
    con.register("curves", exact)
    mart = marts.exact("cumulative_incidence")
    assert exact.column_names == marts.names(mart)
    by_key = [(name, "ascending") for name in mart.key]
    assert con.sql(mart.select).to_arrow_table().to_pylist() == exact.sort_by(by_key).to_pylist()
    assert set(protected_curves(exact, 11).column_names) == {*marts.names(marts.protected("cumulative_incidence"))}


def test_nothing_to_wait_for_gives_empty_tables() -> None:
    con = connection([("north", "anterior", BY_HAND)])
    con.execute("delete from time_to_event")
    table = cumulative_incidence_table(con)
    assert table.num_rows == 0
    assert protected_curves(table, 11).num_rows == 0


def _steady(patients: int, each: int, cause: int) -> Ends:
    """`each` patients with the cause in every 30 days, from day 1; the others censored on day 365."""
    days = [(30 * step + 1, cause) for step in range(12) for _ in range(each)]
    return np.array([*days, *[(365, CENSORED)] * (patients - len(days))], dtype=np.int64)


def test_a_curve_moves_only_with_enough_events() -> None:
    table = cumulative_incidence_table(connection([("north", "anterior", _steady(500, 4, EVENT))]))
    found = rows_of(protected_curves(table, 11), stratum_kind="all", site_id=None)
    shown = {row["day"]: (row["at_risk"], row["events"]) for row in found if row["state"] == "shown"}
    # 4 events each 30 days: after 3 steps there are 12, since the last day shown.
    assert shown == {0: (500, 0), 90: (490, 20), 180: (480, 20), 270: (460, 40), 365: (450, 50)}
    assert {row["state"] for row in found} == {"shown", "suppressed"}
    assert all(row["incidence"] is None for row in found if row["state"] != "shown")


def test_a_horizon_is_not_withheld_for_few_events_since_a_day_near_it() -> None:
    steady = _steady(500, 15, EVENT)
    steady[-35:-30], steady[-30:] = (362, EVENT), (400, EVENT)
    table = cumulative_incidence_table(connection([("north", "anterior", steady)]))
    found = rows_of(protected_curves(table, 11), stratum_kind="all", site_id=None)
    assert "shown" in {row["state"] for row in found if row["day"] == 365}


def test_estimates_are_rounded() -> None:
    table = cumulative_incidence_table(connection([("north", "anterior", _steady(500, 30, EVENT))]))
    for row in rows_of(protected_curves(table, 11), state="shown"):
        for name in ("incidence", "low", "high"):
            assert row[name] is None or row[name] == round(row[name], 3)


def test_a_site_with_few_events_is_suppressed_whole_and_another_with_it() -> None:
    few, some, many = _steady(400, 0, EVENT), _steady(400, 12, EVENT), _steady(900, 20, EVENT)
    few[:5] = (100, EVENT)
    con = connection([("few", "anterior", few), ("some", "anterior", some), ("many", "anterior", many)])
    protected = protected_curves(cumulative_incidence_table(con), 11)
    by_site = {
        site: {row["state"] for row in rows_of(protected, stratum_kind="all", site_id=site)}
        for site in (None, "few", "some", "many")
    }
    assert by_site["few"] == by_site["some"] == {"suppressed"}
    assert "shown" in by_site["many"]
    assert "shown" in by_site[None]


def test_a_curve_ends_where_few_are_at_risk() -> None:
    early = np.array([*[(45, CENSORED)] * 95, *[(200, CENSORED)] * 5])
    late = np.array([*[(200, CENSORED)] * 300])
    table = cumulative_incidence_table(connection([("early", "anterior", early), ("late", "anterior", late)]))
    protected = protected_curves(table, 11)
    states = {row["day"]: row["state"] for row in rows_of(protected, stratum_kind="all", site_id="early")}
    assert states[60] == "ended"
    # Beside the other site, whose numbers tell those of this one, it can be shown on no day on which 5 are left.
    assert all(states[day] == "ended" for day in states if day > 45)
    at_60 = rows_of(protected, stratum_kind="all", site_id="late", day=60)
    assert [row["state"] for row in at_60] == ["suppressed"]


def _with_outcome(con: duckdb.DuckDBPyConnection, outcome: str, condition: str = "true") -> None:
    con.execute(
        f"insert into time_to_event select site_id, patient_id, '{outcome}', day, cause "
        f"from time_to_event where outcome = 'revision' and {condition}"
    )


def test_types_are_shown_for_all_patients_only_and_one_minus_kaplan_meier_never() -> None:
    con = connection([(site, "anterior", _steady(500, 15, EVENT)) for site in ("east", "north")])
    _with_outcome(con, "revision_nonunion")
    protected = protected_curves(cumulative_incidence_table(con), 11)
    types = rows_of(protected, outcome="revision_nonunion")
    assert {(row["stratum_kind"], row["site_id"]) for row in types} == {("all", None)}
    assert "shown" in {row["state"] for row in types}
    assert not {"estimator", "competing", "censored"} & set(protected.column_names)


@pytest.mark.parametrize(("left_out", "is_shown"), [(0, True), (5, False), (20, True)])
def test_few_whose_disease_nobody_could_see_withhold_its_curve(left_out: int, is_shown: bool) -> None:
    ends = _steady(500, 15, EVENT)
    con = connection([("east", "anterior", ends), ("north", "posterior", ends)])
    _with_outcome(
        con, "asd", f"patient_id not in (select concat('p1-', cast(499 - i as varchar)) from range({left_out}) as t(i))"
    )
    states = {
        row["state"]
        for row in rows_of(protected_curves(cumulative_incidence_table(con), 11), outcome="asd", stratum="posterior")
    }
    assert ("shown" in states) == is_shown


def test_a_small_withheld_site_that_could_not_see_disease_withholds_its_curves() -> None:
    ends = _steady(500, 15, EVENT)
    sites = {"east": ends, "north": ends, "tiny": ends[-5:], "west": ends}
    con = connection([(site, "anterior", of_site) for site, of_site in sites.items()])
    _with_outcome(con, "asd", "site_id not in ('tiny', 'west')")
    states = {row["state"] for row in rows_of(protected_curves(cumulative_incidence_table(con), 11), outcome="asd")}
    assert states == {"suppressed"}


@pytest.mark.parametrize("ends", [BY_HAND, REMISSION, BREAST_CANCER])
def test_the_cumulative_hazard_is_that_of_another_implementation(ends: Ends) -> None:
    day, cause = ends.T
    events, others = (
        np.bincount(day[of_kind], minlength=day.max() + 1) for of_kind in (cause == EVENT, cause != EVENT)
    )
    hazard = nelson_aalen(events, others)
    days, oracle = nelson_aalen_estimator(cause == EVENT, day)
    assert hazard[days.astype(int)] == pytest.approx(oracle.tolist())
    assert hazard[day].sum() == pytest.approx(events.sum()), "all are exposed to as much as there were events"


def test_an_incidence_at_a_horizon_is_the_curve_on_that_day() -> None:
    random = np.random.default_rng(4)
    rows, groups, horizon = 3000, 7, 300
    day, cause = random.integers(0, 400, rows), random.choice(3, rows, p=[0.6, 0.3, 0.1])
    group, patients = random.integers(0, groups, rows), random.integers(1, 4, rows)
    group[day > horizon] %= groups - 1  # of the last group nobody is followed so long
    reached = day > horizon
    found = aalen_johansen_at(horizon, group, np.where(reached, horizon, day), np.where(reached, 0, cause), patients)
    left = np.zeros((3, groups, 400), dtype=np.int64)
    np.add.at(left, (cause, group, day), patients)
    curves = aalen_johansen(left[1], left[2], left[0])
    for name in ("incidence", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(curves, name)[:, horizon], rtol=1e-9)


def test_who_is_revised_and_then_lost_does_not_inflate_the_incidence() -> None:
    # Of 100 patients 10 are revised on day 100; half of all the others are lost on day 400, unrevised.
    day, cause, patients = (np.array(each) for each in ([100, 400, 730], [1, 0, 0], [10, 45, 45]))
    found = aalen_johansen_at(730, np.zeros(3, dtype=np.int64), day, cause, patients)
    assert found.incidence[0] == pytest.approx(0.1)
    assert pytest.approx(0.182, abs=0.0005) == 10 / (10 + 45)  # what those observed to the end would say


def test_where_nobody_reaches_the_horizon_nothing_is_said() -> None:
    group, day, cause, patients = (np.array(each) for each in ([0, 0, 1], [10, 20, 30], [1, 0, 1], [4, 5, 6]))
    found = aalen_johansen_at(30, group, day, cause, patients)
    assert np.isnan(found.incidence).tolist() == [True, False]
    assert found.incidence[1] == 1
