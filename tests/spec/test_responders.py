"""Who got better, by instrument and window, situation by situation."""

import csv
from typing import Any

import duckdb
import pytest

from outcomes.sql.shipped import shipped
from tests.support.situations import Row, complete, measure

_REVISION: Row = {"code_system": "CPT", "code": "22551", "levels": "C6-7"}


def _patient(
    *visits: Row, cut: int = 730, death: int | None = None, revision: int | None = None
) -> dict[str, list[Row]]:
    return complete(
        {
            "patients": [{"data_cut_day": cut, "death_day": death, "last_contact_day": 1}],
            "procedures": [] if revision is None else [_REVISION | {"day": revision}],
            "follow_ups": list(visits),
        }
    )


def _course(column: str, before: float | None, after: float | None, **extra: Any) -> dict[str, list[Row]]:
    """One instrument before surgery and at 3 months."""
    return _patient({"day": -7, column: before} | extra, {"day": 91, column: after} | extra)


def _ndi(before: float, after: float) -> dict[str, list[Row]]:
    return _course("ndi_total", before, after, ndi_unit="points")


def _nine_items(total: int) -> Row:
    """Nine answered items of the NDI: the score is a fraction that no decimal holds."""
    return {f"ndi_item_{item}": total // 9 + (item <= total % 9) for item in range(1, 10)}


Expected = tuple[float | None, bool | None, bool | None, bool | None, str | None]
"""Change, MCID, SCB, percent, reason at 3 months."""

SITUATIONS: dict[str, tuple[dict[str, list[Row]], str, Expected]] = {
    "NDI: 7.5 points are the MCID": (_ndi(40, 32.5), "ndi", (15.0, True, False, False, None)),
    "NDI: 7 points are not": (_ndi(40, 33), "ndi", (14.0, False, False, False, None)),
    "NDI: 9.5 points are the SCB": (_ndi(40, 30.5), "ndi", (19.0, True, True, False, None)),
    "NDI: 9 points are not": (_ndi(40, 31), "ndi", (18.0, True, False, False, None)),
    "NDI: 30 percent less": (_ndi(40, 28), "ndi", (24.0, True, True, True, None)),
    "NDI: 30 percent of little is not the MCID": (_ndi(10, 7), "ndi", (6.0, False, False, True, None)),
    "NDI: percent as delivered": (
        _course("ndi_total", 50, 35, ndi_unit="percent"), "ndi", (15.0, True, False, True, None)
    ),
    "NDI: worse": (_ndi(20, 30), "ndi", (-20.0, False, False, False, None)),
    "neck pain: 2.5 is the MCID": (_course("neck_pain_nrs", 9, 6.5), "neck_pain_nrs", (2.5, True, False, False, None)),
    "neck pain: 2.5 between decimals": (
        _course("neck_pain_nrs", 5.1, 2.6), "neck_pain_nrs", (2.5, True, False, True, None)
    ),
    "neck pain: 2.4 is not": (_course("neck_pain_nrs", 9, 6.6), "neck_pain_nrs", (2.4, False, False, False, None)),
    "neck pain: 3.5 is the SCB": (_course("neck_pain_nrs", 9, 5.5), "neck_pain_nrs", (3.5, True, True, True, None)),
    "neck pain: 3.4 is not": (_course("neck_pain_nrs", 9, 5.6), "neck_pain_nrs", (3.4, True, False, True, None)),
    "neck pain: exactly 30 percent": (
        _course("neck_pain_nrs", 7, 4.9), "neck_pain_nrs", (2.1, False, False, True, None)
    ),
    "NDI: exactly 30 percent between thirds": (
        _patient({"day": -7} | _nine_items(20), {"day": 91} | _nine_items(14)),
        "ndi", (13.333333, False, False, True, None),
    ),
    "NDI: a point less than 30 percent between thirds": (
        _patient({"day": -7} | _nine_items(20), {"day": 91} | _nine_items(15)),
        "ndi", (11.111111, False, False, False, None),
    ),
    "neck pain: exactly 30 percent between decimals": (
        _course("neck_pain_nrs", 6.1, 4.27), "neck_pain_nrs", (1.83, False, False, True, None)
    ),
    "neck pain: exactly the SCB between decimals": (
        _course("neck_pain_nrs", 8.1, 4.6), "neck_pain_nrs", (3.5, True, True, True, None)
    ),
    "PROMIS function: exactly the MCID between decimals": (
        _course("promis_pf_t", 40.1, 45.1), "promis_pf_t", (5.0, True, None, None, None)
    ),
    "neck pain: less than 30 percent": (
        _course("neck_pain_nrs", 7, 5), "neck_pain_nrs", (2.0, False, False, False, None)
    ),
    "arm pain: little before surgery cannot reach the MCID": (
        _course("arm_pain_nrs", 2.4, 0), "arm_pain_nrs", (2.4, None, None, None, "not_applicable")
    ),
    "arm pain: just the MCID before surgery": (
        _course("arm_pain_nrs", 2.5, 0), "arm_pain_nrs", (2.5, True, False, True, None)
    ),
    "NDI: little before surgery cannot reach the MCID": (
        _ndi(7, 0), "ndi", (14.0, None, None, None, "not_applicable")
    ),
    "NDI: just the MCID before surgery": (_ndi(7.5, 0), "ndi", (15.0, True, False, True, None)),
    "arm pain: to nothing": (_course("arm_pain_nrs", 4, 0), "arm_pain_nrs", (4.0, True, True, True, None)),
    "arm pain: none before surgery, none after": (
        _course("arm_pain_nrs", 0, 0), "arm_pain_nrs", (0.0, None, None, None, "not_applicable")
    ),
    "arm pain: none before surgery, some after": (
        _course("arm_pain_nrs", 0, 5), "arm_pain_nrs", (-5.0, None, None, None, "not_applicable")
    ),
    "arm pain: none before surgery, not asked after": (
        _course("arm_pain_nrs", 0, None), "arm_pain_nrs", (None, None, None, None, "not_applicable")
    ),
    "mJOA mild: 1 is the MCID": (_course("mjoa_total", 15, 16), "mjoa", (1.0, True, None, None, None)),
    "mJOA mild: the same": (_course("mjoa_total", 17, 17), "mjoa", (0.0, False, None, None, None)),
    "mJOA moderate: 2 is the MCID": (_course("mjoa_total", 14, 16), "mjoa", (2.0, True, None, None, None)),
    "mJOA moderate: 1 is not": (_course("mjoa_total", 14, 15), "mjoa", (1.0, False, None, None, None)),
    "mJOA moderate, at its lowest: 2": (_course("mjoa_total", 12, 14), "mjoa", (2.0, True, None, None, None)),
    "mJOA severe: 3 is the MCID": (_course("mjoa_total", 11, 14), "mjoa", (3.0, True, None, None, None)),
    "mJOA severe: 2 is not": (_course("mjoa_total", 11, 13), "mjoa", (2.0, False, None, None, None)),
    "mJOA: nothing to better": (_course("mjoa_total", 18, 17), "mjoa", (-1.0, None, None, None, "not_applicable")),
    "mJOA: worse": (_course("mjoa_total", 13, 11), "mjoa", (-2.0, False, None, None, None)),
    "PROMIS function: higher is better": (
        _course("promis_pf_t", 40, 45), "promis_pf_t", (5.0, True, None, None, None)
    ),
    "PROMIS function: 4.9 is not": (_course("promis_pf_t", 40, 44.9), "promis_pf_t", (4.9, False, None, None, None)),
    "PROMIS interference: lower is better": (
        _course("promis_pi_t", 65, 60), "promis_pi_t", (5.0, True, None, None, None)
    ),
    "PROMIS interference: higher is worse": (
        _course("promis_pi_t", 60, 65), "promis_pi_t", (-5.0, False, None, None, None)
    ),
    "no baseline": (
        _patient({"day": 91, "neck_pain_nrs": 2}), "neck_pain_nrs", (None, None, None, None, "no_baseline")
    ),
    "a baseline too early": (
        _patient({"day": -181, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (None, None, None, None, "no_baseline"),
    ),
    "a baseline of another instrument": (
        _patient({"day": 0, "arm_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (None, None, None, None, "no_baseline"),
    ),
    "neither a baseline nor a visit": (_patient(), "ndi", (None, None, None, None, "no_baseline")),
    "no visit in the window": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 63, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (None, None, None, None, "no_assessment_in_window"),
    ),
    "a visit without the instrument": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "arm_pain_nrs": 2}),
        "neck_pain_nrs", (None, None, None, None, "no_assessment_in_window"),
    ),
    "the instrument at a visit further from the target": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "arm_pain_nrs": 2}, {"day": 70, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (6.0, True, True, True, None),
    ),
    "of two visits the nearer to the target": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 90, "neck_pain_nrs": 7}, {"day": 70, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (1.0, False, False, False, None),
    ),
    "of two baselines the nearer to surgery": (
        _patient({"day": -100, "neck_pain_nrs": 4}, {"day": -1, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}),
        "neck_pain_nrs", (6.0, True, True, True, None),
    ),
    "the window open on its last day but one, though visited": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}, cut=135),
        "neck_pain_nrs", (None, None, None, None, "window_not_closed"),
    ),
    "the window closed on its last day": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}, cut=136),
        "neck_pain_nrs", (6.0, True, True, True, None),
    ),
    "the window not begun, no baseline": (
        _patient(cut=10), "neck_pain_nrs", (None, None, None, None, "window_not_closed")
    ),
    "died before the window": (
        _patient({"day": 0, "neck_pain_nrs": 8}, death=63, cut=63),
        "neck_pain_nrs", (None, None, None, None, "died_before_window"),
    ),
    "visited, then died in the window": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}, death=100, cut=100),
        "neck_pain_nrs", (6.0, True, True, True, None),
    ),
    "revised before the window": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}, revision=63),
        "neck_pain_nrs", (None, None, None, None, "revised_before_window"),
    ),
    "visited after a revision within the window": (
        _patient({"day": 0, "neck_pain_nrs": 8}, {"day": 91, "neck_pain_nrs": 2}, revision=90),
        "neck_pain_nrs", (None, None, None, None, "no_assessment_in_window"),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> duckdb.DuckDBPyConnection:
    """Every situation as a site of its own."""
    return measure({name: records for name, (records, _, _) in SITUATIONS.items()})


@pytest.mark.parametrize("name", SITUATIONS)
def test_responder(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    _, instrument, expected = SITUATIONS[name]
    found = judged.execute(
        "select change, reached_mcid, reached_scb, reached_percent, reason from responders "
        "where site_id = ? and instrument = ? and visit_window = '3_months'",
        [name, instrument],
    ).fetchall()
    assert found == [expected]


def test_each_episode_has_each_instrument_once_in_each_window_after_surgery(judged: duckdb.DuckDBPyConnection) -> None:
    counts = judged.execute(
        """
        select
            count(*), count(distinct (site_id, patient_id, instrument, visit_window)),
            (select count(*) from window_states where visit_window <> 'baseline') * (select count(*) from instruments)
        from responders
        """
    ).fetchone()
    assert counts is not None
    assert len(set(counts)) == 1


def test_nothing_is_said_with_a_reason_and_the_mcid_always_without(judged: duckdb.DuckDBPyConnection) -> None:
    wrong = judged.execute(
        """
        select count(*) from responders
        where (reason is null) <> (reached_mcid is not null)
            or (reason is not null and (reached_scb is not null or reached_percent is not null))
        """
    ).fetchone()
    assert wrong == (0,)


def test_the_thresholds_are_the_published_ones() -> None:
    with shipped("sql", "reference", "instruments.csv").open(encoding="utf-8", newline="") as lines:
        facts = {row["instrument"]: (row["mcid"], row["scb"], row["percent"]) for row in csv.DictReader(lines)}
    assert facts == {
        "ndi": ("15", "19", "30"),
        "neck_pain_nrs": ("2.5", "3.5", "30"),
        "arm_pain_nrs": ("2.5", "3.5", "30"),
        "mjoa": ("", "", ""),
        "promis_pf_t": ("5", "", ""),
        "promis_pi_t": ("5", "", ""),
    }
