"""How the dashboards say numbers and codes."""

from dataclasses import replace

import pytest

from dashboards import wording
from dashboards.data.measures import Measure, Value
from dashboards.data.records import AlarmsRow, MissingAnswersRow
from dashboards.filters import Filters
from tests.support.records import a

SHARE = a(Measure, measure="pain", title="Pain", direction="lower_is_better", unit="share", label="pain", headline=1)
RATE = replace(SHARE, unit="rate", title="Revisions")
VALUE = a(Value, numerator=128, patients=412, excluded=91, estimate=128 / 412, estimate_low=0.268, estimate_high=0.357)
MANY = replace(
    VALUE, numerator=3100, patients=10_000, excluded=1234, estimate=0.31, estimate_low=0.3, estimate_high=0.32
)
A_RATE = replace(VALUE, person_years=800.0, estimate=2.345, estimate_low=1.9, estimate_high=2.88)
HIDDEN = a(Value, state="suppressed")
NONE_ASSESSED = replace(HIDDEN, state="missing", numerator=0, patients=0, excluded=40)
NOBODY = replace(NONE_ASSESSED, excluded=0)


def plain(text: str) -> str:
    """A text with ordinary spaces."""
    return text.replace("\u00a0", " ")


def test_percent_has_a_decimal_from_a_thousand_on() -> None:
    assert wording.percent(0.3141, 999) == "31\u00a0%"
    assert wording.percent(0.3141, 1000) == "31.4\u00a0%"


def test_a_share_of_somebody_is_not_nothing_where_others_did_not_answer() -> None:
    one = a(
        MissingAnswersRow, numerator=1, answered=300, not_answered=100, share=1 / 300,
        share_if_missing_no=1 / 400, share_if_missing_yes=101 / 400,
    )  # fmt: skip
    assert plain(wording.unanswered(one)) == "25 % did not answer: with them it could lie anywhere from 0.2 to 25 %."
    none = replace(one, numerator=0, share=0.0, share_if_missing_no=0.0)
    assert "anywhere from 0 to 25 %" in plain(wording.unanswered(none))


def test_a_period_beyond_its_limits_is_not_nothing_where_somebody_has_the_outcome() -> None:
    quarter = a(
        AlarmsRow, reason="confirmed", side="fewer", index_period="2025-01", months=3, chart="p",
        value=0.004, lower=0.0123, upper=0.2,
    )  # fmt: skip
    said = "quarter 1 of 2025 lies beyond the control limits (0.4 %, limits 1–20), and the next quarter confirms it."
    assert plain(wording.standing_out(SHARE, quarter, None, None)) == said
    of_patients = replace(quarter, chart="g", value=120, lower=0, upper=90.4)
    assert "(120 patients, limits 0–90)" in plain(wording.standing_out(SHARE, of_patients, None, None))


def test_a_value_is_said_with_its_interval_and_what_it_rests_on() -> None:
    assert plain(wording.sentence(SHARE, VALUE)) == (
        "Pain: 31 % (27–36), 128 of 412 assessed patients; 91 of 503 could not be assessed (18 %)."
    )
    assert plain(wording.amount(SHARE, MANY)) == "31.0 %"
    assert wording.interval(SHARE, MANY) == "30.0–32.0"


def test_a_rate_is_said_with_its_unit_where_no_column_says_it() -> None:
    assert plain(wording.amount(RATE, A_RATE)) == "2.3 per 100 person-years"
    assert wording.short_amount(RATE, A_RATE) == "2.3"
    assert wording.interval(RATE, A_RATE) == "1.9–2.9"


def test_an_incidence_of_none_has_no_interval_and_one_that_nobody_reached_no_value() -> None:
    incidence = replace(SHARE, unit="incidence")
    none = replace(VALUE, numerator=0, excluded=0, estimate=0.0, estimate_low=None, estimate_high=None)
    assert plain(wording.sentence(incidence, none)) == "Pain: 0 %, 0 seen among 412 patients followed from surgery."
    assert wording.amount(incidence, replace(none, estimate=None)) == "Nobody followed so long"
    assert wording.amount(incidence, replace(none, estimate=None, patients=0)) == "Nobody assessed"


def test_hidden_none_assessed_and_nobody_are_three_different_things() -> None:
    assert wording.short_amount(SHARE, HIDDEN) == "– suppressed"
    assert (wording.basis(SHARE, HIDDEN), wording.interval(SHARE, HIDDEN)) == ("", "")
    assert wording.sentence(SHARE, HIDDEN) == "Pain: – suppressed."
    assert wording.amount(SHARE, NONE_ASSESSED) == "Nobody assessed"
    assert wording.basis(SHARE, NONE_ASSESSED) == "none of 40 patients could be assessed"
    assert wording.basis(SHARE, replace(VALUE, excluded=0)) == "412 patients, all assessed"
    incidence = replace(SHARE, unit="incidence")
    assert wording.basis(incidence, replace(VALUE, excluded=0)) == "412 patients followed from surgery"
    assert wording.basis(SHARE, NOBODY) == "no patients yet"
    assert wording.sentence(SHARE, None) == "Pain: this release holds no result."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("no_follow_up", "Not followed up long enough"),
        ("hardware_removal", "Hardware removal"),
        ("full", "Full"),
        (None, "Several, combined"),
    ],
)
def test_codes_are_said_in_words(code: str | None, said: str) -> None:
    assert wording.in_words(code) == said


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (Filters("ash", "2023"), "fused in 2023"),
        (Filters("ash", group=("levels_band", "3+")), "levels fused, 3 or more levels"),
        (Filters("ash", group=("approach", "anterior")), "approach, anterior"),
        (Filters("ash"), "all patients"),
    ],
)
def test_filters_are_said_in_words(filters: Filters, said: str) -> None:
    assert wording.narrowed(filters) == said


def test_every_variation_has_its_own_words() -> None:
    codes = (None, "common", "special_improving", "special_concerning", "special_neutral")
    assert len({wording.variation(code) for code in codes}) == len(codes)


def test_rules_are_said_together() -> None:
    assert wording.rules("outside;run") == "beyond a control limit, run of 7 or more on one side of the average"


def test_counts_and_nouns_agree() -> None:
    said = [wording.plural(number, "site") for number in (0, 1, 2, 1200)]
    assert said == ["0 sites", "1 site", "2 sites", "1,200 sites"]


def test_capitals_stay_capitals() -> None:
    assert wording.sentence_case("a file is not UTF-8") == "A file is not UTF-8"


def test_periods_are_said_as_month_and_year() -> None:
    assert wording.period("2026-02") == "February\u00a02026"
