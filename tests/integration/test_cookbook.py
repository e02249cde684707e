"""The cookbook: each query on the page, in SQL and in Python, gives what the page shows beside it."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pytest

import outcomes
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import research_marts
from scripts.docs import DOCS, cookbook


class Recipe(NamedTuple):
    title: str
    sql: str
    shown: str
    python: str
    r: str


def _recipes() -> list[Recipe]:
    """What the page holds, as a reader would copy it."""
    sections = re.split(r"^## \d+\. ", (DOCS / "cookbook.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    pattern = r"```sql\n(.*?)\n```\n\n(\|.*?\|)\n\n```python\n(.*?)\n```\n\n```r\n(.*?)\n```"
    found = []
    for section in sections:
        parts = re.search(pattern, section, flags=re.DOTALL)
        assert parts, section
        found.append(Recipe(section.partition("\n")[0], *parts.groups()))
    return found


RECIPES = _recipes()


@pytest.fixture(scope="module")
def settings(documented_registry: Settings) -> Settings:
    return documented_registry


@pytest.fixture(scope="module")
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with outcomes.connect(settings=settings) as connection:
        yield connection


def test_the_page_is_not_stale(settings: Settings) -> None:
    stored = (DOCS / "cookbook.md").read_text(encoding="utf-8")
    assert stored == cookbook.page(settings), "run `python -m scripts.docs`"


def test_there_are_ten_recipes_and_all_are_on_the_page() -> None:
    assert [recipe.title for recipe in RECIPES] == [recipe.header["title"] for recipe in cookbook.recipes()]
    assert len(RECIPES) >= 10


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_the_sql_gives_what_is_shown(con: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    found = con.execute(recipe.sql)
    rows = found.fetchall()
    assert rows
    assert cookbook.shown([column[0] for column in found.description], rows) == recipe.shown


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_the_python_gives_what_the_sql_gives(
    settings: Settings, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> None:
    found = con.execute(recipe.sql)
    monkeypatch.setenv("OUTCOMES_HOME", str(settings.home))
    names: dict[str, Any] = {}
    exec(recipe.python, names)  # the page's own text
    result: pd.DataFrame = names["result"]
    assert list(result.columns) == [column[0] for column in found.description]
    # Halves are rounded up in SQL and to even in pandas: the last decimal may differ by one.
    expected = [
        tuple(pytest.approx(value, abs=0.1001) if isinstance(value, float) else value for value in row)
        for row in found.fetchall()
    ]
    assert list(result.itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize("recipe", cookbook.recipes(), ids=lambda recipe: recipe.name)
def test_the_lines_for_r_name_the_marts_of_the_query(con: duckdb.DuckDBPyConnection, recipe: Any) -> None:
    needed = set(recipe.needs)
    assert needed <= {mart.name for mart in research_marts()}
    assert needed == con.get_table_names(recipe.select)
