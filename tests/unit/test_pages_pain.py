"""The page of pain and recovery, made of a release of invented numbers."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dashboards import wording
from dashboards.cards import Cell
from dashboards.data import scores
from dashboards.data.scores import Scores
from dashboards.pages.pain import pain
from tests.support.dashboard_release import EMPTY, OWN, write_release
from tests.support.dashboard_views import cards, texts, view_at
from tests.support.records import a

SITE = OWN[0]

a_view = partial(view_at, "/pain")


def test_the_timeline_runs_from_the_first_weeks_to_20_years(home: Path) -> None:
    timeline = cards(pain(a_view(home)))["timeline"]
    assert len(timeline.beside) == 7
    assert timeline.beside[-1] == ("Late pain at 20 years", "Nobody assessed")
    assert [row[1] for row in texts(timeline)][:2] == ["Ashworth General", "All sites"]


def test_each_measure_leads_to_its_page_with_the_same_filters(home: Path) -> None:
    view = a_view(home, f"?site={OWN[1]}&period=2023")
    table = cards(pain(view))["timeline"].table
    assert table is not None
    first = table.rows[0][0]
    assert isinstance(first, Cell)
    assert first.href == f"/measure/early_discomfort?site={OWN[1]}&period=2023"


def test_a_year_changes_measures_of_a_fixed_exposure_but_not_scores(home: Path) -> None:
    everybody, of_2023 = cards(pain(a_view(home))), cards(pain(a_view(home, "?period=2023")))
    assert texts(everybody["timeline"]) == texts(of_2023["timeline"])
    assert texts(everybody["clearly-better"]) != texts(of_2023["clearly-better"])
    assert everybody["scores-ndi"].figure == of_2023["scores-ndi"].figure


def test_neck_pain_and_disability_come_first_of_seven_instruments(home: Path) -> None:
    names = [card.name for card in pain(a_view(home)).cards if card.name.startswith("scores-")]
    assert names[:2] == ["scores-neck-pain-nrs", "scores-ndi"]
    assert len(names) == 7
    assert all(not card.is_wide for card in pain(a_view(home)).cards if card.name in names)


@pytest.mark.parametrize(
    ("card", "before", "reference"),
    [
        ("scores-neck-pain-nrs", 6.0, 3.5),
        ("scores-ndi", 40.0, 25.0),
        ("scores-mjoa", 14.0, 16.0),
        ("scores-promis-pf-t", 40.0, 45.0),
        ("scores-promis-pi-t", 60.0, 55.0),
    ],
)
def test_the_reference_is_the_median_before_surgery_better_by_the_difference(
    home: Path, card: str, before: float, reference: float
) -> None:
    shown = cards(pain(a_view(home)))[card]
    assert shown.figure is not None
    assert [line["y0"] for line in shown.figure["layout"]["shapes"]] == [reference]
    assert f"{abs(reference - before):g} {'more' if reference > before else 'less'} than the median" in shown.notes[0]


@pytest.mark.parametrize(("before", "difference"), [(9.0, 3), (11.0, 3), (13.0, 2), (16.0, 1), (18.0, 1)])
def test_the_difference_of_mjoa_goes_by_severity_before_surgery(
    home: Path, monkeypatch: pytest.MonkeyPatch, before: float, difference: float
) -> None:
    quartiles = {"lower_quartile": before - 1, "median": before, "upper_quartile": before + 1}
    baseline = a(Scores, instrument="mjoa", visit_window="baseline", patients=50, **quartiles)
    monkeypatch.setattr(scores, "trajectories", lambda *_: {"mjoa": [baseline]})
    figure = cards(pain(a_view(home)))["scores-mjoa"].figure
    assert figure is not None
    assert figure["layout"]["shapes"][0]["y0"] == before + difference


def test_own_scores_are_exact_and_those_of_all_sites_as_everybody_may_see_them(home: Path) -> None:
    view = a_view(home)
    own, others = scores.trajectories(view.reader, SITE)["mjoa"], scores.trajectories(view.reader, None)["mjoa"]
    card = cards(pain(view))["scores-mjoa"]
    assert card.figure is not None
    assert len(card.figure["data"][0]["x"]) == len(others) - 1
    assert [text for _, text in card.below[0][1]] == [wording.count(each.patients or 0) for each in own]
    assert card.below[1][1][-1][1] == "–"
    assert texts(card)[-1] == ["24 months", "All sites", *["– suppressed"] * 4]


def test_a_window_hidden_of_all_sites_is_said_in_the_chart(home: Path) -> None:
    card = cards(pain(a_view(home, "?site=all")))["scores-mjoa"]
    assert card.figure is not None
    assert [note["x"] for note in card.figure["layout"]["annotations"] if note["text"] == "– suppressed"] == [5]


def test_each_instrument_has_a_panel_of_who_got_clearly_better_by_window(home: Path) -> None:
    card = cards(pain(a_view(home)))["clearly-better"]
    assert card.figure is not None
    assert "yaxis6" in card.figure["layout"]
    assert "yaxis7" not in card.figure["layout"]
    assert len(texts(card)) == 2 * 6 * 5
    assert card.figure["layout"]["xaxis"]["ticktext"] == ["1½", "3", "6", "12", "24"]


def test_who_answered_begins_before_surgery_and_stands_beside_satisfaction(home: Path) -> None:
    shown = cards(pain(a_view(home)))
    answered, satisfied = shown["answered"], shown["satisfied"]
    assert answered.figure is not None
    assert answered.figure["layout"]["xaxis"]["ticktext"] == ["Before", "1½", "3", "6", "12", "24"]
    assert [row[0] for row in texts(satisfied)][::2][0] == "Satisfied at 6 weeks"
    assert not answered.is_wide
    assert not satisfied.is_wide


def test_of_a_site_that_delivered_nothing_nothing_is_drawn(home: Path) -> None:
    assert all(card.figure is None for card in pain(a_view(home, f"?site={EMPTY}", (EMPTY,))).cards)


def test_where_all_is_hidden_every_card_says_so_and_no_number_is_drawn(tmp_path: Path) -> None:
    write_release(tmp_path, all_hidden=True)
    shown = cards(pain(a_view(tmp_path, "?site=all")))
    assert shown["scores-ndi"].figure is None
    assert {value for _, value in shown["timeline"].beside} == {"– suppressed"}
    for card in shown.values():
        assert all(not trace["x"] for trace in (card.figure or {"data": []})["data"])


def test_a_release_without_a_measure_leaves_out_its_row(home: Path) -> None:
    view = a_view(home)
    known = {name: one for name, one in view.measures.items() if name not in ("early_discomfort", "mcid_ndi_6_weeks")}
    fewer = replace(view)
    fewer.__dict__["measures"] = known
    shown = cards(pain(fewer))
    assert "Early discomfort" not in [name for name, _ in shown["timeline"].beside]
    figure = shown["clearly-better"].figure
    assert figure is not None
    own_ndi = next(trace for trace in reversed(figure["data"]) if trace["yaxis"] == "y2")
    assert [round(place) for place in own_ndi["x"]] == [1, 2, 3, 4]
