"""Curves of cumulative incidence as figures, and their numbers at risk."""

import gzip
import json
from typing import Any

import pytest
from plotly import graph_objects

from dashboards.charts import curve as drawing
from dashboards.charts import style
from dashboards.charts.curve import Line
from dashboards.charts.pairs import Share, paired_bars
from dashboards.data.curves import Curve, CurvePoint
from tests.support.records import a


def known(day: int, incidence: float, at_risk: int = 100) -> CurvePoint:
    has_limits = incidence > 0
    low, high = (0.8 * incidence, 1.2 * incidence) if has_limits else (None, None)
    return a(CurvePoint, day=day, at_risk=at_risk, events=10, incidence=incidence, low=low, high=high)


def withheld(day: int) -> CurvePoint:
    return a(CurvePoint, day=day, state="suppressed")


def ended(day: int) -> CurvePoint:
    return a(CurvePoint, day=day, state="ended")


def a_line(*points: CurvePoint, name: str = "This site", colour: str = style.BLUE) -> Line:
    return Line(name, "Ashworth General", Curve(points), colour)


WHOLE = a_line(known(0, 0), known(30, 0.02), known(60, 0.02), known(90, 0.05), ended(120))
PARTLY = a_line(
    known(0, 0), known(30, 0.03), withheld(60), withheld(90), known(120, 0.06), known(150, 0.07),
    name="All sites", colour=style.GREY,
)  # fmt: skip
LONG = [a_line(*(known(30 * step, 0.0013 * step, 5000 - 37 * step) for step in range(130)), name=name) for name in "ab"]


def traces(figure: dict[str, Any], colour: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace["line"].get("color") == colour]


@pytest.mark.parametrize(
    "figure",
    [
        drawing.incidence([WHOLE, PARTLY]),
        drawing.incidence([PARTLY]),
        drawing.incidence([a_line(known(0, 0))]),
        drawing.at_horizon([known(730, 0.1), None, None], [None, (0.1, 0.2), None], ["a", "b", "c"]),
        drawing.at_horizon([], [], []),
        paired_bars([Share(0.1, "10 %"), Share(None, "–")], [Share(0.2, "20 %"), Share(None, "–")]),
    ],
)
def test_figures_are_valid_and_are_json(figure: dict[str, Any]) -> None:
    graph_objects.Figure(figure)
    assert json.loads(json.dumps(figure)) == figure


def test_a_curve_is_steps_in_years_and_percent_with_its_numbers_at_risk() -> None:
    (steps,) = traces(drawing.incidence([WHOLE]), style.BLUE)
    assert steps["line"]["shape"] == "hv"
    assert steps["x"] == [0, 0.082, 0.164, 0.247]
    assert steps["y"] == [0, 2, 2, 5]
    assert steps["customdata"][1:3] == [[" (1.6–2.4)", 100]] * 2


def test_days_withheld_break_the_steps_and_are_bridged_by_dots() -> None:
    bridges, steps = traces(drawing.incidence([PARTLY]), style.GREY)
    assert steps["y"] == [0, 3, None, 6, 7]
    assert (bridges["line"]["dash"], bridges["y"]) == ("dot", [3, 6, None])
    assert bridges["x"] == [0.082, 0.329, None]


def test_a_curve_known_on_every_day_has_no_dots() -> None:
    assert all(trace["line"].get("dash") is None for trace in drawing.incidence([WHOLE])["data"])


def test_the_band_runs_around_the_curve_in_steps_and_begins_where_there_are_limits() -> None:
    band = drawing.incidence([WHOLE])["data"][0]
    assert band["fill"] == "toself"
    assert band["fillcolor"] == style.band(style.BLUE)
    assert band["x"] == [0.082, 0.164, 0.247, 0.247, 0.247, 0.247, 0.164, 0.082]
    assert band["y"] == [2.4, 2.4, 2.4, 6, 4, 1.6, 1.6, 1.6]


def test_the_band_goes_straight_over_days_withheld() -> None:
    band = drawing.incidence([PARTLY])["data"][0]
    assert list(zip(band["x"], band["y"], strict=True))[:2] == [(0.082, 3.6), (0.329, 7.2)]


def test_the_first_curve_is_drawn_on_top_and_the_axis_holds_every_band_from_zero() -> None:
    figure = drawing.incidence([WHOLE, PARTLY])
    assert figure["data"][-1]["line"]["color"] == style.BLUE
    assert figure["layout"]["yaxis"]["range"] == [0, pytest.approx(1.08 * 8.4)]
    assert figure["layout"]["xaxis"]["range"] == [0, 0.411]


def test_names_stand_at_the_ends_and_not_on_each_other() -> None:
    other = a_line(known(0, 0), known(90, 0.0501), name="All sites")
    notes = {note["text"]: note for note in drawing.incidence([WHOLE, other])["layout"]["annotations"]}
    own, everybody = notes["This site"], notes["All sites"]
    assert (own["x"], own["y"], everybody["y"]) == (0.247, 5, 5.01)
    assert own["yshift"] == 0
    assert everybody["yshift"] == pytest.approx(15, abs=1)


def test_a_curve_that_ends_early_has_its_name_where_it_ends() -> None:
    other = a_line(known(0, 0), known(365, 0.2), name="All sites")
    notes = {note["text"]: note for note in drawing.incidence([WHOLE, other])["layout"]["annotations"]}
    assert (notes["This site"]["x"], notes["All sites"]["x"]) == (0.247, 1)


@pytest.mark.parametrize(("share", "side"), [(0.2, "top"), (0.01, "bottom")])
def test_the_name_within_the_plot_is_clear_of_the_curve_that_goes_on(share: float, side: str) -> None:
    other = a_line(known(0, 0), known(90, 0.005), known(365, share), name="All sites")
    notes = {note["text"]: note for note in drawing.incidence([WHOLE, other])["layout"]["annotations"]}
    assert notes["This site"]["yanchor"] == side


@pytest.mark.parametrize("last", [60, 300, 700, 1825, 2190, 3650, 7300])
def test_an_axis_has_two_to_five_ticks_and_begins_at_the_fusion(last: int) -> None:
    ticks = drawing.tick_days([a_line(known(0, 0), known(last, 0.1))])
    assert ticks[0] == 0
    assert ticks[-1] <= last
    assert (1 if last < 73 else 2) <= len(ticks) <= 5


def test_numbers_at_risk_stand_at_the_places_of_the_ticks() -> None:
    line = a_line(known(0, 0, 500), known(365, 0.1, 1300), withheld(730), known(1000, 0.2, 40), ended(1095))
    figure = drawing.incidence([line])
    end = figure["layout"]["xaxis"]["range"][1]
    places = drawing.at_risk(line, [line])
    assert [place for place, _ in places] == pytest.approx(
        [tick / end for tick in figure["layout"]["xaxis"]["tickvals"]], abs=0.001
    )
    assert [text for _, text in places] == ["500", "1,300", "–"]


def test_the_plot_begins_and_ends_where_the_style_sheet_puts_the_numbers_below_it() -> None:
    margin = drawing.incidence([WHOLE])["layout"]["margin"]
    assert (margin["l"], margin["r"]) == (44, 96)


def test_two_long_curves_weigh_less_than_a_third_of_what_a_page_may() -> None:
    assert len(gzip.compress(json.dumps(drawing.incidence(LONG)).encode())) < 25_000 / 3


def test_a_group_is_a_point_with_its_interval_or_the_span_in_which_it_lies() -> None:
    figure = drawing.at_horizon([known(730, 0.1), None, None], [None, (0.05, 0.3), None], ["a", "b", "c"])
    spans, points = figure["data"]
    assert (points["x"], points["y"], points["text"]) == ([10], [0], ["a"])
    assert (points["error_x"]["array"], points["error_x"]["arrayminus"]) == ([2], [2])
    assert (spans["x"], spans["y"]) == ([5, 30, None], [1, 1, None])
    assert figure["layout"]["xaxis"]["range"] == [0, pytest.approx(32.4)]


def test_pairs_of_bars_share_a_scale_and_a_hidden_one_is_text_without_a_bar() -> None:
    figure = paired_bars([Share(0.10005, "10 %"), Share(0, "0 %")], [Share(None, "– suppressed"), Share(0.2, "20 %")])
    own, others = figure["data"]
    assert (own["x"], own["marker"]["color"]) == ([10.01, 0], style.BLUE)
    assert (others["x"], others["marker"]["color"], others["text"]) == ([20], style.GREY, ["20 %"])
    assert own["y"][1] < 1 < others["y"][0]
    (note,) = figure["layout"]["annotations"]
    assert (note["text"], note["y"] > 0) == ("– suppressed", True)
    assert figure["layout"]["xaxis"]["range"] == [0, 20]
