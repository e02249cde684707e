"""Red flags: every occurrence, and each convention of its own."""

import pytest

from outcomes.sql.reference import thresholds
from tests.support.situations import Row, complete, label

RECORDS: dict[str, list[Row]] = {
    "follow_ups": [
        {"day": 0, "mrc_grade_min": 5},
        {"day": 20, "mrc_grade_min": 4, "numbness": True},
        {"day": 45, "mrc_grade_min": 5, "ndi_item_5": 3},
    ],
    "diagnoses": [
        {"day": 20, "code_system": "ICD10CM", "code": "R202"},
        {"day": 40, "code_system": "ICD10CM", "code": "R202"},
        {"day": 40, "code_system": "ICD9CM", "code": "R202"},
    ],
}


def test_every_occurrence_is_kept() -> None:
    found = label({"site": complete(RECORDS)}).execute(
        "select flag, day, source_table, record_id, kind from red_flags order by flag, day, source_table"
    )
    assert found.fetchall() == [
        ("red_flag_headache", 45, "follow_ups", "follow_ups-3", "measured"),
        ("red_flag_numbness", 20, "diagnoses", "diagnoses-1", "code"),
        ("red_flag_numbness", 20, "follow_ups", "follow_ups-2", "measured"),
        ("red_flag_numbness", 40, "diagnoses", "diagnoses-2", "code"),
        ("red_flag_weakness", 20, "follow_ups", "follow_ups-2", "measured"),
    ]


@pytest.mark.parametrize(("fall", "status"), [(1, "yes"), (2, "no")])
def test_a_fall_of_strength_is_judged_apart_from_the_grade(
    monkeypatch: pytest.MonkeyPatch, fall: int, status: str
) -> None:
    monkeypatch.setitem(thresholds(), "weakness_mrc_fall", fall)
    con = label({"site": complete({"follow_ups": RECORDS["follow_ups"]})})
    assert con.execute("select status from labels where label = 'red_flag_weakness'").fetchall() == [(status,)]
