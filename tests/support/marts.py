"""Finding a mart's declaration by name, and tables as it declares them."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from outcomes.sql.catalog.marts import Column, Mart, protected_marts, research_marts


def exact(name: str) -> Mart:
    """The exact mart of this name."""
    return next(mart for mart in research_marts() if mart.name == name)


def protected(name: str) -> Mart:
    """The protected mart of this name."""
    return next(mart for mart in protected_marts() if mart.name == name)


def names(mart: Mart) -> list[str]:
    """Its columns, in order."""
    return [column.name for column in mart.columns]


_TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


def table(mart: Mart, rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows with the columns and the types of the mart; what a row does not state is null."""
    schema = pa.schema([(column.name, _TYPES[column.type]) for column in mart.columns])
    return pa.Table.from_pylist(list(rows), schema=schema)


def column(mart: Mart, name: str) -> Column:
    """One of its columns."""
    return next(each for each in mart.columns if each.name == name)
