"""Signals of a site: which there are, in which order, under which names, and what the page makes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboards import wording
from dashboards.access.scope import Denied, Scope
from dashboards.cards import Cell
from dashboards.charts import style
from dashboards.charts.cusum import cusum_chart, excess_chart, said_net
from dashboards.data import alarms, measures
from dashboards.data.control import CusumPoint
from dashboards.data.reader import Reader
from dashboards.data.signals import Signal, of_alarm, parsed_id, signals, variation_of
from dashboards.filters import Filters
from dashboards.pages import signals as pages
from dashboards.pages.frame import View
from dashboards.pages.signals import signals_page
from dashboards.reviews.earlier import earlier_work
from dashboards.reviews.queue import (
    ACTIONS,
    FINDINGS,
    OUTCOMES,
    OWNERS,
    STATES,
    Decision,
    Move,
    Review,
    Reviews,
    State,
)
from outcomes.periods import add_months
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from outcomes.site_files import Role
from tests.support.dashboard_release import EMPTY, write_release
from tests.support.dashboard_rows import HEADLINES
from tests.support.dashboard_views import reader_of
from tests.support.html_tree import Element, parsed
from tests.support.records import a

_SITE = "ashworth"
_SCOPE = Scope("ada", frozenset({_SITE, EMPTY}), "quality")
_MONTHS = [f"{year}-{month:02d}" for year in (2023, 2024, 2025) for month in range(1, 13)]
_COMMON = ("common", None, 1)

_BAD, _GOOD = "special_concerning", "special_improving"


def _chart(**special: tuple[str | None, str | None, int]) -> list[tuple[str | None, str | None, int]]:
    """Variation, rules and phase of each of 36 months; months are named m1 to m36."""
    return [special.get(f"m{number}", _COMMON) for number in range(1, 37)]


_CHARTS = {
    # begins before the last 12 months, and skips a month without a value
    "pain_12_months": _chart(**{f"m{number}": (_BAD, "run", 1) for number in range(20, 30)} | {"m25": (None, None, 1)}),
    # two rules at once; one of them goes on longer
    "revision_1_year": _chart(m30=(_GOOD, "run;trend", 1), m31=(_GOOD, "run", 1)),
    # months apart, the first of them too long ago
    "readmission_30_days": _chart(m24=(_BAD, "outside", 1), m26=(_BAD, "outside", 1), m36=(_BAD, "outside", 1)),
    # neighbours that are no one run: the other way, then another phase
    "asd_rate": _chart(m30=(_BAD, "outside", 1), m31=(_GOOD, "outside", 1), m32=(_GOOD, "outside", 2)),
    "received_tens": _chart(m36=("special_neutral", "near", 1)),
}
_CUSUM = {
    "asd_2_years": {"2023-02": "upper", "2025-06": "lower"},
    "revision_2_years": {"2024": "both"},
}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Of a release whose first site has just the charts above, and two outcomes beyond the limits of the funnel."""
    home = tmp_path_factory.mktemp("home")
    folder = write_release(home)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("delete from control_charts where site_id = ?", [_SITE])
        con.execute("delete from cusum where site_id = ?", [_SITE])
        con.executemany(
            "insert into control_charts (site_id, measure, index_period, months, variation, rules, phase) "
            "values (?, ?, ?, 1, ?, ?, ?)",
            [
                [_SITE, measure, period, *of_month]
                for measure, months in _CHARTS.items()
                for period, of_month in zip(_MONTHS, months, strict=True)
            ],
        )
        con.executemany(
            "insert into cusum (site_id, measure, index_period, patients, observed, expected, vlad, cusum_upper, "
            "threshold_upper, cusum_lower, threshold_lower, signal, false_alarm_rate) "
            "values (?, ?, ?, 20, 3, 2.5, -0.5, 1, 5, 2, 5, ?, 0.08)",
            [[_SITE, measure, *of_period] for measure, found in _CUSUM.items() for of_period in found.items()],
        )
    seal(folder)
    return reader_of(home, _SITE, EMPTY)


def _view(reader: Reader, site_id: str | None, reviews: Reviews | None = None) -> View:
    return View(reader, Filters(site_id), measures.choices(reader), "/signals", reviews=reviews)


def _cells(row: Any) -> list[str]:
    return [cell.text if isinstance(cell, Cell) else cell for cell in row]


def _within(cell: Cell | str, tag: str) -> list[Element]:
    content = cell.content if isinstance(cell, Cell) else None
    return list(parsed(content).all(tag)) if content else []


def test_signals_are_runs_that_reach_into_the_last_year_of_their_chart_and_alarms_of_the_sums(reader: Reader) -> None:
    found = [(one.measure, one.method, one.first, one.last, one.variation) for one in signals(reader, _SITE)]
    assert found == [
        ("pain_12_months", "funnel_more", "2026", "2026", _BAD),
        ("readmission_30_days", "outside", "2025-12", "2025-12", _BAD),
        ("asd_rate", "outside", "2025-06", "2025-06", _BAD),
        ("pain_12_months", "run", "2024-08", "2025-05", _BAD),
        ("readmission_30_days", "outside", "2025-02", "2025-02", _BAD),
        ("revision_2_years", "cusum_both", "2024", "2024", _BAD),
        ("asd_2_years", "cusum_upper", "2023-02", "2023-02", _BAD),
        ("revision_2_years", "funnel_fewer", "2026", "2026", _GOOD),
        ("asd_rate", "outside", "2025-08", "2025-08", _GOOD),
        ("revision_1_year", "run", "2025-06", "2025-07", _GOOD),
        ("asd_rate", "outside", "2025-07", "2025-07", _GOOD),
        ("asd_2_years", "cusum_lower", "2025-06", "2025-06", _GOOD),
        ("revision_1_year", "trend", "2025-06", "2025-06", _GOOD),
        ("received_tens", "near", "2025-12", "2025-12", "special_neutral"),
    ]


def test_a_signal_that_ends_two_years_before_its_measure_is_archived_and_asks_for_nothing(
    reader: Reader, tmp_path: Path
) -> None:
    assert [one.id for one in signals(reader, _SITE) if one.is_archived] == [f"{_SITE}/asd_2_years/cusum/2023-02"]
    cards = {card.name: card for card in signals_page(_view(reader, _SITE, Reviews(tmp_path / "r.sqlite"))).cards}
    queue, archive = cards["queue"].table, cards["archive"].table
    assert queue is not None
    assert archive is not None
    assert (len(queue.rows), [_cells(row)[2] for row in archive.rows]) == (13, ["February\u00a02023"])


def test_a_quarter_lasts_to_its_last_month(reader: Reader, tmp_path: Path) -> None:
    folder = write_release(tmp_path)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("update control_charts set months = 3 where site_id = ?", [_SITE])
    seal(folder)
    quarters = [one for one in signals(reader_of(tmp_path, _SITE), _SITE) if not (one.is_cusum or one.is_of_funnel)]
    assert quarters
    assert all(one.last >= add_months(one.first, 2) for one in quarters)


def test_an_alarm_leads_to_the_signal_that_a_team_can_review(reader: Reader) -> None:
    found, named = signals(reader, _SITE), alarms.own(reader, _SITE)
    of_funnel = of_alarm(found, named["pain_12_months"])
    assert of_funnel is not None
    assert of_funnel.id == f"{_SITE}/pain_12_months/funnel/2026"
    month = Signal(_SITE, "early_discomfort", "outside", "2024-12", "2025-02", _BAD)
    assert of_alarm([month], named["early_discomfort"]) == month
    assert of_alarm([replace(month, first="2025-02")], named["early_discomfort"]) is None
    assert of_alarm([replace(month, method="run")], named["early_discomfort"]) is None


def test_a_signal_has_a_name_of_its_own_that_does_not_change_while_it_goes_on(reader: Reader) -> None:
    found = signals(reader, _SITE)
    assert len({one.id for one in found}) == len(found)
    run = next(one for one in found if one.method == "run" and one.variation == _BAD)
    assert run.id == "ashworth/pain_12_months/run/2024-08"
    longer = Signal(_SITE, run.measure, run.method, run.first, "2026-01", run.variation)
    assert longer.id == run.id
    assert {parsed_id(one.id)[:2] for one in found} == {(_SITE, one.measure) for one in found}
    assert Signal(_SITE, "asd_2_years", "cusum_lower", "2024", "2024", _GOOD).id.endswith("/cusum/2024")


def test_signals_of_a_foreign_site_are_denied(reader: Reader) -> None:
    with pytest.raises(Denied):
        signals(reader, "calder")


@pytest.mark.parametrize(
    ("direction", "upper", "lower", "both"),
    [
        ("lower_is_better", _BAD, _GOOD, _BAD),
        ("higher_is_better", _GOOD, _BAD, _BAD),
        ("neutral", "special_neutral", "special_neutral", "special_neutral"),
    ],
)
def test_more_outcomes_are_good_or_bad_as_the_measure_says(direction: str, upper: str, lower: str, both: str) -> None:
    assert [variation_of(side, direction) for side in ("upper", "lower", "both")] == [upper, lower, both]


def test_all_sites_together_have_no_signal(reader: Reader) -> None:
    (card,) = signals_page(_view(reader, None)).cards
    assert (card.name, card.table, card.figure) == ("queue", None, None)


def test_a_site_without_signals_has_an_empty_queue_and_no_chart(reader: Reader, tmp_path: Path) -> None:
    with_alarms = signals_page(_view(reader, EMPTY, Reviews(tmp_path / "reviews.sqlite"))).cards
    state, queue, log, *sums = with_alarms
    assert (log.name, log.table) == ("log", None)
    assert log.sentence.startswith("No signal arose, and nothing was found, agreed or closed. ")
    assert "0 new, 0 under review" in parsed(state.body[0]).text
    assert queue.table is None
    assert [card.name for card in sums] == [f"cusum-{measure}" for measure in HEADLINES]
    assert all(card.figure is None for card in sums)


_DUE = datetime.now(UTC).date() + timedelta(days=30)
_PLAN = Decision("change_of_care", "train_the_team", "surgical_lead", _DUE)
_DECIDED: dict[State, Decision] = {"explained": Decision("data_error"), "acting": _PLAN}


def _moved(reviews: Reviews, signal: str, *states: State) -> None:
    for after, to in enumerate(states):
        reviews.move(_SCOPE, Move(_SITE, signal, to, after, _DECIDED.get(to, Decision())))


def test_the_queue_says_who_moved_what_and_offers_the_moves_of_the_state(reader: Reader, tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "reviews.sqlite")
    first, second, third, fourth, fifth, *_ = (one.id for one in signals(reader, _SITE))
    _moved(reviews, first, "reviewing", "explained", "closed")
    _moved(reviews, second, "reviewing", "explained")
    _moved(reviews, third, "reviewing")
    _moved(reviews, fourth, "reviewing", "acting")
    state, queue, *_ = signals_page(_view(reader, _SITE, reviews)).cards
    assert "9 new, 1 under review" in parsed(state.body[0]).text
    assert "3 of these are concerning. 1 with an action, 1 explained, 1 closed." in str(state.body)
    assert queue.table is not None
    rows = list(queue.table.rows)
    assert [_cells(row)[4] for row in (*rows[:4], rows[-1])] == [
        "Explained: data error",
        "Under review",
        f"Action: train the team, surgical lead, due {wording.day(_DUE)} (finding: change of care)",
        "New",
        "Closed: data error",
    ]
    assert _cells(rows[0])[5].startswith(f"ada, {wording.day(datetime.now(UTC).date())}, ")
    assert _cells(rows[3])[5] == ""
    pressed = [[button.get("value") for button in _within(row[-1], "button")] for row in rows]
    assert pressed[:4] == [["closed", "reviewing"], ["explained", "acting"], ["closed", "reviewing"], ["reviewing"]]
    assert pressed[-1] == []
    asked = [
        [
            [select.get("name"), *[option.get("value") for option in select.all("option")]]
            for select in form.all("select")
        ]
        for form in _within(rows[1][-1], "form")
    ]
    finding = ["finding", "", *FINDINGS]
    assert asked == [[finding], [finding, ["action", "", *ACTIONS], ["owner", "", *OWNERS]]]
    (day,) = _within(rows[1][-1], "input")
    assert (day.get("name"), day.get("min")) == ("due", f"{datetime.now(UTC).date()}")
    assert [select.get("name") for select in _within(rows[2][-1], "select")] == ["outcome"]
    (form,) = _within(rows[3][-1], "form")
    assert f"signal={fifth.replace('/', '%2F')}&after=0&release=" in form.get("action")


def test_an_overdue_action_comes_first(reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews = Reviews(tmp_path / "reviews.sqlite")
    last = signals(reader, _SITE)[-1].id
    _moved(reviews, last, "reviewing", "acting")
    monkeypatch.setattr(pages, "today", lambda: _DUE + timedelta(days=1))
    state, queue, *_ = signals_page(_view(reader, _SITE, reviews)).cards
    assert queue.table is not None
    assert _cells(queue.table.rows[0])[4].startswith("Overdue. Action: train the team")
    assert "1 with an action (1 overdue)" in str(state.body)


def test_work_on_a_signal_that_is_found_no_more_stays_until_it_is_closed(reader: Reader, tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "reviews.sqlite")
    gone = f"{_SITE}/pain_12_months/run/2019-05"
    _moved(reviews, gone, "reviewing", "acting")
    _moved(reviews, f"{_SITE}/asd_rate/run/2020-01", "reviewing", "explained", "closed")
    cards = {card.name: card for card in signals_page(_view(reader, _SITE, reviews)).cards}
    earlier = cards["earlier"].table
    assert earlier is not None
    assert [_cells(row)[:3] for row in earlier.rows] == [
        [
            "Neck pain at 12 months",
            "Chart (run of 7 or more on one side of the average), May\u00a02019",
            f"Action: train the team, surgical lead, due {wording.day(_DUE)} (finding: change of care)",
        ]
    ]
    assert [button.get("value") for button in _within(earlier.rows[0][-1], "button")] == ["closed", "reviewing"]
    reviews.move(_SCOPE, Move(_SITE, gone, "closed", 2, Decision(outcome="improved")))
    assert "earlier" not in {card.name for card in signals_page(_view(reader, _SITE, reviews)).cards}


def test_a_signal_of_a_new_year_says_what_became_of_that_of_the_year_before(reader: Reader, tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "reviews.sqlite")
    last_year, now = (f"{_SITE}/pain_12_months/funnel/{year}" for year in (2025, 2026))
    _moved(reviews, f"{_SITE}/pain_12_months/funnel/2024", "reviewing", "explained", "closed")
    _moved(reviews, last_year, "reviewing", "acting")

    def stands() -> tuple[str, list[str], list[str]]:
        cards = {card.name: card for card in signals_page(_view(reader, _SITE, reviews)).cards}
        queue, earlier = cards["queue"].table, cards["earlier"].table
        assert queue is not None
        assert earlier is not None
        row = next(
            row for row in queue.rows if now.replace("/", "-") in {one.get("id") for one in _within(row[1], "span")}
        )
        ways = [link.get("href") for link in _within(row[4], "a")]
        return _cells(row)[4], ways, [_cells(each)[1] for each in earlier.rows]

    plan = f"train the team, surgical lead, due {wording.day(_DUE)} (finding: change of care)"
    there = [f"#{last_year.replace('/', '-')}"]
    assert stands() == (f"New. Work on this since the signal of 2025 is open: {plan}.", there, ["Funnel, 2025"])
    _moved(reviews, now, "reviewing")
    assert stands()[0].startswith("Under review. Work on this since the signal of 2025 is open:")
    reviews.move(_SCOPE, Move(_SITE, last_year, "closed", 2, Decision(outcome="improved")))
    closed = f"was closed on {wording.day(datetime.now(UTC).date())}: change of care, improved."
    assert stands() == (f"Under review. Work on this since the signal of 2025 {closed}", there, ["Funnel, 2025"])
    reviews.move(_SCOPE, Move(_SITE, now, "explained", 1, Decision("chance")))
    cards = {card.name: card for card in signals_page(_view(reader, _SITE, reviews)).cards}
    assert "earlier" not in cards


@pytest.mark.parametrize(
    "other", ["pain_12_months/run/2025-01", "pain_12_months/funnel/2027", "revision_2_years/funnel/2025"]
)
def test_work_on_something_else_is_not_that_of_the_year_before(reader: Reader, other: str) -> None:
    signal = signals(reader, _SITE)[0]
    assert (
        earlier_work(signal, {f"{_SITE}/{other}": Review("acting", _PLAN, "ada", "2025-01-01T00:00:00+00:00", 2)})
        is None
    )


@pytest.mark.parametrize("role", ["clinical", "quality"])
def test_every_signal_leads_to_its_patients_who_may_see_them(tmp_path: Path, role: Role) -> None:
    write_release(tmp_path)
    view = replace(_view(reader_of(tmp_path, _SITE, role=role), _SITE), has_cases=True)
    queue = signals_page(view).cards[1]
    assert queue.table is not None
    led = [any(link.text == "Patients" for link in _within(row[3], "a")) for row in queue.table.rows]
    assert set(led) == {role == "clinical"}


def test_a_queue_on_paper_has_nothing_to_press(reader: Reader) -> None:
    queue = signals_page(_view(reader, _SITE)).cards[1]
    assert queue.table is not None
    assert not [form for row in queue.table.rows for form in _within(row[-1], "form")]


def test_each_headline_outcome_has_both_charts_with_a_table(reader: Reader) -> None:
    cards = {card.name: card for card in signals_page(_view(reader, _SITE)).cards}
    assert "signals in 2 of 2 months; the latest is June\u00a02025" in cards["cusum-asd_2_years"].sentence
    assert "signals in 1 of 1 year;" in cards["cusum-revision_2_years"].sentence
    excess = cards["excess-asd_2_years"].sentence
    assert "(6 observed, 5.0 expected)" in excess
    assert "Alarm in June\u00a02025: by then the outcomes fitted half the expected rate much better" in excess
    for name in ("cusum-asd_2_years", "excess-asd_2_years", "cusum-revision_2_years", "excess-revision_2_years"):
        table = cards[name].table
        assert cards[name].figure is not None
        assert table is not None
        assert all(len(row) == len(table.head) for row in table.rows)


def _point(period: str, upper: float, lower: float, signal: str | None = None) -> CusumPoint:
    sums = {"cusum_upper": upper, "threshold_upper": 5.0, "cusum_lower": lower, "threshold_lower": 4.0}
    return a(CusumPoint, index_period=period, patients=10, observed=2, expected=1.5, vlad=-0.5, **sums, signal=signal)


def test_sums_are_drawn_away_from_zero_with_their_thresholds_and_marked_where_they_signal() -> None:
    points = [_point("2025-01", 5.5, 0.5, "upper"), _point("2025-02", 0.2, 4.1, "lower"), _point("2025-03", 1, 1)]
    figure = cusum_chart(points, "lower_is_better")
    _, above, below, upper, lower, concerning, improving = figure["data"]
    assert (above["y"], below["y"]) == ([5.0, 5.0], [-4.0, -4.0])
    assert (upper["y"], lower["y"]) == ([5.5, 0.2, 1], [-0.5, -4.1, -1])
    assert lower["text"] == ["0.5", "4.1", "1.0"]
    assert (concerning["x"], concerning["y"]) == (["2025-01"], [5.5])
    assert (concerning["marker"]["symbol"], concerning["marker"]["color"]) == ("triangle-up", style.VERMILION)
    assert (improving["x"], improving["y"]) == (["2025-02"], [-4.1])
    assert (improving["marker"]["symbol"], improving["marker"]["color"]) == ("circle-open", style.BLUE)
    names = {note["text"]: note["y"] for note in figure["layout"]["annotations"]}
    assert (names["signal: more"], names["signal: fewer"]) == (5.0, -4.0)
    low, high = figure["layout"]["yaxis"]["range"]
    assert low < -4.1
    assert high > 5.5


def test_years_are_an_axis_of_years() -> None:
    points = [_point(str(year), 1, 1, "both") for year in range(2015, 2026)]
    figure = cusum_chart(points, "higher_is_better")
    assert figure["layout"]["xaxis"]["tickvals"] == ["2015", "2018", "2021", "2024"]
    assert figure["data"][3]["hovertemplate"].startswith("%{x|%Y}:")
    assert [mark["marker"]["color"] for mark in figure["data"][5:]] == [style.BLUE, style.VERMILION]
    assert "Year of fusion" in [note["text"] for note in excess_chart(points, "neutral")["layout"]["annotations"]]


def test_more_patients_than_expected_are_drawn_upwards_and_marked_where_the_sum_signals() -> None:
    points = [replace(_point("2025-01", 5.5, 0.5, "upper"), vlad=-3.26), replace(_point("2025-02", 1, 1), vlad=0.0)]
    line, mark = excess_chart(points, "lower_is_better")["data"]
    assert line["y"] == [3.3, 0.0]
    assert (mark["x"], mark["y"], mark["marker"]["symbol"]) == (["2025-01"], [3.3], "triangle-up")


@pytest.mark.parametrize(
    ("vlad", "said"),
    [
        (2.26, "2.3 fewer patients than expected"),
        (-11.0, "11.0 more patients than expected"),
        (0.04, "as many patients as expected"),
        (-0.04, "as many patients as expected"),
    ],
)
def test_expected_minus_observed_is_said_without_a_sign(vlad: float, said: str) -> None:
    assert said_net(vlad) == said


def test_every_code_of_the_queue_has_words() -> None:
    assert [wording.rules(method) for method in ("outside", "run", "trend", "near")]
    assert all(wording.rules(f"cusum_{side}") for side in ("upper", "lower", "both"))
    assert all(wording.rules(f"funnel_{side}") for side in ("more", "fewer"))
    assert all("_" not in wording.in_words(code) for code in (*FINDINGS, *ACTIONS, *OWNERS, *OUTCOMES, *STATES))
