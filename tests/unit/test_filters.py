"""The query string of an address, and back."""

import pytest

from dashboards.filters import Choices, Filters, UnknownFilter, default_site, parse
from dashboards.pages import states
from dashboards.wording import UNKNOWN_FILTERS
from tests.support.html_tree import parsed

CHOICES = Choices(("ash", "birch"), ("2024", "2023"), (("approach", "anterior"), ("levels_band", "3+")))
NOBODY = Choices((), ("2024",), ())


@pytest.mark.parametrize(
    "filters",
    [
        Filters("ash"),
        Filters("birch"),
        Filters(None),
        Filters("ash", period="2023"),
        Filters(None, period="2024", peers="similar"),
        Filters("birch", peers="case_mix"),
        Filters("ash", month="2026-02"),
        Filters("birch", group=("levels_band", "3+")),
    ],
)
def test_an_address_gives_back_the_filters_that_it_was_made_of(filters: Filters) -> None:
    assert parse(filters.query(CHOICES), CHOICES) == filters


def test_what_is_chosen_anyway_is_not_in_the_address() -> None:
    assert Filters("ash").query(CHOICES) == ""
    assert Filters(None).query(NOBODY) == ""
    assert Filters("birch", "2023").query(CHOICES) == "?site=birch&period=2023"
    assert Filters(None, group=("approach", "anterior")).query(CHOICES) == "?site=all&group=approach:anterior"


def test_the_first_site_of_the_scope_is_chosen_first_and_all_sites_by_who_has_none() -> None:
    assert (default_site(CHOICES), default_site(NOBODY)) == ("ash", None)
    assert parse("", CHOICES).site == "ash"
    assert parse("?site=all", CHOICES).site is None
    assert parse("", NOBODY).site is None


def test_a_foreign_site_is_kept_so_that_it_is_denied_and_not_replaced() -> None:
    assert parse("?site=elsewhere", CHOICES).site == "elsewhere"
    assert parse("?site=ash&site=elsewhere", CHOICES).site == "elsewhere"


def test_a_group_puts_a_year_out() -> None:
    assert parse("?period=2023&group=approach:anterior", CHOICES) == Filters("ash", group=("approach", "anterior"))


def test_empty_and_unrelated_parameters_say_nothing() -> None:
    assert parse("?card=years&release=x&period=", CHOICES) == Filters("ash")
    assert parse("?", CHOICES) == parse("", CHOICES)


@pytest.mark.parametrize(
    "query",
    [
        "?period=1999",
        "?period=2023'--",
        "?group=approach",
        "?group=approach:",
        "?group=x:y",
        "?peers=friends",
        "?month=2026-13",
    ],
)
def test_what_the_release_does_not_have_is_refused_by_the_name_of_the_parameter(query: str) -> None:
    with pytest.raises(UnknownFilter) as refused:
        parse(query, CHOICES)
    assert query.startswith(f"?{refused.value.parameter}=")


def test_each_filter_that_can_be_wrong_has_its_own_words_and_the_way_on_leaves_out_that_one_alone() -> None:
    wrong = dict.fromkeys(("period", "group", "peers", "month"), "x")
    assert wrong.keys() == UNKNOWN_FILTERS.keys()
    said = set()
    for name in wrong:
        page = states.unknown_filter("/pain", f"site=ash&{name}=x&site=b%20c", name)
        card = page.cards[0]
        assert f"“{name}” in the address" in card.title
        assert 'href="/pain?site=ash&amp;site=b+c"' in str(card.body[0])
        said.add((page.title, parsed(card.body[0]).text))
    assert len(said) == len(wrong)
    assert 'href="/"' in str(states.unknown_filter("/", "month=x", "month").cards[0].body[0])


def test_filters_are_narrow_when_they_leave_patients_out() -> None:
    assert not Filters("ash", peers="similar").are_narrow
    assert Filters("ash", period="2023").are_narrow
    assert Filters("ash", group=("approach", "anterior")).are_narrow
    assert Filters("ash", "2023", peers="similar").of_all_sites() == Filters(None, "2023", peers="similar")
