"""What sqlglot alone would change on the way from DuckDB's SQL to Spark's."""

import pytest

from outcomes.sql.transpile import spark_select, spark_type


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("select 100.0 * a / b as c from t", "SELECT CAST(100.0 AS DOUBLE) * a / b AS c FROM t"),
        (
            "select concat(a, '-') as c from t",
            "SELECT CONCAT(COALESCE(CAST(a AS STRING), ''), '-') AS c FROM t",
        ),
        ("select len(kinds) as a, length(name) as b from t", "SELECT SIZE(kinds) AS a, LENGTH(name) AS b FROM t"),
        (
            "select min(a) as a from t group by b having count(distinct a) = 1",
            "SELECT MIN(a) AS a FROM t GROUP BY b HAVING COUNT(DISTINCT t.a) = 1",
        ),
    ],
)
def test_a_statement_says_the_same_to_spark(select: str, expected: str) -> None:
    assert spark_select(select, lists={"kinds"}) == expected


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("ENUM('yes', 'no')", "string"),
        ("HUGEINT", "decimal(38, 0)"),
        ("BIGINT", "BIGINT"),
        ("VARCHAR[]", "ARRAY<STRING>"),
    ],
)
def test_a_type_has_its_name_in_spark(duckdb_type: str, expected: str) -> None:
    assert spark_type(duckdb_type) == expected
