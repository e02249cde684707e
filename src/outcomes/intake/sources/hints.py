"""Answers that look as if a mapping took them for something else: hints of a dry run, which refuse nothing.

All are of many visits together, so they tell counts and columns, and no value of a record.
"""

from collections.abc import Iterator
from itertools import combinations

import duckdb

FEWEST_VISITS = 50
"""As in rule FUP-044: of fewer visits it may well be chance."""

_LEVELS_OF_3L = 3
_ONE_TOO_MANY = 6
"""What an item of the NDI can be only where it is stored from 1."""

_CLEAR = 0.3
"""A correlation of two scores that is clearly none of chance."""

_NRS = ("neck_pain_nrs", "arm_pain_nrs")
_NDI_ITEMS = [f"ndi_item_{item}" for item in range(1, 11)]
_EQ5D_ITEMS = [f"eq5d_{item}" for item in range(1, 6)]
_WORSE_WHEN_GREATER = {
    **dict.fromkeys(("neck_pain_nrs", "arm_pain_nrs", "ndi_total", "promis_pi_t", "satisfaction"), True),
    **dict.fromkeys(("mjoa_total", "eq_vas", "promis_pf_t"), False),
}
"""Scores of one visit that tell much the same, and which way."""


def hints(con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """What a person should look at in the follow-ups that would be delivered.

    Args:
        con: a connection with the contract table `follow_ups`, of text cells.
    """
    con.execute(f"create or replace temp view answers as {_ANSWERS}")
    found = [*_three_levels(con), *_items_from_one(con), *_millimetres(con), *_against_each_other(con)]
    con.execute("drop view answers")
    return tuple(found)


def _number(column: str) -> str:
    return f"case when try_cast({column} as double) between 0 and 100 then try_cast({column} as double) end"


_ANSWERS = (
    "select "
    + ", ".join(
        f"{_number(column)} as {column}"
        for column in dict.fromkeys([*_NDI_ITEMS, *_EQ5D_ITEMS, *_WORSE_WHEN_GREATER])
        if column != "ndi_total"
    )
    + f", coalesce({_number('ndi_total')} / case when ndi_unit ilike 'percent' then 2 else 1 end, "
    + f"{' + '.join(map(_number, _NDI_ITEMS))}) as ndi_total, "
    + "coalesce(eq5d_version ilike '%3L%', false) as is_3l from follow_ups"
)


def _three_levels(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """An EQ-5D-3L that is taken for a 5L."""
    visits, greatest = con.execute(
        f"select count({_any(_EQ5D_ITEMS)}), max(greatest({', '.join(_EQ5D_ITEMS)})) from answers where not is_3l"
    ).fetchall()[0]
    if visits >= FEWEST_VISITS and greatest <= _LEVELS_OF_3L:
        yield (
            f"no answer to the EQ-5D-5L is above 3 at {visits:,} visits: is it the EQ-5D-3L? "
            'Then eq5d_version = { constant = "3L" }'
        )


def _items_from_one(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Items of the NDI that are stored from 1 to 6."""
    visits, least, greatest = con.execute(
        f"select count({_any(_NDI_ITEMS)}), min(least({', '.join(_NDI_ITEMS)})), "
        f"max(greatest({', '.join(_NDI_ITEMS)})) from answers"
    ).fetchall()[0]
    if visits and least >= 1 and (greatest == _ONE_TOO_MANY or visits >= FEWEST_VISITS):
        yield (
            f"no item of the NDI is 0 at {visits:,} visits{', and some are 6' * (greatest == _ONE_TOO_MANY)}: "
            "are the items stored from 1 to 6? Then offset = -1 at each"
        )


def _millimetres(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Pain that was marked on a line of 100 mm."""
    for column in _NRS:
        answers, above = con.execute(
            f"select count({column}), count(*) filter (where {column} > 10) from answers"
        ).fetchall()[0]
        if 2 * above > answers:
            yield f"{column} is above 10 at {above:,} of {answers:,} visits: is it of 0 to 100? Then scale = 0.1"


def _against_each_other(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Scores that fall where they should rise together, or rise where one should fall: one of them may be reversed."""
    pairs = list(combinations(_WORSE_WHEN_GREATER, 2))
    counts = ", ".join(f"count({one} + {other}), corr({one}, {other})" for one, other in pairs)
    found = con.execute(f"select {counts} from answers").fetchall()[0]
    for (one, other), visits, correlation in zip(pairs, found[::2], found[1::2], strict=True):
        is_alike = _WORSE_WHEN_GREATER[one] == _WORSE_WHEN_GREATER[other]
        if visits >= FEWEST_VISITS and correlation is not None and (-correlation if is_alike else correlation) > _CLEAR:
            yield (
                f"{one} and {other} should {'rise together' if is_alike else 'go against each other'} and do not, "
                f"at {visits:,} visits: is one of them reversed? Then reverse"
            )


def _any(columns: list[str]) -> str:
    return f"coalesce({', '.join(columns)})"
