"""The pages of adjacent segment disease and of revision, and the curves that they read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards.access.scope import Denied
from dashboards.cards import Card
from dashboards.charts import style
from dashboards.data import curves, measures
from dashboards.data.curves import Curve, CurvePoint
from dashboards.data.reader import Reader
from dashboards.filters import parse
from dashboards.pages.frame import Page, View
from dashboards.pages.incidence import adjacent_segment_disease, revision
from dashboards.pages.site import page_of
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from outcomes.sql.engine import connect_read_only
from tests.support.dashboard_release import EMPTY, FOREIGN, write_release
from tests.support.dashboard_views import cards, reader_of, texts
from tests.support.html_tree import parsed
from tests.support.records import a

SITE, GROUP = "ashworth", ("approach", "anterior")
NBSP = "\u00a0"
PAGES = [adjacent_segment_disease, revision]
PageOf = Callable[[View], Page]


@pytest.fixture(scope="module")
def reader(home: Path) -> Reader:
    return reader_of(home, SITE, EMPTY)


def looking(reader: Reader, query: str, path: str = "/revision") -> View:
    choices = measures.choices(reader)
    return View(reader, parse(query, choices), choices, path)


def said(page: Page, name: str) -> str:
    """All texts of a card, its table's included."""
    one = cards(page)[name]
    table = one.table
    cells = [cell.text for row in table.cells() for cell in row] if table else []
    body = [parsed(part).text for part in one.body]
    return " ".join([one.title, one.sentence, *body, *one.notes, *cells])


def colours(one: Card) -> set[str]:
    assert one.figure is not None
    return {trace["line"]["color"] for trace in one.figure["data"] if "color" in trace["line"]}


def exact(home: Path, outcome: str, day: int) -> tuple[Any, ...]:
    connection = connect_read_only((home / "releases" / "current").resolve() / RESEARCH)
    found = connection.execute(
        "select incidence, low, high, events, at_risk from cumulative_incidence where site_id = ? and outcome = ? "
        "and day = ? and stratum_kind = 'all' and estimator = 'aalen_johansen'",
        [SITE, outcome, day],
    ).fetchone()
    assert found is not None
    return found


def a_curve(*states: str, step: int = 30) -> Curve:
    """A curve of one percent more each step, with the state of each."""
    points = []
    for place, state in enumerate(states):
        known = {"at_risk": 5000 - 10 * place, "events": place, "incidence": place / 100}
        known |= {"low": place / 120, "high": place / 80}
        points.append(a(CurvePoint, day=step * place, state=state, **(known if state == "shown" else {})))
    return Curve(tuple(points))


def assert_one_point_a_day(curve: Curve) -> None:
    days = [point.day for point in curve.points]
    assert days == sorted(set(days))
    assert len(days) > 1


def test_a_curve_is_read_at_the_nearest_known_day_within_a_month() -> None:
    curve = a_curve("shown", "suppressed", "suppressed", "suppressed", "shown")
    assert [point and point.day for point in map(curve.near, (0, 30, 45, 90, 115))] == [0, 0, None, 120, 120]


def test_a_day_withheld_lies_between_the_known_days_around_it() -> None:
    before, after = a_curve("shown", "shown", "suppressed", "suppressed", "shown").around(75)
    assert (before and before.day, after and after.day) == (30, 120)


def test_a_curve_that_has_ended_says_nothing_even_just_after_its_last_day() -> None:
    curve = a_curve("shown", "shown", "ended")
    assert curve.near(30) is not None
    assert curve.near(40) is None
    assert curve.near(90) is None


def test_a_curve_withheld_whole_has_not_ended() -> None:
    assert a_curve("suppressed", "suppressed").is_suppressed
    assert not a_curve("suppressed").has_ended(0)
    assert not a_curve("ended").is_suppressed
    assert not Curve(()).is_suppressed


def test_the_curve_of_a_site_is_cut_where_too_few_are_at_risk(reader: Reader) -> None:
    whole, cut = (curves.own(reader, "revision", SITE, threshold) for threshold in (11, 300))
    assert len(whole.shown) == len(whole.points) == len(cut.points)
    assert min(point.at_risk or 0 for point in cut.shown) >= 300
    assert {point.state for point in cut.points} == {"shown", "ended"}
    assert all(point.at_risk is point.incidence is point.events is None for point in cut.points if not point.is_shown)


def test_the_curve_of_a_site_leaves_out_the_estimator_that_overstates(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute(
            "insert into cumulative_incidence select * replace ('one_minus_km' as estimator, 0.9 as incidence) "
            "from cumulative_incidence"
        )
    seal(folder)
    own = curves.own(reader_of(tmp_path, SITE, EMPTY), "revision", SITE, 11)
    assert max(point.incidence or 0 for point in own.shown) < 0.9
    assert_one_point_a_day(own)


@pytest.mark.parametrize("outcome", ["asd", "revision"])
def test_a_curve_of_all_sites_or_of_a_group_has_one_point_a_day(reader: Reader, outcome: str) -> None:
    for curve in (curves.all_sites(reader, outcome), *curves.by_group(reader, outcome).values()):
        assert_one_point_a_day(curve)


def test_the_curve_of_another_site_is_denied(reader: Reader) -> None:
    with pytest.raises(Denied):
        curves.own(reader, "revision", FOREIGN, 11)


@pytest.mark.parametrize(("path", "title"), [("/asd", "Adjacent segment disease"), ("/revision", "Revision")])
def test_both_pages_stand_at_their_addresses(reader: Reader, path: str, title: str) -> None:
    page = page_of(looking(reader, "", path))
    assert page is not None
    assert page.title == title
    assert page.filters == ("group",)


@pytest.mark.parametrize(("page_of_view", "outcome"), [(adjacent_segment_disease, "asd"), (revision, "revision")])
def test_the_first_card_says_the_shares_of_the_site_exactly(
    home: Path, reader: Reader, page_of_view: PageOf, outcome: str
) -> None:
    page = page_of_view(looking(reader, ""))
    listed = {row[0]: row for row in texts(cards(page)["incidence"]) if row[1] == "This site"}
    for years in (1, 2):
        incidence, low, high, events, at_risk = exact(home, outcome, 365 * years)
        share, limits = f"{100 * incidence:.0f}{NBSP}%", f"{100 * low:.0f}–{100 * high:.0f}"
        assert listed[f"{years} year{'s' * (years > 1)}"][2:] == [share, limits, f"{events:,}", f"{at_risk:,}"]
        assert f"{share} ({limits})" in cards(page)["incidence"].sentence
    assert page.cards[0].name == "incidence"
    assert "All sites: within 1 year" in page.cards[0].sentence


def test_the_curve_of_the_site_is_blue_and_that_of_all_sites_grey(reader: Reader) -> None:
    curve = cards(revision(looking(reader, "")))["curve"]
    assert colours(curve) == {style.BLUE, style.GREY}
    assert [title for title, _ in curve.below] == ["Patients at risk: Ashworth General", "Patients at risk: all sites"]


def test_without_a_site_there_is_one_curve_and_no_row_of_a_site(reader: Reader) -> None:
    page = revision(looking(reader, "?site=all"))
    assert len(cards(page)["curve"].below) == 1
    assert {row[1] for row in texts(cards(page)["incidence"])} == {"All sites"}
    assert "Ashworth" not in " ".join(said(page, one.name) for one in page.cards)


def test_a_group_is_that_of_all_sites_and_the_page_says_so(reader: Reader) -> None:
    page = revision(looking(reader, "?group=approach:anterior"))
    group, everybody = curves.by_group(reader, "revision")[GROUP], curves.all_sites(reader, "revision")
    assert "Approach: Anterior (all sites)" in cards(page)["incidence"].title
    assert {row[1] for row in texts(cards(page)["incidence"])} == {"This group", "All patients"}
    steps = [trace["y"] for trace in (cards(page)["curve"].figure or {})["data"] if "customdata" in trace]
    assert [max(share for share in shares if share is not None) for shares in steps] == [
        round(100 * (curve.shown[-1].incidence or 0), 2) for curve in (everybody, group)
    ]


def test_a_year_of_the_address_is_left_out_and_only_then_the_page_says_so(reader: Reader) -> None:
    view = looking(reader, "?period=2023")
    assert view.filters.period == "2023"
    page = revision(view)
    assert page.lead
    assert texts(cards(page)["measures"]) == texts(cards(revision(looking(reader, "")))["measures"])
    assert revision(looking(reader, "")).lead == ""


def test_days_withheld_are_no_numbers_in_the_table_of_the_curve(reader: Reader) -> None:
    everybody = {point.day: point for point in curves.all_sites(reader, "revision").points}
    table = cards(revision(looking(reader, "")))["curve"].table
    assert table is not None
    found = {int(cells[0].value or 0): cells[4:] for cells in table.cells()}
    hidden = [cells for day, cells in found.items() if everybody[day].state != "shown"]
    assert hidden
    assert all([cell.text for cell in cells] == ["–", "", "–"] for cells in hidden)


def test_a_suppressed_share_is_said_as_the_span_in_which_it_lies(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = ["shown"] * 10 + ["suppressed"] * 5 + ["shown"] * 6 + ["suppressed"] * 45
    monkeypatch.setattr(curves, "all_sites", lambda *_: a_curve(*states))
    page = revision(looking(reader, "?site=all"))
    shares = {row[0]: row[2:] for row in texts(cards(page)["incidence"])}
    assert shares["1 year"] == [f"9.0 to 15.0{NBSP}%", "–", "–", "–"]
    assert shares["2 years"] == [f"at least 20.0{NBSP}%", "–", "–", "–"]


def test_a_share_of_a_near_day_says_which_day_it_is(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "all_sites", lambda *_: a_curve(*["shown"] * 13, *["suppressed"] * 60))
    page = revision(looking(reader, "?site=all"))
    assert texts(cards(page)["incidence"])[0][2] == f"12.0{NBSP}% on day 360"


def test_measures_of_the_curve_lead_to_their_pages_for_the_same_patients(reader: Reader) -> None:
    for page_of_view, wanted in (
        (revision, ["revision_90_days", "revision_1_year", "revision_2_years", "revision_5_years", "revision_rate"]),
        (adjacent_segment_disease, ["radiographic_asd", "clinical_asd", "clinical_asd_probable", "surgical_asd"]),
    ):
        table = cards(page_of_view(looking(reader, "?group=approach:anterior")))["measures"].table
        assert table is not None
        links = [cells[0].href or "" for cells in table.cells()]
        for name in wanted:
            assert f"/measure/{name}?group=approach:anterior" in links


def test_types_of_revision_stand_by_size_beside_those_of_all_sites(reader: Reader) -> None:
    types = cards(revision(looking(reader, "")))["types"]
    assert types.figure is not None
    own, others = types.figure["data"]
    assert own["x"] == sorted(own["x"], reverse=True)
    assert (own["marker"]["color"], others["marker"]["color"]) == (style.BLUE, style.GREY)
    assert {name for name, _ in types.beside} >= {"Nonunion", "Hardware removal", "Laminoplasty"}
    assert "Revision performed" not in {name for name, _ in types.beside}


def test_only_the_page_of_revision_has_types(reader: Reader) -> None:
    assert "types" not in {one.name for one in adjacent_segment_disease(looking(reader, "")).cards}


def test_every_group_has_its_share_of_all_sites_at_two_years(reader: Reader) -> None:
    groups = cards(revision(looking(reader, "")))["groups"]
    assert len(groups.beside) == len(measures.choices(reader).groups)
    assert groups.figure is not None
    assert groups.figure["data"][1]["marker"]["color"] == style.GREY


def test_kinds_are_those_of_all_sites(reader: Reader) -> None:
    for page_of_view, label in ((revision, "revision_performed"), (adjacent_segment_disease, "suspected_asd")):
        found = measures.kinds(reader, label)
        assert len(texts(cards(page_of_view(looking(reader, "")))["kinds"])) == len(found) > 0


def test_a_site_without_data_has_the_curve_of_all_sites(reader: Reader) -> None:
    page = revision(looking(reader, f"?site={EMPTY}"))
    assert [title for title, _ in cards(page)["curve"].below] == ["Patients at risk: all sites"]


@pytest.mark.parametrize("page_of_view", PAGES)
def test_with_every_count_suppressed_no_curve_is_shown(tmp_path: Path, page_of_view: PageOf) -> None:
    write_release(tmp_path, all_hidden=True)
    page = page_of_view(looking(reader_of(tmp_path, SITE, EMPTY), "?site=all"))
    assert cards(page)["curve"].figure is None
    assert {row[2] for row in texts(cards(page)["incidence"])} <= {"suppressed", "no curve", "too few still at risk"}


@pytest.mark.parametrize("page_of_view", PAGES)
def test_every_chart_has_a_sentence_and_a_table(reader: Reader, page_of_view: PageOf) -> None:
    for one in page_of_view(looking(reader, "")).cards:
        if one.figure is not None:
            assert one.sentence
            assert one.table
            assert one.table.rows
