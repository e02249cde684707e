"""The definitions of the measures: complete, consistent, and one for every label."""

from typing import Any

import pytest

from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import definitions_table, measure_definitions, parse_definitions
from outcomes.sql.files import load
from outcomes.sql.shipped import shipped

BY_ID = {measure.id: measure for measure in measure_definitions()}

NEEDED = {
    *("pain_past_3_months", "pain_past_3_months_persistent", "suspected_asd", "opioid_supply_past_day_90"),
    *("revision_90_days", "revision_1_year", "revision_2_years", "revision_5_years", "revision_rate", "asd_rate"),
    *("red_flag_imaging_30_days", "red_flag_visit_30_days", "imaging_after_pain", "conservative_care_before_revision"),
    *("readmission_30_days", "readmission_90_days", "mcid_ndi_12_months", "mcid_promis_pi_t_6_weeks"),
    *("satisfied_12_months", "follow_up_baseline", "follow_up_24_months"),
}


def _definition(**changes: Any) -> dict[str, Any]:
    entry = {
        **{text: text for text in ("title", "why", "numerator", "denominator", "exclusions", "owner")},
        **{"id": "pain", "label": "pain", "direction": "neutral", "unit": "share", "next_review": "2027-05"},
        **{"version": 1, "exposure": "window"},
    }
    entry = {name: value for name, value in (entry | changes).items() if value is not None}
    return {"headlines": [], "defaults": {}, "groups": {"group": [entry]}}


def test_every_accepted_label_is_a_measure() -> None:
    for label in (each for each in label_definitions() if each.status == "accepted"):
        own = BY_ID[label.name]
        # A relation of its own answers where the label alone would not compare.
        assert own.label == label.name or own.relation
        assert not own.kinds


def test_the_measures_that_others_rely_on_are_there() -> None:
    assert set(BY_ID) >= NEEDED


def test_the_headlines_are_in_their_order() -> None:
    headlines = sorted((measure.headline, measure.id) for measure in measure_definitions() if measure.headline)
    assert headlines == [
        *((1, "pain_12_months"), (2, "asd_2_years"), (3, "revision_2_years")),
        *((4, "improved_ndi_12_months"), (5, "follow_up_12_months")),
    ]


def test_only_a_fixed_exposure_is_compared() -> None:
    for measure in measure_definitions():
        assert measure.is_compared == (measure.exposure in {"window", "horizon"})
        assert (measure.unit == "incidence") == (measure.exposure == "horizon") == (measure.horizon is not None)
        assert measure.exposure == "ever" or not measure.is_rate


def test_a_later_horizon_of_an_outcome_holds_the_earlier() -> None:
    horizons = {measure.id: measure.horizon for measure in measure_definitions() if measure.horizon}
    for name, horizon in horizons.items():
        later = {each: other for each, other in horizons.items() if other.outcome == horizon.outcome}
        later = {each: other for each, other in later.items() if other.day > horizon.day}
        if later:
            assert min(later, key=lambda each: later[each].day) in BY_ID[name].part_of


def test_what_patients_report_at_a_visit_says_what_those_who_did_not_answer_are_compared_by() -> None:
    at_a_visit = {measure.id for measure in measure_definitions() if (measure.among or "").startswith("follow_up_")}
    assert at_a_visit <= {measure.id for measure in measure_definitions() if measure.baseline_score}
    assert not [
        measure.id for measure in measure_definitions() if measure.baseline_score and measure.exposure != "window"
    ]
    with pytest.raises(OutcomesError, match="unknown baseline score"):
        parse_definitions(_definition(baseline_score="height"), {"pain": True})


def test_every_relation_is_a_file() -> None:
    files = {file.name for file in load(shipped("sql", "relations", "measures"))}
    assert {measure.relation for measure in measure_definitions() if measure.relation} <= files


def test_no_word_is_left_to_fill_in() -> None:
    assert not [measure.id for measure in measure_definitions() if "{" in str(measure)]


def test_names_take_the_key_and_texts_the_word() -> None:
    measure = BY_ID["mcid_ndi_12_months"]
    assert measure.part_of == ("follow_up_12_months", "follow_up_baseline")
    assert measure.title == "Clearly better at 12 months: neck disability (NDI)"


def test_the_table_has_the_measures_in_the_order_of_the_file() -> None:
    table = definitions_table()
    assert table["measure"].to_pylist() == [measure.id for measure in measure_definitions()]
    assert table["place"].to_pylist() == list(range(1, len(BY_ID) + 1))
    assert table["kinds"].null_count == 0


def test_a_sound_definition_is_read() -> None:
    (measure,) = parse_definitions(_definition(), {"pain": True, "draft": False})
    assert (measure.id, measure.category, measure.is_rate) == ("pain", "group", False)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"why": ""}, r"measures\.yaml, pain: why: "),
        ({"why": None}, r"measures\.yaml, pain: why: Field required"),
        ({"unit": "mean"}, "pain: unit: "),
        ({"unit": "incidence"}, "pain: an incidence is of a horizon"),
        ({"exposure": "horizon"}, "pain: an incidence is of a horizon"),
        ({"horizon": {"outcome": "asd", "day": 730}}, "pain: an incidence is of a horizon"),
        ({"horizon": {"outcome": "asd", "day": 0}}, "pain: horizon"),
        ({"direction": "up"}, "pain: direction: "),
        ({"next_review": "2027-13"}, "pain: next_review: "),
        ({"relation": "mcid"}, "a label or a relation"),
        ({"label": None}, "a label or a relation"),
        ({"label": "pane"}, "unknown label"),
        ({"label": None, "relation": "mcid", "kinds": ["persistent"]}, "kinds without a label"),
        ({"part_of": ["pain"]}, "part of itself"),
        ({"among": "revision"}, "unknown measure"),
        ({"kinds": ["persistent"]}, "a label without a measure"),
        ({"colour": "red"}, "pain: colour: Extra"),
        ({"each": {"n": {"a": "A", "b": "B"}}}, "defined twice"),
    ],
)
def test_a_faulty_definition_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(OutcomesError, match=problem):
        parse_definitions(_definition(**changes), {"pain": True})


@pytest.mark.parametrize(("headline", "problem"), [("pane", "unknown measure pane"), ("pain", "a fixed exposure")])
def test_a_headline_is_a_measure_of_a_fixed_exposure(headline: str, problem: str) -> None:
    with pytest.raises(OutcomesError, match=problem):
        parse_definitions(_definition(exposure="ever") | {"headlines": [headline]}, {"pain": True})
