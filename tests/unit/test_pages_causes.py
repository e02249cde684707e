"""The page of causes and red flags, made of a release of invented numbers."""

from functools import partial
from pathlib import Path

import duckdb
import pytest

from dashboards.cards import Card, Cell
from dashboards.charts.pairs import Share, paired_bars
from dashboards.data.measures import Value
from dashboards.pages.causes import causes
from dashboards.pages.rows import Row, by_size, chosen, rows_of
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from tests.support.dashboard_release import EMPTY, OWN, write_release
from tests.support.dashboard_views import cards, view_at
from tests.support.html_tree import parsed
from tests.support.records import a

a_view = partial(view_at, "/causes")


def cells(card: Card) -> list[list[Cell]]:
    assert card.table is not None
    return list(card.table.cells())


def a_value(estimate: float | None) -> Value:
    state = "suppressed" if estimate is None else "shown"
    limits = dict.fromkeys(("estimate", "estimate_low", "estimate_high"), estimate)
    return a(Value, state=state, numerator=5, patients=50, excluded=0, **limits)


def test_rows_stand_by_size_and_hidden_ones_last_as_they_came(home: Path) -> None:
    measure = a_view(home).measures["suspected_nonunion"]
    rows = [Row(measure, a_value(estimate), None) for estimate in (None, 0.1, 0.0, 0.4, None)]
    assert [row.value.estimate for row in by_size(rows)] == [0.4, 0.1, 0.0, None, None]
    assert by_size(rows)[3] is rows[0]


def test_a_share_of_few_assessed_is_named_last_and_cannot_be_told(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute(
            "update measures set numerator = 9, patients = 9, excluded = 90, estimate = 1, estimate_low = 0.7, "
            "estimate_high = 1 where measure = 'suspected_nonunion' and site_id = ?",
            [OWN[0]],
        )
    seal(folder)
    card = cards(causes(a_view(tmp_path)))["causes"]
    assert card.figure is not None
    assert card.sentence.startswith("Most frequent of those that can be told: ")
    assert "nonunion" not in card.sentence
    assert [name for name, _ in card.beside][-1] == "Suspected nonunion"
    assert "Cannot be told: 9 of 99 assessed" in {note["text"] for note in card.figure["layout"]["annotations"]}
    assert any("fewer than half of the patients could be assessed" in note for note in card.notes)
    assert "9 of 9 assessed" not in str(card.body)
    assert "100\u00a0%" in [row[2].text for row in cells(card)]


def test_what_asks_about_some_patients_alone_is_told_of_these(tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("update measures set excluded = 10 * patients where measure like 'red_flag_imaging%'")
    seal(folder)
    card = cards(causes(a_view(tmp_path)))["imaging"]
    assert card.figure is not None
    assert not any("Cannot be told" in note["text"] for note in card.figure["layout"].get("annotations", ()))


def test_there_are_six_causes_five_red_flags_four_of_care_in_time_and_all_care(home: Path) -> None:
    shown = cards(causes(a_view(home)))
    assert {name: len(card.beside) for name, card in shown.items()} == {
        "causes": 6,
        "red-flags": 5,
        "imaging": 4,
        "care": 15,
    }


@pytest.mark.parametrize("name", ["causes", "red-flags", "care"])
@pytest.mark.parametrize("query", ["", "?site=all"])
def test_bars_fall_in_length_from_the_top_with_value_and_patients_at_their_ends(
    home: Path, name: str, query: str
) -> None:
    card = cards(causes(a_view(home, query)))[name]
    assert card.figure is not None
    own = card.figure["data"][0]
    assert own["x"] == sorted(own["x"], reverse=True)
    assert own["y"] == sorted(own["y"])
    assert all("%, n = " in text for text in own["text"])


def test_the_longest_bar_ends_inside_the_axis_so_that_its_text_is_drawn() -> None:
    figure = paired_bars([Share(0.085684, "8.6 %, n = 1,097")], [Share(0.08, "8.0 %, n = 3,640")])
    assert figure["layout"]["xaxis"]["range"][1] >= figure["data"][0]["x"][0]


def test_the_first_card_says_the_most_frequent_cause_as_a_number(home: Path) -> None:
    view = a_view(home)
    card = causes(view).cards[0]
    first = by_size(chosen(rows_of(view), [str(row[0].value) for row in cells(card)]))[0]
    said = f"{100 * (first.value.estimate or 0):.0f}\u00a0%"
    assert said in card.sentence
    assert next(parsed(card.body[0]).all("strong")).text == said


def test_own_bars_stand_above_those_of_all_sites_who_have_none_beside_themselves(home: Path) -> None:
    beside = cards(causes(a_view(home)))["red-flags"]
    alone = cards(causes(a_view(home, "?site=all")))["red-flags"]
    assert beside.figure is not None
    assert alone.figure is not None
    assert (len(beside.figure["data"]), len(alone.figure["data"])) == (2, 1)
    assert [row[1].text for row in cells(beside)][:2] == ["Ashworth General", "All sites"]


def test_each_row_leads_to_its_measure_with_the_same_filters(home: Path) -> None:
    card = cards(causes(a_view(home, "?group=approach:anterior")))["red-flags"]
    for row in cells(card):
        assert row[0].href == f"/measure/{row[0].value}?group=approach:anterior"


def test_filters_choose_the_patients(home: Path) -> None:
    everybody, narrowed = cards(causes(a_view(home))), cards(causes(a_view(home, "?group=approach:anterior")))
    assert [row[4].text for row in cells(everybody["care"])] != [row[4].text for row in cells(narrowed["care"])]


def test_where_all_is_hidden_every_row_says_so_and_no_bar_is_drawn(tmp_path: Path) -> None:
    write_release(tmp_path, all_hidden=True)
    for card in causes(a_view(tmp_path, "?site=all")).cards:
        assert card.figure is not None
        assert all(not trace["x"] for trace in card.figure["data"])
        assert {note["text"] for note in card.figure["layout"]["annotations"]} == {"– suppressed"}


def test_of_a_site_that_delivered_nothing_nothing_is_drawn(home: Path) -> None:
    assert all(card.figure is None for card in causes(a_view(home, f"?site={EMPTY}", (EMPTY,))).cards)
