"""The page of the codebook: every mart of a release, and every column of it."""

from outcomes.sql.catalog.marts import Column, Mart, named_lists, protected_marts, research_marts
from scripts.docs.markdown import document, section, table

_SHOWN = 14
"""Values of a closed list that are written out; a longer one is shortened."""

_LIST_PAGES = {
    "labels": "any of [the labels](labels.md)",
    "measures": "any of [the measures](measures.md)",
    "tables": "any table of [the contract](contract.md)",
    "refusals": "any of [the exit codes](exit-codes.md) 10 to 39",
}


def page() -> str:
    """The marts of both files, as their declarations describe them."""
    return document(
        "Codebook",
        "Every table of a release, column by column. The same words stand in the release itself: in `datapackage.json` "
        "(the row-level marts) and `dashboard.datapackage.json` (the protected ones), with types and keys, and as "
        "comments in both databases. A blank unit belongs to a column that holds no number, `none` to a number that "
        "has none. Where values are listed, there are no others. Unless a column says what null means, null is "
        "*unknown*.",
        _marts("Row-level marts", "In `research.duckdb` and as Parquet: exact, for those who may see patients.", True),
        _marts("Protected marts", "In `dashboard.duckdb`: small counts are hidden, nothing names a patient.", False),
    )


def _marts(title: str, note: str, is_research: bool) -> str:
    marts = research_marts() if is_research else protected_marts()
    return section(title, note, *(part for mart in marts for part in _mart(mart)))


def _mart(mart: Mart) -> tuple[str, str, str]:
    return (
        f"### `{mart.name}`: {mart.title}",
        f"{mart.grain[0].upper()}{mart.grain[1:]}. Key: {', '.join(f'`{name}`' for name in mart.key)}.",
        table(
            ("column", "meaning", "unit", "values"),
            ((f"`{column.name}`", column.description, column.unit, _values(column)) for column in mart.columns),
        ),
    )


def _values(column: Column) -> str:
    for name, values in named_lists().items():
        if column.enum == values:
            return _LIST_PAGES[name]
    written = [f"`{value}`" for value in column.enum]
    return ", ".join(written if len(written) <= _SHOWN else [*written[: _SHOWN - 2], "…", written[-1]])
