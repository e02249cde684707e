"""What a moved convention does to the shares, and that the trial leaves the labels as they were."""

from typing import Any

import pytest

from outcomes.labelling.sensitivity import run_sensitivity
from tests.support.situations import complete, label

PAIN = {
    "mild": [{"day": 120, "neck_pain_nrs": 3}],
    "moderate": [{"day": 120, "neck_pain_nrs": 4}],
    "strong": [{"day": 120, "neck_pain_nrs": 5}],
    "none": [{"day": 120, "neck_pain_nrs": 0}],
    "unknown": [],
}
LOOKED_AT = [{"day": day, "modality": "radiograph", "finding": "normal"} for day in (-10, 100)]


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str, str], tuple[Any, ...]]:
    fused_again = {"day": 10, "code_system": "CPT", "code": "22600", "levels": "C5-6", "planned_stage": True}
    image = {"day": 400, "modality": "mri", "level": "C4-5", "finding": "disc_herniation"}
    sites = {name: complete({"follow_ups": visits, "imaging": LOOKED_AT}) for name, visits in PAIN.items()}
    sites["staged"] = complete({"procedures": [fused_again], "imaging": LOOKED_AT})
    sites["far"] = complete({"imaging": [*LOOKED_AT, image], "follow_ups": [{"day": 90, "arm_pain_nrs": 6}]})
    coded = {"day": 300, "code_system": "ICD10CM", "code": "M50121"}
    sites["coded"] = complete({"diagnoses": [coded], "imaging": LOOKED_AT})
    con = label(sites)
    before = con.execute("select * from labels order by all").fetchall()
    run_sensitivity(con)
    assert con.execute("select * from labels order by all").fetchall() == before
    assert con.execute("select pain_nrs, stage_days from thresholds").fetchall() == [(4, 14)]
    rows = con.execute("select label, convention, setting, is_default, yes, no, not_assessable from sensitivity")
    return {row[:3]: row[3:] for row in rows.fetchall()}


def test_the_share_moves_with_the_threshold(found: dict[tuple[str, str, str], tuple[Any, ...]]) -> None:
    assert {setting: found["pain_past_3_months", "pain_nrs", setting] for setting in "345"} == {
        "3": (False, 3, 1, 4),
        "4": (True, 2, 2, 4),
        "5": (False, 1, 3, 4),
    }


def test_what_the_threshold_reaches_only_through_other_relations_moves_too(
    found: dict[tuple[str, str, str], tuple[Any, ...]],
) -> None:
    assert [found["revision_performed", "stage_days", days][1] for days in ("7", "14", "30")] == [1, 0, 0]
    assert [found["suspected_asd", "symptom_image_days", days][1] for days in ("90", "180", "365")] == [0, 0, 1]


def test_tiers_are_told_among_the_same_patients(found: dict[tuple[str, str, str], tuple[Any, ...]]) -> None:
    tiers = {tier: found["suspected_asd", "lowest_tier", tier] for tier in ("surgical", "probable", "possible")}
    assert tiers == {"surgical": (False, 0, 8, 0), "probable": (True, 0, 8, 0), "possible": (False, 1, 7, 0)}
