"""DuckDB's SQL of `sql/` as Spark's: mended where sqlglot alone would change what a statement says."""

from collections.abc import Collection

from sqlglot import exp, parse_one

_OF_DUCKDB = {"HUGEINT": "decimal(38, 0)"}
"""Types that Spark has not, and what holds the same values there."""


def spark_select(select: str, lists: Collection[str]) -> str:
    """A select statement in Spark's SQL.

    Args:
        select: the statement in DuckDB's SQL.
        lists: the columns of the relations it reads that hold lists.
    """
    tree = parse_one(select, read="duckdb")
    # A number with a point is a decimal there, and a quotient of decimals is cut after some places.
    for number in list(tree.find_all(exp.Literal)):
        if number.is_number and not number.is_int:
            number.replace(exp.cast(number.copy(), "double"))
    # sqlglot puts an empty text in the place of a null, which fits no number.
    for concat in tree.find_all(exp.Concat):
        concat.set("expressions", [part if part.is_string else exp.cast(part, "text") for part in concat.expressions])
    for length in list(tree.find_all(exp.Length)):
        if length.this.name in lists:
            length.replace(exp.ArraySize(this=length.this))
    # Sail reads a bare name in `having` as what the select calls so, even inside an aggregate.
    for having in tree.find_all(exp.Having):
        source = having.parent_select.args["from_"].alias_or_name if having.parent_select else None
        for column in having.find_all(exp.Column):
            if not column.table and column.find_ancestor(exp.AggFunc):
                column.set("table", exp.to_identifier(source))
    return tree.sql(dialect="spark", comments=False)


def spark_type(duckdb_type: str) -> str:
    """Spark's name of a type; a word of a closed list is text there."""
    if duckdb_type.startswith("ENUM"):
        return "string"
    return _OF_DUCKDB.get(duckdb_type) or exp.DataType.build(duckdb_type, dialect="duckdb").sql(dialect="spark")
