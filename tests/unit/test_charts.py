"""Figures are plain dicts: Plotly's own classes judge here whether they are valid."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plotly import graph_objects
from plotly.offline import get_plotlyjs_version

from dashboards.charts import bars, shares, style
from dashboards.charts.bars import Bar
from dashboards.queries import Share

ASSETS = Path(shares.__file__).parents[1] / "assets"


def a_share(yes: int, no: int, *, year: int | None = None, site: str | None = None) -> Share:
    share = yes / (yes + no)
    return Share("pain", site, year, yes, no, 20, yes + no, share, share - 0.05, share + 0.05, False)


def a_hidden_share(*, year: int | None = None, site: str | None = None) -> Share:
    return Share("pain", site, year, *(None,) * 7, True)


def nobody_assessed(year: int) -> Share:
    return Share("pain", None, year, 0, 0, 40, 0, None, None, None, False)


YEARS = [a_share(30, 70, year=2020), a_hidden_share(year=2021), a_share(40, 60, year=2022), nobody_assessed(2023)]
SITES = [a_share(30, 70, site="b"), a_hidden_share(site="a"), a_share(400, 2600, site="c")]
HIDDEN_BAR = Bar("Other", None, "– fewer than 11")
BARS = [Bar("Persistent", 300, "300 (60 %)"), Bar("Recurrent", 200, "200 (40 %)"), HIDDEN_BAR]


@pytest.mark.parametrize(
    "figure",
    [
        shares.over_time(YEARS, 11),
        shares.over_time([a_hidden_share(year=2021)], 11),
        shares.by_site(SITES, a_share(470, 2730), 11),
        shares.by_site([a_hidden_share(site="a")], a_hidden_share(), 11),
        bars.bars(BARS, {"color": style.BLUE}),
        bars.bars(BARS, style.HATCHED),
        bars.bars([HIDDEN_BAR], style.HATCHED),
    ],
)
def test_figures_are_valid_and_are_json(figure: dict[str, Any]) -> None:
    graph_objects.Figure(figure)
    assert json.loads(json.dumps(figure)) == figure


def test_a_year_without_a_share_keeps_its_place_and_breaks_the_line() -> None:
    figure = shares.over_time(YEARS, 11)
    trace = figure["data"][0]
    assert trace["x"] == [2020, 2021, 2022, 2023]
    assert trace["y"] == [30, None, 40, None]
    assert trace["error_y"]["array"] == [pytest.approx(5), None, pytest.approx(5), None]
    assert figure["layout"]["xaxis"]["ticktext"] == ["2020<br>100", "2021<br>–", "2022<br>100", "2023<br>0"]
    hidden = [note for note in figure["layout"]["annotations"] if "fewer than 11" in note["text"]]
    assert [note["x"] for note in hidden] == [2021]


def test_axes_of_shares_start_at_zero_and_hold_every_interval() -> None:
    assert shares.over_time(YEARS, 11)["layout"]["yaxis"]["range"] == [0, pytest.approx(48.6)]
    assert shares.by_site(SITES, a_share(470, 2730), 11)["layout"]["xaxis"]["range"][0] == 0


def test_sites_stand_in_the_order_given_below_all_sites() -> None:
    everyone, sites = shares.by_site(SITES, a_share(470, 2730), 11)["data"]
    assert (everyone["y"], everyone["marker"]["color"]) == ([0], style.BLUE)
    assert (sites["y"], sites["marker"]["color"]) == ([1, 3], style.GREY)
    assert sites["x"] == [30, pytest.approx(13.333, abs=0.001)]


def test_hover_texts_have_at_most_three_lines() -> None:
    texts = shares.over_time(YEARS, 11)["data"][0]["text"]
    assert texts[0].split("<br>")[0] == "2020: 30\u00a0% (25–35)"
    sites = shares.by_site(SITES, a_share(470, 2730), 11)["data"][1]["text"]
    assert sites[0] == "30\u00a0% (25–35)<br>100 of 120 assessed<br>17\u00a0% could not be assessed"
    assert all(text.count("<br>") <= 2 for text in texts)


def test_a_hidden_bar_is_text_and_no_bar() -> None:
    figure = bars.bars(BARS, {"color": style.BLUE})
    assert figure["data"][0]["x"] == [300, 200]
    assert [(note["y"], note["text"]) for note in figure["layout"]["annotations"]] == [(2, "– fewer than 11")]


def test_intervals_have_the_colour_of_their_point_at_15_percent() -> None:
    assert style.band("#0072B2") == "rgba(0, 114, 178, 0.15)"


def test_the_bundle_is_the_plotly_that_figures_are_validated_against() -> None:
    (bundle,) = ASSETS.glob("plotly-*.js")
    assert bundle.name == f"plotly-basic-{get_plotlyjs_version()}.min.js"
    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in bundle.read_text(encoding="utf-8")[:200]


def test_every_graph_is_made_by_the_one_helper_without_mode_bar() -> None:
    wrapper = style.graph({"data": [], "layout": {}}, "What it shows", "chart")
    config = wrapper.children.config
    assert config["displayModeBar"] is False
    assert config["showSendToCloud"] is False
    assert config["plotlyServerURL"] == ""
    assert getattr(wrapper, "aria-label") == "What it shows"
    makers = [path.name for path in _sources() if "dcc.Graph" in path.read_text(encoding="utf-8")]
    assert makers == ["style.py"]


def _sources() -> Iterator[Path]:
    yield from (Path(shares.__file__).parents[1]).rglob("*.py")
