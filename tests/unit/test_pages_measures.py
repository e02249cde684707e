"""The overview and the page of a measure, made of a release of invented numbers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dashboards import wording
from dashboards.cards import Card, Cell
from dashboards.data import answers, comparison, control, measures
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint
from dashboards.pages import measure as measure_pages
from dashboards.pages import overview as overviews
from dashboards.pages.measure import measure_page
from dashboards.pages.overview import overview
from tests.support.dashboard_release import EMPTY, OWN
from tests.support.dashboard_views import cards, view_at
from tests.support.records import a

SITE = OWN[0]
POINT = a(
    ChartPoint, measure="pain_12_months", index_period="2025-01", chart="p", phase=1, is_judged=True, value=0.2,
    centre=0.2, lower=0.0, upper=0.5, variation="common",
)  # fmt: skip

a_view = partial(view_at, "/")


def column(card: Card, head: str) -> list[Cell]:
    assert card.table is not None
    place = card.table.head.index(head)
    return [cells[place] for cells in card.table.cells()]


def test_every_measure_has_a_row_and_what_stands_out_comes_first(home: Path) -> None:
    view = a_view(home)
    rows = cards(overview(view))["measures"]
    named = {cell.value for cell in column(cards(overview(view))["look-at-this"], "Measure")}
    listed = [cell.value for cell in column(rows, "Measure")]
    assert set(listed) == set(measures.values(view.reader, view.filters))
    assert set(listed[: len(named)]) == named
    order = [wording.variation(code) for code in overviews._ORDER]
    places = [order.index(cell.text) for cell in column(rows, "Variation")][len(named) :]
    assert places == sorted(places)
    assert len(set(places)) > 2


def test_what_stands_out_is_said_in_words_concerning_first(home: Path) -> None:
    card = cards(overview(a_view(home)))["look-at-this"]
    said = [(kind.text, why.text) for kind, why in zip(column(card, "Kind"), column(card, "Why"), strict=True)]
    assert said == [
        (
            "Concerning signal",
            "Higher than expected for the case mix, 61 observed where 43 were expected; beyond the 95 % limits of "
            "chance, and the cumulative sum has signalled too.",
        ),
        (
            "Improving signal",
            "Lower than expected for the case mix, 21 observed where 43 were expected; beyond the 99.8 % limits of "
            "chance.",
        ),
        (
            "Signal, neither better nor worse",
            "Quarter 1 of 2025 lies beyond the control limits (41 %, limits 5–35), and the next quarter confirms it.",
        ),
    ]
    assert "2 of 100 measures" in str(card.notes)


def test_where_nothing_stands_out_the_first_screen_says_so(home: Path) -> None:
    view = a_view(home)
    card = overviews._look_at_this(view, overviews._Lately({}, {}, {}, {}))
    assert card.table is None
    assert "Nothing stands out" in str(card.body)


def test_who_did_not_answer_stands_beside_a_headline(home: Path) -> None:
    view = a_view(home)
    (one,) = (each for each in answers.missing(view.reader, SITE).values() if each.measure == "pain_12_months")
    pain = view.measures["pain_12_months"]
    _, missing = overviews._in_context(
        pain, overviews._Lately({}, comparison.own(view.reader, SITE), {}, {pain.measure: one})
    )
    assert missing == (
        "33\u00a0% did not answer: with them it could lie anywhere from 17 to 50\u00a0%; if they were like those who "
        "did and looked like them, 27\u00a0% (20–35)."
    )
    shares = column(cards(measure_page(view, "pain_12_months"))["unanswered"], "Share")
    assert [cell.value for cell in shares] == [0.25, 0.1667, 0.5, 0.27]
    assert "unanswered" not in cards(measure_page(view, "revision_2_years"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"position": "inside"}, "As expected"),
        ({"position": "above_99_8"}, "Higher than expected (99.8 %)"),
        ({"position": "inside", "widened_position": "inside"}, "As expected"),
        (
            {"position": "above_95", "widened_position": "inside"},
            "Higher than expected (95 %); as expected where limits are widened",
        ),
        ({"position": None, "widened_position": "inside"}, "As expected"),
        ({"marking": "only_site", "position": None}, "No other site to compare with"),
        ({"marking": "insufficient", "position": None}, "Too few patients followed to compare"),
        ({"position": None}, "Cannot be shown"),
        ({"marking": None, "position": None}, "Cannot be shown"),
    ],
)
def test_a_site_that_is_not_compared_is_never_as_expected(changes: dict[str, str | None], said: str) -> None:
    one = a(Compared, **({"marking": "compared", "position": None, "widened_position": None} | changes))
    assert wording.position(one) == said


def test_a_measure_without_a_fixed_exposure_is_neither_charted_nor_compared(home: Path) -> None:
    whole = cards(measure_page(a_view(home), "pain_past_3_months"))
    assert not {"trend", "years", "funnel"} & whole.keys()
    assert "compared neither" in str(whole["value"].notes)


def test_the_latest_month_that_is_judged_says_the_variation() -> None:
    months = [
        POINT,
        replace(POINT, index_period="2025-02", variation="special_concerning"),
        replace(POINT, index_period="2025-03", is_judged=False, variation=None),
        replace(POINT, index_period="2025-04", value=None, variation=None),
    ]
    assert overviews._latest_variation(months) == "special_concerning"
    assert overviews._latest_variation([]) is None


def test_all_sites_have_no_months_and_no_place_among_sites(home: Path) -> None:
    rows = cards(overview(a_view(home, "?site=all")))["measures"]
    assert rows.table is not None
    assert not {"Variation", "Among sites"} & set(rows.table.head)


def test_a_site_without_data_has_pages_too(home: Path) -> None:
    empty = a_view(home, f"?site={EMPTY}", (*OWN, EMPTY))
    assert cards(measure_page(empty, "pain_past_3_months"))["value"].table is not None
    assert overview(empty).cards


def test_the_number_of_the_site_stands_beside_that_of_all_sites(home: Path) -> None:
    view = a_view(home)
    value = measures.values(view.reader, view.filters)["pain_past_3_months"]
    rows = cards(measure_page(view, "pain_past_3_months"))["value"].table
    assert rows is not None
    (_, own, *_), (who, *_) = rows.cells()
    assert own.value == value.estimate
    assert who.text == "All sites"


def test_a_narrowed_page_has_no_chart_of_months(home: Path) -> None:
    whole = cards(measure_page(a_view(home), "pain_12_months"))
    assert {"value", "trend", "years", "funnel", "groups", "reasons", "definition"} <= whole.keys()
    assert "trend" not in cards(measure_page(a_view(home, "?group=approach:anterior"), "pain_12_months"))


def test_an_unknown_measure_has_no_page(home: Path) -> None:
    assert measure_page(a_view(home), "nothing") is None


def test_a_chart_whose_months_are_not_mature_says_from_when() -> None:
    immature = replace(POINT, index_period="2025-03", is_judged=False)
    assert measure_pages._not_mature([POINT]) == ""
    assert "from March\u00a02025 on" in measure_pages._not_mature(
        [POINT, immature, replace(immature, index_period="2025-04")]
    )


def test_the_table_of_the_chart_holds_every_month(home: Path) -> None:
    view = a_view(home)
    points = control.chart(view.reader, "pain_12_months", SITE)
    trend = cards(measure_page(view, "pain_12_months"))["trend"]
    assert [cell.text for cell in column(trend, "Month of fusion")] == [point.index_period for point in points]


def a_peer(patients: int | None) -> Compared:
    return a(Compared, measure="pain_12_months", site_id="b", patients=patients)


@pytest.mark.parametrize(
    ("patients", "is_similar"), [(50, True), (49, False), (200, True), (201, False), (None, False)]
)
def test_peers_of_similar_size_have_half_to_twice_as_many_patients(patients: int | None, is_similar: bool) -> None:
    assert measure_pages._is_similar(a_peer(patients), 100) is is_similar


def test_the_funnel_names_nobody_but_the_own_site(home: Path) -> None:
    view = a_view(home)
    names = [cell.text for cell in column(cards(measure_page(view, "pain_12_months"))["funnel"], "Site")]
    others = {site.name for site in view.sites.values() if site.site_id != SITE}
    assert names[0] == view.who
    assert not others & set(names)
