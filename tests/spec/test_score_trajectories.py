"""How scores lie in each window: quartiles by hand, which scores count, and what of them may be shown."""

import duckdb
import pyarrow as pa
import pytest

from outcomes.disclosure.scores import protected_trajectories
from tests.support import marts
from tests.support.situations import Row, complete, measure

THRESHOLD = 11
QUARTILES = ("lower_quartile", "median", "upper_quartile")

Quartiles = tuple[int, float | None, float | None, float | None]
"""Patients, lower quartile, median, upper quartile."""


def _records(*visits: Row, cut: int = 730, revision: int | None = None) -> dict[str, list[Row]]:
    again: Row = {"code_system": "CPT", "code": "22551", "levels": "C6-7", "day": revision}
    procedures = [] if revision is None else [again]
    return complete({"patients": [{"data_cut_day": cut}], "procedures": procedures, "follow_ups": list(visits)})


def _before_and_after(before: float | None, after: float | None) -> dict[str, list[Row]]:
    return _records({"day": -7, "neck_pain_nrs": before}, {"day": 91, "neck_pain_nrs": after})


def _quartiles(con: duckdb.DuckDBPyConnection, window: str, instrument: str, site: str | None = None) -> Quartiles:
    (found,) = con.execute(
        "select patients, lower_quartile, median, upper_quartile from score_trajectories "
        "where visit_window = ? and instrument = ? and site_id is not distinct from ?",
        [window, instrument, site],
    ).fetchall()
    return tuple(found)


SCORES: dict[str, tuple[list[float], Quartiles]] = {
    "one score is all three": ([3], (1, 3, 3, 3)),
    "of two the lower is the median": ([3, 5], (2, 3, 3, 5)),
    "of three": ([1, 2, 9], (3, 1, 2, 9)),
    "of four each quarter ends at a score": ([4, 3, 2, 1], (4, 1, 2, 3)),
    "of five": ([1, 2, 3, 4, 5], (5, 2, 3, 4)),
    "of eight, with ties": ([0, 0, 0, 5, 5, 7, 7, 9], (8, 0, 5, 7)),
    "the same of all": ([6] * 7, (7, 6, 6, 6)),
    "decimals, and 10 after 9": ([2.5, 10, 9], (3, 2.5, 9, 10)),
}


WINDOWS = dict(zip(SCORES, (("6_weeks", 42), ("3_months", 91), ("6_months", 182), ("12_months", 365),
    ("24_months", 730), ("36_months", 1096), ("48_months", 1461), ("60_months", 1826)), strict=True))  # fmt: skip
"""The scores of each situation stand in a window of their own, with its target day."""


@pytest.fixture(scope="module")
def scored() -> duckdb.DuckDBPyConnection:
    """Every patient as a site of its own, with a score in one window."""
    return measure(
        {
            f"{name} {number}": _records({"day": WINDOWS[name][1], "neck_pain_nrs": score}, cut=2000)
            for name, (scores, _) in SCORES.items()
            for number, score in enumerate(scores)
        }
    )


@pytest.mark.parametrize("name", SCORES)
def test_quartiles_are_scores_that_the_share_does_not_exceed(scored: duckdb.DuckDBPyConnection, name: str) -> None:
    (first, *_), expected = SCORES[name]
    window, _ = WINDOWS[name]
    assert _quartiles(scored, window, "neck_pain_nrs") == expected
    assert _quartiles(scored, window, "neck_pain_nrs", f"{name} 0") == (1, first, first, first)


@pytest.fixture(scope="module")
def judged() -> duckdb.DuckDBPyConnection:
    """Every situation as a site of its own."""
    return measure(
        {
            "both": _before_and_after(8, 3),
            "baseline only": _before_and_after(6, None),
            "no baseline": _before_and_after(None, 2),
            "no score": _records(),
            "still open": _records({"day": 0, "neck_pain_nrs": 7}, {"day": 91, "neck_pain_nrs": 1}, cut=135),
            "revised before": _records({"day": 0, "neck_pain_nrs": 7}, {"day": 91, "neck_pain_nrs": 1}, revision=63),
            "revised in the window": _records({"day": 91, "neck_pain_nrs": 1}, revision=90),
            "two visits": _records({"day": 90, "neck_pain_nrs": 5}, {"day": 70, "neck_pain_nrs": 1}),
            "another instrument": _records({"day": 91, "arm_pain_nrs": 4}),
        }
    )


@pytest.mark.parametrize(
    ("site", "before", "after"),
    [
        ("both", 8, 3),
        ("baseline only", 6, None),
        ("no baseline", None, 2),
        ("no score", None, None),
        ("still open", 7, None),
        ("revised before", 7, None),
        ("revised in the window", None, None),
        ("two visits", None, 5),
        ("another instrument", None, None),
    ],
)
def test_which_scores_count(
    judged: duckdb.DuckDBPyConnection, site: str, before: float | None, after: float | None
) -> None:
    for window, score in (("baseline", before), ("3_months", after)):
        assert _quartiles(judged, window, "neck_pain_nrs", site) == (int(score is not None), score, score, score)


def test_all_sites_are_all_patients(judged: duckdb.DuckDBPyConnection) -> None:
    assert _quartiles(judged, "baseline", "neck_pain_nrs") == (4, 6, 7, 7)
    assert _quartiles(judged, "3_months", "neck_pain_nrs") == (3, 2, 3, 5)
    assert _quartiles(judged, "3_months", "arm_pain_nrs") == (1, 4, 4, 4)
    assert _quartiles(judged, "baseline", "ndi") == (0, None, None, None)


def test_each_instrument_and_site_is_there_once_in_each_window_with_a_score(judged: duckdb.DuckDBPyConnection) -> None:
    rows = judged.execute("select instrument, visit_window, target_day, site_id from score_trajectories").fetchall()
    assert {(window, day) for _, window, day, _ in rows} == {("baseline", 0), ("3_months", 91)}
    assert len(rows) == len(set(rows)) == 8 * 2 * (9 + 1)


def _shown(patients: int, scores: tuple[float, float, float], instrument: str = "neck_pain_nrs") -> Row:
    """The protected row of quartiles over all sites, with one of a site beside it."""
    quartiles = dict(zip(QUARTILES, scores if patients else [None] * 3, strict=True))
    key = {"instrument": instrument, "visit_window": "baseline", "target_day": 0, "patients": patients}
    rows = pa.Table.from_pylist([key | quartiles | {"site_id": site} for site in (None, "north")])
    doubles = dict.fromkeys(quartiles, pa.float64())
    types = pa.schema({field.name: doubles.get(field.name, field.type) for field in rows.schema})
    (shown,) = protected_trajectories(rows.cast(types), THRESHOLD).to_pylist()
    return dict(shown)


@pytest.mark.parametrize(
    ("patients", "state", "count"),
    [(0, "missing", 0), (1, "suppressed", None), (43, "suppressed", None), (44, "shown", 40), (46, "shown", 50)],
)
def test_each_quarter_holds_the_threshold_or_nothing_is_shown(patients: int, state: str, count: int | None) -> None:
    row = _shown(patients, (2, 4, 6))
    assert (row["state"], row["patients"]) == (state, count)
    assert [row[name] for name in QUARTILES] == ([2, 4, 6] if state == "shown" else [None] * 3)


def test_pain_is_shown_to_half_points_and_all_else_to_points() -> None:
    for instrument in ("neck_pain_nrs", "arm_pain_nrs"):
        row = _shown(100, (2.2, 2.3, 6.8), instrument)
        assert [row[name] for name in QUARTILES] == [2, 2.5, 7]
    for instrument in ("ndi", "mjoa", "promis_pf_t", "promis_pi_t"):
        row = _shown(100, (22.3, 22.5, 36.8), instrument)
        assert [row[name] for name in QUARTILES] == [22, 23, 37]


def test_no_site_is_shown() -> None:
    assert "site_id" not in marts.names(marts.protected("score_trajectories"))
    assert _shown(100, (1, 2, 3))["site_id"] is None
