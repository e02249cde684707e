"""First screens of a few drawn registries: silent where nothing has changed, outspoken where a site was made unlike."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks._published import FIGURES, figures_table
from benchmarks._registries import measured_registry
from benchmarks.calibration import (
    PATIENTS,
    SCENARIOS,
    SHOWN_BY,
    Outcome,
    charts_table,
    outcome,
    published,
    share_named,
    share_telling,
    stories_table,
)
from dashboards.pages.standing_out import MOST_SENTENCES
from dashboards.server import create_app
from dashboards.settings import DashboardSettings
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from outcomes.synthetic.stories import Story
from tests.support.dashboard_release import write_release_of
from tests.support.html_tree import Element, figures, parsed

PLAIN = {scenario.name: scenario for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def registry() -> Iterator[duckdb.DuckDBPyConnection]:
    """A measured registry in which nothing has changed."""
    with measured_registry(seed=1, profiles=PLAIN["null"].profiles(), patients=2500) as con:
        yield con


@pytest.fixture(scope="module")
def unchanged(registry: duckdb.DuckDBPyConnection) -> list[Outcome]:
    """What is published of this and of a second registry."""
    return [published(registry, [], 0), outcome(PLAIN["null"], 2, patients=2500)]


@pytest.fixture(scope="module")
def unlike() -> list[Outcome]:
    return [outcome(PLAIN["outlier"], seed) for seed in (1, 2)]


def test_where_nothing_has_changed_first_screens_name_at_most_2_percent(unchanged: list[Outcome]) -> None:
    assert sum(len(one.charted) for one in unchanged) > 500
    assert share_named(unchanged) <= 0.02


@pytest.mark.long
def test_the_planted_sites_are_named(unlike: list[Outcome]) -> None:
    assert [(story.site_id, story.risk) for story in unlike[0].stories] == [("dogwood", "pain"), ("elm", "revision")]
    assert share_telling(unlike) == 1


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> list[Story]:
    """The stories of the demo: they depend on seed and sites only, so a small registry's answer key lists them."""
    settings = Settings(home=tmp_path_factory.mktemp("planted"))
    synthesize(settings, patients=60, months=0, faults=False)
    return [Story(**row) for row in pq.read_table(settings.answer_key / "stories.parquet").to_pylist()]


@pytest.fixture(scope="module")
def demo(planted: list[Story]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A measured registry with the stories of the demo."""
    with measured_registry(seed=1, profiles=PLAIN["all"].profiles(), patients=PATIENTS, stories=planted) as con:
        yield con


def test_in_the_demo_every_planted_site_is_named_and_no_site_has_two_false_alarms(
    demo: duckdb.DuckDBPyConnection, planted: list[Story]
) -> None:
    told = {story.site_id for story in planted if story.risk in SHOWN_BY}
    assert told == {"birch", "cedar", "dogwood", "elm", "fir"}
    found = published(demo, planted, 0)
    assert all(found.tells()), found.named
    assert not found.has_several_at_one_site(), found.false_alarms()
    # So each of them is a sentence of its first screen.
    assert max(Counter(site for site, _ in found.named).values()) <= MOST_SENTENCES


def test_in_the_demo_every_planted_story_is_three_clicks_from_its_chart_its_signal_and_its_patients(
    demo: duckdb.DuckDBPyConnection, planted: list[Story], tmp_path: Path
) -> None:
    names = {profile.site_id: profile.name for profile in PLAIN["all"].profiles()}
    write_release_of(tmp_path, demo, names)
    browser = create_app(Settings(home=tmp_path), DashboardSettings(cases=True)).test_client()

    def follow(link: str) -> Element:
        answer = browser.get(link)
        assert answer.status_code == 200, link
        return parsed(answer.get_data(as_text=True))

    for story in (story for story in planted if story.risk in SHOWN_BY):
        name, measure = names[story.site_id], SHOWN_BY[story.risk]
        (sentence,) = [
            one for one in _sentences(follow(f"/?site={story.site_id}")) if f"/measure/{measure}?" in str(one)
        ]
        to_measure, to_signal = sentence

        page = follow(to_measure)
        title = next(page.all("h1")).text
        charts = {card.get("id"): card for card in page.all("section")}
        assert re.search(f"{re.escape(title)} at {name} is (higher|lower) than expected", charts["funnel"].text)
        # Cedar gives years alone, of which there is no chart by month.
        assert len(figures(charts["trend"])) == (story.site_id != "cedar")

        queue, anchor = follow(to_signal), urlsplit(to_signal).fragment
        (row,) = [row for row in queue.all("tr") if any(one.get("id") == anchor for one in row.all("span"))]
        assert row.text.startswith(f"{title}Special cause, concerning"), row.text
        patients = follow(next(link.get("href") for link in row.all("a") if link.text == "Patients"))
        (card,) = [card for card in patients.all("section") if card.get("id") == "patients"]
        assert f"{name}: {title}" in card.text
        assert len([*card.all("tr")]) > 10


def _sentences(first_page: Element) -> Iterator[list[str]]:
    """Where the links of each sentence of *Look at this* lead."""
    (listed,) = [one for one in first_page.all("ol") if one.get("class") == "standing-out"]
    return ([link.get("href") for link in sentence.all("a")] for sentence in listed.all("li"))


@pytest.mark.long
def test_the_tables_have_a_row_of_each_scenario_and_chart(unchanged: list[Outcome], unlike: list[Outcome]) -> None:
    rows = list(stories_table({"null": unchanged, "outlier": unlike}))
    assert [row.split(" | ")[1] for row in rows[2:]] == ["2", "2"]
    assert [row.count("|") for row in rows] == [7, 7, 7, 7]
    assert len(list(charts_table(unchanged))) == 9


def test_every_published_figure_has_one_of_the_registry_beside_it(registry: duckdb.DuckDBPyConnection) -> None:
    rows = [row.strip("| ").split(" | ") for row in figures_table(registry)][2:]
    assert len(rows) == len(FIGURES)
    assert all(float(simulated) > 0 for *_, simulated, _ in rows)
