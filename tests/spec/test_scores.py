"""The scores of a visit, situation by situation: bands, severity, satisfaction and the EQ-5D-5L index."""

from pathlib import Path

import duckdb
import pytest

from outcomes.errors import OutcomesError
from outcomes.labelling.build import run
from outcomes.settings import Settings
from outcomes.sql.reference import load_references
from tests.support import marts
from tests.support.situations import Row, complete, label

_ITEMS = [f"ndi_item_{number}" for number in range(1, 11)]


def _items(*answers: int) -> Row:
    return dict(zip(_ITEMS, answers, strict=False))


def _points(total: float) -> Row:
    return {"ndi_total": total, "ndi_unit": "points"}


def _levels(profile: str) -> Row:
    return {f"eq5d_{number}": int(level) for number, level in enumerate(profile, 1)}


SITUATIONS: dict[str, tuple[Row, Row]] = {
    "NDI: ten items": (_items(*[2] * 10), {"ndi_percent": 40.0, "ndi_items_answered": 10}),
    "NDI: eight items, two may be missing": (_items(*[2] * 8), {"ndi_percent": 40.0, "ndi_items_answered": 8}),
    "NDI: seven items are too few": (_items(*[2] * 7), {"ndi_percent": None, "ndi_band": None}),
    "NDI: items beat a stated total": (_items(*[2] * 9) | _points(50), {"ndi_percent": 40.0}),
    "NDI: a stated total stands beside seven items": (_items(*[2] * 7) | _points(25), {"ndi_percent": 50.0}),
    "NDI: beside eight items it does not": (_items(*[2] * 8) | _points(25), {"ndi_percent": 40.0}),
    "NDI: a stated total stands beside one item": (
        _items(3) | {"ndi_total": 30.0, "ndi_unit": "percent"}, {"ndi_percent": 30.0, "ndi_items_answered": 1}
    ),
    "NDI: points are doubled": (_points(20), {"ndi_percent": 40.0, "ndi_items_answered": 0}),
    "NDI: percent as it is": ({"ndi_total": 20.0, "ndi_unit": "percent"}, {"ndi_percent": 20.0}),
    "NDI band: 0 points": (_points(0), {"ndi_band": "none"}),
    "NDI band: 4 points": (_points(4), {"ndi_band": "none"}),
    "NDI band: 5 points": (_points(5), {"ndi_band": "mild"}),
    "NDI band: 14 points": (_points(14), {"ndi_band": "mild"}),
    "NDI band: 15 points": (_points(15), {"ndi_band": "moderate"}),
    "NDI band: 24 points": (_points(24), {"ndi_band": "moderate"}),
    "NDI band: 25 points": (_points(25), {"ndi_band": "severe"}),
    "NDI band: 34 points": (_points(34), {"ndi_band": "severe"}),
    "NDI band: above 34 points": (_points(34.5), {"ndi_band": "complete"}),
    "NDI band: 50 points": (_points(50), {"ndi_band": "complete"}),
    "NDI band: 28 percent are 14 points": ({"ndi_total": 28.0, "ndi_unit": "percent"}, {"ndi_band": "mild"}),
    "NDI band: a fraction from missing items": (_items(*[3] * 6, 1, 1, 0), {"ndi_band": "moderate"}),
    "NDI band: eight items of 4 percent": (_items(1, 1, 1, *[0] * 5), {"ndi_percent": 7.5, "ndi_band": "none"}),
    "NDI band: without a score": ({"neck_pain_nrs": 1.0}, {"ndi_percent": None, "ndi_band": None}),
    "mJOA: all four domains beat a total": (
        {"mjoa_upper_motor": 5, "mjoa_lower_motor": 7, "mjoa_sensory": 3, "mjoa_sphincter": 2, "mjoa_total": 3},
        {"mjoa": 17, "mjoa_severity": "mild"},
    ),
    "mJOA: a domain is missing, the total stands": ({"mjoa_sensory": 3, "mjoa_total": 12}, {"mjoa": 12}),
    "mJOA: a domain is missing, no total": ({"mjoa_sensory": 3}, {"mjoa": None, "mjoa_severity": None}),
    "mJOA severity: 18": ({"mjoa_total": 18}, {"mjoa_severity": "none"}),
    "mJOA severity: 17": ({"mjoa_total": 17}, {"mjoa_severity": "mild"}),
    "mJOA severity: 15": ({"mjoa_total": 15}, {"mjoa_severity": "mild"}),
    "mJOA severity: 14": ({"mjoa_total": 14}, {"mjoa_severity": "moderate"}),
    "mJOA severity: 12": ({"mjoa_total": 12}, {"mjoa_severity": "moderate"}),
    "mJOA severity: 11": ({"mjoa_total": 11}, {"mjoa_severity": "severe"}),
    "mJOA severity: 0": ({"mjoa_total": 0}, {"mjoa_severity": "severe"}),
    "satisfaction 1": ({"satisfaction": 1}, {"is_satisfied": True}),
    "satisfaction 2": ({"satisfaction": 2}, {"is_satisfied": True}),
    "satisfaction 3": ({"satisfaction": 3}, {"is_satisfied": False}),
    "satisfaction not asked": ({"neck_pain_nrs": 1.0}, {"is_satisfied": None}),
    "EQ-5D: a profile, no value set": (_levels("12345"), {"eq5d_profile": "12345", "eq5d_index": None}),
    "EQ-5D: a level is missing": (_levels("1234"), {"eq5d_profile": None, "eq5d_index": None}),
    **{
        f"outcome: {instrument}": (row, {"has_outcome": True})
        for instrument, row in {
            "neck pain": {"neck_pain_nrs": 0.0}, "arm pain": {"arm_pain_nrs": 0.0}, "NDI": _points(0),
            "mJOA": {"mjoa_total": 0}, "EQ-5D": _levels("11111"), "EQ VAS": {"eq_vas": 0},
            "PROMIS PF": {"promis_pf_t": 50.0}, "PROMIS PI": {"promis_pi_t": 50.0}, "satisfaction": {"satisfaction": 1},
        }.items()
    },
    "no outcome: an examination": (
        {"mrc_grade_min": 5, "neck_rotation_deg": 60.0, "numbness": False, "working": True}, {"has_outcome": False}
    ),
    "no outcome: too few items": (_items(*[2] * 7), {"has_outcome": False}),
    "no outcome: an EQ-5D without a level": (_levels("1111"), {"has_outcome": False}),
}  # fmt: skip


@pytest.fixture(scope="module")
def scored() -> duckdb.DuckDBPyConnection:
    """Every situation as a site of its own."""
    return label({name: complete({"follow_ups": [{"day": 100} | row]}) for name, (row, _) in SITUATIONS.items()})


@pytest.mark.parametrize("name", SITUATIONS)
def test_score(scored: duckdb.DuckDBPyConnection, name: str) -> None:
    expected = SITUATIONS[name][1]
    found = scored.execute(f"select {', '.join(expected)} from follow_up_scores where site_id = ?", [name]).fetchall()
    assert [dict(zip(expected, row, strict=True)) for row in found] == [expected]


def test_the_index_comes_from_the_value_set(tmp_path: Path) -> None:
    value_set = tmp_path / "values.csv"
    value_set.write_text("profile,index\n11111,1.0\n55555,-0.285\n", encoding="utf-8")
    profiles = ["11111", "55555", "12345", "1111"]
    con = label({"site": complete({"follow_ups": [{"day": day} | _levels(each) for day, each in enumerate(profiles)]})})
    run(con, settings=Settings(eq5d_value_set=value_set))
    found = con.execute("select eq5d_index from follow_up_scores order by day").fetchall()
    assert found == [(1.0,), (-0.285,), (None,), (None,)]


@pytest.mark.parametrize(
    "text",
    [
        None, "", "profile,value\n11111,1\n", "profile,index\n1111,1\n", "profile,index\n11116,1\n",
        "profile,index\n11111,1\n11111,0.9\n", "profile,index\n11111,\n", "profile,index\n11111,one\n",
        "profile,index\n11111,nan\n",
    ],
    ids=[
        "no file", "empty", "no index", "four digits", "no such level", "a profile twice", "a value is missing",
        "a word", "not a number",
    ],
)  # fmt: skip
def test_a_value_set_that_cannot_be_read_is_named(tmp_path: Path, text: str | None) -> None:
    value_set = tmp_path / "values.csv"
    if text is not None:
        value_set.write_text(text, encoding="utf-8")
    with pytest.raises(OutcomesError) as refused:
        load_references(duckdb.connect(), value_set)
    assert (refused.value.code, refused.value.where) == ("value_set_malformed", "values.csv")


@pytest.mark.parametrize(
    ("column", "sql"),
    [
        ("ndi_band", "select band from ndi_bands"),
        ("mjoa_severity", "select severity from mjoa_severity"),
    ],
)
def test_the_codebook_lists_the_bands(scored: duckdb.DuckDBPyConnection, column: str, sql: str) -> None:
    listed = marts.column(marts.exact("follow_ups"), column).enum
    assert sorted(listed) == sorted(band for (band,) in scored.execute(sql).fetchall())
