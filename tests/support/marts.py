"""Finding a mart's declaration by name."""

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


def column(mart: Mart, name: str) -> Column:
    """One of its columns."""
    return next(each for each in mart.columns if each.name == name)
