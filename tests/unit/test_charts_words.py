import pytest

from dashboards import words
from dashboards.queries import Share


def test_percent_has_a_decimal_from_a_thousand_on() -> None:
    assert words.percent(0.3141, 999) == "31\u00a0%"
    assert words.percent(0.3141, 1000) == "31.4\u00a0%"


def test_a_share_is_said_with_its_interval_and_what_it_rests_on() -> None:
    share = Share("pain", None, None, 128, 284, 91, 412, 128 / 412, 0.268, 0.357, False)
    assert words.share_value(share, 11) == "31\u00a0% (27–36)"
    assert words.basis(share) == "412 of 503 assessed; 18\u00a0% could not be assessed"


def test_hidden_none_assessed_and_nobody_are_three_different_things() -> None:
    hidden = Share("pain", None, None, *(None,) * 7, True)
    none_assessed = Share("pain", None, None, 0, 0, 40, 0, None, None, None, False)
    nobody = Share("pain", None, None, 0, 0, 0, 0, None, None, None, False)
    assert (words.share_value(hidden, 11), words.basis(hidden)) == ("– fewer than 11", "")
    assert words.share_value(none_assessed, 11) == "None assessed"
    assert words.basis(none_assessed) == "0 of 40 assessed; 100\u00a0% could not be assessed"
    assert words.basis(nobody) == "no patients yet"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("no_follow_up", "Not followed up long enough"),
        ("hardware_removal", "Hardware removal"),
        ("full", "Full"),
        (None, "All together"),
    ],
)
def test_codes_are_said_in_words(code: str | None, said: str) -> None:
    assert words.in_words(code) == said


def test_capitals_stay_capitals() -> None:
    assert words.sentence_case("a file is not UTF-8") == "A file is not UTF-8"


def test_a_chart_without_a_year_says_why() -> None:
    assert words.no_year(True, 11).startswith("– fewer than 11: in every year")
    assert words.no_year(False, 11).startswith("Nobody could be assessed yet")


def test_periods_are_said_as_month_and_year() -> None:
    assert words.period("2026-02") == "February\u00a02026"
