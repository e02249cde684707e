"""Which columns decide each column of a statement."""

import pytest

from outcomes.sql.columns import decided_by, relations_named

RELATIONS = {"a": ["x", "y", "z"], "b": ["x", "w"]}


@pytest.mark.parametrize(
    ("select", "columns", "rows"),
    [
        ("select x + y as s from a", {"s": {"a.x", "a.y"}}, set()),
        ("select x from a where y > 1", {"x": {"a.x"}}, {"a.y"}),
        ("select a.y, b.w from a left join b on a.x = b.x", {"y": {"a.y"}, "w": {"b.w"}}, {"a.x", "b.x"}),
        ("select x, count(*) as n from a group by x having max(y) > 1", {"x": {"a.x"}, "n": set()}, {"a.x", "a.y"}),
        ("with c as (select x, y as v from a where z) select v from c", {"v": {"a.y"}}, {"a.z"}),
        ("select x from a union all select w from b where x = 1", {"x": {"a.x", "b.w"}}, {"b.x"}),
        ("select max(x) over (partition by y) as m from a", {"m": {"a.x", "a.y"}}, set()),
        ("select x from a where exists (select 1 from b where b.x = a.y)", {"x": {"a.x"}}, {"b.x", "a.y"}),
        ("select x from a where z in (select w from b)", {"x": {"a.x"}}, {"a.z", "b.w"}),
        ("select s.v from (select y as v from a where x = 1) as s", {"v": {"a.y"}}, {"a.x"}),
        ("select (select max(w) from b where b.x = a.x) as m from a", {"m": {"b.w", "b.x", "a.x"}}, set()),
        ("select distinct on (z) x from a", {"x": {"a.x"}}, {"a.z"}),
        ("select x from a qualify row_number() over (partition by y order by z) = 1", {"x": {"a.x"}}, {"a.y", "a.z"}),
        ("select * from b", {"x": {"b.x"}, "w": {"b.w"}}, set()),
        ("with c as (select x from a), d as (select x from c) select d.x from d", {"x": {"a.x"}}, set()),
        ("select a.x from a inner join b using (x)", {"x": {"a.x"}}, {"a.x", "b.x"}),
        ("select 1 as one", {"one": set()}, set()),
    ],
)
def test_sources_of_columns_and_rows(select: str, columns: dict[str, set[str]], rows: set[str]) -> None:
    decided = decided_by(select, RELATIONS)
    assert {name: set(map(".".join, found)) for name, found in decided.columns.items()} == columns
    assert set(map(".".join, decided.rows)) == rows
    assert decided.everything == decided.rows.union(*decided.columns.values())


def test_relations_are_named_wherever_they_stand() -> None:
    select = "with c as (select x from a) select x from c where exists (select 1 from b)"
    assert relations_named(select) == {"a", "b", "c"}
