"""Hints of a dry run: what answers look like when a mapping took them for something else."""

import duckdb
import pytest

from outcomes.contract import TABLES
from outcomes.intake.sources.hints import hints

EQ5D = "eq5d_1,eq5d_2,eq5d_3,eq5d_4,eq5d_5"


@pytest.mark.parametrize(
    ("header", "answers", "hint"),
    [
        (EQ5D, ["1,2,1,3,2"] * 50, "no answer to the EQ-5D-5L is above 3 at 50 visits: is it the EQ-5D-3L?"),
        (EQ5D, ["1,2,1,3,2"] * 49, None),
        (EQ5D, [*["1,2,1,3,2"] * 49, "1,1,4,1,1"], None),
        (f"{EQ5D},eq5d_version", ["1,2,1,3,2,3L"] * 50, None),
        ("ndi_item_1,ndi_item_2", ["1,6"] * 3, "no item of the NDI is 0 at 3 visits, and some are 6: are the items"),
        ("ndi_item_1,ndi_item_2", ["1,5"] * 50, "no item of the NDI is 0 at 50 visits: are the items stored from"),
        ("ndi_item_1,ndi_item_2", ["1,5"] * 49, None),
        ("ndi_item_1,ndi_item_2", ["0,6"] * 50, None),
        ("neck_pain_nrs", ["70", "12", "0"], "neck_pain_nrs is above 10 at 2 of 3 visits: is it of 0 to 100?"),
        ("arm_pain_nrs", ["70", "7", "0"], None),
        (
            "neck_pain_nrs,ndi_total",
            [f"{place % 10},{50 - place % 10}" for place in range(50)],
            "neck_pain_nrs and ndi_total should rise together and do not, at 50 visits: is one of them reversed?",
        ),
        (
            "neck_pain_nrs,eq_vas",
            [f"{place % 10},{50 + place % 10}" for place in range(50)],
            "neck_pain_nrs and eq_vas should go against each other and do not, at 50 visits: is one of them reversed?",
        ),
        ("neck_pain_nrs,ndi_total", [f"{place % 10},{place % 10}" for place in range(50)], None),
        ("neck_pain_nrs,ndi_total", [f"{place % 10},{50 - place % 10}" for place in range(49)], None),
        ("neck_pain_nrs,ndi_total", ["1,NaN", "inf,1e999", "x,"] * 40, None),
    ],
)
def test_answers_taken_for_something_else_are_hinted_at(header: str, answers: list[str], hint: str | None) -> None:
    names = ", ".join(f"{column.name} varchar" for column in TABLES["follow_ups"].columns)
    with duckdb.connect() as con:
        con.execute(f"create table follow_ups ({names})")
        rows = [[cell or None for cell in row.split(",")] for row in answers]
        marks = ", ".join("?" for _ in header.split(","))
        con.executemany(f"insert into follow_ups ({header}) values ({marks})", rows)
        found = hints(con)
    assert [one.startswith(hint or "") for one in found] == [True] * (hint is not None)


def test_nothing_delivered_hints_at_nothing() -> None:
    names = ", ".join(f"{column.name} varchar" for column in TABLES["follow_ups"].columns)
    with duckdb.connect() as con:
        con.execute(f"create table follow_ups ({names})")
        assert hints(con) == ()
