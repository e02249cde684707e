"""First screens of a few drawn registries: silent where nothing has changed, outspoken where a site was made unlike."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from benchmarks._published import FIGURES, figures_table
from benchmarks._registries import measured_registry
from benchmarks.calibration import (
    SCENARIOS,
    SHOWN_BY,
    Outcome,
    Scenario,
    charts_table,
    outcome,
    published,
    share_named,
    share_telling,
    stories_table,
)
from dashboards.pages.standing_out import MOST_SENTENCES
from outcomes.settings import Settings
from outcomes.synthetic import synthesize
from outcomes.synthetic.stories import Story

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


def test_in_the_demo_every_planted_site_is_named_and_no_site_has_two_false_alarms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The answer key of a small registry lists the stories of the demo: they depend on seed and sites only.
    settings = Settings(home=tmp_path)
    synthesize(settings, patients=60, months=0, faults=False)
    stories = [Story(**row) for row in pq.read_table(settings.answer_key / "stories.parquet").to_pylist()]
    monkeypatch.setattr(Scenario, "stories", lambda *_: stories)
    demo = outcome(PLAIN["all"], seed=1)
    told = {story.site_id for story in stories if story.risk in SHOWN_BY}
    assert told == {"birch", "cedar", "dogwood", "elm", "fir"}
    assert all(demo.tells()), demo.named
    assert not demo.has_several_at_one_site(), demo.false_alarms()
    # So each of them is a sentence of its first screen, one click from its chart, two from its patients.
    assert max(Counter(site for site, _ in demo.named).values()) <= MOST_SENTENCES


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
