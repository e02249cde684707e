"""The page of the cookbook: each query of `docs/cookbook/` in SQL, Python and R, with what it gives."""

import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import outcomes
from outcomes.settings import Settings
from outcomes.sql.files import SqlFile, load
from scripts.docs.markdown import document, table
from scripts.docs.registry import PATIENTS, SEED, SITES

_FOLDER = Path(__file__).parents[2] / "docs" / "cookbook"

_IN_R = """\
library(duckdb)
con <- dbConnect(duckdb(), "data/releases/current/research.duckdb", read_only = TRUE)
result <- dbGetQuery(con, "select count(*) as patients from episodes")"""

_IN_R_FROM_PARQUET = """\
library(arrow)
library(duckdb)
con <- dbConnect(duckdb())
mart <- function(name) open_dataset(file.path("data/releases/current/parquet", paste0(name, ".parquet")))"""


@cache
def recipes() -> tuple[SqlFile, ...]:
    """The queries, in the order of the page."""
    return tuple(load(_FOLDER))


def python_of(recipe: SqlFile) -> str:
    """The same query with pandas; it leaves a data frame called `result`."""
    return recipe.path.with_suffix(".py").read_text(encoding="utf-8").strip()


def page(settings: Settings) -> str:
    """The queries with their results over the current release, which is that of the registry of the docs."""
    with outcomes.connect(settings=settings) as con:
        results = []
        for recipe in recipes():
            found = con.execute(recipe.select)
            results.append(shown([column[0] for column in found.description], found.fetchall()))
    return document(
        "Cookbook",
        "Questions that researchers ask of a release, each answered in SQL and in Python (pandas), with the lines that "
        "read the same tables in R. What the columns mean stands in the [codebook](codebook.md).",
        f"The figures are those of an invented registry ({PATIENTS:,} patients, {SITES} sites, seed {SEED}): they say "
        "nothing about real patients. A test runs every query on this page and compares. Over your own release, counts "
        "are exact: hide small ones before you publish.",
        'SQL runs with `outcomes query "…"` or over `outcomes.connect()`. In R, any DuckDB since 1.4 runs the same '
        "SQL:",
        _code("r", _IN_R),
        "or, over the Parquet files, after",
        _code("r", _IN_R_FROM_PARQUET),
        "registers the marts that a query names, with the lines shown at each.",
        *(part for number, recipe in enumerate(recipes()) for part in _recipe(number + 1, recipe, results[number])),
    )


def shown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A result as the page shows it."""
    return table(columns, ([_cell(value) for value in row] for row in rows))


def _recipe(number: int, recipe: SqlFile, result: str) -> tuple[str, ...]:
    return (
        f"## {number}. {recipe.header['title']}",
        f"*{recipe.header['question']}* {recipe.header['note'].strip()}",
        _code("sql", recipe.select),
        result,
        _code("python", python_of(recipe)),
        _code("r", "\n".join(f'duckdb_register_arrow(con, "{mart}", mart("{mart}"))' for mart in recipe.needs)),
    )


def _code(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _cell(value: object) -> str:
    """A number without the zeros behind its point, so that it reads the same from SQL and from pandas."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
