"""Figures are plain dicts: Plotly's own classes judge here whether they are valid."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plotly import graph_objects
from plotly.offline import get_plotlyjs_version

import dashboards
from dashboards import wording
from dashboards.charts import bars, cusum, funnel, groups, spark, style, trend
from dashboards.charts.bars import Bar
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint, CusumPoint
from dashboards.data.measures import Measure, Value
from tests.support.html_tree import parsed
from tests.support.records import a

CODE = Path(dashboards.__file__).parent
SHARE = a(Measure, measure="pain", title="Pain", direction="lower_is_better", unit="share", label="pain", headline=1)
RATE = replace(SHARE, unit="rate")


def a_year(year: str, yes: int, no: int) -> Value:
    share = yes / (yes + no)
    counts = {"numerator": yes, "patients": yes + no, "excluded": 20}
    return a(Value, index_period=year, **counts, estimate=share, estimate_low=share - 0.05, estimate_high=share + 0.05)


def a_hidden_year(year: str) -> Value:
    return a(Value, index_period=year, state="suppressed")


def nobody_assessed(year: str) -> Value:
    return a(Value, index_period=year, state="missing", numerator=0, patients=0, excluded=40)


def a_point(period: str, value: float | None = 0.2, **changed: Any) -> ChartPoint:
    known: dict[str, Any] = {
        "measure": "pain", "index_period": period, "chart": "p", "phase": 1, "is_judged": True, "value": value,
        "centre": 0.2, "lower": 0.1, "upper": 0.3, "variation": None if value is None else "common",
    }  # fmt: skip
    return a(ChartPoint, **(known | changed))


def a_site(site_id: str, share: float | None, patients: int | None = 400, **changed: Any) -> Compared:
    known: dict[str, Any] = {
        "measure": "pain", "site_id": site_id, "marking": "compared", "patients": patients, "eligible": 500,
        "completeness": 0.9, "observed": 70, "expected": 65.0, "share": share, "target_share": 0.18, "ratio": 1.1,
        "ratio_low": 0.9, "ratio_high": 1.3, "adjusted_share": share, "low_95": 0.14, "high_95": 0.22,
        "low_99_8": 0.12, "high_99_8": 0.24, "position": "inside",
    }  # fmt: skip
    return a(Compared, **(known | changed))


YEARS = [a_year("2020", 30, 70), a_hidden_year("2021"), a_year("2022", 40, 60), nobody_assessed("2023")]
MONTHS = [
    a_point("2025-11"),
    a_point("2025-12", None),
    a_point("2026-01", 0.35, variation="special_concerning", rules="outside;run"),
    a_point("2026-02", 0.1, phase=2, is_rebased=True, annotation="New implant", annotation_author="me", upper=0.28),
    a_point("2026-03", 0.15, phase=2, variation="special_improving", rules="near", target=0.12, upper=0.28),
]
SUMS = [
    a(CusumPoint, index_period=month, patients=patients, observed=2, expected=1.5, vlad=-0.5, cusum_upper=1.0,
      cusum_lower=0.0, threshold_upper=4.0, threshold_lower=3.5, signal=None, false_alarm_rate=0.08)
    for month, patients in (("2026-01", 12), ("2026-02", 9), ("2026-03", 30))
]  # fmt: skip
UNLIMITED: dict[str, Any] = {"centre": None, "lower": None, "upper": None}
HIDDEN_BAR = Bar("Other", None, "– suppressed")
BARS = [Bar("Persistent", 300, "300 (60 %)"), Bar("Recurrent", 200, "200 (40 %)"), HIDDEN_BAR]
OWN = a_site("ash", 0.25, 300)
PEERS = [a_site("birch", 0.2), a_site("cedar", None, None), a_site("elm", 0.15, 800, completeness=0.6)]


def a_chart(points: list[ChartPoint], measure: Measure = SHARE) -> dict[str, Any]:
    patients = {point.index_period: 40 + place for place, point in enumerate(points)}
    return trend.control_chart(measure, points, patients)


@pytest.mark.parametrize(
    "figure",
    [
        trend.by_year(SHARE, YEARS),
        trend.by_year(SHARE, YEARS, YEARS),
        trend.by_year(RATE, [a_hidden_year("2021")]),
        a_chart(MONTHS),
        a_chart([replace(point, chart="t") for point in MONTHS], RATE),
        a_chart([a_point("2026-01", None, chart=None, **UNLIMITED)]),
        cusum.cusum_chart(SUMS, "lower_is_better"),
        cusum.excess_chart(SUMS, "lower_is_better"),
        funnel.funnel(PEERS, OWN, "Ash"),
        funnel.funnel(PEERS, None, "All sites"),
        funnel.funnel([], None, "All sites"),
        groups.interval_rows([(31, 27, 36), None], [30, None], ["a", "b"]),
        groups.interval_rows([], [], []),
        bars.bars(BARS, {"color": style.BLUE}),
        bars.bars(BARS, style.HATCHED),
        bars.bars([HIDDEN_BAR], style.HATCHED),
    ],
)
def test_figures_are_valid_and_are_json(figure: dict[str, Any]) -> None:
    graph_objects.Figure(figure)
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure


def test_a_year_without_a_value_keeps_its_place_and_breaks_the_line() -> None:
    figure = trend.by_year(SHARE, YEARS)
    trace = figure["data"][-1]
    assert trace["x"] == ["2020", "2021", "2022", "2023"]
    assert trace["y"] == [30, None, 40, None]
    assert trace["error_y"]["array"] == [pytest.approx(5), None, pytest.approx(5), None]
    assert figure["layout"]["xaxis"]["ticktext"] == ["2020<br>100", "2021<br>–", "2022<br>100", "2023<br>0"]
    hidden = [note for note in figure["layout"]["annotations"] if "suppressed" in note["text"]]
    assert [note["x"] for note in hidden] == ["2021"]


def test_years_of_all_sites_stand_behind_in_grey_without_intervals() -> None:
    behind, own = trend.by_year(SHARE, YEARS[:1], YEARS)["data"]
    assert (behind["marker"]["color"], behind["x"], "error_y" in behind) == (style.GREY, ["2020"], False)
    assert own["marker"]["color"] == style.BLUE


@pytest.mark.parametrize("figure", [trend.by_year(SHARE, YEARS), a_chart(MONTHS)])
def test_axes_of_values_start_at_zero_and_hold_every_interval(figure: dict[str, Any]) -> None:
    low, high = figure["layout"]["yaxis"]["range"]
    assert low == 0
    heights = [height for trace in figure["data"] for height in trace["y"] if height is not None]
    errors = [error or 0 for trace in figure["data"] for error in trace.get("error_y", {}).get("array", [])]
    assert high > max(heights)
    assert high > max(heights[: len(errors)], default=0) + max(errors, default=0) - 5


def test_each_kind_of_special_cause_has_a_shape_and_a_colour_of_its_own() -> None:
    figure = a_chart(MONTHS)
    marked = {trace["name"]: (trace["x"], trace["marker"]["symbol"]) for trace in figure["data"] if "name" in trace}
    assert marked == {"Concerning": (["2026-01"], "triangle-up"), "Improving": (["2026-03"], "circle-open-dot")}


def test_a_month_without_a_value_is_a_gap_and_limits_break_where_a_phase_ends() -> None:
    *_, lower, upper, centre, values = a_chart(MONTHS)["data"][:6]
    assert values["y"] == [20, None, 35, 10, 15]
    assert upper["y"] == [30, 30, 30, None, 28, 28, None]
    assert centre["line"]["dash"] == "solid"
    assert lower["line"]["dash"] == "dot"


def test_the_expected_range_is_a_band_behind_the_values_that_ends_with_each_phase_and_its_last_limits() -> None:
    unjudged = a_point("2026-04", 0.4, phase=2, is_judged=False, variation=None, **UNLIMITED)
    first, second, *others = a_chart([*MONTHS, unjudged])["data"]
    assert first["x"] == ["2025-11", "2025-12", "2026-01", "2026-01", "2025-12", "2025-11", "2026-01"]
    assert first["y"] == [10, 10, 10, 30, 30, 30, None]
    assert (second["x"], second["y"]) == (
        ["2026-02", "2026-03", "2026-03", "2026-02", "2026-03"],
        [10, 10, 28, 28, None],
    )
    assert {(band["fill"], band["fillcolor"], band["hoverinfo"]) for band in (first, second)} == {
        ("toself", style.band(style.GREY), "skip")
    }
    assert not any("fill" in trace for trace in others)


def test_band_and_limits_go_on_over_months_without_a_value() -> None:
    unlimited = a_point("2025-12", None, variation=None, **UNLIMITED)
    months = [a_point("2025-11", 31.0, chart="g"), unlimited, a_point("2026-01", 20.0, chart="g")]
    band, lower, *_ = a_chart(months)["data"]
    assert band["x"] == ["2025-11", "2026-01", "2026-01", "2025-11", "2026-01"]
    assert lower["x"] == ["2025-11", "2026-01", "2026-01"]
    assert None not in lower["y"][:-1]


def test_an_axis_of_rows_without_a_value_has_no_numbers() -> None:
    nothing, something = (
        groups.interval_rows([None], [None], ["a"]),
        groups.interval_rows([(31, 27, 36)], [None], ["a"]),
    )
    shown = [figure["layout"]["xaxis"]["showticklabels"] for figure in (nothing, something)]
    assert shown == [False, True]


def test_a_small_line_goes_on_over_gaps_where_it_is_asked_to() -> None:
    apart, together = (spark.sparkline([1, None, 2], "", connects_gaps=one).count("M") for one in (False, True))
    assert (apart, together) == (2, 1)


def test_a_gap_in_the_limits_is_a_gap_in_the_band() -> None:
    band = style.expected_range([1, 2, 3], [0, None, 1], [4, None, 5])
    assert (band["x"], band["y"]) == ([1, 1, 1, 3, 3, 3], [0, 4, None, 1, 5, None])


def test_a_point_says_its_value_patients_and_limits() -> None:
    values = a_chart([*MONTHS, a_point("2026-04", 0.4, is_judged=False, variation=None, **UNLIMITED)])["data"][5]
    assert values["text"] == [
        "November\u00a02025: 20.0 %, 40 patients<br>average 20.0, limits 10.0 to 30.0 %",
        "December\u00a02025: –, 41 patients<br>average 20.0, limits 10.0 to 30.0 %",
        "January\u00a02026: 35.0 %, 42 patients<br>average 20.0, limits 10.0 to 30.0 %<br>"
        + wording.rules("outside;run"),
        "February\u00a02026: 10.0 %, 43 patients<br>average 20.0, limits 10.0 to 28.0 %",
        "March\u00a02026: 15.0 %, 44 patients<br>average 20.0, limits 10.0 to 28.0 %<br>" + wording.rules("near"),
        "April\u00a02026: 40.0 %, 45 patients",
    ]
    gaps = a_chart([a_point("2026-01", 31.0, chart="g", centre=40.0, lower=0.0, upper=90.0)])["data"][4]
    assert gaps["text"] == ["January\u00a02026: 31.0, 40 patients<br>average 40.0, limits 0.0 to 90.0"]


def test_a_sum_stands_in_the_band_between_its_thresholds_and_says_its_patients() -> None:
    band, _, _, more, fewer = cusum.cusum_chart(SUMS, "lower_is_better")["data"]
    assert (band["x"], band["y"]) == (["2026-01", "2026-03", "2026-03", "2026-01", "2026-03"], [-3.5, -3.5, 4, 4, None])
    assert more["customdata"] == fewer["customdata"] == [12, 9, 30]
    assert ("signals at 4.0" in more["hovertemplate"], "signals at 3.5" in fewer["hovertemplate"]) == (True, True)


def test_the_target_of_a_share_is_not_drawn_among_patients_between_outcomes() -> None:
    layout = a_chart([a_point("2026-01", 31.0, chart="g", target=0.08)])["layout"]
    assert "target" not in {note["text"] for note in layout["annotations"]}
    assert layout["shapes"] == []


def test_a_note_is_a_number_at_the_top_of_its_month_and_the_target_is_named() -> None:
    texts = {note["text"]: note["x"] for note in a_chart(MONTHS)["layout"]["annotations"]}
    assert texts["1"] == "2026-02"
    assert {"target", "average", "upper limit", "lower limit"} <= texts.keys()


def test_units_follow_the_chart() -> None:
    assert trend.unit(SHARE, "p") == "Percent of assessed patients"
    assert trend.unit(SHARE, "g") == "Patients between outcomes"
    assert (trend.scale(SHARE, "p"), trend.scale(SHARE, "g"), trend.scale(RATE, "xmr")) == (100, 1, 1)


def test_in_a_funnel_only_the_own_site_has_a_name_and_hidden_peers_have_no_point() -> None:
    figure = funnel.funnel(PEERS, OWN, "Ash")
    text = json.dumps(figure)
    assert "Ash" in text
    assert all(site not in text for site in ("birch", "cedar", "elm"))
    peers, own = [trace for trace in figure["data"] if "markers" in trace["mode"]]
    assert (len(peers["x"]), peers["marker"]["color"]) == (2, style.GREY)
    assert (own["x"], own["marker"]["color"]) == ([300], style.BLUE)
    assert own["text"][0].endswith("<br>limits of 95 %: 14–22\u00a0%; of 99.8 %: 12–24\u00a0%")


def test_the_limits_of_a_site_alone_are_seen() -> None:
    lines = [trace for trace in funnel.funnel([], OWN, "Ash")["data"] if trace["mode"] == "lines"]
    assert {tuple(line["x"]) for line in lines} == {(282, 318)}
    assert all(line["y"][0] == line["y"][1] for line in lines)


def test_the_name_of_the_own_site_lies_on_no_other_where_there_is_room() -> None:
    def side(own: Compared, *peers: Compared) -> tuple[str, str]:
        notes = funnel.funnel([a_site("elm", 0.05, 800), *peers], own, "Ash")["layout"]["annotations"]
        return next((note["xanchor"], note["yanchor"]) for note in notes if note["text"] == "Ash")

    assert side(OWN) == ("left", "bottom")
    assert side(OWN, a_site("birch", 0.26, 400)) == ("left", "top")
    assert side(a_site("ash", 0.25, 600)) == ("right", "bottom")


def test_a_long_name_of_the_own_site_takes_two_short_lines() -> None:
    notes = funnel.funnel(PEERS, OWN, "Ashworth Regional Centre at Saint Bartholomew")["layout"]["annotations"]
    assert "Ashworth Regional<br>Centre at Saint …" in [note["text"] for note in notes]


def test_peers_of_whom_few_were_followed_are_hollow() -> None:
    peers = next(trace for trace in funnel.funnel(PEERS, None, "")["data"] if "markers" in trace["mode"])
    symbols = dict(zip(peers["y"], peers["marker"]["symbol"], strict=True))
    assert symbols == {20: "circle", 15: "circle-open"}


def test_a_row_without_a_value_is_left_empty_and_others_keep_their_place() -> None:
    behind, own = groups.interval_rows([(31, 27, 36), None, (10, 5, 20)], [30, 20, None], ["a", "b", "c"])["data"]
    assert (own["y"], own["x"], own["text"]) == ([0, 2], [31, 10], ["a", "c"])
    assert own["error_x"]["array"] == [5, 10]
    assert (behind["y"], behind["marker"]["symbol"]) == ([0, 1], "circle-open")


def test_hover_texts_have_at_most_three_lines() -> None:
    figures = (trend.by_year(SHARE, YEARS), a_chart(MONTHS), funnel.funnel(PEERS, OWN, "Ash"))
    texts = [text for figure in figures for trace in figure["data"] for text in trace.get("text", [])]
    assert len(texts) > 8
    assert all(text.count("<br>") <= 2 for text in texts)
    assert texts[0].startswith("2020: 30\u00a0% (25–35)")


def test_a_hidden_bar_is_text_and_no_bar() -> None:
    figure = bars.bars(BARS, {"color": style.BLUE})
    assert figure["data"][0]["x"] == [300, 200]
    assert [(note["y"], note["text"]) for note in figure["layout"]["annotations"]] == [(2, "– suppressed")]


def test_a_small_line_marks_its_last_value_and_each_signal_and_says_what_it_shows() -> None:
    picture = spark.sparkline([1, None, 3], "Rising", [None, None, "special_concerning"])
    (drawing,) = parsed(picture).all("svg")
    assert (drawing.get("role"), drawing.get("aria-label")) == ("img", "Rising")
    assert (picture.count("<circle"), picture.count(style.VERMILION)) == (1, 1)
    assert spark.sparkline([None, None], "Nothing") == '<span title="Nothing">–</span>'


def test_signs_have_different_shapes_and_words() -> None:
    kinds = ("common", "special_concerning", "special_improving", "special_neutral")
    assert len({spark.variation_sign(kind, "") for kind in kinds}) == 4
    assert len({spark.assurance_sign(kind, "") for kind in ("hits", "misses", "either")}) == 3
    assert spark.variation_sign(None, 'No "value"') == '<span title="No &#34;value&#34;">–</span>'


def test_intervals_have_the_colour_of_their_point_at_15_percent() -> None:
    assert style.band("#0072B2") == "rgba(0, 114, 178, 0.15)"


def test_the_bundle_is_the_plotly_that_figures_are_validated_against() -> None:
    (bundle,) = (CODE / "assets").glob("plotly-*.js")
    assert bundle.name == f"plotly-basic-{get_plotlyjs_version()}.min.js"
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in bundle.read_text(encoding="utf-8")[:200]


def test_every_graph_is_drawn_by_the_one_script_without_mode_bar() -> None:
    scripts = [path for path in (CODE / "assets").glob("*.js") if "newPlot(" in path.read_text(encoding="utf-8")]
    assert [script.name for script in scripts if not script.name.startswith("plotly")] == ["charts.js"]
    config = (CODE / "assets" / "charts.js").read_text(encoding="utf-8")
    assert "displayModeBar: false" in config
    assert "showSendToCloud: false" in config
    assert 'plotlyServerURL: ""' in config


def test_exact_and_widened_limits_are_both_drawn() -> None:
    assert sum(trace["mode"] == "lines" for trace in funnel.funnel(PEERS, OWN, "Ash")["data"]) == 4
    widened = {"widened_low_95": 0.1, "widened_high_95": 0.26, "widened_low_99_8": 0.08, "widened_high_99_8": 0.3}
    figure = funnel.funnel([a_site("birch", 0.2, 400, **widened)], a_site("ash", 0.25, 300, **widened), "Ash")
    ends = {trace["line"]["dash"]: trace["y"][-1] for trace in figure["data"] if trace["mode"] == "lines"}
    assert ends == {"solid": 24, "dot": 22, "longdash": 30, "dashdot": 26}
    assert figure["layout"]["yaxis"]["range"][1] > 30
