"""The overview and the page of a measure, made of a release of invented numbers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dashboards import wording
from dashboards.cards import Card, Cell
from dashboards.data import control, measures
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


def test_every_measure_has_a_row_and_concerning_signals_come_first(home: Path) -> None:
    view = a_view(home)
    rows = cards(overview(view))["measures"]
    assert {cell.value for cell in column(rows, "Measure")} == set(measures.values(view.reader, view.filters))
    order = [wording.variation(code) for code in overviews._ORDER]
    places = [order.index(cell.text) for cell in column(rows, "Variation")]
    assert places == sorted(places)
    assert len(set(places)) > 2


def test_no_signal_is_said_of_mature_months_only(home: Path) -> None:
    pain = a_view(home).measures["pain_past_3_months"]
    for months, said in (
        ([POINT], "No concerning signal"),
        ([replace(POINT, variation="special_concerning")], "Concerning signal in 1 of"),
        ([replace(POINT, is_judged=False)], "No mature month"),
        ([replace(POINT, value=None)], "No mature month"),
        ([], "No mature month"),
    ):
        assert overviews._beside_others(pain, overviews._Lately({pain.measure: months}, {})).startswith(said)


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
