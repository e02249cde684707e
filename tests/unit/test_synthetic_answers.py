"""The answer key's own reading of the definitions, on hand-written patients at the edges."""

from typing import Any

import pytest

from outcomes.contract import TABLES
from outcomes.synthetic.answers import (
    Answer,
    Course,
    answers,
    clinical_asd,
    ndi_percent,
    pain_past_3_months,
    radiographic_asd,
    revision_performed,
    surgical_asd,
    suspected_asd,
)

FUSION = {"day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6", "encounter_id": "stay"}


def _row(table: str, **cells: Any) -> dict[str, Any]:
    return dict.fromkeys(TABLES[table].schema.names) | cells


def _course(*, without: tuple[str, ...] = (), contact: int = 900, death: int | None = None, **rows: Any) -> Course:
    """A patient fused at C5-6, observed for 900 days, with the given rows by table."""
    rows["procedures"] = [FUSION, *rows.get("procedures", [])]
    return Course(
        patient=_row("patients", patient_id="someone", data_cut_day=contact, last_contact_day=contact, death_day=death),
        rows={name: [_row(name, **cells) for cells in table] for name, table in rows.items()},
        delivered=frozenset(TABLES) - set(without),
    )


def _visits(*pairs: tuple[int, float | None]) -> list[dict[str, Any]]:
    return [{"day": day, "neck_pain_nrs": pain} for day, pain in pairs]


def _degeneration(day: int, value: float | None = None, level: str = "C6-7") -> dict[str, Any]:
    return {"day": day, "level": level, "finding": "degeneration", "value": value}


def _second_surgery(day: int, code: str = "22551", **cells: Any) -> dict[str, Any]:
    return {"day": day, "code_system": "CPT", "code": code} | cells


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([(80, 8)], ("not_assessable", "no_assessment_in_window", None, None)),
        ([(91, 8)], ("not_assessable", "no_assessment_in_window", None, None)),
        ([(92, 4)], ("yes", None, "persistent", 92)),
        ([(92, 3.5)], ("no", None, None, None)),
        ([(41, 2), (92, 4)], ("yes", None, "persistent", 92)),
        ([(42, 3), (92, 4)], ("yes", None, "recurrent", 92)),
        ([(100, 2), (100, 6)], ("yes", None, "persistent", 100)),
        ([(100, None)], ("not_assessable", "no_assessment_in_window", None, None)),
    ],
)
def test_pain_by_neck_score(visits: list[tuple[int, float | None]], expected: tuple[Any, ...]) -> None:
    found = pain_past_3_months(_course(follow_ups=_visits(*visits)))
    assert (found.status, found.reason, found.kind, found.onset_day) == expected


def test_pain_by_index_needs_the_pain_item() -> None:
    total = {"day": 100, "ndi_total": 20, "ndi_unit": "points"}
    assert pain_past_3_months(_course(follow_ups=[total])).reason == "no_assessment_in_window"
    items = {"day": 100} | {f"ndi_item_{i}": 2 for i in range(1, 11)}
    assert pain_past_3_months(_course(follow_ups=[items])).status == "yes"
    assert pain_past_3_months(_course(follow_ups=[items | {"ndi_item_1": 1}])).status == "no"


@pytest.mark.parametrize(
    ("course", "reason"),
    [
        ({"death": 60, "contact": 60}, "died_before_window"),
        ({"procedures": [_second_surgery(60)]}, "revised_before_window"),
        ({"contact": 91}, "window_not_closed"),
        ({"without": ("follow_ups",)}, "no_source_data"),
    ],
)
def test_pain_cannot_be_assessed(course: dict[str, Any], reason: str) -> None:
    assert pain_past_3_months(_course(**course)) == Answer("pain_past_3_months", "not_assessable", reason)


def test_pain_after_a_revision_is_not_pain_past_3_months() -> None:
    course = _course(follow_ups=_visits((120, 1), (400, 8)), procedures=[_second_surgery(300, levels="C5-6")])
    by_label = {answer.label: answer for answer in answers(course)}
    assert by_label["pain_past_3_months"].status == "no"
    assert by_label["pain_after_revision"] == Answer("pain_after_revision", "yes", onset_day=400)


@pytest.mark.parametrize(
    ("second", "kind"),
    [
        (_second_surgery(14, modifier="58", levels="C6-7"), None),
        (_second_surgery(15, modifier="58", levels="C5-6"), "nonunion_revision"),
        (_second_surgery(3, encounter_id="stay", levels="C6-7"), None),
        (_second_surgery(3, encounter_id="stay", levels="C5-6", modifier="78"), "nonunion_revision"),
        (_second_surgery(400, levels="C6-7"), "adjacent_segment_fusion"),
        (_second_surgery(400, levels="C2-3"), "other"),
        (_second_surgery(400), "fusion_revision_level_unknown"),
        (_second_surgery(400, code="22855"), None),
        (_second_surgery(400, code="22855", levels="C5-6"), "hardware_removal"),
        (_second_surgery(400, code="22612"), None),
    ],
)
def test_revision_and_its_type(second: dict[str, Any], kind: str | None) -> None:
    found = revision_performed(_course(procedures=[second]))
    assert (found.status, found.kind) == (("yes", kind) if kind else ("no", None))


def test_an_image_is_new_or_worse() -> None:
    assert radiographic_asd(_course(imaging=[_degeneration(200)])).onset_day == 200
    assert radiographic_asd(_course(imaging=[_degeneration(0, 1), _degeneration(200, 1)])).status == "no"
    assert radiographic_asd(_course(imaging=[_degeneration(0, 1), _degeneration(200, 2)])).status == "yes"
    assert radiographic_asd(_course(imaging=[_degeneration(200, level="C3-4")])).status == "no"


def test_a_joint_symptomatic_before_surgery_does_not_count() -> None:
    course = _course(imaging=[_degeneration(200)], diagnoses=[{"day": 0, "code": "M50123"}])
    assert radiographic_asd(course).status == "no"


@pytest.mark.parametrize(("visit_day", "kind"), [(20, "probable"), (19, None), (380, "probable"), (381, None)])
def test_a_symptom_belongs_to_an_image_within_180_days(visit_day: int, kind: str | None) -> None:
    found = clinical_asd(_course(imaging=[_degeneration(200)], follow_ups=_visits((visit_day, 4))))
    assert found.kind == kind
    assert found.onset_day == (max(visit_day, 200) if kind else None)


def test_a_code_that_names_another_joint_is_no_symptom_of_this_one() -> None:
    course = _course(imaging=[_degeneration(200)], diagnoses=[{"day": 210, "code": "M50121"}])
    assert clinical_asd(course).kind == "possible"
    assert suspected_asd(course).status == "no"


def test_surgery_of_adjacent_joints_only() -> None:
    assert surgical_asd(_course(procedures=[_second_surgery(400, levels="C6-7")])).onset_day == 400
    assert surgical_asd(_course(procedures=[_second_surgery(400, levels="C5-6;C6-7")])).status == "no"
    assert surgical_asd(_course(procedures=[_second_surgery(400, "22855", levels="C6-7")])).status == "no"
    assert surgical_asd(_course(procedures=[_second_surgery(400)])).reason == "level_unknown"


def test_without_images_suspected_disease_cannot_be_denied() -> None:
    assert suspected_asd(_course(without=("imaging",))).reason == "no_source_data"
    operated = _course(without=("imaging",), procedures=[_second_surgery(400, levels="C6-7")])
    assert suspected_asd(operated) == Answer("suspected_asd", "yes", kind="surgical", onset_day=400)


@pytest.mark.parametrize(("answered", "percent"), [(10, 40), (8, 40), (7, None)])
def test_the_index_needs_eight_items(answered: int, percent: float | None) -> None:
    visit = _row("follow_ups", **{f"ndi_item_{i}": 2 for i in range(1, answered + 1)})
    assert ndi_percent(visit) == percent


@pytest.mark.parametrize(
    ("rows", "is_in"),
    [
        ({}, True),
        ({"procedures": [_second_surgery(-1)]}, False),
        ({"diagnoses": [{"day": -365, "code": "Z981"}]}, False),
        ({"diagnoses": [{"day": -366, "code": "Z981"}]}, True),
        ({"diagnoses": [{"day": 0, "code": "Z981"}]}, True),
    ],
)
def test_who_is_in_the_cohort(rows: dict[str, Any], is_in: bool) -> None:
    assert _course(**rows).in_cohort is is_in
