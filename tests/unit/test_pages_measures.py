"""The overview and the page of a measure, made of a release of invented numbers."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards import wording
from dashboards.access.scope import Denied
from dashboards.cards import Card, Cell
from dashboards.data import alarms, control, deliveries, measures
from dashboards.data import published as published_figures
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint, RecentMonth
from dashboards.data.measures import Measure, Value
from dashboards.data.published import published
from dashboards.pages import measure as measure_pages
from dashboards.pages import news
from dashboards.pages import overview as overviews
from dashboards.pages.frame import View
from dashboards.pages.measure import measure_page
from dashboards.pages.overview import overview
from dashboards.reviews.queue import Decision, Move, Reviews
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from outcomes.settings import Settings
from tests.support.dashboard_release import EMPTY, FOREIGN, OWN, write_release
from tests.support.dashboard_rows import HEADLINES
from tests.support.dashboard_views import cards, view_at
from tests.support.html_tree import parsed
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


def test_every_measure_has_a_row_and_what_stands_out_comes_first_in_its_group(home: Path) -> None:
    view = a_view(home)
    card = cards(overview(view))["measures"]
    named = set(alarms.own(view.reader, SITE))
    assert card.table is not None
    assert {cell.value for cell in column(card, "Measure")} == set(measures.values(view.reader, view.filters))
    order = [wording.variation(code) for code in overviews._ORDER]
    groups = dict(card.table.grouped())
    assert len(groups) == len({*card.table.groups})
    assert next(iter(groups)) == "Headline outcomes"
    assert len(groups["Headline outcomes"]) == len(view.headlines)
    for rows in groups.values():
        places = [(row[0].value not in named, order.index(row[1].text)) for row in rows]
        assert places == sorted(places)
    assert len({row[1].text for rows in groups.values() for row in rows}) > 2


def test_what_stands_out_is_said_in_words_concerning_first(home: Path) -> None:
    card = cards(overview(a_view(home)))["look-at-this"]
    said = [(kind.text, why.text) for kind, why in zip(column(card, "Kind"), column(card, "Why"), strict=True)]
    assert said == [
        (
            "Special cause, concerning",
            "10\u00a0% against 7\u00a0% expected for these patients: about 18 more patients than expected since 2018. "
            "Chance alone gives this at fewer than one site in 20; the cumulative sum signals too.",
        ),
        (
            "Special cause, improving",
            "21 observed against 43.2 expected for these patients: about 22 fewer patients than expected since 2018. "
            "Chance alone gives this at one site in 500.",
        ),
        (
            "Special cause, neither better nor worse",
            "Quarter 1 of 2025 lies beyond the control limits (41\u00a0%, limits 5–35), and the next quarter confirms "
            "it.",
        ),
    ]
    assert "2 of 100 measures" in str(card.notes)


def _reviewing(home: Path, tmp_path: Path) -> tuple[View, Reviews]:
    reviews = Reviews(tmp_path / "reviews.sqlite")
    return replace(a_view(home), reviews=reviews), reviews


def test_the_first_screen_says_what_was_made_of_a_signal_and_leads_there(home: Path, tmp_path: Path) -> None:
    view, reviews = _reviewing(home, tmp_path)
    signal = f"{SITE}/pain_12_months/funnel/2026"

    def said() -> tuple[str, str]:
        entry = next(parsed(cards(overview(view))["look-at-this"].body[0]).all("li"))
        return [*entry.all("a")][-1].text, [*entry.all("a")][-1].get("href")

    assert said() == ("Reviewed: no", f"/signals#{signal.replace('/', '-')}")
    reviews.move(view.reader.scope, Move(SITE, signal, "reviewing", 0))
    assert said()[0] == "Under review"
    due = datetime.now(UTC).date()
    plan = Decision("chance", "watch_two_quarters", "quality_lead", due)
    reviews.move(view.reader.scope, Move(SITE, signal, "acting", 1, plan))
    assert said()[0] == f"Action: watch for two quarters, quality lead, due {wording.day(due)} (finding: chance)"


def test_the_first_screen_says_that_work_of_an_earlier_year_is_open_and_that_the_new_signal_is_to_be_reviewed(
    home: Path, tmp_path: Path
) -> None:
    view, reviews = _reviewing(home, tmp_path)
    earlier = f"{SITE}/pain_12_months/funnel/2025"
    due = datetime.now(UTC).date()
    reviews.move(view.reader.scope, Move(SITE, earlier, "reviewing", 0))
    reviews.move(
        view.reader.scope,
        Move(SITE, earlier, "acting", 1, Decision("chance", "train_the_team", "nursing_lead", due)),
    )
    entry = next(parsed(cards(overview(view))["look-at-this"].body[0]).all("li"))
    _, work, new = [(link.text, link.get("href")) for link in entry.all("a")]
    plan = f"train the team, nursing lead, due {wording.day(due)} (finding: chance)"
    said = f"Work on this since the signal of 2025 is open: {plan}"
    assert work == (said, f"/signals#{earlier.replace('/', '-')}")
    assert new == ("This signal, of 2026: to be reviewed", f"/signals#{SITE}-pain_12_months-funnel-2026")
    assert "Reviewed: no" not in entry.text


def _act_on(reviews: Reviews, view: View, signals: Sequence[str]) -> None:
    plan = Decision("chance", "train_the_team", "nursing_lead", datetime.now(UTC).date())
    for signal in signals:
        reviews.move(view.reader.scope, Move(SITE, signal, "reviewing", 0))
        reviews.move(view.reader.scope, Move(SITE, signal, "acting", 1, plan))


def _overdue_since_january(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "reviews.sqlite")) as database:
        database.execute("update moves set due = '2026-01-31' where due is not null")
        database.commit()


@pytest.mark.parametrize(
    ("year", "ways"), [(2026, ["Close it"]), (2025, ["Close it", "This signal, of 2026: to be reviewed"])]
)
def test_an_overdue_action_is_the_first_thing_said_together_with_why_its_measure_stands_out(
    home: Path, tmp_path: Path, year: int, ways: list[str]
) -> None:
    view, reviews = _reviewing(home, tmp_path)
    _act_on(reviews, view, [f"{SITE}/revision_2_years/funnel/{year}"])
    _overdue_since_january(tmp_path)
    first, *others = parsed(cards(overview(view))["look-at-this"].body[0]).all("li")
    assert "action overdue since 31\u00a0January\u00a02026: train the team, nursing lead" in first.text
    assert "observed against" in first.text
    title, *found = [link.text for link in first.all("a")]
    assert found == ways
    assert not any(title in other.text for other in others)
    assert len(others) == len(alarms.own(view.reader, SITE)) - 1


def test_several_overdue_actions_about_a_measure_are_said_once_also_of_one_that_stands_out_no_more(
    home: Path, tmp_path: Path
) -> None:
    view, reviews = _reviewing(home, tmp_path)
    measure = next(one for one in view.measures if one not in alarms.own(view.reader, SITE))
    _act_on(reviews, view, [f"{SITE}/{measure}/funnel/{year}" for year in (2023, 2024, 2025)])
    _overdue_since_january(tmp_path)
    entries = [entry.text for entry in parsed(cards(overview(view))["look-at-this"].body[0]).all("li")]
    assert ["2 more actions overdue." in entry for entry in entries] == [True, *[False] * (len(entries) - 1)]
    assert sum("overdue since" in entry for entry in entries) == 1


def test_a_tile_says_where_its_line_shows_patients_between_outcomes(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("update control_charts set chart = 'g' where measure = 'revision_2_years'")
        con.execute("update control_charts set chart = 'p' where measure = 'pain_12_months'")
    seal(folder)
    body = parsed(cards(overview(a_view(tmp_path)))["headlines"].body[0])
    tiles = {next(tile.all("h3")).text: tile.text for tile in body.all("div") if tile.get("class") == "tile"}
    said = "Common cause variation, of patients between outcomes"
    assert [said in tiles[title] for title in ("Revision within 2 years", "Neck pain at 12 months")] == [True, False]


def test_a_tile_with_a_number_and_no_month_does_not_say_that_it_has_no_value(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("delete from control_charts where site_id = ? and measure = 'pain_12_months'", [SITE])
    seal(folder)
    tile = next(parsed(cards(overview(a_view(tmp_path)))["headlines"].body[0]).all("dl")).text
    assert "No month that can be judged" in tile
    assert "No value" not in tile


@pytest.mark.parametrize(("peers", "of"), [("similar", "size"), ("case_mix", "case mix")])
def test_chosen_peers_change_which_sites_are_drawn_and_that_is_said(home: Path, peers: str, of: str) -> None:
    chosen, everybody = (
        cards(measure_page(a_view(home, query), "pain_12_months"))["funnel"] for query in (f"?peers={peers}", "")
    )
    said = (
        f"Only peers of similar {of} are drawn. What is expected, the limits, the years and the groups are those of "
        "all sites."
    )
    assert (said in chosen.notes, said in everybody.notes) == (True, False)
    assert chosen.sentence == everybody.sentence


def test_no_more_than_five_things_are_said_and_the_rest_is_counted(home: Path, tmp_path: Path) -> None:
    folder, view = write_release(tmp_path), a_view(home)
    more = [one for one in view.measures if one not in alarms.own(view.reader, SITE)][:4]
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.executemany(
            "insert into alarms select * replace (? as measure) from alarms where site_id = ? and reason = 'confirmed'",
            [[one, SITE] for one in more[:1]],
        )
        con.executemany(
            "insert into alarms select * replace (? as measure) from alarms where site_id = ? and measure = ?",
            [[one, SITE, more[0]] for one in more[1:]],
        )
    seal(folder)
    card = cards(overview(a_view(tmp_path)))["look-at-this"]
    assert len([*parsed(card.body[0]).all("li")]) == 5
    assert "2 more" in parsed(card.body[1]).text
    assert card.table is not None
    assert len(card.table.rows) == 7


def test_overdue_actions_are_among_the_five_things_that_are_said(home: Path, tmp_path: Path) -> None:
    view, reviews = _reviewing(home, tmp_path)
    quiet = [one for one in view.measures if one not in alarms.own(view.reader, SITE)]
    _act_on(reviews, view, [f"{SITE}/{one}/funnel/2025" for one in quiet[:7]])
    _overdue_since_january(tmp_path)
    card = cards(overview(view))["look-at-this"]
    assert ["overdue" in entry.text for entry in parsed(card.body[0]).all("li")] == [True] * 2 + [False] * 3
    named = len(alarms.own(view.reader, SITE))
    assert f"{7 + named - 5} more" in parsed(card.body[1]).text


def test_where_nothing_stands_out_the_first_screen_says_what_was_checked(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("delete from alarms")
    seal(folder)
    card = cards(overview(a_view(tmp_path)))["look-at-this"]
    assert card.table is None
    assert re.search(r"Nothing stands out\. Checked: \d+ measures over time, and 5 outcomes against", str(card.body))


def test_where_nothing_could_be_checked_the_first_screen_says_so(home: Path) -> None:
    card = cards(overview(a_view(home, f"?site={EMPTY}", (EMPTY,))))["look-at-this"]
    assert card.body == ["Nothing stands out. Nothing could be checked yet: no measure has a month that can be judged."]


def test_a_tile_says_target_trend_position_completeness_and_who_did_not_answer(home: Path) -> None:
    view = a_view(home)
    body = parsed(cards(overview(view))["headlines"].body[0])
    tiles = {next(tile.all("h3")).text: tile for tile in body.all("div") if tile.get("class") == "tile"}
    assert [*tiles] == [one.title for one in view.headlines]
    terms = [*tiles[view.measures["pain_12_months"].title].all("dt")]
    assert [term.text for term in terms] == [
        "Target",
        "Trend",
        "Among sites",
        "Completeness",
        "Without an answer",
    ]
    *_, missing = tiles[view.measures["pain_12_months"].title].all("dd")
    assert missing.text == (
        "33\u00a0% did not answer: with them it could lie anywhere from 17 to 50\u00a0%; if they were like those who "
        "did and looked like them, 27\u00a0% (20–35)."
    )
    shares = column(cards(measure_page(view, "pain_12_months"))["unanswered"], "Share")
    assert [cell.value for cell in shares] == [0.25, 0.1667, 0.5, 0.27]
    assert "unanswered" not in cards(measure_page(view, "revision_2_years"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": None, "assurance": None}, "none set"),
        ({"assurance": None}, "20\u00a0% (A. Lead: agreed)"),
        ({"assurance": "misses"}, "20\u00a0% (A. Lead: agreed); consistently failing the target"),
    ],
)
def test_a_target_is_said_with_who_set_it_and_why(home: Path, changes: dict[str, Any], said: str) -> None:
    goal: dict[str, Any] = {"target": 0.2, "target_author": "A. Lead", "target_reason": "agreed"} | changes
    point = replace(POINT, **goal)
    pain = a_view(home).measures["pain_12_months"]
    assert wording.target(pain, point, point) == said
    assert wording.target(pain, None, point) == "none set"
    assert wording.target(pain, point, None) == said.partition(";")[0]


def test_the_data_behind_it_says_what_is_refused_and_failing_and_which_headlines_rest_on_it(home: Path) -> None:
    said = parsed(cards(overview(a_view(home)))["data-state"].body[0]).text
    assert "Refused as last sent: February\u00a02026." in said
    rule = "Rows break PRO-006 (the code is not in the format of its system):"
    assert f"{rule} no headline outcome rests on them." in said
    assert "no headline outcome rests on them. 4 other measures may." in said
    assert "that were held: 80\u00a0%. On these visits rest Neck pain at 12 months; " in said


@pytest.mark.parametrize(
    ("affected", "rest"),
    [
        ((HEADLINES[0],), "on them rests Neck pain at 12 months."),
        ((HEADLINES[0], HEADLINES[2]), "on them rest Neck pain at 12 months; Revision within 2 years."),
        ((*HEADLINES, "early_discomfort"), "all headline outcomes rest on them. 1 other measure may."),
        (("early_discomfort",), "no headline outcome rests on them. 1 other measure may."),
    ],
)
def test_each_failing_rule_is_said_with_the_tiles_that_rest_on_it_those_of_most_first(
    home: Path, monkeypatch: pytest.MonkeyPatch, affected: tuple[str, ...], rest: str
) -> None:
    monkeypatch.setattr(deliveries, "rule_measures", lambda _: {("procedures", "PRO-006"): [*affected]})
    rules = [one.text for one in parsed(cards(overview(a_view(home)))["data-state"].body[0]).all("li")][-3:]
    said = f"Rows break PRO-006 (the code is not in the format of its system): {rest}"
    assert said in rules
    assert rules[0] == said or not {*affected} & {*HEADLINES}


def test_of_many_failing_rules_the_rest_is_counted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "_RULES_NAMED", 1)
    said = parsed(cards(overview(a_view(home)))["data-state"].body[0]).text
    assert "2 further rules that rows break: on the page Data quality." in said


def test_the_data_behind_it_says_which_months_are_late(home: Path, tmp_path: Path) -> None:
    columns, line = "site_id,first_period,last_period,due_day", f"{SITE},2026-01,2026-03,10"
    (tmp_path / "deliveries.csv").write_text(f"{columns}\n{line}\n", encoding="utf-8")
    view = replace(a_view(home), settings=Settings(home=tmp_path))
    said = parsed(cards(overview(view))["data-state"].body[0]).text
    assert "Late: February\u00a02026 (due 10\u00a0March\u00a02026). All headline outcomes lack these months." in said


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
    first = a(RecentMonth, index_period="2025-01", value=0.2, is_judged=True, variation="common")
    months = [
        first,
        replace(first, index_period="2025-02", variation="special_concerning"),
        replace(first, index_period="2025-03", is_judged=False, variation=None),
        replace(first, index_period="2025-04", value=None, variation=None),
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


def test_years_of_which_nobody_was_followed_so_long_are_named() -> None:
    measure = a(Measure, measure="revision_2_years", unit="incidence")
    years = [
        a(Value, index_period=str(year), patients=80, estimate=0.1 if year < 2025 else None)
        for year in range(2023, 2027)
    ]
    assert measure_pages._years_without_value(measure, years) == "2025, 2026: nobody followed so long yet."
    assert measure_pages._years_without_value(measure, years[:2]) == ""


def test_what_happened_is_noted_right_below_the_chart_by_month(tmp_path: Path) -> None:
    write_release(tmp_path)
    view = replace(a_view(tmp_path), reviews=Reviews(Settings(home=tmp_path).reviews_file))
    names = [*cards(measure_page(view, "pain_12_months"))]
    assert names[names.index("trend") :][:4] == ["trend", "annotate", "years", "funnel"]


def test_where_all_others_are_hidden_no_chart_is_empty_and_no_sentence_speaks_of_them(tmp_path: Path) -> None:
    write_release(tmp_path, all_hidden=True)
    everybody = cards(measure_page(a_view(tmp_path, "?site=all"), "pain_12_months"))
    assert everybody["funnel"].figure is None
    assert everybody["funnel"].body == ["6 of 6 peers are not shown: too few patients followed, or suppressed."]
    own = cards(measure_page(a_view(tmp_path), "pain_12_months"))
    # The share of all sites would stand in the chart, which less one's own patients tells of the others.
    assert own["funnel"].figure is None
    assert not any("all sites" in own[name].sentence for name in ("years", "groups"))
    assert any("suppressed:" in note for note in cards(overview(a_view(tmp_path, "?site=all")))["headlines"].notes)


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


def test_the_table_of_the_chart_holds_the_patients_and_limits_of_each_month(home: Path) -> None:
    view = a_view(home)
    points = control.chart(view.reader, "pain_12_months", SITE)
    patients = control.patients(view.reader, "pain_12_months", SITE, points)
    trend = cards(measure_page(view, "pain_12_months"))["trend"]
    assert [cell.value for cell in column(trend, "Patients")] == [patients[point.index_period] for point in points]
    assert [cell.value for cell in column(trend, "Lower limit")] == [round(point.lower or 0, 6) for point in points]
    assert min(patients.values()) > 0


def test_a_quarter_has_the_patients_of_its_months(home: Path) -> None:
    reader = a_view(home).reader
    months = control.chart(reader, "pain_12_months", SITE)[:3]
    quarter = replace(months[0], months=3)
    of_months = control.patients(reader, "pain_12_months", SITE, months)
    assert control.patients(reader, "pain_12_months", SITE, [quarter]) == {
        quarter.index_period: sum(of_months.values())
    }


def test_the_patients_of_a_foreign_chart_are_denied(home: Path) -> None:
    view = a_view(home)
    with pytest.raises(Denied):
        control.patients(view.reader, "pain_12_months", FOREIGN, control.chart(view.reader, "pain_12_months", SITE))


def a_peer(patients: int | None, expected: float | None = 20.0) -> Compared:
    return a(Compared, measure="pain_12_months", site_id="b", patients=patients, expected=expected)


@pytest.mark.parametrize(
    ("patients", "is_similar"), [(50, True), (49, False), (200, True), (201, False), (None, False)]
)
def test_peers_of_similar_size_have_half_to_twice_as_many_patients(patients: int | None, is_similar: bool) -> None:
    assert measure_pages._is_like(a_peer(patients), a_peer(100), "similar") is is_similar


@pytest.mark.parametrize(
    ("expected", "is_similar"), [(45.5, True), (45.4, False), (55.0, True), (55.1, False), (None, False)]
)
def test_peers_of_similar_case_mix_have_about_the_same_expected_share(expected: float | None, is_similar: bool) -> None:
    assert measure_pages._is_like(a_peer(500, expected), a_peer(200, 20.0), "case_mix") is is_similar


def test_published_figures_name_measures_that_there_are_and_say_what_they_count(home: Path) -> None:
    view = a_view(home)
    figures = [one for name in view.measures for one in published(name)]
    with (Path(published_figures.__file__).with_name("published_figures.csv")).open(encoding="utf-8") as file:
        assert len(figures) == len(file.readlines()) - 1
    assert all(one.definition and one.source for one in figures)
    shown = cards(measure_page(view, "revision_2_years"))["published"]
    assert "Of 3 published figures, 2 are of the same definition." in shown.sentence
    assert [cell.text for cell in column(shown, "Comparable")] == ["Yes", "Yes", "Not comparable"]
    assert "published" not in cards(measure_page(view, "pain_12_months"))


def test_the_funnel_names_nobody_but_the_own_site(home: Path) -> None:
    view = a_view(home)
    names = [cell.text for cell in column(cards(measure_page(view, "pain_12_months"))["funnel"], "Site")]
    others = {site.name for site in view.sites.values() if site.site_id != SITE}
    assert names[0] == view.who
    assert not others & set(names)
