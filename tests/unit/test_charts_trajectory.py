"""Scores and shares by visit window: Plotly's own classes judge whether the figures are valid."""

import json
from dataclasses import replace
from typing import Any

import pytest
from plotly import graph_objects

from dashboards.charts import style
from dashboards.charts.trajectory import Scale, patients_below, trajectory
from dashboards.charts.windows import Panel, panels
from dashboards.data.scores import Scores
from tests.support.records import a

HIDDEN = "– suppressed"
NDI = Scale("Percent, lower is better", 0, 25)


def scores(window: str, median: float | None, patients: int | None = 100, state: str = "shown") -> Scores:
    low, high = (None, None) if median is None else (median - 10, median + 12)
    quartiles = {"lower_quartile": low, "median": median, "upper_quartile": high}
    return a(Scores, instrument="ndi", visit_window=window, patients=patients, **quartiles, state=state)


OWN = [
    *(scores("baseline", 40), scores("6_weeks", 24), scores("3_months", None, 0, "missing")),
    *(scores("12_months", 20.5, 12_400), scores("36_months", 90)),
]
OTHERS = [
    *(scores("baseline", 38), scores("6_weeks", 25), scores("3_months", 21)),
    scores("12_months", None, None, "suppressed"),
]
PANEL = Panel("Neck pain", [(60.0, 50.0, 72.0), None], [58.0, None], ["6 weeks: 60 %", ""], [None, "– suppressed"])
WINDOWS = ["6_weeks", "12_months"]


def notes(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {note["text"]: note for note in figure["layout"]["annotations"]}


@pytest.mark.parametrize(
    "figure",
    [
        trajectory(OWN, OTHERS, NDI, "this site"),
        trajectory(OTHERS, [], NDI, "all sites"),
        trajectory([scores("baseline", None, 0, "missing")], [], replace(NDI, reference=None), "this site"),
        panels(WINDOWS, [PANEL]),
        panels(WINDOWS, [PANEL] * 5),
    ],
)
def test_figures_are_valid_and_are_json(figure: dict[str, Any]) -> None:
    graph_objects.Figure(figure)
    assert json.loads(json.dumps(figure)) == figure


def test_own_medians_are_blue_before_the_grey_ones_of_all_sites_and_bars_reach_the_quartiles() -> None:
    others, own = trajectory(OWN, OTHERS, NDI, "this site")["data"]
    assert (own["marker"]["color"], others["marker"]["color"]) == (style.BLUE, style.GREY)
    assert own["y"] == [40, 24, 20.5]
    assert (own["error_y"]["array"], own["error_y"]["arrayminus"]) == ([12] * 3, [10] * 3)
    assert own["error_y"]["color"] == style.band(style.BLUE)
    assert others["y"] == [38, 25, 21]


def test_each_window_keeps_its_place_and_later_ones_are_not_drawn() -> None:
    figure = trajectory(OWN, OTHERS, NDI, "this site")
    others, own = figure["data"]
    assert figure["layout"]["xaxis"]["ticktext"] == ["Before", "1½", "3", "12"]
    assert [round(place) for place in own["x"]] == [0, 1, 3]
    assert [round(place) for place in others["x"]] == [0, 1, 2]
    assert all(mine < theirs for mine, theirs in zip(own["x"][:2], others["x"][:2], strict=True))


def test_the_axis_begins_where_the_instrument_does_and_holds_every_quartile_and_the_reference() -> None:
    def ends(scale: Scale) -> list[float]:
        return trajectory(OWN, OTHERS, scale, "this site")["layout"]["yaxis"]["range"]  # type: ignore[no-any-return]

    assert ends(NDI) == [0, pytest.approx(52 * 1.08)]
    assert ends(Scale("T-score", 20, 60)) == [20, pytest.approx(20 + 40 * 1.08)]


def test_the_reference_is_a_dashed_line_with_its_name_and_absent_where_unknown() -> None:
    with_reference = trajectory(OWN, [], NDI, "this site")
    (line,) = with_reference["layout"]["shapes"]
    assert (line["y0"], line["y1"], line["line"]["dash"]) == (25, 25, "dash")
    assert notes(with_reference)["MCID"]["y"] == 25
    without = trajectory(OWN, [], replace(NDI, reference=None), "this site")
    assert without["layout"]["shapes"] == []
    assert "MCID" not in notes(without)


def test_a_suppressed_window_says_so_in_its_place_and_has_no_point() -> None:
    figure = trajectory(OTHERS, [], NDI, "all sites")
    assert notes(figure)[HIDDEN]["x"] == 3
    assert figure["data"][0]["x"] == [0, 1, 2]


def test_names_at_the_ends_of_lines_are_moved_apart_only_where_they_would_touch() -> None:
    near = notes(trajectory(OWN, OTHERS, NDI, "this site"))
    assert near["all sites"]["yshift"] - near["this site"]["yshift"] > 10
    apart = [replace(each, median=each.median and each.median - 15) for each in OWN]
    far = notes(trajectory(apart, OTHERS, NDI, "this site"))
    assert far["all sites"]["yshift"] == far["this site"]["yshift"] == 0


def test_patients_stand_under_their_ticks_and_hidden_ones_are_a_dash() -> None:
    windows = ["baseline", "6_weeks", "3_months", "12_months"]
    assert patients_below(OWN, windows) == [(0.125, "100"), (0.375, "100"), (0.625, "0"), (0.875, "12k")]
    assert patients_below(OTHERS, windows)[-1] == (0.875, "–")


def test_hover_texts_have_at_most_three_lines() -> None:
    others, own = trajectory(OWN, OTHERS, NDI, "this site")["data"]
    assert own["text"][0] == "Before surgery<br>median 40, quartiles 30 and 52<br>100 patients"
    assert others["text"][0].startswith("All sites: Before surgery<br>")


def test_a_panel_shows_shares_from_0_to_100_percent_with_intervals_and_hidden_ones_as_text() -> None:
    figure = panels(WINDOWS, [PANEL])
    others, own = figure["data"]
    assert (own["y"], own["error_y"]["array"], own["error_y"]["arrayminus"]) == ([60], [12], [10])
    assert (others["y"], others["marker"]["color"]) == ([58], style.GREY)
    assert figure["layout"]["yaxis"]["range"] == [0, 100]
    assert notes(figure)["– suppressed"]["x"] == 1


def test_panels_neither_overlap_nor_share_axes() -> None:
    figure = panels(WINDOWS, [replace(PANEL, title=str(number)) for number in range(5)])
    layout = figure["layout"]
    which = ["", "2", "3", "4", "5"]
    assert sorted({trace["yaxis"] for trace in figure["data"]}) == ["y", "y2", "y3", "y4", "y5"]
    boxes = [(layout[f"xaxis{each}"]["domain"], layout[f"yaxis{each}"]["domain"]) for each in which]
    for place, (across, down) in enumerate(boxes):
        assert 0 <= across[0] < across[1] <= 1
        assert 0 <= down[0] < down[1] <= 1
        for other_across, other_down in boxes[:place]:
            is_beside = across[0] >= other_across[1] or other_across[0] >= across[1]
            assert is_beside or down[1] < other_down[0]
    assert [notes(figure)[title]["y"] for title in "01234"] == [down[1] for _, down in boxes]
